"""p-center: brute force where it is small, known optima where they are known, and what must hold everywhere."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.location import asked
from potomac.location.asked import asked as ask_of
from potomac.location.center import farthest_first, p_center

from .orlib import graph, known

Floats = npt.NDArray[np.float64]


def radius(cost: Floats, weights: Floats, sites: tuple[int, ...]) -> float:
    """The objective by its definition: the largest weighted cost from the nearest site."""
    needs = weights > 0
    return float((cost[:, list(sites)].min(axis=1)[needs] * weights[needs]).max())


def brute(
    cost: Floats, p: int, weights: Floats, fixed: tuple[int, ...] = (), forbidden: tuple[int, ...] = ()
) -> tuple[float, list[tuple[int, ...]]]:
    """The least radius of all placements, and the placements that have it."""
    some = [s for s in combinations(range(cost.shape[1]), p) if set(fixed) <= set(s) and not set(forbidden) & set(s)]
    values = [radius(cost, weights, s) for s in some]
    return min(values), [s for s, v in zip(some, values, strict=True) if v == min(values)]


def random_problem(seed: int, whole: bool) -> tuple[Floats, Floats]:
    draw = np.random.default_rng(seed)
    n, m = draw.integers(3, 25), draw.integers(6, 11)
    cost = draw.integers(0, 30, (n, m)).astype(float) if whole else draw.random((n, m)) * 30
    return cost, draw.integers(0, 3, n).astype(float) + (np.arange(n) == 0)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of problems with too many placements to look at, whatever their size."""
    monkeypatch.setattr(asked, "FEW", -1)


@given(st.integers(0, 10_000), st.booleans(), st.integers(1, 5))
def test_all_placements_looked_at_equal_brute_force(seed: int, whole: bool, p: int) -> None:
    cost, weights = random_problem(seed, whole)
    best, all_best = brute(cost, p, weights)
    found = p_center(cost, p, weights)
    assert found.objective == pytest.approx(best)
    assert found.proven
    assert tuple(found.sites) == all_best[0]
    assert [tuple(one) for one in found.equal] == all_best[1:21]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("seed", range(40))
def test_the_search_over_radii_equals_brute_force(seed: int) -> None:
    p = 1 + seed % 5
    cost, weights = random_problem(seed, seed % 2 == 0)
    best, _ = brute(cost, p, weights)
    found = p_center(cost, p, weights)
    assert found.objective == pytest.approx(best)
    assert found.bound == found.objective
    assert found.status == "optimal"
    assert radius(cost, weights, tuple(found.sites)) == pytest.approx(best)
    assert len(found.sites) == p


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("seed", range(20))
def test_fixed_stay_and_forbidden_stay_out(seed: int) -> None:
    cost, weights = random_problem(seed, seed % 2 == 0)
    found = p_center(cost, 3, weights, fixed=[1], forbidden=[0, 3])
    assert found.objective == pytest.approx(brute(cost, 3, weights, (1,), (0, 3))[0])
    assert 1 in found.sites
    assert not {0, 3} & set(found.sites.tolist())


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("seed", range(20))
def test_where_some_cannot_serve(seed: int) -> None:
    cost, weights = random_problem(seed, True)
    cost[np.random.default_rng(seed).random(cost.shape) < 0.4] = np.inf
    best, _ = brute(cost, 3, weights)
    if np.isfinite(best):
        assert p_center(cost, 3, weights).objective == best
    else:
        with pytest.raises(NoAnswer, match="reach"):
            p_center(cost, 3, weights)


def test_points_on_a_line() -> None:
    """0, 1, ..., 8 with two sites: nine points in two groups of at most five, so that 2 is the least radius."""
    line = np.arange(9.0)
    found = p_center(np.abs(line[:, None] - line[None]), 2)
    assert found.objective == 2.0
    assert found.assignment.tolist() == [
        found.sites[np.abs(found.sites - i).argmin()] for i in range(9)
    ]  # the nearest serves, the first of equals


def test_weights_are_urgencies() -> None:
    """One site for 0 (weight 3) and 8 (weight 1): at 2 both wait 6."""
    line = np.arange(9.0)
    weights = np.zeros(9)
    weights[[0, 8]] = 3.0, 1.0
    found = p_center(np.abs(line[:, None] - line[None]), 1, weights)
    assert found.sites.tolist() == [2]
    assert found.objective == 6.0


def test_more_sites_never_take_longer() -> None:
    cost = np.random.default_rng(4).random((40, 25))
    values = [p_center(cost, p).objective for p in range(1, 7)]
    assert (np.diff(values) <= 0).all()


def test_relabelling_changes_names_only() -> None:
    draw = np.random.default_rng(5)
    cost = draw.random((40, 25))
    rows, columns = draw.permutation(40), draw.permutation(25)
    one, other = p_center(cost, 6), p_center(cost[rows][:, columns], 6)
    assert other.objective == one.objective
    assert radius(cost, np.ones(40), tuple(columns[other.sites])) == one.objective


def test_farthest_first_is_at_most_twice_the_best() -> None:
    """Gonzalez 1985, for distances of which every demand point is a candidate."""
    points = np.random.default_rng(6).random((50, 2))
    cost = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    first = farthest_first(cost, ask_of(50, 5, (), ()))
    best = p_center(cost, 5)
    assert best.proven
    assert best.objective <= cost[:, first].min(axis=1).max() <= 2 * best.objective


def test_out_of_reach_is_named() -> None:
    with pytest.raises(NoAnswer, match="demand point 1"):
        p_center([[1.0, 2.0], [np.inf, np.inf]], 1)


@pytest.mark.parametrize("way", [asked.FEW, -1])
@pytest.mark.parametrize(("p", "fixed"), [(2, ()), (1, (0,)), (2, (0, 1))])
def test_how_many_sites_it_takes_is_told(
    way: int, p: int, fixed: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three islands need three sites, or one more than are spent on the first."""
    monkeypatch.setattr(asked, "FEW", way)
    islands = np.where(np.kron(np.eye(3), np.ones((4, 4))) > 0, 1.0, np.inf)
    with pytest.raises(NoAnswer, match=f"it takes at least {4 if len(fixed) == 2 else 3}"):
        p_center(islands, p, fixed=fixed)


@pytest.mark.parametrize(
    ("p", "fixed", "error"), [(0, (), StudyError), (4, (), NoAnswer), (1, (0, 1), NoAnswer), (1, (7,), StudyError)]
)
def test_p_and_fixed_must_make_sense(p: int, fixed: tuple[int, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        p_center(np.ones((3, 3)), p, fixed=fixed)


@pytest.mark.parametrize("cost", [[[np.nan]], [[]], [1.0, 2.0], [["far"]]])
def test_costs_must_be_numbers_in_a_matrix(cost: npt.ArrayLike) -> None:
    with pytest.raises(DataError):
        p_center(cost, 1)


def test_time_is_kept_and_nothing_unproven_is_called_optimal() -> None:
    cost = np.random.default_rng(9).random((300, 300))
    found = p_center(cost, 20, time_limit=0.0)
    assert found.status == "time_limit"
    assert not found.proven
    assert found.bound < found.objective == cost[:, found.sites].min(axis=1).max()


@known
@pytest.mark.parametrize("instance", ["pmed1", "pmed5", "pmed6", "pmed9", "pmed15"])
def test_or_library(instance: str) -> None:
    """The graphs of Beasley 1985 with the p-center optima of Pullan 2008: optimal and proven."""
    meta, cost = graph(instance)
    found = p_center(cost, meta["p"])
    assert found.objective == meta["pcenter_opt"]
    assert found.proven
