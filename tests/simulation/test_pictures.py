"""Pictures of a result: which come first, what they say in words, and that they are drawn."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from potomac import studies
from potomac.engine import Figure
from potomac.report import charts
from potomac.simulation.telling import pictures
from potomac.simulation.telling.words import percent

QUEUE = """
kind = "simulation"
name = "drawn"
[[source]]
name = "walkin"
to = "desk"
rate = 1
[[station]]
name = "desk"
servers = 2
service = { exponential = { mean = 1.5 } }
[run]
replications = 12
until = 3000
"""

SCENARIO = '[[scenario]]\nname = "three"\nset = { "station.desk.servers" = 3 }\n'

PUMPS = """
kind = "simulation"
name = "pumps"
time_unit = "hours"
[[component]]
name = "pump"
count = 3
life = { exponential = { mean = 700 } }
repair = { exponential = { mean = 36 } }
[[system]]
of = "pump"
k = 2
[run]
replications = 12
until = 20000
"""

MISSION = """
kind = "simulation"
name = "mission"
[[component]]
name = "valve"
count = 3
reliability = 0.9
[[system]]
of = "valve"
k = 2
"""


def drawn(text: str, out: Path) -> tuple[studies.Run, dict[str, Figure]]:
    run = studies.run(tomllib.loads(text), out)
    return run, {figure.name: figure for figure in pictures.figures(run.result())}


@pytest.mark.parametrize(
    ("text", "lead"),
    [(QUEUE, "waits"), (QUEUE + SCENARIO, "scenarios"), (PUMPS, "timeline-availability"), (MISSION, "measures")],
    ids=["queue", "scenarios", "pumps", "mission"],
)  # fmt: skip
def test_the_picture_that_shows_the_answer_comes_first(text: str, lead: str, tmp_path: Path) -> None:
    run, figures = drawn(text, tmp_path)
    if lead == "measures" and "convergence" in figures:
        lead = "convergence"
    assert [name for name, figure in figures.items() if figure.role == "lead"] == [lead] == [next(iter(figures))]
    for figure in figures.values():
        assert len(figure.alt) > 20
        assert "nan" not in figure.finding
        assert run.report.read_text(encoding="utf-8").count(figure.title) >= 1


def test_waits_add_up_to_all_customers(tmp_path: Path) -> None:
    """Less than one in two hundred waits longer than the last bar."""
    run, figures = drawn(QUEUE, tmp_path)
    of = [row for row in run.tables["waits"].to_pylist() if row["where"] == "desk"]
    assert 99.0 <= sum(row["share"] for row in of) <= 100.0 + 1e-9
    assert of[0]["none"] == pytest.approx(100 - run.facts["p_wait"], abs=0.5)
    assert f"{of[0]['none']:.1f} % do not wait at all." == figures["waits"].finding


def test_the_interval_that_converges_ends_at_the_one_that_is_told(tmp_path: Path) -> None:
    run, figures = drawn(QUEUE, tmp_path)
    last = run.tables["convergence"].to_pylist()[-1]
    fact = run.fact("main")
    assert (last["replications"], last["mean"]) == (12, pytest.approx(fact.value))
    assert (last["low"], last["high"]) == (pytest.approx(fact.low), pytest.approx(fact.high))
    assert figures["convergence"].finding.startswith("After 12 replications it lies between ")
    assert figures["convergence"].finding.endswith(" minutes.")


def test_intervals_that_hold_the_exact_value_are_counted_as_the_facts_count_them(tmp_path: Path) -> None:
    run, figures = drawn(QUEUE, tmp_path)
    n, missed = run.facts["exact_values"], run.facts["exact_missed"]
    assert figures["exact"].finding == f"{n - missed} of {n} intervals hold the exact value."


def test_scenarios_are_told_with_the_unit(tmp_path: Path) -> None:
    run, figures = drawn(QUEUE + SCENARIO, tmp_path)
    means = {r["scenario"]: r["mean"] for r in run.tables["scenarios"].to_pylist() if r["measure"] == "wait"
             and r["where"] == "desk"}  # fmt: skip
    assert figures["scenarios"].finding == (
        f"Wait of desk: {means['three']:.3f} minutes with three, {means['as it is']:.2f} minutes with as it is."
    )


def test_shares_are_drawn_in_per_cent_and_bands_where_they_lie(tmp_path: Path) -> None:
    """Two of three units: 3 A^2 (1 - A) + A^3 with A = 700 / 736 is .99304; an axis from 0 would show a flat line."""
    run, figures = drawn(PUMPS, tmp_path)
    figure = figures["timeline-availability"]
    values = figure.layers[1].data["mean"].to_pylist()
    assert 95 < min(values) <= max(values) <= 100
    assert figure.y.unit == "%"
    assert "95" in str(charts.svg(figure)) or "99" in str(charts.svg(figure))
    assert percent(run.facts["main"] / 100) in run.answer


def test_panels_are_drawn_for_several_places(tmp_path: Path) -> None:
    more = '[[station]]\nname = "till"\nservice = 0.5\n[[route]]\nstart = "desk"\nto = "till"\n'
    head, tail = QUEUE.split("[run]")
    _, figures = drawn(f"{head}{more}[run]{tail}", tmp_path)
    assert [panel.title for panel in figures["timeline-queue-length"].panels] == ["desk", "till"]
