"""Databases with servers, where the environment names one: kinds of values, refusals, streams. See CONTRIBUTING.md."""

from __future__ import annotations

import datetime as dt
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from potomac import tables
from potomac.errors import DataError, PotomacError, StudyError
from potomac.tables import Role, database

sa = pytest.importorskip("sqlalchemy")

VALUE = (Role("v", "number", "a value"),)
WORD = (Role("v", "text", "a word"),)
TIME = (Role("v", "time", "a time"),)
NOON = dt.datetime(2024, 3, 31, 12, tzinfo=dt.UTC)

KINDS = {
    "postgresql": "n numeric(20, 6), t timestamp, z timestamptz, w text, b boolean, f double precision",
    "mysql": "n decimal(20, 6), t datetime, z timestamp NULL, w text, b boolean, f double",
}
NUMBERS = {
    "postgresql": "SELECT s AS v, repeat('x', 100) AS w FROM generate_series(1, {0}) AS s ORDER BY 1",
    "mysql": """
        WITH RECURSIVE d AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM d WHERE n < 999),
        e AS (SELECT n FROM d WHERE n < 2)
        SELECT a.n + 1000 * b.n + 1000000 * c.n + 1 AS v, repeat('x', 100) AS w FROM d AS a, d AS b, e AS c
        WHERE b.n + 1000 * c.n < {0} / 1000 ORDER BY c.n, b.n, a.n
    """,
}


@dataclass(frozen=True)
class Server:
    kind: str
    url: str

    def altered(self, **parts: Any) -> str:
        return str(sa.make_url(self.url).set(**parts).render_as_string(hide_password=False))

    def execute(self, *statements: str) -> list[Any]:
        engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        with engine.begin() as connection:
            results = [connection.exec_driver_sql(statement) for statement in statements]
            return results[-1].all() if results[-1].returns_rows else []

    def read(self, roles: tuple[Role, ...], query: str) -> list[Any]:
        return tables.open(self.url, {}, roles, query=query).to_arrow()["v"].to_pylist()


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    variable = f"POTOMAC_TEST_{request.param.upper()}"
    if variable not in os.environ:
        pytest.skip(f"{variable} names no server")
    server = Server(request.param, os.environ[variable])
    server.execute(
        "DROP TABLE IF EXISTS potomac_kinds",
        f"CREATE TABLE potomac_kinds (id int, {KINDS[request.param]})",
        *(["SET time_zone = '+00:00'"] if request.param == "mysql" else ["SET TIME ZONE 'UTC'"]),
        "INSERT INTO potomac_kinds VALUES (1, 48.125, '2024-03-31 12:00:00', '2024-03-31 12:00:00', '<b>é', true, 1.5)",
        "INSERT INTO potomac_kinds VALUES (2, NULL, NULL, NULL, NULL, NULL, NULL)",
        "INSERT INTO potomac_kinds VALUES (3, -0.5, '2024-01-01 00:00:00', '2024-01-01 00:00:00', '', false, 1e300)",
    )
    yield server
    server.execute("DROP TABLE IF EXISTS potomac_kinds")


@pytest.mark.parametrize(
    ("column", "roles", "values"),
    [
        ("n", VALUE, [48.125, -0.5]),
        ("f", VALUE, [1.5, 1e300]),
        ("b", VALUE, [1.0, 0.0]),
        ("w", WORD, ["<b>é"]),
        ("t", TIME, [NOON, dt.datetime(2024, 1, 1, tzinfo=dt.UTC)]),
        ("z", TIME, [NOON, dt.datetime(2024, 1, 1, tzinfo=dt.UTC)]),
    ],
)
def test_values_of_every_kind(server: Server, column: str, roles: tuple[Role, ...], values: list[Any]) -> None:
    table = tables.open(server.url, {"v": column}, roles, query="SELECT * FROM potomac_kinds ORDER BY id")
    assert table.to_arrow()["v"].to_pylist() == values
    reasons = [(one["row"], one["reason"]) for one in table.rejected().read_all().to_pylist()]
    assert (1, "no v") in reasons


def test_a_time_with_a_zone_is_the_same_wherever_the_session_is(server: Server) -> None:
    """The first of two days between which the clocks of Paris go forward, asked for from there."""
    parameters = {
        "postgresql": {"options": "-c TimeZone=Europe/Paris"},
        "mysql": {"init_command": "SET time_zone = '+02:00'"},
    }
    url = server.altered(query=parameters[server.kind])
    table = tables.open(url, {"v": "z"}, TIME, query="SELECT z FROM potomac_kinds ORDER BY id")
    assert table.to_arrow()["v"].to_pylist()[0] == NOON


def test_signs_of_a_query_are_no_parameters(server: Server) -> None:
    query = "SELECT id AS v FROM potomac_kinds WHERE w LIKE '<%%' OR w LIKE '<%' AND 'a:b %s %(x)s :c' <> w ORDER BY id"
    assert server.read(VALUE, query) == [1]


def test_an_address_may_leave_the_driver_out(server: Server) -> None:
    url = server.altered(drivername=server.kind)
    table = tables.open(url, {}, VALUE, query="SELECT id AS v FROM potomac_kinds ORDER BY id")
    assert table.to_arrow()["v"].to_pylist() == [1, 2, 3]


