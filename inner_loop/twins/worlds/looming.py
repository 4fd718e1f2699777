"""The twin of `Looming`: 16 films, whose images are drawn frame by frame, in float32 as there."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32
from torch import Tensor

from inner_loop.twins.functions import larger, smaller
from inner_loop.twins.layout import WIDTH, Places
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import any_of, fill, load, root, store, where

_LOOMS, _DIMS, _FRAMES, _PLACE, _VELOCITY, _COLUMNS = 0, 1, 2, 3, 5, 7


def begin(world: Any, block: Any) -> Any:
    """The block's part of the films; and whether they loom, whether they dim."""
    part = block % len(world.discs)
    discs, at, zero = world.discs.reshape(-1), WIDTH * _COLUMNS * part, fill(float32(0.0))
    return part, load(discs, at + WIDTH * _LOOMS) > zero, load(discs, at + WIDTH * _DIMS) > zero


def sense(world: Any, state: Any, block: Any, time: Any, activity: Any) -> Any:
    """Darkness of each pixel, and its change if it is an input."""
    part, _, dims = state
    lines, discs, last = world.lines, world.discs.reshape(-1), world.image
    count, frame = len(lines), float32(time)
    at = WIDTH * (_COLUMNS * part + _PLACE)
    across = load(discs, at) + load(discs, at + 2 * WIDTH) * frame
    down = load(discs, at + WIDTH) + load(discs, at + 3 * WIDTH) * frame
    reach = load(world.radius.reshape(-1), WIDTH * (part * world.radius.shape[1] + time)) + float32(0.5)
    zero, one, total = fill(float32(0.0)), fill(float32(1.0)), fill(float32(0.0))
    for i in range(count):
        y = lines[i] - down
        for j in range(count):
            x = lines[j] - across
            covered = smaller(larger(reach - root(y * y + x * x), zero), one)
            total = total + covered
            store(activity, WIDTH * (i * count + j), covered)
    pixels = count * count
    if any_of(dims):
        mean = total / float32(pixels)
        for k in range(0, WIDTH * pixels, WIDTH):
            store(activity, k, where(dims, mean, load(activity, k)))
    if len(last):
        for k in range(0, WIDTH * pixels, WIDTH):
            now = load(activity, k)
            before = load(last, k) if time else now
            store(activity, WIDTH * pixels + k, now - before)
            store(last, k, now)


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """Escape or not, as in `Looming.step`."""
    part, looms, _ = state
    zero, one = fill(float32(0.0)), fill(float32(1.0))
    frames = load(world.discs.reshape(-1), WIDTH * (_COLUMNS * part + _FRAMES))
    escaped, over = action == one, frames <= float32(time + 1)
    missed = where(over, where(looms, zero, one), zero)
    return state, where(escaped, where(looms, one, zero), missed), escaped | over


@twin(begin=begin, sense=sense, step=step)
class LoomingTwin(NamedTuple):
    """Films of 16 episodes side by side; lengths in pixels.

    Attributes:
        lines: centres of a row of pixels, (side,).
        discs: whether the film looms, whether it dims, its frames, centre of the disc across and down in the first
            frame, their velocities, (parts, 7, 16).
        radius: of the disc in each frame, (parts, steps, 16).
        image: the last frame of 16 films, pixel by pixel; of size 0 if changes are no input.
    """

    lines: np.ndarray
    discs: np.ndarray
    radius: np.ndarray
    image: np.ndarray


def twin_of(film: Any, radius: Tensor, change: bool, places: Places) -> LoomingTwin:
    """The twin of films with radii (K, frames, B)."""
    lines = film.line[:, 0].numpy().astype(np.float32)
    each = torch.stack((film.looms.float(), film.dims.float(), film.frames.float()), 1)
    discs = torch.cat((each, film.place[:, :, 0], film.velocity[:, :, 0]), 1)
    image = np.zeros(WIDTH * len(lines) ** 2 if change else 0, np.float32)
    return LoomingTwin(lines, places.table(discs), places.table(radius), image)
