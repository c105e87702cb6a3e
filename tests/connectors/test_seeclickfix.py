from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from wsgiref.types import WSGIApplication
from zoneinfo import ZoneInfo

import pytest

from connectors import connector_for
from connectors.seeclickfix import FILED, SeeClickFix
from forewarn.contracts import Page, Window, WindowEnd
from forewarn.errors import SourceChanged, SourceUnavailable
from forewarn.request import ServiceRequest
from forewarn.settings import SourceSettings
from tests.servers import faults
from tests.servers.faults import Faulty
from tests.servers.seeclickfix import Habits, SmallSeeClickFix

Serving = Callable[[WSGIApplication], str]
ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 6, 30, 10, tzinfo=UTC)
START = datetime(2026, 6, 1, 12, tzinfo=UTC)


def stamp(at: datetime) -> str:
    return at.astimezone(ZONE).isoformat()


def issue(number: int, at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "status": "Open",
        "summary": "Pothole",
        "request_type": {"id": 5, "title": "Pothole"},
        "lat": 42.3,
        "lng": -72.2,
        "address": "1 Example St",
        "created_at": stamp(at),
        "updated_at": stamp(at),
        "acknowledged_at": None,
        "closed_at": None,
        "reopened_at": None,
        **more,
    }


def many(count: int, *, every: timedelta = timedelta(hours=2)) -> list[dict[str, Any]]:
    return [issue(number, START + number * every) for number in range(count)]


def connector(url: str, **options: Any) -> SeeClickFix:
    settings = {"allow_http": True, "allow_private_hosts": True, "first_day": "2026-06-01", **options}
    settings = {"place_url": "springfield", "zone": ZONE.key, **settings}
    found = connector_for("town", SourceSettings(kind="seeclickfix", url=url, **settings))
    assert isinstance(found, SeeClickFix)
    return found


def read(source: SeeClickFix, windows: Any) -> tuple[list[Page], list[WindowEnd]]:
    pages = [page for window in windows for page in source.fetch(window)]
    return pages, [page.end for page in pages if page.end is not None]


def found_in(pages: list[Page]) -> dict[str, ServiceRequest]:
    return {request.source_record_id: request for page in pages for request in page.requests}


def test_everything_comes_once_and_days_count_only_when_all_that_changed_since_was_read(serving: Serving) -> None:
    server = Faulty(SmallSeeClickFix(many(330)))
    source = connector(serving(server), page_size=50)
    pages, ends = read(source, source.plan({}, NOW))
    assert Counter(r.source_record_id for page in pages for r in page.requests) == {str(n): 1 for n in range(330)}
    assert [end.covers for end in ends] == [None, (date(2026, 6, 1), date(2026, 6, 29))]
    assert ends[-1].open_day == date(2026, 6, 30)
    assert len(server.asked) <= 10


def test_an_issue_that_changed_late_is_met_and_the_next_run_asks_for_ten_minutes_more(serving: Serving) -> None:
    server = SmallSeeClickFix(many(20))
    source = connector(serving(server))
    state = read(source, source.plan({}, NOW))[1][-1].state
    server.now = lambda: NOW + timedelta(hours=1)
    changed = {"status": "Closed", "updated_at": stamp(NOW), "closed_at": stamp(NOW)}
    server.issues[3] |= changed
    windows = source.plan(state, NOW + timedelta(hours=1))
    assert windows[0].since == START + 19 * timedelta(hours=2) - timedelta(minutes=10), "nothing changed after that"
    pages, ends = read(source, windows)
    assert found_in(pages).keys() == {"3", "19"}
    assert found_in(pages)["3"].closed_at == NOW
    assert ends[-1].open_day == date(2026, 6, 30)
    (window,) = source.plan(ends[-1].state, NOW + timedelta(hours=2))
    assert window.since == NOW - timedelta(minutes=10)
    assert read(source, [window])[1][-1].covers is None


def test_the_overlap_does_not_reach_before_the_first_day() -> None:
    """Of the evening before only what is updated would come, so that day would look complete and low."""
    source = connector("https://issues.example.org", allow_http=False)
    begin = datetime(2026, 6, 1, tzinfo=ZONE)
    state = source.plan({}, NOW)[-1].state
    soon_after = {**state, "watermark": (begin + timedelta(minutes=5)).isoformat()}
    first = min(window.since for window in source.plan(soon_after, NOW) if window.since is not None)
    assert first == begin


def test_changes_that_a_server_shows_only_after_it_stood_still_are_met(serving: Serving) -> None:
    server = SmallSeeClickFix(many(20))
    source = connector(serving(server))
    state: Any = {}
    for hours in range(0, 80, 8):
        _, ends = read(source, source.plan(state, NOW + timedelta(hours=hours)))
        state = ends[-1].state
    server.now = lambda: NOW + timedelta(hours=99)
    server.issues.append(issue(99, NOW + timedelta(hours=30)))
    pages, ends = read(source, source.plan(state, NOW + timedelta(hours=99)))
    assert "99" in found_in(pages)
    assert ends[-1].covers == (date(2026, 6, 2), date(2026, 7, 3))


