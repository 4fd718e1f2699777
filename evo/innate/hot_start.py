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
from evo.statistics import RESAMPLES, Estimate, mean_over_runs, widened
from genomes.chance import chance
from inner_loop.lifetime import Lifetime

if TYPE_CHECKING:
    import pandas

Verdict = Literal["no higher start", "not reached", "only a higher start", "a steeper curve", "a flatter curve"]

_FINE = 1000  # places between which a curve is straight

_TERMS = {
    "run": "the run that the genome comes from",
    "verdict": "no higher start: the control begins as high; not reached: it does not come, to stay, to where the "
    "evolved genome begins; only a higher start: from equal score no difference was found; a steeper or a flatter curve: from equal "
    "score the evolved genome is above or below the control",
    "birth": "score at which the evolved genome begins",
    "head start": "how much of its life the control needs to come there, by a fit of its mean that never falls (isotonic "
    "regression)",
    "difference": "mean height of the evolved curve above the control's, from equal score over what both have left",
    "low": "lower end of the 95 % interval of the difference: bootstrap over the lives of both and over the samples of the "
    "examination, with birth and head start found anew in each replicate; infinite if the control does not come there in "
    "too many of them",
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
        resampled: on R bootstrap samples of the examination; None where lives meet episodes or samples of their own.
    """

    lived: Float64[ndarray, " probes"]
    scores: Float64[ndarray, "lives probes"]
    resampled: Float64[ndarray, "lives probes R"] | None = None

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
        head_start: how long the control lives until the fit of its mean is there; nan: never.
        difference: mean height of the evolved curve above the control's from equal score.
        span: how long they were compared.
    """

    verdict: Verdict
    birth: float
    head_start: float
    difference: Estimate
    span: float


def hot_start(evolved: Curves, control: Curves) -> HotStart:
    """Aligns two sets of curves at equal score and compares what follows.

    The head start is read off an isotonic fit of the control's mean: the first crossing of a noisy mean sits on a peak,
    from which the control then falls back, and the evolved curve looks the steeper. What is compared is not fitted.

    The 95 % interval is of a bootstrap over the lives of both and, in a task, over the samples of the examination, the
    same for both. Each replicate finds birth and head start anew, so that their chance is in it; where the control does
    not get there the difference may be anything, and an end that falls among such replicates is infinite. What is due
    to lives is as wide as for so few Student's t has it, by the jackknife. One life alone has no interval.
    """
    ours, theirs = _replicates(evolved, control)
    heads, differences, spans = _aligned(evolved.lived, ours, control.lived, theirs)
    birth, head, difference = float(ours[0, 0]), float(heads[0]), float(differences[0])
    nothing = Estimate(np.nan, np.nan, np.nan)
    if head == 0:
        return HotStart("no higher start", birth, 0.0, nothing, np.nan)
    if np.isnan(difference):
        return HotStart("not reached", birth, np.nan, nothing, np.nan)
    lives = len(evolved.scores), len(control.scores)
    *less, again = np.split(differences[1:], np.cumsum(lives))
    low = np.percentile(np.nan_to_num(again, nan=-np.inf), 2.5, method="lower")
    high = np.percentile(np.nan_to_num(again, nan=np.inf), 97.5, method="higher")
    found = Estimate(difference, *((float(low), float(high)) if min(lives) > 1 else (np.nan, np.nan)))
    for count, without in zip(lives, less, strict=True):
        found = widened(found, difference + (count - 1) * (difference - without[np.isfinite(without)]))
    verdict: Verdict = (
        "a steeper curve" if found.low > 0 else "a flatter curve" if found.high < 0 else "only a higher start"
    )
    return HotStart(verdict, birth, head, found, float(spans[0]))


def _replicates(evolved: Curves, control: Curves) -> tuple[Float64[ndarray, "K own"], Float64[ndarray, "K probes"]]:
    """Mean curves side by side: of all lives, without each of the first and of the second, and of the bootstrap."""
    count = min(RESAMPLES if c.resampled is None else c.resampled.shape[2] for c in (evolved, control))
    less, again = [], []
    for name, curves in (("evolved", evolved), ("control", control)):
        lives = len(curves.scores)
        less.append((lives * curves.mean - curves.scores) / max(lives - 1, 1))
        drawn = chance(0, "hot start").stream(name).integers(lives, count, lives)[0].numpy()
        often = (drawn[:, :, None] == np.arange(lives)).mean(1)
        samples = curves.resampled
        again.append(often @ curves.scores if samples is None else np.einsum("rn,npr->rp", often, samples[..., :count]))
    ours, theirs = evolved.mean[None], control.mean[None]
    return (
        np.concatenate([ours, less[0], np.repeat(ours, len(less[1]), axis=0), again[0]]),
        np.concatenate([theirs, np.repeat(theirs, len(less[0]), axis=0), less[1], again[1]]),
    )


def _aligned(lived: ndarray, own: ndarray, theirs_lived: ndarray, theirs: ndarray) -> tuple[ndarray, ndarray, ndarray]:
    """Of K pairs of curves, (K,) each: the head start, nan if none; mean height above the other from there; how long."""
    from scipy.integrate import cumulative_trapezoid
    from scipy.optimize import isotonic_regression

    rising = np.array([isotonic_regression(heights).x for heights in theirs])
    (at, fits), (_, raw), (own_at, ours) = map(_fine, (theirs_lived, theirs_lived, lived), (rising, theirs, own))
    heads = np.array([_first_at(at, fit, height) for fit, height in zip(fits, own[:, 0], strict=True)])
    spans = np.minimum(own_at[-1] - own_at[0], at[-1] - heads)
    below, above = cumulative_trapezoid(raw, at, initial=0), cumulative_trapezoid(ours, own_at, initial=0)
    areas = [
        np.interp(own_at[0] + span, own_at, up) - np.interp(head + span, at, down) + np.interp(head, at, down)
        for head, span, up, down in zip(heads, spans, above, below, strict=True)
    ]
    away = np.divide(areas, spans, out=np.full(len(spans), np.nan), where=spans > 0)
    return heads - at[0], away, spans


def _fine(lived: ndarray, heights: ndarray) -> tuple[Float64[ndarray, " n"], Float64[ndarray, "K n"]]:
    """Curves between their probes, by monotone cubics over log(1 + lived) (Fritsch & Butland 1984).

    Straight lines between log-spaced probes would run below a curve that levels off: the control, probed more coarsely
    where it is compared, would seem the flatter.
    """
    from scipy.interpolate import PchipInterpolator

    axis = np.log1p(lived)
    fine = np.union1d(axis, np.linspace(axis[0], axis[-1], _FINE))
    return np.expm1(fine), PchipInterpolator(axis, heights, axis=1)(fine)


def _first_at(lived: ndarray, heights: ndarray, height: float) -> float:
    """When a curve first is so high, by linear interpolation; nan: never."""
    reached = heights >= height
    if not reached.any():
        return float("nan")
    place = int(reached.argmax())
    return float(np.interp(height, heights[place - 1 : place + 1], lived[place - 1 : place + 1]) if place else lived[0])


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
    lifetime, measured = battery.bench.life(times).lifetime, battery.lives[network]
    lived = lifetime.probed if isinstance(lifetime, Lifetime) else range(1, lifetime.episodes + 1)
    whole = np.isfinite(measured["curve"]).all(1)
    samples = measured["curve.resampled"][whole] if "curve.resampled" in measured else None
    return Curves(np.array(lived, dtype=np.float64), measured["curve"][whole], samples)


def _sentence(found: HotStart, unit: str, last: float) -> str:
    control = "a direct network that learns by the same rule"
    if found.verdict == "no higher start":
        return f"The evolved genome starts at {number(found.birth)}, no higher than {control}."
    if found.verdict == "not reached":
        return (
            f"The evolved genome starts at {number(found.birth)}; {control} did not get there, to "
            f"stay, within {last:,.0f} {unit}."
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
            after = np.linspace(0, one.span, _FINE)
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
