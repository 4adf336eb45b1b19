"""Published answers: the gallery, a product with its live questions, its versions, tables and embedded form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_exempt

from potomac.engine import Endpoint, Engine
from potomac.errors import Fault, PotomacError, StudyError
from potomac.server import live
from potomac.server.api.ready import mark_page
from potomac.server.catalog.models import Product, Version, Visibility
from potomac.server.flows import products
from potomac.server.flows.base import Conflict, Denied, Missing
from potomac.server.ops.middleware import POLICY
from potomac.server.pages import questions, shown
from potomac.server.pages.base import actor, page

__all__ = ["ask", "change", "embed", "gallery", "picture", "product", "report", "table"]

CARDS = 24
"""Products on a page of the gallery."""


@page("GET")
def gallery(request: HttpRequest) -> HttpResponse:
    """The products that the visitor may see."""
    wanted = request.GET.get("q", "").strip()[:200]
    found = products.gallery(actor(request)).filter(default__isnull=False)
    if wanted:
        found = found.filter(title__icontains=wanted) | found.filter(default__run__answer__icontains=wanted)
    cards = Paginator(found, CARDS).get_page(request.GET.get("page"))
    return render(request, "gallery.html", {"cards": cards, "wanted": wanted})


# ---- one product ----------------------------------------------------------------------------------------------------


def _key(request: HttpRequest) -> str:
    """The secret part of the address of a product by link."""
    return request.GET.get("key", "") or request.POST.get("key", "")


def _number(request: HttpRequest) -> int | None:
    """The version that the address names."""
    text = request.GET.get("version", "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise Missing
    return int(text)


def _found(request: HttpRequest, slug: str) -> tuple[Product, Version]:
    one = products.get(actor(request), slug, _key(request))
    return one, products.version(one, _number(request))


def _kept(request: HttpRequest) -> dict[str, str]:
    """What links to other pages of the product carry on."""
    return {name: value for name in ("key", "version") if (value := request.GET.get(name, ""))}


def _suffix(kept: Mapping[str, str]) -> str:
    return f"?{urlencode(kept)}" if kept else ""


def _api(kept: Mapping[str, str]) -> str:
    """The same for addresses of the API."""
    return _suffix({"link" if name == "key" else name: value for name, value in kept.items()})


def _engine(found: Version) -> Engine | None:
    """The engine that answers live questions; a product shows its pages without it too."""
    try:
        return products.engine_of(found)
    except StudyError:
        return None


@page("GET")
def product(request: HttpRequest, slug: str) -> HttpResponse:
    """The report's parts, the live questions, versions, downloads; ready bytes for visitors of what is public."""
    is_plain = request.user.is_anonymous and not request.META.get("QUERY_STRING")
    seen = products.look(slug) if is_plain else None
    response = _product(request, slug)
    return mark_page(response, slug, seen) if seen else response


def _product(request: HttpRequest, slug: str, asked: questions.Question | None = None, **more: Any) -> HttpResponse:
    one, found = _found(request, slug)
    run, kept = products.run_of(found), _kept(request)
    engine = _engine(found)
    forms = [_question(request, one, found, endpoint) for endpoint in engine.endpoints] if engine else []
    told = {
        "product": one, "shown_version": found, "run": found.run, "told": run.manifest, "parts": shown.parts(run),
        "questions": [asked if asked and asked.name == form.name else form for form in forms],
        "tables": shown.tables(run), "versions": one.versions.select_related("run", "by"), "kept": kept,
        "suffix": _suffix(kept), "files": f"/api/v1/products/{one.slug}/tables/", "files_suffix": _api(kept),
        "pages": reverse("product", args=[one.slug]), "may_change": products.may_change(actor(request), one),
        "visibilities": Visibility.choices, **_addresses(one), **more,
    }  # fmt: skip
    return render(request, "product.html", told)


def _question(request: HttpRequest, one: Product, found: Version, endpoint: Endpoint) -> questions.Question:
    """The form of a live question before anybody asked; one with sliders has the answer of the run beside it."""
    sliders = products.sliders(found, endpoint, {})
    if not sliders:
        return questions.question(endpoint)
    reply = None
    with suppress(PotomacError, Denied):  # whoever moves a slider is told
        reply = products.ask(actor(request), one.slug, endpoint.name, {}, number=found.number, link=_key(request))
    return questions.question(endpoint, sliders=sliders, reply=reply)


def _addresses(one: Product) -> dict[str, str]:
    """Whole addresses, to be given to others."""
    key = f"?{urlencode({'key': one.link})}" if one.visibility == Visibility.LINK else ""
    base = settings.CONFIG.public_url.rstrip("/")
    address = base + reverse("product", args=[one.slug]) + key
    return {"address": address, "embed_address": base + reverse("embed", args=[one.slug]) + key}


