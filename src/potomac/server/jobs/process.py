"""The process of an attempt, seen from its worker: begun, listened to, weighed, ended with all that it has started."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from potomac.errors import masked
from potomac.server.jobs.child import MARK

__all__ = ["LOG", "Process", "Told"]

LOG = 32_768
"""Characters of a job's log that are kept, the last ones."""
_SECRET = re.compile(r"^(DATABASE_URL|POTOMAC_\w*|\w*(PASSWORD|SECRET|TOKEN)\w*)$", re.IGNORECASE)
_MEMORY = re.compile(r"^(?:RssAnon|RssShmem|VmSwap):\s+(\d+)", re.MULTILINE)


@dataclass
class Told:
    """What a process has told: its progress, and the last lines of its log."""

    what: str = ""
    done: float = 0
    total: float | None = None
    log: str = ""
    rest: bytes = field(default=b"", repr=False)

    def hear(self, data: bytes) -> None:
        """Take in what came through the pipe."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.rest = self.rest[-LOG:]
        for line in lines:
            if not line.startswith(MARK):
                self._note(line.decode(errors="replace"))
                continue
            with contextlib.suppress(ValueError, TypeError):
                what, done, total = json.loads(line[1:])
                self._progress(str(what)[:200], float(done), None if total is None else float(total))

    def _progress(self, what: str, done: float, total: float | None) -> None:
        what = _shown(what)
        if what != self.what:
            self._note(f"{datetime.now(UTC):%H:%M:%S} {what}")
        self.what, self.done, self.total = what, done, total

    def _note(self, line: str) -> None:
        self.log = f"{self.log}{masked(_shown(line))}\n"[-LOG:]

    def values(self) -> dict[str, Any]:
        """For the job's row."""
        return {"what": self.what, "done": self.done, "total": self.total, "log": self.log}


def _shown(line: str) -> str:
    """One line of signs that show."""
    return "".join(sign if sign.isprintable() or sign == "\t" else "\N{REPLACEMENT CHARACTER}" for sign in line)


class Process:
    """A process with a group of its own, so that it goes with all that it has started."""

    def __init__(self, workspace: Path, asked: dict[str, Any]) -> None:
        self.told, self.code = Told(), 0
        environ = {key: value for key, value in os.environ.items() if not _SECRET.match(key)}
        environ |= {"ARROW_DEFAULT_MEMORY_POOL": "system", "TMPDIR": str(workspace), "PYTHONUNBUFFERED": "1"}
        environ["PYTHONWARNINGS"] = "ignore"  # they name files of this server
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "potomac.server.jobs.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ,
            cwd=workspace,
            start_new_session=True,
        )
        self._input, self._output = cast("IO[bytes]", self._popen.stdin), cast("IO[bytes]", self._popen.stdout)
        os.set_blocking(self._output.fileno(), False)
        with contextlib.suppress(BrokenPipeError):
            self._input.write(json.dumps(asked).encode() + b"\n")
            self._input.flush()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        """End the whole group while its first process is still known to the system, then hear its last words."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self.code = self._popen.wait()
        self._hear(0)
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        self._output.close()

    def has_ended(self, wait: float) -> bool:
        """Listen for so many seconds; whether it has ended (it stays known to the system until ``__exit__``)."""
        if not self._hear(wait):
            time.sleep(0.005)
        return os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def _hear(self, wait: float) -> bool:
        """Read what is there; False at the end of the pipe."""
        if not select.select([self._output], [], [], wait)[0]:
            return True
        data = os.read(self._output.fileno(), 65_536)
        self.told.hear(data)
        return bool(data)

    def stop(self, grace: float) -> None:
        """Ask it to stop, and wait so long for it to do so."""
        os.killpg(self._popen.pid, signal.SIGINT)
        until = time.monotonic() + grace
        while time.monotonic() < until and not self.has_ended(0.02):
            pass

    def memory_mb(self) -> float:
        """Memory of its own that it holds now, MB: files that are mapped do not count. 0 where nobody tells."""
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{self._popen.pid}/status").read_text(encoding="utf-8")
            return sum(map(int, _MEMORY.findall(text))) / 1024
        return 0.0
