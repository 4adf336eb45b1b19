"""The result in words: the answer in a sentence, facts, notes, method, and how the report shows the tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from potomac.engine import Fact, Result, Rows, Show
from potomac.outliers.contrast import WEIGHTS

if TYPE_CHECKING:
    from potomac.outliers.model import LocalModel
    from potomac.outliers.summary import Settings

__all__ = ["detection_facts", "result"]


def result(
    settings: Settings,
    model: LocalModel,
    tables: Mapping[str, pa.Table | Rows],
    pictured: Mapping[str, pa.Table],
    rows: int,
    entities: int,
    notes: tuple[str, ...] = (),
    aside: int = 0,
) -> Result:
    """Put tables and words together; ``aside`` counts the repeats that were set aside."""
    top, people, check = _arrow(tables["top"]), _arrow(tables["entities"]), tables.get("detection")
    listed = len(pc.unique(top["entity"].drop_null()))
    found = detection_facts(check, settings.top) if isinstance(check, pa.Table) else ()
    facts = (
        Fact("records", rows, "Records that were scored.", key=True, label="records scored"),
        Fact("entities", entities, "Entities that they belong to.", key=True),
        *_listed(people.num_rows, listed, top.num_rows),
        *found,
        Fact(
            "strangest_score",
            top["outlier_score"][0].as_py(),
            "Outlier score of the strangest record.",
            label="highest score",
        ),
        Fact("cells", len(model.grid), "Cells of the grid."),
        *_meetings(tables.get("meetings")),
        *_aside(aside),
    )
    return Result(
        answer=_sentence(rows, top, people.num_rows, listed, found),
        facts=facts,
        tables=tables,
        notes=(*notes, *_notes(settings, isinstance(check, pa.Table))),
        method=_method(settings, model),
        sources=SOURCES,
        show=_show(tables),
        model=pictured,
    )


def _arrow(table: pa.Table | Rows) -> pa.Table:
    assert not isinstance(table, Rows)  # noqa: S101 - only scores may be streamed
    return table


def _listed(entities: int, listed: int, length: int) -> tuple[Fact, ...]:
    if not entities:
        return ()
    meaning = f"Entities to which the {length:,} strangest records belong."
    return (Fact("entities_listed", listed, meaning, key=True, label="entities on the list"),)


def detection_facts(check: pa.Table, top: int) -> tuple[Fact, ...]:
    """How much of the planted behaviour a list of ``top`` rows holds, with intervals."""
    here = check.filter(pc.equal(check["list_length"], min(top, pc.max(check["list_length"]).as_py())))
    facts = []
    for row in here.to_pylist():
        every = row["kind"] == "all"
        name = "found" if every else f"found_{row['kind']}"
        what = "odd behaviour simulated here" if every else f'simulated "{row["kind"]}" behaviour'
        facts.append(
            Fact(
                name, 100 * row["rate"], f"Share of the {what} that a list of {row['list_length']:,} records holds.",
                100 * row["low"], 100 * row["high"], "%", source="Wilson (1927)", key=every,
                label="found of what was planted" if every else f"found: {row['kind'].replace('_', ' ')}",
            )
        )  # fmt: skip
    return tuple(sorted(facts, key=lambda fact: not fact.key))


def _meetings(table: Any) -> tuple[Fact, ...]:
    if not isinstance(table, pa.Table):
        return ()
    open_water = pc.sum(pc.equal(table["where"], "open water")).as_py() or 0
    return (
        Fact("meetings", table.num_rows, "Meetings of two slow entities for two hours or more."),
        Fact(
            "meetings_open_water",
            open_water,
            "Of these, in water where few usually are.",
            label="meetings in open water",
        ),
    )


def _aside(count: int) -> tuple[Fact, ...]:
    if not count:
        return ()
    return (
        Fact(
            "set_aside",
            count,
            "Records that repeat the place of the one before and were set aside.",
            label="repeats set aside",
        ),
    )


def _sentence(rows: int, top: pa.Table, entities: int, listed: int, found: tuple[Fact, ...]) -> str:
    first = top.slice(0, 1).to_pylist()[0]
    who = first["entity"] or f"row {first['row']:,}"
    when = f" on {_moment(first['time'])}" if first["time"] is not None else ""
    why = str(first["why"])
    parts = [f"The strangest of {rows:,} records is {who}{when}: {why[:1].lower() + why[1:]}"]
    length = top.num_rows
    if entities:
        parts.append(f"The {length:,} strangest belong to {listed:,} of {entities:,} entities.")
    if found:
        rate = found[0]
        parts.append(
            f"Such a list of {length:,} holds {rate.value:.0f} % ({rate.low:.0f} to {rate.high:.0f} %) of the odd "
            "behaviour that was simulated here."
        )
    return " ".join(parts)


def _moment(time: datetime) -> str:
    return f"{time.day} {time:%B %Y} at {time:%H:%M} UTC"


def _notes(settings: Settings, checked: bool) -> tuple[str, ...]:
    notes = ["Odd means rare here. Rare behaviour may be honest, and odd behaviour that is usual here is not found."]
    if settings.prevalence is None:
        notes.append(
            "The level of the log odds is the design's: it ranks and is no probability. With a prevalence in the study "
            "there are probabilities."
        )
    else:
        notes.append(
            f"Probabilities of being odd rest on a prevalence of {settings.prevalence:g}, which is the study's."
        )
    if checked:
        notes.append(
            "What was planted is simulated: the rates say what the list finds of such behaviour, not of any other. "
            "Planted rows are scored by models that have not seen them, and no real row's score depends on them."
        )
    else:
        notes.append('How much it finds here was not checked; add plant = ["off_lane", "speed"] to [check].')
    return tuple(notes)


def _method(settings: Settings, model: LocalModel) -> tuple[str, ...]:
    if model.cells is not None:
        cells = model.cells.design
        return (
            f"The area was cut into {len(model.grid):,} cells of {cells.cell_km:g} km. In each, {cells.fakes} fake a "
            "real record was simulated with an even position and time and random attributes, and a logistic "
            f"regression with {cells.terms} terms (ridge penalty {cells.ridge:g}) told real from fake. Coefficients "
            "and standard errors of every cell are in the table cells; places run from -1 to 1 within a cell.",
            "Records are ranked by their odds of being real. As fakes were sampled by design, only the ranking has a "
            "meaning unless a prevalence is given (case-control correction of the intercept).",
        )
    assert model.contrast is not None  # noqa: S101 - one of the two is there
    design = model.contrast.design
    parts = {
        "place": "fakes at an even place in the cell that behave like some real record: learns where others are",
        "behaviour": "fakes at a real record's place with an even speed and course: learns what is done there",
        "track": "fakes at an even place in the cell with the record's own behaviour, seen beside the other records of "
        "the same entity",
    }
    listed = "; ".join(f"{part}: {parts[part]}" for part in model.contrast.parts)
    return (
        f"Boosted trees tell real records from simulated ones in {len(model.contrast.parts)} contrasts ({listed}). "
        f"Each has {design.fakes} fakes a real record and was made {design.bags} times on shifted grids, coarse and "
        "fine.",
        f"The log odds of being real are the sum of the parts (a track counts {WEIGHTS['track']:g}, and a busy place "
        "half where it speaks for a record), less the surprise at a meeting with another slow one where few usually "
        f"are. They were fitted on {model.rows:,} records in {design.folds} folds; no record was scored by a model "
        f"that saw it{', or another record of its entity' if design.together else ''}.",
        "Surroundings are taken from one record of each entity a square kilometre and course, and never from the "
        "entity's own, so that a vessel at its berth does not vouch for itself. Reasons are found by asking again "
        "with the speed or course of the nearest others.",
    )


SOURCES = (
    "Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed. (2009), 14.2.4: unsupervised as "
    "supervised learning.",
    "Gutmann and Hyvärinen, Noise-contrastive estimation, Journal of Machine Learning Research 13 (2012).",
    "Friedman, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29 (2001).",
    "Prentice and Pyke, Logistic disease incidence models and case-control studies, Biometrika 66 (1979).",
    "Sidak, Rectangular confidence regions, JASA 62 (1967); Benjamini and Hochberg, Controlling the false discovery "
    "rate, JRSS B 57 (1995).",
)

LABELS = {
    "lonely_km": "5th nearest other", "usual_speed": "usual speed", "off_track_km": "off its track", "why": "why",
    "outlier_score": "score", "q_value": "q", "p_value": "p", "effective_records": "independent",
    "strangest_rank": "best rank", "list_length": "list", "list_share": "of all", "mean_log_odds": "mean log odds",
    "among_strangest": "in the strangest 1 %", "distance_km": "distance",
}  # fmt: skip
UNITS = {
    "latitude": "°", "longitude": "°", "speed": "kn", "heading": "°", "lonely_km": "km", "usual_speed": "kn",
    "off_track_km": "km", "hours": "h", "distance_km": "km",
}  # fmt: skip


def _show(tables: Mapping[str, pa.Table | Rows]) -> tuple[Show, ...]:
    wanted: dict[str, tuple[str, tuple[str, ...], str]] = {
        "top": (
            "The strangest records",
            ("rank", "entity", "time", "why", "outlier_score", "speed", "heading", "latitude", "longitude"),
            "Higher scores are stranger. The whole list with every piece of evidence is in tables/top.parquet.",
        ),
        "entities": (
            "Entities over their whole track",
            ("entity", "records", "effective_records", "strangest_rank", "p_value", "q_value", "evidence", "flagged"),
            "p is corrected for how many records an entity has, q is the false discovery rate over all entities.",
        ),
        "meetings": (
            "Meetings of slow ones",
            ("entity", "other", "start", "hours", "latitude", "longitude", "distance_km", "where", "surprise"),
            "Two slow ones within 500 m for two hours or more; those in open water first.",
        ),
        "detection": (
            "How much a list finds of what was planted",
            ("kind", "list_length", "found", "planted", "rate", "low", "high"),
            "Rates with 95 % intervals (Wilson).",
        ),
        "cells": (
            "Cells",
            ("cell", "south", "west", "north", "east", "records", "mean_log_odds", "among_strangest"),
            "",
        ),
        "set_aside": ("Records set aside", ("row", "entity", "time", "reason"), ""),
    }
    sort = {"cells": "among_strangest"}
    return tuple(
        Show(
            name, title, tuple(c for c in columns if c in _names(tables[name])), sort=sort.get(name, ""),
            descending=name in sort, rows=100 if name == "top" else 50, caption=caption, units=UNITS, labels=LABELS,
        )
        for name, (title, columns, caption) in wanted.items()
        if name in tables and _filled(tables[name])
    )  # fmt: skip


def _names(table: pa.Table | Rows) -> list[str]:
    return list(table.schema.names)


def _filled(table: pa.Table | Rows) -> bool:
    return isinstance(table, Rows) or table.num_rows > 0
