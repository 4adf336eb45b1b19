"""The event loop: one compiled function that reads a model from tables, so that a new model compiles nothing.

It returns to its caller after a number of events, when all customers' records are in use or the log is full, and goes
on where it stood when it is called again.
"""

from __future__ import annotations

from math import log
from typing import Any

from potomac.simulation.loop.compiling import as_whole
from potomac.simulation.loop.draws import draw, uniform_of
from potomac.simulation.loop.flow import born, finish, give_up, go, interrupt_one, passed, route, serve, supplied
from potomac.simulation.loop.heap import cancel, schedule
from potomac.simulation.loop.memory import hot, inner
from potomac.simulation.loop.noting import FAILS, REPAIRED, STAFFED, note
from potomac.simulation.loop.sharing import first_through, pause, reshare
from potomac.simulation.loop.stocking import consider, deliver
from potomac.simulation.loop.tally import advance, everything, touch_node
from potomac.simulation.loop.world import (
    ARRIVAL,
    CALENDAR,
    CROWDED,
    DONE,
    EMPTY,
    FAILURE,
    LOGGED,
    NONE,
    POPULATION,
    RATE,
    RENEWAL,
    REVIEW,
    RUNNING,
    SHARED,
    SHARING,
    TIMES,
    coming,
    customer_of,
    draw_of,
    fixed_of,
    node_of,
    place_of,
    real,
    source_of,
    stock_of,
)  # fmt: skip
from potomac.stats.compiled import compiled

__all__ = ["next_arrival", "run"]

RANK_CHANGE, RANK_REVIEW, RANK_ARRIVAL = 1, 3, 4


@inner
def _by_rate(k: Any, source: Any, t: float) -> float:
    """The next arrival of a Poisson process whose rate changes: a unit exponential is used up piece by piece."""
    if source.factor < 0:
        source.factor = draw(draw_of(k, source.factor_draw))
    left = -log(1.0 - uniform_of(draw_of(k, source.draw)))
    while t < source.stop:
        rate = real(k.pairs, 2 * (source.offset + source.piece) + 1).v * source.factor
        room = (source.turn - t) * rate
        if left <= room:
            return t + left / rate
        left -= room
        t = source.turn
        source.piece += 1
        if source.piece == source.length:
            source.piece = 0
            if source.period <= 0:
                break
            if source.factor_draw != NONE:
                source.factor = draw(draw_of(k, source.factor_draw))
        source.turn = t + real(k.pairs, 2 * (source.offset + source.piece) + 0).v
    return float("inf")


@hot
def next_arrival(k: Any, s: int, t: float) -> float:
    """When the next customers of source ``s`` come, seen from ``t``; infinite where none do."""
    source = source_of(k, s)
    if source.left == 0:
        return float("inf")
    if source.type == RENEWAL:
        return t + draw(draw_of(k, source.draw))
    if source.type == RATE:
        return _by_rate(k, source, t)
    if source.type == TIMES:
        return draw(draw_of(k, source.draw))
    return float("inf")


@hot
def arrivals(k: Any, s: int, event: int, t: float) -> bool:
    """Those who come now, and when the next come; False where there are too few records for them."""
    source = source_of(k, s)
    if source.pending == 0:
        if source.type == POPULATION:
            source.pending = source.left
        elif source.size != NONE:
            source.pending = int(draw(draw_of(k, source.size)))
        else:
            source.pending = 1
    if source.pending > k.spare:
        return False
    if source.left > 0:
        source.pending = min(source.pending, source.left)
        source.left -= source.pending
    coming = source.pending
    source.pending = 0
    after = next_arrival(k, s, t)
    if after < source.stop:
        schedule(k, event, after, RANK_ARRIVAL)
    else:
        cancel(k, event)
    for _ in range(coming):
        go(
            k,
            born(k, source.kind, source.level, t, source.type != POPULATION),
            route(k, source.route, source.route_draw),
            t,
        )
    return True


@inner
def _staffed(k: Any, i: int, t: float) -> None:
    """The number of servers has changed: those who wait begin, or virtual time goes on at another speed."""
    if node_of(k, i).discipline == SHARING:
        reshare(k, i, t)
    else:
        serve(k, i, t)


@inner
def _calendar(k: Any, i: int, event: int, t: float) -> None:
    node = node_of(k, i)
    if node.discipline == SHARING:
        pause(k, i, t)
    touch_node(k, i, t)
    node.piece += 1
    if node.piece == node.calendar_length:
        node.piece = 0
    node.planned = int(real(k.pairs, 2 * (node.calendar + node.piece) + 1).v)
    node.servers = max(node.planned - node.down, 0)
    node.turn = t + real(k.pairs, 2 * (node.calendar + node.piece) + 0).v
    if node.turn < float("inf"):
        schedule(k, event, node.turn, RANK_CHANGE)
    else:
        cancel(k, event)
    note(k, STAFFED, i, NONE, t, node.planned)
    _staffed(k, i, t)


