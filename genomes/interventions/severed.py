"""A projection between two cell types, cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch

from genomes.errors import InputError, nearest, require
from genomes.intervention import Intervention, grown
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from genomes.topology import Topology


@final
@dataclass(frozen=True)
class Severed(Intervention):
    """Removes all synapses of a projection from one cell type to another; learning cannot restore them.

    Attributes:
        projection: `pre -> post`.
        pre_type, post_type: cell types of its groups; None: all.
    """

    projection: str = ""
    pre_type: int | None = None
    post_type: int | None = None

    def check(self, topology: Topology) -> None:
        """Raises InputError unless the topology has the projection and the types."""
        edges = {edge.name: edge for edge in topology.edges}
        if self.projection not in edges:
            raise InputError(f"Severed: no projection '{self.projection}'; {nearest(self.projection, edges)}")
        edge = edges[self.projection]
        for group, kind in ((edge.pre, self.pre_type), (edge.post, self.post_type)):
            types = topology.group(group).types
            require(kind is None or 0 <= kind < types, f"Severed.{group}", f"a type from 0 to {types - 1}", kind)

    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Cuts the projection; draws no random numbers."""
        self.check(newborn.topology)
        edge = next(edge for edge in newborn.topology.edges if edge.name == self.projection)
        pre, post = (newborn.topology.group(name).cell_types for name in (edge.pre, edge.post))
        ours = [
            torch.ones_like(types, dtype=torch.bool) if kind is None else types == kind
            for types, kind in ((post, self.post_type), (pre, self.pre_type))
        ]
        synapses = newborn.projections[edge.name]
        left = grown(synapses) & ~(ours[0][:, None] & ours[1][None, :]).to(synapses.weight.device)
        cut = replace(synapses, weight=synapses.weight * left, mask=left)
        return replace(newborn, projections={**newborn.projections, edge.name: cut})
