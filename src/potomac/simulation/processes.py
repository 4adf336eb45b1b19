"""The user's own processes in SimPy, with resources that write down what happens, and streams by name.

SimPy runs them; nothing of it is written anew. What is counted, and when, follows the event loop: customers count by
when they came, and those who came within the time that counts are followed until they are through.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from math import inf, isfinite, isnan
from typing import Any, Literal, TypeVar

import numpy as np
import simpy
from simpy.core import BoundClass, EmptySchedule
from simpy.resources import container, resource, store

from potomac.errors import Fault, NoAnswer, PotomacError, StudyError
from potomac.simulation.books import Area, Draws, Slices, Values, Visit, Visits
from potomac.simulation.distributions import Distribution
from potomac.simulation.executors.replication import Window
from potomac.simulation.observed import Observed, entered, served, waited
from potomac.stats.streams import Stream

__all__ = ["Desk", "Shelf", "Tank", "World", "observe"]

P = TypeVar("P", bound="_Place")

MOST = 10_000_000
"""Events of a replication without an end that are taken for one that never ends."""

LOOKS = 20
"""How often a replication says how far it is."""


class _Request(resource.PriorityRequest):
    """SimPy's request, of a customer's visit."""

    def __init__(self, desk: Any, priority: int = 0, preempt: bool = True, *, kind: str | None = None) -> None:
        self.visit: Visit = desk.asked(kind)
        super().__init__(desk, priority, preempt)
        if not self.triggered:
            desk.visits.wait(desk.now, self.visit)

    def cancel(self) -> None:
        """Give up waiting."""
        if not self.triggered:
            self.resource.given_up(self.visit)  # type: ignore[attr-defined]
        super().cancel()


class _PlainRequest(_Request):
    """One that knows no priority."""

    def __init__(self, desk: Any, *, kind: str | None = None) -> None:
        super().__init__(desk, kind=kind)


class _Place:
    """What monitored resources have in common."""

    world: World
    visits: Visits
    lost: tuple[str, ...] = ("p_renege",)

    def _opened(self, world: World, name: str) -> None:
        self.world, self.name, self.visits = world, name, Visits(world.slices, self.lost)
        self._whole: dict[Any, Visit] = {}

    @property
    def now(self) -> float:
        return float(self.world.env.now)

    def asked(self, kind: str | None) -> Visit:
        """The visit that a request belongs to: the one that its process is on, or one of its own."""
        process = self.world.env.active_process
        on = self._whole.get(process)
        if on is not None and not on.waits and not on.served:
            return on
        return self.visits.come(self.now, self.world.kind_of(process) if kind is None else kind)

    def given_up(self, v: Visit) -> None:
        """A request is withdrawn before it was met."""
        if v.whole:
            self.visits.stop(self.now, v)
        else:
            self.visits.leave(self.now, v, "p_renege")

    @contextmanager
    def visit(self, kind: str | None = None) -> Iterator[Visit]:
        """All requests of this process inside the ``with`` are one visit, however often it is interrupted.

        Args:
            kind: of the customer; default that of ``world.customer``.
        """
        process = self.world.env.active_process
        v = self.visits.come(self.now, self.world.kind_of(process) if kind is None else kind, whole=True)
        self._whole[process] = v
        try:
            yield v
        except GeneratorExit:  # the run is over, the visit is not
            raise
        except BaseException:
            self._ended(process, v)
            raise
        self._ended(process, v)

    def _ended(self, process: Any, v: Visit) -> None:
        self._whole.pop(process, None)
        self.visits.leave(self.now, v, "" if v.done else "p_renege")

    def balk(self, kind: str = "") -> None:
        """Count a customer who came and turned back."""
        self.visits.refuse(self.now, kind, "p_balk")

    def block(self, kind: str = "") -> None:
        """Count a customer who came and found no room."""
        self.visits.refuse(self.now, kind, "p_block")


class Desk(_Place, resource.Resource):
    """``simpy.Resource`` that writes down who waits and who is served."""

    request: Any = BoundClass(_PlainRequest)

    def __init__(self, world: World, name: str, capacity: int) -> None:
        self._opened(world, name)
        super().__init__(world.env, capacity)

    def _do_put(self, event: Any) -> None:
        super()._do_put(event)
        if event.triggered:
            self.visits.begin(self.now, event.visit)

    def _do_get(self, event: Any) -> None:
        v, held = event.request.visit, event.request in self.users
        super()._do_get(event)
        if held and v.whole:
            self.visits.stop(self.now, v)
        elif held:
            self.visits.leave(self.now, v)


class _PriorityDesk(Desk, resource.PriorityResource):
    """``simpy.PriorityResource``, monitored."""

    request: Any = BoundClass(_Request)


class _PreemptiveDesk(Desk, resource.PreemptiveResource):
    """``simpy.PreemptiveResource``, monitored. Whoever is interrupted goes on with its visit, if it is on one."""

    request: Any = BoundClass(_Request)
    lost = ("p_renege", "p_preempt")

    def _do_put(self, event: Any) -> None:
        before = [*self.users]
        super()._do_put(event)
        for request in before:
            if request not in self.users:
                v: Visit = request.visit  # type: ignore[attr-defined]
                if v.whole:
                    self.visits.stop(self.now, v)
                else:
                    self.visits.leave(self.now, v, "p_preempt")


class _Get:
    """What monitored gets have in common: each is a visit that ends when it is met."""

    def __init__(self, place: Any, *arguments: Any, kind: str | None = None, **named: Any) -> None:
        self.visit: Visit = place.asked(kind)
        self.amount = float(arguments[0]) if arguments and isinstance(place, Tank) else 1.0
        place.wanted(self)
        super().__init__(place, *arguments, **named)  # type: ignore[call-arg]
        if not self.triggered:  # type: ignore[attr-defined]
            place.visits.wait(place.now, self.visit)
            place.owed.add(place.now, self.amount)

    def cancel(self) -> None:
        """Give up waiting."""
        place: Any = self.resource  # type: ignore[attr-defined]
        if not self.triggered:  # type: ignore[attr-defined]
            place.owed.add(place.now, -self.amount)
            place.given_up(self.visit)
        super().cancel()  # type: ignore[misc]


class _ContainerGet(_Get, container.ContainerGet):
    pass


class _StoreGet(_Get, store.StoreGet):
    pass


class _FilterStoreGet(_Get, store.FilterStoreGet):
    pass


class _Stocked(_Place):
    """What containers and stores have in common: something is on hand, and somebody may wait for it."""

    def _opened(self, world: World, name: str) -> None:
        super()._opened(world, name)
        now, slices = float(world.env.now), world.slices
        self.on_hand, self.owed, self.out = Area(slices, now), Area(slices, now), Area(slices, now)
        self.demand, self.filled = [0.0] * (slices.number + 1), [0.0] * (slices.number + 1)

    def wanted(self, get: Any) -> None:
        """Somebody asks for something."""
        self.demand[get.visit.slice] += get.amount

    def given(self, get: Any) -> None:
        """Somebody gets what was asked for."""
        v, now = get.visit, self.now
        if v.waits:
            self.owed.add(now, -get.amount)
        else:
            self.filled[v.slice] += get.amount
        self.visits.begin(now, v)
        if v.whole:
            self.visits.stop(now, v)
        else:
            self.visits.leave(now, v)

    def stocked(self, level: float) -> None:
        """So much is on hand now."""
        self.on_hand.set(self.now, level)
        self.out.set(self.now, float(level <= 0))


class Tank(_Stocked, container.Container):
    """``simpy.Container`` that writes down its level, and who waits for how much."""

    get: Any = BoundClass(_ContainerGet)

    def __init__(self, world: World, name: str, capacity: float, init: float) -> None:
        self._opened(world, name)
        super().__init__(world.env, capacity, init)
        self.stocked(init)

    def _do_put(self, event: Any) -> bool | None:
        done = super()._do_put(event)
        self.stocked(self.level)
        return done

    def _do_get(self, event: Any) -> bool | None:
        done = super()._do_get(event)
        if event.triggered:
            self.stocked(self.level)
            self.given(event)
        return done


class Shelf(_Stocked, store.Store):
    """``simpy.Store`` that writes down how many items lie in it, and who waits for one."""

    get: Any = BoundClass(_StoreGet)

    def __init__(self, world: World, name: str, capacity: float) -> None:
        self._opened(world, name)
        super().__init__(world.env, capacity)
        self.stocked(0)

    def _do_put(self, event: Any) -> bool | None:
        done = super()._do_put(event)
        self.stocked(len(self.items))
        return done

    def _do_get(self, event: Any) -> bool | None:
        done = super()._do_get(event)
        if event.triggered:
            self.stocked(len(self.items))
            self.given(event)
        return done


class _PriorityShelf(Shelf, store.PriorityStore):
    """``simpy.PriorityStore``, monitored."""


class _FilterShelf(Shelf, store.FilterStore):
    """``simpy.FilterStore``, monitored."""

    get: Any = BoundClass(_FilterStoreGet)


_DESKS = {(False, False): Desk, (True, False): _PriorityDesk, (False, True): _PreemptiveDesk}
_SHELVES = {"fifo": Shelf, "priority": _PriorityShelf, "filter": _FilterShelf}


class World:
    """What the user's function is given: SimPy's environment, monitored resources, and streams by name.

    Attributes:
        env: SimPy's environment of this replication.
        replication: its number.
    """

    def __init__(self, window: Window, stream: Stream, replication: int, mirrored: bool = False) -> None:
        self.env, self.replication = simpy.Environment(), replication
        self.slices, self.draws = Slices(window), Draws(stream, replication, mirrored)
        self.places: dict[str, _Place] = {}
        self.observed: dict[str, Values] = {}
        self.levels: dict[str, Area] = {}
        self.customers = Visits(self.slices)
        self._kinds: dict[Any, str] = {}

    @property
    def now(self) -> float:
        """Time."""
        return float(self.env.now)

    def process(self, generator: Generator[Any, Any, Any]) -> simpy.Process:
        """Start a process."""
        return self.env.process(generator)

    def timeout(self, delay: float, value: Any = None) -> simpy.Timeout:
        """An event that happens after ``delay``.

        Raises:
            ValueError: the delay is no number, or below 0.
        """
        if isnan(delay):  # SimPy's order of events would come apart
            raise ValueError("a delay is NaN")
        return self.env.timeout(delay, value)

    def resource(self, name: str, capacity: int = 1, *, priority: bool = False, preemptive: bool = False) -> Desk:
        """A monitored ``simpy.Resource``.

        Args:
            name: under which it is reported.
            capacity: servers.
            priority: whether requests have a ``priority=``, smaller is more urgent.
            preemptive: whether, besides, urgent ones interrupt others.
        """
        return self._placed(name, _DESKS[priority and not preemptive, preemptive](self, name, capacity))

    def container(self, name: str, capacity: float = inf, init: float = 0.0) -> Tank:
        """A monitored ``simpy.Container``, reported like a stock.

        Args:
            name: under which it is reported.
            capacity: most that is in it.
            init: what is in it at the start.
        """
        return self._placed(name, Tank(self, name, capacity, init))

    def store(
        self, name: str, capacity: float = inf, order: Literal["fifo", "priority", "filter"] = "fifo"
    ) -> Shelf:  # fmt: skip
        """A monitored ``simpy.Store``.

        Args:
            name: under which it is reported.
            capacity: most items.
            order: fifo, priority (``simpy.PriorityStore``) or filter (``simpy.FilterStore``).
        """
        return self._placed(name, _SHELVES[order](self, name, capacity))

    def _placed(self, name: str, made: P) -> P:
        if not name or ":" in name or name == "system" or name in self.places:
            raise ValueError(f"a resource is called {name!r:.60}; each needs a name of its own, without ':'")
        self.places[name] = made
        return made

    @contextmanager
    def customer(self, kind: str = "") -> Iterator[None]:
        """A customer is in the system as long as the ``with`` lasts: time in system, number in system, throughput.

        Args:
            kind: of the customer, for all that this process asks for.
        """
        process, t = self.env.active_process, self.now
        v = self.customers.come(t, kind)
        self.customers.begin(t, v)
        self._kinds[process] = kind
        try:
            yield
        except GeneratorExit:  # the run is over, the customer is still inside
            raise
        except BaseException:
            self._gone(process, v)
            raise
        self._gone(process, v)

    def _gone(self, process: Any, v: Visit) -> None:
        self._kinds.pop(process, None)
        self.customers.leave(self.now, v)

    def kind_of(self, process: Any) -> str:
        """Kind of the customer that a process is."""
        return self._kinds.get(process, "")

    def draw(self, name: str, distribution: Distribution) -> float:
        """The next draw by the numbers of the stream ``name``: the same whatever other streams draw.

        Raises:
            NoAnswer: a trace has no more values.
        """
        return self.draws.draw(name, distribution)

    def generator(self, name: str) -> np.random.Generator:
        """NumPy's generator of the stream ``name``, at its start: keep it."""
        return self.draws.generator(name)

    def observe(self, name: str, value: float) -> None:
        """A number whose mean and quantiles are reported as ``value`` of ``name``."""
        x = float(value)
        if not isfinite(x):
            raise ValueError(f"{name!r:.60} is observed to be {x}")
        found = self.observed.get(name)
        if found is None:
            found = self.observed[name] = Values(self.slices)
        found.add(self.slices.at(self.now), x)

    def level(self, name: str, value: float) -> None:
        """A number that holds from now on, whose average over time is reported as ``level`` of ``name``."""
        x = float(value)
        if not isfinite(x):
            raise ValueError(f"the level {name!r:.60} is {x}")
        found = self.levels.get(name)
        if found is None:
            found = self.levels[name] = Area(self.slices, self.now)
        found.set(self.now, x)


