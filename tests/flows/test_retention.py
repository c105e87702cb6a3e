"""Texts are kept for as long as the settings say, whatever is read again, and words are still found in them."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from flows import retention
from flows.ingest import ingest_source
from flows.installation import Installation
from flows.words import listener_of
from store.engine import snapshot
from store.retention import texts_from
from store.schema import daily_count, service_request
from store.sources import read_runs
from tests.flows.test_words import FIRST, PLANTED_DAY, live, town, word_alerts, write_mail
from tests.flows.towns import FIELDS, content, installed, morning_after, settings_of, source_settings

DAYS = 40
LAST = date(2026, 3, 1)


def rows(numbers: range, text: str = "rats again") -> list[str]:
    """One request a day, the newest on the last day."""
    days = [LAST - timedelta(days=number) for number in numbers]
    return ["id,at,category,area,text", *(f"{day},{day}T10:00:00,Rats,North,{text} on {day}" for day in days)]


def drop(folder: Path, name: str, lines: list[str]) -> None:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "drop"
    path.mkdir()
    drop(path, "a.csv", rows(range(DAYS)))
    return path


def installation_of(engine: Engine, folder: Path, **more: Any) -> Installation:
    source = {**source_settings(folder), "fields": {**FIELDS, "description": "text"}, **more}
    return installed(engine, settings_of(folder.parent, {"town": source}))


def days_with_text(engine: Engine) -> list[date]:
    mine = select(service_request.c.day).where(service_request.c.description != "").order_by(service_request.c.day)
    with snapshot(engine) as conn:
        return list(conn.execute(mine).scalars())


def kept(days: int, today: date) -> list[date]:
    return [today - timedelta(days=n) for n in range(days - 1, -1, -1) if today - timedelta(days=n) <= LAST]


def opened(engine: Engine) -> int:
    with snapshot(engine) as conn:
        return int(conn.execute(select(func.sum(daily_count.c.opened))).scalar_one())


def test_texts_grow_old_day_by_day_and_stay_away(engine: Engine, folder: Path) -> None:
    installation = installation_of(engine, folder, keep_text_days=10)
    for days in range(1, 5):
        now = morning_after(LAST + timedelta(days=days - 1))
        ingest_source(installation, "town", now)
        assert days_with_text(engine) == kept(10, now.date())
        assert opened(engine) == DAYS
    drop(folder, "a.csv", [*rows(range(DAYS)), *rows(range(DAYS, DAYS + 5))[1:]])  # all of it again, and older ones
    ingest_source(installation, "town", now)
    assert days_with_text(engine) == kept(10, now.date())
    with snapshot(engine) as conn:
        counters = read_runs(conn, "town", 1)[0].counters
    assert (counters["new"], counters["changed"], counters["unchanged"]) == (5, 0, DAYS)
    ingest_source(installation, "town", now, again=True)
    assert days_with_text(engine) == kept(10, now.date())


def test_texts_are_emptied_on_both_databases(
    store_engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 3)
    for days in (36_525, 10):
        ingest_source(installation_of(store_engine, folder, keep_text_days=days), "town", morning_after(LAST))
    assert days_with_text(store_engine) == kept(10, LAST + timedelta(days=1))
    assert opened(store_engine) == DAYS


def test_a_shorter_time_counts_at_once_and_a_longer_one_brings_nothing_back(engine: Engine, folder: Path) -> None:
    now = morning_after(LAST)
    for days, left in ((36_525, DAYS), (30, 29), (5, 4), (20, 4), (1, 0), (0, 0)):
        installation = installation_of(engine, folder, keep_text_days=days)
        ingest_source(installation, "town", now)
        assert len(days_with_text(engine)) == left, days
    assert opened(engine) == DAYS


def test_no_text_is_stored_where_none_may_be_kept(engine: Engine, folder: Path) -> None:
    installation = installation_of(engine, folder, keep_text_days=0)
    drop(folder, "b.csv", rows(range(-1, 0)))  # from today
    ingest_source(installation, "town", morning_after(LAST))
    assert days_with_text(engine) == []
    assert opened(engine) == DAYS + 1


def test_a_run_that_is_killed_in_between_is_made_good(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = installation_of(engine, folder, keep_text_days=36_525)
    ingest_source(installation, "town", morning_after(LAST))
    installation = installation_of(engine, folder, keep_text_days=10)
    monkeypatch.setattr(retention, "BATCH_ROWS", 4)
    emptied = retention.retention.empty_texts
    calls = []

    def dies(*args: Any) -> int:
        calls.append(args)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return emptied(*args)

    monkeypatch.setattr(retention.retention, "empty_texts", dies)
    with pytest.raises(KeyboardInterrupt):
        ingest_source(installation, "town", morning_after(LAST))
    assert len(days_with_text(engine)) == DAYS - 3 * 4
    with snapshot(engine) as conn:
        assert texts_from(conn, "town") == date(1926, 3, 3)
    ingest_source(installation, "town", morning_after(LAST))
    assert days_with_text(engine) == kept(10, LAST + timedelta(days=1))
    before = content(engine)
    ingest_source(installation, "town", morning_after(LAST))
    assert content(engine) == before


def test_words_are_found_in_what_is_kept_and_the_rest_is_no_news(tmp_path: Path) -> None:
    write_mail(tmp_path / "drop")
    for file in (tmp_path / "drop").glob("*.csv"):
        file.rename(f"{file}.later")
    labelled = {**FIELDS, "subcategory": "category", "description": "text", "latitude": "lat", "longitude": "lon"}
    installation = town(tmp_path, keep_text_days=38, fields=labelled)
    planted = FIRST + timedelta(days=PLANTED_DAY)
    live(installation, tmp_path / "drop", planted)
    with snapshot(installation.engine) as conn:
        kept_from = texts_from(conn, "town")
        heard = listener_of(conn, installation, "town", installation.settings.detection, planted, planted)
    assert kept_from == planted + timedelta(days=1 - 37)
    assert heard is not None
    assert heard.corpus.documents.day.min().item() == kept_from, "what lost its texts is not what is usual"
    (alert,) = word_alerts(installation)
    assert alert.title.startswith("“brown water” in 6 requests")
