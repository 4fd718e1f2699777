"""NSGA-II, non-dominated sorting and crowding distance: Deb, Pratap, Agarwal & Meyarivan 2002, IEEE TEC 6:182."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from deap import tools
from jaxtyping import Float64, Int
from numpy import ndarray

from evo.search.base import check_population, deap_seeded
from evo.search.front import FrontSearch
from evo.search.operators.deap_individual import Individual
from evo.search.operators.front_sort import best, crowding
from evo.search.operators.variation import Variation
from genomes.errors import require
from genomes.spec import GenomeSpec
from genomes.streams import Streams


@final
@dataclass(frozen=True)
class NSGA2(FrontSearch):
    """Non-dominated sorting with crowding distance.

    Attributes:
        population: number of parents, and of children per generation; a multiple of 4.
        variation: crossover and mutation.
    """

    population: int = 128
    variation: Variation = field(default_factory=Variation)

    def __post_init__(self) -> None:
        check_population("NSGA2", self.population, 4)
        require(self.population % 4 == 0, "NSGA2.population", "a multiple of 4", self.population)

    def check(self, spec: GenomeSpec, goals: int) -> None:
        """Raises InputError unless there are at least two goals."""
        require(goals >= 2, "search NSGA2", "at least two goals", goals)

    def mates(self, parents: list[Individual], count: int, streams: Streams) -> Sequence[Individual]:
        """Binary tournaments by front and crowding distance."""
        distances = crowding(np.array([parent.fitness.values for parent in parents]))
        for parent, distance in zip(parents, distances.tolist(), strict=True):
            parent.fitness.crowding_dist = distance
        with deap_seeded(streams):
            return tools.selTournamentDCD(parents, count)

    def survivors(self, goals: Float64[ndarray, "N goals"], streams: Streams) -> Int[ndarray, " population"]:
        """Rows of the first fronts, and from the last front those with the largest crowding distance."""
        return best(goals, self.population)
