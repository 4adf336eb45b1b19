"""Monte Carlo tests: exact p-values, several together, and what they would find."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from potomac.simulation.validity.judged import (
    AGREES,
    DIFFERS,
    UNSURE,
    Tried,
    another,
    check_table,
    draws_for,
    holm,
    judged,
)


def test_holm_raises_the_smallest_most() -> None:
    """m = 3: .01 x 3, .03 x 2, .04 x 1, none below the one before."""
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]


def test_the_p_value_counts_the_draws_that_are_as_far_out() -> None:
    """Of 99 draws 4 are at least as large: (1 + 4) / 100 on that side, twice that on both."""
    x = np.arange(1.0, 100.0)
    (both,) = judged([Tried("t", 96.0, x, 50.0)], tolerance=10)
    (upper,) = judged([Tried("t", 96.0, x, 50.0, "upper")], tolerance=10)
    assert (both.p, upper.p) == (pytest.approx(0.1), pytest.approx(0.05))
    assert both.p_low < both.p < both.p_high
    assert both.predicted == pytest.approx(50)


def test_a_right_model_fails_as_often_as_it_may_and_p_values_are_uniform() -> None:
    rng = np.random.default_rng(3)
    x = rng.exponential(size=(400, 2, 200))
    found = [judged([Tried("a", a[0], a[1:]), Tried("b", b[0], b[1:])]) for a, b in x]
    p = np.array([[c.p for c in checks] for checks in found]).ravel()
    assert binomtest(int((p <= 0.05).sum()), p.size, 0.05).pvalue > 1e-3
    assert binomtest(int((p <= 0.5).sum()), p.size, 0.5).pvalue > 1e-3
    failed = sum(any(c.verdict == DIFFERS for c in checks) for checks in found)
    assert binomtest(failed, len(found), 0.05, alternative="greater").pvalue > 1e-3


def test_what_would_be_found_is_the_shift_with_four_fifths_of_power() -> None:
    """Of a normal statistic: (1.960 + 0.842) standard deviations at the level .05, one check."""
    x = np.random.default_rng(4).normal(10.0, 1.0, 20_000)
    (c,) = judged([Tried("t", 10.0, x, 10.0)])
    assert c.detectable == pytest.approx(norm.ppf(0.975) + norm.ppf(0.8), rel=0.03)
    assert c.share == pytest.approx(c.detectable / 10)
    (shifted,) = judged([Tried("t", 10.0, x + c.detectable, 10.0)])
    power = (np.abs(x + c.detectable - 10) > c.high - 10).mean()
    assert power == pytest.approx(0.8, abs=0.03)
    assert shifted.predicted == pytest.approx(10 + c.detectable, abs=0.05)


def test_agreement_is_only_said_where_a_difference_would_have_been_found() -> None:
    x = np.random.default_rng(5).normal(1.0, 1.0, 2000)
    (wide,) = judged([Tried("t", 1.0, x, 1.0)], tolerance=0.5)
    (narrow,) = judged([Tried("t", 1.0, 1 + 0.01 * x, 1.0)], tolerance=0.5)
    assert (wide.verdict, narrow.verdict) == (UNSURE, AGREES)
    nothing, _ = judged([Tried("without scale", 1.0, x), Tried("t", 1.0, x, 1.0)])
    assert nothing.verdict == UNSURE


def test_with_too_few_draws_nothing_agrees() -> None:
    """30 draws leave no p below 2/31 = .065."""
    (c,) = judged([Tried("t", 0.0, np.linspace(-1, 1, 30), 100.0)])
    assert c.verdict == UNSURE
    (none,) = judged([Tried("t", 0.0, np.full(30, np.nan), 1.0)])
    assert (none.verdict, none.p) == (UNSURE, 1.0)


def test_sums_in_another_order_are_equal() -> None:
    x = np.full(99, 0.1 + 0.2)
    (c,) = judged([Tried("t", 0.3, x, 1.0)])
    assert c.p == 1.0


def test_draws_are_enough_for_the_first_step_of_holm() -> None:
    assert draws_for(1, 0.95, 999) == 999
    assert draws_for(10, 0.95, 999) == 1600  # 2 x 4 x 10 / .05


def test_one_more_value_of_few_follows_student_and_of_many_their_ranks() -> None:
    rng = np.random.default_rng(6)
    inside = 0
    for _ in range(600):
        x = rng.normal(size=8)
        low, high, p = another(x[:7], x[7])
        inside += low <= x[7] <= high
        assert (p > 0.05) == (low <= x[7] <= high)
    assert binomtest(inside, 600, 0.95).pvalue > 1e-3
    low, high, p = another(np.arange(1.0, 1000.0), 990.0)
    assert (low, high) == (pytest.approx(25.95), pytest.approx(974.05))
    assert p == pytest.approx(2 * 11 / 1000)
    assert np.isnan(another(np.array([1.0, 2.0]), 1.0)).all()


def test_the_table_has_nulls_for_what_is_not_known() -> None:
    table = check_table(judged([Tried("t", np.nan, np.arange(50.0))]))
    assert table["check"].to_pylist() == ["t"]
    assert table["observed"].to_pylist() == [None]
