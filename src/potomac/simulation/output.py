"""From replications to estimates: how long to run, what to leave out, when to stop, how sure one can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite, isnan, nan
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import numpy as np

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, NoAnswer, StudyError, listing
from potomac.simulation.alarms import alarms
from potomac.simulation.analytic import analytic
from potomac.simulation.arrow import table_of
from potomac.simulation.estimates.estimate import Estimate, Way, estimates
from potomac.simulation.estimates.horizon import Horizon, ends, horizon
from potomac.simulation.estimates.stopping import LEAST, Stopped, enough
from potomac.simulation.estimates.tails import of_tails
from potomac.simulation.estimates.warmup import Warmup, rising
from potomac.simulation.executors.execute import replications
from potomac.simulation.executors.log import batches
from potomac.simulation.executors.measures import Values, measured, series
from potomac.simulation.executors.reliability import given_up
from potomac.simulation.executors.replication import Replication, Window
from potomac.simulation.loop.plan import Declared
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Asked", "Estimate", "Simulated", "simulate"]

SHOWN = 40
"""Measures that are printed."""


@dataclass(frozen=True)
class Asked:
    """How a model is run.

    Attributes:
        until: time at which a replication ends; None: as long as the model needs.
        replications: how many; None with a precision; 1 for a single long run, whose pieces give the interval.
        precision: half-width over mean that is wanted; None for a fixed number.
        of: measure (``wait`` or ``desk:wait``) whose precision is meant.
        warmup: time left out at the start, or ``auto``.
        confidence: share.
        quantiles: shares whose quantiles of waits are estimated.
        most: replications at which the search for precision stops.
        seed: of the streams.
        jobs: processes; None: as joblib is set.
        budget: seconds after which the search for precision stops.
        antithetic: replications come in pairs, the second of draws 1 - u in place of u.
    """

    until: float | None = None
    replications: int | None = None
    precision: float | None = None
    of: str = ""
    warmup: float | Literal["auto"] = "auto"
    confidence: float = 0.95
    quantiles: tuple[float, ...] = (0.5, 0.9, 0.99)
    most: int = 1000
    seed: int = 0
    jobs: int | None = 1
    budget: float = inf
    antithetic: bool = False


@dataclass(frozen=True, repr=False)
class Simulated:
    """What came of running a model.

    Attributes:
        declared: the model.
        asked: how it was run.
        window: the time that counted.
        estimates: all measures.
        values: one value a replication for each measure.
        runs: the replications, for pictures.
        warmup: how the warm-up was found.
        notes: what a reader must know, in sentences.
        reached: whether the precision asked for was reached.
    """

    declared: Declared
    asked: Asked
    window: Window
    estimates: tuple[Estimate, ...]
    values: Values
    runs: tuple[Replication, ...] = field(repr=False)
    warmup: Warmup
    notes: tuple[str, ...] = ()
    reached: bool = True

    def __repr__(self) -> str:
        return text_of(self)

    @property
    def measures(self) -> pa.Table:
        """Arrow table: where, measure, mean, low, high, half_width, replications, exact."""
        names = ("where", "measure", "mean", "low", "high", "half_width", "replications", "exact")
        return table_of({name: [getattr(e, name) for e in self.estimates] for name in names})

    def estimate(self, where: str, measure: str) -> Estimate:
        """One of the estimates.

        Raises:
            StudyError: there is none of that name; the message lists those of the place.
        """
        for e in self.estimates:
            if (e.where, e.measure) == (where, measure):
                return e
        there = [e.measure for e in self.estimates if e.where == where] or sorted({e.where for e in self.estimates})
        raise StudyError(
            Fault("simulation.measure", f"there is no {measure} of {where}", f"expected one of {listing(there, 30)}")
        )

    def events(
        self, replications: Sequence[int] | None = None, progress: Progress | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The event log, as a stream of Arrow batches: columns replication, time, event, where, customer, kind, ...

        It is made while it is read, by running the replications once more, and takes no memory to speak of. Customers
        who came within the time that counts are followed until they are through, also beyond its end.

        Args:
            replications: which of them, counted from 0; default all.
            progress: hears how far it is.

        Raises:
            StudyError: there is no such replication, or components that are not repaired, which keep no log.
        """
        numbers = range(len(self.runs)) if replications is None else replications
        missing = [i for i in numbers if not 0 <= i < len(self.runs)]
        if missing:
            found, expected = f"there is no replication {missing[0]}", f"expected 0 to {len(self.runs) - 1}"
            raise StudyError(Fault("simulation.log", found, expected, key="replications"))
        wanted = [(i, self.runs[i].number, self.asked.antithetic and i % 2 == 1) for i in numbers]
        return batches(self.declared, wanted, self.window, stream_of(self.asked.seed), progress)


