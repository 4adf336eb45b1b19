"""Products of items, and inverses in place."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from scipy import sparse

from potomac.recommend.matrix import threads
from potomac.recommend.matrix.gram import PIECE, gram, inverted, times_matrix, times_vector


@pytest.fixture
def x() -> sparse.csr_array:
    rng = np.random.default_rng(3)
    values = rng.integers(1, 6, (90, 31)) * (rng.random((90, 31)) < 0.3)
    return sparse.csr_array(values.astype(np.float32))


def parts(x: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return x.indptr.astype(np.int64), x.indices.astype(np.int32), x.data


@pytest.mark.parametrize("plain", [True, False])
def test_gram_is_the_weighted_product(x: sparse.csr_array, plain: bool) -> None:
    if plain:
        x.data[:] = 1
    weight = np.linspace(0.5, 2, 90, dtype=np.float32)
    full = x.toarray().astype(float)
    expected = np.tril(full.T @ np.diag(weight) @ full)
    np.testing.assert_allclose(gram(*parts(x), weight, 31), expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 8, 24, 29])
def test_inverse_by_tiles(n: int, dtype: type) -> None:
    a = np.random.default_rng(n).normal(size=(40, n))
    full = a.T @ a + np.eye(n)
    lower = np.tril(full).astype(dtype)
    said: list[tuple[int, int]] = []
    inverted(lower, lambda done, of: said.append((done, of)), tile=8)
    np.testing.assert_allclose(lower, -np.linalg.inv(full), atol=2e-6 if dtype == np.float32 else 1e-13)
    np.testing.assert_array_equal(lower, lower.T)
    assert said == [(k, -(-n // 8)) for k in range(-(-n // 8))]


def test_what_is_not_positive_definite_has_no_inverse() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        inverted(np.diag([1.0, -1.0]))


def test_threads_change_no_bit(x: sparse.csr_array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "SMALL", 0)
    indptr, indices, values = parts(x)
    weight = np.linspace(0.1, 3, 90, dtype=np.float32)
    most, found = numba.get_num_threads(), []
    for many in (1, most):
        numba.set_num_threads(many)
        try:
            g = gram(indptr, indices, values, weight, 31) + np.eye(31, dtype=np.float32)
            inverted(g, tile=4)
            found.append((g, times_matrix(indptr, indices, values, g), times_vector(indptr, indices, values, g[0])))
        finally:
            numba.set_num_threads(most)
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


def test_rows_times_a_matrix_and_a_vector(x: sparse.csr_array) -> None:
    matrix = np.random.default_rng(0).normal(size=(31, 7)).astype(np.float32)
    np.testing.assert_allclose(times_matrix(*parts(x), matrix), x @ matrix, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(times_vector(*parts(x), matrix[:, 2]), x @ matrix[:, 2], rtol=1e-4, atol=1e-5)


def test_entries_without_a_column_count_for_nothing() -> None:
    found = times_matrix(
        np.array([0, 2]), np.array([-1, 1], np.int32), np.array([9, 2], np.float32), np.eye(2, dtype=np.float32)
    )
    assert found.tolist() == [[0, 2]]


def test_wide_rows_are_summed_piece_by_piece(x: sparse.csr_array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "SMALL", 0)
    matrix = np.random.default_rng(0).normal(size=(31, 2 * PIECE + 5)).astype(np.float32)
    np.testing.assert_allclose(times_matrix(*parts(x), matrix), x @ matrix, rtol=1e-4, atol=1e-4)
