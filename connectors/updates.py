"""Reading by the time of update: which windows come next, and which days are known once they were drained.

What was made on a day was updated on that day or later. So once everything is read that was updated from a day on,
that day and all after it are known, and so they stay when only later updates are read.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.days import Span, civil_day, completed_days, day_start
from forewarn.contracts import Window, WindowEnd

DEFAULT_DAYS = 90  # read at first, if the settings name no first day
BACKFILL = "backfill"  # name of the windows of the first reading, but for its last


def first_day_of(state: Mapping[str, Any], wanted: date | None, horizon: datetime, zone: ZoneInfo) -> date:
    """Where reading began, or is to begin."""
    if "first_day" in state:
        return date.fromisoformat(state["first_day"])
    return wanted or civil_day(horizon, zone) - timedelta(days=DEFAULT_DAYS)


def plan_updates(
    state: Mapping[str, Any],
    horizon: datetime,
    zone: ZoneInfo,
    *,
    first_day: date | None,
    overlap: timedelta,
    days_a_window: int,
) -> list[Window]:
    """At first what was updated since the first day, piece by piece; then what was updated since the last window.

    Args:
        horizon: Nothing that was updated later is read.
        overlap: Read again before where the last window ended, as what is committed late has an earlier time.
    """
    first = first_day_of(state, first_day, horizon, zone)
    kept = {**state, "first_day": first.isoformat()}
    since = day_start(first, zone)
    if "watermark" in state:
        since = datetime.fromisoformat(state["watermark"]) - overlap
    windows = []
    while "covered" not in state and (until := since + timedelta(days=days_a_window)) < horizon:
        windows.append(Window(since, until, BACKFILL, {**kept, "watermark": until.isoformat()}))
        since = until
    if since < horizon:
        windows.append(Window(since, horizon, state={**kept, "watermark": horizon.isoformat()}))
    return windows


def end_of_updates(window: Window, touched: Iterable[date], zone: ZoneInfo) -> WindowEnd:
    """The end of such a window.

    Args:
        touched: Days of the requests that came in it.
    """
    if window.name == BACKFILL or window.until is None:
        return WindowEnd(window.state)
    return known_end(window.state, touched, window.until, zone)


def known_end(
    state: Mapping[str, Any],
    touched: Iterable[date],
    until: datetime,
    zone: ZoneInfo,
    fresh_until: datetime | None = None,
) -> WindowEnd:
    """The end of a reading that now has everything up to `until`: days are judged from the first new or touched one on.

    `state` has the `first_day`, and from the second reading on the last day that is `covered`.
    """
    first = date.fromisoformat(state["first_day"])
    new = date.fromisoformat(state["covered"]) + timedelta(days=1) if "covered" in state else first
    covers: Span | None
    covers, open_day = completed_days(max(first, min({new, *touched})), until, zone)
    known = {"covered": covers[1].isoformat()} if covers else {}
    return WindowEnd({**state, **known}, covers, open_day, fresh_until)
