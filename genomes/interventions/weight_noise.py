"""Noise on the weights: tests how precisely a genome must specify them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from genomes.errors import require
from genomes.intervention import Intervention, grown, root_mean_square
from genomes.phenotype import Phenotype
from genomes.streams import Streams


@final
@dataclass(frozen=True)
class WeightNoise(Intervention):
    """Adds normal noise to every synapse that grew.

    Attributes:
        size: standard deviation, in root mean squares of the projection's weights.
    """

    size: float = 0.1

    def __post_init__(self) -> None:
        require(self.size >= 0, "WeightNoise.size", "at least 0", self.size)

    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Draws other noise for every individual."""
        projections = {}
        for name, synapses in newborn.projections.items():
            here = grown(synapses)
            noise = streams.stream(name).normal(*synapses.weight.shape[1:]).to(synapses.weight)
            size = self.size * root_mean_square(synapses.weight, here)
            projections[name] = replace(synapses, weight=synapses.weight + noise * here * size)
        return replace(newborn, projections=projections)
