"""The twin of `Retina`: 16 films, and the energy of the responses to each direction."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32
from torch import Tensor

from inner_loop.twins.layout import WIDTH, Places
from inner_loop.twins.seam import response, twin
from inner_loop.twins.vector import double, fill, load, store, where


def begin(world: Any, block: Any) -> Any:
    """The block's part of the films; nothing else changes but the energies, which begin at 0."""
    return block % len(world.film), fill(float32(0.0))


def sense(world: Any, state: Any, block: Any, time: Any, activity: Any) -> Any:
    """The light of this frame: both cells of a position have the same."""
    film = world.film.reshape(-1)
    frame = WIDTH * (state[0] * world.film.shape[1] + world.positions * time)
    for i in range(world.positions):
        light = load(film, frame + WIDTH * i)
        store(activity, WIDTH * (2 * i), light)
        store(activity, WIDTH * (2 * i + 1), light)


def begins(world: Any, state: Any, block: Any, time: Any) -> Any:
    """All trials of all directions last equally long."""
    begun = float32(1.0) if time % world.trial == 0 else float32(0.0)
    return fill(begun) > float32(0.0)


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """Adds the energy of the response to this frame; there is no reward."""
    energy, zero = world.energy.reshape(-1), fill(float32(0.0))
    first = WIDTH * (block * world.energy.shape[1] + world.dendrites * (time // world.trial))
    for i in range(0, WIDTH * world.dendrites, WIDTH):
        output = load(action, i)
        positive = double(where(output > zero, output, zero))
        store(energy, first + i, load(energy, first + i) + positive * positive)
    return state, zero, zero > zero


@twin(begin=begin, sense=sense, begins=begins, act=response, step=step)
class RetinaTwin(NamedTuple):
    """Films of 16 episodes side by side.

    Attributes:
        positions, dendrites: of the world.
        trial: steps of the trial of a direction.
        film: the light at each position in each frame, (parts, steps * positions, 16).
        energy: written: the response of each output to each direction, (blocks, directions * dendrites, 16) float64.
    """

    positions: int
    dendrites: int
    trial: int
    film: np.ndarray
    energy: np.ndarray


def twin_of(film: Tensor, steps: int, trial: int, dendrites: int, places: Places) -> RetinaTwin:
    """The twin of films (steps + 1, K, inputs, B), in which both cells of a position have the same light."""
    light = film[:steps, :, ::2]
    table = places.table(light.movedim(0, 1).flatten(1, 2))
    return RetinaTwin(light.shape[2], dendrites, trial, table, places.zeros(steps // trial * dendrites, np.float64))
