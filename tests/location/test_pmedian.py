"""p-median: brute force where it is small, known optima where they are known, and what must hold everywhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import shortest_path

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.location.highs import Clock
from potomac.location.pmedian.costs import EARTH_KM, Nearby, all_pairs, expected, second, source_of
from potomac.location.pmedian.exact import Node, Tree, trimmed
from potomac.location.pmedian.lagrangian import ascend
from potomac.location.pmedian.radius import by_radius
from potomac.location.pmedian.search import p_median

from .orlib import graph, known

Floats = npt.NDArray[np.float64]


def value(cost: Floats, weights: Floats, sites: tuple[int, ...]) -> float:
    """The objective by its definition."""
    return float((cost[:, list(sites)].min(axis=1)[weights > 0] * weights[weights > 0]).sum())


def brute(
    cost: Floats, p: int, weights: Floats, fixed: tuple[int, ...] = (), forbidden: tuple[int, ...] = ()
) -> tuple[float, tuple[int, ...]]:
    """The least objective of all placements, and the first placement that has it."""
    some = [s for s in combinations(range(cost.shape[1]), p) if set(fixed) <= set(s) and not set(forbidden) & set(s)]
    values = [value(cost, weights, s) for s in some]
    least = min(values)
    return least, next(s for s, v in zip(some, values, strict=True) if v <= least + 1e-9 * max(1.0, abs(least)))


def random_problem(seed: int, whole: bool) -> tuple[Floats, Floats]:
    draw = np.random.default_rng(seed)
    n, m = draw.integers(4, 16), draw.integers(7, 11)
    cost = draw.integers(0, 30, (n, m)).astype(float) if whole else draw.random((n, m)) * 30
    return cost, draw.integers(0, 4, n).astype(float) + (np.arange(n) == 0)


@given(st.integers(0, 10_000), st.booleans(), st.integers(1, 5))
def test_equals_brute_force(seed: int, whole: bool, p: int) -> None:
    cost, weights = random_problem(seed, whole)
    best, _ = brute(cost, p, weights)
    found = p_median(cost, p, weights)
    assert found.objective == pytest.approx(best)
    assert found.status == "optimal"
    assert found.proven
    assert found.bound == found.objective
    assert len(found.sites) == p
    for sites in (found.sites, *found.equal):
        assert value(cost, weights, tuple(sites)) == pytest.approx(best)


@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([0.01, 0.1, 0.3]))
def test_a_gap_that_is_enough_is_kept_and_bounds_nothing_falsely(seed: int, whole: bool, gap: float) -> None:
    """Sites fixed below a goal that lies far under the best answer say nothing of what is between the two."""
    cost, weights = random_problem(seed, whole)
    best, _ = brute(cost, 3, weights)
    found = p_median(cost, 3, weights, gap=gap)
    assert found.status in {"optimal", "within_gap"}
    assert found.objective - found.bound <= gap * found.objective * (1 + 1e-12)
    assert found.bound <= best * (1 + 1e-9) <= found.objective * (1 + 2e-9)
    assert not found.proven or found.objective == pytest.approx(best)


@given(st.integers(0, 10_000), st.integers(2, 5))
def test_fixed_stay_and_forbidden_stay_out(seed: int, p: int) -> None:
    cost, weights = random_problem(seed, True)
    found = p_median(cost, p, weights, fixed=[1], forbidden=[0, 3])
    assert found.objective == pytest.approx(brute(cost, p, weights, (1,), (0, 3))[0])
    assert 1 in found.sites
    assert not {0, 3} & set(found.sites.tolist())


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_where_some_cannot_serve(seed: int, p: int) -> None:
    cost, weights = random_problem(seed, True)
    cost[np.random.default_rng(seed).random(cost.shape) < 0.4] = np.inf
    best, _ = brute(cost, p, weights)
    if np.isfinite(best):
        found = p_median(cost, p, weights)
        assert found.objective == pytest.approx(best)
        assert found.proven
    else:
        with pytest.raises(NoAnswer, match="reach"):
            p_median(cost, p, weights)


def test_objective_is_that_of_the_assignment_and_the_nearest_serves() -> None:
    draw = np.random.default_rng(3)
    cost, weights = draw.random((60, 40)), draw.random(60)
    found = p_median(cost, 6, weights)
    assert found.objective == pytest.approx((cost[np.arange(60), found.assignment] * weights).sum())
    assert (cost[np.arange(60), found.assignment] == cost[:, found.sites].min(axis=1)).all()


def test_more_sites_never_cost_more() -> None:
    cost = np.random.default_rng(4).random((50, 30))
    values = [p_median(cost, p).objective for p in range(1, 9)]
    assert (np.diff(values) <= 1e-12).all()


def test_relabelling_changes_names_only() -> None:
    draw = np.random.default_rng(5)
    cost = draw.random((50, 30))
    rows, columns = draw.permutation(50), draw.permutation(30)
    one, other = p_median(cost, 5), p_median(cost[rows][:, columns], 5)
    assert other.objective == pytest.approx(one.objective)
    assert sorted(columns[other.sites]) == one.sites.tolist()


def test_same_seed_same_answer() -> None:
    points = np.random.default_rng(6).random((120, 2))
    one, other = p_median(Nearby(points), 7, seed=2), p_median(Nearby(points), 7, seed=2)
    assert one.sites.tolist() == other.sites.tolist()
    assert one.bound == other.bound


@pytest.mark.parametrize("start", [[], [3], [0, 1, 2, 3], list(range(9))])
def test_a_start_changes_nothing_but_the_way(start: list[int]) -> None:
    cost = np.random.default_rng(12).random((60, 25))
    found = p_median(cost, 4, start=start, fixed=[20], forbidden=[1])
    assert found.proven
    assert found.objective == pytest.approx(brute(cost, 4, np.ones(60), (20,), (1,))[0])


def test_a_start_is_no_worse_than_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without time for anything else the answer is that of the start, or better."""
    from potomac.location.pmedian import ladder

    points = np.random.default_rng(13).random((700, 2))
    before = p_median(Nearby(points), 20, time_limit=20, gap=0.01)
    monkeypatch.setattr(ladder, "SMALL", 0)
    again = p_median(Nearby(points), 20, start=before.sites, time_limit=0.0)
    assert again.objective <= before.objective * (1 + 1e-12)
    more = p_median(Nearby(points), 21, start=before.sites, time_limit=0.0)
    assert more.objective < before.objective


