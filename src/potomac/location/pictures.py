"""The pictures of a result: where the sites are and whom they serve, how long it takes, more or fewer, what if."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Axis, Figure, Layer, Result, Rows
from potomac.errors import shown as short
from potomac.location.says import amount, minutes_of, percent, say

__all__ = ["figures"]

CANDIDATES = 14
"""Candidates whose wins are drawn beside those of the answer."""

SPOKES = 3_000
"""Demand points up to which each is joined to its site."""

COLOURS = 6
"""Sites up to which each has a colour for those whom it serves."""

ASIDE, LEAST = 1.0, 0.1
"""How far beside what is served demand points without a way are on the map: a share of its extent, or some degrees."""

NAMED = 40
"""Sites that are called by their name on the map."""


def figures(result: Result) -> Iterator[Figure]:
    """The map first, then travel time as a surface, its distribution, the frontier, the scenarios, the hours."""
    sites, served = _arrow(result, "sites"), _arrow(result, "assignments")
    placed = sites["latitude"].null_count < sites.num_rows
    if placed:
        yield _map(result, sites, served)
        if "surface" in result.model:
            yield _surface(result, sites)
    yield _histogram(result, "support" if placed else "lead")
    if "frontier" in result.tables:
        yield from _frontier(_arrow(result, "frontier"), result)
    if "stability" in result.tables:
        yield _stability(_arrow(result, "stability"))
    if "moves" in result.tables:
        yield _moves(_arrow(result, "moves"))
    if "hours" in result.tables:
        yield _hours(_arrow(result, "hours"), _objective(result))


def _arrow(result: Result, name: str) -> pa.Table:
    table = result.tables[name]
    return pa.Table.from_batches(list(table.batches()), table.schema) if isinstance(table, Rows) else table


def _filled(layers: list[Layer]) -> tuple[Layer, ...]:
    return tuple(layer for layer in layers if layer.data.num_rows)


# ---- maps ---------------------------------------------------------------------------------------------------------


def _map(result: Result, sites: pa.Table, served: pa.Table) -> Figure:
    """Sites, whom each serves, and who is out of reach."""
    told = _with_ends(served.filter(pc.is_valid(served["site"])), sites)
    bare = served.filter(pc.is_null(served["site"]))
    tips = ("id", "weight", "site", "minutes")
    by_site = "site" if 1 < sites.num_rows <= COLOURS else None
    layers = _roads(result)
    if sites.num_rows > 1 and told.num_rows <= SPOKES:
        layers.append(
            Layer("rule", told, "longitude", "latitude", "site_longitude", "site_latitude", series=by_site,
                  name="served from")
        )  # fmt: skip
    name = "where people are"
    layers.append(Layer("point", told, "longitude", "latitude", size=_size(told), tip=tips, series=by_site, name=name))
    layers.append(Layer("point", bare, "longitude", "latitude", tip=("id", "weight"), name="not served", shape="cross"))
    lost, off = _unreached(result, told, sites)
    if lost is not None:
        name = "no way to any site"
        layers.append(Layer("point", lost, "longitude", "latitude", tip=("id", "reason"), name=name, shape="cross"))
    layers += _site_layers(sites)
    many = sites.num_rows
    alt = f"Map of {served.num_rows:,} demand points and the {many:,} site{'s' if many > 1 else ''} that serve them."
    mean = result.fact("mean_minutes").value if _has(result, "mean_minutes") else None
    finding = "Points are where people are, the larger the more they count."
    if sites.num_rows > 1:
        finding = "Lines lead from where people are to the site that serves them."
    if isinstance(mean, float):
        finding += f" On average it takes {minutes_of(mean)}."
    if off:
        finding += f" {off:,} demand point{'s' if off > 1 else ''} without a way to any site "
        finding += f"{'lie' if off > 1 else 'lies'} off the map."
    return Figure(
        "map",
        "Where it should be, and how long people take",
        alt,
        _filled(layers),
        kind="map",
        finding=finding,
        role="lead",
    )


def _roads(result: Result) -> list[Layer]:
    """The roads of a network, beneath the rest."""
    if "roads" not in result.model:
        return []
    ends = ("longitude", "latitude", "to_longitude", "to_latitude")
    return [Layer("rule", result.model["roads"], *ends, name="roads", ground=True)]


def _unreached(result: Result, served: pa.Table, sites: pa.Table) -> tuple[pa.Table | None, int]:
    """Demand points without a way, and how many of them are so far off that the map would show nothing else."""
    if "unreached" not in result.tables:
        return None, 0
    lost = _placed(_arrow(result, "unreached"))
    ends = [
        (name, pc.min_max(pa.chunked_array([*served[name].chunks, *sites[name].chunks])).as_py())
        for name in ("latitude", "longitude")
    ]
    room = max(LEAST, *(ASIDE * (end["max"] - end["min"]) for _, end in ends))
    shown = lost
    for name, end in ends:
        shown = shown.filter(pc.greater_equal(shown[name], end["min"] - room))
        shown = shown.filter(pc.less_equal(shown[name], end["max"] + room))
    return shown, lost.num_rows - shown.num_rows


def _has(result: Result, name: str) -> bool:
    return any(fact.name == name for fact in result.facts)


def _size(table: pa.Table) -> str | None:
    """Weights as sizes, where they differ."""
    ends = pc.min_max(table["weight"]).as_py()
    return "weight" if table.num_rows and ends["max"] > ends["min"] else None


def _site_layers(sites: pa.Table) -> list[Layer]:
    """Sites that are there already by another shape."""
    tips = ("site", "points", "weight", "mean_minutes", "worst_minutes")
    label = "site" if sites.num_rows <= NAMED else None
    there, new = sites.filter(sites["fixed"]), sites.filter(pc.invert(sites["fixed"]))
    name = "sites" if not there.num_rows else "new sites"
    return [
        Layer("point", there, "longitude", "latitude", label=label, tip=tips, name="sites that are there",
              shape="square", emphasis=True),
        Layer("point", new, "longitude", "latitude", label=label, tip=tips, name=name, shape="diamond", emphasis=True),
    ]  # fmt: skip


def _with_ends(served: pa.Table, sites: pa.Table) -> pa.Table:
    """Beside each demand point the place of its site."""
    at = pc.index_in(served["site"], sites["site"].combine_chunks())
    for name in ("longitude", "latitude"):
        served = served.append_column(f"site_{name}", sites[name].combine_chunks().take(at))
    return served


def _placed(table: pa.Table) -> pa.Table:
    return table.filter(pc.and_(pc.is_valid(table["latitude"]), pc.is_valid(table["longitude"])))


def _surface(result: Result, sites: pa.Table) -> Figure:
    """Travel time to the nearest site, cell by cell, and the roads of a network."""
    cells = result.model["surface"]
    layers = [
        Layer("cell", cells, "west", "south", x2="east", y2="north", color="minutes",
              color_label="minutes to the nearest site", tip=("minutes", "site")),
        *_site_layers(sites),
    ]  # fmt: skip
    layers[1:1] = _roads(result)
    least, most = (say(value) for value in pc.min_max(cells["minutes"]).as_py().values())
    alt = f"Map of travel time to the nearest site over {cells.num_rows:,} cells, from {least} to {most} minutes."
    finding = f"From the middle of each cell to the nearest site: {least} to {most} minutes."
    return Figure("surface", "How long it takes from where", alt, _filled(layers), kind="map", finding=finding)


# ---- charts -------------------------------------------------------------------------------------------------------


def _histogram(result: Result, role: Literal["lead", "support"]) -> Figure:
    bins = result.model["histogram"]
    middle = pc.divide(pc.add(bins["low"], bins["high"]), 2.0)
    table = bins.append_column("minutes", middle)
    layer = Layer("bar", table, "minutes", "share", tip=("low", "high", "share"))
    words = []
    for name, told in (("mean_minutes", "on average"), ("p90_minutes", "for nine in ten at most")):
        if _has(result, name):
            words.append(f"{minutes_of(float(result.fact(name).value or 0.0))} {told}")
    finding = f"Travel time is {' and '.join(words)}." if words else "Nobody is served."
    alt = f"Bars: the share of the weight by travel time to the site. {finding}"
    return Figure(
        "times", "How long people take", alt, (layer,), x=Axis("travel time", "min"),
        y=Axis("share of the weight", "%", zero=True), finding=finding, role=role,
    )  # fmt: skip


_COUNTED = {
    "max_coverage": ("share within the radius", "%", 100.0),
    "attendance": ("share who come", "%", 100.0),
    "market_share": ("share of the market", "%", 100.0),
    "fixed_charge": ("cost of sites and ways", "", 1.0),
}
"""Aims that count something else than minutes: what, its unit and scale."""


def _frontier(table: pa.Table, result: Result) -> Iterator[Figure]:
    """What the aim counts by the number of sites, and how far people have then."""
    aims = table["aim"].to_pylist()
    aim = "minisum" if "minisum" in aims else aims[0]
    rows = table.filter(pc.equal(table["aim"], aim)).to_pylist()
    here = f"{result.fact('sites').value:,}"
    if aim in _COUNTED:
        yield _counted(rows, here, *_COUNTED[aim])
    if any(row["worst_minutes"] is not None for row in rows):
        yield _minutes(rows, here, "frontier" if aim not in _COUNTED else "frontier_minutes")


def _counted(rows: list[dict[str, Any]], here: str, what: str, unit: str, scale: float) -> Figure:
    """A line over the number of sites."""
    drawn = [{"sites": f"{row['p']:,}", "value": scale * row["value"]} for row in rows]
    ends = [_worded(drawn[k]["value"], unit) for k in (0, -1)]
    moves = "rises" if drawn[-1]["value"] >= drawn[0]["value"] else "falls"
    finding = f"From {drawn[0]['sites']} to {drawn[-1]['sites']} sites the {what} {moves} from {ends[0]} to {ends[1]}."
    if not unit:  # costs fall and rise again
        least = min(drawn, key=lambda row: row["value"])
        finding = f"The {what} is the least with {least['sites']} sites: {_worded(least['value'], unit)}."
    data = pa.Table.from_pylist(drawn)
    return Figure(
        "frontier", "More sites, or fewer", f"A line over the number of sites. {finding}",
        _filled([Layer("line", data, "sites", "value"), _here(data, here, "value")]),
        x=Axis("sites", scale="category"), y=Axis(what, unit, zero=True), finding=finding,
    )  # fmt: skip


def _worded(value: Any, unit: str) -> str:
    return percent(value) if unit == "%" else amount(value)


def _here(drawn: pa.Table, here: str, y: str) -> Layer:
    """The number of sites that there are."""
    some = drawn.filter(pc.equal(drawn["sites"], here))
    return Layer("point", some, "sites", y, name="as many as here", shape="diamond", emphasis=True)


def _minutes(rows: list[dict[str, Any]], here: str, name: str) -> Figure:
    """Mean, nine in ten and longest by the number of sites."""
    parts = {"mean_minutes": "mean", "p90_minutes": "nine in ten", "worst_minutes": "longest"}
    drawn = pa.Table.from_pylist(
        [
            {"sites": f"{row['p']:,}", "minutes": row[column], "measure": word}
            for column, word in parts.items()
            for row in rows
            if row[column] is not None
        ]
    )
    some = [row for row in rows if row["worst_minutes"] is not None]
    first, last = some[0], some[-1]
    mean, far = "mean_minutes", "worst_minutes"
    finding = (
        f"From {first['p']:,} to {last['p']:,} sites the mean goes from {say(first[mean])} to "
        f"{minutes_of(last[mean])}, the longest from {say(first[far])} to {minutes_of(last[far])}."
    )
    title = "More sites, or fewer" if name == "frontier" else "How far people have with more sites, or fewer"
    return Figure(
        name, title, f"Lines over the number of sites. {finding}",
        _filled([Layer("line", drawn, "sites", "minutes", series="measure"), _here(drawn, here, "minutes")]),
        x=Axis("sites", scale="category"), y=Axis("travel time", "min", zero=True), finding=finding,
    )  # fmt: skip


def _moves(table: pa.Table) -> Figure:
    """How far the best place is from each site over the scenarios."""
    zero = table.append_column("here", pa.array([0.0] * table.num_rows))
    total = table["scenarios"][0].as_py()
    row = max(table.to_pylist(), key=lambda one: one["p95_km"])
    finding = (
        f"In half of {total:,} scenarios the best place is within {say(row['median_km'])} km of {short(row['site'])}, "
        f"in 95 % within {say(row['p95_km'])} km."
    )
    layers = [
        Layer("interval", zero, "here", "site", x2="p95_km", name="95 % of the scenarios"),
        Layer("point", zero, "median_km", "site", name="half of them", shape="diamond", emphasis=True),
    ]
    return Figure(
        "moves", "When travel times and demand are otherwise",
        f"For each site how far the best place is from it over the scenarios. {finding}", _filled(layers),
        x=Axis("from the site to the best place", "km", zero=True), y=Axis("", scale="category"), finding=finding,
    )  # fmt: skip


def _stability(table: pa.Table) -> Figure:
    """How often each candidate is among the best sites, with intervals."""
    place = pa.array(range(table.num_rows))
    shown = table.filter(pc.or_(pc.less(place, CANDIDATES), table["chosen"]))
    total = table["scenarios"][0].as_py()
    for name in ("wins", "low", "high"):
        at = shown.schema.get_field_index(name)
        shown = shown.set_column(at, name, pc.multiply(shown[name], 100.0))
    own, other = shown.filter(shown["chosen"]), shown.filter(pc.invert(shown["chosen"]))
    layers = [
        Layer("interval", shown, "low", "site", x2="high", name="95 % interval"),
        Layer("point", other, "wins", "site", name="other candidates"),
        Layer("point", own, "wins", "site", name="the answer", shape="diamond", emphasis=True),
    ]
    row = own.sort_by([("wins", "ascending")]).slice(0, 1).to_pylist()[0]
    finding = f"{short(row['site'])} is among the best sites in {percent(row['wins'])} of {total:,} scenarios."
    alt = f"Dots with intervals: in how many scenarios each candidate is among the best sites. {finding}"
    return Figure(
        "stability", "When travel times and demand are otherwise", alt, _filled(layers),
        x=Axis("scenarios in which it is a best site", "%", zero=True), y=Axis("", scale="category"),
        finding=finding,
    )  # fmt: skip


_HOURLY = {
    "minisum": ("mean travel time", "min", 1.0),
    "minimax": ("longest travel time", "min", 1.0),
    "quantile": ("time within which the share is", "min", 1.0),
    **_COUNTED,
}
"""What each objective counts, its unit and scale."""


def _objective(result: Result) -> str:
    """The objective of the study."""
    about = dict(zip(*(result.model["about"][name].to_pylist() for name in ("name", "value")), strict=True))
    return str(json.loads(about["problem"])["objective"])


def _hours(table: pa.Table, objective: str) -> Figure:
    """What the answer and the best of each hour bring; where the answer leaves people out, how many."""
    rows = table.to_pylist()
    if objective == "set_cover" or (objective != "minimax" and any(row["left_out"] > 0 for row in rows)):
        return _uncovered(rows)
    what, unit, scale = _HOURLY[objective]
    same = all(row["same"] for row in rows)
    parts = [("value", "the answer"), ("best_value", "the best then")][: 1 if same else 2]
    drawn = [
        {"hour": row["hour"], "value": scale * row[name], "choice": word} for name, word in parts for row in rows
    ]  # fmt: skip
    more = unit == "%"
    worst = (min if more else max)(rows, key=lambda row: row["value"])
    if objective == "minisum":
        finding = f"It takes longest at {worst['hour']:g} o'clock: {minutes_of(worst['value'])} on average."
    else:
        told = minutes_of(worst["value"]) if unit == "min" else _worded(scale * worst["value"], unit)
        finding = f"At {worst['hour']:g} o'clock the {what} is the {'least' if more else 'most'}: {told}."
    finding += _left_out(rows)
    if same:
        finding += " The same sites are the best at each of these hours."
    return Figure(
        "hours", "By the hour of the day", f"Lines over the hours. {finding}",
        (Layer("line", pa.Table.from_pylist(drawn), "hour", "value", series="choice"),),
        x=Axis("hour of the day"), y=Axis(what, unit, zero=True), finding=finding,
    )  # fmt: skip


def _left_out(rows: list[dict[str, Any]]) -> str:
    """At which hour the most people are left out."""
    most = max(rows, key=lambda row: row["left_out"])
    if most["left_out"] == 0:
        return ""
    return f" The answer leaves out {percent(100 * most['left_out'])} of the weight at {most['hour']:g} o'clock."


def _uncovered(rows: list[dict[str, Any]]) -> Figure:
    """How many the answer leaves out by the hour: beyond the radius, or for want of room."""
    finding = _left_out(rows).strip() or "Nobody is left out at any of these hours."
    drawn = pa.Table.from_pylist([{"hour": row["hour"], "share": 100 * row["left_out"]} for row in rows])
    return Figure(
        "hours", "By the hour of the day", f"A line over the hours. {finding}",
        (Layer("line", drawn, "hour", "share"),), x=Axis("hour of the day"),
        y=Axis("share of the weight that is left out", "%", zero=True), finding=finding,
    )  # fmt: skip
