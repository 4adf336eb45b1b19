"""Live questions: what if there were other servers, arrivals, services, stocks or units?

What they need is kept as Arrow tables: the parts of the model, observed values, what was fitted, the measures of the
run. An answer simulates as much as a tenth of a second allows, with exact values beside where they are known; what is
asked of the model as it is gets the figures of the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil, inf, isfinite, nan
from time import thread_time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Slider
from potomac.errors import Fault, NoAnswer, StudyError, did_you_mean, listing
from potomac.simulation.analytic import analytic
from potomac.simulation.declared import Source, Station, Stock
from potomac.simulation.distributions import distribution, empirical
from potomac.simulation.estimates.cycles import window_of
from potomac.simulation.estimates.estimate import Estimate, Way, estimates
from potomac.simulation.estimates.horizon import ends, period_of
from potomac.simulation.estimates.warmup import Warmup, relaxation
from potomac.simulation.executors import reliability
from potomac.simulation.executors.execute import executor, replicate, replications
from potomac.simulation.executors.replication import Window
from potomac.simulation.inputs import Arrivals, Fits
from potomac.simulation.loop.plan import Declared, planned
from potomac.simulation.model import Model
from potomac.simulation.output import Asked, Simulated, simulate
from potomac.simulation.telling.building import Data, Series, model_of
from potomac.simulation.telling.found import Found, focus_of, main_of
from potomac.simulation.telling.scaling import scaled
from potomac.simulation.telling.words import SHARES, label, outcome, say, unit_of
from potomac.simulation.traffic import traffic, unstable
from potomac.stats.streams import Stream

__all__ = ["Live", "kept", "load", "sliders", "what_if"]

EVENTS, BEARABLE = 600_000, 10_000_000
"""Events of an answer, about 50 ms of the event loop, so that it feels live anywhere; and of the longest one."""

SECONDS = 1.2
"""Time of a processor after which an answer is given up."""

LEAST, MOST, EVENINGS = 10, 60, 120
"""Replications of an answer: of the long run at least and at most, of a model that ends by itself at most."""

SHORT, LONG = 30, 1000
"""Relaxation times of a replication of the long run: at least, at most."""

FIRST = 6
"""Relaxation times that are left out at the start."""

CROWD = 1_000_000
"""Customers who come in one replication, at most: all of them may be inside at once."""

TOLD = {
    "station": ("wait", "wait_q90", "p_wait", "queue_length", "utilization"),
    "stock": ("fill_rate", "on_hand", "backorders", "cost_per_time"),
    "plant": ("availability", "reliability", "mttf", "mean_down"),
}  # fmt: skip
"""Measures that an answer tells of the place that is meant."""

PUBLISHED = ("where", "measure", "mean", "low", "high", "half_width", "replications", "exact")
"""What is kept of the measures of the run."""


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
        seed: of the streams.
        confidence: of the intervals.
        before: the measures of the run.
        focus: the place that is told first.
    """

    declared: Declared
    unit: str
    of: str
    until: float | None
    steady: bool
    warmup: float
    seed: int
    confidence: float
    before: tuple[Estimate, ...]
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
        "before": found.run.measures.select(PUBLISHED),
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
    """The model of a run, and all that may run it ready: no answer shall wait for a compiler."""
    about = {row["name"]: json.loads(row["value"]) for row in tables["about"].to_pylist()}
    declared = model_of(about["name"], about["parts"], _data(about, tables)).checked()
    live = Live(
        declared, about["unit"], about["of"], about["until"], about["steady"], about["warmup"], about["seed"],
        about["confidence"], tuple(map(_published, tables["before"].to_pylist())), about["main"][0],
    )  # fmt: skip
    window, none = Window.of(_brief(declared)), Stream(0)
    replications(declared, [0], window, none, histograms=True)
    if not declared.components and executor(declared) is not replicate:  # what is moved may need the loop all the same
        replicate(planned(declared), 0, window, none, keep=True)
    return live


def _published(row: Mapping[str, Any]) -> Estimate:
    numbers = {name: nan if row[name] is None else row[name] for name in ("mean", "low", "high", "half_width")}
    return Estimate(**{**row, **numbers})


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


def sliders(live: Live, chosen: Mapping[str, Any] | None = None) -> Iterator[Slider]:
    """What can be moved: servers and arrivals of a queue, levels of a stock, units of a component.

    Args:
        live: the run.
        chosen: the ``station``, ``stock`` or ``component`` whose values are moved; default those told first.
    """
    d, picked = live.declared, chosen or {}
    if d.components:
        yield from _units(_meant(d.components, picked.get("component"), live.focus), d)
        return
    if d.stations:
        yield from _serving(_meant(d.stations, picked.get("station"), live.focus), d)
    if d.stocks:
        yield from _levels(_meant(d.stocks, picked.get("stock"), live.focus), d)
    if not all(s.times for s in d.sources):
        yield Slider("arrivals", 50, 200, 5, 100)


