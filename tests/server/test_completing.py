"""A field that is completed while somebody types: options, the page without script and with it, hostile titles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, rmtree
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from django.test import Client
from tests.server.test_browser import EVIL, barriers, chrome, look, overflow, shot  # noqa: F401

from potomac import studies
from potomac.engine import Slider
from potomac.recommend.study import Like
from potomac.server import live
from potomac.server.flows import products
from potomac.server.pages import questions

if TYPE_CHECKING:
    from playwright.sync_api import Page

TITLES = ("Dune", "Emma", "Amélie", "Ulysses", EVIL, "أي السفن", "千と千尋の神隠し", "A " + "very long title " * 18)
KINDS = ("Sand", "Manners")
ITEMS = 24


def _shelf(folder: Path) -> dict[str, Any]:
    """Two kinds of books, and people who keep to one: ``Dune 0``, ``Emma 1``, ..., the hostile titles among them."""
    draw = np.random.default_rng(0)
    loans = ["user,item"]
    for user in range(80):
        own = np.arange(user % 2, ITEMS, 2)
        loans += [f"u{user},{item}" for item in draw.choice(own, 5, replace=False)]
    names = [f"{TITLES[row % len(TITLES)]} {row}" for row in range(ITEMS)]
    items = [
        "item,title,kind",
        *(f'{k},"{name.replace(chr(34), chr(34) * 2)}",{KINDS[k % 2]}' for k, name in enumerate(names)),
    ]
    (folder / "loans.csv").write_text("\n".join(loans), encoding="utf-8")
    (folder / "books.csv").write_text("\n".join(items), encoding="utf-8")
    return {
        "kind": "recommend", "name": "books", "title": "Which book next?",
        "interactions": {"source": str(folder / "loans.csv"), "columns": {"user": "user", "item": "item"}},
        "items": {"source": str(folder / "books.csv"), "columns": {"item": "item", "title": "title"},
                  "features": ["kind"]},
        "model": {"method": "item_knn", "n": 3}, "evaluation": {"methods": []},
    }  # fmt: skip


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run."""
    folder = tmp_path_factory.mktemp("shelf")
    return studies.run(_shelf(folder), folder / "runs").path


@pytest.fixture
def slug(ada: Any, finished: Any, shelf: Path, home: Path) -> Iterator[str]:
    """A public product of it."""
    run = finished(ada.user, kind="recommend", name="books", title="Which book next?")
    directory = home / "runs" / run.directory
    rmtree(directory)
    copytree(shelf, directory)
    products.publish(ada, run.pk, "books", visibility="public")
    live.forget()
    yield "books"
    live.forget()


def options(client: Client, text: str) -> list[str]:
    """What the page's script gets."""
    response = client.get("/p/books/ask/suggest/", {"text": text}, headers={"X-Part": "options"})
    assert response.status_code == 200
    return re.findall(r'<span class="text" dir="auto">([^<]*)</span>', response.content.decode())


def test_options_are_titles_that_begin_so(client: Client, slug: str) -> None:
    assert {title.split()[0] for title in options(client, "du")} == {"Dune"}
    assert options(client, "amelie 2")[0] == "Amélie 2"
    assert options(client, "dnue 16") == ["Dune 16"]
    assert options(client, "千尋")[0].startswith("千と千尋")
    assert options(client, "") == []


def test_hostile_titles_are_text(client: Client, slug: str) -> None:
    response = client.get("/p/books/ask/suggest/", {"text": "img"}, headers={"X-Part": "options"})
    assert "<img" not in response.content.decode()
    assert "&lt;img src=x" in response.content.decode()
    page = client.get("/p/books/ask/similar/", {"item": f"{EVIL} 4"}).content.decode()
    assert "<img src=x" not in page
    assert options(client, "<script>") == options(client, "\0") == []


def test_the_page_asks_the_most_popular_first_and_says_who_completes(client: Client, slug: str) -> None:
    page = client.get("/p/books/").content.decode()
    field = re.search(r'<input type="text" id="similar-f-item"[^>]*>', page)
    assert field
    assert 'data-completes="/p/books/ask/suggest/"' in field[0]
    assert "Most like" in page
    assert not re.search(r"<script>|style=|onclick=|oninput=", page)  # what the policy of the page forbids


def test_without_script_what_was_typed_is_resolved_and_told(client: Client, slug: str) -> None:
    page = client.get("/p/books/ask/similar/", {"item": "dnue 16", "novelty": "0.5"}).content.decode()
    assert "&quot;dnue 16&quot; is taken for &quot;Dune 16&quot;." in page
    assert "both Sand" in page
    assert "As in the run" in page


