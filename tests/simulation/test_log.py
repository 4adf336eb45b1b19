"""The event log tells the same story as the measures: its queue has their areas, its customers their waits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from potomac.errors import Interrupted, StudyError
from potomac.simulation.distributions import deterministic, discrete, exponential, gamma, uniform
from potomac.simulation.executors import log
from potomac.simulation.executors.execute import begun, replications, steps
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop.noting import EVENTS
from potomac.simulation.loop.plan import planned
from potomac.simulation.model import Model
from potomac.simulation.output import Simulated
from potomac.stats.streams import Stream

Floats = npt.NDArray[np.float64]


def busy() -> Model:
    """All that can happen to a customer at a station."""
    m = Model().source("a", interarrival=exponential(1.0), to="s", priority=5)
    m.source("b", interarrival=exponential(4.0), to="s", batch=discrete((1, 3), (0.5, 0.5)))
    m.station("s", servers=2, service=gamma(mean=1.0, cv=0.8), discipline="priority", preemption="resume", balk=6,
              patience=exponential(4.0), uptime=exponential(30.0), repair=exponential(3.0))  # fmt: skip
    m.station("t", service=exponential(0.4), capacity=3, calendar=((20.0, 1), (10.0, 2)))
    return m.route("s", {"t": 0.8, "s": 0.1, "exit": 0.1})


def shop() -> Model:
    m = Model().source("buyers", interarrival=exponential(1.0), to="shelf")
    return m.stock("shelf", s=4, S=12, quantity=discrete((1, 2, 3), (0.5, 0.3, 0.2)), lead=uniform(1, 5), lost=True)


def table(run: Simulated, *which: int) -> pa.Table:
    return pa.Table.from_batches(run.events(which or None), log.schema())


def rows(t: pa.Table, where: str, *events: str) -> dict[str, Any]:
    """Columns of the events at a place."""
    keep = [w == where and e in events for w, e in zip(t["where"].to_pylist(), t["event"].to_pylist(), strict=True)]
    part = t.filter(pa.array(keep))
    return {name: np.array(part[name].to_pylist()) for name in part.column_names}


def area(times: Floats, steps: Floats, until: float) -> float:
    """Integral from 0 to ``until`` of what begins at 0 and changes by ``steps`` at ``times``."""
    return float((np.clip(until - times, 0, None) * steps).sum())


UNTIL = 400.0


@pytest.fixture(scope="module")
def run() -> Simulated:
    return busy().run(until=UNTIL, warmup=0, replications=3, seed=4)


@pytest.fixture(scope="module")
def told(run: Simulated) -> pa.Table:
    return table(run, 1)


class TestStation:
    @pytest.mark.parametrize("where", ["s", "t"])
    @pytest.mark.parametrize(
        ("measure", "up", "down"),
        [
            ("queue_length", ("arrival", "interrupt"), ("start", "renege", "balk", "block")),
            ("number_in_station", ("arrival",), ("end", "renege", "balk", "block")),
            ("busy_servers", ("start",), ("end", "interrupt")),
        ],
    )
    def test_areas_are_those_of_the_measures(
        self, run: Simulated, told: pa.Table, where: str, measure: str, up: tuple[str, ...], down: tuple[str, ...]
    ) -> None:
        r = rows(told, where, *up, *down)
        steps = np.where(np.isin(r["event"], up), 1.0, -1.0)
        mean = area(r["time"], steps, UNTIL) / UNTIL
        assert mean == pytest.approx(run.values[where, measure][1], rel=1e-9)
        assert np.cumsum(steps).min() >= 0

    @pytest.mark.parametrize(("measure", "event"), [("p_renege", "renege"), ("p_balk", "balk"), ("p_block", "block")])
    def test_counts_are_those_of_the_measures(self, run: Simulated, told: pa.Table, measure: str, event: str) -> None:
        where = "t" if event == "block" else "s"
        came = rows(told, where, "arrival")
        within = came["time"] < UNTIL
        visits = list(zip(came["customer"][within], came["time"][within], strict=True))
        gone = {c for c, t in visits}
        r = rows(told, where, event)
        assert r["time"].size > 0
        lost = sum(c in gone for c in r["customer"])
        assert lost / within.sum() == pytest.approx(run.values[where, measure][1], abs=3 / within.sum())

    def test_all_who_come_go_and_none_before_it_came(self, told: pa.Table) -> None:
        names, events, times = (told[n].to_pylist() for n in ("customer", "event", "time"))
        first: dict[int, float] = {}
        gone: dict[int, float] = {}
        for c, e, t in zip(names, events, times, strict=True):
            if c is None:
                continue
            assert c not in gone
            first.setdefault(c, t)
            if e == "depart":
                gone[c] = t
        early = {c for c, t in first.items() if t < UNTIL}
        assert early <= set(gone)  # followed until they are through
        assert sorted(first) == [*range(len(first))]

    def test_time_never_goes_back(self, told: pa.Table) -> None:
        assert (np.diff(told["time"].to_numpy()) >= 0).all()

    def test_priorities_and_kinds_are_those_of_the_sources(self, told: pa.Table) -> None:
        seen = {(k, p) for k, p in zip(told["kind"].to_pylist(), told["priority"].to_pylist(), strict=True)}
        assert seen == {("a", 5), ("b", 0), (None, None)}

    def test_servers_fail_and_are_repaired_in_turn(self, told: pa.Table) -> None:
        r = rows(told, "s", "fail", "repair")
        down = np.cumsum(np.where(r["event"] == "fail", 1, -1))
        assert r["time"].size > 5
        assert set(down.tolist()) <= {0, 1, 2}
        assert set(r["customer"].tolist()) == {None}

    def test_the_calendar_is_told(self, told: pa.Table) -> None:
        r = rows(told, "t", "servers")
        assert r["time"][:4].tolist() == [20.0, 30.0, 50.0, 60.0]
        assert r["amount"][:4].tolist() == [2.0, 1.0, 2.0, 1.0]


def test_waits_are_those_of_the_measures() -> None:
    """Each customer's first start less its arrival; by the recursion in the run, by the event loop in the log."""
    m = Model().source("a", interarrival=exponential(1.0), to="s").station("s", servers=2, service=exponential(1.7))
    run = m.run(until=3000.0, warmup=100.0, replications=2, seed=9)
    t = table(run, 0)
    came, began = rows(t, "s", "arrival"), rows(t, "s", "start")
    arrived = dict(zip(came["customer"], came["time"], strict=True))
    waits = [b - arrived[c] for c, b in zip(began["customer"], began["time"], strict=True)
             if 100.0 <= arrived[c] < 3000.0]  # fmt: skip
    assert np.mean(waits) == pytest.approx(run.values["s", "wait"][0], rel=1e-9)


