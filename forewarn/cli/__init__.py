"""The command line. Exit codes: 0 done, 1 something failed and was reported, 2 wrong use or wrong settings."""

import logging
import os
import sys

import typer
from rich.text import Text

from forewarn.cli import alerts, running, setting_up, sources
from forewarn.errors import ConfigError, ForewarnError
from forewarn.printing import err

os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")  # failures are told in our own words

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Early warning for service requests and complaints.",
)
for command in (setting_up.demo, setting_up.init, running.run, running.backtest, running.serve):
    app.command()(command)
app.add_typer(alerts.app, name="alerts")
app.add_typer(sources.app, name="sources")


def main() -> None:
    """Run the command line; what forewarn can explain is told in one line, without a traceback."""
    if not sys.warnoptions:
        # Libraries' warnings are for programmers. Filters do not keep them away: pandas changes them for all threads.
        logging.captureWarnings(True)
        logging.getLogger("py.warnings").propagate = False
        logging.getLogger("py.warnings").addHandler(logging.NullHandler())
    try:
        app()
    except ConfigError as error:
        err.print(Text(str(error), style="red"))
        sys.exit(2)
    except ForewarnError as error:
        err.print(Text(str(error), style="red"))
        sys.exit(1)
