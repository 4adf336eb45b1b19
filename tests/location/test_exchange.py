"""From and to GeoDataFrames, cost matrices and GeoJSON."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from potomac import tables
from potomac.errors import DataError, StudyError
from potomac.location.crs import to_degrees
from potomac.location.exchange import from_cost_matrix, from_geodataframe, from_geojson, to_geojson
from potomac.location.placement import Placement
from potomac.location.pmedian.search import p_median
from potomac.location.travel.model import checked_places
from potomac.location.travel.plain import GreatCircle
from potomac.tables import LATITUDE, LONGITUDE

PARIS, LYON = (48.8566, 2.3522), (45.7640, 4.8357)


class Crs:
    """What pyproj's CRS says of itself."""

    name = "a coordinate system"

    def __init__(self, code: int | None) -> None:
        self.code = code

    def to_epsg(self) -> int | None:
        return self.code


class Geometry:
    """What a GeoSeries of points says of itself."""

    name = "geometry"

    def __init__(self, x: Any, y: Any, crs: Any, kind: str = "Point") -> None:
        self.x, self.y, self.crs = pd.Series(x, dtype=float), pd.Series(y, dtype=float), crs
        self.geom_type = pd.Series([kind] * len(self.x))


class Frame:
    """What a GeoDataFrame says of itself."""

    def __init__(self, geometry: Geometry, columns: dict[str, Any], index: Any = None) -> None:
        self._data = pd.DataFrame(columns | {"geometry": [None] * len(geometry.x)}, index=index)
        self.geometry, self.crs = geometry, geometry.crs
        self.columns, self.index = self._data.columns, self._data.index

    def __getitem__(self, name: str) -> Any:
        return self._data[name]


def frame(crs: Any = 4326, kind: str = "Point", **columns: Any) -> Frame:
    geometry = Geometry([PARIS[1], LYON[1]], [PARIS[0], LYON[0]], Crs(crs) if isinstance(crs, int) else crs, kind)
    return Frame(geometry, {"name": ["Paris", "Lyon"], "people": [2_100_000, 520_000]} | columns)


# ---- frames


def test_a_frame_becomes_a_table_with_ids_places_and_its_other_columns() -> None:
    table = from_geodataframe(frame(), id="name")
    assert table.column_names == ["id", "latitude", "longitude", "people"]
    assert table.to_pylist()[0] == {"id": "Paris", "latitude": PARIS[0], "longitude": PARIS[1], "people": 2_100_000}
    assert from_geodataframe(frame())["id"].to_pylist() == ["0", "1"]
    assert checked_places(frame()).tolist() == [[*PARIS], [*LYON]]


def test_web_mercator_is_turned_into_degrees() -> None:
    """The corner of the square world: x = pi R, and y = pi R at atan(sinh(pi)) = 85.051129 degrees (EPSG:3857)."""
    edge = np.pi * 6_378_137.0
    found = to_degrees([edge, 0.0, -edge / 2], [edge, 0.0, 0.0], "EPSG:3857")
    assert found == pytest.approx(np.array([[85.0511287798, 180.0], [0, 0], [0, -90]]), abs=1e-9)


@pytest.mark.parametrize("crs", ["EPSG:4326", "epsg:4326", 4326, "urn:ogc:def:crs:EPSG::4326", "OGC:CRS84", Crs(4258)])
def test_degrees_are_known_by_any_of_their_names(crs: Any) -> None:
    assert to_degrees([2.0], [48.0], crs).tolist() == [[48.0, 2.0]]


@pytest.mark.parametrize(
    ("made", "code", "words"),
    [(lambda: frame(None), "location.crs-unknown", "set_crs"),
     (lambda: frame(4326, "Polygon"), "location.points", "Polygon"),
     (lambda: pd.DataFrame({"a": [1]}), "location.points", "no geometry")],
)  # fmt: skip
def test_a_frame_that_cannot_be_used_is_refused_and_it_is_said_why(made: Any, code: str, words: str) -> None:
    with pytest.raises(DataError) as error:
        from_geodataframe(made())
    assert error.value.faults[0].code == code
    assert words in str(error.value)


