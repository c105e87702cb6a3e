"""Small weather services: Open-Meteo's forecast and archive, and NOAA's daily summaries, over one made-up climate."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

DAILY = {
    "temperature_2m_max": "°C",
    "temperature_2m_min": "°C",
    "precipitation_sum": "mm",
    "snowfall_sum": "cm",
}


@dataclass
class Climate:
    """The weather of each day, the same whoever asks; `today` can be moved."""

    today: date
    wet: dict[date, float] = field(default_factory=dict)

    def high(self, day: date) -> float:
        return round(10 - 12 * math.cos(2 * math.pi * day.timetuple().tm_yday / 365.25), 1)

    def rain(self, day: date) -> float:
        return self.wet.get(day, 0.0)

    def snow_cm(self, day: date) -> float:
        return self.rain(day) if self.high(day) < 1 else 0.0


@dataclass
class SmallOpenMeteo:
    """`/v1/forecast` and `/v1/archive`.

    Args:
        error: Forecasts of the coming days are off by so many degrees.
        unit: Of temperatures; the real service gives `°F` where it is asked to.
        limited: Answers that the calls of the day are used up.
        archive_lag_days: The archive ends so many days ago, and is null behind.
    """

    climate: Climate
    error: float = 2.0
    unit: str = "°C"
    limited: bool = False
    archive_lag_days: int = 5

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = dict(parse_qsl(environ["QUERY_STRING"]))
        if self.limited:
            reason = "Daily API request limit exceeded. Please try again tomorrow."
            return _send(start_response, "429 Too Many Requests", {"error": True, "reason": reason})
        if unknown := set(asked["daily"].split(",")) - set(DAILY):
            reason = f"Cannot initialize ForecastVariableDaily from invalid String value {unknown.pop()}"
            return _send(start_response, "400 Bad Request", {"error": True, "reason": reason})
        today = self.climate.today
        if environ["PATH_INFO"].endswith("/archive"):
            first, last = date.fromisoformat(asked["start_date"]), date.fromisoformat(asked["end_date"])
            known_until = today - timedelta(days=self.archive_lag_days)
        else:
            if not 0 <= int(asked["past_days"]) <= 92:
                reason = "Past days is invalid. Allowed range 0 to 92."
                return _send(start_response, "400 Bad Request", {"error": True, "reason": reason})
            first = today - timedelta(days=int(asked["past_days"]))
            last = known_until = today + timedelta(days=int(asked["forecast_days"]) - 1)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        daily: dict[str, Any] = {"time": [day.isoformat() for day in days]}
        for name in asked["daily"].split(","):
            daily[name] = [None if day > known_until else self._value(name, day) for day in days]
        answer = {
            "latitude": round(float(asked["latitude"]) * 8) / 8,
            "longitude": round(float(asked["longitude"]) * 8) / 8,
            "utc_offset_seconds": 3600,
            "timezone": asked["timezone"],
            "daily_units": {"time": "iso8601", **DAILY, "temperature_2m_max": self.unit},
            "daily": daily,
        }
        return _send(start_response, "200 OK", answer)

    def _value(self, name: str, day: date) -> float:
        climate = self.climate
        off = self.error if day >= climate.today else 0.0
        return {
            "temperature_2m_max": climate.high(day) + off,
            "temperature_2m_min": climate.high(day) - 8 + off,
            "precipitation_sum": climate.rain(day),
            "snowfall_sum": climate.snow_cm(day),
        }[name]


@dataclass
class SmallNcei:
    """`/access/services/data/v1` for one station, whose days come `lag_days` late.

    Args:
        ignores_units: Gives tenths whatever is asked for.
    """

    climate: Climate
    station: str = "USW00094728"
    lag_days: int = 3
    ignores_units: bool = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = dict(parse_qsl(environ["QUERY_STRING"]))
        if "dataset" not in asked:
            fault = {"errorMessage": "Invalid parameters", "errors": [{"field": "dataset", "message": "missing"}]}
            return _send(start_response, "400 Bad Request", fault)
        tenths = 10 if self.ignores_units or asked.get("units") != "metric" else 1
        last = min(date.fromisoformat(asked["endDate"]), self.climate.today - timedelta(days=self.lag_days))
        first = date.fromisoformat(asked["startDate"])
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        rows = [self._row(day, tenths) for day in days] if asked["stations"] == self.station else []
        return _send(start_response, "200 OK", rows)

    def _row(self, day: date, tenths: int) -> dict[str, str]:
        climate = self.climate
        numbers = {"TMAX": climate.high(day), "TMIN": climate.high(day) - 8, "PRCP": climate.rain(day)}
        if climate.snow_cm(day):  # what was not measured is left out
            numbers["SNOW"] = climate.snow_cm(day) * 10
        cells = {name: f"{value * tenths:>8.1f}" for name, value in numbers.items()}
        return {"DATE": day.isoformat(), "STATION": self.station, **cells}


def _send(start_response: StartResponse, status: str, document: Any) -> list[bytes]:
    body = json.dumps(document).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
