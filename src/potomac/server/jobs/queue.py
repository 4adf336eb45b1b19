"""The rules of the queue: who may take a job, who still holds it, and how it ends.

Every rule is one condition in an UPDATE. A job belongs to the attempt whose number it has; a worker that was away
while its lease ran out finds another number there, and its UPDATE changes no row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from potomac.errors import Fault
from potomac.server.accounts.models import User
from potomac.server.databases import as_text
from potomac.server.jobs.clock import Clock
from potomac.server.jobs.models import Job, State

__all__ = ["beat", "cancel", "claim", "current", "latest", "settle", "submit", "waiting"]

LEASE = 3.0
"""Seconds after its last heartbeat at which a job is anybody's again."""


def submit(task: str, about: str, owner: User) -> Job:
    """A new job; a worker takes it up within half a second where one is idle."""
    return Job.objects.create(task=task, about=about, owner=owner)


def latest(task: str, about: str) -> Job | None:
    """The newest job about a thing."""
    return Job.objects.filter(task=task, about=about).order_by("-id").first()


def waiting(task: str, owner: User) -> int:
    """How many jobs of a person wait or go on."""
    return Job.objects.filter(task=task, owner=owner, state__in=(State.QUEUED, State.RUNNING)).count()


def cancel(job: Job) -> None:
    """Ask for a job's end. What waits, or has lost its worker, ends at once; what runs, when its worker hears of it."""
    Job.objects.filter(pk=job.pk, state=State.RUNNING).update(cancel=True)
    free = Job.objects.filter(_free(), pk=job.pk)
    free.update(state=State.CANCELLED, cancel=True, lease=None, worker="", ended=timezone.now())
    job.refresh_from_db()


def _free() -> Q:
    """Jobs that any worker may take: they wait, or the lease on them has run out."""
    return Q(state=State.QUEUED) | Q(state=State.RUNNING, lease__lt=Clock())


def _in_turn() -> QuerySet[Job]:
    """Free jobs, first those of who has fewest running, then the oldest."""
    running = Job.objects.filter(owner=OuterRef("owner"), state=State.RUNNING, lease__gte=Clock())
    count = running.order_by().values("owner").annotate(n=Count("pk")).values("n")
    return Job.objects.filter(_free()).order_by(Coalesce(Subquery(count), 0), "id")


def claim(worker: str) -> Job | None:
    """Take the job whose turn it is; None where none is free.

    One UPDATE, made while the row is locked: it gives the job the next attempt's number, and counts a death where
    the lease of an attempt before has run out. A row that another worker has just locked is passed over.
    """
    if not Job.objects.filter(_free()).exists():  # idle workers take no lock
        return None
    with transaction.atomic():
        for id in list(_in_turn().values_list("id", flat=True)[:16]):
            locked = Job.objects.filter(_free(), pk=id).select_for_update(
                skip_locked=connection.features.has_select_for_update_skip_locked
            )
            if locked.first() is None:
                continue
            Job.objects.filter(pk=id).update(
                deaths=F("deaths") + Case(When(state=State.RUNNING, then=Value(1)), default=Value(0)),
                state=State.RUNNING,
                attempt=F("attempt") + 1,
                lease=Clock() + LEASE,
                worker=worker,
                started=Coalesce(F("started"), timezone.now()),
                what="",
                done=0,
                total=None,
            )
            return Job.objects.select_related("owner").get(pk=id)
    return None


def _held(job: Job) -> QuerySet[Job]:
    """The job, as long as this attempt holds it."""
    return Job.objects.filter(pk=job.pk, attempt=job.attempt, state=State.RUNNING)


def beat(job: Job, **told: Any) -> tuple[bool, bool]:
    """Renew the lease and write what the work tells; whether the attempt still holds, and whether it shall end."""
    holds = bool(_held(job).update(lease=Clock() + LEASE, **told))
    return holds, holds and _held(job).filter(cancel=True).exists()


def settle(
    job: Job,
    state: State,
    faults: Sequence[Fault] = (),
    then: Callable[[], None] | None = None,
    *,
    death: bool = False,
) -> bool:
    """End the attempt in one transaction with what its end brings about (``then``); False where it holds no more.

    ``State.QUEUED`` gives the job back to those that wait; ``death`` counts against it.
    """
    ended = None if state == State.QUEUED else timezone.now()
    error, deaths = as_text([fault.to_dict() for fault in faults]), F("deaths") + int(death)
    with transaction.atomic():
        held = _held(job).update(state=state, error=error, deaths=deaths, lease=None, worker="", ended=ended)
        if held and then:
            then()
    return bool(held)


def current(ids: Sequence[int]) -> set[tuple[int, int]]:
    """Which attempts of these jobs hold."""
    return set(Job.objects.filter(pk__in=ids, state=State.RUNNING).values_list("id", "attempt"))
