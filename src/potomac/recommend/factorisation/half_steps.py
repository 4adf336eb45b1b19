"""Half-steps of alternating least squares: the best factors of some rows, while those of the other side stay.

For a row u with the entries i and strengths r_ui, Hu, Koren and Volinsky's (2008) loss is, in x = x_u,

    f(x) = x'(G + lambda_u I + sum_i d_i y_i y_i') x - 2 x' sum_i b_i y_i + constant,   G = Y'Y,

with d_i = alpha |r_ui| and b_i = 1 + d_i where r_ui > 0, else 0: what has a strength above 0 was wanted, what is below
was not, what has no entry was not either, but with confidence 1. Three ways to make f small:

* ``exact``: the sum of outer products, Cholesky's factor, the solution.
* ``conjugate``: some steps of conjugate gradients from the present x (Takacs, Pilaszy and Tikk 2011), in coordinates in
  which G is diagonal: so that a step needs the entries alone and the diagonal is a good preconditioner.
* ``blockwise``: exact in some coordinates at a time (iALS++; Rendle, Krichene, Zhang and Koren 2022).

Each works through rows whose results don't mix, so that threads may share the rows in any way. Each gives, summed over
its rows, what f is without its constant, and lambda_u |x|^2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.recommend.factorisation.tiles import (
    AT_ONCE,
    Number,
    add_products,
    add_rows,
    add_scaled,
    add_squares,
    factored,
    gather,
    inner,
    inner_rows,
    room,
    set_scaled,
    solved,
)
from potomac.stats.compiled import compiled

__all__ = ["blockwise", "conjugate", "diagonal", "exact", "gram", "misses", "penalty", "turned", "wanted"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]

GATHERED = 256
"""Entries whose factors are copied beside each other at once: 64 KB at 64 factors."""

RIDGE = np.float32(3e-5)
"""The least penalty, of the largest entry on the diagonal, where single precision would not solve a row otherwise."""

_compiled = compiled(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})


@_compiled
def weight(total: float, others: int, regularization: float, power: float) -> Number:
    """lambda_u = regularization (confidence of the row)^power, the confidence being ``others`` + sum d_i."""
    return np.float32(regularization * (others + total) ** power)


@_compiled
def _total(r: Floats, step: int, begin: int, end: int) -> float:
    """Sum of the strengths of a row's entries; step 0: all have the strength r[0]."""
    if step == 0:
        return float((end - begin) * abs(r[0]))
    total = 0.0
    for e in range(begin, end):
        total += abs(r[e])
    return total


@_compiled
def _weighed(begin: int, n: int, r: Floats, step: int, d: Floats, b: Floats) -> None:
    """d_i and b_i of n entries; 0 in what is filled up to a multiple of AT_ONCE."""
    for k in range(n):
        strength = r[(begin + k) * step]
        d[k] = abs(strength)
        b[k] = np.float32(1) + strength if strength > 0 else np.float32(0)
    for k in range(n, n + (-n) % AT_ONCE):
        d[k], b[k] = np.float32(0), np.float32(0)


@_compiled
def _minimum(
    begin: int, end: int, indices: Columns, r: Floats, step: int, Y: Floats, G: Floats, penalty: Number,
    A: Floats, B: Floats, weights: Floats, vectors: Floats,
) -> None:  # fmt: skip
    """The row's factors in vectors[0]; vectors[1] has sum b_i y_i, the others are work space."""
    f = Y.shape[1]
    x, b, copy, inverse = vectors[0], vectors[1], vectors[2], vectors[3]
    for _ in range(2):
        b[:] = np.float32(0)
        start = G
        for at in range(begin, end, GATHERED):
            n = min(GATHERED, end - at)
            _weighed(at, n, r, step, weights[0], weights[1])
            gather(B, Y, indices, at, at + n)
            add_rows(vectors, f, weights[1], B, n)
            for k in range(n):
                set_scaled(B, k * f, np.sqrt(weights[0, k]), B, k * f, f)
            add_products(A, start, B, n, 0, f)
            start = A
        ridge = penalty
        for k in range(f):
            ridge = max(ridge, RIDGE * A[k, k])
            A[k, k] += penalty
        if factored(A, inverse, 0, f):
            break
        penalty = ridge  # once more
    copy[:] = b
    solved(A, inverse, copy, x, 0, f)


