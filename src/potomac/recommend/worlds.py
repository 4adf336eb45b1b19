"""Simulated people whose tastes are known: worlds in which one knows what a recommender should find.

Nobody in them is real. A person takes items without replacement with probabilities in proportion to exp(s), where

    s_ui(t) = popularity_i + taste z_ui + attributes a_ui - drift (age of i at t),

and z (latent topics) and a (what the catalogue says of an item) have the mean 0 and the standard deviation 1 over the
items for each person: the three strengths are all on the scale of log odds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import Fault, StudyError
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.matrix.sparse import grouped
from potomac.stats.compiled import compiled
from potomac.stats.streams import Stream

__all__ = ["Tastes", "World", "made_up", "shuffled", "simulated"]

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

DAY = 86_400_000_000
"""Microseconds of a day."""
BEGIN = 1_704_067_200_000_000
"""2024-01-01, microseconds since 1970 UTC."""
DAYS = 365
PERIODS = 12
"""Parts of the year, within which what is new stays as new."""
LAUNCHED = 0.3
"""Share of the items that are there from the start where there is drift."""
BLOCK = 1 << 22
"""Log odds held in memory at once."""
TINY = np.float32(1e-30)
"""An exponential number of single precision may be 0, whose logarithm is not finite."""

GENRES = ("adventure", "biography", "comedy", "cooking", "crime", "drama", "fantasy", "history", "nature", "poetry",
          "romance", "travel")  # fmt: skip
WORDS = 40
"""Words that a genre has for itself in descriptions."""


@dataclass(frozen=True, eq=False)
class Tastes:
    """What simulated people like.

    Attributes:
        topics: how much an item is of each latent topic, shape (n, k).
        liking: of each person for each topic, shape (m, k).
        marks: what the catalogue says of an item as 0, 1 or a standardised number, shape (n, f).
        drawn: of each person to each mark, shape (m, f).
        taste: strength of the topics. attributes: strength of the marks; log odds.
    """

    topics: Floats
    liking: Floats
    marks: Floats
    drawn: Floats
    taste: float
    attributes: float

    def of(self, people: npt.ArrayLike) -> Floats:
        """Log odds of every item to the people at these rows, popularity left out, shape (k, n)."""
        rows = np.asarray(people, np.int64)
        s = np.zeros((len(rows), len(self.topics)), np.float32)
        for strength, who, what in (
            (self.taste, self.liking, self.topics),
            (self.attributes, self.drawn, self.marks),
        ):
            if strength:
                s += np.float32(strength) * _standardised(who[rows] @ what.T)
        return s


@dataclass(frozen=True, eq=False)
class World:
    """Simulated people, what they had to do with, and the truth about them.

    Attributes:
        interactions: of m users, numbered from 1, and n items, in the order of the catalogue.
        items: the catalogue.
        tastes: what the people like.
        popularity: log odds of each item for everybody, shape (n,).
    """

    interactions: Interactions
    items: Items
    tastes: Tastes
    popularity: Array


def simulated(
    users: int = 1000,
    items: int | Items = 500,
    *,
    per_user: float = 20.0,
    spread: float = 0.8,
    popularity: float | npt.ArrayLike = 1.0,
    taste: float = 0.0,
    topics: int = 8,
    attributes: float = 0.0,
    driven_by: Sequence[str] | None = None,
    drift: float = 0.0,
    stay: float = 1.0,
    cold: float = 0.0,
    rated: bool = False,
    times: bool = True,
    seed: int = 0,
) -> World:
    """Simulated people of known tastes.

    Without ``taste`` and ``attributes`` only popularity matters, and no recommender can beat the best list for all.

    Args:
        users: number of people m.
        items: number of items of a made-up catalogue, or a catalogue.
        per_user: interactions that a person has on average.
        spread: standard deviation of the logarithm of a person's number of interactions (long tail).
        popularity: standard deviation of the log odds of items for everybody, 0: none is more popular; or those log
            odds, shape (n,).
        taste: strength of latent topics that no catalogue tells of.
        topics: number of those.
        attributes: strength of what the catalogue says.
        driven_by: the features that matter to people; default those that are words, lists of words or numbers.
        drift: by how much the log odds of an item fall during a year; items come out all the year then.
        stay: share of the year for which a person comes, at a time of their own; 1: all the year.
        cold: share of the items that nobody had to do with.
        rated: whether people give 1 to 5 stars; otherwise each interaction counts 1.
        times: whether times are told; a year of them.
        seed: of all randomness.

    Raises:
        StudyError: a number is out of range.
    """
    if (
        users < 1
        or (items if isinstance(items, int) else len(items)) < 1
        or per_user <= 0
        or not 0 <= cold < 1
        or not 0 < stay <= 1
    ):
        found = f"{users} users with {per_user} interactions each, cold share {cold}"
        raise StudyError(Fault("recommend.world", found, "expected a user, an item, 0 <= cold < 1 and 0 < stay <= 1"))
    stream = Stream(seed).child("recommend", "world")
    catalogue = made_up(items, seed=seed) if isinstance(items, int) else items
    n = len(catalogue)
    tastes = _tastes(users, catalogue, taste, topics, attributes, driven_by, stream)
    draws = stream.child("popularity").generator()
    log_odds = draws.standard_normal(n)
    log_odds = popularity * log_odds if isinstance(popularity, int | float) else np.array(popularity, float)
    log_odds[draws.permutation(n)[: int(cold * n)]] = -np.inf
    released = np.where(draws.random(n) < LAUNCHED, 0.0, draws.random(n)) if drift else np.zeros(n)
    released[np.argmax(log_odds)] = 0.0  # there is something from the start
    wanted = _activity(users, per_user, spread, int(np.isfinite(log_odds).sum()), stream)
    comes = _comes(users, stay, PERIODS if drift or stay < 1 else 1, stream)
    user, item, when = _taken(tastes, log_odds, released, wanted, comes, drift, stream)
    stars = _stars(tastes, log_odds, user, item, stream).astype(np.float32) if rated else None
    told = BEGIN + (when * DAYS * DAY).astype(np.int64) if times else None
    parts = grouped(user.astype(np.int32), item.astype(np.int32), stars, told, users)
    known = Interactions(pa.array(np.arange(1, users + 1)), catalogue.ids, *parts, rated=rated)
    return World(known, catalogue, tastes, log_odds)


def made_up(n: int, *, seed: int = 0) -> Items:
    """A catalogue of ``n`` items that do not exist: title, genre, maker, year, and a description in words.

    Descriptions take their words from the genre, as real ones do; makers have ten items on average and one genre
    mostly.
    """
    draws = Stream(seed).child("recommend", "catalogue").generator()
    makers = max(1, n // 10)
    maker = draws.integers(makers, size=n)
    own = draws.integers(len(GENRES), size=makers)
    genre = np.where(draws.random(n) < 0.8, own[maker], draws.integers(len(GENRES), size=n))
    words = draws.integers(WORDS, size=(n, 12))
    common = draws.random((n, 12)) < 0.4
    text = [
        " ".join(f"word{w}" if c else f"{GENRES[g]}{w}" for w, c in zip(ws, cs, strict=True))
        for g, ws, cs in zip(genre.tolist(), words.tolist(), common.tolist(), strict=True)
    ]
    number = np.arange(1, n + 1)
    return Items.of(
        pa.table(
            {
                "item": number,
                "title": [f"Item {i}" for i in number.tolist()],
                "genre": [GENRES[g] for g in genre.tolist()],
                "maker": [f"maker {k}" for k in maker.tolist()],
                "year": draws.integers(1980, 2025, size=n),
                "description": text,
            }
        )
    )


# ---- tastes -------------------------------------------------------------------------------------------------------


def _tastes(
    users: int, items: Items, taste: float, topics: int, attributes: float, by: Sequence[str] | None, stream: Stream
) -> Tastes:
    """Topics that items share among few (Dirichlet 0.2), and likings of people for topics and marks (normal)."""
    draws = stream.child("tastes").generator()
    what = draws.dirichlet(np.full(max(topics, 1), 0.2), size=len(items)).astype(np.float32)
    liking = draws.standard_normal((users, what.shape[1]), np.float32)
    marks = _marks(items.features, by)
    drawn = draws.standard_normal((users, marks.shape[1]), np.float32)
    return Tastes(what, liking, marks, drawn, taste, attributes)


def _marks(features: pa.Table, by: Sequence[str] | None) -> Floats:
    """Features as columns of 0 and 1 for words, and standardised numbers, shape (n, f)."""
    parts = [np.zeros((features.num_rows, 0), np.float32)]
    for name in features.column_names:
        column = features.column(name).combine_chunks()
        if by is not None and name not in by:
            continue
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            x = np.nan_to_num(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
            parts.append(_standardised(x[None, :].astype(np.float32)).T)
        elif by is not None or 2 * len(pc.unique(_words(column)[1])) <= features.num_rows:  # else it is a text
            rows, words = _words(column)
            coded = words.dictionary_encode()
            hot = np.zeros((features.num_rows, len(coded.dictionary)), np.float32)
            hot[rows, coded.indices.to_numpy()] = 1.0
            parts.append(hot)
    return np.concatenate(parts, axis=1)


def _words(column: pa.Array) -> tuple[Ints, pa.Array]:
    """Row and word of each word that a column of words or of lists of words has."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        rows, words = pc.list_parent_indices(column), pc.list_flatten(column)
    else:
        rows, words = pa.array(np.arange(len(column))), column
    there = pc.is_valid(words)
    return np.asarray(rows.filter(there).to_numpy(), np.int64), words.filter(there).cast(pa.string())


