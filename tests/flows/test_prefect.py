"""The flows on a real Prefect server: what they leave there, and how one source's failure ends a run."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from prefect import get_client
from prefect.settings import PREFECT_LOGGING_LEVEL, temporary_settings
from prefect.testing.utilities import prefect_test_harness

from flows.reporting import FlowFailed
from flows.run import RunReport, run
from tests.flows.towns import FIRST_DAY, Town, morning_after, settings_of, source_settings, told, toml

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.timeout(300)]

LAST = FIRST_DAY + timedelta(days=100)
NOW = morning_after(LAST)
LIMIT = {"source": "town", "category": "Noise", "max_requests": 30, "window_days": 7}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunReport, Path]]:
    """One run of the whole chain: a town with a surge, and a source whose folder is not there."""
    folder = tmp_path_factory.mktemp("installation")
    town = Town(folder / "town")
    town.drop(FIRST_DAY, LAST - timedelta(days=1))
    town.drop(LAST, LAST, {("Rats", "North"): 8.0})
    sources = {"lost": source_settings(folder / "lost"), "town": source_settings(town.folder)}
    settings = folder / "forewarn.toml"
    settings.write_text(toml(settings_of(folder, sources, limits=[LIMIT])), encoding="utf-8")
    with ExitStack() as stack:
        stack.enter_context(temporary_settings({PREFECT_LOGGING_LEVEL: "CRITICAL"}))
        stack.enter_context(prefect_test_harness(server_startup_timeout=120))
        yield run(settings, NOW), folder


def asked(path: str, body: dict[str, Any]) -> Any:
    """What Prefect's API answers to a filter."""
    with get_client(sync_client=True) as client:
        return client.request("POST", path, json=body).raise_for_status().json()


def test_a_source_that_fails_fails_its_flow_in_the_end_and_stops_no_other(finished: tuple[RunReport, Path]) -> None:
    report, folder = finished
    (failure,) = report.failures
    assert failure.startswith("ingest failed for 1 of 2: lost: ")
    assert str(folder / "lost") in failure
    assert [read.source for read in report.ingested] == ["lost", "town"]
    assert report.ingested[1].new > 1000
    assert any("Rats" in message["subject"] for message in told(folder)), "the other source was judged and told"
    states = {
        flow_run["state"]["type"] for flow_run in asked("/flow_runs/filter", {}) if flow_run["parent_task_run_id"]
    }
    assert states == {"COMPLETED", "FAILED"}
    tasks = {task["name"]: task["state_type"] for task in asked("/task_runs/filter", {})}
    assert {"ingest-lost", "ingest-town", "detect-town", "forecast-town"} <= tasks.keys()


@pytest.mark.usefixtures("finished")
def test_each_step_leaves_a_table() -> None:
    keys = ["pulls", "verdicts", "breaches"]
    found = asked("/artifacts/filter", {"artifacts": {"key": {"any_": keys}}})
    tables = {artifact["key"]: json.loads(artifact["data"]) for artifact in found}
    assert sorted(tables) == sorted(keys)
    pulls = {row["source"]: row for row in tables["pulls"]}
    assert pulls["town"]["state"] == "ok"
    assert pulls["town"]["new"] > 1000
    assert pulls["lost"]["new"] == 0
    assert {row["source"]: row["alarms"] for row in tables["verdicts"]}["town"] >= 1
    assert tables["breaches"][0]["limit"] == LIMIT["max_requests"]


@pytest.mark.usefixtures("finished")
def test_alerts_and_source_trouble_are_events_for_automations() -> None:
    wanted = {"forewarn.alert.opened", "forewarn.source.trouble"}
    until = monotonic() + 30
    while True:  # events reach the server in the background
        events = asked("/events/filter", {"filter": {"event": {"prefix": ["forewarn."]}}})["events"]
        if wanted <= {event["event"] for event in events} or monotonic() > until:
            break
        sleep(0.5)
    texts = {event["event"]: event["payload"]["text"] for event in events}
    assert wanted <= texts.keys()
    assert "lost" in texts["forewarn.source.trouble"]


def test_the_failure_carries_what_did_not_fail(finished: tuple[RunReport, Path]) -> None:
    from flows.ingest import ingest

    _, folder = finished
    with pytest.raises(FlowFailed, match="lost") as failed:
        ingest(folder / "forewarn.toml", NOW)
    assert [(report.source, report.new) for report in failed.value.results] == [("lost", 0), ("town", 0)]


def test_a_back_test_leaves_its_report_and_passes_over_a_source_without_data(
    finished: tuple[RunReport, Path],
) -> None:
    from flows.backtest import backtest

    _, folder = finished
    report = backtest(folder / "forewarn.toml")
    assert [one.source for one in report.sources] == ["town"]
    assert "holds no data yet" in report.without["lost"]
    (artifact,) = asked("/artifacts/filter", {"artifacts": {"key": {"any_": ["backtest"]}}})
    assert "town: " in artifact["data"]
    assert "| told | town | Rats" in artifact["data"]
    assert "lost: " in artifact["data"]
