"""One measurement in a process of its own, so that nothing that ran before it is warm, held or counted."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Measured:
    """What a function gave, and the most memory (MB) and the time (s) that its process took, start included."""

    value: Any
    peak_mb: float
    seconds: float


def measured(function: str, **arguments: Any) -> Measured:
    """Call ``module:function`` with arguments that JSON can carry, in a new process.

    Raises:
        RuntimeError: it failed; what it wrote to stderr is shown.
    """
    begun = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.child", function, json.dumps(arguments)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=None, text=True, env=environ, check=False)
    if done.returncode:
        raise RuntimeError(f"{function} ended with {done.returncode}")
    told = json.loads(done.stdout.splitlines()[-1])
    return Measured(told["value"], told["peak_mb"], time.perf_counter() - begun)


def peak_mb() -> float:
    """The most memory that this process has held, MB."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage counts what the parent held at the fork as well
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def main(argv: list[str]) -> None:
    module, _, name = argv[0].partition(":")
    value = getattr(import_module(module), name)(**json.loads(argv[1]))
    print()
    print(json.dumps({"value": value, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main(sys.argv[1:])
