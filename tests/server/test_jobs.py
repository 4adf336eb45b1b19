"""The queue's rules, one by one, and its worker in this process."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from potomac.errors import Fault
from potomac.server.accounts.models import User
from potomac.server.jobs import process, queue, worker
from potomac.server.jobs import tasks as known
from potomac.server.jobs.clock import Clock
from potomac.server.jobs.models import Job, State

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The tasks of benchmarks.server.crew, known to workers of this process."""
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("CREW_TINY", "0.01")
    module = import_module("benchmarks.server.crew")
    monkeypatch.setattr(worker, "TASKS", {**known.TASKS, **module.tasks()})
    return module


def now() -> float:
    """The database's clock."""
    return float(User.objects.annotate(now=Clock()).values_list("now", flat=True)[0])


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease=Clock() - 1)


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


# ---- the clock and the claim ----------------------------------------------------------------------------------------


def test_the_clock_counts_seconds_of_1970_in_fractions(person: Callable[..., User]) -> None:
    person()
    first = now()
    time.sleep(0.05)
    second = now()
    assert abs(first - time.time()) < 60  # the database may stand on another machine
    assert 0.04 < second - first < 5


def test_a_job_is_taken_once(person: Callable[..., User]) -> None:
    job = queue.submit("tiny", "a", person())
    taken = queue.claim("one")
    assert taken is not None
    assert (taken.pk, taken.attempt, taken.state, taken.worker) == (job.pk, 1, State.RUNNING, "one")
    assert queue.claim("two") is None
    assert taken.lease is not None
    assert 0 < taken.lease - now() <= queue.LEASE


