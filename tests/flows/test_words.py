"""From a file with descriptions to an alert about words, its page and its messages, and the same in a replay."""

import csv
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from dashboards.desk import Desk
from dashboards.pages.alert import layout
from flows.allowance import Allowance
from flows.backtest import backtest_sources
from flows.budget import Ladder
from flows.detect import detect_source
from flows.ingest import ingest_source
from flows.installation import Installation
from flows.replay import judged_days, replay
from forewarn.alert import Alert, Kind
from store.alerts import read_alerts
from store.engine import open_store, snapshot
from tests.detectors.letters import letters
from tests.detectors.test_words import PLANTED
from tests.flows.towns import FIELDS, installed, morning_after, settings_of, source_settings, told

FIRST = date(2025, 1, 1)
PLANTED_DAY = 100
N_DAYS = 102
EXTRA = {PLANTED_DAY: PLANTED, PLANTED_DAY + 1: PLANTED}


def write_mail(folder: Path) -> None:
    """One file a day."""
    mail = letters(21, n_days=N_DAYS, languages=["en"], a_day=15, extra=EXTRA)
    folder.mkdir()
    for day in sorted(set(mail.day.tolist())):
        with (folder / f"{day}.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "at", "category", "area", "text", "lat", "lon"])
            for number in (n for n, one in enumerate(mail.day.tolist()) if one == day):
                place = (
                    mail.category[number],
                    mail.area[number],
                    mail.text[number],
                    mail.lat[number],
                    mail.lon[number],
                )
                rows.writerow([number, f"{day}T10:00:00", *place])


def town(tmp_path: Path, **more: object) -> Installation:
    fields = {**FIELDS, "description": "text", "latitude": "lat", "longitude": "lon"}
    source = {**source_settings(tmp_path / "drop"), "fields": fields, **more}
    engine: Engine = open_store(f"sqlite:///{tmp_path / 'forewarn.db'}")
    return installed(engine, settings_of(tmp_path, {"town": source}))


def live(installation: Installation, folder: Path, day: date) -> None:
    """The morning after `day`, when its file has come."""
    for file in folder.glob("*.later"):
        if file.stem <= f"{day}.csv":
            file.rename(file.with_suffix(""))
    ingest_source(installation, "town", morning_after(day))
    detect_source(installation, "town", morning_after(day))


def word_alerts(installation: Installation) -> list[Alert]:
    with snapshot(installation.engine) as conn:
        return [alert for alert in read_alerts(conn) if alert.kind is Kind.WORDS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_mail(tmp_path / "drop")
    for file in (tmp_path / "drop").glob("*.csv"):
        if file.stem >= str(FIRST + timedelta(days=PLANTED_DAY)):
            file.rename(f"{file}.later")
    return tmp_path / "drop"


def test_a_phrase_is_told_on_the_morning_after_once_and_in_a_replay_alike(tmp_path: Path, folder: Path) -> None:
    installation = town(tmp_path)
    planted = FIRST + timedelta(days=PLANTED_DAY)
    live(installation, folder, planted - timedelta(days=1))
    assert word_alerts(installation) == []
    live(installation, folder, planted)
    (alert,) = word_alerts(installation)
    assert alert.title.startswith("“brown water” in 6 requests on Fri 11 Apr, usually 0")
    live(installation, folder, planted)
    assert word_alerts(installation) == [alert]
    live(installation, folder, planted + timedelta(days=1))
    (alert,) = word_alerts(installation)
    assert alert.evidence["observed"] == 12
    detect_source(installation, "town", morning_after(alert.last_day) + timedelta(hours=5))
    assert word_alerts(installation) == [alert]
    assert sum("brown water" in message["subject"] for message in told(tmp_path)) <= 1
    changes = [c for d in replay(installation, "town", planted - timedelta(days=5), alert.last_day) for c in d.changes]
    replayed = {change.alert.fingerprint: change.alert for change in changes if change.alert.kind is Kind.WORDS}
    assert [one.evidence for one in replayed.values()] == [alert.evidence]
    assert list(replayed) == [alert.fingerprint]


def test_words_count_in_a_back_test_and_move_with_its_threshold(tmp_path: Path, folder: Path) -> None:
    installation = town(tmp_path)
    planted = FIRST + timedelta(days=PLANTED_DAY)
    live(installation, folder, planted)
    events = tmp_path / "events.csv"
    events.write_text(f"event_id,dataset,kind,first_day,last_day\nwater,town,incident,{planted},{planted}\n")
    report = backtest_sources(installation, first=planted - timedelta(days=5), events_file=events)
    (source,) = report.sources
    (words,) = (scored for scored in source.alerts if scored.alert.kind is Kind.WORDS)
    assert (words.event, words.alert.fingerprint) == ("water", word_alerts(installation)[0].fingerprint)
    assert source.scores.probability_of_detection == 1


def test_words_move_with_the_threshold_of_a_back_test(tmp_path: Path, folder: Path) -> None:
    installation = town(tmp_path)
    planted = FIRST + timedelta(days=PLANTED_DAY)
    live(installation, folder, planted)
    detection, chance = installation.settings.detection, 1e-4
    ladder = Ladder(detection)
    for judged in judged_days(installation, "town", planted, planted, detection):
        assert judged.spoken is not None
        stories = [replace(story, adjusted=chance) for story in judged.spoken.stories]
        ladder.live(judged._replace(spoken=judged.spoken._replace(stories=stories)))
    heard = [any(alert.kind is Kind.WORDS for alert in rung.told.values()) for rung in ladder.rungs]
    assert heard == [Allowance(rung.false_alarms_per_week, 1).alpha_of_words >= chance for rung in ladder.rungs]
    assert set(heard) == {True, False}


def test_the_page_shows_the_words_and_their_days(tmp_path: Path, folder: Path) -> None:
    installation = town(tmp_path)
    live(installation, folder, FIRST + timedelta(days=PLANTED_DAY + 1))
    (alert,) = word_alerts(installation)
    now = morning_after(alert.last_day)
    title, page = layout(Desk(installation.engine, installation.settings, lambda: now), alert.fingerprint, {})
    assert "brown water" in title
    text = str(page)
    for piece in ("Requests a day with these words", "Words heard more often", "What is more frequent", "tap"):
        assert piece in text


def test_words_are_not_looked_for_where_no_language_is_set(tmp_path: Path, folder: Path) -> None:
    installation = town(tmp_path, languages=[])
    live(installation, folder, FIRST + timedelta(days=PLANTED_DAY))
    assert word_alerts(installation) == []
