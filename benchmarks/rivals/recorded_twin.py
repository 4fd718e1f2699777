"""The twin of the world of W3: recorded sequences, shown a step at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32
from torch import Tensor

from inner_loop.twins.layout import WIDTH, Places
from inner_loop.twins.seam import response, twin
from inner_loop.twins.vector import fill, load, store


def begin(world: Any, block: Any) -> Any:
    """The block's part of the sequences."""
    return (block % len(world.inputs),)


def sense(world: Any, state: Any, block: Any, time: Any, activity: Any) -> Any:
    """The inputs of this step."""
    shown, size = world.inputs.reshape(-1), WIDTH * world.width
    for k in range(0, size, WIDTH):
        store(activity, k, load(shown, size * (state[0] * world.steps + time) + k))


def teach(world: Any, state: Any, block: Any, time: Any, targets: Any, at_targets: Any) -> Any:
    """The answers of this step; all count."""
    answers, size = world.answers.reshape(-1), WIDTH * world.answered
    for k in range(0, size, WIDTH):
        store(targets, at_targets + k, load(answers, size * (state[0] * world.steps + time) + k))
    return fill(float32(1.0))


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """No reward; the sequence goes on to its end."""
    zero = fill(float32(0.0))
    return state, zero, zero > zero


@twin(begin=begin, sense=sense, act=response, step=step, teach=teach)
class RecordedTwin(NamedTuple):
    """Sequences of 16 episodes side by side.

    Attributes:
        steps, width, answered: steps of a sequence, its inputs and its answers.
        inputs, answers: of all steps, (parts, steps * width, 16) and (parts, steps * answered, 16).
    """

    steps: int
    width: int
    answered: int
    inputs: np.ndarray
    answers: np.ndarray


def twin_of(inputs: Tensor, answers: Tensor, places: Places) -> RecordedTwin:
    """The twin of sequences (T, n, B) that are the same for all lives."""
    tables = [places.table(torch.flatten(part, 0, 1)[None]) for part in (inputs, answers)]
    return RecordedTwin(len(inputs), inputs.shape[1], answers.shape[1], *tables)
