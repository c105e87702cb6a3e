"""What an ordinary day depends on: columns of a regression on the calendar, and how far each may move.

Effects are on the log scale, so 0.7 doubles a count. Every column has a prior standard deviation: a weak pull
to "no effect" that keeps rare series, and days never seen before such as a first Christmas, within reason.
"""

from dataclasses import dataclass

import numpy as np

from detectors.occasions import occasions
from forewarn.calendar import Calendar, Dates, weekdays
from forewarn.panel import Floats

DAYS_PER_YEAR = 365.25
ANNUAL_FROM_DAYS = 365
"""History from which a season can be told from a trend."""

WEEKDAY_SD = 2.0  # offices that close at weekends fall to a thousandth
ANNUAL_SD = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18)  # one per harmonic: the year is smooth
TREND_SD = 0.25  # per year; faster changes are left to the local level
SPECIAL_DAY_SD = 1.0  # a holiday may empty an office or triple its work


@dataclass(frozen=True)
class Design:
    """Columns of the regression; the first is the intercept.

    Args:
        columns: (n_days, n_columns).
        prior_sd: (n_columns,); infinite for the intercept.
    """

    columns: Floats
    prior_sd: Floats


def calendar_design(dates: Dates, calendar: Calendar, *, origin: np.datetime64, history_days: int) -> Design:
    """The calendar of `dates` as regression columns.

    Args:
        dates: (n_days,) consecutive days, history and judged days together.
        calendar: Holidays and events of the place.
        origin: Day on which the trend is zero.
        history_days: Days to learn from; below a year there are no annual columns.
    """
    years = (dates - origin).astype(np.float64) / DAYS_PER_YEAR
    columns = [np.ones(len(dates))]
    prior_sd = [np.inf]

    weekday = weekdays(dates)
    for day in range(6):  # Sunday is coded -1 throughout, so that no weekday is the one the others differ from
        columns.append((weekday == day) * 1.0 - (weekday == 6))
        prior_sd.append(WEEKDAY_SD)

    columns.append(years)
    prior_sd.append(TREND_SD)

    if history_days >= ANNUAL_FROM_DAYS:
        angle = 2 * np.pi * dates.astype("datetime64[D]").astype(np.float64) / DAYS_PER_YEAR
        for harmonic, sd in enumerate(ANNUAL_SD, start=1):
            columns += [np.sin(harmonic * angle), np.cos(harmonic * angle)]
            prior_sd += [sd, sd]

    special = special_days(dates, calendar)
    columns += list(special.T)
    prior_sd += [SPECIAL_DAY_SD] * special.shape[1]

    others, sds = occasions(dates, calendar, origin)
    columns += list(others.T)
    prior_sd += sds
    return Design(np.column_stack(columns), np.array(prior_sd))


def day_of_year(dates: Dates) -> Floats:
    """Days since the first day of a year of 365.25 days, a season's clock."""
    return np.asarray(dates.astype("datetime64[D]").astype(np.float64) % DAYS_PER_YEAR)


def special_days(dates: Dates, calendar: Calendar) -> Floats:
    """(n_days, 5) of 0 and 1: holiday on a working day, holiday at a weekend, day after one, day before one, and
    the working days from 24 December to 2 January."""
    around = np.concatenate([dates[:1] - 1, dates, dates[-1:] + 1])
    holiday = calendar.holiday_names(around) != ""
    working = weekdays(around) < 5
    after = working[1:-1] & ~holiday[1:-1] & holiday[:-2]
    before = working[1:-1] & ~holiday[1:-1] & holiday[2:]
    month_start = dates.astype("datetime64[M]")
    month = month_start.astype(np.int64) % 12 + 1
    day = (dates - month_start.astype("datetime64[D]")).astype(np.int64) + 1
    year_end = ((month == 12) & (day >= 24)) | ((month == 1) & (day <= 2))
    ordinary = working[1:-1] & ~holiday[1:-1]
    return np.column_stack(
        [
            holiday[1:-1] & working[1:-1],
            holiday[1:-1] & ~working[1:-1],
            after,
            before,
            year_end & ordinary,
        ]
    ).astype(np.float64)
