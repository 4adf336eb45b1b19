"""The declaration of the engine ``simulation``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from potomac.engine import Endpoint, Engine, Figure, Progress, Result, Slider
from potomac.errors import Fault, PotomacError, StudyError
from potomac.simulation.demo import prepare
from potomac.simulation.montecarlo import posed
from potomac.simulation.montecarlo import study_side as chance
from potomac.simulation.telling import answer, live, pictures
from potomac.simulation.telling.building import Data, model_of
from potomac.simulation.telling.question import PARTS, Observed, Question, Scenario, changed
from potomac.simulation.telling.reading import data_of
from potomac.spec import Spec, Study, TableSpec
from potomac.stats.streams import Stream
from potomac.tables import TIME, Role, Table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SimulationStudy", "engine"]

Amount = float | str | dict[str, Any]
"""A distribution: a number, ``exponential(mean=1.5)``, ``{ exponential = { mean = 1.5 } }``, ``{ fit = "table" }``."""

VALUE = Role(
    "value", "number", "observed durations, amounts or times of arrivals, in their order", low=0, required=False,
    guesses=("minutes", "duration", "amount", "value"),
)  # fmt: skip
WHEN = replace(TIME, required=False, meaning="when it happened, in place of value; counts from the first")


class DataSpec(TableSpec):
    """Observed values that a model is fitted to, draws from or plays back."""

    roles = (VALUE, WHEN)
    usual = ("value",)

    ties: Literal["auto", "keep", "error"] = Field(
        default="auto", description="what equal times of arrivals mean: rounding (keep), or a row that stands twice"
    )

    @model_validator(mode="after")
    def _has_one(self) -> DataSpec:
        given = [name for name in ("value", "time") if name in self.columns]
        if len(given) != 1:
            found = "no column has the values" if not given else "both value and time are given"
            mend = 'Add columns.value = "..."' if not given else "Take one of them away"
            raise StudyError(Fault("simulation.table", found, "expected one of value and time", mend, key="columns"))
        return self


SHOWN: dict[str, Any] = {"shown": True}
"""Keys and tables that a new study begins with, although they may be left out."""

WORDS = 'a number, text such as "gamma(mean=2, cv=0.5)", or a table such as { fit = "services" }'
"""What stands where a distribution is meant."""


def _drawn(about: str, example: Any, **more: Any) -> Any:
    """A key that takes a distribution."""
    extra = {"words": WORDS, **more}
    return Field(default=None, description=about, examples=[example], json_schema_extra=extra)


class SourceSpec(Spec):
    """Where customers come from."""

    name: str = Field(description="name of the source, and of its customers", examples=["walkin"])
    to: str | dict[str, float] = Field(
        description="station or stock where they go first, or the share of each", examples=["desk"]
    )
    interarrival: Amount | None = _drawn(
        "time between arrivals: a distribution", {"exponential": {"mean": 1.0}}, **SHOWN
    )
    rate: float | tuple[float, ...] | str | None = Field(
        default=None, description="arrivals a unit of time: a number, one for each piece of time, or a table of times",
        examples=[[0.5, 1.0, 0.5]],
    )  # fmt: skip
    every: float | None = Field(default=None, description="how long each of the rates holds", examples=[60.0])
    repeat: bool = Field(default=True, description="whether the rates begin again after the last")
    factor: Amount | None = _drawn(
        "distribution of a factor of all rates, drawn anew for each round", {"gamma": {"mean": 1.0, "cv": 0.3}}
    )
    data: str | tuple[float, ...] | None = Field(
        default=None, examples=["arrivals"],
        description="observed times between arrivals, drawn from at random: a table (of arrivals, too), or the times",
    )  # fmt: skip
    trace: str | tuple[float, ...] | None = Field(
        default=None, description="observed times of arrivals, played back: a table, or the times",
        examples=["arrivals"],
    )  # fmt: skip
    ties: Literal["auto", "keep", "error"] = Field(
        default="auto", description="what equal times of a trace that is written here mean, as of a table"
    )
    population: int = Field(default=0, description="so many are there from the start and go round for ever; 0: none")
    batch: Amount | None = _drawn("how many come at once, at least 1: a distribution", {"geometric": {"p": 0.5}})
    kind: str = Field(default="", description="name under which its customers are served and counted")
    priority: int = Field(default=0, description="smaller is more urgent")
    start: float = Field(default=0.0, description="time from which they come")
    stop: float | None = Field(default=None, description="time at which the doors close", examples=[480.0])
    limit: int | None = Field(default=None, description="most who come", examples=[1000])


class StationSpec(Spec):
    """Where customers are served."""

    name: str = Field(description="name of the station", examples=["desk"])
    service: Amount = Field(
        description="time it takes: a distribution, or one for each kind of customers",
        examples=[{"exponential": {"mean": 1.5}}], json_schema_extra={"words": WORDS},
    )  # fmt: skip
    servers: int | Literal["unlimited"] = Field(
        default=1, description="how many serve", examples=[2], json_schema_extra=SHOWN
    )
    discipline: Literal["fcfs", "lcfs", "priority", "sharing", "random"] = Field(
        default="fcfs", description="who is next; sharing: all are served at once"
    )
    preemption: Literal["none", "resume", "repeat"] = Field(
        default="none", description="whether more urgent customers interrupt others, and how those go on"
    )
    capacity: int | None = Field(
        default=None, description="most customers there, those in service included", examples=[10]
    )
    patience: Amount | None = _drawn(
        "time after which who waits gives up: a distribution", {"exponential": {"mean": 20.0}}
    )
    balk: int | tuple[float, ...] | None = Field(
        default=None, description="length of the queue at which arrivals turn back, or the chance at each length",
        examples=[8],
    )  # fmt: skip
    overflow: str = Field(default="exit", description="where they go who find it full")
    balk_to: str = Field(default="exit", description="where they go who turn back")
    renege_to: str = Field(default="exit", description="where they go who give up")
    calendar: tuple[tuple[float, ...], ...] = Field(
        default=(), description="pieces [duration, servers], again and again, in place of servers",
        examples=[[[240.0, 2], [240.0, 3]]],
    )  # fmt: skip
    uptime: Amount | None = _drawn("time until a server fails: a distribution", {"exponential": {"mean": 500.0}})
    repair: Amount | None = _drawn("time until it works again: a distribution", {"exponential": {"mean": 20.0}})


class RouteSpec(Spec):
    """Where customers go from a place; without a route they leave."""

    start: str = Field(description="the station or stock they come from", examples=["desk"])
    to: str | dict[str, float] | tuple[str, ...] = Field(
        description="a station, exit, the share of each, or a list to choose from",
        examples=[{"exit": 0.9, "desk": 0.1}],
    )
    kind: str = Field(default="", description="of customers it is for; default all")
    rule: Literal["shares", "shortest", "cycle"] | None = Field(
        default=None, description="by shares; of a list: the shortest queue, or each in turn"
    )


class StockSpec(Spec):
    """Goods that customers take, and that are ordered again."""

    name: str = Field(description="name of the stock", examples=["shelf"])
    s: float | None = Field(default=None, description="reorder point: at or below it, order up to S", examples=[20.0])
    S: float | None = Field(default=None, description="order-up-to level", examples=[60.0])
    Q: float | None = Field(default=None, description="size of a lot, ordered at or below r", examples=[40.0])
    r: float | None = Field(default=None, description="reorder point of lots", examples=[20.0])
    base: float | None = Field(default=None, description="base stock: whatever leaves is ordered", examples=[50.0])
    initial: float | None = Field(default=None, description="on hand at the start; default what an order aims at")
    quantity: Amount | None = _drawn(
        "what a customer asks for: a distribution; default one", {"poisson": {"mean": 3.0}}
    )
    lead: Amount | None = _drawn(
        "time from order to arrival: a distribution; default none", {"uniform": {"low": 1, "high": 3}}
    )
    review: float = Field(default=0.0, description="time between looks at the stock; 0: always known")
    lost: bool = Field(default=False, description="whether demand that is not met is lost; else it is owed")
    lost_to: str = Field(default="exit", description="where customers go whose demand is lost")
    holding: float = Field(default=0.0, description="cost of a unit on hand a unit of time")
    shortage: float = Field(default=0.0, description="cost of a unit owed a unit of time")
    order: float = Field(default=0.0, description="cost of an order")
    unit: float = Field(default=0.0, description="cost of a unit ordered")
    penalty: float = Field(default=0.0, description="cost of a unit lost")


class ComponentSpec(Spec):
    """Units that fail, all alike."""

    name: str = Field(description="name of the component", examples=["pump"])
    life: Amount | None = _drawn(
        "time a unit works until it fails: a distribution", {"weibull": {"shape": 1.5, "scale": 900.0}}
    )
    repair: Amount | None = _drawn(
        "time its repair takes: a distribution; default none", {"lognormal": {"mean": 24.0, "sd": 12.0}}
    )
    count: int = Field(default=1, description="units")
    running: int | None = Field(default=None, description="units that run at once, the others stand by; default all")
    dormant: Amount | None = _drawn(
        "time until a unit fails in standby; default never", {"exponential": {"mean": 5000.0}}
    )
    switch: float = Field(default=1.0, description="probability that a unit in standby takes over")
    crew: str = Field(default="", description="who repairs it; default somebody is there at once")
    priority: int = Field(default=0, description="of its repairs, where the crew has priorities; smaller is first")
    reliability: float | None = Field(
        default=None, description="probability that a unit works, in place of life", examples=[0.95]
    )


class SystemSpec(Spec):
    """A structure of components and other systems."""

    name: str = Field(default="system", description="name of the system")
    series: str | tuple[str, ...] | None = Field(
        default=None, description="parts that must all work", examples=[["pump"]]
    )
    parallel: str | tuple[str, ...] | None = Field(
        default=None, description="parts one of which must work", examples=[["pump"]]
    )
    of: str | tuple[str, ...] | None = Field(
        default=None, description="parts k of which must work", examples=[["pump"]]
    )
    standby: str | tuple[str, ...] | None = Field(
        default=None, description="components k of which run in their order, the others stand by", examples=[["pump"]]
    )
    k: int | None = Field(default=None, description="parts that must work", examples=[2])
    switch: float = Field(default=1.0, description="probability that a unit in standby takes over")
    suspended: bool = Field(default=False, description="whether nothing in it fails while it is down")
    times: tuple[float, ...] = Field(
        default=(), description="times at which the chance that it has not failed yet is told", examples=[[100.0]]
    )


class CrewSpec(Spec):
    """Who repairs, one unit each at a time."""

    name: str = Field(description="name of the crew", examples=["mechanics"])
    number: int = Field(default=1, description="how many they are")
    discipline: Literal["fcfs", "priority"] = Field(default="fcfs", description="which repair is next")


class ExperimentSpec(Spec):
    """Monte Carlo: random inputs, and values that follow from them; time plays no part. In place of all parts above."""

    inputs: dict[str, Amount] = Field(
        description="each name and its distribution; with draws = 5 five of them; with total = \"claims\" as many as "
        "the input claims says, added up; also { dice = { sides = 6, draws = 2 } }, { cards = { deck = 52, draws = 5 } "
        "}, coins",
        examples=[{"claims": {"poisson": {"mean": 30}}, "loss": {"gamma": {"mean": 1e3, "cv": 1}, "total": "claims"}}],
    )  # fmt: skip
    values: dict[str, str] = Field(
        description="each name and its formula of inputs and of values before it; a comparison gives its probability",
        examples=[{"ruin": "loss > 50000"}],
    )
    units: dict[str, str] = Field(
        default_factory=dict, description="the unit of each value", examples=[{"loss": "euro"}]
    )
    method: Literal["plain", "antithetic", "stratified", "sobol", "importance"] = Field(
        default="plain", description="how draws are chosen"
    )
    control: tuple[str, ...] = Field(
        default=(), description="inputs whose known means correct the estimate (control variates)",
        examples=[["claims"]],
    )  # fmt: skip
    strata: dict[str, int] = Field(
        default_factory=dict, description="stratified: input = pieces; default up to 256 strata of all inputs",
        examples=[{"claims": 16}],
    )  # fmt: skip
    allocation: Literal["proportional", "neyman"] = Field(
        default="proportional", description="stratified: draws alike, or by what varies in a pilot"
    )
    proposal: dict[str, Amount] = Field(
        default_factory=dict, description="importance: input = the distribution it is drawn from instead",
        examples=[{"claims": {"poisson": {"mean": 45}}}],
    )  # fmt: skip
    sensitivity: Literal["none", "sobol", "morris", "fast", "rbd_fast", "pawn"] = Field(
        default="none", description="how it is found out which inputs matter"
    )
    exact: dict[str, float] = Field(
        default_factory=dict, description="mean or probability of each value, where known", examples=[{"loss": 3e4}]
    )
    most: int = Field(default=10_000_000, ge=16, description="draws at which the search for precision stops")


class RunSpec(Spec):
    """How long and how often the model runs."""

    until: float | None = Field(
        default=None,
        gt=0,
        description="end of each replication; default as long as the long run needs",
        examples=[10000.0],
    )
    replications: int | None = Field(default=None, ge=1, description="how many; default 20", examples=[20])
    precision: float | None = Field(
        default=None, gt=0, lt=1, description="half-width over mean that is wanted; replications go on until then",
        examples=[0.02],
    )  # fmt: skip
    of: str = Field(default="", description="measure that is told first: wait, desk:wait_q90, shelf:fill_rate ...")
    warmup: float | Literal["auto"] = Field(default="auto", description="time left out at the start; auto finds it")
    confidence: float = Field(default=0.95, ge=0.5, lt=1, description="of the intervals")
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.5, 0.9, 0.99), description="shares whose quantiles of waits are told"
    )
    most: int = Field(default=1000, ge=2, description="replications at which the search for precision stops")
    budget: float = Field(
        default=300.0, gt=0, description="seconds after which it stops, too", json_schema_extra={"unit": "s"}
    )
    antithetic: bool = Field(
        default=False, description="replications in pairs, the second of opposite draws, for narrower intervals"
    )
    log: bool = Field(
        default=False, description="whether all events of all replications are kept, in a table events (large)"
    )


class ScenarioSpec(Spec):
    """The model with some of its values changed; compared by common random numbers."""

    name: str = Field(description="name of the scenario", examples=["three-at-the-desk"])
    set: dict[str, Any] = Field(
        description="what is otherwise: part and key, and their value", examples=[{"station.desk.servers": 3}]
    )


class ObservedSpec(Spec):
    """A value that was measured on the real system, to be held against the model's."""

    where: str = Field(description="station, source, stock, component or system", examples=["desk"])
    measure: str = Field(description="which measure", examples=["wait"])
    value: float = Field(description="what was measured", examples=[3.4])


