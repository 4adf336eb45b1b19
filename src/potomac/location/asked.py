"""What every problem asks at its door besides costs: how many sites, which must be there, which may not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from numbers import Real
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import DataError, Fault, StudyError, listing
from potomac.location.highs import Clock
from potomac.location.placement import (
    Goal,
    Placement,
    Status,
    Ties,
    as_given,
    floats,
    indices,
    infeasible,
    ranked,
    rounding,
    sized,
)

__all__ = [
    "Asked",
    "Effort",
    "Met",
    "asked",
    "effort",
    "every_placement",
    "given",
    "nearest_site",
    "numbers",
    "one_number",
    "placed",
    "whole_number",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEW = 20_000
"""With no more placements than this, all are looked at: every tie is then known; else see the module ties."""

KEPT = 1000
"""Equal placements kept, at most: the first."""

TOLD = 20
"""Equal optima told, at most."""


@dataclass(frozen=True)
class Asked:
    """Sites that are there already, and candidates from which the others are chosen.

    Attributes:
        fixed: ascending, shape (k,).
        free: candidates that are neither fixed nor forbidden, ascending, shape (f,).
        p: how many sites in all; None where any number goes.
    """

    fixed: Ints
    free: Ints
    p: int | None

    @property
    def allowed(self) -> Ints:
        """Fixed and free candidates, ascending."""
        return np.union1d(self.fixed, self.free)

    @property
    def more(self) -> int:
        """How many sites are chosen besides the fixed."""
        return (self.p or 0) - len(self.fixed)


@dataclass(frozen=True)
class Effort:
    """How long a solver may take, and how near is near enough.

    Attributes:
        clock: the time that is left, and where progress is told.
        gap: relative gap at which to stop.
        seed: of the draws.
    """

    clock: Clock
    gap: float
    seed: int


def asked(
    m: int, p: int | None, fixed: Iterable[int] | npt.ArrayLike, forbidden: Iterable[int] | npt.ArrayLike,
    *, counted: bool = False,
) -> Asked:  # fmt: skip
    """Check p, fixed and forbidden against ``m`` candidates; ``counted`` where p may not be left out.

    Raises:
        StudyError: p is no whole number from 1, or a candidate is unknown, or both fixed and forbidden.
        NoAnswer: p is below the number of fixed sites, or above that of the candidates that are not forbidden; or all
            are forbidden.
    """
    kept, barred = indices(fixed, m, "fixed"), indices(forbidden, m, "forbidden")
    both = np.intersect1d(kept, barred)
    if len(both):
        said = f"candidate {listing(map(int, both), 5)} is both fixed and forbidden"
        raise StudyError(Fault("location.problem", said, "expected each in one of the two", key="forbidden"))
    free = np.setdiff1d(np.arange(m), np.union1d(kept, barred))
    if p is not None or counted:
        p = whole_number(p, "p", 1)
    if len(barred) == m:
        said = f"all {m} candidates are forbidden" if m > 1 else "the one candidate is forbidden"
        raise infeasible(said, "Forbid fewer, or add candidates", key="forbidden")
    if p is None:
        return Asked(kept, free, None)
    if p < len(kept):
        said = f"p = {p} is below the number of fixed sites, {len(kept)}: candidate {listing(map(int, kept), 5)}"
        raise infeasible(said, "Raise p or fix fewer", key="p")
    if p > len(kept) + len(free):
        may = f"{len(kept) + len(free)} of {m} candidates are not forbidden" if len(barred) else f"there are {m}"
        raise infeasible(f"p = {p} is above the number of candidates: {may}", "Lower p", key="p")
    return Asked(kept, free, p)


def effort(time_limit: float, gap: float, seed: int, progress: Progress | None = None) -> Effort:
    """Check what every solver is told about its time, its gap and its draws.

    Raises:
        StudyError: the limit is no number of seconds from 0 (infinity is none at all), the gap no share from 0 to 1,
            or the seed no whole number from 0.
    """
    limit = one_number(time_limit, "time_limit", infinite=True)
    return Effort(Clock(limit, progress), one_number(gap, "gap", high=1.0), whole_number(seed, "seed", 0))


def numbers(given: npt.ArrayLike | None, n: int, what: str, default: float = 0.0, *, infinite: bool = False) -> Floats:
    """``n`` numbers that are 0 or more, one for all taken n times, ``default`` where none are given, shape (n,).

    Raises:
        DataError: another shape, or one is negative, NaN, beyond 1e140 or (unless ``infinite``) infinite; or they are
            truths, not numbers.
    """
    if given is None:
        return np.full(n, default)
    found = floats(given, what, "expected numbers, 0 or more", what, truths=False)
    if found.ndim == 0:
        found = np.full(n, float(found))
    if found.shape != (n,):
        raise DataError(Fault("location.numbers", f"{what} has shape {found.shape}", f"expected {n}", key=what))
    wrong = np.isnan(found) | (found < 0) | (np.isinf(found) & (not infinite))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise DataError(Fault("location.numbers", f"{what} {i} is {found[i]}", "expected 0 or more", key=what))
    return np.ascontiguousarray(sized(found, what, what))


def one_number(
    given: float, what: str, low: float = 0.0, high: float = np.inf, *, infinite: bool = False, above: bool = False
) -> float:
    """A number from ``low`` (or ``above`` it) to ``high``; infinity only where ``infinite``.

    Raises:
        StudyError: it is none: text, a truth, complex, missing, NaN, or out of these limits.
    """
    found = _as_float(given)
    inside = low < found if above else low <= found
    if not (inside and found <= high and (infinite or np.isfinite(found))):
        start = f"above {low:g}" if above else f"from {low:g}"
        end = f"{' and at most' if above else ' to'} {high:g}" if np.isfinite(high) else ""
        raise _no_number(given, what, f"expected a number {start}{end}")
    return found


def whole_number(given: object, what: str, low: int) -> int:
    """A whole number from ``low``.

    Raises:
        StudyError: it is none.
    """
    found = _as_float(given)
    if np.isfinite(found) and found == np.floor(found) and found >= low:
        return int(cast("int", given))
    raise _no_number(given, what, f"expected a whole number from {low}")


def given(value: object, what: str, expected: str) -> None:
    """Refuse None where something has to be given.

    Raises:
        StudyError: nothing is.
    """
    if value is None:
        raise _no_number(value, what, expected)


def _as_float(given: Any) -> float:
    """A real number, or an array that is one; NaN for truths and for all else."""
    if isinstance(given, np.ndarray) and given.ndim == 0:
        given = given[()]
    if isinstance(given, bool | np.bool_) or not isinstance(given, Real):
        return np.nan
    try:
        return float(given)
    except OverflowError:
        return np.nan


def _no_number(given: object, what: str, expected: str) -> StudyError:
    said = f"{what} is {as_given(given)}"
    return StudyError(Fault("location.problem", said, expected, _MENDS.get(what, f"Correct {what}"), key=what))


_MENDS = {
    "capacity": "Give one number for all candidates, or one each; infinity where there is no limit",
    "demand": "Give what each demand point takes of the capacity of its site",
    "gap": "Give a share, such as 0.01 for one in a hundred; 0 asks for a proof",
    "half_life": "Give the minutes from which half as many come as from next door",
    "opening": "Give one number for all candidates, or one each; 0 where a site costs nothing",
    "p": "Say how many sites there are to be, those that are there included",
    "radius": "Give it in the unit of the costs",
    "seed": "Leave it out, or give a whole number such as 7",
    "service_radius": "Leave it out, or give it in the unit of the costs",
    "share": "Give a share, such as 0.9 for nine in ten",
    "time_limit": "Give seconds, such as 60; the best found until then is returned with its bound",
}


def nearest_site(cost: Floats, sites: Ints, within: Floats | float = np.inf) -> Ints:
    """The site that serves each demand point most cheaply, the smallest number among equals, shape (n,).

    Where even that costs more than ``within`` (one for all, or each its own), or infinitely much, -1.
    """
    if not len(sites):
        return np.full(len(cost), -1)
    sites = np.sort(np.asarray(sites, dtype=np.int64))
    few = cost[:, sites]
    least = few.min(axis=1)
    served = np.isfinite(least) & (least <= within)
    return np.where(served, sites[few.argmin(axis=1)], -1)


def every_placement(ask: Asked, n: int) -> Ints | None:
    """All placements in the order of ties, shape (k, p); None where there are too many to look at."""
    p = ask.p or 0
    many = comb(len(ask.free), ask.more)
    if many > FEW or many * n * max(p, 1) > 2e8:
        return None
    free = np.array(list(combinations(ask.free.tolist(), ask.more)), dtype=np.int64).reshape(many, ask.more)
    return np.sort(np.hstack([np.broadcast_to(ask.fixed, (many, len(ask.fixed))), free]), axis=1)


class Met:
    """The best placement met so far, and those that equal it; of equals the smallest tuple wins."""

    def __init__(self, goal: Goal = "minimise") -> None:
        self.goal: Goal = goal
        self.objective = np.inf if goal == "minimise" else -np.inf
        self._equal: set[tuple[int, ...]] = set()

    def offer(self, sites: Sequence[int] | Ints, objective: float) -> bool:
        """Take note of a placement; True where it is better than all before."""
        near = rounding(objective)
        less = objective if self.goal == "minimise" else -objective
        best = self.objective if self.goal == "minimise" else -self.objective
        if less < best - near or not self._equal:
            self.objective, self._equal = float(objective), {ranked(sites)}
            return True
        if less <= best + near:
            self._equal.add(ranked(sites))
            if len(self._equal) > KEPT:
                self._equal.remove(max(self._equal))
        return False

    @property
    def any(self) -> bool:
        """Whether there was one."""
        return bool(self._equal)

    @property
    def sites(self) -> Ints:
        """Of the best, ascending."""
        return np.array(min(self._equal), dtype=np.int64)

    @property
    def equal(self) -> tuple[Ints, ...]:
        """The others that are as good, in order."""
        return tuple(np.array(one, dtype=np.int64) for one in sorted(self._equal)[1:])


def placed(
    met: Met, assignment: Ints, bound: float, *, gap: float, notes: Sequence[str] = (), objective: float | None = None,
    ties: Ties = "met",
) -> Placement:  # fmt: skip
    """The answer: its status follows from objective and bound."""
    value = met.objective if objective is None else objective
    proven = abs(value - bound) <= rounding(value)
    apart = 0.0 if proven else abs(value - bound) / max(abs(value), 1e-300)
    status: Status = "optimal" if proven else "within_gap" if apart <= gap else "time_limit"
    equal, said = met.equal, list(notes)
    if len(equal) > TOLD:
        said.append(f"{len(equal)} other placements that are as good were met; the first {TOLD} are told")
    return Placement(
        met.sites, assignment, float(value), float(value if proven else bound), proven, status, met.goal,
        equal[:TOLD], tuple(said), ties=ties if proven else "met",
    )  # fmt: skip
