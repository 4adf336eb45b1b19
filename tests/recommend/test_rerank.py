"""Candidates in another order."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.recommend.manners import small_world

from potomac.errors import StudyError
from potomac.recommend.attributes.content import Content
from potomac.recommend.blends.hybrid import Hybrid
from potomac.recommend.offering.rerank import (
    calibrated,
    distance,
    diversified,
    likeness_of,
    novel,
    shares_of,
    tiers_of,
)
from potomac.recommend.popular import Popular
from potomac.recommend.regression.ease import EASE
from potomac.recommend.regression.neighbours import ItemKNN


def candidates(seed, many=30):
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(many).astype(np.int32)
    scores = np.sort(rng.normal(size=many).astype(np.float32))[::-1].copy()
    vectors = rng.normal(size=(many, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return numbers, scores, (vectors @ vectors.T).astype(np.float32)


def marginal_by_the_book(scores, likeness, n, diversity):
    """Carbonell and Goldstein 1998, formula (1), written as it stands there."""
    s = (scores - scores.min()) / (scores.max() - scores.min())
    lam, order, rest = 1 - diversity, [], list(range(len(s)))
    while rest and len(order) < n:
        worth = [lam * s[i] - (1 - lam) * max([float(likeness[i, j]) for j in order], default=0.0) for i in rest]
        order.append(rest.pop(int(np.argmax(worth))))
    return order


class TestDiversified:
    def test_by_hand(self):
        """Scores 1, 0.9, 0; the second is the first's twin: at one half, 0.45 - 0.5 is less than 0 - 0."""
        numbers, scores = np.array([7, 5, 3], np.int32), np.array([1.0, 0.9, 0.0], np.float32)
        likeness = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], np.float32)
        found, own = diversified(numbers, scores, likeness, 3, 0.5)
        assert found.tolist() == [7, 3, 5]
        np.testing.assert_array_equal(own, np.array([1.0, 0.0, 0.9], np.float32))

    @pytest.mark.parametrize("diversity", [0.2, 0.5, 0.9, 1.0])
    @pytest.mark.parametrize("seed", range(4))
    def test_is_what_the_formula_says(self, seed, diversity):
        numbers, scores, likeness = candidates(seed)
        found, _ = diversified(numbers, scores, likeness, 12, diversity)
        assert found.tolist() == numbers[marginal_by_the_book(scores, likeness, 12, diversity)].tolist()

    @given(st.integers(0, 1000), st.integers(1, 40))
    @settings(max_examples=25, deadline=None)
    def test_none_is_the_plain_order(self, seed, n):
        numbers, scores, likeness = candidates(seed)
        found, own = diversified(numbers, scores, likeness, n, 0.0)
        np.testing.assert_array_equal(found, numbers[:n])
        np.testing.assert_array_equal(own, scores[:n])

    def test_more_makes_the_list_more_varied(self):
        def mean_likeness(diversity, seed):
            numbers, scores, likeness = candidates(seed, 60)
            place = np.empty(60, int)
            place[numbers] = np.arange(60)
            at = place[diversified(numbers, scores, likeness, 8, diversity)[0]]
            return likeness[np.ix_(at, at)][np.triu_indices(8, 1)].mean()

        plain, half, whole = (np.mean([mean_likeness(d, s) for s in range(10)]) for d in (0.0, 0.5, 1.0))
        assert whole < half < plain

    def test_places_without_a_candidate_are_passed_over(self):
        numbers = np.array([4, 2, -1], np.int32)
        found, _ = diversified(numbers, np.array([2, 1, -np.inf], np.float32), np.eye(3, dtype=np.float32), 9, 0.7)
        assert found.tolist() == [4, 2]
        none, _ = diversified(numbers[2:], np.array([-np.inf], np.float32), np.eye(1, dtype=np.float32), 9, 0.7)
        assert none.tolist() == []

    def test_bounds(self):
        numbers, scores, likeness = candidates(0)
        for diversity in (-0.1, 1.1, float("nan")):
            with pytest.raises(StudyError) as caught:
                diversified(numbers, scores, likeness, 3, diversity)
            assert caught.value.faults[0].key == "diversity"
        with pytest.raises(StudyError):
            diversified(numbers, scores, likeness, 0, 0.5)

    def test_likeness_of_content_is_a_cosine(self):
        interactions, items = small_world()
        model = Content().fit(interactions, items)
        numbers = np.array([3, 7, 9, 11], np.int32)
        likeness = likeness_of(model, numbers)
        np.testing.assert_allclose(np.diag(likeness), 1, atol=1e-5)
        np.testing.assert_allclose(likeness, likeness.T, atol=1e-5)
        np.testing.assert_allclose(likeness, model._alike(numbers.astype(np.int64))[:, numbers], atol=1e-5)
        assert likeness[0, 1] > likeness[0, 2]  # 3 and 7 are of one genre

    def test_likeness_of_a_hybrid_is_that_of_its_content(self):
        interactions, items = small_world()
        numbers = np.array([3, 7, 9, 11], np.int32)
        content = Content(popularity=0.0).fit(interactions, items)
        model = Hybrid((Popular(), Content(popularity=0.0)), weights=(1.0, 1.0)).fit(interactions, items)
        np.testing.assert_array_equal(likeness_of(model, numbers), likeness_of(content, numbers))

    def test_likeness_of_neighbours_and_ease_stays_below_one(self):
        interactions, items = small_world()
        for model in (ItemKNN(), EASE()):
            likeness = likeness_of(model.fit(interactions, items), np.array([3, 7, 9, -1], np.int32))
            assert likeness.shape == (4, 4)
            assert np.abs(likeness).max() <= 1.0001

    def test_likeness_of_another_method_is_scaled(self):
        class Dots(Popular):
            def _alike(self, rows):
                vectors = np.arange(1.0, 81.0).reshape(40, 2)
                return (vectors[rows] @ vectors.T).astype(np.float32)

        model = Dots().fit(*small_world())
        likeness = likeness_of(model, np.array([0, 5], np.int32))
        expected = (1 * 11 + 2 * 12) / math.sqrt((1 + 4) * (121 + 144))
        np.testing.assert_allclose(likeness, [[1, expected], [expected, 1]], rtol=1e-5)


