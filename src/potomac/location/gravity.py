"""Huff's model: everyone's custom is shared among all sites by their pull, and where own sites win the most of it.

Huff 1964, Defining and Estimating a Trading Area. A site j of attractiveness A_j that is t_ij minutes away pulls with
u_ij = A_j f(t_ij); of demand point i it has the share u_ij / (sum over all sites), rivals and staying at home included.
With own sites S and R_i the pull of all else the custom

    F(S) = sum_i w_i U_i / (U_i + R_i),   U_i = sum of u_ij over j in S,

is a concave function of the y_j that say which sites are open. Its tangents therefore bound it from above: the best of
them over 0 <= y <= 1 with p sites is found by conditional gradients whose steps go from the worst vertex of the face to
the best of all (Garber and Meshi 2016), and branch and bound closes what is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress
from potomac.errors import DataError, Fault, StudyError
from potomac.location.asked import Asked, Met, asked, effort, every_placement, numbers, one_number, placed
from potomac.location.attendance import checked_half_life, checked_minutes, coming
from potomac.location.highs import Clock
from potomac.location.placement import Placement, as_given, checked_weights, infeasible, rounding
from potomac.stats.compiled import compiled

__all__ = ["Decay", "huff", "max_huff"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.int8]

FREE, IN, OUT = 0, 1, -1

STEPS = 400
"""Conditional gradient steps at the root; a tenth of them at each node."""


@dataclass(frozen=True)
class Decay:
    """How pull falls with the minutes t: as 2^(-t / half_life), or as max(t, least)^(-exponent), which is Huff's own.

    Attributes:
        exponent: Huff's lambda; not used where ``half_life`` is given.
        least: minutes below which it makes no difference how near a site is.
        half_life: minutes at which the pull is halved; None for the power.
    """

    exponent: float = 2.0
    least: float = 1.0
    half_life: float | None = None

    def __call__(self, minutes: Floats) -> Floats:
        """The factor of each pull, of any shape; 0 where there is no way.

        Raises:
            StudyError: the numbers make no decay.
        """
        if self.half_life is not None:
            return coming(minutes, checked_half_life(self.half_life))
        exponent = one_number(self.exponent, "exponent")
        away = np.maximum(minutes, one_number(self.least, "least", above=True))
        return np.where(np.isfinite(away), away**-exponent, 0.0)


def huff(
    minutes: npt.ArrayLike, attractiveness: npt.ArrayLike | None = None, decay: Decay = Decay(),
    *, staying: npt.ArrayLike | None = None,
) -> Floats:  # fmt: skip
    """The share of each demand point's custom that each site has, shape (n, m); rows sum to at most 1.

    Args:
        minutes: from each demand point to each site, infinite where there is no way, shape (n, m).
        attractiveness: of the sites (floor space, size, rating), 0 or more, shape (m,); default 1 each.
        decay: how pull falls with travel time.
        staying: pull of staying at home, in the unit of attractiveness next door, one or shape (n,); default 0: then
            rows sum to 1, or to 0 where no site pulls.

    Raises:
        DataError: minutes, attractiveness or staying are no such numbers.
        StudyError: the decay is none.
    """
    t = checked_minutes(minutes)
    pull = _checked(decay)(t) * numbers(attractiveness, t.shape[1], "attractiveness", 1.0)
    whole = pull.sum(axis=1, keepdims=True) + numbers(staying, len(t), "staying")[:, None]
    return np.asarray(np.divide(pull, whole, out=np.zeros_like(pull), where=whole > 0))


def _checked(decay: object) -> Decay:
    if not isinstance(decay, Decay):
        said = f"decay is {as_given(decay)}"
        mend = "Give one, such as Decay(half_life=15)"
        raise StudyError(Fault("location.problem", said, "expected a Decay", mend, key="decay"))
    return decay


def max_huff(
    minutes: npt.ArrayLike, p: int, weights: npt.ArrayLike | None = None, fixed: Iterable[int] = (),
    forbidden: Iterable[int] = (), *, attractiveness: npt.ArrayLike | None = None,
    decay: Decay = Decay(), rivals: npt.ArrayLike | None = None,
    rival_attractiveness: npt.ArrayLike | None = None, staying: npt.ArrayLike | None = None, time_limit: float = 60.0,
    gap: float = 0.0, seed: int = 0, progress: Progress | None = None,
) -> Placement:  # fmt: skip
    """Place p own sites so that they win the most custom beside rivals and staying at home.

    Args:
        minutes: from each demand point to each candidate, infinite where there is no way, shape (n, m).
        p: own sites in all, the fixed ones included.
        weights: custom of each demand point, shape (n,); default 1 each.
        fixed: candidates that are own sites already.
        forbidden: candidates that may not be.
        attractiveness: of the candidates, shape (m,); default 1 each.
        decay: how pull falls with travel time.
        rivals: minutes to each of r sites of others, shape (n, r).
        rival_attractiveness: of those, shape (r,); default 1 each.
        staying: pull of staying at home, one or shape (n,). Where neither rivals nor home pull a demand point, all of
            its custom is won by any site that it can reach.
        time_limit: seconds; the best found until then is returned with its bound.
        gap: relative gap at which to stop.
        seed: not used: nothing is drawn.
        progress: told what is done.

    Returns:
        A placement to maximise: ``objective`` is the custom won, ``assignment`` the own site with the largest share.

    Raises:
        DataError: minutes, weights, attractiveness or pulls are no such numbers.
        StudyError: p, decay, fixed or forbidden make no sense.
        NoAnswer: p does not fit the candidates, or no candidate pulls anybody.
    """
    may = effort(time_limit, gap, seed, progress)
    t = checked_minutes(minutes)
    n, m = t.shape
    w = checked_weights(weights, n)
    ask = asked(m, p, fixed, forbidden, counted=True)
    decay = _checked(decay)
    pull = np.ascontiguousarray(decay(t) * numbers(attractiveness, m, "attractiveness", 1.0))
    rest = _rest(rivals, rival_attractiveness, staying, decay, n)
    custom = _Custom(pull, rest, w, ask, may.clock, may.gap)
    if not (pull[:, ask.allowed] * w[:, None]).any():
        raise infeasible("no candidate pulls any demand point", "Check attractiveness and travel times", key="decay")
    bound = custom.run()
    sites = custom.met.sites
    mine = pull[:, sites]
    who = np.where(mine.max(axis=1) > 0, sites[mine.argmax(axis=1)], -1)
    return placed(custom.met, who, bound, gap=may.gap, ties="all" if custom.every else "met")


def _rest(
    rivals: npt.ArrayLike | None, attractiveness: npt.ArrayLike | None, staying: npt.ArrayLike | None, decay: Decay,
    n: int,
) -> Floats:  # fmt: skip
    """The pull R of all that is not ours, shape (n,)."""
    rest = numbers(staying, n, "staying")
    if rivals is None:
        return rest
    t = checked_minutes(rivals)
    if len(t) != n:
        said = f"rivals have {len(t)} rows"
        raise DataError(Fault("location.numbers", said, f"expected {n}, one for each demand point", key="rivals"))
    return np.asarray(rest + decay(t) @ numbers(attractiveness, t.shape[1], "rival_attractiveness", 1.0))


class _Custom:
    """The search for the sites that win the most: greedy and interchange, then branch and bound."""

    def __init__(self, pull: Floats, rest: Floats, w: Floats, ask: Asked, clock: Clock, gap: float) -> None:
        self.pull, self.rest, self.w, self.ask, self.clock, self.gap = pull, rest, w, ask, clock, gap
        self.met = Met("maximise")
        self.nodes = 0
        self.every = False

    def value(self, sites: Ints) -> float:
        """The custom that these sites win."""
        whole = self.pull[:, sites].sum(axis=1)
        return float(self.w @ _share(whole, self.rest))

    def run(self) -> float:
        """The best sites go to ``met``; the bound."""
        every = every_placement(self.ask, len(self.w))
        if every is not None:
            self.every = True
            return self._looked_at(every)
        self.clock.tell("placing sites: first answers")
        sites = greedy(self.pull, self.rest, self.w, self.ask.fixed, self.ask.free, self.ask.p or 1)
        self.met.offer(sites, self.value(sites))
        sites = interchanged(self.pull, self.rest, self.w, sites, self.ask.fixed, self.ask.free)
        self.met.offer(sites, self.value(sites))
        return self._closed()

    def _looked_at(self, every: Ints) -> float:
        some = np.array_split(every, len(every) // 500 + 1)
        values = np.concatenate(
            [self.w @ _share(self.pull[:, sites].sum(axis=2), self.rest[:, None]) for sites in some]
        )
        most = float(values.max())
        for sites in every[values >= most - rounding(most)][:1000]:
            self.met.offer(sites, self.value(sites))
        return self.met.objective

    @property
    def exact(self) -> float:
        """No answer above this is better by more than rounding."""
        return self.met.objective * (1 + 0.5e-9)

    @property
    def enough(self) -> float:
        """A bound of this is as good as a proof, or as was asked."""
        return self.met.objective * (1 + max(self.gap * (1 - 1e-9), 0.5e-9))

    def _closed(self) -> float:
        """Branch and bound, the greatest bound first."""
        status = np.full(self.pull.shape[1], OUT, np.int8)
        status[self.ask.free], status[self.ask.fixed] = FREE, IN
        heap: list[tuple[float, int, Bytes, Floats]] = []
        settled = self._raised(heap, status, np.full(len(status), 0.5), STEPS)
        while heap:
            top = max(-heap[0][0], settled)
            if top <= self.enough or self.clock.over():
                return max(top, self.met.objective)
            self.clock.tell(f"custom {self.met.objective:,.6g} of at most {top:,.6g}", self.met.objective / top)
            _, _, status, y = heappop(heap)
            free = np.flatnonzero(status == FREE)
            at = int(free[np.argmin(np.abs(y[free] - 0.5))])
            for what in (IN, OUT):
                part = status.copy()
                part[at] = what
                settled = max(settled, self._raised(heap, part, y, STEPS // 10))
        return max(settled, self.met.objective)

    def _raised(
        self, heap: list[tuple[float, int, Bytes, Floats]], status: Bytes, y: Floats, steps: int
    ) -> float:  # fmt: skip
        """Bound a part of all answers and keep it open where it may hold better ones; else what none there exceeds."""
        node = _Relaxed(self, status, y)
        while not node.decided and node.steps < steps:
            sites = node.look()
            if sites is not None:
                self.met.offer(sites, self.value(sites))
            if node.bound <= self.enough or node.flat():
                break
            node.step()
        node.fix()
        if node.decided:
            if node.possible:
                sites = node.only()
                self.met.offer(sites, self.value(sites))
                return self.met.objective
            return -np.inf
        if node.bound <= self.enough:
            return node.bound
        self.nodes += 1
        heappush(heap, (-node.bound, self.nodes, node.status, node.y))
        return -np.inf


class _Relaxed:
    """The concave programme over the sites of a part that are still free, at a point y of it."""

    def __init__(self, custom: _Custom, status: Bytes, y: Floats) -> None:
        self.c, self.status, self.bound, self.steps = custom, status, np.inf, 0
        self.never, self.always = np.zeros(len(status), bool), np.zeros(len(status), bool)
        self._last = b""
        self._count()
        if self.decided:
            return
        self.y = self._started(y)
        reached = (custom.pull[:, status != OUT] > 0).any(axis=1)
        self.won = (custom.rest <= 0) & reached  # whoever gets there wins all of it: no tangent but 1
        self.whole = custom.pull @ self.y

    def _count(self) -> None:
        self.free = np.flatnonzero(self.status == FREE)
        self.need = (self.c.ask.p or 1) - int((self.status == IN).sum())
        self.possible = 0 <= self.need <= len(self.free)
        self.decided = not 0 < self.need < len(self.free)

    def only(self) -> Ints:
        """The one answer of a part that is decided."""
        return np.flatnonzero(self.status == IN if self.need == 0 else self.status != OUT)

    def _started(self, y: Floats) -> Floats:
        """The point y with the sites in at 1, those out at 0 and the others scaled so that p are open."""
        start = np.where(self.status == IN, 1.0, 0.0)
        z = np.clip(y[self.free], 0.0, 1.0)
        over = float(z.sum()) - self.need
        start[self.free] = z * (self.need / z.sum()) if over > 0 else z + (1 - z) * (-over / (1 - z).sum())
        return start

    def look(self) -> Ints | None:
        """The tangent at y lowers the bound and fixes sites; the answer that it favours, unless it did so before."""
        c, free = self.c, self.free
        self.steps += 1
        both = self.whole + c.rest
        slope = np.divide(c.w * c.rest, both * both, out=np.zeros_like(both), where=c.rest > 0)
        self.value = float(c.w @ np.where(c.rest > 0, _share(self.whole, c.rest), self.won))
        g = self.gradient = (slope @ c.pull)[free]
        order = np.argsort(-g, kind="stable")
        self.best, others = order[: self.need], order[self.need :]
        bound = self.value + max(float(g[self.best].sum() - g @ self.y[free]), 0.0)
        self.bound = min(self.bound, bound)
        room = bound - c.exact  # what a choice must cost so that no better answer has it
        self.never[free[others[g[self.best[-1]] - g[others] > room]]] = True
        self.always[free[self.best[g[self.best] - g[others[0]] > room]]] = True
        key = np.sort(self.best).tobytes()
        fresh, self._last = key != self._last, key
        return np.sort(np.concatenate([np.flatnonzero(self.status == IN), free[self.best]])) if fresh else None

    def flat(self) -> bool:
        """Whether more steps are of no use: the bound is little above its value, or that is far above the goal."""
        gap = self.bound - self.value
        return gap <= 1e-10 * abs(self.value) or gap < 0.02 * (self.value - self.c.enough)

    def step(self) -> None:
        """Go from the worst vertex of the face of y towards the best of all, as far as custom rises."""
        free, g = self.free, self.gradient
        y = self.y[free]
        sure, part = np.flatnonzero(y >= 1.0), np.flatnonzero((y > 0.0) & (y < 1.0))
        part = part[np.argsort(g[part], kind="stable")][: self.need - len(sure)]
        d = np.zeros(len(free))
        d[self.best] += 1.0
        d[sure] -= 1.0
        d[part] -= 1.0
        moved = np.flatnonzero(d)
        if not len(moved):
            return
        most = float(np.where(d[moved] > 0, 1 - y[moved], y[moved]).min())
        along = self.c.pull[:, free[moved]] @ d[moved]
        far = _farthest(self.whole, along, self.c.rest, self.c.w, most)
        y = y + far * d
        y[y < 1e-12], y[y > 1 - 1e-12] = 0.0, 1.0
        self.y[free] = y
        self.whole = np.maximum(self.whole + far * along, 0.0)

    def fix(self) -> None:
        """Take up what was found to be in no better answer, or in all of them."""
        self.status = self.status.copy()
        self.status[self.never & (self.status == FREE)] = OUT
        self.status[self.always & (self.status == FREE)] = IN
        self._count()


def _share(whole: Floats, rest: Floats) -> Floats:
    """U / (U + R), 0 where nothing pulls."""
    return np.asarray(np.divide(whole, whole + rest, out=np.zeros_like(whole), where=whole > 0))


@compiled(nogil=True)
def _farthest(whole: Floats, along: Floats, rest: Floats, w: Floats, most: float) -> float:
    """The step in [0, most] at which the custom along a line is greatest, by bisection on its slope."""
    low, high = 0.0, most
    for turn in range(40):
        at = most if turn == 0 else 0.5 * (low + high)
        slope = 0.0
        for i in range(len(w)):
            if rest[i] > 0.0:
                both = whole[i] + at * along[i] + rest[i]
                slope += w[i] * rest[i] * along[i] / (both * both)
        if slope >= 0.0:
            low = at
        else:
            high = at
        if low >= high or high - low <= 1e-6 * most:
            break
    return low


# ---- greedy and interchange --------------------------------------------------------------------------------------


@compiled(nogil=True)
def _with_each(pull: Floats, rest: Floats, w: Floats, whole: Floats, free: Ints) -> Floats:
    """The custom that is won when one of ``free`` is opened beside sites that pull ``whole``."""
    out = np.zeros(len(free))
    for i in range(len(w)):
        for k in range(len(free)):
            mine = whole[i] + pull[i, free[k]]
            if mine > 0.0:
                out[k] += w[i] * (mine / (mine + rest[i]))
    return out


def greedy(pull: Floats, rest: Floats, w: Floats, fixed: Ints, free: Ints, p: int) -> Ints:
    """Open the site that wins the most beside those that are open, until p are: at least 1 - 1/e of the best gain."""
    sites, whole = fixed.tolist(), pull[:, fixed].sum(axis=1)
    for _ in range(p - len(sites)):
        j = int(free[np.argmax(_with_each(pull, rest, w, whole, free))])
        sites.append(j)
        free = free[free != j]
        whole = whole + pull[:, j]
    return np.sort(np.array(sites, dtype=np.int64))


def interchanged(pull: Floats, rest: Floats, w: Floats, sites: Ints, fixed: Ints, free: Ints) -> Ints:
    """Swap an own site for another as long as that wins custom."""
    while True:
        whole = pull[:, sites].sum(axis=1)
        now = float(w @ _share(whole, rest))
        closed, best = np.setdiff1d(free, sites), (now * (1 + 1e-12), -1, -1)
        for out in np.setdiff1d(sites, fixed):
            if not len(closed):
                break
            without = np.maximum(whole - pull[:, out], 0.0)
            values = _with_each(pull, rest, w, without, closed)
            k = int(values.argmax())
            best = max(best, (float(values[k]), -int(out), -int(closed[k])))
        if best[0] <= now * (1 + 1e-12):
            return sites
        sites = np.sort(np.append(sites[sites != -best[1]], -best[2]))
