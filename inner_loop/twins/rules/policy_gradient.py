"""The twin of `PolicyGradient`, which writes down the steps of an episode: the weights change after it, in torch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32
from torch import Tensor

from inner_loop.twins.layout import WIDTH, Lanes
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import fill, load, store, where


def learn(rule: Any, net: Any, block: Any, weights: Any, lived: Any) -> Any:
    """Stores a step of 16 lives."""
    past, at = rule.past.reshape(-1), WIDTH * rule.past.shape[2] * (block * rule.past.shape[1] + lived.time)
    store(past, at, where(lived.alive, fill(float32(1.0)), fill(float32(0.0))))
    store(past, at + WIDTH, lived.reward)
    at += 2 * WIDTH
    for k in range(0, len(lived.acted), WIDTH):
        store(past, at + k, load(lived.acted, k))
    at += len(lived.acted)
    for k in range(0, len(lived.activity), WIDTH):
        store(past, at + k, load(lived.activity, k))


@twin(learn=learn)
class PolicyGradientTwin(NamedTuple):
    """The steps of 16 lives side by side.

    Attributes:
        past: 1 if the episode runs, the reward, the action and all activities at each step, (blocks, steps, n, 16).
        discrete: 1 if an action is one of some, 0 if it is real numbers.
    """

    past: np.ndarray
    discrete: int


def twin_of(lanes: Lanes, steps: int, outputs: int, neurons: int, discrete: bool) -> PolicyGradientTwin:
    """The twin before an episode."""
    blocks = -(-lanes.lives * lanes.episodes // WIDTH)
    return PolicyGradientTwin(np.zeros((blocks, steps, 2 + outputs + neurons, WIDTH), np.float32), int(discrete))


def recorded(lanes: Lanes, twin: PolicyGradientTwin, outputs: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The steps until all episodes have ended.

    Returns:
        alive: (P, T, B).
        reward: (P, T, B).
        acted: (P, T, B) int64, or (P, outputs, T, B).
        activity: (P, neurons, T, B).
    """
    lasted = int(twin.past[:, :, 0].any(axis=(0, 2)).sum())
    past = torch.tensor(twin.past[:, :lasted]).movedim(3, 1).flatten(0, 1)  # (lanes, T, n)
    past = past[: lanes.lives * lanes.episodes].unflatten(0, (lanes.lives, lanes.episodes)).permute(0, 3, 2, 1)
    alive, reward, acted, activity = past.contiguous().split([1, 1, outputs, past.shape[1] - outputs - 2], dim=1)
    return alive[:, 0] > 0.0, reward[:, 0], acted.max(1).indices if twin.discrete else acted, activity
