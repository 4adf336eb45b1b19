"""What the model says about a study -> faults with line, key, what was found, what is valid, and a suggestion."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from potomac.errors import Fault, PotomacError, did_you_mean, listing
from potomac.studies import fields
from potomac.studies.toml import Path, dotted, heading

__all__ = ["Place", "explain", "placed", "shown"]

Place = Callable[[Path], tuple[str, int | None]]
"""A path -> the file (or ``--set``) and the line where it stands."""

_TYPES: dict[type, str] = {bool: "", int: "the number ", float: "the number ", str: "the text "}


def shown(value: Any, most: int = 60) -> str:
    """A value as a reader knows it from the file, cut where it is long."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}" if len(value) != 1 else "a list of one"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float):
        return str(value)  # 1.0, inf and nan as TOML writes them
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else f"{text[:most]}..."


def explain(error: ValidationError, model: type[BaseModel], values: Any, place: Place) -> list[Fault]:
    """All that ``error`` says, one fault for each place, in the order of the file."""
    grouped: dict[Path, list[Any]] = {}
    for detail in error.errors(include_url=False):
        if detail["type"] == "default_factory_not_called":  # what it depends on is wrong, and told
            continue
        grouped.setdefault(_path(detail, values), []).append(detail)
    faults = [
        fault for path, details in grouped.items() for fault in _faults(path, _telling(details), model, values, place)
    ]
    return sorted(faults, key=lambda fault: (fault.file, fault.line or 0))


def _telling(details: list[Any]) -> Any:
    """Of several complaints about one place (a union's), the one that says most."""
    order = ("value_error", "extra_forbidden", "missing")
    return min(details, key=lambda d: order.index(d["type"]) if d["type"] in order else len(order))


def _path(detail: Any, values: Any) -> Path:
    """Where in the file: the parts of the location that name a union's branch are left out."""
    path: list[str | int] = []
    here = values
    parts = detail["loc"]
    for index, part in enumerate(parts):
        if (isinstance(here, dict) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(here)
        ):
            path.append(part)
            here = here[part]
        elif index == len(parts) - 1 and detail["type"] == "missing":
            path.append(part)
    return tuple(path)


def _faults(path: Path, detail: Any, model: type[BaseModel], values: Any, place: Place) -> list[Fault]:
    file, line = place(path)
    where = {"file": file, "line": line, "key": dotted(path)}
    match detail["type"]:
        case "union_tag_invalid" | "union_tag_not_found":
            return [_branch(path, detail, place)]
        case "extra_forbidden":
            return [_unknown(path, model, where)]
        case "missing":
            return [_missing(path, model, where)]
        case "value_error" | "assertion_error":
            return _own(path, detail, place, where)
    return [_invalid(path, detail, model, where)]


def _unknown(path: Path, model: type[BaseModel], where: dict[str, Any]) -> Fault:
    valid = list(dict.fromkeys(name for part in fields.models_at(model, path[:-1]) for name in fields.keys(part)))
    inside = heading(path[:-1]) if len(path) > 1 else "this study"
    expected = f"the keys of {inside} are {listing(valid, 30)}"
    mend = did_you_mean(str(path[-1]), valid) or _elsewhere(str(path[-1]), model, path)
    return Fault("study.key-unknown", f'no key is called "{path[-1]}" here', expected, mend, **where)


def _elsewhere(name: str, model: type[BaseModel], path: Path) -> str:
    """A key in the wrong table is told where it belongs."""
    homes = [""] if name in fields.keys(model) else []
    for key, info in fields.keys(model).items():
        inner = fields.model_in(fields.slot_of(info))
        if inner is not None and name in fields.keys(inner) and path[:-1] != (key,):
            homes.append(key)
    if not homes:
        return ""
    return f"It belongs to [{homes[0]}]" if homes[0] else "It belongs above the first [table]"


