"""Bounds for sites anywhere, from cells that cover all places: what no travel time to any place of a cell is below.

One site: big squares, small squares (see ``cells``). Several: the cells are the candidates of a p-median whose costs
are those of the nearest place of each, which no sites anywhere are below. Its Lagrangian bound (see
``pmedian.lagrangian``) leaves out cells that no better answer has a site in; those that matter most are cut in four.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

from potomac.geo.distance import EARTH_RADIUS_KM
from potomac.location.cells import Cells, Searched, search, whole
from potomac.location.highs import Clock
from potomac.location.kernels import near_bounds
from potomac.location.looks import in_spans
from potomac.location.places import degrees
from potomac.location.ways import Ways, angles
from potomac.stats.compiled import compiled

__all__ = ["Demand", "covering_cells", "far_apart", "gathered", "lagrangian_bound", "one_site", "worst_bound"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PAIRS = 6_000_000
"""Distances between cells and points that are held at a time."""

LITTLE = 2_000_000
"""Distances that are not worth threads."""

LONG = 3e8
"""Distances after which a search for one site gives what it has: half a minute, about."""

CELLS = 16_000
"""Cells at a time that a bound for several sites holds."""

GROUPS = 2500
"""Groups into which points are gathered, at most."""

FIRST = 300
"""Cells that a bound for several sites begins with."""

STEPS = 200
"""Subgradient steps a round."""

ROUNDS = 12
"""How often cells are cut."""

WORK = 6e9
"""Costs that the subgradient steps look at, in all."""

FEW = 2000
"""Cells at a time by which the longest time is bounded."""

NARROW = 150
"""Demand points, far from one another, by which the longest time is bounded."""


@dataclass(frozen=True)
class Demand:
    """Demand points, or groups of them.

    Attributes:
        ways: from the points.
        weight: shape (n,).
        base: cost of a unit of weight at the sites that are there, infinite without any, shape (n,).
        cost: minutes -> cost of a unit of weight, not decreasing.
        half_life: where the cost is the share that stays at home; None where it is the minutes themselves.
    """

    ways: Ways
    weight: Floats
    base: Floats
    cost: Callable[[Floats], Floats]
    half_life: float | None = None

    def least(self, middles: Floats, radii: Floats) -> Floats:
        """What no cost at a place of the cells is below, shape (n, k)."""
        return np.minimum(self.cost(self.ways.least(middles, radii)), self.base[:, None])


# ---- one site ----------------------------------------------------------------------------------------------------


def one_site(demand: Demand, known: float, tolerance: float, clock: Clock, *, worst: bool = False) -> Searched:
    """The best place for one site beside those that are there.

    Args:
        demand: the demand points.
        known: an objective that is reached.
        tolerance: gap, as a share of the objective, at which to stop.
        clock: where progress is told.
        worst: whether the greatest cost counts, not the weighted sum.
    """
    v, n = demand.ways.vectors, len(demand.weight)
    sharp = demand.ways.rate is not None and not worst
    bounds = _sharp(demand) if sharp else _plain(demand, worst)
    return search(whole("sphere", v), bounds, known, tolerance, n, clock.progress, LONG if sharp else LONG / 3)


def _plain(demand: Demand, worst: bool) -> Callable[[Floats, Floats], tuple[Floats, Floats]]:
    """The objective at the middles of cells, and what it is at least in each: the sum of what each cost is at least."""
    ways, step = demand.ways, max(1, PAIRS // len(demand.weight))

    def total(costs: Floats) -> Floats:
        return np.asarray(costs.max(axis=0) if worst else demand.weight @ costs)

    def bounds(middles: Floats, radii: Floats) -> tuple[Floats, Floats]:
        value, low = np.empty(len(radii)), np.empty(len(radii))
        for start in range(0, len(radii), step):
            part = slice(start, start + step)
            there = np.minimum(demand.cost(ways.minutes(degrees(middles[part]))), demand.base[:, None])
            value[part], low[part] = total(there), total(demand.least(middles[part], radii[part]))
        return value, low

    return bounds


def _sharp(demand: Demand) -> Callable[[Floats, Floats], tuple[Floats, Floats]]:
    """The same by slope and curvature, where time is proportional to distance: its error falls with the cell's area."""
    lines = np.vstack([demand.ways.vectors.T, demand.weight])
    scale = float(demand.ways.rate or 0.0) * EARTH_RADIUS_KM
    if demand.half_life is not None:
        scale *= float(np.log(2)) / demand.half_life

    def bounds(middles: Floats, radii: Floats) -> tuple[Floats, Floats]:
        out = np.empty((len(radii), 2))

        def span(first: int, last: int) -> None:
            near_bounds(lines, demand.base, demand.half_life is not None, scale, middles, radii, first, last, out)

        if len(radii) * len(demand.weight) < LITTLE:
            span(0, len(radii))
        else:
            with ThreadPoolExecutor(get_num_threads()) as threads:
                in_spans(threads, len(radii), span)
        return out[:, 0], out[:, 1]

    return bounds


