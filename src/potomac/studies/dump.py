"""Values -> TOML: for new study files, and for the copy of a study as it ran."""

from __future__ import annotations

import datetime as dt
import math
import tomllib
from collections.abc import Mapping
from typing import Any

from potomac.studies.toml import Document, Path, dotted, parse

__all__ = ["as_run", "document", "literal", "setting"]

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def literal(value: Any) -> str:
    """One value in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(value) if math.isfinite(value) else {"inf": "inf", "-inf": "-inf"}.get(str(value), "nan")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_name(key)} = {literal(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{', '.join(map(literal, value))}]"
    return _text(str(value))


def _text(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(s, s if s >= " " and s != "\x7f" else f"\\u{ord(s):04x}") for s in text) + '"'


def _name(name: object) -> str:
    text = str(name)
    return text if dotted((text,)) == text else _text(text)


def document(values: Mapping[str, Any]) -> str:
    """A TOML text of ``values``: plain keys first, a heading for each table."""
    return "\n".join(_table(values, ())).strip() + "\n"


def _table(values: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines = [f"{_name(key)} = {literal(v)}" for key, v in values.items() if not isinstance(v, Mapping)]
    for key, value in values.items():
        if isinstance(value, Mapping):
            inner = (*path, str(key))
            lines += ["", f"[{'.'.join(map(_name, inner))}]", *_table(value, inner)]
    return lines


def as_run(source: Document, settings: Mapping[Path, Any], values: Mapping[str, Any]) -> str:
    """The text of a study with ``settings`` written in; comments and order stay where that is possible.

    The result always reads back as ``values``: where the text cannot be edited in place it is written anew.
    """
    if not source.text:
        return document(values)
    text = source.text
    for path, value in settings.items():
        text = _edited(text, path, value)
    return text if _same(text, values) else document(values)


def setting(path: Path, value: Any) -> str:
    """``model.method = "logistic"``."""
    return f"{dotted(path)} = {literal(value)}"


def _same(text: str, values: Mapping[str, Any]) -> bool:
    try:
        return bool(tomllib.loads(text) == values)
    except tomllib.TOMLDecodeError:
        return False


def _edited(text: str, path: Path, value: Any) -> str:
    try:
        places = parse(text)
    except ValueError:
        return text
    raw = text.encode()
    if path in places.spans:
        start, end = places.spans[path]
        return (raw[:start] + literal(value).encode() + raw[end:]).decode()
    depth = max((len(head) for head in places.headers if path[: len(head)] == head), default=0)
    after = places.headers[path[:depth]] if depth else places.spans.get(("kind",), (0, -1))[1]
    start = raw.find(b"\n", after) + 1 if after >= 0 else 0
    if after >= 0 and start == 0:
        raw, start = raw + b"\n", len(raw) + 1
    line = f"{'.'.join(_name(part) for part in path[depth:])} = {literal(value)}\n"
    return (raw[:start] + line.encode() + raw[start:]).decode()
