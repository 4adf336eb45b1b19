"""Travel time by the hour of the day: the BPR function where volumes and capacities are known, else a daily profile.

Times are scaled and interpolated, never speeds: the time of a way is the sum of the times of its parts, and so is its
mean over what may happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, StudyError

__all__ = [
    "PROFILE",
    "VOLUMES",
    "bpr",
    "checked_hour",
    "checked_profile",
    "delay_share",
    "hour_of",
    "hourly",
    "rush",
    "usual_or",
]

Floats = npt.NDArray[np.float64]

VOLUMES = (
    .00986, .00627, .00506, .00467, .00699, .01849, .04596, .06964, .06083, .05029, .04994, .05437,
    .05765, .05803, .06226, .07100, .07697, .07743, .05978, .04439, .03545, .03182, .02494, .01791,
)  # fmt: skip
"""Share of a weekday's traffic on urban roads from each full hour to the next (US EPA, MOVES, national default)."""

_PEAK = 1.35  # travel time index of very large urban areas (Schrank, Eisele and Lomax 2019, Urban Mobility Report)
_B, _POWER = 0.15, 4.0  # Bureau of Public Roads 1964, Traffic assignment manual


def _usual() -> tuple[float, ...]:
    """Factors at full hours, from the traffic half an hour before and after, with the peak at ``_PEAK``."""
    volumes = np.array(VOLUMES)
    at_hour = (volumes + np.roll(volumes, 1)) / 2
    return tuple((1 + (_PEAK - 1) * (at_hour / at_hour.max()) ** _POWER).round(4).tolist())


PROFILE = _usual()
"""Travel time at each full hour, 0 to 23, as a multiple of that without traffic: BPR of ``VOLUMES``, 1.35 at 17."""


def bpr(
    free: npt.ArrayLike,
    volume: npt.ArrayLike,
    capacity: npt.ArrayLike,
    b: npt.ArrayLike = _B,
    power: npt.ArrayLike = _POWER,
) -> Floats:
    """Travel time under load, t = t0 (1 + b (v / c) ** power); arguments broadcast.

    Args:
        free: travel time without traffic, t0.
        volume: vehicles an hour, v.
        capacity: vehicles an hour that the link carries, c, above 0.
        b: added share at capacity.
        power: how steeply it grows.

    Returns:
        In the unit of ``free``.

    Raises:
        DataError: a capacity is 0 or less, or a volume, b or power negative, or any of them NaN.
    """
    t0, v, c, factor, steep = np.broadcast_arrays(*(np.asarray(x, float) for x in (free, volume, capacity, b, power)))
    for name, values, bad in (
        ("capacity", c, ~(c > 0)), ("volume", v, ~(v >= 0)), ("b", factor, ~(factor >= 0)),
        ("power", steep, ~(steep >= 0)), ("free-flow time", t0, ~(t0 >= 0)),
    ):  # fmt: skip
        if bad.any():
            k = int(np.flatnonzero(bad.ravel())[0])
            least = "above 0" if name == "capacity" else "0 or more"
            said = f"the {name} of link {k} is {values.ravel()[k]}"
            raise DataError(Fault("location.congestion", said, f"expected {least}", key=name))
    return np.asarray(t0 * (1 + factor * (v / c) ** steep))


def checked_profile(profile: Sequence[float] | npt.ArrayLike) -> Floats:
    """Factors of the travel time at full hours, shape (24,).

    Raises:
        StudyError: there are more or fewer than 24, or one is not above 0.
    """
    try:
        found = np.asarray(profile, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        said = f"the profile is {str(profile)[:60]!r}"
        raise StudyError(Fault("location.profile", said, "expected 24 numbers", key="profile")) from error
    if found.shape != (24,):
        said = f"the profile has {found.size} factors" if found.ndim == 1 else f"the profile has shape {found.shape}"
        raise StudyError(Fault("location.profile", said, "expected 24, one for each hour", key="profile"))
    wrong = ~(np.isfinite(found) & (found > 0))
    if wrong.any():
        hour = int(np.flatnonzero(wrong)[0])
        said = f"the factor of hour {hour} is {found[hour]}"
        raise StudyError(Fault("location.profile", said, "expected a number above 0", key="profile"))
    return found


def usual_or(profile: Any) -> Floats:
    """A profile as of :func:`checked_profile`; the usual one where there is none, or one without factors.

    Raises:
        StudyError: as there.
    """
    listed = isinstance(profile, Sequence) and not isinstance(profile, str | bytes)
    empty = not len(profile) if listed else profile is None or (isinstance(profile, np.ndarray) and not profile.size)
    return checked_profile(PROFILE if empty else profile)


def hour_of(departure: Any) -> float:
    """An hour of the day, 0 to 24.

    Raises:
        StudyError: it is none.
    """
    try:
        hour = float("nan" if isinstance(departure, str | bytes | bool) else departure)
    except (TypeError, ValueError, OverflowError):
        hour = float("nan")
    if not 0 <= hour <= 24:
        said = f"the departure is {str(departure)[:60]}"
        expected, mend = "expected an hour of the day, 0 to 24", "Half past eight is 8.5"
        raise StudyError(Fault("location.departure", said, expected, mend, key="departure"))
    return hour


def checked_hour(departure: Any) -> float | None:
    """An hour of the day, or None for no traffic.

    Raises:
        StudyError: it is neither.
    """
    return None if departure is None else hour_of(departure)


def rush(departure: float | None, profile: Sequence[float] | npt.ArrayLike = PROFILE) -> float:
    """Travel time at an hour of the day as a multiple of that without traffic.

    Factors hold at full hours; in between times are interpolated, from 23 on towards that of 0.

    Args:
        departure: hour of the day, 0 to 24; None for no traffic, which is 1.
        profile: factors at full hours, shape (24,).

    Raises:
        StudyError: the hour is outside 0 to 24, or the profile is none.
    """
    if departure is None:
        return 1.0
    factors, hour = checked_profile(profile), hour_of(departure)
    return float(np.interp(hour, np.arange(25), np.append(factors, factors[0])))


def delay_share(departure: float | None, profile: Sequence[float] | npt.ArrayLike = PROFILE) -> float:
    """Delay at an hour as a share of that in the peak, 0 to 1; 0 without traffic.

    With one power for all links this is the BPR function with volumes that rise and fall together over the day:
    (v / v_peak) ** power = (f - 1) / (f_peak - 1), whatever the power is.
    """
    if departure is None:
        return 0.0
    peak, now = float(checked_profile(profile).max()), rush(departure, profile)
    return float(np.clip((now - 1) / (peak - 1), 0.0, 1.0)) if peak > 1 else 0.0


def hourly(
    free: Floats, peak: Floats | None, departure: float | None, profile: Sequence[float] | npt.ArrayLike = PROFILE
) -> Floats:
    """Travel times of links at an hour of the day, shape (k,).

    Args:
        free: without traffic, shape (k,).
        peak: under the volumes of the peak (:func:`bpr`), NaN where no volume is known, shape (k,); or None.
        departure: hour of the day, 0 to 24; None for no traffic.
        profile: factors at full hours; links with a volume take the delay's course over the day from it, the others
            the factor itself.
    """
    scaled = np.asarray(free * rush(departure, profile))
    if peak is None or departure is None:
        return scaled
    known = ~np.isnan(peak)
    scaled[known] = free[known] + (peak[known] - free[known]) * delay_share(departure, profile)
    return scaled
