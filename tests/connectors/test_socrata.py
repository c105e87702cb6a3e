import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication
from zoneinfo import ZoneInfo

import pytest

from connectors import connector_for
from connectors.socrata import BACKFILL, Socrata
from forewarn.contracts import Page, Window
from forewarn.errors import ConfigError, SourceChanged, SourceUnavailable
from forewarn.settings import SourceSettings
from tests.servers import faults
from tests.servers.faults import Faulty
from tests.servers.socrata import SmallPortal, SmallSocrata

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


@pytest.mark.parametrize("then", [{"first_day": "2026-06-10"}, {"first_day": "2026-05-01"}, {"first_day": None}])
def test_days_before_the_first_reading_are_not_known_by_what_is_updated(
    serving: Serving, portal: SmallSocrata, then: dict[str, Any]
) -> None:
    url = serving(portal)
    source = connector(url, first_day="2026-06-10")
    state = [page.end.state for page in read(source, source.plan({}, NOW)) if page.end is not None][-1]
    tomorrow = NOW + timedelta(days=1)
    old = {"unique_key": "7", "created_date": "2026-05-20T09:00:00.000", "complaint_type": "Rodent"}
    portal.put("row-7", "2026-07-01T06:00:00.000Z", **old)
    portal.updated_at = int(tomorrow.timestamp())
    later = connector(url, **then)
    pages = read(later, later.plan(state, tomorrow))
    assert "7" in ids(pages), "it is kept"
    assert [page.end.covers for page in pages if page.end] == [(date(2026, 6, 10), date(2026, 6, 30))]


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


@pytest.mark.parametrize("soda", ["2.1", "3"])
def test_a_wrong_token_is_said_in_words_and_not_shown(serving: Serving, portal: SmallSocrata, soda: str) -> None:
    portal.token = "right"
    source = connector(serving(portal), app_token="wrong-hunter2", soda=soda)
    assert "hunter2" not in repr(source)
    for ask in (source.probe, lambda: read(source, source.plan({}, NOW))):
        with pytest.raises(SourceChanged, match=r"app_token is not accepted: mend it.*Invalid app_token") as caught:
            ask()
        assert "hunter2" not in str(caught.value)
    assert connector(serving(portal), app_token="right", soda=soda).probe().rows == 250


def test_version_3_gives_the_same(serving: Serving, portal: SmallSocrata) -> None:
    server = Faulty(portal)
    portal.token = "right"
    source = connector(serving(server), app_token="right", soda="3")
    pages = read(source, source.plan({}, NOW))
    assert sorted(ids(pages)) == [str(69000000 + number) for number in range(250)]
    assert not [asked for asked in server.asked if "/resource/" in asked]
    state = pages[-1].end.state  # type: ignore[union-attr]
    portal.put("row-0005", "2026-07-01T07:00:00.000Z", unique_key="69000005", created_date="2026-06-01T13:55:00.000")
    assert ids(read(source, source.plan(state, NOW + timedelta(days=1)))) == ["69000005"]
    midnight = datetime(2026, 6, 2, 4, tzinfo=UTC)
    assert source.reconcile(Window(midnight, midnight + timedelta(days=1))).total == 9


def test_metadata_that_is_refused_is_a_remark(serving: Serving, portal: SmallSocrata) -> None:
    portal.hides_metadata = True
    source = connector(serving(portal))
    found = source.probe()
    assert found.rows == 250
    assert "tells nothing else" in " ".join(found.remarks)
    assert found.fresh_until == datetime(2026, 6, 30, 6, tzinfo=UTC)  # the newest row
    pages = read(source, source.plan({}, NOW))
    assert len(ids(pages)) == 250
    assert pages[-1].end.covers == (date(2026, 6, 29), date(2026, 6, 29))  # type: ignore[union-attr]
    assert pages[-1].end.fresh_until == datetime(2026, 6, 30, 6, tzinfo=UTC)  # type: ignore[union-attr]

    nobody = SmallSocrata(COLUMNS, updated_at=0)
    nobody.hides_metadata = True
    assert connector(serving(nobody)).probe().fresh_until is None


