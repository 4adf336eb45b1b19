"""Live questions: a form made from an endpoint's model, and its reply in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from potomac.engine import Endpoint, Slider
from potomac.errors import Fault
from potomac.report.numbers import number
from potomac.server.flows import studyform
from potomac.server.pages import estimates

__all__ = ["Answer", "Moved", "Question", "Sliding", "answered", "moved", "question", "shapes", "suggested"]


@dataclass(frozen=True, slots=True)
class Sliding:
    """A field that slides, is chosen or is typed: where it stands, and where it stood in the run."""

    field: studyform.Field
    begin: str
    value: str
    low: str = ""
    high: str = ""
    step: str = ""
    choices: tuple[str, ...] = ()
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """A reply as a page with sliders shows it: a sentence, numbers with intervals, and the rest."""

    sentence: str
    estimates: tuple[estimates.Drawn, ...]
    rest: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A live question with its fields."""

    name: str
    title: str
    fields: tuple[studyform.Field, ...]
    place: bool  # a click on the map fills latitude and longitude
    sliders: tuple[Sliding, ...] = ()
    moved: Moved | None = None
    refused: tuple[str, ...] = ()  # what is wrong, and is said at no slider


@dataclass(frozen=True, slots=True)
class Ranked:
    """One of a list that says of each why it is there."""

    name: str
    why: str
    rest: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One part of a reply: a value, or several under names, or the rows of a small table."""

    label: str
    meaning: str = ""
    value: str = ""
    numeric: bool = False
    parts: tuple[Answer, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[Answer, ...], ...] = ()
    ranked: tuple[Ranked, ...] = ()


def question(
    endpoint: Endpoint,
    values: Mapping[str, str] | None = None,
    faults: Sequence[Fault] = (),
    sliders: Iterable[Slider] = (),
    reply: Any = None,
) -> Question:
    """The form of a live question, filled with what was typed; examples stand in the empty fields.

    Args:
        endpoint: the question.
        values: what was typed.
        faults: what is wrong with it.
        sliders: which of its fields slide; the others are not shown then.
        reply: to it, where there are sliders.
    """
    plain = studyform.fields_of(endpoint.ask, values or {}, faults, endpoint.example)
    fields = tuple(
        replace(one, completed_by=endpoint.completes[one.key], control="text") if one.key in endpoint.completes else one
        for one in plain
    )
    names = {one.key for one in fields}
    title = endpoint.title or endpoint.name.replace("-", " ").replace("_", " ").capitalize()
    by_name = {one.key: one for one in fields}
    slides = tuple(_sliding(one, by_name[one.name], values or {}) for one in sliders)
    told = _moved(reply) if slides and reply is not None else None
    shown = {one.field.key for one in slides}
    refused = tuple(studyform.sentence(fault) for fault in faults if fault.key not in shown) if slides else ()
    return Question(endpoint.name, title, fields, {"latitude", "longitude"} <= names, slides, told, refused)


def _sliding(one: Slider, field: studyform.Field, values: Mapping[str, str]) -> Sliding:
    begin = _plain(one.value)
    value = values.get(one.name, begin)
    if one.choices or isinstance(one.value, str):
        return Sliding(field, begin, value, choices=one.choices, typed=not one.choices)
    even = ((float(one.value) - one.low) / one.step).is_integer() if one.step else False
    return Sliding(field, begin, value, _plain(one.low), _plain(one.high), _plain(one.step) if even else "any")


def _plain(value: float | str) -> str:
    """As it stands in an input."""
    return value if isinstance(value, str) else f"{value:.12g}"


DRAWN = "_"
"""Before the names of choices for which the sliders were drawn, as the form sends them."""


def moved(values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What a form with sliders asks, and which choices were made.

    Where another choice was made than the sliders were drawn for, their values are those of something else and count
    no more.
    """
    drawn = {name.removeprefix(DRAWN): text for name, text in values.items() if name.startswith(DRAWN)}
    asked = {name: text for name, text in values.items() if not name.startswith(DRAWN)}
    chosen = {name: asked[name] for name in drawn if name in asked} if drawn else asked
    other = any(asked.get(name, text) != text for name, text in drawn.items())
    return (chosen if other else asked), chosen


