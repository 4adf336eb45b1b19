"""Evaluation: every model against popularity, on what was held out, over all items, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress, Quiet
from potomac.errors import DataError, Fault, StudyError, listing
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.parameters import fresh
from potomac.recommend.popular import Popular
from potomac.recommend.recommender import BLOCK, Recommender
from potomac.recommend.testing import metrics
from potomac.recommend.testing.leakage import Leak, leaks
from potomac.recommend.testing.splits import Split, split_of
from potomac.stats.bootstrap import ratio_of, replicates
from potomac.stats.streams import Stream

__all__ = ["ACCURACY", "Evaluation", "evaluate", "lists_of"]

Floats = npt.NDArray[np.float64]
Columns = npt.NDArray[np.int32]

ACCURACY = {
    "ndcg": metrics.ndcg,
    "recall": metrics.recall,
    "precision": metrics.precision,
    "hit_rate": metrics.hit_rate,
    "mrr": metrics.reciprocal_rank,
    "map": metrics.average_precision,
}
"""Metrics of what the lists hold, by name: functions of hits, held-out counts and length of list."""

_KINDS = {"novelty": metrics.novelty, "diversity": metrics.diversity, "popularity": metrics.popularity}
_DRAWS = 2000


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a held-out test told of several models.

    Attributes:
        table: columns method, metric, mean, low and high: bootstrap over people, the same resamples for all;
            low and high are null for what is a number of all lists together (coverage, gini), and for one person.
        gains: columns method, metric, gain, low, high and share: the mean of the differences of each person's figure
            from the baseline's, its interval, and its ratio to the baseline's mean.
        per_user: columns user, method, held (how many were held out), and one for each metric.
        split: what was learnt from and what was held out.
        baseline: name of the method against which gains are.
        confidence: of all intervals, a share.
        k: lengths of list, ascending.
        leaks: ways in which the test knows its answer.
        notes: what a reader must know, in sentences.
        lists: numbers of the items offered, by method, shape (people, the longest of k).
        models: as fitted to the train set, by name.
    """

    table: pa.Table
    gains: pa.Table
    per_user: pa.Table
    split: Split
    baseline: str
    confidence: float
    k: tuple[int, ...]
    leaks: tuple[Leak, ...]
    notes: tuple[str, ...]
    lists: Mapping[str, Columns]
    models: Mapping[str, Recommender]

    def __repr__(self) -> str:
        return f"<Evaluation of {listing(self.models)}: {len(self.split.held):,} people, {self.split.kind}>"

    def mean(self, method: str, metric: str) -> float:
        """A figure of the table."""
        return float(self._row(self.table, method, metric)["mean"])

    def gain(self, method: str, metric: str) -> tuple[float, float, float]:
        """Gain over the baseline and its interval."""
        row = self._row(self.gains, method, metric)
        return row["gain"], row["low"], row["high"]

    def _row(self, table: pa.Table, method: str, metric: str) -> dict[str, Any]:
        for row in table.to_pylist():
            if (row["method"], row["metric"]) == (method, metric):
                return dict(row)
        raise KeyError((method, metric))


