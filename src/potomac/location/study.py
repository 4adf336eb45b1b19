"""The declaration of the engine ``location``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from potomac.engine import Endpoint, Engine, Figure, Progress, Result
from potomac.errors import Fault, StudyError
from potomac.location import answer, isochrones, live, otherwise, pictures
from potomac.location.checked import checked
from potomac.location.demo import prepare
from potomac.location.question import COSTED, COVERING, Problem, Question, Scenarios, Solver, Travel
from potomac.spec import ColumnSpec, Spec, Study, TableSpec
from potomac.stats.streams import Stream
from potomac.tables import LATITUDE, LONGITUDE, Role, Table

__all__ = ["LocationStudy", "engine"]

ID = Role("id", "text", "name or number of the point", required=False, guesses=("name", "site", "zip", "zcta", "zone"))
WHERE = (replace(LATITUDE, required=False), replace(LONGITUDE, required=False))
WEIGHT = Role(
    "weight", "number", "how much the point counts: people, trips, deliveries", low=0, required=False,
    guesses=("population", "people", "demand", "households", "trips"),
)  # fmt: skip
DENSITY = Role("density", "number", "people a square kilometre, for circuity_density", low=0, required=False)
CAPACITY = Role("capacity", "number", "most weight that the site can serve", low=0, required=False)
COST = Role("cost", "number", "cost of opening the site, in weight times minutes", required=False)
ATTRACTIVENESS = Role(
    "attractiveness", "number", "what draws people there: floor space, rating, range of goods (market_share)", low=0,
    required=False, guesses=("size", "area", "floor_space", "rating"),
)  # fmt: skip
FIXED = Role("fixed", "any", "sites that are there already: 1, true or yes", required=False, nulls=True)
FORBIDDEN = Role("forbidden", "any", "candidates that may not be chosen: 1, true or yes", required=False, nulls=True)


class DemandSpec(TableSpec):
    """Where people are who have to get to a site."""

    roles = (ID, *WHERE, WEIGHT, DENSITY)
    usual = ("id", "latitude", "longitude", "weight")


class CandidatesSpec(TableSpec):
    """Where sites may be."""

    roles = (ID, *WHERE, CAPACITY, COST, FIXED, FORBIDDEN, DENSITY, ATTRACTIVENESS)
    usual = ("id", "latitude", "longitude")


class RivalsSpec(TableSpec):
    """Sites of others, who want the same people to come (market_share)."""

    roles = (ID, *WHERE, DENSITY, ATTRACTIVENESS)
    usual = ("id", "latitude", "longitude")


class MatrixSpec(TableSpec):
    """Travel times that are known: a row a pair."""

    roles = (
        Role("origin", "text", "id of the demand point", guesses=("from", "o", "demand")),
        Role("destination", "text", "id of the candidate", guesses=("to", "d", "site", "candidate")),
        Role("minutes", "number", "travel time in minutes", low=0, guesses=("time", "duration", "cost")),
    )
    form = (
        "A row a pair is expected: a line origin,destination,minutes and below it lines such as home,clinic,12.5; "
        "of a square table pandas' melt makes it"
    )


class NodesSpec(TableSpec):
    """Nodes of a road network."""

    roles = (
        Role("id", "text", "name or number of the node", guesses=("node", "node_id")),
        replace(LATITUDE), replace(LONGITUDE),
        Role("zone", "any", "zones that ways begin and end in and nobody passes through: 1, true or yes",
             required=False, nulls=True, guesses=("centroid",)),
        Role("density", "number", "people a square kilometre around it: the more, the slower its roads", low=0,
             required=False, nulls=True),
    )  # fmt: skip
    usual = ("id", "latitude", "longitude")


ENDS = tuple(
    replace(
        role,
        name=f"{end}_{role.name}",
        meaning=f"{role.meaning}, where it {verb}",
        required=False,
        nulls=True,
        guesses=(),
    )
    for end, verb in (("from", "begins"), ("to", "ends"))
    for role in (LATITUDE, LONGITUDE)
)
"""Where a link begins and ends, for links without a table of nodes."""


EXTRACT = ("from", "to", "length", "class", "maxspeed", "oneway", *(role.name for role in ENDS))
"""Columns of an OpenStreetMap extract as a source."""


class LinksSpec(TableSpec):
    """Links of a road network, or an OpenStreetMap extract (.osm.pbf), which brings all of these itself."""

    roles = (
        Role("from", "text", "node where the link begins", required=False, guesses=("u", "tail", "init_node")),
        Role("to", "text", "node where it ends", required=False, guesses=("v", "head", "term_node")),
        Role("length", "number", "length of the link", "length", low=0, required=False, nulls=True),
        Role("minutes", "number", "travel time without traffic, minutes", low=0, required=False, nulls=True,
             guesses=("free_flow_time",)),
        Role("class", "text", "functional class of the road", required=False, nulls=True, guesses=("function_class",)),
        Role("maxspeed", "text", "speed limit as it is signed: 50, 30 mph, DE:urban", required=False, nulls=True),
        Role("oneway", "any", "1, true or yes where the link leads one way only", required=False, nulls=True),
        *ENDS,
        Role("capacity", "number", "vehicles an hour that the link carries", low=0, required=False, nulls=True),
        Role("volume", "number", "vehicles an hour that use it", low=0, required=False, nulls=True),
        Role("b", "number", "factor of the BPR function (0.15)", low=0, required=False, nulls=True),
        Role("power", "number", "power of the BPR function (4)", low=0, required=False, nulls=True),
    )  # fmt: skip
    usual = ("from", "to", "length", "class")

    @property
    def is_extract(self) -> bool:
        """Whether the source is an OpenStreetMap extract."""
        return self.source.casefold().endswith(".pbf")

    def all_columns(self) -> Mapping[str, ColumnSpec]:
        """Which column plays which role; an extract has all of its own names."""
        if self.columns or not self.is_extract:
            return self.columns
        return {name: ColumnSpec(column=name) for name in EXTRACT}

    @model_validator(mode="after")
    def _has_ends(self) -> LinksSpec:
        columns = self.all_columns()
        lacking = [name for name in ("from", "to") if name not in columns]
        if lacking:
            mend = f'Add columns.{lacking[0]} = "..."'
            found = f"no column says where a link {'begins' if lacking[0] == 'from' else 'ends'}"
            raise StudyError(Fault("location.link-missing", found, "", mend, key=f"columns.{lacking[0]}"))
        return self


class SampleSpec(TableSpec):
    """Trips whose time is known, by which a model of travel time is calibrated."""

    roles = (
        Role("from_latitude", "number", "degrees north, where the trip begins", "angle", -90, 90),
        Role("from_longitude", "number", "degrees east, where the trip begins", "angle", -180, 180),
        Role("to_latitude", "number", "degrees north, where it ends", "angle", -90, 90),
        Role("to_longitude", "number", "degrees east, where it ends", "angle", -180, 180),
        Role("minutes", "number", "how long it took, minutes", low=0),
        Role("from_density", "number", "people a square kilometre where it begins", low=0, required=False),
        Role("to_density", "number", "people a square kilometre where it ends", low=0, required=False),
    )
    usual = ("from_latitude", "from_longitude", "to_latitude", "to_longitude", "minutes")

    departure: float | None = Field(
        default=None, ge=0, lt=24, description="hour of the day of these trips; default without traffic"
    )


Hour = Annotated[float, Field(ge=0, lt=24)]
Factor = Annotated[float, Field(gt=0)]
Kmh = Annotated[float, Field(gt=0, le=1000)]


class ProblemSpec(Spec):
    """What is to be found."""

    objective: Literal[
        "minisum", "minimax", "quantile", "max_coverage", "set_cover", "fixed_charge", "attendance", "market_share"
    ] = Field(
        default="minisum",
        description="minisum: least mean time, minimax: least longest, quantile: least for a share of the people, "
        "max_coverage: most in reach, set_cover: fewest sites that reach all, fixed_charge: least cost of sites "
        "and ways, attendance: most who come, market_share: most who come rather than to rivals (Huff)",
    )
    p: int | None = Field(default=None, ge=1, description="number of sites (1; decided where the objective decides it)")
    site: Literal["candidates", "anywhere"] = Field(default="candidates", description="where sites may be")
    service_radius: float | None = Field(
        default=None, gt=0, description="minutes within which a site serves", json_schema_extra={"unit": "min"}
    )
    share: float = Field(default=0.9, gt=0, le=1, description="share of people whose time counts (quantile)")
    half_life: float = Field(
        default=15.0, gt=0, description="minutes at which half as many attend (attendance)",
        json_schema_extra={"unit": "min"},
    )  # fmt: skip
    distance_decay: float = Field(
        default=2.0, gt=0, le=10, description="Huff's lambda: pull is attractiveness over minutes to this power "
        "(market_share)",
    )  # fmt: skip
    staying: float = Field(
        default=0.0, ge=0, description="pull of staying at home, that of a site of this attractiveness a minute away "
        "(market_share)",
    )  # fmt: skip
    single_source: bool = Field(default=True, description="one site alone serves a demand point (capacities)")
    frontier: int = Field(
        default=0, ge=0, le=200, description="numbers of sites that are compared; 0 for 2 more than p"
    )

    @model_validator(mode="after")
    def _fits(self) -> ProblemSpec:
        faults = [*self._faults()]
        if faults:
            raise StudyError(faults)
        return self

    def _faults(self) -> Iterator[Fault]:
        if self.objective in COVERING and self.service_radius is None:
            found, mend = f"{self.objective} needs a radius", "Add service_radius = 15, in minutes"
            yield Fault("location.radius-missing", found, "", mend, key="service_radius")
        if self.objective == "set_cover" and self.p is not None:
            found = "set_cover finds how many sites it takes, and p is given"
            yield Fault("location.p-needless", found, "", "Take p away, or ask for max_coverage", key="p")
        if self.site == "anywhere" and self.objective not in ("minisum", "minimax", "attendance"):
            found = f"{self.objective} is answered at candidates only"
            yield Fault("location.anywhere", found, "expected minisum, minimax or attendance", "", key="site")


class TravelSpec(Spec):
    """How people travel."""

    model: Literal[
        "great_circle", "minkowski", "circuity", "circuity_distance", "circuity_density", "road", "matrix"
    ] = Field(default="circuity", description="how travel time is told")
    speed_kmh: float = Field(default=40.0, gt=0, description="usual speed", json_schema_extra={"unit": "km/h"})
    factor: float = Field(
        default=1.3, ge=1, description="road km a straight km (circuity; circuity_density: at 1,000 people a km²)"
    )
    near: float = Field(default=1.6, ge=1, description="road km a straight km on the shortest ways (circuity_distance)")
    far: float = Field(default=1.25, ge=1, description="the same on long ways (circuity_distance)")
    decay_km: float = Field(
        default=5.0, gt=0, description="how soon near turns into far: at three times as far it nearly has",
        json_schema_extra={"unit": "km"},
    )  # fmt: skip
    near_kmh: float | None = Field(
        default=None, gt=0, description="speed on the shortest ways; default speed_kmh (circuity_distance)",
        json_schema_extra={"unit": "km/h"},
    )  # fmt: skip
    speed_elasticity: float = Field(
        default=-0.1, ge=-2, le=2, description="-0.1: where ten times as many live, 21 % slower (circuity_density)"
    )
    factor_elasticity: float = Field(
        default=-0.02, ge=-2, le=2, description="the same for road km a straight km (circuity_density)"
    )
    exponent: float = Field(default=1.0, ge=1, description="1: streets in a grid, 2: straight (minkowski)")
    rotation: float = Field(
        default=0.0, description="how the grid of streets is turned (minkowski)", json_schema_extra={"unit": "deg"}
    )
    matrix: MatrixSpec | None = Field(default=None, description="travel times that are known (matrix)")
    nodes: NodesSpec | None = Field(default=None, description="nodes of the road network (road)")
    links: LinksSpec | None = Field(default=None, description="its links, or an OpenStreetMap extract (road)")
    sample: SampleSpec | None = Field(
        default=None, description="trips whose time is known: the model is calibrated by them"
    )
    sample_pairs: int | None = Field(
        default=None, ge=100, le=100_000, description="so many ways over the roads of [travel.links] between points "
        "of the study stand for known trips: circuity is calibrated by them", examples=[2000],
    )  # fmt: skip
    first_through: int | None = Field(
        default=None, ge=0, description="nodes with smaller numbers are zones that nobody passes through (road)"
    )
    zones: tuple[str, ...] = Field(
        default=(), description="ids of nodes that ways begin and end in and nobody passes through (road)",
        examples=[["Z1", "Z2"]],
    )  # fmt: skip
    density_km: float | None = Field(
        default=None, gt=0, le=500, description="how far around a place people of the demand count as its density, "
        "where tables have none: the denser, the slower (road, circuity_density)", json_schema_extra={"unit": "km"},
        examples=[5.0],
    )  # fmt: skip
    largest_part: bool | None = Field(
        default=None, description="only roads from which ways lead to all others and back; default for extracts (road)"
    )
    oneway: bool = Field(default=False, description="links that do not say so lead one way only (road)")
    walk_kmh: float = Field(
        default=5.0, gt=0, description="speed between a point and the road", json_schema_extra={"unit": "km/h"}
    )
    access_km: float = Field(
        default=5.0, gt=0, description="farthest way to the road", json_schema_extra={"unit": "km"}
    )
    speeds: dict[str, Kmh] = Field(
        default_factory=dict, description="km/h by class of road, in place of the usual ones",
        examples=[{"residential": 25.0}],
    )  # fmt: skip
    departure: float | None = Field(default=None, ge=0, lt=24, description="hour of the day; default without traffic")
    profile: tuple[Factor, ...] = Field(
        default=(), description="factor of the travel time for each hour of the day, 24 of them; default the usual one"
    )

    @model_validator(mode="after")
    def _fits(self) -> TravelSpec:
        faults = [*self._faults()]
        if faults:
            raise StudyError(faults)
        return self

    @property
    def from_roads(self) -> bool:
        """Whether the model is calibrated by ways over roads."""
        return self.sample_pairs is not None

    def _faults(self) -> Iterator[Fault]:
        yield from self._table_faults()
        if self.sample is not None and self.model in ("road", "matrix"):
            found = f"the model {self.model} is not calibrated by trips"
            yield Fault("location.travel", found, _CALIBRATED, "Take [travel.sample] away", key="sample")
        if self.from_roads and self.model in ("road", "matrix"):
            found = f"the model {self.model} is not calibrated by ways over roads"
            yield Fault("location.travel", found, _CALIBRATED, "Take sample_pairs away", key="sample_pairs")
        if self.from_roads and self.sample is not None:
            found = "the model is calibrated by trips or by ways over roads, and both are given"
            yield Fault("location.travel", found, "", "Take [travel.sample] or sample_pairs away", key="sample_pairs")
        if self.near < self.far:
            found = f"near is {self.near:g} and far {self.far:g}"
            yield Fault("location.travel", found, "expected near to be at least far", "", key="near")
        if self.near_kmh is not None and self.near_kmh > self.speed_kmh:
            found = f"near_kmh is {self.near_kmh:g} and speed_kmh {self.speed_kmh:g}"
            yield Fault("location.travel", found, "expected the shortest ways to be no faster", "", key="near_kmh")
        if self.profile and len(self.profile) != 24:
            found = f"the profile has {len(self.profile)} factors"
            yield Fault("location.profile", found, "expected 24, one for each hour", "", key="profile")
        if self.model == "matrix" and self.departure is not None and not self.profile:
            yield _by_hour("departure", "departure")

    def _table_faults(self) -> Iterator[Fault]:
        if self.model == "matrix" and self.matrix is None:
            mend = "Add [travel.matrix] with source and columns origin, destination, minutes"
            yield Fault("location.table-missing", "the model matrix needs a table of times", "", mend, key="matrix")
        if self.model == "road" and self.links is None:
            mend = "Add [travel.links] with source and columns from, to, length; or an .osm.pbf as source"
            yield Fault("location.table-missing", "the model road needs a table of links", "", mend, key="links")
        if self.from_roads and self.links is None:
            mend = "Add [travel.links] with source and columns from, to, length; or an .osm.pbf as source"
            yield Fault("location.table-missing", "sample_pairs needs a table of links", "", mend, key="links")

    def unused(self) -> tuple[str, ...]:
        """Keys that are set, and of which the model makes nothing."""
        return tuple(
            name
            for name, models in _USED.items()
            if self.model not in models
            and getattr(self, name) != type(self).model_fields[name].get_default(call_default_factory=True)
            and not (self.from_roads and name in _ROADS)
        )


_CALIBRATED = "expected great_circle, minkowski, circuity, circuity_distance or circuity_density"
_ROADS = (
    "nodes", "links", "first_through", "zones", "largest_part", "oneway", "walk_kmh", "access_km", "speeds",
)  # fmt: skip
_USED = {
    "matrix": ("matrix",), **dict.fromkeys(_ROADS, ("road",)),
    "density_km": ("road", "circuity_density"),
    "speed_kmh": (
        "great_circle", "minkowski", "circuity", "circuity_distance", "circuity_density", "road",
    ),
    "factor": ("circuity", "circuity_density"),
    **dict.fromkeys(("near", "far", "decay_km", "near_kmh"), ("circuity_distance",)),
    **dict.fromkeys(("speed_elasticity", "factor_elasticity"), ("circuity_density",)),
    **dict.fromkeys(("exponent", "rotation"), ("minkowski",)),
}  # fmt: skip
"""Keys of [travel] by the models that use them; the others are used by all."""


def _by_hour(key: str, what: str) -> Fault:
    found = f"times of a matrix are taken as they are, and {what} is given"
    mend = f"Take {key.rpartition('.')[2]} away, or say by profile with what the times of each hour are multiplied"
    return Fault("location.matrix-hour", found, "expected a profile of 24 factors", mend, key=key)


class SolverSpec(Spec):
    """How long to look for the best."""

    time_limit: float = Field(
        default=60.0, gt=0, le=86_400, description="seconds, then the best so far is told with its bound",
        json_schema_extra={"unit": "s"},
    )  # fmt: skip
    gap: float = Field(default=0.0, ge=0, lt=1, description="share of the objective that may be missing; 0: the best")


class ScenariosSpec(Spec):
    """What if travel times and demand are otherwise?"""

    count: int = Field(default=200, ge=0, le=100_000, description="number of scenarios; 0 for none")
    travel_spread: float = Field(default=0.2, ge=0, le=2, description="spread of travel times (log scale)")
    shared: float = Field(default=0.5, ge=0, le=1, description="share of that spread that all ways have in common")
    demand_spread: float = Field(default=0.1, ge=0, le=2, description="spread of the weights (log scale)")
    hours: tuple[Hour, ...] = Field(
        default=(), description="hours of the day that are compared", examples=[[8, 12, 17]]
    )


class LocationStudy(Study):
    """Where should it be, so that people get there quickly?"""

    kind: Literal["location"]
    demand: DemandSpec = Field(description="where people are")
    candidates: CandidatesSpec | None = Field(default=None, description="where sites may be; default the demand points")
    rivals: RivalsSpec | None = Field(default=None, description="sites of others (market_share)")
    problem: ProblemSpec = Field(default=ProblemSpec(), description="what is to be found")
    travel: TravelSpec = Field(default=TravelSpec(), description="how people travel")
    solver: SolverSpec = Field(default=SolverSpec(), description="how long to look for the best")
    scenarios: ScenariosSpec = Field(default=ScenariosSpec(), description="what if it is otherwise")

    @model_validator(mode="after")
    def _fits(self) -> LocationStudy:
        faults = [*self._place_faults(), *self._anywhere_faults(), *self._kind_faults(), *self._column_faults()]
        if faults:
            raise StudyError(faults)
        return self

    def _place_faults(self) -> Iterator[Fault]:
        by_id = self.travel.model in ("matrix", "road")
        for name, part in self._points():
            if part is None:
                continue
            lacking = [role for role in ("latitude", "longitude") if role not in part.columns]
            if len(lacking) == 2 and part.may_bring_places:
                lacking = []
            if by_id:
                if len(lacking) == 1:
                    yield _half(name, lacking[0])
                if "id" not in part.columns and (lacking or self.travel.model == "matrix"):
                    mend, found = 'Add columns.id = "..."', "a matrix, and a network without places, go by ids"
                    yield Fault("location.id-missing", found, "", mend, key=f"{name}.columns.id")
            elif lacking:
                yield _half(name, lacking[0])

    def _points(self) -> Iterator[tuple[str, TableSpec | None]]:
        """The tables of points."""
        yield from {"demand": self.demand, "candidates": self.candidates, "rivals": self.rivals}.items()

    def _anywhere_faults(self) -> Iterator[Fault]:
        problem, travel = self.problem, self.travel
        if problem.site != "anywhere":
            return
        if travel.model in ("road", "matrix", "circuity_density"):
            found = f"{travel.model} knows no travel time to just anywhere"
            expected = 'expected great_circle, minkowski, circuity or circuity_distance, or site = "candidates"'
            yield Fault("location.anywhere", found, expected, "", key="problem.site")
        if problem.service_radius is not None:
            found, mend = "sites anywhere know no service radius", "Take service_radius away, or give candidates"
            yield Fault("location.anywhere", found, "", mend, key="problem.service_radius")
        if self.candidates is not None and "fixed" not in self.candidates.columns:
            found = "sites may be anywhere, and candidates are given of which none is there already"
            mend = 'Take [candidates] away, ask for site = "candidates", or add columns.fixed'
            yield Fault("location.anywhere", found, "", mend, key="candidates")

    def _kind_faults(self) -> Iterator[Fault]:
        problem, travel = self.problem, self.travel
        if problem.objective == "fixed_charge" and (self.candidates is None or "cost" not in self.candidates.columns):
            mend = "Add [candidates] with columns.cost"
            yield Fault("location.cost-missing", "fixed_charge needs what a site costs", "", mend, key="candidates")
        if problem.objective == "market_share" and self.rivals is None and not problem.staying:
            found = "without rivals and without staying at home everybody comes to any site"
            mend = "Add [rivals] with the sites of others, or staying = 1"
            yield Fault("location.rivals-missing", found, "", mend, key="rivals")
        if problem.objective != "market_share" and self.rivals is not None:
            found, mend = (
                f"{problem.objective} knows no rivals",
                'Ask for objective = "market_share", or take [rivals] away',
            )
            yield Fault("location.needless", found, "", mend, key="rivals")
        if travel.model == "matrix" and self.scenarios.hours and not travel.profile:
            yield _by_hour("scenarios.hours", "an hour of the day")

    def _column_faults(self) -> Iterator[Fault]:
        problem, travel = self.problem, self.travel
        columns = {} if self.candidates is None else self.candidates.columns
        if "capacity" in columns and (
            problem.site == "anywhere" or problem.objective not in ("minisum", "fixed_charge")
        ):
            what = "sites anywhere know" if problem.site == "anywhere" else f"{problem.objective} knows"
            expected, mend = "expected minisum or fixed_charge at candidates", "Or take columns.capacity away"
            yield Fault("location.capacity-unknown", f"{what} no capacities", expected, mend, key="candidates.columns")
        if "cost" in columns and problem.objective not in COSTED:
            found, mend = f"{problem.objective} counts no cost of opening", "Or take columns.cost away"
            expected = f"expected {' or '.join(COSTED)}"
            yield Fault("location.needless", found, expected, mend, key="candidates.columns.cost")
        for name, part in self._points():
            drawn = part is not None and name == "candidates" and "attractiveness" in part.columns
            if drawn and problem.objective != "market_share":
                found, mend = f"{problem.objective} knows no attractiveness", "Or take columns.attractiveness away"
                key = "candidates.columns.attractiveness"
                yield Fault("location.needless", found, "expected market_share", mend, key=key)
            dense = part is None or "density" in part.columns or travel.density_km is not None
            if travel.model == "circuity_density" and not dense:
                mend = 'Add columns.density = "...", people a square kilometre; or travel.density_km = 5'
                yield Fault("location.density-missing", "there is no density", "", mend, key=f"{name}.columns.density")


def _half(table: str, role: str) -> Fault:
    return Fault("location.place-missing", f"no column is the {role}", "", f'Add columns.{role} = "..."',
                 key=f"{table}.columns.{role}")  # fmt: skip


def question_of(study: LocationStudy) -> Question:
    """What the study asks, as plain values."""
    p, t = study.problem, study.travel
    free = p.objective in ("set_cover", "fixed_charge")
    extract = t.links is not None and t.links.is_extract
    return Question(
        Problem(**_alike(Problem, p, p=p.p if free else p.p or 1, anywhere=p.site == "anywhere", equity=p.frontier)),
        Travel(
            **_alike(
                Travel, t, default_kmh=dict(t.speeds), sample_departure=t.sample.departure if t.sample else None,
                largest_part=extract if t.largest_part is None else t.largest_part,
            )
        ),
        Solver(**_alike(Solver, study.solver)),
        Scenarios(**_alike(Scenarios, study.scenarios)),
        notes=(*_left_aside(t),),
    )  # fmt: skip


def _left_aside(travel: TravelSpec) -> Iterator[str]:
    """A sentence about keys of which the model makes nothing."""
    some = travel.unused()
    if some:
        keys = ", ".join(f"travel.{name}" for name in some)
        yield f"The model {travel.model} makes nothing of {keys}."


def _alike(kind: type[Any], part: Spec, **other: Any) -> dict[str, Any]:
    """What a part of the study has under the names of ``kind``, and what is named otherwise there."""
    names = (one.name for one in fields(kind) if one.name not in other)
    return {name: getattr(part, name) for name in names} | other


def run(study: LocationStudy, tables: Mapping[str, Table], stream: Stream, progress: Progress) -> Result:
    """Choose the sites, say whom each serves, and how far that can be from the best."""
    return answer.answer(tables, question_of(study), stream, progress)


def check(study: LocationStudy, tables: Mapping[str, Table]) -> None:
    """Say what a run would say of its tables before it looks for sites."""
    checked(tables, question_of(study))


def figures(result: Result) -> Iterable[Figure]:
    """The pictures of a result."""
    return pictures.figures(result)


class Place(BaseModel):
    """A place that somebody sets out from."""

    model_config = ConfigDict(allow_inf_nan=False)

    latitude: float = Field(ge=-90, le=90, description="degrees north")
    longitude: float = Field(ge=-180, le=180, description="degrees east")


MINUTES: dict[str, Any] = {"unit": "min"}
KM: dict[str, Any] = {"unit": "km"}
PERCENT: dict[str, Any] = {"unit": "%"}


class Assigned(BaseModel):
    """The site that serves a place."""

    site: str | None = Field(title="site", description="that is reached soonest; none where no way leads to one")
    minutes: float | None = Field(title="travel time", description="to this site", json_schema_extra=MINUTES)
    km: float | None = Field(title="straight line", description="to this site", json_schema_extra=KM)
    next_site: str | None = Field(title="second nearest", description="site by travel time")
    next_minutes: float | None = Field(
        title="travel time there", description="to the second nearest", json_schema_extra=MINUTES
    )
    note: str = Field(description="what the answer rests on")


class Spot(BaseModel):
    """A place, where there may be none."""

    model_config = ConfigDict(allow_inf_nan=False)

    latitude: float | None = Field(default=None, ge=-90, le=90, description="degrees north")
    longitude: float | None = Field(default=None, ge=-180, le=180, description="degrees east")


class Change(Spot):
    """A place where a site would be."""

    candidate: str = Field(default="", description="id of a candidate in place of latitude and longitude")
    site: str = Field(default="", description="id of the site that is moved there; empty: one more site")


class Changed(BaseModel):
    """What it is worth to have a site there."""

    mean_minutes: float | None = Field(
        title="mean travel time", description="with the site there", json_schema_extra=MINUTES
    )
    mean_before: float | None = Field(
        title="mean travel time before", description="that of the run", json_schema_extra=MINUTES
    )
    p90_minutes: float | None = Field(
        title="nine in ten within", description="nine tenths of the weight, with the site there",
        json_schema_extra=MINUTES,
    )  # fmt: skip
    worst_minutes: float | None = Field(
        title="longest travel time", description="with the site there", json_schema_extra=MINUTES
    )
    points: int = Field(title="demand points", description="that would go there")
    objective: float | None = Field(title="objective", description="with the site there; none where it cannot be so")
    before: float | None = Field(title="objective before", description="that of the run")
    change: float | None = Field(
        title="change", description="by how much the objective grows", json_schema_extra=PERCENT
    )
    note: str = Field(description="what the answer rests on")


class Around(Spot):
    """A place, or a site, to which people travel."""

    site: str = Field(default="", description="id of a site in place of a place; neither: the nearest site")
    step: float | None = Field(
        default=None, gt=0, description="from one line to the next; default about five in all",
        json_schema_extra={"unit": "min"},
    )  # fmt: skip


class Held(BaseModel):
    """Who is within an isochrone."""

    minutes: float = Field(title="within", description="travel time at most", json_schema_extra=MINUTES)
    weight: float = Field(title="weight", description="of the demand points within this time")
    share: float = Field(title="share", description="of the weight within this time", json_schema_extra=PERCENT)


class Outline(BaseModel):
    """Places as polygons, GeoJSON: longitude and latitude in degrees, the outer ring first, then holes."""

    type: Literal["MultiPolygon"]
    coordinates: list[list[list[tuple[float, float]]]]


class Isochrone(BaseModel):
    """From where it takes at most so many minutes, a GeoJSON feature."""

    type: Literal["Feature"]
    properties: Held
    geometry: Outline | None


class Isochrones(BaseModel):
    """Isochrones from the shortest time to the longest, a GeoJSON collection of features; each holds those before."""

    type: Literal["FeatureCollection"]
    features: list[Isochrone] = Field(
        title="on the map", description="from within each line it takes so long at most; whose weight that is"
    )
    note: str = Field(description="what the answer rests on")


def assign(model: live.Live, ask: Place) -> Assigned:
    """The site that serves a place."""
    return Assigned(**live.assign(model, ask.latitude, ask.longitude))


def what_if(model: live.Live, ask: Change) -> Changed:
    """What it is worth to have a site elsewhere."""
    there = live.spot(model, ask.latitude, ask.longitude, ask.candidate)
    return Changed(**otherwise.what_if(model, there, ask.site))


def isochrones_of(model: live.Live, ask: Around) -> Isochrones:
    """From where one is there within how many minutes."""
    return Isochrones(**isochrones.isochrones(model, ask.latitude, ask.longitude, ask.site, ask.step))


WASHINGTON = {"latitude": 38.9, "longitude": -77.02}

engine = Engine(
    kind="location",
    study=LocationStudy,
    run=run,
    figures=figures,
    summary="Where should it be, so that people get there quickly? Sites by travel time, with their bound.",
    endpoints=(
        Endpoint("assign", Place, assign, Assigned, live.load, "Which site serves this place, and how soon?",
                 WASHINGTON),
        Endpoint("what-if", Change, what_if, Changed, live.load, "What if a site were here?", WASHINGTON),
        Endpoint("isochrones", Around, isochrones_of, Isochrones, live.load,
                 "How long does it take to get here, and from where?", WASHINGTON),
    ),
    demo=("demo-meetup.toml", "demo-helsinki.toml"),
    prepare=prepare,
    check=check,
    extra="location",
)  # fmt: skip
