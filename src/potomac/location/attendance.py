"""Attendance: the sites to which most people come, where fewer come the longer it takes.

Each demand point goes to its nearest site, and of its people the share 2^(-t / h) comes: half as many at the half-life
h as next door. The sum of weight times (1 - 2^(-t / h)) is then the least, so that the problem is a p-median whose
costs are the shares that stay at home (Berman and Krass 2002, The generalized maximal covering location problem).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import DataError, Fault, listing
from potomac.location.asked import asked, effort, nearest_site, one_number
from potomac.location.placement import Placement, Status, checked_cost, checked_weights, infeasible, rounding
from potomac.location.pmedian.search import p_median

__all__ = ["checked_half_life", "checked_minutes", "coming", "max_attendance"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SCALE = 1e6
"""What the attendance of the ideal is set to while sites are sought: tolerances there are absolute below 1."""


def max_attendance(
    minutes: npt.ArrayLike, p: int, weights: npt.ArrayLike | None = None, fixed: Iterable[int] = (),
    time_limit: float = 60.0, *, half_life: float = 15.0, forbidden: Iterable[int] = (), gap: float = 0.0,
    seed: int = 0, progress: Progress | None = None,
) -> Placement:  # fmt: skip
    """Place p sites so that the expected attendance, the sum of w_i 2^(-t_i / h) with t_i to the nearest, is the most.

    Args:
        minutes: from each demand point to each candidate, 0 or more, infinite where there is no way, shape (n, m).
        p: sites in all, the fixed ones included.
        weights: people of each demand point, shape (n,); default 1 each.
        fixed: candidates that are sites already.
        forbidden: candidates that may not be sites.
        half_life: minutes h at which half as many come as from next door.
        time_limit: seconds; the best found until then is returned with its bound.
        gap: relative gap at which to stop.
        seed: of the draws; the same gives the same answer unless time runs out.
        progress: told what is done.

    Returns:
        A placement to maximise: ``objective`` is the expected attendance and ``bound`` what no placement exceeds.

    Raises:
        DataError: minutes or weights are no such numbers.
        StudyError: p, half_life, fixed or forbidden make no sense.
        NoAnswer: p does not fit the candidates, or nobody comes wherever the sites are.
    """
    effort(time_limit, gap, seed)
    half_life = checked_half_life(half_life)
    t = checked_minutes(minutes)
    w = checked_weights(weights, len(t))
    ask = asked(t.shape[1], p, fixed, forbidden, counted=True)
    share = coming(t, half_life)
    best = share[:, ask.allowed].max(axis=1)
    ideal = float(w @ best)
    if ideal <= 0:
        raise infeasible(
            f"nobody comes from anywhere at a half-life of {half_life:g} minutes", "Raise half_life, or add candidates",
            key="half_life",
        )  # fmt: skip
    scale = SCALE / ideal
    stays = np.maximum(best[:, None] - share, 0.0)
    found = p_median(
        stays, p, w * scale, ask.fixed, time_limit, forbidden=np.setdiff1d(np.arange(t.shape[1]), ask.allowed),
        gap=_stayed(gap, share, w, ask.allowed, best, p), seed=seed, progress=progress,
    )  # fmt: skip
    return _turned(found, t, share, w, ideal, scale, gap, best)


def checked_half_life(half_life: float) -> float:
    """Minutes above 0.

    Raises:
        StudyError: they are not.
    """
    return one_number(half_life, "half_life", above=True)


def checked_minutes(minutes: npt.ArrayLike) -> Floats:
    """Travel times, shape (n, m): 0 or more, infinite where there is no way.

    Raises:
        DataError: they are no such numbers.
    """
    t = checked_cost(minutes)
    if (t < 0).any():
        i, j = map(int, np.argwhere(t < 0)[0])
        said = f"the travel time of demand point {i} to candidate {j} is {t[i, j]:g}"
        raise DataError(Fault("location.numbers", said, "expected minutes, 0 or more", key="minutes"))
    return t


def coming(minutes: Floats, half_life: float) -> Floats:
    """The share of people who come from so many minutes away, 2^(-t / h), of any shape; 0 where there is no way."""
    return np.asarray(np.exp2(minutes / -half_life))


def _stayed(gap: float, share: Floats, w: Floats, allowed: Ints, best: Floats, p: int) -> float:
    """The gap, as a share of those whom distance keeps at home, that is surely at most ``gap`` of the attendance.

    With the loss L of some placement the best one loses no more, and the attendance is at least that placement's.
    """
    if gap <= 0:
        return 0.0
    each = w @ share[:, allowed]
    some = allowed[np.argsort(-each, kind="stable")[:p]]
    came = w @ share[:, some].max(axis=1)
    lost = float(w @ best - came)
    return min(gap * float(came) / lost, 1.0) if lost > 0 else gap


def _turned(
    found: Placement, t: Floats, share: Floats, w: Floats, ideal: float, scale: float, gap: float, best: Floats
) -> Placement:
    """The placement of the p-median as one that is maximised; the attendance is summed anew."""
    attendance = float(w @ share[:, found.sites].max(axis=1))
    bound = attendance if found.proven else max(ideal - found.bound / scale, attendance)
    proven = bound - attendance <= rounding(attendance)
    near = bound - attendance <= gap * attendance
    status: Status = "optimal" if proven else "within_gap" if near else "time_limit"
    notes = found.notes
    cut = np.flatnonzero((best <= 0) & (w > 0))
    if len(cut):
        notes += (f"from demand point {listing(map(int, cut), 5)} nobody comes to any candidate: too far, or no way",)
    who = nearest_site(t, found.sites)
    return replace(
        found, assignment=who, objective=attendance, bound=attendance if proven else bound, proven=proven,
        status=status, goal="maximise", notes=notes,
    )  # fmt: skip
