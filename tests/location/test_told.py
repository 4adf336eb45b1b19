"""Sentences of the result are true of what was asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from potomac.location.placement import Placement, Ties
from potomac.location.says import percent
from potomac.location.told import as_good


@pytest.mark.parametrize(
    ("share", "said"), [(28.000000000000004, "28 %"), (0.01, "under 0.1 %"), (99.96, "over 99.9 %"), (4.5, "4.5 %")]
)
def test_shares_have_the_digits_they_deserve(share: float, said: str) -> None:
    assert percent(share) == said


def test_what_a_cover_costs_is_no_number_of_sites(by_pair: Any, sites: pa.Table) -> None:
    """Within 20 minutes a reaches all (d in 20) for 2.75; b and c together for 2.5 leave d out."""
    priced = sites.append_column("cost", pa.array([2.75, 1.25, 1.25]))
    run = by_pair({"candidates": priced}, problem={"objective": "set_cover", "service_radius": 20})
    assert run.answer.startswith("Open it at a to have all of 250 people within 20 minutes: 2.75 in all; no other")
    bare = by_pair(problem={"objective": "set_cover", "service_radius": 20})
    assert bare.answer.startswith("It takes 1 site (a) to have all of 250 people within 20 minutes; fewer cannot")


def test_sites_that_are_there_are_not_told_to_be_put(by_pair: Any, sites: pa.Table) -> None:
    """Beside b, c leaves 100 people 10 and 20 people 22 minutes: 1,440 for 250."""
    there = sites.append_column("fixed", pa.array(["no", "yes", "no"]))
    run = by_pair({"candidates": there}, problem={"p": 2})
    assert run.answer.startswith("Put the new site at c, beside b, which is there already: 5.76 minutes")
    alone = by_pair({"candidates": there}, problem={"p": 1})
    assert alone.answer.startswith("Keep b, which is there already: ")


def test_only_a_road_is_said_to_be_empty(by_pair: Any, ask: Any, places: pa.Table) -> None:
    assert not any("empty road" in note or "rush hour" in note for note in by_pair().manifest["notes"])
    plain = ask({"demand": places}, travel={"model": "circuity"})
    assert "Travel times know no rush hour; departure = 8 asks for the morning." in plain.manifest["notes"]


@pytest.mark.parametrize(("ties", "among"), [("all", "equals"), ("exchange", "those that were met"),
                                             ("met", "those that were met")])  # fmt: skip
def test_of_all_equals_the_first_is_taken_only_where_all_were_looked_at(ties: Ties, among: str) -> None:
    one = Placement(np.array([0, 2]), np.array([0, 2]), 1.0, 1.0, True, "optimal", equal=(np.array([1, 2]),), ties=ties)
    assert as_good(one, pa.array(["a", "b", "c"])) == f"As good are also: b, c. Of {among} the first by id is taken."
