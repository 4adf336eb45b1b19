"""Speeds of roads: as they are signed, else as is usual for their class, and slower where more people live.

Means are harmonic: the time a kilometre takes is averaged, never the kilometres an hour, because a way takes the sum of
the times of its parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import isnan
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import Fault, StudyError

__all__ = [
    "FUNCTIONAL_MPH", "HIGHWAY_KMH", "checked_speeds", "class_kmh", "density_factor", "harmonic_mean", "link_kmh",
    "signed_kmh",
]  # fmt: skip

Floats = npt.NDArray[np.float64]

KMH_PER_MPH = 1.609344
KMH_PER_KNOT = 1.852

HIGHWAY_KMH = {
    "motorway": 105.0, "trunk": 85.0, "primary": 60.0, "secondary": 52.0, "tertiary": 45.0,
    "unclassified": 38.0, "residential": 28.0, "living_street": 10.0, "service": 15.0, "road": 35.0, "track": 15.0,
    "motorway_link": 55.0, "trunk_link": 45.0, "primary_link": 38.0, "secondary_link": 33.0, "tertiary_link": 28.0,
    "busway": 30.0, "escape": 30.0, "ferry": 20.0,
}  # fmt: skip
"""km/h without traffic, stops at junctions included, by OpenStreetMap's ``highway``. Assumed, so calibrate."""

_RURAL_MPH = (70.0, 60.0, 55.0, 55.0, 52.0, 48.0, 45.0, 40.0, 30.0)
_URBAN_MPH = (58.0, 52.0, 42.0, 38.0, 37.0, 33.0, 28.0, 26.0, 22.0)
FUNCTIONAL_MPH = {
    **{f"0{k}": mph for k, mph in enumerate(_RURAL_MPH, 1)},
    **{f"1{k}": mph for k, mph in enumerate(_URBAN_MPH, 1)},
}
"""mph without traffic by the functional classes of the US Federal Highway Administration. Assumed, as above.

01 rural interstate, 02 principal arterial, 06 minor arterial, 07 major collector, 08 minor collector, 09 local;
11 urban interstate, 12 other expressway, 14 principal arterial, 16 minor arterial, 17 collector, 19 local.
"""

_LIMITS = {  # urban, rural, motorway in km/h
    "AT": (50, 100, 130), "AU": (50, 100, 110), "BE": (50, 70, 120), "BG": (50, 90, 140), "BY": (60, 90, 110),
    "CA": (50, 80, 100), "CH": (50, 80, 120), "CZ": (50, 90, 130), "DE": (50, 100, 130), "DK": (50, 80, 130),
    "EE": (50, 90, 110), "ES": (50, 90, 120), "FI": (50, 80, 120), "FR": (50, 80, 130), "GR": (50, 90, 130),
    "HR": (50, 90, 130), "HU": (50, 90, 130), "IE": (50, 80, 120), "IS": (50, 90, 90), "IT": (50, 90, 130),
    "LT": (50, 90, 130), "LU": (50, 90, 130), "LV": (50, 90, 110), "NL": (50, 80, 100), "NO": (50, 80, 110),
    "NZ": (50, 100, 100), "PL": (50, 90, 140), "PT": (50, 90, 120), "RO": (50, 90, 130), "RS": (50, 80, 130),
    "RU": (60, 90, 110), "SE": (50, 70, 110), "SI": (50, 90, 130), "SK": (50, 90, 130), "TR": (50, 90, 130),
    "UA": (50, 90, 130), "ZA": (60, 100, 120),
}  # fmt: skip
_MPH_LIMITS = {
    "GB:motorway": 70, "GB:nsl_dual": 70, "GB:nsl_single": 60, "GB:nsl_restricted": 30,
    "UK:motorway": 70, "UK:nsl_dual": 70, "UK:nsl_single": 60, "UK:nsl_restricted": 30,
    "GB:urban": 30, "GB:rural": 60, "UK:urban": 30, "UK:rural": 60,
}  # fmt: skip
_PLACES = {"urban": 0, "rural": 1, "motorway": 2}
_WORDS = {"none": 130.0, "no": 130.0, "walk": 7.0, "walking_pace": 7.0, "urban": 50.0, "living_street": 10.0}

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(km/?h|kmh|kph|mph|mi/h|knots?|kn)?", re.IGNORECASE)
_ZONE = re.compile(r"[A-Z]{2}:(?:zone:?)?(\d+)(?:\s*(mph))?", re.IGNORECASE)
_PARTS = re.compile(r"[;|]")
_FASTEST = 200.0  # a larger number is a slip


