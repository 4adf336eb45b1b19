"""The best answer for each number of sites, by the objective that is asked: what one more brings, and to whom.

The frontier of :mod:`potomac.location.frontier` weighs the mean against the longest time. Here one objective is taken
as it is, with its limits: coverage, attendance, a quantile, capacities, a radius, opening costs, sites anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.errors import NoAnswer
from potomac.location.frontier import NEAR, Aim, Frontier, Row, marginals
from potomac.location.outcome import weighted_quantile
from potomac.location.placement import Placement
from potomac.location.question import Problem, Solver

__all__ = ["SHARES", "Answer", "Numbered", "answer_of", "how_many"]

Floats = npt.NDArray[np.float64]


class Answer(NamedTuple):
    """An answer for a number of sites.

    Attributes:
        placement: the sites, their objective and bound.
        minutes: of each part of the demand, infinite where there is no way, shape (k,).
        weight: of each part, shape (k,).
        names: of the sites, as one text.
    """

    placement: Placement
    minutes: Floats
    weight: Floats
    names: str = ""


Solved = Callable[[int, Solver], Answer]

SHARES = ("max_coverage", "attendance", "market_share")
"""Objectives that count people."""


class Numbered(NamedTuple):
    """The frontier, and the names of the sites of each row."""

    frontier: Frontier
    names: tuple[str, ...]


def answer_of(placement: Placement, to_sites: Floats, weight: Floats, *, nearest: bool, names: str = "") -> Answer:
    """How far people have to the sites of a placement.

    Args:
        placement: the sites, and whom each serves.
        to_sites: minutes to each of them, shape (n, p).
        weight: shape (n,).
        nearest: whether everyone goes to the nearest site, and not to that which has room.
        names: of the sites.
    """
    if nearest:
        return Answer(placement, to_sites.min(axis=1), weight, names)
    if placement.shares is not None:
        point, site = np.nonzero(placement.shares > 0)
        return Answer(placement, to_sites[point, site], weight[point] * placement.shares[point, site], names)
    served = placement.assignment >= 0
    at = np.searchsorted(placement.sites, placement.assignment[served])
    minutes = np.full(len(weight), np.inf)
    minutes[served] = to_sites[served, at]
    return Answer(placement, minutes, weight, names)


def how_many(
    solved: Solved, ps: Iterable[int], problem: Problem, solvers: Mapping[int, Solver], whole: float,
    known: Mapping[int, Answer],
) -> Numbered:  # fmt: skip
    """Solve a problem for each number of sites.

    Args:
        solved: the answer for a number of sites within limits of time and gap.
        ps: numbers of sites.
        problem: what is asked.
        solvers: the limits for each number.
        whole: weight of all demand, of whom shares are told.
        known: answers that are there already.

    Raises:
        NoAnswer: none of the numbers has an answer.
    """
    found: dict[int, Answer] = {}
    notes: list[str] = []
    last: NoAnswer | None = None
    for p in sorted(set(ps)):
        try:
            found[p] = known[p] if p in known else solved(p, solvers[p])
        except NoAnswer as error:
            last = error
            notes.append(f"p = {p} is left out: {error.faults[0].found}")
    if not found and last is not None:
        raise last
    more, monotone = problem.objective in SHARES, problem.objective != "fixed_charge"
    rows = [_row(p, one, problem, whole) for p, one in found.items()]
    rows = _marked(_bounded(rows, more) if monotone else rows, more)
    aim: Aim = rows[0].aim
    people = sum(float(one.weight.sum()) for one in found.values()) / len(found)
    gains = marginals(rows, whole if more else people, more=more, monotone=monotone)
    frontier = Frontier(tuple(rows), tuple(gains), problem.service_radius, tuple(notes), aim)
    return Numbered(frontier, tuple(one.names for one in found.values()))


def _row(p: int, one: Answer, problem: Problem, whole: float) -> Row:
    """An answer in figures; who has no way makes mean, quantile and longest time infinite."""
    some = one.weight > 0
    t, w = one.minutes[some], one.weight[some]
    found, kind = one.placement, problem.objective
    scale = whole if kind in SHARES else float(w.sum()) if kind == "minisum" else 1.0
    value, bound = found.objective / scale, found.bound / scale
    radius = problem.service_radius
    return Row(
        p, kind, found.sites,  # type: ignore[arg-type]
        float(w @ t) / float(w.sum()), weighted_quantile(t, w, 0.9), float(t.max()),
        None if radius is None else float(w[t <= radius].sum()) / whole, None,
        bound if kind == "minisum" else None, bound if kind == "minimax" else None, found.proven, found.status,
        objective=value, objective_bound=bound,
    )  # fmt: skip


def _marked(rows: list[Row], more: bool) -> list[Row]:
    """Mark the rows that are no better than one with fewer sites."""
    sign = -1.0 if more else 1.0
    values = np.array([sign * row.value for row in rows])
    before = np.minimum.accumulate(np.append(np.inf, values[:-1]))
    room = NEAR * np.maximum(np.abs(values), 1e-300)
    return [replace(row, efficient=bool(ok)) for row, ok in zip(rows, values < before - room, strict=True)]


def _bounded(rows: list[Row], more: bool) -> list[Row]:
    """What p + 1 sites cannot better, p sites cannot either."""
    best = np.inf if more else -np.inf
    tighter = min if more else max
    out = []
    for row in reversed(rows):
        best = tighter(best, row.bound)
        bound = max(row.value, best) if more else min(row.value, best)
        out.append(
            replace(
                row, objective_bound=bound, mean_bound=bound if row.aim == "minisum" else None,
                worst_bound=bound if row.aim == "minimax" else None,
            )
        )  # fmt: skip
    return out[::-1]