@_compiled
def exact(
    first: int, last: int, indptr: Ints, indices: Columns, r: Floats, step: int, Y: Floats, G: Floats,
    regularization: float, power: float, others: int, X: Floats,
) -> tuple[float, float]:  # fmt: skip
    """The factors at which f is least.

    Args:
        first, last: rows of this call.
        indptr: shape (m + 1,). indices: shape (nnz,). r: alpha times the strengths, shape (nnz,) with step 1, or (1,)
            with step 0. Y: factors of the other side, shape (n, f). G: Y'Y, shape (f, f).
        regularization, power, others: see :func:`weight`.
        X: shape (m, f); rows ``first`` up to ``last`` are written.

    Returns:
        Sums over the rows of f, without its constant, and of lambda_u |x|^2.
    """
    f = Y.shape[1]
    A, B, weights, vectors = room(f, f), room(GATHERED, f), room(2, GATHERED), room(4, f)
    loss, norms = 0.0, 0.0
    for u in range(first, last):
        begin, end = indptr[u], indptr[u + 1]
        if begin == end:
            X[u] = np.float32(0)
            continue
        penalty = weight(_total(r, step, begin, end), others, regularization, power)
        _minimum(begin, end, indices, r, step, Y, G, penalty, A, B, weights, vectors)
        set_scaled(X, u * f, np.float32(1), vectors, 0, f)
        loss -= float(inner(vectors, 0, vectors, f, f))  # f = -b'x at its minimum
        norms += float(penalty * inner(vectors, 0, vectors, 0, f))
    return loss, norms


@_compiled
def conjugate(
    first: int, last: int, indptr: Ints, indices: Columns, r: Floats, step: int, Y: Floats, G: Floats,
    regularization: float, power: float, others: int, X: Floats, steps: int, longest: int,
) -> tuple[float, float]:  # fmt: skip
    """Better factors by ``steps`` steps of conjugate gradients from those of X; as :func:`exact` otherwise.

    G is diagonal. Rows of more than ``longest`` entries are solved exactly, which is cheaper than to go through their
    entries again for each step.
    """
    f = Y.shape[1]
    many = max(GATHERED, longest + AT_ONCE)
    A, B, weights, vectors, found = room(f, f), room(many, f), room(3, many), room(4, f), room(6, f)
    d, wanted, t = weights[0], weights[1], weights[2]
    x, residual, direction, product, scale, diagonal = found[0], found[1], found[2], found[3], found[4], found[5]
    loss, norms = 0.0, 0.0
    for u in range(first, last):
        begin, end = indptr[u], indptr[u + 1]
        n = end - begin
        if n == 0:
            X[u] = np.float32(0)
            continue
        penalty = weight(_total(r, step, begin, end), others, regularization, power)
        if n > longest:
            _minimum(begin, end, indices, r, step, Y, G, penalty, A, B, weights, vectors)
            set_scaled(X, u * f, np.float32(1), vectors, 0, f)
            loss -= float(inner(vectors, 0, vectors, f, f))
            norms += float(penalty * inner(vectors, 0, vectors, 0, f))
            continue
        set_scaled(found, 0, np.float32(1), X, u * f, f)
        value = 0.0
        for k in range(f):
            diagonal[k] = G[k, k] + penalty
            scale[k] = diagonal[k]
            residual[k] = -diagonal[k] * x[k]
            value -= residual[k] * x[k]
        _weighed(begin, n, r, step, d, wanted)
        gather(B, Y, indices, begin, end)
        inner_rows(B, n, found, 0, t)
        for k in range(n + (-n) % AT_ONCE):
            value += t[k] * (d[k] * t[k] - np.float32(2) * wanted[k])
            t[k] = wanted[k] - d[k] * t[k]
        add_rows(found, f, t, B, n)  # residual = b - A x
        add_squares(found, 4 * f, d, B, n)
        gain: Number = np.float32(0)
        for k in range(f):
            direction[k] = residual[k] / scale[k]
            gain += direction[k] * residual[k]
        for s in range(steps):
            if gain <= np.float32(1e-20):
                break
            for k in range(f):
                product[k] = diagonal[k] * direction[k]
            inner_rows(B, n, found, 2 * f, t)
            for k in range(n + (-n) % AT_ONCE):
                t[k] *= d[k]
            add_rows(found, 3 * f, t, B, n)
            length = gain / inner(found, 2 * f, found, 3 * f, f)
            add_scaled(found, 0, length, found, 2 * f, f)
            value -= float(length * gain)  # f falls by that much
            if s + 1 == steps:
                break
            add_scaled(found, f, -length, found, 3 * f, f)
            before, gain = gain, np.float32(0)
            for k in range(f):
                product[k] = residual[k] / scale[k]
                gain += product[k] * residual[k]
            ratio = gain / before
            for k in range(f):
                direction[k] = product[k] + ratio * direction[k]
        set_scaled(X, u * f, np.float32(1), found, 0, f)
        loss += value
        norms += float(penalty * inner(found, 0, found, 0, f))
    return loss, norms


