"""Readiness: worlds whose answer is known, the tree of decisions, the decisive trial, and whatever people bring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from potomac.errors import DataError, StudyError
from potomac.recommend.judging.checks import CHECKS
from potomac.recommend.judging.counts import counts_of, judged
from potomac.recommend.judging.curve import CURVE
from potomac.recommend.judging.impersonal import ListForAll, lists_for_all
from potomac.recommend.judging.trial import Gain, best_for_all, crossed, flipped, from_list, gain_of
from potomac.recommend.judging.verdict import Readiness, readiness, verdict_of
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.popular import Popular
from potomac.recommend.regression.ease import EASE
from potomac.recommend.testing.splits import leave_last_out
from potomac.recommend.worlds import World, shuffled, simulated
from potomac.stats.streams import Stream

STREAM = Stream(1)


def verdict(world: World, seed: int = 0) -> Readiness:
    return readiness(world.interactions, world.items, seed=seed, growth=False)


# ---- worlds whose answer is known ---------------------------------------------------------------------------------


def test_tastes_that_others_share_are_found() -> None:
    found = verdict(simulated(800, 200, per_user=18.0, taste=1.6, seed=1))
    assert (found.verdict, found.reason) == ("collaborative", "collaborative")
    assert found.gain is not None
    assert found.gain.low > 0.1
    assert found.content_gain is not None
    assert not found.content_gain.sure  # the catalogue tells nothing of these tastes


@pytest.mark.parametrize("seed", range(3))
def test_where_only_popularity_matters_nothing_is_built(seed: int) -> None:
    found = verdict(simulated(600, 150, per_user=12.0, popularity=1.2, seed=seed), seed)
    assert (found.verdict, found.reason) == ("not_yet", "chance")


@pytest.mark.parametrize("seed", range(2))
def test_shuffled_tastes_are_none(seed: int) -> None:
    known = simulated(600, 150, per_user=15.0, taste=1.6, seed=1).interactions
    found = readiness(shuffled(known, seed=seed), growth=False)
    assert found.verdict == "not_yet"


def test_attributes_serve_where_few_interactions_meet_many_items() -> None:
    found = verdict(simulated(1200, 2000, per_user=6.0, popularity=0.7, attributes=2.5, seed=1))
    assert (found.verdict, found.reason) == ("content_based", "content")
    assert found.content_gain is not None
    assert found.gain is not None
    assert found.content_gain.personal > found.gain.personal


def test_a_catalogue_that_one_looks_through_needs_nothing_however_much_it_would_gain() -> None:
    found = verdict(simulated(900, 40, per_user=10.0, taste=2.5, seed=1))
    assert (found.verdict, found.reason) == ("not_yet", "browse")
    assert found.gain is not None
    assert found.gain.sure
    assert "40 items" in found.sentence


def test_sixty_people_are_too_few_to_know() -> None:
    found = verdict(simulated(60, 200, per_user=20.0, taste=2.0, seed=1))
    assert (found.verdict, found.reason) == ("not_yet", "few")


def test_a_season_is_no_taste() -> None:
    """People come for a month of a year in which items come and go: what is learnt of them is when they came.

    A personal list beats the list of all time by far, and the list of those days not at all.
    """
    world = simulated(1200, 300, per_user=12.0, drift=8.0, stay=0.1, seed=1)
    split = leave_last_out(world.interactions, 2)
    naive = from_list(ListForAll(), split, 10)
    found = verdict(world)
    assert found.gain is not None
    assert found.gain.personal > 1.3 * naive.mean()
    assert found.verdict == "not_yet"


def test_bots_that_copy_each_other_are_no_crowd_of_one_taste() -> None:
    """Foretold with ease, were they people: 200 of them with the same 12 items each, of 400 others nothing."""
    real = simulated(400, 150, per_user=8.0, seed=1).interactions
    user = np.repeat(np.arange(1, 401), real.of_users)
    bots = np.repeat(np.arange(1000, 1200), 12)
    table = {
        "user": np.concatenate([user, bots]),
        "item": np.concatenate([real.indices + 1, np.tile(np.arange(1, 150, 12)[:12], 200)]),
    }
    found = readiness(table, growth=False)
    assert found.verdict == "not_yet"
    assert any("199 people" in note for note in found.notes)


def test_the_same_data_and_seed_give_the_same_answer() -> None:
    known = simulated(300, 120, per_user=10.0, taste=1.5, seed=1).interactions
    one, two = (readiness(replace(known), seed=3) for _ in range(2))
    assert one.gain == two.gain
    assert one.curve.equals(two.curve)
    assert one.until == two.until


# ---- the tree of decisions ----------------------------------------------------------------------------------------


def gained(relative: float, *, sure: bool = True, personal: float | None = None) -> Gain:
    mine = 0.1 * (1 + relative) if personal is None else personal
    return Gain("a", "b", 500, mine, 0.1, 0.2, 0.1, relative, 0.01 if sure else -0.01, 1.0, 0.995, 1e-4)


@pytest.mark.parametrize(
    ("items", "tested", "collaborative", "content", "expected"),
    [
        (50, 500, gained(0.8), gained(0.5), ("not_yet", "browse")),
        (51, 500, gained(0.8), gained(0.5), ("collaborative", "collaborative")),
        (51, 99, gained(0.8), gained(0.5), ("not_yet", "few")),
        (500, 500, gained(0.8), None, ("collaborative", "collaborative")),
        (500, 500, gained(0.5), gained(0.8), ("content_based", "content")),
        (500, 500, gained(0.5), gained(0.5), ("collaborative", "collaborative")),
        (500, 500, gained(0.5), gained(0.8, sure=False), ("collaborative", "collaborative")),
        (500, 500, gained(0.5, sure=False), gained(0.3), ("content_based", "content")),
        (500, 500, None, gained(0.3), ("content_based", "content")),
        (500, 500, gained(0.09), None, ("not_yet", "small")),
        (500, 500, gained(0.09), gained(0.3, sure=False), ("not_yet", "small")),
        (500, 500, gained(0.5, sure=False), gained(0.3, sure=False), ("not_yet", "chance")),
        (500, 0, None, None, ("not_yet", "few")),
    ],
)
def test_the_verdict_follows_the_tree(
    items: int, tested: int, collaborative: Gain | None, content: Gain | None, expected: tuple[str, str]
) -> None:
    assert verdict_of(items, tested, collaborative, content) == expected


def test_what_is_worth_having_is_for_the_asker_to_say() -> None:
    assert verdict_of(500, 500, gained(0.09), None, worth=0.05)[0] == "collaborative"
    assert verdict_of(500, 500, gained(0.8), None, browse=500)[1] == "browse"


# ---- the trial ----------------------------------------------------------------------------------------------------


def test_the_gain_is_a_ratio_of_means_with_hits_counted() -> None:
    found = gain_of("m", np.array([1.0, 0.0, 0.5, 0.3] * 50), "l", np.array([0.5, 0.0, 0.5, 0.2] * 50),
                    confidence=0.95, stream=STREAM)  # fmt: skip
    assert found.relative == pytest.approx(1.8 / 1.2 - 1)
    assert (found.personal, found.impersonal) == pytest.approx((0.45, 0.3))
    assert (found.personal_hits, found.impersonal_hits) == (0.75, 0.75)
    assert found.low < 0.5 < found.high
    assert found.people == 200


def test_a_list_that_never_hits_counts_as_a_hit_at_the_tenth_place() -> None:
    """1 / log2(11) = .289: three hits at the first place are 3 / .289 - 1 times more."""
    found = gain_of("m", np.array([1.0, 1.0, 1.0]), "l", np.zeros(3), confidence=0.95, stream=STREAM)
    assert found.relative == pytest.approx(3 / 0.289 - 1)
    assert not found.sure  # three people: one of eight flips is as large


@pytest.mark.parametrize(("differences", "p"), [([1.0] * 3, 1 / 8), ([1.0] * 3 + [-1.0], 5 / 16), ([0.0, 0.0], 1.0)])
def test_flips_of_signs_give_the_exact_probability(differences: list[float], p: float) -> None:
    """Three alike: 1 of 8 signs. Three against one: 4 or 3 up of 4, (1 + 4) / 16. Within 4 errors of 20,000 draws."""
    found = flipped(np.array(differences), STREAM)
    assert found == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 20_000) + 1e-4)


def test_many_flips_are_normal() -> None:
    """Of 1,000 differences of 1, 550 up: (550 - 450) / sqrt(1000) = 3.162 standard errors, .000783."""
    d = np.where(np.arange(1000) < 550, 1.0, -1.0)
    assert flipped(d, STREAM) == pytest.approx(0.000783, rel=0.01)


def test_nobody_is_judged_with_what_they_chose() -> None:
    """The first half would choose a, the second b: each gets the other's."""
    half = np.array([0, 0, 1, 1], np.int8)
    values = {"a": np.array([1.0, 1.0, 0.0, 0.0]), "b": np.array([0.0, 0.0, 1.0, 1.0])}
    np.testing.assert_array_equal(crossed(values, half), np.zeros(4))


