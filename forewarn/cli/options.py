"""Options that several commands share."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer

from forewarn.errors import ConfigError

SettingsFile = Annotated[Path, typer.Option("--settings", "-s", help="Settings file.")]
YEARS = range(1900, 2200)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def parse_date(text: str, option: str) -> date:
    """The date written as `text`.

    Raises:
        ConfigError: It is not an ISO date; names the option.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ConfigError(option, f"{text!r} is not a date such as 2026-03-31") from None
    if day.year not in YEARS:
        raise ConfigError(option, f"{text!r} is not a date from {YEARS[0]} to {YEARS[-1]}")
    return day


def end_of(day: date) -> datetime:
    """The instant at which `day` ends, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)
