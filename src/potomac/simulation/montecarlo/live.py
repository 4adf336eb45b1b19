"""Live questions to an experiment: what if an input were larger? As many draws as a tenth of a second takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import pyarrow as pa

from potomac.engine import Slider
from potomac.errors import Fault, NoAnswer, StudyError, did_you_mean, listing
from potomac.simulation.distributions import Distribution
from potomac.simulation.montecarlo.formulas import Formulas
from potomac.simulation.montecarlo.inputs import Cards, Drawn, Inputs
from potomac.simulation.montecarlo.run import monte_carlo
from potomac.simulation.montecarlo.told import named, outcome
from potomac.simulation.telling.scaling import scaled

__all__ = ["Live", "load", "sliders", "what_if"]

UNIFORMS, LEAST, MOST = 400_000, 2_000, 40_000
"""Uniforms of an answer, and bounds of its draws."""


@dataclass(frozen=True)
class Live:
    """An experiment in memory.

    Attributes:
        inputs: of it.
        formulas: its values.
        units: value -> unit.
        main: value and measure that are told first.
        before: (value, measure) -> mean, low, high in the run; None where it has no interval.
        seed, confidence: as in the run.
    """

    inputs: Inputs
    formulas: Formulas
    units: Mapping[str, str]
    main: tuple[str, str]
    before: Mapping[tuple[str, str], tuple[float, float | None, float | None]]
    seed: int
    confidence: float


def load(tables: Mapping[str, pa.Table]) -> Live:
    """The experiment of a run."""
    about = {row["name"]: json.loads(row["value"]) for row in tables["experiment"].to_pylist()}
    inputs = Inputs({name: _made(given) for name, given in about["inputs"].items()})
    before = {(where, measure): (mean, low, high) for where, measure, mean, low, high in about["before"]}
    where, measure = about["main"]
    formulas = Formulas.read(about["values"], inputs)
    return Live(inputs, formulas, about["units"], (where, measure), before, about["seed"], about["confidence"])


def _made(given: Mapping[str, Any]) -> Drawn | Cards:
    if "deck" in given:
        return Cards(given["deck"], given["draws"])
    parameters = tuple((str(name), float(value)) for name, value in given["parameters"])
    d = Distribution(given["family"], parameters, tuple(given["values"]), tuple(given["shares"]))
    return Drawn(d, given["draws"], given["total"])


def sliders(live: Live, asked: Mapping[str, str]) -> Iterator[Slider]:
    """Which input is meant (of those in ``asked``, else the first), and how large it is."""
    names = _movable(live)
    if names:
        chosen = asked.get("input", "")
        yield Slider("input", value=chosen if chosen in names else names[0], choices=tuple(names))
        yield Slider("level", 50, 200, 5, 100)


def _movable(live: Live) -> list[str]:
    return [name for name, each in live.inputs.of.items() if isinstance(each, Drawn) and _grown(each.distribution, 1.1)]


def what_if(live: Live, ask: Mapping[str, Any]) -> dict[str, Any]:
    """What would come of it.

    Args:
        live: the run.
        ask: ``input`` and ``level``, its mean in per cent of what it was.

    Raises:
        StudyError: there is no such input, or it has no level.
        NoAnswer: values have infinite variance then.
    """
    inputs = _changed(live, str(ask.get("input") or ""), float(ask.get("level") or 100) / 100)
    samples = int(min(max(UNIFORMS // max(inputs.width, 1), LEAST), MOST))
    where, measure = live.main
    shares = {float(m[1:]) / 100 for _, m in live.before if m.startswith("q")}
    done = monte_carlo(
        live.formulas, inputs=inputs, samples=samples, quantiles=sorted(shares), seed=live.seed,
        of=f"{where}:{measure}", confidence=live.confidence,
    )  # fmt: skip
    main = done.estimate(where, measure)
    said = outcome(main, live.units.get(where, ""))
    return {
        "answer": f"{said[:1].upper()}{said[1:]}.", "measures": [*_told(live, done.estimates)],
        "replications": done.samples, "note": " ".join(done.notes),
    }  # fmt: skip


def _changed(live: Live, name: str, level: float) -> Inputs:
    """The inputs with one of them larger or smaller."""
    if not name and level == 1:
        return live.inputs
    names = _movable(live)
    name = name or (names[0] if names else "")
    if name not in names:
        found = f"there is no input {name!r:.60} that could be larger or smaller"
        expected = f"expected one of {listing(names) or 'none'}"
        raise StudyError(Fault("simulation.unknown", found, expected, did_you_mean(name, names), key="input"))
    each = live.inputs.of[name]
    assert isinstance(each, Drawn)  # noqa: S101 - movable ones are
    grown = _grown(each.distribution, level)
    if grown is None:
        found = f"{name} cannot be {100 * level:g} % of what it was"
        raise NoAnswer(Fault("simulation.input", found, "", "Move the slider back", key="level"))
    return Inputs.read({**live.inputs.of, name: replace(each, distribution=grown)})


def _grown(d: Distribution, level: float) -> Distribution | None:
    """The distribution with ``level`` times its mean; None where there is none of its family."""
    if d.family in ("discrete", "empirical", "deterministic") and (not d.mean or d.family == "discrete"):
        return None
    value = dict(d.parameters)
    if d.family == "poisson":
        return replace(d, parameters=(("mean", level * value["mean"]),))
    if d.family == "binomial":
        return (
            replace(d, parameters=(("n", value["n"]), ("p", level * value["p"]))) if level * value["p"] <= 1 else None
        )
    if d.family == "geometric":
        return replace(d, parameters=(("p", value["p"] / level),)) if value["p"] <= level else None
    return scaled(d, level)


def _told(live: Live, estimates: Any) -> Iterator[dict[str, Any]]:
    """Probabilities in per cent."""
    for e in sorted(estimates, key=lambda e: (e.where, e.measure) != live.main):
        factor = 100 if e.measure == "probability" else 1
        unit = "%" if factor == 100 else live.units.get(e.where, "")
        mean, low, high = live.before.get((e.where, e.measure), (None, None, None))
        yield {
            "where": e.where, "measure": e.measure, "label": named(e), "unit": unit, "mean": _known(e.mean, factor),
            "low": _known(e.low, factor), "high": _known(e.high, factor), "before": _known(mean, factor),
            "before_low": _known(low, factor), "before_high": _known(high, factor),
        }  # fmt: skip


def _known(x: float | None, factor: float) -> float | None:
    return None if x is None or not isfinite(x) else factor * x
