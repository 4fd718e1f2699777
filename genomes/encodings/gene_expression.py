"""W = X O X^T: Barabasi, Beynon, Katona & Perez-Nieves 2023, Nat. Commun. 14:2226 (GEM); Barabasi & Barabasi 2020."""

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
from genomes.streams import Streams
from genomes.topology import Topology
from genomes.wiring_rule import WiringRule, every


@final
@dataclass(frozen=True)
class GeneExpression(Encoding):
    """Every neuron expresses G genes; each presynaptic gene interacts with each postsynaptic gene.

    W = gain * s * X_post O X_pre^T, with X (units, G) and O (G, G) in [-1, 1]. The constant s = sqrt(27 / fan-in) / G
    gives uniform founders the weight variance 1 / fan-in. A bias is expressed likewise: b = X_post B, B (G,).

    Deviation from the paper: its authors rescale every W that is generated to the standard deviation of Kaiming's
    initialisation (He et al. 2015); here s is the same for all genomes, so that the size of W is inherited too.

    Attributes:
        genes: G.
        bits: for each number of X, O and B.
        interactions: one O for each projection, or one shared by all (ML-GEM).
        bias: `expressed` (one number a gene and group), `direct` (one a neuron) or `none`.
        switches: adds one bit a gene that can silence it; the genome's size is then what is expressed.
        gain: multiplies every weight.
    """

    genes: int = 7
    bits: int = 6
    interactions: Literal["projection", "shared"] = "projection"
    bias: Literal["expressed", "direct", "none"] = "expressed"
    switches: bool = False
    gain: Annotated[Evolvable, Neutral(1.0)] = 1.0

    def __post_init__(self) -> None:
        check_evolvables(self)
        require(self.genes >= 1, "GeneExpression.genes", "at least 1", self.genes)
        require(1 <= self.bits <= 16, "GeneExpression.bits", "1 to 16", self.bits)

    def spec(self, topology: Topology) -> GenomeSpec:
        """Expression of each group (units, G), interactions (G, G), biases, switches (G,)."""
        shapes: dict[str, tuple[int, ...]] = {f"expression.{g.name}": (g.size, self.genes) for g in topology.groups}
        shapes |= {interaction_name(self.interactions, e): (self.genes, self.genes) for e in topology.edges}
        if self.bias != "none":
            sizes = {g.name: self.genes if self.bias == "expressed" else g.size for g in topology.groups[1:]}
            shapes |= {f"bias.{name}": (size,) for name, size in sizes.items()}
        fields = [Field(name, shape, -1.0, 1.0, bits=self.bits) for name, shape in shapes.items()]
        if self.switches:
            fields.append(Field("switch", (self.genes,), choices=2))
        return GenomeSpec(tuple(fields))

    def develop(self, genes: Genes, topology: Topology, streams: Streams) -> Phenotype:
        """Unfolds X O X^T for every projection."""
        expression = {g.name: self._expression(g.name, genes) for g in topology.groups}
        projections = {}
        for edge in topology.edges:
            scale = genes["gain"] * math.sqrt(27.0 / topology.shape(edge)[1]) / self.genes
            reach = (expression[edge.post] * scale[:, None, None]) @ genes[interaction_name(self.interactions, edge)]
            projections[edge.name] = Synapses(torch.bmm(reach, expression[edge.pre].mT))
        groups = {}
        for group in topology.groups[1:] if self.bias != "none" else ():
            bias = genes[f"bias.{group.name}"]
            if self.bias == "expressed":
                bias = (expression[group.name] @ bias[:, :, None])[:, :, 0]
            groups[group.name] = {"bias": bias}
        return Phenotype(topology, projections, groups)

    def level_names(self, field: Field) -> tuple[str, ...]:
        """The names of the levels of the switches."""
        return ("silent", "expressed")

    def expressed_bits(self, genes: Genes, topology: Topology) -> Tensor | None:
        """A silent gene's expression and interactions cost nothing; the switches always do."""
        if not self.switches:
            return None
        on = genes["switch"].double().sum(1)
        bits = torch.full_like(on, float(self.genes))
        for field in self.spec(topology).fields[:-1]:
            if field.name.startswith("interaction"):
                size = on**2
            elif field.name.startswith("expression"):
                size = field.shape[0] * on
            else:
                size = on if self.bias == "expressed" else torch.full_like(on, field.size)
            bits += size * field.bits
        return bits

    def constants(self, topology: Topology) -> dict[str, object]:
        """The scale of each projection."""
        return {f"scale of {e.name}": math.sqrt(27.0 / topology.shape(e)[1]) / self.genes for e in topology.edges}

    def rules(self, topology: Topology) -> tuple[WiringRule, ...]:
        """A rule is a number of O or of B, or the direct biases of a group; a gene is all numbers that involve it."""
        spec, count = self.spec(topology), self.genes
        found = interaction_rules(self.interactions, count, topology)
        for field in spec.fields:
            group = field.name.removeprefix("bias.")
            if field.name.startswith("bias.") and self.bias == "direct":
                found.append(WiringRule(f"biases of {group}", "rule", every(field), post=f"neurons of {group}"))
            elif field.name.startswith("bias."):
                said = [(g, f"neurons of {group} that express gene {g}") for g in range(count)]
                found += [
                    WiringRule(f"bias of {group} gene {g}", "rule", ((field.name, g),), post=to) for g, to in said
                ]
        named = [field for field in spec.fields if self.bias == "expressed" or not field.name.startswith("bias.")]
        for g in range(count):
            out = (("switch", g),) if self.switches else gene_positions(named, g, count)
            found.append(WiringRule(f"gene {g}", "gene", out))
        return tuple(found)

    def _expression(self, group: str, genes: Genes) -> Tensor:
        expression = genes[f"expression.{group}"]
        return expression * genes["switch"][:, None, :] if self.switches else expression
