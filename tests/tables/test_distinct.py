"""How many rows repeat another: exactly, in memory and through files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.tables import distinct
from potomac.tables.distinct import Distinct

ROWS = st.tuples(st.sampled_from([None, 0.0, -1.5, 2.0]), st.sampled_from([None, "", "a", "b"]))


def repeated(batches: Sequence[pa.RecordBatch]) -> int:
    counter = Distinct()
    try:
        for batch in batches:
            counter.add(batch)
        return counter.repeated()
    finally:
        counter.close()


def batch(rows: Sequence[tuple[float | None, str | None]]) -> pa.RecordBatch:
    return pa.record_batch(
        {"a": pa.array([r[0] for r in rows], pa.float64()), "b": pa.array([r[1] for r in rows], pa.string())}
    )


@given(st.lists(ROWS, max_size=40), st.integers(0, 40), st.sampled_from([2, 1 << 22]))
def test_as_many_as_a_set_counts(rows: list, cut: int, in_memory: int) -> None:
    original, distinct.IN_MEMORY = distinct.IN_MEMORY, in_memory
    try:
        assert repeated([batch(rows[:cut]), batch(rows[cut:])]) == len(rows) - len(set(rows))
    finally:
        distinct.IN_MEMORY = original


def test_through_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct, "IN_MEMORY", 1000)
    values = np.random.default_rng(0).integers(0, 5000, 20_000)
    batches = [pa.record_batch({"a": part}) for part in np.split(values, 10)]
    assert repeated(batches) == len(values) - len(np.unique(values))


def test_times_have_no_zone_to_be_asked_for() -> None:
    times = pa.array([0, 1, 0], pa.timestamp("us", "Europe/Paris"))
    assert repeated([pa.record_batch({"t": times})]) == 1


def test_nothing_repeats_nothing() -> None:
    assert repeated([]) == 0
