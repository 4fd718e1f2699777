"""Intervals, p values and effect sizes that all analyses use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import final

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from genomes.streams import derive

RESAMPLES = 1000
_LEVELS = (2.5, 97.5)
NORMAL = 1.959964
_ROUNDING = 1e-12  # numbers with a smaller relative difference count as equal
_SMALLEST = -230.0  # natural logarithm of the smallest p that is computed


@final
@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval.

    Attributes:
        mean: mean over lives.
        low, high: ends of the interval; nan where there is a single number.
        lives: part of the squared standard error of the mean that is due to lives; 0 where lives differ at most by
            rounding.
        samples: part that is due to the samples of the examination; 0 where these are not resampled.
        freedom: degrees of freedom of the part that is due to lives: the number of lives minus one.
    """

    mean: float
    low: float
    high: float
    lives: float = float("nan")
    samples: float = 0.0
    freedom: float = 0.0

    def within(self, bounds: tuple[float, float]) -> Estimate:
        """Clips the interval to the possible range of the score; no change if the mean is outside that range."""
        if not bounds[0] <= self.mean <= bounds[1]:
            return self
        low, high = np.clip((self.low, self.high), *bounds)
        return replace(self, low=float(low), high=float(high))


def estimate(scores: Float64[ndarray, " lives"], resampled: Float64[ndarray, "lives R"] | None = None) -> Estimate:
    """Returns the mean over lives with its bootstrap interval over lives and over the samples of the examination.

    Args:
        scores: the score of each life; failed lives are nan and left out.
        resampled: the score of each life on R bootstrap samples of the examination, the same R samples for all
            lives. If given, both lives and samples are resampled (pigeonhole bootstrap: Owen 2007, Ann. Appl. Stat.
            1:386).
    """
    lived = np.isfinite(scores)
    scores = scores[lived]
    if not len(scores):
        return Estimate(np.nan, np.nan, np.nan)
    columns = resampled[lived] if resampled is not None else np.repeat(scores[:, None], RESAMPLES, axis=1)
    if len(scores) == 1 and resampled is None:
        return Estimate(float(scores[0]), np.nan, np.nan)
    means = columns[_drawn(len(scores), columns.shape[1]), np.arange(columns.shape[1])[:, None]].mean(1)
    low, high = np.percentile(means, _LEVELS)
    return widened(Estimate(float(scores.mean()), float(low), float(high)), scores)


@lru_cache(maxsize=8)
def _drawn(lives: int, resamples: int) -> Int64[ndarray, "R lives"]:
    """Draws the lives of each resample; all scores with the same number of lives share the draws."""
    drawn: Int64[ndarray, "R lives"] = derive(0, "bootstrap over lives").integers(lives, resamples, lives)[0].numpy()
    return drawn


def widened(found: Estimate, scores: Float64[ndarray, " lives"]) -> Estimate:
    """Widens the part of an interval that is due to lives by Student's t, which few lives need.

    A bootstrap over n lives underestimates their variance by the factor (n - 1) / n and uses the normal quantile in
    place of that of t: with 4 lives its 95 % interval covers 80 % (Hesterberg 2015, Am. Stat. 69:371).
    """
    from scipy.stats import t

    count, half = len(scores), (found.high - found.low) / 2
    least = float(_ROUNDING * np.abs(scores).max(initial=0.0)) ** 2
    lives = float(scores.var(ddof=1)) / count if count > 1 else 0.0
    lives = lives if lives > least else 0.0
    samples = float((half / NORMAL) ** 2) - lives * (1 - 1 / max(count, 1))
    found = replace(found, lives=lives, samples=samples if samples > least else 0.0, freedom=float(max(count - 1, 0)))
    if count < 2:
        return found
    more = lives * (t.ppf(0.975, count - 1) ** 2 - NORMAL**2 * (count - 1) / count)
    low, high = (float(np.sqrt((found.mean - end) ** 2 + more)) for end in (found.low, found.high))
    return replace(found, low=found.mean - low, high=found.mean + high)


