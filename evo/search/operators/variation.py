"""Offspring by DEAP's crossover and mutation, in the unit cube or on Gray-coded bit strings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from deap import tools
from jaxtyping import Float64, Int64
from numpy import ndarray

from evo.search.base import Asked, deap_seeded
from evo.search.operators.deap_individual import Individual, individuals, matrix
from genomes.errors import require
from genomes.spec import GenomeSpec
from genomes.streams import Streams

Choice = Callable[[list[Individual], int, Streams], Sequence[Individual]]
"""Function that chooses parents: (candidates, count, streams)."""


def tournament(size: int) -> Choice:
    """Tournament choice: each parent is the best of `size` random candidates; with size 1, a random candidate."""

    def choose(candidates: list[Individual], count: int, streams: Streams) -> Sequence[Individual]:
        with deap_seeded(streams):
            chosen: list[Individual] = tools.selTournament(candidates, count, tournsize=size)
        return chosen

    return choose


@final
@dataclass(frozen=True)
class Variation:
    """Crossover and mutation: two parents give two children.

    Attributes:
        coding: `real` (simulated binary crossover, polynomial mutation: Deb & Agrawal 1995) or `gray` (uniform
            crossover and bit flips on the Gray code of the levels).
        crossover: probability that two parents are crossed.
        mutations: mean number of mutated genes (or bits) per child.
        eta: distribution index of the real operators; with larger values, children are more similar to their parents.
    """

    coding: Literal["real", "gray"] = "real"
    crossover: float = 0.9
    mutations: float = 4.0
    eta: float = 15.0

    def __post_init__(self) -> None:
        require(0 <= self.crossover <= 1, "variation.crossover", "a probability", self.crossover)
        require(self.mutations >= 0, "variation.mutations", "at least 0", self.mutations)
        require(self.eta > 0, "variation.eta", "a number above 0", self.eta)

    def encoded(self, units: Float64[ndarray, "N G"], spec: GenomeSpec) -> Float64[ndarray, "N length"]:
        """Converts genomes to the numbers that the operators change."""
        return units if self.coding == "real" else spec.bit_strings(spec.quantise(units)).astype(np.float64)

    def decoded(self, numbers: Float64[ndarray, "N length"], spec: GenomeSpec) -> Float64[ndarray, "N G"]:
        """Converts the operators' numbers back to the unit cube."""
        return numbers if self.coding == "real" else spec.units(spec.from_bit_strings(numbers > 0.5))

    def offspring(
        self,
        units: Float64[ndarray, "N G"],
        goals: Float64[ndarray, "N goals"],
        count: int,
        choose: Choice,
        spec: GenomeSpec,
        streams: Streams,
    ) -> Asked:
        """Children of the parents that `choose` selects; their `parents` are rows of `units`."""
        parents = choose(individuals(self.encoded(units, spec), goals), count + count % 2, streams.stream("mates"))
        children = [parent.clone() for parent in parents]
        lineage = self._vary(children, streams.stream("variation"))
        varied = self.decoded(matrix(children[:count]), spec)
        if spec.categorical.any():
            rate = min(self.mutations / max(len(children[0]), 1), 1.0)
            varied = categories(varied, units, lineage[:count], rate, spec, streams.stream("categories"))
        return Asked(varied, lineage[:count])

    def _vary(self, children: list[Individual], streams: Streams) -> Int64[ndarray, "N 2"]:
        """Crosses and mutates adjacent pairs in place; returns the rows of each child's parents."""
        rate = min(self.mutations / max(len(children[0]), 1), 1.0)
        lineage = []
        with deap_seeded(streams):
            for one, two in zip(children[::2], children[1::2], strict=True):
                crossed = np.random.random() < self.crossover
                if crossed and self.coding == "real":
                    tools.cxSimulatedBinaryBounded(one, two, self.eta, 0.0, 1.0)
                elif crossed:
                    tools.cxUniform(one, two, 0.5)
                for child in (one, two):
                    if self.coding == "real":
                        tools.mutPolynomialBounded(child, self.eta, 0.0, 1.0, rate)
                    else:
                        _flip(child, rate)
                lineage += [[one.row, two.row if crossed else -1], [two.row, one.row if crossed else -1]]
        return np.array(lineage, dtype=np.int64)


def categories(
    varied: Float64[ndarray, "N G"],
    units: Float64[ndarray, "M G"],
    lineage: Int64[ndarray, "N 2"],
    rate: float,
    spec: GenomeSpec,
    streams: Streams,
) -> Float64[ndarray, "N G"]:
    """Genomes whose categories come from one of their parents, and mutate to any of the other values alike.

    Args:
        varied: the children as the operators for ordered numbers made them.
        units: the parents.
        lineage: rows of each child's parents; -1 for no second parent.
        rate: probability that a category mutates.
    """
    where = np.flatnonzero(spec.categorical)
    counts = spec.level_counts[where]
    drawn = streams.uniform(3, len(varied), len(where))[0].numpy()
    second = (lineage[:, 1:] >= 0) & (drawn[0] < 0.5)
    levels = spec.quantise(units)[:, where].astype(np.int64)
    inherited = np.where(second, levels[lineage[:, 1]], levels[lineage[:, 0]])
    other = (inherited + 1 + np.floor(drawn[2] * (counts - 1)).astype(np.int64)) % counts
    chosen = np.where(drawn[1] < rate, other, inherited)
    whole = varied.copy()
    whole[:, where] = (chosen + 0.5) / counts
    return whole


def _flip(child: Individual, rate: float) -> None:
    # tools.mutFlipBit calls Python's generator once per bit: seconds per generation for thousands of bits
    view = np.frombuffer(child, dtype=np.float64)
    flips = np.random.random(len(child)) < rate
    view[flips] = 1.0 - view[flips]
