"""Components whose lives and repairs are all exponential, few enough that each state of the whole is written down.

Who shares a crew waits for it in the order of failure, or of priority, so that a state says who is under repair and who
waits in which order. Long-run shares, failures and the time to the first of them are those of the chain (Trivedi,
Probability and Statistics with Reliability, ch. 8).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.simulation.components import Component, Plant, System
from potomac.simulation.recognised.comers import is_exponential
from potomac.simulation.recognised.named import Known

__all__ = ["known_chain", "of_component"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MOST = 3000
"""States at most."""

Queue = tuple[tuple[int, ...], tuple[int, ...]]
"""Components of the units under repair, sorted, and of those that wait, in their order."""
State = tuple[Queue, ...]
"""One for each crew; a component without a crew is one of its own."""


@dataclass(frozen=True, slots=True)
class _Crew:
    number: float
    by_priority: bool


@dataclass(frozen=True, slots=True)
class _Chain:
    """States from all in order on, and rates between them."""

    states: list[State]
    rates: Any  # sparse, shape (states, states), no diagonal
    down: Floats  # units down of each component, shape (states, components)
    waiting: Floats  # of which wait for a crew


def known_chain(plant: Plant) -> Known:
    """Components, crews and systems of a plant that is such a chain; nothing where it is none, or too large."""
    if not plant.components or not all(_fits(plant, c) for c in plant.components):
        return {}
    if any(s.standby or s.suspended for s in plant.systems):
        return {}
    chain = _built(plant)
    if chain is None:
        return {}
    out: Known = {}
    repaired = all(c.repair is not None for c in plant.components)
    p = _stationary(chain.rates) if repaired else None
    if p is not None:
        out |= _components(plant, chain, p)
    for s in plant.systems:
        works = np.array([_works(plant, s, row) for row in chain.down])
        out |= _first_failure(s, chain, works)
        if p is not None:
            out |= _system(plant, s, chain, works, p)
    return {key: float(value) for key, value in out.items() if isfinite(value)}


def of_component(c: Component, up: float, failures: float) -> Known:
    """Measures of a component, all of whose units in order run."""
    name = c.name
    return {
        (name, "availability"): up / c.count, (name, "mean_up"): up, (name, "mean_down"): c.count - up,
        (name, "mean_running"): up, (name, "failures_per_time"): failures, (name, "mean_up_time"): up / failures,
        (name, "mean_down_time"): (c.count - up) / failures,
    }  # fmt: skip


def _fits(plant: Plant, c: Component) -> bool:
    exponential = all(d is None or is_exponential(d) for d in (c.life, c.repair))
    return exponential and not c.mission and c.running is None and c.count <= MOST


def _crews(plant: Plant) -> tuple[list[_Crew], list[int]]:
    """The crews, and which of them each component goes to."""
    named = {crew.name: i for i, crew in enumerate(plant.crews)}
    crews = [_Crew(crew.number, crew.discipline == "priority") for crew in plant.crews]
    of = []
    for c in plant.components:
        if not c.crew:
            crews.append(_Crew(inf, False))
        of.append(named[c.crew] if c.crew else len(crews) - 1)
    return crews, of


def _built(plant: Plant) -> _Chain | None:
    from scipy.sparse import csr_matrix

    crews, of = _crews(plant)
    start: State = tuple(((), ()) for _ in crews)
    number, states = {start: 0}, [start]
    rows: list[int] = []
    columns: list[int] = []
    rates: list[float] = []
    for i, state in enumerate(states):  # grows while it is read
        for rate, after in _moves(plant, crews, of, state):
            if after not in number:
                if len(states) == MOST:
                    return None
                number[after] = len(states)
                states.append(after)
            rows.append(i)
            columns.append(number[after])
            rates.append(rate)
    n, kinds = len(states), len(plant.components)
    down, waiting = np.zeros((n, kinds)), np.zeros((n, kinds))
    for i, state in enumerate(states):
        for served, queued in state:
            np.add.at(down[i], [*served, *queued], 1.0)
            np.add.at(waiting[i], [*queued], 1.0)
    return _Chain(states, csr_matrix((rates, (rows, columns)), shape=(n, n)), down, waiting)


def _moves(plant: Plant, crews: list[_Crew], of: list[int], state: State) -> Iterator[tuple[float, State]]:
    """Failures and repairs: their rates, and the states after them."""
    for j, c in enumerate(plant.components):
        good = c.count - sum(queue.count(j) for queue in state[of[j]])
        if good > 0:
            yield good / c.life.mean, _with(state, of[j], _failed(plant, crews[of[j]], state[of[j]], j, c))
    for at, (served, queued) in enumerate(state):
        for j, units in Counter(served).items():
            repair = plant.components[j].repair
            if repair is not None:
                rest = list(served)
                rest.remove(j)
                rest += queued[:1]
                yield units / repair.mean, _with(state, at, (tuple(sorted(rest)), queued[1:]))


def _failed(plant: Plant, crew: _Crew, queue: Queue, j: int, c: Component) -> Queue:
    served, queued = queue
    if len(served) < crew.number:
        return tuple(sorted((*served, j))), queued
    at = len(queued)
    if crew.by_priority:
        at = sum(plant.components[other].priority <= c.priority for other in queued)
    return served, (*queued[:at], j, *queued[at:])


def _with(state: State, at: int, queue: Queue) -> State:
    return (*state[:at], queue, *state[at + 1 :])


def _stationary(rates: Any) -> Floats:
    """Shares of the states in the long run: pi Q = 0, the first of them put in place of one equation."""
    from scipy.sparse import diags, lil_matrix
    from scipy.sparse.linalg import spsolve

    out = np.asarray(rates.sum(1)).ravel()
    system = lil_matrix((rates - diags(out)).T)
    system[0, :] = 1.0
    right = np.zeros(len(out))
    right[0] = 1.0
    return np.asarray(spsolve(system.tocsc(), right))


def _components(plant: Plant, chain: _Chain, p: Floats) -> Known:
    out: Known = {}
    busy = dict.fromkeys((crew.name for crew in plant.crews), 0.0)
    waits = dict.fromkeys(busy, 0.0)
    for j, c in enumerate(plant.components):
        down, waiting = float(p @ chain.down[:, j]), float(p @ chain.waiting[:, j])
        failures = (c.count - down) / c.life.mean
        out |= of_component(c, c.count - down, failures)
        if c.crew:
            out |= {(c.name, "queue_length"): waiting, (c.name, "wait"): waiting / failures}
            busy[c.crew] += down - waiting
            waits[c.crew] += waiting
    for crew in plant.crews:
        name = crew.name
        out |= {(name, "utilization"): busy[name] / crew.number, (name, "queue_length"): waits[name]}
    return out


def _works(plant: Plant, s: System, down: Floats) -> bool:
    """Whether a system works with so many units of each component down."""
    good = parts = 0
    for name in s.of:
        if name in plant.component:
            c = plant.component[name]
            parts += c.count
            good += c.count - int(down[plant.components.index(c)])
        else:
            parts += 1
            good += _works(plant, plant.system[name], down)
    return good >= (s.k or parts)


def _first_failure(s: System, chain: _Chain, works: Bools) -> Known:
    """Mean time to the first failure, and the chance that there is none by some times."""
    from scipy.sparse import diags
    from scipy.sparse.linalg import expm_multiply, spsolve

    n = int(works.sum())
    out = np.asarray(chain.rates.sum(1)).ravel()
    among = (chain.rates - diags(out)).tocsr()[works][:, works].tocsc()
    if n == 0 or not works[0]:
        return {}
    found: Known = {(s.name, "mttf"): float(np.atleast_1d(spsolve(-among, np.ones(n)))[0])}
    for t in s.times:
        if t > 0 and t * float(out.max()) < 1e5:
            found[s.name, f"reliability_at_{t:g}"] = float(expm_multiply(among * t, np.ones(n))[0])
    return found


def _system(plant: Plant, s: System, chain: _Chain, works: Bools, p: Floats) -> Known:
    up = float(p[works].sum())
    failures = float(p[works] @ np.asarray(chain.rates[works][:, ~works].sum(1)).ravel())
    leaves = [plant.components.index(plant.component[name]) for name in dict.fromkeys(plant.leaves(s))]
    units = sum(plant.components[j].count for j in leaves)
    down = float(p @ chain.down[:, leaves].sum(1))
    out: Known = {(s.name, "availability"): up, (s.name, "mean_down"): down, (s.name, "mean_up"): units - down}
    if failures > 0:
        out |= {
            (s.name, "failures_per_time"): failures, (s.name, "mean_up_time"): up / failures,
            (s.name, "mean_down_time"): (1 - up) / failures,
        }  # fmt: skip
    return out
