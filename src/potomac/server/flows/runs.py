"""Runs: submit a study, watch it, cancel it, try it again, compare what came out, delete it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import OuterRef, Subquery

from potomac.engine import Fact
from potomac.errors import Fault, StudyError
from potomac.server.accounts.models import Role, User
from potomac.server.catalog.models import Draft, Run, Source
from potomac.server.config import home
from potomac.server.databases import is_text
from potomac.server.flows.base import Actor, Conflict, Missing, TooMuch, need, owned, record, visible
from potomac.server.jobs import queue
from potomac.server.jobs.models import Job, State
from potomac.studies import fields, toml
from potomac.studies.load import load

if TYPE_CHECKING:
    from potomac.spec import Study
    from potomac.studies import Run as Opened

__all__ = ["Comparison", "Row", "cancel", "compare", "delete", "get", "job", "list_", "opened", "retry", "submit"]

TASK = "run"
MOST = 12
"""Runs that are compared at once."""


# ---- begin ----------------------------------------------------------------------------------------------------------


def submit(actor: Actor, text: str, draft: Draft | None = None) -> Run:
    """Ask for a run of a study.

    Args:
        actor: who asks.
        text: the study file. Each of its tables names one of the actor's own sources that are ready, and no path,
            address or query of its own.
        draft: what the text was written in.

    Raises:
        StudyError: the study is wrong; all faults, each with its key and line.
        TooMuch: too many runs of this person wait or go on.
    """
    user = need(actor, Role.ANALYST, "write")
    study = _checked(actor, text)
    with transaction.atomic():
        _room(user)
        one = Run.objects.create(
            owner=user, draft=draft, kind=study.kind, name=study.name, title=study.title, text=text
        )
        one.sources.add(*_sources(user, study))
        newest = queue.submit(TASK, one.pk, user)
        record(actor, "run.submit", f"run:{one.pk}", kind=study.kind, name=study.name)
    return _with_job(one, newest)


def _checked(actor: Actor, text: str) -> Study:
    from potomac.server.flows import studies

    _readable(text)
    faults = studies.check(actor, text)
    if faults:
        raise StudyError(faults)
    document = toml.parse(text, studies.FILE)
    study = load(document.values).study
    asking = [path for path, spec in fields.table_specs(study) if spec.query is not None]
    found, mend = "a source of the server has its query already", "Take query out"
    faults = [
        Fault("data.query-needless", found, "", mend, studies.FILE, document.line((*path, "query")), toml.dotted(path))
        for path in asking
    ]
    if faults:
        raise StudyError(faults)
    return study


def _readable(text: str) -> None:
    """Half of a pair of UTF-16 may come in JSON, and is no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        found, expected = "the study is not UTF-8 text", "study files are UTF-8"
        raise StudyError(Fault("study.encoding", found, expected, "", "study.toml", 1)) from None


def _sources(user: User, study: Study) -> list[Source]:
    """The sources that the study names, which are still there and ready."""
    names = {spec.source for _, spec in fields.table_specs(study)}
    found = list(Source.objects.filter(owner=user, name__in=names, state=Source.State.READY))
    found = [source for source in found if source.name in names]  # some databases take A for a
    if len(found) != len(names):
        raise Conflict("A source of this study is no longer there, or not ready")
    return found


def _room(user: User) -> None:
    """Whether one more run may wait; requests of one person ask one after the other."""
    User.objects.select_for_update().values_list("pk").get(pk=user.pk)
    most = settings.CONFIG.limits.waiting
    if queue.waiting(TASK, user) >= most:
        raise TooMuch(f"{most} of your runs wait or go on already; cancel one, or wait until one has ended")


# ---- watch ----------------------------------------------------------------------------------------------------------


STATE = ("state", "what", "done", "total")
"""What a run has of its newest job."""


def _with_state(runs: models.QuerySet[Run]) -> models.QuerySet[Run]:
    """Runs with the ``state``, ``what``, ``done`` and ``total`` of their newest job."""
    newest = Job.objects.filter(task=TASK, about=OuterRef("pk")).order_by("-id")
    return runs.select_related("owner").annotate(**{name: Subquery(newest.values(name)[:1]) for name in STATE})


def _with_job(run: Any, newest: Job | None) -> Run:
    """One run with the same, and the job itself."""
    run.newest = newest
    for name in STATE:
        setattr(run, name, getattr(newest, name, None))
    found: Run = run
    return found


def list_(actor: Actor) -> models.QuerySet[Run]:
    """The actor's runs, newest first, with state and progress; an administrator sees all."""
    return _with_state(visible(actor, Run.objects.all()))


def get(actor: Actor, id: str) -> Run:
    """One of the actor's runs, with state and progress.

    Raises:
        Missing: there is none, or it is somebody else's.
    """
    newest = queue.latest(TASK, id) if is_text(id) else None  # before the run: where it is done, the answer is there
    return _with_job(owned(actor, Run.objects.all(), id=id), newest)


def job(run: Run) -> Job:
    """The newest job of a run: state, progress, log and faults."""
    found: Job | None = getattr(run, "newest", None) or queue.latest(TASK, run.pk)
    if found is None:
        raise Missing
    return found


