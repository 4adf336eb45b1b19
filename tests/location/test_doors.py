"""Whatever is given to the travel part of the library, it answers, or says what is wrong, where, and what to give."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import potomac.location
from potomac.errors import DataError, PotomacError, StudyError

location: Any = potomac.location  # what is wrong here, type checkers would see

PLACES = np.array([[41.9, -87.6], [41.8, -87.7], [42.0, -87.9]])
NODES = {"id": [0, 1, 2], "latitude": PLACES[:, 0], "longitude": PLACES[:, 1]}
LINKS: dict[str, Any] = {"from": [0, 1], "to": [1, 2], "minutes": [15.0, 20.0]}
NETWORK: Any = location.RoadNetwork(NODES, LINKS)
MATRIX = location.Matrix([[1.0, 2.0, 3.0]] * 3)
A, B = (np.random.default_rng(k).uniform([41, -88], [42, -87], (30, 2)) for k in (0, 1))
MINUTES = location.Circuity().rowwise(A, B)

HOSTILE: tuple[Any, ...] = (
    None, "x", "", b"x", "8:00", 3, -1, 0, True, float("nan"), float("inf"), 1 + 2j, object(), object, str,
    [], {}, [[]], (), set(), [1, 2], [[1, 2], [3]], [None, None], [["a", "b"]], [[np.nan, 1.0]], [[1.0, np.inf]],
    [[1 + 2j, 0]], [[0, 0, 0]], np.empty((0, 2)), np.empty((2, 0)), np.zeros(4), np.zeros((2, 2, 2)), np.array("x"),
    np.array([["1", "2"]]), np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]]), {"latitude": None},
    {"latitude": [1], "longitude": ["x"]}, {"latitude": [1, 2], "longitude": [1]}, {"from": 1}, pd.DataFrame(),
    pl.DataFrame(), pl.LazyFrame(), pa.table({}), pd.DataFrame({"latitude": [None], "longitude": [None]}),
    pa.table({"latitude": [None, 1.0], "longitude": [1.0, 2.0]}), pl.DataFrame({"lat": ["a"], "lon": [1.0]}),
    pa.array([1, 2]), pa.array([[1], [2]]), pa.chunked_array([[1, 2]]), pd.Series([1, 2]), pl.Series([1.0]),
    pd.Series(["a"]), Path("roads.csv"), np.datetime64("2026-01-01"),
)  # fmt: skip


def sample(**change: Any) -> Any:
    return location.Sample(**{"origins": A, "destinations": B, "minutes": MINUTES} | change)


def made(kind: Any, key: str, *more: Any) -> Callable[[Any], Any]:
    """A model with one parameter, asked for times in the peak."""
    dense = {"origin_density": [1, 2, 3], "destination_density": [1, 2, 3]} if "Density" in kind.__name__ else {}
    return lambda given: kind(**{key: given}).minutes(PLACES, PLACES, 8, **dense)


def linked(key: str) -> Callable[[Any], Any]:
    """A network of which a column is wrong."""
    whole = LINKS | {"length": [2e4, 3e4], "volume": [1, 2], "capacity": [1, 2], "b": [1, 1], "power": [1, 1]}
    if key in ("length", "class", "maxspeed"):
        whole.pop("minutes")
    return lambda given: location.RoadNetwork(NODES, whole | {key: given}).minutes(PLACES, PLACES, 8)


MODELS: tuple[Any, ...] = (
    location.GreatCircle(), location.Minkowski(), location.Circuity(), location.CircuityDistance(), NETWORK,
    location.Matrix([[0.0, 1, 2]] * 3, PLACES),
)  # fmt: skip
PARAMETERS = {
    location.GreatCircle: ("speed_kmh", "profile"), location.Minkowski: ("exponent", "rotation"),
    location.Circuity: ("factor",), location.CircuityDistance: ("near", "far", "decay_km", "near_kmh", "profile"),
    location.CircuityDensity: ("speed_elasticity", "factor_elasticity", "density", "speeds"),
}  # fmt: skip
OPTIONS = (
    "walk_kmh", "access_km", "first_through", "zones", "speeds", "profile", "density", "oneway", "default_kmh",
    "largest_only",
)  # fmt: skip
COLUMNS = (
    "from", "to", "minutes", "length", "class", "maxspeed", "oneway", "volume", "capacity", "b", "power",
)  # fmt: skip


def asked(model: Any, key: str, given: Any) -> Any:
    return model.minutes(**{"origins": PLACES, "destinations": PLACES, key: given})


def network(key: str, given: Any) -> Any:
    return location.RoadNetwork(NODES, LINKS, **{key: given})


def of_nodes(key: str, given: Any) -> Any:
    return location.RoadNetwork(NODES | {key: given}, LINKS)


def calibrated(key: str, given: Any) -> Any:
    if key in ("origins", "destinations", "minutes"):
        return location.calibrate(sample(**{key: given}), "great_circle")
    more: dict[str, Any] = {"model": "great_circle", key: given}
    return location.calibrate(sample(), **more)


def matrix(key: str, given: Any) -> Any:
    more: dict[str, Any] = {"minutes": [[1.0, 2.0]] * 2, key: given}
    return location.Matrix(**more).minutes(departure=8)


DOORS: dict[str, Callable[[Any], Any]] = {
    **{f"origins of {type(m).__name__}": partial(asked, m, "origins") for m in MODELS},
    **{f"destinations of {type(m).__name__}": partial(asked, m, "destinations") for m in MODELS},
    **{f"departure of {type(m).__name__}": partial(asked, m, "departure") for m in MODELS},
    **{f"{kind.__name__}.{key}": made(kind, key) for kind, keys in PARAMETERS.items() for key in keys},
    **{f"links.{key}": linked(key) for key in COLUMNS},
    **{f"network.{key}": partial(network, key) for key in OPTIONS},
    **{f"nodes.{key}": partial(of_nodes, key) for key in NODES},
    **{f"calibrate.{key}": partial(calibrated, key)
       for key in ("origins", "destinations", "minutes", "model", "departure", "profile", "density", "factor", "seed")},
    **{f"Matrix.{key}": partial(matrix, key) for key in ("minutes", "origins", "destinations", "hours", "profile")},
    "sample.origin_density": lambda x: location.calibrate(sample(origin_density=x, destination_density=MINUTES)),
    "origin_density": lambda x: location.CircuityDensity().minutes(PLACES, PLACES, origin_density=x,
                                                                   destination_density=[1, 2, 3]),
    "DensitySurface.points": lambda x: location.DensitySurface(x, [1, 2, 3]),
    "DensitySurface.people": lambda x: location.DensitySurface(PLACES, x),
    "DensitySurface.radius_km": lambda x: location.DensitySurface(PLACES, [1, 2, 3], x),
    "DensitySurface.at": lambda x: location.DensitySurface(PLACES, [1, 2, 3]).at(x),
    "calibrate": location.calibrate,
    "drawn_sample.model": lambda x: location.drawn_sample(x, PLACES),
    "drawn_sample.places": lambda x: location.drawn_sample(MODELS[0], x),
    "drawn_sample.pairs": lambda x: location.drawn_sample(MODELS[0], PLACES, x),
    "drawn_sample.departure": lambda x: location.drawn_sample(MODELS[0], PLACES, departure=x),
    "Matrix.ids": MATRIX.minutes,
    "from_pairs.origins": lambda x: location.Matrix.from_pairs(x, [1, 2], [1.0, 2.0]),
    "from_pairs.minutes": lambda x: location.Matrix.from_pairs([1, 2], [1, 2], x),
    "nodes": lambda x: location.RoadNetwork(x, LINKS),
    "links": lambda x: location.RoadNetwork(NODES, x),
    "between": lambda x: NETWORK.between(x, [0]),
    "between.departure": lambda x: NETWORK.between([0], [1], x),
    "between.by": lambda x: NETWORK.between([0], [1], by=x),
    "hours": lambda x: list(NETWORK.hours(PLACES, PLACES, x)),
    "scenarios": lambda x: list(NETWORK.scenarios(PLACES, PLACES, x)),
    "scenario": lambda x: list(NETWORK.scenarios(PLACES, PLACES, [x])),
    "snapped": NETWORK.snapped,
    "unreachable": lambda x: NETWORK.unreachable(x, PLACES),
    "unreachable.destinations": lambda x: NETWORK.unreachable(PLACES, x),
    "osm_network": location.osm_network,
    "geometric_median": location.geometric_median,
    "geometric_median.metric": lambda x: location.geometric_median(PLACES, metric=x),
    "geometric_median.tolerance": lambda x: location.geometric_median(PLACES, tolerance=x),
    "smallest_circle": location.smallest_circle,
    "smallest_circle.plane": lambda x: location.smallest_circle(x, metric="plane"),
    "sites_anywhere": lambda x: location.sites_anywhere(x, None, 1, "minisum", MODELS[0]),
    "sites_anywhere.p": lambda x: location.sites_anywhere(PLACES, None, x, "minisum", MODELS[0]),
    "sites_anywhere.objective": lambda x: location.sites_anywhere(PLACES, None, 1, x, MODELS[0]),
    "sites_anywhere.model": lambda x: location.sites_anywhere(PLACES, None, 1, "minisum", x),
    "from_geojson": location.from_geojson,
    "from_geodataframe": location.from_geodataframe,
    "from_cost_matrix": location.from_cost_matrix,
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_nothing_ends_in_an_error_of_another_library(door: str) -> None:
    refused = 0
    for given in HOSTILE:
        try:
            DOORS[door](given)
        except PotomacError as error:
            refused += 1
            said = error.faults[0]
            assert said.code.startswith(("location.", "data.", "study.")), said
            assert said.found, said
            assert said.expected or said.mend, said
            assert len(str(said)) < 1000, said
    assert refused > len(HOSTILE) // 3 or door.endswith("seed")


@pytest.mark.parametrize(
    ("make", "kind", "key", "words"),
    [
        (lambda: location.calibrate(None), DataError, "sample", "drawn_sample"),
        (lambda: location.calibrate(pd.DataFrame({"minutes": [1.0]})), DataError, "sample", "from_latitude"),
        (lambda: location.calibrate("trips.csv"), DataError, "sample", "'trips.csv'"),
        (lambda: location.from_geojson([1]), DataError, "features", "list"),
        (lambda: location.from_geojson(Path("p.geojson")), DataError, "features", "read_text"),
        (lambda: location.from_geojson("p.geojson"), DataError, "features", "name of a file: p.geojson"),
        (lambda: location.from_geojson("[1]"), DataError, "features", "no JSON object"),
        (lambda: MODELS[0].minutes(PLACES, PLACES, "8:00"), StudyError, "departure", "Half past eight is 8.5"),
        (lambda: MODELS[0].minutes(PLACES, PLACES, 25), StudyError, "departure", "0 to 24"),
        (lambda: MODELS[0].minutes(PLACES, PLACES, float("nan")), StudyError, "departure", "0 to 24"),
        (lambda: NETWORK.minutes(PLACES, PLACES, "8:00"), StudyError, "departure", "Half past eight is 8.5"),
        (lambda: location.RoadNetwork(NODES, LINKS, speeds={"x": "fast"}), StudyError, "travel.speeds", '"x" is fast'),
        (lambda: location.RoadNetwork(NODES, LINKS, speeds=50), StudyError, "travel.speeds", "primary"),
        (lambda: location.RoadNetwork(NODES, LINKS, oneway="no"), StudyError, "oneway", "True or False"),
        (lambda: location.RoadNetwork(NODES, LINKS, zones="17"), DataError, "zones", "list of ids"),
        (lambda: location.RoadNetwork(NODES, LINKS, density=[1, -2, 3]), DataError, "travel.density", "negative"),
        (lambda: location.sites_anywhere(PLACES, None, 1, "minisum", None), StudyError, "model", "Circuity()"),
        (lambda: location.sites_anywhere(PLACES, None, 1, "minisum", location.Circuity), StudyError, "model", "class"),
        (lambda: location.CircuityDensity(density=5.0), StudyError, "density", "origin_density"),
    ],
)  # fmt: skip
def test_what_was_given_and_what_to_give_is_said(make: Any, kind: type[PotomacError], key: str, words: str) -> None:
    with pytest.raises(kind) as error:
        make()
    assert error.value.faults[0].key == key
    assert words in str(error.value)


def test_a_sample_comes_in_any_kind_of_table() -> None:
    columns = {
        "to_latitude": B[:, 0], "to_longitude": B[:, 1], "from_latitude": A[:, 0], "from_longitude": A[:, 1],
        "minutes": MINUTES, "driver": ["x"] * 30,
    }  # fmt: skip
    table = pa.table(columns)
    relation = duckdb.connect().from_arrow(table)
    expected = location.calibrate(sample(), "great_circle")
    lazy = pl.LazyFrame(table.to_pydict())
    for one in (columns, table, table.to_pandas(), lazy.collect(), lazy, relation, table.to_pylist()):
        assert location.calibrate(one, "great_circle") == expected


def test_a_network_comes_in_any_kind_of_table_with_lists_and_geometries() -> None:
    """Edges as graph packages hand them out: limits in lists, and columns that no network knows."""
    links = pd.DataFrame({"from": [0, 1], "to": [1, 2], "maxspeed": ["50", ["50", "30"]], "geometry": [object(), None]})
    nodes = pa.table(NODES)
    km = 60 * location.GreatCircle(60.0).rowwise(PLACES[:2], PLACES[1:]) / 60
    expected = 60 * km / [50, 2 / (1 / 50 + 1 / 30)]
    lists = pa.table({"from": [0, 1], "to": [1, 2], "maxspeed": [["50"], ["50", "30"]]})
    for table in (links, lists):
        for one in (nodes, nodes.to_pandas(), duckdb.connect().from_arrow(nodes), nodes.to_pylist()):
            found = location.RoadNetwork(one, table).between([0, 1], [1, 2])
            assert found.diagonal() == pytest.approx(expected)
