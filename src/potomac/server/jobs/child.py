"""The process of one attempt: it hears what to do on its standard input and leaves ``result.json`` in its workspace.

It knows neither Django nor the database. It dies with its worker: by the system's word where there is one (Linux),
and because it watches the end of its standard input. What it prints is the job's log; lines that begin with a record
separator tell progress.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from potomac.errors import Fault, Interrupted, PotomacError, masked

__all__ = ["MARK", "RESULT", "TELL", "main", "too_large"]

MARK = b"\x1e"
RESULT = "result.json"
TELL = "Tell the administrator, whose log says more"
OFTEN = 0.1
"""Seconds between two words of progress on the same matter."""
_PR_SET_PDEATHSIG = 1
_RESERVED_MB = 1024
"""Memory that libraries set aside and never touch, past the limit."""


def main() -> None:
    """Carry out what is asked on standard input, and end."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    line = sys.stdin.buffer.readline()
    if not line or os.getppid() != parent:  # the worker died first
        os._exit(1)
    threading.Thread(target=_watch, daemon=True).start()
    asked = json.loads(line)
    os.chdir(asked["workspace"])
    _limit(asked["mb"])
    told = json.dumps(_told(asked)).replace(asked["workspace"] + "/", "")  # no message names a place on this server
    aside = Path(asked["workspace"], f".{RESULT}")
    aside.write_text(masked(told), encoding="utf-8")
    aside.rename(aside.with_name(RESULT))
    sys.stdout.flush()
    os._exit(0)  # threads that libraries left behind are not waited for


def _watch() -> None:
    """Standard input ends when the worker does."""
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGKILL)


def _limit(mb: int) -> None:
    """What the worker does not see in time: private memory asked for at once, and dumps of it. Others go first."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, ((mb + _RESERVED_MB) * 2**20,) * 2)
    with contextlib.suppress(OSError):
        os.nice(19)
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _told(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The result, or the faults, or what went wrong in the program itself."""
    module, _, name = asked["work"].partition(":")
    try:
        work = getattr(import_module(module), name)
        return {"result": work(Path(asked["workspace"]), asked["about"], _progress())}
    except (KeyboardInterrupt, Interrupted):
        os._exit(130)
    except (MemoryError, PotomacError) as error:
        faults = getattr(error, "faults", ())
        if not faults or any(fault.code == "run.memory" for fault in faults):
            faults = [too_large(asked["mb"])]
        return {"faults": [fault.to_dict() for fault in faults]}
    except BaseException as error:
        found = f"an unexpected error stopped the work: {type(error).__name__}"
        return {"faults": [Fault("job.failed", found, "", TELL).to_dict()], "trace": traceback.format_exc()}


def too_large(mb: int) -> Fault:
    """The fault of work that needs more memory than it may have."""
    mend = "Give it fewer rows, or ask the administrator for more (limits.job_mb)"
    return Fault("job.memory", f"the work needs more than {mb:,} MB of memory", "", mend)


def _progress() -> Any:
    last: list[Any] = ["", 0.0]

    def told(what: str, done: float, total: float | None = None) -> None:
        now = time.monotonic()
        if what != last[0] or now - last[1] >= OFTEN:
            last[:] = what, now
            os.write(1, MARK + json.dumps([what, done, total]).encode() + b"\n")

    return told


if __name__ == "__main__":
    main()
