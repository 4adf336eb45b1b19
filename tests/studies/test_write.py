"""Files of a run: the same rows give the same bytes, however they arrive; JSON that any program reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from potomac.engine import Rows
from potomac.errors import StudyError
from potomac.studies import write


def rows(table: pa.Table, sizes: list[int]) -> Rows:
    def batches():
        start = 0
        for size in sizes:
            yield from table.slice(start, size).to_batches()
            start += size
        yield from table.slice(start).to_batches()

    return Rows(table.schema, batches)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(st.lists(st.integers(1, 40), max_size=6))
def test_batches_of_any_size_give_the_same_file(tmp_path: Path, sizes: list[int]) -> None:
    write_group, write.GROUP = write.GROUP, 16
    try:
        table = pa.table({"a": range(100), "b": [str(i % 7) for i in range(100)]})
        write.table(tmp_path / "whole.parquet", table)
        told = write.table(tmp_path / "parts.parquet", rows(table, sizes))
    finally:
        write.GROUP = write_group
    assert told["rows"] == 100
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert pq.read_metadata(tmp_path / "parts.parquet").num_row_groups == 7


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    empty = pa.table({"a": pa.array([], pa.int64()), "t": pa.array([], pa.timestamp("us", "UTC"))})
    told = write.table(tmp_path / "empty.parquet", empty)
    assert told["rows"] == 0
    assert told["columns"] == {"a": "int64", "t": "timestamp[us, tz=UTC]"}
    assert pq.read_table(tmp_path / "empty.parquet").schema.equals(empty.schema)


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a\nb"])
def test_an_engine_cannot_write_outside_the_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(StudyError):
        write.tables(tmp_path / "tables", {name: pa.table({"a": [1]})}, lambda name, rows: None)


def test_json_has_no_number_that_is_none() -> None:
    value = {"a": float("nan"), "b": [float("inf"), -float("inf")], "c": np.float64(1.5), "d": np.int64(2), 3: (4,)}
    assert json.loads(write.json_text(value)) == {
        "a": None, "b": ["Infinity", "-Infinity"], "c": 1.5, "d": 2, "3": [4],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://host/db?user=a&password=geheim&x=1", "postgresql://host/db?user=a&password=***&x=1"),
        ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("mysql+pymysql://me:a:b@host/db", "mysql+pymysql://me:***@host/db"),
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("data.csv", "data.csv"),
    ],
)
def test_passwords_are_taken_out(text: str, masked: str) -> None:
    assert write.masked(text) == masked
