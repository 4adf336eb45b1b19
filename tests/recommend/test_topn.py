"""The n best: against sorting; batches of lists: against all at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from potomac.errors import StudyError
from potomac.recommend import Popular, recommender, topn

from .manners import small_world

FEW = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 0.5, 2.0, 3.0, np.nan])


@settings(max_examples=200, deadline=None)
@given(data=st.data(), rows=st.integers(1, 5), items=st.integers(1, 30), n=st.integers(1, 35))
def test_the_best_are_those_of_a_sort(data: st.DataObject, rows: int, items: int, n: int) -> None:
    scores = data.draw(hnp.arrays(np.float32, (rows, items), elements=FEW))
    had = data.draw(hnp.arrays(bool, (rows, items)))
    allowed = data.draw(st.one_of(st.none(), hnp.arrays(bool, items), hnp.arrays(bool, (rows, items))))
    indptr = np.concatenate(([0], np.cumsum(had.sum(axis=1))))
    without = (indptr, np.nonzero(had)[1].astype(np.int32))
    numbers, values = topn.best(scores, n, without=without, allowed=allowed)
    may = ~had & (scores > -np.inf) & (True if allowed is None else np.broadcast_to(allowed, had.shape))
    for row in range(rows):
        expected = sorted(np.flatnonzero(may[row]).tolist(), key=lambda i: (-scores[row, i], i))[:n]
        there = numbers[row] >= 0
        assert numbers[row][there].tolist() == expected
        np.testing.assert_array_equal(values[row][there], scores[row, expected])
        assert (values[row][~there] == -np.inf).all()
        assert there[: len(expected)].all()


def test_many_rows_in_threads_are_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.random.default_rng(0).integers(0, 50, (37, 400)).astype(np.float32)
    expected = topn.best(scores, 9)
    monkeypatch.setattr(topn, "MANY", 1)
    monkeypatch.setattr(topn, "cores", lambda: 3)
    for one, other in zip(topn.best(scores, 9), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_batches_are_the_table_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Popular().fit(*small_world())
    whole = model.recommend(n=4, reasons=True)
    monkeypatch.setattr(recommender, "BLOCK", 40 * 7)
    monkeypatch.setattr(recommender, "ROWS", 50)
    batches = list(model.recommend_batches(n=4, reasons=True))
    assert len(batches) == -(-60 * 4 // (4 * 14))  # 7 people at once, so 56 rows a batch
    assert pa.Table.from_batches(batches).equals(whole)


def test_nobody_is_asked_for() -> None:
    model = Popular().fit(*small_world())
    table = model.recommend([], n=4, reasons=True)
    assert table.num_rows == 0
    assert table.schema.equals(model.recommend(["u001"], n=4, reasons=True).schema)


@pytest.mark.parametrize("n", [0, -3])
def test_less_than_one_is_no_number_of_items(n: int) -> None:
    model = Popular().fit(*small_world())
    with pytest.raises(StudyError) as caught:
        model.recommend(n=n)
    assert caught.value.faults[0].code == "recommend.n"
