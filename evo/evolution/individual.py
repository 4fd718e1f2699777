"""An individual of a run: its genome, its generation and slot of birth, and its scores."""

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
        generation, slot: its generation, and its place there.
        levels: (G,) its genome.
        scores: main score in each condition of selection, on the selection split; nan if it was not kept.
        bred: number of the streams of random numbers of its generation; None: the generation.
    """

    generation: int
    slot: int
    levels: Integer[ndarray, " G"]
    scores: Mapping[str, float]
    bred: int | None = None

    @property
    def number(self) -> int:
        """Number of the streams of random numbers of its birth."""
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
        """Sum of the scores over the conditions."""
        return sum(self.scores.values())
