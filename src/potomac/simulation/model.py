"""A model, built part by part: sources, stations, routes, stocks, or components; checked as a whole before it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.simulation.columns import column
from potomac.simulation.components import Component, Crew, Plant, System
from potomac.simulation.declared import EXIT, Discipline, Preemption, Rate, Route, Source, Station, Stock
from potomac.simulation.distributions import Distribution, discrete, distribution, empirical
from potomac.simulation.lehmer import Lehmer
from potomac.simulation.loop.plan import Declared
from potomac.simulation.traffic import endless

if TYPE_CHECKING:
    from potomac.engine import Progress
    from potomac.simulation.executors.log import Sink
    from potomac.simulation.output import Simulated

__all__ = ["Model"]

Where = str | Mapping[str, float]
Parts = str | Sequence[str]


class Model:
    """A model of customers, stations and stocks, or of components that fail and are repaired.

    Each method adds a part and gives the model back. What is wrong with a part is said when it is added, what does not
    fit together when the model runs.

    Args:
        name: of the model.

    Example:
        A desk that one in ten comes back to::

            m = Model("clinic")
            m.source("walkin", interarrival=exponential(mean=1.0), to="desk")
            m.station("desk", servers=2, service=exponential(mean=1.5))
            m.route("desk", {"exit": 0.9, "desk": 0.1})
    """

    def __init__(self, name: str = "model") -> None:
        self.declared = Declared(name)

    @classmethod
    def of(cls, declared: Declared) -> Model:
        """The model of these parts.

        Raises:
            StudyError: parts are wrong or do not fit together, all faults together.
        """
        model = cls(declared.name)
        model.declared = declared
        faults = [*_part_faults(declared), *_whole_faults(declared)]
        if faults:
            raise StudyError(faults)
        return model

    def source(
        self, name: str, *, to: Where, interarrival: Any = None, rate: Any = None, every: float | None = None,
        repeat: bool = True, factor: Any = None, data: Any = None, trace: Any = None, population: int = 0,
        batch: Any = None, kind: str = "", priority: int = 0, start: float = 0.0, stop: float = inf,
        limit: int | None = None, ties: Literal["auto", "keep", "error"] = "auto",
    ) -> Model:  # fmt: skip
        """Add a source of customers.

        Args:
            name: of the source, and of its kind of customers where ``kind`` is not given.
            to: the station or stock where they go first, or the share of each.
            interarrival: distribution of the time between arrivals.
            rate: arrivals a unit of time: a number (Poisson), or a list of rates that hold ``every`` so long.
            every: how long each of the rates holds.
            repeat: whether the rates begin again after the last.
            factor: distribution of a factor of all rates, drawn anew for each round (doubly stochastic arrivals).
            data: observed times between arrivals, that are drawn from again and again.
            trace: observed times of the arrivals themselves, played back; rising.
            population: so many customers are there from the start and go round for ever.
            batch: distribution of how many come at once.
            kind: name under which the customers are served and counted.
            priority: smaller is more urgent.
            start: time from which they come.
            stop: time at which the doors close.
            limit: most who come.
            ties: what equal times of a trace mean: rounding or people who come together (keep), or a row that stands
                twice (error); auto: an error, unless all times are rounded and so many ties are to be expected.

        Raises:
            StudyError: the source is wrong; the message says how.
            DataError: the trace does not rise, has a row twice, or holds what is no number, with the row.
        """
        if isinstance(rate, (int, float)) and every is None:
            if interarrival is not None:
                raise StudyError(
                    Fault("simulation.source", "it has interarrival and rate", "expected one of them", key="rate")
                )
            interarrival, rate = Distribution("exponential", (("mean", _inverse(rate)),)), None
        if data is not None:
            if interarrival is not None:
                raise StudyError(Fault("simulation.source", "it has interarrival and data", "expected one of them"))
            interarrival = empirical(data)
        times = () if trace is None else _rising(trace, ties)
        made = Source(
            _named(name), _to(to), _maybe(interarrival), _rate(rate, every, repeat, factor), times, population,
            _maybe(batch), kind, priority, start, stop, limit,
        )  # fmt: skip
        return self._add("source", made, sources=(*self.declared.sources, made))

    def station(
        self, name: str, *, service: Any, servers: float = 1, discipline: Discipline = "fcfs",
        preemption: Preemption = "none", capacity: float = inf, patience: Any = None, balk: Any = (),
        overflow: str = EXIT, balk_to: str = EXIT, renege_to: str = EXIT,
        calendar: Sequence[tuple[float, int]] = (), uptime: Any = None, repair: Any = None,
    ) -> Model:  # fmt: skip
        """Add a station.

        Args:
            name: of the station.
            service: distribution of the service time, or one for each kind of customers.
            servers: how many; ``inf`` where nobody waits.
            discipline: fcfs, lcfs, priority, random, or sharing (all are served at once).
            preemption: none, resume or repeat: whether more urgent customers interrupt others, and how those go on.
            capacity: most customers at the station, those in service included.
            patience: distribution of the time after which who still waits gives up, or one for each kind.
            balk: length of the queue at which arrivals turn back, or the probability at each length 0, 1, 2, ...
            overflow: where they go who find the station full.
            balk_to: where they go who turn back.
            renege_to: where they go who give up.
            calendar: pieces (duration, servers), again and again; in place of ``servers``.
            uptime: distribution of the time until a server fails.
            repair: distribution of the time until it works again.

        Raises:
            StudyError: the station is wrong; the message says how.
        """
        turns = _turns(balk)
        made = Station(
            _named(name), _by_kind(service), servers, discipline, preemption, capacity,
            {} if patience is None else _by_kind(patience), turns, overflow, balk_to, renege_to,
            tuple((float(length), n) for length, n in calendar), _maybe(uptime), _maybe(repair),
        )  # fmt: skip
        return self._add("station", made, stations=(*self.declared.stations, made))

    def route(
        self, start: str, to: Where | Sequence[str], *, kind: str = "",
        rule: Literal["shares", "shortest", "cycle"] | None = None,
    ) -> Model:  # fmt: skip
        """Say where customers go from a place; without a route they leave.

        Args:
            start: the station or stock.
            to: a station, ``exit``, the share of each, or a list of stations to choose from.
            kind: of customers it is for; default all.
            rule: shares; for a list: shortest (the fewest for each server) or cycle (each in turn).

        Raises:
            StudyError: the route is wrong; the message says how.
        """
        if isinstance(to, (str, Mapping)):
            made = Route(start, _to(to), kind, rule or "shares")
        else:
            made = Route(start, dict.fromkeys(to, 1.0), kind, rule or "shortest")
        return self._add("route", made, routes=(*self.declared.routes, made))

    def stock(
        self, name: str, *, s: float | None = None, S: float | None = None, Q: float | None = None,
        r: float | None = None, base: float | None = None, initial: float | None = None, quantity: Any = None,
        lead: Any = None, review: float = 0.0, lost: bool = False, lost_to: str = EXIT, holding: float = 0.0,
        shortage: float = 0.0, order: float = 0.0, unit: float = 0.0, penalty: float = 0.0,
    ) -> Model:  # fmt: skip
        """Add a stock, with the policy by which it is ordered again.

        Args:
            name: of the stock.
            s: at or below this position (on hand, and ordered, less what is owed), order up to ``S``.
            S: order-up-to level.
            Q: size of a lot, ordered at or below ``r``.
            r: reorder point of lots.
            base: base stock: whatever leaves is ordered at once.
            initial: on hand at the start; default the level that an order aims at.
            quantity: distribution of what a customer asks for; default one.
            lead: distribution of the time from an order to its arrival; default none.
            review: time between looks at the stock; default it is always known.
            lost: whether demand that is not met is lost; default it is owed.
            lost_to: where customers go whose demand is lost.
            holding: cost of a unit on hand a unit of time.
            shortage: cost of a unit owed a unit of time.
            order: cost of an order.
            unit: cost of a unit ordered.
            penalty: cost of a unit lost.

        Raises:
            StudyError: the stock is wrong; the message says how.
        """
        policy, low, high = _policy(name, s, S, Q, r, base)
        made = Stock(
            _named(name), policy, low, high, Q or 0.0, initial, _maybe(quantity), _maybe(lead), review, lost, lost_to,
            holding, shortage, order, unit, penalty,
        )  # fmt: skip
        return self._add("stock", made, stocks=(*self.declared.stocks, made))

    def component(
        self, name: str, *, life: Any = None, repair: Any = None, count: int = 1, running: int | None = None,
        dormant: Any = None, switch: float = 1.0, crew: str = "", priority: int = 0, reliability: float | None = None,
    ) -> Model:  # fmt: skip
        """Add units that fail, all alike.

        Args:
            name: of the component.
            life: distribution of the time that a unit works until it fails.
            repair: distribution of the time its repair takes; default it is not repaired.
            count: units.
            running: units that run at once, the others stand by; default all run.
            dormant: distribution of the time until a unit fails in standby (warm); default it never does (cold).
            switch: probability that a unit in standby takes over when it is wanted.
            crew: who repairs it; default each unit finds somebody at once.
            priority: of its repairs where the crew has priorities; smaller is more urgent.
            reliability: probability that a unit works, in place of ``life``, where time plays no part.

        Raises:
            StudyError: the component is wrong; the message says how.
        """
        if (life is None) == (reliability is None):
            found = (
                f"it has {'neither' if life is None else 'both'} life {'nor' if life is None else 'and'} reliability"
            )
            mend = "Add life, e.g. { exponential = { mean = 100.0 } }" if life is None else ""
            raise StudyError(
                Fault("simulation.component", found, "expected one of them", mend, key=f"component.{name}")
            )
        lasts = distribution(life) if reliability is None else _works(name, reliability)
        made = Component(
            _named(name), lasts, _maybe(repair), count, running, _maybe(dormant), switch, crew, priority,
            reliability is not None,
        )  # fmt: skip
        return self._add("component", made, components=(*self.declared.components, made))

    def crew(self, name: str, number: int = 1, discipline: Literal["fcfs", "priority"] = "fcfs") -> Model:
        """Add a crew that repairs, each of its members one unit at a time.

        Args:
            name: of the crew.
            number: how many they are.
            discipline: fcfs, or priority (of the components).

        Raises:
            StudyError: the crew is wrong; the message says how.
        """
        made = Crew(_named(name), number, discipline)
        return self._add("crew", made, crews=(*self.declared.crews, made))

    def system(
        self, name: str = "system", *, series: Parts | None = None, parallel: Parts | None = None,
        of: Parts | None = None, standby: Parts | None = None, k: int | None = None, switch: float = 1.0,
        suspended: bool = False, times: Sequence[float] = (),
    ) -> Model:  # fmt: skip
        """Add a structure of components and other systems; all units of a component are its parts.

        Args:
            name: of the system.
            series: parts that must all work.
            parallel: parts one of which must work.
            of: parts ``k`` of which must work.
            standby: components of which ``k`` (default 1) run in their order, and the others stand by.
            k: parts that must work.
            switch: probability that a unit in standby takes over when it is wanted.
            suspended: whether nothing in it fails while it is down.
            times: at which the probability that it has not failed yet is estimated.

        Raises:
            StudyError: the system is wrong; the message says how.
        """
        given = {"series": series, "parallel": parallel, "of": of, "standby": standby}
        chosen = [(kind, parts) for kind, parts in given.items() if parts is not None]
        if len(chosen) != 1 or (chosen[0][0] == "of") != (k is not None and chosen[0][0] != "standby"):
            found = (
                f"the system has {listing([kind for kind, _ in chosen]) or 'no parts'}{'' if k is None else ' and k'}"
            )
            expected = "expected one of series, parallel, standby, or of with k"
            raise StudyError(Fault("simulation.system", found, expected, key=f"system.{name}"))
        kind, parts = chosen[0]
        made = System(
            name if name == "system" else _named(name), (parts,) if isinstance(parts, str) else tuple(parts),
            1 if kind == "parallel" else k, kind == "standby", switch, suspended, tuple(float(t) for t in times),
        )  # fmt: skip
        return self._add("system", made, systems=(*self.declared.systems, made))

    def lehmer(self, seed: int = 123456789, streams: Mapping[str, int] | None = None) -> Model:
        """Draw from the generator of Leemis and Park, to reproduce what they and their readers published.

        Args:
            seed: of stream 0.
            streams: number of the stream of each random thing, e.g. ``{"arrivals/interarrival": 0}``; default one
                after the other.
        """
        self.declared = replace(self.declared, lehmer=Lehmer(seed), streams=dict(streams or {}))
        return self

    def run(
        self, until: float | None = None, replications: int | None = None, *, precision: float | None = None,
        of: str = "", warmup: float | Literal["auto"] = "auto", confidence: float = 0.95,
        quantiles: Sequence[float] = (0.5, 0.9, 0.99), most: int = 1000, budget: float = inf, antithetic: bool = False,
        seed: int = 0, jobs: int | None = 1, log: Sink | None = None, progress: Progress | None = None,
    ) -> Simulated:  # fmt: skip
        """Run independent replications.

        Args:
            until: time at which each ends; default as long as the model needs for its long run.
            replications: how many; default 20, or as many as the precision takes. 1 is a single long run: its interval
                comes from its pieces, and it is refused where they lean on each other, where it is too short for the
                model, or where the model has no long run.
            precision: half-width over mean of the measure ``of`` that is wanted; replications are added until then.
            of: ``wait``, or of one place ``desk:wait``; default the time in the system.
            warmup: time left out at the start; ``auto`` finds it; nothing where the model ends by itself.
            confidence: of the intervals.
            quantiles: shares whose quantiles of waits are estimated.
            most: replications at which the search for precision stops.
            budget: seconds after which it stops, too.
            antithetic: replications come in pairs, the second of draws 1 - u in place of u (Hammersley and Morton
                1956): narrower intervals where a measure rises or falls with each draw. A note says what it brought.
            seed: the same seed gives the same numbers.
            jobs: processes, -1 for as many as there are, None for what ``joblib.parallel_config`` says; the answer is
                the same with one or many, on this machine or by joblib's dask, ray or spark backends.
            log: where the events of all replications go: path of a Parquet file, or a function that takes Arrow record
                batches. It is made by running them once more, here; see ``Simulated.events``.
            progress: hears how far it is.

        Raises:
            StudyError: the model, or what is asked, is wrong.
            NoAnswer: a station is unstable and no end is given; the runs are too short for the long run; a mean has no
                valid interval; a trace ended; too many customers are inside.
        """
        from potomac.simulation.executors.log import loggable, write
        from potomac.simulation.output import Asked, simulate

        asked = Asked(
            until, replications, precision, of, warmup, confidence, tuple(quantiles), most, seed, jobs, budget,
            antithetic,
        )  # fmt: skip
        declared = self.checked()
        if log is not None:
            loggable(declared, until)
        found = simulate(declared, asked, progress)
        if log is not None:
            write(found.events(progress=progress), log)
        return found

    def analytic(self) -> dict[tuple[str, str], float]:
        """(where, measure) -> exact value in the long run, where a closed form is known."""
        from potomac.simulation.analytic import analytic

        return analytic(self.checked())

    def checked(self) -> Declared:
        """The parts, after it was seen that they fit together.

        Raises:
            StudyError: they do not, all faults together.
        """
        faults = [*_whole_faults(self.declared)]
        if faults:
            raise StudyError(faults)
        return self.declared

    def _add(self, what: str, made: Any, **parts: Any) -> Model:
        name = getattr(made, "name", getattr(made, "start", ""))
        faults = [replace(f, key=f"{what}.{name}.{f.key}") for f in _mistyped(made)]
        faults = faults or [replace(f, key=f"{what}.{name}" + (f".{f.key}" if f.key else "")) for f in made.faults()]
        if faults:
            raise StudyError(faults)
        self.declared = replace(self.declared, **parts)
        return self


_WHOLE = ("population", "priority", "limit", "count", "running", "number", "k")
_NUMBERS = (
    "start", "stop", "servers", "capacity", "s", "S", "Q", "initial", "review", "holding", "shortage", "order", "unit",
    "penalty", "switch",
)  # fmt: skip


def _mistyped(made: Any) -> Iterator[Fault]:
    """What is no number, where a part takes one; a name may be called start."""
    for name in (*_WHOLE, *(n for n in _NUMBERS if not (n == "start" and isinstance(made, Route)))):
        value = getattr(made, name, None)
        if value is None or callable(value):
            continue
        kinds = (int, np.integer) if name in _WHOLE else (int, float, np.integer, np.floating)
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, kinds):
            expected = f"expected a {'whole ' if name in _WHOLE else ''}number"
            yield Fault("simulation.number", f"{name} is {value!r:.60}", expected, key=name)


def _part_faults(d: Declared) -> Iterator[Fault]:
    for what, parts in (
        ("source", d.sources), ("station", d.stations), ("route", d.routes), ("stock", d.stocks),
        ("component", d.components), ("system", d.systems), ("crew", d.crews),
    ):  # fmt: skip
        each: Any = parts
        for n, part in enumerate(each):
            yield from (replace(f, key=f"{what}.{n}" + (f".{f.key}" if f.key else "")) for f in part.faults())


def _whole_faults(d: Declared) -> Iterator[Fault]:
    """What does not fit together."""
    if d.components or d.systems or d.crews:
        yield from _plant_faults(d)
        return
    if not d.sources:
        yield Fault("simulation.empty", "the model has no source", "", "Add one, or a population")
    if not d.places:
        yield Fault("simulation.empty", "the model has no station and no stock", "", "Add one")
    names = [*(s.name for s in d.sources), *d.places]
    twice = sorted({n for n in names if names.count(n) > 1})
    for name in twice:
        yield Fault("simulation.name", f"two parts are called {name!r:.60}", "expected a name of its own for each")
    if twice:
        return
    yield from _unknown(d)
    faults = [*_unserved(d)]
    yield from faults
    if not faults and not [*_unknown(d)]:
        yield from endless(d)


def _plant_faults(d: Declared) -> Iterator[Fault]:
    if d.sources or d.places:
        found = "the model has components and customers"
        yield Fault("simulation.mixed", found, "expected one of them",
                    "Make two models, or stations with uptime and repair")  # fmt: skip
    if not d.components:
        yield Fault("simulation.empty", "the model has no component", "", "Add one")
    if d.lehmer is not None:
        yield Fault("simulation.mixed", "components do not draw from the Lehmer generator", "", "Leave lehmer out")
    yield from Plant(d.components, d.systems, d.crews).faults()


def _unknown(d: Declared) -> Iterator[Fault]:
    known = [*d.places, EXIT]
    named = [(f"source.{s.name}.to", n) for s in d.sources for n in s.to]
    named += [(f"route.{r.start}.to", n) for r in d.routes for n in r.to]
    named += [
        (f"station.{s.name}.{w}", getattr(s, w)) for s in d.stations for w in ("overflow", "balk_to", "renege_to")
    ]
    named += [(f"stock.{s.name}.lost_to", s.lost_to) for s in d.stocks]
    named += [(f"route.{r.start}", r.start) for r in d.routes]
    for key, name in named:
        if name not in known or (name == EXIT and key == f"route.{name}"):
            found = f"there is no station or stock {name!r:.60}"
            yield Fault(
                "simulation.unknown", found, f"expected one of {listing(known)}", did_you_mean(name, known), key=key
            )
    starts = [(r.start, r.kind) for r in d.routes]
    for start, kind in sorted({s for s in starts if starts.count(s) > 1}):
        whom = f" for {kind}" if kind else ""
        yield Fault("simulation.route", f"two routes lead from {start!r:.60}{whom}", "expected one, with shares")


def _unserved(d: Declared) -> Iterator[Fault]:
    """Kinds that a station does not serve although they come there."""
    from potomac.simulation.traffic import visits

    for station, kind in visits(d):
        if station.service_of(kind) is None:
            found = f"nothing says how long {kind!r:.60} are served at {station.name!r:.60}"
            yield Fault(
                "simulation.service", found, "", f"Add service for {kind}", key=f"station.{station.name}.service"
            )


def _named(name: Any) -> str:
    fine = isinstance(name, str) and bool(name.strip()) and name not in (EXIT, "system") and len(name) <= 200
    if not fine or ":" in name or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in name):
        expected = 'expected one line without ":", of at most 200 letters, and not "exit" or "system"'
        raise StudyError(Fault("simulation.name", f"a part is called {name!r:.60}", expected))
    return str(name)


def _works(name: str, reliability: float) -> Distribution:
    """Whether a unit works, as the time that it does: 1 or 0."""
    if isinstance(reliability, bool) or not 0 <= reliability <= 1:
        found, key = f"the reliability is {reliability!r}", f"component.{name}.reliability"
        raise StudyError(Fault("simulation.component", found, "expected a share from 0 to 1", key=key))
    return discrete((0.0, 1.0), (1 - reliability, reliability))


def _to(to: Where) -> dict[str, float]:
    if isinstance(to, str):
        return {to: 1.0}
    return {str(name): float(share) for name, share in to.items()}


def _turns(balk: Any) -> tuple[float, ...]:
    """The probability to turn back at each length of the queue, the last one for all beyond."""
    try:
        if isinstance(balk, (int, np.integer)) and not isinstance(balk, bool) and balk >= 0:
            return (0.0,) * int(balk) + (1.0,)
        return tuple(float(p) for p in balk)
    except (TypeError, ValueError):
        expected = "expected a length of the queue, or the probability at each length"
        raise StudyError(Fault("simulation.balk", f"balk is {balk!r:.60}", expected, key="balk")) from None


def _maybe(what: Any) -> Distribution | None:
    return None if what is None else distribution(what)


def _by_kind(what: Any) -> dict[str, Distribution]:
    """One for everybody, or one for each kind: a mapping whose values are distributions themselves."""
    if isinstance(what, Mapping) and what:
        try:
            return {"": distribution(what)}
        except StudyError:
            if any(isinstance(v, (Distribution, Mapping, str, int, float)) for v in what.values()):
                return {str(kind): distribution(each) for kind, each in what.items()}
            raise
    return {"": distribution(what)}


def _inverse(rate: float) -> float:
    if isinstance(rate, bool) or not 0 < rate < inf:
        raise StudyError(Fault("simulation.rate", f"the rate is {rate!r}", "expected a number above 0", key="rate"))
    return 1 / float(rate)


def _rate(rate: Any, every: float | None, repeat: bool, factor: Any) -> Rate | None:
    if rate is None:
        if factor is not None:
            raise StudyError(Fault("simulation.rate", "a factor needs rates", "", "Add rate and every", key="factor"))
        return None
    if isinstance(rate, Rate):
        return rate
    rates = tuple(float(r) for r in (rate if isinstance(rate, Iterable) else [rate]))
    if every is None:
        raise StudyError(
            Fault("simulation.rate", "nothing says how long each rate holds", "", "Add every", key="every")
        )
    return Rate((float(every),) * len(rates), rates, repeat, _maybe(factor))


def _rising(times: Any, ties: Literal["auto", "keep", "error"]) -> tuple[float, ...]:
    try:
        t = column(times)
    except (TypeError, ValueError):
        raise DataError(
            Fault("simulation.trace", "the trace is no list of numbers", "expected times", key="trace")
        ) from None
    if t.ndim != 1 or not t.size:
        raise DataError(
            Fault("simulation.trace", "the trace is empty", "expected times of arrivals, rising", key="trace")
        )
    bad = np.flatnonzero(~np.isfinite(t) | (t < 0))
    if bad.size:
        row = int(bad[0])
        raise DataError(
            Fault(
                "simulation.trace", f"row {row} of the trace is {t[row]:g}", "expected a time of 0 or more", key="trace"
            )
        )
    back = np.flatnonzero(np.diff(t) < 0)
    if back.size:
        row = int(back[0]) + 1
        found = f"row {row} of the trace is {t[row]:.9g}, after {t[row - 1]:.9g}"
        raise DataError(
            Fault("simulation.trace", found, "expected times that rise", "Sort the arrivals by time", key="trace")
        )
    if ties != "keep" and (np.diff(t) == 0).any():
        from potomac.simulation.inputs.arriving import tied

        try:
            tied(t, ties)
        except DataError as error:
            raise DataError(replace(fault, key="trace") for fault in error.faults) from error
    return tuple(t.tolist())


def _policy(
    name: str, s: float | None, S: float | None, Q: float | None, r: float | None, base: float | None
) -> tuple[Literal["up_to", "lots", "base"], float, float]:
    given = {n for n, v in (("s", s), ("S", S), ("Q", Q), ("r", r), ("base", base)) if v is not None}
    if given == {"s", "S"}:
        return "up_to", float(s or 0), float(S or 0)
    if given == {"Q", "r"}:
        return "lots", float(r or 0), 0.0
    if given == {"base"}:
        return "base", float(base or 0), float(base or 0)
    found = f"the policy has {listing(sorted(given)) or 'no parameter'}"
    raise StudyError(Fault("simulation.stock", found, "expected s and S, or Q and r, or base", key=f"stock.{name}"))
