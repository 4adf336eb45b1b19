"""Customers at stations: who joins, waits, is served, is interrupted, gives up, and where each goes next."""

from __future__ import annotations

from typing import Any

from potomac.simulation.loop.draws import draw, uniform_of
from potomac.simulation.loop.heap import cancel, schedule
from potomac.simulation.loop.memory import hot, inner
from potomac.simulation.loop.noting import BALKS, BEGAN, BLOCKS, CAME, ENDED, GAVE_UP, INTERRUPTED, WENT, note
from potomac.simulation.loop.sharing import share
from potomac.simulation.loop.stocking import demand
from potomac.simulation.loop.tally import bin_of, close_visit, count, touch
from potomac.simulation.loop.world import (
    ARRIVED,
    BALKED,
    BLOCKED,
    CYCLE,
    HISTOGRAM,
    LCFS,
    LEFT,
    NONE,
    ONE,
    RANDOM,
    RENEGED,
    REPEAT,
    SERVED,
    SHARES,
    SHARING,
    SHORT,
    STAY,
    STORE,
    cell,
    count_of,
    customer_of,
    draw_of,
    node_of,
    of_kind,
    queue,
    real,
    stock_of,
    sums_of,
    way_of,
    whole,
)  # fmt: skip

__all__ = ["born", "finish", "give_up", "go", "interrupt_one", "leave", "route", "serve"]

STAYS = -2
RANK_END, RANK_PATIENCE = 2, 5


@inner
def born(k: Any, kind: int, level: int, t: float, tagged: bool) -> int:
    """A customer who enters the system; one record must be unused. Who never leaves is not ``tagged``."""
    c = k.free
    cust = customer_of(k, c)
    k.free = cust.next
    k.spare -= 1
    k.inside += 1
    k.most = max(k.most, k.inside)
    cust.kind, cust.level, cust.entered, cust.order = kind, level, t, 0
    cust.number = k.born
    k.born += 1
    cust.batch_in = k.batch if tagged else NONE
    if cust.batch_in >= 0:
        k.tags += 1
        cell(k, k.stations * k.kinds + kind, k.batch, ARRIVED).v += 1
    return c


@hot
def leave(k: Any, c: int, t: float, how: int) -> None:
    """A customer leaves the system: served, or lost as the column ``how`` says."""
    cust = customer_of(k, c)
    j, b = k.stations * k.kinds + cust.kind, cust.batch_in
    note(k, WENT, NONE, c, t, 0.0)
    if how == SERVED:
        count(k, j, LEFT)
    if b >= 0:
        k.tags -= 1
        stay, tally, at = t - cust.entered, k.tally, sums_of(k, j, b)
        real(tally, at + how).v += 1
        if how == SERVED:
            real(tally, at + STAY).v += stay
            if b >= k.histogram_from:
                whole(k.histogram, j * HISTOGRAM + bin_of(k, stay)).v += 1
    cust.next = k.free
    k.free = c
    k.spare += 1
    k.inside -= 1


@inner
def _shortest(k: Any, offset: int, length: int) -> int:
    """The station with the fewest for each of its servers; the first of several."""
    best, least = NONE, float("inf")
    for r in range(offset, offset + length):
        node = node_of(k, whole(k.targets, r).v)
        load = node.inside / max(node.servers, 1)
        if load < least:
            best, least = whole(k.targets, r).v, load
    return best


@hot
def route(k: Any, r: int, s: int) -> int:
    """Where route ``r`` leads, by the numbers of stream ``s``: a station, or NONE, which is out."""
    way = way_of(k, r)
    if way.type == ONE:
        return whole(k.targets, way.offset).v
    if way.type == SHARES:
        u = uniform_of(draw_of(k, s))
        at = way.offset
        while u >= real(k.shares, at).v:
            at += 1
        return whole(k.targets, at).v
    if way.type == CYCLE:
        at = way.offset + way.turn
        way.turn = (way.turn + 1) % way.length
        return whole(k.targets, at).v
    return _shortest(k, way.offset, way.length)


@inner
def _balks(k: Any, node: Any) -> bool:
    """Whether somebody who sees the queue turns back: a probability for each length, the last one for all beyond."""
    p = real(k.pairs, 2 * (node.balk + min(node.waiting, node.balk_length - 1)) + 0).v
    return p >= 1 or (p > 0 and uniform_of(draw_of(k, node.balk_draw)) < p)


@inner
def _refused(k: Any, c: int, j: int, how: int, t: float, amount: float) -> None:
    note(k, BALKS if how == BALKED else BLOCKS, customer_of(k, c).node, c, t, amount)
    if k.batch >= 0:
        cell(k, j, k.batch, how).v += 1
        k.visits -= 1


@inner
def go(k: Any, c: int, i: int, t: float) -> None:
    """A customer goes to station ``i`` (NONE: out), and on from there while nothing keeps it."""
    how = SERVED
    while i >= 0:
        i, how = _arrive(k, c, i, t)
    if i == NONE:
        leave(k, c, t, how)


