"""What a table was measured on: machine, load, threads, versions, date."""

from __future__ import annotations

import datetime as dt
import os
import platform
from importlib import metadata
from pathlib import Path

LIBRARIES = (
    "potomac", "numpy", "scipy", "scikit-learn", "numba", "pyarrow", "duckdb", "pyod", "highspy", "spopt",
    "pandana", "pyroutingkit", "simpy", "ciw", "cimba", "implicit", "lenskit", "rectools", "scikit-surprise",
)  # fmt: skip


def described() -> str:
    """One paragraph for above a table."""
    packages = ", ".join(f"{name} {_version(name)}" for name in LIBRARIES if _version(name))
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC; {_processor()}, {os.cpu_count()} cores, {_memory()} of memory, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}; {threads()}; "
        f"load average at the start {load()}; {packages}."
    )


def load() -> str:
    """The load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def threads() -> str:
    """How many threads compiled loops may take."""
    kept = os.environ.get("OMP_NUM_THREADS")
    return f"OMP_NUM_THREADS={kept}" if kept else "as many threads as cores"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    return _field(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine()


def _memory() -> str:
    told = _field(Path("/proc/meminfo"), "MemTotal").split()
    return f"{int(told[0]) / 2**20:.0f} GB" if told else "unknown size"


def _field(file: Path, name: str) -> str:
    """The first value of a name in a file of lines ``name: value``; empty where there is none."""
    if not file.is_file():
        return ""
    lines = (line.partition(":") for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")