class SimulationStudy(Study):
    """What will happen if?"""

    time_unit: str = Field(default="minutes", max_length=40, description="unit of all times: minutes, hours, days ...")
    source: tuple[SourceSpec, ...] = Field(default=(), description="where customers come from", json_schema_extra=SHOWN)
    station: tuple[StationSpec, ...] = Field(default=(), description="where they are served", json_schema_extra=SHOWN)
    route: tuple[RouteSpec, ...] = Field(default=(), description="where they go then; without a route they leave")
    stock: tuple[StockSpec, ...] = Field(default=(), description="goods that they take, and that are ordered again")
    component: tuple[ComponentSpec, ...] = Field(default=(), description="units that fail: a model of its own")
    system: tuple[SystemSpec, ...] = Field(default=(), description="structures of components")
    crew: tuple[CrewSpec, ...] = Field(default=(), description="who repairs components")
    experiment: ExperimentSpec | None = Field(
        default=None, description="Monte Carlo in place of sources, stations, stocks and components"
    )
    data: dict[str, DataSpec] = Field(
        default_factory=dict, description="tables, each under a name, for fit, data and trace",
        examples=[{"checkins": {"source": "checkins.csv", "columns": {"value": "minutes"}}}],
    )  # fmt: skip
    run: RunSpec = Field(default=RunSpec(), description="how long, how often")
    scenario: tuple[ScenarioSpec, ...] = Field(default=(), description="what if? compared by common random numbers")
    observed: tuple[ObservedSpec, ...] = Field(default=(), description="what was measured on the real system")

    @model_validator(mode="after")
    def _fits(self) -> SimulationStudy:
        faults = [*self._faults()]
        if faults:
            raise StudyError(faults)
        return self

    def _faults(self) -> Iterator[Fault]:
        parts, names = parts_of(self), [*self.data]
        if self.experiment is not None:
            yield from chance.faults(posed_of(self), names, _beside(self))
            return
        base = [*_of_model(self.name, parts, names)]
        yield from base
        if base:
            return
        seen = ["as it is"]
        for n, scenario in enumerate(self.scenario):
            if scenario.name in seen:
                yield Fault(
                    "simulation.scenario", f"two scenarios are called {scenario.name!r:.60}", key=f"scenario.{n}.name"
                )
            seen.append(scenario.name)
            try:
                other = changed(parts, scenario.set)
            except StudyError as error:
                yield from (replace(f, key=f"scenario.{n}.set") for f in error.faults)
                continue
            wrong = [*_mistyped(parts, other)] or [*_of_model(self.name, other, names)]
            yield from (replace(f, key=f"scenario.{n}.set") for f in wrong)


