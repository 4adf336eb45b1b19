"""Run directories: built aside, renamed once, never overwritten; found again by path, name or id.

``<out>/<name>/.<run id>.partial/`` becomes ``<out>/<name>/<run id>/``; ``<out>/<name>/latest`` points to the newest
finished run. What a stopped run leaves behind is its ``status.json`` and its study.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import json
import os
import platform
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potomac.errors import Fault, StudyError, did_you_mean

__all__ = ["Partial", "Stopped", "begin", "finished", "resolve", "stopped"]

_KEPT = ("status.json", "study.toml")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Partial:
    """A run directory that is being built."""

    run_id: str
    path: Path

    @property
    def final(self) -> Path:
        """Where it goes when it is finished."""
        return self.path.parent / self.run_id

    def finish(self) -> Path:
        """Give it its name, and point ``latest`` to it."""
        self.path.rename(self.final)
        (self.final / "status.json").unlink(missing_ok=True)
        _point(self.final.parent / "latest", self.run_id)
        return self.final

    def interrupt(self) -> None:
        """Keep only what says that the run was stopped, and of what study."""
        for entry in self.path.iterdir():
            if entry.name not in _KEPT:
                _remove(entry)
        status = _read_json(self.path / "status.json")
        _write_json(self.path / "status.json", {**status, "status": "interrupted", "stopped": _now().isoformat()})

    def discard(self) -> None:
        """Take it away, as if it had never begun."""
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()  # only where it is empty


def begin(out: Path, name: str, about: Mapping[str, Any]) -> Partial:
    """A new partial directory below ``out``; ``about`` goes into its ``status.json``.

    Raises:
        StudyError: ``out`` cannot be written.
    """
    try:
        (out / name).mkdir(parents=True, exist_ok=True)
        _mark_dead(out / name)
        partial = _fresh(out / name)
        _write_json(partial.path / "status.json", {**_self(), **about, "status": "running", "run_id": partial.run_id})
    except OSError as error:
        raise StudyError(unwritable(error, out)) from error
    return partial


def full(error: OSError) -> bool:
    """Whether there is no room left: on the disk, in the user's share of it, or in one file."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def unwritable(error: OSError, out: Path) -> Fault:
    """The fault of a file that cannot be written."""
    reason = (error.strerror or type(error).__name__).lower()
    where = str(error.filename or out)
    mend = "Free some space, or give another place with --out" if full(error) else "Give another place with --out"
    return Fault("run.unwritable", f"the run cannot be written: {reason}", "", mend, where)


def _fresh(parent: Path) -> Partial:
    while True:
        run_id = f"{_now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        path = parent / f".{run_id}.partial"
        if (parent / run_id).exists():
            continue
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            return Partial(run_id, path)


def _self() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": platform.node(), "born": _born(os.getpid()), "started": _now().isoformat()}


def _born(pid: int) -> str:
    """When a process began, as the system counts it; tells a process from a later one with its number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _alive(status: Mapping[str, Any]) -> bool:
    """Whether the process that wrote ``status`` still runs; on another host nobody knows, so yes."""
    if status.get("host") != platform.node():
        return True
    pid = status.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return bool(_born(pid) == status.get("born", ""))


def _mark_dead(parent: Path) -> None:
    """Partial directories of processes that are gone are interrupted runs."""
    for path in parent.glob(".*.partial"):
        status = _read_json(path / "status.json")
        if status.get("status") != "interrupted" and not _alive(status):
            Partial(path.name[1:].removesuffix(".partial"), path).interrupt()


def _point(link: Path, run_id: str) -> None:
    """Make ``latest`` point to ``run_id`` in one step; a text file where links cannot be made."""
    aside = link.with_name(f".latest.{secrets.token_hex(4)}")
    try:
        aside.symlink_to(run_id, target_is_directory=True)
    except (OSError, NotImplementedError):
        aside.write_text(f"{run_id}\n")
    try:
        aside.replace(link)
    except OSError:  # something else is called latest: leave it
        aside.unlink(missing_ok=True)


def latest(folder: Path) -> Path | None:
    """The newest finished run of a study's folder."""
    link = folder / "latest"
    if link.is_file():
        target = folder / link.read_text().strip()
        return target if _is_run(target) else None
    if _is_run(link):
        return folder / os.readlink(link) if link.is_symlink() else link
    runs = sorted(path for path in folder.iterdir() if _is_run(path)) if folder.is_dir() else []
    return runs[-1] if runs else None


def _is_run(path: Path) -> bool:
    return (path / "run.json").is_file() and not path.name.endswith(".partial")


def finished(out: Path) -> Iterator[Path]:
    """Finished runs below ``out``, newest first."""
    found = [run for folder in _folders(out) for run in folder.iterdir() if _is_run(run) and not run.is_symlink()]
    yield from sorted(found, key=lambda path: path.name, reverse=True)


def _folders(out: Path) -> list[Path]:
    try:
        return sorted(path for path in out.iterdir() if path.is_dir())
    except OSError:
        return []


@dataclass(frozen=True, slots=True)
class Stopped:
    """A run that did not finish: ``status`` is interrupted, or running where its process is alive."""

    name: str
    run_id: str
    status: str
    started: str
    command: str  # what starts it again
    path: Path


def stopped(out: Path) -> Iterator[Stopped]:
    """Runs below ``out`` that were interrupted or still go on, newest first."""
    found = [path for folder in _folders(out) for path in folder.glob(".*.partial")]
    for path in sorted(found, key=lambda path: path.name, reverse=True):
        status = _read_json(path / "status.json")
        state = "running" if status.get("status") == "running" and _alive(status) else "interrupted"
        run_id = path.name[1:].removesuffix(".partial")
        started, command = str(status.get("started", "")), str(status.get("command", ""))
        yield Stopped(path.parent.name, run_id, state, started, command, path)


def resolve(run: str | Path, out: Path = Path("runs")) -> Path:
    """The directory of a run: its path, ``name``, ``name/latest``, ``name/id``, ``latest``, or the beginning of an id.

    Raises:
        StudyError: no run is called so, or several are.
    """
    for candidate in (Path(run), out / run):
        if _is_run(candidate):
            return candidate.parent / candidate.resolve().name if candidate.is_symlink() else candidate
        folder = candidate.parent if candidate.name == "latest" else candidate
        newest = latest(folder) if folder.is_dir() and folder != out else None
        if newest:
            return newest
    if str(run) == "latest" and (newest := next(finished(out), None)):
        return newest
    matches = [path for path in finished(out) if path.name.startswith(str(run))] if str(run) else []
    if len(matches) == 1:
        return matches[0]
    raise StudyError(_no_run(str(run), out, matches))


def _no_run(run: str, out: Path, matches: list[Path]) -> Fault:
    if matches:
        found = f'{len(matches)} runs begin with "{run}"'
        return Fault("run.ambiguous", found, "expected one", f"For example {matches[0].name}")
    names = [path.name for path in _folders(out)]
    known = sorted({path.parent.name for path in finished(out)})
    expected = f"finished runs in {out}: {', '.join(known)}" if known else f"there is no finished run in {out}"
    mend = did_you_mean(run, [*names, *known]) or 'See "potomac runs"'
    return Fault("run.unknown", f'no run is called "{run}"', expected, mend)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    aside = path.with_name(f".{path.name}.new")
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"
    aside.write_text(text, encoding="utf-8", errors="backslashreplace")  # names of files need not be UTF-8
    aside.replace(path)
