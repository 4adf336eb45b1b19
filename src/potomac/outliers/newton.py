"""Newton's method for the logistic regressions of many cells, compiled (see ``logistic.fit_cells``).

The rows of a cell are laid in blocks that stay near the processor, a variable a line, so that each loop runs along
memory and takes several rows at once: block[0] is y, block[j] the feature j. A large cell starts from the answer of a
thinned part of its rows, which is laid first; all its rows then need three or four steps instead of nine. In beta,
score and information index 0 is the intercept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["count", "fit_range", "lay"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_STEPS = 100  # Newton needs 5 to 8, and up to 40 for separated cells under a tiny ridge
_PIVOT = 1e-13  # a pivot this small beside the most it can be is rounding: dependent columns, or separated rows
_ROUNDING = 1e-13  # how far two evaluations of one loss may differ
_SETTLED = 1e-14  # standard errors are those before the last step: right within the root of this
_BLOCK = 256  # rows that stay in the processor's nearest memory together; a power of 2, as is the next
_BITS = 4
_THIN = 1 << _BITS  # a large cell starts from the answer of one row in so many
_ROUGH = 1e-3  # tolerance of that start, which is off by chance far more
# infinities and NaN keep their rules; nobody asks whether a divisor is 0
_compiled = compiled(nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})


@_compiled
def count(cell: Ints, first: int, last: int, held: Ints) -> bool:
    """Add to ``held`` how many of the rows lie in each cell; False where one lies in none."""
    for i in range(first, last):
        if not 0 <= cell[i] < len(held):
            return False
        held[cell[i]] += 1
    return True


@_compiled
def lay(x: Floats, y: Floats, cell: Ints, edges: Ints, first: int, last: int, place: Ints, laid: Floats) -> None:
    """Lay rows into the blocks of their cells; ``place`` counts those of each cell."""
    q = x.shape[1] + 1
    for row in range(first, last):
        c = cell[row]
        n = edges[c + 1] - edges[c]
        at = _position(place[c], n)
        place[c] += 1
        begin = at & -_BLOCK
        m = min(_BLOCK, n - begin)
        to = (edges[c] + begin) * q + at - begin
        laid[to] = y[row]
        for j in range(1, q):
            laid[to + j * m] = x[row, j - 1]


@_compiled
def _position(at: int, n: int) -> int:
    """Where the row ``at`` of n is laid: every ``_THIN``-th comes first, so that whole blocks hold them."""
    thinned = _thinned(n)
    if at & (_THIN - 1) == 0 and at < thinned * _THIN:
        return at >> _BITS
    return thinned + at - min((at + _THIN - 1) >> _BITS, thinned)


@_compiled
def _thinned(n: int) -> int:
    """How many rows of n the start is found from: whole blocks, none of a small cell."""
    return (n >> _BITS) & -_BLOCK


@_compiled
def _block(laid: Floats, first: int, n: int, q: int) -> Floats:
    """The block that begins with row ``first`` of a cell of n rows, shape (q, rows)."""
    return laid[first * q : min(first + _BLOCK, n) * q].reshape(q, -1)


@_compiled
def fit_range(
    laid: Floats, edges: Ints, ridge: float, tolerance: float, first: int, last: int,
    coefficients: Floats, errors: Floats, converged: Bools, steps: Ints, real: Ints, sound: Bools,
) -> None:  # fmt: skip
    """Fit the cells from ``first`` to ``last``; ``sound`` is False where a cell holds what cannot be fitted."""
    q = coefficients.shape[1]
    work, sums, factor = np.zeros((q + 4, _BLOCK)), np.empty((q, q + 4)), np.empty((q, q))
    beta, centre, least, v = np.empty(q), np.empty(q), np.empty(q), np.empty(q)
    for c in range(first, last):
        n = edges[c + 1] - edges[c]
        mine = laid[edges[c] * q : edges[c + 1] * q]
        _centre(mine, n, centre)
        real[c], sound[c] = _less_centre(mine, n, centre, ridge, least)
        if not sound[c] or real[c] == 0 or real[c] == n:
            continue  # a cell without reals or without fakes has no regression
        if _started(mine, n, ridge, least, work, sums, beta, factor):
            converged[c], steps[c] = _newton(mine, n, ridge, tolerance, least, work, sums, beta, factor)
        if not converged[c]:
            _without_slopes(real[c], n, beta)
            converged[c], steps[c] = _newton(mine, n, ridge, tolerance, least, work, sums, beta, factor)
        coefficients[c] = beta
        for j in range(1, q):
            coefficients[c, 0] -= centre[j] * beta[j]
        if not converged[c]:
            _evaluate(mine, n, beta, ridge, work, sums, v, factor)
        if converged[c] or _factorised(factor, least):
            _standard_errors(factor, centre, v, errors[c])


@_compiled
def _centre(laid: Floats, n: int, centre: Floats) -> None:
    """Means of the features over the rows that come first, near enough to all rows' to keep the digits."""
    rows = _thinned(n) or n
    centre[:] = 0.0
    for first in range(0, rows, _BLOCK):
        block = _block(laid, first, rows, len(centre))
        for j in range(1, len(centre)):
            centre[j] += _sum(block[j])
    for j in range(len(centre)):
        centre[j] /= rows


