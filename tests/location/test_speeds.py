"""Speeds of roads, as signed and as usual; means are harmonic."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from potomac.errors import StudyError
from potomac.location.travel.network import RoadNetwork
from potomac.location.travel.speeds import (
    FUNCTIONAL_MPH,
    class_kmh,
    density_factor,
    harmonic_mean,
    link_kmh,
    signed_kmh,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("50", 50.0), (" 50 ", 50.0), ("55.5", 55.5), ("50 km/h", 50.0), ("30 mph", 30 * 1.609344),
        ("30mph", 30 * 1.609344), ("10 knots", 18.52), ("50;30", 2 / (1 / 50 + 1 / 30)),
        ("50|80", 2 / (1 / 50 + 1 / 80)), ("50;signals", 50.0), ("none", 130.0), ("walk", 7.0), ("DE:urban", 50.0),
        ("RO:rural", 90.0),
        ("de:motorway", 130.0), ("FR:zone30", 30.0), ("DE:zone:20", 20.0), ("GB:20 mph", 20 * 1.609344),
        ("GB:nsl_single", 60 * 1.609344),
        ("IT:living_street", 10.0), ("signals", None), ("", None), ("fast", None), ("0", None), ("1000", None),
        ("XX:rural", None), ("-50", None), ("RO:motorway", 130.0), ("RO:urban", 50.0), ("DE:walk", None),
        ("30 mph;20 mph", 1.609344 * 2 / (1 / 30 + 1 / 20)), ("50; 30 mph", 2 / (1 / 50 + 1 / (30 * 1.609344))),
        ("none;DE:rural", 2 / (1 / 130 + 1 / 100)), ("GB:nsl_dual", 70 * 1.609344), ("UK:motorway", 70 * 1.609344),
        ("DE:30", 30.0), ("120 kph", 120.0), ("65 MPH", 65 * 1.609344), ("walk;30", 2 / (1 / 7 + 1 / 30)),
    ],
)  # fmt: skip
def test_speed_limits(text: str, kmh: float | None) -> None:
    found = signed_kmh(text)
    assert np.isnan(found) if kmh is None else found == pytest.approx(kmh)


@pytest.mark.parametrize(
    ("name", "mph"),
    [
        ("01", [70]), ("1", [70]), ("11", [58]), ("19", [22]), ("_1", [70, 58]), (" 1", [70, 58]),
        ("1_", [FUNCTIONAL_MPH[f"1{k}"] for k in range(1, 10)]),
        ("0 ", [FUNCTIONAL_MPH[f"0{k}"] for k in range(1, 10)]),
        ("01;11", [70, 58]),
    ],
)  # fmt: skip
def test_functional_classes(name: str, mph: list[float]) -> None:
    assert class_kmh(name) == pytest.approx(1.609344 * len(mph) / sum(1 / v for v in mph))


def test_a_sign_that_was_blank_may_have_been_cut_off() -> None:
    whole = [class_kmh(name) for name in ("05", "11", "_5", "0_")]
    np.testing.assert_allclose(link_kmh(["05", "11", "5", "0"], None), whole)
    either = [class_kmh("_1"), class_kmh("1_")]  # an interstate somewhere, or any road in town
    np.testing.assert_allclose(link_kmh(["05", "1"], None)[1], harmonic_mean(either))
    np.testing.assert_allclose(link_kmh([5, 11], None), [class_kmh("05"), class_kmh("11")])  # numbers: rural up to 9


def test_what_is_no_class_has_no_speed_and_own_speeds_come_first() -> None:
    assert all(np.isnan(class_kmh(name)) for name in ("", "  ", "00", "29", "footway", "123"))
    assert class_kmh("footway", {"footway": 5.0}) == 5.0
    assert class_kmh("_1", {"01": 100.0, "11": 50.0}) == pytest.approx(2 / (1 / 100 + 1 / 50))
    with pytest.raises(StudyError, match='the speed of "primary" is 0'):
        link_kmh(["primary"], None, {"primary": 0.0})


def test_columns_of_any_type_are_read() -> None:
    np.testing.assert_allclose(link_kmh(pa.array(["primary"]).dictionary_encode(), None), [60.0])
    np.testing.assert_allclose(link_kmh(None, [50, None, 70]), [50, np.nan, 70])
    np.testing.assert_allclose(link_kmh([1, 11], None), 1.609344 * np.array([70, 58]))
    assert np.isnan(harmonic_mean([]))


def test_a_mean_of_speeds_is_that_of_their_times() -> None:
    # A kilometre at 30 and one at 60 km/h take 2 + 1 minutes: 2 km in 3 minutes are 40 km/h.
    assert harmonic_mean([30.0, 60.0]) == pytest.approx(40.0)
    assert harmonic_mean([30.0, float("nan"), 60.0]) == pytest.approx(40.0)


def test_speed_falls_with_density_by_its_elasticity() -> None:
    assert density_factor(0.0) == 1.0
    high = density_factor([1e9, 1.01e9], elasticity=0.1)
    assert np.log(high[1] / high[0]) / np.log(1.01) == pytest.approx(-0.1)
    assert (np.diff(density_factor(np.linspace(0, 1e4, 50))) < 0).all()
    np.testing.assert_array_equal(density_factor([np.nan, -1.0]), [1.0, 1.0])


@pytest.mark.parametrize(
    ("tags", "kmh"),
    [
        ({"highway": "primary"}, 60.0), ({"highway": "primary", "maxspeed": "30"}, 30.0),
        ({"highway": "primary", "maxspeed": "signals"}, 60.0), ({"highway": "motorway", "maxspeed": "none"}, 130.0),
        ({"highway": "living_street", "maxspeed": "walk"}, 7.0), ({"highway": "trunk", "maxspeed": "RO:rural"}, 90.0),
        ({"highway": "primary;secondary"}, 2 / (1 / 60 + 1 / 52)), ({"highway": "path"}, 40.0),
        ({"highway": "residential", "maxspeed": ["30", "20 mph"]}, 2 / (1 / 30 + 1 / (20 * 1.609344))),
        ({"highway": "secondary", "maxspeed": 50}, 50.0),
    ],
)  # fmt: skip
def test_tags_make_the_minutes_of_a_kilometre(tags: dict[str, object], kmh: float) -> None:
    """1 km at v takes 60 / v minutes; where neither tag says a speed, 40 km/h are taken."""
    links = {"from": [0], "to": [1], "length": [1000.0], "class": [tags["highway"]], "maxspeed": [tags.get("maxspeed")]}
    assert RoadNetwork(None, links).between([0], [1]) == [[pytest.approx(60 / kmh)]]
