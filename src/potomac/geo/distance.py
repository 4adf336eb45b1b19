"""Distances and bearings on the sphere, one formula a function.

Angles are in degrees, distances in kilometres. The Earth is a sphere; against the ellipsoid a distance is off by at
most 0.6 %.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["EARTH_RADIUS_KM", "KM_PER_DEGREE", "bearing", "great_circle", "local_plane", "unit_vectors"]

Array = npt.NDArray[np.float64]

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the Earth, (2 a + b) / 3 of WGS 84 (Moritz 2000)."""
KM_PER_DEGREE = float(np.pi * EARTH_RADIUS_KM / 180)


def great_circle(lat1: npt.ArrayLike, lon1: npt.ArrayLike, lat2: npt.ArrayLike, lon2: npt.ArrayLike) -> Array:
    """Great-circle distance in km by the haversine formula (Sinnott 1984); arguments broadcast."""
    phi1, phi2 = np.radians(np.asarray(lat1, float)), np.radians(np.asarray(lat2, float))
    d_phi = phi2 - phi1
    d_lambda = np.radians(np.asarray(lon2, float) - np.asarray(lon1, float))
    h = np.sin(d_phi / 2) ** 2 + np.cos(phi1) * np.cos(phi2) * np.sin(d_lambda / 2) ** 2
    arc = 2 * np.arcsin(np.sqrt(np.minimum(h, 1.0)))  # rounding may lift h of antipodes above 1
    return np.asarray(EARTH_RADIUS_KM * arc)


def bearing(lat1: npt.ArrayLike, lon1: npt.ArrayLike, lat2: npt.ArrayLike, lon2: npt.ArrayLike) -> Array:
    """Initial bearing of the great circle from point 1 to point 2, degrees in [0, 360), north is 0."""
    phi1, phi2 = np.radians(np.asarray(lat1, float)), np.radians(np.asarray(lat2, float))
    d_lambda = np.radians(np.asarray(lon2, float) - np.asarray(lon1, float))
    y = np.sin(d_lambda) * np.cos(phi2)
    x = np.cos(phi1) * np.sin(phi2) - np.sin(phi1) * np.cos(phi2) * np.cos(d_lambda)
    return np.asarray(np.degrees(np.arctan2(y, x)) % 360.0)


def local_plane(lat: npt.ArrayLike, lon: npt.ArrayLike, lat0: float, lon0: float) -> tuple[Array, Array]:
    """East and north in km of a plane that touches at (lat0, lon0); the short way round the antimeridian.

    The scale is true along the parallel of ``lat0`` (equirectangular); within 300 km of ``lat0`` its east-west
    scale is off by less than tan(lat0) * 300 / R, 5 % at 45 degrees.
    """
    d_lon = (np.asarray(lon, float) - lon0 + 180.0) % 360.0 - 180.0
    east = d_lon * np.cos(np.radians(lat0)) * KM_PER_DEGREE
    north = (np.asarray(lat, float) - lat0) * KM_PER_DEGREE
    return np.asarray(east), np.asarray(north)


def unit_vectors(lat: npt.ArrayLike, lon: npt.ArrayLike) -> Array:
    """Points as unit vectors, shape (n, 3): chords between them order as great circles do, poles and all."""
    phi, lam = np.radians(np.asarray(lat, float)), np.radians(np.asarray(lon, float))
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)
