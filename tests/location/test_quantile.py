"""The quantile problem: brute force where it is small, and what must hold everywhere."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import NoAnswer, StudyError
from potomac.location import asked
from potomac.location.center import p_center
from potomac.location.quantile import p_quantile

Floats = npt.NDArray[np.float64]


def quantile(cost: Floats, weights: Floats, sites: tuple[int, ...], share: float) -> float:
    """The objective by its definition: the least cost within which the share of the weight is served."""
    least = cost[:, list(sites)].min(axis=1)
    enough = [r for r in np.unique(least) if weights[least <= r].sum() >= share * weights.sum() * (1 - 1e-12)]
    return float(min(enough))


def brute(cost: Floats, p: int, weights: Floats, share: float, fixed: tuple[int, ...] = ()) -> float:
    some = [s for s in combinations(range(cost.shape[1]), p) if set(fixed) <= set(s)]
    return min(quantile(cost, weights, s, share) for s in some)


def random_problem(seed: int) -> tuple[Floats, Floats]:
    draw = np.random.default_rng(seed)
    n, m = draw.integers(3, 25), draw.integers(6, 11)
    cost = draw.integers(0, 30, (n, m)).astype(float) if seed % 2 else draw.random((n, m)) * 30
    return cost, draw.integers(0, 4, n).astype(float) + (np.arange(n) == 0)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of problems with too many placements to look at, whatever their size."""
    monkeypatch.setattr(asked, "FEW", -1)


@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from([0.5, 0.9, 1.0]))
def test_all_placements_looked_at_equal_brute_force(seed: int, p: int, share: float) -> None:
    cost, weights = random_problem(seed)
    found = p_quantile(cost, p, share, weights)
    assert found.objective == pytest.approx(brute(cost, p, weights, share))
    assert found.proven


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("seed", range(40))
def test_the_search_over_radii_equals_brute_force(seed: int) -> None:
    cost, weights = random_problem(seed)
    p, share = 2 + seed % 3, [0.3, 0.75, 0.9, 1.0][seed % 4]
    found = p_quantile(cost, p, share, weights, fixed=[2])
    assert found.objective == pytest.approx(brute(cost, p, weights, share, (2,)))
    assert found.bound == found.objective
    assert quantile(cost, weights, tuple(found.sites), share) == found.objective
    assert 2 in found.sites
    assert len(found.sites) == p


def test_the_last_tenth_does_not_count() -> None:
    """Nine points at 0 and one at 100: nine in ten are served at 0, all of them at 100 from one site."""
    cost = np.abs(np.r_[np.zeros(9), 100.0][:, None] - np.array([[0.0, 1.0]]))
    assert p_quantile(cost, 1, 0.9).objective == 0.0
    assert p_quantile(cost, 1, 1.0).objective == 99.0


def test_all_of_the_weight_is_the_center() -> None:
    cost = np.random.default_rng(2).random((40, 20))
    one, other = p_quantile(cost, 5, 1.0), p_center(cost, 5)
    assert one.objective == other.objective
    assert one.proven
    assert other.proven


def test_smaller_shares_and_more_sites_take_no_longer() -> None:
    cost = np.random.default_rng(3).random((40, 20))
    shares = [p_quantile(cost, 4, share).objective for share in (0.5, 0.9, 1.0)]
    sites = [p_quantile(cost, p, 0.9).objective for p in range(1, 5)]
    assert (np.diff(shares) >= 0).all()
    assert (np.diff(sites) <= 0).all()


@pytest.mark.parametrize("way", [asked.FEW, -1])
def test_what_share_can_be_reached_is_told(way: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two islands of the same weight: one site reaches half."""
    monkeypatch.setattr(asked, "FEW", way)
    islands = np.where(np.kron(np.eye(2), np.ones((4, 4))) > 0, 1.0, np.inf)
    with pytest.raises(NoAnswer, match=r"reach 0\.5 of it"):
        p_quantile(islands, 1, 0.9)
    assert p_quantile(islands, 1, 0.5).objective == 1.0


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_shares_are_above_0_and_at_most_1(share: float) -> None:
    with pytest.raises(StudyError, match="share"):
        p_quantile([[1.0]], 1, share)


def test_time_is_kept_and_nothing_unproven_is_called_optimal() -> None:
    cost = np.random.default_rng(9).random((200, 200))
    found = p_quantile(cost, 10, 0.9, time_limit=0.0)
    assert found.status == "time_limit"
    assert found.bound < found.objective
    assert quantile(cost, np.ones(200), tuple(found.sites), 0.9) == found.objective
