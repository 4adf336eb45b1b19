"""Studies: the list, and the form or text in which one is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from potomac.errors import Fault, PotomacError, StudyError
from potomac.server.accounts.models import Role
from potomac.server.catalog.models import Draft
from potomac.server.flows import studies
from potomac.server.flows.base import Actor, Conflict, TooMuch, need
from potomac.server.flows.studyform import sentence
from potomac.server.pages.base import actor, page

__all__ = ["studies_", "study", "study_file", "study_new"]

LINES = 50
"""Drafts on a page."""


@page("GET")
def studies_(request: HttpRequest) -> HttpResponse:
    """The drafts, and the kinds of study that one may begin."""
    drafts = Paginator(studies.list_(actor(request)), LINES).get_page(request.GET.get("page"))
    return render(request, "studies.html", {"drafts": drafts, "kinds": studies.kinds()})


@page("GET", "POST")
def study_new(request: HttpRequest, kind: str) -> HttpResponse:
    """A new study of a kind."""
    studies.engine(kind)
    return _compose(request, kind, None)


@page("GET", "POST")
def study(request: HttpRequest, id: str) -> HttpResponse:
    """A draft, to be gone on with."""
    who = actor(request)
    draft = studies.get(who, id)
    if request.POST.get("act") == "delete":
        studies.delete(who, id)
        messages.info(request, f"The draft {draft.name} is deleted.")
        return redirect("studies")
    return _compose(request, draft.kind, draft)


@page("GET")
def study_file(request: HttpRequest, id: str) -> HttpResponse:
    """The study as a file, which the command line runs as well."""
    draft = studies.get(actor(request), id)
    return _file(draft.name, draft.text)


def _file(name: str, text: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/toml; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.toml"'
    return response


@dataclass
class _Page:
    """The study as it stands on the page: its text, its values where the text has any, and what is wrong."""

    kind: str
    text: str
    values: dict[str, Any] | None
    view: str = "form"
    checked: bool = False
    faults: list[Fault] = field(default_factory=list)
    wrong: str = ""  # why it cannot go on, where no field is to blame


def _compose(request: HttpRequest, kind: str, draft: Draft | None) -> HttpResponse:
    who = actor(request)
    need(who, Role.ANALYST, "write")
    shown = _sent(request, who, kind) if request.method == "POST" else _begun(request, who, kind, draft)
    act = request.POST.get("act", "")
    if act == "download":
        return _file(_name(shown, draft), shown.text)
    shown.checked = shown.checked or act in ("check", "save", "run")
    shown.faults = studies.check(who, shown.text)
    if act == "save" or (act == "run" and not shown.faults):
        try:
            return _kept(request, who, shown, draft, run=act == "run")
        except PotomacError as error:
            shown.faults = list(error.faults)
        except (TooMuch, Conflict) as error:
            shown.wrong = str(error)
    return _shown(request, who, shown, draft)


def _name(shown: _Page, draft: Draft | None) -> str:
    return draft.name if draft else f"my-{shown.kind}"


def _begun(request: HttpRequest, who: Actor, kind: str, draft: Draft | None) -> _Page:
    """The draft as it was kept, or a new study; a source that the address names is in it already."""
    view, checked = request.GET.get("view", "form"), "checked" in request.GET
    if draft is not None:
        return _Page(kind, draft.text, _values(draft.text, kind), view, checked)
    values: dict[str, Any] = {"kind": kind}
    name = request.GET.get("source", "")
    if name:
        table = next((part for part in studies.form(kind, {}).parts if part.source), None)
        values |= {table.key: {"source": name}} if table else {}
        values = studies.guessed(kind, values, studies.usable(who))
    return _Page(kind, studies.text_of(kind, values), values, view, checked)


def _values(text: str, kind: str) -> dict[str, Any] | None:
    """The values of a text where it can be read and is of that kind."""
    try:
        found = studies.values_of(text)
    except StudyError:
        return None
    return found if found.get("kind") == kind else None


def _sent(request: HttpRequest, who: Actor, kind: str) -> _Page:
    """The study as it was typed, with what a button has added or taken away."""
    act, checked = request.POST.get("act", ""), bool(request.POST.get("checked"))
    if "text" in request.POST:
        text = request.POST["text"].replace("\r\n", "\n")
        return _Page(kind, text, _values(text, kind), "form" if act == "form" else "text", checked)
    values = studies.typed(kind, {name: request.POST.getlist(name) for name in request.POST})
    what, _, key = act.partition(":")
    if what == "add":
        values = studies.added(kind, values, key)
    elif what == "remove":
        values = studies.removed(values, key)
    values = studies.guessed(kind, values, studies.usable(who))
    return _Page(kind, studies.text_of(kind, values), values, "text" if act == "text" else "form", checked)


def _kept(request: HttpRequest, who: Actor, shown: _Page, draft: Draft | None, *, run: bool) -> HttpResponse:
    """Save, and where that is asked for run."""
    saved = studies.save(who, shown.kind, shown.text, draft.pk if draft else None)
    if run:
        from potomac.server.flows import runs

        return redirect("run", runs.submit(who, shown.text, saved).pk)
    messages.info(request, "Saved." if not shown.faults else "Saved as it is; it cannot run yet.")
    view = "&view=text" if shown.view == "text" else ""
    response = redirect("study", saved.pk)
    response.headers["Location"] += f"?checked=1{view}"
    return response


def _shown(request: HttpRequest, who: Actor, shown: _Page, draft: Draft | None) -> HttpResponse:
    sources = studies.usable(who)
    as_text = shown.view == "text" or shown.values is None
    faults = shown.faults if shown.checked else []
    if not as_text:
        form = studies.form(shown.kind, shown.values or {}, sources, faults)
    told = {
        "kind": studies.engine(shown.kind), "draft": draft, "text": shown.text, "as_text": as_text,
        "form": None if as_text else form, "sources": sources, "checked": shown.checked, "wrong": shown.wrong,
        "readable": shown.values is not None, "count": len(shown.faults),
        "faults": [(one, sentence(one)) for one in faults],
    }  # fmt: skip
    refused = request.method == "POST" and request.POST.get("act") == "run"
    return render(request, "study.html", told, status=422 if refused else 200)
