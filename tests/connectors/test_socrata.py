from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from wsgiref.types import WSGIApplication

import pytest

from connectors import connector_for
from connectors.socrata import BACKFILL, Socrata
from forewarn.contracts import Page, Window
from forewarn.errors import ConfigError, SourceChanged
from forewarn.settings import SourceSettings
from tests.servers.faults import Faulty
from tests.servers.socrata import SmallSocrata

Serving = Callable[[WSGIApplication], str]
NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)
FIELDS = {"source_record_id": "unique_key", "requested_at": "created_date", "category": "complaint_type"}
COLUMNS = ["unique_key", "created_date", "complaint_type"]


@pytest.fixture
def portal() -> SmallSocrata:
    found = SmallSocrata(COLUMNS, updated_at=int(NOW.timestamp()))
    for number in range(250):
        local = datetime(2026, 6, 1, tzinfo=UTC).replace(tzinfo=None) + number * timedelta(hours=2, minutes=47)
        found.put(
            f"row-{number:04d}",
            "2026-06-30T06:00:00.000Z",  # a bulk load: all rows share their time of update
            unique_key=str(69000000 + number),
            created_date=local.isoformat(timespec="milliseconds"),
            complaint_type="Rodent" if number % 3 else None,
        )
    return found


def connector(url: str, **options: Any) -> Socrata:
    settings = {
        "allow_http": True,
        "allow_private_hosts": True,
        "first_day": "2026-06-01",
        "dataset": "abcd-1234",
        "fields": FIELDS,
        "page_size": 60,
        **options,
    }
    found = connector_for("nyc", SourceSettings(kind="socrata", zone="America/New_York", url=url, **settings))
    assert isinstance(found, Socrata)
    return found


def read(source: Socrata, windows: Any) -> list[Page]:
    return [page for window in windows for page in source.fetch(window)]


def ids(pages: list[Page]) -> list[str]:
    return [request.source_record_id for page in pages for request in page.requests]


def test_the_first_reading_drains_everything_page_by_page(serving: Serving, portal: SmallSocrata) -> None:
    source = connector(serving(portal))
    windows = source.plan({}, NOW)
    pages = read(source, windows)
    assert {window.name for window in windows} == {BACKFILL}
    assert sorted(ids(pages)) == [str(69000000 + number) for number in range(250)]
    ends = [page.end for page in pages if page.end is not None]
    assert [end.covers for end in ends] == [
        (date(2026, 6, 1), date(2026, 6, 28)),
        (date(2026, 6, 29), date(2026, 6, 29)),
    ]
    assert ends[-1].open_day == date(2026, 6, 30)
    assert {request.category for page in pages for request in page.requests} == {"Rodent", ""}


def test_later_runs_read_what_was_updated(serving: Serving, portal: SmallSocrata) -> None:
    server = Faulty(portal)
    source = connector(serving(server))
    state = read(source, source.plan({}, NOW))[-1].end.state  # type: ignore[union-attr]
    tomorrow = NOW + timedelta(days=1)
    portal.updated_at = int(tomorrow.timestamp())
    portal.put("row-0005", "2026-07-01T07:00:00.000Z", unique_key="69000005", created_date="2026-06-01T13:55:00.000")
    server.asked.clear()
    windows = source.plan(state, tomorrow)
    pages = read(source, windows)
    assert ids(pages) == ["69000005"]
    end = pages[-1].end
    assert end is not None
    assert end.covers == (date(2026, 6, 1), date(2026, 6, 30))  # from the oldest day that was touched
    assert end.state["watermark"] == windows[0].until.isoformat()  # type: ignore[union-attr]
    assert len(server.asked) == 3
    assert ids(read(source, source.plan(end.state, tomorrow + timedelta(hours=2)))) == []


def test_a_frozen_data_set_covers_no_new_day(serving: Serving, portal: SmallSocrata) -> None:
    source = connector(serving(portal))
    state = read(source, source.plan({}, NOW))[-1].end.state  # type: ignore[union-attr]
    later = NOW + timedelta(days=4)
    end = read(source, source.plan(state, later))[-1].end
    assert end is not None
    assert end.covers is None
    assert source.probe().fresh_until == NOW


def test_an_interrupted_first_reading_goes_on(serving: Serving, portal: SmallSocrata) -> None:
    source = connector(serving(portal))
    first, second = source.plan({}, NOW)
    assert [window.since for window in source.plan(first.state, NOW + timedelta(hours=5))] == [second.since]
    assert second.state["watermark"] == (NOW - timedelta(minutes=5)).isoformat()


def test_a_wrong_token_is_said_in_words_and_not_shown(serving: Serving, portal: SmallSocrata) -> None:
    portal.token = "right"
    source = connector(serving(portal), app_token="wrong-hunter2")
    assert "hunter2" not in repr(source)
    with pytest.raises(SourceChanged, match="Invalid app_token") as caught:
        source.probe()
    assert "hunter2" not in str(caught.value)
    assert connector(serving(portal), app_token="right").probe().rows == 250


def test_a_column_that_is_gone_stops_the_source(serving: Serving, portal: SmallSocrata) -> None:
    source = connector(serving(portal))
    window = source.plan({}, NOW)[0]
    portal.columns.remove("complaint_type")
    with pytest.raises(SourceChanged, match="complaint_type"):
        read(source, [window])


def test_reconcile_counts_local_days(serving: Serving, portal: SmallSocrata) -> None:
    midnight = datetime(2026, 6, 2, 4, tzinfo=UTC)
    source = connector(serving(portal))
    assert source.reconcile(Window(midnight, midnight + timedelta(days=1))).total == 9


def test_a_field_that_must_be_there() -> None:
    with pytest.raises(ConfigError, match="requested_at"):
        connector("https://example.org", fields={"source_record_id": "id"})
    with pytest.raises(ConfigError, match="fields"):
        connector("https://example.org", fields=FIELDS | {"kategorie": "x"})
