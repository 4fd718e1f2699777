"""Backpropagation through time: Werbos 1990, Proc. IEEE 78:1550."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Shaped
from torch import Tensor

from genomes.expect import expect
from genomes.phenotype import Phenotype
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.rule import Teacher
from inner_loop.rules.through_time import Past, ThroughTime


@final
@dataclass(frozen=True)
class BPTT(ThroughTime[Past]):
    """Gradient descent with momentum on the mean error of an episode, at its end.

    The mean is over all steps of the episodes side by side, each as much as its target counts; a life that no target
    counted for stays as it is. In a task, which has no time, each step is an episode of its own.

    Attributes:
        window: truncated BPTT (Williams & Peng 1990, Neural Computation 2:490): an update after so many steps, and no
            error goes back beyond them; None: the whole episode.
    """

    window: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        expect(self.window is None or self.window >= 1, "BPTT.window", "at least 1 step, or none", self.window)

    @property
    def teacher(self) -> Teacher:
        """The error that it descends."""
        return "error"

    def init(self, network: Network, newborn: Phenotype, weights: Weights) -> Past:
        """At rest."""
        return self.at_birth(network, newborn, weights)

    def step(
        self, network: Network, weights: Weights, state: Past, lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, Past]:
        """Remembers; learns when a window is full."""
        state.steps.append(lived)
        if lived.alive is None or len(state.steps) == self.window:
            return self.consolidate(network, weights, state, newborn)
        return weights, state

    def consolidate(self, network: Network, weights: Weights, state: Past, newborn: Phenotype) -> tuple[Weights, Past]:
        """One update from what was lived since the last one."""
        if state.steps:
            by_step = [lived.error() for lived in state.steps]
            output = state.steps[0].activities[network.output]
            counts = torch.stack([_counts(lived) for lived in state.steps], dim=1).to(output).mean(2).sum(1)
            share = torch.where(counts > 0.0, 1.0 / counts, 0.0)[:, None, None]
            errors = {
                group: state.joined(f"error {group}", [error[group] for error in by_step]).mul_(share)
                for group in by_step[0]
            }
            self.descend(network, weights, state, newborn, errors, counts > 0.0)
        return weights, state


def _counts(lived: Lived) -> Shaped[Tensor, "P B"]:
    """How much each episode counts at a step; all alike in a task."""
    if lived.alive is None:
        return torch.ones_like(lived.activities[lived.output][:, 0])
    return lived.alive if lived.weight is None else lived.alive * lived.weight
