"""The method as it was asked for: one logistic regression a cell, real records against evenly simulated ones.

In each cell of a grid over the water as many fakes as wanted are simulated, with an even position and time and random
attributes; a logistic regression tells real from fake, and real records with low odds of being real are odd (Hastie,
Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., 14.2.4, unsupervised as supervised learning).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.geo.cells import Grid, adaptive_grid
from potomac.outliers.draws import draws, within_cells
from potomac.outliers.logistic import CellRegressions, corrected_log_odds, fit_cells
from potomac.outliers.positions import Positions
from potomac.stats.streams import Stream

__all__ = ["CellDesign", "CellModel", "Terms", "fit_cell_model"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Terms = Literal["linear", "quadratic"]

MOST_LEVELS = 10
"""So many levels of a categorical covariate have a coefficient; the rarer ones share the intercept."""


@dataclass(frozen=True)
class CellDesign:
    """How the regressions are made.

    Attributes:
        cell_km: side of a cell in km.
        fakes: fakes a real row.
        ridge: weight of the penalty on all coefficients but the intercept.
        terms: linear, or with squares and products of place, speed and course.
    """

    cell_km: float = 50.0
    fakes: int = 1
    ridge: float = 1.0
    terms: Terms = "linear"


@dataclass(frozen=True)
class CellModel:
    """The fitted regressions.

    Attributes:
        design: how they were made.
        grid: the cells.
        regressions: coefficients, standard errors, and rows of each kind.
        fastest: largest speed of fakes, kn; the feature ``speed`` is a share of it.
        usual_speed: stands for an unknown speed, kn.
        start, span: seconds; the feature ``time`` runs from -1 to 1 over them. A span of 0 means no time.
        numbers: numeric covariates with the middle and spread that they are scaled by.
        levels: categorical covariates with the levels (codes) that have a column.
        floor: log odds where no regression could be fitted, the lowest of all.
        words: what the levels are called, by code; where it is not known, features are named by the code.
    """

    design: CellDesign
    grid: Grid
    regressions: CellRegressions
    fastest: float
    usual_speed: float
    start: float
    span: float
    numbers: Mapping[str, tuple[float, float]]
    levels: Mapping[str, tuple[float, ...]]
    floor: float
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in the order of the coefficients behind the intercept."""
        found = [*_PLACE, "time"] if self.span > 0 else [*_PLACE]
        found += self.numbers
        squares = [f"{name}_squared" for name in _SQUARED]
        squares += [f"{one}_{two}" for one, two in combinations(_PLACE, 2)]
        of_levels = _names_of_levels(self.levels, self.words, [*found, *squares])
        return (*found, *of_levels, *(squares if self.design.terms == "quadratic" else ()))

    @property
    def pieces(self) -> tuple[str, ...]:
        """Place, speed, course, time or covariates: what each feature is about, of a product its first factor."""
        covariates = len(self.numbers) + sum(len(codes) for codes in self.levels.values())
        found = [*_PLACE.values(), *["time"] * (self.span > 0), *["covariates"] * covariates]
        if self.design.terms == "quadratic":
            found += [_PLACE[name] for name in _SQUARED]
            found += [_PLACE[one] for one, _ in combinations(_PLACE, 2)]
        return tuple(found)

    def evidence(self, positions: Positions, progress: Progress | None = None) -> dict[str, Floats]:
        """Log odds of being real, as one fake a real row would give them, under the name ``odds``; shape (n,)."""
        (progress or Quiet())("scoring rows", 0, len(positions))
        cell = self.grid.locate(positions.latitude, positions.longitude)
        known = np.maximum(cell, 0)
        odds = self.regressions.log_odds(self.features(positions, known), cell)
        odds = corrected_log_odds(odds, self.regressions.real[known], self.regressions.fake[known])
        (progress or Quiet())("scoring rows", len(positions), len(positions))
        return {"odds": np.where(np.isnan(odds), self.floor, odds)}

    def features(self, positions: Positions, cell: Ints) -> Floats:
        """The features of rows in their cells, shape (n, len(names)); unknown values stand in the middle."""
        p = positions
        south, north, west, east = (bound[cell] for bound in self.grid.bounds())
        x = ((p.longitude - west) % 360.0) / (east - west) * 2.0 - 1.0
        y = (p.latitude - south) / (north - south) * 2.0 - 1.0
        speed = np.where(np.isnan(p.speed), self.usual_speed, p.speed) / self.fastest
        course = np.radians(p.heading)
        place = [np.clip(x, -1, 1), np.clip(y, -1, 1), speed]
        place += [np.nan_to_num(np.sin(course)), np.nan_to_num(np.cos(course))]
        found = list(place)
        if self.span > 0:
            found.append(np.clip(np.nan_to_num((p.time - self.start) / self.span * 2.0 - 1.0), -1.0, 1.0))
        for name, (middle, spread) in self.numbers.items():
            found.append(np.clip(np.nan_to_num((p.covariates[name] - middle) / spread), -10.0, 10.0))
        found += [(p.covariates[name] == code).astype(float) for name in self.levels for code in self.levels[name]]
        if self.design.terms == "quadratic":
            found += [values**2 for name, values in zip(_PLACE, place, strict=True) if name in _SQUARED]
            found += [one * two for one, two in combinations(place, 2)]
        return np.stack(found, axis=1)


_PLACE = {"x": "place", "y": "place", "speed": "speed", "sin_course": "course", "cos_course": "course"}
_SQUARED = ("x", "y", "speed", "cos_course")  # sin^2 is 1 - cos^2


