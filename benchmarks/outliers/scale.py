"""Scale: a study of many millions of positions, from partitioned Parquet to the finished run, in streams.

``python -m benchmarks.outliers.scale [FOLDER] [--rows N ...]``. The same rows are repeated and jittered (``many``) and
written in chunks; each run has a process of its own. All of them go in streams, also those that would fit in memory.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks import markdown
from benchmarks.child import measured, peak_mb
from benchmarks.machine import load
from benchmarks.outliers.data import arrow, base, many

HERE = "benchmarks.outliers.scale"

ROWS = (1_000_000, 10_000_000)
CHUNK = 1_000_000

STUDY = """\
kind = "outliers"
name = "scale"

[data]
source = "positions"
columns.entity = "entity"
columns.time = "time"
columns.latitude = "latitude"
columns.longitude = "longitude"
columns.speed = "speed"
columns.heading = "heading"
"""


def generate_task(folder: str, rows: int, data: str | None) -> int:
    """Write a partitioned table and its study; the size on disk in bytes."""
    p = base(data)
    for first in range(0, rows, CHUNK):
        part = Path(folder) / "positions" / f"part={first // CHUNK:04d}"
        part.mkdir(parents=True)
        pq.write_table(arrow(many(p, first, min(CHUNK, rows - first))), part / "positions.parquet")
    (Path(folder) / "study.toml").write_text(STUDY, encoding="utf-8")
    return sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))


def study_task(folder: str, memory_rows: int | None, changed: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run the study, with some keys changed; seconds by phase."""
    from potomac import studies
    from potomac.outliers import answer

    if memory_rows is not None:
        answer.MEMORY_ROWS = memory_rows
    held = peak_mb()
    run = studies.run(Path(folder) / "study.toml", out=Path(folder) / "runs", overrides=changed or {})
    return {"timings": dict(run.manifest["timings"]), "held": held, "path": str(run.path)}


def measure(rows: int, data: str | None, memory_rows: int | None) -> dict[str, Any]:
    """Seconds, phases and peak memory of one size."""
    folder = tempfile.mkdtemp(prefix="potomac-scale-")
    try:
        size = measured(f"{HERE}:generate_task", folder=folder, rows=rows, data=data).value
        before = load()
        run = measured(f"{HERE}:study_task", folder=folder, memory_rows=memory_rows)
        timings = run.value["timings"]
        return {
            "rows": rows, "size": size, "load": f"{before} to {load()}", "timings": timings, "peak": run.peak_mb,
            "seconds": sum(timings.values()),
        }  # fmt: skip
    finally:
        shutil.rmtree(folder)


def _row(one: dict[str, Any], first: dict[str, Any]) -> list[str]:
    a_row = one["seconds"] / one["rows"]
    phases = [markdown.seconds(one["timings"].get(name, 0.0)) for name in ("answer", "write")]
    return [
        f"{one['rows']:,}", f"{one['size'] / 2**20:,.0f} MB", *phases, markdown.seconds(one["seconds"]),
        f"{1 / a_row:,.0f}", markdown.times(a_row / (first["seconds"] / first["rows"])), f"{one['peak']:,.0f} MB",
        one["load"],
    ]  # fmt: skip


def main(argv: list[str] | None = None) -> str:
    """The benchmark as Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks.outliers.scale", description=__doc__)
    parser.add_argument("folder", nargs="?", help="folder of labelled areas; default a simulated strait")
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS, help="how many, e.g. 1000000 100000000")
    parser.add_argument("--in-memory", action="store_true", help="do as the study would: small tables in memory")
    options = parser.parse_args(argv)
    memory_rows = None if options.in_memory else 0
    found = [measure(rows, options.folder, memory_rows) for rows in options.rows]
    head = [
        "rows", "Parquet", "read, fit and score", "write", "whole run", "rows a second", "time a row", "peak memory",
        "load",
    ]  # fmt: skip
    return markdown.table(head, [_row(one, found[0]) for one in found]) + "\n"


if __name__ == "__main__":
    print(main())
