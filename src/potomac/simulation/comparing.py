"""Scenarios side by side, by common random numbers: which differences are real, and how sure one can be.

All scenarios see the same customers: streams are keyed by the name of what draws (``walkin/interarrival``) and by the
replication, so the draws of one part stay the same whatever another part draws more (Law 2015, section 11.2). The
difference of two scenarios is then estimated replication by replication, and its interval is mostly far narrower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import Fault, NoAnswer, StudyError, listing
from potomac.simulation.arrow import table_of
from potomac.simulation.estimates.estimate import Way, samples
from potomac.simulation.estimates.intervals import half_of, skewed_interval
from potomac.simulation.output import Asked, Simulated, simulate

if TYPE_CHECKING:
    import pyarrow as pa

    from potomac.simulation.model import Model

__all__ = ["Compared", "Difference", "compare", "differences"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """How one scenario differs from another.

    Attributes:
        first, second: names of the scenarios.
        mean: of first less second.
        low, high: ends of its interval, which holds together with those of all other pairs.
        half_width: of the interval.
        replications: pairs of them.
        correlation: of the two scenarios' values over the replications; above 0 where common numbers help.
        reduction: share of the variance of the difference that common random numbers take away.
    """

    first: str
    second: str
    mean: float
    low: float
    high: float
    half_width: float
    replications: int
    correlation: float
    reduction: float

    @property
    def real(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Compared:
    """Scenarios and their differences.

    Attributes:
        measure: that was compared, and ``where``.
        where: the place.
        runs: what came of each scenario.
        differences: of all pairs.
        best: names of the scenarios that none is known to beat.
        better: whether smaller or larger is.
        notes: what a reader must know.
    """

    measure: str
    where: str
    runs: Mapping[str, Simulated]
    differences: tuple[Difference, ...]
    best: tuple[str, ...]
    better: Literal["smaller", "larger"]
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> pa.Table:
        """Arrow table: first, second, mean, low, high, half_width, replications, correlation, reduction."""
        names = Difference.__dataclass_fields__
        return table_of({name: [getattr(d, name) for d in self.differences] for name in names})


def compare(
    scenarios: Mapping[str, Model], measure: str = "time_in_system", *,
    better: Literal["smaller", "larger"] = "smaller", until: float | None = None, replications: int = 20,
    warmup: float | Literal["auto"] = "auto", confidence: float = 0.95, common: bool = True, seed: int = 0,
    jobs: int = 1, progress: Progress | None = None,
) -> Compared:  # fmt: skip
    """Run scenarios with common random numbers and compare a measure of all pairs.

    All run equally long and leave out the same time at the start: the longest that one of them needs.

    Args:
        scenarios: name -> model; parts that mean the same thing must have the same names to see the same draws.
        measure: ``wait``, or of one place ``desk:wait``; default the time in the system.
        better: whether a smaller or a larger value is.
        until: end of each replication; default as long as the slowest scenario needs.
        replications: of each scenario.
        warmup: time left out at the start, or ``auto``.
        confidence: that all intervals hold together (Bonferroni).
        common: whether the scenarios share their draws; else each has its own.
        seed: of the streams.
        jobs: processes.
        progress: hears how far it is.

    Raises:
        StudyError: there are fewer than two scenarios, or one has no such measure.
        NoAnswer: a scenario cannot be run so; the message says which.
    """
    if len(scenarios) < 2:
        found = f"there {'is one scenario' if scenarios else 'are no scenarios'}"
        raise StudyError(Fault("simulation.scenarios", found, "expected two or more to compare", key="scenarios"))
    if replications < 2:
        expected = "expected 2 or more, so that there is an interval"
        raise StudyError(Fault("simulation.run", f"replications is {replications!r:.60}", expected, key="replications"))
    runs: dict[str, Simulated] = {}
    asked = Asked(until, replications, warmup=warmup, confidence=confidence, seed=seed, jobs=jobs)
    for n, (name, model) in enumerate(scenarios.items()):
        each = asked if common else replace(asked, seed=seed + 7919 * n)
        runs[name] = _named(name, model, each, progress)
    end = max(r.window.end for r in runs.values())
    start = max(r.window.start for r in runs.values())
    for n, (name, model) in enumerate(scenarios.items()):
        if isfinite(end) and (runs[name].window.end, runs[name].window.start) != (end, start):
            each = replace(asked, until=end, warmup=start, seed=seed if common else seed + 7919 * n)
            runs[name] = _named(name, model, each, progress)
    where, values = _values(runs, measure)
    apart = differences(values, confidence)
    last = next(iter(runs.values())).window
    note = (f"All scenarios run until {last.end:.6g}, and count from {last.start:.6g} on.",) if isfinite(end) else ()
    what = measure.rpartition(":")[2]
    return Compared(what, where, runs, apart, _unbeaten(tuple(runs), apart, better), better, note)


def _named(name: str, model: Model, asked: Asked, progress: Progress | None) -> Simulated:
    """Run one scenario; what is wrong with it is said with its name."""
    try:
        return simulate(model.checked(), asked, progress)
    except (NoAnswer, StudyError) as e:
        raise type(e)([replace(f, key=f"{name}.{f.key}" if f.key else name) for f in e.faults]) from None


def _values(runs: Mapping[str, Simulated], measure: str) -> tuple[str, dict[str, Floats]]:
    """One value a replication and scenario, of the place that is meant or the first that has the measure."""
    place, _, what = measure.rpartition(":")
    out, where = {}, place
    for name, r in runs.items():
        values, _ = samples(r.declared, r.runs, r.window, Way(r.warmup.steady))
        where = place or next((w for w, m in values if m == what), "")
        if (where, what) not in values:
            known = sorted({m for _, m in values})
            found = f"scenario {name!r:.60} has no measure {measure!r:.60}"
            raise StudyError(Fault("simulation.measure", found, f"expected one of {listing(known, 30)}", key="measure"))
        out[name] = values[where, what]
    return where, out


def differences(values: Mapping[str, Any], confidence: float = 0.95) -> tuple[Difference, ...]:
    """Paired intervals of the differences of all pairs, that hold together (Bonferroni; Law 2015, section 10.3).

    Args:
        values: scenario -> one value a replication, shape (R,), in the same order of replications.
        confidence: that all hold together.

    Raises:
        StudyError: the scenarios have different numbers of replications.
    """
    each = {name: np.asarray(x, float) for name, x in values.items()}
    if len({x.size for x in each.values()}) > 1:
        found = listing(f"{x.size} of {name}" for name, x in each.items())
        raise StudyError(Fault("simulation.scenarios", f"replications differ: {found}", "expected as many of each"))
    pairs = [*combinations(each, 2)]
    one = 1 - (1 - confidence) / max(len(pairs), 1)
    return tuple(_difference(a, b, each[a], each[b], one) for a, b in pairs)


def _difference(a: str, b: str, x: Floats, y: Floats, confidence: float) -> Difference:
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if x.size < 2:
        return Difference(a, b, nan, -inf, inf, inf, int(x.size), nan, nan)
    low, high = skewed_interval(x - y, confidence)
    apart = float(x.var(ddof=1) + y.var(ddof=1))
    together = float((x - y).var(ddof=1))
    varied = x.std() > 0 and y.std() > 0
    alike = float(np.corrcoef(x, y)[0, 1]) if varied else nan
    less = 1 - together / apart if apart > 0 else nan
    return Difference(a, b, float((x - y).mean()), low, high, half_of(low, high), int(x.size), alike, less)


def _unbeaten(
    names: tuple[str, ...], found: tuple[Difference, ...], better: Literal["smaller", "larger"]
) -> tuple[str, ...]:
    """The scenarios that no other is shown to beat."""
    beaten = set()
    for d in found:
        if d.real:
            smaller = d.first if d.high < 0 else d.second
            larger = d.second if d.high < 0 else d.first
            beaten.add(larger if better == "smaller" else smaller)
    return tuple(name for name in names if name not in beaten)
