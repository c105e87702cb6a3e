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


def wholly_read_days(since: datetime, until: datetime, zone: ZoneInfo) -> tuple[Span | None, date | None]:
    """The days that are known once all from `since` to `until` is read, and the day that is not over at `until`.

    A day of which only the end was read is none of them: what was read of it before may not have been all.
    """
    first = civil_day(since, zone)
    begins_within = day_start(first, zone) < since
    covers, _ = completed_days(first + timedelta(days=begins_within), until, zone)
    return covers, completed_days(first, until, zone)[1]
