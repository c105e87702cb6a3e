from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from wsgiref.types import WSGIApplication
from zoneinfo import ZoneInfo

import pytest

from connectors import connector_for
from connectors.arcgis import ArcGis
from connectors.days import civil_day
from forewarn.contracts import Page, Window, WindowEnd
from forewarn.errors import ConfigError, SourceChanged, SourceUnavailable
from forewarn.request import Precision
from forewarn.settings import SourceSettings
from tests.servers import faults
from tests.servers.arcgis import Habits, SmallArcGis, SmallLayer, Values, milliseconds
from tests.servers.faults import Faulty

Serving = Callable[[WSGIApplication], str]
NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
TYPES = {
    "SERVICEREQUESTID": "esriFieldTypeString",
    "ADDDATE": "esriFieldTypeDate",
    "SERVICECODEDESCRIPTION": "esriFieldTypeString",
    "EDITED": "esriFieldTypeDate",
}
FIELDS = {
    "source_record_id": "SERVICEREQUESTID",
    "requested_at": "ADDDATE",
    "category": "SERVICECODEDESCRIPTION",
}


def row(number: int, at: datetime, **values: Any) -> Values:
    known = {"OBJECTID": number, "SERVICEREQUESTID": f"26-{number:08d}", "ADDDATE": milliseconds(at)}
    return {**known, "SERVICECODEDESCRIPTION": "Rats", "EDITED": milliseconds(at), **values}


def many(count: int, until: datetime = NOW) -> list[Values]:
    """One every two hours up to `until`."""
    return [row(n, until - n * timedelta(hours=2)) for n in range(count)]


def server(rows: list[Values], **habits: Any) -> SmallArcGis:
    settings = {"last_edit": NOW - timedelta(minutes=30), **habits}
    return SmallArcGis({"MapServer/21": SmallLayer(dict(TYPES), rows)}, Habits(**settings))


def connector(address: str, **options: Any) -> ArcGis:
    settings: dict[str, Any] = {
        "url": f"{address}/MapServer/21",
        "allow_http": True,
        "allow_private_hosts": True,
        "first_day": "2026-06-01",
        "page_size": 50,
        "fields": FIELDS,
        **options,
    }
    found = connector_for("dc", SourceSettings(kind="arcgis", zone=str(ZONE), **settings))
    assert isinstance(found, ArcGis)
    return found


def read(source: ArcGis, state: Any, now: datetime = NOW) -> list[Page]:
    return [page for window in source.plan(state, now) for page in source.fetch(window)]


def ids(pages: list[Page]) -> Counter[int]:
    return Counter(int(request.source_record_id[3:]) for page in pages for request in page.requests)


def ends_of(pages: list[Page]) -> list[WindowEnd]:
    return [page.end for page in pages if page.end is not None]


def rejects_of(pages: list[Page]) -> list[tuple[str, str]]:
    return [(reject.reason, reject.position) for page in pages for reject in page.rejects]


@pytest.mark.parametrize(
    "habits",
    [
        {},
        {"most_rows": 20},
        {"gives_at_most": 7},  # though it says 1000
        {"gives_at_most": 7, "tells_cut": False},
        {"sorts": False},  # though it says that it does
        {"pages": False, "most_rows": 30},  # an old server: no order, no number of rows
        {"literals": ("timestamp",)},
        {"literals": ("date",)},
        {"literals": ("epoch",)},
        {"zone": "America/New_York", "declared": {"timeZoneIANA": "America/New_York", "respectsDaylightSaving": True}},
        {"zone": "America/New_York", "declared": {"timeZone": "Eastern Standard Time"}},
        {"zone": "Etc/GMT+5", "declared": {"timeZone": "Eastern Standard Time", "respectsDaylightSaving": False}},
    ],
    ids=str,
)
def test_everything_comes_once_whatever_the_server_does(serving: Serving, habits: dict[str, Any]) -> None:
    small = Faulty(server(many(354), **habits))
    pages = read(connector(serving(small)), {})
    assert ids(pages) == Counter(range(354))  # from midnight of June 1 in New York
    first, last = ends_of(pages)
    assert first.covers == (date(2026, 6, 1), date(2026, 6, 28))
    assert last.covers == (date(2026, 6, 29), date(2026, 6, 29))
    assert last.open_day == date(2026, 6, 30)
    assert last.fresh_until == NOW - timedelta(minutes=30)
    if not habits:
        assert len(small.asked) == 1 + 2 * 2 + 8  # the layer, each window counted before and after, 354 rows


