"""How sure the answer is: the frontier over the number of sites, and what if times and demand are otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import Fault, NoAnswer
from potomac.location.frontier import Aim, Frontier, equity_frontier, marginals
from potomac.location.how_many import SHARES, Answer, Numbered, answer_of, how_many
from potomac.location.journeys import Journeys, has_places
from potomac.location.moving import Drift, drift, drift_by_hour
from potomac.location.outcome import named, weighted_quantile
from potomac.location.placement import Placement
from potomac.location.question import Problem, Question, Solver
from potomac.location.reach import in_words_of_the_study
from potomac.location.reading import Candidates
from potomac.location.rivals import Market
from potomac.location.scenarios import Compared, Drawn, Hour, Spread, Stability, by_hour, over_roads, stability
from potomac.location.solve import of_study, solve
from potomac.location.worth import least
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    from potomac.location.travel.network import RoadNetwork

__all__ = ["NEAR", "Drifted", "OneMore", "Robust", "Wins", "robust"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEAR = 0.05
"""Share by which what is worse than the best still counts as near it."""

LINKS = 40_000_000
"""Links that are drawn over all scenarios of a road network, at most."""

DRAWS = 2_000_000_000
"""Travel times that are drawn over all scenarios, at most: about a minute on two cores."""

SERVED = 30_000_000
"""The same where each scenario is a problem of its own: capacities, covers."""

TURNS = 4_000_000
"""Demand points times sites anywhere over all scenarios, at most: about a minute."""

PAIRS = 4_000_000
"""Travel times up to which numbers of sites are compared."""

QUICK_GAP = 0.002
"""Relative gap of a frontier that was not asked for."""

QUICK = 20.0
"""Seconds for all of it, at most."""

MANY = 12
"""Numbers of sites that are compared, about, where there are more."""

FEWEST = 20
"""Scenarios with fewer than these say little: none are made."""


@dataclass(frozen=True)
class Wins:
    """How the answer fares over the scenarios.

    Attributes:
        share: of the scenarios in which nothing is better; None for sites anywhere, where something always is.
        low: lower end of its 95 % interval.
        high: upper end.
        regret: mean of what it costs more than the best of a scenario; NaN where it leaves people out in all of them.
        regret_low: lower end of its 95 % interval.
        regret_high: upper end.
        unit: of regret.
        scenarios: how many there were.
        near: share of the scenarios in which it is within ``NEAR`` of the best.
        keeps: share of the scenarios in which it leaves nobody out, with its 95 % interval; None where it cannot.
        possible: share of the scenarios in which some sites leave nobody out.
    """

    share: float | None
    low: float
    high: float
    regret: float
    regret_low: float
    regret_high: float
    unit: str
    scenarios: int
    near: float
    keeps: tuple[float, float, float] | None = None
    possible: float = 1.0


@dataclass(frozen=True)
class Drifted:
    """How far sites anywhere move over the scenarios, km: of the site that moves most, half and 19 in 20 scenarios."""

    median: float
    most: float


@dataclass(frozen=True)
class OneMore:
    """What one more site brings, in what the objective counts.

    Attributes:
        aim: the objective.
        gain: minutes saved, the share of people gained, or the cost saved.
        low: what it is at least, by the bounds.
        high: what it is at most.
        proven: whether it is the difference of two optima.
    """

    aim: Aim
    gain: float
    low: float
    high: float
    proven: bool


@dataclass(frozen=True)
class Robust:
    """What the frontier and the scenarios say.

    Attributes:
        frontier: a row a number of sites and aim; None where it was not asked for.
        stability: a row a candidate that wins some scenario; None without scenarios, and for sites anywhere.
        moves: for sites anywhere a row a site: how far it moves over the scenarios.
        hours: a row an hour of the day; None where none were asked for.
        wins: how the answer fares over the scenarios.
        drifted: how far sites anywhere move.
        one_more: what one more site brings.
        notes: what to know of them.
        method: how they were made.
    """

    frontier: pa.Table | None = None
    stability: pa.Table | None = None
    moves: pa.Table | None = None
    hours: pa.Table | None = None
    wins: Wins | None = None
    drifted: Drifted | None = None
    one_more: OneMore | None = None
    notes: tuple[str, ...] = ()
    method: tuple[str, ...] = ()


def robust(
    journeys: Journeys, question: Question, placement: Placement, whole: float, stream: Stream, progress: Progress
) -> Robust:
    """Ask for the frontier and the scenarios, as far as the study does and travel times are few enough.

    Args:
        journeys: of the demand points that some candidate reaches.
        question: what is asked.
        placement: the answer.
        whole: weight of all demand, those out of reach included.
        stream: names all draws.
        progress: told what is done.
    """
    if not journeys.listed:
        return Robust(notes=tuple(_why_none(question)))
    compared = _numbers_compared(journeys, question, placement, whole, stream, progress)
    if question.problem.anywhere:
        return replace(_anywhere(journeys, question, placement, stream, progress), **compared.parts)
    c = journeys.candidates
    hard = c.capacity is not None or question.problem.objective in ("set_cover", "market_share")
    count, notes = _count(question.scenarios.count, journeys.minutes.size, SERVED if hard else DRAWS)
    found = _scenarios(journeys, question, placement, count, stream, progress) if count else None
    hours = _by_hour(journeys, question, placement, progress)
    said = () if found is None else found.notes
    return replace(
        Robust(
            stability=None if found is None else _stability_table(found, journeys),
            hours=None if not hours else _hours_table(hours, journeys, placement, question.problem),
            wins=None if found is None else _wins(found),
            notes=(*compared.notes, *notes, *said, *_shared(question, journeys, found)),
            method=() if found is None else (_method(question, journeys, count) + _limited(found),),
        ),
        **compared.parts,
    )


def _why_none(question: Question) -> Iterator[str]:
    """Why there are no scenarios, where they were asked for."""
    if question.scenarios.count:
        yield "There are no scenarios: travel times are too many to be drawn again and again."
    if question.problem.equity:
        yield "There is no frontier: travel times are too many to compare numbers of sites."


def _shared(question: Question, journeys: Journeys, found: Stability | None) -> Iterator[str]:
    if found is not None and journeys.candidates.capacity is not None and question.problem.single_source:
        yield (
            "In the scenarios a demand point is shared among sites where one is full: who is served by which alone "
            "would be a search in each."
        )


# ---- more sites, or fewer -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Numbers:
    """The frontier as parts of a :class:`Robust`, and notes."""

    frontier: pa.Table | None = None
    one_more: OneMore | None = None
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, Any]:
        return {"frontier": self.frontier, "one_more": self.one_more}


def _numbers_compared(
    journeys: Journeys, question: Question, placement: Placement, whole: float, stream: Stream, progress: Progress
) -> _Numbers:
    """The frontier over the numbers of sites, for problems that have such numbers and are small enough."""
    problem, c = question.problem, journeys.candidates
    why = _why_no_numbers(problem, journeys)
    if why:
        return _Numbers(notes=(why,) if problem.equity else ())
    if not problem.equity and (problem.anywhere or problem.p is None):
        return _Numbers()
    most = (problem.equity or MANY) if problem.anywhere else int((~c.forbidden).sum())
    ps = _numbers(len(placement.sites), problem.equity, int(c.fixed.sum()), most)
    if c.capacity is not None and not problem.equity:
        ps = [p for p in ps if p in (len(placement.sites), len(placement.sites) + 1)]
    if len(ps) < 2:
        return _Numbers()
    search = _Frontiers(journeys, question, placement, whole, stream.child("frontier").seed32(), progress)
    try:
        found = search.of(ps)
    except NoAnswer as error:
        return _Numbers(notes=(f"There is no frontier: {_by_id(error.faults[0].found, journeys)}.",))
    notes = tuple(f"In the frontier {_by_id(note, journeys)}." for note in found.frontier.notes if problem.equity)
    return _Numbers(_frontier_table(found), _one_more(found.frontier, len(placement.sites)), notes)


def _by_id(note: str, journeys: Journeys) -> str:
    """The note with ids where solvers count rows."""
    told = NoAnswer(Fault("location.infeasible", note))
    return in_words_of_the_study(told, journeys.demand, journeys.candidates).faults[0].found


def _why_no_numbers(problem: Problem, journeys: Journeys) -> str:
    """Why numbers of sites are not compared; empty where they are."""
    if problem.objective == "set_cover":
        return (
            "There is no frontier: set_cover says how many sites it takes. Ask for max_coverage or minimax to compare "
            "numbers of sites."
        )
    pairs = journeys.minutes.size
    if pairs > PAIRS:
        return f"There is no frontier: {pairs:,} travel times are too many to compare numbers of sites."
    return ""


class _Frontiers:
    """Numbers of sites compared as the study asks."""

    def __init__(
        self, journeys: Journeys, question: Question, placement: Placement, whole: float, seed: int, progress: Progress
    ) -> None:
        self.journeys, self.question, self.placement = journeys, question, placement
        self.whole, self.seed, self.progress = whole, seed, progress
        self.problem, self.candidates = question.problem, journeys.candidates
        self.weight = journeys.demand.weight
        self.nearest = self.candidates.capacity is None
        self.task = of_study(journeys.minutes, journeys.demand, journeys.candidates, seed)
        if journeys.rivals is not None:
            theirs = journeys.rivals.attractiveness
            self.task = replace(self.task, rivals=journeys.rival_minutes, rival_attractiveness=theirs)

    def of(self, ps: list[int]) -> Numbered:
        """The frontier; mean against the longest time where that was asked, and nothing else limits it.

        Raises:
            NoAnswer: none of the numbers has an answer.
        """
        problem, asked = self.problem, bool(self.problem.equity)
        weighed = asked and self.nearest and not problem.anywhere and problem.objective in _TIMES
        if problem.service_radius is not None and problem.objective != "quantile":
            weighed = False  # who is beyond the radius is not served at all
        if not weighed:
            return self._as_asked(ps)
        found = self._weighed(ps)
        if problem.objective == "quantile":
            own = self._as_asked(ps, 0.5)
            rows = sorted([*found.frontier.rows, *own.frontier.rows], key=lambda row: row.p)
            notes = (*found.frontier.notes, *own.frontier.notes)
            both = replace(own.frontier, rows=tuple(rows), notes=tuple(dict.fromkeys(notes)))
            return Numbered(both, self._ids(both))
        return found

    def _weighed(self, ps: list[int]) -> Numbered:
        problem, c, solver = self.problem, self.candidates, self.question.solver
        share = 0.5 if problem.objective == "quantile" else 1.0
        found = equity_frontier(
            self.journeys.minutes, self.weight, ps, radius=problem.service_radius, fixed=np.flatnonzero(c.fixed),
            forbidden=np.flatnonzero(c.forbidden), time_limit=share * solver.time_limit, gap=solver.gap,
            seed=self.seed, whole=self.whole, progress=self.progress,
        )  # fmt: skip
        if problem.objective == "minimax":
            gains = marginals([row for row in found.rows if row.aim == "minimax"], float(self.weight.sum()))
            found = replace(found, marginal=tuple(gains), aim="minimax")
        return Numbered(found, self._ids(found))

    def _ids(self, found: Frontier) -> tuple[str, ...]:
        return tuple(named(self.candidates.id, row.sites) for row in found.rows)

    def _as_asked(self, ps: list[int], share: float = 1.0) -> Numbered:
        """The objective of the study for each number of sites; quickly where nobody asked for more than the next."""
        solver, asked = self.question.solver, bool(self.problem.equity)
        p = len(self.placement.sites)
        seconds = share * solver.time_limit if asked else min(QUICK, solver.time_limit)
        even = Solver(seconds / max(len(set(ps) - {p}), 1), solver.gap)
        rough = replace(even, gap=max(solver.gap, QUICK_GAP))
        solvers = {q: even if asked or q == p + 1 else rough for q in ps}
        known = {p: self._told(self.placement)} if not self.problem.anywhere else {}
        if self.problem.anywhere:
            known = {p: Answer(self.placement, least(self.journeys.minutes), self.weight, self._places())}
        return how_many(self._solved, ps, self.problem, solvers, self.whole, known)

    def _solved(self, p: int, solver: Solver) -> Answer:
        if self.problem.anywhere:
            return self._anywhere(p, solver)
        self.progress(f"comparing numbers of sites: {p}", 0)
        return self._told(solve(self.task, replace(self.problem, p=p), solver, self.progress))

    def _told(self, found: Placement) -> Answer:
        names = named(self.candidates.id, found.sites)
        return answer_of(found, self.journeys.to(found.sites), self.weight, nearest=self.nearest, names=names)

    def _anywhere(self, p: int, solver: Solver) -> Answer:
        from potomac.location.anywhere import CLOSE, sites_anywhere

        j, problem = self.journeys, self.problem
        assert j.model is not None  # noqa: S101 - the study was checked
        there = j.candidates.places[j.candidates.fixed]
        found = sites_anywhere(
            j.demand.places, self.weight, p, problem.objective, j.model,  # type: ignore[arg-type]
            half_life=problem.half_life, fixed_points=there if len(there) else None, departure=j.travel.departure,
            time_limit=solver.time_limit, gap=solver.gap or CLOSE, seed=self.seed, progress=self.progress,
        )  # fmt: skip
        placement = Placement(
            np.arange(p), found.assignment, found.objective, found.bound, found.proven, found.status, found.goal
        )
        return Answer(placement, found.minutes, self.weight, _places(found.points))

    def _places(self) -> str:
        return _places(self.candidates.places)


_TIMES = ("minisum", "minimax", "quantile")
"""Objectives of travel time, whose frontier weighs the mean against the longest."""


def _places(places: Floats) -> str:
    return "; ".join(f"{north:.4f} {east:.4f}" for north, east in places)


def _numbers(p: int, upto: int, fixed: int, candidates: int) -> list[int]:
    """Numbers of sites that are compared: up to two more than p, or as asked; of many some, those near p among them."""
    low, high = max(1, fixed), min(upto or p + 2, candidates)
    every = list(range(low, high + 1))
    if len(every) <= MANY:
        return every
    spread = np.unique(np.round(np.geomspace(low, high, MANY)).astype(int)).tolist()
    return sorted({*spread, *(one for one in (p - 1, p, p + 1) if low <= one <= high)})


def _frontier_table(found: Numbered) -> pa.Table:
    """The rows with ids of sites."""
    table = found.frontier.table()
    names = {"mean": "mean_minutes", "q90": "p90_minutes", "worst": "worst_minutes", "within": "within_radius",
             "limit": "worst_allowed"}  # fmt: skip
    at = table.schema.get_field_index("sites")
    table = table.set_column(at, "sites", pa.array(found.names, pa.string()))
    return table.rename_columns([names.get(name, name) for name in table.column_names])


def _one_more(found: Frontier, p: int) -> OneMore | None:
    """What one more site than p brings."""
    one = next((one for one in found.marginal if one.p == p), None)
    return None if one is None else OneMore(found.aim, one.a_person, one.low, one.high, one.proven)


# ---- scenarios ----------------------------------------------------------------------------------------------------


def _count(wanted: int, size: int, limit: int, what: str = "travel times") -> tuple[int, tuple[str, ...]]:
    """How many scenarios are made, and why no more."""
    most = limit // max(size, 1)
    if wanted <= most:
        return wanted, ()
    if most < FEWEST:
        return 0, (f"No scenarios were made: {size:,} {what} are too many to be drawn again and again.",)
    return most, (f"There are {most:,} scenarios in place of {wanted:,}, as there are {size:,} {what} in each.",)


def _limits(journeys: Journeys, question: Question) -> dict[str, Any]:
    """What the chosen sites and all others are held to."""
    c = journeys.candidates
    return {
        "fixed": np.flatnonzero(c.fixed), "forbidden": np.flatnonzero(c.forbidden), "capacity": c.capacity,
        "opening": c.cost if question.problem.objective in ("set_cover", "fixed_charge") else None,
        "market": _market(journeys) if question.problem.objective == "market_share" else None,
    }  # fmt: skip


def _market(journeys: Journeys) -> Market:
    """What draws people; the sites of others come after the candidates."""
    pull = [_pull(some) for some in (journeys.candidates, journeys.rivals) if some is not None]
    m = len(journeys.candidates)
    return Market(np.concatenate(pull), np.arange(m, sum(map(len, pull))))


def _pull(sites: Candidates) -> Floats:
    return np.ones(len(sites)) if sites.attractiveness is None else sites.attractiveness


def _with_others(minutes: Floats, others: Floats | None) -> Floats:
    return minutes if others is None else np.hstack([minutes, others])


def _scenarios(
    journeys: Journeys, question: Question, placement: Placement, count: int, stream: Stream, progress: Progress
) -> Stability:
    spread = Spread.of(question.scenarios)
    minutes = _with_others(journeys.minutes, journeys.rival_minutes)
    return stability(
        minutes, journeys.demand.weight, placement.sites, question.problem, count=count, spread=spread, stream=stream,
        drawn=_drawn(journeys, spread, count), progress=progress, **_limits(journeys, question),
    )  # fmt: skip


def _drawn(journeys: Journeys, spread: Spread, count: int) -> Drawn | None:
    """For a road network the links are drawn, so that ways over the same link are slow together."""
    if journeys.travel.model != "road" or journeys.links is None or count * journeys.links.num_rows > LINKS:
        return None
    d, c = journeys.demand, journeys.candidates
    network, departure = cast("RoadNetwork", journeys.model), journeys.travel.departure
    ends = [c] if journeys.rivals is None else [c, journeys.rivals]
    if has_places(d) and all(has_places(one) for one in ends):
        return over_roads(network, d.places, np.vstack([one.places for one in ends]), spread, departure)
    ids = pa.concat_arrays([one.id for one in ends])
    return over_roads(network, d.id, ids, spread, departure, ids=True)


def _wins(found: Compared) -> Wins:
    """Figures of the scenarios; sites anywhere are always bettered by something."""
    share, low, high = found.unbeaten if isinstance(found, Stability) else (None, 0.0, 1.0)
    keeps = found.keeps if found.limited else None
    return Wins(
        share, low, high, *found.mean_regret, found.unit, found.count, found.near(NEAR), keeps, found.possible
    )  # fmt: skip


def _stability_table(found: Stability, journeys: Journeys) -> pa.Table:
    """Candidates that win, the most frequent first; the chosen sites in any case."""
    chosen = np.isin(np.arange(len(journeys.candidates)), found.sites)
    rows = np.flatnonzero((found.wins[: len(chosen)] > 0) | chosen)
    rows = rows[np.lexsort((rows, ~chosen[rows], -found.wins[rows]))]
    c = journeys.candidates
    return pa.table(
        {
            "site": c.id.take(pa.array(rows)),
            "row": c.row[rows],
            "chosen": chosen[rows],
            "wins": found.share[rows],
            "low": found.low[rows],
            "high": found.high[rows],
            "scenarios": np.full(len(rows), found.count),
        }
    )


def _method(question: Question, journeys: Journeys, count: int) -> str:
    s, spread = question.scenarios, Spread.of(question.scenarios)
    roads = _drawn(journeys, spread, count) is not None
    what = "times of links" if roads else "travel times"
    rest = "is of single links" if roads else "belongs half to where a way begins and half to the way itself"
    return (
        f"In each of {count:,} scenarios {what} are multiplied by lognormal factors of mean 1 and spread "
        f"{s.travel_spread:g} (log scale), of whose variance a share of {s.shared:g} is common to all and the rest "
        f"{rest}; weights are multiplied by factors of spread {s.demand_spread:g}. The chosen sites and all others "
        "meet the same scenarios."
    )


def _limited(found: Stability) -> str:
    """How sites are compared that can leave people out."""
    if not (found.lost.any() or np.isnan(found.regret).any()):
        return ""
    return (
        " Sites that leave out a smaller share of the people are better, and of equals those that cost a person less; "
        "regret is told of the scenarios in which the answer leaves out no more than the best."
    )


# ---- hours --------------------------------------------------------------------------------------------------------


def _by_hour(journeys: Journeys, question: Question, placement: Placement, progress: Progress) -> tuple[Hour, ...]:
    hours = sorted(set(question.scenarios.hours))
    if not hours:
        return ()
    minutes = {hour: _with_others(journeys.at(hour), _others_at(journeys, hour)) for hour in hours}
    return by_hour(
        minutes, journeys.demand.weight, placement.sites, question.problem, progress=progress,
        **_limits(journeys, question),
    )  # fmt: skip


def _others_at(journeys: Journeys, hour: float) -> Floats | None:
    """Minutes to the sites of others at an hour."""
    if journeys.rivals is None or journeys.rival_minutes is None:
        return None
    return replace(journeys, candidates=journeys.rivals, minutes=journeys.rival_minutes).at(hour)


def _hours_table(hours: tuple[Hour, ...], journeys: Journeys, placement: Placement, problem: Problem) -> pa.Table:
    """The best sites of each hour, and how far people have then to the nearest: of the chosen ones and of the best."""
    ids, weight = journeys.candidates.id, journeys.demand.weight
    rows = [
        _hour(
            one, problem, weight, least(journeys.at(one.hour, placement.sites)),
            least(journeys.at(one.hour, one.sites)), named(ids, one.sites),
            bool(np.array_equal(one.sites, placement.sites)),
        )
        for one in hours
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=HOURS)


HOURS = pa.schema(
    [
        ("hour", pa.float64()), ("value", pa.float64()), ("best_value", pa.float64()), ("mean_minutes", pa.float64()),
        ("best_mean_minutes", pa.float64()), ("p90_minutes", pa.float64()), ("left_out", pa.float64()),
        ("best_sites", pa.string()), ("same", pa.bool_()),
    ]
)  # fmt: skip
"""The answer by the hour of the day."""


def _hour(
    one: Hour, problem: Problem, weight: Floats, to: Floats, best: Floats, names: str, same: bool
) -> dict[str, Any]:  # fmt: skip
    """A row; what the objective counts is told as in the frontier: people as a share, costs in all."""
    some = np.isfinite(to) & (weight > 0)
    values = np.array([one.chosen, one.best])
    if problem.objective in SHARES:
        values = 1 - values
    elif problem.objective == "fixed_charge":
        values = values * weight.sum()
    return {
        "hour": one.hour,
        "value": float(values[0]),
        "best_value": float(values[1]),
        "mean_minutes": _mean(to, weight),
        "best_mean_minutes": _mean(best, weight),
        "p90_minutes": weighted_quantile(to[some], weight[some], 0.9),
        "left_out": one.lost,
        "best_sites": names,
        "same": same,
    }


def _mean(minutes: Floats, weight: Floats) -> float:
    some = np.isfinite(minutes) & (weight > 0)
    return float(np.average(minutes[some], weights=weight[some]))


# ---- sites anywhere -----------------------------------------------------------------------------------------------


def _anywhere(
    journeys: Journeys, question: Question, placement: Placement, stream: Stream, progress: Progress
) -> Robust:
    """How far the sites move over the scenarios and by the hour."""
    c, d, model = journeys.candidates, journeys.demand, journeys.model
    assert model is not None  # noqa: S101 - the study was checked
    free = np.flatnonzero(~c.fixed)
    there = c.places[c.fixed] if c.fixed.any() else None
    count, notes = _count(
        question.scenarios.count if len(free) else 0, len(d) * len(c), TURNS, "ways from demand points to sites"
    )
    wins = drifted = moves = None
    said: tuple[str, ...] = notes
    method: tuple[str, ...] = ()
    if count:
        found = drift(
            d.places, d.weight, c.places[free], question.problem, model, fixed_points=there,
            departure=journeys.travel.departure, count=count, spread=Spread.of(question.scenarios), stream=stream,
            progress=progress,
        )  # fmt: skip
        far = found.km.max(axis=1)
        drifted = Drifted(*(float(np.quantile(far, q, method="inverted_cdf")) for q in (0.5, 0.95)))
        wins, moves, said = _wins(found), _moves_table(found, c.id.take(pa.array(free))), (*notes, *found.notes)
        method = (_method_anywhere(question, count),)
    return Robust(
        moves=moves, wins=wins, drifted=drifted, notes=said, method=method,
        hours=_hours_anywhere(journeys, question, free, there),
    )  # fmt: skip


def _moves_table(found: Drift, names: pa.Array) -> pa.Table:
    """A row a site: where it is, and how far the best place is from there."""
    return pa.table(
        {
            "site": names,
            "latitude": found.chosen_places[:, 0],
            "longitude": found.chosen_places[:, 1],
            "median_km": found.moved(0.5),
            "p95_km": found.moved(0.95),
            "worst_km": found.km.max(axis=0),
            "scenarios": np.full(len(names), found.count),
        }
    )


def _method_anywhere(question: Question, count: int) -> str:
    s = question.scenarios
    return (
        f"In each of {count:,} scenarios the travel times of each demand point are multiplied by a lognormal factor of "
        f"mean 1 and spread {s.travel_spread:g} (log scale), of whose variance a share of {s.shared:g} is common to "
        f"all; weights are multiplied by factors of spread {s.demand_spread:g}. The best places are sought from the "
        "chosen ones."
    )


def _hours_anywhere(journeys: Journeys, question: Question, free: Ints, there: Floats | None) -> pa.Table | None:
    c, d, model = journeys.candidates, journeys.demand, journeys.model
    hours = sorted(set(question.scenarios.hours))
    if not hours or model is None:
        return None
    rows = []
    for one, best in drift_by_hour(
        hours, d.places, d.weight, c.places[free], question.problem, model, fixed_points=there
    ):
        places = best if there is None else np.vstack([there, best])
        to, then = (least(np.asarray(model.minutes(d.places, at, one.hour))) for at in (c.places, places))
        same = one.regret <= 1e-6 * abs(one.best)
        rows.append(_hour(one, question.problem, d.weight, to, then, _places(places), same))
    return pa.Table.from_pylist(rows, schema=HOURS)
