"""Backpropagation through time: Werbos 1990, Proc. IEEE 78:1550."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from jaxtyping import Shaped
from torch import Tensor

from genomes.errors import require
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.network import Activities, Network, Weights
from inner_loop.objective import Lived, errors_of
from inner_loop.plasticity.descent import trained_groups
from inner_loop.plasticity.through_time import Past, ThroughTime
from inner_loop.rule import Teacher
from inner_loop.twins.layout import Form, Rows


@final
@dataclass(frozen=True)
class BPTT(ThroughTime[Past]):
    """Gradient descent with momentum on the mean error of an episode, at its end.

    The mean is over all steps of the episodes side by side, each weighted as its target; a life in which every weight
    is 0 does not change. In a task, which has no time, each step is an episode of its own.

    Attributes:
        window: truncated BPTT (Williams & Peng 1990, Neural Computation 2:490): an update after this number of steps,
            and no error goes back beyond them; None: the whole episode.
    """

    window: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.window is None or self.window >= 1, "BPTT.window", "at least 1 step, or none", self.window)

    @property
    def teacher(self) -> Teacher:
        """The error, which it descends."""
        return "error"

    @property
    def twins(self) -> frozenset[Form]:
        """In panels, for whole episodes; on samples, where each step is an episode, without a limit of the norm."""
        if self.window is not None:
            return frozenset()
        return frozenset({"panels"}) if self.clip is not None else frozenset({"panels", "resident"})

    def resident_twin(self, rows: Rows, network: Network, newborn: Phenotype, weights: Weights, state: Past) -> Any:
        """`inner_loop.twins.rules.descent`."""
        from inner_loop.twins.rules.descent import twin_of

        return twin_of(state.descent, trained_groups(network, self.plastic), rows, network, weights)

    def panels_twin(
        self, rows: Rows, network: Network, newborn: Phenotype, weights: Weights, state: Past, steps: int
    ) -> Any:
        """`inner_loop.twins.rules.bptt`."""
        from inner_loop.twins.net import grown_of
        from inner_loop.twins.rules.bptt import twin_of

        descent = self.resident_twin(rows, network, newborn, weights, state)
        return twin_of(descent, self.clip or 0.0, grown_of(network, newborn, weights, rows), network.topology, steps)

    def after_panels(self, rows: Rows, network: Network, twin: Any, state: Past) -> Past:
        """The velocity stays from one episode to the next."""
        from inner_loop.twins.net import write_back

        write_back(network, state.descent.velocity, twin.velocity, rows)
        return state

    def init(self, network: Network, newborn: Phenotype, weights: Weights, streams: Streams) -> Past:
        """At rest."""
        return self.at_birth(network, newborn, weights)

    def step(
        self, network: Network, weights: Weights, state: Past, lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, Past]:
        """Stores the step; learns when a window is full."""
        state.steps.append(lived)
        if lived.alive is None or len(state.steps) == self.window:
            return self.consolidate(network, weights, state, newborn)
        return weights, state

    def consolidate(self, network: Network, weights: Weights, state: Past, newborn: Phenotype) -> tuple[Weights, Past]:
        """One update from the steps since the last one."""
        if not state.steps:
            return weights, state
        errors, counts = _errors(network, state), _counts(state.steps)
        learns = torch.ones_like(errors[next(iter(errors))][:, 0, 0], dtype=torch.bool)
        if counts is not None:
            total = counts.sum(1)
            learns = total > 0.0
            # turns the error of a mean over all steps and episodes into that of a mean over those with a weight above 0
            share = counts * torch.where(learns, counts.shape[1] / total, 0.0)[:, None]
            for error in errors.values():
                error.mul_(share[:, None, :])
        self.descend(network, weights, state, newborn, errors, learns)
        return weights, state


def _errors(network: Network, past: Past) -> Activities:
    """dE/dactivity for E, the mean over all steps and episodes; steps count as samples, (P, units, T * B)."""
    first = past.steps[0]
    if first.objective is None:
        return first.error()
    activities = {group: past.activity(network, group) for group in first.activities}
    targets = past.joined("targets", [lived.targets for lived in past.steps])
    return errors_of(first.objective, replace(first, activities=activities, targets=targets))


def _counts(steps: Sequence[Lived]) -> Shaped[Tensor, "P TB"] | None:
    """The weight of each step of each episode; None in a task, where all are equal."""
    if steps[0].alive is None:
        return None
    alive = torch.cat([lived.alive for lived in steps if lived.alive is not None], dim=1)
    counts = alive.to(steps[0].activities[steps[0].output])
    weights = [lived.weight.expand(len(alive), -1) for lived in steps if lived.weight is not None]
    return counts * torch.cat(weights, dim=1) if weights else counts
