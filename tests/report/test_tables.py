"""Tables of a page: the top rows of any stream, and every cell as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.engine import Rows, Show
from potomac.report.tables import LONGEST, MOST, shown, top

keys = st.lists(
    st.one_of(
        st.none(),
        st.integers(-5, 5),
    ),
    max_size=40,
)


def stream(table: pa.Table, size: int) -> Rows:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches(max_chunksize=size)

    return Rows(table.schema, batches)


def texts(data: pa.Table, **more: object) -> dict[str, list[str]]:
    found = shown(data, Show("t", "T", **more))  # type: ignore[arg-type]
    return {column.label: [cell.text for cell in column.cells] for column in found.columns}


@given(keys, st.booleans(), st.integers(1, 7), st.integers(0, 45))
def test_the_top_of_a_stream_is_the_top_of_the_table(
    values: list[int | None], descending: bool, size: int, rows: int
) -> None:
    """The same as Python's stable sort with what has no value last, whatever the batches."""
    table = pa.table({"key": pa.array(values, pa.float64()), "row": np.arange(len(values))})
    show = Show("t", "T", sort="key", descending=descending, rows=rows)
    there = [i for i, value in enumerate(values) if value is not None]
    expected = sorted(there, key=lambda i: -values[i] if descending else values[i])  # type: ignore[operator]
    expected += [i for i, value in enumerate(values) if value is None]
    assert top(stream(table, size), show).column("row").to_pylist() == expected[:rows]


def test_without_an_order_a_stream_is_read_no_further_than_need_be() -> None:
    read = []

    def batches() -> Iterator[pa.RecordBatch]:
        for i in range(100):
            read.append(i)
            yield pa.record_batch({"x": np.arange(10) + 10 * i})

    rows = top(Rows(pa.schema([("x", pa.int64())]), batches), Show("t", "T", rows=25))
    assert rows.column("x").to_pylist() == list(range(25))
    assert len(read) <= 4


def test_memory_holds_the_top_and_one_batch() -> None:
    """A stream of 20 million rows, 160 MB, leaves no more than the rows that are shown."""

    def batches() -> Iterator[pa.RecordBatch]:
        for i in range(200):
            yield pa.record_batch({"x": np.arange(100_000.0) + i})

    before = pa.total_allocated_bytes()
    rows = top(Rows(pa.schema([("x", pa.float64())]), batches), Show("t", "T", sort="x", descending=True, rows=10))
    assert rows.column("x")[0].as_py() == 100_198
    assert pa.total_allocated_bytes() - before < 10_000_000


def test_the_column_that_sorts_need_not_be_shown() -> None:
    table = pa.table({"a": [1, 2, 3], "b": [3.0, 1.0, 2.0]})
    rows = top(table, Show("t", "T", columns=("a",), sort="b"))
    assert rows.to_pydict() == {"a": [2, 3, 1]}


def test_columns_that_are_not_there_are_left_out() -> None:
    rows = top(pa.table({"a": [1]}), Show("t", "T", columns=("a", "gone"), sort="gone"))
    assert rows.column_names == ["a"]


def test_a_page_holds_no_more_than_it_should() -> None:
    assert top(pa.table({"x": np.arange(MOST + 5)}), Show("t", "T", rows=10**9)).num_rows == MOST


def test_numbers_of_a_column_have_the_same_decimals() -> None:
    assert texts(pa.table({"x": [12.3456, -1.0, None, 9.87]})) == {"x": ["12.35", "−1.00", "–", "9.87"]}


def test_identifiers_are_not_separated_and_counts_are() -> None:
    found = texts(pa.table({"mmsi": [219004081], "records": [219004081], "user_id": [10000]}))
    assert found == {"mmsi": ["219004081"], "records": ["219,004,081"], "user id": ["10000"]}


def test_places_have_four_decimals() -> None:
    assert texts(pa.table({"latitude": [57.4], "longitude": [-10.84781]})) == {
        "latitude": ["57.4000"],
        "longitude": ["−10.8478"],
    }


def test_the_exact_value_stands_beside_the_text() -> None:
    (column,) = shown(pa.table({"x": [12.345678901, 1234567.0]}), Show("t", "T")).columns
    assert [cell.value for cell in column.cells] == ["12.3456789", "1234567"]


def test_times_are_utc_and_sort_as_text() -> None:
    times = pa.array([datetime(2026, 3, 1, 12, tzinfo=UTC), None], pa.timestamp("us", "UTC"))
    (column,) = shown(pa.table({"t": times}), Show("t", "T")).columns
    assert [(cell.text, cell.value) for cell in column.cells] == [
        ("2026-03-01 12:00", "2026-03-01T12:00:00Z"),
        ("–", ""),
    ]
    assert column.unit == "UTC"


def test_ends_of_an_interval_share_a_column() -> None:
    data = pa.table(
        {"mean": [1.5], "low": [1.25], "high": [1.75], "rate": [0.5], "rate_low": [0.4], "rate_high": [None]}
    )
    assert texts(data) == {"mean": ["1.50"], "interval": ["1.25 to 1.75"], "rate": ["0.500"], "rate interval": ["–"]}


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_text_of_any_kind(kind: pa.DataType) -> None:
    assert texts(pa.table({"x": pa.array(["<script>", None], pa.string()).cast(kind)}), sort="x") == {
        "x": ["<script>", "–"]
    }


def test_lists_and_structs_are_text() -> None:
    assert texts(pa.table({"x": [[1, 2]], "y": [{"a": 1}]})) == {"x": ["[1, 2]"], "y": ["{'a': 1}"]}


def test_long_text_is_cut_on_the_page_but_not_in_the_download() -> None:
    (column,) = shown(pa.table({"x": ["word " * 500]}), Show("t", "T")).columns
    (cell,) = column.cells
    assert len(cell.text) <= LONGEST + 1
    assert cell.text.endswith("…")
    assert cell.value == "word " * 500


def test_right_to_left_text_is_known() -> None:
    (column,) = shown(pa.table({"x": ["abc", "سفينة"]}), Show("t", "T")).columns
    assert [cell.turned for cell in column.cells] == [False, True]


@given(st.lists(st.floats(), max_size=20))
def test_any_numbers_can_be_shown(values: list[float]) -> None:
    (column,) = shown(pa.table({"x": pa.array(values, pa.float64())}), Show("t", "T", rows=100)).columns
    assert len(column.cells) == len(values)


def test_an_empty_table_has_its_headings() -> None:
    found = shown(pa.table({"x": pa.array([], pa.float64())}), Show("t", "T"))
    assert [column.label for column in found.columns] == ["x"]
    assert found.rows == 0
    assert list(found.lines) == []
