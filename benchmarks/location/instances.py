"""Problems to place sites for: those of OR-Library and TSPLIB where they are, others drawn in their way."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from benchmarks.location.networks import DATA

__all__ = ["drawn_graph", "drawn_points", "median_graph", "median_graphs", "planar"]

Floats = npt.NDArray[np.float64]

GRAPHS, EDGES, POINTS = DATA / "pmed_meta.csv", DATA / "pmed_edges.parquet", DATA / "planar_points.parquet"

Kind = Literal["even", "crowded", "sphere"]


def median_graphs() -> dict[str, dict[str, Any]]:
    """Name, n, p and optimum of the p-median graphs that are there (Beasley 1985); none where there are none."""
    import pyarrow.csv

    if not GRAPHS.is_file():
        return {}
    return {row["instance"]: row for row in pyarrow.csv.read_csv(GRAPHS).to_pylist()}


def median_graph(name: str) -> Floats:
    """Shortest paths of one, shape (n, n); an edge that is told twice has the later length."""
    import pyarrow.parquet as pq

    edges = pq.read_table(EDGES, filters=[("instance", "==", name)]).sort_by("line").to_pydict()
    return _paths(edges["u"], edges["v"], edges["w"], median_graphs()[name]["n"])


def drawn_graph(n: int, seed: int) -> Floats:
    """Shortest paths of a random graph as Beasley drew his: n n / 50 edges of length 1 to 100, all in one piece."""
    draw = np.random.default_rng(seed)
    parent = np.array([draw.integers(0, i) for i in range(1, n)])
    more = draw.integers(0, n, (2, max(0, n * n // 50 - n + 1)))
    more = more[:, more[0] != more[1]]
    u, v = np.concatenate([parent, more[0]]), np.concatenate([np.arange(1, n), more[1]])
    return _paths(u.tolist(), v.tolist(), draw.integers(1, 101, len(u)).tolist(), n)


def _paths(u: list[int], v: list[int], length: list[int], n: int) -> Floats:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import shortest_path

    last = {(min(a, b), max(a, b)): c for a, b, c in zip(u, v, length, strict=True)}
    ends = np.array(list(last)).T
    links = csr_array((np.array(list(last.values()), dtype=np.float64), (ends[0], ends[1])), shape=(n, n))
    return np.asarray(shortest_path(links, directed=False), dtype=np.float64)


def planar(name: str) -> Floats:
    """Points of TSPLIB (Reinelt 1991), shape (n, 2); where they are not there, as many drawn ones."""
    import pyarrow.parquet as pq

    if POINTS.is_file():
        found = pq.read_table(POINTS, filters=[("instance", "==", name)]).to_pydict()
        return np.column_stack([found["x"], found["y"]]).astype(np.float64)
    many = int("".join(c for c in name if c.isdigit()))
    return drawn_points(many, "even", many)


def drawn_points(n: int, kind: Kind, seed: int) -> Floats:
    """Points spread evenly over a square, in crowds of very different size, or in crowds on the sphere (degrees)."""
    draw = np.random.default_rng(seed)
    if kind == "even":
        return draw.random((n, 2)) * 1000
    crowds = np.random.default_rng(0)  # demand and candidates are drawn from the same
    middle, spread = crowds.random((300, 2)), crowds.lognormal(0.0, 1.0, 300)
    which = draw.choice(300, n, p=spread / spread.sum())
    points = middle[which] * 1000 + draw.normal(size=(n, 2)) * 12 * spread[which, None]
    if kind == "crowded":
        return np.asarray(points)
    return np.column_stack([35 + points[:, 1] * 0.02, -110 + points[:, 0] * 0.04])
