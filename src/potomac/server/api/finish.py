"""What every answer of the interface gets at the end: how long it keeps, for whom it differs, and its ETag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

__all__ = ["finished", "is_known", "not_modified"]


def finished(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response with its headers; 304 where the asker has the bytes."""
    response.headers.setdefault("Cache-Control", "private, no-cache" if request.method == "GET" else "no-store")
    patch_vary_headers(response, ("Authorization", "Cookie"))
    if request.method == "GET" and response.status_code == 200 and isinstance(response, HttpResponse):
        return _tagged(request, response)
    return response


def _tagged(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """A strong ETag of the bytes; 304 where the asker has them."""
    tag = f'"{hashlib.blake2b(response.content, digest_size=16).hexdigest()}"'
    response.headers.setdefault("ETag", tag)
    return not_modified(response.headers) if is_known(request, tag) else response


def is_known(request: HttpRequest, tag: str | None) -> bool:
    """Whether the asker has the bytes of this ETag; weakly compared (RFC 9110, 13.1.2)."""
    held = request.META.get("HTTP_IF_NONE_MATCH", "")
    return bool(held) and tag in [one.strip().removeprefix("W/") for one in held.split(",")]


def not_modified(headers: Mapping[str, str]) -> HttpResponse:
    """Say that the asker has the bytes already."""
    response = HttpResponse(status=304, headers=dict(headers))
    del response.headers["Content-Type"]  # of nothing
    return response
