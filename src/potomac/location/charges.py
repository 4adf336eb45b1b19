"""The fixed-charge problem: as many sites as pay for themselves, each of which costs something to open.

Balinski 1965; Erlenkotter 1978, A dual-based procedure for uncapacitated facility location; Beasley 1988, An algorithm
for solving large capacitated warehouse location problems.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import Fault, StudyError
from potomac.location.asked import asked, effort, given, placed
from potomac.location.facility.problem import facilities
from potomac.location.facility.search import best_facilities
from potomac.location.placement import Placement, checked_cost

__all__ = ["fixed_charge"]


def fixed_charge(
    cost: npt.ArrayLike, opening: npt.ArrayLike, weights: npt.ArrayLike | None = None, *,
    demand: npt.ArrayLike | None = None, capacity: npt.ArrayLike | None = None, p: int | None = None,
    single_source: bool = True, fixed: Iterable[int] = (), forbidden: Iterable[int] = (), time_limit: float = 60.0,
    gap: float = 0.0, seed: int = 0, progress: Progress | None = None,
) -> Placement:  # fmt: skip
    """Place sites so that what they cost and the weighted costs of serving every demand point are the least in sum.

    Args:
        cost: of serving each demand point in full from each candidate, shape (n, m), infinite where it cannot.
        opening: what each candidate costs as a site, in the unit of cost times weight, shape (m,) or one for all.
        weights: of the demand points, shape (n,); default 1. Where weight and demand are both 0, a demand point need
            not be served.
        demand: what each demand point takes of the capacity of its sites, shape (n,); needed with ``capacity``.
        capacity: how much each candidate serves at most, infinite where there is no limit, shape (m,) or one for all;
            default no limit.
        p: how many sites, the fixed ones included; default as many as are best.
        single_source: whether each demand point is served by one site alone; otherwise several may share its demand,
            and ``cost`` is shared in proportion.
        fixed: candidates that are sites already; what they cost counts.
        forbidden: candidates that may not be sites.
        time_limit: seconds; the best found until then is returned with its bound.
        gap: relative gap at which to stop.
        seed: of the draws; the same gives the same answer unless time runs out.
        progress: told what is done.

    Returns:
        Where sites share demand points, ``assignment`` names the site that serves most of each, and ``shares`` has all.

    Raises:
        DataError: costs, opening, weights, demand or capacity are no such numbers.
        StudyError: p, fixed or forbidden make no sense, or capacity comes without demand.
        NoAnswer: the sites cannot serve every demand point; the message says how much capacity is missing where that
            can be said, or that all ways were ruled out.
    """
    if capacity is not None and demand is None:
        raise StudyError(Fault("location.problem", "capacity comes without demand", "expected both", key="demand"))
    given(opening, "opening", "expected a number for each candidate")
    may = effort(time_limit, gap, seed, progress)
    ask = asked(checked_cost(cost).shape[1], p, fixed, forbidden)
    f = facilities(cost, weights, demand, capacity, opening, ask, single_source)
    found = best_facilities(f, may.clock, may.gap, may.seed)
    answer = placed(found.met, found.assignment, found.bound, gap=may.gap, notes=found.notes, ties=found.ties)
    return answer if found.shares is None else replace(answer, shares=found.shares)
