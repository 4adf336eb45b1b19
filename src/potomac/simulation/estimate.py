"""Estimates and their intervals, from replications or from the pieces of a single long run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log, nan, sqrt

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, NoAnswer
from potomac.simulation import reliability
from potomac.simulation.intervals import half_of, pseudo_values, skewed_interval
from potomac.simulation.measures import Parts, Values, measured, parts, ratios
from potomac.simulation.plan import Declared
from potomac.simulation.reliability import LIVES
from potomac.simulation.replication import Replication, Window
from potomac.stats.intervals import proportion_interval

__all__ = ["BATCHES", "Estimate", "Way", "estimates", "samples"]

Floats = npt.NDArray[np.float64]

BATCHES = 32
"""Pieces of a single long run: more would be shorter, and lean on each other (Schmeiser 1982: 10 to 30 are enough)."""

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


def samples(
    d: Declared, runs: Sequence[Replication], window: Window, quantiles: Sequence[float], way: Way
) -> tuple[Values, Parts]:
    """Values that are independent of each other, whose mean is the estimate; and the sums they come from.

    Means over customers and over time are both ratios of sums: a replication's number of customers is random, its time
    is not. In the long run they are estimated by the jackknife; of a model that ends by itself a replication is the
    unit (a day), and the mean over days is meant.

    Raises:
        NoAnswer: the pieces of a single run lean on each other: it is too short.
    """
    if d.components:
        return reliability.measured(d, runs, window), {}
    if way.single:
        kept = {k: v for k, v in measured(d, runs, window, quantiles).items() if "_q" in k[1]}
        return _pieces(d, runs[0], window) | kept, {}
    sums = parts(d, runs, window)
    kept = {k: v for k, v in measured(d, runs, window, quantiles).items() if k not in sums}
    if way.antithetic:
        sums = {key: (_paired(above), _paired(below)) for key, (above, below) in sums.items()}
        kept = {key: _paired(x) / 2 for key, x in kept.items()}
    if way.steady:
        return {key: pseudo_values(*both) for key, both in sums.items()} | kept, sums
    return ratios(sums) | kept, sums


def _paired(x: Floats) -> Floats:
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
    values: Values, sums: Parts, exact: Mapping[tuple[str, str], float], way: Way, rare: frozenset[tuple[str, str]]
) -> tuple[Estimate, ...]:
    """The interval of each measure over the values in which it was seen.

    Args:
        values: from ``samples``.
        sums: what they come from.
        exact: (where, measure) -> exact value, where one is known.
        way: how.
        rare: what can happen, even where it never did.
    """
    return tuple(_estimate(key, x, sums.get(key), exact.get(key), way, key in rare) for key, x in values.items())


def _estimate(
    key: tuple[str, str], x: Floats, sums: tuple[Floats, Floats] | None, exact: float | None, way: Way, rare: bool
) -> Estimate:
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
    low, high = mean - way.widened * (mean - low), mean + way.widened * (high - mean)
    if rare and sums is not None and not sums[0].any():  # never seen in n: below 3/n with 95 % (Hanley 1983)
        high = -log(1 - way.confidence) / float(sums[1].sum())
    return Estimate(*key, mean, low, high, half_of(low, high), int(seen.size), exact)
