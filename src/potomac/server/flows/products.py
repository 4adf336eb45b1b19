"""Products: a run under a stable address, its versions, who sees it, and the live questions it answers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Q, QuerySet

from potomac.errors import Fault, PotomacError, StudyError, did_you_mean, listing
from potomac.server import live
from potomac.server.accounts.models import Entry, Role, User
from potomac.server.catalog.models import Product, Run, Version, Visibility
from potomac.server.catalog.models import new_link as _new_link
from potomac.server.flows.base import Actor, Conflict, Denied, Missing, need, owned, record
from potomac.spec import NAME
from potomac.studies import registry

if TYPE_CHECKING:
    from potomac.engine import Endpoint, Engine, Slider
    from potomac.studies import Run as Opened

__all__ = [
    "Glance",
    "Look",
    "ask",
    "change",
    "delete",
    "engine_of",
    "gallery",
    "get",
    "glance",
    "look",
    "may_change",
    "new_link",
    "newest",
    "place_of",
    "publish",
    "run_of",
    "set_default",
    "sliders",
    "version",
    "warm",
]


def publish(
    actor: Actor, run_id: str, slug: str, *, title: str = "", visibility: str = "private", note: str = ""
) -> Version:
    """Publish a finished run: under a new slug as a new product, under an own one as its new default version.

    Slugs are permanent: the address of a product that was deleted is given to nobody else, and its version numbers
    are not given anew. ``visibility`` counts for a new product only.

    Raises:
        StudyError: slug, title, note or visibility are not well formed.
        Missing: there is no such run, or it is somebody else's.
        Conflict: the run is not finished, or the slug is taken.
    """
    user = need(actor, Role.PUBLISHER, "publish")
    _check(slug=slug, title=title, visibility=visibility, note=note)
    run = owned(actor, Run.objects.all(), "publish", pk=run_id)
    if not run.directory or run.finished is None:
        raise Conflict("The run is not finished; publish it when it is done")
    try:
        with transaction.atomic():
            made = _published(user, run, slug, title, visibility, note)
            record(actor, "product.publish", f"product:{slug}", version=made.number, run=run.pk)
    except IntegrityError:
        if not Run.objects.filter(pk=run.pk).exists():  # deleted a moment ago
            raise Missing from None
        raise Conflict(f'Somebody else publishes under "{slug}" at this moment; try again') from None
    return made


def _published(user: User, run: Run, slug: str, title: str, visibility: str, note: str) -> Version:
    product = Product.objects.select_for_update().filter(slug=slug).first()
    if product is None:
        last = _last_number(user, slug)
        product = Product.objects.create(slug=slug, owner=user, title=title or _title(run), visibility=visibility)
    elif not _manages(user, product):
        raise Conflict(f'The address "{slug}" is taken; choose another slug')
    else:
        last = product.versions.aggregate(last=Max("number"))["last"] or 0
    made = Version.objects.create(product=product, number=last + 1, run=run, by=user, note=note)
    product.default = made
    product.title = title or product.title
    product.save()
    return made


def _last_number(user: User, slug: str) -> int:
    """The last version of a product of this slug that was deleted.

    Raises:
        Conflict: it was somebody else's.
    """
    gone = Entry.objects.filter(action="product.delete", what=f"product:{slug}").first()
    if gone is None:
        return 0
    if gone.detail.get("owner") != user.pk and not user.is_at_least(Role.ADMINISTRATOR):
        raise Conflict(f'The address "{slug}" belonged to a product that was taken back; choose another slug')
    return int(gone.detail.get("last", 0))


def _title(run: Run) -> str:
    return run.title or run.name


def _check(
    *, slug: str | None = None, title: str | None = None, visibility: str | None = None, note: str | None = None
) -> None:
    faults = [*_slug_faults(slug), *_text_faults("title", title), *_text_faults("note", note)]
    if visibility is not None and visibility not in Visibility.values:
        found, valid = f'no visibility is called "{visibility}"', f"valid are {listing(Visibility.values)}"
        mend = did_you_mean(visibility, Visibility.values)
        faults.append(Fault("product.visibility", found, valid, mend, key="visibility"))
    if faults:
        raise StudyError(faults)


def _slug_faults(slug: str | None) -> list[Fault]:
    if slug is None or (len(slug) <= 80 and re.fullmatch(NAME, slug)):
        return []
    found, valid = f'the slug is "{slug}"', "small letters, digits and single hyphens, at most 80"
    mend = re.sub(r"[^a-z0-9]+", "-", slug.lower())[:80].strip("-")
    return [Fault("product.slug", found, valid, f'Try "{mend}"' if mend else "", key="slug")]


def _text_faults(key: str, text: str | None) -> list[Fault]:
    if not text or (len(text) <= 300 and text.isprintable()):
        return []
    found = f"the {key} has {len(text)} characters" if len(text) > 300 else f"the {key} has characters that do not show"
    return [Fault("product.text", found, "expected one line of at most 300 characters", key=key)]


def gallery(actor: Actor) -> QuerySet[Product]:
    """The products that the actor may see without a link: the public ones and their own; an administrator all."""
    found = Product.objects.select_related("default__run", "owner")
    if actor.user is None or not actor.may("read"):
        return found.filter(visibility=Visibility.PUBLIC)
    if actor.is_at_least(Role.ADMINISTRATOR):
        return found
    return found.filter(Q(visibility=Visibility.PUBLIC) | Q(owner=actor.user))


def get(actor: Actor, slug: str, link: str = "") -> Product:
    """The product, where the actor may see it.

    Raises:
        Missing: there is none, or the actor may not know that there is.
    """
    found = Product.objects.select_related("default__run", "owner").filter(slug=slug).first()
    if found is None or not (_open(found, link) or (actor.may("read") and _belongs(actor, found))):
        raise Missing
    return found


def _open(product: Product, link: str) -> bool:
    """Whether whoever comes (with that link) may see it."""
    if product.visibility == Visibility.LINK:
        return secrets.compare_digest(link.encode(), product.link.encode())
    return product.visibility == Visibility.PUBLIC


def _belongs(actor: Actor, product: Product) -> bool:
    return actor.user is not None and actor.user.is_active and _manages(actor.user, product)


def _manages(user: User, product: Product) -> bool:
    return product.owner_id == user.pk or user.is_at_least(Role.ADMINISTRATOR)


def may_change(actor: Actor, product: Product) -> bool:
    """Whether the actor may publish versions of the product, change and delete it."""
    return actor.is_at_least(Role.PUBLISHER) and actor.may("publish") and _belongs(actor, product)


def _own(actor: Actor, slug: str) -> Product:
    """The product, locked, where the actor may change it.

    Raises:
        Missing: the actor may not even see it.
        Denied: the actor may see it and no more.
    """
    need(actor, Role.PUBLISHER, "publish")
    found = Product.objects.select_for_update().filter(slug=slug).first()
    if found is None or not (_belongs(actor, found) or found.visibility == Visibility.PUBLIC):
        raise Missing
    if not _belongs(actor, found):
        raise Denied("Only its owner and administrators change a product")
    return found


def version(product: Product, number: int | None = None) -> Version:
    """A version of the product; without a number the default.

    Raises:
        Missing: there is none of that number.
    """
    found = product.versions.select_related("run").filter(number=number).first() if number else product.default
    if found is None:
        raise Missing
    return found


@transaction.atomic
def set_default(actor: Actor, slug: str, number: int) -> Product:
    """Show another version, an earlier one included: that is the way back."""
    product = _own(actor, slug)
    before = product.default.number if product.default else None
    product.default = version(product, number)
    product.save()
    record(actor, "product.default", f"product:{slug}", version=number, before=before)
    return product


@transaction.atomic
def change(actor: Actor, slug: str, *, title: str | None = None, visibility: str | None = None) -> Product:
    """Another title, or other people who may see it.

    Raises:
        StudyError: title or visibility are not well formed.
    """
    product = _own(actor, slug)
    _check(title=title, visibility=visibility)
    before = {"title": product.title, "visibility": product.visibility}
    product.title = title or product.title
    product.visibility = visibility or product.visibility
    product.save()
    after = {"title": product.title, "visibility": product.visibility}
    changed = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
    record(actor, "product.change", f"product:{slug}", **changed)
    return product


@transaction.atomic
def new_link(actor: Actor, slug: str) -> str:
    """Another link; the old one opens nothing any more."""
    product = _own(actor, slug)
    product.link = _new_link()
    product.save()
    record(actor, "product.link", f"product:{slug}")
    return product.link


@transaction.atomic
def delete(actor: Actor, slug: str) -> None:
    """Take the product back with all its versions; the runs stay."""
    product = _own(actor, slug)
    last = product.versions.aggregate(last=Max("number"))["last"] or 0
    record(actor, "product.delete", f"product:{slug}", owner=product.owner_id, last=last, title=product.title)
    Product.objects.filter(pk=product.pk).update(default=None)
    product.delete()


def run_of(found: Version) -> Opened:
    """The finished run behind a version, opened once a process.

    Raises:
        StudyError: its directory is not there, or damaged.
    """
    return live.opened(found.run.directory)


def engine_of(found: Version) -> Engine:
    """The engine that made a version, and answers its live questions.

    Raises:
        StudyError: it is not installed any more.
    """
    return registry.engine(found.run.kind)


def ask(
    actor: Actor,
    slug: str,
    endpoint: str,
    values: Mapping[str, Any] | bytes,
    *,
    number: int | None = None,
    link: str = "",
) -> Any:
    """The reply to a live question, an instance of the endpoint's reply model.

    Raises:
        Missing: there is no such product or version for this actor.
        Denied: the token is not for asking.
        StudyError: there is no such question, or a value is wrong.
        NoAnswer: the run cannot answer it.
    """
    product = get(actor, slug, link)
    if not (_open(product, link) or actor.may("ask")):
        raise Denied('The token is not for this; it needs the scope "ask"')
    found = version(product, number)
    return live.answer(found.run.directory, engine_of(found), endpoint, values)


def sliders(found: Version, endpoint: Endpoint, chosen: Mapping[str, str]) -> tuple[Slider, ...]:
    """What a page moves to ask a version; empty where the question has fields only, or its model cannot be loaded."""
    try:
        return live.sliders(found.run.directory, endpoint, chosen)
    except PotomacError:  # whoever asks is told
        return ()


def warm() -> int:
    """Load the models of the products that were changed last, within half of what models may take; how many.

    A web process does so beside its first requests, so that no visitor waits for an engine to be imported.
    """
    loaded = 0
    shown = Product.objects.filter(default__isnull=False).select_related("default__run").order_by("-changed")
    for product in shown[:100]:
        if 2 * live.shelf.size > live.shelf.most():
            break
        loaded += _warmed(product)
    return loaded


def _warmed(product: Product) -> bool:
    try:
        found = version(product)
        for endpoint in engine_of(found).endpoints:
            live.model(found.run.directory, endpoint)
            if endpoint.example:
                live.answer(found.run.directory, engine_of(found), endpoint.name, dict(endpoint.example))
    except PotomacError:  # whoever asks is told
        return False
    return True


class Glance(NamedTuple):
    """What has to be looked up at each request before ready bytes may be sent."""

    visibility: str
    run: str  # of the default version

    @property
    def is_public(self) -> bool:
        """Whether everybody may see it."""
        return self.visibility == Visibility.PUBLIC.value


_GLANCE = (
    "SELECT p.visibility, v.run_id FROM catalog_product p JOIN catalog_version v ON v.id = p.default_id "
    "WHERE p.slug = %s"
)


def glance(slug: str) -> Glance | None:
    """Who may see the product, and which run it shows, by one short query: fresh at each request, in each process."""
    with connection.cursor() as cursor:
        cursor.execute(_GLANCE, [slug])
        row = cursor.fetchone()
    return Glance(*row) if row else None


class Look(NamedTuple):
    """All that changes in the page of a public product as visitors see it."""

    version: int  # the default one
    run: str
    title: str
    changed: Any  # when, as the database tells it: each change of the product moves it
    versions: int  # how many: they go from others' products together with the person who made their runs


_LOOK = (
    "SELECT v.id, v.run_id, p.title, p.changed, (SELECT COUNT(*) FROM catalog_version a WHERE a.product_id = p.id) "
    "FROM catalog_product p JOIN catalog_version v ON v.id = p.default_id WHERE p.slug = %s AND p.visibility = %s"
)


def look(slug: str) -> Look | None:
    """What the page of a public product depends on, by one short query; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, [slug, Visibility.PUBLIC.value])
        row = cursor.fetchone()
    return Look(*row) if row else None


def newest(count: int) -> list[str]:
    """The slugs of the public products that were changed last."""
    shown = Product.objects.filter(visibility=Visibility.PUBLIC, default__isnull=False).order_by("-changed")
    return list(shown.values_list("slug", flat=True)[:count])


@lru_cache(1024)
def place_of(run_id: str) -> tuple[str, str]:
    """Kind and directory of a finished run; they never change, and its id is never given anew."""
    found = Run.objects.filter(pk=run_id).values_list("kind", "directory").first()
    if found is None:
        raise Missing
    return found