def observe(
    model: Callable[[World], Any], number: int, window: Window, stream: Stream, mirrored: bool = False,
    heard: Callable[[float], None] = lambda share: None,
) -> Observed:  # fmt: skip
    """One replication.

    Args:
        model: makes resources and starts processes; what it yields itself is a process too.
        number: of the replication.
        window: the time that counts.
        stream: keys the draws.
        mirrored: draws 1 - u in place of u.
        heard: hears which share is through.

    Raises:
        StudyError: the user's code failed, with its file and line.
        NoAnswer: it does not end, or a trace did.
    """
    world = World(window, stream, number, mirrored)
    try:
        made = model(world)
        if isinstance(made, Generator):
            world.env.process(made)
        last = _run(world, window, heard)
    except PotomacError as error:
        if isinstance(error.__cause__, PotomacError):  # SimPy makes a copy of what a process raised
            raise error.__cause__ from None
        raise
    except Exception as error:
        cause = error.__cause__ if isinstance(error.__cause__, type(error)) else error  # SimPy raises a copy
        raise StudyError(_failed(cause, world)) from cause
    return _collected(world, number, window, last)


def _run(world: World, window: Window, heard: Callable[[float], None]) -> float:
    """Run the processes to their end, and give the time at which counting ended."""
    env, end = world.env, window.end
    if not isfinite(end):
        for events in range(MOST):
            try:
                env.step()
            except EmptySchedule:
                return float(env.now)
            if events % 100_000 == 0:
                heard(0.0)
        found = f"replication {world.replication} had not ended after {MOST:,} events, at time {env.now:.6g}"
        raise NoAnswer(Fault("simulation.endless", found, "", "Give until"))
    for look in range(1, LOOKS + 1):
        env.run(until=end * look / LOOKS)
        heard(look / LOOKS)
    limit = 2 * end - window.start
    while world.slices.open and env.peek() <= limit:
        env.step()
    return end


