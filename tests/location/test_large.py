"""Large p-median problems: leaves and groups, prices against their definition, and the whole way on small points."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest

from potomac.location.asked import asked as ask_of
from potomac.location.fixing import OUT
from potomac.location.highs import Clock
from potomac.location.pmedian import large, search
from potomac.location.pmedian.costs import EARTH_KM, Nearby, Source, assigned, between, source_of
from potomac.location.pmedian.leaves import gathered, leaves_of
from potomac.location.pmedian.prices import Ascent, Prices
from potomac.location.pmedian.search import p_median

Floats = npt.NDArray[np.float64]
Metric = Literal["plane", "sphere"]


def drawn(n: int, metric: Metric, seed: int) -> Floats:
    """Points in a square, or within a few degrees across the date line."""
    points = np.random.default_rng(seed).random((n, 2))
    if metric == "plane":
        return points
    longitude = 175 + 10 * points[:, 1]
    return np.column_stack([60 + 10 * points[:, 0], np.where(longitude > 180, longitude - 360, longitude)])


def matrix(source: Source) -> Floats:
    n, m = len(source.rows), len(source.columns)
    return np.array([[between(source, i, j) for j in range(m)] for i in range(n)])


@pytest.mark.parametrize("most", [1, 7, 48, 500])
def test_leaves_hold_every_point_once_and_their_boxes_hold_them(most: int) -> None:
    points = np.random.default_rng(1).random((500, 3))
    found = leaves_of(points, most)
    assert sorted(found.order) == list(range(500))
    assert np.diff(found.start).min() > 0
    assert np.diff(found.start).max() <= most
    assert (points[found.order] == found.places.T).all()
    for k, (first, last) in enumerate(zip(found.start[:-1], found.start[1:], strict=True)):
        inside = points[found.order[first:last]]
        assert (found.low[k] == inside.min(0)).all()
        assert (found.high[k] == inside.max(0)).all()


def test_points_at_one_place_are_one_leaf() -> None:
    assert leaves_of(np.ones((100, 2)), 10).start.tolist() == [0, 100]


def test_groups_keep_the_weight_and_its_centre() -> None:
    draw = np.random.default_rng(2)
    points, weight = draw.normal(size=(3000, 2)), draw.random(3000)
    group, total, centre = gathered(points, weight, 100)
    assert len(total) == 100
    assert np.bincount(group, weights=weight) == pytest.approx(total)
    assert total @ centre == pytest.approx(weight @ points)
    away = np.hypot(*(points - centre[group]).T)
    assert (weight * away).sum() < 0.2 * (weight * np.hypot(*points.T)).sum()


def test_groups_are_of_those_that_lie_together() -> None:
    """Of three points the two that are close stay together."""
    points, weight = np.array([[0.0, 0.0], [0.0, 0.1], [9.0, 0.0]]), np.ones(3)
    group, _, _ = gathered(points, weight, 2)
    assert group[0] == group[1] != group[2]


@pytest.mark.parametrize("metric", ["plane", "sphere"])
def test_rho_and_the_bound_are_those_of_their_definition(metric: Metric) -> None:
    draw = np.random.default_rng(3)
    weights = draw.random(400)
    source, _, m = source_of(Nearby(drawn(400, metric, 4), drawn(150, metric, 5), metric), weights, None)
    cost = matrix(source) / source.scale
    fixed, free = np.array([3, 70]), np.setdiff1d(np.arange(m), [3, 70, 8])
    with ThreadPoolExecutor(2) as pool:
        prices = Prices(source, fixed, free, 6, pool)
        price = draw.random(400) * np.ptp(cost / weights[:, None]) * 0.4
        rho = prices.rho(price[prices.rows.order])
        share = draw.random(len(rho)) * (draw.random(len(rho)) < 0.5)
        served = prices.served(price[prices.rows.order], share)
        value = prices.value(price[prices.rows.order], rho)
    names = np.concatenate([fixed, free])[prices.columns.order]
    expected = np.minimum(cost - (weights * price)[:, None], 0).sum(axis=0)
    assert rho == pytest.approx(expected[names], rel=1e-9)
    assert value == pytest.approx(weights @ price + expected[fixed].sum() + np.sort(expected[free])[:4].sum())
    near = cost[prices.rows.order][:, names] < (weights * price)[prices.rows.order][:, None]
    assert served == pytest.approx(near @ share)


def test_shares_are_p_in_all_and_those_of_least_rho_have_most() -> None:
    draw = np.random.default_rng(6)
    source, _, m = source_of(Nearby(draw.random((50, 2)), draw.random((40, 2))), None, None)
    with ThreadPoolExecutor(1) as pool:
        prices = Prices(source, np.array([5]), np.setdiff1d(np.arange(m), [5]), 4, pool)
    rho = -draw.random(m)
    share = prices.shared(rho, 0.05)
    assert share.sum() == pytest.approx(4)
    assert share[prices.held] == 1
    free = np.flatnonzero(~prices.held)
    assert (np.diff(share[free][np.argsort(rho[free])]) <= 1e-12).all()


@pytest.mark.parametrize("metric", ["plane", "sphere"])
def test_prices_rise_to_the_optimum_and_never_above(metric: Metric) -> None:
    points, candidates = drawn(300, metric, 7), drawn(60, metric, 8)
    best = p_median(Nearby(points, candidates, metric), 5)
    assert best.proven
    source, n, m = source_of(Nearby(points, candidates, metric), None, None)
    with ThreadPoolExecutor(2) as pool:
        prices = Prices(source, np.zeros(0, np.int64), np.arange(m), 5, pool)
        ascent = Ascent(prices, np.full(n, best.objective / n / source.scale))
        bound = ascent.climb(best.objective, best.objective, 300, 12, lambda: True)
    assert 0.98 * best.objective < bound <= best.objective * (1 + 1e-9)


@pytest.mark.parametrize("metric", ["plane", "sphere"])
def test_the_way_of_large_problems_taken_by_a_small_one(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(9)
    points, candidates = drawn(300, metric, 10), drawn(60, metric, 11)
    weights = draw.integers(0, 4, 300).astype(float)
    asked = {"weights": weights, "fixed": [17, 4], "forbidden": [0, 9, 33]}
    exact = p_median(Nearby(points, candidates, metric), 8, **asked)
    monkeypatch.setattr(search, "LARGE", 0)
    monkeypatch.setattr(large, "GROUPS", 20)
    found = p_median(Nearby(points, candidates, metric), 8, time_limit=20, gap=0.02, **asked)
    assert exact.proven
    assert found.bound <= exact.objective * (1 + 1e-9) <= found.objective * (1 + 2e-9)
    assert found.gap <= 0.02
    assert found.status in {"within_gap", "optimal"}
    assert {17, 4} <= set(found.sites.tolist())
    assert not {0, 9, 33} & set(found.sites.tolist())
    assert len(found.sites) == 8
    source, _, _ = source_of(Nearby(points, candidates, metric), None, None)
    served = np.array([between(source, i, j) for i, j in enumerate(found.assignment)])
    assert found.objective == pytest.approx(weights @ served)


@pytest.mark.parametrize("metric", ["plane", "sphere"])
def test_groups_never_cost_more_than_their_points(metric: Metric) -> None:
    """Jensen: from any candidate, and so from the nearest of any sites."""
    draw = np.random.default_rng(12)
    points = drawn(500, metric, 13) if metric == "plane" else draw.uniform([-85, -180], [85, 180], (500, 2))
    source, _, m = source_of(Nearby(points, drawn(40, metric, 14), metric), draw.random(500), None)
    few = large._grouped(source, 60)
    assert len(few.weight) == 60
    assert few.weight.sum() == pytest.approx(source.weight.sum())
    assert (matrix(few).sum(axis=0) <= matrix(source).sum(axis=0) * (1 + 1e-12)).all()
    sites = np.sort(draw.choice(m, 5, replace=False))
    assert assigned(few, sites)[1].sum() <= assigned(source, sites)[1].sum()


@pytest.mark.parametrize("metric", ["plane", "sphere"])
@pytest.mark.parametrize("seed", range(3))
def test_levels_of_groups_lead_to_the_proof(metric: Metric, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What groups leave out is out for their points too: the optimum stays, and is proven at the end."""
    points, candidates = drawn(600, metric, 20 + seed), drawn(120, metric, 40 + seed)
    exact = p_median(Nearby(points, candidates, metric), 6, fixed=[5])
    monkeypatch.setattr(search, "LARGE", 0)
    monkeypatch.setattr(large, "GROUPS", 40)
    found = p_median(Nearby(points, candidates, metric), 6, fixed=[5], time_limit=20)
    assert exact.proven
    assert found.proven
    assert found.objective == pytest.approx(exact.objective, rel=1e-9)
    assert found.sites.tolist() == exact.sites.tolist()


