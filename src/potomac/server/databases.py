"""A database URL -> Django's settings for it; the text that every database can keep; transactions that meet."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from potomac.errors import Fault, StudyError, listing

__all__ = ["again", "as_text", "is_text", "keep_log", "narrow", "only_text", "settings"]

_ENGINES = {
    "postgres": "django.db.backends.postgresql",
    "postgresql": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
    "mariadb": "django.db.backends.mysql",
    "sqlite": "django.db.backends.sqlite3",
}

_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; "
    "PRAGMA mmap_size=134217728; PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-16000;"
)


def settings(url: str, home: Path) -> dict[str, Any]:
    """The entry of ``DATABASES``.

    Args:
        url: such as ``postgresql://user:password@host:5432/name``; empty for SQLite in ``home``.
        home: POTOMAC_HOME.

    Raises:
        StudyError: the URL names no database that is known.
    """
    if not url:
        return _sqlite(home / "potomac.sqlite3")
    parts = urlsplit(url)
    scheme = parts.scheme.partition("+")[0]
    if scheme not in _ENGINES:
        found, valid = f'the database URL begins with "{parts.scheme}"', f"known are {listing(_ENGINES)}"
        raise StudyError(Fault("server.config", found, valid, "", "", None, "database"))
    if scheme == "sqlite":
        return _sqlite(Path(unquote(parts.path.removeprefix("/")) if parts.path.startswith("//") else parts.path))
    if scheme in ("mysql", "mariadb"):
        _as_mysqlclient()
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    test: dict[str, Any] = {}
    if scheme in ("mysql", "mariadb"):
        test = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_general_ci"}  # not the server's, which may be Latin 1
        options |= {
            "charset": "utf8mb4",
            "isolation_level": "read committed",
            "init_command": "SET sql_mode='STRICT_ALL_TABLES'",
        }
    return {
        "ENGINE": _ENGINES[scheme],
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        "TEST": test,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def _sqlite(file: Path) -> dict[str, Any]:
    """Write-ahead log, and transactions that take their lock at once: who waits does so in order and never fails."""
    options = {"init_command": _PRAGMAS, "transaction_mode": "IMMEDIATE", "timeout": 20}
    return {"ENGINE": _ENGINES["sqlite"], "NAME": str(file), "OPTIONS": options, "CONN_MAX_AGE": 60}


def keep_log(database: Mapping[str, Any]) -> None:
    """Make a SQLite file keep a write-ahead log (it does so for ever), one process after the other.

    SQLite waits for other processes with all but this: of several that begin it together, some would be told at once
    that the database is locked.

    Args:
        database: an entry of ``DATABASES``; another than SQLite is left alone, and so is a file that cannot be made,
            of which the first query tells.
    """
    if database["ENGINE"] != _ENGINES["sqlite"]:
        return
    import fcntl
    import sqlite3

    file = Path(database["NAME"])
    with contextlib.suppress(OSError, sqlite3.Error):
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if not file.exists():
                file.touch(mode=0o600)
            with contextlib.closing(sqlite3.connect(file, timeout=20)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        finally:
            os.close(folder)


def _as_mysqlclient() -> None:
    """PyMySQL in the place of mysqlclient, which would have to be compiled."""
    import pymysql

    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()


# ---- text -----------------------------------------------------------------------------------------------------------


def narrow(connection: Any) -> str:
    """The character set of the database where it cannot keep every text; empty where it can."""
    asked = {"mysql": "SELECT @@character_set_database", "postgresql": "SHOW server_encoding"}.get(connection.vendor)
    if asked is None:
        return ""
    with connection.cursor() as cursor:
        cursor.execute(asked)
        found = str(cursor.fetchone()[0])
    return "" if found in ("UTF8", "utf8mb4") else found


def is_text(value: str) -> bool:
    """Whether every database can keep it: PostgreSQL has no NUL, and none has half of a pair of UTF-16."""
    if "\0" in value:
        return False
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def as_text(value: Any) -> Any:
    """``value`` (JSON-ready) with a replacement character for each sign that no database can keep."""
    if isinstance(value, str):
        return value if is_text(value) else "".join(map(_shown, value))
    if isinstance(value, Mapping):
        return {as_text(key): as_text(item) for key, item in value.items()}
    return [as_text(item) for item in value] if isinstance(value, list | tuple) else value


def _shown(sign: str) -> str:
    return sign if is_text(sign) else "\N{REPLACEMENT CHARACTER}"


def only_text(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Mapping[str, Any]) -> Any:
    """The last net under what a request brings, the same on each database (see ``connection.execute_wrapper``).

    Raises:
        SuspiciousOperation: a value is text that not every database can keep; the request is answered with 400.
    """
    from django.core.exceptions import SuspiciousOperation

    values = params.values() if isinstance(params, Mapping) else params or ()
    if not many and not all(is_text(value) for value in values if isinstance(value, str)):
        raise SuspiciousOperation("text with NUL or half of a pair of UTF-16")
    return execute(sql, params, many, context)


# ---- transactions that meet -----------------------------------------------------------------------------------------

_Value = TypeVar("_Value")
_MET = {1205, 1213, "40001", "40P01"}
"""What is to be begun anew: lock waits and deadlocks, as MariaDB numbers and PostgreSQL names them."""


def again(act: Callable[[], _Value], times: int = 5) -> _Value:
    """``act``, a transaction of its own, begun anew where the database ended it for one that it met."""
    from django.db import OperationalError, connection

    for left in reversed(range(times)):
        try:
            return act()
        except OperationalError as error:
            names = {*error.args[:1], getattr(error.__cause__, "sqlstate", None)}
            if not left or connection.in_atomic_block or not names & _MET:
                raise
    raise AssertionError("times is 1 or more")
