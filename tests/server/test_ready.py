"""Ready bytes of a product's page: the same bytes, fresh at each request, and never of what is not public."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from subprocess import PIPE, Popen
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from potomac.server.accounts.models import User
from potomac.server.api import limits, ready
from potomac.server.catalog.models import Product, Run
from potomac.server.flows import people, products
from potomac.server.flows.base import Actor
from potomac.server.ops import metrics

pytestmark = pytest.mark.django_db

PAGE = "/p/strait/"
Published = Callable[..., Product]


@pytest.fixture
def ada(person: Callable[..., User]) -> Actor:
    return Actor(user=person("ada", role="publisher"))


@pytest.fixture
def published(ada: Actor, finished: Callable[..., Run]) -> Published:
    def make(slug: str = "strait", visibility: str = "public", **more: Any) -> Product:
        return products.publish(ada, finished(ada.user).pk, slug, visibility=visibility, **more).product

    return make


@pytest.fixture
def shown(published: Published) -> bytes:
    """The page of a public product, which is kept from now on."""
    published()
    return bytes(Client().get(PAGE).content)


def is_kept() -> bool:
    return PAGE in ready.shelf


# ---- the same bytes -------------------------------------------------------------------------------------------------


def test_the_page_is_drawn_once_and_asks_one_question_of_the_database(published: Published) -> None:
    published()
    drawn = Client().get(PAGE)
    with CaptureQueriesContext(connection) as asked:
        sent = Client().get(PAGE)
    assert len(asked) == 1
    assert sent.content == drawn.content
    own = ("Date", "X-Request-Id")
    assert {name: sent[name] for name in sent.headers if name not in own} == {
        name: drawn[name] for name in drawn.headers if name not in own
    }
    assert (sent["Vary"], sent["Cache-Control"]) == ("Cookie", "private, no-cache")
    assert sent["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in sent["Content-Security-Policy"]
    assert sent.resolver_match.view_name == "product"
    assert b"csrfmiddlewaretoken" not in sent.content
    assert not sent.cookies


def test_who_has_the_page_gets_no_body(shown: bytes) -> None:
    tag = Client().get(PAGE)["ETag"]
    for held in (tag, f"W/{tag}", f'"other", {tag}'):
        same = Client().get(PAGE, headers={"If-None-Match": held})
        assert (same.status_code, same.content, same["ETag"], same["Vary"]) == (304, b"", tag, "Cookie")
        assert same["Cache-Control"] == "private, no-cache"
    assert Client().get(PAGE, headers={"If-None-Match": '"other"'}).content == shown
    ready.shelf.clear()  # as in another process: the page is drawn there, is the same, and is kept
    assert Client().get(PAGE, headers={"If-None-Match": tag}).status_code == 304
    assert is_kept()


def test_head_is_the_page_without_its_body(shown: bytes) -> None:
    sent = Client().get(PAGE)
    for _ in range(2):
        head = Client().head(PAGE)
        assert (head.status_code, head.content, head["ETag"]) == (200, b"", sent["ETag"])
        assert int(head["Content-Length"]) == len(shown)
        ready.shelf.clear()
    Client().head(PAGE)
    assert Client().get(PAGE).content == shown


# ---- fresh at each request ------------------------------------------------------------------------------------------


def test_another_title_is_seen_at_once(ada: Actor, shown: bytes) -> None:
    products.change(ada, "strait", title="Another title")
    after = Client().get(PAGE)
    assert b'<h1 dir="auto">Another title</h1>' in after.content
    assert Client().get(PAGE, headers={"If-None-Match": after["ETag"]}).status_code == 304


def test_a_new_version_and_the_way_back_are_seen_at_once(ada: Actor, published: Published, shown: bytes) -> None:
    published(note="the second")
    second = Client().get(PAGE).content
    assert b"<span>version 2</span>" in second
    assert b"the second" in second
    products.set_default(ada, "strait", 1)
    back = Client().get(PAGE).content
    assert b"<span>version 1</span>" in back
    assert b"the second" in back  # in the list of versions, where the page that was kept first had none
    assert is_kept()


def test_a_version_that_goes_with_the_person_who_made_its_run_goes_from_the_page(
    ada: Actor, person: Callable[..., User], finished: Callable[..., Run], shown: bytes
) -> None:
    """The product itself stays as it was."""
    root = Actor(user=person("root", role="administrator"))
    products.publish(root, finished(root.user).pk, "strait", note="root was here")
    products.set_default(ada, "strait", 1)
    assert b"root was here" in Client().get(PAGE).content
    changed = Product.objects.get().changed
    person("other-root", role="administrator")
    assert root.user
    people.delete(root, root.user.pk)
    assert Product.objects.get().changed == changed
    assert b"root was here" not in Client().get(PAGE).content


@pytest.mark.parametrize("visibility", ["private", "link"])
def test_what_is_public_no_more_is_seen_no_more(ada: Actor, shown: bytes, visibility: str) -> None:
    tag = Client().get(PAGE)["ETag"]
    products.change(ada, "strait", visibility=visibility)
    for method in (Client().get, Client().head):
        assert method(PAGE).status_code == 404
        assert method(PAGE, headers={"If-None-Match": tag}).status_code == 404
    assert not is_kept()
    products.change(ada, "strait", visibility="public")
    assert Client().get(PAGE).content == shown


def test_a_product_that_was_taken_back_is_gone(ada: Actor, shown: bytes) -> None:
    products.delete(ada, "strait")
    assert Client().get(PAGE).status_code == 404
    assert not is_kept()


def test_a_page_that_was_changed_while_it_was_drawn_is_not_sent_again(
    ada: Actor, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(title="Before")
    look = products.look

    def late(slug: str) -> Any:
        seen = look(slug)
        products.change(ada, slug, title="After")
        monkeypatch.setattr(products, "look", look)
        return seen

    monkeypatch.setattr(products, "look", late)
    assert b"After</h1>" in Client().get(PAGE).content
    products.change(ada, "strait", title="Before")  # as it was when the page was begun, and yet another time
    assert b"Before</h1>" in Client().get(PAGE).content


OTHER = """
import sys
from django.conf import settings
import django
django.setup()
settings.DATABASES["default"]["NAME"] = sys.argv[1]
from potomac.server.accounts.models import User
from potomac.server.flows import products
from potomac.server.flows.base import Actor
ada = Actor(user=User.objects.get(username="ada"))
for line in sys.stdin:
    act, _, value = line.strip().partition(" ")
    if act == "default":
        products.set_default(ada, "strait", int(value))
    elif act == "delete":
        products.delete(ada, "strait")
    else:
        products.change(ada, "strait", **{act: value})
    print("done", flush=True)
