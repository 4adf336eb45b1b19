"""A fitted detector of odd positions: what it was fitted on, how it scores rows, and as arrays that can be kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Progress
from potomac.errors import DataError, Fault
from potomac.geo.cells import Grid
from potomac.outliers.boosting import Forest
from potomac.outliers.celled import CellDesign, CellModel, fit_cell_model
from potomac.outliers.contrast import Design, Frame, LocalContrast, Records, combined, fit_local_contrast
from potomac.outliers.draws import smallest
from potomac.outliers.logistic import CellRegressions
from potomac.outliers.meetings import Meetings
from potomac.outliers.positions import Positions
from potomac.outliers.surroundings import Surroundings, identity
from potomac.outliers.tracks import Tracks
from potomac.stats.streams import Stream

__all__ = ["FORMAT", "LocalModel", "Method", "fit_local_model", "log_odds_of", "surprise_at"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Arrays = dict[str, npt.NDArray[Any]]

Method = Literal["contrast", "logistic"]

FORMAT = 1
"""Number of the form in which a model is kept."""

BUSY = 2.0
"""Where the evidence of the place is at least this, others usually are, and a meeting is no news."""

SURPRISE = 1.0
"""How much log odds a meeting takes for each power of ten of its surprise."""


@dataclass(frozen=True)
class LocalModel:
    """A fitted detector.

    Attributes:
        method: "contrast" or "logistic".
        contrast: the fitted contrasts, or None.
        cells: the fitted regressions, or None.
        grid: the cells by which results are told.
        entities: names of the entities of the sample, by code.
        levels: levels of the categorical covariates, by code.
        covariates: names of all covariates.
        rows: how many rows it was fitted on.
    """

    method: Method
    contrast: LocalContrast | None
    cells: CellModel | None
    grid: Grid
    entities: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    covariates: tuple[str, ...]
    rows: int

    def owner(self, positions: Positions, fitted: bool) -> Ints:
        """Whose records of the reference do not count, by row: those of the same entity.

        Args:
            positions: any rows.
            fitted: whether they come from the table that was fitted, so that a row without entity is left out of its
                own surroundings.
        """
        if self.entities is positions.entities or self.entities == positions.entities:
            code = positions.entity
        else:
            known = pc.index_in(pa.array(positions.entities, pa.string()), pa.array(self.entities, pa.string()))
            place = np.append(known.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64), -1)
            code = place[positions.entity]
        alone = np.where(positions.entity >= 0, -1, identity(positions))
        return np.where(code >= 0, code, alone) if fitted else code

    def evidence(
        self,
        positions: Positions,
        records: Records | None = None,
        *,
        fitted: bool = False,
        tracks: Tracks | None = None,
        meetings: Meetings | None = None,
        cell: Ints | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Floats]:
        """Log odds of being real by part, as one fake a real row would give them; each of shape (n,).

        A place outside all cells has none of n rows, so that its evidence is at most that of one in n: -log n.

        Args:
            positions: rows with the levels of the fitted ones.
            records: what to score in the stead of what the rows report.
            fitted: whether the rows come from the table that was fitted: each is scored by the models that did not see
                it, others by all models.
            tracks: of ``positions``.
            meetings: of ``positions``; without them no meeting is looked for.
            cell: of each row that is scored, where it is known already, -1 outside all cells.
            progress: told how many rows are scored.
        """
        if self.cells is not None:
            return self.cells.evidence(positions if records is None else as_positions(positions, records), progress)
        assert self.contrast is not None  # noqa: S101 - one of the two is there
        owner = self.owner(positions, fitted)
        found = self.contrast.evidence(positions, records, owner=owner, tracks=tracks, fitted=fitted, progress=progress)
        if "place" in found:
            at = positions if records is None else records
            place = self.grid.locate(at.latitude, at.longitude) if cell is None else cell
            outside = place < 0  # where fakes are none, trees know nothing
            found["place"] = np.where(outside, np.minimum(found["place"], -np.log(self.rows)), found["place"])
        if meetings is not None:
            asked = records or Records.real(positions, np.arange(len(positions)))
            found["meeting"] = -SURPRISE * surprise_at(meetings, asked, found["place"])
        return found

    def cell(self, positions: Positions) -> Ints:
        """Cell of each row, -1 outside all cells, shape (n,)."""
        return self.grid.locate(positions.latitude, positions.longitude)

    def to_arrays(self) -> Arrays:
        """The model as named arrays without pickles, for ``numpy.savez`` or Arrow."""
        told: dict[str, Any] = {
            "format": FORMAT,
            "method": self.method,
            "entities": list(self.entities),
            "levels": {name: list(words) for name, words in self.levels.items()},
            "covariates": list(self.covariates),
            "rows": self.rows,
        }
        arrays = _grid_arrays("grid", self.grid)
        if self.contrast is not None:
            told["contrast"] = _contrast_told(self.contrast)
            arrays |= _contrast_arrays(self.contrast)
        if self.cells is not None:
            told["cells"] = _cells_told(self.cells)
            arrays |= {
                f"regressions.{f.name}": getattr(self.cells.regressions, f.name) for f in fields(CellRegressions)
            }
        return {"told": np.frombuffer(json.dumps(told).encode(), np.uint8), **arrays}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> LocalModel:
        """The model that :meth:`to_arrays` gave.

        Raises:
            DataError: the arrays are not those of a model, or of another form.
        """
        try:
            told = json.loads(bytes(arrays["told"]).decode())
            if told["format"] != FORMAT:
                raise _foreign(f"the model has form {told['format']}")
            grid = _grid_of("grid", arrays)
            return cls(
                method=told["method"],
                contrast=_contrast_of(told["contrast"], arrays) if "contrast" in told else None,
                cells=_cells_of(told, grid, arrays) if "cells" in told else None,
                grid=grid,
                entities=tuple(told["entities"]),
                levels={name: tuple(words) for name, words in told["levels"].items()},
                covariates=tuple(told["covariates"]),
                rows=told["rows"],
            )
        except (KeyError, ValueError, TypeError, UnicodeDecodeError) as error:
            raise _foreign(f"the arrays are not those of a model ({error})") from error


def _foreign(found: str) -> DataError:
    return DataError(Fault("outliers.model-foreign", found, f"this Potomac reads form {FORMAT}", "Fit it again"))


def log_odds_of(evidence: Mapping[str, Floats]) -> Floats:
    """Log odds of being real from all parts of the evidence, shape (n,)."""
    if "odds" in evidence:
        return evidence["odds"]
    total = combined({part: odds for part, odds in evidence.items() if part != "meeting"})
    return total + evidence["meeting"] if "meeting" in evidence else total


def fit_local_model(
    positions: Positions,
    design: Design | CellDesign,
    stream: Stream,
    *,
    sample: int = 50_000,
    progress: Progress | None = None,
    tracks: Tracks | None = None,
) -> LocalModel:
    """Fit a detector.

    Args:
        positions: n rows in the order of ``row``.
        design: of the contrasts, or of the regressions by cell.
        stream: names all draws.
        sample: most rows that the contrasts are fitted on; a larger table gives those with the smallest draws, keyed
            by row. The regressions are fitted on all rows that are given.
        progress: told how far it is.
        tracks: asked by ``positions``; default those of ``positions``. The sample is compared with all of them.
    """
    if isinstance(design, CellDesign):
        cells = fit_cell_model(positions, design, stream, progress)
        return _model("logistic", positions, cells.grid, cells=cells)
    index = smallest(positions.row, stream.child("sample"), sample)
    beside = (Tracks.build(positions) if tracks is None else tracks).take(index) if design.tracks else None
    chosen = positions.take(index)
    contrast = fit_local_contrast(chosen, design, stream, progress, beside)
    return _model("contrast", chosen, contrast.grids[0], contrast=contrast)


def surprise_at(meetings: Meetings, records: Records, place: Floats) -> Floats:
    """Surprise at a meeting in powers of ten, looked for among the slow where few usually are; shape (n,)."""
    out = np.zeros(len(place))
    r = records
    some = np.flatnonzero((r.speed <= meetings.slow_kn) & (place < BUSY))
    if len(some):
        found = meetings.features(r.row[some], r.latitude[some], r.longitude[some], r.speed[some])
        out[some] = np.nan_to_num(found[:, meetings.names.index("meeting")])
    return out


def _model(
    method: Method,
    positions: Positions,
    grid: Grid,
    *,
    contrast: LocalContrast | None = None,
    cells: CellModel | None = None,
) -> LocalModel:
    p = positions
    return LocalModel(method, contrast, cells, grid, p.entities, dict(p.levels), tuple(sorted(p.covariates)), len(p))


def as_positions(positions: Positions, records: Records) -> Positions:
    """Records as rows of their own, with the covariates of their donors."""
    r, rest = records, positions.take(records.row)
    return Positions(
        rest.row, r.latitude, r.longitude, r.speed, r.heading, rest.time, rest.entity,
        {name: values[r.donor] for name, values in positions.covariates.items()},
        positions.entities, positions.levels, positions.folded,
    )  # fmt: skip


def _grid_arrays(name: str, grid: Grid) -> Arrays:
    return {
        f"{name}.base": np.array([grid.base_km, grid.offset]),
        f"{name}.starts": grid.starts,
        f"{name}.levels": grid.levels,
    }


def _grid_of(name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Grid:
    base_km, offset = map(float, arrays[f"{name}.base"])
    return Grid(base_km, offset, arrays[f"{name}.starts"].astype(np.int64), arrays[f"{name}.levels"].astype(np.int8))


def _contrast_told(contrast: LocalContrast) -> dict[str, Any]:
    key = {"seed": contrast.key.seed, "path": list(contrast.key.path)}
    return {"design": asdict(contrast.design), "frame": asdict(contrast.frame), "key": key, "parts": contrast.parts}


def _contrast_arrays(contrast: LocalContrast) -> Arrays:
    arrays: Arrays = {f"around.{name}": values for name, values in contrast.surroundings.to_arrays().items()}
    for bag, grid in enumerate(contrast.grids):
        arrays |= _grid_arrays(f"grids.{bag}", grid)
    for part, bags in contrast.forests.items():
        for bag, folds in enumerate(bags):
            for fold, forest in enumerate(folds):
                arrays |= {f"{part}.{bag}.{fold}.{name}": values for name, values in forest.to_arrays().items()}
    return arrays


def _contrast_of(told: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> LocalContrast:
    design = Design(**told["design"])
    frame = Frame(**{**told["frame"], **{k: tuple(told["frame"][k]) for k in ("covariates", "categorical")}})

    def forest(part: str, bag: int, fold: int) -> Forest:
        start = f"{part}.{bag}.{fold}."
        return Forest.from_arrays({k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)})

    bags, folds = range(design.bags), range(design.folds)
    return LocalContrast(
        design=design,
        frame=frame,
        surroundings=Surroundings.from_arrays({n: arrays[f"around.{n}"] for n in ("place", "velocity", "entity")}),
        grids=tuple(_grid_of(f"grids.{bag}", arrays) for bag in bags),
        forests={part: tuple(tuple(forest(part, b, f) for f in folds) for b in bags) for part in told["parts"]},
        key=Stream(told["key"]["seed"], tuple(told["key"]["path"])),
    )


_SCALARS = ("fastest", "usual_speed", "start", "span", "floor")


def _cells_told(cells: CellModel) -> dict[str, Any]:
    scalars = {name: getattr(cells, name) for name in _SCALARS}
    return {"design": asdict(cells.design), "numbers": dict(cells.numbers), "levels": dict(cells.levels), **scalars}


def _cells_of(model: Mapping[str, Any], grid: Grid, arrays: Mapping[str, npt.NDArray[Any]]) -> CellModel:
    told = model["cells"]
    fastest, usual_speed, start, span, floor = (float(told[name]) for name in _SCALARS)
    return CellModel(
        design=CellDesign(**told["design"]),
        grid=grid,
        regressions=CellRegressions(**{f.name: arrays[f"regressions.{f.name}"] for f in fields(CellRegressions)}),
        numbers={name: (float(a), float(b)) for name, (a, b) in told["numbers"].items()},
        levels={name: tuple(map(float, codes)) for name, codes in told["levels"].items()},
        fastest=fastest, usual_speed=usual_speed, start=start, span=span, floor=floor,
        words={name: tuple(words) for name, words in model["levels"].items()},
    )  # fmt: skip
