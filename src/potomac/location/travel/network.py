"""Travel time on a road network, from door to door.

A point walks to the nearest road, enters it where it meets it, and drives on in a direction in which the road leads.
Drives are shortest ways by a customisable contraction hierarchy (:mod:`.contraction`): one order of the nodes for all
hours and all scenarios.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, StudyError, listing
from potomac.geo.distance import EARTH_RADIUS_KM, unit_vectors
from potomac.location.places import is_one_of
from potomac.location.travel.congestion import checked_hour, hourly, usual_or
from potomac.location.travel.contraction import Hierarchy, Metric, in_order, in_spans
from potomac.location.travel.density import DensitySurface
from potomac.location.travel.links import (
    Usage,
    arcs_of,
    checked_flag,
    checked_positive,
    columns_of,
    listed,
    nodes_of,
    numbered,
    places_in,
)
from potomac.location.travel.matrix import array_of_ids
from potomac.location.travel.model import checked_places
from potomac.location.travel.peers import PEERS
from potomac.location.travel.snapping import Roads, Snapped
from potomac.location.travel.speeds import checked_speeds
from potomac.location.travel.trips import Ends, stay, walk

__all__ = ["RoadNetwork", "Unreached"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_KEPT = 1 << 28  # bytes of times by hour that are kept
_CALLS = 6  # sets of places of which it is kept where they meet the nearest road
_NAMED = 3  # parts beside the largest that are told
_ELSEWHERE_KM = 10.0
"""Points that are all farther from any road are not said to have no way, but to be elsewhere."""


@dataclass(frozen=True)
class Unreached:
    """An origin from which no way leads to any destination.

    Attributes:
        row: number of the origin.
        far: whether that is because no road is near enough.
        km: to the nearest road.
        node: id of the nearest node from which a way leads to a destination, None where there is none.
        node_km: from the origin to it.
    """

    row: int
    far: bool
    km: float
    node: Any
    node_km: float

    def __str__(self) -> str:
        why = f"is {self.km:.3g} km from the nearest road" if self.far else "has no way to any destination"
        if self.node is None:
            return f"row {self.row} {why}; no node has one"
        return f"row {self.row} {why}; the nearest node that has one is {self.node}, {self.node_km:.3g} km away"


class _Timed(NamedTuple):
    """Times at an hour: of the hierarchy's arcs, and of each road from its first end to the second and back."""

    metric: Metric
    forth: Floats
    back: Floats