def test_many_takers_take_each_job_once(person: Callable[..., User]) -> None:
    jobs = {
        queue.submit("tiny", str(i), person(f"p{i % 3}") if i < 3 else User.objects.get(username=f"p{i % 3}")).pk
        for i in range(12)
    }
    taken: list[int] = []

    def take(name: str) -> None:
        quiet = 0
        while quiet < 3:
            job = queue.claim(name)
            quiet = quiet + 1 if job is None else 0
            if job is not None:
                taken.append(job.pk)
        connection.close()

    threads = [threading.Thread(target=take, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(jobs)


def test_a_job_whose_lease_ran_out_is_taken_with_the_next_number(person: Callable[..., User]) -> None:
    queue.submit("tiny", "a", person())
    first = queue.claim("one")
    assert first is not None
    expire(first)
    second = queue.claim("two")
    assert second is not None
    assert (second.pk, second.attempt, second.deaths) == (first.pk, 2, 1)


def test_who_wakes_late_may_not_write(person: Callable[..., User]) -> None:
    queue.submit("tiny", "a", person())
    first = queue.claim("one")
    assert first is not None
    expire(first)
    second = queue.claim("two")
    written: list[str] = []
    assert queue.beat(first, what="late") == (False, False)
    assert not queue.settle(first, State.DONE, then=lambda: written.append("late"))
    assert not queue.settle(first, State.QUEUED, death=True)
    assert second is not None
    assert queue.settle(second, State.DONE, then=lambda: written.append("in time"))
    assert written == ["in time"]
    assert fresh(second).what == ""


def test_what_cannot_be_finished_is_not_ended(person: Callable[..., User]) -> None:
    queue.submit("tiny", "a", person())
    job = queue.claim("one")
    assert job is not None

    def broken() -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        queue.settle(job, State.DONE, then=broken)
    assert fresh(job).state == State.RUNNING


def test_a_heartbeat_renews_the_lease_and_hears_of_the_end(person: Callable[..., User]) -> None:
    queue.submit("tiny", "a", person())
    job = queue.claim("one")
    assert job is not None
    Job.objects.filter(pk=job.pk).update(lease=Clock() + 0.5)
    assert queue.beat(job, what="counting", done=3, total=10) == (True, False)
    assert (fresh(job).what, fresh(job).done, fresh(job).total) == ("counting", 3, 10)
    assert (fresh(job).lease or 0) - now() > 2
    queue.cancel(fresh(job))
    assert fresh(job).state == State.RUNNING
    assert queue.beat(job) == (True, True)


def test_who_has_few_running_comes_first(person: Callable[..., User]) -> None:
    ada, grace = person("ada"), person("grace")
    for i in range(5):
        queue.submit("tiny", f"ada {i}", ada)
    queue.submit("tiny", "grace", grace)
    order = [job.about for job in iter(lambda: queue.claim("one"), None) if job]
    assert order == ["ada 0", "grace", "ada 1", "ada 2", "ada 3", "ada 4"]


def test_what_waits_is_cancelled_at_once(person: Callable[..., User]) -> None:
    job = queue.submit("tiny", "a", person())
    queue.cancel(job)
    assert job.state == State.CANCELLED
    assert job.ended is not None
    assert queue.claim("one") is None


def test_what_has_lost_its_worker_is_cancelled_at_once(person: Callable[..., User]) -> None:
    queue.submit("tiny", "a", person())
    job = queue.claim("one")
    assert job is not None
    expire(job)
    queue.cancel(job)
    assert fresh(job).state == State.CANCELLED
    assert not queue.settle(job, State.DONE)


def test_what_has_ended_is_not_cancelled(person: Callable[..., User]) -> None:
    queue.submit("tiny", "a", person())
    job = queue.claim("one")
    assert job is not None
    queue.settle(job, State.DONE)
    queue.cancel(fresh(job))
    assert fresh(job).state == State.DONE
    assert not fresh(job).cancel


def test_the_newest_job_about_a_thing(person: Callable[..., User]) -> None:
    ada = person()
    queue.submit("run", "a", ada)
    second = queue.submit("run", "a", ada)
    queue.submit("source", "a", ada)
    assert queue.latest("run", "a") == second
    assert queue.latest("run", "b") is None
    assert queue.waiting("run", ada) == 2


# ---- the worker -----------------------------------------------------------------------------------------------------


def worked(task: str, owner: User) -> Job:
    job = queue.submit(task, "a", owner)
    worker.work(once=True)
    return fresh(job)


def test_work_is_done_and_its_workspace_goes(person: Callable[..., User], crew: Any, home: Path) -> None:
    job = worked("tiny", person())
    assert (job.state, job.attempt, job.deaths, job.error) == (State.DONE, 1, 0, [])
    assert job.lease is None
    assert (home / "effects" / str(job.pk)).read_text() == "1"
    assert list((home / "work").iterdir()) == []
    assert (job.what, job.total) == ("counting", 5)
    assert job.log.endswith("counting\n")
    assert job.started is not None
    assert job.ended is not None
    assert job.started <= job.ended <= timezone.now()


def test_once_takes_all_that_waits(person: Callable[..., User], crew: Any) -> None:
    for i in range(3):
        queue.submit("tiny", str(i), person(f"p{i}"))
    assert worker.work(once=True) == 3
    assert worker.work(once=True) == 0


def test_more_memory_than_allowed_is_a_fault(
    person: Callable[..., User], crew: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TASKS", limited(crew, mb=150))
    job = worked("hog", person())
    assert job.state == State.FAILED
    assert [fault["code"] for fault in job.error] == ["job.memory"]
    assert "150 MB" in job.error[0]["found"]


def test_much_memory_at_once_is_a_fault(person: Callable[..., User], crew: Any) -> None:
    job = worked("gulp", person())
    assert [fault["code"] for fault in job.error] == ["job.memory"]
    assert job.deaths == 0


def test_an_endless_loop_is_ended(person: Callable[..., User], crew: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "TASKS", limited(crew, seconds=0.7))
    job = worked("endless", person())
    assert job.state == State.FAILED
    assert [fault["code"] for fault in job.error] == ["job.time"]
    assert "0.7 s" in job.error[0]["found"]


def limited(crew: Any, seconds: float = 600, mb: int = 300) -> dict[str, Any]:
    return {name: replace(task, limits=lambda: (seconds, mb)) for name, task in crew.tasks().items()}


def test_a_process_that_dies_three_times_is_given_up(person: Callable[..., User], crew: Any) -> None:
    job = worked("poison", person())
    assert (job.state, job.deaths) == (State.FAILED, 3)
    assert [fault["code"] for fault in job.error] == ["job.died"]
    assert "3 times before it was done; the last time its process died by SIGSEGV" in job.error[0]["found"]


def test_a_bug_is_told_to_the_log_and_not_to_the_visitor(
    person: Callable[..., User], crew: Any, caplog: pytest.LogCaptureFixture
) -> None:
    job = worked("wrong", person())
    assert [fault["code"] for fault in job.error] == ["job.failed"]
    assert "secret" not in json.dumps(job.error) + job.log
    assert "a line for the log" in job.log
    assert "RuntimeError: secret of" in caplog.text


def test_the_work_goes_on_while_the_database_is_away(
    person: Callable[..., User], crew: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREW_TINY", "1.2")
    monkeypatch.setattr(worker, "TASKS", crew.tasks())
    beat, times = queue.beat, []

    def failing(*given: Any, **more: Any) -> tuple[bool, bool]:
        times.append(1)
        if len(times) == 1:
            raise OperationalError("the server is restarted")
        return beat(*given, **more)

    monkeypatch.setattr(queue, "beat", failing)
    job = worked("tiny", person())
    assert len(times) >= 2
    assert (job.state, job.attempt) == (State.DONE, 1)


def test_what_cannot_be_put_into_place_fails_alone(
    person: Callable[..., User], crew: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    task = replace(crew.tasks()["tiny"], finish=full)
    monkeypatch.setattr(worker, "TASKS", {**crew.tasks(), "full": task})
    owner = person()
    job, other = queue.submit("full", "a", owner), queue.submit("tiny", "b", owner)
    worker.work(once=True)
    assert [fault["found"] for fault in fresh(job).error] == ["the server cannot do this: No space left on device"]
    assert fresh(other).state == State.DONE


def test_a_job_that_lost_three_workers_is_given_up(person: Callable[..., User], crew: Any) -> None:
    job = queue.submit("tiny", "a", person())
    for _ in range(3):
        taken = queue.claim("lost")
        assert taken is not None
        expire(taken)
    worker.work(once=True)
    assert fresh(job).state == State.FAILED
    assert "3 times" in fresh(job).error[0]["found"]


def test_a_worker_that_is_asked_to_end_gives_its_job_back(person: Callable[..., User], crew: Any) -> None:
    job = queue.submit("patient", "a", person())
    stop = threading.Event()
    thread = threading.Thread(target=lambda: (worker.work(stop=stop), connection.close()))
    thread.start()
    crew.until(lambda: fresh(job).what == "waiting")
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert (fresh(job).state, fresh(job).deaths, fresh(job).worker) == (State.QUEUED, 0, "")


def test_a_job_that_is_deleted_ends(person: Callable[..., User], crew: Any, home: Path) -> None:
    job = queue.submit("patient", "a", person())
    thread = threading.Thread(target=lambda: (worker.work(once=True), connection.close()))
    thread.start()
    crew.until(lambda: fresh(job).what == "waiting")
    Job.objects.all().delete()
    thread.join(10)
    assert not thread.is_alive()
    assert list((home / "work").iterdir()) == []


@pytest.mark.parametrize("task", ["patient", "endless", "family"])
def test_cancel_ends_the_work_and_what_it_started(
    person: Callable[..., User], crew: Any, task: str, home: Path
) -> None:
    job = queue.submit(task, "a", person())
    thread = threading.Thread(target=lambda: (worker.work(once=True), connection.close()))
    thread.start()
    crew.until(lambda: fresh(job).what)
    started = fresh(job).what
    queue.cancel(fresh(job))
    crew.until(lambda: fresh(job).state == State.CANCELLED, 10)  # 2 s on a machine at rest: see the benchmark
    thread.join(10)
    assert list((home / "work").iterdir()) == []
    if task == "family":
        crew.until(lambda: not crew.alive(int(started.split()[1])), 5)


def test_workspaces_of_dead_attempts_are_swept(person: Callable[..., User], crew: Any, home: Path) -> None:
    queue.submit("tiny", "a", person())
    held = queue.claim("elsewhere")
    assert held is not None
    kept, dead, gone = (home / "work" / name for name in (f"{held.pk}-1", f"{held.pk}-0", "999999-1"))
    other = home / "work" / "notes"
    lost = home / "content" / "ab" / ("ab" + "0" * 62)  # bytes whose upload was cut off before its row was there
    lost.parent.mkdir(parents=True, exist_ok=True)
    lost.write_bytes(b"123")
    for place in (kept, dead, gone, other):
        (place / "out").mkdir(parents=True)
    worker.work(once=True)
    assert [place.exists() for place in (kept, dead, gone, other)] == [True, False, False, True]
    assert not lost.exists()
    for place in (kept, other):
        (place / "out").rmdir()
        place.rmdir()


def test_the_process_of_an_attempt_knows_no_secrets(
    person: Callable[..., User], crew: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/d")
    monkeypatch.setenv("POTOMAC_MAIL_PASSWORD", "m")
    monkeypatch.setenv("SOME_API_TOKEN", "t")
    monkeypatch.setattr(process.subprocess, "Popen", spy := Spy(process.subprocess.Popen))
    worked("tiny", person())
    assert not {"DATABASE_URL", "POTOMAC_MAIL_PASSWORD", "POTOMAC_SECRET_KEY", "SOME_API_TOKEN"} & set(spy.environ)
    assert "PATH" in spy.environ


class Spy:
    def __init__(self, popen: Any) -> None:
        self.popen, self.environ = popen, {}

    def __call__(self, *args: Any, env: dict[str, str], **more: Any) -> Any:
        self.environ = env
        return self.popen(*args, env=env, **more)


def test_a_log_keeps_its_end_and_no_signs_that_steer() -> None:
    told = process.Told()
    told.hear(b"first \x1b[31mred\n" + b"x" * 10 + b"\n" * process.LOG)
    told.hear(b"last")
    told.hear(b" line\n")
    assert len(told.log) <= process.LOG
    assert told.log.endswith("last line\n")
    assert "\x1b" not in told.log
    told.hear(process.MARK + b'["half')
    told.hear(b' way", 1, 2]\n' + process.MARK + b"nonsense\n")
    assert (told.what, told.done, told.total) == ("half way", 1, 2)


def test_a_fault_is_kept_as_it_was(person: Callable[..., User]) -> None:
    queue.submit("tiny", "a", person())
    job = queue.claim("one")
    assert job is not None
    fault = Fault("job.time", 'it took "long"', "less", "wait", "study.toml", 3, "data.source")
    queue.settle(job, State.FAILED, [fault])
    assert Fault(**fresh(job).error[0]) == fault
