"""A steady-state genetic algorithm, a few children at a time: Syswerda 1989 (ICGA 3:2); Whitley 1989 (ICGA 3:116)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.search.base import (
    NOTHING_MEASURED,
    Asked,
    Measurements,
    Search,
    State,
    check_population,
    founders,
    mean_rank,
    numbered,
    unrelated,
)
from evo.search.operators.variation import Variation, tournament
from genomes.errors import require
from genomes.spec import GenomeSpec
from genomes.streams import Streams


@final
@dataclass(frozen=True)
class SteadyState(Search):
    """Children replace the worst individuals as soon as they are evaluated.

    Several goals are combined by the mean of their ranks among all competitors. With `in_flight` above 1 the search is
    asynchronous: children are bred from the individuals evaluated so far.

    Attributes:
        population: largest number of individuals that are kept.
        children: individuals per generation; preferably the size of a cohort.
        tournament: number of candidates that compete to become a parent; 1: no selection of parents.
        variation: crossover and mutation.
    """

    population: int = 128
    children: int = 32
    tournament: int = 2
    variation: Variation = field(default_factory=Variation)

    def __post_init__(self) -> None:
        check_population("SteadyState", self.population)
        require(1 <= self.children <= self.population, "SteadyState.children", "1 to the population", self.children)
        require(self.tournament >= 1, "SteadyState.tournament", "at least 1", self.tournament)

    @property
    def lives(self) -> int:
        """The number of children."""
        return self.children

    @property
    def overlaps(self) -> bool:
        """True: children can compete in any later generation."""
        return True

    def check(self, spec: GenomeSpec, goals: int) -> None:
        """Accepts any genome and any number of goals."""

    def begin(self, spec: GenomeSpec, streams: Streams) -> State:
        """An empty population."""
        none = np.zeros(0, dtype=np.int64)
        return {
            "units": np.zeros((0, spec.size)),
            "goals": np.zeros((0, 0)),
            "born": none,
            "told": np.zeros(1, dtype=np.int64),
        }

    def ask(self, state: State, spec: GenomeSpec, streams: Streams) -> Asked:
        """Founders until the population is full; then children."""
        if len(state["units"]) < self.population:
            return Asked(founders(self.children, spec, streams), unrelated(self.children))
        worth = mean_rank(state["goals"])[:, None]
        children = self.variation.offspring(
            state["units"], worth, self.children, tournament(self.tournament), spec, streams
        )
        return Asked(children.units, numbered(children.parents, state["born"]))

    def tell(
        self,
        state: State,
        asked: Asked,
        goals: Float64[ndarray, "N goals"],
        spec: GenomeSpec,
        streams: Streams,
        measurements: Measurements = NOTHING_MEASURED,
    ) -> State:
        """Keeps the best of all, as many as the population; of equals, the later ones."""
        units = np.concatenate([asked.held, state["units"]])
        merged = np.concatenate([goals, state["goals"].reshape(-1, goals.shape[1])])
        born = np.concatenate([state["told"] * self.children + np.arange(self.children), state["born"]])
        rows = np.argsort(-mean_rank(merged), kind="stable")[: self.population]
        return {"units": units[rows], "goals": merged[rows], "born": born[rows], "told": state["told"] + 1}
