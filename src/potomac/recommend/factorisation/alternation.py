"""Alternating least squares over a whole matrix: the two sides in turn, the rows of each shared out to threads.

The parts in which the rows are worked through, and so the order of all sums, depend on the matrix alone and not on the
number of threads: the same numbers come out of one core and of two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from potomac.recommend.factorisation import half_steps
from potomac.recommend.factorisation.tiles import LANES, aligned, multiplied
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.threads import shared_out

__all__ = [
    "CONFIDENCE",
    "SOLVERS",
    "Alternation",
    "Confidence",
    "Side",
    "Solver",
    "Weights",
    "folded",
    "gram_of",
    "loss",
    "wide",
    "zeros",
]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = npt.NDArray[np.int32]

Solver = Literal["exact", "cg", "ials++"]
SOLVERS: tuple[Solver, ...] = ("exact", "cg", "ials++")
Confidence = Literal["linear", "log", "binary"]
CONFIDENCE: tuple[Confidence, ...] = ("linear", "log", "binary")

PARTS = 128
"""Parts into which the rows of a side are cut, at most."""
ROW = 64
"""Work for a row itself, in entries."""
STRIPE = 1 << 14
"""Rows of a part of a sum over all rows."""
LONGEST = 256
"""Entries up to which conjugate gradients are the faster."""
SWEEPS = 30
"""Sweeps of rotations at most; five to ten are usual."""


@dataclass(frozen=True)
class Weights:
    """What the loss weighs: confidence 1 + alpha r, and the penalty lambda (confidence of the row)^power."""

    alpha: float
    regularization: float
    power: float
    confidence: Confidence

    def strengths(self, values: Floats) -> Floats:
        """Strengths of entries times alpha; all in one number, shape (1,), where they are the same."""
        r = np.sign(values) if self.confidence == "binary" else values
        if len(r) and r.min() == r.max():
            r = r[:1]
        if self.confidence == "log":
            r = np.sign(r) * np.log1p(np.abs(r))
        return np.asarray(np.float32(self.alpha) * r, np.float32)


@dataclass(frozen=True, eq=False)
class Side:
    """The entries of the rows of one side, and the number of rows of the other.

    Attributes:
        indptr: shape (rows + 1,).
        indices: shape (nnz,).
        strengths: as of :meth:`Weights.strengths`.
        others: rows of the other side.
    """

    indptr: Ints
    indices: Columns
    strengths: Floats
    others: int

    @property
    def step(self) -> int:
        """From one entry's strength to the next's."""
        return int(len(self.strengths) == len(self.indices))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    def edges(self) -> list[int]:
        """Where to cut the rows so that the parts are about as much work."""
        work = self.indptr + ROW * np.arange(len(self.indptr))
        goals = np.linspace(0, work[-1], min(PARTS, 1 + self.rows // 64) + 1)
        return np.unique(np.searchsorted(work, goals)).tolist()  # type: ignore[no-any-return]

    def turned(self) -> Side:
        """The same entries by the other side."""
        starts, rows, strengths = half_steps.turned(
            self.indptr, self.indices, self.strengths, self.step, self.others
        )  # fmt: skip
        return Side(starts, rows, strengths, self.rows)


def summed(work: Callable[[int, int], tuple[float, float]], edges: list[int]) -> tuple[float, float]:
    """Sums of what ``work(first, last)`` gives for each part, in the order of the parts."""
    found: dict[int, tuple[float, float]] = {}

    def one(first: int, last: int) -> None:
        found[first] = work(first, last)

    shared_out(one, edges)
    sums = [found[first] for first in sorted(found)]
    return sum(one for one, _ in sums), sum(other for _, other in sums)


def zeros(rows: int, columns: int) -> Floats:
    """A matrix of zeros that begins at a multiple of 64 bytes, in memory that NumPy gets: it asks for large pages."""
    long = np.empty(rows * columns + LANES, np.float32)
    skipped = (-(long.ctypes.data // 4)) % LANES
    found = long[skipped : skipped + rows * columns].reshape(rows, columns)
    found[:] = 0
    return found


def wide(factors: int) -> int:
    """Width of a matrix of so many factors: whole vectors."""
    return -(-factors // LANES) * LANES


def folded(side: Side, Y: Floats, G: Floats, weights: Weights) -> Floats:
    """The best factors of people by their entries, shape (k, width); Y and G as of a half-step."""
    X = zeros(side.rows, Y.shape[1])
    given = (
        side.indptr, side.indices, side.strengths, side.step, Y, G, weights.regularization, weights.power,
        side.others, X,
    )  # fmt: skip
    summed(lambda first, last: half_steps.exact(first, last, *given), side.edges())
    return X


def gram_of(Y: Floats, factors: int) -> Floats:
    """Y'Y, shape (f, f); columns from ``factors`` on are empty and have a 1 on the diagonal."""
    edges = [*range(0, len(Y), STRIPE), len(Y)]
    found: dict[int, Doubles] = {}

    def one(first: int, last: int) -> None:
        found[first] = half_steps.gram(Y, first, last)

    shared_out(one, edges)
    upper = sum((found[first] for first in sorted(found)), np.zeros((Y.shape[1],) * 2))
    full = upper + np.triu(upper, 1).T
    full[range(factors, len(full)), range(factors, len(full))] = 1
    out = aligned(*full.shape)
    out[:] = full
    return out