def test_a_start_of_unknown_candidates_is_refused() -> None:
    with pytest.raises(StudyError, match="start names candidate 9"):
        p_median(np.ones((3, 3)), 1, start=[9])


def test_points_and_their_matrix_agree() -> None:
    draw = np.random.default_rng(7)
    points, candidates = draw.random((80, 2)), draw.random((30, 2))
    matrix = np.hypot(*(points[:, None] - candidates[None]).transpose(2, 0, 1))
    one, other = p_median(matrix, 4), p_median(Nearby(points, candidates), 4)
    assert other.objective == pytest.approx(one.objective)
    assert other.sites.tolist() == one.sites.tolist()


def test_great_circles_cross_the_date_line() -> None:
    """A degree of the equator is pi R / 180 km, also from 179.5 to -179.5."""
    found = p_median(Nearby([[0.0, 179.5], [0.0, -179.5], [0.0, 178.5]], metric="sphere"), 1)
    assert found.sites.tolist() == [0]
    assert found.objective == pytest.approx(2 * np.pi / 180 * EARTH_KM)


def test_two_squares_have_their_middles() -> None:
    """Four corners and the middle, twice: each middle serves its corners at half a diagonal."""
    square = np.array([[0, 0], [0, 2], [2, 0], [2, 2], [1, 1]], float)
    found = p_median(Nearby(np.vstack([square, square + 100])), 2)
    assert found.sites.tolist() == [4, 9]
    assert found.objective == pytest.approx(8 * np.sqrt(2))


def test_equal_optima_are_told_and_the_smallest_wins() -> None:
    """Two demand points a unit apart: either site serves both at 1."""
    found = p_median(np.array([[0.0, 1.0], [1.0, 0.0]]), 1)
    assert found.sites.tolist() == [0]
    assert [one.tolist() for one in found.equal] == [[1]]


def test_weight_0_need_not_be_served() -> None:
    cost = np.array([[1.0, 2.0], [np.inf, np.inf]])
    found = p_median(cost, 1, [1.0, 0.0])
    assert found.objective == 1.0
    assert found.assignment.tolist() == [0, -1]


def test_weight_0_does_not_lift_the_bound() -> None:
    """The bound stays below the optimum even where the goal is far above it: 30 demand points need not be served."""
    cost = np.random.default_rng(10).random((60, 12))
    weights = np.r_[np.ones(30), np.zeros(30)]
    source, _, m = source_of(cost, weights, None)
    lists = all_pairs(source, np.ones(m, bool))
    floor = cost.min(axis=1) * weights
    best, _ = brute(cost, 3, weights)
    bound, _, _ = ascend(
        lists, np.zeros(m, np.int8), 3, floor.copy(), floor, 2 * best, 300, 1.0, 20, np.zeros(m), np.zeros(m), 0.7
    )
    assert 0.9 * best < bound <= best * (1 + 1e-9)