def test_archived_issues_do_not_disappear(serving: Serving) -> None:
    issues = many(5)
    issues[2] |= {"status": "Archived", "closed_at": stamp(NOW - timedelta(days=9))}
    issues[3] |= {"status": "Acknowledged", "closed_at": stamp(NOW), "reopened_at": stamp(NOW)}
    source = connector(serving(SmallSeeClickFix(issues)))
    found = found_in(read(source, source.plan({}, NOW))[0])
    assert [found[str(n)].status.value for n in range(5)] == ["open", "open", "closed", "in_progress", "open"]
    assert found["2"].closed_at == NOW - timedelta(days=9)
    assert found["3"].closed_at is None, "opened again"


def test_issues_that_are_touched_between_pages_push_none_out_of_sight(serving: Serving) -> None:
    server = SmallSeeClickFix(many(100))
    touched = iter(range(100))

    def touch() -> None:
        server.issues[next(touched)]["updated_at"] = stamp(NOW + timedelta(minutes=1))

    server.habits = Habits(touched_meanwhile=touch)
    source = connector(serving(server), page_size=10)
    state: dict[str, Any] = {}
    found: dict[str, ServiceRequest] = {}
    for now in (NOW, NOW + timedelta(hours=1)):
        pages, ends = read(source, source.plan(state, now))
        found |= found_in(pages)
        state = dict(ends[-1].state)
    assert found.keys() == {str(n) for n in range(100)}


def test_many_changes_within_one_second_are_paged(serving: Serving) -> None:
    issues = many(30) + [issue(100 + n, START + timedelta(days=5, hours=1)) for n in range(47)]
    source = connector(serving(SmallSeeClickFix(issues)), page_size=10)
    assert len(found_in(read(source, source.plan({}, NOW))[0])) == 77
    stubborn = connector(serving(SmallSeeClickFix(issues, Habits(ignores_pages=True))), page_size=10)
    with pytest.raises(SourceUnavailable, match="same issues again"):
        read(stubborn, stubborn.plan({}, NOW))


@pytest.mark.parametrize(
    ("habits", "error", "match"),
    [
        (Habits(ignores_sort=True), SourceChanged, "does not sort"),
        (Habits(ignores_after=True), SourceChanged, "ignores updated_at_after"),
        (Habits(loses=1), SourceUnavailable, "fewer issues"),
    ],
)
def test_a_server_that_does_otherwise_is_found_out(
    serving: Serving, habits: Habits, error: type[Exception], match: str
) -> None:
    source = connector(serving(SmallSeeClickFix(many(30), habits)))
    with pytest.raises(error, match=match):
        read(source, [Window(START + timedelta(days=1), NOW, state=source.plan({}, NOW)[-1].state)])


def test_one_run_a_week_walks_through_ninety_days_by_filing(serving: Serving) -> None:
    server = SmallSeeClickFix(many(40))
    source = connector(serving(server))
    state: Any = read(source, source.plan({}, NOW))[1][-1].state
    server.issues[7] |= {"request_type": {"id": 6, "title": "Graffiti"}}  # no time of update tells it
    names = {}
    for days in range(1, 9):
        now = NOW + timedelta(days=days)
        windows = source.plan(state, now)
        names[days] = [window.name for window in windows]
        pages, ends = read(source, windows)
        state = ends[-1].state
        if FILED in names[days]:
            assert found_in(pages)["7"].category == "Graffiti"
    assert [days for days, of in names.items() if FILED in of] == [7]
    assert all(of[-1] == "" for of in names.values()), "and everything that changed"
    assert state["uncovered"] == "2026-07-08"


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "410 Gone"])
def test_single_issues_and_those_that_were_removed_or_made_private(serving: Serving, status: str) -> None:
    server = SmallSeeClickFix(many(9), hidden={4: status})
    source = connector(serving(server))
    pages = list(source.read_again(["3", "4", "77"], NOW))
    assert found_in(pages).keys() == {"3"}
    assert [gone for page in pages for gone in page.removed] == ["4", "77"]


def test_probe_and_reconcile(serving: Serving) -> None:
    source = connector(serving(SmallSeeClickFix(many(50))), page_size=20)
    found = source.probe()
    assert found.rows == 50
    assert "50 issues of springfield" in found.remarks
    there = source.reconcile(Window(START, START + timedelta(days=2)))
    assert there.record_ids == {str(n) for n in range(24)}
    with pytest.raises(SourceChanged, match="404"):
        connector(serving(SmallSeeClickFix([])), place_url="shelbyville").probe()


@pytest.mark.parametrize("fault", [faults.web_page, faults.cut, faults.empty, faults.broken_gzip])
def test_half_an_answer_is_no_answer(serving: Serving, fault: faults.Fault) -> None:
    server = Faulty(SmallSeeClickFix(many(30)))
    source = connector(serving(server), page_size=10)
    server.queue.extend([None, fault, fault, None, fault])
    assert len(found_in(read(source, source.plan({}, NOW))[0])) == 30
    server.queue.extend([fault] * 9)
    with pytest.raises(SourceUnavailable):
        read(source, source.plan({}, NOW))


def test_errors_instead_of_issues(serving: Serving) -> None:
    server = Faulty(SmallSeeClickFix([]))
    source = connector(serving(server))
    body = b'{"errors": {"status": ["is wrong"]}, "metadata": {}, "issues": []}'
    server.queue.extend([lambda _: ("200 OK", [("Content-Type", "application/json")], body)] * 5)
    with pytest.raises(SourceUnavailable):
        read(source, source.plan({}, NOW))
