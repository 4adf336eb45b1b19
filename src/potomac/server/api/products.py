"""Products by REST, their live questions included."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from potomac.errors import StudyError
from potomac.server.api import paging, results, schemas, tables
from potomac.server.api.access import actor, anybody, person
from potomac.server.api.ready import mark
from potomac.server.api.runs import COLUMNS, SORT, Format
from potomac.server.api.schemas import Number, Slug, Visible, Word
from potomac.server.catalog.models import Product, Version
from potomac.server.flows import products as flow
from potomac.server.flows.base import Actor

__all__ = ["router"]

router = Router(tags=["products"], auth=anybody)

LINK: Any = Query("", max_length=60, description="secret part of the address of a product by link")  # type: ignore[type-arg]
VERSION: Any = Query(None, description="number of the version; default the one that is shown", ge=1, le=2_147_483_647)  # type: ignore[type-arg]


def _endpoints(version: Version | None, slug: str) -> list[dict[str, Any]]:
    if version is None:
        return []
    try:
        engine = flow.engine_of(version)
    except StudyError:  # the engine is not installed any more: tables and report are still there
        return []
    return [
        {"name": one.name, "title": one.title, "address": f"/api/v1/products/{slug}/{one.name}", "example": one.example}
        for one in engine.endpoints
    ]


def _told(who: Actor, product: Product) -> dict[str, Any]:
    shown = product.default
    return {
        **{name: getattr(product, name) for name in ("slug", "title", "visibility", "created", "changed")},
        "kind": shown.run.kind if shown else "",
        "answer": shown.run.answer if shown else "",
        "version": shown.number if shown else None,
        "endpoints": _endpoints(shown, product.slug),
        "owner": product.owner.get_username() if who.user else None,
        "link": product.link if flow.may_change(who, product) else None,
    }


def _version(who: Actor, product: Product, version: Version) -> dict[str, Any]:
    return {
        "slug": product.slug, "number": version.number, "default": version.pk == product.default_id,
        "run": version.run_id if flow.may_change(who, product) else None,
        "note": version.note, "answer": version.run.answer, "created": version.created,
    }  # fmt: skip


def _shown(request: HttpRequest, slug: str, link: str, version: int | None) -> tuple[Product, Version]:
    product = flow.get(actor(request), slug, link)
    return product, flow.version(product, version)


@router.get("/products", response=schemas.Products, operation_id="list_products", summary="The gallery")
def list_products(
    request: HttpRequest,
    response: HttpResponse,
    kind: Slug | None = None,
    visibility: Visible | None = None,
    limit: paging.Limit = paging.LIMIT,
    offset: paging.Offset = 0,
) -> Any:
    """Public products, and your own; last changed first."""
    who = actor(request)
    found = flow.gallery(who)
    found = found.filter(default__run__kind=kind) if kind else found
    found = found.filter(visibility=visibility) if visibility else found
    return paging.paged(request, response, found, limit, offset, lambda one: _told(who, one))


@router.post(
    "/products", response={201: schemas.VersionOut}, auth=person, operation_id="publish", summary="Publish a run"
)
def publish(request: HttpRequest, response: HttpResponse, body: schemas.Publish) -> Any:
    """A new slug makes a product; an own one a new version, which is shown from now on."""
    who = actor(request)
    made = flow.publish(who, body.run, body.slug, title=body.title, visibility=body.visibility, note=body.note)
    response.headers["Location"] = f"/api/v1/products/{body.slug}/versions/{made.number}"
    return Status(201, _version(who, made.product, made))


@router.get("/products/{slug}", response=schemas.ProductOut, operation_id="get_product", summary="A product")
def get_product(request: HttpRequest, slug: Slug, link: str = LINK) -> Any:
    """What it shows, and what it can be asked."""
    who = actor(request)
    return _told(who, flow.get(who, slug, link))


@router.patch(
    "/products/{slug}", response=schemas.ProductOut, auth=person, operation_id="change_product",
    summary="Change a product",
)  # fmt: skip
def change_product(request: HttpRequest, slug: Slug, body: schemas.Change) -> Any:
    """Another title, or other people who may see it."""
    who = actor(request)
    flow.change(who, slug, title=body.title, visibility=body.visibility)
    return _told(who, flow.get(who, slug))


@router.delete(
    "/products/{slug}", response={204: None}, auth=person, operation_id="delete_product", summary="Take a product back"
)
def delete_product(request: HttpRequest, slug: Slug) -> Any:
    """With all its versions; the runs stay, and nobody else gets the address."""
    flow.delete(actor(request), slug)
    return Status(204, None)


@router.put(
    "/products/{slug}/default", response=schemas.ProductOut, auth=person, operation_id="set_default",
    summary="Show another version",
)  # fmt: skip
def set_default(request: HttpRequest, slug: Slug, body: schemas.Default) -> Any:
    """An earlier one included: that is the way back."""
    who = actor(request)
    flow.set_default(who, slug, body.number)
    return _told(who, flow.get(who, slug))


@router.post(
    "/products/{slug}/link", response=schemas.LinkOut, auth=person, operation_id="new_link", summary="Make a new link"
)
def new_link(request: HttpRequest, slug: Slug) -> Any:
    """The old one opens nothing any more."""
    return {"link": flow.new_link(actor(request), slug)}


@router.get("/products/{slug}/versions", response=schemas.Versions, operation_id="list_versions", summary="Versions")
def list_versions(
    request: HttpRequest, response: HttpResponse, slug: Slug, link: str = LINK, limit: paging.Limit = paging.LIMIT,
    offset: paging.Offset = 0,
) -> Any:  # fmt: skip
    """Newest first."""
    who = actor(request)
    product = flow.get(who, slug, link)
    found = product.versions.select_related("run")
    return paging.paged(request, response, found, limit, offset, lambda one: _version(who, product, one))


@router.get(
    "/products/{slug}/versions/{number}", response=schemas.VersionOut, operation_id="get_version", summary="A version"
)
def get_version(request: HttpRequest, slug: Slug, number: Number, link: str = LINK) -> Any:
    """Numbers are given once and never anew."""
    return _version(actor(request), *_shown(request, slug, link, number))


@router.get("/products/{slug}/facts", response=schemas.FactsOut, operation_id="get_facts", summary="What was found")
def get_facts(request: HttpRequest, slug: Slug, version: int | None = VERSION, link: str = LINK) -> Any:
    """The answer in one sentence, and named numbers with their uncertainty."""
    product, shown = _shown(request, slug, link, version)
    return mark(HttpResponse(tables.as_json(results.facts(shown.run)), content_type="application/json"), product)


@router.get("/products/{slug}/report", response={200: None}, operation_id="get_product_report", summary="Its report")
def get_product_report(request: HttpRequest, slug: Slug, version: int | None = VERSION, link: str = LINK) -> Any:
    """One HTML file that needs no network; to be stored and opened."""
    _, shown = _shown(request, slug, link, version)
    return results.file(shown.run, "report.html")


@router.get("/products/{slug}/tables", response=schemas.Tables, operation_id="list_tables", summary="Its tables")
def list_tables(request: HttpRequest, slug: Slug, version: int | None = VERSION, link: str = LINK) -> Any:
    """Names, numbers of rows, columns and types."""
    product, shown = _shown(request, slug, link, version)
    return mark(HttpResponse(tables.as_json(results.tables_of(shown.run)), content_type="application/json"), product)


@router.get(
    "/products/{slug}/tables/{table}", response=schemas.RowsOut, operation_id="get_rows", summary="Rows of a table"
)
def get_rows(
    request: HttpRequest, slug: Slug, table: Word, limit: tables.Limit = 100, offset: paging.Offset = 0,
    columns: list[str] = COLUMNS, sort: str = SORT, version: int | None = VERSION, link: str = LINK,
) -> Any:  # fmt: skip
    """A page; nulls come last where it is sorted."""
    product, shown = _shown(request, slug, link, version)
    return mark(results.rows(request, shown.run, table, tables.asked(limit, offset, columns, sort)), product)


@router.get(
    "/products/{slug}/tables/{table}/rows/{number}", response=schemas.RowOut, operation_id="get_row",
    summary="One row of a table",
)  # fmt: skip
def get_row(
    request: HttpRequest, slug: Slug, table: Word, number: paging.Offset, version: int | None = VERSION,
    link: str = LINK,
) -> Any:  # fmt: skip
    """Counted from 0."""
    product, shown = _shown(request, slug, link, version)
    return mark(results.one_row(results.directory_of(shown.run), table, number), product)


@router.get(
    "/products/{slug}/tables/{table}/download/{form}", response={200: None}, operation_id="download_table",
    summary="A table as a file",
)  # fmt: skip
def download_table(
    request: HttpRequest, slug: Slug, table: Word, form: Format, version: int | None = VERSION, link: str = LINK
) -> Any:
    """All rows. In CSV, texts that begin like a formula get an apostrophe before them."""
    _, shown = _shown(request, slug, link, version)
    return results.download(request, shown.run, table, form)


@router.post("/products/{slug}/{endpoint}", response={200: None}, include_in_schema=False)
def ask(request: HttpRequest, slug: Slug, endpoint: Word, version: int | None = VERSION, link: str = LINK) -> Any:
    """A live question; the values as JSON."""
    reply = flow.ask(actor(request), slug, endpoint, request.body, number=version, link=link)
    return HttpResponse(tables.as_json(reply), content_type="application/json")


@router.get("/products/{slug}/{endpoint}", response={200: None}, include_in_schema=False)
def ask_by_address(
    request: HttpRequest, slug: Slug, endpoint: Word, version: int | None = VERSION, link: str = LINK
) -> Any:
    """A live question; the values in the address."""
    values = {name: value for name, value in request.GET.items() if name not in ("version", "link")}
    product = flow.get(actor(request), slug, link)
    reply = flow.ask(actor(request), slug, endpoint, values, number=version, link=link)
    return mark(HttpResponse(tables.as_json(reply), content_type="application/json"), product)
