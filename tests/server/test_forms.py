"""A form and a study file are two views of the same values, whatever kind of study it is."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from potomac.engine import Endpoint, Engine
from potomac.errors import Fault
from potomac.server.flows import studies, studyform, studytext
from potomac.server.flows.base import Actor, Missing, TooMuch
from potomac.server.pages import questions
from potomac.spec import Spec, Study, TableSpec
from potomac.studies import load, registry
from potomac.tables import LATITUDE, TIME

OUTLIERS = registry.engine("outliers")

FULL: dict[str, Any] = {
    "kind": "outliers",
    "name": "strait",
    "title": 'Who is "odd"\nhere?',
    "prevalence": 0.001,
    "data": {
        "source": "strait.csv",
        "columns": {"latitude": "lat", "longitude": "lon", "speed": {"column": "sog", "unit": "m/s"}},
        "covariates": [{"column": "flag", "category": True}, {"column": "length", "low": 1.0, "high": 400.0}],
        "needed": ["speed"],
        "drop_repeats": True,
    },
    "model": {"method": "logistic", "bags": 1, "ridge": 0.5},
    "check": {"plant": ["jump", "speed"]},
}


class Station(Spec):
    servers: int = Field(1, ge=1, description="how many")
    calendar: dict[str, float] = Field(default_factory=dict, description="share by day")
    mode: Literal["fifo", "lifo"] = Field("fifo", description="order")


class Stock(TableSpec):
    roles = (LATITUDE, TIME)


class Queues(Study):
    """A kind with lists of tables, as other engines have them."""

    kind: Literal["queues"]
    station: tuple[Station, ...] = Field(description="the stations")
    stock: tuple[Stock, ...] = Field(default=(), description="tables of stock")
    warmup: float | Literal["auto"] = Field("auto", description="time left out")
    days: tuple[int, ...] = Field(default=(), description="which days")
    open: bool = Field(True, description="whether it is open")


QUEUES = Engine("queues", Queues, lambda *_: None, lambda _: (), "Queues.")  # type: ignore[arg-type, return-value]


def sent(section: studyform.Section) -> dict[str, list[str]]:
    """What a browser sends of a form in which nothing is changed."""
    found: dict[str, list[str]] = {}
    for field in every(section):
        if field.control == "checks":
            found |= {field.key: list(field.values)} if field.values else {}
        else:
            found[field.key] = [field.value.replace("\n", "\r\n") if field.control == "long" else field.value]
    return found


def every(section: studyform.Section) -> list[studyform.Field]:
    own = [*section.fields, *([section.source] if section.source else [])]
    own += [one for role in section.roles for one in (role.column, role.unit, role.zone) if one]
    return own + [field for part in (*section.parts, *section.items) for field in every(part)]


def by_key(section: studyform.Section) -> dict[str, studyform.Field]:
    return {field.key: field for field in every(section)}


def test_a_form_that_is_sent_unchanged_gives_the_same_study() -> None:
    values = {**FULL, "title": "Who is odd here?"}
    form = studyform.form(OUTLIERS, values, {"strait.csv": ["lat", "lon", "sog", "flag", "length"]})
    assert studyform.read(OUTLIERS, sent(form)) == values


def test_the_file_reads_back_as_the_values_and_is_a_valid_study() -> None:
    text = studytext.write(studytext.differing(OUTLIERS, FULL))
    assert tomllib.loads(text) == FULL
    assert load(tomllib.loads(text)).study.model_dump()["data"]["columns"]["speed"]["unit"] == "m/s"


def test_what_is_the_default_anyway_is_left_out_of_the_file() -> None:
    values = {**FULL, "seed": 0, "top": 100, "grid": {"cell_km": 50.0}, "model": {"method": "contrast", "sample": 10}}
    found = studytext.differing(OUTLIERS, values)
    assert "seed" not in found
    assert "top" not in found
    assert "grid" not in found
    assert found["model"] == {"sample": 10}
    assert studytext.differing(OUTLIERS, {**FULL, "sed": 0})["sed"] == 0  # an unknown key stays, to be told about


def test_every_key_of_every_kind_has_a_field_with_help() -> None:
    for engine in registry.engines().values():
        form = studyform.form(engine, {})
        for field in every(form):
            assert field.help or field.key.endswith((".unit", ".timezone")), field.key
        assert {"name", "title", "seed"} <= {field.key for field in form.fields}
        assert "kind" not in by_key(form)


def test_defaults_units_ranges_and_choices_stand_at_the_fields() -> None:
    fields = by_key(studyform.form(OUTLIERS, FULL, {"strait.csv": ["lat", "lon", "sog"]}))
    cell = fields["grid.cell_km"]
    assert (cell.placeholder, cell.unit, cell.low, cell.high, cell.control) == ("50.0", "km", "0.1", "2000", "number")
    assert fields["model.method"].choices == (("", "contrast (default)"), ("logistic", "logistic"))
    assert fields["prevalence"].placeholder == "e.g. 0.001"
    assert fields["data.columns.speed.unit"].choices[0] == ("", "kn")  # the unit without another
    assert ("m/s", "m/s") in fields["data.columns.speed.unit"].choices
    assert fields["data.columns.time.timezone"].placeholder == "UTC"
    assert fields["data.covariates.0.column"].choices[-1] == ("flag", "flag")  # chosen, though the source has none


def test_which_roles_are_needed_depends_on_the_other_keys() -> None:
    fields = by_key(studyform.form(OUTLIERS, {"data": {"source": "a"}}))
    assert fields["data.columns.latitude"].required
    assert not fields["data.columns.speed"].required
    plain = by_key(studyform.form(OUTLIERS, {"data": {"source": "a", "features": ["amount", "age"]}}))
    assert not plain["data.columns.latitude"].required


def test_lists_of_tables_and_values_of_several_types() -> None:
    values = {
        "kind": "queues", "name": "q", "warmup": 2.5, "days": [1, 5], "open": False,
        "station": [{"servers": 2, "calendar": {"mon": 0.5}}, {"mode": "lifo"}],
        "stock": [{"source": "a.csv", "columns": {"time": {"column": "t", "timezone": "Europe/Paris"}}}],
    }  # fmt: skip
    form = studyform.form(QUEUES, values, {"a.csv": ["t", "lat"]})
    assert [item.title for part in form.parts if part.key == "station" for item in part.items] == [
        "Station 1",
        "Station 2",
    ]
    assert studyform.read(QUEUES, sent(form)) == values
    text = studytext.write(studytext.differing(QUEUES, values))
    assert tomllib.loads(text) == values
    assert text.count("[[station]]") == 2
    assert studyform.read(QUEUES, {"warmup": ["auto"], "name": ["q"]})["warmup"] == "auto"


def test_what_is_no_number_stays_as_it_was_typed_and_is_told_at_its_field() -> None:
    values = studyform.read(
        OUTLIERS, {"name": ["Strait!"], "top": ["many"], "grid.cell_km": ["1e999"], "seed": ["1_0"]}
    )
    assert values["top"] == "many"
    assert values["seed"] == "1_0"
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any of the study's errors
        load(values)
    faults = caught.value.faults  # type: ignore[attr-defined]
    fields = by_key(studyform.form(OUTLIERS, values, faults=faults))
    assert "a whole number from 1 to 10000" in fields["top"].fault
    assert fields["name"].fault
    assert fields["top"].value == "many"


def test_lists_without_numbers_and_hostile_names_do_no_harm() -> None:
    typed = {
        "data.covariates.x.column": ["a"], "data.covariates.999999.column": ["b"], "data.covariates.²": ["c"],
        "__class__": ["d"], "data.columns.speed": ['"] = 1\n[x]'], "title": ["\x00\x1f\\\"'\n[data]"],
    }  # fmt: skip
    values = studyform.read(OUTLIERS, typed)
    assert "covariates" not in values["data"]
    assert tomllib.loads(studytext.write(values)) == values


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
plain = words | numbers | st.booleans()
tables = st.recursive(
    st.dictionaries(words, plain | st.lists(plain, max_size=3), max_size=4),
    lambda inner: st.dictionaries(words, inner | st.lists(inner, min_size=1, max_size=3), max_size=3),
    max_leaves=12,
)


@given(tables)
def test_whatever_the_values_the_file_reads_back_as_them(values: dict[str, Any]) -> None:
    assert tomllib.loads(studytext.write(values)) == values


@given(
    st.dictionaries(
        st.sampled_from([f.key for f in every(studyform.form(OUTLIERS, FULL))]), st.lists(words, max_size=2)
    )
)
def test_whatever_is_typed_it_becomes_a_file_and_a_form(typed: dict[str, list[str]]) -> None:
    values = studyform.read(OUTLIERS, typed)
    text = studytext.write(studytext.differing(OUTLIERS, values))
    form = studyform.form(OUTLIERS, tomllib.loads(text))
    assert studyform.read(OUTLIERS, sent(form)) == studytext.differing(OUTLIERS, values) or "\r" in str(typed)


# ---- questions ------------------------------------------------------------------------------------------------------


class Ask(BaseModel):
    latitude: float = Field(ge=-90, le=90, description="degrees north")
    longitude: float = Field(description="degrees east")
    users: tuple[int, ...] = Field(default=(), description="who")
    deep: bool = Field(default=False, description="look deeper")


class Reply(BaseModel):
    score: float = Field(description="higher is stranger")
    parts: dict[str, float] = Field(description="by part")
    near: list[dict[str, Any]] = Field(description="the nearest")
    note: str | None = Field(default=None, description="a word")


POINT = Endpoint("score", Ask, lambda *_: None, Reply, None, "How strange?", {"latitude": 57.0})


def test_a_question_has_fields_with_ranges_and_examples() -> None:
    asked = questions.question(POINT, {"latitude": "99"}, [Fault("live.value", "too far north", key="latitude")])
    fields = {one.key: one for one in asked.fields}
    assert asked.place
    assert fields["latitude"].placeholder == "e.g. 57.0"
    assert (fields["latitude"].low, fields["latitude"].high) == ("-90", "90")
    assert (fields["latitude"].value, fields["latitude"].fault) == ("99", "Too far north.")
    assert fields["deep"].choices == (("", "no"), ("true", "yes"))


def test_a_reply_is_told_in_words_and_tables() -> None:
    reply = Reply(score=1234.5678, parts={"speed_up": -0.25}, near=[{"name": "<b>", "km": 2}, {"name": "c", "km": 3}])
    score, parts, near, note = questions.answered(reply)
    assert (score.label, score.value, score.meaning) == ("Score", "1,235", "higher is stranger")
    assert [(one.label, one.value) for one in parts.parts] == [("Speed up", "−0.250")]
    assert near.heads == ("Name", "Km")
    assert near.rows[0][0].value == "<b>"  # escaped by the template
    assert note.value == "–"


# ---- the flow -------------------------------------------------------------------------------------------------------


@pytest.fixture
def ada(person: Callable[..., Any], actor: Callable[..., Actor]) -> Actor:
    return actor(person("ada"))


@pytest.fixture
def strait(ada: Actor) -> Any:
    from potomac.server.catalog.models import Source

    ranges = {"lat": (56.0, 57.0), "lon": (11.0, 12.0), "sog": (0.0, 20.0), "mmsi": (1e8, 2e8)}
    seen = {"columns": [{"name": name, "type": "number", "low": a, "high": b} for name, (a, b) in ranges.items()]}
    return Source.objects.create(owner=ada.user, name="strait.csv", kind="upload", state="ready", preview=seen)


def test_columns_are_guessed_for_a_source_that_was_chosen(ada: Actor, strait: Any) -> None:
    values = {"kind": "outliers", "data": {"source": "strait.csv"}}
    columns = studies.guessed("outliers", values, [strait])["data"]["columns"]
    assert (columns["latitude"], columns["longitude"]) == ("lat", "lon")
    assert columns["speed"] == "sog"  # its unit is the usual one and need not be said
    assert "columns" not in values["data"]
    kept = {"kind": "outliers", "data": {"source": "strait.csv", "columns": {"latitude": "sog"}}}
    assert studies.guessed("outliers", kept, [strait]) == kept


TEXT = """kind = "outliers"
name = "x"

