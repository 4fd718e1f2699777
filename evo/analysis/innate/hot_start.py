"""Hot start: tests whether a genome only begins higher than a network without a bottleneck, or also learns faster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evo.analysis.innate.battery import EVOLVED, LONG, TIMES, Battery
from evo.analysis.innate.curve_alignment import Curves, HotStart, hot_start, over_runs
from evo.analysis.innate.design import Design
from evo.analysis.innate.learning_rate import in_words
from evo.analysis.report.numbers import number
from evo.analysis.report.section import Picture, Section, canvas
from evo.analysis.report.style import INNATE, QUIET

if TYPE_CHECKING:
    import pandas

_POINTS = 200  # points of a drawn curve

_TERMS = {
    "run": "the run that the genome comes from",
    "verdict": "no higher start: the control begins as high; not reached: the control does not lastingly reach the "
    "score at which the evolved genome begins; only a higher start: from equal score on, no difference was found; a "
    "steeper or a flatter curve: from equal score on, the evolved genome is above or below the control",
    "birth": "score at which the evolved genome begins",
    "head start": "steps or episodes that the control needs to reach that score, by a monotone fit of its mean "
    "(isotonic regression)",
    "difference": "mean height of the evolved curve above that of the control, from equal score to the end of the "
    "shorter curve",
    "low": "lower end of the 95 % interval of the difference: bootstrap over the lives of both and over the samples of "
    "the examination; birth and head start are determined anew in each replicate",
    "high": "upper end of that interval",
    "adrift": "share of these replicates in which the control does not reach the score; above 2.5 % there is no "
    "interval",
    "compared over": "steps or episodes over which the curves are compared",
    "network": "evolved genome, or control: a direct network of standard initialisation with its own learning rate, "
    "whose life is ten times as long",
    "pace": "learning rate of the control, in multiples of the genome's, which has evolved for other weights: the one "
    "with the best mean of the learning curve on the selection split; empty if the rule has no learning rate of "
    "synapses: then the control has the plasticity of the genome, which may be a handicap",
    "lived": "steps or episodes since birth",
    "mean": "main score, mean over lives",
}


def section(batteries: Sequence[Battery]) -> Section:
    """Compares the learning curves of every run."""
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
    """Returns the reason why learning curves cannot be compared, or None if they can."""
    lifetime = bench.experiment.lifetime
    if not bench.learns:
        within = any(condition.endswith("plastic") for condition in bench.measured)
        return "a life is its examination, and learning goes on within it" if within else "lives do not learn here"
    return lifetime.no_curve or None


def _unit(bench: Design) -> str:
    return f"{bench.experiment.lifetime.unit}s"


def _curves(battery: Battery, network: str, times: int) -> Curves:
    """Returns the learning curves of the lives that did not fail."""
    lifetime, measured = battery.bench.life(times).lifetime, battery.lives[network]
    whole = np.isfinite(measured["curve"]).all(1)
    samples = measured["curve.resampled"][whole] if "curve.resampled" in measured else None
    return Curves(np.array(lifetime.points, dtype=np.float64), measured["curve"][whole], samples)


def _sentence(found: HotStart, unit: str, last: float, pace: float | None) -> str:
    control = f"a direct network that learns by the same rule {in_words(pace)}"
    if found.verdict == "no higher start":
        return f"The evolved genome starts at {number(found.birth)}, not higher than {control}."
    if found.verdict == "not reached":
        return (
            f"The evolved genome starts at {number(found.birth)}; {control}, did not lastingly reach that score "
            f"within {last:,.0f} {unit}."
        )
    how = {
        "only a higher start": "no difference in steepness was found: only a higher start",
        "a steeper curve": "it then learns faster: a higher start and a steeper curve",
        "a flatter curve": "it then learns more slowly: a higher start and a flatter curve",
    }[found.verdict]
    gap, between = found.difference, " and no interval: a single life has none"
    if np.isfinite(gap.low):
        between = f" [{gap.low:+.2g}, {gap.high:+.2g}]"
    elif found.adrift:
        between = f" and no interval: in {found.adrift:.0%} of the bootstrap replicates the control never reaches it"
    return (
        f"The evolved genome starts at {number(found.birth)}; {control}, reaches that score after "
        f"{found.head_start:,.1f} {unit}; from equal score on, {how} (mean height above the control over "
        f"{found.span:,.0f} {unit}: {gap.mean:+.2g}{between})."
    )


def _sentences(found: Sequence[HotStart], paces: Sequence[float | None]) -> list[str]:
    """Describes several runs: counts of the verdicts, and the mean difference of the runs that can be aligned."""
    counts = {
        verdict: sum(one.verdict == verdict for one in found) for verdict in dict.fromkeys(f.verdict for f in found)
    }
    said = [f"In {len(found)} runs: " + ", ".join(f"{verdict} in {count}" for verdict, count in counts.items()) + "."]
    known = [f"{times:g}" for times in paces if times is not None]
    rates = f"The control's learning rate, tuned for it, is {', '.join(known)} times the genome's."
    said.append(rates if known else f"The control learns {in_words(None)}.")
    aligned = [one for one in found if np.isfinite(one.difference.mean)]
    if len(aligned) > 1:
        gap = over_runs(aligned)
        between = f" [{gap.low:+.2g}, {gap.high:+.2g}]" if np.isfinite(gap.low) else " (no interval)"
        said.append(
            f"From equal score on, the evolved curve is {gap.mean:+.2g}{between} above that of the control (mean over "
            f"the {len(aligned)} runs in which the curves can be aligned)."
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
    caption = "Learning curves (left), and the same with the control shifted to the point of equal score (right)."
    return Picture(figure, caption)
