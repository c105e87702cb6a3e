"""The tables of `forewarn.toml`: what an installation can set, and what is assumed where it does not."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from forewarn.calendar import Calendar, EventKind
from forewarn.likeness import meant
from forewarn.panel import LABELS, Level
from forewarn.steps import DAYS, DAYS_A_WEEK, WEEKDAYS, Steps


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(_Table):
    """Where data is kept."""

    url: SecretStr = SecretStr("sqlite:///forewarn.db")  # a relative SQLite path starts at the settings file


class GeographySettings(_Table):
    """Where a source's areas lie, so that clusters of neighbouring areas can be found."""

    kind: Literal["centroids", "adjacency", "boundaries", "requests", "points"]
    path: str = ""  # of the file that says it; a relative one starts at the settings file's folder
    name_property: str = "name"  # boundaries: the property that holds an area's name

    @model_validator(mode="after")
    def _file_where_one_is_needed(self) -> "GeographySettings":
        from_file = self.kind in ("centroids", "adjacency", "boundaries")
        if from_file and not self.path:
            raise ValueError(f"kind = {self.kind!r} needs path: the file that says where the areas lie")
        if self.path and not from_file:
            raise ValueError(f"kind = {self.kind!r} takes the places of the requests and no path")
        return self


class EventsSettings(_Table):
    """A file of what is planned in the place of a source."""

    path: str  # iCalendar or CSV; a relative one starts at the settings file's folder
    kind: EventKind = EventKind.EVENT  # of its rows that name none


class WeatherSettings(BaseModel):
    """Where the weather of a source's place comes from. Keys not listed here belong to the reader of its `kind`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str
    public_delay_days: int = Field(1, ge=0, le=31)  # until a day's weather is public, for days before reading began

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Without the reader's keys, which may hold a key of an account."""
        return ((name, value) for name, value in super().__repr_args__() if name in type(self).model_fields)

    @property
    def options(self) -> Mapping[str, Any]:
        """The reader's own keys."""
        return self.model_extra or {}


class SourceSettings(BaseModel):
    """One source. Keys not listed here belong to the connector of its `kind`; see docs/sources.md."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str
    title: str = ""
    zone: str = "UTC"
    country: str | None = None
    subdivision: str | None = None
    levels: Annotated[tuple[Level, ...], Field(min_length=1)] = ((), ("category",), ("category", "area"))
    step: Literal["day", "week", "hour"] = "day"  # that is judged; hour: besides days
    week_begins: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    first_day: date | None = None  # 2020-01-01; older rows are kept but neither judged nor learned from
    languages: tuple[Literal["en", "de", "es", "fr"], ...] = (
        "en",
        "de",
        "es",
        "fr",
    )  # of its texts; (): words are not watched
    public_delay_days: int = Field(0, ge=0, le=365)  # days until the source has published a day completely
    reconcile_every_days: int = Field(default=7, ge=0, le=365)  # between two comparisons with the source; 0: never
    reconcile_days: int = Field(default=90, ge=1, le=3660)  # that are compared
    retention_days: int | None = Field(default=None, ge=1)  # that the source itself keeps
    keep_text_days: int = Field(default=400, ge=0, le=36_525)  # that we keep free texts: a year and what words need
    geography: GeographySettings | None = None
    events: tuple[EventsSettings, ...] = ()
    weather: WeatherSettings | None = None

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            hint = meant(zone, available_timezones())
            raise ValueError(f"{zone!r} is not an IANA time zone such as 'America/New_York'{hint}")
        return zone

    @field_validator("levels")
    @classmethod
    def _known_labels(cls, levels: tuple[Level, ...]) -> tuple[Level, ...]:
        for level in levels:
            if wrong := [label for label in level if label not in LABELS]:
                raise ValueError(f"{wrong[0]!r} is not a label; allowed: {', '.join(LABELS)}")
            if len(set(level)) < len(level):
                raise ValueError("a level names each label once")
        return levels

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Without the connector's keys, which may hold a token."""
        return ((name, value) for name, value in super().__repr_args__() if name in type(self).model_fields)

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def steps(self) -> Steps:
        """What is judged: days, or weeks."""
        return Steps(DAYS_A_WEEK, WEEKDAYS.index(self.week_begins)) if self.step == "week" else DAYS

    @property
    def counted_steps(self) -> Steps:
        """What its ready volumes count, and a day otherwise: single requests are known day by day."""
        return self.steps if self.options.get("rows") == "counts" else DAYS

    @property
    def calendar(self) -> Calendar:
        """The public holidays of its place, without what its events files say."""
        return Calendar(self.country, self.subdivision)

    @property
    def options(self) -> Mapping[str, Any]:
        """The connector's own keys."""
        return self.model_extra or {}


