"""Values of a study -> its TOML: only what differs from the defaults, in the order of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from potomac.engine import Engine
from potomac.server.flows.studyform import default_of, table_of
from potomac.studies import fields
from potomac.studies.dump import literal
from potomac.studies.toml import dotted

__all__ = ["differing", "write"]


def differing(engine: Engine, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` without what is the default anyway, in the order of the model; unknown keys stay, at the end."""
    return {"kind": engine.kind, **_differing(engine.study, {k: v for k, v in values.items() if k != "kind"})}


def _differing(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    known = fields.keys(model)
    found: dict[str, Any] = {}
    for name in [*(name for name in known if name in values), *(name for name in values if name not in known)]:
        value, info = values[name], known.get(name)
        inner = table_of(info) if info else None
        if inner and isinstance(value, Mapping):
            value = _differing(inner, value)
            if value or (info and info.is_required()):
                found[name] = value
        elif info is None or info.is_required() or not _same(value, default_of(info)):
            found[name] = value
    return found


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def write(values: Mapping[str, Any]) -> str:
    """The TOML of ``values``: plain keys first, ``columns.role = ...`` in the table they belong to."""
    return "\n".join(_lines(values, ())).strip() + "\n"


def _lines(values: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    later: list[tuple[str, Any]] = []
    for name, value in values.items():
        if name == "columns" and isinstance(value, Mapping) and value:
            lines += [f"columns.{_name(role)} = {literal(column)}" for role, column in value.items()]
        elif isinstance(value, Mapping) or _is_tables(value):
            later.append((name, value))
        else:
            lines.append(f"{_name(name)} = {literal(value)}")
    for name, value in later:
        full = (*path, name)
        heading = ".".join(map(_name, full))
        for one in [value] if isinstance(value, Mapping) else value:
            lines += ["", f"[{heading}]" if isinstance(value, Mapping) else f"[[{heading}]]", *_lines(one, full)]
    return lines


def _name(name: str) -> str:
    """A key, in quotes where it needs them."""
    return name if dotted((name,)) == name else literal(name)


def _is_tables(value: Any) -> bool:
    """A list of tables that get a heading each; small ones stay in one line."""
    if not isinstance(value, list) or not value or not all(isinstance(one, Mapping) for one in value):
        return False
    return any(len(one) > 3 or any(isinstance(v, Mapping | list) for v in one.values()) for one in value)
