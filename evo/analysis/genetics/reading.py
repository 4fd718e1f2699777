"""Reading of a unit of a genome in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

_DECIDED = 0.5  # smallest absolute balance at which a rule has a sign


@final
@dataclass(frozen=True)
class Reading:
    """Contribution of a unit to the newborn: with the unit minus without it. The section's terms explain the fields."""

    acts_on: str
    rms: float
    share: float
    balance: float
    touched: float
    plasticity: Mapping[str, float]

    @property
    def sign(self) -> str:
        """`excites`, `inhibits` or `mixed`; empty if the unit acts neither on weights nor on a bias."""
        if self.acts_on not in ("weights", "bias"):
            return ""
        return "mixed" if abs(self.balance) < _DECIDED else "excites" if self.balance > 0 else "inhibits"
