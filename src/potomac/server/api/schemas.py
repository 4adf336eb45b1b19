"""What comes in and what goes out."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from potomac.server.api.problems import FaultOut
from potomac.spec import NAME

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Slug = Annotated[str, StringConstraints(pattern=NAME, max_length=80)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]
Line = Annotated[str, StringConstraints(max_length=300)]
Text = Annotated[str, StringConstraints(max_length=256 * 1024)]
Number = Annotated[int, Field(ge=1, le=2_147_483_647)]
Visible = Literal["private", "link", "public"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]


class In(Schema):
    """What is sent: nothing unknown, and no text where a number belongs."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Page(Schema):
    """A page of a list."""

    total: int = Field(description="how many there are in all")
    limit: int
    offset: int


class SourceOut(Schema):
    """A table that studies may name."""

    id: str
    name: str = Field(description="as a study writes it")
    kind: Literal["upload", "folder", "database"]
    state: Literal["checking", "ready", "refused"]
    reason: str = Field(description="why it was refused")
    rows: int | None
    created: dt.datetime


class SourceDetail(SourceOut):
    """A source with what was seen in it."""

    preview: dict[str, Any] = Field(description="columns, first rows, notes")


class Sources(Page):
    """A page of sources."""

    items: list[SourceOut]


class FromFolder(In):
    """A file on the server."""

    folder: Annotated[str, StringConstraints(max_length=60)] = Field(description="a folder that the server offers")
    path: Annotated[str, StringConstraints(max_length=500)] = Field(description="the file, relative to the folder")


class FromDatabase(In):
    """A query to a database that an administrator has registered."""

    database: Slug = Field(description="its name")
    name: Annotated[str, StringConstraints(min_length=1, max_length=120)] = Field(description="name of the new source")
    query: Text = Field(description="SQL")


class KindOut(Schema):
    """A kind of study."""

    kind: str
    summary: str
    endpoints: list[str] = Field(description="live questions that its products answer")


class Kinds(Schema):
    """All kinds of studies."""

    items: list[KindOut]


class Submit(In):
    """A study to be run."""

    text: Text = Field(description="the study file, TOML", examples=['kind = "outliers"\nname = "strait"\n'])
    study: Id | None = Field(None, description="id of the saved study that it came from")


class CheckIn(In):
    """A study to be checked."""

    text: Text = Field(description="the study file, TOML", examples=['kind = "outliers"\nname = "strait"\n'])


class CheckOut(Schema):
    """All that is wrong with a study."""

    valid: bool
    faults: list[FaultOut]


class StudyIn(In):
    """A study to be saved, right or wrong."""

    kind: Slug = Field(description="its kind")
    text: Text = Field(description="the study file, TOML")


class StudyOut(Schema):
    """A saved study."""

    id: str
    kind: str
    name: str
    title: str
    created: dt.datetime
    changed: dt.datetime


class StudyDetail(StudyOut):
    """A saved study with its text."""

    text: str = Field(description="the study file, TOML")


class Studies(Page):
    """A page of studies."""

    items: list[StudyOut]


class Progress(Schema):
    """How far a run is."""

    what: str = Field(description="what is being done")
    done: float
    total: float | None


class RunOut(Schema):
    """A run."""

    id: str
    kind: str
    name: str
    title: str
    state: JobState
    progress: Progress
    answer: str = Field(description="the sentence that answers the question; empty until then")
    created: dt.datetime
    finished: dt.datetime | None


class RunDetail(RunOut):
    """A run with its study, its log and what went wrong."""

    text: str = Field(description="the study file as it was submitted")
    sources: list[str] = Field(description="names of the sources that it reads")
    attempt: int = Field(description="how often it was taken up")
    log: str
    faults: list[FaultOut] = Field(description="why it failed")


class Runs(Page):
    """A page of runs."""

    items: list[RunOut]


class FileOut(Schema):
    """A file of a finished run."""

    path: str
    size: int = Field(description="bytes")


class Files(Schema):
    """The files of a finished run."""

    items: list[FileOut]


class ColumnOut(Schema):
    """A column of a table."""

    name: str
    type: str = Field(description="its Arrow type")


class TableOut(Schema):
    """A table of a result."""

    name: str
    rows: int
    columns: list[ColumnOut]


class Tables(Schema):
    """The tables of a result."""

    items: list[TableOut]


class RowsOut(Page):
    """Rows of a table."""

    table: str
    columns: list[str]
    rows: list[dict[str, Any]]


class RowOut(Schema):
    """One row of a table."""

    table: str
    number: int = Field(description="counted from 0")
    row: dict[str, Any]


class FactOut(Schema):
    """A named number with its interval or bound, its unit and its meaning."""

    name: str
    label: str
    value: float | int | str | bool | None
    low: float | None
    high: float | None
    unit: str
    meaning: str
    source: str
    key: bool = Field(description="whether it is among the key figures")


class FactsOut(Schema):
    """What a run found."""

    answer: str = Field(description="the sentence that answers the question")
    items: list[FactOut]


class Publish(In):
    """A finished run and the address that it gets."""

    run: Id
    slug: Slug = Field(description="a new one makes a product, an own one a new version of it")
    title: Line = Field("", description="default: the run's")
    visibility: Visible = Field("private", description="of a new product")
    note: Line = Field("", description="what is new in this version")


class Change(In):
    """What shall change."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None
    visibility: Visible | None = None


class Default(In):
    """The version that is shown."""

    number: Number


class LinkOut(Schema):
    """The secret part of the address of a product by link."""

    link: str


class EndpointOut(Schema):
    """A live question."""

    name: str
    title: str
    address: str
    example: dict[str, Any]


class ProductOut(Schema):
    """A published run."""

    slug: str
    title: str
    kind: str
    visibility: Visible
    answer: str
    version: int | None = Field(description="number of the version that is shown")
    endpoints: list[EndpointOut]
    owner: str | None = Field(None, description="who published it; told to those who have signed in")
    link: str | None = Field(None, description="secret part of the address by link; told to those who may change it")
    created: dt.datetime
    changed: dt.datetime


class Products(Page):
    """A page of products."""

    items: list[ProductOut]


class VersionOut(Schema):
    """A version of a product."""

    slug: str
    number: int
    default: bool
    run: str | None = Field(None, description="id of the run; told to those who may change the product")
    note: str
    answer: str
    created: dt.datetime


class Versions(Page):
    """A page of versions."""

    items: list[VersionOut]
