"""The pictures of a result: methods beside popularity, what more data would bring, coverage, and the long tail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Axis, Figure, Layer, Result, Rows
from potomac.errors import shown

__all__ = ["figures"]

Part = Literal["lead", "support", "diagnostic"]

TAIL_POINTS = 400
"""Points of the line of a long tail: more are not seen."""


def figures(result: Result) -> Iterator[Figure]:
    """The test first, then the learning curve, coverage and the long tail; where nothing was tested, the tail."""
    tested = "methods" in result.tables
    if tested:
        methods = _table(result, "methods")
        yield _dots(methods)
    if "curve" in result.tables:
        yield _curve(_table(result, "curve"), str(result.fact("verdict").value))
    if tested and methods.num_rows > 1:
        yield _coverage(methods)
    yield _tail(_table(result, "popularity"), int(result.fact("items").value or 0), "support" if tested else "lead")


def _table(result: Result, name: str) -> pa.Table:
    table = result.tables[name]
    return pa.Table.from_batches(list(table.batches()), table.schema) if isinstance(table, Rows) else table


def _dots(methods: pa.Table) -> Figure:
    """Each method with its interval; popularity is what must be beaten."""
    table = methods.sort_by([("ndcg", "descending")])
    popular = table.filter(pc.equal(table["key"], "popular")).to_pylist()[0]
    own = table.filter(pc.equal(table["made"], True))
    others = table.filter(pc.and_(pc.equal(table["made"], False), pc.not_equal(table["key"], "popular")))
    rule = pa.table({"x": [popular["ndcg"]] * table.num_rows, "y": table["method"]})
    base = table.filter(pc.equal(table["key"], "popular"))
    tips = ("method", "ndcg", "low", "high", "recall")
    layers = [
        Layer("line", rule, "x", "y", ground=True),
        Layer("interval", table, "low", "method", x2="high", name=""),
        Layer("point", others, "ndcg", "method", tip=tips),
        Layer("point", base, "ndcg", "method", shape="square", tip=tips),
        Layer("point", own, "ndcg", "method", shape="diamond", emphasis=True, tip=tips),
    ]
    best = own.to_pylist()[0] if own.num_rows else table.to_pylist()[0]
    if best["key"] == "popular":
        finding = f"The list for all, which is what is offered, reaches {best['ndcg']:.3f}."
    else:
        name = f"{best['method'][:1].upper()}{best['method'][1:]}"
        finding = f"{name}: {best['ndcg']:.3f}; the most popular: {popular['ndcg']:.3f}."
    said = ", ".join(f"{row['method']} {row['ndcg']:.3f}" for row in table.to_pylist())
    alt = f"Dots with intervals, a line each: how well each method foretells what was held out (nDCG): {said}."
    kept = tuple(layer for layer in layers if layer.data.num_rows)
    return Figure(
        "test", "How well each method foretells what people did next", alt, kept, x=Axis("nDCG", zero=True),
        y=Axis("", scale="category"), finding=finding, role="lead",
    )  # fmt: skip


def _curve(curve: pa.Table, verdict: str) -> Figure:
    last = curve.to_pylist()[-1]
    zero = pa.table({"interactions": curve["interactions"], "gain": np.zeros(curve.num_rows)})
    layers = (
        Layer("area", curve, "interactions", "low", y2="high", name="95 % interval"),
        Layer("line", curve, "interactions", "gain", name="gain", emphasis=True),
        Layer("line", zero, "interactions", "gain", name="list for all", ground=True),
    )
    above = "above" if last["low"] is not None and last["low"] > 0 else "not surely above"
    finding = (
        f"With all {last['interactions']:,} interactions that are learnt from, lists from other people are {above} the "
        f"best list for all: {last['gain']:+.3f} nDCG ({last['low']:+.3f} to {last['high']:+.3f})."
    )
    alt = f"Line with a band: the gain of personal lists over the best list for all, by interactions. {finding}"
    return Figure(
        "curve", "What more data would bring", alt, layers, x=Axis("interactions that are learnt from", scale="log"),
        y=Axis("gain in nDCG"), finding=finding,
    )  # fmt: skip


def _coverage(methods: pa.Table) -> Figure:
    tips = ("method", "ndcg", "coverage", "novelty")
    own = methods.filter(pc.equal(methods["made"], True))
    others = methods.filter(pc.equal(methods["made"], False))
    layers = tuple(
        layer
        for layer in (
            Layer("interval", methods, "coverage", "low", y2="high", name=""),
            Layer("point", others, "coverage", "ndcg", label="method", tip=tips),
            Layer("point", own, "coverage", "ndcg", label="method", shape="diamond", emphasis=True, tip=tips),
        )
        if layer.data.num_rows
    )
    rows = methods.to_pylist()
    widest = max(rows, key=lambda row: row["coverage"])
    finding = f"Of all items {widest['coverage']:.0f} % come into somebody's list by {widest['method']}."
    said = "; ".join(f"{row['method']}: {row['coverage']:.0f} % and {row['ndcg']:.3f}" for row in rows)
    alt = f"Points of methods: share of the catalogue that is offered to somebody, and nDCG. {said}."
    return Figure(
        "coverage", "Accuracy against coverage", alt, layers, x=Axis("catalogue in somebody's list", "%", zero=True),
        y=Axis("nDCG", zero=True), finding=finding,
    )  # fmt: skip


def _tail(popularity: pa.Table, items: int, role: Part) -> Figure:
    """Share of all interactions that the most popular items have, by their share of the catalogue."""
    n = popularity.num_rows
    at = np.unique(np.linspace(0, n - 1, min(n, TAIL_POINTS)).astype(np.int64))
    some = popularity.take(pa.array(at))
    x = 100 * some["rank"].to_numpy() / max(1, items)
    y = 100 * some["share"].to_numpy()
    line = pa.table({"items": np.concatenate(([0.0], x)), "share": np.concatenate(([0.0], y))})
    even = pa.table({"items": [0.0, 100.0], "share": [0.0, 100.0]})
    tenth = int(np.ceil(items / 10))
    share = 100 * popularity["share"][min(tenth, n) - 1].as_py()
    first = shown(popularity["title"][0].as_py(), 60)
    idle = items - int(np.count_nonzero(popularity["people"].to_numpy())) if n == items else 0
    none = f" {idle:,} were chosen by nobody." if idle else ""
    finding = f"The most popular tenth of the items has {share:.0f} % of all interactions; {first} comes first.{none}"
    layers = (
        Layer("line", even, "items", "share", name="all alike"),
        Layer("line", line, "items", "share", name="as it is", emphasis=True),
    )
    alt = f"Line of the share of interactions against the share of items, the most popular first. {finding}"
    return Figure(
        "tail", "The long tail", alt, layers, x=Axis("items, the most popular first", "%", domain=(0.0, 100.0)),
        y=Axis("interactions", "%", domain=(0.0, 100.0)), finding=finding, role=role,
    )  # fmt: skip
