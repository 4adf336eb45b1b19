"""Tables: rows with named columns, each with a role, a type and a unit; checked, streamed, nothing lost."""

from potomac.tables.roles import Column, Role
from potomac.tables.table import Table, open

__all__ = ["Column", "Role", "Table", "open"]
