"""Hot start: does a genome only begin higher, or also learn faster? Curves aligned where their scores are equal.

The comparison of Shuvaev et al. 2024 (PNAS 121:e2409160121), with an interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.figures import INNATE, QUIET
from evo.innate.battery import EVOLVED, LONG, TIMES, Battery
from evo.innate.bench import Bench
from evo.innate.sentence import number
from evo.report.section import Picture, Section, canvas
from evo.statistics import RESAMPLES, Estimate, mean_over_runs
from genomes.chance import chance
from inner_loop.lifetime import Lifetime

if TYPE_CHECKING:
    import pandas

Verdict = Literal["no higher start", "not reached", "only a higher start", "a steeper curve", "a flatter curve"]

_GRID = 201  # places at which aligned curves are compared

_TERMS = {
    "run": "the run that the genome comes from",
    "verdict": "no higher start: the control begins as high; not reached: it never comes to where the evolved genome "
    "begins; only a higher start: from equal score no difference was found; a steeper or a flatter curve: from equal "
    "score the evolved genome is above or below the control",
    "birth": "score at which the evolved genome begins",
    "head start": "how much of its life the control needs to come there, between two probes by linear interpolation",
    "difference": "mean height of the evolved curve above the control's, from equal score over what both have left",
    "low": "lower end of the 95 % interval of the difference, bootstrap over the lives of both; the chance of the "
    "samples of the examination, the same for both, is not in it",
    "high": "upper end of that interval",
    "compared over": "steps or episodes that both have left from there",
    "network": "evolved genome, or control: a direct network of standard initialisation, whose life is ten times as "
    "long",
    "lived": "steps or episodes lived",
    "mean": "main score, mean over lives",
}


@final
@dataclass(frozen=True, eq=False)
class Curves:
    """Learning curves of several lives.

    Attributes:
        lived: steps or episodes, ascending.
        scores: at each, a row a life.
    """

    lived: Float64[ndarray, " probes"]
    scores: Float64[ndarray, "lives probes"]

    @property
    def mean(self) -> Float64[ndarray, " probes"]:
        """Over lives."""
        return self.scores.mean(0)


@final
@dataclass(frozen=True)
class HotStart:
    """What the comparison of two sets of curves comes to.

    Attributes:
        verdict: in a word.
        birth: score at which the evolved curve begins.
        head_start: when the control's mean first is there; nan: never.
        difference: mean height of the evolved curve above the control's from equal score.
        span: how long they were compared.
    """

    verdict: Verdict
    birth: float
    head_start: float
    difference: Estimate
    span: float


def hot_start(evolved: Curves, control: Curves) -> HotStart:
    """Aligns two sets of curves at equal score and compares what follows."""
    birth = float(evolved.mean[0])
    head = _first_at(control.lived, control.mean, birth)
    nothing = Estimate(np.nan, np.nan, np.nan)
    if head == control.lived[0]:
        return HotStart("no higher start", birth, 0.0, nothing, np.nan)
    if np.isnan(head):
        return HotStart("not reached", birth, np.nan, nothing, np.nan)
    difference, span = _difference(evolved.lived, evolved.mean, control.lived, control.mean)
    again = []
    draws = chance(0, "hot start")
    ours, theirs = (
        draws.stream(name).integers(len(curves.scores), RESAMPLES, len(curves.scores))[0].numpy()
        for name, curves in (("evolved", evolved), ("control", control))
    )
    for one, other in zip(ours, theirs, strict=True):
        means = evolved.scores[one].mean(0), control.scores[other].mean(0)
        again.append(_difference(evolved.lived, means[0], control.lived, means[1])[0])
    low, high = (float(end) for end in np.nanpercentile(again, (2.5, 97.5)))
    verdict: Verdict = "a steeper curve" if low > 0 else "a flatter curve" if high < 0 else "only a higher start"
    return HotStart(verdict, birth, float(head - control.lived[0]), Estimate(difference, low, high), span)


def _first_at(lived: ndarray, heights: ndarray, height: float) -> float:
    """When a curve first is so high, by linear interpolation; nan: never."""
    reached = heights >= height
    if not reached.any():
        return float("nan")
    place = int(reached.argmax())
    return float(np.interp(height, heights[place - 1 : place + 1], lived[place - 1 : place + 1]) if place else lived[0])


def _difference(lived: ndarray, own: ndarray, theirs_lived: ndarray, theirs: ndarray) -> tuple[float, float]:
    """Mean height above the other curve from where that is as high as ours begins, and over how long."""
    head = _first_at(theirs_lived, theirs, own[0])
    span = float(min(lived[-1] - lived[0], theirs_lived[-1] - head))
    if np.isnan(head) or span == 0:
        return float("nan"), span
    grid = np.linspace(0, span, _GRID)
    away = np.interp(lived[0] + grid, lived, own) - np.interp(head + grid, theirs_lived, theirs)
    return float(np.trapezoid(away, grid) / span), span


def section(batteries: Sequence[Battery]) -> Section:
    """The comparison in every run."""
    title, unit = "Hot start", _unit(batteries[0].bench)
    if (why := _unfit(batteries[0].bench)) is not None:
        return Section("hot-start", title, (f"Learning curves are not compared: {why}.",), _TERMS)
    pairs = [(_curves(each, EVOLVED, 1), _curves(each, LONG, TIMES)) for each in batteries]
    found = [hot_start(*pair) for pair in pairs]
    last = pairs[0][1].lived[-1]
    said = [_sentence(found[0], unit, last)] if len(found) == 1 else _sentences(found)
    tables = {"verdicts": _verdicts(batteries, found), "curves": _frame(pairs)}
    return Section("hot-start", title, tuple(said), _TERMS, tables, {"curves": _picture(pairs, found, unit)})


def _unfit(bench: Bench) -> str | None:
    """Why there are no curves to be compared."""
    lifetime = bench.experiment.lifetime
    if not bench.learns:
        return "lives do not learn here"
    if isinstance(lifetime, Lifetime):
        return None
    if lifetime.episodes == 1:
        return "a life is one episode, and learning goes on within it"
    return None if lifetime.persist else "every episode of a life begins with the weights of birth"


def _unit(bench: Bench) -> str:
    return "steps" if isinstance(bench.experiment.lifetime, Lifetime) else "episodes"


def _curves(battery: Battery, network: str, times: int) -> Curves:
    """Of the lives that did not fail."""
    lifetime, scores = battery.bench.life(times).lifetime, battery.lives[network]["curve"]
    lived = lifetime.probed if isinstance(lifetime, Lifetime) else range(1, lifetime.episodes + 1)
    return Curves(np.array(lived, dtype=np.float64), scores[np.isfinite(scores).all(1)])


def _sentence(found: HotStart, unit: str, last: float) -> str:
    control = "a direct network that learns by the same rule"
    if found.verdict == "no higher start":
        return f"The evolved genome starts at {number(found.birth)}, no higher than {control}."
    if found.verdict == "not reached":
        return (
            f"The evolved genome starts at {number(found.birth)}; {control} never got there within {last:,.0f} {unit}."
        )
    how = {
        "only a higher start": "no difference in steepness was found: only a higher start",
        "a steeper curve": "it then learns faster: a higher start and a steeper curve",
        "a flatter curve": "it then learns more slowly: a higher start and a flatter curve",
    }[found.verdict]
    gap = found.difference
    return (
        f"The evolved genome starts at {number(found.birth)}, where {control} is after {found.head_start:,.1f} {unit}; "
        f"from equal score {how} (mean height over {found.span:,.0f} {unit}: {gap.mean:+.2g} "
        f"[{gap.low:+.2g}, {gap.high:+.2g}])."
    )


def _sentences(found: Sequence[HotStart]) -> list[str]:
    """Of several runs: what was found how often, and the mean of those that could be compared."""
    counts = {
        verdict: sum(one.verdict == verdict for one in found) for verdict in dict.fromkeys(f.verdict for f in found)
    }
    said = [f"In {len(found)} runs: " + ", ".join(f"{verdict} in {count}" for verdict, count in counts.items()) + "."]
    differences = [one.difference.mean for one in found if np.isfinite(one.difference.mean)]
    if len(differences) > 1:
        gap = mean_over_runs(differences)
        said.append(
            f"From equal score the evolved curve is {gap.mean:+.2g} [{gap.low:+.2g}, {gap.high:+.2g}] above the "
            f"control's, mean over the {len(differences)} runs in which they could be aligned."
        )
    return said


def _verdicts(batteries: Sequence[Battery], found: Sequence[HotStart]) -> pandas.DataFrame:
    import pandas

    return pandas.DataFrame(
        [
            {"run": each.bench.subject.name, "verdict": one.verdict, "birth": one.birth, "head start": one.head_start}
            | {"difference": one.difference.mean, "low": one.difference.low, "high": one.difference.high}
            | {"compared over": one.span}
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
            after = np.linspace(0, one.span, _GRID)
            aligned.plot(after, np.interp(head + after, control.lived, control.mean), color=QUIET, linewidth=1.6)
            aligned.plot(after, np.interp(own.lived[0] + after, own.lived, own.mean), color=INNATE, linewidth=1.6)
    whole.set_xscale("symlog", linthresh=1)
    first, last = pairs[0][1].lived[[0, -1]]
    whole.set(xlabel=f"{unit} lived", ylabel="main score", xlim=(first, last))
    aligned.set(xlabel=f"{unit} from equal score")
    if not aligned.lines:
        aligned.text(0.5, 0.5, "never at equal score", ha="center", color=QUIET, transform=aligned.transAxes)
        aligned.set_axis_off()
    for place, (name, colour) in enumerate((("evolved genome", INNATE), ("control", QUIET))):
        whole.text(0.97, 0.05 + 0.09 * place, name, color=colour, ha="right", transform=whole.transAxes)
    caption = (
        "Learning as it was lived (left), and with the control moved to where its score equals that at birth (right)."
    )
    return Picture(figure, caption)
