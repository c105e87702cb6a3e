"""The weather is known as it was said on each day."""

import math
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from sqlalchemy import Engine, func, select

from forewarn.weather import WeatherDay
from store.engine import transaction
from store.schema import weather
from store.weather import Reading, known_until, read_reading, read_weather, write_reading, write_weather

PLACE = "open-meteo 50.7 7.1"
TODAY = date(2026, 3, 10)


def said(day: date, high: float, *, forecast: bool = False, wet: float = 0.0) -> WeatherDay:
    return WeatherDay(day, high, high - 8, wet, math.nan, forecast)


def write(engine: Engine, today: date, *days: WeatherDay, place: str = PLACE) -> int:
    at = datetime.combine(today, time(6), UTC)
    with transaction(engine) as conn:
        return write_weather(conn, place, days, at=at, today=today, public_delay_days=2)


def highs(engine: Engine, as_of: date, first: date = TODAY - timedelta(days=4), place: str = PLACE) -> list[float]:
    with engine.connect() as conn:
        found = read_weather(conn, place, first, TODAY, as_of=as_of)
    return [-99 if np.isnan(value) else value for value in found.high.tolist()]


def test_what_was_known_when(store_engine: Engine) -> None:
    back = [said(TODAY - timedelta(days=n), 10.0 + n) for n in range(1, 5)]
    assert write(store_engine, TODAY, *back, said(TODAY, 20.0, forecast=True)) == 5
    tomorrow = TODAY + timedelta(days=1)
    assert write(store_engine, tomorrow, said(TODAY, 17.0), *back[:2]) == 1
    assert highs(store_engine, TODAY) == [14, 13, 12, 11, 20]
    assert highs(store_engine, tomorrow) == [14, 13, 12, 11, 17]
    assert highs(store_engine, TODAY - timedelta(days=1)) == [14, 13, -99, -99, -99], "public two days later"
    assert highs(store_engine, TODAY + timedelta(days=90), place="elsewhere") == [-99] * 5


def test_a_correction_is_appended_and_does_not_change_the_past(store_engine: Engine) -> None:
    write(store_engine, TODAY, said(TODAY, 20.0))
    later = TODAY + timedelta(days=3)
    write(store_engine, later, said(TODAY, 20.004))
    write(store_engine, later, said(TODAY, 21.0))
    write(store_engine, later, said(TODAY, 22.0))
    assert highs(store_engine, TODAY)[-1] == 20
    assert highs(store_engine, later)[-1] == 22
    with store_engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(weather)).scalar_one() == 2
        row = conn.execute(select(weather).order_by(weather.c.known_on.desc())).first()
    assert row is not None
    assert (row.retrieved_at, row.forecast) == (datetime.combine(later, time(6), UTC), False)
    assert math.isnan(row.snow)


def test_days_before_all_that_are_known_are_a_back_fill(store_engine: Engine) -> None:
    write(store_engine, TODAY, said(TODAY - timedelta(days=1), 9.0))
    write(store_engine, TODAY, said(TODAY - timedelta(days=4), 5.0), said(TODAY, 8.0))
    assert highs(store_engine, TODAY - timedelta(days=2)) == [5, -99, -99, -99, -99]
    assert highs(store_engine, TODAY) == [5, -99, -99, 9, 8]


def test_a_gap_that_is_filled_late_was_not_known_before(store_engine: Engine) -> None:
    write(store_engine, TODAY - timedelta(days=4), said(TODAY - timedelta(days=4), 5.0))
    write(store_engine, TODAY, said(TODAY - timedelta(days=3), 6.0))
    assert highs(store_engine, TODAY - timedelta(days=1)) == [5, -99, -99, -99, -99]
    assert highs(store_engine, TODAY) == [5, 6, -99, -99, -99]


def test_a_day_without_any_number_is_no_news(store_engine: Engine) -> None:
    assert write(store_engine, TODAY, WeatherDay(TODAY, *[math.nan] * 4, forecast=False)) == 0
    assert write(store_engine, TODAY) == 0
    with store_engine.connect() as conn:
        assert known_until(conn, PLACE) is None


def test_readings_are_remembered(store_engine: Engine) -> None:
    at = datetime(2026, 3, 10, 6, tzinfo=UTC)
    with transaction(store_engine) as conn:
        assert read_reading(conn, PLACE) is None
        for problem in ("no answer in time", ""):
            write_reading(conn, PLACE, Reading(at, TODAY, problem))
            assert read_reading(conn, PLACE) == Reading(at, TODAY, problem)
    write(store_engine, TODAY, said(TODAY - timedelta(days=1), 3.0), said(TODAY, 4.0, forecast=True))
    with store_engine.connect() as conn:
        assert known_until(conn, PLACE) == TODAY - timedelta(days=1)
