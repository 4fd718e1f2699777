"""Feedback alignment: Lillicrap, Cownden, Tweed & Akerman 2016, Nat. Commun. 7:13276."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from genomes.errors import require
from genomes.topology import Topology
from inner_loop.plasticity.descent import GradientDescent
from inner_loop.plasticity.feedback import Feedback, FixedRandom


@final
@dataclass(frozen=True)
class FeedbackAlignment(GradientDescent):
    """Gradient descent in which errors come back through fixed random weights: delta_pre = (B^T delta_post) f'.

    B is drawn at birth, for every individual from its own stream. The forward weights align with it during learning, so
    that the changes stay within 90 degrees of the gradient.
    """

    feedback: ClassVar[Feedback] = FixedRandom()

    def check(self, topology: Topology) -> None:
        """Raises InputError for a network with memory: its error would have to go back through time."""
        require(not topology.has_memory, "rule", "a network without memory, for FeedbackAlignment", "memory")
