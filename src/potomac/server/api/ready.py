"""Ready bytes: what visitors read of public products is sent again without being made again.

A view marks a response that depends on nothing but the address and the version that is shown (:func:`mark`). Before
marked bytes are sent again, one short query asks whether the product is still public and still shows the same run:
in whatever process somebody changed that, the next request sees it. Whoever brings a token or a session goes the
long way, and so do private products and those by link.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import resolve

from potomac.server.api import access, limits, problems, results, tables
from potomac.server.api.finish import finished, not_modified
from potomac.server.catalog.models import Product, Visibility
from potomac.server.flows import products
from potomac.server.flows.base import Missing
from potomac.server.live import Shelf, answer
from potomac.studies import registry

__all__ = ["RESERVED", "Ready", "mark", "shelf"]

MOST = 64 * 2**20
"""Bytes kept ready in one process."""

LARGEST = 2**20
"""Larger answers are made anew."""

PRODUCTS = "/api/v1/products/"

_ROW = re.compile(rf"{PRODUCTS}([a-z0-9-]{{1,80}})/tables/([A-Za-z0-9_.-]{{1,200}})/rows/([0-9]{{1,18}})")

RESERVED = ("default", "facts", "link", "report", "tables", "versions")
"""Names below a product that are no live questions."""

shelf = Shelf(lambda: MOST)

Answer = Callable[[HttpRequest], HttpResponse]
Response = TypeVar("Response", bound=HttpResponse)


@dataclass(frozen=True)
class _Kept:
    slug: str
    run: str
    body: bytes
    headers: dict[str, str]
    match: Any  # which address it is, for those who count


def mark(response: Response, product: Product) -> Response:
    """Say that the response depends on nothing but the address and the run that the product shows."""
    if product.visibility == Visibility.PUBLIC and product.default is not None:
        response.ready = (product.slug, product.default.run_id)  # type: ignore[attr-defined]
    return response


class Ready:
    """Middleware: sends ready bytes, and answers the live questions of visitors without detours."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Send what is ready; else let it be made, and keep what is marked."""
        if not _is_visitor(request):
            return self.answer(request)
        if request.method == "POST":
            return _asked(request) or self.answer(request)
        if request.method != "GET":
            return self.answer(request)
        key = request.get_full_path()
        return _sent(request, key) or _row(request) or _keep(request, key, self.answer(request))


def _is_visitor(request: HttpRequest) -> bool:
    meta = request.META
    return "HTTP_AUTHORIZATION" not in meta and settings.SESSION_COOKIE_NAME not in meta.get("HTTP_COOKIE", "")


def _keep(request: HttpRequest, key: str, response: HttpResponse) -> HttpResponse:
    marked = getattr(response, "ready", None)
    if marked and response.status_code == 200 and not response.cookies and len(response.content) <= LARGEST:
        slug, run = marked
        kept = _Kept(slug, run, response.content, dict(response.headers), request.resolver_match)
        shelf.put(key, kept, len(kept.body) + 1000)
    return response


def _sent(request: HttpRequest, key: str) -> HttpResponse | None:
    kept: _Kept | None = shelf.find(key)
    if kept is None:
        return None
    seen = products.glance(kept.slug)
    if seen is None or not seen.is_public or seen.run != kept.run:
        shelf.drop(key)
        return None
    request.resolver_match = kept.match
    try:
        limits.spend(f"address {access.address(request)}")
    except problems.Throttled as error:
        return problems.of(request, error)
    if kept.headers.get("ETag") == request.META.get("HTTP_IF_NONE_MATCH", ""):
        return not_modified(kept.headers)
    return HttpResponse(kept.body, headers=kept.headers)


def _asked(request: HttpRequest) -> HttpResponse | None:
    """The reply to a visitor's live question to a public product; None where the long way has to be gone."""
    slug, _, name = request.path.removeprefix(PRODUCTS).partition("/")
    if not request.path.startswith(PRODUCTS) or not name or "/" in name or name in RESERVED or _is_special(request):
        return None

    def reply(kind: str, directory: str) -> HttpResponse:
        found = answer(directory, registry.engine(kind), name, request.body)
        headers = {"Cache-Control": "no-store"}
        return HttpResponse(tables.as_json(found), content_type="application/json", headers=headers)

    return _shortly(request, slug, _match("a/b"), reply)


def _row(request: HttpRequest) -> HttpResponse | None:
    """One row of a table of a public product; None where the long way has to be gone."""
    found = _ROW.fullmatch(request.path)
    if found is None or request.META.get("QUERY_STRING"):
        return None
    slug, table, number = found.groups()

    def reply(_: str, directory: str) -> HttpResponse:
        return finished(request, results.one_row(directory, table, int(number)))  # type: ignore[return-value]

    return _shortly(request, slug, _match("a/tables/b/rows/0"), reply)


def _shortly(
    request: HttpRequest, slug: str, match: Any, reply: Callable[[str, str], HttpResponse]
) -> HttpResponse | None:
    """What ``reply(kind, directory)`` makes of the run that a public product shows, and nothing but the public ones."""
    seen = products.glance(slug)
    if seen is None or not seen.is_public:
        return None
    request.resolver_match = match
    try:
        limits.spend(f"address {access.address(request)}")
        return reply(*products.place_of(seen.run))
    except Missing:
        return None
    except Exception as error:
        return problems.of(request, error) or problems.broken(request, error)


@cache
def _match(path: str) -> Any:
    """An address of the kind, for those who count."""
    return resolve(f"{PRODUCTS}{path}")


def _is_special(request: HttpRequest) -> bool:
    meta = request.META
    json = meta.get("CONTENT_TYPE") == "application/json"
    return not json or bool(meta.get("QUERY_STRING")) or "HTTP_IDEMPOTENCY_KEY" in meta
