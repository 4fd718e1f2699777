"""What components give back has the size that their seam says; the first that has not is one sentence.

A tensor of another size is often taken all the same, spread or cut anew over lives and episodes, and lives would see
each other. What is raised here is recorded of the individuals that met it, like anything else that a component raises.
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
    """`task.draw`, with the number of samples that was asked for, of as many streams or of one common to all.

    Raises:
        ShapeError: samples of other sizes.
    """
    given = task.draw(split, samples, streams, start)
    for name, units in (("inputs", task.inputs), ("targets", task.outputs)):
        fitting = {(lives, units, samples) for lives in (1, streams.owners)}
        check_shape(task, f"{name} of {split}", getattr(given, name), fitting)
    return given


def checked_scores(environment: Environment, scores: Mapping[str, Tensor], lives: int) -> Mapping[str, Tensor]:
    """The scores of P lives, one number each.

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
    """The sizes of all moments of some episodes of P lives.

    Args:
        lives: P; what does not differ between them may be shown once.
        episodes: B.
    """

    def __init__(self, world: World, lives: int, episodes: int) -> None:
        units = {"observation": (world.inputs,), "target": (world.outputs,)}
        names = ("observation", "reward", "terminated", "truncated", *_MAY_LACK)
        self._world = world
        self._fitting = {name: {(k, *units.get(name, ()), episodes) for k in (1, lives)} for name in names}

    def checked(self, moment: Moment) -> Moment:
        """The moment.

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
    """The sizes of weights and biases at birth, which a life does not change."""

    def __init__(self, weights: Weights) -> None:
        self._projections = {name: tensor.shape for name, tensor in weights.projections.items()}
        self._biases = {name: tensor.shape for name, tensor in weights.biases.items()}

    def checked(self, rule: LearningRule, given: tuple[Weights, Any]) -> tuple[Weights, Any]:
        """The weights, and the state beside them, that a rule gives back.

        Raises:
            ShapeError: they are of other sizes.
        """
        weights, _ = given
        for born, now in ((self._projections, weights.projections), (self._biases, weights.biases)):
            for name, shape in born.items():
                check_shape(rule, f"weights of {name}", now.get(name), {shape})
        return given
