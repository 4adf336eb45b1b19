"""Who may do what at which address: every route of the server is in the table below, and is tried by every role.

A route that is added without a line here fails ``test_every_route_is_declared``; a method that a page answers without
being declared fails ``test_other_methods_are_refused``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLResolver, get_resolver, resolve

from potomac.server.accounts.models import Role, User
from potomac.server.catalog.models import Database, Draft, Source
from potomac.server.flows import people, products
from potomac.server.flows.base import Actor

STUDY = (
    'kind = "outliers"\nname = "strait"\n[data]\nsource = "strait.csv"\n'
    'columns.latitude = "lat"\ncolumns.longitude = "lon"\n'
)
PLACE = "latitude=56.5&longitude=11.0&speed=10&heading=0"

# What each role gets: "yes" (the view did its work, or found the input wrong), "in" (led to sign in, or 401),
# "no" (403) or "none" (404). Owner is a publisher who owns the things; the others own nothing.
ROLES = ("nobody", "visitor", "analyst", "publisher", "owner", "administrator")
RULES: Mapping[str, tuple[str, ...]] = {
    "all": ("yes",) * 6,
    "known": ("in", "yes", "yes", "yes", "yes", "yes"),  # whoever has signed in
    "analysts": ("in", "no", "yes", "yes", "yes", "yes"),
    "publishers": ("in", "no", "no", "yes", "yes", "yes"),
    "owner": ("in", "no", "none", "none", "yes", "yes"),  # of a source, study or run
    "private": ("none", "none", "none", "none", "yes", "yes"),  # a product that is nobody else's business
    "change": ("in", "no", "no", "none", "yes", "yes"),  # of such a product
    "nothing": ("none",) * 6,
    "token": ("in", "none", "none", "none", "yes", "yes"),
    "publish": ("in", "no", "no", "none", "yes", "yes"),  # somebody's run
    "local": ("yes",) * 6,  # by address, see test_ops
    "away": ("in", "in", "in", "in", "in", "in"),  # signing out leads to the door or the gallery: see below
}


@dataclass(frozen=True)
class Way:
    """A method at an address."""

    method: str
    path: str
    rule: str
    body: Any = None


def get(path: str, rule: str) -> Way:
    return Way("GET", path, rule)


TABLE = "/tables/scores"
WAYS: Mapping[str, tuple[Way, ...]] = {
    "healthz": (get("/healthz", "all"),),
    "readyz": (get("/readyz", "all"),),
    "metrics": (get("/metrics", "local"),),
    # ---- the door
    "account": (get("/accounts/", "known"),),
    "account-delete": (get("/accounts/delete/", "known"), Way("POST", "/accounts/delete/", "known", {"password": "x"})),
    "sign-in": (get("/accounts/sign-in/", "all"), Way("POST", "/accounts/sign-in/", "all", {"username": "x"})),
    "sign-out": (Way("POST", "/accounts/sign-out/", "all", {}),),
    "password-change": (get("/accounts/password/", "known"), Way("POST", "/accounts/password/", "known", {})),
    "password-reset": (
        get("/accounts/reset/", "all"),
        Way("POST", "/accounts/reset/", "nothing", {"email": "a@b.org"}),
    ),
    "password-reset-sent": (get("/accounts/reset/sent/", "all"),),
    "password-reset-confirm": (
        get("/accounts/reset/MQ/set-password/", "all"),
        Way("POST", "/accounts/reset/MQ/set-password/", "all", {}),
    ),
    "tokens": (get("/accounts/tokens/", "known"), Way("POST", "/accounts/tokens/", "known", {})),
    "token-revoke": (Way("POST", "/accounts/tokens/{token}/revoke/", "token", {}),),
    # ---- pages
    "gallery": (get("/", "all"),),
    "product": (get("/p/{product}/", "private"),),
    "ask": (
        get("/p/{product}/ask/score/?" + PLACE, "private"),
        Way("POST", "/p/{product}/ask/score/", "private", {"latitude": "56.5"}),
    ),
    "product-change": (Way("POST", "/p/{product}/change/", "change", {"act": "settings", "title": "Another"}),),
    "embed": (get("/p/{product}/embed/", "nothing"),),  # a private product goes into no frame
    "product-picture": (get("/p/{product}/picture/", "private"),),
    "product-report": (get("/p/{product}/report/", "private"),),
    "product-table": (get("/p/{product}" + TABLE + "/", "private"),),
    "sources": (get("/sources/", "analysts"), Way("POST", "/sources/", "analysts", {"way": "upload"})),
    "source": (get("/sources/{source}/", "owner"), Way("POST", "/sources/{source}/", "owner", {"act": "delete"})),
    "source-state": (get("/sources/{source}/state/", "owner"),),
    "studies": (get("/studies/", "analysts"),),
    "study-new": (
        get("/studies/new/outliers/", "analysts"),
        Way("POST", "/studies/new/outliers/", "analysts", {"act": "save", "name": "x"}),
    ),
    "study": (get("/studies/{study}/", "owner"), Way("POST", "/studies/{study}/", "owner", {"act": "delete"})),
    "study-file": (get("/studies/{study}/file/", "owner"),),
    "runs": (get("/runs/", "analysts"),),
    "run": (get("/runs/{run}/", "owner"), Way("POST", "/runs/{run}/", "owner", {"act": "cancel"})),
    "run-compare": (get("/runs/compare/?run={run}&run={second}", "owner"),),
    "run-state": (get("/runs/{run}/state/", "owner"),),
    "run-report": (get("/runs/{run}/report/", "owner"),),
    "run-table": (get("/runs/{run}" + TABLE + "/", "owner"),),
    # ---- REST
    "api-openapi": (get("/api/v1/openapi.json", "all"),),
    "api-docs": (get("/api/docs", "all"),),
    "api-docs-style": (get("/api/docs/style.css", "all"),),
    "api-docs-error": (get("/api/docs/errors/data.csv", "all"),),
    "api-list_sources": (get("/api/v1/sources", "analysts"),),
    "api-upload_source": (Way("POST", "/api/v1/sources", "analysts", "upload"),),
    "api-source_from_folder": (
        Way("POST", "/api/v1/sources/from-folder", "analysts", {"folder": "shared", "path": "a.csv"}),
    ),
    "api-source_from_database": (
        Way("POST", "/api/v1/sources/from-database", "analysts", {"database": "db", "name": "a", "query": "SELECT 1"}),
    ),
    "api-get_source": (get("/api/v1/sources/{source}", "owner"),),
    "api-delete_source": (Way("DELETE", "/api/v1/sources/{source}", "owner"),),
    "api-list_kinds": (get("/api/v1/studies/kinds", "all"),),
    "api-get_schema": (get("/api/v1/studies/kinds/outliers/schema", "all"),),
    "api-check_study": (Way("POST", "/api/v1/studies/check", "analysts", {"text": STUDY}),),
    "api-list_studies": (get("/api/v1/studies", "analysts"),),
    "api-save_study": (Way("POST", "/api/v1/studies", "analysts", {"kind": "outliers", "text": STUDY}),),
    "api-get_study": (get("/api/v1/studies/{study}", "owner"),),
    "api-change_study": (Way("PUT", "/api/v1/studies/{study}", "owner", {"kind": "outliers", "text": STUDY}),),
    "api-delete_study": (Way("DELETE", "/api/v1/studies/{study}", "owner"),),
    "api-list_runs": (get("/api/v1/runs", "analysts"),),
    "api-submit_run": (Way("POST", "/api/v1/runs", "analysts", {"text": STUDY}),),
    "api-get_run": (get("/api/v1/runs/{run}", "owner"),),
    "api-delete_run": (Way("DELETE", "/api/v1/runs/{second}", "owner"),),
    "api-cancel_run": (Way("POST", "/api/v1/runs/{run}/cancel", "owner", {}),),
    "api-retry_run": (Way("POST", "/api/v1/runs/{run}/retry", "owner", {}),),
    "api-get_run_facts": (get("/api/v1/runs/{run}/facts", "owner"),),
    "api-get_report": (get("/api/v1/runs/{run}/report", "owner"),),
    "api-list_files": (get("/api/v1/runs/{run}/files", "owner"),),
    "api-get_file": (get("/api/v1/runs/{run}/files/run.json", "owner"),),
    "api-list_run_tables": (get("/api/v1/runs/{run}/tables", "owner"),),
    "api-get_run_rows": (get("/api/v1/runs/{run}" + TABLE, "owner"),),
    "api-get_run_row": (get("/api/v1/runs/{run}" + TABLE + "/rows/0", "owner"),),
    "api-download_run_table": (get("/api/v1/runs/{run}" + TABLE + "/download/csv", "owner"),),
    "api-list_products": (get("/api/v1/products", "all"),),
    "api-publish": (Way("POST", "/api/v1/products", "publish", {"run": "{second}", "slug": "another"}),),
    "api-get_product": (get("/api/v1/products/{product}", "private"),),
    "api-change_product": (Way("PATCH", "/api/v1/products/{product}", "change", {"title": "Another"}),),
    "api-delete_product": (Way("DELETE", "/api/v1/products/{product}", "change"),),
    "api-set_default": (Way("PUT", "/api/v1/products/{product}/default", "change", {"number": 1}),),
    "api-new_link": (Way("POST", "/api/v1/products/{product}/link", "change", {}),),
    "api-list_versions": (get("/api/v1/products/{product}/versions", "private"),),
    "api-get_version": (get("/api/v1/products/{product}/versions/1", "private"),),
    "api-get_facts": (get("/api/v1/products/{product}/facts", "private"),),
    "api-get_product_report": (get("/api/v1/products/{product}/report", "private"),),
    "api-list_tables": (get("/api/v1/products/{product}/tables", "private"),),
    "api-get_rows": (get("/api/v1/products/{product}" + TABLE, "private"),),
    "api-get_row": (get("/api/v1/products/{product}" + TABLE + "/rows/0", "private"),),
    "api-download_table": (get("/api/v1/products/{product}" + TABLE + "/download/csv", "private"),),
    "api-ask": (Way("POST", "/api/v1/products/{product}/score", "private", {"latitude": 56.5}),),
    "api-ask_by_address": (get("/api/v1/products/{product}/score?" + PLACE, "private"),),
    "^api(?:/|$)": (get("/api/nothing", "nothing"),),
}

ELSEWHERE = "admin/"
"""Django's admin has tests of its own below: it is administrators' alone, whatever the address."""


def routes(patterns: Any = None, before: str = "") -> Iterator[tuple[str, str]]:
    """All addresses of the server, the admin's left out, by name (or pattern where they have none) and pattern."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        here = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, here)
        elif not here.startswith(ELSEWHERE):
            yield one.name or here, here


