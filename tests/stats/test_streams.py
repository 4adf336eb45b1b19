"""Keyed streams: the key alone decides the numbers, and the numbers are uniform."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from potomac.stats.streams import Stream, row_uniform

ROOT = Stream(7).child("outliers")
NAMES = st.lists(st.one_of(st.integers(-(2**70), 2**70), st.text(max_size=8)), max_size=4)


def splitmix64(state: int) -> int:
    """The output function of SplitMix64 (Steele, Lea and Flood 2014, figure 17), in Python's whole numbers."""
    mask = 2**64 - 1
    z = state & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def test_the_reference_generator_is_the_published_one() -> None:
    # the first outputs of SplitMix64 from seed 1234567, as its public-domain C code gives them
    golden = 0x9E3779B97F4A7C15
    first = [splitmix64(1234567 + golden * step) for step in (1, 2, 3)]
    assert first == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@given(st.integers(0, 2**62), st.integers(0, 5))
def test_row_numbers_follow_splitmix64(row: int, draw: int) -> None:
    key = ROOT.child("row", draw).integer()
    expected = (splitmix64(row * 0x9E3779B97F4A7C15 + key) >> 11) / 2**53
    assert row_uniform(np.array([row]), ROOT, draw)[0] == expected


def test_rows_do_not_depend_on_order_or_batch() -> None:
    rows = np.arange(10_000)
    whole = row_uniform(rows, ROOT)
    shuffled = np.random.default_rng(1).permutation(rows)
    assert (row_uniform(shuffled, ROOT) == whole[shuffled]).all()
    assert (np.concatenate([row_uniform(part, ROOT) for part in np.array_split(rows, 7)]) == whole).all()


def test_rows_are_uniform_and_draws_are_independent() -> None:
    rows = np.arange(200_000)
    one, two = row_uniform(rows, ROOT, 0), row_uniform(rows, ROOT, 1)
    for values in (one, two):
        assert (values >= 0).all()
        assert (values < 1).all()
        assert stats.kstest(values, "uniform").pvalue > 1e-4
    # correlations of n independent numbers have a standard deviation of 1 / sqrt(n)
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(len(rows))
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 4 / np.sqrt(len(rows))
    # pairs fill the square: chi-square of 400 boxes
    counts, _, _ = np.histogram2d(one, two, bins=20, range=[[0, 1], [0, 1]])
    assert stats.chisquare(counts.ravel()).pvalue > 1e-4


def test_far_rows_of_a_large_table() -> None:
    rows = np.arange(10**15, 10**15 + 100_000)
    assert stats.kstest(row_uniform(rows, ROOT), "uniform").pvalue > 1e-4


def test_the_same_path_gives_the_same_numbers() -> None:
    one = ROOT.child("fakes", 17).generator().random(5)
    assert (Stream(7, ("outliers", "fakes", 17)).generator().random(5) == one).all()
    assert (ROOT.child("fakes").child(17).generator().random(5) == one).all()


def test_children_are_independent() -> None:
    draws = np.array([ROOT.child("replication", i).generator().random(1000) for i in range(200)])
    assert stats.kstest(draws.ravel(), "uniform").pvalue > 1e-4
    correlations = np.corrcoef(draws)[np.triu_indices(200, 1)]
    assert np.sqrt(1000) * correlations.std() == pytest.approx(1, abs=0.05)
    assert np.abs(correlations).max() < 6 / np.sqrt(1000)


@given(st.integers(0, 2**63 - 1), NAMES, NAMES)
def test_different_paths_are_different_streams(seed: int, one: list[int | str], two: list[int | str]) -> None:
    same = [(type(x), x) for x in one] == [(type(x), x) for x in two]
    assert (Stream(seed, tuple(one)).integer() == Stream(seed, tuple(two)).integer()) is same


def test_a_number_and_its_word_are_different_names() -> None:
    assert ROOT.child(1).integer() != ROOT.child("1").integer()
    assert ROOT.child("a", "b").integer() != ROOT.child("ab").integer()


@given(st.integers(0, 2**63 - 1))
def test_seeds_for_other_libraries_fit(seed: int) -> None:
    stream = Stream(seed)
    assert 0 <= stream.integer() < 2**128
    assert 0 <= stream.seed32() < 2**31 - 1
