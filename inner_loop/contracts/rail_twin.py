"""The twin of `Rail`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32

from inner_loop.twins.layout import WIDTH
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import absolute, double, fill, load, single, store, where


def begin(world: Any, block: Any) -> Any:
    """Place, velocity, and False: no episode has ended."""
    starts, at = world.starts.reshape(-1), 4 * WIDTH * block
    place = load(starts, at)
    return place, load(starts, at + WIDTH), absolute(place) < 0.0


def sense(world: Any, state: Any, block: Any, time: Any, activity: Any) -> Any:
    """The place, the velocity, the wind, 1."""
    store(activity, 0, single(state[0]))
    store(activity, WIDTH, single(state[1]))
    store(activity, 2 * WIDTH, single(load(world.starts.reshape(-1), WIDTH * (4 * block + 2))))
    store(activity, 3 * WIDTH, fill(float32(1.0)))


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """One push, as in `Rail.step`."""
    place, speed, over = state
    starts, at = world.starts.reshape(-1), 4 * WIDTH * block
    wind, last = load(starts, at + 2 * WIDTH), load(starts, at + 3 * WIDTH)
    faster = speed * world.friction + wind + (double(action) * 2.0 - 1.0) * world.push
    further = place + faster * world.pace
    reward = where(place * faster < 0.0, fill(float32(1.0)), fill(float32(-0.5)))
    place, speed = where(over, place, further), where(over, speed, faster)
    over = (absolute(place) > world.end) | (last <= time + 1.0)
    return (place, speed, over), reward, over


def teach(world: Any, state: Any, block: Any, time: Any, targets: Any, at_targets: Any) -> Any:
    """The push towards the middle; every second step counts twice."""
    left = where(state[0] > 0.0, fill(float32(1.0)), fill(float32(0.0)))
    store(targets, at_targets, left)
    store(targets, at_targets + WIDTH, float32(1.0) - left)
    return fill(float32(1 + time % 2))


@twin(begin=begin, sense=sense, step=step, teach=teach)
class RailTwin(NamedTuple):
    """Carts of 16 episodes side by side.

    Attributes:
        friction, push, pace, end: as in `Rail`.
        starts: place, velocity, wind and last step of each cart at the reset, (blocks, 4, 16) float64.
    """

    friction: float
    push: float
    pace: float
    end: float
    starts: np.ndarray
