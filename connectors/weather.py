"""Where the weather of a place comes from: one module per kind of reader, all behind `WeatherReader`."""

import math
from collections.abc import Iterable
from datetime import date, datetime
from typing import Protocol, cast

from connectors.scrub import quote
from forewarn import plugins
from forewarn.errors import SourceChanged
from forewarn.settings import Settings, WeatherSettings
from forewarn.weather import WeatherDay

READERS = {
    "file": "connectors.weather_file:WeatherFile",
    "ncei": "connectors.ncei:Ncei",
    "open-meteo": "connectors.open_meteo:OpenMeteo",
}

HOTTEST, COLDEST = 60.0, -95.0
WETTEST_MM, SNOWIEST_CM = 2000.0, 250.0
"""On one day, above the records of the Earth."""


class WeatherReader(Protocol):
    """Reads the daily weather of one place."""

    @property
    def place(self) -> str:
        """Which weather it is; sources that name the same share it."""

    def read(self, first: date, now: datetime) -> list[WeatherDay]:
        """The days from `first` on that are known at `now`, each once.

        Raises:
            SourceUnavailable: Try again later.
            SourceChanged: A person must look.
        """


def reader_for(settings: Settings, name: str) -> WeatherReader | None:
    """The reader of the weather of the source `name`; None: it is not watched.

    Raises:
        ConfigError: Its kind or one of its settings is wrong.
    """
    source = settings.sources[name]
    if source.weather is None:
        return None
    key = f"sources.{name}.weather"
    cls = plugins.load(READERS, source.weather.kind, key=f"{key}.kind")
    own = {"source": name, "zone": source.zone, "folder": settings.folder}
    given = {field: value for field, value in own.items() if field in plugins.public_fields(cls)}
    return cast(
        WeatherReader,
        plugins.build(cls, source.weather.options, key=key, given=given, beside=WeatherSettings.model_fields),
    )


def checked(source: str, days: Iterable[WeatherDay]) -> list[WeatherDay]:
    """The days, each once and in order, without numbers that cannot be.

    Raises:
        SourceChanged: So many cannot be that the units must be others.
    """
    found = {day.day: day for day in days}
    good = [_possible(found[day]) for day in sorted(found)]
    hot = [day for day in found.values() if day.high > HOTTEST or day.low < COLDEST]
    if len(hot) > 1:
        problem = f"the weather has {hot[0].high:g} and {hot[0].low:g} degrees on {hot[0].day}: not in Celsius?"
        raise SourceChanged(source, problem)
    return good


def number(value: object) -> float:
    """A number as servers and files write it; NaN where there is none."""
    if value is None or isinstance(value, bool):
        return math.nan
    try:
        return float(str(value).strip() or "nan")
    except ValueError:
        return math.nan


def day_of(value: object, source: str) -> date:
    """A civil day as servers and files write it.

    Raises:
        SourceChanged: It is none.
    """
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        raise SourceChanged(source, f"the weather has a row of {quote(value)}, which is no day") from None


def _possible(day: WeatherDay) -> WeatherDay:
    high, low = (value if COLDEST <= value <= HOTTEST else math.nan for value in (day.high, day.low))
    if low > high:
        high = low = math.nan
    return day._replace(
        high=high,
        low=low,
        precipitation=day.precipitation if 0 <= day.precipitation <= WETTEST_MM else math.nan,
        snow=day.snow if 0 <= day.snow <= SNOWIEST_CM else math.nan,
    )
