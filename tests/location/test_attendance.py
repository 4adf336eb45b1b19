"""Attendance and Huff's shares: closed forms, every placement looked at, and what must hold of any answer."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.location import gravity as module
from potomac.location.attendance import max_attendance
from potomac.location.gravity import Decay, huff, max_huff


def line(*places: float) -> np.ndarray:
    """Minutes between places on a line."""
    x = np.array(places, float)
    return np.abs(x[:, None] - x[None])


def towns(seed: int, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 60, (n, 2)), rng.uniform(0, 60, (m, 2))
    return np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1)), rng.uniform(0.1, 50, n)


def came(minutes: np.ndarray, weights: np.ndarray, sites, half_life: float) -> float:
    return float(weights @ 2.0 ** (-minutes[:, list(sites)].min(axis=1) / half_life))


# ---- attendance


def test_half_as_many_come_from_a_half_life_away() -> None:
    """100 next door, 60 of one half-life away come by half, 40 of two by a quarter: 100 + 30 + 10."""
    found = max_attendance([[0.0], [15.0], [30.0]], 1, [100, 60, 40], half_life=15)
    assert found.objective == pytest.approx(140)
    assert (found.goal, found.status, found.proven) == ("maximise", "optimal", True)


def test_the_most_people_and_the_least_mean_minutes_may_lie_elsewhere() -> None:
    """Towns of 10, 4 and 10 on a line at 0, 30 and 60: at a half-life of 5 an end wins, for the mean the middle."""
    minutes, w = line(0, 30, 60), np.array([10.0, 4.0, 10.0])
    found = max_attendance(minutes, 1, w, half_life=5)
    assert found.sites.tolist() == [0]  # 10 + 4 / 64 + 10 / 4096; the middle: 4 + 20 / 64
    assert found.objective == pytest.approx(10 + 4 / 64 + 10 / 4096)
    assert [one.tolist() for one in found.equal] == [[2]]


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 3), st.floats(1, 60))
def test_it_is_the_best_of_all_placements(seed: int, p: int, half_life: float) -> None:
    minutes, w = towns(seed, 14, 7)
    found = max_attendance(minutes, p, w, half_life=half_life)
    best = max(came(minutes, w, sites, half_life) for sites in combinations(range(7), p))
    assert found.proven
    assert found.objective == pytest.approx(best, rel=1e-9)
    assert found.objective == pytest.approx(came(minutes, w, found.sites, half_life))
    assert (found.assignment == found.sites[minutes[:, found.sites].argmin(axis=1)]).all()


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_more_sites_bring_more_people_and_never_more_than_there_are(seed: int) -> None:
    minutes, w = towns(seed, 20, 9)
    found = [max_attendance(minutes, p, w, half_life=10) for p in range(1, 7)]
    values = [one.objective for one in found]
    assert (np.diff(values) >= -1e-9 * values[0]).all()
    assert all(one.objective <= one.bound <= w.sum() for one in found)


def test_a_short_search_has_a_bound_that_no_placement_exceeds() -> None:
    minutes, w = towns(3, 200, 200)
    found = max_attendance(minutes, 12, w, half_life=8, time_limit=0.0)
    best = max_attendance(minutes, 12, w, half_life=8)
    assert best.proven
    assert found.objective <= best.objective * (1 + 1e-9)
    assert found.bound >= best.objective * (1 - 1e-9)
    assert found.proven or found.status == "time_limit"


def test_a_gap_that_is_asked_for_is_kept() -> None:
    minutes, w = towns(5, 300, 300)
    found = max_attendance(minutes, 10, w, half_life=8, gap=0.05)
    assert found.status in ("optimal", "within_gap")
    assert found.bound - found.objective <= 0.05 * found.objective


def test_distant_people_are_weighed_as_exactly_as_near_ones() -> None:
    """From 40 half-lives away 2^-40 of them come; the better of two sites is proven all the same."""
    found = max_attendance([[400.0, 401.0], [400.0, 398.0]], 1, [1.0, 1.0], half_life=10)
    assert found.sites.tolist() == [1]
    assert found.objective == pytest.approx(2**-40.1 + 2**-39.8, rel=1e-12)
    assert found.proven


def test_who_has_no_way_does_not_come_and_is_named() -> None:
    found = max_attendance([[5.0, 9.0], [np.inf, np.inf], [7.0, np.inf]], 1, half_life=10)
    assert found.sites.tolist() == [0]
    assert found.assignment.tolist() == [0, -1, 0]
    assert "demand point 1" in found.notes[0]


def test_fixed_sites_stay_and_forbidden_ones_are_left_out() -> None:
    minutes, w = towns(1, 12, 6)
    best = max_attendance(minutes, 1, w, half_life=10).sites[0]
    assert best not in max_attendance(minutes, 2, w, forbidden=[best], half_life=10).sites
    other = (best + 1) % 6
    assert other in max_attendance(minutes, 2, w, fixed=[other], half_life=10).sites


@pytest.mark.parametrize(
    ("minutes", "options", "error", "said"),
    [
        ([[1.0, -2.0]], {}, DataError, "-2"),
        ([[1.0, np.nan]], {}, DataError, "nan"),
        ([[1.0, 2.0]], {"half_life": 0.0}, StudyError, "half_life is 0"),
        ([[1.0, 2.0]], {"p": 3}, NoAnswer, "above the number of candidates"),
        ([[np.inf, np.inf]], {}, NoAnswer, "nobody comes"),
        ([[1.0, 2.0]], {"weights": [-1.0]}, DataError, "weight"),
    ],
)
def test_what_makes_no_sense_is_said(minutes, options, error, said) -> None:
    with pytest.raises(error, match=said):
        max_attendance(minutes, **{"p": 1, **options})


# ---- Huff's shares


def test_shares_of_two_shops_as_huff_has_them() -> None:
    """Floor space 40 at 2 min and 90 at 3 min with lambda 2: 40 / 4 = 90 / 9, half each."""
    assert huff([[2.0, 3.0]], [40, 90]) == pytest.approx(np.array([[0.5, 0.5]]))
    assert huff([[2.0, 4.0]], None, Decay(exponent=1)) == pytest.approx(np.array([[2 / 3, 1 / 3]]))
    assert huff([[10.0, 20.0]], None, Decay(half_life=10)) == pytest.approx(np.array([[2 / 3, 1 / 3]]))


def test_staying_at_home_takes_its_part_and_nothing_pulls_from_beyond_reach() -> None:
    shares = huff([[0.0, np.inf], [np.inf, np.inf]], None, Decay(half_life=10), staying=3.0)
    assert shares == pytest.approx(np.array([[0.25, 0.0], [0.0, 0.0]]))


def test_below_the_least_minutes_a_site_is_next_door() -> None:
    assert huff([[0.0, 2.0]], None, Decay(exponent=2, least=1.0)) == pytest.approx(np.array([[0.8, 0.2]]))


@given(st.integers(0, 10_000), st.sampled_from([Decay(), Decay(half_life=7), Decay(exponent=0.5)]))
def test_shares_sum_to_one(seed: int, decay: Decay) -> None:
    minutes, _ = towns(seed, 9, 5)
    shares = huff(minutes, np.arange(1.0, 6), decay)
    assert shares.sum(axis=1) == pytest.approx(np.ones(9))
    assert (shares >= 0).all()


def won(minutes, weights, sites, rivals, decay) -> float:
    """Custom by the shares that ``huff`` gives to own sites among all."""
    shares = huff(np.hstack([minutes[:, list(sites)], rivals]), None, decay)
    return float(weights @ shares[:, : len(sites)].sum(axis=1))


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from([Decay(), Decay(half_life=6)]), st.booleans())
def test_branch_and_bound_finds_the_best_of_all_placements(seed, p, decay, look_at_all) -> None:
    minutes, w = towns(seed, 12, 7)
    rivals = towns(seed + 1, 12, 2)[0]
    kept = module.every_placement
    module.every_placement = kept if look_at_all else lambda ask, n: None
    try:
        found = max_huff(minutes, p, w, decay=decay, rivals=rivals)
    finally:
        module.every_placement = kept
    best = max(won(minutes, w, sites, rivals, decay) for sites in combinations(range(7), p))
    assert found.proven
    assert found.objective == pytest.approx(best, rel=1e-9)
    assert won(minutes, w, found.sites, rivals, decay) == pytest.approx(found.objective)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_demand_points_without_rivals_are_won_by_any_site_that_reaches_them(seed: int, p: int) -> None:
    """Half of the points have no rival and some ways are closed: their share jumps from 0 to 1."""
    minutes, w = towns(seed, 14, 7)
    minutes[np.random.default_rng(seed).uniform(size=minutes.shape) < 0.4] = np.inf
    minutes[:, 0] = 50.0
    staying = np.where(np.arange(14) < 7, 0.0, 0.2)
    decay = Decay(half_life=8)
    kept = module.every_placement
    module.every_placement = lambda ask, n: None
    try:
        found = max_huff(minutes, p, w, decay=decay, staying=staying)
    finally:
        module.every_placement = kept

    def custom(sites) -> float:
        return float(w @ huff(minutes[:, list(sites)], None, decay, staying=staying).sum(axis=1))

    assert found.proven
    assert found.objective == pytest.approx(custom(found.sites))
    assert found.objective == pytest.approx(max(map(custom, combinations(range(7), p))), rel=1e-9)


def test_where_nobody_competes_all_of_the_custom_is_won() -> None:
    minutes, w = towns(2, 40, 30)
    assert max_huff(minutes, 6, w, decay=Decay(half_life=9)).objective == pytest.approx(w.sum())


def test_fixed_and_forbidden_hold_in_branch_and_bound() -> None:
    minutes, w = towns(4, 60, 40)
    free = max_huff(minutes, 5, w, decay=Decay(half_life=9), staying=0.5)
    other = int(np.setdiff1d(np.arange(40), free.sites)[0])
    bound = max_huff(minutes, 5, w, fixed=[other], forbidden=free.sites[:1], decay=Decay(half_life=9), staying=0.5)
    assert other in bound.sites
    assert free.sites[0] not in bound.sites
    assert bound.objective <= free.objective
    assert free.proven
    assert bound.proven


def test_stopped_early_the_bound_still_holds() -> None:
    minutes, w = towns(6, 150, 80)
    options = {"decay": Decay(half_life=6), "rivals": towns(7, 150, 4)[0]}
    stopped = max_huff(minutes, 6, w, time_limit=0.0, **options)
    best = max_huff(minutes, 6, w, **options)
    assert stopped.bound >= best.objective * (1 - 1e-9)
    assert stopped.objective <= best.objective * (1 + 1e-9)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"decay": Decay(exponent=-1)}, StudyError, "exponent"),
        ({"decay": Decay(least=0)}, StudyError, "least is 0"),
        ({"attractiveness": [1, 2, 3]}, DataError, "attractiveness has shape"),
        ({"attractiveness": [0, 0]}, NoAnswer, "no candidate pulls"),
        ({"rivals": [[1.0], [2.0]]}, DataError, "rivals have 2 rows"),
    ],
)
def test_wrong_pulls_are_said(options, error, said) -> None:
    with pytest.raises(error, match=said):
        max_huff([[1.0, 2.0]], 1, **options)
