"""Bootstrap intervals against Efron and Tibshirani, An Introduction to the Bootstrap (1993), and by coverage."""

from __future__ import annotations

import numpy as np
import pytest

from potomac.stats.bootstrap import Statistic, bca_interval, mean_of, percentile_interval, ratio_of, replicates
from potomac.stats.streams import Stream

STREAM = Stream(1)
# Table 3.1: average LSAT score and grade point average at 15 law schools
LSAT = np.array([576, 635, 558, 578, 666, 580, 555, 661, 651, 605, 653, 575, 545, 572, 594], float)
GPA = np.array([3.39, 3.30, 2.81, 3.03, 3.44, 3.07, 3.00, 3.43, 3.36, 3.13, 3.12, 2.74, 2.76, 2.88, 2.96])
# Table 14.1: spatial test A of 26 children
SPATIAL = np.array(
    [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41], float
)


def variance_of(x: np.ndarray) -> Statistic:
    """The plug-in variance, as a function of counts."""
    mean, square = mean_of(x), mean_of(x**2)
    return lambda counts: square(counts) - mean(counts) ** 2


def correlation_of(x: np.ndarray, y: np.ndarray) -> Statistic:
    """Pearson's correlation, as a function of counts."""
    covariance = variance_of(x + y), variance_of(x), variance_of(y)

    def correlation(counts: np.ndarray) -> np.ndarray:
        both, one, two = (statistic(counts) for statistic in covariance)
        return (both - one - two) / (2 * np.sqrt(one * two))

    return correlation


def test_the_law_schools() -> None:
    # the correlation is .776 (p. 49); its bootstrap standard error from 3,200 resamples .132 (p. 50, table 6.1)
    x, y = LSAT - LSAT.mean(), GPA - GPA.mean()
    correlation = correlation_of(x, y)
    assert correlation(np.ones((1, 15)))[0] == pytest.approx(0.776, abs=5e-4)
    values = replicates(correlation, 15, STREAM, draws=20_000)
    assert values.std(ddof=1) == pytest.approx(0.132, abs=0.006)  # three standard errors of the book's 3,200
    assert np.abs(values).max() <= 1 + 1e-12


def test_the_spatial_test() -> None:
    # 14.2 and 14.3: variance 171.5; of 2,000 resamples the 90 % percentile interval is (100.8, 233.9) and the BCa
    # interval (115.8, 259.6). The 5 % point of 2,000 resamples has a standard error of 2 units, the 95 % point of 3.
    variance = variance_of(SPATIAL - SPATIAL.mean())
    assert variance(np.ones((1, 26)))[0] == pytest.approx(171.5, abs=0.05)
    percentile = percentile_interval(variance, 26, STREAM, confidence=0.9, draws=20_000)
    bca = bca_interval(variance, 26, STREAM, confidence=0.9, draws=20_000)
    assert percentile == pytest.approx((100.8, 233.9), abs=6)
    assert bca == pytest.approx((115.8, 259.6), abs=6)


def test_both_agree_with_scipy() -> None:
    from scipy.stats import bootstrap

    variance = variance_of(SPATIAL - SPATIAL.mean())
    for method, ours in (("percentile", percentile_interval), ("BCa", bca_interval)):
        theirs = bootstrap((SPATIAL,), np.var, n_resamples=20_000, method=method, rng=1).confidence_interval
        assert ours(variance, 26, STREAM, draws=20_000) == pytest.approx((theirs.low, theirs.high), abs=5)


def test_a_mean_has_the_spread_that_theory_gives_it() -> None:
    # the bootstrap variance of a mean is its plug-in variance over n, exactly, for infinitely many resamples
    values = replicates(mean_of(SPATIAL), 26, STREAM, draws=20_000)
    assert values.mean() == pytest.approx(SPATIAL.mean(), abs=4 * SPATIAL.std() / np.sqrt(26 * 20_000))
    assert values.std() == pytest.approx(SPATIAL.std() / np.sqrt(26), rel=0.02)


