"""A declared model seen as one of the textbook's: what is exactly known of it, beside what is simulated.

A station is known where its arrivals are Poisson and its form has a closed solution. Arrivals stay Poisson as long as
all stations on the way are quasi-reversible (Kelly 1979, ch. 3): exponential service alike for all, or any service
where servers are shared, never lacking, or taken over by the newest. Networks of these have a product form, cycles
included (Baskett, Chandy, Muntz and Palacios 1975); any other station is known where nothing comes back to it.
"""

from __future__ import annotations

from math import isfinite

import numpy as np
import numpy.typing as npt

from potomac.errors import NoAnswer
from potomac.simulation.components import Plant
from potomac.simulation.declared import Stock
from potomac.simulation.loop.plan import Declared
from potomac.simulation.recognised.closed import closed_model, loss_model
from potomac.simulation.recognised.comers import comers_of, links, poisson_places, quasi_reversible
from potomac.simulation.recognised.ending import known_until_the_last
from potomac.simulation.recognised.loads import sure_places, with_load
from potomac.simulation.recognised.named import Known, measures, told
from potomac.simulation.recognised.plants import known_plant
from potomac.simulation.recognised.stations import Solved, with_one_source, with_poisson_arrivals
from potomac.simulation.recognised.stocks import known_stock, known_without_lead
from potomac.simulation.traffic import traffic

__all__ = ["recognised"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def recognised(d: Declared) -> Known:
    """(where, measure) -> exact value in the long run, or until the last of so many customers is through.

    Only what is known, nothing where the model has no long run and does not end by itself.

    Args:
        d: a model whose parts fit together.
    """
    if d.components:
        return known_plant(Plant(d.components, d.systems, d.crews))
    try:
        if any(source.population for source in d.sources):
            known = loss_model(d) or closed_model(d)
        else:
            known = known_until_the_last(d) or _open(d)
    except NoAnswer:
        return {}
    return {key: float(value) for key, value in known.items() if isfinite(value)}


def _open(d: Declared) -> Known:
    rates = traffic(d).rates
    quasi = np.array(
        [*(quasi_reversible(s, comers_of(d, rates[i])) for i, s in enumerate(d.stations)), *(False for _ in d.stocks)]
    )
    clean, sure = poisson_places(d, quasi), sure_places(d)
    out: Known = {}
    solved: list[Solved | None] = []
    for i, station in enumerate(d.stations):
        comers = comers_of(d, rates[i])
        found = None
        if comers.kinds:
            found = with_poisson_arrivals(station, comers) if clean[i] else with_one_source(d, station)
            out |= with_load(station, comers) if sure[i] else {}
            if found is not None:
                out |= told(station, comers, found)
        solved.append(found)
    for i, stock in enumerate(d.stocks, len(d.stations)):
        rate = float(rates[i].sum())
        if rate > 0:
            out |= known_stock(stock, rate) if clean[i] else _renewed(d, stock, rate)
    return out | _throughput(d, sure, out) | _system(d, rates, solved)


def _renewed(d: Declared, stock: Stock, rate: float) -> Known:
    """A stock without lead time whose customers come from one source, at times that are not fixed ahead."""
    sources = [source for source in d.sources if stock.name in source.to]
    led = any(to == stock.name for _, to, _ in links(d))
    if led or len(sources) != 1 or not sure_places(d).all() or sources[0].interarrival is None or sources[0].batch:
        return {}
    return known_without_lead(stock, rate)


def _throughput(d: Declared, sure: Bools, known: Known) -> Known:
    """Of the whole, where every station is known to do what comes to it."""
    if not sure.all() or any(s.lost for s in d.stocks) or not all((s.name, "throughput") in known for s in d.stations):
        return {}
    return {("system", "throughput"): sum(s.mean_rate for s in d.sources), ("system", "p_lost"): 0.0}


def _system(d: Declared, rates: Floats, solved: list[Solved | None]) -> Known:
    """The whole, where each station is known: numbers add up, and times are numbers over rates (Little 1961)."""
    asked = [i for i in range(len(d.stations)) if rates[i].sum() > 0]
    each = [solved[i] for i in asked]
    stations = [s for s in each if s is not None]
    if d.stocks or len(stations) < len(each) or not each:
        return {}
    inside = sum(s.whole.number_in_station for s in stations)
    out: Known = {("system", "number_in_system"): inside}
    coming = np.array([sum(s.mean_rate for s in d.sources if (s.kind or s.name) == kind) for kind in d.kinds])
    if not all(s.lossless for s in stations):
        if len(d.stations) == 1:
            one = measures(d.stations[0].name, stations[0].whole, True)
            out["system", "time_in_system"] = one[d.stations[0].name, "time_in_station"]
            out["system", "throughput"] = one[d.stations[0].name, "throughput"]
            out["system", "p_lost"] = stations[0].lost
        return out
    total = float(coming.sum())
    out |= {("system", "time_in_system"): inside / total, ("system", "throughput"): total, ("system", "p_lost"): 0.0}
    if len(d.kinds) > 1:
        for k, kind in enumerate(d.kinds):
            if coming[k] > 0:
                there = [(solved[i], comers_of(d, rates[i])) for i in asked if rates[i, k] > 0]
                number = sum(s.kinds[c.kinds.index(kind)].number_in_station for s, c in there if s is not None)
                out |= {
                    (kind, "number_in_system"): number, (kind, "time_in_system"): number / coming[k],
                    (kind, "throughput"): coming[k], (kind, "p_lost"): 0.0,
                }  # fmt: skip
    return out
