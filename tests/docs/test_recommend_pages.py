"""The pages on recommenders run as written, and what they tell of their runs is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
MOMENTS = {"library-first": "not_yet", "library-quarter": "content_based", "library-year": "collaborative"}


def told(page: Path) -> list[str]:
    """Blocks of text of a page: what it says is printed, or typed elsewhere."""
    return re.findall(r"^```text\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.slow
def test_the_tutorial_on_books_runs_as_written(reader: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from potomac import studies

    reader.quick = False
    page = DOCS / "tutorials" / "recommend-books.md"
    reader.follow(page)
    assert reader.done == ["check", "run", "show", "run"]
    said = one_line(capsys.readouterr().out)
    blocks = told(page)
    assert one_line(blocks[0]) in said
    table = [line for line in blocks[1].splitlines() if "of the books" in line]
    assert [line[:20].strip() for line in table][-1] == "the most popular"
    for line in table:
        alike(said, one_line(line))
    names = reader.names
    assert studies.open_run("loans/latest").tables["recommendations"].num_rows == 20
    assert "The Golden Lighthouse" in names["suggester"].suggest("golden lighthose")["text"].to_pylist()
    assert not {"The Last Winter"} & set(names["offers"]["title"].to_pylist())
    before, after = (names[name].recommend([34], 3)["item"].to_pylist() for name in ("model", "newer"))
    assert before != after


def alike(said: str, line: str) -> None:
    """A line of the page was printed, its figures but for the last digit."""
    number = r"\d+(?:\.\d+)?"
    shape = re.sub(number, "#", line)
    same = [found.group() for found in re.finditer(re.escape(shape).replace(r"\#", "#").replace("#", number), said)]
    assert same, line
    for one, other in zip(re.findall(number, same[0]), re.findall(number, line), strict=True):
        assert float(one) == pytest.approx(float(other), abs=0.02 if "." in other else 2), line


class Judge:
    """Does what the command ``demo`` does, its lists the same for all: the verdict does not rest on them."""

    def __init__(self, reader: Any) -> None:
        self.type, reader.type = reader.type, self.asked

    def asked(self, words: list[str]) -> None:
        if words[:3] != ["potomac", "demo", "recommend"]:
            self.type(words)
            return
        from importlib import resources

        from potomac import studies
        from potomac.studies import registry

        engine = registry.engine("recommend")
        home, runs = (Path(words[words.index("--out") + 1]) / name for name in ("recommend", "runs"))
        home.mkdir(parents=True)
        for name in engine.demos:
            text = resources.files("potomac.recommend").joinpath(name).read_text(encoding="utf-8")
            (home / name).write_text(text, encoding="utf-8")
            assert engine.prepare is not None
            engine.prepare(str(home), lambda *_: None)
            studies.run(home / name, runs, overrides=["model.method=popular", "evaluation.methods=[]"])


@pytest.mark.slow
def test_the_tutorial_on_the_verdict_runs_as_written(reader: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from potomac import studies

    reader.quick = False
    Judge(reader)
    page = DOCS / "tutorials" / "should-we-build-it.md"
    reader.follow(page)
    assert set(reader.done) == {"show", "new", "check", "run"}
    text = page.read_text(encoding="utf-8")
    rows = {cells[0]: cells[1:] for line in text.splitlines() if len(cells := cells_of(line)) == 4}
    for at, (name, verdict) in enumerate(MOMENTS.items()):
        run = studies.open_run(f"library/runs/{name}/latest")
        assert run.facts["verdict"] == verdict
        assert rows["verdict"][at] == f"`{verdict}`"
        assert rows["loans"][at] == f"{run.facts['interactions']:,}"
        for fact, row in (("gain", "gain of lists by what others did"), ("content_gain", GAIN)):
            assert near(rows[row][at], run.fact(fact)), (name, fact)
    said = capsys.readouterr().out
    assert "Amélie" in said
    assert said.rstrip().splitlines()[-1].startswith("Not yet:")


GAIN = "gain of lists by what items are like"


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []


def near(cell: str, fact: Any) -> bool:
    """Whether "57 % (−7 to 179)" is what a fact says, its interval but for a fifth of its length."""
    value, low, high = (float(x.replace("−", "-")) for x in re.findall(r"[−\d]\d*", cell))
    slack = max(1.0, 0.2 * (high - low))
    return all(abs(a - b) <= slack for a, b in ((value, fact.value), (low, fact.low), (high, fact.high)))


@pytest.mark.slow
def test_the_page_on_evaluating_runs_as_written(reader: Any, capsys: pytest.CaptureFixture[str]) -> None:
    reader.follow(DOCS / "how-to" / "evaluate-a-recommender.md")
    said = capsys.readouterr().out
    assert "collaborative Build it" in said
    names = reader.names
    assert names["chosen"].chosen_ is not None
    assert names["ours"].split is names["split"]


def test_the_page_on_the_verdict_tells_thresholds_and_verdicts_of_the_code(
    reader: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from potomac.recommend.judging import counts, curve, verdict

    page = DOCS / "explanation" / "verdict-of-a-recommender.md"
    reader.follow(page)
    assert one_line(capsys.readouterr().out) == one_line(told(page)[0])
    text = one_line(page.read_text(encoding="utf-8"))
    assert f"| {verdict.BROWSE} items |" in text
    assert f"| {verdict.PEOPLE} people who did two things or more |" in text
    assert (
        f"{verdict.WORTH:.0%}".replace("%", " %") + f", and the {100 * verdict.CONFIDENCE:g} % interval above 0" in text
    )
    assert curve.FAR == 32
    assert "followed to 32 times what there is" in text
    assert (counts.ALL, counts.COPIED) == (0.5, 5)
    assert "more than half of the catalogue" in text
    assert "same five items or more" in text


def test_the_table_of_methods_names_them_all() -> None:
    from potomac.recommend import methods

    page = (DOCS / "explanation" / "which-recommender-when.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    assert named | {"auto"} == set(methods.METHODS)
