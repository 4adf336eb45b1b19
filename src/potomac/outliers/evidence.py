"""Why this one: the pieces of evidence behind a score, as numbers and in words.

The parts of the score say whether it is the place, the behaviour, the track or a meeting. Behaviour is told apart by
asking again: how much would the odds rise if the record had a speed (a course, an hour, a covariate) that is usual
among the nearest others, all else as it is? That is the piece of evidence which the speed (course, ...) gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.outliers.contrast import LocalContrast, Records, combined
from potomac.outliers.detectors import known, told_of, with_covariates
from potomac.outliers.model import LocalModel, log_odds_of
from potomac.outliers.positions import Positions
from potomac.outliers.tracks import Tracks

__all__ = ["Usual", "explain", "usual_around"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ASKED = 12
"""Nearest others whose speeds and courses are put in the record's stead."""

TELLING = 0.7
"""A piece is put into words from this much log odds on: it halves the odds."""


@dataclass(frozen=True)
class Usual:
    """What the nearest others do around k records; NaN where nothing is known.

    Attributes:
        near: the others, records of the reference, shape (k, 20), -1 where there are fewer.
        lonely_km: distance to the fifth nearest, shape (k,).
        slow, middle, fast: 10, 50 and 90 % quantile of their speeds, kn, shape (k,).
        course: their mean course, degrees, shape (k,).
        agreement: length of the mean course vector, 0 to 1, shape (k,).
    """

    near: Ints
    lonely_km: Floats
    slow: Floats
    middle: Floats
    fast: Floats
    course: Floats
    agreement: Floats


def usual_around(contrast: LocalContrast, owner: Ints, positions: Positions) -> Usual:
    """What others do around the given rows."""
    distance, near = contrast.surroundings.nearest(owner, positions.latitude, positions.longitude)
    speed, heading = contrast.surroundings.behaviour(np.maximum(near, 0))
    speed = np.where(near >= 0, speed, np.nan)
    course = np.where((near >= 0) & (speed > 0.5), np.radians(heading), np.nan)
    slow, middle, fast = _quantiles(speed, (0.1, 0.5, 0.9))
    counted = np.maximum(np.isfinite(course).sum(axis=1), 1)
    east, north = np.nansum(np.sin(course), axis=1) / counted, np.nansum(np.cos(course), axis=1) / counted
    agreement = np.where(np.isfinite(course).sum(axis=1) >= 5, np.hypot(east, north), np.nan)
    lonely = np.where(np.isfinite(distance[:, 4]), distance[:, 4], np.nan)
    return Usual(near, lonely, slow, middle, fast, np.degrees(np.arctan2(east, north)) % 360.0, agreement)


