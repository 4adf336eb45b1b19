"""Items by what they are like: features of any catalogue, learned weights, cold items, reasons that are true."""

import datetime as dt
import string

import numpy as np
import pyarrow as pa
import pytest
from tests.recommend.manners import manners, small_world

from potomac.errors import DataError, StudyError
from potomac.recommend.attributes.content import Content
from potomac.recommend.attributes.features import Features, described
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items


@pytest.mark.parametrize("manner", manners(), ids=str)
def test_manners(manner):
    manner(lambda: Content(recency=5.0))


def features_of(**columns):
    many = len(next(iter(columns.values())))
    return Features.of(Items.of({"item": list(range(many)), **columns}), titles=False)


def books(people=80, seed=0, *, loyal=0.95):
    """People who stay with one of four authors; kind and shelf mean nothing; the last of each author is new."""
    rng = np.random.default_rng(seed)
    author = np.arange(60) % 4
    user, item = [], []
    for person in range(people):
        weight = np.where(author == person % 4, loyal, (1 - loyal) / 3)
        weight[-4:] = 0
        chosen = rng.choice(60, 8, replace=False, p=weight / weight.sum())
        user += [person] * 8
        item += chosen.tolist()
    catalogue = Items.of(
        {
            "item": np.arange(60),
            "title": [f"Book {string.ascii_lowercase[i % 26]}{i}" for i in range(60)],
            "author": [("Ann Lee", "Bo Ek", "Cy Day", "Di Orr")[a] for a in author],
            "kind": [f"kind {k}" for k in rng.integers(0, 4, 60)],
            "pages": rng.integers(50, 900, 60),
        }
    )
    return Interactions.of({"user": user, "item": item}, items=catalogue.ids), catalogue


class TestKinds:
    @pytest.mark.parametrize(
        ("values", "kind", "style"),
        [
            (["a", "b", "a"], "words", ""),
            ([["a", "b"], [], None], "lists", ""),
            (["Drama|Comedy", "Comedy", "Drama|War|Comedy"], "lists", "|"),
            (["x, y", "y", "x, z, y", "z"], "lists", ","),
            (["Smith, Ann", "Lee, Bo", "Lee, Ann"], "words", ""),
            ([0, 1, None], "flags", ""),
            ([True, False, None], "flags", ""),
            ([0.0, 1.0, 1.0], "flags", ""),
            ([1990, 2001, 1990], "number", ""),
            ([1.5, float("nan"), 2.5], "number", ""),
            ([str(1900 + i) for i in range(40)], "number", ""),
            (["1", "2", "3"], "words", ""),
            (["2001-01-02", "1999-12-31", ""], "number", "%Y-%m-%d"),
            (["01-Jan-1995", "31-Dec-1999", None], "number", "%d-%b-%Y"),
            ([dt.date(2001, 1, 2), dt.date(1999, 1, 1), None], "number", ""),
            (["a tale of two cities", "the two towers of a tale", "a city of towers, a tale"], "text", ""),
            (pa.array(["a", "b", "a"]).dictionary_encode(), "words", ""),
        ],
    )
    def test_found_out_from_the_values(self, values, kind, style):
        groups = features_of(it=values).groups
        assert [(group.kind, group.style) for group in groups] == [(kind, style)]

    @pytest.mark.parametrize(
        "values",
        [[None, None], ["", "  "], ["x", "x"], [7, 7], [["x"], ["x"]], [[], []], ["http://a.b/1", "http://a.b/2"]],
    )
    def test_what_tells_nothing_apart_is_no_feature(self, values):
        made = features_of(it=values)
        assert made.groups == ()
        assert made.matrix.shape == (2, 0)

    def test_columns_of_0_and_1_are_one_group(self):
        made = features_of(war=[0, 1, 1], love=[True, False, True], year=[1, 2, 3])
        flags = next(group for group in made.groups if group.kind == "flags")
        assert flags.columns == ("war", "love")
        assert flags.labels.to_pylist() == ["love", "war"]

    def test_a_type_that_cannot_be_compared_is_refused(self):
        with pytest.raises(DataError) as caught:
            features_of(it=pa.array([{"a": 1}, {"a": 2}]))
        assert caught.value.faults[0].code == "recommend.features"
        assert caught.value.faults[0].key == "it"


