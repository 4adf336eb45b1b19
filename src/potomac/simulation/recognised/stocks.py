"""A stock with Poisson demand, by the closed form that its policy has."""

from __future__ import annotations

from potomac.simulation import closed_forms as exact
from potomac.simulation.declared import Stock
from potomac.simulation.recognised.named import Known

__all__ = ["known_stock"]


def known_stock(stock: Stock, rate: float) -> Known:
    """A stock with Poisson demand, one at a time, always known."""
    one = stock.quantity is None or (stock.quantity.family == "deterministic" and stock.quantity.mean == 1)
    levels = (stock.s, stock.S, stock.Q, stock.begins)
    if not one or stock.review or any(level % 1 for level in levels):
        return {}
    found = _policy(stock, rate)
    if found is None:
        return {}
    bought = rate - found.lost_per_time
    name = stock.name
    out = {
        (name, measure): getattr(found, measure)
        for measure in ("on_hand", "backorders", "p_stockout", "fill_rate", "orders_per_time", "lost_per_time")
    }
    if not stock.lost:
        out[name, "wait"] = found.backorders / rate
    cost = stock.holding * found.on_hand + stock.shortage * found.backorders + stock.order * found.orders_per_time
    return out | {
        (name, "demand_per_time"): rate, (name, "order_size"): bought / found.orders_per_time,
        (name, "cost_per_time"): cost + stock.unit * bought + stock.penalty * found.lost_per_time,
    }  # fmt: skip


def _policy(stock: Stock, rate: float) -> exact.Stock | None:
    lead = stock.lead
    if stock.policy == "base":
        if stock.lost:
            return exact.base_stock_lost(int(stock.S), rate, lead.mean) if lead is not None and stock.S > 0 else None
        return exact.base_stock(int(stock.S), rate, lead.mean if lead is not None else 0.0)
    if stock.lost or (lead is not None and lead.family != "deterministic"):
        return None
    fixed = lead.mean if lead is not None else 0.0
    if stock.policy == "lots":
        return exact.rq(int(stock.s), int(stock.Q), rate, fixed)
    return exact.ss(int(stock.s), int(stock.S), rate, fixed)
