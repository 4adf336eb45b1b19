"""Splits: what is held out of whom, counted by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from potomac.errors import DataError, StudyError
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.testing.splits import KINDS, Split, leave_last_out, split_of, strong, time_ordered
from potomac.recommend.worlds import simulated

DIARY = {
    "user": ["ann", "ann", "ann", "ben", "ben", "cleo", "dan", "dan", "dan", "dan"],
    "item": [1, 2, 3, 3, 1, 2, 4, 3, 2, 1],
    "time": [10, 30, 20, 5, 6, 9, 40, 41, 42, 43],
}


@pytest.fixture(scope="module")
def world() -> Interactions:
    return simulated(200, 80, per_user=10, taste=1.0, seed=3).interactions


def diary(**changes: object) -> Interactions:
    return Interactions.of({name: column for name, column in {**DIARY, **changes}.items() if column is not None})


def told(split: Split, what: Histories) -> dict[str, list[int]]:
    """Ids of the items of each test person."""
    items = split.train.items.to_pylist()
    return {
        user: [items[i] for i in what.indices[what.indptr[p] : what.indptr[p + 1]]]
        for p, user in enumerate(split.users.to_pylist())
    }


def pairs(people: Histories, users: pa.Array) -> set[tuple[object, int]]:
    who = np.repeat(np.arange(len(people)), people.lengths)
    return set(zip(users.take(pa.array(who)).to_pylist(), people.indices.tolist(), strict=True))


def everything(known: Interactions) -> set[tuple[object, int]]:
    return pairs(known.histories(np.arange(known.n_users)), known.users)


def test_the_last_of_each_is_held_out() -> None:
    split = leave_last_out(diary(), 1)
    assert told(split, split.held) == {"ann": [2], "ben": [1], "dan": [1]}
    assert told(split, split.histories) == {"ann": [1, 3], "ben": [3], "dan": [2, 3, 4]}
    assert split.untested == {"people with a single interaction": 1}
    assert split.train.nnz == 7
    assert split.train.n_items == 4


def test_one_interaction_at_least_stays_known() -> None:
    split = leave_last_out(diary(), 3)
    assert told(split, split.held) == {"ann": [2, 3], "ben": [1], "dan": [1, 2, 3]}


def test_rows_of_histories_are_those_of_the_train_set() -> None:
    split = leave_last_out(diary(), 1)
    assert split.train.users.take(pa.array(split.histories.rows)).equals(split.users)


def test_time_is_cut_once_for_all() -> None:
    # times 5 6 9 10 20 30 40 41 42 43: the last 30 % begins at 41, so only dan has both sides
    split = time_ordered(diary(), 0.3)
    assert told(split, split.held) == {"dan": [1, 2, 3]}
    assert told(split, split.histories) == {"dan": [4]}
    assert split.train.times is not None
    assert split.held.times is not None
    assert split.train.times.max() < split.held.times.min()
    assert split.untested == {
        "people without an interaction after the cut": 3,
    }


def test_equal_times_are_not_torn_apart() -> None:
    split = time_ordered(diary(time=[1, 1, 1, 1, 2, 1, 1, 2, 2, 2]), 0.2)  # the last 20 % would begin among the twos
    assert told(split, split.held) == {"ben": [1], "dan": [1, 2, 3]}


def test_people_who_came_after_the_cut_are_counted() -> None:
    split = time_ordered(diary(time=[10, 30, 20, 5, 6, 99, 4, 41, 42, 43]), 0.3)  # 42, 43 and 99 are late
    assert split.untested["people without an interaction before the cut"] == 1


def test_a_held_out_item_that_nobody_had_is_counted() -> None:
    split = leave_last_out(diary(item=[1, 2, 3, 3, 1, 2, 4, 3, 2, 9]), 1)
    assert split.untested["held-out items that nobody had before"] == 1
    assert told(split, split.held)["dan"] == [9]


def test_people_held_out_whole_are_not_learnt_from(world: Interactions) -> None:
    split = strong(world, 0.2, seed=1)
    assert not set(split.users.to_pylist()) & set(split.train.users.to_pylist())
    assert (split.histories.rows == -1).all()
    assert len(split.users) == np.ceil(0.2 * (world.of_users >= 2).sum())
    assert split.train.items.equals(world.items)
    whole = dict(zip(world.users.to_pylist(), world.of_users.tolist(), strict=True))
    for user, known, held in zip(split.users.to_pylist(), split.histories.lengths, split.held.lengths, strict=True):
        assert held == max(1, int(0.2 * whole[user]))
        assert known + held == whole[user]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_and_nothing_stands_twice(kind: str, world: Interactions) -> None:
    split = split_of(world, kind)
    held, known, learnt = pairs(split.held, split.users), pairs(split.histories, split.users), everything(split.train)
    assert not held & (known | learnt)
    assert held | known | learnt <= everything(world)
    if kind == "leave_last_out":
        assert held | learnt == everything(world)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_splits_alike(kind: str, world: Interactions) -> None:
    one, two = (split_of(world, kind, test_users=20, seed=5) for _ in range(2))
    assert one.users.equals(two.users)
    np.testing.assert_array_equal(one.held.indices, two.held.indices)
    assert len(one.users) <= 20
    other = split_of(world, kind, test_users=20, seed=6)
    assert not one.users.equals(other.users) or kind == "time"


@pytest.mark.parametrize("kind", KINDS)
def test_an_inner_split_is_made_alike_and_sees_nothing_of_the_test(kind: str, world: Interactions) -> None:
    split = split_of(world, kind, last=1, share=0.3)
    inner = split.inner(seed=2)
    assert inner.kind == split.kind
    assert inner.options == split.options
    seen = everything(inner.train) | pairs(inner.held, inner.users) | pairs(inner.histories, inner.users)
    assert not seen & pairs(split.held, split.users)


def test_ties_in_time_do_not_favour_an_item() -> None:
    # 400 people had items 0 and 1 at the same time: which is the last is a coin's fall, 200 give or take 5 x 10
    known = Interactions.of({"user": np.repeat(np.arange(400), 2), "item": np.tile([0, 1], 400), "time": [7] * 800})
    held = leave_last_out(known, 1).held.indices
    assert abs(int(held.sum()) - 200) < 50


def test_without_times_the_held_out_are_drawn_and_that_is_said() -> None:
    split = leave_last_out(diary(time=None), 1)
    assert "no times" in split.notes[0]
    assert len(split.held.indices) == 3
    assert not leave_last_out(diary(), 1).notes


def test_people_who_were_not_drawn_keep_all(world: Interactions) -> None:
    split = leave_last_out(world, 1, test_users=15)
    assert split.train.nnz == world.nnz - 15
    assert split.untested["people who were not drawn"] == int((world.of_users >= 2).sum()) - 15


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_with_nobody_in_it_is_an_error(kind: str) -> None:
    lonely = Interactions.of({"user": [1, 2, 3], "item": [1, 2, 3], "time": [1, 2, 3]})
    with pytest.raises(DataError) as caught:
        split_of(lonely, kind)
    assert caught.value.faults[0].code == "recommend.split-empty"


def test_nobody_to_learn_from_is_an_error() -> None:
    one = Interactions.of({"user": [1, 1], "item": [1, 2]})
    with pytest.raises(DataError, match="learn from"):
        strong(one)


def test_a_cut_needs_times() -> None:
    with pytest.raises(DataError) as caught:
        time_ordered(diary(time=None))
    assert caught.value.faults[0].code == "recommend.split-times"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("leave_lsat_out", {}),
        ("leave_last_out", {"last": 0}),
        ("time", {"share": 1.0}),
        ("strong", {"share": 0.0}),
        ("strong", {"test_users": 0}),
    ],
)
def test_what_cannot_be_split_is_said(kind: str, options: dict[str, float]) -> None:
    with pytest.raises(StudyError) as caught:
        split_of(diary(), kind, **options)  # type: ignore[arg-type]
    assert caught.value.faults[0].code == "recommend.split"
