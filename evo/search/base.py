"""The seam of searches: ask and tell over explicit state, so that the loop can be anybody's."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int
from numpy import ndarray
from scipy.stats import rankdata

from genomes.errors import require
from genomes.spec import GenomeSpec
from genomes.streams import Streams

State = dict[str, ndarray]
"""Everything that a search carries from one generation to the next: named arrays, so that it can be stored exactly."""


@final
@dataclass(frozen=True, eq=False)
class Asked:
    """The individuals that a search wants evaluated.

    Attributes:
        units: (N, G) in the unit cube; None where the search is lazy.
        parents: (N, 2) whom each came from, in numbers of the run: generation * lives + row; -1 where there is none.
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
            raise ValueError("a lazy search holds no units: Search.rows makes those that are wanted")
        return self.units


class Search(ABC):
    """How a population is bred. Implementations are frozen dataclasses; all that changes is in the State.

    Every number of chance comes from the `streams` argument, which the loop derives from (run seed, generation).
    """

    @property
    @abstractmethod
    def lives(self) -> int:
        """How many individuals are evaluated in a generation."""

    @abstractmethod
    def check(self, spec: GenomeSpec, goals: int) -> None:
        """Raises InputError when the search cannot work with this genome or this number of goals."""

    @abstractmethod
    def begin(self, spec: GenomeSpec, streams: Streams) -> State:
        """The state before the first generation."""

    @abstractmethod
    def ask(self, state: State, spec: GenomeSpec, streams: Streams) -> Asked:
        """The individuals of the next generation; the same answer for the same arguments."""

    @abstractmethod
    def tell(
        self, state: State, asked: Asked, goals: Float64[ndarray, "N goals"], spec: GenomeSpec, streams: Streams
    ) -> State:
        """The state after the individuals were evaluated; goals are finite and maximised."""

    @property
    def overlaps(self) -> bool:
        """Whether it can be told individuals that were asked for before it was told others."""
        return False

    def lazy(self, spec: GenomeSpec) -> bool:
        """Whether a generation is too large to hold: `ask` gives no units then, and whoever wants some asks `rows`."""
        return False

    def source(self, state: State) -> State:
        """All that `rows` reads of a state: of a lazy search it travels, and is stored, in place of the individuals."""
        return state

    def rows(
        self, state: State, rows: Int[ndarray, " R"], spec: GenomeSpec, streams: Streams
    ) -> Float64[ndarray, "R G"]:
        """Those rows of what `ask(state, spec, chance)` gives, or would if it could be held.

        `state` may be a `source`: the answer is the same.
        """
        return self.ask(state, spec, streams).held[rows]


def founders(count: int, spec: GenomeSpec, streams: Streams) -> Float64[ndarray, "N G"]:
    """Random genomes, uniform in the unit cube: the distribution that every search begins from."""
    return streams.stream("founders").uniform(count, spec.size)[0].numpy()


def unrelated(count: int) -> Int[ndarray, "N 2"]:
    """Parents of individuals that have none."""
    return np.full((count, 2), -1, dtype=np.int64)


def numbered(rows: Int[ndarray, "N 2"], born: Int[ndarray, " M"]) -> Int[ndarray, "N 2"]:
    """Rows of M parents to their numbers in the run; -1 stays."""
    return np.where(rows < 0, -1, born[rows])


def mean_rank(goals: Float64[ndarray, "N goals"]) -> Float64[ndarray, " N"]:
    """Several goals as one, 1 for the worst: each is ranked within the generation, ties sharing their mean rank."""
    ranks: Float64[ndarray, " N"] = np.mean([rankdata(goal) for goal in goals.T], axis=0)
    return ranks


@contextmanager
def deap_seeded(streams: Streams) -> Iterator[None]:
    """Installs a derived state into the global generators that DEAP draws from, and restores the old ones after.

    Hold it around DEAP's own calls and nothing else: whatever else drew in between would shift what DEAP draws.
    """
    python, numpy = random.getstate(), np.random.get_state()
    words = streams.words(16)[0].tolist()  # both are the same twister: from the same words they would draw the same
    random.seed(sum(word << (32 * i) for i, word in enumerate(words[:8])))
    np.random.seed(words[8:])
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def check_population(name: str, population: int, least: int = 2) -> None:
    """A population that a search can breed."""
    require(population >= least, f"{name}.population", f"at least {least}", population)