# ---- several sites -----------------------------------------------------------------------------------------------


def gathered(demand: Demand) -> Demand:
    """Points in at most so many groups, by the cells of a grid; each point its own where they are few."""
    some = demand.weight > 0
    ways, w, base = demand.ways.some(some), demand.weight[some], demand.base[some]
    if len(w) <= GROUPS:
        return Demand(ways, w, base, demand.cost, demand.half_life)
    v = ways.vectors
    cell = np.zeros(len(v), np.int64)
    for side in np.geomspace(1e-6, 2.0, 60):  # the finest grid with few enough cells
        _, cell = np.unique(np.floor(v / side).astype(np.int64), axis=0, return_inverse=True)
        if cell.max() < GROUPS:
            break
    count = int(cell.max()) + 1
    middle = np.stack([np.bincount(cell, w * v[:, k], count) for k in range(3)], axis=1)
    middle = middle / np.sqrt((middle * middle).sum(1, keepdims=True))
    square, dear = np.zeros(count), np.full(count, np.inf)
    np.maximum.at(square, cell, ((v - middle[cell]) ** 2).sum(1))
    np.minimum.at(dear, cell, base)
    slack = EARTH_RADIUS_KM * 2 * np.arcsin(np.minimum(np.sqrt(square) / 2, 1.0)) + 1e-6
    grouped = Ways(ways.model, degrees(middle), ways.departure, slack)
    weight = np.asarray(np.bincount(cell, w, count), np.float64)
    return Demand(grouped, weight, dear, demand.cost, demand.half_life)


def covering_cells(centre: Floats, radius: float, count: int) -> Cells:
    """At least ``count`` cells that cover the cap (angle ``radius``) within which all sites worth a look lie."""
    cells = whole("sphere", np.zeros((1, 3)))
    while len(cells) < count:
        cells = cells.quartered()
        away = angles(cells.places(), centre[None])[:, 0]
        cells = cells.chosen(away <= radius + cells.radii() + 1e-9)
    return cells


