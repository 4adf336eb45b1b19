"""Bands for whole distribution functions, and the test that goes with them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from potomac.simulation.validity.uniformity import band, chi_square, departure, ecdf_table, uniform_p


def test_uniform_numbers_lie_in_the_band_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    z, low, high = band(150, 0.95)
    u = rng.random((1000, 150))
    ecdf = (u[:, :, None] <= z).mean(1)
    inside = int(((ecdf >= low - 1e-12) & (ecdf <= high + 1e-12)).all(1).sum())
    assert binomtest(inside, 1000, 0.95).pvalue > 1e-3


def test_the_band_is_as_unlikely_to_be_left_at_each_point() -> None:
    """Equal chances: the band is that of binomial quantiles at one level, far below .05."""
    z, low, high = band(400, 0.95)
    n = 400
    chances = 2 * np.minimum(binom.cdf(np.rint(low * n) - 1, n, z), 1 - binom.cdf(np.rint(high * n), n, z))
    assert chances.max() < 0.01  # one point alone leaves it far more seldom than all together
    assert ((high - low)[1:-1] > 0).all()
    assert (high - low)[49] > 2 * (high - low)[0]  # widest in the middle, as the binomial is


def test_p_values_are_uniform_and_see_both_the_middle_and_the_ends() -> None:
    rng = np.random.default_rng(2)
    p = np.array([uniform_p(rng.random(80)) for _ in range(500)])
    assert binomtest(int((p <= 0.05).sum()), 500, 0.05).pvalue > 1e-3
    assert binomtest(int((p <= 0.5).sum()), 500, 0.5).pvalue > 1e-3
    assert uniform_p(rng.beta(0.7, 0.7, 400)) < 0.01
    assert uniform_p(rng.beta(1.5, 1.5, 400)) < 0.01
    assert uniform_p(np.concatenate([rng.random(380), np.full(20, 1e-6)])) < 0.01  # one in twenty at the end


def test_one_value_and_equal_values_have_a_p_value_too() -> None:
    assert 0 < uniform_p(np.array([0.5])) <= 1
    assert uniform_p(np.full(50, 0.5)) < 0.001
    assert departure(np.full(50, 0.5)) > departure(np.linspace(0.01, 0.99, 50))


def test_chi_square_of_equal_counts_is_nothing() -> None:
    assert chi_square((np.arange(100) + 0.5) / 100) == pytest.approx(1.0)
    assert chi_square(np.full(100, 0.5)) < 1e-10


def test_the_table_draws_the_difference() -> None:
    u = np.random.default_rng(3).random(60)
    table = ecdf_table(u).to_pydict()
    assert table["difference"][10] == pytest.approx((u <= table["z"][10]).mean() - table["z"][10])
