"""The declaration of the engine ``toy``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field

from potomac.engine import Axis, Endpoint, Engine, Fact, Figure, Layer, Progress, Result, Rows, Show, Slider
from potomac.errors import DataError, Fault
from potomac.spec import Spec, Study, TableSpec
from potomac.stats.streams import Stream
from potomac.tables import Role, Table


class Values(TableSpec):
    """The table whose column is averaged."""

    roles = (
        Role("value", "number", "what is averaged", guesses=("value", "reading")),
        Role("group", "text", "what rows belong to", required=False, nulls=True),
    )


class Jitter(Spec):
    """Noise that is added to the values, to show that streams are keyed."""

    scale: float = Field(0.0, ge=0, description="standard deviation of noise added to each value")
    shape: Literal["normal", "uniform"] = Field("normal", description="how the noise is distributed")


class ToyStudy(Study):
    """What is the mean of a column?"""

    kind: Literal["toy"]
    data: Values = Field(description="the values")
    jitter: Jitter = Field(Jitter(), description="noise")
    level: float = Field(0.95, gt=0, lt=1, description="confidence of the interval")


def run(study: ToyStudy, tables: Mapping[str, Table], stream: Stream, progress: Progress) -> Result:
    """Mean and interval (normal approximation) of the column ``value``."""
    data = tables["data"].to_numpy()
    values = data["value"] + _noise(study.jitter, len(data["row"]), stream)
    progress("averaging", len(values), len(values))
    if len(values) < 2:
        found = f"there are {len(values)} usable rows"
        raise DataError(Fault("toy.too-few", found, "expected at least 2", key="data.source"))
    mean = float(values.mean())
    half = 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values))
    rows = pa.table({"row": data["row"], "value": values, "residual": values - mean})
    return Result(
        answer=f"The mean is {mean:.3g}, give or take {half:.2g}.",
        facts=(
            Fact("mean", mean, "The mean of the values.", mean - half, mean + half, key=True),
            Fact("rows", len(values), "How many values there are.", unit="rows"),
        ),
        tables={"summary": pa.table({"mean": [mean], "half_width": [half]}), "values": _stream(rows)},
        notes=("The interval takes the values as independent.",),
        method=("The mean, with the interval of the normal approximation.",),
        sources=("Any textbook.",),
        show=(Show("summary", "The mean", ("mean", "half_width")), Show("values", "The values", rows=5)),
        model={"mean": pa.table({"mean": [mean], "half": [half]})},
    )


def _noise(jitter: Jitter, count: int, stream: Stream) -> np.ndarray[Any, Any]:
    random = stream.child("noise").generator()
    draw = random.normal(size=count) if jitter.shape == "normal" else random.uniform(-1, 1, size=count)
    return np.asarray(draw * jitter.scale)


def _stream(table: pa.Table) -> Rows:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches(max_chunksize=7)

    return Rows(table.schema, batches)


def figures(result: Result) -> Iterable[Figure]:
    """The mean with its interval."""
    fact = result.fact("mean")
    data = pa.table({"what": ["mean"], "value": [fact.value], "low": [fact.low], "high": [fact.high]})
    interval = Layer("interval", data, "low", "what", x2="high")
    point = Layer("point", data, "value", "what", emphasis=True)
    alt = f"A point at {fact.value:.3g} with its interval."
    yield Figure("mean", "The mean", alt, (interval, point), x=Axis("value"), y=Axis("", scale="category"), role="lead")


def prepare(directory: str, progress: Progress) -> None:
    """Write the values of the demo."""
    rows = "\n".join(f"{number},{'ab'[number % 2]}" for number in range(1, 101))
    (Path(directory) / "numbers.csv").write_text(f"value,group\n{rows}\n", encoding="utf-8")
    progress("writing numbers", 100, 100)


class Guess(BaseModel):
    """A value to be compared."""

    value: float = Field(description="a value")


class Distance(BaseModel):
    """How far a value lies from the mean."""

    distance: float = Field(description="value less mean")


def answer(model: float, ask: Guess) -> Distance:
    """The distance of a value from the mean."""
    return Distance(distance=ask.value - model)


def load(tables: Mapping[str, pa.Table]) -> float:
    """The mean, from the tables of a run."""
    return float(tables["mean"].column("mean")[0].as_py())


class Shift(BaseModel):
    """What would be otherwise."""

    by: float = Field(default=0.0, ge=-1e9, le=1e9, description="what is added to each value")


class Mean(BaseModel):
    """A mean with its interval, beside that of the run."""

    label: str = Field(description="what it is")
    mean: float = Field(description="of the values")
    low: float = Field(description="lower end of its interval")
    high: float = Field(description="upper end")
    before: float = Field(description="in the run")


class Shifted(BaseModel):
    """What would come of it."""

    answer: str = Field(description="in a sentence")
    means: list[Mean] = Field(description="the mean")


def sliders(model: pa.Table, chosen: Mapping[str, str]) -> Iterable[Slider]:
    """What can be moved; it begins where the run stands."""
    yield Slider("by", low=-10, high=10, step=1, value=0)


def shift(model: pa.Table, ask: Shift) -> Shifted:
    """The mean of shifted values."""
    [row] = model.to_pylist()
    mean = row["mean"] + ask.by
    shown = Mean(label="mean", mean=mean, low=mean - row["half"], high=mean + row["half"], before=row["mean"])
    return Shifted(answer=f"The mean is {mean:.3g}.", means=[shown])


def whole(tables: Mapping[str, pa.Table]) -> pa.Table:
    """The mean and its interval, from the tables of a run."""
    return tables["mean"]


engine = Engine(
    kind="toy",
    study=ToyStudy,
    run=run,
    figures=figures,
    summary="The mean of a column, with its interval.",
    endpoints=(
        Endpoint("distance", Guess, answer, Distance, load, "How far is a value?", {"value": 3.0}),
        Endpoint("shift", Shift, shift, Shifted, whole, "What if all were more?", sliders=sliders),
    ),
    demo="demo.toml",
    prepare=prepare,
)
