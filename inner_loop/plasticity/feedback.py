"""The way of errors from a group back to the groups that project to it; shared by the rules that descend an error.

Backpropagation uses the transposed weights, which no synapse can know (Grossberg 1987; Crick 1989).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

from torch import Tensor

from genomes.phenotype import Phenotype
from genomes.streams import Streams
from genomes.topology import Projection
from inner_loop.network import Weights

Ways = dict[str, Tensor]
"""By projection, (P, post, pre): the matrices that carry errors back, if they are not the weights."""


class Feedback(ABC):
    """delta_pre += way^T delta_post. Implementations are frozen dataclasses: configuration, no state."""

    def init(self, newborn: Phenotype, streams: Streams) -> Ways:
        """The matrices at birth, drawn from the individuals' own streams; none if the weights are used."""
        return {}

    @abstractmethod
    def way(self, edge: Projection, weights: Weights, ways: Ways) -> Tensor:
        """The matrix of one projection, (P, post, pre); it must not be modified."""


@final
@dataclass(frozen=True)
class Transposed(Feedback):
    """Errors go back through the present weights: backpropagation."""

    def way(self, edge: Projection, weights: Weights, ways: Ways) -> Tensor:
        """The weights themselves, not a copy."""
        return weights.projections[edge.name]


TRANSPOSED = Transposed()


@final
@dataclass(frozen=True)
class FixedRandom(Feedback):
    """Normal numbers of variance 1 / post, drawn at birth and never changed (Lillicrap et al. 2016)."""

    def init(self, newborn: Phenotype, streams: Streams) -> Ways:
        """Draws a matrix for every projection between groups that have errors."""
        topology, ways = newborn.topology, {}
        for edge in topology.edges:
            if edge.pre != topology.sensory.name:
                shape = topology.shape(edge)
                drawn = streams.stream(f"feedback {edge.name}").normal(*shape) / shape[0] ** 0.5
                ways[edge.name] = drawn.to(newborn.like)
        return ways

    def way(self, edge: Projection, weights: Weights, ways: Ways) -> Tensor:
        """The matrix that was drawn."""
        return ways[edge.name]
