"""No plasticity: the innate control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.rule import LearningRule


@final
@dataclass(frozen=True)
class Frozen(LearningRule[tuple[()]]):
    """The weights stay as they were at birth."""

    learns: ClassVar[bool] = False

    def init(self, network: Network, newborn: Phenotype, weights: Weights, streams: Streams) -> tuple[()]:
        """Empty: the rule has no state."""
        return ()

    def step(
        self, network: Network, weights: Weights, state: tuple[()], lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, tuple[()]]:
        """Changes nothing."""
        return weights, state
