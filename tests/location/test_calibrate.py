"""Calibration: known parameters come back, the held-out error is honest, and it never does harm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from potomac.errors import DataError, StudyError
from potomac.geo.distance import KM_PER_DEGREE
from potomac.location.travel.calibrate import Calibration, Sample, calibrate, drawn_sample, sample_of
from potomac.location.travel.circuity import Circuity, CircuityDensity, CircuityDistance
from potomac.location.travel.congestion import PROFILE
from potomac.location.travel.density import DensitySurface
from potomac.location.travel.matrix import Matrix
from potomac.location.travel.plain import GreatCircle, Minkowski
from potomac.location.travel.surface import CircuitySurface

Array = np.ndarray
DATA = Path(__file__).parents[3] / "shared" / "data" / "location"


def ends(n: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return tuple(rng.uniform([41.7, -88.0], [42.1, -87.5], (n, 2)) for _ in range(2))  # type: ignore[return-value]


def noisy(minutes: Array, spread: float, seed: int = 0) -> Array:
    return minutes * np.exp(spread * np.random.default_rng(seed + 99).standard_normal(len(minutes)))


def speed(found: Calibration) -> float:
    assert isinstance(found.model, GreatCircle)
    return found.model.speed_kmh


# ---- what is known comes back


def test_the_speed_of_a_constant_factor_comes_back_exactly() -> None:
    a, b = ends(100)
    found = calibrate(Sample(a, b, Circuity(37.0, 1.3).rowwise(a, b)))
    assert found.form == "circuity_constant"
    assert isinstance(found.model, Circuity)
    assert found.model.speed_kmh == pytest.approx(37.0)
    assert found.held_out_error == pytest.approx(0.0, abs=1e-9)
    assert (found.n_fit, found.n_held_out, found.fell_back) == (50, 50, False)


def test_one_pace_is_that_of_the_least_relative_error_and_not_the_mean() -> None:
    """Nine at 2 min/km and one at 20: the weighted median stays at 2, whatever the one is."""
    a, b = ends(100)
    minutes = GreatCircle(30.0).rowwise(a, b)
    minutes[::10] *= 10
    assert speed(calibrate(Sample(a, b, minutes), "great_circle")) == pytest.approx(30.0)


def test_decay_with_distance_comes_back() -> None:
    a, b = ends(1500)
    true = CircuityDistance(60.0, 2.6, 1.3, 8.0)
    found = calibrate(Sample(a, b, noisy(true.rowwise(a, b), 0.02)), "circuity_distance")
    assert isinstance(found.model, CircuityDistance)
    km = np.array([2.0, 5.0, 10.0, 20.0, 40.0])
    assert found.model.pace(km) == pytest.approx(true.pace(km), rel=0.03)
    assert found.held_out_error < 0.03 < found.constant_error


def test_elasticity_by_density_comes_back() -> None:
    a, b = ends(800)
    rng = np.random.default_rng(3)
    one, other = np.exp(rng.normal(7, 1.5, (2, 800)))
    true = CircuityDensity(50.0, 1.3, -0.2, -0.02)
    minutes = true.rowwise(a, b, origin_density=one, destination_density=other)
    found = calibrate(Sample(a, b, noisy(minutes, 0.02), one, other), "circuity_density")
    assert isinstance(found.model, CircuityDensity)
    assert found.model.speed_kmh == pytest.approx(50.0, rel=0.02)
    assert found.model.speed_elasticity == pytest.approx(-0.2, abs=0.01)
    assert calibrate(Sample(a, b, noisy(minutes, 0.02), one, other)).form == "circuity_density"


def test_a_density_surface_stands_for_densities_and_goes_on_with_the_model() -> None:
    a, b = ends(300)
    surface = DensitySurface(a[:150], np.linspace(1, 3000, 150), 15.0)
    true = CircuityDensity(50.0, 1.3, -0.1, -0.02, surface)
    found = calibrate(Sample(a, b, true.rowwise(a, b)), "circuity_density", density=surface)
    assert found.held_out_error < 0.01 < found.constant_error  # speeds stay within those of the fitting half
    assert isinstance(found.model, CircuityDensity)
    assert found.model.rowwise(a, b) == pytest.approx(true.rowwise(a, b), rel=1e-3)


def test_streets_that_are_turned_come_back() -> None:
    a, b = ends(400)
    found = calibrate(Sample(a, b, noisy(Minkowski(40.0, 1.2, 30.0).rowwise(a, b), 0.01)), "minkowski")
    assert isinstance(found.model, Minkowski)
    assert found.model.exponent == pytest.approx(1.2, abs=0.11)
    assert found.model.rotation == pytest.approx(30, abs=6)
    assert found.model.speed_kmh == pytest.approx(40.0, rel=0.03)


def lattice(seed: int = 0, side: int = 24) -> tuple[Array, Matrix]:
    """Streets a km apart at 30 km/h; two motorways at 100 km/h, one along a row and one along a column."""
    k = np.arange(side * side).reshape(side, side)
    rng = np.random.default_rng(seed)
    row, column = rng.integers(4, side - 4, 2)
    pace = {0: np.full((side, side - 1), 2.0), 1: np.full((side - 1, side), 2.0)}
    pace[0][row], pace[1][:, column] = 0.6, 0.6
    u = np.concatenate([k[:, :-1].ravel(), k[:-1].ravel()])
    v = np.concatenate([k[:, 1:].ravel(), k[1:].ravel()])
    minutes = np.concatenate([pace[0].ravel(), pace[1].ravel()])
    times = dijkstra(csr_array((minutes, (u, v)), (side**2, side**2)), directed=False)
    north, east = np.divmod(np.arange(side * side), side)
    places = np.stack([48 + north / KM_PER_DEGREE, 2 + east / KM_PER_DEGREE / np.cos(np.radians(48.1))], axis=1)
    return places, Matrix(times, places)


def test_motorways_that_distance_alone_does_not_know_are_found_by_the_surface() -> None:
    places, network = lattice()
    sample = drawn_sample(network, places, 700, seed=1)
    found = calibrate(sample)
    by_distance = calibrate(sample, "circuity_distance")
    assert found.form == "circuity_surface"
    assert isinstance(found.model, CircuitySurface)
    assert found.held_out_error < 0.6 * by_distance.held_out_error <= 0.6 * found.constant_error
    assert set(found.tried) == {"circuity_constant", "circuity_distance", "circuity_surface"}


# ---- errors are honest


def test_the_held_out_error_is_that_of_pairs_that_nobody_has_seen() -> None:
    places, network = lattice(2)
    found = calibrate(drawn_sample(network, places, 700, seed=3))
    fresh = drawn_sample(network, places, 4000, seed=4)
    told = found.model.rowwise(fresh.origins, fresh.destinations)  # type: ignore[attr-defined]
    error = float(np.abs(told / fresh.minutes - 1).mean())
    assert found.interval[0] < found.held_out_error < found.interval[1]
    assert error < found.interval[1]  # fitted to twice as many pairs, it is a little better than told
    assert error > 0.5 * found.held_out_error


def test_no_error_below_that_of_the_noise_is_claimed() -> None:
    """Times exp(s Z) around one pace: nothing can do better than E |exp(s Z) - 1|, about s sqrt(2 / pi)."""
    a, b = ends(600)
    s = 0.2
    found = calibrate(Sample(a, b, noisy(GreatCircle(30.0).rowwise(a, b), s)))
    floor = s * np.sqrt(2 / np.pi)
    assert found.held_out_error == pytest.approx(floor, rel=0.15)
    assert found.form == "circuity_constant"


@given(st.integers(0, 10_000), st.sampled_from(["circuity", "circuity_distance", "minkowski"]))
@settings(max_examples=12, deadline=None)
def test_it_is_never_worse_than_one_pace_for_all_and_says_where_it_fell_back(seed: int, model: str) -> None:
    a, b = ends(60, seed)
    found = calibrate(Sample(a, b, noisy(GreatCircle(30.0).rowwise(a, b), 0.5, seed)), model, seed=seed)
    assert found.held_out_error <= found.constant_error
    if found.fell_back:
        assert found.form == "circuity_constant"
        assert any("worse than one pace" in note for note in found.notes)


def test_one_seed_one_answer() -> None:
    places, network = lattice(5, 12)
    sample = drawn_sample(network, places, 300, seed=6)
    one, other = calibrate(sample, seed=7), calibrate(sample, seed=7)
    assert (one.held_out_error, one.interval, one.tried) == (other.held_out_error, other.interval, other.tried)
    assert calibrate(sample, seed=8).held_out_error != one.held_out_error


# ---- hours, tables and samples


def test_times_of_an_hour_are_told_again_at_that_hour() -> None:
    a, b = ends(80)
    minutes = Circuity(40.0, 1.3).rowwise(a, b, 8.0)
    found = calibrate(Sample(a, b, minutes), "circuity_constant", departure=8.0)
    assert found.model.minutes(a[:3], b[:3], 8.0).diagonal() == pytest.approx(minutes[:3])
    assert found.model.minutes(a[:3], b[:3]).diagonal() == pytest.approx(minutes[:3] / PROFILE[8])


def test_a_table_of_trips_is_a_sample() -> None:
    a, b = ends(40)
    columns = {"from_latitude": a[:, 0], "from_longitude": a[:, 1], "to_latitude": b[:, 0], "to_longitude": b[:, 1],
               "minutes": GreatCircle(50.0).rowwise(a, b)}  # fmt: skip
    for table in (pa.table(columns), columns):
        assert speed(calibrate(table, "great_circle")) == pytest.approx(50.0)
    with pytest.raises(DataError, match="no column minutes"):
        sample_of({name: column for name, column in columns.items() if name != "minutes"})


def test_a_sample_is_drawn_from_any_model_and_each_pair_once() -> None:
    places, _ = ends(70)
    sample = drawn_sample(GreatCircle(30.0), places, 500, seed=1)
    assert len(sample.minutes) == 500
    assert len(np.unique(np.hstack([sample.origins, sample.destinations]), axis=0)) == 500
    assert len(np.unique(sample.origins, axis=0)) > 60
    assert sample.minutes == pytest.approx(GreatCircle(30.0).rowwise(sample.origins, sample.destinations))
    assert len(drawn_sample(GreatCircle(), places[:3], 500).minutes) == 6
    with pytest.raises(DataError):
        drawn_sample(GreatCircle(), places[:1])


def test_pairs_that_tell_nothing_are_left_aside_and_counted() -> None:
    a, b = ends(60)
    minutes = GreatCircle(30.0).rowwise(a, b)
    minutes[0], b[1], minutes[2] = np.inf, a[1], 0.0
    found = calibrate(Sample(a, b, minutes), "great_circle")
    assert found.n_fit + found.n_held_out == 57
    assert len(found.notes) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [({"minutes": [-1.0]}, "0 or more"), ({"minutes": [np.nan]}, "0 or more"), ({"minutes": [1.0, 2.0]}, "shape"),
     ({"origins": [[-87.6, 41.9]]}, "swapped"), ({"destinations": [[41.9, -87.6]] * 2}, "2 destinations")],
)  # fmt: skip
def test_a_sample_that_is_none_is_refused(change: dict[str, object], words: str) -> None:
    sample = Sample(**({"origins": [[41.8, -87.7]], "destinations": [[41.9, -87.6]], "minutes": [5.0]} | change))
    with pytest.raises(DataError, match=words):
        calibrate(sample)


def test_too_few_pairs_an_unknown_model_and_no_density_are_refused() -> None:
    a, b = ends(19)
    with pytest.raises(DataError, match="19 pairs"):
        calibrate(Sample(a, b, GreatCircle().rowwise(a, b)))
    a, b = ends(30)
    sample = Sample(a, b, GreatCircle().rowwise(a, b))
    with pytest.raises(StudyError, match="circuity_distance"):
        calibrate(sample, "circuity_distanse")
    with pytest.raises(DataError, match="no density"):
        calibrate(sample, "circuity_density")


# ---- real roads


def chicago(name: str, zones: int, *, barred: bool, pairs: int, seed: int = 0) -> dict[str, Sample]:
    """Random pairs of zones with their shortest times, free of traffic and under the volumes of the equilibrium."""
    import pyarrow.parquet as pq

    links = pq.read_table(DATA / f"road_{name}_links.parquet").to_pydict()
    nodes = pq.read_table(DATA / f"road_{name}_nodes.parquet").to_pydict()
    link = {key: np.array(links[key]) for key in ("u", "v", "free_flow_time", "b", "power", "volume", "capacity")}
    n = len(nodes["node"])
    tail = np.where(link["u"] <= zones, link["u"] + n, link["u"]) if barred else link["u"]  # zones: out and in apart
    rng = np.random.default_rng(seed)
    origins = rng.permutation(zones)[:150]
    i, j = np.divmod(rng.choice(len(origins) * zones, pairs + zones, replace=False), zones)
    i, j = i[origins[i] != j][:pairs], j[origins[i] != j][:pairs]
    east, north = (np.array(nodes[key])[:zones] * 0.3048e-3 for key in "xy")
    places = np.stack([41.9 + (north - north.mean()) / KM_PER_DEGREE,
                       -87.9 + (east - east.mean()) / KM_PER_DEGREE / np.cos(np.radians(41.9))], axis=1)  # fmt: skip
    free = link["free_flow_time"]
    slow = free * (1 + link["b"] * (link["volume"] / link["capacity"]) ** link["power"])
    found = {}
    for what, minutes in (("free", free), ("congested", slow)):
        graph = csr_array((minutes + 1e-9, (tail - 1, link["v"] - 1)), (2 * n, 2 * n))
        times = dijkstra(graph, indices=origins + n if barred else origins)
        found[what] = Sample(places[origins[i]], places[j], times[i, j])
    return found


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data/location")
@pytest.mark.parametrize(("name", "zones", "barred"), [("chicago_sketch", 387, False), ("chicago", 1790, True)])
def test_chicago_is_told_within_8_percent_without_traffic_and_11_with(name: str, zones: int, barred: bool) -> None:
    samples = chicago(name, zones, barred=barred, pairs=2000)
    for what, most in (("free", 0.08), ("congested", 0.11)):
        found = calibrate(samples[what])
        assert found.form == "circuity_surface"
        assert found.interval[1] < most
        assert found.held_out_error < 0.7 * found.constant_error


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data/location")
@pytest.mark.parametrize("seed", [101, 202])
def test_other_halves_of_other_pairs_are_told_as_well(seed: int) -> None:
    samples = chicago("chicago_sketch", 387, barred=False, pairs=1000, seed=seed)
    for what, most in (("free", 0.08), ("congested", 0.11)):
        found = calibrate(samples[what], seed=seed)
        assert found.held_out_error < min(most, found.constant_error)


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data/location")
def test_highways_far_from_any_town_are_told_within_8_percent() -> None:
    """Times by class of road, between nodes of the US highway network east of 90 degrees west."""
    import pyarrow.parquet as pq

    from potomac.location.travel.network import RoadNetwork

    links, nodes = (pq.read_table(DATA / f"us_highway_{part}.parquet") for part in ("links", "nodes"))
    table = {"from": links["u"], "to": links["v"], "class": links["function_class"],
             "length": links["miles"].to_numpy() * 1609.344}  # fmt: skip
    places = {"id": np.arange(nodes.num_rows), "latitude": nodes["lat"], "longitude": nodes["lon"]}
    network = RoadNetwork(places, table)
    east = network.node_places[network.node_places[:, 1] > -90]
    some = np.random.default_rng(7).choice(len(east), 300, replace=False)
    found = calibrate(drawn_sample(network, east[some], 1000, seed=7), seed=7)
    assert found.held_out_error < min(0.08, found.constant_error)


def test_a_small_sample_has_a_surface_where_that_predicts_better() -> None:
    """The south is three times as slow, by the part of the way that lies there: sixty pairs to fit to show it."""
    a, b = ends(120, seed=4)
    south = np.clip((41.9 - np.minimum(a, b)[:, 0]) / np.abs(a - b)[:, 0], 0.0, 1.0)
    found = calibrate(Sample(a, b, GreatCircle(60.0).rowwise(a, b) * (1 + 2 * south)), seed=1)
    assert found.form == "circuity_surface"
    assert found.held_out_error < 0.7 * found.constant_error
