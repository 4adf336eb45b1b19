"""Where to place sites: the answer of every solver, and the checks at their door."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, NoAnswer, StudyError, listing, shown

__all__ = [
    "NEAR",
    "Goal",
    "Placement",
    "Status",
    "Ties",
    "as_given",
    "checked_cost",
    "checked_weights",
    "floats",
    "indices",
    "infeasible",
    "ranked",
    "rounding",
    "sized",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Status = Literal["optimal", "within_gap", "time_limit", "heuristic"]
Goal = Literal["minimise", "maximise"]
Ties = Literal["all", "exchange", "met"]

NEAR = 1e-9
"""A gap that is at most this is rounding, and the answer is proven."""

LARGEST = 1e140
"""Numbers up to this are multiplied and added without an overflow, and from its inverse on without an underflow."""


@dataclass(frozen=True)
class Placement:
    """Where sites are placed, whom each serves, and how far that can be from the best.

    Attributes:
        sites: chosen candidates (columns of the cost), ascending, shape (p,).
        assignment: the candidate that serves each demand point, -1 where none does, shape (n,).
        objective: of the sites, in the unit of the cost times that of the weights.
        bound: no placement can be better than this: at most the objective where it is minimised, at least where it
            is maximised.
        proven: whether ``bound`` meets ``objective`` but for rounding.
        status: "optimal" (proven), "within_gap" (as near as was asked), "time_limit" (the best found until then), or
            "heuristic" (no bound was asked for).
        goal: whether less is better.
        equal: other placements with the same objective that were met on the way, each as ``sites``.
        ties: how equal placements were sought: "all" (every placement was looked at, of covers those without a spare
            site: ``sites`` are the first of the best by number), "exchange" (after the proof, by exchanges of one site,
            and of two where that is soon done, for candidates of smaller numbers: none of these leads to an equal
            placement that comes before ``sites``, yet there may be one), or "met" (those that the search came across:
            there may be others before them).
        notes: what the reader should know, one sentence each.
        shares: how much of each demand point each of ``sites`` serves, shape (n, p); None where each has one site.
    """

    sites: Ints
    assignment: Ints
    objective: float
    bound: float
    proven: bool
    status: Status
    goal: Goal = "minimise"
    equal: tuple[Ints, ...] = ()
    notes: tuple[str, ...] = ()
    shares: Floats | None = None
    ties: Ties = "met"

    @property
    def gap(self) -> float:
        """How far the objective can be from the best, as a share of it; 0 where it is proven."""
        if self.proven or self.objective == self.bound:
            return 0.0
        return abs(self.objective - self.bound) / max(abs(self.objective), 1e-300)


def rounding(value: float) -> float:
    """By how much values near this one may differ and count as equal: nothing absolute, units are the asker's."""
    return NEAR * abs(value) if np.isfinite(value) else 0.0


def floats(given: npt.ArrayLike, what: str, expected: str, key: str, *, truths: bool = True) -> Floats:
    """Numbers as an array of floats; ``truths`` count as 0 and 1, unless they may not be numbers; masked ones are NaN.

    Raises:
        DataError: they are text, complex, missing or otherwise no numbers, or rows of different lengths.
    """
    try:
        found: npt.NDArray[Any] = np.asarray(_unmasked(given))
        if found.dtype.kind not in ("biufO" if truths else "iufO") or (found.dtype.kind == "O" and not _real(found)):
            raise TypeError(found.dtype)
        # loops are compiled for arrays that can be written
        return np.require(found, np.float64, ["C", "W"])
    except (TypeError, ValueError, OverflowError) as error:
        mend = "Convert them to numbers first"
        raise DataError(Fault("location.numbers", f"{what} are not numbers", expected, mend, key=key)) from error


def _unmasked(given: Any) -> Any:
    """The same, with NaN for what is masked."""
    return np.ma.filled(given.astype(np.float64), np.nan) if isinstance(given, np.ma.MaskedArray) else given


def _real(found: npt.NDArray[Any]) -> bool:
    """Whether Python's own objects are numbers, or None, which is NaN."""
    return not any(isinstance(one, str | bytes | complex | list | tuple) for one in found.ravel())


