"""Rules of the house."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potomac.errors import DataError, NoAnswer, StudyError
from potomac.recommend.matrix.items import Items
from potomac.recommend.offering.rules import Rules

BOOKS = Items.of(
    {
        "item": ["a", "b", "c", "d", "e", "f"],
        "title": ["Émile", "Walden", "Walden", "Dune", "Ubik", "Solaris"],
        "author": ["Rousseau", "Thoreau", "Skinner", "Herbert", "Dick", "Lem"],
        "genre": ["Essay", "Essay|Nature", "Novel", "Novel|Sf", "Novel|Sf", "Sf|Novel|Nature"],
        "pages": [100, 200, 200, 400, 150, None],
        "tags": [["x"], ["x", "y"], [], None, ["z"], ["x"]],
        "stock": [True, False, True, True, True, None],
    }
)


def mask(**rules):
    return "".join(str(i) for i in BOOKS.ids.filter(pa.array(Rules(**rules).resolved(BOOKS).allowed)).to_pylist())


def fault(error, **rules):
    with pytest.raises(error) as caught:
        Rules(**rules).resolved(BOOKS)
    return caught.value.faults[0]


class TestWhatMayBeOffered:
    @pytest.mark.parametrize(
        ("rules", "left"),
        [
            ({}, "abcdef"),
            ({"available": "stock"}, "acde"),
            ({"available": ["a", "b"]}, "ab"),
            ({"available": np.array([1, 0, 0, 0, 0, 1], bool)}, "af"),
            ({"exclude": ["b", "emile"]}, "cdef"),
            ({"exclude": {"genre": ["SF"]}}, "abc"),
            ({"only": {"genre": "nature", "author": ["dick"]}}, "bef"),
            ({"only": {"pages": [200, 400]}}, "bcd"),
            ({"only": {"tags": "x"}}, "abf"),
            ({"only": {"stock": True}, "exclude": ["a"]}, "cde"),
            ({"only": {"genre": "Sf"}, "exclude": {"tags": ["z"]}, "available": "stock"}, "d"),
        ],
    )
    def test_table(self, rules, left):
        assert mask(**rules) == left

    def test_the_rule_that_takes_the_last_is_named(self):
        found = fault(NoAnswer, available="stock", only=["b"], exclude=["a"])
        assert (found.code, found.key) == ("recommend.rules", "rules.only")
        assert "none of 4 items" in found.found
        assert fault(NoAnswer, exclude={"genre": ["novel", "essay"]}).key == "rules.exclude"

    def test_what_is_not_there_is_said(self):
        assert 'Did you mean "Solaris"' in str(fault(DataError, only=["Solari"]))
        twice = fault(DataError, exclude=["walden"])
        assert "2 items" in twice.found
        assert "b, c" in twice.expected
        assert 'Did you mean "genre"' in str(fault(StudyError, exclude={"gnre": ["Sf"]}))
        assert "essay" in fault(DataError, exclude={"genre": ["Esay"]}).mend
        assert fault(StudyError, max_per={"genre": 0}).key == "rules.max_per.genre"
        assert fault(StudyError, boost={"genre": {"Sf": float("nan")}}).key == "rules.boost.genre"
        assert fault(StudyError, available=np.ones(3, bool)).key == "rules.available"
        assert fault(DataError, pins=["z"]).key == "rules.pins"

    def test_ids_that_are_numbers_are_meant_as_text_or_number(self):
        numbered = Items.of({"item": [10, 20], "title": ["x", "y"]})
        assert Rules(only=["20"]).resolved(numbered).allowed.tolist() == [False, True]

    def test_values_are_compared_as_the_column_writes_them(self):
        items = Items.of(
            {
                "item": [0, 1],
                "price": [2.0, None],
                "day": pa.array([0, 1], pa.date32()),
                "none": pa.array([None, None], pa.large_string()),
            }
        )
        day = items.features["day"][1].as_py()
        for only, left in [
            ({"price": 2.0}, [0]),
            ({"price": [2]}, [0]),
            ({"day": [day]}, [1]),
            ({"day": "1970-01-02"}, [1]),
        ]:
            assert np.flatnonzero(Rules(only=only).resolved(items).allowed).tolist() == left
        with pytest.raises(DataError, match="no item has none"):
            Rules(only={"none": ["x"]}).resolved(items)


class TestLists:
    numbers = np.array([3, 4, 5, 2, 1, 0], np.int32)
    scores = np.array([6, 5, 4, 3, 2, 1], np.float32)

    def built(self, n=6, had=(), **rules):
        numbers, scores = Rules(**rules).resolved(BOOKS).built(self.numbers, self.scores, n, had=had)
        return numbers.tolist(), scores.tolist()

    def test_no_rule_no_change(self):
        assert self.built(4) == ([3, 4, 5, 2], [6, 5, 4, 3])

    def test_at_most_so_many_of_a_kind(self):
        """d and e are Sf and Novel: f (Sf) and c (Novel) have no place any more, b and a have."""
        assert self.built(max_per={"genre": 2})[0] == [3, 4, 1, 0]
        assert self.built(max_per={"genre": 1})[0] == [3, 1]
        assert self.built(max_per={"genre": 3, "pages": 1})[0] == [3, 4, 5, 1, 0]

    def test_pins_come_first_and_count(self):
        assert self.built(3, pins=["a", "Dune"]) == ([0, 3, 4], [1, 6, 5])
        assert self.built(3, pins=["a", "d"], had=[0])[0] == [3, 4, 5]
        assert self.built(3, pins=["a", "d"], exclude=["d"])[0] == [0, 4, 5]
        assert self.built(9, pins=["f"], max_per={"genre": 1})[0] == [5, 0]
        numbers, scores = Rules(pins=["a"]).resolved(BOOKS).built(self.numbers[:2], self.scores[:2], 2)
        assert numbers.tolist() == [0, 3]
        assert np.isnan(scores[0])

    def test_boost_is_in_deviations_of_the_person(self):
        rules = Rules(boost={"genre": {"Sf": 1.0, "Nature": -0.5}, "item": {"Émile": 2}}).resolved(BOOKS)
        scores = np.array([[1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, -np.inf]], np.float32)
        deviation = np.sqrt(35 / 12)  # of 1 to 6
        lift = np.array([2, -0.5, 0, 1, 1, 0.5])
        expected = np.stack([scores[0] + deviation * lift, scores[1] + lift])
        np.testing.assert_allclose(rules.boosted(scores), expected, rtol=1e-6)
        np.testing.assert_allclose(rules.boosted(scores[0]), expected[0], rtol=1e-6)

    @given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 3), st.integers(1, 2))
    @settings(max_examples=40, deadline=None)
    def test_rules_always_hold(self, seed, n, of_kind, of_author):
        rng = np.random.default_rng(seed)
        items = Items.of(
            {
                "item": np.arange(40),
                "kind": [[f"k{k}" for k in rng.integers(0, 6, rng.integers(0, 4))] for _ in range(40)],
                "author": [f"a{a}" for a in rng.integers(0, 15, 40)],
            }
        )
        pins, barred = rng.choice(40, 3, replace=False), rng.choice(40, 10, replace=False)
        rules = Rules(exclude=barred, pins=pins, max_per={"kind": of_kind, "author": of_author}).resolved(items)
        numbers, _ = rules.built(rng.permutation(40).astype(np.int32), np.sort(rng.random(40))[::-1], n)
        chosen = items.features.take(numbers)
        assert len(numbers) <= n
        assert len(set(numbers.tolist())) == len(numbers)
        assert not set(numbers.tolist()) & set(barred.tolist())
        kinds = [kind for one in chosen["kind"].to_pylist() for kind in set(one)]
        authors = chosen["author"].to_pylist()
        assert max(map(kinds.count, kinds), default=0) <= of_kind
        assert max(map(authors.count, authors), default=0) <= of_author

    def test_a_catalogue_without_features(self):
        bare = Items.nameless(pa.array([1, 2, 3]))
        assert Rules(exclude=[2]).resolved(bare).allowed.tolist() == [True, False, True]
        with pytest.raises(StudyError) as caught:
            Rules(max_per={"genre": 2}).resolved(bare)
        assert "there are none" in str(caught.value)