def test_a_title_that_nothing_is_like_is_told(client: Client, slug: str) -> None:
    page = client.get("/p/books/ask/similar/", {"item": "qqqqq"}, headers={"X-Part": "1"}).content.decode()
    fault = re.search(r'id="similar-fault-item">([^<]+)</p>', page)
    assert fault
    assert "No title is like" in fault[1]


def test_by_rest_the_same_is_answered(client: Client, slug: str) -> None:
    reply = client.get("/api/v1/products/books/similar", {"item": "Dune 16", "n": "4"}).json()
    assert reply["title"] == "Dune 16"
    assert [one["rank"] for one in reply["offers"]] == [1, 2, 3, 4]
    assert all("both Sand" in one["reason"] for one in reply["offers"])  # people keep to one kind
    told = client.get("/api/v1/products/books/suggest", {"text": "emm"}).json()
    assert told["suggestions"][0]["kind"] == "title"
    several = client.get(
        "/api/v1/products/books/basket", {"items": "Emma 1; Emma 9", "features": "kind: Manners"}
    ).json()
    assert len(several["offers"]) > 0
    assert client.get("/api/v1/products/books/basket", {"items": "Emma 1", "features": "kind"}).status_code == 422


def test_what_is_suggested_is_read_from_any_reply() -> None:
    assert questions.suggested({"rows": [{"text": "a", "kind": "title"}, {"kind": "x"}]}) == (("a", "title"),)
    assert questions.suggested({"answer": "none"}) == questions.suggested(None) == ()


def test_a_slider_that_is_text_is_typed() -> None:
    from potomac.engine import Endpoint

    endpoint = Endpoint("like", Like, lambda model, ask: None, completes={"item": "guess"})
    form = questions.question(endpoint, {"item": "em"}, sliders=[Slider("item", value="Dune")])
    assert form.sliders[0].typed
    assert (form.sliders[0].value, form.sliders[0].begin, form.sliders[0].field.completed_by) == ("em", "Dune", "guess")


# ---- in a browser ---------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1440, "light"), (1440, "dark")])
def test_somebody_types_and_gets_neighbours(look: Callable[..., Page], slug: str, width: int, scheme: str) -> None:  # noqa: F811
    page = look(None, width, scheme)
    page.goto("/p/books/")
    field = page.get_by_role("combobox", name="title").first
    field.fill("")
    field.press_sequentially("amlie")
    listbox = page.get_by_role("listbox").first
    listbox.wait_for()
    assert field.get_attribute("aria-expanded") == "true"
    listbox.get_by_role("option").first.filter(has_text="Amélie").wait_for()  # all is typed
    first = listbox.get_by_role("option").first
    shot(page, f"completing-{width}-{scheme}")
    assert overflow(page) <= 0
    assert barriers(page) == []
    field.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == first.get_attribute("id")
    assert first.get_attribute("aria-selected") == "true"
    chosen = first.inner_text().strip()
    field.press("Enter")
    assert field.input_value() == chosen
    assert not listbox.is_visible()
    reply = page.locator("#ask-similar .reply .says")
    page.wait_for_function(
        "t => document.querySelector('#ask-similar .says').textContent.includes(t)", arg=f'"{chosen}"'
    )
    before = reply.inner_text()
    page.locator("#ask-similar input[type=range]").first.fill("1")
    page.wait_for_function("t => document.querySelector('#ask-similar .says').innerText !== t", arg=before)
    shot(page, f"neighbours-{width}-{scheme}")
    assert overflow(page) <= 0
    assert barriers(page) == []


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_keys_close_and_leave_what_was_typed(look: Callable[..., Page], slug: str) -> None:  # noqa: F811
    page = look()
    page.goto("/p/books/")
    field = page.locator("#similar-f-item")
    field.fill("")
    field.press_sequentially("img")
    listbox = page.locator("#similar-f-item-options")
    listbox.wait_for()
    assert page.title() != "taken"  # the hostile title is text
    assert EVIL in listbox.inner_text()
    field.press("Escape")
    assert not listbox.is_visible()
    assert field.input_value() == "img"
    field.press("ArrowDown")
    listbox.wait_for()
    listbox.get_by_role("option").last.click()
    assert EVIL in field.input_value()
    page.locator("#ask-similar .says").filter(has_text="<img").wait_for()
    assert page.title() != "taken"
    field.fill("du")
    listbox.wait_for()
    field.press("Tab")
    assert not listbox.is_visible()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_without_script_it_is_a_plain_form(look: Callable[..., Page], slug: str) -> None:  # noqa: F811
    page = look(script=False)
    page.goto("/p/books/")
    page.locator("#similar-f-item").fill("dnue 8")
    page.locator("#ask-similar button[type=submit]").click()
    assert '"dnue 8" is taken for "Dune 8".' in page.locator("#ask-similar .reply").inner_text()