def _missing(path: Path, model: type[BaseModel], where: dict[str, Any]) -> Fault:
    slot = fields.slot_at(model, path)
    expected = f"expected {fields.words(slot)}" if slot else ""
    about = slot.info.description if slot and slot.info else ""
    if about:
        expected += f": {about}" if expected else about
    if slot and fields.model_in(slot) and not fields.is_list(slot):
        mend = f"Add a table [{dotted(path)}]"
    elif slot and fields.model_in(slot):
        mend = f"Add a table [[{dotted(path)}]]"
    else:
        mend = f"Add {path[-1]} = ... to {heading(path[:-1])}" if len(path) > 1 else f"Add {path[-1]} = ..."
    return Fault("study.key-missing", "this key is missing", expected, mend, **where)


def _branch(path: Path, detail: Any, place: Place) -> Fault:
    """Several kinds of table may stand here, and the key that tells them apart is wrong or missing."""
    name = str(detail["ctx"]["discriminator"]).strip("'")
    valid = [str(tag).strip("'") for tag in str(detail["ctx"].get("expected_tags", "")).split(", ") if tag]
    full = (*path, name)
    file, line = place(full)
    where: dict[str, Any] = {"file": file, "line": line, "key": dotted(full)}
    expected = f"expected one of {', '.join(map(shown, valid))}" if valid else ""
    if detail["type"] == "union_tag_not_found":
        mend = f"Add {name} = ... to {heading(path)}"
        return Fault("study.key-missing", "this key is missing", expected, mend, **where)
    tag = str(detail["ctx"]["tag"])
    return Fault("study.value-invalid", f"{shown(tag)} is not valid here", expected, did_you_mean(tag, valid), **where)


def _own(path: Path, detail: Any, place: Place, where: dict[str, Any]) -> list[Fault]:
    """A complaint of the engine's own checks: its faults, or its sentence."""
    error = detail.get("ctx", {}).get("error")
    if isinstance(error, PotomacError):
        return [placed(fault, path, place) for fault in error.faults]
    text = str(error) if error is not None else str(detail["msg"])
    return [Fault("study.value-invalid", text.rstrip("."), **where)]


def placed(fault: Fault, path: Path, place: Place) -> Fault:
    """``fault``, whose key counts from ``path``, with its full key, file and line."""
    full = (*path, *(int(part) if part.isdigit() else part for part in fault.key.split(".") if part))
    file, line = place(full)
    return Fault(
        fault.code, fault.found, fault.expected, fault.mend, fault.file or file, fault.line or line, dotted(full)
    )


def _invalid(path: Path, detail: Any, model: type[BaseModel], where: dict[str, Any]) -> Fault:
    slot = fields.slot_at(model, path)
    value = detail.get("input")
    found = f"{_TYPES.get(type(value), '')}{shown(value)} is not valid here"
    if slot is None:
        return Fault("study.value-invalid", found, str(detail["msg"]), "", **where)
    valid = [str(choice) for choice in fields.choices(slot)]
    mend = did_you_mean(value, valid) if isinstance(value, str) else ""
    if not mend and isinstance(value, str) and not valid:
        mend = _unquote(value, slot)
    expected = f"expected {fields.words(slot)}"
    unit = _unit(slot)
    return Fault("study.value-invalid", found, f"{expected} ({unit})" if unit else expected, mend, **where)


def _unit(slot: fields.Slot) -> str:
    extra = slot.info.json_schema_extra if slot.info else None
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def _unquote(value: str, slot: fields.Slot) -> str:
    """A number or a truth value that was written as text."""
    kinds = {option.annotation for option in fields.options(slot)}
    if kinds & {int, float} and value.replace(".", "", 1).removeprefix("-").isdigit():
        return f"Write {value} without quotes"
    if bool in kinds and value.casefold() in ("true", "false"):
        return f"Write {value.casefold()} without quotes"
    return ""


def first_by_line(faults: Iterable[Fault]) -> list[Fault]:
    """Faults in the order in which a reader meets their places."""
    return sorted(faults, key=lambda fault: (fault.file, fault.line or 0))


def names_of(path: Sequence[str | int]) -> str:
    """The path with dots, for keys that engines see."""
    return dotted(path)
