"""Activation functions and their slopes for 16 numbers, by their index in `genomes.neuron.FUNCTIONS`."""

from __future__ import annotations

from typing import Any

from numba import float32, float64, njit

from inner_loop.twins.functions import exp, larger, sigmoid, sine_cosine, tanh
from inner_loop.twins.vector import absolute, double, fill, single, where

_PI = 3.14159265358979323846


@njit(_nrt=False)
def activated(x: Any, function: Any) -> Any:
    """f(x) of the function with that index in FUNCTIONS."""
    if function == 1:
        return tanh(x)
    if function == 2:
        return larger(x, fill(float32(0.0)))
    if function == 3:
        return sigmoid(x)
    if function == 4:
        return single(sine_cosine(double(x) * float64(_PI))[0])
    if function == 5:
        return single(sine_cosine(double(x) * float64(_PI))[1])
    if function == 6:
        return exp(float32(-0.5) * x * x)
    if function == 7:
        return absolute(x)
    if function == 8:
        return x * x
    if function == 9:
        return where(x > float32(0.0), fill(float32(1.0)), fill(float32(0.0)))
    if function == 10:
        return 0.0 - x
    return x


@njit(_nrt=False)
def mixed(x: Any, functions: Any) -> Any:
    """f(x) where each of 16 lives has a function of its own."""
    result = x
    for function in range(1, 11):
        result = where(functions == float32(function), activated(x, function), result)
    return result


@njit
def of_input(function: Any) -> Any:
    """True if the slope follows from the summed input only: sine, cosine, Gaussian, absolute value, square."""
    return 4 <= function <= 8


@njit(_nrt=False)
def slope(known: Any, function: Any) -> Any:
    """f'(a), from y = f(a), or from a where `of_input`."""
    zero, one = fill(float32(0.0)), fill(float32(1.0))
    if function == 1:
        return one - known * known
    if function == 2:
        return where(known > zero, one, zero)
    if function == 3:
        return known - known * known
    if function == 4:
        return single(sine_cosine(double(known) * float64(_PI))[1] * float64(_PI))
    if function == 5:
        return single(sine_cosine(double(known) * float64(_PI))[0] * float64(-_PI))
    if function == 6:
        return (zero - known) * exp(float32(-0.5) * known * known)
    if function == 7:
        return where(known > zero, one, where(known < zero, zero - one, zero))
    if function == 8:
        return known + known
    if function == 9:
        return zero
    if function == 10:
        return zero - one
    return one
