"""A single site over many points: the geometric median beside scipy.optimize, on the sphere and on the plane.

``python -m benchmarks.location.single [--points N]``. scipy.optimize minimises the same sum from the mean: by L-BFGS-B
with the gradient, by its default without one, and by Nelder-Mead; both sides end at their own tolerance. Every figure
comes from a process of its own; compiled loops are warm, as they are from the second run on a machine on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import markdown
from benchmarks.child import measured, peak_mb
from benchmarks.machine import load
from potomac.geo.distance import EARTH_RADIUS_KM, unit_vectors
from potomac.location.geometry import geometric_median, smallest_circle
from potomac.stats.streams import Stream

Floats = npt.NDArray[np.float64]

HERE = "benchmarks.location.single"
AGAIN = 3


def cities(points: int, metric: str) -> tuple[Floats, Floats]:
    """Points around thirty towns of a country, with weights: degrees, or km of the plane."""
    draw = Stream(0, ("benchmarks", "single")).generator()
    towns = np.column_stack([draw.uniform(44, 53, 30), draw.uniform(4, 16, 30)])
    at = towns[draw.integers(0, 30, points)] + draw.normal(0, 0.4, (points, 2))
    return (at if metric == "sphere" else at * 111.0), draw.uniform(0.1, 5, points)


def timed(function: Callable[[], Any], again: int = AGAIN) -> tuple[dict[str, float], Any]:
    """The least seconds of some calls after a first one, by the clock and by the processor, and what it gave."""
    value, best = function(), {"seconds": np.inf, "processor": np.inf}
    for _ in range(again):
        clock, processor = time.perf_counter(), time.process_time()
        value = function()
        best["seconds"] = min(best["seconds"], time.perf_counter() - clock)
        best["processor"] = min(best["processor"], time.process_time() - processor)
    return best, value


def potomac_task(points: int, metric: Any) -> dict[str, float | bool]:
    """Seconds, objective and proof of the geometric median."""
    at, w = cities(points, metric)
    held = peak_mb()
    seconds, site = timed(lambda: geometric_median(at, w, metric=metric))
    return {**seconds, "objective": site.objective, "held": held, "proven": site.proven}


def plane_sum(at: Floats, w: Floats) -> Callable[[Floats], tuple[float, Floats]]:
    """Sum of distances and its gradient, at x and y."""

    def value(place: Floats) -> tuple[float, Floats]:
        apart = place - at
        away = np.sqrt((apart * apart).sum(1))
        pull = w / np.maximum(away, 1e-12)
        return float(w @ away), pull @ apart

    return value


def sphere_sum(at: Floats, w: Floats) -> Callable[[Floats], tuple[float, Floats]]:
    """Sum of great circles (km) and its gradient by latitude and longitude, in degrees."""
    v = unit_vectors(at[:, 0], at[:, 1])

    def value(place: Floats) -> tuple[float, Floats]:
        (phi, lam), d = np.radians(place), np.pi / 180
        u = np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
        north = np.array([-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)])
        east = np.array([-np.cos(phi) * np.sin(lam), np.cos(phi) * np.cos(lam), 0.0])
        chord = np.sqrt(((v - u) ** 2).sum(1))
        angle = 2 * np.arcsin(np.minimum(chord / 2, 1.0))
        pull = w / np.maximum(np.sin(angle), 1e-15)
        down = -(pull @ v)
        return EARTH_RADIUS_KM * float(w @ angle), EARTH_RADIUS_KM * d * np.array([down @ north, down @ east])

    return value


def scipy_task(points: int, metric: str, method: str) -> dict[str, float]:
    """The same by scipy.optimize, from the weighted mean."""
    from scipy.optimize import minimize

    at, w = cities(points, metric)
    held = peak_mb()
    of = plane_sum if metric == "plane" else sphere_sum

    def solve() -> Any:
        value, start = of(at, w), w @ at / w.sum()
        if method == "L-BFGS-B":
            return minimize(value, start, jac=True, method=method)
        return minimize(lambda x: value(x)[0], start, method=None if method == "default" else method)

    seconds, found = timed(solve, AGAIN if method == "L-BFGS-B" else 1)
    return {**seconds, "objective": float(found.fun), "held": held}


def circle_task(points: int, metric: Any) -> dict[str, float]:
    """Seconds and radius of the smallest circle."""
    at, _ = cities(points, metric)
    held = peak_mb()
    seconds, circle = timed(lambda: smallest_circle(at, metric=metric))
    return {**seconds, "objective": circle.radius, "held": held}


def _row(name: str, metric: str, task: str, ours: dict[str, Any] | None, **arguments: Any) -> tuple[Any, list[str]]:
    found = measured(f"{HERE}:{task}", metric=metric, **arguments)
    value = found.value
    ratio = [] if ours is None else [markdown.times(value[key] / ours[key]) for key in ("seconds", "processor")]
    apart = "" if ours is None else f"{value['objective'] / ours['objective'] - 1:+.1e}"
    proof = "" if "proven" not in value else "yes" if value["proven"] else "no"
    line = [f"{name}, {metric}", markdown.seconds(value["seconds"]), markdown.seconds(value["processor"]),
            *(ratio or ("", "")), f"{value['objective']:,.6g}", apart, proof,
            f"{found.peak_mb - value['held']:,.0f}"]  # fmt: skip
    return value, line


def main(argv: list[str]) -> str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks location.single", description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    points = parser.parse_args(argv).points
    before, lines = load(), []
    for metric in ("sphere", "plane"):
        ours, line = _row("Potomac, median", metric, "potomac_task", None, points=points)
        lines.append(line)
        for method in ("L-BFGS-B", "default", "Nelder-Mead"):
            _, line = _row(f"scipy.optimize, {method}", metric, "scipy_task", ours, points=points, method=method)
            lines.append(line)
        lines.append(_row("Potomac, smallest circle", metric, "circle_task", None, points=points)[1])
    head = ["method", "clock", "processor", "times Potomac's clock", "times its processor", "objective",
            "above Potomac's", "proven", "MB beside the points"]  # fmt: skip
    told = f"{points:,} points with weights; load average {before} before and {load()} after."
    return f"{told}\n\n{markdown.table(head, lines)}"


if __name__ == "__main__":
    import sys

    print(main(sys.argv[1:]))