def test_data_that_may_not_be_read_says_so(serving: Serving, portal: SmallSocrata) -> None:
    refusal = b'{"code": "permission_denied", "error": true, "message": "You must be logged in"}'
    forbidden: faults.Fault = lambda _: ("403 Forbidden", [("Content-Type", "application/json")], refusal)  # noqa: E731
    server = Faulty(portal)
    server.queue.extend([None, forbidden])
    with pytest.raises(SourceChanged, match="may not be read without an app_token"):
        connector(serving(server)).probe()
    failed = b'{"code": "internal", "error": true, "message": "Internal error"}'
    server.queue.extend([None, lambda _: ("200 OK", [("Content-Type", "application/json")], failed)])
    with pytest.raises(SourceUnavailable, match="Internal error"):
        connector(serving(server)).probe()


def test_a_full_replacement_is_read_once_and_known_by_its_keys(serving: Serving, portal: SmallSocrata) -> None:
    source = connector(serving(portal))
    first = read(source, source.plan({}, NOW))
    state = first[-1].end.state  # type: ignore[union-attr]
    before = {
        request.source_record_id: (request.requested_at, request.category) for p in first for request in p.requests
    }
    for number in range(250):
        at = datetime(2026, 6, 1, tzinfo=UTC).replace(tzinfo=None) + number * timedelta(hours=2, minutes=47)
        portal.remove(f"row-{number:04d}")
        kind = "Rodent" if number % 3 else None
        portal.put(
            f"row-new-{number:04d}",
            "2026-07-01T05:00:00.000Z",
            unique_key=str(69000000 + number),
            created_date=at.isoformat(timespec="milliseconds"),
            complaint_type=kind,
        )
    portal.updated_at = int((NOW + timedelta(hours=13)).timestamp())
    pages = read(source, source.plan(state, NOW + timedelta(days=1)))
    assert len(ids(pages)) == 250
    assert {r.source_record_id: (r.requested_at, r.category) for page in pages for r in page.requests} == before


def test_each_year_has_its_data_set_until_it_is_closed(serving: Serving) -> None:
    new_year = datetime(2026, 1, 1, 5, tzinfo=UTC)
    now = new_year + timedelta(hours=30)
    years = {key: SmallSocrata(COLUMNS, updated_at=int(now.timestamp())) for key in ("aaaa-2025", "bbbb-2026")}
    server = Faulty(SmallPortal(years))

    def put(name: str, number: int, at: datetime, updated: datetime, kind: str = "Rodent") -> None:
        local = at.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None).isoformat(timespec="milliseconds")
        stamp = updated.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        years[name].put(f"r{number:05d}", stamp, unique_key=str(number), created_date=local, complaint_type=kind)

    for n in range(100):
        put("aaaa-2025", n, new_year - timedelta(hours=1 + n), new_year)
    for n in range(30):
        put("bbbb-2026", 1000 + n, new_year + timedelta(hours=n), now - timedelta(minutes=10))
    datasets = {"2024": "zzzz-2024", "2025": "aaaa-2025", "2026": "bbbb-2026", "2027": "yyyy-2027"}
    source = connector(serving(server), dataset="", datasets=datasets, first_day="2025-12-20")
    pages = read(source, source.plan({}, now))
    assert len(ids(pages)) == 130
    ends = [page.end for page in pages if page.end is not None]
    assert [end.covers for end in ends] == [
        (date(2025, 12, 20), date(2025, 12, 31)),
        (date(2026, 1, 1), date(2026, 1, 1)),
    ]
    put("aaaa-2025", 50, new_year - timedelta(hours=51), now + timedelta(hours=1), "Mice")  # closed in the new year
    for key in years:
        years[key].updated_at = int((now + timedelta(days=1)).timestamp())
    later = read(source, source.plan(ends[-1].state, now + timedelta(days=1)))
    assert {r.category for page in later for r in page.requests if r.source_record_id == "50"} == {"Mice"}
    (_, last) = [page.end for page in later if page.end is not None]
    assert last.covers == (date(2026, 1, 1), date(2026, 1, 2))
    assert source.reconcile(Window(new_year - timedelta(hours=3), new_year + timedelta(hours=2))).total == 5

    server.asked.clear()
    spring = read(source, source.plan(last.state, now + timedelta(days=100)))
    assert not [asked for asked in server.asked if "2025" in asked]
    assert set(spring[-1].end.state["years"]) == {"2025", "2026"}  # type: ignore[union-attr]


