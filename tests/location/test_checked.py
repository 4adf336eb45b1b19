"""check says of a study's tables what its run would say, before any site is sought."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from potomac import studies
from potomac.errors import DataError, NoAnswer, PotomacError
from potomac.location.checked import checked
from potomac.location.question import Question
from potomac.location.study import LocationStudy, question_of
from potomac.studies import sources
from potomac.studies.check import check
from potomac.studies.load import load
from potomac.tables import Table

from .conftest import PLACES, SITES, TIMES, study

MANY = pa.table({"id": [str(k % 4500) for k in range(5000)], "latitude": [38.9] * 5000, "longitude": [-77.0] * 5000})
"""Ids that are there twice, past the rows that check shows."""

LINK = pa.table({"from": ["a"], "to": ["b"], "minutes": [5.0]})


def asked_of(keys: dict[str, Any], given: dict[str, pa.Table]) -> tuple[dict[str, Table], Question]:
    """The tables of a study, opened, and what it asks."""
    loaded = load(keys, given=given)
    return sources.open_all(loaded, given), question_of(cast("LocationStudy", loaded.study))


def by_pair(**more: Any) -> dict[str, pa.Table]:
    return {"demand": PLACES, "candidates": SITES, "travel.matrix": TIMES, **more}


WRONG: dict[str, tuple[Mapping[str, pa.Table], Mapping[str, Any], type[PotomacError], str]] = {
    "ids twice far below": ({"demand": MANY}, {}, DataError, "location.id-twice"),
    "ids of the matrix": (
        {**by_pair(), "travel.matrix": TIMES.set_column(0, "origin", pa.array(["q"] * 12))},
        {"travel": {"model": "matrix"}}, DataError, "location.matrix-foreign",
    ),
    "a flag": (
        by_pair(candidates=SITES.append_column("fixed", pa.array(["perhaps", "", ""]))),
        {"travel": {"model": "matrix"}}, DataError, "location.flag",
    ),
    "p above the candidates": (by_pair(), {"travel": {"model": "matrix"}, "problem": {"p": 4}}, NoAnswer,
                               "location.infeasible"),
    "out of reach": (
        by_pair(), {"travel": {"model": "matrix"}, "problem": {"service_radius": 5}}, NoAnswer, "location.out-of-reach",
    ),
    "no node of the roads": (
        {"demand": pa.table({"id": ["q"]}), "candidates": pa.table({"id": ["b"]}), "travel.links": LINK},
        {"travel": {"model": "road"}}, DataError, "location.node-unknown",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_check_says_what_the_run_would_say(name: str, tmp_path: Path) -> None:
    tables, parts, kind, code = WRONG[name]
    keys = study(tables, **parts)
    with pytest.raises(kind) as early:
        check(keys, tables=tables)
    with pytest.raises(kind) as late:
        studies.run(keys, tmp_path, tables=tables)
    assert early.value.faults[0].code == code
    assert [str(fault) for fault in early.value.faults] == [str(fault) for fault in late.value.faults]


def test_check_is_content_with_a_study_that_has_an_answer() -> None:
    tables = by_pair()
    _, found = check(study(tables, travel={"model": "matrix"}), tables=tables)
    assert [one.name for one in found] == list(tables)


def test_sites_anywhere_are_without_number() -> None:
    """More sites than candidates is no fault where they need no candidates."""
    tables = {"demand": PLACES.slice(0, 2)}
    check(study(tables, problem={"p": 3, "site": "anywhere"}), tables=tables)
    with pytest.raises(NoAnswer, match="p = 3 is above"):
        check(study(tables, problem={"p": 3}), tables=tables)


def test_large_tables_are_left_to_the_run() -> None:
    tables = {"demand": MANY}
    opened, question = asked_of(study(tables), tables)
    checked(opened, question, rows=4999)
    with pytest.raises(DataError):
        checked(opened, question, rows=5000)


def test_travel_times_of_many_pairs_are_left_to_the_run() -> None:
    tables = by_pair()
    opened, question = asked_of(study(tables, travel={"model": "matrix"}, problem={"service_radius": 5}), tables)
    checked(opened, question, pairs=11)
    with pytest.raises(NoAnswer):
        checked(opened, question, pairs=12)
