"""What every flow works on: the settings of one installation and its open store."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine

from alerts.channels import channel_for
from connectors import connector_for
from connectors.calendars import calendar_of
from connectors.weather import reader_for
from detectors import DETECTORS
from detectors.forecasters import FORECASTERS
from forewarn import __version__
from forewarn.errors import ConfigError
from forewarn.plugins import require
from forewarn.settings import Settings, SourceSettings
from forewarn.settings_file import DEFAULT_FILE, load
from store.engine import open_store


@dataclass(frozen=True)
class Installation:
    """One city, regulator or help desk: its settings and its store."""

    settings: Settings
    engine: Engine

    @property
    def version(self) -> str:
        """Code and settings that decide verdicts, kept beside each verdict so that it can be scored later."""
        return f"{__version__} {self.settings.detection.fingerprint}"

    def require_sources(self) -> list[str]:
        """Names of all configured sources.

        Raises:
            ConfigError: There are none, and so nothing that could ever be noticed.
        """
        if not self.settings.sources:
            raise ConfigError("sources", "no source is configured; add a table [sources.NAME], see docs/sources.md")
        return list(self.settings.sources)

    def check(self) -> None:
        """See that every part that the settings name can be used, before anything is done.

        Raises:
            ConfigError: One cannot, or no source is configured.
        """
        for name in self.require_sources():
            connector_for(name, self.source(name))
            calendar_of(self.settings, name, date.min)
            reader_for(self.settings, name)
        for detector in self.settings.detection.detectors:
            require(DETECTORS, detector, key="detection.detectors")
        for forecaster in self.settings.forecast.forecasters:
            require(FORECASTERS, forecaster, key="forecast.forecasters")
        for name, channel in self.settings.channels.items():
            channel_for(name, channel)

    def source(self, name: str) -> SourceSettings:
        """The source called `name`.

        Raises:
            ConfigError: There is none; names those that exist.
        """
        if name not in self.settings.sources:
            raise ConfigError(f"sources.{name}", "no such source", allowed=self.settings.sources, value=name)
        return self.settings.sources[name]


def open_installation(settings_file: Path | str = DEFAULT_FILE) -> Installation:
    """Read the settings and open the store, creating or upgrading it where needed.

    Raises:
        ConfigError: A setting is wrong.
        StoreError: The database cannot be opened.
    """
    settings = load(Path(settings_file))
    return Installation(settings, open_store(settings.store_url))
