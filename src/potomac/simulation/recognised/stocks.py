"""A stock with Poisson demand, by the closed form that its policy has."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.errors import StudyError
from potomac.simulation import closed_forms as exact
from potomac.simulation.declared import Stock
from potomac.simulation.recognised.laws import whole_chances
from potomac.simulation.recognised.named import Known

__all__ = ["known_stock", "known_without_lead"]

Floats = npt.NDArray[np.float64]

MOST = 4000
"""Positions of a stock, at most, with demand of several at once or with review."""


def known_stock(stock: Stock, rate: float) -> Known:
    """A stock with Poisson demand of whole quantities."""
    levels = (stock.s, stock.S, stock.Q, stock.begins)
    quantities = np.array([0.0, 1.0]) if stock.quantity is None else whole_chances(stock.quantity)
    if quantities is None or not quantities[1:].any() or any(level % 1 for level in levels):
        return {}
    one = len(quantities) == 2 and quantities[1] == 1
    try:
        found = _policy(stock, rate) if one and not stock.review else _by_position(stock, rate, quantities)
    except StudyError:  # the position depends on where it began
        return {}
    return {} if found is None else _told(stock, found, rate * float(quantities @ np.arange(len(quantities))), one)


def known_without_lead(stock: Stock, rate: float) -> Known:
    """A stock that is filled at once, with demand at independent times of any distribution: its position is the same.

    Each position is kept for one time between two demands, so that shares of time are those of Poisson demand.
    """
    if stock.lead is not None and (stock.lead.variance > 0 or stock.lead.mean > 0):
        return {}
    return {} if stock.review or stock.lost else known_stock(stock, rate)


def _told(stock: Stock, found: exact.Stock, demand: float, one: bool) -> Known:
    bought = demand - found.lost_per_time
    name = stock.name
    out = {
        (name, measure): getattr(found, measure)
        for measure in ("on_hand", "backorders", "p_stockout", "fill_rate", "orders_per_time", "lost_per_time")
    }
    if one and not stock.lost:
        out[name, "wait"] = found.backorders / demand
    cost = stock.holding * found.on_hand + stock.shortage * found.backorders + stock.order * found.orders_per_time
    return out | {
        (name, "demand_per_time"): demand, (name, "order_size"): bought / found.orders_per_time,
        (name, "cost_per_time"): cost + stock.unit * bought + stock.penalty * found.lost_per_time,
    }  # fmt: skip


def _policy(stock: Stock, rate: float) -> exact.Stock | None:
    """One at a time, always known."""
    lead = stock.lead
    if stock.policy == "base":
        if stock.lost:
            return exact.base_stock_lost(int(stock.S), rate, lead.mean) if lead is not None and stock.S > 0 else None
        return exact.base_stock(int(stock.S), rate, lead.mean if lead is not None else 0.0)
    lots = stock.policy == "lots"
    s, Q = int(stock.s), int(stock.Q if lots else stock.S - stock.s)
    if stock.lost:
        return _lost(stock, s, Q, rate)
    if lead is not None and lead.variance > 0:
        return None
    return exact.rq(s, Q, rate, lead.mean if lead is not None else 0.0)


def _lost(stock: Stock, s: int, Q: int, rate: float) -> exact.Stock | None:
    lead = stock.lead
    if lead is None or not 0 <= s < Q or lead.mean <= 0 or stock.begins < s:
        return None
    if lead.variance == 0:
        return exact.rq_lost(s, Q, rate, lead.mean)
    if lead.family in ("exponential", "gamma", "erlang"):
        return exact.rq_lost(s, Q, rate, lead.mean, 1 / lead.cv**2)
    return None


def _by_position(stock: Stock, rate: float, quantities: Floats) -> exact.Stock | None:
    """Several at a time, or looked at now and then."""
    if stock.lost or (stock.lead is not None and stock.lead.variance > 0):
        return None
    policy = exact.Policy(stock.policy, int(stock.s), int(stock.S), int(stock.Q), stock.review)
    if max(stock.S - stock.s, stock.Q) > MOST:
        return None
    return exact.stock_by_position(policy, rate, quantities, stock.lead.mean if stock.lead is not None else 0.0)
