"""DuckDB reaches for nothing: no extension, no file, no network."""

from __future__ import annotations

import duckdb
import pytest

from potomac.tables.duck import connect

SETTINGS = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
    "threads": 1,
}


@pytest.mark.parametrize("name", SETTINGS)
def test_its_settings(name: str) -> None:
    with connect() as duck:
        assert duck.execute(f"SELECT current_setting('{name}')").fetchone() == (SETTINGS[name],)


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM read_csv('/etc/hostname')", "INSTALL spatial", "COPY (SELECT 1) TO 'x.csv'", "ATTACH 'x.db'"]
)
def test_what_it_refuses(sql: str) -> None:
    with connect() as duck, pytest.raises(duckdb.Error):
        duck.execute(sql)


def test_json_and_hashes_need_no_extension() -> None:
    with connect() as duck:
        found = duck.execute("SELECT json_extract_string('{\"a\": 1.50}', '/a'), hash(1) = hash(1)").fetchone()
    assert found == ("1.5", True)


def test_connections_do_not_see_each_other() -> None:
    with connect() as one, connect() as other:
        one.execute("CREATE TEMP TABLE t AS SELECT 1")
        with pytest.raises(duckdb.Error):
            other.execute("SELECT * FROM t")
