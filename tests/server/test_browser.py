"""The server in a real browser: the whole way from an upload to a visitor's question, and the look of each page.

``POTOMAC_SHOTS`` names a directory for pictures of every page: 390 and 1440 pixels wide, light and dark.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from shutil import copytree, rmtree
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "tests" / "report" / "vendor" / "axe-core" / "axe.min.js"
SIZES = {390: 844, 1440: 900}
PATIENCE = 90_000
FEWER = """() => {
  const alike = new Map();
  for (const part of document.querySelectorAll("tbody > tr, g:has(> path.mark)")) {
    const kinds = alike.get(part.parentNode) ?? alike.set(part.parentNode, {}).get(part.parentNode);
    const kind = part.firstElementChild.getAttribute("class");
    if ((kinds[kind] = (kinds[kind] ?? 0) + 1) > 12) part.remove();
  }
}"""
"""Leaves twelve of a kind in each table and each map: axe compares every cell with all that may lie below it, and the
hundredth row is made as the first."""
EVIL = "<img src=x onerror=\"document.title='taken'\">"
ARABIC = "أي السفن تتصرف بغرابة؟"


@pytest.fixture(scope="module")
def chrome(chromium: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as here, sync_playwright() as playwright:
        here.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright has a loop in this thread; the server has its own
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def look(chrome: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    """A new browser with its own cookies; what it complains of and whom it asks is kept and judged at the end."""
    contexts, complaints, asked = [], [], []

    def made(user: Any = None, width: int = 1440, scheme: Any = "light", *, script: bool = True) -> Page:
        context = chrome.new_context(
            base_url=live_server.url, viewport={"width": width, "height": SIZES[width]}, color_scheme=scheme,
            java_script_enabled=script, reduced_motion="reduce",
        )  # fmt: skip
        contexts.append(context)
        if user is not None:
            context.add_cookies([{"name": "sessionid", "value": _session(user), "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        return page

    yield made
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith((live_server.url, "data:", "blob:"))] == []
    assert [said for said in complaints if "status of 4" not in said] == []


def _session(user: Any) -> str:
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def barriers(page: Page) -> list[str]:
    """Serious and critical findings of axe-core."""
    page.evaluate(FEWER)
    page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    found = json.loads(page.evaluate("axe.run({resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))"))
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in serious for node in one["nodes"][:3]]


def overflow(page: Page) -> int:
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide


def shot(page: Page, name: str) -> None:
    """A picture, where somebody wants to look."""
    folder = os.environ.get("POTOMAC_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker process of its own on the tests' database."""
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    crew = import_module("benchmarks.server.crew")
    with crew.crew(1):
        yield


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """400 positions on two lanes, with a name that is markup."""
    random = np.random.default_rng(7)
    lane = np.arange(400) % 2
    lat, lon = 56.0 + random.uniform(0, 1, 400), 11.0 + 0.2 * lane + random.normal(0, 0.01, 400)
    speed, course = 10 + random.normal(0, 1, 400), (180.0 * lane + random.normal(0, 5, 400)) % 360
    file = tmp_path / "strait.csv"
    rows = [
        f"{a:.5f},{b:.5f},{c:.2f},{d:.1f},{EVIL if i == 3 else i % 20}"
        for i, (a, b, c, d) in enumerate(zip(lat, lon, speed, course, strict=True))
    ]
    file.write_text("\n".join(["lat,lon,sog,cog,who", *rows]) + "\n", encoding="utf-8")
    return file


# ---- the whole way --------------------------------------------------------------------------------------------------


