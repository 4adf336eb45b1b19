"""Small dense products."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from potomac.recommend.matrix.products import FEW, inner_products, weighted_gram


@pytest.mark.parametrize("rows", [1, 3, FEW, FEW + 1])
@pytest.mark.parametrize("f", [1, 2, 64, 67])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_inner_products_are_those_of_the_textbook(rows: int, f: int, kind: type) -> None:
    rng = np.random.default_rng(f)
    X, Y = rng.standard_normal((rows, f)).astype(kind), rng.standard_normal((50, f)).astype(kind)
    found = inner_products(X[::-1], Y[:, ::-1])  # views are taken, too
    assert (found.dtype, found.shape) == (np.dtype(kind), (rows, 50))
    sums = (X[::-1, None, :].astype(float) * Y[None, :, ::-1]).sum(axis=2)
    np.testing.assert_allclose(found, sums, atol=100 * f * np.finfo(kind).eps)


def test_a_gram_is_the_weighted_sum_of_outer_products() -> None:
    rng = np.random.default_rng(0)
    Y, w = rng.standard_normal((40, 7)), rng.random(40)
    outer = sum(w[e] * np.outer(Y[e], Y[e]) for e in range(40))
    np.testing.assert_allclose(weighted_gram(Y, w), outer, atol=1e-12)
    assert not weighted_gram(Y[:0], w[:0]).any()


@pytest.mark.parametrize("rows", [17, 64, 65, 233])
def test_threads_of_the_library_do_not_change_a_sum(rows: int) -> None:
    draws = np.random.default_rng(0)
    X, Y = (draws.standard_normal((n, 64), np.float32) for n in (rows, 1201))
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(inner_products(X, Y))
    assert found[0].tobytes() == found[1].tobytes()
    np.testing.assert_allclose(found[0], X.astype(float) @ Y.T.astype(float), atol=1e-4)
