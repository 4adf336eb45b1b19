"""Tables and questions that are wrong in every way: each is refused with what was found, expected and to be done."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from potomac.errors import DataError, PotomacError, StudyError
from potomac.recommend import ALS, EASE, Content, Factors, Interactions, ItemKNN, Popular
from potomac.recommend.matrix.items import Items
from potomac.recommend.recommender import Recommender
from potomac.recommend.testing.evaluation import evaluate

USERS, ITEMS = [1, 1, 2, 2, 3], [10, 11, 10, 12, 11]
TABLE = {"user": USERS, "item": ITEMS}
CATALOGUE = {"item": [10, 11, 12], "title": ["a", "b", "c"]}


def refused(kind: type[PotomacError], code: str, make: Any, *said: str) -> None:
    """The call ends with one fault of that code whose sentence has all of these words."""
    with pytest.raises(kind) as caught:
        make()
    assert caught.value.faults[0].code == code
    for word in said:
        assert word in str(caught.value)


# ---- ids ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (np.array([2**64 - 1, 1, 2, 3, 4], np.uint64), "9,223,372,036,854,775,808"),
        ([1e300] * 5, "9,007,199,254,740,992"),
        ([np.inf] * 5, "inf"),
        ([2.0**60] * 5, "as text"),  # 2 ** 60 and 2 ** 60 + 1 are the same floating-point number
        ([1.5] * 5, "integers or text"),
        ([True] * 5, "bool"),
        ([dt.date(2020, 1, 1)] * 5, "date32"),
    ],
)
def test_ids_that_cannot_be_told_apart_are_refused(ids: Any, said: str) -> None:
    for table in ({"user": ids, "item": ITEMS}, {"user": USERS, "item": ids}):
        refused(DataError, "recommend.ids", lambda table=table: Interactions.of(table), said)


def test_ids_beyond_64_bits_and_mixed_ones_are_text() -> None:
    known = Interactions.of({"user": [2**70, 1, "1", "b", 1], "item": ITEMS})
    assert known.users.to_pylist() == ["1", "1180591620717411303424", "b"]
    assert Interactions.of(pd.DataFrame({"user": [1, "b"], "item": [1, 2]})).users.to_pylist() == ["1", "b"]


def test_an_empty_id_within_a_dictionary_is_empty() -> None:
    users = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, 1, 2]), pa.array(["a", None, "b"]))
    refused(DataError, "recommend.ids", lambda: Interactions.of(pa.table({"user": users, "item": ITEMS})), "2 of 5")


# ---- values and times ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1e30, -1e30, 2.0**64])
def test_values_that_single_precision_cannot_square_are_refused(value: float) -> None:
    refused(DataError, "recommend.value", lambda: EASE().fit({**TABLE, "value": [value] * 5}), "Divide")


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_values_without_a_positive_one_offer_nothing_and_warn_of_nothing(value: float) -> None:
    found = ItemKNN().fit({**TABLE, "value": [value] * 5}).recommend()
    assert np.isfinite(found["score"].to_numpy()).all()


@pytest.mark.parametrize(
    "time",
    [
        [1_700_000_000_000] * 5,  # milliseconds
        [1_700_000_000_000_000_000] * 5,  # nanoseconds, which would wrap round
        [-(2**63)] * 5,
        np.array([2**64 - 1] * 5, np.uint64),
        [1.0, np.nan, 1.0, 1.0, 1.0],
        [np.inf] * 5,
        pa.array([2**60] * 5, pa.timestamp("s")),
    ],
)
def test_times_that_are_no_times_are_refused(time: Any) -> None:
    refused(DataError, "recommend.time", lambda: Interactions.of({**TABLE, "time": time}), "years 1 to 9999")


def test_fractions_of_seconds_and_nanoseconds_are_times() -> None:
    """1.5 s are 1,500,000 microseconds; 1,999 ns are one, cut off."""
    known = Interactions.of({"user": [1, 2], "item": [1, 2], "time": [1.5, -0.25]})
    assert known.times is not None
    assert known.times.tolist() == [1_500_000, -250_000]
    fine = Interactions.of({"user": [1], "item": [1], "time": pa.array([1_999], pa.timestamp("ns"))})
    assert fine.last_time == 1


# ---- tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"user": [1], "item": [1, 2]}, "recommend.table"),
        ({"user": 1, "item": 2}, "recommend.table"),
        (pd.Series([1, 2]), "recommend.table"),
        (pd.DataFrame(np.ones((3, 3), int), columns=["user", "item", "item"]), "data.column-double"),
        (pa.table([USERS, ITEMS, ITEMS], ["user", "item", "item"]), "data.column-double"),
        (pa.table([USERS, ITEMS, ITEMS, ITEMS], ["user", "item", "value", "value"]), "data.column-double"),
    ],
)
def test_what_is_no_table_of_interactions_is_refused(table: Any, code: str) -> None:
    refused(StudyError, code, lambda: Popular().fit(table))


def test_a_column_of_several_types_is_refused_by_its_name() -> None:
    refused(DataError, "recommend.table", lambda: Interactions.of(pd.DataFrame({"user": [1, {}], "item": [1, 2]})),
            '"user"', "dict, int")  # fmt: skip


def test_a_query_that_fails_is_an_error_of_the_table() -> None:
    query = duckdb.connect().sql("select cast(x as int) as user, 2 as item from (values ('a')) t(x)")
    refused(DataError, "recommend.table", lambda: Interactions.of(query), "Conversion Error")


@pytest.mark.parametrize("columns", ["user", {"usr": "user"}, {"user": None}, ["user"]])
def test_names_of_columns_that_are_none_are_refused(columns: Any) -> None:
    refused(StudyError, "recommend.columns", lambda: Interactions.of(TABLE, columns=columns))


@pytest.mark.parametrize("word", ["first", None, 3])
def test_what_becomes_of_duplicates_is_one_of_the_words(word: Any) -> None:
    refused(StudyError, "recommend.duplicates", lambda: Interactions.of(TABLE, duplicates=word), "last, sum, max")


# ---- the catalogue ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", [[["a"]] * 3, [{"a": 1}] * 3, [b"\xff\xfe", b"a", b"b"]])
def test_titles_that_are_no_text_are_refused(title: Any) -> None:
    refused(DataError, "recommend.items", lambda: Items.of({**CATALOGUE, "title": title}), '"title"', "text")


@pytest.mark.parametrize(
    "feature",
    [
        [[["a"]], [["b"]], []],
        [[{"a": 1}]] * 3,
        [{"a": 1}] * 3,
        [[b"\xff"], [b"a"], []],
        pa.array([(1, 2, 3)] * 3, pa.month_day_nano_interval()),
    ],
)
def test_features_that_cannot_be_compared_are_refused(feature: Any) -> None:
    refused(DataError, "recommend.features", lambda: Content().fit(TABLE, {**CATALOGUE, "f": feature}), '"f"')


@pytest.mark.parametrize(
    "feature",
    [
        pa.array(["a", "b", "a"]).cast(pa.string_view()),
        pa.RunEndEncodedArray.from_arrays([1, 3], ["a", "b"]),
        pa.array([1, 2, 2**62], pa.timestamp("ns")),
    ],
)
def test_features_of_rare_types_are_read(feature: Any) -> None:
    scores = Content().fit(TABLE, {**CATALOGUE, "f": feature}).recommend()["score"].to_numpy()
    assert len(scores)
    assert np.isfinite(scores).all()


def test_a_feature_that_stands_twice_is_refused() -> None:
    double = pa.table([[10, 11, 12], list("abc"), list("xyz")], ["item", "f", "f"])
    refused(StudyError, "recommend.twice", lambda: Items.of(double), '"f"')
    refused(StudyError, "recommend.twice", lambda: Items.of({**CATALOGUE, "f": [1, 2, 3]}, features=["f", "f"]))
    assert Items.of({**CATALOGUE, "kind": [1, 2, 3]}, features="kind").features.column_names == ["kind"]


# ---- questions ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted() -> Recommender:
    return EASE().fit(TABLE)


@pytest.mark.parametrize("n", [0, -1, 1.5, "3", None, True, float("nan")])
def test_lists_of_no_length_are_refused(fitted: Recommender, n: Any) -> None:
    refused(StudyError, "recommend.n", lambda: fitted.recommend(n=n))
    refused(StudyError, "recommend.n", lambda: fitted.for_basket([10], n))


@pytest.mark.parametrize("ids", [object(), 1.5, [1.5], [True], [b"1"], [[1]]])
def test_people_that_are_no_ids_are_refused(fitted: Recommender, ids: Any) -> None:
    with pytest.raises(PotomacError) as caught:
        fitted.recommend(ids)
    assert caught.value.faults[0].code == "recommend.ids"


@pytest.mark.parametrize("item", [None, [None], [99], 99.0])
def test_an_item_that_is_none_is_refused(fitted: Recommender, item: Any) -> None:
    for question in (fitted.for_basket, fitted.similar, fitted.audience):
        refused(DataError, "recommend.item", lambda question=question: question(item))


@pytest.mark.parametrize("user", [None, [], [1, 2], 99])
def test_reasons_for_nobody_are_refused(fitted: Recommender, user: Any) -> None:
    refused(DataError, "recommend.user", lambda: fitted.explain(user, 10))


def test_a_mask_of_another_length_is_refused_and_one_id_is_one(fitted: Recommender) -> None:
    refused(StudyError, "recommend.allowed", lambda: fitted.recommend(allowed=np.array([True])), "(3,)")
    assert set(fitted.recommend(seen=True, allowed=10)["item"].to_pylist()) == {10}
    assert set(fitted.recommend(seen=True, allowed="10")["item"].to_pylist()) == {10}


@pytest.mark.parametrize(
    ("method", "parameter", "value"),
    [
        (ALS, "factors", 1.5), (ALS, "factors", True), (ALS, "factors", "a"), (ALS, "seed", -1), (ALS, "alpha", np.nan),
        (ALS, "iterations", None), (ALS, "regularization", 1e300), (EASE, "regularization", np.inf),
        (EASE, "regularization", "a"),
        (EASE, "recency", np.nan), (EASE, "half_life", "a"), (ItemKNN, "k", 1.5), (ItemKNN, "shrinkage", np.nan),
        (Factors, "seed", -1), (Popular, "half_life", "a"), (Content, "shrinkage", np.nan),
    ],
)  # fmt: skip
def test_parameters_that_are_no_numbers_are_refused(method: Any, parameter: str, value: Any) -> None:
    table = {**TABLE, "value": [1.0, 2, 3, 4, 5], "time": [1, 2, 3, 4, 5]}
    model = method(**{parameter: value})
    refused(StudyError, "recommend.parameter", lambda: model.fit(table, {**CATALOGUE, "f": list("aab")}), parameter)


@pytest.mark.parametrize("parameters", [{"alpha": 1e15}, {"regularization": 1e15}, {"regularization": 1e-300}])
@pytest.mark.parametrize("value", [1.0, 1e15, 1e-30])
def test_factors_are_finite_at_the_edge_of_what_is_allowed(parameters: dict[str, float], value: float) -> None:
    model = ALS(factors=4, iterations=3, **parameters).fit({**TABLE, "value": [value, 1.0, value, 2.0, value]})  # type: ignore[arg-type]
    assert np.isfinite(model.item_factors_).all()
    assert np.isfinite(model.user_factors_).all()
    assert not np.isnan(model.scores(model.histories([1, 2, 3]))).any()


# ---- a test that does not know its answer -------------------------------------------------------------------------


class Memory(Recommender):
    """Offers what it was shown of a person, whoever showed it."""

    def _fit(self, interactions: Interactions, items: Items, progress: Any) -> None:
        self.shown = interactions

    def _scores(self, histories: Any) -> Any:
        scores = np.zeros((len(histories), self.shown.n_items), np.float32)
        person = np.repeat(np.arange(len(histories)), histories.lengths)
        scores[person, histories.indices] = 1
        known = histories.rows >= 0
        rows = histories.rows[known]
        for at, row in zip(np.flatnonzero(known), rows, strict=True):
            scores[at, self.shown.indices[self.shown.indptr[row] : self.shown.indptr[row + 1]]] = 1
        return scores


@pytest.mark.parametrize("split", ["leave_last_out", "time", "strong"])
def test_whoever_memorises_what_is_shown_knows_nothing_of_the_test(split: str) -> None:
    """Each of 500 people chose 8 of 200 items by lot: a list of 10 holds 10/n of the test, n those not known.

    Fitted to everything before, the model is fitted anew by the test. By chance, recall is at most 10/192; the standard
    error of the mean of 100 people or more with 2 held out is less than 0.02.
    """
    draws = np.random.default_rng(0)
    items = np.concatenate([draws.permutation(200)[:8] for _ in range(500)])
    table = Interactions.of({"user": np.repeat(np.arange(500), 8), "item": items, "time": draws.permutation(4000)})
    found = evaluate({"memory": Memory().fit(table)}, table, split=split, test_users=None)
    assert found.mean("memory", "recall@10") < 10 / 192 + 3 * 0.02
    assert not found.leaks or not any(leak.grave for leak in found.leaks)