def test_dates_read_in_another_zone_than_declared_lose_nothing(serving: Serving) -> None:
    for zone in ("Asia/Tokyo", "America/Los_Angeles"):
        small = server(many(200), zone=zone)  # and says nothing of it
        source = connector(serving(small))
        first = read(source, {})
        state = ends_of(first)[-1].state
        small.layers["MapServer/21"].rows += [row(1000 + n, NOW + n * timedelta(minutes=30)) for n in range(20)]
        later = read(source, state, NOW + timedelta(hours=11))
        assert set(ids(first + later)) == {*range(200), *range(1000, 1020)}


def test_runs_read_the_last_day_and_sometimes_more(serving: Serving) -> None:
    small = Faulty(app := server(many(1500)))
    source = connector(serving(small), first_day="2026-03-01")
    state = ends_of(read(source, {})[:])[-1].state
    small.asked.clear()
    soon = read(source, state, NOW + timedelta(hours=1))
    assert 12 <= len(ids(soon)) <= 13
    assert len(small.asked) == 4
    tomorrow = read(source, ends_of(soon)[-1].state, NOW + timedelta(days=1))
    assert 12 * 13 <= len(ids(tomorrow)) <= 12 * 14
    in_a_week = read(source, ends_of(tomorrow)[-1].state, NOW + timedelta(days=7))
    assert 12 * 83 <= len(ids(in_a_week)) <= 12 * 84
    assert ends_of(in_a_week)[0].covers == (date(2026, 4, 8), date(2026, 5, 5))
    again = read(source, ends_of(in_a_week)[-1].state, NOW + timedelta(days=7, hours=1))
    assert len(ids(again)) == 13  # nothing is known to have come since, so its last day
    app.layers["MapServer/21"].rows += [row(9000, NOW + timedelta(days=7))]
    assert set(ids(read(source, ends_of(again)[-1].state, NOW + timedelta(days=7, hours=2)))) >= {9000}


def test_edits_are_read_where_the_layer_tells_them(serving: Serving) -> None:
    small = server(many(300))
    source = connector(serving(small), fields=FIELDS | {"updated_at": "EDITED"})
    first = read(source, {})
    old = small.layers["MapServer/21"].rows[250]
    old |= {"SERVICECODEDESCRIPTION": "Mice", "EDITED": milliseconds(NOW + timedelta(minutes=30))}
    pages = read(source, ends_of(first)[-1].state, NOW + timedelta(hours=1))
    assert "Mice" in {request.category for page in pages for request in page.requests}
    assert ends_of(pages)[-1].covers is None
    assert ends_of(pages)[-1].state["layers"][""]["updated"] == (NOW - timedelta(minutes=30)).isoformat()


@pytest.mark.parametrize("poison", ["error", "silence", "crash"])
@pytest.mark.parametrize("pages", [True, False])
def test_one_row_that_cannot_be_read_costs_only_itself(serving: Serving, poison: str, pages: bool) -> None:
    small = Faulty(server(many(300), poisoned={17, 211}, poison=poison, pages=pages))
    read_pages = read(connector(serving(small)), {})
    assert set(ids(read_pages)) == set(range(300)) - {17, 211}
    assert sorted(rejects_of(read_pages)) == [("unreadable_row", "OBJECTID 17"), ("unreadable_row", "OBJECTID 211")]
    first, last = ends_of(read_pages)
    assert first.covers == (date(2026, 6, 1), date(2026, 6, 28))
    assert last.covers == (date(2026, 6, 29), date(2026, 6, 29))
    days = {civil_day(NOW - n * timedelta(hours=2), ZONE) for n in (17, 211)}
    assert first.partial_days == last.partial_days - {date(2026, 6, 29)}
    assert last.partial_days == days
    assert len(small.asked) < 90
    again = read(connector(serving(small)), last.state, NOW + timedelta(hours=1))
    assert len(ids(again)) == 174  # fourteen days, as they may come back


