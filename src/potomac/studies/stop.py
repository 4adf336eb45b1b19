"""Stopping on request: Ctrl-C and the system's request to end become one clean interruption."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from potomac.engine import Progress
from potomac.errors import Fault, Interrupted

__all__ = ["Watch", "watching"]


class Watch:
    """Progress that passes on what it hears, and stops the work when that was asked for."""

    def __init__(self, heard: Progress) -> None:
        self.heard = heard
        self.asked = False

    def __call__(self, what: str, done: float, total: float | None = None) -> None:
        """Pass on; raises Interrupted where the work shall stop."""
        if self.asked:
            raise Interrupted(Fault("run.interrupted", "the run was stopped"))
        self.heard(what, done, total)

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the work stops at once, or as soon as it comes back from a library."""
        self.asked = True
        raise KeyboardInterrupt


@contextmanager
def watching(heard: Progress) -> Iterator[Watch]:
    """A Watch that hears SIGINT and SIGTERM while it lasts (in the main thread; elsewhere progress alone stops)."""
    watch = Watch(heard)
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, watch.stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield watch
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