def test_from_an_upload_to_a_visitors_question(look: Any, worker: None, person: Any, password: str, csv: Path) -> None:
    person("ada", role="publisher")
    page = look()
    page.goto("/")
    shot(page, "way-00-empty")
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(password)
    shot(page, "way-01-sign-in")
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name="Sources").click()
    page.get_by_label("File").set_input_files(csv)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/sources/*/")
    shot(page, "way-02-looked-at")
    page.get_by_role("heading", name="First rows").wait_for()
    assert page.get_by_text(EVIL).count() >= 1
    shot(page, "way-03-source")

    page.get_by_role("link", name="New outliers study with it").click()
    assert page.locator("[name='data.columns.latitude']").input_value() == "lat"
    assert page.locator("[name='data.columns.speed']").input_value() == "sog"
    page.get_by_role("button", name="Run it").click()
    page.get_by_role("alert").wait_for()
    shot(page, "way-04-faults")
    page.get_by_role("alert").get_by_role("link", name="name").click()
    page.keyboard.type("strait")
    page.locator("#fault-name").filter(has_not_text="missing").wait_for(state="attached")
    page.locator("[name=title]").fill("Which vessels are out of place?")
    page.locator("[name='data.columns.entity']").select_option("who")
    page.locator("#f-model summary").click()
    page.locator("[name='model.method']").select_option("logistic")
    page.locator("#toml").get_by_text('method = "logistic"').wait_for()
    assert 'columns.entity = "who"' in page.locator("#toml").inner_text()
    shot(page, "way-05-study")
    page.get_by_role("button", name="Run it").click()
    page.wait_for_url("**/runs/*/")
    shot(page, "way-06-run")
    page.get_by_role("heading", name="Publish it").wait_for()
    shot(page, "way-07-done")

    page.get_by_label("Address").fill("strait")
    page.get_by_label("Who sees it").select_option("public")
    page.get_by_role("button", name="Publish").click()
    page.wait_for_url("**/p/strait/")

    visitor = look(width=390)
    visitor.goto("/")
    visitor.get_by_role("link", name="Which vessels are out of place?").click()
    ask = visitor.locator("#ask-score")
    for label, value in {"Latitude": "56.5", "Longitude": "11.6", "Speed": "40", "Heading": "90"}.items():
        ask.get_by_label(label).fill(value)
    ask.get_by_role("button", name="Ask").click()
    visitor.get_by_role("heading", name="The answer").wait_for()
    assert "Outlier score" in visitor.locator(".reply").inner_text()
    assert visitor.url.endswith("/p/strait/")  # answered in its place
    shot(visitor, "way-08-answer")
    ask.get_by_label("Latitude").fill("north")
    ask.get_by_role("button", name="Ask").click()
    visitor.locator("#score-fault-latitude").filter(has_text="valid number").wait_for()
    assert visitor.evaluate("document.activeElement.name") == "latitude"
    assert "taken" not in visitor.title()


def test_a_click_on_the_map_fills_in_the_place(look: Any, published: Any) -> None:
    """The place under the middle of the map is the middle of the records: 56.5 N, 11.1 E, to a tenth of the picture."""
    published("strait")
    page = look()
    page.goto("/p/strait/")
    view = page.locator(".lead .wide svg.map .view")
    box = view.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    lat, lon = (float(page.locator(f"[data-place] [name={name}]").input_value()) for name in ("latitude", "longitude"))
    assert abs(lat - 56.5) < 0.15
    assert abs(lon - 11.1) < 0.5
    for _ in range(3):
        page.get_by_label("Enlarge the map").first.click()
    page.wait_for_timeout(200)
    box = view.bounding_box()  # the page may have been scrolled
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    near = [float(page.locator(f"[data-place] [name={name}]").input_value()) for name in ("latitude", "longitude")]
    assert near == pytest.approx([lat, lon], abs=0.02)  # enlarged about its middle, which is still the same place


