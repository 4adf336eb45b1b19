"""Components that fail and are repaired: one compiled loop that reads a structure from tables.

Units run, stand by, wait for a crew or are repaired. A system counts its parts that work and works where they are
enough; what changes in a unit goes up through the systems that it is a part of. Order of time, then of what was
scheduled first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from potomac.simulation.loop.compiling import as_whole
from potomac.simulation.loop.draws import DRAW, draw, uniform_of
from potomac.simulation.loop.heap import cancel, schedule
from potomac.simulation.loop.memory import FLOAT, INTEGER, inner, layout, records, table
from potomac.simulation.loop.noting import BEGAN, FAILS, FELL, ROSE
from potomac.simulation.loop.noting import REPAIRED as MENDED
from potomac.simulation.loop.world import DONE, EMPTY, EVENT, LOG, LOGGED, NONE, RUNNING, SHORT, coming
from potomac.stats.compiled import compiled

__all__ = ["COLUMNS", "COUNTED", "GROUP", "NODE", "PLANT", "ROW", "TABLES", "UNIT", "Machines", "run"]

RUNS, STANDS_BY, WAITS, REPAIRED, DEAD = range(5)
FIRST_COME, BY_PRIORITY = range(2)

TABLES = (
    "edges", "heap", "where", "units", "groups", "members", "nodes", "parents", "leaves", "crews", "rows", "tally",
    "draws", "stack", "firsts", "log",
)  # fmt: skip
"""Tables whose addresses the first record holds."""

PLANT = layout(
    "size sequence batch batches events status short begun lives life whole unit_count group_count node_count "
    "crew_count row_count room logged",
    "now edge",
    addresses=TABLES,
)
"""``lives`` systems are seen from new until they fail (0: one long run instead), ``life`` is the one under way, and
``whole`` how many systems have not failed in it. ``room`` is there for events of the log, and ``logged`` are in it."""

UNIT = layout(
    "row state life repair dormant group crew priority parent parents frozen next",
    "left ends",
)
"""A unit: its component's row, draws, place; ``left`` is what is left of its clock while that stands still."""

GROUP = layout("member members wanted running draw", "switch")
NODE = layout("row k working up failed parent parents leaf leaves suspends")
CREW = layout("row number busy first last discipline")
ROW = layout("", "a b c last")

COLUMNS = ("a", "b", "c", "failures")
"""Of a component: units in order, running, waiting for a crew; of a system: up; of a crew: busy, units that wait."""
WIDTH = len(COLUMNS)
COUNTED = 3

unit_of, group_of = table("units", UNIT), table("groups", GROUP)
node_of, crew_of = table("nodes", NODE), table("crews", CREW)
row_of, draw_of, logged = table("rows", ROW), table("draws", DRAW), table("log", LOG)
real, whole = records(FLOAT), records(INTEGER)


@inner
def _note(k: Any, what: int, row: int, u: int, t: float) -> None:
    """Keep an event of a component's unit, or of a system (``u`` NONE), where a log is asked for."""
    if k.room == 0:
        return
    if k.logged < k.room:
        kept = logged(k, k.logged)
        kept.time, kept.event, kept.where, kept.customer, kept.amount = t, what, row, u, 0.0
        kept.kind, kept.level = NONE, NONE
    k.logged += 1


@inner
def _touch(k: Any, i: int, t: float) -> Any:
    """Bring the areas of row ``i`` up to ``t``; the row."""
    row = row_of(k, i)
    if k.batch >= 0:
        past = t - row.last
        at = (i * k.batches + k.batch) * WIDTH
        real(k.tally, at).v += row.a * past
        real(k.tally, at + 1).v += row.b * past
        real(k.tally, at + 2).v += row.c * past
    row.last = t
    return row


