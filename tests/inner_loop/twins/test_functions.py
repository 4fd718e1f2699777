"""Functions of sixteen numbers against float64, and operations of vectors against numpy, to the bit."""

import numpy as np
import pytest
from numba import float32, njit

from inner_loop.twins import functions, vector
from inner_loop.twins.vector import fma, load, single, store, total, where

NUMBERS = np.random.default_rng(0)


def applied(function, x, dtype=np.float32):
    """f of an array whose length is a multiple of 16."""
    out = np.empty(len(x), dtype)

    @njit
    def run(x, out):
        for i in range(0, len(x), 16):
            store(out, i, function(load(x, i)))

    run(x, out)
    return out


@pytest.mark.parametrize(
    ("name", "low", "high", "exact", "tolerance"),
    [
        ("exp", -80.0, 80.0, np.exp, 1.2e-7),
        ("tanh", -9.0, 9.0, np.tanh, 4e-7),
        ("sigmoid", -20.0, 20.0, lambda x: 1 / (1 + np.exp(-x)), 2e-6),
        ("reciprocal", 1e-3, 1e3, lambda x: 1 / x, 1.2e-7),
    ],
)
def test_a_function_is_as_exact_as_it_says(name, low, high, exact, tolerance):
    x = NUMBERS.uniform(low, high, 4096).astype(np.float32)
    found, wanted = applied(getattr(functions, name), x), exact(x.astype(np.float64))
    floor = 2e-7 if name == "sigmoid" else 0.0  # near 0 it is a difference of halves
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=floor)


def test_ends_of_exp_and_tanh():
    x = np.array([-1e9, -88.0, 0.0, 88.0, 1e9, -np.inf, np.inf, 1.0] * 2, np.float32)
    found = applied(functions.exp, x)
    assert found[[0, 1, 5]].tolist() == [0.0] * 3
    assert found[2] == 1.0
    assert np.isfinite(found).all()
    ends = applied(functions.tanh, x)
    np.testing.assert_allclose(ends[[0, 4]], [-1.0, 1.0], rtol=4e-7)


@pytest.mark.parametrize("which", [0, 1])
def test_sine_and_cosine_are_those_of_float64(which):
    @njit
    def part(x):
        return functions.sine_cosine(x)[which]

    x = np.concatenate([NUMBERS.uniform(-1e5, 1e5, 2048), NUMBERS.uniform(-7.0, 7.0, 2048)])
    found = applied(part, x, np.float64)
    np.testing.assert_allclose(found, (np.sin, np.cos)[which](x), rtol=0, atol=4e-12)
    np.testing.assert_allclose(found[2048:], (np.sin, np.cos)[which](x[2048:]), rtol=0, atol=3e-16)


def test_operators_round_as_numpy_does():
    @njit
    def mixed(x):
        return where((x > float32(0.5)) | (x < float32(-0.5)), x / (x * x + float32(1.0)), 2.0 - x)

    x = NUMBERS.normal(size=512).astype(np.float32)
    wanted = np.where(np.abs(x) > 0.5, x / (x * x + np.float32(1.0)), np.float32(2.0) - x)
    assert applied(mixed, x).tobytes() == wanted.astype(np.float32).tobytes()


def test_a_sum_is_by_halves_and_a_fused_product_rounds_once():
    @njit
    def both(x):
        return total(load(x, 0)), single(fma(load(x.astype(np.float64), 0), 3.0, 1.0))

    @njit
    def summed(x, out):
        out[0] = total(load(x, 0))

    x, out = NUMBERS.normal(size=16).astype(np.float32), np.zeros(1, np.float32)
    summed(x, out)
    by_halves = x.copy()
    while len(by_halves) > 1:
        by_halves = by_halves[: len(by_halves) // 2] + by_halves[len(by_halves) // 2 :]
    assert out[0] == by_halves[0]

    @njit
    def fused(x):
        return fma(x, x, float32(-1.0))

    near = np.full(16, 1.0 + 2.0**-12, np.float32)
    assert applied(fused, near)[0] == np.float32(2.0**-11 + 2.0**-24), "rounded before the sum, 2^-24 is lost"


def test_a_vector_beyond_the_end_of_its_array_is_an_error_in_a_checked_build(monkeypatch):
    monkeypatch.setattr(vector, "CHECKED", True)

    @njit
    def beyond(x):
        return total(load(x, 8))

    with pytest.raises(IndexError, match="beyond the end"):
        beyond(np.zeros(16, np.float32))
