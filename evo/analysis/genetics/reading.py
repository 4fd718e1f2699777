"""A rule of a genome, read out in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

_DECIDED = 0.5  # balance from which a rule has a sign


@final
@dataclass(frozen=True)
class Reading:
    """What a unit contributes to the newborn: grown with it, less grown without it. See the terms of the section."""

    acts_on: str
    rms: float
    share: float
    balance: float
    touched: float
    plasticity: Mapping[str, float]

    @property
    def sign(self) -> str:
        """Excites, inhibits or mixed; empty where it does neither."""
        if self.acts_on not in ("weights", "bias"):
            return ""
        return "mixed" if abs(self.balance) < _DECIDED else "excites" if self.balance > 0 else "inhibits"
