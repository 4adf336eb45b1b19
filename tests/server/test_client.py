"""The client against a server that runs in a thread of this process."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from potomac.client import Client, ServerError
from potomac.errors import DataError, Interrupted, PotomacError, StudyError
from potomac.server.accounts.models import User
from potomac.server.catalog.models import Draft, Run, Source
from potomac.server.flows import people, products
from potomac.server.flows.base import Actor
from potomac.server.jobs.models import Job

pytestmark = pytest.mark.django_db(transaction=True)

PLACE = {"latitude": 56.5, "longitude": 11.0, "speed": 10.0, "heading": 0.0}
STUDY = """kind = "outliers"
name = "strait"

[data]
source = "strait.csv"
columns.latitude = "lat"
columns.longitude = "lon"
"""


@pytest.fixture
def ada(person: Callable[..., User]) -> User:
    return person("ada", role="publisher")


@pytest.fixture
def server(ada: User, live_server: Any) -> Client:
    scopes = ["read", "ask", "write", "publish"]
    return Client(live_server.url, people.new_token(Actor(user=ada), "client", scopes)[1])


@pytest.fixture
def nobody(live_server: Any) -> Client:
    return Client(live_server.url)


@pytest.fixture
def ready(ada: User) -> Source:
    """A source that has been looked at."""
    columns = [{"name": name, "type": "double", "examples": [], "nulls": 0} for name in ("lat", "lon")]
    return Source.objects.create(
        owner=ada, name="strait.csv", kind="upload", state="ready", rows=400, preview={"columns": columns, "rows": []}
    )


def test_a_file_is_uploaded(server: Client, tmp_path: Path) -> None:
    file = tmp_path / "strait.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([("lat", "lon"), (56.0, 11.0)])
    source = server.upload(file, wait=False)
    assert (source.name, source.state) == ("strait.csv", "checking")
    assert [one.id for one in server.sources()] == [source.id]
    source.delete()
    assert not Source.objects.exists()


def test_a_source_that_was_refused_is_an_error_of_the_data(server: Client, ready: Source) -> None:
    assert server.source(ready.pk).wait().rows == 400
    Source.objects.update(state="refused", reason="a quote is never closed")
    with pytest.raises(DataError, match="never closed"):
        server.source(ready.pk).wait()


def test_a_file_that_is_not_there(server: Client, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file") as caught:
        server.upload(tmp_path / "nothing.csv")
    assert caught.value.faults[0].code == "data.unreadable"


def test_a_study_is_checked_as_text_and_as_file(server: Client, ready: Source, tmp_path: Path) -> None:
    assert server.check(STUDY) == ()
    file = tmp_path / "study.toml"
    file.write_text(STUDY.replace('"lat"', '"latt"'))
    (fault,) = server.check(file)
    assert (fault.code, fault.line, fault.key) == ("data.column-missing", 6, "data.columns.latitude")


def test_a_study_that_is_wrong_raises_what_it_would_raise_here(server: Client) -> None:
    with pytest.raises(StudyError) as caught:
        server.run(STUDY)
    assert [fault.code for fault in caught.value.faults] == ["server.source-unknown"]
    assert not Run.objects.exists()


def test_a_run_is_awaited(server: Client, ready: Source) -> None:
    run = server.run(STUDY, wait=False)
    assert run.state == "queued"
    heard: list[str] = []
    Job.objects.update(state="done", what="done")
    assert run.wait(progress=lambda what, done, total: heard.append(what)).state == "done"
    assert heard == ["done"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [("study.value-invalid", StudyError), ("data.no-usable-rows", DataError), ("run.memory", PotomacError)],
)
def test_a_run_that_failed_raises_its_faults(server: Client, ready: Source, code: str, kind: type[Exception]) -> None:
    run = server.run(STUDY, wait=False)
    fault = {"code": code, "found": "this", "expected": "", "mend": "", "file": "", "line": None, "key": ""}
    Job.objects.update(state="failed", error=[fault])
    with pytest.raises(kind) as caught:
        run.wait()
    assert [one.code for one in caught.value.faults] == [code]  # type: ignore[attr-defined]


def test_a_run_that_was_cancelled_and_one_that_takes_too_long(server: Client, ready: Source) -> None:
    run = server.run(STUDY, wait=False)
    with pytest.raises(ServerError, match="longer"):
        run.wait(timeout=0)
    run.cancel()
    with pytest.raises(Interrupted):
        run.wait()


def test_a_run_is_published_asked_and_read(
    server: Client, nobody: Client, ada: User, finished: Callable[..., Any], tmp_path: Path
) -> None:
    run = next(iter(server.runs())) if finished(ada) else None
    assert run is not None
    version = server.publish(run, as_="strait", visibility="public", title="The strait")
    assert (version.slug, version.number) == ("strait", 1)
    product = nobody.product("strait")
    assert product.endpoints == ("score",)
    reply = product.ask("score", **PLACE)
    assert reply["outlier_score"] == -reply["log_odds"]
    table = product.table("scores")
    assert isinstance(table, pa.Table)
    assert table.num_rows == 400
    assert table.equals(run.table("scores"))
    assert product.rows("scores", limit=1, sort="rank")[0]["rank"] == 1
    assert "scores" in product.tables
    assert product.facts == run.facts != {}
    assert run.report(tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert [one.slug for one in nobody.products()] == ["strait"]


def test_a_wrong_question_raises_what_is_wrong(server: Client, ada: User, finished: Callable[..., Any]) -> None:
    products.publish(Actor(user=ada), finished(ada).pk, "strait", visibility="public")
    with pytest.raises(StudyError) as caught:
        server.product("strait").ask("score", latitude=99, longitude=11)
    assert [(fault.code, fault.key) for fault in caught.value.faults] == [("live.value", "latitude")]


def test_versions_and_links(server: Client, nobody: Client, ada: User, finished: Callable[..., Any]) -> None:
    for _ in range(2):
        server.publish(finished(ada).pk, as_="strait", visibility="link")
    with pytest.raises(ServerError) as caught:
        nobody.product("strait")
    assert caught.value.status == 404
    link = products.get(Actor(user=ada), "strait").link
    assert nobody.product("strait", link=link).ask("score", **PLACE)
    assert nobody.product("strait", version=1, link=link).facts
    assert server.product("strait").set_default(1).told["version"] == 1
    server.product("strait").delete()
    assert list(server.products()) == []


def test_lists_go_over_all_pages(server: Client, ada: User) -> None:
    for number in range(201):
        Draft.objects.create(owner=ada, kind="outliers", name=f"s-{number}", text="")
    assert len({one["id"] for one in server._all("studies")}) == 201


def test_a_token_that_is_none(live_server: Any) -> None:
    with pytest.raises(ServerError, match="token") as caught:
        Client(live_server.url, "ptm_nothing").product("strait")
    assert (caught.value.status, caught.value.exit_code) == (401, 1)


def test_no_server_and_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(ServerError, match="Is the server running"):
        Client("http://127.0.0.1:9").product("strait")
    with pytest.raises(StudyError, match="https://"):
        Client("file:///etc/passwd")


def test_a_busy_server_is_asked_again(nobody: Client, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    from potomac.server.api import limits

    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    few = settings.CONFIG.limits.model_copy(update={"requests_a_minute": 60})
    settings.CONFIG = settings.CONFIG.model_copy(update={"limits": few})
    limits.buckets.clear()
    for _ in range(60):
        limits.buckets.spend("address 127.0.0.1")
    with pytest.raises(ServerError) as caught:
        nobody.product("strait")
    assert caught.value.status == 429
    assert slept == [1.0, 1.0, 1.0]  # as Retry-After says
    limits.buckets.clear()


def test_a_token_follows_no_redirect() -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    seen: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{http.server_port}/stolen")
            self.end_headers()

        def log_message(self, *given: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        with pytest.raises(ServerError) as caught:
            Client(f"http://127.0.0.1:{http.server_port}", "ptm_secret").product("strait")
        http.shutdown()
    assert caught.value.status == 302
    assert seen == ["/api/v1/products/strait"]
