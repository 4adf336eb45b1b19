"""Progress on stderr: bars on a terminal, plain lines otherwise, at most one a second."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from potomac.cli.text import clean
from potomac.engine import Progress, Quiet

if TYPE_CHECKING:
    from rich.progress import Progress as Rich
    from rich.progress import TaskID

__all__ = ["Bars", "Lines", "reporting"]


class Lines:
    """Says what is done, how far, and how long it will take."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic, every: float = 1.0) -> None:
        self.stream, self.clock, self.every = stream, clock, every
        self.what, self.begun, self.said = "", 0.0, float("-inf")

    def __call__(self, what: str, done: float, total: float | None = None) -> None:
        """Say it, unless something was said within the last second."""
        now = self.clock()
        if what != self.what:
            self.what, self.begun = what, now
        if now - self.said >= self.every:
            self.said = now
            print(clean(line(what, done, total, now - self.begun)), file=self.stream, flush=True)


def line(what: str, done: float, total: float | None, elapsed: float) -> str:
    """``scoring rows: 1,200 of 10,000 (12 %), 3 min left``."""
    if total:
        share = min(done / total, 1.0)
        left = f", {duration(elapsed * (1 - share) / share)} left" if share > 0.02 and elapsed > 2 and share < 1 else ""
        amount = f"{done:,.0f} of {total:,.0f} " if total > 1 else ""
        return f"{what}: {amount}({share:.0%}){left}".replace("%", " %")
    return f"{what}: {done:,.0f}" if done else what


def duration(seconds: float) -> str:
    """``40 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Bars:
    """One bar for each thing that is done."""

    def __init__(self, rich: Rich) -> None:
        self.rich = rich
        self.tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: float, total: float | None = None) -> None:
        """Move the bar of ``what``; those before it are through."""
        if what not in self.tasks:
            for task in self.tasks.values():
                self.rich.update(task, visible=False)
            self.tasks[what] = self.rich.add_task(clean(what), total=total)
        self.rich.update(self.tasks[what], completed=done, total=total, visible=True)


@contextmanager
def reporting(quiet: bool) -> Iterator[Progress]:
    """Progress as this terminal shows it."""
    if quiet:
        yield Quiet()
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _bars() as rich:
            yield Bars(rich)
    else:
        yield Lines(sys.stderr)


def _bars() -> Rich:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Rich

    what = TextColumn("{task.description}", markup=False)
    console = Console(stderr=True, highlight=False)
    return Rich(what, BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True)
