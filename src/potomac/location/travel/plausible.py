"""Whether lengths and times are in the unit that they are read in, by the straight line between their ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from potomac.errors import DataError, Fault, listing

__all__ = ["length_notes", "odd_speeds", "speed_notes"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_UNITS = {"km": 1000.0, "miles": 1609.344, "feet": 0.3048, "cm": 0.01, "mm": 0.001}
"""m, of the units in which lengths come that are read as m."""
_TIMES = {"hours": 60.0, "seconds": 1 / 60}
"""Minutes, of the units in which times come that are read as minutes."""

_LEAST = 0.1
"""km between the ends below which roundings of places and lengths hide the unit."""
_LOW, _HIGH = 0.9, 3.0
"""Times that the links of a network are usually as long as the line between their ends, at the median."""
_SLACK_KM = 0.05  # by which places may be off
_SLIP = 0.01  # share of the straight line below which a single link is no rounding
_SLOW, _FAST, _FLIGHT = 2.0, 350.0, 1200.0
"""km/h in a straight line, at the median: slower than a walk, faster than a train, faster than a plane."""
_FAR = 300.0  # km that one may fly
_SOME = 20  # rows that make a median


def length_notes(km: Floats, straight: Floats) -> Iterator[str]:
    """What is to be said of lengths of links, after those that are in another unit are refused.

    Args:
        km: length of each link, NaN where it is not given, shape (k,).
        straight: km between its ends, NaN where a place is not known, shape (k,).

    Raises:
        DataError: the lengths look like km, miles, feet or another unit, or a link is so much shorter than the line
            between its ends that its unit or a place must be wrong.
    """
    rows = np.flatnonzero((straight >= _LEAST) & (km > 0))
    if not len(rows):
        return
    ratio = km[rows] / straight[rows]
    low, middle = np.quantile(ratio, (0.05, 0.5)).tolist()
    if not _fits(low, middle, 1.0):
        unit = next((name for name, metres in _UNITS.items() if _fits(low, middle, metres)), "")
        if unit or (middle < 0.5 and len(rows) >= _SOME):
            raise _lengths_wrong(rows, km, straight, unit)
    slips = rows[ratio < _SLIP]
    unit = _unit_of(km[slips[0]] / straight[slips[0]]) if len(slips) else ""
    if unit or (len(slips) and len(rows) >= _SOME):
        raise _lengths_wrong(slips, km, straight, unit)
    short = np.flatnonzero((straight - _SLACK_KM > km / _LOW) & np.isfinite(km))
    if len(short):
        worst = short[np.argmax(straight[short] - km[short])]
        yield (
            f"{len(short):,} link{' is' if len(short) == 1 else 's are'} shorter than the straight line between the "
            f"ends (rows {listing(short[:1000].tolist(), 5)}; row {worst} is {km[worst]:.3g} km long where it takes "
            f"{straight[worst]:.3g} km at least); lengths are taken as they are given."
        )


def _fits(low: float, middle: float, metres: float) -> bool:
    """Whether links would be as long as usual, and hardly any shorter than the straight line."""
    return low * metres >= 0.8 * _LOW and _LOW <= middle * metres <= _HIGH


def _unit_of(ratio: float) -> str:
    return next((name for name, metres in _UNITS.items() if metres > 1 and _LOW <= ratio * metres <= _HIGH), "")


def _lengths_wrong(rows: Ints, km: Floats, straight: Floats, unit: str) -> DataError:
    first = int(rows[0])
    said = (
        f"lengths of {len(rows):,} of {len(km):,} links do not fit the places of their ends: that of row {first} is "
        f"{1000 * km[first]:,.4g} m, and its ends are {1000 * straight[first]:,.4g} m apart in a straight line "
        f"(rows {listing(rows[:1000].tolist(), 5)})"
    )
    mend = "Look at the unit of the lengths, and at the places of these nodes"
    if unit:
        factor = _UNITS[unit]
        named = f', or name the column in a study as {{ column = "...", unit = "{unit}" }}' if factor > 0.1 else ""
        mend = f"They look like {unit}: multiply them by {factor:g}{named}"
    return DataError(Fault("location.network", said, "expected m", mend, key="travel.links.length"))


def odd_speeds(minutes: Floats, straight: Floats, what: str, key: str) -> tuple[Ints, Ints]:
    """Rows that go faster than anything does, and those that are far slower than the others, shapes (f,) and (s,).

    Args:
        minutes: of each link or pair, NaN where they are not known, shape (k,).
        straight: km between its ends, NaN where a place is not known, shape (k,).
        what: what the rows are, "links".
        key: of the fault.

    Raises:
        DataError: the times look like hours or seconds.
    """
    rows = np.flatnonzero((straight >= _LEAST) & (minutes > 0) & np.isfinite(minutes))
    if not len(rows):
        return rows, rows
    kmh = 60 * straight[rows] / minutes[rows]
    middle = float(np.median(kmh))
    most = _FLIGHT if np.median(straight[rows]) > _FAR else _FAST
    if len(rows) >= _SOME and not _SLOW <= middle <= most:
        unit = "hours" if middle > most else "seconds"
        said = (
            f"in a straight line half of the {len(rows):,} {what} go at {middle:,.3g} km/h or "
            f"{'more' if unit == 'hours' else 'less'}: {_said(int(rows[0]), minutes, straight)}"
        )
        likely = _SLOW <= middle / _TIMES[unit] <= _FAST
        factor = "by 60" if unit == "hours" else "by 1/60"
        mend = f"They look like {unit}: multiply them {factor}" if likely else "Look at the unit of the times"
        raise DataError(Fault("location.times", said, "expected minutes", mend, key=key))
    middle = min(max(middle, _SLOW), most)
    return rows[kmh > max(_FLIGHT, 20 * middle)], rows[kmh < min(_SLOW, middle / 20)]


def speed_notes(minutes: Floats, straight: Floats, what: str, fast: Ints, slow: Ints, then: str = "") -> Iterator[str]:
    """What is to be said of rows as of :func:`odd_speeds`.

    Args:
        minutes: of each link or pair, shape (k,).
        straight: km between its ends, shape (k,).
        what: what the rows are, "links"; its first s is that of the plural.
        fast: rows that go faster than anything does.
        slow: rows that are far slower than the others.
        then: what is done about the fast ones.
    """
    for rows, why, more in ((fast, "faster than anything on earth", then), (slow, "far slower than the others", "")):
        if len(rows):
            first = _said(int(rows[0]), minutes, straight)
            some = f"1 {what.replace('s', '', 1)} is" if len(rows) == 1 else f"{len(rows):,} {what} are"
            yield f"{some} {why}{more}, row {listing(rows[:1000].tolist(), 5)}: {first}."


def _said(row: int, minutes: Floats, straight: Floats) -> str:
    return f"row {row} takes {minutes[row]:.3g} minutes for {straight[row]:.3g} km in a straight line"
