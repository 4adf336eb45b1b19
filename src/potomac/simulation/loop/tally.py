"""What is counted while the loop runs: areas by slice of time, sums over customers by when they came."""

from __future__ import annotations

from typing import Any

from potomac.simulation.loop.memory import bits_of, hot, inner
from potomac.simulation.loop.world import (
    BINS,
    BITS,
    BUSY,
    CAPACITY,
    DELAYED,
    HISTOGRAM,
    LEFT,
    LOWEST,
    NONE,
    ON_HAND,
    OUT,
    OWED,
    QUEUE,
    RENEGED,
    SERVED,
    SERVICE,
    SHARING,
    STAY,
    WAIT,
    WAIT2,
    WAITS,
    cell,
    count_of,
    customer_of,
    node_of,
    real,
    stock_of,
    sums_of,
    whole,
)  # fmt: skip

__all__ = ["advance", "bin_of", "close_visit", "count", "stocked", "touch", "touch_node"]


@inner
def bin_of(k: Any, x: float) -> int:
    """Bin of a time on the scale of powers of two: its exponent and the first bits of its fraction."""
    at = (bits_of(x) >> (52 - BITS)) - ((1023 + LOWEST) << BITS) + 1
    return min(max(at, 0), BINS)


@inner
def touch(k: Any, j: int, t: float) -> None:
    """Bring the areas of row ``j`` up to ``t``."""
    n = count_of(k, j)
    b, past = k.batch, t - n.last
    if past <= 0:
        return
    if b >= 0:
        queue, service, tally, at = n.queue, n.service, k.tally, sums_of(k, j, b)
        real(tally, at + QUEUE).v += queue * past
        real(tally, at + SERVICE).v += service * past
    n.last = t


@inner
def touch_node(k: Any, i: int, t: float) -> None:
    """Bring the area of the servers that are there up to ``t``, and of those at work where they are shared."""
    node = node_of(k, i)
    if k.batch >= 0:
        j = i * k.kinds
        past = t - node.last
        cell(k, j, k.batch, CAPACITY).v += node.servers * past
        if node.discipline == SHARING:
            cell(k, j, k.batch, BUSY).v += min(node.busy, node.servers) * past
    node.last = t


@inner
def stocked(k: Any, stock: Any, t: float) -> None:
    """Bring the areas of a stock up to ``t``."""
    if k.batch >= 0:
        j = stock.node * k.kinds
        past = t - stock.last
        cell(k, j, k.batch, ON_HAND).v += stock.on_hand * past
        cell(k, j, k.batch, OWED).v += stock.owed * past
        if stock.on_hand <= 0:
            cell(k, j, k.batch, OUT).v += past
    stock.last = t


@inner
def everything(k: Any, t: float) -> None:
    """Bring all areas up to ``t``."""
    for j in range((k.stations + 1) * k.kinds):
        touch(k, j, t)
    for i in range(k.stations):
        touch_node(k, i, t)
    for i in range(k.stores):
        stocked(k, stock_of(k, i), t)


@inner
def advance(k: Any, t: float) -> None:
    """Go on to the slice of time that ``t`` lies in."""
    while t >= k.edge:
        everything(k, k.edge)
        k.batch += 1
        if k.batch < k.batches:
            k.edge = real(k.edges, k.batch).v
        else:
            k.batch, k.edge = NONE, float("inf")


@inner
def count(k: Any, j: int, column: int) -> None:
    """One more in the slice of time that counts now."""
    b = k.batch
    if b >= 0:
        cell(k, j, b, column).v += 1


@hot
def close_visit(k: Any, c: int, t: float, how: int) -> None:
    """A customer leaves a station served, or leaves its queue (``how`` is the column that counts it)."""
    cust = customer_of(k, c)
    j, b = cust.node * k.kinds + cust.kind, cust.batch
    if how == SERVED:
        count(k, j, LEFT)
    if b < 0:
        return
    k.visits -= 1
    wait, stay, tally, at = cust.waited, t - cust.arrived, k.tally, sums_of(k, j, b)
    real(tally, at + how).v += 1
    if how == SERVED:
        real(tally, at + STAY).v += stay
    if how in (SERVED, RENEGED):
        _waited(k, j, b, wait)


@inner
def _waited(k: Any, j: int, b: int, wait: float) -> None:
    tally, at = k.tally, sums_of(k, j, b)
    real(tally, at + WAITS).v += 1
    if wait > 0:
        real(tally, at + WAIT).v += wait
        real(tally, at + WAIT2).v += wait * wait
        real(tally, at + DELAYED).v += 1
        if wait > real(k.greatest, 2 * j + 0).v:
            real(k.greatest, 2 * j + 0).v = wait
    if b >= k.histogram_from:
        whole(k.histogram, j * HISTOGRAM + bin_of(k, wait)).v += 1
