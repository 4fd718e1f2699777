"""The same plasticity at another pace: tests whether a network is slow, or its learning rate fits only its weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

from genomes.errors import require
from genomes.intervention import Intervention
from genomes.phenotype import Phenotype
from genomes.streams import Streams


@final
@dataclass(frozen=True)
class Faster(Intervention):
    """Multiplies the learning rate of every synapse; networks of a rule without such a rate stay as they are.

    Attributes:
        times: the factor, above 0; below 1 is slower.
    """

    times: float = 3.0
    RATE: ClassVar[str] = "rule.learning_rate"

    def __post_init__(self) -> None:
        require(self.times > 0, "Faster.times", "a number above 0", self.times)

    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Multiplies the learning rates; draws no random numbers."""
        projections = {}
        for name, synapses in newborn.projections.items():
            own = synapses.parameters
            paced = {key: number * self.times if key == self.RATE else number for key, number in own.items()}
            projections[name] = replace(synapses, parameters=paced)
        return replace(newborn, projections=projections)