def sized(found: Floats, what: str, key: str) -> Floats:
    """The same numbers, which can be multiplied and added.

    Raises:
        DataError: a finite one is so large that sums overflow, or all are so small that products vanish.
    """
    size = float(np.abs(found, where=np.isfinite(found), out=np.zeros_like(found)).max(initial=0.0))
    if size > LARGEST:
        mend = "Give them in a larger unit" + ("; infinity where a candidate cannot serve" if key == "cost" else "")
        said = f"{what} go up to {size:g}: sums of them overflow"
        raise DataError(Fault("location.numbers", said, f"expected at most {LARGEST:g}", mend, key=key))
    if 0.0 < size < 1.0 / LARGEST:
        said = f"{what} go up to {size:g} only: products of them vanish"
        mend = "Give them in a smaller unit"
        raise DataError(Fault("location.numbers", said, f"expected some from {1 / LARGEST:g}", mend, key=key))
    return found


def checked_cost(cost: npt.ArrayLike) -> Floats:
    """The cost of serving each demand point (row) from each candidate (column), shape (n, m); infinite: not at all.

    Raises:
        DataError: it is empty, of another shape, or holds NaN, text, negative infinity or numbers beyond 1e140.
    """
    found = floats(cost, "costs", "expected a number for each demand point and candidate", "cost")
    if found.ndim != 2 or 0 in found.shape:
        raise _bad(f"the cost matrix has shape {found.shape}", "expected a row a demand point and a column a candidate")
    wrong = np.isnan(found) | (found == -np.inf)
    if wrong.any():
        i, j = map(int, np.argwhere(wrong)[0])
        many = int(wrong.sum())
        raise _bad(
            f"the cost of demand point {i} from candidate {j} is {found[i, j]}"
            + (f", and {many - 1} more" * (many > 1)),
            "expected numbers; infinity where a candidate cannot serve",
        )
    return sized(found, "costs", "cost")


def checked_weights(weights: npt.ArrayLike | None, n: int) -> Floats:
    """Weights of the demand points, shape (n,); 1 each where none are given.

    Raises:
        DataError: there are more or fewer than ``n``, one is negative, no number or beyond 1e140, or all are 0.
    """
    if weights is None:
        return np.ones(n)
    found = floats(weights, "weights", "expected a number for each demand point", "weights")
    if found.shape != (n,):
        raise _bad(f"weights have shape {found.shape}", f"expected {n}, one for each demand point", "weights")
    wrong = ~np.isfinite(found) | (found < 0)
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise _bad(f"the weight of demand point {i} is {found[i]}", "expected 0 or more", "weights")
    if not found.any():
        raise _bad("all weights are 0", "expected some demand", "weights")
    return sized(found, "weights", "weights")


def indices(given: Iterable[int] | npt.ArrayLike, m: int, what: str) -> Ints:
    """Candidates by number, ascending and each once; or a mask of m truths, which names those that are true.

    Raises:
        StudyError: one is no candidate.
    """
    try:
        some = given if isinstance(given, np.ndarray) else np.asarray(list(cast("Iterable[Any]", given)))
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_candidates(what, given) from error
    if some.dtype == bool and some.shape == (m,):
        return np.flatnonzero(some)
    if some.ndim != 1 or (len(some) and some.dtype.kind not in "iuf"):
        raise _no_candidates(what, given)
    if not np.all((some == np.floor(some)) & (np.abs(some, dtype=np.float64) < 2.0**62)):
        raise _no_candidates(what, given)
    found = np.unique(some.astype(np.int64))
    wrong = found[(found < 0) | (found >= m)]
    if len(wrong):
        said = f"{what} names candidate {listing(map(int, wrong), 5)}"
        raise StudyError(Fault("location.candidate-unknown", said, f"candidates are 0 to {m - 1}", key=what))
    return found


def _no_candidates(what: str, given: object) -> StudyError:
    expected = "expected numbers of candidates, or a mask with a truth for each"
    return StudyError(Fault("location.candidate-unknown", f"{what} is {as_given(given)}", expected, key=what))


def as_given(value: object) -> str:
    """A wrong value as a message shows it."""
    try:
        return shown(repr(value) if isinstance(value, str) else value, 60)
    except ValueError:  # more digits than Python writes
        return "too large"


def infeasible(found: str, mend: str = "", *, key: str = "") -> NoAnswer:
    """No placement fulfils what was asked, and why."""
    return NoAnswer(Fault("location.infeasible", found, "", mend, key=key))


def _bad(found: str, expected: str, key: str = "cost") -> DataError:
    return DataError(Fault("location.numbers", found, expected, key=key))


def ranked(sites: Sequence[int] | Ints) -> tuple[int, ...]:
    """Sites as a key by which ties are broken: the smaller tuple wins."""
    return tuple(int(j) for j in np.sort(np.asarray(sites)))
