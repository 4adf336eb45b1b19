"""Roles that positions have: units, ranges, codes for unknown, usual names."""

from __future__ import annotations

import pytest

from potomac import tables
from potomac.errors import StudyError
from potomac.tables import ENTITY, HEADING, LATITUDE, LONGITUDE, SPEED, TIME, Column, Role, covariate, feature

POSITION = (ENTITY, TIME, LATITUDE, LONGITUDE, SPEED, HEADING)


@pytest.mark.parametrize("role", [*POSITION, covariate("flag"), feature("x1")])
def test_every_role_says_what_it_is_and_how_it_is_called(role: Role) -> None:
    assert role.meaning
    assert role.guesses


@pytest.mark.parametrize(
    ("header", "guessed"),
    [
        # Marine Cadastre, Danish Maritime Authority, OpenSky
        ("MMSI,BaseDateTime,LAT,LON,SOG,COG", ["MMSI", "BaseDateTime", "LAT", "LON", "SOG", "COG"]),
        ("icao24,timestamp,lat,lon,velocity,track", ["icao24", "timestamp", "lat", "lon", "velocity", "track"]),
        ("mmsi,t,x,y,speed_over_ground,course", ["mmsi", "t", "y", "x", "speed_over_ground", "course"]),
    ],
)
def test_usual_names_are_guessed(tmp_path, header: str, guessed: list[str]) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n1,2024-01-01,1,2,3,4\n")
    with pytest.raises(StudyError) as caught:
        tables.open("a.csv", {}, POSITION, base=tmp_path)
    mends = [fault.mend for fault in caught.value.faults]
    roles = [role.name for role in POSITION]
    assert mends == [f'Add columns.{role} = "{name}"' for role, name in zip(roles, guessed, strict=True)]


def test_required_columns_of_the_same_name_need_no_mention(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("entity,time,latitude,longitude,speed,heading\n1,2024-01-01,1,2,3,4\n")
    assert tables.open("a.csv", {}, POSITION, base=tmp_path).columns["speed"] == Column("speed")


@pytest.mark.parametrize(
    ("unit", "raw", "degrees"),
    [("deg", 90.0, 90.0), ("rad", 1.5707963267948966, 90.0), ("0.1 deg", 900, 90.0), ("0.1 deg", 3600, None)],
)
def test_headings_in_any_unit(unit: str, raw: float, degrees: float | None) -> None:
    """A right angle is pi / 2."""
    table = tables.open({"h": [raw]}, {"heading": Column("h", unit)}, (HEADING,)).to_arrow()
    assert table["heading"].to_pylist() == [pytest.approx(degrees) if degrees else None]


def test_features_are_needed_and_covariates_are_not() -> None:
    source = {"f": [1.0, None, 3.0], "c": [None, 2.0, 3.0]}
    table = tables.open(source, {}, (feature("f"), covariate("c")))
    assert table.to_arrow()["row"].to_pylist() == [0, 2]
    assert table.counts().reasons == {"no f": 1}
