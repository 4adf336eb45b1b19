"""Sources: uploads, files on the server, queries to databases; what was seen in them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from potomac.errors import PotomacError
from potomac.server.accounts.models import Role
from potomac.server.catalog.models import Source
from potomac.server.flows import sources
from potomac.server.flows.base import Conflict, Missing, TooMuch, need
from potomac.server.flows.studyform import sentence
from potomac.server.pages.base import actor, page
from potomac.studies import registry

__all__ = ["source", "source_state", "sources_"]

LINES = 50
"""Sources on a page."""


@page("GET", "POST")
def sources_(request: HttpRequest) -> HttpResponse:
    """The list, and the ways to add one."""
    who = actor(request)
    need(who, Role.ANALYST, "read")
    wrong: list[str] = []
    if request.method == "POST":
        try:
            return redirect("source", _added(request).pk)
        except PotomacError as error:
            wrong = [sentence(fault) for fault in error.faults]
        except (Conflict, TooMuch) as error:
            wrong = [f"{error}."]
    told = {
        "sources": Paginator(sources.list_(who), LINES).get_page(request.GET.get("page")), "wrong": wrong,
        "folders": sources.folders(who), "databases": sources.databases_of(who),
        "most": settings.CONFIG.limits.upload_mb, "way": request.POST.get("way", ""), "typed": request.POST,
    }  # fmt: skip
    return render(request, "sources.html", told, status=422 if wrong else 200)


def _added(request: HttpRequest) -> Source:
    who, sent = actor(request), request.POST
    way = sent.get("way", "upload")
    if way == "folder":
        return sources.from_folder(who, sent.get("folder", ""), sent.get("path", "").strip())
    if way == "database":
        name = sent.get("name", "").strip()
        return sources.from_database(who, sent.get("database", ""), name, sent.get("query", "").strip())
    file: Any = request.FILES.get("file")
    if file is None:
        raise Conflict("No file came with the form; choose one, then send it")
    return sources.upload(who, sent.get("name", "").strip() or file.name, file)


@page("GET", "POST")
def source(request: HttpRequest, id: str) -> HttpResponse:
    """What was seen in a source: columns, first rows, notes; or why it was refused."""
    who = actor(request)
    one = sources.get(who, id)
    if request.method == "POST":
        return _acted(request, one)
    told = {"source": one, "preview": one.preview, "kinds": registry.kinds(), "runs": one.runs.count()}
    return render(request, "source.html", told)


def _acted(request: HttpRequest, one: Source) -> HttpResponse:
    """Look at it again, or delete it."""
    who, act = actor(request), request.POST.get("act", "")
    try:
        if act == "look":
            sources.look_again(who, one.pk)
        elif act == "delete":
            messages.info(request, sources.delete(who, one.pk))
            return redirect("sources")
        else:
            raise Missing
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("source", one.pk)


@page("GET")
def source_state(request: HttpRequest, id: str) -> HttpResponse:
    """The part of the page that changes while the source is looked at."""
    return render(request, "part_source.html", {"source": sources.get(actor(request), id)})
