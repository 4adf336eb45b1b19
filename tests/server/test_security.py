"""Security, tried and not assumed: what is set under https, and what an attacker sends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings

from potomac.server.accounts.models import Token, User
from potomac.server.flows import people
from potomac.server.flows.base import Actor
from potomac.server.ops.middleware import POLICY

pytestmark = pytest.mark.django_db


def apart(home: Path, code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, whose settings come from this environment."""
    given = {key: value for key, value in os.environ.items() if not key.startswith("POTOMAC_")}
    given |= {"POTOMAC_HOME": str(home), "DATABASE_URL": "", "PYTHONWARNINGS": "error", **environ}
    return subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, timeout=120)


HTTPS = {"POTOMAC_PUBLIC_URL": "https://answers.example.org", "POTOMAC_PROXIES": "1"}


# ---- https ----------------------------------------------------------------------------------------------------------


def test_check_deploy_is_clean_under_https(tmp_path: Path) -> None:
    code = (
        "from potomac.server.setup import prepare; prepare()\n"
        "from django.core.management import call_command\n"
        "call_command('check', deploy=True, fail_level='INFO')"
    )
    done = apart(tmp_path, code, **HTTPS)
    assert done.returncode == 0, done.stderr
    assert "no issues (0 silenced)" in done.stdout


COOKIES = """
from potomac.server.setup import prepare; prepare()
from potomac.server.ops import start; start.tables()
from potomac.server.accounts.models import User
User.objects.create_user("ada", password="correct horse battery")
from django.test import Client
plain, https = Client(), Client(headers={"X-Forwarded-Proto": "https"})
there = {"headers": {"Host": "answers.example.org"}}
to = plain.get("/accounts/sign-in/", **there)
print(to.status_code, to.headers["Location"])
page = https.get("/accounts/sign-in/", **there)
print(page.status_code, page.headers["Strict-Transport-Security"])
sent = {"username": "ada", "password": "correct horse battery"}
print(https.post("/accounts/sign-in/", sent, **there).status_code)
for name, cookie in sorted(https.cookies.items()):
    flags = bool(cookie["secure"]), bool(cookie["httponly"]), cookie["samesite"], cookie["path"], repr(cookie["domain"])
    print(name, *flags)
print(plain.get("/healthz", headers={"Host": "127.0.0.1"}).status_code)
"""


def test_cookies_and_redirects_under_https(tmp_path: Path) -> None:
    done = apart(tmp_path, COOKIES, POTOMAC_LOG_LEVEL="error", **HTTPS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "301 https://answers.example.org/accounts/sign-in/",
        "200 max-age=31536000; includeSubDomains; preload",
        "302",
        "__Host-csrf True False Lax / ''",
        "__Host-session True True Lax / ''",
        "200",  # health is asked from beside the server, by http
    ]


def test_without_a_proxy_nobody_says_that_it_is_https(tmp_path: Path) -> None:
    code = COOKIES.split("page =", maxsplit=1)[0] + "print(https.get('/accounts/sign-in/', **there).status_code)"
    done = apart(tmp_path, code, POTOMAC_PUBLIC_URL=HTTPS["POTOMAC_PUBLIC_URL"], POTOMAC_LOG_LEVEL="error")
    assert done.stdout.splitlines()[-1] == "301", done.stderr


def test_the_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    code = "from potomac.server import config; print(config.secret())"
    first, second = apart(tmp_path, code).stdout, apart(tmp_path, code).stdout
    assert first == second
    assert len(first.strip()) >= 80
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    done = apart(tmp_path / "h", "from potomac.server.setup import prepare; prepare()")
    assert done.returncode == 0, done.stderr
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "h").iterdir())


