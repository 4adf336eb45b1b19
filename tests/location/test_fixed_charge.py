"""Fixed charges: brute force where it is small, known optima where they are known, and what must hold everywhere."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.location.charges import fixed_charge
from potomac.location.placement import Placement
from potomac.location.pmedian.search import p_median

from .capacities import warehouses
from .orlib import known
from .test_capacitated import best_assignment

Floats = npt.NDArray[np.float64]


def subsets(m: int, p: int | None) -> list[tuple[int, ...]]:
    """All sets of candidates, or all of p."""
    sizes = range(1, m + 1) if p is None else [p]
    return list(chain.from_iterable(combinations(range(m), k) for k in sizes))


def shared(cost: Floats, demand: Floats, capacity: Floats, sites: tuple[int, ...]) -> float:
    """The transportation problem by linear programming."""
    few = cost[:, sites]
    n, s = few.shape
    room = np.kron(demand, np.eye(s))
    served = np.kron(np.eye(n), np.ones(s))
    most = np.where(np.isfinite(few), 1.0, 0.0).ravel()
    found = linprog(
        np.where(np.isfinite(few), few, 0.0).ravel(), room, capacity[list(sites)], served, np.ones(n),
        bounds=np.column_stack([np.zeros(n * s), most]),
    )  # fmt: skip
    return float(found.fun) if found.status == 0 else np.inf


def drawn(seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Costs, opening, demand and capacity."""
    draw = np.random.default_rng(seed)
    n, m = int(draw.integers(2, 7)), int(draw.integers(2, 5))
    cost = draw.integers(0, 30, (n, m)).astype(float) if seed % 2 else draw.random((n, m)) * 30
    if seed % 3 == 0:
        cost[draw.random((n, m)) < 0.15] = np.inf
    opening = draw.integers(0, 40, m).astype(float)
    demand = draw.integers(0, 10, n).astype(float) if seed % 5 else draw.random(n) * 10
    demand[0] += 1.0
    return cost, opening, demand, np.ceil(demand.sum() * draw.uniform(0.3, 1.0, m))


def agrees(best: float, found: Placement) -> None:
    assert found.objective == pytest.approx(best)
    assert found.proven
    assert found.status == "optimal"
    assert found.bound == found.objective


@given(st.integers(0, 20_000), st.sampled_from([None, 1, 2]))
def test_without_capacity_equals_brute_force(seed: int, p: int | None) -> None:
    cost, opening, demand, _ = drawn(seed)
    weighted = cost * (demand + 1)[:, None]
    best = min(weighted[:, s].min(axis=1).sum() + opening[list(s)].sum() for s in subsets(cost.shape[1], p))
    if np.isfinite(best):
        found = fixed_charge(cost, opening, demand + 1, p=p)
        agrees(best, found)
        for sites in (found.sites, *found.equal):
            assert weighted[:, sites].min(axis=1).sum() + opening[sites].sum() == pytest.approx(best)
    else:
        with pytest.raises(NoAnswer):
            fixed_charge(cost, opening, demand + 1, p=p)


@given(st.integers(0, 20_000), st.sampled_from([None, 1, 2]))
def test_with_shared_demand_equals_linear_programmes(seed: int, p: int | None) -> None:
    cost, opening, demand, capacity = drawn(seed)
    best = min(shared(cost, demand, capacity, s) + opening[list(s)].sum() for s in subsets(cost.shape[1], p))
    if np.isfinite(best):
        found = fixed_charge(cost, opening, demand=demand, capacity=capacity, p=p, single_source=False)
        agrees(best, found)
        if found.shares is not None:
            assert found.shares.sum(axis=1) == pytest.approx(np.ones(len(demand)))
            assert (demand @ found.shares <= capacity[found.sites] + 1e-9).all()
            paid = np.where(found.shares > 0, cost[:, found.sites], 0.0) * found.shares
            assert found.objective == pytest.approx(paid.sum() + opening[found.sites].sum())
            assert (found.sites[found.shares.argmax(axis=1)] == found.assignment).all()
    else:
        with pytest.raises(NoAnswer):
            fixed_charge(cost, opening, demand=demand, capacity=capacity, p=p, single_source=False)


