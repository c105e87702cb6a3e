"""Civil days of a zone as spans of instants: which days a window completes, and when a day begins."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from forewarn.steps import DAYS, Steps

Span = tuple[date, date]  # first and last day, both included


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of the civil day, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def civil_day(moment: datetime, zone: ZoneInfo) -> date:
    """The civil day in `zone` of an aware moment."""
    return moment.astimezone(zone).date()


def completed_days(
    first: date, until: datetime, zone: ZoneInfo, steps: Steps = DAYS
) -> tuple[Span | None, date | None]:
    """The days from `first` that are over at `until`, and the day that has begun by then but is not over.

    Args:
        steps: What is counted as a whole: of a week that is not over, no day is.
    """
    today = civil_day(until, zone)
    last = steps.last_over(today - timedelta(days=1))
    began = until > day_start(today, zone)
    return (first, last) if first <= last else None, today if began and today >= first else None
