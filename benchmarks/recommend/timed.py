"""One fit of a peer's model, timed: run by an interpreter that has the peer, which need not have Potomac.

``python timed.py JOB`` reads JOB (JSON): ``library``, ``model``, ``setting`` (keyword arguments), ``data`` (an .npz
file of users, items, values and, for ratings, held-out ones) and ``out``, to which it writes seconds, memory and
answers. Only the fit is timed; that data are brought into the peer's own form is not.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

Data = dict[str, Any]
Answer = dict[str, Any]

CORNER = 200
"""Weights of so many items are handed back."""


def main(job: str) -> None:
    """Do one job."""
    told = json.loads(Path(job).read_text(encoding="utf-8"))
    with np.load(told["data"]) as found:
        data = dict(found)
    answer = MODELS[told["library"]](told["model"], told["setting"], data)
    np.savez(told["out"], peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, **answer)


def timed(fit: Callable[[], object]) -> float:
    begun = time.perf_counter()
    fit()
    return time.perf_counter() - begun


def of_implicit(model: str, setting: Data, data: Data) -> Answer:
    """Neighbours of implicit, after a small fit."""
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
    from scipy.sparse import csr_matrix

    X = csr_matrix((data["values"].astype(np.float64), (data["users"], data["items"])))
    kind = {"BM25": BM25Recommender, "cosine": CosineRecommender}[model]
    kind(**setting).fit(X[:50], show_progress=False)
    return {"seconds": timed(lambda: kind(**setting).fit(X, show_progress=False))}


def of_rectools(model: str, setting: Data, data: Data) -> Answer:
    """EASE of RecTools."""
    import pandas as pd
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.models import EASEModel

    table = pd.DataFrame({Columns.User: data["users"], Columns.Item: data["items"], Columns.Weight: data["values"]})
    table[Columns.Datetime] = pd.Timestamp("2026-01-01")
    fitted, dataset = EASEModel(**setting), Dataset.construct(table)
    spent = timed(lambda: fitted.fit(dataset))
    place = dataset.item_id_map.convert_to_internal(np.arange(CORNER))
    return {"seconds": spent, "corner": fitted.weight[np.ix_(place, place)]}


def of_lenskit(model: str, setting: Data, data: Data) -> Answer:
    """Neighbours and EASE of LensKit."""
    import pandas as pd
    from lenskit.data import from_interactions_df
    from lenskit.knn import EASEScorer, ItemKNNScorer

    dataset = from_interactions_df(pd.DataFrame({"user_id": data["users"], "item_id": data["items"]}))
    fitted = EASEScorer(**setting) if model == "EASE" else ItemKNNScorer(feedback="implicit", **setting)
    spent = timed(lambda: fitted.train(dataset))
    if model != "EASE":
        return {"seconds": spent}
    place = fitted.items.numbers(np.arange(CORNER))
    return {"seconds": spent, "corner": np.asarray(fitted.weights)[np.ix_(place, place)]}


def of_surprise(model: str, setting: Data, data: Data) -> Answer:
    """SVD of Surprise, and what it predicts for the ratings that are held out."""
    import pandas as pd

    surprise = import_module("surprise")
    table = pd.DataFrame({name: data[name] for name in ("users", "items", "values")})
    reader = surprise.Reader(rating_scale=(float(data["values"].min()), float(data["values"].max())))
    train = surprise.Dataset.load_from_df(table, reader).build_full_trainset()
    fitted = surprise.SVD(random_state=0, **setting)
    spent = timed(lambda: fitted.fit(train))
    held = zip(data["held_users"].tolist(), data["held_items"].tolist(), strict=True)
    return {"seconds": spent, "predicted": np.array([fitted.predict(user, item).est for user, item in held])}


MODELS: dict[str, Callable[[str, Data, Data], Answer]] = {
    "implicit": of_implicit, "rectools": of_rectools, "lenskit": of_lenskit, "surprise": of_surprise,
}  # fmt: skip

if __name__ == "__main__":
    main(sys.argv[1])
