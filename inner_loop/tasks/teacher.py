"""A random teacher network to be imitated (Gardner & Derrida 1989; Saad & Solla 1995): every life may have its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams, derive
from inner_loop.task import REGRESSION, Samples, Split, Task, regression_scores


@final
@dataclass(frozen=True)
class Teacher(Task):
    """Inputs N(0, 1); targets from a two-layer tanh network with weights N(0, 1 / fan-in), hidden = 0: a linear one.

    Attributes:
        inputs_size, outputs_size: units.
        hidden: neurons of the teacher.
        measured: samples that measure a split.
        teacher_seed: one teacher for all lives and generations; None: drawn from the streams of the life, a new one for
            each stream of samples.
    """

    inputs_size: int = 30
    outputs_size: int = 10
    hidden: int = 20
    measured: int = 256
    teacher_seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("inputs_size", "outputs_size", "measured"):
            require(getattr(self, name) >= 1, f"Teacher.{name}", "at least 1", getattr(self, name))
        require(self.hidden >= 0, "Teacher.hidden", "at least 0", self.hidden)

    @property
    def inputs(self) -> int:
        """Units of the sensory group."""
        return self.inputs_size

    @property
    def outputs(self) -> int:
        """Units of the output group."""
        return self.outputs_size

    @property
    def score_names(self) -> tuple[str, ...]:
        """Explained variance, negative squared error."""
        return REGRESSION

    @property
    def varies(self) -> bool:
        """True unless there is one teacher for all."""
        return self.teacher_seed is None

    def size(self, split: Split) -> int:
        """The configured number: the stream has no end."""
        return self.measured

    def draw(self, split: Split, samples: int, streams: Streams, start: int = 0) -> Samples:
        """New inputs, and the outputs of this stream's teacher for them."""
        inputs = streams.stream(split).normal(samples, self.inputs_size, start=start * self.inputs_size).mT.float()
        return Samples(inputs.contiguous(), self.answers(inputs, streams))

    def answers(self, inputs: Float[Tensor, "K input n"], streams: Streams) -> Float[Tensor, "K output n"]:
        """The teacher's outputs, (K, output units, n)."""
        own = streams
        if self.teacher_seed is not None:
            own = derive(self.teacher_seed, "teacher").to(streams.keys.device)
        sizes = (
            [self.inputs_size, self.hidden, self.outputs_size] if self.hidden else [self.inputs_size, self.outputs_size]
        )
        activity = inputs
        for layer, (pre, post) in enumerate(pairwise(sizes)):
            weight = own.stream(f"teacher {layer}").normal(post, pre).to(inputs) / math.sqrt(pre)
            activity = torch.matmul(weight, activity if layer == 0 else torch.tanh(activity))
        return activity

    def scores(self, outputs: Float[Tensor, "P output n"], targets: Float[Tensor, "K output n"]) -> dict[str, Tensor]:
        """Explained variance and negative squared error, (P,)."""
        return regression_scores(outputs, targets)
