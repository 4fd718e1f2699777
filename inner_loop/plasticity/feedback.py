"""How errors come back from a group to the groups that project to it; shared by the rules that descend an error.

Backpropagation sends them through the transposed weights, which no synapse knows (Grossberg 1987; Crick 1989).
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
"""By projection, (P, post, pre): what errors come back through, where it is not the weights themselves."""


class Feedback(ABC):
    """delta_pre += way^T delta_post. Implementations are frozen dataclasses: their own configuration, no state."""

    def init(self, newborn: Phenotype, streams: Streams) -> Ways:
        """The ways at birth, drawn from the individuals' own streams; none where the weights are the way."""
        return {}

    @abstractmethod
    def way(self, edge: Projection, weights: Weights, ways: Ways) -> Tensor:
        """(P, post, pre) of one projection; not written into."""


@final
@dataclass(frozen=True)
class Transposed(Feedback):
    """The weights of now: backpropagation."""

    def way(self, edge: Projection, weights: Weights, ways: Ways) -> Tensor:
        """The weights themselves, not a copy."""
        return weights.projections[edge.name]


TRANSPOSED = Transposed()


@final
@dataclass(frozen=True)
class FixedRandom(Feedback):
    """Normal numbers of variance 1 / post, drawn at birth and never changed (Lillicrap et al. 2016)."""

    def init(self, newborn: Phenotype, streams: Streams) -> Ways:
        """For every projection between groups that have errors."""
        topology, ways = newborn.topology, {}
        for edge in topology.edges:
            if edge.pre != topology.sensory.name:
                shape = topology.shape(edge)
                drawn = streams.stream(f"feedback {edge.name}").normal(*shape) / shape[0] ** 0.5
                ways[edge.name] = drawn.to(newborn.like)
        return ways

    def way(self, edge: Projection, weights: Weights, ways: Ways) -> Tensor:
        """What was drawn."""
        return ways[edge.name]
