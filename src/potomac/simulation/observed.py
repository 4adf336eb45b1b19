"""What one replication of the user's own processes came to, under the names that the measures of a model have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from potomac.simulation.books import Area, Values, Visits
from potomac.simulation.executors.measures import Parts, quantile_name
from potomac.simulation.executors.measures import Values as Measured
from potomac.simulation.executors.replication import Counts, Window, histogram_quantiles

__all__ = ["Observed", "counts_of", "curves", "entered", "parts_of", "quantiles_of", "served", "waited"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Key = tuple[str, str]


@dataclass
class Observed:
    """Sums by slice of time of one replication.

    Attributes:
        number: of the replication.
        first: slice from which on they count.
        widths: of the slices, shape (B,).
        unfinished: visits that began within the time that counts and had not ended when the run was given up.
        sums: (where, measure) -> what was summed, and over how many; None: over time; shape (B,) each.
        histograms: (where, what) -> counts of the slices that count.
        within: a kind's ``where`` -> the place, or the system, whose kind it is.
        inside: customers inside, average of each slice, shape (B,).
    """

    number: int
    first: int
    widths: Floats
    unfinished: int
    sums: dict[Key, tuple[Floats, Floats | None]] = field(default_factory=dict)
    histograms: dict[Key, Counts] = field(default_factory=dict)
    within: dict[str, str] = field(default_factory=dict)
    inside: Floats = field(default_factory=lambda: np.zeros(0))

    @staticmethod
    def empty(number: int, window: Window, last: float, unfinished: int) -> Observed:
        """Without anything in it, for a run that counted until ``last``."""
        widths = np.diff(np.concatenate([[0.0], np.minimum(window.edges, last)]))
        return Observed(number, window.first, np.maximum(widths, 0.0), unfinished)

    def _of(self, sums: Iterable[float]) -> Floats:
        return np.array([*sums], float)[: self.widths.size]

    def averaged(self, where: str, measure: str, *areas: Area) -> None:
        """An average over time: of a curve, or of the sum of several."""
        zero = np.zeros(self.widths.size)
        self.sums[where, measure] = sum((self._of(a.sums) for a in areas), zero), None

    def rated(self, where: str, measure: str, *counts: Sequence[float]) -> None:
        """So many a unit of time."""
        self.sums[where, measure] = sum((self._of(c) for c in counts), np.zeros(self.widths.size)), None

    def shared(self, where: str, measure: str, above: Iterable[float], below: Iterable[float]) -> None:
        """One sum over another."""
        self.sums[where, measure] = self._of(above), self._of(below)

    def meant(self, where: str, what: str, *values: Values) -> None:
        """A mean over customers, with its histogram where none is below 0."""
        zero = np.zeros(self.widths.size)
        above, below = sum((self._of(v.sums) for v in values), zero), sum((self._of(v.count) for v in values), zero)
        self.sums[where, what] = above, below
        counted = [v.counted() for v in values]
        if counted and min(v.least for v in values) >= 0:
            self.histograms[where, what] = Counts.of(np.sum(counted, axis=0)[None])


def _visits(out: Observed, where: str, visits: Visits, kinds: Sequence[str], station: bool) -> None:
    """Measures of a place, of all its customers or of one kind."""
    of = [visits.kinds[k] for k in kinds]
    out.meant(where, "wait", *(k.wait for k in of))
    if station:
        out.meant(where, "time_in_station", *(k.stay for k in of))
        out.histograms.pop((where, "time_in_station"), None)
    out.averaged(where, "queue_length", *(k.queue for k in of))
    if station:
        out.averaged(where, "number_in_station", *(k.queue for k in of), *(k.service for k in of))
        out.averaged(where, "busy_servers", *(k.service for k in of))
    out.rated(where, "throughput", *(k.left for k in of))
    waits = np.sum([k.wait.count for k in of], axis=0) if of else np.zeros(visits.slices.number)
    out.shared(where, "p_wait", np.sum([k.delayed for k in of], axis=0) if of else waits, waits)
    arrived = np.sum([k.arrived for k in of], axis=0) if of else waits
    for how in dict.fromkeys([*visits.lost, *(name for k in of for name in k.lost)]):
        out.shared(where, how, sum((np.array(k.lost[how]) for k in of if how in k.lost), 0 * arrived), arrived)


def _of_kinds(out: Observed, name: str, visits: Visits, station: bool) -> None:
    _visits(out, name, visits, [*visits.kinds], station)
    for kind in visits.kinds:
        where = f"{name}:{kind or 'other'}"
        out.within[where] = name
        _visits(out, where, visits, [kind], station)


def served(out: Observed, name: str, visits: Visits, capacity: float) -> None:
    """Measures of a resource that customers hold for a while."""
    _of_kinds(out, name, visits, True)
    busy = out.sums[name, "busy_servers"][0]
    out.shared(name, "utilization", busy, capacity * out.widths)


def waited(out: Observed, name: str, visits: Visits) -> None:
    """Measures of those who wait for what a container or a store holds."""
    _of_kinds(out, name, visits, False)


def entered(out: Observed, customers: Visits, places: Sequence[Visits]) -> None:
    """Measures of the system, where its customers are told; and how many are inside, by slice."""
    each = [("system", [*customers.kinds])] if customers.kinds else []
    each += [(kind or "other", [kind]) for kind in customers.kinds]
    for where, kinds in each:
        of = [customers.kinds[k] for k in kinds]
        out.meant(where, "time_in_system", *(k.stay for k in of))
        out.averaged(where, "number_in_system", *(k.service for k in of))
        out.rated(where, "throughput", *(k.left for k in of))
        if where != "system":
            out.within[where] = "system"
    areas = [*customers.areas()] or [area for visits in places for area in visits.areas()]
    inside = sum((np.array(a.sums[: out.widths.size]) for a in areas), np.zeros(out.widths.size))
    with np.errstate(divide="ignore", invalid="ignore"):
        out.inside = np.where(out.widths > 0, inside / out.widths, 0.0)


def _wheres(runs: Sequence[Observed]) -> frozenset[str]:
    """Kinds that are told apart: those of places that have several."""
    within = {where: parent for r in runs for where, parent in r.within.items()}
    parents = [*within.values()]
    return frozenset(where for where, parent in within.items() if parents.count(parent) > 1)


def _keys(found: Iterable[Iterable[Key]], runs: Sequence[Observed]) -> list[Key]:
    """All that any replication has, in the order of the first; kinds only where there are several."""
    several, of_kinds = _wheres(runs), {where for r in runs for where in r.within}
    keys = dict.fromkeys(key for each in found for key in each)
    return [key for key in keys if key[0] not in of_kinds or key[0] in several]


def parts_of(runs: Sequence[Observed]) -> Parts:
    """All measures as ratios, one value a replication each: what was summed, over how many customers or how long."""
    time = np.array([r.widths[r.first :].sum() for r in runs])
    out: Parts = {}
    for key in _keys((r.sums for r in runs), runs):
        found = [(r.first, r.sums.get(key)) for r in runs]
        above = np.array([0.0 if f is None else f[0][first:].sum() for first, f in found])
        if any(f is not None and f[1] is None for _, f in found):
            out[key] = above, time
        else:
            below = [0.0 if f is None or f[1] is None else f[1][first:].sum() for first, f in found]
            out[key] = above, np.array(below)
    return out


def counts_of(runs: Sequence[Observed]) -> dict[Key, list[Ints]]:
    """(where, what) -> the histogram of each replication, of what is never below 0."""
    out = {}
    for key in _keys((r.histograms for r in runs), runs):
        negative = any(key in r.sums and key not in r.histograms and r.sums[key][0].any() for r in runs)
        if not negative:
            have = [r.histograms.get(key) for r in runs]
            size = next(c.shape[1] for c in have if c is not None)
            out[key] = [np.zeros(size, np.int64) if c is None else c.row(0) for c in have]
    return out


def quantiles_of(runs: Sequence[Observed], of: Sequence[float]) -> Measured:
    """(where, measure) -> quantile of each replication, shape (R,)."""
    out: Measured = {}
    for (where, what), counts in counts_of(runs).items():
        each = histogram_quantiles(np.stack(counts), of)
        out |= {(where, quantile_name(what, q)): each[:, n] for n, q in enumerate(of)}
    return out


def curves(runs: Sequence[Observed]) -> Floats:
    """Customers inside by replication and slice, shape (R, B)."""
    return np.stack([r.inside for r in runs])
