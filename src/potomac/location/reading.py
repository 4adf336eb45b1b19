"""Tables of a study -> demand points, candidates, and travel times by pair."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, NoAnswer, listing, shown
from potomac.geo.distance import great_circle
from potomac.location.swapped import all_swapped, swapped_rows
from potomac.tables import Table

__all__ = ["Candidates", "Demand", "candidates_of", "demand_of", "flags", "pairs_of", "rivals_of", "sample_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_NEAR_KM, _FAR_KM = 300.0, 1_000.0

_TRUE, _FALSE = ("1", "true", "t", "yes", "y", "x"), ("0", "false", "f", "no", "n", "")


@dataclass(frozen=True)
class _Points:
    """Points of a table: n of them.

    Attributes:
        row: of the source, shape (n,).
        id: as the table has it, n texts; the number of the row where it has none.
        latitude: degrees, NaN where the travel times are given by pair, shape (n,).
        longitude: degrees, shape (n,).
        density: people a square kilometre, shape (n,), or None.
        named: whether the table has ids.
    """

    row: Ints
    id: pa.Array
    latitude: Floats
    longitude: Floats
    density: Floats | None = field(default=None, kw_only=True)
    named: bool = field(default=True, kw_only=True)

    def __len__(self) -> int:
        return len(self.row)

    @property
    def places(self) -> Floats:
        """Latitude and longitude, shape (n, 2)."""
        return np.column_stack([self.latitude, self.longitude])

    def take(self, rows: Ints) -> Self:
        """Some of them, in the order of ``rows``."""
        columns = {one.name: getattr(self, one.name) for one in fields(self)}
        some: dict[str, Any] = {name: all_[rows] for name, all_ in columns.items() if isinstance(all_, np.ndarray)}
        return replace(self, id=self.id.take(pa.array(rows)), **some)


@dataclass(frozen=True)
class Demand(_Points):
    """Where people are: n points.

    Attributes:
        weight: how much each counts, shape (n,).
        weighted: whether the table has weights.
    """

    weight: Floats
    weighted: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Candidates(_Points):
    """Where sites may be: n of them, in the order of their ids, by which ties are broken.

    Attributes:
        capacity: most weight each can serve, or None.
        cost: of opening it, or None.
        fixed: which are there already, shape (n,).
        forbidden: which may not be chosen, shape (n,).
        attractiveness: what draws people to a site there, beside how near it is, or None.
        own: whether they come from a table of their own, and not from the demand.
    """

    capacity: Floats | None
    cost: Floats | None
    fixed: Bools
    forbidden: Bools
    attractiveness: Floats | None = field(default=None, kw_only=True)
    own: bool = field(default=True, kw_only=True)


def demand_of(table: Table) -> Demand:
    """The demand points of a table.

    Raises:
        DataError: there is none, an id is there twice, all weights are 0, or latitude and longitude are swapped.
    """
    found = table.to_arrow()
    _some(found, "demand")
    weight = _known(found, "weight")
    if weight is not None and not weight.any():
        said, mend = "all weights are 0", "Name another column, or take columns.weight away"
        raise DataError(Fault("location.weights-zero", said, "expected some demand", mend, key="demand.columns.weight"))
    weights = np.ones(found.num_rows) if weight is None else weight
    points, more = _points(found, "demand", table)
    return Demand(*points, weights, weighted=weight is not None, **more)


def candidates_of(table: Table | None, demand: Demand) -> Candidates:
    """The candidates of a table; without one, the demand points. They come in the order of their ids.

    Raises:
        DataError: there is none, an id is there twice, one is both fixed and forbidden, or a flag cannot be read.
        NoAnswer: all of them are forbidden.
    """
    if table is None:
        none, d = np.zeros(len(demand), bool), demand
        places = (d.row, d.id, d.latitude, d.longitude)
        made = Candidates(*places, None, None, none, none, density=d.density, own=False, named=d.named)
        return made.take(_order(d.id))
    found = table.to_arrow()
    _some(found, "candidates")
    points, more = _points(found, "candidates", table)
    fixed, forbidden = (flags(found, name, "candidates") for name in ("fixed", "forbidden"))
    _may_be(points[1], fixed, forbidden)
    _same_area(demand, points[2], points[3], "candidates")
    made = Candidates(
        *points, _known(found, "capacity"), _known(found, "cost"), fixed, forbidden,
        attractiveness=_known(found, "attractiveness"), **more,
    )  # fmt: skip
    return made.take(_order(points[1]))


def rivals_of(table: Table, demand: Demand) -> Candidates:
    """The sites of others, with what draws people to them.

    Raises:
        DataError: there is none, an id is there twice, or latitude and longitude are swapped.
    """
    found = table.to_arrow()
    _some(found, "rivals")
    points, more = _points(found, "rivals", table)
    _same_area(demand, points[2], points[3], "rivals")
    none = np.zeros(found.num_rows, bool)
    return Candidates(*points, None, None, none, none, attractiveness=_known(found, "attractiveness"), **more)


def _points(found: pa.Table, name: str, table: Table) -> tuple[tuple[Ints, pa.Array, Floats, Floats], dict[str, Any]]:
    """What all points have: row, id, latitude and longitude; density, and whether they have ids."""
    places = _place(found, name, table)
    more = {"density": _known(found, "density"), "named": "id" in found.schema.names}
    return (_rows(found), _ids(found, name), *places), more


def _may_be(ids: pa.Array, fixed: Bools, forbidden: Bools) -> None:
    """No candidate is both fixed and forbidden, and some may be sites."""
    both = np.flatnonzero(fixed & forbidden)
    if len(both):
        said = f"{listing(ids.take(pa.array(both)).to_pylist(), 5)} are both fixed and forbidden"
        raise DataError(Fault("location.fixed-forbidden", said, "expected one of the two", key="candidates"))
    if forbidden.all():
        said, mend = f"all {len(ids):,} candidates are forbidden", "Allow some, or look at what the column holds"
        raise NoAnswer(Fault("location.infeasible", said, "", mend, key="candidates.columns.forbidden"))


def _order(ids: pa.Array) -> Ints:
    """Places of the ids in their order: of numbers where all are whole ones, else of text."""
    try:
        keys = pc.cast(ids, pa.int64())
    except pa.ArrowInvalid:
        keys = ids
    return np.asarray(pc.sort_indices(keys).to_numpy(), np.int64)


def pairs_of(table: Table, demand: Demand, *ends: Candidates) -> tuple[list[Floats], tuple[str, ...]]:
    """Travel times by pair as matrices, one for each of ``ends``: minutes of shape (n, m), infinite without a row.

    Of a pair that is there more than once the shortest time counts. Rows about points that the study does not have
    are left aside; notes count both.

    Raises:
        DataError: no row is about a demand point and a candidate.
    """
    found = table.to_arrow()
    _some(found, "travel.matrix")
    start = pc.index_in(found["origin"], demand.id)
    by_end = [_by_pair(found, start, points, len(demand)) for points in ends]
    if not by_end[0][1].any():
        said = "no row is about a demand point and a candidate of this study"
        mend = f"Its ids are such as {listing(found['origin'].slice(0, 3).to_pylist())}"
        raise DataError(Fault("location.matrix-foreign", said, "expected ids of the tables", mend, key="travel.matrix"))
    strange = int((~np.logical_or.reduce([known for _, known in by_end])).sum())
    repeated = sum(int(known.sum() - np.isfinite(minutes).sum()) for minutes, known in by_end)
    notes = []
    if strange:
        rows = "1 row of the matrix is" if strange == 1 else f"{strange:,} rows of the matrix are"
        notes.append(f"{rows} about points that the study does not have.")
    if repeated > 0:
        pairs = "1 pair of the matrix is" if repeated == 1 else f"{repeated:,} pairs of the matrix are"
        notes.append(f"{pairs} there more than once; the shortest time counts.")
    notes += _lacking(by_end[0][0], demand, ends[0])
    return [minutes for minutes, _ in by_end], tuple(notes)


def _lacking(minutes: Floats, demand: Demand, points: Candidates) -> list[str]:
    """A sentence about pairs without a row, shape (n, m); none where there are none."""
    lacking = ~np.isfinite(minutes)
    many = int(lacking.sum())
    if not many:
        return []
    i, j = divmod(int(np.argmax(lacking)), minutes.shape[1])
    first = f"{shown(demand.id[i].as_py())} to {shown(points.id[j].as_py())}"
    said = "1 pair has" if many == 1 else f"{many:,} of {minutes.size:,} pairs have"
    return [f"{said} no row in the matrix, which stands for no way: {'' if many == 1 else 'the first is '}{first}."]


def _by_pair(found: pa.Table, start: pa.Array, points: Candidates, n: int) -> tuple[Floats, Bools]:
    """Minutes to some points, shape (n, m), and which rows are about them."""
    end = pc.index_in(found["destination"], points.id)
    known = pc.and_(pc.is_valid(start), pc.is_valid(end))
    rows, columns = (part.filter(known).to_numpy().astype(np.int64) for part in (start, end))
    minutes = np.full((n, len(points)), np.inf)
    np.minimum.at(minutes, (rows, columns), found["minutes"].filter(known).to_numpy())
    return minutes, np.asarray(known.to_numpy().astype(bool))


def sample_of(table: Table) -> pa.Table:
    """Trips whose time is known: from_latitude, from_longitude, to_latitude, to_longitude, minutes.

    Raises:
        DataError: there is none.
    """
    found = table.to_arrow()
    _some(found, "travel.sample")
    return found.drop_columns(["row"])


def _some(found: pa.Table, name: str) -> None:
    if not found.num_rows:
        raise DataError(Fault("location.empty", "no row can be used", "expected at least one", key=name))


def _rows(found: pa.Table) -> Ints:
    return np.asarray(found["row"].to_numpy().astype(np.int64))


def _ids(found: pa.Table, name: str) -> pa.Array:
    if "id" not in found.schema.names:
        return pc.cast(found["row"], pa.string()).combine_chunks()
    ids = pc.cast(found["id"], pa.string()).combine_chunks()
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    if twice:
        many = "an id is" if len(twice) == 1 else f"{len(twice):,} ids are"
        rows = found["row"].filter(pc.is_in(ids, pa.array(twice[:5], pa.string()))).to_pylist()
        said = f"{many} there more than once: {listing(twice, 5)} (rows {listing(rows, 10)}; the first row is 0)"
        mend = "Name another column, or add the rows of an id up first"
        raise DataError(Fault("location.id-twice", said, "expected each id once", mend, key=f"{name}.columns.id"))
    return ids


def _numbers(found: pa.Table, name: str) -> Floats:
    return np.ascontiguousarray(found[name].to_numpy(), np.float64)


def _known(found: pa.Table, name: str) -> Floats | None:
    """The numbers of a column that may be missing."""
    return _numbers(found, name) if name in found.schema.names else None


def _place(found: pa.Table, name: str, table: Table) -> tuple[Floats, Floats]:
    """Latitude and longitude, NaN where the table has none.

    Raises:
        DataError: they look swapped: by the names of their columns, because nobody lives there, or in some rows only.
    """
    if "latitude" not in found.schema.names:
        return np.full(found.num_rows, np.nan), np.full(found.num_rows, np.nan)
    latitude, longitude = _numbers(found, "latitude"), _numbers(found, "longitude")
    said = next((note.split("; ")[0] for note in table.notes if "look swapped" in note), "")
    points = np.column_stack([latitude, longitude])
    if not said and all_swapped(points):
        said = f"latitude and longitude look swapped: latitudes reach from {latitude.min():.4g} to {latitude.max():.4g}"
    if said:
        raise DataError(_swapped(said, name))
    some = swapped_rows(points)
    if len(some):
        rows = found["row"].take(pa.array(some)).to_pylist()
        said = f"latitude and longitude look swapped in {len(some):,} of {found.num_rows:,} rows: {listing(rows, 5)}"
        mend = "Exchange the two numbers in these rows; the first row is 0"
        raise DataError(Fault("location.swapped", said, "expected degrees north, then degrees east", mend, key=name))
    return latitude, longitude


def _swapped(said: str, name: str) -> Fault:
    mend = "Exchange the two names under columns"
    return Fault("location.swapped", said, "expected degrees north, then degrees east", mend, key=f"{name}.columns")


def _same_area(demand: Demand, latitude: Floats, longitude: Floats, what: str) -> None:
    """Sites that would be where people are if their latitude and longitude were exchanged are told."""
    if not (len(latitude) and np.isfinite(latitude).all() and np.isfinite(demand.latitude).all()):
        return
    people = np.median(demand.latitude), np.median(demand.longitude)
    north, east = float(np.median(latitude)), float(np.median(longitude))
    if abs(east) > 90:
        return
    away, exchanged = great_circle(*people, north, east), great_circle(*people, east, north)
    if exchanged < _NEAR_KM < _FAR_KM < away:
        said = f"latitude and longitude look swapped: the {what} are {away:,.0f} km from where people are"
        raise DataError(_swapped(said, what))


def flags(found: pa.Table, name: str, table: str) -> Bools:
    """Words and numbers that mean yes or no, shape (m,); what is missing means no."""
    if name not in found.schema.names:
        return np.zeros(found.num_rows, bool)
    words = pc.utf8_lower(pc.utf8_trim_whitespace(pc.cast(found[name], pa.string())))
    words = pc.fill_null(pc.replace_substring_regex(words, r"\.0+$", ""), "")
    yes = pc.is_in(words, pa.array(_TRUE))
    unknown = pc.invert(pc.or_(yes, pc.is_in(words, pa.array(_FALSE))))
    if pc.any(unknown).as_py():
        first = pc.index(unknown, True).as_py()
        said = f'"{shown(words[first].as_py(), 60)}" in row {found["row"][first].as_py()} is neither yes nor no'
        expected = "expected 1, true or yes; 0, false, no or nothing"
        raise DataError(Fault("location.flag", said, expected, key=f"{table}.columns.{name}"))
    return np.asarray(yes.to_numpy().astype(bool))
