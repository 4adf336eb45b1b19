"""What a replication is: the time that counts in it, and what it counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault
from potomac.simulation.loop import world

__all__ = ["Counts", "Replication", "Window", "exhausted", "histogram_quantiles", "histogram_share"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """The time that counts, in slices.

    Attributes:
        edges: ends of the slices, rising, shape (B,); the last is infinite where the model runs until it is empty.
        first: first slice that counts; those before are the warm-up.
    """

    edges: Floats
    first: int = 0

    @property
    def start(self) -> float:
        """Where the time that counts begins."""
        return float(self.edges[self.first - 1]) if self.first else 0.0

    @property
    def end(self) -> float:
        """Where it ends; infinite where the model runs until it is empty."""
        return float(self.edges[-1])

    @staticmethod
    def of(until: float, warmup: float = 0.0, slices: int = 32) -> Window:
        """Equal slices of the time after the warm-up, and one slice (or as many as fit) before."""
        if not isfinite(until):
            return Window(np.array([warmup, inf] if warmup else [inf]), int(warmup > 0))
        edges = np.linspace(warmup, until, slices + 1)
        return Window(edges if warmup else edges[1:], int(warmup > 0))

    @staticmethod
    def ending(last: float, slices: int = 48) -> Window:
        """The time of a model that ends by itself: slices until half as long again as customers come, and the rest."""
        if not (isfinite(last) and last > 0):
            return Window.of(inf)
        return Window(np.append(np.linspace(0.0, 1.5 * last, slices + 1)[1:], inf))


@dataclass(frozen=True)
class Counts:
    """A histogram most of whose bins are empty.

    Attributes:
        bins: that are not, in the order of the flat array.
        counts: in these.
        shape: of the array, (J, bins).
    """

    bins: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int64]
    shape: tuple[int, int]

    @staticmethod
    def of(histogram: npt.NDArray[np.int64]) -> Counts:
        """The bins of an array that are not empty."""
        flat = histogram.ravel()
        bins = np.flatnonzero(flat)
        return Counts(bins.astype(np.int32), flat[bins], (histogram.shape[0], histogram.shape[1]))

    def row(self, j: int) -> npt.NDArray[np.int64]:
        """All bins of one row, shape (bins,)."""
        out, width = np.zeros(self.shape[1], np.int64), self.shape[1]
        start, end = np.searchsorted(self.bins, [j * width, (j + 1) * width])
        out[self.bins[start:end] - j * width] = self.counts[start:end]
        return out


@dataclass(frozen=True)
class Replication:
    """What one replication counted.

    Attributes:
        number: which replication.
        tally: sums by row (station and kind, then kind) and slice of time, shape (J, B, columns of ``world.COLUMNS``).
        quantiles: of waits by station and kind, of time in system by kind, shape (J, len(of)).
        greatest: longest wait and longest queue, shape (J, 2).
        end: when the last slice ended, or the last event happened.
        events: how many there were.
        unfinished: visits that began within the time that counts and had not ended when the run was given up.
        histogram: counts of waits (of times in system) on the scale of powers of two, or None where they are not kept.
    """

    number: int
    tally: Floats
    quantiles: Floats
    greatest: Floats
    end: float
    events: int
    unfinished: int
    histogram: Counts | None = None


def exhausted(name: str, length: int) -> Fault:
    """What is said where a trace ends before the run does."""
    found = f"the trace of {name!r:.60} ends after {length:,} values"
    return Fault("simulation.trace-exhausted", found, "", "Give more values, a shorter run, or empirical values")


def histogram_quantiles(histogram: npt.NDArray[np.int64], of: Sequence[float]) -> Floats:
    """Quantiles of counts on the scale of powers of two, even within a bin: exact to a hundredth of themselves.

    Args:
        histogram: counts, shape (J, bins).
        of: shares.

    Returns:
        Shape (J, len(of)); NaN where nothing was counted.
    """
    q = np.asarray(of, float)
    out = np.full((histogram.shape[0], q.size), np.nan)
    if not q.size:
        return out
    ends = _bin_ends()
    for j in np.flatnonzero(histogram.any(1)):
        below = np.concatenate([[0], np.cumsum(histogram[j])])
        rank = q * below[-1]
        at = np.clip(np.searchsorted(below, rank, side="left") - 1, 0, histogram.shape[1] - 1)
        inside = (rank - below[at]) / np.maximum(histogram[j][at], 1)
        out[j] = np.where(at == 0, 0.0, ends[at] + inside * (ends[at + 1] - ends[at]))
    return out


def histogram_share(histogram: npt.NDArray[np.int64], x: float) -> float:
    """How many counts lie at or below ``x``, even within its bin.

    Args:
        histogram: counts, shape (bins,).
        x: 0 or more.
    """
    ends = _bin_ends()
    at = min(max(int(np.searchsorted(ends, x, side="right")) - 1, 0), histogram.size - 1)
    inside = 1.0 if at == 0 else (x - ends[at]) / (ends[at + 1] - ends[at])
    return float(histogram[:at].sum() + histogram[at] * min(inside, 1.0))


def _bin_ends() -> Floats:
    """Where each bin begins, and the last one ends, shape (bins + 1,)."""
    at = np.arange(world.HISTOGRAM + 1) - 1
    power, part = np.divmod(at, 1 << world.BITS)
    ends: Floats = np.ldexp(1 + part / (1 << world.BITS), power + world.LOWEST)
    ends[0] = 0.0
    return ends
