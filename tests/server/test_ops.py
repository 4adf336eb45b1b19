"""Operation: health, numbers, log lines, static files, the first start, processes that are kept alive."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from potomac.errors import StudyError
from potomac.server import config
from potomac.server.accounts.models import Entry, Token, User
from potomac.server.catalog.models import Run
from potomac.server.flows import people, products
from potomac.server.flows.base import Actor
from potomac.server.jobs.models import Job
from potomac.server.ops import health, heartbeat, logs, metrics, serve, start, static
from potomac.server.ops.middleware import Observed
from potomac.server.ops.supervisor import HOPELESS, Supervisor

pytestmark = pytest.mark.django_db


# ---- health ---------------------------------------------------------------------------------------------------------


def test_alive_needs_nothing(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert client.get("/healthz").json() == {"status": "alive"}


def ready(client: Client) -> tuple[int, dict[str, str]]:
    response = client.get("/readyz")
    return response.status_code, response.json()["checks"]


def test_ready_with_a_worker_and_not_without(client: Client) -> None:
    status, checks = ready(client)
    assert (status, checks.pop("worker").partition("; ")[0]) == (503, "none was ever seen")
    assert set(checks.values()) == {"good"}
    heartbeat.beat()
    assert ready(client)[0] == 200
    caches["shared"].set("worker-seen", time.time() - 16, 60)
    status, checks = ready(client)
    assert (status, checks["worker"].partition("; ")[0]) == (503, "none was seen for 16 seconds")
    assert "potomac worker" in checks["worker"], "whoever serves by another server of the web has to start one"


def test_a_full_disk_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeat.beat()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(health.shutil, "disk_usage", lambda path: usage(1e9, 1e9, 1e6))
    assert ready(client)[1]["disk"] == "1 MB are free, at least 256 are needed"


def test_migrations_that_lack_are_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeat.beat()
    monkeypatch.setattr(health, "_migrated", False)
    monkeypatch.setattr(health, "pending", lambda: [("accounts", "0002")])
    checks = ready(client)[1]
    assert checks["migrations"].startswith("1 is to be made; potomac serve")
    assert checks["worker"] == "not known", "it waits for the tables, and is not to be started once more"


def test_a_worker_begins_when_the_last_table_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert health.lacking() == ""
    tables = connection.introspection.table_names()
    monkeypatch.setattr(connection.introspection, "table_names", lambda *_: [one for one in tables if one != "cache"])
    assert health.lacking() == "of its migrations 1 is to be made", "the cache's table comes after the migrations"
    monkeypatch.setattr(health, "pending", lambda: [("accounts", "0002"), ("accounts", "0003")])
    assert health.lacking() == "of its migrations 2 are to be made"


def test_a_worker_that_waits_long_says_for_what(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lacks = iter(["of its migrations 3 are to be made"] * 3 + [""])
    monkeypatch.setattr(serve, "PATIENCE", 0.0)
    serve._wait_for_tables(lambda: next(lacks))
    (line,) = [record.getMessage() for record in caplog.records]
    assert "3 are to be made" in line
    assert "potomac serve" in line


def test_a_database_that_is_away_is_told_without_its_address(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise RuntimeError("could not connect to db.internal as potomac:secret")

    monkeypatch.setattr(health, "_database", fail)
    status, checks = ready(client)
    assert (status, checks["database"]) == (503, "does not answer (RuntimeError)")
    assert checks["worker"] == "not known"


# ---- numbers --------------------------------------------------------------------------------------------------------


def test_numbers_are_counted_by_route(client: Client, person: Callable[..., User]) -> None:
    Job.objects.create(task="run", about="x", owner=person("ada"))
    for _ in range(3):
        client.get("/accounts/sign-in/")
    client.get("/nothing/<script>/here")
    client.generic("BREW", "/accounts/sign-in/")
    heartbeat.beat()
    text = client.get("/metrics").content.decode()
    value = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}
    assert value['potomac_requests_total{method="GET",route="sign-in",status="200"}'] >= 3
    assert value['potomac_requests_total{method="other",route="sign-in",status="405"}'] >= 1
    assert value['potomac_request_seconds_count{route="sign-in"}'] >= 4
    assert value['potomac_jobs{state="queued"}'] == 1
    assert value["potomac_queue_age_seconds"] >= 0
    assert value["potomac_worker_seen_seconds"] < 15
    assert "<script>" not in text


def test_numbers_are_for_this_host_and_administrators_tokens(client: Client, person: Callable[..., User]) -> None:
    root, ada = (Actor(user=person(*who)) for who in (("root", "administrator"), ("ada", "publisher")))
    away: dict[str, Any] = {"REMOTE_ADDR": "192.0.2.1"}

    def asked(actor: Actor, scope: str) -> int:
        text = people.new_token(actor, "prometheus", [scope])[1]
        return client.get("/metrics", headers={"Authorization": f"Bearer {text}"}, **away).status_code

    assert client.get("/metrics").status_code == client.get("/metrics", REMOTE_ADDR="::1").status_code == 200
    assert client.get("/metrics", **away).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 404  # by a proxy here
    assert [asked(root, "read"), asked(root, "ask"), asked(ada, "read")] == [200, 404, 404]


def test_numbers_of_several_processes_are_added(tmp_path: Path) -> None:
    code = (
        "import os; from potomac.server.setup import prepare; prepare()\n"
        "from potomac.server.ops import metrics\n"
        "if not os.fork(): metrics.count('gallery', 'GET', 200, 0.1); os._exit(0)\n"
        "os.wait(); metrics.count('gallery', 'GET', 200, 0.1)\n"
        "from potomac.server.ops import start; start.tables(); print(metrics.text().decode())"
    )
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "POTOMAC_HOME": str(tmp_path / "home"), "DATABASE_URL": ""}
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **environ}, capture_output=True, text=True)
    assert 'potomac_requests_total{method="GET",route="gallery",status="200"} 2.0' in done.stdout, done.stderr


# ---- log lines ------------------------------------------------------------------------------------------------------


def line(form: str, message: str, **more: Any) -> str:
    record = logging.LogRecord("potomac.request", logging.INFO, "", 0, message, None, None)
    vars(record).update(more)
    return logs.formatter(form).format(record)


SECRETS = [
    ("Authorization: Bearer abcdef123456.x", "abcdef123456"),
    ("token ptm_AbCdEfGhIjKl-_x was used", "AbCdEfGhIjKl"),
    ("GET /accounts/reset/MQ/c9x-0123456789abcdef/ 200", "0123456789abcdef"),
    ("GET /p/harbour/?key=1&link=Sesame-Open_1 200", "Sesame"),
    ("postgresql://potomac:hunter2@db/potomac", "hunter2"),
    ("password=hunter2&name=x", "hunter2"),
    ("csrfmiddlewaretoken=abcabcabc", "abcabcabc"),
]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(("message", "secret"), SECRETS)
def test_lines_hold_nothing_that_opens_something(form: str, message: str, secret: str) -> None:
    assert secret not in line(form, message)
    assert secret not in line(form, "x", path=message, error=ValueError(message))
    try:
        raise ValueError(message)
    except ValueError as error:
        told = line(form, "x", exc_info=(ValueError, error, error.__traceback__))
    assert "Traceback" in told
    assert secret not in told


@given(st.text())
def test_one_record_is_one_line(text: str) -> None:
    for form in ("text", "json"):
        assert "\n" not in line(form, text.replace("%", ""), path=text)
        assert "\r" not in line(form, text.replace("%", ""), path=text)
    assert json.loads(line("json", "x", path="p"))["path"] == "p"


def test_a_request_is_one_line_with_its_id(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "potomac.request"):
        response = client.get("/accounts/sign-in/?next=/secret-wish/", headers={"X-Request-Id": "given-by-visitor"})
    (record,) = [record for record in caplog.records if record.name == "potomac.request"]
    assert record.getMessage() == "GET /accounts/sign-in/ 200"  # what was asked for stays out
    assert vars(record)["route"] == "sign-in"
    assert len(response.headers["X-Request-Id"]) == 16
    assert response.headers["X-Request-Id"] != "given-by-visitor"


@pytest.mark.parametrize(
    ("proxies", "passed", "seen"),
    [
        (0, "198.51.100.1", "10.0.0.9"),  # nobody is trusted: what the header says is a visitor's invention
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.5, 198.51.100.1", "198.51.100.1"),  # the first part was there when the proxy got it
        (2, "203.0.113.5, 198.51.100.1", "203.0.113.5"),
        (2, "198.51.100.1", "10.0.0.9"),
        (1, "no address", ""),
    ],
)
def test_the_address_is_what_trusted_proxies_saw(settings: Any, proxies: int, passed: str, seen: str) -> None:
    from django.http import HttpResponse

    settings.CONFIG = settings.CONFIG.model_copy(update={"proxies": proxies})
    request = RequestFactory().get("/", headers={"X-Forwarded-For": passed}, REMOTE_ADDR="10.0.0.9")
    request.resolver_match = None
    Observed(lambda asked: HttpResponse())(request)
    assert request.META["REMOTE_ADDR"] == seen


def asked_by_wsgi(method: str, path: str) -> tuple[str, dict[str, str], bytes]:
    """As a server of the web asks; Django's own client hides a body that should not be there."""
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": "localhost"}
    setup_testing_defaults(environ)
    told: list[Any] = []
    body = WSGIHandler()(environ, lambda status, headers, _=None: told.extend((status, dict(headers))))
    try:
        return told[0], told[1], b"".join(body)
    finally:
        body.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/nothing/", "/healthz", "/readyz", "/metrics", "/accounts/sign-in/", "/sources/"),
        *("/static/potomac/site.css", "/api/docs", "/api/nothing", "/api/v1/openapi.json", "/api/v1/products"),
        *("/p/strait/", "/p/strait/picture/", "/p/strait/report/", "/p/strait/tables/scores/"),
        *(f"/api/v1/products/strait/tables/scores{more}" for more in ("/rows", "/download/csv", "/download/parquet")),
    ],
)
def test_head_has_the_headers_of_the_whole_and_no_body(
    path: str, person: Callable[..., User], finished: Callable[..., Run]
) -> None:
    if "strait" in path:
        ada = person("ada", role="publisher")
        products.publish(Actor(user=ada), finished(ada).pk, "strait", visibility="public")
    (status, whole, body), (same, headers, nothing) = asked_by_wsgi("GET", path), asked_by_wsgi("HEAD", path)
    assert (same, nothing) == (status, b"")
    assert headers.get("Content-Length") == whole.get("Content-Length")
    assert whole.get("Content-Length") == str(len(body)), "a body of known length does not go in chunks"
    assert {*headers} == {*whole}


