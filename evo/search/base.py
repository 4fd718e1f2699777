"""The interface of searches: ask and tell over explicit state, so that any loop can drive a search."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import final

import numpy as np
from jaxtyping import Float64, Int
from numpy import ndarray
from scipy.stats import rankdata

from genomes.errors import require
from genomes.spec import GenomeSpec
from genomes.streams import Streams

Measurements = Mapping[str, ndarray]
"""Of the individuals that were asked for, by name, (N, ...)."""

NOTHING_MEASURED: Measurements = MappingProxyType({})
"""For loops that select by goals alone."""

State = dict[str, ndarray]
"""The complete state of a search between generations, as named arrays, so that it can be stored exactly."""


@final
@dataclass(frozen=True, eq=False)
class Asked:
    """The individuals that a search asks to evaluate.

    Attributes:
        units: (N, G) genomes in the unit cube; None if the search is lazy.
        parents: (N, 2) parents of each individual, as numbers in the run: generation * lives + row; -1 for no parent.
    """

    units: Float64[ndarray, "N G"] | None
    parents: Int[ndarray, "N 2"]

    @property
    def held(self) -> Float64[ndarray, "N G"]:
        """The units of a search that is not lazy.

        Raises:
            ValueError: a lazy search holds none.
        """
        if self.units is None:
            raise ValueError("a lazy search holds no units: call Search.rows for the needed rows")
        return self.units


class Search(ABC):
    """A search breeds a population. Implementations are frozen dataclasses; everything that changes is in the State.

    All random numbers come from the `streams` argument, which the loop derives from (run seed, generation).
    """

    @property
    @abstractmethod
    def lives(self) -> int:
        """Number of individuals evaluated in a generation."""

    @abstractmethod
    def check(self, spec: GenomeSpec, goals: int) -> None:
        """Raises InputError if the search cannot handle this genome or this number of goals."""

    @abstractmethod
    def begin(self, spec: GenomeSpec, streams: Streams) -> State:
        """The state before the first generation."""

    @abstractmethod
    def ask(self, state: State, spec: GenomeSpec, streams: Streams) -> Asked:
        """The individuals of the next generation; a pure function of the arguments."""

    @abstractmethod
    def tell(
        self,
        state: State,
        asked: Asked,
        goals: Float64[ndarray, "N goals"],
        spec: GenomeSpec,
        streams: Streams,
        measurements: Measurements = NOTHING_MEASURED,
    ) -> State:
        """The state after the evaluation of the individuals.

        Args:
            goals: finite, and maximised.
            measurements: by name, (N, ...): what an archive of different solutions needs beside the goals; nan where an
                individual failed.
        """

    @property
    def overlaps(self) -> bool:
        """True if `tell` accepts individuals that were asked for before the latest `tell` of other individuals."""
        return False

    def lazy(self, spec: GenomeSpec) -> bool:
        """True if a generation is too large to hold: `ask` then returns no units, and `rows` computes single rows."""
        return False

    def source(self, state: State) -> State:
        """The part of a state that `rows` reads; a lazy search sends and stores it in place of the individuals."""
        return state

    def rows(
        self, state: State, rows: Int[ndarray, " R"], spec: GenomeSpec, streams: Streams
    ) -> Float64[ndarray, "R G"]:
        """Rows of the units of `ask(state, spec, streams)`, also for a lazy search.

        `state` may be a `source`; the result is the same.
        """
        return self.ask(state, spec, streams).held[rows]


def founders(count: int, spec: GenomeSpec, streams: Streams) -> Float64[ndarray, "N G"]:
    """Random genomes, uniform in the unit cube: the initial distribution of every search."""
    return streams.stream("founders").uniform(count, spec.size)[0].numpy()


def unrelated(count: int) -> Int[ndarray, "N 2"]:
    """The parents array of individuals without parents."""
    return np.full((count, 2), -1, dtype=np.int64)


def numbered(rows: Int[ndarray, "N 2"], born: Int[ndarray, " M"]) -> Int[ndarray, "N 2"]:
    """Converts rows of M parents to their numbers in the run; -1 stays."""
    return np.where(rows < 0, -1, born[rows])


def mean_rank(goals: Float64[ndarray, "N goals"]) -> Float64[ndarray, " N"]:
    """Mean over the goals of each individual's rank in the generation, 1 for the worst; ties share their mean rank."""
    ranks: Float64[ndarray, " N"] = np.mean([rankdata(goal) for goal in goals.T], axis=0)
    return ranks


@contextmanager
def deap_seeded(streams: Streams) -> Iterator[None]:
    """Seeds the global generators that DEAP uses from `streams`, and restores their states afterwards.

    The block should contain only DEAP's calls: any other draw in it would change DEAP's random numbers.
    """
    python, numpy = random.getstate(), np.random.get_state()
    words = streams.words(16)[0].tolist()  # both are Mersenne twisters, so they need different seeds
    random.seed(sum(word << (32 * i) for i, word in enumerate(words[:8])))
    np.random.seed(words[8:])
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def check_population(name: str, population: int, least: int = 2) -> None:
    """Raises InputError if a population is too small to breed."""
    require(population >= least, f"{name}.population", f"at least {least}", population)
