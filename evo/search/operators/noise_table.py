"""A table of normal numbers whose windows are perturbations: Salimans et al. 2017 (arXiv:1703.03864).

Mirrored pairs for 100,000 genomes of 10,000 genes need half a billion normal numbers: half a minute to draw, 4 GB to
hold. A window of a table costs a look. Every process makes the same table for itself, once: 64 MB in about a second.

What it costs: windows that overlap share numbers, though at different genes. Over all windows of a table of M numbers
the covariance of G genes is not exactly the identity, its entries are off by about 1 / sqrt(M): the expected step of an
evolution strategy is turned by about sqrt(G / M), 2 % for 10,000 genes, always the same way, and still goes uphill. The
step of one generation is turned far more by sampling few perturbations: by sqrt(G / pairs), 45 % for 50,000 pairs.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray
from numpy.lib.stride_tricks import sliding_window_view

from genomes.streams import Streams, derive

_LEAST = 2**24
_GENOMES = 16  # the table holds at least as many genomes side by side: a step is turned by a quarter at most
_BLOCK = 2**16


def starts(count: int, genes: int, streams: Streams) -> Int64[ndarray, " count"]:
    """Where in the table the windows of `count` perturbations start, each anywhere with the same probability."""
    return streams.stream("windows").integers(_length(genes) - genes + 1, count)[0].numpy()


def windows(start: Int64[ndarray, " R"], genes: int) -> Float32[ndarray, "R genes"]:
    """The windows that start there."""
    return sliding_window_view(_table(_length(genes)), genes)[start]


def weighted_sum(
    weights: Float64[ndarray, " R"], start: Int64[ndarray, " R"], genes: int
) -> Float64[ndarray, " genes"]:
    """weights @ windows(start, genes), without ever holding more than one window.

    Window after window in float64 and never by a library's matrix product, whose sums depend on processor and threads.
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
    """The same in every process: its numbers are normal numbers of one key, whatever the run; nobody may change it.

    Rounded to float32, which takes half the memory, and away the last bits in which the logarithms of machines differ.
    """
    streams, table = derive(0, "noise table"), np.empty(length, dtype=np.float32)
    for start in range(0, length, _BLOCK):  # in blocks, since drawing takes many times the memory of what is drawn
        block = table[start : start + _BLOCK]
        block[:] = streams.normal(len(block), start=start)[0].numpy()
    table.setflags(write=False)
    return table
