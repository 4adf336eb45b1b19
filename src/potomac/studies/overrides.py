"""``--set key=value``: what the command line changes in a study, with values typed as in TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from potomac.errors import Fault, StudyError
from potomac.studies import fields
from potomac.studies.toml import Path, dotted

__all__ = ["apply", "key", "parse"]

FLAG = "--set"


def parse(settings: Iterable[str], model: type[BaseModel]) -> dict[Path, Any]:
    """``["seed=5", "model.method=logistic"]`` -> path and value.

    A value is TOML; a word that is no TOML value, or stands where only text may, is text.

    Raises:
        StudyError: a setting has no ``=``, or its key or value cannot be read.
    """
    found: dict[Path, Any] = {}
    faults: list[Fault] = []
    for setting in settings:
        try:
            path, value = _one(setting, model)
        except StudyError as error:
            faults += error.faults
            continue
        if path in found:
            faults.append(_fault("study.set-doubled", "this key is set twice", "each key is set once", dotted(path)))
        found[path] = value
    if faults:
        raise StudyError(faults)
    return found


def _fault(code: str, found: str, expected: str, key: str = "", mend: str = "") -> Fault:
    return Fault(code, found, expected, mend, FLAG, None, key)


def _one(setting: str, model: type[BaseModel]) -> tuple[Path, Any]:
    name, equals, raw = setting.partition("=")
    if not equals:
        found = f'"{setting}" has no ='
        raise StudyError(_fault("study.set-syntax", found, "expected key=value", mend="For example --set seed=7"))
    path = key(name.strip())
    if path == ("kind",):
        found = "the kind of a study cannot be set here"
        raise StudyError(_fault("study.set-kind", found, "the other keys can", "kind", "Change it in the file"))
    return path, _value(raw.strip(), fields.slot_at(model, path), dotted(path))


def key(name: str) -> Path:
    """The path of a key written with dots; a number counts as the place in a list."""
    try:
        value: Any = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError as error:
        found = f'"{name}" is not a key'
        expected = "expected a name such as seed or model.method"
        raise StudyError(_fault("study.set-syntax", found, expected)) from error
    path: list[str | int] = []
    while isinstance(value, dict):
        part, value = next(iter(value.items()))
        path.append(int(part) if part.isdigit() else part)
    return tuple(path)


def _value(raw: str, slot: fields.Slot | None, key: str) -> Any:
    if slot is not None and fields.only_text(slot) and raw[:1] not in ('"', "'"):
        return raw
    try:
        values = tomllib.loads(f"x = {raw}")
    except tomllib.TOMLDecodeError:
        if raw[:1] in ("[", "{", '"', "'"):
            found = f"{raw} is not a value"
            expected = "expected a number, text, true, false, a date, [list] or {table}"
            raise StudyError(_fault("study.set-syntax", found, expected, key)) from None
        return raw
    return values["x"] if list(values) == ["x"] else raw


def apply(values: Mapping[str, Any], settings: Mapping[Path, Any]) -> dict[str, Any]:
    """A copy of ``values`` with ``settings`` in place; tables on the way are made where they are missing.

    Raises:
        StudyError: a setting goes through something that is no table, or past the end of a list.
    """
    changed = _copy(values)
    faults = [fault for path, value in settings.items() if (fault := _put(changed, path, value))]
    if faults:
        raise StudyError(faults)
    return dict(changed)


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copy(item) for name, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _put(values: Any, path: Path, value: Any) -> Fault | None:
    here = values
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(here, dict):
            at: str | int = str(part)
            here = here if last else here.setdefault(at, {})
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            at = part
            here = here if last else here[at]
        elif isinstance(here, list):
            expected = f"it has {len(here)} elements, counted from 0"
            return _fault("study.set-path", f"{dotted(path[:depth])} has no element {part}", expected, dotted(path))
        else:
            found = f"{dotted(path[:depth])} is a value, not a table"
            return _fault("study.set-path", found, "only tables have keys inside", dotted(path))
        if last:
            here[at] = value
    return None