def test_a_server_that_gives_no_row_is_no_empty_source(serving: Serving) -> None:
    small = server(many(300), poisoned=set(range(300)), poison="silence")
    with pytest.raises(SourceUnavailable, match="none of many single rows"):
        read(connector(serving(small)), {})


def test_rows_that_come_or_go_meanwhile(serving: Serving) -> None:
    small = server(many(200))
    rows = small.layers["MapServer/21"].rows
    left = 3

    def once() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            del rows[30]
            rows.append(row(777, NOW - timedelta(days=2)))
        if left == -2:  # rebuilt: all are numbered anew
            for number, each in enumerate(rows):
                each["OBJECTID"] = 5000 + number

    small.meanwhile = once
    found = ids(read(connector(serving(small)), {}))
    assert set(found) >= {*range(200), 777} - {30}

    small.meanwhile = lambda: rows.append(row(len(rows) + 9000, NOW - timedelta(days=2)))
    with pytest.raises(SourceUnavailable, match="do not come to the number"):
        read(connector(serving(small)), {})


def test_ids_that_are_cut_too_prove_nothing(serving: Serving) -> None:
    small = server(many(200), pages=False, ids_at_most=100)
    with pytest.raises(SourceUnavailable, match="do not come to the number"):
        read(connector(serving(small)), {})


def test_a_server_that_ignores_the_question_is_found_out(serving: Serving) -> None:
    long_ago = [row(n, NOW - timedelta(days=400, hours=n)) for n in range(60)]
    with pytest.raises(SourceChanged, match="ignores the dates"):
        read(connector(serving(server(long_ago, ignores_where=True))), {})


def test_errors_with_status_200(serving: Serving) -> None:
    small = server(many(60), token="right")
    for options, message in [({}, "wants a token"), ({"token": "wrong-hunter2"}, "token is not accepted")]:
        with pytest.raises(SourceChanged, match=message) as caught:
            read(connector(serving(small), **options), {})
        assert "hunter2" not in str(caught.value)
    assert len(ids(read(connector(serving(small), token="right"), {}))) == 60

    busy = b'{"error": {"code": 503, "message": "Service busy", "details": []}}'
    later: faults.Fault = lambda _: ("200 OK", [("Content-Type", "application/json")], busy)  # noqa: E731
    faulty = Faulty(server(many(60)))
    faulty.queue.extend([later, None, faults.web_page, faults.cut, later, faults.empty])
    assert set(ids(read(connector(serving(faulty)), {}))) == set(range(60))
    faulty.queue.extend([None, None, *[later] * 5])
    with pytest.raises(SourceUnavailable, match="error 503"):
        read(connector(serving(faulty)), {})

    with pytest.raises(SourceChanged, match="no layer at this address"):
        read(connector(serving(server([])), url=f"{serving(server([]))}/MapServer/7"), {})
    with pytest.raises(SourceUnavailable, match="no form of a date"):
        read(connector(serving(server(many(5), literals=()))), {})


def test_fields_that_are_gone_or_no_dates(serving: Serving) -> None:
    small = server(many(5))
    types = small.layers["MapServer/21"].types
    types["ADDDATE"] = "esriFieldTypeString"
    with pytest.raises(SourceChanged, match="ADDDATE is no date but esriFieldTypeString"):
        read(connector(serving(small)), {})
    del types["ADDDATE"]
    with pytest.raises(SourceChanged, match="no field 'ADDDATE'; it has: EDITED"):
        read(connector(serving(small)), {})


def test_days_without_time_and_times_with_offset(serving: Serving) -> None:
    rows = [{**row(n, NOW), "ADDDATE": f"2026-06-{n:02d}"} for n in range(1, 31)]
    small = server(rows)
    small.layers["MapServer/21"].types["ADDDATE"] = "esriFieldTypeDateOnly"
    source = connector(serving(small))
    pages = read(source, {})
    assert set(ids(pages)) == set(range(1, 31))
    requests = {int(r.source_record_id[3:]): r for page in pages for r in page.requests}
    assert all(request.day.day == number for number, request in requests.items())
    assert {request.precision for request in requests.values()} == {Precision.DAY}
    assert {29, 30} <= set(ids(read(source, ends_of(pages)[-1].state, NOW + timedelta(hours=1))))

    small.layers["MapServer/21"].types["ADDDATE"] = "esriFieldTypeTimestampOffset"
    for each in rows:
        each["ADDDATE"] += "T22:30:00.000-04:00"
    pages = read(source, {})
    assert {(n, r.day.day) for page in pages for r in page.requests for n in [int(r.source_record_id[3:])]} == {
        (n, n) for n in range(1, 31)
    }


