"""Genetic assimilation: the share of the score after learning that is present at birth, and its interval.

Waddington 1953, Evolution 7:118; in evolution with learning, Hinton & Nowlan 1987.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from genomes.streams import Streams

_RESAMPLES = 2000


def assimilation_index(
    innate: Float64[ndarray, " N"], learned: Float64[ndarray, " N"], random: tuple[float, float]
) -> float:
    """Computes (innate - random) / (learned - random) from the means over individuals.

    It is nan where learned does not exceed random by more than twice the standard error of their difference.

    Args:
        random: mean score of random genomes at birth, and its standard error.
    """
    if len(learned) < 2:
        return float("nan")
    error = (learned.var(ddof=1) / len(learned) + random[1] ** 2) ** 0.5
    above = learned.mean() - random[0]
    return float((innate.mean() - random[0]) / above) if above > 2 * error else float("nan")


def assimilation_interval(
    innate: Float64[ndarray, " N"], learned: Float64[ndarray, " N"], random: tuple[float, float], draws: Streams
) -> tuple[float, float]:
    """Computes the 95 % percentile bootstrap interval of the index over individuals (Efron 1979).

    Both scores of an individual are resampled together. The mean of random genomes varies normally by its error.
    """
    again = draws.stream("individuals").integers(len(innate), _RESAMPLES, len(innate))[0].numpy()
    base = random[0] + random[1] * draws.stream("random").normal(_RESAMPLES)[0].numpy()
    low, high = np.quantile((innate[again].mean(1) - base) / (learned[again].mean(1) - base), (0.025, 0.975))
    return float(low), float(high)


def rose_at_birth(first: Float64[ndarray, " N"], last: Float64[ndarray, " M"]) -> bool:
    """Tests whether the mean at birth rose by more than twice its standard error.

    The index alone is not enough: it also rises where the score after learning falls.
    """
    error = (first.var(ddof=1) / len(first) + last.var(ddof=1) / len(last)) ** 0.5
    return bool(last.mean() - first.mean() > 2 * error)
