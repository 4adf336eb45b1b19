"""What kind of process are these arrivals? Poisson of one rate, of a rate that changes, or no Poisson process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault, StudyError
from potomac.simulation.inputs.checked import grid, numbers, shown
from potomac.simulation.inputs.families import FAMILIES
from potomac.simulation.inputs.goodness import kolmogorov_smirnov, p_values
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    from potomac.simulation.declared import Rate

__all__ = ["Arrivals", "Ties", "arrivals", "best_width", "tied"]

Floats = npt.NDArray[np.float64]
Ties = Literal["auto", "keep", "error"]

LEVEL = 0.01
"""A hypothesis is rejected where it would be by chance this seldom; several are tested, hence not 5 %."""
LEAST = 10
"""Fewer arrivals tell nothing."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What the times of arrivals say about their process.

    Attributes:
        count: number of arrivals.
        mean_gap: mean time between one and the next.
        cv: coefficient of variation of these gaps; 1 for a Poisson process of one rate.
        ks: Kolmogorov and Smirnov's D between the gaps and the exponential distribution of their mean.
        ks_p: how often gaps that are exponential lie as far from it; of times on a grid, once they are spread over it.
        uniform: D between the times and an even spread, which one rate would give (Cox and Lewis 1966, ch. 6).
        uniform_p: its p-value.
        dispersion: variance of the counts over what a Poisson process of one rate allows; 1 is Poisson.
        dispersion_p: p-value of the chi-square test that goes with it.
        within: D of the transformed gaps inside the intervals, which is small for a Poisson process whose rate is
            constant in each of them (Brown et al. 2005).
        within_p: its p-value.
        rates: one row an interval: start, end, count, rate, low, high (95 %, Garwood 1936).
        process: "poisson" (one rate), "nonhomogeneous" (Poisson, the rate changes), "renewal" (one rate, gaps that are
            not exponential) or "other".
        verdict: in words.
        notes: what was found on the way, e.g. equal times.
    """

    count: int
    mean_gap: float
    cv: float
    ks: float
    ks_p: float
    uniform: float
    uniform_p: float
    dispersion: float
    dispersion_p: float
    within: float
    within_p: float
    rates: pa.Table
    process: str
    verdict: str
    notes: tuple[str, ...] = ()

    @property
    def rate(self) -> Rate:
        """The rate by intervals, as a source of a model takes it; it begins again after the last."""
        from potomac.simulation.declared import Rate

        start, end = self.rates["start"].to_numpy(), self.rates["end"].to_numpy()
        return Rate(tuple((end - start).tolist()), tuple(self.rates["rate"].to_pylist()))


def arrivals(
    times: Any, end: float | None = None, *, start: float = 0.0, width: float | None = None, ties: Ties = "auto",
    seed: int = 0, draws: int = 499,
) -> Arrivals:  # fmt: skip
    """Test observed arrivals for the Poisson process, of one rate or of a rate that is constant by intervals.

    Args:
        times: of the arrivals in their order, shape (n,): NumPy, Arrow, pandas or a list.
        end: when observation ended; default the last arrival.
        start: when it began.
        width: of the intervals; default one interval where the rate seems constant, else the width that estimates it
            best (:func:`best_width`).
        ties: what equal times mean. "keep": they are rounded, or people come together. "error": a row stands twice.
            "auto": kept where all times lie on a grid (whole seconds) that makes about as many equal, else an error.
        seed: of the samples behind p-values.
        draws: number of samples.

    Raises:
        DataError: a time is missing, out of order, equal to the one before or outside of start and end; each with its
            row. Or there are fewer than ten.
        StudyError: ``width`` is not above 0, or ``ties`` is no such word.
    """
    t, stop, notes = _checked(times, start, end, ties)
    random = Stream(seed, ("inputs", "arrivals"))
    spread, gaps = _unrounded(t, start, stop, random), np.sort(np.diff(t))
    ks, ks_p = _exponential(gaps, np.sort(np.diff(spread)), random, draws)
    uniform = float(kolmogorov_smirnov(((t - start) / (stop - start))[None])[0])
    uniform_p = _kolmogorov(uniform, len(t))
    tested = _edges(start, stop, (stop - start) / np.clip(len(t) // 25, 2, 24) if width is None else width)
    dispersion, dispersion_p = _dispersion(t, tested)
    steady = uniform_p >= LEVEL and dispersion_p >= LEVEL
    edges = tested
    if width is None:  # chosen after the test, which a width that suits the data would bias
        edges = _edges(start, stop, stop - start if steady else best_width(t, start, stop))
    within, within_p, clumped = _within(spread, edges)
    rates = _rates(t, edges)
    gapped = f"Kolmogorov-Smirnov D = {ks:.3g}, p {_chance(ks_p)}"
    if steady:
        process, verdict = _steady(gapped, ks_p)
    else:
        words = f"{_change(dispersion, len(tested) - 1, rates)}; exponential gaps are "
        words += f"{'' if ks_p < LEVEL else 'not '}rejected ({gapped})."
        process, verdict = _unsteady(words, within_p, clumped, _changes(t, tested))
    return Arrivals(
        len(t), float(gaps.mean()), float(gaps.std(ddof=1) / gaps.mean()), ks, ks_p, uniform, uniform_p, dispersion,
        dispersion_p, within, within_p, rates, process, verdict, notes,
    )  # fmt: skip


# ---- what comes in --------------------------------------------------------------------------------------------------


def _checked(times: Any, start: float, end: float | None, ties: str) -> tuple[Floats, float, tuple[str, ...]]:
    if ties not in ("auto", "keep", "error"):
        raise StudyError(Fault("simulation.times", f"ties is {ties!r:.20}", "expected auto, keep or error", key="ties"))
    t = numbers(times, "times")
    if len(t) < LEAST:
        found = f"there are {len(t)} times"
        raise DataError(Fault("simulation.times", found, f"expected {LEAST} at least", key="times"))
    back = np.flatnonzero(np.diff(t) < 0)
    if back.size:
        row = int(back[0]) + 1
        more = f" ({back.size:,} rows are)" if back.size > 1 else ""
        found = f"row {row} is {shown(t[row])}, before row {row - 1}, which is {shown(t[row - 1])}{more}"
        raise DataError(Fault("simulation.times", found, "expected times that rise", "Sort them", key="times"))
    stop = float(t[-1]) if end is None else float(end)
    outside = np.flatnonzero((t < start) | (t > stop))
    if outside.size:
        row = int(outside[0])
        found = f"row {row} is {shown(t[row])}"
        expected = f"expected times from {shown(start)} to {shown(stop)}"
        raise DataError(Fault("simulation.times", found, expected, "Correct it, start or end", key="times"))
    if not stop > start or t[0] == t[-1]:
        raise DataError(Fault("simulation.times", "no time passes", "expected end after start", key="times"))
    return t, stop, tied(t, ties)


def tied(t: Floats, ties: str) -> tuple[str, ...]:
    """What is to be said of equal times.

    Args:
        t: rising, shape (n,).
        ties: auto, keep or error.

    Raises:
        DataError: they are taken for rows that stand twice.
    """
    same = np.flatnonzero(np.diff(t) == 0) + 1
    if not same.size:
        return ()
    row, step = int(same[0]), grid(t)
    if ties == "error" or (ties == "auto" and same.size > 3 * _expected_ties(t, step)):
        found = f"row {row} is {shown(t[row])}, as row {row - 1} is"
        more = f"; {same.size:,} rows are like it" if same.size > 1 else ""
        mend = 'Take rows out that stand twice; where times are rounded or people come together, give ties="keep"'
        raise DataError(Fault("simulation.times", found + more, "expected each arrival once", mend, key="times"))
    many = "1 time is" if same.size == 1 else f"{same.size:,} times are"
    why = f"; all times lie on a grid of {shown(step)}" if step else ""
    return (f"{many} equal to the one before and kept, the first in row {row} ({shown(t[row])}){why}",)


def _expected_ties(t: Floats, step: float) -> float:
    """How many times would be equal by rounding to the grid; too few data are no evidence of one."""
    if not step or len(t) < 100:
        return 0.0
    rate, _ = np.histogram(t, max(1, len(t) // 50))  # as it changes, so do the ties
    return float(np.sum(rate * -np.expm1(-rate * step * len(rate) / (t[-1] - t[0]))))


def _unrounded(t: Floats, start: float, stop: float, stream: Stream) -> Floats:
    """Times spread over their grid (Kim and Whitt 2014), so that rounding does not look like clumps."""
    step = grid(t)
    if not step or not (np.diff(t) == 0).any():
        return t
    spread = t + step * (stream.child("unrounded").generator().random(len(t)) - 0.5)
    return np.sort(np.clip(spread, start, stop))


# ---- tests ----------------------------------------------------------------------------------------------------------


def _exponential(gaps: Floats, spread: Floats, stream: Stream, draws: int) -> tuple[float, float]:
    """D between sorted gaps and the exponential distribution of their mean, and its p-value (Lilliefors 1969).

    Rounded gaps lie far from any continuous distribution; ``spread``, those of times drawn evenly from their cells, do
    not, and a Poisson process that is rounded and spread again is the same process.
    """
    family = FAMILIES["exponential"]
    D, even = (float(kolmogorov_smirnov(family.cdf(x[None], family.fit(x[None])))[0]) for x in (gaps, spread))
    p = family.fit(spread[None])[0]
    return D, p_values(family, family.fit, p, (even, np.nan), len(gaps), stream.child("gaps"), draws)[0]


def _kolmogorov(D: float, n: int) -> float:
    """The p-value of D where nothing was fitted, by the limit and Stephens' (1970) correction for n."""
    from scipy.special import kolmogorov

    return float(kolmogorov((np.sqrt(n) + 0.12 + 0.11 / np.sqrt(n)) * D))


