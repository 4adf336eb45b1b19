"""Every bad input ends in an error that says where and what to do, or in rows that are set aside and counted."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from potomac import studies
from potomac.cli.main import main
from potomac.studies import Run

STUDY = """\
kind = "outliers"
name = "strait"

[data]
source = "{source}"
columns.entity = "mmsi"
columns.time = "t"
columns.latitude = "lat"
columns.longitude = "lon"
columns.speed = {{ column = "sog", unit = "kn" }}
columns.heading = "cog"
{more}
[model]
method = "logistic"
"""
Row = dict[str, Any]


def rows(n: int = 60) -> list[Row]:
    """Reports of six vessels, one a minute; as a text file would hold them."""
    random = np.random.default_rng(8)
    made = []
    for i in range(n):
        when = datetime.fromtimestamp(1_700_000_000 + 60 * i, UTC)
        lat, lon = 56 + random.uniform(0, 0.3), 11 + random.uniform(0, 0.4)
        made.append(
            {
                "mmsi": f"21900000{i % 6}", "t": f"{when:%Y-%m-%dT%H:%M:%SZ}", "lat": f"{lat:.5f}", "lon": f"{lon:.5f}",
                "sog": f"{random.uniform(5, 12):.1f}", "cog": f"{random.uniform(0, 359):.1f}", "flag": "DK",
            }
        )  # fmt: skip
    return made


def text(given: list[Row]) -> str:
    return "\n".join([",".join(given[0]), *(",".join(map(str, row.values())) for row in given)]) + "\n"


def changed(column: str, *values: object, every: bool = False) -> Callable[[list[Row]], list[Row]]:
    """The rows with other values in a column: the first few, or one value in all."""

    def change(given: list[Row]) -> list[Row]:
        for i in range(len(given) if every else len(values)):
            given[i][column] = values[0 if every else i]
        return given

    return change


class Answered:
    """What the command said, and the run where there is one."""

    def __init__(self, code: int, said: str, folder: Path) -> None:
        self.code, self.said = code, said
        found = sorted((folder / "runs" / "strait").glob("[0-9]*")) if (folder / "runs").exists() else []
        self.run: Run | None = studies.open_run(found[-1]) if found and code == 0 else None


@pytest.fixture
def answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answered]:
    """Run the study on a file of the working directory with the command."""
    monkeypatch.chdir(tmp_path)

    def ask(source: str = "positions.csv", data: bytes | str | None = None, more: str = "", *words: str) -> Answered:
        if data is not None:
            (tmp_path / source).write_bytes(data.encode() if isinstance(data, str) else data)
        (tmp_path / "study.toml").write_text(STUDY.format(source=source, more=more))
        capsys.readouterr()
        code = main(["run", "study.toml", "--quiet", *words])
        said = "".join(capsys.readouterr())
        assert "Traceback" not in said
        assert "Error" not in said.split("\n")[0]
        return Answered(code, said, tmp_path)

    return ask


# Rows that are set aside and counted

REJECTED: dict[str, tuple[Callable[[list[Row]], list[Row]], str, int]] = {
    "latitude 91": (changed("lat", "91", "-90.5"), "latitude", 2),
    "longitude 181": (changed("lon", "181"), "longitude", 1),
    "no latitude": (changed("lat", "", "", ""), "latitude", 3),
    "negative speed": (changed("sog", "-1", "-0.1"), "speed", 2),
    "infinite speed": (changed("sog", "inf", "-inf"), "speed", 2),
    "infinite latitude": (changed("lat", "inf"), "latitude", 1),
    "infinite heading": (changed("cog", "inf"), "heading", 1),
    "heading 400": (changed("cog", "400"), "heading", 1),
    "words among numbers": (changed("sog", "fast"), "speed", 1),
    "no time": (changed("t", ""), "time", 1),
    "a time that is none": (changed("t", "2023-13-45"), "time", 1),
}


@pytest.mark.parametrize("case", REJECTED)
def test_rows_that_cannot_be_are_counted(case: str, answer: Callable[..., Answered]) -> None:
    change, column, count = REJECTED[case]
    got = answer(data=text(change(rows())))
    assert got.code == 0, got.said
    assert got.run is not None
    assert got.run.tables["scores"].num_rows == 60 - count
    rejected = pq.read_table(got.run.path / "rejected.parquet").to_pylist()
    assert len(rejected) == count
    assert [row["row"] for row in rejected] == list(range(count))
    assert all(row["reason"] for row in rejected)
    assert column in " ".join(f"{row['column']} {row['reason']}" for row in rejected) or rejected[0]["column"] in (
        "lat", "lon", "sog", "cog", "t",
    )  # fmt: skip
    np.testing.assert_array_equal(got.run.tables["scores"]["row"], np.arange(count, 60))


UNKNOWN = {
    "speed 102.3": (changed("sog", "102.3", "102.3"), "speed"),
    "heading 511": (changed("cog", "511", "511"), "heading"),
    "heading 360": (changed("cog", "360.0", "360"), "heading"),
    "no speed": (changed("sog", "", ""), "speed"),
    "no entity": (changed("mmsi", "", ""), "entity"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_ais_calls_unknown_is_unknown_and_the_row_is_scored(case: str, answer: Callable[..., Answered]) -> None:
    change, role = UNKNOWN[case]
    got = answer(data=text(change(rows())))
    assert got.run is not None, got.said
    scores = got.run.tables["scores"]
    assert scores.num_rows == 60
    assert scores[role].slice(0, 3).is_null().to_pylist() == [True, True, False]
    assert np.isfinite(scores["outlier_score"]).all()


def test_a_row_without_what_is_needed_is_counted(answer: Callable[..., Answered]) -> None:
    got = answer(data=text(changed("cog", "511", "")(rows())), more='needed = ["heading"]')
    assert got.run is not None, got.said
    assert got.run.tables["scores"].num_rows == 58


# Data from which nothing, or something, is learned

NOTHING: dict[str, tuple[Callable[[], str], tuple[str, ...]]] = {
    "one row": (lambda: text(rows(1)), ("data.source", "there is 1 usable row", "at least 30")),
    "few rows": (lambda: text(rows(29)), ("data.source", "29 usable rows", "at least 30")),
    "one point": (
        lambda: text([{**row, "lat": 56, "lon": 11, "sog": 5, "cog": 90} for row in rows()]),
        ("data.source", "all rows lie in one point", "expected rows that differ"),
    ),
    "no usable row": (lambda: text(changed("lat", "91", every=True)(rows())), ("data.source", "91")),
    "column missing": (
        lambda: text([{name: row[name] for name in row if name != "sog"} for row in rows()]),
        ("data.columns.speed", 'no column "sog"', "its columns are"),
    ),
    "column of text": (
        lambda: text(changed("lat", "north", every=True)(rows())),
        ("data.columns.latitude", '"lat"', "north"),
    ),
    "column all null": (lambda: text(changed("lat", "", every=True)(rows())), ("data.columns.latitude", '"lat"')),
    "times of text": (lambda: text(changed("t", "noon", every=True)(rows())), ("data.columns.time", '"t"', "noon")),
    "speeds all null": (
        lambda: text(changed("sog", "", every=True)(rows())),
        ("data.columns.speed", "no row has a known speed"),
    ),
    "doubled header": (
        lambda: text(rows()).replace("mmsi,t,lat,", "mmsi,t,lat,", 1).replace("flag\n", "lat\n", 1),
        ("data.", '"lat"'),
    ),
    "header only": (lambda: text(rows(1)).split("\n")[0] + "\n", ("data.source", "no rows")),
    "empty file": (lambda: "", ("data.source", "empty")),
}  # fmt: skip


@pytest.mark.parametrize("case", NOTHING)
def test_data_from_which_nothing_is_learned(case: str, answer: Callable[..., Answered]) -> None:
    """Exit code 3; one line an error, with the study's line and key, what was found and what was expected."""
    make, says = NOTHING[case]
    got = answer(data=make())
    assert got.code == 3, got.said
    assert got.said.startswith("study.toml:")
    for words in says:
        assert words in got.said
    assert len(got.said.strip().splitlines()) == 1
    assert got.run is None