def _meant(parts: Any, name: str | None, focus: str) -> Any:
    """The part of this name, else the one that is told first, else the first."""
    by_name = {part.name: part for part in parts}
    return by_name.get(name or "") or by_name.get(focus) or parts[0]


def _units(c: Any, d: Declared) -> Iterator[Slider]:
    if len(d.components) > 1:
        yield Slider("component", value=c.name, choices=tuple(each.name for each in d.components))
    fewest = next(n for n in range(1, c.count + 1) if n == c.count or _stands(_counted(d, c.name, n)))
    yield Slider("count", fewest, max(c.count + 4, 2 * c.count), 1, c.count)


def _stands(d: Declared) -> bool:
    try:
        Model.of(d)
    except StudyError:
        return False
    return True


def _serving(s: Station, d: Declared) -> Iterator[Slider]:
    if len(d.stations) > 1:
        yield Slider("station", value=s.name, choices=tuple(each.name for each in d.stations))
    if isfinite(s.servers) and not s.calendar:
        c = int(s.servers)
        yield Slider("servers", 1, min(max(c + 5, 2 * c), s.capacity), 1, c)
    yield Slider("service", 50, 200, 5, 100)


def _levels(stock: Stock, d: Declared) -> Iterator[Slider]:
    if len(d.stocks) > 1:
        yield Slider("stock", value=stock.name, choices=tuple(s.name for s in d.stocks))
    high = ceil(max(3 * max(stock.S, stock.s, stock.Q, stock.begins), 10.0))
    names = {"up_to": {"s": stock.s, "S": stock.S}, "lots": {"r": stock.s, "Q": stock.Q}, "base": {"base": stock.S}}
    for name, value in names[stock.policy].items():
        yield Slider(name, min(int(name == "Q"), value), high, 1, value)


def what_if(live: Live, ask: Mapping[str, Any]) -> dict[str, Any]:
    """What would come of it.

    Args:
        live: the run.
        ask: ``station``, ``servers``, ``arrivals``, ``service``, ``stock``, ``s``, ``S``, ``Q``, ``r``, ``base``,
            ``component``, ``count``; None and 100 % leave things as they are.

    Raises:
        StudyError: a name is unknown, or values do not fit together.
        NoAnswer: a station is unstable then, or the answer would take too long.
    """
    declared, focus, notes = _changed(live, ask)
    same = declared == live.declared
    run = _as_published(live) if same else _simulated(live, declared)
    main = main_of(run, f"{focus}:{_main(live, run, focus)}")
    said = outcome(run, main, live.unit)
    told = [*_told(live, run, focus, main)]
    return {
        "answer": f"{said[0].upper()}{said[1:]}.",
        "measures": told,
        "replications": main.replications,
        "note": " ".join([*notes, *([_SAME] if same else (n for n in run.notes if "outside the interval" not in n))]),
    }


_SAME = "Nothing is changed: these are the figures of the run."


# ---- the model that is meant --------------------------------------------------------------------------------------


def _changed(live: Live, ask: Mapping[str, Any]) -> tuple[Declared, str, list[str]]:
    """The model with what is otherwise, the place that is told, and what is to be known.

    That place is the one where something changes; where nothing does, the one that is named.
    """
    before = d = live.declared
    named, moved, notes = list[str](), list[str](), list[str]()

    def seen(name: str, now: Declared) -> Declared:
        named.append(name)
        moved.extend([name] if now != d else [])
        return now

    if ask.get("component") or ask.get("count") is not None:
        name = _one(ask.get("component"), [c.name for c in d.components], "component")
        d = d if ask.get("count") is None else _counted(d, name, ask["count"])
    if ask.get("stock") or any(ask.get(level) is not None for level in ("s", "S", "Q", "r", "base")):
        name = _one(ask.get("stock"), [s.name for s in d.stocks], "stock", live.focus)
        d = seen(name, replace(d, stocks=tuple(_leveled(s, ask) if s.name == name else s for s in d.stocks)))
    service = _share(ask.get("service"))
    if ask.get("station") or ask.get("servers") is not None or service != 1:
        name = _one(ask.get("station"), [s.name for s in d.stations], "station", live.focus)
        d = seen(
            name, replace(d, stations=tuple(_manned(s, ask, service) if s.name == name else s for s in d.stations))
        )
    more = _share(ask.get("arrivals"))
    if more != 1:
        if any(s.times for s in d.sources):
            notes.append("Arrivals that are played back come as they came.")
        d = replace(d, sources=tuple(_hurried(s, more) for s in d.sources))
    if d != before:
        _check(d)
    at_focus = live.focus if live.focus in named or not named else named[-1]
    return d, moved[-1] if moved else at_focus, notes


