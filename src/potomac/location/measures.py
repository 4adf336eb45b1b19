"""How good sites are for a person, by objective, and the interchange that betters them on a matrix of travel times.

All measures are per person, so that they compare across scenarios and numbers of sites, and less is better:

    minisum       mean of the travel time to the nearest site, minutes
    minimax       the longest travel time of anybody, minutes
    quantile      minutes within which a share of all people is
    max_coverage  share of people beyond the radius
    attendance    share of people who stay at home, 1 - 2^(-t / h) of those t minutes away
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError
from potomac.location.question import Problem
from potomac.stats.compiled import compiled

__all__ = ["Measure", "betters", "measure_of", "opened_one_by_one", "singles", "value"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TIME, STAY, BEYOND = 0, 1, 2

FAR = 1e7
"""Minutes that stand for no way at all: 19 years."""


@dataclass(frozen=True)
class Measure:
    """What is made small.

    Attributes:
        name: the objective.
        unit: of the measure.
        kind: what a travel time costs: itself, the share that stays at home, or 1 beyond a radius.
        scale: half-life or radius, minutes.
        share: of people who count: a mean (None), or the quantile of that share; 1 for the longest time.
    """

    name: str
    unit: str
    kind: int = TIME
    scale: float = 1.0
    share: float | None = None


def measure_of(problem: Problem) -> Measure:
    """The measure of a problem; set covering and fixed charges are measured by coverage and by mean minutes.

    Raises:
        StudyError: it needs a radius and has none.
    """
    name = problem.objective
    if name in ("max_coverage", "set_cover"):
        if problem.service_radius is None:
            said = f"{name} needs a radius"
            raise StudyError(Fault("location.radius-missing", said, "", "Add service_radius = 15, in minutes",
                                   key="service_radius"))  # fmt: skip
        return Measure(name, "share of people", BEYOND, float(problem.service_radius))
    if name == "attendance":
        return Measure(name, "share of people", STAY, problem.half_life)
    if name == "minimax":
        return Measure(name, "min", share=1.0)
    if name == "quantile":
        return Measure(name, "min", share=problem.share)
    return Measure(name, "min")


@compiled(nogil=True)
def _cost(t: float, kind: int, scale: float) -> Any:
    if kind == 0:
        return min(t, 1e7)
    if kind == 1:
        return 1.0 - 2.0 ** (-t / scale)
    return 1.0 if t > scale else 0.0


@compiled(nogil=True)
def _means(minutes: Floats, w: Floats, kind: int, scale: float) -> Floats:
    """Of each column, summed in the order of rows."""
    out = np.zeros(minutes.shape[1])
    for i in range(len(w)):
        if w[i] > 0.0:
            for j in range(len(out)):
                out[j] += w[i] * _cost(minutes[i, j], kind, scale)
    out /= w.sum()
    return out


def _quantiles(minutes: Floats, w: Floats, share: float) -> Floats:
    """Of each column: the least minutes within which the share of the weight is."""
    some = w > 0
    t, mine = minutes[some], w[some]
    if share >= 1:
        return np.asarray(np.minimum(t.max(axis=0), FAR))
    order = np.argsort(t, axis=0, kind="stable")
    within = np.cumsum(mine[order], axis=0)
    target = share * mine.sum() * (1 - 1e-12)
    last = np.minimum((within < target).sum(axis=0), len(t) - 1)
    at = np.take_along_axis(order, last[None], axis=0)
    return np.asarray(np.minimum(np.take_along_axis(t, at, axis=0)[0], FAR))


def singles(minutes: Floats, w: Floats, measure: Measure) -> Floats:
    """The measure of each column as the only site, shape (m,)."""
    if measure.share is None:
        return np.asarray(_means(minutes, w, measure.kind, measure.scale))
    return _quantiles(minutes, w, measure.share)


def value(minutes: Floats, w: Floats, sites: Ints, measure: Measure) -> float:
    """The measure of some sites, everyone at the nearest."""
    return float(singles(minutes[:, sites].min(axis=1)[:, None], w, measure)[0])


def opened_one_by_one(minutes: Floats, w: Floats, measure: Measure, fixed: Ints, free: Ints, p: int) -> Ints:
    """Beside the fixed sites open the one that helps the most, until p are; the smallest number among equals."""
    sites = fixed.tolist()
    near = minutes[:, fixed].min(axis=1) if len(fixed) else np.full(len(w), np.inf)
    for _ in range(p - len(sites)):
        j = int(free[_most_helpful(minutes, near, w, measure, free)])
        sites.append(j)
        free = free[free != j]
        near = np.minimum(near, minutes[:, j])
    return np.sort(np.array(sites, dtype=np.int64))


def betters(minutes: Floats, w: Floats, measure: Measure, sites: Ints, fixed: Ints, free: Ints) -> Ints:
    """Swap a site for another as long as that lowers the measure by more than rounding; ascending.

    A mean goes down by the first swap that betters it (Whitaker 1983); a quantile by the first that leaves less weight
    beyond the present one than may be left.
    """
    toll = np.ascontiguousarray(minutes.T)
    open_, locked = np.array(sites, dtype=np.int64), np.isin(sites, fixed)
    closed = np.ones(minutes.shape[1], bool)
    closed[free] = False
    if measure.share is None:
        _swapped_means(toll, w, measure.kind, measure.scale, open_, locked, closed)
        return np.sort(open_)
    some = w > 0
    toll, mine = np.ascontiguousarray(toll[:, some]), w[some]
    left = (1 - min(measure.share, 1.0)) * float(mine.sum()) * (1 + 1e-12)
    while True:
        now = value(minutes, w, open_, measure)
        if not _swapped_quantile(toll, mine, now * (1 - 1e-12), left, open_, locked, closed):
            return np.sort(open_)


def _most_helpful(minutes: Floats, near: Floats, w: Floats, measure: Measure, free: Ints) -> int:
    """Which of ``free`` is best beside sites that are ``near`` minutes away; the first of equals."""
    if measure.share is None:
        return int(_means_with(minutes, near, free, w, measure.kind, measure.scale).argmin())
    some = w > 0
    target = min(measure.share, 1.0) * float(w.sum()) * (1 - 1e-12)
    return int(_least_quantile(np.ascontiguousarray(minutes[some].T), near[some], w[some], target, free))


@compiled(nogil=True)
def _means_with(minutes: Floats, near: Floats, free: Ints, w: Floats, kind: int, scale: float) -> Floats:
    out = np.zeros(len(free))
    for i in range(len(w)):
        if w[i] > 0.0:
            for k in range(len(free)):
                out[k] += w[i] * _cost(min(near[i], minutes[i, free[k]]), kind, scale)
    return out


@compiled(nogil=True)
def _least_quantile(toll: Floats, near: Floats, w: Floats, target: float, free: Ints) -> int:
    """A candidate is sorted only where it has the target within less than the best before."""
    best, least = 0, np.inf
    for k in range(len(free)):
        t = np.minimum(toll[free[k]], near)
        within = 0.0
        for i in range(len(w)):
            if t[i] < least:
                within += w[i]
        if within >= target:
            order = np.argsort(t)
            within = 0.0
            for i in order:
                within += w[i]
                if within >= target:
                    least = t[i]
                    break
            best = k
    return best


@compiled(nogil=True)
def _swapped_means(
    toll: Floats, w: Floats, kind: int, scale: float, sites: Any, locked: Bools, closed: Bools
) -> None:  # fmt: skip
    """First-improvement interchange of a weighted mean; ``sites`` is changed in place."""
    m, n, p = toll.shape[0], toll.shape[1], len(sites)
    cost = np.empty((m, n))
    for j in range(m):
        for i in range(n):
            cost[j, i] = w[i] * _cost(toll[j, i], kind, scale) if w[i] > 0.0 else 0.0
    first, second, near = np.empty(n), np.empty(n), np.empty(n, np.int64)
    extra = np.empty(p)
    slot = np.full(m, -1)
    for t in range(p):
        slot[sites[t]] = t
    loss = np.empty(p)
    total = _two_nearest(cost, sites, first, second, near, loss)
    stale, j = 0, 0
    while stale < m:
        if slot[j] < 0 and not closed[j]:
            gain = 0.0
            extra[:] = 0.0
            for i in range(n):
                c = cost[j, i]
                if c < first[i]:
                    gain += first[i] - c
                    extra[near[i]] += second[i] - first[i]
                elif c < second[i]:
                    extra[near[i]] += second[i] - c
            best, out = np.inf, -1
            for t in range(p):
                if not locked[t] and loss[t] - extra[t] < best:
                    best, out = loss[t] - extra[t], t
            if out >= 0 and best - gain < -1e-12 * total:
                slot[sites[out]], slot[j] = -1, out
                sites[out] = j
                total = _two_nearest(cost, sites, first, second, near, loss)
                stale = 0
        stale += 1
        j = (j + 1) % m


@compiled(nogil=True)
def _two_nearest(cost: Floats, sites: Ints, first: Floats, second: Floats, near: Any, loss: Floats) -> float:
    """Set the costs of the two nearest sites, which is nearest, and what closing each would cost; the total."""
    top, total = 0.0, 0.0
    for j in sites:
        for i in range(len(first)):
            top = max(top, cost[j, i])
    loss[:] = 0.0
    for i in range(len(first)):
        a, b, at = np.inf, np.inf, -1
        for t in range(len(sites)):
            c = cost[sites[t], i]
            if c < a:
                b = a
                a, at = c, t
            elif c < b:
                b = c
        first[i], second[i], near[i] = a, b if b < np.inf else 4.0 * top + 1.0, at
        total += a
        loss[at] += second[i] - a
    return total


@compiled(nogil=True)
def _swapped_quantile(
    toll: Floats, w: Floats, below: float, left: float, sites: Any, locked: Bools, closed: Bools
) -> bool:  # fmt: skip
    """Make the first swap that leaves at most ``left`` of the weight at ``below`` minutes or more; whether one did."""
    m, n, p = toll.shape[0], toll.shape[1], len(sites)
    rest = np.empty(n)
    open_ = np.zeros(m, np.bool_)
    for t in range(p):
        open_[sites[t]] = True
    for t in range(p):
        if locked[t]:
            continue
        rest[:] = np.inf
        for other in range(p):
            if other != t:
                for i in range(n):
                    rest[i] = min(rest[i], toll[sites[other], i])
        for j in range(m):
            if open_[j] or closed[j]:
                continue
            beyond = 0.0
            for i in range(n):
                if min(rest[i], toll[j, i]) >= below:
                    beyond += w[i]
                    if beyond > left:
                        break
            if beyond <= left:
                sites[t] = j
                return True
    return False
