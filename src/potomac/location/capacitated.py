"""Capacitated p-median: p sites of limited size, each demand point served whole by one of them, at the least cost."""

from __future__ import annotations

from collections.abc import Iterable

import numpy.typing as npt

from potomac.engine import Progress
from potomac.location.asked import asked, effort, given, placed
from potomac.location.facility.problem import facilities
from potomac.location.facility.search import best_facilities
from potomac.location.placement import Placement, checked_cost

__all__ = ["capacitated_p_median"]


def capacitated_p_median(
    cost: npt.ArrayLike, p: int, demand: npt.ArrayLike, capacity: npt.ArrayLike, weights: npt.ArrayLike | None = None,
    fixed: Iterable[int] = (), time_limit: float = 60.0, *, forbidden: Iterable[int] = (), gap: float = 0.0,
    seed: int = 0, progress: Progress | None = None,
) -> Placement:  # fmt: skip
    """Place p sites and give each demand point one with room, so that the weighted sum of the costs is the least.

    A Lagrangian whose subproblems are knapsacks gives the bound, rules out sites and pairs, and proposes sites, from
    which demand points are assigned and improved by shifts, swaps and an iterated search (Osman and Christofides 1994;
    Lorena and Senne 2004); what is left is closed exactly by branch and cut.

    Args:
        cost: of serving each demand point from each candidate, shape (n, m), infinite where it cannot.
        p: sites in all, the fixed ones included.
        demand: what each demand point takes of the capacity of its site, shape (n,).
        capacity: how much each candidate serves at most, infinite where there is no limit, shape (m,) or one for all.
        weights: of the demand points, shape (n,); default 1. Where weight and demand are both 0, a demand point need
            not be served.
        fixed: candidates that are sites already.
        forbidden: candidates that may not be sites.
        time_limit: seconds; the best found until then is returned with its bound.
        gap: relative gap at which to stop.
        seed: of the draws; the same gives the same answer unless time runs out.
        progress: told what is done.

    Raises:
        DataError: costs, demand, capacity or weights are no such numbers.
        StudyError: p, fixed or forbidden make no sense.
        NoAnswer: no p sites have room for all demand; the message says how much is missing where that can be said, or
            that all ways were ruled out.
    """
    may = effort(time_limit, gap, seed, progress)
    given(demand, "demand", "expected a number for each demand point")
    given(capacity, "capacity", "expected a number for each candidate")
    ask = asked(checked_cost(cost).shape[1], p, fixed, forbidden, counted=True)
    f = facilities(cost, weights, demand, capacity, None, ask, True)
    found = best_facilities(f, may.clock, may.gap, may.seed)
    return placed(found.met, found.assignment, found.bound, gap=may.gap, notes=found.notes, ties=found.ties)
