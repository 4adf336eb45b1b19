"""The database's clock: the one clock that all workers share."""

from __future__ import annotations

from typing import Any

from django.db import models

__all__ = ["Clock"]


class Clock(models.Func):
    """Seconds since 1970 (UTC) as the database counts them at this statement.

    SQLite's ``unixepoch('subsec')`` is NULL before 3.42, hence its Julian day. MySQL's UNIX_TIMESTAMP reads local
    time, which an hour a year has twice, hence the difference between two UTC times. PostgreSQL's ``now()`` is the
    beginning of the transaction, hence ``clock_timestamp()``.
    """

    output_field = models.FloatField()
    template = "((julianday('now') - 2440587.5) * 86400.0)"
    arity = 0

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        """The clock of PostgreSQL."""
        template = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS double precision)"
        return self.as_sql(compiler, connection, template=template)

    def as_mysql(self, compiler: Any, connection: Any) -> Any:
        """The clock of MySQL and MariaDB."""
        template = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e6)"
        return self.as_sql(compiler, connection, template=template)