def _dispersion(t: Floats, edges: Floats) -> tuple[float, float]:
    """Chi-square of the counts against one rate over its degrees of freedom, and its p-value (Cox and Lewis, ch. 6)."""
    from scipy.special import chdtrc

    seen, expected, free = np.histogram(t, edges)[0], len(t) * np.diff(edges) / (edges[-1] - edges[0]), len(edges) - 2
    if free < 1:
        return 1.0, 1.0
    X2 = float(((seen - expected) ** 2 / expected).sum())
    return X2 / free, float(chdtrc(free, X2))


def _changes(t: Floats, edges: Floats) -> bool:
    """Whether counts vary more from interval to interval than clumps of a constant rate would make them.

    The dispersion between the intervals over that between their quarters, by the F test of a quasi-likelihood
    (McCullagh and Nelder 1989, ch. 6): clumps disperse both alike, a rate that changes the first alone.
    """
    from scipy.special import fdtrc

    between, _ = _dispersion(t, edges)
    quarters = np.append((edges[:-1, None] + np.diff(edges)[:, None] * np.arange(4) / 4).ravel(), edges[-1])
    seen = np.histogram(t, quarters)[0].reshape(-1, 4)
    expected = seen.mean(axis=1, keepdims=True)
    some = expected[:, 0] > 0
    free = 3 * int(some.sum())
    inside = float(((seen[some] - expected[some]) ** 2 / expected[some]).sum()) / free
    return len(edges) > 2 and float(fdtrc(len(edges) - 2, free, between / max(inside, 1.0))) < LEVEL


