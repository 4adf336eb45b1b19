"""SQL databases as sources: SQLite by the standard library, others through SQLAlchemy. Passwords are told nowhere."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa

from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing, masked_address, passwords
from potomac.tables.chunk import Source, shown
from potomac.tables.memory import array
from potomac.tables.spool import Spool
from potomac.tables.streams import reading

__all__ = ["is_url", "open_database", "reads"]

ROWS = 16_384
"""Rows fetched at a time. Fixed, because columns of mixed kinds become words batch by batch."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_SCHEMES = ("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle")
_NO_DATABASES = ("http", "https", "ftp", "s3", "gs", "file", "hdfs", "abfs", "az")
_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
"""What is meant where an address names no driver: those of the extra ``sql``."""
_PACKAGES = {
    "psycopg": "potomac[sql]",
    "pymysql": "potomac[sql]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
}
_READ_ONLY = ("SET SESSION TRANSACTION READ ONLY", "SET time_zone = '+00:00'")
_SESSION = {"mysql": _READ_ONLY, "mariadb": _READ_ONLY}
"""MySQL commits a DROP TABLE at once unless it is told before; its timestamps come in the zone of the session."""
_READS = re.compile(r"(?>\s|\(|--[^\n]*\n|/\*.*?\*/)*+(?:select|with|values|table|show)\b", re.IGNORECASE | re.DOTALL)
_SELECT = "Write SELECT ... FROM ... ORDER BY ..."
_BIND = re.compile(r"(?<![:\w\\]):([\w$]+)(?![:\w$])")


def is_url(written: str) -> bool:
    """Whether ``written`` is an address and no path."""
    return bool(_URL.fullmatch(written))


def reads(query: str) -> bool:
    """Whether a query begins as those do that give rows."""
    return bool(_READS.match(query))


def open_database(url: str, query: str, base: Path) -> Source:
    """The rows of ``query``.

    Raises:
        StudyError: the scheme is unknown, or its driver is not installed.
        DataError: there is no such database, it refuses, or the query is wrong.
    """
    match = _URL.fullmatch(url)
    scheme = match.group(1).lower() if match else ""
    if scheme in _NO_DATABASES:
        found = f'"{scheme}" is no database'
        expected = f"expected a file, or a database: {listing(_SCHEMES)}"
        raise StudyError(Fault("data.scheme", found, expected, "Fetch the file first, and name it here"))
    if scheme in ("sqlite", "sqlite3"):
        return _sqlite(url, query, base)
    return _sqlalchemy(url, query, scheme)


def _sqlite(url: str, query: str, base: Path) -> Query:
    label = masked_address(url)
    written = unquote(url.partition("://")[2].partition("?")[0].removeprefix("/"))
    path = base / written
    if not path.is_file():
        there = sorted(one.name for one in path.parent.iterdir()) if path.parent.is_dir() else []
        found = f"there is no database file {shown(written)}"
        mend = did_you_mean(path.name, there) or "sqlite:///data.db is relative to the study, sqlite:////data.db is not"
        raise DataError(Fault("data.source-missing", found, "expected an SQLite file", mend))
    with reading(label):
        path.open("rb").close()  # permission is asked of the system: SQLite says only that it cannot
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, check_same_thread=False)
        connection.set_authorizer(_authorised)
        cursor = connection.execute(query)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise _refused(error, label, set(), query) from error
    if cursor.description is None:
        raise DataError(_no_rows_query(query))
    names = [column[0] for column in cursor.description]
    rows = _fetched(cursor, names, label, query, (sqlite3.Error,), set())
    return Query(rows, names, label, query, (connection,), ((label, path),))


class Query(Spool):
    """The rows of a query, kept on disk: a database promises no order, and its rows may change between passes."""

    def __init__(
        self,
        rows: Iterator[pa.RecordBatch],
        names: Sequence[str],
        label: str,
        query: str,
        closes: Sequence[Any],
        files: tuple[tuple[str, Path], ...] = (),
    ) -> None:
        super().__init__(rows, names, label, closes)
        self._files = files
        if not re.search(r"\border\s+by\b", query, re.IGNORECASE):
            self._notes = (f"{shown(label)}: the query has no ORDER BY, so another run may number the rows otherwise",)


def _authorised(action: int, *_: Any) -> int:
    """Nothing but reading: a query may not reach for other files."""
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK


def _no_rows_query(query: str) -> Fault:
    return Fault("data.query", f"the query {shown(query)!r} gives no rows", "expected a SELECT", _SELECT)


