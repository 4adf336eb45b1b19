"""The declaration of the engine ``outliers``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from potomac.engine import Endpoint, Engine, Figure, Progress, Result
from potomac.errors import Fault, StudyError, did_you_mean, listing
from potomac.outliers import answer, pictures, plain
from potomac.outliers.demo import prepare
from potomac.outliers.live import Live, caution, cell_at, load_live, score
from potomac.outliers.plant import KINDS
from potomac.outliers.summary import Settings
from potomac.spec import ColumnRef, Spec, Study, TableSpec
from potomac.stats.streams import Stream
from potomac.tables import ENTITY, HEADING, LATITUDE, LONGITUDE, SPEED, TIME, Role, Table, feature

__all__ = ["OutliersStudy", "engine"]

ROLES = (LATITUDE, LONGITUDE, SPEED, HEADING, TIME, replace(ENTITY, nulls=True))


class CovariateSpec(Spec):
    """A column beside the position."""

    column: str = Field(min_length=1, description="name of the column in the source")
    low: float | None = Field(default=None, description="rows with less are set aside")
    high: float | None = Field(default=None, description="rows with more are set aside")
    category: bool = Field(default=False, description="its numbers are codes, not quantities")


def _covariate(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Covariate = Annotated[CovariateSpec, BeforeValidator(_covariate, json_schema_input_type=str | CovariateSpec)]


class PositionsSpec(TableSpec):
    """Positions of vessels, aircraft or vehicles; or, without latitude and longitude, a plain numeric table."""

    roles = ROLES

    covariates: tuple[Covariate, ...] = Field(
        default=(),
        description='further columns that may tell: "flag", or { column, low, high, category }',
        examples=[["flag"]],
    )
    features: tuple[str, ...] = Field(
        default=(),
        description="columns of a plain numeric table (no latitude and longitude)",
        examples=[["amount", "age"]],
    )
    needed: tuple[str, ...] = Field(
        default=(), description="roles without which a row is set aside", examples=[["speed", "heading"]]
    )
    drop_repeats: bool = Field(
        default=False, description="set aside rows that repeat the place of the entity's row before to the last digit"
    )

    @model_validator(mode="after")
    def _fits(self) -> PositionsSpec:
        faults = [*self._kind_faults(), *self._name_faults()]
        if faults:
            raise StudyError(faults)
        return self

    def _kind_faults(self) -> Iterable[Fault]:
        places = [name for name in ("latitude", "longitude") if name in self.columns]
        if len(places) == 1:
            other = "longitude" if places == ["latitude"] else "latitude"
            mend = f'Add columns.{other} = "..."'
            yield Fault("outliers.half-a-place", f"there is a {places[0]} and no {other}", "", mend, key="columns")
        if places and self.features:
            mend = "Take features away, or name these columns as covariates"
            yield Fault(
                "outliers.two-kinds", "there are both places and features", "expected one", mend, key="features"
            )

    def _name_faults(self) -> Iterable[Fault]:
        names = [role_name(name) for name in (*(c.column for c in self.covariates), *self.features)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Fault("outliers.twice", f'"{name}" is named twice', "expected each column once", key="covariates")
        roles = [role.name for role in ROLES]
        for name in self.needed:
            if name not in self.columns:
                known = [role for role in roles if role in self.columns]
                found = f'"{name}" is needed and no column plays that role'
                yield Fault(
                    "outliers.needed-unknown", found, f"the roles here are {listing(known)}",
                    did_you_mean(name, known), key="needed",
                )  # fmt: skip

    @property
    def is_plain(self) -> bool:
        """Whether this is a plain numeric table."""
        return bool(self.features)

    def all_roles(self) -> tuple[Role, ...]:
        """The roles, the covariates and features included."""
        roles = [self._role(role) for role in ROLES]
        extra = [replace(feature(name), name=role_name(name)) for name in self.features]
        extra += [
            Role(role_name(c.column), "any", "a covariate", low=c.low, high=c.high, required=False, nulls=True)
            for c in self.covariates
        ]
        return (*roles, *extra)

    def _role(self, role: Role) -> Role:
        """A place is required unless this is a plain table; the rest is used as far as it is there."""
        place = role.name in ("latitude", "longitude")
        nulls = role.nulls and role.name not in self.needed
        return replace(role, required=place and not self.is_plain, nulls=nulls)

    def all_columns(self) -> Mapping[str, ColumnRef]:
        """Which column plays which role, the covariates and features included."""
        from potomac.spec import ColumnSpec

        names = [*self.features, *(c.column for c in self.covariates)]
        return {**self.columns, **{role_name(name): ColumnSpec(column=name) for name in names}}


def role_name(column: str) -> str:
    """The role of a covariate is its column's name, unless a role is called so."""
    taken = {role.name for role in ROLES} | {"row"}
    return f"covariate_{column}" if column in taken else column