class TestRows:
    def test_words_have_the_mean_square_one_and_rare_ones_weigh_more(self):
        """Inverse document frequencies ln(5 / 4) + 1 of three and ln(5 / 2) + 1 of one."""
        made = features_of(it=["a", "a", "a", "b"])
        often, rare = np.log(5 / 4) + 1, np.log(5 / 2) + 1
        size = np.sqrt((3 * often**2 + rare**2) / 4)
        np.testing.assert_allclose(made.matrix.toarray()[[0, 3], [0, 1]], [often / size, rare / size], rtol=1e-6)

    def test_lists_have_length_one_and_spelling_does_not_matter(self):
        made = features_of(it=[["Café", "war"], ["CAFE "], ["War", "love"], None])
        rows = made.matrix.toarray()
        assert made.groups[0].keys.to_pylist() == ["cafe", "love", "war"]
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 1, 1, 0], rtol=1e-6)
        assert made.label(0) == "Café"

    def test_near_numbers_are_alike_far_ones_not_and_outliers_not_far_off(self):
        made = features_of(it=[*range(1900, 2000), 1_000_000])
        rows = made.matrix.toarray()
        alike = rows @ rows.T
        assert alike[50, 52] > 0.95
        assert alike[50, 60] < alike[50, 55] < alike[50, 52]
        assert alike[0, 99] < 0.01
        assert alike[99, 100] > 0.9

    def test_text_leaves_out_what_stands_everywhere_or_once(self):
        """Of 40 texts "the" stands in all, the animal in two."""
        animals = [f"beast{string.ascii_lowercase[i]}" for i in range(20)]
        texts = [f"the {animal} walks alone{i} by night" for i, animal in enumerate(animals * 2)]
        made = features_of(it=texts)
        assert made.groups[0].kind == "text"
        assert made.groups[0].keys.to_pylist() == animals

    def test_writing_without_spaces_is_compared_by_sign(self):
        items = Items.of({"item": [1, 2, 3], "title": ["東京物語", "東京暮色", "晩春"]})
        assert Features.of(items).groups[0].keys.to_pylist() == ["京", "東"]

    def test_a_new_item_is_read_like_the_catalogue(self):
        items = Items.of(
            {
                "item": [1, 2, 3],
                "title": ["Red dog", "Red cat", "Old cat"],
                "genre": ["War|Love", "War", "Love|War|Sf"],
                "war": [1, 0, 1],
                "year": [1990, 2000, 2010],
                "day": ["2001-01-02", "1999-12-31", "2005-05-05"],
            }
        )
        made = Features.of(items)
        same = {"title": "red DOG", "genre": ["war", "Löve"], "war": True, "year": "1990", "day": "2001-01-02"}
        np.testing.assert_allclose(made.row_of(same).toarray(), made.matrix[[0]].toarray(), atol=1e-6)

    @pytest.mark.parametrize(
        ("features", "error", "words"),
        [
            ({"autor": "Bo Ek"}, StudyError, 'Did you mean "author"'),
            ({"author": "Nobody"}, DataError, "nothing that the item has"),
            ({}, DataError, "nothing that the item has"),
            ({"pages": "many"}, DataError, "int64"),
        ],
    )
    def test_a_new_item_that_cannot_be_read(self, features, error, words):
        model = Content().fit(*books())
        for ask in (model.audience_of, model.alike_to):
            with pytest.raises(error, match=words):
                ask(features)


