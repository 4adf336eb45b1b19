"""Latitude and longitude exchanged, coordinates in another system, columns under other names: seen at every door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from potomac.errors import DataError, Fault
from potomac.location import GreatCircle, geometric_median, sites_anywhere, smallest_circle
from potomac.location.swapped import all_swapped, swapped_rows
from potomac.location.travel.model import believed, checked_places
from potomac.location.travel.network import RoadNetwork

Array = np.ndarray
DOORS: tuple[Callable[[Any], object], ...] = (
    checked_places, geometric_median, smallest_circle, lambda points: GreatCircle().minutes(points, [[41.9, -87.6]]),
    lambda points: sites_anywhere(points, None, 1, "minisum", GreatCircle()),
)  # fmt: skip


def town(n: int, north: float = 48.1, east: float = 11.6, size: float = 2.0) -> Array:
    return np.random.default_rng(n).uniform([north - size, east - size], [north + size, east + size], (n, 2))


def turned(points: Array, rows: list[int]) -> Array:
    points = points.copy()
    points[rows] = points[rows][:, ::-1]
    return points


def fault(make: Callable[..., object], *given: object) -> Fault:
    with pytest.raises(DataError) as error:
        make(*given)
    return error.value.faults[0]


# ---- some rows among many


@pytest.mark.parametrize("door", DOORS)
def test_rows_in_which_the_two_are_exchanged_are_named(door: Callable[[Any], object]) -> None:
    """Munich is at (48.1, 11.6); (11.6, 48.1) is off the coast of Somalia."""
    points = turned(town(60), [7, 31])
    said = fault(door, points)
    assert said.code == "location.swapped"
    assert "2 of 60 rows: 7, 31" in said.found
    frame = pd.DataFrame({"longitude": points[:, 1], "latitude": points[:, 0]})
    assert "2 of 60 rows: 7, 31" in fault(door, frame).found


@pytest.mark.parametrize("place", [(48.1, 11.6), (40.7, -74.0), (-33.9, 18.4), (1.3, 35.0), (59.9, 30.3)])
def test_wherever_most_are_the_exchanged_are_found(place: tuple[float, float]) -> None:
    points = town(200, *place, size=1.0)
    assert not len(swapped_rows(points))
    assert swapped_rows(turned(points, [3, 90, 199])).tolist() == [3, 90, 199]


def test_up_to_a_third_may_be_exchanged() -> None:
    rows = list(range(0, 90, 3))
    assert swapped_rows(turned(town(90), rows)).tolist() == rows


def test_many_rows_are_looked_through_and_not_only_a_sample() -> None:
    assert swapped_rows(turned(town(100_000), [12_345, 99_999])).tolist() == [12_345, 99_999]


def test_what_is_far_off_but_not_exchanged_is_no_slip() -> None:
    points = np.vstack([town(50), [[40.7, -74.0], [-33.9, 151.2], [12.8, 45.0]]])  # Aden, which is west of Somalia
    assert not len(swapped_rows(points))
    assert len(checked_places(points)) == 53


def test_around_the_whole_globe_nothing_stands_out() -> None:
    rng = np.random.default_rng(1)
    points = np.column_stack([rng.uniform(-60, 70, 500), rng.uniform(-180, 180, 500)])
    assert not len(swapped_rows(points))
    assert not len(swapped_rows(np.vstack([town(300), points])))


def test_where_latitude_and_longitude_are_alike_nothing_can_be_told() -> None:
    points = town(40, 35.0, 35.0)
    assert not len(swapped_rows(turned(points, [3])))


def test_few_places_are_believed_and_so_is_a_longitude_once_round() -> None:
    points = turned(town(9), [0])
    assert len(swapped_rows(points)) == 1
    assert not len(swapped_rows(points[:5]))
    points[0, 1] -= 360.0
    assert len(checked_places(points)) == 9
    assert GreatCircle().minutes(points[:1], points[:1] + np.array([0.0, 360.0])) == pytest.approx(0.0, abs=1e-6)


def test_places_that_a_search_makes_are_believed() -> None:
    points = turned(town(30), [5])
    assert GreatCircle().minutes(believed(points), believed(points)).shape == (30, 30)


# ---- all of them


@pytest.mark.parametrize(
    ("points", "swapped"),
    [([[-87.6, 41.9]], True), ([[-74.0, 40.7], [-75.2, 39.9]], True), ([[77.2, 28.6], [88.4, 22.6]], True),
     ([[78.2, 15.6]], False), ([[41.9, -87.6]], False), ([[-77.85, 166.67]], False), ([[71.3, -156.8]], False)],
)  # fmt: skip
def test_where_nobody_lives_latitude_was_the_longitude(points: list[list[float]], swapped: bool) -> None:
    """Chicago, New York, Delhi and Calcutta; Longyearbyen, McMurdo and Utqiagvik are where they are."""
    assert all_swapped(np.array(points)) is swapped


@pytest.mark.parametrize("door", DOORS)
def test_all_exchanged_are_told_under_any_names(door: Callable[[Any], object]) -> None:
    chicago = np.array([[-87.6, 41.9], [-87.7, 41.8], [-87.9, 42.0]])
    for given in (chicago, pl.DataFrame({"lat": chicago[:, 0], "lng": chicago[:, 1]})):
        assert "look swapped" in str(fault(door, given))


# ---- columns by name


@pytest.mark.parametrize(
    "names", [("latitude", "longitude"), ("lat", "lon"), ("Lat", "Lng"), ("LATITUDE", "Long"), ("lat", "longitude")]
)
def test_columns_are_found_by_their_names_in_any_order(names: tuple[str, str]) -> None:
    north, east = names
    columns = {east: [-87.6, -87.7, -87.9], "name": [*"abc"], north: [41.9, 41.8, 42.0]}
    table = pa.table(columns)
    relation = duckdb.connect().from_arrow(table)
    given = (columns, table, pd.DataFrame(columns), pl.DataFrame(columns), pl.LazyFrame(columns), relation)
    expected = [[41.9, -87.6], [41.8, -87.7], [42.0, -87.9]]
    for one in (*given, table.to_pylist()):
        assert checked_places(one).tolist() == expected
    for one in (*given, table.to_pylist()):
        assert geometric_median(one) == geometric_median(expected)
        assert smallest_circle(one) == smallest_circle(expected)


def test_on_the_plane_columns_are_x_and_y() -> None:
    corners = pd.DataFrame({"y": [0.0, 0.0, 4.0, 4.0], "x": [1000.0, 1003.0, 1000.0, 1003.0]})
    assert smallest_circle(corners, metric="plane").place == (1001.5, 2.0)
    assert geometric_median(corners, metric="plane").place == pytest.approx((1001.5, 2.0))
    with pytest.raises(DataError, match="no columns x and y"):
        smallest_circle(corners.rename(columns={"x": "east"}), metric="plane")


# ---- another coordinate system


@pytest.mark.parametrize("door", DOORS)
def test_metres_given_as_degrees_are_called_a_coordinate_system(door: Callable[[Any], object]) -> None:
    metres = np.array([[5_333_000.0, 691_000.0], [5_334_000.0, 692_000.0]])
    for given in (metres, pd.DataFrame({"latitude": metres[:, 0], "longitude": metres[:, 1]})):
        said = fault(door, given)
        assert said.code == "location.crs-unknown"
        assert "metres or feet" in said.found
        assert "EPSG:4326" in said.mend


@pytest.mark.parametrize("door", DOORS)
def test_rows_of_several_systems_are_called_so_and_named(door: Callable[[Any], object]) -> None:
    points = town(20)
    points[[4, 11]] = [[5_333_000.0, 691_000.0], [5_334_000.0, 692_000.0]]
    said = fault(door, points)
    assert said.code == "location.crs-unknown"
    assert "mix coordinate reference systems: 2 of 20 rows" in said.found
    assert "4, 11" in said.found


# ---- nodes of a network


def test_nodes_that_are_exchanged_are_named_by_their_ids() -> None:
    points = turned(town(30), [4])
    nodes = {"id": [f"n{k}" for k in range(30)], "latitude": points[:, 0], "longitude": points[:, 1]}
    links = {"from": [f"n{k}" for k in range(29)], "to": [f"n{k}" for k in range(1, 30)]}
    said = fault(RoadNetwork, nodes, links)
    assert (said.code, said.key) == ("location.swapped", "travel.nodes")
    assert "1 of 30 rows: n4" in said.found


def test_nodes_in_metres_and_nodes_off_the_globe_are_told_apart() -> None:
    links = {"from": [0], "to": [1]}
    metres = {"id": [0, 1], "latitude": [5_333_000.0, 5_334_000.0], "longitude": [691_000.0, 692_000.0]}
    assert fault(RoadNetwork, metres, links).code == "location.crs-unknown"
    tokyo = {"id": [0, 1], "latitude": [139.7, 139.8], "longitude": [35.6, 35.7]}
    assert "Latitude and longitude look swapped" in fault(RoadNetwork, tokyo, links).mend
