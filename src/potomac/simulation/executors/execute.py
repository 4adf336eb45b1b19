"""Replications of a model by the event loop, one after the other or in several processes: the same numbers each way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import inf, isfinite

import numpy as np

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, NoAnswer
from potomac.simulation.executors import reliability
from potomac.simulation.executors.parallel import spread
from potomac.simulation.executors.recursions import in_a_row, recur
from potomac.simulation.executors.replication import Counts, Replication, Window, exhausted, histogram_quantiles
from potomac.simulation.loop import world
from potomac.simulation.loop.plan import Declared, Plan, grown, planned
from potomac.stats.streams import Stream

__all__ = ["begun", "executor", "replicate", "replications", "steps"]

Executor = Callable[..., "Replication"]

CHUNK = 2_000_000
"""Events between two looks at the progress: about a tenth of a second."""

MOST = 20_000_000
"""Customers inside at one time that are too many for anybody's memory."""


def replications(
    declared: Declared, numbers: Sequence[int], window: Window, stream: Stream, *, quantiles: Sequence[float] = (),
    jobs: int | None = 1, mirrored: bool = False, progress: Progress | None = None, histograms: bool = False,
) -> list[Replication]:  # fmt: skip
    """The replications of these numbers, in their order.

    Args:
        declared: the model, in order.
        numbers: of the replications: 17 alone is the 17 of a hundred.
        window: the time that counts.
        stream: keys the draws.
        quantiles: shares, of which the quantiles are kept.
        jobs: processes (-1: as many as there are; None: as joblib is set); the answer is the same with one or many.
        mirrored: draws 1 - u in place of u (antithetic).
        progress: hears how many are done.
        histograms: keep them.

    Raises:
        NoAnswer: a trace has ended, or too many customers are inside.
    """
    if declared.components:
        return reliability.replications(
            declared, numbers, window, stream, jobs=jobs, mirrored=mirrored, progress=progress
        )
    tell, plan = progress or Quiet(), planned(declared)

    replicated = executor(declared)

    def one(number: int, heard: Callable[[float], None]) -> Replication:
        return replicated(plan, number, window, stream, quantiles, mirrored, heard, histograms)

    if jobs == 1 or len(numbers) < 2:
        out: list[Replication] = []
        for number in numbers:
            out.append(one(number, lambda share: tell("replications", len(out) + share, len(numbers))))
        tell("replications", len(numbers), len(numbers))
        return out
    work = partial(_pack, declared, window, stream, tuple(quantiles), mirrored, histograms)
    return spread(work, numbers, jobs, tell)


def executor(declared: Declared) -> Executor:
    """What runs a model fastest: a recursion where first come is first served in a row, else the event loop."""
    row = in_a_row(declared)
    if row is None:
        return replicate
    return lambda plan, *rest: recur(plan, row, *rest)


def _pack(
    declared: Declared, window: Window, stream: Stream, quantiles: Sequence[float], mirrored: bool, histograms: bool,
    numbers: list[int],
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
    end, w = window.end, begun(plan, number, window, stream, mirrored)
    for stepped in steps(plan, w):
        w = stepped
        now = float(w.clock[0]["now"])
        heard(min(now / end, 1.0) if isfinite(end) else 0.0)
    k = w.clock[0]
    last = min(end, max(float(k["now"]), window.start)) if not isfinite(end) else end
    return Replication(
        number, w.tally, histogram_quantiles(w.histogram, quantiles), w.greatest, last, int(k["events"]),
        int(k["visits"]), Counts.of(w.histogram) if keep else None,
    )  # fmt: skip


def begun(plan: Plan, number: int, window: Window, stream: Stream, mirrored: bool = False, log: int = 0) -> world.World:
    """The world at the start of a replication.

    Args:
        plan: of the model.
        number: of the replication.
        window: the time that counts; those who came within it are followed for as long again at most.
        stream: keys the draws.
        mirrored: draws 1 - u in place of u.
        log: rows of the event log; 0 for none.
    """
    limit = 2 * window.end - window.start if isfinite(window.end) else inf
    rng = plan.generators(stream, number, mirrored)
    return plan.world(rng, window.edges, limit=limit, counted_from=window.first, log=log)


def steps(plan: Plan, w: world.World) -> Iterator[world.World]:
    """Run the loop to its end, and hand out the world after each chunk of events, or when its log is half full.

    Raises:
        NoAnswer: a trace has ended, or too many customers are inside.
    """
    from potomac.simulation.loop.kernel import run

    while True:
        status = run(w.clock, CHUNK, plan.reserve)
        if status == world.CROWDED:
            if w.customers.size > MOST:
                raise NoAnswer(_crowded(plan, w))
            w = grown(w, max(w.customers.size, int(w.sources["pending"].max(initial=0)) + plan.reserve))
        elif status == world.SHORT:
            draw = int(w.clock[0]["short"])
            raise NoAnswer(exhausted(plan.names[draw], int(w.draws["length"][draw])))
        elif status not in (world.RUNNING, world.LOGGED):
            yield w
            return
        yield w


def _crowded(plan: Plan, w: world.World) -> Fault:
    at = plan.declared.places[int(np.argmax(w.nodes["inside"]))]
    found = f"{int(w.clock[0]['inside']):,} customers are inside at {float(w.clock[0]['now']):.6g}, most at {at!r:.60}"
    return Fault("simulation.crowded", found, "", "Add servers, give a capacity, or a shorter time")
