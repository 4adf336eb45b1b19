"""What was observed of a system that a model stands for, and the same as the model gives it in each replication.

A replication covers the same length of time as the observation did. So what a queue remembers from one customer to the
next is in both: a thousand waits in a row are far from a thousand independent ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.simulation.estimates.horizon import ends, horizon
from potomac.simulation.executors.execute import replications
from potomac.simulation.executors.measures import Values, measured, quantile_rows
from potomac.simulation.executors.replication import Replication, Window, _bin_ends, histogram_quantiles
from potomac.simulation.inputs.checked import numbers
from potomac.simulation.loop.plan import Declared
from potomac.simulation.traffic import traffic, unstable
from potomac.simulation.validity.judged import Tried
from potomac.stats.streams import Stream

__all__ = ["Seen", "Stretch", "compared", "seen_of", "window_for"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Key = tuple[str, str]

QUANTILES = (0.5, 0.9)
"""Of observed times."""


@dataclass(frozen=True)
class Seen:
    """What was observed.

    Attributes:
        values: (where, measure) -> one value of the whole observation.
        times: (where, ``wait`` or ``time_in_system``) -> the times of customers, in their order, shape (n,).
    """

    values: Mapping[Key, float] = field(default_factory=dict)
    times: Mapping[Key, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class Stretch:
    """How long the system was observed.

    Attributes:
        until: length; None for as long as the model lasts, or as the observed times took.
        warmup: time from an empty start to the begin of the observation, or ``auto``.
        periods: stretches of that length, apart from each other, over which values were averaged.
    """

    until: float | None = None
    warmup: float | Literal["auto"] = "auto"
    periods: int = 1


def seen_of(observed: Any, of: str, d: Declared) -> Seen:
    """Observations in any of the forms in which ``validate`` takes them.

    Raises:
        StudyError: a place or a measure is not named; or it is one for which no replication stands.
        DataError: a value is missing or no number; the message has the row.
    """
    if isinstance(observed, Mapping) and not {"where", "measure", "value"} <= {*map(str, observed)}:
        return _parted({_key(name, d): value for name, value in observed.items()})
    if _is_table(observed):
        return _parted(_rows(observed))
    if np.ndim(observed) != 1:
        expected = "expected {(where, measure): value}, a table of where, measure and value, or one column of times"
        raise DataError(Fault("simulation.observed", f"observed is {type(observed).__name__}", expected))
    return _parted({_key(of or _first(d), d): observed})


def _is_table(observed: Any) -> bool:
    return isinstance(observed, (pa.Table, Mapping)) or (hasattr(observed, "columns") and np.ndim(observed) == 2)


def _rows(table: Any) -> dict[Key, Any]:
    have = table.column_names if isinstance(table, pa.Table) else [str(name) for name in table]
    for name in ("where", "measure", "value"):
        if name not in have:
            expected, mend = f"its columns are {listing(have)}", did_you_mean(name, have)
            raise DataError(Fault("data.column-missing", f'no column "{name}" in the table', expected, mend))
    where, measure, value = (_listed(table[name]) for name in ("where", "measure", "value"))
    if len({len(where), len(measure), len(value)}) > 1:
        raise DataError(Fault("simulation.observed", "its columns have different lengths"))
    x = numbers(value, "values")
    out: dict[Key, Any] = {}
    for row, key in enumerate(zip(map(str, where), map(str, measure), strict=True)):
        if key in out:
            found = f"row {row} is {key[1]} of {key[0]} again"
            mend = "Average them and say of how many periods, or give times as an array"
            raise DataError(Fault("simulation.observed", found, "expected one row for each", mend))
        out[key] = float(x[row])
    return out


def _listed(column: Any) -> list[Any]:
    return list(column.to_pylist() if isinstance(column, (pa.Array, pa.ChunkedArray)) else column)


def _first(d: Declared) -> str:
    if len(d.stations) == 1:
        return f"{d.stations[0].name}:wait"
    mend = f'Say of="{d.stations[0].name}:wait"' if d.stations else ""
    raise StudyError(Fault("simulation.observed", "nothing says where the times were observed", "", mend, key="of"))


def _key(name: Any, d: Declared) -> Key:
    if isinstance(name, tuple) and len(name) == 2:
        return str(name[0]), str(name[1])
    where, _, measure = str(name).rpartition(":")
    return where or "system", measure


def _parted(given: Mapping[Key, Any]) -> Seen:
    if not given:
        raise DataError(Fault("simulation.observed", "nothing was observed", "expected one value at least"))
    values, times = dict[Key, float](), dict[Key, Floats]()
    for (where, measure), value in given.items():
        if np.ndim(value) == 0:
            values[where, measure] = float(numbers([value], f"{measure} of {where}")[0])
            continue
        x = numbers(value, f"{measure} of {where}")
        if x.size < 2:
            raise DataError(Fault("simulation.observed", f"of {measure} of {where} there is one value at most",
                                  "expected two times at least, or a number"))  # fmt: skip
        if (x < 0).any():
            row = int(np.flatnonzero(x < 0)[0])
            found = f"row {row} of {measure} of {where} is {x[row]:.6g}"
            raise DataError(Fault("simulation.negative", found, "expected 0 or more"))
        times[where, measure] = x
    lives = [key for key in values if key[1].startswith(("mttf", "reliability"))]
    if lives:
        found = f"one {lives[0][1]} of {lives[0][0]} does not say how many lives it is of"
        mend = "Hold observed lives against the distribution: validate(distribution, lives)"
        raise StudyError(Fault("simulation.observed", found, "", mend, key=f"{lives[0][0]}:{lives[0][1]}"))
    return Seen(values, times)


# ---- how long -----------------------------------------------------------------------------------------------------


def window_for(d: Declared, seen: Seen, s: Stretch, stream: Stream, tell: Progress) -> tuple[Window, tuple[str, ...]]:
    """The time that counts in a replication, as long as the observation was, and what a reader must know of it.

    Raises:
        StudyError: nothing says how long was observed, or it makes no sense.
    """
    for name, value in (("until", s.until), ("periods", s.periods)):
        if value is not None and not 0 < value < inf:
            raise StudyError(Fault("simulation.run", f"{name} is {value!r}", "expected a number above 0", key=name))
    if s.warmup != "auto" and not 0 <= s.warmup < inf:
        raise StudyError(
            Fault("simulation.run", f"warmup is {s.warmup!r}", "expected auto, or 0 or more", key="warmup")
        )
    given = None if s.warmup == "auto" else float(s.warmup)
    if not d.components and ends(d):
        return Window.of(inf if s.until is None else (given or 0.0) + s.until, given or 0.0), ()
    length, notes = s.until, tuple[str, ...]()
    if length is None:
        length = _length(d, seen)
        notes = (f"The times took about {length:.4g}, as many customers come; replications are as long.",)
    start = given if given is not None else _warm(d, length, stream, tell)
    return Window.of(start + length, start), notes


def _length(d: Declared, seen: Seen) -> float:
    """As long as it takes so many customers to come, by the traffic equations."""
    if d.components or not seen.times:
        mend = "Give until=, the length of the observation in the model's unit of time"
        raise StudyError(Fault("simulation.observed", "nothing says how long was observed", "", mend, key="until"))
    rates = traffic(d).rates
    out = []
    for (where, _), x in seen.times.items():
        place = where.partition(":")[0]
        rate = rates[d.places.index(place)].sum() if place in d.places else sum(s.mean_rate for s in d.sources)
        out.append(x.size / float(rate) if rate > 0 else 0.0)
    if not 0 < max(out) < inf:
        mend = "Give until=, the length of the observation"
        raise StudyError(Fault("simulation.observed", "nobody says how many customers come", "", mend, key="until"))
    return max(out)


def _warm(d: Declared, length: float, stream: Stream, tell: Progress) -> float:
    """Time until the model has forgotten its empty start; 0 where it has no long run."""
    if d.components:
        return horizon(d, None, "auto", None, stream, tell).window.start
    if [*unstable(d, traffic(d))]:
        return 0.0
    return horizon(d, None, "auto", None, stream, tell).window.start


# ---- side by side -------------------------------------------------------------------------------------------------


def compared(
    d: Declared, seen: Seen, window: Window, periods: int, runs: int, stream: Stream, jobs: int, tell: Progress
) -> tuple[Tried, ...]:  # fmt: skip
    """Each observed value, and statistics of observed times, beside those of replications.

    Raises:
        StudyError: the model has no such measure.
        NoAnswer: the model cannot be run so.
    """
    quantiles = sorted({q for _, measure in seen.values if (q := _share(measure)) is not None})
    made = replications(
        d, range(runs), window, stream, quantiles=quantiles, jobs=jobs, progress=tell, histograms=bool(seen.times)
    )
    values = measured(d, made, window, quantiles)
    _known(seen, values, d, made, window)
    out = [
        Tried(f"{measure} of {where}", x, _averaged(values[where, measure], periods, stream), None)
        for (where, measure), x in seen.values.items()
    ]
    for (where, measure), times in seen.times.items():
        out += _times(where, measure, times, values[where, measure], made, quantile_rows(d, made, window))
    return tuple(out)


def _share(measure: str) -> float | None:
    """0.9 of ``wait_q90``."""
    _, mark, digits = measure.rpartition("_q")
    return float(digits) / 100 if mark and digits.replace(".", "", 1).isdigit() else None


def _known(seen: Seen, values: Values, d: Declared, made: Sequence[Replication], window: Window) -> None:
    rows = {} if d.components else quantile_rows(d, made, window)
    faults = []
    for key in (*seen.values, *seen.times):
        if key in values and (key in rows or key in seen.values):
            continue
        where, measure = key
        there = sorted({m for w, m in values if w == where}) or sorted({w for w, _ in values})
        if key in seen.times:
            there = sorted(f"{w}:{m}" for w, m in rows)
        found = f"there is no {measure!r:.60} of {where!r:.60}" + (" customer by customer" if key in values else "")
        faults.append(Fault("simulation.measure", found, f"expected one of {listing(there, 30)}", key="observed"))
    if faults:
        raise StudyError(faults)


def _averaged(x: Floats, periods: int, stream: Stream) -> Floats:
    """Means over so many replications, drawn from them without order."""
    x = x[np.isfinite(x)]
    if periods == 1 or x.size <= periods:
        return x
    drawn = stream.child("periods").generator().integers(0, x.size, (x.size, periods))
    return np.asarray(x[drawn].mean(1))


def _times(
    where: str, measure: str, times: Floats, means: Floats, made: Sequence[Replication], rows: Mapping[Key, int]
) -> Iterator[Tried]:
    """Mean, spread, share of nothing, quantiles: observed times read on the same scale as the simulated ones."""
    counts = np.stack([r.histogram.row(rows[where, measure]) for r in made if r.histogram is not None])
    bins = np.clip(np.searchsorted(_bin_ends(), times, side="right") - 1, 0, counts.shape[1] - 1)
    mine = np.bincount(bins, minlength=counts.shape[1])[None]
    what = f"{measure} of {where}"
    yield Tried(f"{what}: mean", float(times.mean()), means, None)
    for name, statistic in (("standard deviation", _spread), ("share of none", _none)):
        simulated = statistic(counts)
        if name != "share of none" or simulated.any() or (times == 0).any():
            scale = 1.0 if name == "share of none" else None
            yield Tried(f"{what}: {name}", float(statistic(mine)[0]), simulated, scale)
    there, simulated = histogram_quantiles(mine, QUANTILES)[0], histogram_quantiles(counts, QUANTILES)
    for n, q in enumerate(QUANTILES):
        yield Tried(f"{what}: {100 * q:g} in 100 within", float(there[n]), simulated[:, n], None)
    yield Tried(f"{what}: longest", _longest(mine)[0], _longest(counts), None)


def _spread(counts: Ints) -> Floats:
    """Standard deviation, each count in the middle of its bin, (R, bins) to (R,)."""
    ends = _bin_ends()
    middle = (ends[:-1] + ends[1:]) / 2
    middle[0] = 0.0
    n = np.maximum(counts.sum(1), 1)
    mean = counts @ middle / n
    return np.asarray(np.sqrt(np.maximum(counts @ middle**2 / n - mean**2, 0.0)))


def _none(counts: Ints) -> Floats:
    return np.asarray(counts[:, 0] / np.maximum(counts.sum(1), 1))


def _longest(counts: Ints) -> Floats:
    """Begin of the last bin that is not empty."""
    last = counts.shape[1] - 1 - (counts[:, ::-1] > 0).argmax(1)
    return np.asarray(np.where(counts.any(1), _bin_ends()[last], nan))