@_compiled
def _less_centre(laid: Floats, n: int, centre: Floats, ridge: float, least: Floats) -> tuple[int, bool]:
    """Centre the features; how many rows are real, and whether no y is other than 0 or 1 and no feature infinite.

    Also the least pivots: weights are at most 1/4, so no pivot exceeds 1/4 x'x.
    """
    real, flaw = 0.0, 0.0
    least[:] = 0.0
    for first in range(0, n, _BLOCK):
        block = _block(laid, first, n, len(centre))
        real += _sum(block[0])
        for y in block[0]:
            flaw += abs(y * (1.0 - y))
        for j in range(1, len(centre)):
            least[j] += _shifted(block[j], centre[j])
    least[0] = n
    for j in range(len(least)):
        least[j] = _PIVOT * (0.25 * least[j] + (ridge if j else 0.0))
    return int(real) if flaw == 0.0 else 0, flaw == 0.0 and np.isfinite(least.sum())


@_compiled
def _shifted(u: Floats, by: float) -> float:
    """Subtract a number from u, in place; the square of what is left."""
    square = 0.0
    for i in range(len(u)):
        u[i] -= by
        square += u[i] * u[i]
    return square


@_compiled
def _started(
    laid: Floats, n: int, ridge: float, least: Floats, work: Floats, sums: Floats, beta: Floats, factor: Floats
) -> bool:
    """Whether ``beta`` is the optimum of the rows that come first: from there few steps see all rows."""
    rows, real = _thinned(n), 0.0
    for first in range(0, rows, _BLOCK):
        real += _sum(_block(laid, first, rows, len(beta))[0])
    if real == 0.0 or real == rows:
        return False
    _without_slopes(real, rows, beta)
    share = rows / n
    return bool(_newton(laid, rows, share * ridge, _ROUGH, share * least, work, sums, beta, factor)[0])


@_compiled
def _without_slopes(real: float, n: int, beta: Floats) -> None:
    beta[:] = 0.0
    beta[0] = np.log(real / (n - real))