@pytest.mark.parametrize("options", [{"clock": "America/New_York"}, {"unknown_zone": True}])
def test_local_times_that_look_like_utc(serving: Serving, options: dict[str, Any]) -> None:
    late_evening = datetime(2026, 6, 27, 23, 30, tzinfo=UTC)  # is meant to be half past eleven in New York
    small = server([row(1, late_evening), row(2, NOW.astimezone(ZONE).replace(tzinfo=UTC))])
    small.habits.unknown_zone = options.pop("unknown_zone", False)
    pages = read(connector(serving(small), **options), {})
    requests = {int(r.source_record_id[3:]): r for page in pages for r in page.requests}
    assert requests[1].day == date(2026, 6, 27)
    assert requests[1].requested_at == datetime(2026, 6, 28, 3, 30, tzinfo=UTC)
    assert requests[2].requested_at == NOW


def test_points_come_in_degrees(serving: Serving) -> None:
    small = server(many(3))
    small.layers["MapServer/21"].places = {0: (-77.03, 38.9), 1: (-77.0, 38.8)}
    pages = read(connector(serving(small)), {})
    places = {int(r.source_record_id[3:]): (r.lat, r.lon) for page in pages for r in page.requests}
    assert places == {0: (38.9, -77.03), 1: (38.8, -77.0), 2: (None, None)}


def test_each_year_has_its_layer_until_it_is_closed(serving: Serving) -> None:
    new_year = datetime(2026, 1, 1, 5, tzinfo=UTC)
    old = [row(n, new_year - timedelta(hours=1 + n)) for n in range(100)]
    new = [row(1000 + n, new_year + timedelta(hours=n)) for n in range(30)]
    now = new_year + timedelta(hours=30)
    app = SmallArcGis({"MapServer/18": SmallLayer(dict(TYPES), old), "MapServer/21": SmallLayer(dict(TYPES), new)})
    app.habits.last_edit = now
    small = Faulty(app)
    address = serving(small)
    layers = {"2024": "MapServer/4", "2025": "MapServer/18", "2026": "MapServer/21", "2027": "MapServer/30"}
    source = connector(address, url=address, layers=layers, first_day="2025-12-20")
    pages = read(source, {}, now)
    assert len(ids(pages)) == 130
    assert [end.covers for end in ends_of(pages)] == [
        (date(2025, 12, 20), date(2025, 12, 31)),
        (date(2026, 1, 1), date(2026, 1, 1)),
    ]
    state = ends_of(pages)[-1].state
    small.asked.clear()
    assert set(ids(read(source, state, now + timedelta(hours=1)))) >= set(range(1006, 1030))
    assert not [asked for asked in small.asked if "MapServer/18" in asked]  # its days are over

    old[50]["SERVICECODEDESCRIPTION"] = "Mice"  # closed in the new year
    next_day = read(source, state, now + timedelta(days=1))
    assert "Mice" in {request.category for page in next_day for request in page.requests}
    spring = read(source, ends_of(next_day)[-1].state, now + timedelta(days=85))
    assert set(ids(spring)) >= set(range(90))  # as far as ninety days go back
    small.asked.clear()
    read(source, ends_of(spring)[-1].state, now + timedelta(days=95))
    assert not [asked for asked in small.asked if "MapServer/18" in asked]


def test_freshness_is_the_last_edit_or_the_newest_row(serving: Serving) -> None:
    small = server(many(200, NOW - timedelta(days=3)), last_edit=None)
    source = connector(serving(small))
    pages = read(source, {})
    assert ends_of(pages)[-1].covers is None
    assert ends_of(pages)[0].covers == (date(2026, 6, 1), date(2026, 6, 26))
    small.habits.last_edit = NOW
    pages = read(source, ends_of(pages)[-1].state, NOW + timedelta(hours=1))
    assert ends_of(pages)[-1].covers == (
        date(2026, 6, 27),
        date(2026, 6, 29),
    )  # the 26th only in part
    assert ends_of(read(connector(serving(server([], last_edit=None))), {}))[-1].covers is None


