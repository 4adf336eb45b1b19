"""Metrics of lists against fractions worked by hand, a textbook's figures, and scikit-learn."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.testing import metrics

# Manning, Raghavan and Schütze 2008, exercise 8.8: ranks of four relevant documents in two systems' lists of ten
ONE = [c == "R" for c in "RNRNNNNNRR"]
TWO = [c == "R" for c in "NRNNRRRNNN"]
SYSTEMS, RELEVANT = np.array([ONE, TWO]), np.array([4, 4])


def held_of(*people: list[int]) -> Histories:
    indptr = np.concatenate(([0], np.cumsum([len(one) for one in people])))
    items = np.array([i for one in people for i in sorted(one)], np.int32)
    return Histories(indptr, items, np.ones(len(items), np.float32), None, np.arange(len(people)))


def lists_of(*rows: list[int]) -> np.ndarray:
    return np.array(rows, np.int32)


def test_hits_are_places_of_held_out_items() -> None:
    hits = metrics.hits_of(lists_of([4, 2, 9], [2, -1, -1], [0, 1, 2]), held_of([2, 9], [4], [0]))
    np.testing.assert_array_equal(hits, [[False, True, True], [False, False, False], [True, False, False]])


def test_average_precision_of_the_textbook() -> None:
    found = metrics.average_precision(SYSTEMS, RELEVANT, 10)
    expected = [(1 / 1 + 2 / 3 + 3 / 9 + 4 / 10) / 4, (1 / 2 + 2 / 5 + 3 / 6 + 4 / 7) / 4]
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(found, [0.6, 0.493], atol=5e-4)  # as its solution has them


def test_precision_at_the_number_of_relevant_documents_of_the_textbook() -> None:
    # R-precision, exercise 8.8 c: 2 of 4 and 1 of 4
    np.testing.assert_allclose(metrics.precision(SYSTEMS, RELEVANT, 4), [1 / 2, 1 / 4])


def test_recall_counts_all_that_was_held_out() -> None:
    np.testing.assert_allclose(metrics.recall(SYSTEMS, RELEVANT, 3), [2 / 4, 1 / 4])
    np.testing.assert_allclose(metrics.recall(SYSTEMS, RELEVANT, 10), [1, 1])
    assert metrics.recall(np.ones((1, 2), bool), np.array([8]), 2)[0] == 2 / 8  # the best there is stays below 1


def test_reciprocal_rank_and_hit_rate() -> None:
    hits = np.array([ONE, TWO, [False] * 10])
    np.testing.assert_allclose(metrics.reciprocal_rank(hits, np.array([4, 4, 1]), 10), [1, 1 / 2, 0])
    np.testing.assert_allclose(metrics.reciprocal_rank(hits, np.array([4, 4, 1]), 1), [1, 0, 0])
    np.testing.assert_allclose(metrics.hit_rate(hits, np.array([4, 4, 1]), 1), [1, 0, 0])


def test_ndcg_by_hand() -> None:
    found = metrics.ndcg(np.array([[True, False, True], [False, False, True]]), np.array([2, 5]), 3)
    first = (1 / log2(2) + 1 / log2(4)) / (1 / log2(2) + 1 / log2(3))
    second = (1 / log2(4)) / (1 / log2(2) + 1 / log2(3) + 1 / log2(4))
    np.testing.assert_allclose(found, [first, second])


def test_ndcg_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import ndcg_score

    rng = np.random.default_rng(5)
    scores, relevant = rng.random((50, 30)).astype(np.float32), rng.random((50, 30)) < 0.2
    relevant[:, 0] = True
    lists = np.argsort(-scores, axis=1).astype(np.int32)
    held = held_of(*[np.flatnonzero(row).tolist() for row in relevant])
    found = metrics.ndcg(metrics.hits_of(lists[:, :10], held), held.lengths, 10)
    assert found.mean() == pytest.approx(ndcg_score(relevant, scores, k=10))


def test_a_list_shorter_than_asked_for() -> None:
    hits = np.array([[True, False]])
    assert metrics.ndcg(hits, np.array([3]), 10)[0] == pytest.approx(1 / (1 + 1 / log2(3) + 1 / log2(4)))
    assert metrics.precision(hits, np.array([3]), 10)[0] == 1 / 10
    assert metrics.average_precision(hits, np.array([3]), 10)[0] == 1 / 3


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_best_list_has_one_and_no_hit_none(n: int) -> None:
    held = np.array([1, 3, 9])
    perfect = np.arange(5)[None, :] < held[:, None]
    for metric in (metrics.ndcg, metrics.average_precision, metrics.reciprocal_rank, metrics.hit_rate):
        np.testing.assert_allclose(metric(perfect, held, n), 1)
        np.testing.assert_allclose(metric(~perfect & False, held, n), 0)


def test_coverage_and_gini() -> None:
    even, one = lists_of([0, 1], [2, 3]), lists_of([2], [2], [2])
    assert metrics.coverage(even, 8) == 4 / 8
    assert metrics.gini(lists_of([0, 1], [2, 3]), 4) == 0
    assert metrics.gini(one, 4) == 1 - 1 / 4  # all on one of n
    # places 0, 1, 3: (-2 * 0 + 0 * 1 + 2 * 3) / (3 * 4)
    assert metrics.gini(lists_of([0, 1], [0, -1], [0, -1]), 3) == pytest.approx(6 / 12)


@pytest.fixture
def train() -> Interactions:
    # item 0 has 4 of 4 users, item 1 two, item 2 one, item 3 none
    known = Interactions.of({"user": [1, 2, 3, 4, 1, 2, 3], "item": [0, 0, 0, 0, 1, 1, 2]})
    return known.with_items([0, 1, 2, 3])


def test_novelty_is_bits_of_surprise(train: Interactions) -> None:
    found = metrics.novelty(lists_of([0, 1], [2, 3], [1, -1], [-1, -1]), train)
    np.testing.assert_allclose(found, [(0 + 1) / 2, (2 + 2) / 2, 1, np.nan])  # -log2 of 4/4, 2/4, 1/4


def test_popularity_is_the_share_of_users(train: Interactions) -> None:
    np.testing.assert_allclose(metrics.popularity(lists_of([0, 1], [2, 3]), train), [(1 + 1 / 2) / 2, (1 / 4 + 0) / 2])


def test_diversity_by_hand(train: Interactions) -> None:
    lists = lists_of([0, 1, 2], [0, 1, -1], [2, 3, -1], [0, -1, -1])
    c01, c02, c12 = 2 / np.sqrt(4 * 2), 1 / np.sqrt(4 * 1), 0.0
    found = metrics.diversity(lists, train)
    np.testing.assert_allclose(found, [1 - (c01 + c02 + c12) / 3, 1 - c01, 1.0, np.nan])


def test_errors_of_ratings() -> None:
    assert metrics.rmse([1, 2, 5], [1, 4, 4]) == pytest.approx(np.sqrt((0 + 4 + 1) / 3))
    assert metrics.mae([1, 2, 5], [1, 4, 4]) == pytest.approx((0 + 2 + 1) / 3)
