"""A table becomes a matrix: against a dictionary of the same rows, from sources of every make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError, StudyError
from potomac.recommend import Interactions
from potomac.recommend.matrix import gathering, numbering, source, sparse

Row = tuple[Any, Any, float, int]
Pairs = dict[tuple[Any, Any], tuple[float, int]]


def by_hand(rows: list[Row], how: str) -> Pairs:
    """Value and time of each pair of user and item; of rows of the same time the later in the table is the last."""
    groups: dict[tuple[Any, Any], list[tuple[int, float]]] = {}
    for user, item, value, time in rows:
        groups.setdefault((user, item), []).append((time, value))
    found = {}
    for pair, group in groups.items():
        group.sort(key=lambda one: one[0])
        values = [value for _, value in group]
        found[pair] = ({"last": values[-1], "sum": sum(values), "max": max(values)}[how], group[-1][0])
    return found


def pairs_of(known: Interactions) -> Pairs:
    users, items = known.users.to_pylist(), known.items.to_pylist()
    assert known.times is not None
    return {
        (users[u], items[known.indices[e]]): (float(known.values[e]), int(known.times[e]))
        for u in range(known.n_users)
        for e in range(known.indptr[u], known.indptr[u + 1])
    }


def table_of(rows: list[Row]) -> pa.Table:
    user, item, value, time = (list(column) for column in zip(*rows, strict=True))
    return pa.table({"user": user, "item": item, "value": value, "time": pa.array(time, pa.timestamp("us"))})


WIDE = st.integers(-(2**62), 2**62)
IDS = st.one_of(
    st.just(st.integers(0, 6)),
    st.just(st.integers(-40, 3_000_000)),
    st.just(WIDE),
    st.just(st.text("abé7 ", max_size=3)),
)


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    users, items = draw(st.lists(draw(IDS), min_size=1, max_size=8)), draw(st.lists(draw(IDS), min_size=1, max_size=5))
    row = st.tuples(st.sampled_from(users), st.sampled_from(items), st.integers(1, 9).map(float), st.integers(0, 4))
    return draw(st.lists(row, min_size=1, max_size=60))


@settings(max_examples=150, deadline=None)
@given(rows=tables(), how=st.sampled_from(["last", "sum", "max"]), size=st.integers(1, 70))
def test_the_matrix_is_that_of_the_rows(rows: list[Row], how: Any, size: int) -> None:
    known = Interactions.of(table_of(rows).to_batches(size), duplicates=how)
    expected = by_hand(rows, how)
    assert pairs_of(known) == expected
    assert known.repeated == len(rows) - len(expected)
    assert known.users.to_pylist() == sorted({row[0] for row in rows})
    assert known.items.to_pylist() == sorted({row[1] for row in rows})
    for u in range(known.n_users):
        assert (np.diff(known.indices[known.indptr[u] : known.indptr[u + 1]]) > 0).all()


@settings(max_examples=60, deadline=None)
@given(rows=tables())
def test_the_transpose_is_that_of_the_dense_matrix(rows: list[Row]) -> None:
    known = Interactions.of(table_of(rows))
    dense = np.zeros((known.n_users, known.n_items), np.float32)
    dense[np.repeat(np.arange(known.n_users), known.of_users), known.indices] = known.values
    indptr, people, values = known.by_item
    turned = np.zeros((known.n_items, known.n_users), np.float32)
    turned[np.repeat(np.arange(known.n_items), np.diff(indptr)), people] = values
    np.testing.assert_array_equal(turned, dense.T)
    np.testing.assert_array_equal(known.of_items, (dense > 0).sum(axis=0))
    for i in range(known.n_items):
        assert (np.diff(people[indptr[i] : indptr[i + 1]]) > 0).all()


def some_rows(count: int = 3000, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "user": rng.integers(0, 200, count),
            "item": rng.integers(10, 90, count),
            "rating": rng.integers(1, 6, count).astype(np.int8),
            "timestamp": rng.integers(0, 50, count) + 1_700_000_000,
        }
    )


def as_parquet(table: pa.Table, place: Path) -> str:
    pq.write_table(table, place / "rows.parquet", row_group_size=700)
    return str(place / "rows.parquet")


def in_folders(table: pa.Table, place: Path) -> ds.Dataset:
    """A folder for each rating: that column is in no file."""
    ds.write_dataset(table, place / "rows", format="parquet", partitioning=["rating"], partitioning_flavor="hive")
    return ds.dataset(place / "rows", partitioning="hive")


MAKES: dict[str, Callable[[pa.Table, Path], Any]] = {
    "arrow": lambda table, _: table,
    "batch": lambda table, _: table.combine_chunks().to_batches()[0],
    "batches": lambda table, _: table.to_batches(500),
    "stream": lambda table, _: iter(table.to_batches(500)),
    "reader": lambda table, _: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(500)),
    "dataset": lambda table, place: ds.dataset(as_parquet(table, place)),
    "dataset with a filter": lambda table, place: ds.dataset(as_parquet(table, place)).filter(pc.field("user") >= 0),
    "dataset in memory": lambda table, _: ds.dataset(table),
    "dataset in folders": in_folders,
    "parquet": lambda table, place: pq.ParquetFile(as_parquet(table, place)),
    "duckdb": lambda table, place: duckdb.sql(f"from '{as_parquet(table, place)}'"),
    "pandas": lambda table, _: table.to_pandas(),
    "pandas categories": lambda table, _: table.to_pandas().astype({"item": "category"}),
    "polars": lambda table, _: pl.from_arrow(table),
    "polars lazy": lambda table, _: pl.DataFrame(pl.from_arrow(table)).lazy(),
    "mapping": lambda table, _: {name: table[name].to_numpy() for name in table.column_names},
    "narrow": lambda table, _: table.set_column(0, "user", table["user"].cast(pa.int16())),
}


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("held", [gathering.HELD, 0])
def test_every_source_gives_the_same(make: str, held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Interactions.of(some_rows())
    monkeypatch.setattr(gathering, "HELD", held)
    monkeypatch.setattr(source, "ROWS", 400)
    found = Interactions.of(MAKES[make](some_rows(), tmp_path))
    same(found, expected)


def same(found: Interactions, expected: Interactions) -> None:
    assert found.users.equals(expected.users)
    assert found.items.equals(expected.items)
    for name in ("indptr", "indices", "values", "times"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert (found.rated, found.repeated) == (expected.rated, expected.repeated)


def test_many_entries_in_threads_are_as_few_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Interactions.of(some_rows())
    expected_columns = expected.by_item
    monkeypatch.setattr(sparse, "MANY", 1)
    monkeypatch.setattr(sparse, "cores", lambda: 3)
    found = Interactions.of(some_rows())
    same(found, expected)
    for one, other in zip(found.by_item, expected_columns, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("text", [False, True])
def test_ids_that_lie_far_apart_are_hashed(text: bool) -> None:
    rng = np.random.default_rng(3)
    ids = np.unique(rng.integers(-(2**62), 2**62, 20_000))
    rows = rng.integers(0, len(ids), 60_000)
    batches = [ids[part] for part in np.array_split(rows, 7)]
    first = [pa.array(part).cast(pa.string()) if text else pa.array(part) for part in batches]
    made = numbering.numbering_of(numbering.compact(first[0]))
    for part in first:
        made.add(numbering.compact(part))
    found, counts = made.close()
    there, expected = np.unique(ids[rows].astype(str) if text else ids[rows], return_counts=True)
    assert found.to_pylist() == there.tolist()
    np.testing.assert_array_equal(counts, expected)
    numbers = np.concatenate([made.numbers(numbering.compact(part)) for part in first])
    np.testing.assert_array_equal(numbers, np.searchsorted(there, ids[rows].astype(str) if text else ids[rows]))
    stranger = pa.array(["nobody"] if text else [2**62 + 5])
    assert made.numbers(numbering.compact(stranger)).tolist() == [-1]


class Fickle:
    """A table that gives other rows at the second reading."""

    schema = pa.schema({"user": pa.int64(), "item": pa.int64()})

    def __init__(self, second: list[int]) -> None:
        self.readings = iter([[1, 1, 2], second])

    def batches(self, names: list[str], size: int) -> Any:
        users = next(self.readings)
        return iter([pa.record_batch({"user": users, "item": [5] * len(users)}).select(names)])


@pytest.mark.parametrize("second", [[1, 2], [1, 1, 1], [1, 1, 2, 2], [1, 2, 7]])
def test_other_rows_at_the_second_reading(second: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "HELD", 0)
    with pytest.raises(DataError) as caught:
        Interactions.of(Fickle(second))
    assert caught.value.faults[0].code == "recommend.changed"


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"user": [], "item": []}, "recommend.empty"),
        ({"user": [1, None], "item": [1, 2]}, "recommend.ids"),
        ({"user": [1.5], "item": [1]}, "recommend.ids"),
        ({"user": [1], "item": [True]}, "recommend.ids"),
        ({"user": [1], "item": [1], "value": ["good"]}, "recommend.value"),
        ({"user": [1], "item": [1], "value": [float("inf")]}, "recommend.value"),
        ({"user": [1], "item": [1], "time": ["yesterday"]}, "recommend.time"),
        ({"user": pa.array([], pa.int64()), "item": pa.array([], pa.int64())}, "recommend.empty"),
    ],
)
def test_bad_tables_say_what_is_wrong(table: dict[str, Any], code: str) -> None:
    with pytest.raises(DataError) as caught:
        Interactions.of(table)
    assert caught.value.faults[0].code == code


def test_columns_that_are_missing() -> None:
    for table, columns in (({"user": [1], "thing": [2]}, {}), ({"user": [1], "item": [2]}, {"item": "itme"})):
        with pytest.raises(StudyError) as caught:
            Interactions.of(table, columns=columns)
        assert caught.value.faults[0].code == "data.column-missing"
    with pytest.raises(StudyError) as caught:
        Interactions.of(42)
    assert caught.value.faults[0].code == "recommend.table"


def test_repeats_may_be_refused() -> None:
    with pytest.raises(DataError) as caught:
        Interactions.of({"user": [1, 1, 2], "item": [7, 7, 7]}, duplicates="error")
    assert caught.value.faults[0].code == "recommend.duplicates"


def test_a_frame_of_floats_that_are_whole_has_integer_ids() -> None:
    known = Interactions.of(pd.DataFrame({"user": [1.0, 2.0], "item": [3, 4]}))
    assert known.users.to_pylist() == [1, 2]
