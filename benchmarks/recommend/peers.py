"""Peers' recommenders by one interface: run by an interpreter that has them, which need not have Potomac.

``python peers.py JOB`` reads JOB (JSON): ``library``, ``model``, ``settings`` (a list of keyword arguments), ``data``
(a list of .npz files: indptr, indices and items of the train set, and rows of the people who are asked about), ``n``
and ``out``. For each file of data and each of the settings it writes lists of item numbers, -1 where a list ends early,
shape (settings, people, n), and what is wrong where a model fails.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

Matrix = Any
Lists = Any


def main(job: str) -> None:
    """Do one job."""
    told = json.loads(Path(job).read_text(encoding="utf-8"))
    answer = MODELS[told["library"]]
    found: dict[str, Any] = {}
    begun, faults = time.perf_counter(), []
    for at, file in enumerate(told["data"]):
        with np.load(file) as data:
            shape = (len(data["indptr"]) - 1, int(data["items"]))
            ones = np.ones(len(data["indices"]), np.float32)
            X, rows = csr_matrix((ones, data["indices"], data["indptr"]), shape), data["rows"]
        for setting in told["settings"]:
            try:
                lists = answer(told["model"], setting, X, rows, told["n"])
            except Exception as error:  # a peer may not like a setting; the others go on
                faults.append(f"{setting}: {type(error).__name__}: {error}")
                lists = np.full((len(rows), told["n"]), -1)
            found.setdefault(f"lists{at}", []).append(lists)
    seconds = time.perf_counter() - begun
    arrays: dict[str, Any] = {name: np.stack(lists) for name, lists in found.items()}
    np.savez(told["out"], seconds=seconds, faults=json.dumps(faults), **arrays)


def of_implicit(model: str, setting: dict[str, Any], X: Matrix, rows: Any, n: int) -> Lists:
    """ALS, BPR and neighbours of implicit."""
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender

    kinds: dict[str, Callable[..., Any]] = {
        "ALS": AlternatingLeastSquares, "BPR": BayesianPersonalizedRanking, "BM25": BM25Recommender,
        "cosine": CosineRecommender, "TF-IDF": TFIDFRecommender,
    }  # fmt: skip
    extra = {"random_state": 0} if model in ("ALS", "BPR") else {}
    fitted = kinds[model](**setting, **extra)
    fitted.fit(X, show_progress=False)
    ids, _ = fitted.recommend(rows, X[rows], N=n, filter_already_liked_items=True)
    return _padded(ids, n)


def of_rectools(model: str, setting: dict[str, Any], X: Matrix, rows: Any, n: int) -> Lists:
    """EASE of RecTools."""
    import pandas as pd
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.models import EASEModel

    user, item = X.nonzero()
    table = pd.DataFrame({Columns.User: user, Columns.Item: item, Columns.Weight: 1.0})
    table[Columns.Datetime] = pd.Timestamp("2026-01-01")
    dataset = Dataset.construct(table)
    offered = EASEModel(**setting, recommend_use_gpu_ranking=False).fit(dataset)
    found = offered.recommend(rows, dataset, k=n, filter_viewed=True)
    place = {user: at for at, user in enumerate(rows.tolist())}
    lists = np.full((len(rows), n), -1)
    at = found[Columns.User].map(place).to_numpy()
    lists[at, found[Columns.Rank].to_numpy() - 1] = found[Columns.Item].to_numpy()
    return lists


def of_lenskit(model: str, setting: dict[str, Any], X: Matrix, rows: Any, n: int) -> Lists:
    """Neighbours, ALS and EASE of LensKit."""
    import pandas as pd
    from lenskit.als import ImplicitMFScorer
    from lenskit.batch import recommend
    from lenskit.data import from_interactions_df
    from lenskit.knn import EASEScorer, ItemKNNScorer
    from lenskit.pipeline import topn_pipeline

    kinds = {"ItemKNN": ItemKNNScorer, "ALS": ImplicitMFScorer, "EASE": EASEScorer}
    extra = {"feedback": "implicit"} if model == "ItemKNN" else {}
    user, item = X.nonzero()
    data = from_interactions_df(pd.DataFrame({"user_id": user, "item_id": item}))
    line = topn_pipeline(kinds[model](**setting, **extra), n=n)
    line.train(data)
    found = {key.user_id: offered.ids() for key, offered in recommend(line, rows.tolist(), n, n_jobs=1)}
    return np.stack([_padded(np.asarray(found.get(user, []), int)[None, :], n)[0] for user in rows.tolist()])


def _padded(ids: Any, n: int) -> Lists:
    lists = np.full((len(ids), n), -1)
    lists[:, : ids.shape[1]] = ids[:, :n]
    return lists


MODELS: dict[str, Callable[..., Lists]] = {"implicit": of_implicit, "rectools": of_rectools, "lenskit": of_lenskit}

if __name__ == "__main__":
    main(sys.argv[1])
