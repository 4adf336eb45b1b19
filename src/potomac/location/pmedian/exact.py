"""Exact closing: branch and bound on the Lagrangian over what the root could not fix.

A node fixes some sites in and some out; its bound is the Lagrangian from its parent's multipliers (Beasley, European
Journal of Operational Research 21, 1985). Nodes are taken some at a time, the least bounds first, so that any number of
cores gives the same tree.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from potomac.location.pmedian.costs import Lists, counted, limited
from potomac.location.pmedian.lagrangian import FREE, IN, OUT, ascend

__all__ = ["Node", "Tree", "trimmed", "used"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]

BROAD = 1000
"""Open nodes above which the deepest is taken first, so that memory stays small."""

TOGETHER = 4
"""Nodes that are taken at a time."""

TRIED = 4
"""Candidates that are tried for each branching."""

SHORT = 20
"""Subgradient steps of such a trial."""


@dataclass
class Node:
    """A part of all answers: which sites are in and out, multipliers of its bound, and how often sites were chosen."""

    status: Bytes
    multiplier: Floats
    bound: float
    share: Floats
    rho: Floats
    depth: int = 0


def trimmed(lists: Lists, node: Node, goal: float) -> Lists:
    """Lists without the pairs that no answer below ``goal`` uses.

    Serving demand point i at c_ij above its multiplier costs the bound c_ij - lambda_i more. What is left out for this
    reason limits multipliers no longer.
    """
    cut = _cut(node, goal)
    few = limited(lists, node.status != OUT, cut)
    return few._replace(reach=np.where(cut < lists.reach, np.inf, lists.reach))


def used(lists: Lists, node: Node, goal: float) -> int:
    """How many pairs ``trimmed`` leaves."""
    return counted(lists, node.status != OUT, _cut(node, goal))


def _cut(node: Node, goal: float) -> Floats:
    """Weighted cost from which no answer below ``goal`` uses a pair, for each demand point."""
    cut = node.multiplier + max(goal - node.bound, 0.0) * (1 + 1e-9)
    return np.asarray(np.nextafter(cut + 1e-12 * np.abs(cut), np.inf))


@dataclass
class Tree:
    """Open nodes of the branch and bound.

    Attributes:
        lists: costs among what is left.
        floor: cost of the nearest candidate of each demand point.
        p: sites to open.
        value: the objective of sites, noted where it is the best.
        steps: subgradient steps a node.
    """

    lists: Lists
    floor: Floats
    p: int
    value: Callable[[Ints], float]
    steps: int = 100
    nodes: list[Node] = field(default_factory=list)
    spent: float = 0.0

    def bound(self, goal: float) -> float:
        """What no answer can be below, as long as answers of ``goal`` and more are of no interest."""
        return min([goal, *(node.bound for node in self.nodes)])

    def grow(self, goal: float, pool: ThreadPoolExecutor) -> None:
        """Take some nodes, raise their bounds, and branch where they stay below ``goal``."""
        self.nodes = [node for node in self.nodes if node.bound < goal]
        by = (
            (lambda node: (node.bound, -node.depth))
            if len(self.nodes) < BROAD
            else (lambda node: (-node.depth, node.bound))
        )
        self.nodes.sort(key=by)
        batch, self.nodes = self.nodes[:TOGETHER], self.nodes[TOGETHER:]
        size = len(self.lists.site) + 4 * (len(self.lists.start) + len(self.lists.below))
        self.spent += 0.5 * len(batch) * self.steps * size  # about nanoseconds on two cores
        for parts, met in pool.map(lambda node: self._explored(node, goal), batch):
            self.nodes += parts
            for sites in met:
                self.value(sites)

    def _explored(self, node: Node, goal: float) -> tuple[list[Node], list[Ints]]:
        """What is left of a node, nothing, one part or two, and answers that lie in it."""
        lists = trimmed(self.lists, node, goal)  # of this part of all answers: it has fewer pairs the deeper it lies
        self._raise(lists, node, goal, self.steps, 0.5)
        if node.bound >= goal:
            return [], []
        inside, free = np.flatnonzero(node.status == IN), np.flatnonzero(node.status == FREE)
        need = self.p - len(inside)
        order = np.lexsort((free, node.rho[free]))
        met = [np.sort(np.concatenate([inside, free[order[:need]]]))]
        if need in {0, len(free)}:  # only one answer is left
            return [], met
        return self._parts(trimmed(lists, node, goal), node, goal, free), met

    def _raise(self, lists: Lists, node: Node, goal: float, steps: int, theta: float) -> None:
        bound, _, _ = ascend(
            lists, node.status, self.p, node.multiplier, self.floor, goal, steps, theta, 10, node.share,
            node.rho, 0.7,
        )  # fmt: skip
        node.bound = max(node.bound, bound)

    def _parts(self, lists: Lists, node: Node, goal: float, free: Ints) -> list[Node]:
        """Two halves, by the candidate for which the worse half rises most in a few steps; one where the other is shut.

        Strong branching (Applegate, Bixby, Chvatal and Cook 1995), tried for the candidates that are chosen half of
        the time.
        """
        best: list[Node] = []
        most = (-np.inf, -np.inf)
        for at in free[np.argsort(np.abs(node.share[free] - 0.5), kind="stable")[:TRIED]].tolist():
            halves = [self._half(node, at, IN), self._half(node, at, OUT)]
            for half in halves:
                self._raise(lists, half, goal, SHORT, 0.3)
            left = [half for half in halves if half.bound < goal]
            if len(left) < 2:
                return left
            bounds = sorted(half.bound for half in halves)
            if (bounds[0], bounds[1]) > most:
                most, best = (bounds[0], bounds[1]), halves
        return best

    def _half(self, node: Node, at: int, what: int) -> Node:
        status = node.status.copy()
        status[at] = what
        return Node(status, node.multiplier.copy(), node.bound, node.share.copy(), node.rho.copy(), node.depth + 1)
