"""Workers as processes of their own, and small tasks for them: what the kill tests and the benchmark of jobs share.

``python -m benchmarks.server.crew`` is a worker that knows these tasks beside the server's own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[2]
LONG = 600.0


# ---- in the process of an attempt -----------------------------------------------------------------------------------


def tiny(workspace: Path, about: Mapping[str, Any], progress: Any) -> dict[str, Any]:
    """A moment's work that leaves a file."""
    for step in range(5):
        progress("counting", step, 5)
        time.sleep(about["seconds"] / 5)
    (workspace / "effect").write_text(str(about["attempt"]))
    return {"attempt": about["attempt"]}


def endless(workspace: Path, about: Mapping[str, Any], progress: Any) -> None:
    """A loop that hears neither progress nor interruption."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    progress("turning", 0)
    while True:
        pass


def patient(workspace: Path, about: Mapping[str, Any], progress: Any) -> None:
    """Long work that waits in the system and stops when it is asked."""
    progress("waiting", 0)
    time.sleep(LONG)


def hog(workspace: Path, about: Mapping[str, Any], progress: Any) -> None:
    """Takes ever more memory."""
    held = []
    while True:
        held.append(b"x" * 2**24)
        time.sleep(0.02)


def gulp(workspace: Path, about: Mapping[str, Any], progress: Any) -> None:
    """Asks at once for more memory than it may have and the machine would give, and touches none of it."""
    bytearray(2**31)


def poison(workspace: Path, about: Mapping[str, Any], progress: Any) -> None:
    """Dies as by a fault in a library."""
    os.kill(os.getpid(), signal.SIGSEGV)


def killer(workspace: Path, about: Mapping[str, Any], progress: Any) -> None:
    """Takes its worker along."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(LONG)


def family(workspace: Path, about: Mapping[str, Any], progress: Any) -> None:
    """Has a process of its own."""
    child = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({LONG})"])
    progress(f"child {child.pid}", 0)
    time.sleep(LONG)


def wrong(workspace: Path, about: Mapping[str, Any], progress: Any) -> None:
    """Fails as programs do, with a sentence that nobody should read."""
    print("a line for the log")
    raise RuntimeError(f"secret of {workspace}")


# ---- beside the database --------------------------------------------------------------------------------------------


def tasks() -> dict[str, Any]:
    """The tasks by name."""
    names = ("endless", "patient", "hog", "gulp", "poison", "killer", "family", "wrong")
    return {name: _task(name) for name in names} | {"tiny": _task("tiny", _finish)}


def _task(name: str, finish: Callable[..., None] | None = None) -> Any:
    from potomac.server.jobs import tasks

    limits = float(os.environ.get("CREW_SECONDS", LONG)), int(os.environ.get("CREW_MB", "300"))
    seconds = float(os.environ.get("CREW_TINY", "0.2"))
    return tasks.Task(
        work=f"benchmarks.server.crew:{name}",
        describe=lambda job: {"attempt": job.attempt, "seconds": seconds},
        finish=finish or (lambda job, result, workspace: None),
        failed=lambda job, faults: None,
        limits=lambda: limits,
    )


def _finish(job: Any, result: Any, workspace: Path) -> None:
    """One file by rename, and one line of the book: both of the attempt that holds."""
    from potomac.server.accounts.models import Entry
    from potomac.server.config import home

    effects = home() / "effects"
    effects.mkdir(exist_ok=True)
    (workspace / "effect").rename(effects / f"{job.pk}")
    Entry.objects.create(action="crew.tiny", what=str(job.pk), detail=result)


def url() -> str:
    """The address of the database that Django uses here."""
    from django.db import connection

    told = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(told['NAME']))}"
    who = quote(told["USER"], "") + (f":{quote(told['PASSWORD'], '')}" if told["PASSWORD"] else "")
    host = f"{told['HOST']}:{told['PORT']}" if told["PORT"] else told["HOST"]
    socket = {key: value for key, value in told["OPTIONS"].items() if key in ("unix_socket", "host")}
    more = "?" + "&".join(f"{key}={quote(value, '')}" for key, value in socket.items()) if socket else ""
    return f"{connection.vendor}://{who}@{host}/{told['NAME']}{more}"


class Worker:
    """A worker that may be killed, stopped and continued; its children are known by ``ps``."""

    def __init__(self, **environ: str) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        told = {**os.environ, "PYTHONPATH": path, "DATABASE_URL": url(), **environ}
        self.process = subprocess.Popen([sys.executable, "-m", "benchmarks.server.crew"], env=told)

    @property
    def name(self) -> str:
        """As the queue knows it, without the host."""
        return f":{self.process.pid}"

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """End it as an operator would; its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextlib.contextmanager
def crew(count: int, **environ: str) -> Iterator[list[Worker]]:
    """Some workers; whoever kills one puts another in its place."""
    workers = [Worker(**environ) for _ in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.end()


def until(true: Callable[[], Any], seconds: float = 30.0) -> float:
    """Wait until something holds; how long that took.

    Raises:
        TimeoutError: it does not come to hold.
    """
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > seconds:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - begun


def children(pid: int) -> list[int]:
    """The processes that a process has started, by Linux's word."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return found


def alive(pid: int) -> bool:
    """Whether a process runs (one that has ended and waits to be asked about does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "potomac.server.settings")
    django.setup()
    from potomac.server.jobs import tasks as known
    from potomac.server.jobs import worker

    known.TASKS.update(tasks())
    worker.main()


if __name__ == "__main__":
    main()
