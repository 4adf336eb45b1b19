"""A question and travel times -> the placement that answers it, by the solver that it takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import NoAnswer, listing
from potomac.location.placement import Placement, indices
from potomac.location.question import Problem, Solver
from potomac.location.reading import Candidates, Demand

__all__ = ["Task", "of_study", "solve"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Task:
    """Everything a solver needs, as numbers.

    Attributes:
        minutes: of each demand point from each candidate, infinite where it cannot be served, shape (n, m); or the
            implicit costs of a large p-median.
        weights: shape (n,).
        fixed: candidates that are sites already.
        forbidden: candidates that may not be.
        capacity: most weight each candidate serves, or None.
        opening: what each candidate costs, or None.
        seed: of the draws.
        attractiveness: of the candidates, or None.
        rivals: minutes of each demand point from each site of others, shape (n, r), or None.
        rival_attractiveness: of those, or None.
    """

    minutes: Any
    weights: Floats
    fixed: Ints
    forbidden: Ints
    capacity: Floats | None = None
    opening: Floats | None = None
    seed: int = 0
    attractiveness: Floats | None = None
    rivals: Floats | None = None
    rival_attractiveness: Floats | None = None


def of_study(minutes: Any, demand: Demand, candidates: Candidates, seed: int) -> Task:
    """The task of a study's tables, rivals aside."""
    c = candidates
    fixed, forbidden = np.flatnonzero(c.fixed), np.flatnonzero(c.forbidden)
    return Task(minutes, demand.weight, fixed, forbidden, c.capacity, c.cost, seed, c.attractiveness)


def solve(task: Task, problem: Problem, solver: Solver, progress: Progress) -> Placement:
    """The best sites for the task, with their bound.

    Raises:
        StudyError: what is asked does not fit together.
        NoAnswer: nothing fulfils it; the message says why.
    """
    limits: dict[str, Any] = {
        "fixed": indices(task.fixed, _candidates(task), "fixed"), "forbidden": task.forbidden,
        "time_limit": solver.time_limit, "gap": solver.gap, "seed": task.seed, "progress": progress,
    }  # fmt: skip
    try:
        return _SOLVERS[problem.objective](task, problem, limits)
    except NoAnswer as error:
        raise _with_radius(error, task, problem, limits) from None


def _with_radius(error: NoAnswer, task: Task, problem: Problem, limits: dict[str, Any]) -> NoAnswer:
    """The same error; where too few sites are asked for, with the smallest radius within which as many would do."""
    too_few = all(fault.code == "location.infeasible" and fault.key == "p" for fault in error.faults)
    silent = problem.objective in ("minimax", "fixed_charge")  # the p-median says it itself
    if not (too_few and silent and problem.service_radius and problem.p) or task.capacity is not None:
        return error
    try:
        furthest = _minimax(task, replace(problem, service_radius=None), limits)
    except NoAnswer:
        return error  # not for the radius
    near = task.minutes[:, furthest.sites].min(axis=1)
    out = np.flatnonzero((near > problem.service_radius) & (task.weights > 0))
    radius, surely = np.ceil(furthest.objective * 100) / 100, "" if furthest.proven else "about "
    sites = "1 site" if problem.p == 1 else f"{problem.p} sites"
    said = (
        f"; with {sites} the smallest radius is {surely}{radius:.2f} minutes, "
        f"and within {problem.service_radius:g} minutes these leave out demand points {listing(map(int, out), 8)}"
    )
    mend = "Raise p or service_radius, or add candidates that reach them"
    return NoAnswer(replace(fault, found=fault.found + said, mend=mend) for fault in error.faults)


def _candidates(task: Task) -> int:
    return int(task.minutes.shape[1])


def _minisum(task: Task, problem: Problem, limits: dict[str, Any]) -> Placement:
    if task.capacity is not None:
        minutes = _within(task.minutes, problem.service_radius)
        if not problem.single_source:
            from potomac.location.charges import fixed_charge

            return fixed_charge(
                minutes, np.zeros(_candidates(task)), task.weights, demand=task.weights, capacity=task.capacity,
                p=_p(problem), single_source=False, **limits,
            )  # fmt: skip
        from potomac.location.capacitated import capacitated_p_median

        return capacitated_p_median(minutes, _p(problem), task.weights, task.capacity, task.weights, **limits)
    from potomac.location.pmedian.search import p_median

    return p_median(task.minutes, _p(problem), task.weights, service_radius=problem.service_radius, **limits)


def _minimax(task: Task, problem: Problem, limits: dict[str, Any]) -> Placement:
    from potomac.location.center import p_center

    counts = (task.weights > 0).astype(np.float64)  # nobody's minute is longer than another's
    return p_center(_within(task.minutes, problem.service_radius), _p(problem), counts, **limits)


def _quantile(task: Task, problem: Problem, limits: dict[str, Any]) -> Placement:
    from potomac.location.quantile import p_quantile

    return p_quantile(task.minutes, _p(problem), problem.share, task.weights, **limits)


def _max_coverage(task: Task, problem: Problem, limits: dict[str, Any]) -> Placement:
    from potomac.location.covering import max_coverage

    assert problem.service_radius is not None  # noqa: S101 - the study was checked
    return max_coverage(task.minutes, _p(problem), problem.service_radius, task.weights, **limits)


def _set_cover(task: Task, problem: Problem, limits: dict[str, Any]) -> Placement:
    from potomac.location.covering import set_cover

    assert problem.service_radius is not None  # noqa: S101 - the study was checked
    return set_cover(task.minutes, problem.service_radius, task.opening, task.weights, **limits)


def _fixed_charge(task: Task, problem: Problem, limits: dict[str, Any]) -> Placement:
    from potomac.location.charges import fixed_charge

    assert task.opening is not None  # noqa: S101 - the study was checked
    more: dict[str, Any] = {} if task.capacity is None else {"demand": task.weights, "capacity": task.capacity}
    minutes = _within(task.minutes, problem.service_radius)
    return fixed_charge(
        minutes, task.opening, task.weights, p=problem.p, single_source=problem.single_source, **more, **limits
    )


def _attendance(task: Task, problem: Problem, limits: dict[str, Any]) -> Placement:
    from potomac.location.attendance import max_attendance

    return max_attendance(task.minutes, _p(problem), task.weights, half_life=problem.half_life, **limits)


def _market_share(task: Task, problem: Problem, limits: dict[str, Any]) -> Placement:
    from potomac.location.gravity import Decay, max_huff

    return max_huff(
        task.minutes, _p(problem), task.weights, attractiveness=task.attractiveness, rivals=task.rivals,
        decay=Decay(problem.distance_decay), rival_attractiveness=task.rival_attractiveness, staying=problem.staying,
        **limits,
    )  # fmt: skip


_SOLVERS = {
    "minisum": _minisum,
    "minimax": _minimax,
    "quantile": _quantile,
    "max_coverage": _max_coverage,
    "set_cover": _set_cover,
    "fixed_charge": _fixed_charge,
    "attendance": _attendance,
    "market_share": _market_share,
}


def _p(problem: Problem) -> int:
    return problem.p or 1


def _within(minutes: Floats, radius: float | None) -> Floats:
    """Travel times beyond the radius serve nobody."""
    return minutes if radius is None else np.where(minutes <= radius, minutes, np.inf)
