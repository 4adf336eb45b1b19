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
def fresh_database() -> Iterator[str]:
    """The address of an empty database, which goes afterwards; empty for SQLite, whose file lies in each home."""
    if not ELSEWHERE:
        yield ""
        return
    name = f"potomac_{secrets.token_hex(6)}"
    own = ELSEWHERE.startswith("postgres")
    _do(f"CREATE DATABASE {name}" + ("" if own else " CHARACTER SET utf8mb4"))
    try:
        yield urlunsplit(urlsplit(ELSEWHERE)._replace(path=f"/{name}"))
    finally:
        _do(f"DROP DATABASE {name}" + (" WITH (FORCE)" if own else ""))


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