def test_a_real_answer_is_read_whole_and_each_reject_has_its_reason(real_data: Path, serving: Serving) -> None:
    with gzip.open(real_data / "api_payloads" / "socrata_soda_json_nyc311_1000rows_2026-02-13.json.gz") as file:
        rows = json.load(file)
    assert len(rows) == 1000
    rows[3].pop("unique_key")
    rows[5]["created_date"] = "ZZZZZZZZ"
    columns = sorted(
        {key for row in rows for key, value in row.items() if isinstance(value, str) and key.isidentifier()}
    )
    recorded = SmallSocrata(columns, updated_at=int(datetime(2026, 2, 14, 12, tzinfo=UTC).timestamp()))
    for number, row in enumerate(rows):
        values = {name: row[name] for name in columns if isinstance(row.get(name), str)}
        recorded.put(f"row-{number:04d}", "2026-02-13T12:00:00.000Z", **values)
    fields = {
        "source_record_id": "unique_key",
        "requested_at": "created_date",
        "closed_at": "closed_date",
        "category": "complaint_type",
        "subcategory": "descriptor",
        "area": "community_board",
        "agency": "agency",
        "channel": "open_data_channel_type",
        "status": "status",
        "latitude": "latitude",
        "longitude": "longitude",
    }
    source = connector(serving(recorded), fields=fields, page_size=300, first_day="2026-02-01")
    since = datetime(2026, 2, 13, tzinfo=UTC)
    state = {"watermark": (since + timedelta(days=1)).isoformat()}
    pages = list(source.fetch(Window(since, since + timedelta(days=1), state=state)))
    assert len(ids(pages)) == 998
    assert all(request.category and request.agency for page in pages for request in page.requests)
    rejects = [(reject.reason, reject.position) for page in pages for reject in page.rejects]
    assert rejects == [("no_id", "row row-0003"), ("bad_date", "row row-0005")]


def test_a_column_that_is_gone_stops_the_source(serving: Serving, portal: SmallSocrata) -> None:
    source = connector(serving(portal))
    window = source.plan({}, NOW)[0]
    portal.columns.remove("complaint_type")
    with pytest.raises(SourceChanged, match="complaint_type"):
        read(source, [window])


def test_reconcile_knows_the_ids_of_local_days(serving: Serving, portal: SmallSocrata) -> None:
    midnight = datetime(2026, 6, 2, 4, tzinfo=UTC)
    source = connector(serving(portal))
    found = source.reconcile(Window(midnight, midnight + timedelta(days=1)))
    assert found.record_ids == frozenset(str(69000000 + number) for number in range(9, 18))
    portal.rows_at_most = 4
    assert source.reconcile(Window(midnight, midnight + timedelta(days=1))) == found


def test_single_requests_are_read_again(serving: Serving, portal: SmallSocrata) -> None:
    server = Faulty(portal)
    source = connector(serving(server))
    asked = [str(69000000 + number) for number in range(240, 390)]
    assert sorted(ids(list(source.read_again(asked, NOW)))) == asked[:10]
    assert len(server.asked) == 2
    odd = [*asked[:1], "it's"]
    assert ids(list(source.read_again(odd, NOW))) == asked[:1]


def test_ids_that_are_not_as_many_as_the_rows_are_no_proof(serving: Serving, portal: SmallSocrata) -> None:
    server = Faulty(portal)
    source = connector(serving(server), page_size=5)
    midnight = datetime(2026, 6, 2, 4, tzinfo=UTC)
    server.queue.extend([None, lambda _: ("200 OK", [("Content-Type", "application/json")], b"[]")])
    found = source.reconcile(Window(midnight, midnight + timedelta(days=1)))
    assert (found.total, found.record_ids) == (9, None)


def test_a_field_that_must_be_there() -> None:
    with pytest.raises(ConfigError, match="requested_at"):
        connector("https://example.org", fields={"source_record_id": "id"})
    with pytest.raises(ConfigError, match="fields"):
        connector("https://example.org", fields=FIELDS | {"kategorie": "x"})


def test_settings_that_cannot_work() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"soda": "3"}, "needs an app_token"),
        ({"dataset": ""}, "either dataset or datasets"),
        ({"datasets": {"2026": "abcd-1234"}}, "either dataset or datasets"),
        ({"soda": "1"}, "soda"),
    ]
    for options, message in wrong:
        with pytest.raises(ConfigError, match=message):
            connector("https://example.org", **options)
