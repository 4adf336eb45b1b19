"""Counts of several days: does the rate only follow the hour, or is it itself random from day to day?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, did_you_mean, listing
from potomac.simulation.distributions import Distribution, gamma
from potomac.simulation.inputs.checked import observed, shown

__all__ = ["Counts", "counts"]

Floats = npt.NDArray[np.float64]

LEVEL = 0.01
"""The Poisson process is rejected where counts would vary so much by chance this seldom."""
TOLD = 1.0
"""Only intervals with as many arrivals a day on average say by how much counts vary."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What counts by day and interval of the day say about the process.

    Attributes:
        days: number of days.
        intervals: one row an interval: bin, days, mean, variance, ratio (variance over mean, 1 for a Poisson process),
            p_value, rate_cv (how much the rate itself varies, coefficient of variation), expected (the ratio that the
            factor of the day alone would give).
        dispersion: the ratios of all intervals together.
        p_value: how often a Poisson process would give as much.
        factor: what the rates of a whole day are multiplied by, gamma of mean 1; None where there is none.
        factor_shape: its shape; its coefficient of variation is one over the root of it.
        residual: variance over mean of what remains once each day has its own level; 1 where the factor says all.
        residual_p: how often it would be as much by chance.
        process: "poisson" (the rate follows the interval alone), "doubly stochastic" or "regular".
        verdict: in words.
        notes: what was found on the way, e.g. days that stand out.
    """

    days: int
    intervals: pa.Table
    dispersion: float
    p_value: float
    factor: Distribution | None
    factor_shape: float
    residual: float
    residual_p: float
    process: str
    verdict: str
    notes: tuple[str, ...] = ()

    @property
    def means(self) -> tuple[float, ...]:
        """Mean count of each interval: with their length the rates of a source."""
        return tuple(self.intervals["mean"].to_pylist())


def counts(table: Any, *, day: str = "day", bin: str = "bin", count: str = "count") -> Counts:
    """Test counts of several days for the Poisson process whose rate depends on the interval of the day alone.

    Variance over mean of each interval from day to day, with the chi-square test of dispersion (Cox and Lewis 1966,
    ch. 6). Where they vary more, a factor of the day, gamma of mean 1, is fitted by maximum likelihood: the total of a
    day is then negative binomial, and how it falls on the intervals says nothing more about the factor (Avramidis,
    Deslauriers and L'Ecuyer 2004, Modeling daily arrivals to a telephone call center; Whitt 1999).

    Args:
        table: a row a day, a column an interval, shape (d, b); or a table (Arrow, pandas, Polars, a mapping of
            columns) with a row for each day and interval.
        day: its column of days, of any kind.
        bin: its column of intervals.
        count: its column of counts.

    Raises:
        DataError: a count is missing or negative (with its row), a day lacks an interval or has it twice, there are
            fewer than three days, or nobody came at all.
    """
    X, bins, names = _square(table, day, bin, count)
    d = len(X)
    m, variance = X.mean(axis=0), X.var(axis=0, ddof=1)
    some = m > 0
    ratio = np.divide(variance, m, out=np.full(len(m), np.nan), where=some)
    free = int(some.sum()) * (d - 1)
    dispersion = float(ratio[some].mean())
    over, under = float(_upper(dispersion * free, free)), float(1 - _upper(dispersion * free, free))
    shape = _factor_shape(X.sum(axis=1))
    residual, residual_p = _residual(X[:, some])
    told = ratio[m >= TOLD] if (m >= TOLD).any() else ratio[some]
    intervals = pa.table(
        {
            "bin": bins, "days": np.full(len(m), d), "mean": m, "variance": variance, "ratio": ratio,
            "p_value": _upper(ratio * (d - 1), d - 1),
            "rate_cv": np.sqrt(np.maximum(variance - m, 0)) / np.where(some, m, 1), "expected": 1 + m / shape,
        }
    )  # fmt: skip
    process = "doubly stochastic" if over < LEVEL else "regular" if under < LEVEL else "poisson"
    random = process == "doubly stochastic" and np.isfinite(shape)
    verdict = _verdict(process, told, over, shape, residual, residual_p)
    return Counts(
        d, intervals, dispersion, over, gamma(shape=shape, scale=1 / shape) if random else None, shape, residual,
        residual_p, process, verdict, _notes(X, names),
    )  # fmt: skip


# ---- what comes in --------------------------------------------------------------------------------------------------


def _square(table: Any, day: str, bin_: str, count: str) -> tuple[Floats, pa.Array, list[str]]:
    """Counts, shape (d, b), the names of the intervals and those of the days."""
    if isinstance(table, np.ndarray) or (isinstance(table, (list, tuple)) and np.ndim(table) == 2):
        X = np.asarray(table, float)
        if X.ndim != 2:
            raise DataError(Fault("simulation.values", f"the counts have the shape {X.shape}", "expected a row a day"))
        for i in range(len(X)):
            observed(X[i], f"counts of day {i}", 1)
        return _enough(X), pa.array(np.arange(X.shape[1])), [f"day {i}" for i in range(len(X))]
    columns = _columns(table, (day, bin_, count))
    n = observed(columns[count], count, 1)
    days, d = _coded(columns[day], day)
    bins, b = _coded(columns[bin_], bin_)
    cell = d * len(bins) + b
    held = np.bincount(cell, minlength=len(days) * len(bins))
    if (held != 1).any():
        _uneven(cell, held, days, bins)
    X = np.empty(len(held))
    X[cell] = n
    return _enough(X.reshape(len(days), len(bins))), bins, [str(name) for name in days.to_pylist()]


def _columns(table: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(table, pa.Table) and hasattr(table, "__arrow_c_stream__"):
        table = pa.table(table)
    have = table.column_names if isinstance(table, pa.Table) else [str(name) for name in table]
    for name in names:
        if name not in have:
            expected, mend = f"its columns are {listing(have)}", did_you_mean(name, have)
            raise DataError(Fault("data.column-missing", f'no column "{name}" in the table', expected, mend))
    return {name: table[name] for name in names}


def _coded(values: Any, name: str) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The distinct values in their order, and which one each row has."""
    column = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if column.null_count:
        row = int(np.flatnonzero(np.asarray(column.is_null()))[0])
        raise DataError(Fault("simulation.values", f"row {row} has no {name}", "expected one in each row", key=name))
    coded = column.dictionary_encode()
    order = pc.sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return coded.dictionary.take(order), rank[coded.indices.to_numpy(zero_copy_only=False)]


def _uneven(cell: npt.NDArray[np.int64], held: npt.NDArray[np.int64], days: pa.Array, bins: pa.Array) -> None:
    """Say which day lacks an interval, or has it twice.

    Raises:
        DataError: always.
    """
    at = int(np.flatnonzero(held != 1)[0])
    place = f"day {days[at // len(bins)]} and bin {bins[at % len(bins)]}"
    if held[at]:
        row = int(np.flatnonzero(cell == at)[1])
        found, mend = f"row {row} is of {place} again", "Add the counts of one interval up first"
    else:
        found, mend = f"there is no row for {place}", "Where nobody came, write a row with 0"
    raise DataError(Fault("simulation.values", found, "expected one row for each day and interval", mend))


def _enough(X: Floats) -> Floats:
    if len(X) < 3:
        found = f"there are {len(X)} days"
        raise DataError(Fault("simulation.values", found, "expected three at least", "Bring more days"))
    if not X.sum() > 0:
        raise DataError(Fault("simulation.values", "all counts are 0", "expected some arrivals"))
    return X


# ---- what is found --------------------------------------------------------------------------------------------------


def _upper(X2: Any, free: int) -> Any:
    from scipy.special import chdtrc

    return chdtrc(free, X2)


def _factor_shape(totals: Floats) -> float:
    """The shape k of the factor of the day: totals are negative binomial of the mean M and this shape.

    Infinite where the totals vary no more than Poisson numbers may: there is then no factor of the day.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    M, variance, d = float(totals.mean()), float(totals.var()), len(totals)
    if variance <= M or _upper(d * variance / M, d - 1) >= LEVEL:
        return np.inf

    def unlikely(log_k: float) -> float:
        k = np.exp(log_k)
        per_day = gammaln(totals + k) - gammaln(k) - k * np.log1p(M / k) - totals * np.log1p(k / M)
        return -float(per_day.sum())

    guess = np.log(M * M / (variance - M))
    found = minimize_scalar(unlikely, bounds=(guess - 7, guess + 7), method="bounded", options={"xatol": 1e-10})
    return float(np.exp(found.x))


def _residual(X: Floats) -> tuple[float, float]:
    """Variance over mean of counts around what the day's total and the interval's share suggest, and its p-value."""
    total = X.sum(axis=1, keepdims=True)
    open_ = total[:, 0] > 0
    free = (int(open_.sum()) - 1) * (X.shape[1] - 1)
    if free < 1:
        return 1.0, 1.0
    expected = total[open_] * X.sum(axis=0) / X.sum()
    X2 = float(((X[open_] - expected) ** 2 / expected).sum())
    return X2 / free, float(_upper(X2, free))


def _notes(X: Floats, names: list[str]) -> tuple[str, ...]:
    totals = X.sum(axis=1)
    middle = float(np.median(totals))
    odd = np.flatnonzero((totals < middle / 4) | (totals > middle * 4))
    said = []
    if odd.size:
        each = listing(f"{names[i]} ({shown(totals[i])})" for i in odd)
        said.append(
            f"far from the median of {shown(middle)} a day: {each}. If the doors were shut, leave such days out"
        )
    halves = int(np.count_nonzero(np.floor(X) != X))
    if halves:
        said.append(f"{halves:,} counts are not whole")
    return tuple(said)


def _verdict(process: str, ratio: Floats, p: float, shape: float, residual: float, residual_p: float) -> str:
    times = _times(ratio)
    if process == "poisson":
        return (
            "The Poisson process whose rate follows the interval of the day is not rejected: counts vary "
            f"{times} as much as it allows (p = {p:.2g})."
        )
    if process == "regular":
        return (
            f"The plain Poisson process is rejected: counts vary only {times} as much as it allows. Arrivals are "
            "planned, or kept apart."
        )
    words = f"The plain Poisson process is rejected: counts vary {times} as much as it allows. "
    if not np.isfinite(shape):
        return words + "Not the level of the day is random, but its course: give each day its own rates."
    words += (
        "The rate itself is random from day to day: a doubly stochastic process, whose rates are multiplied by a "
        f"factor of the day, gamma with shape {shape:.3g} (it varies by {100 / np.sqrt(shape):.0f} %), unless "
        "something that is not in the table, such as the weekday, says which days are busy."
    )
    if residual_p < LEVEL:
        words += f" Once each day has its level, counts still vary {residual:.2g} times as much: the course varies too."
    return words


def _times(ratio: Floats) -> str:
    """In whole numbers from 2 on, else with a digit or two."""
    low, high = float(np.min(ratio)), float(np.max(ratio))
    digits = 0 if low > 2 else 1 if low > 0.5 else 2
    one, other = f"{low:.{digits}f}", f"{high:.{digits}f}"
    return f"{one} times" if one == other else f"{one} to {other} times"
