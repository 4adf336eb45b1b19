"""Estimates and their intervals, from replications or from the pieces of a single long run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log, nan, sqrt

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, NoAnswer
from potomac.simulation.estimates.intervals import half_of, pseudo_values, skewed_interval
from potomac.simulation.executors import reliability
from potomac.simulation.executors.measures import Parts, Values, parts, quantile_name, quantile_rows, ratios
from potomac.simulation.executors.reliability import LIVES
from potomac.simulation.executors.replication import Replication, Window, histogram_quantiles, histogram_share
from potomac.simulation.loop.plan import Declared
from potomac.stats.intervals import proportion_interval

__all__ = ["BATCHES", "Estimate", "Way", "estimated", "estimates", "paired", "pooled", "samples"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BATCHES = 32
"""Pieces of a single long run: more would be shorter, and lean on each other (Schmeiser 1982: 10 to 30 are enough)."""

SEEN = 30
"""Customers beyond a quantile, at least, for its interval."""

FEW = 7.0
"""Intervals over R days that end by themselves are wider by this over R^2: 5 days, whose skewness is hardly seen, held
91 % in place of 95, 10 days 93 to 95 %, 20 days 95 % (python -m benchmarks simulation.coverage)."""

RANDOM = 2.33
"""Von Neumann's ratio, standardised, beyond which pieces are not taken for independent: one in a hundred by chance."""


@dataclass(frozen=True)
class Estimate:
    """One measure with its interval."""

    where: str
    measure: str
    mean: float
    low: float
    high: float
    half_width: float
    replications: int
    exact: float | None = None

    @property
    def missed(self) -> bool:
        """Whether the exact value lies outside the interval."""
        outside = self.exact is not None and (self.low > self.exact or self.high < self.exact)
        return outside and not _alike(self.mean, self.exact)


def _alike(a: float, b: float | None) -> bool:
    return b is not None and abs(a - b) <= 1e-9 * max(abs(a), abs(b))


@dataclass(frozen=True)
class Way:
    """How values become an interval.

    Attributes:
        steady: means over customers are those of the long run (ratios of sums), not of a replication.
        antithetic: replications 2i and 2i + 1 are a pair, and count as one.
        single: one long run, whose slices are taken for replications.
        confidence: of the intervals.
        widened: factor of their widths, where runs are short.
    """

    steady: bool = True
    antithetic: bool = False
    single: bool = False
    confidence: float = 0.95
    widened: float = 1.0


def samples(d: Declared, runs: Sequence[Replication], window: Window, way: Way) -> tuple[Values, Parts]:
    """Values that are independent of each other, whose mean is the estimate; and the sums they come from.

    Means over customers and over time are both ratios of sums: a replication's number of customers is random, its time
    is not. In the long run they are estimated by the jackknife; of a model that ends by itself a replication is the
    unit (a day), and the mean over days is meant.

    Raises:
        NoAnswer: the pieces of a single run lean on each other: it is too short.
    """
    if d.components:
        found = reliability.measured(d, runs, window)
        return {key: paired(x) / 2 for key, x in found.items()} if way.antithetic else found, {}
    if way.single:
        return _pieces(d, runs[0], window), {}
    sums = parts(d, runs, window)
    if way.antithetic:
        sums = {key: (paired(above), paired(below)) for key, (above, below) in sums.items()}
    if way.steady:
        return {key: pseudo_values(*both) for key, both in sums.items()}, sums
    return ratios(sums), sums


def paired(x: Floats) -> Floats:
    """Sums of values 2i and 2i + 1, shape (R // 2,)."""
    return np.asarray(x[0 : x.size // 2 * 2 : 2] + x[1::2])


def _pieces(d: Declared, run: Replication, window: Window) -> Values:
    """Nonoverlapping batch means: each slice of the run as if it were a replication."""
    slices = [
        Replication(0, run.tally[:, [b]], run.quantiles, run.greatest, float(window.edges[b]), 0, 0)
        for b in range(window.first, window.edges.size)
    ]
    starts = np.concatenate([[0.0], window.edges])[window.first : -1]
    length = float(window.end - starts[-1])
    shifted = [
        Replication(i, s.tally, s.quantiles, s.greatest, length, 0, 0) for i, s in enumerate(slices)
    ]  # each as if it had begun at 0
    found = parts(d, shifted, Window(np.array([length]), 0))
    depend = sorted({f"{m} of {w}" for (w, m), both in found.items() if m in _SLOW and _leaning(pseudo_values(*both))})
    if depend:
        said = f"the run until {window.end:.6g} is too short: its {len(slices)} pieces lean on each other ({depend[0]})"
        raise NoAnswer(Fault("simulation.short", said, "", f"Give until of {4 * window.end:.6g}, or replications"))
    return {key: pseudo_values(*both) for key, both in found.items()}


_SLOW = frozenset({"number_in_system", "on_hand"})
"""What remembers longest: if its pieces are independent, those of other measures are."""


def _leaning(x: Floats) -> bool:
    """Whether values in a row depend on each other: von Neumann's ratio (1941) against its law of independent ones."""
    n, spread = x.size, float(((x - x.mean()) ** 2).sum())
    if spread <= 0 or n < 8:
        return False
    ratio = float((np.diff(x) ** 2).sum()) / spread  # near 2 where they are independent, variance 4 (n - 2) / (n^2 - 1)
    return (2 - ratio) / sqrt(4 * (n - 2) / (n * n - 1)) > RANDOM


def estimates(
    d: Declared, runs: Sequence[Replication], window: Window, quantiles: Sequence[float], way: Way,
    exact: Mapping[tuple[str, str], float] | None = None,
) -> tuple[Estimate, ...]:  # fmt: skip
    """The interval of each measure, quantiles last.

    Args:
        d: the model.
        runs: its replications.
        window: the time that counts.
        quantiles: shares, whose histograms the replications kept.
        way: how.
        exact: (where, measure) -> exact value, where one is known.

    Raises:
        NoAnswer: the pieces of a single run lean on each other: it is too short.
    """
    values, sums = samples(d, runs, window, way)
    known, trials = exact or {}, _trials(d, sums, len(runs) * (window.end - window.start))
    out = [estimated(key, x, known.get(key), way, trials.get(key, 0.0)) for key, x in values.items()]
    if quantiles and not d.components:
        for (where, what), row in quantile_rows(d, runs, window).items():
            counts = [r.histogram.row(row) for r in runs if r.histogram is not None]
            for q in quantiles:
                key = where, quantile_name(what, q)
                out.append(Estimate(*key, *pooled(counts, q, way), len(counts), known.get(key)))
    return tuple(out)


def pooled(counts: Sequence[Ints], q: float, way: Way) -> tuple[float, float, float, float]:
    """A quantile of all customers together, with its interval and half-width (Woodruff 1952).

    The share of customers at or below the pooled quantile is estimated like any mean over customers, by replications;
    the ends of that interval, turned over at q, are read off the pooled distribution. Quantiles of single replications
    would be biased where these are short.
    """
    whole = np.sum(counts, axis=0)
    if not whole.any():
        return nan, nan, nan, nan
    at = float(histogram_quantiles(whole[None], [q])[0, 0])
    if way.single or _few(len(counts), float(whole.sum()), q, way):
        return at, nan, nan, nan
    below = np.array([histogram_share(c, at) for c in counts])
    total = np.array([float(c.sum()) for c in counts])
    if way.antithetic:
        below, total = paired(below), paired(total)
    low, high = skewed_interval(pseudo_values(below, total), way.confidence)
    if not isfinite(low) or not isfinite(high):
        return at, nan, nan, nan
    ends = [2 * q - (q + way.widened * (end - q)) for end in (high, low)]
    if not 0 < ends[0] < ends[1] < 1:
        ends = _within(q, (ends[1] - ends[0]) / 2)
    left, right = histogram_quantiles(whole[None], np.clip(ends, 0.0, 1.0).tolist())[0]
    return at, min(float(left), at), max(float(right), at), (max(float(right), at) - min(float(left), at)) / 2


def _few(runs: int, customers: float, q: float, way: Way) -> bool:
    """Whether too few are seen on one side of a quantile for an interval.

    Where the model ends by itself those beyond it come together, on bad days: a tenth of 10 days, a hundredth of 100.
    Measured on M/M/1 until its 30th to 1000th customer, intervals of fewer cover 55 to 90 % in place of 95.
    """
    side = min(q, 1 - q)
    return customers * side < SEEN or (not way.steady and runs * side < 1 - 1e-9)


def _within(q: float, half: float) -> list[float]:
    """Ends between 0 and 1 of a share with such a half-width, which is less at an end near to 0 or 1 (Wilson 1927)."""
    k = half * half / (q * (1 - q))
    middle, reach = (q + k / 2) / (1 + k), half * sqrt(1 + k / (4 * q * (1 - q))) / (1 + k)
    return [middle - reach, middle + reach]


def estimated(key: tuple[str, str], x: Floats, exact: float | None, way: Way, trials: float = 0.0) -> Estimate:
    """The interval of one measure.

    Args:
        key: where and which.
        x: values that are independent of each other, shape (R,).
        exact: exact value, if known.
        way: how.
        trials: of a share of what can happen even if it never did, how often it could have; else 0.
    """
    seen = x[np.isfinite(x)]
    if not seen.size:
        return Estimate(*key, nan, nan, nan, nan, 0, exact)
    mean = float(seen.mean())
    if key[1].startswith("reliability"):  # shares of lives, often near 1
        low, high = proportion_interval(round(float(seen.sum()) * LIVES), seen.size * LIVES, way.confidence)
        return Estimate(*key, mean, low, high, half_of(low, high), int(seen.size), exact)
    low, high = skewed_interval(seen, way.confidence)
    if not isfinite(low) or not isfinite(high):
        return Estimate(*key, mean, nan, nan, nan, int(seen.size), exact)
    wider = way.widened if way.steady else way.widened * (1 + FEW / seen.size**2)
    low, high = float(mean - wider * (mean - low)), float(mean + wider * (high - mean))
    if trials > 0 and high - low < 1e-9:  # never seen in n, or always: within 3/n with 95 % (Hanley 1983)
        least = -log(1 - way.confidence) / trials
        if mean == 0:
            high = least
        elif abs(mean - 1) < 1e-9:
            low = max(1 - least, 0.0)
    return Estimate(*key, mean, low, high, half_of(low, high), int(seen.size), exact)


def _trials(d: Declared, sums: Parts, time: float) -> dict[tuple[str, str], float]:
    """Shares of what can happen even where it never did in the runs, and how often it could have.

    A server is idle, and a system down, for a stretch each time; how many of these a run has room for is their number.
    """
    if d.components:
        longest = max((c.repair.mean for c in d.components if c.repair is not None), default=0.0)
        down = time / longest if longest and isfinite(time) else 0.0
        return {(s.name, "availability"): down for s in d.systems} | {
            (s.name, "failures_per_time"): time if isfinite(time) else 0.0 for s in d.systems
        }
    out = {(s.name, "p_wait") for s in d.stations if isfinite(s.servers)}
    out |= {(s.name, "p_block") for s in d.stations if isfinite(s.capacity)}
    out |= {(s.name, "p_balk") for s in d.stations if any(s.balk)}
    out |= {(s.name, "p_renege") for s in d.stations if s.patience}
    if any(isfinite(s.capacity) or any(s.balk) or s.patience for s in d.stations):
        out.add(("system", "p_lost"))
    found = {key: float(sums[key][1].sum()) for key in out if key in sums}
    busy = {(where, "utilization"): n for (where, measure), n in found.items() if measure == "p_wait"}
    return found | busy
