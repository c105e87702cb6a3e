import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from connectors import connector_for
from connectors.open311 import STATUSES, UPDATES, Open311
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
        (Habits(cap=50, empty_is_404=True, first_page=0), {"dialect": "mark-a-spot"}),
        (Habits(single_as_object=True), {"page_size": 25}),
        (Habits(cap=50, empty_is_404=True, first_page=0, last_page_repeats=True), {"dialect": "mark-a-spot"}),
        (Habits(cap=50, too_much=25, first_page=0, empty_is_404=True), {"dialect": "mark-a-spot", "page_size": 100}),
        (Habits(cap=50, by_update=True, capitals=True), {"dialect": "connected-bits"}),
        (Habits(cap=500, ends="neither"), {"dialect": "chicago"}),
        (Habits(cap=500, naive=True), {"dialect": "chicago", "dates": "local"}),
        (Habits(cap=200, ignores_pages=True, ends="first"), {"dialect": "helsinki"}),
        (Habits(), {"dialect": "citysdk"}),
        (Habits(naked_ids=True), {}),
        (Habits(cap=100), {"form": "xml"}),
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

    before = row(999, NOW - timedelta(days=19))
    server = SmallOpen311([*batch, before], Habits(cap=50, ignores_pages=True))
    stubborn = connector(serving(server), page_size=50)
    pages, ends = read(stubborn, stubborn.plan({}, NOW))
    assert ids(pages)["00999"] == 1, "the rest is read all the same"
    assert len(ids(pages)) == 51, "of the second as much as it gives"
    assert [reject.reason for page in pages for reject in page.rejects] == ["unreadable_second"]
    partial = {day for end in ends for day in end.partial_days}
    assert partial == {(NOW - timedelta(days=20)).date()}, "and nobody takes that day for complete"


def test_one_request_that_the_server_cannot_write_costs_its_second_only(serving: Serving) -> None:
    rows = many(100)
    server = Faulty(SmallOpen311(rows, Habits(unwritable=frozenset({"00060"}))))
    source = connector(serving(server))
    pages, ends = read(source, source.plan({}, NOW))
    assert set(ids(pages)) == {f"{number:05d}" for number in range(100) if number != 60}
    (reject,) = [reject for page in pages for reject in page.rejects]
    at = datetime.fromisoformat(rows[60]["requested_datetime"])
    assert reject.reason == "unreadable_second"
    assert abs(datetime.fromisoformat(reject.position) - at) < timedelta(seconds=3)
    assert {day for end in ends for day in end.partial_days} == {at.astimezone(source.tz).date()}
    assert len(server.asked) < 120


def test_what_the_server_stumbles_over_is_asked_for_by_itself_the_next_time(serving: Serving) -> None:
    rows = many(400)
    small = SmallOpen311(rows, Habits(unwritable=frozenset({"00390"})))
    server = Faulty(small)
    source = connector(serving(server))
    state = read(source, source.plan({}, NOW))[1][-1].state
    for days in (1, 2):
        server.asked.clear()
        again = connector(source.url)
        pages, ends = read(again, again.plan(state, NOW + timedelta(days=days)))
        assert len(server.asked) <= 10, "it was 50 the first time"
        assert [reject.reason for page in pages for reject in page.rejects] == ["unreadable_second"]
        assert len(next(end.partial_days for end in ends)) == 1
        state = ends[-1].state
    small.habits = Habits()
    pages, ends = read(source, source.plan(state, NOW + timedelta(days=3)))
    assert ids(pages)["00390"] == 1
    assert not any(end.partial_days for end in ends)
    assert not any(ends[-1].state["troubles"].values()), "and it is forgotten"


