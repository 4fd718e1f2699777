"""The minimal genome: fewest rules that keep 95 % of the score of a genome, after Hutchison et al. 2016 (Science)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.analysis.genetics.variants import Part, Scored, Variants
from evo.analysis.report.section import Picture, canvas
from evo.analysis.report.style import CONDITIONS
from evo.analysis.report.wording import moment, score

if TYPE_CHECKING:
    import pandas

_KEEP = 0.95
_ROUNDS = 8
_POINTS = 16


@final
@dataclass(frozen=True, eq=False)
class Minimal:
    """The minimal genome.

    Attributes:
        kept: the units that it keeps.
        part: its sentences, tables and pictures.
    """

    kept: frozenset[int]
    part: Part


def minimal(variants: Variants, order: Sequence[int]) -> Minimal:
    """Removes rules on the selection split, the least harmful first, and tests the rest on the test split.

    Args:
        variants: examines the variants of the genome.
        order: all units, the strongest first.
    """
    everybody = frozenset(range(len(variants.units.each)))
    members = [k for k in order if k in set(variants.units.main_kind)]
    full = variants.ranked("minimal genome", variants.units.without([()]))
    floor = {name: float(np.nanmean(s)) for name, s in variants.founders("selection", variants.judged).items()}
    above = {name: (floor[name], float(full.means(name)[0])) for name in variants.judged}
    above = {name: ends for name, ends in above.items() if ends[1] > ends[0]}
    if not above:
        said = "There is no minimal genome: the genome is not better than random genomes on the selection split."
        return Minimal(everybody, Part((said,)))
    path, enough = _removed(variants, members, above)
    table, sentence = _tested(variants, path, enough)
    picture = _picture(variants, table, len(path) - enough)
    return Minimal(everybody - set(path[:enough]), Part((sentence,), {"minimal": table}, {"minimal": picture}))


def shares(scores: Scored, above: dict[str, tuple[float, float]]) -> Float64[ndarray, " V"]:
    """Computes (score - random) / (full - random) in the worst condition; -inf for a variant without a score."""
    each = [(scores.means(name) - low) / (high - low) for name, (low, high) in above.items()]
    return np.nan_to_num(np.min(each, axis=0), nan=-np.inf)


def _removed(variants: Variants, members: list[int], above: dict[str, tuple[float, float]]) -> tuple[list[int], int]:
    """Returns all members in the order of their removal, and how many of them can be removed.

    A round removes as many members as possible at once, the least harmful first. Then the cost of each remaining member
    is measured anew.
    """
    out: list[int] = []
    left = members[::-1]
    for turn in range(_ROUNDS):
        if turn:
            alone = shares(variants.ranked("minimal genome", variants.units.without([[*out, k] for k in left])), above)
            left = [left[i] for i in np.argsort(-alone, kind="stable")]
        more = [[*out, *left[: k + 1]] for k in range(len(left))]
        fine = np.flatnonzero(shares(variants.ranked("minimal genome", variants.units.without(more)), above) >= _KEEP)
        if len(fine):
            out, left = more[fine[-1]], left[fine[-1] + 1 :]
        # the order of the first round is given, so only a later round without a removal ends the search
        if not left or (turn and not len(fine)):
            break
    return [*out, *left], len(out)


def _tested(variants: Variants, path: list[int], enough: int) -> tuple[pandas.DataFrame, str]:
    """Repeats the removal on the test split, at some points that include the minimal genome."""
    import pandas

    points = sorted({0, enough, len(path), *np.linspace(0, len(path), _POINTS).round().astype(int).tolist()})
    scores = variants.tested("minimal genome", variants.units.without([path[:k] for k in points]), judged=True)
    floor = {name: float(np.nanmean(s)) for name, s in variants.founders("test", variants.judged).items()}
    above = {name: (floor[name], float(scores.means(name)[0])) for name in variants.judged}
    share = shares(scores, {name: ends for name, ends in above.items() if ends[1] > ends[0]} or above)
    rows = []
    for place, k in enumerate(points):
        row: dict[str, float] = {"left": len(path) - k, "share": float(share[place])}
        for name in variants.judged:
            one = scores.contrast(name, {place: 1})
            text = moment(name)
            row |= {f"score {text}": one.mean, f"low {text}": one.low, f"high {text}": one.high}
        rows.append(row)
    here = points.index(enough)
    kind = variants.units.each[path[0]].kind
    main = variants.experiment.score
    reached = ", ".join(
        f"{score(main, scores.contrast(name, {here: 1}))} {moment(name)}, compared with "
        f"{score(main, scores.contrast(name, {0: 1}))} of the whole genome"
        for name in variants.judged
    )
    return pandas.DataFrame(rows), (
        f"Minimal genome: {len(path) - enough} of {len(path)} {kind}s are enough to keep {100 * _KEEP:.0f} % of the "
        "genome's advantage over random genomes on the selection split; on the test split they keep "
        f"{100 * share[here]:.0f} %: {reached}."
    )


def _picture(variants: Variants, table: pandas.DataFrame, enough: int) -> Picture:
    figure, axes = canvas(5.6, 3.4)
    for name in variants.judged:
        text, colour = CONDITIONS[name]
        low, high = table[f"low {text}"], table[f"high {text}"]
        axes.fill_between(table["left"], low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(table["left"], table[f"score {text}"], color=colour, linewidth=1.6, label=text)
    axes.axvline(enough, color="0.6", linewidth=0.8, linestyle=":")
    axes.invert_xaxis()
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel="units left", ylabel=variants.experiment.score.label)
    axes.legend(frameon=False, fontsize=8)
    return Picture(figure, "Score while units are removed, with 95 % intervals; dotted: the minimal genome.")
