"""Small dense algebra in vector registers: inner products, sums of outer products, Cholesky factors, solutions.

All lengths are multiples of sixteen numbers, which is a vector here. A loop that adds outer products to a matrix in
memory waits for memory at each of them; a tile keeps a few rows by sixteen columns of the matrix in registers while
all entries pass by. Compilers do not find this from loops (and check in each loop whether arrays overlap), so the
innermost steps are written as vector instructions of LLVM, which fits them to whatever the processor has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import extending
from numba.core import cgutils as _cgutils
from numba.core import types

from potomac.stats.compiled import compiled

__all__ = [
    "AT_ONCE",
    "LANES",
    "Number",
    "add_products",
    "add_rows",
    "add_scaled",
    "add_squares",
    "aligned",
    "factored",
    "gather",
    "inner",
    "inner_rows",
    "multiplied",
    "room",
    "set_scaled",
    "solved",
]

Floats = npt.NDArray[np.float32]
Columns = npt.NDArray[np.int32]
Number = float | np.float32

LANES = 16
"""Numbers of a vector."""
TILE_ROWS = 8 if llvm.get_host_cpu_features().get("avx512f") else 4
"""Rows of a tile: their sums must fit in the vector registers, 32 or 16 of them."""

intrinsic: Any = extending.intrinsic  # what it decorates has one argument less for who calls it
cgutils: Any = _cgutils

AT_ONCE = 4
"""Rows that inner products and sums take at once."""
AHEAD = 12
"""How many entries ahead of its use a row is asked for."""
TINY = np.float32(1e-5)
"""A hundred roundings of a number near 1."""

VECTOR, INDEX, SINGLE = ir.VectorType(ir.FloatType(), LANES), ir.IntType(64), ir.IntType(32)
NOTHING = ir.Constant(VECTOR, ir.Undefined)
FUSED = ("contract",)
"""A product and a sum may be one instruction; their order stays."""


# ---------------------------------------------------------------------------------- pieces of code


def _address(builder: Any, base: Any, at: Any) -> Any:
    return builder.bitcast(builder.gep(base, [at]), VECTOR.as_pointer())


def _spread(builder: Any, number: Any) -> Any:
    """A vector with the same number everywhere."""
    first = ir.Constant(ir.VectorType(SINGLE, LANES), [0] * LANES)
    return builder.shuffle_vector(builder.insert_element(NOTHING, number, SINGLE(0)), NOTHING, first)


def _total(builder: Any, vector: Any) -> Any:
    """Sum of the numbers of a vector, by halves."""
    kind = ir.FunctionType(ir.FloatType(), [ir.FloatType(), VECTOR])
    add = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{LANES}f32")
    return builder.call(add, [ir.Constant(ir.FloatType(), 0.0), vector], fastmath=("reassoc",))


def _loop(builder: Any, last: Any, step: int, starts: list[Any], body: Callable[[Any, list[Any]], list[Any]]) -> Any:
    """``for e in range(0, last, step)`` with some vectors carried along; what they are in the end."""
    before, loop, after = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed(">", last, INDEX(0)), loop, after)
    builder.position_at_end(loop)
    e = builder.phi(INDEX)
    carried = [builder.phi(VECTOR) for _ in starts]
    found = body(e, carried)
    following = builder.add(e, INDEX(step))
    e.add_incoming(INDEX(0), before)
    e.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, last), loop, after)
    builder.position_at_end(after)
    results = [builder.phi(VECTOR) for _ in starts]
    for inside, outside, start, new in zip(carried, results, starts, found, strict=True):
        for phi in (inside, outside):
            phi.add_incoming(start, before)
            phi.add_incoming(new, loop)
    return results


def _data(context: Any, builder: Any, kind: Any, array: Any) -> tuple[Any, Any]:
    """Address and width (length of the last axis) of an array in C order."""
    made = context.make_array(kind)(context, builder, array)
    return made.data, cgutils.unpack_tuple(builder, made.shape)[-1]


def _tile(*, subtract: bool, rows: bool) -> Any:
    """A function that adds products of a left and a right matrix to one tile, or takes them from it.

    ``rows`` says how the left matrix lies: its rows belong to the rows of the tile, or its columns do.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def tile(typing: Any, C: Any, start: Any, i: Any, j: Any, left: Any, right: Any, k: Any) -> Any:
        """With I = i : i + TILE_ROWS, J = j : j + LANES: C[I, J] = start[I, J] + left[:k, I].T @ right[:k, J].

        Or, by rows, + left[I, :k] @ right[:k, J]. All matrices have the same width.
        """

        def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            kinds = signature.args
            C, width = _data(context, builder, kinds[0], given[0])
            start, left, right = (_data(context, builder, kinds[at], given[at])[0] for at in (1, 4, 5))
            i, j, k = given[2], given[3], given[6]
            lines = [builder.mul(builder.add(i, INDEX(r)), width) for r in range(TILE_ROWS)]
            combine = builder.fsub if subtract else builder.fadd

            def factor(e: Any, row: Any, r: int) -> Any:
                at = builder.add(lines[r], e) if rows else builder.add(builder.add(row, i), INDEX(r))
                return _spread(builder, builder.load(builder.gep(left, [at])))

            def entry(e: Any, sums: list[Any]) -> list[Any]:
                row = builder.mul(e, width)
                beside = builder.load(_address(builder, right, builder.add(row, j)), align=4)
                products = [builder.fmul(factor(e, row, r), beside, flags=FUSED) for r in range(TILE_ROWS)]
                return [combine(total, product, flags=FUSED) for total, product in zip(sums, products, strict=True)]

            held = [builder.load(_address(builder, start, builder.add(line, j)), align=4) for line in lines]
            for total, line in zip(_loop(builder, k, 1, held, entry), lines, strict=True):
                builder.store(total, _address(builder, C, builder.add(line, j)), align=4)
            return context.get_dummy_value()

        return types.void(C, start, types.int64, types.int64, left, right, types.int64), code

    return tile


