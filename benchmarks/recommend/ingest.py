"""From a table of interactions to a matrix: Parquet and DuckDB, beside pandas with SciPy.

``python -m benchmarks recommend.ingest [--rows N ...]``. Rows of the Netflix shape (480,000 users, 18,000 items) in any
order, with integers or text for ids, with and without value and time, are written to Parquet and to a DuckDB file; each
side reads them in a process of its own into compressed sparse rows with the ids of both sides. The peer's way is that
of most tutorials: ``pandas.read_parquet``, ``factorize`` of users and items, ``scipy.sparse.csr_array`` of the pairs,
with times of the entries left aside, as that matrix has no place for them. All agree in what they read: rows,
interactions, and the sum of row times column over them in the order of the ids.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import markdown
from benchmarks.child import measured
from benchmarks.machine import load
from benchmarks.recommend.shape import simulated

HERE = "benchmarks.recommend.ingest"
BATCH = 1_000_000
KINDS = {"plain": "user and item", "rated": "value and time, too", "text": "ids are text"}
WAYS = {"parquet": "Potomac, Parquet", "duckdb": "Potomac, DuckDB", "pandas": "pandas and SciPy, Parquet"}

Arrays = dict[str, npt.NDArray[Any]]


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks recommend.ingest", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000_000, 100_000_000])
    parser.add_argument("--kinds", nargs="*", default=[*KINDS], choices=[*KINDS])
    parser.add_argument("--ways", nargs="*", default=[*WAYS], choices=[*WAYS])
    given = parser.parse_args(argv)
    before, lines = load(), []
    for rows in given.rows:
        for kind in given.kinds:
            lines += section(rows, kind, given.ways)
    head = ["rows", "columns", "", "clock", "processor", "memory"]
    return f"Load average {before} to {load()}.\n\n{markdown.table(head, lines)}"


def section(rows: int, kind: str, ways: list[str]) -> list[list[str]]:
    """A line for each way to read one table."""
    lines, agreed = [], set()
    with tempfile.TemporaryDirectory(prefix="potomac-ingest-") as folder:
        written = measured(f"{HERE}:written_task", folder=folder, rows=rows, kind=kind).value
        for way in ways:
            found = measured(f"{HERE}:read_task", folder=folder, way=way)
            told = found.value
            agreed.add((told["entries"], told["mixed"]))
            spent = (markdown.seconds(told[name]) for name in ("clock", "processor"))
            lines.append([f"{written:,}", KINDS[kind], WAYS[way], *spent, f"{found.peak_mb:,.0f} MB"])
    if len(agreed) > 1:
        raise RuntimeError(f"what was read differs: {sorted(agreed)}")
    return lines


def written_task(folder: str, rows: int, kind: str) -> int:
    """Write a table to Parquet and to DuckDB, in any order; how many rows it has."""
    import duckdb

    indptr, items = simulated(rows)
    users = np.repeat(np.arange(len(indptr) - 1, dtype=np.int32), np.diff(indptr))
    rng = np.random.default_rng(1)
    order = rng.permutation(len(items)).astype(np.int32)
    file = Path(folder) / "interactions.parquet"
    writer = None
    for first in range(0, len(items), BATCH):
        at = order[first : first + BATCH]
        table = _table({"user": users[at], "item": items[at]}, kind, rng)
        writer = writer or pq.ParquetWriter(file, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    with duckdb.connect(str(Path(folder) / "interactions.duckdb")) as base:
        base.execute(f"create table interactions as from '{file}'")
    return len(items)


def _table(columns: Arrays, kind: str, rng: np.random.Generator) -> pa.Table:
    many = len(columns["user"])
    if kind == "rated":
        value = rng.integers(1, 6, many).astype(np.float32)
        return pa.table(
            {
                **columns,
                "value": value,
                "time": rng.integers(1_000_000_000, 1_100_000_000, many).astype("datetime64[s]"),
            }
        )
    if kind == "text":  # of the same order as the numbers
        words = {
            name: pa.array(np.char.add(name[0], np.char.zfill(ids.astype(str), 7))) for name, ids in columns.items()
        }
        return pa.table(words)
    return pa.table(columns)


def read_task(folder: str, way: str) -> dict[str, Any]:
    """Read it; seconds, and a number that depends on all that was read."""
    begun, used = time.perf_counter(), time.process_time()
    indptr, indices = {"parquet": _parquet, "duckdb": _duckdb, "pandas": _pandas}[way](Path(folder))
    spent = {"clock": time.perf_counter() - begun, "processor": time.process_time() - used}
    return {**spent, "entries": len(indices), "mixed": _mixed(indptr, indices)}


def _parquet(folder: Path) -> tuple[Any, Any]:
    from potomac.recommend import Interactions

    known = Interactions.of(pq.ParquetFile(folder / "interactions.parquet"))
    return known.indptr, known.indices if _sorted(known.items) else _placed(known)


def _duckdb(folder: Path) -> tuple[Any, Any]:
    import duckdb

    from potomac.recommend import Interactions

    with duckdb.connect(str(folder / "interactions.duckdb"), read_only=True) as base:
        known = Interactions.of(base.table("interactions"))
    return known.indptr, known.indices if _sorted(known.items) else _placed(known)


def _sorted(ids: pa.Array) -> bool:
    return bool(ids.equals(ids.take(pc.sort_indices(ids))))


def _placed(known: Any) -> npt.NDArray[np.int64]:
    """Items by the place of their ids."""
    place = np.empty(known.n_items, np.int64)
    place[pc.sort_indices(known.items).to_numpy()] = np.arange(known.n_items)
    return np.asarray(place[known.indices])


def _pandas(folder: Path) -> tuple[Any, Any]:
    import pandas as pd
    from scipy import sparse

    table = pd.read_parquet(folder / "interactions.parquet")
    (row, users), (column, items) = (pd.factorize(table[name], sort=True) for name in ("user", "item"))
    values = table["value"].to_numpy() if "value" in table else np.ones(len(table), np.float32)
    matrix = sparse.csr_array((values, (row, column)), (len(users), len(items)))
    matrix.sum_duplicates()
    return matrix.indptr, matrix.indices


def _mixed(indptr: npt.NDArray[Any], indices: npt.NDArray[Any]) -> int:
    """The sum of (row + 1) times (column + 1) over all entries, modulo 2 ** 31."""
    total = 0
    for first in range(0, len(indptr) - 1, 10_000):
        ends = indptr[first : first + 10_001].astype(np.int64)
        rows = np.repeat(np.arange(first + 1, first + len(ends)), np.diff(ends))
        total += int((rows * (indices[ends[0] : ends[-1]].astype(np.int64) + 1)).sum())
    return total % 2**31


if __name__ == "__main__":
    print(main(sys.argv[1:]))
