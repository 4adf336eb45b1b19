"""Candidates that are sites, may be, or are none, and fixing them by reduced cost (Beasley 1985)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.stats.compiled import compiled

__all__ = ["FREE", "IN", "OUT", "fix"]

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.int8]

FREE, IN, OUT = 0, 1, -1


@compiled(nogil=True)
def fix(worth: Floats, status: Bytes, taken: Any, value: float, goal: float, last: float, after: float) -> int:
    """Fix by reduced cost what no answer below ``goal`` has otherwise; how many were.

    Args:
        worth: what each candidate adds to the bound as a site, (m,).
        status: FREE, IN or OUT for each candidate, (m,); written.
        taken: whether the bound takes it, (m,).
        value: the bound.
        goal: what is proven worse is not sought.
        last: what goes with the dearest that is taken, where another comes for it.
        after: what comes with the cheapest that is not, where one that is taken goes.
    """
    count = 0
    for j in range(len(worth)):
        if status[j] != FREE:
            continue
        if taken[j]:
            if value - worth[j] + after >= goal:
                status[j] = IN
                count += 1
        elif value + worth[j] - last >= goal:
            status[j] = OUT
            count += 1
    return count