def _within(t: Floats, edges: Floats) -> tuple[float, float, bool]:
    """The test of Brown et al. (2005), Statistical analysis of a telephone call center.

    In an interval of length L with J arrivals T_1 < .. < T_J and T_0 = 0,
    R_j = (J + 1 - j) ln((L - T_(j-1)) / (L - T_j)) are exponential of mean 1 and independent, if the process is
    Poisson and its rate constant there. Returned are D, its p-value and whether the R_j vary more than they should.
    """
    at = np.clip(np.searchsorted(edges, t, side="right") - 1, 0, len(edges) - 2)
    first = np.concatenate([[True], at[1:] != at[:-1]])
    begin = np.maximum.accumulate(np.where(first, np.arange(len(t)), 0))
    J = np.bincount(at, minlength=len(edges) - 1)[at]
    left = edges[at + 1] - t
    before = np.where(first, edges[at + 1] - edges[at], np.concatenate([[0.0], left[:-1]]))
    tiny = 1e-12 * (edges[-1] - edges[0])
    R = (J - (np.arange(len(t)) - begin)) * np.log(np.maximum(before, tiny) / np.maximum(left, tiny))
    D = float(kolmogorov_smirnov(-np.expm1(-np.sort(R))[None])[0])
    return D, _kolmogorov(D, len(R)), bool(R.std() > 1)


