"""The ladder of a p-median: sampled greedy starts, interchange, an iterated search beside a Lagrangian, and closing.

What the Lagrangian leaves open is closed by branch and bound or, for many sites, by the radius formulation. Large
problems of points begin with groups of them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from numba import get_num_threads

from potomac.location.asked import Asked, Met
from potomac.location.highs import Clock
from potomac.location.placement import rounding
from potomac.location.pmedian.costs import (
    MATRIX,
    Lists,
    Source,
    all_pairs,
    assigned,
    between,
    expected,
    limited,
    nearest_pairs,
    reaching,
    second,
)
from potomac.location.pmedian.exact import Node, Tree, trimmed, used
from potomac.location.pmedian.interchange import State, greedy, improve, opened, total, wander
from potomac.location.pmedian.lagrangian import FREE, IN, OUT, ascend
from potomac.location.pmedian.large import NEAR, ROUGH, Fine, coarse_of
from potomac.location.pmedian.radius import by_radius
from potomac.stats.compiled import compiled
from potomac.stats.streams import Stream

__all__ = ["Ladder"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]

SMALL = 4_000_000
"""Pairs of demand points and candidates up to which all are listed."""

PAIRS = 25_000_000
"""Pairs that lists may hold (24 bytes each)."""

SAMPLE = 2_500
"""Demand points and candidates from which a first answer to a large problem is made."""

STARTS = 4
"""Greedy starts."""

FIRST = 5e7
"""Work (about ns) that branch and bound has before the radius formulation is tried, at least."""

EACH = 1e4
"""Work (about ns) a pair that it has besides."""

SOON = 2e8
"""Work (about ns) after which the search goes on beside branch and bound."""

CLOSED = 3_000_000
"""Pairs up to which branch and bound is tried."""

CHAINS = 250_000
"""Pairs up to which it is."""

FILLED = 2e9
"""Costs that are looked at to complete a start, at most."""

LEFT = 10_000
"""Candidates up to which those that are left are listed; 30 a site where that is more."""

LISTED = 10_000_000
"""Pairs up to which they are among groups, and without being cut short among all points."""

EXACT = 2.0**30
"""Whole objectives up to this tell a bound from the next whole number."""

LITTLE = 0.01
"""Part of what is missing to the goal that a stretch of steps has to gain for another."""

ROOM = 16
"""Equal answers kept from each stretch of the search."""


class Ladder:
    """The state of a search: the best answers, the bound, and what they are made of.

    Args:
        source: costs and weights.
        ask: what is asked.
        allowed: which candidates may be sites, (m,).
        clock: time left.
        gap: relative gap that is near enough.
        seed: of the draws.
    """

    def __init__(self, source: Source, ask: Asked, allowed: Bools, clock: Clock, gap: float, seed: int) -> None:
        self.source, self.ask, self.allowed, self.clock, self.gap = source, ask, allowed, clock, gap
        self.seed = seed
        self.p = ask.p or 1
        self.met = Met()
        self.stream = Stream(seed, ("location", "p_median"))
        self._whole = _whole(source)
        self.served = False
        self.start: Ints | None = None
        self.sought: float | None = None

    def begun_with(self, sites: Ints) -> None:
        """Take sites as a start: those that may be, filled up to p where they are fewer, each the best to add."""
        sites = np.union1d(self.ask.fixed, sites[self.allowed[sites]])
        if len(sites) == len(self.ask.fixed):
            return
        drop = np.setdiff1d(sites, self.ask.fixed)[max(0, self.ask.more) :]
        sites = np.setdiff1d(sites, drop)
        if (self.p - len(sites)) * len(self.source.weight) * len(self.ask.free) > FILLED:
            return
        while len(sites) < self.p:
            near = np.minimum(assigned(self.source, sites)[1], self.source.far)
            free = np.setdiff1d(self.ask.free, sites)
            sites = np.union1d(sites, free[np.argmin(_one_more(self.source, free, near))])
        self.start = sites
        self.offer(sites)

    def offer(self, sites: Ints | Int32s) -> float:
        """Note an answer; its objective (``far`` more for each demand point that is not served)."""
        _, what = assigned(self.source, np.sort(np.asarray(sites, dtype=np.int64)))
        served = np.isfinite(what)
        value = float(what[served].sum() + self.source.far * (~served).sum())
        if value < self.met.objective or not self.met.any:
            self.served = bool(served.all())
        self.met.offer(sites.astype(np.int64), value)
        return value

    def every_one(self) -> float:
        """One site more than the fixed: all are looked at."""
        near = np.full(len(self.source.weight), self.source.far)
        if len(self.ask.fixed):
            near = np.minimum(assigned(self.source, self.ask.fixed)[1], self.source.far)
        values = _one_more(self.source, self.ask.free, near)
        least = float(values.min())
        for j in self.ask.free[values <= least + rounding(least)][:1000]:
            self.offer(np.sort(np.append(self.ask.fixed, j)))
        return self.met.objective

    @property
    def whole(self) -> bool:
        """Whether objectives are whole numbers, and so small that a bound is told from the next."""
        return self._whole and abs(self.met.objective) <= EXACT

    @property
    def tolerance(self) -> float:
        """Least difference of objectives that counts."""
        return 1e-10 * abs(self.met.objective)

    @property
    def goal(self) -> float:
        """A bound of this proves the best answer, or comes as near as was asked."""
        best = self.met.objective
        if self.sought is not None:
            return self.sought
        exact = best - 1.0 + 1e-6 if self.whole else best - 0.5e-9 * abs(best)
        return min(exact, best - self.gap * (1.0 - 1e-9) * abs(best)) if self.gap > 0 else exact

    def stated(self, bound: float) -> float:
        """The bound as it may be stated: whole objectives round it up.

        Sites are fixed for answers below the goal, so that nothing is known of those above it.
        """
        best, bound = self.met.objective, min(bound, self.goal)
        if self.whole and np.isfinite(bound):
            bound = float(np.ceil(bound - 5e-7))  # the goal lies 1e-6 above the whole number below the best
        return best if bound >= best - 0.6e-9 * abs(best) else bound

    def run(self) -> float:
        """Search and bound until they meet or time is over; the bound."""
        self.clock.tell("placing sites: first answers")
        lists, state = self._begin()
        with ThreadPoolExecutor(2) as pool:
            return self.stated(self._bounded(lists, state, pool))

    def _bounded(self, lists: Lists, state: State, pool: ThreadPoolExecutor, node: Node | None = None) -> float:
        """Search and bound with lists, from multipliers that are known or not; the bound."""
        node = self._root(lists, state, pool, node)
        bound = node.bound
        if self.served and bound < self.goal and not self.clock.over():
            bound = max(bound, self._close(lists, node, pool))
        return bound

    def large(self) -> float:
        """Search among groups of points, then move sites and bound among all of them; the bound."""
        few = coarse_of(self.source, self.ask)
        allowed = np.zeros(len(few.names), bool)
        allowed[few.ask.allowed] = True
        clock = Clock(0.3 * self.clock.left(), self.clock.progress)
        coarse = Ladder(few.source, few.ask, allowed, clock, 0.3 * self.gap, self.seed)
        with ThreadPoolExecutor(get_num_threads()) as pool:
            node = coarse._root(*coarse._begin(), pool)
            fine = Fine(self.source, self.ask, self.offer, self.clock, pool)
            fine.moved(few.names[coarse.met.sites])
            fine.known(few.source.rows, node.multiplier / np.maximum(few.source.weight, 1e-300))
            bound = -np.inf
            for level in fine.levels():
                bound = max(bound, self._level(fine, level, pool))
                if bound >= self.goal or self.clock.over():
                    break
            while bound < self.goal and self.clock.left() > 1.0:
                coarse.clock = Clock(0.5 * self.clock.left(), self.clock.progress)
                if coarse._wandered():
                    fine.moved(few.names[coarse.met.sites])
        return self.stated(bound)

    def _level(self, fine: Fine, source: Source, pool: ThreadPoolExecutor) -> float:
        """Raise the bound among groups, or all points, until what it leaves can be listed, and go on with lists."""
        last = source is self.source
        best = float(assigned(source, fine.sites)[1].sum())
        # what groups leave out is about the same in objective and bound
        enough = min(self.goal, best - max(0.5 * (self.met.objective - best), ROUGH * abs(best)))
        ascent, share = fine.begun(source), 1.0 if last else 0.4
        until = (1.0 - share) * self.clock.left()
        while True:
            part = self._listed(fine, source)
            if part is not None:
                return max(ascent.bound, self._among(part, fine, source, pool))
            fine.climbed(ascent, best, self.goal, share)
            near = ascent.bound >= self.goal or (ascent.bound >= enough and not last)
            if near or ascent.theta < NEAR or self.clock.left() <= until:
                return ascent.bound

    def _listed(self, fine: Fine, source: Source) -> tuple[Ints, Floats] | None:
        """The candidates that are left, and how far they are to be listed; None where that is too much."""
        keep = fine.status != OUT
        keep[self.met.sites] = True
        names = np.flatnonzero(keep)
        last = source is self.source
        if len(names) > max(LEFT, 30 * self.p) and not last:
            return None
        node = fine.node(source, names)
        near = second(source, self.met.sites)
        near = np.where(np.isfinite(near), near, 0.0)
        for factor in (1.6, 1.25, 1.0):
            reach = np.maximum(1.1 * node.multiplier, factor * near)
            pairs = expected(source, keep, reach)
            if pairs <= LISTED:
                break
        return (names, reach) if pairs <= (PAIRS if last else LISTED) else None

    def _among(self, part: tuple[Ints, Floats], fine: Fine, source: Source, pool: ThreadPoolExecutor) -> float:
        """Search and bound among candidates that are left; the bound, which is no more than the goal."""
        names, reach = part
        last = source is self.source
        fixed = np.searchsorted(names, self.ask.fixed)
        ask = Asked(fixed, np.setdiff1d(np.arange(len(names)), fixed), self.ask.p)
        clock = Clock((1.0 if last else 0.4) * self.clock.left(), self.clock.progress)
        few = source._replace(columns=np.ascontiguousarray(source.columns[names]))
        search = Ladder(few, ask, np.ones(len(names), bool), clock, self.gap, self.seed)
        search.sought = None if last else self.goal
        lists = reaching(few, search.allowed, reach)
        state = opened(few, lists, np.searchsorted(names, self.met.sites), fixed, search.allowed)
        search._mended(lists, state)
        node = fine.node(source, names)
        bound = search._bounded(lists, state, pool, node) if last else search._root(lists, state, pool, node).bound
        for sites in (search.met.sites, *search.met.equal):
            self.offer(names[sites])
        fine.took(source, names, node)
        return min(bound, search.goal)

    def _wandered(self) -> bool:
        """Go on with the iterated search until the time is up; whether that found a better answer."""
        before = self.met.objective
        while not self.clock.over():
            self.clock.tell(f"placing sites: {self.met.objective:.6g}, a better one is sought", 0.9)
            for sites in self.wanderer.go(self.tolerance):
                self.offer(sites)
        return self.met.objective < before - self.tolerance

    def _begin(self) -> tuple[Lists, State]:
        """Lists, and the best of some greedy starts after interchange."""
        source, n, m = self.source, len(self.source.weight), len(self.allowed)
        if n * m <= SMALL:
            lists = all_pairs(source, self.allowed)
            return lists, self._started(lists, start=self.start)
        first = self._sampled() if self.start is None else self.start
        state = opened(source, _empty(n, m), first, self.ask.fixed, self.allowed)
        factor = 1.6
        while True:
            lists = reaching(source, self.allowed, np.where(state.a2 >= 0, factor * state.d2, np.inf))
            if len(lists.site) <= PAIRS or factor < 0.5:
                break
            factor *= 0.8
        state = opened(source, lists, first, self.ask.fixed, self.allowed)
        self._mended(lists, state)
        return lists, state

    def _sampled(self) -> Ints:
        """An answer from a sample of demand points and candidates."""
        source, p, m = self.source, self.p, len(self.allowed)
        draw = self.stream.child("sample").generator()
        rows = np.flatnonzero(source.weight > 0)
        if len(rows) > SAMPLE + 6 * p:
            rows = np.sort(draw.choice(rows, SAMPLE + 6 * p, replace=False))
        some = self.allowed.copy()
        if m > SAMPLE + 6 * p:
            some[:] = False
            some[
                draw.choice(np.flatnonzero(self.allowed), min(SAMPLE + 6 * p, int(self.allowed.sum())), replace=False)
            ] = True
            some[self.ask.fixed] = True
        few = source._replace(
            weight=source.weight[rows],
            matrix=np.ascontiguousarray(source.matrix[rows]) if source.kind == MATRIX else source.matrix,
            rows=source.rows if source.kind == MATRIX else source.rows[rows],
        )
        k = int(6 * some.sum() / p) + 30
        if source.kind == MATRIX or np.isfinite(source.radius):
            lists = all_pairs(few, some)
        else:
            lists = nearest_pairs(few, some, np.arange(len(rows)), k)
        kept = self.source
        self.source = few
        try:
            state = self._started(lists, some)
        finally:
            self.source = kept
        return np.sort(state.sites).astype(np.int64)

    def _started(self, lists: Lists, allowed: Bools | None = None, start: Ints | None = None) -> State:
        """The best of some greedy answers, and of one that is there already, after interchange."""
        allowed = self.allowed if allowed is None else allowed
        tries = max(2, int(np.log2(max(2.0, allowed.sum() / self.p))) + 1)
        states = []
        for k in range(STARTS):
            random = _seeded(self.stream.child("greedy", k))
            sites = greedy(lists, self.source.weight, self.ask.fixed, allowed, self.p, tries, random)
            state = opened(self.source, lists, np.sort(sites), self.ask.fixed, allowed)
            self._mended(lists, state)
            states.append((float(total(state)), k, state))
        if start is not None:
            state = opened(self.source, lists, start, self.ask.fixed, allowed)
            self._mended(lists, state)
            states.append((float(total(state)), -1, state))
        return min(states, key=lambda one: one[:2])[2]

    def _mended(self, lists: Lists, state: State) -> None:
        m = len(state.slot)
        improve(self.source, lists, state, np.arange(m, dtype=np.int32), m, np.zeros(m, bool), self._least(state))

    @staticmethod
    def _least(state: State) -> float:
        return 1e-10 * abs(float(total(state)))

    def _root(self, lists: Lists, state: State, pool: ThreadPoolExecutor, node: Node | None = None) -> Node:
        """The iterated search and the Lagrangian side by side, in stretches after which they tell each other."""
        n, m = len(state.a1), len(state.slot)
        self.offer(state.sites)
        close = (
            limited(lists, self.allowed, np.where(state.a2 >= 0, 2.5 * state.d2, np.inf)) if n * m <= SMALL else lists
        )
        state, spare = (
            opened(self.source, close, np.sort(state.sites).astype(np.int64), self.ask.fixed, self.allowed)
            for _ in "ab"
        )
        self.wanderer = _Wanderer(self.source, close, state, spare, _seeded(self.stream.child("wander")), self.p)
        floor = _floor(lists)
        node = node or self._begun(lists, state, floor)
        most = int(np.clip(1e9 / max(1, len(lists.site)), 50, 400))  # a stretch shall not take long
        theta, stale, done = 1.0, 0, False
        least = float(np.minimum(floor, lists.reach).sum())  # nobody is served for less
        while not self.clock.over():
            self._tell(node.bound)
            goal, before = self.goal, self.met.objective
            if least >= goal:
                node.bound = least
                break
            rounds = most * self.wanderer.stretch if not done else 0
            rise = pool.submit(
                ascend, lists, node.status, self.p, node.multiplier, floor, goal, rounds, theta, 30, node.share,
                node.rho, 0.7,
            )  # fmt: skip
            for sites in self.wanderer.go(self.tolerance):
                self.offer(sites)
            if rounds:
                value, theta, _ = rise.result()
                little = max(1e-7 * abs(value), LITTLE * (goal - value))
                done = theta < 1e-3 or value <= node.bound + little
                node.bound = max(node.bound, value)
            stale = 0 if self.met.objective < before - self.tolerance else stale + 1
            if node.bound >= self.goal or (done and stale >= 2) or self._rough(node.bound):
                break
        return node

    def _rough(self, bound: float) -> bool:
        """Among groups: whether more is missing between them and their points than to the bound."""
        best = self.met.objective
        return self.sought is not None and best - bound < max(0.3 * (self.sought - best), 0.3 * ROUGH * abs(best))

    def _begun(self, lists: Lists, state: State, floor: Floats) -> Node:
        """All answers, and multipliers between the costs of the two nearest sites."""
        m = len(state.slot)
        status = np.where(self.allowed, FREE, OUT).astype(np.int8)
        status[self.ask.fixed] = IN
        start = np.where(state.a2 >= 0, 0.5 * (state.d1 + state.d2), state.d1 if state.a1.min() >= 0 else 2 * floor)
        return Node(status, np.clip(start, floor, lists.reach), -np.inf, np.full(m, self.p / m), np.zeros(m))

    def _tell(self, bound: float) -> None:
        best = self.met.objective
        gap = (best - bound) / max(abs(best), 1e-300) if np.isfinite(bound) else 1.0
        self.clock.tell(f"placing sites: {best:.6g}, at most {100 * gap:.2f} % above the best", max(0.0, 1.0 - gap))

    def _close(self, lists: Lists, node: Node, pool: ThreadPoolExecutor) -> float:
        """Branch and bound on what is left, with the search going on in between."""
        if used(lists, node, self.goal) > CLOSED:  # far from closing; each node would hold lists of its own
            self._wandered()
            return -np.inf
        few = trimmed(lists, node, self.goal)
        tree = Tree(few, _floor(few), self.p, self.offer, nodes=[node])
        bound, begun, after = -np.inf, self.wanderer.spent, FIRST + EACH * len(few.site)
        self.wanderer.shorten()
        while tree.nodes and not self.clock.over():
            self._tell(tree.bound(self.goal))
            tree.grow(self.goal, pool)
            # both are guesses; the search takes about a tenth of the time, and none of a tree that is soon done
            if self.wanderer.spent - begun < 0.02 * (tree.spent - SOON):
                for sites in self.wanderer.go(self.tolerance):
                    self.offer(sites)
            if tree.spent > after and 20 * self.p >= len(few.start):
                after = 4.0 * tree.spent
                best = self._by_radius(lists, node)
                if best >= self.goal:
                    return best
                bound = max(bound, best)
        return max(bound, tree.bound(self.goal))

    def _by_radius(self, lists: Lists, root: Node) -> float:
        """HiGHS on what an improving answer can use; a bound."""
        few = trimmed(lists, root, self.goal)
        if len(few.site) > CHAINS or (np.diff(few.start)[self.source.weight > 0] == 0).any():
            return -np.inf
        found, sites = by_radius(
            few, root.status, self.p, self.clock, gap=self.gap, step=1.0 if self.whole else 0.0, seed=self.seed,
            seconds=0.5 * self.clock.left(),
        )  # fmt: skip
        if sites is not None and len(sites) == self.p:
            self.offer(sites)
        # pairs were left out that only answers at the goal or above use
        return min(found.bound, self.goal)


class _Wanderer:
    """The iterated search, which goes on where it stopped."""

    def __init__(
        self, source: Source, lists: Lists, state: State, spare: State, random: npt.NDArray[np.uint64], p: int
    ) -> None:
        self.source, self.lists, self.state, self.spare, self.random = source, lists, state, spare, random
        n, m = len(state.a1), len(state.slot)
        # a stretch takes about as long as the ascent beside it, and not longer than 0.1 s in the beginning
        some = int(5e6 / (n * m / p + 4 * n))
        self.usual = max(5, min(10 + 4 * p, some))
        self.first = self.rounds = max(3, min(2 + p // 2, some))  # easy ones are closed by a short one
        self.spent = 0.0

    @property
    def stretch(self) -> int:
        """How many times as long as a usual one the next stretch is, 1 to 10."""
        return max(1, min(10, self.rounds // self.usual))

    def shorten(self) -> None:
        """Go in short stretches again."""
        self.rounds = self.first

    def go(self, tolerance: float) -> list[Int32s]:
        """A stretch of the search; the best answers that it met."""
        met = np.empty((ROOM, len(self.state.sites)), np.int32)
        _, count = wander(self.source, self.lists, self.state, self.spare, self.rounds, self.random, tolerance, met)
        self.spent += 25.0 * self.rounds * (len(self.state.a1) * (1.0 + len(self.state.slot) / len(self.state.sites)))
        self.rounds = min(40 * self.usual, 2 * self.rounds)
        return [self.state.sites.copy(), *met[:count]]


def _floor(lists: Lists) -> Floats:
    """Cost of the nearest candidate of each demand point, 0 where none is listed."""
    some = lists.start[:-1] < lists.start[1:]
    floor = np.zeros(len(some))
    floor[some] = lists.cost[lists.start[:-1][some]]
    return floor


def _empty(n: int, m: int) -> Lists:
    """Lists of nothing, whose reach says so."""
    none = np.zeros(0, np.int32)
    return Lists(
        np.zeros(n + 1, np.int64), none, np.zeros(0), np.full(n, -np.inf), np.zeros(m + 1, np.int64), none, np.zeros(0)
    )


def _seeded(stream: Stream) -> npt.NDArray[np.uint64]:
    return np.array([stream.integer() & 0xFFFFFFFFFFFFFFFF], dtype=np.uint64)


def _whole(source: Source) -> bool:
    """Whether every objective is a whole number."""
    return source.kind == MATRIX and bool(
        (source.weight == np.round(source.weight)).all() and _whole_costs(source.matrix)
    )


@compiled(nogil=True)
def _whole_costs(matrix: Floats) -> bool:
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            c = matrix[i, j]
            if c < np.inf and c != np.round(c):
                return False
    return True


@compiled(nogil=True)
def _one_more(source: Source, free: Ints, near: Floats) -> Floats:
    """The objective with each of ``free`` opened beside sites whose costs are ``near``."""
    out = np.zeros(len(free))
    for i in range(len(near)):
        for k in range(len(free)):
            out[k] += min(near[i], between(source, i, free[k]))
    return out
