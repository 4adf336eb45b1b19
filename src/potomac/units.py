"""Units of measurement: name -> dimension and factor to the unit that Potomac computes in.

Potomac computes in knots (speed), degrees (angle), metres (length), seconds (duration).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from potomac.errors import Fault, StudyError, did_you_mean, listing

__all__ = ["BASE", "Unit", "convert", "parse", "units_of"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: ``value in base = value * factor``."""

    name: str
    dimension: str
    factor: float


BASE = {"speed": "kn", "angle": "deg", "length": "m", "duration": "s"}

_TABLE: dict[str, dict[str, tuple[float, tuple[str, ...]]]] = {
    "speed": {
        "kn": (1.0, ("knot", "knots", "kt", "kts")),
        "m/s": (3600 / 1852, ("mps", "ms-1")),
        "km/h": (1000 / 1852, ("kmh", "kph", "km/hr")),
        "mph": (1609.344 / 1852, ("mi/h",)),
        "0.1 kn": (0.1, ("deciknots",)),
    },
    "angle": {
        "deg": (1.0, ("degree", "degrees", "°")),
        "rad": (57.29577951308232, ("radian", "radians")),
        "0.1 deg": (0.1, ("decidegrees",)),
    },
    "length": {
        "m": (1.0, ("metre", "metres", "meter", "meters")),
        "km": (1000.0, ("kilometre", "kilometres", "kilometer", "kilometers")),
        "mi": (1609.344, ("mile", "miles")),
        "nmi": (1852.0, ("nm", "nautical mile", "nautical miles")),
        "ft": (0.3048, ("foot", "feet")),
    },
    "duration": {
        "s": (1.0, ("sec", "second", "seconds")),
        "ms": (0.001, ("millisecond", "milliseconds")),
        "min": (60.0, ("minute", "minutes")),
        "h": (3600.0, ("hour", "hours", "hr")),
        "d": (86400.0, ("day", "days")),
    },
}
_BY_NAME = {
    alias: Unit(name, dimension, factor)
    for dimension, units in _TABLE.items()
    for name, (factor, aliases) in units.items()
    for alias in (name, *aliases)
}


def units_of(dimension: str) -> tuple[str, ...]:
    """Names of the units of ``dimension``, the one computed in first."""
    return tuple(_TABLE[dimension])


def parse(name: str, dimension: str | None = None) -> Unit:
    """The unit called ``name``.

    Raises:
        StudyError: no unit has that name, or it does not measure ``dimension``.
    """
    unit = _BY_NAME.get(name.strip()) or _BY_NAME.get(name.strip().casefold())
    valid = units_of(dimension) if dimension else tuple(n for units in _TABLE.values() for n in units)
    if unit is None:
        found = f'no unit is called "{name}"'
        near = [alias for alias, known in _BY_NAME.items() if dimension in (None, known.dimension)]
        raise StudyError(Fault("units.unknown", found, f"valid are {listing(valid, 20)}", did_you_mean(name, near)))
    if dimension is not None and unit.dimension != dimension:
        found = f'"{name}" measures {unit.dimension}, not {dimension}'
        raise StudyError(Fault("units.dimension", found, f"valid are {listing(valid, 20)}"))
    return unit


def convert(values: Any, unit: str, to: str) -> Any:
    """``values`` (a number or an array) given in ``unit``, in the unit ``to`` of the same dimension."""
    target = parse(to)
    return values * (parse(unit, target.dimension).factor / target.factor)
