"""JSON as lines: an array is split into its elements, in blocks of any size."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac import tables
from potomac.errors import DataError
from potomac.tables import LATITUDE, LONGITUDE, Role, jsonrows, jsontext

VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=6), st.sampled_from(['\\"', "]},", "\\\\", '"'])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)


def elements(text: str, block: int) -> list[object]:
    stream = jsontext.ArrayLines(io.BytesIO(text.encode()), "a.json")
    parts = []
    while part := stream.read(block):
        parts.append(part)
    return [json.loads(line) for line in b"".join(parts).split(b"\n") if line.strip()]


@given(st.lists(VALUES, max_size=5), st.integers(1, 40), st.sampled_from([None, 2]), st.booleans())
def test_an_array_becomes_its_elements(values: list[object], block: int, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    assert elements(text, block) == values
    assert elements(text + " , trailing ]", block) == values


@pytest.mark.parametrize("text", ["[", "[1", "[1,", '["]', '[{"a": [1]}'])
def test_an_array_without_its_end(text: str) -> None:
    with pytest.raises(DataError, match=r"a\.json ends early"):
        elements(text, 3)


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 50))
def test_blocks_of_lines_are_whole_lines(lengths: list[int], block: int) -> None:
    data = b"\n".join(b"x" * length for length in lengths)
    original, jsontext.BLOCK = jsontext.BLOCK, block
    try:
        blocks = list(jsontext.lines(io.BytesIO(data), "a.jsonl"))
    finally:
        jsontext.BLOCK = original
    assert all(one.endswith(b"\n") for one in blocks[:-1])
    assert b"".join(blocks).rstrip() == data.rstrip()


def test_a_line_without_end(monkeypatch) -> None:
    monkeypatch.setattr(jsontext, "LONGEST", 100)
    monkeypatch.setattr(jsontext, "BLOCK", 64)
    with pytest.raises(DataError, match="one object is longer than"):
        list(jsontext.lines(io.BytesIO(b"x" * 300), "a.jsonl"))


VALUE = (Role("v", "number", "a value"),)


def test_lines_that_are_no_objects_are_rejected(tmp_path) -> None:
    lines = ['{"v": 1}', "{v: 2}", "", "[3]", "4", '{"v": 5}', '{"v": 6', "null", '{"v": "7"}', '{"w": 8}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    table = tables.open("a.jsonl", {"v": "v"}, VALUE, base=tmp_path)
    assert table.to_arrow().to_pylist() == [{"row": 0, "v": 1.0}, {"row": 4, "v": 5.0}, {"row": 7, "v": 7.0}]
    told = [(one["row"], one["value"], one["reason"]) for one in table.rejected().read_all().to_pylist()]
    assert told == [
        (1, "{v: 2}", "not JSON"), (2, "[3]", "not a JSON object"), (3, "4", "not a JSON object"),
        (5, '{"v": 6', "not JSON"), (6, "null", "not a JSON object"), (8, None, "no v"),
    ]  # fmt: skip
    assert table.counts().read == 9


def test_a_first_line_that_is_damaged(tmp_path) -> None:
    (tmp_path / "a.json").write_text('{"v" 1}\n{"v": 2}\n')
    assert tables.open("a.json", {"v": "v"}, VALUE, base=tmp_path).to_arrow()["row"].to_pylist() == [1]


def test_names_that_only_later_objects_have(tmp_path) -> None:
    rows = ['{"w": 1}'] * 3000 + ['{"v": 2}']
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    assert tables.open("a.jsonl", {"v": "v"}, VALUE, base=tmp_path).to_arrow()["row"].to_pylist() == [3000]


def test_what_json_holds_beside_numbers(tmp_path) -> None:
    rows = [True, False, None, "1.5", 2, [1], {"a": 1}, 1e5]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"v": row}) + "\n" for row in rows))
    table = tables.open("a.jsonl", {"v": "v"}, (Role("v", "text", "words", nulls=True),), base=tmp_path)
    assert table.to_arrow()["v"].to_pylist() == ["true", "false", None, "1.5", "2", "[1]", '{"a":1}', "100000.0"]


def test_features_by_lines_with_properties_and_ids(tmp_path) -> None:
    feature = {
        "type": "Feature", "id": 7, "properties": {"name": "Pier 1", "latitude": "not this"},
        "geometry": {"type": "Point", "coordinates": [2.5, 48.5]},
    }  # fmt: skip
    (tmp_path / "a.geojsonl").write_text(json.dumps(feature) + "\n" + json.dumps({**feature, "id": 8}) + "\n")
    roles = (
        *(Role(name, "number", "") for name in ("latitude", "longitude")),
        Role("id", "text", ""),
        Role("name", "text", ""),
    )
    assert tables.open("a.geojsonl", {}, roles, base=tmp_path).to_arrow().to_pylist() == [
        {"row": 0, "latitude": 48.5, "longitude": 2.5, "id": "7", "name": "Pier 1"},
        {"row": 1, "latitude": 48.5, "longitude": 2.5, "id": "8", "name": "Pier 1"},
    ]


def test_features_whose_id_is_a_property(tmp_path) -> None:
    """RFC 7946, 3.2: a feature may have an id of its own; many programs write it among the properties."""
    point = {"type": "Point", "coordinates": [2.5, 48.5]}
    features = [{"type": "Feature", "properties": {"id": one}, "geometry": point} for one in ("p", "q")]
    roles = (Role("id", "text", ""),)
    for own, expected in (({}, ["p", "q"]), ({"id": 7}, ["7", "7"])):
        made = {"type": "FeatureCollection", "features": [{**one, **own} for one in features]}
        (tmp_path / "a.geojson").write_text(json.dumps(made))
        assert tables.open("a.geojson", {}, roles, base=tmp_path).to_arrow()["id"].to_pylist() == expected


@pytest.mark.realdata
def test_the_real_positions(aircraft) -> None:
    """The demo's file: 284,505 positions of one October day around Paris."""
    columns = {
        "entity": "icao24",
        "time": "timestamp",
        "latitude": "latitude",
        "longitude": "longitude",
        "speed": "groundspeed",
    }
    roles = (tables.ENTITY, tables.TIME, tables.LATITUDE, tables.LONGITUDE, tables.SPEED)
    table = tables.open(aircraft, columns, roles)
    assert table.counts().read == 284_505
    times = table.to_numpy(["time"])["time"]
    assert str(times.min())[:10] == str(times.max())[:10] == "2021-10-07"


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_a_table_by_columns_is_read_up_to_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text = pd.DataFrame({"v": np.arange(1000) / 8}).to_json().encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    monkeypatch.setattr(jsonrows, "LARGEST", len(text))
    assert tables.open(name, {"v": "v"}, VALUE, base=tmp_path).to_arrow()["v"].to_pylist() == [
        i / 8 for i in range(1000)
    ]
    monkeypatch.setattr(jsonrows, "LARGEST", len(text) - 1)
    with pytest.raises(DataError, match=r"one JSON object of more than 0 MB.*Write it as JSON lines") as error:
        tables.open(name, {"v": "v"}, VALUE, base=tmp_path)
    assert error.value.faults[0].code == "data.json-form"


