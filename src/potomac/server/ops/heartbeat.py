"""Says every few seconds that a worker is there, idle or not; the queue itself says it only of jobs."""

from __future__ import annotations

import logging
import time
from threading import Event, Thread

from django.core.cache import caches
from django.db import DatabaseError, InterfaceError, connection

__all__ = ["EVERY", "beat", "begin", "seen"]

EVERY = 5.0
"""Seconds between two signs."""
KEPT = 30 * 86_400

_KEY = "worker-seen"
_log = logging.getLogger("potomac.worker")


def beat() -> None:
    """A worker is there now."""
    caches["shared"].set(_KEY, time.time(), KEPT)


def seen() -> float | None:
    """How many seconds ago a worker was last there; None: never, as far as is known."""
    at = caches["shared"].get(_KEY)
    return None if at is None else max(time.time() - float(at), 0.0)


def begin() -> None:
    """Give the sign from now on, until this process ends."""
    Thread(target=_always, args=(Event(),), name="heartbeat", daemon=True).start()


def _always(stop: Event) -> None:
    while True:
        try:
            beat()
        except (DatabaseError, InterfaceError) as error:
            _log.warning("the database does not answer: %s", error)
            connection.close()
        if stop.wait(EVERY):
            return
