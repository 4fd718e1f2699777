"""The twin of `SwingUp`: the same physics for 16 carts, in float64 as there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32
from torch import Tensor

from inner_loop.twins.functions import sine_cosine
from inner_loop.twins.layout import WIDTH, Places
from inner_loop.twins.seam import continuous, twin
from inner_loop.twins.vector import absolute, double, fma, load, single, store, where


def begin(world: Any, block: Any) -> Any:
    """Position, velocity, angle, angular velocity; sine and cosine of the angle; False: no cart has left the track."""
    starts, at = world.starts.reshape(-1), 4 * WIDTH * (block % len(world.starts))
    position, angle = load(starts, at), load(starts, at + 2 * WIDTH)
    sine, cosine = sine_cosine(angle)
    never = absolute(position) < 0.0
    return position, load(starts, at + WIDTH), angle, load(starts, at + 3 * WIDTH), sine, cosine, never


def sense(world: Any, state: Any, block: Any, time: Any, activity: Any) -> Any:
    """Position, velocity, cosine, sine, angular velocity, in float32."""
    store(activity, 0, single(state[0]))
    store(activity, WIDTH, single(state[1]))
    store(activity, 2 * WIDTH, single(state[5]))
    store(activity, 3 * WIDTH, single(state[4]))
    store(activity, 4 * WIDTH, single(state[3]))


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """One push, as in `SwingUp.step`; episodes that have ended do not move."""
    position, velocity, angle, spin, sine, cosine, out = state
    force = load(action, 0)
    force = double(where(force == force, force, float32(0.0)))  # an output that is not a number does not push
    push = force - velocity * world.friction
    pull = sine * (spin * spin) * world.lever
    share = 4.0 * world.mass - cosine * cosine * (3.0 * world.pole_mass)
    cart = sine * cosine * (3.0 * world.pole_mass * world.gravity) - 2.0 * pull + 4.0 * push
    pole = sine * (6.0 * world.mass * world.gravity) + cosine * (6.0 * push - 3.0 * pull)
    faster, turning = cart / share, pole / (share * world.pole_length)
    position, velocity = (
        where(out, position, fma(velocity, world.time_step, position)),
        where(out, velocity, fma(faster, world.time_step, velocity)),
    )
    angle, spin = (
        where(out, angle, fma(spin, world.time_step, angle)),
        where(out, spin, fma(turning, world.time_step, spin)),
    )
    sine, cosine = sine_cosine(angle)
    reward = (cosine + 1.0) * 0.5 * sine_cosine(position * world.quarter)[1]
    out = absolute(position) > world.track
    return (position, velocity, angle, spin, sine, cosine, out), single(reward), out


@twin(begin=begin, sense=sense, act=continuous, step=step)
class SwingUpTwin(NamedTuple):
    """Carts of 16 episodes side by side.

    Attributes:
        pole_length, pole_mass, gravity, friction, track, time_step: as in `SwingUp`.
        mass: of cart and pole.
        lever: mass of the pole times its length.
        quarter: radians of the reward's cosine for each metre from the middle.
        middle, half: of the range of the force, (1,).
        starts: the four numbers of each cart at the reset, (parts, 4, 16) float64.
    """

    pole_length: float
    pole_mass: float
    gravity: float
    friction: float
    track: float
    time_step: float
    mass: float
    lever: float
    quarter: float
    middle: np.ndarray
    half: np.ndarray
    starts: np.ndarray


def twin_of(motion: Tensor, force: float, numbers: dict[str, float], places: Places) -> SwingUpTwin:
    """The twin of carts at the reset, (K, 4, B); `numbers` are those of `SwingUpTwin`, by name."""
    middle, half = np.zeros(1, np.float32), np.full(1, force, np.float32)
    return SwingUpTwin(middle=middle, half=half, starts=places.table(motion), **numbers)
