"""What `forewarn run` adds to the start of Prefect's embedded server: `python -m benchmarks.prefect_start`.

Both are fresh processes that start a server of their own on a migrated database, in turn, so that both meet the
same machine. The installation has one source of two weeks, with the forecaster that needs no fitting: what is
measured is what it costs to begin and to end, not the work itself.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

ROUNDS = 3

EMPTY_FLOW = """
from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

@flow
def empty():
    pass

with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
    empty()
"""

SETTINGS = """
[sources.town]
kind = "files"
path = "town.csv"
rows = "counts"
fields = {date = "date", opened = "opened"}
levels = [[]]

[forecast]
forecasters = ["seasonal-naive"]
"""


def main() -> None:
    """Measure both in turn, and print the medians and their difference."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "prefect").mkdir()
        (folder / "forewarn.toml").write_text(SETTINGS)
        days = [date.today() - timedelta(days=ago) for ago in range(14, 0, -1)]  # noqa: DTZ011 - any two weeks will do
        (folder / "town.csv").write_text("date,opened\n" + "".join(f"{day},7\n" for day in days))
        environment = {
            **os.environ,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
        }
        commands = {
            "an empty flow": [sys.executable, "-c", EMPTY_FLOW],
            "forewarn run": [str(Path(sys.executable).with_name("forewarn")), "run"],
        }
        seconds: dict[str, list[float]] = {what: [] for what in commands}
        for turn in range(ROUNDS + 1):
            for what, command in commands.items():
                begun = time.perf_counter()
                subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
                if turn:  # the first round migrates databases and compiles
                    seconds[what].append(time.perf_counter() - begun)
                    print(f"{what}: {seconds[what][-1]:.1f} s", flush=True)
    empty, run = (statistics.median(times) for times in seconds.values())
    print(f"median of {ROUNDS}: an empty flow {empty:.1f} s, forewarn run {run:.1f} s, added {run - empty:.1f} s")


if __name__ == "__main__":
    main()
