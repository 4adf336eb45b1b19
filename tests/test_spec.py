"""What every study has: strict about keys, generous about how a column is written."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from potomac.spec import ColumnSpec, Study, TableSpec
from potomac.tables.roles import Role


class Ships(TableSpec):
    """A table with two roles."""

    roles = (Role("speed", "number", "speed over ground", dimension="speed"), Role("time", "time", "when"))


class ShipStudy(Study):
    """A study of one table."""

    kind: Literal["ships"]
    data: Ships = Field(description="the ships")


GOOD = {"kind": "ships", "name": "strait-in-may", "data": {"source": "a.csv", "columns": {"speed": "sog"}}}


def faults(**changes: object) -> set[tuple[str, str]]:
    """Where, and what is wrong with the good study so changed."""
    with pytest.raises(ValidationError) as caught:
        ShipStudy.model_validate({**GOOD, **changes})
    return {(".".join(map(str, error["loc"])), error["type"]) for error in caught.value.errors()}


def test_a_good_study_and_its_defaults() -> None:
    study = ShipStudy.model_validate(GOOD)
    assert (study.seed, study.title) == (0, "")
    assert study.data.columns["speed"] == ColumnSpec(column="sog", unit="", timezone="")


def test_a_column_is_its_name_or_a_table() -> None:
    spec = Ships(source="a.csv", columns={"speed": {"column": "sog", "unit": "m/s"}, "time": "t"})  # type: ignore[dict-item]
    assert spec.columns["speed"].unit == "m/s"
    assert spec.columns["time"].column == "t"


def test_the_schema_names_the_roles() -> None:
    told = ShipStudy.model_json_schema()["$defs"]["Ships"]["properties"]["columns"]
    assert {"type": "string"} in told["additionalProperties"]["anyOf"]
    assert {name: role["description"] for name, role in told["properties"].items()} == {
        "speed": "speed over ground",
        "time": "when",
    }


def test_unknown_keys_are_refused_at_every_depth() -> None:
    assert faults(sed=1) == {("sed", "extra_forbidden")}
    assert faults(data={"source": "a.csv", "sources": "b"}) == {("data.sources", "extra_forbidden")}
    wrong = {"source": "a.csv", "columns": {"speed": {"column": "sog", "units": "kn"}}}
    assert faults(data=wrong) == {("data.columns.speed.units", "extra_forbidden")}


@pytest.mark.parametrize("name", ["strait", "strait-in-may", "2025", "a-1-b"])
def test_names_that_may_be_a_folder_and_an_address(name: str) -> None:
    assert ShipStudy.model_validate({**GOOD, "name": name}).name == name


@pytest.mark.parametrize(
    "name", ["", "Strait", "a b", "a/b", "..", ".", "-a", "a-", "a--b", "a_b", "é", "a\n", "a" * 81, "latest\x00"]
)
def test_names_that_may_not(name: str) -> None:
    assert {where for where, _ in faults(name=name)} == {"name"}


@given(st.integers())
def test_seeds_fit_into_63_bits(seed: int) -> None:
    if 0 <= seed < 2**63:
        assert ShipStudy.model_validate({**GOOD, "seed": seed}).seed == seed
    else:
        assert {where for where, _ in faults(seed=seed)} == {"seed"}


def test_a_study_is_never_changed() -> None:
    study = ShipStudy.model_validate(GOOD)
    with pytest.raises(ValidationError):
        study.seed = 2  # type: ignore[misc]


def test_roles_may_depend_on_keys() -> None:
    class Wide(Ships):
        """A table with a role a feature."""

        features: tuple[str, ...] = ()

        def all_roles(self) -> tuple[Role, ...]:
            return (*self.roles, *(Role(name, "any", "a feature") for name in self.features))

    spec = Wide(source="a.csv", features=("length",))
    assert [role.name for role in spec.all_roles()] == ["speed", "time", "length"]
    assert [role.name for role in Ships(source="a.csv").all_roles()] == ["speed", "time"]
