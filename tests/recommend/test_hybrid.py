"""Several methods at once, weighed by what is known."""

import numpy as np
import pytest
from tests.recommend.manners import manners, small_world
from tests.recommend.test_content import books

from potomac.errors import NoAnswer, StudyError
from potomac.recommend.attributes.content import Content
from potomac.recommend.blends import comparable, hybrid
from potomac.recommend.blends.hybrid import Hybrid
from potomac.recommend.blends.trials import trials_of
from potomac.recommend.matrix.interactions import Histories, Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.popular import Popular
from potomac.recommend.recommender import Recommender
from potomac.recommend.regression.ease import EASE

NOBODY = Histories.of_basket(np.zeros(0, np.int32))


@pytest.mark.parametrize("manner", manners(tolerance=3e-4), ids=str)
def test_manners(manner):
    manner(Hybrid)


class Given(Recommender):
    """The same scores for everybody who is known; nothing is known of nobody."""

    name = "given"

    def __init__(self, scores=()):
        self.scores_given = self.scores_of = scores

    def _fit(self, interactions, items, progress):
        self.row_ = np.resize(np.asarray(self.scores_of, np.float32), interactions.n_items)

    def _scores(self, histories):
        return np.where(histories.lengths[:, None] > 0, self.row_, 0).astype(np.float32)


def given(*scores):
    """A class of its own, so that it can be made anew without arguments."""

    class Fixed(Given):
        def __init__(self):
            super().__init__(scores)

    return Fixed()


class Oracle(Recommender):
    """Knows what each person takes next: in these worlds the item after the last. Says any other where it is wrong."""

    name = "oracle"

    def __init__(self):
        pass

    def _fit(self, interactions, items, progress):
        self.n_ = interactions.n_items

    def right(self, length):
        return length > 0

    def _scores(self, histories):
        found = np.zeros((len(histories), self.n_), np.float32)
        for k in range(len(histories)):
            had = histories.indices[histories.indptr[k] : histories.indptr[k + 1]]
            if len(had):
                found[k, (had.max() + (1 if self.right(len(had)) else 77)) % self.n_] = 1
        return found


class Short(Oracle):
    name = "short"

    def right(self, length):
        return length < 4


class Long(Oracle):
    name = "long"

    def right(self, length):
        return length >= 4


class Noise(Oracle):
    """Always wrong."""

    name = "noise"

    def right(self, length):
        return False


def walks(people=120, items=200, each=6):
    """Everybody takes items one after the other, from a place of their own."""
    start = np.random.default_rng(0).integers(0, items - each, people)
    user, step = np.repeat(np.arange(people), each), np.tile(np.arange(each), people)
    return Interactions.of({"user": user, "item": np.repeat(start, each) + step, "time": step})


