"""``potomac serve`` from an empty home to its first page, and what it holds in memory when nobody asks."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.markdown import table
from benchmarks.server.served import Served, memory_mb

FIRST_S, IDLE_MB = 3.0, 400.0
"""What is to be reached."""


def main(argv: list[str]) -> str:
    """The tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks server.start", description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="how often it is started")
    parser.add_argument("--idle", type=float, default=10.0, help="seconds from the first page until memory is read")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="potomac-bench-") as home:
        _started(Path(home))  # from here on modules are compiled, as they are where pip has installed them
    empty, again, memory = [], [], []
    for _ in range(asked.times):
        with tempfile.TemporaryDirectory(prefix="potomac-bench-") as home:
            seconds, *held = _started(Path(home), asked.idle)
            empty.append(seconds)
            memory.append(held)
            again.append(_started(Path(home))[0])
    started = [_told("an empty home", empty), _told("a home that was served before", again)]
    head = ("from the start to the gallery", "median", "longest", "to be reached")
    rss, pss, count = (statistics.median(values) for values in zip(*memory, strict=True))
    held_head = (f"memory {asked.idle:g} s later", "processes", "what is shared counted once", "for each", "to reach")
    most = max(row[1] for row in memory)
    held_row = (
        "web and worker, medians", f"{count:g}", f"{pss:,.0f} MB (at most {most:,.0f})", f"{rss:,.0f} MB",
        f"{IDLE_MB:g} MB",
    )  # fmt: skip
    return f"{table(head, started)}\n\n{table(held_head, [held_row])}"


def _started(home: Path, idle: float | None = None) -> tuple[float, float, float, int]:
    """Seconds to the gallery; then, where ``idle`` seconds are waited, RSS and PSS in MB and how many processes."""
    with Served(home) as server:
        seconds = server.until("/")
        if idle is None:
            return seconds, 0.0, 0.0, 0
        time.sleep(idle)
        pids = server.processes()
        return seconds, *memory_mb(pids), len(pids)


def _told(what: str, seconds: Sequence[float]) -> tuple[str, ...]:
    return what, f"{statistics.median(seconds):.2f} s", f"{max(seconds):.2f} s", f"{FIRST_S:g} s"
