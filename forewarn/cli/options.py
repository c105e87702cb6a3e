"""Options that several commands share."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer

from forewarn.errors import ConfigError

SettingsFile = Annotated[Path, typer.Option("--settings", "-s", help="Settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def parse_date(text: str, option: str) -> date:
    """The date written as `text`.

    Raises:
        ConfigError: It is not an ISO date; names the option.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(option, f"{text!r} is not a date such as 2026-03-31") from None


def end_of(day: date) -> datetime:
    """The instant at which `day` ends, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)