class TestBlend:
    def test_by_hand(self):
        """Scores 1, 2, 3 and 6, 6, 0 standardised: mean 2, deviation sqrt(2/3); mean 4, deviation sqrt(8)."""
        known = Interactions.of({"user": [0, 0, 1, 1], "item": [0, 1, 1, 2]})
        model = Hybrid((given(1, 2, 3), given(6, 6, 0)), weights=(1.0, 2.0)).fit(known)
        first = np.array([-1, 0, 1]) / np.sqrt(2 / 3)
        second = np.array([2, 2, -4]) / np.sqrt(8)
        np.testing.assert_allclose(model.scores(known.histories([0]))[0], first + 2 * second, rtol=1e-6)
        np.testing.assert_array_equal(model.scores(NOBODY), np.zeros((1, 3)))

    def test_what_one_does_not_know_another_may(self):
        known = Interactions.of({"user": [0, 0, 1, 1], "item": [0, 1, 1, 2]})
        low = -np.inf
        model = Hybrid((given(1, 3, low), given(low, 5, low)), weights=(1.0, 1.0)).fit(known)
        np.testing.assert_allclose(model.scores(known.histories([0]))[0], [-1, 1, low], rtol=1e-6)

    def test_nobody_gets_the_most_popular(self):
        interactions, items = small_world()
        model = Hybrid((Popular(), EASE())).fit(interactions, items)
        expected = Popular().fit(interactions, items).best(NOBODY, 5)[0]
        np.testing.assert_array_equal(model.best(NOBODY, 5)[0], expected)

    def test_new_items_go_to_those_who_like_what_they_are_like(self):
        """Items 56 to 59 are new, one of each author; person p likes author p mod 4."""
        interactions, items = books(300)
        model = Hybrid((Popular(), EASE(), Content(popularity=0.0))).fit(interactions, items)
        new = model.scores(interactions.histories(np.arange(300)))[:, 56:]
        assert (new.argmax(axis=1) == np.arange(300) % 4).mean() > 0.9
        lost = Hybrid((Popular(), EASE())).fit(interactions, items).scores(interactions.histories([0]))[:, 56:]
        assert np.ptp(lost) == 0

    def test_of_new_items_stands_what_content_lets_expect(self):
        """With shares S of content for the others, the weight of content's score is w_c + sum of w_m S_mc."""
        interactions, items = books(300)
        model = Hybrid((Popular(), EASE(), Content(popularity=0.0)), few=2.0).fit(interactions, items)
        assert model.shares_[1, 2] > 0
        assert (model.shares_[[0, 1], :2] == 0).all()
        last = model.weights_[-1]
        at_new = model._coefficients[:, -1, 58]
        np.testing.assert_allclose(at_new, [0, 0, last[2] + last[:2] @ model.shares_[:2, 2]], rtol=1e-5)
        count = interactions.of_items[3]
        trust = count / (count + 2)
        expected = [*(trust * last[:2]), last[2] + (1 - trust) * (last[:2] @ model.shares_[:2, 2])]
        np.testing.assert_allclose(model._coefficients[:, -1, 3], expected, rtol=1e-5)

    def test_weights_go_by_the_length_of_the_history(self):
        model = Hybrid((Popular(), EASE()), weights=(1.0, 1.0)).fit(*small_world())
        assert model.lengths_.tolist() == [0, 1, 4, 16, 64]
        lengths = [0, 1, 3, 4, 15, 16, 40]
        indptr = np.concatenate(([0], np.cumsum(lengths)))
        indices = np.concatenate([np.arange(k) for k in lengths]).astype(np.int32)
        histories = Histories(indptr, indices, np.ones(len(indices), np.float32), None, np.full(7, -1))
        assert model._evidence(histories).tolist() == [0, 1, 1, 2, 2, 3, 3]


