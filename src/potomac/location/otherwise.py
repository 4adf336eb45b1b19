"""What it is worth to have a site elsewhere, or one more: the objective of the run with the sites so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.errors import NoAnswer, listing
from potomac.location.keeping import POINTS
from potomac.location.live import Live, Spot, site_called
from potomac.location.outcome import Parts
from potomac.location.question import Problem
from potomac.location.says import amount, percent
from potomac.location.worth import Worth, worth

__all__ = ["Allotted", "allotted", "what_if"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PAIRS = 100_000
"""Demand points by sites up to which people are sent to sites that have room; else each goes to the nearest."""

SECONDS = 2.0
"""How long the best way to do so is sought."""

_CLOSE = 1e-6  # a gap below which nothing is said of it


class Allotted(NamedTuple):
    """Whom each site serves where sites have capacities.

    Attributes:
        parts: of the demand points; those who are not served have infinite minutes.
        over: what each site is asked for beyond its capacity, shape (p,).
        gap: how far the assignment can be from the best, as a share.
    """

    parts: Parts
    over: Floats
    gap: float = 0.0

    @property
    def fits(self) -> bool:
        """Whether no site is asked for more than it holds."""
        return not self.over.any()


def what_if(live: Live, there: Spot, site: str = "") -> dict[str, Any]:
    """What it is worth to have a site at a place: ``site`` is moved there, or without one a site is added.

    Where sites have capacities, people are sent to sites with room, as well as can be found in two seconds.

    Raises:
        StudyError: no site is called so.
    """
    k = site_called(live, site) if site else None
    new = live.to(there.site)
    opening, priced = _opening(live, there, k)
    notes = [there.note, "" if priced else "What the site itself costs is left aside."]
    if live.sites.capacity is None:
        rest = live.minutes if k is None else np.where(live.serves == k, live.second_minutes, live.minutes)
        then = _worth(live, np.minimum(rest, new), live.demand.weight, opening)
        if live.elsewhere is not None:
            custom, said = _custom(live, new, there, k)
            then, notes = replace(then, objective=custom), [*notes, said]
        gained = int((new < rest).sum())
    else:
        found = _sent(live, new, there, k)
        then = _worth(live, found.parts.minutes, found.parts.weight, opening)
        gained = int((found.parts.site == (len(live.sites) if k is None else k)).sum())
        if not found.fits:
            then = replace(then, objective=float("nan"))
        notes += [*_about_room(live, found, k), _about_size(there, k)]
    return _changed(live, then, gained, notes)


# ---- what the sites cost ------------------------------------------------------------------------------------------


def _opening(live: Live, there: Spot, k: int | None) -> tuple[float, bool]:
    """What the sites cost in all (or how many they are, where fewest are sought); whether the cost of all is known."""
    known = live.sites.cost
    if live.problem.objective not in ("set_cover", "fixed_charge"):
        return live.opening, True
    if known is None:
        return live.opening + (k is None), True
    gone = 0.0 if k is None else float(known[k])
    if there.site.cost is not None:
        return live.opening - gone + float(there.site.cost[0]), True
    return live.opening, k is not None


def _worth(live: Live, minutes: Floats, weight: Floats, opening: float) -> Worth:
    """Who is beyond the radius counts as not served where as many as possible are to be within it."""
    problem = live.problem
    if problem.objective == "max_coverage" and problem.service_radius is not None:
        minutes = np.where(minutes <= problem.service_radius, minutes, np.inf)
    return worth(minutes, weight, problem, opening, live.all if live.whole else None)


def _custom(live: Live, new: Floats, there: Spot, k: int | None) -> tuple[float, str]:
    """The custom that the sites win, and what is taken for granted of the new one's attractiveness."""
    known, own = live.sites.attractiveness, there.site.attractiveness
    if known is None:
        return live.custom(_with(live, new, k), None), ""
    draws = float(own[0]) if own is not None else float(known.mean() if k is None else known[k])
    said = "The new site is taken to be as attractive as the others are on average."
    pulls = np.append(known, draws) if k is None else np.where(np.arange(len(known)) == k, draws, known)
    return live.custom(_with(live, new, k), pulls), said if own is None and k is None else ""


def _with(live: Live, new: Floats, k: int | None) -> Floats:
    """Minutes from the sites with the new one in the place of site k, or after the others, shape (n, p)."""
    if k is None:
        return np.column_stack([live.to_sites, new])
    to_sites = live.to_sites.copy()
    to_sites[:, k] = new
    return to_sites


# ---- capacities ---------------------------------------------------------------------------------------------------


