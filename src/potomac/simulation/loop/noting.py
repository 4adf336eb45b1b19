"""What happens, kept event by event where a log is asked for; where none is, a look at one number and nothing else."""

from __future__ import annotations

from typing import Any

from potomac.simulation.loop.memory import inner
from potomac.simulation.loop.world import LOG, NONE, customer_of, logged

__all__ = ["EVENTS", "LOG", "note"]

EVENTS = (
    "arrival", "start", "interrupt", "end", "renege", "balk", "block", "depart", "fail", "repair", "servers", "demand",
    "order", "delivery", "down", "up",
)  # fmt: skip
"""Names of what is kept, by number."""

(CAME, BEGAN, INTERRUPTED, ENDED, GAVE_UP, BALKS, BLOCKS, WENT, FAILS, REPAIRED, STAFFED, ASKED, SENT,
 BROUGHT, FELL, ROSE) = range(len(EVENTS))  # fmt: skip


@inner
def note(k: Any, what: int, i: int, c: int, t: float, amount: float) -> None:
    """Keep an event at station ``i`` (NONE: none) of customer ``c`` (NONE: nobody's), where a log is asked for.

    What does not fit is counted and not kept: the caller sees that ``logged`` is more than there are rows.
    """
    if k.rows == 0:
        return
    if k.logged < k.rows:
        row = logged(k, k.logged)
        row.time, row.event, row.where, row.amount = t, what, i, amount
        row.customer, row.kind, row.level = NONE, NONE, NONE
        if c != NONE:
            cust = customer_of(k, c)
            row.customer, row.kind, row.level = cust.number, cust.kind, cust.level
    k.logged += 1
