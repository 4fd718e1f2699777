"""An individual of a run: its genome, where it was born, and its scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from jaxtyping import Integer
from numpy import ndarray


@final
@dataclass(frozen=True, eq=False)
class RunIndividual:
    """An individual of a run.

    Attributes:
        generation, slot: where it was born.
        levels: (G,) its genome.
        scores: the main score in each condition that is selected for, selection split; nan where it was not kept.
        bred: the number that its generation's chance was drawn under; None: the generation.
    """

    generation: int
    slot: int
    levels: Integer[ndarray, " G"]
    scores: Mapping[str, float]
    bred: int | None = None

    @property
    def number(self) -> int:
        """Whose chance it was born with."""
        return self.generation if self.bred is None else self.bred

    @property
    def innate(self) -> float:
        """The main score at birth, if it was measured."""
        return self.scores.get("innate", float("nan"))

    @property
    def learned(self) -> float:
        """The main score after its life, if it was measured."""
        return self.scores.get("learned", float("nan"))

    @property
    def sum(self) -> float:
        """Over the conditions."""
        return sum(self.scores.values())
