"""Regressions of many cells at once against scikit-learn, NumPy's algebra, and cells that have no answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import get_num_threads, set_num_threads
from sklearn.linear_model import LogisticRegression

from potomac.outliers.logistic import CellRegressions, corrected_log_odds, fit_cells, probability

Data = tuple[np.ndarray, np.ndarray, np.ndarray]


def simulated(cells: int, rows: int, features: int, seed: int = 0) -> Data:
    """Rows of cells whose coefficients are known to no one, in mixed order."""
    random = np.random.default_rng(seed)
    cell = random.permutation(np.repeat(np.arange(cells), rows))
    x = random.normal(size=(len(cell), features))
    beta = random.normal(size=(cells, features))
    y = random.random(len(cell)) < 1 / (1 + np.exp(-(x * beta[cell]).sum(axis=1)))
    return x, y.astype(float), cell


def mean_of_real(x: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """The logistic function."""
    return 1 / (1 + np.exp(-eta))


def gradient(x: np.ndarray, y: np.ndarray, beta: np.ndarray, ridge: float) -> np.ndarray:
    """Of the penalised log-likelihood: X'(y - mu) less ridge times the slopes (ESL 4.24)."""
    design = np.column_stack([np.ones(len(x)), x])
    return design.T @ (y - mean_of_real(x, design @ beta)) - ridge * np.append(0, beta[1:])


def covariance(x: np.ndarray, beta: np.ndarray, ridge: float) -> np.ndarray:
    """Inverse of the penalised information X'WX + ridge (ESL 4.25), by NumPy."""
    design = np.column_stack([np.ones(len(x)), x])
    mu = mean_of_real(x, design @ beta)
    penalty = ridge * np.diag(np.append(0, np.ones(x.shape[1])))
    return np.linalg.inv(design.T @ (design * (mu * (1 - mu))[:, None]) + penalty)


@pytest.mark.parametrize("ridge", [0.01, 1.0, 25.0])
@pytest.mark.parametrize("features", [1, 5, 14])
def test_the_coefficients_are_scikit_learns(features: int, ridge: float) -> None:
    x, y, cell = simulated(8, 150, features)
    fitted = fit_cells(x, y, cell, 8, ridge=ridge)
    assert fitted.converged.all()
    assert fitted.real.tolist() == [y[cell == c].sum() for c in range(8)]  # whatever the order of the rows
    assert fitted.fake.tolist() == [(1 - y[cell == c]).sum() for c in range(8)]
    for c in range(8):
        at = cell == c
        theirs = LogisticRegression(C=1 / ridge, solver="newton-cholesky", tol=1e-10).fit(x[at], y[at])
        expected = np.append(theirs.intercept_, theirs.coef_)
        assert fitted.coefficients[c] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("ridge", [0.0, 1.0])
def test_the_gradient_is_zero_and_the_standard_errors_are_those_of_the_information(ridge: float) -> None:
    x, y, cell = simulated(5, 200, 6, seed=3)
    fitted = fit_cells(x, y, cell, 5, ridge=ridge)
    for c in range(5):
        at, beta = cell == c, fitted.coefficients[c]
        assert gradient(x[at], y[at], beta, ridge) == pytest.approx(np.zeros(7), abs=1e-8)
        expected = np.sqrt(np.diag(covariance(x[at], beta, ridge)))
        assert fitted.standard_errors[c] == pytest.approx(expected, rel=1e-6)


def test_one_binary_feature_has_a_closed_form() -> None:
    # the slope is the log odds ratio of the 2 x 2 table, its standard error sqrt(1/a + 1/b + 1/c + 1/d) (Woolf 1955)
    a, b, c, d = 30, 10, 12, 28  # real at 1, fake at 1, real at 0, fake at 0
    x = np.repeat([1.0, 1, 0, 0], [a, b, c, d])[:, None]
    y = np.repeat([1.0, 0, 1, 0], [a, b, c, d])
    fitted = fit_cells(x, y, np.zeros(80, int), 1, ridge=0.0)
    assert fitted.coefficients[0] == pytest.approx([np.log(c / d), np.log(a * d / (b * c))])
    assert fitted.standard_errors[0] == pytest.approx([np.sqrt(1 / c + 1 / d), np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)])