def test_a_click_puts_a_pin_that_asks_and_can_be_dragged(look: Any, published: Any) -> None:
    published("strait")
    page = look()
    page.goto("/p/strait/")
    box = page.locator(".lead .wide svg.map .view").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_role("heading", name="The answer").wait_for()
    north = float(page.locator("[data-place] [name=latitude]").input_value())
    head = page.locator(".lead .wide .pin").bounding_box()
    x, y = head["x"] + head["width"] / 2, head["y"] + head["height"] / 3
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + box["height"] / 4, steps=4)
    page.mouse.up()
    south = float(page.locator("[data-place] [name=latitude]").input_value())
    assert south < north - 0.1
    at = page.locator(".lead .wide .pin").bounding_box()
    assert at["y"] - head["y"] == pytest.approx(box["height"] / 4, abs=2)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on sites: one for people on a square of a degree."""
    import pyarrow as pa

    from potomac import studies

    table = pa.table({"id": ["a", "b", "c", "d"], "latitude": [0.0, 0.0, 1.0, 1.0], "longitude": [0.0, 1.0, 0.0, 1.0]})
    study = {
        "kind": "location", "name": "sites", "scenarios": {"count": 0}, "travel": {"model": "great_circle"},
        "demand": {"source": "memory", "columns": {name: name for name in table.column_names}},
    }  # fmt: skip
    return studies.run(study, tmp_path_factory.mktemp("runs"), tables={"demand": table}).path


def test_a_pin_draws_from_where_it_is_how_far(look: Any, published: Any, sites: Path, home: Path) -> None:
    """Isochrones hold the pin and one another; the line of so many minutes is so far away; the next pin moves them."""
    directory = home / "runs" / published("square", kind="location").default.run.directory
    rmtree(directory)
    copytree(sites, directory)
    page = look()
    page.goto("/p/square/")
    box = page.locator(".lead .wide svg.map .view").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator("#ask-isochrones").get_by_role("heading", name="The answer").wait_for()
    shapes = page.locator(".lead .wide .shapes .shape")
    minutes = [
        float(text.split()[0]) for text in page.locator("#ask-isochrones tbody td:first-child").all_inner_texts()
    ]
    assert shapes.count() == len(minutes) > 2
    km_a_pixel = float(page.locator(".lead .wide .rim").get_attribute("data-km")) * 968 / box["width"]
    pin = page.locator(".lead .wide .pin").bounding_box()
    least = shapes.last.bounding_box()  # the smallest is on top
    assert least["width"] / 2 == pytest.approx(minutes[0] * 40 / 60 / km_a_pixel, rel=0.05)
    assert least["x"] + least["width"] / 2 == pytest.approx(pin["x"] + pin["width"] / 2, abs=3)
    assert barriers(page) == []
    page.mouse.click(box["x"] + box["width"] / 2 + 80, box["y"] + box["height"] / 2)
    moved = "x => document.querySelector('.wide .shapes .shape:last-of-type').getBoundingClientRect().x > x"
    page.wait_for_function(moved, arg=least["x"] + 40)
    assert page.locator(".lead .wide .shapes").count() == 1


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a door and two rooms that are busy three quarters of the time."""
    from potomac import studies

    study = {
        "kind": "simulation", "name": "rooms",
        "source": [{"name": "guests", "interarrival": {"exponential": {"mean": 1.0}}, "to": "door"}],
        "station": [
            {"name": "door", "servers": 1, "service": {"exponential": {"mean": 0.5}}},
            {"name": "room", "servers": 2, "service": {"exponential": {"mean": 1.5}}},
        ],
        "route": [{"start": "door", "to": "room"}],
    }  # fmt: skip
    return studies.run(study, tmp_path_factory.mktemp("runs")).path


@pytest.fixture
def rooms(published: Any, queue: Path, home: Path) -> str:
    """Its product."""
    directory = home / "runs" / published("rooms", kind="simulation").default.run.directory
    rmtree(directory)
    copytree(queue, directory)
    return "/p/rooms/"


OTHER = "was => document.querySelector('.says').textContent !== was"


def test_a_slider_that_moves_is_answered(look: Any, rooms: str) -> None:
    """By keyboard and by a number: a third room shortens the wait; none is refused, and what was said before stays."""
    page = look()
    page.goto(rooms)
    before = page.locator(".says").inner_text()
    wait = float(page.locator(".estimates .number").first.inner_text())
    slider = page.get_by_role("slider", name="Servers")
    assert slider.input_value() == "2"
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(OTHER, arg=before)
    assert page.get_by_role("spinbutton", name="Servers").input_value() == "3"
    assert float(page.locator(".estimates .number").first.inner_text()) < wait / 2
    assert page.evaluate("document.activeElement.type") == "range"
    page.locator("[role=status]", has_text="With 3 at room").wait_for(state="attached")

    page.get_by_role("spinbutton", name="Servers").fill("1")
    page.locator(".refused", has_text="unstable").wait_for()
    assert "With 3 at room" in page.locator(".says").inner_text()
    assert barriers(page) == []
    page.get_by_role("spinbutton", name="Servers").fill("0")
    page.locator("#what-if-fault-servers", has_text="greater than").wait_for()
    page.get_by_role("link", name="As in the run").click()
    page.wait_for_function("said => document.querySelector('.says').textContent === said", arg=before)
    assert page.locator(".refused").count() == 0