def harmonic_mean(speeds: Sequence[float]) -> float:
    """Mean of the speeds that are known, n / (1/v_1 + ... + 1/v_n); NaN where none is."""
    known = [v for v in speeds if not isnan(v)]
    return len(known) / sum(1.0 / v for v in known) if known else float("nan")


def signed_kmh(text: str) -> float:
    """A speed limit in km/h; NaN where it says none that one could drive.

    Understood are numbers with or without a unit (``50``, ``30 mph``, ``10 knots``), lists (``50;30``, averaged),
    country codes (``DE:urban``, ``RO:rural``, ``FR:zone30``, ``GB:nsl_single``), ``none`` (130, the speed advised where
    nothing is signed) and ``walk`` (7).
    """
    return harmonic_mean([_one_signed(part.strip()) for part in _PARTS.split(text)])


def _one_signed(part: str) -> float:
    number = _NUMBER.fullmatch(part) or _ZONE.fullmatch(part)
    if number:
        return _plausible(float(number[1]) * _factor((number[2] or "").lower()))
    word = part.lower()
    country, colon, place = part.partition(":")
    if not colon:
        return _WORDS.get(word, float("nan"))
    mph = _MPH_LIMITS.get(f"{country.upper()}:{place.lower()}")
    if mph is not None:
        return mph * KMH_PER_MPH
    limits, which = _LIMITS.get(country.upper()), _PLACES.get(place.lower())
    if limits is not None and which is not None:
        return float(limits[which])
    return _WORDS["living_street"] if place.lower() == "living_street" else float("nan")


def _factor(unit: str) -> float:
    if unit in ("mph", "mi/h"):
        return KMH_PER_MPH
    return KMH_PER_KNOT if unit.startswith("kn") else 1.0


def _plausible(kmh: float) -> float:
    return kmh if 0 < kmh <= _FASTEST else float("nan")


def class_kmh(text: str, own: Mapping[str, float] | None = None) -> float:
    """The usual speed of a class of road in km/h, without traffic; NaN where the class is not known.

    Known are OpenStreetMap's values of ``highway`` and the two signs of the US functional classes, of which one may be
    missing (``_5`` or `` 5``: rural or urban is not known; ``1_``: urban, of any class). What is missing, and a list
    (``primary;secondary``), is averaged.

    Args:
        text: the class.
        own: km/h by class, in place of the usual ones.
    """
    own = own or {}
    if text in own:
        return float(own[text])
    return harmonic_mean([_one_class(part, own) for part in _PARTS.split(text)])


def _one_class(part: str, own: Mapping[str, float]) -> float:
    name = part.strip().lower()
    if name in own:
        return float(own[name])
    if name in HIGHWAY_KMH:
        return HIGHWAY_KMH[name]
    code = part.replace("_", " ")
    code = code if len(code) == 2 else code.strip().rjust(2, "0")
    if len(code) != 2 or code == "00" or not code.strip() or not set(code) <= set(" 0123456789"):
        return float("nan")
    fitting = [k for k in FUNCTIONAL_MPH if all(given in (" ", sign) for given, sign in zip(code, k, strict=True))]
    return harmonic_mean([float(own[k]) if k in own else FUNCTIONAL_MPH[k] * KMH_PER_MPH for k in fitting])


