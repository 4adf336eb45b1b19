"""The Gram matrix of items, the inverse of a matrix like it in place, and histories times a matrix of items."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

from potomac.recommend.matrix.sparse import transposed
from potomac.recommend.matrix.threads import in_parts
from potomac.stats.compiled import compiled

__all__ = ["gram", "inverted", "multiplied", "times_matrix", "times_vector", "weighted_by_item", "work_of"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]
Matrix = npt.NDArray[np.floating]

PIECE = 2048
"""Columns of a sum that stays in a core's nearest cache; a row's pieces may go to several threads."""

TILE = 512
"""Rows and columns of a tile of the inverse: three tiles stay in a core's cache."""


def gram(indptr: Ints, indices: Columns, values: Floats, weight: Floats, items: int) -> Floats:
    """X^T W X: for each two items, what users have of both; its lower triangle, zeros above.

    Args:
        indptr: of X in compressed sparse rows, shape (m + 1,).
        indices: item numbers, ascending within a user.
        values: of X.
        weight: of each user, the diagonal of W, shape (m,).
        items: columns n of X.

    Returns:
        Shape (n, n).
    """
    starts, people, amounts = weighted_by_item(indptr, indices, values, weight, items)
    plain = bool((values == 1).all())
    out = np.zeros((items, items), np.float32)
    in_parts(
        work_of(indptr, indices, items),
        lambda a, b: _gram_rows(a, b, starts, people, amounts, indptr, indices, values, plain, out),
    )
    return out


@compiled(nogil=True)
def _gram_rows(
    first: int, last: int, starts: Ints, people: Columns, amounts: Floats, indptr: Ints, indices: Columns,
    values: Floats, plain: bool, out: Floats,
) -> None:  # fmt: skip
    for i in range(first, last):
        row = out[i]
        for at in range(starts[i], starts[i + 1]):
            user, amount = people[at], amounts[at]
            for e in range(indptr[user], indptr[user + 1]):
                j = indices[e]
                if j > i:
                    break
                row[j] += amount if plain else amount * values[e]


def weighted_by_item(
    indptr: Ints, indices: Columns, values: Floats, weight: Floats, items: int
) -> tuple[Ints, Columns, Floats]:
    """The transpose, its values times the weight of their user."""
    starts, people, amounts = transposed(indptr, indices, values, items)
    if (weight != 1).any():
        amounts *= weight[people]
    return starts, people, amounts


@compiled(nogil=True)
def work_of(indptr: Ints, indices: Columns, items: int) -> Ints:
    """Multiplications of each row of a product of items: entries of all users of an item."""
    work = np.zeros(items, np.int64)
    for user in range(len(indptr) - 1):
        for e in range(indptr[user], indptr[user + 1]):
            work[indices[e]] += indptr[user + 1] - indptr[user]
    return work


def inverted(a: Matrix, told: Callable[[int, int], object] | None = None, tile: int = TILE) -> None:
    """Put the negative inverse of a positive definite matrix in its place.

    The sweep operator (Goodnight 1979) on tiles: for each pivot D on the diagonal, with the columns W beside it,
    ``A <- A - W D^-1 W^T``, ``W <- W D^-1`` and ``D <- -D^-1``. Each tile is one product of fixed shape in one thread,
    so that the result does not depend on the number of threads; LAPACK's own, in several threads, does.

    Args:
        a: shape (n, n), of which the lower triangle is read; becomes the whole of -a^-1.
        told: is told how many pivots are done, of how many.

    Raises:
        numpy.linalg.LinAlgError: the matrix is not positive definite in the precision it comes in.
    """
    edges = [*range(0, len(a), tile), len(a)]
    spans = [slice(first, last) for first, last in pairwise(edges)]
    single = import_module("threadpoolctl").threadpool_limits(1, user_api="blas")  # it comes with scikit-learn
    with single, ThreadPoolExecutor(get_num_threads()) as pool:
        for k, span in enumerate(spans):
            if told is not None:
                told(k, len(spans))
            _sweep(a, k, span, spans, pool)
    for i, rows in enumerate(spans):
        for columns in spans[:i]:
            a[columns, rows] = a[rows, columns].T
        a[rows, rows] = _mirrored(a[rows, rows])


