"""Silent, partial or truly quiet? Which days of a source may be believed, and how the source is doing.

A day without requests is QUIET only if that is plausible; otherwise it is MISSING, and no zero is shown. With
m the mean and D the variance-to-mean ratio of the same weekday's last counts, the chance of a zero is

    P(0) = exp(-m)                 if D <= 1
    P(0) = D ** (-m / (D - 1))     otherwise (negative binomial)

and a run of zeros is judged as a whole, by the product over its days. An office that is closed on Sundays thus
stays quiet, and a source with two requests a day that says nothing for a week does not. On a public holiday
the smallest of the weekday's, the Sundays' and the earlier holidays' means counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from connectors.days import Span, civil_day
from connectors.times import Mask
from forewarn.calendar import Calendar, Dates, weekdays
from forewarn.contracts import Coverage, SourceHealth
from forewarn.errors import SourceChanged, SourceError
from forewarn.panel import Floats
from forewarn.steps import DAYS, Steps

IMPLAUSIBLE = 1e-4  # a zero, or a run of them, less likely than this is not believed
WEEKS = 8  # same weekdays that are looked at
KNOWN = (Coverage.OBSERVED, Coverage.QUIET)


@dataclass(frozen=True, slots=True)
class History:
    """What the store knows of a source: requests each day, and how far each day can be believed.

    Args:
        dates: Consecutive days.
        totals: Requests on each day; 0 where no rows are.
        coverage: Earlier verdicts.
    """

    dates: Dates
    totals: Floats
    coverage: Mapping[date, Coverage]


def judge_days(
    history: History, covered: Span | None, *, open_day: date | None = None, calendar: Calendar = Calendar()
) -> dict[date, Coverage]:
    """Verdicts on the days just covered.

    Zeros right before `covered` are judged again, as they may turn out to be the start of a silence; and so are those
    with which the source began, of which little could be known then.

    Args:
        history: With the new rows in it, up to the last covered day.
        covered: First and last day that were drained.
        open_day: A day that is not over.
    """
    verdicts: dict[date, Coverage] = {} if open_day is None else {open_day: Coverage.PARTIAL}
    if covered is None:
        return verdicts
    days: list[date] = history.dates.astype("datetime64[D]").astype(object).tolist()
    first, last = (int(np.searchsorted(history.dates, np.datetime64(day, "D"))) for day in covered)
    last = min(last, len(days) - 1)
    while first > 0 and history.totals[first - 1] == 0 and days[first - 1] in history.coverage:
        first -= 1
    known = np.array([history.coverage.get(day) in KNOWN for day in days], dtype=np.bool_)
    known[first : last + 1] = history.totals[first : last + 1] > 0
    drained = np.array([day in history.coverage for day in days], dtype=np.bool_)
    drained[first : last + 1] = True
    holidays = calendar.is_off(history.dates)
    past = _Past(history.totals, drained, known, holidays, weekdays(history.dates))
    judged = [*_beginning(history, days[:first]), *range(first, last + 1)]
    verdicts |= {days[i]: Coverage.OBSERVED for i in judged if known[i]}
    for run in _runs(i for i in judged if not known[i]):
        chances = [_chance_of_zero(past, i) for i in run]
        quiet = None not in chances and np.prod(np.array(chances, dtype=float)) >= IMPLAUSIBLE
        verdicts |= {days[i]: Coverage.QUIET if quiet else Coverage.MISSING for i in run}
        known[run] = quiet
    return verdicts


def _beginning(history: History, days: Sequence[date]) -> list[int]:
    """Which of the days, the first of the history, are zeros with which the source began and that were not believed."""
    if not days or days[0] in history.coverage:  # it began earlier
        return []
    n_empty = int(np.argmax(history.totals > 0)) if history.totals.any() else 0
    return [i for i, day in enumerate(days[:n_empty]) if history.coverage.get(day) is Coverage.MISSING]


def judge_source(
    history: History,
    *,
    now: datetime,
    zone: ZoneInfo,
    public_delay_days: int = 0,
    steps: Steps = DAYS,
    fresh_until: datetime | None = None,
    canary: str = "",
    silent: str = "",
    hole: str = "",
    error: SourceError | None = None,
) -> tuple[SourceHealth, str]:
    """How the source is doing, and why, in a sentence for people.

    Args:
        history: With the verdicts of `judge_days` in its coverage.
        public_delay_days: Days that the source usually takes to publish a day, or a week.
        steps: What it publishes as a whole.
        fresh_until: When the source itself says that it was last updated.
        canary: How the source contradicts what it said before, '' if it does not.
        silent: Which parts of it bring nothing while the rest comes, '' if none.
        hole: What is missing of the newest day that should be there, '' if that is not known.
        error: Why the last run failed.
    """
    if isinstance(error, SourceChanged):
        return SourceHealth.BROKEN, f"The source has changed and needs a person: {error.problem}"
    if error is not None:
        return SourceHealth.UNDETERMINED, f"The source could not be read and is tried again: {error.problem}"
    if canary:
        return SourceHealth.BROKEN, f"The source contradicts what it said before and needs a person: {canary}"
    days: list[date] = history.dates.astype("datetime64[D]").astype(object).tolist()
    closed = [day for day in days if history.coverage.get(day) in (*KNOWN, Coverage.MISSING)]
    if not closed:
        return SourceHealth.UNDETERMINED, "Nothing has been read from this source yet."
    due = steps.last_over(civil_day(now, zone) - timedelta(days=1 + public_delay_days))
    if fresh_until is not None and civil_day(fresh_until, zone) < due:
        return SourceHealth.STALE, f"The source itself was last updated on {_name(civil_day(fresh_until, zone))}."
    newest = closed[-1]
    seen = [day for day, total in zip(days, history.totals, strict=True) if total > 0 and day <= newest]
    if history.coverage[newest] is Coverage.MISSING:
        since = f"since {_name(seen[-1])}" if seen else "so far"
        return SourceHealth.SILENT, f"It answers, but there have been no requests {since}; that is not plausible."
    if history.coverage.get(due) is Coverage.PARTIAL:
        return SourceHealth.PARTIAL, f"{_name(due)} {hole or 'could not be read completely'}."
    if silent:
        return SourceHealth.PARTIAL, silent
    if newest < due:
        return SourceHealth.LATE, f"The newest complete day is {_name(newest)}; {_name(due)} should be there by now."
    if history.coverage[newest] is Coverage.QUIET:
        return SourceHealth.QUIET, f"No requests on {_name(newest)}, which is usual for such a day."
    return SourceHealth.OK, f"Complete up to {_name(newest)}."


def _chance_of_zero(past: "_Past", day: int) -> float | None:
    """Probability that nothing comes on this day; None: nothing is known to go by."""
    same = past.same_weekday(day)
    if len(same) < WEEKS // 2:
        if past.is_never_used(day):
            return 1.0
        same = np.flatnonzero(past.known)
        if len(same) < WEEKS // 2:
            return None
    counts = past.totals[same]
    mean = float(counts.mean())
    if past.holidays[day]:
        sundays = past.same_weekday(day + 6 - int(past.weekdays[day]))
        earlier = np.flatnonzero(past.known[:day] & past.holidays[:day])[-WEEKS:]
        mean = min([mean, *(float(past.totals[others].mean()) for others in (sundays, earlier) if len(others))])
    if mean == 0:
        return 1.0
    dispersion = float(counts.var(ddof=1)) / mean
    return float(np.exp(-mean) if dispersion <= 1 else dispersion ** (-mean / (dispersion - 1)))


@dataclass(frozen=True, slots=True)
class _Past:
    """Arrays over the days of a history; `known` is filled in as days are judged."""

    totals: Floats
    drained: Mask  # read completely, believed or not
    known: Mask  # read and believed
    holidays: Mask
    weekdays: npt.NDArray[np.int64]

    def same_weekday(self, day: int) -> npt.NDArray[np.int64]:
        """The last known days of that weekday before `day`; the next ones after it where those are too few."""
        known = np.flatnonzero(self.known & (np.arange(len(self.known)) % 7 == day % 7))
        before = known[known < day][-WEEKS:]
        return before if len(before) >= WEEKS // 2 else known[: WEEKS + 1]

    def is_never_used(self, day: int) -> bool:
        """Whether nothing ever came on this weekday, though other days are busy: an office that is closed."""
        same = self.drained & (self.weekdays == self.weekdays[day])
        return bool(same.sum() > 2 and self.totals[same].sum() == 0 and self.totals.sum() > 0)


def _runs(indices: Iterable[int]) -> list[list[int]]:
    """Consecutive indices, put together."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _name(day: date) -> str:
    return day.strftime("%A %Y-%m-%d")
