"""Ratings: error on held-out ones and time to fit, beside Surprise's SVD with its defaults and tuned.

``python -m benchmarks recommend.ratings [--ratings N ...] [--movielens PATH]``. Ratings are simulated, with long
tails on both sides, biases, four factors and noise, rounded to half stars; or those of a MovieLens download. A fifth
is held out at random. SVD is tuned by a twentieth of the train set among the settings below; Potomac is not tuned.
Times are those of the fit alone, each in a process of its own. Surprise runs in an interpreter that has it: this one,
or one that ``POTOMAC_BENCH_PEERS`` names.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import markdown
from benchmarks.child import measured
from benchmarks.machine import load
from benchmarks.recommend.accuracy import interpreter_of, ratings_of
from benchmarks.recommend.items import asked
from benchmarks.recommend.shape import simulated
from potomac.recommend import Factors, Interactions

HERE = "benchmarks.recommend.ratings"
HELD, VALIDATION = 0.2, 0.05

TUNED: tuple[dict[str, Any], ...] = (
    {},
    {"n_factors": 20, "n_epochs": 30, "lr_all": 0.01, "reg_all": 0.05},
    {"n_factors": 20, "n_epochs": 60, "lr_all": 0.01, "reg_all": 0.1},
    {"n_factors": 50, "n_epochs": 40, "lr_all": 0.01, "reg_all": 0.07},
    {"n_factors": 100, "n_epochs": 30, "lr_all": 0.01, "reg_all": 0.05},
    {"n_factors": 100, "n_epochs": 50, "lr_all": 0.01, "reg_all": 0.1},
)
"""Settings of SVD that are tried, its defaults first."""

Doubles = npt.NDArray[np.float64]
Data = dict[str, npt.NDArray[Any]]


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks recommend.ratings", description=__doc__)
    parser.add_argument("--ratings", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--movielens", metavar="PATH", help="a MovieLens directory or a Parquet file")
    given = parser.parse_args(argv)
    sets = [drawn(count) for count in given.ratings]
    if given.movielens:
        sets.append(downloaded(Path(given.movielens)))
    with tempfile.TemporaryDirectory() as folder:
        return "\n\n".join(section(data, Path(folder)) for data in sets)


def drawn(count: int, seed: int = 1) -> Data:
    """Simulated ratings of an average of 100 a user: users, items, values."""
    rng = np.random.default_rng(seed)
    users, items = count // 100, max(500, int(count**0.55))
    indptr, item = simulated(count, users, items, seed=seed)
    user = np.repeat(np.arange(users), np.diff(indptr))
    b_u, b_i = rng.normal(0, 0.4, users), rng.normal(0, 0.5, items)
    p, q = rng.normal(0, 1, (users, 4)), rng.normal(0, 1, (items, 4)) * [0.3, 0.2, 0.2, 0.1]
    value = 3.5 + b_u[user] + b_i[item] + (p[user] * q[item]).sum(1) + rng.normal(0, 0.8, len(user))
    return {"users": user, "items": item, "values": (value * 2).round().clip(1, 10) / 2}


def downloaded(path: Path) -> Data:
    """Ratings of a download: a directory or a Parquet file."""
    import pyarrow.parquet as pq

    known = Interactions.of(pq.read_table(path) if path.is_file() else ratings_of(path))
    user = np.repeat(np.arange(known.n_users), known.of_users)
    return {"users": user, "items": known.indices, "values": known.values.astype(float)}


def parted(data: Data, share: float, seed: int) -> Data:
    """The same with a share held out at random: users, items, values, and held_ beside them."""
    held = np.random.default_rng(seed).random(len(data["users"])) < share
    kept = {name: column[~held] for name, column in data.items()}
    return {**kept, **{f"held_{name}": column[held] for name, column in data.items()}}


def section(data: Data, folder: Path) -> str:
    """The table of one set."""
    split = parted(data, HELD, 2)
    file = folder / "ratings.npz"
    _written(file, split)
    own = measured(f"{HERE}:ours", data=str(file)).value
    held = split["held_values"]
    rows = [["**Potomac Factors**", "none", f"{own['rmse']:.4f}", markdown.seconds(own["seconds"]), ""]]
    python = interpreter_of("surprise")
    if python is not None:
        best = tuned(python, split, folder)
        for name, setting in (("Surprise SVD", {}), ("Surprise SVD, tuned", best)):
            found = asked(python, "surprise", "SVD", setting, file, folder)
            told = ", ".join(f"{key} {value}" for key, value in setting.items()) or "defaults"
            ratio = markdown.times(float(found["seconds"]) / own["seconds"])
            error = f"{rmse(found['predicted'], held):.4f}"
            rows.append([name, told, error, markdown.seconds(float(found["seconds"])), ratio])
    mean = f"{rmse(split['values'].mean(), held):.4f}"
    rows.append(["the mean", "", mean, "", ""])
    about = (
        f"{len(data['users']):,} ratings of {len(np.unique(data['users'])):,} users and "
        f"{len(np.unique(data['items'])):,} items, {len(held):,} held out"
    )
    head = ["model", "settings", "RMSE", "fit", "Potomac is faster by"]
    return f"{about}; load average at the end {load()}.\n\n{markdown.table(head, rows)}"


def tuned(python: str, split: Data, folder: Path) -> dict[str, Any]:
    """The setting of SVD that does best on a part of the train set."""
    inner = parted({name: split[name] for name in ("users", "items", "values")}, VALIDATION, 3)
    file = folder / "inner.npz"
    _written(file, inner)
    errors = [
        rmse(asked(python, "surprise", "SVD", setting, file, folder)["predicted"], inner["held_values"])
        for setting in TUNED
    ]
    return TUNED[int(np.argmin(errors))]


def ours(data: str) -> dict[str, float]:
    """Seconds of a fit with the defaults, and its error on what is held out."""
    with np.load(data) as found:
        known = Interactions.of({"user": found["users"], "item": found["items"], "value": found["values"]})
        held = {"user": found["held_users"], "item": found["held_items"], "value": found["held_values"]}
    Factors().fit(known.take_users(np.arange(20)))  # compiled loops are read from disk
    begun = time.perf_counter()
    fitted = Factors().fit(known)
    spent = time.perf_counter() - begun
    return {"seconds": spent, "rmse": fitted.rmse(held)}


def rmse(predicted: Any, held: Doubles) -> float:
    return float(np.sqrt(np.mean((np.asarray(predicted) - held) ** 2)))


def _written(file: Path, data: Data) -> None:
    columns: dict[str, Any] = dict(data)
    np.savez(file, **columns)
