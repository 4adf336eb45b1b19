"""Who is near: records sorted into cells of space and by time within, asked in compiled loops.

Cells are bands of latitude cut into columns that are everywhere at least a cell wide, so that whatever lies within one
cell's side of a place is found in its own band and the two beside it, over the antimeridian and near the poles as well.
"""

# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.geo.distance import EARTH_RADIUS_KM, KM_PER_DEGREE, unit_vectors
from potomac.outliers.spans import in_spans
from potomac.stats.compiled import compiled

__all__ = [
    "APART_KM",
    "MOST",
    "Cells",
    "Presence",
    "nearest",
    "pairs",
    "presence_of_all",
    "presence_of_others",
    "sort_into_cells",
    "stay",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SLOT_S = 600.0
FINE_KM = 0.1
"""Records of one entity within one slot and one fine cell are one: many reports from a berth say no more than one."""

APART_KM = 0.1
"""Two records of one entity at one second that are farther apart than this come from two transmitters."""

MOST = 16
"""Entities near are counted up to this number."""

_COLUMN_BITS = 24


class Cells(NamedTuple):
    """Records by cell, and by time within.

    Attributes:
        cell_km: side of a cell.
        keys: key of each cell, ascending, shape (c,).
        starts: first record of each cell and one more at the end, shape (c + 1,).
        places: unit vectors, shape (m, 3).
        time: seconds, shape (m,).
        entity: code, shape (m,).
        slow: 1 where slow, shape (m,).
        row: index of the record in the arrays it came from, shape (m,).
    """

    cell_km: float
    keys: Ints
    starts: Ints
    places: Floats
    time: Floats
    entity: Ints
    slow: Ints
    row: Ints


class Presence(NamedTuple):
    """Hours in which each entity was in each cell.

    Attributes:
        cell_km: side of a cell.
        keys: key of each cell, ascending, shape (c,).
        starts: first pair (cell, entity) of each cell and one more at the end, shape (c + 1,).
        entity: code of each pair's entity, ascending within a cell, shape (q,).
        hours: hours at any speed and slow ones, summed over all pairs before, shape (q + 1, 2).
    """

    cell_km: float
    keys: Ints
    starts: Ints
    entity: Ints
    hours: Floats


def sort_into_cells(
    latitude: Floats, longitude: Floats, time: Floats, entity: Ints, slow: npt.NDArray[np.bool_], cell_km: float
) -> Cells:
    """Records with a time, thinned (see ``SLOT_S``), in an order that does not depend on that of the rows.

    Args:
        latitude: degrees, shape (n,).
        longitude: degrees, shape (n,).
        time: seconds, NaN where unknown, shape (n,).
        entity: code, shape (n,).
        slow: shape (n,).
        cell_km: side of a cell: the largest distance that can be asked for.
    """
    rows = np.flatnonzero(~np.isnan(time))
    lat, lon, when, who, slowly = latitude[rows], longitude[rows], time[rows], entity[rows], slow[rows].astype(np.int64)
    fine, slot = _keys(lat, lon, FINE_KM), np.floor(when / SLOT_S)
    order = np.lexsort((lon, lat, when, slowly, fine, slot, who))
    kept = order[_changes(who[order], slot[order], fine[order], slowly[order])]
    key = _keys(lat[kept], lon[kept], cell_km)
    by_cell = np.lexsort((lon[kept], lat[kept], who[kept], when[kept], key))
    keys, starts = np.unique(key[by_cell], return_index=True)
    kept = kept[by_cell]
    starts = np.append(starts, len(kept)).astype(np.int64)
    places = unit_vectors(lat[kept], lon[kept])
    return Cells(cell_km, keys, starts, places, when[kept], who[kept], slowly[kept], rows[kept])


def stay(
    latitude: Floats, longitude: Floats, time: Floats, entity: Ints, slow: npt.NDArray[np.bool_], cell_km: float
) -> Presence:
    """In how many hours each entity was in each cell, and in how many it was slow there; arguments as above."""
    rows = np.flatnonzero(~np.isnan(time))
    key, who = _keys(latitude[rows], longitude[rows], cell_km), entity[rows]
    hour, slowly = np.floor(time[rows] / 3600.0), slow[rows]
    order = np.lexsort((~slowly, hour, who, key))  # a slow record of an hour comes first
    key, who, hour, slowly = key[order], who[order], hour[order], slowly[order]
    new_hour = _changes(key, who, hour)
    pair = np.flatnonzero(_changes(key, who))
    both = np.stack([new_hour, new_hour & slowly], axis=1).astype(np.float64)
    total = np.concatenate([np.zeros((1, 2)), np.cumsum(both, axis=0)])
    keys, starts = np.unique(key[pair], return_index=True)
    ends = np.append(pair, len(key))
    return Presence(cell_km, keys, np.append(starts, len(pair)).astype(np.int64), who[pair], total[ends])


def presence_of_all(parts: Sequence[Presence]) -> Presence:
    """One presence from those of parts that hold whole entities, each with codes of its own."""
    cell_km = parts[0].cell_km
    key = np.concatenate([np.repeat(part.keys, np.diff(part.starts)) for part in parts])
    who = np.concatenate([part.entity for part in parts])
    hours = np.concatenate([np.diff(part.hours, axis=0) for part in parts])
    order = np.lexsort((who, key))
    keys, starts = np.unique(key[order], return_index=True)
    total = np.concatenate([np.zeros((1, 2)), np.cumsum(hours[order], axis=0)])
    return Presence(cell_km, keys, np.append(starts, len(key)).astype(np.int64), who[order], total)


def nearest(
    cells: Cells, row: Ints, who: Ints, time: Floats, own: Floats, latitude: Floats, longitude: Floats, window_s: float
) -> tuple[Floats, Ints]:
    """Distance to the nearest other entity and to the nearest slow one, and how many there are of each.

    Args:
        cells: the records; their cell's side is how far one looks.
        row: index of the record that asks, which is left out; -1 for none. Shape (k,).
        who: code of its entity, whose records are left out but for those of the same second elsewhere, shape (k,).
        time: seconds, shape (k,).
        own: unit vectors of where the entity really is at that time, shape (k, 3).
        latitude: degrees, where one looks, shape (k,).
        longitude: degrees, shape (k,).
        window_s: how long before and after.

    Returns:
        Two distances in km (the cell's side where there is nobody) and two counts (at most ``MOST``), shape (k, 4), NaN
        where the time is unknown; and the code of the nearest slow entity, -1 where there is none, shape (k,).
    """
    here = unit_vectors(latitude, longitude)
    out, partner = np.full((len(time), 4), np.nan), np.full(len(time), -1)

    def work(a: int, b: int) -> None:
        _nearest(out, partner, a, b, cells, row, who, time, own, here, latitude, longitude, window_s)

    in_spans(len(time), work)
    return out, partner


def pairs(cells: Cells, window_s: float, most: int) -> tuple[Ints, Ints, Floats]:
    """Records of two entities together: indices of both (that of the smaller code first) and their distance in km.

    Records that have more than ``most`` other entities within a cell's side and the window are left out.
    """
    n = len(cells.time)
    counts, company = np.zeros(n, np.int64), np.zeros(n, np.int64)
    in_spans(n, lambda a, b: _count(counts, company, a, b, cells, window_s))
    counts[company > most] = 0
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    one, other, km = np.empty(starts[-1], np.int64), np.empty(starts[-1], np.int64), np.empty(starts[-1])
    in_spans(n, lambda a, b: _fill(one, other, km, a, b, cells, window_s, starts))
    kept = (company[one] <= most) & (company[other] <= most)
    return cells.row[one[kept]], cells.row[other[kept]], km[kept]


def presence_of_others(
    presence: Presence, who: Ints, partner: Ints, latitude: Floats, longitude: Floats
) -> tuple[Floats, Floats]:
    """Hours of all but two entities in the cells around places, at any speed and slow, shape (k, 2).

    Codes that nobody has, such as -1, leave nobody out. Also returns the area of the cells in km2, shape (k,).
    """
    hours, area = np.zeros((len(who), 2)), np.zeros(len(who))
    in_spans(len(who), lambda a, b: _others(hours, area, a, b, presence, who, partner, latitude, longitude))
    return hours, area


def _changes(*values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Where any of the sorted arrays differs from the row before; the first row does."""
    new = np.zeros(len(values[0]), bool)
    new[:1] = True
    for array in values:
        new[1:] |= array[1:] != array[:-1]
    return new


def _keys(latitude: Floats, longitude: Floats, cell_km: float) -> Ints:
    return np.asarray(_key_of(latitude, longitude, cell_km))


@compiled()
def _columns(band, step):
    """Columns of a band of latitude, so that each is at least a cell wide on its side near the pole."""
    south = band * step - 90.0
    edge = min(max(abs(south), abs(south + step)), 90.0)
    return max(int(360.0 * np.cos(np.radians(edge)) / step), 1)


@compiled()
def _key_of(latitude, longitude, cell_km):
    step = cell_km / KM_PER_DEGREE
    keys = np.empty(len(latitude), np.int64)
    for i in range(len(latitude)):
        band = int(np.floor((latitude[i] + 90.0) / step))
        columns = _columns(band, step)
        column = int(np.floor((longitude[i] + 180.0) / 360.0 * columns)) % columns
        keys[i] = (band << _COLUMN_BITS) + column
    return keys


@compiled()
def _span(latitude, longitude, step, band):
    """First and last column of a band within a cell's side of a place (last may pass the end), and all columns."""
    columns = _columns(band, step)
    reach = step / max(np.cos(np.radians(min(abs(latitude) + step, 90.0))), 1e-9)
    first = int(np.floor((longitude - reach + 180.0) / 360.0 * columns))
    last = int(np.floor((longitude + reach + 180.0) / 360.0 * columns))
    if reach >= 180.0 or last - first + 1 >= columns:
        return 0, columns - 1, columns
    return first, last, columns


@compiled()
def _find(keys, key):
    k = np.searchsorted(keys, key)
    return k if k < len(keys) and keys[k] == key else -1


@compiled()
def _chord2(a, b):
    return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2


@compiled()
def _km(chord2):
    return 2.0 * EARTH_RADIUS_KM * np.arcsin(min(np.sqrt(chord2) / 2.0, 1.0))


@compiled()
def _limit2(km):
    """Squared chord of a distance."""
    return (2.0 * np.sin(min(km / (2.0 * EARTH_RADIUS_KM), np.pi / 2))) ** 2


@compiled()
def _noted(seen, count, who):
    """Place of ``who`` among those seen (-1 where there is no room), and how many are seen then."""
    for k in range(count - 1, -1, -1):
        if seen[k] == who:
            return k, count
    if count == len(seen):
        return -1, count
    seen[count] = who
    return count, count + 1


@compiled()
def _nearest_to(out, cells, row, who, time, own, here, latitude, longitude, window):
    limit, apart, step = _limit2(cells.cell_km), _limit2(APART_KM), cells.cell_km / KM_PER_DEGREE
    near, near_slow, others, slows, partner = limit, limit, 0, 0, -1
    seen, lying = np.empty(MOST, np.int64), np.zeros(MOST, np.bool_)
    middle = int(np.floor((latitude + 90.0) / step))
    for band in range(middle - 1, middle + 2):
        first, last, columns = _span(latitude, longitude, step, band)
        for column in range(first, last + 1):
            cell = _find(cells.keys, (band << _COLUMN_BITS) + column % columns)
            if cell < 0:
                continue
            end = cells.starts[cell + 1]
            j = cells.starts[cell] + np.searchsorted(cells.time[cells.starts[cell] : end], time - window)
            while j < end and cells.time[j] <= time + window:
                d = _chord2(here, cells.places[j])
                if d <= limit and cells.row[j] != row:
                    name = cells.entity[j]
                    another = name != who
                    if not another and abs(cells.time[j] - time) < 1.0:  # one identity used by two
                        another = _chord2(own, cells.places[j]) > apart
                        name = -1
                    if another:
                        near = min(near, d)
                        if cells.slow[j] and d < near_slow:
                            near_slow, partner = d, name
                        place, others = _noted(seen, others, name)
                        if place >= 0 and cells.slow[j] and not lying[place]:
                            lying[place] = True
                            slows += 1
                j += 1
    out[0], out[1], out[2], out[3] = _km(near), _km(near_slow), others, slows
    return partner


@compiled(nogil=True)
def _nearest(out, partner, start, end, cells, row, who, time, own, here, latitude, longitude, window):
    for i in range(start, end):
        if not np.isnan(time[i]):
            partner[i] = _nearest_to(
                out[i], cells, row[i], who[i], time[i], own[i], here[i], latitude[i], longitude[i], window
            )


@compiled(nogil=True)
def _others(out, area, start, end, presence, who, partner, latitude, longitude):
    step, entities, hours = presence.cell_km / KM_PER_DEGREE, presence.entity, presence.hours
    for i in range(start, end):
        middle = int(np.floor((latitude[i] + 90.0) / step))
        for band in range(middle - 1, middle + 2):
            first, last, columns = _span(latitude[i], longitude[i], step, band)
            wide = 360.0 / columns * np.cos(np.radians(min(abs((band + 0.5) * step - 90.0), 90.0))) * KM_PER_DEGREE
            area[i] += (last - first + 1) * wide * presence.cell_km
            for column in range(first, last + 1):
                cell = _find(presence.keys, (band << _COLUMN_BITS) + column % columns)
                if cell < 0:
                    continue
                a, b = presence.starts[cell], presence.starts[cell + 1]
                for kind in range(2):
                    out[i, kind] += hours[b, kind] - hours[a, kind]
                for left in range(2 if who[i] != partner[i] else 1):
                    name = who[i] if left == 0 else partner[i]
                    k = a + np.searchsorted(entities[a:b], name)
                    if k < b and entities[k] == name:
                        for kind in range(2):
                            out[i, kind] -= hours[k + 1, kind] - hours[k, kind]


@compiled()
def _together(cells, i, window, seen, at, one, other, km):
    """Records together with record i: how many of larger code (written from ``at`` on, if not -1), and its company."""
    limit, step, count, company = _limit2(cells.cell_km), cells.cell_km / KM_PER_DEGREE, 0, 0
    here = cells.places[i]
    latitude = np.degrees(np.arcsin(min(max(here[2], -1.0), 1.0)))
    longitude = np.degrees(np.arctan2(here[1], here[0]))
    middle = int(np.floor((latitude + 90.0) / step))
    for band in range(middle - 1, middle + 2):
        first, last, columns = _span(latitude, longitude, step, band)
        for column in range(first, last + 1):
            cell = _find(cells.keys, (band << _COLUMN_BITS) + column % columns)
            if cell < 0:
                continue
            end = cells.starts[cell + 1]
            j = cells.starts[cell] + np.searchsorted(cells.time[cells.starts[cell] : end], cells.time[i] - window)
            while j < end and cells.time[j] <= cells.time[i] + window:
                d = _chord2(here, cells.places[j])
                if cells.entity[j] != cells.entity[i] and d <= limit:
                    _, company = _noted(seen, company, cells.entity[j])
                    if cells.entity[j] > cells.entity[i]:
                        if at >= 0:
                            one[at + count], other[at + count], km[at + count] = i, j, _km(d)
                        count += 1
                j += 1
    return count, company


@compiled(nogil=True)
def _count(counts, company, start, end, cells, window):
    none, nothing = np.empty(0, np.int64), np.empty(0)
    for i in range(start, end):
        counts[i], company[i] = _together(cells, i, window, np.empty(MOST, np.int64), -1, none, none, nothing)


@compiled(nogil=True)
def _fill(one, other, km, start, end, cells, window, starts):
    for i in range(start, end):
        if starts[i + 1] > starts[i]:
            _together(cells, i, window, np.empty(MOST, np.int64), starts[i], one, other, km)
