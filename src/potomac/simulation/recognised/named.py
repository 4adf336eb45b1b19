"""What is known, under the names of the measures."""

from __future__ import annotations

from math import isfinite

from potomac.simulation import closed_forms as exact
from potomac.simulation.declared import Station
from potomac.simulation.recognised.comers import Comers
from potomac.simulation.recognised.stations import Solved

__all__ = ["Known", "measures", "told"]

Known = dict[tuple[str, str], float]

QUANTILES = (0.5, 0.9, 0.99)
KINK = 0.02
"""A quantile is not told so near to the share of those who do not wait: none is estimated well there."""


def told(s: Station, comers: Comers, found: Solved) -> Known:
    """All measures of a station under the names of the results."""
    out = measures(s.name, found.whole, found.waits)
    if isfinite(s.servers):
        out[s.name, "utilization"] = found.whole.utilization
    if len(comers.kinds) == 1:
        return out | _quantiles(s.name, found.whole)
    for kind, q in zip(comers.kinds, found.kinds, strict=True):
        out |= measures(f"{s.name}:{kind}", q, found.waits) | _quantiles(f"{s.name}:{kind}", q)
    return out


def measures(where: str, q: exact.Station, waits: bool) -> Known:
    """Measures of a station or of a kind of customers there; ``waits``: those in the queue are told apart."""
    time, served = q.time_in_station, q.throughput
    if isinstance(q, exact.Impatient):  # of those who are served
        served = q.served
        time = q.wait_served + q.busy / served
    out = {
        (where, "time_in_station"): time, (where, "number_in_station"): q.number_in_station,
        (where, "throughput"): served, (where, "p_block"): q.p_block, (where, "p_renege"): q.p_renege,
        (where, "p_balk"): q.p_balk if isinstance(q, exact.Limited) else 0.0,
    }  # fmt: skip
    if waits:
        out |= {(where, "wait"): q.wait, (where, "queue_length"): q.queue_length}
        out[where, "busy_servers"] = q.number_in_station - q.queue_length
        if q.p_wait is not None:
            out[where, "p_wait"] = q.p_wait
    return out


def _quantiles(where: str, q: exact.Station) -> Known:
    if q.tail is None:
        return {}
    waits = float(q.wait_beyond(0.0))
    sharp = [share for share in QUANTILES if abs(waits - (1 - share)) > KINK]
    return {(where, f"wait_q{100 * share:.4g}"): q.wait_quantile(share) for share in sharp}
