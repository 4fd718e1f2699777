"""Twins of `CrossEntropy` and `SquaredError`: dE/dy at the output for 16 samples at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32

from inner_loop.twins.functions import exp, larger
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import fill, load, store


def _squared(objective: Any, net: Any, memory: Any, life: Any, targets: Any, at_targets: Any, samples: Any) -> Any:
    """(y - t) / B."""
    last, scale = len(net.sizes) - 1, float32(1.0 / samples)
    begin = memory.first[last]
    for k in range(0, net.sizes[last] * memory.row, WIDTH):
        store(memory.delta, begin + k, (load(memory.activity, begin + k) - load(targets, at_targets + k)) * scale)


def _entropy(objective: Any, net: Any, memory: Any, life: Any, targets: Any, at_targets: Any, samples: Any) -> Any:
    """(softmax(y) - t) / B."""
    last, row, share = len(net.sizes) - 1, memory.row, objective.smoothing[life]
    begin, units, scale = memory.first[last], net.sizes[last], float32(1.0 / samples)
    y, delta, spread = memory.activity, memory.delta, share / float32(units)
    for b in range(0, row, WIDTH):
        top, total = load(y, begin + b), fill(float32(0.0))
        for i in range(1, units):
            top = larger(load(y, begin + i * row + b), top)
        for i in range(units):
            weight = exp(load(y, begin + i * row + b) - top)
            store(delta, begin + i * row + b, weight)
            total = total + weight
        for i in range(units):
            k = i * row + b
            goal = load(targets, at_targets + k) * (float32(1.0) - share) + spread
            store(delta, begin + k, (load(delta, begin + k) / total - goal) * scale)


@twin(error=_squared)
class SquaredErrorTwin(NamedTuple):
    """No numbers.

    Attributes:
        nothing: a NamedTuple needs a field.
    """

    nothing: int = 0


@twin(error=_entropy)
class CrossEntropyTwin(NamedTuple):
    """Numbers of P lives.

    Attributes:
        smoothing: (P,) float32.
    """

    smoothing: np.ndarray
