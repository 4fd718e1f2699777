"""torch.func: vmap over the individuals of the gradient of one, then momentum on the stacked parameters."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from rivals.workload import LEARNING_RATE, MOMENTUM, Life, Newborns
from torch import Tensor
from torch.func import grad, vmap


def prepare(newborns: Newborns) -> Life:
    """The whole cohort at once."""
    workload = newborns.workload
    activation = torch.relu if workload.activation == "relu" else torch.tanh
    depth = len(newborns.weights)

    def loss(parameters: tuple[Tensor, ...], x: Tensor, y: Tensor) -> Tensor:
        for i, (weight, bias) in enumerate(zip(parameters[:depth], parameters[depth:], strict=True)):
            x = F.linear(x, weight, bias)
            x = x if i == depth - 1 else activation(x)
        return F.cross_entropy(x, y)

    per_life = 0 if workload.own_samples else None
    gradients = vmap(grad(loss), in_dims=(0, per_life, per_life))
    inputs = [x.mT.contiguous() if workload.own_samples else x[0].T.contiguous() for x in newborns.inputs]
    labels = [y if workload.own_samples else y[0] for y in newborns.labels]

    def live_all() -> list[Tensor]:
        parameters = tuple(p.clone() for p in (*newborns.weights, *newborns.biases))
        momenta = tuple(torch.zeros_like(p) for p in parameters)
        masks = (*(newborns.masks or ()), *([None] * len(parameters)))
        for x, y in zip(inputs, labels, strict=True):
            for p, v, g, mask in zip(parameters, momenta, gradients(parameters, x, y), masks, strict=False):
                v.mul_(MOMENTUM).add_(g if mask is None or newborns.masks is None else g.mul_(mask))
                p.add_(v, alpha=-LEARNING_RATE)
        return list(parameters[:depth])

    return live_all
