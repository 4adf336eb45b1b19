"""Maximal covering and set covering: brute force where it is small, and what must hold everywhere."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.location import asked, covering
from potomac.location.coverage import most_covered
from potomac.location.covering import max_coverage, set_cover
from potomac.location.covers import cheapest_cover, reduced, spare_sets
from potomac.location.highs import Clock

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def within(cost: Floats, weights: Floats, sites: tuple[int, ...], radius: float) -> float:
    """The weight covered, by its definition."""
    near = np.isfinite(cost[:, list(sites)]) & (cost[:, list(sites)] <= radius)
    return float(weights[near.any(axis=1)].sum())


def placements(m: int, p: int, fixed: tuple[int, ...], forbidden: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [s for s in combinations(range(m), p) if set(fixed) <= set(s) and not set(forbidden) & set(s)]


def brute_cover(
    cost: Floats, radius: float, price: Floats, needs: Flags, fixed: tuple[int, ...] = (),
    forbidden: tuple[int, ...] = (),
) -> float:  # fmt: skip
    """The least price of all sets of candidates that cover everyone; infinite where none does."""
    m = cost.shape[1]
    sets = [s for p in range(m + 1) for s in placements(m, p, fixed, forbidden)]
    good = [s for s in sets if within(cost, needs.astype(float), s, radius) == needs.sum()]
    return min((float(price[list(s)].sum()) for s in good), default=np.inf)


def random_problem(seed: int) -> tuple[Floats, Floats]:
    draw = np.random.default_rng(seed)
    n, m = draw.integers(4, 30), draw.integers(6, 11)
    return draw.random((n, m)) * 30, draw.integers(0, 4, n) + (np.arange(n) == 0) + 0.5 * (seed % 2)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of problems with too many placements to look at, whatever their size."""
    monkeypatch.setattr(asked, "FEW", -1)
    monkeypatch.setattr(covering, "FEW", -1)


@given(st.integers(0, 10_000), st.integers(1, 5), st.floats(2, 12))
def test_all_placements_looked_at_equal_brute_force(seed: int, p: int, radius: float) -> None:
    cost, weights = random_problem(seed)
    some = placements(cost.shape[1], p, (), ())
    values = [within(cost, weights, s, radius) for s in some]
    found = max_coverage(cost, p, radius, weights)
    assert found.objective == pytest.approx(max(values))
    assert found.bound == found.objective
    assert tuple(found.sites) == some[int(np.argmax(np.array(values) >= max(values) - 1e-9))]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("seed", range(40))
def test_the_most_covered_equals_brute_force(seed: int) -> None:
    cost, weights = random_problem(seed)
    p, radius = 2 + seed % 3, 3.0 + seed % 8
    best = max(within(cost, weights, s, radius) for s in placements(cost.shape[1], p, (1,), (0, 3)))
    found = max_coverage(cost, p, radius, weights, fixed=[1], forbidden=[0, 3])
    assert found.objective == pytest.approx(best)
    assert found.proven
    assert found.goal == "maximise"
    assert within(cost, weights, tuple(found.sites), radius) == pytest.approx(best)
    assert 1 in found.sites
    assert not {0, 3} & set(found.sites.tolist())


@pytest.mark.parametrize("seed", range(15))
def test_highs_closes_what_the_lagrangian_leaves_open(seed: int) -> None:
    """Against all choices of 3 of 14 columns; whole and other weights."""
    draw = np.random.default_rng(seed)
    near = draw.random((80, 14)) < 0.2
    weight: Floats = draw.integers(1, 9, 80) + np.full(80, 0.25 * (seed % 2))
    best = max(float(weight[near[:, list(s)].any(axis=1)].sum()) for s in combinations(range(14), 3))
    found = most_covered(near, weight, 3, Clock(20.0))
    assert found.total == pytest.approx(best)
    assert found.bound == pytest.approx(best)
    assert float(weight[near[:, found.columns].any(axis=1)].sum()) == pytest.approx(best)


def test_who_is_not_covered_is_assigned_nowhere() -> None:
    found = max_coverage([[1.0, 9.0], [2.0, 9.0], [8.0, 9.0]], 1, 3.0)
    assert found.sites.tolist() == [0]
    assert found.objective == 2.0
    assert found.assignment.tolist() == [0, 0, -1]


def test_the_covered_are_those_that_are_assigned() -> None:
    draw = np.random.default_rng(3)
    cost, weights = draw.random((200, 60)), draw.random(200)
    found = max_coverage(cost, 8, 0.05, weights)
    assert found.objective == pytest.approx(weights[found.assignment >= 0].sum())
    served = found.assignment >= 0
    assert (cost[served, found.assignment[served]] <= 0.05).all()


def test_more_sites_cover_no_less_and_the_bound_is_above() -> None:
    cost = np.random.default_rng(4).random((120, 40))
    found = [max_coverage(cost, p, 0.06) for p in range(1, 9)]
    assert (np.diff([one.objective for one in found]) >= 0).all()
    assert all(one.bound >= one.objective for one in found)


