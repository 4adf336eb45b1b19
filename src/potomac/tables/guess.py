"""Which columns of a source may play which roles: by name, type and range; with the unit that a name says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from potomac import units
from potomac.tables.roles import Column, Role

__all__ = ["Seen", "guess"]

_UNITS = {
    "speed": {
        **dict.fromkeys(("kn", "kt", "kts", "knot", "knots"), "kn"),
        **dict.fromkeys(("ms", "mps", "m s", "m per s"), "m/s"),
        **dict.fromkeys(("kmh", "kph", "km h", "km per h"), "km/h"),
        "mph": "mph",
    },
    "angle": {
        **dict.fromkeys(("deg", "degree", "degrees", "dd"), "deg"),
        **dict.fromkeys(("rad", "radian", "radians"), "rad"),
    },
    "length": {
        **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), "m"),
        **dict.fromkeys(("km", "kilometres", "kilometers"), "km"),
        **dict.fromkeys(("mi", "mile", "miles"), "mi"),
        **dict.fromkeys(("nm", "nmi"), "nmi"),
        **dict.fromkeys(("ft", "feet"), "ft"),
    },
    "duration": {
        **dict.fromkeys(("s", "sec", "secs", "seconds"), "s"),
        **dict.fromkeys(("ms", "millis", "milliseconds"), "ms"),
        **dict.fromkeys(("min", "mins", "minutes"), "min"),
        **dict.fromkeys(("h", "hr", "hrs", "hours"), "h"),
        **dict.fromkeys(("d", "days"), "d"),
    },
}
"""Last words of a column's name -> the unit of its values, by what is measured."""
_EPOCHS = {"s": "s", "sec": "s", "ms": "ms", "millis": "ms", "us": "us", "micros": "us", "ns": "ns", "nanos": "ns"}
_SAID = {"sog": "kn"}
"""Names that say their unit, because one standard has them (ITU-R M.1371: knots)."""
_TENTHS = (102.3, 1023.0)
"""A speed in whole numbers above the one and up to the other is as AIS sends it: tenths of knots."""
_ABSENT = {"latitude": (91.0,), "longitude": (181.0,)}
"""What AIS sends where a place is not known (ITU-R M.1371-5, message 1); the rows are rejected, the column is meant."""
_KINDS = {
    "number": ("number", "integer", "true or false"),
    "integer": ("integer",),
    "time": ("time", "number", "integer"),
}
_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Seen:
    """A column as a look at the source has found it.

    ``type`` is "number", "integer", "time", "text", "true or false", "empty", or nothing where it is not known;
    ``low`` and ``high`` are the range of its numbers.
    """

    name: str
    type: str = ""
    low: float | None = None
    high: float | None = None


def guess(roles: Sequence[Role], columns: Sequence[Seen]) -> dict[str, Column]:
    """A column for each role that one fits, each column once; the surest pairs first."""
    pairs = [(score, r, c, unit) for r, role in enumerate(roles) for c, score, unit in _fits(role, columns)]
    found: dict[int, Column] = {}
    taken: set[int] = set()
    for _, r, c, unit in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if r not in found and c not in taken:
            found[r] = Column(columns[c].name, unit)
            taken.add(c)
    return {role.name: found[r] for r, role in enumerate(roles) if r in found}


def _fits(role: Role, columns: Sequence[Seen]) -> Iterator[tuple[int, float, str]]:
    """Columns that may play the role: their number, how sure that is, and the unit."""
    for number, column in enumerate(columns):
        if not column.name or column.type == "empty" or not _is_kind(role, column):
            continue
        score, unit = _named(role, column)
        if score and _is_within(role, column, unit):
            yield number, score, unit


def _is_kind(role: Role, column: Seen) -> bool:
    return not column.type or role.kind not in _KINDS or column.type in _KINDS[role.kind]


def _named(role: Role, column: Seen) -> tuple[float, str]:
    """How well the name fits (0 to 1), and the unit that it says.

    The role's own name is surest, then its usual names in their order, then a name that ends (or begins) as one.
    """
    words = _words(column.name)
    bare, unit = _without_unit(role, words)
    best = 0.0
    for place, name in enumerate((role.name, *role.guesses)):
        known = _words(name)
        best = max(best, _likeness(known, words, bare) - place * 0.005)
    if not unit and role.dimension == "speed":
        unit = next((_SAID[word] for word in words if word in _SAID), "")
        if unit and _are_tenths(column):
            unit = "0.1 kn"
    return max(best, 0.0), unit if best > 0 else ""


def _likeness(known: list[str], words: list[str], bare: list[str]) -> float:
    joined = "".join(known)
    if joined == "".join(words):
        return 1.0
    if bare and joined == "".join(bare):
        return 0.9
    if len(joined) < 3 or not bare:  # "t", "x" and "id" stand in too many names
        return 0.0
    size = len(known)
    if bare[-size:] == known:
        return 0.7
    return 0.6 if bare[:size] == known else 0.0


def _words(name: str) -> list[str]:
    """``BaseDateTime`` -> base, date, time; ``speed_m/s`` -> speed, m, s."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).casefold()
    return re.findall(r"[^\W_]+", parted)


def _without_unit(role: Role, words: list[str]) -> tuple[list[str], str]:
    """The words before the unit, and the unit: the longest end that is one."""
    known = _EPOCHS if role.kind == "time" else _UNITS.get(role.dimension, {})
    for size in (3, 2, 1):
        tail = " ".join(words[-size:])
        if len(words) > size and tail in known:
            return words[:-size], known[tail]
    return words, ""


def _are_tenths(column: Seen) -> bool:
    low, high = _TENTHS
    return column.type == "integer" and column.high is not None and low < column.high <= high


def _is_within(role: Role, column: Seen, unit: str) -> bool:
    """Whether the numbers lie where the role's may, in its unit; codes for "not known" aside."""
    if column.low is None or column.high is None or role.kind == "time" or role.dimension == "":
        return True
    factor = units.parse(unit, role.dimension).factor if unit else 1.0
    high = column.high * factor
    if any(abs(high - code) <= _SLACK * code for code in (*role.unknown, *_ABSENT.get(role.name, ()))):
        return True
    above = role.high is not None and high > role.high + _SLACK
    below = role.low is not None and column.low * factor < role.low - _SLACK
    return not (above or below)