def _of_model(name: str, parts: Mapping[str, Any], names: list[str]) -> Iterator[Fault]:
    """What is wrong with a model, as far as it can be seen without its tables."""
    try:
        model_of(name, parts, Data(names))
    except PotomacError as error:
        yield from error.faults


_SPECS: dict[str, type[Spec]] = {
    "source": SourceSpec, "station": StationSpec, "route": RouteSpec, "stock": StockSpec, "component": ComponentSpec,
    "system": SystemSpec, "crew": CrewSpec,
}  # fmt: skip


def _mistyped(parts: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Fault]:
    """What a scenario gives that its key does not take."""
    for what, spec in _SPECS.items():
        for before, after in zip(parts[what], other[what], strict=True):
            if before == after:
                continue
            try:
                spec.model_validate(after)
            except ValidationError as error:
                first = error.errors()[0]
                name = str(first["loc"][0]) if first["loc"] else ""
                expected = str(first["msg"]).replace("Input should be", "expected")
                found = f"{name} of {what} {after.get('name', after.get('start', ''))!s:.60} is {after.get(name)!r:.60}"
                yield Fault("simulation.scenario", found, expected)


def parts_of(study: SimulationStudy) -> dict[str, list[dict[str, Any]]]:
    """The parts of the model, each with the arguments that the study gives."""
    dumped = study.model_dump(mode="json", exclude_unset=True, exclude_none=True, include={*PARTS})
    return {what: dumped.get(what, []) for what in PARTS}


