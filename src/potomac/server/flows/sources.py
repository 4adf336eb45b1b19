"""Sources: the tables that studies may name, brought by their owners or allowed by whoever runs the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from potomac.errors import Fault, StudyError, did_you_mean, listing
from potomac.server.accounts.models import Role, User
from potomac.server.catalog import contents, databases
from potomac.server.catalog.contents import located
from potomac.server.catalog.endings import ending
from potomac.server.catalog.models import Database, Source
from potomac.server.flows.base import Actor, Conflict, Missing, TooMuch, need, owned, record, visible
from potomac.server.jobs import queue
from potomac.server.jobs.models import Job, State
from potomac.tables.chunk import shown
from potomac.tables.guess import Seen, guess

if TYPE_CHECKING:
    from pydantic import BaseModel

    from potomac.spec import TableSpec

__all__ = [
    "databases_of",
    "delete",
    "folders",
    "from_database",
    "from_folder",
    "get",
    "guesses",
    "list_",
    "located",
    "look_again",
    "upload",
]


def list_(actor: Actor) -> QuerySet[Source]:
    """The actor's sources; an administrator sees all."""
    found: QuerySet[Source] = visible(actor, Source.objects.select_related("owner", "content", "database"))
    return found


def get(actor: Actor, id: str) -> Source:
    """One source.

    Raises:
        Missing: there is none of that id that the actor may see.
    """
    found: Source = owned(actor, Source.objects.select_related("owner", "content", "database"), id=id)
    return found


def upload(actor: Actor, name: str, file: Any) -> Source:
    """Take over a file that somebody brings, and have it looked at.

    Args:
        actor: an analyst, or more.
        name: a file's name; it is cleaned, and numbered where the actor has one of that name.
        file: an upload of Django's, or anything with ``read``; it is read to its end, or to the limit.

    Raises:
        Denied: the actor may not.
        StudyError: the name is of no use, or ends as nothing does that can be read.
        DataError: the file is empty.
        TooMuch: the file is too large, or the actor's uploads would be.
    """
    user = need(actor, Role.ANALYST, "write")
    if "." not in name:
        name += ending(str(getattr(file, "name", "") or ""))
    name = contents.clean(name)
    most, full = _room(user)
    try:
        incoming = contents.receive(file, most, full)
    except contents.Full as error:
        raise TooMuch(str(error)) from None
    try:
        with contents.keep(incoming) as content:
            _one_at_a_time(user.pk)
            if incoming.size > _room(user)[0]:
                raise TooMuch(_room(user)[1])
            return _made(actor, user, name, kind=Source.Kind.UPLOAD, content=content)
    finally:
        incoming.forget()


def _one_at_a_time(owner: int) -> None:
    """What changes the sources of one person waits here for one another: first of all locks, so that none meet."""
    no_key = connection.features.has_select_for_no_key_update
    User.objects.select_for_update(no_key=no_key).filter(pk=owner).first()


def _room(user: User) -> tuple[int, str]:
    """How many bytes may come still, and the sentence where more do."""
    limits = settings.CONFIG.limits
    left = (limits.stored_mb << 20) - contents.stored(user)
    if left < limits.upload_mb << 20:
        room = f"of the {limits.stored_mb:,} MB that your uploads may hold {max(left, 0) >> 20:,} MB are left"
        return max(left, 0), f"The file does not fit: {room}; delete sources that you no longer need"
    return limits.upload_mb << 20, f"A file may have {limits.upload_mb:,} MB; pack it as .csv.gz, or write Parquet"


def _made(actor: Actor, user: User, name: str, **more: Any) -> Source:
    """The row, under the first name that is free, and the job that looks at it."""
    for one in contents.numbered(name):
        try:
            with transaction.atomic():
                source = Source.objects.create(owner=user, name=one, **more)
        except IntegrityError:
            if not _taken(user, one):
                raise
            continue
        queue.submit("source", source.pk, user)
        record(actor, f"source.{source.kind}", f"source:{source.pk}", name=one)
        return source
    raise AssertionError("names do not end")


def _taken(user: User, name: str) -> bool:
    return Source.objects.filter(owner=user, name=name).exists()


def folders(actor: Actor, most: int = 1000) -> dict[str, list[str]]:
    """Folders of the server that sources may lie in, with the files there that can be read (the first ``most``)."""
    need(actor, Role.ANALYST, "read")
    return {name: sorted(_files(name, most)) for name in sorted(settings.CONFIG.folders)}


def _files(folder: str, most: int) -> Iterator[str]:
    root = settings.CONFIG.folders[folder]
    if not root.is_dir():
        return
    for file in root.rglob("*"):
        inner = file.relative_to(root)
        if ending(file.name) and not any(part.startswith(".") for part in inner.parts) and file.is_file():
            most -= 1
            if most < 0:
                return
            yield inner.as_posix()


def from_folder(actor: Actor, folder: str, path: str) -> Source:
    """A file that lies in one of the server's folders; it stays there and is read anew by each run.

    Raises:
        DataError: there is no such folder or file.
        StudyError: the file ends as nothing does that can be read.
    """
    user = need(actor, Role.ANALYST, "write")
    contents.inside(folder, path)
    name = contents.clean(path.rpartition("/")[2])
    with transaction.atomic():
        _one_at_a_time(user.pk)
        return _made(actor, user, name, kind=Source.Kind.FOLDER, folder=folder, path=path)


