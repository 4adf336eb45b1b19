"""Lagrangian bound of a large p-median of points, without a list or a matrix of pairs.

Every demand point i pays a price u_i a unit of weight, and for each candidate j

    rho_j = sum_i w_i min(0, d_ij - u_i),   L(u) = sum_i w_i u_i + the sum of the p least rho,

is no more than any answer (``lagrangian`` has it for lists). Pairs farther apart than the price count nothing, so that
leaves of points farther apart are passed over. The p least of very many candidates lie in a few heaps of neighbours:
prices are raised along the gradient of a sum in which all candidates near the least share (Nesterov 2005, Smooth
minimization of non-smooth functions), with steps to the goal (Polyak 1969); L itself is not smoothed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.location.pmedian.costs import SPHERE, Source
from potomac.location.pmedian.leaves import leaves_of
from potomac.stats.compiled import compiled

__all__ = ["Ascent", "Prices"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEAF = 48
"""Points a leaf."""

SLABS = 16
"""Parts whose sums are added in order, so that the number of threads changes nothing."""

SPREAD = 0.05
"""Candidates share where their rho differ by less than this part of what is missing to the goal, a site."""

MEMORY = 0.9
"""Weight of the last direction in the next."""

_compiled = compiled(nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})


class Prices:
    """Points and candidates in leaves, and the sums over pairs that are nearer than the price.

    Args:
        source: points, candidates and weights; its kind is PLANE or SPHERE.
        fixed: candidates that are sites already, ascending.
        free: candidates that may become sites, ascending.
        p: sites in all.
        pool: the threads.
    """

    def __init__(self, source: Source, fixed: Ints, free: Ints, p: int, pool: ThreadPoolExecutor) -> None:
        self.sphere, self.scale, self.pool = source.kind == SPHERE, source.scale, pool
        self.rows = leaves_of(source.rows, LEAF)
        self.weight = source.weight[self.rows.order]
        self._candidates(source.columns, fixed, free, p)
        ends = np.linspace(0, len(self.rows.start) - 1, SLABS + 1).astype(np.int64)
        self.slabs = [(a, b) for a, b in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True) if a < b]

    def among(self, places: Floats, fixed: Ints, free: Ints, p: int) -> Prices:
        """The same demand points and other candidates; ``places`` of them all."""
        other = copy(self)
        other._candidates(places, fixed, free, p)
        return other

    def _candidates(self, places: Floats, fixed: Ints, free: Ints, p: int) -> None:
        names = np.concatenate([fixed, free])
        self.columns = leaves_of(places[names], LEAF)
        self.held = self.columns.order < len(fixed)
        self.more = p - len(fixed)

    def rho(self, price: Floats) -> Floats:
        """Of each candidate in the order of leaves, shape (m,); prices in the order of leaves."""
        sums = _sphere_rho if self.sphere else _plane_rho

        def part(slab: tuple[int, int]) -> Floats:
            out = np.zeros(self.columns.places.shape[1])
            sums(self.rows, self.weight, price, self.columns, slab[0], slab[1], out)
            return out

        return np.asarray(np.add.reduce(list(self.pool.map(part, self.slabs))), dtype=np.float64)

    def served(self, price: Floats, share: Floats) -> Floats:
        """Shares of candidates nearer than the price, summed for each point, shape (n,)."""
        some = share > 0
        start = np.append(0, np.cumsum(some))[self.columns.start]
        few = self.columns._replace(places=np.ascontiguousarray(self.columns.places[:, some]), start=start)
        part, out = share[some], np.zeros(len(price))
        list(
            self.pool.map(
                lambda slab: _served(self.rows, self.weight, price, few, part, self.sphere, slab[0], slab[1], out),
                self.slabs,
            )
        )
        return out

    def value(self, price: Floats, rho: Floats) -> float:
        """The bound L, in units of the points."""
        free = rho[~self.held]
        least = float(np.partition(free, self.more - 1)[: self.more].sum()) if self.more else 0.0
        return float(self.weight @ price) + float(rho[self.held].sum()) + least

    def shared(self, rho: Floats, spread: float) -> Floats:
        """How far each candidate is a site where those whose rho differ by about ``spread`` share: p in all."""
        share = self.held.astype(np.float64)
        free = ~self.held
        if self.more:
            share[free] = _logistic(rho[free], self.more, spread)
        return share


def _logistic(rho: Floats, more: int, spread: float) -> Floats:
    """1 / (1 + exp((rho - level) / spread)), the level so that the sum is ``more``."""
    if more >= len(rho):
        return np.ones(len(rho))
    edge = np.partition(rho, more)
    low, high = float(edge[:more].max()) - 40 * spread, float(edge[more]) + 40 * spread
    near = rho < high
    close, few = rho[near], np.zeros(0)
    for _ in range(60):
        level = 0.5 * (low + high)
        few = 1.0 / (1.0 + np.exp(np.clip((close - level) / spread, -40, 40)))
        if few.sum() > more:
            high = level
        else:
            low = level
    few[few < 1e-3] = 0.0
    share = np.zeros(len(rho))
    share[near] = few * (more / few.sum())
    return share


@dataclass
class Ascent:
    """Prices on their way up.

    Attributes:
        prices: the sums.
        price: the best so far, in the order of leaves, (n,).
        bound: L of them, in units of cost.
        theta: length of a step as a share of that to the goal.
        steps: made so far.
    """

    prices: Prices
    price: Floats
    bound: float = -np.inf
    theta: float = 1.0
    steps: int = 0
    _now: Floats | None = None
    _way: Floats | None = None
    _stale: int = 0

    def climb(
        self, best: float, goal: float, rounds: int, patience: int, more: Callable[[], bool], shortest: float = 1e-3
    ) -> float:
        """Raise the bound towards ``best``, an objective that is known; stop at ``goal``. The bound.

        A second call goes on where the first stopped.

        Args:
            best: the objective of some answer.
            goal: bound that is enough.
            rounds: most steps.
            patience: steps without a better bound after which they are halved.
            more: asked before each step whether there is time.
            shortest: share of the step to the goal at which to end.
        """
        prices, scale = self.prices, self.prices.scale
        now = self.price.copy() if self._now is None else self._now
        way = np.zeros(len(now)) if self._way is None else self._way
        stale = self._stale
        total = float(prices.weight.sum())
        for _ in range(rounds):
            if not more() or self.theta < shortest:
                break
            self.steps += 1
            rho = prices.rho(now)
            value = prices.value(now, rho) * scale
            value -= 1e-11 * abs(value)  # rounding of the sums
            if value > self.bound:
                stale = stale if value < self.bound + 1e-5 * abs(value) else 0
                self.bound, self.price = value, now.copy()
                if value >= goal:
                    break
            else:
                stale += 1
            if stale >= patience:
                stale, self.theta = 0, 0.5 * self.theta
                now, way[:] = self.price.copy(), 0.0
                continue
            gap = max(best - value, 1e-6 * abs(best)) / scale
            spread = max(SPREAD * gap / max(1, prices.more), 1e-12 * total)
            slope = 1.0 - prices.served(now, prices.shared(rho, spread))
            way = slope + MEMORY * way
            length = self.theta * gap / max(float(prices.weight @ (way * way)), 1e-300)
            now = np.maximum(now + length * way, 0.0)
        self._now, self._way, self._stale = now, way, stale
        return self.bound


@_compiled
def _apart(low: Floats, high: Floats, other_low: Floats, other_high: Floats) -> float:
    """The square of the distance between two boxes."""
    square = 0.0
    for a in range(len(low)):
        d = max(other_low[a] - high[a], low[a] - other_high[a], 0.0)
        square += d * d
    return square


@_compiled
def _from_box(places: Floats, i: int, low: Floats, high: Floats) -> float:
    """The square of the distance of point i from a box."""
    square = 0.0
    for a in range(len(low)):
        d = max(low[a] - places[a, i], places[a, i] - high[a], 0.0)
        square += d * d
    return square


@_compiled
def _plane_rho(rows: Any, weight: Floats, price: Floats, columns: Any, first: int, last: int, out: Floats) -> None:
    """Add rho of the demand points of the leaves from ``first`` to ``last``."""
    x, y, u, v = rows.places[0], rows.places[1], columns.places[0], columns.places[1]
    for leaf in range(first, last):
        begin, end = rows.start[leaf], rows.start[leaf + 1]
        most = price[begin:end].max()
        for box in range(len(columns.start) - 1):
            if _apart(rows.low[leaf], rows.high[leaf], columns.low[box], columns.high[box]) >= most * most:
                continue
            a, b = columns.start[box], columns.start[box + 1]
            for i in range(begin, end):
                limit, w = price[i], weight[i]
                if _from_box(rows.places, i, columns.low[box], columns.high[box]) >= limit * limit:
                    continue
                for k in range(a, b):
                    p, q = x[i] - u[k], y[i] - v[k]
                    out[k] += w * min(np.sqrt(p * p + q * q) - limit, 0.0)


@_compiled
def _arc(square: float) -> float:
    """The arc over a chord whose square is given, from below: all terms of the series of 2 asin(c / 2) are positive."""
    s = square
    return float(
        np.sqrt(s)
        * (
            1.0
            + s
            * (1 / 24 + s * (3 / 640 + s * (5 / 7168 + s * (35 / 294912 + s * (63 / 2883584 + s * 231 / 54525952)))))
        )
    )


@_compiled
def _sphere_rho(rows: Any, weight: Floats, price: Floats, columns: Any, first: int, last: int, out: Floats) -> None:
    """The same on the unit sphere; a chord is no longer than its arc, so that boxes are passed over rightly."""
    x, y, z = rows.places[0], rows.places[1], rows.places[2]
    u, v, t = columns.places[0], columns.places[1], columns.places[2]
    for leaf in range(first, last):
        begin, end = rows.start[leaf], rows.start[leaf + 1]
        most = price[begin:end].max()
        for box in range(len(columns.start) - 1):
            if _apart(rows.low[leaf], rows.high[leaf], columns.low[box], columns.high[box]) >= most * most:
                continue
            a, b = columns.start[box], columns.start[box + 1]
            for i in range(begin, end):
                limit, w = price[i], weight[i]
                if _from_box(rows.places, i, columns.low[box], columns.high[box]) >= limit * limit:
                    continue
                for k in range(a, b):
                    p, q, r = x[i] - u[k], y[i] - v[k], z[i] - t[k]
                    out[k] += w * min(_arc(p * p + q * q + r * r) - limit, 0.0)


@_compiled
def _served(
    rows: Any, weight: Floats, price: Floats, columns: Any, share: Floats, sphere: bool, first: int, last: int,
    out: Floats,
) -> None:  # fmt: skip
    """Set the shares nearer than the price for the demand points of the leaves from ``first`` to ``last``."""
    axes = len(rows.places)
    for leaf in range(first, last):
        begin, end = rows.start[leaf], rows.start[leaf + 1]
        most = price[begin:end].max()
        for box in range(len(columns.start) - 1):
            a, b = columns.start[box], columns.start[box + 1]
            if a == b or _apart(rows.low[leaf], rows.high[leaf], columns.low[box], columns.high[box]) >= most * most:
                continue
            for i in range(begin, end):
                limit = price[i]
                if _from_box(rows.places, i, columns.low[box], columns.high[box]) >= limit * limit:
                    continue
                if sphere:
                    limit = 2.0 * np.sin(0.5 * min(limit, np.pi))
                limit *= limit
                sum_ = 0.0
                for k in range(a, b):
                    square = 0.0
                    for axis in range(axes):
                        d = rows.places[axis, i] - columns.places[axis, k]
                        square += d * d
                    sum_ += share[k] if square < limit else 0.0
                out[i] += sum_
