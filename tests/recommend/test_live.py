"""Live questions: what was meant, what is offered, reasons that are true, new interactions, people for a new item."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import BaseModel

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.recommend import EASE, ItemKNN, Popular, Recommender
from potomac.recommend.matrix.items import Items
from potomac.recommend.offering.rerank import likeness_of
from potomac.recommend.offering.rules import Resolved, Rules
from potomac.recommend.study import ENDPOINTS
from potomac.recommend.telling import in_memory, live
from potomac.recommend.topn import best

N = 24
"""Items: even ones are of Sand, odd ones of Manners."""


def _loans() -> pa.Table:
    """Eighty people who keep to one kind, half of them with a slip."""
    draw = np.random.default_rng(0)
    user, item = [], []
    for u in range(80):
        own = np.arange(u % 2, N - 2, 2)  # nobody has the last two
        chosen = draw.choice(own, 5, replace=False).tolist() + ([int(1 - u % 2)] if u % 4 < 2 else [])
        user += [f"u{u}"] * len(chosen)
        item += chosen
    return pa.table({"user": user, "item": item})


def _books() -> pa.Table:
    kind = ["Sand|Long" if k % 4 == 0 else ("Sand", "Manners")[k % 2] for k in range(N)]
    titles = [f"{('Dune', 'Emma')[k % 2]} {k}" for k in range(N)]
    return pa.table({"item": range(N), "title": titles, "kind": kind, "year": [1900 + k for k in range(N)]})


def _live(model: Recommender, rules: Resolved | None = None, **more: Any) -> live.Live:
    return live.load(live.kept(model.fit(_loans(), _books()), rules, **more))


def _rules(**rules: Any) -> Resolved:
    return Rules(**rules).resolved(Items.of(_books()))


@pytest.fixture(scope="module")
def ease() -> live.Live:
    return _live(EASE(regularization=10.0))


@pytest.fixture(scope="module")
def popular() -> live.Live:
    return _live(Popular())


def test_what_was_meant(ease: live.Live) -> None:
    assert live.taken(ease, "Dune 4") == live.Taken(4)
    assert live.taken(ease, "4") == live.Taken(4)  # an id
    assert live.taken(ease, "dune 4") == live.Taken(4)  # written otherwise
    assert live.taken(ease, "dnue 16") == live.Taken(16, '"dnue 16" is taken for "Dune 16".')
    with pytest.raises(StudyError, match='no title is like "qqqqq"'):
        live.taken(ease, "qqqqq")


def test_titles_alike_up_to_their_ends_are_told_apart() -> None:
    ends = [f"{'very ' * 40}{k}" for k in range(N)]
    model = live.load(live.kept(Popular().fit(_loans(), _books().set_column(1, "title", pa.array(ends)))))
    assert live.taken(model, ends[7]) == live.Taken(7)


def test_somebody_known_is_offered_what_the_model_says(ease: live.Live) -> None:
    told = live.recommend(ease, user="u0", n=4)
    table = ease.model.recommend(["u0"], 4, reasons=True)
    assert [one["item"] for one in told["offers"]] == table["item"].to_pylist()
    assert [one["reason"] for one in told["offers"]] == table["reason"].to_pylist()
    assert [one["title"] for one in told["offers"]] == [
        f"{('Dune', 'Emma')[k % 2]} {k}" for k in table["item"].to_pylist()
    ]


def test_a_reason_names_what_adds_most_to_the_score(ease: live.Live) -> None:
    told = live.explain(ease, user="u0", item="Dune 20", n=3)
    parts = [one["contribution"] for one in told["because"]]
    assert parts == sorted(parts, reverse=True)
    history = ease.model.histories(["u0"])
    every = ease.model._parts(history, 20)
    assert told["score"] == pytest.approx(every.sum() + told["rest"], abs=1e-5)
    assert parts[0] == pytest.approx(every.max(), abs=1e-6)
    offer = live.recommend(ease, user="u0", n=N, features={"kind": "Long"})["offers"][0]
    own = live.explain(ease, user="u0", item=str(offer["item"]))
    assert own["because"][0]["title"] in offer["reason"]


def test_what_came_since_counts_at_once(ease: live.Live) -> None:
    before = live.recommend(ease, user="u1", n=N)["offers"]
    after = live.recommend(ease, user="u1", also=["Dune 2", "Dune 4", "dune 6"], n=N)["offers"]
    assert {2, 4, 6} <= {one["item"] for one in before}
    assert not {2, 4, 6} & {one["item"] for one in after}  # they are had now

    def sands(offers: list[dict[str, Any]]) -> int:
        return sum(one["item"] % 2 == 0 for one in offers[:5])

    assert sands(after) > sands(before) == 0
    assert ease.model.added_ is None  # the run stays as it is


def test_a_basket_is_somebody_of_whom_no_more_is_known(ease: live.Live) -> None:
    told = live.basket(ease, items=["Emma 1", "emma 9"], n=5)
    table = ease.model.for_basket([1, 9], 5)
    assert [one["item"] for one in told["offers"]] == table["item"].to_pylist()
    with pytest.raises(StudyError, match="the basket is empty"):
        live.basket(ease, items=["", " "])


def test_somebody_new_is_offered_what_most_chose(ease: live.Live) -> None:
    told = live.recommend(ease, user="nobody", n=3)
    assert told["note"] == 'Nothing is known of "nobody".'
    order = np.lexsort((np.arange(N), -ease.counts))[:3]
    assert [one["item"] for one in told["offers"]] == order.tolist()
    assert told["offers"][0]["reason"] == f"chosen by {ease.counts[order[0]]} people"


def test_filters(ease: live.Live) -> None:
    long = live.recommend(ease, user="u1", n=N, features={"kind": ["Long"]})["offers"]
    assert {one["item"] for one in long} == set(range(0, N - 2, 4)) - set(ease.model.histories(["u1"]).indices)
    only = live.recommend(ease, user="u0", n=N, allowed=["21", "19"])["offers"]
    assert {one["item"] for one in only} == {19, 21}
    with pytest.raises(StudyError, match='no feature "kinds"'):
        live.recommend(ease, features={"kinds": "Long"})
    with pytest.raises(NoAnswer, match="no item may be offered"):
        live.recommend(ease, features={"kind": "Short"})


def test_what_may_not_be_offered_is_not() -> None:
    model = _live(ItemKNN(), _rules(exclude=list(range(10))))
    for told in (live.recommend(model, user="u0", n=N), live.similar(model, item="Dune 2", n=N), live.recommend(model)):
        assert told["offers"]
        assert all(one["item"] >= 10 for one in told["offers"])


def test_the_rules_of_the_house_hold_live_as_in_the_run() -> None:
    """A pin first, at most two of a kind, what is boosted before what is not; and kept through the tables."""
    rules = _rules(max_per={"kind": 2}, pins=["Emma 23", "Dune 4"], boost={"item": {"Emma 9": 50.0}}, exclude=[5])
    model = _live(EASE(regularization=10.0), rules)
    told = live.recommend(model, user="u0", n=6)
    had = set(model.model.histories(["u0"]).indices.tolist())
    assert 4 in had  # a pin that somebody had makes room
    offers = [one["item"] for one in told["offers"]]
    assert offers[:2] == [23, 9]
    assert told["offers"][0]["score"] is None  # nobody had it: the model knows nothing of it
    kinds = [_books()["kind"][item].as_py() for item in offers]
    assert len(offers) == 4
    assert {kind: sum(kind in one for one in kinds) for kind in ("Sand", "Manners")} == {"Sand": 2, "Manners": 2}
    assert told["note"] == "The rules of the house leave 4 of 6."
    scores = rules.boosted(model.model.scores(model.model.histories(["u0"])))
    numbers, values = best(scores, 200, without=(np.array([0, len(had)]), np.array(sorted(had), np.int32)))
    assert offers == rules.built(numbers[0], values[0], 6, had=sorted(had))[0].tolist()
    basket = live.basket(model, items=["Emma 1"], n=3)
    assert [one["item"] for one in basket["offers"][:2]] == [23, 4]
    alike = [one["item"] for one in live.similar(model, item="Dune 4", n=9)["offers"]]
    assert len(alike) <= 4
    assert 23 not in alike[:1]


def test_a_topic_is_no_title_and_what_is_nowhere_has_neighbours(ease: live.Live) -> None:
    with pytest.raises(StudyError) as caught:
        live.similar(ease, item="manners")
    (fault,) = caught.value.faults
    assert fault.found == '"Manners" is no title: the catalogue has it as kind'
    assert fault.mend.startswith('Ask for one of its titles, such as "Emma ')
    with pytest.raises(StudyError) as caught:
        live.similar(ease, item="Duneqqqqqqqqqq zzzzzzzz")
    assert caught.value.faults[0].mend.startswith('Did you mean "Dune ')
    with pytest.raises(StudyError, match="no title was given"):
        live.taken(ease, " ")


def test_a_run_is_ready_when_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _live(EASE(regularization=10.0))
    monkeypatch.setattr(in_memory, "suggester_of", None)  # made already
    assert live.suggest(model, text="du")["suggestions"]
    assert "by_item" in model.model.interactions_.__dict__


def test_neighbours_say_what_is_true_of_both(ease: live.Live) -> None:
    told = live.similar(ease, item="Dune 4", n=5)
    assert (told["item"], told["title"], told["note"]) == (4, "Dune 4", "")
    loans = _loans().to_pylist()
    mine = {row["user"] for row in loans if row["item"] == 4}
    for one in told["offers"]:
        both = sum(row["item"] == one["item"] and row["user"] in mine for row in loans)
        kinds = {0: "; both Sand, Long", 2: "; both Sand"}.get(one["item"] % 4, "")
        assert one["reason"] == f"chosen by {both} of the {len(mine)} who chose it{kinds}"
        assert one["score"] > 0
    assert live.similar(ease)["item"] == int(np.argmax(ease.counts))  # nothing was typed


def test_the_slider_goes_from_popular_to_novel(ease: live.Live) -> None:
    def known(novelty: float) -> float:
        offers = live.similar(ease, item="Dune 4", n=3, novelty=novelty)["offers"]
        return float(np.mean([ease.counts[one["item"]] for one in offers]))

    assert known(-1.0) >= known(0.0) >= known(1.0)
    assert known(-1.0) > known(1.0)
    plain = live.similar(ease, item="Dune 4", n=3)
    assert live.similar(ease, item="Dune 4", n=3, novelty=0.0) == plain


def test_the_run_s_own_order_is_where_the_slider_begins() -> None:
    model = _live(EASE(), novelty=0.4, diversity=0.2, seen=True)
    assert (model.novelty, model.diversity, model.seen) == (0.4, 0.2, True)
    title, novelty = live.sliders(model, {})
    assert (title.name, novelty.value) == ("item", 0.4)
    again = {one["item"] for one in live.recommend(model, user="u0", n=N)["offers"]}
    assert set(model.model.histories(["u0"]).indices) <= again  # what was had may be offered again


def test_diversity_brings_in_what_is_less_alike(ease: live.Live) -> None:
    def alike(diversity: float) -> float:
        offers = live.recommend(ease, user="u2", n=4, diversity=diversity)["offers"]
        found = likeness_of(ease.model, np.array([one["item"] for one in offers], np.int32))
        return float(found[~np.eye(4, dtype=bool)].mean())

    assert alike(1.0) < alike(0.0)


def test_people_for_an_item(ease: live.Live) -> None:
    told = live.audience(ease, item="dune 20", n=5)
    table = ease.model.audience([20], 5)
    assert [one["user"] for one in told["people"]] == table["user"].to_pylist()
    assert all(one["reason"].startswith("because they liked Dune") for one in told["people"])


def test_people_for_an_item_that_is_not_there_yet(ease: live.Live) -> None:
    told = live.audience(ease, title="Emma again", features={"kind": ("Manners",), "year": ("1911",)}, n=8)
    assert all(int(one["user"][1:]) % 2 for one in told["people"])  # those who keep to Manners
    assert all("they chose Emma" in one["reason"] for one in told["people"])
    with pytest.raises(StudyError, match="no item was named"):
        live.audience(ease)
    with pytest.raises(StudyError, match='no feature "colour"'):
        live.audience(ease, features={"colour": "red"})


def test_a_list_for_everybody_tells_by_the_catalogue_what_is_alike(popular: live.Live) -> None:
    told = live.similar(popular, item="Emma 5", n=4)
    assert "the run offers everybody the same" in told["note"]
    assert all(one["item"] % 2 for one in told["offers"])
    bare = live.load(live.kept(Popular().fit(_loans())))
    with pytest.raises(NoAnswer, match="does not say what items are like"):
        live.similar(bare, item="4")
    with pytest.raises(NoAnswer):
        live.audience(bare, features={"kind": "Sand"})


def test_titles_are_suggested_and_topics_where_they_are_wanted(ease: live.Live) -> None:
    told = live.suggest(ease, text="man", topics=True)["suggestions"]
    assert told == [{"text": "Manners", "kind": "kind", "item": None, "how": "start"}]
    assert live.suggest(ease, text="man")["suggestions"] == []
    assert live.suggest(ease, text="emma 1")["suggestions"][0] == {
        "text": "Emma 1", "kind": "title", "item": 1, "how": "title",
    }  # fmt: skip


def test_an_explanation_needs_somebody(ease: live.Live) -> None:
    with pytest.raises(DataError, match='Nothing is known of "nobody"'):
        live.explain(ease, user="nobody", item="4")
    told = live.explain(ease, items=["Dune 2"], item="Dune 4")
    assert [one["title"] for one in told["because"]] == ["Dune 2"]


def test_a_large_catalogue_keeps_its_suggester(monkeypatch: pytest.MonkeyPatch, ease: live.Live) -> None:
    monkeypatch.setattr(in_memory, "READY", 1)
    tables = live.kept(Popular().fit(_loans(), _books()))
    assert "suggest_texts" in tables
    assert live.suggest(live.load(tables), text="du") == live.suggest(ease, text="du")


def test_every_question_is_answered_as_it_was_declared(ease: live.Live) -> None:
    asked = {
        "similar": {"item": "dune 4", "novelty": "0.5"},
        "recommend": {"user": "u3", "also": "Dune 2; Dune 4", "features": "kind: Sand, Long; year: 1908"},
        "basket": {"items": "Emma 1\nEmma 3", "n": "2"},
        "audience": {"title": "New", "features": "kind: Sand"},
        "explain": {"user": "u3", "item": "Emma 5"},
        "suggest": {"text": "em"},
    }
    assert {one.name for one in ENDPOINTS} == set(asked)
    for endpoint in ENDPOINTS:
        reply = endpoint.answer(ease, endpoint.ask.model_validate_strings(asked[endpoint.name]))
        assert isinstance(reply, BaseModel)
        assert reply.model_dump_json()
