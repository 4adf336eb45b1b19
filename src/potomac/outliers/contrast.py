"""The contrasts: real records against records that might have been reported in their stead.

A classifier of real rows against simulated ones estimates the ratio of their densities (Hastie, Tibshirani and
Friedman, The Elements of Statistical Learning, 2nd ed., 14.2.4; Gutmann and Hyvärinen 2012, Journal of Machine Learning
Research 13). The density of a record is a product, p(place, behaviour) = p(place) p(behaviour | place), and each
factor has a contrast of its own:

* ``place``: fakes lie at an even place in the cell of a real row and behave like some real row;
* ``behaviour``: fakes lie at a real row's place and time and have an even speed and course;
* ``track``: fakes lie at an even place in the cell and behave as the row itself does, seen beside the other
  records of the same entity.

Every classifier is fitted without a part of the rows and scores just these, so that no row is scored by a model that
saw it. Several bags have grids of their own, shifted against each other, so that no border of a cell shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

from potomac.engine import Progress, Quiet
from potomac.geo.cells import Grid, adaptive_grid
from potomac.geo.distance import KM_PER_DEGREE
from potomac.outliers.boosting import Forest, fit_forest
from potomac.outliers.draws import draws, within_cells
from potomac.outliers.positions import Positions
from potomac.outliers.surroundings import NAMES as AROUND
from potomac.outliers.surroundings import Surroundings, identity
from potomac.outliers.tracks import Tracks
from potomac.stats.streams import Stream, row_uniform

__all__ = ["PARTS", "WEIGHTS", "Design", "Frame", "LocalContrast", "Records", "combined", "fit_local_contrast"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PARTS = ("place", "behaviour", "track")

WEIGHTS = {"place": 1.0, "behaviour": 1.0, "track": 0.3}
"""The track sees the place once more, from another side, so that it counts less than a factor of its own."""

CROWDED = 0.5
"""How much of the evidence for a place counts where it is above zero: a busy place excuses no odd behaviour."""

FEWEST_TRACKED = 30
"""Records beside others of their entity below which their fit is not learned."""

BLOCK = 65_536


@dataclass(frozen=True)
class Design:
    """How the contrasts are made.

    Attributes:
        cell_km: side of an unsplit cell in km.
        min_km: smallest side of a cell in km.
        most: real rows above which a cell is split into four.
        fakes: fakes a real row.
        bags: how often all is done anew with a shifted grid and other fakes.
        folds: parts of the rows, each scored by models that were fitted without it.
        reference: most records that surroundings are taken from.
        iterations, leaves, learning_rate, min_leaf, l2: of the boosted trees.
        together: whether all records of an entity lie in one fold, so that none is judged by a model that has learned
            from the others (not where a few entities have most of the records). It finds who is odd all along, at the
            price of single odd records: what is usual for a vessel is no excuse then.
        tracks: whether records are seen beside the others of their entity; not where a sample has lost these.
    """

    cell_km: float = 50.0
    min_km: float = 12.5
    most: int = 2_000
    fakes: int = 4
    bags: int = 4
    folds: int = 3
    reference: int = 50_000
    iterations: int = 75
    leaves: int = 63
    learning_rate: float = 0.2
    min_leaf: int = 10
    l2: float = 1.0
    together: bool = False
    tracks: bool = True

    def grid(self, positions: Positions, bag: int = 0) -> Grid:
        """Fine cells where many records are, coarse ones elsewhere; each bag has its own offset and half the size."""
        side = self.cell_km / 2 ** (bag % 3)
        return adaptive_grid(
            positions.latitude, positions.longitude, base_km=side, min_km=min(side, self.min_km), most=self.most,
            offset=bag / max(self.bags, 1),
        )  # fmt: skip


@dataclass(frozen=True)
class Records:
    """k rows, or what might have been reported in their stead.

    Attributes:
        row: index of the row whose entity, time and neighbours are meant.
        donor: index of the row whose covariates are taken.
        latitude, longitude, speed, heading: as reported, or as might have been.
    """

    row: Ints
    donor: Ints
    latitude: Floats
    longitude: Floats
    speed: Floats
    heading: Floats

    @classmethod
    def real(cls, positions: Positions, index: Ints) -> Records:
        """What the rows at ``index`` report."""
        p = positions
        return cls(index, index, p.latitude[index], p.longitude[index], p.speed[index], p.heading[index])


@dataclass(frozen=True)
class Frame:
    """What all features share: the middle of the plane, the fastest speed of fakes, whether hours tell, covariates.

    Attributes:
        latitude: middle parallel, degrees.
        longitude: middle meridian, degrees; the features' longitudes are counted from it, the short way round.
        fastest: largest speed of fakes, kn.
        hours: whether the hour of the day is a feature.
        covariates: names of the covariates, in the order of their columns.
        categorical: which of them are categorical.
    """

    latitude: float
    longitude: float
    fastest: float
    hours: bool
    covariates: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()

    @classmethod
    def of(cls, positions: Positions) -> Frame:
        """The frame of a sample."""
        p = positions
        turn = np.exp(1j * np.radians(p.longitude)).mean()
        known = p.speed[np.isfinite(p.speed)]
        # One wrong speed of a thousand knots must not spread all fakes over speeds that nobody has.
        fastest = min(known.max(), 1.5 * np.quantile(known, 0.999)) if len(known) else 0.0
        times = p.time[np.isfinite(p.time)]
        spans_days = len(times) > 0 and bool(times.max() - times.min() >= 2 * 86_400)
        names = tuple(sorted(p.covariates))
        return cls(
            latitude=float(p.latitude.mean()),
            longitude=float(np.degrees(np.angle(turn))),
            fastest=float(max(fastest, 1e-6)),
            hours=spans_days,
            covariates=names,
            categorical=tuple(name for name in names if name in p.levels),
        )

    def columns(self, positions: Positions, records: Records) -> Floats:
        """Place, behaviour, hour and covariates of k records, shape (k, p)."""
        r = records
        x = ((r.longitude - self.longitude + 180.0) % 360.0 - 180.0) * np.cos(np.radians(self.latitude)) * KM_PER_DEGREE
        y = (r.latitude - self.latitude) * KM_PER_DEGREE
        course = np.radians(r.heading)
        east, north = np.sin(course), np.cos(course)
        found = [x, y, x + y, x - y, r.speed, east, north, r.speed * east, r.speed * north]
        if self.hours:
            hour = positions.time[r.row] % 86_400 / 86_400 * 2 * np.pi
            found += [np.sin(hour), np.cos(hour)]
        found += [positions.covariates[name][r.donor] for name in self.covariates]
        return np.stack(found, axis=1)

    @property
    def width(self) -> int:
        """Number of columns."""
        return 9 + 2 * self.hours + len(self.covariates)

    @property
    def levelled(self) -> list[int]:
        """Columns that hold levels."""
        first = 9 + 2 * self.hours
        return [first + self.covariates.index(name) for name in self.categorical]


@dataclass(frozen=True)
class LocalContrast:
    """The fitted contrasts.

    Attributes:
        design: how they were made.
        frame: what their features share.
        surroundings: the reference that records are compared with.
        grids: the cells of each bag.
        forests: for each part the forests by bag and fold.
        key: names the draw that puts a row into its fold.
    """

    design: Design
    frame: Frame
    surroundings: Surroundings
    grids: tuple[Grid, ...]
    forests: Mapping[str, tuple[tuple[Forest, ...], ...]]
    key: Stream = field(default_factory=lambda: Stream(0))

    @property
    def parts(self) -> tuple[str, ...]:
        """Which contrasts there are."""
        return tuple(part for part in PARTS if part in self.forests)

    def fold(self, row: Ints, owner: Ints, bag: int) -> Ints:
        """The fold of each row in a bag: its model there has not seen the row, nor others of its entity; shape (n,).

        Args:
            row: number of each row, shape (n,).
            owner: code of its entity, negative where unknown, shape (n,).
            bag: which one.
        """
        key = np.where(owner >= 0, -1 - owner, row) if self.design.together else row
        return np.asarray(row_uniform(key, self.key, bag) * self.design.folds, np.int64)

    def evidence(
        self,
        positions: Positions,
        records: Records | None = None,
        *,
        owner: Ints | None = None,
        tracks: Tracks | None = None,
        fitted: bool = True,
        progress: Progress | None = None,
    ) -> dict[str, Floats]:
        """Log odds of being real by part, as one fake a real row would give them.

        Args:
            positions: rows whose entities have the codes of the fitted ones.
            records: what to score; default what all rows report.
            owner: whose records in the reference do not count, by row; default ``identity(positions)``, which is right
                for the rows that were fitted. New rows without an entity have -1.
            tracks: of ``positions``; default they are built.
            fitted: whether the rows come from the table that was fitted, so that each is scored by the models that did
                not see it; others are scored by all models, whatever their numbers.
            progress: told how many rows are scored.

        Returns:
            By part shape (k,); 0 for ``track`` where the entity has no other record.
        """
        say = progress or Quiet()
        asked = records or Records.real(positions, np.arange(len(positions)))
        own = identity(positions) if owner is None else owner
        if tracks is None and "track" in self.forests:
            tracks = Tracks.build(positions)
        found = {part: np.zeros(len(asked.row)) for part in self.parts}

        def work(block: slice) -> None:
            for part, values in self._block(positions, _sliced(asked, block), own, tracks, fitted).items():
                found[part][block] = values

        for done in _side_by_side(work, list(_blocks(len(asked.row)))):
            say("scoring rows", done.stop, len(asked.row))
        return found

    def _block(
        self, positions: Positions, records: Records, owner: Ints, tracks: Tracks | None, fitted: bool
    ) -> dict[str, Floats]:
        row = positions.row[records.row] if fitted else None
        who = owner[records.row]
        plain = plain_features(self.frame, self.surroundings, positions, records, owner)
        found = {}
        for part in self.parts:
            features = plain
            if part == "track":
                assert tracks is not None  # noqa: S101 - evidence() built them
                features = np.hstack([plain, tracked(tracks, records)])
            odds = self._odds(part, features, row, who) + np.log(self.design.fakes)
            if part == "track":  # an entity without another record has no track
                odds[np.isnan(features[:, plain.shape[1] :]).all(axis=1)] = 0.0
            found[part] = odds
        return found

    def _odds(self, part: str, features: Floats, row: Ints | None, owner: Ints) -> Floats:
        """Mean over the bags, in each of which a row is scored by the model of its fold; without rows, by all."""
        out = np.zeros(len(features))
        if row is None:
            every = [forest.log_odds(features) for forests in self.forests[part] for forest in forests]
            return np.asarray(sum(every) / len(every))
        for bag, forests in enumerate(self.forests[part]):
            fold = self.fold(row, owner, bag)
            for f, forest in enumerate(forests):
                mine = np.flatnonzero(fold == f)
                if len(mine):
                    out[mine] += forest.log_odds(features[mine])
        return out / len(self.forests[part])


def combined(evidence: Mapping[str, Floats]) -> Floats:
    """Log odds of being real from the evidence of all parts, shape (n,)."""
    total = np.zeros(len(next(iter(evidence.values()))))
    for part, odds in evidence.items():
        total += WEIGHTS[part] * (np.where(odds > 0, CROWDED * odds, odds) if part == "place" else odds)
    return total


def fit_local_contrast(
    positions: Positions,
    design: Design,
    stream: Stream,
    progress: Progress | None = None,
    tracks: Tracks | None = None,
) -> LocalContrast:
    """Fit the contrasts on a sample of positions (in the order of their rows).

    Args:
        positions: n rows, sorted by ``row``.
        design: how many fakes, bags, folds, and the trees.
        stream: names all draws; rows are drawn for by their number, never by their turn.
        progress: told how many models are fitted.
        tracks: asked by ``positions``, with the records that the sample has left out; default those of ``positions``
            alone.
    """
    say = progress or Quiet()
    frame = Frame.of(positions)
    surroundings = Surroundings.build(positions, stream, design.reference)
    tracks = Tracks.build(positions) if tracks is None else tracks
    owner = identity(positions)
    design = replace(design, together=design.together and _many(owner, design.folds))
    model = LocalContrast(design, frame, surroundings, (), {}, stream.child("fold"))
    grids = tuple(design.grid(positions, bag) for bag in range(design.bags))
    rows = Records.real(positions, np.arange(len(positions)))
    plain = plain_features(frame, surroundings, positions, rows, owner)
    beside = tracked(tracks, rows)
    told = np.isfinite(beside).any(axis=1)
    parts = ["place"]
    if np.isfinite(positions.speed).any() or np.isfinite(positions.heading).any():
        parts.append("behaviour")
    if design.tracks and told.mean() >= 0.1 and told.sum() >= FEWEST_TRACKED:
        parts.append("track")
    fits = _Fits(len(parts) * design.bags * design.folds, say)
    with fits:
        for part in parts:
            mine = np.flatnonzero(told) if part == "track" else np.arange(len(positions))
            real = np.hstack([plain, beside])[mine] if part == "track" else plain
            for bag in range(design.bags):
                fold = model.fold(positions.row, owner, bag)
                fakes = _fakes(part, positions, mine, fold, grids[bag], frame, design, stream.child(part, bag))
                fake = plain_features(frame, surroundings if _looks_around(bag) else None, positions, fakes, owner)
                if part == "track":
                    fake = np.hstack([fake, tracked(tracks, fakes)])
                for f in range(design.folds):
                    seen, made = fold[mine] != f, fold[fakes.row] != f
                    shown = real[seen]
                    if not _looks_around(bag):
                        shown[:, frame.width : frame.width + len(AROUND)] = np.nan
                    fits.add(part, bag, shown, fake[made], frame, design, stream.child(part, bag, f))
    return LocalContrast(design, frame, surroundings, grids, fits.forests(parts, design), model.key)


class _Fits:
    """Forests on their way: one thread each, as many at a time as there are cores; their order is that of asking."""

    def __init__(self, total: int, say: Progress) -> None:
        self.total, self.say = total, say
        self.pool = ThreadPoolExecutor(get_num_threads())
        self.waiting: list[tuple[tuple[str, int], Future[Forest]]] = []
        self.done: dict[tuple[str, int], list[Forest]] = {}

    def __enter__(self) -> _Fits:
        self.say("fitting contrasts", 0, self.total)
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            while kind is None and self.waiting:
                self._take()
        finally:
            self.pool.shutdown(wait=True, cancel_futures=True)

    def add(
        self, part: str, bag: int, real: Floats, fake: Floats, frame: Frame, design: Design, stream: Stream
    ) -> None:
        """Begin a fit; waits where enough are on their way, so that memory holds the rows of a few only."""
        while len(self.waiting) > get_num_threads():
            self._take()
        self.waiting.append(((part, bag), self.pool.submit(_forest, real, fake, frame, design, stream)))

    def _take(self) -> None:
        key, forest = self.waiting.pop(0)
        self.done.setdefault(key, []).append(forest.result())
        self.say("fitting contrasts", sum(map(len, self.done.values())), self.total)

    def forests(self, parts: Sequence[str], design: Design) -> dict[str, tuple[tuple[Forest, ...], ...]]:
        """By part, bag and fold."""
        return {part: tuple(tuple(self.done[part, bag]) for bag in range(design.bags)) for part in parts}


def plain_features(
    frame: Frame, surroundings: Surroundings | None, positions: Positions, records: Records, owner: Ints
) -> Floats:
    """Place, behaviour and surroundings of k records, shape (k, p); NaN where surroundings are not to be seen."""
    r = records
    if surroundings is None:
        around = np.full((len(r.row), len(AROUND)), np.nan)
    else:
        around = surroundings.features(owner[r.row], r.latitude, r.longitude, r.speed, r.heading)
    return np.hstack([frame.columns(positions, r), around])


def tracked(tracks: Tracks, records: Records) -> Floats:
    """How k records fit the tracks of their entities, shape (k, p)."""
    r = records
    return tracks.features(r.row, r.latitude, r.longitude, r.speed, r.heading)


def _looks_around(bag: int) -> bool:
    """Every other bag does without surroundings, so that its trees learn places and behaviours by themselves.

    A column without values is never asked, so that nothing need be taken away when rows are scored.
    """
    return bag % 2 == 0


def _many(owner: Ints, folds: int) -> bool:
    """Whether there are so many entities, and none with so many of the records, that folds of entities are even."""
    records = np.bincount(owner[owner >= 0])
    entities = np.count_nonzero(records) + np.count_nonzero(owner < 0)
    return bool(entities >= 10 * folds and records.max(initial=0) <= 0.2 * len(owner))


def _forest(real: Floats, fake: Floats, frame: Frame, design: Design, stream: Stream) -> Forest:
    truth = np.concatenate([np.ones(len(real)), np.zeros(len(fake))])
    return fit_forest(
        np.vstack([real, fake]), truth,
        iterations=design.iterations, leaves=design.leaves, learning_rate=design.learning_rate,
        min_leaf=design.min_leaf, l2=design.l2, seed=stream.seed32(), categorical=frame.levelled or None, threads=1,
    )  # fmt: skip


def _fakes(
    part: str, positions: Positions, mine: Ints, fold: Ints, grid: Grid, frame: Frame, design: Design, stream: Stream
) -> Records:
    """``design.fakes`` records in the stead of each of the rows ``mine``, every draw keyed by the row."""
    i = np.repeat(mine, design.fakes)
    turn = np.tile(np.arange(design.fakes), len(mine))

    def draw(purpose: int) -> Floats:
        return draws(positions.row[i], turn, stream.child(purpose))

    p = positions
    if part == "behaviour":
        moving = bool((p.speed > 0).any())  # where nobody moves, any other speed would give a fake away
        speed = np.where(np.isnan(p.speed[i]), np.nan, draw(0) * frame.fastest) if moving else p.speed[i]
        heading = np.where(np.isnan(p.heading[i]), np.nan, draw(1) * 360.0)
        return Records(i, i, p.latitude[i], p.longitude[i], speed, heading)
    latitude, longitude = within_cells(grid, p.latitude[i], p.longitude[i], draw(0), draw(1))
    donor = i if part == "track" else _donors(i, fold, mine, draw(2))
    return Records(i, donor, latitude, longitude, p.speed[donor], p.heading[donor])


def _donors(i: Ints, fold: Ints, mine: Ints, draw: Floats) -> Ints:
    """A row of the same fold for each, so that a model never sees the behaviour of a row that it will score."""
    out = np.empty_like(i)
    for f in np.unique(fold[mine]):
        those, pool = fold[i] == f, mine[fold[mine] == f]
        out[those] = pool[(draw[those] * len(pool)).astype(np.int64)]
    return out


def _blocks(n: int) -> Iterator[slice]:
    for first in range(0, n, BLOCK):
        yield slice(first, min(n, first + BLOCK))


def _side_by_side(work: Callable[[slice], None], blocks: Sequence[slice]) -> Iterator[slice]:
    """Do the blocks, as many at a time as there are cores; each is given back when it and those before are done."""
    if len(blocks) == 1:
        work(blocks[0])
        yield blocks[0]
        return
    pool = ThreadPoolExecutor(get_num_threads())
    try:
        for block, _ in zip(blocks, pool.map(work, blocks), strict=True):
            yield block
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _sliced(records: Records, block: slice) -> Records:
    r = records
    return Records(
        r.row[block], r.donor[block], r.latitude[block], r.longitude[block], r.speed[block], r.heading[block]
    )
