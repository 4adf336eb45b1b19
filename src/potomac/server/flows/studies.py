"""Studies that are written in a browser: kinds, forms, texts, checks and drafts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db import models

from potomac.engine import Engine
from potomac.errors import Fault, PotomacError, StudyError, did_you_mean, listing
from potomac.server.accounts.models import Role
from potomac.server.catalog.models import Draft, Source
from potomac.server.databases import as_text, is_text
from potomac.server.flows import studyform, studytext
from potomac.server.flows.base import Actor, Missing, TooMuch, need, owned, record, visible
from potomac.spec import NAME
from potomac.studies import fields, registry, toml
from potomac.studies.load import Loaded, load
from potomac.units import BASE

if TYPE_CHECKING:
    from potomac.spec import TableSpec

__all__ = [
    "added", "check", "delete", "engine", "form", "get", "guessed", "kinds", "list_", "removed", "save", "text_of",
    "typed", "usable", "values_of",
]  # fmt: skip

LONGEST = 256 * 1024
"""Characters of a study's text that are taken."""

FILE = "study.toml"
"""How a study that lies in no file is called in faults."""


def kinds() -> list[Engine]:
    """The kinds of study that there are here, those that are broken left out."""
    return list(registry.engines().values())


def engine(kind: str) -> Engine:
    """The declaration of a kind.

    Raises:
        Missing: there is no such kind here.
    """
    try:
        return registry.engine(kind)
    except StudyError:
        raise Missing from None


def usable(actor: Actor) -> list[Source]:
    """The actor's own sources that are ready for a study."""
    user = need(actor, Role.ANALYST, "read")
    return list(Source.objects.filter(owner=user, state=Source.State.READY).order_by("name"))


def columns_of(source: Source) -> list[str]:
    """Names of the columns that were seen in a source."""
    return [str(one["name"]) for one in source.preview.get("columns", ())]


def form(
    kind: str, values: Mapping[str, Any], sources: Sequence[Source] = (), faults: Iterable[Fault] = ()
) -> studyform.Section:
    """The form of a kind of study as a tree of fields, filled with ``values``; what is wrong stands at its field."""
    return studyform.form(engine(kind), values, {one.name: columns_of(one) for one in sources}, faults)


def typed(kind: str, sent: studyform.Typed) -> dict[str, Any]:
    """The values that a sent form stands for."""
    return studyform.read(engine(kind), sent)


def text_of(kind: str, values: Mapping[str, Any]) -> str:
    """The study file: only what differs from the defaults."""
    one = engine(kind)
    return studytext.write(studytext.differing(one, values))


def values_of(text: str) -> dict[str, Any]:
    """The values of a study's text.

    Raises:
        StudyError: the text is not TOML, or no text.
    """
    return toml.parse(_bounded(text), FILE).values


