"""The workload of all rivals: the same networks at birth, the same samples in the same order, drawn beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from torch import Tensor

from genomes.streams import Streams, derive
from inner_loop.tasks.digits import Digits

LEARNING_RATE, MOMENTUM, BATCH = 0.1, 0.9, 32

Life = Callable[[], list[Tensor]]
"""Computes a prepared workload once; returns the final weights of each layer, (C, post, pre)."""


@final
@dataclass(frozen=True)
class Workload:
    """Lifetimes of a layered network under SGD with momentum and cross-entropy.

    Attributes:
        sizes: units of each layer.
        steps: updates in a life.
        cohort: individuals that live side by side.
        masked: True removes a random half of the synapses of each individual.
        activation: of the hidden layer, relu or tanh.
        own_samples: True gives each individual other samples; False: all see the same (as with `Lifetime.common`).
    """

    sizes: tuple[int, ...]
    steps: int
    cohort: int
    masked: bool
    activation: str = "relu"
    own_samples: bool = False

    @property
    def flops(self) -> int:
        """Floating-point operations of one life's matrix products: forward, dE/dW, and dE/dactivity above layer 0."""
        synapses = [post * pre for pre, post in pairwise(self.sizes)]
        return self.steps * 2 * BATCH * (2 * sum(synapses) + sum(synapses[1:]))


@final
@dataclass(frozen=True, eq=False)
class Newborns:
    """A workload with its numbers.

    Attributes:
        weights, biases, masks: for each layer (C, post, pre), (C, post) and (C, post, pre) of 0 and 1 or None.
        inputs: (steps, K, input units, B), K = C or 1.
        labels: (steps, K, B) int64.
    """

    workload: Workload
    weights: list[Tensor]
    biases: list[Tensor]
    masks: list[Tensor] | None
    inputs: Tensor
    labels: Tensor


def born(workload: Workload) -> Newborns:
    """Draws a workload; the same numbers each time."""
    root = derive(0, "benchmark")
    shapes = [(workload.cohort, post, pre) for pre, post in pairwise(workload.sizes)]
    masks = None
    if workload.masked:
        masks = [(root.stream(f"mask {i}").uniform(*s)[0] < 0.5).float() for i, s in enumerate(shapes)]
    weights = [(root.stream(f"w {i}").normal(*s)[0] / math.sqrt(s[2])).float() for i, s in enumerate(shapes)]
    if masks is not None:
        weights = [w * m for w, m in zip(weights, masks, strict=True)]
    biases = [(root.stream(f"b {i}").normal(*s[:2])[0] * 0.1).float() for i, s in enumerate(shapes)]
    owners = list(range(workload.cohort)) if workload.own_samples else -1
    inputs, labels = _samples(workload, derive(0, "samples", owners=owners))
    return Newborns(workload, weights, biases, masks, inputs, labels)


def _samples(workload: Workload, own: Streams) -> tuple[Tensor, Tensor]:
    """Real digits where there are 64 pixels; otherwise ten blurred prototypes under noise, a fifth of the pixels on."""
    count, pixels = workload.steps * BATCH, workload.sizes[0]
    if pixels == 64:
        drawn = Digits().draw("train", count, own)
        inputs, labels = drawn.inputs, drawn.targets.argmax(1)
    else:
        labels = own.stream("labels").integers(workload.sizes[-1], count)
        prototypes = derive(0, "prototypes").normal(workload.sizes[-1], pixels)[0]
        noisy = prototypes[labels] + own.stream("noise").normal(count, pixels)
        inputs = (noisy - 1.0).clamp_(0.0, 1.0).float().mT
    split = (workload.steps, BATCH)
    return (
        inputs.unflatten(2, split).movedim(2, 0).contiguous(),
        labels.unflatten(1, split).movedim(1, 0).contiguous(),
    )
