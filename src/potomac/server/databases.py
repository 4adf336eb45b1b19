"""A database URL -> Django's settings for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from potomac.errors import Fault, StudyError, listing

__all__ = ["settings"]

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
    if scheme in ("mysql", "mariadb"):
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
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def _sqlite(file: Path) -> dict[str, Any]:
    """Write-ahead log, and transactions that take their lock at once: who waits does so in order and never fails."""
    options = {"init_command": _PRAGMAS, "transaction_mode": "IMMEDIATE", "timeout": 20}
    return {"ENGINE": _ENGINES["sqlite"], "NAME": str(file), "OPTIONS": options, "CONN_MAX_AGE": 60}


def _as_mysqlclient() -> None:
    """PyMySQL in the place of mysqlclient, which would have to be compiled."""
    import pymysql

    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()
