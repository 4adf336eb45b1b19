"""Interchange: swap an open site for a closed one as long as that lowers the cost, and wander where nothing does.

The saving of a swap is read from the two nearest open sites of each demand point (Whitaker 1983): opening a site saves
its gain, closing one costs its loss, and what both do to the same demand point is taken back (Resende and Werneck,
Computers & Operations Research 34, 2007; Schubert and Rousseeuw, Information Systems 101, 2021, take the first that
improves). Only the demand points that have the new site nearer than their second nearest matter: those of its list.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from potomac.location.pmedian.costs import Lists, Source, between
from potomac.stats.compiled import compiled

__all__ = ["State", "greedy", "improve", "opened", "swap", "total", "wander"]

Floats = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class State(NamedTuple):
    """Open sites and, for each demand point, the two nearest of them.

    Attributes:
        sites: open candidates by slot, (p,).
        slot: slot of each candidate, -1 where it is closed, (m,).
        a1, a2: slots of the nearest and second nearest, -1 where there is none, (n,).
        d1, d2: their weighted costs, ``Source.far`` where there is none, (n,).
        loss: what closing each slot would cost, (p,).
        locked: slots that stay open, (p,).
        closed: candidates that may not be opened, (m,).
    """

    sites: Int32s
    slot: Int32s
    a1: Int32s
    a2: Int32s
    d1: Floats
    d2: Floats
    loss: Floats
    locked: Bools
    closed: Bools


def opened(source: Source, lists: Lists, sites: Ints, fixed: Ints, allowed: Bools) -> State:
    """The state with ``sites`` open, of which ``fixed`` stay open, and what is not ``allowed`` stays closed."""
    n, m, p = len(source.weight), len(allowed), len(sites)
    slot = np.full(m, -1, np.int32)
    slot[sites] = np.arange(p)
    state = State(
        sites.astype(np.int32), slot, np.full(n, -1, np.int32), np.full(n, -1, np.int32), np.zeros(n), np.zeros(n),
        np.zeros(p), np.isin(sites, fixed), ~allowed,
    )  # fmt: skip
    _refresh(source, lists, state)
    return state


@compiled(nogil=True)
def total(state: Any) -> float:
    """The objective."""
    return float(state.d1.sum())


@compiled(nogil=True)
def _nearest_but(source: Any, lists: Any, state: Any, i: int, but: int) -> tuple[int, float]:
    """Slot and weighted cost of the nearest open site of demand point i whose slot is not ``but``."""
    for k in range(lists.start[i], lists.start[i + 1]):
        t = state.slot[lists.site[k]]
        if t >= 0 and t != but:
            return t, lists.cost[k]
    best, what = -1, source.far
    if lists.reach[i] < np.inf:  # beyond the list: ask all that are open
        for t in range(len(state.sites)):
            if t != but:
                c = between(source, i, state.sites[t])
                if c < what:
                    best, what = t, c
    return best, what


@compiled(nogil=True)
def _refresh(source: Any, lists: Any, state: Any) -> None:
    """Set the two nearest of all demand points anew."""
    for i in range(len(state.a1)):
        if source.weight[i] == 0.0:
            continue
        state.a1[i], state.d1[i] = _nearest_but(source, lists, state, i, -1)
        state.a2[i], state.d2[i] = -1, source.far
        if state.a1[i] >= 0:
            state.a2[i], state.d2[i] = _nearest_but(source, lists, state, i, state.a1[i])
    _losses(state)


@compiled(nogil=True)
def _losses(state: Any) -> None:
    state.loss[:] = 0.0
    for i in range(len(state.a1)):
        if state.a1[i] >= 0:
            state.loss[state.a1[i]] += state.d2[i] - state.d1[i]
    for t in range(len(state.loss)):
        if state.locked[t]:
            state.loss[t] = np.inf


@compiled(nogil=True)
def _cheapest(state: Any) -> int:
    """The slot that is closed at the least loss."""
    least = 0
    for t in range(1, len(state.loss)):
        if state.loss[t] < state.loss[least]:
            least = t
    return least


@compiled(nogil=True)
def _best_swap(lists: Any, state: Any, j: int, extra: Floats, touched: Int32s, cheapest: int) -> tuple[float, int]:
    """The change of the objective when candidate j is opened and the best slot is closed for it, and that slot.

    ``extra`` is all 0 and is left so. A slot that no demand point of the list has nearest costs its loss, of which the
    cheapest is known.
    """
    gain, count = 0.0, 0
    for k in range(lists.below[j], lists.below[j + 1]):
        i, c = lists.row[k], lists.toll[k]
        d2 = state.d2[i]
        if c >= d2:
            continue
        t, d1 = state.a1[i], state.d1[i]
        saved = d2 - c
        if c < d1:
            gain += d1 - c
            saved = d2 - d1
        if t >= 0:
            if extra[t] == 0.0 and saved > 0.0:
                touched[count] = t
                count += 1
            extra[t] += saved
    best, least = cheapest, state.loss[cheapest] - extra[cheapest]
    for k in range(count):
        t = touched[k]
        loss = state.loss[t] - extra[t]
        if loss < least or (loss == least and t < best):
            best, least = t, loss
        extra[t] = 0.0
    return least - gain, best


@compiled(nogil=True)
def swap(source: Any, lists: Any, state: Any, t: int, j: int) -> None:
    """Close slot t and open candidate j in it."""
    state.slot[state.sites[t]] = -1
    state.slot[j] = t
    state.sites[t] = j
    far = lists.reach
    for i in range(len(state.a1)):
        a1, a2 = state.a1[i], state.a2[i]
        if a1 == t or a2 == t:
            if a1 == t:
                state.a1[i], state.d1[i] = a2, state.d2[i]
            # the slot now stands for the new site, which is set below: leave it out of the search
            state.a2[i], state.d2[i] = _second(source, lists, state, i, t)
        if far[i] < state.d2[i]:
            _offer(state, i, t, between(source, i, j))
    for k in range(lists.below[j], lists.below[j + 1]):
        i = lists.row[k]
        if state.a1[i] != t and state.a2[i] != t:
            _offer(state, i, t, lists.toll[k])
    _losses(state)


@compiled(nogil=True)
def _second(source: Any, lists: Any, state: Any, i: int, t: int) -> tuple[int, float]:
    """The nearest open site besides the nearest and slot t."""
    first = state.a1[i]
    for k in range(lists.start[i], lists.start[i + 1]):
        s = state.slot[lists.site[k]]
        if s >= 0 and s != first and s != t:
            return s, lists.cost[k]
    best, what = -1, source.far
    if lists.reach[i] < np.inf:
        for s in range(len(state.sites)):
            if s != first and s != t:
                c = between(source, i, state.sites[s])
                if c < what:
                    best, what = s, c
    return best, what


@compiled(nogil=True)
def _offer(state: Any, i: int, t: int, c: float) -> None:
    """Slot t is open at cost c: is it among the two nearest?"""
    if state.a1[i] < 0 and c < state.d1[i]:
        state.a1[i], state.d1[i] = t, c
    elif c < state.d1[i]:
        state.a2[i], state.d2[i] = state.a1[i], state.d1[i]
        state.a1[i], state.d1[i] = t, c
    elif c < state.d2[i]:
        state.a2[i], state.d2[i] = t, c


@compiled(nogil=True)
def _draw(random: Any, below: int) -> Any:
    """A whole number from 0 to ``below`` - 1 (SplitMix64: Steele, Lea and Flood 2014)."""
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    z = random[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.int64((z >> np.uint64(1)) % np.uint64(below))


@compiled(nogil=True)
def greedy(lists: Any, weight: Floats, fixed: Ints, allowed: Bools, p: int, tries: int, random: Any) -> Ints:
    """Open sites one by one, each the best of ``tries`` drawn (sampled greedy: Resende and Werneck 2004)."""
    n, m = len(lists.start) - 1, len(allowed)
    near = np.zeros(n)
    for i in range(n):
        if lists.start[i + 1] > lists.start[i]:
            near[i] = lists.cost[lists.start[i + 1] - 1]
            if lists.reach[i] < np.inf:
                near[i] = max(near[i], lists.reach[i])
    open_, sites = np.zeros(m, np.bool_), np.empty(p, np.int64)
    free = np.flatnonzero(allowed)
    for t in range(p):
        best, most = -1, -1.0
        if t < len(fixed):
            best = fixed[t]
        else:
            drawn = 0
            while drawn < tries or best < 0:
                j = free[_draw(random, len(free))]
                drawn += 1
                if open_[j]:
                    continue
                gain = 0.0
                for k in range(lists.below[j], lists.below[j + 1]):
                    gain += max(0.0, near[lists.row[k]] - lists.toll[k])
                if gain > most:
                    best, most = j, gain
        sites[t], open_[best] = best, True
        for k in range(lists.below[best], lists.below[best + 1]):
            i = lists.row[k]
            near[i] = min(near[i], lists.toll[k])
    return sites


@compiled(nogil=True)
def improve(source: Any, lists: Any, state: Any, queue: Int32s, length: int, waiting: Bools, tolerance: float) -> int:
    """Swap until no candidate of the queue improves; those near a swap are queued again. How many swaps there were.

    Args:
        queue: candidates to try, the first ``length`` of (m,); each once.
        length: how many.
        waiting: which candidates are in the queue, (m,); all False when this ends.
        tolerance: least saving that counts.
    """
    m, p, swaps, head = len(waiting), len(state.sites), 0, 0
    extra, touched = np.zeros(p), np.empty(p, np.int32)
    cheapest = _cheapest(state)
    for k in range(length):
        waiting[queue[k]] = True
    while length > 0 and swaps < 50 * m:
        j = queue[head]
        head = (head + 1) % m
        length -= 1
        waiting[j] = False
        if state.slot[j] >= 0 or state.closed[j]:
            continue
        change, t = _best_swap(lists, state, j, extra, touched, cheapest)
        if change >= -tolerance or state.locked[t]:
            continue
        length = _queued(lists, state, t, queue, head, length, waiting)
        swap(source, lists, state, t, j)
        swaps += 1
        cheapest = _cheapest(state)
        length = _queued(lists, state, t, queue, head, length, waiting)
    while length > 0:
        waiting[queue[head]] = False
        head = (head + 1) % m
        length -= 1
    return swaps


@compiled(nogil=True)
def _queued(lists: Any, state: Any, t: int, queue: Int32s, head: int, length: int, waiting: Bools) -> int:
    """Queue the candidates nearest to the demand points whose nearest or second nearest is slot t."""
    m = len(waiting)
    few = 2 + m // len(state.a1)
    for i in range(len(state.a1)):
        if state.a1[i] == t or state.a2[i] == t:
            for k in range(lists.start[i], min(lists.start[i] + few, lists.start[i + 1])):
                j = lists.site[k]
                if not waiting[j]:
                    waiting[j] = True
                    queue[(head + length) % m] = j
                    length += 1
    return length


@compiled(nogil=True)
def _shake(
    source: Any, lists: Any, state: Any, swaps: int, spread: float, random: Any, queue: Int32s, waiting: Bools
) -> int:
    """Random swaps beside each other; returns how many candidates are queued to mend them."""
    n, p, length = len(state.a1), len(state.sites), 0
    i = _draw(random, n)
    for _ in range(swaps):
        for _tries in range(20):
            row = lists.start[i + 1] - lists.start[i]
            if row > 0:
                break
            i = _draw(random, n)
        if row == 0:
            break
        j = lists.site[lists.start[i] + _draw(random, max(1, min(row, int(spread * len(waiting) / p) + 2)))]
        t = state.a1[i] if _draw(random, 3) < 2 else state.a2[i]
        if t >= 0 and not state.locked[t] and state.slot[j] < 0 and not state.closed[j]:
            length = _queued(lists, state, t, queue, 0, length, waiting)
            swap(source, lists, state, t, j)
            length = _queued(lists, state, t, queue, 0, length, waiting)
        column = lists.below[j + 1] - lists.below[j]
        if column > 0:
            i = lists.row[lists.below[j] + _draw(random, column)]
    return length


@compiled(nogil=True)
def _copied(state: Any, into: Any) -> None:
    into.sites[:], into.slot[:], into.loss[:] = state.sites, state.slot, state.loss
    into.a1[:], into.a2[:], into.d1[:], into.d2[:] = state.a1, state.a2, state.d1, state.d2


@compiled(nogil=True)
def wander(
    source: Any, lists: Any, state: Any, spare: Any, rounds: int, random: Any, tolerance: float, met: Int32s
) -> tuple[float, int]:
    """Iterated search: shake a part of the answer, mend it by interchange, keep it unless it is worse.

    Args:
        spare: a second state of the same shapes.
        met: other answers as good as the best, (room, p); set from the first row on.

    Returns:
        The best objective, which ``state`` holds, and how many rows of ``met`` are set.
    """
    m = len(state.slot)
    queue, waiting = np.empty(m, np.int32), np.zeros(m, np.bool_)
    best, count = total(state), 0
    for _ in range(rounds):
        _copied(state, spare)
        swaps = 1 + _draw(random, 4)
        length = _shake(source, lists, state, swaps, 1.5, random, queue, waiting)
        improve(source, lists, state, queue, length, waiting, tolerance)
        now = total(state)
        if now > best + tolerance:
            _copied(spare, state)
            continue
        if now < best - tolerance:
            count = 0
        elif count < len(met) and _differs(state, spare):
            met[count] = spare.sites
            count += 1
        best = now
    return best, count


@compiled(nogil=True)
def _differs(one: Any, other: Any) -> bool:
    for j in other.sites:  # noqa: SIM110 - compiled
        if one.slot[j] < 0:
            return True
    return False
