import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from connectors import connector_for
from connectors.open311 import UPDATES, Open311
from forewarn.contracts import Page, Window, WindowEnd
from forewarn.errors import SourceChanged, SourceUnavailable
from forewarn.settings import SourceSettings
from tests.servers import faults
from tests.servers.faults import Faulty
from tests.servers.open311 import Habits, SmallOpen311

Serving = Callable[[WSGIApplication], str]
NOW = datetime(2026, 6, 30, 10, tzinfo=UTC)
ZONE = "America/Chicago"


def row(number: int, at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "service_request_id": f"{number:05d}",
        "service_name": "Pothole",
        "status": "open",
        "requested_datetime": at.isoformat(),
        "updated_datetime": at.isoformat(),
        "lat": 41.9,
        "long": -87.6,
        **more,
    }


def many(
    count: int, *, every: timedelta = timedelta(minutes=37), first: datetime | None = None
) -> list[dict[str, Any]]:
    start = first or NOW - timedelta(days=20)
    return [row(number, start + number * every) for number in range(count)]


def connector(url: str, **options: Any) -> Open311:
    settings = {"allow_http": True, "allow_private_hosts": True, "first_day": "2026-06-01", **options}
    found = connector_for("chicago", SourceSettings(kind="open311", zone=ZONE, url=url, **settings))
    assert isinstance(found, Open311)
    return found


def read(source: Open311, windows: Any) -> tuple[list[Page], list[WindowEnd]]:
    pages = [page for window in windows for page in source.fetch(window)]
    return pages, [page.end for page in pages if page.end is not None]


def ids(pages: list[Page]) -> Counter[str]:
    return Counter(request.source_record_id for page in pages for request in page.requests)


@pytest.mark.parametrize(
    ("habits", "options"),
    [
        (Habits(), {}),
        (Habits(cap=50), {"dialect": "connected-bits"}),
        (Habits(cap=50), {}),  # a cap that nobody announced
        (Habits(cap=100, ignores_pages=True), {}),
        (Habits(cap=50, empty_is_404=True), {"dialect": "mark-a-spot"}),
        (Habits(single_as_object=True), {"page_size": 25}),
    ],
)
def test_everything_comes_once_whatever_the_server_does(serving: Serving, habits: Habits, options: Any) -> None:
    server = Faulty(SmallOpen311(many(700), habits))
    source = connector(serving(server), **options)
    pages, ends = read(source, source.plan({}, NOW))
    assert ids(pages) == Counter({f"{number:05d}": 1 for number in range(700)})
    assert ends[-1].covers == (date(2026, 6, 29), date(2026, 6, 29))
    assert ends[0].covers == (date(2026, 6, 1), date(2026, 6, 28))
    assert ends[-1].open_day == date(2026, 6, 30)
    ideal = 2 + 700 / min(habits.cap, source._page_size)
    assert len(server.asked) <= 3 * ideal + 20  # small windows at the start and the end


def test_days_are_those_of_the_zone(serving: Serving) -> None:
    midnight = datetime(2026, 6, 10, 5, tzinfo=UTC)  # 00:00 in Chicago
    rows = [row(1, midnight - timedelta(seconds=1)), row(2, midnight), row(3, midnight + timedelta(hours=23))]
    source = connector(serving(SmallOpen311(rows)))
    pages, _ = read(source, [Window(midnight - timedelta(days=1), midnight + timedelta(days=1), state={})])
    days = {request.source_record_id: request.day.day for page in pages for request in page.requests}
    assert days == {"00001": 9, "00002": 10, "00003": 10}


def test_an_empty_source_is_read_and_says_so(serving: Serving) -> None:
    source = connector(serving(SmallOpen311([])))
    pages, ends = read(source, source.plan({}, NOW))
    assert not ids(pages)
    assert ends[-1].covers is not None


def test_a_second_of_many_requests_is_paged(serving: Serving) -> None:
    batch = many(230, every=timedelta(0))
    source = connector(serving(SmallOpen311(batch, Habits(cap=50))), page_size=50)
    assert len(ids(read(source, source.plan({}, NOW))[0])) == 230

    stubborn = connector(serving(SmallOpen311(batch, Habits(cap=50, ignores_pages=True))), page_size=50)
    with pytest.raises(SourceUnavailable, match="in one second"):
        read(stubborn, stubborn.plan({}, NOW))


def test_a_server_that_ignores_the_dates_is_found_out(serving: Serving) -> None:
    source = connector(serving(SmallOpen311(many(60), Habits(ignores_dates=True))))
    with pytest.raises(SourceChanged, match="ignores start_date"):
        read(source, source.plan({}, NOW))


