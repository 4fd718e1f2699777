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
"""Label and colour of each condition."""


def whole_numbers(axes: Any) -> None:
    """Restricts the ticks of the x axis to whole numbers, such as generations or lives."""
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
