"""Services whose rare long ones rule the averages of waits, so that intervals hold less often than they say.

In the long run the variance of a wait is finite where the third moment of the service is, that of an average over many
customers where the fourth is (Kiefer and Wolfowitz 1956; Whitt 1989). Measured on M/G/1 (python -m benchmarks
simulation.coverage): nominal 95 % intervals hold 52 % with Pareto's shape 2.2, 90 % with 3, 91 % with lognormal
services of a coefficient of variation of 4, and 94 to 95 % below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, lgamma

import numpy as np

from potomac.simulation.declared import Station
from potomac.simulation.distributions import Distribution

__all__ = ["fourth_moment", "of_tails"]

UNEVEN = 1e6
"""A fourth moment, over that of the mean, beyond which intervals hold less often."""


def fourth_moment(d: Distribution) -> float:
    """E X^4 / (E X)^4 of the families whose tails are heavier than exponential; 0 of the others."""
    if d.family == "pareto":
        a = d["shape"]
        return inf if a <= 4 else float((a - 1) ** 4 / (a**3 * (a - 4)))
    if d.family == "lognormal":
        return float((1 + d.cv**2) ** 6)
    if d.family == "weibull" and d["shape"] < 1:
        return float(np.exp(lgamma(1 + 4 / d["shape"]) - 4 * lgamma(1 + 1 / d["shape"])))
    return 0.0


def of_tails(stations: tuple[Station, ...]) -> Iterator[tuple[str, Distribution]]:
    """Stations where somebody waits, and the services whose tails matter there; each once."""
    for s in stations:
        for d in dict.fromkeys(s.service.values()):
            if s.servers != inf and s.discipline != "sharing" and fourth_moment(d) > UNEVEN:
                yield s.name, d