def lagrangian_bound(demand: Demand, p: int, cells: Cells, known: float, tolerance: float, clock: Clock) -> float:
    """What no p sites (besides those that are there) are below in the weighted sum of costs.

    Args:
        demand: demand points, not too many.
        p: sites to place.
        cells: which cover all places worth a look.
        known: an objective that is reached.
        tolerance: gap, as a share of the objective, at which to stop.
        clock: where progress is told, and when to stop.
    """
    w, goal, best, spent = demand.weight, max(known * (1 - tolerance), 0.0), 0.0, 0.0
    with np.errstate(invalid="ignore"):
        dear = np.where(w > 0, w * demand.base, 0.0)
    multiplier = np.minimum(np.full(len(w), 2 * known / len(w)), dear)
    for turn in range(ROUNDS):
        clock.tell("bounding sites anywhere", turn / ROUNDS)
        costs = np.ascontiguousarray((w[:, None] * demand.least(cells.places(), cells.radii())).T)
        least, rho = costs.min(axis=0), np.empty(len(cells))
        value, limit = _raised(costs, min(p, len(cells)), multiplier, least, dear, goal, rho, STEPS)
        spent += STEPS * costs.size
        best = max(best, value)
        kept = value + rho - limit < goal
        if best >= goal or not kept.any():
            return goal
        cells, rho = cells.chosen(kept), rho[kept]
        most = min(PAIRS // len(w), CELLS, int((WORK - spent) / STEPS / len(w)))
        room = (most - len(cells)) // 3
        if room < 1 or clock.over():
            break
        order = np.argsort(rho, kind="stable")
        cells = cells.chosen(order[:room]).quartered().joined(cells.chosen(order[room:]))
    return best


@compiled(nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _raised(
    costs: Floats, p: int, multiplier: Floats, least: Floats, dear: Floats, goal: float, rho: Floats, steps: int
) -> tuple[float, float]:  # fmt: skip
    """Raise the Lagrangian bound by subgradient steps from ``multiplier``, which becomes the best met, and so ``rho``.

    Returns:
        The bound, and the greatest rho of the cells that are chosen at it.
    """
    m, n = costs.shape
    now, step, mine = np.empty(n), np.empty(n), np.empty(m)
    for i in range(n):
        now[i] = min(max(multiplier[i], least[i]), dear[i])
    best, limit, theta, stale = -np.inf, 0.0, 1.0, 0
    for _ in range(steps):
        for j in range(m):
            total = 0.0
            for i in range(n):
                total += min(0.0, costs[j, i] - now[i])
            mine[j] = total
        order = np.argsort(mine)[:p]
        value = now.sum() + mine[order].sum()
        if value > best + 1e-6 * abs(value):
            stale = 0
        stale += 1
        if value > best:
            best, limit = value, mine[order[-1]]
            multiplier[:], rho[:] = now, mine
            if best >= goal:
                break
        if stale > 15:
            stale = 0
            theta *= 0.5
            now[:] = multiplier
            if theta < 1e-3:
                break
            continue
        step[:] = 1.0
        for j in order:
            for i in range(n):
                if costs[j, i] < now[i]:
                    step[i] -= 1.0
        square = (step * step).sum()
        if square == 0.0:
            break
        far = theta * (goal - value) / square
        for i in range(n):
            now[i] = min(max(now[i] + far * step[i], least[i]), dear[i])
    return best, limit


# ---- the greatest cost -------------------------------------------------------------------------------------------


def far_apart(vectors: Floats, count: int) -> tuple[Ints, Floats]:
    """Points far from one another, each the furthest from those before (Gonzalez 1985), and how far (angles)."""
    chosen = [int(((vectors - vectors.mean(0)) ** 2).sum(1).argmax())]
    away = angles(vectors, vectors[chosen])[:, 0]
    apart = [np.pi]
    for _ in range(min(count, len(vectors)) - 1):
        chosen.append(int(away.argmax()))
        apart.append(float(away[chosen[-1]]))
        away = np.minimum(away, angles(vectors, vectors[chosen[-1:]])[:, 0])
    return np.array(chosen), np.array(apart)


def worst_bound(demand: Demand, p: int, cells: Cells, known: float, tolerance: float, clock: Clock) -> float:
    """What no p sites (besides those that are there) are below in the greatest cost.

    The cells are the candidates of a p-center of some demand points that are far from one another; those that the
    sites that are there serve well enough do not count.
    """
    from potomac.location.center import p_center

    far, _ = far_apart(demand.ways.vectors, NARROW)
    few = Demand(demand.ways.some(far), demand.weight[far], demand.base[far], demand.cost)
    best = 0.0
    for turn in range(ROUNDS):
        clock.tell("bounding sites anywhere", turn / ROUNDS)
        costs = few.least(cells.places(), cells.radii())
        if clock.over():
            break
        found = p_center(costs, min(p, len(cells)), time_limit=min(10.0, clock.left()), gap=tolerance)
        best = max(best, found.bound)
        radii = float(cells.radii().max()) * EARTH_RADIUS_KM
        if best >= known * (1 - tolerance) or 4 * len(cells) > FEW or radii <= 0:
            break
        cells = cells.quartered()
    return min(best, known)