def test_a_ratio_is_of_sums() -> None:
    ratio = ratio_of([1.0, 2.0, 3.0], [2.0, 2.0, 4.0])
    assert ratio(np.array([[1.0, 1, 1], [0, 2, 1]])).tolist() == [6 / 8, 7 / 8]
    assert np.isnan(ratio_of([0.0, 0.0], [0.0, 0.0])(np.ones((1, 2))))[0]


def coverage(interval, samples: int) -> float:
    """Share of samples of 20 exponential numbers whose 90 % interval holds the mean 1."""
    data = np.random.default_rng(11).exponential(size=(samples, 20))
    ends = [interval(mean_of(x), 20, STREAM.child(i), confidence=0.9, draws=600) for i, x in enumerate(data)]
    return float(np.mean([low <= 1 <= high for low, high in ends]))


def test_coverage_of_a_skewed_mean() -> None:
    # nominal .90; with n = 20 both are a little short (Davison and Hinkley 1997, 5.7), BCa less so. 600 samples have
    # a standard error of .012; the seeds are fixed.
    bca, percentile = coverage(bca_interval, 600), coverage(percentile_interval, 600)
    assert 0.83 < percentile < 0.90
    assert 0.85 < bca < 0.92
    assert bca >= percentile


def test_clusters_are_drawn_whole() -> None:
    # 12 vessels, each with the same value in 30 records: the mean is as uncertain as that of 12 numbers, not of 360
    vessel = np.repeat(np.arange(12), 30)
    value = np.random.default_rng(2).normal(size=12)
    together = replicates(mean_of(value[vessel]), 360, STREAM, clusters=vessel)
    alone = replicates(mean_of(value), 12, STREAM)
    assert together == pytest.approx(alone)  # the same draws of the same units
    assert replicates(mean_of(value[vessel]), 360, STREAM).std() < 0.3 * together.std()


def test_labels_of_clusters_may_be_anything() -> None:
    value = np.arange(6.0)
    words = np.array(["b", "b", "a", "a", "c", "c"])
    numbers = np.array([7, 7, -1, -1, 9, 9])
    one = bca_interval(mean_of(value), 6, STREAM, clusters=words)
    assert one == bca_interval(mean_of(value), 6, STREAM, clusters=numbers)


def test_the_same_stream_gives_the_same_interval_and_memory_does_not_matter(monkeypatch) -> None:
    from potomac.stats import bootstrap

    one = bca_interval(mean_of(SPATIAL), 26, STREAM)
    monkeypatch.setattr(bootstrap, "_BLOCK", 100)
    assert bca_interval(mean_of(SPATIAL), 26, STREAM) == pytest.approx(one, rel=1e-12)
    assert bca_interval(mean_of(SPATIAL), 26, Stream(2)) != one


@pytest.mark.parametrize("interval", [bca_interval, percentile_interval])
def test_ends_of_the_road(interval) -> None:
    assert interval(mean_of([3.0]), 1, STREAM) == (-np.inf, np.inf)
    assert interval(mean_of([3.0, 4.0]), 2, STREAM, clusters=["a", "a"]) == (-np.inf, np.inf)
    assert interval(mean_of([3.0, 3.0, 3.0]), 3, STREAM) == (3.0, 3.0)  # nothing varies
    assert interval(ratio_of([0.0, 0.0], [0.0, 0.0]), 2, STREAM) == (-np.inf, np.inf)  # nothing is known
    with pytest.raises(ValueError, match="rows is 0"):
        interval(mean_of([]), 0, STREAM)
    with pytest.raises(ValueError, match="one label a row"):
        interval(mean_of([1.0, 2.0]), 2, STREAM, clusters=["a"])
    with pytest.raises(ValueError, match="draws is 0"):
        interval(mean_of([1.0, 2.0]), 2, STREAM, draws=0)
