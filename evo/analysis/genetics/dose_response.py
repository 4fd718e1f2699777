"""Dose-response: scores of the genome with the strongest units scaled by 0 to 2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evo.analysis.genetics.variants import Part, Scored, Variants
from evo.analysis.report.section import Picture, canvas
from evo.analysis.report.style import CONDITIONS
from evo.analysis.report.wording import moment
from evo.analysis.statistics import Estimate, clear

_STRONGEST = 4
DOSES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""Factors on the value of a unit; 0 is the knock-out and 1 the genome itself."""


def doses(variants: Variants, singles: Scored, order: Sequence[int]) -> Part:
    """Measures the dose-response of the strongest units, in the conditions that were selected for.

    Args:
        variants: examines the variants of the genome.
        singles: scores of the genome, then without every single unit, on the test split.
        order: units to choose from, the strongest first; categories, and numbers that 0 does not silence, have no dose.
    """
    import pandas

    chosen = [k for k in order if variants.units.is_dosable(k)][:_STRONGEST]
    if not chosen:
        return Part(("No unit of this genome is a quantity that 0 silences, so there is no dose-response.",))
    given = [(k, dose) for k in chosen for dose in DOSES if dose not in (0.0, 1.0)]
    edits = np.stack([variants.units.dosed(k, dose) for k, dose in given])
    scores = singles.beside(variants.tested("doses", edits, judged=True))
    place = {pair: 1 + len(variants.units.each) + i for i, pair in enumerate(given)}
    place |= {(k, 0.0): k + 1 for k in chosen} | {(k, 1.0): 0 for k in chosen}
    found = {
        (condition, k): [scores.contrast(condition, {place[k, dose]: 1}) for dose in DOSES]
        for condition in variants.judged
        for k in chosen
    }
    rows = [
        {"unit": variants.units.each[k].name, "condition": moment(condition), "dose": dose}
        | {"score": one.mean, "low": one.low, "high": one.high}
        for (condition, k), curve in found.items()
        for dose, one in zip(DOSES, curve, strict=True)
    ]
    better = _better(variants, chosen)
    gains = {
        k: scores.contrast(variants.judged[0], {place[k, better[k]]: 1, 0: -1}) for k in chosen if better[k] != 1.0
    }
    sentence = _sentence(variants, better, gains)
    return Part((sentence,), {"doses": pandas.DataFrame(rows)}, {"doses": _picture(variants, chosen, found)})


def _better(variants: Variants, chosen: Sequence[int]) -> dict[int, float]:
    """Returns the best dose of each unit on the selection split; the test split then tests whether it is better."""
    edits = np.stack([variants.units.dosed(k, dose) for k in chosen for dose in DOSES])
    means = variants.ranked("doses", edits).means(variants.judged[0]).reshape(len(chosen), -1)
    lived = np.where(np.isfinite(means), means, -np.inf)
    # ties go to the dose of the genome itself
    lived[:, DOSES.index(1.0)] += 1e-9
    return {k: DOSES[int(best)] for k, best in zip(chosen, lived.argmax(1), strict=True)}


def _sentence(variants: Variants, better: dict[int, float], gains: dict[int, Estimate]) -> str:
    """Describes doses that are clearly better than that of the genome, or states that there are none."""
    what = f"{variants.experiment.main.replace('_', ' ')} {moment(variants.judged[0])}"
    sure = {k: gain for k, gain in gains.items() if gain.mean > 0 and clear(gain)}
    said = "Dose-response of the strongest units (doses are not limited to the range of the genes): "
    if not sure:
        return f"{said}no dose is clearly better for {what} than that of the genome."
    named = [
        f"{variants.units.each[k].name} at {better[k]:g} times its value in the genome gives {gain.mean:.3g} more "
        f"[{gain.low:.3g}, {gain.high:.3g}]"
        for k, gain in sure.items()
    ]
    return f"{said}{what}: {', '.join(named)}; chosen on the selection split, measured on the test split."


def _picture(variants: Variants, chosen: Sequence[int], found: dict[tuple[str, int], list[Estimate]]) -> Picture:
    figure, axes = canvas(7.2, 3.0, 1, len(chosen))
    for axis, k in zip(np.ravel(axes), chosen, strict=True):
        for condition in variants.judged:
            text, colour = CONDITIONS[condition]
            curve = found[condition, k]
            axis.fill_between(DOSES, [o.low for o in curve], [o.high for o in curve], color=colour, alpha=0.2, lw=0)
            axis.plot(DOSES, [o.mean for o in curve], color=colour, linewidth=1.6, label=text)
        axis.axvline(1.0, color="0.7", linewidth=0.8, linestyle=":")
        axis.set_title(variants.units.each[k].name.replace(" -> ", "\n-> "), fontsize=8)
        axis.set(xlabel="dose", ylim=_limits(found))
    first = np.ravel(axes)[0]
    first.set(ylabel=variants.experiment.main.replace("_", " "))
    figure.legend(*first.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return Picture(figure, "Score against the dose of a unit, with 95 % intervals; dotted: the genome itself.")


def _limits(found: dict[tuple[str, int], list[Estimate]]) -> tuple[float, float]:
    """Returns common limits of the y axis for all panels."""
    ends = [end for curve in found.values() for one in curve for end in (one.mean, one.low, one.high)]
    low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin
