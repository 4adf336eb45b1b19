"""Means, covariances and skewness of draws that come in blocks: each block is counted once and not kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Grouped", "Moments"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Moments:
    """Of independent units: numbers of them, means, sums of products and cubes around the means.

    Attributes:
        n: units.
        mean: shape (d,).
        co: sums of products of deviations, shape (d, d).
        third: sums of cubes of deviations, shape (d,).
    """

    n: int
    mean: Floats
    co: Floats
    third: Floats

    @classmethod
    def of(cls, x: Floats) -> Moments:
        """Of units, shape (n, d)."""
        mean = x.mean(axis=0)
        d = x - mean
        return cls(x.shape[0], mean, d.T @ d, np.einsum("ij,ij,ij->j", d, d, d))

    def __add__(self, other: Moments) -> Moments:
        """Of both together (Chan, Golub and LeVeque 1983; Pébay 2008 for the cubes)."""
        a, b, n = self.n, other.n, self.n + other.n
        delta = other.mean - self.mean
        squares, more = np.diagonal(self.co), np.diagonal(other.co)
        third = self.third + other.third + delta**3 * a * b * (a - b) / n**2 + 3 * delta * (a * more - b * squares) / n
        return Moments(n, self.mean + delta * b / n, self.co + other.co + np.outer(delta, delta) * a * b / n, third)

    def skewness(self, j: int) -> float:
        """Of one dimension; 0 where nothing varies."""
        spread = float(self.co[j, j])
        return float(self.third[j]) / self.n / (spread / self.n) ** 1.5 if spread > 0 else 0.0


@dataclass(frozen=True)
class Grouped:
    """Of draws in groups (strata, randomisations): numbers, means, sums of squares and cubes around the means.

    Attributes:
        n: shape (groups,).
        mean: shape (groups, d).
        squares, cubes: shape (groups, d).
    """

    n: Ints
    mean: Floats
    squares: Floats
    cubes: Floats

    @classmethod
    def of(cls, x: Floats, group: Ints, groups: int) -> Grouped:
        """Of draws, shape (n, d), each in a group, shape (n,)."""

        def sums(y: Floats) -> Floats:
            return np.stack([np.bincount(group, column, groups) for column in y.T], axis=1)

        n = np.bincount(group, minlength=groups)
        mean = sums(x) / np.maximum(n, 1)[:, None]
        d = x - mean[group]
        return cls(n, mean, sums(d * d), sums(d * d * d))

    def __add__(self, other: Grouped) -> Grouped:
        """Of both together."""
        n = self.n + other.n
        a, b, all_ = self.n[:, None], other.n[:, None], np.maximum(n, 1)[:, None]
        delta = other.mean - self.mean
        squares = self.squares + other.squares + delta**2 * a * b / all_
        slanted = 3 * delta * (a * other.squares - b * self.squares) / all_
        cubes = self.cubes + other.cubes + delta**3 * a * b * (a - b) / all_**2 + slanted
        return Grouped(n, self.mean + delta * b / all_, squares, cubes)

    def variance(self) -> Floats:
        """Within each group, shape (groups, d); 0 of fewer than two."""
        return np.asarray(self.squares / np.maximum(self.n - 1, 1)[:, None])
