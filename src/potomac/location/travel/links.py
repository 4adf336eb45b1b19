"""Tables of nodes and links -> the arcs of a road network, each with its time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, StudyError, listing
from potomac.geo.distance import great_circle
from potomac.location.crs import is_frame, opened, place_columns, refuse_metres
from potomac.location.swapped import refuse_swapped, swapped_rows
from potomac.location.travel.congestion import bpr
from potomac.location.travel.matrix import array_of_ids
from potomac.location.travel.plausible import length_notes, odd_speeds, speed_notes
from potomac.location.travel.speeds import density_factor, link_kmh

__all__ = [
    "Arcs", "Nodes", "Usage", "arcs_of", "checked_flag", "checked_positive", "columns_of", "listed", "nodes_of",
    "numbered", "places_in",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_FORWARD, _BACKWARD = ("1", "true", "t", "yes", "y", "x"), ("-1", "reverse")
_BOTH = ("0", "false", "f", "no", "n", "")
_KNOWN = frozenset({
    "id", "latitude", "longitude", "from", "to", "minutes", "length", "class", "maxspeed", "oneway", "volume",
    "capacity", "b", "power", "from_latitude", "from_longitude", "to_latitude", "to_longitude", "from_density",
    "to_density",
})  # fmt: skip
_ENDS = {"latitude": ("from_latitude", "to_latitude"), "longitude": ("from_longitude", "to_longitude")}


@dataclass(frozen=True)
class Nodes:
    """Nodes of a network.

    Attributes:
        ids: numbers or texts, each once, n of them.
        places: latitude and longitude in degrees, NaN where they are not known, shape (n, 2).
    """

    ids: pa.Array
    places: Floats

    def __len__(self) -> int:
        return len(self.ids)


class Arcs(NamedTuple):
    """Arcs of a network: one for each direction of each link in which it leads.

    Attributes:
        tail: number of the node where it begins, shape (a,).
        head: number of the node where it ends, shape (a,).
        link: row of the link, shape (a,).
        free: minutes without traffic, shape (a,).
        peak: minutes in the peak, NaN where no volume is known, shape (a,); None where none is known at all.
    """

    tail: Ints
    head: Ints
    link: Ints
    free: Floats
    peak: Floats | None

    def only(self, which: Bools) -> Arcs:
        """Some of them."""
        peak = None if self.peak is None else self.peak[which]
        return Arcs(self.tail[which], self.head[which], self.link[which], self.free[which], peak)


@dataclass(frozen=True)
class Usage:
    """How links are read.

    Attributes:
        speeds: km/h by class of road, in place of the usual ones.
        default_kmh: where neither class nor speed limit is known.
        oneway: whether links that do not say so lead one way only.
        density: people a square kilometre at each node, shape (n,), or None.
    """

    speeds: Mapping[str, float]
    default_kmh: float
    oneway: bool
    density: Floats | None


def columns_of(given: Any, what: str, code: str = "location.network") -> dict[str, pa.Array]:
    """Columns of an Arrow table, a pandas or Polars frame, a DuckDB relation, a mapping, or a list of rows.

    Raises:
        DataError: it is none of these, or its columns differ in length.
    """
    given = opened(given)
    try:
        names = _names_of(given)
        if isinstance(given, list) or names is None:
            given = pa.Table.from_pylist(given) if isinstance(given, list) else pa.table(given)
            names = given.column_names
        found = {str(name): column for name in names if (column := _column(given[name], str(name))) is not None}
        pa.table(found)  # that they are of one length
    except (pa.ArrowException, AttributeError, KeyError, TypeError, ValueError) as error:
        said = f"{what} is no table: {str(error)[:200]}"
        expected = "expected an Arrow table, a frame or a mapping of columns of one length"
        raise DataError(Fault(code, said, expected, key=f"travel.{what}")) from error
    return found


def _names_of(given: Any) -> list[Any] | None:
    """Names of the columns, None where it has none that are known."""
    if isinstance(given, Mapping):
        return list(given)
    names = getattr(given, "column_names", None) or getattr(given, "columns", None)
    return None if names is None or isinstance(given, list) else list(names)


def _column(values: Any, name: str) -> pa.Array | None:
    """A column; None where it is none that a network knows, and is of a type of its own (geometries, say)."""
    try:
        return _array(values)
    except (pa.ArrowException, KeyError, TypeError, ValueError):
        if name in _KNOWN:
            raise
        return None


def _array(values: Any) -> pa.Array:
    """Values as Arrow; lists as texts with semicolons, as OpenStreetMap has it."""
    if isinstance(values, str | bytes):
        raise TypeError("a column is a text")
    if isinstance(values, pa.Array | pa.ChunkedArray):
        made = values
    else:
        try:
            made = pa.array(values, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            made = pa.array([_joined(value) for value in values], from_pandas=True)
    made = made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made
    if pa.types.is_list(made.type) or pa.types.is_large_list(made.type):
        made = pa.array([_joined(value) for value in made.to_pylist()], pa.string())
    return made.cast(made.type.value_type) if pa.types.is_dictionary(made.type) else made


def _joined(value: Any) -> Any:
    return ";".join(str(one) for one in value if one is not None) if isinstance(value, list | tuple | set) else value


def nodes_of(nodes: Any, links: dict[str, pa.Array]) -> Nodes:
    """The nodes of a table; without one, those at the ends of the links.

    Raises:
        DataError: a column is missing, an id is missing or there twice, or a place is none.
    """
    if nodes is None:
        return _nodes_of_links(links)
    found = columns_of(nodes, "nodes")
    ids = _ids(_required(found, "id", "nodes"), "nodes")
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    if twice:
        many = "a node is" if len(twice) == 1 else f"{len(twice):,} nodes are"
        rows = np.flatnonzero(pc.is_in(ids, pa.array(twice[:5], ids.type)).to_numpy(zero_copy_only=False))
        said = f"{many} there more than once: {listing(twice, 5)}"
        said += f" (rows {listing(rows.tolist(), 10)}; the first row is 0)"
        raise DataError(Fault("location.id-twice", said, "expected each id once", "", key="travel.nodes.columns.id"))
    places = [np.full(len(ids), np.nan) if name is None else _numbers(found, name, "nodes")
              for name in place_columns(list(found))]  # fmt: skip
    made = Nodes(ids, np.column_stack(places))
    _on_the_globe(made)
    return made


def _nodes_of_links(links: dict[str, pa.Array]) -> Nodes:
    """Each id at an end of a link once, with the place that the links say."""
    ends = [_ids(_required(links, name, "links"), "links") for name in ("from", "to")]
    both = pa.chunked_array([_alike(ends[0], ends[1].type), _alike(ends[1], ends[0].type)]).combine_chunks()
    ids = pc.unique(both)
    places = np.full((len(ids), 2), np.nan)
    if all(name in links for names in _ENDS.values() for name in names):
        at = pc.index_in(both, ids).to_numpy()
        for k, names in enumerate(_ENDS.values()):
            places[at, k] = np.concatenate([_numbers(links, name, "links") for name in names])
    made = Nodes(ids, places)
    _on_the_globe(made)
    return made


def _on_the_globe(nodes: Nodes) -> None:
    """Refuse places that are none, and those that look swapped or projected."""
    known = np.flatnonzero(np.isfinite(nodes.places).all(axis=1))
    places = nodes.places[known]
    if not len(known):
        return
    refuse_metres(places, "travel.nodes")
    wrong = np.flatnonzero((np.abs(places[:, 0]) > 90) | (np.abs(places[:, 1]) > 360))
    if len(wrong):
        latitude, longitude = places[wrong[0]].tolist()
        said = f"node {nodes.ids[int(known[wrong[0]])].as_py()} has latitude {latitude:g} and longitude {longitude:g}"
        said += f", and {len(wrong) - 1:,} more lie off the globe" if len(wrong) > 1 else ""
        expected = "expected degrees, latitudes from -90 to 90"
        swapped = (np.abs(places[:, 1]) <= 90).all() and (np.abs(places[:, 0]) <= 360).all()
        mend = "Latitude and longitude look swapped" if swapped else (
            "Look whether they are swapped, or coordinates of a projection")  # fmt: skip
        raise DataError(Fault("location.points", said, expected, mend, key="travel.nodes"))
    refuse_swapped(places, "travel.nodes", [nodes.ids[int(row)].as_py() for row in known[swapped_rows(places)]])


def numbered(nodes: Nodes, ids: Any, what: str) -> Ints:
    """Numbers of the nodes with these ids, shape (k,).

    Raises:
        DataError: one is not among the nodes.
    """
    given = array_of_ids(ids, what)
    given = given.combine_chunks() if isinstance(given, pa.ChunkedArray) else given
    given = given.cast(given.type.value_type) if pa.types.is_dictionary(given.type) else given
    if pa.types.is_string(nodes.ids.type) or pa.types.is_integer(given.type):
        at = pc.index_in(given.cast(nodes.ids.type), nodes.ids)
    else:
        known = nodes.ids.cast(pa.string())
        at = pc.index_in(given.cast(pa.string()), known)
    if at.null_count:
        wrong = np.flatnonzero(at.is_null().to_numpy(zero_copy_only=False))
        names = listing(dict.fromkeys(given.take(pa.array(wrong[:1000])).to_pylist()), 5)
        rows = listing(wrong[:1000].tolist(), 5)
        said = f"{what} names nodes that are not there: {names} (row {rows})"
        few = listing(nodes.ids.slice(0, 3).to_pylist())
        expected = f"expected ids of the nodes, such as {few}" if len(nodes) else "there is no node"
        raise DataError(Fault("location.node-unknown", said, expected, "", key=f"travel.{what}"))
    return np.asarray(at.to_numpy(), dtype=np.int64)


def arcs_of(links: dict[str, pa.Array], nodes: Nodes, usage: Usage) -> tuple[Arcs, tuple[str, ...]]:
    """The arcs of links, and what the reader should know of them.

    Links that begin and end at one node lead nowhere and are left out. Links between the same nodes are all kept: at
    each hour the shortest counts. Those of length 0 are kept too.

    Raises:
        DataError: a column is missing, a link names a node that is not there, or a number is none that could be.
        StudyError: a speed is not above 0.
    """
    tail = numbered(nodes, _ids(_required(links, "from", "links"), "links"), "links")
    head = numbered(nodes, _ids(_required(links, "to", "links"), "links"), "links")
    straight = _straight(nodes, tail, head)
    free, unknown, odd = _free_minutes(links, nodes, (tail, head, straight), usage)
    peak = _peak_minutes(links, free)
    forward, backward = _directions(links, len(tail), usage.oneway)
    loops = tail == head
    ahead, back = np.flatnonzero(forward & ~loops), np.flatnonzero(backward & ~loops)
    rows = np.concatenate([ahead, back])
    begin, end = np.concatenate([tail[ahead], head[back]]), np.concatenate([head[ahead], tail[back]])
    arcs = Arcs(begin, end, rows, free[rows], None if peak is None else peak[rows])
    return arcs, (*odd, *_notes(arcs, loops, unknown, usage.default_kmh))


def _notes(arcs: Arcs, loops: Bools, unknown: int, default_kmh: float) -> Iterator[str]:
    if loops.any():
        many = int(loops.sum())
        said = "1 link begins and ends" if many == 1 else f"{many:,} links begin and end"
        yield f"{said} at one node and {'is' if many == 1 else 'are'} left out."
    most = int(max(arcs.tail.max(initial=0), arcs.head.max(initial=0))) + 1
    parallel = len(arcs.tail) - len(np.unique(arcs.tail * most + arcs.head))
    if parallel:
        said = "1 arc leads" if parallel == 1 else f"{parallel:,} arcs lead"
        yield f"{said} where another one leads as well; the shortest counts."
    if unknown:
        some, they = ("1 link has", "it is") if unknown == 1 else (f"{unknown:,} links have", "they are")
        yield f"{some} neither a known class nor a speed limit; {they} taken at {default_kmh:g} km/h."


def _straight(nodes: Nodes, tail: Ints, head: Ints) -> Floats:
    """Km between the ends of each link, NaN where a place is not known."""
    a, b = nodes.places[tail], nodes.places[head]
    return np.asarray(great_circle(a[:, 0], a[:, 1], b[:, 0], b[:, 1]))


def _free_minutes(
    links: dict[str, pa.Array], nodes: Nodes, ends: tuple[Ints, Ints, Floats], usage: Usage
) -> tuple[Floats, int, tuple[str, ...]]:
    """Minutes without traffic of each link; how many links have a speed that is only supposed; and what is odd."""
    tail, head, straight = ends
    k = len(tail)
    given = _numbers(links, "minutes", "links") if "minutes" in links else np.full(k, np.nan)
    odd = tuple(speed_notes(given, straight, "links", *odd_speeds(given, straight, "links", "travel.links.minutes")))
    lacking = np.isnan(given)
    if not lacking.any():
        return given, 0, odd
    km, more = _lengths(links, straight, lacking)
    kmh = link_kmh(links.get("class"), links.get("maxspeed"), usage.speeds)
    kmh = kmh if len(kmh) == k else np.full(k, np.nan)
    unknown = np.isnan(kmh)
    if "class" in links and (unknown & lacking).any():
        strange = pc.unique(links["class"].filter(pa.array(unknown & lacking)).drop_null()).to_pylist()
        more += (f"No speed is known of the classes {listing(strange, 5)}.",) * bool(strange)
    kmh = np.where(unknown, usage.default_kmh, kmh)
    if usage.density is not None:
        kmh = kmh * density_factor((usage.density[tail] + usage.density[head]) / 2)
    return np.where(lacking, 60 * km / kmh, given), int((unknown & lacking).sum()), odd + more


def _lengths(links: dict[str, pa.Array], straight: Floats, needed: Bools) -> tuple[Floats, tuple[str, ...]]:
    """Length of each link in km: as given, else straight from end to end; and what is odd about them."""
    given = _numbers(links, "length", "links") / 1000 if "length" in links else np.full(len(straight), np.nan)
    odd = tuple(length_notes(np.where(needed, given, np.nan), straight))
    km = np.where(np.isnan(given), straight, given)
    wrong = np.flatnonzero(np.isnan(km) & needed)
    if len(wrong):
        said = f"link {wrong[0]} has neither minutes nor a length, and its ends have no place"
        mend = "Add columns.minutes or columns.length, or latitude and longitude of the nodes"
        raise DataError(Fault("location.network", said, "", mend, key="travel.links"))
    return km, odd


def _peak_minutes(links: dict[str, pa.Array], free: Floats) -> Floats | None:
    if "volume" not in links or "capacity" not in links:
        return None
    names = ("volume", "capacity", "b", "power")
    usual = (0.0, 1.0, 0.15, 4.0)
    given = [_numbers(links, name, "links") if name in links else np.full(len(free), np.nan) for name in names]
    known = ~(np.isnan(given[0]) | np.isnan(given[1]))
    if not known.any():
        return None
    filled = [np.where(known & ~np.isnan(x), x, d) for x, d in zip(given, usual, strict=True)]
    return np.where(known, bpr(free, *filled), np.nan)


def _directions(links: dict[str, pa.Array], k: int, usual: bool) -> tuple[Bools, Bools]:
    """Whether each link leads from its first end to the second, and whether it leads back."""
    if "oneway" not in links:
        return np.ones(k, bool), np.full(k, not usual)
    words = pc.utf8_lower(pc.utf8_trim_whitespace(links["oneway"].cast(pa.string())))
    words = pc.replace_substring_regex(words, r"\.0+$", "")
    ahead, back, both = (pc.is_in(words, pa.array(known)) for known in (_FORWARD, _BACKWARD, _BOTH))
    unknown = pc.invert(pc.or_(pc.or_(ahead, back), pc.or_(both, pc.is_null(words))))
    if pc.any(unknown).as_py():
        row = pc.index(unknown, True).as_py()
        said = f'"{words[row].as_py()[:60]}" of link {row} says not in which direction it leads'
        expected = "expected 1, true or yes; -1; 0, false, no or nothing"
        raise DataError(Fault("location.flag", said, expected, "", key="travel.links.columns.oneway"))
    one, other = (np.asarray(x.to_numpy(zero_copy_only=False), dtype=bool) for x in (ahead, back))
    silent = np.asarray(pc.is_null(words).to_numpy(zero_copy_only=False), dtype=bool)
    if usual:
        one = one | silent
    return ~other, ~one


def places_in(nodes: Nodes, which: Ints) -> Floats:
    """Latitude and longitude of some nodes, shape (k, 2).

    Raises:
        DataError: one is not known.
    """
    found = nodes.places[which]
    if np.isnan(found).any():
        row = int(which[np.isnan(found).any(axis=1)][0])
        said = f"node {nodes.ids[row].as_py()} has no place"
        mend = "Add columns.latitude and columns.longitude to the nodes"
        raise DataError(Fault("location.network", said, "expected latitude and longitude", mend, key="travel.nodes"))
    return found


def _required(found: dict[str, pa.Array], name: str, table: str) -> pa.Array:
    if name not in found:
        said = f'{table} has no column "{name}"'
        expected = f"its columns are {listing(found)}"
        raise DataError(Fault("location.network", said, expected, key=f"travel.{table}.columns.{name}"))
    return found[name]


def _ids(given: pa.Array, table: str) -> pa.Array:
    """Ids as 64-bit numbers or as texts."""
    if given.null_count:
        row = int(np.flatnonzero(given.is_null().to_numpy(zero_copy_only=False))[0])
        said = f"row {row} of {table} has no id of its node"
        raise DataError(Fault("location.network", said, "expected one in each row", key=f"travel.{table}"))
    if pa.types.is_floating(given.type) and pc.all(pc.equal(pc.round(given), given)).as_py():
        return given.cast(pa.int64())
    return given.cast(pa.int64() if pa.types.is_integer(given.type) else pa.string())


def _alike(ids: pa.Array, other: pa.DataType) -> pa.Array:
    return ids if ids.type == other else ids.cast(pa.string())


def _numbers(found: dict[str, pa.Array], name: str, table: str) -> Floats:
    """A column as numbers that are 0 or more (places: any), NaN where there is none."""
    try:
        values = np.asarray(found[name].cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowException as error:
        said = f'column "{name}" of {table} holds no numbers'
        raise DataError(Fault("location.network", said, "expected numbers", key=f"travel.{table}.{name}")) from error
    angle = name.endswith(("latitude", "longitude")) or (table == "nodes" and name != "id")
    wrong = np.flatnonzero(np.isinf(values) | (~np.isnan(values) & (values < 0) & (not angle)))
    if len(wrong):
        said = f"{name} of row {wrong[0]} of {table} is {values[wrong[0]]:g}"
        least = "a number" if angle else "0 or more"
        raise DataError(Fault("location.network", said, f"expected {least}", key=f"travel.{table}.{name}"))
    return values


def checked_positive(value: Any, what: str) -> float:
    """A number above 0.

    Raises:
        StudyError: it is none.
    """
    whole = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if not (whole and np.isfinite(value) and value > 0):
        said = f"{what} is {str(value)[:60]}"
        raise StudyError(Fault("location.network", said, "expected a number above 0", key=what))
    return float(value)


def checked_flag(value: Any, what: str) -> bool:
    """True or False; no text, of which "no" would be true.

    Raises:
        StudyError: it is neither.
    """
    if not isinstance(value, bool | np.bool_) and not (isinstance(value, int) and value in (0, 1)):
        said = f"{what} is {str(value)[:60]!r}"
        raise StudyError(Fault("location.network", said, "expected True or False", key=what))
    return bool(value)


def listed(given: Any, what: str) -> Iterator[Any]:
    """Something to go through, one by one.

    Raises:
        StudyError: it is a text, a table or nothing of that kind.
    """
    flat = isinstance(given, type) or not hasattr(given, "__iter__") or getattr(given, "ndim", 1) == 0
    if isinstance(given, str | bytes | Mapping) or flat or is_frame(given):
        said = f"{what} is {str(given)[:60]!r}"
        raise StudyError(Fault("location.network", said, "expected a list", key=what))
    return iter(given)
