"""Tables of a study -> demand points, candidates, and travel times by pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, listing
from potomac.geo.distance import great_circle
from potomac.tables import Table

__all__ = ["Candidates", "Demand", "candidates_of", "demand_of", "pairs_of", "sample_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_INHABITED = -60.0  # degrees north; who lives south of it has no road
_NEAR_KM, _FAR_KM = 300.0, 1_000.0

_TRUE, _FALSE = ("1", "true", "t", "yes", "y", "x"), ("0", "false", "f", "no", "n", "")


@dataclass(frozen=True)
class Demand:
    """Where people are: n points.

    Attributes:
        row: of the source, shape (n,).
        id: as the table has it, n texts; the number of the row where it has none.
        latitude: degrees, NaN where the travel times are given by pair, shape (n,).
        longitude: degrees, shape (n,).
        weight: how much each counts, shape (n,).
        density: people a square kilometre, or None.
        weighted: whether the table has weights.
        named: whether it has ids.
    """

    row: Ints
    id: pa.Array
    latitude: Floats
    longitude: Floats
    weight: Floats
    density: Floats | None = None
    weighted: bool = False
    named: bool = True

    def __len__(self) -> int:
        return len(self.row)

    @property
    def places(self) -> Floats:
        """Latitude and longitude, shape (n, 2)."""
        return np.column_stack([self.latitude, self.longitude])

    def take(self, rows: Ints) -> Demand:
        """Some of them, in the order of ``rows``."""
        density = None if self.density is None else self.density[rows]
        return Demand(
            self.row[rows], self.id.take(pa.array(rows)), self.latitude[rows], self.longitude[rows],
            self.weight[rows], density, self.weighted, self.named,
        )  # fmt: skip


@dataclass(frozen=True)
class Candidates:
    """Where sites may be: m of them, in the order of their ids, by which ties are broken.

    Attributes:
        row: of the source, shape (m,).
        id: as the table has it, m texts.
        latitude: degrees, shape (m,).
        longitude: degrees, shape (m,).
        capacity: most weight each can serve, or None.
        cost: of opening it, or None.
        fixed: which are there already, shape (m,).
        forbidden: which may not be chosen, shape (m,).
        density: people a square kilometre, or None.
        own: whether they come from a table of their own, and not from the demand.
        named: whether that table has ids.
    """

    row: Ints
    id: pa.Array
    latitude: Floats
    longitude: Floats
    capacity: Floats | None
    cost: Floats | None
    fixed: Bools
    forbidden: Bools
    density: Floats | None = None
    own: bool = True
    named: bool = True

    def __len__(self) -> int:
        return len(self.row)

    @property
    def places(self) -> Floats:
        """Latitude and longitude, shape (m, 2)."""
        return np.column_stack([self.latitude, self.longitude])

    def take(self, rows: Ints) -> Candidates:
        """Some of them, in the order of ``rows``."""
        given = (self.capacity, self.cost, self.density)
        capacity, cost, density = (None if values is None else values[rows] for values in given)
        return Candidates(
            self.row[rows], self.id.take(pa.array(rows)), self.latitude[rows], self.longitude[rows],
            capacity, cost, self.fixed[rows], self.forbidden[rows], density, self.own, self.named,
        )  # fmt: skip


def demand_of(table: Table) -> Demand:
    """The demand points of a table.

    Raises:
        DataError: there is none, an id is there twice, all weights are 0, or latitude and longitude are swapped.
    """
    found = table.to_arrow()
    _some(found, "demand")
    ids = _ids(found, "demand")
    weighted = "weight" in found.schema.names
    weight = _numbers(found, "weight") if weighted else np.ones(found.num_rows)
    if not weight.any():
        said, mend = "all weights are 0", "Name another column, or take columns.weight away"
        raise DataError(Fault("location.weights-zero", said, "expected some demand", mend, key="demand.columns.weight"))
    latitude, longitude = _place(found, "demand", table)
    density = _numbers(found, "density") if "density" in found.schema.names else None
    named = "id" in found.schema.names
    return Demand(_rows(found), ids, latitude, longitude, weight, density, weighted, named)


def candidates_of(table: Table | None, demand: Demand) -> Candidates:
    """The candidates of a table; without one, the demand points. They come in the order of their ids.

    Raises:
        DataError: there is none, an id is there twice, one is both fixed and forbidden, or a flag cannot be read.
    """
    if table is None:
        none = np.zeros(len(demand), bool)
        d = demand
        places = (d.row, d.id, d.latitude, d.longitude)
        made = Candidates(*places, None, None, none, none, d.density, own=False, named=d.named)
        return made.take(_order(d.id))
    found = table.to_arrow()
    _some(found, "candidates")
    names = found.schema.names
    optional = {name: _numbers(found, name) if name in names else None for name in ("capacity", "cost", "density")}
    fixed, forbidden = _flags(found, "fixed"), _flags(found, "forbidden")
    ids = _ids(found, "candidates")
    both = np.flatnonzero(fixed & forbidden)
    if len(both):
        said = f"{listing([ids[int(i)].as_py() for i in both], 5)} are both fixed and forbidden"
        raise DataError(Fault("location.fixed-forbidden", said, "expected one of the two", key="candidates"))
    latitude, longitude = _place(found, "candidates", table)
    _same_area(demand, latitude, longitude)
    made = Candidates(
        _rows(found), ids, latitude, longitude, optional["capacity"], optional["cost"], fixed, forbidden,
        optional["density"], named="id" in names,
    )  # fmt: skip
    return made.take(_order(ids))


def _order(ids: pa.Array) -> Ints:
    """Places of the ids in their order: of numbers where all are whole ones, else of text."""
    try:
        keys = pc.cast(ids, pa.int64())
    except pa.ArrowInvalid:
        keys = ids
    return np.asarray(pc.sort_indices(keys).to_numpy(), np.int64)


def pairs_of(table: Table, demand: Demand, candidates: Candidates) -> tuple[Floats, tuple[str, ...]]:
    """Travel times by pair as a matrix: minutes of shape (n, m), infinite where the table has no row; and notes.

    Of a pair that is there more than once the shortest time counts. Rows about points that the study does not have
    are left aside and counted.

    Raises:
        DataError: no row is about a demand point and a candidate, or a demand point has none.
    """
    found = table.to_arrow()
    _some(found, "travel.matrix")
    i = pc.index_in(found["origin"], demand.id)
    j = pc.index_in(found["destination"], candidates.id)
    known = pc.and_(pc.is_valid(i), pc.is_valid(j))
    strange = found.num_rows - (pc.sum(known).as_py() or 0)
    rows = i.filter(known).to_numpy().astype(np.int64)
    columns = j.filter(known).to_numpy().astype(np.int64)
    if not len(rows):
        said = "no row is about a demand point and a candidate of this study"
        mend = f"Its ids are such as {listing(found['origin'].slice(0, 3).to_pylist())}"
        raise DataError(Fault("location.matrix-foreign", said, "expected ids of the tables", mend, key="travel.matrix"))
    minutes = np.full((len(demand), len(candidates)), np.inf)
    np.minimum.at(minutes, (rows, columns), found["minutes"].filter(known).to_numpy())
    repeated = len(rows) - np.isfinite(minutes).sum()
    notes = []
    if strange:
        notes.append(f"{strange:,} rows of the matrix are about points that the study does not have.")
    if repeated > 0:
        notes.append(f"{repeated:,} pairs of the matrix are there more than once; the shortest time counts.")
    return minutes, tuple(notes)


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
        said = f"{len(twice)} ids are there more than once: {listing(twice, 5)}"
        mend = "Name another column, or add the rows of an id up first"
        raise DataError(Fault("location.id-twice", said, "expected each id once", mend, key=f"{name}.columns.id"))
    return ids


def _numbers(found: pa.Table, name: str) -> Floats:
    return np.ascontiguousarray(found[name].to_numpy(), np.float64)


def _place(found: pa.Table, name: str, table: Table) -> tuple[Floats, Floats]:
    """Latitude and longitude, NaN where the table has none.

    Raises:
        DataError: they look swapped: by the names of their columns, or because everyone would live in Antarctica.
    """
    if "latitude" not in found.schema.names:
        return np.full(found.num_rows, np.nan), np.full(found.num_rows, np.nan)
    latitude, longitude = _numbers(found, "latitude"), _numbers(found, "longitude")
    said = next((note.split("; ")[0] for note in table.notes if "look swapped" in note), "")
    if not said and (latitude < _INHABITED).all() and (np.abs(longitude) < -_INHABITED).all():
        said = f"latitude and longitude look swapped: every latitude is below {_INHABITED:g}"
    if said:
        raise DataError(_swapped(said, name))
    return latitude, longitude


def _swapped(said: str, name: str) -> Fault:
    mend = "Exchange the two names under columns"
    return Fault("location.swapped", said, "expected degrees north, then degrees east", mend, key=f"{name}.columns")


def _same_area(demand: Demand, latitude: Floats, longitude: Floats) -> None:
    """Candidates that would be where people are if their latitude and longitude were exchanged are told."""
    if not (len(latitude) and np.isfinite(latitude).all() and np.isfinite(demand.latitude).all()):
        return
    people = np.median(demand.latitude), np.median(demand.longitude)
    north, east = float(np.median(latitude)), float(np.median(longitude))
    if abs(east) > 90:
        return
    away, exchanged = great_circle(*people, north, east), great_circle(*people, east, north)
    if exchanged < _NEAR_KM < _FAR_KM < away:
        said = f"latitude and longitude look swapped: the candidates are {away:,.0f} km from where people are"
        raise DataError(_swapped(said, "candidates"))


def _flags(found: pa.Table, name: str) -> Bools:
    """Words and numbers that mean yes or no, shape (m,); what is missing means no."""
    if name not in found.schema.names:
        return np.zeros(found.num_rows, bool)
    words = pc.utf8_lower(pc.utf8_trim_whitespace(pc.cast(found[name], pa.string())))
    words = pc.fill_null(pc.replace_substring_regex(words, r"\.0+$", ""), "")
    yes = pc.is_in(words, pa.array(_TRUE))
    unknown = pc.invert(pc.or_(yes, pc.is_in(words, pa.array(_FALSE))))
    if pc.any(unknown).as_py():
        first = pc.index(unknown, True).as_py()
        said = f'"{words[first].as_py()[:60]}" in row {found["row"][first].as_py()} is neither yes nor no'
        expected = "expected 1, true or yes; 0, false, no or nothing"
        raise DataError(Fault("location.flag", said, expected, key=f"candidates.columns.{name}"))
    return np.asarray(yes.to_numpy().astype(bool))
