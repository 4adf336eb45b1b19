"""What every request passes: observation, and headers that keep a page to itself."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from potomac.server.ops import metrics
from potomac.server.ops.logs import request_id

__all__ = ["POLICY", "Headers", "Observed"]

Answer = Callable[[HttpRequest], HttpResponse]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_REFUSED = (
    *("accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "encrypted-media", "geolocation"),
    *("gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi", "payment", "serial", "usb"),
)
PERMISSIONS = ", ".join([*(f"{name}=()" for name in _REFUSED), "fullscreen=(self)"])

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = logging.getLogger("potomac.request")


class Headers:
    """Content-Security-Policy and its like; a view that needs another policy sets its own."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and add what is missing."""
        response = self.answer(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if response.headers.get("Content-Type", "").startswith("text/html"):  # a page may be somebody's own
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response


class Observed:
    """Gives each request an id and the visitor's true address, counts it, and writes a line about it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and tell how long it took."""
        begun = time.perf_counter()
        head = request.method == "HEAD"  # asked now: the interface goes on with it as with GET
        request.id = _id(request)  # type: ignore[attr-defined]
        request.META["REMOTE_ADDR"] = _address(request)
        mark = request_id.set(request.id)  # type: ignore[attr-defined]
        try:
            response = self.answer(request)
            self._tell(request, response, time.perf_counter() - begun)
        finally:
            request_id.reset(mark)
        response.headers["X-Request-Id"] = request.id  # type: ignore[attr-defined]
        if response.status_code not in (204, 304):
            _measure(response)
        return _bodiless(response) if head else response

    def _tell(self, request: HttpRequest, response: HttpResponse, took: float) -> None:
        route, method = _route(request), request.method or ""
        metrics.count(route, method, response.status_code, took)
        level = logging.DEBUG if route in ("static", "healthz", "readyz", "metrics") else logging.INFO
        if _log.isEnabledFor(level):
            more = {"ms": round(1000 * took, 1), "route": route, "from": request.META["REMOTE_ADDR"]}
            _log.log(level, "%s %s %s", method, request.path, response.status_code, extra=more)


def _bodiless(response: HttpResponse) -> HttpResponse:
    """The response to HEAD: the headers of the whole, and not a byte of it (RFC 9110, 9.3.2)."""
    if response.streaming:
        response.streaming_content = ()  # type: ignore[attr-defined]  # what was open is closed with the response
    else:
        response.content = b""
    return response


def _measure(response: HttpResponse) -> None:
    """Say how long the body is, which otherwise goes in chunks."""
    if not response.streaming:
        response.headers.setdefault("Content-Length", str(len(response.content)))


def _id(request: HttpRequest) -> str:
    """A new id, or the one that a trusted proxy has given."""
    given = str(request.META.get("HTTP_X_REQUEST_ID", "")) if settings.CONFIG.proxies else ""
    return given if _ID.fullmatch(given) else secrets.token_hex(8)


def _address(request: HttpRequest) -> str:
    """Where the request comes from; behind trusted proxies what the outermost of them saw. Empty: not known."""
    found, proxies = str(request.META.get("REMOTE_ADDR", "")), settings.CONFIG.proxies
    passed = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if proxies and len(passed) >= proxies:
        found = passed[-proxies]
    try:
        return str(ip_address(found))
    except ValueError:
        return ""


def _route(request: HttpRequest) -> str:
    """The name of the address; what has none is counted together."""
    match = request.resolver_match
    if match is not None:
        return match.view_name or "unnamed"
    return "static" if request.path.startswith("/static/") else "none"
