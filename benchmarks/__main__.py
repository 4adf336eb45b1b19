"""Run benchmarks and print their tables as Markdown: ``python -m benchmarks [NAME ...] [options of the one named]``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from benchmarks.machine import described

NAMES = (
    "outliers.positions", "outliers.tabular", "outliers.speed", "outliers.scale",
    "location.pmedian", "location.planar", "location.large", "location.capacitated", "location.single",
    "location.circuity", "location.roads", "location.scenarios",
    "simulation.coverage", "simulation.agreement",
    "simulation.kernel", "simulation.fcfs", "simulation.start",
    "recommend.accuracy", "recommend.als", "recommend.ingest", "recommend.items", "recommend.ratings",
    "recommend.serving", "recommend.verdicts",
    "server.jobs", "server.http", "server.together", "server.start", "server.points",
)  # fmt: skip

DATA = "POTOMAC_BENCH_DATA"


def run(name: str, argv: list[str]) -> str:
    """The tables of one benchmark, with a heading and what they were measured on."""
    main: Callable[[list[str]], str] = import_module(f"benchmarks.{name}").main
    before = described()
    return f"## {name}\n\n{before}\n\n{main(argv)}"


def usual(name: str) -> list[str]:
    """The data of ``POTOMAC_BENCH_DATA``, for those that take a folder and were given none."""
    folder = os.environ.get(DATA, "")
    if name == "outliers.tabular" and folder and (Path(folder) / "tabular").is_dir():
        return [str(Path(folder) / "tabular")]
    return []  # the others look for themselves


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__,
        epilog=f"Names are {', '.join(NAMES)}; default all. {DATA} names a folder of labelled tables.",
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME")
    given, rest = parser.parse_known_args(argv)
    names = given.names or [*NAMES]
    unknown = [name for name in names if name not in NAMES]
    if unknown and len(names) > len(unknown):  # what follows a name is that one's own argument
        rest, names = [*unknown, *rest], [name for name in names if name in NAMES]
    elif unknown:
        parser.error(f"no benchmark is called {unknown[0]}; there are {', '.join(NAMES)}")
    if rest and len(names) > 1:
        parser.error(f"options ({' '.join(rest)}) go with one name")
    for name in names:
        print(run(name, rest or usual(name)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
