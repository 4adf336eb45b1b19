"""Newton's method over many cells: large cells start from a part of their rows, and it must make no difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import get_num_threads, set_num_threads

from potomac.outliers import newton
from potomac.outliers.logistic import CellRegressions, fit_cells

LARGE = 4 * newton._THIN * newton._BLOCK + 77  # rows: four whole blocks are thinned out, and a rest is left


def simulated(rows: int, features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one cell, about as many real as fake."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, features))
    eta = x @ random.normal(size=features)
    return x, (random.random(rows) < 1 / (1 + np.exp(-eta))).astype(float)


def fit(x: np.ndarray, y: np.ndarray, ridge: float = 1.0) -> CellRegressions:
    return fit_cells(x, y, np.zeros(len(y), int), 1, ridge=ridge)


def gradient(x: np.ndarray, y: np.ndarray, beta: np.ndarray, ridge: float) -> np.ndarray:
    """Of the penalised log-likelihood: X'(y - mu) less ridge times the slopes (ESL 4.24)."""
    design = np.column_stack([np.ones(len(x)), x])
    return design.T @ (y - 1 / (1 + np.exp(-design @ beta))) - ridge * np.append(0, beta[1:])


def led(first: np.ndarray, n: int) -> np.ndarray:
    """An order of n rows in which the thinned ones are those in ``first``."""
    seen = np.arange(n) % newton._THIN == 0
    seen &= np.arange(n) // newton._THIN < newton._thinned(n)
    order = np.empty(n, int)
    order[seen] = first[: seen.sum()]
    order[~seen] = np.setdiff1d(np.arange(n), order[seen])
    return order


@pytest.mark.parametrize("ridge", [0.0, 1.0])
@pytest.mark.parametrize("features", [0, 1, 2, 7, 14])
def test_a_start_from_some_rows_ends_where_a_start_from_nothing_does(features: int, ridge: float) -> None:
    # where all thinned rows are real they have no regression, and the cell starts without slopes
    x, y = simulated(LARGE, features)
    warm = fit(x, y, ridge)
    order = led(np.flatnonzero(y == 1), LARGE)
    cold = fit(x[order], y[order], ridge)
    assert warm.converged[0]
    assert cold.converged[0]
    assert warm.coefficients == pytest.approx(cold.coefficients, abs=1e-10)
    assert warm.standard_errors == pytest.approx(cold.standard_errors, rel=1e-6)
    assert gradient(x, y, warm.coefficients[0], ridge) == pytest.approx(np.zeros(features + 1), abs=1e-7)
    if features > 1:
        assert warm.steps[0] < cold.steps[0]


@pytest.mark.parametrize("ridge", [0.0, 1e-6, 1.0])
def test_a_start_that_misleads_ends_there_too(ridge: float) -> None:
    # the thinned rows are parted by the first feature without overlap, and the wrong way round
    x, y = simulated(LARGE, 3, seed=1)
    wrong = np.flatnonzero(np.where(y == 1, x[:, 0] < 0, x[:, 0] > 0))
    right = fit(x, y, ridge)
    order = led(wrong, LARGE)
    misled = fit(x[order], y[order], ridge)
    assert misled.converged[0]
    assert misled.coefficients == pytest.approx(right.coefficients, abs=1e-10)


def test_a_large_separated_cell_is_said_without_a_ridge_and_held_by_it() -> None:
    x, _ = simulated(LARGE, 2)
    y = (x[:, 0] > 0).astype(float)
    free, held = fit(x, y, ridge=0.0), fit(x, y, ridge=1.0)
    assert not free.converged[0]
    assert np.isnan(free.standard_errors).all()
    assert held.converged[0]
    assert gradient(x, y, held.coefficients[0], 1.0) == pytest.approx(np.zeros(3), abs=1e-6)


def mixed() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells of 1 to LARGE rows, their rows in mixed order."""
    random = np.random.default_rng(4)
    sizes = [1, LARGE, 2, newton._BLOCK, 0, newton._BLOCK + 1, newton._THIN * newton._BLOCK, 30, 7]
    cell = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    x, y = simulated(len(cell), 4)
    return x, y, cell


def test_sorted_rows_give_what_mixed_ones_give() -> None:
    x, y, cell = mixed()
    order = np.argsort(cell, kind="stable")  # rows of a cell keep their order: no bit changes
    one, two = fit_cells(x, y, cell, 9), fit_cells(x[order], y[order], cell[order], 9)
    np.testing.assert_array_equal(one.coefficients, two.coefficients)
    np.testing.assert_array_equal(one.standard_errors, two.standard_errors)
    for c in np.flatnonzero(one.converged):
        mine = cell == c
        assert (one.real[c], one.fake[c]) == (y[mine].sum(), (1 - y[mine]).sum())
        assert gradient(x[mine], y[mine], one.coefficients[c], 1.0) == pytest.approx(np.zeros(5), abs=1e-7)
    assert one.converged.sum() >= 6


def test_the_number_of_threads_changes_no_bit_of_large_cells() -> None:
    x, y, cell = mixed()
    threads = get_num_threads()
    try:
        set_num_threads(1)
        alone = fit_cells(x, y, cell, 9)
    finally:
        set_num_threads(threads)
    several = fit_cells(x, y, cell, 9)
    np.testing.assert_array_equal(alone.coefficients, several.coefficients)
    np.testing.assert_array_equal(alone.standard_errors, several.standard_errors)


def test_one_bad_number_in_a_large_cell_is_refused() -> None:
    x, y = simulated(LARGE, 2)
    x[LARGE - 1, 1] = np.nan
    with pytest.raises(ValueError, match="every value must be finite"):
        fit(x, y)
    with pytest.raises(ValueError, match="real must be 0 or 1"):  # half a row too many, half a row too few
        fit(np.zeros((10, 1)), np.array([0.5] * 8 + [2.0, 1.0]))


def test_a_cell_whose_squares_overflow_is_counted_all_the_same() -> None:
    x, y = simulated(100, 2)
    fitted = fit(x * 1e200, y)
    assert (fitted.real[0], fitted.fake[0]) == (y.sum(), 100 - y.sum())
    assert not fitted.converged[0]
    assert (fitted.coefficients == 0).all()


def test_bad_numbers_are_refused_where_no_regression_is_fitted() -> None:
    with pytest.raises(ValueError, match="every value must be finite"):
        fit(np.array([[np.inf], [0.0]]), np.ones(2))


@pytest.mark.parametrize("n", [1, newton._BLOCK, newton._THIN * newton._BLOCK, LARGE - 1, LARGE])
def test_rows_are_laid_each_in_a_place_of_its_own(n: int) -> None:
    at = np.array([newton._position(i, n) for i in range(n)])
    assert sorted(at) == list(range(n))
    thinned = newton._thinned(n)
    assert at[: thinned * newton._THIN : newton._THIN].tolist() == list(range(thinned))


@given(st.floats(-708, 0))
def test_the_exponential_is_right_to_two_units_of_the_last_digit(x: float) -> None:
    assert abs(newton._exp(x) - np.exp(x)) <= 2 * np.spacing(np.exp(x))


def test_the_exponential_ends_where_numbers_do() -> None:
    assert newton._exp(0.0) == 1.0
    assert newton._exp(-1e9) == pytest.approx(np.exp(-708))
    assert newton._exp(-np.inf) == newton._exp(-708.0)