@given(st.integers(0, 20_000), st.sampled_from([None, 1, 2]))
def test_with_one_source_equals_brute_force(seed: int, p: int | None) -> None:
    cost, opening, demand, capacity = drawn(seed)
    best = min(best_assignment(cost, demand, capacity, s) + opening[list(s)].sum() for s in subsets(cost.shape[1], p))
    if np.isfinite(best):
        found = fixed_charge(cost, opening, demand=demand, capacity=capacity, p=p)
        agrees(best, found)
        served = cost[np.arange(len(demand)), found.assignment].sum()
        assert found.objective == pytest.approx(served + opening[found.sites].sum())
        assert (np.bincount(found.assignment, demand, len(capacity)) <= capacity + 1e-9).all()
    else:
        with pytest.raises(NoAnswer):
            fixed_charge(cost, opening, demand=demand, capacity=capacity, p=p)


def spread(seed: int, n: int = 45, m: int = 20) -> tuple[Floats, Floats, Floats, Floats]:
    """Points on a square, with capacities that count."""
    draw = np.random.default_rng(seed)
    a, b = draw.random((n, 2)), draw.random((m, 2))
    demand = draw.integers(1, 50, n).astype(float)
    cost = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1)) * demand[:, None]
    return cost, draw.uniform(20, 60, m), demand, np.full(m, np.ceil(demand.sum() / 4.4))


@pytest.mark.parametrize("more", [{}, {"single_source": False}, {"single_source": True}])
@pytest.mark.parametrize("seed", [1, 2])
def test_relabelling_and_repeating_change_nothing(seed: int, more: dict[str, bool]) -> None:
    cost, opening, demand, capacity = spread(seed)
    draw = np.random.default_rng(seed)
    rows, columns = draw.permutation(cost.shape[0]), draw.permutation(cost.shape[1])
    limits: dict[str, Any] = {"demand": demand, "capacity": capacity, **more} if more else {}
    moved: dict[str, Any] = {"demand": demand[rows], "capacity": capacity[columns], **more} if more else {}
    one, again = fixed_charge(cost, opening, **limits), fixed_charge(cost, opening, **limits)
    other = fixed_charge(cost[rows][:, columns], opening[columns], **moved)
    assert one.proven
    assert other.objective == pytest.approx(one.objective)
    assert again.assignment.tolist() == one.assignment.tolist()


def test_freedom_never_costs_more() -> None:
    """No limit <= shared demand <= one source; and any p costs at least what the best number does."""
    cost, opening, demand, capacity = spread(3)
    free = fixed_charge(cost, opening)
    shares = fixed_charge(cost, opening, demand=demand, capacity=capacity, single_source=False)
    single = fixed_charge(cost, opening, demand=demand, capacity=capacity)
    assert free.objective <= shares.objective + 1e-9
    assert shares.objective <= single.objective + 1e-9
    by_number = [fixed_charge(cost, opening, p=p).objective for p in range(1, 12)]
    assert min(by_number) == pytest.approx(free.objective)


def test_without_opening_costs_and_with_p_it_is_the_p_median() -> None:
    cost, _, demand, _ = spread(4)
    assert fixed_charge(cost, 0.0, p=5).objective == pytest.approx(p_median(cost, 5).objective)
    assert fixed_charge(cost, 0.0, demand, p=5).objective == pytest.approx(p_median(cost, 5, demand).objective)


