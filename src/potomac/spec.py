"""Study files as models: the keys every study has; unknown keys are errors with a suggestion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from potomac.tables.roles import Role

__all__ = ["MEMORY", "NAME", "ColumnSpec", "Spec", "Study", "TableSpec"]

NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"
"""What the name of a study looks like: it becomes a folder and part of an address."""

MEMORY = "in memory"
"""The source of a table that was given as an object."""


class Spec(BaseModel):
    """Base of every part of a study: no unknown keys, no infinite numbers, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ColumnSpec(Spec):
    """Which column plays a role, in which unit."""

    column: str = Field(min_length=1, description="name of the column in the source")
    unit: str = Field(default="", description="unit of its values, where it is not the usual one")
    timezone: str = Field(default="", description="zone of times that carry none, e.g. Europe/Paris; default UTC")


def _column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


ColumnRef = Annotated[ColumnSpec, BeforeValidator(_column, json_schema_input_type=str | ColumnSpec)]
"""A column by its name alone, or with its unit and zone."""


class TableSpec(Spec):
    """A table of a study.

    Subclasses state their roles, which of the optional ones a new study begins with, and, where a table may come in
    another form than is expected, what a row has to look like.
    """

    roles: ClassVar[tuple[Role, ...]] = ()
    usual: ClassVar[tuple[str, ...]] = ()
    form: ClassVar[str] = ""

    source: str = Field(min_length=1, description="file, glob, directory or database URL, relative to this file")
    query: str | None = Field(None, description="SQL, where the source is a database")
    columns: dict[str, ColumnRef] = Field(default_factory=dict, description="role = column, or { column, unit }")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Name the roles in the JSON Schema, so that editors complete and explain them."""
        found = handler(core)
        columns = handler.resolve_ref_schema(found)["properties"]["columns"]
        either = columns["additionalProperties"]
        columns["properties"] = {role.name: {**either, "description": role.meaning} for role in cls.roles}
        return found

    def all_roles(self) -> tuple[Role, ...]:
        """The roles of this table, those that depend on its keys (covariates, features) included."""
        return self.roles

    @property
    def download(self) -> str:
        """Which part of which download the source is (``potomac.tables.formats``); empty for a plain table."""
        return ""

    @property
    def may_bring_places(self) -> bool:
        """Whether the source may have latitude and longitude although no column is named for them.

        GeoJSON has them in its geometry, and a GeoDataFrame too; of an object it is not known before it is opened.
        """
        return self.source == MEMORY or ".geojson" in self.source.casefold()

    def all_columns(self) -> Mapping[str, ColumnSpec]:
        """Which column plays which role, those that depend on other keys included."""
        return self.columns


class Study(Spec):
    """One question asked of tables."""

    kind: str = Field(description="which engine answers")
    name: str = Field(pattern=NAME, max_length=80, description="short name, also of the run's folder")
    title: str = Field("", max_length=300, description="the question, as the reader would ask it")
    seed: int = Field(0, ge=0, lt=2**63, description="the same seed, study and data give the same numbers")