[data]
source = "strait.csv"
columns.latitude = "lta"
columns.longitude = "lon"
"""


def test_a_check_names_key_and_line_and_only_own_sources_count(
    ada: Actor, strait: Any, person: Any, actor: Any
) -> None:
    text = TEXT
    (fault,) = studies.check(ada, text)
    assert (fault.code, fault.key, fault.line) == ("data.column-missing", "data.columns.latitude", 6)
    assert 'Did you mean "lat"?' in fault.mend
    assert studies.check(ada, text.replace("lta", "lat")) == []
    (other,) = studies.check(actor(person("bob")), text.replace("lta", "lat"))
    assert (other.code, other.key, other.line) == ("server.source-unknown", "data.source", 5)
    (path,) = studies.check(ada, text.replace("lta", "lat").replace("strait.csv", "/etc/passwd"))
    assert path.code == "server.source-unknown"
    (syntax,) = studies.check(ada, "kind = ")
    assert syntax.code == "study.syntax"
    missing = studies.check(ada, text.replace('columns.longitude = "lon"\n', "").replace("lta", "lat"))
    assert [one.code for one in missing] == ["outliers.half-a-place"]


def test_drafts_are_kept_right_or_wrong_and_are_their_owners_alone(ada: Actor, person: Any, actor: Any) -> None:
    draft = studies.save(ada, "outliers", "this is [not TOML")
    assert draft.name == "my-outliers"
    again = studies.save(ada, "outliers", 'kind = "outliers"\nname = "strait"\ntitle = "Who?"', draft.pk)
    assert (again.pk, again.name, again.title) == (draft.pk, "strait", "Who?")
    assert [one.pk for one in studies.list_(ada)] == [draft.pk]
    bob = actor(person("bob"))
    for refused in (lambda: studies.get(bob, draft.pk), lambda: studies.delete(bob, draft.pk)):
        with pytest.raises(Missing):
            refused()
    with pytest.raises(Missing):
        studies.save(bob, "outliers", "", draft.pk)
    with pytest.raises(Missing):
        studies.save(ada, "no-such-kind", "")
    with pytest.raises(TooMuch):
        studies.save(ada, "outliers", "#" * (studies.LONGEST + 1))
    studies.delete(ada, draft.pk)
    assert not studies.list_(ada).exists()


def test_parts_of_lists_are_added_and_taken_away() -> None:
    values = {"kind": "outliers", "data": {"covariates": [{"column": "a"}]}}
    more = studies.added("outliers", values, "data.covariates")
    assert more["data"]["covariates"] == [{"column": "a"}, {}]
    assert studies.removed(more, "data.covariates.0")["data"]["covariates"] == [{}]
    assert studies.added("outliers", {"kind": "outliers"}, "data.covariates")["data"]["covariates"] == [{}]
    for key in ("data.nothing", "data.covariates.7", "x.y.z"):
        with pytest.raises(Missing):
            studies.added("outliers", values, key) if "7" not in key else studies.removed(values, key)


def test_a_part_that_may_be_left_out_is_closed_whatever_it_needs() -> None:
    """An experiment needs inputs; a study of a queue has none, and no table is needed for it."""
    form = studyform.form(registry.engine("simulation"), {})
    by_name = {part.key: part for part in form.parts}
    assert not by_name["experiment"].given
    assert any(field.required for field in by_name["experiment"].fields)
    assert studyform.form(registry.engine("simulation"), {"experiment": {"inputs": {"x": 1}}}).parts
    assert not form.table
    assert studyform.form(registry.engine("location"), {}).table


def test_letters_that_differ_in_size_alone_are_two_labels() -> None:
    form = studyform.form(registry.engine("simulation"), {"stock": [{"name": "shelf"}]})
    [stock] = next(part for part in form.parts if part.key == "stock").items
    assert {"s", "S"} <= {field.label for field in stock.fields}


QUEUE: dict[str, Any] = {
    "kind": "simulation",
    "name": "queue",
    "source": [{"name": "guests", "to": "desk", "interarrival": "exponential(mean=1.0)"}],
    "station": [{"name": "desk", "servers": 2, "service": {"fit": "checkins"}}],
    "route": [{"start": "desk", "to": {"exit": 0.9, "desk": 0.1}}],
    "data": {"checkins": {"source": "checkins.csv", "columns": {"value": "minutes"}}},
    "scenario": [{"name": "three", "set": {"station.desk.servers": 3}}],
}
"""A study of lists of tables, with a table under a name."""


def test_a_queue_is_composed_in_the_form_as_in_the_file() -> None:
    form = studyform.form(registry.engine("simulation"), QUEUE, {"checkins.csv": ["minutes"]})
    assert studyform.read(registry.engine("simulation"), sent(form)) == QUEUE
    assert load(tomllib.loads(studytext.write(studytext.differing(registry.engine("simulation"), QUEUE)))).study
