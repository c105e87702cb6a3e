"""Prefect flows: ingest, detect, forecast, notify, backtest, and `run`, which does the chain once.

Each module holds a plain function that does the work and a flow that calls it; the functions need no Prefect
server. What Prefect reads from the environment when it is imported is settled here, before any flow is: no
telemetry, few words, and a home of its own.
"""

import os
from pathlib import Path

import forewarn  # noqa: F401 - settles the environment of NumPy first

_HOME = Path.home() / ".forewarn" / "prefect"

if "PREFECT_API_URL" not in os.environ and "PREFECT_HOME" not in os.environ:
    _HOME.mkdir(parents=True, exist_ok=True)  # Prefect makes one level only, then waits for minutes without a word
    os.environ["PREFECT_HOME"] = str(_HOME)

for _name, _value in {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",  # the first start migrates its database
    "PREFECT_LOGGING_LEVEL": "WARNING",
}.items():
    os.environ.setdefault(_name, _value)
