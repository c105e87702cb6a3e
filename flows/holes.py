"""Holes in the days of a source, by the hours of the requests that are stored."""

from datetime import date, timedelta

import numpy as np
from sqlalchemy import Connection

from connectors.health import KNOWN, History
from connectors.holes import WEEKS, Hole, find_hole
from forewarn.calendar import Calendar
from forewarn.settings import SourceSettings
from store.hours import hour_totals

LATELY = timedelta(days=8)
"""Days that are judged when they become known; older ones are no news."""
LEAST = 40
"""Requests a day below which no hole is unlikely enough."""


def holes_of(
    conn: Connection, name: str, settings: SourceSettings, calendar: Calendar, history: History, days: list[date]
) -> dict[date, Hole]:
    """Those of the last days that have a hole."""
    busy = history.totals.max(initial=0) >= LEAST
    lately = [day for day in days if day > max(days) - LATELY] if busy else []
    is_off = calendar.is_off(np.array(lately, dtype="datetime64[D]"))
    working = [day for day, off in zip(lately, is_off, strict=True) if not off]
    if not working:
        return {}
    hours = hour_totals(conn, name, min(working) - timedelta(days=7 * WEEKS), max(working))
    known = frozenset(day for day, what in history.coverage.items() if what in KNOWN)
    found = {day: find_hole(day, hours, known, settings.tz) for day in working}
    return {day: hole for day, hole in found.items() if hole is not None}
