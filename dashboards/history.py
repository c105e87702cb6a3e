"""One series as a chart needs it: its counts, what was usual, what was out of the ordinary, what is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import Connection

from dashboards.desk import Desk
from detectors import detector_for
from forewarn.alert import Alarm, Kind
from forewarn.calendar import Dates
from forewarn.contracts import Coverage
from forewarn.panel import LABELS, Floats, Names
from store.counts import read_coverage, read_panels
from store.detections import ForecastRow, read_alarms, read_forecast

USUAL_DAYS = 400
"""The usual range is worked out for so many of the last days; further back a chart shows counts only."""


@dataclass(frozen=True)
class History:
    """Requests of one series, (n_days,) each; NaN where not observed, or where no verdict could be given.

    Args:
        window_days: Days that each count sums, its own being the last; 1: requests a day.
        expected: Mean of an ordinary day; `low` and `high` hold 95 % of ordinary days.
        limit: Count beyond which an alarm is raised; for a drop the lower one.
        holidays: Name of the public holiday, '' on other days.
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

    @property
    def title(self) -> str:
        """What the counts are."""
        return "Requests a day" if self.window_days == 1 else f"Requests in {self.window_days} days"


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
    watched: int = 1,
) -> History:
    """The series with these labels from `first` to `last`, as it is known now.

    Args:
        detector: Method that says what is usual; '': the first of the settings.
        watched: Verdicts a day among which the false alarms are spread; sets how far off the limit is.
    """
    settings, detection = desk.source(source), desk.settings.detection
    n_days = (last - first).days + 1
    (panel,) = read_panels(
        conn,
        source,
        [()],
        last_day=last,
        history_days=n_days + detection.history_days,
        as_of=desk.today(source),
        calendar=settings.calendar,
        where={name: labels[name] for name in LABELS if name in labels},
        public_delay_days=settings.public_delay_days,
    )
    alpha = detection.false_alarms_per_week / 7 / max(watched, 1)
    judged = min(n_days, USUAL_DAYS)
    verdicts = detector_for(detector or detection.detectors[0], alpha).detect(panel, judged)
    dates = panel.dates[-n_days:]
    window_days = verdicts.window_days
    alarms = read_alarms(conn, source, first, last, labels)
    return History(
        kind=kind,
        window_days=window_days,
        dates=dates,
        counts=panel.counts[0, -n_days:] if window_days == 1 else _padded(verdicts.observed[0], n_days),
        expected=_padded(verdicts.expected[0], n_days),
        low=_padded(verdicts.low[0], n_days),
        high=_padded(verdicts.high[0], n_days),
        limit=_padded((verdicts.lower_limit if kind is Kind.DROP else verdicts.limit)[0], n_days),
        holidays=settings.calendar.holiday_names(dates),
        coverage=read_coverage(conn, source, first, last),
        alarms=[alarm for alarm in alarms if alarm.window_days == window_days],
        forecast=read_forecast(conn, source, labels) if window_days == 1 else None,
    )


def _padded(values: Floats, n_days: int) -> Floats:
    return np.concatenate([np.full(n_days - len(values), np.nan), values])
