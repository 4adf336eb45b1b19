"""A finished run inside the server's frame: the report's parts, its tables page by page, its report as a file."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render

from potomac import __version__
from potomac.engine import Show
from potomac.server import live
from potomac.server.flows.base import Missing

if TYPE_CHECKING:
    import pyarrow as pa

    from potomac.report.tables import Column
    from potomac.studies import Run

__all__ = ["Listed", "lead", "parts", "picture", "report_file", "table_bytes", "table_page", "tables"]

ROWS = 100
"""Rows on a page of a table."""

CARD, MARGIN = 9 / 16, 8
"""Height of a card of the gallery by its width; space at its sides."""

_shelf = live.Shelf(lambda: 128 * 2**20)
"""What was drawn: a finished run never changes."""


def parts(run: Run) -> dict[str, Any]:
    """The parts of the run's report, drawn once a process."""

    def make() -> tuple[dict[str, Any], int]:
        from potomac.report import page as report

        drawn = report.parts(run, run.figures)
        return drawn, sum(len(str(part)) for part in drawn.values())

    found: dict[str, Any] = _shelf.get(("parts", run.path, __version__), make)
    return found


def lead(run: Run) -> list[Any]:
    """The pictures of the answer alone."""

    def make() -> tuple[list[Any], int]:
        from potomac.report import page as report

        drawn = [report.picture(one, report.WIDE, 2) for one in run.figures if one.role == "lead"]
        return drawn, sum(map(len, drawn))

    found: list[Any] = _shelf.get(("lead", run.path, __version__), make)
    return found


def picture(run: Run) -> HttpResponse:
    """The first picture of the answer as a file of its own, for a card of the gallery."""

    def make() -> tuple[bytes, int]:
        drawn = _alone(run).encode()
        return drawn, len(drawn)

    body: bytes = _shelf.get(("picture", run.path, __version__), make)
    response = HttpResponse(body, content_type="image/svg+xml")
    style = re.search(rb"<style>(.*?)</style>", body, re.DOTALL)
    own = f"style-src 'sha256-{b64encode(sha256(style[1]).digest()).decode()}'; " if style else ""
    response.headers["Content-Security-Policy"] = f"default-src 'none'; {own}img-src data:; sandbox"
    response.headers["Cache-Control"] = "private, max-age=300"
    return response


def _alone(run: Run) -> str:
    from potomac.report import charts, draw, maps
    from potomac.report import page as report

    drawable = [one for figure in run.figures for one in (figure.panels or (figure,))]
    one = min(drawable, key=lambda one: one.role != "lead", default=None)
    if one is None:
        return '<svg xmlns="http://www.w3.org/2000/svg"/>'
    drawn = str((maps if one.kind == "map" else charts).svg(replace(one, title="", finding=""), width=report.HALF))
    return _carded(drawn).replace(draw.style(), _themed())  # light or dark, as the visitor prefers


def _carded(drawn: str) -> str:
    """A drawing that is flatter than a card, in the middle of one with a margin: what is wider would be cut off."""
    found = re.match(r'<svg ([^>]*?)width="(\d+)" height="(\d+)" viewBox="0 0 \2 \3"', drawn)
    if not found:
        return drawn
    wide, high = int(found[2]) + 2 * MARGIN, int(found[3])
    if high >= (tall := round(wide * CARD)):
        return drawn
    box = f'width="{wide}" height="{tall}" viewBox="{-MARGIN} {(high - tall) / 2:g} {wide} {tall}"'
    return f"<svg {found[1]}{box}{drawn[found.end() :]}"


def _themed() -> str:
    folder = files("potomac.report") / "static"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in ("tokens.css", "figure.css"))


@dataclass(frozen=True, slots=True)
class Listed:
    """A table of a run: its name, its title where the report shows it, how many rows it has."""

    name: str
    title: str
    rows: int


def tables(run: Run) -> list[Listed]:
    """The tables of a run in the order of its report, then the others."""
    titles = {one["table"]: one["title"] for one in run.manifest["show"]}
    names = [*(name for name in titles if name in run.tables), *(name for name in run.tables if name not in titles)]
    return [Listed(name, titles.get(name, ""), run.manifest["tables"][name].get("rows", 0)) for name in names]