def _sent(live: Live, new: Floats, there: Spot, k: int | None) -> Allotted:
    """Whom each site serves with the new one in the place of site k, or after the others."""
    held = np.asarray(live.sites.capacity)
    own = there.site.capacity
    size = float(own[0]) if own is not None else np.inf if k is None else float(held[k])
    capacity = np.append(held, size) if k is None else np.where(np.arange(len(held)) == k, size, held)
    return allotted(_with(live, new, k), live.demand.weight, capacity, live.problem)


def allotted(to_sites: Floats, weight: Floats, capacity: Floats, problem: Problem) -> Allotted:
    """Whom each site serves: the nearest where all have room for that, else at the least sum of weight times minutes.

    Where there is no way to fit everyone in, everyone is at the nearest, and what that is too much for is told.

    Args:
        to_sites: minutes of each demand point from each site, shape (n, p).
        weight: of the demand points, which is what they take of a capacity, shape (n,).
        capacity: of the sites, infinite where there is no limit, shape (p,).
        problem: says within which radius a site serves, and whether sites may share a demand point.
    """
    n, p = to_sites.shape
    site = np.argmin(to_sites, axis=1)
    nearest = Parts(site, to_sites[np.arange(n), site], weight)
    load = np.bincount(site, weight, p)
    over = np.where(load > capacity * (1 + 1e-12), load - capacity, 0.0)
    if not over.any() or n * p > PAIRS or weight.sum() > capacity.sum():
        return Allotted(nearest, over)
    from potomac.location.charges import fixed_charge

    radius = problem.service_radius
    try:
        found = fixed_charge(
            to_sites if radius is None else np.where(to_sites <= radius, to_sites, np.inf), np.zeros(p), weight,
            demand=weight, capacity=capacity, p=p, single_source=problem.single_source, fixed=range(p),
            time_limit=SECONDS,
        )  # fmt: skip
    except NoAnswer:
        return Allotted(nearest, over)
    return Allotted(_parts(found.assignment, found.shares, to_sites, weight), np.zeros(p), found.gap)


def _parts(assignment: Ints, shares: Floats | None, to_sites: Floats, weight: Floats) -> Parts:
    """Of those without weight, who need not be served, the nearest is told."""
    site = np.where(assignment >= 0, assignment, np.argmin(to_sites, axis=1))
    if shares is None:
        return Parts(site, to_sites[np.arange(len(site)), site], weight)
    point, where = np.nonzero(shares > 0)
    return Parts(where, to_sites[point, where], weight[point] * shares[point, where])


def _about_room(live: Live, found: Allotted, k: int | None) -> list[str]:
    """What capacities do to the answer."""
    names = [str(name) for name in live.sites.id.to_pylist()]
    names = [*names, "the new one"] if k is None else [*names[:k], "the new one", *names[k + 1 :]]
    if not found.fits:
        full = [names[j] for j in np.flatnonzero(found.over).tolist()]
        return [
            "There is no room for all that was found: everyone is told at the nearest site, and "
            f"{listing(full, 5)} would serve {amount(float(found.over.sum()))} more than "
            f"{'its capacity' if len(full) == 1 else 'their capacities'}."
        ]
    near = f"Whom each site serves can be bettered by at most {percent(100 * found.gap)}."
    return [near] if found.gap > _CLOSE else []


def _about_size(there: Spot, k: int | None) -> str:
    bare = there.site.capacity is None and k is None
    return "The new site is taken to have room for all who would come." if bare else ""


# ---- told ---------------------------------------------------------------------------------------------------------


def _grown(now: float, then: float) -> float:
    """By how many per cent; 0 where it is but rounding."""
    return 0.0 if abs(then - now) <= 1e-9 * abs(now) else 100 * (then - now) / now


def _changed(live: Live, then: Worth, gained: int, notes: list[str]) -> dict[str, Any]:
    now = live.before
    if not live.whole:
        notes.append(f"It rests on the {POINTS:,} heaviest demand points.")
    radius = live.problem.service_radius
    if then.served < now.served - 1e-9:
        notes.append("Some who were reached are not any more.")
    elif radius is not None and not np.isfinite(then.objective) and then.within < 1 - 1e-12:
        notes.append(f"Some are beyond the service radius of {radius:g} minutes, so that the sites do not do.")

    def known(value: float) -> float | None:
        return float(value) if np.isfinite(value) else None

    return {
        "objective": known(then.objective),
        "before": known(now.objective),
        "change": known(_grown(now.objective, then.objective)) if now.objective else None,
        "mean_minutes": known(then.mean),
        "mean_before": known(now.mean),
        "p90_minutes": known(then.q90),
        "worst_minutes": known(then.worst),
        "points": gained,
        "note": " ".join(filter(None, notes)),
    }
