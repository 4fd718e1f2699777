"""A table of normal numbers whose windows are perturbations: Salimans et al. 2017 (arXiv:1703.03864).

Mirrored pairs for 100,000 genomes of 10,000 genes need half a billion normal numbers: half a minute to draw, 4 GB to
hold. A window of a table needs only a read. Every process makes the same table once: 64 MB in about a second.

The cost is a small bias: overlapping windows share numbers, though at different genes. Over all windows of a table of M
numbers, the covariance of G genes is not exactly the identity; its entries are off by about 1 / sqrt(M). This turns the
expected step of an evolution strategy by about sqrt(G / M), 2 % for 10,000 genes, always in the same direction; the
step still goes uphill. Sampling few perturbations turns the step of one generation far more: by sqrt(G / pairs), 45 %
for 50,000 pairs.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray
from numpy.lib.stride_tricks import sliding_window_view

from genomes.streams import Streams, derive

_LEAST = 2**24
_GENOMES = 16  # genomes that fit into the table, at least: a step is turned by a quarter at most
_BLOCK = 2**16


def starts(count: int, genes: int, streams: Streams) -> Int64[ndarray, " count"]:
    """Starts of the windows of `count` perturbations in the table, uniformly random."""
    return streams.stream("windows").integers(_length(genes) - genes + 1, count)[0].numpy()


def windows(start: Int64[ndarray, " R"], genes: int) -> Float32[ndarray, "R genes"]:
    """The windows with these starts."""
    return sliding_window_view(_table(_length(genes)), genes)[start]


def weighted_sum(
    weights: Float64[ndarray, " R"], start: Int64[ndarray, " R"], genes: int
) -> Float64[ndarray, " genes"]:
    """weights @ windows(start, genes), with only one window in memory at a time.

    The sum is computed window by window in float64, because the sums of a library's matrix product depend on the
    processor and on threads.
    """
    table, term, total = _table(_length(genes)), np.empty(genes), np.zeros(genes)
    for weight, begin in zip(weights.tolist(), start.tolist(), strict=True):
        np.multiply(table[begin : begin + genes], weight, out=term, dtype=np.float64)
        total += term
    return total


def _length(genes: int) -> int:
    return max(_LEAST, _GENOMES * genes)


@lru_cache(maxsize=1)
def _table(length: int) -> Float32[ndarray, " length"]:
    """The table: normal numbers of one key, the same in every process and every run; it is read-only.

    Rounding to float32 halves the memory and removes the last bits, in which the logarithms of machines differ.
    """
    streams, table = derive(0, "noise table"), np.empty(length, dtype=np.float32)
    for start in range(0, length, _BLOCK):  # in blocks, because drawing needs many times the memory of its result
        block = table[start : start + _BLOCK]
        block[:] = streams.normal(len(block), start=start)[0].numpy()
    table.setflags(write=False)
    return table