@inner
def _advance(k: Any, t: float) -> None:
    """Close the slices of time that end by ``t``."""
    while k.batch >= 0 and t >= k.edge:
        for i in range(k.row_count):
            _touch(k, i, k.edge)
        k.batch += 1
        if k.batch == k.batches:
            k.batch = NONE
        else:
            k.edge = real(k.edges, k.batch).v


@inner
def _count(k: Any, i: int) -> None:
    if k.batch >= 0:
        real(k.tally, (i * k.batches + k.batch) * WIDTH + COUNTED).v += 1


@inner
def _drawn(k: Any, d: int) -> float:
    value = draw(draw_of(k, d))
    if value == float("inf"):
        k.status, k.short = SHORT, d
    return value


@inner
def _start(k: Any, u: int, lasts: float, t: float) -> None:
    """Set a unit's clock, which stands still while its system is suspended."""
    unit = unit_of(k, u)
    unit.left, unit.ends = lasts, t + lasts
    if unit.frozen == 0:
        schedule(k, u, unit.ends, 1)


@inner
def _freeze(k: Any, n: int, by: int, t: float) -> None:
    """Stop the clocks of what is in order in a system that is down (``by`` 1), or let them go on (-1)."""
    node = node_of(k, n)
    for at in range(node.leaf, node.leaf + node.leaves):
        u = whole(k.leaves, at).v
        unit = unit_of(k, u)
        ticks = unit.state == RUNS or (unit.state == STANDS_BY and unit.dormant != NONE)
        if by > 0 and unit.frozen == 0 and ticks:
            unit.left = unit.ends - t
            cancel(k, u)
        unit.frozen += by
        if by < 0 and unit.frozen == 0 and ticks:
            unit.ends = t + unit.left
            schedule(k, u, unit.ends, 1)


@inner
def _changed(k: Any, n: int, by: int, t: float) -> bool:
    """One part more (or less) of system ``n`` works: whether the system itself changes."""
    node = node_of(k, n)
    node.working += by
    up = 1 if node.working >= node.k else 0
    if up == node.up:
        return False
    row = _touch(k, node.row, t)
    node.up, row.a = up, up
    _note(k, ROSE if up == 1 else FELL, node.row, NONE, t)
    if up == 0:
        _count(k, node.row)
        if node.failed == 0:
            node.failed = 1
            if k.lives > 0:
                real(k.firsts, k.life * k.node_count + n).v = t
                k.whole -= 1
    return True


@inner
def _through(k: Any, u: int, by: int, t: float) -> None:
    """What a unit's change means for the systems it is a part of; a clock is set or stopped when all is known."""
    unit = unit_of(k, u)
    size = 0
    for at in range(unit.parent, unit.parent + unit.parents):
        n = whole(k.parents, at).v
        if _changed(k, n, by, t):
            whole(k.stack, size).v = n
            size += 1
    done = 0
    while done < size:
        node = node_of(k, whole(k.stack, done).v)
        done += 1
        for at in range(node.parent, node.parent + node.parents):
            n = whole(k.parents, at).v
            if _changed(k, n, by, t):
                whole(k.stack, size).v = n
                size += 1
    for at in range(size):
        n = whole(k.stack, at).v
        if node_of(k, n).suspends > 0:
            _freeze(k, n, -by, t)


@inner
def _runs(k: Any, u: int, t: float) -> None:
    """A unit begins to run, as good as new."""
    unit = unit_of(k, u)
    unit.state = RUNS
    row = _touch(k, unit.row, t)
    row.b += 1
    if unit.group != NONE:
        group_of(k, unit.group).running += 1
    _start(k, u, _drawn(k, unit.life), t)
    _through(k, u, 1, t)


@inner
def _spare(k: Any, g: int) -> int:
    """The first unit of a group that stands by, or NONE."""
    group = group_of(k, g)
    for at in range(group.member, group.member + group.members):
        u = whole(k.members, at).v
        if unit_of(k, u).state == STANDS_BY:
            return u
    return NONE