@inner
def _failure(k: Any, i: int, event: int, t: float) -> None:
    """A server fails, or is repaired: ``state`` of the event's own record tells which."""
    node = node_of(k, i)
    if node.discipline == SHARING:
        pause(k, i, t)
    touch_node(k, i, t)
    works = fixed_of(k, event).state == 0
    fixed_of(k, event).state = 1 if works else 0
    node.down += 1 if works else -1
    node.servers = max(node.planned - node.down, 0)
    lasting = draw(draw_of(k, node.repair if works else node.fail))
    schedule(k, event, t + lasting, RANK_CHANGE)
    note(k, FAILS if works else REPAIRED, i, NONE, t, 0.0)
    if works and node.discipline != SHARING:
        interrupt_one(k, i, t)
    else:
        _staffed(k, i, t)


@inner
def _review(k: Any, s: int, event: int, t: float) -> None:
    stock = stock_of(k, s)
    schedule(k, event, t + stock.review, RANK_REVIEW)
    consider(k, stock, t)


@hot
def _of_customer(k: Any, event: int, t: float) -> None:
    c = event >> 1
    if event & 1:
        give_up(k, c, t)
    elif customer_of(k, c).order > 0:
        cancel(k, k.fixed + event)
        supplied(k, deliver(k, c, t), t)
    else:
        finish(k, c, t)


@hot
def _fixed(k: Any, event: int, t: float) -> bool:
    what = fixed_of(k, event)
    if what.type == ARRIVAL:
        return arrivals(k, what.index, event, t)
    if what.type == CALENDAR:
        _calendar(k, what.index, event, t)
    elif what.type == FAILURE:
        _failure(k, what.index, event, t)
    elif what.type == REVIEW:
        _review(k, what.index, event, t)
    else:
        passed(k, what.index, first_through(k, what.index, t), t)
    return True


@inner
def _begin(k: Any) -> None:
    """What happens first: the first arrivals, changes and reviews, and the first failure of each server."""
    for event in range(k.fixed):
        what = fixed_of(k, event)
        t = what.first
        if what.type == ARRIVAL:
            if source_of(k, what.index).type != POPULATION:
                t = next_arrival(k, what.index, t)
            schedule(k, event, t, RANK_ARRIVAL)
        elif what.type == FAILURE:
            schedule(k, event, draw(draw_of(k, node_of(k, what.index).fail)), RANK_CHANGE)
        elif what.type != SHARED and t < float("inf"):
            schedule(k, event, t, RANK_REVIEW if what.type == REVIEW else RANK_CHANGE)
    k.begun = 1


@inner
def _last_edge(k: Any) -> float:
    return real(k.edges, k.batches - 1).v


@inner
def _more_come(k: Any) -> bool:
    """Whether an arrival is still to come: failures, calendars and reviews go on for ever."""
    come = False
    for event in range(k.fixed):
        come = come or (fixed_of(k, event).type == ARRIVAL and place_of(k, event).v != NONE)
    return come


@inner
def _emptied(k: Any) -> int:
    """Nothing happens any more: bring the areas up to the end, which is now where none was given."""
    if _last_edge(k) == float("inf"):
        advance(k, k.now)
        everything(k, k.now)
    else:
        advance(k, _last_edge(k))
    return EMPTY


@compiled(nogil=True, **as_whole())
def run(clock: Any, budget: int, reserve: int) -> int:
    """Handle up to ``budget`` events.

    Args:
        clock: the world's one record, shape (1,).
        budget: most events before the caller is heard of again.
        reserve: unused customers' records that must be there before an event is handled.

    Returns:
        RUNNING: go on; DONE: all that came within the time that counts are through, or the limit is reached;
        EMPTY: nothing more will happen; CROWDED: more records are needed; LOGGED: the log must be taken away;
        SHORT: a trace has no more values (``clock.short`` says whose).
    """
    k = clock[0]
    k.status = RUNNING
    if k.begun == 0:
        _begin(k)
    keep = k.rows // 2
    for _ in range(budget):
        if k.size == 0:
            return _emptied(k)
        top = coming(k, 0)
        t, event = top.time, top.event
        if t >= k.edge:
            advance(k, t)
        if k.batch == NONE and ((k.visits == 0 and k.tags == 0) or t > k.limit):
            return DONE
        if k.spare < reserve:
            return CROWDED
        if keep > 0 and k.logged > keep:
            return LOGGED
        k.now = t
        k.events += 1
        if event >= k.fixed:
            _of_customer(k, event - k.fixed, t)
        elif not _fixed(k, event, t):
            k.events -= 1
            return CROWDED
        if k.status != RUNNING:
            return k.status
        if k.inside == 0 and _last_edge(k) == float("inf") and not _more_come(k):
            return _emptied(k)
    return RUNNING
