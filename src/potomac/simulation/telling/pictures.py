"""The pictures of a result: waits or scenarios first, then by time, convergence, warm-up, exact values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Axis, Figure, Layer, Result, Rows
from potomac.simulation.estimates.estimate import Estimate
from potomac.simulation.telling.words import SHARES, between, label, percent, say, unit_of

__all__ = ["figures"]

PLACES = 6
"""Places whose course is drawn."""

COMPARED = 20
"""Exact values that are drawn beside the simulated ones."""

Part = Literal["lead", "support"]


def figures(result: Result) -> Iterator[Figure]:
    """The picture that shows the answer first: scenarios, else waits, else the course over time."""
    about = {row["name"]: row["value"] for row in result.model["about"].to_pylist()}
    unit, (where, measure) = json.loads(about["unit"]), json.loads(about["main"])
    drawn = [*_all(result, unit, where, measure)]
    for n, (make, *rest) in enumerate(drawn):
        yield make(*rest, "lead" if n == 0 else "support")


def _all(result: Result, unit: str, where: str, measure: str) -> Iterator[tuple[Any, ...]]:
    if "scenarios" in result.tables:
        yield _scenarios, _arrow(result, "scenarios"), unit, where, measure
    waits = _arrow(result, "waits") if "waits" in result.tables else None
    if waits is not None and where in waits["where"].to_pylist():
        yield _waits, waits, unit, where
    if "timeline" in result.tables:
        timeline = _arrow(result, "timeline")
        for course in ("queue_length", "on_hand", "availability", "mean_up"):
            of = timeline.filter(pc.equal(timeline["measure"], course))
            if of.num_rows:
                yield _course, of, unit, course
    if "convergence" in result.tables:
        yield _convergence, _arrow(result, "convergence"), unit, where, measure
    if "warmup" in result.model:
        yield _warmup, result.model["warmup"], unit, float(result.fact("warmup").value or 0.0)
    if "validation" in result.tables:
        observed = _arrow(result, "validation")
        observed = observed.filter(pc.and_(pc.is_valid(observed["usual_low"]), pc.not_equal(observed["mean"], 0.0)))
        if observed.num_rows:
            yield _observed, observed
    measures = _arrow(result, "measures")
    exact = measures.filter(pc.and_(pc.is_valid(measures["exact"]), pc.is_finite(measures["low"])))
    if exact.num_rows:
        yield _exact, exact
    if not {"scenarios", "timeline", "waits"} & {*result.tables} and "convergence" not in result.tables:
        yield _measures, measures


def _arrow(result: Result, name: str) -> pa.Table:
    table = result.tables[name]
    return pa.Table.from_batches(list(table.batches()), table.schema) if isinstance(table, Rows) else table


def _axis(measure: str, unit: str, words: str = "", *, zero: bool = False) -> Axis:
    if measure in SHARES:
        return Axis(words or label(measure), "%", zero=zero)
    timed = measure.startswith(("wait", "time_in", "mttf", "mean_down"))
    return Axis(words or label(measure), unit if timed else "", zero=zero)


def _unit(measure: str, unit: str) -> str:
    return "%" if measure in SHARES else unit_of(measure, unit)


def _told(value: float, measure: str, unit: str) -> str:
    """A value as it stands in a picture, with its unit; shares are in per cent there."""
    if measure in SHARES:
        return f"{percent(value / 100)} %"
    return f"{say(value)} {unit_of(measure, unit)}".strip()


def _scaled(table: pa.Table, measure: str, *names: str) -> pa.Table:
    """Shares in per cent."""
    for name in names if measure in SHARES else ():
        table = table.set_column(table.schema.get_field_index(name), name, pc.multiply(table[name], 100.0))
    return table


def _scenarios(table: pa.Table, unit: str, where: str, measure: str, role: Part) -> Figure:
    """The main measure of each scenario with its interval."""
    of = table.filter(pc.and_(pc.equal(table["where"], where), pc.equal(table["measure"], measure)))
    of = _scaled(of, measure, "mean", "low", "high")
    rows = of.to_pylist()
    best, worst = (f(rows, key=lambda row: row["mean"]) for f in (min, max))
    of_where, least, most = "" if where == "system" else f" of {where}", best["mean"], worst["mean"]
    finding = (
        f"{label(measure).capitalize()}{of_where}: {_told(least, measure, unit)} with {best['scenario']}, "
        f"{_told(most, measure, unit)} with {worst['scenario']}."
    )
    layers = (
        Layer("interval", of, "low", "scenario", x2="high", name="95 % interval"),
        Layer("point", of, "mean", "scenario", tip=("scenario", "mean", "low", "high"), name="mean", emphasis=True),
    )
    return Figure(
        "scenarios", "Scenarios side by side", f"Dots with intervals, one a scenario. {finding}", layers,
        x=_axis(measure, unit, zero=measure not in SHARES), y=Axis("", scale="category"), finding=finding, role=role,
    )  # fmt: skip


def _waits(table: pa.Table, unit: str, where: str, role: Part) -> Figure:
    """The distribution of waits at the place that is told first."""
    of = table.filter(pc.equal(table["where"], where))
    of = of.append_column("time", pc.divide(pc.add(of["low"], of["high"]), 2.0))
    none = of["none"][0].as_py()
    finding = f"{say(none)} % do not wait at all." if none >= 0.05 else "Nearly everybody waits."
    layer = Layer("bar", of, "time", "share", tip=("low", "high", "share"))
    return Figure(
        "waits", f"How long customers wait at {where}", f"Bars: the share of customers by their wait. {finding}",
        (layer,),
        x=Axis("wait", unit), y=Axis("share of customers", "%", zero=True), finding=finding, role=role,
    )  # fmt: skip


_COURSES = {
    "queue_length": ("Queues over time", "customers who wait"), "on_hand": ("Stock over time", "on hand"),
    "availability": ("Availability over time", "works"), "mean_up": ("Units that work over time", "units that work"),
}  # fmt: skip


def _course(table: pa.Table, unit: str, measure: str, role: Part) -> Figure:
    """Mean over the replications, and the band in which nine in ten of them lie."""
    title, words = _COURSES[measure]
    table = _scaled(table, measure, "mean", "low", "high")
    table = table.append_column("time", pc.divide(pc.add(table["start"], table["end"]), 2.0))
    places = list(dict.fromkeys(table["where"].to_pylist()))[:PLACES]
    panels = tuple(_panel(table, place, unit, measure, words, title) for place in places)
    alt = f"Lines over time with a band, for {', '.join(places)}: mean of the replications, and where nine in ten lie."
    finding = "The line is the mean of all replications; nine in ten of them lie in the band."
    name = f"timeline-{measure.replace('_', '-')}"
    if len(panels) == 1:
        one = panels[0]
        return Figure(name, f"{title}: {places[0]}", alt, one.layers, x=one.x, y=one.y, finding=finding, role=role)
    return Figure(name, title, alt, panels=panels, finding=finding, role=role)


def _panel(table: pa.Table, place: str, unit: str, measure: str, words: str, title: str) -> Figure:
    of = table.filter(pc.equal(table["where"], place))
    layers = (
        Layer("area", of, "time", "low", y2="high", name="nine in ten"),
        Layer("line", of, "time", "mean", name="mean", emphasis=True),
    )
    alt = f"{title} at {place}: a line with a band."
    y = Axis(words, "%" if measure in SHARES else "", zero=measure not in SHARES)
    return Figure(f"timeline-{measure}-{place}"[:60], place, alt, layers, x=Axis("time", unit), y=y)


def _convergence(table: pa.Table, unit: str, where: str, measure: str, role: Part) -> Figure:
    table = _scaled(table, measure, "mean", "low", "high")
    last = table.slice(table.num_rows - 1, 1).to_pylist()[0]
    shown = between(last["low"], last["high"]).replace(" to ", " and ")
    finding = (
        f"After {last['replications']:,} replications it lies between {shown} {_unit(measure, unit)}".strip() + "."
    )
    layers = (
        Layer("area", table, "replications", "low", y2="high", name="interval"),
        Layer("line", table, "replications", "mean", name="mean", emphasis=True),
    )
    return Figure(
        "convergence", "How sure it becomes", f"The interval of {label(measure)} of {where} narrows. {finding}", layers,
        x=Axis("replications"), y=_axis(measure, unit), finding=finding, role=role,
    )  # fmt: skip


def _warmup(table: pa.Table, unit: str, cut: float, role: Part) -> Figure:
    """Welch's curve: the mean of pilot runs, and where the warm-up ends."""
    last, most = table["end"][-1].as_py(), pc.max(table["mean"]).as_py()
    line = pa.table({"x": [cut], "y": [0.0], "y2": [most], "words": ["from here on it counts"]})
    layers: tuple[Layer, ...] = (Layer("line", table, "end", "mean", name="pilot runs"),)
    if 0 < cut <= last:
        layers += (Layer("rule", line, "x", "y", "x", "y2", name="from here on it counts", emphasis=True),)
    finding = f"What happens before {say(cut)} {unit} is left out: the model has not yet forgotten its empty start."
    return Figure(
        "warmup", "How the model forgets its empty start", f"A line over time that settles. {finding}", layers,
        x=Axis("time", unit), y=Axis("customers inside, stock on hand", zero=True), finding=finding, role=role,
    )  # fmt: skip