def nothing(found: Estimate) -> float:
    """Computes the two-sided p of a mean of 0: the level at which the interval of `widened`, made symmetric, ends at 0.

    With lives alone it is Student's t test. Where all lives differ from 0 by the same amount there is no standard
    error, and the p is that of the sign-flip permutation test, 2 / 2^lives (Fisher 1935, The Design of Experiments).
    It is nan where the estimate is not known.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri, stdtr, stdtrit

    size = abs(found.mean)
    if not np.isfinite((size, found.lives, found.samples)).all():
        return float("nan")
    if found.lives + found.samples == 0 or size == 0:
        return 1.0 if size == 0 else min(1.0, 2.0**-found.freedom)
    if found.samples == 0:
        return float(2 * stdtr(found.freedom, -size / found.lives**0.5))

    def beyond(power: float) -> float:
        tail = np.exp(power) / 2
        lives = found.lives and found.lives**0.5 * stdtrit(found.freedom, tail)
        return float(np.hypot(lives, found.samples**0.5 * ndtri(tail))) - size

    return float(np.exp(brentq(beyond, _SMALLEST, 0.0))) if beyond(_SMALLEST) > 0 else float(np.exp(_SMALLEST))


def clear(found: Estimate) -> bool:
    """Tests whether the mean differs from 0 at p < 0.05, two-sided; see `nothing`."""
    return nothing(found) < 0.05


def exceeds(found: Estimate) -> float:
    """Computes the one-sided p of a mean that is not above 0; see `nothing`."""
    half = nothing(found) / 2
    return half if found.mean > 0 else 1.0 - half


def mean_over_runs(
    means: Sequence[float] | Float64[ndarray, " runs"], resampled: Float64[ndarray, "runs R"] | None = None
) -> Estimate:
    """Returns the mean over runs and its 95 % interval; the run is the unit of the statistics.

    Where every run was examined in its own samples or episodes, the interval is Student's t over runs. Runs that were
    examined on the same samples share the sampling error: then runs and samples are both resampled, as by `estimate`.
    An interval over runs alone would hold for those samples only and would cover the score on other samples too
    rarely.

    Args:
        means: the mean of each run.
        resampled: the mean of each run on R bootstrap samples of the examination, the same R samples for all runs.
    """
    from scipy.stats import t

    values = np.asarray(means, dtype=np.float64)
    if len(values) < 2:
        return Estimate(float(values.mean()), np.nan, np.nan)
    if resampled is not None and np.isfinite(values).all():
        return estimate(values, resampled)
    mean, least = float(values.mean()), _ROUNDING * float(np.abs(values).max())
    spread = float(values.std(ddof=1) / np.sqrt(len(values)))
    half = float(t.ppf(0.975, len(values) - 1)) * spread
    return Estimate(
        mean, mean - half, mean + half, spread**2 if spread > least else 0.0, freedom=float(len(values) - 1)
    )


def above(observed: float, null: Float64[ndarray, " n"]) -> float:
    """Computes the one-sided p that the null model scores at least as high: (k + 1) / (n + 1) (Phipson & Smyth 2010).

    It is nan where the observed score or all draws of the null model are missing.
    """
    null = null[np.isfinite(null)]
    if not (np.isfinite(observed) and len(null)):
        return float("nan")
    return float((np.sum(null >= observed) + 1) / (len(null) + 1))


def effect_size(observed: float, null: Float64[ndarray, " n"]) -> float:
    """Returns (observed - mean) / standard deviation of the null model; infinite where its draws do not differ."""
    null = null[np.isfinite(null)]
    away, spread = observed - null.mean(), null.std(ddof=1) if len(null) > 1 else np.nan
    if spread <= _ROUNDING * max(abs(null.mean()), abs(observed)):
        return float(np.sign(away) * np.inf) if away else 0.0
    return float(away / spread)


def holm(values: Sequence[float]) -> list[float]:
    """Corrects p values for their number (Holm 1979) and keeps their order; nan stays nan and is not counted."""
    p = np.asarray(values, dtype=np.float64)
    order = [i for i in np.argsort(p) if np.isfinite(p[i])]
    corrected, worst = p.copy(), 0.0
    for rank, place in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - rank) * p[place]))
        corrected[place] = worst
    return [float(value) for value in corrected]
