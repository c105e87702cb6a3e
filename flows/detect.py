"""Panel → alarms → findings → alerts → outbox, for each civil day (or week) that is new or may have changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection

from alerts.belonging import REOPEN_DAYS
from alerts.lifecycle import advance
from alerts.muting import source_in_trouble
from alerts.rules.cluster import ClusterRise
from alerts.rules.drop import Drop
from alerts.rules.irregular import NotAnIncident
from alerts.rules.surge import Surge
from alerts.rules.together import joined
from alerts.rules.words import EmergingWords, Spoken, keep_words
from alerts.telling import tell
from detectors import KNOW_DELAY, detector_for
from detectors.strata import silent_on
from flows.alerting import announce
from flows.allowance import Allowance, allowance_of, chances_for
from flows.clusters import clusters_of, read_grounds
from flows.hours import detect_hours
from flows.installation import Installation, open_installation
from flows.reading import read_delays, read_ordinary
from flows.reporting import outcome
from flows.words import listener_of
from forewarn.alert import Alarm, Alert, Change, Finding, Kind
from forewarn.contracts import Detector
from forewarn.irregularity import Irregularity
from forewarn.panel import Panel
from forewarn.results import Cluster, Detection
from forewarn.settings import DetectionSettings, SourceSettings
from forewarn.settings_file import DEFAULT_FILE
from store import alerts as alert_store
from store import counts
from store.detections import judged_until, set_judged, write_alarms
from store.engine import snapshot, transaction
from store.irregularities import write_irregularities
from store.thresholds import read_threshold

JUDGED_KINDS = (Kind.SURGE, Kind.CLUSTER, Kind.DROP, Kind.DATA)
SHOWN_DAYS = 90
"""Of what is no incident, what so many last days hold is kept for the page of data health."""


@dataclass(frozen=True)
class Decision:
    """What one day, or the week that ends on it, came to."""

    day: date
    alarms: Sequence[Alarm]
    changes: Sequence[Change]


@dataclass(frozen=True)
class DetectReport:
    """What one run of detection on one source came to; `days` are weeks where it is judged in weeks."""

    source: str
    days: int
    series: int
    alarms: int
    changes: Sequence[Change]


def days_to_wait(conn: Connection, name: str, source: SourceSettings, as_of: date) -> int:
    """Days after its end from which on a day is judged: at once if the delays are known, else the declared delay."""
    declared = source.public_delay_days
    return 0 if declared == 0 or read_delays(conn, name, source, as_of) else declared


def days_to_recheck(panels: Sequence[Panel], detection: DetectionSettings) -> int:
    """Last days that are judged again: until the source as a whole is complete, where its delays are known."""
    still_open = [panel.completeness.open_days for panel in panels if panel.completeness is not None]
    return max(detection.recheck_days, min(still_open, default=0))


def detection_in_force(conn: Connection, installation: Installation) -> DetectionSettings:
    """The settings with the threshold that the last back-test found for the budget of alerts, if there is one."""
    detection = installation.settings.detection
    found = read_threshold(conn, installation.version) if detection.alerts_per_week else None
    if found is None:
        return detection
    return detection.model_copy(update={"false_alarms_per_week": found.false_alarms_per_week})


def judge(panels: Sequence[Panel], detection: DetectionSettings, allowance: Allowance, last: int) -> list[Detection]:
    """Verdicts of all configured detectors on the last `last` steps of all panels of one source."""
    return verdicts(panels, detection, allowance.alpha(chances_for(panels, detection)), last)


def verdicts(panels: Sequence[Panel], detection: DetectionSettings, alpha: float, last: int) -> list[Detection]:
    """As `judge`, at a given `alpha`."""
    detectors = [detector_for(name, alpha) for name in detection.detectors]
    return [_verdicts(detector, panel, last) for detector in detectors for panel in panels if len(panel.labels)]


def _verdicts(detector: Detector, panel: Panel, last: int) -> Detection:
    if detector.name in KNOW_DELAY:
        return detector.detect(panel, last)
    return replace(detector.detect(panel.settled, last), panel=panel)


def decide(
    detections: Sequence[Detection],
    clusters: Sequence[Cluster],
    irregularities: Sequence[Irregularity],
    day: date,
    alerts: Sequence[Alert],
    detection: DetectionSettings,
    now: datetime,
    *,
    spoken: Spoken | None = None,
) -> Decision:
    """What `day` means for the alerts there are. Nothing is stored, so that a replay can use it too.

    Args:
        spoken: Words that became frequent; None: they were not looked at, and what is known of them stays.
    """
    surges = joined(Surge(min_requests=detection.min_requests).evaluate(detections, day), clusters, day)
    words: list[Finding] = []
    if spoken is None:
        surges = keep_words(surges, alerts)
    else:
        words, surges = EmergingWords().evaluate(spoken, day, surges, alerts, irregularities)
    findings = [*surges, *ClusterRise().evaluate(clusters, day), *words]
    findings += Drop().evaluate(detections, day, silent_on(irregularities, day))
    findings += NotAnIncident(min_requests=detection.min_requests).evaluate(irregularities, detections, day)
    kinds = JUDGED_KINDS if spoken is None else (*JUDGED_KINDS, Kind.WORDS)
    judged = [alert for alert in alerts if alert.kind in kinds]
    alarms = [alarm for finding in findings for alarm in finding.alarms]
    return Decision(day, alarms, advance(judged, findings, day, now, held=source_in_trouble(alerts)))


def detect_source(installation: Installation, name: str, now: datetime) -> DetectReport:
    """Judge the source's new days, and the last few again; and if it is set so, the hours of today so far."""
    report = detect_days(installation, name, now)
    if installation.source(name).step != "hour":
        return report
    with snapshot(installation.engine) as conn:
        in_force = detection_in_force(conn, installation)
    return replace(report, changes=[*report.changes, *detect_hours(installation, name, in_force, now)])


