"""Weather as it was known on each day: appended where it changed, so that a replay sees what a run would have seen."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, func, select

from forewarn.weather import Weather, WeatherDay
from store.dialect import insert
from store.schema import weather, weather_reading

NUMBERS = ("high", "low", "precipitation", "snow")
DIGITS = 2
"""Decimals that are kept; a change of less is none."""


class Reading(NamedTuple):
    """The last try to read the weather of a place.

    Args:
        first_day: The earliest day that was ever asked for.
        problem: Why it failed; '' if it went well.
    """

    asked_at: datetime
    first_day: date
    problem: str


def write_weather(
    conn: Connection, place: str, days: Sequence[WeatherDay], *, at: datetime, today: date, public_delay_days: int
) -> int:
    """Notes what was said of these days at `at`, where it is news; the number of news.

    What is said of days before all that are known was public long before; when, nobody can say, so each of them counts
    as known from `public_delay_days` after it.

    Args:
        today: Civil day of `at` at the place.
    """
    if not days:
        return 0
    last = _latest(conn, place, min(day.day for day in days), max(day.day for day in days), today)
    delay = timedelta(days=public_delay_days)
    oldest: date | None = conn.execute(select(func.min(weather.c.day)).where(weather.c.place == place)).scalar_one()
    news = []
    for day in days:
        numbers = {name: round(float(getattr(day, name)), DIGITS) for name in NUMBERS}
        said = (day.forecast, *numbers.values())
        if np.isnan(list(numbers.values())).all() or _same(last.get(day.day), said):
            continue
        backfill = not day.forecast and (oldest is None or day.day < oldest)
        known_on = min(day.day + delay, today) if backfill else today
        news.append(
            {
                "place": place,
                "day": day.day,
                "known_on": known_on,
                "retrieved_at": at,
                "forecast": day.forecast,
                **numbers,
            }
        )
    if news:
        statement = insert(conn, weather)
        replaced = {name: statement.excluded[name] for name in ("retrieved_at", "forecast", *NUMBERS)}
        keys = ["place", "day", "known_on"]
        conn.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), news)
    return len(news)


def read_weather(conn: Connection, place: str, first: date, last: date, *, as_of: date) -> Weather:
    """What was known at the end of `as_of` of the weather on the days from `first` to `last`; NaN where nothing was."""
    n_days = (last - first).days + 1
    columns = {name: np.full(n_days, np.nan) for name in NUMBERS}
    for day, (_, *numbers) in _latest(conn, place, first, last, as_of).items():
        for name, value in zip(NUMBERS, numbers, strict=True):
            columns[name][(day - first).days] = value
    return Weather(**columns)


def known_until(conn: Connection, place: str) -> date | None:
    """The last day whose weather was told after it was over; None: there is none."""
    newest = select(func.max(weather.c.day)).where(weather.c.place == place, ~weather.c.forecast)
    found: date | None = conn.execute(newest).scalar_one()
    return found


def read_reading(conn: Connection, place: str) -> Reading | None:
    """The last try to read the weather of the place; None: there was none."""
    columns = weather_reading.c
    row = conn.execute(
        select(columns.asked_at, columns.first_day, columns.problem).where(columns.place == place)
    ).one_or_none()
    return Reading(*row) if row else None


def write_reading(conn: Connection, place: str, reading: Reading) -> None:
    """Notes a try to read the weather of the place."""
    statement = insert(conn, weather_reading).values(place=place, **reading._asdict())
    conn.execute(statement.on_conflict_do_update(index_elements=["place"], set_=reading._asdict()))


Said = tuple[bool, float, float, float, float]


def _latest(conn: Connection, place: str, first: date, last: date, as_of: date) -> dict[date, Said]:
    """Day → what was last said of it by the end of `as_of`."""
    columns = weather.c
    rows = conn.execute(
        select(columns.day, columns.forecast, *(columns[name] for name in NUMBERS))
        .where(columns.place == place, columns.day.between(first, last), columns.known_on <= as_of)
        .order_by(columns.known_on)
    )
    return {day: (forecast, high, low, wet, snow) for day, forecast, high, low, wet, snow in rows}


def _same(known: Said | None, said: tuple[bool | float, ...]) -> bool:
    return known is not None and np.array_equal(
        np.array(known, dtype=float), np.array(said, dtype=float), equal_nan=True
    )
