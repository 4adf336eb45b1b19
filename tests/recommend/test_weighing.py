"""Weights of methods by what was chosen."""

import math

import numpy as np
import pytest

from potomac.recommend.blends.weighing import best_weights, competitors, gains, surely_better
from potomac.recommend.matrix.interactions import Histories


class TestGains:
    def test_by_hand(self):
        """Of three choices the first has none before it, the second one item and one like it, the third a hundred."""
        scores = np.array([[[5, 4, 3], [4, 5, 4], [1, 2, 0]]], np.float32)
        stands = np.array([[1, 1, 1], [1, 1, 1], [1, 100, 1]], np.float32)
        expected = [1, 1 / math.log2(2 + 1.5), 0]
        np.testing.assert_allclose(gains((scores, stands), np.ones(1)), expected)

    def test_what_stands_for_none_does_not_compete(self):
        scores = np.array([[[1, 9, 9]]], np.float32)
        assert gains((scores, np.array([[1, 0, 1]], np.float32)), np.ones(1)) == pytest.approx(1 / math.log2(3))


class TestBestWeights:
    def options(self, seed=0, choices=400, others=60):
        """The first method's choice is a little above the rest, the second's much, the third's is as the rest."""
        z = np.random.default_rng(seed).normal(size=(3, choices, others)).astype(np.float32)
        z[0, :, 0] += 1.0
        z[1, :, 0] += 2.0
        return z, np.ones((choices, others), np.float32)

    def test_those_who_know_more_weigh_more(self):
        """For normal scores with these shifts the best weights are as 1 : 2 : 0 (Fisher's discriminant)."""
        weights = best_weights(self.options(), [np.ones(3), *np.eye(3)])
        assert weights.sum() == pytest.approx(1)
        assert weights[1] / weights[0] == pytest.approx(2, rel=0.4)
        assert weights[2] < 0.12

    def test_never_worse_than_where_it_starts(self):
        options = self.options(1)
        starts = [np.ones(3), *np.eye(3)]
        reached = gains(options, best_weights(options, starts)).mean()
        assert reached >= max(gains(options, start).mean() for start in starts)

    def test_the_same_weights_are_not_surely_better(self):
        options = self.options()
        assert not surely_better(options, np.ones(3), np.ones(3) / 3)
        assert surely_better(options, np.eye(3)[1], np.eye(3)[2])
        assert not surely_better(options, np.eye(3)[2], np.eye(3)[1])


class TestCompetitors:
    def test_the_chosen_first_everybody_once_and_all_stood_for(self):
        rng = np.random.default_rng(0)
        z = rng.normal(size=(2, 3, 500)).astype(np.float32)
        had = Histories(np.array([0, 2, 2, 5]), np.array([1, 2, 7, 8, 9], np.int32), np.ones(5, np.float32), None,
                        np.full(3, -1))  # fmt: skip
        chosen = np.array([10, 11, 12])
        at, stands = competitors(z, chosen, had, rng)
        assert at[:, 0].tolist() == chosen.tolist()
        assert (stands[:, 0] == 1).all()
        np.testing.assert_allclose(stands.sum(axis=1), [498, 500, 497], rtol=1e-5)
        for row in range(3):
            counted = at[row, stands[row] > 0]
            assert len(set(counted.tolist())) == len(counted)
            assert not set(counted.tolist()) & set(had.indices[had.indptr[row] : had.indptr[row + 1]].tolist())

    def test_of_a_small_catalogue_all_compete(self):
        z = np.zeros((1, 1, 4), np.float32)
        nothing = Histories.of_basket(np.zeros(0, np.int32))
        at, stands = competitors(z, np.array([2]), nothing, np.random.default_rng(0))
        assert sorted(at[0, stands[0] > 0].tolist()) == [0, 1, 2, 3]
