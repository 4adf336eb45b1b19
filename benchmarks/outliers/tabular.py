"""Plain numeric tables: Potomac's ContrastDetector beside isolation forest and PyOD's detectors, on the same rows.

``python -m benchmarks.outliers.tabular [FOLDER]`` reads each ``*.npz`` of the folder (``X`` features, ``y`` 1 for
outliers) and prints a table in Markdown. Labels are used to judge, never to fit. Without a folder, or where it does
not exist, tables are generated here, and the report says so.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from potomac.outliers.tabular import ContrastDetector

Floats = npt.NDArray[np.float64]
Score = Callable[[Floats, int], Floats]  # rows and seed -> strangeness
Table = tuple[str, Floats, npt.NDArray[np.int64]]

_DRAWN = ("Potomac", "Isolation forest")  # differ from seed to seed


def _potomac(X: Floats, seed: int) -> Floats:
    return -ContrastDetector(random_state=seed).fit(X).training_scores_


def _isolation_forest(X: Floats, seed: int) -> Floats:
    return np.asarray(-IsolationForest(n_estimators=200, random_state=seed).fit(X).score_samples(X))


def _pyod(name: str, **options: object) -> Score:
    """A detector of PyOD on standardised columns, as its benchmarks do."""
    module = __import__(f"pyod.models.{name.lower()}", fromlist=[name])
    return lambda X, seed: getattr(module, name)(**options).fit(StandardScaler().fit_transform(X)).decision_scores_


def detectors() -> dict[str, Score]:
    """Potomac and those peers that are installed."""
    found: dict[str, Score] = {"Potomac": _potomac, "Isolation forest": _isolation_forest}
    neighbours = {"n_neighbors": 20}
    for name, options in (("ECOD", {}), ("KNN", neighbours), ("LOF", neighbours), ("HBOS", {}), ("COPOD", {})):
        try:
            found[name] = _pyod(name, **options)
        except ImportError:
            continue
    return found


def stored(folder: Path, rows: int) -> Iterator[Table]:
    """The tables of a folder, each at most ``rows`` rows, drawn at random but the same each time."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as data:
            X, y = data["X"].astype(float), data["y"].astype(np.int64)
        kept = np.random.default_rng(0).permutation(len(X))[:rows]
        yield path.stem, X[kept], y[kept]


def generated() -> Iterator[Table]:
    """Clusters with four kinds of outliers, one kind a table: local, global, dependency, and a few columns off."""
    rng = np.random.default_rng(7)
    n, p, strange = 1500, 8, 45
    centre, mix = 3.0 * rng.normal(size=(4, p)), rng.normal(size=(4, p, 3))
    cluster = rng.integers(0, 4, n)
    X = centre[cluster] + np.einsum("ipk,ik->ip", mix[cluster], rng.normal(size=(n, 3))) + 0.2 * rng.normal(size=(n, p))
    some = rng.integers(0, n, strange)
    off = rng.random((strange, p)) < 0.2
    kinds = {
        "local": centre[cluster[some]] + 2.2 * (X[some] - centre[cluster[some]]),
        "global": rng.uniform(X.min(axis=0), X.max(axis=0), (strange, p)),
        "dependency": rng.permuted(X, axis=0)[:strange],
        "few columns": np.where(off, X[some] + rng.choice([-3.0, 3.0], (strange, p)) * X.std(axis=0), X[some]),
    }
    for kind, odd in kinds.items():
        yield kind, np.concatenate([X, odd]), np.repeat([0, 1], [n, strange])


def measure(tables: Iterator[Table], seeds: int) -> tuple[list[str], list[str], npt.NDArray[np.float64]]:
    """Names of tables and detectors, and (area under ROC, average precision, seconds), shape (tables, detectors, 3)."""
    found, names, results = detectors(), [], []
    for name, X, y in tables:
        names.append(f"{name} ({len(X):,} × {X.shape[1]}, {100 * y.mean():.1f} %)")
        results.append([_one(score, X, y, seeds if kind in _DRAWN else 1) for kind, score in found.items()])
    return names, list(found), np.array(results)


def _one(score: Score, X: Floats, y: npt.NDArray[np.int64], seeds: int) -> Floats:
    runs = []
    for seed in range(seeds):
        start = time.perf_counter()
        strangeness = score(X, seed)
        seconds = time.perf_counter() - start
        runs.append([roc_auc_score(y, strangeness), average_precision_score(y, strangeness), seconds])
    return np.asarray(np.mean(runs, axis=0))


def _markdown(names: list[str], kinds: list[str], results: npt.NDArray[np.float64]) -> str:
    lines = [f"| table (rows × columns, outliers) | {' | '.join(kinds)} |", "|---|" + "---|" * len(kinds)]
    rows = [*zip(names, results, strict=True), ("**mean**", results.mean(axis=0))]
    for name, row in rows:
        cells = [f"{area:.3f} / {precision:.3f}" for area, precision, _ in row]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    seconds = [f"{t:.2g} s" for t in results[:, :, 2].mean(axis=0)]
    lines.append(f"| mean time, fit and score | {' | '.join(seconds)} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> str:
    """The benchmark as Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks.outliers.tabular", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="folder of npz files with X and y")
    parser.add_argument("--rows", type=int, default=4000, help="most rows of a table (default %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="runs of what is drawn at random (default %(default)s)")
    options = parser.parse_args(argv)
    there = options.folder is not None and any(options.folder.glob("*.npz"))
    source = f"Tables of `{options.folder.name}`" if there else "No folder of tables was found: generated tables"
    _potomac(np.random.default_rng(0).normal(size=(200, 3)), 0)  # compile before the clock runs
    table = _markdown(*measure(stored(options.folder, options.rows) if there else generated(), options.seeds))
    return (
        f"{source}, at most {options.rows:,} rows each. Area under the ROC curve / average precision; random methods: "
        f"mean of {options.seeds} seeds. PyOD's detectors on standardised columns, 20 neighbours.\n\n{table}\n"
    )


if __name__ == "__main__":
    print(main())
