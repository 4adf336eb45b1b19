"""What ``new`` writes: every key, explained; it reads back; uncommented, it is still the same study."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from potomac.errors import StudyError
from potomac.spec import ColumnRef, Spec, Study, TableSpec
from potomac.studies import registry, scaffold
from potomac.studies.load import load
from potomac.tables import Role


def test_what_is_written_reads_back_once_the_source_is_filled_in(numbers: Path) -> None:
    study = load(scaffold.new("toy", "new.toml")).study
    assert (study.kind, study.name, study.level) == ("toy", "my-toy", 0.95)
    assert list(study.data.columns) == ["value"]


def test_every_key_stands_there_with_its_default_and_a_comment(numbers: Path) -> None:
    text = scaffold.text("toy")
    for line in ('kind = "toy"', '# title = ""', "# seed = 0", "# level = 0.95", "# scale = 0.0", '# shape = "normal"'):
        assert f"\n{line}\n" in text
    assert 'noise is distributed: one of "normal", "uniform"' in text
    assert '\ncolumns.value = "value"    # what is averaged\n' in text
    assert '\n# columns.group = "group"    # what rows belong to\n' in text
    assert all(len(line) <= 120 for line in text.splitlines())


def test_taking_the_sign_from_a_default_changes_nothing(numbers: Path) -> None:
    text = scaffold.text("toy")
    keys = re.compile(r"^# ([a-z_]+ = (?:(?!    # not set).)*)$", re.M)
    assert len(keys.findall(text)) >= 5
    Path("all.toml").write_text(keys.sub(r"\1", text))
    Path("few.toml").write_text(text)
    assert load("all.toml").study == load("few.toml").study


def test_a_file_that_is_there_is_left_as_it_is(numbers: Path) -> None:
    before = Path("study.toml").read_text()
    with pytest.raises(StudyError) as caught:
        scaffold.new("toy", "study.toml")
    assert caught.value.faults[0].code == "new.exists"
    assert Path("study.toml").read_text() == before


def test_a_place_that_cannot_be_written(numbers: Path) -> None:
    with pytest.raises(StudyError) as caught:
        scaffold.new("toy", "no/such/folder/study.toml")
    assert caught.value.faults[0].code == "new.unwritable"


def test_a_directory_gets_a_file_of_the_kind(numbers: Path) -> None:
    Path("folder").mkdir()
    assert scaffold.new("toy", "folder") == Path("folder/toy.toml")


def test_the_schema_says_what_the_model_takes(numbers: Path) -> None:
    schema = scaffold.schema("toy")
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["properties"]["kind"]["const"] == "toy"
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"kind", "name", "data"}
    column = schema["$defs"]["Values"]["properties"]["columns"]["additionalProperties"]
    assert {"type": "string"} in column["anyOf"]


def test_the_text_is_toml(numbers: Path) -> None:
    assert set(tomllib.loads(scaffold.text("toy"))) == {"kind", "name", "data", "jitter"}


class Station(Spec):
    """A place with a queue."""

    name: str = Field(description="what it is called", examples=["desk"])
    servers: int = Field(1, ge=1, description="how many work there")


class Stock(TableSpec):
    """A table of one role."""

    roles = (
        Role("amount", "number", "how much there is"),
        Role("day", "time", "when it was counted", required=False),
        Role("who", "text", "who counted", required=False),
    )
    usual = ("day",)


class QueueStudy(Study):
    """Queues, and the tables they take from."""

    kind: Literal["toy"]
    station: list[Station] = Field(min_length=1, description="the stations")
    stock: list[Stock] = Field(default=[], description="what is stored")
    shelf: Stock = Field(description="one table")
    cost: dict[str, Station] = Field(default={}, description="stations by name")
    weights: list[ColumnRef] = Field(default=[], description="more columns")


def test_lists_of_tables_have_double_brackets(numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = registry.engine("toy")
    monkeypatch.setattr(registry, "engine", lambda kind: replace(toy, study=QueueStudy))
    text = scaffold.text("toy")
    assert '\n# The stations\n[[station]]\n# what it is called: text\nname = "desk"\n' in text
    assert "\n# [[stock]]\n" in text
    assert '\n# columns.amount = "amount"    # how much there is\n' in text
    assert "\n# [cost.name]\n" in text
    assert '\ncolumns.day = "day"    # when it was counted\n' in text  # usual, so it is there from the start
    assert '\n# columns.who = "who"    # who counted\n' in text
    assert "\n# weights = []\n" in text
    assert "[[weights]]" not in text
    shelf = Stock(source="shelf.csv", columns={"amount": "amount", "day": "day"})  # type: ignore[dict-item]
    station = [Station(name="desk")]
    expected = QueueStudy(kind="toy", name="my-toy", station=station, shelf=shelf)
    assert load(scaffold.new("toy", "queue.toml")).study == expected