def _failed(error: BaseException, world: World) -> Fault:
    """What is said of the user's code: what it raised, where, and when."""
    file, line, at = "", None, error.__traceback__
    while at is not None:
        module = str(at.tb_frame.f_globals.get("__name__", ""))
        if not module.startswith(("simpy.", "potomac.simulation.", "contextlib")):
            file, line = at.tb_frame.f_code.co_filename, at.tb_lineno
        at = at.tb_next
    when = f"in replication {world.replication} at time {world.now:.6g}"
    if isinstance(error, simpy.Interrupt):
        mend = "Catch simpy.Interrupt where a process may be interrupted"
        return Fault("simulation.process", f"a process was interrupted {when}", "", mend, file=file, line=line)
    return Fault("simulation.process", f"{type(error).__name__} in a process {when}: {error}", file=file, line=line)


def _collected(world: World, number: int, window: Window, last: float) -> Observed:
    """What was written down, as sums by slice."""
    for area in _areas(world):
        area.upto(last)
    out = Observed.empty(number, window, last, world.slices.open)
    for name, place in world.places.items():
        if isinstance(place, _Stocked):
            waited(out, name, place.visits)
            out.averaged(name, "on_hand", place.on_hand)
            out.averaged(name, "backorders", place.owed)
            out.averaged(name, "p_stockout", place.out)
            out.shared(name, "fill_rate", place.filled, place.demand)
            out.rated(name, "demand_per_time", place.demand)
        else:
            capacity: Any = place
            served(out, name, place.visits, float(capacity.capacity))
    for name, area in world.levels.items():
        out.averaged(name, "level", area)
    for name, values in world.observed.items():
        out.meant(name, "value", values)
    entered(out, world.customers, [place.visits for place in world.places.values()])
    return out


def _areas(world: World) -> Iterator[Area]:
    for visits in (*(p.visits for p in world.places.values()), world.customers):
        yield from visits.areas()
    for place in world.places.values():
        if isinstance(place, _Stocked):
            yield from (place.on_hand, place.owed, place.out)
    yield from world.levels.values()
