"""Matrix products in registers. Every number of a product is summed in the order of k, whatever the shape of a tile.

A tile holds some rows and some vectors of C in registers while k runs. Which shape of tile is fastest depends on the
processor; the sums, their order and so their bits do not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from inner_loop.twins.layout import WIDTH
from inner_loop.twins.vector import call, spread

_NUMBER, _WHOLE = ir.FloatType(), ir.IntType(64)
_VECTOR, _POINTER = ir.VectorType(_NUMBER, WIDTH), _NUMBER.as_pointer()


def _whole(number: int) -> Any:
    return ir.Constant(_WHOLE, number)


def _wide(builder: Any, pointer: Any) -> Any:
    return builder.bitcast(pointer, _VECTOR.as_pointer())


def _moved(builder: Any, pointer: Any, *numbers: Any) -> Any:
    for number in numbers:
        pointer = builder.gep(pointer, [number])
    return pointer


@cache
def _tile(rows: int, vectors: int) -> Callable[[Any], Any]:
    """Emits, once a module, C[r, v] = beta C[r, v] + sum over k of A[r, k] B[k, v] for a tile of C.

    A function of its own: a tile that is inlined wherever it is called is compiled wherever it is called.
    """

    def defined(module: Any) -> Any:
        name = f"instinct.tile.{rows}.{vectors}"
        if name in module.globals:
            return module.globals[name]
        kinds = [_POINTER, _WHOLE, _NUMBER, _POINTER, _WHOLE, _WHOLE, _POINTER, _WHOLE, _WHOLE]
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
        function.linkage = "linkonce_odr"
        for attribute in ("noinline", "nounwind"):
            function.attributes.add(attribute)
        _emit_tile(function, rows, vectors)
        return function

    return defined


def _emit_tile(function: Any, rows: int, vectors: int) -> None:
    c, row_c, beta, a, row_a, step_a, b, row_b, count = function.args
    for pointer in (c, a, b):
        pointer.add_attribute("noalias")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    places = [(r, v) for r in range(rows) for v in range(vectors)]
    row_of_c = [_moved(builder, c, builder.mul(row_c, _whole(r))) for r in range(rows)]
    row_of_a = [_moved(builder, a, builder.mul(row_a, _whole(r))) for r in range(rows)]
    at = {(r, v): _wide(builder, _moved(builder, row_of_c[r], _whole(v * WIDTH))) for r, v in places}
    sums = {place: builder.alloca(_VECTOR) for place in places}
    new = builder.fcmp_ordered("==", beta, ir.Constant(_NUMBER, 0.0))
    with builder.if_else(new) as (nothing, kept):
        with nothing:  # what C holds may not be a number
            for place in places:
                builder.store(ir.Constant(_VECTOR, [0.0] * WIDTH), sums[place])
        with kept:
            share = spread(builder, beta)
            for place in places:
                builder.store(builder.fmul(share, builder.load(at[place], align=4)), sums[place])
    with cgutils.for_range(builder, count, intp=_WHOLE) as loop:
        row_of_b, column = _moved(builder, b, builder.mul(loop.index, row_b)), builder.mul(loop.index, step_a)
        across = [
            builder.load(_wide(builder, _moved(builder, row_of_b, _whole(v * WIDTH))), align=4) for v in range(vectors)
        ]
        for r in range(rows):
            factor = spread(builder, builder.load(_moved(builder, row_of_a[r], column), align=4))
            for v in range(vectors):
                fused = call(builder, "llvm.fma.v16f32", _VECTOR, factor, across[v], builder.load(sums[r, v]))
                builder.store(fused, sums[r, v])
    for place in places:
        builder.store(builder.load(sums[place]), at[place], align=4)
    builder.ret_void()


def _begin(context: Any, builder: Any, sig: Any, arguments: Any, place: int) -> Any:
    """Emits a pointer into the array that stands at a place of the arguments, at the index that follows it."""
    data = context.make_array(sig.args[place])(context, builder, arguments[place]).data
    return _moved(builder, builder.bitcast(data, _POINTER), arguments[place + 1])


def _panel(vectors: int, *heights: int) -> Callable[..., Any]:
    """A product for any number of rows of C and some vectors of columns: tiles of falling height."""

    @intrinsic
    def panel(
        typing: Any, c: Any, at_c: Any, row_c: Any, beta: Any, a: Any, at_a: Any, row_a: Any, step_a: Any, b: Any,
        at_b: Any, row_b: Any, rows: Any, count: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
            of_c, of_a, of_b = (_begin(context, builder, sig, arguments, place) for place in (0, 4, 8))
            steps, many, done = (arguments[2], arguments[6], arguments[7], arguments[10]), arguments[11], _whole(0)
            for height in heights:
                tile = _tile(height, vectors)(builder.module)
                times = builder.sdiv(builder.sub(many, done), _whole(height))
                with cgutils.for_range(builder, times, intp=_WHOLE) as loop:
                    row = builder.add(done, builder.mul(loop.index, _whole(height)))
                    to = _moved(builder, of_c, builder.mul(row, steps[0]))
                    left = _moved(builder, of_a, builder.mul(row, steps[1]))
                    share, count = arguments[3], arguments[12]
                    builder.call(tile, [to, steps[0], share, left, steps[1], steps[2], of_b, steps[3], count])
                done = builder.add(done, builder.mul(times, _whole(height)))
            return context.get_dummy_value()

        i = types.intp
        return types.void(c, i, i, types.float32, a, i, i, i, b, i, i, i, i), emit

    return panel


def _wide_registers() -> bool:
    """True if this processor has 32 registers of 16 numbers, and Numba compiles for it."""
    return bool(get_host_cpu_features().get("avx512f", False)) and not numba.config.CPU_NAME


_four, _two, _one = (
    (_panel(4, 6, 4, 1), _panel(2, 12, 8, 4, 1), _panel(1, 16, 8, 4, 1))
    if _wide_registers()
    else (_panel(4, 1), _panel(2, 2, 1), _panel(1, 4, 1))
)


@njit(inline="never")
def product(
    c: Any, at_c: Any, row_c: Any, beta: Any, a: Any, at_a: Any, row_a: Any, step_a: Any, b: Any, at_b: Any,
    row_b: Any, rows: Any, columns: Any, count: Any,
) -> Any:  # fmt: skip
    """C = beta C + A B; C is (rows, columns), columns a multiple of 16; B's columns lie side by side.

    Args:
        at_c, row_c: index of C's first number, and of a row from the row before.
        at_a, row_a, step_a: the same of A, and of a column from the column before.
        at_b, row_b: as of C.
        count: columns of A, rows of B.
    """
    beta, j = numba.float32(beta), 0
    while j < columns:
        if columns - j >= 4 * WIDTH:
            _four(c, at_c + j, row_c, beta, a, at_a, row_a, step_a, b, at_b + j, row_b, rows, count)
            j += 4 * WIDTH
        elif columns - j >= 2 * WIDTH:
            _two(c, at_c + j, row_c, beta, a, at_a, row_a, step_a, b, at_b + j, row_b, rows, count)
            j += 2 * WIDTH
        else:
            _one(c, at_c + j, row_c, beta, a, at_a, row_a, step_a, b, at_b + j, row_b, rows, count)
            j += WIDTH


@intrinsic
def _transposed(typing: Any, to: Any, at_to: Any, row_to: Any, x: Any, at_x: Any, row_x: Any) -> Any:
    """16 x 16 numbers, by four rounds of exchanges between pairs of rows."""

    def emit(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        lanes = ir.VectorType(ir.IntType(32), WIDTH)

        def row(place: int, r: int) -> Any:
            data = context.make_array(sig.args[place])(context, builder, arguments[place]).data
            index = builder.add(arguments[place + 1], builder.mul(arguments[place + 2], _whole(r)))
            return _wide(builder, _moved(builder, builder.bitcast(data, _POINTER), index))

        rows = [builder.load(row(3, r), align=4) for r in range(WIDTH)]
        for apart in (1, 2, 4, 8):
            low = ir.Constant(lanes, [j if not j & apart else WIDTH + j - apart for j in range(WIDTH)])
            high = ir.Constant(lanes, [j + apart if not j & apart else WIDTH + j for j in range(WIDTH)])
            for r in range(WIDTH):
                if not r & apart:
                    one, other = rows[r], rows[r + apart]
                    rows[r] = builder.shuffle_vector(one, other, low)
                    rows[r + apart] = builder.shuffle_vector(one, other, high)
        for r in range(WIDTH):
            builder.store(rows[r], row(0, r), align=4)
        return context.get_dummy_value()

    i = types.intp
    return types.void(to, i, i, x, i, i), emit


@njit(inline="never")
def transpose(to: Any, at_to: Any, row_to: Any, x: Any, at_x: Any, row_x: Any, rows: Any, columns: Any) -> Any:
    """to[j, i] = x[i, j]; rows and columns of x are multiples of 16."""
    for i in range(0, rows, WIDTH):
        for j in range(0, columns, WIDTH):
            _transposed(to, at_to + j * row_to + i, row_to, x, at_x + i * row_x + j, row_x)
