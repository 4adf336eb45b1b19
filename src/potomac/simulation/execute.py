"""Replications of a model by the event loop, one after the other or in several processes: the same numbers each way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, NoAnswer
from potomac.simulation import world as W
from potomac.simulation.plan import Declared, Plan, grown, planned
from potomac.stats.streams import Stream

__all__ = ["Replication", "Window", "histogram_quantiles", "replicate", "replications"]

Floats = npt.NDArray[np.float64]

Executor = Callable[..., "Replication"]

CHUNK = 2_000_000
"""Events between two looks at the progress: about a tenth of a second."""

MOST = 20_000_000
"""Customers inside at one time that are too many for anybody's memory."""


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
        histogram: counts of waits on the scale of powers of two, shape (J, bins), or None.
    """

    number: int
    tally: Floats
    quantiles: Floats
    greatest: Floats
    end: float
    events: int
    unfinished: int
    histogram: npt.NDArray[np.int64] | None = None


def replications(
    declared: Declared, numbers: Sequence[int], window: Window, stream: Stream, *, quantiles: Sequence[float] = (),
    jobs: int = 1, mirrored: bool = False, progress: Progress | None = None, histograms: bool = False,
) -> list[Replication]:  # fmt: skip
    """The replications of these numbers, in their order.

    Args:
        declared: the model, in order.
        numbers: of the replications: 17 alone is the 17 of a hundred.
        window: the time that counts.
        stream: keys the draws.
        quantiles: shares, of which the quantiles are kept.
        jobs: processes; the answer is the same with one or many.
        mirrored: draws 1 - u in place of u (antithetic).
        progress: hears how many are done.
        histograms: keep them.

    Raises:
        NoAnswer: a trace has ended, or too many customers are inside.
    """
    tell, plan = progress or Quiet(), planned(declared)

    replicated = executor(declared)

    def one(number: int, heard: Callable[[float], None]) -> Replication:
        return replicated(plan, number, window, stream, quantiles, mirrored, heard, histograms)

    if jobs == 1 or len(numbers) < 2:
        out = []
        for done, number in enumerate(numbers):
            out.append(one(number, lambda share, done=done: tell("replications", done + share, len(numbers))))
        tell("replications", len(numbers), len(numbers))
        return out
    from joblib import Parallel, delayed

    packs = [list(numbers[i :: 4 * jobs]) for i in range(min(4 * jobs, len(numbers)))]
    found: dict[int, Replication] = {}
    work = Parallel(n_jobs=jobs, return_as="generator_unordered")(
        delayed(_pack)(declared, pack, window, stream, tuple(quantiles), mirrored, histograms) for pack in packs
    )
    for pack in work:
        found |= {r.number: r for r in pack}
        tell("replications", len(found), len(numbers))
    return [found[number] for number in numbers]


def executor(declared: Declared) -> Executor:
    """What runs a model fastest: a recursion where first come is first served in a row, else the event loop."""
    from potomac.simulation.recursions import in_a_row, recur

    row = in_a_row(declared)
    if row is None:
        return replicate
    return lambda plan, *rest: recur(plan, row, *rest)


def _pack(
    declared: Declared, numbers: list[int], window: Window, stream: Stream, quantiles: Sequence[float], mirrored: bool,
    histograms: bool,
) -> list[Replication]:  # fmt: skip
    plan, replicated = planned(declared), executor(declared)
    return [replicated(plan, n, window, stream, quantiles, mirrored, lambda share: None, histograms) for n in numbers]


def replicate(
    plan: Plan, number: int, window: Window, stream: Stream, quantiles: Sequence[float] = (), mirrored: bool = False,
    heard: Callable[[float], None] = lambda share: None, keep: bool = False,
) -> Replication:  # fmt: skip
    """One replication. Customers who came within the time that counts are followed until they are through.

    Raises:
        NoAnswer: a trace has ended, or too many customers are inside.
    """
    end = window.end
    w = plan.world(
        plan.generators(stream, number, mirrored), window.edges, limit=2 * end - window.start if isfinite(end) else inf,
        counted_from=window.first,
    )  # fmt: skip
    for w in _steps(plan, w):
        now = float(w.clock[0]["now"])
        heard(min(now / end, 1.0) if isfinite(end) else 0.0)
    k = w.clock[0]
    last = min(end, max(float(k["now"]), window.start)) if not isfinite(end) else end
    return Replication(
        number, w.tally, histogram_quantiles(w.histogram, quantiles), w.greatest, last, int(k["events"]),
        int(k["visits"]), w.histogram if keep else None,
    )  # fmt: skip


def _steps(plan: Plan, w: W.World) -> Iterator[W.World]:
    """Run the loop to its end, and hand out the world after each chunk of events."""
    from potomac.simulation.kernel import run

    while True:
        status = run(w.clock, CHUNK, plan.reserve)
        if status == W.CROWDED:
            if w.customers.size > MOST:
                raise NoAnswer(_crowded(plan, w))
            w = grown(w, max(w.customers.size, int(w.sources["pending"].max(initial=0)) + plan.reserve))
        elif status == W.SHORT:
            draw = int(w.clock[0]["short"])
            raise NoAnswer(exhausted(plan.names[draw], int(w.draws["length"][draw])))
        elif status != W.RUNNING:
            yield w
            return
        yield w


def _crowded(plan: Plan, w: W.World) -> Fault:
    at = plan.declared.places[int(np.argmax(w.nodes["inside"]))]
    found = f"{int(w.clock[0]['inside']):,} customers are inside at {float(w.clock[0]['now']):.6g}, most at {at!r:.60}"
    return Fault("simulation.crowded", found, "", "Add servers, give a capacity, or a shorter time")


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


def _bin_ends() -> Floats:
    """Where each bin begins, and the last one ends, shape (bins + 1,)."""
    at = np.arange(W.HISTOGRAM + 1) - 1
    power, part = np.divmod(at, 1 << W.BITS)
    ends = np.ldexp(1 + part / (1 << W.BITS), power + W.LOWEST)
    ends[0] = 0.0
    return ends
