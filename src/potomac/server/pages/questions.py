"""Live questions: a form made from an endpoint's model, and its reply in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from potomac.engine import Endpoint
from potomac.errors import Fault
from potomac.report.numbers import number
from potomac.server.flows import studyform

__all__ = ["Answer", "Question", "answered", "question"]


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
    """The parts of a reply; an empty text, as of a note, is no part."""
    if isinstance(reply, BaseModel):
        about = {name: info.description or "" for name, info in type(reply).model_fields.items()}
        parts = [(name, getattr(reply, name), meaning) for name, meaning in about.items()]
        return tuple(_part(*part) for part in parts if part[1] != "")
    if isinstance(reply, Mapping):
        return tuple(_part(str(name), value) for name, value in reply.items() if value != "")
    return (_part("answer", reply),)


def _part(name: str, value: Any, meaning: str = "") -> Answer:
    label = name.replace("_", " ")
    label = label[:1].upper() + label[1:]
    if isinstance(value, BaseModel | Mapping):
        return Answer(label, meaning, parts=answered(value))
    if isinstance(value, list | tuple) and value and all(isinstance(one, BaseModel | Mapping) for one in value):
        rows = tuple(answered(one) for one in value)
        return Answer(label, meaning, heads=tuple(part.label for part in rows[0]), rows=rows)
    return Answer(label, meaning, _words(value), isinstance(value, int | float) and not isinstance(value, bool))


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