def _observed(table: pa.Table, role: Part) -> Figure:
    """What was observed, in per cent of the model's mean, and where most of its replications lie."""
    rows = []
    for row in table.to_pylist()[:COMPARED]:
        share = {name: 100 * row[name] / row["mean"] for name in ("observed", "usual_low", "usual_high")}
        rows.append({"what": f"{row['where']}: {label(row['measure'])}", "measured": row["observed"],
                     "model": row["mean"], **share})  # fmt: skip
    shown, inside = pa.Table.from_pylist(rows), table["inside"].to_pylist().count("yes")
    finding = f"{inside} of {table.num_rows} observed values are such as the model may well give."
    layers = (
        Layer("interval", shown, "usual_low", "what", x2="usual_high", name="most replications"),
        Layer("point", shown, "observed", "what", tip=("measured", "model"), name="observed", emphasis=True),
    )
    return Figure(
        "validation", "Observed against the model", f"Dots beside intervals around 100, the model's mean. {finding}",
        layers, x=Axis("observed", "% of the model's mean"), y=Axis("", scale="category"), finding=finding, role=role,
    )  # fmt: skip


def _exact(table: pa.Table, role: Part) -> Figure:
    """Each interval as a share of its exact value."""
    rows = []
    for row in table.to_pylist():
        x = row["exact"]
        if not x or not isfinite(row["mean"]):
            continue
        ends = sorted((100 * (row["low"] / x - 1), 100 * (row["high"] / x - 1)))
        rows.append({"what": f"{row['where']}: {label(row['measure'])}", "off": 100 * (row["mean"] / x - 1),
                     "low": ends[0], "high": ends[1], "exact": x, "simulated": row["mean"]})  # fmt: skip
    shown = pa.Table.from_pylist(rows[:COMPARED])
    held = [Estimate(**row) for row in table.to_pylist()]
    finding = f"{sum(not e.missed for e in held)} of {len(held)} intervals hold the exact value."
    layers = (
        Layer("interval", shown, "low", "what", x2="high", name="interval"),
        Layer("point", shown, "off", "what", tip=("exact", "simulated"), name="simulated", emphasis=True),
    )
    return Figure(
        "exact", "Simulated against exact", f"Dots with intervals around 0, the exact value. {finding}", layers,
        x=Axis("simulated less exact", "% of exact"), y=Axis("", scale="category"), finding=finding, role=role,
    )  # fmt: skip


def _measures(table: pa.Table, role: Part) -> Figure:
    """Where nothing else can be drawn: the measures with their intervals."""
    of = table.filter(pc.is_finite(table["mean"]))
    words = pa.array([f"{r['where']}: {label(r['measure'])}" for r in of.to_pylist()])
    of = of.append_column("what", words).slice(0, COMPARED)
    layers = (
        Layer("interval", of, "low", "what", x2="high", name="interval"),
        Layer("point", of, "mean", "what", name="mean", emphasis=True),
    )
    alt = f"Dots with intervals: {of.num_rows} measures."
    return Figure("measures", "Measures", alt, layers, x=Axis("value"), y=Axis("", scale="category"), role=role)
