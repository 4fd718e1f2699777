"""No genes for the wiring: weights are drawn at random in every birth (Najarro & Risi 2020, NeurIPS)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, final

from genomes.encoding import Encoding
from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable, Neutral
from genomes.phenotype import Phenotype, Synapses
from genomes.spec import Genes, GenomeSpec
from genomes.streams import Streams
from genomes.topology import Topology


@final
@dataclass(frozen=True)
class RandomWiring(Encoding):
    """w_ij uniform in [-gain, gain]: the abilities of such a network come from its plasticity or by chance.

    Attributes:
        gain: largest magnitude of a weight at birth; the paper's is 0.1.
        fan_in: True divides the gain by the square root of the fan-in: sqrt(3) then gives the variance 1 / fan-in of
            LeCun et al. 1998, the usual initialisation.
    """

    gain: Annotated[Evolvable, Neutral(1.0)] = 0.1
    fan_in: bool = False

    def __post_init__(self) -> None:
        check_evolvables(self)

    def spec(self, topology: Topology) -> GenomeSpec:
        """Empty: the wiring has no genes."""
        return GenomeSpec(())

    def develop(self, genes: Genes, topology: Topology, streams: Streams) -> Phenotype:
        """Draws the weights from the individuals' own streams."""
        projections = {}
        for edge in topology.edges:
            uniform = streams.stream(edge.name).uniform(*topology.shape(edge)).to(genes["gain"])
            reach = genes["gain"][:, None, None]
            if self.fan_in:
                reach = reach / math.sqrt(topology.shape(edge)[1])
            projections[edge.name] = Synapses((uniform * 2.0 - 1.0) * reach)
        return Phenotype(topology, projections)

    def constants(self, topology: Topology) -> dict[str, object]:
        """The largest magnitude of a weight, for a gain of 1."""
        return {f"reach of {e.name}": topology.shape(e)[1] ** -0.5 if self.fan_in else 1.0 for e in topology.edges}