# ---- intervals ------------------------------------------------------------------------------------------------------


def best_width(times: npt.ArrayLike, start: float, end: float) -> float:
    """The width of equal intervals whose counts estimate the rate with the least expected squared error.

    (2 mean - variance) / width^2 of the counts is least there (Shimazaki and Shinomoto 2007, A method for selecting
    the bin size of a time histogram). One interval, where the rate seems constant.

    Args:
        times: shape (n,).
        start: of the observation.
        end: of it.
    """
    t = np.asarray(times, float)
    most = int(np.clip(len(t) // 10, 1, 100))
    costs = []
    for k in range(1, most + 1):
        seen = np.histogram(t, k, (start, end))[0]
        costs.append((2 * seen.mean() - seen.var()) * (k / (end - start)) ** 2)
    return (end - start) / (1 + int(np.argmin(costs)))


def _edges(start: float, end: float, width: float) -> Floats:
    """The ends of the intervals; the last may be shorter.

    Raises:
        StudyError: the width is not above 0, or there would be too many.
    """
    if not (np.isfinite(width) and width > 0) or (end - start) / width > 1e6:
        found = f"width is {width:g}, of {shown(end - start)} observed"
        raise StudyError(Fault("simulation.times", found, "expected intervals, a million at most", key="width"))
    whole = int(np.ceil((end - start) / width - 1e-9))
    return np.append(start + width * np.arange(whole), end)


def _rates(t: Floats, edges: Floats) -> pa.Table:
    from scipy.special import chdtri

    seen = np.histogram(t, edges)[0]
    long = np.diff(edges)
    low = np.where(seen > 0, chdtri(2 * np.maximum(seen, 1), 0.975) / 2, 0.0)
    high = chdtri(2 * (seen + 1), 0.025) / 2
    return pa.table(
        {
            "start": edges[:-1], "end": edges[1:], "count": seen, "rate": seen / long, "low": low / long,
            "high": high / long,
        }
    )  # fmt: skip


# ---- words ----------------------------------------------------------------------------------------------------------


def _steady(gaps: str, ks_p: float) -> tuple[str, str]:
    """The process where the rate does not change, and why."""
    if ks_p >= LEVEL:
        return "poisson", f"A Poisson process of one rate is not rejected: gaps are as exponential ones ({gaps})."
    return "renewal", (
        f"The rate does not change, but the gaps are not exponential ({gaps}): the Poisson process is rejected. "
        "Fit the gaps and let the source draw from them."
    )


def _unsteady(words: str, within_p: float, clumped: bool, changes: bool) -> tuple[str, str]:
    """The process where the counts vary more than one rate allows, and why."""
    lead = f"The Poisson process of one rate is rejected: {words}"
    if within_p >= LEVEL:
        return "nonhomogeneous", (
            f"{lead} A non-homogeneous process is needed. Inside the intervals it is as Poisson "
            f"(p {_chance(within_p)}): give the source their rates."
        )
    if not changes and clumped:
        return "other", f"{lead} But clumps alone would make counts vary so: one rate of batches may do."
    how = "clumped more" if clumped else "more regular"
    mend = "batches" if clumped else "appointments"
    return "other", (
        f"{lead} A non-homogeneous process is needed. Inside the intervals, too, arrivals are {how} than a Poisson "
        f"process (p {_chance(within_p)}): try narrower intervals, or {mend}."
    )


def _change(dispersion: float, intervals: int, rates: pa.Table) -> str:
    rate = rates["rate"].to_numpy()
    low, high = (shown(float(f"{each:.3g}")) for each in (rate.min(), rate.max()))
    lead = f"counts of {intervals} intervals vary {dispersion:.3g} times as much as one rate allows"
    return f"{lead}, and the rate lies between {low} and {high}" if rates.num_rows > 1 else lead


def _chance(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"
