"""The same plasticity at another pace: is a network slow, or does its learning rate belong to other weights?"""

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
    """The learning rate of every synapse so many times as large; of rules whose synapses have none, nothing changes.

    Attributes:
        times: above 0; below 1 is slower.
    """

    times: float = 3.0
    RATE: ClassVar[str] = "rule.learning_rate"

    def __post_init__(self) -> None:
        require(self.times > 0, "Faster.times", "a number above 0", self.times)

    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Nothing is drawn."""
        projections = {}
        for name, synapses in newborn.projections.items():
            own = synapses.parameters
            paced = {key: number * self.times if key == self.RATE else number for key, number in own.items()}
            projections[name] = replace(synapses, parameters=paced)
        return replace(newborn, projections=projections)
