"""Which columns may play which roles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac import units
from potomac.tables import ENTITY, HEADING, LATITUDE, LONGITUDE, SPEED, TIME, Column, Role
from potomac.tables.guess import Seen, guess

ROLES = (LATITUDE, LONGITUDE, SPEED, HEADING, TIME, ENTITY)


def named(*names: str, roles: tuple[Role, ...] = ROLES) -> dict[str, tuple[str, str]]:
    return {role: (column.column, column.unit) for role, column in guess(roles, [Seen(one) for one in names]).items()}


def test_the_columns_of_marine_cadastre() -> None:
    """https://coast.noaa.gov/data/marinecadastre/ais/data-dictionary.pdf: SOG in knots, COG in degrees."""
    assert named("MMSI", "BaseDateTime", "LAT", "LON", "SOG", "COG", "Heading", "VesselName") == {
        "latitude": ("LAT", ""),
        "longitude": ("LON", ""),
        "speed": ("SOG", "kn"),
        "heading": ("Heading", ""),
        "time": ("BaseDateTime", ""),
        "entity": ("MMSI", ""),
    }


def test_the_columns_of_opensky() -> None:
    """https://opensky-network.org/data/impala: velocity in metres a second, which the name does not say."""
    found = named("time", "icao24", "lat", "lon", "velocity", "heading", "vertrate")
    assert found["speed"] == ("velocity", "")
    assert found["entity"] == ("icao24", "")
    assert found["heading"] == ("heading", "")


@pytest.mark.parametrize(
    ("name", "role", "unit"),
    [
        ("speed_ms", "speed", "m/s"),
        ("speed (m/s)", "speed", "m/s"),
        ("Speed [kn]", "speed", "kn"),
        ("speedKmh", "speed", "km/h"),
        ("velocity_mph", "speed", "mph"),
        ("sog", "speed", "kn"),
        ("vessel_sog", "speed", "kn"),
        ("lat_deg", "latitude", "deg"),
        ("Longitude (rad)", "longitude", "rad"),
        ("gps_lat", "latitude", ""),
        ("timestamp_ms", "time", "ms"),
        ("course_over_ground", "heading", ""),
        ("start time", "time", ""),
    ],
)
def test_names_and_their_units(name: str, role: str, unit: str) -> None:
    assert named(name) == {role: (name, unit)}


@pytest.mark.parametrize("name", ["", "x1", "total", "latent", "plateau", "note", "timeless", "idle"])
def test_names_that_say_nothing(name: str) -> None:
    assert named(name) == {}


def test_each_column_plays_one_role_and_the_surest_pair_wins() -> None:
    assert named("y", "latitude", "x", "long") == {"latitude": ("latitude", ""), "longitude": ("long", "")}
    assert named("y", "x") == {"latitude": ("y", ""), "longitude": ("x", "")}


def test_types_and_ranges_speak_too() -> None:
    assert guess((LATITUDE,), [Seen("lat", "text")]) == {}
    assert guess((LATITUDE,), [Seen("lat", "number", -120.0, 30.0), Seen("y", "number", 10.0, 30.0)]) == {
        "latitude": Column("y")
    }
    assert guess((LATITUDE,), [Seen("lat_rad", "number", -1.5, 1.5)]) == {"latitude": Column("lat_rad", "rad")}
    assert guess((TIME,), [Seen("date", "true or false")]) == {}
    assert guess((SPEED,), [Seen("speed", "empty")]) == {}


def test_codes_for_unknown_are_within_every_range() -> None:
    """511 is a heading that is not available (ITU-R M.1371-5)."""
    assert guess((HEADING,), [Seen("heading", "integer", 0, 511)]) == {"heading": Column("heading")}
    assert guess((LATITUDE,), [Seen("lat", "number", 56.3, 91.0)]) == {"latitude": Column("lat")}
    assert guess((LATITUDE,), [Seen("lat", "number", 56.3, 99.0)]) == {}
    assert guess((HEADING,), [Seen("heading", "integer", 0, 900)]) == {}


def test_speeds_as_ais_sends_them_are_tenths_of_knots() -> None:
    assert guess((SPEED,), [Seen("sog", "integer", 0, 1023)]) == {"speed": Column("sog", "0.1 kn")}
    assert guess((SPEED,), [Seen("sog", "number", 0, 30.5)]) == {"speed": Column("sog", "kn")}
    assert guess((SPEED,), [Seen("sog", "integer", 0, 40)]) == {"speed": Column("sog", "kn")}


TYPES = st.sampled_from(["", "number", "integer", "time", "text", "empty", "true or false"])
SEEN = st.builds(
    Seen, st.text(max_size=12), TYPES, st.one_of(st.none(), st.floats(-1e6, 0)), st.one_of(st.none(), st.floats(0, 1e6))
)


@given(st.lists(SEEN, max_size=8))
def test_whatever_the_columns_are(columns: list[Seen]) -> None:
    found = guess(ROLES, columns)
    taken = [column.column for column in found.values()]
    assert len(taken) <= len(columns)
    for name, column in found.items():
        role = next(role for role in ROLES if role.name == name)
        assert any(one.name == column.column for one in columns)
        if column.unit and role.kind != "time":
            assert units.parse(column.unit, role.dimension).dimension == role.dimension
