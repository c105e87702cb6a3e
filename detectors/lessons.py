"""What the past of each series teaches a scan: season, level, scatter, and how its tail looks."""

from typing import NamedTuple

import numpy as np

from detectors.baseline import fit_season, follow, two_scatters
from detectors.course import Course
from detectors.design import Design, day_of_year, in_days
from detectors.first_look import Truths, surges
from detectors.past_spans import PastSpans, nearness
from detectors.tails import peaks_of
from forewarn.calendar import Dates
from forewarn.panel import Floats


class Lessons(NamedTuple):
    """What the past of each series teaches; one row a series, and no row depends on another.

    Args:
        coefficients, covariance: Of `Season`.
        season_dispersion: (n_series,) of `Season`.
        level, relative, disagreement, dispersion, freedom: (n_series,) of `Past`.
        typical: (n_series,) mean count a step.
        recent: (n_series, course.reach) what was expected of the steps before the period.
        inflation: (n_series, n_spans) see detectors/past_spans.py.
        stray: (n_series,) see detectors/foregoing.py.
        high, low: (n_series, 4) of `Peaks`.
    """

    coefficients: Floats
    covariance: Floats
    season_dispersion: Floats
    level: Floats
    relative: Floats
    disagreement: Floats
    dispersion: Floats
    freedom: Floats
    typical: Floats
    recent: Floats
    inflation: Floats
    stray: Floats
    high: Floats
    low: Floats


def learn(counts: Floats, dates: Dates, design: Design, start: Floats, course: Course) -> Lessons:
    """What the past of each series teaches; the costly part.

    Args:
        counts: (n_series, n_past) steps up to the judged period; NaN: not observed, as are the last `course.guard`.
        dates: (n_past + 1,) of these steps and the next.
        design: Columns for these steps.
        start: (n_series, n_columns) first guess of the coefficients.
    """
    n_past = counts.shape[1]
    taught = slice(0, n_past - course.guard)
    observed = (~np.isnan(counts)).astype(np.float64)
    y = np.nan_to_num(counts)
    columns = design.columns
    calm = observed * ~_early_surges(y, observed, design, course)
    season = fit_season((y * calm)[:, taught], calm[:, taught], design.on(taught), start)
    past = follow(y * calm, calm, columns, season, course)
    due = past.expected * observed
    if course.together:
        dispersion, shared = two_scatters(y, due, past.dispersion)
        past = past._replace(dispersion=dispersion, disagreement=past.disagreement + shared)
    relative = past.dispersion * past.relative + past.disagreement
    days = day_of_year(dates[:: course.period])  # (n_periods + 1,)
    near = nearness(days, days[:-1])
    apart = np.abs(np.arange(len(days))[:, None] - np.arange(len(days) - 1)[None, :])
    near[:-1][apart[:-1] <= course.apart // course.period] = 0.0
    ago = (in_days(dates[-1]) - in_days(dates[course.period :: course.period])).astype(np.int64) // 365
    near = np.array([near * (ago == k) for k in range(int(ago[0]) + 1)])
    scanned = PastSpans(np.where(calm < observed, due, y), due, past.dispersion, relative, course, near=near)
    high, low = (peaks_of(scanned.scores(low=low), observed > 0, course.apart) for low in (False, True))
    reach = course.reach
    recent = np.zeros((len(y), reach))
    recent[:, max(reach - n_past, 0) :] = past.expected[:, max(n_past - reach, 0) :]
    return Lessons(
        coefficients=season.coefficients,
        covariance=season.covariance,
        season_dispersion=season.dispersion,
        level=past.level,
        relative=past.relative,
        disagreement=past.disagreement,
        dispersion=past.dispersion,
        freedom=past.freedom,
        typical=due.sum(axis=1) / np.maximum(observed.sum(axis=1), 1.0),
        recent=recent,
        inflation=scanned.inflation[:, :, -1].T,
        stray=scanned.stray[:, -1],
        high=np.column_stack(high),
        low=np.column_stack(low),
    )


def _early_surges(y: Floats, observed: Floats, design: Design, course: Course) -> Truths:
    """(n_series, n_past) the surges of series that began less than a year ago; none where `course` does not look."""
    found = np.zeros(y.shape, dtype=bool)
    if course.cycle:
        n_taught = y.shape[1] - course.guard
        rows = np.flatnonzero(n_taught - observed.argmax(axis=1) < design.annual_from)
        within = slice(max(n_taught - design.annual_from // course.cycle * course.cycle, 0), n_taught)
        found[rows, within] = surges(y[rows, within], observed[rows, within], course.cycle)
    return found
