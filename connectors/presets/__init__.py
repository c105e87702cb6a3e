"""Public data sets that are set up by their name. Each file beside this one is a piece of `forewarn.toml`."""

import re
from pathlib import Path

from forewarn.errors import ConfigError

FOLDER = Path(__file__).parent


def presets() -> list[str]:
    """The names, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def preset(name: str, source: str) -> str:
    """The settings of the data set `name`, for a source called `source`.

    Raises:
        ConfigError: There is no such data set, or `source` cannot be the name of a table.
    """
    if name not in presets():
        raise ConfigError(name, "no such preset", allowed=presets(), value=name)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", source):
        raise ConfigError("--name", f"{source!r} must be of letters, digits, '-' and '_'")
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    return re.sub(rf"^\[sources\.{re.escape(name)}(?=[\].])", f"[sources.{source}", text, flags=re.MULTILINE)


def title(name: str) -> str:
    """What people call it."""
    found = re.search(r'^title = "(.*)"', (FOLDER / f"{name}.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert found is not None  # noqa: S101 - a preset without title is a bug, not input
    return found[1]
