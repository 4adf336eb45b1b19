"""What a model says about a study, told in the words of the file: lists of tables, unions, choices, own checks."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError, field_validator, model_validator

from potomac.errors import Fault, StudyError
from potomac.spec import Spec
from potomac.studies.faults import explain
from potomac.studies.toml import parse


class Exponential(Spec):
    """A distribution."""

    law: Literal["exponential"]
    mean: float = Field(gt=0, description="mean", json_schema_extra={"unit": "min"})


class Uniform(Spec):
    """Another distribution."""

    law: Literal["uniform"]
    low: float
    high: float


class Station(Spec):
    """A place with a queue."""

    name: str
    servers: int = Field(1, ge=1, description="how many work there")
    service: Annotated[Exponential | Uniform, Field(discriminator="law")]
    tags: list[str] = Field(default=[], max_length=2)

    @field_validator("name")
    @classmethod
    def _no_exit(cls, name: str) -> str:
        if name == "exit":
            raise StudyError(Fault("toy.reserved", '"exit" is where customers go', "", "Choose another name"))
        return name


class Model(Spec):
    """A study of queues."""

    station: list[Station] = Field(min_length=1, description="the stations")
    until: float | Literal["steady"] = Field(10.0, description="when to stop")
    costs: dict[str, float] = Field(default={}, description="what an hour costs")
    note: str | None = None

    @model_validator(mode="after")
    def _named_once(self) -> Model:
        names = [station.name for station in self.station]
        twice = next((i for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            found = f'two stations are called "{names[twice]}"'
            raise StudyError(Fault("toy.named-twice", found, key=f"station.{twice}.name"))
        return self


GOOD = """\
[[station]]
name = "desk"
service = { law = "exponential", mean = 1.5 }

[[station]]
name = "till"
servers = 2
service = { law = "uniform", low = 1, high = 2 }
"""


def told(text: str) -> list[str]:
    """Each fault of a text as a line."""
    document = parse(text, "q.toml")
    with pytest.raises(ValidationError) as caught:
        Model.model_validate_json(json.dumps(document.values), strict=True)
    place = lambda path: ("q.toml", document.line(path))  # noqa: E731
    return [str(fault) for fault in explain(caught.value, Model, document.values, place)]


def test_the_good_one_is_good() -> None:
    assert len(Model.model_validate_json(json.dumps(parse(GOOD).values), strict=True).station) == 2


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "servers = 2",
            "servers = 0",
            "q.toml:7: station.1.servers: the number 0 is not valid here; expected a whole number from 1",
        ),
        (
            "servers = 2",
            'servers = "2"',
            'q.toml:7: station.1.servers: the text "2" is not valid here; expected a whole number from 1. '
            "Write 2 without quotes",
        ),
        (
            "servers = 2",
            "server = 2",
            'q.toml:7: station.1.server: no key is called "server" here; the keys of [[station]] are '
            'name, servers, service, tags. Did you mean "servers"?',
        ),
        ("mean = 1.5", "mean = 0", "q.toml:3: station.0.service.mean: the number 0 is not valid here"),
        ("mean = 1.5", "men = 1.5", "q.toml:3: station.0.service.mean: this key is missing"),
        ('name = "till"', 'name = "exit"', 'q.toml:6: station.1.name: "exit" is where customers go. Choose another'),
        ('name = "till"', 'name = "desk"', 'q.toml:6: station.1.name: two stations are called "desk"'),
        ('name = "till"\n', "", "q.toml:5: station.1.name: this key is missing; expected text"),
        ("servers = 2", 'tags = ["a", "b", "c"]', "q.toml:7: station.1.tags: a list of 3 is not valid here"),
        ("servers = 2", "tags = [1]", "q.toml:7: station.1.tags.0: the number 1 is not valid here; expected text"),
        ("[[station]]", "until = \"stedy\"\n[[station]]", 'Did you mean "steady"?'),
        ("[[station]]", "costs.desk = true\n[[station]]", "q.toml:1: costs.desk: true"),
        ("[[station]]", "note = 3\n[[station]]", "note: the number 3 is not valid here"),
        (
            "mean = 1.5",
            "maen = 1.5",
            'q.toml:3: station.0.service.maen: no key is called "maen" here; the keys of [station.service] are '
            'law, mean, low, high. Did you mean "mean"?',
        ),
        ('law = "uniform", ', "", "q.toml:8: station.1.service.law: this key is missing"),
    ],
)  # fmt: skip
def test_a_fault_is_told_where_it_stands(old: str, new: str, says: str) -> None:
    assert old in GOOD
    assert any(says in line for line in told(GOOD.replace(old, new, 1))), told(GOOD.replace(old, new, 1))


def test_an_unknown_branch_of_a_union_lists_the_branches() -> None:
    (line,) = told(GOOD.replace('law = "uniform"', 'law = "unifrom"'))
    assert line == (
        'q.toml:8: station.1.service.law: "unifrom" is not valid here; expected one of "exponential", "uniform". '
        'Did you mean "uniform"?'
    )


def test_no_table_at_all() -> None:
    (line,) = told('note = "nothing"\n')
    assert line == (
        "q.toml:1: station: this key is missing; expected a list of tables with the keys name, servers, service, tags "
        "(at least 1): the stations. Add a table [[station]]"
    )


def test_a_table_where_a_list_of_tables_belongs() -> None:
    (line,) = told(GOOD[: GOOD.index("[[station]]", 1)].replace("[[station]]", "[station]"))
    assert "q.toml:1: station: a table is not valid here; expected a list of tables" in line
