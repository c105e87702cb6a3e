"""Prefect's embedded server, for one machine: its seconds of start pass while other work is done.

Nothing here imports Prefect before it is asked to: the import alone takes a second.
"""

import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from forewarn.settings import Settings

if TYPE_CHECKING:
    from flows.run import RunReport


def start_server() -> threading.Thread:
    """Start the server in the background; joined when it answers. Where an address is set, that server is asked."""
    from prefect.settings import PREFECT_API_URL

    if PREFECT_API_URL.value() is None:
        import prefect.server.api.server  # noqa: F401 - in the background it would hold up both threads

    starting = threading.Thread(target=_start, daemon=True)
    starting.start()
    return starting


def _start() -> None:
    from prefect import get_client

    with suppress(Exception), get_client(sync_client=True) as client:  # the first flow meets the same and says so
        client.hello()


def import_methods(settings: Settings) -> None:
    """Import the flows and the detectors that the settings name, which else the first run would wait for."""
    import flows.run  # noqa: F401 - imported for the time that it takes
    from detectors import detector_for

    for name in settings.detection.detectors:
        detector_for(name, alpha=0.5)


def run_embedded(settings_file: Path, now: datetime) -> "RunReport":
    """The flow `run`, without the second that every flow's heartbeat waits for."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows.run import run

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        return run(settings_file, now)
