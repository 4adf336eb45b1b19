"""Evidence over the track of an entity: how strange is it, given how many records it has?

The strangest of a thousand records is strange by chance. Let p be the share of all rows that are at least as strange
as the strangest of an entity, and M the number of its records that tell something new. If the entity were like all
others, a record as strange would be among them with probability 1 - (1 - p)^M (Sidak 1967).

Successive records resemble each other, so M is smaller than their number n. With the correlation rho of neighbours
and that of the k-th neighbours rho^k, M is the square of the mean square root of the eigenvalues of the correlation
matrix (Galwey 2009), which for long tracks is, with the complete elliptic integral K of modulus rho,

    M / n = (1 - rho^2) (2 / pi K(rho))^2.

In simulated tracks of 10 to 1,000 records with rho up to 0.98, p-values below 0.05 came in 3 to 10 of 100 cases.

Sources:
    Sidak (1967), Rectangular confidence regions for the means of multivariate normal distributions, JASA 62.
    Galwey (2009), A new measure of the effective number of tests, Genetic Epidemiology 33(7).
    Benjamini and Hochberg (1995), Controlling the false discovery rate, JRSS B 57(1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.stats.intervals import proportion_interval

__all__ = [
    "EntitySums", "benjamini_hochberg", "effective_share", "entity_sums", "entity_table", "shares", "sidak", "summed",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_PRIOR_PAIRS = 20.0
"""The correlation of an entity's own records is drawn towards that of all, as if it rested on so many pairs more."""


def shares(score: npt.ArrayLike) -> Floats:
    """Share of all rows that are at least as strange as each row, in (0, 1], shape (n,); higher scores are stranger."""
    values = np.asarray(score, np.float64)
    below = np.searchsorted(np.sort(values), values, side="left")
    return np.asarray((len(values) - below) / max(len(values), 1))


def sidak(p: npt.ArrayLike, tests: npt.ArrayLike) -> Floats:
    """Probability 1 - (1 - p)^M that the smallest of M independent p-values is at most ``p``."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(np.asarray(tests, np.float64) * np.log1p(-np.asarray(p, np.float64))))


def effective_share(correlation: npt.ArrayLike) -> Floats:
    """Share M / n of a long track's records that tell something new (see above); ``correlation`` in [0, 1)."""
    from scipy.special import ellipk

    rho2 = np.asarray(correlation, np.float64) ** 2
    return np.asarray((1.0 - rho2) * (2.0 / np.pi * ellipk(rho2)) ** 2)


def benjamini_hochberg(p: npt.ArrayLike) -> Floats:
    """Smallest false discovery rate at which each hypothesis is rejected, shape (m,).

    Raises:
        ValueError: a p-value is not between 0 and 1.
    """
    values = np.asarray(p, np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("p-values lie between 0 and 1")
    order = np.argsort(-values, kind="stable")
    stepped = values[order] * len(values) / np.arange(len(values), 0, -1)
    q = np.empty(len(values))
    q[order] = np.minimum.accumulate(stepped)
    return np.minimum(q, 1.0)


@dataclass(frozen=True)
class EntitySums:
    """What is summed over the records of each of k entities; parts of a table that hold whole entities follow on.

    Attributes:
        names: of the entities.
        records: how many each has, shape (k,).
        first: index of the strangest one among the rows that were summed, shape (k,).
        row: row of the source of the strangest one, shape (k,).
        share: share of all rows that are at least as strange as that one, shape (k,).
        products, squares: of neighbours' normal scores, summed, shape (k,).
        hits: how many are flagged, shape (k,).
        evidence: mean score of the worst, shape (k,).
    """

    names: tuple[str, ...]
    records: Ints
    first: Ints
    row: Ints
    share: Floats
    products: Floats
    squares: Floats
    hits: Floats
    evidence: Floats


def entity_sums(
    entity: Ints,
    labels: Sequence[str],
    score: Floats,
    time: Floats,
    row: Ints,
    share: Floats,
    rows: int,
    *,
    worst: int = 5,
    flagged: float = 0.01,
) -> EntitySums:
    """Sum the records of entities up.

    Args:
        entity: code of each row's entity, -1 where unknown, shape (n,).
        labels: name of each entity, by code.
        score: outlier score of each row, higher is stranger, shape (n,).
        time: seconds, in whose order records are neighbours; NaN last. Shape (n,).
        row: row of the source, which decides ties.
        share: share of all rows, also of other parts, that are at least as strange as each row.
        rows: how many rows there are in all parts.
        worst: over how many of an entity's strangest records the evidence is averaged.
        flagged: the share of all rows that count as flagged.
    """
    order = np.lexsort((row, -score, entity))  # by entity, the strangest first
    order = order[entity[order] >= 0]
    starts = np.flatnonzero(np.diff(entity[order], prepend=-1))
    first, records = order[starts], np.diff(np.append(starts, len(order)))
    products, squares = _correlated(entity, share, time, row, rows)
    return EntitySums(
        names=tuple(labels[code] for code in entity[first].tolist()),
        records=records,
        first=first,
        row=row[first],
        share=share[first],
        products=products,
        squares=squares,
        hits=_sums((share[order] <= flagged).astype(np.float64), starts),
        evidence=_mean_of_worst(score[order], starts, records, worst),
    )


def entity_table(
    entity: npt.ArrayLike,
    labels: Sequence[str],
    score: npt.ArrayLike,
    time: npt.ArrayLike,
    row: npt.ArrayLike | None = None,
    *,
    worst: int = 5,
    flagged: float = 0.01,
) -> pa.Table:
    """One row an entity, the strangest first; arguments as of :func:`entity_sums`, columns as of :func:`summed`.

    Rows without an entity count among all rows only. ``row`` is by default 0 to n - 1.

    Raises:
        ValueError: lengths differ, a score is NaN, or a code has no label.
    """
    codes, values, when = np.asarray(entity, np.int64), np.asarray(score, np.float64), np.asarray(time, np.float64)
    rows = np.arange(len(codes)) if row is None else np.asarray(row, np.int64)
    _check(codes, labels, values, when, rows)
    found = entity_sums(codes, labels, values, when, rows, shares(values), len(codes), worst=worst, flagged=flagged)
    rank = np.empty(len(codes), np.int64)
    rank[np.lexsort((rows, -values))] = np.arange(1, len(codes) + 1)
    return summed([found], rank[found.first])


def summed(parts: Sequence[EntitySums], rank: Ints) -> pa.Table:
    """The table ``entities``, the strangest first.

    Args:
        parts: the sums of parts that hold whole entities.
        rank: of the strangest record of each entity among all rows, in the order of the parts.

    Returns:
        Columns entity (name), records, effective_records, strangest_rank (1 is the strangest of all rows),
        strangest_row (of the source), p_value (corrected for the number of records), q_value (false discovery rate
        over entities), evidence (mean score of the worst records), flagged (records among the strangest of all),
        flagged_share with its Wilson interval flagged_low and flagged_high.
    """

    def each(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts] or [np.empty(0)])

    records, hits, evidence = each("records").astype(np.int64), each("hits"), each("evidence")
    effective = _effective(each("products"), each("squares"), records)
    p_value = sidak(each("share"), effective)
    low, high = proportion_interval(hits, records)
    table = pa.table(
        {
            "entity": pa.array([name for part in parts for name in part.names], pa.string()),
            "records": records,
            "effective_records": effective,
            "strangest_rank": rank,
            "strangest_row": each("row").astype(np.int64),
            "p_value": p_value,
            "q_value": benjamini_hochberg(p_value),
            "evidence": evidence,
            "flagged": hits.astype(np.int64),
            "flagged_share": hits / records,
            "flagged_low": low,
            "flagged_high": high,
        }
    )
    return table.take(pa.array(np.lexsort((rank, -evidence, p_value))))


