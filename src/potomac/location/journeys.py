"""How people travel in a study: the model that its [travel] names, calibrated where there is a sample, and the minutes.

What kinds of model there are is the business of :mod:`potomac.location.travel`; here one is chosen and asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress
from potomac.errors import DataError, Fault, NoAnswer, PotomacError, listing, shown
from potomac.location.question import Problem, Travel
from potomac.location.reading import Candidates, Demand, flags, pairs_of, rivals_of, sample_of
from potomac.tables import Table

if TYPE_CHECKING:
    from potomac.location.travel.calibrate import Calibration, Sample
    from potomac.location.travel.density import DensitySurface
    from potomac.location.travel.model import TravelModel
    from potomac.location.travel.network import RoadNetwork

__all__ = ["MOST", "OFF_ROAD", "Journeys", "between", "has_places", "is_linear", "journeys_of", "plain_model"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_Some = TypeVar("_Some", Demand, Candidates)
Explain = Callable[[Floats], tuple[pa.Array, pa.Array, Floats]]

MOST = 150_000_000
"""Pairs of demand points and candidates whose travel times are kept at once (1.2 GB)."""

OFF_ROAD = "from the nearest road"
"""What is said of who is too far from it."""

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
        rivals: sites of others; None where the study has none.
        rival_minutes: of each demand point from each of them, shape (n, r).
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
    rivals: Candidates | None = None
    rival_minutes: Floats | None = None

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
        rival_minutes = None if self.rival_minutes is None else self.rival_minutes[rows]
        return replace(self, demand=demand, minutes=minutes, rival_minutes=rival_minutes)


def journeys_of(
    tables: Mapping[str, Table], travel: Travel, problem: Problem, demand: Demand, candidates: Candidates,
    progress: Progress, seed: int = 0,
) -> Journeys:  # fmt: skip
    """Choose the model, calibrate it where there is a sample, and find the travel times.

    Args:
        tables: of the study, by name.
        travel: how people travel.
        problem: what is to be found.
        demand: where people are.
        candidates: where sites may be.
        progress: told what is done.
        seed: of the ways that are drawn where the model is calibrated by roads.

    Raises:
        DataError: a table of the model is wrong, or it has no places and the model needs them.
        StudyError: a key of the model is wrong.
        NoAnswer: there are more pairs than memory is meant for.
    """
    rivals = rivals_of(tables["rivals"], demand) if "rivals" in tables else None
    with _in_keys_of_the_study():
        if travel.model == "matrix":
            return _by_pair(tables["travel.matrix"], travel, demand, candidates, rivals)
        points = {"demand": demand, "candidates": candidates if candidates.own else None, "rivals": rivals}
        _check_places(points, travel)
        progress("preparing travel times", 0)
        surface = _surface(travel, demand)
        if surface is not None:
            demand, candidates = _settled(demand, surface), _settled(candidates, surface)
            rivals = None if rivals is None else _settled(rivals, surface)
        made = _MODELS[travel.model](_Given(tables, travel, demand, candidates, surface, seed))
        minutes = _minutes(made, problem, demand, candidates, progress)
        theirs = None if rivals is None else between(made.model, made.travel, demand, rivals)
    allowed = candidates.take(np.flatnonzero(~candidates.forbidden))
    return Journeys(
        made.model, made.travel, minutes, demand, candidates, made.calibration, made.notes, made.nodes, made.links,
        None if made.network is None else _why(made.network, allowed), rivals, theirs,
    )  # fmt: skip


def _by_pair(
    table: Table, travel: Travel, demand: Demand, candidates: Candidates, rivals: Candidates | None
) -> Journeys:
    ends = (candidates,) if rivals is None else (candidates, rivals)
    found, notes = pairs_of(table, demand, *ends)
    minutes, *theirs = (one * _rush(travel) for one in found)
    return Journeys(
        None, travel, minutes, demand, candidates, None, notes, rivals=rivals,
        rival_minutes=theirs[0] if theirs else None,
    )  # fmt: skip


def _minutes(made: _Made, problem: Problem, demand: Demand, candidates: Candidates, progress: Progress) -> Any:
    """The travel times of all pairs, or the costs of a p-median too large for them."""
    travel, pairs = made.travel, len(demand) * len(candidates)
    if problem.anywhere:
        return np.zeros((len(demand), 0))
    if pairs > LISTED and is_linear(travel) and problem.objective == "minisum" and candidates.capacity is None:
        return _linear(travel, demand, candidates)
    if pairs > MOST:
        raise NoAnswer(_too_many(len(demand), len(candidates)))
    progress("finding travel times", 0)
    return between(made.model, travel, demand, candidates)


_KEYS_OF = {
    "origins": "demand", "destinations": "candidates", "sample": "travel.sample", "places": "travel.sample_pairs",
    "minutes": "travel.sample.columns.minutes", "origin_density": "travel.sample.columns.from_density",
    "destination_density": "travel.sample.columns.to_density", "density": "travel.density_km",
}  # fmt: skip
"""What models call by the names of their arguments has keys in a study; keys of [travel] are called as there."""


@contextmanager
def _in_keys_of_the_study() -> Iterator[None]:
    """Faults of models of travel time with the keys of the study."""
    names = {one.name for one in fields(Travel)}

    def keyed(fault: Fault) -> Fault:
        key = f"travel.{fault.key}" if fault.key in names else _KEYS_OF.get(fault.key, fault.key)
        return replace(fault, key=key)

    try:
        yield
    except PotomacError as error:
        raise type(error)(map(keyed, error.faults)) from error


def _check_places(points: Mapping[str, Demand | Candidates | None], travel: Travel) -> None:
    """Models other than networks and matrices need places."""
    lacking = [name for name, some in points.items() if some is not None and not has_places(some)]
    if travel.model != "road" and lacking:
        mend = 'Add columns.latitude = "..." and columns.longitude = "..."'
        raise DataError(
            Fault("location.place-missing", f"[{name}] has no places", f"{travel.model} needs them", mend,
                  key=f"{name}.columns")
            for name in lacking
        )  # fmt: skip


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
    """By what times are multiplied at the departure; times of a matrix only by a profile that the study gives."""
    from potomac.location.travel.model import rushed

    if travel.model == "matrix" and not travel.profile:
        return 1.0
    return rushed(travel.departure, travel.profile or None)


def _too_many(n: int, m: int) -> Fault:
    found = f"{n:,} demand points by {m:,} candidates are {n * m:,} travel times"
    expected = f"expected at most {MOST:,}; a minisum with great_circle or circuity and no capacities may have more"
    return Fault("location.too-large", found, expected, "Give fewer candidates in a table [candidates]", key="demand")


# ---- the models ---------------------------------------------------------------------------------------------------


class _Given(NamedTuple):
    """What a model is made of: the tables, what the study asks, the points, density anywhere, and a seed of draws."""

    tables: Mapping[str, Table]
    travel: Travel
    demand: Demand
    candidates: Candidates
    surface: DensitySurface | None
    seed: int


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


def _plain(given: _Given) -> _Made:
    """A model without tables, fitted to known trips or to ways over roads where the study asks for it."""
    travel = given.travel
    sample: Any
    notes: tuple[str, ...] = ()
    if "travel.sample" in given.tables:
        sample, departure = _trips(given), travel.sample_departure
    elif travel.sample_pairs is not None:
        sample, notes = _drawn(given, travel.sample_pairs)
        departure = travel.departure
    else:
        return _Made(plain_model(travel), travel)
    from potomac.location.travel.calibrate import calibrate

    found = calibrate(
        sample, travel.model, departure=departure, profile=travel.profile, factor=travel.factor, density=given.surface
    )
    return _Made(found.model, as_fitted(travel, found), found, (*notes, *found.notes))


def _trips(given: _Given) -> pa.Table:
    """The trips of the study; their densities only where all points have one too, as a fitted model would need it."""
    sample = sample_of(given.tables["travel.sample"])
    dense = given.demand.density is not None and given.candidates.density is not None
    if dense or given.travel.model == "circuity_density":
        return sample
    return sample.drop_columns([name for name in ("from_density", "to_density") if name in sample.column_names])


def _drawn(given: _Given, pairs: int) -> tuple[Sample, tuple[str, ...]]:
    """Ways over the roads of the study between points of it, at the hour of the departure."""
    from potomac.location.travel.calibrate import drawn_sample

    network = _network(given)[0]
    places = np.unique(np.concatenate([given.demand.places, given.candidates.places]), axis=0)
    sample = drawn_sample(network, places, pairs, departure=given.travel.departure, seed=given.seed)
    said = f"Travel times are calibrated by {len(sample.minutes):,} ways over the roads between points of the study."
    return sample, (*network.notes, said)


def _road(given: _Given) -> _Made:
    network, nodes, links, travel = _network(given)
    notes = (*network.notes, *(_off_road(network, given.candidates) if given.candidates.own else ()))
    return _Made(network, travel, None, notes, network, nodes, links)


def _network(given: _Given) -> tuple[RoadNetwork, pa.Table | None, pa.Table, Travel]:
    """The network of [travel.links]; the places of its nodes stand in [travel.nodes] or in the links themselves."""
    nodes = given.tables["travel.nodes"].to_arrow() if "travel.nodes" in given.tables else None
    links, travel = given.tables["travel.links"].to_arrow(), given.travel
    if nodes is not None and "zone" in nodes.column_names:
        zones = nodes["id"].filter(pa.array(flags(nodes, "zone", "travel.nodes"))).to_pylist()
        travel = replace(travel, zones=(*travel.zones, *zones))
    if given.surface is not None and (nodes is None or "density" not in nodes.column_names):
        nodes = _with_density(nodes, links, given.surface)
    return road_network(nodes, links, travel), nodes, links, travel


def _with_density(nodes: pa.Table | None, links: pa.Table, surface: DensitySurface) -> pa.Table:
    """The nodes of a network with how densely people live around each; 0 where its place is not known."""
    from potomac.location.travel.links import columns_of, nodes_of

    found = nodes_of(nodes, columns_of(links, "links"))
    known = np.isfinite(found.places).all(axis=1)
    if not known.any():
        raise DataError(_nowhere("the network"))
    density = np.zeros(len(found))
    density[known] = surface.at(found.places[known])
    if nodes is None:
        latitude, longitude = found.places.T
        nodes = pa.table({"id": found.ids, "latitude": latitude, "longitude": longitude})
    return nodes.append_column("density", pa.array(density))


def road_network(nodes: pa.Table | None, links: pa.Table, travel: Travel) -> RoadNetwork:
    """A network as the study asks for it."""
    from potomac.location.travel.network import RoadNetwork

    dense = nodes is not None and "density" in nodes.column_names
    return RoadNetwork(
        nodes, links, walk_kmh=travel.walk_kmh, access_km=travel.access_km, first_through=travel.first_through,
        zones=travel.zones, speeds=travel.default_kmh, profile=travel.profile or None, oneway=travel.oneway,
        density=nodes["density"].to_numpy() if nodes is not None and dense else None, default_kmh=travel.speed_kmh,
        largest_only=travel.largest_part,
    )  # fmt: skip


def _surface(travel: Travel, demand: Demand) -> DensitySurface | None:
    """People a square kilometre around any place, from those of the demand."""
    if travel.density_km is None:
        return None
    if not has_places(demand):
        raise DataError(_nowhere("[demand]"))
    from potomac.location.travel.density import DensitySurface

    return DensitySurface(demand.places, demand.weight, travel.density_km)


def _nowhere(what: str) -> Fault:
    found, mend = f"density is told around places, and {what} has none", "Name columns latitude and longitude"
    return Fault("location.place-missing", found, "", f"{mend}, or take density_km away", key="density_km")


def _settled(points: _Some, surface: DensitySurface) -> _Some:
    """Points with the density of their places, where their table has none."""
    if points.density is not None or not has_places(points):
        return points
    return replace(points, density=surface.at(points.places))


def _why(network: RoadNetwork, candidates: Candidates) -> Explain:
    """Why origins have no way, in words, with the nearest node that has one."""

    def explain(places: Floats) -> tuple[pa.Array, pa.Array, Floats]:
        n = len(places)
        if not np.isfinite(places).all():
            return pa.array(["no way leads to a candidate"] * n), pa.nulls(n, pa.string()), np.full(n, np.nan)
        found = {one.row: one for one in network.unreachable(places, candidates.places)}
        told = [found.get(row) for row in range(len(places))]
        far = [one is not None and one.far for one in told]
        usual = _no_way(network, candidates)
        reasons = [
            f"it is {one.km:.3g} km {OFF_ROAD}" if one is not None and there else usual
            for one, there in zip(told, far, strict=True)
        ]
        nodes = [None if one is None or one.node is None else str(one.node) for one in told]
        km = np.array([np.nan if one is None else one.node_km for one in told])
        return pa.array(reasons), pa.array(nodes, pa.string()), np.where(np.isfinite(km), km, np.nan)

    return explain


def _no_way(network: RoadNetwork, candidates: Candidates) -> str:
    """What is said of a point at a road without a way to a candidate."""
    km = network.snapped(candidates.places).km
    if not len(km) or km.min() <= network.access_km:
        return "no way leads to a candidate"
    nearest = shown(candidates.id[int(np.argmin(km))].as_py())
    return f"no candidate lies at a road; the one nearest to one, {nearest}, is {km.min():.3g} km {OFF_ROAD}"


def _off_road(network: RoadNetwork, candidates: Candidates) -> Iterator[str]:
    """A sentence about candidates that are too far from any road to be sites."""
    if not has_places(candidates):
        return
    off = np.flatnonzero(network.snapped(candidates.places).km > network.access_km)
    if len(off):
        ids = listing(candidates.id.take(pa.array(off)).to_pylist(), 5)
        many = "1 candidate is" if len(off) == 1 else f"{len(off):,} candidates are"
        yield f"{many} farther than {network.access_km:g} km (travel.access_km) {OFF_ROAD}: {ids}."


_MODELS: dict[str, Callable[[_Given], _Made]] = {
    "great_circle": _plain,
    "minkowski": _plain,
    "circuity": _plain,
    "circuity_distance": _plain,
    "circuity_density": _plain,
    "road": _road,
}
