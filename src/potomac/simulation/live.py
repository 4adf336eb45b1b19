"""Live questions: what if there were other servers, arrivals, services, stocks or units?

What they need is kept as Arrow tables: the parts of the model, observed values, what was fitted, the measures of the
run. An answer simulates as much as a fifth of a second allows, and gives the exact value where one is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil, isfinite
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Slider
from potomac.errors import Fault, NoAnswer, StudyError, did_you_mean, listing
from potomac.simulation.building import Data, Series, model_of
from potomac.simulation.declared import Source, Station, Stock
from potomac.simulation.distributions import distribution, empirical
from potomac.simulation.execute import replications
from potomac.simulation.found import Found, focus_of, main_of
from potomac.simulation.horizon import ends, period_of
from potomac.simulation.inputs import Arrivals, Fits
from potomac.simulation.model import Model
from potomac.simulation.output import Asked, Simulated, simulate
from potomac.simulation.plan import Declared
from potomac.simulation.replication import Window
from potomac.simulation.scaling import scaled
from potomac.simulation.traffic import traffic, unstable
from potomac.simulation.warmup import relaxation
from potomac.simulation.words import SHARES, label, outcome
from potomac.stats.streams import Stream

__all__ = ["Live", "kept", "load", "sliders", "what_if"]

EVENTS = 700_000
"""Events of an answer: about 60 ms of the event loop, so that it feels live on a slow machine too."""

LEAST, MOST = 10, 60
"""Replications of an answer."""

SHORT, LONG = 30, 1000
"""Relaxation times of a replication of the long run: at least, at most."""

FIRST = 6
"""Relaxation times that are left out at the start."""

TOLD = {
    "station": ("wait", "wait_q90", "p_wait", "queue_length", "utilization"),
    "stock": ("fill_rate", "on_hand", "backorders", "cost_per_time"),
    "plant": ("availability", "mttf", "mean_down"),
}  # fmt: skip
"""Measures that an answer tells of the place that is meant."""


@dataclass(frozen=True)
class Live:
    """A run in memory.

    Attributes:
        declared: the model.
        unit: of its times.
        of: measure that the study asks for; empty for the usual one.
        until: end of a replication, where the study gives one.
        steady: whether the run was of the long run.
        warmup: time that was left out.
        before: (where, measure) -> mean in the run.
        focus: the place that is told first.
    """

    declared: Declared
    unit: str
    of: str
    until: float | None
    steady: bool
    warmup: float
    seed: int
    before: Mapping[tuple[str, str], float]
    focus: str


# ---- kept in the run ----------------------------------------------------------------------------------------------


def kept(found: Found) -> dict[str, pa.Table]:
    """The tables from which :func:`load` makes the model again; nothing is pickled."""
    q, data, run = found.question, found.data, found.run
    about = {
        "name": q.name, "parts": q.parts, "unit": q.time_unit, "of": q.of, "until": q.until, "seed": q.seed,
        "steady": run.warmup.steady, "warmup": run.window.start, "main": [found.main.where, found.main.measure],
        "fits": {n: None if f.recommended.values else str(f.recommended) for n, f in data.fits.items()},
        "rates": {n: a.rates.to_pydict() for n, a in data.arrivals.items()},
        "series": {n: {"times": s.times, "ties": s.ties} for n, s in (data.series or {}).items()},
        "confidence": q.confidence,
    }  # fmt: skip
    tables = {
        "about": pa.table({"name": [*about], "value": [json.dumps(value) for value in about.values()]}),
        "before": found.run.measures.select(["where", "measure", "mean"]),
    }
    if data.series:
        tables["values"] = pa.concat_tables(
            pa.table({"table": pa.array([n] * s.values.size, pa.string()), "value": s.values, "row": s.rows})
            for n, s in data.series.items()
        )
    if run.warmup.curve:
        tables["warmup"] = pa.table({"end": run.warmup.edges, "mean": run.warmup.curve})
    return tables


def load(tables: Mapping[str, pa.Table]) -> Live:
    """The model of a run, and the event loop ready to run."""
    about = {row["name"]: json.loads(row["value"]) for row in tables["about"].to_pylist()}
    declared = model_of(about["name"], about["parts"], _data(about, tables)).checked()
    before = {(row["where"], row["measure"]): row["mean"] for row in tables["before"].to_pylist()}
    live = Live(
        declared, about["unit"], about["of"], about["until"], about["steady"], about["warmup"], about["seed"], before,
        about["main"][0],
    )  # fmt: skip
    replications(declared, [0], Window.of(_brief(declared)), Stream(0), histograms=True)
    return live


def _brief(d: Declared) -> float:
    """A time after which something has happened."""
    scale = relaxation(d)
    return scale if isfinite(scale) and scale > 0 else 1.0


def _data(about: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> Data:
    """The tables of the study, and what was fitted to them."""
    series = {}
    for name, told in about["series"].items():
        of = tables["values"].filter(pc.equal(tables["values"]["table"], name))
        series[name] = Series(of["value"].to_numpy(), of["row"].to_numpy(), told["times"], told["ties"])
    data = Data([*series], series)
    for name, text in about["fits"].items():
        x = series[name].values
        data.fits[name] = Fits((), x.size, float(x.mean()), 0.0, "", distribution(text) if text else empirical(x))
    for name, rates in about["rates"].items():
        none = np.nan
        data.arrivals[name] = Arrivals(
            series[name].values.size,
            none,
            none,
            none,
            none,
            none,
            none,
            none,
            none,
            none,
            none,
            pa.table(rates),
            "",
            "",
        )
    return data


# ---- asked --------------------------------------------------------------------------------------------------------


def sliders(live: Live) -> Iterator[Slider]:
    """What can be moved: servers and arrivals of a queue, levels of a stock, units of a component."""
    d = live.declared
    if d.components:
        if len(d.components) > 1:
            yield Slider("component", value=d.components[0].name, choices=tuple(c.name for c in d.components))
        yield Slider("count", 1, max(10, 3 * d.components[0].count), 1, d.components[0].count)
        return
    station = next((s for s in d.stations if s.name == live.focus), d.stations[0] if d.stations else None)
    if station is not None:
        if len(d.stations) > 1:
            yield Slider("station", value=station.name, choices=tuple(s.name for s in d.stations))
        if isfinite(station.servers) and not station.calendar:
            c = int(station.servers)
            yield Slider("servers", 1, max(c + 5, 2 * c), 1, c)
        yield Slider("service", 50, 200, 5, 100)
    yield Slider("arrivals", 50, 200, 5, 100)
    if d.stocks:
        yield from _levels(next((s for s in d.stocks if s.name == live.focus), d.stocks[0]), d)


def _levels(stock: Stock, d: Declared) -> Iterator[Slider]:
    if len(d.stocks) > 1:
        yield Slider("stock", value=stock.name, choices=tuple(s.name for s in d.stocks))
    high = max(3 * max(stock.S, stock.s, stock.Q, stock.begins), 10.0)
    names = {"up_to": {"s": stock.s, "S": stock.S}, "lots": {"r": stock.s, "Q": stock.Q}, "base": {"base": stock.S}}
    for name, value in names[stock.policy].items():
        yield Slider(name, 1 if name == "Q" else 0, ceil(high), 1, value)


def what_if(live: Live, ask: Mapping[str, Any]) -> dict[str, Any]:
    """What would come of it.

    Args:
        live: the run.
        ask: ``station``, ``servers``, ``arrivals``, ``service``, ``stock``, ``s``, ``S``, ``Q``, ``r``, ``base``,
            ``component``, ``count``; None and 100 % leave things as they are.

    Raises:
        StudyError: a name is unknown, or values do not fit together.
        NoAnswer: a station is unstable then.
    """
    declared, focus, notes = _changed(live, ask)
    for fault in unstable(declared, traffic(declared)) if not declared.components and _endless(live, declared) else ():
        raise NoAnswer(replace(fault, mend="Move the sliders: more servers, fewer arrivals, shorter services", key=""))
    run = simulate(declared, _sized(live, declared))
    main = main_of(run, f"{focus}:{_main(live, run, focus)}")
    said = outcome(run, main, live.unit)
    return {
        "answer": f"{said[0].upper()}{said[1:]}.",
        "measures": [*_told(live, run, focus)],
        "replications": len(run.runs),
        "note": " ".join([*notes, *(n for n in run.notes if "outside the interval" not in n)]),
    }


def _endless(live: Live, d: Declared) -> bool:
    return live.steady and not ends(d)


def _changed(live: Live, ask: Mapping[str, Any]) -> tuple[Declared, str, list[str]]:
    """The model with what is otherwise, the place that is told, and what is to be known."""
    d, notes = live.declared, list[str]()
    focus = live.focus
    if ask.get("component") or ask.get("count") is not None:
        name = _one(ask.get("component"), [c.name for c in d.components], "component")
        count = ask.get("count")
        d = replace(d, components=tuple(
            c if c.name != name or count is None else replace(c, count=count) for c in d.components
        ))  # fmt: skip
    if any(ask.get(level) is not None for level in ("s", "S", "Q", "r", "base")) or ask.get("stock"):
        focus = _one(ask.get("stock"), [s.name for s in d.stocks], "stock", live.focus)
        d = replace(d, stocks=tuple(_leveled(s, ask) if s.name == focus else s for s in d.stocks))
    service = float(ask.get("service") or 100) / 100
    if ask.get("station") or ask.get("servers") is not None or service != 1:
        focus = _one(ask.get("station"), [s.name for s in d.stations], "station", live.focus)
        d = replace(d, stations=tuple(_manned(s, ask, service) if s.name == focus else s for s in d.stations))
    more = float(ask.get("arrivals") or 100) / 100
    if more != 1:
        if any(s.times for s in d.sources):
            notes.append("Arrivals that are played back come as they came.")
        d = replace(d, sources=tuple(_hurried(s, more) for s in d.sources))
    try:
        Model.of(d)
    except StudyError as error:
        raise StudyError(replace(f, key=f.key.rpartition(".")[2]) for f in error.faults) from error
    return d, focus, notes


def _one(name: str | None, there: list[str], what: str, usual: str = "") -> str:
    if not there:
        raise StudyError(Fault("simulation.unknown", f"this model has no {what}", key=what))
    if not name:
        return usual if usual in there else there[0]
    if name not in there:
        expected = f"expected one of {listing(there)}"
        found = f"there is no {what} {name!r:.60}"
        raise StudyError(Fault("simulation.unknown", found, expected, did_you_mean(name, there), key=what))
    return name


def _manned(s: Station, ask: Mapping[str, Any], service: float) -> Station:
    servers = ask.get("servers")
    made = replace(s, service={kind: scaled(t, service) for kind, t in s.service.items()})
    return made if servers is None else replace(made, servers=servers, calendar=())


def _hurried(s: Source, more: float) -> Source:
    """``more`` times as many arrivals."""
    if s.interarrival is not None:
        return replace(s, interarrival=scaled(s.interarrival, 1 / more))
    if s.rate is not None:
        return replace(s, rate=replace(s.rate, rates=tuple(more * r for r in s.rate.rates)))
    return replace(s, population=max(round(more * s.population), 1)) if s.population else s


def _leveled(s: Stock, ask: Mapping[str, Any]) -> Stock:
    def level(name: str, now: float) -> float:
        return now if ask.get(name) is None else float(ask[name])

    if s.policy == "base":
        return replace(s, S=level("base", s.S), s=level("base", s.s))
    if s.policy == "lots":
        return replace(s, s=level("r", s.s), Q=level("Q", s.Q))
    return replace(s, s=level("s", s.s), S=level("S", s.S))


# ---- sized and told -----------------------------------------------------------------------------------------------


def _sized(live: Live, d: Declared) -> Asked:
    """As long and as often as the events of an answer allow; the same question has the same answer."""
    asked = Asked(live.until, LEAST, warmup=live.warmup, quantiles=(0.5, 0.9), seed=live.seed)
    if d.components:
        return replace(asked, replications=MOST // 2, warmup="auto")
    if not live.steady or ends(d):
        stream = Stream(live.seed).child("simulation")
        end = live.until if live.until is not None else float("inf")
        first = replications(d, [0], Window.of(end, live.warmup), stream)[0]
        return replace(asked, replications=int(np.clip(EVENTS // max(first.events, 1), LEAST, 4 * MOST)))
    scale, rate = relaxation(d), 3 * float(traffic(d).rates.sum())
    if not rate:
        rate = sum(s.population for s in d.sources) / max(scale, 1e-300)
    period = period_of(d)
    length = float(np.clip(EVENTS / (LEAST * rate), SHORT * scale, LONG * scale))
    if period:
        length = period * ceil(length / period)
    runs = int(np.clip(EVENTS / (rate * length), LEAST, MOST))
    first_counted = FIRST * scale if not period else period * ceil(FIRST * scale / period)
    return replace(asked, until=length + first_counted, replications=runs, warmup=first_counted)


def _main(live: Live, run: Simulated, focus: str) -> str:
    """The measure that is told first of a place."""
    if live.of and focus == live.focus:
        return live.of.rpartition(":")[2]
    return main_of(run, "").measure if focus == focus_of(run) else _first(run, focus)


def _first(run: Simulated, focus: str) -> str:
    there = {e.measure for e in run.estimates if e.where == focus}
    return next(m for each in TOLD.values() for m in each if m in there)


def _told(live: Live, run: Simulated, focus: str) -> Iterator[dict[str, Any]]:
    """The measures of the place, and the time in the whole system; shares in per cent."""
    kinds = {e.measure for e in run.estimates if e.where == focus}
    names = next((each for each in TOLD.values() if each[0] in kinds or each[1] in kinds), ())
    if live.declared.components:
        names = TOLD["plant"]
    if any(s.name == focus for s in live.declared.stocks):
        names = TOLD["stock"]
    wanted = [(focus, name) for name in names] + [("system", "time_in_system"), ("system", "p_lost")]
    for where, measure in wanted:
        for e in run.estimates:
            if (e.where, e.measure) == (where, measure) and isfinite(e.mean):
                factor = 100 if measure in SHARES else 1
                unit = " (%)" if measure in SHARES else ""
                yield {
                    "measure": f"{where}: {label(measure)}{unit}", "mean": factor * e.mean,
                    "low": _known(e.low, factor), "high": _known(e.high, factor),
                    "before": _known(live.before.get((where, measure)), factor), "exact": _known(e.exact, factor),
                }  # fmt: skip


def _known(x: float | None, factor: float) -> float | None:
    return None if x is None or not isfinite(x) else factor * x