@_compiled
def blockwise(
    first: int, last: int, indptr: Ints, indices: Columns, r: Floats, step: int, Y: Floats, G: Floats,
    regularization: float, power: float, others: int, X: Floats, block: int,
) -> tuple[float, float]:  # fmt: skip
    """Better factors, exact in ``block`` coordinates at a time (a multiple of LANES); as :func:`exact` otherwise."""
    f, most = Y.shape[1], 0
    for u in range(first, last):
        most = max(most, indptr[u + 1] - indptr[u])
    H, B, vectors, fits = room(f, f), room(GATHERED, f), room(5, f), np.empty(most, np.float32)
    x, image, slope, change, inverse = vectors[0], vectors[1], vectors[2], vectors[3], vectors[4]
    loss, norms = 0.0, 0.0
    for u in range(first, last):
        begin, end = indptr[u], indptr[u + 1]
        if begin == end:
            X[u] = np.float32(0)
            continue
        penalty = weight(_total(r, step, begin, end), others, regularization, power)
        set_scaled(vectors, 0, np.float32(1), X, u * f, f)
        for k in range(f):  # image = (G + lambda_u I) x
            image[k] = inner(G, k * f, vectors, 0, f) + penalty * x[k]
        value = float(inner(vectors, 0, vectors, f, f))
        for e in range(begin, end):
            d = r[e * step]
            t = inner(Y, indices[e] * f, vectors, 0, f)
            fits[e - begin] = t
            value += t * (abs(d) * t - np.float32(2) * (np.float32(1) + d if d > 0 else np.float32(0)))
        for low in range(0, f, block):
            high = min(low + block, f)
            slope[:] = np.float32(0)
            slope[low:high] = image[low:high]
            for at in range(begin, end, GATHERED):
                stop = min(at + GATHERED, end)
                for e in range(at, stop):
                    d, row = r[e * step], (e - at) * f + low
                    set_scaled(B, row, np.sqrt(abs(d)), Y, indices[e] * f + low, high - low)
                    miss = abs(d) * fits[e - begin] - (np.float32(1) + d if d > 0 else np.float32(0))
                    add_scaled(slope, low, miss, Y, indices[e] * f + low, high - low)
                add_products(H, G if at == begin else H, B, stop - at, low, high)
            ridge = penalty
            for k in range(low, high):
                ridge = max(ridge, RIDGE * H[k, k])
            for k in range(low, high):
                H[k, k] += ridge
            factored(H, inverse, low, high)
            value -= _stepped(H, inverse, slope, change, image, x, G, penalty, low, high)
            value -= float((ridge - penalty) * inner(vectors, 3 * f + low, vectors, 3 * f + low, high - low))
            for e in range(begin, end):
                fits[e - begin] -= inner(Y, indices[e] * f + low, change, low, high - low)
        set_scaled(X, u * f, np.float32(1), vectors, 0, f)
        loss += value
        norms += float(penalty * inner(vectors, 0, vectors, 0, f))
    return loss, norms


@_compiled
def _stepped(
    H: Floats, inverse: Floats, slope: Floats, change: Floats, image: Floats, x: Floats, G: Floats,
    penalty: Number, low: int, high: int,
) -> float:  # fmt: skip
    """One Newton step in a block of coordinates; how much lower f is."""
    f = len(x)
    kept = slope[low:high].copy()
    solved(H, inverse, slope, change, low, high)
    fall = 0.0
    for k in range(low, high):
        fall += kept[k - low] * change[k]
        x[k] -= change[k]
        image[k] -= penalty * change[k]
        add_scaled(image, 0, -change[k], G, k * f, f)
    return fall


@_compiled
def gram(Y: Floats, first: int, last: int) -> Doubles:
    """Y'Y over rows ``first`` up to ``last``, upper triangle, shape (f, f); summed in double precision every few."""
    f = Y.shape[1]
    total, part, nothing = np.zeros((f, f)), room(f, f), room(f, f)
    nothing[:] = np.float32(0)
    for at in range(first, last, GATHERED):
        stop = min(at + GATHERED, last)
        add_products(part, nothing, Y[at:stop], stop - at, 0, f)
        for i in range(f):
            for j in range(i, f):
                total[i, j] += part[i, j]
    return total


