"""How much more sites bring, and for whom: mean, ninetieth percentile and worst travel time over the number of sites.

For each p three kinds of answers are compared: that of the least mean (p-median), that of the least worst time
(p-center, of whose optima the one with the least mean is taken), and between them those of the least mean whose worst
time is at most a given one (the epsilon constraint of Haimes, Lasdon and Wismer 1971), which are efficient in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import Fault, NoAnswer, StudyError
from potomac.location.asked import Asked, asked, nearest_site, one_number
from potomac.location.attendance import checked_minutes
from potomac.location.center import p_center
from potomac.location.highs import Clock
from potomac.location.measures import Measure, betters, opened_one_by_one, value
from potomac.location.outcome import weighted_quantile
from potomac.location.placement import Placement, Status, checked_weights
from potomac.location.pmedian.search import p_median

__all__ = ["NEAR", "Aim", "Frontier", "Marginal", "Row", "equity_frontier", "marginals"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Aim = Literal[
    "minisum", "combined", "minimax", "quantile", "max_coverage", "attendance", "market_share", "fixed_charge"
]  # fmt: skip

NEAR = 1e-9

MEAN = Measure("minisum", "min")


@dataclass(frozen=True)
class Row:
    """An answer on the frontier.

    Attributes:
        p: number of sites.
        aim: the least mean, the least worst time, the least mean within a worst time (combined), or the objective that
            was asked for.
        sites: candidates, ascending, shape (p,).
        mean: weighted mean of the minutes, to the nearest site where no capacity forbids it.
        q90: minutes within which nine people in ten are.
        worst: minutes of the person who is worst off.
        within: share of people within the radius; None without one.
        limit: the worst time that was allowed, minutes; None where any was.
        mean_bound: no p sites within ``limit`` have a lower mean; None where the aim is another.
        worst_bound: no p sites have a lower worst time; None where it was not asked for.
        proven: whether the answer is the best of its aim.
        status: "optimal", "within_gap" (as near as was asked) or "time_limit" (the best found until then).
        efficient: whether no other row with as few sites or fewer is as good in mean, q90 and worst and better in one;
            where ``objective`` is counted, whether no row with fewer sites is as good in it.
        objective: what the aim counts, where that is no mean and no worst time: minutes of the quantile, the share of
            people within the radius, expected to come or won, or all that sites and ways cost.
        objective_bound: no p sites are better than this.
    """

    p: int
    aim: Aim
    sites: Ints
    mean: float
    q90: float
    worst: float
    within: float | None
    limit: float | None
    mean_bound: float | None
    worst_bound: float | None
    proven: bool
    status: Status
    efficient: bool = True
    objective: float | None = None
    objective_bound: float | None = None

    @property
    def value(self) -> float:
        """What the aim counts: the mean, the worst time, or ``objective``."""
        if self.objective is not None:
            return self.objective
        return self.worst if self.aim == "minimax" else self.mean

    @property
    def bound(self) -> float:
        """No p sites have a better value."""
        if self.objective is not None:
            found = self.objective_bound
        else:
            found = self.worst_bound if self.aim == "minimax" else self.mean_bound
        return float("nan") if found is None else found


@dataclass(frozen=True)
class Marginal:
    """What one more site brings, in what the aim counts.

    Attributes:
        p: from p sites to p + 1.
        minutes: saved in all: a person's, times the weight of all (of a mean or a share of people).
        a_person: saved a person: minutes of the mean, the longest time or the quantile; or the share of people gained.
        low, high: what it is at least and at most, by the bounds of both; equal where both are proven.
        proven: whether both are, so that it is the difference of two optima.
    """

    p: int
    minutes: float
    a_person: float
    low: float
    high: float
    proven: bool = False


@dataclass(frozen=True)
class Frontier:
    """The rows in the order of p and from the least mean to the least worst time.

    Attributes:
        rows: answers.
        marginal: what each further site saves.
        radius: minutes of ``Row.within``.
        notes: one sentence each.
        aim: what ``marginal`` is of.
    """

    rows: tuple[Row, ...]
    marginal: tuple[Marginal, ...]
    radius: float | None = None
    notes: tuple[str, ...] = ()
    aim: Aim = "minisum"

    def of(self, aim: Aim) -> tuple[Row, ...]:
        """The rows of one aim."""
        return tuple(row for row in self.rows if row.aim == aim)

    def table(self) -> pa.Table:
        """A row an answer; sites as a list of candidates, and what one more site saves beside those of the aim."""
        saved = {one.p: one.a_person for one in self.marginal}
        names = ("p", "aim", "value", "bound", "mean", "q90", "worst", "within", "limit", "mean_bound", "worst_bound",
                 "proven", "efficient")  # fmt: skip
        columns = {name: pa.array([getattr(row, name) for row in self.rows], from_pandas=True) for name in names}
        for name in names[2:11]:
            finite = [v if v is not None and np.isfinite(v) else None for v in columns[name].to_pylist()]
            columns[name] = pa.array(finite, pa.float64())
        columns["saved_by_one_more"] = pa.array(
            [saved.get(row.p) if row.aim == self.aim else None for row in self.rows], pa.float64()
        )
        columns["sites"] = pa.array([row.sites.tolist() for row in self.rows], pa.list_(pa.int64()))
        return pa.table(columns)


def equity_frontier(
    minutes: npt.ArrayLike, weights: npt.ArrayLike | None, ps: int | Iterable[int], *, radius: float | None = None,
    between: int = 1, fixed: Iterable[int] = (), forbidden: Iterable[int] = (), time_limit: float = 60.0,
    gap: float = 0.0, seed: int = 0, whole: float | None = None, progress: Progress | None = None,
) -> Frontier:  # fmt: skip
    """Compare numbers of sites.

    Args:
        minutes: travel times, infinite where there is no way, shape (n, m).
        weights: people of each demand point, shape (n,); those of weight 0 do not count as worst off. Default 1 each.
        ps: numbers of sites; one number P stands for 1 (or as many as are fixed) to P.
        radius: minutes, for the share of people within.
        between: how many answers between the least mean and the least worst time, at equal steps of the worst.
        fixed: sites that are there already; they count among the p.
        forbidden: candidates that may not be sites.
        time_limit: seconds for all of it.
        gap: relative gap at which each may stop.
        seed: of the draws.
        whole: people of whom ``Row.within`` is a share; default those of ``weights``. More where some of them are left
            out of ``minutes``, as nobody reaches them.
        progress: told what is done.

    Raises:
        DataError: minutes or weights are no such numbers.
        StudyError: ps, radius, between, fixed or forbidden make no sense.
        NoAnswer: none of the ps reaches everyone, or they do not fit the candidates.
        Interrupted: the work shall stop.
    """
    t = checked_minutes(minutes)
    w = checked_weights(weights, len(t))
    if radius is not None:
        radius = one_number(radius, "radius")
    many = _numbers(ps, t.shape[1], fixed, forbidden)
    total = float(w.sum()) if whole is None else one_number(whole, "whole")
    search = _Search(
        t, w, radius, between, list(fixed), list(forbidden), gap, seed, Clock(time_limit, progress), total
    )  # fmt: skip
    rows, notes = search.rows(many)
    rows = _marked(_bounded(rows))
    return Frontier(tuple(rows), tuple(_marginals(rows, float(w.sum()))), radius, tuple(notes))


def _numbers(ps: int | Iterable[int], m: int, fixed: Iterable[int], forbidden: Iterable[int]) -> list[Asked]:
    """What is asked of each number of sites, ascending.

    Raises:
        StudyError: there are none.
    """
    kept, barred = list(fixed), list(forbidden)
    ascending = range(max(1, len(kept)), ps + 1) if isinstance(ps, int) else sorted(set(ps))
    if not len(ascending):
        raise StudyError(Fault("location.problem", "there are no numbers of sites to compare", "", "Give some, from as "
                               "many as are fixed", key="frontier"))  # fmt: skip
    return [asked(m, p, kept, barred) for p in ascending]


class _Search:
    """The answers for one number of sites after the other."""

    def __init__(
        self, t: Floats, w: Floats, radius: float | None, between: int, fixed: list[int], forbidden: list[int],
        gap: float, seed: int, clock: Clock, total: float,
    ) -> None:  # fmt: skip
        self.total = total
        self.t, self.w, self.radius, self.between = t, w, radius, between
        self.fixed, self.forbidden, self.gap, self.seed, self.clock = fixed, forbidden, gap, seed, clock
        self.left = 0

    def rows(self, many: list[Asked]) -> tuple[list[Row], list[str]]:
        """The rows, and notes of what could not be.

        Raises:
            NoAnswer: there are none.
        """
        found: list[Row] = []
        notes: list[str] = []
        self.left = len(many) * (3 + self.between)
        last: NoAnswer | None = None
        for k, ask in enumerate(many):
            self.clock.tell(f"the frontier: {ask.p} sites", k / len(many))
            try:
                found += self._of(ask, found)
            except NoAnswer as error:
                last = error
                notes.append(f"p = {ask.p} is left out: {error.faults[0].found}")
                self.left -= 3 + self.between
        if not found and last is not None:
            raise last
        return found, notes

    def _of(self, ask: Asked, before: list[Row]) -> list[Row]:
        p = ask.p or 1
        mean = self._carried(self._median(p, None), ask, before)
        rows = [self._row(p, "minisum", mean, None, None)]
        center = self._center(p)
        most, least = rows[0].worst, center.objective
        if not least < most * (1 - NEAR):  # the least mean has the least worst time too
            self.left -= self.between + 1
            return [*rows, self._row(p, "minimax", mean, center, None)]
        for k in range(self.between):
            limit = most + (least - most) * (k + 1) / (self.between + 1)
            rows.append(self._row(p, "combined", self._within(p, limit, center, mean), None, limit))
        last = self._row(p, "minimax", self._within(p, least, center, mean), center, least)
        return [*(row for row in rows if not np.array_equal(row.sites, last.sites)), last]

    def _within(self, p: int, limit: float, center: Placement, mean: Placement) -> Placement:
        """The least mean within a worst time, which the center is known to keep."""
        try:
            found = self._median(p, limit)
        except NoAnswer:  # none was met that keeps it: let it be broken, at a price that outweighs everything else
            price = float(self.w.sum()) * limit / float(self.w[self.w > 0].min()) + 1.0
            found = self._median(p, None, self.t + np.where(self.t > limit, price, 0.0))
        near = self.t[:, found.sites].min(axis=1)
        if (near[self.w > 0] <= limit).all():
            return found
        near = self.t[:, center.sites].min(axis=1)
        total = float(self.w[self.w > 0] @ near[self.w > 0])
        return replace(center, objective=total, bound=mean.bound, proven=False, status="time_limit")

    def _median(self, p: int, limit: float | None, cost: Floats | None = None) -> Placement:
        return p_median(
            self.t if cost is None else cost, p, self.w, self.fixed, forbidden=self.forbidden, service_radius=limit,
            time_limit=self._seconds(), gap=self.gap, seed=self.seed, progress=self.clock.progress,
        )  # fmt: skip

    def _center(self, p: int) -> Placement:
        counts = np.where(self.w > 0, 1.0, 0.0)
        return p_center(
            self.t, p, counts, self.fixed, forbidden=self.forbidden, time_limit=self._seconds(), gap=self.gap,
            seed=self.seed, progress=self.clock.progress,
        )  # fmt: skip

    def _seconds(self) -> float:
        """An even share of the time that is left."""
        self.left -= 1
        return self.clock.left() / max(self.left + 1, 1)

    def _carried(self, found: Placement, ask: Asked, before: list[Row]) -> Placement:
        """Where it is not proven: the sites of the row before and one more, after interchange, if they are better."""
        earlier = [row for row in before if row.aim == "minisum"]
        if found.proven or not earlier:
            return found
        start = opened_one_by_one(self.t, self.w, MEAN, earlier[-1].sites, ask.free, ask.p or 1)
        sites = betters(self.t, self.w, MEAN, start, ask.fixed, ask.free)
        total = value(self.t, self.w, sites, MEAN) * float(self.w.sum())
        if total >= found.objective:
            return found
        return replace(found, sites=sites, objective=total, assignment=nearest_site(self.t, sites))

    def _row(self, p: int, aim: Aim, found: Placement, center: Placement | None, limit: float | None) -> Row:
        some, whole = self.w > 0, float(self.w.sum())
        near, w = self.t[np.ix_(some, found.sites)].min(axis=1), self.w[some]
        parts = [found] if center is None else [found, center]
        proven = all(one.proven for one in parts)
        near_enough = all(one.status in ("optimal", "within_gap") for one in parts)
        status: Status = "optimal" if proven else "within_gap" if near_enough else "time_limit"
        return Row(
            p, aim, found.sites, float(w @ near) / whole, weighted_quantile(near, w, 0.9), float(near.max()),
            None if self.radius is None else float(w[near <= self.radius].sum()) / self.total, limit,
            found.bound / whole, None if center is None else center.bound, proven, status,
        )  # fmt: skip


def _bounded(rows: list[Row]) -> list[Row]:
    """What no p + 1 sites are below, no p sites are either."""
    least = worst = -np.inf
    out = []
    for row in reversed(rows):
        if row.aim == "minisum" and row.mean_bound is not None:
            least = max(least, row.mean_bound)
            out.append(replace(row, mean_bound=min(least, row.mean)))
        elif row.worst_bound is not None:
            worst = max(worst, row.worst_bound)
            out.append(replace(row, worst_bound=min(worst, row.worst)))
        else:
            out.append(row)
    return out[::-1]


def _marked(rows: list[Row]) -> list[Row]:
    """Mark the rows that another one beats with no more sites."""
    figures = np.array([[row.p, row.mean, row.q90, row.worst] for row in rows], dtype=float)
    room = NEAR * np.maximum(np.abs(figures), 1.0)
    no_worse = (figures[:, None] <= figures[None] + room[None]).all(axis=2)  # [a, b]: a is no worse than b
    better = (figures[:, None, 1:] < figures[None, :, 1:] - room[None, :, 1:]).any(axis=2)
    beaten = (no_worse & better).any(axis=0)
    return [replace(row, efficient=not lost) for row, lost in zip(rows, beaten.tolist(), strict=True)]


def _marginals(rows: list[Row], whole: float) -> list[Marginal]:
    return marginals([row for row in rows if row.aim == "minisum"], whole)


def marginals(rows: list[Row], whole: float, *, more: bool = False, monotone: bool = True) -> list[Marginal]:
    """What each further site brings; rows of one aim, in the order of p.

    Args:
        rows: answers.
        whole: all people.
        more: whether the aim is the more the better.
        monotone: whether a further site cannot do harm.
    """
    pairs = ((a, b) for a, b in pairwise(rows) if b.p == a.p + 1)
    return [_marginal(a, b, whole, -1.0 if more else 1.0, monotone) for a, b in pairs]


def _marginal(a: Row, b: Row, whole: float, sign: float, monotone: bool) -> Marginal:
    saved = sign * (a.value - b.value)
    low, high = sign * (a.bound - b.value), sign * (a.value - b.bound)
    if monotone:
        low = max(low, 0.0)
    low, high = min(low, saved), max(high, saved)
    met = high - low <= NEAR * max(abs(a.value), abs(b.value))
    return Marginal(a.p, saved * whole, saved, low, high, met or (a.proven and b.proven))
