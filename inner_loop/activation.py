"""Activation functions of rate units and the chain rule through them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from genomes.neuron import FUNCTIONS


@final
@dataclass(frozen=True)
class Activation:
    """An element-wise function and its derivative.

    Attributes:
        apply_: f(a); writes over the summed input a where `of_input` is False.
        chain_: delta * f'(a), given (delta, y), or (delta, a) where `of_input` is True; writes over delta.
        of_input: True if the slope follows from the summed input a only, False if it follows from y = f(a).
    """

    apply_: Callable[[Tensor], Tensor]
    chain_: Callable[[Tensor, Tensor], Tensor]
    of_input: bool = False


_aten = torch.ops.aten  # autograd's own backward kernels: one pass over memory, the slope never stored


def _chain_tanh(delta: Tensor, y: Tensor) -> Tensor:
    return _aten.tanh_backward.grad_input(delta, y, grad_input=delta)


def _chain_relu(delta: Tensor, y: Tensor) -> Tensor:
    return _aten.threshold_backward.grad_input(delta, y, 0.0, grad_input=delta)


def _chain_sigmoid(delta: Tensor, y: Tensor) -> Tensor:
    return _aten.sigmoid_backward.grad_input(delta, y, grad_input=delta)


def _of_input(f: Callable[[Tensor], Tensor], slope: Callable[[Tensor], Tensor]) -> Activation:
    return Activation(f, lambda delta, a: delta.mul_(slope(a)), of_input=True)


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(lambda a: a, lambda delta, y: delta),
    "tanh": Activation(torch.tanh_, _chain_tanh),
    "relu": Activation(torch.relu_, _chain_relu),
    "sigmoid": Activation(torch.sigmoid_, _chain_sigmoid),
    "sine": _of_input(lambda a: torch.sin(math.pi * a), lambda a: math.pi * torch.cos(math.pi * a)),
    "cosine": _of_input(lambda a: torch.cos(math.pi * a), lambda a: -math.pi * torch.sin(math.pi * a)),
    "gaussian": _of_input(lambda a: torch.exp(-0.5 * a * a), lambda a: -a * torch.exp(-0.5 * a * a)),
    "absolute": _of_input(torch.abs, torch.sign),
    "square": _of_input(lambda a: a * a, lambda a: 2.0 * a),
    "step": _of_input(lambda a: (a > 0).to(a.dtype), torch.zeros_like),
    "inverse": Activation(lambda a: a.neg_(), lambda delta, y: delta.neg_()),
}
"""By name, as in `genomes.neuron.FUNCTIONS`: the palette of Gaier & Ha 2019. Sine and cosine have the period 2; the
slope of a step is 0."""


def mixed(total: Tensor, functions: Tensor) -> Tensor:
    """f(a) where every neuron has a function of its own, a new tensor.

    Args:
        functions: indices into FUNCTIONS, (P, units, 1).
    """
    result = total
    for index, name in enumerate(FUNCTIONS):
        if name != "linear":
            result = torch.where(functions == index, ACTIVATIONS[name].apply_(total.clone()), result)
    return result


def chain_mixed_(delta: Tensor, total: Tensor, functions: Tensor) -> Tensor:
    """delta * f'(a) where every neuron has a function of its own; writes over delta."""
    given = delta.clone()
    for index, name in enumerate(FUNCTIONS):
        if name != "linear":
            function = ACTIVATIONS[name]
            known = total if function.of_input else function.apply_(total.clone())
            delta.copy_(torch.where(functions == index, function.chain_(given.clone(), known), delta))
    return delta
