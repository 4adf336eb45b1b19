"""Speed: the default method beside an isolation forest, regressions of all cells beside one by one, and the start.

``python -m benchmarks.outliers.speed [FOLDER] [--rows N] [--part NAME]``. Every figure comes from a process of its own;
compiled loops are warm, as they are from the second run on a machine on.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from benchmarks import markdown
from benchmarks.child import Measured, measured, peak_mb
from benchmarks.machine import load
from benchmarks.outliers.data import base, features, many, many_positions
from potomac.outliers import LocalContrastDetector, celled
from potomac.outliers.logistic import fit_cells
from potomac.outliers.positions import Positions
from potomac.stats.streams import Stream

Floats = npt.NDArray[np.float64]

HERE = "benchmarks.outliers.speed"


@dataclass(frozen=True)
class Timed:
    """What a function gave, by the clock and by the processor (s); the latter counts all threads."""

    value: Any
    clock: float
    processor: float


def _timed(function: Callable[[], Any]) -> Timed:
    clock, processor = time.perf_counter(), time.process_time()
    value = function()
    return Timed(value, time.perf_counter() - clock, time.process_time() - processor)


def _phases(fit: Timed, score: Timed, held: float) -> dict[str, float]:
    processor = fit.processor + score.processor
    return {"fit": fit.clock, "score": score.clock, "processor": processor, "held": held}


def potomac_task(rows: int, folder: str | None) -> dict[str, float]:
    """Seconds that the default method takes to fit and to score the rows it was fitted on."""
    p = base(folder)
    LocalContrastDetector(bags=1, folds=2).fit(many(p, 0, 300)).score_samples()  # compiled from here on
    given = many_positions(p, rows)
    held = peak_mb()
    fit = _timed(lambda: LocalContrastDetector().fit(given))
    return _phases(fit, _timed(fit.value.score_samples), held)


def forest_task(rows: int, folder: str | None, jobs: int | None) -> dict[str, float]:
    """The same for scikit-learn's isolation forest."""
    from sklearn.ensemble import IsolationForest

    X = features(many_positions(base(folder), rows))
    held = peak_mb()
    fit = _timed(lambda: IsolationForest(n_estimators=200, random_state=0, n_jobs=jobs).fit(X))
    return _phases(fit, _timed(lambda: fit.value.score_samples(X)), held)


def design(p: Positions, cell_km: float, terms: celled.Terms) -> tuple[Floats, Floats, npt.NDArray[np.int64], int]:
    """The very design that the logistic method fits: features, real or fake, cell, number of cells."""
    seen: list[Any] = []

    def keep(features: Floats, real: Floats, cell: npt.NDArray[np.int64], cells: int, **options: Any) -> Any:
        seen.append((features, real, cell, cells))
        return fit_cells(features, real, cell, cells, **options)

    with mock.patch.object(celled, "fit_cells", keep):
        celled.fit_cell_model(p, celled.CellDesign(cell_km=cell_km, terms=terms), Stream(0, ("benchmarks",)))
    return seen[0]  # type: ignore[no-any-return]


def one_by_one(
    x: Floats, real: Floats, cell: npt.NDArray[np.int64], cells: int, **options: Any
) -> npt.NDArray[np.float64]:
    """Coefficients of scikit-learn's LogisticRegression, fitted cell by cell; 0 where a class is missing."""
    from sklearn.linear_model import LogisticRegression

    order = np.argsort(cell, kind="stable")
    x, real = x[order], real[order]
    edges = np.searchsorted(cell[order], np.arange(cells + 1))
    out = np.zeros((cells, x.shape[1] + 1))
    for c in range(cells):
        mine = slice(edges[c], edges[c + 1])
        if 0 < real[mine].sum() < edges[c + 1] - edges[c]:
            one = LogisticRegression(C=1.0, **options).fit(x[mine], real[mine])
            out[c] = np.append(one.intercept_, one.coef_)
    return out


LBFGS: dict[str, Any] = {"max_iter": 100}
NEWTON: dict[str, Any] = {"solver": "newton-cholesky", "tol": 1e-10, "max_iter": 1000}