def _moved(reply: Any) -> Moved:
    """The parts of a reply in the order in which they are looked for."""
    parts = {name: getattr(reply, name) for name in type(reply).model_fields} if isinstance(reply, BaseModel) else {}
    sentence = parts.get("answer")
    rows = next((name for name, value in parts.items() if estimates.are(value)), "")
    own = {"answer" if isinstance(sentence, str) else "", rows}
    told = [_part(n, v, type(reply).model_fields[n]) for n, v in parts.items() if n not in own and v != ""]
    drawn = tuple(map(estimates.drawn, parts[rows])) if rows else ()
    return Moved(sentence if isinstance(sentence, str) else "", drawn, tuple(told) if parts else answered(reply))


def answered(reply: Any) -> tuple[Answer, ...]:
    """The parts of a reply; an empty text, as of a note, is no part, and of shapes their properties are told."""
    if isinstance(reply, BaseModel):
        parts = [(name, getattr(reply, name), info) for name, info in type(reply).model_fields.items()]
        if _is_drawn(reply):
            parts = [(name, _properties(value), info) for name, value, info in parts if name != "type"]
        return tuple(_part(*part) for part in parts if part[1] != "")
    if isinstance(reply, Mapping):
        return tuple(_part(str(name), value) for name, value in reply.items() if value != "")
    return (_part("answer", reply),)


def suggested(reply: Any) -> tuple[tuple[str, str], ...]:
    """What a reply suggests while somebody types: the text of each row, and what kind of thing it is."""
    parts = reply.__dict__ if isinstance(reply, BaseModel) else reply if isinstance(reply, Mapping) else {}
    rows = next((value for value in parts.values() if isinstance(value, list | tuple)), ())
    told = [row.__dict__ if isinstance(row, BaseModel) else row for row in rows]
    return tuple((str(row["text"]), str(row.get("kind", ""))) for row in told if row.get("text"))


def shapes(reply: Any) -> str:
    """What the page draws on its map: the features of a GeoJSON collection as JSON; empty where a reply is none."""
    return reply.model_dump_json(include={"features"}) if isinstance(reply, BaseModel) and _is_drawn(reply) else ""


def _is_drawn(reply: BaseModel) -> bool:
    return getattr(reply, "type", "") == "FeatureCollection"


def _properties(value: Any) -> Any:
    """Of features what they are told with; other parts as they are."""
    return [getattr(one, "properties", one) for one in value] if isinstance(value, list) else value


def _part(name: str, value: Any, info: FieldInfo | None = None) -> Answer:
    """A part as its field calls it, with its unit; without a title as its name."""
    label = (info.title if info else None) or name.replace("_", " ")
    label, meaning = label[:1].upper() + label[1:], (info.description if info else None) or ""
    if isinstance(value, BaseModel | Mapping):
        return Answer(label, meaning, parts=answered(value))
    if isinstance(value, list | tuple) and value and all(isinstance(one, BaseModel | Mapping) for one in value):
        if _says_why(value[0]):
            return Answer(label, meaning, ranked=tuple(map(_ranked, value)))
        rows = tuple(answered(one) for one in value)
        return Answer(label, meaning, heads=tuple(part.label for part in rows[0]), rows=rows)
    if info is not None and isinstance(value, int) and str in get_args(info.annotation):
        value = str(value)  # a name that looks like a number
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    unit = _unit(info) if numeric else ""
    return Answer(label, meaning, f"{_words(value)} {unit}".rstrip(), numeric)


def _says_why(row: Any) -> bool:
    """Whether the rows of a reply are a ranked list with a reason for each."""
    return isinstance(row, BaseModel) and {"rank", "reason"} <= set(type(row).model_fields)


def _ranked(row: BaseModel) -> Ranked:
    """A row of such a list: its first text is its name."""
    known = type(row).model_fields
    others = [name for name in known if name not in ("rank", "reason")]
    name, *rest = others
    return Ranked(str(getattr(row, name)),str(row.__dict__["reason"]), tuple(
        _part(one, getattr(row, one), known[one]) for one in rest if getattr(row, one) not in ("", None)
    ))  # fmt: skip


def _unit(info: FieldInfo | None) -> str:
    extra = info.json_schema_extra if info else None
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def _words(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value)) or "none"
    return str(value)
