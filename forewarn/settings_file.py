"""Settings of one installation: `forewarn.toml`, and the environment over it. Nothing else reads either.

    [sources.stuttgart]
    kind = "files"
    path = "${DATA}/stuttgart"        # ${NAME} is taken from the environment: the way to pass secrets
    zone = "Europe/Berlin"

An environment variable such as `FOREWARN_STORE__URL` sets `store.url` and wins over the file.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from forewarn.errors import ConfigError
from forewarn.plugins import explained
from forewarn.settings import (
    ChannelSettings,
    DashboardSettings,
    DetectionSettings,
    EventsSettings,
    ForecastSettings,
    GeographySettings,
    LimitSettings,
    Settings,
    SourceSettings,
    StoreSettings,
)

DEFAULT_FILE = Path("forewarn.toml")
LONGEST_NAME = 100  # characters of the name of a source


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
