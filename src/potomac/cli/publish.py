"""serve, worker, publish, backup, restore, user: each a thin door to ``potomac.server``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from potomac.cli.runs import Out, RunName
from potomac.errors import Fault, StudyError

__all__ = ["register"]

Home = Annotated[Path | None, typer.Option("--home", help="The server's home; default POTOMAC_HOME.", metavar="DIR")]


def _at(home: Path | None) -> None:
    if home is not None:
        os.environ["POTOMAC_HOME"] = str(home.absolute())


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", help="Port to listen at; 0 takes a free one.", min=0, max=65535)
    ] = 8000,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes that carry out jobs; default as set.", min=0, max=64)
    ] = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Carry out no jobs here.")] = False,
    home: Home = None,
) -> None:
    """Serve products, studies and the API until Ctrl-C.

    The first start makes an administrator and prints the password.

    Example: potomac serve --port 8080
    """
    from potomac.server.ops import serve as server

    _at(home)
    if no_worker and workers:
        raise StudyError(Fault("command.options", "--no-worker and --workers are given together", "expected one"))
    server.serve(host, port, 0 if no_worker else workers)


def worker(home: Home = None) -> None:
    """Carry out the server's jobs until Ctrl-C.

    Example: potomac worker
    """
    from potomac.server.ops import serve as server

    _at(home)
    server.work()


def publish(
    run: RunName,
    slug: Annotated[str, typer.Option("--as", help="Name in the address: /p/NAME/.", metavar="NAME")],
    title: Annotated[str, typer.Option("--title", help="Heading; default the study's title.")] = "",
    visibility: Annotated[
        str, typer.Option("--visibility", help="Who sees it: private, link or public.", metavar="WHO")
    ] = "private",
    note: Annotated[str, typer.Option("--note", help="What is new in this version.")] = "",
    owner: Annotated[
        str, typer.Option("--owner", help="Whose it is; default the first administrator.", metavar="PERSON")
    ] = "",
    out: Out = Path("runs"),
    home: Home = None,
) -> None:
    """Publish a run of this machine on the server of this machine.

    The run is copied. A name that the owner has already gets a new version, which becomes its default.

    Example: potomac publish strait/latest --as strait
    """
    from potomac.server.setup import prepare
    from potomac.studies.opened import open_run

    found = open_run(run, out)
    _at(home)
    prepare()
    from potomac.server.ops import local

    print(local.publish(found, slug, title=title, visibility=visibility, note=note, owner=owner))


def backup(
    file: Annotated[
        Path | None, typer.Argument(help="File to write; default a new one in the home.", metavar="FILE")
    ] = None,
    portable: Annotated[
        bool, typer.Option("--portable", help="Rows that any database takes, not a copy of SQLite's file.")
    ] = False,
    home: Home = None,
) -> None:
    """Copy all that the server keeps into one file.

    The server may go on meanwhile.

    Example: potomac backup potomac.tar.zst
    """
    from potomac.server.setup import prepare

    _at(home)
    prepare()
    from potomac.server.ops import backup as copy

    print(copy.backup(file, portable=portable))


def restore(
    file: Annotated[Path, typer.Argument(help="What potomac backup has written.", metavar="FILE")],
    home: Home = None,
) -> None:
    """Bring a backup back into an empty home.

    The server must not run.

    Example: potomac restore potomac.tar.zst --home /srv/potomac
    """
    from potomac.server.setup import prepare

    _at(home)
    prepare()
    from potomac.server.ops import backup as copy

    for line in copy.restore(file):
        print(line)


user = typer.Typer(
    name="user", help="Add, list and remove people of the server.", no_args_is_help=True, rich_markup_mode=None
)
Name = Annotated[str, typer.Argument(help="Name to sign in with.", metavar="NAME")]


@user.command("add")
def user_add(
    name: Name,
    role: Annotated[
        str, typer.Option("--role", help="visitor, analyst, publisher or administrator.", metavar="ROLE")
    ] = "analyst",
    email: Annotated[str, typer.Option("--email", help="Where letters go.")] = "",
    home: Home = None,
) -> None:
    """Add a person and print the password, which has to be changed at once.

    Example: potomac user add ada --role publisher
    """
    print(f"Password of {name}, shown this once: {_people(home).add(name, role, email)}")


@user.command("list")
def user_list(home: Home = None) -> None:
    """List the people.

    Example: potomac user list
    """
    from potomac.cli.text import columns

    print(columns(_people(home).listed(), ("name", "role", "state", "last here")))


@user.command("password")
def user_password(name: Name, home: Home = None) -> None:
    """Give a person a new password and print it.

    Example: potomac user password admin
    """
    print(f"Password of {name}, shown this once: {_people(home).password(name)}")


@user.command("remove")
def user_remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Remove a person and all that is theirs, everywhere.

    Example: potomac user remove ada --yes
    """
    people = _people(home)
    if not yes:
        typer.confirm(f"Remove {name} with all sources, studies, runs and products?", abort=True)
    told = people.remove(name)
    print("Removed: " + ", ".join(f"{count:,} {what}" for what, count in told.items()))


def _people(home: Path | None):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the module that does it
    from potomac.server.setup import prepare

    _at(home)
    prepare()
    from potomac.server.ops import local

    return local


def register(app: typer.Typer) -> None:
    """Add these commands, in the order in which they are used."""
    for command in (serve, publish, worker, backup, restore):
        app.command()(command)
    app.add_typer(user)
