"""`forewarn backtest` as it is called from a shell: report, page, JSON with a stable shape, and exit codes."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from flows.ingest import ingest_source
from flows.installation import open_installation
from tests.flows.towns import FIRST_DAY, Town, content, morning_after, settings_of, source_settings, toml
from tests.forewarn.test_cli import call

LAST = FIRST_DAY + timedelta(days=150)
SCORES = {
    "alerts_per_week",
    "false_alarms_per_week",
    "false_alerts_per_week",
    "false_positive_rate",
    "incidents",
    "incidents_found",
    "median_days_after",
    "median_days_before_public",
    "precision",
    "probability_of_detection",
    "sensitivity",
    "series_days",
    "timeliness",
    "told_as_incident",
}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an installation with eight times as many rats on one day, and an events file that knows of it."""
    folder = tmp_path_factory.mktemp("installation")
    town = Town(folder / "town")
    town.drop(FIRST_DAY, LAST - timedelta(days=31))
    town.drop(LAST - timedelta(days=30), LAST - timedelta(days=30), {("Rats", "North"): 8.0})
    town.drop(LAST - timedelta(days=29), LAST)
    settings = folder / "forewarn.toml"
    detection = {"alerts_per_week": 0.5}
    tables = settings_of(folder, {"town": source_settings(town.folder)}, detection=detection)
    settings.write_text(toml(tables), encoding="utf-8")
    opened = open_installation(settings)
    ingest_source(opened, "town", morning_after(LAST))
    opened.engine.dispose()
    day = LAST - timedelta(days=30)
    (folder / "events.csv").write_text(
        "event_id,dataset,kind,first_day,last_day,public_obvious_date,category\n"
        f"rats,town,incident,{day},{day},{day + timedelta(days=2)},Rats\n",
        encoding="utf-8",
    )
    return folder


def test_json_has_a_stable_shape_and_the_page_is_written(installation: Path) -> None:
    opened = open_installation(installation / "forewarn.toml")
    before = content(opened.engine)
    done = call(installation, "backtest", "--events", "events.csv", "--json", "--inject", "--page", "report.html")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert set(report) == {"sources", "budget", "without"}
    (town,) = report["sources"]
    assert set(town) == {"source", "first", "last", "series", "alerts", "events", "scores", "notices", "power"}
    assert set(town["scores"]) == SCORES
    (event,) = town["events"]
    assert (event["event_id"], event["kind"], event["days_after"], event["days_before_public"]) == (
        "rats",
        "incident",
        0,
        2,
    )
    assert town["scores"]["probability_of_detection"] == 1.0
    assert "rats" in [alert["event"] for alert in town["alerts"]]
    assert {"trouble", "size", "unit", "percent", "volume_from", "volume_to", "troubles", "detected"} < set(
        town["power"][0]
    )
    assert set(report["budget"]) == {
        "asked_per_week",
        "kept",
        "alerts_per_week",
        "false_alarms_per_week",
        "curve",
        "held_back",
    }
    assert "<!DOCTYPE html>" in (installation / "report.html").read_text(encoding="utf-8")
    after = content(opened.engine)
    assert {table for table in after if after[table] != before[table]} == {"threshold"}
    opened.engine.dispose()


def test_for_people(installation: Path) -> None:
    done = call(installation, "backtest", "--events", "events.csv", "--from", str(LAST - timedelta(days=40)))
    assert done.returncode == 0
    assert "1 of 1 known incidents found" in done.stdout
    assert "probability of detection" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--events", "nowhere.csv"), "nowhere.csv: cannot be read"),
        (("--from", "2026-13-01"), "is not a date such as"),
        (("--from", "2030-01-01"), "is after 2026-05-31, the last day of town"),
        (("--from", "2030-01-02", "--to", "2030-01-01"), "2030-01-02 is after 2030-01-01, the day of --to"),
        (("--to", "1999-01-01"), "1999-01-01 is before"),
        (("--source", "twon"), "did you mean 'town'"),
        (("--page", "no/such/folder.html"), "there is no folder"),
        (("--page", "town"), "cannot be written: it is a folder"),
    ],
)
def test_wrong_use_is_told(installation: Path, arguments: tuple[str, ...], message: str) -> None:
    done = call(installation, "backtest", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