def test_of_many_moves_the_last_is_answered(look: Any, rooms: str) -> None:
    """Answers that are overtaken are dropped, even where they come later."""
    page, slow = look(), []

    def late(route: Any) -> None:
        slow.append(route)
        if len(slow) > 1:
            route.continue_()

    page.goto(rooms)
    page.route("**/ask/what-if/**", late)
    page.get_by_role("spinbutton", name="Servers").fill("7")
    page.locator(".sliding .reply[aria-busy=true]").wait_for()
    page.get_by_role("spinbutton", name="Servers").fill("3")
    page.locator(".says", has_text="With 3 at room").wait_for()
    with contextlib.suppress(Exception):  # the page has given it up
        slow[0].continue_()
    page.wait_for_timeout(300)
    assert "With 3 at room" in page.locator(".says").inner_text()
    assert page.locator(".sliding .reply[aria-busy]").count() == 0


def test_another_station_has_its_own_sliders(look: Any, rooms: str) -> None:
    page = look()
    page.goto(rooms)
    page.get_by_label("Station").select_option("door")
    page.locator(".says", has_text="at door").wait_for()
    slider = page.get_by_role("slider", name="Servers")
    assert slider.input_value() == "1"
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".says", has_text="With 2 at door").wait_for()


def test_sliders_are_a_plain_form_without_script(look: Any, rooms: str) -> None:
    page = look(script=False)
    page.goto(rooms)
    assert page.get_by_role("slider").count() == 0
    page.get_by_role("spinbutton", name="Servers").fill("3")
    page.get_by_role("button", name="Ask").click()
    assert "With 3 at room" in page.locator(".says").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_sliders_stand_and_have_no_barrier(look: Any, rooms: str, width: int, scheme: str) -> None:
    page = look(None, width, scheme)
    page.goto(f"{rooms}ask/what-if/?servers=3")
    shot(page, f"sliders-{width}-{scheme}")
    assert overflow(page) <= 0
    assert barriers(page) == []


def test_a_question_is_answered_by_keyboard_alone_and_without_script(look: Any, published: Any) -> None:
    published("strait")
    for script in (True, False):
        page = look(script=script)
        page.goto("/p/strait/")
        page.locator("#ask-score").get_by_label("Latitude").focus()
        for word in ("56.5", "11.1", "10", "0"):
            page.keyboard.type(word)
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="The answer").wait_for()
        assert page.locator("#ask-score").get_by_label("Longitude").input_value() == "11.1"


# ---- how it looks ---------------------------------------------------------------------------------------------------


@pytest.fixture
def ada(person: Any) -> Any:
    return person("ada", role="administrator")


@pytest.fixture
def published(ada: Any, finished: Any) -> Callable[..., Any]:
    from potomac.server.flows import products
    from potomac.server.flows.base import Actor

    def make(slug: str, visibility: str = "public", **more: Any) -> Any:
        return products.publish(Actor(user=ada), finished(ada, **more).pk, slug, visibility=visibility).product

    return make


STUDY = """kind = "outliers"
name = "strait"
title = "Who is odd?"

[data]
source = "strait.csv"
columns.latitude = "lat"
columns.longitude = "lon"
columns.speed = "gone"
covariates = [{ column = "sog", low = 0.0 }]
"""

COLUMNS = {
    "mmsi": ("integer", ["219000001", "219000002"]),
    "time": ("time", ["2024-03-04 00:00:04"]),
    "lat": ("number", ["56.3", "56.4"]),
    "lon": ("number", ["11.9"]),
    EVIL: ("text", [ARABIC, "=1+1"]),
    "sog": ("number", ["14.9"]),
}
ROW = [219000001, "2024-03-04 00:00:04", 56.3, 11.9, ARABIC, None]
PREVIEW = {
    "columns": [{"name": n, "type": kind, "examples": some, "nulls": 0} for n, (kind, some) in COLUMNS.items()],
    "rows": [ROW] * 20,
    "notes": ["Times have no zone; UTC is taken"],
}
FAULT = {
    "code": "data.no-rows", "found": "no row of strait.csv can be used",
    "expected": "expected latitudes from -90 to 90", "key": "data.source", "line": 5,
}  # fmt: skip
JOBS: dict[str, dict[str, Any]] = {
    "queued": {},
    "running": {"what": "scoring rows", "done": 31_000, "total": 41_803, "log": "00:01 reading\n00:03 fitting\n"},
    "failed": {"error": [FAULT], "log": "00:01 reading\n"},
    "cancelled": {},
}


