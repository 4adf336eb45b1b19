"""The same shortest ways by other programs, to check ours by: scipy's Dijkstra and RoutingKit's hierarchy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError

__all__ = ["PEERS", "TICKS", "by_routingkit", "by_scipy"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Peer = Callable[[int, Ints, Ints, Floats, Ints, Ints], Floats]

TICKS = 6000
"""RoutingKit counts in whole numbers: hundredths of a second, up to 248 days."""

_ZERO = 1e-300  # scipy takes an arc of length 0 for none; this much no sum of others is changed by


def by_scipy(n: int, tails: Ints, heads: Ints, minutes: Floats, origins: Ints, destinations: Ints) -> Floats:
    """Minutes between nodes by Dijkstra's algorithm from each origin (scipy), shape (o, d)."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    key, at = np.unique(tails * np.int64(n) + heads, return_inverse=True)
    least = np.full(len(key), np.inf)
    np.minimum.at(least, at, minutes)
    open_arcs = np.isfinite(least)
    arcs = (np.maximum(least, _ZERO)[open_arcs], (key[open_arcs] // n, key[open_arcs] % n))
    found = np.asarray(dijkstra(csr_array(arcs, shape=(n, n)), indices=origins))[:, destinations]
    return np.where(found < n * _ZERO, 0.0, found)


def by_routingkit(n: int, tails: Ints, heads: Ints, minutes: Floats, origins: Ints, destinations: Ints) -> Floats:
    """The same by a customisable contraction hierarchy in C++ (RoutingKit), to half a tick an arc.

    Raises:
        StudyError: the package is not installed.
    """
    try:
        import pyroutingkit as kit  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ModuleNotFoundError:
        found = "RoutingKit needs the package pyroutingkit, which is not installed"
        mend = "Run pip install 'potomac[roads]'"
        raise StudyError(Fault("location.package-missing", found, "", mend, key="by")) from None
    topology = kit.CCHTopology()
    side = max(1, int(np.sqrt(n)))  # it asks for places to cut the network by, and any will do
    row, column = np.divmod(np.arange(n), side)
    arcs = (tails.astype(np.uint32), heads.astype(np.uint32))
    topology.build(*arcs, row.astype(np.float32), column.astype(np.float32), n)
    metric = kit.CCHMetric(topology)
    ticks = np.minimum(np.rint(minutes * TICKS), kit.INF_WEIGHT)
    metric.customize(ticks.astype(np.uint32))
    told = metric.distances_many_to_many(origins.astype(np.uint32), destinations.astype(np.uint32))
    told = np.asarray(told).reshape(len(origins), len(destinations))
    return np.where(told >= kit.INF_WEIGHT, np.inf, told / TICKS)


PEERS: dict[str, Peer] = {"scipy": by_scipy, "routingkit": by_routingkit}
