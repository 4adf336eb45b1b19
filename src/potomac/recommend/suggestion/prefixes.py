"""The prefix tree of a sorted vocabulary: words that begin with what was typed, exactly or but for a slip or two."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["RANGES", "Tree", "beginning", "parted", "slips", "spelled", "tree_of"]

Letters = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]

RANGES = 128
"""Prefixes that a mistyped word may stand for, at most."""


class Tree(NamedTuple):
    """Nodes level by level, those below one beside each other; node 0 is the root.

    Attributes:
        letter: by which a node is reached, shape (k,).
        first: the first node below, shape (k,). after: the one behind the last of them.
        low, high: the words that begin with the node's prefix, numbers in the sorted vocabulary, shape (k,).
        height: letters of the longest word below, beyond the prefix, shape (k,).
    """

    letter: Letters
    first: Ints
    after: Ints
    low: Ints
    high: Ints
    height: npt.NDArray[np.uint8]


def spelled(word: str) -> Letters:
    """The code points of a word."""
    return np.frombuffer(word.encode("utf-32-le", "surrogatepass"), np.uint32)


def tree_of(letters: Letters, starts: Numbers) -> Tree:
    """The tree of words in ascending order of code points, no two alike.

    Args:
        letters: of all words, one after the other.
        starts: where each of v words begins, and where the last ends, shape (v + 1,).
    """
    shared, levels = _shared(letters, starts)
    return Tree(*_grown(letters, starts, shared, levels))


@compiled()
def _shared(letters: Letters, starts: Numbers) -> tuple[Ints, Numbers]:
    """Letters that each word begins with as the word before does, and the number of nodes of each depth."""
    v = len(starts) - 1
    shared = np.zeros(v, np.int32)
    levels = np.zeros(np.diff(starts).max() + 1 if v else 1, np.int64)
    levels[0] = 1
    for w in range(v):
        size = starts[w + 1] - starts[w]
        if w:
            most = min(size, starts[w] - starts[w - 1])
            while shared[w] < most and letters[starts[w] + shared[w]] == letters[starts[w - 1] + shared[w]]:
                shared[w] += 1
        for depth in range(shared[w] + 1, size + 1):
            levels[depth] += 1
    return shared, levels


@compiled()
def _grown(
    letters: Letters, starts: Numbers, shared: Ints, levels: Numbers
) -> tuple[Letters, Ints, Ints, Ints, Ints, npt.NDArray[np.uint8]]:
    v, deep = len(starts) - 1, len(levels)
    k = levels.sum()
    letter, height = np.zeros(k, np.uint32), np.zeros(k, np.uint8)
    first, count, low = np.zeros(k, np.int32), np.zeros(k, np.int32), np.zeros(k, np.int32)
    high = np.full(k, v, np.int32)
    new = np.zeros(deep, np.int64)  # the next node of each depth
    for depth in range(1, deep):
        new[depth] = new[depth - 1] + levels[depth - 1]
    path, at = np.zeros(deep, np.int64), 0
    for w in range(v):
        while at > shared[w]:
            high[path[at]] = w
            at -= 1
        size = starts[w + 1] - starts[w]
        while at < size:
            node, above = new[at + 1], path[at]
            new[at + 1] += 1
            if count[above] == 0:
                first[above] = node
            count[above] += 1
            letter[node], low[node] = letters[starts[w] + at], w
            at += 1
            path[at] = node
        for depth in range(size):
            height[path[depth]] = max(height[path[depth]], size - depth)
    return letter, first, first + count, low, high, height


@compiled(nogil=True)
def beginning(tree: Tree, word: Letters) -> tuple[int, int, int]:
    """The words that begin so: low, high, and the node, 0 where there is none."""
    node = 0
    for c in word:
        a, z = tree.first[node], tree.after[node]
        end = z
        while a < z:
            middle = (a + z) // 2
            if tree.letter[middle] < c:
                a = middle + 1
            else:
                z = middle
        if a == end or tree.letter[a] != c:
            return 0, 0, 0
        node = a
    return tree.low[node], tree.high[node], node


@compiled(nogil=True)
def slips(tree: Tree, word: Letters, most: int) -> Numbers:
    """Words that begin so but for ``most`` slips at most: low and high of each range, ascending, shape (k, 2).

    A slip is a letter too many, too few, another one, or two that changed places (Damerau 1964; the distance of
    optimal string alignment). The rows of the table of Wagner and Fischer (1974) are filled along the tree, a band of
    2 ``most`` + 1 around the diagonal, and a branch is left when nothing below can be near enough.
    """
    m, deep = len(word), len(word) + most + 1
    ranges, found = np.zeros((RANGES, 2), np.int64), 0
    table = np.full((deep + 1, m + 2), most + 1, np.int64)
    for j in range(min(most, m) + 1):
        table[0, j] = j
    path, child, nearest = np.zeros(deep, np.int64), np.zeros(deep, np.int64), np.zeros(deep, np.int64)
    depth, child[0] = 0, tree.first[0]
    while depth >= 0 and found < RANGES:
        node = path[depth]
        if child[depth] == tree.after[node]:
            depth -= 1
            continue
        below = child[depth]
        child[depth] += 1
        c, now = tree.letter[below], depth + 1
        if now + tree.height[below] < m - most or (nearest[depth] == most and not _among(word, now, c, most)):
            continue
        least = _row(table, word, now, c, tree.letter[node], most)
        if least > most:
            continue
        if table[now, m] <= most:
            ranges[found] = tree.low[below], tree.high[below]
            found += 1
        elif now < deep - 1:
            depth = now
            path[depth], child[depth], nearest[depth] = below, tree.first[below], least
    return ranges[:found]


@compiled(nogil=True)
def _among(word: Letters, i: int, c: int, most: int) -> bool:
    """Whether a letter can follow at ``i`` without another slip, or as the second of two that changed places."""
    for j in range(max(0, i - most - 2), min(len(word), i + most)):  # noqa: SIM110 - compiled
        if word[j] == c:
            return True
    return False


@compiled(nogil=True)
def parted(tree: Tree, sizes: npt.NDArray[np.uint8], word: Letters) -> Numbers:
    """Where a blank may be missing: a word, and the beginning of one, shape (k,)."""
    found = np.zeros(len(word), np.int64)
    k, node = 0, 0
    for cut in range(1, len(word)):
        low, _, node = beginning(tree, word[:cut])
        if not node:
            break
        if sizes[low] == cut and beginning(tree, word[cut:])[2]:
            found[k] = cut
            k += 1
    return found[:k]


@compiled(nogil=True)
def _row(table: Numbers, word: Letters, i: int, c: int, before: int, most: int) -> int:
    """Fill row ``i`` of the table, reached by the letter ``c`` after ``before``; its least value."""
    m, far = len(word), most + 1
    first, last = max(1, i - most), min(m, i + most)
    row, above = table[i], table[i - 1]
    least = i if first == 1 and i < far else far
    row[first - 1] = least
    for j in range(first, last + 1):
        d = above[j - 1] + (word[j - 1] != c)
        d = min(d, row[j - 1] + 1)
        if j < i + most:
            d = min(d, above[j] + 1)
        if i > 1 and j > 1 and word[j - 1] == before and word[j - 2] == c:
            d = min(d, table[i - 2, j - 2] + 1)
        row[j] = min(d, far)
        least = min(least, d)
    if last < m:
        row[last + 1 :] = far
    return least