def _fetched(
    cursor: Any, names: Sequence[str], label: str, query: str, kinds: tuple[type[Exception], ...], secrets: set[str]
) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            rows = cursor.fetchmany(ROWS)
        except kinds as error:
            raise _refused(error, label, secrets, query) from None
        if not rows:
            return
        arrays = [array(list(column)) for column in zip(*rows, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, names=list(names))


def _sqlalchemy(url: str, query: str, scheme: str) -> Query:
    try:
        import sqlalchemy as sa
    except ModuleNotFoundError:
        found = "databases other than SQLite need the package sqlalchemy, which is not installed"
        raise StudyError(Fault("data.driver-missing", found, "", "Run pip install 'potomac[sql]'")) from None
    if not reads(query):
        raise DataError(_no_rows_query(query))
    label, secrets = masked_address(url), passwords(url)
    connection = _connected(_engine(url, label, scheme), label, secrets, scheme)
    try:
        result = connection.execute(sa.text(_BIND.sub(r"\\:\1", query)))
    except sa.exc.SQLAlchemyError as error:
        connection.close()
        raise _refused(error, label, secrets, query) from None
    if not result.returns_rows:
        connection.close()
        raise DataError(_no_rows_query(query))
    names = [str(name) for name in result.keys()]  # noqa: SIM118  a method of results
    rows = _fetched(result, names, label, query, (sa.exc.SQLAlchemyError,), secrets)
    return Query(rows, names, label, query, (_Cut(connection, result, connection.connection.dbapi_connection),))


@dataclass(frozen=True)
class _Cut:
    """Closes a connection without waiting for the rows that the query would still send."""

    connection: Any
    result: Any
    driver: Any

    def close(self) -> None:
        pending: Any = getattr(self.driver, "_result", None)
        if hasattr(pending, "unbuffered_active"):
            pending.unbuffered_active = False  # else PyMySQL reads all of them first
        self.result.close()
        self.connection.invalidate()
        self.connection.close()


def _engine(url: str, label: str, scheme: str) -> Any:
    """SQLAlchemy's engine for an address; without a pool, so that a connection that is closed is gone."""
    import sqlalchemy as sa

    try:
        address = sa.make_url(url)
        if "@" in (address.host or ""):
            expected = "expected the signs @ / : of user and password as %40 %2F %3A"
            raise StudyError(Fault("data.url", f"{shown(label)} has more than one @", expected))
        if address.drivername in _DRIVERS:
            address = address.set(drivername=_DRIVERS[address.drivername])
        return sa.create_engine(address, poolclass=sa.pool.NullPool)
    except sa.exc.NoSuchModuleError:
        known = scheme.partition("+")[0] in _SCHEMES
        found = f'no driver is called "{shown(scheme)}"' if known else f'no database is called "{shown(scheme)}"'
        mend = did_you_mean(scheme.partition("+")[0], _SCHEMES) if not known else "Leave out what follows the +"
        raise StudyError(Fault("data.scheme", found, f"valid are {listing(_SCHEMES)}", mend)) from None
    except ModuleNotFoundError as error:
        raise StudyError(_no_driver(error, scheme)) from None
    except (sa.exc.ArgumentError, TypeError, ValueError) as error:
        if isinstance(error, StudyError):
            raise
        expected = "expected scheme://user:password@host:port/database"
        raise StudyError(Fault("data.url", f"{shown(label)} is no address of a database", expected)) from None


def _connected(engine: Any, label: str, secrets: set[str], scheme: str) -> Any:
    """A connection that streams and, where the database can promise it, only reads."""
    options: dict[str, Any] = {"stream_results": True, "max_row_buffer": ROWS}
    if engine.dialect.name == "postgresql":
        options["postgresql_readonly"] = True
    try:
        connection = engine.connect().execution_options(**options)
        for statement in _SESSION.get(engine.dialect.name, ()):
            connection.exec_driver_sql(statement)
    except ModuleNotFoundError as error:
        raise StudyError(_no_driver(error, scheme)) from None
    except Exception as error:  # drivers raise what they like on parameters of an address
        mend = "Look at the address, the user and the password"
        found = f"{shown(label)} refuses: {_told(error, secrets)}"
        raise DataError(Fault("data.database", found, "", mend)) from None
    return connection


def _no_driver(error: ModuleNotFoundError, scheme: str) -> Fault:
    module = (error.name or "").partition(".")[0]
    found = f'databases of the kind "{shown(scheme)}" need the Python module {module}, which is not installed'
    return Fault("data.driver-missing", found, "", f"Run pip install '{_PACKAGES.get(module, module)}'")


def _refused(error: BaseException, label: str, secrets: set[str], query: str) -> DataError:
    """What the database says of a query."""
    found = f"{shown(label)} refuses: {_told(error, secrets)}"
    return DataError(Fault("data.database", found, f"the query was {shown(' '.join(query.split()))!r}"))


def _told(error: BaseException, secrets: set[str]) -> str:
    """The words of an error, on one line and without the password."""
    text = _said(getattr(error, "orig", None) or error)
    for word in sorted(secrets, key=len, reverse=True):
        text = text.replace(word, "***")
    return shown(" ".join(text.split()), 300)


def _said(error: BaseException) -> str:
    """The sentence of an error: PostgreSQL's without the name of the cursor, MySQL's without its number."""
    diagnosis = getattr(error, "diag", None)
    sentences = [getattr(diagnosis, name, None) for name in ("message_primary", "message_hint")]
    if sentences[0]:
        return ". ".join(filter(None, sentences)).rstrip(".")
    if len(error.args) == 2 and isinstance(error.args[0], int) and error.args[1]:
        return str(error.args[1]).rstrip(".")
    return str(error)