def test_sites_open_as_long_as_they_pay() -> None:
    """Two towns of weight 10, 4 apart: a second site saves 40, and is opened where it costs less."""
    cost, weights = [[0, 4], [4, 0]], [10, 10]
    assert fixed_charge(cost, 39, weights).sites.tolist() == [0, 1]
    assert fixed_charge(cost, 39, weights).objective == 78
    far = fixed_charge(cost, 41, weights)
    assert far.sites.tolist() == [0]
    assert far.objective == 41 + 40
    assert [sites.tolist() for sites in far.equal] == [[1]]


def test_demand_is_shared_where_a_site_is_full() -> None:
    """10 units from a site that holds 6 at 1 a unit; the other 4 come from one at 3 a unit."""
    found = fixed_charge([[10, 30]], [5, 7], demand=[10], capacity=[6, 9], single_source=False)
    assert found.objective == pytest.approx(6 + 4 * 3 + 5 + 7)
    assert found.shares is not None
    assert found.shares == pytest.approx(np.array([[0.6, 0.4]]))
    assert found.assignment.tolist() == [0]
    assert "1 demand point is shared" in found.notes[0]


def test_fixed_stay_and_forbidden_stay_out() -> None:
    cost, opening, demand, capacity = spread(5)
    found = fixed_charge(
        cost, opening, demand=demand, capacity=capacity, single_source=False, fixed=[7], forbidden=range(5)
    )
    assert 7 in found.sites
    assert (found.sites >= 5).all()
    free = fixed_charge(cost, opening, demand=demand, capacity=capacity, single_source=False)
    assert found.objective >= free.objective


def test_shortfalls_are_told() -> None:
    with pytest.raises(NoAnswer, match="all candidates together hold 5 of a demand of 6: 1 too little"):
        fixed_charge(np.ones((2, 2)), 1, demand=[3, 3], capacity=[2, 3], single_source=False)
    with pytest.raises(NoAnswer, match="the 1 site that holds most holds 3 of a demand of 4: 1 too little"):
        fixed_charge(np.ones((2, 2)), 1, demand=[2, 2], capacity=[2, 3], p=1)
    with pytest.raises(NoAnswer, match="no candidate reaches demand point 1"):
        fixed_charge(np.array([[1, 2], [np.inf, np.inf]]), 1)


def test_nonsense() -> None:
    with pytest.raises(StudyError, match="capacity comes without demand"):
        fixed_charge(np.ones((2, 2)), 1, capacity=[1, 1])
    with pytest.raises(DataError, match="opening"):
        fixed_charge(np.ones((2, 2)), [1, -1])
    with pytest.raises(DataError, match="opening has shape"):
        fixed_charge(np.ones((2, 2)), [1, 1, 1])


def test_a_gap_that_is_allowed_is_told() -> None:
    cost, opening, demand, capacity = spread(6)
    found = fixed_charge(cost, opening, demand=demand, capacity=capacity, gap=0.2)
    assert found.gap <= 0.2
    assert found.status in ("optimal", "within_gap")


@known
@pytest.mark.parametrize("name", ["cap61", "cap62", "cap71", "cap124"])
def test_known_optima(name: str) -> None:
    one = warehouses(name)
    found = fixed_charge(one.cost, one.opening, demand=one.demand, capacity=one.capacity, single_source=False)
    agrees(one.optimum, found)


@known
@pytest.mark.parametrize(
    ("opening", "capacity", "optimum"),
    [
        (7500, 5000, 1040444.375), (12500, 5000, 1098000.450), (17500, 5000, 1153000.450), (25000, 5000, 1235500.450),
        (17500, 15000, 1014062.050), (25000, 15000, 1045650.250),
    ],
)  # fmt: skip
def test_relatives_of_an_instance(opening: float, capacity: float, optimum: float) -> None:
    """OR-Library's cap41 to 44, 63 and 64 are cap61 with other fixed costs and capacities; optima of Beasley 1988."""
    one = warehouses("cap61")
    price = np.where(one.opening > 0, opening, 0.0)
    found = fixed_charge(one.cost, price, demand=one.demand, capacity=capacity, single_source=False)
    agrees(optimum, found)
