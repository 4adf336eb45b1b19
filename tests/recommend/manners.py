"""What every method owes, whatever its mathematics; each method's test calls :func:`check_manners`.

@pytest.mark.parametrize("manner", manners(audience=False), ids=str)
def test_manners(manner):
    manner(lambda: ALS(factors=8, iterations=3))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.recommend.keeping import restored, to_tables
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.parameters import fresh
from potomac.recommend.recommender import Recommender

Make = Callable[[], Recommender]
GENRES = ("crime", "travel", "poetry", "science")


def small_world(users: int = 60, items: int = 40, each: int = 8, seed: int = 0) -> tuple[Interactions, Items]:
    """People who mostly stay with one of four genres; two items that nobody has had; ratings and times.

    Users have text ids, items numbers. The first item is everybody's.
    """
    rng = np.random.default_rng(seed)
    genre = np.arange(items) % len(GENRES)
    user, item = [], []
    for person in range(users):
        weight = np.where(genre == person % len(GENRES), 8.0, 1.0) / (1 + np.arange(items) / 10)
        weight[-2:] = 0
        chosen = rng.choice(items, each, replace=False, p=weight / weight.sum())
        chosen = np.union1d(chosen, [0])
        user += [f"u{person:03d}"] * len(chosen)
        item += chosen.tolist()
    table = pa.table(
        {
            "user": user,
            "item": 100 + 10 * np.array(item),
            "value": rng.integers(1, 6, len(item)).astype(float),
            "time": pa.array(np.datetime64("2026-01-01", "us") + rng.permutation(len(item)) * np.timedelta64(1, "h")),
        }
    )
    catalogue = pa.table(
        {
            "item": 100 + 10 * np.arange(items),
            "title": [f"{GENRES[genre[i]].title()} {i}" for i in range(items)],
            "genre": [GENRES[g] for g in genre],
            "words": [[GENRES[g], f"shelf {i % 5}"] for i, g in enumerate(genre)],
            "year": 1990 + np.arange(items) % 30,
        }
    )
    known = Items.of(catalogue)
    return Interactions.of(table, items=known.ids), known


@dataclass(frozen=True)
class Manner:
    """One thing that a method owes."""

    check: Callable[..., None]
    settings: tuple[tuple[str, Any], ...] = ()

    def __call__(self, make: Make, world: tuple[Interactions, Items] | None = None) -> None:
        interactions, items = world or small_world()
        self.check(make, interactions, items, **dict(self.settings))

    def __str__(self) -> str:
        return self.check.__name__


def manners(
    *, similar: bool = True, audience: bool = True, explains: bool = True, tolerance: float = 1e-4
) -> list[Manner]:
    """The battery.

    Args:
        similar: whether the method knows which items are alike; if not it must say so (NoAnswer).
        audience: whether it knows whom an item matters to; if not it must say so (NoAnswer).
        explains: whether ``_parts`` is more than zeros for some item that is offered.
        tolerance: of sums, relative to the largest score.
    """
    how = (("tolerance", tolerance),)
    return [
        *(Manner(check) for check in _PLAIN),
        Manner(parts_add_up_to_the_score, (*how, ("explains", explains))),
        Manner(scores_go_by_history_alone, how),
        Manner(new_interactions_fold_in, how),
        Manner(scores_of_some_items_are_those_of_all, how),
        Manner(one_score_for_all_users_is_that_of_the_users, (*how, ("audience", audience))),
        Manner(similar_never_names_itself if similar else similar_is_not_known),
        Manner(audience_leaves_out_who_had_it if audience else audience_is_not_known),
    ]


def check_manners(make: Make, **settings: Any) -> None:
    """The whole battery at once."""
    for manner in manners(**settings):
        manner(make)


# -------------------------------------------------------------------------------------- being fitted


def must_be_fitted_first(make: Make, interactions: Interactions, items: Items) -> None:
    with pytest.raises(StudyError) as caught:
        make().recommend(n=3)
    assert caught.value.faults[0].code == "recommend.not-fitted"


def fit_twice_is_fit_anew(make: Make, interactions: Interactions, items: Items) -> None:
    other = interactions.take_users(np.arange(20))
    again = make().fit(other, items).fit(interactions, items)
    same_answers(again, make().fit(interactions, items))


def arguments_are_kept_as_given(make: Make, interactions: Interactions, items: Items) -> None:
    from potomac.recommend.methods import arguments_of

    before = arguments_of(make())
    assert repr(arguments_of(make().fit(interactions, items))) == repr(before)


def what_was_given_stays_as_it_was(make: Make, interactions: Interactions, items: Items) -> None:
    before = [interactions.indptr.copy(), interactions.indices.copy(), interactions.values.copy()]
    model = make().fit(interactions, items)
    model.recommend(n=3)
    for was, now in zip(before, [interactions.indptr, interactions.indices, interactions.values], strict=True):
        np.testing.assert_array_equal(was, now)


def kept_and_restored_answers_alike(make: Make, interactions: Interactions, items: Items) -> None:
    model = make().fit(interactions, items)
    tables = {name: _through_a_file(table) for name, table in to_tables(model).items()}
    again = restored(tables, {model.name: type(model)})
    assert type(again) is type(model)
    same_answers(again, model)
    back = again.items_
    assert back.titles.equals(model.items_.titles)
    assert back.features.equals(model.items_.features)


def a_half_life_needs_times(make: Make, interactions: Interactions, items: Items) -> None:
    if not hasattr(make(), "half_life"):
        return
    with pytest.raises(StudyError, match="a half-life, but interactions without times") as caught:
        fresh(make(), half_life=3.0).fit(replace(interactions, times=None), items)
    assert caught.value.faults[0].key == "half_life"


def one_core_or_two_give_the_same(make: Make, interactions: Interactions, items: Items) -> None:
    most = numba.get_num_threads()
    two = make().fit(interactions, items)
    numba.set_num_threads(1)
    try:
        same_answers(make().fit(interactions, items), two)
    finally:
        numba.set_num_threads(most)


# -------------------------------------------------------------------------------------- what is offered


def nothing_seen_is_offered_unless_asked(make: Make, interactions: Interactions, items: Items) -> None:
    model = make().fit(interactions, items)
    had = _pairs(interactions)
    assert not had & set(_rows(model.recommend(n=40), "user", "item"))
    assert had & set(_rows(model.recommend(n=40, seen=True), "user", "item"))


def only_what_is_allowed_is_offered(make: Make, interactions: Interactions, items: Items) -> None:
    model = make().fit(interactions, items)
    allowed = interactions.items.take(pa.array([1, 2, 3, 5, 8, 13, 21]))
    offered = model.recommend(n=40, seen=True, allowed=allowed)
    assert set(offered["item"].to_pylist()) <= set(allowed.to_pylist())
    mask = np.isin(np.arange(interactions.n_items), [1, 2, 3, 5, 8, 13, 21])
    assert model.recommend(n=40, seen=True, allowed=mask).equals(offered)


def ranks_begin_at_one_and_scores_fall(make: Make, interactions: Interactions, items: Items) -> None:
    table = make().fit(interactions, items).recommend(n=5)
    user, rank, score = (np.array(table[name].to_pylist()) for name in ("user", "rank", "score"))
    first = np.append(True, user[1:] != user[:-1])
    assert (rank[first] == 1).all()
    assert (np.diff(rank)[~first[1:]] == 1).all()
    assert (np.diff(score)[~first[1:]] <= 0).all()
    assert np.isfinite(score).all()


def too_many_asked_for_gives_what_there_is(make: Make, interactions: Interactions, items: Items) -> None:
    table = make().fit(interactions, items).recommend(n=10_000)
    pairs = _rows(table, "user", "item")
    assert len(set(pairs)) == len(pairs)
    assert len(pairs) <= interactions.n_users * interactions.n_items - interactions.nnz


def offers_are_the_best_of_its_scores(make: Make, interactions: Interactions, items: Items) -> None:
    model = make().fit(interactions, items)
    history = interactions.histories([4])
    scores = model.scores(history)[0].astype(float)
    scores[history.indices] = -np.inf
    expected = np.sort(scores[scores > -np.inf])[::-1][:6]
    found = model.recommend([interactions.users[4]], n=6)["score"].to_numpy()
    np.testing.assert_array_equal(found, expected)


def somebody_unknown_is_somebody_without_history(make: Make, interactions: Interactions, items: Items) -> None:
    model = make().fit(interactions, items)
    table = model.recommend(["nobody we know"], n=5)
    numbers, _ = model.best(empty_history(), 5)
    expected = [interactions.items[int(i)].as_py() for i in numbers[0] if i >= 0]
    assert table["item"].to_pylist() == expected
    assert set(table["user"].to_pylist()) <= {"nobody we know"}


def ids_come_back_as_they_were_fitted(make: Make, interactions: Interactions, items: Items) -> None:
    model = make().fit(interactions, items)
    table = model.recommend(["u004"], n=2)
    assert table["user"].type == interactions.users.type
    assert table["item"].type == interactions.items.type
    as_text = [str(one) for one in interactions.items.to_pylist()]
    assert model.for_basket(as_text[:3], 4).equals(model.for_basket(interactions.items[:3], 4))


def a_basket_is_served(make: Make, interactions: Interactions, items: Items) -> None:
    model = make().fit(interactions, items)
    basket = interactions.items.take(pa.array([2, 6, 10]))
    table = model.for_basket(basket, 5)
    assert table.column_names[:3] == ["item", "rank", "score"]
    assert not set(table["item"].to_pylist()) & set(basket.to_pylist())
    with pytest.raises(DataError) as caught:
        model.for_basket([123456789], 5)
    assert caught.value.faults[0].code == "recommend.item"


# -------------------------------------------------------------------------------------- scores


def scores_go_by_history_alone(make: Make, interactions: Interactions, items: Items, tolerance: float) -> None:
    """A new person with the history of a fitted one has the fitted one's scores; alone or among others."""
    model = make().fit(interactions, items)
    rows = np.array([3, 9, 27])
    fitted = interactions.histories(rows)
    as_new = replace(fitted, rows=np.full(3, -1))
    known, new = model.scores(fitted), model.scores(as_new)
    assert known.shape == (3, interactions.n_items)
    assert known.dtype == np.float32
    near(new, known, tolerance)
    for i in range(3):
        near(model.scores(fitted.part(i, i + 1))[0], known[i], tolerance)


