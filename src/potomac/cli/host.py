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

__all__ = ["Check", "checks", "register"]

LIBRARIES = ("numpy", "pyarrow", "duckdb", "pydantic", "typer", "rich", "jinja2")
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


def doctor() -> None:
    """Say what is installed here, which engines work, and what is wrong.

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