@_compiled
def _newton(
    laid: Floats, n: int, ridge: float, tolerance: float, least: Floats,
    work: Floats, sums: Floats, beta: Floats, factor: Floats,
) -> tuple[bool, int]:  # fmt: skip
    """Move ``beta`` to the minimum; whether it was reached, and in how many steps.

    Each step squares the error, so the last two tell how much the next would gain.
    """
    score, step, trial, last = np.empty(len(beta)), np.empty(len(beta)), np.empty(len(beta)), 0.0
    loss = _evaluate(laid, n, beta, ridge, work, sums, score, factor)
    for taken in range(1, _STEPS + 1):
        if not _factorised(factor, least):
            return False, taken - 1
        step[:] = score
        fall = _solve(factor, step)  # twice the decrease that the step promises
        ahead = fall if taken == 1 else fall * (fall / last) ** 2
        if ahead <= tolerance * tolerance * n and fall <= _SETTLED * n:
            for j in range(len(beta)):
                beta[j] += step[j]
            return True, taken
        size, last = 1.0, fall
        while True:  # halve the step where Newton overshoots
            for j in range(len(beta)):
                trial[j] = beta[j] + size * step[j]
            new = _evaluate(laid, n, trial, ridge, work, sums, score, factor)
            if new <= loss * (1.0 + _ROUNDING):
                break
            size *= 0.5
            if not size > 1e-6:  # something is not finite
                return False, taken - 1
        beta[:] = trial
        loss = new
    return False, _STEPS


@_compiled
def _evaluate(
    laid: Floats, n: int, beta: Floats, ridge: float, work: Floats, sums: Floats, score: Floats, information: Floats
) -> float:
    """The penalised negative log-likelihood, its falling gradient and the lower triangle of its Hessian."""
    q = len(beta)
    sums[:] = 0.0
    loss, rest, weight = 0.0, 0.0, 0.0
    for first in range(0, n, _BLOCK):
        block = _block(laid, first, n, q)
        loss += _likelihood(block, beta, work[2], work[0], work[1])
        m = block.shape[1]
        rest += _sum(work[0, :m])
        weight += _sum(work[1, :m])
        _add_products(block, work, sums)
    score[0], information[0, 0] = rest, weight
    for j in range(1, q):
        loss += 0.5 * ridge * beta[j] * beta[j]
        score[j] = sums[j, 0] - ridge * beta[j]
        for k in range(j + 1):
            information[j, k] = sums[j, k + 1]
        information[j, j] += ridge
    return float(loss)


@_compiled
def _likelihood(block: Floats, beta: Floats, eta: Floats, rest: Floats, weight: Floats) -> float:
    """The negative log-likelihood of a block; also y - mu into ``rest`` and mu (1 - mu) into ``weight``."""
    m = block.shape[1]
    for i in range(m):
        eta[i] = beta[0]
    for j in range(1, len(beta)):
        for i in range(m):
            eta[i] += beta[j] * block[j, i]
    total, product = 0.0, 1.0
    for i in range(m):
        y = block[0, i]
        e = _exp(-abs(eta[i]))  # neither end overflows
        d = 1.0 / (1.0 + e)
        positive = eta[i] >= 0.0
        rest[i] = y - (d if positive else e * d)
        weight[i] = e * d * d
        total += (eta[i] if positive else 0.0) - y * eta[i]
        product *= 1.0 + e  # log(1 + e) of all rows at once: at most 2 ** _BLOCK
    return float(total + np.log(product))


@compiled(nogil=True, fastmath={"contract"}, forceinline=True)  # the order of the sums is what makes it exact
def _exp(x: float) -> float:
    """The exponential of x <= 0 within two units of the last digit, without branches, so that several go at once.

    e ** x = 2 ** k e ** r, where k is the whole number nearest to x / log 2, and e ** r its series. Ends at e ** -708.
    """
    x = x if x > -708.0 else -708.0
    shifted = x * 1.4426950408889634 + 6755399441055744.0  # + 1.5 * 2 ** 52: the last bits are k
    k = shifted - 6755399441055744.0
    r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10  # log 2 in two parts
    series = 1.0 / 479001600.0 + r * (1.0 / 6227020800.0)  # 1 / 12! + r / 13!
    series = 1.0 / 3628800.0 + r * (1.0 / 39916800.0 + r * series)
    series = 1.0 / 40320.0 + r * (1.0 / 362880.0 + r * series)
    series = 1.0 / 720.0 + r * (1.0 / 5040.0 + r * series)
    series = 1.0 / 24.0 + r * (1.0 / 120.0 + r * series)
    series = 1.0 / 2.0 + r * (1.0 / 6.0 + r * series)
    series = 1.0 + r * (1.0 + r * series)
    power = (np.float64(shifted).view(np.int64) + 1023) << 52  # the bits of 2 ** k
    return float(series * np.int64(power).view(np.float64))


