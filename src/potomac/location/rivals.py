"""Chosen sites beside the best ones of a scenario, for every problem of sites at candidates.

Where the nearest site serves and nobody is left out, sites are compared by the measure of the problem (see
``measures``). Where a radius, capacities or a cover can leave people out, those who leave out the smaller share are
better; of equals those who cost a person the least:

    minisum within a radius    mean of the travel time, minutes
    capacities                 the same, where demand is shared among sites in the cheapest way (the transport problem)
    fixed_charge               what the sites cost to open, and the travel times, in minutes a person
    set_cover                  sites, or what they cost

The share of a market (Huff) is lost to the sites of others, whose ways are slow or quick in a scenario as well.

Who is served by which site is thus decided anew in each scenario, and the sites are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, combinations
from math import comb
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from potomac.location.asked import Asked, asked
from potomac.location.covers import cheapest_cover
from potomac.location.facility.nearest import interchanged
from potomac.location.facility.shared import transport
from potomac.location.fixing import FREE, IN, OUT
from potomac.location.gravity import Decay, greedy
from potomac.location.gravity import interchanged as interchanged_custom
from potomac.location.highs import Clock
from potomac.location.measures import Measure, betters, measure_of, opened_one_by_one, value
from potomac.location.placement import indices
from potomac.location.question import Problem

__all__ = ["SAME", "SHARE", "Market", "Rival", "Verdict", "rival_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SHARE = "share of people"
"""Unit of measures that count people."""

GREEDY = 2e7
"""Work up to which each scenario is solved from a greedy start too, not from the chosen sites alone."""

SAME = 1e-9
"""Sites whose measure is nearer than this share of the best are as good."""

LIGHT = 1e-7
"""Who is a smaller share of the weight may be left out by a search, as prices that outweigh all else lose digits."""

NOBODY = 1e-9
"""A share of the weight that is as good as none."""

LOOKS = 200
"""Placements up to which all are looked at, where each is a problem of its own."""

EFFORT = 1e8
"""What a scenario with capacities may take (about ns)."""

NEIGHBOURS = 24
"""Exchanges that are tried from each choice of sites, where there are capacities: those that look best without."""

MOVES = 60
"""Exchanges one after the other in a scenario, at most."""

ROWS = 400_000
"""Pairs up to which the cover of a scenario is sought with multipliers, not by interchange alone."""


class Verdict(NamedTuple):
    """The chosen sites and the best of a scenario.

    Attributes:
        chosen: measure of the chosen sites.
        least: measure of the best.
        best: the best sites; those chosen where nothing is better.
        lost: share of the weight that the chosen sites leave out.
        lost_least: share of the weight that the best leave out.
        regret: what the chosen cost more than the best; NaN where they leave people out whom the best serve.
        proven: whether no sites are better than the best.
    """

    chosen: float
    least: float
    best: Ints
    lost: float
    lost_least: float
    regret: float
    proven: bool


class Rival(Protocol):
    """The chosen sites, and the search for better ones.

    Attributes:
        sites: the chosen, ascending.
        unit: of the measure.
        limited: whether sites can leave people out.
    """

    sites: Ints
    unit: str
    limited: bool

    def compared(self, minutes: Floats, w: Floats) -> Verdict:
        """The verdict of a scenario: travel times of shape (n, m) and weights of shape (n,)."""
        ...


@dataclass(frozen=True)
class Market:
    """What draws people beside travel times.

    Attributes:
        attractiveness: of each candidate, shape (m,).
        others: which of them are sites of others, and no candidates, shape (r,).
    """

    attractiveness: Floats
    others: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


def rival_of(
    m: int, sites: Iterable[int], problem: Problem, fixed: Iterable[int] = (), forbidden: Iterable[int] = (),
    capacity: Floats | None = None, opening: Floats | None = None, market: Market | None = None,
) -> Rival:  # fmt: skip
    """The rival of some sites.

    Args:
        m: candidates.
        sites: the chosen.
        problem: what they are chosen for.
        fixed: sites that are there in any case.
        forbidden: candidates that are never sites.
        capacity: most weight that each serves, shape (m,).
        opening: what each costs, shape (m,).
        market: what draws people, for the share of a market.

    Raises:
        StudyError: sites, fixed or forbidden make no sense, or the problem lacks its radius.
        NoAnswer: there are fewer sites than fixed ones.
    """
    mine = indices(sites, m, "sites")
    kind, radius = problem.objective, problem.service_radius
    if kind == "market_share":
        market = market or Market(np.ones(m))
        return _Won(mine, asked(m, len(mine), fixed, np.union1d(_listed(forbidden, m), market.others)), problem, market)
    free = kind == "set_cover" or (kind == "fixed_charge" and problem.p is None)
    ask = asked(m, None if free else len(mine), fixed, forbidden)
    if kind == "set_cover":
        return _Cover(mine, ask, measure_of(problem).scale, opening)
    if kind == "fixed_charge" or (kind == "minisum" and (capacity is not None or radius is not None)):
        price = opening if kind == "fixed_charge" and opening is not None else np.zeros(m)
        return _Served(mine, ask, np.ascontiguousarray(price, dtype=np.float64), capacity, radius)
    return _Open(mine, ask, measure_of(problem), radius if kind == "minimax" else None)


class _Open:
    """Everyone goes to the nearest site, wherever that is."""

    def __init__(self, sites: Ints, ask: Asked, measure: Measure, radius: float | None) -> None:
        self.sites, self.ask, self.measure, self.radius = sites, ask, measure, radius
        self.unit, self.limited = measure.unit, radius is not None

    def compared(self, minutes: Floats, w: Floats) -> Verdict:
        chosen, best = value(minutes, w, self.sites, self.measure), self._best(minutes, w)
        least, proven = value(minutes, w, best, self.measure), self.ask.more <= 1
        if not least < chosen - SAME * abs(chosen):
            best, least = self.sites, chosen
        lost, lost_least = (self._beyond(minutes, w, some) for some in (self.sites, best))
        return Verdict(chosen, least, best, lost, lost_least, chosen - least, proven)

    def _beyond(self, minutes: Floats, w: Floats, sites: Ints) -> float:
        if self.radius is None:
            return 0.0
        return float(w[minutes[:, sites].min(axis=1) > self.radius].sum() / w.sum())

    def _best(self, minutes: Floats, w: Floats) -> Ints:
        ask, measure = self.ask, self.measure
        if ask.more == 0:
            return ask.fixed
        if ask.more == 1:
            return opened_one_by_one(minutes, w, measure, ask.fixed, ask.free, ask.p or 1)
        starts = [self.sites]
        if minutes.size * ask.more <= GREEDY:
            starts.append(opened_one_by_one(minutes, w, measure, ask.fixed, ask.free, ask.p or 1))
        ends = [betters(minutes, w, measure, start, ask.fixed, ask.free) for start in starts]
        return min(ends, key=lambda end: value(minutes, w, end, measure))


def _listed(given: Iterable[int], m: int) -> Ints:
    return indices(given, m, "forbidden")


class _Won:
    """Custom is shared among all sites by their pull (Huff)."""

    unit, limited = SHARE, False

    def __init__(self, sites: Ints, ask: Asked, problem: Problem, market: Market) -> None:
        self.sites, self.ask, self.market = sites, ask, market
        self.decay, self.staying = Decay(problem.distance_decay), problem.staying

    def compared(self, minutes: Floats, w: Floats) -> Verdict:
        ask, theirs = self.ask, self.market.others
        pull = np.ascontiguousarray(self.decay(minutes) * self.market.attractiveness)
        rest = np.ascontiguousarray(pull[:, theirs].sum(axis=1) + self.staying)
        starts = [self.sites, greedy(pull, rest, w, ask.fixed, ask.free, ask.p or 1)]
        ends = [interchanged_custom(pull, rest, w, start, ask.fixed, ask.free) for start in starts]
        lost = [_lost(pull, rest, w, sites) for sites in (self.sites, *ends)]
        chosen, k = lost[0], int(np.argmin(lost))
        least, best = lost[k], self.sites if k == 0 else ends[k - 1]
        if not least < chosen - SAME:
            least, best = chosen, self.sites
        return Verdict(chosen, least, np.sort(best), 0.0, 0.0, chosen - least, ask.more <= 1)


def _lost(pull: Floats, rest: Floats, w: Floats, sites: Ints) -> float:
    """The share of the custom that sites do not win."""
    mine = pull[:, sites].sum(axis=1)
    whole = mine + rest
    return 1.0 - float(w @ np.divide(mine, whole, out=np.zeros_like(mine), where=whole > 0)) / float(w.sum())


# ---- a radius, capacities, opening costs --------------------------------------------------------------------------


class _Cost(NamedTuple):
    """What sites leave out, as a share of the weight, and what they cost a person."""

    lost: float
    paid: float

    def below(self, other: _Cost) -> bool:
        if abs(self.lost - other.lost) > NOBODY:
            return self.lost < other.lost
        return self.paid < other.paid - SAME * abs(other.paid)


class _Served:
    """Sites that serve within a radius and their capacities, and may cost something to open."""

    unit, limited = "min", True

    def __init__(
        self, sites: Ints, ask: Asked, opening: Floats, capacity: Floats | None, radius: float | None
    ) -> None:  # fmt: skip
        self.sites, self.ask, self.opening, self.capacity = sites, ask, opening, capacity
        self.radius = np.inf if radius is None else radius
        self.limited = capacity is not None or radius is not None
        self.least = ask.p or max(1, len(ask.fixed))
        self.most = ask.p or len(ask.allowed)
        self.status = np.full(len(opening), OUT, np.int8)
        self.status[ask.free], self.status[ask.fixed] = FREE, IN
        self.every = _every(ask, self.least, self.most)

    def compared(self, minutes: Floats, w: Floats) -> Verdict:
        some = w > 0
        kind = _Nearest if self.capacity is None else _Shared
        service = kind(self, minutes[some], w[some])
        best, mine = self.sites, service.cost(self.sites)
        least = mine
        for sites in self.every or service.better():
            cost = service.cost(sites)
            if cost.below(least):
                best, least = sites, cost
        regret = max(mine.paid - least.paid, 0.0) if abs(mine.lost - least.lost) <= NOBODY else np.nan
        return Verdict(mine.paid, least.paid, best, mine.lost, least.lost, regret, self.every is not None)


def _every(ask: Asked, least: int, most: int) -> tuple[Ints, ...] | None:
    """All placements, where they are few."""
    k, f = len(ask.fixed), len(ask.free)
    counts = range(max(least - k, 0), min(most - k, f) + 1)
    if f > 30 or sum(comb(f, many) for many in counts) > LOOKS:
        return None
    chosen = chain.from_iterable(combinations(ask.free.tolist(), many) for many in counts)
    return tuple(np.union1d(ask.fixed, np.array(some, dtype=np.int64)) for some in chosen)


class _Nearest:
    """A scenario in which the nearest site serves whoever is within the radius."""

    def __init__(self, rival: _Served, minutes: Floats, w: Floats) -> None:
        self.rival, self.w, self.whole = rival, w, float(w.sum())
        self.near = np.isfinite(minutes) & (minutes <= rival.radius)
        some = np.where(self.near, minutes, 0.0)
        least = max(float(w.min()), LIGHT * self.whole)
        far = (float(w @ some.max(axis=1)) + float(rival.opening.sum())) / least + 1.0  # outweighs all else
        self.toll = np.ascontiguousarray(np.where(self.near, minutes, far) * w[:, None])

    def cost(self, sites: Ints) -> _Cost:
        here = self.near[:, sites].any(axis=1)
        paid = float(self.toll[np.ix_(here, sites)].min(axis=1).sum() + self.rival.opening[sites].sum())
        return _Cost(float(self.w[~here].sum()) / self.whole, paid / self.whole)

    def better(self) -> Iterator[Ints]:
        """What interchange makes of the chosen sites, and of one opened after the other."""
        r = self.rival
        far = float(self.toll.max(axis=1).sum() + r.opening.sum()) + 1.0
        greedy = opened_one_by_one(self.toll, np.ones(len(self.w)), Measure("", ""), r.ask.fixed, r.ask.free, r.least)
        for start in (r.sites, greedy):
            yield np.asarray(
                interchanged(self.toll, r.opening, r.status, start, r.least, r.most, far, 1e-14 * far, 500), np.int64
            )


class _Shared:
    """A scenario in which demand goes where there is room, in the cheapest way; what has none is left out."""

    def __init__(self, rival: _Served, minutes: Floats, w: Floats) -> None:
        assert rival.capacity is not None  # noqa: S101
        self.rival, self.w, self.whole = rival, w, float(w.sum())
        n, self.m = minutes.shape
        near = np.isfinite(minutes) & (minutes <= rival.radius)
        top = float(np.where(near, minutes, 0.0).max())
        self.far = 2.0 * (rival.most + 1) * top + 1.0  # no way round over other sites saves as much
        self.plain = np.where(near, minutes, self.far)
        away = np.append(np.where(near, minutes, np.inf), np.full((n, 1), self.far), axis=1)
        self.toll = np.ascontiguousarray(away * w[:, None])
        self.capacity = np.append(rival.capacity, np.inf)
        self.known: dict[bytes, _Cost] = {}
        self.left = EFFORT

    def cost(self, sites: Ints) -> _Cost:
        key = np.sort(sites).tobytes()
        if key not in self.known:
            self.known[key] = self._transported(np.sort(sites))
        return self.known[key]

    def _transported(self, sites: Ints) -> _Cost:
        n, s = len(self.w), len(sites) + 1
        self.left -= 1e4 + 2.0 * n * (20 * s + n / 5)
        _, shares, _ = transport(self.toll, self.w, self.capacity, np.append(sites, self.m))
        lost = float(self.w @ shares[:, -1])
        ways = float((shares[:, :-1] * np.where(shares[:, :-1] > 0, self.toll[:, sites], 0.0)).sum())
        return _Cost(lost / self.whole, (ways + float(self.rival.opening[sites].sum())) / self.whole)

    def better(self) -> Iterator[Ints]:
        """From the chosen sites to the first exchange that helps, and on from there."""
        best, cost = self.rival.sites, self.cost(self.rival.sites)
        for _ in range(MOVES):
            better = next((one for one in self._around(best, cost.lost > NOBODY) if self.cost(one).below(cost)), None)
            if better is None:
                break
            best, cost = better, self.cost(better)
        yield best

    def _around(self, sites: Ints, short: bool) -> Iterator[Ints]:
        """Sites with one opened, closed or exchanged: those that cost least without capacities, and the largest."""
        r = self.rival
        outside, loose = np.setdiff1d(r.ask.free, sites), np.setdiff1d(sites, r.ask.fixed)
        two = np.sort(np.append(self.plain[:, sites], np.full((len(self.w), 1), self.far), axis=1), axis=1)[:, :2]
        nearest = sites[self.plain[:, sites].argmin(axis=1)]
        gain = self.w @ np.maximum(two[:, :1] - self.plain[:, outside], 0.0) - r.opening[outside]
        moves: list[tuple[float, float, int, int]] = []  # cost without capacities, room, closed, opened
        if len(sites) < r.most:
            moves += [(-g, -r_, -1, j) for g, r_, j in zip(gain, self.capacity[outside], outside, strict=True)]
        for k in loose:
            mine = nearest == k
            w, first, second = self.w[mine], two[mine, :1], two[mine, 1:]
            loss = float(w @ (second - first)[:, 0]) - r.opening[k]
            if len(sites) > r.least:
                moves.append((loss, self.capacity[k], k, -1))
            kept = w @ np.maximum(second - np.maximum(self.plain[np.ix_(mine, outside)], first), 0.0)
            room = self.capacity[k] - self.capacity[outside]
            moves += [(loss - g - e, c, k, j) for g, e, c, j in zip(gain, kept, room, outside, strict=True)]
        order = sorted(moves)[:NEIGHBOURS]
        if short:  # who is larger helps where there is too little room
            order = sorted(moves, key=lambda move: (move[1], move[0]))[: NEIGHBOURS // 3] + order
        for _, _, closed, opened in order:
            if self.left < 0:
                return
            kept_ = sites[sites != closed]
            yield np.sort(np.append(kept_, opened)) if opened >= 0 else kept_


# ---- covers -------------------------------------------------------------------------------------------------------


class _Cover:
    """Sites that have everyone within the radius, as few or as cheap as can be."""

    limited = True

    def __init__(self, sites: Ints, ask: Asked, radius: float, opening: Floats | None) -> None:
        self.sites, self.ask, self.radius = sites, ask, radius
        self.unit = "sites" if opening is None else ""
        self.opening = opening

    def compared(self, minutes: Floats, w: Floats) -> Verdict:
        some = w > 0
        near, w = (np.isfinite(minutes) & (minutes <= self.radius))[some], w[some]
        price = np.ones(near.shape[1]) if self.opening is None else self.opening
        mine = self._cost(near, w, price, self.sites)
        best, proven = self._cheapest(near, price)
        least = self._cost(near, w, price, best)
        if not least.below(mine):
            best, least = self.sites, mine
        regret = mine.paid - least.paid if abs(mine.lost - least.lost) <= NOBODY else np.nan
        return Verdict(mine.paid, least.paid, best, mine.lost, least.lost, regret, proven)

    def _cost(self, near: Bools, w: Floats, price: Floats, sites: Ints) -> _Cost:
        return _Cost(float(w[~near[:, sites].any(axis=1)].sum() / w.sum()), float(price[sites].sum()))

    def _cheapest(self, near: Bools, price: Floats) -> tuple[Ints, bool]:
        """The cheapest cover of all who can be covered, beside the fixed sites, and whether it is known to be that."""
        fixed, free = self.ask.fixed, self.ask.free
        bare = ~near[:, fixed].any(axis=1) & near[:, free].any(axis=1)
        if not bare.any():
            return fixed, True
        inside = near[np.ix_(bare, free)]
        if inside.size <= ROWS:
            found = cheapest_cover(inside, price[free], Clock(np.inf), exact=False)
            chosen, proven = found.columns, found.total <= found.bound + SAME * max(found.total, 1.0)
        else:
            chosen, proven = self._interchanged(inside, price[free]), False
        return np.union1d(fixed, free[chosen]), proven

    def _interchanged(self, inside: Bools, price: Floats) -> Ints:
        """Sites are opened as long as somebody is left out, closed as long as nobody is."""
        far = float(price.sum()) + 1.0
        toll, status = np.where(inside, 0.0, far), np.zeros(len(price), np.int8)
        start = np.flatnonzero(np.isin(self.ask.free, self.sites))
        if not len(start):
            start = np.array([int(inside.sum(axis=0).argmax())])
        most = far * len(inside) + 1.0
        return np.asarray(interchanged(toll, price, status, start, 1, len(price), most, 1e-12 * most, 500), np.int64)
