"""Components whose structure a textbook knows: chains of units alike, and trees of units that depend on nobody else."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import numpy as np
import numpy.typing as npt

from potomac.errors import NoAnswer
from potomac.simulation import closed_forms as exact
from potomac.simulation.closed_forms.birth_death import stationary
from potomac.simulation.components import Component, Plant, System
from potomac.simulation.recognised.comers import is_exponential
from potomac.simulation.recognised.laws import mean_of, nodes, survival
from potomac.simulation.recognised.markov import known_chain, of_component
from potomac.simulation.recognised.named import Known

__all__ = ["known_plant"]

Floats = npt.NDArray[np.float64]

MOST_UNITS, MOST_STAGES = 2000, 200


def known_plant(plant: Plant) -> Known:
    """What is known of components, systems and crews."""
    out: Known = {}
    suspended = {name for s in plant.systems if s.suspended for name in plant.leaves(s)}
    for c in plant.components:
        if c.name not in suspended and c.repair is not None:
            out |= _free(plant, c) or _machines(plant, c)
    for s in plant.systems:
        if not all(t > 0 for t in s.times):
            continue
        try:
            out |= _chain(plant, s) or _tree(plant, s, suspended)
        except NoAnswer:
            continue
    lacking = any((s.name, "mttf") not in out for s in plant.systems)
    lacking |= any((c.name, "availability") not in out for c in plant.components if c.repair is not None)
    if lacking:
        out = known_chain(plant) | out
    return {key: float(value) for key, value in out.items() if isfinite(value)}


def _grouped(plant: Plant, c: Component) -> bool:
    return c.running is not None or any(s.standby and c.name in s.of for s in plant.systems)


def _crew_of(plant: Plant, c: Component) -> int | None:
    """How many units of a component can be repaired at once; None where others share the crew."""
    if not c.crew:
        return c.count
    users = [other for other in plant.components if other.crew == c.crew]
    number = next(crew.number for crew in plant.crews if crew.name == c.crew)
    if number >= sum(other.count for other in users):
        return c.count
    return min(number, c.count) if users == [c] else None


def _free(plant: Plant, c: Component) -> Known:
    """Units that run on their own and find somebody at once, whatever the laws: Barlow and Proschan, ch. 7."""
    if _grouped(plant, c) or _crew_of(plant, c) != c.count or c.repair is None or c.life.is_trace or c.repair.is_trace:
        return {}
    life = mean_of(c.life)
    up = exact.availability(life, mean_of(c.repair))
    out = of_component(c, up * c.count, c.count * up / life)
    if c.crew:
        out |= {(c.name, "queue_length"): 0.0, (c.name, "wait"): 0.0}
    return out


def _machines(plant: Plant, c: Component) -> Known:
    """Units alike with one crew of their own, lives and repairs exponential: machine repair, with spares or without."""
    crews = _crew_of(plant, c)
    if crews is None or not _markovian(c) or c.repair is None or c.count > MOST_UNITS:
        return {}
    if any(s.standby and c.name in s.of for s in plant.systems) or (c.running is not None and c.switch < 1):
        return {}
    n, failed = c.count, np.arange(c.count + 1)
    run = np.minimum(c.running or n, n - failed)
    rates = run / c.life.mean + (n - failed - run) / (c.dormant.mean if c.dormant else np.inf)
    p = stationary(rates[:-1], np.minimum(failed, crews)[1:] / c.repair.mean)
    out = of_component(c, n - float(p @ failed), float(p @ rates)) | {(c.name, "mean_running"): float(p @ run)}
    if not c.crew:
        return out
    busy, waiting = float(p @ np.minimum(failed, crews)), float(p @ np.maximum(failed - crews, 0))
    out |= {(c.name, "queue_length"): waiting, (c.name, "wait"): waiting / float(p @ rates)}
    return out | {(c.crew, "utilization"): busy / crews, (c.crew, "queue_length"): waiting}


def _markovian(c: Component) -> bool:
    return all(d is None or is_exponential(d) for d in (c.life, c.repair, c.dormant))


def _chain(plant: Plant, s: System) -> Known:
    """Some of n units alike that must work, or with standby: a chain of the number that has failed."""
    if len(s.of) != 1 or s.of[0] in plant.system:
        return {}
    c = plant.component[s.of[0]]
    n, k = c.count, (s.k or 1) if s.standby else (s.k or c.count)
    stands_by = s.standby or c.running is not None
    if s.standby and k == 1 and c.repair is None and c.dormant is None and not is_exponential(c.life):
        return _one_after_another(s, c)
    if c.mission or not _markovian(c) or n > MOST_UNITS or (c.running is not None and c.running != k):
        return {}
    spare = 1 / c.life.mean if not stands_by else 1 / c.dormant.mean if c.dormant else 0.0
    switch = s.switch if s.standby else c.switch
    if c.repair is None:
        return _unrepaired(s, c, k, spare, switch) if stands_by else {}
    others = [other for other in plant.systems if other is not s and other.suspended and c.name in plant.leaves(other)]
    crews = _crew_of(plant, c)
    if crews is None or (stands_by and switch < 1) or others:
        return {}
    found = exact.repairable_k_out_of_n(
        k, n, 1 / c.life.mean, 1 / c.repair.mean, crews, standby_rate=spare, suspended=s.suspended
    )
    down = float(np.arange(len(found.shares)) @ np.asarray(found.shares))
    return {
        (s.name, "availability"): found.availability, (s.name, "mttf"): found.mttf,
        (s.name, "failures_per_time"): found.failures, (s.name, "mean_up_time"): found.mean_up,
        (s.name, "mean_down_time"): found.mean_down, (s.name, "mean_down"): down, (s.name, "mean_up"): n - down,
    }  # fmt: skip


def _unrepaired(s: System, c: Component, k: int, spare: float, switch: float) -> Known:
    """Standby without repair: from stage to stage, each exponential."""
    lam, n = 1 / c.life.mean, c.count
    out: Known = {(s.name, "mttf"): exact.standby_mttf(n, lam, k, spare, switch)}
    for t in s.times:
        if spare == 0 and switch == 1:
            out[s.name, f"reliability_at_{t:g}"] = exact.standby_reliability(t, n, lam, k)
        elif n - k <= MOST_STAGES:
            out[s.name, f"reliability_at_{t:g}"] = _through_stages(t, n - k, k * lam, spare, switch)
    return out


def _through_stages(t: float, spares: int, running: float, spare: float, switch: float) -> float:
    """Chance that a spare is left, or none is needed yet, at ``t``."""
    from scipy.linalg import expm

    left = np.arange(spares, -1, -1.0)
    Q = np.diag(-(running + left * spare)) + np.diag(running * switch + left[:-1] * spare, 1)
    return float(expm(Q * t)[0].sum())


def _one_after_another(s: System, c: Component) -> Known:
    """Cold standby of one unit at a time, of any life: lives add up, as long as the switch works."""
    life, reached = mean_of(c.life), s.switch ** np.arange(c.count)
    if c.life.is_trace or c.mission:
        return {}
    out: Known = {(s.name, "mttf"): life * float(reached.sum())}
    if c.life.family in ("gamma", "erlang"):
        from scipy.special import gammaincc

        shape, scale = 1 / c.life.cv**2, life * c.life.cv**2
        ends = reached * np.append(np.full(c.count - 1, 1 - s.switch), 1.0)  # at which unit it is over
        for t in s.times:
            still = gammaincc(shape * np.arange(1, c.count + 1), t / scale)
            out[s.name, f"reliability_at_{t:g}"] = float(ends @ still)
    return out


def _tree(plant: Plant, s: System, suspended: set[str]) -> Known:
    """A tree of units that fail and are repaired independently of each other (Barlow and Proschan, ch. 2 and 7)."""
    parts = [plant.component[name] for name in plant.leaves(s)]
    if not _is_tree(plant, s) or any(_grouped(plant, c) for c in parts) or sum(c.count for c in parts) > MOST_UNITS:
        return {}
    if parts[0].mission:
        return {(s.name, "reliability"): _works(plant, s, lambda c: c.life.mean)}
    if all(c.repair is None for c in parts):
        return _first_failure(plant, s, parts)
    out: Known = {}
    if _is_series(plant, s) and all(survival(c.life) is not None for c in parts):
        out |= _first_failure(plant, s, parts)
    free = [_free(plant, c) for c in parts]
    if not all(free) or suspended & {c.name for c in parts}:
        return out
    up = {c.name: one[c.name, "availability"] for c, one in zip(parts, free, strict=True)}
    A = _works(plant, s, lambda c: up[c.name])
    failures = sum(
        c.count * _importance(plant, s, c, up) / (mean_of(c.life) + mean_of(c.repair))
        for c in parts
        if c.repair is not None
    )
    down = sum(c.count * (1 - up[c.name]) for c in parts)
    n = sum(c.count for c in parts)
    out |= {(s.name, "availability"): A, (s.name, "mean_down"): down, (s.name, "mean_up"): n - down}
    if failures > 0:
        out |= {
            (s.name, "failures_per_time"): failures, (s.name, "mean_up_time"): A / failures,
            (s.name, "mean_down_time"): (1 - A) / failures,
        }  # fmt: skip
    return out


def _is_tree(plant: Plant, s: System) -> bool:
    """Whether no component occurs twice."""
    below = [plant.leaves(plant.system[name]) if name in plant.system else (name,) for name in s.of]
    names = [name for part in below for name in part]
    return len(names) == len(set(names)) and all(_is_tree(plant, plant.system[n]) for n in s.of if n in plant.system)


def _is_series(plant: Plant, s: System) -> bool:
    """Whether the first failure of any unit is one of the system."""
    whole = not s.standby and (s.k is None or s.k == plant.parts(s))
    return whole and all(_is_series(plant, plant.system[name]) for name in s.of if name in plant.system)


def _works(plant: Plant, s: System, share: Callable[[Component], float], one: str = "", state: float = 0.0) -> float:
    """Chance that the system works, where each unit does with its share; one unit of ``one`` is in ``state``."""
    parts: list[float] = []
    for name in s.of:
        if name in plant.component:
            c = plant.component[name]
            alike = [share(c)] * c.count
            if name == one:
                alike[0] = state
            parts += alike
        else:
            parts.append(_works(plant, plant.system[name], share, one, state))
    return exact.k_out_of_n(s.k or len(parts), np.clip(parts, 0.0, 1.0))


def _importance(plant: Plant, s: System, c: Component, up: dict[str, float]) -> float:
    """How often a unit of ``c`` decides whether the system works (Birnbaum 1969)."""

    def share(other: Component) -> float:
        return up[other.name]

    return _works(plant, s, share, c.name, 1.0) - _works(plant, s, share, c.name, 0.0)


def _first_failure(plant: Plant, s: System, parts: list[Component]) -> Known:
    """Reliability and mean time to failure where the structure of the units' survivals is that of the system."""
    beyond = {c.name: survival(c.life) for c in parts}
    if None in beyond.values():
        return {}

    def at(t: float) -> float:
        return _works(plant, s, lambda c: float(beyond[c.name](np.array(t))))  # type: ignore[misc]

    out: Known = {(s.name, f"reliability_at_{t:g}"): at(t) for t in s.times}
    if len(parts) == 1 and s.of[0] in plant.component and is_exponential(parts[0].life):
        n, rate = parts[0].count, 1 / parts[0].life.mean
        out[s.name, "mttf"] = exact.mttf_k_out_of_n(s.k or n, rate, n)
    elif sum(c.count for c in parts) <= 50 and all(c.life.family != "pareto" for c in parts):
        points = nodes([c.life for c in parts])
        out[s.name, "mttf"] = float(points.weights @ [at(t) for t in points.at.tolist()])
    return out
