"""The model of a kind of study <-> a form: which fields there are, and what was typed into them.

A field's name is its key with dots, ``model.method`` or ``station.1.servers``; the values are those of the study file.
What cannot be read as its type stays text, so that the study's own check says what is wrong with it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from potomac.engine import Engine
from potomac.errors import Fault
from potomac.spec import ColumnSpec, TableSpec
from potomac.studies import fields
from potomac.studies.dump import literal
from potomac.studies.toml import dotted
from potomac.tables import Role
from potomac.units import BASE, units_of

__all__ = [
    "Field", "Mapped", "Section", "Typed", "default_of", "fields_of", "form", "read", "roles_of", "sentence",
    "table_of",
]  # fmt: skip

Key = tuple[str | int, ...]
Typed = Mapping[str, Sequence[str]]
"""What a browser sends: for each name the values under it."""

MOST_ITEMS = 200
"""Parts of a list that a form shows."""


@dataclass(frozen=True, slots=True)
class Field:
    """One input. ``control`` is text, long, number, choice, checks, list or toml."""

    key: str
    label: str
    control: str
    help: str = ""
    words: str = ""
    unit: str = ""
    value: str = ""
    values: tuple[str, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()
    placeholder: str = ""
    required: bool = False
    low: str = ""
    high: str = ""
    fault: str = ""
    completed_by: str = ""  # the live question that suggests what may be meant


@dataclass(frozen=True, slots=True)
class Mapped:
    """A role and the column that plays it."""

    column: Field
    unit: Field | None = None
    zone: Field | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the study file: its fields, the roles of its columns, the parts inside, or the parts of a list."""

    key: str
    title: str
    help: str = ""
    fields: tuple[Field, ...] = ()
    source: Field | None = None
    roles: tuple[Mapped, ...] = ()
    roles_fault: str = ""
    parts: tuple[Section, ...] = ()
    many: bool = False
    items: tuple[Section, ...] = ()
    required: bool = False
    fault: str = ""

    @property
    def given(self) -> bool:
        """Whether anything stands in it, or is wrong with it, so that it is shown open."""
        own = any(one.value or one.values or one.fault or (one.required and self.required) for one in self.fields)
        return bool(own or self.items or self.fault or any(part.given for part in self.parts))

    @property
    def table(self) -> bool:
        """Whether there is no answer without one of the sources."""
        return self.source is not None or any(part.table for part in self.parts if part.required or part.source)

    @property
    def flat(self) -> bool:
        """Whether it fits a row."""
        return not self.parts and len(self.fields) <= 4


@dataclass(frozen=True)
class _Around:
    """What a form knows beside the model: what was typed, which columns a source has, what is wrong."""

    columns: Mapping[str, Sequence[str]]  # of the sources by name
    faults: Mapping[str, str]

    def fault(self, key: str) -> str:
        return self.faults.get(key, "")


def form(
    engine: Engine,
    values: Mapping[str, Any],
    columns: Mapping[str, Sequence[str]] | None = None,
    faults: Iterable[Fault] = (),
) -> Section:
    """The form of a kind of study, filled with ``values``.

    Args:
        engine: the kind.
        values: as in the study file.
        columns: names of the columns of each source that may be chosen.
        faults: what is wrong, shown at the fields.
    """
    said: dict[str, str] = {}
    for fault in faults:
        said[fault.key] = "; ".join(filter(None, (said.get(fault.key), sentence(fault))))
    around = _Around(columns or {}, said)
    return _section(engine.study, (), FieldInfo(description=engine.summary), values, around)


def fields_of(
    model: type[BaseModel],
    values: Mapping[str, Any],
    faults: Iterable[Fault] = (),
    examples: Mapping[str, Any] | None = None,
) -> tuple[Field, ...]:
    """The inputs of a model that is no study, such as a live question; ``examples`` stand in the empty ones."""
    around = _Around({}, {fault.key: sentence(fault) for fault in faults})
    shown = {name: f"e.g. {_text(value)}" for name, value in (examples or {}).items()}
    keys = fields.keys(model)
    made = [_field(info, (name,), values.get(name), around, (), table=False) for name, info in keys.items()]
    return tuple(_copy(one, placeholder=shown.get(one.key) or one.placeholder) for one in made)


def sentence(fault: Fault) -> str:
    """What was found, what was expected and how to mend it, without the place."""
    clauses = "; ".join(filter(None, (fault.found, fault.expected)))
    return ". ".join(filter(None, (clauses[:1].upper() + clauses[1:], fault.mend.rstrip(".")))) + "."