def databases_of(actor: Actor) -> QuerySet[Database]:
    """The databases that an administrator has registered; their addresses are for no page."""
    need(actor, Role.ANALYST, "read")
    return Database.objects.order_by("name").defer("url")


def from_database(actor: Actor, database: str, name: str, query: str) -> Source:
    """What a query to a registered database gives; each run asks it anew.

    Raises:
        StudyError: there is no such database, or the query cannot be one that reads.
    """
    user = need(actor, Role.ANALYST, "write")
    name = contents.clean(name, file=False)
    held = Database.objects.filter(name=database).first()
    if held is None:
        names = list(Database.objects.order_by("name").values_list("name", flat=True))
        found = f'no database is registered as "{shown(database, 40)}"'
        expected = f"registered are {listing(names)}" if names else "none is registered; an administrator does that"
        raise StudyError(Fault("upload.database", found, expected, did_you_mean(database, names), key="database"))
    query = databases.reading(query)
    with transaction.atomic():
        _one_at_a_time(user.pk)
        return _made(actor, user, name, kind=Source.Kind.DATABASE, database=held, query=query)


def look_again(actor: Actor, id: str) -> Source:
    """Have a source looked at once more, as after a file of a folder has changed.

    Raises:
        Missing: there is none.
        Conflict: it is being looked at.
    """
    source: Source = owned(actor, Source.objects.all(), "write", id=id)
    with transaction.atomic():
        if _open_jobs("source", [source.pk]):
            raise Conflict(f"{source.name} is being looked at already")
        Source.objects.filter(pk=source.pk).update(state=Source.State.CHECKING, reason="")
        queue.submit("source", source.pk, source.owner)
    record(actor, "source.look", f"source:{source.pk}", name=source.name)
    return get(actor, id)


def _open_jobs(task: str, about: list[str]) -> list[Job]:
    return list(Job.objects.filter(task=task, about__in=about, state__in=[State.QUEUED, State.RUNNING]))


def delete(actor: Actor, id: str) -> str:
    """Take a source away, and its bytes with the last source that needs them. The sentence says what stays.

    Raises:
        Missing: there is none.
        Conflict: a run that waits or goes on needs it.
    """
    source: Source = owned(actor, Source.objects.all(), "write", id=id)
    sha256 = source.content_id
    with transaction.atomic():
        _one_at_a_time(source.owner_id)
        for job in _open_jobs("source", [source.pk]):  # before the row: who ends a job locks it first, too
            queue.cancel(job)
        held = Source.objects.select_for_update().filter(pk=source.pk).first()
        if held is None:  # gone a moment ago
            raise Missing
        runs = list(held.runs.values_list("pk", flat=True))
        needed = len(_open_jobs("run", runs))
        if needed:
            who = "a run that waits or goes on needs" if needed == 1 else f"{needed} runs that wait or go on need"
            raise Conflict(f"{held.name} stays: {who} it. Cancel what you do not want, or wait for its end")
        held.delete()
        record(actor, "source.delete", f"source:{id}", name=source.name, runs=len(runs))
    won = contents.drop(sha256) if sha256 else 0
    return _deleted(source, won, len(runs))


def _deleted(source: Source, won: int, runs: int) -> str:
    bytes_ = {Source.Kind.FOLDER: "; the file stays in its folder", Source.Kind.DATABASE: "; the database stays"}
    gone = bytes_.get(Source.Kind(source.kind), " with its bytes" if won else "; another source has the same bytes")
    kept = "" if not runs else " A run made from it keeps" if runs == 1 else f" {runs} runs made from it keep"
    return f"{source.name} is deleted{gone}." + (f"{kept} what came out of it." if kept else "")


# ---- which column may play which role -------------------------------------------------------------------------------


def guesses(source: Source, kind: str) -> dict[str, dict[str, dict[str, str]]]:
    """Columns that may play the roles of a kind's tables: ``{table: {role: {"column", "unit"}}}``.

    Only what a name, its type and its range speak for; a role without such a column is left out.

    Raises:
        StudyError: no engine is called ``kind``.
    """
    from potomac.studies import registry

    columns = [_seen(one) for one in source.preview.get("columns", [])]
    return {name: _columns(model, columns) for name, model in _tables(registry.engine(kind).study)}


def _seen(told: Mapping[str, Any]) -> Seen:
    return Seen(told["name"], told.get("type", ""), told.get("low"), told.get("high"))


def _columns(model: type[TableSpec], columns: list[Seen]) -> dict[str, dict[str, str]]:
    found = guess(model.roles, columns)
    return {role: {"column": column.column, "unit": column.unit} for role, column in found.items()}


def _tables(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, type[TableSpec]]]:
    """The tables of a study's model with their dotted keys; those in lists without number."""
    from potomac.spec import TableSpec
    from potomac.studies import fields

    for name, info in fields.keys(model).items():
        inner = fields.model_in(fields.slot_of(info))
        if inner is None or len(above) > 5:
            continue
        if issubclass(inner, TableSpec):
            yield ".".join((*above, name)), inner
        else:
            yield from _tables(inner, (*above, name))
