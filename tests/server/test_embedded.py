"""A product mounted in somebody's own WSGI application."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest
from django.test import Client

from potomac.errors import StudyError
from potomac.server import embedded
from potomac.server.accounts.models import User
from potomac.server.flows import people, products
from potomac.server.flows.base import Actor

PLACE = {"latitude": 56.5, "longitude": 11.0, "speed": 10.0, "heading": 0.0}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(person: Callable[..., User]) -> User:
    return person("ada", role="publisher")


@pytest.fixture
def strait(ada: User, finished: Callable[..., Any]) -> str:
    products.publish(Actor(user=ada), finished(ada).pk, "strait")
    return "strait"


@pytest.fixture(params=["home", "server"])
def mounted(request: pytest.FixtureRequest, strait: str, ada: User, home: Path, live_server: Any) -> Callable[..., Any]:
    """The product in an application around it, from the home and from a server: both must answer alike."""
    token = people.new_token(Actor(user=ada), "mount", ["read", "ask"])[1]

    def make(**more: Any) -> Any:
        if request.param == "server":
            return embedded.product(live_server.url, strait, token=token, **more)
        return embedded.product(home, strait, **more)

    return make


def call(app: Any, method: str, path: str, body: Any = None, prefix: str = "/sea", **environ: Any) -> Any:
    """Ask a WSGI application under a prefix, with the checks of wsgiref around it."""
    from werkzeug.test import Client as Caller

    path, _, query = path.partition("?")
    sent = {"json": body} if body is not None else {}
    return Caller(validator(app)).open(
        path or "/", base_url=f"http://localhost{prefix}", query_string=query, method=method, environ_overrides=environ,
        buffered=True, **sent,
    )  # fmt: skip


def test_its_page_names_the_finding_and_its_prefix(mounted: Callable[..., Any]) -> None:
    page = call(mounted(), "GET", "/")
    assert page.status_code == 200
    assert "<h1>Which vessels are out of place?</h1>" in page.text
    assert '<iframe src="/sea/report"' in page.text
    assert "/sea/score?latitude=" in page.text
    report = call(mounted(), "GET", "/report")
    assert report.text.startswith("<!doctype html>")
    assert "sandbox" in report.headers["Content-Security-Policy"]


def test_it_is_asked_and_read(mounted: Callable[..., Any]) -> None:
    app = mounted()
    reply = call(app, "POST", "/score", PLACE)
    assert reply.status_code == 200, reply.text
    assert reply.json["outlier_score"] == -reply.json["log_odds"]
    assert call(app, "GET", "/score?latitude=56.5&longitude=11&speed=10&heading=0").json == reply.json
    assert call(app, "GET", "/tables/scores?limit=2").json["total"] == 400
    assert call(app, "GET", "/tables/scores/rows/3").json["row"]["row"] == 3
    facts = call(app, "GET", "/facts")
    again = call(app, "GET", "/facts", HTTP_IF_NONE_MATCH=facts.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    assert call(app, "GET", "/tables/scores/download/parquet").data[:4] == b"PAR1"
    wrong = call(app, "POST", "/score", {"latitude": 99})
    assert wrong.status_code == 422
    assert wrong.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    ["/link", "/default", "/versions", "/../strait", "/tables/scores/../../link", "/https://example.org", "/a//b"],
)
def test_nothing_else_is_reachable(mounted: Callable[..., Any], path: str) -> None:
    for method in ("GET", "POST"):
        assert call(mounted(), method, path).status_code == 404


def test_it_cannot_be_changed(mounted: Callable[..., Any]) -> None:
    for method in ("DELETE", "PATCH", "PUT"):
        for path in ("/", "/facts", "/score"):
            assert call(mounted(), method, path).status_code == 405
    assert products.Product.objects.filter(slug="strait").exists()


def test_who_may_is_said_by_the_application_around(mounted: Callable[..., Any]) -> None:
    app = mounted(sign_in=lambda environ: environ.get("REMOTE_USER", "") == "ben")
    for path in ("/", "/report", "/facts", "/score?latitude=56&longitude=11"):
        assert call(app, "GET", path).status_code == 401
        assert call(app, "GET", path, REMOTE_USER="eve").status_code == 401
        assert call(app, "GET", path, REMOTE_USER="ben").status_code == 200


def test_no_request_from_outside_names_its_actor(strait: str) -> None:
    """What a header can set begins with HTTP_."""
    answer = Client().get("/api/v1/products/strait", headers={"potomac.actor": "ada", "Potomac-Actor": "ada"})
    assert answer.status_code == 404


def test_a_server_that_does_not_answer_is_a_problem() -> None:
    app = embedded.product("http://127.0.0.1:9", "strait")
    assert call(app, "GET", "/facts").status_code == 502


def test_what_cannot_be_mounted_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="small letters"):
        embedded.product("http://127.0.0.1:9", "../admin")
    with pytest.raises(StudyError, match="no such home"):
        embedded.product(tmp_path / "nothing", "strait")


def test_beside_an_application_of_ones_own(mounted: Callable[..., Any]) -> None:
    """Ten lines, as the guide has them; werkzeug's dispatcher is Flask's."""
    flask = pytest.importorskip("flask")
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    app = flask.Flask("shop")

    @app.get("/")
    def shop() -> str:
        return "the shop"

    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/sea": mounted()})
    assert app.test_client().get("/").text == "the shop"
    assert json.loads(app.test_client().post("/sea/score", json=PLACE).data)["evidence"]
