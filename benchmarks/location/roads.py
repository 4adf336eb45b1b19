"""Travel times between many places on road networks, beside scipy, RoutingKit and pandana.

``python -m benchmarks.location.roads [--size N] [--runs N]``. Every figure comes from a process of its own; compiled
loops are warm, as they are from the second run on a machine on. Peers that are not installed are left out.
``POTOMAC_LOCATION_DATA`` names the folder with real networks; without it streets in a grid stand for them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import markdown
from benchmarks.child import Measured, measured, peak_mb
from benchmarks.location.networks import Network, network, networks, sketch
from benchmarks.machine import load
from potomac.location.travel.contraction import Hierarchy, at_nodes
from potomac.location.travel.network import RoadNetwork

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HERE = "benchmarks.location.roads"
TICKS = 60_000  # RoutingKit and pandana count whole numbers; a tick is a millisecond


def _seconds(work: Callable[[], Any], runs: int) -> float:
    """Median of some runs after one that is not counted."""
    work()
    took = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def _once(work: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.perf_counter()
    value = work()
    return value, time.perf_counter() - begun


def ends(n: int, size: int) -> tuple[Ints, Ints]:
    """Origins and destinations, drawn without return."""
    rng = np.random.default_rng(1)
    return rng.choice(n, size, replace=False), rng.choice(n, size, replace=False)


def _told(found: Floats, **times: float) -> dict[str, float]:
    """Times, and what tells whether two matrices are the same."""
    there = np.isfinite(found)
    return {**times, "sum": float(found[there].sum()), "reached": float(there.sum())}


def potomac_task(name: str, size: int, runs: int, threads: int) -> dict[str, float]:
    """Our hierarchy: the order, a set of times and a matrix."""
    net = network(name)
    origins, destinations = (at_nodes(nodes) for nodes in ends(net.n, size))
    small = Hierarchy(2, [0], [1])  # compiled from here on
    small.many(small.metric([1.0]), at_nodes([0]), at_nodes([1]))
    held = peak_mb()
    hierarchy, order = _once(lambda: Hierarchy(net.n, net.tails, net.heads))
    metric = hierarchy.metric(net.minutes)
    found = hierarchy.many(metric, origins, destinations, threads)
    return _told(
        found, held=held, order=order, arcs=float(hierarchy.arcs),
        metric=_seconds(lambda: hierarchy.metric(net.minutes), runs),
        matrix=_seconds(lambda: hierarchy.many(metric, origins, destinations, threads), runs),
    )  # fmt: skip


def scipy_task(name: str, size: int, runs: int) -> dict[str, float]:
    """Dijkstra's algorithm from each origin."""
    from scipy.sparse.csgraph import dijkstra

    net = network(name)
    origins, destinations = ends(net.n, size)
    graph = net.graph()
    held = peak_mb()
    found = np.concatenate([dijkstra(graph, indices=part)[:, destinations] for part in np.array_split(origins, 10)])
    matrix = _seconds(lambda: [dijkstra(graph, indices=part) for part in np.array_split(origins, 10)], min(runs, 2))
    return _told(found, held=held, matrix=matrix)


def routingkit_task(name: str, size: int, runs: int) -> dict[str, float]:
    """RoutingKit's customisable contraction hierarchy."""
    pyroutingkit = import_module("pyroutingkit")
    net = network(name)
    origins, destinations = (nodes.astype(np.uint32) for nodes in ends(net.n, size))
    held = peak_mb()
    topology, order = _once(lambda: _kit_topology(pyroutingkit, net))
    metric, ticks = pyroutingkit.CCHMetric(topology), np.rint(net.minutes * TICKS).astype(np.uint32)
    metric.customize(ticks)
    found = metric.distances_many_to_many(origins, destinations).astype(np.float64).reshape(size, size)
    found[found >= pyroutingkit.INF_WEIGHT] = np.inf
    return _told(
        found / TICKS, held=held, order=order, metric=_seconds(lambda: metric.customize(ticks), runs),
        matrix=_seconds(lambda: metric.distances_many_to_many(origins, destinations), runs),
    )  # fmt: skip


def pandana_task(name: str, size: int, runs: int) -> dict[str, float]:
    """The contraction hierarchy of pandana, which takes pairs."""
    import pandas as pd

    net = network(name)
    origins, destinations = ends(net.n, size)
    held = peak_mb()
    weights = pd.DataFrame({"minutes": net.minutes})
    x, y = pd.Series(net.places[:, 1]), pd.Series(net.places[:, 0])
    tails, heads = pd.Series(net.tails), pd.Series(net.heads)
    made, order = _once(lambda: import_module("pandana").Network(x, y, tails, heads, weights, twoway=False))
    pairs = np.repeat(origins, size), np.tile(destinations, size)
    found, matrix = _once(lambda: made.shortest_path_lengths(*pairs))
    shape = np.array(found).reshape(size, size)
    return _told(np.where(shape > 1e6, np.inf, shape), held=held, order=order, matrix=matrix)


