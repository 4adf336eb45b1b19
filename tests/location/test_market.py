"""Own sites beside rivals, by Huff's model, as a study asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from potomac.errors import StudyError

PEOPLE = np.array([100.0, 50.0, 80.0, 20.0])
OWN = np.array([[0, 10, 15], [11, 0, 25], [14, 26, 0], [20, 22, 30]], float)
"""Minutes of a, b, c and d from the candidates a, b and c, as in ``conftest``."""
THEIRS = np.array([[5.0], [20.0], [10.0], [10.0]])
"""From the rival r."""


def pull(minutes: np.ndarray, attractiveness: Any, power: float) -> np.ndarray:
    """A_j / t_ij^lambda (Huff 1964), within a minute as at a minute."""
    return np.asarray(np.asarray(attractiveness) / np.maximum(minutes, 1.0) ** power)


def rivals(**more: Any) -> pa.Table:
    return pa.table({"id": ["r"], "latitude": [38.85], "longitude": [-77.0], **more})


def more_times(times: pa.Table) -> pa.Table:
    return pa.concat_tables(
        [times, pa.table({"origin": ["a", "b", "c", "d"], "destination": ["r"] * 4, "minutes": THEIRS[:, 0]})]
    )


@pytest.mark.parametrize(("power", "staying"), [(2.0, 0.0), (1.0, 0.0), (1.0, 0.3)])
def test_the_site_that_wins_the_most_custom_beside_a_rival(
    by_pair: Any, times: pa.Table, power: float, staying: float
) -> None:
    tables = {"rivals": rivals(attractiveness=[2.0]), "travel.matrix": more_times(times)}
    problem = {"objective": "market_share", "distance_decay": power, "staying": staying}
    run = by_pair(tables, problem=problem)
    own = pull(OWN, 1.0, power)
    won = PEOPLE @ (own / (own + pull(THEIRS, 2.0, power) + staying))
    assert run.facts["objective"] == pytest.approx(won.max())
    assert run.tables["sites"]["site"].to_pylist() == ["abc"[int(won.argmax())]]
    assert run.facts["market_share"] == pytest.approx(100 * won.max() / PEOPLE.sum())
    assert run.facts["proven"]
    market = run.tables["market"].to_pylist()
    assert [(row["site"], row["own"]) for row in market] == [("abc"[int(won.argmax())], True), ("r", False)]
    assert market[0]["custom"] == pytest.approx(won.max())
    total = sum(row["custom"] for row in market)
    assert total == pytest.approx(PEOPLE.sum()) if staying == 0 else total < PEOPLE.sum()


def test_an_attractive_candidate_wins_although_it_is_further(by_pair: Any, times: pa.Table, sites: pa.Table) -> None:
    """Ten times the floor space at b: its pull is ten times that of a site of 1 there."""
    tables = {
        "rivals": rivals(), "travel.matrix": more_times(times),
        "candidates": sites.append_column("attractiveness", pa.array([1.0, 10.0, 1.0])),
    }  # fmt: skip
    run = by_pair(tables, problem={"objective": "market_share", "distance_decay": 1.0})
    own = pull(OWN, [1.0, 10.0, 1.0], 1.0)
    won = PEOPLE @ (own / (own + pull(THEIRS, 1.0, 1.0)))
    assert won.argmax() == 1
    assert run.tables["sites"]["site"].to_pylist() == ["b"]
    assert run.facts["objective"] == pytest.approx(won.max())


def test_rivals_by_places(ask: Any, places: pa.Table) -> None:
    """A rival at c; where staying at home pulls next to nothing, nearly all come."""
    there = places.slice(2, 1).select(["id", "latitude", "longitude"])
    tables = {"demand": places, "rivals": there}
    run = ask(tables, problem={"objective": "market_share", "p": 2})
    assert 0 < run.facts["market_share"] < 100
    assert {row["site"] for row in run.tables["market"].to_pylist() if not row["own"]} == {"c"}
    alone = ask({"demand": places}, problem={"objective": "market_share", "p": 2, "staying": 1e-9})
    assert alone.facts["market_share"] > 99.9


def test_who_reaches_no_candidate_is_part_of_all_custom(by_pair: Any, times: pa.Table) -> None:
    """Without the rows of d to the candidates its 20 people are the rival's."""
    tables = {"rivals": rivals(), "travel.matrix": more_times(times.slice(0, 9))}
    run = by_pair(tables, problem={"objective": "market_share", "distance_decay": 1.0})
    own = pull(OWN[:3], 1.0, 1.0)
    won = (PEOPLE[:3] @ (own / (own + pull(THEIRS[:3], 1.0, 1.0)))).max()
    assert run.facts["objective"] == pytest.approx(won)
    assert run.facts["market_share"] == pytest.approx(100 * won / PEOPLE.sum())
    assert run.tables["market"]["share"][0].as_py() == pytest.approx(won / PEOPLE.sum())


@pytest.mark.parametrize(
    ("problem", "more", "key"),
    [
        ({"objective": "market_share"}, False, "rivals"),
        ({"objective": "minisum"}, True, "rivals"),
        ({"objective": "market_share", "distance_decay": 0}, True, "problem.distance_decay"),
    ],
)
def test_rivals_that_make_no_sense(ask: Any, places: pa.Table, problem: dict[str, Any], more: bool, key: str) -> None:
    with pytest.raises(StudyError) as caught:
        ask({"demand": places, **({"rivals": rivals()} if more else {})}, problem=problem)
    assert [one.key for one in caught.value.faults] == [key]
