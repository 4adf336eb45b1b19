"""Accuracy: ``auto`` and peers' models, tuned with the same number of fits, on the same held-out lists.

Worlds of simulated people of several shapes, and a real set that lies on disk (``--movielens PATH``: a directory, or a
Parquet file of user, item, rating and time). The last two interactions of each person are held out. Each model is tuned
on validation splits of the train set alone, by the nDCG of twenty places; ``auto`` has as many fits for all its methods
together as each of the peers' models has for itself. Peers run in interpreters that have them: this one, and those that
``POTOMAC_BENCH_PEERS`` names (separated as in PATH).
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.markdown import seconds, table
from potomac.recommend import Auto, Interactions, Items, Popular, Split, evaluate, simulated, split_of
from potomac.recommend.choice.tuning import folds_of, value_of
from potomac.recommend.testing import metrics
from potomac.stats.bootstrap import replicates
from potomac.stats.streams import Stream

PEERS = "POTOMAC_BENCH_PEERS"
FITS = 40
TOP = 20
DRAWS = 2000

Lists = npt.NDArray[np.int32]

WORLDS: dict[str, dict[str, Any]] = {
    "tastes": {"users": 2000, "items": 600, "per_user": 25, "taste": 1.5},
    "few tastes, sparse": {"users": 4000, "items": 2000, "per_user": 8, "taste": 2.0, "topics": 20},
    "attributes": {"users": 1500, "items": 800, "per_user": 12, "taste": 0.7, "attributes": 1.5},
    "drift": {"users": 2000, "items": 1000, "per_user": 20, "taste": 1.5, "drift": 4.0},
    "small": {"users": 300, "items": 150, "per_user": 12, "taste": 1.5},
    "popularity only": {"users": 1000, "items": 400, "per_user": 15, "taste": 0.0, "popularity": 1.5},
}
"""Arguments of :func:`simulated`."""

GRIDS: dict[tuple[str, str], dict[str, Sequence[Any]]] = {
    ("implicit", "ALS"): {
        "factors": (64, 8, 16, 32, 128), "alpha": (5.0, 1.0, 20.0), "regularization": (0.01, 0.1, 1.0, 10.0, 50.0),
    },
    ("implicit", "BPR"): {
        "factors": (64, 32), "learning_rate": (0.01, 0.03, 0.1), "regularization": (0.01, 0.001, 0.1),
    },
    ("implicit", "BM25"): {"K": (20, 50, 100, 300), "K1": (1.2, 0.5, 3.0, 100.0), "B": (0.75, 0.2, 0.5)},
    ("implicit", "cosine"): {"K": (20, 5, 10, 50, 100, 200, 400, 1000)},
    ("implicit", "TF-IDF"): {"K": (20, 5, 10, 50, 100, 200, 400, 1000)},
    ("rectools", "EASE"): {"regularization": (500.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 350.0, 700.0, 1e3, 2e3)},
    ("lenskit", "ItemKNN"): {"max_nbrs": (20, 5, 10, 50, 100, 200), "save_nbrs": (None, 100, 500)},
    ("lenskit", "ALS"): {
        "embedding_size": (64, 8, 16, 32), "weight": (40.0, 1.0, 5.0, 20.0), "regularization": (0.1, 0.01, 1.0, 10.0),
    },
    ("lenskit", "EASE"): {"regularization": (100.0, 5.0, 10.0, 25.0, 50.0, 200.0, 350.0, 500.0, 1000.0, 2000.0)},
}  # fmt: skip
"""Settings of each peer's model, its own default first; where there are more than the budget, they are drawn."""


