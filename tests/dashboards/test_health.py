"""The page of data health tells whether the weather could be read, what changed at a source and what its rows hold."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.desk import Desk
from dashboards.pages import health
from forewarn.settings_file import parse
from forewarn.weather import WeatherDay
from store.engine import open_store, transaction
from store.retention import keep_texts_from
from store.sources import commit_state, finish_run, set_shape, start_run
from store.weather import Reading, write_reading, write_weather

NOW = datetime(2026, 2, 10, 5, tzinfo=UTC)


def words(part: Any) -> str:
    inner = getattr(part, "children", part)
    if isinstance(inner, list | tuple):
        return " ".join(map(words, inner))
    return words(inner) if hasattr(inner, "children") else str(inner or "")


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ("", "Weather: known until Mon 9 Feb 2026, read 5 minutes ago."),
        ("<b>down</b>", "could not be read 5 minutes ago, and counts are judged without: <b>down</b>"),
    ],
)
def test_the_weather_of_a_source(tmp_path: Path, problem: str, told: str) -> None:
    weather = {"kind": "open-meteo", "latitude": 50.73, "longitude": 7.1}
    settings = parse({"sources": {"bonn": {"kind": "files", "weather": weather}, "ulm": {"kind": "files"}}})
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    desk = Desk(engine, settings, lambda: NOW)
    assert words(health.layout(desk, "", {})[1]).count("Weather: not known yet.") == 1
    place = desk.weather_place("bonn")
    assert place is not None
    yesterday, at = date(2026, 2, 9), NOW - timedelta(minutes=5)
    with transaction(engine) as conn:
        write_reading(conn, place, Reading(at, yesterday, problem))
        day = WeatherDay(yesterday, 4.0, -1.0, 0.0, 0.0, forecast=False)
        write_weather(conn, place, [day], at=at, today=date(2026, 2, 10), public_delay_days=1)
    assert told in words(health.layout(desk, "", {})[1])
    engine.dispose()


@pytest.mark.parametrize(("days", "told"), [(400, "Free texts are kept for 400 days"), (0, "Free texts are not kept")])
def test_how_long_texts_are_kept(tmp_path: Path, days: int, told: str) -> None:
    settings = parse({"sources": {"bonn": {"kind": "files", "keep_text_days": days}}})
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    desk = Desk(engine, settings, lambda: NOW)
    assert f"{told}." in words(health.layout(desk, "", {})[1])
    with transaction(engine) as conn:
        keep_texts_from(conn, "bonn", date(2026, 2, 9))
    assert f"{told}; there are none of days before Mon 9 Feb 2026." in words(health.layout(desk, "", {})[1])
    engine.dispose()


def test_what_changed_at_a_source_and_what_its_rows_were_like(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    desk = Desk(engine, parse({"sources": {"bonn": {"kind": "files"}}}), lambda: NOW)
    news = {f"new f{n:02}": {"day": f"2026-02-{n + 1:02}", "words": f"a new field '<i>{n}</i>'"} for n in range(14)}
    with transaction(engine) as conn:
        commit_state(conn, "bonn", {})
        set_shape(conn, "bonn", {"fields": {}, "news": news})
        for days, rejected in ((9, 70), (2, 3), (0, 4)):
            counters = {"rows": 100, "new": 90, "rejected": rejected, "rejected.bad_date": rejected, "empty.area": 20}
            at = NOW - timedelta(days=days)
            finish_run(conn, start_run(conn, "bonn", at), at, "ok", counters, "")
    told = words(health.layout(desk, "", {})[1])
    assert "Sat 14 Feb: a new field '<i>13</i>' Fri 13 Feb" in told
    assert "and 2 more" in told
    assert "could not be used 7 – for: bad date 7 – had no area 40 20%" in told
    engine.dispose()
