"""The p-median graphs of OR-Library (Beasley 1985), where they are on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

DATA = Path(
    os.environ.get("POTOMAC_LOCATION_DATA", Path(__file__).resolve().parents[3] / "shared" / "data" / "location")
)
known = pytest.mark.skipif(not DATA.is_dir(), reason="no instances with known optima (POTOMAC_LOCATION_DATA)")


def graph(instance: str) -> tuple[dict[str, Any], npt.NDArray[np.float64]]:
    """Size, p and proven optima of an instance, and its shortest paths, shape (n, n).

    An edge that is told twice has the later length.
    """
    import pyarrow.csv
    import pyarrow.parquet
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import shortest_path

    meta = {row["instance"]: row for row in pyarrow.csv.read_csv(DATA / "pmed_meta.csv").to_pylist()}[instance]
    edges = pyarrow.parquet.read_table(DATA / "pmed_edges.parquet", filters=[("instance", "==", instance)])
    rows = edges.sort_by("line").to_pydict()
    length = {(min(u, v), max(u, v)): w for u, v, w in zip(rows["u"], rows["v"], rows["w"], strict=True)}
    u, v = np.array(list(length)).T
    links = csr_matrix((np.array(list(length.values()), float), (u, v)), shape=(meta["n"], meta["n"]))
    return meta, shortest_path(links, directed=False)
