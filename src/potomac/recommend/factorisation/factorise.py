"""Ratings as biases and a product of factors, all of them with their uncertainty: variational Bayes.

Row by row, for a user u with ratings r of items i: ``r = mu + b_u + b_i + p_u . q_i + noise``. With ``z_i = (1, q_i)``
the row's own unknowns are ``a_u = (b_u, p_u)``, whose posterior given the items is normal with

    S = (diag(1 / prior) + sum_i E[z_i z_i^T] / noise)^-1,    m = S sum_i E[(r - mu - b_i) z_i] / noise

(Lim and Teh 2007, with biases among the unknowns). Items are the same with the roles exchanged. What is known of
factors is packed in one row each: mean of the bias, its variance, and the lower triangle of ``E[z z^T]`` beside
``Cov(b, z)``, so that sums over ratings are sums of contiguous numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.recommend.matrix.threads import in_parts
from potomac.stats.compiled import compiled

LANES = 8
"""Rows that are solved side by side."""

__all__ = ["Side", "drawn", "solved"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Side:
    """Posterior of all users, or of all items; f is one more than the factors.

    Attributes:
        mean: bias and factors of each row, shape (rows, f).
        spread: variance of the bias, then ``Cov(b, z)`` (whose first is 0), shape (rows, 1 + f).
        moments: lower triangle of ``E[z z^T]``, row by row, shape (rows, f (f + 1) / 2).
    """

    mean: Floats
    spread: Floats
    moments: Floats

    @classmethod
    def empty(cls, rows: int, f: int) -> Side:
        """Room for so many rows."""
        shapes = (f, 1 + f, f * (f + 1) // 2)
        return cls(*(np.zeros((rows, width), np.float32) for width in shapes))


def drawn(rows: int, f: int, size: float, seed: int) -> Side:
    """Biases of 0 and small factors drawn at random, without uncertainty."""
    side = Side.empty(rows, f)
    side.mean[:, 1:] = np.random.default_rng(seed).normal(0, size, (rows, f - 1))
    z = side.mean.copy()
    z[:, 0] = 1
    a, b = np.tril_indices(f)
    side.moments[:] = z[:, a] * z[:, b]
    return side


def solved(
    indptr: Ints, indices: Columns, target: Floats, given: Side, prior: Doubles, noise: float
) -> tuple[Side, Doubles, float]:
    """Posterior of each row, given that of the other side.

    Args:
        indptr: of the ratings in compressed sparse rows.
        indices: rows of ``given``.
        target: ratings less mu.
        given: the other side.
        prior: variances of bias and factors, shape (f,).
        noise: variance of a rating.

    Returns:
        The posterior; the mean of its squares, shape (f,), of rows with ratings; and the expected sum of squares of
        what ratings are off.
    """
    rows, f = len(indptr) - 1, given.mean.shape[1]
    side = Side.empty(rows, f)
    square, off = np.zeros((rows, f)), np.zeros(rows)
    work = np.diff(indptr) * f * f + f**3
    in_parts(
        work,
        lambda first, last: _solve(
            first, last, indptr, indices, target, given.mean, given.spread, given.moments, 1 / prior, 1 / noise,
            side.mean, side.spread, side.moments, square, off,
        ),
    )  # fmt: skip
    had = np.diff(indptr) > 0
    return side, square[had].mean(0) if had.any() else prior, float(off.sum())


@compiled(nogil=True, error_model="numpy", fastmath={"contract"})
def _solve(
    first: int, last: int, indptr: Ints, indices: Columns, target: Floats, mean: Floats, spread: Floats,
    moments: Floats, precision: Doubles, sure: float, to_mean: Floats, to_spread: Floats, to_moments: Floats,
    square: Doubles, off: Doubles,
) -> None:  # fmt: skip
    f, packed = mean.shape[1], moments.shape[1]
    total, right = np.empty(packed, np.float32), np.empty(f, np.float32)
    totals, rights = np.zeros((packed, LANES)), np.zeros((f, LANES))
    a, m = np.ones((f, f, LANES)), np.empty((f, LANES))
    inverse = np.empty((f, f, LANES))
    for base in range(first, last, LANES):
        some = min(LANES, last - base)
        for lane in range(some):
            off[base + lane] = _summed(
                base + lane, indptr, indices, target, mean, spread, moments, total, right
            )  # fmt: skip
            totals[:, lane] = total
            rights[:, lane] = right
        at = 0
        for c in range(f):
            for d in range(c + 1):
                for lane in range(LANES):
                    a[c, d, lane] = sure * totals[at, lane]
                at += 1
            for lane in range(LANES):
                a[c, c, lane] += precision[c]
        _invert(a, inverse)
        for c in range(f):
            m[c] = 0
            for d in range(f):
                for lane in range(LANES):
                    m[c, lane] += sure * inverse[c, d, lane] * rights[d, lane]
        for lane in range(some):
            _put(
                base + lane, lane, m, inverse, totals, rights, to_mean, to_spread, to_moments, square, off
            )  # fmt: skip


@compiled(nogil=True, error_model="numpy", fastmath={"contract"})
def _summed(
    row: int, indptr: Ints, indices: Columns, target: Floats, mean: Floats, spread: Floats, moments: Floats,
    total: Floats, right: Floats,
) -> float:  # fmt: skip
    """Sums of ``E[z z^T]`` and ``E[y z]`` over a row's ratings, y less the other side's bias; that of ``E[y^2]``."""
    total[:] = 0
    right[:] = 0
    squares = 0.0
    for e in range(indptr[row], indptr[row + 1]):
        i = indices[e]
        y = target[e] - mean[i, 0]
        squares += y * y + spread[i, 0]
        for c in range(len(total)):
            total[c] += moments[i, c]
        right[0] += y
        for c in range(1, len(right)):
            right[c] += y * mean[i, c] - spread[i, 1 + c]
    return squares


@compiled(nogil=True, error_model="numpy", fastmath={"contract"})
def _put(
    row: int, lane: int, m: Doubles, inverse: Doubles, totals: Doubles, rights: Doubles, to_mean: Floats,
    to_spread: Floats, to_moments: Floats, square: Doubles, off: Doubles,
) -> None:  # fmt: skip
    """Write down a row's posterior, and what its ratings are off: ``sum E[(y - a . z)^2]``."""
    at = 0
    for c in range(len(m)):
        square[row, c] = m[c, lane] * m[c, lane] + inverse[c, c, lane]
        to_mean[row, c] = m[c, lane]
        to_spread[row, 1 + c] = inverse[0, c, lane] if c else 0.0
        off[row] -= 2 * m[c, lane] * rights[c, lane]
        for d in range(c + 1):
            both = m[c, lane] * m[d, lane] + inverse[c, d, lane]
            off[row] += (1 if c == d else 2) * both * totals[at, lane]
            to_moments[row, at] = both if d else (m[c, lane] if c else 1.0)
            at += 1
    to_spread[row, 0] = inverse[0, 0, lane]


