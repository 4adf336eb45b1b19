"""Roles: what a column means, in which unit, within which range, and how to guess it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Column", "Role"]

Kind = Literal["number", "integer", "time", "text", "any"]


@dataclass(frozen=True, slots=True)
class Role:
    """What a column is to an engine.

    ``kind`` is the type values are brought to: number -> float64, integer -> int64, time -> timestamp[us, UTC],
    text -> string, any -> number where all values are numbers, else text. ``dimension`` (see ``potomac.units``) lets
    a study give a unit; values come in the base unit. Values outside [``low``, ``high``] reject the row.
    ``unknown`` values (given in the source's own unit) mean "not known" and become null. A null in a role that is
    ``needed`` rejects the row when ``nulls`` is False. ``guesses`` are usual column names, for suggestions.
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
    guesses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """Which column of the source plays a role, its unit, and (for times without one) its zone."""

    column: str
    unit: str = ""
    timezone: str = ""
