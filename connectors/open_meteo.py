"""Reads daily weather from Open-Meteo (https://open-meteo.com): what its models make of the place.

Days up to 92 ago come from the forecast service, earlier ones from the archive, which ends some days ago. The free
service is for non-commercial use; others have a key and addresses of their own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field, SecretStr

from connectors.days import civil_day
from connectors.documents import parse_json
from connectors.headers import fault_of
from connectors.http import Client, HttpSource
from connectors.weather import checked, day_of, number
from forewarn.errors import SourceChanged
from forewarn.weather import WeatherDay

MOST_PAST_DAYS = 92
FORECAST_DAYS = 2
"""Today and tomorrow: what is said of today before it is over is judged by."""
TRIES = 2  # it is asked again with the next run; nobody waits for the weather


@dataclass(frozen=True, kw_only=True)
class OpenMeteo(HttpSource):
    """The weather at one point.

    Args:
        latitude, longitude: Degrees.
        url: Of the forecast service.
        archive_url: Of the archive.
        api_key: Of a commercial account.
    """

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    url: str = "https://api.open-meteo.com/v1/forecast"
    archive_url: str = "https://archive-api.open-meteo.com/v1/archive"
    api_key: SecretStr = SecretStr("")
    units: ClassVar[Mapping[str, str]] = {
        "temperature_2m_max": "°C",
        "temperature_2m_min": "°C",
        "precipitation_sum": "mm",
        "snowfall_sum": "cm",
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if problem := fault_of(self.archive_url):
            raise ValueError(f"archive_url {problem}")

    @property
    def place(self) -> str:
        return f"open-meteo {self.latitude:.4f} {self.longitude:.4f}"

    def read(self, first: date, now: datetime) -> list[WeatherDay]:
        """As `WeatherReader`."""
        today = civil_day(now, self.tz)
        past_days = min(max((today - first).days, 0), MOST_PAST_DAYS)
        recent = today - timedelta(days=past_days)
        with self.client(secrets=(self.api_key.get_secret_value(),)) as client:
            days = []
            if first < recent:
                span = {"start_date": first.isoformat(), "end_date": (recent - timedelta(days=1)).isoformat()}
                days += list(self._ask(client, self.archive_url, span, today))
            recently = {"past_days": past_days, "forecast_days": FORECAST_DAYS}
            days += list(self._ask(client, self.url, recently, today))
        return checked(self.source, days)

    def _ask(self, client: Client, url: str, span: Mapping[str, str | int], today: date) -> Iterator[WeatherDay]:
        params: dict[str, str | int] = {
            "latitude": f"{self.latitude:.4f}",
            "longitude": f"{self.longitude:.4f}",
            "daily": ",".join(self.units),
            "timezone": self.zone,
            **span,
        }
        if key := self.api_key.get_secret_value():
            params["apikey"] = key
        document = client.get(url, params, _parse_answer, tries=TRIES).document
        daily, units = document["daily"], document.get("daily_units", {})
        for name, unit in self.units.items():
            if units.get(name, unit) != unit:
                raise SourceChanged(self.source, f"the weather's {name} is in {units[name]!r} and not in {unit}")
        for at, time in enumerate(daily["time"]):
            day = day_of(time, self.source)
            high, low, precipitation, snow = (number(daily[name][at]) for name in self.units)
            yield WeatherDay(day, high, low, precipitation, snow, forecast=day >= today)


def _parse_answer(body: bytes) -> dict[str, Any]:
    """One point's answer, whole."""
    found = parse_json(body)
    daily = found.get("daily") if isinstance(found, dict) else None
    if not isinstance(daily, dict) or not all(isinstance(daily.get(name), list) for name in ("time", *OpenMeteo.units)):
        raise ValueError("no daily weather")
    if len({len(daily[name]) for name in ("time", *OpenMeteo.units)}) > 1:
        raise ValueError("its columns differ in length")
    return dict(found)