def _section(model: type[BaseModel], key: Key, info: FieldInfo, values: Any, around: _Around) -> Section:
    """The section of one table; ``values`` is what stands there."""
    given = values if isinstance(values, Mapping) else {}
    table = issubclass(model, TableSpec)
    names = around.columns.get(str(given.get("source", "")), ()) if table else ()
    own: list[Field] = []
    parts: list[Section] = []
    for name, inner in _keys(model, key):
        if table and name in ("source", "columns", "query"):
            continue
        if table_of(inner) is not None:
            parts.append(_part(name, inner, key, given.get(name), around, names))
        else:
            own.append(_field(inner, (*key, name), given.get(name), around, names, table))
    text, dot = info.description or "", dotted(key)
    return Section(
        dot, _title(key), text[:1].upper() + text[1:], tuple(own), _source(model, key, given, around),
        _roles(model, key, given, names, around), around.fault(dotted((*key, "columns"))), tuple(parts),
        required=info.is_required(), fault=around.fault(dot),
    )  # fmt: skip


def _keys(model: type[BaseModel], key: Key) -> Iterator[tuple[str, FieldInfo]]:
    return ((name, info) for name, info in fields.keys(model).items() if key or name != "kind")


def table_of(info: FieldInfo) -> type[BaseModel] | None:
    """The model of the table, or list of tables, that stands here; None where it is a value or one of several kinds."""
    slot = fields.slot_of(info)
    if _is_mapping(slot):
        return None
    inner = fields.element(slot)
    models = {o.annotation for s in (slot, *([inner] if inner else [])) for o in fields.options(s) if _is_model(o)}
    return models.pop() if len(models) == 1 else None


def _is_model(option: fields.Slot) -> bool:
    kind = option.annotation
    return isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not ColumnSpec


def _is_mapping(slot: fields.Slot) -> bool:
    return fields.element(slot) is not None and not fields.is_list(slot)


def _part(name: str, info: FieldInfo, key: Key, values: Any, around: _Around, names: Sequence[str]) -> Section:
    model, full = table_of(info), (*key, name)
    assert model is not None  # noqa: S101 - the caller has asked
    if not fields.is_list(fields.slot_of(info)):
        return _section(model, full, info, values, around)
    given = values if isinstance(values, list | tuple) else [] if values is None else [values]
    items = [_item(model, (*full, i), one, around, names) for i, one in enumerate(given[:MOST_ITEMS])]
    words = info.description or ""
    return Section(
        dotted(full), _title(full), words[:1].upper() + words[1:], many=True, items=tuple(items),
        required=info.is_required(), fault=around.fault(dotted(full)),
    )  # fmt: skip


def _item(model: type[BaseModel], key: Key, values: Any, around: _Around, names: Sequence[str]) -> Section:
    """One table of a list; a text alone stands for its first key."""
    first = next(iter(fields.keys(model)))
    made = _section(model, key, FieldInfo(), values if isinstance(values, Mapping) else {first: values}, around)
    if not names:
        return made
    own = [_chosen(one, names) if one.key.endswith(".column") else one for one in made.fields]
    return Section(made.key, made.title, made.help, tuple(own), parts=made.parts, fault=made.fault)


def _chosen(field: Field, names: Sequence[str]) -> Field:
    """A field that names a column offers those that there are."""
    return _copy(field, control="choice", choices=_options(names, field.value, "no column"))


def _copy(field: Field, **changes: Any) -> Field:
    return Field(**{name: getattr(field, name) for name in Field.__slots__} | changes)


def _options(names: Iterable[str], value: str, none: str) -> tuple[tuple[str, str], ...]:
    """Choices of names; what was chosen stays among them."""
    listed = list(dict.fromkeys([*names, *([value] if value else [])]))
    return (("", none), *((name, name) for name in listed))


def _source(model: type[BaseModel], key: Key, given: Mapping[str, Any], around: _Around) -> Field | None:
    if not issubclass(model, TableSpec):
        return None
    dot, value = dotted((*key, "source")), _text(given.get("source"))
    choices = _options(around.columns, value, "choose a source")
    return Field(
        dot, "Source", "choice", "One of your sources", value=value, choices=choices, required=True,
        fault=around.fault(dot),
    )  # fmt: skip


def _roles(
    model: type[BaseModel], key: Key, given: Mapping[str, Any], names: Sequence[str], around: _Around
) -> tuple[Mapped, ...]:
    if not issubclass(model, TableSpec):
        return ()
    columns = given.get("columns")
    chosen = columns if isinstance(columns, Mapping) else {}
    path = (*key, "columns")
    return tuple(
        _mapped(role, (*path, role.name), chosen.get(role.name), names, around) for role in roles_of(model, given)
    )


