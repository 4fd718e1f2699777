"""Only the readout learns, by the delta rule (Widrow & Hoff 1960): the control that shows no hidden learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from genomes.errors import require
from genomes.topology import Topology
from inner_loop.plasticity.descent import GradientDescent, Trained


@final
@dataclass(frozen=True)
class OutputOnly(GradientDescent):
    """Gradient descent with momentum on the synapses into the output group; the others stay as at birth."""

    trains: ClassVar[Trained] = "output"

    def check(self, topology: Topology) -> None:
        """Raises InputError if the output group has a memory of its own; the groups before it may have one."""
        late = [e.name for e in topology.edges if e.post == topology.output.name and topology.kind(e) == "lateral"]
        memory = late or topology.output.has_memory
        require(not memory, "rule", "BPTT where the output group has memory", "OutputOnly")