def question_of(study: SimulationStudy) -> Question:
    """What the study asks, as plain values."""
    r = study.run
    return Question(
        study.name, parts_of(study), study.time_unit, r.until, r.replications, r.precision, r.of, r.warmup,
        r.confidence, r.quantiles, r.most, r.budget, study.seed, tuple(Scenario(s.name, s.set) for s in study.scenario),
        tuple(Observed(o.where, o.measure, o.value) for o in study.observed),
        {name: spec.ties for name, spec in study.data.items()}, r.antithetic, r.log,
    )  # fmt: skip


def _beside(study: SimulationStudy) -> list[str]:
    """Keys that stand beside an experiment and mean nothing to it."""
    given = [what for what in (*PARTS, "scenario", "observed") if getattr(study, what)]
    usual = RunSpec()
    return given + [f"run.{n}" for n in ("until", "warmup", "most") if getattr(study.run, n) != getattr(usual, n)]


def posed_of(study: SimulationStudy) -> posed.Posed:
    """What the study asks of its experiment, as plain values."""
    e, r = study.experiment, study.run
    assert e is not None  # noqa: S101 - asked only where there is one
    return posed.Posed(
        study.name, e.inputs, e.values, e.units, e.method, e.control, e.strata, e.allocation, e.proposal, e.exact,
        None if e.sensitivity == "none" else e.sensitivity, r.precision, r.replications, r.of, r.quantiles,
        r.confidence, e.most, r.budget, study.seed,
    )  # fmt: skip


