"""What every problem asks at its door besides costs: how many sites, which must be there, which may not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, StudyError, listing
from potomac.location.placement import Goal, Placement, Status, indices, infeasible, ranked

__all__ = ["Asked", "Met", "asked", "every_placement", "nearest_site", "numbers", "one_number", "placed"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEW = 20_000
"""With no more placements than this, all are looked at: every tie is then known."""

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


def asked(
    m: int, p: int | None, fixed: Iterable[int] | npt.ArrayLike, forbidden: Iterable[int] | npt.ArrayLike
) -> Asked:
    """Check p, fixed and forbidden against ``m`` candidates.

    Raises:
        StudyError: p is no whole number from 1, or a candidate is unknown, or both fixed and forbidden.
        NoAnswer: p is below the number of fixed sites, or above that of the candidates that are not forbidden.
    """
    kept, barred = indices(fixed, m, "fixed"), indices(forbidden, m, "forbidden")
    both = np.intersect1d(kept, barred)
    if len(both):
        said = f"candidate {listing(map(int, both), 5)} is both fixed and forbidden"
        raise StudyError(Fault("location.problem", said, "expected each in one of the two", key="forbidden"))
    free = np.setdiff1d(np.arange(m), np.union1d(kept, barred))
    if p is None:
        return Asked(kept, free, None)
    if isinstance(p, bool) or int(p) != p or p < 1:
        raise StudyError(Fault("location.problem", f"p is {p}", "expected a whole number from 1", key="p"))
    if p < len(kept):
        raise infeasible(f"p = {p} is below the number of fixed sites, {len(kept)}", "Raise p or fix fewer", key="p")
    if p > len(kept) + len(free):
        may = f"{len(kept) + len(free)} of {m} candidates are not forbidden" if len(barred) else f"there are {m}"
        raise infeasible(f"p = {p} is above the number of candidates: {may}", "Lower p", key="p")
    return Asked(kept, free, int(p))


def numbers(given: npt.ArrayLike | None, n: int, what: str, default: float = 0.0, *, infinite: bool = False) -> Floats:
    """``n`` numbers that are 0 or more, one for all taken n times, ``default`` where none are given, shape (n,).

    Raises:
        DataError: another shape, or one is negative, NaN or (unless ``infinite``) infinite.
    """
    if given is None:
        return np.full(n, default)
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(Fault("location.numbers", f"{what} holds no numbers", "expected numbers", key=what)) from error
    if found.ndim == 0:
        found = np.full(n, float(found))
    if found.shape != (n,):
        raise DataError(Fault("location.numbers", f"{what} has shape {found.shape}", f"expected {n}", key=what))
    wrong = np.isnan(found) | (found < 0) | (np.isinf(found) & (not infinite))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise DataError(Fault("location.numbers", f"{what} {i} is {found[i]}", "expected 0 or more", key=what))
    return np.ascontiguousarray(found)


def one_number(given: float, what: str, low: float = 0.0, high: float = np.inf) -> float:
    """A number from ``low`` to ``high``.

    Raises:
        StudyError: it is none.
    """
    found = float(given)
    if not low <= found <= high:
        upto = f"from {low:g}" + (f" to {high:g}" if np.isfinite(high) else "")
        raise StudyError(Fault("location.problem", f"{what} is {given}", f"expected a number {upto}", key=what))
    return found


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
        near = 1e-9 * max(1.0, abs(objective))
        less = objective if self.goal == "minimise" else -objective
        best = self.objective if self.goal == "minimise" else -self.objective
        if less < best - near or not self._equal:
            self.objective, self._equal = float(objective), {ranked(sites)}
            return True
        if less <= best + near and len(self._equal) < 1000:
            self._equal.add(ranked(sites))
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
    met: Met, assignment: Ints, bound: float, *, gap: float, notes: Sequence[str] = (), objective: float | None = None
) -> Placement:
    """The answer: its status follows from objective and bound."""
    value = met.objective if objective is None else objective
    proven = abs(value - bound) <= 1e-9 * max(1.0, abs(value))
    apart = 0.0 if proven else abs(value - bound) / max(abs(value), 1e-300)
    status: Status = "optimal" if proven else "within_gap" if apart <= gap else "time_limit"
    equal, said = met.equal, list(notes)
    if len(equal) > TOLD:
        said.append(f"{len(equal)} other placements that are as good were met; the first {TOLD} are told")
    return Placement(
        met.sites, assignment, float(value), float(value if proven else bound), proven, status, met.goal,
        equal[:TOLD], tuple(said),
    )  # fmt: skip
