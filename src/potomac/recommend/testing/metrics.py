"""Metrics of lists: did they hold what people went on to choose, and what else are they like?

Lists are numbers of items, shape (k, n), the best first and -1 where a list ends early. Relevance is binary: an item
was held out of that person, or not. A hit at rank r (from 1) is h_r = 1; a person has H held-out items; @n means the
first n of a list.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.stats.compiled import compiled

__all__ = [
    "average_precision", "coverage", "diversity", "gini", "hit_rate", "hits_of", "mae", "ndcg", "novelty", "popularity",
    "precision", "recall", "reciprocal_rank", "rmse",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

_PEOPLE = 20_000  # users from whom the likeness of items is taken


def hits_of(lists: Columns, held: Histories) -> Mask:
    """Which places of the lists hold an item that was held out of that person, shape (k, n)."""
    return np.asarray(_hits(np.ascontiguousarray(lists), held.indptr, held.indices))


@compiled()
def _hits(lists: Columns, indptr: Ints, indices: Columns) -> Mask:
    hits = np.zeros(lists.shape, np.bool_)
    for p in range(lists.shape[0]):
        own = indices[indptr[p] : indptr[p + 1]]  # ascending
        for r in range(lists.shape[1]):
            at = np.searchsorted(own, lists[p, r])
            hits[p, r] = at < len(own) and own[at] == lists[p, r]
    return hits


def ndcg(hits: Mask, held: Ints, n: int) -> Floats:
    r"""Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002) of each person, shape (k,).

    DCG = sum over r <= n of h_r / log2(r + 1), over the DCG of the best list there is: min(n, H) hits at the top.

    Args:
        hits: of :func:`hits_of`, shape (k, n or more).
        held: H of each person, shape (k,), at least 1.
        n: length of list.

    Example:
        Hits at the second of three places, two items held out: (1 / log2 3) / (1 + 1 / log2 3).

        >>> import numpy as np
        >>> ndcg(np.array([[False, True, False]]), np.array([2]), 3).round(4)
        array([0.3869])
    """
    discount = 1 / np.log2(np.arange(2, n + 2))
    ideal = np.cumsum(discount)[np.minimum(held, n) - 1]
    return np.asarray(hits[:, :n] @ discount[: hits.shape[1]] / ideal)


def recall(hits: Mask, held: Ints, n: int) -> Floats:
    """Share of a person's held-out items that the list holds: sum of h_r / H, shape (k,).

    The denominator is H also where H > n, as the textbooks have it; then even a perfect list stays below 1.

    Example:
        >>> import numpy as np
        >>> recall(np.array([[False, True, False]]), np.array([2]), 3)
        array([0.5])
    """
    return np.asarray(hits[:, :n].sum(axis=1) / held)


def precision(hits: Mask, held: Ints, n: int) -> Floats:
    """Share of the n places that are hits, sum of h_r / n, shape (k,); places that a list leaves empty are misses.

    Example:
        >>> import numpy as np
        >>> precision(np.array([[True, True, False, False]]), np.array([3]), 4)
        array([0.5])
    """
    return np.asarray(hits[:, :n].sum(axis=1) / n)


def hit_rate(hits: Mask, held: Ints, n: int) -> Floats:
    """1 for a person whose list has a hit, else 0, shape (k,).

    Example:
        >>> import numpy as np
        >>> hit_rate(np.array([[False, True], [False, False]]), np.array([3, 1]), 2)
        array([1., 0.])
    """
    return np.asarray(hits[:, :n].any(axis=1).astype(float))


def reciprocal_rank(hits: Mask, held: Ints, n: int) -> Floats:
    """1 / rank of the first hit, 0 without any, shape (k,); its mean is MRR (Voorhees 1999).

    Example:
        >>> import numpy as np
        >>> reciprocal_rank(np.array([[False, True, True], [False, False, False]]), np.array([3, 1]), 3)
        array([0.5, 0. ])
    """
    first = hits[:, :n].argmax(axis=1)
    return np.asarray(np.where(hits[:, :n].any(axis=1), 1 / (1 + first), 0.0))


def average_precision(hits: Mask, held: Ints, n: int) -> Floats:
    """Mean over the best possible hits of the precision at each hit's rank, shape (k,); its mean is MAP.

    AP = sum over r <= n of h_r P_r / min(n, H), where P_r is the share of hits among the first r.

    Example:
        Hits at ranks 1 and 3, four items held out and three places: (1/1 + 2/3) / 3.

        >>> import numpy as np
        >>> average_precision(np.array([[True, False, True]]), np.array([4]), 3).round(4)
        array([0.5556])
    """
    h = hits[:, :n]
    at_rank = np.cumsum(h, axis=1) / np.arange(1, h.shape[1] + 1)
    return np.asarray((h * at_rank).sum(axis=1) / np.minimum(held, n))


def coverage(lists: Columns, items: int) -> float:
    """Share of the catalogue of so many items that is in any list (Herlocker et al. 2004).

    Example:
        >>> import numpy as np
        >>> coverage(np.array([[0, 1], [1, -1]]), 4)
        0.5
    """
    return len(np.unique(lists[lists >= 0])) / items


def gini(lists: Columns, items: int) -> float:
    """How unevenly places in lists fall on the catalogue: 0 all items alike, near 1 one item takes them all.

    G = sum over i of (2 i - n - 1) x_i / (n sum of x), the x_i in ascending order (Fleder and Hosanagar 2009).

    Example:
        >>> import numpy as np
        >>> gini(np.array([[0, 1], [0, 1]]), 4)
        0.5
    """
    x = np.sort(np.bincount(lists[lists >= 0], minlength=items)).astype(float)
    i = np.arange(1, items + 1)
    return float(((2 * i - items - 1) * x).sum() / (items * x.sum())) if x.any() else 0.0


def novelty(lists: Columns, train: Interactions) -> Floats:
    """Mean self-information of each list in bits: -log2 of the share of users who had the item (Zhou et al. 2010).

    An item that nobody had counts as if one had. An empty list is NaN. Shape (k,).
    """
    return _mean_of_list(lists, -np.log2(np.maximum(train.of_items, 1) / max(train.n_users, 1)))


def popularity(lists: Columns, train: Interactions) -> Floats:
    """Mean share of users who had the items of each list (average recommendation popularity), shape (k,)."""
    return _mean_of_list(lists, train.of_items / max(train.n_users, 1))


def diversity(lists: Columns, train: Interactions) -> Floats:
    """1 less the mean likeness of the pairs in each list (Ziegler et al. 2005), shape (k,).

    Likeness is the cosine of the two items' users: users of both / sqrt(users of one times users of the other); of
    very many users the first 20,000 with interactions are counted. A list of fewer than two items is NaN.
    """
    some = np.flatnonzero(train.of_users)[:_PEOPLE]
    part = train.histories(some)
    person = np.repeat(np.arange(len(some)), part.lengths)
    return np.asarray(_diversity(np.ascontiguousarray(lists), _bits(person, part.indices, len(some), train.n_items)))


@compiled()
def _bits(person: Ints, item: Columns, people: int, items: int) -> npt.NDArray[np.uint64]:
    """Who had each item, a bit for each of the people."""
    bits = np.zeros((items, (people + 63) // 64), np.uint64)
    for e in range(len(person)):
        bits[item[e], person[e] // 64] |= np.uint64(1) << np.uint64(person[e] % 64)
    return bits


@compiled()
def _ones(x: np.uint64) -> int:
    """How many bits are 1 (Warren 2012, 5-1)."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled()
