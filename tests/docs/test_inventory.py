"""Every command, key, fact, error, column and public name occurs in the documentation, and made pages are fresh."""

from __future__ import annotations

import inspect
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "reference.py"))


def text(name: str) -> str:
    """A page of the reference."""
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_made_pages_are_those_of_the_code() -> None:
    words = [sys.executable, str(ROOT / "scripts" / "reference.py"), "--check"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_command_and_option_has_its_section() -> None:
    from typer.main import get_command

    from potomac.cli.main import app, names

    page = text("command.md")
    group: Any = get_command(app)
    for name in names():
        section = page.split(f"\n## potomac {name}\n")[1].split("\n## ")[0]
        for param in group.commands[name].params:
            shown = param.opts if param.param_type_name == "option" else [param.metavar or param.name.upper()]
            assert any(word in section for word in shown), (name, param.name)


def keys(model: Any, prefix: str = "") -> Iterator[str]:
    """Keys of a study with dots, those of its tables included."""
    from potomac.studies import fields

    for name, info in fields.keys(model).items():
        yield f"{prefix}{name}"
        inner = fields.model_in(fields.slot_of(info))
        if inner is not None and "column name" not in fields.words(fields.slot_of(info)):
            yield from keys(inner, f"{prefix}{name}.")


KEYS = {
    "outliers": {"data.source", "model.method"},
    "location": {"demand.source", "travel.links.source", "problem.p"},
    "recommend": {"interactions.source", "items.features", "model.method", "editors_picks"},
    "simulation": {"source.interarrival", "station.servers", "data.source", "run.until"},
}
"""Some keys of each kind, so that a walk that finds none is noticed."""


@pytest.mark.parametrize("kind", KEYS)
def test_every_key_and_role_of_a_study_is_described(kind: str) -> None:
    from potomac.studies import registry

    page, study = text(f"study-{kind}.md"), registry.engine(kind).study
    found = list(keys(study))
    assert set(found) >= KEYS[kind]
    for key in found:
        row = re.search(rf"^\| `\[*{re.escape(key)}\]*` \| ([^|]+) \|", page, re.M)
        assert row is not None, key
        assert row[1].strip(), key
    roles = [role for model in tables_of(study) for role in model.roles]
    assert len(roles) >= (2 if kind == "simulation" else 6)
    for role in roles:
        assert f"| `columns.{role.name}` | {role.meaning} |" in page


def tables_of(model: Any) -> Iterator[Any]:
    """The tables of a study, those inside of its parts too."""
    from potomac.spec import TableSpec
    from potomac.studies import fields

    for info in fields.keys(model).values():
        inner = fields.model_in(fields.slot_of(info))
        if inner is not None and issubclass(inner, TableSpec):
            yield inner
        elif inner is not None:
            yield from tables_of(inner)


def test_every_error_has_a_page_that_says_when_and_what_to_do() -> None:
    about = tomllib.loads(text("errors.toml"))
    codes = SCRIPT["codes"]()
    assert set(about) == set(codes), "docs/reference/errors.toml has one entry for each code in the source"
    index = text("errors/index.md")
    for code, told in about.items():
        assert told["when"].endswith("."), code
        assert told["mend"].endswith("."), code
        assert f"[`{code}`]({code}.md)" in index
        page = text(f"errors/{code}.md")
        assert told["when"] in page
        assert re.search(r"^```text\n\S", page, re.M), f"{code}: what it says is not found in the source"


def test_codes_are_found_wherever_they_are_written() -> None:
    """Whatever looks like a code of one of the known families is one that the script knows."""
    families = {code.split(".")[0] for code in SCRIPT["codes"]()}
    written = set()
    for path in (ROOT / "src" / "potomac").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        written |= set(re.findall(r'Fault\(\s*"([a-z]+(?:-[a-z]+)*\.[a-z0-9-]+)"', source))
    assert written
    assert written <= set(SCRIPT["codes"]())
    assert {"data", "study", "run", "engine", "outliers", "location"} <= families


def test_messages_are_resolved() -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (REFERENCE / "errors").glob("*.md")}
    assert 'no column "{column}" in {label}' in pages["data.column-missing"]
    assert "expected at least 30" in pages["outliers.too-few"]  # a constant of the module
    assert "Exit code: 3." in pages["data.ends-early"]
    for name, page in pages.items():
        for message in re.findall(r"^```text\n(.*?)^```", page, re.M | re.S):
            assert re.search(r"[a-z]{2}", re.sub(r"\{[^}]*\}", "", message)), (name, message)


