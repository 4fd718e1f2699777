"""W = X O X^T with Gaussian genes on the neuron sheet: the S-GEM of Barabasi et al. 2023, Nat. Commun. 14:2226."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, final

import torch
from torch import Tensor

from genomes.development.interactions import gene_positions, interaction_name, interaction_rules
from genomes.encoding import Encoding
from genomes.errors import require
from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable, Neutral
from genomes.phenotype import Phenotype, Synapses
from genomes.spec import Field, Genes, GenomeSpec
from genomes.streams import Streams, derive
from genomes.topology import Group, Topology
from genomes.wiring_rule import WiringRule


@final
@dataclass(frozen=True)
class SpatialExpression(Encoding):
    """Place r of a sheet expresses gene g as exp(-|r - mu_g|^2 / (2 sigma_g^2)): G (G + 3) numbers a layer.

    W = gain * sqrt(3 / G) * X_post O X_pre^T, O (G, G) in [-1, 1]. The neurons of a group without a grid have no place:
    their expression is a fixed random matrix, N(0, 1) from `readout_seed`, or G genes a neuron in [-1, 1].

    Deviations: the scale does not depend on the fan-in (that of every other encoding here does or can), so the summed
    input of a founder's neuron grows with the size of the sheet that it reads; `gain` sets another scale. And unlike in
    the paper, W is not rescaled to the standard deviation of Kaiming's initialisation (He et al. 2015).

    Attributes:
        genes: G.
        bits: for each number.
        readout: `random` (a constant, listed beside the genome's size) or `evolved`.
        readout_seed: of the random expression.
        interactions: one O for each projection, or one shared by all (ML-S-GEM).
        narrowest, widest: range of sigma, in lengths of the sheet, log scale.
        gain: multiplies every weight.
    """

    genes: int = 12
    bits: int = 6
    readout: Literal["random", "evolved"] = "random"
    readout_seed: int = 0
    interactions: Literal["projection", "shared"] = "projection"
    narrowest: float = 0.05
    widest: float = 1.0
    gain: Annotated[Evolvable, Neutral(1.0)] = 1.0

    def __post_init__(self) -> None:
        check_evolvables(self)
        require(self.genes >= 1, "SpatialExpression.genes", "at least 1", self.genes)
        require(1 <= self.bits <= 16, "SpatialExpression.bits", "1 to 16", self.bits)
        ordered = 0 < self.narrowest < self.widest
        require(ordered, "SpatialExpression", "0 < narrowest < widest", [self.narrowest, self.widest])

    def spec(self, topology: Topology) -> GenomeSpec:
        """Per sheet `place` (G, axes) and `width` (G,); per evolved readout (units, G); interactions (G, G)."""
        require(any(g.grid for g in topology.groups), "SpatialExpression", "a group with a grid", "none")
        fields = []
        for group in topology.groups:
            if group.grid is not None:
                fields.append(Field(f"place.{group.name}", (self.genes, len(group.grid)), 0.0, 1.0, bits=self.bits))
                span = (self.narrowest, self.widest)
                fields.append(Field(f"width.{group.name}", (self.genes,), *span, scale="log", bits=self.bits))
            elif self.readout == "evolved":
                fields.append(Field(f"expression.{group.name}", (group.size, self.genes), -1.0, 1.0, bits=self.bits))
        for name in dict.fromkeys(interaction_name(self.interactions, edge) for edge in topology.edges):
            fields.append(Field(name, (self.genes, self.genes), -1.0, 1.0, bits=self.bits))
        return GenomeSpec(tuple(fields))

    def develop(self, genes: Genes, topology: Topology, streams: Streams) -> Phenotype:
        """Unfolds X O X^T for every projection."""
        expression = {g.name: self._expression(g, genes) for g in topology.groups}
        scale = genes["gain"][:, None, None] * math.sqrt(3.0 / self.genes)
        projections = {}
        for edge in topology.edges:
            interaction = genes[interaction_name(self.interactions, edge)]
            reach = torch.matmul(expression[edge.post], scale * interaction)
            projections[edge.name] = Synapses(torch.matmul(reach, expression[edge.pre].mT))
        return Phenotype(topology, projections)

    def constants(self, topology: Topology) -> dict[str, object]:
        """The scale, and the numbers in the fixed random expression."""
        fixed = {g.name: g.size * self.genes for g in topology.groups if g.grid is None and self.readout == "random"}
        listed: dict[str, object] = {"scale": math.sqrt(3.0 / self.genes)}
        return listed | {f"random numbers expressed by {n}, from seed {self.readout_seed}": k for n, k in fixed.items()}

    def rules(self, topology: Topology) -> tuple[WiringRule, ...]:
        """A rule is a number of O. A gene is its row and column of every O; places and widths have no silent value."""
        spec, genes = self.spec(topology), range(self.genes)
        alone = [WiringRule(f"gene {g}", "gene", gene_positions(spec.fields, g, self.genes)) for g in genes]
        return (*interaction_rules(self.interactions, self.genes, topology), *alone)

    def _expression(self, group: Group, genes: Genes) -> Tensor:
        """Expression of a group, (P, units, G), or (1, units, G) when it is the same for every individual."""
        if group.coordinates is not None:
            place, width = genes[f"place.{group.name}"], genes[f"width.{group.name}"]
            away = group.coordinates.to(place)[None, :, None, :] - place[:, None, :, :]
            return torch.exp(-away.square().sum(-1) / (2.0 * width[:, None, :].square()))
        if self.readout == "evolved":
            return genes[f"expression.{group.name}"]
        fixed = derive(self.readout_seed, f"expression.{group.name}").normal(group.size, self.genes)
        return fixed.to(genes["gain"])
