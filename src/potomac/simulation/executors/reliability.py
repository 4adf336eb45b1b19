"""Replications of components that fail: a long run for averages, and lives from new to the first failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf, isfinite, nan
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import NoAnswer
from potomac.simulation.components import Component, Plant, System
from potomac.simulation.distributions import Distribution
from potomac.simulation.executors.parallel import spread
from potomac.simulation.executors.replication import Replication, Window, exhausted
from potomac.simulation.loop import plant as loop
from potomac.simulation.loop import world
from potomac.simulation.loop.draws import keyed, seeded, table_of
from potomac.simulation.loop.plan import Declared
from potomac.stats.streams import Stream

__all__ = ["LIVES", "Lived", "Table", "given_up", "measured", "plant_of", "replications", "series", "steps", "tabled"]

Floats = npt.NDArray[np.float64]
Values = dict[tuple[str, str], Floats]

LIVES = 1000
"""Lives from new to the first failure in a replication, whose mean is nearly normal."""

CHUNK, MOST = 1_000_000, 20_000_000
"""Events between two looks at the progress; events after which a replication gives its lives up."""


@dataclass(frozen=True)
class Lived(Replication):
    """A replication and its lives.

    Attributes:
        firsts: times of the first failure, shape (lives, systems); infinite where a system never fails, NaN where the
            life was given up.
    """

    firsts: Floats = field(default_factory=lambda: np.zeros((0, 0)))


def plant_of(d: Declared) -> Plant:
    """The components, systems and crews of a model."""
    return Plant(d.components, d.systems, d.crews)


@dataclass(frozen=True)
class Table:
    """A plant as tables, from which each replication starts.

    Attributes:
        plant: the parts.
        order: systems in the order of their tables, each after its parts.
        tables: arrays of ``plant.Machines`` that do not depend on the replication.
        names: of the random streams, one a distribution.
    """

    plant: Plant
    order: tuple[System, ...]
    tables: dict[str, npt.NDArray[Any]]
    names: tuple[str, ...]

    def machines(
        self, stream: Stream, edges: Floats, lives: int = 0, mirrored: bool = False, log: int = 0
    ) -> loop.Machines:
        """All units new at time 0.

        Args:
            stream: keys the draws.
            edges: ends of the slices of time that count, rising and finite; not used for lives.
            lives: from new to the first failure of each system; 0 for one long run.
            mirrored: draws 1 - u in place of u.
            log: rows of the event log; 0 for none.
        """
        states = np.stack([keyed(stream.child(name), mirrored) for name in self.names])
        tables = {name: table.copy() for name, table in self.tables.items()}
        tables["draws"] = seeded(tables["draws"], tables["values"], states)
        clock = np.zeros(1, loop.PLANT)
        k = clock[0]
        k["edge"], k["batches"], k["batch"] = edges[0], edges.size, -1 if lives else 0
        k["lives"], k["row_count"], k["unit_count"] = lives, tables["rows"].size, tables["units"].size
        k["group_count"], k["node_count"] = tables["groups"].size, tables["nodes"].size
        k["crew_count"] = tables["crews"].size
        k["room"] = log
        heap, where = loop.Machines.heap_of(tables["units"].size)
        return loop.Machines(
            clock=clock, edges=np.asarray(edges, float), heap=heap, where=where,
            tally=np.zeros((tables["rows"].size, edges.size, len(loop.COLUMNS))),
            stack=np.zeros(max(tables["nodes"].size, 1), np.int64),
            firsts=np.full((max(lives, 1), max(tables["nodes"].size, 1)), nan), log=np.zeros(log, world.LOG),
            **tables,
        )  # fmt: skip


def tabled(plant: Plant) -> Table:
    """The tables of a plant that is in order."""
    names: list[str] = []
    draws: list[Distribution] = []

    def drawn(name: str, d: Distribution | None) -> int:
        if d is None:
            return -1
        names.append(name)
        draws.append(d)
        return len(names) - 1

    order, n = plant.ordered(), len(plant.components)
    rows = np.zeros(n + len(order) + len(plant.crews), loop.ROW)
    count = [c.count for c in plant.components]
    first = dict(zip(plant.component, np.concatenate([[0], np.cumsum(count)]).tolist(), strict=False))
    units = np.zeros(sum(count), loop.UNIT)
    crew = {c.name: i for i, c in enumerate(plant.crews)} | {"": -1}
    for row, c in enumerate(plant.components):
        own = units[first[c.name] : first[c.name] + c.count]
        own["row"], own["crew"], own["priority"], own["group"] = row, crew[c.crew], c.priority, -1
        own["life"], own["repair"] = drawn(f"{c.name}/life", c.life), drawn(f"{c.name}/repair", c.repair)
        own["dormant"] = drawn(f"{c.name}/dormant", c.dormant)
    span = {c.name: range(first[c.name], first[c.name] + c.count) for c in plant.components}
    groups, members = _groups(plant, span, units, drawn)
    nodes, parents, leaves = _structure(plant, order, span, units)
    crews = np.zeros(len(plant.crews), loop.CREW)
    for i, one in enumerate(plant.crews):
        crews[i]["row"], crews[i]["number"], crews[i]["first"] = n + len(order) + i, one.number, -1
        crews[i]["discipline"] = loop.BY_PRIORITY if one.discipline == "priority" else loop.FIRST_COME
    table, values = table_of(draws)
    tables = {
        "units": units, "groups": groups, "members": members, "nodes": nodes, "parents": parents, "leaves": leaves,
        "crews": crews, "rows": rows, "draws": table, "values": values,
    }  # fmt: skip
    return Table(plant, tuple(order), tables, tuple(names))


def _groups(
    plant: Plant, span: dict[str, range], units: npt.NDArray[Any], drawn: Callable[[str, Distribution], int]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Units of which only some run at once."""
    found: list[tuple[str, tuple[str, ...], int, float]] = []
    found += [(c.name, (c.name,), c.running, c.switch) for c in plant.components if c.running is not None]
    found += [(s.name, s.of, s.k or 1, s.switch) for s in plant.systems if s.standby]
    groups, members = np.zeros(len(found), loop.GROUP), np.zeros(0, np.int64)
    for g, (name, parts, wanted, switch) in enumerate(found):
        own = np.concatenate([np.asarray(span[part]) for part in parts])
        units["group"][own] = g
        chance = -1 if switch == 1 else drawn(f"{name}/switch", Distribution("uniform", (("low", 0.0), ("high", 1.0))))
        groups[g] = members.size, own.size, wanted, 0, chance, switch
        members = np.concatenate([members, own])
    return groups, members


