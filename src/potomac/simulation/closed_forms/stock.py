"""Stocks: newsvendor, economic order quantity, (r, Q), base stock and (s, S)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1, log, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError
from potomac.simulation.closed_forms.checks import not_less, positive, positives, shares, whole
from potomac.simulation.closed_forms.markovian import erlang_b

__all__ = [
    "Lot", "Newsvendor", "Stock", "base_stock", "base_stock_lost", "bought", "economic_order_quantity",
    "newsvendor_discrete", "newsvendor_exponential", "newsvendor_normal", "newsvendor_poisson", "newsvendor_uniform",
    "quantity_discount", "rq", "ss", "ss_periodic",
]  # fmt: skip

Floats = npt.NDArray[np.float64]

# ---- once -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Newsvendor:
    """What to buy before the demand is known, and what it earns.

    Attributes:
        q: the quantity that earns most.
        profit: expected, at q.
        critical_ratio: the share of demands that q should meet, (p - c + g) / (p - s + g).
        sold: expected sales.
        left: expected left over.
        short: expected demand that is not met.
    """

    q: float
    profit: float
    critical_ratio: float
    sold: float
    left: float
    short: float


@dataclass(frozen=True, slots=True)
class _Prices:
    price: float
    cost: float
    salvage: float
    goodwill: float

    @property
    def ratio(self) -> float:
        return (self.price - self.cost + self.goodwill) / (self.price - self.salvage + self.goodwill)

    def answer(self, q: float, mean: float, left: float) -> Newsvendor:
        """From the expected number left over, E (q - D)^+: sold is q - left, short is mean - sold."""
        sold = q - left
        short = mean - sold
        profit = self.price * sold + self.salvage * left - self.cost * q - self.goodwill * short
        return Newsvendor(q, profit, self.ratio, sold, left, short)


def bought(price: float, cost: float, salvage: float, goodwill: float) -> _Prices:
    """Prices that make sense together.

    Raises:
        StudyError: they do not.
    """
    p, c, g = positive("price", price), not_less("cost", cost), not_less("goodwill", goodwill)
    s = not_less("salvage", salvage, -np.inf)
    if not s < c < p + g:
        found = f"salvage is {s:g}, cost {c:g} and price {p:g}"
        raise StudyError(Fault("simulation.parameter", found, "expected salvage < cost < price", key="cost"))
    return _Prices(p, c, s, g)


def newsvendor_normal(
    price: float, cost: float, salvage: float, mean: float, sd: float, goodwill: float = 0.0
) -> Newsvendor:
    """Normal demand: q = mean + z sd with Phi(z) the critical ratio (Zipkin, Foundations of Inventory, ch. 6).

    The demand is not cut off at 0.

    Args:
        price: p of one sold.
        cost: c of one bought.
        salvage: s for one left over.
        mean: of the demand.
        sd: of the demand.
        goodwill: g, lost with one that is asked for and not there.

    Raises:
        StudyError: it is not salvage < cost < price, or the arguments are no such numbers.
    """
    prices, m, sigma = bought(price, cost, salvage, goodwill), not_less("mean", mean), positive("sd", sd)
    normal = NormalDist()
    z = normal.inv_cdf(prices.ratio)
    return prices.answer(m + z * sigma, m, sigma * (z * normal.cdf(z) + normal.pdf(z)))


def newsvendor_uniform(
    price: float, cost: float, salvage: float, low: float, high: float, goodwill: float = 0.0
) -> Newsvendor:
    """Demand uniform on [low, high]: E (q - D)^+ = (q - low)^2 / (2 (high - low)) (Zipkin, ch. 6).

    Prices and errors as of :func:`newsvendor_normal`.
    """
    prices, a = bought(price, cost, salvage, goodwill), not_less("low", low)
    width = positive("high - low", high - a)
    q = a + prices.ratio * width
    return prices.answer(q, a + width / 2, (q - a) ** 2 / (2 * width))


def newsvendor_exponential(price: float, cost: float, salvage: float, mean: float, goodwill: float = 0.0) -> Newsvendor:
    """Exponential demand: q = -mean ln(1 - ratio), E (q - D)^+ = q - mean (1 - e^(-q / mean)) (Zipkin, ch. 6).

    Prices and errors as of :func:`newsvendor_normal`.
    """
    prices, m = bought(price, cost, salvage, goodwill), positive("mean", mean)
    q = -m * log(1 - prices.ratio)
    return prices.answer(q, m, q + m * expm1(-q / m))


def newsvendor_poisson(price: float, cost: float, salvage: float, mean: float, goodwill: float = 0.0) -> Newsvendor:
    """Poisson demand: the least whole q with P(D <= q) of at least the critical ratio (Zipkin, ch. 6).

    Prices and errors as of :func:`newsvendor_normal`.
    """
    from scipy.special import pdtr

    prices, m = bought(price, cost, salvage, goodwill), positive("mean", mean)
    d = np.arange(int(m + 12 * sqrt(m) + 50))
    q = int(np.searchsorted(pdtr(d, m), prices.ratio))
    return prices.answer(float(q), m, float(_left_poisson(np.array([q]), m)[0]))


def newsvendor_discrete(
    price: float, cost: float, salvage: float, values: npt.ArrayLike, probabilities: npt.ArrayLike,
    goodwill: float = 0.0,
) -> Newsvendor:  # fmt: skip
    """A demand of a few values: the least of them with P(D <= q) of at least the critical ratio (Zipkin, ch. 6).

    Prices and errors as of :func:`newsvendor_normal`.

    Args:
        price: p of one sold.
        cost: c of one bought.
        salvage: s for one left over.
        values: of the demand, shape (n,).
        probabilities: of each, shape (n,), summing to 1.
        goodwill: lost with one that is asked for and not there.
    """
    prices, x, w = bought(price, cost, salvage, goodwill), *_demand(values, probabilities)
    order = np.argsort(x)
    x, w = x[order], w[order]
    q = float(x[min(int(np.searchsorted(np.cumsum(w) + 1e-12, prices.ratio)), len(x) - 1)])
    return prices.answer(q, float(w @ x), float(w @ np.maximum(q - x, 0)))


def _demand(values: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[Floats, Floats]:
    x = positives("values", values, zero=True)
    w = shares("probabilities", probabilities, len(x))
    if abs(w.sum() - 1) > 1e-9:
        raise StudyError(Fault("simulation.parameter", f"probabilities sum to {w.sum():.10g}", "expected a sum of 1"))
    return x, w


# ---- lots -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lot:
    """How much to order each time.

    Attributes:
        q: the quantity.
        cost: in a unit of time, of ordering, holding, backorders and, where there is a price, purchase.
        cycle: time between two orders.
        orders_per_time: one over it.
        most_on_hand: stock right after a delivery.
        most_backorders: those who wait right before it.
    """

    q: float
    cost: float
    cycle: float
    orders_per_time: float
    most_on_hand: float
    most_backorders: float = 0.0


def economic_order_quantity(
    demand_rate: float, order_cost: float, holding_cost: float, backorder_cost: float | None = None,
    production_rate: float | None = None,
) -> Lot:  # fmt: skip
    """Harris' lot, q = sqrt(2 K lambda / h) (Zipkin, ch. 3), with planned backorders and a finite production rate.

    With backorders q grows by sqrt((h + b) / b); with production at a rate p, h is less by the share lambda / p.

    Args:
        demand_rate: lambda, units in a unit of time.
        order_cost: K of each order.
        holding_cost: h of a unit on hand for a unit of time.
        backorder_cost: b of a unit that is waited for, for a unit of time; none are allowed without it.
        production_rate: p, at which a lot comes in; all at once without it.

    Raises:
        StudyError: the arguments are no such numbers, or the production is not faster than the demand.
    """
    lam, K, h = (
        positive("demand_rate", demand_rate),
        positive("order_cost", order_cost),
        positive("holding_cost", holding_cost),
    )
    grows = 1.0
    if production_rate is not None:
        grows = 1 - lam / positive("production_rate", production_rate)
        if grows <= 0:
            found = f"production_rate is {production_rate:g}"
            raise StudyError(Fault("simulation.parameter", found, f"expected more than {lam:g}", key="production_rate"))
    met = 1.0  # share of the time that there is stock on hand, b / (h + b)
    if backorder_cost is not None:
        met = positive("backorder_cost", backorder_cost) / (h + backorder_cost)
    q = sqrt(2 * K * lam / (h * grows * met))
    return Lot(q, 2 * K * lam / q, q / lam, lam / q, q * grows * met, q * grows * (1 - met))


def quantity_discount(
    demand_rate: float, order_cost: float, carrying_rate: float, breaks: Sequence[tuple[float, float]]
) -> Lot:
    """The cheapest lot where all units are cheaper from certain quantities on (Hadley and Whitin 1963, ch. 2).

    For each price Harris' lot, raised to the quantity that the price asks for; the cheapest of them.

    Args:
        demand_rate: lambda, units in a unit of time.
        order_cost: K of each order.
        carrying_rate: i, what holding costs for a unit of time as a share of the price.
        breaks: (least quantity, price of a unit) of each price; the first least quantity is 0.

    Raises:
        StudyError: the arguments are no such numbers.
    """
    lam, K, i = (
        positive("demand_rate", demand_rate),
        positive("order_cost", order_cost),
        positive("carrying_rate", carrying_rate),
    )
    least = positives("breaks", [quantity for quantity, _ in breaks], zero=True)
    price = positives("breaks", [price for _, price in breaks])
    above = np.append(least[1:], np.inf)
    if least[0] != 0 or (above <= least).any():
        found = f"the least quantities are {', '.join(f'{x:g}' for x in least)}"
        raise StudyError(Fault("simulation.parameter", found, "expected them to rise from 0", key="breaks"))
    q = np.maximum(np.sqrt(2 * K * lam / (i * price)), least)
    cost = np.where(q < above, K * lam / q + i * price * q / 2 + lam * price, np.inf)
    best = float(q[int(np.argmin(cost))])
    return Lot(best, float(cost.min()), best / lam, lam / best, best)


# ---- in the long run ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stock:
    """A stock in the long run.

    Attributes:
        on_hand: mean stock.
        backorders: mean number that is waited for.
        p_stockout: share of the time that nothing is on hand.
        fill_rate: share of the demand that is met at once.
        orders_per_time: orders in a unit of time.
        lost_per_time: demand in a unit of time that goes elsewhere.
    """

    on_hand: float
    backorders: float
    p_stockout: float
    fill_rate: float
    orders_per_time: float
    lost_per_time: float = 0.0


def rq(r: int, Q: int, demand_rate: float, lead: float) -> Stock:
    """(r, Q): order Q when the position falls to r. Poisson demand one by one, lead time L, backorders (Zipkin, ch. 6).

    The position is uniform on r + 1 .. r + Q and independent of the demand D in the lead time that follows, so that
    the net stock is their difference (Hadley and Whitin 1963, ch. 4).

    Args:
        r: reorder point, a whole number, which may be negative.
        Q: order quantity.
        demand_rate: lambda.
        lead: L, the same for each order, 0 or more. Of a random lead time only base stock is known by its mean.

    Raises:
        StudyError: the arguments are no such numbers.
    """
    lam, L, lot = positive("demand_rate", demand_rate), not_less("lead", lead), whole("Q", Q)
    y = np.arange(1, lot + 1) + whole("r", r, -(10**9))
    m = lam * L
    on_hand = float(np.mean(_left_poisson(y, m)))
    backorders = float(np.mean(_short_poisson(y, m)))
    out = float(np.mean(_reached_poisson(y, m)))
    return Stock(on_hand, backorders, out, 1 - out, lam / lot)


def _left_poisson(y: npt.NDArray[np.int64], m: float) -> Floats:
    """E (y - D)^+ = y P(D <= y) - m P(D <= y - 1), D Poisson of mean m."""
    from scipy.special import pdtr

    at = np.maximum(y, 0)
    left = at * pdtr(at, m) - m * np.where(at > 0, pdtr(np.maximum(at - 1, 0), m), 0.0)
    return np.where(y > 0, np.maximum(left, 0.0), 0.0)


def _short_poisson(y: npt.NDArray[np.int64], m: float) -> Floats:
    """E (D - y)^+ = m P(D >= y) - y P(D >= y + 1)."""
    from scipy.special import pdtrc

    at = np.maximum(y, 0)
    short = m * _reached_poisson(at, m) - at * pdtrc(at, m)
    return np.where(y > 0, np.maximum(short, 0.0), m - y)


def _reached_poisson(y: npt.NDArray[np.int64], m: float) -> Floats:
    """P(D >= y)."""
    from scipy.special import pdtrc

    return np.where(y > 0, pdtrc(np.maximum(y - 1, 0), m), 1.0)


def base_stock(S: int, demand_rate: float, lead: float) -> Stock:
    """(S - 1, S): order one for each that is taken. Poisson demand, independent lead times of mean L, backorders.

    By Palm's theorem the number on order is Poisson of mean lambda L, whatever the lead time (Zipkin, ch. 7;
    Sherbrooke, Optimal Inventory Modeling of Systems, 2.3).

    Raises:
        StudyError: the arguments are no such numbers.
    """
    return rq(whole("S", S, 0) - 1, 1, demand_rate, lead)


def base_stock_lost(S: int, demand_rate: float, lead: float) -> Stock:
    """(S - 1, S) where who finds nothing goes elsewhere: the number on order is Erlang's loss system (Zipkin, ch. 7).

    Raises:
        StudyError: the arguments are no such numbers.
    """
    S, lam, L = whole("S", S), positive("demand_rate", demand_rate), positive("lead", lead)
    B = erlang_b(S, lam * L)
    met = lam * (1 - B)
    return Stock(S - met * L, 0.0, B, 1 - B, met, lam * B)


def ss(s: int, S: int, demand_rate: float, lead: float = 0.0) -> Stock:
    """(s, S) under continuous review: order up to S when the position falls to s. Poisson demand one by one.

    It is then (r, Q) with r = s and Q = S - s, so that with no lead time the mean stock is (s + 1 + S) / 2 and
    lambda / (S - s) orders are made in a unit of time (Zipkin, ch. 6; Hadley and Whitin 1963, ch. 4).

    Args:
        s: reorder point.
        S: order-up-to level.
        demand_rate: lambda.
        lead: the same for each order, 0 or more.

    Raises:
        StudyError: it is not s < S, or the arguments are no such numbers.
    """
    return rq(s, _gap(s, S), demand_rate, lead)


def _gap(s: int, S: int) -> int:
    low, high = whole("s", s, -(10**9)), whole("S", S, -(10**9))
    if low >= high:
        raise StudyError(Fault("simulation.parameter", f"s is {low} and S is {high}", "expected s < S", key="s"))
    return high - low


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A stock that is looked at once a period, right after whose begin an order comes in.

    Attributes:
        after_order: mean net stock at the begin of a period, once ordered.
        at_end: mean net stock at the end of a period, before ordering.
        on_hand_at_end: mean stock on hand there.
        backorders_at_end: mean number waited for there.
        p_stockout: share of the periods in which not all demand is met.
        orders_per_time: orders a period.
        order_size: mean of an order.
    """

    after_order: float
    at_end: float
    on_hand_at_end: float
    backorders_at_end: float
    p_stockout: float
    orders_per_time: float
    order_size: float


