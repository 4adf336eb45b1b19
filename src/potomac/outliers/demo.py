"""Tables of the demo: real aircraft around Paris, from a package that ships them, and a simulated strait."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from potomac.engine import Progress
from potomac.errors import Fault, StudyError
from potomac.outliers.strait import simulate_strait
from potomac.stats.streams import Stream
from potomac.tables.shipped import is_file, shipped

__all__ = ["AIRCRAFT", "STRAIT", "TRUTH", "prepare"]

AIRCRAFT = "paris.jsonl.gz"
STRAIT = "strait.csv.gz"
TRUTH = "strait-truth.csv"

_PACKAGE, _VERSION = "traffic", "2.13"
_PLACE = "data/samples/collections/quickstart.json.gz"
_LEVEL = 6


def prepare(directory: str, progress: Progress) -> None:
    """Write the tables of the demo studies into ``directory``, where they are not there yet.

    ``strait.csv.gz`` is the simulated strait and ``strait-truth.csv`` says which of its rows are odd on purpose.
    ``paris.jsonl.gz`` holds 284,505 positions of aircraft around Paris on 7 October 2021, as the package ``traffic``
    ships them (MIT licence; from the OpenSky Network), a line a position and nothing left out. Where the study of the
    strait is the only one in the directory, the aircraft are not needed and not asked for.

    Raises:
        StudyError: the package is not installed, or the directory cannot be written.
    """
    try:
        if not is_file(f"{directory}/{STRAIT}"):
            _write_strait(directory, progress)
        needed = is_file(f"{directory}/demo-paris.toml") or not is_file(f"{directory}/demo-strait.toml")
        if needed and not is_file(f"{directory}/{AIRCRAFT}"):
            _write_aircraft(f"{directory}/{AIRCRAFT}", progress)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StudyError(Fault("demo.unwritable", f"the demo cannot be written: {reason}", file=directory)) from error


def _write_strait(directory: str, progress: Progress) -> None:
    progress("simulating a strait", 0, 1)
    strait = simulate_strait(Stream(2, ("demo", "strait")))
    with open(f"{directory}/{TRUTH}", "wb") as file:
        csv.write_csv(strait.truth, file)
    text = BytesIO()
    csv.write_csv(_with_text_times(strait.reports), text)
    _zip(f"{directory}/{STRAIT}", [text.getvalue()])
    progress("simulating a strait", 1, 1)


def _with_text_times(table: pa.Table) -> pa.Table:
    """Times as in most files, 2024-03-04T00:00:00Z."""
    text = pc.strftime(table["time"].cast(pa.timestamp("s", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
    return table.set_column(table.schema.get_field_index("time"), "time", text)


def _write_aircraft(path: str, progress: Progress) -> None:
    with gzip.open(shipped(_PACKAGE, _PLACE, "the real positions", _VERSION)) as text:
        rows = json.load(text)
    _zip(path, _lines(rows, progress))


def _lines(rows: list[dict[str, Any]], progress: Progress, size: int = 20_000) -> Iterator[bytes]:
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        yield "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in some).encode()
        progress("copying real positions", min(start + size, len(rows)), len(rows))


def _zip(path: str, parts: Iterable[bytes]) -> None:
    """Write compressed, the same bytes each time (no name and time of the file in the header), all at once."""
    whole = BytesIO()
    with gzip.GzipFile("", "wb", _LEVEL, whole, mtime=0) as zipped:
        for part in parts:
            zipped.write(part)
    with open(path, "wb") as file:
        file.write(whole.getvalue())
