"""A batch is not told as an incident and does not become usual; what everybody reports is, by a run and a replay."""

from datetime import date, timedelta

import numpy as np
from sqlalchemy import Engine

from flows.backtest import backtest_source
from flows.detect import detect_source
from flows.ingest import ingest_source
from flows.installation import Installation
from flows.reading import read_ordinary
from forewarn.alert import Alert, Kind
from store.alerts import read_alerts
from store.counts import read_panels
from store.engine import snapshot
from store.irregularities import read_irregularities
from tests.flows.towns import FIELDS, FIRST_DAY, Town, installed, morning_after, settings_of, source_settings

LAST = FIRST_DAY + timedelta(days=119)
OFFICES = 9


def run(engine: Engine, town: Town, more: list[str]) -> Installation:
    """A town of nine offices, in which the last day has `more` rows; read and judged."""
    rng = np.random.default_rng(8)
    rows = ["id,at,category,area,office"]
    for n in range(120):
        day = FIRST_DAY + timedelta(days=n)
        for office in range(OFFICES):
            for category in ("Rats", "Noise", "Snow"):
                mean = 0.02 if category == "Snow" else 1.0
                rows += [
                    f"{day}-{office}-{category}-{k},{day}T10:00:00,{category},Ward {office},Office {office}"
                    for k in range(rng.poisson(mean))
                ]
    town.write("all.csv", [*rows, *more])
    fields = {**FIELDS, "agency": "office"}
    sources = {"town": source_settings(town.folder, fields=fields)}
    installation = installed(engine, settings_of(town.folder.parent, sources))
    now = morning_after(LAST)
    ingest_source(installation, "town", now)
    detect_source(installation, "town", now)
    return installation


def reports(count: int, category: str, office: int) -> list[str]:
    return [f"new-{office}-{k},{LAST}T11:00:00,{category},Ward {office},Office {office}" for k in range(count)]


def told(installation: Installation) -> list[Alert]:
    with snapshot(installation.engine) as conn:
        return read_alerts(conn, source="town")


def test_one_offices_list_is_a_notice_and_not_in_the_baseline(engine: Engine, town: Town) -> None:
    installation = run(engine, town, reports(40, "Noise", 3))
    (alert,) = told(installation)
    assert (alert.kind, alert.labels) == (Kind.DATA, {"agency": "Office 3"})
    with snapshot(installation.engine) as conn:
        shown = read_irregularities(conn, "town")
    assert (shown[0].day, shown[0].who, shown[0].count >= 40) == (LAST, {"agency": "Office 3"}, True)
    settings = installation.source("town")
    as_of = LAST + timedelta(1)
    with snapshot(installation.engine) as conn:
        reading = read_ordinary(conn, installation, "town", installation.settings.detection, LAST, as_of)
        raw = read_panels(conn, "town", settings.levels, last_day=LAST, history_days=10, as_of=as_of)
    levels = zip(raw, reading.panels, strict=True)
    gone = [whole.counts[:, -1].sum() - judged.counts[:, -1].sum() for whole, judged in levels]
    assert set(gone) == {gone[0]}
    assert gone[0] >= 40
    replayed = backtest_source(installation, "town", (date(2026, 4, 1), LAST), installation.settings.detection)
    assert [scored.alert.kind for scored in replayed.alerts if scored.alert.last_day == LAST] == []
    assert [notice.title for notice in replayed.notices] == [alert.title]


def test_what_one_district_reports_most_is_an_incident_if_the_others_report_it_too(engine: Engine, town: Town) -> None:
    others = [row for office in (4, 5, 6, 7, 8) for row in reports(2, "Snow", office)]
    alerts = told(run(engine, town, [*reports(30, "Snow", 3), *others]))
    assert Kind.DATA not in {alert.kind for alert in alerts}
    assert any(alert.kind is Kind.SURGE and alert.evidence["head"].get("category") == "Snow" for alert in alerts)
