"""Who sits at the browser."""

from __future__ import annotations

from django.http import HttpRequest

from potomac.server.accounts.models import User
from potomac.server.flows.base import Actor

__all__ = ["actor"]


def actor(request: HttpRequest) -> Actor:
    """The person who has signed in, or nobody, and the address (the middleware has looked through the proxies)."""
    user = request.user if isinstance(request.user, User) else None
    return Actor(user=user, address=request.META.get("REMOTE_ADDR") or None)
