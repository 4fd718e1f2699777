"""DEAP's fitness and individuals without its class factory `deap.creator`, which breaks across processes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, SupportsIndex, cast, final

import numpy as np
from deap import base
from jaxtyping import Float64
from numpy import ndarray


@final
class Fitness(base.Fitness):  # type: ignore[misc]
    """Goals of an individual, all maximised, of any number."""

    def __init__(self, values: Sequence[float] = ()) -> None:
        self.weights = (1.0,) * max(len(values), 1)
        super().__init__(tuple(float(value) for value in values))

    def __deepcopy__(self, memo: dict[int, Any]) -> Fitness:
        return Fitness(self.values)


@final
class Individual(array):  # type: ignore[type-arg]
    """A genome that DEAP's operators can change: float64 in the unit cube, or 0 and 1 for bit strings.

    Attributes:
        fitness: its goals.
        row: its row in the population that it came from.
    """

    fitness: Fitness
    row: int

    def __new__(cls, numbers: Sequence[float] | ndarray, goals: Sequence[float] = (), row: int = -1) -> Individual:
        """Makes an individual with its own copy of the numbers."""
        made: Any = super().__new__(cls, "d", np.asarray(numbers, dtype=np.float64).tobytes())
        made.fitness, made.row = Fitness(goals), row
        return cast("Individual", made)

    def clone(self) -> Individual:
        """A copy that shares no data: DEAP's selections return aliases, and its variations work in place."""
        return Individual(self, self.fitness.values, self.row)

    def __deepcopy__(self, memo: dict[int, Any]) -> Individual:
        return self.clone()

    def __copy__(self) -> Individual:
        return self.clone()  # array's own __copy__ would lose the class

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        # array's own __reduce_ex__ would be used in place of __reduce__, and calls the class with a type code
        return Individual, (np.array(self), self.fitness.values, self.row)


def individuals(numbers: Float64[ndarray, "N G"], goals: Float64[ndarray, "N goals"]) -> list[Individual]:
    """Rows of a population as DEAP individuals."""
    return [Individual(numbers[i], goals[i].tolist(), i) for i in range(len(numbers))]


def matrix(chosen: Sequence[Individual]) -> Float64[ndarray, "N G"]:
    """DEAP individuals as rows of an array."""
    return np.array([np.asarray(individual) for individual in chosen], dtype=np.float64)
