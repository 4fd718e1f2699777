"""The usual way: an nn.Module, torch.optim and autograd, one individual after the other.

Written fairly: the module, its optimiser and its loss are the plainest and quickest that torch offers, the samples lie
ready as (B, units), the mask costs one product a layer on the gradient (not on the weights in every forward pass).
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from rivals.workload import LEARNING_RATE, MOMENTUM, Life, Newborns
from torch import Tensor, nn


def module(sizes: tuple[int, ...], activation: str) -> nn.Sequential:
    """Linear layers with the activation between them."""
    layers: list[nn.Module] = []
    for pre, post in pairwise(sizes):
        layers += [nn.Linear(pre, post), nn.ReLU() if activation == "relu" else nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def learn(
    network: nn.Sequential,
    inputs: list[Tensor],
    labels: list[Tensor],
    masks: list[Tensor] | None,
    fused: bool | None = None,
) -> nn.Sequential:
    """One life: inputs (B, units) and labels (B,) of every step; masks by layer; fused as in torch.optim.SGD."""
    optimiser = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, fused=fused)
    masked = [] if masks is None else list(zip((layer.weight for layer in network[::2]), masks, strict=True))
    for x, y in zip(inputs, labels, strict=True):
        optimiser.zero_grad()
        F.cross_entropy(network(x), y).backward()
        for weight, mask in masked:
            weight.grad.mul_(mask)
        optimiser.step()
    return network


def prepare(newborns: Newborns, individuals: int, fused: bool | None = None) -> Life:
    """The first `individuals` of the cohort, one at a time; building module and optimiser belongs to a life."""
    workload = newborns.workload
    streams = range(newborns.inputs.shape[1])
    inputs = [[x.T.contiguous() for x in newborns.inputs[:, k]] for k in streams]
    labels = [list(newborns.labels[:, k]) for k in streams]

    def live_all() -> list[Tensor]:
        finals = []
        for i in range(individuals):
            network = module(workload.sizes, workload.activation)
            with torch.no_grad():
                for layer, weight, bias in zip(network[::2], newborns.weights, newborns.biases, strict=True):
                    layer.weight.copy_(weight[i])
                    layer.bias.copy_(bias[i])
            masks = None if newborns.masks is None else [mask[i] for mask in newborns.masks]
            stream = i if workload.own_samples else 0
            learn(network, inputs[stream], labels[stream], masks, fused)
            finals.append([layer.weight.detach() for layer in network[::2]])
        return [torch.stack(layer) for layer in zip(*finals, strict=True)]

    return live_all
