"""Auto: it finds what a world was made of, says what it tried, and answers as what it chose would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from tests.recommend.manners import Manner, manners

from potomac.engine import Quiet
from potomac.errors import StudyError
from potomac.recommend.blends.asking import ASKED, apart, asked_otherwise
from potomac.recommend.blends.hybrid import Hybrid
from potomac.recommend.choice import mixing
from potomac.recommend.choice.auto import Auto
from potomac.recommend.choice.tuning import ENOUGH, Search, folds_of, sample_of, value_of
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.methods import method_named
from potomac.recommend.popular import Popular
from potomac.recommend.testing.evaluation import evaluate, lists_of
from potomac.recommend.testing.splits import split_of
from potomac.recommend.worlds import World, shuffled, simulated

METHODS = ("popular", "item_knn", "ease")


@pytest.fixture(scope="module")
def tasteful() -> World:
    return simulated(500, 100, per_user=15, taste=2.0, seed=2)


def auto(**changes: Any) -> Auto:
    return Auto(METHODS, **{"fits": 6, **changes})


@pytest.mark.parametrize("manner", manners(), ids=str)
def test_manners(manner: Manner) -> None:
    manner(lambda: Auto(("item_knn", "ease"), fits=3))


def test_taste_is_found(tasteful: World) -> None:
    found = evaluate(auto(), tasteful.interactions)
    assert found.gain("auto", "ndcg@10")[1] > 0
    chosen = {row["method"] for row in found.models["auto"].choices_.to_pylist() if row["chosen"]}  # type: ignore[attr-defined]
    assert chosen & {"item_knn", "ease"}


def test_without_taste_it_is_popularity() -> None:
    world = simulated(400, 100, per_user=15, taste=0.0, popularity=1.5, seed=2)
    model = auto().fit(world.interactions)
    assert isinstance(model.chosen_, Popular)


def test_shuffled_interactions_give_no_gain(tasteful: World) -> None:
    found = evaluate(auto(), shuffled(tasteful.interactions, seed=1))
    gain, low, _ = found.gain("auto", "ndcg@10")
    assert low <= 0
    assert gain < 0.01


def test_what_was_tried_is_told(tasteful: World) -> None:
    table = auto(blend=False).fit(tasteful.interactions).choices_
    rows = table.to_pylist()
    learned = {
        (row["method"], *apart(row["method"], json.loads(row["parameters"])).items())
        for row in rows
        if row["method"] != "popular"
    }
    assert 4 <= len(learned) <= 6  # what needs no fit of its own is not counted, nor is popularity
    assert {row["method"] for row in rows} == set(METHODS)
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(row["low"] < row["score"] < row["high"] for row in rows)
    assert [row["chosen"] for row in rows].count(True) == 1
    assert rows[0]["chosen"]
    assert isinstance(json.loads(rows[0]["parameters"]), dict)


def test_it_answers_as_what_it_chose(tasteful: World) -> None:
    model = auto(blend=False).fit(tasteful.interactions)
    assert model.recommend(n=5).equals(model.chosen_.recommend(n=5))
    user = tasteful.interactions.users[0].as_py()
    item = model.recommend([user], n=1)["item"][0].as_py()
    assert model.explain(user, item) is not None
    assert model.explain(user, item).sentence == model.chosen_.explain(user, item).sentence


def test_the_choice_sees_nothing_of_the_test(tasteful: World) -> None:
    # the same train set gives the same choice, whatever was held out
    split = split_of(tasteful.interactions, "leave_last_out")
    one = evaluate(auto(), split=split).models["auto"]
    two = auto().fit(split.train)
    drop = ("seconds",)
    assert one.choices_.drop_columns(drop).equals(two.choices_.drop_columns(drop))  # type: ignore[attr-defined]


def test_more_fits_never_choose_worse_on_the_folds(tasteful: World) -> None:
    few, many = (auto(fits=fits, blend=False).fit(tasteful.interactions) for fits in (3, 12))
    assert many.choices_["score"][0].as_py() >= few.choices_["score"][0].as_py()


def test_a_method_that_cannot_learn_is_passed_over(tasteful: World) -> None:
    model = Auto(("popular", "content"), fits=2).fit(tasteful.interactions)  # there is no catalogue
    (row,) = (row for row in model.choices_.to_pylist() if row["method"] == "content")
    if row["score"] is None:
        assert row["fault"]
    assert isinstance(model.chosen_, Popular)


def test_nobody_to_test_is_popularity_and_said() -> None:
    lonely = Interactions.of({"user": [1, 2, 3], "item": [1, 1, 2]})
    model = auto().fit(lonely)
    assert isinstance(model.chosen_, Popular)
    assert "nobody" in model.note
    assert model.choices_.num_rows == 0


@pytest.mark.parametrize("kind", ["leave_last_out", "time", "strong"])
def test_small_data_is_held_out_of_several_times(kind: str, tasteful: World) -> None:
    folds = folds_of(tasteful.interactions, kind, seed=0)
    assert len(folds) == 3
    assert folds[0].train.nnz > folds[1].train.nnz or kind == "strong"
    assert len({tuple(fold.held.indices.tolist()) for fold in folds}) == 3
    assert sum(len(fold.held) for fold in folds[:-1]) < ENOUGH


def test_much_data_is_tuned_on_a_sample_of_people(monkeypatch: pytest.MonkeyPatch, tasteful: World) -> None:
    known = tasteful.interactions
    assert sample_of(known, 0) is known
    monkeypatch.setattr("potomac.recommend.choice.tuning.MOST", 5_000)
    monkeypatch.setattr("potomac.recommend.choice.tuning.SAMPLE", 3_000)
    some = sample_of(known, 0)
    assert some.nnz == pytest.approx(3_000, rel=0.2)
    model = auto(fits=3).fit(known)
    assert "sample" in model.note
    assert model.chosen_.interactions_ is known


class Peaked(Popular):
    """A method whose best parameters are known: popularity, turned round where they are missed."""

    name: ClassVar[str] = "peaked"
    fits: ClassVar[int] = 0

    def __init__(self, a: float = 0.0, b: str = "x") -> None:
        super().__init__()
        self.a, self.b = a, b

    @classmethod
    def space(cls, interactions: Interactions) -> dict[str, Sequence[Any]]:
        return {"a": [4.0, 1.0, 2.0, 8.0, 16.0], "b": ["x", "y", "z"]}

    def _fit(self, interactions: Interactions, items: Any, progress: Any) -> None:
        super()._fit(interactions, items, progress)
        Peaked.fits += 1
        noise = np.random.default_rng(0).permutation(self.counts_)
        off = abs(np.log2(self.a) - 4) + (self.b != "z")
        self.counts_ = (self.counts_ + off * noise).astype(np.float32)


def test_the_search_goes_uphill(tasteful: World) -> None:
    folds = folds_of(tasteful.interactions, "leave_last_out", seed=0)
    search = Search(folds, None, 10, {}, Quiet())
    search.run([Peaked], 30, {})
    best = search.best("peaked")
    assert best is not None
    assert best.parameters == {"a": 16.0, "b": "z"}
    assert len(search.tried) < 15  # of 5 x 3 there are
    assert sum(bool(one.models) for one in search.tried.values()) == 1  # only the best is kept


def test_popularity_is_tried_at_every_half_life_and_costs_no_fit(tasteful: World) -> None:
    table = Auto(("popular", "ease"), fits=2, blend=False).fit(tasteful.interactions).choices_
    tried = [row["parameters"] for row in table.to_pylist() if row["method"] == "popular"]
    assert len(tried) >= 2
    assert {json.loads(one)["half_life"] for one in tried} >= {None, 365.0}
    assert sum(row["method"] == "ease" for row in table.to_pylist()) > 1


def test_without_times_nothing_comes_next(tasteful: World) -> None:
    timeless = replace(tasteful.interactions, times=None)
    methods = {row["method"] for row in Auto(fits=5).fit(timeless).choices_.to_pylist()}
    assert methods == {"popular", "item_knn", "ease", "als"}
    assert "next_item" in {row["method"] for row in Auto(fits=5).fit(tasteful.interactions).choices_.to_pylist()}


@pytest.fixture(scope="module")
def searched(tasteful: World) -> Search:
    search = Search(folds_of(tasteful.interactions, "leave_last_out", seed=0), None, 10, {}, Quiet())
    search.run([method_named(word) for word in ("popular", "ease", "next_item")], 6, {})
    return search


def test_another_view_of_a_person_forgets_much_faster_or_slower(searched: Search) -> None:
    best = searched.best("ease")
    assert best is not None
    other = searched.otherwise(best)
    assert other is not None
    assert apart("ease", other.parameters) == apart("ease", best.parameters)
    few, many = sorted(float(one.parameters["recency"] or 1000) for one in (best, other))
    assert many >= 4 * few
    assert other.models[0].recency == other.parameters["recency"]  # type: ignore[attr-defined]
    assert other.models[0].weights_ is best.models[0].weights_  # type: ignore[attr-defined]
    popular = searched.best("popular")
    assert popular is not None
    assert searched.otherwise(popular) is None


def test_a_blend_ranks_as_what_was_judged(searched: Search) -> None:
    """The hybrid that answers and the sum of scores whose nDCG was looked at, on what it was judged by."""
    found = [one for name in ("ease", "next_item", "popular") if (one := searched.best(name))]
    weights = (0.5, 0.3, 0.2)
    asked = mixing._scores(found, searched.folds)
    judged = mixing._values(asked, np.array([5, 3, 2]), 10)
    blends = [
        Hybrid([one.method(**one.parameters) for one in found], by="nothing", weights=weights, few=0.0).fit(fold.train)
        for fold in searched.folds
    ]
    pairs = zip(blends, searched.folds, strict=True)
    answered = np.concatenate([value_of(lists_of(blend, fold, 10), fold, 10) for blend, fold in pairs])
    assert np.mean(np.abs(judged - answered) > 1e-9) < 0.005  # sums of single precision in another order
    assert answered.mean() == pytest.approx(judged.mean(), abs=1e-3)


def test_a_method_has_at_most_its_share(tasteful: World) -> None:
    search = Search(folds_of(tasteful.interactions, "strong", seed=0), None, 10, {}, Quiet())
    search.run([Peaked, Popular], 30, {"peaked": 2})
    assert sum(name == "peaked" for name, _ in search.tried) == 2


@pytest.mark.parametrize("changes", [{"methods": ()}, {"methods": ("auto",)}, {"fits": 0}])
def test_what_cannot_be_chosen_from_is_said(changes: dict[str, Any], tasteful: World) -> None:
    with pytest.raises(StudyError) as caught:
        Auto(**changes).fit(tasteful.interactions)
    assert caught.value.faults[0].code == "recommend.methods"


@pytest.mark.parametrize("word", [*ASKED])
def test_what_matters_in_asking_alone_needs_no_fit(word: str, tasteful: World) -> None:
    known, method = tasteful.interactions, method_named(word)
    changed = asked_otherwise(method().fit(known), {"recency": 4.0})
    anew = method(recency=4.0).fit(known)  # type: ignore[call-arg]
    assert changed.recommend(n=5).equals(anew.recommend(n=5))
    assert not anew.recommend(n=5).equals(method().fit(known).recommend(n=5))
