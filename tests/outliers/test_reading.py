"""Reading: the whole table, or a sample of it that no order or size of batches changes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from potomac import tables
from potomac.engine import Quiet
from potomac.outliers import reading
from potomac.outliers.study import ROLES
from potomac.stats.streams import Stream
from potomac.tables import Table, covariate

STREAM = Stream(3, ("outliers",))
NAMES = ("latitude", "longitude", "speed", "heading", "time", "entity")


def opened(table: pa.Table, *covariates: str) -> Table:
    given = {name: name for name in (*NAMES, *covariates) if name in table.column_names}
    roles = [role for role in ROLES if role.name in given] + [covariate(name) for name in covariates]
    return tables.open(table, given, roles)


def test_a_sample_is_that_of_the_smallest_draws_in_any_batches(
    table: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows() -> list[int]:
        got = reading.read(opened(table), (), STREAM, Quiet(), most=300, sample=200)
        assert (got.rows, got.whole, len(got.positions)) == (table.num_rows, False, 200)
        return list(got.positions.row)

    first, original = rows(), Table.batches
    assert first == sorted(first)
    monkeypatch.setattr(Table, "batches", lambda self, names=None, size=0: original(self, names, 61))
    assert rows() == first


def test_a_table_that_fits_is_read_whole(table: pa.Table) -> None:
    got = reading.read(opened(table, "type"), ("type",), STREAM, Quiet(), most=10**6, sample=100)
    assert (got.rows, got.whole, got.aside.num_rows) == (table.num_rows, True, 0)
    assert got.positions.words("type").to_pylist() == table["type"].to_pylist()
    assert list(got.positions.row) == list(range(table.num_rows))


def test_repeats_are_set_aside_with_their_reason(table: pa.Table) -> None:
    """The same vessel a minute later at the same place to the last digit."""
    more = table.slice(0, 5)
    later = pa.compute.add(more["time"], pa.scalar(60 * 10**6, pa.duration("us")))
    again = more.set_column(more.schema.get_field_index("time"), "time", later.cast(more.schema.field("time").type))
    both = pa.concat_tables([table, again])
    got = reading.read(opened(both), (), STREAM, Quiet(), most=10**6, sample=100, drop_repeats=True)
    assert got.aside["row"].to_pylist() == list(range(table.num_rows, table.num_rows + 5))
    assert set(got.aside["reason"].to_pylist()) == {"repeats the place of the record before"}
    assert len(got.positions) == got.rows == table.num_rows


def test_streams_code_levels_as_the_fitted_rows_did(table: pa.Table) -> None:
    fitted = {"type": ("tanker", "cargo")}
    for p in reading.stream_positions(opened(table, "type"), ("type",), fitted, size=400):
        assert p.levels["type"] == ("tanker", "cargo")
        assert set(p.words("type").to_pylist()) <= {"tanker", "cargo"}


def test_progress_is_told_and_may_stop_the_reading(table: pa.Table) -> None:
    class Stop(Exception):
        pass

    def progress(what: str, done: float, total: float | None = None) -> None:
        assert (what, done) == ("reading rows", table.num_rows)
        raise Stop

    with pytest.raises(Stop):
        reading.read(opened(table), (), STREAM, progress, most=10**6, sample=100)


def test_a_table_of_places_alone_is_enough(table: pa.Table) -> None:
    got = reading.read(opened(table.select(["latitude", "longitude"])), (), STREAM, Quiet(), most=10**6, sample=100)
    assert np.isnan(got.positions.speed).all()
    assert (got.positions.entity == -1).all()