@pytest.fixture
def tables(ada: Any) -> dict[str, str]:
    """Sources in each state, and a draft."""
    from potomac.server.catalog.models import Draft, Source

    made = {
        "source": Source(name="strait.csv", state="ready", rows=41_803, preview=PREVIEW),
        "source-looked-at": Source(name="large.parquet"),
        "source-refused": Source(name="broken.csv", state="refused", reason="Line 7 has 4 fields, expected 3"),
    }
    for source in made.values():
        source.owner, source.kind = ada, "upload"
        source.save()
    draft = Draft.objects.create(owner=ada, kind="outliers", name="strait", title="Who is odd?", text=STUDY)
    return {
        "sources": "/sources/", **{name: f"/sources/{one.pk}/" for name, one in made.items()},
        "studies": "/studies/", "study-new": "/studies/new/outliers/?source=strait.csv",
        "study-faults": f"/studies/{draft.pk}/?checked=1", "study-text": f"/studies/{draft.pk}/?view=text&checked=1",
    }  # fmt: skip


@pytest.fixture
def runs(ada: Any, finished: Any) -> dict[str, str]:
    """Runs in each state."""
    from django.utils import timezone

    from potomac.server.catalog.models import Run
    from potomac.server.jobs.models import Job

    found = {"runs": "/runs/"}
    for state, more in JOBS.items():
        run = Run.objects.create(owner=ada, kind="outliers", name="strait", title="Who is odd?", text=STUDY)
        Job.objects.create(task="run", about=run.pk, owner=ada, state=state, attempt=1, started=timezone.now(), **more)
        found[f"run-{state}"] = f"/runs/{run.pk}/"
    first, second = finished(ada), finished(ada)
    return {
        **found, "run-done": f"/runs/{first.pk}/", "compare": f"/runs/compare/?run={first.pk}&run={second.pk}",
    }  # fmt: skip


@pytest.fixture
def shown(published: Any) -> dict[str, str]:
    """Products of each visibility, asked and not."""
    from potomac.server.catalog.models import Product

    published("strait")
    published("strait")
    published("mine", "private", title=EVIL)
    linked = published("linked", "link", title=(ARABIC + " A question as long as one may become." * 9)[:300])
    Product.objects.filter(slug="strait").update(title="Which vessels are out of place in the strait?")
    return {
        "gallery": "/", "gallery-none": "/?q=whales", "product": "/p/strait/",
        "product-earlier": "/p/strait/?version=1", "product-link": f"/p/linked/?key={linked.link}",
        "product-answer": "/p/strait/ask/score/?latitude=56.5&longitude=11.1&speed=40&heading=90",
        "product-fault": "/p/strait/ask/score/?latitude=north&longitude=11", "embed": "/p/strait/embed/",
        "table": "/p/strait/tables/scores/?sort=outlier_score&order=descending",
    }  # fmt: skip


OTHERS = {
    "missing": "/nothing/here/", "account": "/accounts/", "tokens": "/accounts/tokens/",
    "password": "/accounts/password/", "account-delete": "/accounts/delete/",
}  # fmt: skip
VISITORS = {
    "sign-in": "/accounts/sign-in/?next=/runs/",
    "reset": "/accounts/reset/",
    "visitor": "/",
    "sent": "/accounts/reset/sent/",
}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
def test_every_page_stands_and_has_no_barrier(
    look: Any, ada: Any, tables: Any, runs: Any, shown: Any, width: int, scheme: str
) -> None:
    known, visitor = look(ada, width, scheme), look(None, width, scheme)
    wrong: dict[str, Any] = {}
    for name, address in {**shown, **tables, **runs, **OTHERS, **VISITORS}.items():
        page = visitor if name in VISITORS else known
        page.goto(address)
        shot(page, f"{name}-{width}-{scheme}")
        found = [f"wider by {wide} px"] if (wide := overflow(page)) else []
        found += barriers(page)
        if page.evaluate("document.querySelectorAll('h1').length") != 1:
            found.append("one heading of the first level is expected")
        wrong |= {name: found} if found else {}
    assert wrong == {}