def test_a_stock_is_the_sum_of_its_deliveries_and_demands() -> None:
    until = 2000.0
    run = shop().run(until=until, warmup=0, replications=2, seed=3)
    t = table(run, 1)
    r = rows(t, "shelf", "demand", "delivery", "block")
    sign = np.select([r["event"] == "demand", r["event"] == "delivery"], [-1.0, 1.0], 1.0)  # what is lost is not taken
    steps = sign * r["amount"].astype(float)
    level = 12 + area(r["time"], steps, until) / until
    assert level == pytest.approx(run.values["shelf", "on_hand"][1], rel=1e-9)
    orders = rows(t, "shelf", "order")
    assert (orders["time"] < until).sum() / until == pytest.approx(run.values["shelf", "orders_per_time"][1])
    lost = rows(t, "shelf", "block")
    assert lost["amount"][lost["time"] < until].sum() / until == pytest.approx(run.values["shelf", "lost_per_time"][1])


def test_sharing_begins_at_once_and_counts_as_the_measures_do() -> None:
    m = Model().source("a", interarrival=exponential(1.0), to="s")
    run = m.station("s", service=exponential(0.6), discipline="sharing").run(until=500.0, warmup=0, replications=2)
    r = rows(table(run, 0), "s", "start", "end")
    mean = area(r["time"], np.where(r["event"] == "start", 1.0, -1.0), 500.0) / 500.0
    assert mean == pytest.approx(run.values["s", "number_in_station"][0], rel=1e-9)


def test_the_log_changes_no_number() -> None:
    d, window, stream = busy().checked(), Window.of(300.0), Stream(2)
    (plain,) = replications(d, [3], window, stream)
    plan = planned(d)
    w = begun(plan, 3, window, stream, log=1 << 10)
    for stepped in steps(plan, w):
        stepped.clock[0]["logged"] = 0
    assert w.tally.tobytes() == plain.tally.tobytes()


def test_a_crowd_that_is_larger_than_the_room_for_events_loses_none() -> None:
    m = Model().source("a", interarrival=deterministic(10.0), to="s", batch=deterministic(500))
    d = m.station("s", servers=inf, service=uniform(1.0, 2.0)).checked()
    begin = partial(log._beginning(d, Window.of(35.0), Stream(1)), 0, False)
    whole = np.concatenate([*log._events(begin)])
    small = np.concatenate([*log._events(begin, 64)])
    assert whole.tobytes() == small.tobytes()
    came = whole["time"][whole["event"] == EVENTS.index("arrival")]
    assert [int((came == t).sum()) for t in (10.0, 20.0, 30.0)] == [500, 500, 500]