def one_score_for_all_users_is_that_of_the_users(
    make: Make, interactions: Interactions, items: Items, tolerance: float, audience: bool
) -> None:
    if not audience:
        return
    model = make().fit(interactions, items)
    scores = model.scores(interactions.histories(np.arange(interactions.n_users)))
    for item in (0, 7, interactions.n_items - 1):
        near(model._column(item), scores[:, item], tolerance)


def scores_of_some_items_are_those_of_all(
    make: Make, interactions: Interactions, items: Items, tolerance: float
) -> None:
    model = make().fit(interactions, items)
    some = np.array([0, 7, 3, interactions.n_items - 1])
    for histories in (interactions.histories(np.arange(interactions.n_users)), Histories.of_basket([1, 4, 6])):
        near(model._scores_at(histories, some), model.scores(histories)[:, some], tolerance)


def reasons_are_those_of_explanations(make: Make, interactions: Interactions, items: Items) -> None:
    model = make().fit(interactions, items)
    for user in range(0, interactions.n_users, 12):
        history = interactions.histories([user])
        numbers = model.best(history, 6)[0][0]
        assert model.reasons(history, numbers) == [model.explained(history, int(one)).sentence for one in numbers]
    assert model.reasons(history, np.zeros(0, np.int64)) == []


def parts_add_up_to_the_score(
    make: Make, interactions: Interactions, items: Items, tolerance: float, explains: bool
) -> None:
    model = make().fit(interactions, items)
    said = 0
    for user in ("u003", "u010", "u031"):
        for item in model.recommend([user], n=4)["item"].to_pylist():
            why = model.explain(user, item)
            parts = np.array(why.because["contribution"].to_pylist())
            assert abs(parts.sum() + why.rest - why.score) <= tolerance * max(1.0, abs(why.score))
            assert (np.diff(parts) <= 0).all()
            history = model.histories([user])
            had = set(interactions.items.take(pa.array(history.indices)).to_pylist())
            assert set(why.because["item"].to_pylist()) <= had
            row = interactions.item_rows([item])[0]
            assert why.score == pytest.approx(float(model.scores(history)[0, row]), rel=1e-5, abs=1e-6)
            said += bool(len(parts))
    assert bool(said) == explains