def simulate(
    declared: Declared, asked: Asked, progress: Progress | None = None, clock: Callable[[], float] = perf_counter
) -> Simulated:
    """Run a model that is in order, as asked.

    Args:
        declared: the model.
        asked: how.
        progress: hears how far it is.
        clock: seconds, for the budget.

    Raises:
        StudyError: what is asked makes no sense.
        NoAnswer: the model has no long run and no end was given; runs are too short for it; a mean has no valid
            interval; a trace ended; too many are inside.
    """
    _check(declared, asked)
    endless = [*_endless(declared)]
    if endless and not _quantile(asked.of):
        raise NoAnswer(endless)
    tell, stream = progress or Quiet(), stream_of(asked.seed)
    found = horizon(declared, asked.until, asked.warmup, asked.replications, stream, tell)
    if found.warmup.steady and not endless:
        refused_in_the_long_run(declared, asked)
        endless = [*_heavy(declared)]
    way = Way(found.warmup.steady, asked.antithetic, asked.replications == 1, asked.confidence, found.widened)
    stopped = _run(declared, asked, found.window, way, stream, tell, clock)
    found = _settled(declared, stopped.runs, found)
    way = replace(way, steady=found.warmup.steady, single=way.single and declared.lehmer is None)
    if way.single and not way.steady:
        said = "one run that is not of the long run has no interval"
        raise NoAnswer(Fault("simulation.short", said, "", "Give 2 or more replications", key="run.replications"))
    exact = _exact(declared, asked, found.warmup)
    all_ = estimates(declared, stopped.runs, found.window, asked.quantiles, way, exact)
    kept = measured(declared, stopped.runs, found.window, asked.quantiles)
    if endless:
        all_ = tuple(e if _quantile(e.measure) else _without(e) for e in all_)
    told = (*found.notes, *given_up(declared, stopped.runs), *_notes(all_, stopped, asked, found))
    told += tuple(_pairs(all_, kept)) if asked.antithetic else ()
    told += tuple(f"{f.found}: only quantiles have an interval." for f in endless)
    told += tuple(_swayed(declared, asked)) if found.warmup.steady and not endless else ()
    return Simulated(
        declared, asked, found.window, all_, kept, stopped.runs, found.warmup, told, stopped.reached
    )  # fmt: skip


def refused(declared: Declared, asked: Asked) -> None:
    """Refuse what makes no sense, and means that have no valid interval, before anything runs.

    Raises:
        StudyError: what is asked makes no sense.
        NoAnswer: services or repairs have an infinite variance, and no quantile is asked for.
    """
    _check(declared, asked)
    endless = [*_endless(declared)]
    if endless and not _quantile(asked.of):
        raise NoAnswer(endless)


def refused_in_the_long_run(declared: Declared, asked: Asked) -> None:
    """Refuse means of waits that have no valid interval in the long run.

    Raises:
        NoAnswer: waits have an infinite variance, and no quantile is asked for.
    """
    heavy = [*_heavy(declared)]
    if heavy and not _quantile(asked.of):
        raise NoAnswer(heavy)


def _exact(d: Declared, a: Asked, warmup: Warmup) -> dict[tuple[str, str], float]:
    if warmup.steady:
        return analytic(d)
    if not d.components:  # what ends by itself is known as a whole, or not at all
        return analytic(d) if ends(d) and a.until is None and not warmup.time and d.lehmer is None else {}
    first = ("mttf", "reliability")  # the first failure does not wait for a long run
    return {key: value for key, value in analytic(d).items() if key[1].startswith(first)}


def stream_of(seed: int) -> Stream:
    """The stream that keys all draws of a model."""
    return Stream(seed).child("simulation")


