"""Random search (Bergstra & Bengio 2012): the control without inheritance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from jaxtyping import Float64
from numpy import ndarray

from evo.search.base import NOTHING_MEASURED, Asked, Measurements, Search, State, check_population, founders, unrelated
from genomes.spec import GenomeSpec
from genomes.streams import Streams


@final
@dataclass(frozen=True)
class RandomSearch(Search):
    """New random genomes in every generation.

    Attributes:
        population: individuals per generation.
    """

    population: int = 128

    def __post_init__(self) -> None:
        check_population("RandomSearch", self.population)

    @property
    def lives(self) -> int:
        """The population size."""
        return self.population

    def check(self, spec: GenomeSpec, goals: int) -> None:
        """Accepts any genome and any number of goals."""

    def begin(self, spec: GenomeSpec, streams: Streams) -> State:
        """An empty state."""
        return {}

    def ask(self, state: State, spec: GenomeSpec, streams: Streams) -> Asked:
        """New founders."""
        return Asked(founders(self.population, spec, streams), unrelated(self.population))

    def tell(
        self,
        state: State,
        asked: Asked,
        goals: Float64[ndarray, "N goals"],
        spec: GenomeSpec,
        streams: Streams,
        measurements: Measurements = NOTHING_MEASURED,
    ) -> State:
        """The unchanged state."""
        return state
