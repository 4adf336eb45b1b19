"""What workers do. Each task has a half in the process of the attempt and a half beside the database.

``work`` names a function of the process, ``(workspace, about, progress) -> JSON-ready value``: it sees no database
and no settings. ``describe`` makes ``about`` for it; ``finish`` takes its value over, inside the transaction that has
found the attempt still holding; ``failed`` does what the end without a value brings about, there as well.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potomac.errors import DataError, Fault, PotomacError
from potomac.server.databases import as_text

if TYPE_CHECKING:
    from potomac.engine import Progress
    from potomac.server.catalog.models import Run, Source
    from potomac.server.jobs.models import Job
    from potomac.tables.chunk import Source as Rows

__all__ = ["TASKS", "Task", "look", "run"]


@dataclass(frozen=True)
class Task:
    """A kind of work; ``limits`` gives the longest time (seconds) and the most memory (MB)."""

    work: str
    describe: Callable[[Job], dict[str, Any]]
    finish: Callable[[Job, Any, Path], None]
    failed: Callable[[Job, Sequence[Fault]], None]
    limits: Callable[[], tuple[float, int]]


# ---- in the process of the attempt: no Django -----------------------------------------------------------------------


def run(workspace: Path, about: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Answer a study whose sources lie beside it under the names that it uses."""
    import os

    from potomac import studies

    folder = workspace / "study"
    folder.mkdir()
    (folder / "study.toml").write_bytes(about["text"].encode())
    for source in about["sources"]:
        _placed(folder / source["name"], source)
    os.chdir(folder)  # so that no message and no file holds a place on this server
    done = studies.run("study.toml", out="../out", progress=progress)
    done.path.rename(workspace / "run")
    return {"answer": done.answer}


def _placed(place: Path, source: Mapping[str, Any]) -> None:
    if "path" in source:
        place.symlink_to(source["path"])
    else:
        _fetched(place, source)


def _fetched(place: Path, source: Mapping[str, Any]) -> None:
    """The rows of a query as Parquet: what the run says of them is their hash, and no address."""
    from potomac.server.catalog.look import discreet
    from potomac.tables.database import open_database

    place.mkdir()
    try:
        _stored(open_database(source["url"], source["query"], Path("/")), place)
    except PotomacError as error:
        raise DataError(discreet(error.faults, source["url"], source["name"])) from None


def _stored(rows: Rows, place: Path) -> None:
    """A file for each stretch of rows of the same types, which a query may change on the way."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    none = pa.schema([(name, pa.null()) for name in rows.names])
    writer, schema = pq.ParquetWriter(place / "none.parquet", none), none
    try:
        for chunk in rows.chunks(rows.names):
            batch = pa.RecordBatch.from_arrays(list(chunk.columns), names=list(rows.names))
            if batch.schema != schema:
                writer.close()
                (place / "none.parquet").unlink(missing_ok=True)
                schema = batch.schema
                writer = pq.ParquetWriter(place / f"{chunk.first:012d}.parquet", schema, compression="zstd")
            writer.write_batch(batch)
    finally:
        writer.close()


def look(workspace: Path, about: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Look at a source, as far as its limits allow."""
    from potomac.server.catalog import look as catalogue

    source = about["source"]
    where, query = source.get("path") or source["url"], source.get("query")
    return catalogue.look(where, source["name"], about["limits"], query, lambda rows: progress("reading rows", rows))


# ---- beside the database --------------------------------------------------------------------------------------------


def _describe_run(job: Job) -> dict[str, Any]:
    from potomac.server.catalog.models import Run

    one = Run.objects.filter(pk=job.about).first()
    if one is None:
        raise DataError(Fault("job.gone", "the run is there no more"))
    return {"text": one.text, "sources": [_described(source) for source in one.sources.select_related("database")]}


def _described(source: Source) -> dict[str, str]:
    """Where a source lies, for the process alone."""
    from potomac.server.catalog.contents import located as place

    located = place(source)
    if source.database is not None:
        return {"name": source.name, "url": located, "query": source.query}
    return {"name": source.name, "path": located}


def _finish_run(job: Job, result: Any, workspace: Path) -> None:
    """Give the run its directory, whole, by one rename."""
    from django.utils import timezone

    from potomac.server.catalog.models import Run

    one = Run.objects.get(pk=job.about)
    if (workspace / "run").is_dir():  # else it is there already, and the commit was what failed
        place = _cleared(one)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (workspace / "run").rename(place)
    one.directory, one.answer, one.finished = f"{one.owner_id}/{one.pk}", as_text(result["answer"]), timezone.now()
    one.save(update_fields=["directory", "answer", "finished"])


def _failed_run(job: Job, faults: Sequence[Fault]) -> None:
    from potomac.server.catalog.models import Run

    for one in Run.objects.filter(pk=job.about, directory=""):
        _cleared(one)


def _cleared(one: Run) -> Path:
    """The place of a run, empty: a server that lost its power between rename and commit has left something there."""
    from potomac.server.config import home

    place = home() / "runs" / str(one.owner_id) / one.pk
    shutil.rmtree(place, ignore_errors=True)
    return place


def _describe_look(job: Job) -> dict[str, Any]:
    from django.conf import settings

    from potomac.server.catalog.models import Source

    one = Source.objects.select_related("database").filter(pk=job.about).first()
    if one is None:
        raise DataError(Fault("job.gone", "the source is there no more"))
    limits = settings.CONFIG.limits
    told = {name: getattr(limits, name) for name in ("rows", "columns", "decoded_mb", "check_s")}
    return {"source": _described(one), "limits": told}


def _finish_look(job: Job, result: Any, workspace: Path) -> None:
    from potomac.server.catalog.models import Source

    kept = {name: as_text(result[name]) for name in ("state", "reason", "rows", "preview")}
    Source.objects.filter(pk=job.about).update(**kept)


def _failed_look(job: Job, faults: Sequence[Fault]) -> None:
    from potomac.server.catalog.models import Source

    reason = as_text(" ".join(f"{fault}." for fault in faults))
    Source.objects.filter(pk=job.about).update(state=Source.State.REFUSED, reason=reason)


def _run_limits() -> tuple[float, int]:
    from django.conf import settings

    return settings.CONFIG.limits.job_s, settings.CONFIG.limits.job_mb


def _look_limits() -> tuple[float, int]:
    """The look keeps its own time, and says so in better words; the worker waits a little longer."""
    from django.conf import settings

    return settings.CONFIG.limits.check_s + 10, settings.CONFIG.limits.job_mb


_HERE = "potomac.server.jobs.tasks"
TASKS = {
    "run": Task(f"{_HERE}:run", _describe_run, _finish_run, _failed_run, _run_limits),
    "source": Task(f"{_HERE}:look", _describe_look, _finish_look, _failed_look, _look_limits),
}
