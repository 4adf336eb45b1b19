"""Leaks: ways in which a test knows its own answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.recommend.matrix.ids import rows_of
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.testing.splits import Split

__all__ = ["Leak", "leaks"]

Floats = npt.NDArray[np.float64]

_KNOWS = 0.5  # partial rank correlation at which a feature is said to know the test
_ERRORS = 4.0  # and standard errors that it must lie above 0


@dataclass(frozen=True)
class Leak:
    """A way in which the test knows its answer.

    Attributes:
        what: a word for it: "seen", "future" or "feature".
        count: pairs, people or items that are touched.
        sentence: what was found and what it means.
        grave: whether figures from this test mean nothing at all.
    """

    what: str
    count: int
    sentence: str
    grave: bool


def leaks(split: Split, items: Items | None = None) -> tuple[Leak, ...]:
    """What is wrong with a split, and with the features that models would use in it.

    Held-out pairs that are known (grave); test people who are learnt from although they are to be new (grave);
    interactions learnt from that come later than those held out (grave where the split is by time, else to be
    known); a feature that tells more of the held-out interactions than those learnt from do: of numbers, how much
    its ranks agree with counts or mean values over everything, where those of the train set agree as well
    (partial correlation).
    """
    found = [*_seen(split), *_future(split)]
    return (*found, *(_features(split, items) if items is not None else ()))


def _seen(split: Split) -> Iterator[Leak]:
    both = _pairs(split.histories, split.train.n_items)
    twice = int(np.isin(_pairs(split.held, split.train.n_items), both).sum())
    if twice:
        yield Leak("seen", twice, f"{twice:,} pairs of user and item are both known and held out", True)
    rows = rows_of(split.train.users, split.users)
    learnt = rows >= 0
    if split.kind == "strong" and learnt.any():
        count = int(learnt.sum())
        yield Leak("seen", count, f"{count:,} people who are to be new are among those who are learnt from", True)
        return
    trained = split.train.histories(rows)
    taught = int(np.isin(_pairs(split.held, split.train.n_items), _pairs(trained, split.train.n_items)).sum())
    if taught and not twice:
        yield Leak("seen", taught, f"{taught:,} held-out pairs of user and item are learnt from", True)


def _pairs(people: Histories, items: int) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(len(people)), people.lengths) * items + people.indices


def _future(split: Split) -> Iterator[Leak]:
    learnt, held = split.train.times, split.held.times
    if learnt is None or held is None or not len(learnt) or not len(held) or split.kind == "strong":
        return
    later = int((learnt > held.min()).sum())
    if not later:
        return
    said = f"{later:,} of {len(learnt):,} interactions that are learnt from come later than the first that is held out"
    if split.kind == "time":
        yield Leak("future", later, f"{said}: the cut does not hold", True)
    else:
        yield Leak("future", later, f"{said}: models see what others chose later; only a split by time does not", False)


def _features(split: Split, items: Items) -> Iterator[Leak]:
    known = items.aligned(split.train.items)
    totals = _totals(split)
    for name in known.features.column_names:
        column = known.features.column(name).combine_chunks()
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            continue
        there = np.asarray(pc.is_valid(column).to_numpy(zero_copy_only=False))
        x = np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False), float)
        for told, (whole, train) in totals.items():
            use = there & np.isfinite(x) & np.isfinite(whole) & np.isfinite(train)
            r = partial_correlation(x[use], whole[use], train[use])
            if abs(r) > max(_KNOWS, _ERRORS / np.sqrt(max(int(use.sum()), 1))):
                said = f'The feature "{name}" knows the {told} of the items with the held-out ones in it'
                yield Leak("feature", int(use.sum()), f"{said} (partial rank correlation {r:.2f})", False)
                break


def _totals(split: Split) -> dict[str, tuple[Floats, Floats]]:
    """What a feature could have been counted from: over everything, and over the train set alone; shape (n,) each."""
    n = split.train.n_items
    count, value = _counts(split.train, n)
    if split.kind == "strong":
        count, value = (a + b for a, b in zip((count, value), _counts(split.histories, n), strict=True))
    held, worth = _counts(split.held, n)
    found = {"number of interactions": (count + held, count)}
    if split.train.rated:
        found["mean value"] = (_ratio(value + worth, count + held), _ratio(value, count))
    return found


def _counts(entries: Histories | Interactions, n: int) -> tuple[Floats, Floats]:
    """Number and sum of the values of each item's entries, shape (n,) each."""
    number, total = (np.bincount(entries.indices, by, minlength=n) for by in (None, entries.values))
    return number.astype(float), total.astype(float)


def _ratio(total: Floats, count: Floats) -> Floats:
    return np.asarray(np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0))


def partial_correlation(x: Floats, y: Floats, given: Floats) -> float:
    """Rank correlation of x and y among equals in ``given`` (Kendall 1942); 0 where nothing is left to vary.

    r = (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2)), each r Spearman's.
    """
    from scipy.stats import rankdata

    if len(x) < 3:
        return 0.0
    X, Y, Z = (rankdata(one) - (len(one) + 1) / 2 for one in (x, y, given))
    norms = [float(np.sqrt(one @ one)) for one in (X, Y, Z)]
    if not all(norms):
        return 0.0
    X, Y, Z = (one / norm for one, norm in zip((X, Y, Z), norms, strict=True))
    xz, yz = float(X @ Z), float(Y @ Z)
    left = (1 - xz**2) * (1 - yz**2)
    return float((X @ Y - xz * yz) / np.sqrt(left)) if left > 1e-12 else 0.0
