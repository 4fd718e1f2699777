"""A world's twin under actions that are given beforehand, for all steps of its episodes."""

from __future__ import annotations

from typing import Any

from numba import njit

from inner_loop.twins.cache import cached
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.seam import begin, sense, step
from inner_loop.twins.vector import load


@cached
@njit
def drive(world: Any, actions: Any, seen: Any) -> Any:
    """Steps through all actions, (blocks, steps, 16); writes the last observations, (blocks, inputs, 16)."""
    for block in range(len(actions)):
        pushes, observed, state = actions[block].reshape(-1), seen[block].reshape(-1), begin(world, block)
        for time in range(actions.shape[1]):
            state, _, _ = step(world, state, block, time, load(pushes, WIDTH * time))
            sense(world, state, block, time + 1, observed)