def test_each_run_reads_two_hours_again_and_the_first_of_a_day_fourteen_days() -> None:
    source = connector("http://127.0.0.1")
    state = source.plan({}, NOW)[-1].state
    soon = NOW + timedelta(hours=1)
    (window,) = source.plan(state, soon)
    assert window.since == NOW - timedelta(hours=2, minutes=5)
    assert window.until == soon - timedelta(minutes=5)
    first_of_day = source.plan(window.state, NOW + timedelta(days=1))[0]
    assert first_of_day.since == datetime(2026, 6, 17, 5, tzinfo=UTC)
    assert source.plan(window.state, NOW + timedelta(days=1)) == source.plan(window.state, NOW + timedelta(days=1))


def test_updates_are_read_where_the_server_can_tell(serving: Serving) -> None:
    server = SmallOpen311(many(200), now=lambda: NOW + timedelta(days=30))
    source = connector(serving(server), dialect="extended")
    windows = source.plan({}, NOW)
    assert UPDATES not in {window.name for window in windows}
    later = NOW + timedelta(hours=3)
    server.requests[3] |= {"status": "closed", "updated_datetime": (NOW + timedelta(hours=1)).isoformat()}
    windows = source.plan(windows[-1].state, later)
    pages, ends = read(source, windows)
    changed = [r for page in pages for r in page.requests if r.source_record_id == "00003"]
    assert changed[0].status == "closed"
    assert changed[0].closed_at == NOW + timedelta(hours=1)
    assert ends[-1].covers is None
    assert ends[-1].state["updated"] == windows[-1].until.isoformat()  # type: ignore[union-attr]


def test_a_failing_page_leaves_the_window_without_end(serving: Serving) -> None:
    server = Faulty(SmallOpen311(many(100)))
    source = connector(serving(server))
    server.queue.extend([None, *[faults.web_page] * 5])
    ended = []
    with pytest.raises(SourceUnavailable):
        ended.extend(page.end for page in source.fetch(source.plan({}, NOW)[0]))
    assert not any(ended)


def test_wrong_rows_are_kept_aside_with_a_reason(serving: Serving) -> None:
    at = NOW - timedelta(days=3)
    rows = [
        row(1, at),
        row(2, at) | {"service_request_id": None},
        row(3, at) | {"lat": 0.0, "long": 0.0, "status": "Zzz"},
    ]
    app = SmallOpen311(rows)
    source = connector(serving(app))
    pages, _ = read(source, [Window(at - timedelta(hours=1), at + timedelta(hours=1), state={})])
    assert [reject.reason for page in pages for reject in page.rejects] == ["no_id"]
    counters = pages[0].counters
    assert counters["null_island"] == counters["unmapped_status"] == 1
    assert set(ids(pages)) == {"00001", "00003"}


def test_an_error_in_place_of_records_is_no_empty_day(serving: Serving) -> None:
    server = Faulty(SmallOpen311([]))
    source = connector(serving(server))
    body = b'[{"code": 500, "description": "database gone"}]'
    error: faults.Fault = lambda _: ("200 OK", [("Content-Type", "application/json")], body)  # noqa: E731
    server.queue.extend([error] * 5)
    with pytest.raises(SourceUnavailable):
        read(source, source.plan({}, NOW))


def test_probe_and_reconcile(serving: Serving) -> None:
    source = connector(serving(SmallOpen311(many(120))))
    found = source.probe()
    assert found.reachable
    assert "1 services" in found.remarks
    assert "requested_datetime" in found.fields
    span = Window(NOW - timedelta(days=20), NOW - timedelta(days=19), state={})
    assert source.reconcile(span).record_ids == {f"{number:05d}" for number in range(39)}


@pytest.mark.parametrize("value", [1_780_000_000, 1.5e300, float("nan"), True, {"at": "noon"}, [1], "\ud800", None])
@pytest.mark.parametrize(
    "key", ["service_request_id", "requested_datetime", "updated_datetime", "service_name", "status", "lat"]
)
def test_values_of_any_type_reject_at_most_their_own_row(serving: Serving, key: str, value: Any) -> None:
    wrong, right = row(1, NOW - timedelta(days=1)), row(2, NOW - timedelta(days=1))
    for rows in ([{**wrong, key: value}, right], [{**wrong, key: value}]):  # mixed types, and one type only
        server = JsonServer(rows)
        pages, _ = read(connector(serving(server)), [Window(NOW - timedelta(days=2), NOW)])
        found = ids(pages)
        n_rejected = len({reject.position for page in pages for reject in page.rejects})
        assert len(found) + n_rejected == len(rows)
        assert (right in rows) == ("00002" in found)


class JsonServer:
    """Answers every question with the same rows."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.body = json.dumps(rows).encode()

    def __call__(self, _: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(self.body)))])
        return [self.body]
