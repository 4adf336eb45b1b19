"""What a map shows of a road network, and of demand points that have no way."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from potomac import studies
from potomac.location import surface

KM = 1 / 111.19
"""Degrees of a km at the equator."""


def network(roads: list[tuple[float, float, float]]) -> pa.Table:
    """Roads of a km along the equator: where each begins (km east), how far north (km) it lies, and its minutes."""
    return pa.table(
        {
            "from": [f"{x} {y}" for x, y, _ in roads], "to": [f"{x + 1} {y}" for x, y, _ in roads],
            "minutes": [one[2] for one in roads],
            "from_latitude": [one[1] * KM for one in roads], "from_longitude": [one[0] * KM for one in roads],
            "to_latitude": [one[1] * KM for one in roads], "to_longitude": [(one[0] + 1) * KM for one in roads],
        }
    )  # fmt: skip


PEOPLE = {"id": ["a", "b"], "latitude": [0.0, 0.0], "longitude": [0.0, 2 * KM]}


def asked(ask: Any, links: pa.Table, people: dict[str, list[Any]] = PEOPLE) -> studies.Run:
    tables = {"demand": pa.table(people), "candidates": pa.table(PEOPLE), "travel.links": links}
    found: studies.Run = ask(tables, travel={"model": "road"})
    return found


ALONG = [(float(k), 0.0, 1.0) for k in range(-1, 3)]


def test_the_roads_about_people_lie_beneath_both_maps(ask: Any) -> None:
    run = asked(ask, network([*ALONG, (500.0, 0.0, 1.0)]))
    assert run.model["roads"].num_rows == 4, "the road 500 km off is not about anybody"
    for name in ("map", "surface"):
        figure = next(one for one in run.figures if one.name == name)
        assert [layer.name for layer in figure.layers if layer.ground] == ["roads"]


def test_of_too_many_roads_the_fastest_are_shown(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at 60 km/h, three at 30 and four at 20: of four that may be shown the two fastest, of five all from 30 on."""
    links = network([(0.0, 0.01 * k, minutes) for k, minutes in enumerate([1.0, 1, 2, 2, 2, 3, 3, 3, 3])])
    people = {"id": ["c", "d"], "latitude": [0.0, 0.0], "longitude": [0.2 * KM, 0.8 * KM]}
    for most, shown in ((4, 2), (5, 5), (8, 5), (9, 9)):
        monkeypatch.setattr(surface, "ROADS", most)
        assert asked(ask, links, people).model["roads"].num_rows == shown
    monkeypatch.setattr(surface, "ROADS", 1)
    assert "roads" not in asked(ask, links, people).model


def test_who_has_no_way_is_marked_or_said_to_be_off_the_map(ask: Any) -> None:
    """5.3 km are beyond the access of 5 km, and within a tenth of a degree beside those who are served."""
    people = {
        "id": ["a", "b", "near", "far"], "latitude": [0.0, 0.0, 5.3 * KM, 40.0], "longitude": [0.0, 2 * KM, 0.0, 30.0],
    }  # fmt: skip
    run = asked(ask, network(ALONG), people)
    figure = next(one for one in run.figures if one.name == "map")
    crosses = next(layer for layer in figure.layers if layer.name == "no way to any site")
    assert crosses.data["id"].to_pylist() == ["near"]
    assert "1 demand point without a way to any site lies off the map." in figure.finding