@page("GET", "POST")
def ask(request: HttpRequest, slug: str, endpoint: str) -> HttpResponse:
    """Answer a live question: the answer alone for the page's script, the whole page for a browser without."""
    who, values = actor(request), _asked(request)
    one, found = _found(request, slug)
    point = next((point for point in products.engine_of(found).endpoints if point.name == endpoint), None)
    if point is None:
        raise Missing
    faults: tuple[Fault, ...] = ()
    reply: Any = None
    values, chosen = questions.moved(values) if point.sliders else (values, {})
    try:
        reply = products.ask(who, slug, endpoint, values, number=_number(request), link=_key(request))
    except PotomacError as error:
        faults = error.faults
    form = questions.question(point, values, faults, products.sliders(found, point, chosen), reply)
    told = {
        "question": form, "answers": questions.answered(reply) if reply is not None else (), "faults": faults,
        "shapes": questions.shapes(reply), "product": one, "kept": _kept(request),
        "query": urlencode(_kept(request) | values), "query_api": _api(_kept(request) | values),
    }  # fmt: skip
    if request.headers.get("X-Part") == "options":
        return render(request, "part_options.html", {"options": questions.suggested(reply)})
    if request.headers.get("X-Part"):
        return render(request, "part_question.html", told)
    mine = {name: told[name] for name in ("answers", "shapes", "faults", "query", "query_api")}
    return _product(request, slug, form, **mine, open=endpoint)


def _asked(request: HttpRequest) -> dict[str, str]:
    """What was typed; what was left empty was not asked."""
    sent = request.POST if request.method == "POST" else request.GET
    own = ("key", "version", "csrfmiddlewaretoken")
    typed = {name: str(sent[name]).strip() for name in sent if name not in own}
    return {name: text for name, text in typed.items() if text}


@page("GET")
def report(request: HttpRequest, slug: str) -> HttpResponse:
    """The report as one file."""
    _, found = _found(request, slug)
    return shown.report_file(products.run_of(found), download="download" in request.GET)


@page("GET")
def picture(request: HttpRequest, slug: str) -> HttpResponse:
    """The picture of the answer, for a card."""
    _, found = _found(request, slug)
    return shown.picture(products.run_of(found))


@page("GET")
def table(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """A table of the answer, page by page; ready bytes for visitors of what is public."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES and not _kept(request):
        seen = products.glance(slug)
        if seen and seen.is_public:
            _, directory = products.place_of(seen.run)
            return shown.table_bytes(request, live.opened(directory), name, _around(slug, {}))
    one, found = _found(request, slug)
    return shown.table_page(request, products.run_of(found), name, _around(one.slug, _kept(request)))


def _around(slug: str, kept: Mapping[str, str]) -> dict[str, Any]:
    """Where a table belongs, and where its files are."""
    return {
        "address": reverse("product", args=[slug]) + _suffix(kept), "back": slug, "more": dict(kept),
        "files": f"/api/v1/products/{slug}/tables/", "files_suffix": _api(kept),
    }  # fmt: skip


@xframe_options_exempt
@page("GET")
def embed(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer and picture for a frame in somebody else's page; for products that others may see."""
    one, found = _found(request, slug)
    if one.visibility == Visibility.PRIVATE:
        raise Missing
    run = products.run_of(found)
    told = {"product": one, "told": run.manifest, "lead": shown.lead(run), **_addresses(one)}
    response = render(request, "embed.html", told)
    response.headers["Content-Security-Policy"] = POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


# ---- what its owner does --------------------------------------------------------------------------------------------


@page("POST")
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Title, visibility, default version, another link, or taking it back."""
    act = _ACTS.get(request.POST.get("act", ""))
    if act is None:
        raise Missing
    try:
        said = act(request, slug)
    except (PotomacError, Conflict) as error:
        messages.error(request, str(error))
        return redirect("product", slug)
    messages.info(request, said)
    return redirect("gallery") if act is _delete else redirect("product", slug)


def _settings(request: HttpRequest, slug: str) -> str:
    title, visibility = request.POST.get("title", "").strip(), request.POST.get("visibility", "")
    products.change(actor(request), slug, title=title or None, visibility=visibility or None)
    return "Saved."


def _default(request: HttpRequest, slug: str) -> str:
    number = request.POST.get("number", "")
    if not number.isdecimal() or len(number) > 9:
        raise Missing
    products.set_default(actor(request), slug, int(number))
    return f"Version {number} is shown now."


def _link(request: HttpRequest, slug: str) -> str:
    products.new_link(actor(request), slug)
    return "There is a new link; the old one opens nothing any more."


def _delete(request: HttpRequest, slug: str) -> str:
    products.delete(actor(request), slug)
    return f"{slug} is taken back. Its runs are still there."


_ACTS: Mapping[str, Callable[[HttpRequest, str], str]] = {
    "settings": _settings, "default": _default, "link": _link, "delete": _delete,
}  # fmt: skip
