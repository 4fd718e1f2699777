"""Sixteen numbers side by side in compiled code, with the same bits on every x86-64 processor.

Numba compiles functions that use these types. `SINGLE` holds 16 float32, `DOUBLE` 16 float64, `MASK` 16 truth values;
they know + - * /, comparisons and the functions below. The compiler neither reorders nor contracts operations, and a
multiply-add is fused only where `fma` is written, so that results do not depend on the width of the registers.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable
from typing import Any, final

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from inner_loop.twins.layout import WIDTH

CHECKED = bool(os.environ.get("INSTINCT_CHECK_BOUNDS"))
"""True: `load` and `store` raise IndexError outside their array. For tests: it costs time."""


@final
class Vector(types.Type):
    """The type of 16 numbers.

    Attributes:
        element: the LLVM type of a number.
        scalar: its Numba type; None for truth values.
    """

    def __init__(self, name: str, element: ir.Type, scalar: Any) -> None:
        self.element, self.scalar = element, scalar
        self.llvm = ir.VectorType(element, WIDTH)
        super().__init__(name)


SINGLE = Vector("Single", ir.FloatType(), types.float32)
DOUBLE = Vector("Double", ir.DoubleType(), types.float64)
MASK = Vector("Mask", ir.IntType(1), None)

_INDEX = ir.IntType(32)
_WHOLE = ir.IntType(64)


@register_model(Vector)
class _InRegisters(models.PrimitiveModel):
    """A vector is the same in memory as in registers."""

    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, kind.llvm)


def spread(builder: Any, scalar: Any) -> Any:
    """Emits a vector that holds one number 16 times."""
    kind = ir.VectorType(scalar.type, WIDTH)
    nothing = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(nothing, scalar, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_INDEX, WIDTH), [0] * WIDTH))


def widened(context: Any, builder: Any, value: Any, kind: Any, vector: Vector) -> Any:
    """Emits a value as a vector: a vector stays, a number is cast and spread."""
    return value if kind is vector else spread(builder, context.cast(builder, value, kind, vector.scalar))


def call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Emits a call of an LLVM intrinsic."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def _define_operator(function: Callable[..., Any], emit: Callable[..., Any], comparison: bool = False) -> None:
    """Defines a binary operator for two vectors, and for a vector and a number."""

    @infer_global(function)
    class Typing(AbstractTemplate):
        def generic(self, arguments: Any, keywords: Any) -> Any:
            vectors = [kind for kind in arguments if isinstance(kind, Vector) and kind is not MASK]
            fits = vectors and all(kind is vectors[0] or isinstance(kind, types.Number) for kind in arguments)
            if not (fits and len(arguments) == 2):
                return None
            return signature(MASK if comparison else vectors[0], *arguments)

    for vector in (SINGLE, DOUBLE):
        for pair in ((vector, vector), (vector, types.Number), (types.Number, vector)):

            @lower_builtin(function, *pair)
            def lower(context: Any, builder: Any, sig: Any, arguments: Any, vector: Vector = vector) -> Any:
                both = zip(arguments, sig.args, strict=True)
                return emit(builder, *(widened(context, builder, value, kind, vector) for value, kind in both))


for _function, _method in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
    (operator.iadd, "fadd"),
    (operator.isub, "fsub"),
    (operator.imul, "fmul"),
):
    _define_operator(_function, lambda builder, a, b, method=_method: getattr(builder, method)(a, b))
for _function, _sign in (
    (operator.gt, ">"),
    (operator.lt, "<"),
    (operator.ge, ">="),
    (operator.le, "<="),
    (operator.eq, "=="),
):
    _define_operator(_function, lambda builder, a, b, sign=_sign: builder.fcmp_ordered(sign, a, b), comparison=True)


def _define_logic(function: Callable[..., Any], method: str) -> None:
    @infer_global(function)
    class Typing(AbstractTemplate):
        def generic(self, arguments: Any, keywords: Any) -> Any:
            return signature(MASK, MASK, MASK) if tuple(arguments) == (MASK, MASK) else None

    lower_builtin(function, MASK, MASK)(lambda context, builder, sig, arguments: getattr(builder, method)(*arguments))


for _function, _method in ((operator.or_, "or_"), (operator.and_, "and_"), (operator.xor, "xor")):
    _define_logic(_function, _method)


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any, vector: Vector) -> Any:
    """Emits a pointer to 16 numbers of a contiguous array; with `CHECKED`, an error beyond its end."""
    made = context.make_array(kind)(context, builder, array)
    if CHECKED:
        end = builder.add(index, ir.Constant(_WHOLE, WIDTH))
        outside = builder.or_(
            builder.icmp_signed("<", index, ir.Constant(_WHOLE, 0)), builder.icmp_signed(">", end, made.nitems)
        )
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("a vector beyond the end of its array",))
    first = builder.bitcast(made.data, vector.element.as_pointer())
    return builder.bitcast(builder.gep(first, [index]), vector.llvm.as_pointer())


def _vector_of(kind: Any) -> Vector:
    return DOUBLE if kind in (types.float64, DOUBLE) or getattr(kind, "dtype", None) == types.float64 else SINGLE


@intrinsic
def load(typing: Any, array: Any, index: Any) -> Any:
    """16 numbers of a contiguous array, from an index on."""
    vector = _vector_of(array)

    def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        place = _place(context, builder, sig.args[0], *arguments, vector)
        return builder.load(place, align=8 if vector is DOUBLE else 4)

    return vector(array, types.intp), emit


@intrinsic
def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Writes 16 numbers, or one number 16 times, into a contiguous array, from an index on."""
    vector = _vector_of(array)

    def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        place = _place(context, builder, sig.args[0], *arguments[:2], vector)
        written = widened(context, builder, arguments[2], sig.args[2], vector)
        builder.store(written, place, align=8 if vector is DOUBLE else 4)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), emit