def test_every_route_is_declared() -> None:
    assert sorted({name for name, _ in routes()}) == sorted(WAYS)


@pytest.fixture
def things(person: Callable[..., User], finished: Callable[..., Any]) -> dict[str, Any]:
    """What the owner has, as parts of addresses."""
    owner = person("owner", role=Role.PUBLISHER)
    Database.objects.create(name="db", url="sqlite:///nowhere.sqlite3")
    source = Source.objects.create(owner=owner, name="strait.csv", kind="upload", state="ready", rows=1)
    draft = Draft.objects.create(owner=owner, kind="outliers", name="strait", text=STUDY)
    run, second = finished(owner), finished(owner)
    products.publish(Actor(user=owner), run.pk, "strait")
    token, _ = people.new_token(Actor(user=owner), "notebook", ["read"])
    return {
        "source": source.pk, "study": draft.pk, "run": run.pk, "second": second.pk, "product": "strait",
        "token": token.pk, "person": owner.pk,
    }  # fmt: skip


def visitor(role: str, person: Callable[..., User], path: str) -> tuple[Client, dict[str, str]]:
    """A browser, or a program with all the scopes that its person may have."""
    if role == "nobody":
        return Client(), {}
    user = User.objects.filter(username=role).first() or person(role, role=role)
    if path.startswith("/api/"):
        return Client(), {
            "Authorization": f"Bearer {people.new_token(Actor(user=user), 't', people.scopes_of(user))[1]}"
        }
    client = Client()
    client.force_login(user)
    return client, {}


