from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import pytest

from connectors import connector_for
from connectors.checking import Check, check
from forewarn.errors import SourceUnavailable
from forewarn.settings import SourceSettings
from tests.servers.faults import Faulty, status
from tests.servers.socrata import SmallSocrata

NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)
COLUMNS = ["unique_key", "created_date", "complaint_type", "status", "lat", "lon"]
FIELDS = {
    "source_record_id": "unique_key",
    "requested_at": "created_date",
    "category": "complaint_type",
    "status": "status",
    "latitude": "lat",
    "longitude": "lon",
}


def portal(rows: int = 20, *, first: str = "2026-06-25T12:00", **values: str) -> SmallSocrata:
    found = SmallSocrata(COLUMNS, updated_at=int(NOW.timestamp()) - 5 * 3600)
    usual = {"complaint_type": "Rats", "status": "Open", "lat": "40.7", "lon": "-74.0"}
    for number in range(rows):
        at = datetime.fromisoformat(first) + number * timedelta(hours=6)
        row = {"unique_key": str(number), "created_date": f"{at:%Y-%m-%dT%H:%M:%S.000}", **usual, **values}
        found.put(f"row-{number}", "2026-06-30T06:00:00.000Z", **row)
    return found


def checked(url: str, *, title: str = "", fields: dict[str, str] = FIELDS) -> Check:
    options: dict[str, Any] = {"allow_http": True, "allow_private_hosts": True, "dataset": "abcd-1234"}
    settings = SourceSettings(kind="socrata", zone="America/New_York", url=url, fields=fields, **options)
    return check(connector_for("nyc", settings), NOW, title)


def test_what_is_found_is_said_in_words(serving: Callable[[WSGIApplication], str]) -> None:
    found = checked(serving(portal()), title="New York")
    assert found.reached == "New York: reached, 20 rows, up to date until 2026-06-30 11:00 UTC (5 hours ago)"
    assert found.sample == (
        "20 requests of 2026-06-25 to 2026-06-30: 1 categories, 0 areas, 0 channels, 100% with a place"
    )
    assert found.plan == "2026-04-01 to 2026-07-01, in 4 pieces"
    assert "requested_at ← created_date" in found.fields
    assert (found.usable, list(found.wrong)) == (True, [])


def test_words_for_a_status_are_named_with_what_they_are_taken_for(serving: Callable[[WSGIApplication], str]) -> None:
    city = portal(12, status="Under a blue moon")
    for number, word in enumerate(["Completed - Dup", *["CLOSED"] * 3, "closed", *["", ""]]):
        at = f"2026-06-29T12:0{number}:00.000"
        row = {"unique_key": f"n{number}", "created_date": at, "complaint_type": "Rats", "status": word}
        city.put(f"row-n{number}", "2026-06-30T06:00:00.000Z", **row, lat="40.7", lon="-74.0")
    found = checked(serving(city))
    (held,) = [held for line, held in zip(found.fields, found.holds, strict=True) if line.startswith("status")]
    assert held == "71% 'under a blue moon' (unknown), 24% 'closed' (closed), 6% 'completed - dup' (duplicate)"
    assert "12 statuses are words that are not known; they are kept as 'unknown': 'under a blue moon'" in found.wrong


def test_a_field_that_the_source_does_not_have_is_named_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("id,created,complaint_type\n1,2026-06-28,Rats\n", encoding="utf-8")
    fields = {"source_record_id": "id", "requested_at": "created", "category": "complaint_typ"}
    settings = SourceSettings(kind="files", path=str(tmp_path), fields=fields)
    found = check(connector_for("calls", settings), NOW)
    assert not found.usable
    assert list(found.wrong) == [
        "category ← complaint_typ: the source shows no such field; did you mean 'complaint_type'?"
    ]


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (portal(unique_key="7"), "19 of 20 ids come more than once"),
        (portal(status="Under a blue moon"), "20 statuses are words that are not known"),
        (portal(complaint_type=""), "no request of the sample has a category"),
        (portal(first="2026-06-10T12:00"), "the newest request of the sample is of 2026-06-15"),
        (
            portal(created_date="2026-06-29T99:99:00.000"),
            "20 of 20 rows cannot be used (20 bad_date), such as row",
        ),
        (portal(rows=0), "nothing could be read as a sample"),
    ],
    ids=["ids", "status", "category", "old", "dates", "empty"],
)
def test_what_looks_wrong_is_said(serving: Callable[[WSGIApplication], str], server: SmallSocrata, said: str) -> None:
    wrong = checked(serving(server)).wrong
    assert any(said in line for line in wrong), wrong