def test_many_changes_of_one_second_are_read_by_themselves(serving: Serving) -> None:
    rows = many(300)
    server = Faulty(SmallOpen311(rows, Habits(cap=25), now=lambda: NOW + timedelta(days=1)))
    source = connector(serving(server), dialect="extended", page_size=400)
    windows = source.plan({}, NOW)
    state = read(source, windows)[1][-1].state
    for changed in rows[:200]:  # a category is renamed
        changed["updated_datetime"] = (NOW + timedelta(minutes=20)).isoformat()
    server.asked.clear()
    pages, _ = read(source, source.plan(state, NOW + timedelta(hours=2)))
    assert len([key for key in ids(pages) if key < "00200"]) == 200
    assert len(server.asked) <= 200 / 25 + 6


def test_a_server_that_is_down_is_not_taken_to_pieces(serving: Serving) -> None:
    server = Faulty(SmallOpen311(many(100)))
    source = connector(serving(server))
    server.queue.extend([faults.status("500 Internal Server Error")] * 50)
    with pytest.raises(SourceUnavailable):
        read(source, source.plan({}, NOW))
    assert len(server.asked) == 6, "five tries, and once something else"

    server.queue.clear()
    server.queue.extend([None] * 5 + [faults.status("500 Internal Server Error")] * 5 + [None])
    server.queue.extend([faults.status("500 Internal Server Error")] * 500)
    server.asked.clear()
    with pytest.raises(SourceUnavailable):  # dies while it is looked what it stumbles over
        read(source, source.plan({}, NOW))
    assert len(server.asked) < 80


def test_pages_that_are_short_are_not_the_last(serving: Serving) -> None:
    left_out = frozenset(f"{number:05d}" for number in range(0, 230, 9))
    habits = Habits(cap=50, first_page=0, left_out=left_out, empty_is_404=True, last_page_repeats=True)
    rows = many(230, every=timedelta(minutes=5))
    source = connector(serving(SmallOpen311(rows, habits)), dialect="mark-a-spot")
    pages, ends = read(source, source.plan({}, NOW))
    assert ids(pages) == Counter({f"{n:05d}": 1 for n in range(230) if n % 9})
    assert not any(end.partial_days for end in ends)


def test_requests_without_an_id_are_skipped_until_they_have_one(serving: Serving) -> None:
    rows = many(3)
    server = SmallOpen311(rows, Habits(unnumbered=frozenset({"00001"})))
    source = connector(serving(server), dialect="chicago")
    pages, _ = read(source, source.plan({}, NOW))
    assert set(ids(pages)) == {"00000", "00002"}
    assert [reject.reason for page in pages for reject in page.rejects] == ["no_id"]
    server.habits = Habits()
    assert set(ids(read(source, source.plan({}, NOW))[0])) == {"00000", "00001", "00002"}


@pytest.mark.parametrize("truth", [bool, str, lambda value: str(value).lower(), int])
def test_requests_that_repeat_another_are_duplicates(serving: Serving, truth: Callable[[bool], Any]) -> None:
    rows = many(4)
    rows[0] |= {"status": "closed", "extended_attributes": {"duplicate": True}}
    rows[1] |= {"extended_attributes": {"duplicate": False}}
    rows[2] |= {"extended_attributes": {"parent_service_request_id": "00000"}}
    server = Faulty(SmallOpen311(rows, Habits(truth=truth)))
    source = connector(serving(server), dialect="chicago")
    pages, _ = read(source, source.plan({}, NOW))
    found = {request.source_record_id: request for page in pages for request in page.requests}
    assert [found[f"{n:05d}"].status for n in range(4)] == ["duplicate", "open", "duplicate", "open"]
    assert found["00000"].closed_at is not None
    assert all("extensions=true" in asked for asked in server.asked)


