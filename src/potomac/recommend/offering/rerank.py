"""Reranking: a person's candidates put in another order, for variety, for the share of hits they like, for novelty.

All functions take the candidates of one person, item numbers and scores, the best first, as ``topn.best`` gives them
(-1 marks that there are no more), and return the same kind of pair, shorter. A hundred to a few hundred candidates are
enough: what is far down the list is not brought up.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError
from potomac.recommend.attributes.content import Content
from potomac.recommend.recommender import Recommender
from potomac.stats.compiled import compiled

__all__ = ["calibrated", "distance", "diversified", "likeness_of", "novel", "shares_of", "tiers_of"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.int8]

HEAD, MIDDLE, TAIL = 0, 1, 2
"""Tiers of popularity."""
SMOOTH = 0.01
"""Share of the person's own distribution that is mixed into the list's, so that no share is zero (Steck 2018)."""


def diversified(numbers: Columns, scores: Floats, likeness: Floats, n: int, diversity: float) -> tuple[Columns, Floats]:
    """Maximal marginal relevance: each next item is the best of ``lambda s_i - (1 - lambda) max_j L_ij``.

    With s the scores scaled to 0 ... 1 over the candidates, L the likeness to what is in the list already, and lambda
    = 1 - diversity (Carbonell and Goldstein 1998).

    Args:
        numbers: item numbers, shape (c,). scores: shape (c,).
        likeness: of the candidates to each other, shape (c, c), at most 1: :func:`likeness_of`.
        n: how many are wanted.
        diversity: 0: the order as it is; 1: variety alone.

    Returns:
        Item numbers and their own scores, shape (min(n, candidates),), in the new order.

    Raises:
        StudyError: ``diversity`` is not between 0 and 1, or n less than 1.
    """
    _within("diversity", diversity, 0.0, 1.0)
    there = _there(numbers, scores, n)
    relevance = _scaled(scores[there])
    alike = np.ascontiguousarray(np.asarray(likeness)[np.ix_(there, there)], np.float64)
    order = there[_marginal(relevance, alike, min(n, len(there)), diversity)]
    return numbers[order], scores[order]


def likeness_of(model: Recommender, numbers: Columns) -> Floats:
    """How alike a model finds the candidates, shape (c, c), scaled to at most 1; 0 where it does not know.

    A hybrid that has content among its methods goes by that: what varies for a reader is what the items are like.

    Raises:
        NoAnswer: the method does not know which items are alike.
    """
    rows = np.maximum(numbers, 0).astype(np.int64)
    content = _content_of(model)
    if content is not None:
        return content.likeness_between(rows)
    alike = model._alike(rows)[:, rows]
    alike = np.where(np.isfinite(alike), alike, 0).astype(np.float64)
    own = np.diag(alike).copy()
    if (own > 0).all() and (np.abs(alike) <= 1.0001 * np.sqrt(own[:, None] * own)).all():
        return np.asarray(alike / np.sqrt(own[:, None] * own), np.float32)  # a dot product: its cosine
    np.fill_diagonal(alike, 0)
    largest = np.abs(alike).max(initial=0)
    return np.asarray(alike / (largest or 1), np.float32)


def _content_of(model: Recommender) -> Content | None:
    """The content method that a model is or has, be it chosen or blended."""
    inner = getattr(model, "chosen_", model)
    return next((one for one in (inner, *getattr(inner, "models_", ())) if isinstance(one, Content)), None)


def tiers_of(counts: npt.ArrayLike, head: float = 0.2, tail: float = 0.2) -> Bytes:
    """Head (0), middle (1) or tail (2) for each item by its popularity, shape (n,).

    Sorted by popularity, the head has the first ``head`` of all interactions, the tail the last ``tail`` (Abdollahpouri
    et al. 2021); items without interactions are tail.
    """
    amounts = np.asarray(counts, np.float64)
    order = np.argsort(-amounts, kind="stable")
    total = amounts.sum()
    before = (np.cumsum(amounts[order]) - amounts[order]) / (total or 1)
    tier = np.full(len(amounts), MIDDLE, np.int8)
    tier[order[before < head]] = HEAD
    tier[order[before >= 1 - tail]] = TAIL
    tier[amounts <= 0] = TAIL
    return tier


def shares_of(tiers: Bytes, history: npt.ArrayLike, prior: npt.ArrayLike | None = None, weight: float = 1.0) -> Doubles:
    """Share of head, middle and tail in a person's history, shape (3,).

    Args:
        tiers: of all items, shape (n,). history: item numbers, shape (e,).
        prior: shares of all people; default equal ones. weight: how many entries the prior is worth.
    """
    belief = np.full(3, 1 / 3) if prior is None else np.asarray(prior, np.float64)
    found = np.bincount(tiers[np.asarray(history, np.int64)], minlength=3) + weight * belief
    return np.asarray(found / found.sum())


def calibrated(
    numbers: Columns, scores: Floats, tiers: Bytes, shares: npt.ArrayLike, n: int, strength: float
) -> tuple[Columns, Floats]:
    """A list whose shares of popular, middling and rare items are near the person's own.

    Items are added one by one, each the best of ``(1 - strength) sum s_i - strength n KL(p || q)`` with p the person's
    shares and q the list's (Steck 2018, by popularity as in Abdollahpouri et al. 2021), s scaled to 0 ... 1. If the
    list comes out no nearer to p than the plain one, it is the plain one: the distance never grows.

    Args:
        numbers: item numbers, shape (c,). scores: shape (c,).
        tiers: of all items, shape (n_items,): :func:`tiers_of`.
        shares: the person's own, shape (3,): :func:`shares_of`.
        n: how many are wanted.
        strength: 0: as it is; 1: the shares alone.

    Returns:
        Item numbers and their own scores, the best score first.

    Raises:
        StudyError: ``strength`` is not between 0 and 1, or n less than 1.
    """
    _within("calibration", strength, 0.0, 1.0)
    there = _there(numbers, scores, n)
    own = np.asarray(shares, np.float64)
    tier = tiers[numbers[there]]
    chosen = _calibrated(_scaled(scores[there]), tier, own, min(n, len(there)), strength)
    plain = np.arange(min(n, len(there)))
    if strength == 0 or distance(own, tier[chosen]) >= distance(own, tier[plain]):
        chosen = plain
    order = there[np.sort(chosen)]
    return numbers[order], scores[order]


def distance(shares: npt.ArrayLike, tiers: Bytes) -> float:
    """KL(p || q) of a list, by the tiers of its items, from a person's shares p; in nats."""
    own = np.asarray(shares, np.float64)
    counts = np.bincount(tiers, minlength=len(own)).astype(np.float64)
    return float(_divergence(own, counts, max(len(tiers), 1)))


