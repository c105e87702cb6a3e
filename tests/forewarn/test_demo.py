"""The demo, as a newcomer runs it."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from forewarn.alert import Alert, AlertEvent, Change, Kind, Severity, State
from forewarn.demo import telling_of
from simulator.troubles import Trouble

RATS = Trouble(
    "Rats", "ramp", "town", ("Rat",), ("Park", "Hill"), date(2026, 3, 1), date(2026, 3, 20), date(2026, 3, 31), ""
)


def told(day: int, labels: dict[str, str]) -> Change:
    """The same alert, as it stood when it was told on a day of March."""
    at = datetime(2026, 3, day, tzinfo=UTC)
    alert = Alert(
        "one", Kind.SURGE, "town", labels, State.OPEN, Severity.NOTICE, "", at.date(), at.date(), at.date(), at, at, day
    )
    return Change(alert, AlertEvent("one", day, at, "opened", "forewarn"))


def test_an_alert_tells_of_a_trouble_from_the_change_on_that_names_it() -> None:
    elsewhere, too_early, named, everywhere = (
        told(5, {"category": "Rat", "area": "Quay"}),
        told(1, {"category": "Noise"}),
        told(9, {"category": "Rat", "area": "Hill"}),
        told(12, {"category": "Rat"}),
    )
    assert telling_of(RATS, [elsewhere, too_early, named, everywhere]) == [named, everywhere]
    assert telling_of(replace(RATS, source="other"), [named]) == []
    assert telling_of(replace(RATS, first_day=date(2026, 3, 10)), [named, everywhere]) == [everywhere]


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
