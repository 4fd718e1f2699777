"""NSGA-III, a front spread by reference points, for three goals and more: Deb & Jain 2014, IEEE TEC 18:577."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

from deap import tools

from evo.population import Individual
from evo.search.base import check_population, deap_chance
from evo.search.front import FrontSearch
from evo.search.variation import Variation
from genomes.chance import Chance
from genomes.expect import expect
from genomes.spec import GenomeSpec

_MOST_POINTS = 10_000


@final
@dataclass(frozen=True)
class NSGA3(FrontSearch):
    """Non-dominated sorting with reference points, for three goals and more.

    Attributes:
        population: parents, and children a generation.
        divisions: of the simplex on which the reference points lie.
        variation: crossover and mutation.
    """

    population: int = 128
    divisions: int = 12
    variation: Variation = field(default_factory=Variation)

    def __post_init__(self) -> None:
        check_population("NSGA3", self.population)
        expect(self.divisions >= 1, "NSGA3.divisions", "at least 1", self.divisions)

    def check(self, spec: GenomeSpec, goals: int) -> None:
        """Needs something to trade."""
        expect(goals >= 2, "search NSGA3", "at least two goals", goals)
        points = math.comb(goals + self.divisions - 1, self.divisions)
        where = f"search NSGA3.divisions: {self.divisions} for {goals} goals"
        expect(points <= _MOST_POINTS, where, f"at most {_MOST_POINTS} reference points", points)

    def mates(self, parents: list[Individual], count: int, chance: Chance) -> Sequence[Individual]:
        """Any two."""
        with deap_chance(chance):
            return tools.selRandom(parents, count)

    def survivors(self, everyone: list[Individual], chance: Chance) -> Sequence[Individual]:
        """DEAP's selNSGA3 with the fast non-dominated sort."""
        goals = len(everyone[0].fitness.values)
        points = tools.uniform_reference_points(goals, self.divisions)
        with deap_chance(chance):
            return tools.selNSGA3(everyone, self.population, points, nd="log")
