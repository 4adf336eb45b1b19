"""Which texts have words that begin so: their endings in the order of words, and the best of a part of that order.

Texts are numbered by merit, the best is 0, so that the best of a part is its least number. The least of any part is
found at once (Bender and Farach-Colton 2000), the n least by taking parts asunder at what was found (Muthukrishnan
2002).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["Endings", "endings", "leasts", "narrowed", "taken"]

Ints = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]

BLOCK = 16
"""Entries whose least is looked for one by one."""

SCANNED = 4096
"""Entries of which all are looked at, where a text must have several words."""


class Endings(NamedTuple):
    """All endings of texts that begin at a word.

    Attributes:
        words: of all texts one after the other, each text ended by -1, shape (p,).
        place: in ``words`` of each ending: those that are whole texts (an article at the front aside), then the others;
            both in the order of their words, shape (e,).
        text: number of the text, shape (e,).
        whole: where the endings begin that are whole texts and whose first word is this one, shape (v + 1,).
        inner: the same of the others.
        least: place of the least text among 2 ** i blocks of endings, shape (levels, blocks).
    """

    words: Ints
    place: Ints
    text: Ints
    whole: Ints
    inner: Ints
    least: Ints


def endings(words: Ints, begins: Numbers, vocabulary: int, articles: Ints) -> Endings:
    """The endings of texts in their order.

    Args:
        words: see :class:`Endings`.
        begins: place in ``words`` where each of t texts begins, and the end, shape (t + 1,).
        vocabulary: number v of words.
        articles: words that are left out at the front of a text.
    """
    place = np.flatnonzero(words >= 0).astype(np.int32)
    text = np.repeat(np.arange(len(begins) - 1, dtype=np.int32), np.diff(begins) - 1)
    at = place - begins[text]
    is_whole = at == 0
    after = place[(at == 1)]
    is_whole[at == 1] = np.isin(words[after - 1], articles)
    ordered = _ordered(words, place)
    order = np.concatenate([ordered[is_whole[ordered]], ordered[~is_whole[ordered]]])
    place, text = place[order], text[order]
    h = int(is_whole.sum())
    every = np.arange(vocabulary + 1)
    whole = np.searchsorted(words[place[:h]], every).astype(np.int32)
    inner = (h + np.searchsorted(words[place[h:]], every)).astype(np.int32)
    return Endings(words, place, text, whole, inner, leasts(text))


def _ordered(words: Ints, place: Ints) -> Numbers:
    """Rows of ``place`` in the order of the words from there on; of those alike the earlier first.

    Sorted by the first words, then what is alike by twice as many each time (Manber and Myers 1993).
    """
    size = np.int64(words.max(initial=0) + 2)
    step = 3 if size < 1 << 21 else 1
    padded = np.append(words, np.full(step, -1, words.dtype)).astype(np.int64) + 1
    key, ends = np.zeros(len(words), np.int64), np.zeros(len(words), bool)
    for j in range(step):  # after the end of a text there is nothing
        key = key * size + np.where(ends, 0, padded[j : j + len(words)])
        ends |= padded[j : j + len(words)] == 0
    rank = np.zeros(len(words) + 1, np.int64)
    rows = np.argsort(key[place], kind="stable")
    if not len(rows):
        return rows
    kept = key[place][rows]
    while True:
        fresh = np.append(True, kept[1:] != kept[:-1])
        first = np.flatnonzero(fresh)
        group = np.cumsum(fresh) - 1
        rank[place[rows]] = first[group] + 1
        tied = ~(fresh & np.append(fresh[1:], True))
        tied &= ~ends[place[rows]]  # the same to their ends: the earlier first, as they stand
        at = np.flatnonzero(tied)
        if not len(at):
            return rows
        here = place[rows[at]]
        second = rank[np.minimum(here + step, len(words))]
        order = np.lexsort((rows[at], second, group[at]))
        rows[at] = rows[at[order]]
        kept = np.arange(len(rows))
        kept[~tied] = first[group[~tied]]
        both = np.stack([group[at][order], second[order]])
        same = np.append(False, (both[:, 1:] == both[:, :-1]).all(axis=0))
        kept[at] = np.maximum.accumulate(np.where(same, 0, at))
        ends[here] |= ends[np.minimum(here + step, len(words) - 1)]
        step *= 2


def leasts(text: Ints) -> Ints:
    """The sparse table over blocks: place of the least of 2 ** i blocks from each one on."""
    blocks = -(-len(text) // BLOCK)
    padded = np.full(blocks * BLOCK, np.iinfo(np.int32).max, np.int32)
    padded[: len(text)] = text
    found = [padded.reshape(blocks, BLOCK).argmin(axis=1) + BLOCK * np.arange(blocks)]
    wide = 1
    while 2 * wide <= blocks:
        left, right = found[-1].copy(), np.roll(found[-1], -wide)
        right[-wide:] = left[-wide:]
        found.append(np.where(padded[right] < padded[left], right, left))
        wide *= 2
    return np.stack(found).astype(np.int32) if blocks else np.zeros((1, 0), np.int32)


@compiled(nogil=True)
def _least(text: Ints, least: Ints, a: int, z: int) -> int:
    """Place of the least text from ``a`` up to but without ``z`` (a < z); of equals the first."""
    first, last = (a + BLOCK - 1) // BLOCK, z // BLOCK
    at = a
    if first >= last:
        for e in range(a + 1, z):
            if text[e] < text[at]:
                at = e
        return at
    for e in range(a + 1, first * BLOCK):
        if text[e] < text[at]:
            at = e
    level, wide = 0, last - first
    while 2 << level <= wide:
        level += 1
    for found in (least[level, first], least[level, last - (1 << level)]):
        if text[found] < text[at]:
            at = found
    for e in range(last * BLOCK, z):
        if text[e] < text[at]:
            at = e
    return at


@compiled(nogil=True)
def narrowed(words: Ints, place: Ints, a: int, z: int, depth: int, low: int, high: int) -> tuple[int, int]:
    """Of endings ``a`` to ``z``, alike up to word ``depth``, those whose word there is ``low`` up to ``high``."""
    start = _first(words, place, a, z, depth, low)
    return start, _first(words, place, start, z, depth, high)


@compiled(nogil=True)
def _first(words: Ints, place: Ints, a: int, z: int, depth: int, word: int) -> int:
    """The first of endings ``a`` to ``z``, in order, whose word at ``depth`` is ``word`` or later."""
    while a < z:
        middle = (a + z) // 2
        if words[place[middle] + depth] < word:
            a = middle + 1
        else:
            z = middle
    return a


@compiled(nogil=True)
def taken(
    e: Endings, parts: Numbers, others: Numbers, until: Numbers, kind: npt.NDArray[np.uint8], kinds: int,
    found: Ints, size: int, pops: int,
) -> int:  # fmt: skip
    """Fill ``found`` from ``size`` on with the best texts of some parts of the order that are not in it yet.

    Args:
        e: the order.
        parts: a and z of each part, shape (k, 2).
        others: low and high of words of which a text must have one, for each that is asked for, ascending,
            shape (r, 2).
        until: where the rows of ``others`` for each word asked for end, shape (w,).
        kind: of each text, shape (t,). kinds: those that are wanted, as bits.
        found: texts, shape (n,).
        size: how many of them are there.
        pops: entries that are looked at, at most.

    Returns:
        How many there are now.
    """
    text, total = e.text, 0
    for k in range(len(parts)):
        total += parts[k, 1] - parts[k, 0]
    if len(until) and total <= SCANNED:
        return _scanned(e, parts, total, others, until, kind, kinds, found, size)
    place = np.empty(2 * pops + len(parts) + 2, np.int64)
    low, high = np.empty_like(place), np.empty_like(place)
    heap, begun = 0, size
    for k in range(len(parts)):
        if parts[k, 0] < parts[k, 1]:
            heap = _pushed(text, e.least, place, low, high, heap, parts[k, 0], parts[k, 1])
    last = -1
    while heap and size < len(found) and pops:
        pops -= 1
        at, a, z = place[0], low[0], high[0]
        heap -= 1
        _sunk(text, place, low, high, heap, place[heap], low[heap], high[heap])
        if a < at:
            heap = _pushed(text, e.least, place, low, high, heap, a, at)
        if at + 1 < z:
            heap = _pushed(text, e.least, place, low, high, heap, at + 1, z)
        now = text[at]
        if now == last or not kinds >> kind[now] & 1:
            continue
        last = now  # texts come in their order: what is alike comes one after the other
        is_new = True
        for k in range(begun):
            if found[k] == now:
                is_new = False
        if is_new and _has(e.words, e.place[at], others, until):
            found[size] = now
            size += 1
    return size


@compiled(nogil=True)
def _scanned(
    e: Endings, parts: Numbers, total: int, others: Numbers, until: Numbers, kind: npt.NDArray[np.uint8], kinds: int,
    found: Ints, size: int,
) -> int:  # fmt: skip
    """The same of few entries: all are looked at, and those that fit are put in order."""
    fit, k = np.empty(total, np.int32), 0
    for part in parts:
        for at in range(part[0], part[1]):
            now = e.text[at]
            if kinds >> kind[now] & 1 and _has(e.words, e.place[at], others, until):
                fit[k] = now
                k += 1
    for now in np.sort(fit[:k]):
        if size == len(found):
            break
        is_new = True
        for at in range(size):  # the same again comes at once
            if found[at] == now:
                is_new = False
        if is_new:
            found[size] = now
            size += 1
    return size


@compiled(nogil=True)
def _has(words: Ints, begin: int, others: Numbers, until: Numbers) -> bool:
    """Whether the text around a place has one word for each that is asked for."""
    while begin and words[begin - 1] >= 0:
        begin -= 1
    row = 0
    for end in until:
        is_there, at = False, begin
        while words[at] >= 0 and not is_there:
            a, z = row, end
            while a < z:  # the first range that ends after the word
                middle = (a + z) // 2
                if others[middle, 1] <= words[at]:
                    a = middle + 1
                else:
                    z = middle
            is_there = a < end and others[a, 0] <= words[at]
            at += 1
        if not is_there:
            return False
        row = end
    return True


@compiled(nogil=True)
def _pushed(text: Ints, least: Ints, place: Numbers, low: Numbers, high: Numbers, heap: int, a: int, z: int) -> int:
    """Put the part from ``a`` to ``z`` into a heap by its least text; the size of the heap."""
    found, at = _least(text, least, a, z), heap
    while at > 0 and text[found] < text[place[(at - 1) // 2]]:
        up = (at - 1) // 2
        place[at], low[at], high[at] = place[up], low[up], high[up]
        at = up
    place[at], low[at], high[at] = found, a, z
    return heap + 1


@compiled(nogil=True)
def _sunk(text: Ints, place: Numbers, low: Numbers, high: Numbers, heap: int, found: int, a: int, z: int) -> None:
    """Put a part in the place of the root."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= heap:
            break
        if child + 1 < heap and text[place[child + 1]] < text[place[child]]:
            child += 1
        if text[place[child]] >= text[found]:
            break
        place[at], low[at], high[at] = place[child], low[child], high[child]
        at = child
    place[at], low[at], high[at] = found, a, z
