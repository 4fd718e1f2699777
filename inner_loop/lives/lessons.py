"""Lessons: a rule learns from samples, or at each step of sequences and at their end."""

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
from inner_loop.lives.sequences import at_rest
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived, Objective
from inner_loop.rule import LearningRule
from inner_loop.task import Task


@final
@dataclass(frozen=True, eq=False)
class Lessons:
    """Lessons of P lives, each of B samples or sequences.

    Attributes:
        network, newborn, rule, objective: of the lives.
        streams: of the lives, P or 1.
        task: that of the lessons; None: samples without time or reward.
        choices: pays choices; None where the rule does not learn from reward.
    """

    network: Network
    newborn: Phenotype
    rule: LearningRule[Any]
    objective: Objective | None
    streams: Streams
    task: Task | None
    choices: Choices | None

    def through(
        self, lessons: Iterable[tuple[Tensor, Tensor]], weights: Weights, state: Any
    ) -> Iterator[tuple[int, Weights]]:
        """Yields the number of lessons and the weights after them, lesson by lesson."""
        sizes = Sizes(weights)
        if self.task is not None and self.task.steps:
            for number, (inputs, targets) in enumerate(lessons):
                weights, state = self._over_time(self.task, sizes, weights, state, inputs, targets, number)
                yield number + 1, weights
            return
        memory = self.objective.init(self.network, self.newborn) if self.objective else ()
        for number, (inputs, targets) in enumerate(lessons):
            now = self.network.advance(weights, inputs)
            lived = Lived(
                now.activities,
                targets,
                self.network.output,
                self.objective,
                number,
                self.streams,
                self.newborn.traits,
                internal=now.internal,
                weights=weights,
                memory=memory,
            )
            if self.choices:
                _, lived = self.choices.paid(lived, weights, inputs, None, number)
            weights, state = sizes.checked(self.rule, self.rule.step(self.network, weights, state, lived, self.newborn))
            if self.choices:
                ended = self.rule.consolidate(self.network, weights, state, self.newborn)
                weights, state = sizes.checked(self.rule, ended)
            memory = self.objective.after(lived) if self.objective else ()
            yield number + 1, weights

    def _over_time(
        self, task: Task, sizes: Sizes, weights: Weights, state: Any, inputs: Tensor, targets: Tensor, number: int
    ) -> tuple[Weights, Any]:
        """The weights and the state of the rule after the sequences; `weights` may be modified in place.

        Args:
            inputs: (K, T, input units, B), K = P or 1.
            targets: (K, T, output units, B).
            number: of the lesson in the life.
        """
        lives, size, answered = self.newborn.lives, inputs.shape[-1], task.answered
        memory = self.objective.init(self.network, self.newborn) if self.objective else ()
        before, alive = at_rest(self.network, inputs, lives), inputs.new_ones(lives, size, dtype=torch.bool)
        for step in range(task.steps):
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
                weight=inputs.new_full((1, size), float(step in answered)),
                weights=weights,
                memory=memory,
            )
            if self.choices:
                now, lived = self.choices.paid(lived, weights, inputs[:, step], before, number * task.steps + step)
            weights, state = sizes.checked(self.rule, self.rule.step(self.network, weights, state, lived, self.newborn))
            memory = self.objective.after(lived) if self.objective else ()
            before = now if before is not None else None
        return sizes.checked(self.rule, self.rule.consolidate(self.network, weights, state, self.newborn))
