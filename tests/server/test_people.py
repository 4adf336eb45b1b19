"""People as administrators see them, and that nothing of a person stays when they go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from potomac.server.accounts.models import Entry, Role, Token, User
from potomac.server.catalog.models import Answered, Content, Draft, Product, Run, Source, Version
from potomac.server.flows import people, products
from potomac.server.flows.base import ANYBODY, Actor, Conflict, Denied, Missing
from potomac.server.jobs.models import Job

People = Callable[..., User]


@pytest.fixture
def root(person: People) -> Actor:
    return Actor(user=person("root", role=Role.ADMINISTRATOR), address="192.0.2.1")


# ---- accounts -------------------------------------------------------------------------------------------------------


def test_only_administrators_look_after_people(person: People) -> None:
    ada = person("ada", role=Role.PUBLISHER)
    for actor in (ANYBODY, Actor(user=ada)):
        for act in (
            lambda who: people.make(who, "eve"),
            people.everybody,
            lambda who: people.change(who, ada.pk, role=Role.ADMINISTRATOR),
            lambda who: people.new_password(who, ada.pk),
        ):
            with pytest.raises(Denied):
                act(actor)
    with pytest.raises(Missing):
        people.get(Actor(user=ada), ada.pk + 1)
    ada.refresh_from_db()
    assert ada.role == Role.PUBLISHER


def test_a_new_person_has_a_password_that_must_be_changed(root: Actor) -> None:
    ada, chosen = people.make(root, "ada", email="ada@example.org", role="publisher")
    assert ada.check_password(chosen)
    assert ada.must_change
    assert len(chosen) >= 16
    with pytest.raises(Conflict, match="exists"):
        people.make(root, "ada")
    with pytest.raises(Conflict, match="roles are visitor, analyst, publisher, administrator"):
        people.make(root, "eve", role="king")
    with pytest.raises(Conflict):
        people.make(root, "no spaces allowed")
    with pytest.raises(Conflict, match="short"):
        people.make(root, "eve", password="short")
    assert list(people.everybody(root).values_list("username", flat=True)) == ["ada", "root"]


def test_a_closed_account_opens_nothing(root: Actor, person: People, client: Client) -> None:
    ada = person("ada")
    _, text = people.new_token(Actor(user=ada), "notebook", ["read"])
    client.force_login(ada)
    people.deactivate(root, ada.pk)
    assert people.bearer(text) is None
    assert client.get("/studies/").status_code == 302
    assert people.change(root, ada.pk, is_active=True).is_active
    assert people.bearer(text) is not None


def test_there_is_always_an_administrator(root: Actor, person: People) -> None:
    assert root.user is not None
    me = root.user.pk
    for act in (
        lambda: people.change(root, me, role=Role.ANALYST),
        lambda: people.deactivate(root, me),
        lambda: people.delete(root, me),
    ):
        with pytest.raises(Conflict, match="only administrator"):
            act()
    person("second", role=Role.ADMINISTRATOR)
    assert people.change(root, me, role=Role.ANALYST).role == Role.ANALYST


def test_a_token_makes_no_tokens_and_removes_nobody(person: People) -> None:
    ada = person("ada")
    program = Actor(user=ada, scopes=frozenset({"read", "ask", "write"}))
    with pytest.raises(Denied, match="browser"):
        people.new_token(program, "another", ["read"])
    with pytest.raises(Denied, match="browser"):
        people.delete(program, ada.pk)


def test_the_book_is_ones_own_and_for_administrators_everybodys(root: Actor, person: People) -> None:
    ada = Actor(user=person("ada"))
    people.new_token(ada, "notebook", ["read"])
    people.make(root, "eve")
    assert [entry.action for entry in people.audit(ada)] == ["token.make"]
    assert [entry.action for entry in people.audit(root)] == ["person.make", "token.make"]


# ---- taking data away -----------------------------------------------------------------------------------------------


@pytest.fixture
def ada(person: People, finished: Callable[..., Any], home: Path) -> Actor:
    """Somebody with one of everything, who shares an upload with ben and whose run stands in root's product."""
    user, ben = person("ada", role=Role.PUBLISHER), person("ben")
    who = Actor(user=user, address="192.0.2.7")
    for digest, owners in (("aa" * 32, (user,)), ("bb" * 32, (user, ben))):
        place = home / "content" / digest[:2] / digest
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"12345")
        content = Content.objects.create(sha256=digest, size=5)
        for owner in owners:
            Source.objects.create(owner=owner, name=f"{digest[:2]}.csv", kind="upload", content=content)
    Draft.objects.create(owner=user, kind="outliers", name="strait", text="kind = 'outliers'")
    Job.objects.create(task="run", about="x", owner=user, state="running", attempt=1)
    products.publish(who, finished(user).pk, "strait", visibility="public")
    people.new_token(who, "notebook", ["read"])
    Answered.objects.create(key="k", fingerprint="f", status=201, body={"owner": "ada"})
    Client().force_login(user)
    return who


