"""A replay tells what living through the days told, and is scored against known events."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from sqlalchemy import Engine

from flows.backtest import backtest_sources
from flows.detect import detect_source
from flows.ingest import ingest_source
from flows.installation import Installation
from flows.replay import CHUNK_DAYS, judged_days, replay
from forewarn.alert import Alert, Kind
from forewarn.contracts import SourceHealth
from forewarn.errors import ConfigError
from simulator.city import MAIN_LINE, TENANT_LINE
from simulator.open311 import open311_app, serve
from store.alerts import read_alerts
from store.detections import read_alarms
from store.engine import open_store, snapshot
from tests.flows.cities import LAST_DAY, ServedCity, morning, served, small_city
from tests.flows.counted import LAST_DAY as COUNTED_LAST
from tests.flows.counted import SOURCE, counted, ordinary
from tests.flows.towns import installed

N_DAYS = 30
RECHECKED = 2
TOLD = ("opened", "worsened", "reopened", "released", "resolved")
FIRST = LAST_DAY - timedelta(days=N_DAYS)


@pytest.fixture(scope="module")
def city() -> Iterator[ServedCity]:
    with served(small_city()) as found:
        yield found


class Lived(NamedTuple):
    """An installation that read and judged each day on the morning after it, with late reports coming in."""

    installation: Installation
    told: Sequence[tuple[Alert, str]]


@pytest.fixture(scope="module")
def lived(city: ServedCity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    folder = tmp_path_factory.mktemp("lived")
    engine: Engine = open_store(f"sqlite:///{folder / 'forewarn.db'}")
    installation = installed(engine, city.settings(folder, MAIN_LINE))
    changes = []
    for ago in range(N_DAYS, -1, -1):
        city.clock.now = morning(LAST_DAY - timedelta(days=ago))
        ingest_source(installation, MAIN_LINE, city.clock.now)
        changes += detect_source(installation, MAIN_LINE, city.clock.now).changes
    yield Lived(installation, [(change.alert, change.event.what) for change in changes])
    engine.dispose()


def story(events: Iterable[tuple[Alert, str]]) -> list[tuple[object, ...]]:
    """What people were told, and when; the hour aside, as a replay takes the first one of the day."""
    return sorted((alert.fingerprint, alert.changed_at.date(), what) for alert, what in events if what in TOLD)


def issue(alert: Alert) -> tuple[object, ...]:
    days = (alert.first_day, alert.last_day, alert.peak_day)
    return alert.fingerprint, alert.kind, str(alert.labels), alert.state, alert.severity, alert.title, days


def test_a_replay_gives_the_alerts_that_living_through_the_days_gave(lived: Lived) -> None:
    installation = lived.installation
    decisions = list(replay(installation, MAIN_LINE, FIRST - timedelta(days=RECHECKED), LAST_DAY))
    changes = [change for decision in decisions for change in decision.changes]
    with snapshot(installation.engine) as conn:
        alerts = read_alerts(conn, source=MAIN_LINE)
        alarms = read_alarms(conn, MAIN_LINE, FIRST, LAST_DAY)
    assert len(alerts) > 1
    assert sorted(map(issue, alerts)) == sorted(map(issue, {c.alert.fingerprint: c.alert for c in changes}.values()))
    assert story(lived.told) == story((change.alert, change.event.what) for change in changes)
    last_word = {decision.day: decision.alarms for decision in decisions}
    assert {(a.day, str(a.labels), a.observed) for a in alarms} == {
        (a.day, str(a.labels), a.observed) for day, found in last_word.items() if day >= FIRST for a in found
    }


@pytest.mark.parametrize("later", ["nothing", "many more", "silence"])
def test_a_replay_never_looks_ahead(tmp_path: Path, later: str) -> None:
    cut, n_days = 60, 500
    counts = ordinary(np.geomspace(3, 40, 12)[:, None], 12, n_days, seed=5)
    counts[3, -cut - 20] += 60
    changed = counts.copy()
    if later == "many more":
        changed[:, -cut:] = 5 * counts[:, -cut:] + 9
    elif later == "silence":
        changed[4:, -cut:] = 0
    told = []
    for name, numbers in (("as it was", counts), ("otherwise", changed)):
        (tmp_path / name).mkdir()
        engine = open_store(f"sqlite:///{tmp_path / name / 'forewarn.db'}")
        installation = counted(engine, tmp_path, numbers, false_alarms_per_week=3.0)
        last = COUNTED_LAST - timedelta(days=cut)
        decisions = replay(installation, SOURCE, COUNTED_LAST - timedelta(days=150), COUNTED_LAST)
        past = [decision for decision in decisions if decision.day <= last]
        told.append([(d.day, d.alarms, [issue(change.alert) for change in d.changes]) for d in past])
        engine.dispose()
    assert sum(len(alarms) for _, alarms, _ in told[0]) >= 3
    assert told[0] == told[1]


def test_a_backtest_finds_known_events(lived: Lived, city: ServedCity, tmp_path: Path) -> None:
    burst = next(trouble for trouble in city.city.troubles if trouble.kind == "spike")
    events = tmp_path / "events.csv"
    events.write_text(
        "event_id,dataset,kind,first_day,last_day,category,public_obvious_date\n"
        f"burst,{MAIN_LINE},incident,{burst.first_day},{burst.last_day},{burst.categories[0]},{burst.peak_day}\n"
        f"elsewhere,{TENANT_LINE},incident,{burst.first_day},{burst.last_day},,\n"
        f"long ago,{MAIN_LINE},incident,2001-01-01,2001-01-02,,\n",
        encoding="utf-8",
    )
    first = burst.first_day - timedelta(days=7)
    (report,) = backtest_sources(lived.installation, first=first, last=LAST_DAY, events_file=events).sources
    (event,) = report.events
    assert event.event_id == "burst"
    assert event.alerted_on is not None
    assert event.days_after in range(4)
    assert "burst" in [scored.event for scored in report.alerts]
    assert "1 of 1 known incidents found" in report.summary()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("event_id,dataset,kind,first_day\n", "lacks the column 'last_day'"),
        (
            "event_id,dataset,kind,first_day,last_day\nx,y,batch,soon,2026-01-01\n",
            "line 2: first_day 'soon' is not a date",
        ),
    ],
)
def test_an_events_file_that_is_wrong_says_where(lived: Lived, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "events.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        backtest_sources(lived.installation, events_file=file)


def test_there_is_nothing_to_replay_before_the_first_pull(engine: Engine, city: ServedCity, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no data yet; `forewarn run` reads it"):
        backtest_sources(installed(engine, city.settings(tmp_path, TENANT_LINE)))


def test_a_source_that_falls_silent_is_told_and_resolved_when_it_speaks_again(
    city: ServedCity, engine: Engine, tmp_path: Path
) -> None:
    silence = next(trouble for trouble in city.city.troubles if trouble.kind == "silence")
    tenants = city.city.sources[TENANT_LINE]
    silent_days = 6
    repaired = morning(silence.first_day + timedelta(days=silent_days))
    frozen = open311_app(tenants.population, city.clock, freeze_at=tenants.freeze_at)
    well = open311_app(tenants.population, city.clock)
    reports = []
    with serve(lambda *request: (well if city.clock.now >= repaired else frozen)(*request)) as address:
        served_here = replace(city, addresses={TENANT_LINE: address})
        installation = installed(engine, served_here.settings(tmp_path, TENANT_LINE))
        for offset in range(-1, silent_days + 1):
            city.clock.now = morning(silence.first_day + timedelta(days=offset))
            reports.append(ingest_source(installation, TENANT_LINE, city.clock.now))
    changes = [change for report in reports for change in report.changes]
    assert reports[0].health is SourceHealth.OK
    assert [change.event.what for change in changes if change.event.what in TOLD][:1] == ["opened"]
    assert changes[0].alert.kind is Kind.SOURCE
    assert changes[0].alert.title.startswith("No requests from Tenant line since")
    assert (reports[-1].health, changes[-1].event.what) == (SourceHealth.OK, "resolved")


def test_however_long_a_replay_is_its_first_days_learn_from_as_long_a_past(engine: Engine, tmp_path: Path) -> None:
    installation = counted(engine, tmp_path, ordinary(12, 3, 500), history_days=200)
    detection = installation.settings.detection
    for judged in judged_days(installation, SOURCE, COUNTED_LAST - timedelta(days=249), COUNTED_LAST, detection):
        learnt_from = (np.datetime64(judged.day, "D") - judged.detections[0].panel.dates[0]).astype(int)
        assert 200 - CHUNK_DAYS - detection.recheck_days <= learnt_from < 200
