"""Fields of a genome: unit interval <-> levels of b bits <-> named numbers. Its size in bits is exact."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, final

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int, Integer
from numpy import ndarray
from torch import Tensor

from genomes.errors import require

Scale = Literal["linear", "log"]
Genes = dict[str, Tensor]
"""Named numbers of a cohort: (P, *shape) for each field."""


@final
@dataclass(frozen=True)
class Field:
    """One named part of a genome: an array of numbers, each stored as one of L levels and worth log2 L bits.

    Attributes:
        name: a dotted path such as `encoding.expression.hidden`.
        shape: of the array; () for one number.
        low, high: the values of the first and the last level.
        scale: linear or log spacing between them.
        bits: 2^bits levels, unless `choices` is given.
        choices: number of levels of a category or a binary gene (choices = 2): the value is the level itself.
        among: the value of each level, in place of an interval.
        category: True if the levels have no order: a mutation takes any of the others alike.
    """

    name: str
    shape: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 1.0
    scale: Scale = "linear"
    bits: int = 6
    choices: int | None = None
    among: tuple[float, ...] | None = None
    category: bool = False

    def __post_init__(self) -> None:
        require(all(n >= 0 for n in self.shape), self.name, "a shape without negative lengths", self.shape)
        if self.among is not None:
            good = 2 <= len(set(self.among)) == len(self.among) <= 2**16 and all(map(math.isfinite, self.among))
            require(good, self.name, "2 to 65536 finite values, each once", list(self.among))
        elif self.choices is None:
            require(1 <= self.bits <= 16, self.name, "1 to 16 bits", self.bits)
            finite = math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high
            require(finite, self.name, "[lowest, highest] with lowest < highest", [self.low, self.high])
            require(self.scale == "linear" or self.low > 0, self.name, "a lowest above 0 on a log scale", self.low)
        else:
            require(2 <= self.choices <= 2**16, self.name, "2 to 65536 choices", self.choices)

    @property
    def size(self) -> int:
        """The number of numbers in the field."""
        return math.prod(self.shape)

    @property
    def levels(self) -> int:
        """L, the number of values that a number can take."""
        return len(self.among) if self.among is not None else self.choices or 2**self.bits

    @property
    def total_bits(self) -> float:
        """Exact information in the field: size * log2 L."""
        return self.size * math.log2(self.levels)

    @cached_property
    def table(self) -> Float64[ndarray, " levels"]:
        """The value of each level, (L,) float64."""
        level = np.arange(self.levels, dtype=np.float64)
        if self.among is not None:
            return np.array(self.among, dtype=np.float64)
        if self.choices is not None:
            return level
        fraction = level / (self.levels - 1)
        if self.scale == "log":
            table = np.exp(math.log(self.low) + fraction * (math.log(self.high) - math.log(self.low)))
        else:
            table = self.low + fraction * (self.high - self.low)
        table[[0, -1]] = self.low, self.high  # rounding must not lead outside the range that the config gives
        return table


@final
@dataclass(frozen=True)
class GenomeSpec:
    """The fields of a genome in their order. A search works in the unit cube [0, 1]^G; development sees only levels."""

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        require(len(set(names)) == len(names), "genome", "every field once", names)

    @property
    def size(self) -> int:
        """G, the number of numbers."""
        return sum(field.size for field in self.fields)

    @property
    def bits(self) -> float:
        """Exact size of a genome: the sum of the fields' bits."""
        return sum((field.total_bits for field in self.fields), start=0.0)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """The slice of each field among the G numbers."""
        ends = np.cumsum([0] + [field.size for field in self.fields]).tolist()
        return {field.name: slice(ends[i], ends[i + 1]) for i, field in enumerate(self.fields)}

    @cached_property
    def level_counts(self) -> Int[ndarray, " G"]:
        """L of each number, (G,) int64."""
        counts = [np.full(field.size, field.levels) for field in self.fields]
        return np.concatenate([np.zeros(0, np.int64), *counts])

    @cached_property
    def categorical(self) -> Bool[ndarray, " G"]:
        """Numbers whose levels have no order."""
        each = [np.full(field.size, field.category) for field in self.fields]
        return np.concatenate([np.zeros(0, bool), *each])

    @property
    def level_dtype(self) -> type[np.unsignedinteger]:
        """The smallest unsigned integer that stores every level."""
        return np.uint8 if self.level_counts.max(initial=1) <= 256 else np.uint16

    def prefixed(self, prefix: str) -> GenomeSpec:
        """The same fields under a longer name."""
        return GenomeSpec(tuple(replace(field, name=prefix + field.name) for field in self.fields))

    @staticmethod
    def join(specs: Iterable[GenomeSpec]) -> GenomeSpec:
        """Joins several parts to one genome."""
        return GenomeSpec(tuple(field for spec in specs for field in spec.fields))

    def quantise(self, units: Float64[ndarray, "P G"]) -> Integer[ndarray, "P G"]:
        """Maps unit-cube genomes to levels, min(floor(u * L), L - 1); u outside [0, 1] is moved to the nearest end.

        Raises:
            InputError: a wrong number of genes, or a genome that is not a number.
        """
        require(units.shape[1] == self.size, "genome", f"{self.size} numbers", units.shape[1])
        require(not np.isnan(units).any(), "genome", "numbers", "nan")
        levels = np.floor(units.clip(0.0, 1.0) * self.level_counts).astype(np.int64)
        return np.minimum(levels, self.level_counts - 1).astype(self.level_dtype)

    def units(self, levels: Integer[ndarray, "P G"]) -> Float64[ndarray, "P G"]:
        """Maps levels to the middle of their interval in the unit cube: quantise(units(l)) = l."""
        return (levels.astype(np.float64) + 0.5) / self.level_counts

    def genes(
        self,
        levels: Integer[ndarray, "P G"],
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
        edits: Float64[ndarray, "P G"] | None = None,
    ) -> Genes:
        """Maps levels to named numbers, (P, *shape) for each field.

        Args:
            edits: values that replace those of the levels, nan where the values of the levels stay.

        Raises:
            InputError: a wrong number of genes, or a level that its field does not have.
        """
        require(levels.shape[1] == self.size, "genome", f"{self.size} numbers", levels.shape[1])
        require((levels >= 0).all(), "genome", "levels from 0 upwards", "a level below 0")
        require((levels < self.level_counts).all(), "genome", "levels below their number", "a level that is too high")
        genes = {}
        for field in self.fields:
            ours = self.slices[field.name]
            values = field.table[levels[:, ours]]
            if edits is not None:
                values = np.where(np.isnan(edits[:, ours]), values, edits[:, ours])
            values = values.reshape(len(levels), *field.shape)
            genes[field.name] = torch.as_tensor(values, dtype=dtype, device=device)
        return genes

    @cached_property
    def _widths(self) -> Int[ndarray, " G"]:
        return np.ceil(np.log2(self.level_counts)).astype(np.int64)

    @property
    def string_length(self) -> int:
        """Length of the bit string: a category that is no power of two takes a whole number of bits."""
        return int(self._widths.sum())

    def bit_strings(self, levels: Integer[ndarray, "P G"]) -> Bool[ndarray, "P bits"]:
        """Gray code of every level, most significant bit first: neighbouring levels differ in one bit."""
        gray = levels.astype(np.int64) ^ (levels.astype(np.int64) >> 1)
        repeated = np.repeat(gray, self._widths, axis=1)
        return (repeated >> self._shifts & 1).astype(bool)

    def from_bit_strings(self, strings: Bool[ndarray, "P bits"]) -> Integer[ndarray, "P G"]:
        """The inverse of bit_strings; a code beyond the last level becomes the last level."""
        levels = np.zeros((len(strings), self.size), dtype=np.int64)
        starts = np.cumsum(self._widths) - self._widths
        for bit in range(int(self._widths.max(initial=0))):
            has = self._widths > bit
            code = strings[:, starts[has] + bit].astype(np.int64)
            levels[:, has] = levels[:, has] << 1 | (code ^ (levels[:, has] & 1))
        return np.minimum(levels, self.level_counts - 1).astype(self.level_dtype)

    @cached_property
    def _shifts(self) -> Int[ndarray, " bits"]:
        return np.concatenate([np.zeros(0, np.int64), *[np.arange(w - 1, -1, -1) for w in self._widths]])