@pytest.mark.parametrize("query", ["DROP TABLE potomac_kinds", "DELETE FROM potomac_kinds RETURNING id AS v"])
def test_a_query_cannot_write(server: Server, query: str) -> None:
    with pytest.raises(DataError, match="expected a SELECT"):
        server.read(VALUE, query)
    connection = database._connected(sa.create_engine(server.url, poolclass=sa.pool.NullPool), "", set(), "")
    with connection, pytest.raises(sa.exc.SQLAlchemyError, match=r"(?i)read.only|syntax error"):
        connection.exec_driver_sql(query).all()
    assert server.execute("SELECT count(*) FROM potomac_kinds") == [(3,)]


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"password": "ge/h:im@"}, r"(?i)password"),
        ({"port": 1}, r"(?i)refused"),
        ({"host": "nowhere.invalid"}, r"nowhere\.invalid"),
        ({"database": "potomac_nowhere"}, "potomac_nowhere"),
        ({"query": {"no_such_parameter": "1", "password": "ge/h:im@"}}, "no_such_parameter"),
    ],
)
def test_a_server_that_refuses_is_told_without_the_password(server: Server, parts: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told) as error:
        tables.open(server.altered(**parts), {}, VALUE, query="SELECT 1 AS v")
    (fault,) = error.value.faults
    assert fault.code == "data.database"
    assert "***@" in str(fault)
    assert "Look at the address" in fault.mend
    assert not any(word in str(fault) for word in ("ge/h", "ge%2Fh", sa.make_url(server.url).password))


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT id AS v FROM potomac_nothing", "potomac_nothing.* (does not|doesn't) exist; the query was"),
        ("SELECT nothing AS v FROM potomac_kinds", "nothing.*; the query was"),
        ("SELECT FROM WHERE", "syntax.*; the query was"),
        ("SELECT 1 AS v; SELECT 2 AS v", "the query was"),
    ],
)
def test_a_wrong_query_is_told_as_the_server_tells_it(server: Server, query: str, told: str) -> None:
    with pytest.raises(DataError, match=told) as error:
        server.read(VALUE, query)
    assert "DECLARE" not in str(error.value)
    assert not str(error.value.faults[0].found).endswith(")")


def test_a_connection_that_is_not_read_to_its_end_is_gone_at_once(server: Server) -> None:
    """No warning of the driver, which would fail this test, and no session left on the server."""
    sessions = {
        "postgresql": "SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%%repeat%%'",
        "mysql": "SELECT 1 FROM information_schema.processlist WHERE id <> connection_id() AND info LIKE '%%repeat%%'",
    }[server.kind]
    table = tables.open(server.url, {}, VALUE, query=NUMBERS[server.kind].format(1_000_000))
    assert next(iter(table.batches(size=10))).num_rows == 10
    del table
    gc.collect()
    for _ in range(100):
        if not (left := server.execute(sessions)):
            break
        server.execute("SELECT " + {"postgresql": "pg_sleep(0.1)", "mysql": "sleep(0.1)"}[server.kind])
    assert left == []


@pytest.mark.slow
def test_two_million_rows_take_no_more_memory_than_a_quarter_of_them(server: Server) -> None:
    program = """
import resource, sys
from potomac import tables
table = tables.open(sys.argv[1], {}, (tables.Role("v", "number", ""), tables.Role("w", "text", "")), query=sys.argv[2])
rows = sum(batch.num_rows for batch in table.batches())
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""

    def megabytes(rows: int) -> float:
        words = [sys.executable, "-c", program, server.url, NUMBERS[server.kind].format(rows)]
        read, most = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
        assert int(read) == rows
        return float(most)

    # whole, the further rows would take 150 MB for their words of 100 letters alone, and more as Python's values
    assert megabytes(2_000_000) < megabytes(500_000) + 60


def test_more_than_one_at_sign_is_no_address() -> None:
    """SQLAlchemy would take what follows the first for the host, and the message would tell it."""
    with pytest.raises(StudyError, match=r"me:\*\*\*@host/db has more than one @; expected .* %40") as error:
        tables.open("postgresql://me:ge@heim@host/db", {}, VALUE, query="SELECT 1 AS v")
    assert "heim" not in str(error.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("postgresql://h/d", ("postgresql", "psycopg")),
        ("mysql://h/d", ("mysql", "pymysql")),
        ("mariadb://h/d", ("mariadb", "pymysql")),
        ("mysql+pymysql://h/d", ("mysql", "pymysql")),
    ],
)
def test_drivers_of_the_extra_are_meant_where_none_is_named(written: str, meant: tuple[str, str]) -> None:
    engine = database._engine(written, written, written.partition(":")[0])
    assert (engine.dialect.name, engine.dialect.driver) == meant


@pytest.mark.parametrize(("url", "module"), [("postgresql://h/d", "psycopg"), ("mysql://h/d", "pymysql")])
def test_a_driver_of_the_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch, url: str, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(StudyError, match=rf"need the Python module {module}.*pip install 'potomac\[sql\]'"):
        tables.open(url, {}, VALUE, query="SELECT 1 AS v")


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        ("select 1", True),
        ("\n -- a comment: drop\n/* another\none */ ((SELECT 1) UNION SELECT 2)", True),
        ("WITH a AS (SELECT 1) SELECT * FROM a", True),
        ("selection", False),
        ("DROP TABLE a -- SELECT", False),
        ("/* SELECT */ DELETE FROM a", False),
        ("", False),
    ],
)
def test_which_queries_read(query: str, reads: bool) -> None:
    assert bool(database._READS.match(query)) is reads


def test_a_database_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(PotomacError, match="expected a SELECT"):
        tables.open(f"sqlite+pysqlite:///{tmp_path}/a.db", {}, VALUE, query="CREATE TABLE a (v)")
    assert list(tmp_path.iterdir()) == []
