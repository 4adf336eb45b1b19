"""p-median: the sites to which demand points are nearest on the whole, with a bound and, where it closes, a proof.

Sampled greedy starts and interchange give an answer; an iterated search betters it while a Lagrangian raises the bound
and fixes sites; branch and bound closes what is left.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import listing
from potomac.location.asked import Asked, asked, effort, one_number, placed
from potomac.location.highs import Clock
from potomac.location.placement import Placement, Ties, indices, infeasible
from potomac.location.pmedian.costs import MATRIX, Nearby, Source, assigned, between, dense, source_of
from potomac.location.pmedian.ladder import SMALL, Ladder
from potomac.location.ties import sought
from potomac.stats.compiled import compiled

__all__ = ["p_median"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LARGE = 100_000_000
"""Pairs of points above which groups of demand points stand for them at first."""

CROWDED = 16_000_000, 2_000_000
"""The same where sites are few, whose lists are long: pairs, and pairs a site."""

DENSE = 25_000_000
"""Pairs up to which it is looked for a placement that serves everyone by radius."""


def p_median(
    cost: npt.ArrayLike | Nearby, p: int, weights: npt.ArrayLike | None = None, fixed: Iterable[int] = (),
    time_limit: float = 60.0, *, forbidden: Iterable[int] = (), service_radius: float | None = None,
    start: Iterable[int] = (), gap: float = 0.0, seed: int = 0, progress: Progress | None = None,
) -> Placement:  # fmt: skip
    """Place p sites so that the weighted sum of the costs of the demand points, each from its nearest, is the least.

    Args:
        cost: of serving each demand point from each candidate, shape (n, m), infinite where it cannot; or ``Nearby``,
            points whose distances are the costs.
        p: sites in all, the fixed ones included.
        weights: of the demand points, shape (n,); a demand point of weight 0 need not be served.
        fixed: candidates that are sites already.
        forbidden: candidates that may not be sites.
        service_radius: what costs more than this cannot serve.
        start: sites to begin with, e.g. those of an answer for another p; too few are completed, the best first.
        time_limit: seconds; the best found until then is returned with its bound.
        gap: relative gap at which to stop.
        seed: of the draws; the same gives the same answer unless time runs out.
        progress: told what is done.

    Raises:
        DataError: costs, points or weights are no such numbers.
        StudyError: p, fixed, forbidden or start make no sense.
        NoAnswer: p sites cannot serve every demand point; the message says which are out of reach, or within which
            radius they could.
    """
    may = effort(time_limit, gap, seed, progress)
    if service_radius is not None:
        service_radius = one_number(service_radius, "service_radius", infinite=True)
    source, n, m = source_of(cost, weights, service_radius)
    ask = asked(m, p, fixed, forbidden, counted=True)
    allowed = np.zeros(m, bool)
    allowed[ask.allowed] = True
    _within_reach(source, ask)
    search = Ladder(source, ask, allowed, may.clock, may.gap, may.seed)
    search.begun_with(indices(start, m, "start"))
    if ask.more == 0:
        search.offer(ask.fixed)
        bound = search.met.objective
    elif ask.more == 1 and n * len(ask.free) <= 2e8:
        bound = search.every_one()
    elif source.kind != MATRIX and not np.isfinite(source.radius) and _large(n * len(ask.allowed), search.p):
        bound = search.large()
    else:
        bound = search.run()
    if not search.served:
        search.begun_with(_serving(source, ask, search, may.clock, may.seed))
        bound = search.run()
    ties: Ties = "met"
    if n * m <= SMALL and not may.clock.over():
        ties = sought(search.met, bound, ask, dense(source))
    who, _ = assigned(source._replace(weight=np.ones(n)), search.met.sites)
    return placed(search.met, who, bound, gap=may.gap, ties=ties)


def _large(pairs: int, p: int) -> bool:
    """Whether groups of demand points stand for them at first."""
    return pairs > LARGE or (pairs > CROWDED[0] and pairs > CROWDED[1] * p)


def _within_reach(source: Source, ask: Asked) -> None:
    """Every demand point has a candidate that can serve it."""
    if source.kind != MATRIX and not np.isfinite(source.radius):
        return
    lost = np.flatnonzero(_lost(source, ask.allowed))
    if len(lost):
        said = f"no candidate reaches demand point {listing(map(int, lost), 5)}"
        if np.isfinite(source.radius):
            nearest = _nearest_costs(source._replace(radius=np.inf), ask.allowed, lost)
            if np.isfinite(nearest.max()):
                said += f" within {source.radius:g}; the nearest is up to {nearest.max():g} away"
        raise infeasible(said, "Give them weight 0, or add candidates that reach them", key="service_radius")


@compiled(nogil=True)
def _lost(source: Source, sites: Ints) -> Bools:
    out = np.zeros(len(source.weight), np.bool_)
    for i in range(len(out)):
        out[i] = True
        for j in sites:
            if between(source, i, j) < np.inf:
                out[i] = False
                break
    return out


def _nearest_costs(source: Source, sites: Ints, rows: Ints) -> Floats:
    """Cost, without weight, of the nearest of ``sites`` for some demand points."""
    n = len(source.weight)
    one = np.zeros(n)
    one[rows] = 1.0
    _, what = assigned(source._replace(weight=one), sites)
    return np.asarray(what[rows], dtype=np.float64)


def _serving(source: Source, ask: Asked, search: Ladder, clock: Clock, seed: int) -> Ints:
    """Sites that serve every demand point, where the search met none.

    Raises:
        NoAnswer: there are none, or none was found in time; the message says what is out of reach.
    """
    from potomac.location.center import p_center

    lost = np.flatnonzero(~np.isfinite(assigned(source, search.met.sites)[1]))
    said, reach = f"p = {ask.p} sites cannot reach every demand point", ""
    n, m = len(source.weight), len(search.allowed)
    if n * m <= DENSE:
        needs = (source.weight > 0).astype(float)
        costs = dense(source._replace(radius=np.inf, weight=np.ones(n)))
        barred = np.setdiff1d(np.arange(m), ask.allowed)
        best = p_center(
            costs, ask.p or 1, needs, ask.fixed, forbidden=barred, time_limit=max(clock.left(), 5.0), seed=seed
        )
        if best.objective <= source.radius:
            return best.sites
        if best.bound <= source.radius:
            said = f"no {ask.p} sites that reach every demand point were found in time"
        reach = f" within {source.radius:g}; the smallest radius that they can is {best.bound:g}"
        if not best.proven:
            reach += f" to {best.objective:g}"
    said += f"{reach}; out of reach of the best found: demand point {listing(map(int, lost), 5)}"
    raise infeasible(said, "Raise p or service_radius", key="p")
