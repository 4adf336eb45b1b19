"""The held-out test: figures by hand, intervals, the baseline, and that nothing is fitted to what is asked."""

from __future__ import annotations

from dataclasses import replace
from math import log2
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from potomac.engine import Progress
from potomac.errors import Interrupted, StudyError
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.popular import Popular
from potomac.recommend.recommender import Recommender
from potomac.recommend.testing import evaluation
from potomac.recommend.testing.evaluation import ACCURACY, evaluate, lists_of
from potomac.recommend.testing.splits import leave_last_out, split_of
from potomac.recommend.worlds import World, simulated


class Seeing(Recommender):
    """Scores items by the sum of what was given for each; a rating for all, where that is asked for."""

    name: ClassVar[str] = "seeing"

    def __init__(self, given: tuple[float, ...] = ()) -> None:
        self.given = given

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        self.fits_ = getattr(self, "fits_", 0) + 1

    def predict(self, users: object, items: object) -> npt.NDArray[np.float32]:
        raise NotImplementedError

    def _scores(self, histories: Histories) -> npt.NDArray[np.float32]:
        return np.tile(np.array(self.given, np.float32), (len(histories), 1))


@pytest.fixture(scope="module")
def world() -> World:
    return simulated(300, 100, per_user=12, taste=1.0, seed=4)


@pytest.fixture
def few() -> Interactions:
    # ann and ben keep item 1, cleo 1 and 2; held out are 2 of ann, 3 of ben, 4 of cleo
    return Interactions.of(
        {
            "user": ["ann", "ann", "ben", "ben", "cleo", "cleo", "cleo"],
            "item": [1, 2, 1, 3, 1, 2, 4],
            "time": [1, 9, 1, 9, 1, 2, 9],
            "value": [5.0, 4.0, 3.0, 2.0, 1.0, 5.0, 3.0],
        }
    )


def test_figures_by_hand(few: Interactions) -> None:
    # lists by popularity, the known left out, ties by number: ann 2 3 4, ben 2 3 4, cleo 3 4
    found = evaluate(Popular(), few, k=3, last=1)
    assert found.mean("popular", "ndcg@3") == pytest.approx((1 + 1 / log2(3) + 1 / log2(3)) / 3)
    assert found.mean("popular", "mrr@3") == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert found.mean("popular", "recall@3") == 1
    assert found.mean("popular", "precision@3") == pytest.approx(1 / 3)
    assert found.mean("popular", "coverage@3") == 3 / 4
    np.testing.assert_array_equal(found.lists["popular"], [[1, 2, 3], [1, 2, 3], [2, 3, -1]])


def test_errors_of_ratings_by_hand(few: Interactions) -> None:
    # foretold 4 3 3 3 for items 1 to 4; held out are 4, 2 and 3 of items 2 to 4
    found = evaluate([Popular(), Seeing((4.0, 3.0, 3.0, 3.0))], few, last=1)
    assert found.mean("seeing", "rmse") == pytest.approx(np.sqrt((1 + 1 + 0) / 3))
    assert found.mean("seeing", "mae") == pytest.approx(2 / 3)
    with pytest.raises(KeyError):
        found.mean("popular", "rmse")


def test_foretold_ratings_are_within_the_scale(few: Interactions) -> None:
    found = evaluate([Popular(), Seeing((9.0, 9.0, 9.0, -9.0))], few, last=1)  # 5, 5 and 1 against 4, 2 and 3
    assert found.mean("seeing", "mae") == pytest.approx((1 + 3 + 2) / 3)


def test_errors_of_factors_are_those_that_they_tell_themselves() -> None:
    from potomac.recommend.factorisation.factors import Factors

    world = simulated(200, 50, per_user=10, taste=1.0, rated=True, seed=1)
    found = evaluate([Popular(), Factors(4)], world.interactions)
    model, held = found.models["factors"], found.split.held
    off = model.predict(  # type: ignore[attr-defined]
        found.split.users.take(np.repeat(np.arange(len(held)), held.lengths)),
        found.split.train.items.take(held.indices),
    )
    there = found.split.train.of_items[held.indices] > 0
    assert found.mean("factors", "rmse") == pytest.approx(np.sqrt(np.mean((off - held.values)[there] ** 2)), rel=1e-4)


def test_every_model_is_against_popularity(world: World) -> None:
    given = Seeing(tuple(np.arange(100.0)))
    found = evaluate(given, world.interactions)
    assert found.baseline == "popular"
    assert set(found.table["method"].to_pylist()) == {"popular", "seeing"}
    assert set(found.gains["method"].to_pylist()) == {"seeing"}
    assert evaluate([given, Popular(30.0)], world.interactions).models["popular"].half_life == 30.0  # type: ignore[attr-defined]


def test_models_that_were_fitted_to_everything_are_fitted_anew(world: World) -> None:
    model = Popular().fit(world.interactions)
    before = model.counts_.copy()
    found = evaluate(model, world.interactions, last=1)
    assert found.models["popular"].interactions_ is found.split.train
    np.testing.assert_array_equal(model.counts_, before)
    assert found.models["popular"].counts_.sum() == world.interactions.nnz - len(found.split.held)  # type: ignore[attr-defined]