def test_the_list_of_those_days_knows_what_was_popular_then() -> None:
    """Two halves of a year with their own items: the list of all time has room for both, that of the days for one."""
    rows = [(u, (u % 2) * 12 + i, (u % 2) * 17_000_000 + (i + u) % 12) for u in range(200) for i in range(12)]
    user, item, time = zip(*rows, strict=True)
    split = leave_last_out(Interactions.of({"user": user, "item": item, "time": time}), 1, seed=1)
    which, got = best_for_all(split, 1)
    assert which.half_life is not None
    assert got.mean() == 1.0  # all but one are known, and the one that is left is first
    assert from_list(ListForAll(), split, 1).mean() < 0.6
    assert lists_for_all(split)[0] == ListForAll()


# ---- whatever people bring ----------------------------------------------------------------------------------------


def table(**columns: object) -> dict[str, object]:
    return columns


@pytest.mark.parametrize(
    "brought",
    [
        table(user=[1], item=[1]),
        table(user=[1, 1, 1], item=[1, 2, 3]),
        table(user=[1, 2, 3, 4, 5], item=[1, 1, 1, 1, 1]),
        table(user=[1, 1, 2, 2, 3], item=["a", "b", "a", "c", "b"], time=[1, 2, 3, 4, 5]),
        table(user=np.repeat(np.arange(150), 120), item=np.tile(np.arange(120), 150)),
        table(user=np.repeat(np.arange(150), 2), item=np.tile([1, 2], 150), value=np.full(300, 3.0)),
        table(user=np.repeat(np.arange(300), 2), item=np.arange(600), time=np.zeros(600, int)),
    ],
    ids=["one row", "one user", "one item", "five rows", "all have all", "all ratings equal", "all apart, one time"],
)
def test_whatever_is_brought_gets_a_verdict(brought: dict[str, object]) -> None:
    found = readiness(brought)
    assert found.verdict == "not_yet"
    assert found.checks.schema == CHECKS
    assert found.curve.schema == CURVE
    assert found.sentence
    assert found.advice
    assert all(row["why"].endswith((".", "!")) for row in found.checks.to_pylist())