def novel(
    numbers: Columns, scores: Floats, counts: npt.NDArray[np.floating | np.integer], n: int, novelty: float
) -> tuple[Columns, Floats]:
    """The slider from popular to novel: ``(1 - |v|) z(s_i) - v z(log(1 + c_i))`` instead of s.

    Scores and logarithms of popularity are standardised over the candidates, so the slider means the same for every
    method.

    Args:
        numbers: item numbers, shape (c,). scores: shape (c,).
        counts: interactions of all items, shape (n_items,).
        n: how many are wanted.
        novelty: v; 0: as it is; -1: the most popular candidates first; 1: the rarest first.

    Returns:
        Item numbers and their own scores, in the new order.

    Raises:
        StudyError: ``novelty`` is not between -1 and 1, or n less than 1.
    """
    _within("novelty", novelty, -1.0, 1.0)
    there = _there(numbers, scores, n)
    fame = np.log1p(np.asarray(counts, np.float64)[numbers[there]])
    mixed = (1 - abs(novelty)) * _standard(scores[there].astype(np.float64)) - novelty * _standard(fame)
    order = there[np.argsort(-mixed, kind="stable")[:n]]
    return numbers[order], scores[order]


def _there(numbers: Columns, scores: Floats, n: int) -> Ints:
    """Places of the candidates that are there, the best first."""
    if n < 1:
        raise StudyError(Fault("recommend.n", f"n is {n}", "expected 1 or more", key="n"))
    there = np.flatnonzero((numbers >= 0) & np.isfinite(scores))
    return there[np.argsort(-scores[there], kind="stable")]


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise StudyError(Fault("recommend.parameter", f"{name} is {value}", f"expected {low:g} to {high:g}", key=name))


def _scaled(scores: Floats) -> Doubles:
    """Scores from 0 for the lowest to 1 for the highest; 1 each where all are equal."""
    values = scores.astype(np.float64)
    span = np.ptp(values) if len(values) else 0.0
    return (values - values.min()) / span if span > 0 else np.ones(len(values))


def _standard(values: Doubles) -> Doubles:
    deviation = values.std() if len(values) else 0.0
    return (values - values.mean()) / deviation if deviation > 0 else np.zeros(len(values))


@compiled(nogil=True)
def _marginal(relevance: Doubles, likeness: Doubles, n: int, diversity: float) -> Ints:
    """Places in the order of maximal marginal relevance; of equals the earlier."""
    many = len(relevance)
    chosen = np.empty(n, np.int64)
    nearest = np.zeros(many)
    taken = np.zeros(many, np.bool_)
    for k in range(n):
        best, most = -1, -np.inf
        for i in range(many):
            if taken[i]:
                continue
            worth = (1 - diversity) * relevance[i] - diversity * nearest[i]
            if worth > most:
                best, most = i, worth
        chosen[k] = best
        taken[best] = True
        for i in range(many):
            if k == 0 or likeness[best, i] > nearest[i]:
                nearest[i] = likeness[best, i]
    return chosen


@compiled(nogil=True)
def _divergence(own: Doubles, counts: Doubles, size: float) -> float:
    total = 0.0
    for t in range(len(own)):
        if own[t] > 0:
            total += own[t] * np.log(own[t] / ((1 - SMOOTH) * counts[t] / size + SMOOTH * own[t]))
    return total


@compiled(nogil=True)
def _calibrated(relevance: Doubles, tiers: Bytes, own: Doubles, n: int, strength: float) -> Ints:
    """Places, in the order in which they are taken: only the best of each tier can be next."""
    many, kinds = len(relevance), len(own)
    chosen = np.empty(n, np.int64)
    counts = np.zeros(kinds)
    at = np.zeros(kinds, np.int64)
    for k in range(n):
        best, most = -1, -np.inf
        for t in range(kinds):
            while at[t] < many and tiers[at[t]] != t:
                at[t] += 1
            if at[t] == many:
                continue
            counts[t] += 1
            worth = (1 - strength) * relevance[at[t]] - strength * n * _divergence(own, counts, k + 1.0)
            counts[t] -= 1
            if worth > most or (worth == most and at[t] < at[best]):
                best, most = t, worth
        chosen[k] = at[best]
        counts[best] += 1
        at[best] += 1
    return chosen
