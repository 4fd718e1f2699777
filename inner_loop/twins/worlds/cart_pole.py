"""The twin of `CartPole`: the same physics for 16 carts, in float64 as there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32

from inner_loop.twins.functions import sine_cosine
from inner_loop.twins.layout import WIDTH, Places
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import absolute, double, fill, fma, load, single, store, where


def begin(world: Any, block: Any) -> Any:
    """Position, velocity, angle, angular velocity, and False: no pole has fallen."""
    starts, at = world.starts.reshape(-1), 4 * WIDTH * block
    position = load(starts, at)
    nowhere = absolute(position) < 0.0
    return position, load(starts, at + WIDTH), load(starts, at + 2 * WIDTH), load(starts, at + 3 * WIDTH), nowhere


def sense(world: Any, state: Any, block: Any, time: Any, activity: Any) -> Any:
    """All four numbers, in float32."""
    store(activity, 0, single(state[0]))
    store(activity, WIDTH, single(state[1]))
    store(activity, 2 * WIDTH, single(state[2]))
    store(activity, 3 * WIDTH, single(state[3]))


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """One push, as in `CartPole.step`; episodes that have ended do not move."""
    position, velocity, angle, spin, fallen = state
    at, each = WIDTH * block, world.numbers.reshape(-1)
    places = 3 * at
    push, lever, inertia = load(each, places), load(each, places + WIDTH), load(each, places + 2 * WIDTH)
    sine, cosine = sine_cosine(angle)
    free = fma(lever * (spin * spin), sine, (double(action) - 0.5) * push)
    turning = fma(0.0 - cosine, free, sine * world.gravity) / fma(0.0 - lever, cosine * cosine, inertia)
    moving = fma(0.0 - lever * turning, cosine, free)
    position, velocity = (
        where(fallen, position, fma(velocity, world.time_step, position)),
        where(fallen, velocity, fma(moving, world.time_step, velocity)),
    )
    angle, spin = (
        where(fallen, angle, fma(spin, world.time_step, angle)),
        where(fallen, spin, fma(turning, world.time_step, spin)),
    )
    fallen = (absolute(position) > world.track) | (absolute(angle) > world.lean)
    return (position, velocity, angle, spin, fallen), fill(float32(1.0)), fallen


@twin(begin=begin, sense=sense, step=step)
class CartPoleTwin(NamedTuple):
    """Carts of 16 episodes side by side.

    Attributes:
        gravity, track, lean, time_step: as in `CartPole`.
        numbers: push, lever and inertia of each cart, (blocks, 3, 16) float64.
        starts: the four numbers of each cart at the reset, (blocks, 4, 16) float64.
    """

    gravity: float
    track: float
    lean: float
    time_step: float
    numbers: np.ndarray
    starts: np.ndarray


def twin_of(state: Any, gravity: float, time_step: float, places: Places) -> CartPoleTwin:
    """The twin of carts after a reset."""
    numbers = torch.stack(torch.broadcast_tensors(state.push, state.lever, state.inertia), dim=1)
    track, lean = state.limits.flatten().tolist()
    return CartPoleTwin(gravity, track, lean, time_step, places.of_episodes(numbers), places.of_episodes(state.motion))