def new_interactions_fold_in(make: Make, interactions: Interactions, items: Items, tolerance: float) -> None:
    """What is new counts at once, for people who were fitted and for new ones; the model itself is as before."""
    model = make().fit(interactions, items)
    before = model.recommend(["u005"], n=3)
    taken = before["item"][0].as_py() if len(before) else interactions.items[5].as_py()
    new = {"user": ["u005", "newcomer"], "item": [taken, taken], "value": [5.0, 5.0]}
    after = model.with_interactions(new)
    assert taken not in after.recommend(["u005"], n=40)["item"].to_pylist()
    assert taken not in after.recommend(["newcomer"], n=40)["item"].to_pylist()
    assert model.recommend(["u005"], n=3).equals(before)
    basket = Histories.of_basket(interactions.item_rows([taken]), [5.0])
    near(after.scores(after.histories(["newcomer"])), model.scores(basket), tolerance)


# -------------------------------------------------------------------------------------- other questions


def similar_never_names_itself(make: Make, interactions: Interactions, items: Items) -> None:
    model = make().fit(interactions, items)
    asked = interactions.items.take(pa.array([0, 5, 9]))
    table = model.similar(asked, n=100)
    assert table.num_rows
    pairs = _rows(table, "item", "similar")
    assert all(one != other for one, other in pairs)
    assert len(set(pairs)) == len(pairs)
    with pytest.raises(DataError) as caught:
        model.similar([123456789])
    assert caught.value.faults[0].code == "recommend.item"


