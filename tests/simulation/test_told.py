"""Sentences of the result are true of the model, and numbers have the digits they deserve."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from potomac import studies
from potomac.simulation.alarms import alarms
from potomac.simulation.estimates.estimate import Estimate
from potomac.simulation.telling.words import LABELS, MEANINGS, SHARES, between, label, meaning_of, percent, say, time


@pytest.mark.parametrize(
    ("value", "said"),
    [(1.9286, "1.93"), (0.0123456, "0.0123"), (123456.7, "123,457"), (0.0, "0"), (7.0, "7"), (float("nan"), "unknown"),
     (99.96, "100.0"), (12.34, "12.3")],
)  # fmt: skip
def test_numbers_have_three_digits(value: float, said: str) -> None:
    assert say(value) == said


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(3.21, 3.58, "3.21 to 3.58"), (99.588, 99.604, "99.59 to 99.60"), (1200.0, 1350.0, "1,200 to 1,350"),
     (0.0, 0.0, "0 to 0"), (float("nan"), 1.0, "no interval")],
)  # fmt: skip
def test_intervals_have_as_many_digits_as_tell_their_ends_apart(low: float, high: float, said: str) -> None:
    assert between(low, high) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.7474, "74.7"), (0.99594, "99.59"), (0.999928, "99.9928"), (1.0, "100"), (0.0, "0"), (0.00123, "0.123")],
)
def test_shares_near_all_keep_two_digits_of_what_they_lack(share: float, said: str) -> None:
    assert percent(share) == said


def test_one_is_singular() -> None:
    assert (time(1.0, "minutes"), time(2.0, "minutes"), time(1.5, "hours")) == ("1 minute", "2 minutes", "1.50 hours")


def test_every_measure_has_a_label_and_a_meaning() -> None:
    assert set(SHARES) <= set(LABELS)
    assert set(MEANINGS) <= set(LABELS)
    assert set(LABELS) - set(MEANINGS) <= {"reliability"}
    assert label("wait_q99.5") == "wait, 99.5 % within"


def estimate(measure: str, where: str = "desk") -> Estimate:
    return Estimate(where, measure, 1.0, 0.9, 1.1, 0.1, 20)


def test_facts_say_what_they_are_of() -> None:
    assert meaning_of(estimate("wait")) == "Mean time that customers wait at desk"
    assert meaning_of(estimate("wait_q90")) == "Time that customers wait at desk which 90 in 100 do not exceed"
    assert meaning_of(estimate("reliability_at_720", "water")) == "Probability that water has not failed by 720"
    assert meaning_of(estimate("availability", "system")) == "Share of the time that the system works"


# ---- alarms -------------------------------------------------------------------------------------------------------


def held(exact: float, replications: int = 20) -> Estimate:
    """With 20 replications the half-width is t(19; .975) = 2.093 standard errors."""
    return Estimate("desk", "wait", 1.0, 0.9, 1.1, 0.1, replications, exact)


def test_where_no_exact_value_lies_outside_nothing_is_said() -> None:
    assert [*alarms([held(1.05), estimate("wait")], 0.95).notes()] == []


def test_a_value_a_little_outside_is_told_and_is_no_alarm() -> None:
    """1.12 is 2.51 standard errors off: with 20 values P = 20 x .021 is no wonder."""
    found = alarms([held(1.0)] * 19 + [held(1.12)], 0.95)
    assert (len(found.known), len(found.missed), len(found.far)) == (20, 1, 0)
    assert found.expected == pytest.approx(1.0)
    first, second = found.notes()
    assert first.startswith("1 of 20 exact values lies outside its 95 % interval, where 1 is expected by chance")
    assert first.endswith("None is too far out for chance.")
    assert "1.12, outside the interval 0.9 to 1.1" in second


def test_a_value_far_outside_is_an_alarm() -> None:
    """1.3 is 6.28 standard errors off: P of Student's law with 19 degrees of freedom is 5e-6, times 20 still 1e-4."""
    found = alarms([held(1.0)] * 19 + [held(1.3)], 0.95)
    assert len(found.far) == 1
    assert "Alarm: 1 of them is too far out for chance (less than 0.01, all 20 together)" in next(found.notes())


def test_few_replications_make_far_values_less_of_a_wonder() -> None:
    """Half-widths of three replications are t(2; .975) = 4.303 standard errors; three times that is P = .006."""
    assert len(alarms([held(1.3, replications=20)], 0.95).far) == 1
    assert len(alarms([replace(held(1.2), replications=3)] * 2, 0.95).far) == 0


def test_an_interval_of_no_width_that_misses_is_an_alarm() -> None:
    assert len(alarms([Estimate("desk", "wait", 1.0, 1.0, 1.0, 0.0, 20, 1.5)], 0.95).far) == 1
    assert alarms([Estimate("desk", "wait", 1.0, 1.0, 1.0, 0.0, 20, 1.0 + 1e-12)], 0.95).missed == ()


