"""Linear and integer programmes, handed to HiGHS: one thread, a fixed seed, and the bound kept whatever happens.

Huangfu and Hall 2018, Parallelizing the dual revised simplex method.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import PotomacError

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["Clock", "Program", "Solved", "ended", "fulfilling", "solve"]

Floats = npt.NDArray[np.float64]
Ending = Literal["optimal", "infeasible", "time_limit"]

ROUNDING = 1e-6
"""How far values may be from whole numbers and from their limits, relative to the size of a row."""

FINE = 2.0**10
"""Objectives from this on are told apart to less than a billionth by HiGHS, which takes 1e-7 for nothing."""

BLUNT = 1e-6
"""By how much an optimum of HiGHS may be too large."""


class Clock:
    """How much of a time limit (s) is left, and how progress is told."""

    def __init__(self, limit: float, progress: Progress | None = None) -> None:
        self._begun = monotonic()
        self._limit = limit
        self.progress: Progress = progress or Quiet()

    def left(self) -> float:
        """Seconds left, not below 0."""
        return max(0.0, self._limit - (monotonic() - self._begun))

    def over(self) -> bool:
        """Whether the time is up."""
        return self.left() <= 0.0

    def tell(self, what: str, share: float = 0.0) -> None:
        """Say what is done now; ``share`` of it is through.

        Raises:
            Interrupted: the work shall stop.
        """
        self.progress(what, share, 1.0)


@dataclass(frozen=True)
class Program:
    """Minimise ``cost @ x + offset`` with ``low <= rows @ x <= high`` and ``lower <= x <= upper``.

    Attributes:
        cost: shape (k,).
        lower, upper: shape (k,).
        whole: which variables are whole numbers, shape (k,).
        rows: sparse, shape (r, k).
        low, high: shape (r,).
    """

    cost: Floats
    lower: Floats
    upper: Floats
    whole: npt.NDArray[np.bool_]
    rows: sparse.csr_matrix
    low: Floats
    high: Floats
    offset: float = 0.0


@dataclass(frozen=True)
class Solved:
    """What HiGHS found: ``values`` is None where it met no solution; no solution can be below ``bound``.

    The values fulfil the programme, whole ones being whole, and ``objective`` is computed from them.
    """

    values: Floats | None
    objective: float
    bound: float
    ending: Ending


def solve(
    program: Program, clock: Clock, what: str, *, gap: float = 0.0, step: float = 0.0, seed: int = 0,
    enough: float | None = None, seconds: float = np.inf,
) -> Solved:  # fmt: skip
    """Solve by simplex, and by branch and cut where variables are whole.

    HiGHS is never given a solution to begin with: 1.16 counts the objective of one without what presolve has taken out,
    and then states that too small value as the optimum.

    Args:
        program: what to minimise.
        clock: the time that is left, and where progress is told.
        what: what is told.
        gap: relative gap at which it may stop.
        step: objectives are multiples of this (0: any number): a bound closer than one step proves.
        seed: of HiGHS; the same seed gives the same answer unless time runs out.
        enough: stop at a solution that is at most this.
        seconds: of this solve at most.

    Raises:
        Interrupted: the work shall stop.
    """
    size = max(float(np.abs(program.cost).max(initial=0.0)), abs(program.offset))
    unit = 1.0 if step else _unit(size, size)
    while True:
        target = None if enough is None else enough * unit
        found = _run(_times(program, unit), clock, what, gap, step, seed, target, seconds)
        objective = np.inf if found.values is None else float(program.cost @ found.values) + program.offset
        found = replace(found, objective=objective, bound=min(found.bound / unit, objective))
        least = _least(program)
        if step or found.ending != "optimal" or abs(objective) * unit >= FINE or objective <= least:
            return found
        finer = _unit(abs(objective), size)
        if finer <= unit or clock.over():
            return replace(found, bound=min(found.bound, max(objective - BLUNT / unit, least)))
        unit = finer


def _unit(about: float, size: float) -> float:
    """The power of two that makes numbers ``about`` so large about 2^20, and those of ``size`` at most 2^50.

    HiGHS's tolerances are absolute, and costs come in any unit.
    """
    if not 0.0 < size < np.inf:
        return 1.0
    return float(2.0 ** min(20 - np.frexp(max(about, 1e-300))[1], 50 - np.frexp(size)[1]))


def _times(program: Program, unit: float) -> Program:
    return program if unit == 1.0 else replace(program, cost=program.cost * unit, offset=program.offset * unit)


def _least(program: Program) -> float:
    """What the objective cannot be below as each variable lies within its limits."""
    with np.errstate(invalid="ignore"):
        each = np.minimum(program.cost * program.lower, program.cost * program.upper)
    least = float(np.where(program.cost == 0, 0.0, each).sum()) + program.offset
    return least if np.isfinite(least) else -np.inf


def _run(
    program: Program, clock: Clock, what: str, gap: float, step: float, seed: int, enough: float | None,
    seconds: float,
) -> Solved:  # fmt: skip
    import highspy

    high = _set_up(highspy, program, min(clock.left(), seconds), gap, step, seed, enough)
    raised = _listening(highspy, high, clock, what)
    high.run()
    if raised:
        raise raised[0]
    return _read(highspy, high, program)


def _set_up(
    highspy: Any, program: Program, seconds: float, gap: float, step: float, seed: int, enough: float | None
) -> Any:
    high = highspy._core._Highs()  # its Python face writes a banner to stdout as soon as it is made
    options = {
        "output_flag": False, "threads": 1, "random_seed": int(seed) % (2**31 - 1), "time_limit": max(seconds, 0.01),
        "mip_rel_gap": gap, "mip_abs_gap": max(step * (1 - 1e-6), 1e-9), "mip_feasibility_tolerance": 1e-7,
    }  # fmt: skip
    for name, value in options.items():
        high.setOptionValue(name, value)
    if enough is not None:
        high.setOptionValue("objective_target", enough)
    rows, infinity = program.rows, highspy.kHighsInf
    bounds = [np.clip(side, -infinity, infinity) for side in (program.lower, program.upper, program.low, program.high)]
    high.passModel(
        rows.shape[1], rows.shape[0], rows.nnz, int(highspy.MatrixFormat.kRowwise), int(highspy.ObjSense.kMinimize),
        program.offset, program.cost, *bounds, rows.indptr[:-1].astype(np.int32), rows.indices.astype(np.int32),
        rows.data.astype(np.float64), program.whole.astype(np.int32),
    )  # fmt: skip
    return high


def _listening(highspy: Any, high: Any, clock: Clock, what: str) -> list[PotomacError]:
    """Progress is told from inside HiGHS; what it raises is kept until HiGHS has stopped."""
    raised: list[PotomacError] = []
    told = [monotonic()]

    def heard(_kind: Any, _message: str, _out: Any, answer: Any, _data: Any) -> None:
        if raised:
            answer.user_interrupt = True
        elif monotonic() - told[0] > 0.5:
            told[0] = monotonic()
            try:
                clock.tell(what)
            except PotomacError as error:
                raised.append(error)
                answer.user_interrupt = True

    high.setCallback(heard, None)
    for kind in (highspy.cb.HighsCallbackType.kCallbackMipInterrupt,
                 highspy.cb.HighsCallbackType.kCallbackSimplexInterrupt):  # fmt: skip
        high.startCallback(kind)
    return raised


def _read(highspy: Any, high: Any, program: Program) -> Solved:
    status, info = high.getModelStatus(), high.getInfo()
    kinds = highspy.HighsModelStatus
    if status in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible):
        return Solved(None, np.inf, np.inf, "infeasible")
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    values = fulfilling(program, np.array(high.getSolution().col_value)) if found else None
    objective = np.inf if values is None else float(program.cost @ values) + program.offset
    if found and not _agrees(program, values, objective, float(info.objective_function_value)):
        return Solved(values, objective, -np.inf, "time_limit")  # nor is its bound to be trusted then
    done = status == kinds.kOptimal and values is not None
    bound = float(info.mip_dual_bound) if program.whole.any() else objective if done else -np.inf
    bound = bound if np.isfinite(bound) else -np.inf
    return Solved(values, objective, min(bound, objective), "optimal" if done else "time_limit")


def _agrees(program: Program, values: Floats | None, objective: float, told: float) -> bool:
    """Whether HiGHS's solution is one, and worth what it says."""
    if values is None:
        return False
    size = 1.0 + abs(program.offset) + float(np.abs(program.cost) @ np.abs(values))
    return abs(objective - told) <= ROUNDING * size


def fulfilling(program: Program, values: Floats) -> Floats | None:
    """The values with whole ones made whole, or None where they do not fulfil the programme."""
    exact = np.clip(np.where(program.whole, np.round(values), values), program.lower, program.upper)
    if np.abs(exact - values).max(initial=0.0) > ROUNDING:
        return None
    size = ROUNDING * (1.0 + abs(program.rows) @ np.abs(exact))
    reached = program.rows @ exact
    within = (reached >= program.low - size) & (reached <= program.high + size)
    return exact if within.all() else None


def ended(objective: float, bound: float, gap: float, step: float = 0.0) -> tuple[float, bool]:
    """The bound to state for a minimum, and whether it proves the objective; objectives are multiples of ``step``."""
    if step:
        bound = float(np.ceil(bound / step - 1e-6)) * step if np.isfinite(bound) else bound
    proven = bound >= objective - 1e-9 * abs(objective)
    return (objective if proven else bound), proven