def test_dates_are_whole_seconds_with_the_zones_own_offset_unless_they_must_be_local(serving: Serving) -> None:
    server = Faulty(SmallOpen311(many(3)))
    url = serving(server)
    window = Window(datetime(2026, 6, 10, 5, tzinfo=UTC), datetime(2026, 6, 10, 6, tzinfo=UTC))
    read(connector(url), [window])
    assert "start_date=2026-06-09T23%3A59%3A59-05%3A00&end_date=2026-06-10T01%3A00%3A01-05%3A00" in server.asked[-1]
    with pytest.raises(SourceChanged, match="offset of a date"):  # what this server would rather have
        read(connector(url, dates="local"), [window])
    assert "start_date=2026-06-09T23%3A59%3A59&" in server.asked[-1], "and never local time that says Z"


def test_no_question_spans_more_than_ninety_days(serving: Serving) -> None:
    rows = many(5, every=timedelta(days=70), first=NOW - timedelta(days=360))
    source = connector(serving(SmallOpen311(rows)), dialect="extended", first_day="2025-01-01")
    state = {**source.plan({}, NOW - timedelta(days=300))[-1].state, "revisited": "2026-06-30"}
    pages, _ = read(source, source.plan(state, NOW))
    assert set(ids(pages)) == {f"{number:05d}" for number in range(1, 5)}


def test_other_services_are_left_out_where_the_server_does_not(serving: Serving) -> None:
    rows = [one | {"service_code": code} for one, code in zip(many(6), "ABCABC", strict=True)]
    server = SmallOpen311(rows, Habits(sends_all_services=True))
    source = connector(serving(server), service_codes=["A", "Z"], dialect="ureport")
    pages, _ = read(source, source.plan({}, NOW))
    assert set(ids(pages)) == {"00000", "00003"}
    assert sum(page.counters.get("other_services", 0) for page in pages) == 4
    assert "it has no service 'A', which service_codes names" in source.probe().remarks


def test_updates_that_are_not_filtered_are_found_out(serving: Serving) -> None:
    server = SmallOpen311(many(60), Habits(ignores_updated_after=True), now=lambda: NOW + timedelta(days=9))
    source = connector(serving(server), dialect="extended")
    state = source.plan({}, NOW)[-1].state
    with pytest.raises(SourceChanged, match="ignores updated_after"):
        read(source, source.plan(state, NOW + timedelta(days=2)))


def test_places_on_a_national_grid_are_left_out_and_told_or_turned_into_degrees(serving: Serving) -> None:
    rows = [one | {"lat": "313177.270", "long": "651409.903"} for one in many(3)]
    url = serving(SmallOpen311(rows))
    source = connector(url)
    pages, _ = read(source, source.plan({}, NOW))
    assert all(request.lat is None for page in pages for request in page.requests)
    assert sum(page.counters.get("bad_coordinates", 0) for page in pages) == 3
    assert any("set grid = 'osgb36'" in remark for remark in source.probe().remarks)
    pages, _ = read(connector(url, grid="osgb36"), source.plan({}, NOW))
    (place,) = {(request.lat, request.lon) for page in pages for request in page.requests}
    assert place == pytest.approx((52.65798, 1.71605), abs=5e-5)


def test_the_edge_of_toronto_refuses_now_and_then(serving: Serving) -> None:
    refusal: faults.Fault = lambda _: ("403 Forbidden", [("Content-Type", "text/html")], b"<html>denied")  # noqa: E731
    server = Faulty(SmallOpen311(many(3)))
    url = serving(server)
    server.queue.append(refusal)
    source = connector(url, dialect="toronto")
    assert len(ids(read(source, source.plan({}, NOW))[0])) == 3
    server.queue.append(refusal)
    with pytest.raises(SourceChanged, match="403"):
        read(connector(url), source.plan({}, NOW))


def test_an_address_that_ends_in_spaces_and_media_of_any_form(serving: Serving) -> None:
    rows = [one | {"media_url": media} for one, media in zip(many(3), ("http://a ", ["http://b"], None), strict=True)]
    source = connector(serving(SmallOpen311(rows)) + "/ ")
    pages, _ = read(source, source.plan({}, NOW))
    assert len(ids(pages)) == 3
    assert not any(page.rejects for page in pages)