def loss(side: Side, X: Floats, Y: Floats, weights: Weights) -> float:
    """The loss of Hu, Koren and Volinsky (2008), its sums in double precision.

    Sum over all pairs of c_ui (p_ui - x_u'y_i)^2, and over all rows of lambda_u |x_u|^2 and lambda_i |y_i|^2.

    Args:
        side: entries of the users.
        X, Y: factors of users and items, shapes (m, f) and (n, f).
        weights: of the loss.
    """
    G = Y.T.astype(float) @ Y.astype(float)
    squares, misses = summed(
        lambda a, b: half_steps.misses(a, b, side.indptr, side.indices, side.strengths, side.step, X, Y, G),
        side.edges(),
    )
    penalties = 0.0
    for rows, Z in ((side, X), (side.turned(), Y)):
        penalties += half_steps.penalty(
            rows.indptr, rows.strengths, rows.step, weights.regularization, weights.power, rows.others,
            np.ascontiguousarray(Z),
        )  # fmt: skip
    return squares + misses + penalties


@dataclass(eq=False)
class Alternation:
    """Factors on their way.

    Attributes:
        users, items: the entries by side.
        weights: of the loss.
        solver: how a half-step is done.
        X, Y: factors of users and items; their width is a multiple of LANES, columns from ``factors`` on are 0.
        steps: conjugate gradients' steps in a half-step.
        block: coordinates at a time in iALS++.
    """

    users: Side
    items: Side
    weights: Weights
    solver: Solver
    factors: int
    X: Floats
    Y: Floats
    steps: int = 3
    block: int = 64
    constant: float = field(init=False)

    def __post_init__(self) -> None:
        side = self.users
        self.constant = half_steps.wanted(side.strengths, side.step, len(side.indices))

    @classmethod
    def of(
        cls, known: Interactions, weights: Weights, solver: Solver, factors: int, rng: np.random.Generator,
        steps: int = 3, block: int = 64,
    ) -> Alternation:  # fmt: skip
        """At the start: items at random, users at their best."""
        users = Side(known.indptr, known.indices, weights.strengths(known.values), known.n_items)
        X, Y = zeros(known.n_users, wide(factors)), zeros(known.n_items, wide(factors))
        Y[:, :factors] = rng.standard_normal((known.n_items, factors), np.float32) * np.float32(0.1 / factors**0.5)
        made = cls(users, users.turned(), weights, solver, factors, X, Y, steps, block)
        made.half(users=True)
        return made

    def epoch(self) -> float:
        """Items, then users; the loss after that."""
        _, of_items = self.half(users=False)
        of_users, _ = self.half(users=True)
        return self.constant + of_users + of_items

    def half(self, *, users: bool, solver: Solver | None = None) -> tuple[float, float]:
        """One half-step; sums over its rows of the loss without its constant and of the penalties."""
        side, X, Y = (self.users, self.X, self.Y) if users else (self.items, self.Y, self.X)
        how = solver or self.solver
        G = self._turn(gram_of(Y, self.factors)) if how == "cg" else gram_of(Y, self.factors)
        weights = self.weights
        given = (
            side.indptr, side.indices, side.strengths, side.step, Y, G, weights.regularization, weights.power,
            side.others, X,
        )  # fmt: skip

        def work(first: int, last: int) -> tuple[float, float]:
            if how == "exact":
                return half_steps.exact(first, last, *given)
            if how == "cg":
                return half_steps.conjugate(first, last, *given, self.steps, LONGEST)
            return half_steps.blockwise(first, last, *given, block)

        block = wide(min(self.block, self.factors))
        return summed(work, side.edges())

    def _turn(self, G: Floats) -> Floats:
        """Turn the coordinates of both sides to those in which G is diagonal; G in them."""
        f = self.factors
        found, rotation = half_steps.diagonal(G[:f, :f].astype(float), SWEEPS)
        Q = aligned(*G.shape)
        Q[:] = np.eye(len(G))
        Q[:f, :f] = rotation
        for Z in (self.X, self.Y):
            shared_out(partial(multiplied, Z, Q), [*range(0, len(Z), STRIPE), len(Z)])
        out = aligned(*G.shape)
        out[:] = np.eye(len(G))
        out[:f, :f] = np.diag(np.diagonal(found))
        return out
