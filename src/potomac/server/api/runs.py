"""Runs by REST."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from potomac.server.api import paging, results, schemas, tables
from potomac.server.api.access import actor, person
from potomac.server.api.schemas import Id, JobState, Line, Slug, Word
from potomac.server.catalog.models import Run
from potomac.server.flows import runs as flow
from potomac.server.flows import studies

__all__ = ["router"]

router = Router(tags=["runs"], auth=person)

COLUMNS: Any = Query([], description="columns, all by default; may be repeated", max_length=1000)  # type: ignore[type-arg]
SORT: Any = Query("", max_length=1000, description="column to sort by; a minus before it sorts downwards")  # type: ignore[type-arg]
Format = Literal["parquet", "csv", "arrow"]


def _told(run: Any) -> dict[str, Any]:
    """A run as it is told; the flow has annotated it with the state and progress of its newest job."""
    names = ("id", "kind", "name", "title", "answer", "created", "finished", "state")
    progress = {"what": run.what, "done": run.done, "total": run.total}
    return {**{name: getattr(run, name) for name in names}, "progress": progress}


def _detail(run: Run) -> dict[str, Any]:
    job = flow.job(run)
    names = sorted(run.sources.values_list("name", flat=True))
    more = {"text": run.text, "sources": names, "attempt": job.attempt, "log": job.log, "faults": job.error}
    return {**_told(run), **more}


@router.get("/runs", response=schemas.Runs, operation_id="list_runs", summary="Your runs")
def list_runs(
    request: HttpRequest,
    response: HttpResponse,
    state: JobState | None = None,
    kind: Slug | None = None,
    name: Slug | None = None,
    limit: paging.Limit = paging.LIMIT,
    offset: paging.Offset = 0,
) -> Any:
    """Newest first."""
    found = flow.list_(actor(request))
    found = found.filter(kind=kind) if kind else found
    found = found.filter(name=name) if name else found
    found = found.filter(state=state) if state else found  # type: ignore[misc]  # annotated by the flow
    return paging.paged(request, response, found, limit, offset, _told)


@router.post("/runs", response={201: schemas.RunDetail}, operation_id="submit_run", summary="Run a study")
def submit_run(request: HttpRequest, response: HttpResponse, body: schemas.Submit) -> Any:
    """A worker takes it up; ask for its state and progress."""
    who = actor(request)
    draft = studies.get(who, body.study) if body.study else None
    run = flow.submit(who, body.text, draft)
    response.headers["Location"] = f"/api/v1/runs/{run.pk}"
    return Status(201, _detail(run))


@router.get("/runs/{id}", response=schemas.RunDetail, operation_id="get_run", summary="A run")
def get_run(request: HttpRequest, id: Id) -> Any:
    """Its state, its progress, its log, and what went wrong."""
    return _detail(flow.get(actor(request), id))


@router.post("/runs/{id}/cancel", response=schemas.RunDetail, operation_id="cancel_run", summary="Stop a run")
def cancel_run(request: HttpRequest, id: Id) -> Any:
    """What waits is cancelled at once; what goes on ends within seconds."""
    flow.cancel(actor(request), id)
    return _detail(flow.get(actor(request), id))


@router.post("/runs/{id}/retry", response={201: schemas.RunDetail}, operation_id="retry_run", summary="Run again")
def retry_run(request: HttpRequest, response: HttpResponse, id: Id) -> Any:
    """The same study once more, after it failed or was cancelled."""
    run = flow.retry(actor(request), id)
    response.headers["Location"] = f"/api/v1/runs/{run.pk}"
    return Status(201, _detail(run))


@router.delete("/runs/{id}", response={204: None}, operation_id="delete_run", summary="Delete a run")
def delete_run(request: HttpRequest, id: Id) -> Any:
    """With its files; refused while a product shows it."""
    flow.delete(actor(request), id)
    return Status(204, None)


@router.get("/runs/{id}/facts", response=schemas.FactsOut, operation_id="get_run_facts", summary="What a run found")
def get_run_facts(request: HttpRequest, id: Id) -> Any:
    """The answer in one sentence, and named numbers with their uncertainty."""
    return results.facts(flow.get(actor(request), id))


@router.get("/runs/{id}/report", response={200: None}, operation_id="get_report", summary="The report")
def get_report(request: HttpRequest, id: Id) -> Any:
    """One HTML file that needs no network; to be stored and opened."""
    return results.file(flow.get(actor(request), id), "report.html")


@router.get("/runs/{id}/files", response=schemas.Files, operation_id="list_files", summary="The files of a run")
def list_files(request: HttpRequest, id: Id) -> Any:
    """The run's directory."""
    found = results.files(flow.get(actor(request), id))
    return {"items": [{"path": path, "size": size} for path, size in found]}


@router.get("/runs/{id}/files/{path:path}", response={200: None}, operation_id="get_file", summary="A file of a run")
def get_file(request: HttpRequest, id: Id, path: Line) -> Any:
    """By its path in the list."""
    return results.file(flow.get(actor(request), id), path)


@router.get("/runs/{id}/tables", response=schemas.Tables, operation_id="list_run_tables", summary="The tables of a run")
def list_run_tables(request: HttpRequest, id: Id) -> Any:
    """Names, numbers of rows, columns and types."""
    return results.tables_of(flow.get(actor(request), id))


@router.get(
    "/runs/{id}/tables/{table}", response=schemas.RowsOut, operation_id="get_run_rows", summary="Rows of a table"
)
def get_run_rows(
    request: HttpRequest, id: Id, table: Word, limit: tables.Limit = 100, offset: paging.Offset = 0,
    columns: list[str] = COLUMNS, sort: str = SORT,
) -> Any:  # fmt: skip
    """A page; nulls come last where it is sorted."""
    return results.rows(request, flow.get(actor(request), id), table, tables.asked(limit, offset, columns, sort))


@router.get(
    "/runs/{id}/tables/{table}/rows/{number}", response=schemas.RowOut, operation_id="get_run_row",
    summary="One row of a table",
)  # fmt: skip
def get_run_row(request: HttpRequest, id: Id, table: Word, number: paging.Offset) -> Any:
    """Counted from 0."""
    return results.one_row(results.directory_of(flow.get(actor(request), id)), table, number)


@router.get(
    "/runs/{id}/tables/{table}/download/{form}", response={200: None}, operation_id="download_run_table",
    summary="A table as a file",
)  # fmt: skip
def download_run_table(request: HttpRequest, id: Id, table: Word, form: Format) -> Any:
    """All rows. In CSV, texts that begin like a formula get an apostrophe before them."""
    return results.download(request, flow.get(actor(request), id), table, form)
