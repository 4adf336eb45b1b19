"""Scenarios, hours and frontiers of studies: every problem, with figures from looking at all placements."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from potomac.location import how_many, robust
from potomac.location.frontier import Row, marginals
from potomac.location.outcome import weighted_quantile
from potomac.location.placement import Placement
from potomac.location.question import Problem, Solver

PEOPLE = np.array([100.0, 50.0, 80.0, 20.0])
MINUTES = np.array([[0.0, 10.0, 15.0], [11.0, 0.0, 25.0], [14.0, 26.0, 0.0], [20.0, 22.0, 30.0]])
SOME = {"count": 30, "hours": [8, 17]}

TRAVEL = {"model": "matrix", "profile": [1.0] * 12 + [1.2] * 12}
"""From noon on all ways take a fifth longer."""

CAPACITY = pa.array([150.0, 130.0, 130.0])
COST = pa.array([1000.0, 700.0, 600.0])

PROBLEMS: dict[str, dict[str, Any]] = {
    "minisum": {"p": 2}, "minimax": {"p": 2}, "quantile": {"p": 2, "share": 0.5},
    "max_coverage": {"p": 2, "service_radius": 12}, "attendance": {"p": 2}, "set_cover": {"service_radius": 25},
    "fixed_charge": {}, "radius": {"objective": "minisum", "p": 2, "service_radius": 25},
    "capacity": {"objective": "minisum", "p": 2}, "split": {"objective": "minisum", "p": 2, "single_source": False},
}  # fmt: skip


def asked(by_pair: Any, sites: pa.Table, name: str, **problem: Any) -> Any:
    table = sites
    if name in ("capacity", "split"):
        table = table.append_column("capacity", CAPACITY)
    if name == "fixed_charge":
        table = table.append_column("cost", COST)
    keys = {"objective": name, **PROBLEMS[name], **problem}
    return by_pair({"candidates": table}, problem=keys, scenarios=SOME, travel=TRAVEL)


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_has_scenarios_and_hours(by_pair: Any, sites: pa.Table, name: str) -> None:
    run = asked(by_pair, sites, name)
    assert "Over 30 scenarios" in run.answer
    assert "nan" not in run.answer
    stays = run.fact("stays_best")
    assert stays.low <= stays.value <= stays.high
    assert run.tables["stability"]["scenarios"].to_pylist()[0] == 30
    hours = run.tables["hours"].to_pylist()
    assert [row["hour"] for row in hours] == [8, 17]
    limited = name in ("radius", "set_cover", "capacity", "split")
    assert ("leaves_none_out" in run.facts) == limited
    for row in hours:
        better = name in ("max_coverage", "attendance")
        if row["left_out"] == 0:
            assert (row["value"] <= row["best_value"] + 1e-9) if better else (row["value"] >= row["best_value"] - 1e-9)
    for figure in run.figures:
        assert all(layer.data.num_rows for layer in figure.layers)
        assert "nan" not in figure.finding


def test_at_an_hour_the_value_is_that_of_the_objective(by_pair: Any, sites: pa.Table) -> None:
    """A profile of twos doubles all times: within 12 minutes are then those who have 6, at a and c 180 of 250."""
    travel = {"model": "matrix", "profile": [2.0] * 24}
    run = by_pair(problem={"objective": "max_coverage", "p": 2, "service_radius": 12}, travel=travel, scenarios=SOME)
    row = run.tables["hours"].to_pylist()[0]
    assert row["value"] == pytest.approx(180 / 250)


def test_the_regret_of_people_is_told_in_per_cent(by_pair: Any, sites: pa.Table) -> None:
    run = asked(by_pair, sites, "max_coverage")
    fact = run.fact("regret")
    assert fact.unit == "%"
    assert 0 <= fact.value <= 100


# ---- numbers of sites


def best(value: Any, p: int, more: bool) -> float:
    values = [value(MINUTES[:, list(sites)].min(axis=1)) for sites in combinations(range(3), p)]
    return float(max(values) if more else min(values))


OBJECTIVES = {
    "minisum": (lambda t: float(PEOPLE @ t / 250), False),
    "minimax": (lambda t: float(t.max()), False),
    "quantile": (lambda t: weighted_quantile(t, PEOPLE, 0.5), False),
    "max_coverage": (lambda t: float(PEOPLE[t <= 12].sum() / 250), True),
    "attendance": (lambda t: float(PEOPLE @ 2 ** (-t / 15) / 250), True),
}


@pytest.mark.parametrize("asked_for", [0, 3])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_frontier_is_of_the_objective_that_is_asked(
    by_pair: Any, sites: pa.Table, name: str, asked_for: int
) -> None:
    value, more = OBJECTIVES[name]
    run = asked(by_pair, sites, name, frontier=asked_for)
    rows = {row["p"]: row for row in run.tables["frontier"].to_pylist() if row["aim"] == name}
    assert sorted(rows) == [1, 2, 3]
    for p, row in rows.items():
        assert row["value"] == pytest.approx(best(value, p, more))
        assert row["bound"] == pytest.approx(row["value"])
        assert row["proven"]
        t = MINUTES[:, ["abc".index(site) for site in row["sites"].split("; ")]].min(axis=1)
        assert row["mean_minutes"] == pytest.approx(PEOPLE @ t / 250)
        assert row["worst_minutes"] == pytest.approx(t.max())
        assert row["p90_minutes"] == pytest.approx(weighted_quantile(t, PEOPLE, 0.9))
    fact = run.fact("one_more_site")
    gain = (best(value, 3, more) - best(value, 2, more)) * (1 if more else -1)
    assert fact.value == pytest.approx((100 if more else 1) * gain)
    assert fact.unit == ("%" if more else "min")
    assert "it is proven" in fact.meaning
    assert (fact.low, fact.high) == (None, None)
    assert rows[2]["saved_by_one_more"] == pytest.approx(gain)


def test_a_frontier_within_capacities_leaves_out_what_has_no_room(by_pair: Any, sites: pa.Table) -> None:
    """One site holds 150 of 250. Two: a and c, with d at c in 30 minutes (1,150), as a holds no more than 150.

    Three sites: 400, where d goes to a: 20 times 20 minutes.
    """
    run = asked(by_pair, sites, "capacity", frontier=3)
    rows = run.tables["frontier"].to_pylist()
    assert [row["p"] for row in rows] == [2, 3]
    assert [row["value"] for row in rows] == pytest.approx([1150 / 250, 400 / 250])
    assert rows[0]["worst_minutes"] == 30
    assert any("p = 1 is left out" in note for note in run.result().notes)
    assert run.facts["one_more_site"] == pytest.approx(750 / 250)


def test_costs_are_compared_by_numbers_of_sites_and_may_rise(by_pair: Any, sites: pa.Table) -> None:
    """a 2,070 + 1,000; a and c 950 + 1,600; all 400 + 2,300."""
    run = asked(by_pair, sites, "fixed_charge", frontier=3)
    assert run.tables["frontier"]["value"].to_pylist() == pytest.approx([3070, 2550, 2700])
    assert run.tables["frontier"]["efficient"].to_pylist() == [True, True, False]
    assert run.facts["one_more_site"] == pytest.approx(-150)


def test_a_cover_has_no_frontier_and_says_why(by_pair: Any, sites: pa.Table) -> None:
    run = asked(by_pair, sites, "set_cover", frontier=3)
    assert "frontier" not in run.tables
    assert any("set_cover says how many sites it takes" in note for note in run.result().notes)


def test_numbers_of_sites_beside_rivals(by_pair: Any) -> None:
    """At p = 1: custom of a, with the pull of others; all placements by Huff's formula."""
    rivals = pa.table({"id": ["r"], "latitude": [38.9], "longitude": [-77.0]})
    places = {"from": [12.0, 9.0, 30.0, 20.0]}
    times = pa.table(
        {
            "origin": [*"aaabbbcccddd", *"abcd"], "destination": [*"abcabcabcabc", *"rrrr"],
            "minutes": [*MINUTES.ravel().tolist(), *places["from"]],
        }
    )  # fmt: skip
    run = by_pair(
        {"rivals": rivals, "travel.matrix": times}, problem={"objective": "market_share", "p": 1, "frontier": 3},
        scenarios=SOME, travel=TRAVEL,
    )  # fmt: skip
    pull, theirs = np.maximum(MINUTES, 1.0) ** -2.0, np.array(places["from"]) ** -2.0

    def won(sites: tuple[int, ...]) -> float:
        mine = pull[:, list(sites)].sum(axis=1)
        return float(PEOPLE @ (mine / (mine + theirs)) / 250)

    expected = [max(won(s) for s in combinations(range(3), p)) for p in (1, 2, 3)]
    assert run.tables["frontier"]["value"].to_pylist() == pytest.approx(expected)
    assert run.facts["one_more_site"] == pytest.approx(100 * (expected[1] - expected[0]))
    assert run.fact("stays_best").value <= 100
    assert set(run.tables["stability"]["site"].to_pylist()) <= {"a", "b", "c"}
    assert run.tables["hours"]["value"].to_pylist()[0] > 0


