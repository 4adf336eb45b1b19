"""What a study of sites asks, as plain values: the problem, how people travel, how long to look for the best."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["COSTED", "COVERING", "Objective", "Problem", "Question", "Scenarios", "Solver", "Travel"]

Objective = Literal[
    "minisum", "minimax", "quantile", "max_coverage", "set_cover", "fixed_charge", "attendance", "market_share"
]  # fmt: skip

COVERING: tuple[Objective, ...] = ("max_coverage", "set_cover")
"""Objectives that need a service radius."""

COSTED: tuple[Objective, ...] = ("fixed_charge", "set_cover")
"""Objectives that count what it costs to open a site."""


@dataclass(frozen=True)
class Problem:
    """What is to be found.

    Attributes:
        objective: what is made small or large.
        p: number of sites; None where the objective decides it.
        anywhere: whether sites may lie anywhere, not at candidates only.
        service_radius: minutes within which a site serves; None for any.
        share: which quantile of travel time counts.
        half_life: minutes at which half as many attend as next door.
        single_source: whether each demand point is served by one site alone, where sites have capacities.
        distance_decay: Huff's lambda, by which the pull of a site falls with the minutes.
        staying: pull of staying at home, in the unit of attractiveness a minute away.
        equity: up to how many sites the frontier goes; 0 for none.
    """

    objective: Objective = "minisum"
    p: int | None = 1
    anywhere: bool = False
    service_radius: float | None = None
    share: float = 0.9
    half_life: float = 15.0
    single_source: bool = True
    distance_decay: float = 2.0
    staying: float = 0.0
    equity: int = 0


@dataclass(frozen=True)
class Travel:
    """How people travel.

    Attributes:
        model: which model of travel time.
        speed_kmh: usual speed where the model has no speeds of its own.
        factor: road km a straight km.
        near: the same on the shortest ways, where it decays with the distance.
        far: the same on long ways.
        decay_km: three times as far a twentieth of what is near is left.
        near_kmh: speed on the shortest ways; None for the usual one.
        speed_elasticity: by which share speed grows with that of population density.
        factor_elasticity: by which share the factor does.
        exponent: of Minkowski's distance.
        rotation: degrees by which the streets are turned, for Minkowski's distance.
        walk_kmh: speed between a point and the network.
        access_km: farthest way between a point and the network.
        first_through: node from which on nodes may be passed through (those before are zones); None where all may.
        zones: ids of more nodes that nobody passes through.
        density_km: radius within which people of the demand count as the density of a place; None where they do not.
        sample_pairs: ways over a road network by which the model is calibrated; None for none.
        default_kmh: speeds by class of road that stand for the usual ones.
        largest_part: whether only the largest part is used in which ways lead from everywhere to everywhere.
        oneway: whether links that do not say so lead one way only.
        sample_departure: hour of the day of the trips by which the model is calibrated; None for an empty road.
        departure: hour of the day, 0 to 24; None for free flow.
        profile: factor of the travel time by hour of the day, 24 of them; empty for the usual one.
    """

    model: str = "great_circle"
    speed_kmh: float = 40.0
    factor: float = 1.3
    near: float = 1.6
    far: float = 1.25
    decay_km: float = 5.0
    near_kmh: float | None = None
    speed_elasticity: float = -0.1
    factor_elasticity: float = -0.02
    exponent: float = 1.0
    rotation: float = 0.0
    walk_kmh: float = 5.0
    access_km: float = 5.0
    first_through: int | None = None
    zones: tuple[str, ...] = ()
    density_km: float | None = None
    sample_pairs: int | None = None
    largest_part: bool = False
    oneway: bool = False
    default_kmh: dict[str, float] = field(default_factory=dict)
    sample_departure: float | None = None
    departure: float | None = None
    profile: tuple[float, ...] = ()


@dataclass(frozen=True)
class Solver:
    """How long to look for the best: seconds, and the gap at which to stop."""

    time_limit: float = 60.0
    gap: float = 0.0


@dataclass(frozen=True)
class Scenarios:
    """What may be otherwise: how many scenarios, spread of travel time (log scale) and of demand, and hours."""

    count: int = 0
    travel_spread: float = 0.2
    shared: float = 0.5
    demand_spread: float = 0.1
    hours: tuple[float, ...] = ()


@dataclass(frozen=True)
class Question:
    """All of it; ``notes`` say what of the study is left aside."""

    problem: Problem = Problem()
    travel: Travel = field(default_factory=Travel)
    solver: Solver = Solver()
    scenarios: Scenarios = Scenarios()
    notes: tuple[str, ...] = ()
