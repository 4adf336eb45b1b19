"""Idempotency keys: a POST that is sent again under its key gets the answer that it got, and does nothing anew."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from potomac.server.api import access
from potomac.server.api.problems import problem
from potomac.server.catalog.models import Answered

__all__ = ["HEADER", "once"]

HEADER = "Idempotency-Key"
LONGEST = 255
KEPT = dt.timedelta(hours=24)
GIVEN_UP = dt.timedelta(minutes=10)
"""A request that has not been answered for so long ended with its process."""

AGAIN = (401, 403, 408, 409, 413, 429)
"""Answers that say nothing about the request itself: it may be sent again under the same key."""

Answer = Callable[[], HttpResponseBase]


def once(request: HttpRequest, answer: Answer) -> HttpResponseBase:
    """Answer, or repeat what was answered under the request's key."""
    key = request.headers.get(HEADER)
    if request.method != "POST" or key is None:
        return answer()
    if not key or len(key) > LONGEST or not key.isprintable():
        return problem(request, 400, f"{HEADER} has 1 to {LONGEST} characters that show")
    name, fingerprint = _name(request, key), _fingerprint(request)
    if _begun(name, fingerprint):
        return _answered(name, answer)
    return _repeated(request, name, fingerprint)


def _name(request: HttpRequest, key: str) -> str:
    """The key is the person's own, or the address's: nobody gets another's answer."""
    who = _who(request)
    return hashlib.sha256("\n".join([who, str(request.method), request.get_full_path(), key]).encode()).hexdigest()


def _who(request: HttpRequest) -> str:
    header = request.headers.get("Authorization")
    if header:
        return f"token {header}"
    user: Any = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return f"person {user.pk}"
    return f"address {access.address(request)}"


def _fingerprint(request: HttpRequest) -> str:
    """Of the body; of a form its fields and files, because its boundary differs each time."""
    if (request.content_type or "").startswith("multipart/"):
        return _of_form(request)
    return hashlib.sha256(request.body).hexdigest()


def _of_form(request: HttpRequest) -> str:
    found = hashlib.sha256()
    for name, values in sorted(request.POST.lists()):
        found.update(repr((name, values)).encode("utf-8", "backslashreplace"))
    for name, file in sorted(request.FILES.items()):
        found.update(repr((name, getattr(file, "name", ""))).encode("utf-8", "backslashreplace"))
        for chunk in file.chunks():  # type: ignore[union-attr]
            found.update(chunk)
        file.seek(0)  # type: ignore[union-attr]
    return found.hexdigest()


def _begun(name: str, fingerprint: str) -> bool:
    """Take the key; False where it is taken."""
    now = timezone.now()
    stale = Q(created__lt=now - KEPT) | Q(status=0, created__lt=now - GIVEN_UP)
    Answered.objects.filter(stale).delete()
    try:
        with transaction.atomic():
            Answered.objects.create(key=name, fingerprint=fingerprint)
    except IntegrityError:
        return False
    return True


def _answered(name: str, answer: Answer) -> HttpResponseBase:
    kept = Answered.objects.filter(pk=name)
    try:
        response = answer()
    except BaseException:
        kept.delete()
        raise
    if response.status_code >= 500 or response.status_code in AGAIN or not isinstance(response, HttpResponse):
        kept.delete()
    else:
        kept.update(status=response.status_code, body=_packed(response))
    return response


def _packed(response: HttpResponse) -> dict[str, Any]:
    headers = {name: response.headers[name] for name in ("Content-Type", "Location") if name in response.headers}
    return {"headers": headers, "content": base64.b64encode(response.content).decode()}


def _repeated(request: HttpRequest, name: str, fingerprint: str) -> HttpResponseBase:
    kept = Answered.objects.filter(pk=name).first()
    if kept is None or (kept.status == 0 and kept.fingerprint == fingerprint):
        return problem(request, 409, f"The request of this {HEADER} is still on its way", headers={"Retry-After": "1"})
    if kept.fingerprint != fingerprint:
        return problem(request, 422, f"This {HEADER} was used for another body; take a new key for a new request")
    content = base64.b64decode(kept.body["content"])
    headers = {**kept.body["headers"], "Idempotent-Replayed": "true", "Cache-Control": "no-store"}
    return HttpResponse(content, status=kept.status, headers=headers)