# ---- static files ---------------------------------------------------------------------------------------------------


def test_static_files_have_plain_names_until_they_are_collected(client: Client) -> None:
    assert static.Storage().url("potomac/site.css") == "/static/potomac/site.css"


SERVED = """
import json, re
from potomac.server.setup import prepare; prepare()
from potomac.server.ops import start; start.tables()
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import Client
made = [start.collect(), start.collect()]
def headers(path):
    response = Client().get(path, headers={"Accept-Encoding": "gzip"})
    response.close()
    return response.status_code, dict(response.headers)
page = Client().get("/accounts/sign-in/").content.decode()
linked = re.findall('(?:href|src)="(/static/[^"]+)"', page)
named = staticfiles_storage.url("potomac/site.css")
served = {path: headers(path) for path in [*linked, "/static/potomac/site.css"]}
print(json.dumps({"made": made, "named": named, "linked": linked, "served": served}))
"""


def test_collected_files_carry_their_hash_and_are_kept_for_ever(tmp_path: Path) -> None:
    """In processes with a home of their own: to collect files changes what every page of a process links to."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("POTOMAC_")}
    environ |= {"POTOMAC_HOME": str(tmp_path), "DATABASE_URL": "", "POTOMAC_LOG_LEVEL": "error"}

    def begun() -> dict[str, Any]:
        words = [sys.executable, "-W", "error", "-c", SERVED]
        done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    first, again = begun(), begun()
    assert (first["made"], again["made"]) == ([True, False], [False, False])  # all is there
    for told in (first, again):
        status, headers = told["served"].pop("/static/potomac/site.css")
        assert (status, "immutable" in headers["Cache-Control"]) == (200, False)
        assert told["named"] in told["linked"]
        assert told["served"][told["named"]][1]["Content-Encoding"] == "gzip"
        for path, (status, headers) in told["served"].items():
            assert re.search(r"\.[0-9a-f]{12}\.\w+$", path)
            assert (status, "immutable" in headers["Cache-Control"]) == (200, True)


# ---- the first start ------------------------------------------------------------------------------------------------


def test_the_first_start_makes_an_administrator_and_tells_the_password_once() -> None:
    told = start.first_password()
    assert told is not None
    name, chosen = told
    user = User.objects.get()
    assert (name, user.username, user.role, user.must_change) == ("admin", "admin", "administrator", True)
    assert user.check_password(chosen)
    assert len(chosen) >= 16
    assert start.first_password() is None
    assert chosen not in str(list(Entry.objects.values()))


def test_an_administrator_that_is_there_is_taken(person: Callable[..., User]) -> None:
    root = person("root", role="administrator")
    assert start.administrator() == root
    assert start.first_password() is None
    assert User.objects.count() == 1


def test_a_person_called_admin_keeps_the_name(person: Callable[..., User]) -> None:
    person("admin")
    told = start.first_password()
    assert told is not None
    assert told[0].startswith("admin-")


def test_the_cache_table_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(health, "pending", list)
    monkeypatch.setattr(start, "call_command", lambda name, **more: made.append(name))
    monkeypatch.setattr(start.connection.introspection, "table_names", lambda *_: [])
    start.tables()
    assert made == ["createcachetable"]


def test_an_idle_server_has_no_numbers_in_memory() -> None:
    """Web and worker stay below 400 MB together: NumPy, Arrow, DuckDB and the engines come with the first need."""
    code = (
        "import sys; from potomac.server.setup import prepare; prepare(); "
        "import potomac.server.urls, potomac.server.jobs.worker; "
        "print(*sorted({'numpy', 'pyarrow', 'duckdb', 'numba', 'scipy', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("", "")


# ---- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "key", "says"),
    [
        ({"POTOMAC_PUBLIC_URL": "answers.example.org"}, "public_url", "expected an address"),
        ({"POTOMAC_PUBLIC_URL": "https://x.org/potomac"}, "public_url", "without a path"),
        ({"POTOMAC_PROXIES": "9"}, "proxies", "less than or equal to 5"),
        ({"POTOMAC_FOLDERS": "shared"}, "folders", "expected a name and a whole path"),
        ({"POTOMAC_LIMITS_ROWS": "many"}, "limits.rows", "integer"),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], key: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError) as error:
        config.read(environ)
    (fault,) = error.value.faults
    assert (fault.code, fault.key) == ("server.config", key)
    assert says in fault.found
    (variable,) = environ
    assert (fault.file, fault.mend) == ("", f"Correct {variable} in the environment")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    file.write_text('workers = 3\nthreads = 5\nhosts = ["a.org"]\n[limits]\nrows = 10\nlive_mb = 64\n')
    given = config.read(
        {"POTOMAC_CONFIG": str(file), "POTOMAC_WORKERS": "0", "POTOMAC_LIMITS_ROWS": "20", "POTOMAC_FOLDERS": "a=/b"}
    )
    assert (given.workers, given.threads, given.limits.rows, given.limits.live_mb) == (0, 5, 20, 64)
    assert given.folders == {"a": Path("/b")}
    assert not given.secure
    file.write_text("worker = 3\n")
    with pytest.raises(StudyError, match='Did you mean "workers"'):
        config.read({"POTOMAC_CONFIG": str(file)})
    file.write_text("workers = -1\n")
    with pytest.raises(StudyError) as error:
        config.read({"POTOMAC_CONFIG": str(file)})
    (fault,) = error.value.faults
    assert (fault.file, fault.mend) == (str(file), ""), "the setting is not offered in its own place"


def test_every_setting_is_in_the_reference() -> None:
    """With its name in file and environment and its default; the page itself is made by scripts/reference.py."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    for name, field in config.Config.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        for path, one in {f"{name}.{k}": f for k, f in inner.items()}.items() if inner else [(name, field)]:
            variable = "DATABASE_URL" if path == "database" else "POTOMAC_" + path.replace(".", "_").upper()
            (row,) = re.findall(rf"^\| `{re.escape(path)}` \| `{variable}` \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
            assert row[1] == one.description
            if isinstance(one.default, int | str) and one.default != "":
                assert row[0] == f"`{str(one.default).lower() if isinstance(one.default, bool) else one.default}`"


# ---- processes ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the web processes share one socket")
def test_a_reserved_address_is_listened_at_by_the_web_processes_alone() -> None:
    with serve.reserve("127.0.0.1", 0, listens=False) as place:
        port = place.getsockname()[1]
        for listens in (False, True):
            with pytest.raises(StudyError, match="address already in use"):
                serve.reserve("127.0.0.1", port, listens=listens)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        own = [socket.create_server(("127.0.0.1", port), reuse_port=True) for _ in range(2)]
        for listens in (False, True):
            with pytest.raises(StudyError, match="address already in use"):
                serve.reserve("127.0.0.1", port, listens=listens)
        calls = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
        taken = [_all_accepted(one) for one in own]
        assert sum(taken) == 40
        assert min(taken) > 0, "the system deals them out; one in 10**12 times to one alone"
        for one in (*own, *calls):
            one.close()
    with serve.reserve("127.0.0.1", port, listens=False):
        """An address is free again as soon as its server has ended."""


def _all_accepted(listening: socket.socket) -> int:
    listening.settimeout(0.2)
    for number in range(100):
        try:
            listening.accept()[0].close()
        except TimeoutError:
            return number
    raise AssertionError("there is no end")


@pytest.fixture
def apart() -> Iterator[Callable[[Callable[[], object]], int]]:
    """Runs something in a process of its own: supervisors fork, and the tests have threads."""
    started: list[int] = []

    def begin(work: Callable[[], object]) -> int:
        pid = os.fork()
        if not pid:
            code = 9
            try:
                code = 0 if work() else 1
            finally:
                os._exit(code)
        started.append(pid)
        return pid

    yield begin
    for pid in started:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def wait_for(file: Path, lines: int) -> list[int]:
    """Numbers that are written to a file, one a line, as soon as there are so many."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        text = file.read_text() if file.exists() else ""
        if text.count("\n") >= lines:
            return [int(number) for number in text.split()]
        time.sleep(0.02)
    raise AssertionError(f"{file.name} has {text!r}")


def endless(file: Path) -> Callable[[], None]:
    def work() -> None:
        with file.open("a") as out:
            out.write(f"{os.getpid()}\n")
        time.sleep(60)

    return work


def test_a_process_that_is_killed_is_started_again_and_all_end_together(apart: Any, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    pid = apart(lambda: Supervisor({"one": endless(one), "two": endless(two)}).run())
    (first,), (other,) = wait_for(one, 1), wait_for(two, 1)
    os.kill(first, signal.SIGKILL)
    again = wait_for(one, 2)[1]
    assert again != first
    os.kill(pid, signal.SIGTERM)
    assert os.waitpid(pid, 0)[1] == 0
    for gone in (again, other):
        with pytest.raises(ProcessLookupError):
            os.kill(gone, 0)


def test_who_does_not_end_by_itself_is_ended(apart: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from potomac.server.ops import supervisor

    monkeypatch.setattr(supervisor, "GRACE", 0.3)
    file = tmp_path / "deaf"

    def deaf() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        endless(file)()

    pid = apart(lambda: Supervisor({"deaf": deaf}).run())
    (deaf_one,) = wait_for(file, 1)
    os.kill(pid, signal.SIGINT)
    assert os.waitpid(pid, 0)[1] == 0
    with pytest.raises(ProcessLookupError):
        os.kill(deaf_one, 0)


def test_what_never_starts_is_given_up(apart: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from potomac.server.ops import supervisor

    monkeypatch.setattr(supervisor, "PATIENCE", 3)
    pid = apart(lambda: Supervisor({"broken": lambda: os._exit(3)}).run())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


def test_a_hopeless_start_ends_all_at_once(apart: Any, tmp_path: Path) -> None:
    file = tmp_path / "other"
    pid = apart(lambda: Supervisor({"other": endless(file), "web": lambda: os._exit(HOPELESS)}).run())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="only Linux tells processes of their parent's death")
def test_nobody_stays_behind_when_the_supervisor_is_killed(apart: Any, tmp_path: Path) -> None:
    file = tmp_path / "one"
    pid = apart(lambda: Supervisor({"one": endless(file)}).run())
    (child,) = wait_for(file, 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    until = time.monotonic() + 10
    while time.monotonic() < until and Path(f"/proc/{child}").exists():
        if "Z" in Path(f"/proc/{child}/stat").read_text().split(") ")[1][:2]:
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{child}").exists()


def test_token_is_not_told_to_the_database_twice(person: Callable[..., User], django_assert_num_queries: Any) -> None:
    """Its last use is kept to the minute, so that answering does not wait for a write."""
    text = people.new_token(Actor(user=person("ada")), "n", ["read"])[1]
    people.bearer(text)
    used = Token.objects.get().used
    with django_assert_num_queries(1):
        people.bearer(text)
    assert Token.objects.get().used == used
    assert metrics.CONTENT_TYPE.startswith("text/plain")
