"""Pull every source, each on its own, and say at once when one does not deliver."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from sqlalchemy import Connection

from alerts.lifecycle import advance
from alerts.rules.source import SourceTrouble
from alerts.telling import record
from connectors import connector_for
from connectors.calendars import calendar_of
from connectors.contents import BACKFILL, LATE, burst, worse
from connectors.health import History, judge_source
from flows.alerting import announce
from flows.holes import holes_of
from flows.installation import Installation, open_installation
from flows.old_requests import look_up_old
from flows.parts import silence_text, silent_parts
from flows.pull import LOOK_BACK, PLACES, Pull, Reached, batches, check_contents, history_of, note_fields, write
from flows.reconcile import canary_of, reconcile
from flows.reporting import FlowFailed, outcome, say
from flows.retention import empty_old_texts
from flows.weather import refresh_weather
from forewarn.alert import Alert, Change, Kind, State
from forewarn.contracts import Coverage, SourceHealth
from forewarn.errors import SourceError
from forewarn.irregularity import Irregularity
from forewarn.settings_file import DEFAULT_FILE
from forewarn.steps import Steps
from store import alerts as alert_store
from store import sources
from store.counts import covered_span
from store.engine import snapshot, transaction
from store.places import last_places
from store.received import drop_batches, read_batches
from store.turns import turn

KEPT_BATCHES = timedelta(days=30)
"""A batch that was pushed stays so long after it was read, so that one that is sent again is recognised; shorter, where
texts may not be kept that long."""

LEFT_OUT_SHOWN = 3

Progress = Callable[[Reached], None]


@dataclass(frozen=True)
class IngestReport:
    """What one pull of one source came to; `failure` says why it is not to be trusted, '' if it is."""

    source: str
    new: int
    changed: int
    rejected: int
    health: SourceHealth
    message: str
    failure: str
    changes: Sequence[Change]
    remarks: Sequence[str] = ()  # what is new about the source's fields


def ingest_source(
    installation: Installation, name: str, now: datetime, progress: Progress = lambda _: None, *, again: bool = False
) -> IngestReport:
    """Pull what is new, judge each day and the source itself, and raise or resolve the alert about it.

    Killed at any instant it can run again: rows, counts, coverage and the connector's state are committed together.
    A source that fails is reported, not raised.

    Args:
        progress: Told after each batch.
        again: Read all from the source's first day on, as if nothing had been read; what is stored stays.

    Raises:
        ConfigError: The source's settings are wrong.
        StoreError: The store cannot be written.
    """
    installation.source(name)
    with turn(installation.engine, name) as is_ours:
        if not is_ours:
            return _given_way(installation, name)
        return _ingest(installation, name, now, progress, again=again)


def _ingest(installation: Installation, name: str, now: datetime, progress: Progress, *, again: bool) -> IngestReport:
    engine, settings = installation.engine, installation.source(name)
    connector = connector_for(name, settings, received=partial(read_batches, engine, name))
    calendar = calendar_of(installation.settings, name, now.astimezone(settings.tz).date())
    texts_from = empty_old_texts(engine, name, settings, now.astimezone(settings.tz).date())
    with transaction(engine) as conn:
        state = {} if again else sources.read_state(conn, name)
        backfill = again or not sources.was_ever_read(conn, name)
        usual, span = sources.read_contents(conn, name), covered_span(conn, name)
        pull = Pull(
            name,
            settings,
            calendar,
            now,
            sources.start_run(conn, name, now),
            backfill,
            usual=usual,
            texts_from=texts_from,
        )
        pull.known_until, pull.places = span and span[1], last_places(conn, name, PLACES)
    error = None
    try:
        for batch in batches(connector, state, now):
            check_contents(engine, pull, batch.pages)
            with transaction(engine) as conn:
                write(conn, pull, batch.pages)
            days = [page.requests.day.max().item() for page in batch.pages if len(page.requests)]
            rows = pull.counters["new"] + pull.counters["changed"] + pull.counters["unchanged"]
            progress(Reached(rows, max(days, default=None), batch.share))
        reconcile(engine, connector, pull)
        look_up_old(engine, connector, pull)
    except SourceError as failed:
        error = failed
    with transaction(engine) as conn:
        return _conclude(conn, installation, pull, error)


def _given_way(installation: Installation, name: str) -> IngestReport:
    """What is told of a pull that was not made, as another one of the same source is going on."""
    with snapshot(installation.engine) as conn:
        health = next((row.health for row in sources.read_health(conn) if row.source == name), None)
    message = "Another pull of this source is going on; this one gave way to it."
    return IngestReport(name, 0, 0, 0, health or SourceHealth.UNDETERMINED, message, "", ())


def _conclude(
    conn: Connection,
    installation: Installation,
    pull: Pull,
    error: SourceError | None,
) -> IngestReport:
    """Judge the source, note how the run ended, and raise or resolve the alert about the source."""
    read_up_to = sources.read_state(conn, pull.name).get("after", 0)
    kept = min(KEPT_BATCHES, timedelta(days=pull.settings.keep_text_days))
    drop_batches(conn, pull.name, up_to=read_up_to, before=pull.now - kept)
    span = covered_span(conn, pull.name)
    last_known = min(span[1], pull.today) if span else pull.today  # long ago, where files are old
    history = history_of(conn, pull.name, last_known - LOOK_BACK, pull.today)
    hole = _hole_of_newest(conn, pull, history)
    silent = silent_parts(conn, pull, span, installation.settings.detection.history_days)
    health, message = judge_source(
        history,
        now=pull.now,
        zone=pull.settings.tz,
        public_delay_days=pull.settings.public_delay_days,
        steps=pull.settings.counted_steps,
        fresh_until=pull.fresh_until,
        canary=canary_of(conn, pull.name),
        silent=silence_text(silent),
        hole=hole,
        error=error,
    )
    known = [day for day, state in history.coverage.items() if state in (Coverage.OBSERVED, Coverage.QUIET)]
    newest_day = max(known, default=None)
    left_out = _left_out(pull)
    sources.set_health(conn, pull.name, health, f"{message} {left_out}".rstrip(), pull.now, newest_day)
    usual = _usual(history, pull.settings.counted_steps)
    remarks = [*([left_out] if left_out else []), *_note_news(conn, pull, usual)]
    alerts = alert_store.read_alerts(conn, source=pull.name, kinds=[Kind.SOURCE])
    told_of = next((alert for alert in alerts if alert.state is not State.RESOLVED), None)
    if message != silence_text(silent):  # something worse is wrong
        silent = []
    findings = SourceTrouble().evaluate(
        pull.name,
        health,
        message,
        since=_since(conn, pull, health, newest_day, told_of, silent),
        now=pull.now,
        newest_day=newest_day,
        usual=usual,
        title=pull.settings.title,
        silent=[part.labels for part in silent],
        known=told_of is not None,
    )
    failure = message if error is not None or (findings and not silent) else ""
    is_partial = bool(pull.partial_days or pull.left_out)
    run_outcome = "failed" if error is not None else "partial" if is_partial else "no data" if failure else "ok"
    sources.finish_run(conn, pull.run_id, pull.now, run_outcome, pull.counters, f"{message} {left_out}".rstrip())
    changes = advance(alerts, findings, pull.today, pull.now)
    record(conn, installation.settings, changes, pull.now)
    new, updated, rejected = (pull.counters[name] for name in ("new", "changed", "rejected"))
    return IngestReport(pull.name, new, updated, rejected, health, message, failure, changes, remarks)


def _left_out(pull: Pull) -> str:
    """What this run could not use as a whole, in words; '' if there is nothing."""
    more = len(pull.left_out) - LEFT_OUT_SHOWN
    listed = "; ".join(pull.left_out[:LEFT_OUT_SHOWN]) + (f"; and {more} more" if more > 0 else "")
    return f"Left out as a whole: {listed}." if listed else ""


def _hole_of_newest(conn: Connection, pull: Pull, history: History) -> str:
    """Hours that are missing from the newest day that should be there, in words; '' if it is not partial for that."""
    due = pull.today - timedelta(days=1 + pull.settings.public_delay_days)
    if history.coverage.get(due) is not Coverage.PARTIAL:
        return ""
    found = holes_of(conn, pull.name, pull.settings, pull.calendar, history, [due])
    return f"has no requests {found[due]}" if due in found else ""


def _note_news(conn: Connection, pull: Pull, usual: float | None) -> list[str]:
    """Keeps what this run found out about the source; gives what is new."""
    found = worse(pull.counters, pull.usual)
    if pull.backfill:
        pull.counters[BACKFILL] = 1
    elif pull.known_until is not None:
        late = {day: count for day, count in pull.new_days.items() if day <= pull.known_until}
        pull.counters[LATE] = sum(late.values())
        found += burst(late, usual or 0.0, pull.usual)
    note_fields(conn, pull, found)
    return pull.remarks


def _since(
    conn: Connection,
    pull: Pull,
    health: SourceHealth,
    newest_day: date | None,
    told_of: Alert | None,
    silent: Sequence[Irregularity],
) -> datetime:
    """When the trouble began: as told already, a silence with the first silent day, else when it was noticed."""
    zone = pull.settings.tz
    if silent:
        return datetime.combine(min(part.since or part.day for part in silent), time(), zone)
    if told_of is not None:
        return datetime.fromisoformat(told_of.evidence["since"]).astimezone(zone)
    if health is SourceHealth.SILENT and newest_day is not None:
        return datetime.combine(newest_day + timedelta(days=1), time(), zone)
    noticed = next(row.changed_at for row in sources.read_health(conn) if row.source == pull.name)
    return noticed.astimezone(zone)


def _usual(history: History, steps: Steps) -> float | None:
    """Requests on an ordinary day of the last eight weeks; None: no day is known."""
    days = history.dates.astype(object).tolist()
    observed = [history.coverage.get(day) is Coverage.OBSERVED and day == steps.end_of(day) for day in days]
    counted = history.totals[np.array(observed, dtype=bool)][-56 // steps.days :]
    return float(np.median(counted)) / steps.days if counted.size else None


@task(cache_policy=NO_CACHE, task_run_name="ingest-{name}")
def ingest_task(installation: Installation, name: str, now: datetime) -> IngestReport:
    return ingest_source(installation, name, now)


@flow(name="ingest")
def ingest(settings_file: Path = DEFAULT_FILE, now: datetime | None = None) -> list[IngestReport]:
    """Pull every source; a source that fails, or is silent where requests were due, fails the run in the end."""
    now = now or datetime.now(UTC)
    installation = open_installation(settings_file)
    names = installation.require_sources()
    reports: list[IngestReport] = outcome(
        "ingest", {name: ingest_task.submit(installation, name, now) for name in names}
    )
    for name in names:
        if problem := refresh_weather(installation, name, now):
            say("forewarn.weather.trouble", name, problem)  # the counts are judged without
    create_table_artifact(
        key="pulls",
        description="What the last pull of each source came to",
        table=[
            {"source": r.source, "state": r.health.value, "new": r.new, "changed": r.changed, "rejected": r.rejected}
            for r in reports
        ],
    )
    for report in reports:
        announce(report.changes)
        if report.failure:
            say("forewarn.source.trouble", report.source, report.failure)
        for remark in report.remarks:
            say("forewarn.source.remark", report.source, remark)
    if failures := [f"{report.source}: {report.failure}" for report in reports if report.failure]:
        raise FlowFailed(f"ingest failed for {len(failures)} of {len(reports)}: {'; '.join(failures)}", reports)
    return reports


if __name__ == "__main__":
    ingest()