def send(client: Client, way: Way, things: Mapping[str, Any], headers: dict[str, str]) -> HttpResponseBase:
    path, body = way.path.format(**things), way.body
    if body == "upload":
        file = SimpleUploadedFile("a.csv", b"lat,lon\n1,2\n")
        return client.post(path, {"file": file}, headers=headers)
    if path.startswith("/api/") and body is not None:
        text = json.dumps(body).replace("{second}", str(things["second"]))
        return client.generic(way.method, path, text, "application/json", headers=headers)
    if way.method == "POST":
        return client.post(path, body, headers=headers)
    return client.generic(way.method, path, headers=headers)


def outcome(response: HttpResponseBase) -> str:
    """One of the words of the rules."""
    leads_in = response.status_code == 302 and response.headers["Location"].startswith("/accounts/sign-in/")
    if response.status_code == 401 or leads_in:
        return "in"
    if response.streaming:
        list(response)  # to its end, where the file is closed
    words = {403: "no", 404: "none"}
    assert response.status_code < 500 or (response.status_code == 503 and b"checks" in response.content)
    return words.get(response.status_code, "yes")


# A source of a folder or database that does not exist is a wrong input, told to analysts as a missing thing.
MISSING = ("api-source_from_folder", "study-new")


@pytest.mark.parametrize("name", sorted(WAYS))
def test_each_role_gets_what_the_table_says(
    name: str, things: dict[str, Any], person: Callable[..., User], settings: Any
) -> None:
    for way in WAYS[name]:
        assert (name, resolve(way.path.split("?")[0].format(**things)).route) in set(routes())
        for role, expected in zip(ROLES, RULES[way.rule], strict=True):
            with transaction.atomic():
                client, headers = visitor(role, person, way.path)
                got = outcome(send(client, way, things, headers))
                transaction.set_rollback(True)
            if expected == "yes" and name in MISSING and got == "none":
                got = "yes"
            assert got == expected, f"{way.method} {way.path} as {role}"


