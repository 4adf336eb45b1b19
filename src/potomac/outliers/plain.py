"""A plain numeric table -> the result: scores, the list with reasons."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Fact, Progress, Result, Show
from potomac.errors import DataError, Fault
from potomac.outliers.detectors import FEWEST, free_name, odd_probability, ranks
from potomac.outliers.draws import smallest
from potomac.outliers.summary import Settings, histogram
from potomac.outliers.tabular import ContrastDetector
from potomac.stats.streams import Stream
from potomac.tables import Table

__all__ = ["answer"]

Floats = npt.NDArray[np.float64]


def answer(table: Table, settings: Settings, stream: Stream, progress: Progress) -> Result:
    """Rank the rows of a plain numeric table.

    Raises:
        DataError: there are too few rows, or no column varies.
    """
    names = settings.features
    progress("reading rows", 0)
    columns = table.to_numpy(["row", *names, *(n for n in ("entity", "time") if n in table.schema.names)])
    X = np.stack([columns[name] for name in names], axis=1)
    _check(X)
    detector = ContrastDetector(
        method=settings.method, folds=settings.folds or 3, random_state=stream.child("plain").seed32()
    )
    progress("fitting contrasts", 0, 1)
    chosen = smallest(columns["row"], stream.child("sample"), settings.sample)
    detector.fit(X[chosen])
    progress("scoring rows", 0, len(X))
    evidence = {f"odds_{part}": odds for part, odds in detector.evidence(X).items()}
    log_odds = np.sum(list(evidence.values()), axis=0)
    rank = ranks(-log_odds)
    scores: dict[str, Any] = {
        "row": columns["row"],
        **{name: table_column(columns[name]) for name in ("entity", "time") if name in columns},
        "log_odds": log_odds,
        "outlier_score": -log_odds,
        "rank": rank,
        **evidence,
    }
    if settings.prevalence is not None:
        scores["probability"] = odd_probability(log_odds, settings.prevalence)
    for j, name in enumerate(names):
        scores[free_name(name, {*scores, "why"})] = X[:, j]
    shown = tuple(scores)[-len(names) :]
    whole = pa.table(scores)
    order = np.argsort(rank, kind="stable")[: settings.top]
    top = whole.take(pa.array(order)).append_column("why", pa.array(_why(X, order, names)))
    return _result(whole, top, histogram(log_odds, None), shown, settings)


def table_column(values: npt.NDArray[Any]) -> pa.Array:
    """A column as it came."""
    return pa.array(values, from_pandas=True)


def _check(X: Floats) -> None:
    if len(X) < FEWEST:
        found = f"there {'is 1 usable row' if len(X) == 1 else f'are {len(X)} usable rows'}"
        raise DataError(
            Fault("outliers.too-few", found, f"expected at least {FEWEST}", "Give more rows", key="data.source")
        )
    if (np.ptp(X, axis=0) == 0).all():
        found = "no feature varies: all rows are alike"
        raise DataError(Fault("outliers.one-point", found, "expected rows that differ", "", key="data.features"))


def _why(X: Floats, order: npt.NDArray[np.int64], names: tuple[str, ...]) -> list[str]:
    """For each row of the list the columns in which it lies farthest out, by rank among all."""
    n = len(X)
    ordered = np.sort(X, axis=0)
    share = np.stack([np.searchsorted(ordered[:, j], X[order, j], side="right") / n for j in range(len(names))], axis=1)
    below = np.stack([np.searchsorted(ordered[:, j], X[order, j], side="left") / n for j in range(len(names))], axis=1)
    outer = np.minimum(share, 1.0 - below)
    said = []
    for i in range(len(order)):  # the list that people read, never all rows
        far = [j for j in np.argsort(outer[i], kind="stable")[:3] if outer[i, j] <= 0.025]
        words = [
            f"{names[j]} is {X[order[i], j]:.4g}, {'less' if share[i, j] < 0.5 else 'more'} than "
            f"{100 * (1 - outer[i, j]):.3g} % of rows"
            for j in far
        ]
        said.append(("; ".join(words) or "No single column is far out; their combination is rare") + ".")
    return said


def _result(scores: pa.Table, top: pa.Table, bins: pa.Table, names: tuple[str, ...], settings: Settings) -> Result:
    first = top.slice(0, 1).to_pylist()[0]
    who = first.get("entity") or f"row {first['row']:,}"
    facts = (
        Fact("records", scores.num_rows, "Rows that were scored.", key=True, label="rows scored"),
        Fact("features", len(names), "Columns that they were judged by.", key=True),
        Fact(
            "strangest_score",
            first["outlier_score"],
            "Outlier score of the strangest row.",
            key=True,
            label="highest score",
        ),
    )
    columns = tuple(
        c for c in ("rank", "row", "entity", "time", "outlier_score", *names[:8], "why") if c in top.column_names
    )
    return Result(
        answer=f"The strangest of {scores.num_rows:,} rows is {who}: {first['why']}",
        facts=facts,
        tables={"scores": scores, "top": top},
        notes=(
            "Odd means rare here. The level of the log odds is the design's: it ranks, and is a probability only with "
            "a prevalence.",
        ),
        method=(_METHOD[settings.method],),
        sources=(
            "Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed. (2009), 14.2.4.",
            "Steinwart, Hush and Scovel, A classification framework for anomaly detection, JMLR 6 (2005).",
        ),
        show=(Show("top", "The strangest rows", columns, rows=100, caption="Higher scores are stranger."),),
        model={"histogram": bins},
    )


_METHOD = {
    "contrast": "Real rows were told from simulated ones by two contrasts: whether anything like a row exists, at any "
    "distance, and whether its columns go together. The log odds of being real are added; no row was scored by a "
    "model that saw it.",
    "logistic": "One logistic regression with squares and products told real rows from rows simulated evenly over the "
    "table's box.",
}
