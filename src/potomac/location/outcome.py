"""A placement -> what it means: who is served by which site in how many minutes, and tables of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.geo.distance import great_circle
from potomac.location.placement import Placement
from potomac.location.reading import Candidates, Demand

__all__ = ["Outcome", "assignment_table", "named", "outcome", "site_table", "weighted_quantile"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Parts(NamedTuple):
    """Demand as it travels: a part for each demand point and site that serves some of it.

    Attributes:
        site: place among the sites, shape (k,).
        minutes: how long it takes, shape (k,).
        weight: how much of the demand point goes there, shape (k,).
    """

    site: Ints
    minutes: Floats
    weight: Floats


@dataclass(frozen=True)
class Outcome:
    """Whom each site serves.

    Attributes:
        sites: candidates that are sites, ascending, shape (p,).
        serves: place among ``sites`` of the site that serves each demand point or most of it, -1 where none does,
            shape (n,).
        minutes: how long that takes, NaN where nobody is served, shape (n,).
        second: place among ``sites`` of the second nearest, -1 where there is none, shape (n,).
        second_minutes: how long it takes there, NaN where there is none, shape (n,).
        km: straight line to the site, NaN where places are not known, shape (n,).
        weight: of the demand points, shape (n,).
        to_sites: minutes of each demand point from each of ``sites``, shape (n, p).
        shares: how much of each demand point each of ``sites`` serves, shape (n, p); None where each has one site.
        whole: weight of all demand, those out of reach of every candidate included, of which shares are told.
    """

    sites: Ints
    serves: Ints
    minutes: Floats
    second: Ints
    second_minutes: Floats
    km: Floats
    weight: Floats
    to_sites: Floats
    shares: Floats | None
    whole: float

    @cached_property
    def parts(self) -> Parts:
        """Those who are served, by the site to which they go."""
        if self.shares is None:
            at = np.flatnonzero(self.served)
            return Parts(self.serves[at], self.minutes[at], self.weight[at])
        point, site = np.nonzero(self.shares > 0)
        return Parts(site, self.to_sites[point, site], self.weight[point] * self.shares[point, site])

    @cached_property
    def everyone(self) -> Parts:
        """The same, and those whom no site serves: site -1, infinite minutes."""
        lost = np.flatnonzero(~self.served)
        site, minutes, weight = self.parts
        return Parts(
            np.concatenate([site, np.full(len(lost), -1)]),
            np.concatenate([minutes, np.full(len(lost), np.inf)]),
            np.concatenate([weight, self.weight[lost]]),
        )

    @property
    def served(self) -> npt.NDArray[np.bool_]:
        """Which demand points are served, shape (n,)."""
        return np.asarray(self.serves >= 0)

    @property
    def mean(self) -> float:
        """Weighted mean of the travel time of those who are served, minutes; NaN where nobody is."""
        _, minutes, weight = self.parts
        return float(np.average(minutes, weights=weight)) if weight.sum() > 0 else float("nan")

    @property
    def worst(self) -> float:
        """Longest travel time of those who count and are served, minutes."""
        _, minutes, weight = self.parts
        return float(minutes[weight > 0].max()) if (weight > 0).any() else float("nan")

    def quantile(self, share: float) -> float:
        """Minutes within which ``share`` of the served weight is."""
        return weighted_quantile(self.parts.minutes, self.parts.weight, share)

    def within(self, minutes: float) -> float:
        """Share of all weight that is served within so many minutes."""
        return float(self.parts.weight[self.parts.minutes <= minutes].sum() / self.whole)


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """The smallest value such that values up to it hold at least ``share`` of the weight; NaN of nothing."""
    order = np.argsort(values, kind="stable")
    held = np.cumsum(weights[order])
    if not len(held) or held[-1] <= 0:
        return float("nan")
    at = np.searchsorted(held, share * held[-1] * (1 - 1e-12))
    return float(values[order][min(at, len(held) - 1)])


def outcome(
    to_sites: Floats, placement: Placement, demand: Demand, candidates: Candidates, whole: float
) -> Outcome:  # fmt: skip
    """Read a placement.

    Args:
        to_sites: minutes of each demand point from each site, in the order of ``placement.sites``, shape (n, p).
        placement: the sites, and whom each serves.
        demand: the demand points.
        candidates: the candidates.
        whole: weight of all demand, of which shares are told: more than that of ``demand`` where some is out of reach.
    """
    sites, n = placement.sites, len(demand)
    serves = np.where(placement.assignment >= 0, np.searchsorted(sites, placement.assignment), -1)
    rows = np.arange(n)
    served = serves >= 0
    minutes = np.where(served, to_sites[rows, serves], np.nan)
    others = to_sites.copy()
    others[rows[served], serves[served]] = np.inf
    second = np.argmin(others, axis=1)
    second_minutes = others[rows, second]
    there = np.isfinite(second_minutes)
    km = np.full(n, np.nan)
    at = sites[serves[served]]
    km[served] = great_circle(
        demand.latitude[served], demand.longitude[served], candidates.latitude[at], candidates.longitude[at]
    )
    return Outcome(
        sites, serves, minutes, np.where(there, second, -1), np.where(there, second_minutes, np.nan), km, demand.weight,
        to_sites, placement.shares, whole,
    )  # fmt: skip


def site_table(found: Outcome, candidates: Candidates) -> pa.Table:
    """A row a site: what it serves, how far its people have, and what would be lost without it."""
    c, sites, parts = candidates, found.sites, found.parts
    p = len(sites)
    load, points = np.bincount(parts.site, parts.weight, p), np.bincount(parts.site, minlength=p)
    mean, worst, loss = np.full(p, np.nan), np.full(p, np.nan), np.full(p, np.nan)
    for k in range(p):
        mine = parts.site == k
        counts = mine & (parts.weight > 0)
        if counts.any():
            mean[k] = np.average(parts.minutes[counts], weights=parts.weight[counts])
            worst[k] = parts.minutes[counts].max()
            mine = found.serves == k
            further = found.second_minutes[mine] - found.minutes[mine]
            if c.capacity is None and found.shares is None and np.isfinite(further).all():  # else there may be no room
                loss[k] = (further * found.weight[mine]).sum() / found.weight.sum()
    columns = {
        "site": c.id.take(pa.array(sites)),
        "row": c.row[sites],
        "latitude": c.latitude[sites],
        "longitude": c.longitude[sites],
        "fixed": c.fixed[sites],
        "points": points,
        "weight": load,
        "share": load / found.whole,
        "mean_minutes": mean,
        "worst_minutes": worst,
        "minutes_if_closed": loss,
    }
    if c.capacity is not None:
        columns["capacity"] = c.capacity[sites]
        columns["used"] = load / np.maximum(c.capacity[sites], 1e-300)
    if c.cost is not None:
        columns["cost"] = c.cost[sites]
    return _table(columns)


def assignment_table(found: Outcome, demand: Demand, candidates: Candidates) -> pa.Table:
    """A row a demand point: its site, how long it takes, and the second nearest."""
    names = candidates.id.take(pa.array(found.sites))
    shared = {} if found.shares is None else {"shared": _shared(names, found.shares)}
    return _table(
        {
            "row": demand.row,
            "id": demand.id,
            "latitude": demand.latitude,
            "longitude": demand.longitude,
            "weight": demand.weight,
            "site": _named(names, found.serves),
            "minutes": found.minutes,
            "km": found.km,
            "next_site": _named(names, found.second),
            "next_minutes": found.second_minutes,
            **shared,
        }
    )


def _shared(names: pa.Array, shares: Floats) -> pa.Array:
    """Of each demand point that several sites serve, which does how much: "a 60 %; b 40 %"; null for the others."""
    ids = names.to_pylist()
    several = (shares > 0).sum(axis=1) > 1
    told: list[str | None] = [None] * len(shares)
    for i in np.flatnonzero(several):  # at most as many as sites: a basic solution of the transport problem
        by = np.argsort(-shares[i], kind="stable")
        told[i] = "; ".join(f"{ids[k]} {100 * shares[i, k]:.1f} %" for k in by if shares[i, k] > 0)
    return pa.array(told, pa.string())


def named(ids: pa.Array, sites: Ints) -> str:
    """The ids of sites as one text, in their order."""
    return "; ".join(ids.take(pa.array(sites)).to_pylist())


def _named(names: pa.Array, place: Ints) -> pa.Array:
    return names.take(pa.array(place, mask=place < 0))


def _table(columns: dict[str, pa.Array | npt.NDArray[np.generic]]) -> pa.Table:
    """NaN becomes null: it means that there is no such number."""
    made = {
        name: pa.array(values, from_pandas=True) if isinstance(values, np.ndarray) else values
        for name, values in columns.items()
    }
    return pa.table(made)
