"""The interface of tasks: samples with targets, drawn from an endless stream, and scores of outputs.

A sample has no time, or it is a sequence: inputs and targets at T steps, which a network meets from rest.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from genomes.streams import Streams
from inner_loop.environment import SPLITS, Environment, Split

__all__ = ["SPLITS", "Samples", "Split", "Task"]


@final
@dataclass(frozen=True, eq=False)
class Samples:
    """K streams of samples, K = P lives or 1 when they are common to all.

    Attributes:
        inputs: (K, input units, n); of sequences (K, T, input units, n).
        targets: (K, output units, n); of sequences (K, T, output units, n). One-hot where the target is a class.
    """

    inputs: Float[Tensor, "K *time input n"]
    targets: Float[Tensor, "K *time output n"]

    def to(self, like: Tensor) -> Samples:
        """The same samples in the type of a tensor, on its device."""
        return Samples(self.inputs.to(like), self.targets.to(like))


class Task(Environment):
    """Samples with targets. Implementations are frozen dataclasses: configuration, no state."""

    seam = "task"

    @property
    def teaches(self) -> bool:
        """Every sample has a target."""
        return True

    @property
    def rewards(self) -> bool:
        """True if the task pays choices."""
        return type(self).pay is not Task.pay

    def pay(self, choices: Int64[Tensor, "P n"], targets: Float[Tensor, "K output n"]) -> Float[Tensor, "P n"]:
        """Rewards for choices among the outputs, so that rules of reward learn on samples; by default nothing is paid.

        Args:
            choices: the output unit that was chosen for each sample.
        """
        raise NotImplementedError("a task that pays says how much")

    @property
    def steps(self) -> int:
        """T, the time steps of a sequence; 0: samples have no time."""
        return 0

    @property
    def answered(self) -> tuple[int, ...]:
        """The steps of a sequence at which a target is set: the objective and the scores use no others."""
        return tuple(range(self.steps))

    @property
    def things(self) -> str | None:
        """Samples or sequences."""
        return "sequences" if self.steps else "samples"

    @property
    @abstractmethod
    def inputs(self) -> int:
        """Units of the sensory group."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Units of the output group."""

    def ready(self) -> None:
        """Raises InputError when the data are missing or wrong."""
        self.size("train")

    @abstractmethod
    def size(self, split: Split) -> int:
        """The number of samples that measure a split: `draw(split, size, ...)` covers a finite split exactly once."""

    @abstractmethod
    def draw(self, split: Split, samples: int, streams: Streams, start: int = 0) -> Samples:
        """Samples `start` to `start + samples` of the streams, one a key."""

    @abstractmethod
    def scores(self, outputs: Float[Tensor, "P output n"], targets: Float[Tensor, "K output n"]) -> dict[str, Tensor]:
        """Each score by name, mean over the n answers, (P,) float64: one a sample, or one at each answered step."""

    def sample_scores(
        self, outputs: Float[Tensor, "P output n"], targets: Float[Tensor, "K output n"]
    ) -> Tensor | None:
        """The main score of each answer, (P, n) float64, if the score is their mean; otherwise None.

        A bootstrap over samples is then a matrix product.
        """
        return None


CLASSIFICATION = ("accuracy", "log_likelihood")


def classification_scores(outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Share of samples whose largest output is the target's, and mean log softmax probability of the target in nats."""
    # max with its index is several times faster than argmax along an axis that is not the last
    hits = outputs.max(1).indices == targets.max(1).indices
    log_likelihood = (torch.log_softmax(outputs, dim=1) * targets).sum(1)
    # nan has no largest output: argmax would still return one
    accuracy = hits.double().mean(1) + 0.0 * outputs.sum((1, 2)).double()
    return {"accuracy": accuracy, "log_likelihood": log_likelihood.double().mean(1)}


def classified(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 if the largest output of a sample is the target's, else 0, (P, n) float64; nan if an output is not finite."""
    return (outputs.max(1).indices == targets.max(1).indices).double() + 0.0 * outputs.sum(1).double()


def right_choice(choices: Tensor, targets: Tensor) -> Tensor:
    """1 where the choice is the class of the target, 0 elsewhere, (P, n)."""
    return (choices == targets.max(1).indices).double()


REGRESSION = ("explained_variance", "negative_squared_error")


def regression_scores(outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """1 - squared error / variance of the targets, and minus the squared error summed over the output units."""
    error = (outputs - targets).double().square().sum(1).mean(1)
    centred = (targets - targets.mean(2, keepdim=True)).double()
    return {
        "explained_variance": 1.0 - error / centred.square().sum(1).mean(1),
        "negative_squared_error": -error,
    }