@pytest.mark.parametrize("way", ["subsets", "programme"])
@pytest.mark.parametrize("seed", range(25))
def test_the_cheapest_cover_equals_brute_force(seed: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "programme":
        monkeypatch.setattr(covering, "FEW", -1)
    cost, weights = random_problem(2 * seed)
    m = cost.shape[1]
    price: Floats = np.random.default_rng(seed).integers(1, 6, m) + np.full(m, 0.25 * (seed % 2))
    for radius in (6.0, 14.0):
        best = brute_cover(cost, radius, price, weights > 0, (1,), (0,))
        if np.isfinite(best):
            found = set_cover(cost, radius, price, weights, fixed=[1], forbidden=[0])
            assert found.objective == pytest.approx(best)
            assert found.proven
            assert found.objective == pytest.approx(price[found.sites].sum())
            assert (found.assignment[weights > 0] >= 0).all()
        else:
            with pytest.raises(NoAnswer, match="no candidate within"):
                set_cover(cost, radius, price, weights, fixed=[1], forbidden=[0])


def test_the_fewest_sites_on_a_line() -> None:
    """0, 1, ..., 9 within 1 of a site: three at a time, so that four are needed."""
    line = np.arange(10.0)
    found = set_cover(np.abs(line[:, None] - line[None]), 1.0)
    assert found.objective == 4.0
    assert found.proven


def test_odd_rings_need_branching() -> None:
    """A ring of 2k + 1 edges is covered by no fewer than k + 1 of its nodes; the linear bound is k + 1/2.

    Five rings side by side, at prices that aren't whole: 5 (k + 1) nodes at 1.5.
    """
    ring = np.eye(7, dtype=bool) | np.roll(np.eye(7, dtype=bool), 1, axis=1)
    near = np.kron(np.eye(5, dtype=bool), ring)
    found = cheapest_cover(near, np.full(35, 1.5), Clock(20.0))
    assert found.total == found.bound == pytest.approx(5 * 4 * 1.5)
    assert found.columns is not None
    assert near[:, found.columns].any(axis=1).all()


@pytest.mark.parametrize("seed", range(10))
def test_reductions_keep_an_optimum(seed: int) -> None:
    draw = np.random.default_rng(seed)
    near = (draw.random((12, 10)) < 0.3) | np.eye(12, 10, dtype=bool) | (np.arange(10) == 3)
    price = draw.integers(1, 5, 10).astype(float)
    best = brute_cover(np.where(near, 0.0, np.inf), 0.0, price, np.ones(12, bool))
    rows, columns, forced = reduced(near, price)
    small = np.where(near[np.ix_(rows, columns)], 0.0, np.inf).reshape(len(rows), len(columns))
    rest = brute_cover(small, 0.0, price[columns], np.ones(len(rows), bool)) if len(rows) else 0.0
    assert float(price[forced].sum()) + rest == best


def test_spare_sets() -> None:
    """{0} lies within {0, 1}, which costs the same; {0, 1, 2} costs more; of equals the first stays."""
    sets = sparse.csr_matrix(np.array([[1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 1]]))
    price = np.array([1.0, 1.0, 1.0, 2.0])
    assert spare_sets(sets, price, larger=False).tolist() == [True, False, True, False]
    assert spare_sets(sets, np.zeros(4), larger=True).tolist() == [False, True, True, True]


def test_out_of_reach_is_named_with_the_radius_that_would_do() -> None:
    with pytest.raises(NoAnswer, match=r"demand point 1 has no candidate within 3.*smallest radius.* is 5\.5"):
        set_cover([[1.0, 2.0], [5.5, 9.0]], 3.0)
    assert set_cover([[1.0, 2.0], [5.5, 9.0]], 5.5).objective == 1.0
    with pytest.raises(NoAnswer, match="no radius reaches all"):
        set_cover([[1.0, 2.0], [np.inf, np.inf]], 3.0)


def test_forbidden_candidates_reach_nobody() -> None:
    with pytest.raises(NoAnswer, match=r"demand point 0 has no candidate within 1.* is 2\.0"):
        set_cover([[1.0, 2.0], [1.0, 1.0]], 1.0, forbidden=[0])


def test_what_is_asked_must_make_sense() -> None:
    with pytest.raises(StudyError, match="radius"):
        max_coverage([[1.0]], 1, float("nan"))
    with pytest.raises(DataError, match="opening"):
        set_cover([[1.0]], 1.0, opening=[-1.0])
    with pytest.raises(DataError, match="opening"):
        set_cover([[1.0]], 1.0, opening=[1.0, 2.0])
    with pytest.raises(NoAnswer, match="p = 2"):
        max_coverage([[1.0]], 2, 1.0)


def test_time_is_kept_and_nothing_unproven_is_called_optimal() -> None:
    draw = np.random.default_rng(9)
    cost = draw.random((400, 200))
    found = max_coverage(cost, 20, 0.03, draw.random(400), time_limit=0.0)
    assert found.status == "time_limit"
    assert found.bound > found.objective
    cover = set_cover(cost, 0.05, draw.random(200), time_limit=0.0)
    assert cover.status == "time_limit"
    assert cover.bound < cover.objective
    assert (cover.assignment >= 0).all()
