"""Pages that say what went wrong, what is safe, and what to do; each with the request's id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from potomac.errors import Fault

__all__ = ["bad", "broken", "denied", "forged", "missing", "show"]


@dataclass(frozen=True, slots=True)
class Words:
    """What happened, what that means, and what to do."""

    title: str
    what: str
    mend: str


WORDS: Mapping[int, Words] = {
    400: Words("The request cannot be read", "Something in it is malformed.", "Go back and send it again."),
    403: Words("This is not yours to do", "Your role does not allow it.", "Ask an administrator for the role."),
    404: Words(
        "There is no such page here",
        "The address may be mistyped, the thing may be gone, or it may not be for you to see.",
        "Check the address, or sign in if you have not.",
    ),
    409: Words("That does not fit what is there", "", "Look at it as it is now, and try again."),
    413: Words("That is too large", "It is larger than this server takes.", "Send less, or ask an administrator."),
    422: Words("This cannot be answered", "", ""),
    429: Words("That is more than is allowed", "", "Wait until something is done, or take something away."),
    500: Words(
        "The server has made a mistake",
        "It is not your fault, and nothing that was stored is lost.",
        "Try again; if it stays, give the number below to whoever runs this server.",
    ),
}


def show(request: HttpRequest, status: int, what: str = "", faults: Iterable[Fault] = ()) -> HttpResponse:
    """The page for a status."""
    words = WORDS[status]
    told = {"status": status, "words": words, "what": what or words.what, "faults": list(faults)}
    return render(request, "error.html", {**told, "number": getattr(request, "id", "")}, status=status)


def bad(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400, or 413 where the request was too large."""
    from django.core.exceptions import RequestDataTooBig

    return show(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    return show(request, 403)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 where a form did not come from a page of this server, or the page was open for too long."""
    return show(request, 403, "The form did not come from a page of this server, or was open for too long.")


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    return show(request, 404)


def broken(request: HttpRequest) -> HttpResponse:
    """500; without whatever may be broken: no database, no session, no person."""
    from django.template.loader import render_to_string

    told = {"status": 500, "words": WORDS[500], "what": WORDS[500].what, "number": getattr(request, "id", "")}
    return HttpResponse(render_to_string("error.html", told), status=500)
