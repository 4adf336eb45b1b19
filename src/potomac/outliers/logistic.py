"""Logistic regression of many cells at once: the method as it was asked for, open to check.

Each cell has its own regression of real (1) against fake (0), fitted by Newton's method (iteratively reweighted
least squares: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., 4.4.1) with a ridge
penalty on all but the intercept. Cells share nothing, so a compiled loop goes through them, a range of cells a thread.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

from potomac.stats.compiled import compiled

__all__ = ["CellRegressions", "corrected_log_odds", "fit_cells", "probability"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_STEPS = 100  # Newton needs 5 to 8, and up to 40 for separated cells under a tiny ridge
_PIVOT = 1e-13  # a pivot this small beside the most it can be is rounding: dependent columns, or separated rows
_ROUNDING = 1e-13  # how far two evaluations of one loss may differ
_compiled = compiled(nogil=True, fastmath={"reassoc", "contract"})  # infinities and NaN keep their rules


@dataclass(frozen=True)
class CellRegressions:
    """The fitted regressions of m cells with p features.

    Attributes:
        coefficients: intercept first, shape (m, p + 1), on the features as given; 0 where a cell lacks reals or fakes.
        standard_errors: from the inverse of the penalised information, same shape; NaN where it is singular.
        converged: shape (m,); False too where a cell lacks reals or fakes.
        steps: Newton steps taken, shape (m,).
        real: real rows a cell, shape (m,).
        fake: fake rows a cell, shape (m,).
    """

    coefficients: Floats
    standard_errors: Floats
    converged: npt.NDArray[np.bool_]
    steps: Ints
    real: Ints
    fake: Ints

    def log_odds(self, features: Floats, cell: Ints) -> Floats:
        """Log odds of being real as the design has them (see ``corrected_log_odds``), shape (n,).

        NaN where ``cell`` is -1 or a cell lacks reals or fakes.
        """
        known = (cell >= 0) & (np.minimum(self.real, self.fake)[cell] > 0)
        beta = self.coefficients[cell]
        return np.where(known, beta[:, 0] + np.einsum("ij,ij->i", features, beta[:, 1:]), np.nan)


def fit_cells(
    features: Floats, real: npt.ArrayLike, cell: Ints, cells: int, *, ridge: float = 1.0, tolerance: float = 1e-8
) -> CellRegressions:
    """Fit one penalised logistic regression a cell.

    Minimises, in each cell, the negative log-likelihood plus ``ridge`` / 2 times the squared coefficients without the
    intercept; this is scikit-learn's ``LogisticRegression(C=1/ridge)``. The result does not depend on the number of
    threads, nor on the order of cells.

    Args:
        features: shape (n, p), finite. They are centred in each cell, so that times in seconds lose no digits.
        real: 1 for real rows and 0 for fakes, shape (n,).
        cell: cell of each row, 0 <= cell < ``cells``, shape (n,).
        cells: number of cells m.
        ridge: weight of the penalty, >= 0. With 0 a separated cell has no finite solution and does not converge.
        tolerance: Newton stops when its step would lower the penalised likelihood by less than half the square of
            this for each row.

    Raises:
        ValueError: shapes do not fit, a feature is not finite, ``real`` is not 0 or 1, a cell is out of range, or
            ``ridge`` is negative.
    """
    x, y, cell = np.ascontiguousarray(features, float), np.asarray(real, float), np.asarray(cell, np.int64)
    _check(x, y, cell, cells, ridge)
    order = np.argsort(cell, kind="stable")
    edges = np.searchsorted(cell[order], np.arange(cells + 1)).astype(np.int64)
    x, y, cell = x[order], y[order], cell[order]
    fitted = CellRegressions(
        coefficients=np.zeros((cells, x.shape[1] + 1)),
        standard_errors=np.full((cells, x.shape[1] + 1), np.nan),
        converged=np.zeros(cells, np.bool_),
        steps=np.zeros(cells, np.int64),
        real=np.bincount(cell, weights=y, minlength=cells).astype(np.int64),
        fake=np.bincount(cell, weights=1 - y, minlength=cells).astype(np.int64),
    )

    def work(span: tuple[int, int]) -> None:
        first, last = span
        _fit_range(
            x, y, edges, float(ridge), float(tolerance), first, last,
            fitted.coefficients, fitted.standard_errors, fitted.converged, fitted.steps,
        )  # fmt: skip

    with ThreadPoolExecutor(get_num_threads()) as threads:
        list(threads.map(work, _spans(edges, 4 * get_num_threads())))
    return fitted


def _check(x: Floats, y: Floats, cell: Ints, cells: int, ridge: float) -> None:
    if x.ndim != 2 or y.shape != x.shape[:1] or cell.shape != y.shape:
        raise ValueError(f"features {x.shape}, real {y.shape} and cell {cell.shape} must share their first dimension")
    if not np.isfinite(x).all():
        raise ValueError("features hold NaN or infinities; every value must be finite")
    if not ((y == 0) | (y == 1)).all():
        raise ValueError("real must be 0 or 1 in every row")
    if len(cell) and not 0 <= cell.min() <= cell.max() < cells:
        raise ValueError(f"cells run from {cell.min()} to {cell.max()}; they must lie from 0 to {cells - 1}")
    if not 0 <= ridge < np.inf:
        raise ValueError(f"ridge is {ridge}; it must be finite and not negative")


def _spans(edges: Ints, parts: int) -> list[tuple[int, int]]:
    """Ranges of cells that hold about equally many rows."""
    ends = np.searchsorted(edges, np.linspace(0, edges[-1], parts + 1)[1:-1])
    cuts = np.unique(np.concatenate([[0], ends, [len(edges) - 1]]))
    return [(int(a), int(b)) for a, b in pairwise(cuts)]


def corrected_log_odds(log_odds: Floats, real: npt.ArrayLike, fake: npt.ArrayLike) -> Floats:
    """Log odds as one fake a real row would give them: the log ratio of the two densities; NaN where one is missing.

    Sampling by outcome shifts only the intercept, by the log of the sampling ratio (Prentice and Pyke 1979).

    Args:
        log_odds: as the design has them, any shape.
        real: real rows that the regression saw, same shape or broadcast.
        fake: fake rows that it saw.
    """
    n_real, n_fake = np.asarray(real, float), np.asarray(fake, float)
    both = (n_real > 0) & (n_fake > 0)
    ratio = np.divide(n_real, n_fake, out=np.full(both.shape, np.nan), where=both)
    return np.asarray(log_odds - np.log(ratio))


def probability(log_odds: npt.ArrayLike, prevalence: float) -> Floats:
    """Probability of being real, from log odds under one fake a real and the share of rows that are real.

    The case-control correction: logit p = log odds + logit(prevalence) (Prentice and Pyke 1979; King and Zeng 2001).

    Args:
        log_odds: log ratio of the densities of real and fake rows, any shape.
        prevalence: share of all rows in the field that are real, 0 < prevalence < 1.

    Raises:
        ValueError: ``prevalence`` is not between 0 and 1.
    """
    if not 0.0 < prevalence < 1.0:
        raise ValueError(f"prevalence is {prevalence}; it is the share of rows that are real, between 0 and 1")
    logit = np.asarray(log_odds, float) + np.log(prevalence) - np.log1p(-prevalence)
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logit)))  # the logistic function without overflow


# One cell at a time, compiled. A cell's features are centred and stored a feature a row, xt (p, n): each loop below
# then runs along memory. Index 0 of beta, score and information is the intercept.


@_compiled
def _fit_range(
    x: Floats, y: Floats, edges: Ints, ridge: float, tolerance: float, first: int, last: int,
    coefficients: Floats, errors: Floats, converged: npt.NDArray[np.bool_], steps: Ints,
) -> None:  # fmt: skip
    q = x.shape[1] + 1
    longest = np.max(edges[first + 1 : last + 1] - edges[first:last])
    xt, eta, rest, weight = np.empty((q - 1, longest)), np.empty(longest), np.empty(longest), np.empty(longest)
    beta, trial, least, factor, mean = np.empty(q), np.empty(q), np.empty(q), np.empty((q, q)), np.empty(q - 1)
    for c in range(first, last):
        a, n = edges[c], edges[c + 1] - edges[c]
        yc = y[a : a + n]
        n_real = yc.sum()
        if n_real == 0.0 or n_real == n:
            continue  # a cell without reals or without fakes has no regression
        _centre(x[a : a + n], ridge, xt, mean, least)
        beta[:] = 0.0
        beta[0] = np.log(n_real / (n - n_real))
        converged[c], steps[c] = _newton(xt, yc, ridge, tolerance, least, beta, trial, eta, rest, weight, factor)
        coefficients[c] = beta
        for j in range(q - 1):
            coefficients[c, 0] -= mean[j] * beta[j + 1]
        _loss(xt, yc, beta, ridge, eta, rest, weight)
        _score_and_information(xt, n, beta, ridge, rest, weight, eta, trial, factor)
        if _factorised(factor, least):
            _standard_errors(factor, mean, trial, errors[c])


@_compiled
def _newton(
    xt: Floats, y: Floats, ridge: float, tolerance: float, least: Floats,
    beta: Floats, trial: Floats, eta: Floats, rest: Floats, weight: Floats, factor: Floats,
) -> tuple[bool, int]:  # fmt: skip
    """Move ``beta`` to the minimum; whether it was reached, and in how many steps."""
    n = len(y)
    score = np.empty(len(beta))
    loss = _loss(xt, y, beta, ridge, eta, rest, weight)
    for step in range(1, _STEPS + 1):
        _score_and_information(xt, n, beta, ridge, rest, weight, eta, score, factor)
        if not _factorised(factor, least):
            return False, step - 1
        fall = _solve(factor, score)  # score is now the step, fall twice the decrease it promises
        size = 1.0
        while True:  # halve the step where Newton overshoots
            for j in range(len(beta)):
                trial[j] = beta[j] + size * score[j]
            new = _loss(xt, y, trial, ridge, eta, rest, weight)
            if new <= loss * (1.0 + _ROUNDING):
                break
            size *= 0.5
            if not size > 1e-6:  # something is not finite
                return False, step - 1
        beta[:] = trial
        loss = new
        if fall <= tolerance * tolerance * n:
            return True, step
    return False, _STEPS


@_compiled
def _centre(x: Floats, ridge: float, xt: Floats, mean: Floats, least: Floats) -> None:
    """Centred features, their means, and the least pivots: weights are at most 1/4, so no pivot exceeds 1/4 x'x."""
    n = x.shape[0]
    least[0] = _PIVOT * 0.25 * n
    for j in range(x.shape[1]):
        total = 0.0
        for i in range(n):
            total += x[i, j]
        mean[j] = total / n
        for i in range(n):
            xt[j, i] = x[i, j] - mean[j]
        least[j + 1] = _PIVOT * (0.25 * _dot(xt[j], xt[j], n) + ridge)