def hourly(net: Network) -> Iterator[tuple[int, Floats]]:
    """Minutes of all arcs at each hour: a third of the arcs has its peak in the morning, another in the evening."""
    course = np.array([1 + np.exp(-(((np.arange(24) - peak) / 2) ** 2)) for peak in (8, 17)])
    kind = np.random.default_rng(3).integers(0, 3, len(net.minutes))
    for hour in range(24):
        yield hour, net.minutes * np.append(course[:, hour], 1.0)[kind]


def _day(size: int, order: float, matrices: Iterator[Floats]) -> dict[str, float]:
    """Seconds for the matrices of a day, and what tells whether they are the same: their sum, weighted by the hour."""
    begun, total, reached = time.perf_counter(), 0.0, 0.0
    for hour, found in enumerate(matrices):
        there = np.isfinite(found)
        total += (hour + 1) * float(found[there].sum())
        reached += float(there.sum())
    return {"order": order, "day": time.perf_counter() - begun, "sum": total, "reached": reached, "size": float(size)}


def potomac_day(name: str, size: int) -> dict[str, float]:
    """One order of the nodes, and the times of each hour put in."""
    net = network(name)
    origins, destinations = (at_nodes(nodes) for nodes in ends(net.n, size))
    small = Hierarchy(2, [0], [1])  # compiled from here on
    small.many(small.metric([1.0]), at_nodes([0]), at_nodes([1]))
    hierarchy, order = _once(lambda: Hierarchy(net.n, net.tails, net.heads))
    metrics = (hierarchy.metric(minutes) for _, minutes in hourly(net))
    return _day(size, order, hierarchy.matrices(metrics, origins, destinations, 0))


def routingkit_day(name: str, size: int) -> dict[str, float]:
    """The same by RoutingKit."""
    kit = import_module("pyroutingkit")
    net = network(name)
    origins, destinations = (nodes.astype(np.uint32) for nodes in ends(net.n, size))
    topology, order = _once(lambda: _kit_topology(kit, net))
    metric = kit.CCHMetric(topology)

    def matrices() -> Iterator[Floats]:
        for _, minutes in hourly(net):
            metric.customize(np.rint(minutes * TICKS).astype(np.uint32))
            found = metric.distances_many_to_many(origins, destinations).astype(np.float64)
            yield np.where(found >= kit.INF_WEIGHT, np.inf, found / TICKS)

    return _day(size, order, matrices())


def scipy_day(name: str, size: int) -> dict[str, float]:
    """Dijkstra's algorithm from each origin at each hour."""
    from scipy.sparse.csgraph import dijkstra

    net = network(name)
    origins, destinations = ends(net.n, size)

    def matrices() -> Iterator[Floats]:
        for _, minutes in hourly(net):
            graph = replace(net, minutes=minutes).graph()
            for part in np.array_split(origins, 10):
                yield dijkstra(graph, indices=part)[:, destinations]

    return _day(size, 0.0, _joined(matrices(), 10))


def _joined(parts: Iterator[Floats], count: int) -> Iterator[Floats]:
    """Matrices of ``count`` parts each."""
    while some := list(islice(parts, count)):
        yield np.concatenate(some)


def _kit_topology(kit: Any, net: Network) -> Any:
    topology = kit.CCHTopology()
    tails, heads = net.tails.astype(np.uint32), net.heads.astype(np.uint32)
    topology.build(tails, heads, *(net.places[:, k].astype(np.float32) for k in range(2)), net.n)
    return topology


def scenarios_task(count: int) -> dict[str, float]:
    """All zones to all zones of a sketch network, each scenario with times of its own for every link."""
    links, zones = sketch()
    net = RoadNetwork(None, links, oneway=True)
    rng = np.random.default_rng(2)
    for _ in net.scenarios(zones, zones, [np.ones(net.links)], 17, ids=True):
        pass

    def all_of_them() -> float:
        factors = (rng.lognormal(0.0, 0.2, net.links) for _ in range(count))
        return sum(float(found.mean()) for found in net.scenarios(zones, zones, factors, 17, ids=True))

    total, took = _once(all_of_them)
    return {"took": took, "mean": total / count, "zones": float(len(zones)), "links": float(net.links)}


TASKS: tuple[tuple[str, str, str | None, dict[str, Any]], ...] = (
    ("Potomac", "potomac_task", None, {"threads": 0}),
    ("Potomac, one thread", "potomac_task", None, {"threads": 1}),
    ("scipy, Dijkstra", "scipy_task", None, {}),
    ("RoutingKit (pyroutingkit)", "routingkit_task", "pyroutingkit", {}),
    ("pandana", "pandana_task", "pandana", {}),
)


