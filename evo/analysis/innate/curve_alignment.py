"""Learning curves aligned where their scores are equal: only a higher start, or another steepness as well?

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

_FINE = 1000  # places between which a curve is straight
_ADRIFT = 0.025  # of replicates that cannot be aligned: with more there is no interval


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
        adrift: share of the bootstrap's replicates that cannot be aligned.
        again: (R,) the difference on bootstrap samples of the examination, nan where they cannot be aligned; None where
            lives meet episodes or samples of their own.
    """

    verdict: Verdict
    birth: float
    head_start: float
    difference: Estimate
    span: float
    adrift: float = 0.0
    again: Float64[ndarray, " R"] | None = field(default=None, compare=False, repr=False)


def hot_start(evolved: Curves, control: Curves) -> HotStart:
    """Aligns two sets of curves at equal score and compares what follows.

    The head start is read off an isotonic fit of the control's mean: the first crossing of a noisy mean sits on a peak,
    from which the control then falls back, and the evolved curve looks the steeper. What is compared is not fitted.

    The 95 % interval is of a bootstrap over the lives of both and, in a task, over the samples of the examination, the
    same for both. Each replicate finds birth and head start anew, so that their chance is in it. If the control does
    not get there the difference may be anything: with more than 2.5 % of such replicates there is no interval, as there
    is none with one life alone. What is due to lives is as wide as for so few Student's t has it, by the jackknife.
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
    """The mean difference over runs that could be aligned, and over the samples that examine all of them.

    No interval where more than 2.5 % of those bootstrap samples leave a run that cannot be aligned.
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
    """Mean curves side by side: of all lives, without each of the first and of the second, and of the bootstrap.

    The bootstrap is over lives and samples, and behind it, where samples are resampled at all, over these alone.
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
    """Of K pairs of curves, (K,) each: head start, nan if none; mean height above the other from there; how long."""
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
    """Curves between their probes, by monotone cubics over log(1 + lived) (Fritsch & Butland 1984).

    Straight lines run below a curve that levels off, and most so where probes are far apart: the control, compared
    later in its life, would seem too low.
    """
    from scipy.interpolate import PchipInterpolator

    axis = np.log1p(lived)
    fine = np.union1d(lived, np.expm1(np.linspace(axis[0], axis[-1], _FINE)[1:-1]))
    return fine, PchipInterpolator(axis, heights, axis=1)(np.log1p(fine))


def _first_at(lived: ndarray, heights: ndarray, height: float) -> float:
    """When a curve first is so high, by linear interpolation; nan: never."""
    reached = heights >= height
    if not reached.any():
        return float("nan")
    place = int(reached.argmax())
    return float(np.interp(height, heights[place - 1 : place + 1], lived[place - 1 : place + 1]) if place else lived[0])
