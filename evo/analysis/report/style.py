"""Colours and axes that all pictures share."""

from __future__ import annotations

from typing import Any

INNATE, LEARNED, QUIET = "#0b6e6e", "#d1603d", "#8a8a8a"
CONDITIONS = {
    "learned": ("after learning", LEARNED),
    "innate": ("at birth", INNATE),
    "innate_memory": ("at birth, with memory", "#4a90a4"),
    "innate_plastic": ("at birth, plastic", "#8f5fa8"),
    "learned_plastic": ("after learning, plastic", "#b8860b"),
}
"""What each condition is called and drawn in."""


def whole_numbers(axes: Any) -> None:
    """No generation or life 0.5 on the axis."""
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
