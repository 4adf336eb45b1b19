"""Runs: asked for, carried out by the worker, tried anew, compared, deleted; and what they never tell."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.db import OperationalError, transaction

from potomac.errors import StudyError
from potomac.server.accounts.models import Entry, User
from potomac.server.catalog.models import Content, Database, Product, Run, Source, Version
from potomac.server.config import Limits
from potomac.server.flows import runs
from potomac.server.flows.base import ANYBODY, Actor, Conflict, Denied, Missing, TooMuch
from potomac.server.jobs import queue, worker
from potomac.server.jobs.models import Job, State

pytestmark = pytest.mark.django_db(transaction=True)

STUDY = """\
# a comment that stays
kind  =  "outliers"
name = "odd"
title = "Which rows are <odd>?"

[data]
source = "odd.csv"
features = ["a", "b"]

[model]
method = "logistic"
folds = 2
fakes = 1
"""


def table(rows: int = 60) -> bytes:
    """Two columns that go together, and one row that does not."""
    random = np.random.default_rng(1)
    a = random.normal(0, 1, rows)
    b = a + random.normal(0, 0.1, rows)
    b[7] = 9.0
    return ("a,b\n" + "".join(f"{x:.4f},{y:.4f}\n" for x, y in zip(a, b, strict=True))).encode()


@pytest.fixture
def source(home: Path) -> Callable[..., Source]:
    """A source that has been looked at."""

    def make(owner: User, name: str = "odd.csv", data: bytes = b"", **more: Any) -> Source:
        data = data or table()
        digest = hashlib.sha256(data).hexdigest()
        place = home / "content" / digest[:2] / digest
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        content, _ = Content.objects.get_or_create(sha256=digest, defaults={"size": len(data)})
        preview = {"columns": [{"name": "a"}, {"name": "b"}]}
        given = {"kind": "upload", "state": "ready", "content": content, "preview": preview, **more}
        return Source.objects.create(owner=owner, name=name, **given)

    return make


@pytest.fixture
def ada(person: Callable[..., User], source: Callable[..., Source]) -> Actor:
    """An analyst with a source."""
    user = person("ada")
    source(user)
    return Actor(user=user)


def done(run: Run) -> Run:
    worker.work(once=True)
    return Run.objects.get(pk=run.pk)


# ---- asked for ------------------------------------------------------------------------------------------------------


def test_a_run_is_submitted_with_a_job(ada: Actor) -> None:
    run = runs.submit(ada, STUDY)
    assert (run.kind, run.name, run.title, run.text) == ("outliers", "odd", "Which rows are <odd>?", STUDY)
    assert [one.name for one in run.sources.all()] == ["odd.csv"]
    assert runs.job(run).state == run.state == State.QUEUED  # type: ignore[attr-defined]
    assert list(runs.list_(ada)) == [run]
    assert Entry.objects.get(action="run.submit").what == f"run:{run.pk}"


@pytest.mark.parametrize(
    ("was", "now", "code", "line"),
    [
        ('kind  =  "outliers"', 'kind = "outlier"', "study.kind-unknown", 2),
        ('method = "logistic"', 'methud = "logistic"', "study.key-unknown", 11),
        ('"odd.csv"', '"other.csv"', "server.source-unknown", 7),
        ('"odd.csv"', '"/etc/passwd"', "server.source-unknown", 7),
        ('"odd.csv"', '"../odd.csv"', "server.source-unknown", 7),
        ('"odd.csv"', '"*.csv"', "server.source-unknown", 7),
        ('"odd.csv"', '"sqlite:////var/lib/x.db"\nquery = "SELECT 1"', "server.source-unknown", 7),
        ('"odd.csv"', '"http://169.254.169.254/"', "server.source-unknown", 7),
        ('"odd.csv"', '"odd.csv"\nquery = "SELECT 1"', "data.query-needless", 8),
        ("[model]", "[model", "study.syntax", 10),
        ("# a comment that stays", "# \ud800", "study.encoding", 1),
    ],
)
def test_a_wrong_study_is_told_with_its_line(ada: Actor, was: str, now: str, code: str, line: int) -> None:
    with pytest.raises(StudyError) as raised:
        runs.submit(ada, STUDY.replace(was, now))
    assert [(fault.code, fault.line) for fault in raised.value.faults] == [(code, line)]
    assert not Run.objects.exists()
    assert not Job.objects.exists()


@pytest.mark.parametrize("state", ["checking", "refused"])
def test_a_source_that_is_not_ready_is_none(ada: Actor, state: str) -> None:
    Source.objects.update(state=state)
    with pytest.raises(StudyError, match="no source"):
        runs.submit(ada, STUDY)


def test_another_persons_source_is_none(ada: Actor, person: Callable[..., User]) -> None:
    for role in ("analyst", "administrator"):
        with pytest.raises(StudyError, match="no source"):
            runs.submit(Actor(user=person(role, role=role)), STUDY)


def test_who_may_not_submit(ada: Actor, person: Callable[..., User]) -> None:
    reader = Actor(user=ada.user, scopes=frozenset({"read"}))
    for actor in (ANYBODY, Actor(user=person("v", role="visitor")), reader):
        with pytest.raises(Denied):
            runs.submit(actor, STUDY)


def test_only_so_many_runs_of_a_person_wait(ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, waiting=2)
    first = runs.submit(ada, STUDY)
    runs.submit(ada, STUDY)
    with pytest.raises(TooMuch, match="2 of your runs"):
        runs.submit(ada, STUDY)
    runs.cancel(ada, first.pk)
    runs.submit(ada, STUDY)
    with pytest.raises(TooMuch):
        runs.retry(ada, first.pk)


def limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    config = settings.CONFIG.model_copy(update={"limits": Limits(**limits)})
    monkeypatch.setattr(settings, "CONFIG", config)


def test_a_run_that_is_told_as_done_has_its_answer(ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its attempt ends while somebody asks, just before the job is looked up."""
    one, latest = runs.submit(ada, STUDY), queue.latest
    assert (one.state, one.what, one.done, one.total) == ("queued", "", 0, None)  # type: ignore[attr-defined]

    def late(task: str, about: str) -> Job | None:
        Job.objects.filter(about=about).update(state=State.DONE)
        Run.objects.filter(pk=about).update(directory=f"{one.owner_id}/{about}")
        return latest(task, about)

    monkeypatch.setattr(queue, "latest", late)
    found = runs.get(ada, one.pk)
    assert (found.state, found.directory) == ("done", f"{one.owner_id}/{one.pk}")  # type: ignore[attr-defined]


