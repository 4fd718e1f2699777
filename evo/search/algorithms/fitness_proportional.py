"""Fitness-proportional selection and one-point crossover: Holland 1975; the search of Hinton & Nowlan 1987."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from deap import tools
from jaxtyping import Float64
from numpy import ndarray

from evo.search.base import (
    NOTHING_MEASURED,
    Asked,
    Measurements,
    Search,
    State,
    check_population,
    deap_seeded,
    founders,
    numbered,
    unrelated,
)
from evo.search.operators.deap_individual import individuals, matrix
from genomes.errors import require
from genomes.spec import GenomeSpec
from genomes.streams import Streams


@final
@dataclass(frozen=True)
class FitnessProportional(Search):
    """Replaces the whole generation: a child has two parents, drawn by roulette, and is made by one-point crossover.

    A parent's share of the roulette is its goal, without scaling. Goals of 0 and below have no share; if no goal is
    above 0, all shares are equal.

    Attributes:
        population: individuals per generation.
        mutation: probability that a gene of a child is replaced by a new random one; 0 in the paper.
    """

    population: int = 1000
    mutation: float = 0.0

    def __post_init__(self) -> None:
        check_population("FitnessProportional", self.population)
        require(0 <= self.mutation <= 1, "FitnessProportional.mutation", "a probability", self.mutation)

    @property
    def lives(self) -> int:
        """The population size."""
        return self.population

    def check(self, spec: GenomeSpec, goals: int) -> None:
        """Raises InputError unless there is one goal and a genome of at least two numbers."""
        require(goals == 1, "search FitnessProportional", "exactly one goal", goals)
        require(spec.size >= 2, "search FitnessProportional", "a genome of at least 2 numbers", spec.size)

    def begin(self, spec: GenomeSpec, streams: Streams) -> State:
        """The founders, not yet evaluated."""
        units = founders(self.population, spec, streams)
        return {"units": units, "worth": np.zeros(0), "born": np.arange(self.population) - self.population}

    def ask(self, state: State, spec: GenomeSpec, streams: Streams) -> Asked:
        """The founders in the first generation; then children."""
        units, worth = state["units"], state["worth"]
        if not len(worth):
            return Asked(units.copy(), unrelated(len(units)))
        candidates = individuals(units, _shares(worth)[:, None])
        with deap_seeded(streams.stream("mates")):
            parents = tools.selRoulette(candidates, 2 * self.population)
        children = [parent.clone() for parent in parents]
        with deap_seeded(streams.stream("crossover")):
            for one, two in zip(children[::2], children[1::2], strict=True):
                tools.cxOnePoint(one, two)  # only the first of its two children is used
        rows = np.array([parent.row for parent in parents]).reshape(-1, 2)
        crossed = self._mutated(matrix(children[::2]), spec, streams.stream("mutation"))
        return Asked(crossed, numbered(rows, state["born"]))

    def tell(
        self,
        state: State,
        asked: Asked,
        goals: Float64[ndarray, "N goals"],
        spec: GenomeSpec,
        streams: Streams,
        measurements: Measurements = NOTHING_MEASURED,
    ) -> State:
        """The evaluated generation becomes the parents."""
        return {"units": asked.held.copy(), "worth": goals[:, 0].copy(), "born": state["born"] + self.population}

    def _mutated(self, units: Float64[ndarray, "N G"], spec: GenomeSpec, streams: Streams) -> Float64[ndarray, "N G"]:
        if self.mutation == 0:
            return units
        drawn = streams.uniform(*units.shape)[0].numpy() < self.mutation
        return np.where(drawn, founders(len(units), spec, streams), units)


def _shares(worth: Float64[ndarray, " N"]) -> Float64[ndarray, " N"]:
    """Whole-number shares of the roulette: their sum is exact in any order, so that every spin hits an individual."""
    positive = worth.clip(min=0.0)
    if not positive.any():
        return np.ones_like(worth)
    return np.rint(positive / positive.max() * 2.0**32)
