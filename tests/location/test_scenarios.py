"""Scenarios: their distribution by its formulas, what keys them, and who wins by looking at all placements."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError, Interrupted, NoAnswer, StudyError
from potomac.location.measures import betters, measure_of, opened_one_by_one, singles, value
from potomac.location.outcome import weighted_quantile
from potomac.location.question import Problem, Scenarios
from potomac.location.scenarios import Areas, Spread, by_hour, over_roads, scenario, stability
from potomac.location.travel.network import RoadNetwork
from potomac.stats.intervals import proportion_interval
from potomac.stats.streams import Stream

STREAM = Stream(7, ("test",))
PROBLEMS = [
    Problem("minisum"), Problem("minimax"), Problem("quantile", share=0.7), Problem("attendance", half_life=9),
    Problem("max_coverage", service_radius=14),
]  # fmt: skip


def towns(seed: int, n: int = 14, m: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 60, (n, 2)), rng.uniform(0, 60, (m, 2))
    return np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1)), rng.uniform(0.5, 9, n)


def by_definition(near: np.ndarray, w: np.ndarray, problem: Problem) -> float:
    match problem.objective:
        case "minimax":
            return float(near[w > 0].max())
        case "quantile":
            return weighted_quantile(near, w, problem.share)
        case "attendance":
            return float(w @ (1 - 2 ** (-near / problem.half_life)) / w.sum())
        case "max_coverage":
            return float(w @ (near > problem.service_radius) / w.sum())
    return float(w @ near / w.sum())


# ---- the measures


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.objective)
@given(st.integers(0, 10_000))
def test_measures_are_those_of_their_definition(problem: Problem, seed: int) -> None:
    minutes, w = towns(seed)
    w[seed % 14] = 0.0
    measure = measure_of(problem)
    assert singles(minutes, w, measure) == pytest.approx(
        [by_definition(minutes[:, j], w, problem) for j in range(8)], abs=1e-12
    )
    sites = np.array([1, 4, 6])
    assert value(minutes, w, sites, measure) == pytest.approx(
        by_definition(minutes[:, sites].min(axis=1), w, problem), abs=1e-12
    )


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.objective)
@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_interchange_ends_where_no_swap_helps(problem: Problem, seed: int) -> None:
    minutes, w = towns(seed)
    measure, fixed = measure_of(problem), np.array([2])
    free = np.setdiff1d(np.arange(8), [2, 5])
    start = opened_one_by_one(minutes, w, measure, fixed, free, 3)
    end = betters(minutes, w, measure, start, fixed, free)
    now = value(minutes, w, end, measure)
    assert now <= value(minutes, w, start, measure) * (1 + 1e-12)
    assert 2 in end
    assert 5 not in end
    for out in np.setdiff1d(end, fixed):
        for j in np.setdiff1d(free, end):
            swapped = np.sort(np.append(end[end != out], j))
            assert value(minutes, w, swapped, measure) >= now - 1e-9


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.objective)
def test_the_site_opened_first_is_the_best_of_all(problem: Problem) -> None:
    for seed in range(20):
        minutes, w = towns(seed)
        measure = measure_of(problem)
        one = opened_one_by_one(minutes, w, measure, np.zeros(0, np.int64), np.arange(8), 1)
        assert singles(minutes, w, measure)[one[0]] == singles(minutes, w, measure).min()


def test_coverage_needs_a_radius() -> None:
    with pytest.raises(StudyError, match="radius"):
        measure_of(Problem("max_coverage"))


# ---- the draws


def logs(spread: Spread, count: int, n: int = 6, m: int = 5) -> np.ndarray:
    """Logarithms of the factors of travel times, shape (count, n, m)."""
    ones = np.ones((n, m))
    return np.log([scenario(ones, np.ones(n), k, STREAM, spread)[0] for k in range(count)])


def test_factors_have_mean_one_and_the_covariances_of_their_formula() -> None:
    """sigma^2 times the shares that two ways have in common: c, c + a (one demand point), c + b (one site), all."""
    spread = Spread(travel=0.3, common=0.4, demand_point=0.3, site=0.1)
    found, room = logs(spread, 6000), 4 * np.sqrt(2 / 6000) * 0.09  # four standard errors of a variance
    cov = np.cov(found.reshape(6000, -1).T).reshape(6, 5, 6, 5)
    assert cov[0, 0, 0, 0] == pytest.approx(0.09, abs=room)
    assert cov[0, 0, 0, 1] == pytest.approx(0.09 * 0.7, abs=room)
    assert cov[0, 0, 1, 0] == pytest.approx(0.09 * 0.5, abs=room)
    assert cov[0, 0, 1, 1] == pytest.approx(0.09 * 0.4, abs=room)
    assert found.mean() == pytest.approx(-0.09 / 2, abs=4 * 0.3 * np.sqrt(0.5 / 6000))
    assert np.exp(found).mean() == pytest.approx(1, abs=4 * 0.3 * np.sqrt(0.5 / 6000))


@pytest.mark.parametrize("law", ["lognormal", "gamma"])
def test_weights_keep_their_mean_and_have_their_spread(law: str) -> None:
    """Lognormal of sd s on the log scale: variance exp(s^2) - 1; gamma: s^2."""
    spread = Spread(travel=0, demand=0.2, law=law)  # type: ignore[arg-type]
    w = np.array([scenario(np.ones((200, 1)), np.full(200, 3.0), k, STREAM, spread)[1] for k in range(100)]).ravel()
    assert w.mean() == pytest.approx(3, rel=4 * 0.2 / np.sqrt(20_000))
    expected = np.exp(0.04) - 1 if law == "lognormal" else 0.04
    assert w.var() / 9 == pytest.approx(expected, rel=0.06)


def test_scenario_17_alone_is_scenario_17_of_many() -> None:
    minutes, w = towns(0)
    many = stability(minutes, w, [3], PROBLEMS[0], count=30, stream=STREAM)
    t, demand = scenario(minutes, w, 17, STREAM, Spread())
    mean = demand @ t / demand.sum()
    assert many.chosen[17] == pytest.approx(mean[3], rel=1e-12)
    assert many.least[17] == pytest.approx(mean.min(), rel=1e-12)
    few = stability(minutes, w, [3], PROBLEMS[0], count=18, stream=STREAM)
    assert (few.chosen == many.chosen[:18]).all()


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.objective)
def test_one_core_gives_what_two_give(problem: Problem) -> None:
    minutes, w = towns(1)
    one, two = (stability(minutes, w, [1, 5], problem, count=40, stream=STREAM, threads=t) for t in (1, 2))
    assert (one.chosen == two.chosen).all()
    assert (one.least == two.least).all()
    assert (one.best == two.best).all()


def test_all_sites_meet_the_same_scenarios() -> None:
    """Common random numbers: what was best against one choice is as good against another."""
    minutes, w = towns(2)
    one, other = (stability(minutes, w, [j], PROBLEMS[0], count=50, stream=STREAM) for j in (0, 6))
    assert one.least == pytest.approx(other.least, rel=1e-12)
    assert (one.wins == other.wins).all()


def test_those_of_one_area_share_their_part_and_others_do_not() -> None:
    """With all of the variance by demand point the factors of an area are equal; of two areas they differ."""
    spread = Spread(travel=0.3, common=0, demand_point=0.5, site=0.5, demand=0)
    areas = Areas(np.array([0, 0, 1]), np.array([1, 0, 1, 1]))
    found = np.log(scenario(np.ones((3, 4)), np.ones(3), 0, STREAM, spread, areas=areas)[0])
    assert found[0] == pytest.approx(found[1])
    assert found[:, 0] == pytest.approx(found[:, 2])
    assert abs(found[0, 0] - found[2, 0]) > 1e-6
    assert abs(found[0, 0] - found[0, 1]) > 1e-6
    with pytest.raises(StudyError, match="areas of sites"):
        stability(np.ones((3, 4)), None, [0], PROBLEMS[0], areas=Areas(np.zeros(3, int), np.zeros(3, int)))


def test_a_study_shares_out_what_is_not_common_by_halves() -> None:
    spread = Spread.of(Scenarios(travel_spread=0.3, shared=0.4, demand_spread=0.2))
    assert (spread.common, spread.demand_point, spread.site, spread.way) == pytest.approx((0.4, 0.3, 0, 0.3))


# ---- who wins


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.objective)
@settings(max_examples=8)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_shares_sum_to_p_and_regret_is_never_below_zero_nor_above_what_all_placements_say(problem, seed, p) -> None:
    minutes, w = towns(seed)
    chosen = np.sort(np.random.default_rng(seed).choice(8, p, replace=False))
    found = stability(minutes, w, chosen, problem, count=12, stream=STREAM)
    assert found.share.sum() == pytest.approx(p)
    assert found.wins.sum() == 12 * p
    assert (found.regret >= 0).all()
    assert found.exact == (p == 1)
    for k in range(12):
        t, demand = scenario(minutes, w, k, STREAM, Spread())
        best = min(by_definition(t[:, list(s)].min(axis=1), demand, problem) for s in combinations(range(8), p))
        mine = by_definition(t[:, chosen].min(axis=1), demand, problem)
        assert found.chosen[k] == pytest.approx(mine, abs=1e-12)
        assert found.regret[k] <= mine - best + 1e-9
        if p == 1:
            assert found.regret[k] == pytest.approx(mine - best, abs=1e-9)
    low, high = proportion_interval(found.wins, np.full(8, 12))
    assert (found.low == low).all()
    assert (found.high == high).all()


def test_of_two_candidates_side_by_side_each_wins_half_of_the_time() -> None:
    """By symmetry the first wins with probability 1/2: of 400 scenarios 200, four standard deviations are 40."""
    found = stability(np.full((5, 2), 20.0), None, [0], PROBLEMS[0], count=400, stream=STREAM)
    assert abs(found.wins[0] - 200) <= 40
    share, low, high = found.unbeaten
    assert share == found.share[0]
    assert low < share < high
    mean, below, above = found.mean_regret
    assert below <= mean <= above
    assert found.regret_95[0] >= mean


def test_without_any_spread_the_chosen_are_never_beaten() -> None:
    minutes, w = towns(3)
    best = int((w @ minutes).argmin())
    found = stability(minutes, w, [best], PROBLEMS[0], count=5, spread=Spread(travel=0, demand=0))
    assert found.unbeaten[0] == 1
    assert found.mean_regret[0] == 0
    assert found.share[best] == 1


def test_travel_times_may_be_drawn_elsewhere() -> None:
    minutes = np.array([[1.0, 9.0], [2.0, 9.0]])
    found = stability(minutes, None, [0], PROBLEMS[0], count=6, drawn=lambda stream: minutes[:, ::-1] + 0.0)
    assert found.share.tolist() == [0, 1]
    assert found.mean_regret[0] == pytest.approx(7.5, abs=0.5)  # weights differ by a tenth


def test_the_links_of_a_road_network_may_be_drawn() -> None:
    """Nodes 0, 1, 2 in a line, 3 and 4 minutes apart; the ways to 2 are slow where one of their links is.

    Of node 0 the time to 2 is the sum of both links, whose logarithms have correlation c = 0.5.
    """
    links = {"from": [0, 1], "to": [1, 2], "minutes": [3.0, 4.0]}
    spread = Spread(travel=0.3, common=0.5, demand_point=0.5, site=0, demand=0)
    drawn = over_roads(RoadNetwork(None, links), [0, 1, 2], [0, 2], spread, ids=True)
    usual = np.array([[0.0, 7.0], [3.0, 4.0], [7.0, 0.0]])
    found = np.array([scenario(usual, np.ones(3), k, STREAM, spread, drawn)[0] for k in range(400)])
    assert found[:, 0, 1] == pytest.approx(found[:, 1, 0] + found[:, 1, 1])
    assert (found[:, 0, 0] == 0).all()
    logs_ = np.log(found[:, 1] / [3.0, 4.0])
    assert logs_.std(axis=0) == pytest.approx([0.3, 0.3], rel=4 / np.sqrt(800))
    assert np.corrcoef(logs_.T)[0, 1] == pytest.approx(0.5, abs=4 * 0.75 / np.sqrt(400))
    one, two = (stability(usual, None, [0], PROBLEMS[0], count=20, drawn=drawn, threads=t) for t in (1, 2))
    assert (one.least == two.least).all()


def test_fixed_sites_are_never_swapped_and_forbidden_never_win() -> None:
    minutes, w = towns(4)
    found = stability(minutes, w, [0, 1, 2], PROBLEMS[0], count=20, fixed=[0], forbidden=[7], stream=STREAM)
    assert found.share[0] == 1
    assert found.share[7] == 0


def test_who_has_no_way_weighs_more_than_any_delay() -> None:
    found = stability([[5.0, 500.0], [np.inf, 500.0]], None, [0], PROBLEMS[0], count=10)
    assert found.share.tolist() == [0, 1]
    assert np.isfinite(found.regret).all()


def test_an_interrupt_ends_it() -> None:
    def stop(what: str, done: float, total: float | None = None) -> None:
        if done > 0:
            raise Interrupted([])

    with pytest.raises(Interrupted):
        stability(*towns(0), [0], PROBLEMS[0], count=10_000, progress=stop)


def test_the_best_site_by_hour() -> None:
    """At night the second is nearer, in the morning its road is full."""
    night, morning = np.array([[10.0, 8.0], [10.0, 8.0]]), np.array([[12.0, 20.0], [12.0, 20.0]])
    late, early = by_hour({8.0: morning, 3.0: night}, None, [0], PROBLEMS[0])
    assert (late.hour, late.sites.tolist(), late.chosen, late.best, late.regret) == (3, [1], 10, 8, 2)
    assert (early.hour, early.sites.tolist(), early.regret) == (8, [0], 0)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"count": 0}, StudyError, "count is 0"),
        ({"sites": [9]}, StudyError, "candidate 9"),
        ({"fixed": [0, 1]}, NoAnswer, "below the number of fixed"),
        ({"minutes": [[np.nan]]}, DataError, "nan"),
    ],
)
def test_what_makes_no_sense_is_said(options, error, said) -> None:
    asked = {"minutes": [[1.0, 2.0]], "weights": None, "sites": [0], "problem": PROBLEMS[0], **options}
    with pytest.raises(error, match=said):
        stability(**asked)


@pytest.mark.parametrize("wrong", [{"travel": -1}, {"common": 0.9}, {"law": "normal"}, {"demand": np.nan}])
def test_a_spread_that_is_none_is_refused(wrong) -> None:
    with pytest.raises(StudyError):
        Spread(**wrong)


def test_set_covers_are_measured_by_coverage_and_fixed_charges_by_mean_minutes() -> None:
    minutes, w = towns(5)
    same = [("set_cover", "max_coverage"), ("fixed_charge", "minisum")]
    for one, other in same:
        found = [singles(minutes, w, measure_of(Problem(name, service_radius=20))) for name in (one, other)]
        assert (found[0] == found[1]).all()
