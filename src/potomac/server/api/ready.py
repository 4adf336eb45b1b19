"""Ready bytes: what visitors read of public products is sent again without being made again.

A view marks a response that depends on nothing but the address and the version that is shown (:func:`mark`), or on
what a product's page shows a visitor (:func:`mark_page`). Before marked bytes are sent again, one short query asks
whether the product is still public and all of that still as it was: in whatever process somebody changed it, the next
request sees it. Whoever brings a token, a session or a message goes the long way, and so do private products and
those by link.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.urls import resolve, reverse
from django.utils.cache import patch_vary_headers

from potomac.server.api import access, limits, problems, results, tables
from potomac.server.api.finish import finished, is_known, not_modified
from potomac.server.catalog.models import Product, Visibility
from potomac.server.flows import products
from potomac.server.flows.base import Missing
from potomac.server.live import Shelf, answer
from potomac.studies import registry

__all__ = ["RESERVED", "Ready", "mark", "mark_page", "shelf", "warm"]

MOST = 64 * 2**20
"""Bytes kept ready in one process."""

LARGEST = 4 * 2**20
"""Larger answers are made anew."""

PAGES = 12
"""Pages of products that a process draws before anybody asks."""

PRODUCTS = "/api/v1/products/"

_ROW = re.compile(rf"{PRODUCTS}([a-z0-9-]{{1,80}})/tables/([A-Za-z0-9_.-]{{1,200}})/rows/([0-9]{{1,18}})")

RESERVED = ("default", "facts", "link", "report", "tables", "versions")
"""Names below a product that are no live questions."""

shelf = Shelf(lambda: MOST)

Answer = Callable[[HttpRequest], HttpResponse]
Response = TypeVar("Response", bound=HttpResponse)


@dataclass(frozen=True)
class _Basis:
    """What a response depends on: what ``look(slug)`` finds, fresh at each request."""

    look: Callable[[str], Any]
    slug: str
    seen: Any
    limited: bool  # whether requests for it are counted

    def stands(self) -> bool:
        """Whether it is still as it was."""
        return bool(self.look(self.slug) == self.seen)


@dataclass(frozen=True)
class _Kept:
    basis: _Basis
    body: bytes
    headers: dict[str, str]
    match: Any  # which address it is, for those who count


def mark(response: Response, product: Product) -> Response:
    """Say that the response depends on nothing but the address and the run that the product shows."""
    if product.visibility == Visibility.PUBLIC and product.default is not None:
        seen = products.Glance(Visibility.PUBLIC.value, product.default.run_id)
        response.ready = _Basis(products.glance, product.slug, seen, limited=True)  # type: ignore[attr-defined]
    return response


def mark_page(response: Response, slug: str, seen: products.Look) -> Response:
    """Say that the response is the page of a public product, which depends on ``seen``.

    That was looked up before the page was drawn: where somebody changed the product in between, the page is younger
    than what it is said to depend on, and is not sent again.
    """
    response.headers["ETag"] = f'"{blake2b(response.content, digest_size=16).hexdigest()}"'
    response.headers["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ("Cookie",))
    response.ready = _Basis(products.look, slug, seen, limited=False)  # type: ignore[attr-defined]
    return response


class Ready:
    """Middleware: sends ready bytes, and answers the live questions of visitors without detours."""

    newest: Ready | None = None
    """The one of the application that was made last in this process."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        Ready.newest = self

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Send what is ready; else let it be made, and keep what is marked."""
        if not _is_visitor(request):
            return self.answer(request)
        if request.method == "POST":
            return _asked(request) or self.answer(request)
        if request.method not in ("GET", "HEAD"):  # whose answer loses its body where it leaves the server
            return self.answer(request)
        key = request.get_full_path()
        return _sent(request, key) or _row(request) or _keep(request, key, self.answer(request))


def _is_visitor(request: HttpRequest) -> bool:
    """Whether nothing is known of who comes, and nothing waits to be said to them."""
    cookies = request.META.get("HTTP_COOKIE", "")
    known = settings.SESSION_COOKIE_NAME in cookies or f"{CookieStorage.cookie_name}=" in cookies
    return not known and "HTTP_AUTHORIZATION" not in request.META


def _keep(request: HttpRequest, key: str, response: HttpResponse) -> HttpResponse:
    basis: _Basis | None = getattr(response, "ready", None)
    if basis is None or response.status_code != 200 or response.cookies:
        return response
    headers = dict(response.headers)
    if len(response.content) <= LARGEST:
        kept = _Kept(basis, response.content, headers, request.resolver_match)
        shelf.put(key, kept, len(kept.body) + 1000)
    return not_modified(headers) if is_known(request, headers.get("ETag")) else response


def _sent(request: HttpRequest, key: str) -> HttpResponse | None:
    kept: _Kept | None = shelf.find(key)
    if kept is None:
        return None
    if not kept.basis.stands():
        shelf.drop(key)
        return None
    request.get_host()  # raises where it is not this server's, as on the long way
    request.resolver_match = kept.match
    try:
        if kept.basis.limited:
            limits.spend(f"address {access.address(request)}")
    except problems.Throttled as error:
        return problems.of(request, error)
    if is_known(request, kept.headers.get("ETag")):
        return not_modified(kept.headers)
    return HttpResponse(kept.body, headers=kept.headers)


# ---- before anybody asks --------------------------------------------------------------------------------------------


def warm(most: int = PAGES) -> int:
    """Draw the pages of the ``most`` public products that were changed last, within half of what is kept; how many.

    They are drawn as for a visitor who comes to this process, whom nobody counts.
    """
    visit, drawn = Ready.newest, 0
    if visit is None:
        return 0
    for slug in products.newest(most):
        if 2 * shelf.size > MOST:
            break
        drawn += visit(_request(reverse("product", args=[slug]))).status_code == 200
    return drawn


def _request(path: str) -> HttpRequest:
    """A visitor's request for a page."""
    own = urlsplit(settings.CONFIG.public_url)
    named = {"HTTP_HOST": own.netloc, "SERVER_NAME": own.hostname or "", "SERVER_PORT": str(own.port or 443)}
    sent = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.url_scheme": own.scheme, "wsgi.input": io.BytesIO()}
    return WSGIRequest(named | sent)


