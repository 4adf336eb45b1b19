"""Dense products, small ones without threads: to answer for one person, waking others takes longer than the sum."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.recommend.matrix.threads import shared_out
from potomac.stats.compiled import compiled

__all__ = ["FEW", "inner_products", "weighted_gram"]

FEW = 16
"""Rows up to which :func:`inner_products` is as quick as a library of linear algebra with its threads."""

STRIPE = 64
"""Rows of a larger product that one thread does at a time."""

_compiled = compiled(nogil=True, fastmath={"contract", "nsz", "reassoc"})


def inner_products(X: npt.NDArray[Any], Y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``X Y'``, shape (k, n), of rows of the same length f, at least 1: X of shape (k, f), Y of shape (n, f).

    Each stripe of rows is one product of fixed shape in one thread: the sums do not depend on how many there are.
    """
    out = np.empty((len(X), len(Y)), X.dtype)
    if len(X) <= FEW:
        _inner_products(np.ascontiguousarray(X), np.ascontiguousarray(Y), out)
        return out
    with import_module("threadpoolctl").threadpool_limits(1, user_api="blas"):  # it comes with scikit-learn
        shared_out(
            lambda first, last: np.matmul(X[first:last], Y.T, out=out[first:last]), [*range(0, len(X), STRIPE), len(X)]
        )
    return out


@_compiled
def _inner_products(X: npt.NDArray[Any], Y: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    for i in range(len(Y)):
        for k in range(len(X)):
            total = X[k, 0] * Y[i, 0]
            for c in range(1, X.shape[1]):
                total += X[k, c] * Y[i, c]
            out[k, i] = total


@_compiled
def weighted_gram(Y: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """``sum_e w_e y_e y_e'``, shape (f, f), of rows y_e, shape (e, f), and weights, shape (e,)."""
    f = Y.shape[1]
    out = np.zeros((f, f))
    for e in range(len(Y)):
        for a in range(f):
            scaled = weights[e] * Y[e, a]
            for b in range(f):
                out[a, b] += scaled * Y[e, b]
    return out