def multiplied(a: Matrix, b: Matrix, tile: int = TILE) -> None:
    """Put the product a b in the place of b; each tile of columns is one product of fixed shape in one thread.

    Args:
        a: shape (n, n).
        b: shape (n, k).
    """

    def columns(first: int) -> None:
        b[:, first : first + tile] = a @ b[:, first : first + tile]

    single = import_module("threadpoolctl").threadpool_limits(1, user_api="blas")
    with single, ThreadPoolExecutor(get_num_threads()) as pool:
        list(pool.map(columns, range(0, b.shape[1], tile)))


def _sweep(a: Matrix, k: int, span: slice, spans: list[slice], pool: ThreadPoolExecutor) -> None:
    pivot = _inverse(a[span, span])
    beside = np.concatenate([a[span, : span.start].T, a[span.start :, span]])  # W
    scaled = beside @ pivot

    def rows(i: int) -> None:
        product = np.empty((spans[i].stop - spans[i].start, spans[0].stop), a.dtype)
        for j in range(i + 1):
            if j != k:
                width = spans[j].stop - spans[j].start
                into = product[:, :width] if width == product.shape[1] else np.empty((len(product), width), a.dtype)
                np.matmul(scaled[spans[i]], beside[spans[j]].T, out=into)
                a[spans[i], spans[j]] -= into

    list(pool.map(rows, [i for i in reversed(range(len(spans))) if i != k]))
    a[span, : span.start] = scaled[: span.start].T
    a[span.stop :, span] = scaled[span.stop :]
    a[span, span] = -pivot


def _inverse(tile: Matrix) -> Matrix:
    """The inverse of a small positive definite matrix, of which the lower triangle is read."""
    from scipy.linalg import lapack

    potrf, potri = (lapack.spotrf, lapack.spotri) if tile.dtype == np.float32 else (lapack.dpotrf, lapack.dpotri)
    factor, fault = potrf(tile, lower=1)
    if fault:
        raise np.linalg.LinAlgError("not positive definite")
    found, _ = potri(factor, lower=1, overwrite_c=1)
    return _mirrored(found)


def _mirrored(tile: Matrix) -> Matrix:
    """A symmetric matrix from its lower triangle."""
    return np.asarray(np.tril(tile) + np.tril(tile, -1).T)


def times_matrix(indptr: Ints, indices: Columns, values: Floats, matrix: Floats) -> Floats:
    """Sparse rows times a dense matrix: shape (k, n). Entries with a negative index count for nothing."""
    out = np.zeros((len(indptr) - 1, matrix.shape[1]), np.float32)
    pieces = -(-matrix.shape[1] // PIECE)
    work = np.repeat(np.diff(indptr) * PIECE, pieces)
    in_parts(work, lambda first, last: _times_matrix(first, last, pieces, indptr, indices, values, matrix, out))
    return out


@compiled(nogil=True)
def _times_matrix(
    first: int, last: int, pieces: int, indptr: Ints, indices: Columns, values: Floats, matrix: Floats, out: Floats
) -> None:
    for at in range(first, last):
        row, low = at // pieces, at % pieces * PIECE
        piece = out[row, low : low + PIECE]
        for e in range(indptr[row], indptr[row + 1]):
            if indices[e] >= 0:
                source = matrix[indices[e], low : low + PIECE]
                for c in range(len(piece)):
                    piece[c] += values[e] * source[c]


def times_vector(indptr: Ints, indices: Columns, values: Floats, vector: Floats) -> Floats:
    """Sparse rows times a vector, shape (k,)."""
    out = np.zeros(len(indptr) - 1, np.float32)
    in_parts(np.diff(indptr), lambda first, last: _times_vector(first, last, indptr, indices, values, vector, out))
    return out


@compiled(nogil=True)
def _times_vector(
    first: int, last: int, indptr: Ints, indices: Columns, values: Floats, vector: Floats, out: Floats
) -> None:
    for row in range(first, last):
        total = np.float32(0)
        for e in range(indptr[row], indptr[row + 1]):
            total += values[e] * vector[indices[e]]
        out[row] = total
