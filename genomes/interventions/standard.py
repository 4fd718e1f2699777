"""Standard initialisation: tests what the topology alone can do (LeCun et al. 1998; He et al. 2015 behind relu)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch

from genomes.intervention import Intervention, grown, without_biases
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from genomes.topology import Projection


@final
@dataclass(frozen=True)
class Standard(Intervention):
    """Draws normal weights of variance 1 / fan-in, 2 / fan-in into relu units; no biases.

    Attributes:
        mask: True: only synapses that grew have weights, and the fan-in counts only them. False: all synapses grow.
    """

    mask: bool = False

    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Draws other weights for every individual."""
        topology, projections = newborn.topology, {}
        for edge in topology.edges:
            synapses = newborn.projections[edge.name]
            drawn = streams.stream(edge.name).normal(*topology.shape(edge)).to(synapses.weight)
            here = grown(synapses) if self.mask else torch.ones_like(synapses.weight, dtype=torch.bool)
            fan_in = here.sum(2, keepdim=True).clamp(min=1)
            weight = drawn * here * (_variance(newborn, edge) / fan_in).sqrt()
            projections[edge.name] = replace(synapses, weight=weight, mask=synapses.mask if self.mask else None)
        return without_biases(replace(newborn, projections=projections))


def _variance(newborn: Phenotype, edge: Projection) -> float:
    return 2.0 if newborn.topology.group(edge.post).activation == "relu" else 1.0
