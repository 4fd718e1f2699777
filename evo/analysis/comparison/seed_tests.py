"""Compares two conditions over seeds: the difference, its uncertainty, and the smallest p that these seeds allow.

Student's paired t if they share seeds, Welch's t otherwise, and in both cases the exact permutation test (Fisher 1935,
The Design of Experiments).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.analysis.statistics import NORMAL, Estimate, mean_over_runs, nothing

EXCHANGES = 10_000
"""The largest number of exchanges that the exact test enumerates; with more there is no exact test."""

_NAN = float("nan")
_Scores = Float64[ndarray, " _"]


@final
@dataclass(frozen=True)
class Difference:
    """One condition minus another; numbers that cannot be computed are nan.

    Attributes:
        difference: of the means, over pairs where seeds are paired.
        low, high: 95 % interval, over seeds and, if all seeds share the samples of the examination, over these too.
        test: `paired t`, `Welch's t` or `none`.
        seeds: pairs of seeds, or the seeds of each.
        effect: in standard deviations: of the paired differences (d_z), or pooled over the conditions (Cohen's d).
        p: two-sided, of the test.
        p_exact: two-sided, of all exchanges; nan if there are too many.
        p_smallest: the smallest possible p_exact with this number of seeds; nan if a condition has one seed.
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
"""By seed: the score on R bootstrap samples of the examination, the same R for all seeds."""


def difference(
    one: Mapping[int, float], other: Mapping[int, float], again: tuple[Resampled, Resampled] | None = None
) -> Difference:
    """One condition minus the other, each a finite score by seed, at least one.

    Paired over the seeds that both have, if these are at least two and at least half of the larger condition.

    Args:
        again: scores of both on resamples, if all seeds are examined on the same samples: interval and p then cover
            these samples too, since more seeds cannot reduce the uncertainty from samples. The exact test ignores it.
    """
    shared = sorted(one.keys() & other.keys())
    paired = len(shared) >= 2 and 2 * len(shared) >= max(len(one), len(other))
    seeds = (shared, shared) if paired else ([*one], [*other])
    a, b = (np.array([of[seed] for seed in those]) for of, those in zip((one, other), seeds, strict=True))
    m, n, samples = len(a), len(b), None
    counted = f"{n} pairs" if paired else f"{m} and {n}"
    if min(m, n) < 2:
        return Difference(float(a.mean() - b.mean()), _NAN, _NAN, "none", counted, _NAN, _NAN, _NAN, _NAN)
    if again is not None:
        samples = [np.stack([of[seed] for seed in those]) for of, those in zip(again, seeds, strict=True)]
    exchanges = 2**n if paired else math.comb(m + n, m)
    exact = _exact(a, b, "samples" if paired else "independent", exchanges), 2 / exchanges
    found, spread = (_paired if paired else _welch)(a, b, samples)
    if not spread and not found.samples:
        return Difference(found.mean, _NAN, _NAN, "none", counted, _NAN, _NAN, *exact)
    test, effect = "paired t" if paired else "Welch's t", found.mean / spread if spread else _NAN
    return Difference(found.mean, found.low, found.high, test, counted, effect, nothing(found), *exact)


def _paired(one: _Scores, other: _Scores, again: Sequence[Float64[ndarray, "_ R"]] | None) -> tuple[Estimate, float]:
    """The mean of the differences, and their standard deviation."""
    away = one - other
    return mean_over_runs(away, None if again is None else again[0] - again[1]), _spread(away, one, other)


def _welch(one: _Scores, other: _Scores, again: Sequence[Float64[ndarray, "_ R"]] | None) -> tuple[Estimate, float]:
    """The difference of the means (Welch 1947, Biometrika 34:28), and the pooled standard deviation.

    Computed here: scipy's test returns no standard error, to which that of the samples is added, and warns of equal
    scores.
    """
    from scipy.stats import t

    away, m, n = float(one.mean() - other.mean()), len(one), len(other)
    of_one, of_other = (_spread(scores, one, other) ** 2 for scores in (one, other))
    samples = 0.0 if again is None else _spread(again[0].mean(0) - again[1].mean(0), one, other) ** 2
    a, b = of_one / m, of_other / n
    freedom = (a + b) ** 2 / (a**2 / (m - 1) + b**2 / (n - 1)) if a + b else 1.0
    half = float(np.hypot(t.ppf(0.975, freedom) * (a + b) ** 0.5, NORMAL * samples**0.5))
    pooled = (((m - 1) * of_one + (n - 1) * of_other) / (m + n - 2)) ** 0.5
    return Estimate(away, away - half, away + half, a + b, samples, freedom), pooled


def _spread(values: _Scores, *scores: _Scores) -> float:
    """The standard deviation; 0 if it is only the rounding of scores."""
    spread = float(values.std(ddof=1))
    return spread if spread > 1e-12 * float(np.abs(np.concatenate(scores)).max()) else 0.0


def _exact(one: Float64[ndarray, " m"], other: Float64[ndarray, " n"], kind: str, exchanges: int) -> float:
    """Twice the share of all exchanges that are at least as extreme as the observed one, on the smaller side."""
    from scipy.stats import permutation_test

    if exchanges > EXCHANGES:
        return _NAN

    def away(a: ndarray, b: ndarray, axis: int) -> ndarray:
        return np.asarray(a.mean(axis) - b.mean(axis))

    return float(permutation_test((one, other), away, permutation_type=kind, n_resamples=np.inf).pvalue)
