"""Cross-entropy of the softmax of the output with the target distribution (Bishop 2006, eq. 4.108)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.errors import require
from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable, Evolving, ends
from genomes.phenotype import Phenotype
from inner_loop.objective import Lived, Objective


@final
@dataclass(frozen=True)
class CrossEntropy(Objective):
    """E = -mean_b sum_k t_kb log softmax(y)_kb; its error at the output is (softmax(y) - t) / B.

    Attributes:
        smoothing: share of the target that is spread evenly over all K classes, t <- (1 - s) t + s / K (Szegedy et al.
            2016, arXiv:1512.00567, section 7); 0 to 1. As a gene it lets evolution shape the goal of learning.
    """

    smoothing: Evolvable = 0.0

    def __post_init__(self) -> None:
        check_evolvables(self)
        found = ends(self.smoothing)
        require(all(0 <= end <= 1 for end in found), "CrossEntropy.smoothing", "0 to 1", list(found))

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, newborn: Phenotype) -> Any:
        """`inner_loop.twins.objectives.errors`."""
        from inner_loop.twins.objectives.errors import CrossEntropyTwin

        return CrossEntropyTwin(newborn.traits["objective.smoothing"].float().numpy())

    def loss(self, lived: Lived) -> Float[Tensor, " P"]:
        """Cross-entropy in nats, (P,)."""
        log_probability = torch.log_softmax(lived.activities[lived.output], dim=1)
        return -(self._targets(lived) * log_probability).sum(1).mean(1)

    def error(self, lived: Lived) -> dict[str, Tensor]:
        """(softmax(y) - t) / B at the output."""
        output = lived.activities[lived.output]
        return {lived.output: torch.softmax(output, dim=1).sub_(self._targets(lived)).div_(output.shape[2])}

    def _targets(self, lived: Lived) -> Tensor:
        if self.smoothing == 0.0:
            return lived.targets
        if isinstance(self.smoothing, Evolving):
            share: float | Tensor = lived.traits["objective.smoothing"][:, None, None]
        else:
            share = self.smoothing
        return lived.targets * (1.0 - share) + share / lived.targets.shape[1]
