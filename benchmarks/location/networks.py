"""Road networks to measure on: real ones where they are, else streets in a grid."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.child import ROOT

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DATA = Path(os.environ.get("POTOMAC_LOCATION_DATA", ROOT.parent / "shared" / "data" / "location"))


@dataclass(frozen=True)
class Network:
    """Directed arcs between ``n`` nodes, minutes of each, and latitude and longitude of the nodes."""

    told: str
    n: int
    tails: Ints
    heads: Ints
    minutes: Floats
    places: Floats

    def graph(self) -> Any:
        """As scipy takes it; of parallel arcs the shortest, none of length 0."""
        from scipy.sparse import csr_array

        key, at = np.unique(self.tails * self.n + self.heads, return_inverse=True)
        least = np.full(len(key), np.inf)
        np.minimum.at(least, at, self.minutes)
        return csr_array((np.maximum(least, 1e-300), (key // self.n, key % self.n)), shape=(self.n, self.n))


def networks() -> list[str]:
    """Names of those that are there."""
    return ["highways", "regional"] if (DATA / "us_highway_links.parquet").is_file() else ["grid"]


@cache
def network(name: str) -> Network:
    """The network called so."""
    return {"highways": _highways, "regional": _regional, "grid": _grid}[name]()


def _highways() -> Network:
    """Highways east of 90 degrees west, the part that hangs together; minutes by class of road."""
    import pyarrow.parquet as pq
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    from potomac.location.travel.speeds import link_kmh

    links, nodes = pq.read_table(DATA / "us_highway_links.parquet"), pq.read_table(DATA / "us_highway_nodes.parquet")
    u, v, east = links["u"].to_numpy(), links["v"].to_numpy(), nodes["lon"].to_numpy() > -90
    kept = east[u] & east[v]
    n = nodes.num_rows
    _, part = connected_components(coo_array((np.ones(kept.sum()), (u[kept], v[kept])), shape=(n, n)), directed=False)
    inside = part == np.bincount(part).argmax()
    kept &= inside[u]
    number = np.cumsum(inside) - 1
    kmh = link_kmh(links["function_class"], None)
    minutes = 60 * 1.609344 * links["miles"].to_numpy() / np.where(np.isnan(kmh), 60.0, kmh)
    u, v, minutes = number[u[kept]], number[v[kept]], minutes[kept]
    places = np.column_stack([nodes["lat"].to_numpy(), nodes["lon"].to_numpy()])[inside]
    both = np.concatenate([u, v]), np.concatenate([v, u])
    return Network("US highways east of 90° W", int(inside.sum()), *both, np.tile(minutes, 2), places)


def _regional() -> Network:
    """Chicago, congested; zones may be passed through."""
    import pyarrow.parquet as pq

    links, nodes = (
        pq.read_table(DATA / "road_chicago_links.parquet"),
        pq.read_table(DATA / "road_chicago_nodes.parquet"),
    )
    t, v, c, b, power = (
        links[name].to_numpy() for name in ("free_flow_time", "volume", "capacity", "b", "power")
    )  # fmt: skip
    minutes = t * (1 + b * (v / c) ** power)
    places = np.column_stack([nodes["y"].to_numpy(), nodes["x"].to_numpy()]) / 364_000  # feet, about degrees
    return Network(
        "Chicago's roads", nodes.num_rows, links["u"].to_numpy() - 1, links["v"].to_numpy() - 1, minutes, places
    )


def _grid(side: int = 182) -> Network:
    """Streets in a grid, both ways, each with a time of its own."""
    at = np.arange(side * side).reshape(side, side)
    one = np.concatenate([at[:, :-1].ravel(), at[:-1].ravel()])
    other = np.concatenate([at[:, 1:].ravel(), at[1:].ravel()])
    minutes = np.random.default_rng(0).uniform(0.2, 2.0, 2 * len(one))
    places = np.stack(np.divmod(np.arange(side * side), side), axis=1) * 0.002
    both = np.concatenate([one, other]), np.concatenate([other, one])
    return Network("streets in a grid", side * side, *both, minutes, places)


def sketch() -> tuple[dict[str, Any], Ints]:
    """Links of the sketch network of Chicago and its 387 zones; without it a grid of as many nodes and links."""
    file = DATA / "road_chicago_sketch_links.parquet"
    if file.is_file():
        import pyarrow.parquet as pq

        table = pq.read_table(file).rename_columns({"u": "from", "v": "to", "free_flow_time": "minutes"})
        names = ("from", "to", "minutes", "volume", "capacity", "b", "power")
        return {name: table[name].to_numpy() for name in names}, np.arange(1, 388)
    net = _grid(30)
    return {"from": net.tails, "to": net.heads, "minutes": net.minutes}, np.arange(387)
