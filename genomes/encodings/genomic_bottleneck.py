"""A small network writes every weight from the tags of its two neurons: Shuvaev et al. 2024, PNAS 121:e2409160121."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.encoding import Encoding
from genomes.errors import require
from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable, Neutral
from genomes.phenotype import Phenotype, Synapses
from genomes.spec import Field, Genes, GenomeSpec
from genomes.streams import Streams
from genomes.topology import Group, Projection, Topology
from genomes.wiring_rule import Position, WiringRule

_LARGEST = 2**24  # numbers in the g-network's widest activity; larger cohorts unfold a few individuals at a time


@final
@dataclass(frozen=True)
class GenomicBottleneck(Encoding):
    """w_ij = gain * s * g(tag_i, tag_j), g = Linear(tags, hidden) ReLU Linear(hidden, 10) ReLU Linear(10, 1).

    One g-network a projection (the paper's GDN3). The tag of a neuron is its number, ceil(log2 N) bits; in the output
    group it is one-hot. The first layer adds a term of the presynaptic and a term of the postsynaptic neuron.

    Deviation from the paper: its g-networks write the biases too, except those of the last layer, which are stored as
    they are; here the networks that g writes have no biases.

    Attributes:
        hidden: H, neurons in the first layer of g.
        second: neurons in its second layer.
        tags: binary, or Gray code, where neighbours differ in one bit.
        bits: for each parameter of g.
        reach: the parameters of g lie in [-reach, reach].
        fan_in: True: s is 1 / sqrt(fan-in), for evolution. False: s is 1, as in the paper, where g is fitted.
        gain: multiplies every weight.
    """

    hidden: int = 10
    second: int = 10
    tags: Literal["binary", "gray"] = "binary"
    bits: int = 6
    reach: float = 2.0
    fan_in: bool = True
    gain: Annotated[Evolvable, Neutral(1.0)] = 1.0

    def __post_init__(self) -> None:
        check_evolvables(self)
        require(self.hidden >= 1, "GenomicBottleneck.hidden", "at least 1", self.hidden)
        require(self.second >= 1, "GenomicBottleneck.second", "at least 1", self.second)
        require(1 <= self.bits <= 16, "GenomicBottleneck.bits", "1 to 16", self.bits)
        require(self.reach > 0, "GenomicBottleneck.reach", "a number above 0", self.reach)

    def spec(self, topology: Topology) -> GenomeSpec:
        """Weights and biases of the three layers of g, for every projection."""
        fields = []
        for edge in topology.edges:
            width = sum(self.tag(topology.group(end), topology).shape[1] for end in (edge.post, edge.pre))
            sizes = (width, self.hidden, self.second, 1)
            for layer in range(3):
                shape = (sizes[layer + 1], sizes[layer])
                fields.append(Field(f"{edge.name}.weight{layer}", shape, -self.reach, self.reach, bits=self.bits))
                fields.append(Field(f"{edge.name}.bias{layer}", shape[:1], -self.reach, self.reach, bits=self.bits))
        return GenomeSpec(tuple(fields))

    def develop(self, genes: Genes, topology: Topology, streams: Streams) -> Phenotype:
        """Computes every weight by g."""
        projections = {}
        for edge in topology.edges:
            gain = genes["gain"] * (1.0 / math.sqrt(topology.shape(edge)[1]) if self.fan_in else 1.0)
            projections[edge.name] = Synapses(gain[:, None, None] * self._unfold(edge, genes, topology))
        return Phenotype(topology, projections)

    def tag(self, group: Group, topology: Topology) -> Float[Tensor, "units tags"]:
        """The tags of a group's neurons, (units, tags) of 0 and 1."""
        if group.name == topology.output.name:
            return torch.eye(group.size)
        number = torch.arange(group.size)
        if self.tags == "gray":
            number = number ^ (number >> 1)
        return (number[:, None] >> torch.arange(max(1, (group.size - 1).bit_length())) & 1).float()

    def constants(self, topology: Topology) -> dict[str, object]:
        """The scale of each projection."""
        return {f"scale of {e.name}": topology.shape(e)[1] ** -0.5 if self.fan_in else 1.0 for e in topology.edges}

    def rules(self, topology: Topology) -> tuple[WiringRule, ...]:
        """A rule is a hidden unit of g, or the term of g that all synapses share; a gene is a bit of the tags."""
        found = []
        for edge in topology.edges:
            where, of, h = f"{edge.pre} -> {edge.post}", edge.name, self.hidden
            tags = [self.tag(topology.group(end), topology).shape[1] for end in (edge.post, edge.pre)]
            width = sum(tags)
            for unit in range(h):
                mine: list[Position] = [(f"{of}.weight0", unit * width + k) for k in range(width)]
                mine += [(f"{of}.bias0", unit), *((f"{of}.weight1", k * h + unit) for k in range(self.second))]
                found.append(WiringRule(f"unit {unit} of g, {where}", "rule", tuple(mine), of))
            alike = (*((f"{of}.bias1", k) for k in range(self.second)), (f"{of}.bias2", 0))
            found.append(WiringRule(f"the same for all synapses, {where}", "rule", alike, of))
            for place in range(width):
                end, bit = ("post", place) if place < tags[0] else ("pre", place - tags[0])
                group = getattr(edge, end)
                what = f"neuron {bit}" if group == topology.output.name else f"bit {bit} of the neuron's number"
                read = tuple((f"{of}.weight0", unit * width + place) for unit in range(h))
                found.append(WiringRule(f"{what} in {end}synaptic {group}, {where}", "gene", read, of))
        return tuple(found)

    def _unfold(self, edge: Projection, genes: Genes, topology: Topology) -> Float[Tensor, "P post pre"]:
        layers = [(genes[f"{edge.name}.weight{i}"], genes[f"{edge.name}.bias{i}"]) for i in range(3)]
        post, pre = (self.tag(topology.group(end), topology).to(layers[0][0]) for end in (edge.post, edge.pre))
        at_once = max(1, _LARGEST // (max(self.hidden, self.second) * len(post) * len(pre)))
        parts = []
        for start in range(0, len(layers[0][0]), at_once):
            (w0, b0), (w1, b1), (w2, b2) = [(w[start : start + at_once], b[start : start + at_once]) for w, b in layers]
            from_post = torch.matmul(w0[:, :, : post.shape[1]], post.T) + b0[:, :, None]
            from_pre = torch.matmul(w0[:, :, post.shape[1] :], pre.T)
            first = torch.relu(from_post[:, :, :, None] + from_pre[:, :, None, :]).flatten(2)
            second = torch.relu(torch.baddbmm(b1[:, :, None], w1, first))
            parts.append(torch.baddbmm(b2[:, :, None], w2, second).view(-1, len(post), len(pre)))
        return torch.cat(parts)
