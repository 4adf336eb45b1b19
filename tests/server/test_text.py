"""Text that not every database can keep: NUL, which PostgreSQL has not, and half of a pair of UTF-16, which no
encoding has. Both come in JSON, NUL in addresses and forms as well. It is refused in the same words everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import SuspiciousOperation
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import Fault, PotomacError, StudyError
from potomac.server.accounts.models import Entry
from potomac.server.catalog.models import Database, Draft, Run, Source
from potomac.server.databases import as_text, is_text
from potomac.server.flows import people, products, runs, sources, studies
from potomac.server.flows.base import Actor, Missing, record
from potomac.server.jobs import queue
from potomac.server.jobs.models import Job, State
from potomac.server.jobs.process import Told
from potomac.server.jobs.tasks import TASKS

pytestmark = pytest.mark.django_db
NO_TEXT = ["a\0b", "a\ud800b"]
ASCII = ["NUL", "half of a pair"]
each = pytest.mark.parametrize("odd", NO_TEXT, ids=ASCII)

STUDY = """\
kind = "outliers"
name = "strait"
title = "TITLE"
[data]
source = "strait.csv"
columns = { latitude = "lat", longitude = "lon" }
"""


def refused(act: Callable[[], Any]) -> tuple[Fault, ...]:
    with pytest.raises(PotomacError) as raised:
        act()
    return raised.value.faults


# ---- what is text ---------------------------------------------------------------------------------------------------


@given(st.text(st.characters(), max_size=30))
def test_text_is_what_utf_8_and_postgresql_can_write(value: str) -> None:
    """Unicode 16.0, 3.9: surrogates have no encoding form of their own."""
    good = not any(sign == "\0" or 0xD800 <= ord(sign) <= 0xDFFF for sign in value)
    assert is_text(value) is good
    kept = as_text(value)
    assert is_text(kept)
    assert len(kept) == len(value)
    assert (kept == value) is good


def test_the_text_inside_of_a_value_is_replaced_and_all_else_stays() -> None:
    value = {"a\0": ["b\ud800", 1, None, {"c": (2.5, "d")}]}
    assert as_text(value) == {"a\N{REPLACEMENT CHARACTER}": ["b\N{REPLACEMENT CHARACTER}", 1, None, {"c": [2.5, "d"]}]}


@each
def test_no_statement_takes_it(odd: str) -> None:
    with connection.cursor() as cursor, pytest.raises(SuspiciousOperation):
        cursor.execute("SELECT %s", [odd])


# ---- studies and runs -----------------------------------------------------------------------------------------------


@each
def test_a_study_that_is_no_text_is_a_fault(ada: Actor, odd: str) -> None:
    text = f"{STUDY}# {odd}\n"
    for faults in (studies.check(ada, text), refused(lambda: studies.save(ada, "outliers", text))):
        assert [(fault.code, fault.line) for fault in faults] == [("study.encoding", 7)]
    assert [fault.code for fault in refused(lambda: runs.submit(ada, text))] == ["study.encoding"]
    assert not Draft.objects.exists()
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("was", "now", "key", "line"),
    [
        ('"TITLE"', r'"one\u0000two"', "title", 3),
        ('"strait"', r'"strait\u0000"', "name", 2),
        ('"strait.csv"', r'"strait.csv\u0000"', "data.source", 5),
        ('"lon" }', r'"lon\u0000" }', "data.columns.longitude", 6),
        ("longitude =", r'"longitude\u0000" =', "data.columns", 6),
    ],
)
def test_nul_in_a_value_of_a_study_is_a_fault_at_its_key(
    ada: Actor, source: Source, was: str, now: str, key: str, line: int
) -> None:
    """TOML 1.0 writes U+0000 as an escape sequence; half of a pair it cannot write."""
    text = STUDY.replace(was, now)
    assert [(fault.code, fault.key, fault.line) for fault in studies.check(ada, text)] == [
        ("study.encoding", key, line)
    ]
    assert refused(lambda: runs.submit(ada, text))[0].code == "study.encoding"
    draft = studies.save(ada, "outliers", text)  # kept as it is, right or wrong
    draft.refresh_from_db()
    assert draft.text == text
    assert is_text(draft.title)


def test_half_of_a_pair_cannot_be_written_in_toml(ada: Actor) -> None:
    faults = studies.check(ada, STUDY.replace("TITLE", r"\ud800"))
    assert [(fault.code, fault.line) for fault in faults] == [("study.syntax", 3)]


@each
def test_nothing_has_such_an_id(ada: Actor, odd: str) -> None:
    for get in (studies.get, sources.get, runs.get):
        with pytest.raises(Missing):
            get(ada, odd)
    with pytest.raises(Missing):
        runs.compare(ada, [odd, "b"])
    with pytest.raises(Missing):
        studies.save(ada, "outliers", STUDY, id=odd)


# ---- products, sources, people --------------------------------------------------------------------------------------


@each
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("title", "product.text"),
        ("note", "product.text"),
        ("slug", "product.slug"),
        ("visibility", "product.visibility"),
    ],
)
def test_products_have_text(ada: Actor, finished: Callable[..., Run], odd: str, name: str, code: str) -> None:
    run = finished(ada.user)
    told: dict[str, Any] = {"slug": "strait", name: odd}
    assert [fault.code for fault in refused(lambda: products.publish(ada, run.pk, **told))] == [code]
    products.publish(ada, run.pk, "strait")
    if name in ("title", "visibility"):
        assert [fault.code for fault in refused(lambda: products.change(ada, "strait", **{name: odd}))] == [code]


@each
def test_names_of_sources_are_cleaned(ada: Actor, odd: str) -> None:
    import io

    made = sources.upload(ada, f"{odd}.csv", io.BytesIO(b"a\n1\n"))
    made.refresh_from_db()
    assert made.name == "a-b.csv"
    assert refused(lambda: sources.from_folder(ada, odd, odd))[0].code == "upload.folder"


def test_a_query_with_nul_is_refused(ada: Actor) -> None:
    Database.objects.create(name="harbour", url="sqlite:////nowhere")
    faults = refused(lambda: sources.from_database(ada, "harbour", "ships", "SELECT '\0'"))
    assert [fault.code for fault in faults] == ["upload.query"]


@each
def test_the_audit_log_takes_what_comes(ada: Actor, odd: str) -> None:
    record(ada, "source.upload", odd, name=odd, more=[odd])
    entry = Entry.objects.get(action="source.upload")
    assert [entry.what, entry.detail["name"], *entry.detail["more"]] == [as_text(odd)] * 3


# ---- what jobs bring ------------------------------------------------------------------------------------------------


@each
def test_what_a_job_finds_is_kept(ada: Actor, source: Source, odd: str) -> None:
    """Values of the data reach answers, faults, previews and the log."""
    assert ada.user is not None
    queue.submit("source", source.pk, ada.user)
    job = queue.claim("worker")
    assert job is not None
    told = Told()
    told.hear(b"\x1e" + json.dumps([odd, 1, 2]).encode() + b"\n" + odd.encode("utf-8", "surrogatepass") + b"\n")
    assert queue.beat(job, **told.values()) == (True, False)
    result = {"state": "ready", "reason": odd, "rows": 1, "preview": {"rows": [[odd]], "columns": [], "notes": [odd]}}
    task = TASKS[job.task]
    place: Any = None
    assert queue.settle(job, State.DONE, [Fault("data.value", odd)], lambda: task.finish(job, result, place))
    job.refresh_from_db()
    source.refresh_from_db()
    assert is_text(job.log + job.what)
    assert job.error[0]["found"] == source.reason == source.preview["rows"][0][0] == as_text(odd)
    task.failed(job, [Fault("data.value", odd)])
    source.refresh_from_db()
    assert source.reason == f"{as_text(str(Fault('data.value', odd)))}."  # a sentence escapes what steers a terminal
    assert is_text(source.reason)


@each
def test_an_answer_with_such_a_name_is_kept(ada: Actor, tmp_path: Any, odd: str) -> None:
    run = Run.objects.create(owner=ada.user, kind="outliers", name="strait", text=STUDY)
    job = Job(task="run", about=run.pk, owner=ada.user)
    TASKS["run"].finish(job, {"answer": f"The strangest is {odd}."}, tmp_path)
    run.refresh_from_db()
    assert run.answer == f"The strangest is {as_text(odd)}."


# ---- as it comes in -------------------------------------------------------------------------------------------------


@pytest.fixture
def browser(client: Client, ada: Actor) -> Client:
    assert ada.user is not None
    client.force_login(ada.user)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize(
    "path",
    [
        "/?q=%00", "/?page=%00", "/runs/?page=%00", "/runs/compare/?run=%00&run=a", "/sources/?page=%00",
        "/studies/new/outliers/?source=%00&view=%00", "/p/strait/?version=%00&key=%00", "/p/strait/?key=%00",
        "/p/a%00b/", "/runs/a%00b/", "/accounts/sign-in/?next=%00",
    ],
)  # fmt: skip
def test_no_address_of_a_page_breaks_the_server(browser: Client, path: str) -> None:
    assert browser.get(path).status_code < 500


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/accounts/sign-in/", {"username": "\0", "password": "\0"}),
        ("/sources/", {"way": "database", "database": "\0", "name": "\0a", "query": "SELECT 1"}),
        ("/sources/", {"way": "folder", "folder": "\0", "path": "\0"}),
        ("/studies/new/outliers/", {"act": "save", "text": f"{STUDY}# \0"}),
        ("/studies/new/outliers/", {"act": "run", "title": "a\0b", "name": "strait", "data.source": "\0"}),
        ("/studies/new/outliers/", {"act": "save", "title": "a\0b", "name": "\0", "data.source": "\0", "\0": "\0"}),
        ("/accounts/tokens/", {"name": "\0", "scopes": ["read"], "days": "30"}),
    ],
)
def test_no_form_breaks_the_server(browser: Client, path: str, values: dict[str, Any]) -> None:
    assert browser.post(path, values).status_code < 500


@pytest.mark.parametrize("odd", [r"\u0000", r"\ud800", r"x\udfff"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "studies/check", '{"text": "ODD"}'),
        ("POST", "studies", '{"kind": "outliers", "text": "ODD"}'),
        ("POST", "studies", '{"kind": "ODD", "text": "x"}'),
        ("POST", "runs", '{"text": "ODD"}'),
        ("POST", "runs", '{"text": "x", "study": "ODD"}'),
        ("POST", "sources/from-database", '{"database": "ODD", "name": "a", "query": "SELECT 1"}'),
        ("POST", "sources/from-database", '{"database": "harbour", "name": "ODD", "query": "SELECT 1"}'),
        ("POST", "sources/from-database", '{"database": "harbour", "name": "a", "query": "SELECT \'ODD\'"}'),
        ("POST", "sources/from-folder", '{"folder": "ODD", "path": "ODD"}'),
        ("POST", "products", '{"run": "RUN", "slug": "other", "title": "ODD"}'),
        ("POST", "products", '{"run": "RUN", "slug": "other", "note": "ODD"}'),
        ("POST", "products", '{"run": "RUN", "slug": "ODD"}'),
        ("PATCH", "products/strait", '{"title": "ODD"}'),
        ("POST", "products/strait/score", '{"latitude": "ODD", "longitude": 11.0}'),
        ("POST", "products/strait/score", '{"ODD": 1}'),
    ],
)
def test_the_interface_answers_with_a_problem(
    ada: Actor, finished: Callable[..., Run], method: str, path: str, body: str, odd: str
) -> None:
    Database.objects.create(name="harbour", url="sqlite:////nowhere")
    run = finished(ada.user)
    products.publish(ada, run.pk, "strait")
    token = people.new_token(ada, "test", ["read", "ask", "write", "publish"])[1]
    sent = body.replace("ODD", odd).replace("RUN", run.pk)
    http = Client(raise_request_exception=False)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
    answer = http.generic(method, f"/api/v1/{path}", sent, "application/json", headers=headers)
    if answer.status_code == 200:  # a check answers with what it has found
        assert [fault["code"] for fault in answer.json()["faults"]] == ["study.encoding"]
        return
    assert answer.status_code in (400, 404, 409, 422), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize(
    "path", ["products?limit=%00", "runs?offset=%00", "products/strait?link=%00", "products/strait/score?latitude=%00",
             "runs/a%00b", "products/strait/tables/scores?sort=%00&columns=%00"]
)  # fmt: skip
def test_no_address_of_the_interface_breaks_the_server(ada: Actor, finished: Callable[..., Run], path: str) -> None:
    products.publish(ada, finished(ada.user).pk, "strait", visibility="public")
    assert Client(raise_request_exception=False).get(f"/api/v1/{path}").status_code < 500


def test_a_session_with_nul_is_nobodys() -> None:
    r"""A cookie in quotes writes any byte as ``\ooo`` (RFC 2109's quoted-string, which browsers' libraries read)."""
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = r"aaaaaaaaaaaa\000"
    answer = client.get("/", headers={"Cookie": r'sessionid="aaaaaaaaaaaa\000"'})
    assert answer.status_code == 200
    assert not Session.objects.exists()


def test_a_study_of_which_a_fault_holds_half_of_a_pair_is_answered(ada: Actor) -> None:
    with pytest.raises(StudyError) as raised:
        products.publish(ada, "x", "a\ud800b")
    assert "\ud800" in str(raised.value)  # the interface writes it as an escape sequence