class TestWeights:
    @pytest.mark.parametrize("by", ["nothing", "evidence"])
    def test_who_knows_gets_the_weight(self, by):
        model = Hybrid((Noise(), Oracle()), by=by).fit(walks())
        assert all(step["oracle"] > step["noise"] for step in model.weights_by_name)
        everybody = model.interactions_.histories(np.arange(120))
        last = everybody.indices[everybody.indptr[1:] - 1]
        found = model.best(everybody, 1)[0][:, 0]
        np.testing.assert_array_equal(
            found[last < model.interactions_.n_items - 1], last[last < model.interactions_.n_items - 1] + 1
        )

    def test_each_step_of_evidence_has_its_own(self):
        """Histories are of seven: the last step that has any, from 4 on, is as long ones are."""
        model = Hybrid((Short(), Long())).fit(walks(each=8))
        one, four = (model.weights_by_name[step] for step in (1, 2))
        assert one["short"] > one["long"]
        assert four["long"] > four["short"]
        assert model.choices_.tolist() == [120, 120, 120, 0, 0]

    def test_nobody_with_two_interactions_leaves_all_equal(self):
        known = Interactions.of({"user": np.arange(50), "item": np.arange(50) % 7})
        model = Hybrid((Popular(), EASE())).fit(known)
        np.testing.assert_array_equal(model.weights_, np.ones((5, 2)))

    def test_names_of_twins_are_numbered(self):
        model = Hybrid((Popular(), Popular(half_life=3.0)), by="nothing", weights=(3, 1)).fit(*small_world())
        assert model.weights_by_name == [{"from": 0.0, "popular 1": 0.75, "popular 2": 0.25}]

    def test_usual_methods(self):
        interactions, items = small_world()
        names = [model.name for model in Hybrid().fit(interactions, items).models_]
        assert names == ["popular", "popular", "ease", "content"]
        timeless = Interactions.of({"user": [0, 0, 1], "item": [0, 1, 1]})
        assert [model.name for model in Hybrid().fit(timeless).models_] == ["popular", "ease"]

    def test_blended_is_not_worse_than_its_best_on_what_comes_last(self):
        """One of each person's interactions is left out at random."""
        interactions, items = books(300)
        held = np.zeros(interactions.nnz, bool)
        held[interactions.indptr[:-1] + np.random.default_rng(1).integers(0, 8, 300)] = True
        train, people = interactions.keep(~held), np.arange(300)
        last = interactions.indices[held]

        def hits(model):
            return float((model.fit(train, items).best(train.histories(people), 10)[0] == last[:, None]).any(1).mean())

        models = (Popular(), EASE(), Content(popularity=0.0))
        assert hits(Hybrid(models)) >= max(hits(model) for model in models) - 0.03


class TestFits:
    def test_weights_that_are_given_need_no_second_fit_and_what_learns_alike_none_of_its_own(self, monkeypatch):
        fitted = []
        fit = EASE._fit
        monkeypatch.setattr(EASE, "_fit", lambda self, *rest: (fitted.append(self.recency), fit(self, *rest))[1])
        known = walks(people=40, each=8)
        models = (EASE(5.0), EASE(5.0, recency=2.0), EASE(9.0))
        model = Hybrid(models, weights=(1.0, 1.0, 1.0)).fit(known)
        assert fitted == [None, None]
        assert model.models_[0].weights_ is model.models_[1].weights_
        alone = EASE(5.0, recency=2.0).fit(known)
        people = known.histories(np.arange(40))
        np.testing.assert_array_equal(model.models_[1].scores(people), alone.scores(people))
        fitted.clear()
        Hybrid(models).fit(known)
        assert len(fitted) == 4

    def test_progress_ends_with_all_done(self):
        told = []
        models = (Popular(), EASE(5.0), EASE(5.0, recency=2.0))
        Hybrid(models).fit(walks(people=40, each=8), progress=lambda what, done, total=None: told.append((done, total)))
        assert told[-1] == (6, 6)
        assert [done for done, _ in told] == sorted(done for done, _ in told)


class TestTrials:
    def test_the_last_is_left_out_and_histories_are_cut_to_the_latest(self):
        known = walks(people=30, each=8)
        trials = trials_of(known, np.array([0, 1, 4, 16]), 0)
        assert trials.train.nnz == known.nnz - 30
        assert [len(part) for part in trials.steps] == [30, 30, 30, 0, 30]
        for (low, high), part, chosen in zip([(0, 0), (1, 3), (4, 7)], trials.steps, trials.chosen, strict=False):
            assert part.lengths.min() >= low
            assert part.lengths.max() <= high
            ends = part.indptr[1:][part.lengths > 0] - 1
            np.testing.assert_array_equal(part.indices[ends] + 1, chosen[part.lengths > 0])
            assert (part.rows[part.lengths < 7] == -1).all()
        np.testing.assert_array_equal(trials.steps[-1].lengths, np.full(30, 7))

    def test_only_what_was_liked_is_a_choice(self):
        table = {"user": [0, 0, 1, 1], "item": [0, 1, 0, 1], "value": [5.0, 1.0, 5.0, 5.0], "time": [0, 1, 0, 1]}
        assert trials_of(Interactions.of(table), np.array([0]), 0).chosen[0].tolist() == [1]

    def test_nobody_has_two(self):
        assert trials_of(Interactions.of({"user": [0, 1], "item": [0, 0]}), np.array([0, 1]), 0) is None


