"""The weather of a town is read beside its requests, stored as it was said, and judged with."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from alerts.wording import explanation
from connectors.http import HttpSource
from flows.detect import detect_source
from flows.ingest import ingest_source
from flows.installation import Installation
from flows.reading import read_ordinary
from flows.weather import EVERY, refresh_weather
from forewarn.alert import Kind
from forewarn.weather import Weather
from simulator.open311 import serve
from store.alerts import read_alerts
from store.engine import snapshot
from tests.flows.towns import FIRST_DAY, Town, installed, morning_after, settings_of, source_settings
from tests.servers.faults import Faulty, status
from tests.servers.weather import Climate, SmallOpenMeteo

LAST = FIRST_DAY + timedelta(days=79)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SmallOpenMeteo, Faulty, str]]:
    monkeypatch.setattr(HttpSource, "sleep", staticmethod(lambda _: None))
    meteo = SmallOpenMeteo(Climate(LAST + timedelta(days=1), wet={LAST: 25.0}))
    faulty = Faulty(meteo)
    with ExitStack() as stack:
        yield meteo, faulty, stack.enter_context(serve(faulty))


def watched(engine: Engine, folder: Path, address: str) -> Installation:
    Town(folder / "town").drop(FIRST_DAY, LAST)
    where = {"latitude": 50.73, "longitude": 7.1, "allow_http": True, "allow_private_hosts": True}
    urls = {"url": f"{address}/v1/forecast", "archive_url": f"{address}/v1/archive"}
    source = source_settings(folder / "town", weather={"kind": "open-meteo", **where, **urls})
    installation = installed(engine, settings_of(folder, {"town": source}))
    ingest_source(installation, "town", morning_after(LAST))
    return installation


def weather_as_of(installation: Installation, last: date, as_of: date) -> Weather:
    with snapshot(installation.engine) as conn:
        reading = read_ordinary(conn, installation, "town", installation.settings.detection, last, as_of)
    found = [panel.weather for panel in reading.panels]
    assert found[0] is not None
    assert all(weather is found[0] for weather in found)
    return found[0]


def test_weather_is_read_now_and_then(
    engine: Engine, tmp_path: Path, service: tuple[SmallOpenMeteo, Faulty, str]
) -> None:
    meteo, faulty, address = service
    installation = watched(engine, tmp_path, address)
    now = morning_after(LAST)
    assert refresh_weather(installation, "town", now) == ""
    assert "past_days=80" in faulty.asked[-1], "the days of the requests"
    n_asked = len(faulty.asked)
    assert refresh_weather(installation, "town", now + EVERY / 2) == ""
    assert len(faulty.asked) == n_asked
    meteo.climate.today += timedelta(days=1)
    assert refresh_weather(installation, "town", now + timedelta(days=1)) == ""
    assert "past_days=16" in faulty.asked[-1]

    known = weather_as_of(installation, LAST, LAST + timedelta(days=1))
    assert known.precipitation[-1] == 25.0
    assert np.isfinite(known.high[-80:]).all()
    assert np.isnan(known.high[:-80]).all()
    before = weather_as_of(installation, LAST, LAST)
    assert np.isnan(before.high[-1]), "its weather was public on the morning after"
    forecast = weather_as_of(installation, LAST + timedelta(days=1), LAST + timedelta(days=1))
    observed = weather_as_of(installation, LAST + timedelta(days=1), LAST + timedelta(days=2))
    assert forecast.high[-1] == pytest.approx(observed.high[-1] + meteo.error)


def test_a_service_that_fails_is_told_and_stops_nothing(
    engine: Engine, tmp_path: Path, service: tuple[SmallOpenMeteo, Faulty, str]
) -> None:
    _, faulty, address = service
    installation = watched(engine, tmp_path, address)
    faulty.queue.extend([status("503 Service Unavailable")] * 2)
    now = morning_after(LAST)
    assert "503" in refresh_weather(installation, "town", now)
    assert detect_source(installation, "town", now).days > 0
    assert np.isnan(weather_as_of(installation, LAST, LAST + timedelta(days=1)).high).all()
    assert refresh_weather(installation, "town", now + EVERY) == ""
    assert np.isfinite(weather_as_of(installation, LAST, LAST + timedelta(days=1)).high[-80:]).all()
    assert detect_source(installation, "town", now + EVERY).days > 0


def test_a_source_without_weather_asks_nobody(engine: Engine, tmp_path: Path) -> None:
    Town(tmp_path / "town").drop(FIRST_DAY, LAST)
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(tmp_path / "town")}))
    ingest_source(installation, "town", morning_after(LAST))
    assert refresh_weather(installation, "town", morning_after(LAST)) == ""
    with snapshot(engine) as conn:
        reading = read_ordinary(
            conn, installation, "town", installation.settings.detection, LAST, LAST + timedelta(days=1)
        )
    assert all(panel.weather is None for panel in reading.panels)


def test_what_is_planned_reaches_the_alert(engine: Engine, tmp_path: Path) -> None:
    """A fair on the last day: the surge on it is told, and that it was known."""
    town = Town(tmp_path / "town")
    town.drop(FIRST_DAY, LAST - timedelta(days=1))
    town.drop(LAST, LAST, {("Rats", "North"): 8.0})
    (tmp_path / "own.csv").write_text(f"first_day,name\n{LAST},Fair\n", encoding="utf-8")
    source = source_settings(tmp_path / "town", events=[{"path": str(tmp_path / "own.csv")}])
    installation = installed(engine, settings_of(tmp_path, {"town": source}))
    ingest_source(installation, "town", morning_after(LAST))
    detect_source(installation, "town", morning_after(LAST))
    with snapshot(engine) as conn:
        found = [alert for alert in read_alerts(conn, source="town") if alert.kind is Kind.SURGE]
    assert found
    assert all(alert.evidence["planned"] == [{"kind": "event", "name": "Fair"}] for alert in found)
    assert any("an event (Fair)" in line for line in explanation(found[0]))