class RoadNetwork:
    """A network of roads; a travel model.

    Args:
        nodes: a table with columns ``id``, ``latitude`` and ``longitude`` (or ``lat``, and ``lon`` or ``lng``); None
            where the links tell the places of their ends (``from_latitude``, ``from_longitude``, ``to_latitude``,
            ``to_longitude``). Without any place times are known :meth:`between` nodes only.
        links: a table with columns ``from`` and ``to`` (ids of nodes), and of ``minutes`` (without traffic), ``length``
            (m), ``class``, ``maxspeed``, ``oneway`` (yes, -1, no), ``volume`` and ``capacity`` (vehicles an hour),
            ``b`` and ``power`` (of the BPR function) those that are known.
        walk_kmh: speed between a point and the road.
        access_km: how far a point may be from the road; from farther away there is no way.
        first_through: nodes with smaller ids are zones: ways begin and end there and never pass through.
        zones: ids of more such nodes.
        speeds: km/h by class of road, in place of the usual ones.
        profile: factors of the travel time at full hours, shape (24,); default the usual ones.
        density: people a square kilometre at each node, shape (n,) (NaN where it is not known: as if nobody lived
            there), a :class:`DensitySurface`, or a function of latitude and longitude (n, 2): roads are slower where
            more people live.
        oneway: whether links that do not say so lead one way only.
        default_kmh: where neither class nor speed limit of a link is known.
        largest_only: leave out what is not in the largest part in which ways lead from everywhere to everywhere.

    Raises:
        DataError: the tables lack a column, name a node that is not there, hold numbers that cannot be or that look
            like those of another unit, or latitude and longitude of nodes look swapped.
        StudyError: a speed, the profile or a zone is none.
    """

    def __init__(
        self,
        nodes: Any,
        links: Any,
        *,
        walk_kmh: float = 5.0,
        access_km: float = 5.0,
        first_through: int | None = None,
        zones: Iterable[Any] = (),
        speeds: Mapping[str, float] | None = None,
        profile: Sequence[float] | npt.ArrayLike | None = None,
        density: npt.ArrayLike | Callable[[Floats], npt.ArrayLike] | None = None,
        oneway: bool = False,
        default_kmh: float = 40.0,
        largest_only: bool = False,
    ) -> None:
        self.walk_kmh, self.access_km = checked_positive(walk_kmh, "walk_kmh"), checked_positive(access_km, "access_km")
        self.profile = usual_or(profile)
        table = columns_of(links, "links")
        self._nodes = nodes_of(nodes, table)
        if not len(self._nodes):
            said, what = "the network has no node", "nodes" if nodes is not None else "links"
            raise DataError(Fault("location.network", said, f"expected rows of {what}", key=f"travel.{what}"))
        usage = Usage(
            checked_speeds(speeds), checked_positive(default_kmh, "default_kmh"), checked_flag(oneway, "oneway"),
            self._density(density),
        )  # fmt: skip
        self._arcs, notes = arcs_of(table, self._nodes, usage)
        self.links = len(next(iter(table.values()), ()))
        parts, sizes = self._parts()
        if len(sizes) > 1:
            notes += (_said(parts, sizes, self._nodes.ids),)
        if checked_flag(largest_only, "largest_only"):
            inside = parts == sizes.argmax()
            self._arcs = self._arcs.only(inside[self._arcs.tail] & inside[self._arcs.head])
        self.notes = notes
        self.part_sizes = np.sort(sizes)[::-1]
        self._leave = self._exits(self._zones(first_through, zones))
        self._times: OrderedDict[float | None, _Timed] = OrderedDict()
        self._feet: OrderedDict[bytes, Snapped] = OrderedDict()

    def __len__(self) -> int:
        """Number of nodes."""
        return len(self._nodes)

    @property
    def node_ids(self) -> pa.Array:
        """Ids of the nodes, in their order."""
        return self._nodes.ids

    @property
    def node_places(self) -> Floats:
        """Latitude and longitude of the nodes in degrees, NaN where not known, shape (n, 2)."""
        return self._nodes.places

    def minutes(self, origins: Any, destinations: Any, departure: float | None = None) -> Floats:
        """Minutes from each origin to each destination, infinite where there is no way, shape (n, m).

        The walk to the road and from it counts. Places that are nearer to each other than to the road walk.

        Args:
            origins: latitude and longitude in degrees, shape (n, 2).
            destinations: likewise, shape (m, 2).
            departure: hour of the day, 0 to 24; None without traffic.

        Raises:
            DataError: a place is none; or all are more than ``access_km`` and 10 km from any road.
            StudyError: the departure is no hour of the day.
        """
        return next(self.hours(origins, destinations, [departure]))

    def between(
        self, origins: Any, destinations: Any, departure: float | None = None, *, by: str = "potomac"
    ) -> Floats:
        """Minutes from each node to each node, infinite where there is no way, shape (n, m).

        Args:
            origins: ids of nodes, n of them.
            destinations: m of them.
            departure: hour of the day, 0 to 24; None without traffic.
            by: "potomac"; or "scipy" or "routingkit", to check it.

        Raises:
            DataError: a node is not there.
            StudyError: ``by`` is none of these, or not installed.
        """
        departure = checked_hour(departure)
        starts, ends = self._both(origins, destinations, ids=True)
        if is_one_of(by, ["potomac"]):
            return next(self._matrices(starts, ends, [departure]))
        if not is_one_of(by, PEERS):
            said = f"no way to find ways is called {str(by)[:60]!r}"
            raise StudyError(Fault("location.network", said, f"expected potomac or {listing(PEERS)}", key="by"))
        arcs, minutes = self._arcs, self._arc_minutes(departure)
        tails, nodes = self._leave[arcs.tail], (starts.nodes[:, 0], ends.nodes[:, 0])
        out = PEERS[by](self._size, tails, arcs.head, minutes, *nodes)
        stay(out, starts.at, ends.at)
        return out

    def hours(
        self, origins: Any, destinations: Any, departures: Iterable[float | None], *, ids: bool = False
    ) -> Iterator[Floats]:
        """Matrices as of :meth:`minutes` (``ids``: as of :meth:`between`) for several hours, in their order."""
        asked = map(checked_hour, listed(departures, "departures"))
        yield from self._matrices(*self._both(origins, destinations, ids), asked)

    def scenarios(
        self,
        origins: Any,
        destinations: Any,
        factors: Iterable[npt.ArrayLike],
        departure: float | None = None,
        *,
        ids: bool = False,
    ) -> Iterator[Floats]:
        """Matrices as of :meth:`minutes` (``ids``: as of :meth:`between`), one a scenario, in their order.

        Args:
            origins: of the ways.
            destinations: of the ways.
            factors: for each scenario by what the time of each link is multiplied, shape (links,); infinity closes it.
            departure: hour of the day, 0 to 24; None without traffic.
            ids: whether origins and destinations are ids of nodes.

        Raises:
            DataError: a scenario has another shape, or a factor is negative or NaN.
        """
        scenarios = listed(factors, "factors")
        starts, ends = self._both(origins, destinations, ids)
        plan = self._hierarchy.plan(starts.places, ends.places)
        usual = self._arc_minutes(checked_hour(departure))

        def one(factor: Floats) -> Floats:
            by = _checked_factor(factor, self.links)[self._arcs.link]
            timed = self._timed_by(np.multiply(usual, by, out=np.full(len(by), np.inf), where=by < np.inf))
            return self._filled(plan, starts, ends, timed, threads=1)

        yield from in_order(one, map(_as_factor, scenarios))

    def snapped(self, places: Any) -> Snapped:
        """Where places meet the nearest road; :attr:`road_nodes` tells its ends."""
        return self._roads.nearest(checked_places(places))

    def _met(self, places: Floats) -> Snapped:
        """Where places meet the nearest road; those of the last few calls are kept, as the same points ask again."""
        key = blake2b(places.tobytes(), digest_size=16).digest()
        found = self._feet.pop(key, None) or self._roads.nearest(places)
        self._feet[key] = found
        while len(self._feet) > _CALLS:
            self._feet.popitem(last=False)
        return found

    @property
    def road_nodes(self) -> Ints:
        """Numbers of the nodes at the first and the second end of each road, shape (r, 2)."""
        return self._pairs[0]

    @property
    def road_minutes(self) -> Floats:
        """Minutes along each road without traffic, the quicker way, infinite where it is closed, shape (r,)."""
        return np.minimum(*self._forth_and_back())

    def unreachable(self, origins: Any, destinations: Any) -> tuple[Unreached, ...]:
        """Origins from which no way leads to any destination, each with the nearest node from which one does.

        Args:
            origins: latitude and longitude in degrees, shape (n, 2).
            destinations: likewise, shape (m, 2).
        """
        places, sites = checked_places(origins, "origins"), checked_places(destinations, "destinations")
        starts, ends = self._point_ends(places, out=True), self._point_ends(sites, out=False)
        leads = self._leading_to(ends)
        used = np.isfinite(starts.entries(*self._forth_and_back()).reshape(-1, 2))
        lost = np.flatnonzero(~((leads[starts.nodes] & used).any(axis=1) & starts.open))
        if len(lost):  # a walk, or the road that both lie at, may do
            some = self._point_ends(places[lost], out=True)
            lost = lost[~np.isfinite(next(self._matrices(some, ends, [None]))).any(axis=1)]
        if not len(lost):
            return ()
        good = np.flatnonzero(leads[self._leave] & ~np.isnan(self._nodes.places).any(axis=1))
        node, away = self._nearest_node(places[lost], good)
        return tuple(
            Unreached(int(row), not bool(starts.open[row]), float(starts.km[row]), name, float(km))
            for row, name, km in zip(lost, node, away, strict=True)
        )

    def _nearest_node(self, places: Floats, good: Ints) -> tuple[list[Any], Floats]:
        if not len(good):
            return [None] * len(places), np.full(len(places), np.inf)
        from scipy.spatial import cKDTree

        chord, at = cKDTree(unit_vectors(*self._nodes.places[good].T)).query(unit_vectors(*places.T))
        km = 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2, 1))
        return self._nodes.ids.take(pa.array(good[at])).to_pylist(), km

    def _leading_to(self, ends: Ends) -> npt.NDArray[np.bool_]:
        """Whether a way leads from each node of the hierarchy to one of the ends."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import breadth_first_order

        forth, back = self._forth_and_back()
        used = np.isfinite(ends.entries(back, forth)).reshape(-1, 2)
        final = np.unique(ends.nodes[used])
        n, open_arcs = self._size, np.isfinite(self._arcs.free)
        tail, head = self._leave[self._arcs.tail[open_arcs]], self._arcs.head[open_arcs]
        rows, columns = np.concatenate([head, np.full(len(final), n)]), np.concatenate([tail, final])
        turned = csr_array((np.ones(len(rows)), (rows, columns)), shape=(n + 1, n + 1))
        leads = np.zeros(n + 1, bool)
        leads[breadth_first_order(turned, n, return_predecessors=False)] = True
        return leads[:-1]

    def _density(self, given: Any) -> Floats | None:
        if given is None:
            return None
        n = len(self._nodes)
        if isinstance(given, DensitySurface):
            given = given.at
        found = (
            given(places_in(self._nodes, np.arange(n))) if callable(given) and not isinstance(given, type) else given
        )
        expected = f"expected {n} numbers of 0 or more, one for each node"
        try:
            values = np.asarray(found, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            said = "densities are no numbers"
            raise DataError(Fault("location.network", said, expected, key="travel.density")) from error
        wrong = f"have shape {values.shape}" if values.shape != (n,) else "are negative" * bool((values < 0).any())
        if wrong:
            raise DataError(Fault("location.network", f"densities {wrong}", expected, key="travel.density"))
        return values

    def _parts(self) -> tuple[Ints, Ints]:
        """The part of each node within which ways lead from everywhere to everywhere, and the parts' sizes."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        n, arcs = len(self._nodes), self._arcs
        graph = csr_array((np.ones(len(arcs.tail)), (arcs.tail, arcs.head)), shape=(n, n))
        _, part = connected_components(graph, directed=True, connection="strong")
        return part.astype(np.int64), np.bincount(part, minlength=1)

    def _zones(self, first_through: int | None, zones: Iterable[Any]) -> Ints:
        named = array_of_ids(zones, "zones")
        found = numbered(self._nodes, named, "zones") if len(named) else np.empty(0, np.int64)
        if first_through is None:
            return np.unique(found)
        try:
            number = self._nodes.ids.cast(pa.int64())
        except pa.ArrowException as error:
            said, expected = "nodes have names", "expected whole numbers where first_through is given"
            raise StudyError(Fault("location.network", said, expected, key="travel.first_through")) from error
        if isinstance(first_through, bool) or not isinstance(first_through, int | np.integer):
            said, expected = f"first_through is {str(first_through)[:60]}", "expected the whole number of a node"
            raise StudyError(Fault("location.network", said, expected, key="travel.first_through"))
        before = np.flatnonzero(pc.less(number, int(first_through)).to_numpy(zero_copy_only=False))
        return np.union1d(found, before)

    def _exits(self, zones: Ints) -> Ints:
        """The node of the hierarchy from which ways out of each node begin: zones have one of their own for that."""
        leave = np.arange(len(self._nodes))
        leave[zones] = len(self._nodes) + np.arange(len(zones))
        self._size = len(self._nodes) + len(zones)
        return leave

    @cached_property
    def _hierarchy(self) -> Hierarchy:
        return Hierarchy(self._size, self._leave[self._arcs.tail], self._arcs.head)

    @cached_property
    def _pairs(self) -> tuple[Ints, Ints]:
        """Nodes at the ends of each road, shape (r, 2), and of each arc twice its road, plus 1 where it leads back."""
        n, (tail, head) = len(self._nodes), self._arcs[:2]
        low, high = np.minimum(tail, head), np.maximum(tail, head)
        key, road = np.unique(low * np.int64(n) + high, return_inverse=True)
        return np.column_stack([key // max(n, 1), key % max(n, 1)]), 2 * road + (tail > head)

    @cached_property
    def _roads(self) -> Roads:
        ends = self._pairs[0]
        return Roads(places_in(self._nodes, ends[:, 0]), places_in(self._nodes, ends[:, 1]))

    def _arc_minutes(self, departure: float | None) -> Floats:
        return hourly(self._arcs.free, self._arcs.peak, departure, self.profile)

    def _timed(self, departure: float | None) -> _Timed:
        """Times at an hour, from those that are kept if they are."""
        found = self._times.pop(departure, None) or self._timed_by(self._arc_minutes(departure))
        self._times[departure] = found
        each = 8 * (2 * self._hierarchy.arcs + 2 * len(found.forth))
        while len(self._times) > max(1, _KEPT // max(each, 1)):
            self._times.popitem(last=False)
        return found

    def _timed_by(self, minutes: Floats) -> _Timed:
        return _Timed(self._hierarchy.metric(minutes), *self._forth_and_back(minutes))

    def _forth_and_back(self, minutes: Floats | None = None) -> tuple[Floats, Floats]:
        """Minutes of each road in its two directions, of parallel arcs the shortest, infinite where it is closed."""
        times = np.full(2 * len(self._pairs[0]), np.inf)
        np.minimum.at(times, self._pairs[1], self._arcs.free if minutes is None else minutes)
        return times[::2], times[1::2]

    def _both(self, origins: Any, destinations: Any, ids: bool) -> tuple[Ends, Ends]:
        if ids:
            return self._node_ends(origins, "origins", out=True), self._node_ends(
                destinations, "destinations", out=False
            )
        start, end = checked_places(origins, "origins"), checked_places(destinations, "destinations")
        starts, ends = self._point_ends(start, out=True), self._point_ends(end, out=False)
        if len(self._pairs[0]) and min(starts.km.min(), ends.km.min()) > max(self.access_km, _ELSEWHERE_KM):
            self._refuse_elsewhere(start, end, float(min(starts.km.min(), ends.km.min())))
        return starts, ends

    def _refuse_elsewhere(self, start: Floats, end: Floats, km: float) -> None:
        """Say that all points are somewhere else than the roads, and whether that is because they are turned round.

        Raises:
            DataError: always.
        """
        points = np.vstack([start, end])
        turned = points[np.abs(points[:, 1]) <= 90][:, ::-1]
        near = self._roads.nearest(turned).km if len(turned) else np.array([np.inf])
        ends = self._nodes.places[np.unique(self._pairs[0])]
        boxes = [f"latitude {a[0]:.5g} to {b[0]:.5g} and longitude {a[1]:.5g} to {b[1]:.5g}"
                 for a, b in ((one.min(axis=0), one.max(axis=0)) for one in (ends, points))]  # fmt: skip
        said = (f"all points ({len(start):,} origins and {len(end):,} destinations) are {km:,.0f} km or more from the "
                f"nearest road: roads lie within {boxes[0]}, points within {boxes[1]}")  # fmt: skip
        mend = "Give a network of the same area"
        if np.median(near) <= max(self.access_km, _ELSEWHERE_KM):
            mend = "Exchanged they lie together: latitude and longitude of the nodes, or of the points, look swapped"
        expected = f"expected some within {self.access_km:g} km of a road (access_km)"
        raise DataError(Fault("location.network-elsewhere", said, expected, mend, key="travel.nodes"))

    def _node_ends(self, ids: Any, what: str, *, out: bool) -> Ends:
        at = numbered(self._nodes, ids, what)
        n, node = len(at), self._leave[at] if out else at
        none = np.full(n, -1)
        return Ends(np.column_stack([node, node]), at, none, np.zeros(n), np.zeros(n), np.ones(n, bool), None)

    def _point_ends(self, places: Floats, *, out: bool) -> Ends:
        """Entries of points: an origin drives on to the second end or back to the first, a destination the reverse."""
        road, share, km = self._met(places)
        open_there = km <= self.access_km
        ends = self._pairs[0][road] if len(self._pairs[0]) else np.zeros((len(places), 2), np.int64)
        within = open_there & (share > 0) & (share < 1)
        at = np.where(open_there & ~within, ends[np.arange(len(ends)), (share > 0.5).astype(int)], -1)
        turned = ends[
            :, ::-1
        ]  # first entry: towards the second end, which an arrival comes from when the road leads back
        nodes = np.where(within[:, None], turned if out else self._leave[turned], 0)
        lies = self._leave[at] if out else at
        nodes = np.where((at >= 0)[:, None], lies[:, None], nodes)
        return Ends(nodes, at, np.where(within, road, -1), share, km, open_there, unit_vectors(*places.T))

    def _matrices(self, starts: Ends, ends: Ends, departures: Iterable[float | None]) -> Iterator[Floats]:
        plan = self._hierarchy.plan(starts.places, ends.places)
        for departure in departures:
            yield self._filled(plan, starts, ends, self._timed(departure))

    def _filled(self, plan: Any, starts: Ends, ends: Ends, timed: _Timed, threads: int = 0) -> Floats:
        """Drives, short cuts within a road, and walks."""
        _, forth, back = timed
        out: Floats = plan.matrix(timed.metric, starts.entries(forth, back), ends.entries(back, forth), threads)
        if starts.vectors is None or ends.vectors is None:
            stay(out, starts.at, ends.at)
            return out
        minutes_a_km = 60 / self.walk_kmh
        common = (
            starts.at, starts.road, starts.share, starts.km, starts.vectors,
            ends.at, ends.road, ends.share, ends.km, ends.vectors,
        )  # fmt: skip
        in_spans(len(out), lambda a, b: walk(a, b, out, *common, forth, back, minutes_a_km, self.access_km), threads)
        return out


def _as_factor(factor: npt.ArrayLike) -> Floats:
    try:
        return np.asarray(factor, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        expected = "expected a number for each link"
        raise DataError(Fault("location.scenario", "a scenario holds no numbers", expected, key="factors")) from error


def _checked_factor(factor: Floats, links: int) -> Floats:
    if factor.shape != (links,):
        said, expected = f"a scenario has shape {factor.shape}", f"expected {links}, a factor a link"
        raise DataError(Fault("location.scenario", said, expected, key="factors"))
    wrong = np.flatnonzero(~(factor >= 0))
    if len(wrong):
        said = f"the factor of link {wrong[0]} is {factor[wrong[0]]}"
        raise DataError(Fault("location.scenario", said, "expected 0 or more", key="factors"))
    return factor


def _said(parts: Ints, sizes: Ints, ids: pa.Array) -> str:
    """How large the parts are, and where the next ones lie: each by its first node."""
    order = np.argsort(-sizes, kind="stable")
    most, whole = int(sizes[order[0]]), int(sizes.sum())
    _, first = np.unique(parts, return_index=True)
    named = [f"{int(sizes[k]):,} with node {ids[int(first[k])].as_py()}" for k in order[1 : 1 + _NAMED]]
    more = f" and {len(order) - 1 - _NAMED:,} more" if len(order) - 1 > _NAMED else ""
    return (
        f"The network falls into {len(sizes):,} parts between which ways lead in one direction at most; the largest "
        f"has {most:,} of {whole:,} nodes ({100 * most / whole:.1f} %), the others {listing(named)}{more}."
    )