def test_an_interrupted_first_reading_goes_on(serving: Serving) -> None:
    small = Faulty(server(many(354)))
    source = connector(serving(small))
    pages = source.fetch(source.plan({}, NOW)[0])
    state = next(page.end.state for page in pages if page.end is not None)
    rest = read(source, state, NOW + timedelta(hours=1))
    assert 30 <= len(ids(rest)) <= 33  # since the day before the second window
    assert ends_of(rest)[-1].covers == (date(2026, 6, 28), date(2026, 6, 29))


def test_probe_and_reconcile(serving: Serving) -> None:
    small = server(many(120), literals=("date",))
    source = connector(serving(small))
    found = source.probe()
    assert found.rows == 120
    assert found.fields["ADDDATE"] == "esriFieldTypeDate"
    assert "dates are asked for as date, in UTC" in found.remarks
    by_number = connector(serving(small), fields=FIELDS | {"source_record_id": "OBJECTID"})
    assert "OBJECTID is given anew" in " ".join(by_number.probe().remarks)

    span = Window(NOW - timedelta(days=3), NOW - timedelta(days=2))
    assert source.reconcile(span).record_ids == frozenset(f"26-{n:08d}" for n in range(25, 37))
    small.habits.poisoned = {30}
    found_again = source.reconcile(span)
    assert (found_again.total, found_again.record_ids) == (12, None)


def test_single_rows_are_read_again(serving: Serving) -> None:
    small = server(many(130))
    source = connector(serving(small))
    wanted = [f"26-{n:08d}" for n in range(120)]
    pages = list(source.read_again([*wanted, "it's not there"], NOW))
    assert ids(pages) == Counter(range(120))
    assert [page.removed for page in pages if page.removed] == [["it's not there"]]
    by_number = connector(serving(small), fields=FIELDS | {"source_record_id": "OBJECTID"})
    pages = list(by_number.read_again(["3", "4", "no number", "999"], NOW))
    assert {request.source_record_id for page in pages for request in page.requests} == {"3", "4"}
    small.habits.poisoned = {60}
    pages = list(source.read_again(wanted, NOW))
    assert len(ids(pages)) == 119
    assert sum(page.counters.get("not_read_singly", 0) for page in pages) == 1
    assert not any(page.removed for page in pages), "what cannot be read is not gone"
    small.habits.poisoned, small.habits.ignores_where = set(), True
    with pytest.raises(SourceChanged, match="ignores the condition"):
        list(source.read_again(["26-00000100"], NOW))


def test_settings_that_cannot_work() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"fields": {"source_record_id": "id"}}, "requested_at"),
        ({"clock": "EST5"}, "IANA"),
        ({"layers": {"this year": "1"}}, "layers"),
    ]
    for options, message in wrong:
        with pytest.raises(ConfigError, match=message):
            connector("https://example.org", **options)


def test_what_a_layer_brings_after_it_stood_still_is_read(serving: Serving) -> None:
    small = server(many(200), last_edit=NOW)
    source = connector(serving(small))
    state = ends_of(read(source, {}))[-1].state
    for hours in (1, 24 * 20, 24 * 20 + 1):  # it stands still, and answers
        pages = read(source, state, NOW + timedelta(hours=hours))
        assert not [end.covers for end in ends_of(pages) if end.covers and end.covers[1] > date(2026, 6, 29)]
        state = ends_of(pages)[-1].state
    small.layers["MapServer/21"].rows += [row(1000 + n, NOW + n * timedelta(hours=2)) for n in range(240)]
    small.habits.last_edit = NOW + timedelta(days=20, hours=2)
    pages = read(source, state, NOW + timedelta(days=20, hours=2))
    assert set(ids(pages)) >= set(range(1000, 1240))
    assert ends_of(pages)[-1].covers[1] == date(2026, 7, 19)  # type: ignore[index]
