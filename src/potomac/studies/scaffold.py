"""A study file to begin with, and the JSON Schema, both made from the model of a kind."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from potomac.engine import Engine
from potomac.errors import Fault, StudyError
from potomac.spec import ColumnSpec, TableSpec
from potomac.studies import fields, registry
from potomac.studies.dump import literal
from potomac.tables import Role
from potomac.units import BASE

__all__ = ["new", "schema", "text"]

_WIDTH = 100


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of study files of ``kind``."""
    engine = registry.engine(kind)
    found: dict[str, Any] = engine.study.model_json_schema(by_alias=True)
    found.setdefault("properties", {})["kind"] = {"const": kind, "description": "which engine answers"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": f"{kind} study"}


def new(kind: str, path: str | FilePath | None = None) -> FilePath:
    """Write a commented study file of ``kind`` and return its path (default ``KIND.toml``).

    Raises:
        StudyError: the kind is unknown; the file exists (it is left as it is) or cannot be written.
    """
    file = FilePath(path or f"{kind}.toml")
    if file.is_dir():
        file = file / f"{kind}.toml"
    content = text(kind, file.name)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(content)
    except FileExistsError:
        found, mend = "there is a file of this name; it is left as it is", "Give another path"
        raise StudyError(Fault("new.exists", found, "", mend, str(file))) from None
    except OSError as error:
        found = f"the file cannot be written: {(error.strerror or '').lower()}"
        raise StudyError(Fault("new.unwritable", found, "", "Give another path", str(file))) from error
    return file


def text(kind: str, file: str = "") -> str:
    """The commented study file of ``kind``: every key with its default; what is required stands uncommented."""
    engine = registry.engine(kind)
    name = file or f"{kind}.toml"
    head = [
        *_comment(f"A study of kind {kind}. {engine.summary}"),
        *_comment("Keys that begin with # have the value shown; take away the # to change it."),
        f'# Check it with "potomac check {name}", run it with "potomac run {name}".',
        "",
        f"kind = {literal(kind)}",
    ]
    return "\n".join([*head, *_Writer(engine).lines()]).rstrip() + "\n"


def _comment(sentence: str, indent: str = "# ") -> list[str]:
    return textwrap.wrap(sentence, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False)


class _Writer:
    """Writes one model after the other: plain keys of a table first, then the tables inside."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def lines(self) -> list[str]:
        return list(self._model(self.engine.study, (), "", skip=("kind",)))

    def _model(
        self, model: type[BaseModel], path: tuple[str, ...], off: str, skip: tuple[str, ...] = ()
    ) -> Iterator[str]:
        inner: list[tuple[str, FieldInfo]] = []
        for name, info in fields.keys(model).items():
            if name in skip:
                continue
            if name == "columns" and issubclass(model, TableSpec):
                yield from _columns(model, off)
            elif fields.model_in(fields.slot_of(info)) and not _is_column(info):
                inner.append((name, info))
            else:
                yield from self._key(name, info, path, off)
        for name, info in inner:
            yield from self._table(name, info, (*path, name), off)

    def _key(self, name: str, info: FieldInfo, path: tuple[str, ...], off: str) -> Iterator[str]:
        slot = fields.slot_of(info)
        yield f"# {_about(slot, info)}"  # one line a key, however long
        default = _default(info)
        if info.is_required() or _shown(info):
            yield f"{off}{name} = {self._example(name, slot, info, path)}"
        elif default is None:
            yield f"# {name} = {self._example(name, slot, info, path)}".rstrip() + "    # not set by default"
        else:
            yield f"# {name} = {literal(_jsonable(default))}"

    def _example(self, name: str, slot: fields.Slot, info: FieldInfo, path: tuple[str, ...]) -> str:
        if info.examples:
            return literal(_jsonable(info.examples[0]))
        if name == "name" and not path:
            return literal(f"my-{self.engine.kind}")
        if name == "source":
            return literal(f"{path[-1] if path else 'data'}.csv")
        return _example(slot)

    def _table(self, name: str, info: FieldInfo, path: tuple[str, ...], off: str) -> Iterator[str]:
        slot = fields.slot_of(info)
        model = fields.model_in(slot)
        if model is None:
            return
        default = _default(info)
        hidden = off or ("" if info.is_required() or _shown(info) or _same(default, model) else "# ")
        many = fields.is_list(slot)
        label = ".".join(path)
        if not many and _own(slot) is None:
            label = f"{label}.name"
        yield ""
        yield from _comment(_sentence(info.description or f"the table {name}"))
        yield f"{hidden}[[{label}]]" if many else f"{hidden}[{label}]"
        yield from self._model(model, path, hidden)


def _own(slot: fields.Slot) -> type[BaseModel] | None:
    """The model of the table itself, not of tables that stand in it under names."""
    annotations = [option.annotation for option in fields.options(slot)]
    return next((a for a in annotations if isinstance(a, type) and issubclass(a, BaseModel)), None)


def _is_column(info: FieldInfo) -> bool:
    slot = fields.slot_of(info)
    inner = fields.element(slot)
    found = fields.options(slot) + (fields.options(inner) if inner is not None else [])
    return any(option.annotation is ColumnSpec for option in found)


def _shown(info: FieldInfo) -> bool:
    """Whether a new study begins with it, although it may be left out."""
    extra = info.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("shown"))


def _same(default: Any, model: type[BaseModel]) -> bool:
    """Whether an empty table means the same as none."""
    try:
        return isinstance(default, model) and default == model()
    except ValueError:
        return False


def _default(info: FieldInfo) -> Any:
    value = info.get_default(call_default_factory=True, validated_data={})
    return None if value is PydanticUndefined else value


def _jsonable(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True, by_alias=True)
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return getattr(value, "value", value) if type(value).__module__ != "builtins" else value


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _about(slot: fields.Slot, info: FieldInfo) -> str:
    extra = info.json_schema_extra
    unit = f" [{extra['unit']}]" if isinstance(extra, dict) and "unit" in extra else ""
    return f"{info.description or 'no description'}{unit}: {fields.words(slot)}"


def _columns(model: type[TableSpec], off: str) -> Iterator[str]:
    if model.roles:
        yield from _comment('which column plays which role: "name", or { column = "name", unit = "..." }', off or "# ")
    for role in model.roles:
        guess = role.guesses[0] if role.guesses else role.name
        comment = f"    # {role.meaning}{_role_unit(role)}"
        hidden = "" if not off and (role.required or role.name in model.usual) else "# "
        yield f"{hidden}columns.{role.name} = {literal(guess)}{comment}"


def _role_unit(role: Role) -> str:
    return f", {BASE[role.dimension]} where no unit is given" if role.dimension in BASE else ""


_EXAMPLES: dict[Any, str] = {str: '"..."', bool: "true", int: "1", float: "1.0", list: "[]", dict: "{}"}


def _example(slot: fields.Slot) -> str:
    valid = fields.choices(slot)
    if valid:
        return literal(valid[0])
    option = fields.options(slot)[0]
    inner = fields.element(option)
    if inner is not None:
        return f"[{_example(inner)}]" if fields.is_list(option) else "{}"
    limit = fields.bounds(option)
    if option.annotation in (int, float):
        return literal(option.annotation(_within(limit)))
    if fields.model_in(option):
        return "{}"
    return _EXAMPLES.get(option.annotation, '"..."')


def _within(limit: dict[str, Any]) -> float:
    """A number that keeps the limits."""
    low = limit.get("ge", limit["gt"] + 1 if "gt" in limit else None)
    high = limit.get("le", limit.get("lt"))
    if low is not None and high is not None:
        return float(low if "ge" in limit else (limit["gt"] + high) / 2)
    if low is not None:
        return float(low)
    return float(high - 1 if high is not None else 1)
