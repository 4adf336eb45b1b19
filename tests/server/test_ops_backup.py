"""Backup and restore: there and back, from one database to another, and never over anything."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection

from potomac.errors import DataError, StudyError
from potomac.server.accounts.models import Attempt, Entry, Token, User
from potomac.server.catalog.models import Answered, Content, Product, Run, Source, Version
from potomac.server.flows import people, products
from potomac.server.flows.base import Actor
from potomac.server.jobs.models import Job
from potomac.server.ops.backup import backup as write
from potomac.server.ops.backup import restore

from .fresh import fresh_database

MODELS = (User, Token, Entry, Content, Source, Run, Product, Version, Job)


@pytest.fixture
def kept(transactional_db: None, person: Callable[..., User], finished: Callable[..., Any], home: Path) -> Path:
    """A home with one of everything."""
    ada = Actor(user=person("ada", role="publisher"))
    digest = "cd" * 32
    place = home / "content" / "cd" / digest
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"lat,lon\n1,2\n")
    content = Content.objects.create(sha256=digest, size=12)
    source = Source.objects.create(owner=ada.user, name="s\u00e4le <b>.csv", kind="upload", content=content)
    run = finished(ada.user)
    run.sources.add(source)
    products.publish(ada, run.pk, "strait", visibility="public")
    people.new_token(ada, "notebook", ["read"])
    Attempt.objects.create(key="k", until=run.created)
    Answered.objects.create(key="k", fingerprint="f")
    (home / "content" / "cd" / ".half.partial").write_bytes(b"x")
    return home


def members(file: Path) -> dict[str, bytes]:
    with pa.CompressedInputStream(file.open("rb"), "zstd") as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def told(home: Path, *words: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """A command line with another home and SQLite."""
    given = {**os.environ, "POTOMAC_HOME": str(home), "DATABASE_URL": "", **environ}
    command = [sys.executable, *words]
    return subprocess.run(command, env=given, capture_output=True, text=True, input=stdin, timeout=120)


RESTORED = """
import json
from potomac.server.setup import prepare; prepare()
from potomac.server.accounts.models import Entry, Token, User
from potomac.server.catalog.models import Product, Source
from potomac.server.flows import products
from potomac.server.flows.base import ANYBODY
one = products.get(ANYBODY, "strait")
reply = products.ask(ANYBODY, "strait", "score", {"latitude": 56.5, "longitude": 11.0, "speed": 10.0, "heading": 0.0})
print(json.dumps({
    "people": list(User.objects.values_list("username", "role", "password")), "tokens": Token.objects.get().digest,
    "entries": Entry.objects.count(), "sources": Source.objects.get().name, "version": one.default.number,
    "runs_sources": one.default.run.sources.count(), "reply": reply.model_dump(mode="json"),
}))
User.objects.create_user("new")  # numbers go on where they were
"""


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Another one to restore into: SQLite, or of the kind that the tests run on."""
    with fresh_database() as url:
        yield {"DATABASE_URL": "" if request.param == "sqlite" else url}


THE_SAME, ROWS_TO_SQLITE = (False, "the same"), (True, "sqlite")


@pytest.mark.parametrize(
    ("portable", "database"), [THE_SAME, ROWS_TO_SQLITE], ids=["the same", "rows to SQLite"], indirect=["database"]
)
def test_there_and_back(kept: Path, tmp_path: Path, portable: bool, database: dict[str, str]) -> None:
    file = write(tmp_path / "all.tar.zst", portable=portable)
    assert file.stat().st_mode & 0o777 == 0o600
    if not portable and connection.vendor != "sqlite":
        portable = True
    found = members(file)
    about = json.loads(found["backup.json"])
    assert ("rows.jsonl" in found, "database.sqlite3" in found) == (portable, not portable)
    assert about["files"] == len(found) - 2
    assert not any("partial" in name for name in found)
    home = tmp_path / "other"
    done = told(home, "-m", "potomac", "restore", str(file), **database)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "1 people" in done.stdout
    back = told(home, "-c", RESTORED, **database)
    assert back.returncode == 0, back.stderr
    got = json.loads(back.stdout)
    ada = User.objects.get()
    assert got["people"] == [["ada", "publisher", ada.password]]
    assert got["tokens"] == Token.objects.get().digest
    assert got["entries"] == Entry.objects.count()
    assert (got["sources"], got["version"], got["runs_sources"]) == ("s\u00e4le <b>.csv", 1, 1)
    assert got["reply"]
    assert (home / "content" / "cd" / ("cd" * 32)).read_bytes() == b"lat,lon\n1,2\n"
    again = told(home, "-m", "potomac", "restore", str(file), **database)
    assert again.returncode == 2
    assert "hold something already" in again.stderr


