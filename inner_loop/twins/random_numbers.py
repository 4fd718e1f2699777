"""Compiled Philox 4x32-10: the integers of `genomes.streams`, without forty operations of torch for each call.

Importing this module makes all streams of the process on the CPU use it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit, uint64
from torch import Tensor

from genomes.streams import use_compiled
from inner_loop.twins.cache import cached

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_OWNER, _STREAM = np.uint64(1), np.uint64(2)
_NOTHING = np.uint64(0)


@njit
def _philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Four words of counter and two of key to four random words (Salmon et al. 2011)."""
    for _ in range(10):
        p0, p1 = c0 * _MULTIPLIER_0, c2 * _MULTIPLIER_1
        c0, c1, c2, c3 = (p1 >> _SHIFT) ^ c1 ^ k0, p1 & _MASK, (p0 >> _SHIFT) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + _WEYL_0) & _MASK, (k1 + _WEYL_1) & _MASK
    return c0, c1, c2, c3


@cached
@njit
def _own(owners: Any, low: Any, high: Any, to: Any) -> Any:
    for k in range(len(owners)):
        owner = uint64(owners[k])
        words = _philox(owner & _MASK, owner >> _SHIFT, _OWNER, _NOTHING, low, high)
        to[k, 0], to[k, 1] = words[0], words[1]


@cached
@njit
def _derive(keys: Any, low: Any, high: Any, to: Any) -> Any:
    for k in range(len(keys)):
        words = _philox(low, high, _STREAM, _NOTHING, uint64(keys[k, 0]), uint64(keys[k, 1]))
        to[k, 0], to[k, 1] = words[0], words[1]


@cached
@njit
def _draw(keys: Any, first: Any, to: Any) -> Any:
    for k in range(len(keys)):
        k0, k1 = uint64(keys[k, 0]), uint64(keys[k, 1])
        for block in range(to.shape[1] // 4):
            index = first + uint64(block)
            words = _philox(index & _MASK, index >> _SHIFT, _NOTHING, _NOTHING, k0, k1)
            to[k, 4 * block], to[k, 4 * block + 1] = words[0], words[1]
            to[k, 4 * block + 2], to[k, 4 * block + 3] = words[2], words[3]


def owned(owners: Tensor, low: int, high: int) -> Tensor:
    """The keys of owners, (K, 2)."""
    to = torch.empty(len(owners), 2, dtype=torch.int64)
    _own(owners.contiguous().numpy(), np.uint64(low), np.uint64(high), to.numpy())
    return to


def derived(keys: Tensor, low: int, high: int) -> Tensor:
    """The keys of streams for another purpose, (K, 2)."""
    to = torch.empty(len(keys), 2, dtype=torch.int64)
    _derive(keys.contiguous().numpy(), np.uint64(low), np.uint64(high), to.numpy())
    return to


def drawn(keys: Tensor, first: int, blocks: int) -> Tensor:
    """Four words of each of some blocks, (K, 4 * blocks)."""
    to = torch.empty(len(keys), 4 * blocks, dtype=torch.int64)
    _draw(keys.contiguous().numpy(), np.uint64(first), to.numpy())
    return to


use_compiled(owned, derived, drawn)
