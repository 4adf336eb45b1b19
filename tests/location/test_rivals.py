"""Scenarios in which a radius, capacities, opening costs or a cover matter: against all placements, one by one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from potomac.errors import DataError, StudyError
from potomac.location.question import Problem
from potomac.location.rivals import Market
from potomac.location.scenarios import Spread, Stability, by_hour, scenario, stability
from potomac.stats.streams import Stream

STREAM = Stream(5, ("rivals",))
N, M = 9, 6


def towns(seed: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 60, (N, 2)), rng.uniform(0, 60, (M, 2))
    return np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1)), rng.uniform(1, 9, N), rng


def nearest(t: np.ndarray, w: np.ndarray, sites: list[int], radius: float) -> tuple[float, float]:
    """Share of the weight beyond the radius, and mean minutes of the others over all people."""
    near = t[:, sites].min(axis=1)
    here = near <= radius
    return float(w[~here].sum() / w.sum()), float(w[here] @ near[here] / w.sum())


def transported(t: np.ndarray, w: np.ndarray, sites: list[int], capacity: np.ndarray) -> tuple[float, float]:
    """The transport problem as a linear program: first as little as can be is left out, then the ways are short."""
    s = len(sites)
    far = 1e4
    cost = np.append(t[:, sites], np.full((N, 1), far), axis=1).ravel()
    rows = np.kron(np.eye(N), np.ones(s + 1))
    room = np.kron(np.ones(N), np.eye(s + 1)[:s])
    found = linprog(cost, A_ub=room, b_ub=capacity[sites], A_eq=rows, b_eq=w, method="highs")
    flow = found.x.reshape(N, s + 1)
    return float(flow[:, s].sum() / w.sum()), float((flow[:, :s] * t[:, sites]).sum() / w.sum())


def placements(p: int | None, fixed: tuple[int, ...] = ()) -> list[list[int]]:
    counts = range(1, M + 1) if p is None else [p]
    every = chain.from_iterable(combinations(range(M), k) for k in counts)
    return [list(sites) for sites in every if set(fixed) <= set(sites)]


def best_of(costs: list[tuple[float, float]]) -> tuple[float, float]:
    lost = min(cost[0] for cost in costs)
    return lost, min(cost[1] for cost in costs if cost[0] <= lost + 1e-9)


def told(found: Stability, cost: Callable[[int, list[int]], tuple[float, float]], every: list[list[int]]) -> None:
    """What is told of each scenario is what looking at all placements says."""
    for k in range(found.count):
        mine, (lost, least) = cost(k, found.sites.tolist()), best_of([cost(k, sites) for sites in every])
        assert (found.lost[k], found.chosen[k]) == pytest.approx(mine, abs=1e-7)
        assert (found.lost_least[k], found.least[k]) == pytest.approx((lost, least), abs=1e-7)
        sites = found.best[k][found.best[k] >= 0].tolist()
        assert cost(k, sites) == pytest.approx((lost, least), abs=1e-7)
        if mine[0] > lost + 1e-8:
            assert np.isnan(found.regret[k])
        else:
            assert found.regret[k] == pytest.approx(mine[1] - least, abs=1e-7)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_within_a_radius_who_leaves_out_fewer_is_better_and_then_who_is_nearer(seed: int, p: int) -> None:
    minutes, w, rng = towns(seed)
    chosen = np.sort(rng.choice(M, p, replace=False))
    found = stability(minutes, w, chosen, Problem("minisum", p, service_radius=40.0), count=6, stream=STREAM)
    drawn = [scenario(minutes, w, k, STREAM, Spread()) for k in range(6)]
    told(found, lambda k, sites: nearest(*drawn[k], sites, 40.0), placements(p))
    assert found.exact
    assert found.limited
    assert found.keeps[0] == np.mean([nearest(*one, chosen.tolist(), 40.0)[0] == 0 for one in drawn])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_with_capacities_demand_goes_where_there_is_room(seed: int, p: int) -> None:
    minutes, w, rng = towns(seed)
    capacity = rng.uniform(0.6, 1.4, M) * w.sum() / p
    chosen = np.sort(rng.choice(M, p, replace=False))
    problem = Problem("minisum", p)
    found = stability(minutes, w, chosen, problem, count=4, stream=STREAM, capacity=capacity)
    drawn = [scenario(minutes, w, k, STREAM, Spread()) for k in range(4)]
    told(found, lambda k, sites: transported(*drawn[k], sites, capacity), placements(p))


@pytest.mark.parametrize("limited", [False, True])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_fixed_charges_weigh_opening_against_ways(limited: bool, seed: int) -> None:
    minutes, w, rng = towns(seed)
    opening, capacity = rng.uniform(50, 300, M), rng.uniform(0.4, 1.2, M) * w.sum() / 2
    chosen = np.sort(rng.choice(M, 2, replace=False))
    more = {"capacity": capacity} if limited else {}
    found = stability(
        minutes, w, chosen, Problem("fixed_charge", None), count=3, stream=STREAM, opening=opening, **more
    )
    drawn = [scenario(minutes, w, k, STREAM, Spread()) for k in range(3)]

    def cost(k: int, sites: list[int]) -> tuple[float, float]:
        t, demand = drawn[k]
        lost, ways = transported(t, demand, sites, capacity) if limited else nearest(t, demand, sites, np.inf)
        return lost, ways + float(opening[sites].sum() / demand.sum())

    told(found, cost, placements(None))
    assert found.limited == limited
    assert found.unit == "min"


@pytest.mark.parametrize("priced", [False, True])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_cover_leaves_out_as_few_as_can_be_and_is_then_cheap(priced: bool, seed: int) -> None:
    minutes, w, rng = towns(seed)
    opening = rng.integers(1, 5, M).astype(float) if priced else np.ones(M)
    chosen = np.sort(rng.choice(M, 4, replace=False))
    found = stability(
        minutes, w, chosen, Problem("set_cover", None, service_radius=35.0), count=5, stream=STREAM,
        opening=opening if priced else None,
    )  # fmt: skip
    drawn = [scenario(minutes, w, k, STREAM, Spread()) for k in range(5)]

    def cost(k: int, sites: list[int]) -> tuple[float, float]:
        return nearest(*drawn[k], sites, 35.0)[0], float(opening[sites].sum())

    if found.exact:
        told(found, cost, placements(None))
    for k in range(5):
        lost, least = best_of([cost(k, sites) for sites in placements(None)])
        assert found.lost_least[k] == pytest.approx(lost, abs=1e-9)
        assert found.least[k] >= least - 1e-9
    assert found.unit == ("" if priced else "sites")


def test_a_cover_of_more_than_it_takes_costs_what_is_spare() -> None:
    """Both sites reach everyone whatever happens: two are one too many."""
    found = stability(
        [[1.0, 1.0], [1.0, 1.0]], None, [0, 1], Problem("set_cover", None, service_radius=60.0), count=5, stream=STREAM
    )
    assert found.regret.tolist() == [1] * 5
    assert found.keeps[0] == 1
    assert found.unbeaten[0] == 0
    assert found.wins.tolist() == [5, 0]


def test_the_longest_time_is_held_against_the_radius_too() -> None:
    minutes, w, _ = towns(3)
    found = stability(minutes, w, [1, 4], Problem("minimax", 2, service_radius=45.0), count=40, stream=STREAM)
    far = [scenario(minutes, w, k, STREAM, Spread()) for k in range(40)]
    lost = [float(d[t[:, [1, 4]].min(axis=1) > 45.0].sum() / d.sum()) for t, d in far]
    assert found.lost == pytest.approx(lost)
    assert np.isfinite(found.regret).all(), "minutes say it all"
    assert found.limited


def test_more_candidates_than_can_be_looked_at_are_never_worse_than_the_chosen_nor_better_than_all() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.uniform(0, 60, (20, 2)), rng.uniform(0, 60, (12, 2))
    minutes, w = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1)), rng.uniform(1, 9, 20)
    capacity = np.full(12, 0.45 * w.sum())
    found = stability(minutes, w, [0, 5, 9], Problem("minisum", 3), count=8, stream=STREAM, capacity=capacity)
    assert not found.exact
    assert (found.lost_least <= found.lost + 1e-12).all()
    free = stability(minutes, w, [0, 5, 9], Problem("minisum", 3), count=8, stream=STREAM)
    whole = found.lost_least <= 1e-9
    floor = [
        min(
            float(d @ t[:, list(s)].min(axis=1) / d.sum())
            for s in combinations(range(12), 3)
        )
        for t, d in (scenario(minutes, w, k, STREAM, Spread()) for k in range(8))
    ]  # fmt: skip
    assert (found.least[whole] >= np.array(floor)[whole] - 1e-9).all(), "room is never gained by a limit"
    assert (free.least >= np.array(floor) - 1e-9).all()


@pytest.mark.parametrize("problem", [Problem("fixed_charge", None), Problem("set_cover", None, service_radius=30.0)])
def test_fixed_sites_stay_and_forbidden_ones_never_win(problem: Problem) -> None:
    minutes, w, _ = towns(1)
    opening = np.full(M, 100.0)
    found = stability(
        minutes, w, [0, 2], problem, count=10, stream=STREAM, opening=opening, fixed=[0], forbidden=[5]
    )  # fmt: skip
    assert found.share[0] == 1
    assert found.share[5] == 0


def test_one_core_gives_what_two_give_where_there_are_capacities() -> None:
    minutes, w, _ = towns(4)
    capacity = np.full(M, 0.6 * w.sum())
    one, two = (
        stability(minutes, w, [1, 5], Problem("minisum", 2), count=20, stream=STREAM, threads=t, capacity=capacity)
        for t in (1, 2)
    )
    assert (one.least == two.least).all()
    assert (one.best == two.best).all()


def test_the_hour_can_leave_people_out() -> None:
    """At rush hour the second point is beyond the radius of the first site, and within that of the second."""
    night, rush = [[1.0, 9.0], [9.0, 8.0]], [[1.0, 9.5], [12.0, 9.8]]
    late, full = by_hour({3: night, 17: rush}, None, [0], Problem("minisum", 1, service_radius=10.0))
    assert (late.lost, late.regret, late.sites.tolist()) == (0, 0, [0])
    assert (full.lost, full.lost_least, full.sites.tolist()) == (0.5, 0, [1])
    assert np.isnan(full.regret)


def test_wrong_capacities_and_a_missing_radius_are_told() -> None:
    minutes, w, _ = towns(0)
    with pytest.raises(DataError, match="capacity"):
        stability(minutes, w, [0], Problem("minisum"), capacity=[1.0, 2.0])
    with pytest.raises(StudyError, match="radius"):
        stability(minutes, w, [0], Problem("set_cover", None))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_the_share_of_a_market_is_lost_to_others_whose_ways_vary_as_well(seed: int, p: int) -> None:
    """Huff: of each point's custom own sites have U / (U + R), with pulls of attractiveness over minutes squared."""
    minutes, w, rng = towns(seed)
    pull = rng.uniform(1, 5, M)
    problem, market = Problem("market_share", p, staying=0.002), Market(pull, np.array([4, 5]))
    chosen = np.sort(rng.choice(4, p, replace=False))
    found = stability(minutes, w, chosen, problem, count=5, stream=STREAM, market=market)
    for k in range(5):
        t, d = scenario(minutes, w, k, STREAM, Spread())
        u = pull / np.maximum(t, 1.0) ** 2
        lost = {
            sites: 1 - float(d @ (mine / (mine + u[:, 4:].sum(axis=1) + 0.002)) / d.sum())
            for sites in combinations(range(4), p)
            for mine in [u[:, list(sites)].sum(axis=1)]
        }
        assert found.chosen[k] == pytest.approx(lost[tuple(chosen.tolist())])
        assert found.least[k] >= min(lost.values()) - 1e-12
        assert found.least[k] == pytest.approx(lost[tuple(found.best[k].tolist())])
        if p == 1:
            assert found.least[k] == pytest.approx(min(lost.values()))
    assert found.wins[4:].tolist() == [0, 0]
    assert found.unit == "share of people"
