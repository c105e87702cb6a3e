"""The demo, as a newcomer runs it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.xdist_group("prefect")
@pytest.mark.timeout(600)
def test_the_demo_tells_of_the_silent_source_and_shows_what_was_planted(tmp_path: Path) -> None:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {**ours, "HOME": str(tmp_path), "COLUMNS": "160"}
    command = [str(Path(sys.executable).with_name("forewarn")), "demo", "--exit", "--port", "0", "--days", "14"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for planted in ("Burst main", "Rats", "Missed collection round", "Heating failure", "Silent source"):
        assert planted in done.stdout
    assert re.search(r"No requests from Tenant line since", done.stdout), done.stdout
    assert re.search(
        r"Silent source .* \w{3} +\d+ \w{3} +(\d+ days? (before|after)|on the day of) the peak", done.stdout
    ), done.stdout
    assert re.search(r"Dashboard: http://127.0.0.1:\d+", done.stdout)
