"""world-atlas TopoJSON -> the compact outlines in src/potomac/geo/data (see README.md)."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

RESOLUTIONS = ("10m", "50m", "110m")


def arcs_of(topology: dict[str, Any]) -> list[np.ndarray]:
    """The arcs as absolute integers of the source's grid, each (n, 2)."""
    return [np.cumsum(np.asarray(arc, np.int64), axis=0) for arc in topology["arcs"]]


def rings_of(geometry: dict[str, Any]) -> Iterator[list[int]]:
    """The rings of polygons, as lists of signed arc numbers."""
    if geometry["type"] == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from rings_of(part)
    elif geometry["type"] == "Polygon":
        yield from geometry["arcs"]
    elif geometry["type"] == "MultiPolygon":
        for polygon in geometry["arcs"]:
            yield from polygon


def stitched(ring: list[int], arcs: list[np.ndarray]) -> np.ndarray:
    """One ring as points; an arc shares its first point with the one before. The last point is left out."""
    parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in ring]
    return np.concatenate([part[:-1] for part in parts])


def borders_of(topology: dict[str, Any]) -> list[int]:
    """Arcs that two countries share."""
    uses: Counter[int] = Counter()
    for country in topology["objects"]["countries"]["geometries"]:
        uses.update({i if i >= 0 else ~i for ring in rings_of(country) for i in ring})
    return sorted(arc for arc, count in uses.items() if count > 1)


def packed(lines: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lengths of the lines, and their points as folded differences in byte planes, (2, 4, n)."""
    points = np.concatenate(lines)
    steps = np.diff(points, axis=0, prepend=np.zeros((1, 2), np.int64)).T
    folded = np.where(steps < 0, -2 * steps - 1, 2 * steps).astype("<u4")
    planes = np.ascontiguousarray(folded).view(np.uint8).reshape(2, -1, 4).transpose(0, 2, 1)
    return np.array([len(line) for line in lines], np.int32), np.ascontiguousarray(planes)


def build(source: Path, target: Path) -> None:
    """Write one file a resolution."""
    target.mkdir(parents=True, exist_ok=True)
    for resolution in RESOLUTIONS:
        topology = json.loads((source / f"countries-{resolution}.json").read_text(encoding="utf-8"))
        arcs = arcs_of(topology)
        land = [stitched(ring, arcs) for ring in rings_of(topology["objects"]["land"])]
        borders = [arcs[i] for i in borders_of(topology)]
        land_length, land_points = packed(land)
        border_length, border_points = packed(borders)
        transform = np.array([topology["transform"]["scale"], topology["transform"]["translate"]])
        np.savez_compressed(
            target / f"world-{resolution}.npz",
            transform=transform,
            land_length=land_length,
            land_points=land_points,
            borders_length=border_length,
            borders_points=border_points,
        )


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
