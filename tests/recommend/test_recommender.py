"""What all recommenders share: lists come in batches that hold no more, however many people there are."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from potomac.recommend import Interactions, Popular, Recommender, recommender

ITEMS = 40


class Turned(Recommender):
    """Scores that differ by person, made anew for each block."""

    name = "turned"

    def _fit(self, interactions, items, progress):
        self.ramp_ = np.arange(interactions.n_items, dtype=np.float32)

    def _scores(self, histories):
        return (self.ramp_[None, :] * 7 + histories.rows[:, None]) % np.float32(ITEMS + 1)


def people(many: int) -> Interactions:
    return Interactions.of({"user": np.repeat(np.arange(many), 2), "item": np.tile(np.arange(ITEMS), many // 20)})


def most_held(model: Recommender, reasons: bool = False) -> int:
    """Bytes held at once at the most while all lists are gone through, beside what is there before."""
    list(model.recommend_batches([1, 2], 5, reasons=reasons))
    tracemalloc.start()
    rows = sum(batch.num_rows for batch in model.recommend_batches(n=5, reasons=reasons))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 5 * model.interactions_.n_users
    return peak - 8 * model.interactions_.n_users  # a number for each person


def test_batches_hold_no_more_for_more_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommender, "BLOCK", 1 << 13)
    monkeypatch.setattr(recommender, "ROWS", 2000)
    few, many = (most_held(Turned().fit(people(count))) for count in (2_000, 20_000))
    assert few > 8192 * 4  # a block of scores is held
    assert many < 1.2 * few


def test_batches_are_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Turned().fit(people(200))
    whole = model.recommend(n=5)
    monkeypatch.setattr(recommender, "BLOCK", 7 * ITEMS)
    monkeypatch.setattr(recommender, "ROWS", 100)
    batches = list(model.recommend_batches(n=5))
    assert [batch.num_rows for batch in batches[:-1]] == [105] * (len(batches) - 1)  # whole blocks of 7 people
    assert recommender.pa.Table.from_batches(batches).equals(whole.combine_chunks())
    assert [batch.num_rows for batch in Popular().fit(people(200)).recommend_batches([])] == [0]
