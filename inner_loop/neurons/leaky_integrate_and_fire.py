"""Leaky integrate-and-fire neurons with a surrogate gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, final

import torch
from torch import Tensor

from genomes.errors import require
from genomes.evolve import Evolvable, Neutral, ends
from genomes.neuron import Neuron, Numbers


@final
@dataclass(frozen=True)
class LeakyIntegrateAndFire(Neuron):
    """v <- (1 - leak) v + a - threshold z; z <- 1 where v > threshold, else 0. Bellec et al. 2020
    (Nat. Commun. 11:3625), Methods.

    a is the summed input, z the activity, leak = 1 - exp(-dt / tau) of the group. The surrogate of
    dz/dv is damping / threshold max(0, 1 - |v - threshold| / threshold); the reset passes no error back.

    Attributes:
        threshold: membrane potential above which a neuron fires; above 0.
        damping: height of the surrogate slope at a threshold of 1.
    """

    threshold: Annotated[Evolvable, Neutral(None)] = 1.0
    damping: float = 0.3

    def __post_init__(self) -> None:
        name = type(self).__name__
        require(
            all(end > 0 for end in ends(self.threshold)), f"{name}.threshold", "above 0", list(ends(self.threshold))
        )
        require(self.damping > 0, f"{name}.damping", "above 0", self.damping)

    def step(
        self, total: Tensor, before: Tensor | None, internal: Tensor | None, numbers: Numbers
    ) -> tuple[Tensor, Tensor | None]:
        """The internal variable is v, which begins at 0."""
        threshold, leak, v = numbers["threshold"], numbers.get("leak"), total
        if internal is not None and before is not None:
            v = v - threshold * before.detach()
            if leak is not None:
                v = v + (1.0 - leak) * internal
        slope = self._slope(v, threshold) if v.requires_grad else None
        return _Spikes.apply(v, threshold, slope), v

    def back(
        self, error: Tensor, later: Tensor | None, activity: Tensor, internal: Tensor | None, numbers: Numbers
    ) -> tuple[Tensor, Tensor | None]:
        """dE/da = dE/dv = surrogate dE/dz + (1 - leak) dE/dv of the step after."""
        assert internal is not None, "step returned it"
        delta, leak = error.mul_(self._slope(internal, numbers["threshold"])), numbers.get("leak")
        if later is not None:
            delta.add_(later)
        return delta, None if leak is None else delta * (1.0 - leak)

    def _slope(self, v: Tensor, threshold: Tensor) -> Tensor:
        return self.damping / threshold * (1.0 - (v - threshold).abs() / threshold).clamp(min=0.0)


class _Spikes(torch.autograd.Function):
    """Spikes, which autograd differentiates by the surrogate slope."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, threshold: Tensor, slope: Tensor | None) -> Tensor:
        ctx.slope = None if slope is None else slope.detach()
        return (v > threshold).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, *errors: Tensor) -> tuple[Tensor, None, None]:
        return errors[0] * ctx.slope, None, None