@dataclass(frozen=True)
class Told:
    """One model on one set: the lists of the test people, and how they came about."""

    name: str
    lists: Lists
    how: str
    seconds: float


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks recommend.accuracy", description=__doc__)
    parser.add_argument("--movielens", metavar="PATH", help="a MovieLens directory or a Parquet file")
    parser.add_argument("--fits", type=int, default=FITS, help="fits that each model has")
    parser.add_argument("--worlds", default=",".join(WORLDS), help="simulated sets by name, with commas; empty: none")
    given = parser.parse_args(argv)
    chosen = [name for name in given.worlds.split(",") if name]
    parts = [section(*one, given.fits) for one in sets(chosen, given.movielens)]
    return "\n\n".join(parts)


def sets(worlds: Sequence[str], movielens: str | None) -> Iterator[tuple[str, Interactions, Items | None]]:
    """Name, interactions and catalogue of each set."""
    for name in worlds:
        world = simulated(**WORLDS[name], seed=11)
        yield f"{name} (simulated)", world.interactions, world.items
    if movielens:
        yield Path(movielens).name, likes_of(Path(movielens)), None


def likes_of(path: Path) -> Interactions:
    """Ratings of four and more of a MovieLens file, as likes.

    The order of ratings that were given in the same second is that of the item numbers.
    """
    found = pq.read_table(path) if path.is_file() else ratings_of(path)
    names = [name for name in ("rating", "value") if name in found.column_names]
    likes = found.filter(pc.greater_equal(found[names[0]], 4)).drop_columns(names)
    known = Interactions.of(likes)
    if known.times is None:
        return known
    within = np.arange(known.nnz) - np.repeat(known.indptr[:-1], known.of_users)
    return replace(known, times=known.times + within)


def ratings_of(folder: Path) -> pa.Table:
    """The ratings of an unpacked download."""
    from pyarrow import csv

    if (folder / "u.data").is_file():
        names = ["user", "item", "rating", "time"]
        return csv.read_csv(folder / "u.data", csv.ReadOptions(column_names=names), csv.ParseOptions(delimiter="\t"))
    return csv.read_csv(folder / "ratings.csv").rename_columns(["user", "item", "rating", "time"])


def section(name: str, interactions: Interactions, items: Items | None, fits: int) -> str:
    """The table of one set."""
    split = split_of(interactions, "leave_last_out", last=2, test_users=10_000)
    told = [*ours(split, items, fits), *peers(split, fits)]
    return f"### {name}\n\n{about(interactions, split)}\n\n{ranked(told, split)}"


def about(interactions: Interactions, split: Split) -> str:
    return (
        f"{interactions.nnz:,} interactions of {interactions.n_users:,} users and {interactions.n_items:,} items; "
        f"{len(split.held):,} users tested on {len(split.held.indices):,} held-out interactions."
    )


def ours(split: Split, items: Items | None, fits: int) -> Iterator[Told]:
    """Popularity and auto."""
    import time

    begun = time.perf_counter()
    found = evaluate({"popularity": Popular(), "auto": Auto(fits=fits)}, split=split, items=items, k=TOP)
    spent = time.perf_counter() - begun
    yield Told("popularity", found.lists["popularity"], "all of time", 0.0)
    auto = found.models["auto"]
    assert isinstance(auto, Auto)
    yield Told("**Potomac auto**", found.lists["auto"], auto.note.partition(",")[0], spent)


def peers(split: Split, fits: int) -> Iterator[Told]:
    """Each peer's model with the setting that did best in validation."""
    folds = folds_of(split.train, "leave_last_out", seed=0, last=2, test_users=5_000)
    with tempfile.TemporaryDirectory() as folder:
        inner = [_written(fold, Path(folder) / f"fold{at}.npz") for at, fold in enumerate(folds)]
        outer = _written(split, Path(folder) / "test.npz")
        for library, model in GRIDS:
            python = interpreter_of(library)
            if python is None:
                continue
            grid = settings_of(library, model, fits)
            tried = asked(python, library, model, grid, inner, Path(folder))
            scores = [
                np.mean(
                    np.concatenate([value_of(tried[f"lists{at}"][one], fold, TOP) for at, fold in enumerate(folds)])
                )
                for one in range(len(grid))
            ]
            best = grid[int(np.argmax(scores))]
            made = asked(python, library, model, [best], [outer], Path(folder))
            how = ", ".join(f"{key} {value}" for key, value in best.items())
            spent = float(tried["seconds"]) + float(made["seconds"])
            yield Told(f"{library} {model}", made["lists0"][0].astype(np.int32), how, spent)


