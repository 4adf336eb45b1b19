"""Places of a frame: its columns latitude and longitude, or its geometry in whatever coordinates it says it has.

Frames are known by what they can do (GeoPandas, pandas, Polars, Arrow, a mapping of columns); none is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, listing

__all__ = [
    "frame_places",
    "frame_plane",
    "has_geometry",
    "is_frame",
    "opened",
    "place_columns",
    "refuse_metres",
    "to_degrees",
]

Floats = npt.NDArray[np.float64]

_DEGREES = (4326, 4269, 4258, 4979, 7844, 4283)  # WGS 84, NAD 83, ETRS 89, GDA: within 2 m of each other
_WEB = (3857, 900913, 102100, 102113)
_WEB_RADIUS = 6_378_137.0
"""Web Mercator's sphere, m (EPSG method 1024)."""
_FAR = 1000.0
"""No degree comes near it."""

_LATITUDE = ("latitude", "lat", "latitude_deg")
_LONGITUDE = ("longitude", "lon", "lng", "long", "longitude_deg")
"""Names of columns, by whatever case; the first that is there."""


def has_geometry(frame: Any) -> bool:
    """Whether it is a GeoDataFrame or GeoSeries, or quacks like one."""
    return hasattr(frame, "crs") and (hasattr(frame, "geometry") or hasattr(frame, "x"))


def is_frame(given: Any) -> bool:
    """Whether it has named columns or a geometry."""
    return has_geometry(given) or _is_lazy(given) or _names(given) is not None


def _is_lazy(frame: Any) -> bool:
    return hasattr(frame, "collect_schema") and hasattr(frame, "collect") and not hasattr(frame, "height")


def opened(frame: Any) -> Any:
    """The frame itself; its rows where it is but a query (a Polars LazyFrame, a DuckDB relation)."""
    if _is_lazy(frame):
        return frame.collect()
    if hasattr(frame, "to_arrow_table") or (hasattr(frame, "fetch_arrow_table") and hasattr(frame, "columns")):
        import pyarrow as pa

        return pa.table(frame)
    return frame


def frame_places(frame: Any, what: str) -> Floats:
    """Latitude and longitude in degrees of each row, shape (n, 2).

    Args:
        frame: with a point geometry and a CRS, or with columns ``latitude`` and ``longitude`` (or ``lat``, and ``lon``,
            ``lng`` or ``long``).
        what: what it is called where something is wrong with it.

    Raises:
        DataError: there are no such columns, the geometry holds other things than points, there is no CRS, or it is
            one that cannot be turned into degrees here.
    """
    if has_geometry(frame):
        return _points(frame, what)
    frame = opened(frame)
    names = _names(frame) or ()
    chosen = place_columns(names)
    lacking = [usual[0] for usual, name in zip((_LATITUDE, _LONGITUDE), chosen, strict=True) if name is None]
    if lacking:
        found = f"{what} has no column {' and none '.join(lacking)}; it has {listing(names) or 'none'}"
        raise _bad(found, "expected columns latitude and longitude, in degrees", "Rename those that hold them", what)
    return _two(frame, chosen, what)


def place_columns(names: Sequence[str]) -> list[str | None]:
    """Which of the columns are latitude and longitude; None where none is."""
    return [_first(tuple(names), usual) for usual in (_LATITUDE, _LONGITUDE)]


def frame_plane(frame: Any, what: str) -> Floats:
    """Columns ``x`` and ``y`` of each row, shape (n, 2); of a geometry its own coordinates, whatever they are.

    Raises:
        DataError: there are no such columns, or the geometry holds other things than points.
    """
    if has_geometry(frame):
        geometry = _only_points(frame, what)
        return np.column_stack([np.asarray(geometry.x, np.float64), np.asarray(geometry.y, np.float64)])
    frame = opened(frame)
    names = _names(frame) or ()
    chosen = [_first(names, (name,)) for name in "xy"]
    if None in chosen:
        raise _bad(f"{what} has no columns x and y; it has {listing(names) or 'none'}", "expected both",
                   "Rename those that hold them", what)  # fmt: skip
    return _two(frame, chosen, what)


def _first(names: tuple[str, ...], usual: tuple[str, ...]) -> str | None:
    folded = {name.casefold(): name for name in reversed(names)}
    return next((name if name in names else folded[name] for name in usual if name in names or name in folded), None)


def _two(frame: Any, names: list[str | None], what: str) -> Floats:
    """Two columns as numbers; what is missing is NaN."""
    try:
        columns = [np.atleast_1d(np.asarray(frame[name], dtype=np.float64)) for name in names]
        return np.column_stack(columns)
    except (TypeError, ValueError, OverflowError) as error:
        found = f"column {names[0]} or {names[1]} of {what} holds no numbers, or they differ in length"
        raise _bad(found, "expected a number of each in each row", "", what) from error