def _standardised(x: Floats) -> Floats:
    """Rows with the mean 0 and the standard deviation 1; 0 where all are alike."""
    centred = x - x.mean(axis=1, keepdims=True)
    sd = centred.std(axis=1, keepdims=True)
    return np.asarray(np.divide(centred, sd, out=np.zeros_like(centred), where=sd > 1e-6), np.float32)


# ---- what people take ---------------------------------------------------------------------------------------------


def _activity(users: int, mean: float, spread: float, most: int, stream: Stream) -> Ints:
    """Interactions of each person, lognormal, at least 1 and at most every item, shape (m,)."""
    draws = stream.child("activity").generator()
    amount = mean * np.exp(spread * draws.standard_normal(users) - spread**2 / 2)
    whole = np.floor(amount + draws.random(users)).astype(np.int64)
    return np.clip(whole, 1, most)


def _comes(users: int, stay: float, periods: int, stream: Stream) -> Array:
    """Share of each period in what a person does, shape (m, periods)."""
    begins = (1 - stay) * stream.child("stay").generator().random(users)[:, None]
    edge = np.arange(periods + 1) / periods
    until = np.clip((edge - begins) / max(stay, 1e-9), 0.0, 1.0)
    return np.asarray(np.diff(until, axis=1))


def _taken(
    tastes: Tastes, popularity: Array, released: Array, wanted: Ints, comes: Array, drift: float, stream: Stream
) -> tuple[Ints, Ints, Array]:
    """User, item and time (share of the year) of each interaction.

    Each period a person takes so many of what is out and not yet taken: the largest of log odds plus Gumbel noise are
    a draw without replacement in proportion to exp(log odds) (Efraimidis and Spirakis 2006; Kool et al. 2019).
    """
    periods = comes.shape[1]
    step = max(1, BLOCK // len(popularity))
    found: list[tuple[Ints, Ints, Array]] = []
    for first in range(0, len(wanted), step):
        people = np.arange(first, min(first + step, len(wanted)))
        draws = stream.child("taken", first).generator()
        s = tastes.of(people) + popularity.astype(np.float32)
        share = draws.multinomial(wanted[people], comes[people])
        for period in range(periods):
            age = (period + 0.5) / periods - released
            out = age >= -0.5 / periods
            faded = np.where(out, -drift * np.maximum(age, 0.0), -np.inf).astype(np.float32)
            noise = np.maximum(draws.standard_exponential(s.shape, np.float32), TINY)
            row, item = _largest(s + faded - np.log(noise), share[:, period])
            s[row, item] = -np.inf
            found.append((people[row], item, (period + draws.random(len(row))) / periods))
    user, item, when = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return user, item, when


def _largest(keys: Floats, many: Ints) -> tuple[Ints, Ints]:
    """Row and column of the ``many`` largest finite keys of each row."""
    most = int(min(many.max(initial=0), keys.shape[1]))
    if not most:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    top = np.argpartition(-keys, most - 1, axis=1)[:, :most]
    key = np.take_along_axis(keys, top, axis=1)
    order = np.argsort(-key, axis=1)
    top, key = np.take_along_axis(top, order, axis=1), np.take_along_axis(key, order, axis=1)
    row, rank = np.nonzero((np.arange(most) < many[:, None]) & (key > -np.inf))
    return row, top[row, rank]


def _stars(tastes: Tastes, popularity: Array, user: Ints, item: Ints, stream: Stream) -> Array:
    """1 to 5 stars: half of the variance from taste, a part from what all like, the rest at random."""
    draws = stream.child("stars").generator()
    liking = np.empty(len(user))
    order = np.argsort(user, kind="stable")
    step = max(1, BLOCK // len(popularity))
    people = np.unique(user)
    for first in range(0, len(people), step):
        block = people[first : first + step]
        low, high = np.searchsorted(user[order], (block[0], block[-1] + 1))
        at = order[low:high]
        liking[at] = tastes.of(block)[np.searchsorted(block, user[at]), item[at]]
    known = np.isfinite(popularity)
    worth = np.where(known, popularity - popularity[known].mean(), 0.0)
    x = 3.4 + 0.6 * liking + 0.2 * worth[item] + 0.7 * draws.standard_normal(len(user))
    return np.clip(np.rint(x), 1, 5)


# ---- shuffling ----------------------------------------------------------------------------------------------------


def shuffled(interactions: Interactions, *, seed: int = 0) -> Interactions:
    """The same people and items, each with as many interactions as before, and all else broken.

    By trades of what two people do not share (the curveball algorithm; Strona et al. 2014, Carstens 2015: uniform over
    all tables with these counts). A person's values and times stay theirs, in random order.
    """
    draws = Stream(seed).child("recommend", "shuffled").generator()
    people = np.flatnonzero(interactions.of_users)
    indices = interactions.indices.copy()
    if len(people) > 1:
        for _ in range(ROUNDS):
            order = draws.permutation(people)
            _trade(order, interactions.indptr, indices, draws.random(len(indices), np.float32))
    row = np.repeat(np.arange(interactions.n_users), interactions.of_users)
    place = np.lexsort((draws.random(len(row)), row))
    times = None if interactions.times is None else interactions.times[place]
    return Interactions(
        interactions.users, interactions.items, interactions.indptr, indices, interactions.values[place], times,
        interactions.rated,
    )  # fmt: skip


ROUNDS = 30
"""Trades of each person; the table has forgotten itself after ten or so."""


@compiled()
def _trade(order: Ints, indptr: Ints, indices: npt.NDArray[np.int32], uniform: Floats) -> None:
    """Each two neighbours in ``order`` put what only one of them has together and draw it again, in place."""
    for pair in range(len(order) // 2):
        u, v = order[2 * pair], order[2 * pair + 1]
        a, b = indices[indptr[u] : indptr[u + 1]], indices[indptr[v] : indptr[v + 1]]
        draw = uniform[indptr[u] : indptr[u + 1]]
        other = uniform[indptr[v] : indptr[v + 1]]
        only = np.empty(len(a) + len(b), indices.dtype)
        size, mine, i, j = 0, 0, 0, 0
        common_a, common_b = np.zeros(len(a), np.bool_), np.zeros(len(b), np.bool_)
        while i < len(a) or j < len(b):
            if j == len(b) or (i < len(a) and a[i] < b[j]):
                only[size] = a[i]
                size, mine, i = size + 1, mine + 1, i + 1
            elif i == len(a) or b[j] < a[i]:
                only[size] = b[j]
                size, j = size + 1, j + 1
            else:
                common_a[i] = common_b[j] = True
                i, j = i + 1, j + 1
        for k in range(min(mine, size - 1)):  # the first draws of a shuffle by Fisher and Yates
            x = draw[k] if k < len(draw) else other[k - len(draw)]
            at = k + min(int(x * (size - k)), size - k - 1)
            only[k], only[at] = only[at], only[k]
        k = 0
        for i in range(len(a)):
            if not common_a[i]:
                a[i] = only[k]
                k += 1
        for j in range(len(b)):
            if not common_b[j]:
                b[j] = only[k]
                k += 1
        a.sort()
        b.sort()