SOMETHING: dict[str, Callable[[list[Row]], list[Row]]] = {
    "one point, different speeds": lambda given: [{**row, "lat": 56, "lon": 11} for row in given],
    "a cell without variance": lambda given: (
        given + [{**row, "lat": -30, "lon": 100, "sog": 5, "cog": 90, "t": given[0]["t"]} for row in given]
    ),
    "a cell of one row": lambda given: [*given, {**given[0], "lat": -30, "lon": 100}],
    "times unsorted": lambda given: given[::-1],
    "times repeated": lambda given: [*given, *given],
    "one time": changed("t", "2023-11-14T22:13:20Z", every=True),
    "mixed zones": changed("t", "2023-11-14T22:13:20+02:00", "2023-11-14T22:13:20-05:00"),
    "speeds zero": changed("sog", "0", every=True),
    "one entity": changed("mmsi", "7", every=True),
    "poles and the antimeridian": changed("lat", "90", "-90", "0.0", "0.0"),
    "far apart": changed("lon", "180", "-180", "0", "90"),
    "hostile names": changed("mmsi", "<script>alert(1)</script>", "'; DROP TABLE x; --", "=1+1", "../../etc"),
}


@pytest.mark.parametrize("method", ["logistic", "contrast"])
@pytest.mark.parametrize("case", SOMETHING)
def test_odd_but_possible_tables_are_ranked(case: str, method: str, sea: dict[str, Any], tmp_path: Path) -> None:
    given = SOMETHING[case](rows())
    (tmp_path / "positions.csv").write_text(text(given))
    (tmp_path / "study.toml").write_text(STUDY.format(source="positions.csv", more=""))
    sets = {"model.method": method, "model.bags": 1, "model.folds": 2, "model.fakes": 1}
    run = studies.run(tmp_path / "study.toml", tmp_path / "runs", sets)
    scores = run.tables["scores"]
    assert scores.num_rows == len(given)
    assert np.isfinite(scores["outlier_score"]).all()
    assert sorted(scores["rank"].to_pylist()) == list(range(1, len(given) + 1))
    report = run.report.read_text(encoding="utf-8")
    assert "<script>alert" not in report


