"""Rate units with an activation function and a leak: the unit model of every group that names no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from genomes.neuron import Neuron, Numbers, check_function
from inner_loop.activation import ACTIVATIONS, chain_mixed_, mixed


@final
@dataclass(frozen=True)
class Rate(Neuron):
    """h <- (1 - leak) h + leak f(a), Yang et al. 2019 (Nat. Neurosci. 22:297), eq. 2; a is the summed input.

    Without a leak h = f(a). A number `function` gives every neuron a function of its own.

    Attributes:
        activation: name of f, of all neurons without a `function`.
    """

    has_memory = False

    activation: str = "linear"

    def __post_init__(self) -> None:
        check_function(self.activation, "Rate.activation")

    def step(
        self, total: Tensor, before: Tensor | None, internal: Tensor | None, numbers: Numbers
    ) -> tuple[Tensor, Tensor | None]:
        """The internal variable is a where the slope needs it, f(a) where the activity leaks otherwise, or None."""
        functions, function = numbers.get("function"), ACTIVATIONS[self.activation]
        if functions is None:
            drive, now = function.apply_(total), total if function.of_input else None
        else:
            drive, now = mixed(total, functions), total
        leak = numbers.get("leak")
        if leak is None or before is None:
            return drive, now
        return torch.lerp(before, drive, leak), drive if now is None else now

    def back(
        self, error: Tensor, later: Tensor | None, activity: Tensor, internal: Tensor | None, numbers: Numbers
    ) -> tuple[Tensor, Tensor | None]:
        """dE/da = leak f'(a) dE/dh."""
        functions, leak, earlier = numbers.get("function"), numbers.get("leak"), None
        if leak is not None:
            if later is not None:
                error.add_(later)
            earlier = error * (1.0 - leak)
            error.mul_(leak)
        known = activity if internal is None else internal
        if functions is not None:
            return chain_mixed_(error, known, functions), earlier
        return ACTIVATIONS[self.activation].chain_(error, known), earlier