def detect_days(installation: Installation, name: str, now: datetime) -> DetectReport:
    """Judge the source's new days or weeks, and the last few again; all in one transaction."""
    settings, source = installation.settings, installation.source(name)
    with snapshot(installation.engine) as conn:
        span = counts.covered_span(conn, name)
        judged = judged_until(conn, name)
        if span is None:
            return DetectReport(name, 0, 0, 0, ())
        as_of = now.astimezone(source.tz).date()
        last_day = span[1]
        if wait := days_to_wait(conn, name, source, as_of):
            last_day = min(last_day, as_of - timedelta(days=1 + wait))
        last_day = source.steps.last_over(last_day)
        in_force = detection_in_force(conn, installation)
        reading = read_ordinary(conn, installation, name, in_force, last_day, as_of)
        panels = reading.panels
    recheck_days = days_to_recheck(panels, settings.detection)
    first_day = (judged or last_day) - timedelta(days=recheck_days - 1)
    days = source.steps.ends(max(first_day, span[0]), last_day)
    if not days:  # days that were judged as quiet turned out to be the start of a silence
        return DetectReport(name, 0, 0, 0, ())
    judged_from, listener = days[0], None
    with snapshot(installation.engine) as conn:
        grounds = read_grounds(conn, installation, name, reading, judged_from, last_day, as_of)
        if judged is None or last_day > judged:  # texts are many: they are read once a day, not on each run
            listener = listener_of(conn, installation, name, in_force, judged_from, last_day)
    allowance = allowance_of(settings, name, in_force, clusters=bool(grounds))
    detections = judge(panels, in_force, allowance, len(days))
    clusters = clusters_of(grounds, allowance.alpha_of_clusters, in_force.min_requests, judged_from, last_day)
    n_alarms, changes = 0, list[Change]()
    with transaction(installation.engine) as conn:  # all days or none: where a run begins depends on the last one
        for day in days:
            alerts = alert_store.read_alerts(conn, source=name, live_or_since=day - timedelta(days=REOPEN_DAYS))
            spoken = listener.on(day, as_of) if listener else None
            decision = decide(
                detections, clusters, reading.irregularities, day, alerts, settings.detection, now, spoken=spoken
            )
            write_alarms(conn, name, day, decision.alarms, installation.version)
            alert_store.write_changes(conn, decision.changes)
            n_alarms += len(decision.alarms)
            changes += decision.changes
        tell(conn, settings, changes, now)
        shown_from = last_day - timedelta(days=SHOWN_DAYS - 1)
        write_irregularities(conn, name, [one for one in reading.irregularities if one.day >= shown_from])
        set_judged(conn, name, last_day)
    return DetectReport(name, len(days), sum(len(panel.labels) for panel in panels), n_alarms, changes)


@task(cache_policy=NO_CACHE, task_run_name="detect-{name}")
def detect_task(installation: Installation, name: str, now: datetime) -> DetectReport:
    return detect_source(installation, name, now)


@flow(name="detect")
def detect(settings_file: Path = DEFAULT_FILE, now: datetime | None = None) -> list[DetectReport]:
    """Judge the new days of every source; one source's failure does not stop the others."""
    now = now or datetime.now(UTC)
    installation = open_installation(settings_file)
    names = installation.require_sources()
    reports = outcome("detect", {name: detect_task.submit(installation, name, now) for name in names})
    create_table_artifact(
        key="verdicts",
        description="What the last detection came to",
        table=[
            {
                "source": r.source,
                "days": r.days,
                "series": r.series,
                "alarms": r.alarms,
                "alert changes": len(r.changes),
            }
            for r in reports
        ],
    )
    for report in reports:
        announce(report.changes)
    return reports


if __name__ == "__main__":
    detect()
