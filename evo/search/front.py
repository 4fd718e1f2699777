"""Base class of the multi-objective searches: parents and children compete to become the next parents."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int
from numpy import ndarray

from evo.search.base import NOTHING_MEASURED, Asked, Measurements, Search, State, founders, numbered, unrelated
from evo.search.operators.deap_individual import Individual
from evo.search.operators.variation import Variation
from genomes.spec import GenomeSpec
from genomes.streams import Streams


class FrontSearch(Search):
    """A search for a front: parents and children compete to become the next parents; subclasses choose among them."""

    population: int
    variation: Variation

    @property
    def lives(self) -> int:
        """The population size."""
        return self.population

    @property
    def overlaps(self) -> bool:
        """True: children can compete in any later generation."""
        return True

    def begin(self, spec: GenomeSpec, streams: Streams) -> State:
        """The founders, not yet evaluated."""
        units = founders(self.population, spec, streams)
        none = np.zeros(0, dtype=np.int64)
        return {"units": units, "goals": np.zeros((0, 0)), "born": none, "told": np.zeros(1, dtype=np.int64)}

    def ask(self, state: State, spec: GenomeSpec, streams: Streams) -> Asked:
        """The founders in the first generation; then children of the parents."""
        if not len(state["goals"]):
            return Asked(state["units"].copy(), unrelated(self.population))
        children = self.variation.offspring(state["units"], state["goals"], self.population, self.mates, spec, streams)
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
        """Keeps the best of parents and children, as many as the population."""
        if not len(state["goals"]):
            units, merged = asked.held, goals
        else:
            units, merged = np.concatenate([state["units"], asked.held]), np.concatenate([state["goals"], goals])
        rows = self.survivors(merged, streams.stream("selection"))
        born = np.concatenate([state["born"], state["told"] * self.population + np.arange(self.population)])
        return {"units": units[rows], "goals": merged[rows], "born": born[rows], "told": state["told"] + 1}

    @abstractmethod
    def mates(self, parents: list[Individual], count: int, streams: Streams) -> Sequence[Individual]:
        """The parents of the next children."""

    @abstractmethod
    def survivors(self, goals: Float64[ndarray, "N goals"], streams: Streams) -> Int[ndarray, " population"]:
        """Rows of parents and children together, as many as the population."""
