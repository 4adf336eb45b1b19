"""The page: what it tells, in which order, and that nothing on it is markup but its own."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.engine import Fact, Figure, Layer, Result, Show
from potomac.report import page

HOSTILE = '\x00<script>alert("x")</script><img src=x onerror=alert(1)>'
VOID = {"meta", "br", "img", "input", "hr", "link"}


class Reader(HTMLParser):
    """Reads a page and keeps what matters; fails where elements do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def text(example, strait, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of the simulated strait."""
    run = example.finished(tmp_path_factory.mktemp("run"), example.result(strait))
    return page.render(run, example.figures(strait))


@pytest.fixture(scope="module")
def read(text: str) -> Reader:
    return Reader(text)


def test_the_finding_comes_first_and_the_rest_in_the_order_of_a_reader(read: Reader) -> None:
    wanted = [
        "Which ships behave strangely",
        "Twenty records stand out",
        "71.0",
        "64.2 to 77.1",
        "Where ships go, and the 20 records",
        "The facts",
        "How sure, and what was left out",
        "heading is unknown (511)",
        "More pictures",
        "The six strangest",
        "Tables",
        "The strangest records",
        "How well it works here",
        "How it was done",
        "Elements of Statistical Learning",
        "How to do it again",
        "potomac run strait.toml",
        "SHA-256",
        'kind = "outliers"',
    ]
    at = 0
    for words in wanted:
        found = read.text.find(words, at)
        assert found >= 0, words
        at = found


def test_headings_are_in_order(read: Reader) -> None:
    assert read.headings[0] == 1
    assert read.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(read.headings, read.headings[1:], strict=False))


def test_one_file_asks_nothing_of_any_network(text: str, read: Reader) -> None:
    for _, attributes in read.tags:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            address = attributes.get(name) or ""
            assert address == "" or address.startswith(("#", "data:"))
        assert "style" not in attributes  # the policy forbids it
    assert "@import" not in text
    assert "url(" not in re.sub(r"url\(#density-[0-9a-f]{8}\)", "", text)


def test_the_policy_allows_its_own_style_and_script_and_no_other(text: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    told = policy[1].replace("&#39;", "'")
    assert told.startswith("default-src 'none'")
    assert "unsafe" not in told
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        inner = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert inner is not None
        digest = base64.b64encode(hashlib.sha256(inner[1].encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in told
    assert len(re.findall("<script", text)) == 1


def test_names_of_parts_are_unique(read: Reader) -> None:
    names = [attributes["id"] for _, attributes in read.tags if attributes.get("id")]
    assert len(names) == len(set(names))


def test_a_report_is_small(text: str) -> None:
    assert len(text.encode()) < 2_000_000


def test_pictures_say_in_words_what_they_show(read: Reader) -> None:
    pictures = [attributes for tag, attributes in read.tags if tag == "svg" and attributes.get("role") == "img"]
    assert len(pictures) >= 12
    assert all(attributes.get("aria-label") for attributes in pictures)


def hostile(example, directory) -> object:
    data = pa.table({HOSTILE: [HOSTILE, "=1+1"], "x": [1.0, 2.0], "y": [1.0, 2.0]})
    layer = Layer("point", data, "x", "y", label=HOSTILE, tip=(HOSTILE,), series=HOSTILE, name=HOSTILE)
    figures = (
        Figure("f", HOSTILE, HOSTILE, (layer,), finding=HOSTILE, role="lead"),
        Figure("g", HOSTILE, HOSTILE, (layer,), kind="map", finding=HOSTILE),
        Figure("h", HOSTILE, HOSTILE, panels=(Figure("i", HOSTILE, HOSTILE, (layer,)),), finding=HOSTILE),
    )
    result = Result(
        HOSTILE,
        (Fact(HOSTILE, HOSTILE, HOSTILE, unit=HOSTILE, source=HOSTILE, key=True, label=HOSTILE),),
        {"t": data},
        notes=(HOSTILE,),
        method=(HOSTILE,),
        sources=(HOSTILE, "https://a.example/?<b>"),
        show=(Show("t", HOSTILE, caption=HOSTILE, labels={"x": HOSTILE}, units={"x": HOSTILE}),),
    )
    changes = {
        "title": HOSTILE,
        "name": HOSTILE,
        "kind": HOSTILE,
        "command": HOSTILE,
        "settings": {HOSTILE: HOSTILE},
        "answer": HOSTILE,
        "rows": {HOSTILE: {"read": 1, "used": 0, "rejected": 1, "duplicates": 0, "reasons": {HOSTILE: 1}}},
        "sources": {
            HOSTILE: {"source": HOSTILE, "notes": [HOSTILE], "files": [{"file": HOSTILE, "size": 1, "sha256": HOSTILE}]}
        },
        "versions": {"potomac": HOSTILE, HOSTILE: HOSTILE},
        "run_id": HOSTILE,
        "finished": HOSTILE,
    }
    run = example.finished(directory, result, **changes)
    (directory / "study.toml").write_text(HOSTILE)
    return page.render(run, figures)


def test_nothing_from_outside_is_markup(example, tmp_path) -> None:
    text = hostile(example, tmp_path)
    read = Reader(text)
    assert "\x00" not in text
    assert [tag for tag, _ in read.tags].count("script") == 1
    assert not [tag for tag, _ in read.tags if tag == "img"]
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    assert read.text.count("<script>alert") > 25


@given(st.text(max_size=60))
def test_any_text_reads_back_as_itself(words: str) -> None:
    read = Reader(str(page.facts([Fact("a", words, words, label=words)])))
    seen = "".join(char for char in words if char.isalnum())
    assert "".join(char for char in read.text if char.isalnum()).count(seen) >= 1


def test_without_a_title_the_name_is_the_question(example, strait, tmp_path) -> None:
    run = example.finished(tmp_path, Result("Yes.", (), {}), title="  ", name="strait")
    text = page.render(run, ())
    assert "<title>strait</title>" in text
    assert re.search(r"<h1[^>]*>strait</h1>", text)


def test_a_result_with_nothing_else_is_still_a_page(example, tmp_path) -> None:
    run = example.finished(tmp_path, Result("Yes.", (), {}), rows={}, sources={}, settings={}, command="", timings={})
    (tmp_path / "study.toml").unlink()
    (tmp_path / "rejected.parquet").unlink()
    read = Reader(page.render(run, ()))
    assert "Yes." in read.text or "Twenty" in read.text
    assert "The facts" not in read.text


def test_facts_have_value_interval_unit_and_meaning() -> None:
    read = Reader(str(page.facts([Fact("mean_wait", 17.36, "How long a walk takes.", 16.9, 17.8, "min")])))
    assert read.text == "Fact Value Interval or bound Mean wait How long a walk takes. 17.4 min 16.9 to 17.8".replace(
        "Fact Value", "The facts Fact Value"
    )


def test_a_table_of_ten_thousand_rows_is_a_table() -> None:
    data = pa.table({"rank": range(10_000), "value": [i / 7 for i in range(10_000)]})
    read = Reader(str(page.table(data, Show("t", "T", rows=10_000))))
    assert [tag for tag, _ in read.tags].count("tr") == 10_001
    assert "All 10,000 rows" in read.text


def test_what_is_not_shown_of_a_table_is_said(example, strait, text: str) -> None:
    assert "100 of 39,999 rows, log odds, smallest first; all of them are in" in Reader(text).text


def test_rejected_rows_are_counted_by_reason_largest_first(read: Reader) -> None:
    text = read.text
    assert (
        text.index("heading is unknown (511)")
        < text.index("speed is unknown (102.3 kn)")
        < text.index("latitude is above 90")
    )
    assert "40,411 read" in text


def test_a_few_rejected_rows_of_each_reason_are_shown(read: Reader) -> None:
    assert "<script>alert(1)</script>" in read.text
    assert read.text.count("heading is unknown (511)") == 1 + page.EXAMPLES


def test_addresses_in_sources_are_links() -> None:
    text = str(page.method((), ("Snyder (1987), https://doi.org/10.3133/pp1395.",)))
    assert '<a href="https://doi.org/10.3133/pp1395" rel="noreferrer">' in text


def test_drawn_again_it_is_the_same(example, strait, tmp_path, text: str) -> None:
    run = example.finished(tmp_path, example.result(strait))
    assert page.render(run, example.figures(strait)) == text


def test_parts_can_be_used_by_themselves() -> None:
    for part in (page.keys([]), page.facts([]), page.method((), ()), page.left_out({}, ())):
        assert str(part).strip() == ""


def test_the_numbers_of_a_picture_are_given_where_they_are_few(example) -> None:
    read = Reader(str(page.picture(example.detection())))
    assert "The numbers" in read.text
    assert [tag for tag, _ in read.tags].count("table") == 1  # two layers of the same table
    assert "length of the list records" in read.text
    data = pa.table({"x": range(page.FEW + 1), "y": range(page.FEW + 1)})
    assert page.numbers(Figure("f", "F", "", (Layer("line", data, "x", "y"),))) == []


def test_of_very_many_files_the_first_are_named() -> None:
    files = [{"file": f"part-{i}.parquet", "size": 10, "sha256": "0" * 64} for i in range(page.MOST_FILES + 7)]
    told = {
        "sources": {"data": {"files": files}},
        "command": "",
        "run_id": "r",
        "seed": 0,
        "settings": {},
        "versions": {},
    }
    text = Reader(str(page.again(told, ""))).text
    assert "part-99.parquet" in text
    assert "part-100.parquet" not in text
    assert "and 7 more, in run.json" in text


@pytest.mark.parametrize(("unit", "gap"), [("%", " "), ("min", " "), ("°", "")])
def test_a_unit_stands_apart_from_its_number_as_in_sentences(unit: str, gap: str) -> None:
    """84 % in the answer is 84 % among the facts; only degrees follow at once (SI brochure, 5.4.3)."""
    facts = [Fact("near", 84.0, "How near.", unit=unit, key=True)]
    for made in (page.keys(facts), page.facts(facts)):
        assert re.search(rf'>?84(?:</span>)?{gap}<span class="unit">{unit}</span>', str(made))
