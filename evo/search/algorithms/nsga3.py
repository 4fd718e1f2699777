"""NSGA-III, non-dominated sorting and reference points, for three goals or more: Deb & Jain 2014, IEEE TEC 18:577."""

from __future__ import annotations

import math
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
from evo.search.operators.front_sort import fronts
from evo.search.operators.variation import Variation
from genomes.errors import require
from genomes.spec import GenomeSpec
from genomes.streams import Streams

_MOST_POINTS = 10_000


@final
@dataclass(frozen=True)
class NSGA3(FrontSearch):
    """Non-dominated sorting with reference points, for three goals or more.

    Attributes:
        population: number of parents, and of children per generation.
        divisions: divisions of the simplex on which the reference points lie, per edge.
        variation: crossover and mutation.
    """

    population: int = 128
    divisions: int = 12
    variation: Variation = field(default_factory=Variation)

    def __post_init__(self) -> None:
        check_population("NSGA3", self.population)
        require(self.divisions >= 1, "NSGA3.divisions", "at least 1", self.divisions)

    def check(self, spec: GenomeSpec, goals: int) -> None:
        """Raises InputError unless there are at least two goals and not too many reference points."""
        require(goals >= 2, "search NSGA3", "at least two goals", goals)
        points = math.comb(goals + self.divisions - 1, self.divisions)
        where = f"search NSGA3.divisions: {self.divisions} for {goals} goals"
        require(points <= _MOST_POINTS, where, f"at most {_MOST_POINTS} reference points", points)

    def mates(self, parents: list[Individual], count: int, streams: Streams) -> Sequence[Individual]:
        """Random parents."""
        with deap_seeded(streams):
            return tools.selRandom(parents, count)

    def survivors(self, goals: Float64[ndarray, "N goals"], streams: Streams) -> Int[ndarray, " population"]:
        """Rows of the first fronts, and from the last front those at the least occupied reference points: selNSGA3."""
        order, front = fronts(goals)
        kept = order[front <= front[self.population - 1]]
        certain = np.count_nonzero(front < front[self.population - 1])
        losses, points = -goals[kept], tools.uniform_reference_points(goals.shape[1], self.divisions)
        ideal, worst = losses.min(axis=0), losses.max(axis=0)
        extremes = tools.emo.find_extreme_points(losses, ideal)
        intercepts = tools.emo.find_intercepts(extremes, ideal, worst, worst)
        niches, distances = tools.emo.associate_to_niche(losses, points, ideal, intercepts)
        taken = np.bincount(niches[:certain], minlength=len(points))
        last, free = kept[certain:], self.population - certain
        with deap_seeded(streams):
            chosen = tools.emo.niching(last, free, niches[certain:], distances[certain:], taken)
        return np.array([*kept[:certain], *chosen])
