"""Places of a frame: its columns latitude and longitude, or its geometry in whatever coordinates it says it has.

Frames are known by what they can do (GeoPandas, pandas, Polars, Arrow, a mapping of columns); none is imported.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, listing

__all__ = ["frame_places", "has_geometry", "is_frame", "to_degrees"]

Floats = npt.NDArray[np.float64]

_DEGREES = (4326, 4269, 4258, 4979, 7844, 4283)  # WGS 84, NAD 83, ETRS 89, GDA: within 2 m of each other
_WEB = (3857, 900913, 102100, 102113)
_WEB_RADIUS = 6_378_137.0
"""Web Mercator's sphere, m (EPSG method 1024)."""


def has_geometry(frame: Any) -> bool:
    """Whether it is a GeoDataFrame or GeoSeries, or quacks like one."""
    return hasattr(frame, "crs") and (hasattr(frame, "geometry") or hasattr(frame, "x"))


def is_frame(given: Any) -> bool:
    """Whether it has named columns or a geometry."""
    return has_geometry(given) or _names(given) is not None


def frame_places(frame: Any, what: str) -> Floats:
    """Latitude and longitude in degrees of each row, shape (n, 2).

    Args:
        frame: with a point geometry and a CRS, or with columns ``latitude`` and ``longitude``.
        what: what it is called where something is wrong with it.

    Raises:
        DataError: there are no such columns, the geometry holds other things than points, there is no CRS, or it is
            one that cannot be turned into degrees here.
    """
    if has_geometry(frame):
        return _points(frame, what)
    names = _names(frame) or ()
    lacking = [name for name in ("latitude", "longitude") if name not in names]
    if lacking:
        found = f"{what} has no column {' and none '.join(lacking)}; it has {listing(names) or 'none'}"
        raise _bad(found, "expected columns latitude and longitude, in degrees", "Rename those that hold them", what)
    try:
        columns = [np.asarray(frame[name], dtype=np.float64) for name in ("latitude", "longitude")]
    except (TypeError, ValueError) as error:
        raise _bad("latitude or longitude holds no numbers", "expected degrees", "", what) from error
    return np.column_stack(columns)


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
    geometry = getattr(frame, "geometry", frame)
    kinds = {str(kind) for kind in np.asarray(geometry.geom_type)} - {"Point"}
    if kinds:
        mend = "Take one point of each, such as its centroid or representative_point()"
        raise _bad(f"{what} holds {listing(sorted(kinds), 5)}", "expected points", mend, what)
    crs = frame.crs if frame.crs is not None else getattr(geometry, "crs", None)
    return to_degrees(geometry.x, geometry.y, crs, what)


def _names(frame: Any) -> tuple[str, ...] | None:
    """Names of columns; None where there are none."""
    if isinstance(frame, np.ndarray):
        return None if frame.dtype.names is None else tuple(frame.dtype.names)
    names = getattr(frame, "column_names", None)  # Arrow
    if names is None:
        names = getattr(frame, "columns", None)
    if names is None and hasattr(frame, "keys"):
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
