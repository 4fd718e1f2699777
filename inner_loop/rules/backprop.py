"""Error backpropagation with momentum: Rumelhart, Hinton & Williams 1986, Nature 323:533."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from genomes.errors import require
from genomes.topology import Topology
from inner_loop.plasticity.descent import GradientDescent


@final
@dataclass(frozen=True)
class Backprop(GradientDescent):
    """Gradient descent with momentum on every weight and bias."""

    def check(self, topology: Topology) -> None:
        """Raises InputError for a network with memory: its error would have to go back through time."""
        require(not topology.has_memory, "rule", "BPTT in a network with memory", "Backprop")
