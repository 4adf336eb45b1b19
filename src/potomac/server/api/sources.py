"""Sources by REST."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Router, Status, UploadedFile

from potomac.server.api import paging, schemas
from potomac.server.api.access import actor, person
from potomac.server.api.schemas import Id
from potomac.server.catalog.models import Source
from potomac.server.flows import sources as flow

__all__ = ["router"]

router = Router(tags=["sources"], auth=person)

FILE: Any = File(..., description="CSV, Parquet, JSON lines or GeoJSON; .gz and .zst may be compressed")  # type: ignore[type-arg]
NAME: Any = Form("", max_length=120, description="as studies shall write it; default the file's name")  # type: ignore[type-arg]


def told(source: Source) -> dict[str, Any]:
    """A source as it is told."""
    names = ("id", "name", "kind", "state", "reason", "rows", "created", "preview")
    return {name: getattr(source, name) for name in names}


def _made(response: HttpResponse, source: Source) -> Status[Any]:
    response.headers["Location"] = f"/api/v1/sources/{source.pk}"
    return Status(201, told(source))


@router.get("/sources", response=schemas.Sources, operation_id="list_sources", summary="Your sources")
def list_sources(
    request: HttpRequest, response: HttpResponse, limit: paging.Limit = paging.LIMIT, offset: paging.Offset = 0
) -> Any:
    """Newest first."""
    return paging.paged(request, response, flow.list_(actor(request)), limit, offset, told)


@router.post(
    "/sources", response={201: schemas.SourceDetail}, operation_id="upload_source", summary="Upload a table",
)  # fmt: skip
def upload_source(request: HttpRequest, response: HttpResponse, file: UploadedFile = FILE, name: str = NAME) -> Any:
    """It is looked at by the worker before studies may name it: ask again until its state is ready or refused."""
    return _made(response, flow.upload(actor(request), name or file.name or "", file))


@router.post(
    "/sources/from-folder", response={201: schemas.SourceDetail}, operation_id="source_from_folder",
    summary="A file on the server",
)  # fmt: skip
def source_from_folder(request: HttpRequest, response: HttpResponse, body: schemas.FromFolder) -> Any:
    """The folder is one that the server's configuration offers."""
    return _made(response, flow.from_folder(actor(request), body.folder, body.path))


@router.post(
    "/sources/from-database", response={201: schemas.SourceDetail}, operation_id="source_from_database",
    summary="A query to a database",
)  # fmt: skip
def source_from_database(request: HttpRequest, response: HttpResponse, body: schemas.FromDatabase) -> Any:
    """The database is one that an administrator has registered."""
    return _made(response, flow.from_database(actor(request), body.database, body.name, body.query))


@router.get("/sources/{id}", response=schemas.SourceDetail, operation_id="get_source", summary="A source")
def get_source(request: HttpRequest, id: Id) -> Any:
    """Its state, and what was seen in it."""
    return told(flow.get(actor(request), id))


@router.delete("/sources/{id}", response={204: None}, operation_id="delete_source", summary="Delete a source")
def delete_source(request: HttpRequest, id: Id) -> Any:
    """Its content goes when no other source holds the same."""
    flow.delete(actor(request), id)
    return Status(204, None)
