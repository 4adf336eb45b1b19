"""Progress: plain lines at most one a second; what, how far, how long."""

from __future__ import annotations

import io

import pytest

from potomac.cli.progress import Lines, duration, line


def test_lines_come_at_most_once_a_second() -> None:
    now = 0.0
    stream = io.StringIO()
    lines = Lines(stream, clock=lambda: now)
    for step in range(50):
        now = step / 10
        lines("scoring rows", step, 50)
    assert len(stream.getvalue().splitlines()) == 5


@pytest.mark.parametrize(
    ("done", "total", "elapsed", "says"),
    [
        (0, None, 0, "scoring"),
        (1200, None, 5, "scoring: 1,200"),
        (1200, 10_000, 0, "scoring: 1,200 of 10,000 (12 %)"),
        (2500, 10_000, 30, "scoring: 2,500 of 10,000 (25 %), 90 s left".replace("90 s", duration(90))),
        (10_000, 10_000, 30, "scoring: 10,000 of 10,000 (100 %)"),
        (0.5, 1, 60, "scoring: (50 %), 60 s left"),
    ],
)
def test_a_line(done: float, total: float | None, elapsed: float, says: str) -> None:
    assert line("scoring", done, total, elapsed) == says


@pytest.mark.parametrize(("seconds", "says"), [(40, "40 s"), (180, "3 min"), (7500, "2 h 5 min")])
def test_durations(seconds: float, says: str) -> None:
    assert duration(seconds) == says