@intrinsic
def fill(typing: Any, number: Any) -> Any:
    """One number, 16 times."""
    vector = _vector_of(number)

    def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return widened(context, builder, arguments[0], sig.args[0], vector)

    return vector(number), emit


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""
    vector = next(kind for kind in (a, b, c) if isinstance(kind, Vector))

    def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        pairs = zip(arguments, sig.args, strict=True)
        each = [widened(context, builder, value, kind, vector) for value, kind in pairs]
        return call(builder, f"llvm.fma.v16f{32 if vector is SINGLE else 64}", vector.llvm, *each)

    return vector(a, b, c), emit


def _unary(name: str) -> Callable[..., Any]:
    @intrinsic
    def function(typing: Any, x: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
            bits = 32 if sig.args[0] is SINGLE else 64
            return call(builder, f"llvm.{name}.v16f{bits}", sig.args[0].llvm, *arguments)

        return x(x), emit

    return function


absolute, nearest, root, floor = _unary("fabs"), _unary("rint"), _unary("sqrt"), _unary("floor")
"""|x|; the nearest whole number, halves to even; the square root; the largest whole number that is not above x."""


@intrinsic
def where(typing: Any, mask: Any, a: Any, b: Any) -> Any:
    """a where the mask is true, b elsewhere."""
    vector = a if isinstance(a, Vector) else b

    def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        pairs = zip(arguments[1:], sig.args[1:], strict=True)
        return builder.select(arguments[0], *(widened(context, builder, v, kind, vector) for v, kind in pairs))

    return vector(mask, a, b), emit


@intrinsic
def single(typing: Any, x: Any) -> Any:
    """float64 to float32."""
    return SINGLE(x), lambda context, builder, sig, arguments: builder.fptrunc(arguments[0], SINGLE.llvm)


@intrinsic
def double(typing: Any, x: Any) -> Any:
    """float32 to float64."""
    return DOUBLE(x), lambda context, builder, sig, arguments: builder.fpext(arguments[0], DOUBLE.llvm)


@intrinsic
def total(typing: Any, x: Any) -> Any:
    """The sum of the 16 numbers, by halves."""

    def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        value, width = arguments[0], WIDTH
        while width > 1:
            width //= 2
            kind = ir.VectorType(_INDEX, width)
            low, high = (ir.Constant(kind, [first + i for i in range(width)]) for first in (0, width))
            value = builder.fadd(*(builder.shuffle_vector(value, value, half) for half in (low, high)))
        return builder.extract_element(value, ir.Constant(_INDEX, 0))

    return x.scalar(x), emit


def _exchange(apart: int) -> Callable[..., Any]:
    @intrinsic
    def exchange(typing: Any, x: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
            order = ir.Constant(ir.VectorType(_INDEX, WIDTH), [i ^ apart for i in range(WIDTH)])
            return builder.shuffle_vector(arguments[0], arguments[0], order)

        return x(x), emit

    return exchange


_by_1, _by_2, _by_4, _by_8 = (_exchange(apart) for apart in (1, 2, 4, 8))


@njit(inline="always")
def total_of_groups(x: Any, size: Any) -> Any:
    """In each lane, the sum over its group of 1, 2, 4, 8 or 16 neighbouring lanes, by pairs."""
    if size > 1:
        x = x + _by_1(x)
    if size > 2:
        x = x + _by_2(x)
    if size > 4:
        x = x + _by_4(x)
    if size > 8:
        x = x + _by_8(x)
    return x


@intrinsic
def any_of(typing: Any, mask: Any) -> Any:
    """True if the mask is true anywhere."""

    def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return types.boolean(mask), emit
