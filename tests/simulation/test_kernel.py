"""The event loop: its heap, the order of what happens at once, and what it does to customers, by hand."""

from __future__ import annotations

from functools import cache
from math import inf
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.simulation.distributions import deterministic, exponential, gamma, trace
from potomac.simulation.executors.execute import begun, replicate, steps
from potomac.simulation.executors.replication import Window
from potomac.simulation.loop.heap import cancel, schedule
from potomac.simulation.loop.plan import planned
from potomac.simulation.loop.world import NONE, coming, place_of
from potomac.simulation.model import Model
from potomac.simulation.output import Simulated
from potomac.stats.streams import Stream

EVENTS = 40


def fresh(function: Any) -> Any:
    """Compiled in this process: code that was kept would be that of an older heap."""
    from numba import njit

    make: Any = njit
    return make(_nrt=False)(function)


@cache
def _played() -> Any:
    @fresh
    def play(clock: Any, what: Any, event: Any, time: Any, rank: Any) -> int:
        """Plan (0) or call off (1) events; how many are in the heap afterwards."""
        k = clock[0]
        for i in range(what.size):
            if what[i] == 0:
                schedule(k, event[i], time[i], rank[i])
            else:
                cancel(k, event[i])
        return int(k.size)

    return play


@cache
def _emptied() -> Any:
    @fresh
    def empty(clock: Any, out: Any) -> None:
        """Take all events out, the first first."""
        k = clock[0]
        for i in range(out.size):
            out[i] = coming(k, 0).event
            cancel(k, out[i])

    return empty


@cache
def _placed() -> Any:
    @fresh
    def places(clock: Any, out: Any) -> None:
        for i in range(out.size):
            out[i] = place_of(clock[0], i).v

    return places


def empty_world() -> Any:
    d = Model().source("a", interarrival=exponential(1.0), to="s").station("s", service=1.0).checked()
    plan = planned(d)
    return plan.world(plan.generators(Stream(0), 0), np.array([1.0]), customers=EVENTS)


Operation = st.tuples(
    st.sampled_from([0, 0, 0, 1]), st.integers(0, EVENTS - 1), st.sampled_from([0.0, 0.5, 1.0, 2.0, 2.5, 1e9]),
    st.integers(0, 5),
)  # fmt: skip


class TestHeap:
    @given(st.lists(Operation, max_size=120))
    def test_events_come_by_time_then_rank_then_order_of_planning(
        self, done: list[tuple[int, int, float, int]]
    ) -> None:
        """Against a dictionary: the last plan of an event holds, and what is called off never comes."""
        expected: dict[int, tuple[float, int, int]] = {}
        for sequence, (what, event, time, rank) in enumerate(done):
            if what == 0:
                expected[event] = (time, rank, sequence)
            else:
                expected.pop(event, None)
        w = empty_world()
        columns: list[Any] = [np.array([row[i] for row in done], kind) for i, kind in enumerate((int, int, float, int))]
        assert _played()(w.clock, *columns) == len(expected)
        places = np.empty(EVENTS, np.int64)
        _placed()(w.clock, places)
        assert sorted(places[places != NONE].tolist()) == [*range(len(expected))]
        out = np.empty(len(expected), np.int64)
        _emptied()(w.clock, out)
        assert out.tolist() == sorted(expected, key=lambda event: expected[event])
        assert w.clock[0]["size"] == 0

    def test_calling_off_what_is_not_planned_is_nothing(self) -> None:
        w = empty_world()
        assert _played()(w.clock, np.array([1, 0, 1, 1]), np.array([3, 3, 3, 3]), np.ones(4), np.zeros(4, int)) == 0


def told(run: Simulated, *events: str, where: str = "s") -> list[tuple[float, str, Any]]:
    """(time, event, customer) at a place, by the log."""
    t = pa.Table.from_batches(run.events([0]))
    each = zip(
        t["time"].to_pylist(), t["event"].to_pylist(), t["customer"].to_pylist(), t["where"].to_pylist(), strict=True
    )
    return [(time, event, c) for time, event, c, place in each if place == where and (not events or event in events)]


def played(times: list[float], **station: Any) -> Model:
    """Customers who come at given times."""
    return Model().source("a", trace=times, ties="keep", to="s").station("s", **{"service": 1.0, **station})


