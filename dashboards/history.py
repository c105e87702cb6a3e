"""One series as a chart needs it: its counts, what was usual, what was out of the ordinary, what is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy.stats import poisson
from sqlalchemy import Connection

from alerts.rules.evidence import history_days
from dashboards.desk import Desk
from detectors import KNOW_DELAY, detector_for
from detectors.nowcast import completeness
from forewarn.alert import Alarm, Alert, Kind
from forewarn.calendar import Calendar, Dates
from forewarn.contracts import Coverage
from forewarn.irregularity import Irregularity
from forewarn.panel import LABELS, Completeness, Floats, Names, Panel
from forewarn.steps import Steps
from store.counts import read_coverage, read_panels
from store.detections import ForecastRow, read_alarms, read_forecast
from store.irregularities import read_irregularities
from store.panels import in_steps
from store.triangle import read_triangles
from store.weather import read_weather

USUAL_DAYS = 400
"""The usual range is worked out for so many of the last days; further back a chart shows counts only."""


@dataclass(frozen=True)
class History:
    """Requests of one series, (n_days,) or (n_weeks,) each; NaN where not observed, or where no verdict could be given.

    Args:
        window_days: Days that each count sums, its own being the last; 1: requests a day.
        dates: Days, or the last days of weeks.
        expected: Mean of an ordinary day; `low` and `high` hold 95 % of ordinary days.
        limit: Count beyond which an alarm is raised; for a drop the lower one.
        holidays: Name of the public holiday, '' on other days.
        known_share: Share of the day's requests that is known by now; None: all days are complete.
        irregular: What in the counts is not the public's doing, the latest day first; known of the last months.
        step_days: 1, or 7 where weeks are judged.
        in_hours: Dates are hours on the clock of the source.
    """

    kind: Kind
    window_days: int
    dates: Dates
    counts: Floats
    expected: Floats
    low: Floats
    high: Floats
    limit: Floats
    holidays: Names
    coverage: Mapping[date, Coverage]
    alarms: Sequence[Alarm] = ()
    forecast: ForecastRow | None = None
    known_share: Floats | None = None
    irregular: Sequence[Irregularity] = ()
    step_days: int = 1
    in_hours: bool = False

    @property
    def unit(self) -> str:
        """What a date stands for."""
        return "hour" if self.in_hours else "day" if self.step_days == 1 else "week"

    @property
    def step(self) -> timedelta:
        """From a date to the next."""
        return timedelta(hours=1) if self.in_hours else timedelta(days=self.step_days)

    @property
    def title(self) -> str:
        """What the counts are."""
        if self.in_hours:
            return "Requests an hour"
        return (
            f"Requests a {self.unit}" if self.window_days == self.step_days else f"Requests in {self.window_days} days"
        )


def read_history(
    conn: Connection,
    desk: Desk,
    source: str,
    labels: Mapping[str, str],
    first: date,
    last: date,
    *,
    kind: Kind = Kind.SURGE,
    detector: str = "",
    watched: float = 1,
) -> History:
    """The series with these labels from `first` to `last`, or the weeks that end then, as it is known now.

    Args:
        detector: Method that says what is usual; '': the first of the settings.
        watched: Verdicts a day (a weekly one is a seventh) among which the false alarms are spread; sets how far off
            the limit is.
    """
    settings, detection = desk.source(source), desk.settings.detection
    calendar = desk.calendar(source, last)
    steps = settings.steps
    ends = steps.ends(first, last) or [steps.last_over(last)]
    n_days = len(ends)
    (panel,) = read_panels(
        conn,
        source,
        [()],
        last_day=ends[-1],
        history_days=n_days * steps.days + detection.history_days,
        as_of=desk.today(source),
        calendar=calendar,
        where={name: labels[name] for name in LABELS if name in labels},
        public_delay_days=settings.public_delay_days,
    )
    panel = in_steps(panel, steps)
    if steps.days == 1:
        panel = replace(panel, completeness=_completeness(conn, desk, source, labels, panel))
    if steps.days == 1 and (place := desk.weather_place(source)) is not None:
        span = panel.dates[0].item(), panel.dates[-1].item()
        panel = replace(panel, weather=read_weather(conn, place, *span, as_of=desk.today(source)))
    alpha = detection.false_alarms_per_week / 7 / max(watched, 1 / steps.days)
    judged = min(n_days, USUAL_DAYS)
    method = detector_for(detector or detection.detectors[0], alpha)
    verdicts = method.detect(panel if method.name in KNOW_DELAY else panel.settled, judged)
    dates = np.array(ends, dtype="datetime64[D]")
    by_itself = verdicts.window_days == 1
    window_days = verdicts.window_days * steps.days
    alarms = read_alarms(conn, source, first, last, labels)
    return History(
        kind=kind,
        window_days=window_days,
        dates=dates,
        counts=panel.counts[0, -n_days:] if by_itself else _padded(verdicts.observed[0], n_days),
        expected=_padded(verdicts.expected[0], n_days),
        low=_padded(verdicts.low[0], n_days),
        high=_padded(verdicts.high[0], n_days),
        limit=_padded((verdicts.lower_limit if kind is Kind.DROP else verdicts.limit)[0], n_days),
        holidays=_holidays(calendar, dates, steps),
        coverage=read_coverage(conn, source, first, last),
        alarms=[alarm for alarm in alarms if verdicts.rise or alarm.window_days == window_days],
        forecast=read_forecast(conn, source, labels) if window_days == 1 else None,
        known_share=np.ones(n_days) if panel.completeness is None else panel.completeness.last(n_days).mean[0],
        irregular=_irregular(conn, source, labels, first, last),
        step_days=steps.days,
    )


def _irregular(conn: Connection, source: str, labels: Mapping[str, str], first: date, last: date) -> list[Irregularity]:
    """What is irregular in the series with these labels: what says nothing that contradicts them."""
    found = [one for one in read_irregularities(conn, source) if first <= one.day <= last]
    return [
        one
        for one in found
        if all(labels.get(name, value) == value for name, value in ({**one.labels, **one.who}).items())
    ]


def _holidays(calendar: Calendar, dates: Dates, steps: Steps) -> Names:
    """Public holidays of each step, called by its last day."""
    names = calendar.holiday_names(dates[:, None] + np.arange(1 - steps.days, 1))
    return np.array([", ".join(dict.fromkeys(filter(None, row))) for row in names.tolist()])


def _completeness(
    conn: Connection, desk: Desk, source: str, labels: Mapping[str, str], panel: Panel
) -> Completeness | None:
    """How complete the last days of the one series with these labels are."""
    levels = [tuple(label for label in LABELS if label in labels)[:1]]
    triangles = read_triangles(conn, source, levels, as_of=desk.today(source), zone=desk.source(source).tz)
    named = replace(panel, labels=pd.DataFrame([dict(labels)]) if labels else panel.labels)
    return completeness(triangles[0], named) if triangles else None


def words_history(conn: Connection, alert: Alert) -> History:
    """Requests with the words of an alert about words, as it holds them: words are not counted day by day elsewhere."""
    days = history_days(alert.evidence)
    usual = alert.evidence["usual"]

    def level(name: str) -> Floats:
        return np.full(len(days), usual[name], dtype=np.float64)

    return History(
        kind=alert.kind,
        window_days=1,
        dates=np.array([day for day, _ in days], dtype="datetime64[D]"),
        counts=np.array([count for _, count in days], dtype=np.float64),
        expected=level("expected"),
        low=level("low"),
        high=level("high"),
        limit=np.full(len(days), np.nan),
        holidays=np.full(len(days), ""),
        coverage=read_coverage(conn, alert.source, days[0][0], days[-1][0]),
    )


def hours_history(alert: Alert) -> History:
    """The hours that an alert tells of, and those before, as they were when it was last found in hours."""
    hours = alert.evidence["hours"]
    n_hours = len(hours["counts"])

    def numbers(name: str) -> Floats:
        return np.array([np.nan if count is None else count for count in hours[name]], dtype=np.float64)

    return History(
        kind=alert.kind,
        window_days=1,
        dates=np.datetime64(hours["last"], "h") + np.arange(-n_hours, 0),
        counts=numbers("counts"),
        expected=numbers("expected"),
        low=numbers("low"),
        high=numbers("high"),
        limit=numbers("limit"),
        holidays=np.full(n_hours, ""),
        coverage={},
        in_hours=True,
    )


def cluster_history(conn: Connection, desk: Desk, alert: Alert) -> History:
    """The requests of a cluster's areas and categories, as they were when it was last found."""
    chart = alert.evidence["chart"]
    usual = np.array(chart["usual"], dtype=np.float64)
    last = date.fromisoformat(alert.evidence["history"]["last_day"])
    dates = np.datetime64(last, "D") + np.arange(1 - len(usual), 1)
    return History(
        kind=alert.kind,
        window_days=1,
        dates=dates,
        counts=np.array([np.nan if count is None else count for count in chart["counts"]], dtype=np.float64),
        expected=usual,
        low=np.asarray(poisson.ppf(0.025, usual)),
        high=np.asarray(poisson.ppf(0.975, usual)),
        limit=np.full(len(usual), np.nan),
        holidays=desk.calendar(alert.source, last).holiday_names(dates),
        coverage=read_coverage(conn, alert.source, dates[0].item(), last),
    )


def _padded(values: Floats, n_days: int) -> Floats:
    return np.concatenate([np.full(n_days - len(values), np.nan), values])