def run(study: SimulationStudy, tables: Mapping[str, Table], stream: Stream, progress: Progress) -> Result:
    """Build the model, run it, compare its scenarios, tell what came of it."""
    if study.experiment is not None:
        return chance.answer(posed_of(study), data_of(tables, question_of(study)), progress)
    return answer.answer(tables, question_of(study), progress)


def check(study: SimulationStudy, tables: Mapping[str, Table]) -> None:
    """See whether the model has a long run, its tables fitted."""
    if study.experiment is not None:
        chance.check(posed_of(study), data_of(tables, question_of(study)))
        return
    answer.check(tables, question_of(study))


def figures(result: Result) -> Iterable[Figure]:
    """The pictures of a result."""
    return chance.figures(result) if chance.KEPT in result.model else pictures.figures(result)


class Change(BaseModel):
    """What would be otherwise. What is left out stays as it is in the run."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    station: str = Field(default="", max_length=200, description="station that is meant; default the busiest")
    servers: int | None = Field(title="Servers", default=None, ge=1, le=10_000, description="who serve there")
    arrivals: float = Field(
        default=100, ge=1, le=1000, description="arrivals in per cent of those of the run",
        json_schema_extra={"unit": "%"},
    )  # fmt: skip
    service: float = Field(
        title="Time of a service", default=100, ge=1, le=1000, description="there, in per cent of that of the run",
        json_schema_extra={"unit": "%"},
    )  # fmt: skip
    stock: str = Field(default="", max_length=200, description="stock that is meant; default the first")
    s: float | None = Field(
        title="Reorder point s", default=None, ge=-1e9, le=1e9, description="at or below it, order up to S"
    )
    S: float | None = Field(
        title="Order-up-to level S", default=None, ge=-1e9, le=1e9, description="an order brings it up to this"
    )
    Q: float | None = Field(title="Size of a lot Q", default=None, gt=0, le=1e9, description="ordered at once")
    r: float | None = Field(
        title="Reorder point r", default=None, ge=-1e9, le=1e9, description="at or below it, a lot is ordered"
    )
    base: float | None = Field(title="Base stock", default=None, ge=0, le=1e9, description="whatever leaves is ordered")
    component: str = Field(default="", max_length=200, description="component that is meant; default the first")
    count: int | None = Field(title="Units", default=None, ge=1, le=1000, description="of the component")
    input: str = Field(
        title="Input", default="", max_length=200, description="input of an experiment that is meant; default the first"
    )
    level: float = Field(
        title="Its level", default=100, ge=1, le=1000, description="of the input, in per cent of that of the run",
        json_schema_extra={"unit": "%"},
    )  # fmt: skip


class Measured(BaseModel):
    """One measure, with its interval."""

    where: str = Field(description="station, stock, component or system")
    measure: str = Field(description="which measure, as in the table of measures")
    label: str = Field(description="the same in words")
    unit: str = Field(description="in which the numbers are; shares are told in per cent")
    mean: float | None = Field(description="estimate, or the exact value where it is no estimate")
    low: float | None = Field(description="lower end of its interval")
    high: float | None = Field(description="upper end")
    before: float | None = Field(default=None, description="in the run")
    before_low: float | None = Field(default=None, description="lower end of its interval in the run")
    before_high: float | None = Field(default=None, description="upper end")
    exact: float | None = Field(default=None, description="exact value, where a closed form is known")


class Changed(BaseModel):
    """What would come of it."""

    answer: str = Field(description="in a sentence")
    measures: list[Measured] = Field(description="the measures that matter most, the main one first")
    replications: int = Field(description="independent replications behind the intervals")
    note: str = Field(description="what the answer rests on")


def what_if(model: live.Live | chance.Live, ask: Change) -> Changed:
    """What would come of other servers, arrivals, services, stocks, units or inputs."""
    asked = ask.model_dump()
    return Changed(**(chance.what_if(model, asked) if isinstance(model, chance.Live) else live.what_if(model, asked)))


def load(tables: Mapping[str, pa.Table]) -> live.Live | chance.Live:
    """The model of a run, or its experiment."""
    return chance.load(tables) if chance.KEPT in tables else live.load(tables)


def sliders(model: live.Live | chance.Live, chosen: Mapping[str, str]) -> Iterable[Slider]:
    """What can be moved; of queues and stocks it depends on the place that is chosen."""
    return chance.sliders(model, chosen) if isinstance(model, chance.Live) else live.sliders(model, chosen)


engine = Engine(
    kind="simulation",
    study=SimulationStudy,
    run=run,
    figures=figures,
    summary="What will happen if? Queues, stocks and machines by simulation, with intervals and exact values beside.",
    endpoints=(
        Endpoint("what-if", Change, what_if, Changed, load, "What if it were otherwise?", {"arrivals": 110},
                 sliders=sliders),
    ),
    demo=("demo-desk.toml", "demo-inventory.toml", "demo-repair.toml"),
    prepare=prepare,
    check=check,
    extra="simulation",
)  # fmt: skip