class TestAtOnce:
    def test_a_service_ends_before_the_next_arrival_of_the_same_moment(self) -> None:
        """So a station with room for one turns nobody away, and nobody waits."""
        run = Model().source("a", interarrival=deterministic(1.0), to="s", limit=50).station(
            "s", service=1.0, capacity=1
        ).run(replications=2)  # fmt: skip
        assert run.values["s", "p_block"].tolist() == [0, 0]
        assert run.values["s", "p_wait"].tolist() == [0, 0]

    def test_patience_that_ends_just_when_a_server_is_free_is_enough(self) -> None:
        run = played([0.0, 1.0], service=3.0, patience=2.0).run(replications=2)
        assert told(run, "start", "renege") == [(0.0, "start", 0), (3.0, "start", 1)]

    def test_a_delivery_comes_before_the_demand_of_the_same_moment(self) -> None:
        """Ordered at 2 (position 0 <= s), there at 4: the demand at 4 is met at once."""
        m = Model().source("a", trace=[1.0, 2.0, 4.0], to="shelf")
        run = m.stock("shelf", s=0, S=2, lead=2.0, lost=True).run(replications=2)
        assert told(run, "delivery", "block", where="shelf") == [(4.0, "delivery", None)]
        assert run.values["shelf", "fill_rate"].tolist() == [1, 1]

    def test_a_shift_begins_before_those_who_come_with_it(self) -> None:
        run = played([10.0, 10.0], calendar=((10.0, 0), (10.0, 2)), service=1.0).run(replications=2)
        assert told(run, "start") == [(10.0, "start", 0), (10.0, "start", 1)]

    def test_first_planned_is_first_among_equals(self) -> None:
        """Two servers that are through at the same moment: who began first leaves first."""
        run = played([0.0, 1.0, 1.5], servers=2, service=trace([3.0, 2.0, 1.0])).run(replications=2)
        assert told(run, "end")[:2] == [(3.0, "end", 0), (3.0, "end", 1)]


class TestDisciplines:
    TIMES = (0.0, 1.0, 2.0, 3.0)

    @pytest.mark.parametrize(
        ("discipline", "order"), [("fcfs", [0, 1, 2, 3]), ("lcfs", [0, 3, 2, 1])]
    )  # fmt: skip
    def test_order_of_service(self, discipline: str, order: list[int]) -> None:
        run = played([*self.TIMES], service=5.0, discipline=discipline).run(replications=2)
        assert [c for _, _, c in told(run, "start")] == order

    def test_urgent_ones_are_first_and_equals_in_their_order(self) -> None:
        m = Model().source("low", trace=[0.0, 1.0, 2.0], to="s", priority=2)
        m.source("high", trace=[3.0, 4.0], to="s", priority=1)
        run = m.station("s", service=5.0, discipline="priority").run(replications=2)
        assert [c for _, _, c in told(run, "start")] == [0, 3, 4, 1, 2]

    @pytest.mark.parametrize(
        ("preemption", "ends"),
        [
            ("none", [(5.0, 0), (6.0, 1)]),
            ("resume", [(3.0, 1), (6.0, 0)]),  # 2 of 5 are done when it is interrupted
            ("repeat", [(3.0, 1), (8.0, 0)]),  # and are lost
        ],
    )
    def test_interruption(self, preemption: str, ends: list[tuple[float, int]]) -> None:
        m = Model().source("low", trace=[0.0], to="s", priority=2).source("high", trace=[2.0], to="s", priority=1)
        m.station("s", service={"low": 5.0, "high": 1.0}, discipline="priority", preemption=preemption)  # type: ignore[arg-type]
        run = m.run(replications=2)
        assert [(t, c) for t, _, c in told(run, "end")] == ends
        interrupted = told(run, "interrupt")
        assert interrupted == ([] if preemption == "none" else [(2.0, "interrupt", 0)])

    def test_processor_sharing_by_hand(self) -> None:
        """4 alone until 1, then both at half speed: the second (1) is through at 3, the first at 5."""
        run = played([0.0, 1.0], service=trace([4.0, 1.0]), discipline="sharing").run(replications=2)
        assert [(t, c) for t, _, c in told(run, "end")] == [(3.0, 1), (5.0, 0)]