@hot
def _arrive(k: Any, c: int, i: int, t: float) -> tuple[int, int]:
    """Where the customer goes at once, STAYS where it stays; and how it left."""
    node, cust = node_of(k, i), customer_of(k, c)
    j = i * k.kinds + cust.kind
    cust.node, cust.batch, cust.arrived, cust.since, cust.waited, cust.need = i, k.batch, t, t, 0.0, -1.0
    if k.batch >= 0:
        cell(k, j, k.batch, ARRIVED).v += 1
        k.visits += 1
    note(k, CAME, i, c, t, 0.0)
    if node.type == STORE:
        return _bought(k, c, i, t)
    if node.balk >= 0 and _balks(k, node):
        _refused(k, c, j, BALKED, t, 0.0)
        return node.balk_to, BALKED
    if node.inside >= node.capacity:
        _refused(k, c, j, BLOCKED, t, 0.0)
        return node.overflow, BLOCKED
    node.inside += 1
    if node.discipline == SHARING:
        share(k, i, c, t)
    elif node.busy < node.servers or (node.preempt > 0 and _makes_way(k, i, c, t)):
        _begin(k, i, c, t)
    else:
        _wait(k, i, c, t, node.discipline == LCFS)
    return STAYS, SERVED


@inner
def _bought(k: Any, c: int, i: int, t: float) -> tuple[int, int]:
    node, cust = node_of(k, i), customer_of(k, c)
    stock = stock_of(k, node.stock)
    short = demand(k, stock, c, t)
    if short <= 0:
        note(k, ENDED, i, c, t, 0.0)
        close_visit(k, c, t, SERVED)
        return route(k, of_kind(k, k.way, i, cust.kind).v, node.route_draw), SERVED
    if stock.lost > 0:
        _refused(k, c, i * k.kinds + cust.kind, BLOCKED, t, short)
        return stock.lost_to, BLOCKED
    cust.amount = short
    node.inside += 1
    _wait(k, i, c, t, False)
    return STAYS, SERVED


@hot
def _wait(k: Any, i: int, c: int, t: float, front: bool) -> None:
    node, cust = node_of(k, i), customer_of(k, c)
    level = cust.level if node.ranked > 0 else 0
    first, last = queue(k, i, level, 0).v, queue(k, i, level, 1).v
    if first == NONE:
        cust.next, cust.prev = NONE, NONE
        queue(k, i, level, 0).v, queue(k, i, level, 1).v = c, c
    elif front:
        cust.next, cust.prev = first, NONE
        customer_of(k, first).prev = c
        queue(k, i, level, 0).v = c
    else:
        cust.next, cust.prev = NONE, last
        customer_of(k, last).next = c
        queue(k, i, level, 1).v = c
    j = i * k.kinds + cust.kind
    touch(k, j, t)
    count_of(k, j).queue += 1
    real(k.greatest, 2 * j + 1).v = max(real(k.greatest, 2 * j + 1).v, count_of(k, j).queue)
    node.waiting += 1
    fresh = cust.waited == 0 and cust.need < 0
    cust.since, cust.waits = t, 1
    p = of_kind(k, k.patience, i, cust.kind).v
    if p >= 0 and fresh:
        schedule(k, k.fixed + 2 * c + 1, t + draw(draw_of(k, p)), RANK_PATIENCE)


@hot
def _unlink(k: Any, i: int, c: int, t: float) -> None:
    """A customer leaves the queue, and its patience with it."""
    node, cust = node_of(k, i), customer_of(k, c)
    level = cust.level if node.ranked > 0 else 0
    if cust.prev == NONE:
        queue(k, i, level, 0).v = cust.next
    else:
        customer_of(k, cust.prev).next = cust.next
    if cust.next == NONE:
        queue(k, i, level, 1).v = cust.prev
    else:
        customer_of(k, cust.next).prev = cust.prev
    j = i * k.kinds + cust.kind
    touch(k, j, t)
    count_of(k, j).queue -= 1
    node.waiting -= 1
    cust.waited += t - cust.since
    cust.waits = 0
    if of_kind(k, k.patience, i, cust.kind).v >= 0:
        cancel(k, k.fixed + 2 * c + 1)


@hot
def _chosen(k: Any, i: int) -> int:
    """Who is served next."""
    node = node_of(k, i)
    if node.discipline == RANDOM:
        at = int(uniform_of(draw_of(k, node.route_draw)) * node.waiting)
        c = queue(k, i, 0, 0).v
        for _ in range(at):
            c = customer_of(k, c).next
        return c
    level = 0
    while queue(k, i, level, 0).v == NONE:
        level += 1
    return queue(k, i, level, 0).v


@hot
def serve(k: Any, i: int, t: float) -> None:
    """Those who wait begin, as far as servers are free."""
    node = node_of(k, i)
    while node.waiting > 0 and node.busy < node.servers:
        c = _chosen(k, i)
        _unlink(k, i, c, t)
        _begin(k, i, c, t)


