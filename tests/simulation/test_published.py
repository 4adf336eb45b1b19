"""Published outputs of Leemis and Park (2006), to every printed digit: their generator, traces and order of draws."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from potomac.simulation.distributions import exponential, trace, uniform
from potomac.simulation.lehmer import Lehmer
from potomac.simulation.loop.world import ARRIVED
from potomac.simulation.model import Model
from potomac.simulation.output import Simulated
from potomac.simulation.periods import periodic

DATA = Path(__file__).parents[3] / "shared" / "data" / "simulation"


def column(file: str, name: str) -> list[float]:
    with gzip.open(DATA / file, "rt", encoding="utf-8") as lines:
        return [float(row[name]) for row in csv.DictReader(lines)]


def printed(run: Simulated, where: str, **expected: str) -> None:
    """The measures of a place, as the book prints them."""
    assert {name: f"{run.estimate(where, name).mean:.2f}" for name in expected} == expected


def test_state_after_ten_thousand_steps() -> None:
    """The check of Park and Miller (1988) for this multiplier, from a state of 1."""
    assert round(Lehmer(1).uniforms(0, 10_000)[-1] * 2147483647) == 399268537


@pytest.mark.realdata
def test_ssq1_a_trace_of_a_single_server() -> None:
    arrivals = column("ssq1.csv.gz", "arrival")
    m = (
        Model()
        .source("jobs", trace=arrivals, to="node")
        .station("node", service=trace(column("ssq1.csv.gz", "service")))
    )
    run = m.run(replications=2)
    printed(run, "node", wait="18.59", time_in_station="25.72")
    assert f"{arrivals[-1] / len(arrivals):.2f}" == "9.87"
    stay, wait = (run.estimate("node", name).mean for name in ("time_in_station", "wait"))
    assert f"{stay - wait:.2f}" == "7.12"


@pytest.mark.realdata
def test_sis1_a_trace_of_a_stock() -> None:
    run = periodic(column("sis1.csv.gz", "demand"), s=19, S=80, returned=True)  # the book orders below 20
    printed(run, "stock", demand_per_time="29.29", ordered_per_time="29.29", orders_per_time="0.39", on_hand="42.40",
            backorders="0.25")  # fmt: skip


def test_ssq3_a_single_server_until_the_doors_close() -> None:
    m = Model().lehmer(streams={"jobs/interarrival": 0, "node/service": 1})
    m.source("jobs", interarrival=exponential(mean=2), stop=20_000, to="node").station("node", service=uniform(1, 2))
    run = m.run(replications=2)
    printed(run, "node", wait="2.41", time_in_station="3.92", number_in_station="1.96", queue_length="1.21",
            utilization="0.75")  # fmt: skip
    stay, wait = (run.estimate("node", name).mean for name in ("time_in_station", "wait"))
    assert f"{stay - wait:.2f}" == "1.50"
    arrivals = np.cumsum(-2 * np.log(1 - Lehmer().uniforms(0, 11_000)))
    jobs = int((arrivals < 20_000).sum())
    assert jobs == round(run.estimate("node", "throughput").mean * run.runs[0].end) == 10_025
    assert f"{arrivals[jobs - 1] / jobs:.2f}" == "1.99"


def test_sis3_a_stock_with_weekly_review() -> None:
    """The book counts a last order that brings the stock back to where it began."""
    m = Model().lehmer(streams={"demand/interarrival": 0, "shop/lead": 1})
    m.source("demand", interarrival=exponential(mean=1 / 30), to="shop")
    run = m.stock("shop", s=19, S=80, review=1, lead=uniform(0, 1)).run(until=100, warmup=0)
    printed(run, "shop", demand_per_time="30.03", on_hand="28.59", backorders="1.68")
    value = {name: run.estimate("shop", name).mean for name in ("demand_per_time", "orders_per_time", "order_size")}
    ordered = value["orders_per_time"] * value["order_size"]
    last = value["demand_per_time"] - ordered  # what the level is short of its start at the end
    assert last > 0
    assert f"{ordered + last:.2f}" == "30.03"
    assert f"{value['orders_per_time'] + 1 / 100:.2f}" == "0.40"
    orders = round(value["orders_per_time"] * 100)
    lags = Lehmer().uniforms(1, orders)
    assert f"{lags.sum() / (orders + 1):.2f}" == "0.49"  # the last order has none, and is counted


def test_ssms_machines_and_one_repairman_for_a_hundred_thousand_failures() -> None:
    """All measures are of the first 100,000 machines that fail; the run ends when the last of them does."""
    m = Model().lehmer(streams={"shop/service": 0, "repair/service": 1})
    m.source("machines", population=60, to="shop")
    m.station("shop", servers=np.inf, service=exponential(mean=100)).station("repair", service=uniform(1, 2))
    m.route("shop", "repair").route("repair", "shop")

    def failed(until: float) -> tuple[int, Simulated]:
        run = m.run(until=until, warmup=0, replications=2)
        return int(run.runs[0].tally[1, :, ARRIVED].sum()), run

    low, high = 170_000.0, 180_000.0
    while True:
        until = (low + high) / 2
        failures, run = failed(until)
        if failures == 100_000:
            break
        low, high = (until, high) if failures < 100_000 else (low, until)
    printed(run, "repair", time_in_station="5.09", wait="3.59", number_in_station="2.90", queue_length="2.05")
    assert f"{until / failures:.2f}" == "1.75"
    stay, wait = (run.estimate("repair", name).mean for name in ("time_in_station", "wait"))
    assert f"{stay - wait:.2f}" == "1.50"
    assert f"{run.estimate('repair', 'utilization').mean:.2f}" == "0.86"


def test_craps_with_one_stream() -> None:
    """10,000 plays, each roll two draws of the one stream: 0.485, where 244 / 495 is exact."""
    dice = (1 + (6 * Lehmer().uniforms(0, 100_000)).astype(int)).reshape(-1, 2).sum(1)
    rolls, won = iter(dice.tolist()), 0
    for _ in range(10_000):
        first = next(rolls)
        if first in (7, 11):
            won += 1
        elif first not in (2, 3, 12):
            point = next(rolls)
            while point not in (first, 7):
                point = next(rolls)
            won += point == first
    assert f"{won / 10_000:.3f}" == "0.485"
