"""The commands of the server, as somebody types them: processes of their own, with a home of their own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from .fresh import ELSEWHERE, fresh_database

sqlite = pytest.mark.skipif(bool(ELSEWHERE), reason="has a home of its own with SQLite wherever the tests run")
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "home"


def environ(home: Path, **more: str) -> dict[str, str]:
    given = {key: value for key, value in os.environ.items() if not key.startswith("POTOMAC_")}
    return {**given, "POTOMAC_HOME": str(home), "DATABASE_URL": "", **more}


def command(home: Path, *words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "potomac", *words]
    return subprocess.run(line, env=environ(home, **more), capture_output=True, text=True, input=stdin, timeout=120)


class Served:
    """A server that was started by the command, and what it printed."""

    def __init__(self, home: Path, *words: str, **more: str) -> None:
        line = [sys.executable, "-m", "potomac", "serve", "--port", "0", *words]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(line, env=environ(home, **more), stdout=pipe, stderr=pipe, text=True)
        self.lines: list[str] = []
        assert self.process.stdout is not None
        while not self.lines or "Stop with Ctrl-C" not in self.lines[-1]:
            self.lines.append(self.process.stdout.readline())
            if not self.lines[-1]:
                raise AssertionError(f"{self.lines} {self.process.communicate()[1]}")
        self.said = "".join(self.lines)
        self.address = re.search(r"Potomac is at (\S+)", self.said)[1]  # type: ignore[index]
        self.forget()

    def forget(self) -> None:
        """A browser that has not been here."""
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> tuple[int, str]:
        with contextlib.suppress(urllib.error.HTTPError), self.opener.open(self.address + path, timeout=20) as page:
            return page.status, page.read().decode()
        return 0, ""

    def post(self, path: str, **values: str) -> tuple[str, str]:
        """Where it led, and the page there."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path)[1])[1]  # type: ignore[index]
        data = urlencode({"csrfmiddlewaretoken": token, **values}).encode()
        with self.opener.open(self.address + path, data, timeout=20) as page:
            return page.url.removeprefix(self.address), page.read().decode()

    def children(self) -> dict[int, str]:
        """Processes below the supervisor: id and what kind."""
        found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout.split()
        parents = {int(pid): int(parent) for pid, parent in zip(found[::2], found[1::2], strict=True)}
        mine = [pid for pid, parent in parents.items() if parent == self.process.pid]
        return {pid: "web" if pid in parents.values() else "worker" for pid in mine}

    def until(self, true: Callable[[], Any], seconds: float = 20) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if found := true():
                    return found
            time.sleep(0.05)
        raise AssertionError("it did not come true")

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=30)
        return self.process.returncode, err


@pytest.fixture
def served() -> Iterator[Callable[..., Served]]:
    made: list[Served] = []

    def make(home: Path, *words: str, **more: str) -> Served:
        made.append(Served(home, *words, **more))
        return made[-1]

    yield make
    for one in made:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture
def database() -> Iterator[dict[str, str]]:
    """A fresh one, of the kind that the tests run on, as the environment names it."""
    with fresh_database() as url:
        yield {"DATABASE_URL": url}


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
def test_from_the_first_start_to_a_published_answer(
    served: Any, place: Path, answered: Path, database: dict[str, str]
) -> None:
    """Start, sign in with the printed password, change it, publish a run, ask it as a visitor, kill, stop, again."""
    one = served(place, **database)
    name, chosen = re.search(r"Administrator: (\S+)    password, shown this once: (\S+)", one.said).groups()  # type: ignore[union-attr]
    assert name == "admin"
    assert one.get("/")[0] == 200
    led, _ = one.post("/accounts/sign-in/", username=name, password=chosen)
    assert led == "/accounts/password/"
    new = "a staple for horses"
    led, _ = one.post("/accounts/password/", old_password=chosen, new_password1=new, new_password2=new)
    assert led == "/accounts/"
    one.until(lambda: json.loads(one.get("/readyz")[1])["status"] == "ready")

    done = command(place, "publish", str(answered), "--as", "strait", "--visibility", "public", **database)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "/p/strait/ version 1, public: everybody\n", "the port is known to the server alone"
    named = {"POTOMAC_PUBLIC_URL": "http://127.0.0.1:8000", **database}
    again = command(place, "publish", str(answered), "--as", "strait", **named)
    assert again.stdout == "http://127.0.0.1:8000/p/strait/ shows this run already\n"
    place_ = "latitude=56.5&longitude=11.0&speed=10&heading=0"
    one.forget()  # from here on a visitor asks
    assert json.loads(one.get(f"/api/v1/products/strait/score?{place_}")[1])
    assert "Which vessels are out of place?" in one.get("/p/strait/")[1]
    assert one.get("/studies/")[1].count("Sign in")

    kinds = one.until(lambda: len(found := one.children()) == 2 and found)
    for kind in ("worker", "web"):
        (pid,) = [pid for pid, is_ in kinds.items() if is_ == kind]
        os.kill(pid, signal.SIGKILL)
        one.until(lambda pid=pid: pid not in one.children() and len(one.children()) == 2)
        one.until(lambda: one.get("/healthz")[0] == 200)
        kinds = one.until(lambda: sorted((found := one.children()).values()) == ["web", "worker"] and found)

    code, err = one.stop()
    assert code == 0
    assert chosen not in err
    assert new not in err
    assert "Traceback" not in err
    assert all(not Path(f"/proc/{pid}").exists() for pid in kinds)

    second = served(place, "--no-worker", **database)
    assert "password" not in second.said
    second.until(lambda: second.get("/healthz")[0] == 200)
    assert list(second.children().values()) == ["web"]
    assert second.stop(signal.SIGINT)[0] == 0


