"""One gene a synapse, of few alleles: wrong, right or plastic, as in Hinton & Nowlan 1987 (Complex Systems 1:495)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from genomes.encoding import Encoding
from genomes.phenotype import Phenotype, Synapses
from genomes.spec import Field, Genes, GenomeSpec
from genomes.streams import Streams
from genomes.topology import Topology
from genomes.wiring_rule import WiringRule, of_synapses


@final
@dataclass(frozen=True)
class Alleles(Encoding):
    """Level 0 is the wrong allele, weight -1; level 1 the right one, +1; levels 2 and 3 are both the plastic `?`.

    Two levels for `?` give founders the paper's shares, .25 wrong, .25 right and .50 plastic, at 2 bits a synapse: 40
    bits for its 20 loci. A code with exactly three alleles would need log2 3 = 1.58 bits for each.

    Attributes:
        plastic: True adds the plastic allele. False leaves levels 0 and 1, 1 bit: the control that cannot learn.
    """

    plastic: bool = True

    def spec(self, topology: Topology) -> GenomeSpec:
        """One field a projection, (post, pre)."""
        levels = 4 if self.plastic else 2
        return GenomeSpec(tuple(Field(f"allele.{e.name}", topology.shape(e), choices=levels) for e in topology.edges))

    def develop(self, genes: Genes, topology: Topology, streams: Streams) -> Phenotype:
        """A plastic synapse is born as a guess, -1 or +1; its parameter `plastic` is 1, that of all others 0."""
        projections = {}
        for edge in topology.edges:
            allele = genes[f"allele.{edge.name}"]
            guess = streams.stream(edge.name).integers(2, *topology.shape(edge))
            plastic = allele >= 2
            weight = 2 * torch.where(plastic, guess.to(allele), allele) - 1
            projections[edge.name] = Synapses(weight, parameters={"plastic": plastic.to(allele)})
        return Phenotype(topology, projections)

    def level_names(self, field: Field) -> tuple[str, ...]:
        """Levels 2 and 3 are one allele."""
        return ("wrong", "right", "plastic", "plastic")[: field.levels]

    def constants(self, topology: Topology) -> dict[str, object]:
        """The magnitude of every weight."""
        return {"magnitude of a weight": 1.0}

    def rules(self, topology: Topology) -> tuple[WiringRule, ...]:
        """The loci. A knocked-out allele is half-way between wrong and right: weight 0 and not plastic."""
        return of_synapses("allele", topology, silent=0.5)