def ss_periodic(s: int, S: int, probabilities: npt.ArrayLike) -> Reviewed:
    """(s, S) under periodic review, no lead time, backorders: at the end of a period with s or less, order up to S.

    The stock after ordering is S - j with chances proportional to m(j), the renewal numbers of the demand,
    m(0) = 1 / (1 - f(0)), m(j) = sum over i of f(i) m(j - i) / (1 - f(0)), j < S - s; their sum is the mean number of
    periods between two orders (Zipkin, ch. 9; Veinott and Wagner 1965).

    Args:
        s: reorder point.
        S: order-up-to level.
        probabilities: f(0), f(1), ..., of the demand of a period, summing to 1.

    Raises:
        StudyError: it is not s < S, the demand is always 0, or the arguments are no such numbers.
    """
    gap = _gap(s, S)
    d, f = _demand(np.arange(len(np.atleast_1d(probabilities))), probabilities)
    mean = float(d @ f)
    positive("the mean demand", mean)
    m = np.empty(gap)
    m[0] = 1 / (1 - f[0])
    for j in range(1, gap):
        i = np.arange(1, min(j, len(f) - 1) + 1)
        m[j] = f[i] @ m[j - i] * m[0]
    periods = float(m.sum())
    start = S - np.arange(gap)
    p = m / periods
    after = float(p @ start)
    end = start[:, None] - d[None, :]
    on_hand, short = float(p @ np.maximum(end, 0) @ f), float(p @ np.maximum(-end, 0) @ f)
    return Reviewed(after, after - mean, on_hand, short, float(p @ (end < 0) @ f), 1 / periods, mean * periods)