@inner
def _stands_by(k: Any, u: int, t: float) -> None:
    unit = unit_of(k, u)
    unit.state = STANDS_BY
    if unit.dormant != NONE:
        _start(k, u, _drawn(k, unit.dormant), t)


@inner
def _repair(k: Any, u: int, t: float) -> None:
    unit = unit_of(k, u)
    unit.state = REPAIRED
    _note(k, BEGAN, unit.row, u, t)
    schedule(k, u, t + _drawn(k, unit.repair), 0)


@inner
def _queue(k: Any, crew: Any, u: int) -> None:
    """Behind all who are at least as urgent."""
    before, after = NONE, crew.first
    if crew.discipline == FIRST_COME and after != NONE:
        before, after = crew.last, NONE
    while after != NONE and unit_of(k, after).priority <= unit_of(k, u).priority:
        before, after = after, unit_of(k, after).next
    unit_of(k, u).next = after
    if after == NONE:
        crew.last = u
    if before == NONE:
        crew.first = u
    else:
        unit_of(k, before).next = u


@inner
def _reported(k: Any, u: int, t: float) -> None:
    """A failed unit is repaired, waits for a crew, or stays down for ever."""
    unit = unit_of(k, u)
    if unit.repair == NONE:
        unit.state = DEAD
        cancel(k, u)
        return
    if unit.crew == NONE:
        _repair(k, u, t)
        return
    crew = crew_of(k, unit.crew)
    row = _touch(k, crew.row, t)
    if crew.busy < crew.number:
        crew.busy += 1
        row.a += 1
        _repair(k, u, t)
        return
    cancel(k, u)
    unit.state = WAITS
    row.b += 1
    _touch(k, unit.row, t).c += 1
    _queue(k, crew, u)


@inner
def _fails(k: Any, u: int, t: float) -> None:
    """A unit fails. A spare takes over first, so that no system is down for no time at all."""
    unit = unit_of(k, u)
    ran = unit.state == RUNS
    cancel(k, u)
    unit.state = DEAD
    row = _touch(k, unit.row, t)
    row.a -= 1
    _note(k, FAILS, unit.row, u, t)
    _count(k, unit.row)
    if ran:
        row.b -= 1
        if unit.group != NONE:
            group = group_of(k, unit.group)
            group.running -= 1
            spare = _spare(k, unit.group)
            if spare != NONE and (group.draw == NONE or uniform_of(draw_of(k, group.draw)) < group.switch):
                cancel(k, spare)
                _runs(k, spare, t)
        _through(k, u, -1, t)
    _reported(k, u, t)


@inner
def _works_again(k: Any, u: int, t: float) -> None:
    """A unit is repaired: it runs, or stands by, and whoever is short of units takes those that stand by."""
    unit = unit_of(k, u)
    cancel(k, u)
    _touch(k, unit.row, t).a += 1
    _note(k, MENDED, unit.row, u, t)
    g = unit.group
    if g == NONE:
        _runs(k, u, t)
    else:
        _stands_by(k, u, t)
        while group_of(k, g).running < group_of(k, g).wanted:
            spare = _spare(k, g)
            if spare == NONE:
                break
            cancel(k, spare)
            _runs(k, spare, t)
    if unit.crew == NONE:
        return
    crew = crew_of(k, unit.crew)
    row = _touch(k, crew.row, t)
    after = crew.first
    if after == NONE:
        crew.busy -= 1
        row.a -= 1
        return
    crew.first = unit_of(k, after).next
    row.b -= 1
    _touch(k, unit_of(k, after).row, t).c -= 1
    _repair(k, after, t)


