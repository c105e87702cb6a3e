"""Did so much happen on this day, or did it only arrive on it?

A source that dates its requests by their entry, or whose scraper stood still, has days with almost nothing and then one
with everything. The day is a backlog if

    T > E + 3.5 s                               T: requests, E: median of that weekday in the last eight weeks
    m / 2 <= T - E <= m + 3.5 s sqrt(k + 1)     m: what the k days before it lack, each not read or below E / 10

with s the median absolute deviation of the last eight weeks as a standard deviation. All these days are blank: none
stands for itself. A storm that keeps people from reporting leaves more than a tenth of the requests, and is none.
"""

import numpy as np

from forewarn.entries import Blank, Entries
from forewarn.irregularity import Cause, Irregularity
from forewarn.panel import Floats

WEEKS = 8
MOST_DAYS = 14
FAR = 3.5
ALMOST_NOTHING = 0.1


def find_backlogs(entries: Entries) -> tuple[list[Irregularity], list[Blank]]:
    """Days on which those before them arrived, oldest first, and the blank days; judged by the days before."""
    n_days = len(entries.covered)
    totals = np.bincount(entries.day, entries.count, n_days).astype(np.float64)
    known = np.where(entries.covered, totals, np.nan)
    usual, off = np.full(n_days, np.nan), np.full(n_days, np.nan)
    found, blanks = list[Irregularity](), list[Blank]()
    for day in range(n_days):
        weekdays = known[day % 7 : day : 7][-WEEKS:]
        weekdays = weekdays[~np.isnan(weekdays)]
        if len(weekdays) >= WEEKS / 2:
            usual[day] = np.median(weekdays)
        off[day] = abs(known[day] - usual[day])
        lately = off[max(day - 7 * WEEKS, 0) : day]
        lacking = _lacking(usual, totals, day)
        if not lacking or np.isnan(off[day]) or np.isnan(lately).all():
            continue
        far = FAR * max(1.4826 * float(np.nanmedian(lately)), float(np.sqrt(usual[day])), 1.0)
        excess, missed = float(known[day] - usual[day]), sum(lacking)
        if far < excess <= missed + far * (len(lacking) + 1) ** 0.5 and excess >= missed / 2:
            since = entries.date_of(day - len(lacking))
            found.append(
                Irregularity(
                    cause=Cause.BACKLOG,
                    day=entries.date_of(day),
                    labels={},
                    count=round(known[day]),
                    usual=round(float(usual[day]), 1),
                    since=since,
                )
            )
            blanks.append(Blank({}, since, entries.date_of(day)))
            known[day - len(lacking) : day + 1] = np.nan
            off[day - len(lacking) : day + 1] = np.nan
    return found, blanks


def _lacking(usual: Floats, totals: Floats, day: int) -> list[float]:
    """What the days just before `day` lack, the last one first, as long as they have almost nothing."""
    lacking = list[float]()
    for before in range(day - 1, max(day - 1 - MOST_DAYS, -1), -1):
        if np.isnan(usual[before]) or usual[before] < 1 or totals[before] > ALMOST_NOTHING * usual[before]:
            break
        lacking.append(float(usual[before] - totals[before]))
    return lacking
