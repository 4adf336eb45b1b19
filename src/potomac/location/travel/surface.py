"""Travel time from a surface of pace: how fast one gets along, by place and direction, learned from known times.

With o and d the ends, D the straight distance and theta its direction,

    minutes = base(D, theta) + integral over the line of [a(x) + b(x) cos 2 theta + c(x) sin 2 theta] ds
              + (e(o) + f(d)) (1 - exp(-D / L))

where base has the shape of circuity that decays with distance, longer along the streets of a grid (cos 2 theta,
cos 4 theta); a, b and c say where and in which direction it goes faster or slower than that (a motorway speeds up the
ways along it and not those across), and e and f what it takes to get out of and into a place, which whoever goes next
door (L) is spared. All are sums of Gaussian bumps, the coarse and the fine ones of two grids, so that the minutes are
linear in the coefficients: travel-time tomography with straight rays (Aki and Lee 1976, Journal of Geophysical Research
81; Backus 1965 for the directions, Journal of Geophysical Research 70), fitted to relative errors.
"""

# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.geo.distance import local_plane
from potomac.location.travel.pairs import ByPair, chord_km
from potomac.stats.compiled import compiled

__all__ = ["CircuitySurface", "Design", "bounds", "design_of", "fitted_surface", "solved"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEVELS = (10, 20)
"""Bumps side by side over the region: of the coarse grid, and of the fine one."""
BASE = 8
NEXT_DOOR = 0.25
"""L as a share of the shorter of the two scales over which the base decays: a thirty-second of the median way."""
WIDTH = 0.75
"""Standard deviation of a bump, in spacings of its grid."""
_STEPS = 4  # nodes of the raster, a spacing of the fine grid
_NEAR = 0.02  # a relative error below this counts as if it were this large: what is hit already pulls no more
_ROWS = 1024  # pairs that are added to the normal equations at a time
_FREE = 1e4  # prior variance of the base, next to 1 of all bumps of a kind


class Raster(NamedTuple):
    """Values at the nodes of a grid; 0 beyond it.

    Attributes:
        west: km east of the centre, of the first column.
        south: km north of the centre, of the first row.
        step: km between nodes.
        values: a, b and c (minutes a km), e and f (minutes), at each node, shape (rows, columns, 5).
    """

    west: float
    south: float
    step: float
    values: Floats


@dataclass(frozen=True, eq=False)
class CircuitySurface(ByPair):
    """Circuity and speed by distance, direction and place, as ``calibrate`` fits them.

    Beyond what was seen it falls back on distance and direction, and a time is never less than that of the fastest way
    that was seen, nor more than that of the slowest.

    Attributes:
        centre: latitude and longitude of the middle of the plane that the surface lies on.
        base: minutes (but for ways next door); minutes a km; the same that decay over ``scales``; and of cos and sin of
            2 theta and 4 theta.
        scales: km.
        raster: the surface.
        fastest: minutes a straight km, of the fastest way seen.
        slowest: minutes, and minutes a straight km, of the slowest.
        profile: factor of the travel time for each hour of the day, 24 of them; empty for the usual one.
    """

    centre: tuple[float, float]
    base: tuple[float, ...]
    scales: tuple[float, float]
    raster: Raster
    fastest: float
    slowest: tuple[float, float]
    profile: tuple[float, ...] = ()

    def _ends(self, places: Floats) -> Floats:
        east, north = local_plane(places[:, 0], places[:, 1], *self.centre)
        return np.vstack([super()._ends(places), east, north])

    def _times(self, start: Floats, end: Floats) -> Floats:
        km = chord_km(start, end)
        oe, on, de, dn = (
            np.ascontiguousarray(np.broadcast_to(part, km.shape)).ravel()
            for part in (start[5], start[6], end[5], end[6])
        )
        out = np.empty(km.size)
        limits = np.array([self.fastest, *self.slowest])
        west, south, step, values = self.raster
        base, scales = np.array(self.base), np.array(self.scales)
        _along(oe, on, de, dn, km.ravel(), base, scales, west, south, step, values, limits, out)
        return out.reshape(km.shape)


class Design(NamedTuple):
    """What the minutes of some pairs are linear in.

    Attributes:
        columns: shape (n, k).
        kinds: which kind of term each column is, 0 the base, shape (k,).
        grids: centres of the bumps, km east and north, shape (c, 2), and their spacing, for each level.
        centre: latitude and longitude.
        scales: km.
    """

    columns: Floats
    kinds: npt.NDArray[np.int64]
    grids: tuple[tuple[Floats, float], ...]
    centre: tuple[float, float]
    scales: tuple[float, float]


def design_of(start: Floats, end: Floats, like: Design | None = None) -> Design:
    """The terms of pairs.

    Args:
        start: latitude and longitude of the origins, shape (n, 2).
        end: those of the destinations, shape (n, 2).
        like: where grids and scales are taken from; by default they are laid over these pairs.
    """
    here = ByPair()
    km = chord_km(here._ends(start), here._ends(end))
    centre = _centre(np.vstack([start, end])) if like is None else like.centre
    o, d = (np.stack(local_plane(part[:, 0], part[:, 1], *centre), axis=1) for part in (start, end))
    middle = float(np.median(km))
    scales = (middle / 8, middle / 2) if like is None else like.scales
    grids = _grids(np.vstack([o, d])) if like is None else like.grids
    east, north = (d - o).T
    base = _base(km, east, north, np.array(scales))
    leaving = base[:, :1]
    columns, kinds = [base], [np.zeros(BASE, np.int64)]
    for level, (centres, spacing) in enumerate(grids):
        line = _lines(o, d, km, centres, WIDTH * spacing)
        two = _double_angle(east, north)
        ends = [leaving * _bumps(place, centres, WIDTH * spacing) for place in (o, d)]
        around = [line, line * two[0][:, None], line * two[1][:, None], *ends]
        columns += around
        for part, kind in zip(around, (1, 2, 2, 3, 3), strict=True):
            kinds.append(np.full(part.shape[1], kind + 3 * level))
    return Design(np.hstack(columns), np.concatenate(kinds), grids, centre, scales)


def solved(design: Design, minutes: Floats, ratios: tuple[float, ...], rounds: int = 4) -> Floats:
    """Coefficients that make the mean relative error small, shape (r, k), a line for each of ``ratios``.

    Least squares of (prediction / minutes - 1), weighted again and again by one over the last error (Schlossmacher
    1973, An iterative technique for absolute deviations curve fitting, JASA 68), with a ridge on the bumps.

    Args:
        design: n pairs.
        minutes: their times, above 0, shape (n,).
        ratios: prior variance of each kind of term as a share of that of the error.
        rounds: how often.
    """
    x = design.columns / minutes[:, None]
    mean_square = np.maximum(np.einsum("ij,ij->j", x, x) / len(x), 1e-300)
    total = np.bincount(design.kinds, mean_square)
    base = design.kinds == 0
    scale = np.sqrt(np.where(base, _FREE / mean_square, 1 / total[design.kinds]))
    x *= scale
    solve = _dual if len(x) < x.shape[1] else _primal
    beta = np.stack(list(solve(x, base, ratios, rounds)))
    return np.asarray(beta * scale * np.where(base, 1.0, np.sqrt(ratios)[:, None]))


def fitted_surface(
    design: Design, coefficients: Floats, km: Floats, minutes: Floats, profile: tuple[float, ...] = ()
) -> CircuitySurface:
    """The model of these coefficients, bounded by what was seen.

    Args:
        design: of the pairs.
        coefficients: see :func:`solved`.
        km: straight distance of the pairs, shape (n,).
        minutes: their times, shape (n,).
        profile: factor by hour of the day.
    """
    fastest, slowest = bounds(km, minutes)
    return CircuitySurface(
        design.centre, tuple(coefficients[:BASE].tolist()), design.scales, _raster(design, coefficients[BASE:]),
        fastest, slowest, profile,
    )  # fmt: skip


def bounds(km: Floats, minutes: Floats) -> tuple[float, tuple[float, float]]:
    """The fastest way seen, minutes a straight km; the slowest of the shortest tenth, minutes; and that of the rest."""
    pace = minutes / km
    near = km <= np.quantile(km, 0.1)
    slow = float(pace[~near].max()) if (~near).any() else float(pace.max())
    return float(pace.min()), (float(minutes[near].max()), slow)


def _reweighted(error: Floats) -> Floats:
    """One over the error, with mean 1."""
    w = 1 / np.maximum(np.abs(error), _NEAR)
    return np.asarray(w / w.mean())


def _primal(x: Floats, base: Bools, ratios: tuple[float, ...], rounds: int) -> Iterator[Floats]:
    """Ridge with unit penalty from the k normal equations, for each ratio; no second array of n rows is made."""
    spans = [slice(a, a + _ROWS) for a in range(0, len(x), _ROWS)]
    for ratio in ratios:
        scale = np.where(base, 1.0, np.sqrt(ratio))
        w, beta = np.ones(len(x)), np.zeros(x.shape[1])
        for _ in range(rounds):
            gram = np.zeros((x.shape[1], x.shape[1]))
            for span in spans:
                part = x[span] * np.sqrt(w[span])[:, None]
                gram += part.T @ part
            gram *= scale[:, None] * scale
            gram[np.diag_indices_from(gram)] += 1.0
            beta = scale * (w @ x)
            _cholesky_solved(gram, beta)
            w = _reweighted(x @ (scale * beta) - 1)
        yield beta


def _dual(x: Floats, base: Bools, ratios: tuple[float, ...], rounds: int) -> Iterator[Floats]:
    """The same from n equations: beta = x' alpha, (x x' + 1 / w) alpha = 1."""
    free, bumps = x[:, base] @ x[:, base].T, x[:, ~base] @ x[:, ~base].T
    for ratio in ratios:
        gram = free + ratio * bumps
        w, alpha = np.ones(len(x)), np.zeros(len(x))
        for _ in range(rounds):
            k = gram.copy()
            k[np.diag_indices_from(k)] += 1 / w
            alpha = np.ones(len(x))
            _cholesky_solved(k, alpha)
            w = _reweighted(gram @ alpha - 1)
        yield alpha @ (x * np.where(base, 1.0, np.sqrt(ratio)))


def _centre(places: Floats) -> tuple[float, float]:
    """The middle of places: mean latitude, and mean of the longitudes as directions."""
    lam = np.radians(places[:, 1])
    return float(places[:, 0].mean()), float(np.degrees(np.arctan2(np.sin(lam).mean(), np.cos(lam).mean())))


def _grids(points: Floats) -> tuple[tuple[Floats, float], ...]:
    """Centres within a spacing of the points, for each level; the spacing follows from the extent."""
    low, high = points.min(axis=0), points.max(axis=0)
    wide = np.maximum(high - low, 1e-3)
    side = float(np.sqrt(wide.prod())) if wide.min() > 0.05 * wide.max() else float(wide.max())
    grids = []
    for count in LEVELS:
        spacing = side / count
        shape = np.ceil(wide / spacing).astype(int) + 1
        origin = (low + high) / 2 - (shape - 1) * spacing / 2
        cell = np.rint((points - origin) / spacing).astype(int)
        used = np.zeros(shape + 2, bool)
        used[cell[:, 0] + 1, cell[:, 1] + 1] = True
        grown = used.copy()  # cells that hold points, and their four neighbours
        for axis in (0, 1):
            grown |= np.roll(used, 1, axis) | np.roll(used, -1, axis)
        grids.append(((np.argwhere(grown) - 1) * spacing + origin, spacing))
    return tuple(grids)


def _double_angle(east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Cosine and sine of 2 theta, theta from east; 0 of no direction."""
    square = east**2 + north**2
    square = np.where(square > 0, square, np.inf)
    return (east**2 - north**2) / square, 2 * east * north / square


def _base(km: Floats, east: Floats, north: Floats, scales: Floats) -> Floats:
    """Terms of distance and direction, shape (n, 8); as in ``_one``."""
    c, s = _double_angle(east, north)
    return np.stack(
        [1 - np.exp(-km / (NEXT_DOOR * scales[0])), km, km * np.exp(-km / scales[0]), km * np.exp(-km / scales[1]),
         km * c, km * s, km * (c * c - s * s), km * 2 * c * s], axis=1,
    )  # fmt: skip


def _bumps(points: Floats, centres: Floats, sigma: float) -> Floats:
    out = np.empty((len(points), len(centres)))
    _at_ends(points, centres, sigma, out)
    return out


def _lines(o: Floats, d: Floats, km: Floats, centres: Floats, sigma: float) -> Floats:
    out = np.empty((len(o), len(centres)))
    _on_lines(o, d, km, centres, sigma, out)
    return out


def _raster(design: Design, coefficients: Floats) -> Raster:
    """The sums of all bumps at the nodes; they end three standard deviations beyond the last centre."""
    step = design.grids[-1][1] / _STEPS
    every = np.vstack([centres for centres, _ in design.grids])
    margin = 3.0 * WIDTH * max(spacing for _, spacing in design.grids)
    low, high = every.min(axis=0) - margin, every.max(axis=0) + margin
    columns, rows = (np.ceil((high - low) / step).astype(int) + 1).tolist()
    values, first = np.zeros((5, rows, columns)), 0
    for centres, spacing in design.grids:
        held = coefficients[first : first + 5 * len(centres)].reshape(5, len(centres))
        x, y = (_bell(low[a] + step * np.arange(many), centres[:, a], WIDTH * spacing)
                for a, many in ((0, columns), (1, rows)))  # fmt: skip
        values += (y * held[:, None, :]) @ x.T  # a bump is the product of its two bells
        first += 5 * len(centres)
    return Raster(float(low[0]), float(low[1]), float(step), np.ascontiguousarray(np.moveaxis(values, 0, -1)))


def _bell(at: Floats, centres: Floats, sigma: float) -> Floats:
    """Values of bells along an axis, shape (nodes, centres)."""
    return np.asarray(np.exp(-((at[:, None] - centres) ** 2) / (2 * sigma * sigma)))


@compiled(nogil=True, error_model="numpy", fastmath=True)
def _cholesky_solved(a, b):
    """Leave L of a = L L' in the lower half of ``a``, and the solution of a x = b in ``b``; four rows at a time.

    It stays in its thread: those of LAPACK wait for each other, and on a busy machine for long.
    """
    n = len(b)
    for i in range(0, n, 4):
        last = min(i + 4, n)
        if last == i + 4:
            for j in range(i):
                s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
                for k in range(j):
                    x = a[j, k]
                    s0 += a[i, k] * x
                    s1 += a[i + 1, k] * x
                    s2 += a[i + 2, k] * x
                    s3 += a[i + 3, k] * x
                over = 1 / a[j, j]
                a[i, j] = (a[i, j] - s0) * over
                a[i + 1, j] = (a[i + 1, j] - s1) * over
                a[i + 2, j] = (a[i + 2, j] - s2) * over
                a[i + 3, j] = (a[i + 3, j] - s3) * over
        for row in range(i, last):
            for j in range(i if last == i + 4 else 0, row + 1):
                s = a[row, j]
                for k in range(j):
                    s -= a[row, k] * a[j, k]
                a[row, j] = s / a[j, j] if j < row else math.sqrt(s)
    for i in range(n):
        for k in range(i):
            b[i] -= a[i, k] * b[k]
        b[i] /= a[i, i]
    for i in range(n - 1, -1, -1):
        b[i] /= a[i, i]
        for k in range(i):
            b[k] -= a[i, k] * b[i]


@compiled(nogil=True, error_model="numpy")
def _at_ends(points, centres, sigma, out):
    for i in range(len(points)):
        for j in range(len(centres)):
            x, y = points[i, 0] - centres[j, 0], points[i, 1] - centres[j, 1]
            out[i, j] = math.exp(-(x * x + y * y) / (2 * sigma * sigma))


@compiled(nogil=True, error_model="numpy")
def _on_lines(o, d, km, centres, sigma, out):
    """Integrals of Gaussian bumps along lines, in km of the great circle."""
    for i in range(len(o)):
        east, north = d[i, 0] - o[i, 0], d[i, 1] - o[i, 1]
        r = math.sqrt(east * east + north * north)
        if r <= 0.0:
            out[i] = 0.0
            continue
        east, north, scale = east / r, north / r, km[i] / r
        for j in range(len(centres)):
            x, y = centres[j, 0] - o[i, 0], centres[j, 1] - o[i, 1]
            along, across = x * east + y * north, x * north - y * east
            width = sigma * math.sqrt(2.0)
            share = math.erf((r - along) / width) - math.erf(-along / width)
            out[i, j] = (
                scale * sigma * math.sqrt(math.pi / 2) * share * math.exp(-across * across / (2 * sigma * sigma))
            )


@compiled(nogil=True, error_model="numpy")
def _read(east, north, west, south, step, values, k):
    """A value of the raster by bilinear interpolation; 0 beyond it."""
    x, y = (east - west) / step, (north - south) / step
    i, j = math.floor(y), math.floor(x)
    if i < 0 or j < 0 or i + 1 >= values.shape[0] or j + 1 >= values.shape[1]:
        return 0.0
    x -= j
    y -= i
    return (1 - y) * ((1 - x) * values[i, j, k] + x * values[i, j + 1, k]) + y * (
        (1 - x) * values[i + 1, j, k] + x * values[i + 1, j + 1, k]
    )


@compiled(nogil=True, error_model="numpy")
def _pace(at, c, s):
    return at[0] + c * at[1] + s * at[2]


@compiled(nogil=True, error_model="numpy")
def _one(oe, on, de, dn, km, base, scales, west, south, step, values):
    """Minutes of a pair before they are bounded."""
    east, north = de - oe, dn - on
    r = math.sqrt(east * east + north * north)
    c = (east * east - north * north) / (r * r) if r > 0 else 0.0
    s = 2 * east * north / (r * r) if r > 0 else 0.0
    pace = base[1] + base[2] * math.exp(-km / scales[0]) + base[3] * math.exp(-km / scales[1])
    pace += base[4] * c + base[5] * s + base[6] * (c * c - s * s) + base[7] * 2 * c * s
    parts = math.ceil(r / (2 * step))  # two thirds of the finest bump's standard deviation
    local = 0.0
    for k in range(parts):
        at = (k + 0.5) / parts
        x, y = (oe + at * east - west) / step, (on + at * north - south) / step
        i, j = math.floor(y), math.floor(x)
        if i < 0 or j < 0 or i + 1 >= values.shape[0] or j + 1 >= values.shape[1]:
            continue
        x -= j
        y -= i
        local += (1 - y) * ((1 - x) * _pace(values[i, j], c, s) + x * _pace(values[i, j + 1], c, s))
        local += y * ((1 - x) * _pace(values[i + 1, j], c, s) + x * _pace(values[i + 1, j + 1], c, s))
    pace += local / max(parts, 1)
    ends = base[0] + _read(oe, on, west, south, step, values, 3) + _read(de, dn, west, south, step, values, 4)
    return km * pace + ends * (1 - math.exp(-km / (NEXT_DOOR * scales[0])))


@compiled(nogil=True, error_model="numpy")
def _along(oe, on, de, dn, km, base, scales, west, south, step, values, limits, out):
    for i in range(len(out)):
        if km[i] <= 0.0:
            out[i] = 0.0
            continue
        found = _one(oe[i], on[i], de[i], dn[i], km[i], base, scales, west, south, step, values)
        out[i] = min(max(found, limits[0] * km[i]), limits[1] + limits[2] * km[i])