def evaluate(
    models: Mapping[str, Recommender] | Iterable[Recommender] | Recommender,
    interactions: Any = None,
    items: Any = None,
    *,
    split: str | Split = "leave_last_out",
    k: int | Sequence[int] = 10,
    last: int = 2,
    share: float | None = None,
    test_users: int | None = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    baseline: str | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Fit every model to the same train set and ask for lists over all items, those known of a person left out.

    Sampled metrics (a list ranked among a hundred drawn items) are never used: they can turn the order of models
    round (Krichene and Rendle 2020).

    Args:
        models: by name, or several, or one; whether they were fitted makes no difference, they are fitted anew.
        interactions: Interactions, or a table as :meth:`Interactions.of` takes it; not needed with a Split.
        items: the catalogue, or None.
        split: leave_last_out, time, strong, or a Split.
        k: length of the lists, or several.
        last: how many are held out of each, in leave_last_out.
        share: that is held out, in time and strong.
        test_users: at most so many people are tested.
        confidence: of the intervals, a share.
        seed: draws people and resamples.
        baseline: name of the model that others are compared with; default the first that is a Popular, and where there
            is none, one is added.
        progress: is told how far it is.

    Raises:
        StudyError: there is no such split or baseline, or an argument is out of range.
        DataError: nobody is left to be tested; or the split gives its answer away.
    """
    lengths = _lengths(k)
    _confidence(confidence)
    catalogue = None if items is None else Items.of(items)
    made = split if isinstance(split, Split) else _made(interactions, catalogue, split, last, share, test_users, seed)
    named, reference = _named(models, baseline)
    found = leaks(made, catalogue)
    _refuse(found)
    told = progress or Quiet()
    fitted: dict[str, Recommender] = {}
    lists: dict[str, Columns] = {}
    for done, (name, model) in enumerate(named.items()):
        told(f"testing {name}", done, len(named))
        fitted[name] = fresh(model).fit(made.train, catalogue, progress=progress)
        lists[name] = lists_of(fitted[name], made, lengths[-1], progress=progress)
    told("testing", len(named), len(named))
    people = {name: _of_people(lists[name], made, lengths) for name in named}
    resampled = _resampled(people, seed)
    alpha = (1 - confidence) / 2
    table = [
        row
        for name in named
        for row in (
            *_means(name, people[name], resampled[name], alpha),
            *_of_lists(name, lists[name], made.train.n_items, lengths),
            *_errors(name, fitted[name], made, alpha, seed),
        )
    ]
    gains = [
        row
        for name in named
        if name != reference
        for row in _gains(name, people[name], people[reference], resampled[name] - resampled[reference], alpha)
    ]
    notes = (*made.notes, *_untested(made), *(f"{leak.sentence}." for leak in found))
    return Evaluation(
        pa.Table.from_pylist(table, _TABLE), pa.Table.from_pylist(gains, _GAINS), _per_user(made, people), made,
        reference, confidence, lengths, found, notes, lists, fitted,
    )  # fmt: skip


def lists_of(model: Recommender, split: Split, n: int, *, progress: Progress | None = None) -> Columns:
    """The ``n`` best items for each test person, what is known of them left out; shape (people, min(n, items)).

    Args:
        model: fitted to the train set of ``split``.
        split: whose people are asked about.
        n: length of the lists.
        progress: is told how far it is.
    """
    step = max(1, BLOCK // max(1, split.train.n_items))
    found = []
    for first in range(0, len(split.held), step):
        if progress:
            progress("ranking", first, len(split.held))
        found.append(model.best(split.histories.part(first, min(first + step, len(split.held))), n)[0])
    return np.concatenate(found)


# ------------------------------------------------------------------------------------------ what is asked for


def _made(
    interactions: Any, items: Items | None, kind: str, last: int, share: float | None, test_users: int | None, seed: int
) -> Split:
    if interactions is None:
        found = "neither interactions nor a Split were given"
        raise StudyError(Fault("recommend.split", found, "expected one of them", key="interactions"))
    known = Interactions.of(interactions, items=None if items is None else items.ids)
    return split_of(known, kind, last=last, share=share, test_users=test_users, seed=seed)


def _named(models: Any, baseline: str | None) -> tuple[dict[str, Recommender], str]:
    """Models by distinct names, and the name of the one that the others are compared with."""
    if isinstance(models, Mapping):
        named = dict(models)
    else:
        named = {}
        for model in [models] if isinstance(models, Recommender) else models:
            same = sum(name.partition(" ")[0] == model.name for name in named)
            named[f"{model.name} {same + 1}" if same else model.name] = model
    if baseline is None:
        baseline = next((name for name, model in named.items() if isinstance(model, Popular)), None)
        if baseline is None:
            baseline = "popular" if "popular" not in named else "popular (baseline)"
            named = {baseline: Popular(), **named}
    elif baseline not in named:
        found = f'no model is called "{baseline}"; there are {listing(named)}'
        raise StudyError(Fault("recommend.baseline", found, "expected one of these", key="baseline"))
    return named, baseline


def _lengths(k: int | Sequence[int]) -> tuple[int, ...]:
    lengths = (k,) if isinstance(k, int) else tuple(sorted(set(k)))
    if not lengths or lengths[0] < 1:
        raise StudyError(Fault("recommend.k", f"k is {k}", "expected lengths of 1 or more", key="k"))
    return lengths


def _confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        found, expected = f"confidence is {confidence}", "expected a share between 0 and 1"
        raise StudyError(Fault("recommend.confidence", found, expected, key="confidence"))


def _refuse(found: Sequence[Leak]) -> None:
    grave = [leak for leak in found if leak.grave]
    if grave:
        mend = "Make the split anew from interactions in which each pair stands once"
        raise DataError(
            [
                Fault("recommend.leak", one.sentence, "a test must not know its answer", mend, key="split")
                for one in grave
            ]
        )


# ------------------------------------------------------------------------------------------ what is told

_FIELDS = [("method", pa.string()), ("metric", pa.string())]
_INTERVAL = [("low", pa.float64()), ("high", pa.float64())]
_TABLE = pa.schema([*_FIELDS, ("mean", pa.float64()), *_INTERVAL])
_GAINS = pa.schema([*_FIELDS, ("gain", pa.float64()), *_INTERVAL, ("share", pa.float64())])


def _of_people(lists: Columns, split: Split, lengths: Sequence[int]) -> dict[str, Floats]:
    """Figures of each person by metric, shape (k,) each."""
    hits, held = metrics.hits_of(lists, split.held), split.held.lengths
    found = {f"{name}@{n}": metric(hits, held, n) for n in lengths for name, metric in ACCURACY.items()}
    return found | {
        f"{name}@{n}": metric(lists[:, :n], split.train) for n in lengths for name, metric in _KINDS.items()
    }


def _resampled(people: Mapping[str, Mapping[str, Floats]], seed: int) -> dict[str, Floats]:
    """Means of each method's metrics in resamples of the people, the same for all; shape (draws, metrics) each."""
    values = np.stack([metric for found in people.values() for metric in found.values()], axis=1)
    there = np.isfinite(values)
    filled, known = np.where(there, values, 0.0), there.astype(float)

    def means(counts: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((counts @ filled) / (counts @ known))

    drawn = replicates(means, len(values), Stream(seed, ("recommend", "evaluate")), draws=_DRAWS)
    return dict(zip(people, np.split(drawn, len(people), axis=1), strict=True))


def _means(name: str, found: Mapping[str, Floats], drawn: Floats, alpha: float) -> list[dict[str, Any]]:
    return [
        {"method": name, "metric": metric, "mean": _mean(values), **_interval(drawn[:, at], len(values), alpha)}
        for at, (metric, values) in enumerate(found.items())
    ]


def _gains(
    name: str, found: Mapping[str, Floats], base: Mapping[str, Floats], drawn: Floats, alpha: float
) -> list[dict[str, Any]]:
    rows = []
    for at, metric in enumerate(found):
        if metric.partition("@")[0] not in ACCURACY:
            continue
        gain, reference = float((found[metric] - base[metric]).mean()), float(base[metric].mean())
        interval = _interval(drawn[:, at], len(base[metric]), alpha)
        share = gain / reference if reference else None
        rows.append({"method": name, "metric": metric, "gain": gain, **interval, "share": share})
    return rows


def _of_lists(name: str, lists: Columns, items: int, lengths: Sequence[int]) -> list[dict[str, Any]]:
    whole = {"coverage": metrics.coverage, "gini": metrics.gini}
    return [
        {"method": name, "metric": f"{word}@{n}", "mean": metric(lists[:, :n], items)}
        for n in lengths
        for word, metric in whole.items()
    ]


def _errors(name: str, model: Recommender, split: Split, alpha: float, seed: int) -> list[dict[str, Any]]:
    """RMSE and MAE of a method that foretells ratings, on the held-out ones; nothing of others."""
    if not (split.train.rated and hasattr(model, "predict")):
        return []
    off = _residuals(model, split)
    person = np.repeat(np.arange(len(split.held)), split.held.lengths)
    use = np.isfinite(off)  # an item that nobody rated has no rating foretold
    count, squares, sizes = (
        np.bincount(person[use], weight, minlength=len(split.held)) for weight in (None, off[use] ** 2, abs(off[use]))
    )
    stream = Stream(seed, ("recommend", "evaluate"))
    rows = []
    for metric, total, power in (("rmse", squares, 0.5), ("mae", sizes, 1.0)):
        drawn = replicates(ratio_of(total, count), len(count), stream, draws=_DRAWS) ** power
        mean = float((total.sum() / count.sum()) ** power) if count.any() else None
        rows.append({"method": name, "metric": metric, "mean": mean, **_interval(drawn, len(count), alpha)})
    return rows


def _residuals(model: Recommender, split: Split) -> Floats:
    """Rating foretold, within the scale of the ratings learnt from, less rating given, for each held-out entry."""
    scale = float(split.train.values.min()), float(split.train.values.max())
    step = max(1, BLOCK // max(1, split.train.n_items))
    found = []
    for first in range(0, len(split.held), step):
        part = slice(first, min(first + step, len(split.held)))
        known, held = (one.part(part.start, part.stop) for one in (split.histories, split.held))
        row = np.repeat(np.arange(len(held)), held.lengths)
        scores = model.scores(known)[row, held.indices].astype(float)
        found.append(np.where(np.isfinite(scores), scores.clip(*scale), np.nan) - held.values)
    return np.concatenate(found)


def _mean(values: Floats) -> float | None:
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else None


def _interval(drawn: Floats, people: int, alpha: float) -> dict[str, float | None]:
    """Percentile interval of the resamples; null where there is none."""
    there = drawn[np.isfinite(drawn)]
    if people < 2 or not len(there):
        return {"low": None, "high": None}
    low, high = np.quantile(there, [alpha, 1 - alpha], method="weibull")
    return {"low": float(low), "high": float(high)}


def _per_user(split: Split, people: Mapping[str, Mapping[str, Floats]]) -> pa.Table:
    held = pa.array(split.held.lengths)
    parts = [
        pa.table(
            {
                "user": split.users,
                "method": pa.array([name] * len(held), pa.string()),
                "held": held,
                **{metric: pa.array(values, from_pandas=True) for metric, values in found.items()},
            }
        )
        for name, found in people.items()
    ]
    return pa.concat_tables(parts)


def _untested(split: Split) -> Iterable[str]:
    return (f"Not tested: {count:,} {reason}." for reason, count in split.untested.items())