class TestScores:
    def test_by_hand(self):
        """Two authors, one person who likes an item of the first: mu = (1, 0) when that is the only interaction, so
        nothing that it shares tells anything; with two people of one author each mu is (1/2, 1/2)."""
        items = Items.of({"item": [0, 1, 2, 3], "author": ["a", "b", "a", "b"]})
        known = Interactions.of({"user": [0, 1], "item": [0, 1]}, items=items.ids)
        model = Content(shrinkage=1.0, popularity=0.0, weights={"author": 2.0}, titles=False).fit(known, items)
        scores = model.scores(known.histories([0, 1]))
        half = 2 * (0.5**2 + 0.5**2) / (1 + 1)
        np.testing.assert_allclose(scores, [[half, -half, half, -half], [-half, half, -half, half]], atol=1e-6)

    @pytest.mark.parametrize("rated", [False, True])
    def test_is_what_the_formula_says(self, rated):
        interactions, items = small_world()
        gone = pa.array([None if i % 7 == 0 else v for i, v in enumerate(items.features["year"].to_pylist())])
        items = Items(items.ids, items.titles, items.features.set_column(2, "year", gone), items.listed)
        interactions = interactions if rated else interactions.binary()
        model = Content(recency=4.0).fit(interactions, items)
        x, group, mu = model.matrix_.toarray(), model.features.of_column, model.mean_
        likeness = np.zeros((40, 40))
        for g, weight in enumerate(model.weights_):
            at = group == g
            there = (x[:, at] != 0).any(axis=1)
            centred = (x[:, at] - mu[at]) * there[:, None]
            likeness += weight * centred @ centred.T
        everybody = interactions.histories(np.arange(60))
        amounts = np.ones(interactions.nnz)
        if rated and np.isfinite(model.centre_):
            person = np.repeat(np.arange(60), interactions.of_users)
            total = np.bincount(person, interactions.values)
            mean = (total + 5 * interactions.values.mean()) / (interactions.of_users + 5)
            amounts = interactions.values - mean[person]
        weight = np.ones(interactions.nnz)
        for u in range(60):
            part = slice(interactions.indptr[u], interactions.indptr[u + 1])
            age = np.argsort(np.argsort(-interactions.times[part]))
            weight[part] = 0.5 ** (age / 4)
        amounts = amounts * weight
        shares = np.zeros((60, 40))
        for u in range(60):
            part = slice(interactions.indptr[u], interactions.indptr[u + 1])
            shares[u, interactions.indices[part]] = amounts[part] / (np.abs(amounts[part]).sum() + 5)
        expected = shares @ likeness + model.popularity_ * model.quality_
        np.testing.assert_allclose(model.scores(everybody), expected, atol=2e-5 * np.abs(expected).max())
        length = np.sqrt(np.diag(likeness))
        np.testing.assert_allclose(model._alike(np.arange(40)), likeness / (length[:, None] * length), atol=1e-4)

    def test_dislikes_count_against(self):
        items = Items.of({"item": [0, 1, 2, 3, 4], "kind": ["a", "b", "a", "b", "b"]})
        table = {"user": [0, 0, 1, 1, 1], "item": [0, 1, 2, 3, 4], "value": [5.0, 1.0, 1.0, 5.0, 5.0]}
        model = Content(popularity=0.0).fit(Interactions.of(table, items=items.ids), items)
        assert model.recommend([0], 1)["item"].to_pylist() == [2]
        assert model.scores(model.interactions_.histories([0]))[0, 3] < 0
        assert model.for_basket([1], 1)["item"].to_pylist() != [0]  # what is in a basket is liked

    def test_amounts_are_not_ratings(self):
        items = Items.of({"item": [0, 1, 2], "kind": ["a", "b", "a"]})
        table = {"user": [0, 0, 1, 1], "item": [0, 1, 1, 2], "value": [1.0, 7.0, 1.0, 1.0]}
        assert np.isnan(Content().fit(Interactions.of(table, items=items.ids), items).centre_)


