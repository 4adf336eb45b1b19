"""Shortest travel times between many places by a customisable contraction hierarchy.

The order of contraction depends on the network alone (:mod:`.elimination`). Times are put in afterwards, one pass
over the lower triangles for each set of times, so that 24 hours share one order (Dibbelt, Strasser and Wagner 2016,
Customizable contraction hierarchies, ACM Journal of Experimental Algorithmics 21). Many-to-many goes up from each
source along the elimination tree and down in one sweep over what lies above the targets, 16 sources side by side
(Delling, Goldberg, Nowatzyk and Werneck 2013, PHAST; Delling, Goldberg and Werneck 2011, Faster batched shortest paths
in road networks).
"""

# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.location.travel.elimination import Chordal, eliminated
from potomac.stats.compiled import compiled

__all__ = ["Hierarchy", "Metric", "Places", "Plan", "at_nodes", "cores", "in_order", "in_spans"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]

_LANES = 16  # sources side by side: two cache lines of distances a node


class Places(NamedTuple):
    """Places that lie at one or several nodes, each at some distance.

    Attributes:
        starts: first entry of each place, and the number of entries, shape (p + 1,).
        nodes: node of each entry, shape (e,).
        minutes: from the place to the node, or from the node to the place, shape (e,).
    """

    starts: Ints
    nodes: Ints
    minutes: Floats


class Metric(NamedTuple):
    """Minutes of each arc of a hierarchy: towards the higher rank and towards the lower one, shape (a,)."""

    up: Floats
    down: Floats


class _Cone(NamedTuple):
    """What lies above some targets: ranks in falling order, and the arcs between them.

    Attributes:
        ranks: shape (r,).
        place: position in ``ranks`` of each rank, -1 of others, shape (n,).
        starts: first arc of each position, shape (r + 1,).
        heads: position of the arc's upper end, smaller than that of the lower one, shape (b,).
        arcs: arc of the hierarchy, shape (b,).
    """

    ranks: Ints32
    place: Ints32
    starts: Ints
    heads: Ints32
    arcs: Ints


def at_nodes(nodes: npt.ArrayLike) -> Places:
    """Places that are nodes themselves."""
    given = np.ascontiguousarray(nodes, dtype=np.int64)
    return Places(np.arange(len(given) + 1), given, np.zeros(len(given)))


class Hierarchy:
    """The order of a network's nodes, for any times of its links.

    Args:
        n: number of nodes.
        tails: node where each link begins, shape (k,).
        heads: node where it ends, shape (k,).
    """

    def __init__(self, n: int, tails: npt.ArrayLike, heads: npt.ArrayLike) -> None:
        tail, head = np.ascontiguousarray(tails, dtype=np.int64), np.ascontiguousarray(heads, dtype=np.int64)
        self.n, self.links = n, len(tail)
        self.chordal: Chordal = eliminated(n, tail, head)
        starts, arcs = self.chordal.starts, self.chordal.heads
        rank = self.chordal.rank.astype(np.int64)
        self._arc, self._upward = _arcs_of_links(starts, arcs, rank[tail], rank[head])

    @property
    def arcs(self) -> int:
        """Number of arcs after contraction."""
        return len(self.chordal.heads)

    def metric(self, minutes: npt.ArrayLike) -> Metric:
        """Times of all arcs from those of the links, shape (k,), 0 or more, infinite where closed."""
        found = np.ascontiguousarray(minutes, dtype=np.float64)
        up, down = np.full(self.arcs, np.inf), np.full(self.arcs, np.inf)
        _customise(self.chordal.starts, self.chordal.heads, self._arc, self._upward, found, up, down)
        return Metric(up, down)

    def plan(self, origins: Places, destinations: Places) -> Plan:
        """What all matrices between these places share, whatever the times are."""
        return Plan(self.chordal, origins, destinations)

    def many(self, metric: Metric, origins: Places, destinations: Places, threads: int = 0) -> Floats:
        """Minutes from each origin to each destination, infinite where there is no way, shape (o, d)."""
        return self.plan(origins, destinations).matrix(metric, threads=threads)

    def matrices(
        self, metrics: Iterable[Metric], origins: Places, destinations: Places, threads: int = 0
    ) -> Iterator[Floats]:
        """Matrices as of :meth:`many` for several sets of times; what lies above the targets is found once."""
        plan = self.plan(origins, destinations)
        for metric in metrics:
            yield plan.matrix(metric, threads=threads)

    def scenarios(
        self, times: Iterable[Floats], origins: Places, destinations: Places, threads: int = 0
    ) -> Iterator[Floats]:
        """Matrices for each set of times of the links, shape (k,): a scenario a thread, a few in memory at a time."""
        plan = self.plan(origins, destinations)
        yield from in_order(lambda minutes: plan.matrix(self.metric(minutes), threads=1), times, threads)


