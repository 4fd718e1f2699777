"""The twin of `Chemotaxis`: 16 worms, in float32 as there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32

from inner_loop.twins.functions import exp, larger, sine_cosine
from inner_loop.twins.layout import WIDTH, Places
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import double, fill, fma, load, root, single, store, where


def begin(world: Any, block: Any) -> Any:
    """The block's part of the angles; x, y, heading, first distance, sensed concentration, its change."""
    starts, part = world.starts.reshape(-1), block % len(world.starts)
    at = 5 * WIDTH * part
    return (
        part,
        load(starts, at),
        load(starts, at + WIDTH),
        load(starts, at + 2 * WIDTH),
        load(starts, at + 3 * WIDTH),
        load(starts, at + 4 * WIDTH),
        fill(float32(0.0)),
    )


def sense(world: Any, state: Any, block: Any, time: Any, activity: Any) -> Any:
    """Concentration, its change if it is given, a constant."""
    store(activity, 0, state[5])
    store(activity, WIDTH, state[6] if world.change else fill(float32(1.0)))
    if world.change:
        store(activity, 2 * WIDTH, float32(1.0))


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """One step length, as in `Chemotaxis.step`."""
    part, x, y, heading, start, sensed, _ = state
    bend = load(world.bends.reshape(-1), WIDTH * (part * world.bends.shape[1] + time))
    heading = heading + where(action == float32(1.0), fill(world.turn), fill(world.wander)) * bend
    sine, cosine = sine_cosine(double(heading))
    x, y = fma(single(cosine), world.speed, x), fma(single(sine), world.speed, y)
    squared = x * x + y * y
    now = exp(squared * world.sharpness)
    if world.noise.size > 0:
        now = now + load(world.noise.reshape(-1), WIDTH * (part * world.noise.shape[1] + time))
    closeness = larger(float32(1.0) - root(squared) / start, fill(float32(-1.0)))
    zero = fill(float32(0.0))
    after = (part, x, y, heading, start, now, (now - sensed) * world.gain)
    return after, closeness * world.worth, zero > zero


@twin(begin=begin, sense=sense, step=step)
class ChemotaxisTwin(NamedTuple):
    """Worms of 16 episodes side by side.

    Attributes:
        speed, gain, change: as in `Chemotaxis`.
        turn, wander: radians.
        sharpness: factor of the squared distance in the exponent of the concentration.
        worth: reward of a step on the peak.
        starts: x, y, heading, first distance, first sensed concentration, (parts, 5, 16).
        bends: of every step, (parts, steps, 16).
        noise: of the concentration after every step, (parts, steps, 16); of size 0 without noise.
    """

    speed: np.float32
    gain: np.float32
    change: bool
    turn: np.float32
    wander: np.float32
    sharpness: np.float32
    worth: np.float32
    starts: np.ndarray
    bends: np.ndarray
    noise: np.ndarray


def twin_of(state: Any, numbers: dict[str, float], change: bool, places: Places) -> ChemotaxisTwin:
    """The twin of worms after a reset; `numbers` are those of `ChemotaxisTwin`, by name."""
    starts = torch.stack((state.x, state.y, state.heading, state.start, state.sensed), 1)
    noise = np.zeros((0, 0, WIDTH), np.float32)
    if state.noise is not None:
        noise = places.table(state.noise[1:].movedim(0, 1))
    return ChemotaxisTwin(
        change=change,
        starts=places.table(starts),
        bends=places.table(state.bends.movedim(0, 1)),
        noise=noise,
        **{name: np.float32(number) for name, number in numbers.items()},
    )
