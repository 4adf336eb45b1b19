"""Workers that are killed, stopped and poisoned: real processes on a real database. Timings decide nothing here."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from potomac.server.accounts.models import Entry, User
from potomac.server.jobs import queue
from potomac.server.jobs.models import Job, State

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    return import_module("benchmarks.server.crew")


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_killed_workers_lose_and_double_nothing(person: Callable[..., User], crew: Any, home: Path) -> None:
    """200 jobs, two workers, ten kills at random: each job ends once, with one file and one line of the book."""
    owner, chance = person(), random.Random(4)
    jobs = [queue.submit("tiny", str(i), owner).pk for i in range(200)]
    with crew.crew(2, CREW_TINY="0.02") as workers:
        for _ in range(10):
            time.sleep(chance.uniform(0.3, 1.2))
            place = chance.randrange(2)
            if Job.objects.filter(worker__endswith=workers[place].name, deaths__gte=2).exists():
                continue  # a third death would rightly end the job
            workers[place].kill()
            workers[place] = crew.Worker(CREW_TINY="0.02")
        crew.until(lambda: not Job.objects.filter(state__in=(State.QUEUED, State.RUNNING)).exists(), 150)
    assert Counter(Job.objects.values_list("state", flat=True)) == {State.DONE: 200}
    booked = Entry.objects.filter(action="crew.tiny")
    assert Counter(booked.values_list("what", flat=True)) == Counter(map(str, jobs))
    attempts = {job.pk: job.attempt for job in Job.objects.all()}
    assert {int(e.what): e.detail["attempt"] for e in booked} == attempts
    files = {int(file.name): int(file.read_text()) for file in (home / "effects").iterdir()}
    assert {job: files[job] for job in jobs} == attempts


def test_the_job_of_a_killed_worker_is_taken_up_by_another(person: Callable[..., User], crew: Any) -> None:
    job = queue.submit("patient", "a", person())
    with crew.crew(1) as workers:
        crew.until(lambda: fresh(job).what == "waiting")
        child = crew.children(workers[0].process.pid)
        workers[0].kill()
        crew.until(lambda: not any(map(crew.alive, child)), 5)  # the child died with its worker
        workers[0] = crew.Worker()
        recovered = crew.until(lambda: fresh(job).attempt == 2, 15)
        queue.cancel(fresh(job))
        crew.until(lambda: fresh(job).state == State.CANCELLED, 15)
    assert recovered < 15
    assert fresh(job).deaths == 1


def test_a_stalled_worker_that_wakes_late_may_not_write(person: Callable[..., User], crew: Any, home: Path) -> None:
    job = queue.submit("tiny", "a", person())
    with crew.crew(1, CREW_TINY="1.5") as workers:
        crew.until(lambda: fresh(job).what == "counting")
        workers[0].send(signal.SIGSTOP)  # its child goes on, and ends
        with crew.crew(1, CREW_TINY="0.05"):
            crew.until(lambda: fresh(job).state == State.DONE, 20)
        workers[0].send(signal.SIGCONT)
        second = queue.submit("tiny", "b", job.owner)  # the one that woke goes on with other work
        crew.until(lambda: fresh(second).state == State.DONE, 20)
    assert (fresh(job).attempt, fresh(job).deaths) == (2, 1)
    assert (home / "effects" / str(job.pk)).read_text() == "2"
    assert Entry.objects.filter(action="crew.tiny", what=str(job.pk)).count() == 1
    assert not list((home / "work").glob(f"{job.pk}-*"))


def test_a_job_that_kills_its_worker_three_times_is_given_up(person: Callable[..., User], crew: Any) -> None:
    job = queue.submit("killer", "a", person())
    other = queue.submit("tiny", "b", person("grace"))
    workers = [crew.Worker()]
    try:
        for _ in range(3):
            crew.until(lambda: workers[-1].process.poll() is not None, 30)
            workers.append(crew.Worker())
        crew.until(lambda: fresh(job).state == State.FAILED, 30)
        crew.until(lambda: fresh(other).state == State.DONE, 30)
    finally:
        assert workers[-1].end() == 0
    assert fresh(job).deaths == 3
    assert [fault["code"] for fault in fresh(job).error] == ["job.died"]


def test_a_worker_told_to_end_leaves_nothing_behind(person: Callable[..., User], crew: Any, home: Path) -> None:
    job = queue.submit("family", "a", person())
    with crew.crew(1) as workers:
        crew.until(lambda: fresh(job).what)
        child = crew.children(workers[0].process.pid)
        assert workers[0].end() == 0
    assert fresh(job).state == State.QUEUED
    started = [*child, int(fresh(job).what.split()[1])]
    crew.until(lambda: not any(map(crew.alive, started)), 5)
    assert not list((home / "work").glob(f"{job.pk}-*"))
