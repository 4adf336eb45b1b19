"""The worker: takes jobs from the queue, one at a time, and has each carried out by a process of its own."""

from __future__ import annotations

import logging
import os
import platform
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from django.db import close_old_connections

from potomac.errors import Fault, PotomacError
from potomac.server.catalog import contents
from potomac.server.config import home
from potomac.server.jobs import queue
from potomac.server.jobs.attempt import AWAY, End, away, carried_out
from potomac.server.jobs.child import TELL
from potomac.server.jobs.models import Job, State
from potomac.server.jobs.tasks import TASKS, Task

__all__ = ["main", "work"]

POLL = 0.4
"""Seconds between two looks for a job."""
DEATHS = 3
"""How often a job may end with its process or its worker before it is given up."""
SWEEP = 60.0
TIDY = 3600.0
"""Seconds between two looks for uploads that no source needs."""
_log = logging.getLogger("potomac.worker")


def main() -> None:
    """Work until the system asks to end; what is running then goes back to the queue."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    work(stop=stop)


def work(once: bool = False, stop: Event | None = None) -> int:
    """Take jobs until ``stop`` is set, or, with ``once``, until none waits; returns how many were taken."""
    stop, taken, swept, tidied = stop or Event(), 0, -SWEEP, -TIDY
    name = f"{platform.node()}:{os.getpid()}"[:100]
    while not stop.is_set():
        try:
            close_old_connections()
            if time.monotonic() - swept >= SWEEP:
                _sweep()
                swept = time.monotonic()
            if time.monotonic() - tidied >= TIDY:
                tidied = time.monotonic()
                _tidy()
            if (job := queue.claim(name)) is not None:
                taken += 1
                _attempt(job, stop)
                continue
        except AWAY as error:
            away(error)
        if once:
            break
        stop.wait(POLL)
    return taken


def _works() -> Path:
    folder = home() / "work"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _sweep() -> None:
    """Remove the workspaces of attempts that hold no more. A folder is made after its attempt is in the database."""
    found = {path: re.fullmatch(r"(\d+)-(\d+)", path.name) for path in _works().iterdir()}
    attempts = {path: (int(match[1]), int(match[2])) for path, match in found.items() if match}
    holding = queue.current([id for id, _ in attempts.values()])
    for path in (path for path, attempt in attempts.items() if attempt not in holding):
        shutil.rmtree(path, ignore_errors=True)


def _tidy() -> None:
    """Remove uploads that no source needs, as a crash may leave them."""
    try:
        won = contents.sweep()
    except OSError as error:
        _log.warning("uploads that nobody needs cannot be removed: %s", error.strerror or error)
    else:
        if won:
            _log.info("%d bytes of uploads that nobody needed are removed", won)


def _attempt(job: Job, stop: Event) -> None:
    """Carry out a job that was just claimed, and end it."""
    _log.info("job %d: %s %s, attempt %d", job.pk, job.task, job.about, job.attempt)
    task, workspace = TASKS[job.task], _works() / f"{job.pk}-{job.attempt}"
    if job.attempt > 1:
        _sweep()
    try:
        end = _tried(job, lambda: _before(job) or carried_out(job, task, workspace, stop))
        wrong = end and _tried(job, lambda: _close(job, task, workspace, end))
        if wrong:
            _close(job, task, workspace, wrong)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _tried(job: Job, act: Callable[[], End | None]) -> End | None:
    """What ``act`` says, or the end that its failure is: this job fails, the others are done."""
    try:
        return act()
    except AWAY:
        raise
    except PotomacError as error:
        return End(State.FAILED, error.faults)
    except Exception as error:  # no disk, no process, or a bug
        _log.exception("job %d", job.pk)
        reason = getattr(error, "strerror", None) or type(error).__name__
        return End(State.FAILED, [Fault("job.failed", f"the server cannot do this: {reason}", "", TELL)])


def _close(job: Job, task: Task, workspace: Path, end: End) -> None:
    """Tell the database as soon as it answers: work of an hour is not thrown away for one that restarts."""

    def then() -> None:
        if end.state == State.DONE:
            task.finish(job, end.result, workspace)
        elif end.state == State.FAILED:
            task.failed(job, end.faults)

    for _ in range(60):
        try:
            if not queue.settle(job, end.state, end.faults, then, death=end.death):
                _log.warning("job %d: attempt %d holds no more; nothing of it is kept", job.pk, job.attempt)
            return
        except AWAY as error:
            away(error)
            time.sleep(1)


def _before(job: Job) -> End | None:
    """The end of a job that need not, or must not, be begun again."""
    if job.cancel:
        return End(State.CANCELLED)
    if job.deaths < DEATHS:
        return None
    last = job.error[-1]["found"] if job.error else "its worker was ended"
    found = f"the work ended {job.deaths} times before it was done; the last time {last}"
    return End(State.FAILED, [Fault("job.died", found, f"a job is tried {DEATHS} times", TELL)])