# ---- change ---------------------------------------------------------------------------------------------------------


def cancel(actor: Actor, id: str) -> Run:
    """End a run that waits or goes on; what goes on ends within two seconds.

    Raises:
        Conflict: it has ended already.
    """
    one: Run = owned(actor, Run.objects.all(), "write", id=id)
    found = job(one)
    if not found.is_open:
        raise Conflict(f"The run has ended already: it is {State(found.state).label}")
    queue.cancel(found)
    record(actor, "run.cancel", f"run:{one.pk}", name=one.name)
    return get(actor, id)


def retry(actor: Actor, id: str) -> Run:
    """Try a run anew that failed or was cancelled, with the same study.

    Raises:
        Conflict: it waits, goes on, or has its answer.
        StudyError: the study does not fit its sources any more.
        TooMuch: too many runs of this person wait or go on.
    """
    one: Run = owned(actor, Run.objects.all(), "write", id=id)
    _ended_without(one)
    study = _checked(Actor(user=one.owner), one.text)
    with transaction.atomic():
        _room(one.owner)
        _ended_without(one)  # still
        one.sources.set(_sources(one.owner, study))
        queue.submit(TASK, one.pk, one.owner)
        record(actor, "run.retry", f"run:{one.pk}", name=one.name)
    return get(actor, id)


def _ended_without(one: Run) -> None:
    state = State(job(one).state)
    if state not in (State.FAILED, State.CANCELLED):
        raise Conflict(f"Only a run that failed or was cancelled is tried anew; this one is {state.label}")


def delete(actor: Actor, id: str) -> None:
    """Delete a run and what it found; one that goes on is ended.

    Raises:
        Conflict: a product shows it.
    """
    one: Run = owned(actor, Run.objects.all(), "write", id=id)
    with transaction.atomic():
        Job.objects.filter(task=TASK, about=one.pk).delete()  # first: a worker that is about to end it ends before
        Run.objects.select_for_update().filter(pk=one.pk).first()  # who publishes it is before this, or late
        shown = sorted(one.versions.values_list("product__slug", flat=True).distinct())
        if shown:
            raise Conflict(f"The run is shown by {', '.join(shown)}; delete the product or this version first")
        place, owner = home() / "runs" / str(one.owner_id) / one.pk, one.owner
        Run.objects.filter(pk=one.pk).delete()
        record(actor, "run.delete", f"run:{id}", name=one.name, owner=owner.get_username())
    shutil.rmtree(place, ignore_errors=True)


# ---- what came out --------------------------------------------------------------------------------------------------


def opened(run: Run) -> Opened:
    """The finished run: answer, facts, tables, figures.

    Raises:
        Conflict: it is not finished.
    """
    from potomac.studies import open_run

    if not run.directory:
        raise Conflict("The run has no answer yet")
    return open_run(home() / "runs" / run.directory)


@dataclass(frozen=True)
class Row:
    """A fact, or a key of the study, of each run that is compared; None where a run has none."""

    name: str
    label: str
    values: tuple[Any, ...]
    unit: str = ""
    meaning: str = ""

    @property
    def differs(self) -> bool:
        """Whether the runs disagree."""
        first = _value(self.values[0])
        return any(_value(value) != first for value in self.values[1:])


@dataclass(frozen=True)
class Comparison:
    """Runs beside each other: their facts (:class:`~potomac.engine.Fact`), and the keys in which studies differ."""

    runs: tuple[Run, ...]
    answers: tuple[str, ...]
    facts: tuple[Row, ...]
    keys: tuple[Row, ...]


def _value(value: Any) -> Any:
    return value.value if isinstance(value, Fact) else value


def compare(actor: Actor, ids: Sequence[str]) -> Comparison:
    """The facts of several finished runs, in the order of ``ids``.

    Raises:
        Missing: one of them is not there, or somebody else's.
        Conflict: one of them is not finished.
        TooMuch: there are more than twelve.
    """
    ids = list(dict.fromkeys(ids))
    if len(ids) > MOST:
        raise TooMuch(f"{MOST} runs are compared at once; these are {len(ids)}")
    runs = tuple(get(actor, id) for id in ids)
    found = [opened(run) for run in runs]
    facts = [{name: one.fact(name) for name in one.manifest["facts"]} for one in found]
    keys = [_flat(one.manifest.get("study", {})) for one in found]
    rows = tuple(_fact_row(name, facts) for name in _names(facts))
    told = tuple(Row(name, name, tuple(one.get(name) for one in keys)) for name in _names(keys))
    return Comparison(runs, tuple(one.answer for one in found), rows, tuple(row for row in told if row.differs))


def _names(all: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for one in all for name in one))


def _fact_row(name: str, facts: Sequence[Mapping[str, Fact]]) -> Row:
    values = tuple(one.get(name) for one in facts)
    first = next(value for value in values if value is not None)
    return Row(name, first.label or name.replace("_", " "), values, first.unit, first.meaning)


def _flat(value: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[str, Any]:
    """The keys of a study, written with dots."""
    found: dict[str, Any] = {}
    for key, item in value.items():
        inner = (*path, str(key))
        found |= _flat(item, inner) if isinstance(item, Mapping) else {toml.dotted(inner): item}
    return found
