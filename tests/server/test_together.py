"""Requests at the same moment, on the database that the tests run on: none is lost, doubled or broken."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from potomac.server.accounts.models import Entry, Role, User
from potomac.server.accounts.throttle import Throttle
from potomac.server.catalog.models import Answered, Product, Run, Source
from potomac.server.flows import people, products, runs
from potomac.server.flows.base import Actor, Conflict, Denied, TooMuch
from potomac.server.jobs import queue
from potomac.server.jobs.models import Job, State

from .fresh import fresh_database

pytestmark = pytest.mark.django_db(transaction=True)

STUDY = """\
kind = "outliers"
name = "strait"
data = { source = "strait.csv", columns = { latitude = "lat", longitude = "lon" } }
"""


def together(*acts: Callable[[], Any]) -> list[Any]:
    """What each of ``acts`` gives or raises, all begun at the same moment, each with a connection of its own."""
    came, gate = [None] * len(acts), Barrier(len(acts))

    def act(place: int) -> None:
        try:
            gate.wait()
            came[place] = acts[place]()
        except Exception as error:
            came[place] = error  # type: ignore[call-overload]
        finally:
            connections.close_all()

    threads = [Thread(target=act, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def test_guesses_and_right_attempts_cross() -> None:
    """Rows that are made, counted and taken away by many at once."""
    throttle = Throttle("name", free=100, longest=1)

    def guess() -> None:
        for number in range(10):
            assert throttle.attempt("ada") == 0
            if number % 3 == 0:
                throttle.give_back("ada")
            if number % 4 == 0:
                throttle.forget("ada")

    assert together(*[guess] * 6) == [None] * 6


def test_a_new_address_goes_to_one(ada: Actor, person: Callable[..., User], finished: Callable[..., Run]) -> None:
    eve = Actor(user=person("eve", role="publisher"))
    made = [(who, finished(who.user).pk) for who in (ada, eve, ada, eve)]
    came = together(*[lambda who=who, run=run: products.publish(who, run, "strait") for who, run in made])
    wrong = [one for one in came if isinstance(one, Exception)]
    assert all(isinstance(one, Conflict) for one in wrong), wrong
    product = Product.objects.get()
    numbers = sorted(product.versions.values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) + len(wrong) == 4
    assert Entry.objects.filter(action="product.publish").count() == len(numbers)


def test_versions_of_one_product_are_numbered_one_by_one(ada: Actor, finished: Callable[..., Run]) -> None:
    first, *more = [finished(ada.user).pk for _ in range(7)]
    products.publish(ada, first, "strait")
    came = together(*[lambda run=run: products.publish(ada, run, "strait").number for run in more])
    assert sorted(came) == [2, 3, 4, 5, 6, 7]


def test_no_more_runs_wait_than_may(ada: Actor, source: Source, settings: Any) -> None:
    few = settings.CONFIG.limits.model_copy(update={"waiting": 3})
    settings.CONFIG = settings.CONFIG.model_copy(update={"limits": few})
    came = together(*[lambda: runs.submit(ada, STUDY)] * 8)
    assert Counter(type(one) for one in came) == {Run: 3, TooMuch: 5}
    assert Job.objects.count() == Run.objects.count() == 3


def test_a_request_that_is_sent_twice_is_answered_once(ada: Actor) -> None:
    token = people.new_token(ada, "test", ["read", "write"])[1]
    body = json.dumps({"kind": "outliers", "text": STUDY})

    def send(key: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        http = Client(raise_request_exception=False)
        return http.post("/api/v1/studies", body, "application/json", headers=headers).status_code

    came = together(*[lambda key=key: send(key) for key in "aaabbbcdefgh"])
    assert set(came) <= {201, 409}  # 409: the first one is still on its way
    assert came.count(201) >= 8
    assert Entry.objects.filter(action="study.save").count() == 8
    assert Answered.objects.filter(status=201).count() == 8


def test_an_administrator_stays(person: Callable[..., User]) -> None:
    """Two administrators who take away each other's role: one of them is too late."""
    one, two = (person(name, role="administrator") for name in ("one", "two"))
    came = together(
        lambda: people.change(Actor(user=one), two.pk, role=Role.ANALYST),
        lambda: people.change(Actor(user=two), one.pk, role=Role.ANALYST),
    )
    assert sum(isinstance(one, Conflict | Denied) for one in came) == 1, came
    assert User.objects.filter(role=Role.ADMINISTRATOR).count() == 1


def test_a_run_is_cancelled_or_claimed_and_never_both(ada: Actor) -> None:
    assert ada.user is not None
    for number in range(10):
        job = queue.submit("tiny", str(number), ada.user)
        _, claimed = together(lambda job=job: queue.cancel(job), lambda: queue.claim("worker"))
        job.refresh_from_db()
        assert (job.state, job.attempt) == ((State.RUNNING, 1) if claimed else (State.CANCELLED, 0))
        queue.settle(job, State.DONE)


def test_a_run_that_is_deleted_while_it_is_published_is_shown_or_gone(ada: Actor, finished: Callable[..., Run]) -> None:
    run = finished(ada.user)
    published, deleted = together(lambda: products.publish(ada, run.pk, "strait"), lambda: runs.delete(ada, run.pk))
    assert isinstance(published, Exception) != isinstance(deleted, Exception), (published, deleted)
    assert Run.objects.exists() == Product.objects.exists() == isinstance(deleted, Conflict)


MANY = """
import sqlite3, sys
from pathlib import Path
from potomac.server import databases

for number in range(60):
    entry = databases.settings(f"sqlite:///{sys.argv[1]}/{number}", Path())
    print(number, flush=True)
    sys.stdin.readline()  # all begin together
    databases.keep_log(entry)
    with sqlite3.connect(entry["NAME"], timeout=20) as connection:
        connection.executescript(entry["OPTIONS"]["init_command"])
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
"""


def test_processes_that_make_a_sqlite_file_together_all_get_it(tmp_path: Path) -> None:
    """As web and worker do at the first start; SQLite itself turns some away with "database is locked"."""
    words = [sys.executable, "-c", MANY, str(tmp_path)]
    crew = [Popen(words, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) for _ in range(3)]
    for _ in range(60):
        for one in crew:
            assert one.stdout is not None
            one.stdout.readline()
        for one in crew:
            with suppress(BrokenPipeError):
                print(file=one.stdin, flush=True)
    assert [one.communicate()[1] for one in crew] == ["", "", ""]


TABLES = """
import sys
from potomac.server.setup import prepare
prepare()
from potomac.server.ops import start
print("ready", flush=True)
sys.stdin.readline()  # all begin together
start.tables(lambda line: print(line, flush=True))
start.tables()
"""


def test_processes_that_meet_an_empty_home_together_make_its_tables_once(tmp_path: Path) -> None:
    """As ``potomac publish`` beside ``potomac serve`` at its first start."""
    with fresh_database() as address:
        env = {**os.environ, "POTOMAC_HOME": str(tmp_path), "POTOMAC_SECRET_KEY": "", "DATABASE_URL": address}
        env = {name: value for name, value in env.items() if value and name != "POTOMAC_CONFIG"}
        words = [sys.executable, "-c", TABLES]
        crew = [Popen(words, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, env=env) for _ in range(3)]
        for one in crew:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in crew:
            print(file=one.stdin, flush=True)
        said = [one.communicate() for one in crew]
    assert [error for _, error in said] == ["", "", ""]
    assert [one.returncode for one in crew] == [0, 0, 0]
    assert [line.split(" (")[0] for out, _ in said for line in out.splitlines()] == [
        "Bringing the database up to date"
    ]  # fmt: skip