def roles_of(model: type[TableSpec], given: Mapping[str, Any]) -> list[Role]:
    """The roles that a form maps columns to; which of them are needed may depend on the other keys."""
    try:
        made = model.model_validate({**given, "source": "x"})
    except ValueError:  # not yet valid: as if nothing else were given
        made = model.model_construct(source="x")
    stated = {role.name: role for role in made.all_roles()}
    return [stated.get(role.name, role) for role in model.roles]


def _mapped(role: Role, key: Key, given: Any, names: Sequence[str], around: _Around) -> Mapped:
    told = given if isinstance(given, Mapping) else {"column": given}
    dot, value = dotted(key), _text(told.get("column"))
    column = Field(
        dot, _title(key), "choice" if names else "text", role.meaning, value=value,
        choices=_options(names, value, "none"), required=role.required,
        fault="; ".join(filter(None, map(around.fault, (dot, f"{dot}.column")))),
    )  # fmt: skip
    unit = zone = None
    if role.dimension in BASE:
        base, set_ = BASE[role.dimension], _text(told.get("unit"))
        rest = [name for name in units_of(role.dimension) if name != base]
        choices = (("", base), *_options(rest, "" if set_ == base else set_, "")[1:])
        unit = Field(f"{dot}.unit", "Unit", "choice", value=set_, choices=choices, fault=around.fault(f"{dot}.unit"))
    if role.kind == "time":
        zone = Field(
            f"{dot}.timezone", "Time zone", "text", value=_text(told.get("timezone")), placeholder="UTC",
            fault=around.fault(f"{dot}.timezone"),
        )  # fmt: skip
    return Mapped(column, unit, zone)


def _field(info: FieldInfo, key: Key, value: Any, around: _Around, names: Sequence[str], table: bool) -> Field:
    slot, dot = fields.slot_of(info), dotted(key)
    default = default_of(info)
    control, choices = _control(slot, default)
    if control == "list" and table:
        control, choices = _of_table(info, names, value)
    limit = fields.bounds(slot)
    extra = info.json_schema_extra
    listed = tuple(map(_text, value)) if isinstance(value, list | tuple) else ()
    return Field(
        dot, info.title or _title(key), control, info.description or "", fields.words(slot),
        str(extra.get("unit", "")) if isinstance(extra, dict) else "",
        ", ".join(listed) or _text(value), listed or ((_text(value),) if value is not None else ()), choices,
        _placeholder(info, default, key), info.is_required(),
        _number(limit.get("ge", limit.get("gt"))), _number(limit.get("le", limit.get("lt"))),
        around.fault(dot) or _inside(dot, around.faults),
    )  # fmt: skip


def _inside(dot: str, faults: Mapping[str, str]) -> str:
    """What is wrong inside a value that is one input."""
    return " ".join(said for key, said in faults.items() if key.startswith(f"{dot}."))


def _of_table(info: FieldInfo, names: Sequence[str], value: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A list of columns is ticked where the columns are known; anything else is written."""
    if not names or "column" not in (info.description or ""):
        return "list", ()
    given = value if isinstance(value, list | tuple) else ()
    listed = dict.fromkeys([*names, *map(_text, given)])
    return "checks", tuple((name, name) for name in listed)


def _control(slot: fields.Slot, default: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Which input fits a slot, and what it offers."""
    listed = fields.choices(slot)
    kinds = {option.annotation for option in fields.options(slot)}
    inner = fields.element(slot)
    if listed and not kinds & {str, int, float}:
        usual = "not set" if default is None else f"{_text(default)} (default)"
        return "choice", (("", usual), *((_text(one), _text(one)) for one in listed if one != default))
    if kinds == {bool}:
        words = {True: "yes", False: "no"}
        rest = [one for one in (True, False) if one != default]
        return "choice", (("", words.get(default, "not set")), *((_text(one), words[one]) for one in rest))
    if inner is not None and fields.is_list(slot) and len(kinds) == 1:
        many = fields.choices(inner)
        if many:
            return "checks", tuple((_text(one), _text(one)) for one in many)
        if all(option.annotation in (str, int, float) for option in fields.options(inner)):
            return "list", ()
    if inner is not None or any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in kinds):
        return "toml", ()
    if kinds <= {int, float}:
        return "number", ()
    long = any(fields.bounds(option).get("max_length", 0) > 200 for option in fields.options(slot))
    return "long" if long else "text", ()


