"""Rows sorted outside memory: the order of a sort in memory, groups kept whole, and errors passed on as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.tables import Ordered
from potomac.tables import ordered as ordering

SCHEMA = pa.schema([("row", pa.int64()), ("who", pa.string()), ("time", pa.timestamp("us", "UTC")), ("x; DROP", "f8")])


def rows(n: int, people: int = 7, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    who = [None if k == 0 else f"v{k}" for k in rng.integers(0, people, n)]
    time = pa.array(rng.integers(0, 10**15, n)).cast(pa.timestamp("us", "UTC"))
    return pa.table([np.arange(n), pa.array(who, pa.string()), time, rng.random(n)], schema=SCHEMA)


def in_order(table: pa.Table) -> pa.Table:
    return table.sort_by([("who", "ascending"), ("time", "ascending"), ("row", "ascending")])


@settings(deadline=None, max_examples=25)
@given(n=st.integers(0, 400), size=st.integers(1, 90), seed=st.integers(0, 5))
def test_the_order_is_that_of_a_sort_in_memory(n: int, size: int, seed: int) -> None:
    """Whatever the batches; nulls last; hostile names of columns are only names."""
    table = rows(n, seed=seed)
    found = Ordered(table.to_batches(size), SCHEMA, ("who", "time", "row"))
    assert pa.Table.from_batches(list(found.batches()), SCHEMA).equals(in_order(table))


def test_the_rows_come_again_and_again_and_by_column() -> None:
    table = rows(500)
    found = Ordered(table.to_batches(100), SCHEMA, ("row",))
    for _ in range(2):
        assert pa.Table.from_batches(list(found.batches(["x; DROP"]))).equals(table.select(["x; DROP"]))


def test_without_columns_to_sort_by_the_order_stays() -> None:
    table = rows(500)
    found = Ordered(table.to_batches(64), SCHEMA)
    assert pa.Table.from_batches(list(found.batches())).equals(table)


@settings(deadline=None, max_examples=20)
@given(people=st.integers(1, 30), least=st.integers(1, 300))
def test_groups_are_whole(people: int, least: int) -> None:
    """No entity lies in two parts, but nobody's rows may; parts have at least so many rows, the last one less."""
    table = rows(700, people)
    parts = list(Ordered(table.to_batches(90), SCHEMA, ("who", "time", "row")).groups("who", least))
    assert pa.concat_tables(parts).equals(in_order(table))
    names = [set(part["who"].drop_null().to_pylist()) for part in parts]
    assert sum(map(len, names)) == len(set().union(*names))


def test_a_group_that_spans_batches_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 2,048 rows, the least that DuckDB gives, and groups of about 5,000."""
    monkeypatch.setattr(ordering, "ROWS", 2048)
    table = rows(20_000, 4)
    found = Ordered(table.to_batches(), SCHEMA, ("who", "time", "row"))
    assert len(list(found.batches())) > 4
    parts = list(found.groups("who", 3000))
    assert pa.concat_tables(parts).equals(in_order(table))
    assert all(len(set(part["who"].to_pylist())) <= 2 for part in parts)
    names = [set(part["who"].drop_null().to_pylist()) for part in parts]
    assert sum(map(len, names)) == 3
    assert max(part.num_rows for part in parts if part["who"].null_count == part.num_rows) <= 3000 + 2048


@pytest.mark.parametrize("error", [KeyError("mine"), KeyboardInterrupt()])
def test_errors_of_the_rows_are_passed_on_and_nothing_is_left(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def broken() -> Iterator[pa.RecordBatch]:
        yield from rows(10).to_batches()
        raise error

    with pytest.raises(type(error)) as raised:
        Ordered(broken(), SCHEMA, ("who",))
    assert raised.value is error
    assert not list(tmp_path.iterdir())
    kept = Ordered(rows(10).to_batches(), SCHEMA, ("who",))
    assert not list(tmp_path.iterdir())
    del kept