@_compiled
def penalty(
    indptr: Ints, r: Floats, step: int, regularization: float, power: float, others: int, X: Floats
) -> float:  # fmt: skip
    """Sum of lambda_u |x_u|^2 over all rows."""
    f, total = X.shape[1], 0.0
    for u in range(len(indptr) - 1):
        confidence = _total(r, step, indptr[u], indptr[u + 1])
        squared = 0.0
        for k in range(f):
            squared += X[u, k] * X[u, k]
        total += float(weight(confidence, others, regularization, power) * squared)
    return total


@_compiled
def misses(
    first: int, last: int, indptr: Ints, indices: Columns, r: Floats, step: int, X: Floats, Y: Floats, G: Doubles
) -> tuple[float, float]:  # fmt: skip
    """Of some rows the sums of (x_u'y_i)^2 over all i, and of c_ui (p_ui - x_u'y_i)^2 - (x_u'y_i)^2 over entries."""
    f, everywhere, here = X.shape[1], 0.0, 0.0
    for u in range(first, last):
        for i in range(f):
            image = 0.0
            for j in range(f):
                image += G[i, j] * X[u, j]
            everywhere += image * X[u, i]
        for e in range(indptr[u], indptr[u + 1]):
            d, t = r[e * step], 0.0
            for k in range(f):
                t += X[u, k] * Y[indices[e], k]
            p = 1.0 if d > 0 else 0.0
            here += (1 + abs(d)) * (p - t) ** 2 - t**2
    return everywhere, here


@_compiled
def wanted(r: Floats, step: int, entries: int) -> float:
    """The constant of the loss: confidence of all entries that were wanted."""
    if step == 0:
        return float(entries * (1.0 + r[0])) if r[0] > 0 else 0.0
    total = 0.0
    for d in r:
        total += 1.0 + d if d > 0 else 0.0
    return total


@_compiled
def diagonal(S: Doubles, sweeps: int) -> tuple[Doubles, Doubles]:
    """Eigenvalues and eigenvectors of a symmetric matrix by Jacobi's rotations (Golub and Van Loan, section 8.5).

    Returns:
        The matrix after the rotations, whose diagonal has the eigenvalues, and the rotation Q: S Q = Q diag.
    """
    f = len(S)
    A, Q = S.copy(), np.eye(f)
    for _ in range(sweeps):
        outside, inside = 0.0, 0.0
        for p in range(f):
            inside += A[p, p] ** 2
            for q in range(p + 1, f):
                outside += 2 * A[p, q] ** 2
        if outside <= 1e-18 * inside:
            break
        for p in range(f - 1):
            for q in range(p + 1, f):
                if A[p, q] != 0.0:
                    _rotate(A, Q, p, q)
    return A, Q.T.copy()


@_compiled
def _rotate(A: Doubles, Q: Doubles, p: int, q: int) -> None:
    """Make A[p, q] zero; Q is kept transposed while it is made."""
    theta = (A[q, q] - A[p, p]) / (2 * A[p, q])
    t = (1.0 if theta >= 0 else -1.0) / (abs(theta) + np.sqrt(theta * theta + 1))
    c = 1 / np.sqrt(t * t + 1)
    s = t * c
    for k in range(len(A)):
        a, b = A[k, p], A[k, q]
        A[k, p], A[k, q] = c * a - s * b, s * a + c * b
    for k in range(len(A)):
        a, b = A[p, k], A[q, k]
        A[p, k], A[q, k] = c * a - s * b, s * a + c * b
        a, b = Q[p, k], Q[q, k]
        Q[p, k], Q[q, k] = c * a - s * b, s * a + c * b


@_compiled
def turned(indptr: Ints, indices: Columns, r: Floats, step: int, columns: int) -> tuple[Ints, Columns, Floats]:
    """The transpose: indptr of shape (n + 1,), rows ascending within a column, strengths (as they are with step 0)."""
    starts = np.zeros(columns + 1, np.int64)
    for c in indices:
        starts[c + 1] += 1
    for c in range(columns):
        starts[c + 1] += starts[c]
    at = starts[:-1].copy()
    rows = np.empty(len(indices), np.int32)
    strengths = np.empty(len(r), np.float32)
    strengths[:] = r
    for u in range(len(indptr) - 1):
        for e in range(indptr[u], indptr[u + 1]):
            c = indices[e]
            rows[at[c]] = u
            if step:
                strengths[at[c]] = r[e]
            at[c] += 1
    return starts, rows, strengths
