"""The order in which nodes of a network are contracted, and the arcs that contraction adds.

Contracting a node joins its remaining neighbours to each other; taking the node with the fewest of them first keeps
what is added small (minimum degree: Tinney and Walker 1967, Direct solutions of sparse network equations by optimally
ordered triangular factorization, Proceedings of the IEEE 55).
"""

# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["Chordal", "eliminated"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]


class Chordal(NamedTuple):
    """A network with what contraction adds; nodes carry their rank, the first contracted has rank 0.

    Attributes:
        rank: rank of each node, shape (n,).
        starts: first upward arc of each rank, and their number, shape (n + 1,).
        heads: rank at the upper end of each arc, ascending within a tail, shape (a,).
        parent: lowest upper neighbour of each rank, -1 of a root, shape (n,).
    """

    rank: Ints32
    starts: Ints
    heads: Ints32
    parent: Ints32


def eliminated(n: int, tails: Ints, heads: Ints) -> Chordal:
    """The order of ``n`` nodes and the arcs that contraction in that order leads to.

    Args:
        n: number of nodes.
        tails: node at one end of each link, shape (k,); direction does not matter.
        heads: node at the other end, shape (k,).
    """
    starts, neighbours = _undirected(n, tails, heads)
    order, up_starts, up_nodes = _minimum_degree(starts, neighbours)
    rank = np.empty(n, np.int32)
    rank[order] = np.arange(n, dtype=np.int32)
    arcs = rank[up_nodes]
    _sort_within(up_starts, arcs)
    parent = np.full(n, -1, np.int32)
    above = np.diff(up_starts) > 0
    parent[above] = arcs[up_starts[:-1][above]]
    return Chordal(rank, up_starts, arcs, parent)


def _undirected(n: int, tails: Ints, heads: Ints) -> tuple[Ints, Ints32]:
    """Neighbours of each node, each once and without the node itself, as starts and nodes."""
    keep = tails != heads
    low, high = np.minimum(tails, heads)[keep], np.maximum(tails, heads)[keep]
    key = np.unique(low * np.int64(n) + high)
    low, high = key // n, key % n
    one, other = np.concatenate([low, high]), np.concatenate([high, low])
    order = np.argsort(one, kind="stable")
    starts = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(one, minlength=n), out=starts[1:])
    return starts, other[order].astype(np.int32)


@compiled(nogil=True)
def _grown(array, least):
    """The array with room for ``least`` entries."""
    if least <= len(array):
        return array
    wider = np.empty(max(2 * len(array), least), array.dtype)
    wider[: len(array)] = array
    return wider


@compiled(nogil=True)
def _minimum_degree(starts, neighbours):
    """Nodes in the order of contraction, and at that moment their remaining neighbours.

    Among nodes of one degree the one with the fewest contracted layers below comes first, which keeps the tree low.
    """
    n = len(starts) - 1
    pool = np.empty(max(4 * len(neighbours), 16), np.int32)
    pool[: len(neighbours)] = neighbours
    end = len(neighbours)
    first, size = starts[:-1].copy(), np.diff(starts)
    room = size.copy()
    layer, mark = np.zeros(n, np.int64), np.full(n, -1, np.int64)
    order, done = np.empty(n, np.int64), np.zeros(n, np.bool_)
    up_starts, up_nodes, ups = np.zeros(n + 1, np.int64), np.empty(max(2 * len(neighbours), 16), np.int32), 0
    heap = [(size[v] * n, v) for v in range(n)]
    heapq.heapify(heap)
    step = 0
    while step < n:
        key, v = heapq.heappop(heap)
        if done[v] or key != size[v] * n + layer[v]:
            continue
        done[v], order[step] = True, v
        degree = size[v]
        up_nodes = _grown(up_nodes, ups + degree)
        around = pool[first[v] : first[v] + degree].copy()
        up_nodes[ups : ups + degree] = around
        ups += degree
        step += 1
        up_starts[step] = ups
        for u in around:
            mark[u] = u
            count = 0  # what stays of the list of u: all but v
            a = first[u]
            for k in range(size[u]):
                other = pool[a + k]
                mark[other] = u
                if other != v:
                    pool[a + count] = other
                    count += 1
            if count + degree > room[u]:
                more = 2 * (count + degree)
                pool = _grown(pool, end + more)
                pool[end : end + count] = pool[a : a + count]
                first[u], room[u], a = end, more, end
                end += more
            for other in around:
                if mark[other] != u:
                    pool[a + count] = other
                    count += 1
            size[u] = count
            layer[u] = max(layer[u], min(layer[v] + 1, n - 1))
            for k in range(count):
                mark[pool[a + k]] = -1
            mark[u], mark[v] = -1, -1
            heapq.heappush(heap, (count * n + layer[u], np.int64(u)))  # type: ignore[misc]
    return order, up_starts, up_nodes[:ups].copy()


@compiled(nogil=True)
def _sort_within(starts, values):
    for v in range(len(starts) - 1):
        values[starts[v] : starts[v + 1]].sort()
