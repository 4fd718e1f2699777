"""What the measurements of a generation come to: a mean, a best and percentiles of each, and how many failed."""

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
    """What all individuals of a generation came to.

    Attributes:
        failures: how many failed, by reason; `""` counts those that have a score.
        statistics: of every measurement that is one number: (5,) mean and best over those that have a score; the 10th,
            50th and 90th percentile over all that have this number. The best is the largest; of sizes, and of trials
            to criterion, the smallest.
    """

    failures: Mapping[Failure, int]
    statistics: Mapping[str, Float64[ndarray, " 5"]]

    @property
    def lives(self) -> int:
        """How many individuals there were."""
        return sum(self.failures.values())

    def row(self) -> dict[str, float | int]:
        """Mean and best of every measurement, the mean alone where no end is good, and how many failed."""
        row: dict[str, float | int] = {}
        for name, (mean, best, *_) in self.statistics.items():
            row |= {f"{name}.mean": float(mean)} | ({} if name in _NEITHER else {f"{name}.best": float(best)})
        return row | {"failures": self.lives - self.failures.get("", 0)}


def best_of(name: str, values: Float64[ndarray, " K"]) -> float:
    """The largest of the values of a measurement; of sizes, and of trials to criterion, the smallest."""
    return float(values.min() if name in _SMALL_IS_GOOD else values.max())