class Plan:
    """Origins and destinations by rank, and what lies above those to which one sweeps.

    Args:
        chordal: the order of the network.
        origins: places from which one goes.
        destinations: places to which one goes.
    """

    def __init__(self, chordal: Chordal, origins: Places, destinations: Places) -> None:
        self._turned = len(origins.starts) > len(destinations.starts)  # fewer sweeps: from the destinations, backwards
        sources, targets = (destinations, origins) if self._turned else (origins, destinations)
        rank = chordal.rank.astype(np.int64)
        self._chordal = chordal
        self._sources = Places(sources.starts, rank[sources.nodes], sources.minutes)
        self._cone = _cone(chordal.starts, chordal.heads, chordal.parent, rank[targets.nodes])
        inside = self._cone.place[rank[targets.nodes]].astype(np.int64)
        self._targets = Places(targets.starts, inside, targets.minutes)

    def matrix(
        self,
        metric: Metric,
        origin_minutes: Floats | None = None,
        destination_minutes: Floats | None = None,
        threads: int = 0,
    ) -> Floats:
        """Minutes from each origin to each destination, infinite where there is no way, shape (o, d).

        Args:
            metric: times of the arcs.
            origin_minutes: of the entries of the origins, in place of those that the plan was made with.
            destination_minutes: of the entries of the destinations, likewise.
            threads: how many work on it; 0 for one a core.
        """
        up, down = (metric.down, metric.up) if self._turned else (metric.up, metric.down)
        own = (destination_minutes, origin_minutes) if self._turned else (origin_minutes, destination_minutes)
        sources = self._sources if own[0] is None else self._sources._replace(minutes=own[0])
        targets = self._targets if own[1] is None else self._targets._replace(minutes=own[1])
        out = np.empty((len(sources.starts) - 1, len(targets.starts) - 1))
        weights, c = down[self._cone.arcs], self._chordal

        def work(a: int, b: int) -> None:
            _sweep(a, b, *sources, c.starts, c.heads, up, c.parent, self._cone, weights, targets, out)

        in_spans(len(out), work, threads)
        return np.ascontiguousarray(out.T) if self._turned else out


def cores() -> int:
    """How many threads compiled loops may take."""
    from numba import get_num_threads

    return int(get_num_threads())


def in_spans(rows: int, work: Callable[[int, int], object], threads: int = 0) -> None:
    """Call ``work(start, end)`` for spans of whole batches that make up ``rows``; 0 threads: one a core."""
    threads = threads or cores()
    batches = -(-rows // _LANES)
    parts = min(4 * threads, batches)
    if threads <= 1 or parts <= 1:
        work(0, rows)
        return
    edges = np.minimum(np.linspace(0, batches, parts + 1).astype(int) * _LANES, rows).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))


def in_order(work: Callable[[Floats], Floats], items: Iterable[Floats], threads: int = 0) -> Iterator[Floats]:
    """``work`` of each item, in order, twice as many under way as there are threads."""
    threads = threads or cores()
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Floats]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _cone(starts: Ints, heads: Ints32, parent: Ints32, targets: Ints) -> _Cone:
    above = np.zeros(len(parent), np.bool_)
    _mark_above(parent, targets, above)
    ranks = np.flatnonzero(above)[::-1].astype(np.int32)
    place = np.full(len(parent), -1, np.int32)
    place[ranks] = np.arange(len(ranks), dtype=np.int32)
    counts = np.diff(starts)[ranks]
    cone_starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    arcs = np.repeat(starts[ranks] - cone_starts[:-1], counts) + np.arange(cone_starts[-1])
    return _Cone(ranks, place, cone_starts, place[heads[arcs]], arcs)