# ---- answers ------------------------------------------------------------------------------------------------------

QUEUE = """
kind = "simulation"
name = "said"
time_unit = "hours"
[[source]]
name = "urgent"
to = "ward"
rate = 0.3
[[source]]
name = "routine"
to = "ward"
rate = 0.3
priority = 1
"""


def answer(text: str, out: Path, **how: Any) -> studies.Run:
    run = {"replications": 10, "until": 4000, **how}
    lines = "".join(f"{name} = {value!r}\n" for name, value in run.items() if value is not None)
    return studies.run(tomllib.loads(f"{text}\n[run]\n{lines}"), out)


def test_a_kind_of_customers_is_told_by_its_name(tmp_path: Path) -> None:
    text = QUEUE + '[[station]]\nname = "ward"\nservice = 1.0\ndiscipline = "priority"\n'
    run = answer(text, tmp_path, of="ward:urgent:wait")
    assert run.answer.startswith("With 1 at ward urgent wait ")
    assert "hours on average (" in run.answer


def test_a_calendar_is_told_by_its_least_and_most_servers(tmp_path: Path) -> None:
    text = QUEUE + '[[station]]\nname = "ward"\nservice = 1.0\ncalendar = [[8, 1], [8, 3]]\n'
    assert answer(text, tmp_path).answer.startswith("With 1 to 3 at ward people wait ")


def test_where_nobody_waits_all_are_served_at_once(tmp_path: Path) -> None:
    text = QUEUE + '[[station]]\nname = "ward"\nservice = 1.0\nservers = "unlimited"\n'
    run = answer(text, tmp_path, until=None)
    assert run.answer.startswith("People wait 0 hours on average (0 to 0) at ward, where all are served at once")


SHOP = """
kind = "simulation"
name = "shop"
time_unit = "days"
[[source]]
name = "customers"
to = "shelf"
rate = 10
[[stock]]
name = "shelf"
s = 20
S = 60
lead = 1.0
holding = 0.1
order = 32
"""


def test_a_stock_is_told_with_its_levels_and_its_cost(tmp_path: Path) -> None:
    more = '[[scenario]]\nname = "later"\nset = { "stock.shelf.s" = 10 }\n'
    run = answer(SHOP + more, tmp_path, until=1000)
    assert run.answer.startswith("With s = 20 and S = 60, ")
    assert " a day (" in run.answer
    assert "percentage points" in next(n for n in run.manifest["notes"] if n.startswith("later less"))
    assert "backorders" in run.facts
    assert "lost_per_time" not in run.facts
    assert "wait_q90" not in run.facts


def test_lost_demand_is_told_in_place_of_what_is_owed(tmp_path: Path) -> None:
    run = answer(SHOP.replace("lead = 1.0", "lead = 2.0\nlost = true"), tmp_path, until=1000)
    assert run.facts["lost_per_time"] > 0
    assert "backorders" not in run.facts


PUMPS = """
kind = "simulation"
name = "pumps"
time_unit = "hours"
[[component]]
name = "pump"
count = 2
life = { exponential = { mean = 700 } }
repair = { exponential = { mean = 36 } }
[[system]]
parallel = "pump"
"""


def test_a_system_works_a_share_of_the_time(tmp_path: Path) -> None:
    """Two units of availability 700 / 736, one of which must work: 1 - (36 / 736)^2 = .99761."""
    run = answer(PUMPS, tmp_path, until=100_000)
    assert run.answer.startswith("The system works 99.")
    assert run.facts["exact"] == pytest.approx(100 * (1 - (36 / 736) ** 2))
    assert run.facts["mean_down_time"] == pytest.approx(18, rel=0.2)  # both repairs go on: mean 36 / 2
    assert "customers" not in " ".join(run.manifest["method"])


def test_arrivals_that_are_played_back_and_end_early_are_told(tmp_path: Path) -> None:
    text = 'kind = "simulation"\nname = "few"\n[[source]]\nname = "guests"\nto = "desk"\ntrace = [1, 2, 4.5]\n'
    run = answer(text + '[[station]]\nname = "desk"\nservice = 1\n', tmp_path, until=100)
    assert (
        "The arrivals of guests that are played back end at 4.50 minutes; nobody comes from there after that."
        in run.manifest["notes"]
    )


def test_facts_of_exact_values_say_what_is_expected_by_chance(tmp_path: Path) -> None:
    run = answer(QUEUE + '[[station]]\nname = "ward"\nservice = 1.0\n', tmp_path)
    told = run.manifest["facts"]
    n = run.facts["exact_values"]
    assert n > 5
    assert 0 <= run.facts["exact_missed"] <= n
    assert f"{0.05 * n:.2g} {'is' if n <= 20 else 'are'} expected by chance" in told["exact_missed"]["meaning"]
    assert run.facts["exact_alarms"] == 0