def _check(codes: Ints, labels: Sequence[str], *arrays: npt.NDArray[np.generic]) -> None:
    if any(array.shape != codes.shape for array in arrays):
        raise ValueError(f"entity {codes.shape} and {[array.shape for array in arrays]} must have one shape")
    if codes.max(initial=-1) >= len(labels):
        raise ValueError(f"entity code {codes.max()} has no label; there are {len(labels)}")
    if np.isnan(arrays[0].astype(np.float64)).any():
        raise ValueError("a score is NaN; leave out rows without a score")


def _correlated(codes: Ints, p: Floats, time: Floats, rows: Ints, of: int) -> tuple[Floats, Floats]:
    """Products and mean squares of neighbours' normal scores, summed for each entity; ``of`` rows there are in all."""
    from scipy.special import ndtri

    z = ndtri(np.clip(1.0 - (p - 0.5 / max(of, 1)), 1e-12, 1.0 - 1e-12))
    order = np.lexsort((rows, time, codes))
    order = order[codes[order] >= 0]
    z = z[order]
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    products, squares = np.zeros(len(z)), np.zeros(len(z))
    products[:-1], squares[:-1] = z[:-1] * z[1:], (z[:-1] ** 2 + z[1:] ** 2) / 2
    last = np.append(starts, len(z))[1:] - 1  # of each entity: it has no next one
    products[last], squares[last] = 0.0, 0.0
    return _sums(products, starts), _sums(squares, starts)


def _effective(products: Floats, squares: Floats, records: Ints) -> Floats:
    """Effective number of records of each entity, from the correlation of neighbours' normal scores."""
    pairs = (records - 1).astype(np.float64)
    overall = products.sum() / max(squares.sum(), 1e-12)
    alone = np.divide(products, squares, out=np.zeros(len(squares)), where=squares > 0)
    own = (pairs * alone + _PRIOR_PAIRS * overall) / (pairs + _PRIOR_PAIRS)
    return np.maximum(records * effective_share(np.clip(own, 0.0, 0.999)), 1.0)


def _sums(values: Floats, starts: Ints) -> Floats:
    return np.add.reduceat(values, starts) if len(starts) else np.empty(0)


def _mean_of_worst(values: Floats, starts: Ints, records: Ints, worst: int) -> Floats:
    """Mean of the first ``worst`` values of each run, or of all where there are fewer."""
    place = np.arange(len(values)) - np.repeat(starts, records)
    return np.asarray(_sums(np.where(place < worst, values, 0.0), starts) / np.minimum(records, worst))
