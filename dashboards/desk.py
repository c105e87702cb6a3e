"""What every page works on: the store, the settings, the time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import parse_qsl

from sqlalchemy import Engine

from connectors.calendars import calendar_of
from connectors.weather import reader_for
from forewarn.calendar import Calendar
from forewarn.errors import ConfigError
from forewarn.settings import Settings, SourceSettings


@dataclass(frozen=True)
class Desk:
    """One installation, as the pages see it.

    Args:
        engine: The open store.
        settings: The settings; a source may be in the store and no longer in them.
        now: Gives the present, aware.
    """

    engine: Engine
    settings: Settings
    now: Callable[[], datetime]

    def source(self, name: str) -> SourceSettings:
        """Settings of a source; plain ones if it was taken out of the settings."""
        return self.settings.sources.get(name) or SourceSettings(kind="", public_delay_days=0)

    def calendar(self, name: str, last_day: date) -> Calendar:
        """What its settings say of a source's days; a file that cannot be read hides no page."""
        try:
            return calendar_of(self.settings, name, last_day)
        except (ConfigError, KeyError):
            return self.source(name).calendar

    def weather_place(self, name: str) -> str | None:
        """Which weather a source is judged with; None: none."""
        try:
            reader = reader_for(self.settings, name)
        except (ConfigError, KeyError):
            return None
        return None if reader is None else reader.place

    def title(self, name: str) -> str:
        """What people call a source."""
        return self.source(name).title or name

    def local(self, at: datetime, name: str) -> datetime:
        """`at` in the source's zone."""
        return at.astimezone(self.source(name).tz)

    def today(self, name: str) -> date:
        """The source's civil day."""
        return self.local(self.now(), name).date()


def query_of(search: str | None) -> dict[str, str]:
    """What an address says after its question mark."""
    return dict(parse_qsl((search or "").lstrip("?")))
