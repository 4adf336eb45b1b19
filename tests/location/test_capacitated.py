"""Capacitated p-median: brute force where it is small, known optima where they are known, what must hold anywhere."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.location.capacitated import capacitated_p_median
from potomac.location.placement import Placement
from potomac.location.pmedian.search import p_median

from .capacities import median
from .orlib import known

Floats = npt.NDArray[np.float64]


def best_assignment(cost: Floats, demand: Floats, capacity: Floats, sites: tuple[int, ...]) -> float:
    """The least cost of all ways to give each demand point one of the sites, none of which holds too much."""
    who = np.array(list(product(sites, repeat=len(demand))))
    fits = [((demand * (who == j)).sum(axis=1) <= capacity[j] + 1e-9) for j in sites]
    values = cost[np.arange(len(demand)), who].sum(axis=1)
    return float(np.where(np.all(fits, axis=0), values, np.inf).min())


def brute(cost: Floats, p: int, demand: Floats, capacity: Floats) -> float:
    """The least cost of all placements."""
    return min(best_assignment(cost, demand, capacity, s) for s in combinations(range(cost.shape[1]), p))


def tight(seed: int, p: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Costs, weights, demand and capacity of a problem in which capacity counts."""
    draw = np.random.default_rng(seed)
    n, m = int(draw.integers(3, 7)), int(draw.integers(p, 5))
    cost = draw.integers(0, 30, (n, m)).astype(float) if seed % 2 else draw.random((n, m)) * 30
    if seed % 3 == 0:
        cost[draw.random((n, m)) < 0.15] = np.inf
    demand = draw.integers(0, 10, n).astype(float) if seed % 5 else draw.random(n) * 10
    demand[0] += 1.0
    capacity = np.ceil(demand.sum() / p * draw.uniform(0.8, 1.7, m))
    return cost, draw.integers(1, 4, n).astype(float), demand, capacity


def checked(found: Placement, cost: Floats, weights: Floats, demand: Floats, capacity: Floats) -> None:
    """The objective is that of the assignment, capacities hold, and only sites serve."""
    n = len(demand)
    assert found.objective == pytest.approx((cost[np.arange(n), found.assignment] * weights).sum())
    assert (np.bincount(found.assignment, demand, len(capacity)) <= capacity + 1e-9).all()
    assert set(found.assignment.tolist()) <= set(found.sites.tolist())
    assert found.bound <= found.objective


@given(st.integers(0, 20_000), st.integers(1, 3))
def test_equals_brute_force(seed: int, p: int) -> None:
    cost, weights, demand, capacity = tight(seed, p)
    best = brute(cost * weights[:, None], p, demand, capacity)
    if np.isfinite(best):
        found = capacitated_p_median(cost, p, demand, capacity, weights)
        assert found.objective == pytest.approx(best)
        assert found.status == "optimal"
        assert found.proven
        assert len(found.sites) == p
        checked(found, cost, weights, demand, capacity)
    else:
        with pytest.raises(NoAnswer):
            capacitated_p_median(cost, p, demand, capacity, weights)


@pytest.mark.parametrize("seed", range(4))
def test_what_holds_of_every_answer(seed: int) -> None:
    draw = np.random.default_rng(seed)
    points = draw.random((40, 2)) * 100
    cost = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    demand, weights = draw.integers(1, 20, 40).astype(float), draw.random(40)
    capacity = np.full(40, np.ceil(demand.sum() / 5 * 1.15))
    found = capacitated_p_median(cost, 5, demand, capacity, weights)
    assert found.proven
    checked(found, cost, weights, demand, capacity)
    rows, columns = draw.permutation(40), draw.permutation(40)
    other = capacitated_p_median(cost[rows][:, columns], 5, demand[rows], capacity[columns], weights[rows])
    assert other.objective == pytest.approx(found.objective)
    again = capacitated_p_median(cost, 5, demand, capacity, weights)
    assert again.assignment.tolist() == found.assignment.tolist()


def test_more_sites_never_cost_more() -> None:
    draw = np.random.default_rng(8)
    cost, demand = draw.random((25, 15)), draw.integers(1, 9, 25).astype(float)
    capacity = np.full(15, np.ceil(demand.sum() / 3 * 1.1))
    values = [capacitated_p_median(cost, p, demand, capacity).objective for p in range(3, 8)]
    assert (np.diff(values) <= 1e-9).all()


def test_without_limits_it_is_the_p_median() -> None:
    draw = np.random.default_rng(9)
    cost, weights = draw.random((40, 25)), draw.random(40)
    found = capacitated_p_median(cost, 4, weights, np.inf, weights)
    assert found.objective == pytest.approx(p_median(cost, 4, weights).objective)
    assert (cost[np.arange(40), found.assignment] == cost[:, found.sites].min(axis=1)).all()