def test_what_passes_is_left_out(kept: Path, tmp_path: Path) -> None:
    rows = members(write(tmp_path / "rows.tar.zst", portable=True))["rows.jsonl"].decode().splitlines()
    names = {json.loads(row)["model"] for row in rows}
    assert {"accounts.user", "accounts.token", "catalog.product", "catalog.version", "jobs.job"} <= names
    assert not {"accounts.attempt", "catalog.answered", "sessions.session"} & names


def test_a_backup_goes_over_nothing(kept: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.tar.zst"
    file.write_bytes(b"precious")
    with pytest.raises(StudyError, match="already"):
        write(file)
    assert file.read_bytes() == b"precious"
    with pytest.raises(StudyError, match="cannot be written"):
        write(tmp_path / "nowhere" / "x.tar.zst")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.tar.zst"]
    assert write().parent == kept / "backups"


def packed(file: Path, **contents: bytes | tarfile.TarInfo) -> Path:
    """An archive with these members; ``__`` in a name stands for ``/``."""
    with pa.CompressedOutputStream(file.open("wb"), "zstd") as out, tarfile.open(fileobj=out, mode="w|") as tar:
        for name, content in contents.items():
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name.replace("__", "/"))
            data = b"" if isinstance(content, tarfile.TarInfo) else content
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file


def link(to: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo("content/ab/link")
    member.type, member.linkname = tarfile.SYMTYPE, to
    return member


ABOUT = json.dumps({"format": 1, "potomac": "0", "migrations": [], "files": 0}).encode()


@pytest.mark.parametrize(
    "contents",
    [
        {"x": b"1"},
        {"backup.json": ABOUT, "content__ab__..__..__..__..__escaped": b"1"},
        {"backup.json": ABOUT, "__absolute": b"1"},
        {"backup.json": ABOUT, "secret_key": b"1"},
        {"backup.json": ABOUT, "static__evil.js": b"1"},
        {"backup.json": ABOUT, "content__ab__.hidden": b"1"},
        {"backup.json": ABOUT, "link": link("/etc/passwd")},
        {"backup.json": b"[]"},
        {},
    ],
)
def test_what_does_not_belong_there_is_refused_and_nothing_written(
    tmp_path: Path, contents: dict[str, Any], db: None, settings: Any
) -> None:
    settings.HOME = tmp_path / "home"
    (tmp_path / "home").mkdir()
    with pytest.raises(DataError, match="no backup, or damaged"):
        restore(packed(tmp_path / "evil.tar.zst", **contents))
    assert list((tmp_path / "home").rglob("*")) == []
    assert not (tmp_path / "escaped").exists()


def test_half_a_file_and_no_file(kept: Path, tmp_path: Path, settings: Any) -> None:
    whole = write(tmp_path / "all.tar.zst")
    half = tmp_path / "half.tar.zst"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    home = tmp_path / "home"
    done = told(home, "-m", "potomac", "restore", str(half))
    assert (done.returncode, "no backup, or damaged" in done.stderr) == (3, True)
    assert not any((home / "content").iterdir())
    assert told(home, "-m", "potomac", "restore", str(tmp_path / "none")).returncode == 2


def test_a_later_version_is_named(tmp_path: Path, db: None, settings: Any) -> None:
    settings.HOME = tmp_path
    about = json.dumps({"format": 1, "potomac": "99.0", "migrations": ["accounts.9999_later"]}).encode()
    with pytest.raises(DataError, match=r"of Potomac 99\.0"):
        restore(packed(tmp_path / "later.tar.zst", **{"backup.json": about}))
