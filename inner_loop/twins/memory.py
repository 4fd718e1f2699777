"""Memory of compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32, njit

from inner_loop.twins.layout import WIDTH
from inner_loop.twins.vector import double, fill, fma, load, store, where


@njit
def room(count: Any) -> Any:
    """float32 zeros that begin on a cache line: a vector that lies across two lines costs twice."""
    more = np.zeros(count + WIDTH, np.float32)
    first = -(more.ctypes.data // 4) % WIDTH
    return more[first : first + count]


@njit
def filled(count: Any) -> Any:
    """Up to a multiple of 16."""
    return (count + WIDTH - 1) // WIDTH * WIDTH


@njit(_nrt=False, forceinline=True)
def copy(to: Any, numbers: Any) -> Any:
    """Copies vectors; an assignment to a slice would compile a message on shapes, which takes two seconds."""
    for k in range(0, len(numbers), WIDTH):
        store(to, k, load(numbers, k))


@njit(_nrt=False, forceinline=True)
def silence(numbers: Any, mask: Any) -> Any:
    """0 where the mask is true."""
    for k in range(0, len(numbers), WIDTH):
        store(numbers, k, where(mask, fill(float32(0.0)), load(numbers, k)))


@njit(_nrt=False, forceinline=True)
def nothing(net: Any, activity: Any) -> Any:
    """0, or nan if an output is not finite; `activity` is that of all neurons at a step."""
    last, total = len(net.sizes) - 1, double(fill(float32(0.0)))
    for i in range(net.sizes[last]):
        total = fma(double(load(activity, WIDTH * (net.first[last] + i))), 0.0, total)
    return total
