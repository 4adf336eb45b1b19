"""Times: written in ISO 8601, counted from 1970, or as Arrow has them; in UTC in the end."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac import tables
from potomac.errors import DataError, StudyError
from potomac.tables import TIME, Column
from potomac.tables.times import Clock, epoch_unit, zone

UTC = dt.UTC


def read(values: object, timezone: str = "", unit: str = "") -> tables.Table:
    return tables.open({"t": values}, {"time": Column("t", unit, timezone)}, (TIME,))


def utc(values: object, timezone: str = "", unit: str = "") -> list[dt.datetime]:
    return read(values, timezone, unit).to_arrow()["time"].to_pylist()


def reasons(table: tables.Table) -> dict[str, int]:
    return dict(table.counts().reasons)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-05-01", (2024, 5, 1)),
        ("2024/05/01 06:07", (2024, 5, 1, 6, 7)),
        ("20240501T060708Z", (2024, 5, 1, 6, 7, 8)),
        ("2024-05-01 06", (2024, 5, 1, 6)),
        ("2024-05-01T06:07:08", (2024, 5, 1, 6, 7, 8)),
        ("2024-05-01T06:07:08Z", (2024, 5, 1, 6, 7, 8)),
        ("2024-05-01T06:07:08z", (2024, 5, 1, 6, 7, 8)),
        ("2024-05-01 06:07:08 UTC", (2024, 5, 1, 6, 7, 8)),
        ("2024-05-01T06:07:08+02:00", (2024, 5, 1, 4, 7, 8)),
        ("2024-05-01T06:07:08 -0330", (2024, 5, 1, 9, 37, 8)),
        ("2024-05-01T06:07:08+02", (2024, 5, 1, 4, 7, 8)),
        ("2024-05-01T06:07:08.25Z", (2024, 5, 1, 6, 7, 8, 250_000)),
        ("2024-05-01T06:07:08,25Z", (2024, 5, 1, 6, 7, 8, 250_000)),
        ("2024-05-01T06:07:08.123456789Z", (2024, 5, 1, 6, 7, 8, 123_456)),
        ("  2024-05-01T06:07:08  ", (2024, 5, 1, 6, 7, 8)),
        ("2024-02-29", (2024, 2, 29)),
        ("0001-01-01T00:00:00Z", (1, 1, 1)),
        ("9999-12-31T23:59:59.999999Z", (9999, 12, 31, 23, 59, 59, 999_999)),
    ],
)
def test_iso_8601(written: str, meant: tuple[int, ...]) -> None:
    assert utc([written, "2024-01-01"])[0] == dt.datetime(*meant, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["2023-02-29", "2024-13-01", "2024-00-10", "2024-01-00", "2024-01-01T24:00:00", "2024-01-01T10:60", "01/05/2024",
     "2024-01-01T10:00:61Z", "noon", "2024-01-01T10:00+99:00", "2024-1-1", "2024-01-01x", "-2024-01-01", "²024-01-01"],
)  # fmt: skip
def test_what_is_no_time(written: str) -> None:
    table = read(["2024-01-01", written])
    assert reasons(table) == {"time not readable": 1}
    assert table.rejected().read_all()["value"].to_pylist() == [written]


moments = st.datetimes(min_value=dt.datetime(1600, 1, 1), max_value=dt.datetime(9000, 1, 1))
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))


@given(st.lists(st.tuples(moments, st.one_of(st.none(), offsets), st.sampled_from("T ")), min_size=1, max_size=20))
def test_any_mixture_of_zones_is_read_as_python_reads_it(given_times: list) -> None:
    stamps = [moment.replace(tzinfo=zone) for moment, zone, _ in given_times]
    written = [stamp.isoformat(sep=sep) for stamp, (_, _, sep) in zip(stamps, given_times, strict=True)]
    meant = [stamp.astimezone(UTC) if stamp.tzinfo else stamp.replace(tzinfo=UTC) for stamp in stamps]
    assert utc(written) == meant


@given(st.lists(st.tuples(moments, st.sampled_from(["", "Z", "+01:00"])), min_size=1, max_size=10))
def test_a_time_is_read_alike_whatever_stands_beside_it(given_times: list) -> None:
    written = [moment.isoformat() + end for moment, end in given_times]
    alone = [utc([one])[0] for one in written]
    assert utc([*written, "2024/01/01"])[:-1] == alone


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("kind", [np.int64, np.float64, str])
def test_numbers_that_count_from_1970(unit: str, kind: type) -> None:
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    seconds = [1_600_000_000, 1_700_000_000]
    values = np.array([kind(second * factor) for second in seconds])
    table = read(values)
    assert table.to_arrow()["time"].to_pylist() == [dt.datetime.fromtimestamp(second, UTC) for second in seconds]
    names = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
    assert f'time "t": numbers taken as {names[unit]} since 1970' in table.notes


def test_the_unit_may_be_given() -> None:
    assert utc([1000, 2000], unit="ms") == [dt.datetime(1970, 1, 1, 0, 0, second, tzinfo=UTC) for second in (1, 2)]
    assert utc([0.25], unit="s") == [dt.datetime(1970, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)]


def test_the_unit_follows_the_median() -> None:
    assert epoch_unit(np.array([0.0, 1.6e9, 1.6e9, 1.6e15, np.nan])) == "s"
    assert epoch_unit(np.array([])) == "s"


@pytest.mark.parametrize("kind", [int, str])
def test_dates_that_look_like_numbers(kind: type) -> None:
    table = read([kind(20240501), kind(20240502)])
    assert table.to_arrow()["time"].to_pylist() == [dt.datetime(2024, 5, day, tzinfo=UTC) for day in (1, 2)]
    assert any("numbers taken as dates" in note for note in table.notes)


def test_days_and_months_that_can_be_told_apart() -> None:
    danish = read(["31/12/2023 23:59:59", "01/02/2024 00:00:00", "2024-05-06"])
    assert danish.to_arrow()["time"].to_pylist() == [
        dt.datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC), dt.datetime(2024, 2, 1, tzinfo=UTC),
        dt.datetime(2024, 5, 6, tzinfo=UTC),
    ]  # fmt: skip
    assert 'time "t": dates are written day first' in danish.notes
    american = read(["12/31/2023 23:59:59Z", "01/02/2024 00:00:00Z"])
    assert american.to_arrow()["time"].to_pylist()[1] == dt.datetime(2024, 1, 2, tzinfo=UTC)
    german = read(["31.12.2023", "01.02.2024"])
    assert german.to_arrow()["time"].to_pylist()[1] == dt.datetime(2024, 2, 1, tzinfo=UTC)


def test_days_and_months_that_cannot_be_told_apart() -> None:
    with pytest.raises(DataError, match="whether the day or the month stands first cannot be told") as caught:
        read(["01/02/2024", "03/04/2024"])
    assert caught.value.faults[0].code == "data.times-ambiguous"


def test_numbers_beyond_the_calendar_are_rejected() -> None:
    table = read(np.array([1.6e9, 1.6e9, 1e18, np.inf, np.nan]))
    assert reasons(table) == {"time outside the years 1 to 9999": 1, "time not readable": 1, "no time": 1}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("tz", [None, "Europe/Paris"])
def test_arrow_timestamps(unit: str, tz: str | None) -> None:
    moment = dt.datetime(2024, 7, 1, 12, tzinfo=ZoneInfo(tz or "UTC"))
    assert utc(pa.array([moment], pa.timestamp(unit, tz))) == [moment]


def test_dates_of_arrow() -> None:
    for kind in (pa.date32(), pa.date64()):
        assert utc(pa.array([dt.date(2024, 7, 1)], kind)) == [dt.datetime(2024, 7, 1, tzinfo=UTC)]
    assert utc(pa.array([dt.date(2024, 7, 1)]), "Europe/Paris") == [dt.datetime(2024, 6, 30, 22, tzinfo=UTC)]


def test_times_before_1970_and_finer_than_microseconds_are_cut_alike() -> None:
    assert utc(pa.array([-1], pa.timestamp("ns"))) == [dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)]


@given(st.lists(st.datetimes(dt.datetime(1991, 1, 1), dt.datetime(2036, 1, 1)), min_size=1, max_size=20))
def test_local_times_are_taken_as_python_takes_them(local: list[dt.datetime]) -> None:
    paris = ZoneInfo("Europe/Paris")
    there = [
        one for one in local if one.replace(tzinfo=paris).astimezone(UTC).astimezone(paris).replace(tzinfo=None) == one
    ]
    table = read([*(one.isoformat() for one in local), "2024-01-01"], "Europe/Paris")
    meant = [one.replace(tzinfo=paris).astimezone(UTC) for one in there]
    assert table.to_arrow()["time"].to_pylist()[:-1] == meant


def test_clocks_that_go_forward_skip_times() -> None:
    """In Paris, 2024-03-31 02:00 to 03:00 does not exist: 01:59 is 00:59 UTC, 03:00 is 01:00 UTC."""
    table = read(["2024-03-31 01:59", "2024-03-31 02:30", "2024-03-31 03:00"], "Europe/Paris")
    assert table.to_arrow()["time"].to_pylist() == [
        dt.datetime(2024, 3, 31, 0, 59, tzinfo=UTC), dt.datetime(2024, 3, 31, 1, 0, tzinfo=UTC)
    ]  # fmt: skip
    assert reasons(table) == {"time does not exist in Europe/Paris, where clocks go forward": 1}


def test_clocks_that_go_back_give_times_twice() -> None:
    """In Paris, 2024-10-27 02:30 is 00:30 UTC in summer time, and 01:30 UTC an hour later; the first is taken."""
    table = read(["2024-10-27 02:30", "2024-10-27 03:30"], "Europe/Paris")
    assert table.to_arrow()["time"].to_pylist() == [
        dt.datetime(2024, 10, 27, 0, 30, tzinfo=UTC), dt.datetime(2024, 10, 27, 2, 30, tzinfo=UTC)
    ]  # fmt: skip
    assert any("1 local times occur twice" in note for note in table.notes)


def test_zones_are_noted() -> None:
    mixed = read(["2024-01-01T00:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00+01:00"])
    mixed.counts()
    assert 'time "t": 2 times carry their zone and 1 do not; the latter are taken in UTC' in mixed.notes
    assert 'time "t": times carry several zones (+01:00, UTC); all are brought to UTC' in mixed.notes
    naive = read(["2024-01-01T00:00:00"], "Asia/Tokyo")
    assert 'time "t": times carry no zone and are taken in Asia/Tokyo' in naive.notes


def test_notes_do_not_grow_with_every_pass() -> None:
    table = read(["2024-01-01T00:00:00Z", "2024-01-01T00:00:00"])
    table.counts()
    before = table.notes
    table.to_arrow()
    table.to_arrow()
    assert table.notes == before


def test_times_may_be_unsorted_and_repeated() -> None:
    values = ["2024-01-03", "2024-01-01", "2024-01-03"]
    assert [one.day for one in utc(values)] == [3, 1, 3]


def test_zones_have_names() -> None:
    assert zone("", "") == "UTC"
    assert zone("Europe/Paris", "") == "Europe/Paris"
    with pytest.raises(StudyError, match=r'Did you mean "America/New_York"\?'):
        zone("New York", "data.columns.time.timezone")
    with pytest.raises(StudyError, match="expected a name such as"):
        zone("../../etc/passwd", "")


def test_a_clock_keeps_what_it_has_met() -> None:
    clock = Clock("time")
    clock.written(pa.array(["2024-01-01T00:00:00Z", None]))
    assert (clock.naive, clock.zoned, clock.offsets) == (0, 1, {"UTC"})
    assert (clock.fresh().naive, clock.fresh().zoned) == (0, 0)