@hot
def _begin(k: Any, i: int, c: int, t: float) -> None:
    node, cust = node_of(k, i), customer_of(k, c)
    j = i * k.kinds + cust.kind
    touch(k, j, t)
    count_of(k, j).service += 1
    node.busy += 1
    if cust.need < 0:
        s = of_kind(k, k.service, i, cust.kind).v
        cust.need = draw(draw_of(k, s))
        if cust.need == float("inf"):
            k.status, k.short = SHORT, s
    cust.ends = t + cust.need
    note(k, BEGAN, i, c, t, 0.0)
    if node.tracked > 0:
        cust.next, cust.prev = node.serving, NONE
        if node.serving != NONE:
            customer_of(k, node.serving).prev = c
        node.serving = c
    schedule(k, k.fixed + 2 * c, cust.ends, RANK_END)


@hot
def _stop(k: Any, i: int, c: int, t: float) -> None:
    """Service ends, done or not."""
    node, cust = node_of(k, i), customer_of(k, c)
    cancel(k, k.fixed + 2 * c)
    j = i * k.kinds + cust.kind
    touch(k, j, t)
    count_of(k, j).service -= 1
    node.busy -= 1
    if node.tracked > 0:
        if cust.prev == NONE:
            node.serving = cust.next
        else:
            customer_of(k, cust.prev).next = cust.next
        if cust.next != NONE:
            customer_of(k, cust.next).prev = cust.prev


@inner
def _interrupt(k: Any, i: int, c: int, t: float) -> None:
    """A customer in service goes back to the head of the queue, with what is left or, where it repeats, anew."""
    cust = customer_of(k, c)
    _stop(k, i, c, t)
    note(k, INTERRUPTED, i, c, t, 0.0)
    cust.need = -1.0 if node_of(k, i).preempt == REPEAT else cust.ends - t
    patience = of_kind(k, k.patience, i, cust.kind).v
    of_kind(k, k.patience, i, cust.kind).v = NONE  # who has been served a while does not give up
    _wait(k, i, c, t, True)
    of_kind(k, k.patience, i, cust.kind).v = patience


@inner
def _makes_way(k: Any, i: int, c: int, t: float) -> bool:
    """Whether somebody in service is interrupted for the customer: the least urgent, or who came first (LCFS)."""
    node, cust = node_of(k, i), customer_of(k, c)
    if node.servers <= 0:
        return False
    victim = node.serving
    other = customer_of(k, victim).next
    while other != NONE:
        if node.discipline == LCFS:
            if customer_of(k, other).arrived < customer_of(k, victim).arrived:
                victim = other
        elif customer_of(k, other).level > customer_of(k, victim).level:
            victim = other
        other = customer_of(k, other).next
    if node.discipline != LCFS and customer_of(k, victim).level <= cust.level:
        return False
    _interrupt(k, i, victim, t)
    return True


@inner
def interrupt_one(k: Any, i: int, t: float) -> None:
    """A server fails: whoever began last waits until one is free."""
    node = node_of(k, i)
    if node.busy > max(node.servers, 0) and node.serving != NONE:
        _interrupt(k, i, node.serving, t)


@hot
def finish(k: Any, c: int, t: float) -> None:
    """Service is through: the next one begins, and the customer goes on."""
    cust = customer_of(k, c)
    i = cust.node
    _stop(k, i, c, t)
    passed(k, i, c, t)


@hot
def passed(k: Any, i: int, c: int, t: float) -> None:
    """A customer who is through with station ``i`` goes on."""
    node = node_of(k, i)
    node.inside -= 1
    note(k, ENDED, i, c, t, 0.0)
    close_visit(k, c, t, SERVED)
    if node.waiting > 0:
        serve(k, i, t)
    go(k, c, route(k, of_kind(k, k.way, i, customer_of(k, c).kind).v, node.route_draw), t)


@inner
def give_up(k: Any, c: int, t: float) -> None:
    """Patience is at its end."""
    cust = customer_of(k, c)
    i = cust.node
    node = node_of(k, i)
    _unlink(k, i, c, t)
    node.inside -= 1
    note(k, GAVE_UP, i, c, t, 0.0)
    close_visit(k, c, t, RENEGED)
    if node.renege_to >= 0:
        go(k, c, node.renege_to, t)
    else:
        leave(k, c, t, RENEGED)


@inner
def supplied(k: Any, i: int, t: float) -> None:
    """Those who wait for goods get them in their order, as far as they go."""
    node = node_of(k, i)
    stock = stock_of(k, node.stock)
    while node.waiting > 0 and stock.on_hand > 0:
        c = queue(k, i, 0, 0).v
        cust = customer_of(k, c)
        given = min(stock.on_hand, cust.amount)
        stock.on_hand -= given
        stock.owed -= given
        cust.amount -= given
        if cust.amount <= 0:
            _unlink(k, i, c, t)
            node.inside -= 1
            note(k, ENDED, i, c, t, 0.0)
            close_visit(k, c, t, SERVED)
            go(k, c, route(k, of_kind(k, k.way, i, cust.kind).v, node.route_draw), t)