def _names_of_levels(
    levels: Mapping[str, tuple[float, ...]], words: Mapping[str, tuple[str, ...]], taken: Iterable[str]
) -> list[str]:
    """``type_tanker``: letters and digits of the words, with the code behind them where that is no name of its own."""
    found, used = [], {name.casefold() for name in taken}  # SQL does not tell columns by case
    for name, code in ((of, int(code)) for of in levels for code in levels[of]):
        word = re.sub(r"\W+", "_", words[name][code])[:40].strip("_") if name in words else ""
        own = f"{name}_{word or code}"
        while own.casefold() in used:
            own += f"_{code}"
        used.add(own.casefold())
        found.append(own)
    return found


def fit_cell_model(
    positions: Positions, design: CellDesign, stream: Stream, progress: Progress | None = None
) -> CellModel:
    """Simulate fakes and fit all cells.

    Args:
        positions: n rows, sorted by ``row``.
        design: grid, fakes, penalty and terms.
        stream: names all draws; they are keyed by row.
        progress: told when the regressions are fitted.
    """
    say = progress or Quiet()
    p = positions
    grid = adaptive_grid(
        p.latitude, p.longitude, base_km=design.cell_km, min_km=design.cell_km, most=len(p) + 1, offset=0.0
    )
    model = CellModel(design, grid, _NONE, *_scales(p), _numbers(p), _levels(p), 0.0, p.levels)
    fake = _fakes(model, p, stream)
    say("fitting cells", 0, len(grid))
    cell = grid.locate(p.latitude, p.longitude)
    cells = [cell, np.repeat(cell, design.fakes)]  # a fake on the border stays in the cell that it was made for
    features = np.vstack([model.features(one, cell) for one, cell in zip((p, fake), cells, strict=True)])
    real = np.concatenate([np.ones(len(p)), np.zeros(len(fake))])
    fitted = fit_cells(features, real, np.concatenate(cells), len(grid), ridge=design.ridge)
    say("fitting cells", len(grid), len(grid))
    model = _replaced(model, regressions=fitted)
    odds = corrected_log_odds(
        fitted.log_odds(features[: len(p)], cells[0]), fitted.real[cells[0]], fitted.fake[cells[0]]
    )
    return _replaced(model, floor=float(np.nanmin(odds)) if np.isfinite(odds).any() else 0.0)


_NONE = CellRegressions(
    np.empty((0, 0)), np.empty((0, 0)), np.empty(0, bool), np.empty(0, np.int64), np.empty(0, np.int64),
    np.empty(0, np.int64),
)  # fmt: skip


def _replaced(model: CellModel, **changed: Any) -> CellModel:
    from dataclasses import replace

    return replace(model, **changed)


def _scales(p: Positions) -> tuple[float, float, float, float]:
    """Fastest and usual speed, start and span of time."""
    speed, time = p.speed[np.isfinite(p.speed)], p.time[np.isfinite(p.time)]
    fastest = min(float(speed.max()), 1.5 * float(np.quantile(speed, 0.999))) if len(speed) else 0.0
    usual = float(np.median(speed)) if len(speed) else 0.0
    start, end = (float(time.min()), float(time.max())) if len(time) else (0.0, 0.0)
    return max(fastest, 1e-6), usual, start, end - start


def _numbers(p: Positions) -> dict[str, tuple[float, float]]:
    found = {}
    for name in sorted(set(p.covariates) - set(p.levels)):
        values = p.covariates[name][np.isfinite(p.covariates[name])]
        middle, spread = (float(np.median(values)), float(values.std())) if len(values) else (0.0, 0.0)
        found[name] = (middle, spread if spread > 0 else 1.0)
    return found


def _levels(p: Positions) -> dict[str, tuple[float, ...]]:
    """The most frequent levels; the most frequent of all is the base and has no column."""
    return {name: tuple(map(float, range(1, min(len(p.levels[name]), MOST_LEVELS)))) for name in sorted(p.levels)}


def _fakes(model: CellModel, p: Positions, stream: Stream) -> Positions:
    """Fakes in the cells of the rows: even in place and time, with random attributes; unknown where the row's are."""
    i = np.repeat(np.arange(len(p)), model.design.fakes)
    turn = np.tile(np.arange(model.design.fakes), len(p))

    def draw(purpose: str) -> Floats:
        return draws(p.row[i], turn, stream.child("fakes", purpose))

    def lacking(values: Floats, made: Floats) -> Floats:
        return np.where(np.isnan(values[i]), np.nan, made)  # else all real rows without it would stand out as real

    latitude, longitude = within_cells(model.grid, p.latitude[i], p.longitude[i], draw("x"), draw("y"))
    covariates = {}
    for name, values in p.covariates.items():
        known = values[np.isfinite(values)]
        if name in p.levels:
            covariates[name] = lacking(values, np.floor(draw(name) * len(p.levels[name])))
        elif len(known):
            low, high = np.quantile(known, [0.001, 0.999])
            covariates[name] = lacking(values, low + draw(name) * (high - low))
        else:
            covariates[name] = np.full(len(i), np.nan)
    moving = bool((p.speed > 0).any())  # where nobody moves, speed tells nothing
    return Positions(
        row=p.row[i],
        latitude=latitude,
        longitude=longitude,
        speed=lacking(p.speed, draw("speed") * model.fastest) if moving else p.speed[i],
        heading=lacking(p.heading, draw("heading") * 360.0),
        time=lacking(p.time, model.start + draw("time") * model.span),
        entity=p.entity[i],
        covariates=covariates,
        entities=p.entities,
        levels=p.levels,
        folded=p.folded,
    )
