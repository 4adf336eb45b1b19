"""Road networks: ways from door to door, on networks that one can reckon by hand and against networks cut in pieces."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError, PotomacError, StudyError
from potomac.geo.distance import KM_PER_DEGREE, great_circle
from potomac.location.travel.congestion import rush
from potomac.location.travel.network import RoadNetwork
from potomac.location.travel.peers import TICKS, by_scipy
from potomac.location.travel.speeds import (
    HIGHWAY_KMH,
)  # fmt: skip

Floats = npt.NDArray[np.float64]

INF = float("inf")
PACE = 12.0  # minutes a kilometre at 5 km/h


def line(**more: Any) -> RoadNetwork:
    """Nodes 0, 1, 2, 3 on the equator, 0.01 degrees apart, 1, 2 and 4 minutes."""
    nodes = {"id": [0, 1, 2, 3], "latitude": [0.0] * 4, "longitude": [0.0, 0.01, 0.02, 0.03]}
    links = {"from": [0, 1, 2], "to": [1, 2, 3], "minutes": [1.0, 2.0, 4.0]}
    return RoadNetwork(nodes, {**links, **more.pop("links", {})}, **more)


# Between nodes


def test_between_nodes_of_a_line() -> None:
    expected = [[0, 1, 3, 7], [1, 0, 2, 6], [3, 2, 0, 4], [7, 6, 4, 0]]
    np.testing.assert_array_equal(line().between([0, 1, 2, 3], [0, 1, 2, 3]), expected)


def test_one_way_links_lead_one_way() -> None:
    net = line(links={"oneway": ["yes", "no", "-1"]})
    expected = [[0, 1, 3, INF], [INF, 0, 2, INF], [INF, 2, 0, INF], [INF, 6, 4, 0]]
    np.testing.assert_array_equal(net.between([0, 1, 2, 3], [0, 1, 2, 3]), expected)


@pytest.mark.parametrize("words", [[1, 0, None], [True, False, None], ["1.0", "0.0", ""], [1.0, 0.0, float("nan")]])
def test_flags_are_read_as_they_are_written(words: Sequence[Any]) -> None:
    net = line(links={"oneway": words})
    np.testing.assert_array_equal(net.between([1, 2, 3], [0, 1, 2]), [[INF, 0, 2], [INF, 2, 0], [INF, 6, 4]])


def test_links_that_do_not_say_are_two_way_unless_asked() -> None:
    net = line(links={"oneway": ["no", None, None]}, oneway=True)
    np.testing.assert_array_equal(net.between([1, 2, 3], [0, 1, 2]), [[1, 0, 2], [INF, INF, 0], [INF, INF, INF]])


def test_zones_are_not_passed_through() -> None:
    links = {"from": [1, 1, 3], "to": [3, 4, 4], "minutes": [1.0, 1.0, 9.0]}
    through, around = RoadNetwork(None, links), RoadNetwork(None, links, first_through=2)
    assert through.between([3], [4]) == [[2.0]]  # 3 - 1 - 4
    np.testing.assert_array_equal(around.between([3, 1, 4], [4, 1, 3]), [[9, 1, 0], [1, 0, 1], [0, 1, 9]])
    named = RoadNetwork(None, links, zones=[1])
    np.testing.assert_array_equal(named.between([3, 1, 4], [4, 1, 3]), around.between([3, 1, 4], [4, 1, 3]))


def test_whoever_only_zones_lead_to_is_told_with_the_nearest_node_from_which_a_way_leads() -> None:
    """0 - 1 - 2 - 3, of which 1 is a zone: from 0 no way leads to 3, from 2 one does, and 1 is where it begins."""
    nodes = {"id": [0, 1, 2, 3], "latitude": [0.0] * 4, "longitude": [0.0, 0.01, 0.02, 0.03]}
    links = {"from": [0, 1, 2], "to": [1, 2, 3], "minutes": [1.0, 2.0, 4.0]}
    net = RoadNetwork(nodes, links, zones=[1])
    np.testing.assert_array_equal(net.between([0, 1, 2], [1, 3]), [[1, INF], [0, 6], [2, 4]])
    np.testing.assert_array_equal(net.between([0, 1, 2], [1, 3], by="scipy"), [[1, INF], [0, 6], [2, 4]])
    (lost,) = net.unreachable([[0.0, 0.0], [0.0, 0.011]], [[0.0, 0.03]])
    assert (lost.row, lost.far, lost.node) == (0, False, 1)
    assert lost.node_km == pytest.approx(0.01 * KM_PER_DEGREE)


def test_a_crossing_is_turned_at_freely_and_a_one_way_street_is_not() -> None:
    """A cross with its middle 0: from 1 to each arm 2 minutes, but for 3, whose street leads to the middle only."""
    links = {"from": [1, 2, 3, 4], "to": [0, 0, 0, 0], "minutes": [1.0] * 4, "oneway": ["no", "no", "yes", "no"]}
    net = RoadNetwork(None, links)
    np.testing.assert_array_equal(net.between([1, 3], [1, 2, 3, 4]), [[0, 2, INF, 2], [2, 2, 0, 2]])


def test_of_parallel_links_the_shorter_counts_at_each_hour() -> None:
    links = {
        "from": [0, 0, 1], "to": [1, 1, 0], "minutes": [10.0, 12.0, 11.0], "oneway": [1, 1, 1],
        "volume": [2.0, None, None], "capacity": [1.0, None, None],
    }  # fmt: skip
    net = RoadNetwork(None, links)
    assert net.between([0], [1]) == [[10.0]]
    # In the peak, at 17 by the usual profile, the first takes 10 (1 + 0.15 * 2 ** 4) = 34 and the second 12 * 1.35.
    assert net.between([0], [1], 17) == [[pytest.approx(12 * 1.35)]]
    assert net.between([1], [0], 17) == [[pytest.approx(11 * 1.35)]]
    assert any("1 arc leads where another one leads" in note for note in net.notes)


def test_links_of_no_length_are_kept_and_loops_left_out() -> None:
    net = RoadNetwork(None, {"from": [0, 1, 1], "to": [1, 2, 1], "minutes": [0.0, 0.0, 5.0]})
    np.testing.assert_array_equal(net.between([0, 1, 2], [0, 1, 2]), np.zeros((3, 3)))
    assert any("1 link begins and ends at one node and is left out." in note for note in net.notes)


def test_parts_that_do_not_hang_together_are_told() -> None:
    net = RoadNetwork(None, {"from": [0, 1, 7], "to": [1, 2, 8], "minutes": [1.0, 1.0, 1.0]})
    np.testing.assert_array_equal(net.between([0, 7], [2, 8]), [[2, INF], [INF, 1]])
    assert net.part_sizes.tolist() == [3, 2]
    assert any("2 parts" in note and "3 of 5 nodes (60.0 %), the others 2 with node 7." in note for note in net.notes)
    ends = {"from": [0, 1, *range(10, 40, 2)], "to": [1, 2, *range(11, 40, 2)], "minutes": [1.0] * 17}
    (note,) = RoadNetwork(None, ends).notes
    assert note.endswith("the others 2 with node 10, 2 with node 12, 2 with node 14 and 12 more.")
    (note,) = RoadNetwork(None, {"from": [0, 1], "to": [1, 2], "minutes": [1.0, 1.0]}, oneway=True).notes
    assert "3 parts" in note
    assert "1 with node" in note


def test_ids_may_be_words_and_the_order_of_nodes_is_free() -> None:
    nodes = pd.DataFrame({"id": ["c", "a", "b"], "latitude": [0, 0, 0], "longitude": [0.2, 0.0, 0.1]})
    links = pa.table({"from": pa.array(["a", "b"]).dictionary_encode(), "to": ["b", "c"], "minutes": [1.0, 2.0]})
    net = RoadNetwork(nodes, links)
    np.testing.assert_array_equal(net.between(["a"], ["c", "b", "a"]), [[3, 1, 0]])
    assert net.node_ids.to_pylist() == ["c", "a", "b"]


@given(st.data())
def test_relabelling_changes_nothing(data: Any) -> None:
    ends = data.draw(
        st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(0, 9)), min_size=1, max_size=20)
    )
    names = data.draw(st.permutations(range(8)))
    tail, head, minutes = np.array(ends).T
    tail, head = np.append(tail, np.arange(8)), np.append(head, np.arange(8))  # loops, so that each node is there
    minutes = np.append(minutes, np.zeros(8))
    net = RoadNetwork(None, {"from": tail, "to": head, "minutes": minutes}, oneway=True)
    new = np.array(names)
    other = RoadNetwork(None, {"from": new[tail], "to": new[head], "minutes": minutes}, oneway=True)
    np.testing.assert_array_equal(net.between(range(8), range(8)), other.between(new, new))


@settings(max_examples=100)
@given(st.data())
def test_zones_and_one_ways_are_those_of_dijkstra(data: Any) -> None:
    """From each node by scipy, in the network without the arcs out of all other zones."""
    node = st.integers(0, 8)
    ends = data.draw(st.lists(st.tuples(node, node, st.integers(0, 9)), min_size=1, max_size=30))
    first_through = data.draw(st.integers(0, 6))
    tail, head, minutes = np.concatenate([np.array(ends), np.tile(np.arange(9), (3, 1)).T]).T
    net = RoadNetwork(
        None, {"from": tail, "to": head, "minutes": minutes.astype(float)}, oneway=True, first_through=first_through
    )
    for origin in range(9):
        used = (tail != head) & ((tail >= first_through) | (tail == origin))
        arcs = (tail[used], head[used], minutes[used].astype(float))
        expected = by_scipy(9, *arcs, np.array([origin]), np.arange(9))
        np.testing.assert_array_equal(net.between([origin], range(9)), expected)


@pytest.mark.parametrize("by", ["scipy", "routingkit"])
def test_other_programs_find_the_same(by: str) -> None:
    if by == "routingkit":
        pytest.importorskip("pyroutingkit", reason="the extra roads is not installed")
    rng = np.random.default_rng(11)
    side = 15
    at = np.arange(side * side).reshape(side, side)
    links = {
        "from": np.concatenate([at[:, :-1].ravel(), at[:-1].ravel(), [3]]),
        "to": np.concatenate([at[:, 1:].ravel(), at[1:].ravel(), [4]]),
    }
    links["minutes"] = rng.integers(0, 500, len(links["from"])) / TICKS * 60  # whole ticks, and some of no length
    links["oneway"] = rng.choice(["yes", "no", "-1"], len(links["from"]))
    net = RoadNetwork(None, links, first_through=20)
    nodes = np.arange(0, side * side, 2)
    found = net.between(nodes, nodes)
    assert np.isfinite(found).mean() > 0.5
    np.testing.assert_allclose(net.between(nodes, nodes, by=by), found, rtol=1e-12)


def test_who_else_finds_ways_is_told() -> None:
    with pytest.raises(StudyError, match="expected potomac or scipy, routingkit"):
        line().between([0], [1], by="hand")


# From door to door


def test_a_point_beside_a_road_walks_and_drives_the_rest() -> None:
    # 0.25 of the way from 0 to 1, 0.001 degrees north; to 0.5 of the way from 2 to 3.
    found = line().minutes([[0.001, 0.0025]], [[0.0, 0.025]])
    assert found == [[pytest.approx(0.75 * 1 + 2 + 0.5 * 4 + PACE * 0.001 * KM_PER_DEGREE)]]


def test_within_a_road_one_drives_the_part_between() -> None:
    found = line().minutes([[0.0, 0.0225], [0.0, 0.0275]], [[0.0, 0.0225], [0.0, 0.0275]])
    np.testing.assert_allclose(found, [[0, 2], [2, 0]], atol=1e-6)


def test_entering_a_one_way_road_one_goes_where_it_leads() -> None:
    square = {"id": [0, 1, 2, 3], "latitude": [0.0, 0.0, 0.01, 0.01], "longitude": [0.0, 0.01, 0.01, 0.0]}
    net = RoadNetwork(square, {"from": [0, 1, 2, 3], "to": [1, 2, 3, 0], "minutes": [4.0] * 4, "oneway": [1] * 4})
    west, east = [0.0, 0.0025], [0.0, 0.0075]
    found = net.minutes([west, east], [west, east])
    np.testing.assert_allclose(found, [[0, 2], [14, 0]], atol=1e-6)  # back is once round: 16 minutes less 2


def test_whoever_is_nearer_to_the_other_than_to_the_road_walks() -> None:
    north = [0.01, 0.005]
    found = line().minutes([north, [0.01, 0.006]], [north])
    assert found[0, 0] == 0
    assert found[1, 0] == pytest.approx(PACE * 0.001 * KM_PER_DEGREE, rel=1e-4)  # cos(0.01 degrees) is 1 but for 2e-8


def test_from_too_far_away_there_is_no_way() -> None:
    net = line(access_km=2.0)
    found = net.minutes([[0.019, 0.0], [0.017, 0.0]], [[0.0, 0.01]])  # 2.11 and 1.89 km
    assert found[0, 0] == INF
    assert found[1, 0] == pytest.approx(1 + PACE * 0.017 * KM_PER_DEGREE)


def test_walking_speed_and_departure_count() -> None:
    net = line(walk_kmh=4.0)
    walk = 15 * 0.001 * KM_PER_DEGREE
    found = net.minutes([[0.001, 0.0]], [[0.0, 0.03]], 8.5)
    assert found == [[pytest.approx(7 * rush(8.5) + walk)]]


def test_hours_are_the_single_matrices() -> None:
    net = line()
    origins, destinations = [[0.001, 0.0025], [0.0, 0.01]], [[0.0, 0.025]]
    for hour, found in zip([None, 8, 17.5], net.hours(origins, destinations, [None, 8, 17.5]), strict=True):
        np.testing.assert_array_equal(found, net.minutes(origins, destinations, hour))


def test_scenarios_scale_links() -> None:
    net = line()
    factors = [np.array([1.0, 1.0, 1.0]), np.array([2.0, 1.0, 0.5])]
    one, other = net.scenarios([0], [3], factors, ids=True)
    assert (one[0, 0], other[0, 0]) == (7.0, 2 + 2 + 2)
    driven = list(net.scenarios([[0.0, 0.005]], [[0.0, 0.025]], factors))
    assert [found[0, 0] for found in driven] == [pytest.approx(0.5 + 2 + 2), pytest.approx(1 + 2 + 1)]


def test_a_scenario_closes_links() -> None:
    net = RoadNetwork(None, {"from": [0, 0, 1], "to": [1, 2, 2], "minutes": [0.0, 5.0, 1.0]})
    (found,) = net.scenarios([0], [2], [np.array([INF, 1.0, 1.0])], ids=True)
    assert (net.between([0], [2]), found) == ([[1.0]], [[5.0]])


@pytest.mark.parametrize(
    ("factor", "words"),
    [([1.0, 1.0], "a scenario has shape"), ([1.0, -1.0, 1.0], "link 1 is -1"), ([1.0, 1.0, np.nan], "link 2 is nan")],
)
def test_a_scenario_that_cannot_be_is_refused(factor: list[float], words: str) -> None:
    with pytest.raises(DataError, match=words):
        list(line().scenarios([0], [3], [factor], ids=True))


def test_across_the_antimeridian() -> None:
    nodes = {"id": [0, 1], "latitude": [0.0, 0.0], "longitude": [179.99, -179.99]}
    net = RoadNetwork(nodes, {"from": [0], "to": [1], "minutes": [8.0]})
    found = net.minutes([[0.0, 179.995]], [[0.0, -179.995]])
    assert found == [[pytest.approx(4.0)]]


@st.composite
def streets(draw: Any) -> tuple[dict[str, Any], dict[str, Any], Floats, set[int]]:
    """Nodes on a coarse grid of about 100 m, links of any kind, points anywhere, zones."""
    n = draw(st.integers(2, 7))
    place = st.tuples(st.integers(0, 6), st.integers(0, 6))
    places = draw(st.lists(place, min_size=n, max_size=n, unique=True))
    node = st.integers(0, n - 1)
    link = st.tuples(node, node, st.integers(1, 9), st.sampled_from(["yes", "no", "-1"]))
    links = draw(st.lists(link.filter(lambda one: one[0] != one[1]), min_size=1, max_size=12))
    points = draw(st.lists(st.tuples(st.integers(-20, 80), st.integers(-20, 80)), min_size=1, max_size=4))
    zones = draw(st.sets(node, max_size=2))
    latitude, longitude = 0.001 * np.array(places, float).T
    tail, head, minutes, oneway = zip(*links, strict=True)
    nodes = {"id": np.arange(n), "latitude": latitude, "longitude": longitude}
    table = {"from": tail, "to": head, "minutes": np.array(minutes, float), "oneway": oneway}
    return nodes, table, 0.0001 * np.array(points, float), zones


@settings(max_examples=150)
@given(streets())
def test_a_point_is_as_good_as_a_node_where_it_meets_the_road(
    network: tuple[dict[str, Any], dict[str, Any], Floats, set[int]],
) -> None:
    """Against a network in which each road is cut where points meet it: then points are nodes, but for the walk."""
    nodes, links, points, zones = network
    net = RoadNetwork(nodes, links, zones=zones)
    snapped = net.snapped(points)
    found = net.minutes(points, points)
    cut = _cut(nodes, links, net.road_nodes[snapped.road], snapped.share)
    between = RoadNetwork(None, cut, zones=zones).between(_feet(net, snapped), _feet(net, snapped))
    walk = PACE * snapped.km
    expected = between + walk[:, None] + walk[None, :]
    km = great_circle(points[:, None, 0], points[:, None, 1], points[None, :, 0], points[None, :, 1])
    on_foot = km <= (snapped.km[:, None] + snapped.km[None, :]) * (1 + 1e-12)
    expected = np.where(on_foot, np.minimum(expected, PACE * km), expected)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-6)


def _feet(net: RoadNetwork, snapped: Any) -> list[int]:
    """The node of each point in the network that was cut."""
    pairs = net.road_nodes[snapped.road]
    return [
        int(pairs[i, 0] if share == 0 else pairs[i, 1] if share == 1 else _foot(pairs[i], share))
        for i, share in enumerate(snapped.share.tolist())
    ]


def _foot(pair: Any, share: float) -> int:
    return 1000 + int(pair[0]) * 10**12 + int(pair[1]) * 10**11 + round(share * 10**9)


def _cut(nodes: dict[str, Any], links: dict[str, Any], pairs: Any, shares: Floats) -> dict[str, Any]:
    """Links in pieces: each from one node or foot to the next, with its part of the time."""
    cuts: dict[tuple[int, int], set[float]] = {}
    for (u, v), share in zip(pairs.tolist(), shares.tolist(), strict=True):
        if 0 < share < 1:
            cuts.setdefault((u, v), set()).add(share)
    rows: list[tuple[int, int, float, str]] = [(int(node), int(node), 0.0, "no") for node in nodes["id"]]
    for tail, head, minutes, oneway in zip(*links.values(), strict=True):
        pair = (min(tail, head), max(tail, head))
        inner = sorted(cuts.get(pair, ()))
        stops = [(0.0, pair[0]), *((share, _foot(pair, share)) for share in inner), (1.0, pair[1])]
        for (a, one), (b, other) in pairwise(stops):
            ends = (one, other) if tail < head else (other, one)
            rows.append((*ends, (b - a) * float(minutes), oneway))
    tail, head, minutes, oneway = zip(*rows, strict=True)
    return {"from": tail, "to": head, "minutes": minutes, "oneway": oneway}


# What cannot be reached


def test_unreachable_origins_are_named_with_the_nearest_node_that_leads_on() -> None:
    nodes = {"id": ["a", "b", "x", "y"], "latitude": [0.0, 0.0, 1.0, 1.0], "longitude": [0.0, 0.01, 0.0, 0.01]}
    net = RoadNetwork(nodes, {"from": ["a", "x"], "to": ["b", "y"], "minutes": [1.0, 1.0]})
    origins, site = [[0.0, 0.004], [1.0, 0.004], [0.2, 0.0]], [[0.0, 0.01]]
    assert np.isinf(net.minutes(origins, site)).ravel().tolist() == [False, True, True]
    island, remote = net.unreachable(origins, site)
    assert (island.row, island.far, island.node) == (1, False, "a")
    assert island.node_km == pytest.approx(great_circle(1.0, 0.004, 0.0, 0.0))
    assert (remote.row, remote.far, remote.node) == (2, True, "a")
    assert remote.km == pytest.approx(0.2 * KM_PER_DEGREE)
    assert str(island) == "row 1 has no way to any destination; the nearest node that has one is a, 111 km away"
    assert str(remote) == "row 2 is 22.2 km from the nearest road; the nearest node that has one is a, 22.2 km away"


def test_a_one_way_road_out_of_nowhere_is_reached_from_it_only() -> None:
    net = line(links={"oneway": ["yes", "no", "no"]})
    assert net.unreachable([[0.0, 0.025]], [[0.0, 0.0]])[0].node == 0
    assert net.unreachable([[0.0, 0.0]], [[0.0, 0.025]]) == ()


@settings(max_examples=60)
@given(streets())
def test_unreachable_is_what_has_no_time(network: tuple[dict[str, Any], dict[str, Any], Floats, set[int]]) -> None:
    nodes, links, points, zones = network
    net = RoadNetwork(nodes, links, zones=zones, access_km=0.3)
    found = net.minutes(points, points[:1])
    assert [one.row for one in net.unreachable(points, points[:1])] == np.flatnonzero(np.isinf(found[:, 0])).tolist()


def test_the_largest_part_alone() -> None:
    nodes = {
        "id": [0, 1, 2, 8, 9],
        "latitude": [0.0, 0.0, 0.0, 0.001, 0.001],
        "longitude": [0.0, 0.01, 0.02, 0.0, 0.01],
    }
    links = {"from": [0, 1, 8], "to": [1, 2, 9], "minutes": [1.0, 1.0, 1.0]}
    point, site = [[0.001, 0.005]], [[0.0, 0.02]]
    assert np.isinf(RoadNetwork(nodes, links).minutes(point, site)).all()
    found = RoadNetwork(nodes, links, largest_only=True).minutes(point, site)
    assert found == [[pytest.approx(1.5 + PACE * 0.001 * KM_PER_DEGREE)]]


# Times of links


def test_times_come_from_length_class_and_limit() -> None:
    links = {
        "from": [0, 1, 2, 3, 4], "to": [1, 2, 3, 4, 5], "length": [1000.0, 1000, 1000, 1000, 1000],
        "class": ["primary", "primary", None, "01", "nonesuch"], "maxspeed": [None, "30 mph", "50;30", None, None],
    }  # fmt: skip
    net = RoadNetwork(None, links, speeds={"primary": 48.0})
    expected = [60 / 48, 60 / (30 * 1.609344), 60 / 37.5, 60 / (70 * 1.609344), 60 / 40]
    found = [net.between([k], [k + 1])[0, 0] for k in range(5)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert any("1 link has neither a known class" in note for note in net.notes)


def test_without_a_length_the_straight_line_counts() -> None:
    nodes = {"id": [0, 1], "latitude": [0.0, 1.0], "longitude": [0.0, 0.0]}
    net = RoadNetwork(nodes, {"from": [0], "to": [1], "maxspeed": [60]})
    assert net.between([0], [1]) == [[pytest.approx(KM_PER_DEGREE)]]


def test_where_more_people_live_roads_are_slower() -> None:
    nodes = {"id": [0, 1, 2], "latitude": [0.0, 0.0, 0.0], "longitude": [0.0, 0.01, 0.02]}
    links = {"from": [0, 1], "to": [1, 2], "length": [1000.0, 1000.0], "class": ["primary", "primary"]}
    density = np.array([0.0, 0.0, 6000.0])
    net = RoadNetwork(nodes, links, density=density)
    minutes = 60 / HIGHWAY_KMH["primary"]
    assert net.between([0], [1]) == [[pytest.approx(minutes)]]
    assert net.between([1], [2]) == [[pytest.approx(minutes * (1 + 3000 / 100) ** 0.1)]]  # the mean of its ends
    same = RoadNetwork(nodes, links, density=lambda places: np.where(places[:, 1] > 0.015, 6000.0, 0.0))
    np.testing.assert_array_equal(same.between([0], [2]), net.between([0], [2]))


# Wrong input


@pytest.mark.parametrize(
    ("nodes", "links", "code", "words"),
    [
        (None, {"to": [1]}, "location.network", 'links has no column "from"'),
        (None, 3, "location.network", "links is no table"),
        (None, {"from": [0], "to": [1, 2]}, "location.network", "links is no table"),
        ({"id": [0], "latitude": [0.0], "longitude": [0.0]}, {"from": [0, 0], "to": [0, 7]}, "location.node-unknown",
         "7 (row 1)"),
        ({"id": [0, 0, 1]}, {"from": [0], "to": [1]}, "location.id-twice",
         "a node is there more than once: 0 (rows 0, 1; the first row is 0)"),
        ({"id": [0, 1], "latitude": [0.0, 99.0], "longitude": [0.0, 0.0]}, {"from": [0], "to": [1]}, "location.points",
         "node 1 has latitude 99"),
        (None, {"from": [0], "to": [1], "minutes": [-1.0]}, "location.network", "minutes of row 0 of links is -1"),
        (None, {"from": [0], "to": [1], "minutes": ["soon"]}, "location.network", "holds no numbers"),
        (None, {"from": [0], "to": [1]}, "location.network", "link 0 has neither minutes nor a length"),
        (None, {"from": [0, None], "to": [1, 1], "minutes": [1.0, 1.0]}, "location.network",
         "row 1 of links has no id"),
        (None, {"from": [0], "to": [1], "minutes": [1.0], "oneway": ["perhaps"]}, "location.flag",
         '"perhaps" of link 0'),
        (None, {"from": [0, 1], "to": [1, 2], "minutes": [1.0, 1.0], "volume": [None, 1.0], "capacity": [0.0, 0.0]},
         "location.congestion", "the capacity of link 1 is 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_tables_is_said(nodes: Any, links: Any, code: str, words: str) -> None:
    with pytest.raises(DataError) as error:
        RoadNetwork(nodes, links)
    assert error.value.faults[0].code == code
    assert words in str(error.value)


@pytest.mark.parametrize("name", ["walk_kmh", "access_km", "default_kmh"])
def test_speeds_and_distances_are_above_0(name: str) -> None:
    with pytest.raises(StudyError, match=f"{name} is 0"):
        line(**{name: 0})


def test_other_wrong_input_is_said() -> None:
    with pytest.raises(DataError, match="origins names nodes that are not there: 9"):
        line().between([9], [0])
    with pytest.raises(StudyError, match="nodes have names"):
        RoadNetwork(None, {"from": ["a"], "to": ["b"], "minutes": [1.0]}, first_through=3)
    with pytest.raises(DataError, match="zones names nodes that are not there"):
        line(zones=[77])
    with pytest.raises(DataError, match="densities have shape"):
        line(density=[1.0, 2.0])
    with pytest.raises(DataError, match="node 0 has no place"):
        RoadNetwork(None, {"from": [0], "to": [1], "minutes": [1.0]}).minutes([[0.0, 0.0]], [[0.0, 0.0]])
    with pytest.raises(PotomacError, match="23 factors"):
        line(profile=[1.0] * 23)


def test_a_network_without_links_leads_nowhere() -> None:
    nodes = {"id": [0, 1], "latitude": [0.0, 0.0], "longitude": [0.0, 0.01]}
    net = RoadNetwork(nodes, {"from": pa.array([], pa.int64()), "to": pa.array([], pa.int64())})
    np.testing.assert_array_equal(net.between([0, 1], [0, 1]), [[0, INF], [INF, 0]])
    assert net.minutes([[0.0, 0.0]], [[0.0, 0.1]]) == [[INF]]
    (lost,) = net.unreachable([[0.0, 0.0]], [[0.0, 0.1]])
    assert str(lost) == "row 0 is inf km from the nearest road; no node has one"


def test_a_network_can_be_kept() -> None:
    net = line()
    before = net.minutes([[0.0, 0.005]], [[0.0, 0.03]])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(net)).minutes([[0.0, 0.005]], [[0.0, 0.03]]), before)


def test_a_network_without_nodes_is_refused() -> None:
    for nodes, words in (({"id": [], "latitude": [], "longitude": []}, "rows of nodes"), (None, "rows of links")):
        with pytest.raises(DataError, match=f"the network has no node; expected {words}"):
            RoadNetwork(nodes, {"from": [], "to": []})


def test_nodes_may_call_their_places_otherwise() -> None:
    links = {"from": [0], "to": [1], "maxspeed": [60]}
    for north, east in (("lat", "lon"), ("Latitude", "LNG")):
        net = RoadNetwork({"id": [0, 1], east: [-10.0, -10.0], north: [0.0, 1.0]}, links)
        assert net.between([0], [1]) == [[pytest.approx(KM_PER_DEGREE)]]


def test_classes_of_which_no_speed_is_known_are_named() -> None:
    links = {"from": [0, 1, 2], "to": [1, 2, 3], "length": [9.0] * 3, "class": ["primry", "primary", "highway"]}
    notes = RoadNetwork(None, links).notes
    assert "No speed is known of the classes primry, highway." in notes
    assert any("2 links have neither a known class" in note for note in notes)