def test_between_bounds_it_is_not_called_proven() -> None:
    """Objectives 20 and 12, bounds 18 and 10: one more saves 8, at least 18 - 12 = 6 and at most 20 - 10 = 10."""
    rows = [
        Row(p, "minisum", np.arange(p), mean, 0, 0, None, None, bound, None, False, "time_limit")
        for p, mean, bound in ((1, 20.0, 18.0), (2, 12.0, 10.0))
    ]
    one = marginals(rows, 5.0)[0]
    assert (one.a_person, one.low, one.high, one.proven, one.minutes) == (8, 6, 10, False, 40)
    shares = [
        Row(p, "max_coverage", np.arange(p), 0, 0, 0, None, None, None, None, p == 1, "optimal",
            objective=share, objective_bound=bound)
        for p, share, bound in ((1, 0.5, 0.5), (2, 0.7, 0.8))
    ]  # fmt: skip
    one = marginals(shares, 5.0, more=True)[0]
    assert (one.a_person, one.low, one.high) == pytest.approx((0.2, 0.2, 0.3))


def test_more_sites_bound_fewer() -> None:
    """Where two sites are known to leave 4 minutes at least, one site leaves no less."""
    answers = {
        p: how_many.answer_of(
            Placement(np.arange(p), np.zeros(2, np.int64), value, bound, False, "time_limit"), np.full((2, p), 5.0),
            np.ones(2), nearest=True,
        )
        for p, value, bound in ((1, 12.0, 3.0), (2, 10.0, 8.0))
    }  # fmt: skip
    found = how_many.how_many(lambda p, s: answers[p], [1, 2], Problem("minisum"), {1: Solver(), 2: Solver()}, 2.0, {})
    assert [row.bound for row in found.frontier.rows] == [4.0, 4.0]
    assert [row.value for row in found.frontier.rows] == [6.0, 5.0]


