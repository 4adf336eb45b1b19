"""What if travel times and demand are otherwise: how often each site wins, and what the chosen ones then cost.

Monte Carlo with common random numbers: in scenario k the chosen sites and all others meet the same times and weights.
A travel time is the given one times a lognormal factor of mean 1,

    T_ij = t_ij exp(sigma (sqrt(c) Z + sqrt(a) Z_i + sqrt(b) Z_j + sqrt(r) Z_ij) - sigma^2 / 2),   c + a + b + r = 1,

with standard normal Z that all ways have in common (weather, a day's traffic), that all ways of a demand point have
(its own streets), that all ways to a candidate have (the streets around it), and that each way has alone. Demand points
and candidates of one area may share their Z: the best of many candidates side by side, each with luck of its own, would
look better than any of them is. A weight is
the given one times a factor of mean 1 that is lognormal or gamma. Each scenario has a stream of its own, so that
scenario 17 alone is scenario 17 of 100, on however many cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, StudyError
from potomac.location.asked import numbers, one_number
from potomac.location.attendance import checked_minutes
from potomac.location.placement import as_given, checked_weights
from potomac.location.question import Problem, Scenarios
from potomac.location.rivals import SAME, SHARE, Market, Rival, Verdict, rival_of
from potomac.stats.intervals import mean_interval, proportion_interval, quantile_interval
from potomac.stats.streams import Stream

__all__ = [
    "Areas", "Compared", "Hour", "Network", "Spread", "Stability", "by_hour", "over_roads", "scenario", "stability",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Drawn = Callable[[Stream], npt.NDArray[np.float64]]

USUAL = Stream(0, ("location", "scenarios"))

NONE_LOST = 1e-9
"""A share of the people that is as good as nobody."""


@dataclass(frozen=True)
class Spread:
    """How much travel times and weights may differ from those that are given.

    Attributes:
        travel: standard deviation of the logarithm of a travel time, sigma.
        common: share c of its variance that all ways have in common.
        demand_point: share a that all ways from a demand point have.
        site: share b that all ways to a candidate have; what is left, r, each way has alone. Of many candidates one is
            always lucky: give them a part of their own only where their streets are, or with ``Areas``.
        demand: standard deviation of the logarithm of a weight, or its coefficient of variation (gamma).
        law: of the weights.
    """

    travel: float = 0.2
    common: float = 0.5
    demand_point: float = 0.25
    site: float = 0.0
    demand: float = 0.1
    law: Literal["lognormal", "gamma"] = "lognormal"

    def __post_init__(self) -> None:
        for name in ("travel", "common", "demand_point", "site", "demand"):
            given = getattr(self, name)
            if not (np.isfinite(given) and given >= 0):
                raise _wrong(f"{name} is {given}", "expected 0 or more", name)
        if self.common + self.demand_point + self.site > 1 + 1e-9:
            said = f"shares of the variance sum to {self.common + self.demand_point + self.site:g}"
            raise _wrong(said, "expected at most 1", "common")
        if self.law not in ("lognormal", "gamma"):
            raise _wrong(f"the law is {self.law!r}", 'expected "lognormal" or "gamma"', "law")

    @property
    def way(self) -> float:
        """The share r of the variance that each way has alone."""
        return max(0.0, 1 - self.common - self.demand_point - self.site)

    @classmethod
    def of(cls, asked_for: Scenarios) -> Spread:
        """That of a study: what is not shared by all belongs half to demand points and half to single ways."""
        rest = (1 - asked_for.shared) / 2
        return cls(asked_for.travel_spread, asked_for.shared, rest, 0.0, asked_for.demand_spread)


@dataclass(frozen=True)
class Areas:
    """Which demand points, and which candidates, share their part of the travel time: numbers of areas from 0.

    Attributes:
        demand_points: shape (n,).
        sites: shape (m,); areas of the same number as those of demand points have another draw.
    """

    demand_points: Ints
    sites: Ints


class Network(Protocol):
    """What scenarios ask of a road network (see ``travel.network``)."""

    links: int

    def scenarios(
        self, origins: Any, destinations: Any, factors: Iterable[npt.ArrayLike], departure: float | None = None, *,
        ids: bool = False,
    ) -> Iterator[Floats]:  # fmt: skip
        """Travel times, one matrix for each set of factors of the links' times."""
        ...


