from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
import requests

from connectors import connector_for
from connectors.fixmystreet import FixMyStreet
from forewarn.contracts import Page, Window, WindowEnd
from forewarn.errors import ConfigError, SourceChanged, SourceUnavailable
from forewarn.request import ServiceRequest, Status
from forewarn.settings import SourceSettings
from tests.servers import faults
from tests.servers.faults import Faulty
from tests.servers.fixmystreet import Habits, SmallFixMyStreet

Serving = Callable[[WSGIApplication], str]
NOW = datetime(2026, 6, 30, 10, tzinfo=UTC)
START = datetime(2026, 6, 1, 12, tzinfo=UTC)


def report(number: int, at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "state": "confirmed",
        "confirmed": at,
        "lastupdate": at,
        "category": "Potholes",
        "bodies": ["2481"],
        **more,
    }


def many(count: int, *, every: timedelta = timedelta(hours=1, seconds=7.3)) -> list[dict[str, Any]]:
    return [report(number, START + number * every) for number in range(1, count + 1)]


def connector(url: str, **options: Any) -> FixMyStreet:
    settings = {"allow_http": True, "allow_private_hosts": True, "first_day": "2026-06-01", **options}
    found = connector_for("council", SourceSettings(kind="fixmystreet", zone="Europe/London", url=url, **settings))
    assert isinstance(found, FixMyStreet)
    return found


def read(source: FixMyStreet, windows: Any) -> tuple[list[Page], list[WindowEnd]]:
    pages = [page for window in windows for page in source.fetch(window)]
    return pages, [page.end for page in pages if page.end is not None]


def found_in(pages: list[Page]) -> dict[str, ServiceRequest]:
    return {request.source_record_id: request for page in pages for request in page.requests}


def test_a_day_of_which_only_the_end_is_read_does_not_become_known(serving: Serving) -> None:
    source = connector(serving(SmallFixMyStreet(many(300))))
    midnight = datetime(2026, 6, 30, 23, tzinfo=UTC)
    state = source.plan({}, midnight + timedelta(minutes=6))[-1].state
    _, ends = read(source, source.plan(state, midnight + timedelta(hours=1)))
    assert [(end.covers, end.open_day) for end in ends] == [(None, date(2026, 7, 1))]


@pytest.mark.parametrize("limit", [1000, 100, 20, 7])  # whatever the site was set up for, and tells nobody
def test_everything_comes_once_however_little_a_site_gives(serving: Serving, limit: int) -> None:
    server = Faulty(SmallFixMyStreet(many(300), habits=Habits(limit=limit)))
    source = connector(serving(server))
    pages, ends = read(source, source.plan({}, NOW))
    assert Counter(r.source_record_id for page in pages for r in page.requests) == {str(n): 1 for n in range(1, 301)}
    assert ends[0].covers == (date(2026, 6, 1), date(2026, 6, 28))
    assert ends[-1].covers == (date(2026, 6, 29), date(2026, 6, 29))
    assert ends[-1].open_day == date(2026, 6, 30)
    assert not any(end.partial_days for end in ends)
    assert len(server.asked) <= 300 / (min(limit, 300) - 1) + 5
    assert all("jurisdiction_id=fixmystreet" in asked for asked in server.asked)


def test_what_a_report_says(serving: Serving) -> None:
    at = datetime(2026, 6, 9, 8, 15, 30, 250_000, tzinfo=UTC)
    later = at + timedelta(days=2)
    reports = [
        report(1, at, state="fixed - council", lastupdate=later, bodies=["2481", "2482"]),
        report(2, at, state="unable to fix", lastupdate=later),  # closed in some way that has no word in Open311
        report(3, at, state="hidden"),
        report(4, at, non_public=True),
        report(5, at, state="planned"),
    ]
    source = connector(serving(SmallFixMyStreet(reports)))
    found = found_in(read(source, source.plan({}, NOW))[0])
    assert found.keys() == {"1", "2", "5"}
    assert found["1"].requested_at == at.replace(microsecond=0)
    assert (found["1"].status.value, found["1"].closed_at) == ("closed", later.replace(microsecond=0))
    assert (found["1"].agency, found["1"].channel) == ("Council 2481, Council 2482", "Web interface")
    assert [found[n].status.value for n in ("2", "5")] == ["unknown", "open"]
    assert all(not one.description and "Ann" not in str(one) for one in found.values())


def test_the_ends_of_a_window_are_those_of_the_site_and_midnight_is_its_own(serving: Serving) -> None:
    midnight = datetime(2026, 6, 9, 23, tzinfo=UTC)  # in London
    reports = [report(n, midnight + timedelta(seconds=n)) for n in (-1, 0, 1)]
    reports += [report(n, midnight + timedelta(days=1, seconds=n - 10)) for n in (9, 10)]
    source = connector(serving(SmallFixMyStreet(reports)))
    pages, _ = read(source, [Window(midnight, midnight + timedelta(days=1))])
    assert {key: one.day.day for key, one in found_in(pages).items()} == {"0": 10, "1": 10, "9": 10}