@pytest.mark.django_db(transaction=True)  # files go at the commit
def test_nothing_of_a_person_stays(root: Actor, ada: Actor, finished: Callable[..., Any], home: Path) -> None:
    assert ada.user is not None
    one = ada.user.pk
    products.publish(root, Run.objects.get(owner=one).pk, "theirs", visibility="public")
    old = products.publish(root, finished(root.user).pk, "mixed")
    products.publish(root, Run.objects.get(owner=one).pk, "mixed")
    told = people.delete(root, one)
    size = told.pop("bytes")
    assert told == {
        "jobs": 2, "products": 1, "tokens": 1, "versions": 3, "runs": 1, "studies": 1, "sources": 2, "contents": 1,
        "sessions": 1, "entries": 2,
    }  # fmt: skip
    assert size > 5
    assert not (home / "content/aa" / ("aa" * 32)).exists()
    assert (home / "content/bb" / ("bb" * 32)).read_bytes() == b"12345"  # ben has it too
    assert not (home / "runs" / str(one)).exists()
    assert list(Product.objects.values_list("slug", flat=True)) == ["mixed"]
    assert Product.objects.get().default == old
    assert Version.objects.count() == 1
    assert not Answered.objects.exists()
    everything = str([list(model.objects.values()) for model in (User, Token, Source, Draft, Run, Job, Entry)])
    for word in ("'ada'", "ada@", "192.0.2.7", "notebook"):
        assert word not in everything
    assert Entry.objects.get(action="person.delete").detail["runs"] == 1


def test_addresses_of_products_lead_nobody_to_somebody_elses(root: Actor, ada: Actor, finished: Any) -> None:
    assert ada.user is not None
    eve = Actor(user=people.make(root, "eve", role="publisher")[0])
    people.delete(root, ada.user.pk)
    with pytest.raises(Conflict, match="taken back"):
        products.publish(eve, finished(eve.user).pk, "strait")


def test_who_leaves_is_not_named_in_the_book(root: Actor, ada: Actor) -> None:
    assert ada.user is not None
    people.delete(ada, ada.user.pk)
    entry = Entry.objects.get(action="person.delete")
    assert (entry.actor, entry.name, entry.address) == (None, "", None)


def test_nobody_removes_others(ada: Actor, person: People) -> None:
    eve = Actor(user=person("eve", role=Role.PUBLISHER))
    assert ada.user is not None
    with pytest.raises(Missing):
        people.delete(eve, ada.user.pk)
    assert Source.objects.filter(owner=ada.user).count() == 2


def test_what_is_brought_again_meanwhile_stays(root: Actor, ada: Actor, home: Path, monkeypatch: Any) -> None:
    """Between the rows and the files somebody uploads the same bytes: their file is not taken away."""
    assert ada.user is not None
    files = people._files

    def later(id: int, contents: list[str]) -> int:
        Source.objects.create(owner=root.user, name="again.csv", kind="upload", content_id="aa" * 32)
        return files(id, contents)

    monkeypatch.setattr(people, "_files", later)
    people.delete(root, ada.user.pk)
    assert (home / "content/aa" / ("aa" * 32)).read_bytes() == b"12345"
