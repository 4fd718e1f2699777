"""Hot start: does a genome only begin higher than a network without a bottleneck, or also learn faster?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evo.analysis.innate.battery import EVOLVED, LONG, TIMES, Battery
from evo.analysis.innate.curve_alignment import Curves, HotStart, hot_start, over_runs
from evo.analysis.innate.design import Design
from evo.analysis.innate.learning_rate import in_words
from evo.analysis.innate.sentence import number
from evo.analysis.report.section import Picture, Section, canvas
from evo.analysis.report.style import INNATE, QUIET

if TYPE_CHECKING:
    import pandas

_POINTS = 200  # of a curve that is drawn

_TERMS = {
    "run": "the run that the genome comes from",
    "verdict": "no higher start: the control begins as high; not reached: it does not come, to stay, to where the "
    "evolved genome begins; only a higher start: from equal score no difference was found; a steeper or a flatter "
    "curve: from equal score the evolved genome is above or below the control",
    "birth": "score at which the evolved genome begins",
    "head start": "how much of its life the control needs to come there, by a fit of its mean that never falls "
    "(isotonic regression)",
    "difference": "mean height of the evolved curve above the control's, from equal score over what both have left",
    "low": "lower end of the 95 % interval of the difference: bootstrap over the lives of both and over the samples of "
    "the examination, with birth and head start found anew in each replicate",
    "high": "upper end of that interval",
    "adrift": "share of these replicates in which the control does not come there; there is no interval if it is above "
    "2.5 %",
    "compared over": "steps or episodes that both have left from there",
    "network": "evolved genome, or control: a direct network of standard initialisation, whose life is ten times as "
    "long, at a learning rate of its own",
    "pace": "learning rate of the control, in multiples of the genome's, which has evolved for other weights: the one "
    "with the best mean of the learning curve on the selection split; empty where the rule has no learning rate of "
    "synapses: then the control lives with the plasticity of the genome, which may be a handicap",
    "lived": "steps or episodes lived",
    "mean": "main score, mean over lives",
}


def section(batteries: Sequence[Battery]) -> Section:
    """The comparison in every run."""
    title, unit = "Hot start", _unit(batteries[0].bench)
    if (why := _unfit(batteries[0].bench)) is not None:
        return Section("hot-start", title, (f"Learning curves are not compared: {why}.",), _TERMS)
    pairs = [(_curves(each, EVOLVED, 1), _curves(each, LONG, TIMES)) for each in batteries]
    found = [hot_start(*pair) for pair in pairs]
    last = pairs[0][1].lived[-1]
    paces = [each.paces[LONG] for each in batteries]
    said = [_sentence(found[0], unit, last, paces[0])] if len(found) == 1 else _sentences(found, paces)
    tables = {"verdicts": _verdicts(batteries, found), "curves": _frame(pairs)}
    return Section("hot-start", title, tuple(said), _TERMS, tables, {"curves": _picture(pairs, found, unit)})


def _unfit(bench: Design) -> str | None:
    """Why there are no curves to be compared."""
    lifetime = bench.experiment.lifetime
    if not bench.learns:
        within = any(condition.endswith("plastic") for condition in bench.measured)
        return "a life is its examination, and learning goes on within it" if within else "lives do not learn here"
    return lifetime.no_curve or None


def _unit(bench: Design) -> str:
    return f"{bench.experiment.lifetime.unit}s"


def _curves(battery: Battery, network: str, times: int) -> Curves:
    """Of the lives that did not fail."""
    lifetime, measured = battery.bench.life(times).lifetime, battery.lives[network]
    whole = np.isfinite(measured["curve"]).all(1)
    samples = measured["curve.resampled"][whole] if "curve.resampled" in measured else None
    return Curves(np.array(lifetime.points, dtype=np.float64), measured["curve"][whole], samples)


def _sentence(found: HotStart, unit: str, last: float, pace: float | None) -> str:
    control = f"a direct network that learns by the same rule {in_words(pace)}"
    if found.verdict == "no higher start":
        return f"The evolved genome starts at {number(found.birth)}, no higher than {control}."
    if found.verdict == "not reached":
        return (
            f"The evolved genome starts at {number(found.birth)}; {control}, did not get there, to "
            f"stay, within {last:,.0f} {unit}."
        )
    how = {
        "only a higher start": "no difference in steepness was found: only a higher start",
        "a steeper curve": "it then learns faster: a higher start and a steeper curve",
        "a flatter curve": "it then learns more slowly: a higher start and a flatter curve",
    }[found.verdict]
    gap, between = found.difference, " and no interval: a life alone has none"
    if np.isfinite(gap.low):
        between = f" [{gap.low:+.2g}, {gap.high:+.2g}]"
    elif found.adrift:
        between = f" and no interval: in {found.adrift:.0%} of the bootstrap's replicates the control never gets there"
    return (
        f"The evolved genome starts at {number(found.birth)}, where {control}, is after {found.head_start:,.1f} "
        f"{unit}; from equal score {how} (mean height over {found.span:,.0f} {unit}: {gap.mean:+.2g}{between})."
    )


def _sentences(found: Sequence[HotStart], paces: Sequence[float | None]) -> list[str]:
    """Of several runs: what was found how often, and the mean of those that could be compared."""
    counts = {
        verdict: sum(one.verdict == verdict for one in found) for verdict in dict.fromkeys(f.verdict for f in found)
    }
    said = [f"In {len(found)} runs: " + ", ".join(f"{verdict} in {count}" for verdict, count in counts.items()) + "."]
    known = [f"{times:g}" for times in paces if times is not None]
    rates = f"Its learning rate, tuned for it, is {', '.join(known)} times the genome's."
    said.append(rates if known else f"The control learns {in_words(None)}.")
    aligned = [one for one in found if np.isfinite(one.difference.mean)]
    if len(aligned) > 1:
        gap = over_runs(aligned)
        between = f" [{gap.low:+.2g}, {gap.high:+.2g}]" if np.isfinite(gap.low) else " (no interval)"
        said.append(
            f"From equal score the evolved curve is {gap.mean:+.2g}{between} above the "
            f"control's, mean over the {len(aligned)} runs in which they could be aligned."
        )
    return said


def _verdicts(batteries: Sequence[Battery], found: Sequence[HotStart]) -> pandas.DataFrame:
    import pandas

    return pandas.DataFrame(
        [
            {"run": each.bench.subject.name, "verdict": one.verdict, "birth": one.birth, "head start": one.head_start}
            | {"difference": one.difference.mean, "low": one.difference.low, "high": one.difference.high}
            | {"compared over": one.span, "adrift": one.adrift, "pace": each.paces[LONG]}
            for each, one in zip(batteries, found, strict=True)
        ]
    )


def _frame(pairs: Sequence[tuple[Curves, Curves]]) -> pandas.DataFrame:
    import pandas

    both = [(name, curves) for pair in pairs for name, curves in zip(("evolved genome", "control"), pair, strict=True)]
    rows = [(name, *point) for name, curves in both for point in zip(curves.lived, curves.mean, strict=True)]
    return pandas.DataFrame(rows, columns=["network", "lived", "mean"])


def _picture(pairs: Sequence[tuple[Curves, Curves]], found: Sequence[HotStart], unit: str) -> Picture:
    figure, (whole, aligned) = canvas(7.2, 3.2, columns=2)
    for (own, control), one in zip(pairs, found, strict=True):
        for curves, colour in ((control, QUIET), (own, INNATE)):
            whole.plot(curves.lived, curves.mean, color=colour, linewidth=1.6)
            spread = np.percentile(curves.scores, (10, 90), axis=0)
            whole.fill_between(curves.lived, *spread, color=colour, alpha=0.15, linewidth=0)
        whole.axhline(one.birth, color=INNATE, linewidth=0.8, linestyle=":")
        if np.isfinite(one.difference.mean):
            head = one.head_start + control.lived[0]
            after = np.linspace(0, one.span, _POINTS)
            aligned.plot(after, np.interp(head + after, control.lived, control.mean), color=QUIET, linewidth=1.6)
            aligned.plot(after, np.interp(own.lived[0] + after, own.lived, own.mean), color=INNATE, linewidth=1.6)
    whole.set_xscale("symlog", linthresh=1)
    first, last = pairs[0][1].lived[[0, -1]]
    whole.set(xlabel=f"{unit} lived", ylabel="main score", xlim=(first, last))
    aligned.set(xlabel=f"{unit} from equal score")
    if not aligned.lines:
        higher = all(one.verdict == "no higher start" for one in found)
        why = "the control begins as high" if higher else "never at equal score"
        aligned.text(0.5, 0.5, why, ha="center", color=QUIET, transform=aligned.transAxes)
        aligned.set_axis_off()
    for place, (name, colour) in enumerate((("evolved genome", INNATE), ("control", QUIET))):
        whole.text(0.97, 0.05 + 0.09 * place, name, color=colour, ha="right", transform=whole.transAxes)
    caption = (
        "Learning as it was lived (left), and with the control moved to where its score equals that at birth (right)."
    )
    return Picture(figure, caption)
