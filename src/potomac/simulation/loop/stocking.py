"""Stocks: a demand takes what is there, and what is ordered follows the policy and comes after its lead time."""

from __future__ import annotations

from math import floor
from typing import Any

from potomac.simulation.loop.draws import draw
from potomac.simulation.loop.heap import schedule
from potomac.simulation.loop.memory import inner
from potomac.simulation.loop.noting import ASKED, BROUGHT, SENT, note
from potomac.simulation.loop.tally import stocked
from potomac.simulation.loop.world import (
    DEMAND,
    FILLED,
    LOST,
    LOTS,
    NONE,
    ORDERED,
    ORDERS,
    cell,
    customer_of,
    draw_of,
    node_of,
    stock_of,
)  # fmt: skip

__all__ = ["consider", "deliver", "demand"]

RANK_DELIVERY = 0


@inner
def demand(k: Any, stock: Any, c: int, t: float) -> float:
    """Take what a customer asks for; what cannot be given is lost, or owed. How much that is."""
    asked = 1.0 if stock.quantity == NONE else draw(draw_of(k, stock.quantity))
    note(k, ASKED, stock.node, c, t, asked)
    stocked(k, stock, t)
    given = min(asked, stock.on_hand)
    stock.on_hand -= given
    short = asked - given
    if stock.lost == 0:
        stock.owed += short
    if k.batch >= 0:
        j = stock.node * k.kinds + customer_of(k, c).kind
        cell(k, j, k.batch, DEMAND).v += asked
        cell(k, j, k.batch, FILLED).v += given
        if stock.lost > 0:
            cell(k, j, k.batch, LOST).v += short
    if stock.review == 0:
        consider(k, stock, t)
    return short


@inner
def consider(k: Any, stock: Any, t: float) -> None:
    """Order, where what is there and under way has come down to s."""
    position = stock.on_hand + stock.on_order - stock.owed
    if position > stock.s:
        return
    amount = stock.Q * (floor((stock.s - position) / stock.Q) + 1) if stock.policy == LOTS else stock.S - position
    if amount <= 0:
        return
    note(k, SENT, stock.node, NONE, t, amount)
    if k.batch >= 0:
        j = stock.node * k.kinds
        cell(k, j, k.batch, ORDERS).v += 1
        cell(k, j, k.batch, ORDERED).v += amount
    stock.on_order += amount
    c = k.free
    token = customer_of(k, c)
    k.free = token.next
    k.spare -= 1
    token.order, token.node, token.amount = 1, stock.node, amount
    lead = 0.0 if stock.lead == NONE else draw(draw_of(k, stock.lead))
    schedule(k, k.fixed + 2 * c, t + lead, RANK_DELIVERY)


@inner
def deliver(k: Any, c: int, t: float) -> int:
    """What was ordered arrives. The station whose customers may be waiting for it."""
    token = customer_of(k, c)
    i = token.node
    stock = stock_of(k, node_of(k, i).stock)
    stocked(k, stock, t)
    note(k, BROUGHT, i, NONE, t, token.amount)
    stock.on_order -= token.amount
    stock.on_hand += token.amount
    token.order = 0
    token.next = k.free
    k.free = c
    k.spare += 1
    return i
