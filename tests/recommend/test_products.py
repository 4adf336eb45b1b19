"""Small dense products."""

from __future__ import annotations

import numpy as np
import pytest

from potomac.recommend.products import FEW, inner_products, weighted_gram


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
