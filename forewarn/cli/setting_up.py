"""Commands for the first minutes: demo and init."""

from pathlib import Path
from typing import Annotated

import typer

from forewarn.errors import ConfigError
from forewarn.printing import out
from forewarn.settings_file import DEFAULT_FILE

TEMPLATE = Path(__file__).parents[1] / "template.toml"


def demo(
    seed: Annotated[int, typer.Option(help="Another seed makes another city with other troubles.")] = 1,
    port: Annotated[int, typer.Option(help="Port of the dashboard; 0 takes a free one.")] = 8050,
    days: Annotated[int, typer.Option(min=14, max=80, help="Days that are replayed up to today.")] = 52,
    keep_open: Annotated[bool, typer.Option("--keep-open/--exit", help="Keep the dashboard open.")] = True,
) -> None:
    """A simulated city behind a real Open311 endpoint: pull it, replay it to today, show alerts and dashboard."""
    from forewarn.demo import play

    play(seed=seed, port=port, days=days, keep_open=keep_open, console=out)


def init(path: Annotated[Path, typer.Argument(help="File to write.")] = DEFAULT_FILE) -> None:
    """Write a commented settings file."""
    if path.exists():
        raise ConfigError(str(path), "is there already; it was left as it is")
    try:
        path.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise ConfigError(str(path), f"cannot be written: {error.strerror}") from None
    out.print(f"Wrote {path}. Name your source in it, then: forewarn sources check")
