"""A fitted model as tables and back: arguments, arrays of every shape, models within models."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from potomac.engine import Progress
from potomac.errors import DataError, StudyError
from potomac.recommend import Interactions, Items, Popular, method_named, restored, to_tables
from potomac.recommend.methods import METHODS, arguments_of
from potomac.recommend.offering.picks import Picks
from potomac.recommend.recommender import Recommender

from .manners import small_world


class Everything(Recommender):
    """Holds one attribute of each kind."""

    name: ClassVar[str] = "everything"
    _state: ClassVar[tuple[str, ...]] = ("kinds_", "flat_", "square_", "tall_", "bits_", "matrix_", "inner_", "parts_",
                                         "words_", "table_", "nothing_", "number_", "said_", "empty_")  # fmt: skip

    def __init__(self, model: Recommender | None = None, weights: Any = (1, 2.5), options: Any = None) -> None:
        self.model, self.weights, self.options = model, weights, options

    def _fit(self, interactions: Interactions, items: Items, progress: Progress) -> None:
        rng = np.random.default_rng(0)
        self.kinds_ = [np.arange(3, dtype=kind) for kind in ("int8", "uint16", "int32", "int64", "float32", "float64")]
        self.flat_ = rng.random(5).astype(np.float16)
        self.square_ = rng.random((3, 4)).astype(np.float32)
        self.tall_ = np.asfortranarray(rng.random((5, 2)))
        self.bits_ = rng.random((2, 3)) < 0.5
        self.matrix_ = sparse.random_array((6, 9), density=0.3, format="csr", rng=rng)
        self.inner_ = Popular().fit(interactions, items)
        self.parts_ = (Popular().fit(interactions, items), Popular(3.0).fit(interactions.take_users([1, 2, 3]), items))
        self.words_ = pa.array(["a", None, "c"])
        self.table_ = pa.table({"x": [1, 2], "y": ["p", "q"]})
        self.nothing_ = None
        self.number_ = 0.1 + 0.2
        self.said_ = {"best": ("als", 3), "trials": [1, None, True]}
        self.empty_ = np.zeros((0, 7), np.float32)


def test_everything_comes_back() -> None:
    interactions, items = small_world()
    model = Everything(Popular(7.0), options={"deep": [Picks(["Travel 5"]), None]}).fit(interactions, items)
    tables = to_tables(model)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in tables)
    found = restored(tables, {"everything": Everything})
    assert isinstance(found, Everything)
    for name in ("flat_", "square_", "tall_", "bits_", "empty_"):
        one, other = getattr(found, name), getattr(model, name)
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
        assert one.flags.writeable
        assert one.flags.f_contiguous == other.flags.f_contiguous
    for one, other in zip(found.kinds_, model.kinds_, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    np.testing.assert_array_equal(found.matrix_.toarray(), model.matrix_.toarray())
    assert found.words_.equals(model.words_)
    assert found.table_.equals(model.table_)
    assert (found.nothing_, found.number_, found.said_) == (None, 0.1 + 0.2, model.said_)
    assert found.interactions_.users.equals(interactions.users)
    assert found.items_.features.equals(items.features)


def test_models_within_share_what_they_were_fitted_to() -> None:
    interactions, items = small_world()
    model = Everything(Popular(7.0), options={"deep": [Picks(["Travel 5"]), None]}).fit(interactions, items)
    found = restored(to_tables(model), {"everything": Everything})
    assert isinstance(found, Everything)
    assert found.inner_.interactions_ is found.interactions_
    assert found.parts_[0].interactions_ is found.interactions_
    assert found.parts_[1].interactions_.n_users == 3
    np.testing.assert_array_equal(found.parts_[1].counts_, model.parts_[1].counts_)
    assert found.model is not None
    assert arguments_of(found.model) == {"half_life": 7.0}
    assert found.weights == (1, 2.5)
    deep = found.options["deep"][0]
    assert isinstance(deep, Picks)
    assert deep.picks == ["Travel 5"]


def test_what_was_added_after_fitting_is_kept() -> None:
    model = Popular().fit(*small_world())
    model = model.with_interactions({"user": ["u001", "new"], "item": [100, 110], "value": [2.0, 3.0]})
    found = restored(to_tables(model))
    assert found.recommend(n=40).equals(model.recommend(n=40))
    assert len(found.histories(["new"]).indices) == 1


def test_a_model_that_is_not_fitted_is_not_kept() -> None:
    with pytest.raises(StudyError) as caught:
        to_tables(Popular())
    assert caught.value.faults[0].code == "recommend.not-fitted"


def test_what_cannot_be_kept_says_so() -> None:
    model = Everything(options={1, 2}).fit(*small_world())
    with pytest.raises(DataError, match="set"):
        to_tables(model)


def test_tables_that_are_no_model() -> None:
    tables = to_tables(Popular().fit(*small_world()))
    for name in tables:
        with pytest.raises(DataError) as caught:
            restored({other: table for other, table in tables.items() if other != name})
        assert caught.value.faults[0].code == "recommend.kept"


def test_a_method_that_nobody_knows() -> None:
    with pytest.raises(StudyError, match="popular"):
        method_named("populer")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_its_word(name: str) -> None:
    assert method_named(name).name == name
