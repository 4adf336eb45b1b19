"""A study file and its overrides -> a checked Study, or all that is wrong with it at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from potomac.engine import Engine
from potomac.errors import Fault, PotomacError, StudyError, did_you_mean, listing
from potomac.spec import MEMORY, Study
from potomac.studies import fields, overrides, registry, toml
from potomac.studies.faults import explain, first_by_line
from potomac.studies.toml import Document, Path, dotted

__all__ = ["Loaded", "load"]


@dataclass(frozen=True)
class Loaded:
    """A study that is valid, where it came from, and where each of its keys stands."""

    study: Study
    engine: Engine
    document: Document
    values: Mapping[str, Any]  # as in the file, overrides applied
    settings: Mapping[Path, Any] = field(default_factory=dict)
    base: FilePath = FilePath()  # sources are relative to it

    def place(self, path: Path) -> tuple[str, int | None]:
        """The file (or ``--set``) and line where ``path`` stands."""
        return _place(self.document, self.settings, path)

    def locate(self, error: PotomacError) -> PotomacError:
        """``error`` with the study's file and line on every fault whose key stands in the study."""
        return type(error)(_located(fault, self) for fault in error.faults)


def _located(fault: Fault, loaded: Loaded) -> Fault:
    if not fault.key or fault.line or (fault.file and fault.file != loaded.document.file):
        return fault
    path = loaded.document.path(fault.key)
    if not path or path[0] not in fields.keys(type(loaded.study)):
        return fault
    file, line = loaded.place(path)
    return replace(fault, file=file, line=line)


def _place(document: Document, settings: Mapping[Path, Any], path: Path) -> tuple[str, int | None]:
    asked = [changed for changed, value in settings.items() if value is not MEMORY]
    if any(path[: len(changed)] == changed for changed in asked):
        return overrides.FLAG, None
    for end in range(len(path), 0, -1):
        if path[:end] in document.lines:
            break
        if any(changed[:end] == path[:end] for changed in asked):
            return overrides.FLAG, None
    return document.file, document.line(path)


def load(
    source: str | FilePath | Mapping[str, Any] | Study,
    settings: Iterable[str] | Mapping[str, Any] = (),
    base: FilePath | None = None,
    *,
    given: Iterable[str] = (),
) -> Loaded:
    """The study in a file, or given as values.

    Args:
        source: path of a study file, a mapping of its keys, or a Study.
        settings: ``["seed=7"]`` as on the command line, or ``{"seed": 7, "model.method": "logistic"}``.
        base: directory that sources are relative to; default the file's, or the working directory.
        given: names of tables that are given in memory; their source needs no value.

    Raises:
        StudyError: the file, its kind, a key or a value is wrong; all faults at once, in the order of the file.
    """
    if isinstance(source, str | FilePath):
        document = toml.read(source)
        base = base or FilePath(source).parent
    else:
        document = Document(_values(source))
        base = base or FilePath()
    engine = _engine(document)
    changes = _changes(settings, engine) | {(*overrides.key(name), "source"): MEMORY for name in given}
    values = overrides.apply(document.values, changes)
    study = _validated(values, engine, document, changes)
    return Loaded(study, engine, document, values, changes, base)


def _values(source: Mapping[str, Any] | Study) -> dict[str, Any]:
    if isinstance(source, Study):
        return source.model_dump(mode="python", exclude_none=True, by_alias=True)
    return dict(source)


def _engine(document: Document) -> Engine:
    kind = document.values.get("kind")
    valid = f"the kinds here are {listing(registry.kinds())}"
    if kind is None:
        found = "the key kind is missing; it says which engine answers"
        line = 1 if document.file else None
        raise StudyError(Fault("study.kind-missing", found, valid, _meant(document), document.file, line, "kind"))
    line = document.line(("kind",))
    if not isinstance(kind, str):
        found = "the kind is not a word"
        raise StudyError(Fault("study.kind-unknown", found, valid, "", document.file, line, "kind"))
    try:
        return registry.engine(kind)
    except StudyError as error:
        raise StudyError(replace(f, file=document.file, line=line, key="kind") for f in error.faults) from error


def _meant(document: Document) -> str:
    """The key that was meant to be the kind."""
    names = [name for name in document.values if name not in ("name", "title", "seed", "data")]
    near = next((name for name in names if did_you_mean(name, ["kind"])), "")
    return f'Write kind in place of "{near}"' if near else ""


def _changes(settings: Iterable[str] | Mapping[str, Any], engine: Engine) -> dict[Path, Any]:
    if isinstance(settings, Mapping):
        return {tuple(overrides.key(name)): value for name, value in settings.items()}
    return overrides.parse(settings, engine.study)


def _validated(values: dict[str, Any], engine: Engine, document: Document, changes: Mapping[Path, Any]) -> Study:
    def place(path: Path) -> tuple[str, int | None]:
        return _place(document, changes, path)

    try:
        study: Study = engine.study.model_validate_json(_json(values), strict=True)
    except ValidationError as error:
        raise StudyError(explain(error, engine.study, values, place)) from None
    faults = [fault for path, spec in fields.table_specs(study) for fault in _roles(path, spec, place)]
    if faults:
        raise StudyError(first_by_line(faults))
    return study


def _json(values: Mapping[str, Any]) -> str:
    """JSON, because strict checking of JSON takes lists for tuples and texts for dates, and nothing else for others."""
    return json.dumps(values, default=_text)


def _text(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _roles(path: Path, spec: Any, place: Any) -> Iterable[Fault]:
    """A role that this table does not have is named with the ones it has."""
    valid = [role.name for role in spec.all_roles()]
    for name in spec.columns:
        if name not in valid:
            full = (*path, "columns", name)
            file, line = place(full)
            found = f'no role is called "{name}" here'
            expected = f"the roles of [{dotted(path)}] are {listing(valid, 30)}"
            yield Fault("data.role-unknown", found, expected, did_you_mean(name, valid), file, line, dotted(full))