class TestAnswers:
    def test_reasons_name_what_is_shared_where_content_decides(self):
        interactions, items = books(100)
        model = Hybrid((Popular(), Content(popularity=0.0)), weights=(0.1, 1.0)).fit(interactions, items)
        said = model.recommend([3], 1, reasons=True)["reason"][0].as_py()
        assert said.startswith("because you liked Book")
        assert "the same author (Di Orr)" in said
        only = Hybrid((Popular(), EASE()), weights=(1.0, 0.0)).fit(interactions, items)
        assert only.recommend([3], 1, reasons=True)["reason"][0].as_py() == "because many people liked it"

    def test_of_very_many_people_the_likeliest_are_looked_at_closely(self, monkeypatch):
        interactions, items = small_world(users=400)
        model = Hybrid(models=[Popular(), EASE(regularization=20.0), Content()], weights=[1, 2, 1])
        model.fit(interactions, items)
        new = {"user": ["late", "late", "u007"], "item": [110, 150, 190]}
        for one in (model, model.with_interactions(new)):
            wanted = one.audience([100 + 10 * 9, 100 + 10 * 20], 5)
            with monkeypatch.context() as patch:
                patch.setattr(hybrid, "EXACT", 0)
                patch.setattr(hybrid, "POOL", 60)
                patch.setattr(comparable, "SOME", 25)
                patch.setattr(comparable, "PEOPLE", 150)
                assert one.audience([100 + 10 * 9, 100 + 10 * 20], 5).equals(wanted)

    def test_alike_comes_from_those_who_know(self):
        interactions, items = books(100)
        alone = Content(popularity=0.0).fit(interactions, items).similar([3], 5)["similar"]
        model = Hybrid((Popular(), Content(popularity=0.0)), weights=(1.0, 1.0)).fit(interactions, items)
        assert model.similar([3], 5)["similar"].equals(alone)
        with pytest.raises(NoAnswer):
            Hybrid((Popular(),)).fit(interactions, items).similar([3])

    def test_what_is_not_in_the_catalogue_is_asked_of_content(self):
        interactions, items = books(100)
        model = Hybrid((Popular(), Content(popularity=0.0)), weights=(1.0, 1.0)).fit(interactions, items)
        alone = Content(popularity=0.0).fit(interactions, items)
        new = {"author": "Cy Day", "pages": 300}
        assert model.audience_of(new, 9).equals(alone.audience_of(new, 9))
        assert set(np.array(model.audience_of(new, 9)["user"].to_pylist()) % 4) == {2}
        assert model.alike_to(new, 9).equals(alone.alike_to(new, 9))
        without = Hybrid((Popular(),)).fit(interactions, items)
        for ask in (without.audience_of, without.alike_to):
            with pytest.raises(NoAnswer):
                ask(new)

    @pytest.mark.parametrize(
        ("wrong", "key"),
        [
            ({"models": ()}, "models"),
            ({"by": "feeling"}, "by"),
            ({"models": (Popular(),), "weights": (1.0, 2.0)}, "weights"),
            ({"models": (Popular(),), "weights": (-1.0,)}, "weights"),
            ({"models": (Popular(),), "weights": (0.0,)}, "weights"),
            ({"few": -1.0}, "few"),
        ],
    )
    def test_bounds(self, wrong, key):
        with pytest.raises(StudyError) as caught:
            Hybrid(**wrong).fit({"user": [0, 0], "item": [0, 1]})
        assert caught.value.faults[0].key == key

    def test_a_catalogue_without_features_needs_no_content(self):
        model = Hybrid().fit({"user": [0, 0, 1], "item": [0, 1, 1]}, Items.of({"item": [0, 1, 2]}))
        assert "content" not in [one.name for one in model.models_]
