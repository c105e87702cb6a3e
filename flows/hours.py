"""Sources of many requests in hours, besides their days: a surge of the afternoon is told in the afternoon.

Only rises are told of, since hours that are low are mostly hours that are not there yet. Once the day is over it is
judged as a whole; what both find is one alert (`alerts.lifecycle`).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from alerts.belonging import REOPEN_DAYS, RISES
from alerts.lifecycle import advance
from alerts.muting import source_in_trouble
from alerts.rules.hours import HourlySurge
from alerts.telling import tell
from connectors.calendars import calendar_of
from detectors import detector_for
from detectors.irregularities import without_batches
from flows.allowance import Allowance, allowance_of
from flows.installation import Installation
from flows.reading import without_bursts
from forewarn.alert import Alert, Change, Finding
from forewarn.irregularity import Irregularity
from forewarn.panel import Panel
from forewarn.results import Detection
from forewarn.settings import DetectionSettings
from store import alerts as alert_store
from store.counts import read_entries
from store.engine import snapshot, transaction
from store.hours import known_until, read_hours

METHOD = "scan"
HISTORY_DAYS = 182
LATELY_DAYS = 56
BUSY = 24.0
"""Requests a day, lately, from which on a series is judged in hours: one in each."""
MOST_SERIES = 100
"""The busiest are judged; the others of so large a source are parts of them."""
TAIL_HOURS = 6
"""After midnight the last hours of the day before are looked at so much longer."""


class Hours(NamedTuple):
    """Verdicts on the hours of some days; shared by the days of a replay."""

    detections: Sequence[Detection]
    n_series: int


NO_HOURS = Hours((), 0)


def judge_hours(
    conn: Connection,
    installation: Installation,
    name: str,
    allowance: Allowance,
    first: date,
    last: date,
    *,
    until: datetime | None = None,
    as_of: date | None = None,
) -> Hours:
    """Verdicts on the hours from the day before `first` to `last`, at all levels of the source.

    Args:
        until, as_of: As of `read_hours`.
    """
    source = installation.source(name)
    panels = read_hours(
        conn,
        name,
        source.levels,
        first - timedelta(days=HISTORY_DAYS),
        last,
        zone=source.tz,
        calendar=calendar_of(installation.settings, name, last),
        until=until,
        as_of=as_of,
        public_delay_days=source.public_delay_days,
    )
    n_hours = 24 * ((last - first).days + 2)
    busy = _busiest([replace(panel, title=source.title) for panel in panels], n_hours)
    n_series = sum(len(panel.labels) for panel in busy)
    method = detector_for(METHOD, allowance.alpha_of_hours(n_series))
    return Hours([method.detect(panel, n_hours) for panel in busy], n_series)


def _busiest(panels: Sequence[Panel], n_judged: int) -> list[Panel]:
    """The series that had enough requests lately, before the judged hours."""
    usual = []
    for panel in panels:
        lately = panel.counts[:, :-n_judged][:, -LATELY_DAYS * 24 :]
        known = (~np.isnan(lately)).sum(axis=1)
        usual.append(24 * np.nansum(lately, axis=1) / np.maximum(known, 1))
    ranked = sorted((value for values in usual for value in values.tolist() if value >= BUSY), reverse=True)
    if not ranked:
        return []
    least = ranked[min(len(ranked), MOST_SERIES) - 1]
    chosen = [panel.rows(np.flatnonzero(values >= least)) for panel, values in zip(panels, usual, strict=True)]
    return [panel for panel in chosen if len(panel.labels)]


def decide_hours(
    hours: Hours,
    irregularities: Sequence[Irregularity],
    day: date,
    alerts: Sequence[Alert],
    detection: DetectionSettings,
    now: datetime,
) -> list[Change]:
    """What the hours of `day` mean for the alerts there are. Nothing is stored, so that a replay can use it too."""
    findings = findings_of(hours, day, detection, irregularities)
    known = [alert for alert in alerts if alert.kind in RISES]
    return advance(known, findings, day, now, held=source_in_trouble(alerts), is_over=False) if findings else []


def findings_of(
    hours: Hours, day: date, detection: DetectionSettings, irregularities: Sequence[Irregularity]
) -> list[Finding]:
    """What the hours of `day` hold."""
    return HourlySurge(min_requests=detection.min_requests).evaluate(hours.detections, day, irregularities)


def detect_hours(installation: Installation, name: str, detection: DetectionSettings, now: datetime) -> list[Change]:
    """Judge the hours of today so far, as far as they are known; all in one transaction.

    Args:
        detection: The settings in force.
    """
    source = installation.source(name)
    with snapshot(installation.engine) as conn:
        until = known_until(conn, name)
        if until is None:
            return []
        last = (until.astimezone(source.tz) - timedelta(microseconds=1)).date()
        first = (until - timedelta(hours=TAIL_HOURS)).astimezone(source.tz).date()
        allowance = allowance_of(installation.settings, name, detection, clusters=False)
        hours = judge_hours(conn, installation, name, allowance, first, last, until=until)
        days = [day for day in sorted({first, last}) if findings_of(hours, day, detection, ())]
        entered = {day: _entered(conn, installation, name, day, detection) for day in days}
    changes = list[Change]()
    if days:
        with transaction(installation.engine) as conn:
            for day in days:
                alerts = alert_store.read_alerts(conn, source=name, live_or_since=day - timedelta(days=REOPEN_DAYS))
                decided = decide_hours(hours, entered[day], day, alerts, detection, now)
                alert_store.write_changes(conn, decided)
                changes += decided
            tell(conn, installation.settings, changes, now)
    return changes


def _entered(
    conn: Connection, installation: Installation, name: str, day: date, detection: DetectionSettings
) -> list[Irregularity]:
    """What one office or one hand entered on a day that need not be over."""
    delay = installation.source(name).public_delay_days
    history_days = detection.history_days
    entries = read_entries(conn, name, last_day=day, history_days=history_days, as_of=day, public_delay_days=delay)
    covered = entries.covered.copy()
    covered[-1] = True
    entries, bursts = without_bursts(conn, replace(entries, covered=covered), detection.min_requests)
    return [*bursts, *without_batches(entries, detection.min_requests).irregularities]
