"""The worker: takes jobs from the queue, one at a time, and has each carried out by a process of its own."""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from django.db import InterfaceError, OperationalError, close_old_connections, connection

from potomac.errors import Fault, PotomacError
from potomac.server.config import home
from potomac.server.jobs import queue
from potomac.server.jobs.child import RESULT, TELL, too_large
from potomac.server.jobs.models import Job, State
from potomac.server.jobs.process import Process
from potomac.server.jobs.tasks import TASKS, Task

__all__ = ["main", "work"]

POLL, BEAT = 0.4, 0.5
"""Seconds between two looks for a job, and between two heartbeats, which also carry progress."""
GRACE = 1.0
"""Seconds that work has to stop by itself."""
DEATHS = 3
"""How often a job may end with its process or its worker before it is given up."""
SWEEP = 60.0
AWAY = (OperationalError, InterfaceError)
"""What is raised where the database does not answer, or not in time."""
_log = logging.getLogger("potomac.worker")


def main() -> None:
    """Work until the system asks to end; what is running then goes back to the queue."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    work(stop=stop)


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
            if (job := queue.claim(name)) is not None:
                taken += 1
                _attempt(job, stop)
                continue
        except AWAY as error:
            _away(error)
        if once:
            break
        stop.wait(POLL)
    return taken


def _away(error: Exception) -> None:
    _log.warning("the database does not answer, trying again: %s", error)
    connection.close()


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


@dataclass(frozen=True)
class _End:
    """How an attempt ended; ``State.QUEUED`` where another is to follow."""

    state: State
    faults: Sequence[Fault] = ()
    result: Any = None
    death: bool = False


def _attempt(job: Job, stop: Event) -> None:
    """Carry out a job that was just claimed, and end it."""
    _log.info("job %d: %s %s, attempt %d", job.pk, job.task, job.about, job.attempt)
    task, workspace = TASKS[job.task], _works() / f"{job.pk}-{job.attempt}"
    if job.attempt > 1:
        _sweep()
    try:
        end = _tried(job, lambda: _before(job) or _carried_out(job, task, workspace, stop))
        wrong = end and _tried(job, lambda: _close(job, task, workspace, end))
        if wrong:
            _close(job, task, workspace, wrong)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _tried(job: Job, act: Callable[[], _End | None]) -> _End | None:
    """What ``act`` says, or the end that its failure is: this job fails, the others are done."""
    try:
        return act()
    except AWAY:
        raise
    except PotomacError as error:
        return _End(State.FAILED, error.faults)
    except Exception as error:  # no disk, no process, or a bug
        _log.exception("job %d", job.pk)
        reason = getattr(error, "strerror", None) or type(error).__name__
        return _End(State.FAILED, [Fault("job.failed", f"the server cannot do this: {reason}", "", TELL)])


def _close(job: Job, task: Task, workspace: Path, end: _End) -> None:
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
            _away(error)
            time.sleep(1)


def _before(job: Job) -> _End | None:
    """The end of a job that need not, or must not, be begun again."""
    if job.cancel:
        return _End(State.CANCELLED)
    if job.deaths < DEATHS:
        return None
    last = job.error[-1]["found"] if job.error else "its worker was ended"
    found = f"the work ended {job.deaths} times before it was done; the last time {last}"
    return _End(State.FAILED, [Fault("job.died", found, f"a job is tried {DEATHS} times", TELL)])


def _carried_out(job: Job, task: Task, workspace: Path, stop: Event) -> _End:
    workspace.mkdir(mode=0o700)
    seconds, mb = task.limits()
    asked = {"work": task.work, "about": task.describe(job), "workspace": str(workspace), "mb": mb}
    with Process(workspace, asked) as process:
        end = _watched(process, job, seconds, mb, stop)
    _beat(job, process)
    return end or _left(job, workspace, process.code)


def _watched(process: Process, job: Job, seconds: float, mb: int, stop: Event) -> _End | None:
    """Stay with the process until it has to end; None where it has ended by itself."""
    begun = beaten = time.monotonic()
    while not process.has_ended(0.1):
        now = time.monotonic()
        if now - begun > seconds:
            mend = "Give it fewer rows, or ask the administrator for more (limits.job_s)"
            return _End(State.FAILED, [Fault("job.time", f"the work took longer than {seconds:,g} s", "", mend)])
        if process.memory_mb() > mb:
            return _End(State.FAILED, [too_large(mb)])
        if stop.is_set():
            return _End(State.QUEUED)
        if now - beaten >= BEAT:
            beaten = now
            holds, ending = _beat(job, process)
            if not holds:
                return _End(State.QUEUED)
            if ending:
                process.stop(GRACE)
                return _End(State.CANCELLED)
    return None


def _beat(job: Job, process: Process) -> tuple[bool, bool]:
    """A heartbeat; a database that does not answer says nothing about who holds the job."""
    try:
        return queue.beat(job, **process.told.values())
    except AWAY as error:
        _away(error)
        return True, False


def _left(job: Job, workspace: Path, code: int) -> _End:
    """What a process left that has ended by itself, or how it died: by the system's hand, or a fault in a library."""
    if code or not (workspace / RESULT).is_file():
        how = signal.Signals(-code).name if code < 0 else f"code {code}"
        return _End(State.QUEUED, [Fault("job.died", f"its process died by {how}")], death=True)
    told = json.loads((workspace / RESULT).read_text(encoding="utf-8"))
    if told.get("trace"):
        _log.error("job %d: %s", job.pk, told["trace"])
    if "faults" in told:
        return _End(State.FAILED, [Fault(**fault) for fault in told["faults"]])
    return _End(State.DONE, result=told["result"])
