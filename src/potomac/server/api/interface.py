"""All operations as one interface, and its description."""

from __future__ import annotations

from functools import cache
from typing import Any

from ninja import NinjaAPI

from potomac import __version__
from potomac.server.api import problems, products, runs, sources, studies
from potomac.server.api.described import Described

__all__ = ["api", "description"]

api = NinjaAPI(
    title="Potomac",
    version="1",
    description="Sources, studies, runs and products, and the live questions that products answer. Errors are problem "
    "details (RFC 9457). Programs send `Authorization: Bearer <token>`; what is public needs none.",
    openapi_url=None,
    docs_url=None,
    urls_namespace="api",
)
problems.install(api)
for part in (sources, studies, runs, products):
    api.add_router("", part.router)


@cache
def description() -> dict[str, Any]:
    """The description of the whole interface (OpenAPI 3.1)."""
    told = Described(api, "api/v1")
    told["info"]["x-potomac"] = __version__
    return dict(told)
