"""What every request passes: observation, and headers that keep a page to itself."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

__all__ = ["Headers", "Observed"]

Answer = Callable[[HttpRequest], HttpResponse]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_log = logging.getLogger("potomac.request")


class Headers:
    """Content-Security-Policy and its like; a view that needs another policy sets its own."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and add what is missing."""
        response = self.answer(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class Observed:
    """Gives each request an id, and writes a line about it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and tell how long it took."""
        begun = time.perf_counter()
        request.id = secrets.token_hex(8)  # type: ignore[attr-defined]
        response = self.answer(request)
        took = round(1000 * (time.perf_counter() - begun), 1)
        response.headers["X-Request-Id"] = request.id  # type: ignore[attr-defined]
        _log.info(
            "%s %s %s", request.method, request.path, response.status_code,
            extra={"ms": took, "id": request.id},  # type: ignore[attr-defined]
        )  # fmt: skip
        return response