def matrix_part(name: str, size: int, runs: int) -> str:
    """One network, all peers."""
    net: Network = network(name)
    before, found = load(), {}
    for told, task, package, more in TASKS:
        if package is None or find_spec(package):
            found[told] = measured(f"{HERE}:{task}", name=name, size=size, runs=runs, **more)
    ours = found["Potomac"].value
    head = [
        "method",
        "order of nodes",
        "times put in",
        "matrix",
        "as long as Potomac",
        "memory",
        "apart",
    ]
    body = [_row(told, run, ours) for told, run in found.items()]
    about = f"### {size:,} by {size:,} on {net.told}: {net.n:,} nodes, {len(net.tails):,} arcs"
    missing = [told for told, _, package, _ in TASKS if package and not find_spec(package)]
    left = f" Not installed: {', '.join(missing)}." if missing else ""
    return (
        f"{about}\n\nLoad average {before} before and {load()} after. Memory is what the work added at its peak; apart "
        f"is the largest relative difference of the sums of all times.{left}\n\n{markdown.table(head, body)}\n"
    )


def _row(told: str, run: Measured, ours: dict[str, float]) -> list[str]:
    v = run.value
    times = [markdown.seconds(v[key]) if key in v else "" for key in ("order", "metric", "matrix")]
    ratio = "" if v["matrix"] == ours["matrix"] else markdown.times(v["matrix"] / ours["matrix"])
    return [told, *times, ratio, f"{run.peak_mb - v['held']:,.0f} MB", _same(v, ours)]


DAYS: tuple[tuple[str, str, str | None], ...] = (
    ("Potomac, one order of nodes for all hours", "potomac_day", None),
    ("RoutingKit (pyroutingkit), likewise", "routingkit_day", "pyroutingkit"),
    ("scipy, Dijkstra at each hour", "scipy_day", None),
)


def day_part(name: str, size: int) -> str:
    """The 24 matrices of a day on one network."""
    net, before = network(name), load()
    found = {told: measured(f"{HERE}:{task}", name=name, size=size).value
             for told, task, package in DAYS if package is None or find_spec(package)}  # fmt: skip
    ours = next(iter(found.values()))
    body = [
        [told, markdown.seconds(v["order"]) if v["order"] else "", markdown.seconds(v["day"]),
         markdown.seconds(v["day"] / 24), "" if v is ours else markdown.times(v["day"] / ours["day"]), _same(v, ours)]
        for told, v in found.items()
    ]  # fmt: skip
    head = ["24 hourly matrices", "order of nodes", "all 24", "each", "as long as Potomac", "apart"]
    about = f"### A day of {size:,} by {size:,} on {net.told}: {net.n:,} nodes, {len(net.tails):,} arcs"
    return (
        f"{about}\n\nLoad average {before} before and {load()} after. Each hour has its own time on every arc, which "
        f"is put in within what is told.\n\n{markdown.table(head, body)}\n"
    )


def _same(v: dict[str, float], ours: dict[str, float]) -> str:
    """How far sums of times are apart, as a share."""
    return "unlike" if v["reached"] != ours["reached"] else f"{abs(v['sum'] / ours['sum'] - 1):.0e}"


def scenarios_part(count: int) -> str:
    """Scenarios of travel time."""
    before = load()
    run = measured(f"{HERE}:scenarios_task", count=count)
    v = run.value
    head = ["scenarios", "matrix", "links", "together", "each", "peak memory"]
    row = [
        f"{count:,}", f"{v['zones']:.0f} by {v['zones']:.0f}", f"{v['links']:,.0f}", markdown.seconds(v["took"]),
        f"{1000 * v['took'] / count:.3g} ms", f"{run.peak_mb:,.0f} MB",
    ]  # fmt: skip
    about = f"### Scenarios of travel time\n\nLoad average {before} before and {load()} after."
    return f"{about}\n\n{markdown.table(head, [row])}\n"


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="benchmarks.location.roads", description=__doc__)
    parser.add_argument("--size", type=int, default=1000, help="origins, and as many destinations")
    parser.add_argument("--runs", type=int, default=5, help="runs of which the median is told")
    parser.add_argument("--scenarios", type=int, default=1000, help="scenarios of travel time")
    given = parser.parse_args(argv)
    parts = [matrix_part(name, given.size, given.runs) for name in networks()]
    parts += [day_part(name, given.size) for name in networks()]
    return "\n".join([*parts, scenarios_part(given.scenarios)])


if __name__ == "__main__":
    print(main(sys.argv[1:]))
