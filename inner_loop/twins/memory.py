"""Memory of compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from inner_loop.twins.layout import WIDTH


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
