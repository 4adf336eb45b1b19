"""Roles: what a column means, in which unit, within which range, and how to guess it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ENTITY", "HEADING", "LATITUDE", "LONGITUDE", "SPEED", "TIME", "Column", "Role", "covariate", "feature"]

Kind = Literal["number", "integer", "time", "text", "id", "any"]


@dataclass(frozen=True, slots=True)
class Role:
    """What a column is to an engine.

    ``kind`` is the type values are brought to: number -> float64, integer -> int64, time -> timestamp[us, UTC],
    text -> string, id -> integer where the source itself has integers, else text, any -> number where the first
    values are numbers, else text. ``dimension`` (see
    ``potomac.units``) lets a study give a unit; values come in the base unit. Values outside [``low``, ``high``]
    reject the row.
    ``unknown`` values are codes, in the base unit, that mean "not known" and become null; they count only where the
    column is in the base unit or a decimal part of it (102.3 kn, or 1023 tenths of a knot, but never 102.3 m/s). A
    null rejects the row when ``nulls`` is False. Where a time is ``past``, one of tomorrow or later rejects the row.
    ``guesses`` are usual column names, for suggestions.
    """

    name: str
    kind: Kind
    meaning: str
    dimension: str = ""
    low: float | None = None
    high: float | None = None
    unknown: tuple[float, ...] = ()
    required: bool = True  # the study must name a column for it
    nulls: bool = False  # rows with a null here are kept
    past: bool = False
    guesses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """Which column of the source plays a role, its unit, and (for times without one) its zone."""

    column: str
    unit: str = ""
    timezone: str = ""


LATITUDE = Role(
    "latitude", "number", "degrees north of the equator", "angle", -90, 90, guesses=("lat", "y", "latitude_deg")
)
LONGITUDE = Role(
    "longitude", "number", "degrees east of Greenwich", "angle", -180, 180, guesses=("lon", "lng", "long", "x")
)
# 102.3 kn, 360.0 and 511 degrees: "not available" in AIS (ITU-R M.1371-5, message 1: speed, course, true heading)
SPEED = Role(
    "speed", "number", "speed over ground", "speed", 0, None, (102.3,), nulls=True,
    guesses=("sog", "speed_over_ground", "groundspeed", "velocity"),
)  # fmt: skip
HEADING = Role(
    "heading", "number", "course over ground or heading, clockwise from north", "angle", 0, 360, (360.0, 511.0),
    nulls=True, guesses=("cog", "course", "track", "course_over_ground", "true_heading"),
)  # fmt: skip
TIME = Role("time", "time", "when", guesses=("timestamp", "t", "datetime", "basedatetime", "date_time_utc", "date"))
ENTITY = Role(
    "entity", "text", "who: vessel, aircraft, person", guesses=("mmsi", "vessel_id", "id", "icao24", "imo", "ship_id")
)


def covariate(name: str) -> Role:
    """A column beside the position: numbers or words, known or not."""
    return Role(name, "any", "a covariate", nulls=True, guesses=(name,))


def feature(name: str) -> Role:
    """A column of a plain numeric table; rows without it are rejected."""
    return Role(name, "number", "a feature", guesses=(name,))
