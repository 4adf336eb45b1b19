"""One attempt at a job: its process, its heartbeats, its limits, and how it ends."""

from __future__ import annotations

import json
import logging
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from django.db import InterfaceError, OperationalError, connection

from potomac.errors import Fault
from potomac.server.jobs import queue
from potomac.server.jobs.child import RESULT, too_large
from potomac.server.jobs.models import Job, State
from potomac.server.jobs.process import Process
from potomac.server.jobs.tasks import Task

__all__ = ["AWAY", "End", "away", "carried_out"]

BEAT = 0.5
"""Seconds between two heartbeats, which also carry progress and hear of a cancel."""
GRACE = 1.0
"""Seconds that work has to stop by itself."""
AWAY = (OperationalError, InterfaceError)
"""What is raised where the database does not answer, or not in time."""
_log = logging.getLogger("potomac.worker")


@dataclass(frozen=True)
class End:
    """How an attempt ended; ``State.QUEUED`` where another is to follow."""

    state: State
    faults: Sequence[Fault] = ()
    result: Any = None
    death: bool = False


def away(error: Exception) -> None:
    """Say so, and begin anew with it."""
    _log.warning("the database does not answer, trying again: %s", error)
    connection.close()


def carried_out(job: Job, task: Task, workspace: Path, stop: Event) -> End:
    """Have a process do the work in ``workspace``; how that ended."""
    workspace.mkdir(mode=0o700)
    seconds, mb = task.limits()
    asked = {"work": task.work, "about": task.describe(job), "workspace": str(workspace), "mb": mb}
    with Process(workspace, asked) as process:
        end = _watched(process, job, seconds, mb, stop)
    _beat(job, process)
    return end or _left(job, workspace, process.code)


def _watched(process: Process, job: Job, seconds: float, mb: int, stop: Event) -> End | None:
    """Stay with the process until it has to end; None where it has ended by itself."""
    begun = beaten = time.monotonic()
    while not process.has_ended(0.1):
        now = time.monotonic()
        if now - begun > seconds:
            mend = "Give it fewer rows, or ask the administrator for more (limits.job_s)"
            return End(State.FAILED, [Fault("job.time", f"the work took longer than {seconds:,g} s", "", mend)])
        if process.memory_mb() > mb:
            return End(State.FAILED, [too_large(mb)])
        if stop.is_set():
            return End(State.QUEUED)
        if now - beaten >= BEAT:
            beaten = now
            holds, ending = _beat(job, process)
            if not holds:
                return End(State.QUEUED)
            if ending:
                process.stop(GRACE)
                return End(State.CANCELLED)
    return None


def _beat(job: Job, process: Process) -> tuple[bool, bool]:
    """A heartbeat; a database that does not answer says nothing about who holds the job."""
    try:
        return queue.beat(job, **process.told.values())
    except AWAY as error:
        away(error)
        return True, False


def _left(job: Job, workspace: Path, code: int) -> End:
    """What a process left that has ended by itself, or how it died: by the system's hand, or a fault in a library."""
    if code or not (workspace / RESULT).is_file():
        how = signal.Signals(-code).name if code < 0 else f"code {code}"
        return End(State.QUEUED, [Fault("job.died", f"its process died by {how}")], death=True)
    told = json.loads((workspace / RESULT).read_text(encoding="utf-8"))
    if told.get("trace"):
        _log.error("job %d: %s", job.pk, told["trace"])
    if "faults" in told:
        return End(State.FAILED, [Fault(**fault) for fault in told["faults"]])
    return End(State.DONE, result=told["result"])
