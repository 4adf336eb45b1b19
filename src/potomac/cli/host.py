"""doctor: what there is on this machine, what is wrong with it, and how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from potomac.cli.text import clean, number, paragraph
from potomac.errors import PotomacError

__all__ = ["Check", "checks", "register"]

LIBRARIES = ("numpy", "pyarrow", "duckdb", "pydantic", "typer", "rich", "jinja2")
MEND = {
    "database": "Check DATABASE_URL, and that the database runs",
    "migrations": 'Start "potomac serve" once with this version',
    "worker": 'Runs wait until one is there: "potomac serve" starts it, "potomac worker" is one alone',
    "disk": "Free some space where POTOMAC_HOME lies",
}
OPTIONAL = ("scipy", "scikit-learn", "numba", "pandas", "polars")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what, how it stands, the evidence, how to mend it."""

    what: str
    state: Literal["good", "note", "wrong"]
    evidence: str
    mend: str = ""


def checks() -> Iterator[Check]:
    """All checks of this machine."""
    from potomac import __version__
    from potomac.studies.home import home

    yield Check("potomac", "good", f"{__version__}, Python {platform.python_version()}, {platform.machine()}")
    yield from _libraries()
    yield from _engines()
    yield _home(home(os.environ))
    yield _disk()
    yield from _server(home(os.environ))


def _libraries() -> Iterator[Check]:
    from potomac.studies.manifest import version

    for name in LIBRARIES:
        found = version(name)
        missing = found == "not installed"
        yield Check(name, "wrong" if missing else "good", found, "Reinstall potomac" if missing else "")
    for name in OPTIONAL:
        found = version(name)
        yield Check(name, "note" if found == "not installed" else "good", found)


def _engines() -> Iterator[Check]:
    from potomac.studies import registry

    faults = {fault.key: fault for fault in registry.faults()}
    for kind, entry in registry.listed().items():
        name = f"engine {kind}"
        if kind in faults:
            yield Check(name, "wrong", faults[kind].found, faults[kind].mend)
        else:
            yield Check(name, "good", f"{entry.distribution} {entry.version}")
    if not registry.kinds():
        yield Check("engines", "wrong", "no engine is installed", 'Run pip install "potomac[outliers]"')


def _home(path: Path) -> Check:
    near = next((part for part in (path, *path.parents) if part.exists()), path)
    writable = os.access(near, os.W_OK)
    mend = "" if writable else "Set POTOMAC_HOME to a directory that can be written"
    return Check(
        "POTOMAC_HOME", "good" if writable else "wrong", f"{path}{'' if writable else ' cannot be written'}", mend
    )


def _disk() -> Check:
    try:
        path = Path.cwd()
        free = shutil.disk_usage(path).free / 1e9
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        return Check("disk", "wrong", f"the working directory cannot be used: {reason}", "Go to another directory")
    mend = "Runs need room for their tables; give another place with --out" if free < 1 else ""
    return Check("disk", "note" if free < 1 else "good", f"{number(free)} GB free in {path}", mend)


def _server(place: Path) -> Iterator[Check]:
    """The server of this machine: its settings, and, once it was started, all that it needs."""
    from potomac.studies.manifest import version

    if "not installed" in (version("django"), version("gunicorn")):
        yield Check("server", "note", "not installed", 'To serve answers: pip install "potomac[server]"')
        return
    from potomac.server import config

    try:
        given = config.read()
    except PotomacError as error:
        for fault in error.faults:
            yield Check("server settings", "wrong", str(fault), "See the settings in the documentation")
        return
    yield Check("server settings", "good", f"{given.public_url}, {'SQLite' if not given.database else 'a database'}")
    if given.secure and not given.proxies:
        mend = "Count the proxy in front with the setting proxies; without one nobody gets in"
        yield Check("server https", "wrong", "public_url is https and no proxy is counted", mend)
    if given.debug:
        mend = "Take debug out of the settings before others come"
        yield Check("server debug", "note", "failures show the inside of the program", mend)
    if not given.database and not (place / "potomac.sqlite3").is_file():
        yield Check("server", "note", "not started here yet", 'The first start is "potomac serve"')
        return
    yield from _started(place)


def _started(place: Path) -> Iterator[Check]:
    from potomac.server.setup import prepare

    try:
        prepare()
        from potomac.server.ops import health

        found = dict(health.checks())
    except PotomacError as error:
        yield Check("server", "wrong", str(error.faults[0]))
        return
    for what, wrong in found.items():
        state: Literal["good", "note", "wrong"] = "good" if not wrong else "note" if what == "worker" else "wrong"
        yield Check(f"server {what}", state, wrong or "good", MEND[what] if wrong else "")
    collected = (place / "static" / ".potomac").is_file()
    mend = "" if collected else 'The next "potomac serve" collects them'
    yield Check("server static", "good" if collected else "note", "collected" if collected else "not collected", mend)


def doctor() -> None:
    """Say what is installed here, and what is wrong.

    Example: potomac doctor
    """
    wrong = False
    for found in checks():
        wrong = wrong or found.state == "wrong"
        print(clean(f"{found.state:5}  {found.what:16}  {found.evidence}"))
        if found.mend:
            print(paragraph(found.mend, " " * 25))
    if wrong:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(doctor)