def test_batches_are_small_however_long_the_log_is() -> None:
    run = busy().run(until=9000.0, warmup=0, replications=4)
    sizes = [batch.num_rows for batch in run.events()]
    assert len(sizes) >= 8  # two or more of each replication
    assert max(sizes) < log.ROWS


def test_antithetic_runs_are_logged_as_they_ran() -> None:
    run = busy().run(until=100.0, warmup=0, replications=4, antithetic=True)
    t = table(run)
    for i in range(4):
        one = t.filter(pa.array([r == i for r in t["replication"].to_pylist()]))
        r = rows(one, "s", "arrival", "end", "renege", "balk")
        mean = area(r["time"], np.where(r["event"] == "arrival", 1.0, -1.0), 100.0) / 100.0
        assert mean == pytest.approx(run.values["s", "number_in_station"][i], rel=1e-9)


class TestWriting:
    def test_a_path_becomes_a_parquet_file(self, tmp_path: Path) -> None:
        run = shop().run(until=50.0, warmup=0, replications=3, log=str(tmp_path / "events.parquet"))
        kept = pq.read_table(tmp_path / "events.parquet")
        assert kept.schema.equals(log.schema())
        assert kept.equals(table(run))
        assert kept["replication"].unique().to_pylist() == [0, 1, 2]

    def test_or_a_function_takes_the_batches(self) -> None:
        taken: list[pa.RecordBatch] = []
        run = shop().run(until=50.0, warmup=0, replications=2, log=taken.append)
        assert pa.Table.from_batches(taken).equals(table(run))

    def test_a_log_is_told_of_and_can_be_interrupted(self) -> None:
        def stop(what: str, done: float, total: float | None = None) -> None:
            if what == "event log" and done == 1:
                raise Interrupted([])

        with pytest.raises(Interrupted):
            shop().run(until=50.0, warmup=0, replications=3, log=lambda batch: None, progress=stop)

    @pytest.mark.parametrize("ask", [lambda run: run.events([2]), lambda run: run.events([-1])])
    def test_replications_that_there_were_not(self, ask: Callable[[Simulated], object]) -> None:
        run = shop().run(until=50.0, warmup=0, replications=2)
        with pytest.raises(StudyError) as caught:
            ask(run)
        assert caught.value.faults[0].code == "simulation.log"

    def test_components_that_are_not_repaired_keep_none_and_it_is_said_before_they_run(self) -> None:
        def heard(what: str, done: float, total: float | None = None) -> None:
            raise AssertionError

        with pytest.raises(StudyError) as caught:
            Model().component("pump", life=exponential(10.0)).system(series="pump").run(
                log=lambda batch: None, progress=heard
            )
        assert caught.value.faults[0].code == "simulation.log"


def test_components_and_systems_are_as_long_in_order_as_the_measures_say() -> None:
    m = Model().component("pump", life=exponential(20.0), repair=exponential(8.0), count=3, crew="crew").crew("crew", 1)
    m.component("valve", life=exponential(60.0), repair=uniform(1, 3)).system("pumps", of="pump", k=2)
    until = 5000.0
    run = m.system(series=["pumps", "valve"]).run(until=until, warmup=0, replications=2, seed=6)
    t = table(run, 1)
    assert set(rows(t, "pump", "fail", "start", "repair")["customer"].tolist()) == {0, 1, 2}
    assert set(rows(t, "valve", "fail")["customer"].tolist()) == {0}
    for name, up, down in (("pump", "repair", "fail"), ("valve", "repair", "fail")):
        r = rows(t, name, up, down)
        units = 3 if name == "pump" else 1
        mean = units + area(r["time"], np.where(r["event"] == up, 1.0, -1.0), until) / until
        assert mean == pytest.approx(run.values[name, "mean_up"][1], rel=1e-9)
    for name in ("pumps", "system"):
        r = rows(t, name, "up", "down")
        mean = area(r["time"], np.where(r["event"] == "up", 1.0, -1.0), until) / until
        assert mean == pytest.approx(run.values[name, "availability"][1], rel=1e-9)
        assert (r["event"][1:] == "down").sum() / until == run.values[name, "failures_per_time"][1]
    starts = rows(t, "pump", "start", "repair")  # one crew: one repair at a time
    assert np.cumsum(np.where(starts["event"] == "start", 1, -1)).max() == 1
