"""Search and bound side by side, then the exact closing: behind the fixed-charge and capacitated problems."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, combinations
from math import comb

import numpy as np
import numpy.typing as npt

from potomac.location.asked import Met, nearest_site
from potomac.location.facility.closing import closed
from potomac.location.facility.problem import Facilities
from potomac.location.facility.relaxation import FREE, IN, NODES, OUT, Pairs, ascend, dearer, listed
from potomac.location.facility.shared import transport
from potomac.location.facility.single import SWAPS, assign, wander
from potomac.location.highs import Clock
from potomac.location.placement import infeasible
from potomac.stats.streams import Stream

__all__ = ["Found", "best_facilities"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

CLOSABLE = 100_000
"""Pairs up to which HiGHS is asked to close the gap."""

STEPS = 60
"""Subgradient steps at a node of the tree."""

BROAD = 1000
"""Open nodes above which the deepest is taken first, so that memory stays small."""

LOOKS = 50_000
"""Placements times demand points up to which all are looked at."""

POLISH = 4e9
"""Work (about ns) that local search may take before branch and bound begins."""

NEIGHBOURS = 12
"""Candidates outside that are tried in the place of each site."""


@dataclass(frozen=True)
class Found:
    """The best answers, what no answer can be below, and who serves whom in the best.

    Attributes:
        met: the best sites and those that equal them.
        bound: of the objective.
        assignment: the candidate that serves each demand point, or most of it, shape (n,).
        shares: how much of each demand point each site serves, shape (n, sites); None where each has one site.
        notes: what the reader should know.
    """

    met: Met
    bound: float
    assignment: Ints
    shares: Floats | None = None
    notes: tuple[str, ...] = ()


@dataclass
class _Node:
    """A part of all answers: which sites are in and out, and what its bound is made of."""

    status: Bytes
    multiplier: Floats
    share: Floats
    worth: Floats
    direction: Floats
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
    search = _Search(f, clock, gap, seed)
    bound = search.run()
    if not search.met.any:
        raise search.nothing(bound)
    return search.found(bound)


@dataclass
class _Search:
    f: Facilities
    clock: Clock
    gap: float
    seed: int
    met: Met = field(default_factory=Met)
    who: dict[tuple[int, ...], Ints] = field(default_factory=dict)

    def __post_init__(self) -> None:
        f = self.f
        self.whole = f.whole
        self.pairs = listed(f.cost, f.status)
        self.floor = np.where(f.status != OUT, f.cost, np.inf).min(axis=1)
        self.nodes = NODES if f.service == "single" else 0
        self.order = np.argsort(-f.demand, kind="stable")
        self.random = np.array([Stream(self.seed, ("location", "facility")).integer() % 2**63 + 1], np.uint64)
        self.price = 1.0
        self.work = POLISH

    # -- answers ----------------------------------------------------------------------------------------------------

    @property
    def near(self) -> float:
        """Least difference of objectives that counts."""
        best = self.met.objective
        return 1e-10 * max(1.0, abs(best)) if np.isfinite(best) else 1e-10

    @property
    def goal(self) -> float:
        """A bound of this proves the best answer, or comes as near as was asked."""
        best = self.met.objective
        if not self.met.any:
            return np.inf
        exact = best - 1.0 + 1e-6 if self.whole else best - 0.5e-9 * max(1.0, abs(best))
        return min(exact, best - self.gap * abs(best)) if self.gap > 0 else exact

    def stated(self, bound: float) -> float:
        """The bound as it may be stated: whole objectives round it up."""
        if not self.met.any:
            return bound
        best = self.met.objective
        if self.whole and np.isfinite(bound):
            bound = float(np.ceil(bound - 5e-7))  # the goal lies 1e-6 above the whole number below the best
        return best if bound >= best - 0.6e-9 * max(1.0, abs(best)) else bound

    def offer(self, sites: Ints, who: Ints | None = None) -> float:
        """Note sites, with who is served by which of them (places) where that is a question; their objective."""
        f = self.f
        if f.service == "single":
            assert who is not None  # noqa: S101
            return self._offer_single(sites, who)
        sites = np.sort(np.asarray(sites, dtype=np.int64))
        value = self._served(sites)
        if value < np.inf:
            self.met.offer(sites, value)
        return value

    def _served(self, sites: Ints) -> float:
        """Objective of sites whose service is found exactly."""
        f = self.f
        if not len(sites):
            return np.inf
        if f.service == "nearest":
            return float(f.cost[:, sites].min(axis=1).sum() + f.opening[sites].sum())
        return float(transport(f.cost, f.demand, f.capacity, sites)[0] + f.opening[sites].sum())

    def _offer_single(self, sites: Ints, who: Ints) -> float:
        f = self.f
        served = sites[who]
        load = np.bincount(served, f.demand, len(f.capacity))
        if (load > f.capacity * (1 + 1e-9) + 1e-9).any():
            return np.inf
        value = float(f.cost[np.arange(len(who)), served].sum() + f.opening[sites].sum())
        if value == np.inf:
            return value
        if self.met.offer(sites, value):
            self.who = {}
        if value <= self.met.objective + self.near:
            self.who.setdefault(tuple(sorted(map(int, sites))), served)
        return value

    def assigned(self, sites: Ints, who: Ints, move: bool) -> float:
        """Serve everyone from ``sites`` alone (single), those with a place in ``who`` there at first; offer it."""
        f = self.f
        sites, who = sites.copy(), who.copy()
        value = assign(
            f.cost, f.demand, f.capacity, f.opening, f.status, sites, who, self.order, self.price, self.near, move
        )
        return self.offer(sites, who) if value < np.inf else value

    # -- the root ---------------------------------------------------------------------------------------------------

    def run(self) -> float:
        """Search and bound until they meet or time is over; the bound."""
        f = self.f
        self.clock.tell("placing sites: first answers")
        if f.service != "single" and self._every():
            return self.met.objective
        node = self._begun()
        self.price = 3.5 * float(node.multiplier.sum()) / max(float(f.demand.sum()), 1e-300)
        self._root(node)
        if node.bound >= self.goal or self.clock.over():
            return self.stated(node.bound)
        self._polish(node)
        self._thin(node)
        if f.service == "single" and not self.met.any:
            node.bound = max(node.bound, self._told(node, self._closed(node, self.pairs, self.goal)))
        return self.stated(max(node.bound, self._tree(node)))

    def _every(self) -> bool:
        """Look at all placements if they are few, so that every tie is known."""
        f = self.f
        inside, free = np.flatnonzero(f.status == IN), np.flatnonzero(f.status == FREE)
        counts = range(max(0, f.least - len(inside)), min(len(free), f.most - len(inside)) + 1)
        if sum(comb(len(free), k) for k in counts) * len(f.demand) > LOOKS:
            return False
        for chosen in chain.from_iterable(combinations(free.tolist(), k) for k in counts):
            self.offer(np.union1d(inside, np.array(chosen, dtype=np.int64)))
        return True

    def _begun(self) -> _Node:
        f = self.f
        n, m = f.cost.shape
        some = np.flatnonzero(f.status != OUT)
        k = min(len(some) - 1, max(1, len(some) // max(f.least, 1)))
        sorted_ = np.partition(f.cost[:, some], k, axis=1)[:, : k + 1]
        high = np.where(np.isfinite(sorted_), sorted_, -np.inf).max(axis=1)
        share = np.where(f.status == OUT, 0.0, min(1.0, f.least / len(some)))
        return _Node(f.status.copy(), 0.5 * (high + self.floor), share, np.zeros(m), np.zeros(n))

    def _root(self, node: _Node) -> None:
        """Raise the bound; answers are made of what it chooses on the way."""
        rounds = int(np.clip(2e7 / max(len(self.pairs.row), 1), 2, 20))
        theta, stale, served = 1.0, 0, np.zeros(len(self.pairs.row))
        while True:
            self._tell(node.bound)
            before, best = node.bound, self.met.objective
            value, theta, _ = self._ascend(node, self.pairs, served, rounds, theta, 15, self.goal)
            node.bound = max(node.bound, value)
            if node.bound >= self.goal:
                return
            self._answers(node, served)
            moved = self.met.objective < best or node.bound > before + 1e-6 * abs(before)
            stale = 0 if moved else stale + rounds
            if node.bound >= self.goal or (theta < 2e-3 and stale > 20) or stale > 200 or self.clock.over():
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
        best = self.met.objective
        if not self.met.any:
            self.clock.tell("placing sites: first answers")
            return
        gap = (best - bound) / max(abs(best), 1e-300) if np.isfinite(bound) else 1.0
        self.clock.tell(f"placing sites: {best:.6g}, at most {gap:.2%} above the best", min(max(0.0, 1.0 - gap), 1.0))

    def _answers(self, node: _Node, served: Floats) -> None:
        """An answer from the sites that the relaxation chooses."""
        sites = self._picked(node)
        if self.f.service == "single" and self.assigned(sites, self._claimed(sites, served), True) < np.inf:
            return
        self._tried(sites)

    def _tried(self, sites: Ints) -> None:
        """Offer sites; where each demand point has one of them, after the answer in which they are shared."""
        f = self.f
        if f.service != "single":
            self.offer(sites)
            return
        value, shares, _ = transport(f.cost, f.demand, f.capacity, sites)
        if value + f.opening[sites].sum() >= self.met.objective - self.near:
            return  # no better when they are not shared
        self.work -= self._effort(len(sites))
        self.assigned(sites, np.where(shares.max(axis=1) > 0.999, shares.argmax(axis=1), -1), True)

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
        f, before = self.f, self.met.objective
        if self.met.any and f.service == "single":
            self._wander(1000)
        better = True
        while better and self.met.any and self.work > 0 and not self.clock.over():
            self._tell(node.bound)
            better = self._neighbours(node)
        if self.met.objective < before:
            node.direction[:] = 0.0
            value, _, _ = self._ascend(node, self.pairs, np.zeros(len(self.pairs.row)), STEPS, 0.5, 15, self.goal)
            node.bound = max(node.bound, value)

    def _wander(self, rounds: int) -> None:
        """Iterated search from the best."""
        f = self.f
        sites = self.met.sites
        who = np.searchsorted(sites, self.who[tuple(map(int, sites))])
        rounds = int(np.clip(0.5 * POLISH / self._effort(len(sites)), 5, rounds))
        self.work -= rounds * self._effort(len(sites))
        wander(
            f.cost, f.demand, f.capacity, f.opening, f.status, sites, who, self.met.objective, self.order, self.price,
            self.near, rounds, self.random,
        )  # fmt: skip
        self.offer(sites, who)

    def _effort(self, sites: int) -> float:
        """About how many ns it takes to find who serves whom."""
        n, m = self.f.cost.shape
        many = {"nearest": n * sites, "shared": 20 * n * sites, "single": n * (20 * sites + m + 20 * min(n, SWAPS))}
        return 1e4 + 2.0 * float(many[self.f.service])

    def _neighbours(self, node: _Node) -> bool:
        """Drop, add or exchange one site, and take the first that is better."""
        f, best = self.f, self.met.objective
        sites = self.met.sites
        outside = np.setdiff1d(np.flatnonzero(f.status == FREE), sites)
        outside = outside[np.argsort(node.worth[outside], kind="stable")][:NEIGHBOURS]
        loose = sites[f.status[sites] == FREE]
        moves = [np.setdiff1d(sites, [k]) for k in loose] if len(sites) > f.least else []
        moves += [np.append(sites, j) for j in outside] if len(sites) < f.most else []
        moves += [np.append(np.setdiff1d(sites, [k]), j) for k in loose for j in outside]
        total = float(f.demand.sum()) * (1 - 1e-12)
        for one in map(np.sort, moves):
            if self.work < 0 or self.clock.over():
                return False
            if f.capacity[one].sum() < total:
                continue
            self.work -= 40.0 * len(f.demand) * len(one)
            self._tried(one)
            if self.met.objective < best - self.near:
                return True
        return False

    # -- the proof --------------------------------------------------------------------------------------------------

    def _useful(self, node: _Node, goal: float) -> Pairs:
        """The pairs that an answer below the goal can use, each demand point being served by one site."""
        f = self.f
        if f.service == "nearest":  # c_ij above lambda_i costs the bound the difference
            toll = node.bound + self.pairs.cost - node.multiplier[self.pairs.row]
        else:
            toll = dearer(
                self.pairs, f.demand, f.capacity, f.opening, node.status, f.least, f.most, node.multiplier, self.nodes,
                goal,
            )  # fmt: skip
        return _thinned(self.pairs, toll < goal + 1e-12 * abs(goal))

    def _thin(self, root: _Node) -> None:
        """Go on with the useful pairs alone."""
        if self.met.any and self.f.service != "shared":
            self.pairs = self._useful(root, self.goal)

    def _closed(self, node: _Node, few: Pairs, goal: float) -> _Closed:
        """HiGHS on some pairs, which answers below the goal do not exceed."""
        f = self.f
        if len(few.row) > CLOSABLE or self.clock.over():
            return _Closed(-np.inf)
        if len(np.unique(few.row)) < len(f.demand):
            return _Closed(goal)  # someone has no pair: no answer is below the goal
        found, share, sites = closed(
            few, f.demand, f.capacity, f.opening, node.status, f.least, f.most, True, self.clock,
            gap=self.gap, step=1.0 if self.whole else 0.0, seed=self.seed,
        )  # fmt: skip
        bound = min(found.bound - 1e-5 * self.whole, goal)
        if share is None:
            return _Closed(bound)
        served = np.full(len(f.demand), -1)
        column = np.repeat(np.arange(len(f.capacity)), np.diff(few.start))
        served[few.row[share > 0.5]] = column[share > 0.5]
        return _Closed(bound, np.union1d(sites, served), served)

    def _told(self, node: _Node, found: _Closed) -> float:
        """Offer what HiGHS found; the bound of the node."""
        if found.sites is not None and found.served is not None:
            self.offer(found.sites, np.searchsorted(found.sites, found.served))
        return max(node.bound, found.bound)

    def _tree(self, root: _Node) -> float:
        """Branch and bound over sites; two nodes at a time, the least bounds first."""
        nodes, lost = [root], np.inf
        with ThreadPoolExecutor(2) as pool:
            while nodes and not self.clock.over():
                goal = self.goal
                nodes = [one for one in nodes if one.bound < goal]
                self._tell(min([goal, *(one.bound for one in nodes)]))
                wide = len(nodes) < BROAD and self.met.any
                nodes.sort(key=lambda one: (one.bound, -one.depth) if wide else (-one.depth, one.bound))
                batch, nodes = nodes[:2], nodes[2:]
                for node, found in pool.map(self._raised, batch, [goal] * len(batch)):
                    if found is not None:  # HiGHS has said all that can be said of it
                        lost = min(lost, self._told(node, found))
                    else:
                        nodes += self._parts(node)
        return min([self.goal, lost, *(one.bound for one in nodes)])

    def _raised(self, node: _Node, goal: float) -> tuple[_Node, _Closed | None]:
        """Raise the bound of a node; where its sites are decided, HiGHS finds who serves whom if that is a question."""
        f = self.f
        value, _, _ = self._ascend(node, self.pairs, np.zeros(len(self.pairs.row)), STEPS, 0.5, 10, goal)
        node.bound = max(node.bound, value)
        if f.service != "single" or node.bound >= goal:
            return node, None
        few = self._useful(node, goal)
        decided = (node.status != FREE).all() or (node.status == IN).sum() == f.most
        if not decided and len(few.row) > len(f.demand):
            return node, None
        return node, self._closed(node, few, goal)

    def _parts(self, node: _Node) -> list[_Node]:
        """What is left of a node: nothing, or two halves."""
        f = self.f
        if node.bound >= self.goal:
            return []
        inside, free = np.flatnonzero(node.status == IN), np.flatnonzero(node.status == FREE)
        if f.service != "single":
            need = 0 if len(inside) == f.most else len(free)
            if need in (0, f.least - len(inside)) or not len(free):  # only one answer is left
                self.offer(np.union1d(inside, free[:need]))
                return []
        self._tried(self._picked(node))
        at = int(free[np.argmin(np.abs(node.share[free] - 0.5))])
        return [_half(node, at, IN), _half(node, at, OUT)]

    # -- the end ----------------------------------------------------------------------------------------------------

    def found(self, bound: float) -> Found:
        """The answer, with who serves whom."""
        f, sites = self.f, self.met.sites
        shares: Floats | None = None
        notes: tuple[str, ...] = ()
        if f.service == "nearest":
            who = nearest_site(f.cost, sites)
        elif f.service == "single":
            who = self.who[tuple(map(int, sites))].copy()
        else:
            _, shares, _ = transport(f.cost, f.demand, f.capacity, sites)
            who, notes = sites[shares.argmax(axis=1)], _split(shares)
        who[f.idle] = nearest_site(f.given[f.idle], sites)
        return Found(self.met, bound, who, shares, notes)

    def nothing(self, bound: float) -> Exception:
        """Why there is no answer."""
        if bound == np.inf:
            said = "no placement serves every demand point within the capacities: all were ruled out"
            return infeasible(said, "Raise capacity or p, or add candidates", key="capacity")
        said = "no placement that serves every demand point within the capacities was found in time"
        return infeasible(said, "Raise time_limit, capacity or p", key="time_limit")


def _split(shares: Floats) -> tuple[str, ...]:
    """What is to be said of demand points that several sites serve."""
    many = int(((shares > 0).sum(axis=1) > 1).sum())
    if not many:
        return ()
    who = "1 demand point is" if many == 1 else f"{many} demand points are"
    return (f"{who} shared by several sites, and listed with the one that serves most",)


def _half(node: _Node, at: int, what: int) -> _Node:
    status = node.status.copy()
    status[at] = what
    return _Node(
        status, node.multiplier.copy(), node.share.copy(), node.worth.copy(), np.zeros_like(node.direction),
        node.bound, node.depth + 1,
    )  # fmt: skip


def _thinned(pairs: Pairs, kept: Bools) -> Pairs:
    before = np.concatenate([[0], np.cumsum(kept)])
    return Pairs(before[pairs.start].astype(np.int64), pairs.row[kept], pairs.cost[kept])