@pytest.mark.parametrize("name", sorted(name for name in WAYS if not name.startswith(("api-", "^"))))
def test_other_methods_are_refused(name: str, things: dict[str, Any]) -> None:
    """By whoever may do most; what a page answers is declared above."""
    declared = {way.method for way in WAYS[name]}
    client = Client()
    client.force_login(User.objects.get(username="owner"))
    path = WAYS[name][0].path.format(**things)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - declared:
        status = client.generic(method, path).status_code
        assert status in (404, 405), f"{method} {path}: {status}"


def test_operations_of_the_api_are_those_of_the_table() -> None:
    """The method that the table declares for a name is the one that the description has."""
    from potomac.server.api.urls import description

    found = {
        (f"api-{operation['operationId']}", method.upper())
        for path in description()["paths"].values()
        for method, operation in path.items()
        if isinstance(operation, dict) and "operationId" in operation and "{slug}/" not in operation["operationId"]
    }
    declared = {(name, way.method) for name, ways in WAYS.items() for way in ways}
    generic = {pair for pair in found if pair[0] not in WAYS}  # one for each live question of each product
    assert found - generic <= declared


# ---- Django's admin -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_the_admin_is_administrators_alone(role: str, things: dict[str, Any], person: Callable[..., User]) -> None:
    client, _ = visitor(role, person, "/admin/")
    expected = {"nobody": "in", "administrator": "yes"}.get(role, "none")
    models = [model._meta for model in admin.site._registry]
    assert {"user", "token", "entry"} <= {about.model_name for about in models}
    paths = ["/admin/", "/admin/login/", "/admin/password_change/", f"/admin/accounts/user/{things['person']}/change/"]
    paths += [f"/admin/accounts/user/{things['person']}/password/", f"/admin/accounts/token/{things['token']}/change/"]
    paths += [f"/admin/{about.app_label}/{about.model_name}/" for about in models]
    for path in paths:
        response = client.get(path)
        if role == "administrator" and path == "/admin/login/":
            continue  # leads on to the index
        if path == "/admin/password_change/" and role == "administrator":
            assert response.headers["Location"] == "/accounts/password/"
            continue
        got = outcome(client.get(response.headers["Location"])) if follows(response) else outcome(response)
        assert got == expected, path


def follows(response: HttpResponseBase) -> bool:
    """Whether it leads to the admin's own door, which leads on."""
    return response.status_code == 302 and response.headers["Location"].startswith("/admin/")