def report_file(run: Run, *, download: bool) -> HttpResponse:
    """The report as it was written. It states a policy of its own, by hashes, which the header repeats."""
    file = run.report
    if not file.is_file():
        raise Missing
    body = file.read_bytes()
    response = HttpResponse(body, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = f"{_policy(body)}; frame-ancestors 'none'"
    if download:
        response.headers["Content-Disposition"] = f'attachment; filename="{run.manifest["name"]}.html"'
    return response


_STATED = re.compile(rb"style-src (?:&#39;|')(sha256-[\w+/=]+)(?:&#39;|'); script-src (?:&#39;|')(sha256-[\w+/=]+)")


def _policy(body: bytes) -> str:
    """What the report allows itself: its own style and script."""
    stated = _STATED.search(body, 0, 4096)
    own = f"style-src '{stated[1].decode()}'; script-src '{stated[2].decode()}'; " if stated else ""
    return f"default-src 'none'; {own}img-src data:; base-uri 'none'; form-action 'none'"


# ---- tables ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows: the page from 1, and the column that orders them."""

    page: int = 1
    sort: str = ""
    descending: bool = False

    @classmethod
    def of(cls, request: HttpRequest) -> Asked:
        """As the address says it; what makes no sense there is the first page."""
        number = request.GET.get("page", "1")
        page = int(number) if number.isdecimal() and len(number) < 10 else 1
        return cls(max(1, page), request.GET.get("sort", ""), request.GET.get("order") == "descending")


@dataclass(frozen=True, slots=True)
class Head:
    """A column's heading, how it orders the rows now, and the address that orders them by it."""

    label: str
    unit: str
    kind: str
    sorted: str
    address: str


def table_page(request: HttpRequest, run: Run, name: str, told: dict[str, Any]) -> HttpResponse:
    """A page of a table; ``told`` gives the template what stands around it."""
    return render(request, "table.html", {**_table(run, name, Asked.of(request), told.get("more", {})), **told})


def table_bytes(request: HttpRequest, run: Run, name: str, told: dict[str, Any]) -> HttpResponse:
    """The same page for those who have not signed in: made once, then sent as it is, or not at all if it is known."""
    asked = Asked.of(request)

    def make() -> tuple[tuple[bytes, str], int]:
        body = table_page(request, run, name, {**told, "plain_address": True}).content
        return (body, f'"{sha256(body).hexdigest()[:32]}"'), len(body)

    body, tag = _shelf.get(("table", run.path, name, asked, told["address"], __version__), make)
    same = tag in request.headers.get("If-None-Match", "")
    response = HttpResponseNotModified() if same else HttpResponse(body)
    for name_, value in (("ETag", tag), ("Cache-Control", "no-cache"), ("Vary", "Cookie")):
        response.headers[name_] = value
    return response


def _table(run: Run, name: str, asked: Asked, more: dict[str, str]) -> dict[str, Any]:
    from potomac.report.tables import shown as laid_out

    if name not in run.tables:
        raise Missing
    data = live.table(run.path, name)
    pages = max(1, -(-data.num_rows // ROWS))
    number = min(asked.page, pages)
    rows = _rows(run, name, data, asked, (number - 1) * ROWS)
    titled: Mapping[str, Any] = next((one for one in run.manifest["show"] if one["table"] == name), {})
    units, labels = dict(titled.get("units") or {}), dict(titled.get("labels") or {})
    show = Show(name, titled.get("title", ""), rows=ROWS, units=units, labels=labels)
    shown = laid_out(rows, show)
    return {
        "name": name, "title": titled.get("title") or name, "shown": shown, "total": data.num_rows,
        "heads": [_head(column, asked, more) for column in shown.columns], "page": number, "pages": pages,
        "first": (number - 1) * ROWS + 1, "last": (number - 1) * ROWS + rows.num_rows,
        "before": _address(asked, number - 1, more) if number > 1 else "",
        "after": _address(asked, number + 1, more) if number < pages else "",
    }  # fmt: skip


def _rows(run: Run, name: str, data: pa.Table, asked: Asked, start: int) -> pa.Table:
    if not asked.sort:
        return data.slice(start, ROWS)
    if asked.sort not in data.column_names:
        raise Missing
    return data.take(live.order(run.path, name, asked.sort, descending=asked.descending).slice(start, ROWS))


def _head(column: Column, asked: Asked, more: dict[str, str]) -> Head:
    here = column.names[0] == asked.sort
    state = ("descending" if asked.descending else "ascending") if here else ""
    turned = Asked(1, column.names[0], descending=here and not asked.descending)
    return Head(column.label, column.unit, column.kind, state, _address(turned, 1, more))


def _address(asked: Asked, page: int, more: dict[str, str]) -> str:
    order = "descending" if asked.descending else ""
    told = {"page": str(page) if page > 1 else "", "sort": asked.sort, "order": order}
    return "?" + urlencode({name: value for name, value in {**told, **more}.items() if value})