def over_roads(
    network: Network, origins: Any, destinations: Any, spread: Spread, departure: float | None = None, *,
    ids: bool = False,
) -> Drawn:  # fmt: skip
    """Scenarios of the links of a road network, for ``drawn``: every link is as slow for all ways that use it.

    The factor of a link is exp(sigma (sqrt(c) Z + sqrt(1 - c) Z_link) - sigma^2 / 2), of mean 1: what is not common to
    all is of the links, and long ways over many of them vary less than sigma.

    Args:
        network: whose links they are.
        origins: demand points, as ``network.scenarios`` takes them.
        destinations: candidates.
        spread: sigma is ``travel`` and c is ``common``.
        departure: hour of the day.
        ids: whether origins and destinations are ids of nodes.
    """

    def drawn(mine: Stream) -> Floats:
        sigma, c = spread.travel, spread.common
        each = np.sqrt(c) * _normal(mine, "common", 1) + np.sqrt(1 - c) * _normal(mine, "link", network.links)
        factors = np.exp(sigma * each - sigma * sigma / 2)
        return next(iter(network.scenarios(origins, destinations, [factors], departure, ids=ids)))

    return drawn


def _wrong(said: str, expected: str, key: str) -> StudyError:
    return StudyError(Fault("location.problem", said, expected, key=key))


@dataclass(frozen=True)
class Hour:
    """The answer at an hour of the day.

    Attributes:
        hour: 0 to 24.
        sites: best at that hour, ascending.
        chosen: measure of the chosen sites then, a person.
        best: measure of the best.
        exact: whether it is known that no sites are better than ``best``.
        lost: share of the weight that the chosen sites leave out then, by a radius or for want of room.
        lost_least: share that the best leave out.
    """

    hour: float
    sites: Ints
    chosen: float
    best: float
    exact: bool
    lost: float = 0.0
    lost_least: float = 0.0

    @property
    def regret(self) -> float:
        """What the chosen sites cost more than the best at that hour; NaN where they leave more people out."""
        return float("nan") if self.lost > self.lost_least + NONE_LOST else max(self.chosen - self.best, 0.0)


