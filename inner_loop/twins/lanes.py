"""Episodes of 16 lives side by side: compiled once for each pair of a world's twin and a rule's twin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32, njit

from inner_loop.twins.functions import larger
from inner_loop.twins.net import advance
from inner_loop.twins.seam import begin, learn, sense, step
from inner_loop.twins.vector import WIDTH, any_of, fill, load, store, where


@njit
def room(count: Any) -> Any:
    """float32 zeros that begin on a cache line: a vector that lies across two lines costs twice."""
    more = np.zeros(count + WIDTH, np.float32)
    first = -(more.ctypes.data // 4) % WIDTH
    return more[first : first + count]


@njit(_nrt=False)
def largest_output(net: Any, activity: Any) -> Any:
    """The index of the largest output, the first of equal ones."""
    last = len(net.sizes) - 1
    place = WIDTH * net.first[last]
    best, action = load(activity, place), fill(float32(0.0))
    for i in range(1, net.sizes[last]):
        output = load(activity, place + WIDTH * i)
        action = where(output > best, float32(i), action)
        best = larger(output, best)
    return action


@njit
def behave(world: Any, rule: Any, net: Any, weights: Any, steps: Any, returns: Any, lengths: Any) -> Any:
    """One episode of every life.

    Args:
        world, rule: twins.
        weights: (blocks, numbers, 16), changed by the rule.
        steps: of the longest episode.
        returns, lengths: (blocks, 16), written: the sum of rewards, and the number of steps of each episode.
    """
    neurons = net.first[-1] + net.sizes[-1]
    activity, before = room(WIDTH * neurons), room(WIDTH * neurons)
    zero, one = fill(float32(0.0)), fill(float32(1.0))
    for block in range(len(weights)):
        own = weights[block].reshape(-1)
        activity[:] = 0.0
        before[:] = 0.0
        state = begin(world, block)
        alive, total, count = one > zero, zero, zero
        for time in range(steps):
            sense(world, state, block, time, activity)
            advance(net, block, own, activity, before)
            state, reward, ended = step(world, state, block, time, largest_output(net, activity))
            learn(rule, net, block, own, activity, before, reward, alive)
            total = where(alive, total + reward, total)
            count = where(alive, count + float32(1.0), count)
            alive = alive & (where(ended, zero, one) > zero)
            if not any_of(alive):
                break
            before[:] = activity
        store(returns, WIDTH * block, total)
        store(lengths, WIDTH * block, count)