def added(kind: str, values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """``values`` with one more empty part in the list called ``key`` (such as ``data.covariates``)."""
    found: dict[str, Any] = _copied(values)
    here = found
    *path, last = key.split(".")
    for name in path:
        here = here.setdefault(name, {})
        if not isinstance(here, dict):
            raise Missing
    if fields.slot_at(engine(kind).study, key.split(".")) is None:
        raise Missing
    here[last] = [*(here.get(last) or []), {}]
    return found


def removed(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """``values`` without one part of a list (such as ``data.covariates.1``)."""
    found: dict[str, Any] = _copied(values)
    *path, last = key.split(".")
    here: Any = found
    for name in path:
        here = here.get(name) if isinstance(here, dict) else None
    if not isinstance(here, list) or not last.isdecimal() or int(last) >= len(here):
        raise Missing
    del here[int(last)]
    return found


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def guessed(kind: str, values: Mapping[str, Any], sources: Sequence[Source]) -> dict[str, Any]:
    """``values`` with columns for the roles of each table that has a source and none yet."""
    from potomac.server.flows.sources import guesses

    found: dict[str, Any] = _copied(values)
    by_name = {one.name: one for one in sources}
    for name, table in _tables(found, engine(kind)):
        source = by_name.get(str(table.get("source", "")))
        if source is None or table.get("columns"):
            continue
        told = guesses(source, kind).get(".".join(part for part in name.split(".") if not part.isdecimal()), {})
        columns = {role: _column(told[role]) for role in told}
        if columns:
            table["columns"] = columns
    return found


def _column(guess: Mapping[str, Any]) -> Any:
    unit = guess.get("unit", "")
    return {"column": guess["column"], "unit": unit} if unit and unit not in BASE.values() else guess["column"]


def _tables(values: Any, kind: Engine) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tables with a source among ``values``, with their dotted key."""
    from potomac.spec import TableSpec

    def inside(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
        if isinstance(value, dict):
            if any(issubclass(model, TableSpec) for model in fields.models_at(kind.study, path)):
                yield ".".join(map(str, path)), value
            for key, item in value.items():
                yield from inside(item, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from inside(item, (*path, index))

    return inside(values, ())


# ---- what is wrong --------------------------------------------------------------------------------------------------


def check(actor: Actor, text: str) -> list[Fault]:
    """All that is wrong with a study's text, each with key and line, in the order of the text.

    Every table's source is one of the actor's own that are ready; nothing is read but what is known of it.
    """
    sources = {one.name: one for one in usable(actor)}
    try:
        document = toml.parse(_bounded(text), FILE)
    except StudyError as error:
        return list(error.faults)
    faults = list(_of_words(document.values))
    if not faults:
        faults = _of_study(document.values, sources)
    placed = [replace(one, file=FILE, line=document.locate(one.key) if one.key else 1) for one in faults]
    return sorted(placed, key=lambda one: one.line or 0)


def _of_study(values: dict[str, Any], sources: Mapping[str, Source]) -> list[Fault]:
    """What is wrong with the values of a study, and between them and the sources."""
    try:
        loaded = load(values)
    except PotomacError as error:
        return list(error.faults)
    return [fault for name, spec in _specs(loaded) for fault in _of_source(name, spec, sources)]


def _bounded(text: str) -> str:
    """The text, where it is text and not too long.

    Raises:
        StudyError: it has NUL, or half of a pair of UTF-16, which may come in JSON.
        TooMuch: it is too long.
    """
    if len(text) > LONGEST:
        raise TooMuch(f"A study's text may have {LONGEST:,} characters; this one has {len(text):,}")
    if not is_text(text):
        line = next(number for number, one in enumerate(text.split("\n"), 1) if not is_text(one))
        raise StudyError(Fault("study.encoding", "the study is not UTF-8 text", _TEXT, "", FILE, line))
    return text


_TEXT = "study files are UTF-8 without NUL"


def _of_words(values: Any, path: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    r"""Words that are no text: TOML can write NUL (``"\u0000"``), which no table's column and no title has."""
    if isinstance(values, str):
        if not is_text(values):
            yield Fault("study.encoding", "NUL stands in the value", _TEXT, "Take it out", key=toml.dotted(path))
    elif isinstance(values, Mapping):
        for key, item in values.items():
            yield from _of_words(key, path)
            yield from _of_words(item, (*path, as_text(key)))
    elif isinstance(values, list):
        for index, item in enumerate(values):
            yield from _of_words(item, (*path, index))


def _specs(loaded: Loaded) -> Iterator[tuple[str, TableSpec]]:
    return ((toml.dotted(path), spec) for path, spec in fields.table_specs(loaded.study))


def _of_source(name: str, spec: TableSpec, sources: Mapping[str, Source]) -> Iterator[Fault]:
    """What does not fit between a table and its source."""
    source = sources.get(spec.source)
    if source is None:
        expected = f"your sources are {listing(sources)}" if sources else "you have no source that is ready"
        mend = did_you_mean(spec.source, list(sources)) or ("" if sources else "Upload a table first")
        yield Fault(
            "server.source-unknown", f'no source is called "{spec.source}"', expected, mend, key=f"{name}.source"
        )
        return
    there = columns_of(source)
    if there:
        yield from _of_columns(name, spec, there)


def _of_columns(name: str, spec: TableSpec, there: Sequence[str]) -> Iterator[Fault]:
    chosen = spec.all_columns()
    expected = f"its columns are {listing(there)}"
    for role in spec.all_roles():
        if role.name in chosen and chosen[role.name].column not in there:
            column = chosen[role.name].column
            found, mend = f'no column "{column}" in {spec.source}', did_you_mean(column, there)
            yield Fault("data.column-missing", found, expected, mend, key=f"{name}.columns.{role.name}")
        elif role.required and role.name not in chosen:
            found = f"no column of {spec.source} is named for {role.name}: {role.meaning}"
            yield Fault("data.role-missing", found, expected, "", key=f"{name}.columns.{role.name}")


# ---- drafts ---------------------------------------------------------------------------------------------------------


def list_(actor: Actor) -> models.QuerySet[Draft]:
    """The actor's drafts, last changed first."""
    return visible(actor, Draft.objects.select_related("owner"))


def get(actor: Actor, id: str) -> Draft:
    """One of the actor's drafts."""
    found: Draft = owned(actor, Draft.objects.all(), id=id)
    return found


def save(actor: Actor, kind: str, text: str, id: str | None = None) -> Draft:
    """Keep a study as it is, right or wrong; a new draft, or the one with that id.

    Raises:
        Missing: there is no such kind or draft.
        StudyError: it is no text.
        TooMuch: the text is too long.
    """
    user = need(actor, Role.ANALYST, "write")
    name, title = _names(engine(kind), _bounded(text))
    draft = Draft(owner=user) if id is None else owned(actor, Draft.objects.all(), "write", id=id)
    draft.kind, draft.text, draft.name, draft.title = kind, text, name, title
    draft.save()
    record(actor, "study.save", f"study:{draft.id}", name=name)
    return draft


def _names(kind: Engine, text: str) -> tuple[str, str]:
    """Name and title as the text says them, as far as it can be read."""
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        values = {}
    name, title = str(values.get("name", "")), as_text(str(values.get("title", "")))
    return (name[:80] if re.match(NAME, name) else f"my-{kind.kind}"), title[:300]


def delete(actor: Actor, id: str) -> None:
    """Forget a draft; runs that came of it stay."""
    draft = owned(actor, Draft.objects.all(), "write", id=id)
    draft.delete()
    record(actor, "study.delete", f"study:{id}")
