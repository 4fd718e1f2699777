"""Half the squared distance of the output from the target (Widrow & Hoff 1960)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from jaxtyping import Float
from torch import Tensor

from genomes.phenotype import Phenotype
from inner_loop.objective import Lived, Objective


@final
@dataclass(frozen=True)
class SquaredError(Objective):
    """E = mean_b sum_k (y_kb - t_kb)^2 / 2; its error at the output is (y - t) / B."""

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, newborn: Phenotype) -> Any:
        """`inner_loop.twins.objectives.errors`."""
        from inner_loop.twins.objectives.errors import SquaredErrorTwin

        return SquaredErrorTwin()

    def loss(self, lived: Lived) -> Float[Tensor, " P"]:
        """E, (P,)."""
        return (lived.activities[lived.output] - lived.targets).square().sum(1).mean(1) / 2.0

    def error(self, lived: Lived) -> dict[str, Tensor]:
        """(y - t) / B at the output."""
        output = lived.activities[lived.output]
        return {lived.output: (output - lived.targets).div_(output.shape[2])}
