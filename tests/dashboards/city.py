"""A believable small city in a real store: two sources, twelve categories, a few troubles, judged day by day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from sqlalchemy import Connection, Engine

from alerts.lifecycle import acknowledge, advance, record_verdict
from alerts.messages import notifications
from alerts.rules.breach import LimitBreach
from alerts.rules.drop import Drop
from alerts.rules.source import SourceTrouble
from alerts.rules.surge import Surge
from detectors import detector_for
from detectors.forecasters import forecaster_for
from forewarn.alert import Alert, Verdict
from forewarn.contracts import Coverage, SourceHealth
from forewarn.irregularity import Cause, Irregularity
from forewarn.request import DailyCount, Reject
from forewarn.results import Breach
from forewarn.settings import Settings
from forewarn.settings_file import parse
from store import alerts as alert_store
from store.counts import read_panels, write_counts, write_coverage
from store.detections import set_judged, write_alarms, write_forecasts
from store.engine import transaction
from store.irregularities import write_irregularities
from store.sources import finish_run, set_health, set_shape, start_run, write_rejects

NOW = datetime(2026, 3, 12, 8, 40, tzinfo=UTC)  # a Thursday morning
TODAY = date(2026, 3, 12)
N_DAYS = 400
FIRST = TODAY - timedelta(days=N_DAYS)
LEVELS = ((), ("category",), ("category", "area"))
AREAS = ("Old Town", "Riverside", "Northfield", "Station Quarter")
WEEKDAYS = (1.1, 1.05, 1.0, 1.0, 0.95, 0.5, 0.4)


@dataclass(frozen=True)
class Trouble:
    """`extra` requests a day in one area, from `first` to `last` days ago."""

    category: str
    area: str
    first: int
    last: int
    extra: float


PER_DAY = {
    "Missed collection": 26.0,
    "Water leak": 7.0,
    "Noise at night": 14.0,
    "Street light out": 9.0,
    "Pothole": 12.0,
    "Rats": 5.0,
    "Graffiti": 6.0,
    "Abandoned vehicle": 4.0,
}
TROUBLES = (
    Trouble("Water leak", "Old Town", 3, 1, 34.0),
    Trouble("Rats", "Northfield", 9, 1, 9.0),
    Trouble("Street light out", "Station Quarter", 2, 1, 13.0),
    Trouble("Missed collection", "Northfield", 2, 1, 24.0),
    Trouble("Missed collection", "Riverside", 2, 1, 17.0),
    Trouble("Missed collection", "Station Quarter", 2, 1, 13.0),
    Trouble("Noise at night", "Old Town", 20, 20, 30.0),
)


def city_settings() -> Settings:
    """Settings of the city; nothing in it is reached."""
    place = {"kind": "files", "zone": "Europe/Berlin", "country": "DE"}
    return parse(
        {
            "sources": {
                "lindenau": {**place, "title": "Lindenau service requests"},
                "harbour": {**place, "title": "Harbour district app"},
            },
            "channels": {"ops": {"kind": "log", "url": "alerts.log"}},
            "detection": {"history_days": 380},
        }
    )


def seed(engine: Engine, settings: Settings, *, names: Mapping[str, str] | None = None) -> None:
    """Fills an empty store.

    Args:
        names: What to call a category or area instead, for labels that mean harm.
    """
    names = names or {}
    with transaction(engine) as conn:
        _write_counts(conn, names)
        _write_sources(conn)
        _judge(conn, settings)
        _decide(conn)
        _forecast(conn, settings)


def _write_counts(conn: Connection, names: Mapping[str, str]) -> None:
    random = np.random.default_rng(7)
    for source, share in (("lindenau", 1.0), ("harbour", 0.4)):
        rows = []
        for day in (FIRST + timedelta(days=place) for place in range(N_DAYS)):
            ago = (TODAY - day).days
            if source == "harbour" and ago <= 3:
                continue
            if source == "lindenau" and ago in (38, 39, 40, 41):
                continue
            for category, mean in PER_DAY.items():
                for weight, area in zip((0.35, 0.28, 0.22, 0.15), AREAS, strict=True):
                    season = 1 + 0.2 * np.sin(2 * np.pi * day.timetuple().tm_yday / 365)
                    expected = share * mean * weight * season * WEEKDAYS[day.weekday()]
                    if source == "lindenau":
                        expected += sum(
                            t.extra
                            for t in TROUBLES
                            if (t.category, t.area) == (category, area) and t.last <= ago <= t.first
                        )
                    if opened := int(random.poisson(expected)):
                        called = names.get(category, category), "", names.get(area, area), "", ""
                        rows.append(DailyCount(day, *called, opened, opened))
        write_counts(conn, source, rows, seen_day=TODAY, backfill=True)


def _write_sources(conn: Connection) -> None:
    whole = {FIRST + timedelta(days=place): Coverage.OBSERVED for place in range(N_DAYS)}
    gap = {TODAY - timedelta(days=ago): Coverage.MISSING for ago in (38, 39, 40, 41)}
    lindenau = {**whole, **gap, TODAY: Coverage.PARTIAL, TODAY - timedelta(days=66): Coverage.QUIET}
    silent = {TODAY - timedelta(days=ago): Coverage.MISSING for ago in (1, 2, 3)}
    harbour = {**whole, **silent, TODAY - timedelta(days=20): Coverage.PARTIAL}
    for source, days in (("lindenau", lindenau), ("harbour", harbour)):
        write_coverage(conn, source, days, seen_day=TODAY, backfill=True)
    read_at = NOW - timedelta(minutes=12)
    yesterday = TODAY - timedelta(days=1)
    silence = "Requests were due and none came for three days."
    set_health(conn, "lindenau", SourceHealth.OK, "", NOW - timedelta(days=37), yesterday)
    set_health(conn, "lindenau", SourceHealth.OK, "", read_at, yesterday)
    set_health(conn, "harbour", SourceHealth.SILENT, silence, NOW - timedelta(hours=30), TODAY - timedelta(days=4))
    set_health(conn, "harbour", SourceHealth.SILENT, silence, read_at, TODAY - timedelta(days=4))
    for hours in (4, 3, 2, 1, 0):
        began = read_at - timedelta(hours=hours)
        run = start_run(conn, "lindenau", began)
        counters = {"fetched": 81 + hours, "rows": 81 + hours, "new": 61 + hours, "changed": 9, "empty.area": 4}
        counters |= {"rejected": 3, "rejected.bad_date": 1, "rejected.no_category": 2} if hours == 2 else {}
        finish_run(conn, run, began + timedelta(seconds=14), "ok", counters, "")
        if hours == 2:
            rejects = [
                Reject("bad_date", "requested_datetime: '31.02.2026'", "page 3, row 12"),
                Reject("no_category", "service_code: ''", "page 3, row 40"),
                Reject("far_away", "lat: 0.0, long: 0.0", "page 4, row 2"),
            ]
            write_rejects(conn, "lindenau", run, rejects)
    news = {"new priority": {"day": str(yesterday), "words": "a new field 'priority' (text)"}}
    set_shape(conn, "lindenau", {"fields": {}, "news": news})
    run = start_run(conn, "harbour", read_at)
    finish_run(conn, run, read_at + timedelta(seconds=4), "silent", {"new": 0}, silence)


def _judge(conn: Connection, settings: Settings) -> None:
    """The last three weeks, day by day, as a service would have done it."""
    calendar = settings.sources["lindenau"].calendar
    last_day = TODAY - timedelta(days=1)
    panels = read_panels(conn, "lindenau", LEVELS, last_day=last_day, history_days=380, as_of=TODAY, calendar=calendar)
    alpha = 1 / 7 / sum(len(panel.labels) for panel in panels)
    detections = [detector_for("scan", alpha).detect(panel, 24) for panel in panels]
    alerts: dict[str, Alert] = {}
    for ago in range(24, 0, -1):
        day = TODAY - timedelta(days=ago)
        at = datetime(day.year, day.month, day.day, 5, 10, tzinfo=UTC) + timedelta(days=1)
        findings = [found for rule in (Surge(), Drop()) for found in rule.evaluate(detections, day)]
        changes = advance(list(alerts.values()), findings, day, at)
        alerts |= {change.alert.fingerprint: change.alert for change in changes}
        write_alarms(conn, "lindenau", day, [a for found in findings for a in found.alarms], "test")
        alert_store.write_changes(conn, changes)
        before = alert_store.told_of(conn, {change.alert.fingerprint for change in changes})
        told = notifications(changes, settings.channels, before, now=at, dashboard_url="http://127.0.0.1")
        alert_store.enqueue(conn, told)
        for message in told if ago > 2 else told[1:]:
            alert_store.mark_delivered(conn, message.idempotency_key, at)
        for message in told[:1] if ago == 2 else []:
            alert_store.mark_failed(conn, message.idempotency_key, at, "the mail server refused the sender", None)
    list_of = Irregularity(Cause.BATCH, last_day, {"category": "Graffiti"}, 23, 0.3, 2, {"agency": "Office 26"})
    write_irregularities(conn, "lindenau", [list_of])
    set_judged(conn, "lindenau", last_day)
    since = (NOW - timedelta(hours=30)).astimezone(settings.sources["harbour"].tz)
    trouble = SourceTrouble().evaluate(
        "harbour",
        SourceHealth.SILENT,
        "Requests were due and none came for three days.",
        since=since,
        now=NOW,
        newest_day=TODAY - timedelta(days=4),
        usual=33.0,
    )
    alert_store.write_changes(conn, advance([], trouble, TODAY, NOW - timedelta(hours=17)))


def _decide(conn: Connection) -> None:
    """People have looked at two of them."""
    found = alert_store.read_alerts(conn, source="lindenau")
    for alert in found:
        category = alert.labels.get("category")
        if category == "Rats":
            taken = acknowledge(alert, "Mira Holm", NOW - timedelta(hours=2), "Pest control is informed.")
            alert_store.write_changes(conn, [taken])
        if category == "Noise at night":
            at = NOW - timedelta(days=18)
            alert_store.write_changes(conn, [record_verdict(alert, Verdict.EXPECTED, "Jo Brandt", at, "Carnival.")])


def _forecast(conn: Connection, settings: Settings) -> None:
    source = settings.sources["lindenau"]
    panels = read_panels(
        conn,
        "lindenau",
        LEVELS[:2],
        last_day=TODAY - timedelta(days=1),
        history_days=380,
        as_of=TODAY,
        calendar=source.calendar,
    )
    for panel in panels:
        forecast = forecaster_for("seasonal-naive").forecast(panel, 28)
        write_forecasts(conn, "lindenau", TODAY - timedelta(days=1), forecast, "test")
    yesterday = TODAY - timedelta(days=1)
    breach = Breach(
        source="lindenau",
        labels={"category": "Pothole"},
        limit=110.0,
        window_days=7,
        day=np.datetime64(TODAY + timedelta(days=9), "D"),
        probability=0.72,
        expected=114.0,
        low=98.0,
        high=131.0,
        forecaster="seasonal-naive",
    )
    found = LimitBreach().evaluate([breach], yesterday)
    alert_store.write_changes(conn, advance([], found, yesterday, NOW - timedelta(hours=4)))
