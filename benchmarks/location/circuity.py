"""Travel times without a graph: how far off each model is on pairs that it was not fitted to.

``python -m benchmarks.location.circuity [--pairs N] [--seeds N] [--first N] [--only NAME]``. Half of the pairs are
fitted to, errors are mean shares of the true time on the other half. Real networks are read where they are
(``POTOMAC_LOCATION_DATA``); always there are networks that are made here, with what a straight line knows nothing of:
motorways, rings, a river with two bridges.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from benchmarks import markdown
from benchmarks.location.networks import DATA, network
from potomac.geo.distance import KM_PER_DEGREE
from potomac.location.travel.calibrate import Calibration, Sample, calibrate, drawn_sample
from potomac.location.travel.contraction import Hierarchy, at_nodes
from potomac.location.travel.matrix import Matrix

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FORMS = ("circuity_constant", "minkowski", "circuity_distance", "circuity")
HEAD = ("network", "one pace", "Minkowski", "by distance", "circuity", "worst seed", "form chosen", "fitted in")


def _matrix(n: int, tails: Ints, heads: Ints, minutes: Floats, at: Ints, start: Ints | None = None) -> Floats:
    """Shortest times between nodes ``at``; ``start`` are those where ways begin, where they are others."""
    roads = Hierarchy(n, tails, heads)
    return roads.many(roads.metric(minutes), at_nodes(at if start is None else start), at_nodes(at))


def chicago(name: str, zones: int, barred: bool) -> Iterator[tuple[str, Matrix]]:
    """Zones of a network of Chicago, without traffic and under the volumes of the equilibrium.

    Where zones are ``barred`` nobody passes through: ways begin at a second node of each, into which nothing leads.
    """
    import pyarrow.parquet as pq

    links, nodes = (pq.read_table(DATA / f"road_{name}_{part}.parquet") for part in ("links", "nodes"))
    n = nodes.num_rows
    u, v = links["u"].to_numpy() - 1, links["v"].to_numpy() - 1
    free, volume, capacity, b, power = (
        links[key].to_numpy() for key in ("free_flow_time", "volume", "capacity", "b", "power")
    )
    tails = np.where(u < zones, u + n, u) if barred else u
    at = np.arange(zones)
    x, y = (nodes[key].to_numpy()[:zones] * 0.3048e-3 for key in "xy")
    places = degrees(x - x.mean(), y - y.mean(), 41.9, -87.9)
    for traffic, minutes in (("free flow", free), ("congested", free * (1 + b * (volume / capacity) ** power))):
        times = _matrix(2 * n, tails, v, minutes, at, at + n if barred else None)
        yield f"Chicago {'regional' if barred else 'sketch'}, {traffic}", Matrix(times, places)


def highways(count: int = 1500) -> Iterator[tuple[str, Matrix]]:
    """Nodes of the US highways east of 90 degrees west."""
    net = network("highways")
    at = np.sort(np.random.default_rng(0).choice(net.n, count, replace=False))
    yield net.told, Matrix(_matrix(net.n, net.tails, net.heads, net.minutes, at), net.places[at])


def degrees(east: Floats, north: Floats, latitude: float, longitude: float) -> Floats:
    """Places so many km from one, shape (n, 2)."""
    wide = KM_PER_DEGREE * np.cos(np.radians(latitude))
    return np.column_stack([latitude + north / KM_PER_DEGREE, longitude + east / wide])


def streets(side: int = 40) -> tuple[Floats, Ints, Ints, Floats]:
    """A grid of streets a km apart, 30 km/h each a little otherwise: places in km, and links."""
    k = np.arange(side * side).reshape(side, side)
    tails = np.concatenate([k[:, :-1].ravel(), k[:-1].ravel()])
    heads = np.concatenate([k[:, 1:].ravel(), k[1:].ravel()])
    minutes = 2.0 * np.exp(0.2 * np.random.default_rng(1).standard_normal(len(tails)))
    return np.column_stack(np.divmod(np.arange(side * side), side)).astype(float), tails, heads, minutes


def motorways() -> tuple[Floats, Ints, Ints, Floats]:
    """Streets, two motorways at 100 km/h and one across, with an exit every 4 km."""
    km, tails, heads, minutes = streets()
    side = 40
    lines = [row * side + np.arange(0, side, 4) for row in (9, 28)]
    lines.append(np.arange(0, side, 4) * side + np.arange(0, side, 4))  # the diagonal
    more_tails, more_heads = np.concatenate([one[:-1] for one in lines]), np.concatenate([one[1:] for one in lines])
    length = np.linalg.norm(km[more_heads] - km[more_tails], axis=1)
    return (
        km, np.concatenate([tails, more_tails]), np.concatenate([heads, more_heads]),
        np.concatenate([minutes, 0.6 * length]),
    )  # fmt: skip


def river() -> tuple[Floats, Ints, Ints, Floats]:
    """Streets on both sides of a river that two bridges cross."""
    km, tails, heads, minutes = streets()
    over = (km[tails, 0] < 19.5) & (km[heads, 0] > 19.5)
    kept = ~over | np.isin(km[tails, 1], (8, 29))
    return km, tails[kept], heads[kept], minutes[kept]


def rings() -> tuple[Floats, Ints, Ints, Floats]:
    """16 spokes at 60 km/h, and 20 rings a km apart, the fifth of which is a motorway."""
    spokes, count = 16, 20
    angle, radius = np.meshgrid(2 * np.pi * np.arange(spokes * 4) / (spokes * 4), 1.0 + np.arange(count))
    km = np.column_stack([(radius * np.cos(angle)).ravel(), (radius * np.sin(angle)).ravel()])
    k = np.arange(km.shape[0]).reshape(count, spokes * 4)
    ring = k.ravel(), np.roll(k, -1, axis=1).ravel()
    spoke = k[:-1, ::4].ravel(), k[1:, ::4].ravel()
    tails, heads = np.concatenate([ring[0], spoke[0]]), np.concatenate([ring[1], spoke[1]])
    length = np.linalg.norm(km[tails] - km[heads], axis=1)
    pace = np.where(np.isin(tails, k[4]) & np.isin(heads, k[4]), 0.6, 2.0)
    pace[len(ring[0]) :] = 1.0
    return km, tails, heads, length * pace


def made() -> Iterator[tuple[str, Matrix]]:
    """Networks that are made here."""
    builders: dict[str, Callable[[], tuple[Floats, Ints, Ints, Floats]]] = {
        "streets in a grid": streets, "a grid with motorways": motorways, "a river with two bridges": river,
        "rings and spokes": rings,
    }  # fmt: skip
    for told, builder in builders.items():
        km, u, v, minutes = builder()
        both = np.concatenate([u, v]), np.concatenate([v, u])
        times = _matrix(len(km), *both, np.tile(minutes, 2), np.arange(len(km)))
        yield told, Matrix(times, degrees(km[:, 1], km[:, 0], 48.0, 2.0))


def everything() -> Iterator[tuple[str, Matrix]]:
    """Real networks where they are, and those that are made here."""
    if DATA.is_dir():
        yield from chicago("chicago_sketch", 387, barred=False)
        yield from chicago("chicago", 1790, barred=True)
        yield from highways()
    yield from made()


def row(told: str, model: Matrix, pairs: int, seeds: range) -> list[str]:
    """Mean errors over seeds, each of which draws and halves anew."""
    found: dict[str, list[Calibration]] = {form: [] for form in FORMS}
    took = []
    for seed in seeds:
        sample: Sample = drawn_sample(model, model.origins, pairs, seed=seed)
        for form in FORMS:
            begun = time.perf_counter()
            found[form].append(calibrate(sample, form, seed=seed))
            took.append(time.perf_counter() - begun)
    errors = {form: [one.held_out_error for one in found[form]] for form in FORMS}
    chosen = ", ".join(sorted({one.form.removeprefix("circuity_") for one in found["circuity"]}))
    return [
        told, *(f"{np.mean(errors[form]):.1%}" for form in FORMS), f"{max(errors['circuity']):.1%}", chosen,
        markdown.seconds(float(np.median(took[len(FORMS) - 1 :: len(FORMS)]))),
    ]  # fmt: skip


def main(argv: list[str]) -> str:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.location.circuity", description=__doc__)
    parser.add_argument("--pairs", type=int, default=2000, help="pairs of a sample, half of them fitted to")
    parser.add_argument("--seeds", type=int, default=3, help="samples")
    parser.add_argument(
        "--first", type=int, default=100, help="the first seed; no choice was made by those from 100 on"
    )
    parser.add_argument("--only", default="", help="networks whose name holds this")
    asked = parser.parse_args(argv)
    seeds = range(asked.first, asked.first + asked.seeds)
    rows = [row(told, model, asked.pairs, seeds) for told, model in everything() if asked.only in told]
    said = f"{asked.pairs:,} pairs, half of them held out; mean absolute error as a share of the true time, "
    return f"{said}{asked.seeds} samples.\n\n{markdown.table(HEAD, rows)}"


if __name__ == "__main__":
    import sys

    print(main(sys.argv[1:]))