def test_another_crs_needs_pyproj_and_it_is_said_what_to_do_without() -> None:
    if importlib.util.find_spec("pyproj") is not None:
        pytest.skip("pyproj is installed")
    with pytest.raises(DataError) as error:
        from_geodataframe(frame(25832))
    assert error.value.faults[0].code == "location.crs-unknown"
    assert "EPSG:25832" in str(error.value)
    assert "to_crs" in str(error.value)


def test_frames_of_several_crs_are_each_read_by_their_own_and_one_without_is_named() -> None:
    edge = np.pi * 6_378_137.0
    web = Frame(Geometry([edge / 2], [0.0], Crs(3857)), {})
    assert checked_places([frame(), web]).tolist()[2] == pytest.approx([0.0, 90.0])
    with pytest.raises(DataError, match=r"places\[1\]"):
        checked_places([frame(), frame(None)], "places")


def test_ids_have_to_be_there_once_and_columns_at_all() -> None:
    with pytest.raises(DataError, match="more than once: x"):
        from_geodataframe(frame(code=["x", "x"]), id="code")
    with pytest.raises(DataError, match="no id"):
        from_geodataframe(frame(code=["x", None]), id="code")
    with pytest.raises(StudyError, match="no column"):
        from_geodataframe(frame(), id="cod")


# ---- cost matrices


def test_a_frame_of_costs_brings_its_ids() -> None:
    costs = pd.DataFrame([[0.0, 7.0], [5.0, 0.0], [4.0, 3.0]], index=["a", "b", "c"], columns=[10, 20])
    matrix = from_cost_matrix(costs)
    assert matrix.minutes(["c", "a"], [20]).tolist() == [[3.0], [7.0]]
    assert from_cost_matrix(costs.to_numpy()).shape == (3, 2)


@pytest.mark.parametrize(
    ("made", "words"),
    [(lambda: from_cost_matrix(np.empty((0, 0))), "shape"),
     (lambda: from_cost_matrix([[1, 2, 3]], square=True), "square"),
     (lambda: from_cost_matrix([[0, np.nan], [1, 0]]), "nan"),
     (lambda: from_cost_matrix(pd.DataFrame([[0, 1], [1, 0]], ["a", "b"], ["b", "a"]), square=True), "another order"),
     (lambda: from_cost_matrix(pd.DataFrame([[0, 1], [1, 0]], ["a", "a"], ["b", "c"])), "more than once")],
)  # fmt: skip
def test_a_cost_matrix_that_is_none_is_refused(made: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        made()


# ---- GeoJSON


def collection(*features: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)} | more


def point(longitude: Any, latitude: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
            "properties": properties}  # fmt: skip


def test_points_are_read_longitude_first_with_their_properties() -> None:
    given = collection(point(2.35, 48.86, id="p", people=5), point(4.84, 45.76, id="l", note={"a": 1}))
    table = from_geojson(json.dumps(given))
    assert table["id"].to_pylist() == ["p", "l"]
    assert (table["latitude"].to_pylist(), table["longitude"].to_pylist()) == ([48.86, 45.76], [2.35, 4.84])
    assert table["people"].to_pylist() == [5, None]
    assert from_geojson(given).equals(table)
    assert from_geojson(collection(point(1, 2), point(3, 4)))["id"].to_pylist() == ["0", "1"]
    assert from_geojson(point(1, 2) | {"id": 7})["id"].to_pylist() == ["7"]