# ---- short ways -----------------------------------------------------------------------------------------------------


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
    if found is None or request.META.get("QUERY_STRING") or request.method != "GET":
        return None
    slug, table, number = found.groups()

    def reply(_: str, directory: str) -> HttpResponse:
        return finished(request, results.one_row(directory, table, int(number)))  # type: ignore[return-value]

    return _shortly(request, slug, _match("a/tables/b/rows/0"), reply)


def _shortly(
    request: HttpRequest, slug: str, match: Any, reply: Callable[[str, str], HttpResponse]
) -> HttpResponse | None:
    """What ``reply(kind, directory)`` makes of the run that a public product shows.

    Of other products a visitor without a link sees nothing; the owner of a product that is mounted in this process
    goes the long way (None).
    """
    seen = products.glance(slug)
    is_public = seen is not None and seen.is_public
    if not is_public and "potomac.actor" in request.META:
        return None
    request.get_host()
    request.resolver_match = match
    try:
        limits.spend(f"address {access.address(request)}")
        if seen is None or not is_public:
            raise Missing
        return reply(*products.place_of(seen.run))
    except Exception as error:
        return finished(request, problems.of(request, error) or problems.broken(request, error))  # type: ignore[return-value]


@cache
def _match(path: str) -> Any:
    """An address of the kind, for those who count."""
    return resolve(f"{PRODUCTS}{path}")


def _is_special(request: HttpRequest) -> bool:
    meta = request.META
    json = meta.get("CONTENT_TYPE") == "application/json"
    return not json or bool(meta.get("QUERY_STRING")) or "HTTP_IDEMPOTENCY_KEY" in meta
