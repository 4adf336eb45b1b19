"""Tables as they leave the server: harmless cells, any type, any size."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import StudyError
from potomac.server import live
from potomac.server.api import tables
from potomac.server.flows.base import Missing

HOSTILE = pa.table(
    {
        "=cmd": [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "plain",
            "<script>",
            None,
            'a "quote"',
            "＝1",
            "5 - 3",
        ],
        "number": pa.array([-1.5, float("nan"), float("inf"), *[0.0] * 9]),
        "when": pa.array([0, -1, 2**62, *[1_700_000_000_123_456] * 9], pa.timestamp("us", "UTC")),
        "list": pa.array([[1, 2]] * 12, pa.list_(pa.int64())),
        "bytes": pa.array([b"\x00\xff"] * 12),
        'o"; DROP TABLE x; --': pa.array(range(12), pa.int64()),
        "word": pa.array(["=evil"] * 12).dictionary_encode(),
    }
)


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose one table is HOSTILE."""
    live.forget()
    (tmp_path / "tables").mkdir()
    pq.write_table(HOSTILE, tmp_path / "tables" / "rows.parquet")

    class Tables(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            raise KeyError(name)

    run = SimpleNamespace(path=tmp_path, tables=Tables(rows=HOSTILE))
    monkeypatch.setattr(live, "opened", lambda directory: run)
    return tmp_path


def as_csv(file: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(tables.chunks(file, "csv")).decode(), newline="")))


def test_no_cell_of_csv_is_a_formula(hostile: Path) -> None:
    header, *rows = as_csv(hostile / "tables" / "rows.parquet")
    assert header[0] == "'=cmd"
    texts = [row[0] for row in rows]
    assert texts[:7] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "'\r=1", "plain"]
    assert texts[8:] == ["", 'a "quote"', "'＝1", "5 - 3"]
    assert rows[0][1] == "-1.5", "a negative number is a number"
    assert rows[3][2] == "2023-11-14T22:13:20.123456Z"
    assert rows[0][3] == "[1,2]"
    assert rows[0][6] == "'=evil"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20))
def test_a_text_stays_what_it_is_but_for_an_apostrophe(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "one.parquet"
    pq.write_table(pa.table({"x": [text], "y": ["y"]}), file)
    _, (cell, _) = as_csv(file)
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_arrow_and_parquet_are_the_table_itself(hostile: Path) -> None:
    stream = b"".join(tables.chunks(hostile / "tables" / "rows.parquet", "arrow"))
    got = pa.ipc.open_stream(stream).read_all()
    assert got.drop_columns(["number"]).equals(HOSTILE.drop_columns(["number"]))  # NaN is not NaN


def test_an_empty_table_has_its_header(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.int64()), "=b": pa.array([], pa.string())}), tmp_path / "e.parquet")
    assert as_csv(tmp_path / "e.parquet") == [["a", "'=b"]]


def test_json_has_no_nan_and_times_of_any_century(hostile: Path) -> None:
    total, rows, _ = tables.page(hostile, "rows", tables.Page(limit=3))
    told = json.loads(tables.as_json(rows), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert total == 12
    assert [row["number"] for row in told] == [-1.5, None, None]
    assert [row["when"] for row in told[:2]] == ["1970-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z"]
    assert dt.datetime(9999, 1, 1).isoformat() < told[2]["when"] or told[2]["when"].startswith("1")  # year 148,108


@pytest.mark.parametrize("live_mb", [1024, 0])
def test_pages_are_the_same_from_memory_and_from_the_file(hostile: Path, live_mb: int, settings: Any) -> None:
    limits = settings.CONFIG.limits.model_copy(update={"live_mb": live_mb})
    settings.CONFIG = settings.CONFIG.model_copy(update={"limits": limits})
    name = 'o"; DROP TABLE x; --'
    for offset in (0, 5, 11, 12):
        asked = tables.Page(offset, 4, (name,), name, descending=True)
        total, rows, columns = tables.page(hostile, "rows", asked)
        assert (total, columns) == (12, [name])
        assert [row[name] for row in rows] == list(range(11, -1, -1))[offset : offset + 4]


def test_nulls_come_last_both_ways(hostile: Path) -> None:
    for descending in (False, True):
        _, rows, _ = tables.page(hostile, "rows", tables.Page(0, 12, ("=cmd",), "=cmd", descending=descending))
        assert rows[-1] == {"=cmd": None}


def test_what_is_not_there_is_named(hostile: Path) -> None:
    with pytest.raises(Missing):
        tables.page(hostile, "../rows", tables.Page())
    with pytest.raises(Missing):
        tables.row(hostile, "rows", 12)
    with pytest.raises(StudyError, match='Did you mean "number"'):
        tables.page(hostile, "rows", tables.Page(columns=("numbre",)))