def test_without_features_the_odds_are_those_of_the_counts() -> None:
    y = np.array([1.0, 1, 1, 0])
    fitted = fit_cells(np.empty((4, 0)), y, np.zeros(4, int), 1)
    assert fitted.coefficients[0] == pytest.approx([np.log(3)])
    assert fitted.standard_errors[0] == pytest.approx([np.sqrt(1 / 3 + 1)])


def same(one: CellRegressions, two: CellRegressions) -> bool:
    """Whether two fits are equal to the last bit."""
    return all(
        np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True)
        for name in ("coefficients", "standard_errors", "converged", "steps", "real", "fake")
    )


def test_the_number_of_threads_changes_no_bit() -> None:
    x, y, cell = simulated(40, 60, 5)
    threads = get_num_threads()
    try:
        set_num_threads(1)
        alone = fit_cells(x, y, cell, 40)
    finally:
        set_num_threads(threads)
    assert same(alone, fit_cells(x, y, cell, 40))


def test_a_cell_alone_is_fitted_as_among_others() -> None:
    x, y, cell = simulated(7, 80, 3)
    whole = fit_cells(x, y, cell, 7)
    at = cell == 4
    alone = fit_cells(x[at], y[at], np.zeros(at.sum(), int), 1)
    assert (alone.coefficients[0] == whole.coefficients[4]).all()


@given(st.permutations(range(60)))
def test_the_order_of_rows_changes_nothing_but_rounding(order: list[int]) -> None:
    x, y, cell = simulated(3, 20, 2)
    one, two = fit_cells(x, y, cell, 3), fit_cells(x[order], y[order], cell[order], 3)
    assert one.coefficients == pytest.approx(two.coefficients, abs=1e-9)


def test_times_in_seconds_lose_no_digits() -> None:
    # a shift of a feature moves the intercept alone: beta0' = beta0 - shift * beta1
    x, y, cell = simulated(2, 300, 2)
    shift = np.array([1.7e9, 0.0])
    near, far = fit_cells(x, y, cell, 2), fit_cells(x + shift, y, cell, 2)
    assert far.coefficients[:, 1:] == pytest.approx(near.coefficients[:, 1:], rel=1e-5)
    assert far.standard_errors[:, 1:] == pytest.approx(near.standard_errors[:, 1:], rel=1e-5)
    assert far.log_odds(x + shift, cell) == pytest.approx(near.log_odds(x, cell), abs=1e-5)


def test_separated_cells_are_held_by_the_ridge_and_said_without_it() -> None:
    x = np.linspace(-1, 1, 40)[:, None]
    y, cell = (x[:, 0] > 0).astype(float), np.zeros(40, int)
    held = fit_cells(x, y, cell, 1, ridge=1.0)
    assert held.converged.all()
    assert gradient(x, y, held.coefficients[0], 1.0) == pytest.approx(np.zeros(2), abs=1e-8)
    barely = fit_cells(x, y, cell, 1, ridge=1e-6)
    assert barely.converged.all()
    assert gradient(x, y, barely.coefficients[0], 1e-6) == pytest.approx(np.zeros(2), abs=1e-8)
    free = fit_cells(x, y, cell, 1, ridge=0.0)
    assert not free.converged.any()
    assert np.isfinite(free.coefficients).all()
    assert np.isnan(free.standard_errors).all()


