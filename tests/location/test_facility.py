"""What the solvers of capacities and opening costs are made of: bounds that hold, flows and exchanges that are best."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from potomac.location.asked import asked
from potomac.location.facility import search
from potomac.location.facility.closing import closed
from potomac.location.facility.nearest import interchanged, raised
from potomac.location.facility.problem import facilities
from potomac.location.facility.relaxation import NODES, ascend, dearer, listed
from potomac.location.facility.search import best_facilities
from potomac.location.facility.shared import transport
from potomac.location.facility.single import assign, wander
from potomac.location.highs import Clock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def problem(seed: int, n: int = 6, m: int = 4) -> tuple[Floats, Floats, Floats, Floats]:
    """Costs, demand, capacity and opening costs."""
    draw = np.random.default_rng(seed)
    demand = draw.integers(1, 9, n).astype(float)
    capacity = np.ceil(demand.sum() * draw.uniform(0.4, 0.9, m))
    return draw.random((n, m)) * 20, demand, capacity, draw.uniform(0, 15, m)


def answers(cost: Floats, demand: Floats, capacity: Floats, opening: Floats, p: int) -> list[tuple[Ints, float]]:
    """Every way to open p sites and to give each demand point one of them, with its cost."""
    out = []
    for sites in combinations(range(cost.shape[1]), p):
        for who in product(sites, repeat=len(demand)):
            if (np.bincount(who, demand, len(capacity)) <= capacity).all():
                value = cost[np.arange(len(demand)), list(who)].sum() + opening[list(sites)].sum()
                out.append((np.array(who), float(value)))
    return out


@given(st.integers(0, 10_000))
def test_transport_equals_linear_programmes(seed: int) -> None:
    draw = np.random.default_rng(seed)
    n, s = int(draw.integers(1, 10)), int(draw.integers(1, 6))
    cost = draw.random((n, s)) * 10
    if seed % 2:
        cost[draw.random((n, s)) < 0.3] = np.inf
    demand = draw.integers(0, 9, n).astype(float) if seed % 3 else draw.random(n)
    capacity = draw.random(s) * demand.sum() * 2.5 / s
    there = np.isfinite(cost)
    found = linprog(
        np.where(there, cost, 0.0).ravel(), np.kron(demand, np.eye(s)), capacity, np.kron(np.eye(n), np.ones(s)),
        np.ones(n), bounds=np.column_stack([np.zeros(n * s), there.ravel()]),
    )  # fmt: skip
    value, share, blocked = transport(cost, demand, capacity, np.arange(s))
    if found.status == 0:
        assert value == pytest.approx(found.fun)
        assert share.sum(axis=1) == pytest.approx(np.ones(n))
        assert (demand @ share <= capacity * (1 + 1e-9) + 1e-12).all()
    else:
        assert value == np.inf
        if blocked.any():  # those who reach these sites alone ask for more than they hold
            only = ~there[:, ~blocked].any(axis=1)
            assert demand[only].sum() > capacity[blocked].sum()


@pytest.mark.parametrize("seed", range(12))
def test_no_answer_is_below_the_bound_and_none_uses_a_pair_below_its_own(seed: int) -> None:
    cost, demand, capacity, opening = problem(seed)
    n, m = cost.shape
    some = answers(cost, demand, capacity, opening, 2)
    best = min((value for _, value in some), default=np.inf)
    status, goal = np.zeros(m, np.int8), best + 2.0 if some else np.inf
    pairs = listed(cost, status)
    multiplier = np.median(cost, axis=1)
    bound, _, _ = ascend(
        pairs, demand, capacity, opening, status, 2, 2, multiplier, cost.min(axis=1), goal, 200, NODES, 1.0, 15, 0.7,
        np.zeros(m), np.zeros(m), np.zeros(len(pairs.row)), np.zeros(n),
    )  # fmt: skip
    assert bound <= best + 1e-9
    for who, value in some:
        if value < goal:  # what is fixed is fixed in these
            assert not (status[who] == -1).any()
    for anew in (True, False):
        toll = dearer(pairs, demand, capacity, opening, status, 2, 2, multiplier, NODES, goal, anew)
        for k in range(len(pairs.row)):
            i, j = pairs.row[k], int(np.searchsorted(pairs.start, k, side="right")) - 1
            using = [value for who, value in some if who[i] == j and value < goal]
            assert toll[k] <= min(using, default=np.inf) + 1e-9


@pytest.mark.parametrize("seed", range(8))
def test_dual_ascent_pays_no_site_twice(seed: int) -> None:
    """Dual feasible: sum_i max(0, v_i - c_ij) <= f_j; and then sum_i v_i is a bound."""
    draw = np.random.default_rng(seed)
    cost, opening = draw.random((30, 8)) * 10, draw.uniform(2, 20, 8)
    cost[draw.random(cost.shape) < 0.2] = np.inf
    cost[:, 0] = 12.0
    pays = raised(cost, opening, np.zeros(8, np.int8))
    paid = np.maximum(pays[:, None] - cost, 0.0).sum(axis=0)
    assert (paid <= opening + 1e-9).all()
    some = [list(s) for k in range(1, 9) for s in combinations(range(8), k)]
    best = min(cost[:, s].min(axis=1).sum() + opening[s].sum() for s in some)
    assert pays.sum() <= best + 1e-9
    near = (pays[:, None] >= cost - 1e-9) & (paid >= opening - 1e-9)
    assert near.any(axis=1).all()  # nobody can pay more


@pytest.mark.parametrize(("least", "most"), [(1, 12), (4, 4)])
@pytest.mark.parametrize("seed", range(4))
def test_no_single_exchange_is_left(seed: int, least: int, most: int) -> None:
    draw = np.random.default_rng(seed)
    cost, opening, status = draw.random((40, 12)), draw.uniform(0, 2, 12), np.zeros(12, np.int8)
    status[3], status[5] = 1, -1

    def value(sites: list[int]) -> float:
        return float(cost[:, sites].min(axis=1).sum() + opening[sites].sum())

    found = interchanged(cost, opening, status, np.array([3, 6, 7, 8]), least, most, 1e4, 1e-9, 100).tolist()
    assert 3 in found
    assert 5 not in found
    outside = [j for j in range(12) if j not in found and j != 5]
    loose = [k for k in found if k != 3]
    others = [[*(set(found) - {k}), j] for k in loose for j in outside]
    others += [[*found, j] for j in outside] if len(found) < most else []
    others += [[*(set(found) - {k})] for k in loose] if len(found) > least else []
    assert all(value(found) <= value(one) + 1e-9 for one in others)


@pytest.mark.parametrize("seed", range(8))
def test_assignments_fit_and_wandering_makes_none_worse(seed: int) -> None:
    draw = np.random.default_rng(seed)
    cost, demand = draw.random((40, 12)), draw.integers(1, 10, 40).astype(float)
    capacity, opening, status = np.full(12, np.ceil(demand.sum() / 4 * 1.1)), np.zeros(12), np.zeros(12, np.int8)
    sites, who, order = np.arange(4), np.full(40, -1), np.argsort(-demand)
    value = assign(cost, demand, capacity, opening, status, sites, who, order, 0.5, 1e-9, True)

    def fits() -> float:
        assert (np.bincount(who, demand, 4) <= capacity[sites] + 1e-9).all()
        assert len(set(sites.tolist())) == 4
        return float(cost[np.arange(40), sites[who]].sum())

    assert fits() == pytest.approx(value)
    random = np.array([7], np.uint64)
    better = wander(
        cost, demand, capacity, opening, status, sites, who, value, order, 0.5, 1e-9, 50, random
    )  # fmt: skip
    assert better <= value
    assert fits() == pytest.approx(better)


@pytest.mark.parametrize("service", ["nearest", "shared", "single"])
@pytest.mark.parametrize("p", [None, 5])
def test_the_tree_finds_what_the_whole_model_has(service: str, p: int | None) -> None:
    for seed in range(4):
        cost, demand, capacity, opening = problem(seed, 24, 14)
        capacity = np.ceil(capacity * 0.45)
        if seed % 2:
            cost[np.random.default_rng(seed).random(cost.shape) < 0.3] = np.inf
        limits = None if service == "nearest" else capacity
        f = facilities(cost, None, demand, limits, opening, asked(14, p, (1,), (2,)), service == "single")
        assert f.service == service
        found = best_facilities(f, Clock(30), 0.0, 0)
        whole, _, _ = closed(
            listed(f.cost, f.status), f.demand, f.capacity, f.opening, f.status, f.least, f.most,
            service == "single", Clock(30),
        )  # fmt: skip
        assert whole.ending == "optimal"
        assert found.met.objective == pytest.approx(whole.objective)
        assert found.bound == pytest.approx(whole.objective)


def test_multipliers_that_the_bound_does_not_depend_on_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """With sites 0 and 1 in, lambda_0 may be anything: 1/3 and 2/3 of demand point 0 are served. (0, 1) is the best."""
    monkeypatch.setattr(search, "LOOKS", 0)
    cost = np.array([[18.0, 10, 2, 17], [27, 9, 25, 3]])
    f = facilities(cost, None, [3, 0], [1, 2, 2, 3], [6, 5, 28, 15], asked(4, None, (), ()), False)
    found = best_facilities(f, Clock(10), 0.0, 0)
    assert found.met.sites.tolist() == [0, 1]
    assert found.met.objective == pytest.approx(6 + 5 + 18 / 3 + 10 * 2 / 3 + 9)
    assert found.bound == pytest.approx(found.met.objective)


@pytest.mark.parametrize("service", ["nearest", "shared", "single"])
def test_without_time_the_bound_still_holds(service: str) -> None:
    cost, demand, capacity, opening = problem(5, 40, 20)
    limits = None if service == "nearest" else np.ceil(capacity * 0.4)
    f = facilities(cost, None, demand, limits, opening, asked(20, None, (), ()), service == "single")
    best, hasty = best_facilities(f, Clock(30), 0.0, 0), best_facilities(f, Clock(0), 0.0, 0)
    assert hasty.bound <= best.met.objective + 1e-9
    assert hasty.met.objective >= best.met.objective - 1e-9