def checked_speeds(own: Any) -> Mapping[str, float]:
    """Speeds in km/h by class of road; none where nothing is given.

    Raises:
        StudyError: they are no mapping, or one is no number above 0.
    """
    if own is None:
        return {}
    if not isinstance(own, Mapping):
        said, expected = f"speeds are {str(own)[:60]}", 'expected km/h by class, such as {"primary": 50}'
        raise StudyError(Fault("location.speed", said, expected, key="travel.speeds"))
    for name, kmh in own.items():
        whole = isinstance(kmh, Real) and not isinstance(kmh, bool)
        if not (whole and np.isfinite(kmh) and kmh > 0):
            said = f'the speed of "{name}" is {str(kmh)[:60]}'
            raise StudyError(Fault("location.speed", said, "expected km/h above 0", key="travel.speeds"))
    return {str(name): float(kmh) for name, kmh in own.items()}


def link_kmh(classes: Any, signed: Any, own: Mapping[str, float] | None = None) -> Floats:
    """Speed of each link in km/h: as signed, else as usual for its class, NaN where neither is known, shape (k,).

    Args:
        classes: class of each link, k texts or nulls; or None. Functional classes may have lost a blank sign: beside
            codes of two signs such as ``05``, ``5`` is ``_5`` and ``0`` is ``0_``.
        signed: speed limit of each link, k texts, numbers or nulls; or None.
        own: km/h by class, in place of the usual ones.

    Raises:
        StudyError: one of ``own`` is not above 0.
    """
    own = checked_speeds(own)
    found = None if signed is None else _each(signed, signed_kmh)
    if classes is None:
        return np.empty(0) if found is None else found
    usual = _each(classes, lambda text: class_kmh(text, own), _halves)
    return usual if found is None else np.where(np.isnan(found), usual, found)


def _halves(names: list[str]) -> list[str]:
    """Functional classes of which one sign is blank, and was cut off: beside ``05``, a ``5`` is ``_5``."""
    if not any(re.fullmatch("0[1-9]", name) for name in names):
        return names  # numbers, of which those up to 9 are rural
    meant = {"0": "0_", "1": "_1;1_", **{str(k): f"_{k}" for k in range(2, 10)}}
    return [meant.get(name.strip(), name) if len(name) == 1 else name for name in names]


def _each(
    texts: Any, speed: Callable[[str], float], read: Callable[[list[str]], list[str]] = lambda names: names
) -> Floats:
    """``speed`` of each text, as it is to be ``read`` among the others; each different one is read once."""
    given = texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.array(texts, from_pandas=True)
    given = given.cast(given.type.value_type) if pa.types.is_dictionary(given.type) else given
    coded = given.dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    known = [_as_text(value) for value in coded.dictionary.to_pylist()]
    speeds = np.array([*map(speed, read(known)), np.nan])
    codes = coded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
    return np.asarray(speeds[codes])


def _as_text(value: Any) -> str:
    """A class or a limit as text; a number, true or what else without blanks and noughts behind the comma."""
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def density_factor(density: npt.ArrayLike, reference: float = 100.0, elasticity: float = 0.1) -> Floats:
    """What is left of a speed where so many people live, (1 + d / d0) ** -e.

    Of constant elasticity in towns, as speeds were found to be (Couture, Duranton and Turner 2018, Speed, Review of
    Economics and Statistics 100), and 1 in empty country. The elasticity is an assumption, to be calibrated.

    Args:
        density: people a square kilometre, d, 0 or more; NaN counts as 0.
        reference: d0, density at which the fall begins.
        elasticity: e, by how many per cent speed falls where density grows by one per cent.
    """
    d = np.nan_to_num(np.maximum(np.asarray(density, dtype=np.float64), 0.0), nan=0.0)
    return np.asarray((1.0 + d / reference) ** -elasticity)