def test_a_process_waits_for_the_key_that_another_is_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Web and worker start at the same moment in an empty home."""
    import fcntl
    from concurrent.futures import ThreadPoolExecutor, wait

    from potomac.server import config

    monkeypatch.setenv("POTOMAC_HOME", str(tmp_path))
    monkeypatch.delenv("POTOMAC_SECRET_KEY", raising=False)
    with ThreadPoolExecutor(1) as other, (tmp_path / "secret_key").open("w", encoding="utf-8") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)
        reading = other.submit(config.secret)
        wait([reading], 0.2)
        writing.write("a key of the first process")
        writing.close()
        assert reading.result() == "a key of the first process"


# ---- headers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/accounts/sign-in/", "/nothing/", "/healthz", "/api/v1/products", "/api/docs"])
def test_headers_that_keep_a_page_to_itself(client: Client, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Cache-Control"]


def test_the_policy_allows_this_server_alone() -> None:
    sources = {source for part in POLICY.split(";") for source in part.split()[1:]}
    assert sources == {"'none'", "'self'", "data:"}


# ---- forged requests ------------------------------------------------------------------------------------------------


POSTS = (
    "/accounts/sign-in/", "/accounts/sign-out/", "/accounts/password/", "/accounts/tokens/", "/accounts/delete/",
    "/sources/", "/studies/new/outliers/", "/admin/accounts/user/add/", "/p/strait/change/",
)  # fmt: skip


@pytest.mark.parametrize("path", POSTS)
def test_a_form_of_another_page_is_refused(person: Callable[..., User], path: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person("root", role="administrator"))
    assert strict.post(path, {"name": "x"}).status_code == 403
    assert strict.post(path, {}, headers={"Origin": "https://evil.example"}).status_code == 403


def test_the_api_takes_a_session_only_with_the_csrf_token(person: Callable[..., User]) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person("root", role="administrator"))
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        response = strict.generic(method, "/api/v1/products/strait", "{}", "application/json")
        assert response.status_code in (403, 405)
    assert strict.post("/api/v1/runs", "{}", "application/json").status_code == 403


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_no_header_and_no_field_makes_another_method_of_it(
    person: Callable[..., User], finished: Callable[..., Any], header: str
) -> None:
    ada = person("ada", role="publisher")
    run = finished(ada)
    client = Client()
    client.force_login(ada)
    client.get(f"/api/v1/runs/{run.pk}?_method=DELETE", headers={header: "DELETE"})
    client.post(f"/runs/{run.pk}/", {"_method": "DELETE"}, headers={header: "DELETE"})
    assert client.get(f"/api/v1/runs/{run.pk}").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1@evil.example", "", "a b"])
def test_foreign_hosts_are_not_answered(client: Client, host: str) -> None:
    assert client.get("/", headers={"Host": host}, SERVER_NAME="evil.example").status_code == 400


def test_a_forwarded_host_is_believed_from_proxies_only(client: Client) -> None:
    page = client.get("/sources/", headers={"X-Forwarded-Host": "evil.example"})
    assert (page.status_code, page.headers["Location"]) == (302, "/accounts/sign-in/?next=/sources/")


def test_trace_and_connect_are_not_answered(client: Client) -> None:
    for method in ("TRACE", "CONNECT", "BREW"):
        assert client.generic(method, "/").status_code == 405


# ---- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/static/../potomac.sqlite3", "/static/..%2fsecret_key", "/static/%2e%2e/secret_key",
        "/static/....//secret_key", "/static//etc/passwd", "/static/potomac/../../settings.py",
        "/static/..\\secret_key", "/static/%00", "/content/", "/runs/../secret_key", "/static/.potomac",
    ],
)  # fmt: skip
def test_no_address_leads_out_of_the_static_files(client: Client, path: str) -> None:
    assert client.get(path).status_code in (302, 400, 404)


def test_files_of_a_run_are_its_own(person: Callable[..., User], finished: Callable[..., Any], home: Path) -> None:
    ada = person("ada")
    run = finished(ada)
    (home / "secret_key").write_text("a key")
    client = Client()
    client.force_login(ada)
    for path in ("../../../secret_key", "..%2f..%2f..%2fsecret_key", "/etc/passwd", "tables/../../../../secret_key"):
        assert client.get(f"/api/v1/runs/{run.pk}/files/{path}").status_code in (400, 404)


@pytest.mark.parametrize(
    "name",
    ["../../evil.csv", "..\\..\\evil.csv", "/etc/evil.csv", "C:\\evil.csv", ".hidden.csv", "a\x00b.csv",
     "\u202egnp.csv", "<script>.csv", "x" * 500 + ".csv", "", "con\nfig.csv"],
)  # fmt: skip
def test_names_of_uploads_lead_nowhere(person: Callable[..., User], home: Path, name: str) -> None:
    """Whatever it is called: refused, or kept under its hash with a name that is no path."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from potomac.server.catalog.models import Source

    client = Client()
    client.force_login(person("ada"))
    before = {path for path in home.rglob("*") if "content" not in path.parts}
    file = SimpleUploadedFile("given.csv", b"lat,lon\n1,2\n")
    file._name = name  # past what the framework would make of it
    response = client.post("/api/v1/sources", {"file": file})
    assert response.status_code < 500
    assert {path for path in home.rglob("*") if "content" not in path.parts} == before
    for source in Source.objects.all():
        assert not {"/", "\\", "\x00", "\n"} & set(source.name)
        assert not source.name.startswith(".")
        assert len(source.content.sha256) == 64


