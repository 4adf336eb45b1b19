"""How people travel in a study: the model that its [travel] names, calibrated where there is a sample, and the minutes.

What kinds of model there are is the business of :mod:`potomac.location.travel`; here one is chosen and asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import Fault, NoAnswer
from potomac.location.question import Problem, Travel
from potomac.location.reading import Candidates, Demand, pairs_of, sample_of
from potomac.tables import Table

if TYPE_CHECKING:
    from potomac.location.travel.calibrate import Calibration
    from potomac.location.travel.model import TravelModel
    from potomac.location.travel.network import RoadNetwork

__all__ = ["MOST", "Journeys", "between", "has_places", "is_linear", "journeys_of", "plain_model"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Explain = Callable[[Floats], tuple[pa.Array, pa.Array, Floats]]

MOST = 150_000_000
"""Pairs of demand points and candidates whose travel times are kept at once (1.2 GB)."""

LISTED = 25_000_000
"""Pairs up to which they are where the model is linear in the distance."""


@dataclass(frozen=True)
class Journeys:
    """Travel times of a study.

    Attributes:
        model: of travel time; None where the times are given by pair.
        travel: what the study asks, with what was fitted by the sample.
        minutes: of each demand point from each candidate, infinite where there is no way, shape (n, m); or the
            implicit costs of a large p-median.
        demand: where the journeys begin.
        candidates: where they end.
        calibration: how the model was fitted, where there was a sample.
        notes: what was found on the way.
        nodes: of a road network, where it has a table of them.
        links: of a road network.
        explain: why places have no way, in words, with the nearest node from which there is one and its km.
    """

    model: TravelModel | None
    travel: Travel
    minutes: Any
    demand: Demand
    candidates: Candidates
    calibration: Calibration | None = None
    notes: tuple[str, ...] = ()
    nodes: pa.Table | None = None
    links: pa.Table | None = None
    explain: Explain | None = None

    @property
    def listed(self) -> bool:
        """Whether the minutes are a matrix."""
        return isinstance(self.minutes, np.ndarray)

    def to(self, sites: Ints) -> Floats:
        """Minutes of each demand point from some candidates, shape (n, p)."""
        if self.listed:
            return np.ascontiguousarray(self.minutes[:, sites])
        return between(self.model, self.travel, self.demand, self.candidates.take(sites))

    def at(self, hour: float, sites: Ints | None = None) -> Floats:
        """The minutes from all (or some) candidates at another hour of the day, shape (n, m)."""
        some = self.candidates if sites is None else self.candidates.take(sites)
        travel = replace(self.travel, departure=hour)
        if self.model is None:
            minutes = self.minutes if sites is None else self.minutes[:, sites]
            return np.asarray(minutes * (_rush(travel) / _rush(self.travel)))
        return between(self.model, travel, self.demand, some)

    def of(self, demand: Demand, rows: Bools) -> Journeys:
        """The same for some of the demand points."""
        minutes = self.minutes[rows] if self.listed else _linear(self.travel, demand, self.candidates)
        return replace(self, demand=demand, minutes=minutes)


def journeys_of(
    tables: Mapping[str, Table], travel: Travel, problem: Problem, demand: Demand, candidates: Candidates,
    progress: Progress,
) -> Journeys:  # fmt: skip
    """Choose the model, calibrate it where there is a sample, and find the travel times.

    Raises:
        DataError: a table of the model is wrong.
        StudyError: a key of the model is wrong.
        NoAnswer: there are more pairs than memory is meant for.
    """
    if travel.model == "matrix":
        minutes, notes = pairs_of(tables["travel.matrix"], demand, candidates)
        return Journeys(None, travel, minutes * _rush(travel), demand, candidates, None, notes)
    progress("preparing travel times", 0)
    made = _MODELS[travel.model](tables, travel, demand)
    model, travel = made.model, made.travel
    explain = (
        None if made.network is None else _why(made.network, candidates.take(np.flatnonzero(~candidates.forbidden)))
    )
    pairs = len(demand) * len(candidates)
    if problem.anywhere:
        minutes = np.zeros((len(demand), 0))
    elif pairs > LISTED and is_linear(travel) and problem.objective == "minisum" and candidates.capacity is None:
        minutes = _linear(travel, demand, candidates)
    elif pairs > MOST:
        raise NoAnswer(_too_many(len(demand), len(candidates)))
    else:
        progress("finding travel times", 0)
        minutes = between(model, travel, demand, candidates)
    return Journeys(
        model, travel, minutes, demand, candidates, made.calibration, made.notes, made.nodes, made.links, explain
    )


def between(model: TravelModel | None, travel: Travel, origins: Demand, destinations: Candidates) -> Floats:
    """Minutes from each demand point to each candidate, shape (n, m)."""
    assert model is not None  # noqa: S101 - travel times by pair are never asked for here
    if travel.model == "road" and not (has_places(origins) and has_places(destinations)):
        return np.asarray(cast("RoadNetwork", model).between(origins.id, destinations.id, travel.departure))
    more: dict[str, Any] = {}
    if travel.model == "circuity_density":
        more = {"origin_density": origins.density, "destination_density": destinations.density}
    return np.asarray(model.minutes(origins.places, destinations.places, travel.departure, **more))


def has_places(points: Demand | Candidates) -> bool:
    """Whether all of them are places; else they are nodes of a network, or rows of a matrix, by their ids."""
    return bool(np.isfinite(points.latitude).all() and np.isfinite(points.longitude).all())


def is_linear(travel: Travel) -> bool:
    """Whether travel time is a multiple of the straight line."""
    return travel.model in ("great_circle", "circuity")


def _linear(travel: Travel, demand: Demand, candidates: Candidates) -> Any:
    """Costs that are found when they are needed: minutes a km times the great circle."""
    from potomac.location.pmedian.costs import Nearby

    factor = travel.factor if travel.model == "circuity" else 1.0
    return Nearby(demand.places, candidates.places, "sphere", 60.0 * factor / travel.speed_kmh * _rush(travel))


def _rush(travel: Travel) -> float:
    from potomac.location.travel.model import rushed

    return rushed(travel.departure, travel.profile or None)


def _too_many(n: int, m: int) -> Fault:
    found = f"{n:,} demand points by {m:,} candidates are {n * m:,} travel times"
    expected = f"expected at most {MOST:,}; a minisum with great_circle or circuity and no capacities may have more"
    return Fault("location.too-large", found, expected, "Give fewer candidates in a table [candidates]", key="demand")


# ---- the models ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Made:
    """A model, what the study asks with what was fitted, and how."""

    model: TravelModel
    travel: Travel
    calibration: Calibration | None = None
    notes: tuple[str, ...] = ()
    network: RoadNetwork | None = None
    nodes: pa.Table | None = None
    links: pa.Table | None = None


_KEYS = {
    "great_circle": (),
    "minkowski": ("exponent", "rotation"),
    "circuity": ("factor",),
    "circuity_distance": ("near", "far", "decay_km", "near_kmh"),
    "circuity_density": ("factor", "speed_elasticity", "factor_elasticity"),
}
"""Keys of the models that need no table, beside speed and profile; they are called as their parameters are."""


def plain_model(travel: Travel) -> TravelModel:
    """A model that needs no table."""
    from potomac.location.travel.circuity import Circuity, CircuityDensity, CircuityDistance
    from potomac.location.travel.plain import GreatCircle, Minkowski

    kinds: dict[str, Callable[..., TravelModel]] = {
        "great_circle": GreatCircle, "minkowski": Minkowski, "circuity": Circuity,
        "circuity_distance": CircuityDistance, "circuity_density": CircuityDensity,
    }  # fmt: skip
    given = {key: getattr(travel, key) for key in ("speed_kmh", "profile", *_KEYS[travel.model])}
    return kinds[travel.model](**given)


_FORMS = {"circuity_constant": "circuity"}
"""Forms of circuity under other names than in a study."""


def as_fitted(travel: Travel, fitted: Calibration) -> Travel:
    """What the study asks, with the form and the parameters that were fitted in place of its own."""
    form = _FORMS.get(fitted.form, fitted.form)
    names = ("speed_kmh", *_KEYS[form]) if form in _KEYS else ()
    return replace(travel, model=form, **{name: getattr(fitted.model, name) for name in names})


def _plain(tables: Mapping[str, Table], travel: Travel, demand: Demand) -> _Made:
    if "travel.sample" not in tables:
        return _Made(plain_model(travel), travel)
    from potomac.location.travel.calibrate import calibrate

    found = calibrate(
        sample_of(tables["travel.sample"]), travel.model, departure=travel.sample_departure, profile=travel.profile,
        factor=travel.factor,
    )  # fmt: skip
    return _Made(found.model, as_fitted(travel, found), found, found.notes)


def _road(tables: Mapping[str, Table], travel: Travel, demand: Demand) -> _Made:
    """The network of [travel.links]; the places of its nodes stand in [travel.nodes] or in the links themselves."""
    nodes = tables["travel.nodes"].to_arrow() if "travel.nodes" in tables else None
    links = tables["travel.links"].to_arrow()
    network = road_network(nodes, links, travel)
    return _Made(network, travel, None, tuple(network.notes), network, nodes, links)


def road_network(nodes: pa.Table | None, links: pa.Table, travel: Travel) -> RoadNetwork:
    """A network as the study asks for it."""
    from potomac.location.travel.network import RoadNetwork

    return RoadNetwork(
        nodes, links, walk_kmh=travel.walk_kmh, access_km=travel.access_km, first_through=travel.first_through,
        speeds=travel.default_kmh, profile=travel.profile or None, oneway=travel.oneway, default_kmh=travel.speed_kmh,
        largest_only=travel.largest_part,
    )  # fmt: skip


def _why(network: RoadNetwork, candidates: Candidates) -> Explain:
    """Why origins have no way, in words, with the nearest node that has one."""

    def explain(places: Floats) -> tuple[pa.Array, pa.Array, Floats]:
        n = len(places)
        if not np.isfinite(places).all():
            return pa.array(["no way leads to a candidate"] * n), pa.nulls(n, pa.string()), np.full(n, np.nan)
        found = {one.row: one for one in network.unreachable(places, candidates.places)}
        told = [found.get(row) for row in range(len(places))]
        far = [one is not None and one.far for one in told]
        reasons = [
            f"it is {one.km:.3g} km from the nearest road"
            if one is not None and there
            else "no way leads to a candidate"
            for one, there in zip(told, far, strict=True)
        ]
        nodes = [None if one is None or one.node is None else str(one.node) for one in told]
        km = np.array([np.nan if one is None else one.node_km for one in told])
        return pa.array(reasons), pa.array(nodes, pa.string()), np.where(np.isfinite(km), km, np.nan)

    return explain


_MODELS: dict[str, Callable[[Mapping[str, Table], Travel, Demand], _Made]] = {
    "great_circle": _plain,
    "minkowski": _plain,
    "circuity": _plain,
    "circuity_distance": _plain,
    "circuity_density": _plain,
    "road": _road,
}
