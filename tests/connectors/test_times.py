from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from connectors.times import Times, parse_times

BERLIN, UTC_ZONE, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC"), ZoneInfo("America/New_York")


def parse(*texts: str | None, zone: ZoneInfo = BERLIN, clock: ZoneInfo | None = None, time_format: str = "") -> Times:
    return parse_times(pa.array(texts, pa.string()), zone, clock or zone, time_format=time_format)


def utc(times: Times) -> list[str]:
    return [str(moment)[:19] for moment in times.utc]


def test_an_offset_is_taken_at_its_word() -> None:
    found = parse("2026-06-22T08:15:00-05:00", "2026-06-22T08:15:00Z", "2026-06-22 08:15:00.123+0200")
    assert utc(found) == ["2026-06-22T13:15:00", "2026-06-22T08:15:00", "2026-06-22T06:15:00"]


def test_forms_may_be_mixed() -> None:
    texts = ("2026-06-22T08:15:00", "06/22/2026 08:15:00 AM", "22.06.2026 08:15", "2026-06-22 08:15", None, "soon", "7")
    found = parse(*texts, "2026-06-22T08:15:00+02:00")
    assert utc(found) == ["2026-06-22T06:15:00"] * 4 + ["NaT"] * 3 + ["2026-06-22T06:15:00"]
    assert found.written.tolist() == [True] * 4 + [False] + [True] * 3


def test_a_given_format_is_the_only_one() -> None:
    found = parse("22/06/2026 08:15", "2026-06-22T08:15:00", time_format="%d/%m/%Y %H:%M")
    assert utc(found) == ["2026-06-22T06:15:00", "NaT"]
    compact = parse("20260622081500", clock=UTC_ZONE, time_format="%Y%m%d%H%M%S")
    assert utc(compact) == ["2026-06-22T08:15:00"]
    assert not compact.day_only.any()


def test_the_hour_that_comes_twice_is_the_first() -> None:
    found = parse("2026-10-25T01:59:59", "2026-10-25T02:30:00", "2026-10-25T03:00:00")
    assert utc(found) == ["2026-10-24T23:59:59", "2026-10-25T00:30:00", "2026-10-25T02:00:00"]
    assert (found.ambiguous, found.skipped) == (1, 0)


def test_the_hour_that_does_not_exist_moves_to_its_end() -> None:
    found = parse("2026-03-29T01:59:59", "2026-03-29T02:30:00", "2026-03-29T03:00:00")
    assert utc(found) == ["2026-03-29T00:59:59", "2026-03-29T01:00:00", "2026-03-29T01:00:00"]
    assert (found.ambiguous, found.skipped) == (0, 1)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_days_of_23_and_25_hours_end_at_midnight(day: str) -> None:
    found = parse(f"{day}T00:00:00", f"{day}T23:59:59")
    assert found.day.astype(object).tolist() == [date.fromisoformat(day)] * 2
    hours = (found.utc[1] - found.utc[0]) / np.timedelta64(1, "h")
    assert hours == pytest.approx(23 if "03" in day[4:] else 25, abs=0.001)


def test_a_date_stays_that_day_whatever_the_clock() -> None:
    found = parse("2026-06-22", "06/22/2026", zone=NEW_YORK, clock=UTC_ZONE)
    assert found.day.astype(object).tolist() == [date(2026, 6, 22)] * 2
    assert found.day_only.all()
    assert utc(found) == ["2026-06-22T04:00:00"] * 2


def test_a_week_is_its_monday() -> None:
    found = parse("2026-W05", "2020W53", "2026-W54", "2026-02-03")
    assert [str(day) for day in found.day] == ["2026-01-26", "2020-12-28", "NaT", "2026-02-03"]
    assert found.day_only.tolist() == [True, True, False, True]


def test_times_of_another_clock_fall_on_the_zones_day() -> None:
    found = parse("2026-06-22T23:30:00", clock=UTC_ZONE)
    assert found.day.astype(object).tolist() == [date(2026, 6, 23)]


def test_sentinels_are_no_dates() -> None:
    found = parse("1900-01-01", "9999-12-31", "2925-01-01T00:00:00", "1970-01-01T00:00:00Z", "2026-01-01")
    assert found.sentinel.tolist() == [True] * 4 + [False]
    assert utc(found)[:4] == ["NaT"] * 4


def test_a_column_of_midnights_states_days() -> None:
    column = pa.array([datetime(2026, 6, 22), datetime(2026, 6, 23), None], pa.timestamp("ms"))  # noqa: DTZ001
    assert parse_times(column, BERLIN, BERLIN).day_only.tolist() == [True, True, False]
    assert not parse_times(column, BERLIN, UTC_ZONE).day_only.any()
    assert parse_times(column.cast(pa.date32()), BERLIN, UTC_ZONE).day_only.tolist() == [True, True, False]