# ---- secrets --------------------------------------------------------------------------------------------------------


def test_nothing_secret_is_logged_on_the_whole_way(
    person: Callable[..., User], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], password: str
) -> None:
    """Sign in wrong and right, make a token and use it, break something: all lines, as they are written."""
    import logging

    from potomac.server.ops.logs import formatter

    ada = person("ada")
    client = Client(raise_request_exception=False)
    with caplog.at_level(logging.DEBUG):
        client.post("/accounts/sign-in/", {"username": "ada", "password": "hunter2-wrong"})
        client.post("/accounts/sign-in/?next=/x", {"username": "ada", "password": password})
        text = people.new_token(Actor(user=ada), "n", ["read"])[1]
        program = {"Authorization": f"Bearer {text}"}
        client.get("/api/v1/runs", headers=program)
        client.get(f"/api/v1/runs?token={text}", headers=program)
        client.get("/api/v1/products/none?link=Open-Sesame-1", headers=program)
        client.get("/p/none/?key=Open-Sesame-2")
        client.get(f"/accounts/reset/MQ/{'c0ffee' * 6}/")
    told = "\n".join(formatter(form).format(record) for form in ("text", "json") for record in caplog.records)
    assert "potomac.request" in told
    for secret in ("hunter2", password, text, "Open-Sesame", "c0ffee", Token.hashed(text), client.session.session_key):
        assert secret not in told


@override_settings(DEBUG=False)
def test_a_failure_shows_nothing_of_its_inside(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from potomac.server.flows import products

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("postgresql://potomac:hunter2@db/potomac")

    monkeypatch.setattr(products, "gallery", fail)
    client.raise_request_exception = False
    for path in ("/", "/api/v1/products"):
        response = client.get(path)
        assert response.status_code == 500
        body = response.content.decode()
        assert "hunter2" not in body
        assert "RuntimeError" not in body
        assert "Traceback" not in body
        assert response.headers["Content-Security-Policy"]


def test_settings_do_not_show_their_passwords() -> None:
    from potomac.server import config, databases

    given = config.read({"DATABASE_URL": "postgresql://potomac:hunter2@db/potomac", "POTOMAC_MAIL_PASSWORD": "hunter2"})
    assert "hunter2" not in repr(given)
    with pytest.raises(config.StudyError) as error:
        databases.settings("oracle://potomac:hunter2@db/potomac", Path("/nowhere"))
    assert "hunter2" not in str(error.value)
