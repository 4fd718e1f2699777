"""Every synapse that grew has the same weight: the ladder of Gaier & Ha 2019 (arXiv 1906.04358)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import final

from genomes.errors import require
from genomes.intervention import Intervention, grown, without_biases
from genomes.phenotype import Phenotype
from genomes.streams import Streams

SERIES = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
"""The values that the paper tries."""


@final
@dataclass(frozen=True)
class SharedWeight(Intervention):
    """Gives all synapses the same weight; no biases.

    Attributes:
        value: the weight.
    """

    value: float = 1.0

    def __post_init__(self) -> None:
        require(math.isfinite(self.value), "SharedWeight.value", "a finite number", self.value)

    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Sets the value wherever a synapse grew."""
        projections = {
            name: replace(s, weight=grown(s).to(s.weight) * self.value) for name, s in newborn.projections.items()
        }
        return without_biases(replace(newborn, projections=projections))
