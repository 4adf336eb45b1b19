"""Distance to the nearest of a few landmarks, and the log odds that follow from it."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from potomac.outliers.landmarks import Landmarks, fit_landmarks


def _unknown(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys and weights of rows that no sample holds."""
    return np.full(n, 2**40, np.uint64) + np.arange(n, dtype=np.uint64), np.ones(n)


def _fit(x: np.ndarray, copies: int = 1, **options: int) -> Landmarks:
    keys, others = np.arange(len(x), dtype=np.uint64), np.full(len(x), 1.0 - 1.0 / copies)
    options = {"samples": 50, "size": 16} | options
    return fit_landmarks(x, keys, others, generator=np.random.default_rng(1), **options)


def _plain(fitted: Landmarks, x: np.ndarray) -> np.ndarray:
    """a by its definition, row by row."""
    out = []
    for row in (x - fitted.centre) / fitted.scale:
        gap = np.abs(fitted.points - row)
        missing = np.isnan(fitted.points).astype(int) + np.isnan(row)
        gap = np.where(missing == 2, 0.0, np.where(missing == 1, 1.0, gap))
        out.append(np.log(fitted.tie[0] + gap.sum(axis=2).min(axis=1)).mean())
    return np.array(out)


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_the_compiled_distance_is_its_definition(share: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5))
    x[rng.random(x.shape) < share] = np.nan
    fitted = _fit(x)
    new = rng.normal(size=(70, 5))
    new[rng.random(new.shape) < share] = np.nan
    expected = -fitted.rate[0] * (_plain(fitted, new) - fitted.median[0])
    np.testing.assert_allclose(fitted.log_odds(new, *_unknown(70)), expected, rtol=1e-10, atol=1e-10)


def test_units_are_median_and_robust_spread() -> None:
    # of 1 001 evenly spaced values of [0, 1]: median 0.5, 10 % and 90 % at 0.1 and 0.9; one column is constant
    x = np.column_stack([np.linspace(0, 1, 1001), np.full(1001, 7.0)])
    fitted = _fit(x)
    np.testing.assert_allclose(fitted.centre, [0.5, 7.0])
    np.testing.assert_allclose(fitted.scale, [0.8 / 2.5631031310892007, 1.0])


def test_units_do_not_matter() -> None:
    x = np.random.default_rng(2).normal(size=(400, 3))
    units, shift = np.array([0.5144, 1e6, 1e-6]), np.array([100.0, 0.0, -3.0])
    one, other = (
        _fit(x).log_odds(x, *_unknown(400)),
        _fit(x * units + shift).log_odds(x * units + shift, *_unknown(400)),
    )
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_the_log_odds_are_a_line_that_never_levels_off() -> None:
    fitted = _fit(np.random.default_rng(0).normal(size=(500, 3)))
    # so far away that the landmarks are one point: ten times the distance costs rate * log 10
    far = np.array([[1e6] * 3, [1e7] * 3, [1e8] * 3])
    np.testing.assert_allclose(np.diff(fitted.log_odds(far, *_unknown(3))), -fitted.rate[0] * np.log(10.0), rtol=1e-4)


def test_half_of_the_rows_lie_above_zero_and_a_quarter_below_minus_log_two() -> None:
    x = np.random.default_rng(3).normal(size=(2000, 4))
    fitted = _fit(x)
    odds = fitted.log_odds(x, np.arange(2000, dtype=np.uint64), np.zeros(2000))
    assert np.mean(odds > 0.0) == pytest.approx(0.5, abs=1e-3)
    assert np.mean(odds < -np.log(2.0)) == pytest.approx(0.25, abs=1e-3)


def test_a_row_is_no_landmark_to_itself() -> None:
    # two rows, samples of one: each row is judged by the samples that hold the other
    x = np.array([[0.0], [10.0]])
    fitted = _fit(x, samples=40)
    odds = fitted.log_odds(x, np.arange(2, dtype=np.uint64), np.zeros(2))
    unit = 10.0 / fitted.scale[0]
    a = np.log(fitted.tie[0] + unit)
    np.testing.assert_allclose(odds, -fitted.rate[0] * (a - fitted.median[0]), atol=1e-12)


def test_a_sample_that_holds_a_copy_counts_by_the_chance_that_it_is_another_one() -> None:
    fitted = _fit(np.array([[0.0], [10.0]]), samples=40)
    own = np.mean(fitted.keys[:, 0] == 0)  # share of the samples that hold key 0
    near, far = np.log(fitted.tie[0]), np.log(fitted.tie[0] + 10.0 / fitted.scale[0])
    a = (0.5 * own * near + (1.0 - own) * far) / (0.5 * own + 1.0 - own)
    odds = fitted.log_odds(np.array([[0.0]]), np.zeros(1, np.uint64), np.array([0.5]))
    np.testing.assert_allclose(odds, -fitted.rate[0] * (a - fitted.median[0]))


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((50, 3)),
        np.full((50, 3), np.nan),
        np.repeat([[0.0], [1.0]], [49, 1], axis=0),
        np.array([[1.7e308, 0.0], [-1.7e308, 0.0], [0.0, 1e-300]]),
    ],
    ids=["constant", "nothing known", "one differs", "huge"],
)
def test_degenerate_tables_have_finite_log_odds(x: np.ndarray) -> None:
    odds = _fit(x).log_odds(x, np.arange(len(x), dtype=np.uint64), np.zeros(len(x)))
    assert np.isfinite(odds).all()


def test_one_row_is_too_few() -> None:
    with pytest.raises(ValueError, match="at least two rows"):
        _fit(np.zeros((1, 2)))


def test_the_same_numbers_on_any_number_of_threads() -> None:
    x = np.random.default_rng(5).normal(size=(1000, 4))
    fitted, results, before = _fit(x), [], numba.get_num_threads()
    for threads in {1, before}:
        numba.set_num_threads(threads)
        results.append(fitted.log_odds(x, *_unknown(1000)))
    numba.set_num_threads(before)
    np.testing.assert_array_equal(results[0], results[-1])
