"""Logistic regression of many cells at once: the method as it was asked for, open to check.

Each cell has its own regression of real (1) against fake (0). All cells are fitted together by Newton's method
(iteratively reweighted least squares: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning,
2nd ed., 4.4.1) in one compiled loop over cells, with a ridge penalty on all but the intercept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit, prange

__all__ = ["CellRegressions", "corrected_log_odds", "fit_cells", "probability"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CellRegressions:
    """The fitted regressions of m cells with p features.

    Attributes:
        coefficients: intercept first, shape (m, p + 1), on the features as given.
        standard_errors: from the inverse of the penalised information, same shape; NaN where it is singular.
        converged: shape (m,).
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
        """Log odds of being real, shape (n,), as the design's own (see ``corrected_log_odds``)."""
        beta = self.coefficients[cell]
        return np.asarray(beta[:, 0] + np.einsum("ij,ij->i", features, beta[:, 1:]))


def fit_cells(
    features: Floats, real: npt.ArrayLike, cell: Ints, cells: int, *, ridge: float = 1.0, tolerance: float = 1e-8
) -> CellRegressions:
    """Fit one penalised logistic regression a cell.

    Minimises, in each cell, the negative log-likelihood plus ``ridge`` / 2 times the squared coefficients without the
    intercept; this is scikit-learn's ``LogisticRegression(C=1/ridge)``.

    Args:
        features: shape (n, p).
        real: 1 for real rows and 0 for fakes, shape (n,).
        cell: cell of each row, 0 <= cell < ``cells``, shape (n,).
        cells: number of cells m.
        ridge: weight of the penalty, >= 0.
        tolerance: largest change of the penalised likelihood per row, relative, at which Newton stops.

    Raises:
        ValueError: shapes do not fit.
    """
    x, y = np.ascontiguousarray(features, float), np.asarray(real, float)
    if x.ndim != 2 or y.shape != x.shape[:1] or cell.shape != y.shape:
        raise ValueError(f"features {x.shape}, real {y.shape} and cell {cell.shape} must share their first dimension")
    order = np.argsort(cell, kind="stable")
    edges = np.searchsorted(cell[order], np.arange(cells + 1))
    beta, errors, converged, steps = _newton(x[order], y[order], edges, float(ridge), tolerance)
    n_real = np.bincount(cell, weights=y, minlength=cells).astype(np.int64)
    n_fake = np.diff(edges) - n_real
    return CellRegressions(beta, errors, converged, steps, n_real, n_fake)


def corrected_log_odds(log_odds: Floats, real: npt.ArrayLike, fake: npt.ArrayLike) -> Floats:
    """Log odds as one fake a real row would give them: the log ratio of the two densities.

    Sampling by outcome shifts only the intercept, by the log of the sampling ratio (Prentice and Pyke 1979).
    """
    return np.asarray(log_odds - np.log(np.asarray(real, float) / np.asarray(fake, float)))


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


@njit(cache=True)  # type: ignore[untyped-decorator]
def _loss(x: Floats, y: Floats, beta: Floats, ridge: float) -> float:
    total = 0.0
    for i in range(x.shape[0]):
        eta = beta[0]
        for j in range(x.shape[1]):
            eta += x[i, j] * beta[j + 1]
        # log(1 + exp(eta)) - y * eta, written so that neither end overflows
        total += max(eta, 0.0) + np.log1p(np.exp(-abs(eta))) - y[i] * eta
    return total + 0.5 * ridge * np.sum(beta[1:] ** 2)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _score_and_information(x: Floats, y: Floats, beta: Floats, ridge: float) -> tuple[Floats, Floats]:
    p = x.shape[1] + 1
    score, information = np.zeros(p), np.zeros((p, p))
    row = np.ones(p)
    for i in range(x.shape[0]):
        eta = beta[0]
        for j in range(1, p):
            row[j] = x[i, j - 1]
            eta += row[j] * beta[j]
        mu = 0.5 * (1.0 + np.tanh(0.5 * eta))
        w = mu * (1.0 - mu)
        for j in range(p):
            score[j] += (y[i] - mu) * row[j]
            for k in range(j + 1):
                information[j, k] += w * row[j] * row[k]
    for j in range(p):
        for k in range(j):
            information[k, j] = information[j, k]
        if j > 0:
            score[j] -= ridge * beta[j]
            information[j, j] += ridge
    return score, information


@njit(cache=True)  # type: ignore[untyped-decorator]
def _solvable(a: Floats) -> bool:
    largest = 0.0
    for j in range(a.shape[0]):
        largest = max(largest, a[j, j])
    return largest > 0.0 and bool(np.linalg.cond(a) < 1e13)


@njit(parallel=True, cache=True)  # type: ignore[untyped-decorator]
def _newton(
    x: Floats, y: Floats, edges: Ints, ridge: float, tolerance: float
) -> tuple[Floats, Floats, npt.NDArray[np.bool_], Ints]:
    m, p = edges.size - 1, x.shape[1] + 1
    betas, errors = np.zeros((m, p)), np.full((m, p), np.nan)
    converged, steps = np.zeros(m, np.bool_), np.zeros(m, np.int64)
    for c in prange(m):
        a, b = edges[c], edges[c + 1]
        n_real = y[a:b].sum()
        if n_real == 0.0 or n_real == b - a:
            continue  # a cell without reals or without fakes has no regression
        xc, yc = x[a:b], y[a:b]
        beta = np.zeros(p)
        beta[0] = np.log(n_real / (b - a - n_real))
        loss = _loss(xc, yc, beta, ridge)
        for step in range(1, 101):
            score, information = _score_and_information(xc, yc, beta, ridge)
            if not _solvable(information):
                break
            delta = np.linalg.solve(information, score)
            scale = 1.0
            new = _loss(xc, yc, beta + delta, ridge)
            while new > loss and scale > 1e-6:  # halve the step where Newton overshoots
                scale *= 0.5
                new = _loss(xc, yc, beta + scale * delta, ridge)
            if new > loss:
                converged[c] = True  # rounding is all that is left
                break
            beta = beta + scale * delta
            steps[c] = step
            done = loss - new <= tolerance * tolerance * (b - a) and scale == 1.0
            loss = new
            if done or np.max(np.abs(delta)) < tolerance:
                converged[c] = True
                break
        betas[c] = beta
        score, information = _score_and_information(xc, yc, beta, ridge)
        if _solvable(information):
            covariance = np.linalg.inv(information)
            for j in range(p):
                errors[c, j] = np.sqrt(max(covariance[j, j], 0.0))
    return betas, errors, converged, steps
