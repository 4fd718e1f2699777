"""Twins of `CrossEntropy` and `SquaredError`: dE/dy at the output for 16 samples at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32

from inner_loop.twins.functions import exp, larger
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import fill, load, store


def _squared(
    objective: Any, units: Any, life: Any, y: Any, at_y: Any, targets: Any, at_targets: Any, errors: Any,
    at_errors: Any, row: Any, scale: Any,
) -> Any:  # fmt: skip
    """(y - t) scale."""
    for k in range(0, units * row, WIDTH):
        store(errors, at_errors + k, (load(y, at_y + k) - load(targets, at_targets + k)) * scale)


def _entropy(
    objective: Any, units: Any, life: Any, y: Any, at_y: Any, targets: Any, at_targets: Any, errors: Any,
    at_errors: Any, row: Any, scale: Any,
) -> Any:  # fmt: skip
    """(softmax(y) - t) scale."""
    share = objective.smoothing[life]
    spread = share / float32(units)
    for b in range(0, row, WIDTH):
        top, total = load(y, at_y + b), fill(float32(0.0))
        for i in range(1, units):
            top = larger(load(y, at_y + i * row + b), top)
        for i in range(units):
            weight = exp(load(y, at_y + i * row + b) - top)
            store(errors, at_errors + i * row + b, weight)
            total = total + weight
        for i in range(units):
            k = i * row + b
            goal = load(targets, at_targets + k) * (float32(1.0) - share) + spread
            store(errors, at_errors + k, (load(errors, at_errors + k) / total - goal) * scale)


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
