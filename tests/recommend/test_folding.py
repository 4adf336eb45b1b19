"""New interactions beside a fitted model: as if the table had had them."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError
from potomac.recommend import Interactions, Popular
from potomac.recommend.matrix import folding
from potomac.recommend.matrix.folding import Additions
from potomac.recommend.matrix.interactions import Duplicates, Histories

from .manners import small_world

ROW = st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(1, 9), st.integers(0, 5))
EVERY_ITEM = [(99, item, 1, 0) for item in range(6)]


def table_of(rows: list[tuple[int, int, int, int]], timed: bool) -> pa.Table:
    columns = [np.array(column, np.int64) for column in zip(*rows, strict=True)]
    table = pa.table(dict(zip(("user", "item", "value", "time"), columns, strict=True)))
    return table if timed else table.drop_columns("time")


@settings(max_examples=150, deadline=None)
@given(
    old=st.lists(ROW, max_size=15),
    new=st.lists(st.lists(ROW, min_size=1, max_size=4), min_size=1, max_size=4),
    how=st.sampled_from(["last", "sum", "max"]),
    timed=st.booleans(),
    late=st.sampled_from([0, 1, folding.LATE]),
)
def test_histories_are_those_of_the_whole_table(old: Any, new: Any, how: Duplicates, timed: bool, late: int) -> None:
    fitted = Interactions.of(table_of(EVERY_ITEM + old, timed), duplicates=how)
    added = Additions.none(fitted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "LATE", late)
        for rows in new:
            added = added.with_events(table_of(rows, timed), {}, "error")
    came = list(chain.from_iterable(new))
    whole = Interactions.of(table_of(EVERY_ITEM + old + came, timed), duplicates=how)
    ids = pa.array([*range(8), 99])  # user 7 is nobody
    found, expected = added.histories(added.user_rows(ids)), whole.histories(whole.user_rows(ids))
    for name in ("indptr", "indices", "values", "times"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    changed = {row[0] for row in came}
    stale = [row < 0 for row in found.rows.tolist()]
    before = set(fitted.users.to_pylist())
    assert stale == [one in changed or one not in before for one in ids.to_pylist()]
    assert sorted(added.user_ids().to_pylist()) == whole.users.to_pylist()
    for item in range(6):
        had = {whole.users[int(u)].as_py() for u in np.flatnonzero(_column(whole, item))}
        assert {added.user_ids()[int(u)].as_py() for u in added.who_had(item)} == had


def _column(known: Interactions, item: int) -> Any:
    dense = np.zeros((known.n_users, known.n_items), bool)
    dense[np.repeat(np.arange(known.n_users), known.of_users), known.indices] = True
    return dense[:, item]


def test_an_event_without_a_time_comes_last() -> None:
    model = Popular().fit({"user": [1, 1], "item": [5, 6], "value": [1.0, 2.0], "time": [100, 200]})
    after = model.with_interactions({"user": [1, 1], "item": [5, 6], "value": [3.0, 4.0]})
    history = after.histories([1])
    assert history.times is not None
    assert history.values.tolist() == [3, 4]
    assert (history.times > 200_000_000).all()
    np.testing.assert_array_equal(history.recent(1.0).values, [1.5, 4])  # item 6 came after item 5


def test_unknown_items_are_named_or_counted() -> None:
    model = Popular().fit(*small_world())
    new = {"user": ["u001", "new", "new"], "item": [100, 7, 8]}
    with pytest.raises(DataError, match="2 interactions with items that the model does not know: 7, 8"):
        model.with_interactions(new)
    after = model.with_interactions(new, unknown="leave_out").with_interactions(new, unknown="leave_out")
    assert after.added_ is not None
    assert after.added_.left_out == 4
    assert after.added_.n_users == 60  # who came with nothing that is known is nobody yet


def test_a_user_whose_id_is_text_among_numbers() -> None:
    model = Popular().fit({"user": [1, 2], "item": [5, 6]})
    after = model.with_interactions({"user": ["1", "30"], "item": [6, 6]})
    assert after.recommend(["30"], n=9).to_pylist() == [{"user": 30, "item": 5, "rank": 1, "score": 1.0}]
    for strange in ("007", "anna"):
        with pytest.raises(DataError, match=strange):
            model.with_interactions({"user": [strange], "item": [6]})


def test_fitting_again_forgets_what_was_added() -> None:
    interactions, items = small_world()
    model = Popular().fit(interactions, items).with_interactions({"user": ["new"], "item": [100]})
    assert len(model.recommend(n=1)) == 61
    assert len(model.fit(interactions, items).recommend(n=1)) == 60


def test_the_first_model_stays_as_it_was() -> None:
    model = Popular().fit(*small_world())
    before = model.recommend(n=5)
    one = model.with_interactions({"user": ["u001"], "item": [100]})
    one.with_interactions({"user": ["u002"], "item": [110]})
    assert model.recommend(n=5).equals(before)
    assert model.added_ is None


def test_recency_halves_by_later_entries() -> None:
    history = Histories(
        np.array([0, 4, 4, 6]), np.arange(6, dtype=np.int32), np.full(6, 8.0, np.float32),
        np.array([30, 10, 20, 20, 5, 5]), np.arange(3),
    )  # fmt: skip
    # first person: one entry at 30 (0 later), two at 20 (1 later each), one at 10 (3 later)
    np.testing.assert_array_equal(history.recent(1.0).values, [8, 1, 4, 4, 8, 8])
    np.testing.assert_allclose(history.recent(2.0).values, [8, 8 * 0.5**1.5, 8 * 0.5**0.5, 8 * 0.5**0.5, 8, 8], 1e-6)
    assert history.recent(None) is history
