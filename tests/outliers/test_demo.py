"""The tables of the demo: written once, the same bytes each time, and clear where the package is missing."""

from __future__ import annotations

import gzip
import hashlib
import json
import tomllib
from importlib import resources
from pathlib import Path

import pyarrow.csv as csv
import pytest

from potomac.engine import Quiet
from potomac.errors import StudyError
from potomac.outliers import demo


class Heard:
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float, float | None]] = []

    def __call__(self, what: str, done: float, total: float | None = None) -> None:
        self.told.append((what, done, total))


@pytest.fixture
def strait_alone(tmp_path: Path) -> Path:
    (tmp_path / "demo-strait.toml").touch()
    return tmp_path


def test_the_strait_is_written_with_its_truth(strait_alone: Path) -> None:
    demo.prepare(str(strait_alone), Quiet())
    with gzip.open(strait_alone / demo.STRAIT) as file:
        reports = csv.read_csv(file)
    assert reports.column_names == ["mmsi", "time", "lat", "lon", "sog", "cog", "type", "flag", "length"]
    truth = csv.read_csv(strait_alone / demo.TRUTH)
    assert truth.column_names == ["row", "mmsi", "kind"]
    odd = reports.take(truth["row"])
    assert odd["mmsi"].equals(truth["mmsi"])


def test_the_same_bytes_are_written_each_time(strait_alone: Path) -> None:
    seen = set()
    for _ in range(2):
        demo.prepare(str(strait_alone), Quiet())
        seen.add(hashlib.sha256((strait_alone / demo.STRAIT).read_bytes()).hexdigest())
        (strait_alone / demo.STRAIT).unlink()
    assert len(seen) == 1


def test_what_is_there_already_stays(strait_alone: Path) -> None:
    (strait_alone / demo.STRAIT).write_bytes(b"mine")
    demo.prepare(str(strait_alone), Quiet())
    assert (strait_alone / demo.STRAIT).read_bytes() == b"mine"


def test_without_the_package_one_is_told_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("potomac.tables.shipped.find_spec", lambda name: None)
    with pytest.raises(StudyError, match=r"pip install traffic==2\.13 --no-deps") as caught:
        demo.prepare(str(tmp_path), Quiet())
    assert caught.value.faults[0].code == "demo.package-missing"
    assert (tmp_path / demo.STRAIT).is_file()  # the strait needs no package


def test_the_strait_alone_needs_no_package(strait_alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("potomac.tables.shipped.find_spec", lambda name: None)
    demo.prepare(str(strait_alone), Quiet())
    (strait_alone / "demo-paris.toml").touch()
    with pytest.raises(StudyError, match="traffic"):
        demo.prepare(str(strait_alone), Quiet())


def test_a_directory_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such file or directory"):
        demo.prepare(str(tmp_path / "nowhere"), Quiet())


@pytest.mark.realdata
def test_the_aircraft_are_copied_line_by_line(tmp_path: Path, aircraft: Path) -> None:
    heard = Heard()
    demo.prepare(str(tmp_path), heard)
    with gzip.open(aircraft) as file:
        shipped = json.load(file)
    with gzip.open(tmp_path / demo.AIRCRAFT, "rt", encoding="utf-8") as file:
        copied = [json.loads(line) for line in file]
    assert copied == shipped
    assert len(copied) == 284_505
    assert heard.told[-1][1:] == (284_505, 284_505)


@pytest.mark.parametrize("name", ["demo-strait.toml", "demo-paris.toml"])
def test_the_studies_name_tables_that_are_prepared(name: str) -> None:
    text = resources.files("potomac.outliers").joinpath(name).read_text(encoding="utf-8")
    study = tomllib.loads(text)
    assert study["kind"] == "outliers"
    assert study["data"]["source"] in (demo.STRAIT, demo.AIRCRAFT)
    if study["data"]["source"] == demo.STRAIT:
        assert "simulated" in study["title"]