_add, _subtract = _tile(subtract=False, rows=False), _tile(subtract=True, rows=False)
_multiply = _tile(subtract=False, rows=True)


def _stepwise(kind: str) -> Any:
    """A function that changes n numbers of A, from the i-th, by n numbers of B, from the j-th, a vector at a time."""

    @intrinsic  # type: ignore[untyped-decorator]
    def change(typing: Any, A: Any, i: Any, c: Any, B: Any, j: Any, n: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            A, _ = _data(context, builder, signature.args[0], given[0])
            B, _ = _data(context, builder, signature.args[3], given[3])
            factor = _spread(builder, given[2])

            def step(e: Any, _: list[Any]) -> list[Any]:
                to = _address(builder, A, builder.add(given[1], e))
                b = builder.load(_address(builder, B, builder.add(given[4], e)), align=4)
                new = builder.fmul(factor, b, flags=FUSED)
                if kind != "set":
                    new = builder.fadd(builder.load(to, align=4), new, flags=FUSED)
                builder.store(new, to, align=4)
                return []

            _loop(builder, given[5], LANES, [], step)
            return context.get_dummy_value()

        return types.void(A, types.int64, types.float32, B, types.int64, types.int64), code

    return change


_set_scaled, _add_scaled = _stepwise("set"), _stepwise("add")


@intrinsic  # type: ignore[untyped-decorator]
def _inner_rows(typing: Any, B: Any, row: Any, A: Any, i: Any, t: Any) -> Any:
    """t[row + r] = inner product of B[row + r] with A from the i-th number on, for AT_ONCE rows."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        B, width = _data(context, builder, signature.args[0], given[0])
        A, _ = _data(context, builder, signature.args[2], given[2])
        t, _ = _data(context, builder, signature.args[4], given[4])
        rows = [builder.add(given[1], INDEX(r)) for r in range(AT_ONCE)]
        lines = [builder.mul(row, width) for row in rows]

        def step(e: Any, sums: list[Any]) -> list[Any]:
            a = builder.load(_address(builder, A, builder.add(given[3], e)), align=4)
            bs = [builder.load(_address(builder, B, builder.add(line, e)), align=4) for line in lines]
            return [
                builder.fadd(total, builder.fmul(a, b, flags=FUSED), flags=FUSED)
                for total, b in zip(sums, bs, strict=True)
            ]

        totals = _loop(builder, width, LANES, [ir.Constant(VECTOR, [0.0] * LANES)] * AT_ONCE, step)
        for row, total in zip(rows, totals, strict=True):
            builder.store(_total(builder, total), builder.gep(t, [row]))
        return context.get_dummy_value()

    return types.void(B, types.int64, A, types.int64, t), code


def _add_rows(*, squared: bool) -> Any:
    @intrinsic  # type: ignore[untyped-decorator]
    def add(typing: Any, A: Any, i: Any, t: Any, B: Any, row: Any) -> Any:
        """Add t[row + r] times B[row + r], or its squares, to A from the i-th number on, for AT_ONCE rows."""

        def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            A, _ = _data(context, builder, signature.args[0], given[0])
            t, _ = _data(context, builder, signature.args[2], given[2])
            B, width = _data(context, builder, signature.args[3], given[3])
            rows = [builder.add(given[4], INDEX(r)) for r in range(AT_ONCE)]
            lines = [builder.mul(row, width) for row in rows]
            factors = [_spread(builder, builder.load(builder.gep(t, [row]))) for row in rows]

            def step(e: Any, _: list[Any]) -> list[Any]:
                to = _address(builder, A, builder.add(given[1], e))
                new = builder.load(to, align=4)
                for line, factor in zip(lines, factors, strict=True):
                    b = builder.load(_address(builder, B, builder.add(line, e)), align=4)
                    scaled = builder.fmul(factor, b, flags=FUSED)
                    scaled = builder.fmul(scaled, b, flags=FUSED) if squared else scaled
                    new = builder.fadd(new, scaled, flags=FUSED)
                builder.store(new, to, align=4)
                return []

            _loop(builder, width, LANES, [], step)
            return context.get_dummy_value()

        return types.void(A, types.int64, t, B, types.int64), code

    return add


_add_lines, _add_squares = _add_rows(squared=False), _add_rows(squared=True)


@intrinsic  # type: ignore[untyped-decorator]
def _fetch(typing: Any, Y: Any, row: Any) -> Any:
    """Ask for a row of Y to be brought near: it is needed soon."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        Y, width = _data(context, builder, signature.args[0], given[0])
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, SINGLE, SINGLE, SINGLE])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        start = builder.mul(given[1], width)

        def step(e: Any, _: list[Any]) -> list[Any]:
            place = builder.bitcast(builder.gep(Y, [builder.add(start, e)]), byte)
            builder.call(prefetch, [place, SINGLE(0), SINGLE(3), SINGLE(1)])
            return []

        _loop(builder, width, LANES, [], step)
        return context.get_dummy_value()

    return types.void(Y, types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def _inner(typing: Any, A: Any, i: Any, B: Any, j: Any, n: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        A, _ = _data(context, builder, signature.args[0], given[0])
        B, _ = _data(context, builder, signature.args[2], given[2])

        def step(e: Any, sums: list[Any]) -> list[Any]:
            a, b = (
                builder.load(_address(builder, base, builder.add(start, e)), align=4)
                for base, start in ((A, given[1]), (B, given[3]))
            )
            return [builder.fadd(sums[0], builder.fmul(a, b, flags=FUSED), flags=FUSED)]

        (total,) = _loop(builder, given[4], LANES, [ir.Constant(VECTOR, [0.0] * LANES)], step)
        return _total(builder, total)

    return types.float32(A, types.int64, B, types.int64, types.int64), code


# ---------------------------------------------------------------------------------- what others use


def aligned(rows: int, columns: int) -> Floats:
    """A matrix to be filled whose rows begin at multiples of 64 bytes: vectors that cross them take twice as long."""
    long = np.empty(rows * columns + LANES, np.float32)
    skipped = (-(long.ctypes.data // 4)) % LANES
    return long[skipped : skipped + rows * columns].reshape(rows, columns)


room = compiled(nogil=True)(aligned)
"""The same for those who are compiled.

A compiled function that others hold a copy of, and that gives arrays to the interpreter as well, is not always found
whole where several processes filled Numba's cache at once: hence two.
"""


@compiled(nogil=True)
def inner(A: Floats, i: int, B: Floats, j: int, n: int) -> Number:
    """Inner product of n numbers of A from the i-th and of B from the j-th, as they lie in memory."""
    return _inner(A, i, B, j, n)  # type: ignore[no-any-return]


@compiled(nogil=True)
def set_scaled(A: Floats, i: int, c: Number, B: Floats, j: int, n: int) -> None:
    """Set n numbers of A from the i-th to c times those of B from the j-th, as they lie in memory."""
    _set_scaled(A, i, c, B, j, n)


@compiled(nogil=True)
def add_scaled(A: Floats, i: int, c: Number, B: Floats, j: int, n: int) -> None:
    """Add c times n numbers of B from the j-th to those of A from the i-th, as they lie in memory."""
    _add_scaled(A, i, c, B, j, n)


@compiled(nogil=True)
def inner_rows(B: Floats, n: int, A: Floats, i: int, t: Floats) -> None:
    """t[:n] = B[:n] @ a, a being A from the i-th number on; up to a multiple of AT_ONCE rows are done."""
    for row in range(0, n, AT_ONCE):
        _inner_rows(B, row, A, i, t)


@compiled(nogil=True)
def add_rows(A: Floats, i: int, t: Floats, B: Floats, n: int) -> None:
    """Add B[:n].T @ t[:n] to A from the i-th number on; up to a multiple of AT_ONCE rows are done."""
    for row in range(0, n, AT_ONCE):
        _add_lines(A, i, t, B, row)


@compiled(nogil=True)
def add_squares(A: Floats, i: int, t: Floats, B: Floats, n: int) -> None:
    """As :func:`add_rows`, of the squares of B."""
    for row in range(0, n, AT_ONCE):
        _add_squares(A, i, t, B, row)


@compiled(nogil=True)
def gather(B: Floats, Y: Floats, indices: Columns, begin: int, end: int) -> None:
    """Copy the rows ``indices[begin:end]`` of Y to the first rows of B; more up to a multiple of AT_ONCE are 0."""
    f, n = Y.shape[1], end - begin
    for k in range(n):
        if begin + k + AHEAD < len(indices):
            _fetch(Y, np.int64(indices[begin + k + AHEAD]))
        _set_scaled(B, k * f, np.float32(1), Y, indices[begin + k] * f, f)
    for k in range(n, n + (-n) % AT_ONCE):
        _set_scaled(B, k * f, np.float32(0), Y, 0, f)


@compiled(nogil=True)
def add_products(C: Floats, start: Floats, B: Floats, k: int, first: int, last: int) -> None:
    """C = start + B[:k].T @ B[:k], upper triangle, in rows and columns ``first`` up to ``last``.

    Args:
        C: shape (f, f), in C order as all here. start: shape (f, f); may be C. B: shape (>= k, f).
        k: how many rows of B. first, last: multiples of LANES, as f is.
    """
    for i in range(first, last, TILE_ROWS):
        for j in range(i - i % LANES, last, LANES):
            _add(C, start, i, j, B, B, k)


@compiled(nogil=True)
def multiplied(X: Floats, Q: Floats, first: int, last: int) -> None:
    """Put X @ Q in place of X, rows ``first`` up to ``last``. X: shape (m, f); Q: shape (f, f)."""
    f = X.shape[1]
    nothing, found = room(TILE_ROWS, f), room(TILE_ROWS, f)
    nothing[:] = np.float32(0)
    whole = first + (last - first) // TILE_ROWS * TILE_ROWS
    for row in range(first, whole, TILE_ROWS):
        for j in range(0, f, LANES):
            _multiply(found, nothing, 0, j, X[row : row + TILE_ROWS], Q, f)
        _set_scaled(X, row * f, np.float32(1), found, 0, TILE_ROWS * f)
    for row in range(whole, last):
        _set_scaled(found, 0, np.float32(0), Q, 0, f)
        for k in range(f):
            _add_scaled(found, 0, X[row, k], Q, k * f, f)
        _set_scaled(X, row * f, np.float32(1), found, 0, f)


@compiled(nogil=True, error_model="numpy")
def factored(A: Floats, inverse: Floats, first: int, last: int) -> bool:
    """Cholesky's upper factor U of A = U'U in place of A's upper triangle; what is below has no meaning after.

    Args:
        A: shape (f, f), C order; the upper triangle of rows and columns ``first`` up to ``last`` is meant.
        inverse: receives one over the diagonal of U, shape (f,). What is left of a diagonal entry after all that is
            taken from it is held above TINY of it: below that, single precision leaves little but rounding.
        first, last: multiples of LANES, as f is.

    Returns:
        Whether none had to be held.
    """
    f, above, sound = A.shape[1], A[first:], True
    for k in range(first, last):
        inverse[k] = max(TINY * A[k, k], np.float32(1e-30))
    for p in range(first, last, LANES):
        for i in range(p, p + LANES, TILE_ROWS):
            for j in range(p, last, LANES):
                _subtract(A, A, i, j, above, above, p - first)
        for k in range(p, p + LANES):
            sound = sound and A[k, k] > inverse[k]
            scale = np.float32(1) / np.sqrt(max(A[k, k], inverse[k]))
            inverse[k] = scale
            row = k * f + p
            _set_scaled(A, row, scale, A, row, last - p)
            for i in range(k + 1, p + LANES):
                _add_scaled(A, i * f + p, -A[k, i], A, row, last - p)
    return sound


@compiled(nogil=True, error_model="numpy")
def solved(U: Floats, inverse: Floats, b: Floats, x: Floats, first: int, last: int) -> None:
    """Solve U'U x = b in the rows and columns that :func:`factored` was called for; ``b`` is used up."""
    f = len(b)
    for k in range(first, last):  # U'z = b; z is kept in x
        x[k] = b[k] * inverse[k]
        at = k - k % LANES
        _add_scaled(b, at, -x[k], U, k * f + at, last - at)
    for p in range(last - LANES, first - 1, -LANES):  # U x = z, sixteen at a time
        after = p + LANES
        for k in range(p, after):
            x[k] -= _inner(U, k * f + after, x, after, last - after)
        for k in range(after - 1, p - 1, -1):
            x[k] *= inverse[k]
            for i in range(p, k):
                x[i] -= x[k] * U[i, k]
