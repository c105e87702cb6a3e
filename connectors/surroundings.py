"""What a source's settings say of its place, looked at before it is trusted: what is planned, and its weather."""

import math
from datetime import datetime, timedelta

from connectors.calendars import calendar_of
from connectors.days import civil_day
from connectors.weather import reader_for
from forewarn.errors import SourceError
from forewarn.settings import Settings
from forewarn.weather import WeatherDay

SAMPLE_DAYS = 7


def check_surroundings(settings: Settings, name: str, now: datetime) -> tuple[list[str], list[str]]:
    """What there is, and what looks wrong, a line each. Nothing is stored.

    Raises:
        ConfigError: A file of events, or a setting, is wrong.
    """
    today = civil_day(now, settings.sources[name].tz)
    remarks, wrong = [], []
    if settings.sources[name].events:
        events = calendar_of(settings, name, today).events
        coming = min((event for event in events if event.last >= today), key=lambda event: event.first, default=None)
        remarks.append(
            f"{len(events)} planned events; " + (f"next {coming.name}, {coming.first}" if coming else "none to come")
        )
        if coming is None:
            wrong.append("no planned event is to come; the files of `events` may be out of date")
    reader = reader_for(settings, name)
    if reader is not None:
        try:
            days = reader.read(today - timedelta(days=SAMPLE_DAYS), now)
        except SourceError as error:
            wrong.append(f"the weather cannot be read: {error.problem}")
        else:
            known = [day for day in days if not day.forecast and not math.isnan(day.high + day.precipitation)]
            if known:
                remarks.append(f"weather of {reader.place}: {_told(known[-1])}")
            else:
                wrong.append(f"the weather of {reader.place} has no day of the last {SAMPLE_DAYS}")
    return remarks, wrong


def _told(day: WeatherDay) -> str:
    return f"{day.day} {day.low:.0f} to {day.high:.0f} °C, {day.precipitation:.0f} mm"
