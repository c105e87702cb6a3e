"""Whatever goes wrong is said in words that tell what to do, loses nothing, and the next run carries on."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from connectors.http import HttpSource
from flows.detect import detect_source
from flows.ingest import ingest_source
from flows.installation import Installation, open_installation
from flows.notify import drain_outbox
from forewarn.alert import Kind, State
from forewarn.contracts import SourceHealth
from forewarn.errors import ConfigError, StoreError
from forewarn.settings_file import parse
from store.alerts import read_alerts
from store.detections import set_judged
from store.engine import open_store, snapshot, transaction
from store.sources import read_health, read_rejects, read_runs
from tests.flows.towns import FIRST_DAY, Town, content, installed, morning_after, settings_of, source_settings, told

LAST = FIRST_DAY + timedelta(days=100)
SURGE = {("Rats", "North"): 8.0}


def pull(installation: Installation, day: date) -> tuple[SourceHealth, str]:
    report = ingest_source(installation, "town", morning_after(day))
    return report.health, report.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": {"requested_at": "when"}}, "has no column 'when'; it has: id, at, category, area"),
        ({"path": "/nowhere/at/all"}, "/nowhere/at/all"),
    ],
)
def test_a_source_that_cannot_be_read_is_told_and_then_read(
    engine: Engine, town: Town, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    town.drop(FIRST_DAY, LAST)
    wrong = installed(engine, settings_of(tmp_path, {"town": {**source_settings(town.folder), **changes}}))
    report = ingest_source(wrong, "town", morning_after(LAST))
    assert message in report.failure
    right = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    assert pull(right, LAST)[0] is SourceHealth.OK


def test_a_server_that_is_down_for_hours_is_told(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HttpSource, "sleep", staticmethod(lambda _: None))
    down = {"kind": "open311", "title": "Town hall", "url": "http://127.0.0.1:1", "zone": "Europe/Berlin"}
    settings = settings_of(tmp_path, {"town": {**down, "allow_http": True, "allow_private_hosts": True}})
    installation = installed(engine, settings)
    begun = morning_after(LAST)
    for minutes in (0, 15, 119):
        report = ingest_source(installation, "town", begun + timedelta(minutes=minutes))
        assert "127.0.0.1" in report.failure
        assert not report.changes
    report = ingest_source(installation, "town", begun + timedelta(minutes=120))
    assert [change.alert.title for change in report.changes] == [
        "Nothing could be read from Town hall since Sun 12 Apr 08:00"
    ]


def test_wrong_rows_are_kept_aside_and_the_others_counted(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    good = town.drop(FIRST_DAY, LAST).read_text(encoding="utf-8").splitlines()
    wrong = ["x1,yesterday,Rats,North", f"x2,{LAST}T10:00:00,Rats,North,too,many", "x3,,Rats,North"]
    town.write(f"{FIRST_DAY}.csv", [*good, *wrong])
    report = ingest_source(installation, "town", morning_after(LAST))
    assert (report.new, report.rejected) == (len(good) - 1, len(wrong))
    with snapshot(engine) as conn:
        rejects = read_rejects(conn, "town", 10)
    assert len({reject.reason for reject in rejects}) >= 2


def test_an_empty_file_and_an_unknown_category_stop_nothing(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    (town.folder / "0.csv").write_bytes(b"")
    town.drop(FIRST_DAY, LAST)
    town.write("new.csv", ["id,at,category,area", f"n1,{LAST}T10:00:00,[b]Never seen[/b],Nowhere"])
    assert pull(installation, LAST)[0] is SourceHealth.OK
    with snapshot(engine) as conn:
        (reject,) = read_rejects(conn, "town", 10)
    assert (reject.position, "left out" in reject.detail) == ("0.csv", True)
    assert detect_source(installation, "town", morning_after(LAST)).series == 1 + 3 + 4


def test_a_file_that_was_cut_is_named_until_it_is_whole(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    town.drop(FIRST_DAY, LAST - timedelta(days=1))
    whole = town.drop(LAST, LAST).read_text(encoding="utf-8")
    (town.folder / f"{LAST}.csv").write_text(whole.strip()[:-9], encoding="utf-8")

    def outcome() -> tuple[str, str]:
        with snapshot(engine) as conn:
            run, (row,) = read_runs(conn, "town", 1)[0], read_health(conn)
        return run.outcome or "", row.message

    report = ingest_source(installation, "town", morning_after(LAST))
    (remark,) = report.remarks
    assert remark.startswith(f"Left out as a whole: {LAST}.csv (")
    assert outcome() == ("partial", f"{report.message} {remark}")
    assert report.health is SourceHealth.LATE
    (town.folder / f"{LAST}.csv").write_text(whole, encoding="utf-8")
    report = ingest_source(installation, "town", morning_after(LAST))
    assert (report.health, report.remarks, outcome()) == (SourceHealth.OK, [], ("ok", report.message))


def test_nothing_is_dropped_any_more(engine: Engine, town: Town, tmp_path: Path) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder, title="Town hall")}))
    town.drop(FIRST_DAY, LAST)
    assert pull(installation, LAST)[0] is SourceHealth.OK
    for silent_days in (1, 2):
        health, _ = pull(installation, LAST + timedelta(days=silent_days))
        assert health is SourceHealth.LATE
        drain_outbox(installation, morning_after(LAST + timedelta(days=silent_days)))
    (message,) = told(tmp_path)
    assert "New requests from Town hall have been late since" in message["subject"]


def test_trouble_holds_back_the_alerts_of_its_source_and_releases_them_when_it_ends(
    engine: Engine, town: Town, tmp_path: Path
) -> None:
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    town.drop(FIRST_DAY, LAST - timedelta(days=1))
    pull(installation, LAST - timedelta(days=1))
    town.drop(LAST, LAST, SURGE)
    bad = town.write("9.csv", ["key,at", f"1,{LAST}"])
    assert pull(installation, LAST)[0] is SourceHealth.BROKEN
    now = morning_after(LAST)
    detect_source(installation, "town", now)
    drain_outbox(installation, now)
    assert ["town cannot be read" in message["subject"] for message in told(tmp_path)] == [True]

    bad.unlink()
    assert pull(installation, LAST)[0] is SourceHealth.OK
    detect_source(installation, "town", now)
    drain_outbox(installation, now)
    with snapshot(engine) as conn:
        states = {alert.kind: alert.state for alert in read_alerts(conn)}
    assert states == {Kind.SOURCE: State.RESOLVED, Kind.SURGE: State.OPEN}
    assert sorted("Rats" in message["subject"] for message in told(tmp_path)) == [False, False, True]


def test_a_store_that_may_not_be_written_says_so_and_the_next_run_carries_on(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "forewarn.db"
    settings = settings_of(tmp_path, {"town": source_settings(town.folder)})
    town.drop(FIRST_DAY, LAST)
    engine, read_only = open_store(f"sqlite:///{file}"), None
    try:
        pull(installed(engine, settings), LAST)
        town.drop(LAST + timedelta(days=1), LAST + timedelta(days=1))
        before = content(engine, without={})
        read_only = open_store(f"sqlite:///file:{file}?mode=ro&uri=true")
        for step in (ingest_source, detect_source):
            with pytest.raises(StoreError, match="may not be written"):
                step(installed(read_only, settings), "town", morning_after(LAST + timedelta(days=1)))
        assert content(engine, without={}) == before
        assert pull(installed(engine, settings), LAST + timedelta(days=1))[0] is SourceHealth.OK
    finally:
        engine.dispose()
        if read_only is not None:
            read_only.dispose()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and shutil.which("mount")
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if not mounted or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a file system of 3 MB; the store's own tests fill a database instead")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_says_so_and_the_next_run_carries_on(small_disk: Path, town: Town, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, {"town": source_settings(town.folder)})
    twin = open_store(f"sqlite:///{tmp_path / 'twin.db'}")
    engine = open_store(f"sqlite:///{small_disk / 'forewarn.db'}")
    ballast = small_disk / "ballast"
    try:
        town.drop(FIRST_DAY, LAST)
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(bytes(4 << 20))
        with pytest.raises(StoreError, match=r"disk is full|Check its space"):
            pull(installed(engine, settings), LAST)
        ballast.unlink()
        for opened in (engine, twin):
            pull(installed(opened, settings), LAST)
            detect_source(installed(opened, settings), "town", morning_after(LAST))
        assert content(engine) == content(twin)
    finally:
        engine.dispose()
        twin.dispose()


def test_a_log_that_cannot_be_written_is_tried_again(engine: Engine, town: Town, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, {"town": source_settings(town.folder)})
    missing = {**settings, "channels": {"log": {"kind": "log", "url": str(tmp_path / "logs" / "alerts.log")}}}
    town.drop(FIRST_DAY, LAST, None)
    pull(installed(engine, settings), LAST)
    town.drop(LAST + timedelta(days=1), LAST + timedelta(days=1), SURGE)
    now = morning_after(LAST + timedelta(days=1))
    pull(installed(engine, missing), LAST + timedelta(days=1))
    detect_source(installed(engine, missing), "town", now)
    report = drain_outbox(installed(engine, missing), now)
    assert (report.delivered, report.failed) == (0, 1)
    assert "alerts.log" in report.problems[0]
    (tmp_path / "logs").mkdir()
    assert drain_outbox(installed(engine, missing), now).delivered == 0, "it waits before it tries again"
    assert drain_outbox(installed(engine, missing), now + timedelta(minutes=2)).delivered == 1


def test_settings_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`forewarn init` writes one"):
        open_installation(tmp_path / "forewarn.toml")
    with pytest.raises(ConfigError, match="did you mean 'sources'"):
        parse({"source": {}})


def test_days_that_turn_out_to_be_a_silence_are_not_judged_again(engine: Engine, town: Town, tmp_path: Path) -> None:
    last = FIRST_DAY + timedelta(days=69)
    town.drop(FIRST_DAY, last)
    installation = installed(engine, settings_of(tmp_path, {"town": source_settings(town.folder)}))
    ingest_source(installation, "town", morning_after(last))
    with transaction(engine) as conn:
        set_judged(conn, "town", last + timedelta(days=5))  # as if quiet days had followed, which are missing now
    assert detect_source(installation, "town", morning_after(last + timedelta(days=6))).days == 0