def test_more_reports_in_one_second_than_are_given_leave_their_day_open(serving: Serving) -> None:
    batch = [report(1000 + n, START + timedelta(days=3, seconds=0.01 * n)) for n in range(50)]
    source = connector(serving(SmallFixMyStreet(many(100) + batch, habits=Habits(limit=20))))
    pages, ends = read(source, source.plan({}, NOW))
    assert set(map(str, range(1, 101))) <= found_in(pages).keys(), "the rest is read all the same"
    assert {day for end in ends for day in end.partial_days} == {date(2026, 6, 4)}
    assert [reject.reason for page in pages for reject in page.rejects] == ["unreadable_second"]
    span = Window(START, NOW)
    assert source.reconcile(span).record_ids is None, "nobody can say what is missing"


def test_a_web_page_with_status_200_is_no_empty_answer(serving: Serving) -> None:
    server = Faulty(SmallFixMyStreet(many(3)))
    url = serving(server)
    refusal = requests.get(f"{url}/requests.json", timeout=9)
    assert refusal.status_code == 200
    assert "Missing jurisdiction_id" in refusal.text
    with pytest.raises(ConfigError, match="jurisdiction_id"):
        connector(url, jurisdiction_id="")
    source = connector(url)
    server.queue.extend([faults.web_page] * 5)
    with pytest.raises(SourceUnavailable, match="web page"):
        read(source, source.plan({}, NOW))


@pytest.mark.parametrize(
    ("habits", "match"),
    [(Habits(oldest_first=True), "newest reports first"), (Habits(ignores_dates=True), "ignores start_date")],
)
def test_a_site_that_does_otherwise_is_found_out(serving: Serving, habits: Habits, match: str) -> None:
    source = connector(serving(SmallFixMyStreet(many(30), habits=habits)))
    with pytest.raises(SourceChanged, match=match):
        read(source, [Window(START + timedelta(hours=5), START + timedelta(days=9))])


def test_a_clock_that_is_not_the_sites_is_found_out(serving: Serving) -> None:
    source = connector(serving(SmallFixMyStreet(many(30))))
    other = connector_for(
        "council",
        SourceSettings(
            kind="fixmystreet", zone="America/New_York", url=source.url, allow_http=True, allow_private_hosts=True
        ),
    )
    with pytest.raises(SourceChanged, match="clock is not that of `zone`"):
        list(other.fetch(Window(START + timedelta(hours=9), START + timedelta(hours=20))))


def test_the_hour_that_comes_twice_in_autumn_stops_nothing(serving: Serving) -> None:
    first = datetime(2026, 10, 25, 0, 10, tzinfo=UTC)  # 01:10 in summer time; an hour later it is 01:10 again
    reports = [report(n, first + timedelta(minutes=10 * n)) for n in range(1, 13)]
    server = SmallFixMyStreet(reports, now=lambda: first + timedelta(days=1))
    source = connector(serving(server))
    for minutes in range(0, 130, 10):
        at = first + timedelta(minutes=minutes)
        pages, _ = read(source, [Window(first - timedelta(hours=3), at), Window(at, first + timedelta(hours=5))])
        assert found_in(pages).keys() == {str(n) for n in range(1, 13)}


def test_authorities_are_asked_for_by_their_numbers(serving: Serving) -> None:
    reports = [one | {"bodies": [body]} for one, body in zip(many(3), ("1", "2", "3"), strict=True)]
    source = connector(serving(SmallFixMyStreet(reports)), bodies=["1", "3"])
    assert found_in(read(source, source.plan({}, NOW))[0]).keys() == {"1", "3"}


def test_probe_and_reconcile(serving: Serving) -> None:
    server = SmallFixMyStreet(many(50), habits=Habits(limit=20))
    source = connector(serving(server))
    found = source.probe()
    assert found.remarks[:2] == ["1 categories", "20 reports in one answer"]
    assert found.mapping["channel"] == ("interface_used",)
    span = Window(START, START + timedelta(days=1))
    assert source.reconcile(span).record_ids == {str(n) for n in range(1, 24)}
    server.reports[4]["state"] = "hidden"
    assert source.reconcile(span).total == 22


def test_late_changes_arrive_with_the_nights_and_the_weeks(serving: Serving) -> None:
    server = SmallFixMyStreet(many(600))
    source = connector(serving(server))
    state: Any = read(source, source.plan({}, NOW))[1][-1].state
    seen: dict[int, int] = {}
    for days in range(1, 9):
        now = NOW + timedelta(days=days)
        server.now = lambda now=now: now  # type: ignore[misc]
        pages, ends = read(source, source.plan(state, now))
        state = ends[-1].state
        seen[days] = (now.date() - min(one.day for one in found_in(pages).values())).days
    assert seen == {**dict.fromkeys(range(1, 9), 14), 7: 36}, "on the seventh day all that there is"


def test_single_reports_are_asked_for_one_by_one(serving: Serving) -> None:
    reports = many(4)
    reports[1]["state"], reports[2]["state"], reports[3]["bodies"] = "fixed - user", "hidden", ["9"]
    source = connector(serving(SmallFixMyStreet(reports)), bodies=["2481"])
    (page,) = source.read_again(["1", "2", "3", "4"], NOW)
    assert {row.source_record_id: row.status for row in page.requests} == {"1": Status.OPEN, "2": Status.CLOSED}
    assert list(page.removed) == ["3", "4"], "the other one is another authority's now"
    assert not list(source.read_again([], NOW))


def test_a_site_that_answers_with_other_reports_has_lost_none(serving: Serving) -> None:
    source = connector(serving(SmallFixMyStreet(many(4), habits=Habits(ignores_ids=True))))
    assert not list(source.read_again(["1", "7"], NOW))
