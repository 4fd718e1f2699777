"""Functions of sixteen numbers from polynomials: exponentials, sines, tangents; the same bits on every processor."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import float32, njit
from numba.extending import intrinsic

from inner_loop.twins.layout import WIDTH
from inner_loop.twins.vector import SINGLE, fill, floor, fma, nearest, where

_BITS = ir.VectorType(ir.IntType(32), WIDTH)
_BIAS, _MANTISSA = 127, 23  # of a float32's exponent; bits of its mantissa
_RECIPROCAL = 0x7EF311C7  # minus the bits of x: 1 / x to 12 % (Blinn 1997, IEEE CG&A 17(4):80)


@intrinsic
def _times_power_of_two(typing: Any, x: Any, n: Any) -> Any:
    """x * 2^n for whole n from -126 to 127."""

    def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        exponent = builder.add(builder.fptosi(arguments[1], _BITS), ir.Constant(_BITS, [_BIAS] * WIDTH))
        power = builder.shl(exponent, ir.Constant(_BITS, [_MANTISSA] * WIDTH))
        return builder.fmul(arguments[0], builder.bitcast(power, arguments[0].type))

    return SINGLE(x, n), emit


@intrinsic
def _guessed_reciprocal(typing: Any, x: Any) -> Any:
    """1 / x to 12 %, from the exponent."""

    def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        bits = builder.sub(ir.Constant(_BITS, [_RECIPROCAL] * WIDTH), builder.bitcast(arguments[0], _BITS))
        return builder.bitcast(bits, arguments[0].type)

    return SINGLE(x), emit


@njit(inline="always")
def smaller(a: Any, b: Any) -> Any:
    """The smaller of two; b where either is not a number."""
    return where(a < b, a, b)


@njit(inline="always")
def larger(a: Any, b: Any) -> Any:
    """The larger of two; b where either is not a number."""
    return where(a > b, a, b)


@njit
def reciprocal(x: Any) -> Any:
    """1 / x for 1e-37 < x < 1e37, to 1e-7 relative: three steps of Newton's method, faster than a division."""
    one, y = fill(float32(1.0)), _guessed_reciprocal(x)
    for _ in range(3):
        y = fma(fma(0.0 - x, y, one), y, y)
    return y


@njit
def exp(x: Any) -> Any:
    """e^x, to 1.2e-7 relative; 0 below -87, e^88 above 88.

    x = n log 2 + r; the polynomial in r is that of Moshier's Cephes library (expf).
    """
    small = x < float32(-87.0)
    x = where(small, float32(0.0), smaller(x, fill(float32(88.0))))
    n = nearest(x * float32(1.44269504))
    r = fma(n, float32(2.12194440e-4), fma(n, float32(-0.693359375), x))
    p = fma(r, float32(1.9875691500e-4), float32(1.3981999507e-3))
    p = fma(p, r, float32(8.3334519073e-3))
    p = fma(p, r, float32(4.1665795894e-2))
    p = fma(p, r, float32(1.6666665459e-1))
    p = fma(p, r, float32(5.0000001201e-1))
    return where(small, float32(0.0), _times_power_of_two(fma(p * r, r, r + float32(1.0)), n))


@njit
def tanh(x: Any) -> Any:
    """The hyperbolic tangent, to 4e-7 relative: a rational function of degree 13 over 6 (as in Eigen)."""
    bound = float32(7.90531110763549805)
    y = larger(smaller(x, fill(bound)), fill(-bound))
    q = y * y
    p = fma(q, float32(-2.76076847742355e-16), float32(2.00018790482477e-13))
    p = fma(p, q, float32(-8.60467152213735e-11))
    p = fma(p, q, float32(5.12229709037114e-08))
    p = fma(p, q, float32(1.48572235717979e-05))
    p = fma(p, q, float32(6.37261928875436e-04))
    p = fma(p, q, float32(4.89352455891786e-03))
    d = fma(q, float32(1.19825839466702e-06), float32(1.18534705686654e-04))
    d = fma(d, q, float32(2.26843463243900e-03))
    d = fma(d, q, float32(4.89352518554385e-03))
    return p * y * reciprocal(d)


@njit
def sine_cosine(x: Any) -> Any:
    """Sine and cosine of float64 from -1e5 to 1e5, to 2e-16.

    x is reduced by multiples of pi/2 in two parts; the polynomials are those of Sun's fdlibm (k_sin, k_cos).
    """
    n = nearest(x * 0.63661977236758134308)
    r = fma(n, -6.12323399573676603587e-17, fma(n, -1.57079632679489655800, x))
    q = r * r
    s = fma(q, 1.58969099521155010221e-10, -2.50507602534068634195e-08)
    s = fma(s, q, 2.75573137070700676789e-06)
    s = fma(s, q, -1.98412698298579493134e-04)
    s = fma(s, q, 8.33333333332248946124e-03)
    s = fma(s, q, -1.66666666666666324348e-01)
    s = fma(s * q, r, r)
    c = fma(q, -1.13596475577881948265e-11, 2.08757232129817482790e-09)
    c = fma(c, q, -2.75573143513906633035e-07)
    c = fma(c, q, 2.48015872894767294178e-05)
    c = fma(c, q, -1.38888888888741095749e-03)
    c = fma(c, q, 4.16666666666666019037e-02)
    c = fma(c * q, q, fma(q, -0.5, 1.0))
    quarter = n - 4.0 * floor(n * 0.25)  # 0 to 3
    odd = (quarter == 1.0) | (quarter == 3.0)
    sine, cosine = where(odd, c, s), where(odd, s, c)
    sine = where(quarter >= 2.0, 0.0 - sine, sine)
    cosine = where((quarter == 1.0) | (quarter == 2.0), 0.0 - cosine, cosine)
    return sine, cosine


@njit
def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), by the hyperbolic tangent."""
    return fma(tanh(float32(0.5) * x), fill(float32(0.5)), fill(float32(0.5)))
