"""Tables of an experiment: measures, distributions of its values, convergence, what drives them, what was put in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.simulation.arrow import table_of
from potomac.simulation.montecarlo.estimating import Chance, shares_of
from potomac.simulation.montecarlo.inputs import Cards, Drawn, Inputs
from potomac.simulation.montecarlo.outcome import MonteCarlo
from potomac.simulation.montecarlo.posed import Posed
from potomac.simulation.montecarlo.sensitivity import Sensitivity
from potomac.simulation.telling.building import Data

__all__ = ["Answered", "kept", "main_of", "tables_of"]

Floats = npt.NDArray[np.float64]

BARS = 40
"""Bars of a distribution."""

DRAWN = 6
"""Values whose distribution is shown."""


@dataclass(frozen=True)
class Answered:
    """All that came of an experiment, before it is put into words.

    Attributes:
        posed: what was asked.
        data: tables, and what was fitted to them.
        inputs: of the experiment.
        done: what came of it.
        driven: by which inputs; None where it was not asked.
    """

    posed: Posed
    data: Data
    inputs: Inputs
    done: MonteCarlo
    driven: Sensitivity | None = None


def main_of(a: Answered) -> Chance:
    """The estimate that is told first: what the study asks for, else the first."""
    where, _, measure = a.posed.of.partition(":")
    return a.done.estimate(where, measure)


def tables_of(a: Answered) -> dict[str, pa.Table]:
    """All tables of the result that are not empty."""
    made = {
        "measures": a.done.measures,
        "distribution": _rows(_distribution(a)),
        "convergence": _rows(_convergence(a)),
        "sensitivity": a.driven.table if a.driven is not None else None,
        "reduction": _rows(_reduction(a)),
        "inputs": _rows(_inputs(a)),
        "fits": _fits(a),
    }
    return {name: table for name, table in made.items() if table is not None and table.num_rows}


def kept(a: Answered) -> dict[str, pa.Table]:
    """What live questions and pictures need; nothing is pickled."""
    main = main_of(a)
    about: dict[str, Any] = {
        "name": a.posed.name, "inputs": {name: _plain(each) for name, each in a.inputs.of.items()},
        "values": dict(a.posed.values), "units": dict(a.posed.units), "main": [main.where, main.measure],
        "seed": a.posed.seed, "confidence": a.posed.confidence,
        "before": [[e.where, e.measure, e.mean, *_ends(e)] for e in a.done.estimates if isfinite(e.mean)],
    }  # fmt: skip
    return {"experiment": pa.table({"name": [*about], "value": [json.dumps(value) for value in about.values()]})}


def _ends(e: Chance) -> tuple[float | None, float | None]:
    return (e.low, e.high) if isfinite(e.low) and isfinite(e.high) else (None, None)


def _plain(each: Drawn | Cards) -> dict[str, Any]:
    """An input as JSON has it."""
    if isinstance(each, Cards):
        return {"deck": each.deck, "draws": each.draws}
    d = each.distribution
    return {"family": d.family, "parameters": [[*p] for p in d.parameters], "values": [*d.values],
            "shares": [*d.shares], "draws": each.draws, "total": each.total}  # fmt: skip


def _rows(rows: Iterator[Mapping[str, Any]]) -> pa.Table | None:
    each = [*rows]
    return table_of({name: [row[name] for row in each] for name in each[0]}) if each else None


def _distribution(a: Answered) -> Iterator[dict[str, Any]]:
    """Which share of draws lies where: of counts each of them, of others pieces of alike width, tails left out."""
    t = a.done.tally
    for j, name in [(j, n) for j, n in enumerate(t.names) if not t.truth[j]][:DRAWN]:
        x, w = t.values(j), shares_of(t)
        if x.size < 2:
            continue
        for low, high, share in _bars(x, w):
            yield {"value": name, "low": low, "high": high, "share": 100 * share}


def _bars(x: Floats, w: Floats) -> Iterator[tuple[float, float, float]]:
    each = np.unique(x[:4096])
    if each.size <= BARS and (each == np.round(each)).all() and np.ptp(each) < 2 * BARS:
        whole = np.arange(x.min(), x.max() + 1)
        if whole.size <= 2 * BARS and (x == np.round(x)).all():
            counts = np.bincount((x - x.min()).astype(np.int64), w, whole.size)
            yield from ((float(v) - 0.5, float(v) + 0.5, float(c)) for v, c in zip(whole, counts, strict=True))
            return
    low, high = np.quantile(x, [0.001, 0.995])
    if not high > low:
        low, high = float(x.min()), float(x.max())
    if not high > low:
        return
    counts, edges = np.histogram(x, BARS, (low, high), weights=w)
    yield from ((float(e), float(f), float(c)) for e, f, c in zip(edges, edges[1:], counts, strict=False))


def _convergence(a: Answered) -> Iterator[dict[str, Any]]:
    for n, mean, low, high in a.done.convergence:
        yield {"replications": n, "mean": mean, "low": low, "high": high}


def _reduction(a: Answered) -> Iterator[dict[str, Any]]:
    """How many plain draws each draw is worth."""
    for e in a.done.estimates:
        if e.reduction is not None:
            yield {"where": e.where, "method": a.done.method, "factor": e.reduction}


def _inputs(a: Answered) -> Iterator[dict[str, Any]]:
    for name, each in a.inputs.of.items():
        mean = a.inputs.mean(name)
        if isinstance(each, Cards):
            what, of = f"{each.draws} of {each.deck} cards", float("nan")
        else:
            of = each.distribution.variance**0.5
            many = (
                f", {each.draws} draws"
                if each.draws > 1
                else f", as many as {each.total}, added up"
                if each.total
                else ""
            )
            what, of = f"{each.distribution}{many}", float("nan") if each.total else of
        yield {
            "input": name, "distribution": what, "mean": mean if isfinite(mean) else None,
            "sd": of if isfinite(of) else None, "uniforms": a.inputs.widths[name],
        }  # fmt: skip


def _fits(a: Answered) -> pa.Table | None:
    made = [
        fits.table.add_column(0, "table", pa.array([name] * len(fits.fits)))
        for name, fits in a.data.fits.items()
        if fits.fits
    ]
    return pa.concat_tables(made) if made else None
