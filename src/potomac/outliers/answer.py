"""Positions of a table -> the result: scores, entities, cells, the list with reasons, and how well it works here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.engine import Progress, Result
from potomac.errors import DataError, Fault
from potomac.outliers import told
from potomac.outliers.celled import CellDesign
from potomac.outliers.contrast import Design
from potomac.outliers.density import Density
from potomac.outliers.detectors import check_enough, design_of, is_large, score_table
from potomac.outliers.entities import entity_table
from potomac.outliers.evidence import explain
from potomac.outliers.explained import explain_cells
from potomac.outliers.live import kept
from potomac.outliers.meetings import Meetings
from potomac.outliers.model import LocalModel, fit_local_model, log_odds_of
from potomac.outliers.positions import Positions
from potomac.outliers.reading import Read, read
from potomac.outliers.streaming import stream_answer
from potomac.outliers.summary import Settings, cell_table, check, histogram, panels
from potomac.outliers.tracks import Tracks
from potomac.stats.streams import Stream
from potomac.tables import Table

__all__ = ["MEMORY_ROWS", "answer"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MEMORY_ROWS = 3_000_000
"""Tables up to so many rows are scored in memory, with tracks and meetings; larger ones in streams."""


def answer(
    table: Table, settings: Settings, stream: Stream, progress: Progress, *, memory_rows: int | None = None
) -> Result:
    """Rank the rows of a table of positions.

    Args:
        table: the rows.
        settings: what is asked for.
        stream: names all draws.
        progress: told what is done.
        memory_rows: rows up to which all is done in memory; default ``MEMORY_ROWS``.

    Raises:
        DataError: there are too few rows, or all are alike.
        NoAnswer: nothing can be told from them.
    """
    most = MEMORY_ROWS if memory_rows is None else memory_rows
    got = read(
        table, settings.covariates, stream, progress, most=most, sample=settings.sample,
        categories=settings.categories, drop_repeats=settings.drop_repeats,
    )  # fmt: skip
    check_enough(got.positions)
    _check_known(table, got.positions)

    def design(rows: int) -> Design | CellDesign:
        return design_of(
            settings.method, cell_km=settings.cell_km, fakes=settings.fakes, bags=settings.bags, folds=settings.folds,
            fold_by=settings.fold_by, terms=settings.terms, ridge=settings.ridge,
            large=is_large(rows, settings.sample),
        )  # fmt: skip

    if got.whole:
        return _in_memory(got, design(got.rows), settings, stream, progress)
    return stream_answer(table, got, settings, design, stream, progress)


def _check_known(table: Table, positions: Positions) -> None:
    """Refuse a column that was named and never holds a value: what was meant to be judged would not be."""
    given = {"speed": positions.speed, "heading": positions.heading, "time": positions.time}
    for role, values in given.items():
        if role in table.schema.names and np.isnan(values).all():
            found, mend = f"no row has a known {role}", f"Name another column, or take columns.{role} away"
            raise DataError(Fault("data.column-null", found, f"expected a {role}", mend, key=f"data.columns.{role}"))


@dataclass(frozen=True)
class _Scored:
    """All rows with what is known of them."""

    positions: Positions
    evidence: Mapping[str, Floats]
    log_odds: Floats
    tracks: Tracks
    meetings: Meetings


def _in_memory(
    got: Read, design: Design | CellDesign, settings: Settings, stream: Stream, progress: Progress
) -> Result:
    p = got.positions
    progress("looking for tracks and meetings", 0)
    tracks, meetings = Tracks.build(p), Meetings.build(p, slow_only=True)
    model = fit_local_model(p, design, stream, sample=settings.sample, progress=progress, tracks=tracks)
    evidence = model.evidence(p, fitted=True, tracks=tracks, meetings=meetings, progress=progress)
    done = _Scored(p, evidence, log_odds_of(evidence), tracks, meetings)
    scores = score_table(model, p, evidence, settings.prevalence)
    order = np.argsort(done.log_odds, kind="stable")[: settings.top]
    progress("explaining the strangest", 0)
    top = _explained(model, done, order)
    entities = entity_table(p.entity, p.entities, -done.log_odds, p.time, p.row)
    met = meetings.find() if len(p.entities) > 1 and np.isfinite(p.time).any() else None
    progress("planting simulated behaviour", 0)
    found = check(model, p, tracks, np.sort(done.log_odds), settings, stream)
    tables: dict[str, Any] = {
        "scores": scores, "top": top, "entities": entities,
        "cells": cell_table(model, p, done.log_odds), "set_aside": got.aside,
    }  # fmt: skip
    if met is not None:
        tables["meetings"] = met
    if found is not None:
        tables["detection"], tables["planted"] = found.detection, found.planted
    density = Density()
    density.add(p.latitude, p.longitude)
    pictured = {
        "density": density.table(),
        "panels": panels(p, top, order),
        "histogram": histogram(done.log_odds, None if found is None else found.log_odds),
        **kept(model, done.log_odds),
    }
    aside = got.aside.num_rows
    return told.result(settings, model, tables, pictured, len(p), len(p.entities), aside=aside)


def _explained(model: LocalModel, done: _Scored, order: Ints) -> pa.Table:
    if model.method == "logistic":
        return explain_cells(model, done.positions, order, done.log_odds[order])
    some = {part: odds[order] for part, odds in done.evidence.items()}
    return explain(model, done.positions, order, some, done.tracks)
