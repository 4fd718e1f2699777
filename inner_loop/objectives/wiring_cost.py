"""A cost for the strength of every synapse: Hanson & Pratt 1988, NeurIPS 1:177; wiring economy, Chklovskii 2004."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable
from inner_loop.objective import Lived, Objective


@final
@dataclass(frozen=True)
class WiringCost(Objective):
    """E = price * sum |w|; dE/dw = price * sign(w), 0 for a synapse of weight 0. E does not depend on activity.

    Attributes:
        price: cost of a unit of weight.
    """

    price: Evolvable = 1e-3

    def __post_init__(self) -> None:
        check_evolvables(self)

    def loss(self, lived: Lived) -> Float[Tensor, " P"]:
        """E, (P,)."""
        assert lived.weights is not None, "asked of a network"
        lengths = [weight.abs().sum((1, 2)) for weight in lived.weights.projections.values()]
        return lived.traits["objective.price"] * torch.stack(lengths).sum(0)

    def error(self, lived: Lived) -> dict[str, Tensor]:
        """Empty: E does not depend on activity."""
        return {}

    def weight_error(self, lived: Lived) -> dict[str, Tensor]:
        """price * sign(w)."""
        assert lived.weights is not None, "asked of a network"
        price = lived.traits["objective.price"][:, None, None]
        return {name: weight.sign() * price.to(weight) for name, weight in lived.weights.projections.items()}
