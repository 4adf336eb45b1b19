"""Databases: queries as they are written, passwords told nowhere, the same rows on every pass."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from potomac import tables
from potomac.errors import passwords
from potomac.tables import Role, covariate, database

VALUE = Role("v", "number", "a value")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE p (v, w)")
        connection.executemany("INSERT INTO p VALUES (?, ?)", [(number, f"w{number}") for number in range(50)])
    connection.close()
    return tmp_path


@pytest.mark.parametrize("scheme", ["sqlite:///a.db", "sqlite:////{}/a.db", "sqlite+pysqlite:////{}/a.db"])
def test_the_rows_of_a_query(store: Path, scheme: str) -> None:
    url = scheme.format(str(store).lstrip("/"))
    opened = tables.open(url, {}, (VALUE,), query="SELECT v FROM p WHERE w <> 'a:b %s %(x)s' ORDER BY v", base=store)
    assert opened.to_arrow()["v"].to_pylist() == list(range(50))
    assert opened.notes == ()


def test_a_query_without_order_is_said(store: Path) -> None:
    opened = tables.open("sqlite:///a.db", {}, (VALUE,), query="SELECT v FROM p", base=store)
    assert any("no ORDER BY" in note for note in opened.notes)


def test_every_pass_gives_the_same_though_the_table_changes(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "ROWS", 7)
    opened = tables.open("sqlite:///a.db", {}, (VALUE,), query="SELECT v FROM p ORDER BY v", base=store)
    first = opened.to_arrow()
    with sqlite3.connect(store / "a.db") as connection:
        connection.execute("DELETE FROM p")
    connection.close()
    assert opened.to_arrow().equals(first)
    assert opened.counts().read == 50


def test_columns_of_several_kinds_become_words(store: Path) -> None:
    query = "SELECT CASE v % 3 WHEN 0 THEN 'x' WHEN 1 THEN v ELSE NULL END AS mixed FROM p ORDER BY v"
    opened = tables.open("sqlite:///a.db", {}, (covariate("mixed"),), query=query, base=store)
    assert opened.to_arrow()["mixed"].to_pylist()[:5] == ["x", "1", None, "x", "4"]


def test_a_query_cannot_write(store: Path) -> None:
    for query in ("DELETE FROM p RETURNING v", "INSERT INTO p VALUES (1, 2) RETURNING v"):
        with pytest.raises(tables.table.PotomacError, match="readonly"):
            tables.open("sqlite:///a.db", {}, (VALUE,), query=query, base=store).counts()


def test_what_a_database_says_is_told_without_the_password() -> None:
    error = RuntimeError("cannot log in as me with hun@ter2\n(or hun%40ter2)")
    secrets = passwords("postgresql://me:hun%40ter2@host/db")
    told = str(database._refused(error, "postgresql://me:***@host/db", secrets, "SELECT\n 1"))
    assert "***" in told
    assert "ter2" not in told
    assert "\n" not in told
