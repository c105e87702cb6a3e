"""Sources that are judged in hours besides days: a surge of the afternoon is told the same afternoon, and once."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import Engine

from dashboards.desk import Desk
from dashboards.pages import alert as alert_page
from flows.backtest import backtest_sources
from flows.detect import detect_source
from flows.ingest import ingest_source
from flows.installation import Installation
from flows.notify import drain_outbox
from flows.replay import Life, judged_days
from forewarn.alert import Alert, Kind
from store.alerts import read_alerts
from store.engine import snapshot
from tests.conftest import PROJECT
from tests.flows.towns import content, installed, settings_of, source_settings, told

BERLIN = ZoneInfo("Europe/Berlin")
USUAL = {"Rats": 130.0, "Noise": 90.0, "Light": 9.0}
RHYTHM = np.exp(1.2 * np.cos(2 * np.pi * (np.arange(24) - 14) / 24))
N_DAYS = 100


@dataclass
class Line:
    """A complaint line whose requests are dropped hour by hour; the numbers are drawn from day and hour."""

    folder: Path
    last: date
    extra: Mapping[int, int]
    """Hour of the last day → requests about rats on top."""

    def hour(self, day: date, hour: int) -> list[str]:
        rng = np.random.default_rng(100 * day.toordinal() + hour)
        counts = {name: rng.poisson(mean * RHYTHM[hour] / RHYTHM.sum()) for name, mean in USUAL.items()}
        if day == self.last:
            counts["Rats"] += self.extra.get(hour, 0)
        at = datetime(day.year, day.month, day.day, hour, tzinfo=BERLIN)
        if at.astimezone(ZoneInfo("UTC")).astimezone(BERLIN).hour != hour:
            return []  # skipped when the clock is put on
        return [
            f"{day}-{hour}-{name}-{n},{(at + timedelta(minutes=n % 60)).isoformat()},{name},North"
            for name, count in counts.items()
            for n in range(count)
        ]

    def drop(self, first: datetime, until: datetime) -> None:
        """One file with all requests of the hours from `first` to `until`, both on the clock of the place."""
        lines, at = ["id,at,category,area"], first
        while at < until:
            lines += self.hour(at.date(), at.hour)
            at += timedelta(hours=1)
        self.folder.mkdir(exist_ok=True)
        (self.folder / f"{first:%Y-%m-%dT%H}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def clock(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - on the clock of the place


def line_of(engine: Engine, tmp_path: Path, last: date, extra: Mapping[int, int]) -> tuple[Installation, Line]:
    """A line of which all days before `last` are there."""
    source = source_settings(
        tmp_path / "line", step="hour", zone=BERLIN.key, title="The line", levels=[[], ["category"]]
    )
    installation = installed(engine, settings_of(tmp_path, {"line": source}))
    line = Line(tmp_path / "line", last, extra)
    line.drop(clock(last - timedelta(days=N_DAYS), 0), clock(last, 0))
    return installation, line


def live(installation: Installation, at: datetime) -> None:
    now = at.replace(tzinfo=BERLIN)
    ingest_source(installation, "line", now)
    detect_source(installation, "line", now)
    drain_outbox(installation, now)


def alerts_of(engine: Engine) -> list[Alert]:
    with snapshot(engine) as conn:
        return read_alerts(conn)


@pytest.mark.parametrize("day", [date(2026, 5, 6), date(2026, 3, 29), date(2026, 10, 25)])
def test_a_surge_of_the_afternoon_is_told_the_same_afternoon_and_once(
    store_engine: Engine, tmp_path: Path, day: date
) -> None:
    installation, line = line_of(store_engine, tmp_path, day, {14: 70, 15: 60})
    line.drop(clock(day, 0), clock(day, 14))
    live(installation, clock(day, 14, 7))
    assert not alerts_of(store_engine), "the hours to come are not known, and so no zeros"

    line.drop(clock(day, 14), clock(day, 15))
    live(installation, clock(day, 15, 7))
    (alert,) = alerts_of(store_engine)
    assert (alert.kind, alert.labels, alert.first_day) == (Kind.SURGE, {"category": "Rats"}, day)
    assert re.search(r"between 1[34]:00 and 15:00, usually", alert.title)
    assert alert.opened_at == clock(day, 15, 7).replace(tzinfo=BERLIN)
    (message,) = told(tmp_path)
    assert "in hours like these" in message["text"]
    before = content(store_engine)
    live(installation, clock(day, 15, 7))
    assert content(store_engine) == before

    line.drop(clock(day, 15), clock(day, 18))
    live(installation, clock(day, 18, 7))
    (later,) = alerts_of(store_engine)
    assert later.fingerprint == alert.fingerprint
    assert re.search(r"between 1[34]:00 and 16:00, usually", later.title)

    line.drop(clock(day, 18), clock(day + timedelta(days=1), 0))
    for hour in (0, 6, 7):
        live(installation, clock(day + timedelta(days=1), hour, 7))
    (whole,) = alerts_of(store_engine)
    assert whole.fingerprint == alert.fingerprint
    assert f"on {day:%a} {day.day} {day:%b}, usually" in whole.title
    assert whole.evidence["history"]["last_day"] == day.isoformat()
    assert told(tmp_path) == [message]


def test_a_replay_tells_of_hours_that_the_day_hides(engine: Engine, tmp_path: Path) -> None:
    day = date(2026, 5, 6)
    installation, line = line_of(engine, tmp_path, day, {3: 16})
    line.drop(clock(day, 0), clock(day + timedelta(days=3), 0))
    ingest_source(installation, "line", clock(day + timedelta(days=3), 6).replace(tzinfo=BERLIN))
    report = backtest_sources(installation, first=day - timedelta(days=20))
    found = [scored.alert for scored in report.sources[0].alerts]
    (alert,) = [one for one in found if "hours" in one.evidence]
    assert (alert.first_day, alert.labels) == (day, {"category": "Rats"})
    assert "16 requests on Wed 6 May between 02:00 and 04:00" in alert.title
    assert len(found) <= 2
    assert report.budget.curve[-1].alerts_per_week == 0, "a rung that is strict enough tells of no hours either"


def test_the_page_shows_the_hours(engine: Engine, tmp_path: Path) -> None:
    day = date(2026, 5, 6)
    installation, line = line_of(engine, tmp_path, day, {14: 70})
    line.drop(clock(day, 0), clock(day, 15))
    live(installation, clock(day, 15, 7))
    (alert,) = alerts_of(engine)
    desk = Desk(engine, installation.settings, lambda: clock(day, 15, 20).replace(tzinfo=BERLIN))
    page = str(alert_page.layout(desk, alert.fingerprint, {})[1])
    assert "Requests an hour" in page
    assert "Wed 6 May 14:00" in page


def test_recorded_noise_is_told_in_few_hours(engine: Engine, real_data: Path) -> None:
    name = "nyc_brooklyn_noise_2023"
    text = (PROJECT / "docs" / "examples" / "brooklyn-noise" / "forewarn.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text.replace("${FOREWARN_DATA}", str(real_data)))["sources"][name]
    installation = installed(engine, {"sources": {name: {**table, "step": "hour"}}})
    ingest_source(installation, name, datetime(2023, 9, 2, tzinfo=UTC))
    life, hours = Life(installation.settings.detection), list[Alert]()
    for judged in judged_days(installation, name, date(2023, 4, 1), date(2023, 5, 31), life.detection):
        found = [change.alert for change in life.live(judged).changes if change.event.what != "resolved"]
        hours += [alert for alert in found if "hours" in alert.evidence]
    assert [alert.last_day for alert in hours] == [date(2023, 4, 6), date(2023, 5, 6)], "not Memorial Day"
    assert "on Thu 6 Apr between 15:00 and 16:00" in hours[0].title
    assert "on Sat 6 May between 20:00 and 21:00" in hours[1].title
