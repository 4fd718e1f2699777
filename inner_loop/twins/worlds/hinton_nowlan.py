"""The twin of `HintonNowlan`: 16 rows of switches."""

from __future__ import annotations

from typing import Any, NamedTuple

from numba import float32

from inner_loop.twins.layout import WIDTH
from inner_loop.twins.seam import response, twin
from inner_loop.twins.vector import fill, load, store, where


def begin(world: Any, block: Any) -> Any:
    """Nothing: the time is the number of trials so far."""
    return (fill(float32(0.0)),)


def sense(world: Any, state: Any, block: Any, time: Any, activity: Any) -> Any:
    """Always 1."""
    store(activity, 0, float32(1.0))


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """One trial, as in `HintonNowlan.step`."""
    zero = fill(float32(0.0))
    right = zero == zero
    for i in range(world.loci):
        right = right & (load(action, WIDTH * i) > zero)
    worth = float32(1.0 + 19.0 * (world.trials - time) / world.trials)
    return state, where(right, worth, zero), right


@twin(begin=begin, sense=sense, act=response, step=step)
class HintonNowlanTwin(NamedTuple):
    """Switches of 16 episodes side by side.

    Attributes:
        loci, trials: as in `HintonNowlan`.
    """

    loci: int
    trials: int
