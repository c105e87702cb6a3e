"""What an ordinary day depends on: columns of a regression on the calendar, and how far each may move.

Effects are on the log scale, so 0.7 doubles a count. Every column has a prior standard deviation: a weak pull
to "no effect" that keeps rare series, and days never seen before such as a first Christmas, within reason.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detectors.occasions import occasions
from detectors.weather import WEATHER_SD, weather_columns
from forewarn.calendar import Calendar, Dates, weekdays
from forewarn.panel import DAY, Floats
from forewarn.weather import Weather

DAYS_PER_YEAR = 365.25
ANNUAL_FROM_DAYS = 365
"""History from which a season can be told from a trend."""

WEEKDAY_SD = 2.0  # offices that close at weekends fall to a thousandth
ANNUAL_SD = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18)  # one per harmonic: the year is smooth
HOUR_SD = 2.0  # a few calls at night
DAY_KIND_SD = (0.7, 0.5, 0.3, 0.2)  # one per harmonic of the day: evenings of some days are longer
TREND_SD = 0.25  # per year; faster changes are left to the local level
SPECIAL_DAY_SD = 1.0  # a holiday may empty an office or triple its work


@dataclass(frozen=True)
class Design:
    """Columns of the regression; the first is the intercept.

    Args:
        columns: (n_days, n_columns).
        prior_sd: (n_columns,); infinite for the intercept.
        n_weather: Number of the last columns that tell the weather.
        annual: The columns that tell the season.
        annual_from: Steps of history from which on a series can tell its season.
    """

    columns: Floats
    prior_sd: Floats
    n_weather: int = 0
    annual: tuple[int, ...] = ()
    annual_from: int = 0

    def on(self, steps: slice) -> "Design":
        """The same for these steps only."""
        return replace(self, columns=self.columns[steps])


def calendar_design(
    dates: Dates,
    calendar: Calendar,
    *,
    origin: np.datetime64,
    history_days: int,
    step: np.timedelta64 = DAY,
    weather: Weather | None = None,
) -> Design:
    """The calendar of `dates` as regression columns.

    Args:
        dates: (n_steps,) consecutive steps, history and judged ones together.
        calendar: Holidays and events of the place.
        origin: Step on which the trend is zero.
        history_days: Days to learn from, the first of `dates`; below a year there are no annual columns.
        step: Length of a step. Longer ones have no weekday, and their share of each special day; of shorter ones each
            has the special day that it lies in, and an hour of the day, which depends on the weekday.
        weather: Of `dates`, where steps are days; None: it is not watched.
    """
    years = (in_days(dates) - in_days(origin)) / DAYS_PER_YEAR
    columns = [np.ones(len(dates))]
    prior_sd = [np.inf]

    if step <= DAY:
        weekday = weekdays(dates) if step == DAY else like_weekday(dates, calendar)
        rhythm = contrasts(weekday, 7)
        columns += list(rhythm.T)
        prior_sd += [WEEKDAY_SD] * 6
    if step < DAY:
        hours = hour_columns(dates, step, rhythm)
        columns += list(hours.columns.T)
        prior_sd += list(hours.prior_sd)

    columns.append(years)
    prior_sd.append(TREND_SD)

    before_season = len(prior_sd)
    if history_days >= ANNUAL_FROM_DAYS:
        angle = 2 * np.pi * in_days(dates) / DAYS_PER_YEAR
        for harmonic, sd in enumerate(ANNUAL_SD, start=1):
            columns += [np.sin(harmonic * angle), np.cos(harmonic * angle)]
            prior_sd += [sd, sd]
    annual = tuple(range(before_season, len(prior_sd)))

    civil, part = np.unique(days_of(dates, step), return_inverse=True)
    special = special_days(civil, calendar)
    others, sds = occasions(civil, calendar, origin)
    shares = np.hstack([special, others])[part].mean(axis=1)
    columns += list(shares.T)
    prior_sd += [SPECIAL_DAY_SD] * special.shape[1] + sds

    by_weather = weather_columns(weather, dates, history_days)
    columns += list(by_weather.T)
    prior_sd += [WEATHER_SD] * by_weather.shape[1]
    annual_from = int(np.timedelta64(ANNUAL_FROM_DAYS, "D") / step)
    return Design(np.column_stack(columns), np.array(prior_sd), by_weather.shape[1], annual, annual_from)


def day_of_year(dates: Dates) -> Floats:
    """Days since the first day of a year of 365.25 days, a season's clock."""
    return np.asarray(in_days(dates) % DAYS_PER_YEAR)


def in_days(dates: Dates | np.datetime64) -> Floats:
    """Days since 1970, with the part of the day; shape of `dates`."""
    return np.asarray(dates.astype("datetime64[h]").astype(np.float64) / 24)


def days_of(dates: Dates, step: np.timedelta64) -> Dates:
    """(n_steps, n) the n days of each step, or the one that it is part of."""
    first = dates.astype("datetime64[D]")
    return np.asarray(first[:, None] + np.arange(max(int(step / DAY), 1)))


def contrasts(kind: npt.NDArray[np.int64], n: int) -> Floats:
    """(n_steps, n - 1) of 1 on the steps of each kind and -1 on those of the last, so that none is the one that the
    others differ from."""
    return np.asarray((kind[:, None] == np.arange(n - 1)) * 1.0 - (kind == n - 1)[:, None])


def like_weekday(dates: Dates, calendar: Calendar) -> npt.NDArray[np.int64]:
    """(n_steps,) the weekday whose hours are like those of each date: holidays end as Sundays do, and what comes before
    them, as what comes before weekends and Sundays."""
    days = dates.astype("datetime64[D]")
    weekday = weekdays(days)
    holiday, eve = (calendar.holiday_names(some) != "" for some in (days, days + 1))
    return np.where(holiday & ~eve, 6, np.where(eve, np.where(weekday >= 5, 5, 4), weekday))


def hour_columns(dates: Dates, step: np.timedelta64, weekday: Floats) -> Design:
    """For steps below a day: the hour, and how the course of the day differs between weekdays.

    Args:
        weekday: (n_steps, 6) contrasts.
    """
    hour = (dates - dates.astype("datetime64[D]")) // step
    columns = [contrasts(hour.astype(np.int64), int(DAY // step))]
    prior_sd = [np.full(columns[0].shape[1], HOUR_SD)]
    angle = 2 * np.pi * in_days(dates)
    for harmonic, sd in enumerate(DAY_KIND_SD, start=1):
        for wave in (np.sin(harmonic * angle), np.cos(harmonic * angle)):
            columns.append(weekday * wave[:, None])
            prior_sd.append(np.full(weekday.shape[1], sd))
    return Design(np.hstack(columns), np.concatenate(prior_sd))


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
