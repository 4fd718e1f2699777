"""Random numbers derived from a counter, without a state that is carried along: each individual has its own stream.

Philox 4x32-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). Every number is a pure
function of (run seed, purpose, generation, owner, replicate, index), computed in integers, so it does not depend on the
size of a cohort, on the order of the work or on the device.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

SHARED = -1
"""The owner of common random numbers: every individual sees the same ones."""

_MASK = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_OWNER, _STREAM = 1, 2  # third counter word: separates derived keys from drawn numbers


def philox(counter: Sequence[Tensor], key: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Philox 4x32-10: four words of counter and two of key (int64 tensors holding 32-bit words) to four random words.

    The product of two 32-bit words may pass 2^63: int64 wraps modulo 2^64, so masking still yields the exact halves.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        # in place where this function owns the memory: these few lines take most of the time of small cohorts
        high0 = (p0 >> 32).bitwise_xor_(c3).bitwise_xor_(k1).bitwise_and_(_MASK)
        high1 = (p1 >> 32).bitwise_xor_(c1).bitwise_xor_(k0).bitwise_and_(_MASK)
        c0, c1, c2, c3 = high1, p1.bitwise_and_(_MASK), high0, p0.bitwise_and_(_MASK)
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


def _derived(keys: Tensor, low: int, high: int) -> Tensor:
    """The keys of streams for another purpose, (K, 2); low and high: the words of the purpose."""
    one = torch.ones_like(keys[:, 0])
    words = philox((one * low, one * high, one * _STREAM, one * 0), (keys[:, 0], keys[:, 1]))
    return torch.stack(words[:2], dim=1)


def _drawn(keys: Tensor, first: int, blocks: int) -> Tensor:
    """Four words of each of some blocks, (K, 4 * blocks)."""
    index = torch.arange(first, first + blocks, device=keys.device).expand(len(keys), -1)
    zero = torch.zeros_like(index)
    words = philox((index & _MASK, index >> 32, zero, zero), (keys[:, :1], keys[:, 1:]))
    return torch.stack(words, dim=-1).flatten(1)


def _owned(owners: Tensor, low: int, high: int) -> Tensor:
    """The keys of owners, (K, 2); low and high: the words of a purpose."""
    key = (torch.full_like(owners, low), torch.full_like(owners, high))
    counter = (owners & _MASK, (owners >> 32) & _MASK, torch.full_like(owners, _OWNER), torch.zeros_like(owners))
    return torch.stack(philox(counter, key)[:2], dim=1)


_Integers = Callable[[Tensor, int, int], Tensor]

_compiled: dict[str, _Integers] = {}
"""Compiled forms of `_owned`, `_derived` and `_drawn` for the CPU: the same integers, without 40 operations a call."""


def use_compiled(owned: _Integers, derived: _Integers, drawn: _Integers) -> None:
    """From now on, streams of this process on the CPU are computed by these functions, which give the same integers."""
    _compiled.update(owned=owned, derived=derived, drawn=drawn)


@final
@dataclass(frozen=True, eq=False)
class Streams:
    """K independent streams; the same call on the same Streams gives the same numbers, always.

    Attributes:
        keys: (K, 2) int64, two 32-bit words for each owner.
    """

    keys: Int[Tensor, "K 2"]

    @property
    def owners(self) -> int:
        """The number of streams side by side: P for individuals, or 1 for common random numbers."""
        return self.keys.shape[0]

    def stream(self, purpose: str | int) -> Streams:
        """Streams for another purpose, independent of these and of those of any other purpose."""
        low, high = _words_of(str(purpose))
        derived = _compiled.get("derived", _derived) if self.keys.device.type == "cpu" else _derived
        return Streams(derived(self.keys, low, high))

    def words(self, count: int, start: int = 0) -> Int[Tensor, "K count"]:
        """Uniform 32-bit words, numbers `start` to `start + count` of each stream: (K, count) int64."""
        first, skip = divmod(start, 4)
        blocks = -(-(count + skip) // 4)
        drawn = _compiled.get("drawn", _drawn) if self.keys.device.type == "cpu" else _drawn
        return drawn(self.keys, first, blocks)[:, skip : skip + count]

    def uniform(self, *shape: int, start: int = 0) -> Float[Tensor, "K ..."]:
        """Uniform numbers strictly inside (0, 1), float64, shape (K, *shape)."""
        words = self.words(math.prod(shape), start)
        return ((words.double() + 0.5) * 2.0**-32).view(self.owners, *shape)

    def normal(self, *shape: int, start: int = 0) -> Float[Tensor, "K ..."]:
        """Standard normal numbers by Box & Muller 1958, float64, shape (K, *shape)."""
        uniform = self.uniform(math.prod(shape) * 2, start=start * 2).view(self.owners, -1, 2)
        radius = (-2.0 * uniform[..., 0].log()).sqrt()
        return (radius * (uniform[..., 1] * (2.0 * math.pi)).cos()).view(self.owners, *shape)

    def integers(self, high: int, *shape: int, start: int = 0) -> Int[Tensor, "K ..."]:
        """Integers in [0, high), high <= 2^31, shape (K, *shape); the bias is below high / 2^32."""
        return ((self.words(math.prod(shape), start) * high) >> 32).view(self.owners, *shape)

    def permutation(self, count: int) -> Int[Tensor, "K count"]:
        """A random order of 0 .. count - 1 for each owner; a tie of two words is broken by their index."""
        return torch.argsort(self.words(count), dim=1, stable=True)

    def to(self, device: torch.device | str) -> Streams:
        """The same streams on another device: the integers are the same there."""
        return Streams(self.keys.to(device))


def derive(
    run_seed: int, purpose: str, generation: int = 0, owners: Sequence[int] | int = SHARED, replicate: int = 0
) -> Streams:
    """Derives streams from the seed of a run; all random numbers begin here.

    Args:
        run_seed: the seed of the run, any integer.
        purpose: the use of the numbers, such as "birth" or "life".
        generation: of the outer loop.
        owners: identifiers of K individuals, or SHARED for numbers that are common to all (K = 1).
        replicate: the number of the repetition of the same life.
    """
    low, high = _words_of(f"{run_seed}/{purpose}/{generation}/{replicate}")
    owner = torch.tensor([owners] if isinstance(owners, int) else list(owners), dtype=torch.int64)
    return Streams(_compiled.get("owned", _owned)(owner, low, high))


def _words_of(text: str) -> tuple[int, int]:
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")