"""


@pytest.fixture
def other(ada: Actor) -> Iterator[Callable[[str], None]]:
    """Another process, which does what it is told on the database of the tests."""
    words = [sys.executable, "-c", OTHER, str(settings.DATABASES["default"]["NAME"])]
    process = Popen(words, stdin=PIPE, stdout=PIPE, text=True, env=os.environ)

    def tell(line: str) -> None:
        print(line, file=process.stdin, flush=True)
        assert process.stdout
        assert process.stdout.readline() == "done\n"

    yield tell
    process.communicate(timeout=30)


@pytest.mark.django_db(transaction=True)
def test_what_another_process_changes_is_seen_at_once(published: Published, other: Callable[[str], None]) -> None:
    published()
    published()
    assert b"<span>version 2</span>" in Client().get(PAGE).content
    other("title From over there")
    assert b"From over there</h1>" in Client().get(PAGE).content
    other("default 1")
    assert b"<span>version 1</span>" in Client().get(PAGE).content
    other("visibility private")
    assert Client().get(PAGE).status_code == 404
    other("visibility public")
    assert b"From over there</h1>" in Client().get(PAGE).content
    assert is_kept()
    other("delete")
    assert Client().get(PAGE).status_code == 404


# ---- for visitors of what is public, and nobody else ----------------------------------------------------------------


def test_who_has_signed_in_has_a_page_of_their_own(ada: Actor, shown: bytes) -> None:
    owner = Client()
    assert ada.user
    owner.force_login(ada.user)
    own = owner.get(PAGE)
    assert b"Take it back" in own.content
    assert "ETag" not in own
    assert b"Take it back" not in Client().get(PAGE).content
    ready.shelf.clear()
    owner.get(PAGE)
    assert not is_kept()
    assert Client().get(PAGE).content == shown


@pytest.mark.parametrize("visibility", ["private", "link"])
def test_nobody_keeps_a_page_that_is_not_public(ada: Actor, published: Published, visibility: str) -> None:
    product = published(visibility=visibility)
    owner = Client()
    assert ada.user
    owner.force_login(ada.user)
    assert owner.get(PAGE).status_code == 200
    by_link = Client().get(PAGE, {"key": product.link})
    assert by_link.status_code == (200 if visibility == "link" else 404)
    assert Client().get(PAGE).status_code == 404
    assert len(ready.shelf) == 0


def test_only_the_bare_address_is_kept(published: Published, shown: bytes) -> None:
    published()
    for query in ("version=1", "key=none", "anything"):
        assert Client().get(f"{PAGE}?{query}").status_code == 200
    assert list(ready.shelf._kept) == [PAGE]


def test_what_is_to_be_said_to_a_visitor_is_said(shown: bytes) -> None:
    """A message waits in a cookie, as after a password was changed."""
    from django.contrib.messages import constants
    from django.contrib.messages.storage.base import Message
    from django.contrib.messages.storage.cookie import CookieStorage
    from django.test import RequestFactory

    storage: Any = CookieStorage(RequestFactory().get("/"))
    visitor = Client()
    for kept in (True, False):
        visitor.cookies["messages"] = storage._encode([Message(constants.INFO, "The password is changed.")])
        assert b"The password is changed." in visitor.get(PAGE).content
        assert is_kept() == kept
        ready.shelf.clear()


def test_a_host_that_is_not_this_servers_gets_nothing(shown: bytes) -> None:
    assert is_kept()
    for path in (PAGE, "/api/v1/products/strait/tables/scores/rows/0"):
        assert Client().get(path).status_code == 200
        assert Client().get(path, headers={"Host": "elsewhere.example"}).status_code == 400


# ---- before anybody asks --------------------------------------------------------------------------------------------


def test_the_pages_of_the_newest_public_products_are_drawn_before_anybody_asks(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    published("oldest")
    published()
    published("secret", visibility="private")
    published("linked", visibility="link")
    Client().get("/healthz")  # the application is there
    monkeypatch.setattr(metrics, "count", lambda *counted: told.append(counted))
    assert ready.warm(1) == 1
    assert list(ready.shelf._kept) == [PAGE]
    assert ready.warm() == 2
    assert sorted(map(str, ready.shelf._kept)) == ["/p/oldest/", PAGE]
    assert told == []  # nobody was there
    with CaptureQueriesContext(connection) as asked:
        assert Client().get(PAGE).status_code == 200
    assert len(asked) == 1


def test_no_more_pages_are_drawn_than_half_of_what_is_kept(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slug in ("one", "two", "three"):
        published(slug)
    Client().get("/healthz")
    monkeypatch.setattr(ready, "MOST", 1)
    assert ready.warm() == 1


# ---- what is not there ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "strait/tables/none/rows/0"),
        ("GET", "strait/tables/scores/rows/99999"),
        ("GET", "secret/tables/scores/rows/0"),
        ("GET", "nothing/tables/scores/rows/0"),
        ("POST", "secret/score"),
        ("POST", "nothing/score"),
        ("POST", "strait/none"),
    ],
)
def test_what_a_visitor_does_not_find_is_looked_up_and_counted_once(
    published: Published, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    published()
    published("secret", visibility="private")
    spent: list[str] = []
    monkeypatch.setattr(limits, "spend", spent.append)
    Client().get("/api/v1/products/strait/tables/scores/rows/0")  # where the run lies is known
    spent.clear()
    with CaptureQueriesContext(connection) as asked:
        found = Client().generic(method, f"/api/v1/products/{path}", b"{}", content_type="application/json")
    assert found.status_code == 404
    assert found["Content-Type"] == "application/problem+json"
    assert found["Vary"] == "Authorization, Cookie"
    assert (len(asked), spent) == (1, ["address 127.0.0.1"])