@dataclass(frozen=True)
class Compared:
    """What the chosen sites and the best ones are worth in each scenario.

    Attributes:
        chosen: measure of the chosen sites in each scenario, a person, shape (count,).
        least: measure of the best sites in each scenario, shape (count,).
        regret: what the chosen sites cost more, shape (count,); NaN where they leave people out whom the best serve.
        lost: share of the weight that the chosen sites leave out, shape (count,).
        lost_least: share that the best leave out, shape (count,).
        unit: of the measures and of regret.
        limited: whether a radius or capacities can leave people out.
        exact: whether the best of each scenario is known to be the best of all; else regret is at least what is told.
        notes: one sentence each.
    """

    chosen: Floats
    least: Floats
    regret: Floats
    lost: Floats
    lost_least: Floats
    unit: str
    limited: bool
    exact: bool
    notes: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many scenarios there were."""
        return len(self.chosen)

    @property
    def unbeaten(self) -> tuple[float, float, float]:
        """The share of scenarios in which nothing is better than the chosen sites, and its 95 % interval (Wilson)."""
        return self._share(self.regret <= SAME * np.maximum(np.abs(self.least), 1e-300))

    @property
    def keeps(self) -> tuple[float, float, float]:
        """The share of scenarios in which the chosen sites leave nobody out, and its 95 % interval."""
        return self._share(self.lost <= NONE_LOST)

    @property
    def possible(self) -> float:
        """The share of scenarios in which some sites that were met leave nobody out."""
        return float((self.lost_least <= NONE_LOST).mean())

    def near(self, share: float) -> float:
        """The share of scenarios in which the chosen sites are within so much of the best; NaN never is."""
        best = 1 - self.least if self.unit == SHARE else self.least  # of those who come, or are in reach
        return float((self.regret <= share * best + SAME * np.abs(best)).mean())

    @property
    def mean_regret(self) -> tuple[float, float, float]:
        """Mean regret where it is known, and its 95 % interval (Student); NaN where it never is."""
        known = self._known
        if not len(known):
            return float("nan"), float("nan"), float("nan")
        low, high = mean_interval(known) if len(known) > 1 else (0.0, float("inf"))
        return float(known.mean()), max(low, 0.0), high

    @property
    def regret_95(self) -> tuple[float, float, float]:
        """Regret that 19 scenarios in 20 do not exceed, and its 95 % interval (order statistics)."""
        known = self._known
        low, high = quantile_interval(known, 0.95)
        return float(np.quantile(known, 0.95, method="inverted_cdf")), max(low, 0.0), high

    @property
    def relative_regret(self) -> float:
        """Mean regret as a share of the mean of the best."""
        some = np.isfinite(self.regret)
        best = float(self.least[some].mean()) if some.any() else 0.0
        return float(self.regret[some].mean()) / best if best > 0 else 0.0

    @property
    def _known(self) -> Floats:
        return self.regret[np.isfinite(self.regret)]

    def _share(self, which: npt.NDArray[np.bool_]) -> tuple[float, float, float]:
        times = int(which.sum())
        low, high = proportion_interval(times, self.count)
        return times / self.count, low, high


@dataclass(frozen=True)
class Stability(Compared):
    """How well the chosen sites stand up to scenarios.

    Attributes:
        sites: the chosen, ascending.
        best: the best sites of each scenario, ascending, then -1 where there are fewer; shape (count, most).
        wins: in how many scenarios each candidate is among the best sites, shape (m,).
        share: the same as shares, which sum to p where there are p sites; shape (m,).
        low, high: 95 % intervals of the shares (Wilson), shape (m,).
    """

    sites: Ints
    best: Ints
    wins: Ints
    share: Floats
    low: Floats
    high: Floats


def scenario(
    minutes: Floats,
    weights: Floats,
    k: int,
    stream: Stream,
    spread: Spread,
    drawn: Drawn | None = None,
    areas: Areas | None = None,
) -> tuple[Floats, Floats]:
    """Travel times and weights of scenario k.

    Args:
        minutes: usual travel times, shape (n, m).
        weights: usual weights, shape (n,).
        k: number of the scenario.
        stream: under which all scenarios lie.
        spread: how much they differ.
        drawn: stream -> travel times of a scenario, shape (n, m), in place of the lognormal factors (a road network
            whose links are drawn).
        areas: what shares its part; default nothing does.

    Returns:
        Minutes, shape (n, m), and weights, shape (n,).
    """
    mine = stream.child("scenario", k)
    w = weights * _weight_factors(len(weights), mine, spread)
    if drawn is not None:
        return drawn(mine.child("travel")), w
    return (minutes * _time_factors(minutes.shape, mine, spread, areas) if spread.travel > 0 else minutes), w


def _normal(stream: Stream, name: str, shape: int | tuple[int, ...]) -> Floats:
    return stream.child(name).generator().standard_normal(shape)


def _weight_factors(n: int, mine: Stream, spread: Spread) -> Floats:
    s = spread.demand
    if s == 0:
        return np.ones(n)
    if spread.law == "gamma":
        return mine.child("weight").generator().gamma(1 / s**2, s**2, n)
    return np.asarray(np.exp(s * _normal(mine, "weight", n) - s * s / 2))


def _time_factors(shape: tuple[int, ...], mine: Stream, spread: Spread, areas: Areas | None) -> Floats:
    """Lognormal, of mean 1, shape (n, m)."""
    n, m = shape
    sigma = spread.travel
    rows = np.sqrt(spread.common) * _normal(mine, "common", 1) + np.sqrt(spread.demand_point) * _shared(
        mine, "demand_point", n, None if areas is None else areas.demand_points
    )
    log = _normal(mine, "way", shape) if spread.way > 0 else np.zeros(shape)
    log *= sigma * np.sqrt(spread.way)
    log += (sigma * rows - sigma * sigma / 2)[:, None]
    log += sigma * np.sqrt(spread.site) * _shared(mine, "site", m, None if areas is None else areas.sites)
    return np.asarray(np.exp(log, out=log))


def _shared(mine: Stream, name: str, n: int, area: Ints | None) -> Floats:
    """A draw for each of n, or for each area of theirs."""
    return _normal(mine, name, n) if area is None else _normal(mine, name, int(area.max()) + 1)[area]


def stability(
    minutes: npt.ArrayLike, weights: npt.ArrayLike | None, sites: Iterable[int], problem: Problem, *, count: int = 200,
    spread: Spread = Spread(), stream: Stream = USUAL, fixed: Iterable[int] = (),
    forbidden: Iterable[int] = (), capacity: npt.ArrayLike | None = None, opening: npt.ArrayLike | None = None,
    market: Market | None = None, areas: Areas | None = None, drawn: Drawn | None = None, threads: int | None = None,
    progress: Progress | None = None,
) -> Stability:  # fmt: skip
    """Compare the chosen sites with the best of each of ``count`` scenarios.

    With one site to choose the best is the best of all candidates. With more it is what interchange finds from the
    chosen sites (and, where that is quick, from a greedy start), never worse than the chosen. Where a radius,
    capacities or a cover can leave people out, sites that leave out fewer are better whatever they cost, and regret is
    told of the scenarios in which the chosen sites leave out no more than the best.

    Args:
        minutes: usual travel times, infinite where there is no way, shape (n, m).
        weights: usual weights, shape (n,); default 1 each.
        sites: the chosen candidates.
        problem: by what sites are compared (see ``measures`` and ``rivals``). There are as many sites as are chosen,
            but for set covers, and for fixed charges without p.
        count: scenarios.
        spread: how much they differ from the usual.
        stream: of the draws; the same gives the same scenarios for other sites and other problems as well.
        fixed: sites that are there in every scenario.
        forbidden: candidates that are never sites.
        capacity: most weight that each candidate serves, shape (m,); demand is shared among sites where one is full.
        opening: what each candidate costs (fixed charges, set covers), shape (m,).
        market: what draws people, and which columns of ``minutes`` are sites of others (market_share).
        areas: demand points and candidates that share their part of the travel time.
        drawn: stream -> travel times of a scenario, in place of lognormal factors.
        threads: at a time; they change nothing but the time it takes. Default one a core.
        progress: told of scenarios that are through.

    Raises:
        DataError: minutes, weights, capacity or opening are no such numbers.
        StudyError: sites, count, fixed or forbidden make no sense.
        NoAnswer: p is below the number of fixed sites.
        Interrupted: the work shall stop.
    """
    t = checked_minutes(minutes)
    w = checked_weights(weights, len(t))
    if count < 1:
        raise _wrong(f"count is {count}", "expected 1 or more scenarios", "count")
    rival = _rival(t.shape[1], sites, problem, fixed, forbidden, capacity, opening, market)
    if areas is not None:
        areas = Areas(_area(areas.demand_points, len(t), "demand_points"), _area(areas.sites, t.shape[1], "sites"))
    tell = progress or Quiet()

    def one(k: int) -> Verdict:
        return rival.compared(*scenario(t, w, k, stream, spread, drawn, areas))

    found: list[Verdict] = []
    workers = threads or _cores()
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, count, 4 * workers):  # an interrupt waits for no more than these
            tell("scenarios", start, count)
            found += pool.map(one, range(start, min(start + 4 * workers, count)))
    tell("scenarios", count, count)
    return _stability(rival, found, t.shape[1])


def _rival(
    m: int, sites: Iterable[int], problem: Problem, fixed: Iterable[int], forbidden: Iterable[int],
    capacity: npt.ArrayLike | None, opening: npt.ArrayLike | None, market: Market | None,
) -> Rival:  # fmt: skip
    room = None if capacity is None else numbers(capacity, m, "capacity", infinite=True)
    price = None if opening is None else numbers(opening, m, "opening")
    return rival_of(m, sites, problem, fixed, forbidden, room, price, market)


def _stability(rival: Rival, found: list[Verdict], m: int) -> Stability:
    count = len(found)
    best = np.full((count, max(len(one.best) for one in found)), -1)
    for k, one in enumerate(found):
        best[k, : len(one.best)] = one.best
    wins = np.bincount(best[best >= 0], minlength=m).astype(np.int64)
    low, high = proportion_interval(wins, np.full(m, count))
    exact = all(one.proven for one in found)
    return Stability(
        **verdicts(found), unit=rival.unit, limited=rival.limited, exact=exact, notes=() if exact else (AT_LEAST,),
        sites=rival.sites, best=best, wins=wins, share=wins / count, low=low, high=high,
    )  # fmt: skip


AT_LEAST = "the best of a scenario is what interchange found from the chosen sites; regret is at least what is told"


def verdicts(found: list[Verdict]) -> dict[str, Floats]:
    """The numbers of :class:`Compared`, an array each."""
    return {name: np.array([getattr(one, name) for one in found]) for name in _NUMBERS}


_NUMBERS = ("chosen", "least", "regret", "lost", "lost_least")


def _area(given: npt.ArrayLike, n: int, key: str) -> Ints:
    """Numbers of areas, one for each of n.

    Raises:
        StudyError: they are others.
    """
    found = np.asarray(given)
    if found.shape != (n,) or found.dtype.kind not in "iu" or (found < 0).any():
        raise _wrong(f"areas of {key} have shape {found.shape}", f"expected {n} whole numbers from 0", "areas")
    return found.astype(np.int64)


def _hours(minutes: Any) -> list[float]:
    """The hours of the day that there are travel times of, in order.

    Raises:
        StudyError: they are not by hours of the day.
    """
    if not isinstance(minutes, Mapping):
        said = f"minutes are {as_given(minutes)}"
        raise _wrong(said, "expected travel times by the hour of the day, such as {8.0: minutes}", "minutes")
    return sorted(minutes, key=lambda hour: one_number(hour, "hour", high=24.0))


def by_hour(
    minutes: Mapping[float, npt.ArrayLike], weights: npt.ArrayLike | None, sites: Iterable[int], problem: Problem, *,
    fixed: Iterable[int] = (), forbidden: Iterable[int] = (), capacity: npt.ArrayLike | None = None,
    opening: npt.ArrayLike | None = None, market: Market | None = None, progress: Progress | None = None,
) -> tuple[Hour, ...]:  # fmt: skip
    """The best sites at each hour of the day, and what the chosen ones cost then; in the order of hours.

    Args:
        minutes: hour -> travel times at that hour, shape (n, m).
        weights: shape (n,); default 1 each.
        sites: the chosen candidates.
        problem: by what sites are compared.
        fixed: sites that are there at every hour.
        forbidden: candidates that are never sites.
        capacity: most weight that each candidate serves, shape (m,).
        opening: what each candidate costs (fixed charges, set covers), shape (m,).
        market: what draws people, and which columns of ``minutes`` are sites of others (market_share).
        progress: told of hours that are through.

    Raises:
        DataError: minutes, weights, capacity or opening are no such numbers.
        StudyError: minutes are not by hours of the day, or sites, fixed or forbidden make no sense.
        NoAnswer: p is below the number of fixed sites.
    """
    tell, found = progress or Quiet(), []
    for k, hour in enumerate(_hours(minutes)):
        tell("hours of the day", k, len(minutes))
        t = checked_minutes(minutes[hour])
        rival = _rival(t.shape[1], sites, problem, fixed, forbidden, capacity, opening, market)
        one = rival.compared(t, checked_weights(weights, len(t)))
        found.append(Hour(float(hour), one.best, one.chosen, one.least, one.proven, one.lost, one.lost_least))
    return tuple(found)


def _cores() -> int:
    from numba import get_num_threads

    return int(get_num_threads())
