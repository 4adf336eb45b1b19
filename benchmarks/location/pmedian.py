"""p-median on graphs: is the known optimum found and proven, in which time, beside spopt and HiGHS.

``python -m benchmarks.location.pmedian [--instances NAME ...] [--peers N] [--drawn N ...]``. Every figure comes from a
process of its own; compiled loops are warm. Peers are asked for graphs of at most N nodes: spopt where it is installed,
and HiGHS with the model that spopt hands over (Hakimi's, a variable for each pair), without the time to build it.
``POTOMAC_LOCATION_DATA`` names the folder with the graphs of OR-Library; ``--drawn`` draws others like them.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import markdown
from benchmarks.child import Measured, measured, peak_mb
from benchmarks.location.instances import drawn_graph, median_graph, median_graphs
from benchmarks.machine import load

Floats = npt.NDArray[np.float64]

HERE = "benchmarks.location.pmedian"
LIMIT = 120.0  # seconds that a peer has


def graph(name: str) -> Floats:
    """The graph called so: of OR-Library, or ``drawn-N`` with N nodes."""
    kind, _, n = name.partition("-")
    return drawn_graph(int(n), int(n)) if kind == "drawn" else median_graph(name)


def potomac_task(name: str, p: int, limit: float) -> dict[str, Any]:
    """Seconds, objective and bound."""
    from potomac.location import p_median

    p_median(drawn_graph(60, 1), 4)  # compiled loops are read from disk
    cost, held = graph(name), peak_mb()
    begun = time.perf_counter()
    found = p_median(cost, p, time_limit=limit)
    return {
        "seconds": time.perf_counter() - begun, "objective": found.objective, "bound": found.bound,
        "proven": found.proven, "status": found.status, "held": held,
    }  # fmt: skip


def spopt_task(name: str, p: int) -> dict[str, Any]:
    """The same by spopt, which hands the model to HiGHS by way of PuLP."""
    pulp, locate = import_module("pulp"), import_module("spopt.locate")
    cost, held = graph(name), peak_mb()
    begun = time.perf_counter()
    model = locate.PMedian.from_cost_matrix(cost, np.ones(len(cost)), p_facilities=p)
    try:
        model.solve(pulp.HiGHS(msg=False, timeLimit=LIMIT), results=False)
        status = str(pulp.LpStatus[model.problem.status])
    except RuntimeError as error:  # it ends so where the model is not said to be solved
        status = str(error)
    seconds = time.perf_counter() - begun
    sites = [j for j, y in enumerate(model.fac_vars) if y.value() and y.value() > 0.5]
    return _told(cost, sites, seconds, status, held)


def highs_task(name: str, p: int) -> dict[str, Any]:
    """The same by HiGHS alone, with one thread as it is by default in spopt."""
    import highspy
    from scipy import sparse

    cost, held = graph(name), peak_mb()
    n = len(cost)
    begun = time.perf_counter()
    # x_ij (row by row), then y_j: each row is served once, by what is open; p are open
    pairs, open_ = np.arange(n * n), n * n + np.arange(n)
    once = sparse.csr_array((np.ones(n * n), (pairs // n, pairs)), shape=(n, n * n + n))
    where = (np.concatenate([pairs, pairs]), np.concatenate([pairs, open_[pairs % n]]))
    only = sparse.csr_array((np.repeat([1.0, -1.0], n * n), where), shape=(n * n, n * n + n))
    many = sparse.csr_array((np.ones(n), (np.zeros(n, dtype=np.int64), open_)), shape=(1, n * n + n))
    rows = sparse.vstack([once, only, many]).tocsr()
    low = np.concatenate([np.ones(n), np.full(n * n, -highspy.kHighsInf), [p]])
    high = np.concatenate([np.ones(n), np.zeros(n * n), [p]])
    solver = highspy._core._Highs()
    for option, value in {"output_flag": False, "threads": 1, "time_limit": LIMIT}.items():
        solver.setOptionValue(option, value)
    k = n * n + n
    solver.passModel(
        k, rows.shape[0], rows.nnz, int(highspy.MatrixFormat.kRowwise), int(highspy.ObjSense.kMinimize), 0.0,
        np.concatenate([cost.ravel(), np.zeros(n)]), np.zeros(k), np.ones(k), low, high,
        rows.indptr[:-1].astype(np.int32), rows.indices.astype(np.int32), rows.data, np.ones(k, dtype=np.int32),
    )  # fmt: skip
    solver.run()
    seconds = time.perf_counter() - begun
    values = np.array(solver.getSolution().col_value)
    sites = np.flatnonzero(values[n * n :] > 0.5).tolist() if len(values) else []
    return _told(cost, sites, seconds, solver.getModelStatus().name.removeprefix("k"), held)


def _told(cost: Floats, sites: list[int], seconds: float, status: str, held: float) -> dict[str, Any]:
    """The objective is that of the sites, whatever a peer says."""
    objective = float(cost[:, sites].min(axis=1).sum()) if sites else float("inf")
    return {"seconds": seconds, "objective": objective, "status": status, "held": held}


def _peers(name: str, p: int, ours: Measured) -> list[list[str]]:
    tasks = {"HiGHS": "highs_task"}
    if find_spec("spopt"):
        tasks = {"spopt": "spopt_task", **tasks}
    lines = []
    for told, task in tasks.items():
        run = measured(f"{HERE}:{task}", name=name, p=p)
        v = run.value
        lines.append([
            f"{name}, {told}", "", str(p), f"{v['objective']:,.0f}", f"says {v['status']}",
            markdown.seconds(v["seconds"]), markdown.times(v["seconds"] / ours.value["seconds"]),
            f"{run.peak_mb - v['held']:,.0f}",
        ])  # fmt: skip
    return lines


def _row(name: str, n: int, p: int, run: Measured, optimum: float | None) -> list[str]:
    v = run.value
    known = "" if optimum is None else ", the known optimum" if v["objective"] == optimum else f", NOT {optimum:,}"
    proof = "proven" if v["proven"] else f"not proven, bound {v['bound']:,.6g}"
    return [
        name, str(n), str(p), f"{v['objective']:,.0f}{known}", proof, markdown.seconds(v["seconds"]), "",
        f"{run.peak_mb - v['held']:,.0f}",
    ]  # fmt: skip


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="benchmarks.location.pmedian", description=__doc__)
    parser.add_argument("--instances", nargs="*", help="default all that are there")
    parser.add_argument("--peers", type=int, default=200, help="largest number of nodes for peers")
    parser.add_argument("--drawn", type=int, nargs="*", default=[], help="nodes of graphs to draw, e.g. 600 900")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for one problem")
    given = parser.parse_args(argv)
    known = median_graphs()
    names = given.instances if given.instances is not None else list(known)
    asked = [(name, known[name]["n"], known[name]["p"], known[name]["pmedian_opt"]) for name in names]
    sizes = given.drawn or ([] if asked else [100, 300])
    asked += [(f"drawn-{n}", n, p, None) for n in sizes for p in (5, 10, n // 10, n // 5, n // 3)]
    before, lines, took, proven = load(), [], 0.0, 0
    for name, n, p, optimum in asked:
        run = measured(f"{HERE}:potomac_task", name=name, p=p, limit=given.limit)
        lines.append(_row(name, n, p, run, optimum))
        took, proven = took + run.value["seconds"], proven + bool(run.value["proven"])
        if n <= given.peers:
            lines += _peers(name, p, run)
    head = ["graph", "n", "p", "objective", "", "time", "times Potomac's", "MB beside the costs"]
    said = f"{len(asked)} problems in {took:.3g} s, {proven} proven; load average {before} before and {load()} after."
    return f"{said}\n\n{markdown.table(head, lines)}\n"


if __name__ == "__main__":
    print(main(sys.argv[1:]))
