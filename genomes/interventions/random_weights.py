"""Every synapse that grew has a random weight: the first step of the ladder of Gaier & Ha 2019 (arXiv 1906.04358)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from genomes.errors import require
from genomes.intervention import Intervention, grown, without_biases
from genomes.phenotype import Phenotype
from genomes.streams import Streams


@final
@dataclass(frozen=True)
class RandomWeights(Intervention):
    """Draws weights uniform in [-reach, reach]; no biases.

    Attributes:
        reach: the largest magnitude; the paper's is 2.
    """

    reach: float = 2.0

    def __post_init__(self) -> None:
        require(self.reach > 0, "RandomWeights.reach", "a number above 0", self.reach)

    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Draws other weights for every individual."""
        projections = {}
        for name, synapses in newborn.projections.items():
            drawn = streams.stream(name).uniform(*synapses.weight.shape[1:]).to(synapses.weight)
            weight = (drawn * 2.0 - 1.0) * self.reach * grown(synapses)
            projections[name] = replace(synapses, weight=weight)
        return without_biases(replace(newborn, projections=projections))