@pytest.mark.parametrize(
    ("name", "called"),
    [("urn:ogc:def:crs:EPSG::3067", "EPSG:3067"), ("EPSG:25832", "EPSG:25832"), ("My Grid", "My Grid")],
)
def test_geojson_in_metres_is_refused_by_the_name_of_its_coordinates(tmp_path: Path, name: str, called: str) -> None:
    """Positions of a projection are no degrees; properties of the same file can be read."""
    point = {"type": "Point", "coordinates": [385_000.0, 6_672_000.0]}
    feature = {"type": "Feature", "properties": {"lat": 60.2, "lon": 24.9}, "geometry": point}
    crs = {"type": "name", "properties": {"name": name}}
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    with pytest.raises(DataError) as caught:
        tables.open("a.geojson", {}, (LATITUDE, LONGITUDE), base=tmp_path)
    assert caught.value.faults[0].code == "data.crs"
    assert caught.value.faults[0].found == f"a.geojson says that its coordinates are in {called}"
    own = tables.open("a.geojson", {"latitude": "lat", "longitude": "lon"}, (LATITUDE, LONGITUDE), base=tmp_path)
    assert own.to_numpy()["latitude"].tolist() == [60.2]
    assert own.notes[0].endswith(f", coordinates in {called}")


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::4326", "EPSG:4258"])
def test_geojson_in_degrees_names_its_coordinates(tmp_path: Path, name: str) -> None:
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [24.9, 60.2]}}
    crs = {"type": "name", "properties": {"name": name}}
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    table = tables.open("a.geojson", {}, (LATITUDE, LONGITUDE), base=tmp_path)
    assert table.to_numpy()["longitude"].tolist() == [24.9]
    assert name[-4:] in table.notes[0]
