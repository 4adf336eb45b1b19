"""Roads of an OpenStreetMap extract (.osm.pbf) as a source: a row for each piece of road between two nodes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from potomac.errors import DataError, Fault, StudyError
from potomac.geo.distance import great_circle
from potomac.tables.chunk import ROWS, Chunk, shown
from potomac.tables.spool import Spool
from potomac.tables.streams import ends_early, reading

__all__ = ["DRIVEN", "Roads", "direction", "is_driven"]

_RANKS = ("motorway", "trunk", "primary", "secondary", "tertiary")
DRIVEN = frozenset(
    (*_RANKS, *(f"{rank}_link" for rank in _RANKS), "unclassified", "residential", "living_street", "service", "road")
)
"""Values of ``highway`` on which cars drive."""

NAMES = (
    "from", "to", "length", "class", "maxspeed", "oneway",
    "from_latitude", "from_longitude", "to_latitude", "to_longitude", "way",
)  # fmt: skip
_DEGREE = 10_000_000  # places are kept in units of this part of a degree
_SHUT = frozenset(("no", "private", "agricultural", "forestry", "military", "emergency"))
_ACCESS = ("motorcar", "motor_vehicle", "vehicle", "access")  # the first that is tagged counts
_LIMIT = ("maxspeed", "maxspeed:type", "zone:maxspeed", "source:maxspeed")
_ROUND = frozenset(("roundabout", "circular"))
_FORWARD, _BACKWARD = frozenset(("yes", "true", "1")), frozenset(("-1", "reverse"))
_SPARE = frozenset(("yes", "designated", "permissive"))  # words by which a ferry says that it carries cars


def is_driven(tags: Mapping[str, str]) -> bool:
    """Whether cars may drive on a way with these tags; a ferry counts where it says that it carries them."""
    access = next((tags[key] for key in _ACCESS if key in tags), "yes")
    if tags.get("highway") in DRIVEN:
        return access not in _SHUT and tags.get("area") != "yes"
    carries = tags.get("motorcar", tags.get("motor_vehicle"))
    return tags.get("route") == "ferry" and carries in _SPARE


def direction(tags: Mapping[str, str]) -> str:
    """``yes`` where a way leads as it is drawn, ``-1`` where it leads the other way, ``no`` where it leads both ways.

    Roundabouts and motorways lead one way without a word.
    """
    told = tags.get("oneway:motor_vehicle", tags.get("oneway"))
    if told is None:
        return "yes" if tags.get("junction") in _ROUND or tags.get("highway") == "motorway" else "no"
    return "yes" if told in _FORWARD else "-1" if told in _BACKWARD else "no"


def _limit(tags: Mapping[str, str]) -> str | None:
    """What is signed; where the two directions differ, both."""
    told = next((tags[key] for key in _LIMIT if key in tags), None)
    both = [tags[key] for key in ("maxspeed:forward", "maxspeed:backward") if key in tags]
    return told or ";".join(both) or None


class Roads(Spool):
    """The roads of an extract on which cars may drive, of all ways piece by piece.

    The columns are ``from`` and ``to`` (nodes), ``length`` (m), ``class`` (the tag ``highway``, or ``ferry``),
    ``maxspeed`` (as it is tagged), ``oneway`` (yes, -1, no), the places of both ends in degrees, and ``way``. The file
    is gone through twice, once for the ways and once for the places of their nodes; these lie in a temporary file.

    Args:
        path: of the file.
        label: what messages call it.

    Raises:
        StudyError: the package that reads such files is not installed.
        DataError: the file is no such extract, or is damaged.
    """

    def __init__(self, path: Path, label: str) -> None:
        try:
            import osmium
        except ModuleNotFoundError:
            found = "OpenStreetMap extracts need the package osmium, which is not installed"
            raise StudyError(Fault("data.driver-missing", found, "", "Run pip install 'potomac[osm]'")) from None
        with _reading(path, label), osmium.io.Reader(_file(path), osmium.osm.NOTHING) as reader:
            reader.header()
        self._path = path
        self._error: DataError | None = None
        self._counts = _Counts()
        super().__init__(self._batches(), NAMES, label)
        self._files = ((label, path),)
        self.positions = NAMES
        self.worded = frozenset(("from", "to", "way"))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found."""
        c, label = self._counts, shown(self.label, 300)
        found = [f"{label}: an OpenStreetMap extract, roads for cars"]
        if c.lost:
            found.append(f"{label}: {c.lost:,} pieces of road lead out of the extract and are left out")
        return tuple(found)

    def chunks(self, columns: Sequence[str]) -> Iterator[Chunk]:
        """Stream the pieces in the order of the ways."""
        if self._error is not None:  # the stream has ended there, and is not whole
            raise self._error
        yield from super().chunks(columns)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            with _reading(self._path, self.label):
                yield from self._pieces()
        except DataError as error:
            self._error = error
            raise

    def _pieces(self) -> Iterator[pa.RecordBatch]:
        held = _Held(self._counts)
        for way in _placed_ways(self._path):
            tags = {tag.k: tag.v for tag in way.tags}
            if is_driven(tags):
                held.add(way, tags)
                if len(held) >= ROWS:
                    yield held.batch()
                    held = _Held(self._counts)
        yield held.batch()
        if not self._counts.kept:
            found = f"{shown(self.label, 300)} holds no road on which cars may drive"
            mend = "Look whether the extract was cut by tags, or is of another place"
            raise DataError(Fault("data.no-roads", found, "expected ways with the tag highway", mend))