def text_of(r: Simulated) -> str:
    """What came of it, as a small table."""
    until = f"until {r.window.end:.6g}" if isfinite(r.window.end) else "until all were through"
    head = f"{r.declared.name}: {len(r.runs):,} replications {until}"
    head += f", the first {r.window.start:.6g} left out" if r.window.start else ""
    rows: list[tuple[str, ...]] = [("where", "measure", "mean", "low", "high", "exact")]
    for e in r.estimates[:SHOWN]:
        numbers = (e.mean, e.low, e.high, nan if e.exact is None else e.exact)
        rows.append((e.where, e.measure, *("" if isnan(x) else f"{x:.6g}" for x in numbers)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    pad = (str.ljust, str.ljust, *(str.rjust,) * 4)
    lines = ["  ".join(f(cell, w) for f, cell, w in zip(pad, row, widths, strict=True)).rstrip() for row in rows]
    more = len(r.estimates) - SHOWN
    return "\n".join([head, *lines, *([f"and {more} more"] if more > 0 else []), *r.notes])


def _quantile(measure: str) -> bool:
    return "_q" in measure.rpartition(":")[2]


def _without(e: Estimate) -> Estimate:
    return replace(e, low=nan, high=nan, half_width=nan)


def _endless(d: Declared) -> Iterator[Fault]:
    """A fault for each time whose mean or variance is infinite: averages of waits then have no valid interval.

    Waits have a finite mean only where services have a finite variance (Kiefer and Wolfowitz 1956).
    """
    for s in d.stations:
        times = [("service", t) for t in s.service.values()]
        if s.repair is not None:
            times.append(("repair", s.repair))
        for what, t in times:
            if not isfinite(t.variance):
                which = "mean" if not isfinite(t.mean) else "variance"
                found = f"the {what} time {t} of {s.name!r:.60} has infinite {which}: no valid mean interval"
                mend = "Ask for a quantile, e.g. of = wait_q90, or cut the distribution off"
                yield Fault("simulation.infinite-variance", found, "", mend, key=f"station.{s.name}.{what}")


def _heavy(d: Declared) -> Iterator[Fault]:
    """A fault for each single server whose waits have an infinite variance in the long run.

    They have where services have an infinite third moment (Takacs 1962): the waits of M/G/1 have the variance
    E[W]^2 + lambda E[S^3] / (3 (1 - rho)), and averages of such come to no interval.
    """
    for s in d.stations:
        waits = s.discipline != "sharing" and not (s.discipline == "lcfs" and s.preemption != "none")
        if s.servers != 1 or s.calendar or not waits or s.capacity <= 1:
            continue
        for t in s.service.values():
            if t.family == "pareto" and t["shape"] <= 3:
                found = f"waits at {s.name!r:.60} have infinite variance, as its service time {t} has no third moment"
                mend = "Ask for a quantile, e.g. of = wait_q90, or cut the distribution off"
                key = f"station.{s.name}.service"
                yield Fault("simulation.infinite-variance", f"{found}: no valid mean interval", "", mend, key=key)


def _swayed(d: Declared, a: Asked) -> Iterator[str]:
    """What is said of waits that a few long services rule."""
    for where, service in of_tails(d.stations):
        yield (
            f"A few long services of {where}, {service}, rule its waits: intervals of their averages hold somewhat "
            f"less often than {100 * a.confidence:.4g} %."
        )


def _run(
    d: Declared, a: Asked, window: Window, way: Way, stream: Stream, tell: Progress, clock: Callable[[], float]
) -> Stopped:
    """As many replications as are asked for, or as the precision takes."""

    def more(start: int, stop: int) -> list[Replication]:
        each = {"quantiles": a.quantiles, "jobs": a.jobs, "progress": tell, "histograms": bool(a.quantiles)}
        if not a.antithetic:
            return replications(d, range(start, stop), window, stream, **each)  # type: ignore[arg-type]
        pairs = range(start // 2, (stop + 1) // 2)
        plain = replications(d, pairs, window, stream, **each)  # type: ignore[arg-type]
        other = replications(d, pairs, window, stream, mirrored=True, **each)  # type: ignore[arg-type]
        return [run for pair in zip(plain, other, strict=True) for run in pair]

    def worst(runs: Sequence[Replication]) -> float:
        return _worst(d, runs, window, a, way)

    if d.lehmer is not None:
        return Stopped(tuple(more(0, 1)))
    if a.precision is None:
        return Stopped(tuple(more(0, a.replications or LEAST)))
    first = max(a.replications or LEAST, LEAST) * (2 if a.antithetic else 1)
    return enough(more, worst, a.precision, first=first, most=max(a.most, 2), budget=a.budget, clock=clock)


def _worst(d: Declared, runs: Sequence[Replication], window: Window, a: Asked, way: Way) -> float:
    """Half-width over mean of the measures that are meant, the largest."""
    where, _, measure = a.of.rpartition(":")
    found = estimates(d, runs, window, a.quantiles if "_q" in measure else (), way)
    meant = [e for e in found if e.measure == measure and (not where or e.where == where)] if a.of else [_main(found)]
    if not meant:
        expected = f"expected one of {listing(sorted({e.measure for e in found}), 30)}"
        raise StudyError(Fault("simulation.measure", f"there is no measure {a.of!r:.60}", expected, key="run.of"))
    widths = [e.half_width / abs(e.mean) if e.mean else (0.0 if e.half_width == 0 else inf) for e in meant]
    return max(w if isfinite(w) else inf for w in widths)


def _main(found: Sequence[Estimate]) -> Estimate:
    """The measure that is meant where none is named: time in the system, else the first."""
    return next((e for e in found if e.measure == "time_in_system"), found[0])


def _settled(d: Declared, runs: Sequence[Replication], h: Horizon) -> Horizon:
    """The horizon, without a long run where the number inside goes on rising."""
    if d.components or not h.warmup.steady:
        return h
    curve = series(d, runs, h.window.edges, "system", "number_in_system")[:, h.window.first :]
    if not rising(curve):
        return h
    half = curve.shape[1] // 2
    first, last = float(curve[:, :half].mean()), float(curve[:, -half:].mean())
    note = (
        f"The model does not settle: {first:.4g} customers are inside in the first half of the time, {last:.4g} in the "
        f"second. All figures are of the time until {h.window.end:.6g}, not of a long run."
    )
    return replace(h, warmup=replace(h.warmup, steady=False), notes=(*h.notes, note))


def _check(d: Declared, a: Asked) -> None:
    def wrong(name: str, expected: str) -> StudyError:
        return StudyError(
            Fault("simulation.run", f"{name} is {getattr(a, name)!r:.60}", f"expected {expected}", key=f"run.{name}")
        )

    if a.until is not None and not 0 < a.until < inf:
        raise wrong("until", "a time above 0")
    if a.replications is not None and (isinstance(a.replications, bool) or a.replications < 1):
        raise wrong("replications", "1 or more")
    if a.replications == 1 and d.lehmer is None:
        if d.components or ends(d):
            raise wrong("replications", "2 or more: one run of a model that ends by itself has no interval")
        if a.precision is not None or a.antithetic:
            raise wrong("replications", "2 or more with precision or antithetic")
    if a.antithetic and d.lehmer is not None:
        raise wrong("antithetic", "False: a published run has one order of draws")
    if a.antithetic and (a.replications or 2) % 2:
        raise wrong("replications", "an even number with antithetic: replications come in pairs")
    if a.antithetic and a.replications == 2:
        raise wrong("replications", "4 or more with antithetic: each pair counts as one")
    if not a.budget > 0:
        raise wrong("budget", "seconds above 0")
    if a.jobs == 0 or isinstance(a.jobs, bool):
        raise wrong("jobs", "1 or more, or -1 for all there are")
    if a.most < 2:
        raise wrong("most", "2 or more")
    if a.precision is not None and not 0 < a.precision < 1:
        raise wrong("precision", "a share between 0 and 1")
    if not 0.5 <= a.confidence < 1:
        raise wrong("confidence", "a share of at least .5 and below 1")
    if a.warmup != "auto" and not 0 <= a.warmup < (a.until or inf):
        raise wrong("warmup", "auto, or a time before until")
    if any(not 0 < q < 1 for q in a.quantiles):
        raise wrong("quantiles", "shares between 0 and 1")


def _notes(found: Sequence[Estimate], stopped: Stopped, a: Asked, h: Horizon) -> Iterator[str]:
    if not stopped.reached and a.precision is not None:
        why = f"{a.budget:g} seconds" if stopped.late else f"{len(stopped.runs):,} replications"
        yield (
            f"The precision of {a.precision:.3g} was not reached with {why}: the half-width is "
            f"{stopped.half_width:.3g} of the mean."
        )
    if h.widened > 1.02:
        yield f"The runs are short for this model; intervals are {100 * (h.widened - 1):.0f} % wider to allow for it."
    if a.replications == 1:
        yield "The interval of a single run comes from its pieces; quantiles have none."
    far = [e for e in found if _quantile(e.measure) and e.replications > 1 and isfinite(e.mean) and e.low != e.low]
    if far and a.replications != 1:
        names = listing([f"{e.measure} of {e.where}" for e in far], 3)
        yield f"Too few were seen for an interval of {names}: it takes more replications."
    left = sum(r.unfinished for r in stopped.runs)
    if left:
        yield f"{left:,} visits had not ended when the runs were given up; their waits are missing."
    yield from alarms(found, a.confidence).notes()


def _pairs(found: Sequence[Estimate], values: Values) -> Iterator[str]:
    """What antithetic draws brought: the mean of a pair has the variance (1 + rho) / 2 of a single one's."""
    main = _main(found)
    x = values[main.where, main.measure]
    first, second = x[0::2], x[1::2]
    if first.size < 3 or not first.std() > 0 or not second.std() > 0:
        return
    rho = float(np.corrcoef(first, second)[0, 1])
    brought = (
        f"as {1 / (1 + rho):.3g} times as many independent ones" if -1 < rho < 0 else "no more than independent ones"
    )
    yield (f"Antithetic pairs are correlated by {rho:.2g} in {main.measure} of {main.where}: they tell {brought}.")
