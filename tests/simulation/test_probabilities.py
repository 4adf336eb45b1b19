"""Probabilities that come true, and those that do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from potomac.simulation.validity.probabilities import (
    bins_of,
    brier,
    hosmer_lemeshow,
    logit,
    reliability,
    slope,
    spiegelhalter,
)


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1.0, 2.0, n)
    return (rng.random(n) < p).astype(float), p


def test_the_parts_of_briers_score_on_paper() -> None:
    """Forecasts .2 (1 of 4 came) and .8 (3 of 4 came); the mean is .5.

    Score = (3 x .04 + .64 + 3 x .04 + .64) / 8 = .19; reliability = (.05^2 + .05^2) / 2 = .0025;
    resolution = (.25^2 + .25^2) / 2 = .0625; uncertainty = .25; and .0025 - .0625 + .25 = .19.
    """
    y, p = np.array([1.0, 0, 0, 0, 1, 1, 1, 0]), np.repeat([0.2, 0.8], 4)
    parts = brier(y, p, bins_of(p))
    assert parts["brier"] == pytest.approx(0.19)
    assert parts["reliability"] == pytest.approx(0.0025)
    assert parts["resolution"] == pytest.approx(0.0625)
    assert parts["uncertainty"] == pytest.approx(0.25)
    assert parts["within"] == pytest.approx(0, abs=1e-12)


def test_hosmer_and_lemeshow_on_paper() -> None:
    """Two groups of 4: (1 - .8)^2 / (4 x .2 x .8) each: .125 in all."""
    y, p = np.array([1.0, 0, 0, 0, 1, 1, 1, 0]), np.repeat([0.2, 0.8], 4)
    assert hosmer_lemeshow(y, p, bins_of(p)) == pytest.approx(2 * 0.04 / 0.64)


def test_spiegelhalters_z_is_standard_and_rises_with_overconfidence() -> None:
    z = np.array([spiegelhalter(*drawn(200, seed)) for seed in range(400)])
    assert z.mean() == pytest.approx(0, abs=4 / 20)
    assert z.std() == pytest.approx(1, abs=0.15)
    y, p = drawn(2000)
    sure = 1 / (1 + np.exp(-2 * logit(p)))
    assert spiegelhalter(y, sure) > 4
    assert spiegelhalter(np.array([1.0, 0.0]), np.array([1.0, 0.0])) == 0.0


def test_the_slope_is_the_maximum_of_the_likelihood() -> None:
    y, p = drawn(500)

    def loss(beta: np.ndarray) -> float:
        eta = beta[0] + beta[1] * logit(p)
        return float(np.sum(np.logaddexp(0, eta) - y * eta))

    best = minimize(loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).x
    assert slope(y, p) == pytest.approx(tuple(best), abs=1e-5)


def test_true_probabilities_have_intercept_0_and_slope_1_exactly() -> None:
    _, p = drawn(300)
    assert slope(p, p) == pytest.approx((0.0, 1.0), abs=1e-9)
    doubled = 1 / (1 + np.exp(-2 * logit(p)))
    assert slope(p, doubled) == pytest.approx((0.0, 0.5), abs=1e-9)


def test_there_is_no_slope_of_what_is_parted_or_all_alike() -> None:
    assert np.isnan(slope(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.8, 0.9]))).all()
    assert np.isnan(slope(np.ones(4), np.array([0.1, 0.2, 0.8, 0.9]))).all()


def test_groups_are_equal_and_keep_equal_probabilities_together() -> None:
    _, p = drawn(1000)
    assert np.bincount(bins_of(p)).tolist() == [100] * 10
    assert np.bincount(bins_of(np.repeat([0.1, 0.5], 50))).tolist() == [50, 50]
    assert bins_of(np.full(5, 0.3)).tolist() == [0] * 5


def test_reliability_has_wilsons_interval() -> None:
    y, p = np.array([1.0] * 3 + [0.0] * 7), np.full(10, 0.3)
    (row,) = reliability(y, p, bins_of(p)).to_pylist()
    assert (row["n"], row["observed"]) == (10, pytest.approx(0.3))
    z2 = 1.959964**2  # (k + z^2/2 +- z sqrt(k (n - k) / n + z^2/4)) / (n + z^2), Wilson 1927
    ends = [(3 + z2 / 2 + sign * np.sqrt(z2 * (2.1 + z2 / 4))) / (10 + z2) for sign in (-1, 1)]
    assert [row["low"], row["high"]] == pytest.approx(ends)
