"""From replications to estimates: how long to run, what to leave out at the start, when to stop, how sure one can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, inf, isfinite, nan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, NoAnswer, StudyError, listing
from potomac.simulation.cycles import window_of
from potomac.simulation.execute import replications
from potomac.simulation.measures import Values, measured
from potomac.simulation.plan import Declared
from potomac.simulation.reliability import LIVES, given_up, plant_of
from potomac.simulation.replication import Replication, Window
from potomac.simulation.traffic import traffic, unstable
from potomac.simulation.warmup import Warmup, relaxation, truncated
from potomac.stats.intervals import mean_interval, proportion_interval
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Asked", "Estimate", "Simulated", "estimates", "simulate"]

Floats = npt.NDArray[np.float64]

LEAST = 10
"""Replications from which on an interval is believed."""


@dataclass(frozen=True)
class Asked:
    """How a model is run.

    Attributes:
        until: time at which a replication ends; None: as long as the model needs.
        replications: how many; None with a precision.
        precision: half-width over mean that is wanted; None for a fixed number.
        of: measure (``wait`` or ``desk:wait``) whose precision is meant.
        warmup: time left out at the start, or ``auto``.
        confidence: share.
        quantiles: shares whose quantiles of waits are estimated.
        most: replications at which the search for precision stops.
        seed: of the streams.
        jobs: processes.
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
    jobs: int = 1


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
        return self.exact is not None and not self.low <= self.exact <= self.high


@dataclass(frozen=True)
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

    @property
    def measures(self) -> pa.Table:
        """Arrow table: where, measure, mean, low, high, half_width, replications, exact."""
        import pyarrow as pa

        names = ("where", "measure", "mean", "low", "high", "half_width", "replications", "exact")
        columns = {name: [getattr(e, name) for e in self.estimates] for name in names}
        types = (pa.string(), pa.string(), *(pa.float64(),) * 4, pa.int64(), pa.float64())
        return pa.table(columns, schema=pa.schema(list(zip(names, types, strict=True))))

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


def estimates(values: Values, exact: Mapping[tuple[str, str], float], confidence: float) -> tuple[Estimate, ...]:
    """Student's interval of each measure over the replications in which it was seen."""
    return tuple(_estimate(key, x, exact.get(key), confidence) for key, x in values.items())


def _estimate(key: tuple[str, str], x: Floats, exact: float | None, confidence: float) -> Estimate:
    seen = x[np.isfinite(x)]
    if not seen.size:
        return Estimate(*key, nan, nan, nan, nan, 0, exact)
    mean = float(seen.mean())
    if key[1].startswith("reliability"):  # shares of lives, often near 1
        low, high = proportion_interval(round(float(seen.sum()) * LIVES), seen.size * LIVES, confidence)
    else:
        low, high = mean_interval(seen, confidence)
    return Estimate(*key, mean, low, high, (high - low) / 2, int(seen.size), exact)


def simulate(declared: Declared, asked: Asked, progress: Progress | None = None) -> Simulated:
    """Run a model that is in order, as asked.

    Raises:
        StudyError: what is asked makes no sense.
        NoAnswer: the model has no long run and no end was given; a trace ended; too many are inside.
    """
    _check(asked)
    tell, stream = progress or Quiet(), Stream(asked.seed).child("simulation")
    window, warmup, notes = _window(declared, asked, stream, tell)
    runs, reached = _enough(declared, asked, window, stream, tell)
    values = measured(declared, runs, window, asked.quantiles)
    from potomac.simulation.analytic import analytic

    exact = analytic(declared) if warmup.steady or declared.components else {}
    if declared.components and not warmup.steady:  # the first failure does not wait for a long run
        exact = {key: value for key, value in exact.items() if key[1].startswith(("mttf", "reliability"))}
    found = estimates(values, exact, asked.confidence)
    told = (*notes, *given_up(declared, runs), *_notes(found, runs, asked, reached))
    return Simulated(declared, asked, window, found, values, tuple(runs), warmup, told, reached)


