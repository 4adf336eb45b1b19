"""The addresses of the interface: /api/v1/..., its description, and a page that explains it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt

from potomac.server.api import docs, problems
from potomac.server.api.finish import finished
from potomac.server.api.interface import api, description
from potomac.server.api.once import once
from potomac.server.api.tables import as_json

__all__ = ["urlpatterns"]

View = Callable[..., HttpResponseBase]


def guarded(view: View) -> View:
    """Idempotency keys, HEAD, ETags, and problems in the place of bare errors."""

    @wraps(view)
    def answer(request: HttpRequest, *given: Any, **named: Any) -> HttpResponseBase:
        if request.method == "HEAD":  # whose answer loses its body where it leaves the server
            request.method = "GET"
        try:
            found = once(request, lambda: view(request, *given, **named))
        except Exception as error:  # as a body that cannot be read
            found = problems.of(request, error) or problems.broken(request, error)
        if found.status_code == 405:
            allow = ", ".join(sorted(found.headers.get("Allow", "").split(", ")))
            found = problems.problem(request, 405, f"Here go {allow}", headers={"Allow": allow})
        return finished(request, found)

    answer.csrf_exempt = True  # type: ignore[attr-defined]  # access.py asks for the token where there is a session
    return answer


@cache
def _description_bytes() -> bytes:
    return as_json(description())


def openapi(request: HttpRequest) -> HttpResponseBase:
    """The description."""
    return HttpResponse(_description_bytes(), content_type="application/json")


@csrf_exempt
def missing(request: HttpRequest) -> HttpResponse:
    """There is nothing at this address."""
    return problems.problem(request, 404, "There is nothing at this address; /api/docs lists what there is")


def _patterns() -> list[URLPattern]:
    found = [one for one in api.urls[0] if isinstance(one, URLPattern) and one.name != "api-root"]
    return [path(f"api/v1/{one.pattern}", guarded(one.callback), name=f"api-{one.name}") for one in found]


urlpatterns: list[URLPattern] = [
    path("api/v1/openapi.json", guarded(openapi), name="api-openapi"),
    path("api/docs", docs.page, name="api-docs"),
    path("api/docs/style.css", docs.style, name="api-docs-style"),
    path("api/docs/errors/<str:code>", docs.error, name="api-docs-error"),
    *_patterns(),
    re_path(r"^api(?:/|$)", missing),
]
