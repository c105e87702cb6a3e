from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from wsgiref.types import WSGIApplication

import pytest

from connectors import connector_for
from connectors.cfpb import Cfpb
from forewarn.contracts import Page, Window, WindowEnd
from forewarn.errors import SourceChanged, SourceUnavailable
from forewarn.request import Precision, ServiceRequest
from forewarn.settings import SourceSettings
from tests.servers import faults
from tests.servers.cfpb import Habits, SmallCfpb
from tests.servers.faults import Faulty

Serving = Callable[[WSGIApplication], str]
NOW = datetime(2026, 6, 30, 18, tzinfo=UTC)
FIRST = date(2026, 6, 1)


def complaint(number: int, day: date, **more: Any) -> dict[str, Any]:
    return {
        "complaint_id": f"{number}",
        "date_received": f"{day}T12:00:00-05:00",
        "date_sent_to_company": f"{day}T12:00:00-05:00",
        "product": "Debt collection",
        "sub_product": "Medical debt",
        "issue": "Written notification about debt",
        "company": "EXAMPLE BANK",
        "company_response": "Closed with explanation",
        "state": "MD",
        "submitted_via": "Web",
        "complaint_what_happened": "",
        **more,
    }


def many(count: int, *, a_day: int = 10) -> list[dict[str, Any]]:
    return [complaint(95 + number, FIRST + timedelta(days=number // a_day)) for number in range(count)]


def connector(url: str, **options: Any) -> Cfpb:
    settings = {"allow_http": True, "allow_private_hosts": True, "first_day": "2026-06-01", **options}
    url = f"{url}/search/api/v1"
    found = connector_for("cfpb", SourceSettings(kind="cfpb", zone="America/New_York", url=url, **settings))
    assert isinstance(found, Cfpb)
    return found


def read(source: Cfpb, windows: Any) -> tuple[list[Page], list[WindowEnd]]:
    pages = [page for window in windows for page in source.fetch(window)]
    return pages, [page.end for page in pages if page.end is not None]


def found_in(pages: list[Page]) -> dict[str, ServiceRequest]:
    return {request.source_record_id: request for page in pages for request in page.requests}


@pytest.mark.parametrize("includes_max", [True, False])
def test_everything_comes_once_page_after_page(serving: Serving, includes_max: bool) -> None:
    # Ids of two and three digits on the same day: they sort as texts.
    server = Faulty(SmallCfpb(many(250), habits=Habits(includes_max=includes_max)))
    source = connector(serving(server), page_size=40)
    pages, ends = read(source, source.plan({}, NOW))
    ids = Counter(request.source_record_id for page in pages for request in page.requests)
    assert ids == {f"{95 + n}": 1 for n in range(250)}
    assert ends[-1].covers is None, "nothing was received yet on the days after the 25th, that anybody knows of"
    assert ends[0].covers == (FIRST, date(2026, 6, 25))
    assert len(server.asked) <= 250 / 40 + 5
    assert not any("frm=" in asked for asked in server.asked)


def test_a_day_is_all_that_a_time_says(serving: Serving) -> None:
    rows = [
        complaint(1, FIRST),
        complaint(2, FIRST, company_response="In progress", state="CA", complaint_what_happened="Call 555-123-4567"),
        complaint(3, FIRST, company_response="Untimely response", state=None),
    ]
    source = connector(serving(SmallCfpb(rows)), fields={"description": "complaint_what_happened"})
    pages, _ = read(source, source.plan({}, NOW))
    found = found_in(pages)
    assert {one.day for one in found.values()} == {FIRST}
    assert {one.precision for one in found.values()} == {Precision.DAY}
    assert [found[n].status.value for n in "123"] == ["closed", "in_progress", "unknown"]
    assert [(found[n].category, found[n].area) for n in "13"] == [("Debt collection", "MD"), ("Debt collection", "")]
    assert found["2"].description == "Call [phone]"


def test_late_publication_and_narratives_arrive_when_the_index_has_changed_and_cost_nothing_before(
    serving: Serving,
) -> None:
    app = SmallCfpb(many(290))
    server = Faulty(app)
    source = connector(serving(server))
    state: Any = read(source, source.plan({}, NOW))[1][-1].state
    app.complaints[50]["state"] = "TX"
    server.asked.clear()
    pages, ends = read(source, source.plan(state, NOW + timedelta(hours=1)))
    assert len(server.asked) == 1
    assert not found_in(pages)
    assert ends[-1].covers is None

    app.indexed_on += timedelta(days=1)
    app.complaints.append(complaint(7000, date(2026, 6, 20)))
    pages, ends = read(source, source.plan(ends[-1].state, NOW + timedelta(days=1)))
    assert found_in(pages)["7000"].day == date(2026, 6, 20)
    assert min(one.day for one in found_in(pages).values()) == date(2026, 6, 16), "fourteen days before the last run"
    app.indexed_on += timedelta(days=6)
    pages, ends = read(source, source.plan(ends[-1].state, NOW + timedelta(days=7)))
    assert found_in(pages)["145"].area == "TX", "once a week ninety days"


def test_the_first_run_of_a_day_reads_again_though_the_index_seems_the_same(serving: Serving) -> None:
    app = SmallCfpb(many(290))
    source = connector(serving(app))
    state: Any = read(source, source.plan({}, NOW))[1][-1].state
    app.complaints[-1]["state"] = "TX"  # loaded again on the day that it names, and there are as many
    pages, ends = read(source, source.plan(state, NOW + timedelta(days=1)))
    assert found_in(pages)[app.complaints[-1]["complaint_id"]].area == "TX"
    assert not found_in(read(source, source.plan(ends[-1].state, NOW + timedelta(days=1, hours=1)))[0])


@pytest.mark.parametrize(
    ("habits", "error", "match"),
    [
        (Habits(ignores=frozenset({"date_received_min"})), SourceChanged, "ignores date_received_min"),
        (Habits(ignores=frozenset({"product"})), SourceChanged, "ignores the filter 'product'"),
        (Habits(ignores=frozenset({"search_after"})), SourceChanged, "begins each page anew"),
        (Habits(ignores=frozenset({"sort"})), SourceChanged, "does not sort"),
        (Habits(loses=1), SourceUnavailable, "gives 38 complaints and says that there are 39"),
    ],
)
def test_a_server_that_ignores_what_it_was_asked_is_found_out(
    serving: Serving, habits: Habits, error: type[Exception], match: str
) -> None:
    rows = many(60)
    rows[25]["product"] = "Mortgage"
    filters = {"product": ["Debt collection"]}
    day = datetime(2026, 6, 3, 4, tzinfo=UTC)
    window = Window(day, day + timedelta(days=3), state={})  # and the day after, which this server includes
    good = connector(serving(SmallCfpb(rows)), page_size=20, filters=filters)
    assert len(found_in(read(good, [window])[0])) == 39
    size = 50 if habits.loses else 20
    source = connector(serving(SmallCfpb(rows, habits=habits)), page_size=size, filters=filters)
    with pytest.raises(error, match=match):
        read(source, [window])


def test_filters_with_several_values_and_sub_products(serving: Serving) -> None:
    rows = many(4)
    rows[1] |= {"sub_product": "Auto debt"}
    rows[2] |= {"product": "Mortgage"}
    rows[3] |= {"product": "Student loan"}
    server = SmallCfpb(rows)
    source = connector(serving(server), filters={"product": ["Mortgage", "Debt collection\u2022Medical debt"]})
    assert found_in(read(source, source.plan({}, NOW))[0]).keys() == {"95", "97"}


def test_a_busy_or_failing_server_is_asked_again_as_late_as_it_says(serving: Serving, waits: list[float]) -> None:
    server = Faulty(SmallCfpb(many(30)))
    source = connector(serving(server))
    throttled = b'{"detail": "Request was throttled. Expected available in 12 seconds."}'
    failed = b'{"error": "There was an error calling OpenSearch"}'
    kind = [("Content-Type", "application/json")]
    server.queue.extend([lambda _: ("429 Too Many Requests", kind, throttled)])
    server.queue.extend([lambda _: ("424 Failed Dependency", kind, failed), faults.cut, None, faults.web_page])
    assert len(found_in(read(source, source.plan({}, NOW))[0])) == 30
    assert 12 in waits
    with pytest.raises(SourceChanged, match="not a valid choice"), source.client() as client:
        source._ask(client, {"sort": "newest"})


def test_an_index_that_says_it_is_stale(serving: Serving) -> None:
    server = SmallCfpb(many(290), is_stale=True, has_issue=True)
    source = connector(serving(server))
    pages, ends = read(source, source.plan({}, NOW))
    assert ends[-1].fresh_until == datetime(2026, 6, 29, 4, tzinfo=UTC)
    assert any(page.counters.get("data_issue") for page in pages)
    remarks = source.probe().remarks
    assert "it says itself that its data are stale" in remarks
    server.is_stale = False
    assert read(source, source.plan({}, NOW))[1][-1].fresh_until is None


def test_probe_and_reconcile(serving: Serving) -> None:
    source = connector(serving(SmallCfpb(many(100))), page_size=30)
    found = source.probe()
    assert found.rows == 100
    assert found.mapping["area"] == ("state",)
    start = datetime(2026, 6, 2, 4, tzinfo=UTC)
    there = source.reconcile(Window(start, start + timedelta(days=2)))
    assert there.record_ids == {f"{95 + n}" for n in range(10, 30)}


def test_a_document_that_is_no_page_of_complaints(serving: Serving) -> None:
    server = Faulty(SmallCfpb([]))
    source = connector(serving(server))
    server.queue.extend([lambda _: ("200 OK", [("Content-Type", "application/json")], b'{"hits": {}}')] * 5)
    with pytest.raises(SourceUnavailable):
        read(source, source.plan({}, NOW))
