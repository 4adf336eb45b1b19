"""Lists by pages: limit and offset, the total, and Link headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from pydantic import Field

__all__ = ["LIMIT", "Limit", "Offset", "links", "paged", "set_links"]

LIMIT = 50

Limit = Annotated[int, Field(ge=1, le=200, description="how many, at most")]
Offset = Annotated[int, Field(ge=0, le=1_000_000_000, description="how many to pass over")]


def paged(
    request: HttpRequest,
    response: HttpResponse,
    found: QuerySet[Any],
    limit: int,
    offset: int,
    tell: Callable[[Any], Any],
) -> dict[str, Any]:
    """A page of a list; its neighbours are named in the header Link."""
    total = found.count()
    set_links(request, response, total, limit, offset)
    items = [tell(one) for one in found[offset : offset + limit]]
    return {"items": items, "total": total, "limit": limit, "offset": offset}


def set_links(request: HttpRequest, response: HttpResponse, total: int, limit: int, offset: int) -> None:
    """Name the neighbours of a page."""
    found = ", ".join(f'<{address}>; rel="{name}"' for name, address in links(request, total, limit, offset))
    if found:
        response.headers["Link"] = found


def links(request: HttpRequest, total: int, limit: int, offset: int) -> Iterator[tuple[str, str]]:
    """Names and addresses of the pages before and after, of the first and of the last."""
    if offset > 0:
        yield "first", _address(request, limit, 0)
        yield "prev", _address(request, limit, max(0, min(offset, total) - limit))
    if offset + limit < total:
        yield "next", _address(request, limit, offset + limit)
        yield "last", _address(request, limit, (total - 1) // limit * limit)


def _address(request: HttpRequest, limit: int, offset: int) -> str:
    kept = [(name, values) for name, values in request.GET.lists() if name not in ("limit", "offset")]
    return f"{quote(request.path)}?{urlencode([*kept, ('limit', limit), ('offset', offset)], doseq=True)}"