def test_every_fact_of_a_run_has_its_meaning() -> None:
    page = text("facts.md")
    names = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", page, re.M)
    assert {"records", "found", "found_{kind}", "meetings", "features"} <= {name for name, _ in names}
    assert {"objective", "bound", "gap", "proven", "status", "mean_minutes"} <= {name for name, _ in names}
    assert all(meaning.strip() for _, meaning in names)


def test_every_public_name_is_documented_where_it_is_defined_and_in_the_reference() -> None:
    page = text("library.md")
    for part, names in SCRIPT["public"]().items():
        section = page.split(f"\n## {part}\n")[1].split("\n## ")[0]
        module = __import__(part, fromlist=["x"])
        assert inspect.getdoc(module), part
        for name in names:
            assert f"### `{name}`" in section, (part, name)
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                assert inspect.getdoc(value), (part, name)
                assert not inspect.isclass(value) or all(methods_told(value)), (part, name)


def methods_told(cls: type) -> Iterator[bool]:
    """Whether each public method and property that a class defines says what it does."""
    for name, member in vars(cls).items():
        made = isinstance(member, property | classmethod | staticmethod) or inspect.isfunction(member)
        if made and not name.startswith("_"):
            yield bool(inspect.getdoc(getattr(cls, name)))


def test_parts_of_the_package_are_in_the_library_page_or_say_that_they_are_not_for_users() -> None:
    import potomac

    inner = {"__version__", "report", "geo", "stats"}  # geo and stats by their modules
    page = text("library.md")
    for name in set(potomac.__all__) - inner:
        assert f"\n## potomac.{name}\n" in page
    for name in ("geo.distance", "stats.intervals"):
        assert f"\n## potomac.{name}\n" in page


def test_decisions_are_all_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "index.md").read_text(encoding="utf-8")
    pages = sorted(path.name for path in folder.glob("0*.md"))
    assert re.findall(r"\]\((0\d+-[a-z-]+\.md)\)", index) == pages
    for name in pages:
        page = (folder / name).read_text(encoding="utf-8")
        assert page.startswith(f"# {name[:4]} ")
        assert "**What would change our mind.**" in page, name


@pytest.mark.parametrize("name", ["Natural Earth", "world-atlas", "axe-core", "traffic", "GeoNames", "OpenStreetMap"])
def test_the_notice_names_the_works_of_others(name: str) -> None:
    assert name in (ROOT / "NOTICE").read_text(encoding="utf-8")


def test_numbers_that_the_explanation_names_are_those_of_the_code() -> None:
    from potomac.outliers import contrast, detectors, evidence, meetings, model, surroundings
    from potomac.outliers.answer import MEMORY_ROWS
    from potomac.outliers.summary import Settings

    page = " ".join((ROOT / "docs" / "explanation" / "local-contrast.md").read_text(encoding="utf-8").split())
    design, settings = contrast.Design(), Settings()
    words = {2: "two", 3: "three", 4: "four", 10: "ten", 12: "twelve"}
    assert contrast.WEIGHTS == {"place": 1.0, "behaviour": 1.0, "track": 0.3}
    assert "behaviour + 0.3 track" in page
    assert contrast.CROWDED == 0.5
    assert "halves evidence for it" in page
    large = detectors.FOR_LARGE
    more = f"more than {words[detectors.LARGE]} times `model.sample` rows"
    assert f"in several **bags** ({words[design.bags]} by default, {words[large.bags]} for a table of {more})" in page
    assert f"**folds** ({words[design.folds]} by default, {words[large.folds]} for a large table)" in page
    assert f"{design.reference:,} in all" in page
    assert f"hold more than {design.most:,} records and are wider than {design.min_km:g} km" in page
    assert f"Up to {settings.sample:,} rows (`model.sample`)" in page
    assert f"more than {words[MEMORY_ROWS // 1_000_000]} million rows" in page
    assert f"the {surroundings.NEAR}th and the {surroundings.FAR}th nearest other" in page
    assert f"the speeds of the {words[evidence.ASKED]} nearest others" in page
    assert f"below {model.BUSY:g}: where others usually are" in page
    assert meetings.Meetings.build.__kwdefaults__["slow_kn"] == 2.0
    streaming = (ROOT / "docs" / "decisions" / "0008-streaming.md").read_text(encoding="utf-8")
    assert f"by default {settings.sample:,})" in streaming
