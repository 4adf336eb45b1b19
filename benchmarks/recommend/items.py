"""Fitting models of items: neighbours and EASE beside implicit, RecTools and LensKit, where they have them.

``python -m benchmarks recommend.items [--interactions N] [--users M] [--items N] [--movielens PATH]``. Interactions are
simulated with long tails on both sides, or ratings of four and more of a MovieLens download. Each fit is in a process
of its own, which has fitted something small before where it compiles; the time is that of the fit alone, from the
library's own form of the data. Peers run in interpreters that have them: this one, and those that
``POTOMAC_BENCH_PEERS`` names. EASE of all sides has the same regularization, and its weights must agree, or the run
fails; neighbours are 20 of each item.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import markdown
from benchmarks.child import measured, peak_mb
from benchmarks.machine import load
from benchmarks.recommend.accuracy import interpreter_of, likes_of
from benchmarks.recommend.shape import simulated
from benchmarks.recommend.timed import CORNER
from potomac.recommend import EASE, Interactions, ItemKNN, Recommender

HERE = "benchmarks.recommend.items"
REGULARIZATION = 200.0
TOGETHER = 1e-3
"""Most that weights of EASE may differ by, in shares of the largest."""

OURS: dict[str, tuple[str, dict[str, Any]]] = {
    "EASE": ("ease", {"regularization": REGULARIZATION, "max_items": 1 << 20}),
    "cosine": ("item_knn", {"metric": "cosine", "k": 20}),
    "BM25": ("item_knn", {"metric": "bm25", "k": 20}),
}

PEERS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("EASE", "rectools", "EASE", {"regularization": REGULARIZATION}),
    ("EASE", "lenskit", "EASE", {"regularization": REGULARIZATION}),
    ("cosine", "implicit", "cosine", {"K": 20}),
    ("cosine", "lenskit", "ItemKNN", {"save_nbrs": 20, "max_nbrs": 20}),
    ("BM25", "implicit", "BM25", {"K": 20}),
)


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks recommend.items", description=__doc__)
    parser.add_argument("--interactions", type=int, default=5_000_000)
    parser.add_argument("--users", type=int, default=60_000)
    parser.add_argument("--items", type=int, default=6_000)
    parser.add_argument("--movielens", metavar="PATH", help="a MovieLens directory or a Parquet file")
    given = parser.parse_args(argv)
    if given.movielens:
        known = likes_of(Path(given.movielens))
    else:
        indptr, indices = simulated(given.interactions, given.users, given.items, seed=1)
        known = interactions_of(indptr, indices)
    with tempfile.TemporaryDirectory() as folder:
        return section(known, Path(folder))


def interactions_of(indptr: Any, indices: Any) -> Interactions:
    """Likes without times; items that nobody had are left away."""
    kept, numbers = np.unique(indices, return_inverse=True)
    ones = np.ones(len(indices), np.float32)
    users = pa.array(np.arange(len(indptr) - 1))
    return Interactions(users, pa.array(np.arange(len(kept))), indptr, numbers.astype(np.int32), ones)


def section(known: Interactions, folder: Path) -> str:
    """The table of one set."""
    file = folder / "data.npz"
    users = np.repeat(np.arange(known.n_users), known.of_users).astype(np.int32)
    np.savez(file, users=users, items=known.indices, values=np.ones(known.nnz, np.float32))
    own = {model: measured(f"{HERE}:ours", model=model, data=str(file)).value for model in OURS}
    rows = [row(model, "**Potomac**", found, None) for model, found in own.items()]
    for model, library, name, setting in PEERS:
        python = interpreter_of(library)
        if python is None:
            continue
        found = asked(python, library, name, setting, file, folder)
        if "corner" in found:
            _agree(np.asarray(own[model]["corner"]), found["corner"], f"{library} {name}")
        rows.append(row(model, f"{library} {name}", found, float(own[model]["seconds"])))
    rows.sort(key=lambda cells: cells[0])
    about = f"{known.nnz:,} interactions of {known.n_users:,} users and {known.n_items:,} items"
    head = ["model", "by", "fit", "Potomac is faster by", "memory of the process"]
    return f"{about}; load average at the end {load()}.\n\n{markdown.table(head, rows)}"


def row(model: str, by: str, found: Any, own: float | None) -> list[str]:
    spent = float(found["seconds"])
    ratio = "" if own is None else markdown.times(spent / own)
    return [model, by, markdown.seconds(spent), ratio, f"{float(found['peak_mb']):,.0f} MB"]


def ours(model: str, data: str) -> dict[str, Any]:
    """Seconds of one fit, and the weights of the first items of EASE."""
    kind: type[Recommender] = EASE if OURS[model][0] == "ease" else ItemKNN
    with np.load(data) as found:
        known = Interactions.of({"user": found["users"], "item": found["items"]})
    kind(**OURS[model][1]).fit(known.take_users(np.arange(50)))
    begun = time.perf_counter()
    fitted = kind(**OURS[model][1]).fit(known)
    spent = {"seconds": time.perf_counter() - begun, "peak_mb": peak_mb()}
    return {**spent, "corner": fitted.weights_[:CORNER, :CORNER].tolist()} if isinstance(fitted, EASE) else spent


def asked(python: str, library: str, model: str, setting: dict[str, Any], data: Path, folder: Path) -> dict[str, Any]:
    """What a peer's fit took, from a process of its own.

    Raises:
        RuntimeError: it ended without an answer.
    """
    job, out = folder / "job.json", folder / "out.npz"
    told = {"library": library, "model": model, "setting": setting, "data": str(data), "out": str(out)}
    job.write_text(json.dumps(told), encoding="utf-8")
    script = Path(__file__).with_name("timed.py")
    done = subprocess.run([python, str(script), str(job)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{library} {model} ended with {done.returncode}: {done.stderr[-2000:]}")
    with np.load(out) as found:
        return dict(found)


def _agree(own: Any, theirs: Any, name: str) -> None:
    off = float(np.abs(own - theirs).max() / np.abs(own).max())
    if off > TOGETHER:
        raise RuntimeError(f"weights of {name} differ from Potomac's by {off:.2g} of the largest")
