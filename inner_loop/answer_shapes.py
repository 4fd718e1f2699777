"""Checks that the tensors that components return have the sizes of their interface; an error is one sentence.

Without these checks a tensor of another size would often be broadcast or reshaped over lives and episodes, and lives
would affect each other. An error that is raised here is recorded for the individuals that met it, like any other error
of a component.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from torch import Tensor

from genomes.errors import ShapeError, check_shape
from genomes.streams import Streams
from inner_loop.environment import Environment, Split
from inner_loop.network import Weights
from inner_loop.rule import LearningRule
from inner_loop.task import Samples, Task
from inner_loop.world import Moment, World

_MAY_LACK = ("trial", "target", "weight")


def drawn(task: Task, split: Split, samples: int, streams: Streams, start: int = 0) -> Samples:
    """Calls `task.draw`; checks the number of samples, and that there are as many streams as asked for, or one for all.

    Raises:
        ShapeError: samples of other sizes.
    """
    given = task.draw(split, samples, streams, start)
    for name, units in (("inputs", task.inputs), ("targets", task.outputs)):
        time = (task.steps,) if task.steps else ()
        fitting = {(lives, *time, units, samples) for lives in (1, streams.owners)}
        check_shape(task, f"{name} of {split}", getattr(given, name), fitting)
    return given


def checked_scores(environment: Environment, scores: Mapping[str, Tensor], lives: int) -> Mapping[str, Tensor]:
    """Returns the scores of P lives, one number each, after a check.

    Raises:
        ShapeError: scores of other sizes, or not those in `score_names`.
    """
    lacking = [name for name in environment.score_names if name not in scores]
    if lacking:
        raise ShapeError(f"{type(environment).__name__}: expected the score {lacking[0]}, got {sorted(scores)}")
    for name, score in scores.items():
        check_shape(environment, f"score {name}", score, {(lives,)})
    return scores


@final
class Moments:
    """Checks the sizes of all moments of some episodes of P lives.

    Args:
        lives: P; a tensor that is the same for all lives may have a first axis of 1.
        episodes: B.
    """

    def __init__(self, world: World, lives: int, episodes: int) -> None:
        units = {"observation": (world.inputs,), "target": (world.outputs,)}
        names = ("observation", "reward", "terminated", "truncated", *_MAY_LACK)
        self._world = world
        self._fitting = {name: {(k, *units.get(name, ()), episodes) for k in (1, lives)} for name in names}

    def checked(self, moment: Moment) -> Moment:
        """Returns the moment after a check.

        Raises:
            ShapeError: a part of it is of another size.
        """
        for name, fitting in self._fitting.items():
            part = getattr(moment, name)
            if part is not None or name not in _MAY_LACK:
                check_shape(self._world, name, part, fitting)
        return moment


@final
class Sizes:
    """Checks the sizes of weights and biases, which a life does not change."""

    def __init__(self, weights: Weights) -> None:
        self._projections = {name: tensor.shape for name, tensor in weights.projections.items()}
        self._biases = {name: tensor.shape for name, tensor in weights.biases.items()}

    def checked(self, rule: LearningRule, given: tuple[Weights, Any]) -> tuple[Weights, Any]:
        """Returns the weights and the state that a rule returned, after a check.

        Raises:
            ShapeError: the weights are of other sizes.
        """
        weights, _ = given
        for born, now in ((self._projections, weights.projections), (self._biases, weights.biases)):
            for name, shape in born.items():
                check_shape(rule, f"weights of {name}", now.get(name), {shape})
        return given
