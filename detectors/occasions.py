"""Days off the rhythm of week and year, as regression columns: bridge days, closures, school holidays, local events.

Effects are on the log scale. Each has a prior that draws it to "none": what was never seen is within reason, and widens
the range instead of moving the expectation.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from forewarn.calendar import Calendar, Dates, Event, EventKind, weekdays
from forewarn.panel import Floats

Truths = npt.NDArray[np.bool_]

BRIDGE_SD = 0.5  # on top of what the day before or after a holiday does
SCHOOL_HOLIDAY_SD = 0.3  # six weeks that doubled a count would be the season's to tell
CLOSURE_SD = 1.0  # as a holiday: it may empty an office
EVENT_SD = 0.5  # what events have in common
OWN_EVENT_SD = 0.5  # what an event that came before adds to it
NEXT_SD = 0.3
"""By so much the next closure or event may differ from those before it. After n of them, n / (n + 1) of what they did
is expected of the next: what happened once may have been chance."""
NEXT_HOLIDAY_SD = 0.15
"""As NEXT_SD: a holiday in May is not like one in February, nor is the weekend that it makes longer."""

OWN_EVENTS = 8
"""Events that have a column of their own: those that came in at least two years, the longest first. A crowded calendar
must not make a regression of hundreds of columns."""

MOST_DAYS_OFF = 8
"""In a row; a longer run is cut."""

AHEAD_DAYS = 32
"""Days from the origin that decide whether there is a column: not on how many of a period's days are judged."""


def occasions(dates: Dates, calendar: Calendar, origin: np.datetime64) -> tuple[Floats, list[float]]:
    """(n_days, n_columns) of 0 to 1, and the prior standard deviation of each column.

    A column that would be empty from the first day to a month after `origin` is left out, so that a place without
    bridge days and events has the same regression as ever.

    Args:
        dates: (n_days,) in order, the last less than a month after `origin`.
        origin: First day that teaches nothing.
    """
    days, origin = dates.astype("datetime64[D]"), origin.astype("datetime64[D]")
    around = np.arange(days[0], max(origin + AHEAD_DAYS, days[-1] + 1))
    coming = around >= origin
    columns, prior_sd = [], []
    for column, sd in _steady(around, calendar):
        columns.append(column.astype(np.float64))
        prior_sd.append(sd)
    varied = np.zeros(len(around), dtype=bool)
    for column, sd in _varied(around, calendar):
        columns.append(np.where(coming, column * _trust(column[~coming]), column))
        prior_sd.append(sd)
        varied |= column
    for column, sd in ((varied, NEXT_SD), (days_off(around, calendar), NEXT_HOLIDAY_SD)):
        columns.append((column & coming).astype(np.float64))
        prior_sd.append(sd)
    kept = [place for place, column in enumerate(columns) if column.any()]
    at = (days - days[0]).astype(np.int64)
    chosen = [columns[place][at] for place in kept]
    return np.column_stack([np.zeros((len(days), 0)), *chosen]), [prior_sd[place] for place in kept]


def _trust(past: Truths) -> float:
    """How much of the effect of the past runs of days is expected of the next; 1 before there was any."""
    runs = int(np.count_nonzero(np.diff(past.astype(np.int8), prepend=0) > 0))
    return runs / (runs + 1) if runs else 1.0


def bridge_days(dates: Dates, calendar: Calendar) -> Truths:
    """(n_days,) a single working day between a holiday and a weekend, or between two holidays.

    Args:
        dates: (n_days,) consecutive days.
    """
    around = np.concatenate([dates[:1] - 1, dates, dates[-1:] + 1])
    holiday = calendar.holiday_names(around) != ""
    off = holiday | (weekdays(around) >= 5)
    return np.asarray(off[:-2] & off[2:] & (holiday[:-2] | holiday[2:]) & ~off[1:-1])


def days_off(dates: Dates, calendar: Calendar) -> Truths:
    """(n_days,) holidays, and weekends that a holiday makes longer: in summer they are not what they are in winter.

    Args:
        dates: (n_days,) consecutive days.
    """
    around = np.concatenate([dates, dates[-1:] + np.arange(1, MOST_DAYS_OFF)])
    holiday = calendar.holiday_names(around) != ""
    off = holiday | (weekdays(around) >= 5)
    run = np.cumsum(~off)  # the days off after the same working day
    with_holiday = np.bincount(run, holiday) > 0
    return np.asarray((off & with_holiday[run])[: len(dates)])


def _steady(days: Dates, calendar: Calendar) -> Iterator[tuple[Truths, float]]:
    yield bridge_days(days, calendar), BRIDGE_SD
    yield calendar.event_names(days, EventKind.SCHOOL_HOLIDAY) != "", SCHOOL_HOLIDAY_SD


def _varied(days: Dates, calendar: Calendar) -> Iterator[tuple[Truths, float]]:
    """Columns of what is never twice the same."""
    working = (weekdays(days) < 5) & (calendar.holiday_names(days) == "")
    yield (calendar.event_names(days, EventKind.CLOSURE) != "") & working, CLOSURE_SD
    yield calendar.event_names(days, EventKind.EVENT) != "", EVENT_SD
    for column in _own(days, calendar.of_kind(EventKind.EVENT)):
        yield column, OWN_EVENT_SD


def _own(days: Dates, events: Sequence[Event]) -> list[Truths]:
    """The days of each event that came in two years, the longest first."""
    on: dict[str, Truths] = {}
    years: dict[str, set[int]] = {}
    for event in events:
        its = (days >= np.datetime64(event.first, "D")) & (days <= np.datetime64(event.last, "D"))
        if its.any():
            on[event.name] = its | on.get(event.name, its)
            years.setdefault(event.name, set()).add(event.first.year)
    again = [name for name in on if len(years[name]) > 1]
    return [on[name] for name in sorted(again, key=lambda name: (-on[name].sum(), name))[:OWN_EVENTS]]
