"""Paths, globs and directories; rows are counted through all files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from potomac import tables
from potomac.tables import Role, covariate

VALUE = Role("v", "number", "a value", low=0)


def write(folder: Path, name: str, *values: float) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"v": list(values)}), folder / name)


def test_rows_are_counted_through_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, "b.parquet", 3.0, -4.0)
    write(tmp_path, "a.parquet", 1.0, -2.0)
    opened = tables.open("*.parquet", {}, (VALUE,), base=tmp_path)
    assert opened.to_arrow().to_pylist() == [{"row": 0, "v": 1.0}, {"row": 2, "v": 3.0}]
    rejected = opened.rejected().read_all().select(["source", "row"]).to_pylist()
    assert rejected == [{"source": "a.parquet", "row": 1}, {"source": "b.parquet", "row": 3}]
    assert [file["file"] for file in opened.describe()["files"]] == ["a.parquet", "b.parquet"]
    assert "2 files, read in the order of their names" in opened.notes


def test_ragged_rows_count_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("v,w\n1,2\n3\n")
    (tmp_path / "b.csv").write_text("w,v\n4,5\n6,7,8\n9,10\n")  # columns are found by their names
    opened = tables.open("*.csv", {}, (VALUE,), base=tmp_path)
    assert opened.to_arrow().to_pylist() == [{"row": 0, "v": 1.0}, {"row": 2, "v": 5.0}, {"row": 4, "v": 10.0}]
    assert opened.rejected().read_all()["row"].to_pylist() == [1, 3]
    assert opened.counts().read == 5


def test_directories_give_columns(tmp_path: Path) -> None:
    write(tmp_path, "set/year=2024/flag=F%20R/a.parquet", 1.0)
    write(tmp_path, "set/year=2025/flag=__HIVE_DEFAULT_PARTITION__/a.parquet", 2.0)
    write(tmp_path, "set/_temporary/year=1/a.parquet", 9.0)
    write(tmp_path, "set/.hidden.parquet", 9.0)
    roles = (VALUE, Role("year", "integer", ""), covariate("flag"))
    for source in ("set", "set/*/*/*.parquet"):
        assert tables.open(source, {}, roles, base=tmp_path).to_arrow().to_pylist() == [
            {"row": 0, "v": 1.0, "year": 2024, "flag": "F R"}, {"row": 1, "v": 2.0, "year": 2025, "flag": None}
        ]  # fmt: skip
    assert tables.open("set/year=*", {}, (VALUE,), base=tmp_path).to_arrow()["v"].to_pylist() == [1.0, 2.0]


def test_types_may_differ_between_files(tmp_path: Path) -> None:
    pq.write_table(pa.table({"v": ["1.5"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"v": [2]}), tmp_path / "b.parquet")
    assert tables.open("*.parquet", {}, (VALUE,), base=tmp_path).to_arrow()["v"].to_pylist() == [1.5, 2.0]


def test_kinds_are_known_by_content_where_the_ending_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, "parquet", 1.0)
    (tmp_path / "json").write_text('[{"v": 1}]')
    (tmp_path / "text").write_text("v\n1\n")
    (tmp_path / "misnamed.gz").write_text("v\n1\n")
    for name in ("parquet", "json", "text", "misnamed.gz"):
        assert tables.open(name, {}, (VALUE,), base=tmp_path).to_arrow()["v"].to_pylist() == [1.0]


def test_paths_are_relative_to_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "inner/a.parquet", 1.0)
    assert tables.open("inner/a.parquet", {}, (VALUE,), base=tmp_path).counts().read == 1
    assert tables.open(tmp_path / "inner" / "a.parquet", {}, (VALUE,)).counts().read == 1
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tables.open("~/inner/a.parquet", {}, (VALUE,)).counts().read == 1


def test_notes_that_are_true_of_many_files_are_said_once(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.csv").write_text("v;w\n1;2\n")
    notes = tables.open("*.csv", {}, (VALUE,), base=tmp_path).notes
    assert "a.csv and 2 more: 2 columns parted by semicolons, encoding UTF-8" in notes