def test_gains_are_means_of_differences_with_paired_resamples(world: World) -> None:
    found = evaluate([Popular(), Popular(20.0), Popular()], world.interactions, k=5)
    gain, low, high = found.gain("popular 2", "ndcg@5")
    assert gain == pytest.approx(found.mean("popular 2", "ndcg@5") - found.mean("popular", "ndcg@5"))
    assert low < gain < high
    assert found.gain("popular 3", "ndcg@5") == (0, 0, 0)  # the same lists: no resample can tell them apart


def test_the_interval_of_a_mean_is_that_of_its_standard_error(world: World) -> None:
    # for 300 people the percentile interval is within a few percent of mean +- 1.96 s / sqrt(n)
    found = evaluate(Popular(), world.interactions, k=10)
    values = found.per_user["ndcg@10"].to_numpy()
    row = next(row for row in found.table.to_pylist() if row["metric"] == "ndcg@10")
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    assert row["mean"] == pytest.approx(values.mean())
    assert (row["high"] - row["low"]) / 2 == pytest.approx(half, rel=0.1)


def test_more_confidence_is_a_wider_interval(world: World) -> None:
    split = leave_last_out(world.interactions)
    (_, a, b), (_, c, d) = (
        evaluate([Popular(), Popular(20.0)], split=split, confidence=c).gain("popular 2", "ndcg@10")
        for c in (0.8, 0.99)
    )
    assert c < a < b < d


def test_one_person_has_no_interval() -> None:
    one = Interactions.of({"user": [1, 1, 2], "item": [1, 2, 1]})
    row = evaluate(Popular(), one, last=1).table.to_pylist()[0]
    assert row["mean"] is not None
    assert (row["low"], row["high"]) == (None, None)


def test_the_same_seed_tells_the_same(world: World) -> None:
    one, two = (evaluate([Popular(), Popular(20.0)], world.interactions, seed=3) for _ in range(2))
    assert one.table.equals(two.table)
    assert one.gains.equals(two.gains)


def test_figures_of_each_person_and_several_lengths(world: World) -> None:
    found = evaluate(Popular(), world.interactions, k=(20, 5), test_users=50)
    assert found.k == (5, 20)
    assert found.per_user.num_rows == 50
    assert {f"{name}@{n}" for name in ACCURACY for n in (5, 20)} <= set(found.per_user.column_names)
    assert found.per_user["held"].to_pylist() == found.split.held.lengths.tolist()


def test_blocks_of_people_change_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    split = leave_last_out(world.interactions)
    model = Popular().fit(split.train)
    whole = lists_of(model, split, 10)
    monkeypatch.setattr(evaluation, "BLOCK", 7 * split.train.n_items)
    np.testing.assert_array_equal(lists_of(model, split, 10), whole)


@pytest.mark.parametrize("kind", ["leave_last_out", "time", "strong"])
def test_what_is_known_is_not_offered(kind: str, world: World) -> None:
    split = split_of(world.interactions, kind)
    lists = lists_of(Popular().fit(split.train), split, 100)
    for p in range(len(split.held)):
        own = split.histories.indices[split.histories.indptr[p] : split.histories.indptr[p + 1]]
        assert not np.intersect1d(lists[p], own).size


def test_items_of_the_catalogue_that_nobody_had_are_in_the_ranking(world: World) -> None:
    more = Items.of({"item": [*world.interactions.items.to_pylist(), 7777], "title": ["x"] * 101})
    found = evaluate(Popular(), world.interactions, more)
    assert found.split.train.n_items == 101


def test_people_and_items_that_are_not_tested_are_told_of(world: World) -> None:
    notes = evaluate(Popular(), world.interactions, test_users=10).notes
    assert any("people who were not drawn" in note for note in notes)


def test_it_can_be_stopped(world: World) -> None:
    def stop(what: str, done: float, total: float | None = None) -> None:
        raise Interrupted([])

    with pytest.raises(Interrupted):
        evaluate(Popular(), world.interactions, progress=stop)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"k": 0}, "recommend.k"),
        ({"k": ()}, "recommend.k"),
        ({"confidence": 1.0}, "recommend.confidence"),
        ({"baseline": "als"}, "recommend.baseline"),
        ({"split": "random"}, "recommend.split"),
        ({"interactions": None}, "recommend.split"),
    ],
)
def test_what_cannot_be_done_is_said(changes: dict[str, object], code: str, few: Interactions) -> None:
    with pytest.raises(StudyError) as caught:
        evaluate(Popular(), **{"interactions": few, **changes})  # type: ignore[arg-type]
    assert caught.value.faults[0].code == code


def test_without_times_it_works_and_says_so(few: Interactions) -> None:
    found = evaluate(Popular(), replace(few, times=None), last=1)
    assert any("no times" in note for note in found.notes)
