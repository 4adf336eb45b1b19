"""Datasette on the rows of a product: its table page, 100 rows and one row as JSON, measured as ours are."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.server import http

APP = """
import asyncio, sys
from datasette.app import Datasette
import uvicorn
app = Datasette([], immutables=[sys.argv[1]]).app()
uvicorn.run(app, host="127.0.0.1", fd=int(sys.argv[2]), log_level="error")
"""


def measure(python: str, parquet: Path, workers: int, seconds: int) -> dict[str, http.Measured]:
    """Serve the rows of a Parquet file by ``workers`` processes that share a socket, and ask them."""
    import socket

    with tempfile.TemporaryDirectory(prefix="potomac-bench-") as folder:
        file = Path(folder) / "rows.db"
        _write(parquet, file)
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
            base = f"http://127.0.0.1:{listening.getsockname()[1]}/rows/scores"
            with _serving(python, file, listening.fileno(), workers, f"{base}/1.json"):
                return _asked(base, seconds)


@contextlib.contextmanager
def _serving(python: str, file: Path, fd: int, workers: int, address: str) -> Iterator[None]:
    argv = [python, "-c", APP, str(file), str(fd)]
    rest = [
        subprocess.Popen(argv, pass_fds=[fd], env=dict(os.environ), stderr=subprocess.DEVNULL) for _ in range(workers)
    ]
    try:
        http._wait(address, rest[0])
        yield
    finally:
        for process in rest:
            process.terminate()
        for process in rest:
            process.wait(20)


def _asked(base: str, seconds: int) -> dict[str, http.Measured]:
    return {
        "table page": http._warm(base, seconds),
        "100 rows as JSON": http._warm(f"{base}.json?_shape=objects&_size=100", seconds),
        "one row as JSON": http._warm(f"{base}/ROW.json?_shape=objects", seconds, http._row(1)),
    }


def _write(parquet: Path, file: Path) -> None:
    """The rows as a table with an integer key, as sqlite-utils would make it."""
    import pyarrow.parquet as pq

    rows = pq.read_table(parquet)
    names = ", ".join(f'"{name}"' for name in rows.column_names)
    marks = ", ".join("?" * rows.num_columns)
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"CREATE TABLE scores (id INTEGER PRIMARY KEY, {names})")
        values = zip(*(column.to_pylist() for column in rows.columns), strict=True)
        connection.executemany(f"INSERT INTO scores ({names}) VALUES ({marks})", values)