# ---- sites anywhere


def test_sites_anywhere_move_and_the_answer_says_how_far(ask: Any, places: pa.Table) -> None:
    problem = {"site": "anywhere", "p": 2, "frontier": 3}
    run = ask({"demand": places}, problem=problem, scenarios=SOME, solver={"time_limit": 4})
    assert "stays_best" not in run.facts
    assert "stability" not in run.tables
    moves = run.tables["moves"].to_pylist()
    assert [row["site"] for row in moves] == ["site 1", "site 2"]
    assert all(0 <= row["median_km"] <= row["p95_km"] <= row["worst_km"] for row in moves)
    assert run.facts["moves_median"] <= run.facts["moves_95"] <= max(row["worst_km"] for row in moves)
    assert "the best places are within" in run.answer
    rows = run.tables["frontier"].to_pylist()
    assert [row["p"] for row in rows] == [1, 2, 3]
    assert np.diff([row["mean_minutes"] for row in rows]).max() <= 1e-9
    assert run.facts["one_more_site"] == pytest.approx(rows[1]["mean_minutes"] - rows[2]["mean_minutes"])
    assert rows[1]["value"] == pytest.approx(run.facts["mean_minutes"])
    assert {"frontier", "moves", "hours"} <= {figure.name for figure in run.figures}
    assert run.tables["hours"]["value"].to_pylist()[0] == pytest.approx(
        run.tables["hours"]["best_value"].to_pylist()[0], rel=1e-6
    )


