"""Tables: rows with named columns, each with a role, a type and a unit; checked, streamed, nothing lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from potomac.tables.roles import (
    ENTITY,
    HEADING,
    LATITUDE,
    LONGITUDE,
    SPEED,
    TIME,
    Column,
    Role,
    covariate,
    feature,
)

if TYPE_CHECKING:
    from potomac.tables.ordered import Ordered
    from potomac.tables.table import Counts, Table, open

__all__ = [
    "ENTITY",
    "HEADING",
    "LATITUDE",
    "LONGITUDE",
    "SPEED",
    "TIME",
    "Column",
    "Counts",
    "Ordered",
    "Role",
    "Table",
    "covariate",
    "feature",
    "open",
]

_LATER = {"Counts": "table", "Ordered": "ordered", "Table": "table", "open": "table"}


def __getattr__(name: str) -> Any:
    """What reads tables is imported where it is used, and Arrow with it: who speaks of roles alone needs neither."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = found
    return found
