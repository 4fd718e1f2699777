"""The twin of `Foraging`: 16 foragers, each of which looks up cells of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32, njit
from torch import Tensor

from inner_loop.twins.layout import WIDTH, Places
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import fill, load, store

_COLOURS, _TURNS = 2, 3
_HERE = 3  # the last of the four places that are seen
_TASTE = 8  # the last number of an observation


def begin(world: Any, block: Any) -> Any:
    """The block's part of the plants, all of which bear fruit; nothing has been eaten yet."""
    part = block % len(world.colours)
    world.ripe[:] = 0
    for lane in range(WIDTH):
        world.pose[lane] = world.poses[part, 0, lane]
        _look(world, part, lane, 0)
        for colour in range(_COLOURS):
            world.seen[4 * colour + _HERE, lane] = 0.0
        world.seen[_TASTE, lane] = 0.0
    return (part,)


def sense(world: Any, state: Any, block: Any, time: Any, activity: Any) -> Any:
    """Fruit ahead, to the left, to the right and just eaten, in both colours; the taste."""
    for i in range(0, WIDTH * (_TASTE + 1), WIDTH):
        store(activity, i, load(world.seen.reshape(-1), i))


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """One step, and a bite if there is fruit, as in `Foraging.step`."""
    part, zero = state[0], fill(float32(0.0))
    store(world.chosen, 0, action)
    for lane in range(WIDTH):
        world.pose[lane] = world.after[int(world.chosen[lane]), world.pose[lane]]
        eaten = _look(world, part, lane, time + 1)
        taste = float32(0.0)
        if eaten > 0:
            taste = world.food if eaten == world.edible[part, 0, lane] else -world.harm
            world.ripe[world.pose[lane] >> 2, lane] = time + 1 + world.regrowth
        world.seen[_TASTE, lane] = taste
    return state, load(world.seen.reshape(-1), WIDTH * _TASTE), zero > zero


@njit(_nrt=False)
def _look(world: Any, part: Any, lane: Any, time: Any) -> Any:
    """Writes what one forager sees; returns the colour of the fruit in its cell, 0 for none."""
    fruit = 0
    for place in range(_HERE + 1):
        pose = world.pose[lane]
        cell = (world.after[place, pose] if place < _TURNS else pose) >> 2
        fruit = world.colours[part, cell, lane] if world.ripe[cell, lane] <= time else 0
        for colour in range(_COLOURS):
            world.seen[4 * colour + place, lane] = float32(1.0) if fruit == colour + 1 else float32(0.0)
    return fruit


@twin(begin=begin, sense=sense, step=step)
class ForagingTwin(NamedTuple):
    """Foragers of 16 episodes side by side. A pose is 4 times the cell, plus the heading.

    Attributes:
        food, harm: as in `Foraging`.
        regrowth: likewise, at most one step more than an episode has.
        after: the pose that each action leads to, (3, poses).
        colours: of the plants, 0 for a cell without one, (parts, cells, 16).
        edible: the colour that is food, (parts, 1, 16).
        poses: at the reset, (parts, 1, 16).
        ripe, pose, seen, chosen: of 16 foragers now: the step at which each plant bears fruit again, (cells, 16); the
            pose, (16,); the observation, (9, 16); the action, (16,).
    """

    food: np.float32
    harm: np.float32
    regrowth: int
    after: np.ndarray
    colours: np.ndarray
    edible: np.ndarray
    poses: np.ndarray
    ripe: np.ndarray
    pose: np.ndarray
    seen: np.ndarray
    chosen: np.ndarray


def twin_of(state: Any, food: float, harm: float, regrowth: int, places: Places) -> ForagingTwin:
    """The twin of foragers after a reset."""

    def whole(numbers: Tensor) -> np.ndarray:
        return places.table(numbers[:, None].to(torch.int32))

    return ForagingTwin(
        np.float32(food),
        np.float32(harm),
        regrowth,
        state.after.to(torch.int32).numpy(),
        places.table(state.colours),
        whole(state.edible),
        whole(state.pose),
        np.zeros((state.colours.shape[1], WIDTH), np.int32),
        np.zeros(WIDTH, np.int32),
        np.zeros((_TASTE + 1, WIDTH), np.float32),
        np.zeros(WIDTH, np.float32),
    )