def default_of(info: FieldInfo) -> Any:
    """The default as a study file would have it; None where there is none."""
    value = info.get_default(call_default_factory=True, validated_data={})
    return None if value is PydanticUndefined else _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json", exclude_none=True, by_alias=True))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return getattr(value, "value", value) if type(value).__module__ != "builtins" else value


def _placeholder(info: FieldInfo, default: Any, key: Key) -> str:
    if default not in (None, "", [], {}):
        return ", ".join(map(_text, default)) if isinstance(default, list) else _text(default)
    if info.examples:
        example = _plain(info.examples[0])
        return "e.g. " + (", ".join(map(_text, example)) if isinstance(example, list) else _text(example))
    if key == ("name",):
        return "e.g. strait-in-may"
    return "not set" if default is None and not info.is_required() else ""


def _text(value: Any) -> str:
    """A value as it stands in an input."""
    if value is None:
        return ""
    return value if isinstance(value, str) else literal(value)


def _number(value: Any) -> str:
    return "" if value is None else str(value)


def _title(key: Key) -> str:
    name = next((part for part in reversed(key) if isinstance(part, str)), "")
    words = re.sub(r"_(km|m|s|min|h|kn)$", "", name).replace("_", " ")
    place = f" {key[-1] + 1}" if key and isinstance(key[-1], int) else ""
    return (words if len(words) == 1 else words[:1].upper() + words[1:]) + place  # s and S are two things


# ---- what was typed -> values ---------------------------------------------------------------------------------------


def read(engine: Engine, typed: Typed) -> dict[str, Any]:
    """The values of the study file that a form stands for; what was left empty is left out."""
    return {"kind": engine.kind, **_read(engine.study, (), typed)}


def _read(model: type[BaseModel], key: Key, typed: Typed) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, info in _keys(model, key):
        full = (*key, name)
        value: Any
        if name == "columns" and issubclass(model, TableSpec):
            value = _read_columns(model, full, typed)
        elif (inner := table_of(info)) is None:
            value = _read_value(info, dotted(full), typed)
        elif fields.is_list(fields.slot_of(info)):
            value = [_read(inner, (*full, i), typed) for i in _places(dotted(full), typed)] or None
        else:
            value = _read(inner, full, typed) or ({} if info.is_required() else None)
        if value is not None:
            found[name] = value
    return found


def _places(dot: str, typed: Typed) -> list[int]:
    """Which parts of a list a form has sent."""
    found = {
        rest.partition(".")[0]
        for name in typed
        if name.startswith(f"{dot}.") and (rest := name.removeprefix(f"{dot}."))
    }
    return sorted(int(part) for part in found if part.isdecimal() and len(part) < 5)[:MOST_ITEMS]


def _read_columns(model: type[TableSpec], key: Key, typed: Typed) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for role in model.roles:
        dot = dotted((*key, role.name))
        column = _one(dot, typed)
        more = {name: value for name in ("unit", "timezone") if (value := _one(f"{dot}.{name}", typed))}
        if column:
            found[role.name] = {"column": column, **more} if more else column
    return found or None


def _one(dot: str, typed: Typed) -> str:
    values = typed.get(dot, ())
    return values[-1].strip() if values else ""


def _read_value(info: FieldInfo, dot: str, typed: Typed) -> Any:
    slot = fields.slot_of(info)
    control, _ = _control(slot, default_of(info))
    if control in ("list", "checks"):
        inner = fields.element(slot)
        parts = [part.strip() for text in typed.get(dot, ()) for part in _split(text, control)]
        return [_value(part, inner) for part in parts if part] or None
    text = _one(dot, typed)
    return None if not text else _toml(text) if control == "toml" else _value(text, slot)


def _split(text: str, control: str) -> list[str]:
    return [text] if control == "checks" else re.split(r"[,\n]", text)


def _value(text: str, slot: fields.Slot | None) -> Any:
    """``text`` as the type of the slot, or as it is."""
    if slot is None:
        return text
    for choice in fields.choices(slot):
        if _text(choice) == text:
            return choice
    kinds = {option.annotation for option in fields.options(slot)}
    if bool in kinds and text in ("true", "false"):
        return text == "true"
    if int in kinds and re.fullmatch(r"[+-]?\d{1,40}", text):
        return int(text)
    if float in kinds and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text):
        return float(text)
    return text


def _toml(text: str) -> Any:
    try:
        found = tomllib.loads(f"x = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return found["x"] if len(found) == 1 else text
