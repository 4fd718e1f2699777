"""Backpropagation through time: the same recurrent networks at birth and the same sequences, for every rival."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from torch import Tensor

from genomes.streams import derive

INPUTS, HIDDEN, OUTPUTS = 8, 32, 4
LEARNING_RATE, MOMENTUM = 0.05, 0.9  # of the gradient of the mean squared error
DELAY = 3


@final
@dataclass(frozen=True)
class Workload:
    """Lifetimes of a recurrent network that learns to repeat its first inputs after a few steps.

    h_t = tanh(W x_t + U h_(t-1) + b), y_t = V h_t + c; after each sequence one step of SGD with momentum on the mean
    squared error of all its steps.

    Attributes:
        updates: sequences in a life, each of `samples` side by side.
        steps: of a sequence.
        samples: sequences side by side.
        cohort: individuals that live side by side; all see the same sequences.
    """

    updates: int = 40
    steps: int = 50
    samples: int = 16
    cohort: int = 32


@final
@dataclass(frozen=True, eq=False)
class Newborns:
    """A workload with its numbers.

    Attributes:
        weights: W (C, 32, 8), U (C, 32, 32), V (C, 4, 32).
        biases: b (C, 32), c (C, 4).
        inputs, targets: (updates, steps, 8, samples) and (updates, steps, 4, samples).
    """

    workload: Workload
    weights: list[Tensor]
    biases: list[Tensor]
    inputs: Tensor
    targets: Tensor


def born(workload: Workload) -> Newborns:
    """Draws a workload; the same numbers each time."""
    root, cohort = derive(0, "benchmark"), workload.cohort
    shapes = {"W": (cohort, HIDDEN, INPUTS), "U": (cohort, HIDDEN, HIDDEN), "V": (cohort, OUTPUTS, HIDDEN)}
    weights = [(root.stream(name).normal(*s)[0] / math.sqrt(s[2])).float() for name, s in shapes.items()]
    weights[1] *= 0.5  # at 1 some of these networks are chaotic, and rounding would decide their results
    biases = [(root.stream(f"bias {n}").normal(cohort, n)[0] * 0.1).float() for n in (HIDDEN, OUTPUTS)]
    shape = (workload.updates, DELAY + workload.steps, INPUTS, workload.samples)
    heard = root.stream("inputs").uniform(*shape)[0].float()
    return Newborns(workload, weights, biases, heard[:, DELAY:].clone(), heard[:, :-DELAY, :OUTPUTS].clone())
