"""Suggestions while somebody types: titles and topics whose words begin so, the popular first, slips forgiven.

In this order: the very title; titles that begin so (an article at the front aside); titles with words further on that
do; titles that have all the words, in any order; titles that would but for a slip or two. Within each the popular come
first. What is looked for is found in the order of all words and in the tree of their letters, so a single letter takes
no longer than a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from potomac.errors import DataError, Fault, StudyError
from potomac.recommend.suggestion.completion import Endings, endings, leasts, narrowed, taken
from potomac.recommend.suggestion.prefixes import Tree, beginning, parted, slips, spelled, tree_of
from potomac.recommend.suggestion.spoken import LONGEST, tokens, words_of

__all__ = ["ARTICLES", "HOW", "Suggester"]

ARTICLES = (
    "a", "an", "the", "le", "la", "les", "l", "un", "une", "der", "die", "das", "ein", "eine", "el", "los", "las", "lo",
    "il", "gli", "i", "o", "os", "as", "de", "het", "een",
)  # fmt: skip
"""Words that are left out at the front of a title; whoever types them finds it all the same."""

HOW = ("title", "start", "word", "words", "slip", "slips")
"""How something was found, the best first."""

ONE_SLIP, TWO_SLIPS = 4, 8
"""Letters of a word in which one slip is forgiven, and two."""

FORGIVEN = 12
"""Words up to which slips are looked for: who has typed more has a title before them."""

ENOUGH = 3
"""Found with one slip at most, they are not filled up with what is two away."""

POPS = 256
"""Texts that are looked at for several words which stand apart, the popular first."""

ALL = (1 << 62) - 1
"""All kinds."""

Numbers = npt.NDArray[np.int64]

SCHEMA = pa.schema(
    [
        ("text", pa.string()), ("kind", pa.string()), ("row", pa.int64()), ("score", pa.float64()),
        ("how", pa.string()), ("popularity", pa.float64()),
    ]
)  # fmt: skip

NONE: Numbers = np.zeros((0, 2), np.int64)
"""No part of the order."""


class _Word(NamedTuple):
    """A word that was typed: the words that begin so, and the one that is it; -1 where there is none."""

    text: str
    low: int
    high: int
    exact: int


class Suggester:
    """What somebody may mean who has typed the beginning of a title or a topic.

    Args:
        titles: n texts; null is none.
        popularity: of each title, shape (n,); None: short titles first.
        topics: what titles have in common, by kind: a column for each with n rows, words or lists of words
            (``{"author": [...], "genre": [[...], ...]}``); or texts that are topics for themselves. A topic is as
            popular as the most popular of its titles.
        articles: words that are left out at the front of a title.

    Raises:
        StudyError: columns of other lengths.
        DataError: a popularity is no number.
    """

    def __init__(
        self,
        titles: Any,
        popularity: Any = None,
        topics: Mapping[str, Any] | Sequence[str] | None = None,
        *,
        articles: Sequence[str] = ARTICLES,
    ) -> None:
        named = _texts(titles)
        merit = _merits(popularity, len(named))
        self.kinds = ("title", *(topics if isinstance(topics, Mapping) else ("topic",) if topics is not None else ()))
        parts = [(named, np.arange(len(named)), merit, 0)]
        if isinstance(topics, Mapping):
            parts += [_topics(column, name, merit, k) for k, (name, column) in enumerate(topics.items(), 1)]
        elif topics is not None:
            own = _texts(topics).unique()
            parts.append((own, np.full(len(own), -1), np.zeros(len(own)), 1))
        texts = pa.concat_arrays([part[0] for part in parts])
        row, merit = (np.concatenate([part[k] for part in parts]) for k in (1, 2))
        kind = np.repeat(np.arange(len(parts), dtype=np.uint8), [len(part[0]) for part in parts])
        cut = tokens(texts)
        typed = np.flatnonzero(pc.not_equal(pc.list_element(cut, 0), "").to_numpy(zero_copy_only=False))
        size = pc.utf8_length(texts).to_numpy()
        order = typed[np.lexsort((typed, size[typed], kind[typed] > 0, -merit[typed]))]
        self.texts = texts.take(pa.array(order))
        self.rows, self.popularity, self.kind = row[order], merit[order], kind[order]
        self._learn(cut.take(pa.array(order)), articles)

    def _learn(self, cut: pa.ListArray, articles: Sequence[str]) -> None:
        coded = pc.utf8_slice_codeunits(cut.flatten(), 0, LONGEST).dictionary_encode()
        names = coded.dictionary
        sort = pc.array_sort_indices(names)
        names = names.take(sort)
        number = np.empty(len(names), np.int32)
        number[sort.to_numpy()] = np.arange(len(names), dtype=np.int32)
        self.sizes = pc.utf8_length(names).to_numpy().astype(np.uint8)
        letters = np.frombuffer("".join(names.to_pylist()).encode("utf-32-le"), np.uint32)
        self.tree = tree_of(letters, np.concatenate([[0], np.cumsum(self.sizes, dtype=np.int64)]))
        lengths = pc.list_value_length(cut).to_numpy().astype(np.int64)
        begins = np.concatenate([[0], np.cumsum(lengths + 1)])
        words = np.full(begins[-1], -1, np.int32)
        words[np.delete(np.arange(begins[-1]), begins[1:] - 1)] = number[coded.indices.to_numpy()]
        known = pc.index_in(pa.array(articles, pa.string()), names).drop_null().to_numpy().astype(np.int32)
        self.endings = endings(words, begins, len(names), known)

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"<Suggester of {len(self):,} texts and {len(self.sizes):,} words>"

    @property
    def nbytes(self) -> int:
        """Memory that is held, the texts included."""
        arrays = (*self.tree, *self.endings, self.rows, self.popularity, self.kind, self.sizes)
        return int(self.texts.nbytes + sum(array.nbytes for array in arrays))

    # ---------------------------------------------------------------------------------- asked

    def suggest(self, text: str, n: int = 10, *, topics: bool = True) -> pa.Table:
        """What may be meant, the best first.

        Args:
            text: what was typed so far.
            n: how many, at most.
            topics: whether topics are wanted beside titles.

        Returns:
            Columns text, kind (``title`` or that of the topic), row (of a title among those given; null for a topic),
            score (higher is better: the whole part is how it was found, the rest the place by popularity), how (see
            :data:`HOW`) and popularity.

        Raises:
            StudyError: ``n`` is below 1.
        """
        if n < 1:
            raise StudyError(Fault("recommend.n", f"n is {n}", "expected 1 or more", key="n"))
        found, size = np.zeros(min(n, len(self)), np.int32), 0
        how: list[int] = []
        for tier, (parts, words) in self._sought(words_of(text[:1000])):
            if tier == len(HOW) - 1 and size >= ENOUGH:
                break
            size = self._take(parts, words, found, size, ALL if topics else 1)
            how += [tier] * (size - len(how))
            if size == len(found):
                break
        return self._told(found[:size].astype(np.int64), np.array(how, np.int64))

    def exactly(self, text: str, *, topics: bool = True) -> pa.Table:
        """The most popular whose words are just these, or else the best suggestion; no row where there is none."""
        return self.suggest(text, 1, topics=topics)

    def _told(self, found: Numbers, how: Numbers) -> pa.Table:
        kinds = self.kind[found]
        score = len(HOW) - how - found / max(1, len(self))
        columns = [
            self.texts.take(pa.array(found)), pa.array([self.kinds[k] for k in kinds.tolist()], pa.string()),
            pa.array(self.rows[found], pa.int64(), mask=kinds > 0), pa.array(score),
            pa.array([HOW[k] for k in how.tolist()], pa.string()), pa.array(self.popularity[found]),
        ]  # fmt: skip
        return pa.Table.from_arrays(columns, schema=SCHEMA)

    def _sought(self, typed: list[str]) -> Iterator[tuple[int, tuple[Numbers, list[Numbers]]]]:
        """Parts of the order where texts may be, and what words they must have besides, the best first.

        An empty part comes before what takes long, so that whoever has enough can leave.
        """
        if not typed or not len(self):
            return
        words = [self._word(one) for one in typed]
        yield 0, (self._run(words, self.endings.whole, ended=True), [])
        yield 1, (self._run(words, self.endings.whole), [])
        yield 2, (self._run(words, self.endings.inner), [])
        if len(words) > 1:
            yield 3, self._apart([np.array([[word.low, word.high]]) for word in words])
        if len(typed) > FORGIVEN:
            return
        yield from ((4, (parts, [])) for parts in self._spaced(typed))
        if max(map(len, typed)) < ONE_SLIP:
            return
        near = [self._near(word, 1) for word in words]
        yield 4, self._apart(near)
        yield 5, (NONE, [])
        lost = [len(word.text) >= TWO_SLIPS and (word.low == word.high or len(words) == 1) for word in words]
        if any(lost):  # beside others, a word that there is stands for itself
            yield (
                5,
                self._apart(
                    [self._near(word, 2) if wide else one for word, one, wide in zip(words, near, lost, strict=True)]
                ),
            )

    def _take(self, parts: Numbers, others: list[Numbers], found: npt.NDArray[np.int32], size: int, kinds: int) -> int:
        if not (parts[:, 1] > parts[:, 0]).any():
            return size
        rows = np.concatenate(others) if others else NONE
        until = np.cumsum([len(one) for one in others], dtype=np.int64)
        made: int = taken(self.endings, parts, rows, until, self.kind, kinds, found, size, POPS)
        return made

    def _word(self, text: str) -> _Word:
        low, high, node = beginning(self.tree, spelled(text))
        return _Word(text, low, high, low if node and self.sizes[low] == len(text) else -1)

    def _run(self, words: list[_Word], first: npt.NDArray[np.int32], *, ended: bool = False) -> Numbers:
        """The part of the order where these words follow each other, the last of them begun; or whole, and the end."""
        *done, last = words
        until = (last.exact, last.exact + 1) if ended else (last.low, last.high)
        steps = [(word.exact, word.exact + 1) for word in done] + [until] + ([(-1, 0)] if ended else [])
        if any(low < 0 for low, _ in steps[: len(words)]):
            return NONE
        a, z = int(first[steps[0][0]]), int(first[steps[0][1]])
        for depth, (low, high) in enumerate(steps[1:], 1):
            a, z = narrowed(self.endings.words, self.endings.place, a, z, depth, low, high)
        return np.array([[a, z]])

    def _apart(self, words: list[Numbers]) -> tuple[Numbers, list[Numbers]]:
        """Texts with a word of each of several ranges: the parts of the rarest, and what else they must have."""
        both = [np.concatenate([self.endings.whole[one], self.endings.inner[one]]) for one in words]
        rarest = int(np.argmin([(parts[:, 1] - parts[:, 0]).sum() for parts in both]))
        return both[rarest].astype(np.int64), words[:rarest] + words[rarest + 1 :]

    def _near(self, word: _Word, most: int) -> Numbers:
        """Ranges of words that begin so but for ``most`` slips."""
        forgiven = min(most, (len(word.text) >= ONE_SLIP) + (len(word.text) >= TWO_SLIPS))
        if not forgiven:
            return np.array([[word.low, word.high]])
        found: Numbers = slips(self.tree, spelled(word.text), forgiven)
        return found

    def _spaced(self, typed: list[str]) -> Iterator[Numbers]:
        """The same letters with a blank more, or less."""
        known: dict[str, _Word] = {}
        others = [[*typed[:k], typed[k] + typed[k + 1], *typed[k + 2 :]] for k in range(len(typed) - 1)]
        for k, text in enumerate(typed):
            if len(text) >= ONE_SLIP:
                cuts = parted(self.tree, self.sizes, spelled(text)).tolist()
                others += [[*typed[:k], text[:cut], text[cut:], *typed[k + 1 :]] for cut in cuts]
        for other in others:
            words = [known.get(one) or known.setdefault(one, self._word(one)) for one in other]
            if all(word.exact >= 0 for word in words[:-1]) and words[-1].high > words[-1].low:
                for first in (self.endings.whole, self.endings.inner):
                    yield self._run(words, first)

    # ---------------------------------------------------------------------------------- kept

    def to_tables(self) -> dict[str, pa.Table]:
        """What :meth:`from_tables` needs to make it again at once: Arrow tables called ``suggest_...``."""
        e = self.endings
        texts = {"text": self.texts, "row": self.rows, "popularity": self.popularity, "kind": self.kind}
        return {
            "suggest_kinds": pa.table({"kind": pa.array(self.kinds)}),
            "suggest_texts": pa.table(texts),
            "suggest_letters": pa.table(self.tree._asdict()),
            "suggest_words": pa.table({"size": self.sizes, "whole": e.whole[1:], "inner": e.inner[1:]}),
            "suggest_said": pa.table({"word": e.words}),
            "suggest_endings": pa.table({"place": e.place, "text": e.text}),
        }

    @classmethod
    def from_tables(cls, tables: Mapping[str, pa.Table]) -> Self:
        """The suggester that :meth:`to_tables` wrote.

        Raises:
            KeyError: a table is missing.
        """
        self = cls.__new__(cls)
        texts, words, order = (tables[f"suggest_{name}"] for name in ("texts", "words", "endings"))
        self.kinds = tuple(tables["suggest_kinds"]["kind"].to_pylist())
        self.texts = texts["text"].combine_chunks()
        self.rows, self.popularity, self.kind = (texts[name].to_numpy() for name in ("row", "popularity", "kind"))
        self.tree = Tree(*(tables["suggest_letters"][name].to_numpy() for name in Tree._fields))
        self.sizes = words["size"].to_numpy()
        said, inner = tables["suggest_said"]["word"].to_numpy(), words["inner"].to_numpy()
        place, text = order["place"].to_numpy(), order["text"].to_numpy()
        whole = np.append(np.int32(0), words["whole"].to_numpy())
        inner = np.append(whole[-1], inner)
        self.endings = Endings(said, place, text, whole, inner, leasts(text))
        return self


# ---- what is given -------------------------------------------------------------------------------------------------


def _texts(given: Any) -> pa.Array:
    found = given if isinstance(given, pa.Array | pa.ChunkedArray) else pa.array(list(given))
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    return pc.fill_null(found.cast(pa.string()), "")


def _merits(popularity: Any, n: int) -> npt.NDArray[np.float64]:
    if popularity is None:
        return np.zeros(n)
    merit = np.asarray(popularity, np.float64)
    if merit.shape != (n,):
        found, expected = f"popularity of the shape {merit.shape}", f"expected one for each of {n:,} titles"
        raise StudyError(Fault("recommend.suggest", found, expected, key="popularity"))
    if np.isnan(merit).any():
        raise DataError(Fault("recommend.suggest", "a popularity is no number", "expected numbers", key="popularity"))
    return merit


def _topics(
    column: Any, name: str, merit: npt.NDArray[np.float64], kind: int
) -> tuple[pa.Array, Numbers, npt.NDArray[np.float64], int]:
    """The distinct words of a column, and the popularity of the most popular title that has each."""
    values = column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column)
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if len(values) != len(merit):
        found, expected = f'"{name}" has {len(values):,} rows', f"expected one for each of {len(merit):,} titles"
        raise StudyError(Fault("recommend.suggest", found, expected, key="topics"))
    row = np.arange(len(values))
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        row, values = pc.list_parent_indices(values).to_numpy(), pc.list_flatten(values)
    coded = values.cast(pa.string()).dictionary_encode()
    there = coded.is_valid().to_numpy(zero_copy_only=False)
    best = np.full(len(coded.dictionary), -np.inf)
    np.maximum.at(best, coded.indices.drop_null().to_numpy(), merit[row[there]])
    return coded.dictionary, np.full(len(best), -1), best, kind
