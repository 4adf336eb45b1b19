"""What every template knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from potomac.server.accounts.models import Role

__all__ = ["everywhere"]


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation."""

    title: str
    address: str
    here: bool


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """The navigation, what the person may do, and the version."""
    user: Any = getattr(request, "user", None)
    known = user is not None and user.is_authenticated
    return {
        "navigation": _navigation(request, user) if known else [],
        "person": user if known else None,
        "may_write": known and user.is_at_least(Role.ANALYST),
        "may_publish": known and user.is_at_least(Role.PUBLISHER),
        "version": settings.VERSION,
    }


def _navigation(request: HttpRequest, user: Any) -> list[Place]:
    listed = [("Answers", "gallery")]
    if user.is_at_least(Role.ANALYST):
        listed += [("Sources", "sources"), ("Studies", "studies"), ("Runs", "runs")]
    if user.is_at_least(Role.ADMINISTRATOR):
        listed.append(("Admin", "admin:index"))
    return [Place(title, address := reverse(name), _is_here(request.path, address)) for title, name in listed]


def _is_here(path: str, address: str) -> bool:
    return path == address if address == "/" else path.startswith(address)
