"""Sources: what is brought, kept once, looked at, guessed, and taken away."""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from potomac.errors import DataError, PotomacError, StudyError
from potomac.server.accounts.models import Entry, User
from potomac.server.catalog import contents, databases
from potomac.server.catalog.look import look
from potomac.server.catalog.models import Content, Database, Run, Source
from potomac.server.config import Config, Limits
from potomac.server.flows import sources
from potomac.server.flows.base import ANYBODY, Actor, Conflict, Denied, Missing, TooMuch
from potomac.server.jobs import queue
from potomac.server.jobs.models import Job, State

pytestmark = pytest.mark.django_db(transaction=True)

SHIPS = b"mmsi,BaseDateTime,LAT,LON,SOG,COG\n" + b"7,2024-01-01T00:00:00,48.5,2.5,10.5,90\n" * 30
Person = Callable[..., User]
ToActor = Callable[[User], Actor]


@pytest.fixture
def ada(person: Person, actor: ToActor) -> Actor:
    return actor(person("ada"))


@pytest.fixture
def eve(person: Person, actor: ToActor) -> Actor:
    return actor(person("eve"))


@pytest.fixture(autouse=True)
def _empty(home: Path) -> Iterator[None]:
    yield
    for file in (home / "content").glob("*/*"):
        file.unlink()


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets limits, and folders."""

    def change(folders: dict[str, Path] | None = None, **limits: int) -> None:
        monkeypatch.setattr(settings, "CONFIG", Config(folders=folders or {}, limits=Limits(**limits)))

    return change


def upload(who: Actor, name: str = "ships.csv", data: bytes = SHIPS) -> Source:
    return sources.upload(who, name, SimpleUploadedFile("x", data))


def looked(source: Source) -> Source:
    """The source as the worker leaves it."""
    limits = settings.CONFIG.limits.model_dump()
    told = look(sources.located(source), source.name, limits, source.query or None)
    kept = {name: told[name] for name in ("state", "reason", "rows", "preview")}
    Source.objects.filter(pk=source.pk).update(**kept)
    source.refresh_from_db()
    return source


def stored(home: Path) -> set[str]:
    return {file.name for file in (home / "content").glob("*/*") if file.name != ".lock"}


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ships.csv", "ships.csv"),
        ("SHIPS.CSV.GZ", "SHIPS.csv.gz"),
        ("my ships (May).csv", "my ships -May.csv"),
        ("../../etc/passwd.csv", "passwd.csv"),
        ("..%2f..%2fetc.csv", "2f.-2fetc.csv"),
        ("C:\\fakepath\\a.csv", "a.csv"),
        ("a\\b.csv", "b.csv"),
        (".hidden.csv", "hidden.csv"),
        ("CON.csv", "table-CON.csv"),
        ("nul.tar.csv", "table-nul.tar.csv"),
        ("com1.parquet", "table-com1.parquet"),
        ("n" * 300 + ".parquet", "n" * 92 + ".parquet"),
        ("💥.geojson", None),
        ("region.osm.pbf", "region.osm.pbf"),
        ("a b/Region 1.PBF", "Region 1.pbf"),
        ("ship💥.geojson", "ship.geojson"),
        ("größe 東京.json", "größe 東京.json"),
        ("e\u0301.csv", "\u00e9.csv"),
        ("a\0b\n.csv", "a-b.csv"),
        ("gpj.\u202evsc.csv", "gpj.-vsc.csv"),
        ("<script>.csv", "script.csv"),
        ("'; DROP TABLE x; --.csv", "DROP TABLE x.csv"),
        ("=cmd|x.csv", "cmd-x.csv"),
        ("a..csv", "a.csv"),
        (".csv", None),
        ("", None),
        ("a", None),
        ("a.csv:stream", None),
        ("a.csv/", None),
        ("a.exe", None),
    ],
)
def test_names_are_cleaned(given: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(StudyError) as caught:
            contents.clean(given)
        assert caught.value.faults[0].code in ("upload.name", "upload.format")
        return
    name = contents.clean(given)
    assert name == kept
    assert contents.clean(name) == name


def test_long_names_fit_into_any_file_system() -> None:
    assert len(contents.clean("東" * 300 + ".csv.gz").encode()) <= 200


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.zip", "Unpack it"),
        ("a.xlsx", "Save the sheet as CSV"),
        ("a.tsv", "Rename it to .csv"),
        ("a.csv.bz2", "gzip or zstd"),
        ("a.pq", "Rename it to .parquet"),
        ("a.shp", "GeoJSON"),
        ("a.pkl", "Write the table as one of these"),
    ],
)
def test_other_kinds_are_refused_with_what_to_do(name: str, says: str) -> None:
    with pytest.raises(StudyError) as caught:
        contents.clean(name)
    fault = caught.value.faults[0]
    assert (fault.code, says in fault.mend, ".csv.gz" in fault.expected) == ("upload.format", True, True)


def test_names_of_databases_have_no_ending() -> None:
    assert contents.clean("orders 2024", file=False) == "orders 2024"
    assert contents.clean("../study.toml", file=False) == "study-toml"


# ---- uploads --------------------------------------------------------------------------------------------------------


def test_an_upload_is_kept_under_its_hash_and_waits_for_a_look(ada: Actor, home: Path) -> None:
    source = upload(ada)
    sha256 = hashlib.sha256(SHIPS).hexdigest()
    assert (source.name, source.state, source.content_id) == ("ships.csv", "checking", sha256)
    place = home / "content" / sha256[:2] / sha256
    assert place.read_bytes() == SHIPS
    assert (place.stat().st_mode & 0o077) == 0
    assert sources.located(source) == str(place)
    assert Content.objects.get().size == len(SHIPS)
    job = queue.latest("source", source.pk)
    assert job is not None
    assert (job.owner_id, job.state) == (source.owner_id, State.QUEUED)
    assert Entry.objects.get(action="source.upload").what == f"source:{source.pk}"
    assert not list((home / "content").glob(".incoming-*"))


def test_anything_with_read_can_be_brought(ada: Actor) -> None:
    assert sources.upload(ada, "a.csv", io.BytesIO(SHIPS)).content_id == hashlib.sha256(SHIPS).hexdigest()


def test_a_name_without_ending_takes_the_files(ada: Actor) -> None:
    assert sources.upload(ada, "strait", SimpleUploadedFile("x.csv.gz", b"x")).name == "strait.csv.gz"


def test_the_same_bytes_are_kept_once_and_names_are_numbered(ada: Actor, eve: Actor, home: Path) -> None:
    names = [upload(ada).name, upload(ada).name, upload(ada, "SHIPS.csv").name, upload(eve).name]
    assert names[:2] == ["ships.csv", "ships-2.csv"]
    assert names[2] in ("SHIPS.csv", "SHIPS-3.csv", "SHIPS-2.csv")  # databases differ on letters
    assert names[3] == "ships.csv"
    assert len(stored(home)) == 1
    assert Content.objects.get().sources.count() == 4


def test_the_bytes_go_with_the_last_source(ada: Actor, eve: Actor, home: Path) -> None:
    mine, hers = upload(ada), upload(eve)
    told = sources.delete(ada, mine.pk)
    assert told == "ships.csv is deleted; another source has the same bytes."
    assert stored(home) == {hers.content_id}
    assert sources.delete(eve, hers.pk) == "ships.csv is deleted with its bytes."
    assert (stored(home), Content.objects.count(), Source.objects.count()) == (set(), 0, 0)
    assert not Job.objects.filter(state=State.QUEUED).exists()


def test_what_is_too_large_is_refused_while_it_comes(ada: Actor, configured: Callable[..., None], home: Path) -> None:
    configured(upload_mb=1)
    read = 0

    class Endless:
        def read(self, size: int = -1) -> bytes:
            nonlocal read
            read += size
            return b"x" * size

    with pytest.raises(TooMuch, match="A file may have 1 MB"):
        sources.upload(ada, "a.csv", Endless())
    assert read <= 2 << 20
    assert not stored(home)
    assert not list((home / "content").glob(".incoming-*"))
    assert not Source.objects.exists()


def test_what_one_person_may_hold(ada: Actor, eve: Actor, configured: Callable[..., None]) -> None:
    configured(upload_mb=1, stored_mb=1)
    upload(ada, "a.csv", b"a\n" * (300 << 10))
    with pytest.raises(TooMuch, match="of the 1 MB that your uploads may hold 0 MB are left"):
        upload(ada, "b.csv", b"b\n" * (300 << 10))
    upload(eve, "b.csv", b"b\n" * (300 << 10))
    sources.delete(ada, Source.objects.get(name="a.csv").pk)
    upload(ada, "b.csv", b"b\n" * (300 << 10))


def test_an_empty_file_is_refused(ada: Actor, home: Path) -> None:
    with pytest.raises(DataError, match="the file is empty"):
        upload(ada, "a.csv", b"")
    assert not list((home / "content").glob(".incoming-*"))


def test_a_connection_that_breaks_leaves_nothing(ada: Actor, home: Path) -> None:
    class Broken:
        def read(self, size: int = -1) -> bytes:
            raise OSError("reset by peer")

    with pytest.raises(OSError, match="reset"):
        sources.upload(ada, "a.csv", Broken())
    assert not list((home / "content").glob(".incoming-*"))


def test_a_fault_after_the_bytes_leaves_nothing(ada: Actor, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no queue")

    monkeypatch.setattr(queue, "submit", fail)
    with pytest.raises(RuntimeError):
        upload(ada)
    assert (Source.objects.count(), Content.objects.count(), stored(home)) == (0, 0, set())


def test_uploads_and_deletions_of_the_same_bytes_at_once(ada: Actor, eve: Actor, home: Path) -> None:
    """Whatever the order, and with a worker that tidies up all the time, a source has its bytes, bytes a source."""
    errors: list[BaseException] = []
    ended = threading.Event()

    def work(who: Actor) -> None:
        try:
            for _ in range(6):
                one = upload(who)
                assert contents.place(str(one.content_id)).read_bytes() == SHIPS
                sources.delete(who, one.pk)
            upload(who)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    def tidy() -> None:
        try:
            while not ended.is_set():
                contents.sweep()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(who,)) for who in (ada, eve, ada)]
    tidying = threading.Thread(target=tidy)
    for thread in (tidying, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    ended.set()
    tidying.join()
    assert not errors
    assert Source.objects.count() == 3
    assert sorted(Source.objects.values_list("name", flat=True)) == ["ships-2.csv", "ships.csv", "ships.csv"]
    assert stored(home) == {Content.objects.get().pk}


def test_a_sweep_waits_for_the_upload_that_has_just_put_its_file_into_place(ada: Actor, home: Path) -> None:
    won: list[int] = []

    def tidy() -> None:
        won.append(contents.sweep())
        connection.close()

    tidying = threading.Thread(target=tidy)
    with contents.keep(contents.receive(io.BytesIO(SHIPS), 1 << 20, "")) as content:
        assert stored(home) == {content.pk}
        tidying.start()  # to it the row is not there yet, the file is
        tidying.join(0.3)
        assert ada.user
        Source.objects.create(owner=ada.user, name="ships.csv", kind="upload", content=content)
    tidying.join()
    assert (won, stored(home)) == ([0], {content.pk})


def test_a_sweep_removes_what_a_crash_or_a_person_who_left_has_left(ada: Actor, eve: Actor, home: Path) -> None:
    kept = upload(eve, "b.csv", b"a\n1\n")
    upload(ada)
    assert ada.user
    ada.user.delete()  # rows go by the database
    lost = home / "content" / "ab" / ("ab" + "0" * 62)
    lost.parent.mkdir(exist_ok=True)
    lost.write_bytes(b"123")
    old, new = home / "content" / ".incoming-old", home / "content" / ".incoming-new"
    for half in (old, new):
        half.write_bytes(b"12")
    os.utime(old, (0, 0))
    assert contents.sweep() == len(SHIPS) + 3 + 2
    assert stored(home) == {kept.content_id}
    assert (old.exists(), new.exists(), Content.objects.count()) == (False, True, 1)
    new.unlink()


# ---- who may --------------------------------------------------------------------------------------------------------


def test_visitors_bring_nothing(person: Person, actor: ToActor) -> None:
    visitor = actor(person("vic", role="visitor"))
    for who in (ANYBODY, visitor):
        for deed in (
            lambda who=who: upload(who),
            lambda who=who: sources.list_(who),
            lambda who=who: sources.get(who, "x"),
            lambda who=who: sources.delete(who, "x"),
            lambda who=who: sources.from_folder(who, "a", "b"),
            lambda who=who: sources.from_database(who, "a", "b", "SELECT 1"),
            lambda who=who: sources.folders(who),
            lambda who=who: sources.databases_of(who),
            lambda who=who: sources.look_again(who, "x"),
        ):
            with pytest.raises(Denied):
                deed()


def test_somebody_elses_source_is_not_there(ada: Actor, eve: Actor, person: Person, actor: ToActor) -> None:
    source = upload(ada)
    for deed in (sources.get, sources.delete, sources.look_again):
        with pytest.raises(Missing):
            deed(eve, source.pk)
    assert list(sources.list_(eve)) == []
    root = actor(person("root", role="administrator"))
    assert list(sources.list_(root)) == [source]
    assert sources.get(root, source.pk) == source


def test_a_token_to_read_brings_and_deletes_nothing(ada: Actor) -> None:
    source = upload(ada)
    reader = Actor(user=ada.user, scopes=frozenset({"read"}))
    assert sources.get(reader, source.pk) == source
    for deed in (lambda: upload(reader), lambda: sources.delete(reader, source.pk)):
        with pytest.raises(Denied, match='needs the scope "write"'):
            deed()


# ---- deletion and runs ----------------------------------------------------------------------------------------------


def test_a_source_that_a_run_needs_stays(ada: Actor) -> None:
    source = upload(ada)
    assert ada.user
    run = Run.objects.create(owner=ada.user, kind="outliers", name="a", text="")
    run.sources.add(source)
    job = queue.submit("run", run.pk, ada.user)
    with pytest.raises(Conflict, match=r"ships\.csv stays: a run that waits or goes on needs it"):
        sources.delete(ada, source.pk)
    queue.cancel(job)
    told = sources.delete(ada, source.pk)
    assert told == "ships.csv is deleted with its bytes. A run made from it keeps what came out of it."
    assert Run.objects.get() == run
    with pytest.raises(Missing):
        sources.delete(ada, source.pk)


def test_a_source_is_looked_at_once_more(ada: Actor) -> None:
    source = upload(ada)
    with pytest.raises(Conflict, match="being looked at"):
        sources.look_again(ada, source.pk)
    job = queue.latest("source", source.pk)
    assert job
    queue.cancel(job)
    Source.objects.filter(pk=source.pk).update(state=Source.State.REFUSED, reason="no")
    again = sources.look_again(ada, source.pk)
    assert (again.state, again.reason) == ("checking", "")
    assert queue.latest("source", source.pk) != job


# ---- folders --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, configured: Callable[..., None]) -> Path:
    """A folder that the configuration allows, with what may and what may not be read from it."""
    root = tmp_path / "allowed"
    (root / "sub").mkdir(parents=True)
    (root / "a.csv").write_bytes(SHIPS)
    (root / "sub" / "b c.csv").write_bytes(SHIPS)
    (root / ".hidden.csv").write_bytes(SHIPS)
    (root / "x.txt").write_bytes(SHIPS)
    (tmp_path / "secret.csv").write_bytes(SHIPS)
    (root / "out.csv").symlink_to(tmp_path / "secret.csv")
    (root / "up").symlink_to(tmp_path)
    (root / "in.csv").symlink_to(root / "a.csv")
    os.mkfifo(root / "pipe.csv")
    configured(folders={"ais": root, "gone": tmp_path / "nowhere"})
    return root


def test_files_of_a_folder(ada: Actor, folder: Path) -> None:
    source = sources.from_folder(ada, "ais", "sub/b c.csv")
    assert (source.name, source.kind, source.path) == ("b c.csv", "folder", "sub/b c.csv")
    assert sources.located(source) == str(folder / "sub" / "b c.csv")
    assert sources.located(sources.from_folder(ada, "ais", "in.csv")) == str(folder / "a.csv")
    assert sources.delete(ada, source.pk) == "b c.csv is deleted; the file stays in its folder."
    assert (folder / "sub" / "b c.csv").exists()


@pytest.mark.parametrize(
    "path",
    [
        "../secret.csv",
        "sub/../../secret.csv",
        "/etc/passwd",
        "out.csv",
        "up/secret.csv",
        ".hidden.csv",
        "pipe.csv",
        "sub",
        "",
        ".",
        "a.csv/",
        "a\\b.csv",
        "..\\secret.csv",
        "a.csv\0",
        "missing.csv",
        "n" * 5000 + ".csv",
        "//a.csv",
    ],
)
def test_nothing_outside_of_a_folder(ada: Actor, folder: Path, path: str) -> None:
    with pytest.raises(DataError) as caught:
        sources.from_folder(ada, "ais", path)
    (fault,) = caught.value.faults
    assert fault.code == "upload.folder"
    assert str(folder) not in str(fault)
    assert not Source.objects.exists()


def test_other_folders_and_kinds(ada: Actor, folder: Path) -> None:
    for name in ("gone", "nothing", "", "../ais"):
        with pytest.raises(DataError, match="the folders here are ais, gone"):
            sources.from_folder(ada, name, "a.csv")
    with pytest.raises(StudyError, match=r"Rename it to \.csv"):
        sources.from_folder(ada, "ais", "x.txt")


def test_a_link_that_is_laid_later_is_seen(ada: Actor, folder: Path) -> None:
    source = sources.from_folder(ada, "ais", "a.csv")
    (folder / "a.csv").unlink()
    (folder / "a.csv").symlink_to(folder.parent / "secret.csv")
    with pytest.raises(DataError):
        sources.located(source)


def test_what_lies_in_the_folders(ada: Actor, folder: Path) -> None:
    found = sources.folders(ada)
    assert found["ais"] == ["a.csv", "in.csv", "out.csv", "sub/b c.csv"] or found["ais"] == [
        "a.csv",
        "in.csv",
        "sub/b c.csv",
    ]
    assert found["gone"] == []


# ---- databases ------------------------------------------------------------------------------------------------------


@pytest.fixture
def harbour(tmp_path: Path) -> Database:
    """A registered database, with a table of places."""
    file = tmp_path / "harbour.db"
    with sqlite3.connect(file) as held:
        held.execute("CREATE TABLE berths (id INTEGER, lat REAL, lon REAL)")
        held.executemany("INSERT INTO berths VALUES (?, ?, ?)", [(i, 48 + i / 100, 2.5) for i in range(40)])
    held.close()
    return Database.objects.create(name="harbour", url=f"sqlite:///{file}")


def test_a_query_to_a_registered_database(ada: Actor, harbour: Database) -> None:
    source = sources.from_database(ada, "harbour", "berths", " SELECT * FROM berths ORDER BY id; ")
    assert (source.name, source.kind, source.query) == ("berths", "database", "SELECT * FROM berths ORDER BY id")
    assert sources.located(source) == harbour.url
    looked(source)
    assert (source.state, source.rows) == ("ready", 40)
    assert [column["name"] for column in source.preview["columns"]] == ["id", "lat", "lon"]
    assert harbour.url not in str(source.preview)
    assert sources.delete(ada, source.pk) == "berths is deleted; the database stays."


def test_where_a_database_is_is_not_told(ada: Actor, harbour: Database) -> None:
    source = sources.from_database(ada, "harbour", "berths", "SELECT draught FROM berths")
    looked(source)
    assert (source.state, "no such column: draught" in source.reason) == ("refused", True)
    assert "harbour.db" not in source.reason
    Database.objects.update(url="sqlite:////nowhere/else.db")
    looked(Source.objects.get())
    assert Source.objects.get().reason == (
        "The database of berths cannot be reached. Ask an administrator to look at how it is registered."
    )
    Database.objects.update(url="postgresql://me:pass-word@127.0.0.1:1/db")
    looked(Source.objects.get())
    assert "127.0.0.1" not in Source.objects.get().reason


def test_only_databases_that_are_registered(ada: Actor, harbour: Database) -> None:
    with pytest.raises(StudyError, match='Did you mean "harbour"'):
        sources.from_database(ada, "harbor", "a", "SELECT 1")
    with pytest.raises(StudyError):
        sources.from_database(ada, harbour.url, "a", "SELECT 1")
    assert [one.name for one in sources.databases_of(ada)] == ["harbour"]
    assert "url" in sources.databases_of(ada)[0].get_deferred_fields()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "does not read"),
        ("DROP TABLE berths", "does not read"),
        ("PRAGMA writable_schema = 1", "does not read"),
        ("COPY berths TO PROGRAM 'id'", "does not read"),
        ("SELECT 1; DROP TABLE berths", "more than one statement"),
        ("SELECT '\0'", "signs"),
        ("SELECT " + "1," * 20_000 + "1", "signs"),
        ("/**/" * 4_000, "does not read"),  # would take a pattern that goes back two to the power of 4,000 steps
        ("SELECT " + "/*" * 4_000 + "*/; SELECT 1", "more than one statement"),
    ],
)
def test_queries_that_do_not_read(ada: Actor, harbour: Database, query: str, says: str) -> None:
    with pytest.raises(StudyError, match=says) as caught:
        sources.from_database(ada, "harbour", "a", query)
    assert caught.value.faults[0].code == "upload.query"
    assert databases.reading("SELECT ';' AS a -- ;\n FROM b /* ; */;") == "SELECT ';' AS a -- ;\n FROM b /* ; */"


def test_writing_under_cover_of_a_select_is_refused_by_the_database(ada: Actor, harbour: Database) -> None:
    query = "WITH x AS (SELECT 1) INSERT INTO berths SELECT 1, 2, 3"
    source = looked(sources.from_database(ada, "harbour", "a", query))
    assert source.state == "refused"
    assert looked(sources.from_database(ada, "harbour", "b", "SELECT * FROM berths ORDER BY id")).rows == 40


def test_addresses_that_may_not_be_registered(tmp_path: Path, home: Path, harbour: Database) -> None:
    assert databases.checked(f" {harbour.url} ") == harbour.url
    for address, says in (
        ("harbour.db", "no address of a database"),
        ("https://example.org/a.csv", "no database"),
        (f"sqlite:///{home}/test.sqlite3", "the server's own database"),
        (f"sqlite:///{tmp_path}/../{tmp_path.name}/none.db", "there is no database file"),
        ("postgresql://me:pass-word@127.0.0.1:1/db", "refuses"),
        ("cassandra://host/db", "valid are"),
    ):
        with pytest.raises(PotomacError, match=says) as caught:
            databases.checked(address)
        assert "pass-word" not in str(caught.value)


def test_the_admin_tries_an_address_and_never_shows_it(
    person: Person, signed_in: Callable[[User], Client], harbour: Database
) -> None:
    browser = signed_in(person("root", role="administrator"))
    good = {"name": "second", "note": "", "address": harbour.url}
    bad = browser.post("/admin/catalog/database/add/", {**good, "address": "sqlite:////nowhere/a.db"})
    assert "there is no database file" in bad.content.decode()
    assert browser.post("/admin/catalog/database/add/", good).status_code == 302
    made = Database.objects.get(name="second")
    assert made.url == harbour.url
    page = browser.get(f"/admin/catalog/database/{made.pk}/change/").content.decode()
    assert harbour.url not in page
    assert "harbour.db" not in page
    unchanged = {"name": "second", "note": "berths", "address": ""}
    assert browser.post(f"/admin/catalog/database/{made.pk}/change/", unchanged).status_code == 302
    made.refresh_from_db()
    assert (made.url, made.note) == (harbour.url, "berths")
    assert "Give the database" in browser.post("/admin/catalog/database/add/", {"name": "third"}).content.decode()


@pytest.mark.parametrize("model", ["source", "content", "run", "version", "draft", "product", "database"])
def test_the_admin_shows_the_catalogue(
    model: str, ada: Actor, person: Person, signed_in: Callable[[User], Client]
) -> None:
    source = upload(ada)
    browser = signed_in(person("root", role="administrator"))
    assert browser.get(f"/admin/catalog/{model}/").status_code == 200
    if model == "source":
        assert browser.get(f"/admin/catalog/source/{source.pk}/change/").status_code == 200
    if model not in ("database",):
        assert browser.get(f"/admin/catalog/{model}/add/").status_code == 403
    if model == "source":
        assert browser.post(f"/admin/catalog/source/{source.pk}/delete/", {"post": "yes"}).status_code == 403


# ---- guesses --------------------------------------------------------------------------------------------------------


def test_guesses_of_a_look(ada: Actor) -> None:
    source = looked(upload(ada))
    assert (source.state, source.rows, source.reason) == ("ready", 30, "")
    assert sources.guesses(source, "outliers") == {
        "data": {
            "latitude": {"column": "LAT", "unit": ""},
            "longitude": {"column": "LON", "unit": ""},
            "speed": {"column": "SOG", "unit": "kn"},
            "heading": {"column": "COG", "unit": ""},
            "time": {"column": "BaseDateTime", "unit": ""},
            "entity": {"column": "mmsi", "unit": ""},
        }
    }
    with pytest.raises(StudyError, match="no kind is called"):
        sources.guesses(source, "astrology")


def test_no_guesses_before_a_look(ada: Actor) -> None:
    assert sources.guesses(upload(ada), "outliers") == {"data": {}}


# ---- before a request is read ---------------------------------------------------------------------------------------


@pytest.fixture
def _handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "FILE_UPLOAD_HANDLERS", ["potomac.server.catalog.contents.Handler"])


@pytest.mark.usefixtures("_handler")
def test_files_of_nobody_and_files_too_large_are_not_received(
    person: Person, signed_in: Callable[[User], Client], configured: Callable[..., None], home: Path, client: Client
) -> None:
    configured(upload_mb=1)
    anonymous = Client()
    big = SimpleUploadedFile("a.csv", b"x" * (2 << 20))
    assert anonymous.post("/sources/", {"file": SimpleUploadedFile("a.csv", b"x")}).status_code in (302, 400, 401, 403)
    browser = signed_in(person("ada"))
    assert browser.post("/sources/", {"way": "upload", "file": big}).status_code in (400, 413)
    assert not list((home / "uploads").iterdir())
    assert not Source.objects.exists()
    small = SimpleUploadedFile("a.csv", SHIPS)
    assert browser.post("/sources/", {"way": "upload", "file": small}).status_code == 302
    assert Source.objects.get().content_id == hashlib.sha256(SHIPS).hexdigest()


# ---- the whole way --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "state", "says"),
    [
        ("ships.csv", SHIPS, "ready", ""),
        ("page.csv", b"<!doctype html><title>Sign in</title>", "refused", "page.csv is a web page or a picture"),
    ],
)
def test_the_worker_looks_at_what_is_brought(ada: Actor, name: str, data: bytes, state: str, says: str) -> None:
    from potomac.server.jobs.worker import work

    source = upload(ada, name, data)
    work(once=True)
    source.refresh_from_db()
    job = queue.latest("source", source.pk)
    assert job
    assert (job.state, source.state, says in source.reason) == (State.DONE, state, True)
    assert source.rows == (30 if state == "ready" else None)


def test_a_source_that_is_deleted_before_it_is_looked_at(ada: Actor) -> None:
    from potomac.server.jobs.worker import work

    source = upload(ada)
    sources.delete(ada, source.pk)
    work(once=True)
    job = queue.latest("source", source.pk)
    assert job
    assert job.state == State.CANCELLED