class ModelSpec(Spec):
    """How rows are scored."""

    method: Literal["contrast", "logistic"] = Field(
        default="contrast",
        description="contrast: boosted trees, the strongest; logistic: a regression a cell, open to check",
    )
    fakes: int | None = Field(
        default=None, ge=1, le=50,
        description="fakes a real row (4 for contrast, 2 over 10 times `sample` rows; 1 for logistic)",
    )  # fmt: skip
    bags: int | None = Field(
        default=None, ge=1, le=20,
        description="how often the contrasts are made anew, on shifted grids (4; 2 over 10 times `sample` rows)",
    )  # fmt: skip
    folds: int | None = Field(
        default=None, ge=2, le=20,
        description="parts of the rows, each scored by models that did not see it (3; 2 over 10 times `sample` rows)",
    )  # fmt: skip
    fold_by: Literal["row", "entity"] = Field(
        default="row", description="entity: an entity's other records do not vouch for it; finds who is odd all along"
    )
    sample: int = Field(default=50_000, ge=100, description="most rows that models are fitted on")
    terms: Literal["linear", "quadratic"] = Field(default="linear", description="terms of the regressions (logistic)")
    ridge: float = Field(default=1.0, ge=0, description="penalty of the regressions (logistic)")


class GridSpec(Spec):
    """The cells over the water."""

    cell_km: float = Field(
        default=50.0,
        ge=0.1,
        le=2000,
        description="side of a cell; busy cells are split",
        json_schema_extra={"unit": "km"},
    )


class CheckSpec(Spec):
    """How well does it work here? Simulated odd behaviour is planted, scored and counted."""

    plant: tuple[str, ...] = Field(
        default=(), description=f"behaviours to plant: {listing(KINDS)}", examples=[["off_lane", "speed"]]
    )
    count: int = Field(default=200, ge=10, le=100_000, description="rows planted of each behaviour")

    @model_validator(mode="after")
    def _known(self) -> CheckSpec:
        for name in self.plant:
            if name not in KINDS:
                found, valid = f'no behaviour is called "{name}"', f"valid are {listing(KINDS)}"
                raise StudyError(
                    Fault("outliers.plant-unknown", found, valid, did_you_mean(name, [*KINDS]), key="plant")
                )
        return self


class OutliersStudy(Study):
    """Which movements are out of place here?"""

    kind: Literal["outliers"]
    data: PositionsSpec = Field(description="positions, or a plain numeric table")
    model: ModelSpec = Field(default=ModelSpec(), description="how rows are scored")
    grid: GridSpec = Field(default=GridSpec(), description="the cells")
    check: CheckSpec = Field(default=CheckSpec(), description="how well it works here")
    prevalence: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        examples=[0.001],
        description="share of all records that are odd; with it odds become probabilities",
    )
    top: int = Field(
        default=100, ge=1, le=10_000, description="how many of the strangest records are listed with reasons"
    )


def run(study: OutliersStudy, tables: Mapping[str, Table], stream: Stream, progress: Progress) -> Result:
    """Rank the rows of the table by how strange they are."""
    settings = _settings(study)
    if study.data.is_plain:
        return plain.answer(tables["data"], settings, stream, progress)
    return answer.answer(tables["data"], settings, stream, progress)


def _settings(study: OutliersStudy) -> Settings:
    m = study.model
    return Settings(
        method=m.method, fakes=m.fakes, bags=m.bags, folds=m.folds, fold_by=m.fold_by,
        sample=m.sample, terms=m.terms, ridge=m.ridge,
        cell_km=study.grid.cell_km, plant=study.check.plant, plant_count=study.check.count,
        prevalence=study.prevalence, top=study.top, drop_repeats=study.data.drop_repeats,
        covariates=tuple(role_name(c.column) for c in study.data.covariates),
        categories=tuple(role_name(c.column) for c in study.data.covariates if c.category),
        features=tuple(role_name(name) for name in study.data.features),
    )  # fmt: skip


def figures(result: Result) -> Iterable[Figure]:
    """The pictures of a result."""
    return pictures.figures(result)


class Place(BaseModel):
    """A record to be judged."""

    model_config = ConfigDict(allow_inf_nan=False)

    latitude: float = Field(ge=-90, le=90, description="degrees north")
    longitude: float = Field(ge=-180, le=180, description="degrees east")
    speed: float | None = Field(default=None, ge=0, description="knots")
    heading: float | None = Field(default=None, ge=0, le=360, description="degrees clockwise from north")


class Judgement(BaseModel):
    """How strange a record is here."""

    log_odds: float = Field(description="log odds of being real")
    outlier_score: float = Field(description="higher is stranger")
    stranger_than: float = Field(description="share of the run's records that are less strange, 0 to 1")
    evidence: dict[str, float] = Field(description="log odds of being real, by part")
    note: str = Field(default="", description="what to know before this score is believed")


def judge(live: Live, ask: Place) -> Judgement:
    """Score one record by the run's model."""
    cell = cell_at(live, ask.latitude, ask.longitude)
    found = score(live, ask.latitude, ask.longitude, ask.speed, ask.heading, cell=cell)
    return Judgement(**found, note=caution(live, cell, ask.speed))


def load(tables: Mapping[str, pa.Table]) -> Live:
    """The model of a run, from its tables."""
    return load_live(tables)


engine = Engine(
    kind="outliers",
    study=OutliersStudy,
    run=run,
    figures=figures,
    summary="Which movements are out of place here? Odds of being real, against simulated records in the same waters.",
    endpoints=(
        Endpoint(
            "score", Place, judge, Judgement, load, "How strange would this record be?",
            {"latitude": 57.0, "longitude": 11.0, "speed": 12.0, "heading": 180.0},
        ),
    ),
    demo=("demo-strait.toml", "demo-paris.toml"),
    prepare=prepare,
    extra="outliers",
)  # fmt: skip