def test_rows_that_repeat_are_told_and_count_once() -> None:
    """A shop where everybody buys the same three things again and again."""
    found = readiness(table(user=np.repeat(np.arange(150), 9), item=np.tile([1, 2, 3] * 3, 150)), growth=False)
    assert found.counts.repeats == pytest.approx(2 / 3)
    assert found.counts.interactions == 450
    assert found.verdict == "not_yet"


def test_a_catalogue_of_titles_alone_or_of_one_kind_is_no_ground_for_attributes() -> None:
    known = simulated(200, 120, per_user=8.0, seed=1).interactions
    films = pa.table({"item": known.items, "kind": ["film"] * 120})
    found = readiness(known, films, growth=False)
    assert found.content_gain is None
    assert found.verdict == "not_yet"


def test_likes_are_what_is_at_least_so_good() -> None:
    known = simulated(200, 120, per_user=10.0, taste=1.0, rated=True, seed=1).interactions
    found = readiness(known, like=4.0, growth=False)
    assert found.counts.interactions == int((known.values >= 4).sum())
    with pytest.raises(DataError) as caught:
        readiness(known, like=6.0)
    assert caught.value.faults[0].code == "recommend.empty"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"n": 0}, "recommend.n"),
        ({"worth": -0.1}, "recommend.worth"),
        ({"confidence": 1.0}, "recommend.confidence"),
    ],
)
def test_arguments_out_of_range_are_refused(wrong: dict[str, float], code: str) -> None:
    with pytest.raises(StudyError) as caught:
        readiness(table(user=[1, 1], item=[1, 2]), **wrong)  # type: ignore[arg-type]
    assert caught.value.faults[0].code == code


