"""Intervals against textbooks, and by how often they hold the truth."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.stats.intervals import mean_interval, proportion_interval, quantile_interval, ratio_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, table I, method 3 (score, no continuity correction)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_of_newcombes_examples(successes: int, trials: int, low: float, high: float) -> None:
    assert proportion_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 400), st.data())
def test_wilsons_ends_are_where_the_score_test_turns(trials: int, data: st.DataObject) -> None:
    # |p - P| = z sqrt(P (1 - P) / n) at both ends P, unless an end is 0 or 1
    successes = data.draw(st.integers(0, trials))
    p, z = successes / trials, 1.959963984540054
    for end in proportion_interval(successes, trials):
        if 0 < end < 1:
            assert abs(p - end) == pytest.approx(z * np.sqrt(end * (1 - end) / trials))
    low, high = proportion_interval(successes, trials)
    assert 0 <= low <= p <= high <= 1
    assert proportion_interval(trials - successes, trials) == pytest.approx((1 - high, 1 - low))


def test_a_proportion_of_nothing_may_be_anything() -> None:
    assert proportion_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="successes is 5"):
        proportion_interval(5, 4)


def test_many_proportions_are_as_one_at_a_time() -> None:
    successes, trials = np.array([[0, 3, 4], [0, 1, 7]]), np.array([[0, 4, 4], [9, 9, 9]])
    low, high = proportion_interval(successes, trials, 0.9)
    alone = [proportion_interval(int(k), int(n), 0.9) for k, n in zip(successes.flat, trials.flat, strict=True)]
    assert low.shape == high.shape == (2, 3)
    assert list(zip(low.flat, high.flat, strict=True)) == alone
    assert all(type(end) is float for interval in alone for end in interval)
    with pytest.raises(ValueError, match="successes is -2; it must lie between 0 and trials, which is 9"):
        proportion_interval(np.array([0, -2]), np.array([9, 9]))


def test_wilsons_coverage_is_exact_arithmetic() -> None:
    # the chance that the interval holds p, summed over the binomial distribution: no simulation needed
    n = 50
    ends = [proportion_interval(k, n) for k in range(n + 1)]
    for p in np.linspace(0.05, 0.95, 19):
        holds = sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1) if ends[k][0] <= p <= ends[k][1])
        assert 0.92 < holds < 0.99  # Brown, Cai and DasGupta (2001), figure 5


def test_students_interval_of_students_own_data() -> None:
    # Student (1908), Cushny and Peebles' data: extra hours of sleep, ten patients; mean 1.58, sd 1.23 (n - 1),
    # and t of 9 degrees of freedom at 97.5 % is 2.262
    extra = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    half = 2.262 * 1.23 / np.sqrt(10)
    assert mean_interval(extra) == pytest.approx((1.58 - half, 1.58 + half), abs=2e-3)


def test_students_interval_keeps_its_level() -> None:
    samples = np.random.default_rng(3).normal(5.0, 2.0, (4000, 4))
    holds = np.mean([low <= 5.0 <= high for low, high in (mean_interval(x, 0.9) for x in samples)])
    assert holds == pytest.approx(0.9, abs=3 * np.sqrt(0.9 * 0.1 / 4000))


@pytest.mark.parametrize("values", [[], [3.0]])
def test_a_mean_of_one_value_is_unknown(values: list[float]) -> None:
    assert mean_interval(values) == (-np.inf, np.inf)


def test_fiellers_ends_are_where_students_test_turns() -> None:
    random = np.random.default_rng(6)
    y = random.normal(10, 1, 12)
    x = 3 * y + random.normal(0, 4, 12)
    for ratio in ratio_interval(x, y):
        low, high = mean_interval(x - ratio * y)
        assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-9)
    low, high = ratio_interval(x, y)
    assert low < x.mean() / y.mean() < high


def test_the_ratio_to_a_constant_is_the_mean_of_the_other() -> None:
    x = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    low, high = mean_interval(x)
    assert ratio_interval(x, np.full(10, 4.0)) == pytest.approx((low / 4, high / 4))


def test_fiellers_interval_keeps_its_level() -> None:
    # normal pairs with means 2 and 5: the interval is exact, whatever their correlation
    random = np.random.default_rng(9)
    noise = random.multivariate_normal([2, 5], [[1, 0.6], [0.6, 1]], (4000, 6))
    holds = np.mean([low <= 0.4 <= high for low, high in (ratio_interval(*pairs.T, 0.9) for pairs in noise)])
    assert holds == pytest.approx(0.9, abs=3 * np.sqrt(0.9 * 0.1 / 4000))


def test_a_denominator_that_may_be_zero_bounds_nothing() -> None:
    assert ratio_interval([1.0, 2.0, 3.0], [-1.0, 0.1, 1.0]) == (-np.inf, np.inf)
    assert ratio_interval([1.0], [2.0]) == (-np.inf, np.inf)
    with pytest.raises(ValueError, match="must be of one length"):
        ratio_interval([1.0, 2.0], [1.0])


def test_the_interval_of_a_median_is_between_order_statistics() -> None:
    # Conover, 3rd ed., table A3: of 16 values, the 95 % interval of the median runs from the 4th to the 13th:
    # P(B(16, 1/2) <= 3) = 0.0106 is the largest tail below 0.025
    assert sum(comb(16, k) for k in range(4)) / 2**16 <= 0.025 < sum(comb(16, k) for k in range(5)) / 2**16
    values = np.random.default_rng(4).permutation(np.arange(1.0, 17.0))
    assert quantile_interval(values, 0.5) == (4.0, 13.0)


def test_small_samples_say_that_an_end_is_unknown() -> None:
    assert quantile_interval([1.0, 2.0, 3.0, 4.0, 5.0], 0.5) == (-np.inf, np.inf)  # 2 / 2^5 is above 5 %
    low, high = quantile_interval(np.arange(50.0), 0.99)
    assert (low < 49, high) == (True, np.inf)
    assert quantile_interval([], 0.5) == (-np.inf, np.inf)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("n", [20, 47, 200])
def test_quantile_intervals_hold_at_least_their_level(n: int, q: float) -> None:
    # for ranks r < s the chance that the q-quantile lies between the r-th and the s-th of n values is
    # P(r <= B(n, q) < s), whatever the distribution
    low, high = quantile_interval(np.arange(1.0, n + 1), q)
    r = 0 if low == -np.inf else int(low)
    s = n + 1 if high == np.inf else int(high)
    assert sum(comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(r, s)) >= 0.95
