"""Was there a hole in the day: hours without a request in which many were due?

A feed that stops at noon leaves a day that looks low and is not. The longest hole is judged by the hours of the week of
the eight weeks before: with M requests due in it and D the variance-to-mean ratio of the hours of these weeks,

    P(0) = exp(-M)                 if D <= 1
    P(0) = D ** (-M / (D - 1))     otherwise

Below 1e-8 the day is partial, unless one of these weekdays had a hole half as large, or the day has as many requests as
they have: then what is missing would only add. Days off are not judged, as their hours are others. A source that brings
fewer than some forty requests a day has no holes that are so unlikely; one that tells days only has no hours.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from connectors.days import day_start
from forewarn.panel import Floats

WEEKS = 8
UNLIKELY = 1e-8
SEEN = 0.5
"""A hole of which such a part was seen before is nothing new: the hours of an afternoon can be quiet together."""
HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Hole(NamedTuple):
    """Hours of one day without a request."""

    since: datetime  # in the source's zone, as is the next
    until: datetime
    due: float

    def __str__(self) -> str:
        return f"between {self.since:%H:%M} and {self.until:%H:%M}, where {self.due:.0f} are usual"


def find_hole(day: date, hours: Mapping[int, int], known: frozenset[date], zone: ZoneInfo) -> Hole | None:
    """The most unlikely hole of a day, if it is unlikely enough.

    Args:
        hours: Hour since 1970-01-01 in UTC → requests, of the day and the weeks before; hours without any are left out.
        known: Earlier days that were read completely and are believed.
    """
    past = [day - timedelta(days=7 * week + offset) for week in range(WEEKS) for offset in range(1, 8)]
    of_past = {earlier: _counts(earlier, hours, zone) for earlier in past if earlier in known}
    same = [counts for earlier, counts in of_past.items() if earlier.weekday() == day.weekday() and len(counts) == 24]
    today = _counts(day, hours, zone)
    if len(same) < WEEKS / 2 or len(today) != 24:
        return None
    due = np.mean(same, axis=0)
    if not 0 < today.sum() < due.sum():
        return None
    dispersion = _dispersion(of_past)
    most, begin, end = _largest(today, due)
    if any(_largest(counts, due)[0] >= SEEN * most for counts in same):
        return None
    log_chance = -most if dispersion <= 1 else -most / (dispersion - 1) * np.log(dispersion)
    if log_chance >= np.log(UNLIKELY):
        return None
    midnight = day_start(day, zone).astimezone(UTC)
    return Hole((midnight + begin * HOUR).astimezone(zone), (midnight + end * HOUR).astimezone(zone), most)


def hour_of(moment: datetime) -> int:
    """Whole hours since 1970-01-01 in UTC."""
    return (moment - _EPOCH) // HOUR


def _counts(day: date, hours: Mapping[int, int], zone: ZoneInfo) -> Floats:
    """Requests of each hour of a civil day; 23 or 25 where the clock is put on or back."""
    first, after = (hour_of(day_start(each, zone).astimezone(UTC)) for each in (day, day + timedelta(days=1)))
    return np.array([hours.get(hour, 0) for hour in range(first, after)], dtype=np.float64)


def _dispersion(of_past: Mapping[date, Floats]) -> float:
    """Variance-to-mean ratio of the hours about those of their weekday."""
    squares = means = 0.0
    for weekday in range(7):
        rows = [counts for day, counts in of_past.items() if day.weekday() == weekday and len(counts) == 24]
        if len(rows) > 2:
            squares += float(np.var(rows, axis=0, ddof=1).sum())
            means += float(np.mean(rows, axis=0).sum())
    return squares / means if means else 1.0


def _largest(counts: Floats, due: Floats) -> tuple[float, int, int]:
    """What was due in the largest hole of a day, its first hour, and the hour after it."""
    holes = [(float(due[begin:end].sum()), begin, end) for begin, end in _zeros(counts)]
    return max(holes, default=(0.0, 0, 0))


def _zeros(counts: Floats) -> list[tuple[int, int]]:
    """First hour of each run without requests, and the hour after it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], counts == 0, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
