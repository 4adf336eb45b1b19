"""Tables: rows with named columns, each with a role, a type and a unit; checked, streamed, nothing lost."""

from potomac.tables.ordered import Ordered
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
