"""Boosted trees: fitted by scikit-learn, kept as plain arrays, evaluated by a compiled loop.

A contrast is a classifier of real rows against simulated ones. Its trees are grown by scikit-learn's histogram
gradient boosting on the logistic loss (Friedman 2001, Greedy function approximation: a gradient boosting machine,
The Annals of Statistics 29, 1189-1232; the histograms as in Ke et al. 2017, LightGBM). What is kept of the fit is a
:class:`Forest`: arrays, so that a model is saved without pickle and scored without scikit-learn's containers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.outliers.spans import in_spans
from potomac.stats.compiled import compiled

__all__ = ["Forest", "fit_forest"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_ROWS = 256  # rows a block: their codes and one tree stay in the first-level cache together
_TOGETHER = 8  # rows that walk down a tree side by side, so that the processor never waits for one of them
_SPAN = 4_096  # fewest rows that are worth a thread
_NUMERIC = -1
_SMALL = 2_000_000  # values; a table below is fitted on one thread
_ALMOST_INFINITE = 1e300  # the largest threshold that scikit-learn makes
_LEVELS = 256  # a categorical feature holds whole numbers below this


@dataclass(frozen=True)
class Forest:
    """Boosted trees with t trees and m nodes in all, as arrays.

    The two children of a node are neighbours: the right one is ``left + 1``. A leaf is its own left child.

    Attributes:
        feature: column that a node asks, shape (m,); 0 in leaves.
        threshold: a row goes left if its value is at most this, shape (m,).
        missing_left: where NaN goes, shape (m,).
        left: left child, shape (m,), counted over the whole forest.
        value: what a leaf adds to the log odds, shape (m,); 0 in other nodes.
        category: row of ``levels`` that a node asks in place of its threshold, or -1, shape (m,).
        levels: levels of a categorical feature that go left, as 256 bits, shape (k, 4).
        starts: first node of each tree, and m, shape (t + 1,).
        baseline: log odds before the first tree, shape (1,).
        n_features: number of columns, shape (1,).
    """

    feature: npt.NDArray[np.int32]
    threshold: Floats
    missing_left: npt.NDArray[np.bool_]
    left: npt.NDArray[np.int32]
    value: Floats
    category: npt.NDArray[np.int32]
    levels: npt.NDArray[np.uint64]
    starts: Ints
    baseline: Floats
    n_features: Ints

    @property
    def trees(self) -> int:
        """Number of trees."""
        return self.starts.size - 1

    @property
    def is_leaf(self) -> npt.NDArray[np.bool_]:
        """Which nodes are leaves, shape (m,)."""
        return np.asarray(self.left == np.arange(self.left.size))

    def log_odds(self, X: npt.ArrayLike) -> Floats:
        """Log odds of being real under the design that was fitted, shape (n,).

        Args:
            X: shape (n, p), float32 or float64 without a copy; NaN is missing, infinities are values.

        Raises:
            ValueError: ``X`` does not have the columns that were fitted.
        """
        x = np.asarray(X)
        if x.dtype not in (np.float32, np.float64):
            x = x.astype(np.float64)
        if x.ndim != 2 or x.shape[1] != self.n_features[0]:
            raise ValueError(f"X has shape {x.shape}; the forest was fitted with {self.n_features[0]} columns")
        out = np.full(x.shape[0], self.baseline[0])
        if self.levels.size:
            nodes = (self.feature, self.threshold, self.missing_left, self.left, self.value, self.category, self.levels)
            in_spans(len(x), lambda a, b: _walk_plain(x[a:b], *nodes, self.starts, out[a:b]), _SPAN)
        else:
            coded = self._coded
            in_spans(len(x), lambda a, b: _walk_coded(x[a:b], *coded, self.value, self.starts, out[a:b]), _SPAN)
        return out

    @cached_property
    def _coded(self) -> tuple[Floats, Ints, npt.NDArray[np.uint64]]:
        """Thresholds by feature, their edges, and the nodes as 64 bits each (see ``_step``)."""
        leaf = self.is_leaf
        p = int(self.n_features[0])
        by_feature = [np.unique(self.threshold[~leaf & (self.feature == j)]) for j in range(p)]
        edges = np.concatenate([[0], np.cumsum([t.size for t in by_feature])]).astype(np.int64)
        code = np.full(leaf.size, 255, np.uint64)
        for j, thresholds in enumerate(by_feature):
            asks = ~leaf & (self.feature == j)
            code[asks] = np.searchsorted(thresholds, self.threshold[asks]) + self.missing_left[asks]
        shift = (~leaf & ~self.missing_left).astype(np.uint64)
        nodes = self.left.astype(np.uint64) | (self.feature.astype(np.uint64) << np.uint64(32))
        nodes |= (code << np.uint64(48)) | (shift << np.uint64(56)) | (leaf.astype(np.uint64) << np.uint64(57))
        return np.concatenate([*by_feature, np.empty(0)]), edges, nodes

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The forest as named arrays, for ``numpy.savez`` or Arrow."""
        return self.__getstate__()

    @classmethod
    def mean(cls, forests: Sequence[Forest]) -> Forest:
        """One forest whose log odds are the mean of those of ``forests``, which ask the same columns.

        Made for single rows: it walks by the thresholds themselves, for which it needs no codes.
        """
        nodes = np.cumsum([0, *(one.left.size for one in forests)])
        rows = np.cumsum([0, *(len(one.levels) for one in forests)])
        category = [np.where(f.category < 0, _NUMERIC, f.category + rows[i]) for i, f in enumerate(forests)]
        levels = np.concatenate([f.levels for f in forests])
        return cls(
            feature=np.concatenate([f.feature for f in forests]),
            threshold=np.concatenate([f.threshold for f in forests]),
            missing_left=np.concatenate([f.missing_left for f in forests]),
            left=np.concatenate([f.left + nodes[i] for i, f in enumerate(forests)]).astype(np.int32),
            value=np.concatenate([f.value for f in forests]) / len(forests),
            category=np.concatenate(category).astype(np.int32),
            levels=levels if len(levels) else np.zeros((1, _LEVELS // 64), np.uint64),  # which no node asks
            starts=np.concatenate([*(f.starts[:-1] + nodes[i] for i, f in enumerate(forests)), nodes[-1:]]),
            baseline=np.mean([f.baseline for f in forests], axis=0),
            n_features=forests[0].n_features,
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.ArrayLike]) -> Forest:
        """The forest that :meth:`to_arrays` gave.

        Raises:
            ValueError: an array is missing, or the arrays are not those of a forest.
        """
        missing = [name for name in _DTYPES if name not in arrays]
        if missing:
            raise ValueError(f"not a forest: no array {missing[0]!r}")
        forest = cls(**{name: np.asarray(arrays[name], dtype) for name, dtype in _DTYPES.items()})
        forest._check()
        return forest

    def _check(self) -> None:
        """Refuse arrays on which the compiled loops would read outside or walk in a ring."""
        m, here = self.left.size, np.arange(self.left.size)
        nodes = (self.feature, self.threshold, self.missing_left, self.value, self.category)
        leaf = self.is_leaf
        sound = (
            all(a.shape == (m,) for a in nodes)
            and self.baseline.shape == self.n_features.shape == (1,)
            and self.levels.ndim == 2
            and self.levels.shape[1] == _LEVELS // 64
            and self.starts.ndim == 1
            and self.starts.size > 0
            and self.starts[0] == 0
            and self.starts[-1] == m
            and bool(np.all(np.diff(self.starts) > 0))
            and bool(np.all((self.feature >= 0) & (self.feature < self.n_features[0])))
            and bool(np.all(leaf | ((self.left > here) & (self.left < m - 1))))
            and bool(np.all((self.category >= _NUMERIC) & (self.category < max(len(self.levels), 1))))
            and bool(np.all(self.category < len(self.levels)))
        )
        if not sound:
            raise ValueError("not a forest: its arrays do not fit together")


_DTYPES: dict[str, type[np.generic]] = {
    "feature": np.int32,
    "threshold": np.float64,
    "missing_left": np.bool_,
    "left": np.int32,
    "value": np.float64,
    "category": np.int32,
    "levels": np.uint64,
    "starts": np.int64,
    "baseline": np.float64,
    "n_features": np.int64,
}


def fit_forest(
    X: npt.ArrayLike,
    real: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    iterations: int = 100,
    leaves: int = 31,
    learning_rate: float = 0.1,
    min_leaf: int = 20,
    l2: float = 0.0,
    features_per_split: float = 1.0,
    seed: int = 0,
    categorical: Sequence[int] | None = None,
    early_stopping: bool = False,
    threads: int | None = None,
) -> Forest:
    """Boosted trees for real rows against simulated ones. The same seed gives the same bits on any number of threads.

    Args:
        X: shape (n, p); NaN is missing.
        real: 1 for real rows and 0 for fakes, shape (n,).
        weight: weight of each row, shape (n,); None is 1 each.
        iterations: number of trees, or the most of them with ``early_stopping``.
        leaves: most leaves of a tree.
        learning_rate: shrinkage of each tree (Friedman 2001, section 5).
        min_leaf: fewest rows in a leaf.
        l2: penalty on the square of the leaf values.
        features_per_split: share of the features, drawn anew for each split.
        seed: for the draws of features, of rows for the histograms' bins, and of the rows held out.
        categorical: columns whose values are levels: whole numbers from 0 to 254, or NaN.
        early_stopping: hold out a tenth of the rows and stop when their loss no longer falls.

        threads: threads of the fit; default one for a small table and as many as there are cores for others.

    Raises:
        ValueError: shapes do not fit, only one class is there, or a level is not a whole number from 0 to 254.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    x, y = np.asarray(X), np.asarray(real).astype(bool)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"X {x.shape} and real {y.shape} must share their first dimension")
    if y.all() or not y.any():
        raise ValueError(f"a contrast needs real and fake rows; found {int(y.sum())} real and {int((~y).sum())} fake")
    columns = _categorical_columns(x, categorical)
    if np.isinf(x).any():  # the bins' quantiles are differences, which infinities would make NaN; the order stays
        x = np.clip(x.astype(np.float64), -_ALMOST_INFINITE, _ALMOST_INFINITE)
    blank = np.isnan(x).all(axis=0)
    if blank.any():  # a column without any value has no bins; a constant one asks nothing
        x = np.where(blank, x.dtype.type(0), x)
    model = HistGradientBoostingClassifier(
        max_iter=iterations,
        max_leaf_nodes=leaves,
        learning_rate=learning_rate,
        min_samples_leaf=min_leaf,
        l2_regularization=l2,
        max_features=features_per_split,
        categorical_features=columns or None,
        early_stopping=early_stopping,
        random_state=seed,
    )
    # threads wait for each other at each node; on a busy machine that costs a small fit many times what it gains
    with threadpool_limits(threads or (1 if x.size < _SMALL else None), user_api="openmp"):
        model.fit(x, y, sample_weight=None if weight is None else np.asarray(weight, float))
    return _extract(model, x, columns)


def _categorical_columns(x: npt.NDArray[Any], categorical: Sequence[int] | None) -> list[int]:
    columns = sorted({int(j) for j in categorical or ()})
    for j in columns:
        known = x[:, j][~np.isnan(x[:, j])]
        if np.any((known < 0) | (known > _LEVELS - 2) | (known != np.floor(known))):
            raise ValueError(f"column {j} is categorical; its levels must be whole numbers from 0 to {_LEVELS - 2}")
    return columns


def _extract(model: Any, x: npt.NDArray[Any], columns: list[int]) -> Forest:
    """The trees of a fitted ``HistGradientBoostingClassifier``; ``columns`` are its categorical features."""
    # scikit-learn puts categorical features first and numbers the levels it has seen
    order = np.array(columns + [j for j in range(x.shape[1]) if j not in set(columns)], np.int32)
    seen = [np.unique(x[:, j][~np.isnan(x[:, j])]).astype(int) for j in columns]
    trees, levels, start, known = [], [], 0, 0
    for (predictor,) in model._predictors:
        tree, words = _extract_tree(predictor, order, seen)
        tree["left"] += start
        tree["category"][tree["category"] >= 0] += known
        start, known = start + len(tree["left"]), known + len(words)
        trees.append(tree)
        levels.append(words)
    sizes = [len(tree["left"]) for tree in trees]
    nodes = {name: np.concatenate([tree[name] for tree in trees]).astype(_DTYPES[name]) for name in trees[0]}
    return Forest(
        **nodes,
        levels=np.concatenate(levels),
        starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        baseline=np.asarray(model._baseline_prediction, np.float64).reshape(1),
        n_features=np.array([x.shape[1]], np.int64),
    )


def _extract_tree(
    predictor: Any, order: npt.NDArray[np.int32], seen: list[Ints]
) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.uint64]]:
    """One tree, level by level, with its nodes counted from 0 and siblings side by side."""
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    inner = np.flatnonzero(~leaf)
    inner = inner[np.argsort(nodes["depth"][inner], kind="stable")]
    place = np.zeros(len(nodes), np.int64)
    place[nodes["left"][inner]] = 1 + 2 * np.arange(inner.size)
    place[nodes["right"][inner]] = 2 + 2 * np.arange(inner.size)
    back = np.argsort(place)
    nodes, leaf = nodes[back], leaf[back]
    by_level = ~leaf & nodes["is_categorical"].astype(bool)
    asked = np.where(leaf, 0, nodes["feature_idx"])
    tree = {
        "feature": np.where(leaf, 0, order[asked]),
        "threshold": np.where(leaf | by_level, 0.0, nodes["num_threshold"]),
        "missing_left": ~leaf & nodes["missing_go_to_left"].astype(bool),
        "left": np.where(leaf, np.arange(leaf.size), place[nodes["left"]]),
        "value": np.where(leaf, nodes["value"], 0.0),
        "category": np.where(by_level, np.cumsum(by_level) - 1, _NUMERIC),
    }
    words = [
        _left_levels(predictor.raw_left_cat_bitsets[node["bitset_idx"]], seen[node["feature_idx"]], bool(missing))
        for node, missing in zip(nodes[by_level], tree["missing_left"][by_level], strict=True)
    ]
    return tree, np.array(words, np.uint64).reshape(-1, _LEVELS // 64)


def _left_levels(bits: npt.NDArray[np.uint32], seen: Ints, missing_left: bool) -> npt.NDArray[np.uint64]:
    """The levels that go left, in the caller's numbers; one that was never seen goes where missing goes."""
    left = np.full(_LEVELS, missing_left)
    numbered = np.unpackbits(np.ascontiguousarray(bits, np.uint32).view(np.uint8), bitorder="little")
    left[seen] = numbered[: seen.size]
    return np.packbits(left, bitorder="little").view(np.uint64)


@compiled()
def _code(X: Any, first: int, last: int, thresholds: Floats, edges: Ints, codes: npt.NDArray[np.uint8]) -> None:
    """Code of a value: 0 if missing, else 1 + the number of its feature's thresholds below it."""
    for j in range(X.shape[1]):
        for i in range(first, last):
            x = X[i, j]
            if np.isnan(x):
                codes[i - first, j] = 0
                continue
            low, size = edges[j], edges[j + 1] - edges[j]
            while size > 0:
                half = size >> 1
                if thresholds[low + half] < x:
                    low += half + 1
                    size -= half + 1
                else:
                    size = half
            codes[i - first, j] = 1 + low - edges[j]


@compiled(inline="always")
def _step(node: Any, codes: npt.NDArray[np.uint8], i: int) -> Any:
    """The child of a node for row i, without a branch.

    A node is 64 bits: left child (32), feature (16), code of the threshold (8), shift (1), is leaf (1). Where missing
    goes left, code 0 is below all thresholds already. Where it goes right, all codes are shifted down by one and
    0 becomes 255. A leaf has code 255 and no shift, so that it steps to itself.
    """
    code = np.int64(codes[i, np.int64((node >> np.uint64(32)) & np.uint64(0xFFFF))])
    code = (code - np.int64((node >> np.uint64(56)) & np.uint64(1))) & 255
    right = code > np.int64((node >> np.uint64(48)) & np.uint64(0xFF))
    return np.int64(node & np.uint64(0xFFFFFFFF)) + np.int64(right)


@compiled(nogil=True)
def _walk_coded(
    X: Any, thresholds: Floats, edges: Ints, nodes: npt.NDArray[np.uint64], value: Floats, starts: Ints, out: Floats
) -> None:
    """Add the trees to ``out``: blocks of rows, in them the trees one by one, eight rows side by side."""
    n = X.shape[0]
    for block in range((n + _ROWS - 1) // _ROWS):
        first = block * _ROWS
        last = min(n, first + _ROWS)
        codes = np.zeros((_ROWS, X.shape[1]), np.uint8)
        _code(X, first, last, thresholds, edges, codes)
        total = np.zeros(_ROWS)
        for tree in range(starts.size - 1):
            for i in range(0, last - first, _TOGETHER):
                a = b = c = d = e = f = g = h = starts[tree]
                while True:
                    na, nb, nc, nd = nodes[a], nodes[b], nodes[c], nodes[d]
                    ne, nf, ng, nh = nodes[e], nodes[f], nodes[g], nodes[h]
                    if (na & nb & nc & nd & ne & nf & ng & nh) >> np.uint64(57):
                        break
                    a, b = _step(na, codes, i), _step(nb, codes, i + 1)
                    c, d = _step(nc, codes, i + 2), _step(nd, codes, i + 3)
                    e, f = _step(ne, codes, i + 4), _step(nf, codes, i + 5)
                    g, h = _step(ng, codes, i + 6), _step(nh, codes, i + 7)
                total[i] += value[a]
                total[i + 1] += value[b]
                total[i + 2] += value[c]
                total[i + 3] += value[d]
                total[i + 4] += value[e]
                total[i + 5] += value[f]
                total[i + 6] += value[g]
                total[i + 7] += value[h]
        for i in range(last - first):
            out[first + i] += total[i]


@compiled()
def _goes_left(x: Any, level_bits: npt.NDArray[np.uint64], missing_left: bool) -> bool:
    if not 0.0 <= x < _LEVELS:
        return missing_left
    level = np.uint64(x)
    return bool((level_bits[level >> np.uint64(6)] >> (level & np.uint64(63))) & np.uint64(1))


@compiled(nogil=True)
def _walk_plain(
    X: Any, feature: npt.NDArray[np.int32], threshold: Floats, missing_left: npt.NDArray[np.bool_],
    left: npt.NDArray[np.int32], value: Floats, category: npt.NDArray[np.int32], levels: npt.NDArray[np.uint64],
    starts: Ints, out: Floats,
) -> None:  # fmt: skip
    """Add the trees to ``out``, levels of categorical features included."""
    n = X.shape[0]
    for block in range((n + _ROWS - 1) // _ROWS):
        first = block * _ROWS
        last = min(n, first + _ROWS)
        total = np.zeros(_ROWS)
        for tree in range(starts.size - 1):
            for i in range(first, last):
                k = np.int64(starts[tree])
                while left[k] != k:
                    x = X[i, feature[k]]
                    if category[k] >= 0:
                        go_left = _goes_left(x, levels[category[k]], missing_left[k])
                    else:
                        go_left = missing_left[k] if np.isnan(x) else x <= threshold[k]
                    k = left[k] if go_left else left[k] + 1
                total[i - first] += value[k]
        for i in range(last - first):
            out[first + i] += total[i]
