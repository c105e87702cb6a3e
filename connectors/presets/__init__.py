"""Sources that are set up by their name: public data sets, and templates for systems of one's own.

Each file beside this one is a piece of `forewarn.toml` that can be used as it is; each in `templates/` is one in which
addresses and columns have to be put in.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from forewarn.errors import ConfigError
from forewarn.likeness import meant

FOLDER = Path(__file__).parent
OPTIONAL = {
    "first_day": "= 2024-01-01  # where reading and judging begin",
    "public_delay_days": "= 1  # days until the source has published a day completely",
    "contact": '= "you@example.org"  # sent along, so that the server\'s administrator can reach you',
}
"""Keys that most sources should have a look at; written as comments where a piece does not name them."""
_NOT_ON_THE_WEB = ("files", "sql", "webhook")


@dataclass(frozen=True, slots=True)
class Preset:
    """What can be told of one without setting it up; `place` is '' for templates, else like `US NY`."""

    name: str
    title: str
    kind: str
    place: str


def presets() -> list[Preset]:
    """The public data sets, by their places and names."""
    return sorted(map(_told, FOLDER.glob("*.toml")), key=lambda preset: (preset.place, preset.name))


def templates() -> list[Preset]:
    """The templates, by name."""
    return sorted(map(_told, FOLDER.glob("templates/*.toml")), key=lambda template: template.name)


def preset(name: str, source: str) -> str:
    """The settings of the data set or template `name`, for a source called `source`.

    Raises:
        ConfigError: There is none, or `source` cannot be the name of a table.
    """
    files = {file.stem: file for file in FOLDER.glob("**/*.toml")}
    if name not in files:
        raise ConfigError(name, f"no such data set; `forewarn sources presets` lists all{meant(name, files)}")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", source):
        raise ConfigError("--name", f"{source!r} must be of letters, digits, '-' and '_'")
    text = _with_optional_keys(files[name].read_text(encoding="utf-8"), name)
    named = rf"(^\[sources\.|/ingest/|sources check ){re.escape(name)}(?=[\]. `])"
    return re.sub(named, rf"\g<1>{source}", text, flags=re.MULTILINE)


def _with_optional_keys(text: str, name: str) -> str:
    """The piece with a comment for each optional key that it lacks, at the end of the source's own table."""
    kind = tomllib.loads(text)["sources"][name]["kind"]
    lines = [
        f"# {key} {rest}"
        for key, rest in OPTIONAL.items()
        if not re.search(rf"^(# )?{key} =", text, flags=re.MULTILINE)
        and (key != "contact" or kind not in _NOT_ON_THE_WEB)
    ]
    own, gap, fields = text.partition("\n\n")
    return "\n".join([own.rstrip("\n"), *lines]) + (gap + fields if gap else "\n")


def _told(file: Path) -> Preset:
    ((name, keys),) = tomllib.loads(file.read_text(encoding="utf-8"))["sources"].items()
    is_public = file.parent == FOLDER
    place = f"{keys.get('country', '')} {keys.get('subdivision', '')}".strip() if is_public else ""
    return Preset(name, keys["title"], keys["kind"], place)
