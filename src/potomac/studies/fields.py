"""Study models in plain words: which keys a place takes, and what a value may be."""

from __future__ import annotations

import datetime as dt
import enum
import json
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from potomac.spec import NAME, ColumnSpec, TableSpec

__all__ = ["Slot", "choices", "keys", "model_in", "only_text", "slot_at", "table_specs", "words"]


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a study that takes a value: its type, its limits, and the field that declares it."""

    annotation: Any
    limits: tuple[Any, ...] = ()
    info: FieldInfo | None = field(default=None, compare=False)


def slot_of(info: FieldInfo) -> Slot:
    """The slot a field declares."""
    return Slot(info.annotation, tuple(info.metadata), info)


def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Keys of a table that ``model`` reads, as written in the file."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _plain(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """The annotation without ``Annotated`` and aliases, and what they carried."""
    limits: tuple[Any, ...] = ()
    while True:
        if hasattr(annotation, "__value__"):  # a type alias
            annotation = annotation.__value__
        elif get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            limits += tuple(more)
        else:
            return annotation, limits


def options(slot: Slot) -> list[Slot]:
    """The alternatives of a union, None left out; one slot where there is no union."""
    annotation, limits = _plain(slot.annotation)
    limits = slot.limits + limits
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [Slot(part, limits, slot.info) for part in get_args(annotation) if part is not type(None)]
        return [option for part in inner for option in options(part)]
    return [Slot(annotation, limits, slot.info)]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def model_in(slot: Slot) -> type[BaseModel] | None:
    """The model of a table that may stand here, alone or in a list or mapping of tables; None where none may."""
    own = next((option.annotation for option in options(slot) if _is_model(option.annotation)), None)
    inner = element(slot)
    return own or (model_in(inner) if inner is not None else None)


def element(slot: Slot) -> Slot | None:
    """The slot of the elements of a list or of the values of a mapping."""
    for option in options(slot):
        arguments = get_args(option.annotation)
        origin = get_origin(option.annotation)
        if origin in (list, set, frozenset, Sequence, Iterable) and arguments:
            return Slot(arguments[0])
        if origin is tuple and arguments:
            return Slot(arguments[0])
        if origin in (dict, Mapping) and len(arguments) == 2:
            return Slot(arguments[1])
    return None


def is_list(slot: Slot) -> bool:
    """Whether a list may stand here."""
    return any(get_origin(o.annotation) in (list, tuple, set, frozenset, Sequence, Iterable) for o in options(slot))


def slot_at(model: type[BaseModel], path: Sequence[str | int]) -> Slot | None:
    """The slot at ``path``; None where the model has no such key."""
    here: Slot | None = Slot(model)
    for part in path:
        if here is None:
            return None
        here = _step(here, part)
    return here


def _step(here: Slot, part: str | int) -> Slot | None:
    if isinstance(part, str):
        for option in options(here):
            if _is_model(option.annotation) and part in (fields := keys(option.annotation)):
                return slot_of(fields[part])
        if any(_is_model(option.annotation) for option in options(here)):
            return None
    return element(here)


def models_at(model: type[BaseModel], path: Sequence[str | int]) -> list[type[BaseModel]]:
    """Models of the table at ``path`` (several where it is a union of tables)."""
    slot = slot_at(model, path)
    if slot is None:
        return []
    return [o.annotation for o in options(slot) if _is_model(o.annotation)]


def choices(slot: Slot) -> tuple[Any, ...]:
    """The values of a ``Literal`` or an enumeration that may stand here."""
    found: list[Any] = []
    for option in options(slot):
        if get_origin(option.annotation) is Literal:
            found += get_args(option.annotation)
        elif isinstance(option.annotation, type) and issubclass(option.annotation, enum.Enum):
            found += [member.value for member in option.annotation]
    return tuple(found)


def only_text(slot: Slot) -> bool:
    """Whether nothing but text may stand here (then a word of the command line needs no quotes)."""
    return all(
        option.annotation is str
        or (get_origin(option.annotation) is Literal and all(isinstance(v, str) for v in get_args(option.annotation)))
        for option in options(slot)
    )


def words(slot: Slot) -> str:
    """What may stand here: ``a whole number from 0 to 9``, ``one of "a", "b"``, ``a list of text``.

    A field may say it itself, by ``json_schema_extra={"words": "..."}``.
    """
    extra = slot.info.json_schema_extra if slot.info is not None else None
    if isinstance(extra, dict) and isinstance(extra.get("words"), str):
        return str(extra["words"])
    phrases: dict[str, None] = {}
    listed = choices(slot)
    for option in options(slot):
        if get_origin(option.annotation) is not Literal and not _is_enum(option.annotation):
            phrases[_word(option)] = None
    if listed:
        shown = ", ".join(json.dumps(value, ensure_ascii=False) for value in listed)
        phrases = {(f"one of {shown}" if len(listed) > 1 else shown): None, **phrases}
    return " or ".join(phrases)


def _is_enum(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, enum.Enum)


_WORDS: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dt.datetime: "a date with a time",
    dt.date: "a date",
    dt.time: "a time of day",
    dt.timedelta: "a duration",
    dict: "a table",
    list: "a list",
}


def _word(option: Slot) -> str:
    annotation = option.annotation
    if annotation is ColumnSpec:
        return "a column name or { column, unit, timezone }"
    if _is_model(annotation):
        return f"a table with the keys {', '.join(keys(annotation))}"
    inner = element(option)
    if inner is not None and is_list(option):
        return f"a list of {_plural(words(inner))}{_counted(option)}"
    if inner is not None:
        return f"a table whose values are {_plural(words(inner))}"
    limit = bounds(option)
    if limit.get("pattern") == NAME:
        most = f", at most {limit['max_length']}" if "max_length" in limit else ""
        return f"small letters, digits and single hyphens{most} (such as strait-in-may)"
    return f"{_WORDS.get(annotation, 'a value')}{_limits(limit, annotation)}"


def _plural(phrase: str) -> str:
    plurals = {"a whole number": "whole numbers", "a number": "numbers", "a table": "tables", "a value": "anything"}
    for one, many in plurals.items():
        if phrase.startswith(one):
            return many + phrase.removeprefix(one)
    return phrase.removeprefix("a ")


def bounds(slot: Slot) -> dict[str, Any]:
    """The limits of a slot by name: ge, gt, le, lt, min_length, max_length, pattern, multiple_of."""
    found: dict[str, Any] = {}
    for limit in _flat(slot.limits):
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern", "multiple_of"):
            value = getattr(limit, name, None)
            if value is not None:
                found[name] = value
    return found


def _flat(limits: Iterable[Any]) -> Iterator[Any]:
    for limit in limits:
        if isinstance(limit, FieldInfo):
            yield from _flat(limit.metadata)
        else:
            yield limit


def number(value: Any) -> str:
    """A limit as a reader writes it; powers of two that bound an integer type by name."""
    powers = {2**63: "2^63", 2**63 - 1: "2^63 - 1", 2**32: "2^32", 2**31: "2^31", 2**31 - 1: "2^31 - 1"}
    return powers.get(value) or (f"{value:g}" if isinstance(value, float) else str(value))


def _limits(limit: Mapping[str, Any], annotation: Any) -> str:
    text = ""
    if "ge" in limit:
        text += f" from {number(limit['ge'])}"
    if "gt" in limit:
        text += f" above {number(limit['gt'])}"
    if "le" in limit:
        text += f" to {number(limit['le'])}" if "ge" in limit else f" up to {number(limit['le'])}"
    if "lt" in limit:
        text += f" below {number(limit['lt'])}"
    if "max_length" in limit and annotation is str:
        text += f" of at most {limit['max_length']} characters"
    if "pattern" in limit:
        text += f" that matches {getattr(limit['pattern'], 'pattern', limit['pattern'])}"
    if limit.get("min_length", 0) == 1 and "pattern" not in limit and annotation is str:
        text += " that is not empty"
    return text


def _counted(slot: Slot) -> str:
    limit = bounds(slot)
    low, high = limit.get("min_length"), limit.get("max_length")
    if low and high:
        return f" ({low} to {high} of them)"
    if low:
        return f" (at least {low})"
    return f" (at most {high})" if high else ""


def table_specs(study: BaseModel) -> Iterator[tuple[tuple[str | int, ...], TableSpec]]:
    """Every table a study declares, with its path, in the order of the model."""
    for name, value in study:
        alias = type(study).model_fields[name].alias or name
        yield from _specs(value, (alias,))


def _specs(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], TableSpec]]:
    if isinstance(value, TableSpec):
        yield path, value
    elif isinstance(value, BaseModel):
        for inner, spec in table_specs(value):
            yield (*path, *inner), spec
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _specs(item, (*path, index))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _specs(item, (*path, name))
