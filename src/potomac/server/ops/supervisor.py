"""Processes that are kept alive: started by fork, started again when they die, ended together."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from potomac.errors import PotomacError

__all__ = ["HOPELESS", "Supervisor"]

GRACE = 4.0
"""Seconds that processes have to end by themselves."""
LOOK = 0.1
"""Seconds between two looks at them."""
HASTY = 2.0
"""A process that ends sooner than this after its start has failed to start."""
PATIENCE = 10
"""So many failures to start, one after the other, and all is given up."""
HOPELESS = 78
"""A process that ends with this code need not be started again, and neither need the others."""
_PR_SET_PDEATHSIG = 1

_log = logging.getLogger("potomac.serve")


@dataclass
class Child:
    """One process: what it does, its id while it lives, and how often it failed to start."""

    work: Callable[[], object]
    pid: int = 0
    begun: float = 0.0
    failures: int = 0


@dataclass
class Supervisor:
    """Keeps a process for each of ``works`` (by name) alive until it is told to stop by SIGTERM or SIGINT.

    The process that calls ``run`` must have one thread and no open connection: it forks.
    """

    works: Mapping[str, Callable[[], object]]
    children: dict[str, Child] = field(default_factory=dict)
    ending: bool = False

    def run(self) -> bool:
        """Until the end; False where a process could not be started again and again."""
        before = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}
        self.children = {name: Child(work) for name, work in self.works.items()}
        good = True
        try:
            while not self.ending and good:
                for child in self.children.values():
                    if not child.pid:
                        self._start(child)
                time.sleep(LOOK)
                good = self._look()
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)
        return good

    def _end(self, *_: object) -> None:
        self.ending = True

    def _start(self, child: Child) -> None:
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        child.begun, child.pid = time.monotonic(), os.fork()
        if not child.pid:
            _become(child.work, parent)

    def _look(self) -> bool:
        """Note who has died; False where one fails to start for the last time."""
        for name, child in self.children.items():
            pid, status = os.waitpid(child.pid, os.WNOHANG) if child.pid else (0, 0)
            if pid:
                if os.waitstatus_to_exitcode(status) == HOPELESS:
                    child.pid = 0
                    return False
                hasty = time.monotonic() - child.begun < HASTY
                child.pid, child.failures = 0, child.failures + 1 if hasty else 0
                if not self.ending:
                    _log.warning("%s has ended and is started again", name)
                if child.failures >= PATIENCE:
                    _log.error("%s does not start", name)
                    return False
        return True

    def _stop(self) -> None:
        """Ask all to end, wait a while, and end those that did not."""
        self.ending = True
        self._tell(signal.SIGTERM)
        until = time.monotonic() + GRACE
        while any(child.pid for child in self.children.values()) and time.monotonic() < until:
            self._look()
            time.sleep(LOOK / 4)
        self._tell(signal.SIGKILL)
        for child in self.children.values():
            if child.pid:
                os.waitpid(child.pid, 0)

    def _tell(self, number: signal.Signals) -> None:
        for child in self.children.values():
            if child.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, number)


def _become(work: Callable[[], object], parent: int) -> NoReturn:
    """In the new process: do the work, and never return to what the old one was doing."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        if sys.platform == "linux":  # whatever ends the parent, ends this
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == parent:
            work()
            code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except PotomacError as error:
        _log.error("%s", error)
    except BaseException:
        _log.exception("a process ends")
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