@_compiled
def _loss(xt: Floats, y: Floats, beta: Floats, ridge: float, eta: Floats, rest: Floats, weight: Floats) -> float:
    """The penalised negative log-likelihood; also y - mu into ``rest`` and mu (1 - mu) into ``weight``."""
    n = len(y)
    for i in range(n):
        eta[i] = beta[0]
    penalty = 0.0
    for j in range(xt.shape[0]):
        b = beta[j + 1]
        penalty += b * b
        for i in range(n):
            eta[i] += b * xt[j, i]
    total, product = 0.5 * ridge * penalty, 1.0
    for i in range(n):
        e = np.exp(-abs(eta[i]))  # neither end overflows
        d = 1.0 / (1.0 + e)
        positive = eta[i] >= 0.0
        rest[i] = y[i] - (d if positive else e * d)
        weight[i] = e * d * d
        total += (eta[i] if positive else 0.0) - y[i] * eta[i]
        product *= 1.0 + e  # log(1 + e) of 64 rows at once: at most 2 ** 64
        if i % 64 == 63:
            total += np.log(product)
            product = 1.0
    return float(total + np.log(product))


@_compiled
def _score_and_information(
    xt: Floats, n: int, beta: Floats, ridge: float, rest: Floats, weight: Floats, work: Floats,
    score: Floats, information: Floats,
) -> None:  # fmt: skip
    """Gradient and the lower triangle of the Hessian of the penalised log-likelihood; ``work`` is overwritten."""
    score[0], information[0, 0] = _sum(rest, n), _sum(weight, n)
    for j in range(1, len(beta)):
        for i in range(n):
            work[i] = weight[i] * xt[j - 1, i]
        score[j] = _dot(rest, xt[j - 1], n) - ridge * beta[j]
        information[j, 0] = _sum(work, n)
        for k in range(1, j + 1):
            information[j, k] = _dot(work, xt[k - 1], n)
        information[j, j] += ridge


@_compiled
def _sum(u: Floats, n: int) -> float:
    total = 0.0
    for i in range(n):
        total += u[i]
    return total


@_compiled
def _dot(u: Floats, v: Floats, n: int) -> float:
    total = 0.0
    for i in range(n):
        total += u[i] * v[i]
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
def _standard_errors(factor: Floats, mean: Floats, v: Floats, errors: Floats) -> None:
    """Roots of v' (L L')^-1 v; v is a unit vector for a slope, (1, -mean) for the intercept before centring."""
    for j in range(len(errors)):
        for k in range(len(v)):
            v[k] = 0.0
        v[j] = 1.0
        if j == 0:
            for k in range(len(mean)):
                v[k + 1] = -mean[k]
        errors[j] = np.sqrt(_forward(factor, v))