def test_nobody_sees_or_changes_anothers_run(ada: Actor, person: Callable[..., User]) -> None:
    run = runs.submit(ada, STUDY)
    other, boss = Actor(user=person("eve")), Actor(user=person("root", role="administrator"))
    for act in (runs.get, runs.cancel, runs.retry, runs.delete):
        with pytest.raises(Missing):
            act(other, run.pk)
    assert list(runs.list_(other)) == []
    assert runs.get(boss, run.pk) == run


# ---- carried out ----------------------------------------------------------------------------------------------------


def test_a_run_is_carried_out_whole(ada: Actor, home: Path) -> None:
    run = done(runs.submit(ada, STUDY))
    job = runs.job(run)
    assert (job.state, job.error, job.deaths) == (State.DONE, [], 0)
    assert run.directory == f"{run.owner_id}/{run.pk}"
    assert run.finished is not None
    opened = runs.opened(run)
    assert run.answer == opened.answer != ""
    assert opened.tables["scores"].sort_by("rank")["row"][0].as_py() == 7
    assert (opened.path / "study.toml").read_bytes() == STUDY.encode()
    assert list((home / "work").iterdir()) == []
    assert "opening tables" in job.log


def test_a_run_names_no_place_on_the_server(ada: Actor, home: Path) -> None:
    run = done(runs.submit(ada, STUDY))
    texts = [file.read_bytes() for file in runs.opened(run).path.rglob("*") if file.is_file()]
    texts.append(json.dumps([runs.job(run).log, runs.job(run).error, runs.job(run).what]).encode())
    for text in texts:
        assert str(home).encode() not in text
        assert b"content/" not in text


def test_wrong_data_is_told_with_key_and_line(ada: Actor, source: Callable[..., Source]) -> None:
    source(ada.user, "words.csv", b"a,b\n" + b"x,y\n" * 40)
    run = done(runs.submit(ada, STUDY.replace("odd.csv", "words.csv")))
    job = runs.job(run)
    assert (job.state, run.directory, run.finished) == (State.FAILED, "", None)
    assert {fault["code"] for fault in job.error} == {"data.column-not-numbers"}
    assert {fault["file"] for fault in job.error} == {"study.toml"}
    assert all(fault["line"] in (6, 7, 8) and fault["key"].startswith("data.") for fault in job.error)
    with pytest.raises(Conflict, match="no answer yet"):
        runs.opened(run)