def test_capacity_sends_one_to_the_far_site() -> None:
    """Three of demand 2 beside a site for 4, at cost 1: one of them goes to the other site, at cost 10."""
    found = capacitated_p_median([[1, 10], [1, 10], [1, 10]], 2, [2, 2, 2], [4, 4])
    assert found.objective == 1 + 1 + 10
    assert np.bincount(found.assignment).tolist() == [2, 1]


def test_fixed_stay_and_forbidden_stay_out() -> None:
    draw = np.random.default_rng(10)
    cost, demand = draw.random((20, 10)), np.ones(20)
    found = capacitated_p_median(cost, 3, demand, np.full(10, 8.0), fixed=[2], forbidden=[0, 1])
    assert 2 in found.sites
    assert not {0, 1} & set(found.sites.tolist())
    every = [
        capacitated_p_median(cost, 3, demand, np.full(10, 8.0), fixed=s, forbidden=[]).objective
        for s in ([2, a, b] for a, b in combinations(range(3, 10), 2))
    ]
    assert found.objective == pytest.approx(min(every))


def test_shortfall_is_told() -> None:
    with pytest.raises(NoAnswer, match="the 2 sites that hold most hold 9 of a demand of 12: 3 too little") as told:
        capacitated_p_median(np.ones((6, 3)), 2, np.full(6, 2.0), [5, 4, 3])
    assert "3 sites could hold it" in str(told.value)


def test_a_demand_point_above_every_capacity_is_told() -> None:
    with pytest.raises(NoAnswer, match="demand of demand point 1 is 7, and the largest candidate that reaches it hold"):
        capacitated_p_median(np.ones((3, 3)), 2, [1, 7, 1], [5, 6, 3])


def test_demand_that_only_small_candidates_reach_is_told() -> None:
    """Demand points 0 and 1 reach candidate 0 alone, which holds 3 of their 4."""
    cost = np.array([[1, np.inf, np.inf], [1, np.inf, np.inf], [2, 1, 1]])
    with pytest.raises(
        NoAnswer, match=r"demand point 0, 1 can be served by candidate 0 only, which hold.* 1 too little"
    ):
        capacitated_p_median(cost, 2, [2, 2, 1], [3, 9, 9])


def test_whole_demand_points_that_do_not_fit_are_ruled_out() -> None:
    """Three of demand 2 in two sites of 3: there is room for 6, and yet each site takes one."""
    with pytest.raises(NoAnswer, match="all were ruled out"):
        capacitated_p_median(np.ones((3, 2)), 2, [2, 2, 2], [3, 3])


def test_unreachable_and_nonsense() -> None:
    with pytest.raises(NoAnswer, match="no candidate reaches demand point 0"):
        capacitated_p_median(np.array([[np.inf, np.inf], [1, 2]]), 1, [1, 1], 9)
    with pytest.raises(DataError, match="capacity"):
        capacitated_p_median(np.ones((2, 2)), 1, [1, 1], [1, -1])
    with pytest.raises(DataError, match="demand"):
        capacitated_p_median(np.ones((2, 2)), 1, [1, np.nan], 9)
    with pytest.raises(StudyError, match="p is 0"):
        capacitated_p_median(np.ones((2, 2)), 0, [1, 1], 9)


def test_who_neither_costs_nor_takes_anything_need_not_be_served() -> None:
    found = capacitated_p_median(np.array([[np.inf, np.inf], [1, 2]]), 1, [0, 1], 9, [0, 1])
    assert found.objective == 1.0
    assert found.assignment.tolist() == [-1, 0]


@known
@pytest.mark.parametrize("name", ["pmedcap01", "pmedcap03", "pmedcap05", "pmedcap09", "pmedcap11"])
def test_known_optima(name: str) -> None:
    one = median(name)
    found = capacitated_p_median(one.cost, one.p, one.demand, one.capacity)
    assert found.proven
    assert found.objective == one.optimum
    checked(found, one.cost, np.ones(len(one.demand)), one.demand, np.full(len(one.demand), one.capacity))


def test_a_candidate_that_is_out_serves_nobody() -> None:
    """With as many fixed sites as p all others are out, and their pairs must not be taken for those of other sites."""
    inf = float("inf")
    for cost, demand, capacity, fixed in (
        ([[2, 3], [1, inf], [5, 4]], [1, 2, 1], [8, 8], [1]),
        ([[4, 3, 3], [1, 2, 2], [4, 2, 3]], [3, 2, 3], [4, 4, 6], [0, 1]),
    ):
        with pytest.raises(NoAnswer):
            capacitated_p_median(cost, len(fixed), demand, capacity, fixed=fixed)