def _check(a: Asked) -> None:
    def wrong(name: str, expected: str) -> StudyError:
        return StudyError(
            Fault("simulation.run", f"{name} is {getattr(a, name)!r:.60}", f"expected {expected}", key=f"run.{name}")
        )

    if a.until is not None and not a.until > 0:
        raise wrong("until", "a time above 0")
    if a.replications is not None and (isinstance(a.replications, bool) or a.replications < 2):
        raise wrong("replications", "2 or more, so that there is an interval")
    if a.precision is not None and not 0 < a.precision < 1:
        raise wrong("precision", "a share between 0 and 1")
    if not 0.5 <= a.confidence < 1:
        raise wrong("confidence", "a share of at least .5 and below 1")
    if a.warmup != "auto" and not (isinstance(a.warmup, (int, float)) and 0 <= a.warmup < (a.until or inf)):
        raise wrong("warmup", "auto, or a time before until")
    if any(not 0 < q < 1 for q in a.quantiles):
        raise wrong("quantiles", "shares between 0 and 1")


def _ends(d: Declared) -> bool:
    """Whether the model comes to its end by itself: all who come are through at some time."""
    return all(isfinite(s.stop) or s.limit is not None or s.times or (s.rate and not s.rate.repeat) for s in d.sources)


def _window(d: Declared, a: Asked, stream: Stream, tell: Progress) -> tuple[Window, Warmup, list[str]]:
    """The time that counts: given, or found."""
    if d.components:
        window, cut = window_of(plant_of(d), a.until, None if a.warmup == "auto" else float(a.warmup))
        return window, cut, list(cut.notes)
    if _ends(d):
        given = 0.0 if a.warmup == "auto" else float(a.warmup)
        return Window.of(a.until or inf, given), Warmup(given, False, "the model ends by itself"), []
    faults = [*unstable(d, traffic(d))]
    if faults and a.until is None:
        raise NoAnswer(faults)
    if faults:
        note = f"{faults[0].found}: there is no long run, and all figures are of the time until {a.until:g}."
        given = 0.0 if a.warmup == "auto" else float(a.warmup)
        return Window.of(float(a.until or 0), given), Warmup(given, False, "unstable"), [note]
    scale = relaxation(d)
    until = a.until if a.until is not None else 1000 * scale
    if a.warmup != "auto":
        return Window.of(until, float(a.warmup)), Warmup(float(a.warmup), True, "given"), []
    warmup = truncated(d, until, scale, stream, tell)
    return Window.of(until, warmup.time), warmup, list(warmup.notes)


def _enough(d: Declared, a: Asked, window: Window, stream: Stream, tell: Progress) -> tuple[list[Replication], bool]:
    """As many replications as are asked for, or as the precision takes."""

    def more(start: int, stop: int) -> list[Replication]:
        return replications(d, range(start, stop), window, stream, quantiles=a.quantiles, jobs=a.jobs, progress=tell)

    if a.precision is None:
        return more(0, a.replications or 20), True
    runs = more(0, a.replications or LEAST)
    while True:
        worst = max(_relative(measured(d, runs, window, a.quantiles), a), key=lambda r: r)
        if worst <= a.precision:
            return runs, True
        if len(runs) >= a.most:
            return runs, False
        n = len(runs)
        aim = ceil(n * min((worst / a.precision) ** 2, 4.0) * 1.05) + 1
        runs += more(n, min(aim, a.most))


def _relative(values: Values, a: Asked) -> Iterable[float]:
    """Half-width over mean of the measures that are meant."""
    where, _, measure = a.of.rpartition(":")
    keys = [k for k in values if k[1] == measure and (not where or k[0] == where)] if a.of else [_main(values)]
    if not keys:
        names = sorted({m for _, m in values})
        raise StudyError(
            Fault(
                "simulation.measure",
                f"there is no measure {a.of!r:.60}",
                f"expected one of {listing(names, 30)}",
                key="run.of",
            )
        )
    for e in estimates({k: values[k] for k in keys}, {}, a.confidence):
        yield e.half_width / abs(e.mean) if e.mean else (0.0 if e.half_width == 0 else inf)


def _main(values: Values) -> tuple[str, str]:
    """The measure that is meant where none is named: time in the system, else the first."""
    return next((k for k in values if k[1] == "time_in_system"), next(iter(values)))


def _notes(found: Sequence[Estimate], runs: Sequence[Replication], a: Asked, reached: bool) -> list[str]:
    notes = []
    if not reached and a.precision is not None:
        notes.append(f"The precision of {a.precision:.3g} was not reached with {len(runs):,} replications.")
    left = sum(r.unfinished for r in runs)
    if left:
        notes.append(f"{left:,} visits had not ended when the runs were given up; their waits are missing.")
    for e in found:
        if e.missed:
            notes.append(
                f"The exact {e.measure} of {e.where} is {e.exact:.6g}, outside the interval {e.low:.6g} to {e.high:.6g}."
            )
    return notes
