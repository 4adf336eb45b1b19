"""Whether the server is alive and usable, and its numbers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from potomac.server.accounts.models import Role
from potomac.server.flows import people
from potomac.server.ops import heartbeat
from potomac.server.ops import metrics as numbers

__all__ = ["alive", "checks", "has_cache", "lacking", "metrics", "pending", "ready"]

SEEN = 15.0
"""Seconds after which a worker that has not been seen is missed."""

DO = {
    "migrations": "potomac serve makes them, and so does potomac user list",
    "worker": "runs wait until there is one: potomac serve with workers, or potomac worker beside whatever serves here",
}
"""What to do where something is missing, which is not the case of what is broken."""

_migrated = False


@never_cache
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Database, worker and disk are usable; 503 with what is wrong where they are not."""
    found = dict(checks())
    wrong = any(found.values())
    told = {name: _with_mend(name, said) if said else "good" for name, said in found.items()}
    return JsonResponse({"status": "not ready" if wrong else "ready", "checks": told}, status=503 if wrong else 200)


def _with_mend(name: str, said: str) -> str:
    return f"{said}; {DO[name]}" if name in DO and said != _UNKNOWN else said


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Numbers for Prometheus, for this host and for administrators' tokens; for others there is nothing here."""
    if not (_is_local(request) or _is_administrator(request)):
        raise Http404
    return HttpResponse(numbers.text(), content_type=numbers.CONTENT_TYPE)


def _is_local(request: HttpRequest) -> bool:
    """From this host, and not passed on by a proxy that stands here."""
    passed = any(name in request.META for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP"))
    found = request.META.get("REMOTE_ADDR", "")
    return bool(found) and not passed and ip_address(found).is_loopback


def _is_administrator(request: HttpRequest) -> bool:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    actor = people.bearer(text.strip()) if scheme.lower() == "bearer" else None
    return actor is not None and actor.is_at_least(Role.ADMINISTRATOR) and actor.may("read")


def checks() -> Iterator[tuple[str, str]]:
    """What is looked at, and what is wrong with it in words that tell a stranger nothing; empty: all is good."""
    database = _told(_database)
    migrations = _UNKNOWN if database else _told(_migrations)
    yield "database", database
    yield "migrations", migrations
    yield "worker", _UNKNOWN if migrations else _told(_worker)  # without tables no worker begins
    yield "disk", _told(_disk)


_UNKNOWN = "not known"


def _told(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:  # whatever a database or disk may raise: the answer is "not ready" and not a failure
        return f"does not answer ({type(error).__name__})"


def _database() -> str:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT 1")
        return "" if cursor.fetchone() == (1,) else "answers wrongly"


def _migrations() -> str:
    global _migrated  # noqa: PLW0603 - once done they stay done while this version runs
    found = "" if _migrated else _missing()
    _migrated = not found
    return found


def lacking() -> str:
    """What the database lacks before anything can work with it; empty: it answers and has all tables."""
    try:
        found = _missing()
        return found and f"of its migrations {found}"
    except DatabaseError as error:
        return f"it does not answer ({type(error).__name__})"


def _missing() -> str:
    """Migrations, or the table of the cache, which is made after them."""
    plan = len(pending()) or int(not has_cache())
    return f"{plan} {'is' if plan == 1 else 'are'} to be made" if plan else ""


def has_cache() -> bool:
    """Whether the table of the shared cache is there, which no migration makes."""
    return "cache" in connections[DEFAULT_DB_ALIAS].introspection.table_names()


def pending() -> list[Any]:
    """Migrations that the database lacks."""
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    return executor.migration_plan(executor.loader.graph.leaf_nodes())


def _worker() -> str:
    seen = heartbeat.seen()
    if seen is None:
        return "none was ever seen"
    return "" if seen <= SEEN else f"none was seen for {seen:,.0f} seconds"


def _disk() -> str:
    free = shutil.disk_usage(settings.HOME).free / 1e6
    least = settings.CONFIG.limits.free_mb
    return "" if free >= least else f"{free:,.0f} MB are free, at least {least:,} are needed"