# ---- shares of all


def test_who_has_no_way_is_beyond_the_radius_and_counts_in_shares(by_pair: Any, times: pa.Table) -> None:
    """Without rows about d its 20 people are out of reach: within 12 minutes of a are 150 of 250, not of 230."""
    known = times.filter(pa.compute.not_equal(times["origin"], "d"))
    problem = {"objective": "max_coverage", "service_radius": 12, "p": 1, "frontier": 2}
    run = by_pair({"travel.matrix": known}, problem=problem, scenarios={"count": 0})
    assert run.facts["within_radius"] == pytest.approx(60.0)
    assert run.facts["served"] == pytest.approx(60.0)
    assert run.tables["sites"]["share"].to_pylist() == pytest.approx([0.6])
    assert run.tables["compared"]["within_radius"].to_pylist()[0] == pytest.approx(0.6)
    assert run.tables["frontier"]["value"].to_pylist() == pytest.approx([0.6, 0.92])
    assert run.tables["frontier"]["within_radius"].to_pylist() == pytest.approx([0.6, 0.92])
    assert "60 % of 250 people are within 12 minutes" in run.answer
    assert sum(run.model["histogram"]["share"].to_pylist()) == pytest.approx(60.0)


def test_who_has_no_weight_is_not_the_worst_off_of_a_site(by_pair: Any, places: pa.Table) -> None:
    """d counts nothing: of a's people b has furthest, 11 minutes."""
    bare = places.set_column(3, "people", pa.array([100.0, 50.0, 80.0, 0.0]))
    run = by_pair({"demand": bare}, problem={"p": 2})
    worst = {row["site"]: row["worst_minutes"] for row in run.tables["sites"].to_pylist()}
    assert worst == {"a": 11.0, "c": 0.0}


# ---- how many scenarios


def test_where_each_scenario_is_much_work_there_are_fewer_and_it_is_said() -> None:
    """30 million pairs at most: a million in each leave 30 scenarios, two million 15, which say too little."""
    count, notes = robust._count(200, 1_000_000, robust.SERVED)
    assert count == 30
    assert notes == ("There are 30 scenarios in place of 200, as there are 1,000,000 travel times in each.",)
    count, notes = robust._count(200, 2_000_000, robust.SERVED)
    assert count == 0
    assert "too many" in notes[0]
    assert robust._count(200, 1000, robust.SERVED) == (200, ())


def test_one_scenario_has_a_regret_and_no_upper_end(by_pair: Any) -> None:
    run = by_pair(problem={"p": 1}, scenarios={"count": 1})
    fact = run.fact("regret")
    assert (fact.low, fact.high) == (0, None)
    assert fact.value >= 0


def test_how_often_the_answer_still_reaches_everyone_is_told(by_pair: Any) -> None:
    """From d it is 20 minutes to a, the radius: in some scenarios it takes longer, in others not."""
    run = by_pair(
        problem={"p": 1, "service_radius": 20}, scenarios={"count": 40, "travel_spread": 1.0, "demand_spread": 0.0}
    )
    keeps = run.fact("leaves_none_out")
    assert 0 < keeps.value < 100
    assert "It has everyone within the radius in" in run.answer