def test_models_may_be_given_and_a_list_for_all_gains_nothing() -> None:
    """Popularity as the personal model is the list for all: nothing is gained and nothing lost."""
    known = simulated(300, 120, per_user=10.0, taste=1.5, seed=1, times=False).interactions
    found = readiness(known, models={"collaborative": [Popular()]}, growth=False)
    assert found.gain is not None
    assert found.gain.relative == 0.0
    assert found.gain.p == 1.0
    assert found.content_gain is None
    assert readiness(known, models={"collaborative": [EASE(50.0)]}, growth=False).verdict == "collaborative"


# ---- counts and words ---------------------------------------------------------------------------------------------


def test_counts_are_those_of_the_table() -> None:
    """Four people with 1, 2, 2 and 4 of five items, one of which nobody has."""
    known = Interactions.of(
        {"user": [1, 2, 2, 3, 3, 4, 4, 4, 4], "item": [1, 1, 2, 1, 3, 1, 2, 3, 4]}, items=[1, 2, 3, 4, 5]
    )
    films = Items.of(pa.table({"item": [1, 2, 3, 4, 5], "genre": ["a", "b", None, "a", "b"], "year": [None] * 5}))
    found = counts_of(known, films, head=2)
    assert (found.users, found.items, found.interactions, found.testable) == (4, 5, 9, 3)
    assert found.density == 9 / 20
    assert (found.per_user, found.per_item) == (2.0, 2.0)
    assert (found.cold_users, found.cold_items) == (3 / 4, 1.0)
    assert found.head == 6 / 9
    assert found.features == ("genre",)


def test_of_very_many_interactions_a_sample_of_people_is_judged() -> None:
    known = simulated(400, 120, per_user=10.0, seed=1).interactions
    some, notes = judged(known, 1000, seed=1)
    assert some.nnz <= 1000 + int(known.of_users.max())
    assert some.n_items == known.n_items
    assert "drawn at random" in notes[-1]
    assert judged(known, 10**6, seed=1)[0].nnz == known.nnz


def test_who_had_nearly_everything_is_no_customer() -> None:
    known = Interactions.of({"user": [9] * 90 + [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6], "item": [*range(90), *range(12)]},
                            items=range(100))  # fmt: skip
    some, notes = judged(known, 10**6, seed=0)
    assert 9 not in some.users.to_pylist()
    assert "1 person who had over 50%" in notes[0]


def test_checks_say_what_is_short_and_why() -> None:
    found = verdict(simulated(60, 40, per_user=3.0, seed=1))
    rows = {row["check"]: row for row in found.checks.to_pylist()}
    assert rows["catalogue"]["verdict"] == "short"
    assert rows["catalogue"]["value"] == 40
    assert "50" in rows["catalogue"]["needed"]
    assert "40 items" in rows["catalogue"]["why"]
    assert rows["people"]["verdict"] == "short"
    assert {row["verdict"] for row in rows.values()} <= {"ok", "short", "info"}


def test_progress_is_told_and_may_stop_it() -> None:
    class Enough(Exception):
        pass

    def stop(what: str, done: float, total: float | None = None) -> None:
        raise Enough(what)

    with pytest.raises(Enough):
        readiness(simulated(50, 120, per_user=5.0, seed=1).interactions, progress=stop)