@inner
def _begin(k: Any) -> None:
    """All units new, all that should run does, nothing is down."""
    k.now, k.begun, k.whole = 0.0, 1, k.node_count
    for i in range(k.row_count):
        row = row_of(k, i)
        row.a, row.b, row.c, row.last = 0.0, 0.0, 0.0, 0.0
    for c in range(k.crew_count):
        crew_of(k, c).busy, crew_of(k, c).first = 0, NONE
    for n in range(k.node_count):
        node = node_of(k, n)
        node.working, node.up, node.failed = 0, 0, 0
    for g in range(k.group_count):
        group_of(k, g).running = 0
    for u in range(k.unit_count):
        cancel(k, u)
        unit = unit_of(k, u)
        unit.state, unit.frozen = DEAD, 0
        row_of(k, unit.row).a += 1
    for n in range(k.node_count):  # down until its parts run: nothing in it may fail before
        if node_of(k, n).suspends > 0:
            _freeze(k, n, 1, 0.0)
    for u in range(k.unit_count):
        g = unit_of(k, u).group
        if g == NONE or group_of(k, g).running < group_of(k, g).wanted:
            _runs(k, u, 0.0)
        else:
            _stands_by(k, u, 0.0)


@inner
def _next_life(k: Any) -> None:
    for n in range(k.node_count):  # what has not failed never will
        if node_of(k, n).failed == 0:
            real(k.firsts, k.life * k.node_count + n).v = float("inf")
    k.life += 1
    k.begun = 0


@compiled(nogil=True, **as_whole())
def run(clock: Any, budget: int) -> int:
    """Handle up to ``budget`` events.

    Args:
        clock: the one record of ``Machines``, shape (1,).
        budget: most events before the caller is heard of again.

    Returns:
        RUNNING: go on; DONE: the time that counts is over, or all lives are through; EMPTY: nothing more will happen in
        the long run; LOGGED: the log must be taken away; SHORT: a trace has no more
        values (``clock.short`` says whose).
    """
    k = clock[0]
    k.status = RUNNING
    for _ in range(budget):
        if k.room > 0 and k.logged > k.room // 2:
            return LOGGED
        if k.begun == 0:
            if k.lives > 0 and k.life == k.lives:
                return DONE
            _begin(k)
        if k.lives > 0 and (k.whole == 0 or k.size == 0):
            _next_life(k)
            continue
        if k.lives == 0:
            t = coming(k, 0).time if k.size > 0 else float("inf")
            _advance(k, t)
            if k.batch == NONE:
                return DONE
            if k.size == 0:
                return EMPTY
        top = coming(k, 0)
        t, u = top.time, top.event
        k.now = t
        k.events += 1
        if unit_of(k, u).state == REPAIRED:
            _works_again(k, u, t)
        else:
            _fails(k, u, t)
        if k.status != RUNNING:
            return k.status
    return RUNNING


@dataclass
class Machines:
    """The tables as arrays, and their addresses in ``clock``.

    Attributes:
        clock: one record of PLANT.
        edges: ends of the slices of time, shape (B,).
        heap, where: what is to come, one event a unit.
        units, groups, nodes, crews, rows: records; rows are those of components, systems, crews.
        members: units of the groups; parents: systems of units and systems; leaves: units of systems.
        tally: areas and counts by slice, shape (rows, B, columns).
        draws: distributions and the state of their streams; ``values`` are the lists that they draw from.
        stack: room for systems that change together.
        firsts: time of the first failure, shape (lives, systems).
        log: events, where they are kept, shape (rows,).
    """

    clock: Any
    edges: Any
    heap: Any
    where: Any
    units: Any
    groups: Any
    members: Any
    nodes: Any
    parents: Any
    leaves: Any
    crews: Any
    rows: Any
    tally: Any
    draws: Any
    values: Any
    stack: Any
    firsts: Any
    log: Any

    def __post_init__(self) -> None:
        for name in TABLES:
            held = np.ascontiguousarray(getattr(self, name))
            setattr(self, name, held)
            self.clock[name] = held.ctypes.data

    @staticmethod
    def heap_of(units: int) -> tuple[Any, Any]:
        """An empty heap for the events of as many units."""
        return np.zeros(units, EVENT), np.full(units, NONE)
