"""Lives on samples by compiled twins: the same life as `samples.learn`, one individual after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.network import Network, Weights
from inner_loop.objective import Objective
from inner_loop.rule import LearningRule
from inner_loop.twins.layout import WIDTH, Rows

_PORTION = 64  # samples that are answered at once: their activity stays in the nearest cache


@final
class CompiledLives:
    """P lives on samples.

    Args:
        own: P streams, from which the rule draws at birth.
    """

    def __init__(
        self, network: Network, newborn: Phenotype, rule: LearningRule[Any], objective: Objective | None, own: Streams
    ) -> None:
        from inner_loop.twins import random_numbers  # noqa: F401  # Numba is optional, and takes a quarter of a second
        from inner_loop.twins.net import laid_out, net_of

        weights, rows = Weights.born(newborn), Rows(newborn.lives)
        self._network, self._weights, self._rows = network, weights, rows
        self._net, self._numbers = net_of(network, weights, rows), laid_out(network, weights, rows)
        self._outputs = network.topology.output.size
        self._rule = self._objective = None
        if rule.learns:
            state = rule.init(network, newborn, weights, own)
            self._rule = rule.resident_twin(rows, network, newborn, weights, state)
            self._objective = objective.twin(newborn) if objective else None

    def through(self, blocks: Iterable[tuple[Tensor, Tensor]], pauses: tuple[int, ...]) -> Iterator[int]:
        """Yields the number of steps that have been lived, at each of the pauses.

        Args:
            blocks: inputs (T, K, input, B) and targets (T, K, output, B) of consecutive steps.
        """
        from inner_loop.twins.resident import learn

        done = 0
        for inputs, targets in blocks:
            end = done + len(inputs)
            for stop in (*(step for step in pauses if done < step < end), end):
                if self._rule is not None:
                    lessons = _lessons(inputs[done - end :][: stop - done], targets[done - end :][: stop - done])
                    learn(self._rule, self._objective, self._net, self._numbers, lessons)
                done = stop
                if stop in pauses:
                    yield stop

    def weights(self) -> Weights:
        """Weights and biases after the steps so far, written over those of the last call."""
        from inner_loop.twins.net import write_back

        write_back(self._network, self._weights, self._numbers, self._rows)
        return self._weights

    def answers(self, inputs: Tensor) -> Tensor:
        """The outputs, (P, output, n), for inputs (K, input, n), K = P or 1."""
        from inner_loop.twins.resident import answer

        samples = inputs.shape[2]
        filled = torch.nn.functional.pad(inputs, (0, -samples % _PORTION))
        portions = filled.unflatten(2, (-1, _PORTION)).movedim(2, 0).contiguous()
        outputs = np.empty((len(self._numbers), self._outputs, filled.shape[2]), np.float32)
        answer(self._net, self._numbers, portions.numpy(), outputs)
        return torch.tensor(outputs)[:, :, :samples]


def _lessons(inputs: Tensor, targets: Tensor) -> Any:
    """(T, K, n, B) with samples, and input neurons, filled up to whole vectors."""
    from inner_loop.twins.resident import Lessons

    samples, units = inputs.shape[3], inputs.shape[2]
    shown, goals = _filled_up(inputs, -units % WIDTH, -samples % WIDTH), _filled_up(targets, 0, -samples % WIDTH)
    return Lessons(shown, goals, samples)


def _filled_up(part: Tensor, rows: int, columns: int) -> np.ndarray:
    """With more rows and columns; a copy only where there is something to fill up."""
    wide = torch.nn.functional.pad(part, (0, columns, 0, rows)) if rows or columns else part
    return wide.contiguous().numpy()
