"""Texts that are looked up by hashing: places as Arrow finds them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from potomac.recommend.matrix import texts
from potomac.recommend.matrix.texts import Texts


def drawn(count: int, seed: int) -> pa.Array:
    rng = np.random.default_rng(seed)
    signs = np.array(list("ab\u00e9\u4e2d\U0001f600 "))
    return pa.array(["".join(rng.choice(signs, size)) for size in rng.integers(0, 7, count)])


def test_places_are_those_of_arrow() -> None:
    known = Texts()
    for seed in range(8):
        batch = pc.unique(drawn(400, seed))
        new = batch.filter(pa.array(known.places(batch) < 0))
        known.append(new)
        asked = drawn(500, 100 + seed).slice(7, 300)  # a view that does not begin at the first byte
        expected = pc.index_in(asked, known.known).fill_null(-1).to_numpy()
        np.testing.assert_array_equal(known.places(asked), expected)
    assert len(pc.unique(known.known)) == len(known) > 1000
    np.testing.assert_array_equal(known.places(known.known), np.arange(len(known)))


def test_texts_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_hashes", lambda ends, data: np.full(max(0, len(ends) - 1), 7, np.uint64))
    crowd = Texts(pa.array(["a", "b", "ab", ""]))
    slots = np.full(8, -1, np.int32)
    texts._entered(crowd._hashes, 0, slots)
    assert sorted(slots[slots >= 0].tolist()) == [0, 1, 2, 3]  # one behind the other


@pytest.mark.parametrize("none", [pa.array([], pa.string()), pa.array(["x"]).slice(1)])
def test_nothing_is_found_in_nothing(none: pa.Array) -> None:
    assert Texts().places(none).tolist() == []
    assert Texts().places(pa.array(["x", ""])).tolist() == [-1, -1]
    assert Texts(none).places(pa.array(["x"])).tolist() == [-1]
