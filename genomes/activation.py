"""Activation functions of the units and their slopes, the slope written in terms of the activity itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True)
class Activation:
    """An element-wise function and its derivative.

    Attributes:
        apply_: writes f(a) over the summed input a and returns it.
        slope: f'(a) as a function of y = f(a); None where it is 1 everywhere.
        chain_: writes delta * f'(a) over delta, given (delta, y), and returns it.
    """

    apply_: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    chain_: Callable[[Tensor, Tensor], Tensor]


_aten = torch.ops.aten  # autograd's own backward kernels: one pass over memory, the slope never stored


def _chain_tanh(delta: Tensor, y: Tensor) -> Tensor:
    return _aten.tanh_backward.grad_input(delta, y, grad_input=delta)


def _chain_relu(delta: Tensor, y: Tensor) -> Tensor:
    return _aten.threshold_backward.grad_input(delta, y, 0.0, grad_input=delta)


def _chain_sigmoid(delta: Tensor, y: Tensor) -> Tensor:
    return _aten.sigmoid_backward.grad_input(delta, y, grad_input=delta)


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(lambda a: a, torch.ones_like, lambda delta, y: delta),
    "tanh": Activation(torch.tanh_, lambda y: 1.0 - y * y, _chain_tanh),
    "relu": Activation(torch.relu_, lambda y: (y > 0).to(y.dtype), _chain_relu),
    "sigmoid": Activation(torch.sigmoid_, lambda y: y - y * y, _chain_sigmoid),
}
