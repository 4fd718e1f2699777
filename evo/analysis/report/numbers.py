"""Numbers in sentences, written in one way: about three digits, no -0, and intervals in square brackets."""

from __future__ import annotations

from math import isfinite, isnan


def number(value: float, sign: str = "") -> str:
    """Writes a number with about three digits: 500, 52.3, 0.921; `no score` for nan.

    Args:
        sign: `+` writes the sign of positive numbers too.
    """
    if isnan(value):
        return "no score"
    size = abs(value)
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    return f"{round(value, digits) + 0.0:{sign},.{digits}f}"  # 0 is added so that no -0.000 is left


def two_digits(value: float) -> str:
    """Writes a similarity or an index: 0.52; `not measurable` if it is not finite."""
    return f"{round(value, 2) + 0.0:.2f}" if isfinite(value) else "not measurable"


def interval(low: float, high: float, sign: str = "") -> str:
    """Writes ` [0.81, 0.93]`; nothing if the ends are not known."""
    return f" [{number(low, sign)}, {number(high, sign)}]" if isfinite(low) else ""