def _structure(
    plant: Plant, order: Sequence[System], span: dict[str, range], units: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Systems, and of what each unit and each system is a part."""
    nodes, at = np.zeros(len(order), loop.NODE), {s.name: i for i, s in enumerate(order)}
    above: dict[str, list[int]] = {name: [] for name in (*plant.component, *plant.system)}
    leaves: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for i, s in enumerate(order):
        own = np.concatenate([np.asarray(span[name]) for name in plant.leaves(s)])
        needed = (s.k or 1) if s.standby else (s.k or plant.parts(s))
        nodes[i]["row"], nodes[i]["k"], nodes[i]["suspends"] = len(plant.components) + i, needed, s.suspended
        nodes[i]["leaf"], nodes[i]["leaves"] = sum(x.size for x in leaves), own.size
        leaves.append(own)
        for name in s.of:
            above[name].append(i)
    parents: list[int] = []
    for name, systems in above.items():
        if name in at:
            nodes[at[name]]["parent"], nodes[at[name]]["parents"] = len(parents), len(systems)
        else:
            own = units[span[name].start : span[name].stop]
            own["parent"], own["parents"] = len(parents), len(systems)
        parents += systems
    return nodes, np.asarray(parents, np.int64), np.concatenate(leaves)


def replications(
    d: Declared, numbers: Sequence[int], window: Window, stream: Stream, *, jobs: int | None = 1,
    mirrored: bool = False, progress: Progress | None = None, most: float = MOST,
) -> list[Replication]:  # fmt: skip
    """The replications of these numbers, in their order, the same with one process or many.

    Args:
        d: the model.
        numbers: of the replications.
        window: the time that counts.
        stream: keys the draws.
        jobs: processes.
        mirrored: draws 1 - u in place of u (antithetic).
        progress: hears how many are done.
        most: events after which a replication gives its lives up.

    Raises:
        NoAnswer: a trace has ended.
    """
    tell = progress or Quiet()
    if jobs == 1 or len(numbers) < 2:
        table, out = tabled(plant_of(d)), list[Replication]()
        for done, number in enumerate(numbers):
            out.append(_replicate(table, number, window, stream, mirrored, most))
            tell("replications", done + 1, len(numbers))
        return out
    return spread(partial(_pack, d, window, stream, mirrored, most), numbers, jobs, tell)


def _pack(
    d: Declared, window: Window, stream: Stream, mirrored: bool, most: float, numbers: list[int]
) -> list[Replication]:
    table = tabled(plant_of(d))
    return [_replicate(table, number, window, stream, mirrored, most) for number in numbers]


def _replicate(table: Table, number: int, window: Window, stream: Stream, mirrored: bool, most: float) -> Lived:
    rows, systems = table.tables["rows"].size, len(table.order)
    tally, events = np.zeros((rows, window.edges.size, len(loop.COLUMNS))), 0
    if isfinite(window.end):
        m = table.machines(stream.child("plant", number), window.edges, mirrored=mirrored)
        events += _through(table, m, inf)
        tally = m.tally
    firsts = np.zeros((0, 0))
    if systems:
        m = table.machines(stream.child("lives", number), np.array([inf]), LIVES, mirrored)
        events += _through(table, m, most)
        firsts = m.firsts
    end = window.end if isfinite(window.end) else nan
    return Lived(number, tally, np.zeros((rows, 0)), np.zeros((rows, 2)), end, events, 0, firsts=firsts)


def _through(table: Table, m: loop.Machines, most: float) -> int:
    """Run the loop to its end, or until ``most`` events are through; how many there were."""
    status = world.RUNNING
    while status == world.RUNNING and m.clock[0]["events"] < most:
        status = loop.run(m.clock, min(CHUNK, int(most)) if isfinite(most) else CHUNK)
    if status == world.SHORT:
        draw = int(m.clock[0]["short"])
        raise NoAnswer(exhausted(table.names[draw], int(m.draws["length"][draw])))
    return int(m.clock[0]["events"])


def steps(table: Table, m: loop.Machines) -> Iterator[loop.Machines]:
    """Run a long run to its end, and hand it out after each chunk of events, or when its log is half full.

    Raises:
        NoAnswer: a trace has ended.
    """
    while True:
        status = loop.run(m.clock, CHUNK)
        if status == world.SHORT:
            draw = int(m.clock[0]["short"])
            raise NoAnswer(exhausted(table.names[draw], int(m.draws["length"][draw])))
        yield m
        if status not in (world.RUNNING, world.LOGGED):
            return


def _over(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, nan)


def measured(d: Declared, runs: Sequence[Replication], window: Window) -> Values:
    """All measures of components, systems and crews: one value a replication."""
    plant = plant_of(d)
    order, n, out = plant.ordered(), len(plant.components), Values()
    long = isfinite(window.end)
    time = (window.end - window.start) if long else nan
    x = np.stack([r.tally[:, window.first :].sum(1) for r in runs])
    for i, s in reversed([*enumerate(order)]):
        if long:
            out |= _system(plant, s, x, n + i, time)
        firsts = np.stack([r.firsts[:, i] for r in runs if isinstance(r, Lived)])
        out |= _lives(plant, s, firsts)
    if long:
        for i, c in enumerate(plant.components):
            out |= _component(c, x[:, i], time)
        for i, crew in enumerate(plant.crews, n + len(order)):
            out[crew.name, "utilization"] = x[:, i, 0] / time / crew.number
            out[crew.name, "queue_length"] = x[:, i, 1] / time
    return out


def _system(plant: Plant, s: System, x: Floats, row: int, time: float) -> Values:
    up, failures = x[:, row, 0], x[:, row, loop.COUNTED]
    units = [(i, c.count) for i, c in enumerate(plant.components) if c.name in plant.leaves(s)]
    down = np.asarray(sum(count - x[:, i, 0] / time for i, count in units))
    return {
        (s.name, "availability"): up / time,
        (s.name, "failures_per_time"): failures / time,
        (s.name, "mean_up_time"): _over(up, failures),
        (s.name, "mean_down_time"): _over(time - up, failures),
        (s.name, "mean_down"): down,
        (s.name, "mean_up"): sum(count for _, count in units) - down,
    }


def _component(c: Component, x: Floats, time: float) -> Values:
    up, failures = x[:, 0], x[:, loop.COUNTED]
    out = {
        (c.name, "availability"): up / time / c.count,
        (c.name, "mean_up"): up / time,
        (c.name, "mean_down"): c.count - up / time,
        (c.name, "mean_running"): x[:, 1] / time,
        (c.name, "failures_per_time"): failures / time,
        (c.name, "mean_up_time"): _over(up, failures),
        (c.name, "mean_down_time"): _over(c.count * time - up, failures),
    }
    if c.crew:
        out[c.name, "queue_length"] = x[:, 2] / time
        out[c.name, "wait"] = _over(x[:, 2], failures)
    return out


def _lives(plant: Plant, s: System, firsts: Floats) -> Values:
    """Measures of the first failure; none where lives were given up.

    Args:
        plant: the parts.
        s: the system.
        firsts: shape (replications, lives).
    """
    if plant.component[plant.leaves(s)[0]].mission:
        return {(s.name, "reliability"): (firsts > 0.5).mean(1)}
    if np.isnan(firsts).any():
        return {}
    out: Values = {} if np.isinf(firsts).any() else {(s.name, "mttf"): firsts.mean(1)}
    return out | {(s.name, f"reliability_at_{t:g}"): (firsts > t).mean(1) for t in s.times}


def series(d: Declared, runs: Sequence[Replication], edges: Floats, where: str, measure: str) -> Floats:
    """A measure by slice of time and replication, shape (replications, slices).

    Args:
        d: the model.
        runs: its replications.
        edges: ends of the slices.
        where: a component (``mean_up``, ``mean_running``, ``queue_length``), a system (``availability``) or a crew
            (``busy``, ``queue_length``).
        measure: one of these.
    """
    plant = plant_of(d)
    names = [*plant.component, *(s.name for s in plant.ordered()), *(c.name for c in plant.crews)]
    crew = where in (c.name for c in plant.crews)
    column = {"mean_running": 1, "queue_length": 1 if crew else 2}.get(measure, 0)
    x = np.stack([r.tally[names.index(where), :, column] for r in runs])
    return np.asarray(x / np.diff(np.concatenate([[0.0], edges])))


def given_up(d: Declared, runs: Sequence[Replication]) -> tuple[str, ...]:
    """A sentence for systems that did not fail in a bearable time."""
    out = []
    for i, s in enumerate(plant_of(d).ordered()):
        if any(isinstance(r, Lived) and np.isnan(r.firsts[:, i]).any() for r in runs):
            out.append(
                f"The mean time to failure of {s.name} is not told: {LIVES} lives took more than {MOST:,} events."
            )
    return tuple(out)
