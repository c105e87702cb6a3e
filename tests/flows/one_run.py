"""What `forewarn run` does, without Prefect: a process of its own that can be killed at any instant."""

from datetime import datetime
from pathlib import Path

from flows.detect import detect_source
from flows.forecast import forecast_source
from flows.ingest import ingest_source
from flows.installation import open_installation
from flows.notify import drain_outbox

PRELOADED = ("tests.flows.one_run", "alerts.channels.apprise", "connectors.open311", "detectors.scan")
"""Imported once by the process that all runs are forked from, so that a kill meets work and not imports."""


def one_run(settings_file: Path, now: datetime) -> None:
    """Every step for every source, in the order of the flows."""
    installation = open_installation(settings_file)
    names = installation.settings.sources
    for name in names:
        ingest_source(installation, name, now)
    for name in names:
        detect_source(installation, name, now)
    for name in names:
        forecast_source(installation, name, now)
    drain_outbox(installation, now)


def one_ingest(settings_file: Path, name: str, now: datetime) -> None:
    """One pull of one source."""
    ingest_source(open_installation(settings_file), name, now)
