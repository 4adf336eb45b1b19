"""Processor sharing: all customers of a station are served at once, each at its share of the servers.

In virtual time, which runs at that share, a customer's end never moves; the earliest lies at the root of a skew heap
(Sleator and Tarjan 1986) linked through the customers.
"""

from __future__ import annotations

from typing import Any

from potomac.simulation.loop.draws import draw
from potomac.simulation.loop.heap import cancel, schedule
from potomac.simulation.loop.memory import inner
from potomac.simulation.loop.noting import BEGAN, note
from potomac.simulation.loop.tally import touch, touch_node
from potomac.simulation.loop.world import (
    NONE,
    SHORT,
    count_of,
    customer_of,
    draw_of,
    node_of,
    of_kind,
)  # fmt: skip

__all__ = ["first_through", "reshare", "share"]

RANK_END = 2


@inner
def _merged(k: Any, a: int, b: int) -> int:
    """The root of both heaps; ``prev`` and ``next`` are a customer's two branches."""
    if a == NONE:
        return b
    if b == NONE:
        return a
    if customer_of(k, b).need < customer_of(k, a).need:
        a, b = b, a
    root = a
    while True:
        right = customer_of(k, a).next
        customer_of(k, a).next = customer_of(k, a).prev
        if right == NONE:
            customer_of(k, a).prev = b
            return root
        if customer_of(k, b).need < customer_of(k, right).need:
            right, b = b, right
        customer_of(k, a).prev = right
        a = right


@inner
def _speed(node: Any) -> float:
    return min(1.0, node.servers / node.busy) if node.busy > 0 else 0.0


@inner
def _until(k: Any, i: int, t: float) -> None:
    """Let virtual time run up to ``t``."""
    node = node_of(k, i)
    touch_node(k, i, t)
    node.virtual += (t - node.virtual_at) * _speed(node)
    node.virtual_at = t
    if node.busy == 0:
        node.virtual = 0.0


@inner
def reshare(k: Any, i: int, t: float) -> None:
    """Plan anew who is through first, after somebody or a server came or went."""
    node = node_of(k, i)
    speed = _speed(node)
    if node.root == NONE or speed <= 0:
        cancel(k, node.event)
        return
    ahead = max(customer_of(k, node.root).need - node.virtual, 0.0) / speed
    schedule(k, node.event, t + ahead, RANK_END)


@inner
def pause(k: Any, i: int, t: float) -> None:
    """Bring virtual time up to ``t`` before the number of servers changes."""
    _until(k, i, t)


@inner
def share(k: Any, i: int, c: int, t: float) -> None:
    """A customer joins those who are served."""
    node, cust = node_of(k, i), customer_of(k, c)
    _until(k, i, t)
    s = of_kind(k, k.service, i, cust.kind).v
    length = draw(draw_of(k, s))
    if length == float("inf"):
        k.status, k.short = SHORT, s
    cust.need = node.virtual + length
    cust.next, cust.prev = NONE, NONE
    node.root = _merged(k, node.root, c)
    j = i * k.kinds + cust.kind
    touch(k, j, t)
    count_of(k, j).service += 1
    node.busy += 1
    note(k, BEGAN, i, c, t, 0.0)
    reshare(k, i, t)


@inner
def first_through(k: Any, i: int, t: float) -> int:
    """The customer who is through now leaves those who are served."""
    node = node_of(k, i)
    _until(k, i, t)
    c = node.root
    cust = customer_of(k, c)
    node.virtual = cust.need  # no error adds up
    node.root = _merged(k, cust.prev, cust.next)
    j = i * k.kinds + cust.kind
    touch(k, j, t)
    count_of(k, j).service -= 1
    node.busy -= 1
    reshare(k, i, t)
    return c
