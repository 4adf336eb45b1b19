"""Fresh databases beside the one of the tests, of the same kind: for servers of their own and for what is restored."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

__all__ = ["ELSEWHERE", "fresh_database"]

ELSEWHERE = os.environ.get("POTOMAC_TEST_DATABASE_URL", "")
"""The address of PostgreSQL or MariaDB, where the tests run there; empty for SQLite."""


@contextmanager
def fresh_database(*, utf8: bool = True) -> Iterator[str]:
    """The address of an empty database, which goes afterwards; empty for SQLite, whose file lies in each home.

    ``utf8``: whether it is in UTF-8, or in Latin 1, which MariaDB was for long where nothing else was said.
    """
    if not ELSEWHERE:
        yield ""
        return
    name = f"potomac_{secrets.token_hex(6)}"
    own = ELSEWHERE.startswith("postgres")
    kind = "postgresql" if own else "mysql"
    _do(f"CREATE DATABASE {name}{_SETS[kind][utf8]}")
    try:
        yield urlunsplit(urlsplit(ELSEWHERE)._replace(path=f"/{name}"))
    finally:
        _do(f"DROP DATABASE {name}" + (" WITH (FORCE)" if own else ""))


_SETS = {
    "postgresql": {
        True: " ENCODING 'UTF8' TEMPLATE template0",
        False: " ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
    },
    "mysql": {True: " CHARACTER SET utf8mb4", False: " CHARACTER SET latin1"},
}


def _do(statement: str) -> None:
    connection = _connected()
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()


def _connected() -> Any:
    parts = urlsplit(ELSEWHERE)
    told: dict[str, Any] = {"host": parts.hostname, "user": parts.username, "password": unquote(parts.password or "")}
    if parts.port:
        told["port"] = parts.port
    if ELSEWHERE.startswith("postgres"):
        import psycopg

        return psycopg.connect(dbname="postgres", autocommit=True, **told)
    import pymysql

    return pymysql.connect(autocommit=True, **told)