def test_times_in_mixed_zones_are_one_time(answer: Callable[..., Answered]) -> None:
    got = answer(data=text(changed("t", "2023-11-14T22:13:20+02:00", "2023-11-14T15:13:20-05:00")(rows())))
    assert got.run is not None, got.said
    times = got.run.tables["scores"]["time"].to_pylist()[:2]
    assert times == [datetime(2023, 11, 14, 20, 13, 20, tzinfo=UTC)] * 2


def test_fifty_thousand_levels_of_a_covariate(tmp_path: Path) -> None:
    """The 254 most frequent keep their name; the rest are one level, so that memory and trees stay bounded."""
    n = 50_000
    random = np.random.default_rng(1)
    table = pa.table(
        {
            "latitude": random.uniform(56, 57, n), "longitude": random.uniform(11, 12, n),
            "ship": [f"ship {i}" for i in range(n)],
        }
    )  # fmt: skip
    keys = {
        "kind": "outliers", "name": "strait", "model": {"method": "logistic"},
        "data": {"source": "x", "columns": {"latitude": "latitude", "longitude": "longitude"}, "covariates": ["ship"]},
    }  # fmt: skip
    run = studies.run(keys, tmp_path, tables={"data": table})
    assert run.tables["scores"].num_rows == n
    assert np.isfinite(run.tables["scores"]["outlier_score"]).all()
    assert len(set(run.tables["scores"]["ship"].to_pylist())) == 255
    some = table.slice(0, 600)
    sets = {"model.method": "contrast", "model.bags": 1, "model.folds": 2, "model.fakes": 1}
    assert studies.run(keys, tmp_path, sets, tables={"data": some}).tables["scores"].num_rows == 600


# Files


def parquet(folder: Path) -> bytes:
    columns = {name: [row[name] for row in rows(500)] for name in rows(1)[0]}
    pq.write_table(pa.table(columns), folder / "whole.parquet")
    return (folder / "whole.parquet").read_bytes()


FILES: dict[str, tuple[str, Callable[[Path], bytes], str]] = {
    "parquet cut": ("a.parquet", lambda d: parquet(d)[:-100], "ends early"),
    "parquet of zeros": ("a.parquet", lambda d: bytes(1000), "parquet"),
    "gz ends early": ("a.csv.gz", lambda d: gzip.compress(text(rows(5000)).encode())[:-50], "ends early"),
    "empty gz": ("a.csv.gz", lambda d: gzip.compress(b""), "empty"),
    "garbage": ("a.csv", lambda d: bytes(range(256)) * 9, "no text"),
}


@pytest.mark.parametrize("case", FILES)
def test_files_that_are_broken(case: str, answer: Callable[..., Answered], tmp_path: Path) -> None:
    name, make, says = FILES[case]
    got = answer(name, make(tmp_path))
    assert got.code == 3, got.said
    assert got.said.startswith("study.toml:5: data.source: ")
    assert says in got.said
    assert name in got.said


def test_a_directory_a_missing_file_and_one_without_permission(
    answer: Callable[..., Answered], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir()
    empty = answer("inner")
    assert (empty.code, "study.toml:5: data.source: " in empty.said) == (3, True)
    missing = answer("postions.csv")
    assert (missing.code, "postions.csv" in missing.said) == (3, True)
    (tmp_path / "closed.csv").write_text(text(rows()))
    opened = Path.open

    def refuse(self: Path, *arguments: Any, **options: Any) -> Any:
        if self.name == "closed.csv":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    closed = answer("closed.csv")
    assert (closed.code, "closed.csv" in closed.said, "chmod" in closed.said) == (3, True, True)
