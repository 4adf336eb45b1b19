"""Live questions: a run's model as Arrow tables, and one record scored by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import Fault, NoAnswer
from potomac.outliers.boosting import Forest
from potomac.outliers.model import LocalModel, log_odds_of
from potomac.outliers.positions import Positions

__all__ = ["Live", "caution", "cell_at", "kept", "load_live", "score"]

Floats = npt.NDArray[np.float64]

STEPS = 1_001


@dataclass(frozen=True)
class Live:
    """A model in memory and the scores of the run at even shares."""

    model: LocalModel
    quantiles: Floats


def kept(model: LocalModel, log_odds: Floats | npt.NDArray[np.float32]) -> dict[str, pa.Table]:
    """The tables from which :func:`load_live` makes the model again; nothing is pickled."""
    arrays = model.to_arrays()
    table = pa.table(
        {
            "name": list(arrays),
            "type": [array.dtype.str for array in arrays.values()],
            "shape": pa.array([list(array.shape) for array in arrays.values()], pa.list_(pa.int64())),
            "data": pa.array([np.ascontiguousarray(a).tobytes() for a in arrays.values()], pa.large_binary()),
        }
    )
    return {"arrays": table, "quantiles": pa.table({"log_odds": np.quantile(log_odds, np.linspace(0, 1, STEPS))})}


def load_live(tables: Mapping[str, pa.Table]) -> Live:
    """The model from the tables of a run.

    Raises:
        NoAnswer: the run has no model of positions, or it is damaged.
        DataError: the tables are of another form.
    """
    if "arrays" not in tables:
        raise NoAnswer(Fault("outliers.no-model", "this run has no model of positions to ask"))
    try:
        arrays = {row["name"]: _array(row) for row in tables["arrays"].to_pylist()}
    except (KeyError, TypeError, ValueError) as error:
        damaged = Fault("outliers.no-model", "the model's tables are damaged", "", "Run the study again")
        raise NoAnswer(damaged) from error
    return Live(_for_new_rows(LocalModel.from_arrays(arrays)), tables["quantiles"]["log_odds"].to_numpy())


def _for_new_rows(model: LocalModel) -> LocalModel:
    """The same model, the forests of a part as one: a new row is scored by all of them, whichever rows they saw."""
    contrast = model.contrast
    if contrast is None:
        return model
    forests = {part: ((Forest.mean([one for bag in bags for one in bag]),),) for part, bags in contrast.forests.items()}
    return replace(model, contrast=replace(contrast, forests=forests))


def _array(row: Mapping[str, Any]) -> npt.NDArray[Any]:
    dtype = np.dtype(row["type"])
    if dtype.hasobject:
        raise ValueError("an array of objects would be read as pointers")
    return np.frombuffer(row["data"], dtype).reshape(row["shape"]).copy()


def cell_at(live: Live, latitude: float, longitude: float) -> int:
    """The cell of a place, -1 outside all cells: asked once for its score and what is to be known of that."""
    return int(live.model.grid.locate([latitude], [longitude])[0])


def score(
    live: Live,
    latitude: float,
    longitude: float,
    speed: float | None = None,
    heading: float | None = None,
    *,
    cell: int | None = None,
) -> dict[str, Any]:
    """How strange one record would be: log_odds, outlier_score, stranger_than (share of the run's), evidence."""
    model, nan = live.model, np.nan
    one = Positions(
        row=np.zeros(1, np.int64),
        latitude=np.array([latitude], float),
        longitude=np.array([longitude], float),
        speed=np.array([nan if speed is None else speed], float),
        heading=np.array([nan if heading is None else heading % 360.0], float),
        time=np.array([nan]),
        entity=np.array([-1]),
        covariates={name: np.array([nan]) for name in model.covariates},
        levels=model.levels,
        entities=model.entities,
    )
    evidence = model.evidence(one, cell=None if cell is None else np.array([cell]))
    odds = float(log_odds_of(evidence)[0])
    below = float(np.searchsorted(live.quantiles, odds) / len(live.quantiles))
    return {
        "log_odds": odds,
        "outlier_score": -odds,
        "stranger_than": 1.0 - below,
        "evidence": {part: float(values[0]) for part, values in evidence.items()},
    }


def caution(live: Live, cell: int, speed: float | None = None) -> str:
    """What is to be known of a score that the run's records do not carry; empty where they do.

    A regression says nothing outside its cell, and past the speeds of the fakes it goes on along its line without a
    record to hold it there. Trees end with what they saw.
    """
    model = live.model
    if model.cells is None:
        return _BESIDE if cell < 0 else ""
    fitted = model.cells.regressions
    if cell < 0 or min(fitted.real[cell], fitted.fake[cell]) < 1:
        return _OUTSIDE
    fastest = model.cells.fastest
    if speed is not None and speed > fastest:
        return _FASTER.format(fastest)
    return ""


_BESIDE = (
    "No record of the run lies in the cell of this place: the place counts as odd, the rest is taken from elsewhere."
)
_OUTSIDE = (
    "No regression was fitted where this place lies: the score is the lowest of the run's records and no estimate."
)
_FASTER = (
    "The regression was fitted on speeds up to {:.3g} knots: beyond them its line is continued and no record holds it."
)