def test_the_rows_of_a_database_come_without_its_address(
    ada: Actor, source: Callable[..., Source], home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "hidden-place.db"
    with sqlite3.connect(file) as base:
        base.execute("CREATE TABLE t (a, b)")
        base.executemany("INSERT INTO t VALUES (?, ?)", [line.split(",") for line in table().decode().split()[1:]])
    base.close()
    held = Database.objects.create(name="harbour", url=f"sqlite:///{file}")
    query = "SELECT CAST(a AS REAL) AS a, CAST(b AS REAL) AS b FROM t ORDER BY rowid"
    source(ada.user, "harbour-rows", kind="database", content=None, database=held, query=query)
    run = done(runs.submit(ada, STUDY.replace("odd.csv", "harbour-rows")))
    assert runs.job(run).error == []
    opened = runs.opened(run)
    assert opened.tables["scores"].sort_by("rank")["row"][0].as_py() == 7
    told = b"".join(one.read_bytes() for one in opened.path.rglob("*") if one.is_file()) + runs.job(run).log.encode()
    assert b"hidden-place" not in told
    assert b"sqlite" not in told
    assert b"SELECT" not in told
    Source.objects.filter(name="harbour-rows").update(query="SELECT c FROM t")
    failed = runs.job(done(runs.submit(ada, STUDY.replace("odd.csv", "harbour-rows"))))
    assert [fault["code"] for fault in failed.error] == ["data.database"]
    assert "no such column" in failed.error[0]["found"]
    assert "hidden-place" not in json.dumps(failed.error)


def test_a_database_may_change_its_types_on_the_way_or_be_empty(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from potomac.server.jobs.tasks import _fetched

    file = tmp_path / "t.db"
    with sqlite3.connect(file) as base:
        base.execute("CREATE TABLE t (a)")
        base.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(16_384)] + [("word",)] * 3)
    base.close()
    address = f"sqlite:///{file}"
    _fetched(tmp_path / "rows", {"url": address, "query": "SELECT a FROM t ORDER BY rowid", "name": "rows"})
    parts = [pq.ParquetFile(part).read() for part in sorted((tmp_path / "rows").iterdir())]
    assert [part.num_rows for part in parts] == [16_384, 3]
    assert parts[1]["a"].to_pylist() == ["word"] * 3
    _fetched(tmp_path / "none", {"url": address, "query": "SELECT a FROM t WHERE 0 ORDER BY 1", "name": "none"})
    assert [pq.ParquetFile(part).metadata.num_rows for part in (tmp_path / "none").iterdir()] == [0]