class DetectionSettings(_Table):
    """Which methods judge, and how often they may be wrong."""

    detectors: tuple[str, ...] = Field(("scan",), min_length=1)
    false_alarms_per_week: float = Field(1.0, gt=0, le=1000)  # chance alarms to be expected over all series
    alerts_per_week: float | None = Field(None, gt=0, le=10000)  # at most so many, as the last back-test found
    min_requests: int = Field(5, ge=1)  # fewer requests on a day never raise an alert
    min_weekly_mean: float = Field(0.0, ge=0)  # quieter series are not watched one by one
    history_days: int = Field(1100, ge=56)
    recheck_days: int = Field(3, ge=1, le=60)  # judged again on each run, as late reports come in

    @property
    def fingerprint(self) -> str:
        """Short hash of these settings: verdicts with the same one can be compared."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]


class LimitSettings(_Table):
    """A volume that can be handled; a forecast that crosses it raises an alert."""

    source: str
    category: str = ""
    area: str = ""
    max_requests: float = Field(gt=0, allow_inf_nan=False)
    window_days: int = Field(7, ge=1, le=92)
    horizon_days: int = Field(28, ge=1, le=92)
    probability: float = Field(0.5, gt=0, lt=1)

    @property
    def labels(self) -> dict[str, str]:
        return {name: value for name in ("category", "area") if (value := getattr(self, name))}


class ForecastSettings(_Table):
    """Which models may serve a series; the back-test on its own history picks one."""

    forecasters: tuple[str, ...] = Field(("seasonal-naive", "ets", "prophet"), min_length=1)
    horizon_days: int = Field(28, ge=1, le=92)


class ChannelSettings(_Table):
    """Where notifications go, and which."""

    kind: Literal["apprise", "log"] = "apprise"
    url: SecretStr = SecretStr("")  # an apprise address such as mailto://… , or the path of the log
    min_severity: Literal["notice", "warning", "critical"] = "notice"
    sources: tuple[str, ...] = ()  # empty: all
    categories: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()


class DashboardSettings(_Table):
    """Where the dashboard listens, and the address under which people reach it."""

    host: str = "127.0.0.1"
    port: int = Field(8050, ge=0, le=65535)
    public_url: str = ""  # for links in messages; empty: http://host:port

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if url and not re.fullmatch(r"https?://\S+", url):
            raise ValueError("is not a web address such as https://forewarn.example.org")
        return url


class Settings(BaseSettings):
    """All settings. Use `forewarn.settings_file.load`, which reads the file and explains mistakes."""

    model_config = SettingsConfigDict(
        env_prefix="FOREWARN_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    folder: Path = Field(Path(), exclude=True)
    store: StoreSettings = StoreSettings()
    sources: dict[str, SourceSettings] = {}
    detection: DetectionSettings = DetectionSettings()  # type: ignore[call-arg]
    forecast: ForecastSettings = ForecastSettings()  # type: ignore[call-arg]
    limits: tuple[LimitSettings, ...] = ()
    channels: dict[str, ChannelSettings] = {}
    dashboard: DashboardSettings = DashboardSettings()  # type: ignore[call-arg]

    @property
    def store_url(self) -> str:
        """SQLAlchemy address of the store, a relative SQLite path taken from the settings file's folder."""
        url = self.store.url.get_secret_value()
        path = url.removeprefix("sqlite:///")
        if path != url and path and not path.startswith(("/", ":memory:", "file:")):
            return f"sqlite:///{(self.folder / path).resolve()}"
        return url

    @property
    def dashboard_url(self) -> str:
        return self.dashboard.public_url or f"http://{self.dashboard.host}:{self.dashboard.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is given
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which `load` passes as arguments."""
        return env_settings, init_settings
