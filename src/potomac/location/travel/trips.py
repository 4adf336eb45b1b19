"""Both ends of trips on a road network, and what of a trip is no drive from node to node."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.geo.distance import EARTH_RADIUS_KM
from potomac.location.travel.contraction import Places
from potomac.stats.compiled import compiled

__all__ = ["Ends", "stay", "walk"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Ends(NamedTuple):
    """Where trips begin or end: two entries a place.

    Attributes:
        nodes: of the hierarchy, first and second entry of each place, shape (n, 2).
        at: node at which the place lies, -1 where it lies within a road or cannot be entered, shape (n,).
        road: number of the road within which it lies, else -1, shape (n,).
        share: of that road, shape (n,).
        km: walked between the place and the network, shape (n,).
        open: whether the network can be entered there, shape (n,).
        vectors: unit vectors of the places, shape (n, 3); None where they are nodes.
    """

    nodes: Ints
    at: Ints
    road: Ints
    share: Floats
    km: Floats
    open: npt.NDArray[np.bool_]
    vectors: Floats | None

    def entries(self, near: Floats, far: Floats) -> Floats:
        """Minutes of the entries: ``near`` is driven over the rest of a road's share, ``far`` over the share."""
        within = self.road >= 0
        road, share = self.road[within], self.share[within]
        minutes = np.full((len(self.at), 2), np.inf)
        minutes[self.open & ~within, 0] = 0.0
        minutes[within, 0] = (1 - share) * near[road]
        minutes[within, 1] = share * far[road]
        return minutes.ravel()

    @property
    def places(self) -> Places:
        """Two entries a place, without times."""
        return Places(np.arange(0, self.nodes.size + 1, 2), self.nodes.ravel(), np.zeros(self.nodes.size))


@compiled(nogil=True)
def stay(out: Floats, starts: Ints, ends: Ints) -> None:
    """A node is in no time where it is, also a zone out of which no way leads back into it."""
    for i in range(len(starts)):
        for j in range(len(ends)):
            if starts[i] == ends[j]:
                out[i, j] = 0.0


@compiled(nogil=True)
def walk(
    a: int, b: int, out: Floats,
    s_at: Ints, s_road: Ints, s_share: Floats, s_km: Floats, s_vectors: Floats,
    e_at: Ints, e_road: Ints, e_share: Floats, e_km: Floats, e_vectors: Floats,
    forth: Floats, back: Floats, pace: float, most: float,
) -> None:  # fmt: skip
    """Rows a to b: ways within one road, the walks at both ends, and walks that need no road."""
    for i in range(a, b):
        for j in range(len(e_at)):
            drive = out[i, j]
            if s_at[i] >= 0 and s_at[i] == e_at[j]:
                drive = 0.0
            elif s_road[i] >= 0 and s_road[i] == e_road[j]:
                ahead = e_share[j] - s_share[i]
                if ahead == 0:
                    drive = 0.0
                else:
                    drive = min(drive, ahead * forth[s_road[i]] if ahead > 0 else -ahead * back[s_road[i]])
            walked = s_km[i] + e_km[j]
            best = drive + walked * pace
            chord = 0.0
            for k in range(3):
                chord += (s_vectors[i, k] - e_vectors[j, k]) ** 2
            near = min(walked, most)
            if chord <= (near / EARTH_RADIUS_KM) ** 2:
                km = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(chord) / 2)
                if km <= near:
                    best = min(best, km * pace)
            out[i, j] = best
