"""Compiled loops work whether or not there is a place to keep them."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core import caching

from potomac.stats.compiled import compiled


def total(x: np.ndarray) -> float:
    """The sum of squares."""
    found = 0.0
    for i in range(len(x)):
        found += x[i] * x[i]
    return found


def test_a_loop_is_compiled_and_kept() -> None:
    fast = compiled(nogil=True)(total)
    assert fast(np.array([1.0, 2.0, 3.0])) == 14.0
    assert fast.stats.cache_path  # type: ignore[attr-defined]
    assert fast.py_func is total  # type: ignore[attr-defined]


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    fast = compiled()(total)
    assert fast(np.array([1.0, 2.0, 3.0])) == 14.0
