"""What every answer of the interface gets at the end: how long it keeps, for whom it differs, and its ETag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

__all__ = ["finished", "not_modified"]


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
    if tag not in [one.strip().removeprefix("W/") for one in request.META.get("HTTP_IF_NONE_MATCH", "").split(",")]:
        return response
    return not_modified(response.headers)


def not_modified(headers: Mapping[str, str]) -> HttpResponse:
    """Say that the asker has the bytes already."""
    response = HttpResponse(status=304, headers=dict(headers))
    del response.headers["Content-Type"]  # of nothing
    return response