def _quantiles(values: Floats, shares: tuple[float, ...]) -> list[Floats]:
    """Quantiles by row, NaN left out."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1)
    place = [np.clip(np.round(share * (count - 1)), 0, None).astype(np.int64) for share in shares]
    return [np.where(count > 0, np.take_along_axis(ordered, at[:, None], axis=1)[:, 0], np.nan) for at in place]


def explain(
    model: LocalModel,
    positions: Positions,
    index: Ints,
    evidence: dict[str, Floats],
    tracks: Tracks,
) -> pa.Table:
    """The pieces of evidence of some rows.

    Args:
        model: a fitted model of method "contrast".
        positions: the rows that were fitted.
        index: which of them, strangest first, shape (k,).
        evidence: by part, of these rows, each of shape (k,).
        tracks: of ``positions``.

    Returns:
        A row each: rank, row, entity, time, latitude, longitude, speed, heading, cell, log_odds, outlier_score, the
        pieces (``why_place``, ``why_speed``, ``why_course``, ``why_time``, ``why_covariates``, ``why_track``,
        ``why_meeting``: log odds taken, higher is odder), what others do (lonely_km, usual_speed, usual_slow,
        usual_fast, usual_course), off_track_km, the covariates, and the sentence ``why``.
    """
    assert model.contrast is not None  # noqa: S101 - the caller has chosen the method
    p = positions.take(index)
    owner = model.owner(positions, True)
    usual = usual_around(model.contrast, owner[index], p)
    pieces = _pieces(model.contrast, positions, index, owner, evidence, tracks, usual)
    beside = tracks.features(index)
    off_track = beside[:, tracks.names.index("off_track_km")]
    sentences = [
        _sentence(i, p, pieces, usual, off_track) for i in range(len(index))
    ]  # the list that people read, never all rows
    columns: dict[str, Any] = {
        "rank": np.arange(1, len(index) + 1),
        **told_of(p, model.cell(p), log_odds_of(evidence)),
        **{f"why_{name}": values for name, values in pieces.items()},
        "lonely_km": known(usual.lonely_km),
        "usual_slow": known(usual.slow),
        "usual_speed": known(usual.middle),
        "usual_fast": known(usual.fast),
        "usual_course": known(np.where(usual.agreement >= 0.5, usual.course, np.nan)),
        "off_track_km": known(off_track),
        "why": sentences,
    }
    return with_covariates(columns, p)


def _pieces(
    contrast: LocalContrast,
    positions: Positions,
    index: Ints,
    owner: Ints,
    evidence: dict[str, Floats],
    tracks: Tracks,
    usual: Usual,
) -> dict[str, Floats]:
    """Log odds that each piece takes, by name."""
    asked = _Asked(contrast, positions, index, owner, tracks, usual)
    pieces = {"place": np.maximum(-evidence["place"], 0.0)} if "place" in evidence else {}
    if "behaviour" in evidence:
        base = evidence["behaviour"]
        pieces["speed"] = asked.gain(base, "speed")
        pieces["course"] = asked.gain(base, "heading")
    whole = log_odds_of({part: odds for part, odds in evidence.items() if part in ("place", "behaviour")})
    if contrast.frame.hours:
        pieces["time"] = asked.gain_of_rows(whole, "time")
    if contrast.frame.covariates:
        pieces["covariates"] = asked.gain_of_rows(whole, "covariates")
    if "track" in evidence:
        pieces["track"] = np.maximum(-evidence["track"], 0.0)
    if "meeting" in evidence:
        pieces["meeting"] = np.maximum(-evidence["meeting"], 0.0)
    return pieces


@dataclass(frozen=True)
class _Asked:
    """Asks the contrasts again with parts of a record replaced by those of others."""

    contrast: LocalContrast
    positions: Positions
    index: Ints
    owner: Ints
    tracks: Tracks
    usual: Usual

    def gain(self, base: Floats, part: Literal["speed", "heading"]) -> Floats:
        """Mean rise of the behaviour's log odds with this ``part`` of the nearest others' records; at least 0."""
        near = self.usual.near[:, :ASKED]
        k, m = near.shape
        speed, heading = self.contrast.surroundings.behaviour(np.maximum(near, 0).ravel())
        others = {"speed": speed, "heading": heading}[part]
        record = Records.real(self.positions, np.repeat(self.index, m))
        own = getattr(record, part)
        record = replace(record, **{part: np.where(np.isfinite(others), others, own)})
        odds = self._only(("behaviour",), record)["behaviour"].reshape(k, m)
        return _mean_rise(odds, base, near >= 0)

    def gain_of_rows(self, base: Floats, part: Literal["time", "covariates"]) -> Floats:
        """Mean rise of place and behaviour with this ``part`` of rows drawn evenly from all."""
        m = ASKED
        others = np.linspace(0, len(self.positions) - 1, m).astype(np.int64)
        i, j = np.repeat(self.index, m), np.tile(others, len(self.index))
        record = Records.real(self.positions, i)
        positions = self.positions
        if part == "time":
            shifted = positions.take(i)
            positions = replace(shifted, time=np.where(np.isnan(positions.time[j]), shifted.time, positions.time[j]))
            record = Records.real(positions, np.arange(len(i)))
            owner = self.owner[i]
        else:
            record, owner = replace(record, donor=j), self.owner
        odds = self._only(("place", "behaviour"), record, positions, owner)
        return _mean_rise(combined(odds).reshape(-1, m), base, np.ones((len(self.index), m), bool))

    def _only(
        self, parts: Sequence[str], record: Records, positions: Positions | None = None, owner: Ints | None = None
    ) -> dict[str, Floats]:
        some = replace(
            self.contrast,
            forests={part: self.contrast.forests[part] for part in parts if part in self.contrast.forests},
        )
        return some.evidence(
            self.positions if positions is None else positions, record,
            owner=self.owner if owner is None else owner, tracks=self.tracks,
        )  # fmt: skip


def _mean_rise(odds: Floats, base: Floats, counted: npt.NDArray[np.bool_]) -> Floats:
    many = np.maximum(counted.sum(axis=1), 1)
    mean = np.where(counted, odds, 0.0).sum(axis=1) / many
    return np.where(counted.any(axis=1), np.maximum(mean - base, 0.0), 0.0)


def _sentence(
    i: int,
    p: Positions,
    pieces: dict[str, Floats],
    usual: Usual,
    off_track: Floats,
) -> str:
    """The pieces in words, the strongest first."""
    order = sorted(pieces, key=lambda name: -pieces[name][i])
    told = [_WORDS[name](i, p, usual, off_track) for name in order if pieces[name][i] >= TELLING]
    return " ".join(filter(None, told)) or "A little odd in several ways, in none of them much."


def _knots(speed: float) -> str:
    return f"{speed:.0f}" if speed >= 20 else f"{speed:.1f}".removesuffix(".0")


def _place(i: int, p: Positions, usual: Usual, off: Floats) -> str:
    if np.isnan(usual.lonely_km[i]):
        return "Nobody else was seen around here."
    km = usual.lonely_km[i]
    far = f"{km * 1000:.0f} m" if km < 1 else f"{km:.3g} km"
    if km < 1:
        return f"Few others keep to this very place: the fifth nearest was {far} away."
    return f"Few come here: the fifth nearest place of another is {far} away."


def _speed(i: int, p: Positions, usual: Usual, off: Floats) -> str:
    if np.isnan(p.speed[i]) or np.isnan(usual.middle[i]):
        return ""
    slow, fast = _knots(usual.slow[i]), _knots(usual.fast[i])
    others = f"{slow} kn" if slow == fast else f"{slow} to {fast} kn"
    return f"{_knots(p.speed[i])} kn, where others do {others}."


def _course(i: int, p: Positions, usual: Usual, off: Floats) -> str:
    if np.isnan(p.heading[i]):
        return ""
    if np.isnan(usual.agreement[i]) or usual.agreement[i] < 0.5:
        return f"Course {p.heading[i]:.0f}°, which few keep here."
    return f"Course {p.heading[i]:.0f}°, where others go {usual.course[i]:.0f}°."


def _track(i: int, p: Positions, usual: Usual, off: Floats) -> str:
    if np.isnan(off[i]) or off[i] < 0.1:
        return "It does not fit its own track."
    return f"{off[i]:.3g} km from where its own track puts it."


_WORDS: dict[str, Callable[[int, Positions, Usual, Floats], str]] = {
    "place": _place,
    "speed": _speed,
    "course": _course,
    "track": _track,
    "time": lambda *_: "At an hour at which few are here.",
    "covariates": lambda *_: "Others of its kind do this elsewhere.",
    "meeting": lambda *_: "Slow, and close to another slow one where few usually are.",
}
