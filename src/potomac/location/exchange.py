"""From and to what others use: GeoDataFrames, cost matrices and GeoJSON.

None of their packages is imported: a GeoDataFrame is known by its geometry and its CRS, a frame by its columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault, StudyError, listing
from potomac.location.crs import has_geometry
from potomac.location.placement import Placement
from potomac.location.travel.matrix import Matrix, ids_of
from potomac.location.travel.model import checked_places

__all__ = ["from_cost_matrix", "from_geodataframe", "from_geojson", "to_geojson"]

SITE, ASSIGNMENT, UNSERVED = "site", "assignment", "unserved"

Floats = npt.NDArray[np.float64]

_DIGITS = 7
"""Decimals of a coordinate: 1 cm (RFC 7946, 11.2, finds six enough)."""


def from_geodataframe(frame: Any, id: str | None = None) -> pa.Table:
    """A table with id, latitude and longitude, and the frame's other columns.

    Args:
        frame: a GeoDataFrame of points. Degrees (EPSG:4326) and Web Mercator (EPSG:3857) are known; other coordinates
            are transformed where pyproj is installed.
        id: the column that names the points; the index where none is given.

    Raises:
        DataError: it has no geometry or CRS, other things than points, a CRS that is not known, missing or repeated
            ids, or no row.
        StudyError: there is no such column.
    """
    if not has_geometry(frame):
        mend = "Give a GeoDataFrame, or a table with columns latitude and longitude to the study itself"
        raise DataError(
            Fault("location.points", "the frame has no geometry and CRS", "expected both", mend, key="frame")
        )
    places = checked_places(frame, "frame")
    columns = [str(name) for name in frame.columns]
    if id is not None and id not in columns:
        raise StudyError(Fault("data.column-missing", f"the frame has no column {id!r}", f"it has {listing(columns)}",
                               key="id"))  # fmt: skip
    ids = ids_of(frame.index if id is None else frame[id], "id")
    _once(ids, "id")
    made: dict[str, Any] = {"id": ids, "latitude": places[:, 0], "longitude": places[:, 1]}
    geometry = getattr(getattr(frame, "geometry", None), "name", "geometry")
    for name in columns:
        if name not in (geometry, id, *made):
            made[name] = _column(frame[name])
    return pa.table(made)


def from_cost_matrix(cost: Any, origins: Any = None, destinations: Any = None, *, square: bool = False) -> Matrix:
    """Travel times as a matrix, as those have it who hand one to spopt: rows are demand points, columns candidates.

    Args:
        cost: shape (n, m), infinite where there is no way; a pandas frame brings its ids as index and columns.
        origins: ids of the rows.
        destinations: ids of the columns.
        square: whether rows and columns are the same points.

    Raises:
        DataError: the matrix is empty, not square where it has to be, or holds NaN or negative numbers; an id is
            missing or there twice; index and columns of a square one are not the same ids in the same order.
    """
    if hasattr(cost, "index") and hasattr(cost, "columns"):
        origins = cost.index if origins is None else origins
        destinations = cost.columns if destinations is None else destinations
        cost = np.asarray(cost)
    try:
        found = np.asarray(cost)
    except ValueError as error:
        raise DataError(Fault("location.matrix", "rows of the matrix differ in length", "expected as many columns in "
                              "each", key="cost")) from error  # fmt: skip
    if square and (found.ndim != 2 or found.shape[0] != found.shape[1]):
        said = f"the matrix has shape {found.shape}"
        raise DataError(Fault("location.matrix", said, "expected a square one", "Leave square out, or give all "
                              "pairs of the same points", key="cost"))  # fmt: skip
    if square and origins is not None and destinations is not None:
        rows, columns = ids_of(origins, "origins"), ids_of(destinations, "destinations")
        if rows != columns:
            raise DataError(Fault("location.matrix", "rows and columns have other ids, or in another order",
                                  "expected the same", "Sort both by id", key="cost"))  # fmt: skip
    return Matrix(cost, origins, destinations)


def from_geojson(given: str | bytes | Mapping[str, Any]) -> pa.Table:
    """The points of a FeatureCollection (RFC 7946) as a table: id, latitude, longitude, and a column a property.

    Files are read by the tables of a study themselves (``source = "points.geojson"``); this is for what is in memory.
    Of what ``to_geojson`` wrote the sites and the unserved come back; its lines, which say who goes where, are no
    points and left out.

    Args:
        given: GeoJSON as text, or as it is parsed.

    Raises:
        DataError: it is no JSON and no FeatureCollection, holds no point or other geometries than points, or names
            another CRS than that of RFC 7946 (WGS 84, longitude first).
    """
    whole = _parsed(given)
    features = [one for one in _features(whole) if _kind(one) != ASSIGNMENT]
    if not features:
        raise _bad("its features are assignments alone", "expected points")
    kinds = sorted({str((one.get("geometry") or {}).get("type")) for one in features} - {"Point"})
    if kinds:
        raise _bad(
            f"features are {listing(kinds, 5)}", "expected points", "Take one point of each, such as its centroid"
        )
    try:
        lonlat = np.array([one["geometry"]["coordinates"][:2] for one in features], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise _bad("a point has no two coordinates", "expected longitude and latitude") from error
    places = _on_globe(lonlat[:, ::-1])
    properties = [one.get("properties") or {} for one in features]
    names = dict.fromkeys(str(name) for one in properties for name in one)
    ids = _feature_ids(features, properties, names)
    made: dict[str, Any] = {"id": ids, "latitude": places[:, 0], "longitude": places[:, 1]}
    for name in names:
        if name not in made:
            made[name] = _column([one.get(name) for one in properties])
    return pa.table(made)


def to_geojson(
    demand: Any,
    candidates: Any,
    placement: Placement,
    *,
    minutes: npt.ArrayLike | None = None,
    demand_ids: Any = None,
    candidate_ids: Any = None,
    weights: npt.ArrayLike | None = None,
) -> dict[str, Any]:
    """A placement as a FeatureCollection (RFC 7946): a point a site, and a line from each demand point to its site.

    Longitude comes first; a line that goes over the antimeridian is cut there into a MultiLineString (RFC 7946, 3.1.9).
    Demand points that no site serves are points with ``"kind": UNSERVED``.

    Args:
        demand: n places, as :func:`~potomac.location.travel.model.checked_places` takes them.
        candidates: m places.
        placement: sites are numbers of candidates.
        minutes: travel time of each demand point from each candidate, shape (n, m), or from its own site, shape (n,).
        demand_ids: n ids; their numbers by default.
        candidate_ids: m ids.
        weights: of the demand points, shape (n,).

    Raises:
        DataError: places, ids, weights or minutes are not as many as the placement has.
    """
    start, end = checked_places(demand, "demand"), checked_places(candidates, "candidates")
    n, m = len(start), len(end)
    if len(placement.assignment) != n or (len(placement.sites) and placement.sites.max() >= m):
        said = f"the placement is of {len(placement.assignment)} demand points"
        raise DataError(
            Fault("location.points", said, f"expected {n}, and sites among {m} candidates", key="placement")
        )
    names = _names(demand_ids, n, "demand_ids"), _names(candidate_ids, m, "candidate_ids")
    told = _own_minutes(minutes, placement, n, m)
    w = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    if w.shape != (n,):
        raise DataError(Fault("location.numbers", f"weights have shape {w.shape}", f"expected {n}", key="weights"))
    parts = [*_sites(end, placement, names[1], w), *_lines(start, end, placement, names, told, w)]
    return {"type": "FeatureCollection", "features": parts}


def _sites(end: Floats, placement: Placement, names: list[str], w: Floats) -> Iterator[dict[str, Any]]:
    served = placement.assignment >= 0
    load = np.bincount(placement.assignment[served], w[served], len(end))
    points = np.bincount(placement.assignment[served], minlength=len(end))
    for j in placement.sites.tolist():
        properties = {"kind": SITE, "id": names[j], "points": int(points[j]), "weight": float(load[j])}
        yield _feature(f"site-{names[j]}", _point(end[j]), properties)


def _lines(
    start: Floats, end: Floats, placement: Placement, names: tuple[list[str], list[str]], told: Floats, w: Floats
) -> Iterator[dict[str, Any]]:
    for i, j in enumerate(placement.assignment.tolist()):
        properties: dict[str, Any] = {"kind": ASSIGNMENT, "id": names[0][i], "weight": float(w[i])}
        if j < 0:
            yield _feature(f"demand-{names[0][i]}", _point(start[i]), properties | {"kind": UNSERVED})
            continue
        properties |= {"site": names[1][j], "minutes": float(told[i]) if np.isfinite(told[i]) else None}
        yield _feature(f"demand-{names[0][i]}", _line(start[i], end[j]), properties)


def _feature(name: str, geometry: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "id": name, "geometry": geometry, "properties": properties}


def _point(place: Floats) -> dict[str, Any]:
    return {"type": "Point", "coordinates": _lonlat(float(place[1]), float(place[0]))}


def _line(start: Floats, end: Floats) -> dict[str, Any]:
    """A straight line on the map, the short way round; two parts where it goes over the antimeridian."""
    (lat1, lon1), (lat2, lon2) = start.tolist(), end.tolist()
    lon1, lon2 = _wrapped(lon1), _wrapped(lon2)
    if abs(lon2 - lon1) <= 180.0:
        return {"type": "LineString", "coordinates": [_lonlat(lon1, lat1), _lonlat(lon2, lat2)]}
    edge = 180.0 if lon1 > 0 else -180.0
    further = lon2 + 2 * edge  # the other end, counted on from the first
    share = (edge - lon1) / (further - lon1) if further != lon1 else 0.0
    crossing = lat1 + share * (lat2 - lat1)
    parts = [[_lonlat(lon1, lat1), _at(edge, crossing)], [_at(-edge, crossing), _lonlat(lon2, lat2)]]
    return {"type": "MultiLineString", "coordinates": parts}


def _wrapped(longitude: float) -> float:
    return (longitude + 180.0) % 360.0 - 180.0 if abs(longitude) > 180.0 else longitude


def _lonlat(longitude: float, latitude: float) -> list[float]:
    return _at(_wrapped(longitude), latitude)


def _at(longitude: float, latitude: float) -> list[float]:
    return [round(longitude, _DIGITS), round(latitude, _DIGITS)]


def _own_minutes(minutes: npt.ArrayLike | None, placement: Placement, n: int, m: int) -> Floats:
    if minutes is None:
        return np.full(n, np.nan)
    found = np.asarray(minutes, np.float64)
    if found.shape == (n, m) and (m > 1 or found.ndim == 2):
        return np.asarray(found[np.arange(n), np.maximum(placement.assignment, 0)])
    if found.shape == (n,):
        return found
    raise DataError(Fault("location.numbers", f"minutes have shape {found.shape}", f"expected ({n}, {m}) or ({n},)",
                          key="minutes"))  # fmt: skip


def _names(ids: Any, count: int, what: str) -> list[str]:
    found = ids_of(range(count) if ids is None else ids, what)
    if len(found) != count:
        raise DataError(Fault("location.points", f"there are {len(found)} {what}", f"expected {count}", key=what))
    names: list[str] = found.to_pylist()
    return names


def _parsed(given: Any) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return given
    if not isinstance(given, str | bytes | bytearray):
        mend = "Name a file as the source of a table, or give what it holds: path.read_text()"
        raise _bad(f"it is of type {type(given).__name__}", "expected GeoJSON as text, or as it is parsed", mend)
    try:
        whole = json.loads(given)
    except (ValueError, RecursionError) as error:
        said, mend = "it is no JSON", ""
        if len(given) < 1000 and str(given).rstrip("'").lower().endswith(("json", ".gz", ".zip")):
            said, mend = f"it looks like the name of a file: {str(given)[:80]}", "Give what the file holds"
        raise _bad(said, "expected GeoJSON as text", mend) from error
    if not isinstance(whole, dict):
        raise _bad("it is no JSON object", "expected a FeatureCollection")
    return whole


def _features(whole: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    kind, found = whole.get("type"), whole.get("features")
    if kind == "Feature":
        found = [whole]
    elif kind != "FeatureCollection" or not isinstance(found, list):
        raise _bad(f"its type is {kind!r}", "expected a FeatureCollection")
    if not found:
        raise _bad("it has no features", "expected at least one point")
    if not all(isinstance(one, Mapping) for one in found):
        raise _bad("a feature is no JSON object", "expected features")
    name = str(((whole.get("crs") or {}).get("properties") or {}).get("name", "CRS84"))
    if not name.endswith(("CRS84", "EPSG::4326", "EPSG:4326")):
        mend = "Write it again in degrees (EPSG:4326)"
        fault = Fault("location.crs-unknown", f"its CRS is {name[:80]}", "expected WGS 84, as RFC 7946 has it", mend)
        raise DataError(fault)
    return found


def _on_globe(places: Floats) -> Floats:
    try:
        return checked_places(places, "features")
    except DataError as error:
        faults = [
            Fault(one.code, one.found, one.expected, "GeoJSON has longitude first", key=one.key)
            if "swapped" in one.mend else one
            for one in error.faults
        ]  # fmt: skip
        raise DataError(faults) from error


def _kind(feature: Mapping[str, Any]) -> Any:
    """What a feature of ``to_geojson`` stands for."""
    return (feature.get("properties") or {}).get("kind")


def _feature_ids(
    features: Sequence[Mapping[str, Any]], properties: Sequence[Mapping[str, Any]], names: Iterable[str]
) -> pa.Array:
    """Ids of features where all have one, else their property ``id``, else their numbers; each once."""
    own = [one.get("id") for one in features]
    if any(one is None for one in own) or all(_kind(one) in (SITE, UNSERVED) for one in features):
        own = [one.get("id") for one in properties] if "id" in names else list(range(len(features)))
    ids = ids_of([str(one) if one is not None else None for one in own], "id")
    _once(ids, "id")
    return ids


def _once(ids: pa.Array, what: str) -> None:
    seen, twice = set(), []
    for one in ids.to_pylist():
        if one in seen:
            twice.append(one)
        seen.add(one)
    if twice:
        many = "an id is" if len(set(twice)) == 1 else f"{len(set(twice)):,} ids are"
        said = f"{many} there more than once: {listing(dict.fromkeys(twice), 5)}"
        mend = "Name another column, or add the rows of an id up first"
        raise DataError(Fault("location.id-twice", said, "expected each id once", mend, key=what))


def _column(values: Any) -> pa.Array:
    """Values as Arrow; as JSON text where they are of several kinds."""
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if one is None else one if isinstance(one, str) else json.dumps(one, default=str)
                         for one in values])  # fmt: skip


def _bad(found: str, expected: str, mend: str = "") -> DataError:
    return DataError(Fault("location.geojson", found, expected, mend, key="features"))
