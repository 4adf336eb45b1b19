"""Errors as problem details (RFC 9457)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.errors import ValidationError as Invalid
from pydantic import BaseModel, Field

from potomac.errors import Fault, PotomacError
from potomac.server.flows.base import Conflict, Denied, Missing, TooMuch

__all__ = ["CONTENT_TYPE", "FaultOut", "Problem", "Throttled", "install", "of", "problem"]

CONTENT_TYPE = "application/problem+json"

WAIT = 60
"""Seconds after which to try again, where a limit does not say."""

_log = logging.getLogger("potomac.api")


class FaultOut(BaseModel):
    """One thing that is wrong: what was found, what was expected, how to mend it, and where."""

    code: str = Field(description="stable name of the error", examples=["data.column-missing"])
    found: str = Field(description="what was found")
    expected: str = Field("", description="what was expected")
    mend: str = Field("", description="how to mend it")
    file: str = Field("", description="the file, where one is meant")
    line: int | None = Field(None, description="its line, from 1")
    key: str = Field("", description="the key of the study or of the request", examples=["data.columns.speed"])


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(description="address of a page about this error; about:blank where the status says all")
    title: str = Field(description="the error in a few words")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what happened here, and what to do")
    instance: str = Field(description="the path that was asked for")
    faults: list[FaultOut] | None = Field(None, description="all that is wrong, one by one")


class Throttled(Exception):
    """More requests a minute than are allowed. ``wait`` is the number of seconds until the next one is."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


def problem(
    request: HttpRequest,
    status: int,
    detail: str,
    *,
    code: str = "",
    title: str = "",
    faults: Iterable[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A problem as a response."""
    listed = list(faults)
    told: dict[str, Any] = {
        "type": _page(code) if code else "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": quote(request.path),
    }
    if listed:
        told["faults"] = listed
    body = json.dumps(told, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return HttpResponse(
        body, status=status, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store", **(headers or {})}
    )


def _page(code: str) -> str:
    return f"{settings.CONFIG.public_url.rstrip('/')}/api/docs/errors/{code}"


def of(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """The problem that an error is; None where it is no error of the request."""
    if isinstance(error, PotomacError):
        return _faulty(request, error)
    if isinstance(error, Throttled):
        return _throttled(request, error)
    if isinstance(error, Denied):
        return _denied(request, error)
    if isinstance(error, Missing | Http404):
        return problem(request, 404, "There is no such thing, or you may not see it")
    if isinstance(error, Conflict):
        return problem(request, 409, str(error))
    if isinstance(error, TooMuch):
        return _too_much(request, error)
    if isinstance(error, Invalid):
        return _invalid(request, error)
    return _malformed(request, error)


def _malformed(request: HttpRequest, error: Exception) -> HttpResponse | None:
    if isinstance(error, RequestDataTooBig):
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20
        return problem(request, 413, f"The request's body is larger than {most} MB")
    if isinstance(error, HttpError):
        return problem(request, error.status_code, str(error))
    if isinstance(error, BadRequest | SuspiciousOperation | MultiPartParserError):
        return problem(request, 400, "The request is malformed")
    return None


def _faulty(request: HttpRequest, error: PotomacError) -> HttpResponse:
    """The study, the data or the question is wrong, or has no answer."""
    first = error.faults[0]
    more = f" (and {len(error.faults) - 1} more)" if len(error.faults) > 1 else ""
    titles = {2: "The study or the question is wrong", 3: "The data is wrong", 4: "There is no answer"}
    title = titles.get(error.exit_code, "The work was stopped")
    faults = [fault.to_dict() for fault in error.faults]
    status = 404 if first.code == "live.unknown" else 422
    return problem(request, status, f"{first}{more}", code=first.code, title=title, faults=faults)


def _too_much(request: HttpRequest, error: TooMuch) -> HttpResponse:
    """Too many runs end by waiting, too large a text or table does not."""
    if "/runs" in request.path:
        return problem(request, 429, str(error), headers={"Retry-After": str(WAIT)})
    return problem(request, 413, str(error))


def _throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    most = settings.CONFIG.limits.requests_a_minute
    detail = f"More than {most} requests a minute; try again in {error.wait} s"
    return problem(request, 429, detail, headers={"Retry-After": str(error.wait)})


def _denied(request: HttpRequest, error: Denied) -> HttpResponse:
    if not error.sign_in:
        return problem(request, 403, error.why)
    return problem(request, 401, error.why, headers={"WWW-Authenticate": 'Bearer realm="potomac"'})


def _invalid(request: HttpRequest, error: Invalid) -> HttpResponse:
    """Values that the description does not allow; an address that cannot be is an address that is not there."""
    if all(one["loc"][0] == "path" for one in error.errors):
        return problem(request, 404, "There is no such thing, or you may not see it")
    faults = [_fault(one) for one in error.errors]
    detail = "; ".join(f"{fault['key']}: {fault['found']}" if fault["key"] else fault["found"] for fault in faults)
    title = "The request does not fit its description"
    return problem(request, 422, detail, code="request.invalid", title=title, faults=faults)


def _fault(one: Mapping[str, Any]) -> dict[str, Any]:
    where = [str(part) for part in one["loc"][1:]]
    key = ".".join(where[1:] if where[:1] == ["values"] else where)
    valid = "see what it takes in /api/docs"
    return Fault("request.invalid", f"{one['msg']}", valid, key=key).to_dict()


def broken(request: HttpRequest, error: Exception) -> HttpResponse:
    """A fault of the server's own: written down with the request's id, which the answer names."""
    number = getattr(request, "id", "")
    _log.error("%s %s failed", request.method, request.path, exc_info=error, extra={"id": number})
    told = f"; the server's log has it under {number}" if number else ""
    return problem(request, 500, f"A fault of the server{told}")


def install(api: NinjaAPI) -> None:
    """Let every error of an operation become a problem."""

    def handler(request: HttpRequest, error: Any) -> HttpResponse:
        return of(request, error) or broken(request, error)

    for kind in (Exception, Http404, HttpError, Invalid):
        api.add_exception_handler(kind, handler)
