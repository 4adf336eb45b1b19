"""Whether SimPy, Ciw and Potomac answer alike on the same models, and hold what is exactly known.

``python -m benchmarks simulation.agreement [--replications N] [--until T]``. Each package runs the same number of
replications of the same length, and leaves the same warm-up out. Two answers agree where their difference lies within
the 99.9 % interval of a difference (Welch's); there are about fifty of them, so that hardly one is beyond it by chance.
Shifts are not compared: in Ciw those who go off duty finish while all who come on begin, so that for a while more serve
than either shift has.
"""

from __future__ import annotations

import argparse
import random
from math import sqrt

import numpy as np
import numpy.typing as npt

from benchmarks import markdown
from benchmarks.simulation import our_models, simpy_models
from potomac.simulation.output import Simulated

Floats = npt.NDArray[np.float64]
Peer = dict[str, Floats]
"""Measure, as ``where measure``, to one value a replication."""


def by_simpy(name: str, replications: int, until: float, warmup: float) -> Peer:
    """SimPy's values; nothing for a model that it has no parts for."""
    if name not in simpy_models.MODELS:
        return {}
    each = [simpy_models.MODELS[name](random.Random(seed), until, warmup) for seed in range(replications)]
    return {key: np.array([found[key] for found in each]) for key in each[0]}


def by_ciw(name: str, replications: int, until: float, warmup: float) -> Peer:
    """Ciw's values; nothing for a model that it has no parts for."""
    from benchmarks.simulation import ciw_models

    if name not in ciw_models.MODELS:
        return {}
    each = [ciw_models.replication(name, seed, until, warmup) for seed in range(replications)]
    return {key: np.array([found[key] for found in each]) for key in each[0]}


def ours(name: str, replications: int, until: float, warmup: float) -> Simulated:
    """Our answer."""
    return our_models.MODELS[name]().run(until=until, replications=replications, warmup=warmup, quantiles=())


def agree(mine: Floats, theirs: Floats) -> bool:
    """Whether two sets of replications have the same mean, as far as they tell."""
    from scipy.special import stdtrit

    a, b = float(mine.var(ddof=1)) / mine.size, float(theirs.var(ddof=1)) / theirs.size
    if a + b == 0:
        return bool(np.isclose(mine.mean(), theirs.mean()))
    free = (a + b) ** 2 / (a * a / (mine.size - 1) + b * b / (theirs.size - 1))
    return abs(float(mine.mean() - theirs.mean())) <= float(stdtrit(free, 0.9995)) * sqrt(a + b)


def rows(name: str, replications: int, until: float, warmup: float) -> list[list[str]]:
    """Lines of the table for a model."""
    r = ours(name, replications, until, warmup)
    peers = {"SimPy": by_simpy(name, replications, until, warmup), "Ciw": by_ciw(name, replications, until, warmup)}
    out = []
    for key in sorted({key for found in peers.values() for key in found}):
        where, _, measure = key.rpartition(" ")
        e, values = r.estimate(where, measure), r.values[where, measure]
        told = [_shown(found[key]) if key in found else "" for found in peers.values()]
        same = [agree(values, found[key]) for found in peers.values() if key in found]
        exact = "" if e.exact is None else f"{e.exact:.4g}"
        holds = "" if e.exact is None else "no" if e.missed else "yes"
        one = f"{e.mean:.4g} ± {e.half_width:.2g}"
        out.append([name, key, one, *told, exact, holds, "yes" if all(same) else "no"])
    return out


def _shown(x: Floats) -> str:
    from scipy.special import stdtrit

    half = float(stdtrit(x.size - 1, 0.975)) * float(x.std(ddof=1)) / sqrt(x.size)
    return f"{x.mean():.4g} ± {half:.2g}"


def main(argv: list[str] | None = None) -> str:
    """The table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks simulation.agreement", description=__doc__)
    parser.add_argument("--replications", type=int, default=20)
    parser.add_argument("--until", type=float, default=5000.0)
    parser.add_argument("--only", default="", help="part of a model's name")
    asked = parser.parse_args(argv)
    head = ["model", "measure", "Potomac", "SimPy", "Ciw", "exact", "exact inside", "agree"]
    lines = [
        line
        for name in our_models.MODELS
        if asked.only in name
        for line in rows(name, asked.replications, asked.until, asked.until / 10)
    ]
    return markdown.table(head, lines)


if __name__ == "__main__":
    print(main())