def _share(per_cent: float | None) -> float:
    return 1.0 if per_cent is None else float(per_cent) / 100


def _check(d: Declared) -> None:
    """See whether the model is in order; the faults have the names of what was asked.

    Raises:
        StudyError: it is not.
    """
    try:
        Model.of(d)
    except StudyError as error:
        raise StudyError(replace(f, key=f.key.rpartition(".")[2]) for f in error.faults) from error


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


def _counted(d: Declared, name: str, count: int) -> Declared:
    return replace(d, components=tuple(replace(c, count=count) if c.name == name else c for c in d.components))


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
        return s if ask.get("base") is None else replace(s, S=level("base", s.S), s=level("base", s.s))
    if s.policy == "lots":
        return replace(s, s=level("r", s.s), Q=level("Q", s.Q))
    return replace(s, s=level("s", s.s), S=level("S", s.S))


# ---- simulated ----------------------------------------------------------------------------------------------------


def _as_published(live: Live) -> Simulated:
    """The run itself."""
    nothing = Warmup(live.warmup, live.steady, "as in the run")
    return Simulated(live.declared, Asked(), Window.of(live.until or inf), live.before, {}, (), nothing)


def _simulated(live: Live, d: Declared) -> Simulated:
    """As long and as often as the events of an answer allow; the same question has the same answer.

    Raises:
        NoAnswer: a station is unstable, or the answer would take too long.
    """
    if d.components:
        return _watched(live, d)
    patience = _patience()
    asked = Asked(live.until, LEAST, warmup=live.warmup, quantiles=(0.9,), seed=live.seed, confidence=live.confidence)
    if live.steady and not ends(d):
        for fault in unstable(d, traffic(d)):
            mend = "Move the sliders: more servers, fewer arrivals, shorter services"
            raise NoAnswer(replace(fault, mend=mend, key=""))
        asked, needed = _long_run(d, asked)
        return simulate(d, asked, patience) if needed <= BEARABLE else _by_formula(d, needed)
    end = live.until if live.until is not None else inf
    coming = sum(_coming(s, end) for s in d.sources)
    if coming > CROWD:
        raise NoAnswer(_long(f"about {coming:,.0f} customers come in each replication", f"at most {CROWD:,}"))
    stream = Stream(live.seed).child("simulation")
    first = replications(d, [0], Window.of(end, live.warmup), stream, progress=patience)[0]
    many = int(np.clip(EVENTS // max(first.events, 1), LEAST, EVENINGS))
    return simulate(d, replace(asked, replications=many), patience)


def _long_run(d: Declared, asked: Asked) -> tuple[Asked, float]:
    """Replications of so many relaxation times of the model, and the events that they take at least."""
    scale, rate = relaxation(d), 3 * float(traffic(d).rates.sum())
    if not rate:
        rate = sum(s.population for s in d.sources) / max(scale, 1e-300)
    needed = SHORT * scale * rate * LEAST
    if not needed <= BEARABLE:
        return asked, needed
    length = float(np.clip(EVENTS / (LEAST * rate), SHORT * scale, LONG * scale))
    runs = int(np.clip(EVENTS / (rate * length), LEAST, MOST))
    period, first = period_of(d), FIRST * scale
    if period:
        length, first = period * ceil(length / period), period * ceil(first / period)
    return replace(asked, until=length + first, replications=runs, warmup=first), needed


def _by_formula(d: Declared, needed: float) -> Simulated:
    """Exact values, where simulating would take too long and they are known.

    Raises:
        NoAnswer: they are not.
    """
    known = tuple(_exactly(key, x) for key, x in analytic(d).items() if isfinite(x))
    main = {*((s.name, "wait") for s in d.stations), *((s.name, "fill_rate") for s in d.stocks)}
    if not main <= {(e.where, e.measure) for e in known}:
        found = f"the model is so slow to settle then that an answer takes about {say(needed)} events"
        raise NoAnswer(_long(found, f"at most {BEARABLE:,} are simulated while one watches"))
    note = "The model is too slow to settle to be simulated while one watches: these are exact values."
    return Simulated(d, Asked(), Window.of(inf), known, {}, (), Warmup(0.0, True, "none"), (note,))


def _exactly(key: tuple[str, str], x: float) -> Estimate:
    return Estimate(*key, x, x, x, 0.0, 0, x)


def _coming(s: Source, end: float) -> float:
    """Customers of a source in one replication, about."""
    if s.population or s.times:
        return float(s.population or len(s.times))
    most = inf if s.limit is None else s.limit
    long = max(min(end, s.stop) - s.start, 0.0)
    if s.rate is not None:
        once = sum(t * r for t, r in zip(s.rate.durations, s.rate.rates, strict=True))
        often = once * (max(long / sum(s.rate.durations), 1.0) if s.rate.repeat else 1.0)
    else:
        often = long / s.interarrival.mean if s.interarrival else 0.0
    return (s.batch.mean if s.batch else 1.0) * min(most, often)


def _watched(live: Live, d: Declared) -> Simulated:
    """Components that fail, for as many lives and repairs as an answer allows."""
    plant, runs = reliability.plant_of(d), 2 * LEAST
    window, warmup = window_of(plant, live.until, None)
    often = sum(2 * c.count / (c.life.mean + (c.repair.mean if c.repair else 0.0)) for c in d.components)
    needed = runs * often * window.end if isfinite(window.end) else 0.0
    if needed > EVENTS and live.until is None:
        longest = max(window.end * EVENTS / needed, LEAST * warmup.time)
        window, warmup = window_of(plant, min(window.end, longest), None)
        needed = runs * often * window.end
    if not needed <= BEARABLE:
        found = f"an answer takes {say(needed)} failures and repairs"
        raise NoAnswer(_long(found, f"at most {BEARABLE:,} are simulated while one watches"))
    stream, most = Stream(live.seed).child("simulation"), EVENTS // runs
    made = reliability.replications(d, range(runs), window, stream, progress=_patience(), most=most)
    way, exact = Way(warmup.steady, confidence=live.confidence), analytic(d)
    seen = estimates(d, made, window, (), way, exact if warmup.steady else {})
    missing = {key: x for key, x in exact.items() if key[1] == "mttf" and key not in _by_key(seen)}
    known = tuple(_exactly(key, x) for key, x in missing.items() if isfinite(x))
    notes = tuple(f"The mean time to failure of {where} is the exact one." for where, _ in missing)
    return Simulated(d, Asked(), window, (*seen, *known), {}, tuple(made), warmup, notes)


def _patience() -> Callable[..., None]:
    """Gives an answer up that takes too long, whatever was reckoned before."""
    begun = thread_time()

    def heard(what: str, done: float, total: float | None = None) -> None:
        if thread_time() - begun > SECONDS:
            raise NoAnswer(_long(f"{what} took {SECONDS:g} s and were not done", ""))

    return heard


def _long(found: str, expected: str) -> Fault:
    return Fault("simulation.live", found, expected, "Stay nearer to the run, or run it as a study of its own")


# ---- told ---------------------------------------------------------------------------------------------------------


def _main(live: Live, run: Simulated, focus: str) -> str:
    """The measure that is told first of a place."""
    if live.of and focus == live.focus:
        return live.of.rpartition(":")[2]
    return main_of(run, "").measure if focus == focus_of(run) else _first(run, focus)


def _first(run: Simulated, focus: str) -> str:
    there = {e.measure for e in run.estimates if e.where == focus}
    return next(m for each in TOLD.values() for m in each if m in there)


def _told(live: Live, run: Simulated, focus: str, main: Estimate) -> Iterator[dict[str, Any]]:
    """The measures of the place, the main one first, and the time in the whole system; shares in per cent."""
    names = TOLD["plant" if live.declared.components else "stock" if _is_stock(live, focus) else "station"]
    wanted = [(main.where, main.measure), *((focus, name) for name in names)]
    wanted += [("system", "time_in_system"), ("system", "p_lost")] if not _is_stock(live, focus) else []
    found, before = _by_key(run.estimates), _by_key(live.before)
    for key in dict.fromkeys(wanted):
        e, was = found.get(key), before.get(key)
        if e is None or not isfinite(e.mean) or (key[1] == "p_lost" and not e.mean and not (was and was.mean)):
            continue
        ends = {"mean": e.mean, "low": e.low, "high": e.high, "exact": e.exact}
        if was is not None:
            ends |= {"before": was.mean, "before_low": was.low, "before_high": was.high}
        share = e.measure in SHARES
        yield {
            "where": e.where, "measure": e.measure, "label": _label(e.measure, live.unit),
            "unit": "%" if share else unit_of(e.measure, live.unit),
            **{name: _known(x, share=share) for name, x in ends.items()},
        }  # fmt: skip


def _is_stock(live: Live, name: str) -> bool:
    return any(s.name == name for s in live.declared.stocks)


def _by_key(found: tuple[Estimate, ...]) -> dict[tuple[str, str], Estimate]:
    return {(e.where, e.measure): e for e in found}


def _label(measure: str, unit: str) -> str:
    return label(measure).replace("a unit of time", f"a {unit.removesuffix('s')}")


def _known(x: float | None, *, share: bool) -> float | None:
    """A number in the unit in which it is told; no share is beyond 0 and 100 %."""
    if x is None or not isfinite(x):
        return None
    return 100 * min(max(x, 0.0), 1.0) if share else x