class TestCalibrated:
    def test_tiers_by_hand(self):
        """Of 100 interactions the first 20 are of item 2; 80 and more come before item 3; item 4 has none."""
        assert tiers_of([30, 25, 32, 13, 0]).tolist() == [1, 1, 0, 2, 2]
        assert tiers_of([5]).tolist() == [0]
        assert tiers_of([0, 0]).tolist() == [2, 2]

    def test_shares_by_hand(self):
        tiers = np.array([0, 0, 1, 2], np.int8)
        np.testing.assert_allclose(shares_of(tiers, [0, 1, 3]), [7 / 12, 1 / 12, 4 / 12])
        np.testing.assert_allclose(shares_of(tiers, [], [0.5, 0.5, 0.0]), [0.5, 0.5, 0])

    def test_distance_by_hand(self):
        """KL of (1/2, 1/2, 0) from a list of head alone: q = (0.99 + 0.005, 0.005)."""
        expected = 0.5 * math.log(0.5 / 0.995) + 0.5 * math.log(0.5 / 0.005)
        assert distance([0.5, 0.5, 0], np.zeros(4, np.int8)) == pytest.approx(expected, rel=1e-12)
        assert distance([0.5, 0.5, 0], np.array([0, 1], np.int8)) == pytest.approx(0, abs=1e-12)

    def test_a_lover_of_rare_things_gets_them(self):
        numbers = np.arange(20, dtype=np.int32)
        scores = np.linspace(1, 0, 20).astype(np.float32)
        tiers = np.array([0] * 10 + [1] * 5 + [2] * 5, np.int8)
        found, own = calibrated(numbers, scores, tiers, [0, 0, 1], 4, 0.9)
        assert found.tolist() == [15, 16, 17, 18]
        assert (np.diff(own) <= 0).all()

    @given(st.integers(0, 10_000), st.floats(0, 1), st.integers(1, 25))
    @settings(max_examples=60, deadline=None)
    def test_the_distance_never_grows(self, seed, strength, n):
        numbers, scores, _ = candidates(seed)
        rng = np.random.default_rng(seed)
        tiers, shares = rng.integers(0, 3, 30).astype(np.int8), rng.dirichlet(np.ones(3))
        found, own = calibrated(numbers, scores, tiers, shares, n, strength)
        assert len(found) == min(n, 30) == len(set(found.tolist()))
        assert (np.diff(own) <= 0).all()
        assert distance(shares, tiers[found]) <= distance(shares, tiers[numbers[:n]]) + 1e-12

    def test_none_is_the_plain_order(self):
        numbers, scores, _ = candidates(3)
        found, _ = calibrated(numbers, scores, np.zeros(30, np.int8), [0.2, 0.3, 0.5], 7, 0.0)
        np.testing.assert_array_equal(found, numbers[:7])


class TestNovel:
    counts = np.array([100, 1, 10, 1000, 0])

    def order(self, novelty, n=5):
        numbers, scores = np.arange(5, dtype=np.int32), np.array([5, 4, 3, 2, 1], np.float32)
        return novel(numbers, scores, self.counts, n, novelty)[0].tolist()

    def test_ends_and_middle(self):
        assert self.order(0) == [0, 1, 2, 3, 4]
        assert self.order(-1) == [3, 0, 2, 1, 4]
        assert self.order(1) == [4, 1, 2, 0, 3]

    def test_a_half_by_hand(self):
        """Scores standardised: (5 - 3) / sqrt(2) ...; of log(1 + c) likewise."""
        fame = np.log1p(self.counts)
        fame = (fame - fame.mean()) / fame.std()
        worth = 0.5 * np.array([2, 1, 0, -1, -2]) / math.sqrt(2) - 0.5 * fame
        assert self.order(0.5) == np.argsort(-worth).tolist()

    @given(st.integers(0, 1000))
    @settings(max_examples=20, deadline=None)
    def test_the_slider_never_makes_the_list_more_popular(self, seed):
        numbers, scores, _ = candidates(seed)
        counts = np.random.default_rng(seed).integers(0, 1000, 30)
        fame = [np.log1p(counts[novel(numbers, scores, counts, 8, v)[0]]).mean() for v in np.linspace(-1, 1, 9)]
        assert (np.diff(fame) <= 1e-9).all()

    def test_all_alike(self):
        numbers, scores = np.arange(3, dtype=np.int32), np.ones(3, np.float32)
        assert novel(numbers, scores, np.ones(3, int), 2, 0.7)[0].tolist() == [0, 1]