class TestServers:
    def test_a_calendar_serves_when_somebody_is_there(self) -> None:
        """0 to 4 one, 4 to 8 none, 8 to 12 one: who is being served at 4 is served to the end."""
        run = played([0.0, 3.0, 3.5, 5.0], service=2.0, calendar=((4.0, 1), (4.0, 0))).run(replications=2)
        assert told(run, "start") == [(0.0, "start", 0), (3.0, "start", 1), (8.0, "start", 2), (10.0, "start", 3)]
        assert told(run, "end")[1] == (5.0, "end", 1)

    def test_who_is_served_when_a_server_fails_goes_on_when_it_is_repaired(self) -> None:
        """Up 3, down 2, again and again: a service of 4 that begins at 1 has 2 behind it at 3, and ends at 7."""
        run = played([1.0], service=4.0, uptime=deterministic(3.0), repair=deterministic(2.0)).run(replications=2)
        assert told(run, "start", "interrupt", "end") == [
            (1.0, "start", 0), (3.0, "interrupt", 0), (5.0, "start", 0), (7.0, "end", 0),
        ]  # fmt: skip

    def test_patience_is_called_off_when_service_begins(self) -> None:
        run = played([0.0, 0.5, 0.6], service=2.0, patience=trace([3.0, 0.5])).run(replications=2)
        assert told(run, "start", "renege", "end") == [
            (0.0, "start", 0), (1.1, "renege", 2), (2.0, "end", 0), (2.0, "start", 1), (4.0, "end", 1),
        ]  # fmt: skip


class TestCounting:
    @staticmethod
    def clinic(**source: Any) -> Model:
        m = Model().source("a", **{"interarrival": exponential(1.0), **source}, to="s")
        m.station("s", servers=2, service=gamma(mean=1.6, cv=1.5), patience=exponential(9.0), balk=9)
        return m.station("t", service=exponential(0.5)).route("s", {"t": 0.6, "s": 0.1, "exit": 0.3})

    def test_littles_law_holds_in_each_replication(self) -> None:
        """L = lambda W exactly, where all who came have gone: both are the same sum of stays (Little 1961)."""
        m = Model().source("a", interarrival=exponential(1.0), stop=300.0, to="s")
        m.station("s", servers=2, service=gamma(mean=1.6, cv=1.5)).station("t", service=exponential(0.5))
        run = m.route("s", {"t": 0.6, "s": 0.1, "exit": 0.3}).run(replications=8)
        for where, number, time in (
            ("s", "number_in_station", "time_in_station"), ("t", "number_in_station", "time_in_station"),
            ("s", "queue_length", "wait"), ("system", "number_in_system", "time_in_system"),
        ):  # fmt: skip
            rate = run.values[where, "throughput"]
            assert run.values[where, number] == pytest.approx(rate * run.values[where, time], rel=1e-9)

    def test_customers_who_are_inside_at_the_end_are_followed_and_counted(self) -> None:
        """One comes at 9, is served for 5, and the run ends at 10: it counts with all its time."""
        m = Model().source("a", interarrival=deterministic(9.0), to="s").station("s", service=5.0)
        run = m.run(until=10.0, warmup=0, replications=2)
        assert run.values["s", "time_in_station"].tolist() == [5, 5]
        assert run.values["s", "number_in_station"].tolist() == [0.1, 0.1]  # time averages end at the end
        assert [r.unfinished for r in run.runs] == [0, 0]

    def test_who_came_in_the_warm_up_is_not_counted_but_is_there(self) -> None:
        """Services of 3 from 1 and from 8 on; from 2 on, the first is still there until 4."""
        run = played([1.0, 8.0], service=3.0).run(until=10.0, warmup=2.0, replications=2)
        assert run.values["s", "wait"].tolist() == [0, 0]
        assert run.values["s", "number_in_station"].tolist() == [(2 + 2) / 8] * 2
        assert run.runs[0].tally[0, 1:, 0].sum() == 1

    def test_records_of_customers_are_used_again(self) -> None:
        plan = planned(self.clinic().checked())
        w = begun(plan, 0, Window.of(20_000.0), Stream(1))
        for _ in steps(plan, w):
            pass
        assert w.clock[0]["born"] > 19_000
        assert w.customers.size == 256
        assert w.clock[0]["inside"] + w.clock[0]["spare"] == 256

    def test_there_is_room_for_a_crowd(self) -> None:
        m = Model().source("a", interarrival=deterministic(1.0), to="s", batch=deterministic(2000))
        r = replicate(planned(m.station("s", servers=inf, service=0.5).checked()), 0, Window.of(10.0), Stream(1))
        assert r.tally[0, :, 0].sum() == 9 * 2000