def similar_is_not_known(make: Make, interactions: Interactions, items: Items) -> None:
    with pytest.raises(NoAnswer) as caught:
        make().fit(interactions, items).similar([interactions.items[0]])
    assert caught.value.faults[0].code == "recommend.method"


def audience_leaves_out_who_had_it(make: Make, interactions: Interactions, items: Items) -> None:
    model = make().fit(interactions, items)
    asked = interactions.items.take(pa.array([1, 5, 9]))
    table = model.audience(asked, n=1000)
    assert table.column_names == ["item", "user", "rank", "score"]
    assert table.num_rows
    had = {(item, user) for user, item in _pairs(interactions)}
    assert not had & set(_rows(table, "item", "user"))


def audience_is_not_known(make: Make, interactions: Interactions, items: Items) -> None:
    with pytest.raises(NoAnswer) as caught:
        make().fit(interactions, items).audience([interactions.items[0]])
    assert caught.value.faults[0].code == "recommend.method"


_PLAIN: tuple[Callable[..., None], ...] = (
    must_be_fitted_first,
    fit_twice_is_fit_anew,
    arguments_are_kept_as_given,
    what_was_given_stays_as_it_was,
    kept_and_restored_answers_alike,
    one_core_or_two_give_the_same,
    a_half_life_needs_times,
    nothing_seen_is_offered_unless_asked,
    only_what_is_allowed_is_offered,
    ranks_begin_at_one_and_scores_fall,
    too_many_asked_for_gives_what_there_is,
    offers_are_the_best_of_its_scores,
    somebody_unknown_is_somebody_without_history,
    ids_come_back_as_they_were_fitted,
    a_basket_is_served,
    reasons_are_those_of_explanations,
)

# -------------------------------------------------------------------------------------- helpers


def same_answers(one: Recommender, other: Recommender) -> None:
    """Bit-identical scores for people who were fitted, and for somebody new."""
    histories = other.interactions_.histories(np.arange(min(25, other.interactions_.n_users)))
    np.testing.assert_array_equal(one.scores(histories), other.scores(histories))
    basket = Histories.of_basket([1, 4, 6])
    np.testing.assert_array_equal(one.scores(basket), other.scores(basket))
    assert one.recommend(n=5).equals(other.recommend(n=5))


def empty_history() -> Histories:
    return Histories.of_basket(np.zeros(0, np.int32))


def near(one: npt.ArrayLike, other: npt.ArrayLike, tolerance: float) -> None:
    """Equal but for rounding, relative to the largest score."""
    a, b = np.asarray(one, float), np.asarray(other, float)
    np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))
    finite = np.isfinite(b)
    largest = max(1e-6, float(np.abs(b[finite]).max(initial=0)))
    np.testing.assert_allclose(a[finite], b[finite], rtol=0, atol=tolerance * largest)


def _pairs(interactions: Interactions) -> set[tuple[object, object]]:
    user = np.repeat(np.arange(interactions.n_users), interactions.of_users)
    users = interactions.users.take(pa.array(user)).to_pylist()
    return set(zip(users, interactions.items.take(pa.array(interactions.indices)).to_pylist(), strict=True))


def _rows(table: pa.Table, *names: str) -> list[tuple[object, ...]]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def _through_a_file(table: pa.Table) -> pa.Table:
    """As it comes back from a Parquet file."""
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return pq.read_table(pa.BufferReader(sink.getvalue()))