@pytest.mark.skipif(not ELSEWHERE, reason="SQLite keeps all text")
def test_a_database_that_cannot_keep_every_text_is_refused(tmp_path: Path) -> None:
    with fresh_database(utf8=False) as url:
        done = command(tmp_path / "home", "user", "list", DATABASE_URL=url)
    assert done.returncode == 2
    assert "the database's character set is LATIN1".lower() in done.stderr.lower()
    assert done.stderr.count("expected UTF-8") == 1


@sqlite
def test_people_on_the_command_line(tmp_path: Path) -> None:
    home = tmp_path / "home"
    added = command(home, "user", "add", "ada", "--role", "publisher")
    assert re.fullmatch(r"Password of ada, shown this once: [\w-]{16,}\n", added.stdout), added.stderr
    listed = command(home, "user", "list").stdout.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [
        ["ada", "publisher", "open"],
        ["admin", "administrator", "open"],
    ]
    changed = command(home, "user", "password", "ada").stdout
    assert changed.startswith("Password of ada")
    assert changed != added.stdout
    unknown = command(home, "user", "password", "adda")
    assert unknown.returncode == 2
    assert 'nobody is called "adda"' in unknown.stderr
    assert 'Did you mean "ada"?' in unknown.stderr
    assert command(home, "user", "remove", "ada", stdin="n\n").returncode == 1
    assert command(home, "user", "remove", "ada", "--yes").stdout.startswith("Removed: ")
    assert "ada" not in command(home, "user", "list").stdout
    last = command(home, "user", "remove", "admin", "--yes")
    assert (last.returncode, "only administrator" in last.stderr) == (2, True)
    king = command(home, "user", "add", "eve", "--role", "king")
    assert (king.returncode, "roles are visitor" in king.stderr) == (2, True)


@sqlite
@pytest.mark.parametrize(
    ("words", "more", "says"),
    [
        (["serve", "--port", "TAKEN"], {}, "cannot be listened at: address already in use. Give another --port"),
        (["serve", "--port", "0"], {"POTOMAC_WORKERS": "many"}, "workers: "),
        (["serve", "--port", "0"], {"DATABASE_URL": "oracle://x/y"}, 'the database URL begins with "oracle"'),
        (
            ["serve", "--port", "0"],
            {"DATABASE_URL": "sqlite:////nowhere/at/all.sqlite3"},
            "the database does not answer",
        ),
        (["serve", "--no-worker", "--workers", "2"], {}, "--no-worker and --workers are given together"),
        (["publish", "nothing", "--as", "x"], {}, 'no run is called "nothing"'),
        (["restore", "nothing.tar.zst"], {}, "there is no such file"),
        (["backup", "/nowhere/x.tar.zst"], {}, "the backup cannot be written"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, words: list[str], more: dict[str, str], says: str) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = [str(taken.getsockname()[1]) if word == "TAKEN" else word for word in words]
        done = command(tmp_path / "home", *words, **more)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = command(tmp_path / "home", "serve", "--port", "0")
    assert (done.returncode, "POTOMAC_HOME cannot be written" in done.stderr) == (2, True)


@sqlite
def test_publish_says_what_is_refused(place: Path, answered: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    for words, says in (
        (["--as", "Not A Slug"], "the slug is"),
        (["--as", "strait", "--visibility", "secret"], 'no visibility is called "secret"'),
        (["--as", "strait", "--owner", "nobody"], 'nobody is called "nobody"'),
    ):
        done = command(home, "publish", str(answered), *words)
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert not any((home / "runs").rglob("run.json"))  # what was copied is taken away again
    command(home, "user", "add", "ada", "--role", "analyst")
    done = command(home, "publish", str(answered), "--as", "strait", "--owner", "ada")
    assert (done.returncode, "needs the role publisher" in done.stderr) == (2, True), done.stderr


@sqlite
def test_links_in_a_run_are_not_followed(answered: Path, tmp_path: Path) -> None:
    import shutil

    run = tmp_path / "run"
    shutil.copytree(answered, run)
    (tmp_path / "private").write_text("secret")
    (run / "tables" / "more.parquet").symlink_to(tmp_path / "private")
    home = tmp_path / "home"
    assert command(home, "publish", str(run), "--as", "strait").returncode == 0
    assert [path.name for path in (home / "runs").rglob("more.parquet")] == []
    assert len(list((home / "runs").rglob("scores.parquet"))) == 1
