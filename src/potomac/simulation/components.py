"""What a repairable system is made of, as plain values: components, repair crews, and structures of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Literal

from potomac.errors import Fault, did_you_mean, listing
from potomac.simulation.declared import lowest
from potomac.simulation.distributions import Distribution

__all__ = ["Component", "Crew", "Plant", "System"]

MOST_UNITS = 1_000_000


@dataclass(frozen=True)
class Component:
    """Units that fail, all alike.

    Attributes:
        name: of the component.
        life: time that a unit works until it fails.
        repair: time that a crew needs for it; None where it is not repaired.
        count: units.
        running: units that run at once, the others stand by; None: all run.
        dormant: time until a unit fails in standby (warm); None: it never does (cold).
        switch: probability that a unit in standby takes over when it is wanted.
        crew: who repairs it; empty where each unit finds somebody at once.
        priority: of its repairs where the crew has priorities; smaller is more urgent.
        mission: whether ``life`` tells only if a unit works at all (0 or 1), as in a structure without time.
    """

    name: str
    life: Distribution
    repair: Distribution | None = None
    count: int = 1
    running: int | None = None
    dormant: Distribution | None = None
    switch: float = 1.0
    crew: str = ""
    priority: int = 0
    mission: bool = False

    def faults(self) -> Iterator[Fault]:
        """What is wrong with it."""
        for name, d in (("life", self.life), ("repair", self.repair), ("dormant", self.dormant)):
            if d is not None and lowest(d) < 0:
                found = f"{name} {d} can be {lowest(d):g}"
                yield Fault("simulation.negative", found, "expected 0 or more", key=name)
            elif d is not None and d.mean <= 0 and not self.mission:
                yield Fault("simulation.component", f"the mean {name} is {d.mean:g}", "expected more than 0", key=name)
        if not _whole(self.count) or not 1 <= self.count <= MOST_UNITS:
            expected = f"expected a whole number from 1 to {MOST_UNITS:,}"
            yield Fault("simulation.component", f"there are {self.count} units", expected, key="count")
        elif self.running is not None and not (_whole(self.running) and 1 <= self.running <= self.count):
            expected = f"expected a whole number from 1 to {self.count}"
            yield Fault("simulation.component", f"{self.running} of {self.count} units run", expected, key="running")
        if not 0 <= self.switch <= 1:
            yield Fault(
                "simulation.component", f"the switch is {self.switch:g}", "expected a share from 0 to 1", key="switch"
            )
        if self.crew and self.repair is None:
            found = f"the crew {self.crew!r:.60} has nothing to repair"
            yield Fault("simulation.component", found, "", "Add repair, the time it takes", key="crew")
        if self.mission and (self.repair is not None or self.running is not None):
            found = "a unit that works or not, without time, is neither repaired nor in standby"
            yield Fault("simulation.component", found, "", "Give life in place of reliability", key="reliability")


@dataclass(frozen=True)
class Crew:
    """Who repairs, one unit each at a time.

    Attributes:
        name: of the crew.
        number: how many they are.
        discipline: fcfs, or priority (of the components).
    """

    name: str
    number: int = 1
    discipline: Literal["fcfs", "priority"] = "fcfs"

    def faults(self) -> Iterator[Fault]:
        """What is wrong with it."""
        if not _whole(self.number) or self.number < 1:
            yield Fault("simulation.crew", f"the crew has {self.number} members", "expected 1 or more", key="number")
        if self.discipline not in ("fcfs", "priority"):
            found = f"the discipline is {self.discipline!r:.60}"
            yield Fault("simulation.crew", found, "expected fcfs or priority", key="discipline")


@dataclass(frozen=True)
class System:
    """A structure of components and of other systems, that works or not.

    Attributes:
        name: of the system.
        of: its parts; all units of a component are parts.
        k: parts that must work: all of them for a series (None), 1 for a parallel system.
        standby: whether no more than ``k`` units run at once and the others stand by; its parts are components.
        switch: probability that a unit in standby takes over when it is wanted.
        suspended: whether nothing in it fails while it is down.
        times: at which the probability that it has not failed yet is estimated.
    """

    name: str
    of: tuple[str, ...]
    k: int | None = None
    standby: bool = False
    switch: float = 1.0
    suspended: bool = False
    times: tuple[float, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """What is wrong with it."""
        if not self.of:
            yield Fault(
                "simulation.system", "the system has no parts", "expected names of components or systems", key="of"
            )
        twice = sorted({part for part in self.of if self.of.count(part) > 1})
        if twice:
            yield Fault("simulation.system", f"{twice[0]!r:.60} is named twice", "expected each part once", key="of")
        if self.k is not None and (not _whole(self.k) or self.k < 1):
            yield Fault("simulation.system", f"k is {self.k}", "expected 1 or more parts that must work", key="k")
        if not 0 <= self.switch <= 1:
            yield Fault(
                "simulation.system", f"the switch is {self.switch:g}", "expected a share from 0 to 1", key="switch"
            )
        for t in self.times:
            if not (isfinite(t) and t >= 0):
                yield Fault("simulation.system", f"a time is {t:g}", "expected 0 or more", key="times")


def _whole(x: object) -> bool:
    return isinstance(x, int) and not isinstance(x, bool)


@dataclass(frozen=True)
class Plant:
    """Components, systems and crews together.

    Attributes:
        components, systems, crews: the parts, in the order in which they were given.
    """

    components: tuple[Component, ...]
    systems: tuple[System, ...] = ()
    crews: tuple[Crew, ...] = ()

    @cached_property
    def component(self) -> dict[str, Component]:
        """Components by name."""
        return {c.name: c for c in self.components}

    @cached_property
    def system(self) -> dict[str, System]:
        """Systems by name."""
        return {s.name: s for s in self.systems}

    def parts(self, s: System) -> int:
        """How many parts a system has, each unit of a component one."""
        return sum(self.component[name].count if name in self.component else 1 for name in s.of)

    def leaves(self, s: System) -> tuple[str, ...]:
        """Components of a system and of the systems in it, each once."""
        out: dict[str, None] = {}
        for name in s.of:
            out |= dict.fromkeys((name,) if name in self.component else self.leaves(self.system[name]))
        return tuple(out)

    @property
    def repaired(self) -> bool:
        """Whether all that fails is repaired, so that there is a long run."""
        return all(c.repair is not None for c in self.components)

    def ordered(self) -> list[System]:
        """Systems, each after those that it is made of."""
        out: list[System] = []
        left = list(self.systems)
        while left:
            ready = [s for s in left if all(name in self.component or self.system[name] in out for name in s.of)]
            out += ready
            left = [s for s in left if s not in ready]
            if not ready:
                raise AssertionError("systems in a ring")
        return out

    def faults(self) -> Iterator[Fault]:
        """What does not fit together."""
        names = [*(c.name for c in self.components), *(s.name for s in self.systems), *(c.name for c in self.crews)]
        for name in sorted({n for n in names if names.count(n) > 1}):
            yield Fault("simulation.name", f"two parts are called {name!r:.60}", "expected a name of its own for each")
        known, crews = [*self.component, *self.system], [c.name for c in self.crews]
        faults = [*self._unknown(known, crews)]
        yield from faults
        if faults or len(set(names)) < len(names):
            return
        ring = self._ring()
        if ring:
            found = f"{listing(ring)} are parts of themselves"
            yield Fault("simulation.system", found, "", "Take one of them out of the other", key=f"system.{ring[0]}.of")
            return
        for s in self.systems:
            yield from self._structure(s)
        yield from self._groups()

    def _unknown(self, known: Sequence[str], crews: Sequence[str]) -> Iterator[Fault]:
        for s in self.systems:
            for name in s.of:
                if name not in known:
                    found = f"there is no component or system {name!r:.60}"
                    mend = did_you_mean(name, known)
                    yield Fault(
                        "simulation.unknown",
                        found,
                        f"expected one of {listing(known)}",
                        mend,
                        key=f"system.{s.name}.of",
                    )
        for c in self.components:
            if c.crew and c.crew not in crews:
                expected = f"expected one of {listing(crews)}" if crews else ""
                mend = did_you_mean(c.crew, crews) or (f"Add the crew {c.crew}" if not crews else "")
                yield Fault("simulation.unknown", f"there is no crew {c.crew!r:.60}", expected, mend,
                            key=f"component.{c.name}.crew")  # fmt: skip

    def _ring(self) -> list[str]:
        """Systems that are parts of themselves."""
        left = dict(self.system)
        while True:
            ready = [n for n, s in left.items() if not any(part in left for part in s.of)]
            if not ready:
                return list(left)
            for name in ready:
                del left[name]

    def _structure(self, s: System) -> Iterator[Fault]:
        n, key = self.parts(s), f"system.{s.name}"
        if s.k is not None and s.k > n:
            yield Fault("simulation.system", f"k is {s.k} of {n} parts", f"expected {n} at most", key=f"{key}.k")
        if s.standby and any(name in self.system for name in s.of):
            nested = next(name for name in s.of if name in self.system)
            found = f"the system {nested!r:.60} stands by"
            yield Fault(
                "simulation.system", found, "expected components", "Let its components stand by", key=f"{key}.of"
            )
        if not s.standby and s.k != 1 and len(s.of) == 1 and s.of[0] in self.component:
            c = self.component[s.of[0]]
            if c.running is not None and c.running < (s.k or c.count):
                found = f"{s.k or c.count} units of {c.name} must work and {c.running} run"
                yield Fault("simulation.system", found, "", "Let more run, or give k", key=f"{key}.k")
        missions = {self.component[name].mission for name in self.leaves(s)}
        if len(missions) > 1:
            found = "some components have a life and some a reliability"
            yield Fault("simulation.system", found, "expected one of them for all of a system", key=f"{key}.of")

    def _groups(self) -> Iterator[Fault]:
        """Components that would stand by in two ways."""
        groups = [name for s in self.systems if s.standby for name in s.of]
        groups += [c.name for c in self.components if c.running is not None]
        for name in sorted({n for n in groups if groups.count(n) > 1}):
            found = f"{name!r:.60} stands by in two ways"
            yield Fault(
                "simulation.component",
                found,
                "expected running, or one standby system",
                key=f"component.{name}.running",
            )
        for c in self.components:
            if c.dormant is not None and c.name not in groups:
                yield Fault("simulation.component", "nothing stands by", "", "Give running, or a standby system",
                            key=f"component.{c.name}.dormant")  # fmt: skip
