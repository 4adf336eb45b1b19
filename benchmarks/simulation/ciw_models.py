"""The same models as Ciw's users write them: one replication each, measures by the names that ours have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ciw

from benchmarks.simulation.simpy_models import Found

__all__ = ["MODELS"]

Recipe = Callable[[], tuple[dict[str, Any], dict[str, Any]]]
"""Arguments of the network, and of the simulation."""


def _gamma(mean: float, cv: float) -> Any:
    return ciw.dists.Gamma(shape=1 / cv**2, scale=mean * cv**2)


def _exponential(rate: float) -> Any:
    return ciw.dists.Exponential(rate=rate)


def _line(rate: float, service: Any, servers: Any = 1, **network: Any) -> dict[str, Any]:
    return {
        "arrival_distributions": [_exponential(rate)], "service_distributions": [service],
        "number_of_servers": [servers], **network,
    }  # fmt: skip


def _two(preemption: Any) -> dict[str, Any]:
    return {
        "arrival_distributions": {"vip": [_exponential(0.3)], "std": [_exponential(0.4)]},
        "service_distributions": {"vip": [_gamma(1.0, 0.5)], "std": [_exponential(1.0)]},
        "number_of_servers": [1], "priority_classes": ({"vip": 0, "std": 1}, [preemption]),
    }  # fmt: skip


def _jackson() -> dict[str, Any]:
    return {
        "arrival_distributions": [_exponential(1.0), None, None],
        "service_distributions": [_exponential(2.0), _exponential(1.5), _exponential(1.5)],
        "number_of_servers": [1, 1, 1], "routing": [[0.0, 0.6, 0.4], [0.0, 0.0, 0.5], [0.1, 0.0, 0.0]],
    }  # fmt: skip


def _shortest() -> dict[str, Any]:
    leave = ciw.routing.Leave()
    return {
        "arrival_distributions": [_exponential(1.6), None, None],
        "service_distributions": [ciw.dists.Deterministic(1e-9), _exponential(1.0), _exponential(1.0)],
        "number_of_servers": [float("inf"), 1, 1],
        "routing": ciw.routing.NetworkRouting(
            routers=[ciw.routing.JoinShortestQueue(destinations=[2, 3], tie_break="order"), leave, leave]
        ),
    }  # fmt: skip


def _turns(n: int, **_: object) -> float:
    """Ciw tells the number inside, of whom one is served."""
    return [0.0, 0.2, 0.4, 0.6, 0.8, 1.0][min(max(n - 1, 0), 5)]


RECIPES: dict[str, Recipe] = {
    "M/M/2": lambda: (_line(1.6, _exponential(1.0), 2), {}),
    "G/G/2": lambda: ({**_line(1.0, _gamma(1.0, 1.5), 2), "arrival_distributions": [_gamma(0.6, 0.5)]}, {}),
    "M/M/1/5": lambda: (_line(0.9, _exponential(1.0), queue_capacities=[4]), {}),
    "impatience": lambda: (
        _line(2.4, _exponential(1.0), 2, reneging_time_distributions=[_exponential(0.5)]), {},
    ),
    "priority": lambda: (_two(False), {}),
    "preemptive resume": lambda: (_two("resume"), {}),
    "Jackson": lambda: (_jackson(), {}),
    "M/G/1": lambda: (_line(0.7, ciw.dists.Lognormal(mean=-0.34657359028, sd=0.832554611158)), {}),
    "sharing": lambda: (_line(0.7, _gamma(1.0, 1.5), float("inf")), {"node_class": _Shared}),
    "groups": lambda: (
        _line(0.3, _exponential(1.0), batching_distributions=[ciw.dists.Pmf([1, 2, 3], [0.3, 0.4, 0.3])]), {},
    ),
    "turning back": lambda: (_line(1.2, _exponential(1.0), baulking_functions=[_turns]), {}),
    "shortest queue": lambda: (_shortest(), {}),
}  # fmt: skip


class _Shared(ciw.PSNode):  # type: ignore[misc]
    """One server, shared by all who are there."""


def _mean(values: Iterable[float]) -> float:
    kept = list(values)
    return sum(kept) / len(kept) if kept else float("nan")


def replication(name: str, seed: int, until: float, warmup: float) -> Found:
    """Run one and average over those who came between ``warmup`` and ``until``."""
    network, how = RECIPES[name]()
    ciw.seed(seed)
    simulation = ciw.Simulation(ciw.create_network(**network), **how)
    simulation.simulate_until_max_time(1.1 * until)
    records = [r for r in simulation.get_all_records() if warmup <= r.arrival_date < until]
    return _told(name, records)


def _told(name: str, records: list[Any]) -> Found:
    served = [r for r in records if r.record_type == "service"]
    came = [r for r in records if r.record_type in ("service", "renege")]
    if name in ("Jackson", "shortest queue"):
        names = {1: "x", 2: "y", 3: "z"} if name == "Jackson" else {2: "x", 3: "y"}
        return {f"{at} wait": _mean(r.waiting_time for r in served if r.node == i) for i, at in names.items()}
    if name in ("priority", "preemptive resume"):
        return {
            f"s:{kind} time_in_station": _mean(r.exit_date - r.arrival_date for r in served if r.customer_class == kind)
            for kind in ("vip", "std")
        }
    found = {"s time_in_station": _mean(r.exit_date - r.arrival_date for r in served)}
    if name == "sharing":
        return found
    found["s wait"] = _mean(r.waiting_time for r in came)
    if name == "M/M/1/5":
        found["s p_block"] = 1 - len(served) / len([r for r in records if r.record_type in ("service", "rejection")])
    if name == "impatience":
        found["s p_renege"] = 1 - len(served) / len(came)
    if name == "turning back":
        found["s p_balk"] = 1 - len(served) / len(records)
    return found


MODELS = tuple(RECIPES)
