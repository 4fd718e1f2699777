"""The twin of `TMaze`: 16 visitors, whose whole numbers are exact in float32."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32, njit
from torch import Tensor

from inner_loop.twins.layout import WIDTH, Places
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import fill, floor, load, store, where


def begin(world: Any, block: Any) -> Any:
    """The block's part of the reversals; place, finished trials, those with the large reward, last reward: all 0."""
    zero = fill(float32(0.0))
    return block % len(world.moments), zero, zero, zero, zero


def sense(world: Any, state: Any, block: Any, time: Any, activity: Any) -> Any:
    """Home, junction, end of an arm, reward, a constant."""
    _, place, _, _, reward = state
    zero, one = fill(float32(0.0)), fill(float32(1.0))
    store(activity, 0, where(place == zero, one, zero))
    store(activity, WIDTH, where(place == world.junction, one, zero))
    store(activity, 2 * WIDTH, where(place > world.junction, one, zero))
    store(activity, 3 * WIDTH, reward)
    store(activity, 4 * WIDTH, one)


def begins(world: Any, state: Any, block: Any, time: Any) -> Any:
    """At home, unless all trials are over."""
    return (state[1] == float32(0.0)) & (state[2] < world.trials)


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """One step, as in `TMaze.step`."""
    part, place, trial, large, _ = state
    zero, one = fill(float32(0.0)), fill(float32(1.0))
    side = _side(world, part, trial)
    at_junction, at_end = place == world.junction, place > world.junction
    straight = action == float32(1.0)
    wrong = where(straight, where(at_junction, one, zero), where(at_junction, zero, one))
    crashed = where(at_end, zero, wrong) > zero
    found = at_junction & (action == side * float32(2.0))
    reward = where(at_junction, where(found, fill(world.large), fill(world.small)), zero)
    reward = where(crashed, world.crash, reward)
    home = crashed | at_end
    large = large + where(found & (trial < world.trials), one, zero)
    place, trial = where(home, zero, place + one), trial + where(home, one, zero)
    return (part, place, trial, large, reward), reward, trial >= world.trials


@njit(_nrt=False)
def _side(world: Any, part: Any, trial: Any) -> Any:
    """The side of the large reward."""
    moments, at = world.moments.reshape(-1), WIDTH * part * world.moments.shape[1]
    side = load(moments, at)
    for i in range(1, world.moments.shape[1]):
        exchanged = load(moments, at + WIDTH * i) <= trial
        side = side + where(exchanged, fill(float32(1.0)), fill(float32(0.0)))
    return side - float32(2.0) * floor(side * float32(0.5))


def finish(world: Any, state: Any, block: Any) -> Any:
    """The number of trials with the large reward."""
    store(world.found.reshape(-1), WIDTH * block, state[3])


@twin(begin=begin, sense=sense, begins=begins, step=step, finish=finish)
class TMazeTwin(NamedTuple):
    """Mazes of 16 episodes side by side.

    Attributes:
        trials, large, small, crash: as in `TMaze`.
        junction: its place, in steps from home.
        moments: the side of the large reward at the start, then the trials of the reversals, (parts, numbers, 16).
        found: written: the number of trials with the large reward, (blocks, 1, 16).
    """

    trials: np.float32
    large: np.float32
    small: np.float32
    crash: np.float32
    junction: np.float32
    moments: np.ndarray
    found: np.ndarray


def twin_of(first: Tensor, reversals: Tensor, numbers: dict[str, float], places: Places) -> TMazeTwin:
    """The twin of mazes, from the first side (K, B) and the trials of the reversals (K, B, reversals)."""
    moments = torch.cat((first[:, None], reversals.mT), 1).float()
    plain = {name: np.float32(number) for name, number in numbers.items()}
    return TMazeTwin(moments=places.table(moments), found=places.zeros(), **plain)