def test_half_separated_cells_are_said_too() -> None:
    # wherever the second feature is 1 the row is real: its slope has no finite estimate, the others have one
    x, y, cell = simulated(1, 200, 2)
    x[:, 1] = (np.arange(200) % 10 == 0) * 1.0
    y[x[:, 1] == 1] = 1.0
    assert not fit_cells(x, y, cell, 1, ridge=0.0).converged[0]
    assert fit_cells(x, y, cell, 1, ridge=1.0).converged[0]


@pytest.mark.parametrize("value", [0.0, 3.0, -1e6, 1e-300])
def test_a_feature_that_never_varies_gets_no_weight(value: float) -> None:
    x, y, cell = simulated(2, 100, 2)
    x[:, 1] = value
    fitted = fit_cells(x, y, cell, 2)
    assert fitted.converged.all()
    assert fitted.coefficients[:, 2] == pytest.approx([0, 0], abs=1e-9)
    assert fitted.standard_errors[:, 2] == pytest.approx([1, 1])  # all that is known of it is the penalty: 1 / ridge
    without = fit_cells(x[:, :1], y, cell, 2)
    assert fitted.coefficients[:, :2] == pytest.approx(without.coefficients, abs=1e-9)


def test_without_a_ridge_a_feature_that_never_varies_is_said() -> None:
    x, y, cell = simulated(1, 100, 2)
    x[:, 1] = 3.0
    fitted = fit_cells(x, y, cell, 1, ridge=0.0)
    assert not fitted.converged[0]
    assert np.isnan(fitted.standard_errors[0]).all()


def test_two_features_that_say_the_same_share_the_weight() -> None:
    x, y, cell = simulated(1, 200, 1)
    fitted = fit_cells(np.hstack([x, x]), y, cell, 1)
    assert fitted.converged[0]
    assert fitted.coefficients[0, 1] == pytest.approx(fitted.coefficients[0, 2])
    # two equal slopes b / 2 cost ridge b^2 / 4 instead of b^2 / 2: as one feature under half the ridge
    half = fit_cells(x, y, cell, 1, ridge=0.5)
    assert fitted.coefficients[0, 1:].sum() == pytest.approx(half.coefficients[0, 1])


def test_cells_without_an_answer() -> None:
    # cell 0: no rows; 1: one row; 2: reals only; 3: fakes only; 4: one of each, in one place
    cell = np.array([1, 2, 2, 3, 3, 4, 4])
    y = np.array([1.0, 1, 1, 0, 0, 1, 0])
    fitted = fit_cells(np.zeros((7, 2)), y, cell, 5)
    assert fitted.real.tolist() == [0, 1, 2, 0, 1]
    assert fitted.fake.tolist() == [0, 0, 0, 2, 1]
    assert fitted.converged.tolist() == [False, False, False, False, True]
    assert (fitted.coefficients[:4] == 0).all()
    assert np.isnan(fitted.standard_errors[:4]).all()
    assert fitted.coefficients[4] == pytest.approx([0, 0, 0])
    odds = fitted.log_odds(np.zeros((6, 2)), np.array([0, 1, 2, 3, 4, -1]))
    assert np.isnan(odds).tolist() == [True, True, True, True, False, True]


def test_no_rows_and_no_cells() -> None:
    fitted = fit_cells(np.empty((0, 3)), [], np.empty(0, int), 2)
    assert fitted.coefficients.shape == (2, 4)
    assert fit_cells(np.empty((0, 3)), [], np.empty(0, int), 0).coefficients.shape == (0, 4)


def test_reals_in_one_place_among_spread_fakes() -> None:
    # quadratic terms can say "here and nowhere else"; under the ridge there is one finite answer
    fakes = np.random.default_rng(5).uniform(-1, 1, (400, 2))
    place = np.vstack([np.zeros((100, 2)), fakes])
    x = np.hstack([place, place**2])
    y = np.repeat([1.0, 0.0], [100, 400])
    fitted = fit_cells(x, y, np.zeros(500, int), 1)
    assert fitted.converged[0]
    assert (fitted.coefficients[0, 3:] < 0).all()
    odds = fitted.log_odds(x, np.zeros(500, int))
    assert odds[0] > np.median(odds[100:])