def test_candidates_that_prices_leave_out_are_in_no_better_answer() -> None:
    """Brute force over all pairs of sites: each that is below the goal has only candidates that are left."""
    source, _, m = source_of(Nearby(drawn(200, "plane", 15), drawn(30, "plane", 16)), None, None)
    cost = matrix(source)
    values = {(i, j): np.minimum(cost[:, i], cost[:, j]).sum() for i in range(m) for j in range(i)}
    goal = np.sort(list(values.values()))[20]
    with ThreadPoolExecutor(1) as pool:
        fine = large.Fine(source, ask_of(m, 2, (), ()), lambda sites: 0.0, Clock(20), pool)
        fine.known(source.rows, np.full(200, goal / 200))
        few = large._grouped(source, 50)
        ascent = fine.begun(few)
        for _ in range(10):
            fine.climbed(ascent, goal, goal, 1.0)
    left = set(np.flatnonzero(fine.status != OUT))
    assert len(left) < m
    assert all({i, j} <= left for (i, j), value in values.items() if value < goal)


def test_sites_move_to_where_they_are_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two crowds on the equator; sites begin beside them and end in their middles."""
    monkeypatch.setattr(large, "GROUPS", 5)
    crowd = np.array([[0.0, -2.0], [0.0, -1.0], [0.0, 0.0], [0.0, 1.0], [0.0, 2.0]])
    points = np.vstack([crowd, crowd + np.array([0, 90])])
    source, _, m = source_of(Nearby(points, metric="sphere"), None, None)
    values: list[float] = []

    def offer(sites: npt.NDArray[np.int64]) -> float:
        cost = np.array([min(between(source, i, int(j)) for j in sites) for i in range(m)])
        values.append(float(cost.sum()))
        return values[-1]

    with ThreadPoolExecutor(1) as pool:
        fine = large.Fine(source, ask_of(m, 2, (), ()), offer, Clock(20), pool)
        best = fine.moved(np.array([0, 9]))
    assert fine.sites.tolist() == [2, 7]
    assert best == pytest.approx(2 * (1 + 1 + 2 + 2) * np.pi / 180 * EARTH_KM)
