"""The result of a run as it is sent: facts, tables, rows, downloads. Runs and products share it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from potomac import __version__
from potomac.server import live
from potomac.server.api import paging, tables
from potomac.server.api.finish import not_modified
from potomac.server.catalog.models import Run
from potomac.server.flows.base import Conflict, Missing

__all__ = ["directory_of", "download", "facts", "one_row", "rows", "tables_of"]


def directory_of(run: Run) -> str:
    """Where the finished run lies.

    Raises:
        Conflict: it is not finished.
    """
    if not run.directory:
        raise Conflict("The run is not finished; ask again when it is done")
    return run.directory


def facts(run: Run) -> dict[str, Any]:
    """The answer and the facts."""
    opened = live.opened(directory_of(run))
    return {"answer": opened.answer, "items": [_fact(opened.fact(name)) for name in opened.manifest["facts"]]}


def _fact(fact: Any) -> dict[str, Any]:
    names = ("name", "value", "meaning", "low", "high", "unit", "source", "key")
    return {"label": fact.label or fact.name.replace("_", " "), **{name: getattr(fact, name) for name in names}}


def tables_of(run: Run) -> dict[str, Any]:
    """The tables, their rows and columns."""
    return {"items": tables.described(directory_of(run))}


def rows(request: HttpRequest, run: Run, table: str, asked: tables.Page) -> HttpResponse:
    """A page of a table, as ready bytes."""
    total, found, columns = tables.page(directory_of(run), table, asked)
    told = {
        "table": table, "columns": columns, "total": total, "limit": asked.limit, "offset": asked.offset, "rows": found,
    }  # fmt: skip
    response = HttpResponse(tables.as_json(told), content_type="application/json")
    paging.set_links(request, response, total, asked.limit, asked.offset)
    return response


def one_row(directory: str, table: str, number: int) -> HttpResponse:
    """One row of a finished run."""
    found = tables.row(directory, table, number)
    return HttpResponse(
        tables.as_json({"table": table, "number": number, "row": found}), content_type="application/json"
    )


def download(request: HttpRequest, run: Run, table: str, form: str) -> HttpResponseBase:
    """The whole table as a file."""
    file = tables.file_of(directory_of(run), table)
    tag = hashlib.blake2b(f"{run.pk} {table} {form} {__version__}".encode(), digest_size=16).hexdigest()
    name = f"{run.name}-{table}.{form}"
    headers = {"ETag": f'"{tag}"'}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return not_modified(headers)
    if form == "parquet":
        return _file(file, name, tables.FORMATS[form], headers)
    headers["Content-Disposition"] = str(content_disposition_header(True, name))
    return StreamingHttpResponse(tables.chunks(file, form), content_type=tables.FORMATS[form], headers=headers)


def files(run: Run) -> Iterator[tuple[str, int]]:
    """Paths and sizes of the files of a finished run, sorted."""
    top = live.opened(directory_of(run)).path
    for file in sorted(top.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield file.relative_to(top).as_posix(), file.stat().st_size


def file(run: Run, path: str) -> FileResponse:
    """One of the files, by its path in the list.

    Raises:
        Missing: the list does not have it.
    """
    if path not in dict(files(run)):
        raise Missing
    found = live.opened(directory_of(run)).path / path
    headers = {"Content-Security-Policy": "sandbox; default-src 'none'"}
    return _file(found, found.name, "application/octet-stream", headers)


def _file(file: Path, name: str, kind: str, headers: dict[str, str]) -> FileResponse:
    return FileResponse(file.open("rb"), as_attachment=True, filename=name, content_type=kind, headers=headers)
