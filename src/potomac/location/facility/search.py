"""Search and bound side by side, then the exact closing: behind the fixed-charge and capacitated problems."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, combinations
from math import comb

import numpy as np
import numpy.typing as npt

from potomac.location.covers import beyond
from potomac.location.facility.answers import Answers, Found
from potomac.location.facility.closing import closed
from potomac.location.facility.nearest import raised
from potomac.location.facility.problem import Facilities
from potomac.location.facility.relaxation import FREE, IN, NODES, OUT, Pairs, ascend, dearer, listed
from potomac.location.highs import Clock
from potomac.location.placement import infeasible
from potomac.location.says import plain

__all__ = ["best_facilities"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

CLOSABLE = 100_000
"""Pairs up to which HiGHS is asked to close the gap."""

STEPS = 60
"""Subgradient steps at a node of the tree."""

AHEAD, FEW = 8, 10
"""Sites at which a node may be split that are looked at, and subgradient steps for each half."""

REPACKED = 1_000_000_000
"""Pairs times demand points up to which knapsacks are packed anew to rule out a pair."""

BROAD = 1000
"""Open nodes above which the deepest is taken first, so that memory stays small."""

LOOKS = 50_000
"""Placements times demand points up to which all are looked at."""

NEIGHBOURS = 12
"""Candidates outside that are tried in the place of each site."""


@dataclass
class _Node:
    """A part of all answers: which sites are in and out, and what its bound is made of."""

    status: Bytes
    multiplier: Floats
    share: Floats
    worth: Floats
    direction: Floats
    pairs: Pairs
    bound: float = -np.inf
    depth: int = 0


@dataclass(frozen=True)
class _Closed:
    """What HiGHS says of a node: no answer in it is below the bound; the best it met, and who is served by which."""

    bound: float
    sites: Ints | None = None
    served: Ints | None = None


def best_facilities(f: Facilities, clock: Clock, gap: float, seed: int) -> Found:
    """Sites and who serves whom, with a bound, as near to each other as the time allows.

    Raises:
        NoAnswer: there is no answer, or none was found in time.
    """
    answers = Answers(f, gap, seed)
    bound = _Search(f, clock, answers).run()
    if not answers.met.any:
        raise _nothing(f, bound)
    return answers.found(bound)


@dataclass
class _Search:
    f: Facilities
    clock: Clock
    answers: Answers

    def __post_init__(self) -> None:
        f = self.f
        self.pairs = listed(f.cost, f.status)
        self.floor = np.where(f.status != OUT, f.cost, np.inf).min(axis=1)
        self.base = float(self.floor.sum() + f.opening[f.status == IN].sum())  # nobody is served for less
        self.nodes = NODES if f.service == "single" else 0

    # -- the root ---------------------------------------------------------------------------------------------------

    def run(self) -> float:
        """Search and bound until they meet or time is over; the bound."""
        f = self.f
        self.clock.tell("placing sites: first answers")
        if f.service != "single" and self._every():
            return self.answers.met.objective
        node = self._begun()
        self._root(node)
        if node.bound >= self.answers.goal or self.clock.over():
            return self.answers.stated(node.bound)
        self._polish(node)
        if node.bound >= self.answers.goal or self.clock.over():
            return self.answers.stated(node.bound)
        self._thin(node)
        if f.service == "single" and not self.answers.met.any:  # the hard part is to find an answer
            half = self._closed(node, self.pairs, self.answers.goal, 0.5 * self.clock.left())
            node.bound = max(node.bound, self._told(node, half))
        return self.answers.stated(max(node.bound, self._tree(node)))

    def _every(self) -> bool:
        """Look at all placements if they are few, so that every tie is known."""
        f = self.f
        inside, free = np.flatnonzero(f.status == IN), np.flatnonzero(f.status == FREE)
        counts = range(max(0, f.least - len(inside)), min(len(free), f.most - len(inside)) + 1)
        many = 0
        for k in counts:
            many += comb(len(free), k) * len(f.demand)
            if many > LOOKS:
                return False
        for chosen in chain.from_iterable(combinations(free.tolist(), k) for k in counts):
            self.answers.offer(np.union1d(inside, np.array(chosen, dtype=np.int64)))
        self.answers.every = True
        return True

    def _begun(self) -> _Node:
        f = self.f
        n, m = f.cost.shape
        some = np.flatnonzero(f.status != OUT)
        k = min(len(some) - 1, max(1, len(some) // max(f.least, 1)))
        sorted_ = np.partition(f.cost[:, some], k, axis=1)[:, : k + 1]
        high = np.where(np.isfinite(sorted_), sorted_, -np.inf).max(axis=1)
        share = np.where(f.status == OUT, 0.0, min(1.0, f.least / len(some)))
        start = 0.5 * (high + self.floor)
        if f.service == "nearest" and f.least < f.most:
            start = raised(f.cost, f.opening, f.status)
        self.answers.price = 3.5 * float(np.abs(start).sum()) / max(float(f.demand.sum()), 1e-300)
        if f.service != "nearest" and f.least > 1:
            start = self._without_limits(start)
        return _Node(f.status.copy(), start, share, np.zeros(m), np.zeros(n), self.pairs)

    def _without_limits(self, start: Floats) -> Floats:
        """Try the sites that were good without capacities; who is between two of them pays the mean of both."""
        f = self.f
        inside, free = np.flatnonzero(f.status == IN), np.flatnonzero(f.status == FREE)
        free = free[np.argsort(-f.capacity[free], kind="stable")]
        sites = self.answers.exchanged(np.sort(np.concatenate([inside, free[: f.least - len(inside)]])))
        self.answers.tried(sites)
        two = np.partition(f.cost[:, sites], 1, axis=1)[:, :2]
        mean = 0.5 * (two[:, 0] + two[:, 1])
        return np.where(np.isfinite(mean), np.maximum(mean, self.floor), start)

    def _root(self, node: _Node) -> None:
        """Raise the bound; answers are made of what it chooses on the way."""
        rounds = int(np.clip(2e7 / max(len(self.pairs.row), 1), 2, 20))
        theta, stale, served = 1.0, 0, np.zeros(len(self.pairs.row))
        while True:
            self._tell(node.bound)
            if self.base >= self.answers.goal:
                node.bound = self.base
                return
            before, best = node.bound, self.answers.met.objective
            value, theta, _ = self._ascend(node, self.pairs, served, rounds, theta, 15, self.answers.goal)
            node.bound = max(node.bound, value)
            if node.bound >= self.answers.goal:
                return
            self._answers(node, served)
            if self.f.service == "nearest" and not np.isfinite(best):
                self.answers.interchange(self._picked(node))
            moved = self.answers.met.objective < best or node.bound > before + 1e-6 * abs(before)
            stale = 0 if moved else stale + rounds
            if node.bound >= self.answers.goal or (theta < 2e-3 and stale > 20) or stale > 200 or self.clock.over():
                return

    def _ascend(
        self, node: _Node, pairs: Pairs, served: Floats, rounds: int, theta: float, patience: int, goal: float
    ) -> tuple[float, float, int]:
        f = self.f
        return ascend(
            pairs, f.demand, f.capacity, f.opening, node.status, f.least, f.most, node.multiplier, self.floor,
            goal, rounds, self.nodes, theta, patience, 0.7, node.share, node.worth, served, node.direction,
        )  # fmt: skip

    def _tell(self, bound: float) -> None:
        best = self.answers.met.objective
        if not self.answers.met.any:
            self.clock.tell("placing sites: first answers")
            return
        gap = (best - bound) / max(abs(best), 1e-300) if np.isfinite(bound) else 1.0
        self.clock.tell(
            f"placing sites: {best:.6g}, at most {100 * gap:.2f} % above the best", min(max(0.0, 1.0 - gap), 1.0)
        )

    def _answers(self, node: _Node, served: Floats) -> None:
        """An answer from the sites that the relaxation chooses."""
        sites = self._picked(node)
        if self.f.service == "single" and self.answers.assigned(sites, self._claimed(sites, served), True) < np.inf:
            return
        self.answers.tried(sites)

    def _picked(self, node: _Node) -> Ints:
        """The sites that pay at the multipliers of a node, and as many more as hold all demand."""
        f = self.f
        inside, free = np.flatnonzero(node.status == IN), np.flatnonzero(node.status == FREE)
        free = free[np.argsort(node.worth[free], kind="stable")]
        pays = int((node.worth[free] < 0).sum())
        count = int(np.clip(pays, f.least - len(inside), f.most - len(inside)))
        held = f.capacity[inside].sum() + np.concatenate([[0.0], np.cumsum(f.capacity[free])])
        total = float(f.demand.sum()) * (1 + 1e-12)
        while count < min(len(free), f.most - len(inside)) and held[count] < total:
            count += 1
        chosen = np.concatenate([inside, free[:count]])
        return np.sort(self._large_enough(chosen, len(inside), free[count:], total))

    def _large_enough(self, chosen: Ints, kept: int, others: Ints, total: float) -> Ints:
        """Small sites give way to large ones until all demand has room."""
        room = self.f.capacity
        chosen, others = chosen.copy(), others[np.argsort(-room[others], kind="stable")]
        for j in others:
            if room[chosen].sum() >= total or kept == len(chosen):
                break
            at = kept + int(np.argmin(room[chosen[kept:]]))
            if room[chosen[at]] >= room[j]:
                break
            chosen[at] = j
        return chosen

    def _claimed(self, sites: Ints, served: Floats) -> Ints:
        """Place of the cheapest of the sites that want a demand point in the relaxation, -1 where none does."""
        f, pairs = self.f, self.pairs
        who, least = np.full(len(f.demand), -1), np.full(len(f.demand), np.inf)
        for k, j in enumerate(sites):
            mine = slice(pairs.start[j], pairs.start[j + 1])
            row, cost = pairs.row[mine], pairs.cost[mine]
            wanted = (served[mine] > 0.5) & (cost < least[row])
            who[row[wanted]], least[row[wanted]] = k, cost[wanted]
        return who

    # -- better answers ---------------------------------------------------------------------------------------------

    def _polish(self, node: _Node) -> None:
        """Local search around the best, then again the bound: what is nearer fixes more."""
        f, before = self.f, self.answers.met.objective
        if self.answers.met.any and f.service == "single":
            self.answers.wandered(1000)
        if f.service == "nearest":
            self.answers.interchange(self._picked(node))
        better = f.service != "nearest"
        while better and self.answers.met.any and self.answers.work > 0 and not self.clock.over():
            self._tell(node.bound)
            better = self._neighbours(node)
        if self.answers.met.objective < before:
            node.direction[:] = 0.0
            value, _, _ = self._ascend(
                node, self.pairs, np.zeros(len(self.pairs.row)), STEPS, 0.5, 15, self.answers.goal
            )
            node.bound = max(node.bound, value)

    def _neighbours(self, node: _Node) -> bool:
        """Drop, add or exchange one site, and take the first that is better."""
        f, best = self.f, self.answers.met.objective
        sites = self.answers.met.sites
        outside = np.setdiff1d(np.flatnonzero(f.status == FREE), sites)
        outside = outside[np.argsort(node.worth[outside], kind="stable")][:NEIGHBOURS]
        loose = sites[f.status[sites] == FREE]
        moves = [np.setdiff1d(sites, [k]) for k in loose] if len(sites) > f.least else []
        moves += [np.append(sites, j) for j in outside] if len(sites) < f.most else []
        moves += [np.append(np.setdiff1d(sites, [k]), j) for k in loose for j in outside]
        total = float(f.demand.sum()) * (1 - 1e-12)
        for one in map(np.sort, moves):
            if self.answers.work < 0 or self.clock.over():
                return False
            if f.capacity[one].sum() < total:
                continue
            self.answers.work -= 40.0 * len(f.demand) * len(one)
            self.answers.tried(one)
            if self.answers.met.objective < best - self.answers.near:
                return True
        return False

    # -- the proof --------------------------------------------------------------------------------------------------

    def _useful(self, node: _Node, goal: float) -> Pairs:
        """The pairs that an answer below the goal can use, each demand point being served by one site."""
        f = self.f
        if f.service == "nearest":  # c_ij above lambda_i costs the bound the difference
            toll = node.bound + node.pairs.cost - node.multiplier[node.pairs.row]
        else:
            toll = dearer(
                node.pairs, f.demand, f.capacity, f.opening, node.status, f.least, f.most, node.multiplier, self.nodes,
                goal, len(node.pairs.row) * len(f.demand) < REPACKED,
            )  # fmt: skip
        return _thinned(node.pairs, toll < goal + 1e-12 * abs(goal))

    def _thin(self, root: _Node) -> None:
        """Go on with the useful pairs alone."""
        if self.answers.met.any and self.f.service != "shared":
            self.pairs = root.pairs = self._useful(root, self.answers.goal)

    def _closed(self, node: _Node, few: Pairs, goal: float, seconds: float = np.inf) -> _Closed:
        """HiGHS on some pairs, which answers below the goal do not exceed."""
        f = self.f
        if len(few.row) > CLOSABLE or self.clock.over():
            return _Closed(-np.inf)
        if len(np.unique(few.row)) < len(f.demand):
            return _Closed(goal)  # someone has no pair: no answer is below the goal
        found, share, sites = closed(
            few, f.demand, f.capacity, f.opening, node.status, f.least, f.most, True, self.clock,
            gap=self.answers.gap, step=1.0 if self.answers.whole else 0.0, seed=self.answers.seed, seconds=seconds,
        )  # fmt: skip
        margin = 1e-5 + 1e-9 * abs(found.bound) if self.answers.whole and np.isfinite(found.bound) else 0.0
        bound = min(found.bound - margin, goal)
        if share is None:
            return _Closed(bound)
        served = np.full(len(f.demand), -1)
        column = np.repeat(np.arange(len(f.capacity)), np.diff(few.start))
        served[few.row[share > 0.5]] = column[share > 0.5]
        return _Closed(bound, np.union1d(sites, served), served)

    def _told(self, node: _Node, found: _Closed) -> float:
        """Offer what HiGHS found; the bound of the node."""
        if found.sites is not None and found.served is not None:
            self.answers.offer(found.sites, np.searchsorted(found.sites, found.served))
        return max(node.bound, found.bound)

    def _tree(self, root: _Node) -> float:
        """Branch and bound over sites; two nodes at a time, the least bounds first."""
        nodes, lost = [root], np.inf
        with ThreadPoolExecutor(2) as pool:
            while nodes and not self.clock.over():
                goal = self.answers.goal
                nodes = [one for one in nodes if one.bound < goal]
                self._tell(min([goal, *(one.bound for one in nodes)]))
                wide = len(nodes) < BROAD and self.answers.met.any
                nodes.sort(key=lambda one: (one.bound, -one.depth) if wide else (-one.depth, one.bound))
                batch, nodes = nodes[:2], nodes[2:]
                for node, found, halves in pool.map(self._raised, batch, [goal] * len(batch)):
                    if found is not None:  # HiGHS has said all that can be said of it
                        lost = min(lost, self._told(node, found))
                    else:
                        nodes += self._parts(node, halves)
        return min([self.answers.goal, lost, *(one.bound for one in nodes)])

    def _raised(self, node: _Node, goal: float) -> tuple[_Node, _Closed | None, list[_Node]]:
        """Raise the bound of a node; what HiGHS says of it where its sites are decided, else its two halves."""
        f = self.f
        value, _, _ = self._ascend(node, node.pairs, np.zeros(len(node.pairs.row)), STEPS, 0.5, 10, goal)
        node.bound = max(node.bound, value)
        if node.bound >= goal:
            return node, None, []
        if f.service == "single":
            few = self._useful(node, goal)
            decided = (node.status != FREE).all() or (node.status == IN).sum() == f.most
            if decided or len(few.row) <= len(f.demand):
                return node, self._closed(node, few, goal), []
            if len(few.row) < 0.9 * len(node.pairs.row):  # else they are not worth the memory
                node.pairs = few
        return node, None, self._halves(node, goal)

    def _halves(self, node: _Node, goal: float) -> list[_Node]:
        """A node with a site in, and with it out: one that the bound chooses about every other time.

        Where knapsacks are whole, and trees deep, several are tried, and the one for which both halves are soon worst
        is taken (strong branching; Applegate, Bixby, Chvatal and Cook 1995).
        """
        free = np.flatnonzero(node.status == FREE)
        unsure = free[np.argsort(np.abs(node.share[free] - 0.5), kind="stable")][:AHEAD]
        if self.f.service != "single":
            return [_half(node, int(j), what) for j in unsure[:1] for what in (IN, OUT)]
        best: list[_Node] = []
        most = -1.0
        for j in unsure.tolist():
            two = [self._ahead(node, j, what, goal) for what in (IN, OUT)]
            risen = [max(min(half.bound, goal) - node.bound, 1e-6 * abs(goal)) for half in two]
            if risen[0] * risen[1] > most:
                best, most = two, risen[0] * risen[1]
        return best

    def _ahead(self, node: _Node, at: int, what: int, goal: float) -> _Node:
        """A half of a node, its bound raised by a few steps."""
        half = _half(node, at, what)
        value, _, _ = self._ascend(half, half.pairs, np.zeros(len(half.pairs.row)), FEW, 0.5, 10, goal)
        half.bound = max(half.bound, value)
        return half

    def _parts(self, node: _Node, halves: list[_Node]) -> list[_Node]:
        """What is left of a node: nothing, or its two halves."""
        f = self.f
        if node.bound >= self.answers.goal:
            return []
        inside, free = np.flatnonzero(node.status == IN), np.flatnonzero(node.status == FREE)
        if f.service != "single":
            need = 0 if len(inside) == f.most else len(free)
            if need in (0, f.least - len(inside)) or not len(free):  # only one answer is left
                self.answers.offer(np.union1d(inside, free[:need]))
                return []
        self.answers.tried(self._picked(node))
        return halves


def _nothing(f: Facilities, bound: float) -> Exception:
    """Why there is no answer."""
    near = f.service == "nearest"
    what = "reaches every demand point" if near else "serves every demand point within the capacities"
    if bound == np.inf:
        said = f"no placement {what}: all were ruled out{_why(f)}"
        mend = "Raise capacity or p, let sites share demand points" if f.service == "single" else "Raise capacity or p"
        return infeasible(said, f"{'Raise p' if near else mend}, or add candidates", key="p")
    said = f"no placement that {what} was found in time"
    return infeasible(said, f"Raise time_limit{'' if near else ', capacity'} or p", key="time_limit")


def _why(f: Facilities) -> str:
    """Demand points of which each takes a site of its own, or how much room there is for what is asked."""
    fixed, free = np.flatnonzero(f.status == IN), np.flatnonzero(f.status == FREE)
    more = f.most - len(fixed)
    why = beyond(np.isfinite(f.cost), fixed, free, more, np.arange(len(f.cost)))
    if why:
        return f"; {why}"
    if f.service == "nearest":
        return ""
    room = float(f.capacity[fixed].sum() + np.sort(f.capacity[free])[::-1][:more].sum())
    return f"; the demand is {plain(float(f.demand.sum()))}, and {f.most} sites hold at most {plain(room)}"


def _half(node: _Node, at: int, what: int) -> _Node:
    status = node.status.copy()
    status[at] = what
    return _Node(
        status, node.multiplier.copy(), node.share.copy(), node.worth.copy(), np.zeros_like(node.direction),
        node.pairs, node.bound, node.depth + 1,
    )  # fmt: skip


def _thinned(pairs: Pairs, kept: Bools) -> Pairs:
    before = np.concatenate([[0], np.cumsum(kept)])
    return Pairs(before[pairs.start].astype(np.int64), pairs.row[kept], pairs.cost[kept])
