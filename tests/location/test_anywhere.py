"""Sites anywhere: closed forms, fine grids of places, and bounds that must hold wherever the site is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError, Interrupted, NoAnswer, StudyError
from potomac.geo.distance import EARTH_RADIUS_KM, KM_PER_DEGREE, unit_vectors
from potomac.location.anywhere import sites_anywhere
from potomac.location.cellular import Demand, _sharp, covering_cells, gathered
from potomac.location.geometry import geometric_median, smallest_circle
from potomac.location.measures import measure_of, opened_one_by_one, value
from potomac.location.places import degrees
from potomac.location.pmedian.search import p_median
from potomac.location.question import Problem
from potomac.location.travel.circuity import Circuity, CircuityDistance
from potomac.location.travel.plain import GreatCircle, Minkowski
from potomac.location.ways import Ways, angles

KMH60 = GreatCircle(60.0)  # a minute a km
DEGREE = KM_PER_DEGREE
MODELS = [
    KMH60, Circuity(50.0, 1.3), CircuityDistance(60.0, near_kmh=25.0), Minkowski(50.0, 1.0, 20.0),
    Minkowski(50.0, 1.6), Minkowski(50.0, 3.0, -70.0), Minkowski(50.0, np.inf, 10.0),
]  # fmt: skip
AIMS = ["minisum", "minimax", "attendance"]


def towns(seed: int, n: int, west: float = 10.0, south: float = 47.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    east = (rng.uniform(west, west + 1.5, n) + 180) % 360 - 180
    return np.column_stack([rng.uniform(south, south + 1, n), east]), rng.uniform(0.5, 5, n)


def objective(minutes: np.ndarray, w: np.ndarray, aim: str, half_life: float = 15.0) -> np.ndarray:
    """Of each column as the only site, more or less as the aim has it."""
    if aim == "minimax":
        return minutes.max(axis=0)
    return w @ 2 ** (-minutes / half_life) if aim == "attendance" else w @ minutes


def grid(points: np.ndarray, steps: int = 60) -> np.ndarray:
    """Places over the points and around them."""
    east = (points[:, 1] - points[0, 1] + 180) % 360 - 180
    a, b = (np.linspace(x.min() - 0.3, x.max() + 0.3, steps) for x in (points[:, 0], east))
    return np.column_stack([np.repeat(a, steps), (np.tile(b, steps) + points[0, 1] + 180) % 360 - 180])


# ---- closed forms


@pytest.mark.parametrize("aim", AIMS)
def test_a_site_for_every_point_costs_nothing(aim: str) -> None:
    points = np.array([[10.0, 179.0], [10.0, -179.0], [12.0, 180.0]])
    found = sites_anywhere(points, [1, 2, 3], 3, aim, KMH60)
    assert found.objective == pytest.approx(6 if aim == "attendance" else 0, abs=1e-9)
    assert found.proven
    assert sorted(found.assignment.tolist()) == [0, 1, 2]


def test_two_groups_far_apart_have_their_own_medians() -> None:
    """The sum is that of the geometric medians of both, one of them across the antimeridian."""
    one, other = towns(1, 9, west=179.3)[0], towns(2, 7, west=100.0)[0]
    found = sites_anywhere(np.vstack([one, other]), None, 2, "minisum", KMH60)
    assert found.objective == pytest.approx(
        geometric_median(one).objective + geometric_median(other).objective, rel=1e-9
    )
    assert found.bound <= found.objective
    assert found.gap < 0.2


def test_two_circles_hold_two_pairs() -> None:
    """Points on the equator at 178, 180, -172 and -170 degrees: two centres, each a degree from its pair."""
    points = [[0.0, 178.0], [0.0, 180.0], [0.0, -172.0], [0.0, -170.0]]
    found = sites_anywhere(points, None, 2, "minimax", KMH60)
    assert found.objective == pytest.approx(DEGREE, rel=1e-9)
    assert sorted(found.points[:, 1].tolist()) == pytest.approx([-171, 179])
    assert DEGREE * 0.9 <= found.bound <= found.objective


def test_one_site_by_the_great_circle_is_proven() -> None:
    points, w = towns(3, 40, west=179.4)
    found = sites_anywhere(points, w, 1, "minisum", Circuity(40.0, 1.25))
    assert (found.status, found.proven) == ("optimal", True)
    assert found.objective == pytest.approx(geometric_median(points, w).objective * 60 * 1.25 / 40, rel=1e-9)


def test_along_a_grid_of_streets_the_best_place_is_the_median_of_each_coordinate() -> None:
    """On the equator, streets north and east: medians of latitude 0.1 and longitude 0.3; the sum by hand in degrees."""
    points = np.array([[0.0, 0.0], [0.1, 0.5], [0.4, 0.3]])
    found = sites_anywhere(points, None, 1, "minisum", Minkowski(60.0, 1.0))
    assert found.points[0] == pytest.approx([0.1, 0.3], abs=1e-4)
    assert found.objective == pytest.approx(DEGREE * ((0.1 + 0 + 0.3) + (0.3 + 0.2 + 0)), rel=1e-4)


def test_most_people_come_where_most_people_are() -> None:
    """A town of 10 and one of 9, 40 half-lives apart: at the greater, 10 + 9 / 2^40."""
    found = sites_anywhere([[0.0, 0.0], [0.0, 1.0]], [10, 9], 1, "attendance", KMH60, half_life=DEGREE / 40)
    assert found.points[0] == pytest.approx([0, 0], abs=1e-6)
    assert found.objective == pytest.approx(10 + 9 / 2**40, rel=1e-9)
    assert (found.goal, found.status) == ("maximise", "optimal")


# ---- against grids of places


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("aim", AIMS)
def test_no_place_of_a_grid_is_better_than_one_site(aim: str, model) -> None:
    points, w = towns(4, 12, west=179.5)
    found = sites_anywhere(points, w, 1, aim, model, gap=5e-3)
    every = objective(model.minutes(points, grid(points)), w, aim)
    sign = -1 if aim == "attendance" else 1
    assert sign * found.objective <= (sign * every).min() * (1 - sign * 1e-9)
    assert sign * found.bound <= sign * found.objective
    assert found.gap <= 6e-3
    mine = objective(model.minutes(points, found.points), w, aim)[0]
    assert found.objective == pytest.approx(mine, rel=1e-12)


@settings(max_examples=4)
@given(st.integers(0, 10_000), st.sampled_from(AIMS), st.sampled_from(MODELS))
def test_two_sites_are_no_worse_than_at_demand_points_and_the_bound_holds(seed, aim, model) -> None:
    points, w = towns(seed, 8)
    found = sites_anywhere(points, w, 2, aim, model, starts=4, gap=0.02)
    measure = measure_of(Problem(aim))
    minutes = model.minutes(points, points)
    discrete = value(
        minutes, w, opened_one_by_one(minutes, w, measure, np.zeros(0, np.int64), np.arange(8), 2), measure
    )
    near = model.minutes(points, found.points).min(axis=1)
    mine = value(near[:, None], w, np.array([0]), measure)
    assert mine <= discrete * (1 + 1e-9)
    places = grid(points, 14)
    to = model.minutes(points, places)
    pairs = np.minimum(to[:, :, None], to[:, None, :]).reshape(8, -1)
    every = objective(pairs, w, aim)
    if aim == "attendance":
        assert found.bound >= max(every.max(), found.objective)
    else:
        assert found.bound <= min(every.min(), found.objective)
    assert (found.minutes == near).all()


def test_the_same_anywhere_on_the_globe() -> None:
    """Turned by 170 degrees of longitude, over the antimeridian, the answer turns with the points."""
    for aim in AIMS:
        here, w = towns(5, 15)
        there = np.column_stack([here[:, 0], (here[:, 1] + 169.4 + 180) % 360 - 180])
        assert there[:, 1].min() < 0 < there[:, 1].max()
        one, other = (sites_anywhere(p, w, 3, aim, KMH60, starts=6, gap=0.2) for p in (here, there))
        assert one.objective == pytest.approx(other.objective, rel=1e-6)


@pytest.mark.parametrize("aim", ["minisum", "minimax"])
@pytest.mark.parametrize("where", ["a country", "the antimeridian", "the pole", "the equator", "twice the same"])
def test_two_sites_are_the_best_of_all_ways_to_part_the_points(where: str, aim: str) -> None:
    """Whoever is served by the same site makes a part, whose best place is its median, or its smallest circle's centre.

    All 2^(n - 1) ways to make at most two parts are looked at.
    """
    draw = np.random.default_rng(3)
    n, turn = 8, draw.uniform(-8, 8, 8)
    points = {
        "a country": np.column_stack([draw.uniform(44, 53, n), 10 + turn]),
        "the antimeridian": np.column_stack([draw.uniform(-9, 9, n), (360 + turn) % 360 - 180]),
        "the pole": np.column_stack([draw.uniform(70, 89, n), 45.0 * np.arange(n) - 170]),
        "the equator": np.column_stack([np.zeros(n), turn]),
        "twice the same": np.repeat(np.column_stack([draw.uniform(44, 53, 4), 10 + turn[:4]]), 2, axis=0),
    }[where]
    w = draw.integers(0, 6, n).astype(float)
    w[0] = 1.0

    def cost(part: np.ndarray) -> float:
        part = part & (w > 0)
        if not part.any():
            return 0.0
        return geometric_median(points[part], w[part]).objective if aim == "minisum" else (
            smallest_circle(points[part]).radius)  # fmt: skip

    ways = [np.array([k >> i & 1 for i in range(n)], bool) for k in range(2 ** (n - 1))]
    both = [(cost(part), cost(~part)) for part in ways]
    best = min(map(sum if aim == "minisum" else max, both))  # km are minutes
    found = sites_anywhere(points, w, 2, aim, KMH60)
    assert found.objective == pytest.approx(best, rel=1e-7)
    assert found.bound <= best * (1 + 1e-9)
    assert (found.status == "optimal") == found.proven


def test_many_sites_are_no_worse_than_the_best_at_demand_points() -> None:
    """Demand points are places too, so that the p-median over them, which is proven, is a bound from above."""
    draw = np.random.default_rng(4)
    middle = draw.uniform([44.0, 4.0], [53.0, 16.0], (15, 2))
    points, w = middle[draw.integers(0, 15, 420)] + draw.normal(0, 0.5, (420, 2)), draw.uniform(0.1, 5, 420)
    at_points = p_median(KMH60.minutes(points, points), 42, w)
    assert at_points.proven
    found = sites_anywhere(points, w, 42, "minisum", KMH60, starts=5, gap=1.0)
    assert found.bound <= found.objective <= at_points.objective
    assert found.status == "within_gap"


def test_more_sites_are_never_worse() -> None:
    points, w = towns(6, 20)
    sums = [sites_anywhere(points, w, p, "minisum", KMH60, starts=8, gap=0.5).objective for p in (1, 2, 3, 4)]
    assert (np.diff(sums) < 0).all()


def test_sites_that_are_there_stay_and_serve() -> None:
    points = np.array([[0.0, 0.0], [0.0, 0.2], [0.0, 5.0], [0.0, 5.4]])
    found = sites_anywhere(points, [1, 1, 1, 2], 2, "minisum", KMH60, fixed_points=[[0.0, 0.1]])
    assert found.points[0].tolist() == [0.0, 0.1]
    assert found.objective == pytest.approx(DEGREE * (0.1 + 0.1 + 0.4), rel=1e-6)
    assert found.assignment.tolist() == [0, 0, 1, 1]
    assert found.proven
    all_there = sites_anywhere(points, None, 1, "minisum", KMH60, fixed_points=[[0.0, 0.1]])
    assert all_there.proven
    assert all_there.objective == pytest.approx(DEGREE * (0.1 + 0.1 + 4.9 + 5.3), rel=1e-9)


def test_who_has_no_weight_does_not_count() -> None:
    found = sites_anywhere([[0, 0], [0, 2], [50, 60]], [1, 1, 0], 1, "minimax", KMH60)
    assert found.objective == pytest.approx(DEGREE, rel=1e-9)
    assert found.minutes[2] > 1000


def test_the_same_seed_gives_the_same_places() -> None:
    points, w = towns(7, 30)
    one, other = (sites_anywhere(points, w, 4, "minisum", KMH60, starts=5, gap=0.5, seed=3) for _ in range(2))
    assert (one.points == other.points).all()


def test_many_points_start_from_some_of_them_and_end_with_all() -> None:
    """Three round towns far apart: a site in the middle of each, where the mean of the distances is 2/3 of the radius.

    Of points spread evenly over a disc of radius r the mean distance from the middle is 2 r / 3.
    """
    rng = np.random.default_rng(9)
    middles = np.array([[0.0, 0.0], [0.0, 20.0], [0.0, -20.0]])
    points = moved(np.repeat(middles, 1800, axis=0), 30 * np.sqrt(rng.uniform(size=5400)), rng)
    found = sites_anywhere(points, None, 3, "minisum", KMH60, starts=4, gap=0.5)
    assert sorted(found.points[:, 1].tolist()) == pytest.approx([-20, 0, 20], abs=0.03)
    assert found.objective / 5400 == pytest.approx(20, rel=4 * 0.36 / np.sqrt(5400))
    assert found.bound <= found.objective


def test_a_model_of_which_nothing_is_known_has_no_bound_and_that_is_said() -> None:
    class Slow:
        def minutes(self, origins, destinations, departure=None):
            return KMH60.minutes(origins, destinations) ** 0.5

    points, w = towns(8, 10)
    found = sites_anywhere(points, w, 1, "minisum", Slow())
    assert (found.status, found.bound) == ("heuristic", 0.0)
    assert "no bound" in found.notes[0]
    every = objective(Slow().minutes(points, np.vstack([grid(points), points])), w, "minisum")
    assert found.objective <= every.min() * 1.01


# ---- what bounds are made of


@pytest.mark.parametrize("model", MODELS, ids=repr)
@settings(max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([0.001, 0.05, 0.4, 2.0]), st.booleans())
def test_no_place_of_a_cell_is_nearer_than_the_cell_is_said_to_be(model, seed: int, width: float, slack: bool) -> None:
    rng = np.random.default_rng(seed)
    v = rng.normal(size=(6, 3))
    points = degrees(v / np.linalg.norm(v, axis=1, keepdims=True))
    cells = covering_cells(unit_vectors(*points[0]), width, 60)
    around = np.full(6, 40.0 if slack else 0.0)
    least = Ways(model, points, slack=around).least(cells.places(), cells.radii())
    inside = cells.middle + rng.uniform(-1, 1, (len(cells), 2)) * cells.half[:, None]
    places = degrees(cells._placed(inside))
    ends = moved(points, rng.uniform(0, 40.0, 6) * slack, rng)
    times = Ways(model, ends).minutes(places)
    assert (times >= least - 1e-9).all()


def moved(points: np.ndarray, km: np.ndarray, rng) -> np.ndarray:
    """Points moved by so many km, in any direction."""
    v = unit_vectors(*points.T)
    way = np.cross(v, rng.normal(size=v.shape))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    angle = (km / EARTH_RADIUS_KM)[:, None]
    return degrees(np.cos(angle) * v + np.sin(angle) * way)


@pytest.mark.parametrize("half_life", [None, 8.0, 300.0])
@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from([0.001, 0.02, 0.3]), st.booleans())
def test_no_place_of_a_cell_has_a_lower_sum_than_slope_and_curvature_say(half_life, seed, width, beside) -> None:
    rng = np.random.default_rng(seed)
    centre = degrees(rng.normal(size=3))
    points = moved(np.repeat(centre[None], 9, axis=0), rng.uniform(0, 2 * width * EARTH_RADIUS_KM, 9), rng)
    w, base = rng.uniform(0, 3, 9), np.full(9, np.inf)

    def cost(minutes: np.ndarray) -> np.ndarray:
        return minutes if half_life is None else 1 - 2 ** (-minutes / half_life)

    if beside:
        base = cost(Ways(KMH60, points).minutes(points[:1])[:, 0])
    cells = covering_cells(unit_vectors(*centre), width, 40)
    demand = Demand(Ways(KMH60, points), w, base, cost, half_life)
    value, low = _sharp(demand)(cells.places(), cells.radii())
    inside = cells.middle + rng.uniform(-1, 1, (20, len(cells), 2)) * cells.half[:, None]
    for places, is_middle in [(cells.places(), True), *((cells._placed(one), False) for one in inside)]:
        there = w @ np.minimum(cost(demand.ways.minutes(degrees(places))), base[:, None])
        assert (there >= low).all()
        if is_middle:
            assert value == pytest.approx(there, rel=1e-9, abs=1e-9)


@given(st.integers(0, 10_000), st.floats(0.05, np.pi / 3))
def test_no_place_outside_a_cap_is_nearer_to_what_it_holds_than_the_rim_below(seed: int, radius: float) -> None:
    """Up to a third of pi: the site worth a look lies in the smallest circle of the demand points."""
    rng = np.random.default_rng(seed)
    centre = unit_vectors(*rng.uniform(-80, 80, 2))
    away = np.cross(centre, rng.normal(size=3))
    away /= np.linalg.norm(away)

    def at(angle: np.ndarray, turn: np.ndarray) -> np.ndarray:
        side = np.cos(turn)[:, None] * away + np.sin(turn)[:, None] * np.cross(centre, away)
        return np.cos(angle)[:, None] * centre + np.sin(angle)[:, None] * side

    inside = at(rng.uniform(0, radius, 50), rng.uniform(0, 2 * np.pi, 50))
    turn = rng.uniform(0, 2 * np.pi, 50)
    outside, rim = at(rng.uniform(radius, np.pi, 50), turn), at(np.full(50, radius), turn)
    assert (angles(inside, rim) <= angles(inside, outside) + 1e-9).all()


def test_cells_cover_the_cap() -> None:
    centre = unit_vectors(50.0, 179.9)
    cells = covering_cells(centre, 0.1, 300)
    v = np.random.default_rng(0).normal(size=(200_000, 3))
    v = v[v @ centre > 0.9 * np.linalg.norm(v, axis=1)]
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    v = v[angles(v, centre[None])[:, 0] <= 0.1]
    assert (angles(v, cells.places()) <= cells.radii() + 1e-12).any(axis=1).all()


def test_gathered_points_keep_their_weight_and_lie_within_their_slack() -> None:
    rng = np.random.default_rng(1)
    points, w = np.column_stack([rng.uniform(40, 50, 6000), rng.uniform(0, 20, 6000)]), rng.uniform(0, 2, 6000)
    group = gathered(Demand(Ways(KMH60, points), w, np.full(6000, np.inf), lambda t: t))
    assert len(group.weight) < 6000
    assert group.weight.sum() == pytest.approx(w.sum())
    place = np.array([[44.0, 7.0]])
    there = group.ways.least(unit_vectors(*place.T), np.zeros(1))[:, 0]
    assert group.weight @ there <= w @ KMH60.minutes(points, place)[:, 0]


# ---- at the door


def test_an_interrupt_ends_it() -> None:
    def stop(what: str, done: float, total: float | None = None) -> None:
        raise Interrupted([])

    with pytest.raises(Interrupted):
        sites_anywhere(*towns(0, 20), 2, "minisum", KMH60, progress=stop)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"p": 0}, StudyError, "p is 0"),
        ({"p": 1, "fixed_points": [[0, 0], [1, 1]]}, NoAnswer, "below the number of fixed"),
        ({"objective": "quantile"}, StudyError, "at candidates only"),
        ({"starts": 0}, StudyError, "starts"),
        ({"gap": -1}, StudyError, "gap"),
        ({"half_life": 0}, StudyError, "half_life"),
        ({"demand_points": [[np.nan, 0]]}, DataError, "nan"),
        ({"weights": [0, 0]}, DataError, "all weights are 0"),
    ],
)
def test_what_makes_no_sense_is_said(options, error, said) -> None:
    asked = {"demand_points": [[0, 0], [1, 1]], "weights": None, "p": 1, "objective": "minisum", "model": KMH60}
    with pytest.raises(error, match=said):
        sites_anywhere(**{**asked, **options})
