"""Reads daily weather that a station measured from NOAA's National Centers for Environmental Information.

    /access/services/data/v1?dataset=daily-summaries&stations=USW00094728&…&units=metric

Numbers are texts, what was not measured is left out, and without `units` they would be tenths. A station's day comes
some days late.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

from connectors.days import civil_day
from connectors.documents import parse_json
from connectors.http import HttpSource
from connectors.weather import checked, day_of, number
from forewarn.errors import SourceChanged
from forewarn.weather import WeatherDay

MM_PER_CM = 10.0
TRIES = 2  # it is asked again with the next run; nobody waits for the weather


@dataclass(frozen=True, kw_only=True)
class Ncei(HttpSource):
    """The weather at one station.

    Args:
        station: Its identifier in the Global Historical Climatology Network, such as `USW00094728`.
        url: Of the access data service.
    """

    station: Annotated[str, Field(pattern=r"^[A-Z0-9_-]{11}$")]
    url: str = "https://www.ncei.noaa.gov/access/services/data/v1"

    @property
    def place(self) -> str:
        return f"ncei {self.station}"

    def read(self, first: date, now: datetime) -> list[WeatherDay]:
        """As `WeatherReader`; a day without any number is left out."""
        params = {
            "dataset": "daily-summaries",
            "stations": self.station,
            "startDate": first.isoformat(),
            "endDate": civil_day(now, self.tz).isoformat(),
            "dataTypes": "TMAX,TMIN,PRCP,SNOW",
            "format": "json",
            "units": "metric",
        }
        with self.client() as client:
            rows = client.get(self.url, params, _parse_rows, tries=TRIES).document
        return checked(self.source, (self._day(row) for row in rows))

    def _day(self, row: dict[str, Any]) -> WeatherDay:
        if (station := str(row.get("STATION", self.station)).strip()) != self.station:
            raise SourceChanged(self.source, f"the weather is that of {station!r} and not of {self.station!r}")
        high, low, precipitation, snow = (number(row.get(name)) for name in ("TMAX", "TMIN", "PRCP", "SNOW"))
        return WeatherDay(day_of(row["DATE"], self.source), high, low, precipitation, snow / MM_PER_CM, forecast=False)


def _parse_rows(body: bytes) -> list[dict[str, Any]]:
    rows = parse_json(body)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "DATE" in row for row in rows):
        raise ValueError("not a list of days")
    return rows
