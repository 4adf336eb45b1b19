"""The models that are compared with other packages, as they are declared here."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from potomac.simulation.distributions import deterministic, discrete, exponential, gamma, lognormal
from potomac.simulation.model import Model

__all__ = ["MODELS"]


def _line(rate: float, **station: object) -> Model:
    m = Model().source("a", interarrival=exponential(rate=rate), to="s")
    return m.station("s", **station)  # type: ignore[arg-type]


def _two(**station: object) -> Model:
    m = Model().source("vip", interarrival=exponential(rate=0.3), to="s", priority=0)
    m.source("std", interarrival=exponential(rate=0.4), to="s", priority=1)
    service = {"vip": gamma(mean=1.0, cv=0.5), "std": exponential(1.0)}
    return m.station("s", service=service, discipline="priority", **station)  # type: ignore[arg-type]


def _jackson() -> Model:
    m = Model().source("a", interarrival=exponential(1.0), to="x").station("x", service=exponential(rate=2.0))
    m.station("y", service=exponential(rate=1.5)).station("z", service=exponential(rate=1.5))
    m.route("x", {"y": 0.6, "z": 0.4}).route("y", {"z": 0.5, "exit": 0.5})
    return m.route("z", {"x": 0.1, "exit": 0.9})


def _shortest() -> Model:
    m = (
        Model()
        .source("a", interarrival=exponential(rate=1.6), to="door")
        .station("door", servers=inf, service=deterministic(1e-9))
    )
    m.station("x", service=exponential(1.0)).station("y", service=exponential(1.0))
    return m.route("door", ["x", "y"])


MODELS: dict[str, Callable[[], Model]] = {
    "M/M/2": lambda: _line(1.6, service=exponential(1.0), servers=2),
    "G/G/2": lambda: (
        Model().source("a", interarrival=gamma(mean=0.6, cv=0.5), to="s")
        .station("s", service=gamma(mean=1.0, cv=1.5), servers=2)
    ),
    "M/M/1/5": lambda: _line(0.9, service=exponential(1.0), capacity=5),
    "impatience": lambda: _line(2.4, service=exponential(1.0), servers=2, patience=exponential(2.0)),
    "priority": _two,
    "preemptive resume": lambda: _two(preemption="resume"),
    "Jackson": _jackson,
    "machine repair": lambda: (
        Model().crew("men", 2)
        .component("m", life=exponential(20.0), repair=exponential(rate=0.6), count=20, crew="men")
    ),
    "(r, Q)": lambda: (
        Model().source("d", interarrival=exponential(rate=4.0), to="k").stock("k", r=3, Q=10, lead=deterministic(1.0))
    ),
    "M/G/1": lambda: _line(0.7, service=lognormal(1.0, 1.0)),
    "sharing": lambda: _line(0.7, service=gamma(mean=1.0, cv=1.5), discipline="sharing"),
    "groups": lambda: (
        Model().source("a", interarrival=exponential(rate=0.3), to="s", batch=discrete([1, 2, 3], [0.3, 0.4, 0.3]))
        .station("s", service=exponential(1.0))
    ),
    "turning back": lambda: _line(1.2, service=exponential(1.0), balk=[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    "shortest queue": _shortest,
}  # fmt: skip
