"""Alternating least squares beside implicit's, on the Netflix shape; and the Netflix size from Parquet to lists.

``python -m benchmarks recommend.als [--interactions N ...] [--epochs E] [--solver S ...] [--netflix [N]] [--rated]``.
Interactions are simulated: 480,000 users, 18,000 items, long tails, tastes in groups. Each side has processes of its
own and the same 64 factors, confidence 5 of what was observed and the same plain penalty; implicit has its defaults (3
steps of conjugate gradients) and one thread of BLAS, as it asks for. The loss of both is computed by the same function
in double precision from their factors. Epochs are compared by processor time, as other work on the machine counts in
the clock; and by the loss they reach. implicit runs in an interpreter that has it: this one, or one that
``POTOMAC_BENCH_PEERS`` names.

``--netflix`` writes that many rows (100 million) to Parquet, reads them, and fits until the loss stands still, all in
one process; after each epoch, and outside the time told, one hidden item of each of some users is looked for.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import markdown
from benchmarks.child import measured
from benchmarks.machine import load
from benchmarks.recommend.shape import ITEMS, USERS, simulated
from potomac.recommend import ALS, Interactions
from potomac.recommend.factorisation.alternation import Alternation, Side, Weights, loss
from potomac.recommend.topn import best

HERE = "benchmarks.recommend.als"
FACTORS, ALPHA, REGULARIZATION = 64, 4.0, 0.01
NAMES = {"cg": "Potomac, conjugate gradients", "exact": "Potomac, exact", "ials++": "Potomac, iALS++ in blocks of 16"}
ASKED, ROWS, K = 20_000, 1_000_000, 10

Arrays = dict[str, npt.NDArray[Any]]


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks recommend.als", description=__doc__)
    parser.add_argument("--interactions", type=int, nargs="*", default=[10_000_000])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--solver", nargs="*", default=[*NAMES], choices=[*NAMES])
    parser.add_argument("--netflix", type=int, nargs="?", const=100_000_000, metavar="N")
    parser.add_argument("--rated", action="store_true", help="the Parquet file has ratings and times, too")
    given = parser.parse_args(argv)
    said = [beside(count, given.epochs, given.solver) for count in given.interactions]
    if given.netflix:
        said.append(netflix(given.netflix, given.rated))
    return "\n\n".join(said)


# -------------------------------------------------------------------------------------- epochs


def beside(interactions: int, epochs: int, solvers: list[str]) -> str:
    """A table of ours and theirs on the same interactions."""
    folder = Path(tempfile.mkdtemp(prefix="potomac-als-"))
    try:
        data = str(folder / "data.npz")
        entries = measured(f"{HERE}:simulated_task", data=data, interactions=interactions).value
        before = load()
        peer = theirs(folder, data, epochs)
        lines, reference = [], None
        if peer is not None:
            reached = measured(f"{HERE}:loss_task", data=data, factors=str(folder / "theirs.npz")).value
            reference = {**peer, "loss": reached}
            lines.append(_line("implicit", reference, reference, str(epochs)))
        goal = reference["loss"] if reference else 0.0
        for solver in solvers:
            found = measured(f"{HERE}:ours_task", data=data, solver=solver, epochs=epochs, goal=goal)
            lines.append(_line(NAMES[solver], {**found.value, "peak_mb": found.peak_mb}, reference, ""))
    finally:
        shutil.rmtree(folder)
    head = [
        "", "processor an epoch", "clock an epoch", "implicit's / this, processor", f"loss after {epochs}",
        "epochs to implicit's loss", "implicit's / this, processor to that loss", "memory",
    ]  # fmt: skip
    told = f"{entries:,} interactions of {USERS:,} users and {ITEMS:,} items; load average {before} to {load()}."
    return f"{told}\n\n{markdown.table(head, lines)}"


def simulated_task(data: str, interactions: int) -> int:
    """Write simulated interactions; how many there are."""
    indptr, indices = simulated(interactions)
    np.savez(data, indptr=indptr, indices=indices)
    return len(indices)


def theirs(folder: Path, data: str, epochs: int) -> dict[str, Any] | None:
    """Epochs of implicit; None where there is no interpreter that has it."""
    from benchmarks.recommend.accuracy import interpreter_of

    python = interpreter_of("implicit")
    if python is None:
        return None
    job, out = folder / "job.json", folder / "theirs.npz"
    told = {
        "data": data, "items": ITEMS, "confidence": 1 + ALPHA, "factors": FACTORS, "regularization": REGULARIZATION,
        "epochs": epochs, "out": str(out),
    }  # fmt: skip
    job.write_text(json.dumps(told), encoding="utf-8")
    script = Path(__file__).with_name("alternating.py")
    subprocess.run([python, str(script), str(job)], check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    with np.load(out) as found:
        return {name: found[name].tolist() for name in ("clock", "processor", "peak_mb")}


def known_of(data: str) -> Interactions:
    """Interactions of an .npz file."""
    with np.load(data) as found:
        indptr, indices = found["indptr"], found["indices"]
    users, items = pa.array(np.arange(len(indptr) - 1)), pa.array(np.arange(ITEMS))
    return Interactions(users, items, indptr, indices, np.ones(len(indices), np.float32))


def weights() -> Weights:
    """Of the loss."""
    return Weights(ALPHA, REGULARIZATION, 0.0, "linear")


def loss_task(data: str, factors: str) -> float:
    """The loss of factors in a file."""
    known = known_of(data)
    side = Side(known.indptr, known.indices, weights().strengths(known.values), known.n_items)
    with np.load(factors) as found:
        return loss(side, found["X"], found["Y"], weights())


def ours_task(data: str, solver: str, epochs: int, goal: float) -> dict[str, Any]:
    """Clock and processor seconds of epochs, the loss after them, and how many there are to a loss of ``goal``."""
    warm = Interactions.of({"user": np.arange(90) % 30, "item": np.arange(90) % 41})
    Alternation.of(warm, weights(), solver, FACTORS, np.random.default_rng(0)).epoch()  # type: ignore[arg-type]
    work = Alternation.of(known_of(data), weights(), solver, FACTORS, np.random.default_rng(0), block=16)  # type: ignore[arg-type]
    clock, processor, to_goal, reached = [], [], None, 0.0
    for epoch in range(epochs):
        begun, used = time.perf_counter(), time.process_time()
        fell_to = work.epoch()
        clock.append(time.perf_counter() - begun)
        processor.append(time.process_time() - used)
        if to_goal is None and fell_to <= goal:
            to_goal = epoch + 1
    reached = loss(work.users, work.X[:, :FACTORS], work.Y[:, :FACTORS], weights())
    return {"clock": clock, "processor": processor, "loss": reached, "to_goal": to_goal}


def _line(name: str, found: dict[str, Any], reference: dict[str, Any] | None, to_goal: str) -> list[str]:
    each = float(np.median(found["processor"]))
    ratio = to_loss = ""
    if reference is not None:
        ratio = markdown.times(float(np.median(reference["processor"])) / each)
        if found.get("to_goal"):
            to_goal = str(found["to_goal"])
            spent = sum(found["processor"][: found["to_goal"]])
            to_loss = markdown.times(sum(reference["processor"]) / spent)
    return [
        name, markdown.seconds(each), markdown.seconds(float(np.median(found["clock"]))), ratio, f"{found['loss']:.6g}",
        to_goal, to_loss, f"{found['peak_mb']:,.0f} MB",
    ]  # fmt: skip


# -------------------------------------------------------------------------------------- the Netflix size


def netflix(rows: int, rated: bool) -> str:
    """From Parquet to a fitted model."""
    folder = Path(tempfile.mkdtemp(prefix="potomac-als-"))
    try:
        made = measured(f"{HERE}:parquet_task", folder=str(folder), rows=rows, rated=rated).value
        before = load()
        found = measured(f"{HERE}:netflix_task", folder=str(folder))
        plain = measured(f"{HERE}:fit_task", folder=str(folder))
    finally:
        shutil.rmtree(folder)
    value = found.value
    lines, total = [], value["read"] + value["begun"]
    for epoch, (seconds, fell_to, gain) in enumerate(value["epochs"]):
        total += seconds
        lines.append(
            [str(epoch + 1), markdown.seconds(seconds), markdown.seconds(total), f"{fell_to:.6g}", f"{gain:.4f}"]
        )
    head = ["epoch", "clock", "clock since the start", "loss", f"nDCG@{K} of hidden items"]
    spent = (markdown.seconds(plain.value[name]) for name in ("read", "fit", "processor"))
    told = "{} and {} of clock, {} of processor time together".format(*spent)
    return (
        f"{made['rows']:,} rows in {made['bytes'] / 2**20:,.0f} MB of Parquet ({made['columns']}); reading "
        f"{markdown.seconds(value['read'])}, transpose and first users {markdown.seconds(value['begun'])}; load "
        f"average {before} to {load()}.\n\n{markdown.table(head, lines)}\n\nReading and `ALS().fit`, as users call "
        f"them, in a process without the search for hidden items: {told}, {plain.value['epochs']} epochs, "
        f"{plain.peak_mb:,.0f} MB at most."
    )


def parquet_task(folder: str, rows: int, rated: bool) -> dict[str, Any]:
    """Write interactions but for one of each of some users, in any order; what was written."""
    indptr, indices = simulated(rows)
    rng = np.random.default_rng(1)
    rich = np.flatnonzero(np.diff(indptr) >= 5)
    asked = np.sort(rng.choice(rich, min(ASKED, len(rich)), replace=False))
    hidden = indptr[asked] + rng.integers(0, np.diff(indptr)[asked])
    np.savez(Path(folder) / "hidden.npz", users=asked, items=indices[hidden])
    keep = np.ones(len(indices), bool)
    keep[hidden] = False
    users = np.repeat(np.arange(len(indptr) - 1, dtype=np.int32), np.diff(indptr))[keep]
    items = indices[keep]
    order = rng.permutation(len(items)).astype(np.int32)
    names = {"user": pa.int32(), "item": pa.int32()}
    if rated:
        names.update(value=pa.int8(), time=pa.timestamp("s"))
    file = Path(folder) / "interactions.parquet"
    with pq.ParquetWriter(file, pa.schema(names)) as writer:
        for first in range(0, len(items), ROWS):
            at = order[first : first + ROWS]
            columns: Arrays = {"user": users[at], "item": items[at]}
            if rated:
                columns["value"] = rng.integers(3, 6, len(at)).astype(np.int8)
                columns["time"] = rng.integers(1_000_000_000, 1_130_000_000, len(at)).astype("datetime64[s]")
            writer.write_table(pa.table(columns, schema=pa.schema(names)))
    return {"rows": len(items), "bytes": file.stat().st_size, "columns": ", ".join(names)}


def read(folder: str) -> tuple[Interactions, float]:
    """The interactions, and the seconds it took to read them."""
    begun = time.perf_counter()
    known = Interactions.of(pq.ParquetFile(Path(folder) / "interactions.parquet"))
    return known, time.perf_counter() - begun


def netflix_task(folder: str) -> dict[str, Any]:
    """Epochs until the loss stands still: seconds, loss, and how well what is hidden is found."""
    known, seconds = read(folder)
    model = ALS(confidence="binary")
    begun = time.perf_counter()
    work = Alternation.of(known, model._weights, "cg", model.factors, np.random.default_rng(0))
    started = time.perf_counter() - begun
    epochs: list[tuple[float, float, float]] = []
    with np.load(Path(folder) / "hidden.npz") as data:
        rows, hidden = known.user_rows(pa.array(data["users"])), known.item_rows(pa.array(data["items"]))
    while len(epochs) < 2 or epochs[-2][1] - epochs[-1][1] >= model.tolerance * epochs[-2][1]:
        begun = time.perf_counter()
        fell_to = work.epoch()
        epochs.append((time.perf_counter() - begun, fell_to, gained(known, work, rows, hidden)))
        if len(epochs) == model.iterations:
            break
    return {"read": seconds, "begun": started, "epochs": epochs}


def gained(known: Interactions, work: Alternation, rows: npt.NDArray[Any], hidden: npt.NDArray[Any]) -> float:
    """nDCG@K of lists of all items that a person has not had, with one hidden item each: 1 / log2(1 + rank)."""
    total = 0.0
    for first in range(0, len(rows), 500):
        at = rows[first : first + 500]
        histories = known.histories(at)
        numbers, _ = best(work.X[at] @ work.Y.T, K, without=(histories.indptr, histories.indices))
        _, rank = np.nonzero(numbers == hidden[first : first + 500, None])
        total += float((1 / np.log2(2 + rank)).sum())
    return total / len(rows)


def fit_task(folder: str) -> dict[str, Any]:
    """As users call it."""
    used = time.process_time()
    known, seconds = read(folder)
    begun = time.perf_counter()
    model = ALS(confidence="binary").fit(known)
    spent = time.perf_counter() - begun
    return {
        "read": seconds, "fit": spent, "processor": time.process_time() - used, "epochs": len(model.losses_),
    }  # fmt: skip


if __name__ == "__main__":
    import sys

    print(main(sys.argv[1:]))