@compiled(nogil=True, error_model="numpy", fastmath={"contract"})
def _invert(a: Doubles, inverse: Doubles) -> None:
    """Inverses of positive definite matrices side by side, shape (f, f, LANES), by Cholesky.

    The lower triangles of ``a`` are read, and overwritten.
    """
    f = len(a)
    s = np.empty(LANES)
    for c in range(f):
        for d in range(c + 1):
            for lane in range(LANES):
                s[lane] = a[c, d, lane]
            for e in range(d):
                for lane in range(LANES):
                    s[lane] -= a[c, e, lane] * a[d, e, lane]
            for lane in range(LANES):
                a[c, d, lane] = 1 / np.sqrt(s[lane]) if c == d else s[lane] * a[d, d, lane]
    for c in range(f):  # the inverse of the triangle, whose diagonal already is
        for d in range(c):
            s[:] = 0
            for e in range(d, c):
                for lane in range(LANES):
                    s[lane] -= a[c, e, lane] * a[e, d, lane]
            for lane in range(LANES):
                a[c, d, lane] = s[lane] * a[c, c, lane]
    for c in range(f):
        for d in range(c + 1):
            s[:] = 0
            for e in range(c, f):
                for lane in range(LANES):
                    s[lane] += a[e, c, lane] * a[e, d, lane]
            for lane in range(LANES):
                inverse[c, d, lane] = s[lane]
                inverse[d, c, lane] = s[lane]
