"""What a dropped file that says it has everything takes away, and what it is not believed about."""

import json
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from flows.gone import accept, read_control
from flows.ingest import IngestReport, ingest_source
from flows.installation import Installation
from forewarn.contracts import Reconciliation, SourceHealth
from store.counts import daily_totals
from store.engine import snapshot
from store.schema import service_request
from store.sources import read_rejects, read_runs
from tests.flows.towns import installed, settings_of, source_settings

JUNE = date(2026, 6, 1), date(2026, 6, 30)
MAY = date(2026, 5, 1), date(2026, 5, 31)
NOW = datetime(2026, 7, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
NOTHING = Reconciliation(is_all=False)


class Folder:
    """A drop folder, and the installation that reads it."""

    def __init__(self, engine: Engine, path: Path, **more: Any) -> None:
        self.path = path / "town"
        self.path.mkdir()
        settings = settings_of(path, {"town": source_settings(self.path, **more)})
        self.installation: Installation = installed(engine, settings)

    def drop(self, name: str, lines: Iterable[str], days: tuple[date, date] = JUNE, mode: str = "snapshot") -> None:
        file = self.path / name
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        covers = {"from": str(days[0]), "to": str(days[1])}
        told = {"file": name, "sha256": sha256(file.read_bytes()).hexdigest(), "mode": mode, "covers": covers}
        (self.path / f"{name}.manifest.json").write_text(json.dumps(told), encoding="utf-8")

    def read(self, now: datetime = NOW) -> IngestReport:
        return ingest_source(self.installation, "town", now)

    def totals(self, days: tuple[date, date] = JUNE) -> int:
        with snapshot(self.installation.engine) as conn:
            return int(daily_totals(conn, "town", *days)[1].sum())

    def ids(self) -> set[str]:
        there = select(service_request.c.source_record_id).where(service_request.c.deleted_at.is_(None))
        with snapshot(self.installation.engine) as conn:
            return set(conn.execute(there).scalars())

    def counters(self) -> dict[str, int]:
        with snapshot(self.installation.engine) as conn:
            return dict(read_runs(conn, "town", 1)[0].counters)


def rows(numbers: Collection[int], month: int = 6) -> list[str]:
    """Twenty requests a day, numbered through the month."""
    days = [f"2026-{month:02}-{1 + n % 600 // 20:02}" for n in numbers]
    return ["id,at,category,area", *(f"{n},{day}T10:00:00,Rats,North" for n, day in zip(numbers, days, strict=True))]


@pytest.fixture
def folder(engine: Engine, tmp_path: Path) -> Folder:
    return Folder(engine, tmp_path)


def test_what_a_snapshot_lacks_is_gone(folder: Folder) -> None:
    folder.drop("a.csv", rows(range(600)))
    folder.drop("before.csv", rows(range(1000, 1020), month=5), MAY, mode="delta")
    folder.read()
    folder.drop("b.csv", rows(range(20, 600)))
    assert folder.read(NOW + DAY).health is not SourceHealth.BROKEN
    assert folder.totals() == 580
    assert folder.counters()["removed"] == 20
    assert folder.ids() == {str(n) for n in (*range(20, 600), *range(1000, 1020))}, "other days are not its business"
    folder.drop("c.csv", rows(range(600)))
    folder.read(NOW + 2 * DAY)
    assert folder.totals() == 600, "seen again, they count again"


def test_many_wait_for_a_word_on_both_databases(store_engine: Engine, tmp_path: Path) -> None:
    folder = Folder(store_engine, tmp_path)
    folder.drop("a.csv", rows(range(600)))
    folder.read()
    folder.drop("b.csv", rows(range(5, 600)))
    folder.drop("c.csv", rows(range(300)))
    assert "`forewarn sources accept town`" in folder.read(NOW + DAY).message
    assert folder.totals() == 600, "the first five are in the last file again"
    assert accept(store_engine, "town", NOW + DAY, (NOW + DAY).date()) == 300
    assert folder.totals() == 300


def test_files_of_one_run_have_their_say_in_their_order(folder: Folder) -> None:
    folder.drop("a.csv", rows(range(600)), mode="delta")
    folder.drop("b.csv", rows(range(5, 600)))
    folder.drop("c.csv", rows(range(3)), mode="delta")
    folder.read()
    assert folder.ids() == {str(n) for n in (*range(3), *range(5, 600))}
    folder.read(NOW + DAY)
    assert folder.totals() == 598


def test_a_delta_takes_nothing_away(folder: Folder) -> None:
    folder.drop("a.csv", rows(range(600)))
    folder.drop("b.csv", rows(range(20, 600)), mode="delta")
    folder.read()
    assert folder.totals() == 600


def test_a_day_that_is_not_over_may_still_lack_what_came_today(folder: Folder) -> None:
    days = date(2026, 6, 1), date(2026, 7, 1)
    folder.drop("a.csv", [*rows(range(600)), *rows(range(600, 610), month=7)[1:]], days)
    folder.drop("b.csv", rows(range(3, 600)), days)
    folder.read()
    assert folder.ids() == {str(n) for n in range(3, 610)}


@pytest.mark.parametrize(("left", "is_small"), [(0, True), (300, True), (560, True), (580, False)])
def test_a_snapshot_that_lacks_many_takes_nothing_away(folder: Folder, *, left: int, is_small: bool) -> None:
    folder.drop("a.csv", rows(range(600)))
    folder.read()
    folder.drop("b.csv", rows(range(left)))
    report = folder.read(NOW + DAY)
    assert (report.health is SourceHealth.BROKEN) == is_small
    assert (f"b.csv has {left} requests, and 600 are stored" in report.message) == is_small
    assert ("`forewarn sources accept town`" in report.message) == is_small
    assert folder.totals() == (600 if is_small else left)


def test_a_small_town_is_not_emptied_either(folder: Folder) -> None:
    folder.drop("a.csv", rows(range(20)))
    folder.read()
    folder.drop("b.csv", rows([]))
    assert folder.read(NOW + DAY).health is SourceHealth.BROKEN
    assert folder.totals() == 20


def test_many_are_believed_when_another_snapshot_lacks_them_a_week_later(folder: Folder) -> None:
    for days, name in ((0, "a.csv"), (1, "b.csv"), (7, "c.csv"), (8, "d.csv")):
        folder.drop(name, rows(range(0 if days == 0 else 60, 600 + days)))
        report = folder.read(NOW + days * DAY)
        assert (report.health is SourceHealth.BROKEN) == (days in (1, 7))
    assert folder.totals() == 548
    assert folder.counters()["removed"] == 60


def test_more_than_a_quarter_must_be_missing_for_three_weeks(folder: Folder) -> None:
    for days, name in ((0, "a.csv"), (1, "b.csv"), (21, "c.csv"), (22, "d.csv")):
        folder.drop(name, rows(range(0 if days == 0 else 300, 600 + days)))
        folder.read(NOW + days * DAY)
        assert (folder.ids() >= {"0", "299"}) == (days < 22)


def test_a_file_that_has_them_mends_it(folder: Folder) -> None:
    folder.drop("a.csv", rows(range(600)))
    folder.read()
    folder.drop("b.csv", rows(range(300)))
    folder.read(NOW + DAY)
    folder.drop("c.csv", rows(range(600, 650), month=5), MAY)
    assert folder.read(NOW + 2 * DAY).health is SourceHealth.BROKEN, "what another one says of other days is no answer"
    folder.drop("d.csv", rows(range(250, 600)), mode="delta")
    assert folder.read(NOW + 3 * DAY).health is not SourceHealth.BROKEN
    assert folder.totals() == 600


def test_a_person_may_say_that_they_are_gone(folder: Folder) -> None:
    folder.drop("a.csv", rows(range(600)))
    folder.read()
    folder.drop("b.csv", rows(range(300)))
    folder.read(NOW + DAY)
    assert accept(folder.installation.engine, "town", NOW + DAY, (NOW + DAY).date()) == 300
    assert folder.totals() == 300
    assert folder.read(NOW + DAY).health is not SourceHealth.BROKEN
    assert accept(folder.installation.engine, "town", NOW + DAY, (NOW + DAY).date()) == 0


@pytest.mark.parametrize(
    ("odd", "is_lost"),
    [
        ("1,when?,Rats,North", False),  # it is there, though it cannot be used
        (",2026-06-02T10:00:00,Rats,North", True),
        ("1,2026-06-02T10:00:00,Rats", True),
    ],
)
def test_a_row_that_may_be_any_request_makes_a_snapshot_prove_nothing(
    folder: Folder, odd: str, *, is_lost: bool
) -> None:
    folder.drop("a.csv", rows(range(600)))
    folder.read()
    folder.drop("b.csv", [*rows(range(5, 600)), odd])
    folder.read(NOW + DAY)
    assert folder.ids() == {str(n) for n in range(0 if is_lost else 5, 600)} | {"1"}


def test_rows_without_ids_that_were_edited_are_not_counted_twice(engine: Engine, tmp_path: Path) -> None:
    folder = Folder(engine, tmp_path, fields={"requested_at": "at", "category": "category"})
    folder.drop("a.csv", rows(range(600)))
    folder.read()
    folder.drop("b.csv", [row.replace("Rats", "Mice") if "-06-03T" in row else row for row in rows(range(600))])
    folder.read(NOW + DAY)
    assert folder.totals() == 600


def counts(numbers: dict[tuple[int, str], int]) -> list[str]:
    return ["at,category,n", *(f"2026-06-{day:02},{category},{n}" for (day, category), n in numbers.items())]


def test_counts_that_a_snapshot_lacks_are_zero(engine: Engine, tmp_path: Path) -> None:
    folder = Folder(engine, tmp_path, rows="counts", fields={"date": "at", "category": "category", "opened": "n"})
    usual = {(day, category): 10 for day in range(1, 31) for category in ("Rats", "Noise")}
    folder.drop("a.csv", counts({**usual, (3, "Twice told"): 4}))
    folder.read()
    folder.drop("b.csv", counts(usual))
    folder.read(NOW + DAY)
    assert folder.totals() == 600
    assert folder.counters()["removed_counts"] == 1
    folder.drop("c.csv", counts({key: 12 for key in usual if key[1] == "Rats"}))
    folder.read(NOW + 2 * DAY)
    assert folder.totals() == 660, "half of all are not taken away"
    with snapshot(engine) as conn:
        (told,) = read_rejects(conn, "town", 9)
    assert (told.reason, told.position) == ("small_snapshot", "c.csv")
    assert "lacks 300 of 660 requests" in told.detail


def test_a_folder_is_not_read_again_by_every_run(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.drop("a.csv", rows(range(600)))
    folder.read()
    asked = []
    monkeypatch.setattr("connectors.files.Files.reconcile", lambda _, span: asked.append(span) or NOTHING)
    for days in range(16):
        folder.read(NOW + days * DAY)
    assert len(asked) == 2
    with snapshot(folder.installation.engine) as conn:
        control = read_control(conn, "town")
    assert control is not None
    assert control.file == "a.csv"
