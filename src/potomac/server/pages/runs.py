"""Runs: the list, one run while it waits, goes on, has failed or is done, and two beside each other."""

from __future__ import annotations

import time
from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from potomac.engine import Fact
from potomac.errors import Fault, PotomacError
from potomac.report.numbers import duration, interval
from potomac.server.catalog.models import Product, Run, Visibility
from potomac.server.flows import products, runs
from potomac.server.flows.base import Conflict, Missing, TooMuch
from potomac.server.flows.studyform import sentence
from potomac.server.pages import shown
from potomac.server.pages.base import actor, page
from potomac.studies.dump import literal

__all__ = ["compare", "run", "run_report", "run_state", "run_table", "runs_"]

LINES = 30
"""Runs on a page."""


@page("GET")
def runs_(request: HttpRequest) -> HttpResponse:
    """The runs, newest first."""
    listed = Paginator(runs.list_(actor(request)), LINES).get_page(request.GET.get("page"))
    return render(request, "runs.html", {"runs": listed})


@page("GET", "POST")
def run(request: HttpRequest, id: str) -> HttpResponse:
    """A run: its progress, what went wrong, or its answer."""
    one = runs.get(actor(request), id)
    if request.method == "POST":
        return _acted(request, one)
    return _page(request, one)


def _page(request: HttpRequest, one: Run, status: int = 200, **more: Any) -> HttpResponse:
    told: dict[str, Any] = {"run": one, **_progress(one), **more}
    if one.directory:
        opened = runs.opened(one)
        told |= {"told": opened.manifest, "parts": shown.parts(opened), "tables": shown.tables(opened)}
        told |= {"visibilities": Visibility.choices, "suggested": one.name, "own": _own(request, one)}
    return render(request, "run.html", told, status=status)


def _own(request: HttpRequest, one: Run) -> list[Product]:
    """Products that show the run, of those that the person may see."""
    return list(products.gallery(actor(request)).filter(versions__run=one).distinct())


def _acted(request: HttpRequest, one: Run) -> HttpResponse:
    who, act = actor(request), request.POST.get("act", "")
    try:
        if act == "publish":
            return _published(request, one)
        if act == "cancel":
            runs.cancel(who, one.pk)
        elif act == "retry":
            return redirect("run", runs.retry(who, one.pk).pk)
        elif act == "delete":
            runs.delete(who, one.pk)
            messages.info(request, f"The run {one} is deleted.")
            return redirect("runs")
        else:
            raise Missing
    except (Conflict, TooMuch) as error:
        messages.error(request, str(error))
    return redirect("run", one.pk)


def _published(request: HttpRequest, one: Run) -> HttpResponse:
    sent = {name: request.POST.get(name, "").strip() for name in ("slug", "title", "visibility", "note")}
    faults: tuple[Fault, ...] = ()
    try:
        made = products.publish(actor(request), one.pk, sent.pop("slug"), **sent)
    except PotomacError as error:
        faults = error.faults
    except Conflict as error:
        faults = (Fault("product.slug", str(error), key="slug"),)
    else:
        return redirect("product", made.product.slug)
    told = {fault.key or "slug": sentence(fault) for fault in faults}
    return _page(request, one, 422, wrong=told, typed=request.POST)


@page("GET")
def run_state(request: HttpRequest, id: str) -> HttpResponse:
    """The part of the page that changes while the run goes on."""
    one = runs.get(actor(request), id)
    return render(request, "part_run.html", {"run": one, **_progress(one)})


def _progress(one: Run) -> dict[str, Any]:
    job = runs.job(one)
    faults = [(fault, sentence(fault)) for fault in _faults(job.error)]
    share = min(100.0, 100 * job.done / job.total) if job.total else None
    return {"job": job, "faults": faults, "share": share, "left": _left(job)}


def _faults(told: Any) -> list[Fault]:
    names = Fault.__slots__
    return [Fault(**{name: one[name] for name in names if name in one}) for one in told if isinstance(one, dict)]


def _left(job: Any) -> str:
    """How long the step that goes on will take, from its pace since it was first seen here."""
    if not job.total or job.state != "running":
        return ""
    now, step = time.monotonic(), f"pace-{job.pk}-{job.attempt}"
    what, first, begun = cache.get(step) or (None, 0.0, now)
    if what != job.what or job.done < first:
        cache.set(step, (job.what, job.done, now), 3600)
        return ""
    done = job.done - first
    if done <= 0 or now - begun < 2:
        return ""
    return duration((job.total - job.done) * (now - begun) / done)


@page("GET")
def run_report(request: HttpRequest, id: str) -> HttpResponse:
    """The report as one file."""
    opened = runs.opened(_finished(request, id))
    return shown.report_file(opened, download="download" in request.GET)


@page("GET")
def run_table(request: HttpRequest, id: str, name: str) -> HttpResponse:
    """A table of the answer, page by page."""
    one = _finished(request, id)
    told = {"address": reverse("run", args=[id]), "back": one.title or one.name, "more": {}}
    return shown.table_page(request, runs.opened(one), name, {**told, "files": f"/api/v1/runs/{id}/tables/"})


def _finished(request: HttpRequest, id: str) -> Run:
    one = runs.get(actor(request), id)
    if not one.directory:
        raise Missing
    return one


@page("GET")
def compare(request: HttpRequest) -> HttpResponse:
    """The facts of several runs beside each other."""
    chosen = list(dict.fromkeys(request.GET.getlist("run")))
    if len(chosen) < 2:
        messages.info(request, "Choose two runs to compare them.")
        return redirect("runs")
    compared = runs.compare(actor(request), chosen)
    facts = [(row, [_told(fact) for fact in row.values]) for row in compared.facts]
    keys = [(row, ["–" if value is None else literal(value) for value in row.values]) for row in compared.keys]
    return render(request, "compare.html", {"compared": compared, "facts": facts, "keys": keys})


def _told(fact: Fact | None) -> tuple[str, str]:
    """Value and interval of a fact in words."""
    return interval(fact.value, fact.low, fact.high) if fact else ("–", "")
