"""The command line as it is called from a shell: what it prints, where, and its exit code."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from alerts.dispatch import DeliveryReport
from flows.detect import detect_source
from flows.ingest import ingest_source
from flows.installation import open_installation
from flows.run import RunReport
from forewarn.cli.running import _show_run
from store.alerts import read_outbox
from store.engine import snapshot, transaction
from store.received import begin_receiving, keep_batch
from store.schema import source_state
from tests.flows.towns import FIRST_DAY, Town, morning_after, settings_of, source_settings, toml

LAST = FIRST_DAY + timedelta(days=100)


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`forewarn` in `folder`, at 100 columns."""
    command = [str(Path(sys.executable).with_name("forewarn")), *arguments]
    environment = {**os.environ, "COLUMNS": "100", "PREFECT_HOME": str(folder / ".prefect")}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an installation in which the last day brought eight times as many rats."""
    folder = tmp_path_factory.mktemp("installation")
    town = Town(folder / "town")
    town.drop(FIRST_DAY, LAST - timedelta(days=1))
    town.drop(LAST, LAST, {("Rats", "North"): 8.0})
    settings = folder / "forewarn.toml"
    settings.write_text(toml(settings_of(folder, {"town": source_settings(town.folder)})), encoding="utf-8")
    opened = open_installation(settings)
    ingest_source(opened, "town", morning_after(LAST))
    detect_source(opened, "town", morning_after(LAST))
    opened.engine.dispose()
    return folder


def test_alerts_are_listed_for_people_and_for_programs(installation: Path) -> None:
    listed = call(installation, "alerts", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "Rats" in listed.stdout
    (alert,) = json.loads(call(installation, "alerts", "list", "--json").stdout)
    assert (alert["kind"], alert["state"], alert["first_day"]) == ("surge", "open", str(LAST))
    shown = call(installation, "alerts", "show", alert["fingerprint"])
    assert shown.returncode == 0
    assert "Rats" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100


def test_who_was_told_of_an_alert_hears_that_a_person_says_it_is_over(installation: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(installation, folder)
    (alert,) = json.loads(call(folder, "alerts", "list", "--json").stdout)
    assert call(folder, "alerts", "ack", alert["fingerprint"], "--who", "Ada").returncode == 0
    again = call(folder, "alerts", "ack", alert["fingerprint"], "--who", "Ada")
    assert again.returncode == 2
    assert "only an open alert can be acknowledged, this one is acknowledged" in again.stderr.replace("\n", " ")
    nobody = call(folder, "alerts", "resolve", alert["fingerprint"], "--who", " ")
    assert (nobody.returncode, nobody.stderr) == (2, "--who: is empty; say who you are\n")
    assert "town, acknowledged, critical" in call(folder, "alerts", "show", alert["fingerprint"]).stdout
    assert call(folder, "alerts", "resolve", alert["fingerprint"], "--who", "Ada").returncode == 0
    assert "the alert is resolved already" in (
        call(folder, "alerts", "resolve", alert["fingerprint"], "--who", "Ada").stderr
    )
    opened = open_installation(folder / "forewarn.toml")
    with snapshot(opened.engine) as conn:
        over, begun = read_outbox(conn, 10)
    opened.engine.dispose()
    assert (over.subject.split("]")[0], begun.subject.split(",")[0]) == ("[Over", "[Critical")


def test_a_run_says_which_messages_did_not_get_through(capsys: pytest.CaptureFixture[str]) -> None:
    delivered = DeliveryReport(1, 0, 2, ("channel 'ops': no such mailbox",))
    _show_run(RunReport((), (), (), delivered, ()))
    said = capsys.readouterr()
    assert "Messages: 1 delivered, 0 to be tried again, 2 given up." in said.out
    assert "channel 'ops': no such mailbox" in said.err


def test_sources_are_listed_and_checked(installation: Path) -> None:
    listed = call(installation, "sources", "list").stdout
    assert "town" in listed
    assert "400 days" in listed
    (row,) = json.loads(call(installation, "sources", "list", "--json").stdout)
    assert (row["source"], row["health"]) == ("town", "ok")
    checked = call(installation, "sources", "check", "town")
    assert checked.returncode == 0
    assert "category ← category" in checked.stdout
    assert max(map(len, checked.stdout.splitlines())) <= 100
    (told,) = json.loads(call(installation, "sources", "check", "town", "--json").stdout).values()
    assert len(told["fields"]) == len(told["holds"]) > 3
    accepted = call(installation, "sources", "accept", "town")
    usual = "What town sends from now on is what is usual; the next run reads what was held back.\n"
    missing = "Nothing is missing from town, as far as it was compared.\n"
    assert (accepted.returncode, accepted.stdout) == (0, usual + missing)
    assert call(installation, "sources", "accept", "twon").returncode == 2
    misspelt = '[sources.town]\nkind = "files"\npath = "town"\ncontry = "US"\nfields = { requested_at = "at" }\n'
    (installation / "wrong.toml").write_text(misspelt, encoding="utf-8")
    wrong = call(installation, "sources", "check", "town", "--settings", "wrong.toml")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "sources.town.contry: no such setting; did you mean 'country'?" in wrong.stderr.replace("\n", " ")


def test_what_was_pushed_is_looked_at_in_the_store(tmp_path: Path) -> None:
    settings = {"kind": "webhook", "secret": "s" * 16, "zone": "Europe/Berlin"}
    (tmp_path / "forewarn.toml").write_text(toml(settings_of(tmp_path, {"line": settings})), encoding="utf-8")
    rows = [{"source_record_id": "26-1", "requested_at": "2026-06-22T08:15:00+02:00", "category": "Noise"}]
    content = {"rows": rows, "removed": [], "rejects": [], "accepted": 1, "alive_until": None}
    engine = open_installation(tmp_path / "forewarn.toml").engine
    with transaction(engine) as conn:
        begin_receiving(conn, "line")
        at = datetime(2026, 6, 22, 7, tzinfo=UTC)
        keep_batch(conn, "line", content, received_at=at, idempotency_key="k-1", body_hash="h", signature="s")
    engine.dispose()
    (told,) = json.loads(call(tmp_path, "sources", "check", "--json").stdout).values()
    assert told["sample"].startswith("1 requests of 2026-06-22")
    assert "category ← category" in told["fields"]


def test_one_source_is_shown_and_accepted(installation: Path) -> None:
    shown = call(installation, "sources", "show", "town", "--days", "9999")
    assert "could not be used" not in shown.stdout
    assert "were new" in shown.stdout
    told = json.loads(call(installation, "sources", "show", "town", "--days", "9999", "--json").stdout)
    assert told["health"]["source"] == "town"
    assert told["quality"][0]["words"] == "were new"


def test_a_first_reading_that_was_stopped_is_not_called_never_read(installation: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(installation, folder)
    opened = open_installation(folder / "forewarn.toml")
    with transaction(opened.engine) as conn:
        conn.execute(update(source_state).values(health=None))
    opened.engine.dispose()
    listed = call(folder, "sources", "list").stdout
    assert "not yet read" in listed
    assert "Its first reading was stopped; the next run goes on from there." in " ".join(listed.split())


def test_a_public_data_set_is_added_by_its_name(tmp_path: Path) -> None:
    assert "nyc-311" in call(tmp_path, "sources", "presets").stdout
    assert call(tmp_path, "sources", "add", "bonn").returncode == 0
    added = call(tmp_path, "sources", "add", "nyc-311", "--name", "nyc")
    assert "forewarn sources check nyc" in added.stdout
    again = call(tmp_path, "sources", "add", "nyc-311", "--name", "nyc")
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    listed = json.loads(call(tmp_path, "sources", "list", "--json").stdout)
    assert [source["source"] for source in listed] == ["bonn", "nyc"]
    assert [file.name for file in tmp_path.glob("*.toml")] == ["forewarn.toml"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("alerts", "show", "no-such-alert"), "no-such-alert"),
        (("sources", "check", "twon"), "did you mean 'town'"),
        (("run", "--as-of", "yesterday"), "2026-03-31"),
        (("run", "--as-of", "9999-12-31"), "not a date from 1900 to 2199"),
        (("run", "--settings", "nowhere.toml"), "forewarn init"),
        (("init", "nowhere/forewarn.toml"), "cannot be written: No such file or directory"),
        (("sources", "add", "bonn", "--settings", "nowhere/forewarn.toml"), "cannot be written: No such file"),
        (("sources", "add", "bonn", "--settings", "town"), "cannot be read: Is a directory"),
        (("fly",), "No such command"),
    ],
)
def test_wrong_use_is_told_on_stderr_without_a_traceback(
    installation: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = call(installation, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_could_not_work_does_not_say_that_all_is_well(installation: Path, tmp_path: Path) -> None:
    stored, read_only = installation / "forewarn.db", tmp_path / "forewarn.toml"
    text = (installation / "forewarn.toml").read_text(encoding="utf-8")
    read_only.write_text(f'{text}\n[store]\nurl = "sqlite:///file:{stored}?mode=ro&uri=true"\n', encoding="utf-8")
    done = call(tmp_path, "run", "--as-of", str(LAST + timedelta(days=1)))
    assert (done.returncode, done.stdout) == (1, "Nothing unusual in what could be read and judged.\n")
    assert "may not be written. Give this user the right" in done.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('[channels.ops]\nurl = "nonsense://hunter2"', "channels.ops.url: apprise does not understand this address"),
        ('[forecast]\nforecasters = ["profet"]', "did you mean 'prophet'?"),
        ('[detection]\ndetectors = ["scam"]', "did you mean 'scan'?"),
        ('[sources.b]\nkind = "files"\npath = "b"', "sources.b.fields: is missing"),
    ],
)
def test_a_run_says_what_is_wrong_before_it_does_anything(tmp_path: Path, lines: str, message: str) -> None:
    town = Town(tmp_path / "town")
    town.drop(FIRST_DAY, FIRST_DAY)
    good = f'[sources.a]\nkind = "files"\npath = "{town.folder}"\nfields = {{ requested_at = "at" }}\n'
    (tmp_path / "forewarn.toml").write_text(f"{good}{lines}\n", encoding="utf-8")
    done = call(tmp_path, "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.replace("\n", " ")
    assert "hunter2" not in done.stderr
    listed = json.loads(call(tmp_path, "sources", "list", "--json").stdout)
    assert {row["health"] for row in listed} == {None}, "nothing was read"


def test_a_new_installation_is_told_what_to_do_next(tmp_path: Path) -> None:
    assert call(tmp_path, "init").returncode == 0
    done = call(tmp_path, "run")
    assert done.returncode == 1
    assert "there is no file or folder 'requests'" in done.stderr.replace("\n", " ")
    written = (tmp_path / "forewarn.toml").read_bytes()
    assert call(tmp_path, "init").returncode == 2
    assert (tmp_path / "forewarn.toml").read_bytes() == written, "a file that is there is never overwritten"
    (tmp_path / "forewarn.toml").write_text('[channels.log]\nkind = "log"\nurl = "alerts.log"\n')
    done = call(tmp_path, "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert "add a table [sources.NAME]" in done.stderr


@pytest.mark.parametrize(("chosen", "shown"), [((), ""), (("-W", "always"), "for programmers")])
def test_warnings_of_libraries_are_shown_to_those_who_ask_for_them(chosen: tuple[str, ...], shown: str) -> None:
    said = """
import sys, warnings
from forewarn import cli

def app():
    with warnings.catch_warnings():
        warnings.simplefilter("always")  # as pandas does in whatever thread
        warnings.warn("for programmers", DeprecationWarning)

cli.app = app
cli.main()
"""
    done = subprocess.run([sys.executable, *chosen, "-c", said], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == ""
    assert done.stderr == "" if not shown else shown in done.stderr


def test_no_settings_file_says_which_command_writes_one(tmp_path: Path) -> None:
    done = call(tmp_path, "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert "forewarn init" in done.stderr
