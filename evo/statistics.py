"""Intervals, p values and effect sizes: the few formulas that every claim of an analysis goes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from genomes.chance import chance

RESAMPLES = 1000
_LEVELS = (2.5, 97.5)
_NORMAL = 1.959964
_ROUNDING = 1e-12  # draws that differ by less, relative to their size, are alike


@final
@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval.

    Attributes:
        mean: of the lives.
        low, high: of the bootstrap; nan where there is one number only.
        error: standard error of the mean.
        freedom: its degrees of freedom: lives less one, more where samples make most of the error (Satterthwaite 1946).
    """

    mean: float
    low: float
    high: float
    error: float = float("nan")
    freedom: float = float("inf")


def estimate(scores: Float64[ndarray, " lives"], resampled: Float64[ndarray, "lives R"] | None = None) -> Estimate:
    """The mean over lives with its bootstrap interval, over lives and over the samples of their examination.

    Args:
        scores: one a life; lives that failed are nan and left out.
        resampled: the score of each life on R bootstrap samples of the examination, the same R for all lives: then
            both lives and samples are resampled (the pigeonhole bootstrap of Owen 2007, Ann. Appl. Stat. 1:386).
    """
    lived = np.isfinite(scores)
    scores = scores[lived]
    if not len(scores):
        return Estimate(np.nan, np.nan, np.nan)
    columns = resampled[lived] if resampled is not None else np.repeat(scores[:, None], RESAMPLES, axis=1)
    if len(scores) == 1 and resampled is None:
        return Estimate(float(scores[0]), np.nan, np.nan)
    drawn = chance(0, "bootstrap over lives").integers(len(scores), columns.shape[1], len(scores))[0].numpy()
    means = columns[drawn, np.arange(columns.shape[1])[:, None]].mean(1)
    low, high = np.percentile(means, _LEVELS)
    return widened(Estimate(float(scores.mean()), float(low), float(high)), scores)


def widened(found: Estimate, scores: Float64[ndarray, " lives"]) -> Estimate:
    """The part of an interval that is due to lives, as wide as for so few Student's t has it.

    A bootstrap over n lives takes their variance for (n - 1) / n of what it is and the normal quantile for t's: with 4
    lives its 95 % are 80 % (Hesterberg 2015, Am. Stat. 69:371).
    """
    from scipy.stats import t

    count, half = len(scores), (found.high - found.low) / 2
    if count < 2:
        return Estimate(found.mean, found.low, found.high, half / _NORMAL)
    lives = scores.var(ddof=1) / count
    samples = max((half / _NORMAL) ** 2 - lives * (count - 1) / count, 0.0)
    freedom = (count - 1) * ((lives + samples) / lives) ** 2 if lives else np.inf
    more = lives * (t.ppf(0.975, count - 1) ** 2 - _NORMAL**2 * (count - 1) / count)
    low, high = (float(np.sqrt((found.mean - end) ** 2 + more)) for end in (found.low, found.high))
    return Estimate(found.mean, found.mean - low, found.mean + high, float((lives + samples) ** 0.5), float(freedom))


def nothing(found: Estimate) -> float:
    """Two-sided p that the mean is 0, Student's t; nan where there is no error to measure it by."""
    from scipy.stats import t

    if found.error == 0:
        return 1.0 if found.mean == 0 else 0.0
    return float(2 * t.sf(abs(found.mean) / found.error, found.freedom))


def mean_over_runs(means: Sequence[float]) -> Estimate:
    """Where there are several runs, they are what is counted: their mean and its 95 % interval, Student's t."""
    from scipy.stats import t

    values = np.asarray(means, dtype=np.float64)
    if len(values) < 2:
        return Estimate(float(values.mean()), np.nan, np.nan)
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Estimate(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)


def above(observed: float, null: Float64[ndarray, " n"]) -> float:
    """One-sided p that the null model does at least as well: (k + 1) / (n + 1) (Phipson & Smyth 2010).

    Of what was not observed, or has nothing to be compared with, there is none: nan.
    """
    null = null[np.isfinite(null)]
    if not (np.isfinite(observed) and len(null)):
        return float("nan")
    return float((np.sum(null >= observed) + 1) / (len(null) + 1))


def effect_size(observed: float, null: Float64[ndarray, " n"]) -> float:
    """How many standard deviations of the null model the observed score lies above its mean; inf where it has none."""
    null = null[np.isfinite(null)]
    away, spread = observed - null.mean(), null.std(ddof=1) if len(null) > 1 else np.nan
    if spread <= _ROUNDING * max(abs(null.mean()), abs(observed)):
        return float(np.sign(away) * np.inf) if away else 0.0
    return float(away / spread)


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979), in the order given; nan stays and counts for nothing."""
    p = np.asarray(values, dtype=np.float64)
    order = [i for i in np.argsort(p) if np.isfinite(p[i])]
    corrected, worst = p.copy(), 0.0
    for rank, place in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - rank) * p[place]))
        corrected[place] = worst
    return [float(value) for value in corrected]
