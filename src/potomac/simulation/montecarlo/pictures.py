"""The pictures of an experiment: distributions of its values, how sure it becomes, what drives it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Axis, Figure, Layer, Result, Rows
from potomac.simulation.telling.words import between, say

__all__ = ["figures"]

Part = Literal["lead", "support"]

SHOWN = 3
"""Distributions that are drawn."""


def figures(result: Result) -> Iterator[Figure]:
    """The distribution of the main value first, or how its probability converges; then what drives it."""
    about = {row["name"]: json.loads(row["value"]) for row in result.model["experiment"].to_pylist()}
    for n, (make, *rest) in enumerate(_all(result, about)):
        yield make(*rest, "lead" if n == 0 else "support")


def _all(result: Result, about: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    where = about["main"][0]
    if "distribution" in result.tables:
        table, measures = _arrow(result, "distribution"), _arrow(result, "measures")
        names = list(dict.fromkeys(table["value"].to_pylist()))
        for name in sorted(names, key=lambda each: each != where)[:SHOWN]:
            yield _distribution, table, measures, name, about["units"].get(name, "")
    if "sensitivity" in result.tables:
        table = _arrow(result, "sensitivity")
        if where in table["value"].to_pylist():
            yield _sensitivity, table, where
    if "convergence" in result.tables and _arrow(result, "convergence").num_rows > 1:
        yield _convergence, _arrow(result, "convergence"), where, about["units"].get(where, ""), _chance(result, where)
    if "distribution" not in result.tables:
        yield _measures, _arrow(result, "measures")


def _arrow(result: Result, name: str) -> pa.Table:
    table = result.tables[name]
    return pa.Table.from_batches(list(table.batches()), table.schema) if isinstance(table, Rows) else table


def _chance(result: Result, where: str) -> bool:
    rows = _arrow(result, "measures").to_pylist()
    return any((row["where"], row["measure"]) == (where, "probability") for row in rows)


def _distribution(table: pa.Table, measures: pa.Table, name: str, unit: str, role: Part) -> Figure:
    """Bars: how often a value lies where; its mean is marked."""
    of = table.filter(pc.equal(table["value"], name))
    of = of.append_column("at", pc.divide(pc.add(of["low"], of["high"]), 2.0))
    told = {row["measure"]: row["mean"] for row in measures.to_pylist() if row["where"] == name}
    said = [
        f"{say(told[m])} {words}"
        for m, words in (("mean", "on average"), ("q99", "or more one time in a hundred"))
        if m in told
    ]
    finding = f"{name.replace('_', ' ').capitalize()}: {', '.join(said)}." if said else ""
    layers = [Layer("bar", of, "at", "share", tip=("low", "high", "share"))]
    low, high = pc.min(of["low"]).as_py(), pc.max(of["high"]).as_py()
    if "mean" in told and low < told["mean"] < high:
        layers.append(Layer("rule", pa.table({"x": [told["mean"]]}), "x", "", name="mean", emphasis=True))
    return Figure(
        f"distribution-{name.replace('_', '-')}"[:60], f"What {name.replace('_', ' ')} can be",
        f"Bars: the share of draws by {name}. {finding}", tuple(layers), x=Axis(name.replace("_", " "), unit),
        y=Axis("share of draws", "%", zero=True), finding=finding, role=role,
    )  # fmt: skip


def _sensitivity(table: pa.Table, where: str, role: Part) -> Figure:
    """One index of each input with its interval, the strongest first."""
    rows = [row for row in table.to_pylist() if row["value"] == where]
    index = next(name for name in ("total", "mu_star", "median", "first") if any(row["index"] == name for row in rows))
    shared = index in ("total", "first")
    factor = 100.0 if shared else 1.0
    rows = sorted((row for row in rows if row["index"] == index), key=lambda row: -row["mean"])
    shown = pa.table({
        "input": [row["input"] for row in rows], "index": [factor * row["mean"] for row in rows],
        "low": [None if row["low"] is None else factor * row["low"] for row in rows],
        "high": [None if row["high"] is None else factor * row["high"] for row in rows],
    })  # fmt: skip
    most = rows[0]
    amount = f" ({100 * most['mean']:.0f} % of the variance, interactions included)" if index == "total" else ""
    finding = f"{most['input']} drives {where.replace('_', ' ')} most{amount}."
    layers: tuple[Layer, ...] = (
        Layer("point", shown, "index", "input", tip=("input", "index"), name="index", emphasis=True),
    )
    if not shown["low"].null_count:
        layers = (Layer("interval", shown, "low", "input", x2="high", name="interval"), *layers)
    words = {"total": "share of the variance, interactions included", "first": "share of the variance, alone",
             "mu_star": "mean size of effects", "median": "median distance of distributions"}[index]  # fmt: skip
    return Figure(
        "sensitivity", "What drives it", f"Dots with intervals, one an input. {finding}", layers,
        x=Axis(words, "%" if shared else "", zero=True), y=Axis("", scale="category"), finding=finding, role=role,
    )  # fmt: skip


def _convergence(table: pa.Table, where: str, unit: str, chance: bool, role: Part) -> Figure:
    """The interval of the main value as draws are added."""
    for name in ("mean", "low", "high") if chance else ():
        table = table.set_column(table.schema.get_field_index(name), name, pc.multiply(table[name], 100.0))
    last = table.slice(table.num_rows - 1, 1).to_pylist()[0]
    unit = "%" if chance else unit
    held = f"{between(last['low'], last['high'])}{' %' if chance else ''}"
    finding = f"After {last['replications']:,} draws the interval is {held}."
    layers = (
        Layer("area", table, "replications", "low", y2="high", name="interval"),
        Layer("line", table, "replications", "mean", name="estimate", emphasis=True),
    )
    return Figure(
        "convergence", "How sure it becomes", f"The interval of {where} narrows. {finding}", layers,
        x=Axis("draws", scale="log"), y=Axis(where.replace("_", " "), unit), finding=finding, role=role,
    )  # fmt: skip


def _measures(table: pa.Table, role: Part) -> Figure:
    """Probabilities with their intervals, where there is nothing else."""
    of = table.filter(pc.is_finite(table["low"]))
    for name in ("mean", "low", "high"):
        of = of.set_column(of.schema.get_field_index(name), name, pc.multiply(of[name], 100.0))
    layers = (
        Layer("interval", of, "low", "where", x2="high", name="interval"),
        Layer("point", of, "mean", "where", name="probability", emphasis=True),
    )
    return Figure(
        "probabilities", "How likely", f"Dots with intervals: {of.num_rows} probabilities.", layers,
        x=Axis("probability", "%"), y=Axis("", scale="category"), role=role,
    )  # fmt: skip