def test_a_source_that_is_gone_from_its_folder_is_told(
    ada: Actor, source: Callable[..., Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {"shared": tmp_path}
    monkeypatch.setattr(settings, "CONFIG", settings.CONFIG.model_copy(update={"folders": folders}))
    (tmp_path / "f.csv").write_bytes(table())
    source(ada.user, "f.csv", kind="folder", content=None, folder="shared", path="f.csv")
    text = STUDY.replace("odd.csv", "f.csv")
    assert runs.job(done(runs.submit(ada, text))).state == State.DONE
    (tmp_path / "f.csv").unlink()
    job = runs.job(done(runs.submit(ada, text)))
    assert job.state == State.FAILED
    assert str(tmp_path) not in json.dumps(job.error)


def test_what_a_dead_attempt_left_in_place_is_replaced(ada: Actor, home: Path) -> None:
    run = runs.submit(ada, STUDY)
    place = home / "runs" / str(run.owner_id) / run.pk
    place.mkdir(parents=True)
    (place / "half").write_text("of a power cut between rename and commit")
    run = done(run)
    assert runs.job(run).state == State.DONE
    assert not (place / "half").exists()
    assert (place / "run.json").is_file()


def test_a_commit_that_fails_after_the_rename_is_made_good(ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    run, settle, failed = runs.submit(ada, STUDY), queue.settle, []

    def failing(*given: Any, **more: Any) -> bool:
        with transaction.atomic():
            holds = settle(*given, **more)
            if not failed:
                failed.append(1)
                raise OperationalError("server closed the connection unexpectedly")
        return holds

    monkeypatch.setattr(queue, "settle", failing)
    monkeypatch.setattr(worker.time, "sleep", lambda seconds: None)
    run = done(run)
    assert failed
    assert (runs.job(run).state, runs.job(run).attempt) == (State.DONE, 1)
    assert runs.opened(run).answer == run.answer


def test_the_source_task_looks_at_an_upload(ada: Actor, source: Callable[..., Source]) -> None:
    good = source(ada.user, "new.csv", table(), state="checking", preview={})
    bad = source(ada.user, "page.csv", b"<!doctype html><p>no table", state="checking", preview={})
    for one in (good, bad):
        queue.submit("source", one.pk, one.owner)
    worker.work(once=True)
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.state, good.rows, good.reason) == ("ready", 60, "")
    assert [column["name"] for column in good.preview["columns"]] == ["a", "b"]
    assert (bad.state, bad.rows) == ("refused", None)
    assert "web page" in bad.reason


def test_a_look_that_dies_refuses_the_source(
    ada: Actor, source: Callable[..., Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = source(ada.user, "new.csv", table(), state="checking", preview={})
    queue.submit("source", one.pk, one.owner)
    task = dataclasses.replace(worker.TASKS["source"], limits=lambda: (600.0, 1))  # a megabyte
    monkeypatch.setattr(worker, "TASKS", {"source": task})
    worker.work(once=True)
    one.refresh_from_db()
    assert one.state == "refused"
    assert re.search(r"more than 1 MB of memory", one.reason)


# ---- changed --------------------------------------------------------------------------------------------------------


def test_a_cancelled_run_is_tried_anew(ada: Actor) -> None:
    run = runs.submit(ada, STUDY)
    with pytest.raises(Conflict, match="failed or was cancelled"):
        runs.retry(ada, run.pk)
    assert runs.cancel(ada, run.pk).state == State.CANCELLED  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="ended already"):
        runs.cancel(ada, run.pk)
    again = runs.retry(ada, run.pk)
    assert (again.pk, again.state) == (run.pk, State.QUEUED)  # type: ignore[attr-defined]
    assert Job.objects.filter(about=run.pk).count() == 2
    runs.cancel(ada, run.pk)
    Source.objects.all().delete()
    with pytest.raises(StudyError, match="no source"):
        runs.retry(ada, run.pk)


def test_a_run_goes_with_all_it_left(ada: Actor, home: Path) -> None:
    run = runs.submit(ada, STUDY)
    place = home / "runs" / str(run.owner_id) / run.pk
    place.mkdir(parents=True)
    Run.objects.filter(pk=run.pk).update(directory=f"{run.owner_id}/{run.pk}")
    product = Product.objects.create(slug="odd", owner=ada.user, title="Odd")
    version = Version.objects.create(product=product, number=1, run=run)
    with pytest.raises(Conflict, match="odd"):
        runs.delete(ada, run.pk)
    assert Job.objects.filter(about=run.pk).exists()
    assert place.is_dir()
    version.delete()
    runs.delete(ada, run.pk)
    assert not place.exists()
    assert not Run.objects.exists()
    assert not Job.objects.exists()
    assert Entry.objects.filter(action="run.delete").exists()


def test_runs_are_compared_by_facts_and_by_what_their_studies_set(ada: Actor, person: Callable[..., User]) -> None:
    first = runs.submit(ada, STUDY)
    second = runs.submit(ada, STUDY.replace("folds = 2", "folds = 3"))
    with pytest.raises(Conflict):
        runs.compare(ada, [first.pk, second.pk])
    worker.work(once=True)
    found = runs.compare(ada, [second.pk, first.pk, second.pk])
    assert [run.pk for run in found.runs] == [second.pk, first.pk]
    assert [(row.name, row.values) for row in found.keys] == [("model.folds", (3, 2))]
    names = {row.name: row for row in found.facts}
    opened = [runs.opened(run) for run in found.runs]
    assert set(names) == set(opened[0].facts) | set(opened[1].facts)
    for name, row in names.items():
        assert [value and value.value for value in row.values] == [one.facts.get(name) for one in opened]
    with pytest.raises(TooMuch):
        runs.compare(ada, [str(i) for i in range(13)])
    with pytest.raises(Missing):
        runs.compare(Actor(user=person("eve")), [first.pk])
