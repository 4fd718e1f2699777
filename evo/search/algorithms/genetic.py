"""A generational genetic algorithm with tournaments and elites: Holland 1975; Goldberg & Deb 1991."""

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
class Genetic(Search):
    """The best survive as elites, and are evaluated again; the rest are children of tournament winners.

    Several goals are combined by the mean of their ranks within the generation.

    Attributes:
        population: individuals per generation.
        elites: number of the best individuals that survive unchanged.
        tournament: number of candidates that compete to become a parent; 1: no selection (the drift control).
        variation: crossover and mutation.
    """

    population: int = 128
    elites: int = 2
    tournament: int = 3
    variation: Variation = field(default_factory=Variation)

    def __post_init__(self) -> None:
        check_population("Genetic", self.population)
        require(0 <= self.elites < self.population, "Genetic.elites", "0 to below the population", self.elites)
        require(self.tournament >= 1, "Genetic.tournament", "at least 1", self.tournament)

    @property
    def lives(self) -> int:
        """The population size."""
        return self.population

    def check(self, spec: GenomeSpec, goals: int) -> None:
        """Accepts any genome and any number of goals."""

    def begin(self, spec: GenomeSpec, streams: Streams) -> State:
        """The founders, not yet evaluated."""
        units = founders(self.population, spec, streams)
        return {"units": units, "worth": np.zeros(0), "born": np.arange(self.population) - self.population}

    def ask(self, state: State, spec: GenomeSpec, streams: Streams) -> Asked:
        """The founders in the first generation; then elites and children."""
        units, worth = state["units"], state["worth"]
        if not len(worth):
            return Asked(units.copy(), unrelated(len(units)))
        best = np.argsort(-worth, kind="stable")[: self.elites]
        count = self.population - self.elites
        children = self.variation.offspring(units, worth[:, None], count, tournament(self.tournament), spec, streams)
        kept = np.stack([best, np.full_like(best, -1)], axis=1)
        rows = np.concatenate([kept, children.parents])
        return Asked(np.concatenate([units[best], children.units]), numbered(rows, state["born"]))

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
        worth = mean_rank(goals)
        return {"units": asked.held.copy(), "worth": worth, "born": state["born"] + self.population}
