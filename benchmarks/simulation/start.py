"""The first answer in a fresh process, imports included: compiled loops in Numba's cache (warm), or not (cold).

``python -m benchmarks simulation.start [--runs N]``. Two models by the library, a row of queues that recursions answer
and a network for the event loop, and each as a study by ``potomac run``, report and manifest included. Cold is an empty
cache of Numba in a new folder; Python's own bytecode lies there already, as pip leaves it. Each figure is the median of
fresh processes: by the clock, and of the processor time of the process and those it started.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import markdown
from benchmarks.child import ROOT
from benchmarks.machine import load

WARM, COLD = 1.0, 5.0

QUEUE = """
from potomac.simulation.distributions import exponential
from potomac.simulation.model import Model
m = Model().source("walkin", interarrival=exponential(mean=1.0), to="desk")
m.station("desk", servers=2, service=exponential(mean=1.5))
"""

NETWORK = """
from potomac.simulation.distributions import exponential, gamma
from potomac.simulation.model import Model
m = Model().source("walkin", interarrival=exponential(mean=1.0), to="triage")
m.source("ambulance", interarrival=exponential(mean=10.0), to="triage", priority=-1)
m.station("triage", servers=2, service=exponential(mean=1.2), discipline="priority", patience=exponential(mean=30.0))
m.station("doctor", servers=3, service=gamma(mean=3.0, cv=0.8), discipline="priority", preemption="resume")
m.route("triage", {"doctor": 0.7, "exit": 0.3})
"""

RUN = 'r = m.run(until=5000.0, replications=20, seed=1)\nprint(r.estimate("system", "time_in_system").mean)\n'

QUEUE_STUDY = """
kind = "simulation"
name = "desk"
source = [{ name = "walkin", to = "desk", interarrival = { exponential = { mean = 1.0 } } }]
station = [{ name = "desk", servers = 2, service = { exponential = { mean = 1.5 } } }]
run = { until = 5000.0, replications = 20 }
"""

NETWORK_STUDY = """
kind = "simulation"
name = "clinic"
route = [{ start = "triage", to = { doctor = 0.7, exit = 0.3 } }]
run = { until = 5000.0, replications = 20 }

[[source]]
name = "walkin"
to = "triage"
interarrival = { exponential = { mean = 1.0 } }

[[source]]
name = "ambulance"
to = "triage"
interarrival = { exponential = { mean = 10.0 } }
priority = -1

[[station]]
name = "triage"
servers = 2
discipline = "priority"
service = { exponential = { mean = 1.2 } }
patience = { exponential = { mean = 30.0 } }

[[station]]
name = "doctor"
servers = 3
discipline = "priority"
preemption = "resume"
service = { gamma = { mean = 3.0, cv = 0.8 } }
"""


def spent(command: list[str], cache: Path, bytecode: Path, home: Path) -> tuple[float, float]:
    """Seconds of a process by the clock, and of the processor.

    Raises:
        RuntimeError: it failed.
    """
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"NUMBA_CACHE_DIR": str(cache), "PYTHONPYCACHEPREFIX": str(bytecode), "PYTHONPATH": str(ROOT / "src")}
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environ, cwd=home)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[:4]} ended with {process.returncode}: {said.decode()[-500:]}")
    return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks simulation.start", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="fresh processes for each figure")
    parser.add_argument("--only", default="", help="those whose name holds this, e.g. library")
    asked = parser.parse_args(argv)
    runs, before, lines = asked.runs, load(), []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for name, code, study in (("two desks", QUEUE, QUEUE_STUDY), ("clinic", NETWORK, NETWORK_STUDY)):
            (home / f"{name}.toml").write_text(study, encoding="utf-8")
            (home / f"{name}.py").write_text(code + RUN, encoding="utf-8")
            for way, command in (
                ("library", [sys.executable, f"{name}.py"]),
                ("command", [sys.executable, "-m", "potomac", "run", f"{name}.toml"]),
            ):
                if asked.only in f"{name}, {way}":
                    lines += _rows(f"{name}, {way}", command, home, runs)
    head = ["first answer of", "clock", "processor", "to be reached"]
    return f"Load average {before} before and {load()} after.\n\n{markdown.table(head, lines)}"


def _rows(name: str, command: list[str], home: Path, runs: int) -> list[list[str]]:
    bytecode = home / "bytecode"
    spent(command, home / "first", bytecode, home)
    cold = [spent(command, home / f"{name} {run}", bytecode, home) for run in range(runs)]
    warm = [spent(command, home / "first", bytecode, home) for _ in range(runs)]
    rows = []
    for state, found, limit in (("warm", warm, WARM), ("cold", cold, COLD)):
        clock, processor = (statistics.median(x) for x in zip(*found, strict=True))
        rows.append([f"{name}, {state}", markdown.seconds(clock), markdown.seconds(processor), markdown.seconds(limit)])
    return rows


if __name__ == "__main__":
    print(main(sys.argv[1:]))