class TestNewItems:
    def test_go_to_those_who_like_what_they_are_like(self):
        """Items 56 to 59 are new, one of each author; person p likes author p mod 4."""
        interactions, items = books()
        model = Content(popularity=0.0).fit(interactions, items)
        assert (interactions.of_items[56:] == 0).all()
        scores = model.scores(interactions.histories(np.arange(80)))[:, 56:]
        assert (scores.argmax(axis=1) == np.arange(80) % 4).mean() > 0.95
        found = model.audience([57], 20)["user"].to_pylist()
        assert np.mean(np.array(found) % 4 == 1) > 0.9

    def test_audience_of_the_description_of_an_item_is_that_of_the_item(self):
        interactions, items = books()
        model = Content(popularity=0.0).fit(interactions, items)
        row = {name: items.features[name][57].as_py() for name in items.features.column_names}
        row["title"] = items.titles[57].as_py()
        described_so = model.audience_of(row, 30)
        column = model._column(57)
        assert described_so["score"].to_pylist() == pytest.approx(np.sort(column)[::-1][:30].tolist(), rel=1e-5)
        alike = model.alike_to(row, 3)
        assert alike["similar"][0].as_py() == 57
        assert alike["score"][0].as_py() == pytest.approx(1, abs=1e-5)

    def test_popularity_is_foretold_from_features(self):
        """Author a's items are popular, author b's are not; a new one of each."""
        items = Items.of({"item": np.arange(62), "author": ["a", "b"] * 31})
        rng = np.random.default_rng(0)
        item = np.concatenate([rng.integers(0, 30, 3000) * 2, rng.integers(0, 30, 180) * 2 + 1])
        known = Interactions.of({"user": np.arange(len(item)), "item": item}, items=items.ids)
        model = Content().fit(known, items)
        warm = model.quality_[:60].reshape(30, 2).mean(axis=0)
        np.testing.assert_allclose(model.quality_[60:], warm, rtol=0.15)
        assert model.quality_[60] > 1.5 * model.quality_[61]

    def test_an_item_without_features_is_not_scored(self):
        items = Items.of({"item": [0, 1, 2, 3], "kind": ["a", None, "b", "a"]})
        known = Interactions.of({"user": [0, 0, 1], "item": [0, 1, 2]}, items=items.ids)
        model = Content().fit(known, items)
        assert np.isneginf(model.scores(known.histories([0, 1]))[:, 1]).all()
        assert np.isneginf(model._column(1)).all()
        assert 1 not in model.recommend(n=9, seen=True)["item"].to_pylist()
        assert model.similar([1], 2)["score"].to_pylist() == [0, 0]


class TestWeights:
    def test_what_people_choose_by_weighs_most(self):
        weights = Content().fit(*books(400)).weights_by_name
        assert weights["author"] > 5 * max(weights["kind"], weights["pages"])

    def test_chance_teaches_little(self):
        """Where taste is no more than chance, popularity orders the items, not the profile."""
        interactions, items = books(400, loyal=0.25)
        loyal = Content().fit(*books(400))
        chance = Content().fit(interactions, items)
        histories = interactions.histories(np.arange(100))

        def personal(model):
            return float((model.scores(histories) - model.popularity_ * model.quality_).std())

        assert personal(chance) < 0.1 * personal(loyal)

    def test_too_few_choices_leave_all_equal(self):
        interactions, items = books(4)
        assert set(Content().fit(interactions, items).weights_) == {1.0}

    def test_given_ones_are_taken_and_checked(self):
        interactions, items = books()
        model = Content(weights={"author": 2.0}).fit(interactions, items)
        assert model.weights_by_name == {"author": 2.0, "kind": 0.0, "pages": 0.0}
        for wrong in ({"autor": 1.0}, {"author": -1.0}, {"author": float("nan")}):
            with pytest.raises(StudyError, match="weights"):
                Content(weights=wrong).fit(interactions, items)

    @pytest.mark.parametrize("wrong", [{"shrinkage": -1}, {"recency": 0}, {"half_life": -2.0}])
    def test_bounds(self, wrong):
        with pytest.raises(StudyError) as caught:
            Content(**wrong).fit(*books(4))
        assert caught.value.faults[0].key == next(iter(wrong))


class TestReasons:
    def test_name_what_is_shared(self):
        items = Items.of(
            {
                "item": [1, 2, 3, 4, 5, 6],
                "title": ["Heat", "Cold", "Rain", "Snow", "Hail", "Fog"],
                "author": ["Ann Lee", "Ann Lee", "Bo Ek", "Bo Ek", "Cy Day", "Cy Day"],
                "genre": [["Crime", "City"], ["City", "Crime"], ["Sea"], ["Sea"], ["City"], ["Sea"]],
                "year": [1990, 1991, 1950, 1951, 2020, 2021],
            }
        )
        known = Interactions.of({"user": [0, 1, 2], "item": [1, 3, 5]}, items=items.ids)
        model = Content(popularity=0.0).fit(known, items)
        said = model.explain(0, 2).sentence
        assert said.startswith("because you liked Heat: ")
        for shared in ("the same author (Ann Lee)", "both Crime and City", "about the same year"):
            assert shared in said.replace("City and Crime", "Crime and City")
        assert model.explain(0, 4).sentence == ""
        assert "many people like such items" in Content(popularity=1.0).fit(known, items).explain(0, 4).sentence

    def test_are_true(self):
        """Whatever is named stands in both items."""
        interactions, items = small_world()
        model = Content().fit(interactions, items)
        for one, other in [(0, 4), (1, 5), (2, 3), (7, 12)]:
            a, b = (items.features.take([i]).to_pylist()[0] for i in (one, other))
            for said in model.shared(one, other):
                if said.startswith("the same genre"):
                    assert a["genre"] == b["genre"]
                if said.startswith("both"):
                    assert set(said[5:].split(" and ")) <= set(a["words"]) & set(b["words"])
                if "year" in said:
                    assert abs(a["year"] - b["year"]) <= 4


