"""Tests of two conditions over seeds: difference, interval, p values, and the smallest possible p.

Conditions that share seeds are tested by Student's paired t, others by Welch's t, and both also by the exact
permutation test (Fisher 1935, The Design of Experiments).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.analysis.statistics import NORMAL, Estimate, mean_over_runs, nothing

EXCHANGES = 10_000
"""Maximum number of exchanges that the exact test enumerates."""

_NAN = float("nan")


@final
@dataclass(frozen=True)
class Difference:
    """Difference of two conditions; undefined numbers are nan.

    Attributes:
        difference: difference of the means, over pairs if seeds are paired.
        low, high: 95 % interval over seeds and over the examination samples, if seeds share these.
        test: `paired t`, `Welch's t` or `none`.
        seeds: number of pairs of seeds, or the numbers of seeds of both conditions.
        effect: effect size in standard deviations of the paired differences (d_z), or pooled over the conditions
            (Cohen's d).
        p: two-sided p of the test.
        p_exact: two-sided p over all exchanges; nan if there are too many.
        p_smallest: smallest possible p_exact with this number of seeds; nan if a condition has one seed.
    """

    difference: float
    low: float
    high: float
    test: str
    seeds: str
    effect: float
    p: float
    p_exact: float
    p_smallest: float


Resampled = Mapping[int, Float64[ndarray, " R"]]
"""Scores by seed, on R bootstrap samples of the examination that are the same for all seeds."""


def difference(
    one: Mapping[int, float], other: Mapping[int, float], again: tuple[Resampled, Resampled] | None = None
) -> Difference:
    """Computes one condition minus the other.

    The test is paired over common seeds if these are at least two and at least half of the larger condition.

    Args:
        one, other: finite scores by seed, at least one each.
        again: resampled scores of both conditions, if all seeds are examined on the same samples. Interval and p then
            include the sampling error, which more seeds do not reduce. The exact test holds for these samples only.
    """
    shared = sorted(one.keys() & other.keys())
    if len(shared) >= 2 and 2 * len(shared) >= max(len(one), len(other)):
        seeds = (shared, shared)
        tested = _paired
    else:
        seeds, tested = ([*one], [*other]), _unpaired
    scores = [np.array([of[seed] for seed in whose]) for of, whose in zip((one, other), seeds, strict=True)]
    if again is None:
        return tested(*scores)
    return tested(*scores, *(np.stack([of[s] for s in whose]) for of, whose in zip(again, seeds, strict=True)))


def _paired(
    one: Float64[ndarray, " n"],
    other: Float64[ndarray, " n"],
    again: Float64[ndarray, "n R"] | None = None,
    other_again: Float64[ndarray, "n R"] | None = None,
) -> Difference:
    away, n = one - other, len(one)
    resampled = None if again is None or other_again is None else again - other_again
    spread, interval, exchanges = _spread(away, np.array([one, other])), mean_over_runs(away, resampled), 2**n
    mean, exact, counted = interval.mean, _exact(one, other, "samples", exchanges), f"{n} pairs"
    if not spread and not interval.samples:
        return Difference(mean, _NAN, _NAN, "none", counted, _NAN, _NAN, exact, 2 / exchanges)
    effect, p = mean / spread if spread else _NAN, nothing(interval)
    return Difference(mean, interval.low, interval.high, "paired t", counted, effect, p, exact, 2 / exchanges)


def _unpaired(
    one: Float64[ndarray, " m"],
    other: Float64[ndarray, " n"],
    again: Float64[ndarray, "m R"] | None = None,
    other_again: Float64[ndarray, "n R"] | None = None,
) -> Difference:
    from scipy.stats import t

    m, n, away = len(one), len(other), float(one.mean() - other.mean())
    counted, exchanges = f"{m} and {n}", math.comb(m + n, m)
    if min(m, n) < 2:
        return Difference(away, _NAN, _NAN, "none", counted, _NAN, _NAN, _NAN, _NAN)
    exact, smallest = _exact(one, other, "independent", exchanges), 2 / exchanges
    spreads = [_spread(scores, np.concatenate([one, other])) for scores in (one, other)]
    resampled = np.zeros(2) if again is None or other_again is None else again.mean(0) - other_again.mean(0)
    samples = _spread(resampled, np.concatenate([one, other])) ** 2
    if not any(spreads) and not samples:
        return Difference(away, _NAN, _NAN, "none", counted, _NAN, _NAN, exact, smallest)
    a, b = spreads[0] ** 2 / m, spreads[1] ** 2 / n
    # Welch 1947, Biometrika 34:28
    freedom = (a + b) ** 2 / (a**2 / (m - 1) + b**2 / (n - 1)) if a + b else 0.0
    seeds = float(t.ppf(0.975, freedom)) * (a + b) ** 0.5 if a + b else 0.0
    half = float(np.hypot(seeds, NORMAL * samples**0.5))
    p = nothing(Estimate(away, away - half, away + half, a + b, samples, freedom))
    pooled = (((m - 1) * spreads[0] ** 2 + (n - 1) * spreads[1] ** 2) / (m + n - 2)) ** 0.5
    effect = away / pooled if pooled else _NAN
    return Difference(away, away - half, away + half, "Welch's t", counted, effect, p, exact, smallest)


def _spread(values: Float64[ndarray, " n"], scores: Float64[ndarray, ...]) -> float:
    """Returns the standard deviation, or 0 if it is due to rounding of the scores."""
    spread = float(values.std(ddof=1))
    return spread if spread > 1e-12 * float(np.abs(scores).max()) else 0.0


def _exact(one: Float64[ndarray, " m"], other: Float64[ndarray, " n"], kind: str, exchanges: int) -> float:
    """Computes the two-sided p over all exchanges: twice the share of exchanges beyond the observation."""
    from scipy.stats import permutation_test

    if exchanges > EXCHANGES:
        return _NAN

    def away(a: ndarray, b: ndarray, axis: int) -> ndarray:
        return np.asarray(a.mean(axis) - b.mean(axis))

    return float(permutation_test((one, other), away, permutation_type=kind, n_resamples=np.inf).pvalue)