def test_single_requests_are_looked_up_and_what_is_gone_or_made_up_is_told(serving: Serving) -> None:
    rows = many(60)
    wanted = [f"{number:05d}" for number in (3, 7, 70, 71)]
    for habits in (Habits(), Habits(makes_up=True), Habits(only_first_id=True), Habits(single_as_object=True)):
        server = Faulty(SmallOpen311(rows, habits))
        source = connector(serving(server))
        pages = list(source.read_again(wanted, NOW))
        assert set(ids(pages)) == {"00003", "00007"}
        assert [gone for page in pages for gone in page.removed] == ["00070", "00071"]
    assert not list(source.read_again([], NOW))


def test_changes_of_status_are_followed(serving: Serving) -> None:
    at = NOW + timedelta(minutes=30)

    def change(number: int, record_id: str, status: str, minutes: int) -> dict[str, Any]:
        when = (at + timedelta(minutes=minutes)).isoformat()
        return {
            "update_id": number,
            "service_request_id": record_id,
            "status": status,
            "updated_datetime": when,
            "description": "",
        }

    changes = [
        change(1, "00001", "action_scheduled", 0),
        change(2, "00001", "no_further_action", 9),
        change(2, "00001", "no_further_action", 9),  # told twice
        change(3, "00002", "unchanged", 1),
        change(4, "00003", "not_councils_responsibility", 2),
        change(5, "00004", "for_triage", 3),
        change(6, "00099", "fixed", 4),  # of a request that is not shown
    ]
    rows = many(6)
    rows[3]["updated_datetime"] = (at + timedelta(hours=1)).isoformat()  # newer than its change
    server = SmallOpen311(rows, now=lambda: NOW + timedelta(days=1), changes=changes)
    source = connector(serving(server), dialect="mysociety")
    windows = source.plan(source.plan({}, NOW)[-1].state, NOW + timedelta(hours=2))
    assert windows[-1].name == STATUSES
    pages, ends = read(source, windows[-1:])
    found = {request.source_record_id: request for page in pages for request in page.requests}
    assert {key: request.status.value for key, request in found.items()} == {
        "00001": "closed",
        "00002": "open",
        "00003": "open",
        "00004": "open",
    }
    assert found["00001"].updated_at == at + timedelta(minutes=9)
    assert ends[-1].covers is None


def test_one_run_a_week_reads_ninety_days_again() -> None:
    source = connector("http://127.0.0.1", first_day="2026-01-01")
    state = source.plan({}, NOW)[-1].state
    firsts = {}
    for days in range(1, 9):
        windows = source.plan(state, NOW + timedelta(days=days))
        firsts[days], state = (NOW + timedelta(days=days) - windows[0].since).days, windows[-1].state  # type: ignore[operator]
    assert firsts == {**dict.fromkeys(range(1, 9), 14), 7: 90}


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


def test_a_day_of_which_only_the_end_is_read_does_not_become_known(serving: Serving) -> None:
    source = connector(serving(SmallOpen311(many(700))))
    midnight, a_minute = datetime(2026, 7, 1, 5, tzinfo=UTC), timedelta(minutes=1)
    state: Mapping[str, Any] = source.plan({}, midnight - timedelta(hours=1))[-1].state
    told = []
    for now in (midnight + a_minute, midnight + 6 * a_minute, midnight + 60 * a_minute):
        _, ends = read(source, source.plan(state, now))
        state = ends[-1].state
        told.append((ends[-1].covers, ends[-1].open_day))
    assert told == [
        (None, date(2026, 6, 30)),  # the last minutes of that day were left for the next run
        ((date(2026, 6, 17), date(2026, 6, 30)), date(2026, 7, 1)),
        (None, date(2026, 7, 1)),  # the end of that day, once more
    ]
    long_after = source.plan(state, midnight + timedelta(days=300))
    assert long_after[0].since == midnight - timedelta(days=1), "the whole day on which reading stopped"


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