def test_out_of_reach_is_named() -> None:
    with pytest.raises(NoAnswer, match="demand point 2 within 3"):
        p_median(Nearby([[0, 0], [1, 0], [9, 0]], [[0, 0], [2, 0]]), 1, service_radius=3)


def test_the_smallest_feasible_radius_is_told() -> None:
    """Three points on a line, ten apart: one site reaches all within 10, not within 5."""
    cost = np.abs(np.subtract.outer([0.0, 10.0, 20.0], [0.0, 10.0, 20.0]))
    with pytest.raises(NoAnswer, match="the smallest radius that they can is 10"):
        p_median(cost, 1, service_radius=5)
    assert p_median(cost, 1, service_radius=10).objective == 20


def test_the_smallest_feasible_radius_is_told_for_points() -> None:
    points = [[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [30.0, 0.0]]
    with pytest.raises(NoAnswer, match=r"within 9; the smallest radius that they can is 10;.*demand point"):
        p_median(Nearby(points), 2, service_radius=9)
    assert p_median(Nearby(points), 2, service_radius=10).objective == 20


def test_how_many_sites_it_takes_is_told() -> None:
    """Three islands of four."""
    islands = np.where(np.kron(np.eye(3), np.ones((4, 4))) > 0, 1.0, np.inf)
    with pytest.raises(NoAnswer, match="it takes at least 3"):
        p_median(islands, 2)
    assert p_median(islands, 3).objective == 12


def test_without_time_a_placement_within_the_radius_is_found_by_radius() -> None:
    """Nine crowds of six in a row; only one site in each is within 1 of all."""
    crowd = np.r_[0.0, 0.0, 0.5, 1.0, 1.5, 2.0]
    line = np.concatenate([crowd + 100 * k for k in range(9)])
    cost = np.abs(line[:, None] - line[None])
    found = p_median(cost, 9, service_radius=1.0, time_limit=0.0)
    assert found.objective == pytest.approx(9 * (1 + 1 + 0.5 + 0 + 0.5 + 1))
    assert (cost[np.arange(54), found.assignment] <= 1).all()


@pytest.mark.parametrize(
    ("p", "fixed", "error"), [(0, (), StudyError), (4, (), NoAnswer), (1, (0, 1), NoAnswer), (1, (7,), StudyError)]
)
def test_p_and_fixed_must_make_sense(p: int, fixed: tuple[int, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        p_median(np.ones((3, 3)), p, fixed=fixed)


@pytest.mark.parametrize("points", [[[0.0]], [[np.nan, 1.0]], [["a", "b"]], []])
def test_points_must_be_points(points: npt.ArrayLike) -> None:
    with pytest.raises(DataError):
        Nearby(points)


def test_swapped_latitude_is_suspected() -> None:
    with pytest.raises(DataError, match="swapped"):
        Nearby([[120.0, 30.0]], metric="sphere")


@given(st.integers(0, 10_000))
def test_bound_and_fixing_never_exclude_the_optimum(seed: int) -> None:
    """What the Lagrangian fixes below a goal just above the optimum leaves an optimum (it is the point of fixing)."""
    cost, weights = random_problem(seed, False)
    p = 3
    best, _ = brute(cost, p, weights)
    source, _, m = source_of(cost, weights, None)
    lists = all_pairs(source, np.ones(m, bool))
    floor = np.where(weights > 0, cost.min(axis=1) * weights, 0.0)
    node = Node(np.zeros(m, np.int8), floor + 5.0 * (weights > 0), -np.inf, np.full(m, p / m), np.zeros(m))
    goal = best + 1e-6
    node.bound, _, _ = ascend(
        lists, node.status, p, node.multiplier, floor, goal, 200, 1.0, 20, node.share, node.rho, 0.7
    )
    assert node.bound <= best + 1e-9
    inside, out = np.flatnonzero(node.status == 1), np.flatnonzero(node.status == -1)
    assert brute(cost, p, weights, tuple(inside), tuple(out))[0] == pytest.approx(best)
    few = trimmed(lists, node, goal)
    found, sites = by_radius(few, node.status, p, Clock(20), gap=0.0, step=0.0, seed=0)
    assert found.objective == pytest.approx(best)
    assert sites is not None
    assert value(cost, weights, tuple(sites)) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(12))
def test_branch_and_bound_alone_finds_and_proves_the_optimum(seed: int) -> None:
    """From multipliers that bound nothing, and with only the answers that nodes lead to."""
    draw = np.random.default_rng(seed)
    cost, p = draw.integers(1, 60, (25, 12)).astype(float), 2 + seed % 4
    source, _, m = source_of(cost, None, None)
    lists, floor = all_pairs(source, np.ones(m, bool)), cost.min(axis=1)
    met = [float(cost.max() * 25)]

    def offer(sites: npt.NDArray[np.int64]) -> float:
        assert len(np.unique(sites)) == p
        met.append(value(cost, np.ones(25), tuple(sites)))
        return met[-1]

    root = Node(np.zeros(m, np.int8), floor.copy(), -np.inf, np.full(m, p / m), np.zeros(m))
    tree = Tree(lists, floor, p, offer, nodes=[root], steps=30)
    best, _ = brute(cost, p, np.ones(25))
    with ThreadPoolExecutor(2) as pool:
        for _ in range(10_000):
            goal = min(met) - 1 + 1e-6  # objectives are whole
            if not tree.nodes:
                break
            assert min(met) == best or tree.bound(goal) <= best + 1e-6
            tree.grow(goal, pool)
    assert not tree.nodes
    assert min(met) == best


def test_many_sites_among_few_pairs_are_closed() -> None:
    """The radius formulation closes what branch and bound would not for long: 600 points, 200 sites."""
    draw = np.random.default_rng(3029)
    n, links = 600, 7200
    parent = np.array([draw.integers(0, i) for i in range(1, n)])
    more = draw.integers(0, n, (2, links - n + 1))
    more = more[:, more[0] != more[1]]
    u, v = np.concatenate([parent, more[0]]), np.concatenate([np.arange(1, n), more[1]])
    length = np.full((n, n), np.inf)
    length[u, v] = draw.integers(1, 101, len(u))
    found = p_median(shortest_path(np.minimum(length, length.T), directed=False), 200, time_limit=30)
    assert found.proven
    assert found.status == "optimal"


def test_the_second_nearest_is_the_second_smallest() -> None:
    cost = np.random.default_rng(14).random((40, 20))
    source, _, _ = source_of(cost, None, None)
    sites = np.array([2, 5, 11, 19])
    assert second(source, sites) == pytest.approx(np.sort(cost[:, sites], axis=1)[:, 1])
    assert np.isinf(second(source, sites[:1])).all()


def test_pairs_are_counted_from_some_of_the_points() -> None:
    cost = np.random.default_rng(15).random((900, 40))
    source, n, m = source_of(cost, None, None)
    some = np.arange(m) < 30
    assert expected(source, some, np.full(n, 0.5)) == pytest.approx(0.5 * 30 * 900, rel=0.1)
    assert expected(source, some, np.full(n, 0.5), 900) == (cost[:, :30] < 0.5).sum()


def test_a_large_problem_goes_by_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of large problems, taken by a small one, gives the answer of the matrix."""
    from potomac.location.pmedian import ladder

    points = np.random.default_rng(8).random((400, 2))
    whole = p_median(Nearby(points), 12)
    monkeypatch.setattr(ladder, "SMALL", 0)
    monkeypatch.setattr(ladder, "SAMPLE", 60)
    listed = p_median(Nearby(points), 12)
    assert whole.proven
    assert listed.bound <= whole.objective * (1 + 1e-9) <= listed.objective * (1 + 2e-9)
    assert listed.gap < 1e-3


def test_time_is_kept_and_nothing_unproven_is_called_optimal() -> None:
    cost = np.random.default_rng(9).random((300, 300))
    found = p_median(cost, 20, time_limit=0.01)
    assert found.status == "time_limit"
    assert not found.proven
    assert found.bound < found.objective


@known
@pytest.mark.parametrize("instance", ["pmed1", "pmed6", "pmed9", "pmed15"])
def test_or_library(instance: str) -> None:
    """Beasley 1985: optimal and proven."""
    meta, cost = graph(instance)
    found = p_median(cost, meta["p"])
    assert found.objective == meta["pmedian_opt"]
    assert found.proven


def test_fixed_sites_by_mask_and_not_by_halves() -> None:
    cost = np.random.default_rng(3).random((12, 6))
    mask = np.arange(6) == 4
    assert 4 in p_median(cost, 2, fixed=mask).sites
    assert p_median(cost, 2, None, (4,), 60).objective == p_median(cost, 2, fixed=mask).objective
    for wrong in ([0.7], ["a"], None, 3):
        with pytest.raises(StudyError, match="fixed"):
            p_median(cost, 2, fixed=wrong)
