"""The daily weather of a place, from services and files."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import pytest

from connectors.weather import READERS, WeatherReader, reader_for
from forewarn.errors import ConfigError, SourceChanged, SourceUnavailable
from forewarn.settings_file import parse
from forewarn.weather import WeatherDay
from tests.servers.faults import Faulty, cut, empty, status, web_page
from tests.servers.weather import Climate, SmallNcei, SmallOpenMeteo

Serving = Callable[[WSGIApplication], str]

NOW = datetime(2026, 2, 10, 5, tzinfo=UTC)
TODAY = date(2026, 2, 10)
STORM = date(2026, 1, 20)
CLIMATE = Climate(TODAY, wet={STORM: 30.0})


def reader(kind: str, folder: Path = Path(), **options: Any) -> WeatherReader:
    source = {"kind": "files", "zone": "Europe/Berlin", "weather": {"kind": kind, **options}}
    found = reader_for(parse({"sources": {"bonn": source}}, folder=folder), "bonn")
    assert found is not None
    return found


def open_meteo(serving: Serving, app: WSGIApplication) -> WeatherReader:
    address = serving(app)
    loopback = {"allow_http": True, "allow_private_hosts": True}
    place = {"latitude": 50.73, "longitude": 7.1}
    return reader("open-meteo", url=f"{address}/v1/forecast", archive_url=f"{address}/v1/archive", **place, **loopback)


def ncei(serving: Serving, app: WSGIApplication, **options: Any) -> WeatherReader:
    address = f"{serving(app)}/access/services/data/v1"
    return reader("ncei", url=address, station="USW00094728", allow_http=True, allow_private_hosts=True, **options)


def test_every_reader_is_there() -> None:
    for kind in READERS:
        with pytest.raises(ConfigError, match=r"sources\.bonn\.weather"):
            reader(kind, nonsense=1)
    with pytest.raises(ConfigError, match="Allowed: file, ncei, open-meteo"):
        reader("open-meto")
    assert reader_for(parse({"sources": {"bonn": {"kind": "files"}}}), "bonn") is None


def test_open_meteo_joins_archive_and_forecast(serving: Serving) -> None:
    faulty = Faulty(SmallOpenMeteo(CLIMATE))
    first = TODAY - timedelta(days=400)
    days = open_meteo(serving, faulty).read(first, NOW)
    assert [day.day for day in days] == [first + timedelta(days=n) for n in range(402)]
    assert [day.day for day in days if day.forecast] == [TODAY, TODAY + timedelta(days=1)]
    (storm,) = [day for day in days if day.day == STORM]
    high = CLIMATE.high(STORM)
    assert storm == WeatherDay(STORM, high, pytest.approx(high - 8), 30.0, CLIMATE.snow_cm(STORM), forecast=False)
    archive, forecast = faulty.asked
    assert "end_date=2025-11-09" in archive
    assert "past_days=92" in forecast
    assert "timezone=Europe%2FBerlin" in forecast


def test_open_meteo_asks_for_no_more_than_it_needs(serving: Serving) -> None:
    faulty = Faulty(SmallOpenMeteo(CLIMATE))
    days = open_meteo(serving, faulty).read(TODAY - timedelta(days=14), NOW)
    assert len(days) == 16
    assert len(faulty.asked) == 1


def test_the_end_of_the_archive_is_not_known_yet(serving: Serving) -> None:
    days = open_meteo(serving, SmallOpenMeteo(CLIMATE, archive_lag_days=100)).read(TODAY - timedelta(days=120), NOW)
    assert len(days) == 122
    unknown = [(TODAY - day.day).days for day in days if math.isnan(day.high)]
    assert unknown == [99, 98, 97, 96, 95, 94, 93]


@pytest.mark.parametrize("fault", [web_page, empty, cut, status("503 Service Unavailable")])
def test_an_answer_that_is_none_is_no_weather(serving: Serving, fault: Any) -> None:
    faulty = Faulty(SmallOpenMeteo(CLIMATE))
    faulty.queue.append(fault)
    assert len(open_meteo(serving, faulty).read(TODAY, NOW)) == 2, "asked once more"
    faulty.queue.extend([fault] * 2)
    with pytest.raises(SourceUnavailable):
        open_meteo(serving, faulty).read(TODAY, NOW)


def test_open_meteo_says_what_is_wrong(serving: Serving) -> None:
    with pytest.raises(SourceUnavailable, match="429"):
        open_meteo(serving, SmallOpenMeteo(CLIMATE, limited=True)).read(TODAY, NOW)
    with pytest.raises(SourceChanged, match=r"temperature_2m_max is in '°F' and not in °C"):
        open_meteo(serving, SmallOpenMeteo(CLIMATE, unit="°F")).read(TODAY, NOW)


def test_ncei(serving: Serving) -> None:
    first = TODAY - timedelta(days=400)
    days = ncei(serving, SmallNcei(CLIMATE)).read(first, NOW)
    assert days[0].day == first
    assert days[-1].day == TODAY - timedelta(days=3)
    assert not any(day.forecast for day in days)
    (storm,) = [day for day in days if day.day == STORM]
    assert (storm.precipitation, storm.snow) == (30.0, CLIMATE.snow_cm(STORM))
    assert math.isnan(days[-1].snow), "not measured is not none"
    assert ncei(serving, SmallNcei(CLIMATE, station="USW00000001")).read(first, NOW) == []


def test_tenths_and_another_station_are_noticed(serving: Serving) -> None:
    with pytest.raises(SourceChanged, match="not in Celsius"):
        ncei(serving, SmallNcei(CLIMATE, ignores_units=True)).read(date(2025, 7, 1), NOW)
    with pytest.raises(ConfigError, match=r"weather\.station"):
        reader("ncei", station="KNYC")


def test_a_file_of_several_stations(tmp_path: Path) -> None:
    lines = ["day,TMAX,TMIN,PRCP", "2026-02-01,5,-1,0", "2026-02-01,7,1,2", "2026-02-02,,,-3", "2026-02-10,4,9,1"]
    (tmp_path / "weather.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    fields = {"date": "day", "high": "TMAX", "low": "TMIN", "precipitation": "PRCP"}
    days = reader("file", tmp_path, path="weather.csv", fields=fields).read(date(2026, 1, 1), NOW)
    assert [day.day.day for day in days] == [1, 2, 10]
    assert days[0][1:4] == (6, 0, 1)
    assert all(math.isnan(value) for value in days[1][1:5]), "nothing, and less than nothing"
    assert math.isnan(days[2].high), "colder than its coldest"
    assert [day.forecast for day in days] == [False, False, True]
    assert [day.day.day for day in reader("file", tmp_path, path="weather.csv", fields=fields).read(TODAY, NOW)] == [10]


def test_a_file_in_american_units(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("date,high,low,precipitation,snow\n2026-02-01,32,14,1,4\n", encoding="utf-8")
    (day,) = reader("file", tmp_path, path="w.csv", units="us").read(date(2026, 1, 1), NOW)
    assert day[1:5] == pytest.approx((0, -10, 25.4, 10.16))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("day,high\n2026-02-01,3\n", r"no column 'date', but day, high"),
        ("date,high\n1.2.2026,3\n", r"1\.2\.2026.*is no day"),
        ("date,high\n2026-02-01,77\n2026-02-02,81\n", "not in Celsius"),
        ("", "the file is empty"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "w.csv").write_text(text, encoding="utf-8")
    with pytest.raises(SourceChanged, match=message):
        reader("file", tmp_path, path="w.csv").read(date(2026, 1, 1), NOW)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceChanged, match="No such file"):
        reader("file", tmp_path, path="none.csv").read(TODAY, NOW)
    with pytest.raises(ConfigError, match="allowed: date, high, low, precipitation, snow"):
        reader("file", tmp_path, path="w.csv", fields={"hihg": "x"})
