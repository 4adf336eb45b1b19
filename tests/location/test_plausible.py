"""Lengths and times in another unit than they are read in: told by the straight line between their ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from potomac.errors import DataError, Fault
from potomac.geo.distance import great_circle
from potomac.location.travel.calibrate import Sample, calibrate
from potomac.location.travel.circuity import Circuity
from potomac.location.travel.network import RoadNetwork
from potomac.location.travel.plain import GreatCircle
from potomac.location.travel.plausible import length_notes, odd_speeds

Array = np.ndarray
UNITS = [("km", 1000.0), ("miles", 1609.344), ("feet", 0.3048)]


def streets(n: int = 60) -> tuple[dict[str, Any], Array, Array]:
    """A chain of nodes some 100 to 1,000 m apart; km along its links, 0 to 40 % longer than straight; and straight."""
    rng = np.random.default_rng(n)
    places = np.column_stack(
        [48.1 + np.cumsum(rng.uniform(0.001, 0.006, n)), 11.6 + np.cumsum(rng.uniform(0, 0.01, n))]
    )
    nodes = {"id": np.arange(n), "latitude": places[:, 0], "longitude": places[:, 1]}
    straight = great_circle(*places[:-1].T, *places[1:].T)
    return nodes, straight * rng.uniform(1.0, 1.4, n - 1), straight


def network(nodes: dict[str, Any], **columns: Any) -> RoadNetwork:
    n = len(nodes["id"])
    return RoadNetwork(nodes, {"from": np.arange(n - 1), "to": np.arange(1, n), **columns})


def fault(make: Any, *given: Any, **more: Any) -> Fault:
    with pytest.raises(DataError) as error:
        make(*given, **more)
    return error.value.faults[0]


@pytest.mark.parametrize("n", [3, 60])
@pytest.mark.parametrize(("unit", "metres"), UNITS)
def test_lengths_in_another_unit_are_refused_and_the_unit_is_named(n: int, unit: str, metres: float) -> None:
    nodes, km, _ = streets(n)
    said = fault(network, nodes, length=1000 * km / metres)
    assert (said.code, said.key) == ("location.network", "travel.links.length")
    assert f"look like {unit}" in said.mend
    assert "row 0" in said.found
    assert not any("shorter" in note for note in network(nodes, length=1000 * km).notes)


def test_some_lengths_in_km_are_named_by_their_rows() -> None:
    nodes, km, _ = streets()
    metres = 1000 * km
    metres[[5, 17]] /= 1000
    said = fault(network, nodes, length=metres)
    assert "2 of 59 links" in said.found
    assert "rows 5, 17" in said.found
    assert "look like km" in said.mend


def test_links_a_little_too_short_are_told_and_taken_as_they_are() -> None:
    nodes, km, straight = streets()
    far = int(straight.argmax())
    metres = 1000 * km
    metres[far] = 600 * straight[far]
    net = network(nodes, length=metres, maxspeed=[60] * 59)
    (note,) = [note for note in net.notes if "shorter" in note]
    assert note.startswith("1 link is shorter")
    assert f"row {far} is" in note
    assert net.between([far], [far + 1]) == [[pytest.approx(0.6 * straight[far])]]  # a km a minute


def test_a_node_in_the_wrong_place_is_told_by_its_links() -> None:
    nodes, km, _ = streets()
    nodes["longitude"] = nodes["longitude"].copy()
    nodes["longitude"][30] += 90.0
    said = fault(network, nodes, length=1000 * km)
    assert "rows 29, 30" in said.found
    assert "places of these nodes" in said.mend


def test_lengths_of_nothing_and_of_unknown_places_are_no_matter() -> None:
    assert not list(length_notes(np.array([0.0, np.nan, 1.0]), np.array([1.0, 1.0, np.nan])))
    assert not list(length_notes(np.array([0.001] * 50), np.array([0.02] * 50)))  # places are no better than 20 m


def test_a_winding_road_may_be_long() -> None:
    rng = np.random.default_rng(0)
    straight = rng.uniform(0.1, 2.0, 200)
    assert not list(length_notes(straight * np.r_[np.full(100, 1.1), np.full(100, 8.0)], straight))


# ---- times


@pytest.mark.parametrize(("unit", "minutes"), [("hours", 60.0), ("seconds", 1 / 60)])
def test_times_of_links_in_another_unit_are_refused(unit: str, minutes: float) -> None:
    nodes, km, _ = streets()
    said = fault(network, nodes, minutes=60 * km / 40 / minutes)
    assert (said.code, said.key) == ("location.times", "travel.links.minutes")
    assert f"look like {unit}" in said.mend
    assert not network(nodes, minutes=60 * km / 40).notes[1:]  # but that it hangs together


def test_few_links_are_only_told() -> None:
    nodes, km, _ = streets(4)
    assert any("faster than anything" in note for note in network(nodes, minutes=km / 40 / 60).notes)


@pytest.mark.parametrize(("unit", "minutes"), [("hours", 60.0), ("seconds", 1 / 60)])
@pytest.mark.parametrize("kmh", [15.0, 40.0, 100.0])
def test_times_of_a_sample_in_another_unit_are_refused(unit: str, minutes: float, kmh: float) -> None:
    rng = np.random.default_rng(2)
    a, b = (rng.uniform([41.7, -88.0], [42.1, -87.5], (80, 2)) for _ in range(2))
    times = Circuity(1.3 * kmh, 1.3).rowwise(a, b)
    said = fault(calibrate, Sample(a, b, times / minutes))
    assert (said.code, said.key) == ("location.times", "sample")
    assert f"look like {unit}" in said.mend
    assert calibrate(Sample(a, b, times), "great_circle").form == "great_circle"


def test_some_pairs_in_hours_are_named_and_left_aside() -> None:
    rng = np.random.default_rng(2)
    a, b = (rng.uniform([41.7, -88.0], [42.1, -87.5], (80, 2)) for _ in range(2))
    times = Circuity(52.0, 1.3).rowwise(a, b)
    times[[3, 40]] /= 60
    found = calibrate(Sample(a, b, times), "great_circle")
    (note,) = found.notes
    assert "2 pairs of the sample are faster than anything on earth and left aside, row 3, 40" in note
    assert found.n_fit + found.n_held_out == 78
    assert isinstance(found.model, GreatCircle)
    assert found.model.speed_kmh == pytest.approx(40.0)


def test_what_flies_may_be_fast() -> None:
    """800 km/h over 1,000 km is a plane; over 20 km it is hours read as minutes."""
    fast, slow = odd_speeds(np.full(30, 75.0), np.full(30, 1000.0), "pairs", "sample")
    assert not len(fast) + len(slow)
    with pytest.raises(DataError, match="look like hours"):
        odd_speeds(np.full(30, 1.5), np.full(30, 20.0), "pairs", "sample")


# ---- a network that is elsewhere


def here(**more: Any) -> RoadNetwork:
    nodes, km, _ = streets()
    return network({**nodes, **more}, length=1000 * km)


POINTS = np.array([[48.12, 11.65], [48.2, 11.7], [48.15, 11.62]])


def test_a_network_whose_places_are_exchanged_is_told_with_what_to_do() -> None:
    nodes, *_ = streets()
    net = here(latitude=nodes["longitude"], longitude=nodes["latitude"])
    said = fault(net.minutes, POINTS, POINTS)
    assert (said.code, said.key) == ("location.network-elsewhere", "travel.nodes")
    assert "look swapped" in said.mend
    assert np.isfinite(here().minutes(POINTS, POINTS)).all()


def test_a_network_of_another_town_is_told_with_both_areas() -> None:
    away = POINTS + np.array([3.0, 0.0])
    said = fault(here().minutes, away, away)
    assert "all points (3 origins and 3 destinations) are" in said.found
    assert "latitude 48.1" in said.found
    assert "51.1" in said.found
    assert "swapped" not in said.mend


def test_some_points_elsewhere_have_no_way_and_are_told_row_by_row() -> None:
    net = here()
    away = np.vstack([POINTS, [[60.0, 20.0]]])
    assert np.isinf(net.minutes(away, POINTS)[3]).all()
    (lost,) = net.unreachable(away, POINTS)
    assert (lost.row, lost.far) == (3, True)
    both = net.unreachable(POINTS + 5.0, POINTS + 5.0)
    assert both == ()  # they walk to where they are
    assert [one.row for one in net.unreachable(POINTS + 5.0, POINTS)] == [0, 1, 2]


def test_tables_of_any_kind_make_the_same_network() -> None:
    nodes, km, _ = streets(8)
    links = {"from": np.arange(7), "to": np.arange(1, 8), "length": 1000 * km}
    expected = RoadNetwork(nodes, links).between(range(8), range(8))
    rows = pa.table(links).to_pylist()
    np.testing.assert_array_equal(RoadNetwork(nodes, rows).between(range(8), range(8)), expected)
