"""Measurements -> goals of selection. Selection uses only the fixed external scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from genomes.errors import InputError, nearest, require
from inner_loop.life import Measurements


class Goals(ABC):
    """The goals of selection, all maximised. Implementations are frozen dataclasses."""

    @property
    @abstractmethod
    def count(self) -> int:
        """The number of goals."""

    @abstractmethod
    def check(self, known: Sequence[str]) -> None:
        """Raises InputError when a goal is not among the known measurements."""

    def conditions(self, measured: tuple[str, ...]) -> tuple[str, ...]:
        """The measured conditions that choose the best of a run; by default all of them."""
        return measured

    @abstractmethod
    def of(self, measurements: Measurements) -> Float64[ndarray, "P goals"]:
        """The goals of P individuals, (P, goals)."""


@final
@dataclass(frozen=True)
class Scores(Goals):
    """Measurements by name, such as `innate.log_likelihood`; a leading minus prefers small ones: `-genome_bits`.

    Attributes:
        names: in the order of a front's columns.
    """

    names: tuple[str, ...] = ("innate.log_likelihood", "learned.log_likelihood")

    def __post_init__(self) -> None:
        require(self.names, "goals.names", "at least one goal", self.names)

    @property
    def count(self) -> int:
        """The number of goals."""
        return len(self.names)

    def check(self, known: Sequence[str]) -> None:
        """Raises InputError unless every name is a measurement."""
        for name in self.names:
            if name.removeprefix("-") not in known:
                raise InputError(f"goals.names: no measurement '{name}'; {nearest(name.removeprefix('-'), known)}")

    def conditions(self, measured: tuple[str, ...]) -> tuple[str, ...]:
        """The conditions that a goal names; all if none does."""
        named = tuple(c for c in measured if any(name.startswith(f"{c}.") for name in self.names))
        return named or measured

    def of(self, measurements: Measurements) -> Float64[ndarray, "P goals"]:
        """Columns in the order of the names."""
        signs = [-1.0 if name.startswith("-") else 1.0 for name in self.names]
        columns = [measurements[name.removeprefix("-")] for name in self.names]
        return np.stack([sign * column for sign, column in zip(signs, columns, strict=True)], axis=1)


GOALS: tuple[type[Goals], ...] = (Scores,)