def _diversity(lists: Columns, bits: npt.NDArray[np.uint64]) -> Floats:
    size = np.zeros(len(bits))
    for i in range(len(bits)):
        for w in range(bits.shape[1]):
            size[i] += _ones(bits[i, w])
    found = np.full(len(lists), np.nan)
    for p in range(len(lists)):
        total, pairs = 0.0, 0
        for r in range(lists.shape[1]):
            for q in range(r):
                i, j = lists[p, r], lists[p, q]
                if i < 0 or j < 0:
                    continue
                both = 0
                for w in range(bits.shape[1]):
                    both += _ones(bits[i, w] & bits[j, w])
                total += both / np.sqrt(max(size[i] * size[j], 1.0))
                pairs += 1
        if pairs:
            found[p] = 1 - total / pairs
    return found


def rmse(predicted: npt.ArrayLike, true: npt.ArrayLike) -> float:
    """Root of the mean squared error of ratings.

    Example:
        >>> rmse([3.0, 4.0], [3.0, 2.0]) == 2**0.5
        True
    """
    return float(np.sqrt(np.mean((np.asarray(predicted, float) - np.asarray(true, float)) ** 2)))


def mae(predicted: npt.ArrayLike, true: npt.ArrayLike) -> float:
    """Mean absolute error of ratings.

    Example:
        >>> mae([3.0, 4.0], [3.0, 2.0])
        1.0
    """
    return float(np.mean(np.abs(np.asarray(predicted, float) - np.asarray(true, float))))


def _mean_of_list(lists: Columns, of_item: Floats) -> Floats:
    """Mean over the items of each list; NaN for an empty list."""
    there = lists >= 0
    with np.errstate(invalid="ignore"):
        count = np.where(there.any(axis=1), there.sum(axis=1), np.nan)
        return np.asarray(np.where(there, of_item[lists], 0.0).sum(axis=1) / count)
