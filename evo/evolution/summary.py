"""Summary of a generation: mean, best and percentiles of each measurement, and the number of failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from jaxtyping import Float64
from numpy import ndarray

from evo.evaluation.outcome import Failure

_SMALL_IS_GOOD = ("trials_to_criterion", "genome_bits", "wiring_bits", "synapses")
_NEITHER = ("steps",)  # a long episode is good in one world and bad in another


@final
@dataclass(frozen=True, eq=False)
class Summary:
    """Statistics over all individuals of a generation.

    Attributes:
        failures: number of failures by reason; `""` counts individuals with a score.
        statistics: (5,) for every scalar measurement: mean and best over the individuals with a score; the 10th, 50th
            and 90th percentile over all individuals with this number. The best is the largest; for sizes, and for
            trials to criterion, it is the smallest.
    """

    failures: Mapping[Failure, int]
    statistics: Mapping[str, Float64[ndarray, " 5"]]

    @property
    def lives(self) -> int:
        """Number of individuals."""
        return sum(self.failures.values())

    def row(self) -> dict[str, float | int]:
        """Mean and best of every measurement (only the mean if neither direction is better), and the failures."""
        row: dict[str, float | int] = {}
        for name, (mean, best, *_) in self.statistics.items():
            row |= {f"{name}.mean": float(mean)} | ({} if name in _NEITHER else {f"{name}.best": float(best)})
        return row | {"failures": self.lives - self.failures.get("", 0)}


def best_of(name: str, values: Float64[ndarray, " K"]) -> float:
    """The largest value of a measurement; for sizes, and for trials to criterion, the smallest."""
    return float(values.min() if name in _SMALL_IS_GOOD else values.max())