def refuse_metres(points: Floats, what: str, crs: Any = None) -> None:
    """Say so where coordinates are metres or feet of a projection, all of them or some.

    Args:
        points: latitude and longitude as they are given, shape (n, 2).
        what: what they are called.
        crs: what they are said to be in.

    Raises:
        DataError: some are beyond any degree.
    """
    if not points.size or points.ndim != 2 or not (points.max() > _FAR or points.min() < -_FAR):
        return
    if not np.isfinite(points).all():
        return  # told by others
    far = (points.max(axis=1) > _FAR) | (points.min(axis=1) < -_FAR)
    if not far.any():
        return
    many, rows = int(far.sum()), np.flatnonzero(far)[:5].tolist()
    reach = f"they reach {np.abs(points).max():,.0f}"
    if many == len(far):
        said = f"{what} look like metres or feet of a projection: {reach}"
    else:
        more = f" and {many - len(rows):,} more" if many > len(rows) else ""
        said = (f"{what} mix coordinate reference systems: {many:,} of {len(far):,} rows look like metres or feet of a "
                f"projection ({listing(rows)}{more}), {reach}")  # fmt: skip
    said += "" if crs is None else f", though the frame says that it is in {_called(crs)}"
    mend = "Transform them to latitude and longitude (EPSG:4326), or give a GeoDataFrame with its true CRS"
    raise _bad(said, "expected degrees", mend, what, "location.crs-unknown")


def to_degrees(x: npt.ArrayLike, y: npt.ArrayLike, crs: Any, what: str = "points") -> Floats:
    """Latitude and longitude in degrees of points that are given in another coordinate system, shape (n, 2).

    Degrees (EPSG:4326 and those that agree with it within metres) and Web Mercator (EPSG:3857; inverse of the
    spherical Mercator projection, Snyder 1987, p. 44) are known; for others pyproj is asked where it is installed.

    Args:
        x: longitude, or easting, shape (n,).
        y: latitude, or northing, shape (n,).
        crs: "EPSG:4326", 4326, or an object with ``to_epsg``.
        what: what the points are called where something is wrong with them.

    Raises:
        DataError: there is no CRS, or it is not known here.
    """
    if crs is None or crs == "":
        mend = 'Say which coordinates they are: frame.set_crs("EPSG:4326") for degrees'
        raise _bad(f"{what} has no coordinate reference system", "expected one", mend, what, "location.crs-unknown")
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    code = _epsg(crs)
    if code in _DEGREES:
        return np.column_stack([y, x])
    if code in _WEB:
        latitude = np.degrees(np.arctan(np.sinh(y / _WEB_RADIUS)))
        return np.column_stack([latitude, np.degrees(x / _WEB_RADIUS)])
    return _by_pyproj(x, y, crs, what)


def _by_pyproj(x: Floats, y: Floats, crs: Any, what: str) -> Floats:
    if find_spec("pyproj") is None:
        found = f"{what} is in {_called(crs)}, which is only known where pyproj is installed"
        mend = 'Transform it first, frame.to_crs("EPSG:4326"), or install pyproj'
        raise _bad(found, "expected EPSG:4326 or EPSG:3857", mend, what, "location.crs-unknown")
    try:
        transformer = import_module("pyproj").Transformer.from_crs(crs, 4326, always_xy=True)
        longitude, latitude = transformer.transform(x, y)
    except Exception as error:  # pyproj's own errors share no base with others
        mend = 'Transform it first: frame.to_crs("EPSG:4326")'
        found = f"{what} is in {_called(crs)}, which cannot be turned into degrees"
        raise _bad(found, "expected EPSG:4326 or EPSG:3857", mend, what, "location.crs-unknown") from error
    return np.column_stack([latitude, longitude])


def _points(frame: Any, what: str) -> Floats:
    geometry = _only_points(frame, what)
    crs = frame.crs if frame.crs is not None else getattr(geometry, "crs", None)
    places = to_degrees(geometry.x, geometry.y, crs, what)
    refuse_metres(places, what, crs)
    return places


def _only_points(frame: Any, what: str) -> Any:
    geometry = getattr(frame, "geometry", frame)
    kinds = {str(kind) for kind in np.asarray(geometry.geom_type)} - {"Point"}
    if kinds:
        mend = "Take one point of each, such as its centroid or representative_point()"
        raise _bad(f"{what} holds {listing(sorted(kinds), 5)}", "expected points", mend, what)
    return geometry


def _names(frame: Any) -> tuple[str, ...] | None:
    """Names of columns; None where there are none."""
    if isinstance(frame, np.ndarray):
        return None if frame.dtype.names is None else tuple(frame.dtype.names)
    names = None if _is_lazy(frame) else getattr(frame, "column_names", None)  # Arrow
    if names is None and not _is_lazy(frame):
        names = getattr(frame, "columns", None)
    if names is None and hasattr(frame, "keys") and getattr(frame, "ndim", 2) != 1:  # a Series has keys too
        names = list(frame.keys())
    return None if names is None or callable(names) else tuple(str(name) for name in names)


def _epsg(crs: Any) -> int | None:
    """The EPSG code that a CRS says it has, None where it says none."""
    if isinstance(crs, int | np.integer):
        return int(crs)
    if hasattr(crs, "to_epsg"):
        code = crs.to_epsg()
        return None if code is None else int(code)
    word = str(crs).strip().upper()
    if word in ("CRS84", "OGC:CRS84", "URN:OGC:DEF:CRS:OGC:1.3:CRS84", "WGS84", "WGS 84"):
        return 4326
    last = word.replace("::", ":").rsplit(":", 1)[-1]
    return int(last) if "EPSG" in word and last.isdigit() else None


def _called(crs: Any) -> str:
    code = _epsg(crs)
    return f"EPSG:{code}" if code is not None else str(getattr(crs, "name", crs))[:80]


def _bad(found: str, expected: str, mend: str, what: str, code: str = "location.points") -> DataError:
    return DataError(Fault(code, found, expected, mend, key=what))