def test_a_sample_that_cannot_be_read_is_said_and_the_rest_still_told(
    serving: Callable[[WSGIApplication], str],
) -> None:
    faulty = Faulty(portal())
    faulty.queue.extend([None, None, None, *[status("500 Internal Server Error")] * 40])
    found = checked(serving(faulty))
    assert not found.usable
    assert found.wrong[0].startswith("a sample could not be read:")
    assert "20 rows" in found.reached


def test_a_source_that_is_not_there_raises(serving: Callable[[WSGIApplication], str]) -> None:
    faulty = Faulty(portal())
    faulty.queue.extend([status("500 Internal Server Error")] * 40)
    with pytest.raises(SourceUnavailable):
        checked(serving(faulty))


def test_a_source_of_which_no_row_can_be_used_is_not_usable_and_has_something(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("id,created\n1,28/06-2026\n2,29/06-2026\n", encoding="utf-8")
    settings = SourceSettings(
        kind="files", path=str(tmp_path), fields={"source_record_id": "id", "requested_at": "created"}
    )
    found = check(connector_for("calls", settings), NOW)
    assert not found.usable
    assert [line for line in found.wrong if "nothing could be read" in line] == []
    assert found.wrong[0].startswith("2 of 2 rows cannot be used (2 bad_date), such as row 1: requested_at holds")


def test_ready_counts_are_summed_up(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("day,topic,n\n2026-06-28,Rats,4\n2026-06-29,Rats,6\n", encoding="utf-8")
    fields = {"date": "day", "opened": "n", "category": "topic"}
    settings = SourceSettings(kind="files", path=str(tmp_path), rows="counts", fields=fields)
    found = check(connector_for("calls", settings), NOW)
    assert found.sample == "2 daily numbers of 2026-06-28 to 2026-06-29, 10 requests in all"
    assert found.usable


def test_weekly_numbers_are_called_so_and_the_running_week_has_no_age(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("week,n\n2026-W26,4\n2026-W27,6\n", encoding="utf-8")
    fields = {"date": "week", "opened": "n"}
    settings = SourceSettings(kind="files", step="week", path=str(tmp_path), rows="counts", fields=fields)
    found = check(connector_for("calls", settings), NOW)
    assert found.sample == "2 weekly numbers of 2026-06-28 to 2026-07-05, 10 requests in all"
    assert found.reached.endswith("is of 2026-07-05 (not over yet)")


def test_a_file_that_is_left_out_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("id,created,topic\n1,2026-06-28,Lärm\n", encoding="cp1252")
    fields = {"source_record_id": "id", "requested_at": "created", "category": "topic"}
    settings = SourceSettings(kind="files", path=str(tmp_path), fields=fields)
    found = check(connector_for("calls", settings), NOW)
    assert not found.usable
    assert list(found.wrong) == [
        "calls.csv is left out: byte 0xe4 is not utf-8; set `encoding` to the right one, often 'cp1252'"
    ]


@pytest.mark.parametrize("word", ["Offen", "in Bearbeitung", "Erledigt", "Duplikat", "Pendiente", "Résolu", "Annulé"])
def test_words_for_a_status_in_other_languages(serving: Callable[[WSGIApplication], str], word: str) -> None:
    assert list(checked(serving(portal(status=word))).wrong) == []
