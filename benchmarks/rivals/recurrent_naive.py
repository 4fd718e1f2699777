"""The usual way through time: nn.RNN, torch.optim and autograd, one individual after the other.

Written fairly: a sequence is one call of nn.RNN, whose loop over the steps runs in C++; sequences lie ready as (T, B,
units); of the two biases that nn.RNN gives a unit one is fixed at 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from rivals.recurrent_workload import HIDDEN, INPUTS, LEARNING_RATE, MOMENTUM, OUTPUTS, Newborns
from rivals.workload import Life
from torch import Tensor, nn


def modules(newborns: Newborns, individual: int) -> tuple[nn.RNN, nn.Linear]:
    """One of the newborns."""
    recurrent, readout = nn.RNN(INPUTS, HIDDEN), nn.Linear(HIDDEN, OUTPUTS)
    heard, lateral, read = (weight[individual] for weight in newborns.weights)
    bias, bias_of_readout = (bias[individual] for bias in newborns.biases)
    with torch.no_grad():
        recurrent.weight_ih_l0.copy_(heard)
        recurrent.weight_hh_l0.copy_(lateral)
        recurrent.bias_ih_l0.copy_(bias)
        recurrent.bias_hh_l0.zero_().requires_grad_(False)
        readout.weight.copy_(read)
        readout.bias.copy_(bias_of_readout)
    return recurrent, readout


def learn(
    recurrent: nn.RNN, readout: nn.Linear, inputs: list[Tensor], targets: list[Tensor], fused: bool | None = None
) -> None:
    """One life: (T, B, 8) and (T, B, 4) of every update; fused as in torch.optim.SGD."""
    learned = [p for p in (*recurrent.parameters(), *readout.parameters()) if p.requires_grad]
    optimiser = torch.optim.SGD(learned, lr=LEARNING_RATE, momentum=MOMENTUM, fused=fused)
    for x, y in zip(inputs, targets, strict=True):
        optimiser.zero_grad()
        F.mse_loss(readout(recurrent(x)[0]), y).backward()
        optimiser.step()


def prepare(newborns: Newborns, individuals: int, fused: bool | None = None) -> Life:
    """The first `individuals` of the cohort, one at a time; building modules and optimiser belongs to a life."""
    inputs, targets = (list(t.mT.contiguous()) for t in (newborns.inputs, newborns.targets))

    def live_all() -> list[Tensor]:
        finals = []
        for individual in range(individuals):
            recurrent, readout = modules(newborns, individual)
            learn(recurrent, readout, inputs, targets, fused)
            finals.append([p.detach() for p in (recurrent.weight_ih_l0, recurrent.weight_hh_l0, readout.weight)])
        return [torch.stack(layer) for layer in zip(*finals, strict=True)]

    return live_all
