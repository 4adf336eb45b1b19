"""Rows that come only once are kept on disk, as far as they have been pulled."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from potomac import tables
from potomac.errors import StudyError
from potomac.tables import Role
from potomac.tables.spool import Spool

VALUE = (Role("v", "number", "a value"),)


def stream(pulled: list[int]) -> Iterator[pa.RecordBatch]:
    for number in range(5):
        pulled.append(number)
        yield pa.record_batch({"v": [float(number)] * 2, "w": ["x", None]})


def values(spool: Spool) -> list[float]:
    return [value for chunk in spool.chunks(["v"]) for value in chunk.columns[0].to_pylist()]


def test_it_is_pulled_as_far_as_is_asked_and_once() -> None:
    pulled: list[int] = []
    spool = Spool(stream(pulled), ["v", "w"], "a stream")
    first = spool.chunks(["v", "w"])
    assert next(first).columns[1].to_pylist() == ["x", None]
    assert pulled == [0]
    assert values(spool) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [chunk.first for chunk in first] == [2, 4, 6, 8]
    assert values(spool) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert pulled == [0, 1, 2, 3, 4]


def test_connections_are_closed_with_it() -> None:
    class Connection:
        closed = False

        def close(self) -> None:
            self.closed = True

    connection = Connection()
    spool = Spool(stream([]), ["v", "w"], "a stream", (connection,)).drain()
    assert not connection.closed
    del spool
    assert connection.closed


def test_a_reader_gives_its_rows_on_every_pass() -> None:
    reader = pa.table({"v": [1.0, 2.0]}).to_reader()
    opened = tables.open(reader, {}, VALUE)
    assert opened.to_arrow().equals(opened.to_arrow())


def test_anything_that_streams_arrow_is_a_source() -> None:
    class Foreign:
        def __arrow_c_stream__(self, schema: object = None) -> object:
            return pa.table({"v": [1.0, 2.0]}).__arrow_c_stream__(schema)

    assert tables.open(Foreign(), {}, VALUE).counts().read == 2


def test_what_streams_nothing_is_none() -> None:
    with pytest.raises(StudyError, match="a object is no source of rows"):
        tables.open(object(), {}, VALUE)
