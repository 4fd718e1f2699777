"""Random loss of synapses or neurons: tests whether behaviour degrades gracefully."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, final

import torch
from jaxtyping import Bool
from torch import Tensor

from genomes.errors import require
from genomes.intervention import Intervention, grown
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from genomes.topology import Topology


@final
@dataclass(frozen=True)
class Lesion(Intervention):
    """Removes synapses; learning cannot restore a removed synapse.

    Attributes:
        share: share of the synapses that could grow, or of the neurons between the sensory and the output group.
        of: the parts that are lost; a neuron is lost with all its synapses.
    """

    share: float = 0.1
    of: Literal["synapses", "neurons"] = "synapses"

    def __post_init__(self) -> None:
        require(0 <= self.share <= 1, "Lesion.share", "a share from 0 to 1", self.share)

    def check(self, topology: Topology) -> None:
        """Raises InputError for neurons in a topology without a group between the senses and the output."""
        require(
            self.of == "synapses" or len(topology.groups) > 2, "Lesion", "a group between senses and output", "none"
        )

    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Draws a lesion for every individual; the share counts all places of a projection, rounded to whole places."""
        self.check(newborn.topology)
        between = newborn.topology.groups[1:-1] if self.of == "neurons" else ()
        spared = {g.name: self._spared(newborn, streams.stream(g.name), g.size) for g in between}
        projections = {}
        for edge in newborn.topology.edges:
            synapses = newborn.projections[edge.name]
            left = grown(synapses)
            if self.of == "synapses":
                left = left & self._spared(newborn, streams.stream(edge.name), left[0].numel()).view_as(left)
            for end, axis in ((edge.post, 2), (edge.pre, 1)):
                if end in spared:
                    left = left & spared[end].unsqueeze(axis)
            projections[edge.name] = replace(synapses, weight=synapses.weight * left, mask=left)
        biases = {name: (newborn.bias(name), left) for name, left in spared.items()}
        kept = {name: {"bias": bias * left} for name, (bias, left) in biases.items() if bias is not None}
        return replace(newborn, projections=projections).with_units(kept)

    def _spared(self, newborn: Phenotype, streams: Streams, count: int) -> Bool[Tensor, "P count"]:
        rank = torch.argsort(streams.permutation(count), dim=1)
        return (rank >= round(self.share * count)).to(newborn.like.device)
