"""The twin of the world of W4: CartPole whose episodes end only with their time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32, njit

from inner_loop.twins.seam import twin
from inner_loop.twins.vector import fill, where
from inner_loop.twins.worlds import cart_pole

_push = njit(_nrt=False)(cart_pole.step)


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """As in CartPole, but after a fall there is no more reward rather than an end."""
    fallen, zero = state[4], fill(float32(0.0))
    after, reward, _ = _push(world, state, block, time, action)
    return after, where(fallen, zero, reward), zero > zero


@twin(begin=cart_pole.begin, sense=cart_pole.sense, step=step)
class UnendingTwin(NamedTuple):
    """The numbers of `CartPoleTwin`."""

    gravity: float
    track: float
    lean: float
    time_step: float
    numbers: np.ndarray
    starts: np.ndarray


def twin_of(carts: cart_pole.CartPoleTwin) -> UnendingTwin:
    """The same carts."""
    return UnendingTwin(*carts)
