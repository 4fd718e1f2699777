"""Alignment of learning curves at equal score, which separates a higher start from a different steepness.

The comparison of Shuvaev et al. 2024 (PNAS 121:e2409160121), with an interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.analysis.statistics import RESAMPLES, Estimate, mean_over_runs, widened
from genomes.streams import derive

Verdict = Literal["no higher start", "not reached", "only a higher start", "a steeper curve", "a flatter curve"]

_FINE = 1000  # points of an interpolated curve
_ADRIFT = 0.025  # with a larger share of replicates that cannot be aligned there is no interval


@final
@dataclass(frozen=True, eq=False)
class Curves:
    """Learning curves of several lives.

    Attributes:
        lived: probed steps or episodes, ascending.
        scores: score at each probe, one row a life.
        resampled: scores on R bootstrap samples of the examination; None if every life is examined on others.
    """

    lived: Float64[ndarray, " probes"]
    scores: Float64[ndarray, "lives probes"]
    resampled: Float64[ndarray, "lives probes R"] | None = None

    @property
    def mean(self) -> Float64[ndarray, " probes"]:
        """Mean curve over lives."""
        return self.scores.mean(0)


@final
@dataclass(frozen=True)
class HotStart:
    """Result of the comparison of two sets of curves.

    Attributes:
        verdict: the verdict in words.
        birth: score at which the evolved curve begins.
        head_start: steps or episodes until the fit of the control's mean reaches that score; nan if never.
        difference: mean height of the evolved curve above that of the control, from equal score.
        span: number of steps or episodes over which the curves are compared.
        adrift: share of the bootstrap replicates that cannot be aligned.
        again: (R,) the difference on bootstrap samples of the examination, nan where curves cannot be aligned; None if
            every life is examined on other episodes or samples.
    """

    verdict: Verdict
    birth: float
    head_start: float
    difference: Estimate
    span: float
    adrift: float = 0.0
    again: Float64[ndarray, " R"] | None = field(default=None, compare=False, repr=False)


def hot_start(evolved: Curves, control: Curves) -> HotStart:
    """Aligns two sets of curves at equal score and compares them from there on.

    The head start is taken from an isotonic fit of the control's mean. The first crossing of the noisy mean itself
    would often be a peak after which the control falls back, so that the evolved curve would seem steeper. The
    comparison uses the curves without the fit.

    The 95 % interval is a bootstrap over the lives of both sets and, in a task, over the samples of the examination,
    which both share. Each replicate determines birth and head start anew, so that the interval includes their errors.
    If the control does not reach the score, the difference is unknown: with more than 2.5 % of such replicates there
    is no interval, and none with a single life. The part that is due to lives is widened by Student's t, with the
    jackknife.
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
    count = len(differences) - 1 - sum(lives)
    resampled = evolved.resampled is not None and control.resampled is not None
    *less, again, samples = np.split(differences[1:], np.cumsum((*lives, count // 2 if resampled else count)))
    low = float(np.percentile(np.nan_to_num(again, nan=-np.inf), 2.5, method="lower"))
    high = float(np.percentile(np.nan_to_num(again, nan=np.inf), 97.5, method="higher"))
    known = np.isfinite(high - low) and min(lives) > 1
    found = Estimate(difference, low, high) if known else replace(nothing, mean=difference)
    for count, without in zip(lives, less, strict=True):
        found = widened(found, difference + (count - 1) * (difference - without[np.isfinite(without)]))
    verdict: Verdict = "a steeper curve" if found.low > 0 else "only a higher start"
    verdict = "a flatter curve" if found.high < 0 else verdict
    adrift = float(np.isnan(again).mean())
    return HotStart(verdict, birth, head, found, float(spans[0]), adrift, samples if resampled else None)


def over_runs(found: Sequence[HotStart]) -> Estimate:
    """Returns the mean difference over the runs that can be aligned, and over their common examination samples.

    There is no interval if, in more than 2.5 % of the bootstrap samples, some run cannot be aligned.
    """
    means, again = [one.difference.mean for one in found], [one.again for one in found if one.again is not None]
    if len(again) < len(found):
        return mean_over_runs(means)
    common = np.stack([row[: min(map(len, again))] for row in again])
    aligned = np.isfinite(common).all(0)
    if aligned.mean() < 1 - _ADRIFT:
        return Estimate(float(np.mean(means)), np.nan, np.nan)
    return mean_over_runs(means, common[:, aligned])


def _replicates(evolved: Curves, control: Curves) -> tuple[Float64[ndarray, "K own"], Float64[ndarray, "K probes"]]:
    """Returns pairs of mean curves: of all lives, without each single life of either set, and of the bootstrap.

    The bootstrap is over lives and samples; if samples are resampled, a bootstrap over samples alone follows.
    """
    count = min(RESAMPLES if c.resampled is None else c.resampled.shape[2] for c in (evolved, control))
    less, again, alone = [], [], []
    for name, curves in (("evolved", evolved), ("control", control)):
        lives = len(curves.scores)
        less.append((lives * curves.mean - curves.scores) / max(lives - 1, 1))
        drawn = derive(0, "hot start").stream(name).integers(lives, count, lives)[0].numpy()
        often = (drawn[:, :, None] == np.arange(lives)).mean(1)
        samples = curves.resampled
        again.append(often @ curves.scores if samples is None else np.einsum("rn,npr->rp", often, samples[..., :count]))
        alone += [] if samples is None else [samples[..., :count].mean(0).T]
    one, two = alone if len(alone) == 2 else (curves.mean[None][:0] for curves in (evolved, control))
    ours, theirs = evolved.mean[None], control.mean[None]
    return (
        np.concatenate([ours, less[0], np.repeat(ours, len(less[1]), axis=0), again[0], one]),
        np.concatenate([theirs, np.repeat(theirs, len(less[0]), axis=0), less[1], again[1], two]),
    )


def _aligned(lived: ndarray, own: ndarray, theirs_lived: ndarray, theirs: ndarray) -> tuple[ndarray, ndarray, ndarray]:
    """Aligns K pairs of curves.

    Returns:
        heads: (K,) head starts; nan if the control never reaches the score.
        away: (K,) mean heights of the evolved curve above the control from there on.
        spans: (K,) lengths of the comparison.
    """
    from scipy.integrate import cumulative_trapezoid
    from scipy.optimize import isotonic_regression

    rising = np.array([isotonic_regression(heights).x for heights in theirs])
    (at, fits), (_, raw), (own_at, ours) = map(_fine, (theirs_lived, theirs_lived, lived), (rising, theirs, own))
    heads = np.array([_first_at(at, fit, height) for fit, height in zip(fits, own[:, 0], strict=True)])
    spans = np.minimum(lived[-1] - lived[0], theirs_lived[-1] - heads)
    below, above = cumulative_trapezoid(raw, at, initial=0), cumulative_trapezoid(ours, own_at, initial=0)
    areas = [
        np.interp(lived[0] + span, own_at, up) - np.interp(head + span, at, down) + np.interp(head, at, down)
        for head, span, up, down in zip(heads, spans, above, below, strict=True)
    ]
    away = np.divide(areas, spans, out=np.full(len(spans), np.nan), where=spans > 0)
    return heads - at[0], away, spans


def _fine(lived: ndarray, heights: ndarray) -> tuple[Float64[ndarray, " n"], Float64[ndarray, "K n"]]:
    """Interpolates curves between their probes by monotone cubics over log(1 + lived) (Fritsch & Butland 1984).

    Linear interpolation lies below a curve that levels off, most of all between distant probes: the control, which is
    compared later in its life, would seem too low.
    """
    from scipy.interpolate import PchipInterpolator

    axis = np.log1p(lived)
    fine = np.union1d(lived, np.expm1(np.linspace(axis[0], axis[-1], _FINE)[1:-1]))
    return fine, PchipInterpolator(axis, heights, axis=1)(np.log1p(fine))


def _first_at(lived: ndarray, heights: ndarray, height: float) -> float:
    """Returns the time at which a curve first reaches a height, by linear interpolation; nan if never."""
    reached = heights >= height
    if not reached.any():
        return float("nan")
    place = int(reached.argmax())
    return float(np.interp(height, heights[place - 1 : place + 1], lived[place - 1 : place + 1]) if place else lived[0])
