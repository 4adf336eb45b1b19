"""Databases that an administrator registers: which addresses are good, and which queries only read."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from django.db import connections

from potomac.errors import DataError, Fault, StudyError
from potomac.server.config import home
from potomac.tables.chunk import shown

__all__ = ["checked", "reading"]

_LONGEST = 20_000
_PATIENCE = 5  # seconds until a database that does not answer is given up
_PATIENT = ("postgresql", "mysql", "mariadb")
_QUOTED = re.compile(r"'[^']*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)


def reading(query: str) -> str:
    """A query as it is kept: one statement that reads.

    The database itself is asked for a connection that cannot write; this is the sentence before it.

    Raises:
        StudyError: it is empty, too long, several, or no query that reads.
    """
    from potomac.tables.database import reads

    text = query.strip().rstrip(";").rstrip()
    if len(text) > _LONGEST or "\0" in text:
        raise StudyError(_no_query(f"the query has {len(text):,} signs", f"expected at most {_LONGEST:,}, without NUL"))
    if not reads(text):
        raise StudyError(_no_query(f"the query {shown(text, 60)!r} does not read", "expected a SELECT"))
    if ";" in _QUOTED.sub("", text):
        raise StudyError(_no_query("the query is more than one statement", "expected one"))
    return text


def _no_query(found: str, expected: str) -> Fault:
    return Fault("upload.query", found, expected, "Write SELECT ... FROM ... ORDER BY ...", key="query")


def checked(url: str) -> str:
    """The address of a database that answers.

    Raises:
        StudyError: it is no address of a database, or the server's own.
        DataError: it does not answer.
    """
    from potomac.tables.database import is_url, open_database

    url = url.strip()
    if not is_url(url):
        expected = "expected scheme://user:password@host:port/database"
        raise StudyError(Fault("data.url", "this is no address of a database", expected, key="url"))
    if _is_own(url):
        found = "this is the server's own database, where passwords and everybody's studies are"
        raise StudyError(Fault("upload.database", found, "expected another one", key="url"))
    query = "SELECT 1 AS one FROM dual" if url.startswith("oracle") else "SELECT 1 AS one"
    source = open_database(_patient(url), query, Path("/"))
    if not any(chunk.length for chunk in source.chunks(["one"])):
        raise DataError(Fault("upload.database", "the database gives no answer", key="url"))
    return url


def _is_own(url: str) -> bool:
    """Whether it is the database of this server, or a file in its home."""
    parts = urlsplit(url)
    if parts.scheme.startswith("sqlite"):
        path = Path("/", unquote(parts.path).removeprefix("/")).resolve()
        return path.is_relative_to(home().resolve())
    own = connections["default"].settings_dict
    try:
        port = str(parts.port or "")
    except ValueError:
        return False
    there = (unquote(parts.path.lstrip("/")), parts.hostname or "", port)
    return there == (str(own["NAME"]), str(own["HOST"]), str(own["PORT"]))


def _patient(url: str) -> str:
    """The address with an end to waiting, where its driver knows one and none is given."""
    parts = urlsplit(url)
    given = parse_qsl(parts.query, keep_blank_values=True)
    if parts.scheme.partition("+")[0] not in _PATIENT or "connect_timeout" in dict(given):
        return url
    return urlunsplit(parts._replace(query=urlencode([*given, ("connect_timeout", str(_PATIENCE))])))
