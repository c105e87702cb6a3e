"""The weather of each source's place: read now and then, and never in the way of anything else."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from connectors.weather import reader_for
from flows.installation import Installation
from forewarn.errors import ForewarnError
from forewarn.panel import Panel
from forewarn.settings import Settings
from forewarn.weather import WeatherDay
from store.counts import covered_span
from store.engine import snapshot, transaction
from store.weather import Reading, known_until, read_reading, read_weather, write_reading, write_weather

EVERY = timedelta(hours=3)
"""Between two readings: models and stations have news a few times a day."""
AGAIN_DAYS = 14
"""Days that are read again, as what is said of them is corrected."""


def refresh_weather(installation: Installation, name: str, now: datetime) -> str:
    """Reads the weather of the source's place if it is due. Why it could not be read; '' if all is well or nothing due.

    Raises:
        StoreError: The store cannot be written.
    """
    source, reader = installation.source(name), reader_for(installation.settings, name)
    if source.weather is None or reader is None:
        return ""
    today = now.astimezone(source.tz).date()
    with snapshot(installation.engine) as conn:
        last_try = read_reading(conn, reader.place)
        wanted = _first_learnt(conn, name, installation)
        known = known_until(conn, reader.place)
    if wanted is None or (last_try is not None and now - last_try.asked_at < EVERY):
        return ""
    first = wanted
    if last_try is not None and known is not None and wanted >= last_try.first_day:
        first = known - timedelta(days=AGAIN_DAYS)
    problem = ""
    days: list[WeatherDay] = []
    try:
        days = reader.read(min(first, today), now)
    except ForewarnError as error:
        problem = str(error)
    asked_from = min(first, last_try.first_day) if last_try else first
    with transaction(installation.engine) as conn:
        write_reading(conn, reader.place, Reading(now, asked_from, problem))
        delay = source.weather.public_delay_days
        write_weather(conn, reader.place, days, at=now, today=today, public_delay_days=delay)
    return problem


def with_weather(conn: Connection, settings: Settings, name: str, panels: Sequence[Panel], as_of: date) -> list[Panel]:
    """The panels of one source, of the same days, with the weather as it was known on `as_of`, if it is watched."""
    reader = reader_for(settings, name)
    if reader is None or not panels:
        return list(panels)
    first, last = panels[0].dates[0].item(), panels[0].dates[-1].item()
    weather = read_weather(conn, reader.place, first, last, as_of=as_of)
    return [replace(panel, weather=weather) for panel in panels]


def _first_learnt(conn: Connection, name: str, installation: Installation) -> date | None:
    """The first day that judging the last ones learns from; None: nothing was read yet."""
    span = covered_span(conn, name)
    if span is None:
        return None
    return max(span[0], span[1] - timedelta(days=installation.settings.detection.history_days))
