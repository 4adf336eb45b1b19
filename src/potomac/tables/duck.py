"""DuckDB as a calculator over Arrow: no files, no network, no extensions, one thread."""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["connect", "reader"]


def connect() -> Any:
    """A connection of its own that loads and installs no extension and reads no file."""
    return _instance().cursor()


@cache
def _instance() -> Any:
    """One DuckDB for this process: to start one takes longer than to hash a million rows."""
    import duckdb

    return duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "enable_external_access": "false",
            "threads": "1",
        }
    )


def reader(relation: Any, rows: int) -> Any:
    """A stream of Arrow batches from a relation of DuckDB, whichever of its versions it comes from."""
    fetch = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
    return fetch(rows)
