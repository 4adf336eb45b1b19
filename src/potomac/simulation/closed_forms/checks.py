"""What closed forms ask of their arguments, and what they say where there is no answer."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, NoAnswer, StudyError

__all__ = ["given", "not_less", "positive", "positives", "share", "shares", "stable", "unstable", "whole"]

Floats = npt.NDArray[np.float64]


def _wrong(name: str, value: object, expected: str) -> StudyError:
    return StudyError(Fault("simulation.parameter", f"{name} is {_shown(value)}", f"expected {expected}", key=name))


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, (float, np.floating)) else f"{value!r:.60}"


def _number(name: str, value: Any, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not isfinite(value):
        raise _wrong(name, value, expected)
    return float(value)


def positive(name: str, value: Any) -> float:
    """A finite number above 0.

    Raises:
        StudyError: it is not.
    """
    number = _number(name, value, "a number above 0")
    if number <= 0:
        raise _wrong(name, value, "a number above 0")
    return number


def not_less(name: str, value: Any, least: float = 0.0) -> float:
    """A finite number of at least ``least``.

    Raises:
        StudyError: it is not.
    """
    number = _number(name, value, f"a number of at least {least:g}")
    if number < least:
        raise _wrong(name, value, f"a number of at least {least:g}")
    return number


def share(name: str, value: Any) -> float:
    """A number between 0 and 1, both included.

    Raises:
        StudyError: it is not.
    """
    number = _number(name, value, "a share between 0 and 1")
    if not 0 <= number <= 1:
        raise _wrong(name, value, "a share between 0 and 1")
    return number


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least ``least``.

    Raises:
        StudyError: it is not.
    """
    expected = f"a whole number of at least {least}"
    number = _number(name, value, expected)
    if number != int(number) or number < least:
        raise _wrong(name, value, expected)
    return int(number)


def _row(name: str, values: Any, expected: str, size: int | None) -> Floats:
    try:
        row = np.atleast_1d(np.asarray(values, float))
    except (TypeError, ValueError):
        raise _wrong(name, values, expected) from None
    if row.ndim != 1 or not row.size:
        raise _wrong(name, values, expected)
    if size is not None and row.size != size:
        raise _wrong(name, f"{row.size} numbers", f"{size}, one for each")
    return row


def positives(name: str, values: Any, size: int | None = None, *, zero: bool = False) -> Floats:
    """Finite numbers above 0 (``zero``: or 0), shape (n,).

    Raises:
        StudyError: one is not, or there are not ``size`` of them.
    """
    least = "of at least 0" if zero else "above 0"
    row = _row(name, values, f"numbers {least}", size)
    wrong = np.flatnonzero(~(np.isfinite(row) & ((row >= 0) if zero else (row > 0))))
    if wrong.size:
        i = int(wrong[0])
        raise _wrong(f"{name}[{i}]", row[i], f"a number {least}")
    return row


def shares(name: str, values: Any, size: int | None = None) -> Floats:
    """Numbers between 0 and 1, shape (n,).

    Raises:
        StudyError: one is not, or there are not ``size`` of them.
    """
    row = _row(name, values, "shares between 0 and 1", size)
    wrong = np.flatnonzero(~((row >= 0) & (row <= 1)))
    if wrong.size:
        i = int(wrong[0])
        raise _wrong(f"{name}[{i}]", row[i], "a share between 0 and 1")
    return row


def given(arrival_rate: Any, service_rate: Any, servers: Any) -> tuple[float, float, int]:
    """Lambda, mu and c.

    Raises:
        StudyError: a rate is not above 0, or the servers are no whole number above 0.
    """
    return positive("arrival_rate", arrival_rate), positive("service_rate", service_rate), whole("servers", servers)


def unstable(load: float, servers: int, what: str = "the queue") -> NoAnswer:
    """What is said of a station that never settles, for ``raise``."""
    many = "1 server" if servers == 1 else f"{servers} servers"
    found = f"{what} is unstable: offered load {load:.10g} for {many}"
    mend = "Add servers, or lower the arrival rate or the service time; over a finite time it can be simulated"
    return NoAnswer(Fault("simulation.unstable", found, "expected a load below the number of servers", mend))


def stable(load: float, servers: int = 1, what: str = "the queue") -> None:
    """Pass where the offered load (arrival rate times mean service time) is below the number of servers.

    Raises:
        NoAnswer: it is not.
    """
    if not load < servers:
        raise unstable(load, servers, what)
