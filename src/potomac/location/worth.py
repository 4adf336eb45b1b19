"""What a choice of sites is worth: its objective, and how far people have, from travel times to the nearest site."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from potomac.location.attendance import coming
from potomac.location.outcome import weighted_quantile
from potomac.location.question import Problem

__all__ = ["Worth", "least", "objective_of", "worth"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Worth:
    """What a choice of sites is worth.

    Attributes:
        objective: of the problem; NaN where somebody who has to be served is not.
        mean: weighted mean minutes of those who are reached.
        q90: minutes within which nine tenths of their weight is.
        worst: most minutes of anyone who counts and is reached.
        within: share of all weight (``whole``) within the service radius; NaN without one.
        served: share of all weight that is reached.
    """

    objective: float
    mean: float
    q90: float
    worst: float
    within: float
    served: float


def least(to_sites: Floats) -> Floats:
    """Minutes to the nearest site, infinite where there is none, shape (n,)."""
    return np.asarray(to_sites.min(axis=1, initial=np.inf))


def worth(
    minutes: Floats, weight: Floats, problem: Problem, opening: float = 0.0, whole: float | None = None,
    objective: float | None = None,
) -> Worth:  # fmt: skip
    """What sites are worth to people.

    Args:
        minutes: to the site that serves each demand point, infinite where none does, shape (n,).
        weight: shape (n,).
        problem: says what counts.
        opening: what the sites cost in all.
        whole: weight of which shares are told; default that of all who are given.
        objective: where it does not follow from the nearest site.
    """
    reached = np.isfinite(minutes) & (weight > 0)
    some, w, total = minutes[reached], weight[reached], float(weight.sum()) if whole is None else whole
    nan = float("nan")
    radius = problem.service_radius
    return Worth(
        objective=objective_of(minutes, weight, problem, opening) if objective is None else objective,
        mean=float(np.average(some, weights=w)) if len(some) else nan,
        q90=weighted_quantile(some, w, 0.9),
        worst=float(some.max()) if len(some) else nan,
        within=nan if radius is None else float(w[some <= radius].sum() / total),
        served=float(w.sum() / total),
    )


def objective_of(minutes: Floats, weight: Floats, problem: Problem, opening: float = 0.0) -> float:
    """The objective of sites, from the minutes to the one that serves each; NaN where somebody is left out.

    Nor does the custom that sites win beside rivals (market_share) follow from the nearest site alone.
    """
    if problem.objective == "market_share":
        return float("nan")
    counts = weight > 0
    t, w = minutes[counts], weight[counts]
    kind = problem.objective
    if kind == "attendance":
        return float(w @ coming(t, problem.half_life))
    if kind == "max_coverage":
        return float(w[t <= (problem.service_radius or np.inf)].sum())
    if kind == "quantile":
        found = weighted_quantile(t, w, problem.share)
        return found if np.isfinite(found) else float("nan")
    if not np.isfinite(t).all() or (problem.service_radius is not None and (t > problem.service_radius).any()):
        return float("nan")
    if kind == "minimax":
        return float(t.max())
    if kind == "set_cover":
        return opening
    return float((w * t).sum()) + (opening if kind == "fixed_charge" else 0.0)
