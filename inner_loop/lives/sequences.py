"""Sequences: a network meets inputs over time, from rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from inner_loop.network import Network, NetworkState, Weights
from inner_loop.task import Task


def unrolled(network: Network, weights: Weights, inputs: Sequence[Tensor], lives: int) -> Iterator[NetworkState]:
    """The network at each step of B sequences, from rest.

    Args:
        inputs: of each step, (K, input units, B), K = P or 1.
        lives: P.
    """
    before = at_rest(network, inputs[0], lives)
    for seen in inputs:
        now = network.advance(weights, seen, before)
        yield now
        before = now if before is not None else None


def answers(network: Network, weights: Weights, inputs: Tensor, lives: int, task: Task) -> Tensor:
    """Outputs at the answered steps, (P, output units, B * answers): the answers of a sequence stand side by side."""
    every, answered = enumerate(unrolled(network, weights, inputs.unbind(1), lives)), task.answered
    given = [now.activities[network.output] for step, now in every if step in answered]
    return torch.stack(given, dim=3).flatten(2)


def asked(targets: Tensor, task: Task) -> Tensor:
    """Targets at the answered steps, (K, output units, B * answers), from those of all steps."""
    return targets[:, list(task.answered)].movedim(1, 3).flatten(2)


def at_rest(network: Network, inputs: Tensor, lives: int) -> NetworkState | None:
    """The state before the first step; None for a network without memory."""
    like = inputs.new_empty(lives)
    return network.at_rest(like, inputs.shape[-1]) if network.topology.has_memory else None