class TestHostileCatalogues:
    def test_nothing_to_compare_by_is_said(self):
        known = Interactions.of({"user": [0, 1], "item": [0, 1]})
        for items in (None, {"item": [0, 1], "kind": ["x", "x"]}, {"item": [0, 1], "kind": [None, None]}):
            with pytest.raises(DataError) as caught:
                Content().fit(known, items)
            assert caught.value.faults[0].code == "recommend.features"
        assert not described(Items.nameless(pa.array([1, 2])))
        assert described(Items.of({"item": [0, 1], "kind": ["x", "y"]}))

    def test_one_item(self):
        with pytest.raises(DataError):
            Content().fit({"user": [0], "item": [0]}, {"item": [0], "kind": ["x"]})

    def test_two_items_of_one_person(self):
        model = Content().fit({"user": [0, 0], "item": [0, 1]}, {"item": [0, 1, 2], "kind": ["x", "y", "x"]})
        assert model.recommend([0], 5)["item"].to_pylist() == [2]

    def test_ten_thousand_categories_and_huge_text(self):
        rng = np.random.default_rng(0)
        items = Items.of(
            {
                "item": np.arange(10_000),
                "code": [f"c{i}" for i in range(10_000)],
                "shelf": [f"s{i}" for i in rng.integers(0, 300, 10_000)],
                "blurb": ["word " * 200_000 + "tail"] + [f"a story about thing{i % 50} and more" for i in range(9_999)],
            }
        )
        known = Interactions.of({"user": rng.integers(0, 200, 3000), "item": rng.integers(0, 9000, 3000)},
                                items=items.ids)  # fmt: skip
        model = Content().fit(known, items)
        assert {group.name: group.size for group in model.features.groups}["code"] == 10_000
        scores = model.scores(known.histories(np.arange(known.n_users)))
        assert np.isfinite(scores).all()
        top = model.alike_to({"code": "C77", "shelf": items.features["shelf"][77].as_py()}, 1)
        assert top["similar"].to_pylist() == [77]

    def test_values_of_all_sorts(self):
        items = Items.of(
            {
                "item": list("abcdef"),
                "title": ["<b>x</b>", "", None, "x" * 5000, "\u202eevil", "é"],
                "price": [float("inf"), float("nan"), -1e308, 1e308, 0.0, None],
                "large": [10**18, -(2**62), None, 3, 4, 5],
                "shelf": pa.array(["a", None, "b", "a", None, "b"]).dictionary_encode(),
                "mixed": ["1", "two", "", None, "3.5", "1"],
                "when": pa.array([0, 1, None, 2**40, -5, 7], pa.timestamp("us")),
                "tags": [["a", None, ""], [], None, ["a"], ["b", "b"], ["B"]],
                "bytes": pa.array([1, 0, 1, None, 1, 0], pa.int8()),
            }
        )
        known = Interactions.of({"user": [1, 1, 2, 2, 3], "item": list("abcda")}, items=items.ids)
        model = Content().fit(known, items)
        scores = model.scores(known.histories([0, 1, 2]))
        assert np.isfinite(scores[:, model._known_of]).all()
        assert model.recommend(n=3, reasons=True).num_rows
        for row in (0, 1, 3):
            new = {name: items.features[name][row].as_py() for name in items.features.column_names}
            assert model.alike_to(new, 6)["similar"].to_pylist()[0] == "abcdef"[row]

    def test_somebody_without_history_gets_what_is_popular(self):
        interactions, items = books()
        model = Content(popularity=1.0).fit(interactions, items)
        nobody = Histories.of_basket(np.zeros(0, np.int32))
        np.testing.assert_allclose(model.scores(nobody)[0], model.quality_, rtol=1e-6)
