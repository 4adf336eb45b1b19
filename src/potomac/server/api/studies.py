"""Studies by REST."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from potomac import studies as conductor
from potomac.engine import Engine
from potomac.server.api import paging, schemas
from potomac.server.api.access import actor, anybody, person
from potomac.server.api.schemas import Id, Slug
from potomac.server.catalog.models import Draft
from potomac.server.flows import studies as flow

__all__ = ["router"]

router = Router(tags=["studies"], auth=person)


def _kind(engine: Engine) -> dict[str, Any]:
    return {"kind": engine.kind, "summary": engine.summary, "endpoints": [one.name for one in engine.endpoints]}


def told(draft: Draft) -> dict[str, Any]:
    """A saved study as it is told."""
    return {name: getattr(draft, name) for name in ("id", "kind", "name", "title", "text", "created", "changed")}


@router.get(
    "/studies/kinds", response=schemas.Kinds, auth=anybody, operation_id="list_kinds", summary="The kinds of studies"
)
def list_kinds(request: HttpRequest) -> Any:
    """One for each engine that is installed."""
    return {"items": [_kind(engine) for engine in flow.kinds()]}


@router.get(
    "/studies/kinds/{kind}/schema", response=dict[str, Any], auth=anybody, operation_id="get_schema",
    summary="The JSON Schema of a kind",
)  # fmt: skip
def get_schema(request: HttpRequest, kind: Slug) -> Any:
    """The keys of a study file, as `potomac schema` prints them."""
    return conductor.schema(flow.engine(kind).kind)


@router.post("/studies/check", response=schemas.CheckOut, operation_id="check_study", summary="Check a study")
def check_study(request: HttpRequest, body: schemas.CheckIn) -> Any:
    """All that is wrong with it, each fault with its key and line; nothing is saved."""
    faults = flow.check(actor(request), body.text)
    return {"valid": not faults, "faults": [fault.to_dict() for fault in faults]}


@router.get("/studies", response=schemas.Studies, operation_id="list_studies", summary="Your studies")
def list_studies(
    request: HttpRequest, response: HttpResponse, limit: paging.Limit = paging.LIMIT, offset: paging.Offset = 0
) -> Any:
    """Last changed first."""
    return paging.paged(request, response, flow.list_(actor(request)), limit, offset, told)


@router.post(
    "/studies", response={201: schemas.StudyDetail}, operation_id="save_study", summary="Save a study",
)  # fmt: skip
def save_study(request: HttpRequest, response: HttpResponse, body: schemas.StudyIn) -> Any:
    """It may be unfinished; checking and running say what is wrong."""
    draft = flow.save(actor(request), body.kind, body.text)
    response.headers["Location"] = f"/api/v1/studies/{draft.pk}"
    return Status(201, told(draft))


@router.get("/studies/{id}", response=schemas.StudyDetail, operation_id="get_study", summary="A study")
def get_study(request: HttpRequest, id: Id) -> Any:
    """With its text."""
    return told(flow.get(actor(request), id))


@router.put("/studies/{id}", response=schemas.StudyDetail, operation_id="change_study", summary="Change a study")
def change_study(request: HttpRequest, id: Id, body: schemas.StudyIn) -> Any:
    """Runs that came of it keep the text that they had."""
    return told(flow.save(actor(request), body.kind, body.text, id))


@router.delete("/studies/{id}", response={204: None}, operation_id="delete_study", summary="Delete a study")
def delete_study(request: HttpRequest, id: Id) -> Any:
    """Runs that came of it stay."""
    flow.delete(actor(request), id)
    return Status(204, None)
