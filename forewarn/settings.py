"""Settings of one installation: `forewarn.toml`, and the environment over it. Nothing else reads either.

    [sources.stuttgart]
    kind = "files"
    path = "${DATA}/stuttgart"        # ${NAME} is taken from the environment: the way to pass secrets
    zone = "Europe/Berlin"

An environment variable such as `FOREWARN_STORE__URL` sets `store.url` and wins over the file.
"""

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from forewarn.calendar import Calendar, EventKind
from forewarn.errors import ConfigError
from forewarn.likeness import meant
from forewarn.panel import LABELS, Level
from forewarn.plugins import explained
from forewarn.steps import DAYS, DAYS_A_WEEK, WEEKDAYS, Steps

DEFAULT_FILE = Path("forewarn.toml")
LONGEST_NAME = 100  # characters of the name of a source


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
    """All settings. Use `load`, which reads the file and explains mistakes."""

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


def load(path: Path = DEFAULT_FILE) -> Settings:
    """Settings from the file at `path` and the environment.

    Raises:
        ConfigError: The file is missing or is not TOML, or a key or value is wrong; names the nearest right one.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a mark in front
    except FileNotFoundError:
        raise ConfigError(str(path), "no such settings file; `forewarn init` writes one") from None
    except OSError as error:
        raise ConfigError(str(path), f"the settings file cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"not valid TOML: {error}") from None
    return parse(table, folder=path.parent)


def parse(table: Mapping[str, Any], *, folder: Path = Path()) -> Settings:
    """Settings from a parsed TOML table; see `load`."""
    if "folder" in table:
        raise ConfigError("folder", "no such setting", allowed=_allowed_keys(()))
    try:
        settings = Settings(**_beside(_expand(dict(table), ""), folder), folder=folder)
    except ValidationError as error:
        raise _explain(error) from None
    _check_names(settings)
    return settings


def _beside(table: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The settings with relative paths of drop folders and logs starting at `folder`, as all others do."""
    for tables, kind, key in (("sources", "files", "path"), ("channels", "log", "url")):
        named: Any = table.get(tables)
        for name, one in named.items() if isinstance(named, dict) else ():
            if isinstance(one, dict) and one.get("kind") == kind and isinstance(one.get(key), str) and one[key]:
                named[name] = {**one, key: str(folder / one[key])}
    return table


def _check_names(settings: Settings) -> None:
    """What one table says of another must be there: a limit on a source that is none would never be heard of."""
    for name, source in settings.sources.items():
        if not name.isprintable() or not 1 <= len(name) <= LONGEST_NAME:
            raise ConfigError(
                "sources", f"a source needs a name that can be printed, of at most {LONGEST_NAME} characters"
            )
        source.calendar.check(f"sources.{name}")
        if source.step == "hour" and source.options.get("rows") == "counts":
            raise ConfigError(f"sources.{name}.step", "ready counts have no hours; only single requests do")
    for number, limit in enumerate(settings.limits):
        if limit.source not in settings.sources:
            raise ConfigError(f"limits.{number}.source", "no such source", allowed=settings.sources, value=limit.source)
        source = settings.sources[limit.source]
        if source.step == "week":
            raise ConfigError(
                f"limits.{number}.source", f"{limit.source} is judged in weeks, and forecasts are of days"
            )
        if set(limit.labels) not in map(set, source.levels):
            raise ConfigError(
                f"limits.{number}",
                f"{limit.source} is not watched by {' and '.join(limit.labels) or 'its whole'}; "
                f"add {json.dumps(list(limit.labels))} to sources.{limit.source}.levels",
            )
    for name, channel in settings.channels.items():
        for source_name in channel.sources:
            if source_name not in settings.sources:
                raise ConfigError(
                    f"channels.{name}.sources", "no such source", allowed=settings.sources, value=source_name
                )


def _expand(value: Any, key: str) -> Any:
    """`value` with every ${NAME} in its strings replaced from the environment."""
    if isinstance(value, dict):
        return {name: _expand(item, f"{key}.{name}".lstrip(".")) for name, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, key) for item in value]
    if not isinstance(value, str):
        return value

    def lookup(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ConfigError(key, f"the environment variable {name} is not set; export it where forewarn runs")
        return os.environ[name]

    return re.sub(r"\$\{(\w+)\}", lookup, value)


def _explain(error: ValidationError) -> ConfigError:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return ConfigError(
            where, "no such setting", allowed=_allowed_keys(first["loc"][:-1]), value=str(first["loc"][-1])
        )
    return explained(error)


def _allowed_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys of the table at `location`, such as `("channels", "ops")`."""
    inner: dict[int | str, type[BaseModel]] = {"geography": GeographySettings, "events": EventsSettings}
    if location[2:3] and location[2] in inner:
        return list(inner[location[2]].model_fields)
    tables: dict[str, type[BaseModel]] = {
        "store": StoreSettings,
        "sources": SourceSettings,
        "detection": DetectionSettings,
        "forecast": ForecastSettings,
        "limits": LimitSettings,
        "channels": ChannelSettings,
        "dashboard": DashboardSettings,
    }
    model = tables[str(location[0])] if location else Settings
    return [name for name in model.model_fields if name != "folder"]
