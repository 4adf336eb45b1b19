"""Odd positions: Potomac's methods beside scikit-learn's and PyOD's detectors, judged by labels on the same rows.

``python -m benchmarks.outliers.positions [FOLDER]`` reads each ``<area>.parquet`` (mmsi, timestamp, lat, lon, sog, cog,
covariates) with its ``<area>_labels.parquet`` (row, kind) and prints tables in Markdown. Labels judge, they never fit.
Without a folder the simulated strait is measured, with oddities planted in it, and the table says so.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks import markdown
from benchmarks.outliers.data import Area, areas, features, folder_of, without_entities
from potomac.outliers import LocalContrastDetector
from potomac.outliers.positions import Positions

Floats = npt.NDArray[np.float64]
Score = Callable[[Positions, int], Floats]  # positions and seed -> strangeness

LIST = 100
OURS = "Potomac"


def _potomac(*, whole: bool, **arguments: Any) -> Score:
    """Potomac with entity and covariates, or with place, speed, course and time alone."""

    def score(p: Positions, seed: int) -> Floats:
        given = p if whole else without_entities(p)
        return -LocalContrastDetector(seed=seed, **arguments).fit(given).score_samples()

    return score


def _isolation_forest(p: Positions, seed: int) -> Floats:
    X = features(p)
    return np.asarray(-IsolationForest(n_estimators=200, random_state=seed).fit(X).score_samples(X))


def _pyod(name: str, **options: Any) -> Score:
    module = __import__(f"pyod.models.{name.lower()}", fromlist=[name])
    return lambda p, seed: getattr(module, name)(**options).fit(features(p)).decision_scores_


def peers() -> dict[str, Score]:
    """Those peers that are installed; all see the same six features."""
    found: dict[str, Score] = {"Isolation forest, 200 trees": _isolation_forest}
    wanted: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("KNN, 20th neighbour", "KNN", {"n_neighbors": 20}),
        ("KNN, mean of 20", "KNN", {"n_neighbors": 20, "method": "mean"}),
        ("LOF, 20", "LOF", {"n_neighbors": 20}),
        ("HBOS", "HBOS", {}), ("ECOD", "ECOD", {}), ("COPOD", "COPOD", {}),
    )  # fmt: skip
    for label, name, options in wanted:
        try:
            found[label] = _pyod(name, **options)
        except ImportError:
            continue
    return found


def methods(cell_km: float = 50.0) -> dict[str, Score]:
    """Potomac's methods, the default first."""
    logistic: dict[str, Any] = {"method": "logistic", "cell_km": cell_km, "whole": False}
    return {
        f"{OURS}, default": _potomac(whole=True),
        f"{OURS}, without entity and covariates": _potomac(whole=False),
        f"{OURS}, logistic, quadratic": _potomac(terms="quadratic", **logistic),
        f"{OURS}, logistic, linear": _potomac(terms="linear", **logistic),
    }


def judged(strange: Floats, kind: npt.NDArray[np.str_]) -> dict[str, tuple[float, float]]:
    """Area under the ROC curve and average precision against the normal rows: of all that is odd, and by kind."""
    normal = kind == "normal"
    found = {"all": _both(~normal, strange)}
    for name in sorted(set(kind[~normal].tolist())):
        mine = normal | (kind == name)
        found[name] = _both(~normal[mine], strange[mine])
    return found


def _both(odd: npt.NDArray[np.bool_], strange: Floats) -> tuple[float, float]:
    return float(roc_auc_score(odd, strange)), float(average_precision_score(odd, strange))


def precision_at(strange: Floats, odd: npt.NDArray[np.bool_], n: int = LIST) -> float:
    """Share of odd rows among the n strangest."""
    return float(odd[np.argsort(-strange, kind="stable")[:n]].mean())


def measure(area: Area, scores: Mapping[str, Score], seeds: int) -> dict[str, dict[str, Any]]:
    """By method: judgements by kind, precision of the list, seconds; means over the seeds."""
    found = {}
    for name, score in scores.items():
        runs = [_one(area, score, seed) for seed in range(seeds)]
        found[name] = {
            "kinds": {k: np.mean([run[0][k] for run in runs], axis=0) for k in runs[0][0]},
            "list": float(np.mean([run[1] for run in runs])),
            "seconds": float(np.mean([run[2] for run in runs])),
        }
    return found


def _one(area: Area, score: Score, seed: int) -> tuple[dict[str, tuple[float, float]], float, float]:
    begun = time.perf_counter()
    strange = score(area.positions, seed)
    took = time.perf_counter() - begun
    return judged(strange, area.kind), precision_at(strange, area.odd), took


def report(area: Area, found: Mapping[str, Mapping[str, Any]], seeds: int) -> str:
    """The tables of an area."""
    theirs = [name for name in found if not name.startswith(OURS)]
    best = max((float(found[name]["kinds"]["all"][1]) for name in theirs), default=np.nan)
    rows = [
        [
            name, f"{one['kinds']['all'][0]:.3f}", f"{one['kinds']['all'][1]:.3f}",
            markdown.times(one["kinds"]["all"][1] / best), f"{one['list']:.2f}", markdown.seconds(one["seconds"]),
        ]
        for name, one in found.items()
    ]  # fmt: skip
    head = ["method", "area under ROC", "average precision", "of the best peer's", f"precision of {LIST}", "time"]
    kinds = [kind for kind in next(iter(found.values()))["kinds"] if kind != "all"]
    by_kind = [
        [n, *(f"{one['kinds'][k][0]:.3f} / {one['kinds'][k][1]:.3f}" for k in kinds)] for n, one in found.items()
    ]
    counts = [f"{kind} ({(area.kind == kind).sum()})" for kind in kinds]
    return (
        f"{area.about}. Mean of {seeds} seed{'s' * (seeds != 1)}.\n\n{markdown.table(head, rows)}\n\n"
        f"Each kind against the normal rows: area under ROC / average precision.\n\n"
        f"{markdown.table(['method', *counts], by_kind)}\n"
    )


def main(argv: list[str] | None = None) -> str:
    """The benchmark as Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks.outliers.positions", description=__doc__)
    parser.add_argument("folder", nargs="?", help="folder of labelled areas")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each method (default %(default)s)")
    parser.add_argument("--only", default="", help="only methods whose name holds this")
    options = parser.parse_args(argv)
    scores = {name: score for name, score in {**methods(), **peers()}.items() if options.only.lower() in name.lower()}
    found = areas(folder_of(options.folder))
    return "\n".join(report(area, measure(area, scores, options.seeds), options.seeds) for area in found)


if __name__ == "__main__":
    print(main())
