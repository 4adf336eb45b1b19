"""The description of the interface: complete, and true of the running server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from potomac.server.accounts.models import User
from potomac.server.api.interface import api, description
from potomac.server.catalog.models import Draft
from potomac.server.flows import people, products
from potomac.server.flows.base import Actor
from potomac.studies import registry

from .fresh import ELSEWHERE


def test_every_address_is_described() -> None:
    told = description()["paths"]
    for bound in api._get_bound_routers():
        for path, view in bound.path_operations.items():
            for operation in view.operations:
                if operation.include_in_schema:
                    plain = path.replace("{path:path}", "{path}")
                    assert set(map(str.lower, operation.methods)) <= told[f"/api/v1{plain}"].keys()


def test_every_live_question_is_a_typed_operation_with_its_example() -> None:
    told = description()
    for engine in registry.engines().values():
        for endpoint in engine.endpoints:
            operation = told["paths"][f"/api/v1/products/{{slug}}/{endpoint.name}"]["post"]
            content = operation["requestBody"]["content"]["application/json"]
            assert content["examples"][engine.kind]["value"] == dict(endpoint.example)
            assert "schema" in operation["responses"]["200"]["content"]["application/json"]


def test_every_reference_leads_somewhere_and_every_error_is_a_problem() -> None:
    told = description()
    text = json.dumps(told)
    schemas = told["components"]["schemas"]
    for reference in {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}:
        assert reference in schemas
    for methods in told["paths"].values():
        for operation in methods.values():
            assert {"400", "401", "403", "404", "422", "429", "500"} <= operation["responses"].keys()
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert "application/problem+json" in answer["content"]


def test_operations_have_names_of_their_own() -> None:
    names = [one["operationId"] for methods in description()["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))


@pytest.mark.django_db
def test_the_page_needs_no_script_and_no_network() -> None:
    page = Client().get("/api/docs")
    text = page.content.decode()
    assert page.status_code == 200
    assert "<script" not in text
    assert " style=" not in text
    assert 'id="ask_score"' in text
    assert "-d &#x27;{&quot;latitude&quot;: 57.0" in text
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert Client().get("/api/docs/style.css")["Content-Type"].startswith("text/css")
    assert Client().get("/api/docs", headers={"If-None-Match": page["ETag"]}).status_code == 304


@pytest.mark.django_db
def test_an_error_has_a_page() -> None:
    page = Client().get("/api/docs/errors/data.column-missing")
    assert "The study names a column that the source does not have" in page.content.decode()
    unknown = Client().get("/api/docs/errors/<script>alert(1)<")
    assert unknown.status_code == 404
    assert "<script>" not in unknown.content.decode()


CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "401", "403", "404", "409", "413", "422", "429"]

[checks.negative_data_rejection]
expected-statuses = ["4xx"]
"""
"""A study that fits the description may still be wrong, and what it names need not be there."""

THERE = """
[[operations]]
include-path-regex = "/products/"
parameters = {{ slug = "strait", table = "scores" }}

[[operations]]
include-path-regex = "/runs/"
parameters = {{ id = "{run}", table = "scores" }}

[[operations]]
include-path-regex = "/studies/"
parameters = {{ id = "{study}" }}
"""

EVERYTHING = ("--mode", "all", *(("--phases", "examples,fuzzing,stateful") if ELSEWHERE else ()))
"""The long phase, coverage, tries each bound of the description: what it sends is refused before a database hears of
it, so that it is gone through on one of them, SQLite."""
WHAT_IS_THERE = ("--mode", "positive", "--phases", "fuzzing", "--include-method", "GET", "--include-path-regex", "[{]")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", [EVERYTHING, WHAT_IS_THERE], ids=["everything", "what is there"])
def test_the_server_is_as_described(
    how: tuple[str, ...],
    person: Callable[..., User],
    finished: Callable[..., Any],
    live_server: Any,
    settings: Any,
    tmp_path: Path,
) -> None:
    """schemathesis sends what the description allows and what it forbids, with all its checks."""
    many = settings.CONFIG.limits.model_copy(update={"requests_a_minute": 10**9, "waiting": 10**6})
    settings.CONFIG = settings.CONFIG.model_copy(update={"limits": many})
    ada = person("ada", role="publisher")
    shown = products.publish(Actor(user=ada), finished(ada).pk, "strait", visibility="public")
    study = Draft.objects.create(owner=ada, kind="outliers", name="strait", text="")
    token = people.new_token(Actor(user=ada), "schemathesis", ["read", "ask", "write", "publish"])[1]
    file = tmp_path / "schemathesis.toml"
    there = THERE.format(run=shown.run_id, study=study.pk) if how == WHAT_IS_THERE else ""
    file.write_text(CONFIG + there)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(file), "run"),
        *(f"{live_server.url}/api/v1/openapi.json", "-H", f"Authorization: Bearer {token}", "--checks", "all"),
        *("--max-examples", "4", "--seed", "7", "--generation-database", "none", "--no-color", *how),
        "--continue-on-failure",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, "\n".join(line[:500] for line in done.stdout.splitlines())
    assert "Tested: 0" not in done.stdout
