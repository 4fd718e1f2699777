"""Sequences: a network meets inputs over time from rest, and a rule learns at each step and at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.answer_shapes import Sizes
from inner_loop.lives.choices import Choices
from inner_loop.network import Network, NetworkState, Weights
from inner_loop.objective import Lived, Objective
from inner_loop.rule import LearningRule
from inner_loop.task import Task


def unrolled(network: Network, weights: Weights, inputs: Tensor, lives: int) -> Iterator[NetworkState]:
    """The network at each step of B sequences, from rest.

    Args:
        inputs: (K, T, input units, B), K = P or 1.
        lives: P.
    """
    before = at_rest(network, inputs, lives)
    for step in range(inputs.shape[1]):
        now = network.advance(weights, inputs[:, step], before)
        yield now
        before = now if before is not None else None


def answers(network: Network, weights: Weights, inputs: Tensor, lives: int, task: Task) -> Tensor:
    """Outputs at the answered steps, (P, output units, B * answers): the answers of a sequence stand side by side."""
    every = enumerate(unrolled(network, weights, inputs, lives))
    given = [now.activities[network.output] for step, now in every if step in task.answered]
    return torch.stack(given, dim=3).flatten(2)


def asked(targets: Tensor, task: Task) -> Tensor:
    """Targets at the answered steps, (K, output units, B * answers), from those of all steps."""
    return targets[:, list(task.answered)].movedim(1, 3).flatten(2)


def at_rest(network: Network, inputs: Tensor, lives: int) -> NetworkState | None:
    """The state before the first step; None for a network without memory."""
    like = inputs.new_empty(lives)
    return network.at_rest(like, inputs.shape[-1]) if network.topology.has_memory else None


@final
@dataclass(frozen=True, eq=False)
class Lessons:
    """Lessons of P lives, each of B sequences.

    Attributes:
        network, newborn, rule, objective: of the lives.
        streams: of the lives, P or 1.
        task: the steps of a sequence, and those that are answered.
        choices: pays choices at the answered steps; None where the rule does not learn from reward.
    """

    network: Network
    newborn: Phenotype
    rule: LearningRule[Any]
    objective: Objective | None
    streams: Streams
    task: Task
    choices: Choices | None

    def through(
        self, lessons: Iterable[tuple[Tensor, Tensor]], weights: Weights, state: Any
    ) -> Iterator[tuple[int, Weights]]:
        """Yields the number of lessons and the weights after them, lesson by lesson."""
        for number, (inputs, targets) in enumerate(lessons):
            weights, state = self.taught(weights, state, inputs, targets, number)
            yield number + 1, weights

    def taught(self, weights: Weights, state: Any, inputs: Tensor, targets: Tensor, number: int) -> tuple[Weights, Any]:
        """The weights and the state of the rule after the sequences; `weights` may be modified in place.

        Args:
            inputs: (K, T, input units, B), K = P or 1.
            targets: (K, T, output units, B).
            number: of the lesson in the life.
        """
        lives, size, sizes = self.newborn.lives, inputs.shape[-1], Sizes(weights)
        memory = self.objective.init(self.network, self.newborn) if self.objective else ()
        before, alive = at_rest(self.network, inputs, lives), inputs.new_ones(lives, size, dtype=torch.bool)
        for step in range(self.task.steps):
            now = self.network.advance(weights, inputs[:, step], before)
            lived = Lived(
                now.activities,
                targets[:, step],
                self.network.output,
                self.objective,
                step,
                self.streams,
                self.newborn.traits,
                before=None if before is None else before.activities,
                internal=now.internal,
                alive=alive,
                weight=inputs.new_full((1, size), float(step in self.task.answered)),
                weights=weights,
                memory=memory,
            )
            if self.choices:
                now, lived = self.choices.paid(lived, weights, inputs[:, step], before, number * self.task.steps + step)
            weights, state = sizes.checked(self.rule, self.rule.step(self.network, weights, state, lived, self.newborn))
            memory = self.objective.after(lived) if self.objective else ()
            before = now if before is not None else None
        return sizes.checked(self.rule, self.rule.consolidate(self.network, weights, state, self.newborn))
