"""What is to come, in order of time, priority, sequence: an indexed 4-ary heap (Johnson 1975).

An event that is called off leaves at once, and none has to be looked for.
"""

from __future__ import annotations

from typing import Any

from potomac.simulation.loop.memory import hot, inner
from potomac.simulation.loop.world import NONE, coming, place_of

__all__ = ["cancel", "schedule"]


@inner
def _sooner(t: float, order: int, other: Any) -> bool:
    return t < other.time or (t == other.time and order < other.order)


@inner
def _put(k: Any, i: int, t: float, order: int, event: int) -> None:
    slot = coming(k, i)
    slot.time, slot.order, slot.event = t, order, event
    place_of(k, event).v = i


@inner
def _up(k: Any, i: int, t: float, order: int, event: int) -> None:
    while i > 0:
        parent = (i - 1) >> 2
        above = coming(k, parent)
        if not _sooner(t, order, above):
            break
        _put(k, i, above.time, above.order, above.event)
        i = parent
    _put(k, i, t, order, event)


@inner
def _down(k: Any, i: int, t: float, order: int, event: int) -> None:
    while True:
        first = 4 * i + 1
        if first >= k.size:
            break
        least = first
        for child in range(first + 1, min(first + 4, k.size)):
            if _sooner(coming(k, child).time, coming(k, child).order, coming(k, least)):
                least = child
        below = coming(k, least)
        if _sooner(t, order, below):
            break
        _put(k, i, below.time, below.order, below.event)
        i = least
    _put(k, i, t, order, event)


@inner
def schedule(k: Any, event: int, t: float, rank: int) -> None:
    """Let ``event`` happen at ``t``, wherever it stood before; at the same time smaller ranks come first."""
    order = (rank << 56) | k.sequence
    k.sequence += 1
    i = place_of(k, event).v
    if i == NONE:
        k.size += 1
        _up(k, k.size - 1, t, order, event)
    elif t < coming(k, i).time:
        _up(k, i, t, order, event)
    else:
        _down(k, i, t, order, event)


@hot
def cancel(k: Any, event: int) -> None:
    """Call ``event`` off, where it is still to come."""
    i = place_of(k, event).v
    if i == NONE:
        return
    k.size -= 1
    place_of(k, event).v = NONE
    if i == k.size:
        return
    last = coming(k, k.size)
    t, order, moved = last.time, last.order, last.event
    if i > 0 and _sooner(t, order, coming(k, (i - 1) >> 2)):
        _up(k, i, t, order, moved)
    else:
        _down(k, i, t, order, moved)
