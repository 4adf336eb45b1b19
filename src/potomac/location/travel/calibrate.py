"""Fit a model of travel time to times that are known, and tell how far off it is where it was not fitted.

The sample is halved at random. All choices (which form, how smooth) are made by cross-validation inside the first half,
errors are those of the second, which nothing was fitted to; then the model is fitted to the whole sample with the same
choices (Hastie, Tibshirani and Friedman 2009, The Elements of Statistical Learning, 7.2 and 7.10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault, StudyError, did_you_mean, listing
from potomac.location.asked import numbers, whole_number
from potomac.location.crs import is_frame
from potomac.location.places import is_one_of
from potomac.location.travel.circuity import Circuity, CircuityDensity, CircuityDistance
from potomac.location.travel.congestion import checked_hour
from potomac.location.travel.density import DensitySurface, checked_surface
from potomac.location.travel.links import columns_of
from potomac.location.travel.model import TravelModel, believed, checked_model, checked_places, rushed
from potomac.location.travel.pairs import ByPair, chord_km, number
from potomac.location.travel.plain import GreatCircle, Minkowski
from potomac.location.travel.plausible import odd_speeds, speed_notes
from potomac.location.travel.surface import bounds, design_of, fitted_surface, solved
from potomac.stats.bootstrap import mean_of, percentile_interval
from potomac.stats.streams import Stream

__all__ = ["MODELS", "Calibration", "Sample", "calibrate", "drawn_sample", "sample_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_WANTED = ("from_latitude", "from_longitude", "to_latitude", "to_longitude", "minutes")

LEAST = 20
"""Pairs without which nothing is fitted."""
FOLDS = 4
RATIOS = (0.2, 1.0, 4.0, 16.0)
"""How rough the surface may be: prior variance of its terms as a share of that of the error."""
_CHOSEN = 800  # pairs that choices are made by, at most
_FITTED = 4000  # pairs that the surface is fitted to, at most
_SURFACE = 24  # pairs to fit to without which there is no surface
_ENDS = 1000  # places that pairs are drawn from, at most: few would be known to both halves of a sample
_ORIGINS = 10  # with fewer, pairs are drawn one by one for the interval
_ROUNDING = 1e-9  # errors that differ by less are alike
_BETTER = 0.99  # a richer form has to be this much better


@dataclass(frozen=True)
class Sample:
    """Pairs of places whose travel time is known.

    Attributes:
        origins: latitude and longitude, shape (n, 2).
        destinations: shape (n, 2).
        minutes: infinite where there is no way, shape (n,).
        origin_density: people a square km, shape (n,), or None.
        destination_density: likewise.
    """

    origins: Any
    destinations: Any
    minutes: Any
    origin_density: Any = None
    destination_density: Any = None


@dataclass(frozen=True)
class Calibration:
    """A model that was fitted, and how far off it is.

    Errors are mean absolute errors as a share of the true time.

    Attributes:
        model: fitted to the whole sample.
        form: which form it has, one of ``MODELS``.
        held_out_error: on the half of the sample that was held out, fitted to the other half.
        interval: of that error, 95 %, by bootstrap of the origins.
        constant_error: of the great circle at the one pace that fits best, on the same held-out half.
        n_fit: pairs that were fitted to before the held-out half was.
        n_held_out: pairs held out.
        fell_back: whether what was asked for was worse than one pace for all, so that this is the model.
        tried: error by cross-validation inside the fitting half, for each form that was tried.
        notes: what the reader should know, one sentence each.
    """

    model: TravelModel
    form: str
    held_out_error: float
    interval: tuple[float, float]
    constant_error: float
    n_fit: int
    n_held_out: int
    fell_back: bool = False
    tried: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class _Pairs:
    """Pairs as numbers: ends, straight distance, minutes without traffic, and mean log density or None."""

    def __init__(self, start: Floats, end: Floats, minutes: Floats, density: Floats | None) -> None:
        here = ByPair()
        self.start, self.end, self.minutes, self.density = start, end, minutes, density
        self.km = chord_km(here._ends(start), here._ends(end))

    def __len__(self) -> int:
        return len(self.minutes)

    def __getitem__(self, rows: Any) -> _Pairs:
        density = None if self.density is None else self.density[rows]
        return _Pairs(self.start[rows], self.end[rows], self.minutes[rows], density)


Fit = Callable[[_Pairs], ByPair]


def calibrate(
    sample: Any,
    model: str = "circuity",
    *,
    departure: float | None = None,
    profile: tuple[float, ...] = (),
    density: DensitySurface | None = None,
    factor: float = 1.3,
    seed: int = 0,
) -> Calibration:
    """Fit a model to a sample of travel times.

    Times alone cannot tell a long way from a slow one: the circuity is held at ``factor`` and the speed is fitted.

    Args:
        sample: a :class:`Sample`, or a table, see :func:`sample_of`; from a road network by :func:`drawn_sample`.
        model: "circuity": whichever form of circuity predicts best (constant, by distance, by density where it is
            known, or a surface); or a form of ``MODELS``.
        departure: hour of the day of the times; None for times without traffic.
        profile: factor of the travel time for each hour of the day; empty for the usual one.
        density: where the density of places is read that the sample has none of.
        factor: km by road a straight km.
        seed: of the halves and folds.

    Raises:
        StudyError: no model is called so, or the departure, the profile, the factor or the surface is none.
        DataError: the sample is none; there are fewer than 20 pairs that can be used, or a place or time is none; the
            times look like hours or seconds; there is no density for ``model="circuity_density"``.
    """
    forms = _forms(model)
    number(factor, "factor", least=1.0)
    checked_surface(density, "Give densities themselves in the sample, as origin_density and destination_density")
    pairs, notes = _usable(sample, density, rushed(departure, profile))
    if pairs.density is None:
        if forms == ("circuity_density",):
            mend = "Give the sample origin_density and destination_density, or a density surface"
            raise DataError(Fault("location.density-missing", "the sample has no density", "", mend, key="sample"))
        forms = tuple(form for form in forms if form != "circuity_density")
    stream = Stream(seed, ("location", "calibrate"))
    order = stream.child("halves").generator().permutation(len(pairs))
    half = pairs[order[: len(pairs) // 2]]
    held = pairs[order[len(pairs) // 2 :]]
    fits = dict(_fits(forms, half, factor, stream.child("rows")))
    form, fit, tried = _chosen(fits, half, stream.child("folds"))
    fitted, constant = fit(half), _pace(half)
    errors = np.abs(_told(fitted, held) / held.minutes - 1)
    plain = np.abs(constant * held.km / held.minutes - 1)
    fell_back = bool(errors.mean() > plain.mean())
    if fell_back:
        shares = f"{100 * errors.mean():.1f} % against {100 * plain.mean():.1f} % on the held-out half"
        notes.append(f"{form} was worse than one pace for all ({shares}), so that one pace is the model.")
        form, fit, errors = "circuity_constant", _constant(factor), plain
    whole = replace(cast(Any, fit(pairs)), profile=profile)
    if isinstance(whole, CircuityDensity):
        whole = replace(whole, density=density)
    return Calibration(
        whole, form, float(errors.mean()), _interval(errors, held, stream.child("interval")), float(plain.mean()),
        len(half), len(held), fell_back, tried, tuple(notes),
    )  # fmt: skip


def sample_of(table: Any) -> Sample:
    """A sample from a table: Arrow, pandas or Polars, a DuckDB relation, a mapping of arrays or a list of rows.

    Columns are from_latitude, from_longitude, to_latitude, to_longitude, minutes, and from_density and to_density where
    they are known.

    Raises:
        DataError: it is no table, or a column is missing or holds no numbers.
    """
    listed = is_frame(table) or isinstance(table, list)
    if isinstance(table, str | bytes) or not listed:
        said = (
            f"the sample is {str(table)[:60]!r}" if isinstance(table, str) else f"the sample is {type(table).__name__}"
        )
        mend = "Give a table, a Sample, or what drawn_sample() makes of a road network"
        raise DataError(Fault("location.sample", said, f"expected columns {listing(_WANTED)}", mend, key="sample"))
    columns = columns_of(table, "sample", code="location.sample")
    lacking = [name for name in _WANTED if name not in columns]
    if lacking:
        said = f"the sample has no column {listing(lacking)}; it has {listing(columns) or 'none'}"
        raise DataError(Fault("location.sample", said, f"expected {listing(_WANTED)}", key="sample"))
    column = {name: _numbers(columns[name], name) for name in (*_WANTED, "from_density", "to_density")
              if name in columns}  # fmt: skip
    return Sample(
        np.column_stack([column["from_latitude"], column["from_longitude"]]),
        np.column_stack([column["to_latitude"], column["to_longitude"]]),
        column["minutes"], column.get("from_density"), column.get("to_density"),
    )  # fmt: skip


def _numbers(values: pa.Array, name: str) -> Floats:
    """A column of the sample, NaN where it has none."""
    try:
        return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    except pa.ArrowException as error:
        said = f'column "{name}" of the sample holds no numbers'
        raise DataError(Fault("location.sample", said, "expected numbers", key=f"sample.{name}")) from error


def drawn_sample(
    model: TravelModel, places: Any, pairs: int = 4000, *, departure: float | None = None, seed: int = 0
) -> Sample:
    """Random pairs of places with the time that a model (a road network) tells of them.

    Args:
        model: whose times are taken.
        places: n of them, at least 2.
        pairs: how many, at most.
        departure: hour of the day.
        seed: of the draw.

    Raises:
        DataError: a place is none, or there is one alone.
        StudyError: the model is none, pairs no whole number from 1, or the departure no hour of the day.
    """
    checked_model(model)
    checked_hour(departure)
    most = whole_number(pairs, "pairs", 1)
    found = checked_places(places, "places")
    if len(found) < 2:
        raise DataError(Fault("location.sample", "there is one place", "expected two at least", key="places"))
    random = Stream(seed, ("location", "sample")).generator()
    ends = min(len(found), max(_ENDS, int(np.ceil(np.sqrt(2 * most)))))
    start, end = (random.choice(len(found), ends, replace=False) for _ in range(2))
    cells = np.flatnonzero(start[:, None] != end[None, :])
    i, j = np.divmod(random.choice(cells, min(most, len(cells)), replace=False), ends)
    minutes = model.minutes(believed(found[start]), believed(found[end]), departure)
    return Sample(found[start[i]], found[end[j]], minutes[i, j])


def _aside(many: int, one: str, more: str) -> str:
    """How many pairs are not used, and why: of one of them, or of more."""
    return f"1 pair of the sample {one}; it is left aside." if many == 1 else (
        f"{many:,} pairs of the sample {more}; they are left aside.")  # fmt: skip


def _usable(sample: Any, surface: DensitySurface | None, rush: float) -> tuple[_Pairs, list[str]]:
    """Pairs that lie apart and have a time, and notes on the others."""
    given = sample if isinstance(sample, Sample) else sample_of(sample)
    start, end = checked_places(given.origins, "origins"), checked_places(given.destinations, "destinations")
    if len(start) != len(end):
        said = f"there are {len(start)} origins and {len(end)} destinations"
        raise DataError(Fault("location.points", said, "expected a destination for each origin", key="sample"))
    minutes = numbers(given.minutes, len(start), "minutes", infinite=True) / rush
    pairs = _Pairs(start, end, minutes, _mean_density(given, surface, start, end))
    apart, some = pairs.km > 0, minutes > 0
    fast, slow = odd_speeds(minutes, pairs.km, "pairs of the sample", "sample")
    notes = [_aside(many, one, more) for many, one, more in (
        (int(np.isinf(minutes).sum()), "has no way", "have no way"),
        (int((~apart).sum()), "begins and ends at one place", "begin and end at one place"),
        (int((apart & ~some).sum()), "takes no time", "take no time")) if many]  # fmt: skip
    notes += speed_notes(minutes, pairs.km, "pairs of the sample", fast, slow, " and left aside")
    used = np.setdiff1d(np.flatnonzero(apart & some & np.isfinite(minutes)), fast)
    if len(used) < LEAST:
        said = f"{len(used)} pair{'' if len(used) == 1 else 's'} of the sample can be used"
        mend = "Give places that lie apart, with minutes above 0"
        raise DataError(Fault("location.sample", said, f"expected at least {LEAST}", mend, key="sample"))
    return pairs[used], notes


def _mean_density(given: Sample, surface: DensitySurface | None, start: Floats, end: Floats) -> Floats | None:
    """Geometric mean of the densities at both ends, as the model takes it."""
    known = [name for name in ("origin_density", "destination_density") if getattr(given, name) is not None]
    if len(known) == 1 and surface is None:
        mend = "Give both, or a density surface"
        said = f"the sample has {known[0]} alone"
        raise DataError(Fault("location.density-missing", said, "", mend, key="sample"))
    if len(known) == 2:
        one = numbers(given.origin_density, len(start), "origin_density")
        other = numbers(given.destination_density, len(start), "destination_density")
    elif surface is not None:
        one, other = surface.at(believed(start)), surface.at(believed(end))
    else:
        return None
    return np.asarray(np.sqrt(np.maximum(one, 1.0) * np.maximum(other, 1.0)))


def _forms(model: str) -> tuple[str, ...]:
    if is_one_of(model, ["circuity"]):
        return ("circuity_constant", "circuity_distance", "circuity_density", "circuity_surface")
    if not is_one_of(model, MODELS):
        mend = did_you_mean(str(model), ("circuity", *MODELS))
        said = f"no model that can be calibrated is called {str(model)[:60]!r}"
        raise StudyError(Fault("location.travel", said, f"expected circuity, {listing(MODELS)}", mend, key="model"))
    return (model,)


def _fits(forms: tuple[str, ...], half: _Pairs, factor: float, rows: Stream) -> Iterator[tuple[tuple[str, float], Fit]]:
    """What is tried: a form, how rough it may be, and how it is fitted."""
    for form in forms:
        if form != "circuity_surface":
            yield (form, 0.0), MODELS[form](factor)
        elif len(half) >= _SURFACE:
            for ratio in RATIOS:
                yield (form, ratio), _surface(ratio, rows)
        elif len(forms) == 1:
            yield ("circuity_distance", 0.0), _distance(factor)


def _chosen(fits: dict[tuple[str, float], Fit], half: _Pairs, stream: Stream) -> tuple[str, Fit, dict[str, float]]:
    """The form that predicts best across folds; a richer one only where it is clearly better."""
    random = stream.generator()
    some = half[np.sort(random.permutation(len(half))[:_CHOSEN])]
    fold = random.permutation(len(some)) % FOLDS
    if len(fits) == 1:
        (form, _), fit = next(iter(fits.items()))
        return form, fit, {}
    error = {key: _across(fit, some, fold) for key, fit in fits.items() if key[0] != "circuity_surface"}
    if ("circuity_surface", RATIOS[0]) in fits:
        error |= {("circuity_surface", r): e for r, e in zip(RATIOS, _across_ratios(some, fold), strict=True)}
    tried: dict[str, float] = {}
    best = next(iter(fits))
    for key, value in error.items():
        tried[key[0]] = min(value, tried.get(key[0], np.inf))
        if value < error[best] * (_BETTER if key[0] != best[0] else 1.0) - _ROUNDING:
            best = key
    return best[0], fits[best], tried


def _across(fit: Fit, pairs: _Pairs, fold: Ints) -> float:
    errors = np.empty(len(pairs))
    for k in range(FOLDS):
        out = pairs[fold == k]
        errors[fold == k] = np.abs(_told(fit(pairs[fold != k]), out) / out.minutes - 1)
    return float(errors.mean())


def _across_ratios(pairs: _Pairs, fold: Ints) -> list[float]:
    """Errors of surfaces, one for each of ``RATIOS``: the terms of a fold are made once."""
    errors = np.empty((len(RATIOS), len(pairs)))
    for k in range(FOLDS):
        held, out = pairs[fold != k], pairs[fold == k]
        design = design_of(held.start, held.end)
        terms = design_of(out.start, out.end, design).columns
        fastest, (least, slowest) = bounds(held.km, held.minutes)
        told = solved(design, held.minutes, RATIOS, rounds=3) @ terms.T
        bounded = np.clip(told, fastest * out.km, least + slowest * out.km)
        errors[:, fold == k] = np.abs(bounded / out.minutes - 1)
    return list(map(float, errors.mean(axis=1)))


def _interval(errors: Floats, held: _Pairs, stream: Stream) -> tuple[float, float]:
    """Of the mean error; pairs that begin at one place are drawn together, as their errors are alike."""
    _, origin = np.unique(held.start, axis=0, return_inverse=True)
    clusters = origin.ravel() if origin.max() >= _ORIGINS - 1 else None
    return percentile_interval(mean_of(errors), len(errors), stream, draws=1000, clusters=clusters)


def _told(model: ByPair, pairs: _Pairs) -> Floats:
    """What a model says of pairs."""
    start, end = believed(pairs.start), believed(pairs.end)
    if isinstance(model, CircuityDensity) and pairs.density is not None:
        known = pairs.density
        return model.rowwise(start, end, origin_density=known, destination_density=known)
    return model.rowwise(start, end)


# ---- forms


def _pace(pairs: _Pairs, km: Floats | None = None) -> float:
    """Minutes a km that make sum |c km / t - 1| least: the median of t / km where each weighs km / t."""
    pace = pairs.minutes / (pairs.km if km is None else km)
    order = np.argsort(pace, kind="stable")
    held = np.cumsum(1 / pace[order])
    return float(pace[order][np.searchsorted(held, held[-1] / 2)])


def _constant(factor: float) -> Fit:
    return lambda pairs: Circuity(60.0 * factor / _pace(pairs), factor)


def _straight(_: float) -> Fit:
    return lambda pairs: GreatCircle(60.0 / _pace(pairs))


def _distance(factor: float) -> Fit:
    """Pace p + q exp(-d / L), q from 0 to the most that keeps times growing; L from a twentieth of the median on."""

    def fit(pairs: _Pairs) -> ByPair:
        best = (np.inf, _pace(pairs), 0.0, 1.0)
        for decay in float(np.median(pairs.km)) * np.geomspace(0.05, 2.0, 12):
            p, q = _two(pairs, np.exp(-pairs.km / decay))
            error = float(np.abs((p + q * np.exp(-pairs.km / decay)) * pairs.km / pairs.minutes - 1).mean())
            best = min(best, (error, p, q, float(decay)))
        _, p, q, decay = best
        return CircuityDistance(60.0 * factor / p, factor * (1 + q / p), factor, decay)

    return fit


def _two(pairs: _Pairs, e: Floats) -> tuple[float, float]:
    """Both of p + q e by relative errors; (median, 0) where they would not make sense."""
    x = np.stack([np.ones_like(e), e], axis=1) * (pairs.km / pairs.minutes)[:, None]
    p, q = _least_absolute(x, np.ones(len(x)))
    if p <= 0 or not 0 <= q <= np.exp(2.0) * p:
        return _pace(pairs), 0.0
    return float(p), float(q)


def _density(factor: float) -> Fit:
    """Log-linear: ln (t / km) = ln p + e x, x = ln (density / 1000)."""

    def fit(pairs: _Pairs) -> ByPair:
        assert pairs.density is not None  # noqa: S101 - the form is not tried without
        x = np.log(pairs.density / 1000.0)
        usual = CircuityDensity(factor=factor)
        p, e = _least_absolute(np.stack([np.ones_like(x), x], axis=1), np.log(pairs.minutes / pairs.km))
        steep = float(np.clip(usual.factor_elasticity - e, -2.0, 2.0))
        speed = 60.0 * factor / float(np.exp(p))
        seen = speed * np.exp(steep * x)
        return replace(usual, speed_kmh=speed, speed_elasticity=steep, speeds=(float(seen.min()), float(seen.max())))

    return fit


def _minkowski(_: float) -> Fit:
    """Exponents from 1 to 2 and rotations by 5 degrees, each at its best speed."""

    def fit(pairs: _Pairs) -> ByPair:
        best: tuple[float, float, float, float] = (np.inf, 2.0, 0.0, 1.0)
        for exponent in np.linspace(1.0, 2.0, 11).tolist():
            for rotation in np.arange(0.0, 90.0, 5.0).tolist() if exponent < 2.0 else (0.0,):
                km = Minkowski(60.0, exponent, rotation).rowwise(believed(pairs.start), believed(pairs.end))
                pace = _pace(pairs, km)
                error = float(np.abs(pace * km / pairs.minutes - 1).mean())
                best = min(best, (error, exponent, rotation, pace))
        return Minkowski(60.0 / best[3], best[1], best[2])

    return fit


def _surface(ratio: float, rows: Stream) -> Fit:
    def fit(pairs: _Pairs) -> ByPair:
        if len(pairs) > _FITTED:
            pairs = pairs[np.sort(rows.generator().permutation(len(pairs))[:_FITTED])]
        design = design_of(pairs.start, pairs.end)
        return fitted_surface(design, solved(design, pairs.minutes, (ratio,))[0], pairs.km, pairs.minutes)

    return fit


def _least_absolute(x: Floats, y: Floats, rounds: int = 30) -> Floats:
    """Coefficients that make sum |x b - y| least, by least squares with weights one over the last error."""
    w = np.ones(len(x))
    beta: Floats = np.zeros(x.shape[1])
    for _ in range(rounds):
        weighted = x * w[:, None]
        beta = np.asarray(np.linalg.lstsq(weighted.T @ x, weighted.T @ y, rcond=None)[0], np.float64)
        w = 1 / np.maximum(np.abs(x @ beta - y), 1e-6)
    return np.asarray(beta)


MODELS: dict[str, Callable[[float], Fit]] = {
    "great_circle": _straight,
    "minkowski": _minkowski,
    "circuity_constant": _constant,
    "circuity_distance": _distance,
    "circuity_density": _density,
    "circuity_surface": lambda _: _surface(1.0, Stream(0)),
}
"""Forms that can be asked for by name."""
