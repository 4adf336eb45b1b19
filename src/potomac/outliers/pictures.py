"""The pictures of a result: where the strangest are, what is around them, and how well the list works here."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Axis, Figure, Layer, Result, Rows

__all__ = ["figures"]

LABELLED = 20
SHADED = 6_000
"""More places than these are drawn as shading, which counts their records; fewer are dots, all of one size."""

PIECES = {"why_covariates": "kind"}


def figures(result: Result) -> Iterator[Figure]:
    """The map first, then neighbourhoods, how much is found, the odds, the reasons, and the cells."""
    if "density" not in result.model:
        yield _odds(result, role="lead")
        return
    yield _map(result)
    yield from _neighbourhoods(result)
    if "detection" in result.tables:
        yield _detection(_arrow(result, "detection"), _arrow(result, "top").num_rows)
    yield _reasons(_arrow(result, "top"))
    yield _odds(result, role="support")
    yield _cells(_arrow(result, "cells"))


def _arrow(result: Result, name: str) -> pa.Table:
    table = result.tables[name]
    return pa.Table.from_batches(list(table.batches()), table.schema) if isinstance(table, Rows) else table


def _map(result: Result) -> Figure:
    top = _arrow(result, "top")
    first = top.slice(0, LABELLED)
    named = first.append_column("label", pc.cast(first["rank"], pa.string()))
    rest = top.slice(LABELLED)
    where, records = result.model["density"], result.fact("records").value
    shaded = where.num_rows > SHADED
    tips = ("rank", "entity", "time", "speed", "heading", "outlier_score", "why")
    layers = [
        _shading(where) if shaded else _dots(where),
        Layer("point", rest, "longitude", "latitude", name=f"the next {rest.num_rows}", shape="cross", tip=tips),
        Layer(
            "point", named, "longitude", "latitude", label="label", name=f"the {first.num_rows} strangest",
            shape="diamond", emphasis=True, tip=tips,
        ),
    ]  # fmt: skip
    alt = (
        f"Map of all {records:,} records; the {first.num_rows} strangest are diamonds with their ranks, the rest of "
        "the list crosses."
    )
    shown = "shading shows" if shaded else "dots show"
    finding = f"Diamonds are the strangest records, numbered by rank; {shown} where all {records:,} are."
    kept = tuple(layer for layer in layers if layer.data.num_rows)
    return Figure("map", "Where the strangest records are", alt, kept, kind="map", finding=finding, role="lead")


def _shading(squares: pa.Table) -> Layer:
    return Layer("point", squares, "west", "south", x2="east", y2="north", size="records", name="all records")


def _dots(squares: pa.Table) -> Layer:
    """All of one size, in the middles of the squares: so few are 10 m wide."""
    longitude, latitude = (
        pc.divide(pc.add(squares[one], squares[other]), 2.0) for one, other in (("west", "east"), ("south", "north"))
    )
    table = pa.table({"longitude": longitude, "latitude": latitude, "records": squares["records"]})
    return Layer("point", table, "longitude", "latitude", name="all records")


def _neighbourhoods(result: Result) -> Iterator[Figure]:
    table, top = result.model["panels"], _arrow(result, "top")
    ranks = pc.unique(table["rank"]).to_pylist()
    if not ranks:
        return
    panels = tuple(_neighbourhood(rank, table.filter(pc.equal(table["rank"], rank)), top) for rank in ranks)
    alt = f"Small maps of the surroundings of {len(panels)} records, at most one of each entity."
    finding = "The record (arrow), its own track, and the others around it. One of each entity."
    yield Figure("neighbourhoods", "What is around them", alt, finding=finding, panels=panels)


def _neighbourhood(rank: int, table: pa.Table, top: pa.Table) -> Figure:
    row = top.slice(rank - 1, 1).to_pylist()[0]
    record = table.filter(pc.equal(table["what"], "record"))
    own = table.filter(pc.equal(table["what"], "own track"))
    others = table.filter(pc.equal(table["what"], "others"))
    pointed = None if record["heading"].null_count else "heading"
    layers = [
        Layer("point", others, "longitude", "latitude", name="others"),
        Layer("line" if own.num_rows > 1 else "point", own, "longitude", "latitude", name="own track"),
        Layer(
            "point", record, "longitude", "latitude", name="the record", heading=pointed, shape="diamond", emphasis=True
        ),
    ]
    who = row["entity"] or f"row {row['row']}"
    km = 2.2 * min(max(2.0 * (row.get("lonely_km") or 5.0), 3.0), 60.0)
    kept = tuple(layer for layer in layers if layer.data.num_rows)
    return Figure(
        f"near-{rank}", f"{rank}. {who}", f"Surroundings of the record of rank {rank}. {row['why']}", kept, kind="map",
        finding=str(row["why"]), width_km=km,
    )  # fmt: skip


def _detection(table: pa.Table, length: int) -> Figure:
    every = table.filter(pc.equal(table["kind"], "all"))
    kinds = table.filter(pc.not_equal(table["kind"], "all"))
    both = [_percent(part) for part in (every, kinds)]
    listed = both[0].filter(pc.less_equal(both[0]["list_length"], max(length, 10)))
    last = listed.slice(listed.num_rows - 1, 1).to_pylist()[0]
    layers = (
        Layer("line", both[1], "list_length", "rate", series="kind"),
        Layer("interval", both[0], "list_length", "low", y2="high", name="95 % interval"),
        Layer("line", both[0], "list_length", "rate", name="all", emphasis=True),
    )
    finding = f"A list of {last['list_length']:,} records holds {last['rate']:.0f} % of what was planted."
    alt = f"Share of planted rows found, by the length of the list, for each kind. {finding}"
    return Figure(
        "detection", "How much a list finds of odd behaviour simulated here", alt, layers,
        x=Axis("records on the list", scale="log"), y=Axis("found", "%", domain=(0.0, 100.0)), finding=finding,
    )  # fmt: skip


def _percent(table: pa.Table) -> pa.Table:
    for name in ("rate", "low", "high"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pc.multiply(table[name], 100.0))
    return table


def _reasons(top: pa.Table, most: int = 12) -> Figure:
    """Bars of evidence for the strangest records."""
    rows = []
    names = [name for name in top.column_names if name.startswith("why_")]
    for row in top.slice(0, most).to_pylist():
        who = f"{row['rank']}. {row['entity'] or row['row']}"
        rows += [
            {"record": who, "piece": PIECES.get(n, n.removeprefix("why_")), "taken": max(row[n] or 0.0, 0.0)}
            for n in names
        ]
    table = pa.Table.from_pylist(rows)
    layer = Layer("cell", table, "piece", "record", color="taken", color_label="log odds taken")
    alt = "Grid of the strangest records by piece of evidence; darker squares take more of the odds of being real."
    return Figure(
        "reasons", "What speaks against them", alt, (layer,),
        x=Axis("", scale="category"), y=Axis("", scale="category"),
        finding="The darker, the more a piece takes of the odds of being real.",
    )  # fmt: skip


def _odds(result: Result, role: str) -> Figure:
    bins = result.model["histogram"]
    middle = pc.divide(pc.add(bins["low"], bins["high"]), 2.0)
    table = bins.append_column("middle", middle)
    layers = [Layer("area", table, "middle", "records", name="records")]
    if "planted" in table.column_names:
        layers.append(Layer("line", table, "middle", "planted", name="planted", emphasis=True))
    finding = "Records to the left are strange."
    alt = "Distribution of the log odds of being real" + (", and of what was planted." if len(layers) > 1 else ".")
    return Figure(
        "odds", "How the odds are spread", alt, tuple(layers), x=Axis("log odds of being real"),
        y=Axis("share of records", "%", zero=True), finding=finding, role=role,  # type: ignore[arg-type]
    )  # fmt: skip


def _cells(cells: pa.Table) -> Figure:
    seen = cells.filter(pc.greater(cells["records"], 0))
    layer = Layer(
        "cell", seen, "west", "south", x2="east", y2="north", color="records", color_log=True,
        color_label="records in the cell", tip=("cell", "records", "mean_log_odds", "among_strangest"),
    )  # fmt: skip
    alt = f"Map of {seen.num_rows:,} cells, darker where more records are."
    finding = f"{seen.num_rows:,} cells hold records; busy water is cut finer."
    return Figure("cells", "The cells", alt, (layer,), kind="map", finding=finding, role="diagnostic")
