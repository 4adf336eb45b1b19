"""Live questions: a form made from an endpoint's model, and its reply in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from potomac.engine import Endpoint
from potomac.errors import Fault
from potomac.report.numbers import number
from potomac.server.flows import studyform

__all__ = ["Answer", "Question", "answered", "question", "shapes"]


@dataclass(frozen=True, slots=True)
class Question:
    """A live question with its fields."""

    name: str
    title: str
    fields: tuple[studyform.Field, ...]
    place: bool  # a click on the map fills latitude and longitude


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


def question(endpoint: Endpoint, values: Mapping[str, str] | None = None, faults: Iterable[Fault] = ()) -> Question:
    """The form of a live question, filled with what was typed; examples stand in the empty fields."""
    fields = studyform.fields_of(endpoint.ask, values or {}, faults, endpoint.example)
    names = {one.key for one in fields}
    title = endpoint.title or endpoint.name.replace("-", " ").replace("_", " ").capitalize()
    return Question(endpoint.name, title, fields, {"latitude", "longitude"} <= names)


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
        rows = tuple(answered(one) for one in value)
        return Answer(label, meaning, heads=tuple(part.label for part in rows[0]), rows=rows)
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    unit = _unit(info) if numeric else ""
    return Answer(label, meaning, f"{_words(value)} {unit}".rstrip(), numeric)


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
