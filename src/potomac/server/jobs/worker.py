"""The worker: takes jobs from the queue, one at a time, and has each carried out by a process of its own."""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import NoReturn

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from potomac.errors import Fault, PotomacError
from potomac.server.config import home
from potomac.server.jobs import queue
from potomac.server.jobs.child import RESULT, TELL, too_large
from potomac.server.jobs.models import Job, State
from potomac.server.jobs.process import Process, Told
from potomac.server.jobs.tasks import TASKS, Task

__all__ = ["main", "work"]

POLL = 0.4
"""Seconds between two looks for a job."""
BEAT = 0.5
"""Seconds between two heartbeats, which also carry progress."""
GRACE = 1.0
"""Seconds that work has to stop by itself."""
DEATHS = 3
"""How often a job may end with its process or its worker before it is given up."""
SWEEP = 60.0
AWAY = (OperationalError, InterfaceError)
"""What is raised where the database does not answer, or not in time."""
_log = logging.getLogger("potomac.worker")


def main() -> NoReturn:
    """Work until the system asks to end; what is running then goes back to the queue."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    work(stop=stop)
    sys.exit(0)


def work(once: bool = False, stop: Event | None = None) -> int:
    """Take jobs until ``stop`` is set, or, with ``once``, until none waits; returns how many were taken."""
    stop, taken, swept = stop or Event(), 0, -SWEEP
    name = f"{platform.node()}:{os.getpid()}"[:100]
    while not stop.is_set():
        try:
            close_old_connections()
            if time.monotonic() - swept >= SWEEP:
                _sweep()
                swept = time.monotonic()
            job = queue.claim(name)
            if job is not None:
                taken += 1
                _attempt(job, stop)
                continue
        except AWAY as error:
            _log.warning("the database does not answer, trying again: %s", error)
            connection.close()
        if once:
            break
        stop.wait(POLL)
    return taken


def _sweep() -> None:
    """Remove the workspaces of attempts that hold no more. What is listed before it is asked for is old enough."""
    found = {path: re.fullmatch(r"(\d+)-(\d+)", path.name) for path in _works().iterdir()}
    attempts = {path: (int(match[1]), int(match[2])) for path, match in found.items() if match}
    holding = queue.current([id for id, _ in attempts.values()])
    for path, attempt in attempts.items():
        if attempt not in holding:
            shutil.rmtree(path, ignore_errors=True)


def _works() -> Path:
    folder = home() / "work"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


# ---- one attempt ----------------------------------------------------------------------------------------------------


def _attempt(job: Job, stop: Event) -> None:
    """Carry out a job that was just claimed, and end it."""
    _log.info("job %d: %s %s, attempt %d", job.pk, job.task, job.about, job.attempt)
    task, workspace = TASKS[job.task], _works() / f"{job.pk}-{job.attempt}"
    if job.attempt > 1:
        _sweep()
    try:
        if job.cancel:
            queue.settle(job, State.CANCELLED)
        elif job.deaths >= DEATHS:
            _fail(job, task, [_given_up(f"the worker was ended {job.deaths} times while it did this work")])
        else:
            workspace.mkdir(mode=0o700)
            _carry_out(job, task, workspace, stop)
    except AWAY:
        raise
    except PotomacError as error:
        _fail(job, task, list(error.faults))
    except Exception as error:  # no disk, no process, or a bug: this job fails, the others are done
        _log.exception("job %d", job.pk)
        reason = getattr(error, "strerror", None) or type(error).__name__
        _fail(job, task, [Fault("job.failed", f"the server cannot do this: {reason}", "", TELL)])
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _given_up(found: str) -> Fault:
    return Fault("job.died", found, "a job is tried three times", f"Give it fewer rows. {TELL}")


def _fail(job: Job, task: Task, faults: list[Fault]) -> None:
    _surely(lambda: queue.settle(job, State.FAILED, faults, lambda: task.failed(job, faults)))


def _surely(act: Callable[[], object]) -> None:
    """Do it as soon as the database answers: work of an hour is not thrown away for one that restarts."""
    for _ in range(60):
        try:
            act()
            return
        except AWAY as error:
            _log.warning("the database does not answer, trying again: %s", error)
            connection.close()
            time.sleep(1)


def _carry_out(job: Job, task: Task, workspace: Path, stop: Event) -> None:
    limit_s, limit_mb = task.limits()
    asked = {"work": task.work, "about": task.describe(job), "workspace": str(workspace), "mb": limit_mb}
    with Process(workspace, asked) as process:
        end = _watched(process, job, limit_s, limit_mb, stop)
    if isinstance(end, Fault):
        _fail(job, task, [end])
    elif end == "cancelled":
        _surely(lambda: queue.settle(job, State.CANCELLED))
    elif end == "stopped":
        queue.release(job)
    elif end == "ended":
        _beat(job, process.told)
        _ended(job, task, workspace, process.code)


def _watched(process: Process, job: Job, limit_s: float, limit_mb: int, stop: Event) -> str | Fault:
    """Stay with the process until it ends, or has to; how it came to that."""
    begun = beaten = time.monotonic()
    while not process.has_ended(0.1):
        now = time.monotonic()
        if now - begun > limit_s:
            mend = "Give it fewer rows, or ask the administrator for more (limits.job_s)"
            return Fault("job.time", f"the work took longer than {limit_s:,g} s", "", mend)
        if process.memory_mb() > limit_mb:
            return too_large(limit_mb)
        if stop.is_set():
            return "stopped"
        if now - beaten >= BEAT:
            beaten = now
            holds, ending = _beat(job, process.told)
            if not holds:
                _log.warning("job %d: attempt %d holds no more", job.pk, job.attempt)
                return "lost"
            if ending:
                process.stop(GRACE)
                return "cancelled"
    return "ended"


def _beat(job: Job, told: Told) -> tuple[bool, bool]:
    """A heartbeat; a database that does not answer says nothing about who holds the job."""
    try:
        return queue.beat(job, **told.values())
    except AWAY as error:
        _log.warning("job %d: no heartbeat: %s", job.pk, error)
        connection.close()
        return True, False


def _ended(job: Job, task: Task, workspace: Path, code: int) -> None:
    """The process has ended by itself: what it left, or what killed it."""
    try:
        told = json.loads((workspace / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = None
    if told is None or code:
        _died(job, task, code)
    elif "faults" in told:
        if told.get("trace"):
            _log.error("job %d: %s", job.pk, told["trace"])
        _fail(job, task, [Fault(**fault) for fault in told["faults"]])
    else:
        _surely(lambda: queue.settle(job, State.DONE, then=lambda: task.finish(job, told["result"], workspace)))


def _died(job: Job, task: Task, code: int) -> None:
    """Nobody here killed it: the system where memory ran out, or a fault in a library. Three times is enough."""
    how = signal.Signals(-code).name if code < 0 else f"code {code}"
    _log.warning("job %d: attempt %d died by %s", job.pk, job.attempt, how)
    if job.deaths + 1 >= DEATHS:
        _fail(job, task, [_given_up(f"the process that did this work died {job.deaths + 1} times, last by {how}")])
    else:
        _surely(lambda: queue.release(job, death=True))