@_compiled
def _add_products(block: Floats, work: Floats, sums: Floats) -> None:
    """Add X'(y - mu) and the lower triangle of X'WX to columns 0 and 1 to q of ``sums``; row 0 is left to others.

    ``work`` holds y - mu, the weights, and then the weighted features, filled in here.
    """
    for j in range(1, len(block)):
        for i in range(block.shape[1]):
            work[j + 1, i] = work[1, i] * block[j, i]
    for j in range(len(block) - 1, 0, -2):
        for k in range(0, j + 2, 4):
            _add_tile(block, work, j - 1, k, sums)


@_compiled
def _add_tile(u: Floats, v: Floats, j: int, k: int, sums: Floats) -> None:
    """Add products of two lines of u and four of v, together, so that each number read is used more than once."""
    a = b = c = d = e = f = g = h = 0.0
    for i in range(u.shape[1]):
        a += u[j, i] * v[k, i]
        b += u[j, i] * v[k + 1, i]
        c += u[j, i] * v[k + 2, i]
        d += u[j, i] * v[k + 3, i]
        e += u[j + 1, i] * v[k, i]
        f += u[j + 1, i] * v[k + 1, i]
        g += u[j + 1, i] * v[k + 2, i]
        h += u[j + 1, i] * v[k + 3, i]
    for at, (upper, lower) in enumerate(((a, e), (b, f), (c, g), (d, h))):
        sums[j, k + at] += upper
        sums[j + 1, k + at] += lower


@_compiled
def _sum(u: Floats) -> float:
    total = 0.0
    for i in range(len(u)):
        total += u[i]
    return total


@_compiled
def _factorised(a: Floats, least: Floats) -> bool:
    """Cholesky's factor in place of the lower triangle; False where the matrix is singular or not finite."""
    for j in range(a.shape[0]):
        pivot = a[j, j]
        for k in range(j):
            pivot -= a[j, k] * a[j, k]
        if not least[j] < pivot < np.inf:
            return False
        a[j, j] = np.sqrt(pivot)
        for i in range(j + 1, a.shape[0]):
            below = a[i, j]
            for k in range(j):
                below -= a[i, k] * a[j, k]
            a[i, j] = below / a[j, j]
    return True


@_compiled
def _forward(factor: Floats, b: Floats) -> float:
    """Solve L u = b in place; the square of u."""
    square = 0.0
    for j in range(len(b)):
        for k in range(j):
            b[j] -= factor[j, k] * b[k]
        b[j] /= factor[j, j]
        square += b[j] * b[j]
    return square


@_compiled
def _solve(factor: Floats, b: Floats) -> float:
    """Solve L L' u = b in place; b' u."""
    square = _forward(factor, b)
    for j in range(len(b) - 1, -1, -1):
        for k in range(j + 1, len(b)):
            b[j] -= factor[k, j] * b[k]
        b[j] /= factor[j, j]
    return square


@_compiled
def _standard_errors(factor: Floats, centre: Floats, v: Floats, errors: Floats) -> None:
    """Roots of v' (L L')^-1 v; v is a unit vector for a slope, (1, -centre) for the intercept before centring."""
    for j in range(len(errors)):
        for k in range(len(v)):
            v[k] = 0.0
        v[j] = 1.0
        if j == 0:
            for k in range(1, len(v)):
                v[k] = -centre[k]
        errors[j] = np.sqrt(_forward(factor, v))