@compiled(nogil=True)
def _mark_above(parent, targets, above):
    for target in targets:
        v = target
        while v >= 0 and not above[v]:
            above[v] = True
            v = parent[v]


@compiled(nogil=True)
def _find(starts, heads, low, high):
    """The arc between two ranks."""
    a, b = starts[low], starts[low + 1]
    return a + np.searchsorted(heads[a:b], high)


@compiled(nogil=True)
def _arcs_of_links(starts, heads, tail, head):
    """Arc of each link, -1 of a loop, and whether it leads upward."""
    arc, upward = np.full(len(tail), -1, np.int64), np.zeros(len(tail), np.bool_)
    for k in range(len(tail)):
        if tail[k] != head[k]:
            arc[k] = _find(starts, heads, min(tail[k], head[k]), max(tail[k], head[k]))
            upward[k] = tail[k] < head[k]
    return arc, upward


@compiled(nogil=True)
def _customise(starts, heads, arc, upward, minutes, up, down):
    """Times of links, then of what goes by a lower node, from the lowest one on."""
    for k in range(len(arc)):
        a = arc[k]
        if a >= 0:
            if upward[k]:
                up[a] = min(up[a], minutes[k])
            else:
                down[a] = min(down[a], minutes[k])
    for v in range(len(starts) - 1):
        end = starts[v + 1]
        for i in range(starts[v], end):
            arc_xy = starts[heads[i]]
            to_v, from_v = down[i], up[i]
            for j in range(i + 1, end):
                y = heads[j]
                while heads[arc_xy] < y:
                    arc_xy += 1
                there, back = to_v + up[j], down[j] + from_v
                if there < up[arc_xy]:
                    up[arc_xy] = there
                if back < down[arc_xy]:
                    down[arc_xy] = back


@compiled(nogil=True)
def _climb(starts, heads, up, parent, nodes, minutes, near):
    """Minutes from a source to all ranks above it, left in ``near``."""
    for k in range(len(nodes)):
        near[nodes[k]] = min(near[nodes[k]], minutes[k])
        v = nodes[k]
        while v >= 0:
            here = near[v]
            if here < np.inf:
                for a in range(starts[v], starts[v + 1]):
                    there = here + up[a]
                    if there < near[heads[a]]:
                        near[heads[a]] = there
            v = parent[v]


@compiled(nogil=True)
def _sweep(a, b, s_starts, s_nodes, s_minutes, starts, heads, up, parent, cone, weights, targets, out):
    """Rows a to b of the matrix, ``_LANES`` at a time."""
    near = np.full(len(parent), np.inf)
    far = np.empty((len(cone.ranks), _LANES))
    for first in range(a, b, _LANES):
        lanes = min(_LANES, b - first)
        far[:] = np.inf
        for lane in range(lanes):
            s0, s1 = s_starts[first + lane], s_starts[first + lane + 1]
            _climb(starts, heads, up, parent, s_nodes[s0:s1], s_minutes[s0:s1], near)
            for k in range(s0, s1):
                v = s_nodes[k]
                while v >= 0:
                    if near[v] < np.inf and cone.place[v] >= 0:
                        far[cone.place[v], lane] = near[v]
                    near[v] = np.inf
                    v = parent[v]
        for k in range(len(cone.ranks)):
            here = far[k]
            for i in range(cone.starts[k], cone.starts[k + 1]):
                above, weight = far[cone.heads[i]], weights[i]
                for lane in range(_LANES):
                    there = above[lane] + weight
                    here[lane] = there if there < here[lane] else here[lane]
        for j in range(len(targets.starts) - 1):
            for lane in range(lanes):
                best = np.inf
                for k in range(targets.starts[j], targets.starts[j + 1]):
                    there = far[targets.nodes[k], lane] + targets.minutes[k]
                    if there < best:
                        best = there
                out[first + lane, j] = best