def logistic_task(rows: int | None, folder: str | None, cell_km: float, terms: celled.Terms) -> dict[str, float]:
    """Seconds for all regressions at once and one by one, and how far the coefficients are apart."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    p = base(folder)
    x, real, cell, cells = design(p if rows is None else many_positions(p, rows), cell_km, terms)
    runs = [_timed(lambda: fit_cells(x, real, cell, cells, ridge=1.0)) for _ in range(6)]
    with warnings.catch_warnings(), threadpool_limits(1):  # more threads slow fits as small as these down
        warnings.simplefilter("ignore")  # lbfgs says where it stops early
        rough = _timed(lambda: one_by_one(x, real, cell, cells, **LBFGS))
        exact = _timed(lambda: one_by_one(x, real, cell, cells, **NEWTON))
    ours = runs[0].value.coefficients
    return {
        "rows": float(len(x)), "cells": float(cells), "features": float(x.shape[1]),
        "ours": statistics.median(run.clock for run in runs[1:]),  # the first one loads what is compiled
        "lbfgs": rough.clock, "newton": exact.clock,
        "apart": float(np.abs(ours - exact.value).max()), "apart_lbfgs": float(np.abs(ours - rough.value).max()),
    }  # fmt: skip


def start_times(command: list[str], runs: int) -> tuple[float, float]:
    """Median and least seconds of a command."""
    subprocess.run(command, check=True, capture_output=True)
    took = [_timed(lambda: subprocess.run(command, check=True, capture_output=True)).clock for _ in range(runs)]
    return statistics.median(took), min(took)


def default_part(rows: int, folder: str | None) -> str:
    """A million rows by the default method and by the isolation forest."""
    before = load()
    ours = measured(f"{HERE}:potomac_task", rows=rows, folder=folder)
    one = measured(f"{HERE}:forest_task", rows=rows, folder=folder, jobs=None)
    both = measured(f"{HERE}:forest_task", rows=rows, folder=folder, jobs=-1)
    named = [("Potomac, default", ours), ("Isolation forest, 200 trees", one), ("the same, n_jobs=-1", both)]
    head = [
        "method", "fit", "score", "together", "rows a second", "Potomac takes", "processor time", "Potomac takes",
        "peak memory", "of it before",
    ]  # fmt: skip
    body = [_row(name, run, ours, rows) for name, run in named]
    return (
        f"### {rows:,} positions\n\nLoad average {before} before and {load()} after.\n\n{markdown.table(head, body)}\n"
    )


def _together(run: Measured) -> float:
    return float(run.value["fit"] + run.value["score"])


def _row(name: str, run: Measured, ours: Measured, rows: int) -> list[str]:
    clock, processor = _together(run), run.value["processor"]
    parts = [markdown.seconds(s) for s in (run.value["fit"], run.value["score"], clock)]
    ratios = [markdown.times(_together(ours) / clock), markdown.times(ours.value["processor"] / processor)]
    ratios = ["", ""] if run is ours else ratios
    memory = [f"{run.peak_mb:,.0f} MB", f"{run.value['held']:,.0f} MB"]
    return [name, *parts, f"{rows / clock:,.0f}", ratios[0], markdown.seconds(processor), ratios[1], *memory]


def logistic_part(rows: int, folder: str | None) -> str:
    """All regressions at once beside scikit-learn's one by one."""
    head = [
        "design", "cells", "all at once", "scikit-learn, its default (lbfgs)", "ratio", "newton-cholesky, tol 1e-10",
        "ratio", "largest difference", "to lbfgs",
    ]  # fmt: skip
    body, before = [], load()
    for count, cell_km, terms in ((None, 50.0, "linear"), (None, 25.0, "quadratic"), (rows, 50.0, "linear")):
        value = measured(f"{HERE}:logistic_task", rows=count, folder=folder, cell_km=cell_km, terms=terms).value
        told = f"{value['rows']:,.0f} rows, {cell_km:g} km, {terms}, {value['features']:.0f} terms"
        body.append([
            told, f"{value['cells']:.0f}",
            markdown.seconds(value["ours"]), markdown.seconds(value["lbfgs"]),
            markdown.times(value["lbfgs"] / value["ours"]), markdown.seconds(value["newton"]),
            markdown.times(value["newton"] / value["ours"]), f"{value['apart']:.1e}", f"{value['apart_lbfgs']:.1e}",
        ])  # fmt: skip
    about = f"### Logistic regressions\n\nLoad average {before} before and {load()} after."
    return f"{about}\n\n{markdown.table(head, body)}\n"


def start_part(runs: int = 11) -> str:
    """How long it takes until something happens."""
    python = sys.executable
    commands = [
        ("`python -c pass`", [python, "-c", "pass"]),
        ("`import potomac`", [python, "-c", "import potomac"]),
        ("`potomac --help`", [python, "-m", "potomac", "--help"]),
    ]
    body, before = [], load()
    for name, command in commands:
        usual, least = start_times(command, runs)
        body.append([name, markdown.seconds(usual), markdown.seconds(least)])
    table = markdown.table(["command", f"median of {runs}", "least"], body)
    return f"### Start\n\nLoad average {before} before and {load()} after.\n\n{table}\n"


def main(argv: list[str] | None = None) -> str:
    """The benchmark as Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks.outliers.speed", description=__doc__)
    parser.add_argument("folder", nargs="?", help="folder of labelled areas; default a simulated strait")
    parser.add_argument("--rows", type=int, default=1_000_000, help="how many positions (default %(default)s)")
    parser.add_argument("--part", choices=("default", "logistic", "start"), help="only this part")
    options = parser.parse_args(argv)
    parts: dict[str, Callable[[], str]] = {
        "default": lambda: default_part(options.rows, options.folder),
        "logistic": lambda: logistic_part(options.rows, options.folder),
        "start": start_part,
    }
    return "\n".join(part() for name, part in parts.items() if options.part in (None, name))


if __name__ == "__main__":
    print(main())