@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1e8, 1e150])
def test_features_of_any_size_give_finite_numbers(scale: float) -> None:
    x, y, cell = simulated(1, 100, 2)
    fitted = fit_cells(x * scale, y, cell, 1)
    assert np.isfinite(fitted.coefficients).all()
    assert np.isfinite(fitted.log_odds(x * scale, cell)).all()


def test_what_overflows_is_said() -> None:
    x, y, cell = simulated(1, 100, 2)
    fitted = fit_cells(x * 1e200, y, cell, 1)  # squares of features are infinite
    assert not fitted.converged[0]
    assert np.isnan(fitted.standard_errors[0]).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"real": np.ones(3)}, "must share their first dimension"),
        ({"features": np.array([[np.nan], [0], [0], [0]])}, "every value must be finite"),
        ({"features": np.array([[np.inf], [0], [0], [0]])}, "every value must be finite"),
        ({"real": np.array([0, 1, 2, 0])}, "real must be 0 or 1"),
        ({"cell": np.array([0, 0, 0, 7])}, "cells run from 0 to 7; they must lie from 0 to 1"),
        ({"cell": np.array([0, 0, 0, -1])}, "cells run from -1"),
        ({"ridge": -1.0}, "ridge is -1.0"),
        ({"ridge": np.nan}, "ridge is nan"),
    ],
)
def test_wrong_input_is_refused(change: dict[str, object], says: str) -> None:
    good = {"features": np.zeros((4, 1)), "real": np.array([0.0, 1, 0, 1]), "cell": np.zeros(4, int), "cells": 2}
    with pytest.raises(ValueError, match=says):
        fit_cells(**{**good, **change})  # type: ignore[arg-type]


def test_the_intercept_is_the_designs_and_the_correction_takes_it_out() -> None:
    # the same reals against four times as many fakes: log odds fall by log 4, slopes stay (Prentice and Pyke 1979)
    random = np.random.default_rng(8)
    real, fake = random.normal(1, 1, (20_000, 1)), random.normal(0, 1, (80_000, 1))
    at = np.linspace(-2, 2, 5)[:, None]
    cell = np.zeros(5, int)

    def odds(n_fake: int) -> np.ndarray:
        x = np.vstack([real, fake[:n_fake]])
        y = np.repeat([1.0, 0.0], [20_000, n_fake])
        fitted = fit_cells(x, y, np.zeros(len(x), int), 1)
        return corrected_log_odds(fitted.log_odds(at, cell), fitted.real[cell], fitted.fake[cell])

    # log N(1, 1) - log N(0, 1) at z is z - 1/2
    for n_fake in (20_000, 80_000):
        assert odds(n_fake) == pytest.approx(at[:, 0] - 0.5, abs=0.06)


def test_where_one_kind_is_missing_nothing_can_be_corrected() -> None:
    assert np.isnan(corrected_log_odds(np.zeros(3), [0, 1, 0], [1, 0, 0])).all()
    assert corrected_log_odds(np.zeros(1), [2], [8]) == pytest.approx([np.log(4)])


@pytest.mark.parametrize(("odds", "prevalence", "is_"), [(0.0, 0.5, 0.5), (0.0, 0.9, 0.9), (np.log(3), 0.25, 0.5)])
def test_probability_is_bayes_rule(odds: float, prevalence: float, is_: float) -> None:
    # posterior odds are the likelihood ratio times the prior odds
    assert probability(odds, prevalence) == pytest.approx(is_)


def test_probability_never_overflows() -> None:
    with np.errstate(all="raise"):
        assert probability([-1e4, 1e4], 0.5).tolist() == [0, 1]


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, np.nan])
def test_a_prevalence_is_a_share(prevalence: float) -> None:
    with pytest.raises(ValueError, match="prevalence is"):
        probability(0.0, prevalence)
