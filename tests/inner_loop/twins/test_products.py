"""Products against loops of fused multiply-adds, to the bit: the shape of a tile changes no number."""

import math

import numpy as np
import pytest
from numba import njit

from inner_loop.twins.products import product, transpose

pytestmark = pytest.mark.slow  # compiles

NUMBERS = np.random.default_rng(0)


@njit
def multiplied(c, row_c, beta, a, row_a, step_a, b, row_b, rows, columns, count):
    product(c, 0, row_c, beta, a, 0, row_a, step_a, b, 0, row_b, rows, columns, count)


def by_hand(c, beta, a, b):
    """Each number in the order of k; a float64 fma of float32 numbers, rounded once to float32, is their fma."""
    out = np.zeros_like(c)
    for r in range(c.shape[0]):
        for j in range(c.shape[1]):
            total = np.float32(beta) * c[r, j] if beta else np.float32(0.0)
            for k in range(a.shape[1]):
                total = (
                    np.float32(math.fma(a[r, k], b[k, j], total))
                    if hasattr(math, "fma")
                    else np.float32(np.float64(a[r, k]) * np.float64(b[k, j]) + np.float64(total))
                )
            out[r, j] = total
    return out


@pytest.mark.parametrize("beta", [0.0, 0.5])
@pytest.mark.parametrize(("rows", "columns", "count"), [(1, 16, 3), (7, 48, 5), (29, 112, 17), (13, 64, 1)])
def test_a_product_is_the_sum_in_the_order_of_k(rows, columns, count, beta):
    a, b = (
        NUMBERS.normal(size=(rows, count)).astype(np.float32),
        NUMBERS.normal(size=(count, columns)).astype(np.float32),
    )
    c = NUMBERS.normal(size=(rows, columns)).astype(np.float32)
    wanted, found = by_hand(c, beta, a, b), c.copy()
    multiplied(found.reshape(-1), columns, beta, a.reshape(-1), count, 1, b.reshape(-1), columns, rows, columns, count)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
    turned = c.copy()
    at = np.ascontiguousarray(a.T)
    multiplied(turned.reshape(-1), columns, beta, at.reshape(-1), 1, rows, b.reshape(-1), columns, rows, columns, count)
    assert turned.tobytes() == found.tobytes(), "a transposed A has other strides and the same sums"
    for row in range(rows):
        alone = c[row : row + 1].copy()
        multiplied(alone.reshape(-1), columns, beta, a[row].copy(), count, 1, b.reshape(-1), columns, 1, columns, count)
        assert alone.tobytes() == found[row].tobytes(), "a row alone, in a tile of another height, has the same bits"


def test_a_product_without_a_share_does_not_read_what_was_there():
    c = np.full((2, 16), np.nan, np.float32)
    multiplied(c.reshape(-1), 16, 0.0, np.ones(6, np.float32), 3, 1, np.ones(48, np.float32), 16, 2, 16, 3)
    assert (c == 3.0).all()


def test_a_matrix_is_transposed():
    @njit
    def turned(to, x):
        transpose(to, 0, 32, x, 0, 48, 32, 48)

    x, to = NUMBERS.normal(size=(32, 48)).astype(np.float32), np.zeros((48, 32), np.float32)
    turned(to.reshape(-1), x.reshape(-1))
    assert to.tobytes() == np.ascontiguousarray(x.T).tobytes()
