"""Logistic regression of many cells at once: the method as it was asked for, open to check.

Each cell has its own regression of real (1) against fake (0), fitted by Newton's method (iteratively reweighted
least squares: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., 4.4.1) with a ridge
penalty on all but the intercept. Cells share nothing, so compiled loops (``newton``) go through ranges of them, a range
a thread.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

from potomac.outliers.newton import count, fit_range, lay

__all__ = ["CellRegressions", "corrected_log_odds", "fit_cells", "probability"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CellRegressions:
    """The fitted regressions of m cells with p features.

    Attributes:
        coefficients: intercept first, shape (m, p + 1), on the features as given; 0 where a cell lacks reals or fakes,
            or where squares of its features overflow.
        standard_errors: from the inverse of the penalised information, same shape; NaN where it is singular.
        converged: shape (m,); False too where a cell lacks reals or fakes, or overflows.
        steps: Newton steps over all rows of a cell, shape (m,); a large cell starts from the answer of a part of them.
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
        tolerance: Newton stops where a further step would lower the penalised likelihood by less than half the square
            of this for each row, as the last two steps foretell.

    Raises:
        ValueError: shapes do not fit, a feature is not finite, ``real`` is not 0 or 1, a cell is out of range, or
            ``ridge`` is negative.
    """
    x, y, cell = np.ascontiguousarray(features, float), np.asarray(real, float), np.asarray(cell, np.int64)
    _check(x, y, cell, ridge)
    fitted = CellRegressions(
        coefficients=np.zeros((cells, x.shape[1] + 1)),
        standard_errors=np.full((cells, x.shape[1] + 1), np.nan),
        converged=np.zeros(cells, np.bool_),
        steps=np.zeros(cells, np.int64),
        real=np.zeros(cells, np.int64),
        fake=np.zeros(cells, np.int64),
    )
    sound = np.ones(cells, np.bool_)
    with ThreadPoolExecutor(get_num_threads()) as threads:
        laid, edges = _laid(x, y, cell, cells, threads)

        def work(span: tuple[int, int]) -> None:
            fit_range(
                laid, edges, float(ridge), float(tolerance), *span, fitted.coefficients, fitted.standard_errors,
                fitted.converged, fitted.steps, fitted.real, sound,
            )  # fmt: skip

        list(threads.map(work, _spans(edges, 16 * get_num_threads())))
    if not sound.all():
        _check_values(x, y)
    fitted.fake[:] = np.diff(edges) - fitted.real
    return fitted


def _check(x: Floats, y: Floats, cell: Ints, ridge: float) -> None:
    if x.ndim != 2 or y.shape != x.shape[:1] or cell.shape != y.shape:
        raise ValueError(f"features {x.shape}, real {y.shape} and cell {cell.shape} must share their first dimension")
    if not 0 <= ridge < np.inf:
        raise ValueError(f"ridge is {ridge}; it must be finite and not negative")


def _check_values(x: Floats, y: Floats) -> None:
    if not np.isfinite(x).all():
        raise ValueError("features hold NaN or infinities; every value must be finite")
    if not ((y == 0) | (y == 1)).all():
        raise ValueError("real must be 0 or 1 in every row")


def _laid(x: Floats, y: Floats, cell: Ints, cells: int, threads: ThreadPoolExecutor) -> tuple[Floats, Ints]:
    """All numbers, cell by cell in blocks of rows, and the row that each cell begins with, shape (cells + 1,).

    A counting sort: parts of the rows are counted, then written to their places, a part a thread.
    """
    parts = get_num_threads()
    cuts = np.linspace(0, len(cell), parts + 1).astype(np.int64)
    held = np.zeros((parts, cells), np.int64)
    if not all(threads.map(count, [cell] * parts, cuts[:-1], cuts[1:], held)):
        raise ValueError(f"cells run from {cell.min()} to {cell.max()}; they must lie from 0 to {cells - 1}")
    edges = np.append(0, held.sum(axis=0).cumsum())
    place = held.cumsum(axis=0) - held
    laid = np.empty(x.size + y.size)

    def lay_part(part: int) -> None:
        lay(x, y, cell, edges, cuts[part], cuts[part + 1], place[part], laid)

    list(threads.map(lay_part, range(parts)))
    return laid, edges


def _spans(edges: Ints, parts: int) -> list[tuple[int, int]]:
    """Ranges of cells that hold about equally many rows, the longest first."""
    ends = np.searchsorted(edges, np.linspace(0, edges[-1], parts + 1)[1:-1])
    cuts = np.unique(np.concatenate([[0], ends, [len(edges) - 1]]))
    return sorted(((int(a), int(b)) for a, b in pairwise(cuts)), key=lambda span: edges[span[0]] - edges[span[1]])


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
