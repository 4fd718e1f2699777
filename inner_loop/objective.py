"""The seam of objectives: the error that teaches. Selection never reads it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import torch
from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from genomes.chance import Chance
    from inner_loop.network import Activities


@final
@dataclass(frozen=True, eq=False)
class Lived:
    """One step of P lives.

    Attributes:
        activities: by group, (P, units, B); the sensory group's may be (1, units, B).
        targets: (P, output units, B) or (1, output units, B); one-hot where the target is a class.
        output: name of the output group.
        objective: what is to be made small.
        step: index of the step, from 0.
        chance: streams of this life, P or common to all.
        traits: numbers of the individuals by config path, (P,), such as `objective.smoothing`.
    """

    activities: Activities
    targets: Tensor
    output: str
    objective: Objective
    step: int
    chance: Chance
    traits: Mapping[str, Tensor] = field(default_factory=dict)

    def error(self) -> dict[str, Tensor]:
        """dE/dactivity by group, the gradient of the mean over the samples."""
        return self.objective.error(self)


class Objective(ABC):
    """What a life tries to make small. Implementations are frozen dataclasses without state."""

    @abstractmethod
    def loss(self, lived: Lived) -> Float[Tensor, " P"]:
        """E, mean over the samples, (P,)."""

    @abstractmethod
    def error(self, lived: Lived) -> dict[str, Tensor]:
        """dE/dactivity in closed form for each group on which E depends directly, (P, units, B), newly allocated."""


def error_by_autograd(objective: Objective, lived: Lived) -> dict[str, Tensor]:
    """The same as `objective.error`, derived from `loss`: for tests, and for objectives without a closed form."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        leaves = {name: y.clone().requires_grad_() for name, y in lived.activities.items()}
        targets = lived.targets.clone()
        copy = Lived(leaves, targets, lived.output, objective, lived.step, lived.chance, lived.traits)
        gradients = torch.autograd.grad(objective.loss(copy).sum(), list(leaves.values()), allow_unused=True)
    return {name: g for name, g in zip(leaves, gradients, strict=True) if g is not None}