def _written(split: Split, file: Path) -> Path:
    train = split.train
    np.savez(
        file,
        indptr=train.indptr,
        indices=train.indices,
        items=train.n_items,
        rows=split.histories.rows.astype(np.int32),
    )
    return file


def interpreter_of(library: str) -> str | None:
    """The first interpreter in which the library can be loaded."""
    for python in (sys.executable, *os.environ.get(PEERS, "").split(os.pathsep)):
        module = {"lenskit": "lenskit.data"}.get(library, library)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if python and subprocess.run([python, "-c", f"import {module}"], check=False, **quiet).returncode == 0:  # type: ignore[call-overload]
            return python
    return None


def settings_of(library: str, model: str, fits: int) -> list[dict[str, Any]]:
    """The default first, then others: all of the grid, or as many as there are fits, drawn."""
    grid = GRIDS[library, model]
    every = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if len(every) <= fits:
        return every
    draws = Stream(5, ("benchmarks", library, model)).generator()
    return [every[0], *(every[1 + at] for at in draws.permutation(len(every) - 1)[: fits - 1])]


def asked(
    python: str, library: str, model: str, settings: Sequence[dict[str, Any]], data: Sequence[Path], folder: Path
) -> dict[str, Any]:
    """The lists of a peer's model, from a process of its own.

    Raises:
        RuntimeError: it ended without an answer.
    """
    job, out = folder / "job.json", folder / "out.npz"
    told = {"library": library, "model": model, "settings": settings, "data": [str(file) for file in data], "n": TOP}
    job.write_text(json.dumps({**told, "out": str(out)}), encoding="utf-8")
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    script = Path(__file__).with_name("peers.py")
    done = subprocess.run([python, str(script), str(job)], env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{library} {model} ended with {done.returncode}: {done.stderr[-2000:]}")
    with np.load(out) as found:
        answer = dict(found)
    for fault in json.loads(str(answer["faults"]))[:1]:
        print(f"{library} {model}: {fault}", file=sys.stderr)
    return answer


def ranked(told: Sequence[Told], split: Split) -> str:
    """A row for each model, the best first, with the interval of auto's gain over it."""
    held = split.held.lengths
    hits = [metrics.hits_of(one.lists, split.held) for one in told]
    values = {
        "nDCG@10": np.stack([metrics.ndcg(one, held, 10) for one in hits]),
        "recall@20": np.stack([metrics.recall(one, held, 20) for one in hits]),
    }
    own = next(at for at, one in enumerate(told) if "auto" in one.name)
    rows = []
    for at in sorted(range(len(told)), key=lambda at: -values["nDCG@10"][at].mean()):
        cells = [
            cell
            for per in values.values()
            for cell in (with_interval(per[at]), "" if at == own else with_interval(per[own] - per[at], signed=True))
        ]
        rows.append([told[at].name, *cells, told[at].how, seconds(told[at].seconds)])
    head = ["model", "nDCG@10", "auto's gain", "recall@20", "auto's gain", "chosen", "tuning and fit"]
    return table(head, rows)


def with_interval(values: npt.NDArray[np.float64], *, signed: bool = False) -> str:
    """The mean over people with its 95 % interval by bootstrap."""
    drawn = replicates(
        lambda counts: np.asarray(counts @ values / len(values)), len(values), Stream(0, ("accuracy",)), draws=DRAWS
    )
    low, high = np.quantile(drawn, [0.025, 0.975])
    sign = "+" if signed else ""
    return f"{values.mean():{sign}.4f} ({low:{sign}.4f} to {high:{sign}.4f})"