@pytest.mark.parametrize(
    ("given", "words"),
    [("{", "no JSON"), ("[1]", "no JSON object"), ({"type": "Topology"}, "Topology"), (collection(), "no features"),
     (collection({"type": "Feature", "geometry": {"type": "Polygon"}}), "Polygon"),
     (collection({"type": "Feature", "geometry": None}), "None"), (collection(point("x", 1)), "two coordinates"),
     (collection(point(41.9, -87.6)), "longitude first"), (collection(point(48.0, 139.0)), "longitude first"),
     (collection(point(1, 2, id="a"), point(3, 4, id="a")), "more than once"),
     (collection(point(1, 2), crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}), "25832")],
)  # fmt: skip
def test_geojson_that_is_none_is_refused_and_it_is_said_why(given: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        from_geojson(given)


def placed() -> tuple[np.ndarray, Placement, np.ndarray]:
    demand = np.array([[10.0, 170.0], [10.0, 179.0], [12.0, -179.0], [-40.0, 20.0]])
    minutes = GreatCircle(40.0).minutes(demand, demand)
    return demand, p_median(minutes, 2), minutes


def test_a_placement_becomes_sites_and_lines() -> None:
    demand, placement, minutes = placed()
    found = to_geojson(demand, demand, placement, minutes=minutes, demand_ids=[*"abcd"], weights=[1, 2, 3, 4])
    assert json.loads(json.dumps(found)) == found
    sites = [one for one in found["features"] if one["properties"]["kind"] == "site"]
    lines = [one for one in found["features"] if one["properties"]["kind"] == "assignment"]
    assert [one["properties"]["id"] for one in sites] == [str(j) for j in placement.sites]
    assert sum(one["properties"]["weight"] for one in sites) == 10
    assert len(lines) == 4
    for i, line in enumerate(lines):
        j = placement.assignment[i]
        assert line["properties"] | {"minutes": 0, "weight": 0} == {
            "kind": "assignment", "id": "abcd"[i], "site": str(j), "minutes": 0, "weight": 0,
        }  # fmt: skip
        assert line["properties"]["minutes"] == pytest.approx(minutes[i, j])


def test_a_line_over_the_antimeridian_is_cut_there() -> None:
    """From (10, 179) to (12, -179): the middle, at latitude 11 (RFC 7946, 3.1.9)."""
    demand = np.array([[10.0, 179.0], [12.0, -179.0]])
    placement = Placement(np.array([1]), np.array([1, 1]), 0.0, 0.0, True, "optimal")
    features = to_geojson(demand, demand, placement)["features"]
    line = features[1]["geometry"]
    assert line == {"type": "MultiLineString",
                    "coordinates": [[[179.0, 10.0], [180.0, 11.0]], [[-180.0, 11.0], [-179.0, 12.0]]]}  # fmt: skip
    back = to_geojson(demand, demand, Placement(np.array([0]), np.array([0, 0]), 0.0, 0.0, True, "optimal"))
    assert back["features"][2]["geometry"]["coordinates"][0] == [[-179.0, 12.0], [-180.0, 11.0]]
    assert features[0]["geometry"] == {"type": "Point", "coordinates": [-179.0, 12.0]}


def test_what_no_site_serves_is_said_to_be_so() -> None:
    demand = np.array([[10.0, 20.0], [11.0, 21.0]])
    placement = Placement(np.array([0]), np.array([0, -1]), 0.0, 0.0, True, "optimal")
    last = to_geojson(demand, demand, placement)["features"][-1]
    assert last["properties"]["kind"] == "unserved"
    assert last["geometry"] == {"type": "Point", "coordinates": [21.0, 11.0]}


def test_written_geojson_is_read_again_by_the_tables_of_a_study_and_here(tmp_path: Path) -> None:
    """A study reads the sites and rejects the lines."""
    demand, placement, _ = placed()
    whole = to_geojson(demand, demand, placement)
    (tmp_path / "answer.geojson").write_text(json.dumps(whole))
    table = tables.open("answer.geojson", {}, (LATITUDE, LONGITUDE), base=tmp_path).to_arrow()
    sites = demand[placement.sites]
    assert np.column_stack([table["latitude"], table["longitude"]]) == pytest.approx(sites)
    again = from_geojson(whole)
    assert np.column_stack([again["latitude"], again["longitude"]]) == pytest.approx(sites)
    assert again["id"].to_pylist() == [str(site) for site in placement.sites]
    lines = [one for one in whole["features"] if one["properties"]["kind"] == "assignment"]
    with pytest.raises(DataError, match="assignments alone"):
        from_geojson(whole | {"features": lines})


def test_counts_that_do_not_fit_are_refused() -> None:
    demand, placement, minutes = placed()
    for wrong in ({"minutes": minutes[:, :2]}, {"demand_ids": ["a"]}, {"weights": [1, 2]}):
        with pytest.raises(DataError):
            to_geojson(demand, demand, placement, **wrong)
    with pytest.raises(DataError, match="placement"):
        to_geojson(demand[:3], demand, placement)
