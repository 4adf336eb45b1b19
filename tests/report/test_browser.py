"""The report in a real browser: phone and desktop, light and dark, by mouse and by keyboard, and on paper."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from potomac.engine import Figure, Layer, Result, Show
from potomac.report import land
from potomac.report import page as report
from potomac.report.window import window

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
SIZES = {"phone": (390, 844), "desktop": (1440, 900)}
LONG = "Which of the many ships between Norway, Sweden and Denmark behave so strangely that one should look? " * 3
ARABIC = "أي السفن تتصرف بغرابة؟"


@pytest.fixture(scope="module")
def strange(example, strait, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of what pages have to stand: a title of 300 characters, text from right to left, markup, 10,000 rows."""
    names = [ARABIC, "<script>document.title='taken'</script>", "=HYPERLINK(1)", "x" * 400, None]
    data = pa.table(
        {
            "rank": range(10_000),
            "name": [names[i % 5] for i in range(10_000)],
            "value": [1 / (i + 1) for i in range(10_000)],
        }
    )
    dots = pa.table({"x": [1.0, 2.0], "y": [1.0, 2.0], "n": [ARABIC, "<b>b</b>"]})
    layer = Layer("point", dots, "x", "y", label="n", series="n")
    figures = (
        Figure("a", LONG, ARABIC, (layer,), finding=LONG),
        Figure("b", ARABIC, "", (layer,), kind="map", role="lead"),
    )
    result = Result(f"{ARABIC} " * 6, example.result(strait).facts, {"t": data}, show=(Show("t", LONG, rows=10_000),))
    directory = tmp_path_factory.mktemp("strange")
    file = directory / "report.html"
    run = example.finished(directory, result, title=LONG[:300], answer=result.answer, name=ARABIC)
    file.write_text(report.render(run, figures), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def usual(example, strait, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the simulated strait."""
    directory = tmp_path_factory.mktemp("usual")
    file = directory / "report.html"
    run = example.finished(directory, example.result(strait))
    file.write_text(report.render(run, example.figures(strait)), encoding="utf-8")
    return file


@pytest.fixture
def show(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a file in a new page; the page is closed afterwards."""
    pages = []

    def opened(file: Path, size: str = "desktop", scheme: str = "light", *, script: bool = True) -> Any:
        page = browser.page(*SIZES[size], scheme)
        pages.append(page)
        if not script:
            page.ask("Emulation.setScriptExecutionDisabled", value=True)
        page.open(file.as_uri())
        return page

    yield opened
    for page in pages:
        page.close()


@pytest.fixture
def desk(show, usual: Path) -> Any:
    """The usual report on a desktop."""
    return show(usual)


def overflow(page: Any) -> int:
    """Pixels by which the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def barriers(page: Any) -> list[str]:
    """Serious and critical findings of axe-core, with the places where they are."""
    page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    found = page.evaluate("axe.run().then(r => JSON.stringify(r.violations))")
    serious = [one for one in json.loads(found) if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in serious for node in one["nodes"][:3]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_nothing_is_wrong_with_the_report(show, usual: Path, size: str, scheme: str) -> None:
    page = show(usual, size, scheme)
    assert overflow(page) == 0
    assert barriers(page) == []
    assert page.complaints == []
    assert page.requests == [usual.as_uri()]


def test_a_strange_report_still_stands(show, strange: Path) -> None:
    page = show(strange)
    for width, height in SIZES.values():
        page.resize(width, height)
        assert overflow(page) == 0
    assert page.evaluate("document.title").startswith("Which of the many ships")
    assert page.evaluate("document.querySelectorAll('table.data tbody tr').length") == 10_000
    assert page.evaluate("getComputedStyle(document.querySelector('.answer')).direction") == "rtl"
    assert page.complaints == []
    page.evaluate("[...document.querySelectorAll('table.data tbody tr')].slice(50).forEach(row => row.remove())")
    assert barriers(page) == []


def test_the_theme_follows_the_system_and_then_the_reader(show, usual: Path) -> None:
    page = show(usual, scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(colour) == "rgb(18, 24, 31)"  # #12181f
    page.evaluate("document.querySelector('.theme').click()")
    assert page.evaluate(colour) == "rgb(251, 250, 247)"  # #fbfaf7
    page.open(usual.as_uri())
    assert page.evaluate(colour) == "rgb(251, 250, 247)"


def test_without_script_everything_is_there(show, usual: Path) -> None:
    page = show(usual, script=False)
    seen = page.ask("DOM.getDocument", depth=0)
    markup = page.ask("DOM.getOuterHTML", nodeId=seen["root"]["nodeId"])["outerHTML"]
    assert markup.count("<tr>") > 120
    assert '<button class="theme" type="button" hidden' in markup  # nothing that would not work is offered
    assert "data:image/png" in markup
    assert page.complaints == []


def column(page: Any, number: int) -> list[str]:
    """The texts of a column of the first table, in the order of the page, those hidden left out."""
    rows = "[...document.querySelector('table.data').tBodies[0].rows].filter(row => !row.hidden)"
    return page.evaluate(f"{rows}.map(row => row.cells[{number}].textContent)")


def head(page: Any, number: int) -> Any:
    """Press the heading of a column of the first table; returns how it is sorted."""
    cell = f"document.querySelector('table.data').tHead.rows[0].cells[{number}]"
    return page.evaluate(f"{cell}.querySelector('button').click(), {cell}.getAttribute('aria-sort')")


def test_a_table_sorts_up_down_and_back(desk) -> None:
    before = column(desk, 6)  # speed
    assert head(desk, 6) == "ascending"
    assert column(desk, 6) == sorted(before, key=float)
    assert head(desk, 6) == "descending"
    assert column(desk, 6) == sorted(before, key=float, reverse=True)
    assert head(desk, 6) is None
    assert column(desk, 6) == before


def test_numbers_below_zero_sort_as_numbers(desk) -> None:
    head(desk, 8)  # log odds
    values = [float(text.replace("−", "-")) for text in column(desk, 8)]
    assert values == sorted(values)
    assert values[0] < 0


def test_a_table_is_searched_for_all_words(desk) -> None:
    vessel = column(desk, 1)[3]
    script = """(words => {
        const field = document.querySelector('.tools input');
        field.value = words;
        field.dispatchEvent(new Event('input', {bubbles: true}));
        return document.querySelector('.tools [role=status]').textContent;
    })"""
    assert desk.evaluate(f"{script}('{vessel[:6]} COURSE')").endswith("of these 100 rows")
    assert set(column(desk, 1)) == {one for one in column(desk, 1) if one.startswith(vessel[:6])}
    assert vessel in column(desk, 1)
    assert desk.evaluate(f"{script}('nowhere')") == "0 of these 100 rows"
    assert desk.evaluate(f"{script}('')") == ""
    assert len(column(desk, 1)) == 100


DOWNLOAD = """(() => {
    let kept;
    const make = URL.createObjectURL;
    URL.createObjectURL = blob => { kept = blob; return make(blob); };
    document.querySelectorAll('.csv')[NUMBER].click();
    return kept.arrayBuffer().then(bytes => new TextDecoder('utf-8', {ignoreBOM: true}).decode(bytes));
})()"""


def test_what_is_downloaded_is_exact(desk) -> None:
    lines = desk.evaluate(DOWNLOAD.replace("NUMBER", "0")).removeprefix("\ufeff").split("\r\n")
    assert lines[0] == "rank,entity,why,time,latitude,longitude,speed,heading,log_odds,place,course,speed_here"
    first = lines[1].split('"')[2].split(",")
    assert first[1].endswith("Z")
    assert len(first[2].partition(".")[2]) > 4  # more digits than are shown
    assert float(first[6]) == pytest.approx(float(column(desk, 8)[0].replace("−", "-")), abs=0.006)
    second = desk.evaluate(DOWNLOAD.replace("NUMBER", "1")).removeprefix("\ufeff").split("\r\n")
    assert second[0] == "entity,records,evidence,evidence_low,evidence_high"
    assert second[1].split(",")[2:] == ["-9", "-11", "-7"]


def test_formulas_are_downloaded_as_text(show, strange: Path) -> None:
    text = show(strange).evaluate(DOWNLOAD.replace("NUMBER", "0"))
    assert ",'=HYPERLINK(1)," in text
    assert ",=HYPERLINK" not in text
    assert text.startswith("\ufeffrank,name,value\r\n")


def view(page: Any) -> list[float]:
    """What the first map shows: x, y, width, height."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return [
        float(value) for value in page.evaluate("document.querySelector('.wide .view').getAttribute('viewBox')").split()
    ]


def middle(page: Any, selector: str = ".wide .view") -> tuple[float, float]:
    """The middle of an element on the screen; of the first map where none is named."""
    box = page.evaluate(f"JSON.stringify(document.querySelector('{selector}').getBoundingClientRect())")
    left, top, width, height = (json.loads(box)[key] for key in ("left", "top", "width", "height"))
    return left + width / 2, top + height / 2


def test_a_map_is_enlarged_and_moved_by_its_buttons_and_keys(desk) -> None:
    whole = view(desk)
    desk.evaluate("document.querySelector('.wide .zoom button').click()")
    nearer = view(desk)
    assert nearer[2] == pytest.approx(whole[2] / 2)
    desk.evaluate("document.querySelector('.wide svg.map').focus()")
    desk.key("ArrowRight")
    assert view(desk)[0] > nearer[0]
    desk.key("+")
    assert view(desk)[2] == pytest.approx(whole[2] / 4)
    desk.key("0")
    assert view(desk) == pytest.approx(whole)
    desk.key("-")
    assert view(desk) == pytest.approx(whole)  # no further than the whole


def test_marks_and_the_scale_bar_keep_their_size_when_a_map_is_enlarged(desk) -> None:
    size = "document.querySelector('.wide .mark.em').getBoundingClientRect().width"
    bar = "document.querySelector('.wide .scale').getBoundingClientRect().width"
    told = "document.querySelector('.wide .scale text').textContent"
    before = desk.evaluate(size)
    assert desk.evaluate(told) == "50 km"
    desk.evaluate("document.querySelector('.wide svg.map').focus()")
    for _ in range(3):
        desk.key("+")
    view(desk)
    assert desk.evaluate(size) == pytest.approx(before, rel=0.05)
    assert desk.evaluate(told) in ("5 km", "10 km")
    assert 20 < desk.evaluate(bar) < 160


def test_the_wheel_scrolls_the_page_until_the_map_is_chosen(desk) -> None:
    whole = view(desk)
    x, y = middle(desk)
    desk.mouse("mouseWheel", x, y, deltaX=0, deltaY=-120)
    assert view(desk) == pytest.approx(whole)
    desk.click(*middle(desk))
    x, y = middle(desk)
    desk.mouse("mouseWheel", x, y, deltaX=0, deltaY=-120)
    assert view(desk)[2] < whole[2]


def test_a_map_is_dragged(desk) -> None:
    desk.evaluate("document.querySelector('.wide .zoom button').click()")
    before = view(desk)
    x, y = middle(desk)
    desk.mouse("mousePressed", x, y, button="left", clickCount=1)
    desk.mouse("mouseMoved", x - 60, y - 20, button="left", buttons=1)
    desk.mouse("mouseMoved", x - 100, y - 40, button="left", buttons=1)
    desk.mouse("mouseReleased", x - 100, y - 40, button="left")
    after = view(desk)
    width = desk.evaluate("document.querySelector('.wide svg.map').getBoundingClientRect().width / 968")
    assert after[0] - before[0] == pytest.approx(100 / width / 2, rel=0.1)
    assert after[1] - before[1] == pytest.approx(40 / width / 2, rel=0.1)


def test_a_flagged_record_tells_itself_on_hover_and_on_focus(desk) -> None:
    tip = "(t => t.hidden ? '' : t.textContent)(document.querySelector('.tip'))"
    desk.mouse("mouseMoved", *middle(desk, ".wide .mark.em"))
    assert "vessel: 219" in desk.evaluate(tip)
    desk.mouse("mouseMoved", 5, 5)
    assert desk.evaluate(tip) == ""
    desk.evaluate("document.querySelectorAll('.wide .mark.em')[2].focus()")
    assert "log odds" in desk.evaluate(tip)
    desk.key("Escape")
    assert desk.evaluate(tip) == ""


def test_the_marks_of_a_chart_are_walked_with_the_arrow_keys(desk) -> None:
    desk.evaluate("[...document.querySelectorAll('.wide svg.figure:not(.map)')][0].focus()")
    desk.key("ArrowRight")
    assert "count" in desk.evaluate("document.querySelector('.tip').textContent")


def test_everything_is_reached_by_the_keyboard_and_the_focus_is_seen(desk) -> None:
    seen = set()
    for _ in range(30):
        desk.key("Tab")
        seen.add(desk.evaluate("document.activeElement.className.baseVal ?? document.activeElement.className"))
        outline = desk.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
    assert {"skip", "theme"} <= seen
    assert any("map" in name for name in seen)


def test_on_paper_everything_is_open_and_black_on_white(desk) -> None:
    desk.media("dark", "print")
    desk.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert desk.evaluate("[...document.querySelectorAll('details')].every(one => one.open)")
    assert desk.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert desk.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert desk.evaluate("getComputedStyle(document.querySelector('.table .scroll')).overflow") == "visible"
    assert desk.evaluate("getComputedStyle(document.querySelector('.zoom')).display") == "none"
    desk.resize(690, 1000)  # A4 less its margins
    assert overflow(desk) == 0
    cut = "one => one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1"
    assert desk.evaluate(f"[...document.querySelectorAll('.scroll')].filter({cut}).map(one => one.ariaLabel)") == []
    pdf = desk.ask("Page.printToPDF", printBackground=True)["data"]
    assert len(pdf) > 20_000


def test_a_flagged_record_that_is_out_of_view_is_brought_into_it(desk) -> None:
    desk.evaluate("document.querySelector('.wide svg.map').focus()")
    for _ in range(4):
        desk.key("+")
    inside = """(mark => { const a = mark.getBoundingClientRect(), b = mark.closest('svg.map').getBoundingClientRect();
        return a.left > b.left && a.right < b.right && a.top > b.top && a.bottom < b.bottom; })"""
    for number in (0, 5, 15):
        mark = f"document.querySelectorAll('.wide .mark.em')[{number}]"
        desk.evaluate(f"{mark}.focus()")
        view(desk)
        assert desk.evaluate(f"{inside}({mark})")
        assert desk.evaluate("!document.querySelector('.tip').hidden")


def test_the_frame_of_an_enlarged_map_is_the_one_that_would_be_drawn_for_it(desk, example, strait) -> None:
    """The script and potomac.report.land draw the same bars and degrees for the same window."""
    desk.evaluate("document.querySelector('.wide svg.map').focus()")
    for key in ("+", "+", "ArrowRight", "ArrowUp"):
        desk.key(key)
    x, y, width, _ = view(desk)
    whole = window(example.lead(strait), report.WIDE - 1, 0.5, 0.5)
    x0, y0 = whole.x0 + (x - whole.left) * whole.km, whole.y0 - (y - whole.top) * whole.km
    near = replace(whole, x0=x0, y0=y0, km=whole.km * width / whole.width)
    wanted = str(land.frame(near, labelled=True))
    texts = "[...document.querySelectorAll('.wide .rim')[0].querySelectorAll('.degree')].map(one => one.textContent)"
    assert desk.evaluate(texts) == re.findall(r'class="degree[^>]*>([^<]+)<', wanted)
    bars = desk.evaluate("document.querySelector('.wide .zebra').getAttribute('d')")
    there = re.search(r'd="([^"]+)" class="zebra"', wanted)
    assert there is not None
    both = [sorted(float(value) for value in re.findall(r"-?[\d.]+", data)) for data in (bars, there[1])]
    assert both[0] == pytest.approx(both[1], abs=0.11)
