"""Shortest ways by the hierarchy against Dijkstra's algorithm and against another hierarchy."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from potomac.location.travel.contraction import Hierarchy, Places, at_nodes, in_order
from potomac.location.travel.elimination import eliminated

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def by_dijkstra(n: int, tails: Ints, heads: Ints, minutes: Floats) -> Floats:
    """All pairs by scipy; links of no length get one that no sum of others can be told from."""
    shortest: dict[tuple[int, int], float] = {}
    for tail, head, time in zip(tails.tolist(), heads.tolist(), minutes.tolist(), strict=True):
        shortest[tail, head] = min(time, shortest.get((tail, head), np.inf))
    rows, columns = np.array(list(shortest)).reshape(-1, 2).T
    graph = csr_array((np.maximum(list(shortest.values()), 1e-300), (rows, columns)), shape=(n, n))
    found: Floats = dijkstra(graph)
    return np.where(found < 1e-200, 0.0, found)


@st.composite
def networks(draw: Any) -> tuple[int, Ints, Ints, Floats]:
    """Networks with loops, parallel links, links of no length and parts that do not hang together."""
    n = draw(st.integers(1, 12))
    ends = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(0, 20)), max_size=40))
    tails, heads, minutes = np.array(ends, dtype=np.int64).reshape(-1, 3).T
    return n, tails, heads, minutes.astype(np.float64)


def grid(side: int, seed: int = 0) -> tuple[int, Ints, Ints, Floats]:
    """Streets in a grid, both ways, each with a time of its own."""
    rng = np.random.default_rng(seed)
    at = np.arange(side * side).reshape(side, side)
    one = np.concatenate([at[:, :-1].ravel(), at[:-1].ravel()])
    other = np.concatenate([at[:, 1:].ravel(), at[1:].ravel()])
    tails, heads = np.concatenate([one, other]), np.concatenate([other, one])
    return side * side, tails, heads, rng.integers(1, 1000, len(tails)).astype(np.float64)


@given(networks())
def test_many_to_many_is_dijkstra(network: tuple[int, Ints, Ints, Floats]) -> None:
    n, tails, heads, minutes = network
    hierarchy = Hierarchy(n, tails, heads)
    everywhere = at_nodes(np.arange(n))
    found = hierarchy.many(hierarchy.metric(minutes), everywhere, everywhere)
    np.testing.assert_array_equal(found, by_dijkstra(n, tails, heads, minutes))  # whole numbers: sums are exact


@given(networks(), st.data())
def test_places_at_several_nodes_take_the_best_entry(network: tuple[int, Ints, Ints, Floats], data: Any) -> None:
    n, tails, heads, minutes = network
    entry = st.tuples(st.integers(0, n - 1), st.integers(0, 9))
    places = [data.draw(st.lists(st.lists(entry, max_size=3), min_size=1, max_size=5)) for _ in range(2)]
    hierarchy = Hierarchy(n, tails, heads)
    found = hierarchy.many(hierarchy.metric(minutes), *map(_places, places))
    between = by_dijkstra(n, tails, heads, minutes)
    for i, origin in enumerate(places[0]):
        for j, destination in enumerate(places[1]):
            ways = [a + between[u, v] + b for u, a in origin for v, b in destination]
            assert found[i, j] == min(ways, default=np.inf)


def _places(entries: list[list[tuple[int, int]]]) -> Places:
    flat = np.array([one for place in entries for one in place], dtype=np.int64).reshape(-1, 2)
    starts = np.concatenate([[0], np.cumsum([len(place) for place in entries])])
    return Places(starts.astype(np.int64), flat[:, 0].copy(), flat[:, 1].astype(np.float64))


def test_a_grid_from_few_to_many_and_from_many_to_few() -> None:
    n, tails, heads, minutes = grid(30)
    hierarchy = Hierarchy(n, tails, heads)
    metric, exact = hierarchy.metric(minutes), by_dijkstra(n, tails, heads, minutes)
    few, many = np.arange(0, n, 211), np.arange(0, n, 3)
    np.testing.assert_array_equal(hierarchy.many(metric, at_nodes(few), at_nodes(many)), exact[np.ix_(few, many)])
    np.testing.assert_array_equal(hierarchy.many(metric, at_nodes(many), at_nodes(few)), exact[np.ix_(many, few)])


def test_one_order_serves_all_hours_and_scenarios() -> None:
    n, tails, heads, minutes = grid(12)
    hierarchy, nodes = Hierarchy(n, tails, heads), np.arange(0, n, 7)
    times = [minutes * hour for hour in (1, 2, 3)]
    metrics = [hierarchy.metric(time) for time in times]
    expected = [by_dijkstra(n, tails, heads, time)[np.ix_(nodes, nodes)] for time in times]
    for found, exact in zip(hierarchy.matrices(metrics, at_nodes(nodes), at_nodes(nodes)), expected, strict=True):
        np.testing.assert_array_equal(found, exact)
    for found, exact in zip(hierarchy.scenarios(times, at_nodes(nodes), at_nodes(nodes)), expected, strict=True):
        np.testing.assert_array_equal(found, exact)


def test_a_closed_link_is_not_used() -> None:
    hierarchy = Hierarchy(3, [0, 1, 0], [1, 2, 2])
    places = at_nodes([0, 1, 2])
    found = hierarchy.many(hierarchy.metric([1.0, np.inf, np.inf]), places, places)
    np.testing.assert_array_equal(found, [[0, 1, np.inf], [np.inf, 0, np.inf], [np.inf, np.inf, 0]])


def test_contraction_of_a_path_adds_nothing_and_of_a_star_begins_at_its_rays() -> None:
    path = eliminated(9, np.arange(8), np.arange(1, 9))
    assert len(path.heads) == 8  # minimum degree eats a tree from its leaves: no arc is added
    star = eliminated(9, np.zeros(8, np.int64), np.arange(1, 9))
    assert len(star.heads) == 8
    assert star.rank[0] >= 7


@pytest.mark.skipif(importlib.util.find_spec("pyroutingkit") is None, reason="the extra roads is not installed")
def test_many_to_many_is_that_of_routingkit() -> None:
    import pyroutingkit

    n, tails, heads, minutes = grid(25, seed=3)
    topology = pyroutingkit.CCHTopology()
    at = np.arange(n, dtype=np.float32)
    topology.build(tails.astype(np.uint32), heads.astype(np.uint32), at // 25, at % 25, n)
    metric = pyroutingkit.CCHMetric(topology)
    metric.customize(minutes.astype(np.uint32))
    nodes = np.arange(0, n, 4)
    theirs = metric.distances_many_to_many(nodes.astype(np.uint32), nodes.astype(np.uint32))
    hierarchy = Hierarchy(n, tails, heads)
    ours = hierarchy.many(hierarchy.metric(minutes), at_nodes(nodes), at_nodes(nodes))
    np.testing.assert_array_equal(ours, theirs.reshape(ours.shape).astype(np.float64))


def test_what_is_done_in_order_comes_in_order() -> None:
    items = (np.array([float(k)]) for k in range(50))
    assert [float(found[0]) for found in in_order(lambda item: item * 2, items, threads=3)] == [
        2.0 * k for k in range(50)
    ]
