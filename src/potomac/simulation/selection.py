"""Which scenario is best? Ranking and selection: by elimination with a guarantee (KN), or of a budget (OCBA)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, StudyError, listing

if TYPE_CHECKING:
    from potomac.simulation.model import Model

__all__ = ["Selected", "kn", "ocba", "ocba_shares", "select"]

Floats = npt.NDArray[np.float64]
Draw = Callable[[int, int, int], Floats]
"""(scenario, first replication, end) -> one value a replication."""

FIRST = 20
"""Replications of each scenario before the first decision."""


@dataclass(frozen=True)
class Selected:
    """Which scenario is best.

    Attributes:
        best: name of the scenario.
        means: of each, over the replications it had.
        replications: that each had.
        left: scenarios that were not ruled out; more than the best where the budget ended first.
        reached: whether the procedure came to its end.
        notes: what a reader must know.
    """

    best: str
    means: Mapping[str, float]
    replications: Mapping[str, int]
    left: tuple[str, ...]
    reached: bool = True
    notes: tuple[str, ...] = field(default=())


def kn(
    draw: Draw, k: int, delta: float, *, confidence: float = 0.95, first: int = FIRST, most: int = 100_000
) -> tuple[int, npt.NDArray[np.int64], Floats, list[int]]:
    """The scenario with the largest mean, by sequential elimination (Kim and Nelson 2001, procedure KN).

    If the best is better than all others by ``delta`` or more, it is found with the confidence asked, whatever the
    variances and whether or not the scenarios share their draws. With alpha the chance to be wrong,
    eta = ((2 alpha / (k - 1))^(-2 / (n0 - 1)) - 1) / 2 and h^2 = 2 eta (n0 - 1), scenario i is out at r replications
    if another one is ahead of it by more than max(0, delta / 2r (h^2 S_il^2 / delta^2 - r)), S_il^2 the variance of
    the first n0 differences.

    Args:
        draw: values of scenario i, replications from one number up to another.
        k: number of scenarios.
        delta: difference that matters.
        confidence: of a correct selection.
        first: n0, replications of each before the first elimination.
        most: replications of each at which it stops.

    Returns:
        The best; replications of each, shape (k,); means, shape (k,); the scenarios left.
    """
    alpha = 1 - confidence
    eta = 0.5 * ((2 * alpha / (k - 1)) ** (-2 / (first - 1)) - 1)
    h2 = 2 * eta * (first - 1)
    x = np.stack([draw(i, 0, first) for i in range(k)])
    spread = (x[:, None, :] - x[None, :, :]).var(axis=2, ddof=1)
    sums, counts, left, r = x.sum(1), np.full(k, first), [*range(k)], first
    ahead: dict[int, Floats] = {}
    while True:
        mean = sums / counts
        gap = delta / (2 * r) * (h2 * spread / delta**2 - r)
        left = [i for i in left if not any(mean[j] - mean[i] > max(gap[i, j], 0.0) for j in left if j != i)]
        if len(left) == 1 or r >= most:
            return max(left, key=lambda i: float(mean[i])), counts, mean, left
        at = (r - first) % first
        if at == 0:  # values are drawn some at a time; the decisions are made one by one
            ahead = {i: draw(i, r, r + first) for i in left}
        for i in left:
            sums[i] += ahead[i][at]
            counts[i] += 1
        r += 1


def ocba_shares(means: Floats, deviations: Floats) -> Floats:
    """Shares of a budget among scenarios that make a correct selection likeliest (Chen, Lin, Yucesan and Chick 2000).

    N_i / N_j = (s_i / d_i)^2 / (s_j / d_j)^2 for all but the best b, d_i how far i lies behind it, and
    N_b = s_b sqrt(sum (N_i / s_i)^2).

    Args:
        means: larger is better, shape (k,).
        deviations: standard deviations of one replication, shape (k,).

    Returns:
        Shape (k,), adding up to 1.
    """
    best = int(np.argmax(means))
    s = np.maximum(deviations, 1e-12 * max(float(np.abs(means).max()), 1e-300))
    others = np.arange(means.size) != best
    behind = np.maximum(means[best] - means, 1e-9 * max(float(s.max()), 1e-300))
    weight = np.where(others, (s / behind) ** 2, 0.0)
    weight /= weight.max()
    weight[best] = s[best] * np.sqrt(((weight[others] / s[others]) ** 2).sum())
    return np.asarray(weight / weight.sum())


def ocba(
    draw: Draw, k: int, budget: int, *, first: int = FIRST, step: int = 0
) -> tuple[int, npt.NDArray[np.int64], Floats, Floats]:
    """The scenario with the largest mean of so many replications in all, spent where they decide (OCBA).

    Args:
        draw: values of scenario i, replications from one number up to another; independent between scenarios.
        k: number of scenarios.
        budget: replications of all scenarios together.
        first: of each before the first allocation.
        step: replications in all between two allocations; default two a scenario.

    Returns:
        The best; replications of each, shape (k,); means, shape (k,); standard errors, shape (k,).
    """
    x = [draw(i, 0, first) for i in range(k)]
    step = step or 2 * k
    while True:
        n = np.array([v.size for v in x])
        means = np.array([v.mean() for v in x])
        deviations = np.array([v.std(ddof=1) for v in x])
        spare = budget - int(n.sum())
        if spare <= 0:
            return int(np.argmax(means)), n, means, deviations / np.sqrt(n)
        step_now = min(step, spare)
        want = ocba_shares(means, deviations) * (n.sum() + step_now) - n
        for i in _shared(want, step_now):
            x[i] = np.concatenate([x[i], draw(i, x[i].size, x[i].size + 1)])


def _shared(want: Floats, many: int) -> list[int]:
    """Who gets one each, ``many`` times: whoever lacks most."""
    lacking, out = want.copy(), []
    for _ in range(many):
        i = int(np.argmax(lacking))
        lacking[i] -= 1
        out.append(i)
    return out


def select(
    scenarios: Mapping[str, Model], measure: str = "time_in_system", *, delta: float | None = None,
    budget: int | None = None, better: Literal["smaller", "larger"] = "smaller", until: float | None = None,
    warmup: float | Literal["auto"] = "auto", confidence: float = 0.95, most: int = 2000, seed: int = 0, jobs: int = 1,
    progress: Progress | None = None,
) -> Selected:  # fmt: skip
    """The best of several scenarios: with a guarantee (``delta``), or of a number of replications (``budget``).

    With ``delta`` by KN, all scenarios seeing the same draws; with ``budget`` by OCBA, each its own.

    Args:
        scenarios: name -> model.
        measure: ``wait``, or of one place ``desk:wait``.
        delta: difference that matters, in the unit of the measure.
        budget: replications of all scenarios together.
        better: whether smaller or larger is.
        until: end of each replication; default as long as the slowest scenario needs.
        warmup: time left out at the start, or ``auto``.
        confidence: of a correct selection, with ``delta``.
        most: replications of each scenario at which KN stops.
        seed: of the streams.
        jobs: processes.
        progress: hears how far it is.

    Raises:
        StudyError: fewer than two scenarios, neither or both of delta and budget, or no such measure.
        NoAnswer: a scenario cannot be run so.
    """
    from potomac.simulation.comparing import compare
    from potomac.simulation.executors.execute import replications
    from potomac.simulation.executors.measures import measured
    from potomac.stats.streams import Stream

    names = tuple(scenarios)
    _check(names, delta, budget, confidence)
    tell = progress or Quiet()
    pilot = compare(scenarios, measure, until=until, warmup=warmup, replications=FIRST, seed=seed, jobs=jobs,
                    progress=progress)  # fmt: skip
    sign = -1.0 if better == "smaller" else 1.0
    windows = {name: run.window for name, run in pilot.runs.items()}

    def draw(i: int, start: int, stop: int) -> Floats:
        name, path = names[i], ("simulation",) if delta is not None else ("simulation", f"scenario {i}")
        declared = scenarios[name].checked()
        runs = replications(declared, range(start, stop), windows[name], Stream(seed).child(*path), jobs=jobs)
        tell("replications", stop, float(most if budget is None else budget))
        return sign * measured(declared, runs, windows[name])[pilot.where, pilot.measure]

    if delta is not None:
        best, n, means, left = kn(draw, len(names), delta, confidence=confidence, most=most)
        note = () if len(left) == 1 else (
            f"After {most:,} replications {listing(names[i] for i in left)} are not told apart by {delta:g}; "
            f"the best so far is given.",)  # fmt: skip
    else:
        best, n, means, _ = ocba(draw, len(names), int(budget or 0))
        left, note = [best], ()
    return Selected(
        names[best], {name: sign * float(m) for name, m in zip(names, means, strict=True)},
        {name: int(c) for name, c in zip(names, n, strict=True)}, tuple(names[i] for i in left), len(left) == 1, note,
    )  # fmt: skip


def _check(names: Sequence[str], delta: float | None, budget: int | None, confidence: float) -> None:
    def wrong(what: str, expected: str, key: str) -> StudyError:
        return StudyError(Fault("simulation.selection", what, expected, key=key))

    if len(names) < 2:
        raise wrong(f"there are {len(names)} scenarios", "expected two or more to choose from", "scenarios")
    if (delta is None) == (budget is None):
        raise wrong("delta and budget are given together or not at all", "expected one of them", "delta")
    if delta is not None and not 0 < delta < inf:
        raise wrong(f"delta is {delta!r:.60}", "expected a difference above 0", "delta")
    if budget is not None and budget < FIRST * len(names):
        raise wrong(f"the budget is {budget!r:.60}", f"expected {FIRST * len(names)} replications or more", "budget")
    if not 1 / len(names) < confidence < 1:
        raise wrong(
            f"confidence is {confidence!r:.60}", f"expected more than {1 / len(names):.3g}, below 1", "confidence"
        )
