"""What came of a study, before it is put into words: the runs, what they show by time, what was fitted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.simulation.arrow import table_of
from potomac.simulation.declared import Station, Stock
from potomac.simulation.estimates.estimate import Estimate, Way, estimates
from potomac.simulation.executors.measures import quantile_rows, series
from potomac.simulation.executors.replication import histogram_share
from potomac.simulation.loop.plan import Declared
from potomac.simulation.output import Simulated
from potomac.simulation.telling.building import Data
from potomac.simulation.telling.question import Observed, Question
from potomac.simulation.validity.judged import another, holm

__all__ = ["AS_IS", "Found", "Told", "focus_of", "main_of", "tables_of"]

Floats = npt.NDArray[np.float64]

AS_IS = "as it is"
"""Name of the model itself among its scenarios."""

_LONG = re.compile(r"\d+\.\d{5,}(?:e[-+]?\d+)?")

BARS, STEPS = 40, 16
"""Bars of the distribution of waits; sizes at which the convergence of an interval is shown."""


@dataclass(frozen=True)
class Told:
    """A scenario: what came of it, and how it differs from the model as it is.

    Attributes:
        name: of the scenario.
        run: what came of it.
        difference, low, high: of the main measure, scenario less the model as it is; None of the model itself.
    """

    name: str
    run: Simulated
    difference: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Found:
    """All that came of a study.

    Attributes:
        question: what was asked.
        data: its tables, and what was fitted to them.
        run: of the model as it is.
        main: the measure that is told first.
        scenarios: the model as it is, and the others; empty where there are none.
    """

    question: Question
    data: Data
    run: Simulated
    main: Estimate
    scenarios: tuple[Told, ...] = ()

    @property
    def declared(self) -> Declared:
        """The model."""
        return self.run.declared


def focus_of(run: Simulated) -> str:
    """The place that is told first: the busiest station, else the first stock, system or component."""
    d = run.declared
    if d.components:
        return d.systems[-1].name if d.systems else d.components[0].name
    busy = {e.where: e.mean for e in run.estimates if e.measure == "utilization" and isfinite(e.mean)}
    if busy:
        return max(busy, key=lambda name: busy[name])
    return d.stations[0].name if d.stations else d.stocks[0].name


def main_of(run: Simulated, of: str = "") -> Estimate:
    """The estimate that is told first: what the study asks for, else the wait, the fill rate or the availability."""
    where, _, measure = of.rpartition(":")
    if measure:
        here = where or focus_of(run)
        meant = [e for e in run.estimates if e.measure == measure and (e.where == where or not where)]
        if meant:
            return next((e for e in meant if e.where == here), meant[0])
    focus = focus_of(run)
    for measure in ("wait" if _station(run.declared, focus) else "fill_rate", "availability", "reliability"):
        for e in run.estimates:
            if e.where == focus and e.measure.startswith(measure) and isfinite(e.mean):
                return e
    return next(e for e in run.estimates if isfinite(e.mean))


def _station(d: Declared, name: str) -> bool:
    return any(s.name == name for s in d.stations)


def tables_of(found: Found) -> dict[str, pa.Table]:
    """All tables of the result that are not empty."""
    made = {
        "measures": found.run.measures,
        "scenarios": _scenarios(found),
        "timeline": _rows(_timeline(found.run)),
        "waits": _rows(_waits(found.run)),
        "convergence": _rows(_convergence(found)),
        "fits": _fits(found.data),
        "arrivals": _arrivals(found.data),
        "validation": _rows(_validation(found)),
    }
    return {name: table for name, table in made.items() if table is not None and table.num_rows}


def _rows(rows: Iterator[Mapping[str, Any]]) -> pa.Table | None:
    each = [*rows]
    return table_of({name: [row[name] for row in each] for name in each[0]}) if each else None


def _known(x: float | None) -> float | None:
    return None if x is None or not isfinite(x) else float(x)


def _scenarios(found: Found) -> pa.Table | None:
    """One row a scenario and measure; differences of the main measure."""
    rows = [
        {
            "scenario": told.name, "where": e.where, "measure": e.measure, "mean": _known(e.mean), "low": _known(e.low),
            "high": _known(e.high), "half_width": _known(e.half_width), "replications": e.replications,
            "exact": _known(e.exact), "difference": _known(told.difference) if _main(found, e) else None,
            "difference_low": _known(told.low) if _main(found, e) else None,
            "difference_high": _known(told.high) if _main(found, e) else None,
        }
        for told in found.scenarios
        for e in told.run.estimates
    ]  # fmt: skip
    return _rows(iter(rows))


def _main(found: Found, e: Estimate) -> bool:
    return (e.where, e.measure) == (found.main.where, found.main.measure)


# ---- by time ------------------------------------------------------------------------------------------------------


def _timeline(run: Simulated) -> Iterator[dict[str, Any]]:
    """Mean over the replications, and where the middle nine tenths of them lie, slice by slice."""
    edges = run.window.edges[np.isfinite(run.window.edges)]
    if edges.size < 3:
        return
    starts = np.concatenate([[0.0], edges[:-1]])
    for where, measure in _curves(run.declared):
        x = series(run.declared, run.runs, run.window.edges, where, measure)[:, : edges.size]
        low, high = np.nanquantile(x, [0.05, 0.95], axis=0)
        for b, mean in enumerate(np.nanmean(x, axis=0).tolist()):
            yield {
                "where": where, "measure": measure, "start": float(starts[b]), "end": float(edges[b]), "mean": mean,
                "low": float(low[b]), "high": float(high[b]), "counts": int(b >= run.window.first),
            }  # fmt: skip


def _curves(d: Declared) -> list[tuple[str, str]]:
    if d.components:
        return [(s.name, "availability") for s in d.systems] or [(c.name, "mean_up") for c in d.components]
    return [*((s.name, "queue_length") for s in d.stations), *((s.name, "on_hand") for s in d.stocks)]


def _waits(run: Simulated) -> Iterator[dict[str, Any]]:
    """Which share of customers waits how long, at each station that anybody waits at."""
    if run.declared.components or any(r.histogram is None for r in run.runs):
        return
    for (where, what), row in quantile_rows(run.declared, run.runs, run.window).items():
        counts = np.sum([r.histogram.row(row) for r in run.runs if r.histogram is not None], axis=0)
        total = int(counts.sum())
        if not total:
            continue
        most = _reach(counts, total)
        ends = np.linspace(0.0, most, BARS + 1)
        below = np.array([histogram_share(counts, x) for x in ends]) / total
        none = float(counts[0]) / total
        for k in range(BARS):
            share = below[k + 1] - (below[k] if k else 0.0)
            yield {
                "where": where, "what": what, "low": float(ends[k]), "high": float(ends[k + 1]),
                "share": 100 * float(share), "none": 100 * none,
            }  # fmt: skip


def _reach(counts: npt.NDArray[np.int64], total: int) -> float:
    """A time beyond which less than one in two hundred lies."""
    x = 1e-3
    while histogram_share(counts, x) < 0.995 * total:
        x *= 1.25
    return x


def _convergence(found: Found) -> Iterator[dict[str, Any]]:
    """The interval of the main measure as replications are added."""
    run, main = found.run, found.main
    n = len(run.runs)
    if n < 4 or run.asked.antithetic:
        return
    of = run.asked.quantiles if "_q" in main.measure else ()

    def shown(m: int, widened: float = 1.0) -> Estimate | None:
        way = Way(run.warmup.steady, confidence=run.asked.confidence, widened=widened)
        return next((e for e in estimates(run.declared, run.runs[:m], run.window, of, way) if _main(found, e)), None)

    whole = shown(n)
    wider = main.half_width / whole.half_width - 1 if whole is not None and whole.half_width > 0 else 0.0
    first = min(n, max(3, 5 + n // 40))  # a few tell nothing, and would hide the rest of the picture
    for m in sorted({round(k) for k in np.geomspace(first, n, STEPS)}):
        e = shown(m, 1 + wider * n / m)  # what short runs lack counts the more, the fewer they are
        if e is not None and isfinite(e.low) and isfinite(e.high):
            yield {"replications": m, "mean": e.mean, "low": e.low, "high": e.high}


# ---- tables of inputs and observations ----------------------------------------------------------------------------


def _fits(data: Data) -> pa.Table | None:
    made = [
        _rounded(fits.table).add_column(0, "table", pa.array([name] * len(fits.fits)))
        for name, fits in data.fits.items()
        if fits.fits
    ]
    return pa.concat_tables(made) if made else None


def _rounded(table: pa.Table) -> pa.Table:
    """Distributions with six significant digits a parameter: more than any table can tell, and short enough to read."""
    shown = [_LONG.sub(lambda n: f"{float(n[0]):.6g}", text) for text in table["distribution"].to_pylist()]
    return table.set_column(table.schema.get_field_index("distribution"), "distribution", pa.array(shown))


def _arrivals(data: Data) -> pa.Table | None:
    made = [
        seen.rates.add_column(0, "table", pa.array([name] * seen.rates.num_rows))
        for name, seen in data.arrivals.items()
    ]
    return pa.concat_tables(made) if made else None


def _validation(found: Found) -> Iterator[dict[str, Any]]:
    """What was observed beside what the model gives: on average, and in a single replication.

    An observation is one stretch of time and not an average of many: it is held against single replications.
    """
    rows = [_beside(found.run, o) for o in found.question.observed]
    raised = holm([1.0 if row["p"] is None else row["p"] for row in rows])
    for row, together in zip(rows, raised, strict=True):
        told = row["p"] is not None
        inside = together > 1 - found.run.asked.confidence if told else row["low"] <= row["observed"] <= row["high"]
        yield {**row, "p_together": together if told else None, "inside": "yes" if inside else "no"}


def _beside(run: Simulated, o: Observed) -> dict[str, Any]:
    e, usual = run.estimate(o.where, o.measure), (nan, nan, nan)
    if (o.where, o.measure) in run.values and not o.measure.startswith(("mttf", "reliability")):  # of 1000 lives each
        usual = another(run.values[o.where, o.measure], o.value, run.asked.confidence)
    off = 100 * (e.mean - o.value) / abs(o.value) if o.value else None
    low, high, p = map(_known, usual)
    return {
        "where": o.where, "measure": o.measure, "observed": o.value, "mean": e.mean, "low": e.low, "high": e.high,
        "difference": e.mean - o.value, "per_cent": off, "usual_low": low, "usual_high": high, "p": p,
    }  # fmt: skip


def part_of(d: Declared, name: str) -> Station | Stock | None:
    """The station or stock of a name."""
    parts: Sequence[Station | Stock] = (*d.stations, *d.stocks)
    return next((p for p in parts if p.name == name), None)


def observed_of(o: Observed) -> str:
    """As it is named in a sentence."""
    return f"{o.where}:{o.measure}"
