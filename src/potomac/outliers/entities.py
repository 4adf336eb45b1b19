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

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.stats.intervals import proportion_interval

__all__ = ["benjamini_hochberg", "effective_share", "entity_table", "shares", "sidak"]

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


def entity_table(
    entity: npt.ArrayLike,
    labels: Sequence[str],
    score: npt.ArrayLike,
    time: npt.ArrayLike,
    row: npt.ArrayLike | None = None,
    *,
    share: npt.ArrayLike | None = None,
    worst: int = 5,
    flagged: float = 0.01,
) -> pa.Table:
    """One row an entity, the strangest first.

    Args:
        entity: code of each row's entity, -1 where unknown (such rows count among all rows only), shape (n,).
        labels: name of each entity, by code.
        score: outlier score of each row, higher is stranger, shape (n,).
        time: seconds, in whose order records are neighbours; NaN last. Shape (n,).
        row: row of the source, which decides ties; default 0 to n - 1.
        share: share of all rows at least as strange as each row; default ``shares(score)``. A part of a larger table
            gives that of the whole, and gets the whole's p-values (and should have q-values anew).
        worst: over how many of an entity's strangest records the evidence is averaged.
        flagged: the share of all rows that count as flagged.

    Returns:
        Columns entity (name), records, effective_records, strangest_rank (1 is the strangest of all rows),
        strangest_row (of the source), p_value (corrected for the number of records), q_value (false discovery rate
        over entities), evidence (mean score of the worst records), flagged (records among the strangest of all),
        flagged_share with its Wilson interval flagged_low and flagged_high.

    Raises:
        ValueError: lengths differ, a score is NaN, or a code has no label.
    """
    codes, values, when = np.asarray(entity, np.int64), np.asarray(score, np.float64), np.asarray(time, np.float64)
    rows = np.arange(len(codes)) if row is None else np.asarray(row, np.int64)
    p = shares(values) if share is None else np.asarray(share, np.float64)
    _check(codes, labels, values, when, rows, p)
    rank = np.empty(len(codes), np.int64)
    rank[np.lexsort((rows, -values))] = np.arange(1, len(codes) + 1)
    order = np.lexsort((rows, rank, codes))  # by entity, the strangest first
    order = order[codes[order] >= 0]
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    who, first = codes[order][starts], order[starts]
    records = np.diff(np.append(starts, len(order)))
    effective = _effective(codes, p, when, rows, who, records)
    p_value = sidak(p[first], effective)
    hits = _sums((p[order] <= flagged).astype(np.float64), starts)
    low, high = proportion_interval(hits, records)
    evidence = _mean_of_worst(values[order], starts, records, worst)
    names = pa.array(labels, pa.string()).take(pa.array(who))
    table = pa.table(
        {
            "entity": names,
            "records": records,
            "effective_records": effective,
            "strangest_rank": rank[first],
            "strangest_row": rows[first],
            "p_value": p_value,
            "q_value": benjamini_hochberg(p_value),
            "evidence": evidence,
            "flagged": hits.astype(np.int64),
            "flagged_share": hits / records,
            "flagged_low": low,
            "flagged_high": high,
        }
    )
    return table.take(pa.array(np.lexsort((rank[first], -evidence, p_value))))


def _check(codes: Ints, labels: Sequence[str], *arrays: npt.NDArray[np.generic]) -> None:
    if any(array.shape != codes.shape for array in arrays):
        raise ValueError(f"entity {codes.shape} and {[array.shape for array in arrays]} must have one shape")
    if codes.max(initial=-1) >= len(labels):
        raise ValueError(f"entity code {codes.max()} has no label; there are {len(labels)}")
    if np.isnan(arrays[0].astype(np.float64)).any():
        raise ValueError("a score is NaN; leave out rows without a score")


def _effective(codes: Ints, p: Floats, time: Floats, rows: Ints, who: Ints, records: Ints) -> Floats:
    """Effective number of records of each entity, from the correlation of neighbours' normal scores."""
    from scipy.special import ndtri

    n = len(codes)
    z = ndtri(np.clip(1.0 - (p - 0.5 / max(n, 1)), 1e-12, 1.0 - 1e-12))
    order = np.lexsort((rows, time, codes))
    order = order[codes[order] >= 0]
    z = z[order]
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    products, squares = np.zeros(len(z)), np.zeros(len(z))
    products[:-1], squares[:-1] = z[:-1] * z[1:], (z[:-1] ** 2 + z[1:] ** 2) / 2
    last = np.append(starts, len(z))[1:] - 1  # of each entity: it has no next one
    products[last], squares[last] = 0.0, 0.0
    together, size, pairs = _sums(products, starts), _sums(squares, starts), (records - 1).astype(np.float64)
    overall = together.sum() / max(size.sum(), 1e-12)
    alone = np.divide(together, size, out=np.zeros(len(size)), where=size > 0)
    own = (pairs * alone + _PRIOR_PAIRS * overall) / (pairs + _PRIOR_PAIRS)
    return np.maximum(records * effective_share(np.clip(own, 0.0, 0.999)), 1.0)


def _sums(values: Floats, starts: Ints) -> Floats:
    return np.add.reduceat(values, starts) if len(starts) else np.empty(0)


def _mean_of_worst(values: Floats, starts: Ints, records: Ints, worst: int) -> Floats:
    """Mean of the first ``worst`` values of each run, or of all where there are fewer."""
    place = np.arange(len(values)) - np.repeat(starts, records)
    return np.asarray(_sums(np.where(place < worst, values, 0.0), starts) / np.minimum(records, worst))