def _file(path: Path) -> Any:
    """The file as PBF, whatever it is called."""
    import osmium

    return osmium.io.File(str(path), "pbf")


def _placed_ways(path: Path) -> Iterator[Any]:
    """Roads with the places of their nodes."""
    import osmium

    wanted, places = osmium.IdTracker(), osmium.index.create_map("sparse_file_array")
    roads = osmium.filter.KeyFilter("highway", "route")
    with osmium.io.Reader(_file(path), osmium.osm.WAY) as reader:
        for way in osmium.OsmFileIterator(reader, roads):
            if is_driven({tag.k: tag.v for tag in way.tags}):
                wanted.add_references(way)
    needed = wanted.id_filter()
    needed.enable_for(osmium.osm.NODE)
    locate = osmium.NodeLocationsForWays(places)
    locate.ignore_errors()
    ways = osmium.filter.EntityFilter(osmium.osm.WAY)
    with osmium.io.Reader(_file(path), osmium.osm.NODE | osmium.osm.WAY) as reader:
        yield from osmium.OsmFileIterator(reader, needed, locate, ways, roads)


@dataclass
class _Counts:
    kept: int = 0
    lost: int = 0


@dataclass
class _Held:
    """Ways that wait until there are enough of them for a batch."""

    counts: _Counts
    nodes: array[int] = field(default_factory=lambda: array("q"))
    north: array[int] = field(default_factory=lambda: array("q"))
    east: array[int] = field(default_factory=lambda: array("q"))
    sizes: list[int] = field(default_factory=list)
    ways: list[tuple[int, str, str | None, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.nodes)

    def add(self, way: Any, tags: Mapping[str, str]) -> None:
        for node in way.nodes:
            self.nodes.append(node.ref)
            self.north.append(node.y)
            self.east.append(node.x)
        self.sizes.append(len(way.nodes))
        kind = tags["highway"] if tags.get("highway") in DRIVEN else "ferry"
        self.ways.append((way.id, kind, _limit(tags), direction(tags)))

    def batch(self) -> pa.RecordBatch:
        """Each node of a way and the next."""
        node, size = np.array(self.nodes, np.int64), np.array(self.sizes, np.int64)
        place = np.column_stack([np.array(self.north, np.int64), np.array(self.east, np.int64)]) / _DEGREE
        way = np.repeat(np.arange(len(size)), size)
        first = np.flatnonzero(way[:-1] == way[1:])
        known = np.asarray((np.abs(place) <= np.array([90.0, 180.0])).all(axis=1))  # no place: a node that is not there
        inside = known[first] & known[first + 1]
        self.counts.lost += int((~inside).sum())
        first = first[inside]
        self.counts.kept += len(first)
        a, b = place[first], place[first + 1]
        metres = 1000 * great_circle(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
        of = pa.array(way[first])
        kinds = (pa.int64(), pa.string(), pa.string(), pa.string())
        told = [pa.array([one[k] for one in self.ways], kind).take(of) for k, kind in enumerate(kinds)]
        columns = [node[first], node[first + 1], metres, *told[1:], *a.T, *b.T, told[0]]
        return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], names=list(NAMES))


@contextmanager
def _reading(path: Path, label: str) -> Iterator[None]:
    """What the reader of such files says of one that is none, as a fault."""
    try:
        with reading(label):
            yield
    except DataError:
        raise
    except MemoryError:
        raise DataError(_too_wide(label)) from None
    except (RuntimeError, ValueError, EOFError) as error:
        raise DataError(_damaged(path, label, str(error))) from None


def _too_wide(label: str) -> Fault:
    found = f"{shown(label, 300)} takes more memory than there is: it is large, or its nodes have absurd numbers"
    return Fault("data.damaged", found, "expected an extract as servers give it", "Cut a smaller region out of it")


def _damaged(path: Path, label: str, said: str) -> Fault:
    name = shown(label, 300)
    if path.stat().st_size == 0:
        return Fault("data.empty", f"{name} is empty", "expected an OpenStreetMap extract", "Fetch the file again")
    with path.open("rb") as file:
        start = file.read(64)
    if b"OSMHeader" not in start:
        found = f"{name} is no OpenStreetMap extract: it does not begin with an OSMHeader"
        return Fault(
            "data.not-osm", found, "expected a file in the format .osm.pbf", "Give it the ending of what it is"
        )
    if "EOF" in said:
        return ends_early(name)
    if "Unable to cast" in said:  # the numbers of nodes are unsigned to the reader
        found, mend = f"{name} has nodes with negative numbers, as editors give them", "Upload them first, or renumber"
        return Fault("data.damaged", found, "expected numbers from 1", f"{mend}: osmium renumber")
    found = f"{name} is damaged: {shown(said, 200)}"
    return Fault("data.damaged", found, "expected a whole OpenStreetMap extract", "Fetch the file again")
