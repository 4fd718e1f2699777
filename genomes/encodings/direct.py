"""One gene a weight: the control without a bottleneck, as in classical neuroevolution (Montana & Davis 1989)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, final

from genomes.encoding import Encoding
from genomes.errors import require
from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable, Neutral
from genomes.phenotype import Phenotype, Synapses
from genomes.spec import Field, Genes, GenomeSpec
from genomes.streams import Streams
from genomes.topology import Topology
from genomes.wiring_rule import WiringRule, every, of_synapses, of_types


@final
@dataclass(frozen=True)
class Direct(Encoding):
    """w_ij = gain * g_ij * sqrt(3 / fan-in), g in [-1, 1]: founders have the variance 1 / fan-in of LeCun 1998.

    Attributes:
        bits: for each number in the genome.
        gain: multiplies every weight.
        bias: True gives each hidden and output neuron a bias gene in [-1, 1].
    """

    bits: int = 6
    gain: Annotated[Evolvable, Neutral(1.0)] = 1.0
    bias: bool = False

    def __post_init__(self) -> None:
        check_evolvables(self)
        require(1 <= self.bits <= 16, "Direct.bits", "1 to 16", self.bits)

    def spec(self, topology: Topology) -> GenomeSpec:
        """One field a projection, (post, pre), and one a group for the biases."""
        fields = [Field(f"weight.{e.name}", topology.shape(e), -1.0, 1.0, bits=self.bits) for e in topology.edges]
        if self.bias:
            fields += [Field(f"bias.{g.name}", (g.size,), -1.0, 1.0, bits=self.bits) for g in topology.groups[1:]]
        return GenomeSpec(tuple(fields))

    def develop(self, genes: Genes, topology: Topology, streams: Streams) -> Phenotype:
        """Copies the genes into the weights."""
        gain = genes["gain"][:, None, None]
        projections = {
            e.name: Synapses(gain * math.sqrt(3.0 / topology.shape(e)[1]) * genes[f"weight.{e.name}"])
            for e in topology.edges
        }
        groups = {g.name: {"bias": genes[f"bias.{g.name}"]} for g in topology.groups[1:] if self.bias}
        return Phenotype(topology, projections, groups)

    def constants(self, topology: Topology) -> dict[str, object]:
        """The scale of each projection."""
        return {f"scale of {e.name}": math.sqrt(3.0 / topology.shape(e)[1]) for e in topology.edges}

    def rules(self, topology: Topology) -> tuple[WiringRule, ...]:
        """A rule is a pair of cell types, where there are types; a gene is a synapse, or the biases of a group."""
        biases = [field for field in self.spec(topology).fields if field.name.startswith("bias.")]
        named = [(field, field.name.removeprefix("bias.")) for field in biases]
        return (
            *of_types("weight", topology),
            *of_synapses("weight", topology),
            *(WiringRule(f"biases of {g}", "gene", every(field), post=f"neurons of {g}") for field, g in named),
        )
