"""Products: who publishes, who sees, which version is shown, what deleting leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from potomac.errors import StudyError
from potomac.server.accounts.models import Entry, User
from potomac.server.catalog.models import Product, Version
from potomac.server.flows import products
from potomac.server.flows.base import ANYBODY, Actor, Conflict, Denied, Missing

People = Callable[..., User]
Runs = Callable[..., Any]

PLACE = {"latitude": 56.5, "longitude": 11.0, "speed": 10.0, "heading": 0.0}


@pytest.fixture
def ada(person: People) -> Actor:
    return Actor(user=person("ada", role="publisher"))


def published(who: Actor, run: Any, slug: str = "strait", **more: Any) -> Version:
    return products.publish(who, run.pk, slug, **more)


def test_a_new_slug_makes_a_private_product_and_an_own_one_its_next_version(ada: Actor, finished: Runs) -> None:
    first = published(ada, finished(ada.user))
    second = published(ada, finished(ada.user), note="more records")
    assert (first.number, second.number) == (1, 2)
    product = products.get(ada, "strait")
    assert product.default == second
    assert product.visibility == "private"
    assert product.title == "Which vessels are out of place?"
    actions = list(Entry.objects.order_by("id").values_list("action", "what", "detail__version"))
    assert actions == [("product.publish", "product:strait", 1), ("product.publish", "product:strait", 2)]


def test_an_earlier_version_is_the_way_back_and_nothing_is_lost(ada: Actor, finished: Runs) -> None:
    for _ in range(2):
        published(ada, finished(ada.user))
    products.set_default(ada, "strait", 1)
    product = products.get(ada, "strait")
    assert products.version(product).number == 1
    assert products.version(product, 2).number == 2
    assert published(ada, finished(ada.user)).number == 3
    with pytest.raises(Missing):
        products.set_default(ada, "strait", 9)


def test_analysts_do_not_publish_and_nobody_publishes_anothers_run(ada: Actor, person: People, finished: Runs) -> None:
    analyst, other = Actor(user=person("ben")), Actor(user=person("eve", role="publisher"))
    with pytest.raises(Denied):
        published(analyst, finished(analyst.user))
    with pytest.raises(Missing):
        published(other, finished(ada.user))
    with pytest.raises(Denied, match="publish"):
        published(Actor(user=ada.user, scopes=frozenset({"read", "write"})), finished(ada.user))
    assert not Product.objects.exists()


def test_a_run_that_is_not_finished_is_not_published(ada: Actor, finished: Runs) -> None:
    run = finished(ada.user)
    run.directory, run.finished = "", None
    run.save()
    with pytest.raises(Conflict):
        published(ada, run)


def test_a_taken_address_is_not_given_again_even_after_its_product_is_gone(
    ada: Actor, person: People, finished: Runs
) -> None:
    eve = Actor(user=person("eve", role="publisher"))
    published(ada, finished(ada.user))
    with pytest.raises(Conflict):
        published(eve, finished(eve.user))
    products.delete(ada, "strait")
    with pytest.raises(Conflict):
        published(eve, finished(eve.user))
    assert published(ada, finished(ada.user)).number == 2, "numbers are not given anew either"
    gone = Entry.objects.get(action="product.delete")
    assert (gone.what, gone.detail["last"]) == ("product:strait", 1)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"slug": "Strait of Hormuz"}, "product.slug"),
        ({"slug": "../etc"}, "product.slug"),
        ({"slug": "a" * 81}, "product.slug"),
        ({"visibility": "everybody"}, "product.visibility"),
        ({"title": "two\nlines"}, "product.text"),
        ({"note": "\x00"}, "product.text"),
    ],
)
def test_what_is_not_well_formed_is_named(ada: Actor, finished: Runs, values: dict[str, str], code: str) -> None:
    with pytest.raises(StudyError) as caught:
        products.publish(ada, finished(ada.user).pk, **{"slug": "strait", **values})
    assert [fault.code for fault in caught.value.faults] == [code]


def test_who_sees_a_product(ada: Actor, person: People, finished: Runs) -> None:
    """A row each: visibility, then whether the owner, an administrator, somebody else and a visitor see it."""
    others = [
        ada,
        Actor(user=person("root", role="administrator")),
        Actor(user=person("eve", role="publisher")),
        ANYBODY,
    ]
    published(ada, finished(ada.user))

    def seen() -> list[bool]:
        return [_sees(who) for who in others]

    assert seen() == [True, True, False, False]
    products.change(ada, "strait", visibility="link")
    assert seen() == [True, True, False, False]
    link = products.get(ada, "strait").link
    assert products.get(ANYBODY, "strait", link)
    products.change(ada, "strait", visibility="public")
    assert seen() == [True, True, True, True]


def _sees(who: Actor) -> bool:
    listed = products.gallery(who).filter(slug="strait").exists()
    try:
        products.get(who, "strait")
    except Missing:
        assert not listed
        return False
    assert listed
    return True


def test_a_new_link_takes_the_old_ones_power(ada: Actor, finished: Runs) -> None:
    published(ada, finished(ada.user), visibility="link")
    old = products.get(ada, "strait").link
    assert products.new_link(ada, "strait") != old
    with pytest.raises(Missing):
        products.get(ANYBODY, "strait", old)
    products.change(ada, "strait", visibility="private")
    with pytest.raises(Missing):
        products.get(ANYBODY, "strait", products.new_link(ada, "strait"))


def test_only_owner_and_administrators_change_and_delete(ada: Actor, person: People, finished: Runs) -> None:
    eve, root = Actor(user=person("eve", role="publisher")), Actor(user=person("root", role="administrator"))
    published(ada, finished(ada.user))
    changes: list[Callable[[Actor], Any]] = [
        lambda who: products.set_default(who, "strait", 1),
        lambda who: products.change(who, "strait", title="Mine"),
        lambda who: products.new_link(who, "strait"),
        lambda who: products.delete(who, "strait"),
    ]
    for change in changes:
        with pytest.raises(Missing):  # who may not see it learns nothing
            change(eve)
    products.change(ada, "strait", visibility="public")
    for change in changes:
        with pytest.raises(Denied):
            change(eve)
    for change in changes:
        change(root)
    assert not Product.objects.exists()


def test_a_product_is_asked_by_whoever_sees_it(ada: Actor, finished: Runs) -> None:
    published(ada, finished(ada.user))
    reply = products.ask(ada, "strait", "score", PLACE)
    assert reply.outlier_score == -reply.log_odds
    with pytest.raises(Missing):
        products.ask(ANYBODY, "strait", "score", PLACE)
    with pytest.raises(Denied, match="ask"):
        products.ask(Actor(user=ada.user, scopes=frozenset({"read"})), "strait", "score", PLACE)
    products.change(ada, "strait", visibility="public")
    assert products.ask(ANYBODY, "strait", "score", PLACE) == reply


def test_the_lane_decides_what_is_strange(ada: Actor, finished: Runs) -> None:
    """Northbound is usual at 11.0 E and strange at 11.2 E, where everybody goes south."""
    published(ada, finished(ada.user))
    with_the_lane = products.ask(ada, "strait", "score", PLACE)
    against_it = products.ask(ada, "strait", "score", {**PLACE, "longitude": 11.2})
    assert against_it.outlier_score > with_the_lane.outlier_score


def test_a_wrong_question_names_each_value(ada: Actor, finished: Runs) -> None:
    published(ada, finished(ada.user))
    with pytest.raises(StudyError) as caught:
        products.ask(ada, "strait", "score", {"latitude": 99, "longitude": "east"})
    assert [(fault.code, fault.key) for fault in caught.value.faults] == [
        ("live.value", "latitude"), ("live.value", "longitude"),
    ]  # fmt: skip
    with pytest.raises(StudyError, match='Did you mean "score"'):
        products.ask(ada, "strait", "scores", PLACE)


def test_models_are_loaded_before_somebody_asks(ada: Actor, finished: Runs) -> None:
    from potomac.server import live

    live.forget()
    published(ada, finished(ada.user))
    broken = published(ada, finished(ada.user), "broken")
    broken.run.directory = "nowhere"
    broken.run.save()
    assert products.warm() == 1
    assert len(live.shelf) == 1
